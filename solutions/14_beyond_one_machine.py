# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 14: Growing beyond one machine
#
# Four exercises: a meta-gradient that is averaged twice, random numbers that belong to tasks and not to ranks, the speed-up of a
# ring and of a star, and a prediction that is made before the measurement. Fill in the cells marked `# YOUR CODE HERE`; the
# check under each answers at once, as often as you like. A function leaves its arguments as they are. Notation is that of
# [chapter 14](../chapters/14_beyond_one_machine.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch14
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.emulated_cluster import iteration, message
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: Too small by the number of ranks
#
# **Objective:** find three silent bugs in a meta-gradient that several ranks share, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# Each task $t$ is a linear regression. With weights $w$ its loss on support or query is
# $\ell_t(w) = \frac{1}{N} \sum_i (x_i^\top w - y_i)^2$, and
#
# $$g = \frac{1}{T} \sum_{t=1}^{T} \nabla_\theta\, \ell_t^\text{query}\bigl(\theta - \alpha \nabla \ell_t^\text{support}(\theta)\bigr).
# \tag{1}$$
#
# `shares` says which tasks each rank has, as lists of task numbers; every task is in one list, and each list holds at least one.
# The function computes one rank after the other, and adds up what a sum over ranks would add up. A colleague's training with Adam
# looks as usual.
#
# **Predict:** with *one* rank, which of the three bugs cannot show? And with as many ranks as tasks?

# %% tags=["setup"]
def task_loss(weights, inputs, targets):
    return (inputs @ weights - targets).square().mean()


def colleagues_gradient(theta, inputs, targets, shares, inner_lr):
    total = torch.zeros_like(theta)
    for own in shares:
        start = theta.detach().clone().requires_grad_()
        support = torch.stack([task_loss(start, inputs[t, 0], targets[t, 0]) for t in own]).mean()
        (slope,) = torch.autograd.grad(support, start, create_graph=True)
        adapted = start - inner_lr * slope
        query = torch.stack([task_loss(adapted, inputs[t, 1], targets[t, 1]) for t in own]).mean()
        (gradient,) = torch.autograd.grad(query, start)
        total += gradient / len(shares)
    return total / len(shares)


def some_tasks(tasks=6, points=5, size=2, seed=1):
    generator = seeded(seed)
    inputs = torch.randn(tasks, 2, points, size, generator=generator).double()
    slopes = torch.randn(tasks, 1, size, 1, generator=generator).double()
    return torch.zeros(size).double(), inputs, (inputs @ slopes)[..., 0]


# %%
theta, inputs, targets = some_tasks()
for shares in ([[0, 1, 2, 3, 4, 5]], [[0, 1, 2], [3, 4, 5]], [[0], [1, 2, 3, 4, 5]]):
    print(shares, colleagues_gradient(theta, inputs, targets, shares, 0.1))


# %% nbgrader={"grade": false, "grade_id": "spread_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def spread_gradient(theta, inputs, targets, shares, inner_lr):
    """Equation (1), repaired.

    theta: float64 [parameter]; inputs: float64 [task, 2, point, parameter], support and query; targets: float64
    [task, 2, point]; shares: list of lists of task numbers, one for each rank; inner_lr: α. Returns g, float64 [parameter],
    without a graph, whatever the shares are.
    """
    total = torch.zeros_like(theta)
    for own in shares:
        start = theta.detach().clone().requires_grad_()
        support = torch.stack([task_loss(start, inputs[t, 0], targets[t, 0]) for t in own]).mean()
        (slope,) = torch.autograd.grad(support, start, create_graph=True)
        adapted = start - inner_lr * slope
        query = torch.stack([task_loss(adapted, inputs[t, 1], targets[t, 1]) for t in own]).mean()
        (gradient,) = torch.autograd.grad(query, start)
        total += gradient / len(shares)
    total = total / len(shares)
    ### BEGIN SOLUTION
    total = torch.zeros_like(theta)
    for own in shares:
        start = theta.detach().clone().requires_grad_()
        losses = []
        for t in own:  # each task takes its own step
            (slope,) = torch.autograd.grad(task_loss(start, inputs[t, 0], targets[t, 0]), start, create_graph=True)
            losses.append(task_loss(start - inner_lr * slope, inputs[t, 1], targets[t, 1]))
        (gradient,) = torch.autograd.grad(torch.stack(losses).mean(), start)
        total += gradient * len(own) / len(inputs)  # the share of this rank's mean
    ### END SOLUTION
    return total


# %% nbgrader={"grade": true, "grade_id": "check_spread_gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch14.check_spread_gradient(spread_gradient)
### BEGIN HIDDEN TESTS
hidden_inputs = torch.ones(3, 2, 1, 1).double()
hidden_targets = torch.tensor([1.0, 2.0, 6.0]).double()[:, None, None].expand(3, 2, 1)
hidden_gradient = spread_gradient(torch.zeros(1).double(), hidden_inputs, hidden_targets, [[2], [0, 1]], 0.25)
assert abs(hidden_gradient.item() + 1.5) < 1e-9  # -2 · ½ · ½ · (1 + 2 + 6) / 3
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Let all ranks have one task, and compare with the mean that you compute by hand. Then one rank with all tasks. Then two ranks with
# one and five.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $g = \sum_r \frac{n_r}{T} \bar g^{(r)}$, in which $\bar g^{(r)}$ is a mean over tasks that have each been adapted to on their own.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each rank: for each own task one step and one query loss; the gradient of the mean of these losses; add it, times own tasks by
# all tasks. No division at the end.
# </details>

# %%
for shares in ([[0, 1, 2, 3, 4, 5]], [[0, 1, 2], [3, 4, 5]], [[0], [1, 2, 3, 4, 5]]):
    print(shares, spread_gradient(theta, inputs, targets, shares, 0.1))


# %% [markdown]
# **Expect:** three times the same two numbers, up to the last digits, where the colleague's differ from line to line.
#
# **Interpret:** (a) Which of the bugs would `grad_norm` in a history have shown, and when? (b) Which of them changes what is being
# learned, and not only how fast?
#
# <details><summary>Answer</summary>
#
# The prediction: with one rank neither the mean of means nor the second division shows; with as many ranks as tasks neither the
# shared step nor the mean of means. So a test with one rank and a test with one task per rank would both have passed two of the three
# bugs. (a) The second division: two runs that differ in the number of ranks alone have gradients of different lengths. (b) The shared
# step: it is another outer loss, near to pre-training. The mean of means weighs tasks unevenly, which changes the objective a little.
# </details>

# %% [markdown]
# ## Exercise 2: Whose random numbers?
#
# **Objective:** draw random numbers that belong to tasks, whatever the number of ranks is.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# The $T$ tasks of an iteration are numbered from 0 and cut into blocks of $B$ tasks; the last block holds what is left. There are
# $K = \lceil T / B \rceil$ blocks. Rank $r$ of $R$ has the blocks $b$ with
#
# $$\lfloor K r / R \rfloor \;\le\; b \;<\; \lfloor K (r + 1) / R \rfloor. \tag{2}$$
#
# Each block draws one standard normal number for each of its tasks, in one call of `torch.randn(number, generator=…,
# dtype=torch.float64)`, from a generator of its own with the seed
#
# $$10^6 \cdot \text{seed} + 10^3 \cdot \text{iteration} + b. \tag{3}$$
#
# A colleague seeds one generator for each rank with $10^6 \cdot \text{seed} + 10^3 \cdot \text{iteration} + r$.
#
# **Predict:** the colleague goes from one rank to two. For how many of six tasks do the numbers change?

# %% tags=["setup"]
def colleagues_noise(seed, iteration, tasks, block, rank, size):
    own = tasks * (rank + 1) // size - tasks * rank // size
    generator = torch.Generator().manual_seed(1_000_000 * seed + 1_000 * iteration + rank)
    return torch.randn(own, generator=generator, dtype=torch.float64)


# %% nbgrader={"grade": false, "grade_id": "own_noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def own_noise(seed, iteration, tasks, block, rank, size):
    """The numbers of this rank's tasks, by (2) and (3).

    seed, iteration: int from 0; tasks: T ≥ 1; block: B ≥ 1; rank: r; size: R. Returns float64 [own task], in the order of the
    tasks; a rank without a block gets a tensor without entries.
    """
    ### BEGIN SOLUTION
    number = math.ceil(tasks / block)
    found = [torch.zeros(0, dtype=torch.float64)]
    for b in range(number * rank // size, number * (rank + 1) // size):
        generator = torch.Generator().manual_seed(1_000_000 * seed + 1_000 * iteration + b)
        found.append(torch.randn(min(block, tasks - b * block), generator=generator, dtype=torch.float64))
    return torch.cat(found)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_own_noise", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch14.check_own_noise(own_noise)
### BEGIN HIDDEN TESTS
hidden_whole = own_noise(3, 7, 11, 2, 0, 1)
hidden_parts = torch.cat([own_noise(3, 7, 11, 2, rank, 4) for rank in range(4)])
assert len(hidden_whole) == 11 and torch.equal(hidden_whole, hidden_parts)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Put the tensors of all ranks one behind the other. They must be those of a single rank.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Block $b$ has the tasks from $b B$ up to $\min(T, (b + 1) B)$; own blocks by (2), seeds by (3).
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For b in the own blocks: a new generator; randn of min(B, T − b·B) numbers. Concatenate, also where there is nothing.
# </details>

# %%
for size in (1, 2, 3):
    for name, noise in (("colleague", colleagues_noise), ("own", own_noise)):
        drawn = torch.cat([noise(0, 5, 6, 2, rank, size) for rank in range(size)])
        print(f"{size} ranks, {name:9}", [round(x, 2) for x in drawn.tolist()])


# %% [markdown]
# **Expect:** your numbers are the same in all three lines. The colleague's change from line to line, and agree with yours where each
# rank happens to have one block.
#
# **Interpret:** (a) Why blocks, and not a generator for every task? (b) The seeds of (3) collide: which iterations of which seeds draw
# the same numbers? What does the package do instead?
#
# <details><summary>Answer</summary>
#
# The prediction: for three, the tasks of the second rank. The first three come from the same generator in the same order, by
# accident of the order. (a) Tasks that are computed at once draw at once, which is faster. With $B = 1$ a generator for every task is
# the special case. (b) Iteration 1000 of seed 0 is iteration 0 of seed 1, and with more than 1000 blocks neighbours overlap. The
# package draws the blocks' seeds from the shared generator, 62 bits long, so that they collide by accident alone.
# </details>

# %% [markdown]
# ## Exercise 3: A ring, a star, and the slowest rank
#
# **Objective:** derive the speed-up of an iteration for two ways of summing, with tasks that cannot be shared evenly.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# A task takes $a$ seconds, and each rank does $b$ seconds of work for itself. $T$ tasks are shared as evenly as is possible, and all
# wait for the rank that has most. The vector has $m$ bytes, a link sends $B$ bytes a second, and a message waits for the delay
# $\lambda$ once.
#
# - **Ring:** $2(R - 1)$ rounds, each with a delay and one of $R$ equal pieces of the vector.
# - **Star:** all send their whole vectors to rank 0 at once: one delay, and then rank 0's link takes the $R - 1$ vectors one after
#   another. Then rank 0 sends the sum back to the $R - 1$ others in the same way.
#
# One rank sends nothing. The speed-up is $S = t(1) / t(R)$, the efficiency $E = S / R$.
#
# **Predict:** for a vector of a few bytes and eight ranks, is the star or the ring faster? And for many bytes?

# %% nbgrader={"grade": false, "grade_id": "speed_up", "locked": false, "schema_version": 3, "solution": true, "task": false}
def speed_up(tasks, ranks, a, b, delay, size, bandwidth, ring):
    """S and E of one iteration.

    tasks: T ≥ 1; ranks: R ≥ 1; a > 0, b ≥ 0, delay λ ≥ 0: seconds; size: m > 0 bytes; bandwidth: B > 0 bytes a second; ring:
    True for the ring, False for the star. Returns a tuple of two numbers.
    """
    ### BEGIN SOLUTION
    if ring:
        message = 2 * (ranks - 1) * (delay + size / (ranks * bandwidth))
    else:
        message = 2 * (delay + (ranks - 1) * size / bandwidth) if ranks > 1 else 0.0
    found = (a * tasks + b) / (a * math.ceil(tasks / ranks) + b + message)
    return found, found / ranks
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_speed_up", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch14.check_speed_up(speed_up)
### BEGIN HIDDEN TESTS
assert abs(speed_up(5, 4, 1.0, 1.0, 0.5, 4.0, 2.0, True)[0] - 6 / 9) < 1e-9  # 2 + 1 + 6 · (½ + ½)
assert abs(speed_up(5, 4, 1.0, 1.0, 0.5, 4.0, 2.0, False)[1] - 6 / 16 / 4) < 1e-9  # 2 + 1 + 2 · (½ + 6)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Five tasks, four ranks: how many does the slowest have? And how many times does somebody wait for a delay, in the star and in the
# ring?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $t(R) = a \lceil T/R \rceil + b + t_\text{sum}$, with $t_\text{sum} = 2(R-1)(\lambda + \frac{m}{RB})$ for the ring, and
# $2\lambda + 2(R-1)\frac{m}{B}$ for the star with $R > 1$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# message = by the formula, 0 for one rank; one = a·T + b; several = a·ceil(T/R) + b + message; return one/several, one/several/R.
# </details>

# %%
figure, axes = plotting.figure(width=6.8, height=3.8)
ranks = list(range(1, 33))
for (name, size), color in zip((("4 kB", 4e3), ("4 MB", 4e6)), (plotting.BLUE, plotting.ORANGE), strict=True):
    for ring, line in ((True, "-"), (False, "--")):
        values = [speed_up(96, r, 0.03, 0.005, 2e-4, size, 1.25e8, ring)[0] for r in ranks]
        axes.plot(ranks, values, line, color=color, label=f"{name}, {'ring' if ring else 'star'}")
axes.set(xlabel="ranks", ylabel="speed-up")
axes.legend(fontsize=9)
plotting.show(
    figure,
    "Speed-up of an iteration with 96 tasks against ranks from 1 to 32. For a vector of 4 kilobytes the dashed line of the star and the "
    "solid one of the ring rise together in steps, the star a little higher at the end. For 4 megabytes the ring rises far higher "
    "than the star, which rises at first and then falls.",
)

# %% [markdown]
# **Expect:** lines with steps, for 96 tasks are shared evenly by some numbers of ranks and not by others; for the long vector the star
# falls back where its link has more to carry than is saved.
#
# **Interpret:** (a) Between 24 and 31 ranks the short vector's speed-up hardly moves. Why? (b) A library uses a ring for long vectors
# and a tree for short ones. What is it about short ones?
#
# <details><summary>Answer</summary>
#
# The prediction: the star for few bytes, since it waits for two delays and the ring for fourteen; the ring for many. (a) The slowest
# rank has four tasks in all of these cases. The others wait. (b) Their cost is the number of rounds: $2(R-1)$ in a ring, about
# $2 \log_2 R$ in a tree.
# </details>

# %% [markdown]
# ## Exercise 4: First the prediction
#
# **Objective:** predict an iteration of many workers from a measurement of one, before measuring it, and say with an interval whether
# the model holds.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 1 s
#
# The cluster of this exercise exists on paper. `iteration(ranks, tasks, seeds)` says how many seconds an iteration takes with so many
# tasks *per worker*, a measurement for each seed; `message(ranks)` how long one sum takes. The time of a task varies, as that of
# episodes does, and everybody waits for the slowest worker. There is no $b$.
#
# 1. **Calibrate** on one worker: `iteration(1, calibrated, seeds)` with a number of tasks that you choose, and $a$ is the mean over
#    your seeds by that number.
# 2. **Predict** $a\,n + t_\text{sum}$ for eight workers or more, once with few tasks per worker (4 at most) and once with many (32
#    at least). Write both down *before* you go on.
# 3. **Measure** both, with the same seeds, five or more.
# 4. Report the 95 % t interval of *measured by predicted* for the few tasks, one ratio for each seed, and conclude for both: `HOLDS` if
#    the interval lies within 0.8 and 1.2, `SLOWER` if it lies above 1.2, `FASTER` if below 0.8, else `NOT_TOLD`.
#
# The check measures your plans again.
#
# **Predict:** in which of the two plans will the model be wrong, and to which side?

# %% nbgrader={"grade": false, "grade_id": "prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = {
    "ranks": ...,  # int, 8 or more
    "few_tasks": ...,  # int, per worker, 4 at most
    "many_tasks": ...,  # int, per worker, 32 at least
    "seeds": ...,  # list of int, five or more
    "calibrated": ...,  # int: tasks of the one worker
    "calibration": ...,  # iteration(1, calibrated, seeds), a number for each seed
    "few_predicted": ...,  # seconds
    "many_predicted": ...,
    "few_measured": ...,  # a number for each seed
    "many_measured": ...,
    "low": ...,  # lower end of the t interval of few_measured / few_predicted
    "high": ...,  # its upper end
    "few_conclusion": ...,  # ch14.HOLDS, ch14.SLOWER, ch14.FASTER or ch14.NOT_TOLD
    "many_conclusion": ...,
}
### BEGIN SOLUTION
ranks, few, many, seeds, calibrated = 8, 2, 64, list(range(10)), 16
calibration = iteration(1, calibrated, seeds)
per_task = float(calibration.mean()) / calibrated
few_predicted, many_predicted = (per_task * tasks + message(ranks) for tasks in (few, many))
few_measured, many_measured = (iteration(ranks, tasks, seeds) for tasks in (few, many))


def concluded(ratios):
    found = t_interval(ratios)
    if found.low > 1.2 or found.high < 0.8:
        return found, ch14.SLOWER if found.low > 1.2 else ch14.FASTER
    return found, ch14.HOLDS if found.low >= 0.8 and found.high <= 1.2 else ch14.NOT_TOLD


interval, few_conclusion = concluded(few_measured / few_predicted)
prediction = {
    "ranks": ranks,
    "few_tasks": few,
    "many_tasks": many,
    "seeds": seeds,
    "calibrated": calibrated,
    "calibration": calibration.tolist(),
    "few_predicted": few_predicted,
    "many_predicted": many_predicted,
    "few_measured": few_measured.tolist(),
    "many_measured": many_measured.tolist(),
    "low": interval.low,
    "high": interval.high,
    "few_conclusion": few_conclusion,
    "many_conclusion": concluded(many_measured / many_predicted)[1],
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_prediction", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch14.check_prediction(prediction)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# With one worker nobody waits. What does the mean of a maximum do when there are more workers, and when each has more tasks?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $a$ = mean of the calibration / its tasks; predicted = $a\,n$ + `message(ranks)`; ratios = measured / predicted; `t_interval(ratios)`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# calibration = iteration(1, c, seeds); a = mean / c; for n in (few, many): predicted = a·n + message(R), then measured = iteration(R, n,
# seeds). The interval of measured / predicted for few; both conclusions from where the intervals lie.
# </details>

# %%
for name in ("few", "many"):
    measured = torch.as_tensor(prediction[f"{name}_measured"]).double()
    ratio = t_interval(measured / prediction[f"{name}_predicted"])
    tasks = prediction[f"{name}_tasks"]
    print(f"{tasks:3} tasks each: measured / predicted {ratio.point:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]")

# %% [markdown]
# **Expect:** with two tasks each, eight workers take more than one and a half times what the model says; with 64 each, less than 1.2
# times.
#
# **Interpret:** (a) Why do more tasks per worker bring the model back? (b) What would you add to (14.6), and which further measurement on
# *one* worker would tell its size?
#
# <details><summary>Answer</summary>
#
# The prediction: with few tasks, and it is too optimistic: the model knows means, and an iteration is a maximum. (a) The time of a worker
# is a sum over its tasks. Its deviation grows with the square root of their number, its mean with the number: workers become alike. (b) The
# expected maximum over workers. For nearly normal sums it is about $a\,n + \sigma \sqrt{2 n \ln R}$, and $\sigma$, the deviation of a
# task's time, can be measured on one worker.
# </details>
