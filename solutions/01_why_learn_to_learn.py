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
# Five exercises on what the chapter measured: returns, the two optima, an honest evaluation, the bill, the plan. Fill
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
# ## Exercise 1: Reward-to-go with padding
#
# **Objective:** turn a batch of rewards into returns, without counting what stands behind an episode's end.
#
# **Kind:** implement · **Difficulty:** ★☆☆ · **Time:** 10 min · **Run time:** 1 s
#
# Episodes end at different times, but a tensor `[episode, time]` has one length. So a `mask` says which steps were
# really taken. Behind an episode's end the rewards may hold anything. For steps that were taken,
#
# $$R_t = \sum_{k \ge t} \gamma^{k-t}\, r_k \quad \text{over the steps } k \text{ that were taken}, \tag{1}$$
#
# and for the padding the result is zero.
#
# **Predict:** rewards $1, 1, 1$ with $\gamma = 0.5$. Which of the three steps has the largest $R_t$, and how large
# can $R_t$ get for an endless episode of ones?

# %% nbgrader={"grade": false, "grade_id": "reward_to_go", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reward_to_go(rewards, mask, discount):
    """Discounted return from each step on, equation (1).

    rewards: [episode, time], anything in the padding, NaN and infinite numbers too; mask: bool [episode, time], true
    where a step was taken, which may be nowhere in an episode; discount: gamma in [0, 1].
    Returns [episode, time] of the rewards' dtype, zero in the padding. The arguments stay as they are.
    """
    ### BEGIN SOLUTION
    rewards = torch.where(mask, rewards, 0.0)
    total, backwards = torch.zeros_like(rewards[:, 0]), []
    for reward in rewards.flip(1).unbind(1):
        total = reward + discount * total
        backwards.append(total)
    return torch.stack(backwards[::-1], 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_reward_to_go", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch01.check_reward_to_go(reward_to_go)
### BEGIN HIDDEN TESTS
assert reward_to_go(torch.ones(1, 2000), torch.ones(1, 2000, dtype=torch.bool), 0.5)[0, 0].item() == 2.0
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Two of three steps can be avoided: how does $R_t$ follow from $R_{t+1}$? And what should a reward in the padding be?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $R_t = r_t + \gamma R_{t+1}$ with $R_H = 0$, on rewards that are zero wherever the mask is false.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Replace masked-out rewards by zero in a new tensor; go through the time axis from the last column to the first,
# keeping a running total per episode (`total = column + discount * total`); collect the totals; put them back in the
# order of time.
# </details>

# %%
example = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 99.0, 99.0]])
taken = torch.tensor([[True, True, True, True], [True, True, False, False]])
print(reward_to_go(example, taken, 0.5))


# %% [markdown]
# **Expect:** `[[1.875, 1.75, 1.5, 1.0], [1.5, 1.0, 0.0, 0.0]]`.
#
# **Interpret:** suppose the mask is forgotten, and the padding of each episode that reached its goal holds the last
# reward again and again. Would an agent be drawn to the goal or driven from it? What if rewards were positive?
#
# <details><summary>Answer</summary>
#
# With negative rewards, phantom rewards after the end make reaching the goal look worse than it was: part of the
# reason to finish early disappears. With positive rewards they reward finishing, or nothing at all, depending on
# their size. The loss still falls and the curve still rises a little: the bug is silent.
# </details>

# %% [markdown]
# ## Exercise 2: The optimum after $K$ steps
#
# **Objective:** find where adaptation should start, if $K$ inner steps will follow.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# Tasks as in (01.12): $J_{\mathcal{T}}(\theta) = -\frac{1}{2} a_{\mathcal{T}} (\theta - c_{\mathcal{T}})^2$. The
# inner loop takes $K$ steps $\theta \leftarrow \theta + \alpha \nabla J_{\mathcal{T}}(\theta)$ with the exact
# gradient. You look for
#
# $$\theta^*_K = \arg\max_\theta \frac{1}{n} \sum_{\mathcal{T}} J_{\mathcal{T}}\big(U^{(K)}_{\mathcal{T}}(\theta)\big). \tag{2}$$
#
# Try to derive it on paper before you look at (01.14). Asked for is a formula, without autograd. The check goes through
# the inner steps one by one and compares.
#
# **Predict:** two tasks, one steep at $+1$, one flat at $-1$. As $K$ grows, where does $\theta^*_K$ go?

# %% nbgrader={"grade": false, "grade_id": "meta_optimum", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_optimum(curvature, centre, inner_lr, steps):
    """The maximiser of equation (2).

    curvature, centre: [task], a > 0 and c; inner_lr: alpha >= 0, with alpha * a < 1 for all tasks; steps: K >= 1.
    Returns a tensor without axes, of their dtype.
    """
    ### BEGIN SOLUTION
    weight = curvature * (1 - inner_lr * curvature) ** (2 * steps)
    return (weight * centre).sum() / weight.sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_meta_optimum", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch01.check_meta_optimum(meta_optimum)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# By which factor does one inner step shorten the distance $\theta - c_{\mathcal{T}}$? And $K$ of them?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $J_{\mathcal{T}}(U^{(K)}_{\mathcal{T}}(\theta)) = -\frac{1}{2} w_{\mathcal{T}} (\theta - c_{\mathcal{T}})^2$ with
# $w_{\mathcal{T}} = a_{\mathcal{T}} (1 - \alpha a_{\mathcal{T}})^{2K}$. Where is the maximum of a sum of such
# parabolas?
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# weight = curvature × (1 − inner_lr × curvature) to the power 2 × steps; the answer is the mean of the centres with
# these weights: sum of weight × centre, divided by the sum of the weights.
# </details>

# %%
steep_and_flat = torch.tensor([1.6, 0.4]), torch.tensor([1.0, -1.0])
optima = [float(meta_optimum(*steep_and_flat, 0.5, steps)) for steps in range(1, 7)]
figure, axes = plotting.figure(width=6.0, height=3.2)
axes.plot(range(1, 7), optima, "o-", label="meta-optimum")
axes.axhline(0.6, color=plotting.ORANGE, label="multi-task optimum")
axes.set(xlabel="inner steps K", ylabel="θ where adaptation starts", ylim=(-1.1, 1.1))
axes.legend()
plotting.show(
    figure, "The meta-optimum falls from −0.6 at one inner step towards −1; the multi-task optimum stays at 0.6."
)


# %% [markdown]
# **Expect:** a curve from −0.6 at $K = 1$ down towards −1, while the multi-task optimum stays at 0.6.
#
# **Interpret:** first-order MAML ignores that $U$ depends on $\theta$. Where does it come to rest for $K = 1$ in this
# example, and is that nearer to the multi-task or to the meta-optimum?
#
# <details><summary>Answer</summary>
#
# Its update is $\sum a (1 - \alpha a)(c - \theta)$, one factor instead of two, so it rests at
# $(1.6 \cdot 0.2 - 0.4 \cdot 0.8) / (0.32 + 0.32) = 0$: half way between 0.6 and −0.6. Chapter 05 measures what that
# costs.
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
    noise = torch.randn(20, generator=torch.Generator().manual_seed(0))
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
# Both. With the three tasks above, the second (2.1) profits from the first (2.0), the third ($-2$) suffers. Over a
# test set in random order it usually hurts, in an order sorted by similarity it flatters: then the method under test
# is no longer "adapt from θ" but "keep learning on a sequence". Either way the second bug hides the last step's gain.
# </details>

# %% [markdown]
# ## Exercise 4: When does meta-training pay?
#
# **Objective:** compute after how many tasks an investment has paid back, edge cases included.
#
# **Kind:** implement · **Difficulty:** ★☆☆ · **Time:** 10 min · **Run time:** 1 s
#
# A meta-learner spends $M$ environment steps beforehand and $n_2$ per new task; training from scratch spends $n_1$
# per new task. It has paid back after the smallest whole number of tasks $n \ge 1$ with
#
# $$M + n\, n_2 \le n\, n_1. \tag{3}$$
#
# **Predict:** $M = 1000$, $n_1 = 50$, $n_2 = 80$. What should a function return here?

# %% nbgrader={"grade": false, "grade_id": "break_even", "locked": false, "schema_version": 3, "solution": true, "task": false}
def break_even(training, scratch, adapted):
    """The smallest number of tasks n >= 1 for which equation (3) holds.

    training: M > 0; scratch: n_1; adapted: n_2, all in environment steps, whole numbers.
    Returns an int, or math.inf where it never pays back.
    """
    ### BEGIN SOLUTION
    saved = scratch - adapted
    return math.ceil(training / saved) if saved > 0 else math.inf
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_break_even", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch01.check_break_even(break_even)
### BEGIN HIDDEN TESTS
assert break_even(10, 5, 5) == math.inf
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# How much does one new task save? Can that be zero, or less?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# (3) is $M \le n (n_1 - n_2)$. Solve it for $n$, mind the sign of what you divide by, and take a whole number that
# still fulfils it.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# saved = scratch − adapted; if it is not positive, return infinity; otherwise divide training by saved and round up.
# </details>

# %%
for name, bill in {"MAML, say": (4_500_000, 20_000, 2_000), "a specialist, say": (180_000, 20_000, 3_800)}.items():
    print(f"{name}: {break_even(*bill)} tasks")

# %% [markdown]
# **Expect:** 250 and 12 tasks.
#
# **Interpret:** the specialist pays back twenty times sooner. Name a situation in which you would still meta-train.
#
# <details><summary>Answer</summary>
#
# Where steps after deployment are worth far more than steps before it (a robot in a customer's house against a
# simulator), where the number of tasks goes into the thousands, where a new task allows only one round of episodes,
# or where fine-tuning does not get there at all. The break-even counts all steps alike; that is an assumption, too.
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
# **Predict:** which single field, chosen badly, would have changed the conclusion of the chapter's section 6 most?

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
# Because the result holds for that $p(\mathcal{T})$. Point navigation, where every goal is alike in curvature, leaves
# a meta-learner little to win; a family in which tasks need different representations, or in which exploration has to
# be learned, leaves it more. Name the family in the claim.
# </details>
