# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 01: Why learn to learn?
#
# Five exercises on what the chapter measured: returns, the step of adaptation, an honest evaluation, a bill, a plan. Fill
# in the cells marked `# YOUR CODE HERE`; the check under each answers at once, as often as you like. Notation and
# equation numbers are those of [chapter 01](../chapters/01_why_learn_to_learn.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch01
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: Returns of a stream
#
# **Objective:** compute returns from a record in which one episode follows the other, and say which are known.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# The chapter's episodes have a row of a tensor each. Many programs record differently: each environment begins a new
# episode as soon as the old one ends, and a row `[time]` holds whatever happened in it. A flag marks the *last* step of
# every episode; with the next step a new one begins. The record may break off in the middle of an episode. Let $e(t)$
# be the last step of the episode that step $t$ belongs to. Then
#
# $$R_t = \sum_{k=t}^{e(t)} \gamma^{k-t}\, r_k, \tag{1}$$
#
# and $R_t$ is *known* only if $e(t)$ lies in the record (whatever $\gamma$ is).
#
# **Predict:** rewards $1, 1, 1, 1$, the flag is up at the second step, $\gamma = 0.5$. Which of the four returns are
# known, and what are they?

# %% nbgrader={"grade": false, "grade_id": "stream_returns", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stream_returns(rewards, ended, discount):
    """Discounted return of each step within its own episode, equation (1).

    rewards: [row, time], all of them finite; ended: bool [row, time], true at the last step of an episode; discount:
    gamma in [0, 1]. Returns two tensors [row, time]: the returns, of the rewards' dtype, zero where they are not known,
    and bool, true where they are. The arguments stay as they are.
    """
    ### BEGIN SOLUTION
    total, known = torch.zeros_like(rewards[:, 0]), torch.zeros_like(ended[:, 0])
    returns, flags = [], []
    for reward, end in zip(rewards.flip(1).unbind(1), ended.flip(1).unbind(1), strict=True):
        known = known | end
        total = torch.where(known, reward + discount * torch.where(end, 0.0, total), 0.0)
        returns.append(total)
        flags.append(known)
    return torch.stack(returns[::-1], 1), torch.stack(flags[::-1], 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_stream_returns", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch01.check_stream_returns(stream_returns)
### BEGIN HIDDEN TESTS
assert stream_returns(torch.ones(1, 3), torch.tensor([[False, True, False]]), 0.5)[0].tolist() == [[1.5, 1.0, 0.0]]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Go through the record from its end. What do you know at the last column, and what has to be forgotten when you meet
# a flag?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# With $d_t = 1$ at an episode's last step, else 0: $R_t = r_t + \gamma\,(1 - d_t)\, R_{t+1}$. A return is known at $t$
# if $d_t = 1$, or if it is known at $t + 1$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - Start with a total of zero and a flag "known" that is false, one of each for every row.
# - For each column, from the last to the first:
#   - known becomes true in the rows where an episode ends here;
#   - where it ends here, the total is this reward alone; elsewhere this reward plus discount times the total so far;
#   - where nothing is known the total stays zero; keep both.
# - Put what was kept back into the order of time.
# </details>

# %%
stream = torch.tensor([[1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
flags = torch.tensor([[False, True, False, False, True], [True, False, False, True, False]])
print(*stream_returns(stream, flags, 0.5), sep="\n")


# %% [markdown]
# **Expect:** the returns `[[1.5, 1.0, 1.75, 1.5, 1.0], [1.0, 1.75, 1.5, 1.0, 0.0]]`; only the last one is not known. (Of
# the four returns in the prediction the first two are known, 1.5 and 1.)
#
# **Interpret:** an agent collects 100 steps at a time and drops the steps whose return is not known. Episodes of its
# family last between 5 and 200 steps. Which episodes does it learn from, and what does it come to believe about
# returns?
#
# <details><summary>Answer</summary>
#
# Mostly from short ones: an episode of more than 100 steps never fits, and the longer an episode, the more likely it is
# cut. Where long episodes mean success (CartPole), it sees failures above all and takes returns to be lower than they
# are; where they mean that the goal was not found, it takes them to be higher. Chapter 04 keeps the unfinished steps
# and estimates the missing part by a value function.
# </details>

# %% [markdown]
# ## Exercise 2: The best length of one step
#
# **Objective:** find the step size with which one noisy gradient step from a given start is worth most.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# The chapter asked where adaptation should start if the step size is given. Whoever fine-tunes asks the other way
# round: the start $\theta$ is given, and one step size for all tasks is to be chosen. The tasks are the chapter's
# quadratics,
#
# $$J_{\mathcal{T}}(\theta) = -\tfrac{1}{2}\, a_{\mathcal{T}}\, (\theta - c_{\mathcal{T}})^2, \tag{1}$$
#
# but the gradient is *estimated* from episodes. Its error has mean 0 and the standard deviation
# $\sigma_{\mathcal{T}}$, so it is $\sigma_{\mathcal{T}}\, \varepsilon$ with $\mathbb{E}[\varepsilon] = 0$ and
# $\mathbb{E}[\varepsilon^2] = 1$. You look for
#
# $$\alpha^* = \arg\max_\alpha \frac{1}{n} \sum_{\mathcal{T}} \mathbb{E}_\varepsilon\,
#   J_{\mathcal{T}}\Big(\theta + \alpha\, \big(\nabla J_{\mathcal{T}}(\theta) + \sigma_{\mathcal{T}}\,
#   \varepsilon\big)\Big). \tag{2}$$
#
# Asked for is a formula, derived on paper, without autograd. The check evaluates (2) itself and compares.
#
# **Predict:** four times as many episodes halve every $\sigma_{\mathcal{T}}$. Does $\alpha^*$ grow or shrink? Can it
# become larger than $1/a$ of the flattest task?

# %% nbgrader={"grade": false, "grade_id": "best_step_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_step_size(curvature, centre, theta, noise):
    """The maximiser of equation (2).

    curvature, centre, noise: [task], a > 0, c and sigma >= 0; theta: the start, a number. It is not the centre of all
    tasks at once, unless some gradient is noisy. Returns a tensor without axes, of their dtype.
    """
    ### BEGIN SOLUTION
    slope = curvature * (theta - centre)
    return (slope**2).sum() / (curvature * (slope**2 + noise**2)).sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_best_step_size", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch01.check_best_step_size(best_step_size)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write $\theta - c_{\mathcal{T}}$ as a distance $d$. What is the distance after the step, and what is the mean of its
# square? Which terms contain $\varepsilon$ to the first power?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\mathbb{E}\big[(\text{distance after the step})^2\big] = (1 - \alpha a)^2 d^2 + \alpha^2 \sigma^2$. Multiply by
# $-\frac{1}{2} a$, add up over tasks, and set the derivative by $\alpha$ to zero.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - The derivative is a sum over tasks of a part without $\alpha$, which holds $a^2 d^2$, and a part with the factor
#   $\alpha$.
# - Collect the first parts on one side and the factors of $\alpha$ on the other.
# - The answer is one sum divided by the other; the noise stands in one of them only.
# </details>

# %%
a, c = torch.tensor([1.6, 0.4]), torch.tensor([1.0, -1.0])  # the steep and the flat task of the chapter
steps = torch.linspace(0.0, 1.8, 200)


def mean_return(theta, sigma, alpha):
    """Equation (2) for both tasks and each alpha; the error of the gradient is +sigma or -sigma, half and half."""
    signs = torch.tensor([1.0, -1.0])[:, None, None]
    adapted = theta + alpha[:, None] * (-a * (theta - c) + sigma * signs)  # [sign, alpha, task]
    return (-0.5 * a * (adapted - c) ** 2).mean((0, 2))


figure, axes = plotting.figure(width=6.4, height=3.4)
for theta, start, colour in (
    (0.6, "multi-task optimum", plotting.ORANGE),
    (-0.6, "meta-optimum", plotting.BLUE),
):
    for sigma, style in ((0.0, "-"), (0.8, "--")):
        best = best_step_size(a, c, theta, torch.full((2,), sigma)).reshape(1)
        earned = mean_return(theta, sigma, best)
        print(f"from the {start}, sigma {sigma}: alpha {float(best):.3f}, mean return {float(earned):.3f}")
        axes.plot(steps, mean_return(theta, sigma, steps), style, color=colour, label=f"{start}, σ = {sigma}")
        axes.plot(best, earned, "o", color=colour)
axes.set(xlabel="step size α", ylabel="mean return after one step", ylim=(-1.0, 0.05))
axes.legend(fontsize=8)
plotting.show(
    figure,
    "Mean return against the step size for two starts, each with exact and with noisy gradients; a dot on each curve "
    "marks the step size of the formula.",
)

# %% [markdown]
# **Expect:** each dot at the top of its curve. With exact gradients the best step is 1.0 from the multi-task optimum and
# 0.627 from the meta-optimum (for the step size 0.5); noise shortens both, so more episodes make $\alpha^*$ longer. But
# even without noise it is a weighted mean of the tasks' $1/a$, and never exceeds that of the flattest task.
#
# **Interpret:** the meta-optimum was computed for $\alpha = 0.5$. Give both starts their own best step size, with exact
# gradients. Does fine-tuning from the multi-task optimum catch up, as it nearly did in the chapter's point navigation?
#
# <details><summary>Answer</summary>
#
# No. It earns −0.115, the meta-optimum −0.009. One step size cannot suit a steep and a flat task at once, unless the
# start is chosen so that the flat one has little left to do. In the chapter's toy with the learned scale all tasks had
# the same curvature, and a tuned step size replaced what meta-training had learned. So whether tuning can replace it is
# a property of the family.
# </details>

# %% [markdown]
# ## Exercise 3: An evaluation that flatters, or slanders
#
# **Objective:** find two silent bugs in an evaluation of adaptation.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# The code below is meant to measure $J_{\mathcal{T}}\big(U^{(K)}_{\mathcal{T}}(\theta)\big)$ for each task: adapt $K$
# steps, then report the mean return of the adapted parameters, on episodes that no step has learned from. It runs, it
# gives plausible numbers, and **two** things are wrong with it.
#
# **Predict:** read it first. For which task can its start still be right, and for which $K$ are its numbers far too
# low?

# %% tags=["setup"]
episodes = torch.Generator().manual_seed(0)  # it goes on from call to call: every batch is a new one


def suspicious_returns(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        for _ in range(steps):
            batch = collect(theta, task)
            theta = improve(theta, batch)
        results.append(batch["returns"].mean())
    return torch.stack(results)


def collect(theta, task):
    """Twenty noisy 'episodes' of a task that wants theta to be at `task`, and the gradient of their mean return."""
    noise = torch.randn(20, generator=episodes)
    return {"returns": -((theta - task) ** 2) + 0.1 * noise, "gradient": -2 * (theta - task)}


def improve(theta, batch):
    return theta + 0.2 * batch["gradient"]


centres = [torch.tensor(2.0), torch.tensor(2.1), torch.tensor(-2.0)]
start = torch.tensor(0.0)

# %%
print("as given:", suspicious_returns(start, centres, collect, improve, 2))


# %% nbgrader={"grade": false, "grade_id": "adapted_returns", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adapted_returns(theta, tasks, collect, improve, steps):
    """Mean return on each task after `steps` adaptation steps from theta, each task on its own.

    theta: the parameters that adaptation starts from, never changed in place; tasks: a list;
    collect(theta, task): a batch of new episodes, a dict whose entry "returns" is a tensor [episode];
    improve(theta, batch): new parameters, one adaptation step; steps: K >= 1.
    Returns a tensor [task].
    """
    # Copy the body of suspicious_returns and change what is wrong.
    ### BEGIN SOLUTION
    results = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(adapted, collect(adapted, task))
        results.append(collect(adapted, task)["returns"].mean())
    return torch.stack(results)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_adapted_returns", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch01.check_adapted_returns(adapted_returns)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Run the given code by hand for two tasks and one step. Write down which parameters collected which batch.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# All tasks adapt from the same $\theta$. And after $K$ updates there are $K + 1$ sets of parameters, but the code
# collects only $K$ batches per task.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: let a new name stand for θ; K times: collect with that name's parameters and put the improved ones
# under the name; after the loop collect once more, only to measure; keep the mean return of that batch.
# </details>

# %%
print("as given:", suspicious_returns(start, centres, collect, improve, 2))
print("yours:   ", adapted_returns(start, centres, collect, improve, 2))

# %% [markdown]
# **Expect:** about $-0.5$ for each of the three tasks: two steps of factor 0.6 leave $0.36$ of a distance of 2, and
# $-(0.36 \cdot 2)^2 \approx -0.52$; a little off because of the noise.
#
# **Interpret:** in the given code the second task starts where the first one ended. Does that make the reported
# numbers better or worse? Think of tasks that are alike, and of tasks that are far apart.
#
# <details><summary>Answer</summary>
#
# First the prediction: only the first task starts at θ, and with $K = 1$ the number is the return *before* any step.
#
# Both. With the three tasks above, the second (2.1) profits from the first (2.0), the third ($-2$) suffers. Over a
# test set in random order it usually hurts, in an order sorted by similarity it flatters: then the method under test
# is no longer "adapt from θ" but "keep learning on a sequence". Either way the second bug hides the last step's gain.
# </details>

# %% [markdown]
# ## Exercise 4: A colleague's bill
#
# **Objective:** find out what a tuned baseline does to a break-even number, and defend your own.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 15 s
#
# A colleague works on short walks: point navigation with a time limit of 30 steps. After $M = 20\,000$ episodes of
# meta-training, $n_2 = 20$ episodes on a new goal reach a mean return of −4. From scratch, with Adam at a learning rate
# of 0.01, that takes $n_1 \approx 700$ episodes a goal. Meta-training has paid back after the smallest whole number of
# goals $n \ge 1$ with
#
# $$M + n\, n_2 \le n\, n_1, \tag{3}$$
#
# so "after 30 goals". Nobody has tuned the learning rate. Repeat the experiment as it should be done:
#
# 1. **Search.** Choose the learning rate by its cost on at least ten *training* goals, with one seed.
# 2. **Measure.** Train with it on at least ten *held-out* goals, with five seeds or more.
# 3. **Report.** The mean cost with its 95 % t interval over seeds; the number of goals after which meta-training has
#    paid back; and the two ends of that number, by (3) from the two ends of the cost's interval.
#
# The cell below has all that you need. `learn(goals, lr, seed)` trains a small network for each goal and returns the
# mean returns `[goal, update]` before each of 40 updates of 20 episodes (look into it with `learn??`);
# `episodes_to_level` turns that into episodes on each goal before the mean over goals first reaches −4. One training
# of ten goals takes about a second. The check repeats parts of what you report, which takes it a few seconds.
#
# **Predict:** by which factor is the tuned learning rate away from 0.01, and what becomes of the 30 goals?

# %% tags=["setup"]
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import episodes_to_level, learn, short_walks

family = short_walks()  # sample_tasks(n, generator, split) draws goals

# %%
print("the colleague's rate:", episodes_to_level(learn(family.sample_tasks(10, seeded(3), "train"), 0.01, seed=0)))

# %% nbgrader={"grade": false, "grade_id": "bill", "locked": false, "schema_version": 3, "solution": true, "task": false}
bill = {
    "rates": ...,  # the learning rates that you tried, [rate]
    "search_goals": ...,  # on these goals, {"goal": [goal, 2]}
    "search_seed": ...,  # with this seed
    "search_costs": ...,  # at this cost in episodes a goal, [rate]; infinite where the level is not reached
    "lr": ...,  # the one that you chose
    "goals": ...,  # held-out goals, {"goal": [goal, 2]}
    "seeds": ...,  # [seed]
    "costs": ...,  # of each seed on the held-out goals with that rate, [seed]
    "cost": ...,  # their mean, n_1
    "interval": ...,  # its 95 % t interval, (low, high)
    "pays_back": ...,  # whole number of goals by (3)
    "pays_back_interval": ...,  # whole numbers (low, high)
}
### BEGIN SOLUTION


def cost(goals, lr, seed):
    return episodes_to_level(learn(goals, lr, seed))


def goals_to_pay_back(scratch, training=20_000, adapted=20):
    return math.ceil(training / (scratch - adapted)) if scratch > adapted else math.inf


rates, search_goals = (0.003, 0.01, 0.03, 0.1, 0.3), family.sample_tasks(10, seeded(100), "train")
search_costs = [cost(search_goals, rate, 0) for rate in rates]
lr = rates[search_costs.index(min(search_costs))]
goals, seeds = family.sample_tasks(10, seeded(200), "test"), (1, 2, 3, 4, 5)
costs = [cost(goals, lr, seed) for seed in seeds]
n_1 = t_interval(costs)  # mean cost, and the ends of its interval
bill = {
    "rates": rates,
    "search_goals": search_goals,
    "search_seed": 0,
    "search_costs": search_costs,
    "lr": lr,
    "goals": goals,
    "seeds": seeds,
    "costs": costs,
    "cost": n_1.point,
    "interval": (n_1.low, n_1.high),
    "pays_back": goals_to_pay_back(n_1.point),
    "pays_back_interval": (goals_to_pay_back(n_1.high), goals_to_pay_back(n_1.low)),
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_bill", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch01.check_bill(bill)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Learning rates differ by factors, not by differences: try each about three times the one before, and go on until the
# cost has risen again on both sides.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `t_interval(costs)` has the mean and both ends (`point`, `low`, `high`); by hand they are
# $\bar x \pm t_{0.975,\, n-1}\; s / \sqrt{n}$. From (3): $n \ge M / (n_1 - n_2)$. The more expensive learning from
# scratch is, the *earlier* meta-training has paid back.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - Draw ten goals of the split `"train"` and, with another seed, ten of the split `"test"`.
# - For each of five rates: `episodes_to_level(learn(search_goals, rate, search_seed))`. Take the rate of lowest cost.
# - For each of five seeds the same with that rate on the test goals; then their mean and interval.
# - Put the mean, the upper end and the lower end into (3), and round up.
# </details>

# %%
print("learning rate", bill["lr"], "· episodes a goal from scratch", bill["cost"], bill["interval"])
print("paid back after", bill["pays_back"], "goals", bill["pays_back_interval"], "· the colleague said 30")

# %% [markdown]
# **Expect:** a cost near 190 episodes at a learning rate near 0.1, and a break-even near 120 goals: four times the
# colleague's number. Other seeds and goals move it by a tenth or two.
#
# **Interpret:** in our own search the winning rate cost 160 episodes, on our held-out goals 188. Give two reasons why the
# first number may be lower. And the search cost episodes, too: on whose bill should they stand?
#
# <details><summary>Answer</summary>
#
# The goals are others, which can go either way. And the winner of a search is chosen *because* its number was low: part
# of that is luck, and it does not repeat. (Here one seed and ten goals cannot tell the two apart.) The search trained
# five rates for up to 800 episodes a goal on ten goals: 40,000 episodes, twice the meta-training. Whoever meets this family for the
# first time pays them; so does the meta-learner, whose own step sizes came from somewhere. Count both or none, and say
# which.
# </details>

# %% [markdown]
# ## Exercise 5: Plan a fair comparison
#
# **Objective:** plan an experiment that could tell you that your favourite method is *not* better.
#
# **Kind:** design · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# You want to know whether a new meta-learner beats "pre-train on all tasks and fine-tune" after **one** gradient
# step. Fill in the plan. Where there are choices, they are:
#
# | field | choices |
# |---|---|
# | `seeds` | a whole number of trainings per method |
# | `tasks` | `"held-out"`, `"training"` |
# | `same_tasks_for_both` | `True`, `False` |
# | `step_sizes_chosen_on` | `"held-out tasks"`, `"training tasks"` |
# | `step_sizes_chosen_for` | `"the budget of the comparison"`, `"a larger budget"`, `"each method's own paper"` |
# | `measured_on` | `"episodes that adaptation learned from"`, `"fresh episodes"` |
# | `steps_counted` | `"adaptation"`, `"adaptation and training"`, `"adaptation, training and search"` |
# | `reported` | `"best seed"`, `"mean over seeds"`, `"interquartile mean with interval"` |
# | `interval_resamples` | `"tasks"`, `"whole seeds"` |
#
# **Predict:** which single field, chosen badly, would have changed the chapter's comparison of MAML with pre-training most?

# %% nbgrader={"grade": false, "grade_id": "comparison", "locked": false, "schema_version": 3, "solution": true, "task": false}
comparison = {
    "seeds": ...,
    "tasks": ...,
    "same_tasks_for_both": ...,
    "step_sizes_chosen_on": ...,
    "step_sizes_chosen_for": ...,
    "measured_on": ...,
    "steps_counted": ...,
    "reported": ...,
    "interval_resamples": ...,
}
### BEGIN SOLUTION
comparison = {
    "seeds": 5,
    "tasks": "held-out",
    "same_tasks_for_both": True,
    "step_sizes_chosen_on": "training tasks",
    "step_sizes_chosen_for": "the budget of the comparison",
    "measured_on": "fresh episodes",
    "steps_counted": "adaptation, training and search",
    "reported": "interquartile mean with interval",
    "interval_resamples": "whole seeds",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_comparison", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch01.check_comparison(comparison)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# For each field ask: which choice could make my favourite look better than it is?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# What you want to estimate is the mean over tasks from $p(\mathcal{T})$ and over trainings of
# $J_{\mathcal{T}}(U_{\mathcal{T}}(\theta^*)) - J_{\mathcal{T}}(U_{\mathcal{T}}(\theta_M))$. What varies if someone
# repeats it, and what must be new?
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# At least five trainings of each; the same tasks, not trained on; every step size chosen on training tasks for one
# step; new episodes to measure; all steps on the bill; a robust mean with an interval over trainings.
# </details>

# %%
for choice, value in comparison.items():
    print(f"{choice:24} {value}")

# %% [markdown]
# **Expect:** the plan, and a check that finds none of its faults. There is no one right plan, and five seeds are a
# minimum, not a recommendation.
#
# **Interpret:** the plan says nothing about *which family of tasks*. Why can a comparison be faultless and still say
# little?
#
# <details><summary>Answer</summary>
#
# First the prediction: `step_sizes_chosen_for`. With the step size chosen for three steps the lead after one step was 12.8,
# with the one chosen for one step 1.6.
#
# Because the result holds for that $p(\mathcal{T})$. Point navigation, where every goal is alike in curvature, leaves
# a meta-learner little to win; a family in which tasks need different representations, or in which exploration has to
# be learned, leaves it more. Name the family in the claim.
# </details>
