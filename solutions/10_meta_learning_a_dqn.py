# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 10: Meta-learning a DQN
#
# Four exercises: an inner loop with a target that stays where it is, two meta-gradients by hand, a Reptile iteration
# with three silent bugs, and an experiment on negative transfer. Fill in the cells marked `# YOUR CODE HERE`; the check
# under each answers at once, as often as you like. A function leaves its arguments as they are, and draws nothing at
# random unless it is handed a generator. Notation is that of [chapter 10](../chapters/10_meta_learning_a_dqn.ipynb).

# %% tags=["setup"]
import torch

from metarl_core import plotting
from metarl_core.check import ch10
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: A target that stays where it is
#
# **Objective:** implement the inner loop of several tasks, with semi-gradient steps and a frozen target.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# The Q-function is linear, $Q_\theta(s, a) = \theta_a^\top \phi(s)$, with one row $\theta_a$ for each action. Task
# $\mathcal{T}$ has $n$ transitions with features $\phi_i$, actions $a_i$, rewards $r_i$, next features $\phi'_i$, and
# $d_i$, true for a termination. All tasks start at the same $\theta$ and take $K$ steps on the same loss:
#
# $$\theta^{(k+1)} = \theta^{(k)} - \alpha \nabla \frac1n \sum_i \big(y_i - Q_{\theta^{(k)}}(s_i, a_i)\big)^2, \qquad
# y_i = r_i + \gamma (1 - d_i) \max_{a'} \theta_{a'}^\top \phi'_i, \tag{1}$$
#
# where the target $y$ is made by the *initial* $\theta$ (no double Q-learning here) and is a constant.
#
# **Predict:** which entries of $\theta$ can change at all in a task whose 10 transitions contain only one of the
# actions? Would that be different if the target were differentiated?

# %% nbgrader={"grade": false, "grade_id": "inner_td_steps", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inner_td_steps(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    """Adapted parameters of every task, equation (1).

    theta: float64 [action, feature]; features, next_features: [task, n, feature]; actions: integers [task, n];
    rewards: [task, n]; terminated: bool [task, n]; alpha: step size; steps: K; discount: γ. Returns float64
    [task, action, feature]; theta stays as it is.
    """
    ### BEGIN SOLUTION
    following = (next_features @ theta.T).amax(-1)
    y = rewards + discount * (~terminated).to(rewards.dtype) * following
    chosen = torch.nn.functional.one_hot(actions, len(theta)).to(theta.dtype)  # [task, n, action]
    adapted = theta.expand(len(rewards), *theta.shape)
    for _ in range(steps):
        predicted = ((features @ adapted.mT) * chosen).sum(-1)
        error = (y - predicted)[..., None] * chosen  # δ, at the action that was taken
        adapted = adapted + 2 * alpha / rewards.shape[1] * error.mT @ features
    return adapted
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_inner_td_steps", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch10.check_inner_td_steps(inner_td_steps)
### BEGIN HIDDEN TESTS
hidden_one = torch.ones(1, 1, 1, dtype=torch.float64)
hidden = inner_td_steps(
    torch.zeros(1, 1, dtype=torch.float64), hidden_one, torch.zeros(1, 1, dtype=torch.int64), hidden_one[..., 0],
    hidden_one, torch.zeros(1, 1, dtype=torch.bool), 0.25, 2, 0.9,
)  # fmt: skip
assert abs(hidden.item() - 0.75) < 1e-9  # the target stays at 1: 0, then 0.5, then 0.75
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Everything on the right of $y$ is known before the first step.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# With $y$ constant the gradient with respect to row $a$ is
# $-\frac2n \sum_{i: a_i = a} \delta_i \phi_i$, with $\delta_i$ from the current parameters.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# y from theta, once; adapted = copies of theta, one a task; K times: prediction of the actions taken, error = y −
# prediction, adapted[task, action] += 2 alpha / n · sum of error · features over the task's transitions of this action.
# </details>

# %%
generator = torch.Generator().manual_seed(0)
phi, phi_next = torch.randn(2, 1, 30, 3, generator=generator, dtype=torch.float64)
truth = torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]], dtype=torch.float64)
taken = torch.randint(2, (1, 30), generator=generator)
pay = (phi @ truth.T).gather(-1, taken[..., None])[..., 0]
ended = torch.ones(1, 30, dtype=torch.bool)
for steps in (0, 1, 3, 30):
    found = inner_td_steps(torch.zeros(2, 3, dtype=torch.float64), phi, taken, pay, phi_next, ended, 0.3, steps, 0.9)
    print(f"{steps:2} steps: distance to the true parameters {float((found[0] - truth).norm()):.3f}")


# %% [markdown]
# **Expect:** with terminations everywhere the target is the reward, and the distance falls from 2.449 towards 0.
#
# **Interpret:** without terminations the loop converges as well, for small $\alpha$ and any $\gamma$, even at
# $\gamma = 2$. Why is this no answer to the deadly triad of chapter 03?
#
# <details><summary>Answer</summary>
#
# The inner loop is a regression on fixed $y$: it converges as every least-squares problem does. The danger sits in what
# happens when the *target* is renewed, from outer step to outer step. Freezing it for the inner loop moves the question
# outside; it does not answer it.
# </details>

# %% [markdown]
# ## Exercise 2: Two meta-gradients by hand
#
# **Objective:** derive the meta-gradient with targets as data, and the one of the whole procedure.
#
# **Kind:** derive · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# One task, a linear value $V_\theta(s) = \theta^\top \phi(s)$ of a fixed policy. Support: features $\Phi$ (a row for
# each of the $n$ transitions), rewards $r$, next features $\Phi'$. The inner loop takes $K$ steps
#
# $$\theta^{(k+1)} = \theta^{(k)} + \frac{2\alpha}{n} \Phi^\top \big(y - \Phi\, \theta^{(k)}\big), \qquad
# y = r + \gamma\, \Phi'\, \theta, \qquad \theta^{(0)} = \theta, \tag{2}$$
#
# and the outer loss on $n'$ query transitions with constant targets $y'$ is
# $F = \frac{1}{n'} \lVert y' - \Phi_q\, \theta^{(K)} \rVert^2$. Derive, as sums and powers of matrices,
#
# - **frozen:** $\nabla F$ with $y$ held constant, as `QMAML` does, and
# - **whole:** $dF / d\theta$ with $y$ as the function of $\theta$ that it is.
#
# No automatic differentiation.
#
# **Predict:** for $\gamma = 0$, how do the two differ? And as $K \to \infty$ with a small $\alpha$: which of the two
# goes to zero?

# %% nbgrader={"grade": false, "grade_id": "meta_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_gradients(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """Both meta-gradients of the linear problem.

    theta: float64 [f]; phi, phi_next: [n, f]; rewards: [n]; query_phi: [n', f]; query_y: [n']; alpha: step size;
    steps: K; discount: γ. Returns {"frozen": [f], "whole": [f]}.
    """
    ### BEGIN SOLUTION
    n = len(rewards)
    shrink = torch.eye(len(theta), dtype=theta.dtype) - 2 * alpha / n * phi.T @ phi  # ∂θ⁽ᵏ⁺¹⁾/∂θ⁽ᵏ⁾
    push = 2 * alpha * discount / n * phi.T @ phi_next  # ∂θ⁽ᵏ⁺¹⁾/∂y · ∂y/∂θ
    y, adapted = rewards + discount * phi_next @ theta, theta
    frozen = whole = torch.eye(len(theta), dtype=theta.dtype)
    for _ in range(steps):
        adapted = adapted + 2 * alpha / n * phi.T @ (y - phi @ adapted)
        frozen, whole = shrink @ frozen, shrink @ whole + push
    g = 2 / len(query_y) * query_phi.T @ (query_phi @ adapted - query_y)
    return {"frozen": frozen.T @ g, "whole": whole.T @ g}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_meta_gradients", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch10.check_meta_gradients(meta_gradients)
### BEGIN HIDDEN TESTS
hidden_line = torch.ones(1, 1, dtype=torch.float64)
hidden = meta_gradients(
    0 * hidden_line[0], hidden_line, hidden_line[0], hidden_line, hidden_line, 0 * hidden_line[0], 0.25, 1, 0.5
)
assert abs(hidden["frozen"].item() - 0.5) < 1e-9 and abs(hidden["whole"].item() - 0.75) < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write $D_k = d\theta^{(k)} / d\theta$ and differentiate (2). What is $D_0$?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $D_{k+1} = M D_k + C$ with $M = I - \frac{2\alpha}{n} \Phi^\top\Phi$; $C = 0$ for frozen targets. The gradient is
# $D_K^\top g$ with $g = \nabla F$ at $\theta^{(K)}$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# M as above; C = 2 alpha discount / n · phiᵀ phi_next; D = E = I; y once; K times: adapted by (2), D = M D, E = M E +
# C; g = 2/n' · query_phiᵀ (query_phi adapted − query_y); return Dᵀg and Eᵀg.
# </details>

# %%
generator = torch.Generator().manual_seed(1)
phi, phi_next, query_phi = torch.randn(3, 12, 3, generator=generator, dtype=torch.float64)
pay, query_y, theta = (torch.randn(n, generator=generator, dtype=torch.float64) for n in (12, 12, 3))
counts, lengths = range(13), {"frozen": [], "whole": []}
for count in counts:
    found = meta_gradients(theta, phi, pay, phi_next, query_phi, query_y, 0.2, count, 0.9)
    for name, value in found.items():
        lengths[name].append(float(value.norm()))
figure, axes = plotting.figure(width=6.4, height=3.4)
for (name, values), color in zip(lengths.items(), (plotting.BLUE, plotting.ORANGE), strict=True):
    axes.plot(counts, values, marker="o", color=color, label=name)
axes.set(xlabel="inner steps K", ylabel="length of the gradient")
axes.legend()
plotting.show(
    figure,
    "Length of both meta-gradients against the number of inner steps. They are equal without a step; the frozen one "
    "then falls to nearly zero, the one of the whole procedure levels off.",
)


# %% [markdown]
# **Expect:** equal for $K = 0$; then the frozen gradient goes to zero, and the other one does not.
#
# **Interpret:** what does the frozen meta-gradient say about $\theta$ after very many inner steps, and why is the
# other one right to disagree?
#
# <details><summary>Answer</summary>
#
# With the targets as data a converged regression has forgotten where it started: $M^K \to 0$, and $\theta$ is as good
# as any other. In truth $\theta$ is still there, in the targets: the regression converges to values of the next states
# as $\theta$ saw them. The frozen gradient is a good description as long as $K$ is small, which is where chapter 10
# uses it. Whether one *wants* to train $\theta$ as a maker of targets is another question.
# </details>

# %% [markdown]
# ## Exercise 3: A Reptile iteration that looks right
#
# **Objective:** find three silent bugs in a Reptile iteration over Q-learning with replay and a target, and repair
# them.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# Tables in place of networks: `theta[s, a]`. A task is a deterministic world, `next_state[task, s, a]` and
# `reward[task, s, a]`, which starts in state 0 and never ends. The inner loop is a run of Q-learning with a replay
# memory, a target table that follows the online one softly, by a tenth of the way in each step, and $\varepsilon$ that
# falls from 1 to 0.1 over 18 steps. In each step one transition is stored, and then one of all that are stored is
# replayed, the newest like any other. All randomness comes in `draws[task, step]`: whether to explore, which action
# then, and which transition to replay, as a share of the memory. Wanted is
#
# $$\theta \leftarrow \theta + \epsilon\, \Big(\frac1n \sum_{\mathcal{T}} \varphi_{\mathcal{T}} - \theta\Big), \tag{3}$$
#
# with $\varphi_{\mathcal{T}}$ the online table after one complete run on task $\mathcal{T}$ that began at $\theta$ and
# knew nothing of the other tasks. The four things that section 6 of the chapter warns of are in order. A colleague's
# code runs, and its $\theta$ takes plausible values. Read it before you run it.
#
# **Predict:** which of the bugs would show in a world with a single state?

# %% tags=["setup"]
def colleagues_iteration(theta, next_state, reward, draws, outer_lr):
    moves = []
    for task in range(len(reward)):
        memory, state = [], 0
        online = target = theta.clone()
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            epsilon = max(0.1, 1 - step / 20)
            action = int(which * theta.shape[1]) if explore < epsilon else int(online[state].argmax())
            before, state = state, int(next_state[task, state, action])
            memory.append((before, action, float(reward[task, state, action]), state))
            s, a, r, after = memory[int(replay * (len(memory) - 1))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
        moves.append(online - theta)
    return theta + outer_lr * torch.stack(moves).mean(0)


def some_worlds(tasks, steps=100, seed=2):
    generator = torch.Generator().manual_seed(seed)
    next_state = torch.randint(4, (tasks, 4, 3), generator=generator)
    reward = torch.randn(tasks, 4, 3, generator=generator, dtype=torch.float64)
    return next_state, reward, torch.rand(tasks, steps, 3, generator=generator, dtype=torch.float64)


# %%
theta = torch.zeros(4, 3, dtype=torch.float64)
for number in range(3):
    theta = colleagues_iteration(theta, *some_worlds(5, seed=number), 0.5)
    print(f"after iteration {number + 1}: mean of theta {float(theta.mean()):.3f}")


# %% nbgrader={"grade": false, "grade_id": "reptile_iteration", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reptile_iteration(theta, next_state, reward, draws, outer_lr):
    """Equation (3), repaired.

    theta: float64 [S, A]; next_state: integers [task, S, A]; reward: float64 [task, S, A]; draws: float64
    [task, step, 3], uniform on [0, 1); outer_lr: ε of Reptile. Returns float64 [S, A]; theta stays as it is.
    """
    moves = []
    for task in range(len(reward)):
        memory, state = [], 0
        online = target = theta.clone()
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            epsilon = max(0.1, 1 - step / 20)
            action = int(which * theta.shape[1]) if explore < epsilon else int(online[state].argmax())
            before, state = state, int(next_state[task, state, action])
            memory.append((before, action, float(reward[task, state, action]), state))
            s, a, r, after = memory[int(replay * (len(memory) - 1))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
        moves.append(online - theta)
    ### BEGIN SOLUTION
    moves = []
    for task in range(len(reward)):
        memory, state = [], 0
        online, target = theta.clone(), theta.clone()  # two tables
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            epsilon = max(0.1, 1 - step / 20)
            action = int(which * theta.shape[1]) if explore < epsilon else int(online[state].argmax())
            paid = float(reward[task, state, action])  # before the state moves on
            before, state = state, int(next_state[task, state, action])
            memory.append((before, action, paid, state))
            s, a, r, after = memory[int(replay * len(memory))]  # replay < 1, so that the newest is the last
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
        moves.append(online - theta)
    ### END SOLUTION
    return theta + outer_lr * torch.stack(moves).mean(0)


# %% nbgrader={"grade": true, "grade_id": "check_reptile_iteration", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch10.check_reptile_iteration(reptile_iteration)
### BEGIN HIDDEN TESTS
hidden_worlds = some_worlds(2, seed=9)
hidden = [
    reptile_iteration(torch.zeros(4, 3, dtype=torch.float64), *(part[i : i + 1] for part in hidden_worlds), 1.0)
    for i in range(2)
]
hidden_both = reptile_iteration(torch.zeros(4, 3, dtype=torch.float64), *hidden_worlds, 1.0)
assert torch.allclose(hidden_both, (hidden[0] + hidden[1]) / 2)  # tasks know nothing of each other
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# How many tables are there after `theta.clone()`? What does `state` mean in the line that stores, and how large can
# `replay` become?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# A transition is $(s, a, r(s, a), s')$. With $n$ of them stored, `replay` in $[0, 1)$ stands for entry
# $\lfloor n \cdot \text{replay} \rfloor$. The targets of two tables differ from those of one from the second update on.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: online = copy of theta, target = another copy; memory = []; in each step: action; reward of state and
# action; then the next state; store; replay entry int(replay · len(memory)); update online; target a tenth of the way
# towards it; moves.append(online − theta).
# </details>

# %%
def apart(states, steps):
    """How far the colleague's theta is from the repaired one, in worlds of so many states and runs of so many steps."""
    generator = torch.Generator().manual_seed(4)
    worlds = (
        torch.randint(states, (8, states, 3), generator=generator),
        torch.randn(8, states, 3, generator=generator, dtype=torch.float64),
        torch.rand(8, steps, 3, generator=generator, dtype=torch.float64),
    )
    start = torch.ones(states, 3, dtype=torch.float64)
    return float((colleagues_iteration(start, *worlds, 1.0) - reptile_iteration(start, *worlds, 1.0)).abs().max())


for states, steps in ((1, 1), (1, 2), (4, 1), (4, 2), (4, 100)):
    print(f"{states} states, {steps:3} steps: {apart(states, steps):.3f} apart")

# %% [markdown]
# **Expect:** nothing apart with one state and one step, and something in all other rows.
#
# **Interpret:** each row hides some of the bugs. Which row would you keep as a test, and of which would you know most?
#
# <details><summary>Answer</summary>
#
# The prediction: with a single state the reward's state cannot be wrong, so two of the three show, and these from the
# second step on only. With one step and four states the reward alone can be wrong: the memory holds one transition, and
# the two tables are still equal. The last row finds all three and tells none apart. So keep several: the long run, for
# what nobody has thought of, and the shortest ones, each of which points at a line. (Whether the order of the tasks
# matters, an invariance that finds a shared memory, says nothing here: all three bugs treat tasks alike.)
# </details>

# %% [markdown]
# ## Exercise 4: Was it that the goals were new?
#
# **Objective:** test a cause that the chapter named and did not try, by an experiment that varies it.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 35 min · **Run time:** 20 s
#
# On the dense grid of section 9, fresh networks were sooner than *every* start that had been trained on other goals.
# Test goals were cells that had never been a goal; whether that is the cause was not tried. Try it, in small: tables in
# the place of networks, and 6 × 6 cells, numbered row by row. A task is a goal, the reward minus the number of moves
# that are left to it, as a share of the longest way. `meta_train(seeds, goals)` is Reptile over Q-learning on some of
# the cells as goals, and `earned(starts, goals, generator)` the mean reward of a step over the first hundred steps on
# each goal, `[seed, goal]`.
#
# Meta-train twice, each time on half of the cells:
#
# - **scattered:** 18 cells that you draw by chance, so that each new goal lies among old ones;
# - **sides:** the 18 cells of one half of the grid, so that all new goals lie in the other half.
#
# The other 18 cells, in rising order, are the new goals of each. A *fresh* start is a table of zeros. With $x_s$ the mean reward of seed
# $s$ from the trained start less that from the fresh one, over the **new** goals, report for each training the t
# interval
#
# $$\bar x \pm t_{n-1,\,0.975}\; s_x / \sqrt{n} \tag{4}$$
#
# over $n$ seeds, what follows from it, and what both together say of the cause. Both starts take as many environment
# steps in a new task; those of the meta-training come on top. The check lets your tables learn once more, and trains
# one of them again.
#
# **Predict:** four numbers to order: the lead of the trained start at old and at new goals, scattered and by sides.
# Which of them are below 0, if any?

# %% tags=["setup"]
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.goal_cells import earned, meta_train

PLACES = ("scattered, old", "scattered, new", "sides, old", "sides, new")

# %%
for name in ("HELPS", "HURTS", "NOT_TOLD_APART", "NEVER_A_GOAL", "WHERE_GOALS_LAY", "NOT_DECIDED"):
    print(f"{name:16} {getattr(ch10, name)}")

# %% nbgrader={"grade": false, "grade_id": "transfer", "locked": false, "schema_version": 3, "solution": true, "task": false}
transfer = {
    "seeds": ...,  # list of int: five to twelve
    "goals_scattered": ...,  # list of 18 cells
    "goals_sides": ...,  # list of 18 cells
    "starts_scattered": ...,  # [seed, 36, 4], from meta_train
    "starts_sides": ...,  # the same of the other training
    "rewards": ...,  # {place: {"trained": [seed, 18], "fresh": [seed, 18]}} for each of PLACES
    "low_scattered": ...,  # lower end of the interval (4), at the new goals
    "high_scattered": ...,  # its upper end
    "conclusion_scattered": ...,  # ch10.HELPS, ch10.HURTS or ch10.NOT_TOLD_APART
    "low_sides": ...,
    "high_sides": ...,
    "conclusion_sides": ...,
    "verdict": ...,  # ch10.NEVER_A_GOAL, ch10.WHERE_GOALS_LAY or ch10.NOT_DECIDED
}
### BEGIN SOLUTION
seeds = list(range(8))
old = {
    "scattered": sorted(torch.randperm(36, generator=seeded(1))[:18].tolist()),
    "sides": [cell for cell in range(36) if cell % 6 < 3],
}
transfer = {"seeds": seeds, "rewards": {}}
for number, (split, goals) in enumerate(old.items()):
    starts = meta_train(seeds, goals)
    new = [cell for cell in range(36) if cell not in goals]
    for age, cells in (("old", goals), ("new", new)):
        transfer["rewards"][f"{split}, {age}"] = {
            "trained": earned(starts, cells, seeded(10 + number)),
            "fresh": earned(torch.zeros_like(starts), cells, seeded(10 + number)),
        }
    at_new = transfer["rewards"][f"{split}, new"]
    interval = t_interval((at_new["trained"] - at_new["fresh"]).mean(1))
    transfer |= {
        f"goals_{split}": goals,
        f"starts_{split}": starts,
        f"low_{split}": interval.low,
        f"high_{split}": interval.high,
        f"conclusion_{split}": (
            ch10.HELPS if interval.low > 0 else ch10.HURTS if interval.high < 0 else ch10.NOT_TOLD_APART
        ),
    }
said = (transfer["conclusion_scattered"], transfer["conclusion_sides"])
transfer["verdict"] = {
    (ch10.HELPS, ch10.HURTS): ch10.WHERE_GOALS_LAY,
    (ch10.HURTS, ch10.HURTS): ch10.NEVER_A_GOAL,
}.get(said, ch10.NOT_DECIDED)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_transfer", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch10.check_transfer(transfer)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# In both trainings the new goals were never a goal. What else is the same in both, and what is not?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $x_s$ is the row mean of `trained - fresh` at the new goals; `metarl_core.evaluation.t_interval` takes the $n$ of
# them. A cause that is present in both trainings cannot alone explain a harm that is present in one.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# goals: 18 of `torch.randperm(36)`, sorted; and the cells with column 0 to 2. For each: starts = meta_train(seeds,
# goals); new = the other cells; rewards at old and at new goals from starts and from zeros, with generators of the same
# seed; t interval of the row means at the new goals. Helps above 0, hurts below; helps and hurts: where goals lay;
# hurts and hurts: never a goal; else not decided.
# </details>

# %%
flat = {split: transfer[f"starts_{split}"].mean((1, 2), keepdim=True) for split in ("scattered", "sides")}
figure, axes = plotting.figure(width=7.4, height=3.6)
for x, place in enumerate(PLACES):
    split, age = place.split(", ")
    cells = sorted(transfer[f"goals_{split}"])
    cells = cells if age == "old" else [cell for cell in range(36) if cell not in cells]
    start = transfer[f"starts_{split}"]
    trained = earned(start, cells, seeded(20))
    for shift, beside, color, marker, name in (
        (-0.12, 0 * start, plotting.BLUE, "o", "a table of zeros"),
        (0.12, flat[split].expand_as(start), plotting.ORANGE, "s", "the trained table's mean, everywhere"),
    ):
        lead = (trained - earned(beside, cells, seeded(20))).mean(1)
        spots = x + shift + torch.linspace(-0.05, 0.05, len(lead))
        axes.plot(spots, lead, marker, color=color, markersize=4, label=name if x == 0 else None)
axes.axhline(0, color="black", linewidth=1)
axes.set_xticks(range(4), PLACES)
axes.set(ylabel="lead of the trained start")
axes.legend(fontsize=9, title="beside", title_fontsize=9)
plotting.show(
    figure,
    "Lead of the trained start of each seed, beside a table of zeros and beside a flat table of its own mean, in four "
    "places. By sides it is large at old goals and below zero at new ones; scattered it is above zero at old and at "
    "most new goals.",
)

# %% [markdown]
# **Expect:** with the solution's goals the trained start leads at old goals in both trainings, the more if they lie
# together. At new goals it leads where these are scattered among the old ones, and is behind where they lie on the
# other side.
#
# **Interpret:** (a) What is left of the cause that the chapter suspected? (b) A table of zeros is *optimistic* here,
# since all rewards are negative: it tries what it has not tried. Could that be why fresh tables win on the other side?
# The orange dots hold the trained start beside a flat table that is as pessimistic as it is. (c) Does this say what
# happened to the networks of section 9?
#
# <details><summary>Answer</summary>
#
# (a) Not much, in this world: cells that were never a goal are in both trainings, and the start hurts in one of them.
# What it has learned is where goals *lie*, which is of use at new goals in between and leads astray on the other side.
# (b) If optimism were the reason, the trained start would not be behind a flat table of its own mean; on the other side
# it is behind that, too, and further. (c) It makes one explanation less likely. There, a quarter of the cells was kept
# for the test, drawn by chance, so that new goals lay among old ones, as in the scattered training here, where the
# start helps. But networks share weights between cells, the grid has walls, and the runs are longer. So look elsewhere
# next, and vary that: how far the values have to be unlearned, say, or how long a run goes on.
# </details>
