# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 03: Value-based agents
#
# Five exercises on the parts of a Q-learner that fail silently: its target, its memory, its second network, its maximum,
# and the experiment that judges it. Fill in the cells marked `# YOUR CODE HERE`; the check under each
# answers at once, as often as you like. Notation and equation numbers are those of
# [chapter 03](../chapters/03_value_based_agents.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch03
from metarl_core.evaluation import t_interval
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: A target that knows of exploration
#
# **Objective:** turn a minibatch into the numbers that an agent regresses on, for the policy that really acts, ends of
# episodes included.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# The maximum in (03.20) stands for a future without exploration. An agent that explores for ever has another future.
# SARSA's target (section 3) contains the next action $a'$ of the agent itself; its expectation over that action is the
# target of *expected SARSA*,
#
# $$y = r + \gamma\, (1 - d)\; \mathbb{E}_{a'}\big[ Q_{\bar\theta}(s', a') \big], \tag{1}$$
#
# where $d = 1$ for rows after which the MDP has terminated, and $a'$ is drawn as the agent draws it: with probability
# $\varepsilon$ from *all* actions, each equally likely, and otherwise it is the action to which the online network
# $\theta$ gives the largest value. The target network $\bar\theta$ values it. $y$ is a constant for the optimiser, although
# both inputs may carry a gradient.
#
# **Predict:** three actions with the values 4, 1 and 1 by both networks, $r = 0$, $\gamma = 1$. What is $y$ for
# $\varepsilon = 0$, for $\varepsilon = 1$, and for $\varepsilon = 0.3$?

# %% nbgrader={"grade": false, "grade_id": "expected_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_target(rewards, terminated, truncated, online, target, discount, epsilon):
    """Equation (1) for a minibatch.

    rewards: [row]; terminated, truncated: bool [row], how the step ended its episode, if it did;
    online, target: [row, action], values of the true next observation by the two networks, maybe with a gradient;
    discount: gamma; epsilon: from 0 to 1. Returns [row], of the dtype of the rewards, through which no gradient flows.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        greedy = target.gather(1, online.argmax(1, keepdim=True))[:, 0]
        future = (1 - epsilon) * greedy + epsilon * target.mean(1)
        return rewards + discount * torch.where(terminated, 0.0, future)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_expected_target", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch03.check_expected_target(expected_target)
### BEGIN HIDDEN TESTS
ends = torch.tensor([False, True, False, True]), torch.tensor([False, False, True, True])
four_one_one = torch.tensor([[4.0, 1.0, 1.0]]).expand(4, 3)
assert expected_target(torch.zeros(4), *ends, four_one_one, four_one_one, 1.0, 1.0).tolist() == [2.0, 0.0, 2.0, 0.0]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# With what probability does the agent take its greedy action, all in all? There are two ways to it.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# An expectation over a mixture is the mixture of two expectations: one over a policy that never explores, one over a
# policy that always does. `target.gather(1, index)` reads entries of columns that `online` chose.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - Without a graph: the column of the largest entry of each row of `online`.
# - The value by `target` if the agent does not explore, and the value by `target` if it does, each `[row]`.
# - Mix the two with the probabilities of the two ways.
# - Set the result to zero where nothing follows, discount it, and add the reward.
# </details>

# %%
mixed = torch.tensor([[4.0, 1.0, 1.0]])
goes_on = torch.tensor([False])
for epsilon in (0.0, 1.0, 0.3):
    print(epsilon, expected_target(torch.zeros(1), goes_on, goes_on, mixed, mixed, 1.0, epsilon).tolist())


# %% [markdown]
# **Expect:** 4, 2 and 3.4.
#
# **Interpret:** chapter 03 calls Q-learning off-policy: its targets do not ask how the data were collected. Whose
# values does (1) learn if a replay buffer holds transitions from a time when $\varepsilon$ was larger?
#
# <details><summary>Answer</summary>
#
# Those of the *present* $\varepsilon$-greedy policy. The old action $a$ stands in $Q(s, a)$ only, where any action will do;
# the next action is not taken from the buffer but averaged over, with today's probabilities. SARSA itself, with the
# stored $a'$, would mix in the old policy.
# </details>

# %% [markdown]
# ## Exercise 2: A ring that remembers
#
# **Objective:** store transitions in a ring and draw from what has been written, for several learners at once.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# A replay buffer of capacity $N$ keeps the last $N$ transitions. Here a transition is one number, and each learner has
# a row of its own in `ring`, `[learner, N]`. `written`, `[learner]`, counts all transitions that a learner has ever
# written; the counts differ, since a learner whose environment only resets writes nothing in that step. With the first
# transition of a learner being number 0,
#
# $$\text{transition number } i \text{ stands in slot } i \bmod N. \tag{2}$$
#
# `ring_write` appends a few transitions to each learner. `ring_sample` draws uniformly, with replacement, from those
# that are still there.
#
# **Predict:** $N = 5$ and 13 transitions have been written. Which numbers are still there, and in which slots? Which
# slot is the next to be overwritten?

# %% nbgrader={"grade": false, "grade_id": "ring", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ring_write(ring, written, new):
    """Append transitions to each learner's ring by (2).

    ring: [learner, N]; written: int64 [learner], before this call; new: [learner, k] with k <= N, oldest first.
    Returns the new ring and the new counts, each of the dtype it had; the arguments stay as they are.
    """
    ### BEGIN SOLUTION
    learners, more = new.shape
    slot = (written[:, None] + torch.arange(more)) % ring.shape[1]
    return ring.scatter(1, slot, new), written + more
    ### END SOLUTION


def ring_sample(ring, written, size, generator):
    """Draw `size` transitions for each learner, uniformly and with replacement from those in its ring.

    ring: [learner, N]; written: int64 [learner], each at least 1, may exceed N; generator: source of all randomness.
    Returns [learner, size].
    """
    ### BEGIN SOLUTION
    filled = written.clamp_max(ring.shape[1])
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * filled[:, None]).long())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_ring_write", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch03.check_ring_write(ring_write)
### BEGIN HIDDEN TESTS
two_rings, two_counts = torch.zeros(2, 3), torch.tensor([0, 2])
for first in range(0, 8, 2):
    both = torch.tensor([[first, first + 1.0], [10.0 + first, 11.0 + first]])
    two_rings, two_counts = ring_write(two_rings, two_counts, both)
assert two_rings.tolist() == [[6.0, 7.0, 5.0], [17.0, 15.0, 16.0]]
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "check_ring_sample", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch03.check_ring_sample(ring_sample)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# For writing: what are the numbers of the new transitions of a learner that has written 13 so far? For drawing: how
# many slots of that learner hold something?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# The new numbers are `written[:, None] + torch.arange(k)`, `[learner, k]`. `ring.scatter(1, slots, new)` writes into a
# copy. There are $\min(\text{written}, N)$ transitions to draw from; a uniform number in $[0, 1)$ times $n$, rounded
# down, is uniform on $0, \dots, n - 1$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Write: slots = numbers modulo N; scatter; counts plus k. Draw: filled = written, at most N; uniform numbers `[learner,
# size]` from the generator times filled, as integers; `ring.gather(1, slots)`.
# </details>

# %%
ring, written = torch.full((1, 5), -1.0), torch.tensor([0])
for number in range(13):
    ring, written = ring_write(ring, written, torch.tensor([[float(number)]]))
    if number in (2, 4, 5, 12):
        print(f"after {number + 1:2} transitions:", [int(value) for value in ring[0]])
drawn = ring_sample(ring, written, 10_000, torch.Generator().manual_seed(0))
print({int(value): int((drawn == value).sum()) for value in drawn.unique()})


# %% [markdown]
# **Expect:** `[10, 11, 12, 8, 9]` after 13 transitions, and each of the five drawn about 2,000 times. The next slot to be
# overwritten is 3, which holds the oldest, 8.
#
# **Interpret:** some implementations do not store the next observation but read it from the next slot, to save memory.
# For which slot is that wrong, and how large is the share of wrong transitions in a ring of a million?
#
# <details><summary>Answer</summary>
#
# For the newest transition: the slot behind it holds the *oldest* observation. (It is wrong at every episode's end
# too, where the next slot begins a new episode.) One in a million does no harm that anyone would notice, and this is
# why such a bug can live for years. With the small rings of tests and of meta-learning, hundreds of transitions per
# task, it does.
# </details>

# %% [markdown]
# ## Exercise 3: Two bugs that hide each other
#
# **Objective:** find out why a target network has no effect, and repair it.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 20 min · **Run time:** 1 s
#
# A "network" as small as possible: a table $Q$ `[state, action]`, with a second table $\bar Q$ for the targets. For
# each minibatch, all with the tables as they were before it,
#
# $$Q(s, a) \leftarrow Q(s, a) + \eta \sum_{\text{rows with } (s, a)} \big[\, r + \gamma\, (1 - d) \max_{a'} \bar Q(s', a') - Q(s, a) \,\big],
# \qquad \bar Q \leftarrow Q \text{ after the updates } C, 2C, 3C, \dots \tag{3}$$
#
# The code of a colleague does something else. It learns, its curves look fine, and its target network might as well
# not be there. There are **two** bugs, and the first hides the second: repair one, and things get worse.
#
# **Predict:** read it. Which table does `target` point to after its first line? How often is `target` renewed?

# %% tags=["setup"]
def colleagues_learning(start, batches, discount, rate, period):
    online = {"q": start.clone()}
    target = dict(online)
    updates = 0
    for state, action, reward, following, terminated in batches:
        future = torch.where(terminated, 0.0, target["q"][following].amax(-1))
        error = reward + discount * future - online["q"][state, action]
        online["q"].index_put_((state, action), rate * error, accumulate=True)  # adds up where a pair is repeated
        if updates > 0 and updates % period == 0:
            target = dict(online)
            updates += 1
    return online["q"], target["q"]


def corridor(number, generator):
    """Minibatches of 16 random steps in a corridor of 10 cells; the reward 1 and the end wait at its right end."""
    batches = []
    for _ in range(number):
        state, action = torch.randint(9, (16,), generator=generator), torch.randint(2, (16,), generator=generator)
        following = (state + 2 * action - 1).clamp_min(0)
        batches.append((state, action, (following == 9).float(), following, following == 9))
    return batches


# %%
online, target = colleagues_learning(torch.zeros(10, 2), corridor(25, torch.Generator().manual_seed(0)), 0.9, 0.2, 10)
print("largest difference between online and target table after 25 updates:", float((online - target).abs().max()))


# %% nbgrader={"grade": false, "grade_id": "learn_with_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learn_with_target(start, batches, discount, rate, period):
    """Equation (3), from Q and its target table both equal to `start`.

    start: [state, action], stays as it is; batches: list of (state, action, reward, next state, terminated), each
    [row]; discount: gamma; rate: eta; period: C. Returns the online table and the target table at the end.
    """
    # Copy the body of colleagues_learning and change what is wrong.
    ### BEGIN SOLUTION
    online, target = {"q": start.clone()}, {"q": start.clone()}
    updates = 0
    for state, action, reward, following, terminated in batches:
        future = torch.where(terminated, 0.0, target["q"][following].amax(-1))
        error = reward + discount * future - online["q"][state, action]
        online["q"].index_put_((state, action), rate * error, accumulate=True)
        updates += 1
        if updates % period == 0:
            target = {name: value.clone() for name, value in online.items()}
    return online["q"], target["q"]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_learn_with_target", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch03.check_learn_with_target(learn_with_target)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# `dict(online)` makes a new dictionary. Does it make new tensors? And under which condition does `updates` grow?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# A copy of a tensor is `.clone()`. The counter must count *updates*: after the first minibatch it is 1, and (3) copies
# when it is a multiple of $C$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# target = a dictionary of clones; for each minibatch: change the online table; updates + 1; if updates is divisible by
# the period: target = a dictionary of clones again.
# </details>

# %%
figure, axes = plotting.figure(width=6.6, height=3.6)
many = corridor(150, torch.Generator().manual_seed(0))
for label, code, color in (
    ("colleague", colleagues_learning, plotting.RED),
    ("repaired", learn_with_target, plotting.BLUE),
):
    value = [float(code(torch.zeros(10, 2), many[:n], 0.9, 0.2, 10)[0][0].max()) for n in range(0, 151, 2)]
    axes.plot(range(0, 151, 2), value, color=color, label=label)
axes.axhline(0.9**8, color="black", linestyle=":", label="true value")
axes.set(xlabel="updates", ylabel="value of the leftmost cell")
axes.legend()
plotting.show(
    figure,
    "Value of the leftmost cell against updates. The colleague's curve rises smoothly to the true value of 0.43; the "
    "repaired one stays at zero for eighty updates and then climbs in steps to the same value.",
)


# %% [markdown]
# **Expect:** the colleague's value starts to rise early; the repaired one stays at zero for 80 updates, since with
# $C = 10$ the news travels one cell per copy and has eight to go. Both end at $0.9^8 = 0.43$.
#
# **Interpret:** the buggy code learns *faster*. Why would anyone want the repaired one, and why did no learning curve
# give the bug away?
#
# <details><summary>Answer</summary>
#
# First the prediction: `target` is a new dictionary with the *same* table in it, so it changes with every update; and it is
# never renewed, because `updates` stays 0.
#
# In a table nothing can diverge, so a target network only delays. With a shared network it holds the target still
# while the prediction runs after it; what that is worth is a question for an ablation, and in the chapter's table the
# answer for CartPole is there to read. A learning curve shows whether something learns, not whether it is the
# algorithm whose name it bears. A test that compares the two networks after one update finds this bug at once.
# </details>

# %% [markdown]
# ## Exercise 4: What luck is worth
#
# **Objective:** compute the bias of a maximum, with and without double estimation, where the values are not equal.
#
# **Kind:** derive · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 2 s
#
# Two actions have estimates $\hat q(1), \hat q(2)$ with independent normal noise of standard deviation $\sigma$ around
# the true values $q(1) \ge q(2)$. Find the bias, that is, expectation minus $\max_a q(a)$,
#
# 1. `bias_equal`: of $\max_a \hat q(a)$ for $q(1) = q(2)$ and $\sigma = 3$;
# 2. `bias_single`: of $\max_a \hat q(a)$ for $q(1) = 0$, $q(2) = -1$ and $\sigma = 1$;
# 3. `bias_double`: of $\hat q_B(\arg\max_a \hat q_A(a))$ for the same values, with independent $\hat q_A$, $\hat q_B$.
#
# Write formulas in Python. The normal density and distribution function are there as `phi` and `Phi`. You may use
# that for a standard normal $z$ and any $c$, $\mathbb{E}[\max(c + z, 0)] = c\, \Phi(c) + \varphi(c)$.
#
# **Predict:** order the three by size, and say which are negative.

# %% tags=["setup"]
def phi(x):
    """Density of the standard normal distribution."""
    return math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def Phi(x):
    """Its distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


# %% nbgrader={"grade": false, "grade_id": "bias", "locked": false, "schema_version": 3, "solution": true, "task": false}
bias_equal = ...  # a number
bias_single = ...  # a number
bias_double = ...  # a number
### BEGIN SOLUTION
bias_equal = 3 / math.sqrt(math.pi)  # (03.18)
spread = math.sqrt(2)  # standard deviation of the difference of the two estimates
# max(x, y) = y + max(x − y, 0), and x − y is normal with mean 1 and standard deviation √2.
bias_single = -1 + spread * (1 / spread * Phi(1 / spread) + phi(1 / spread))
bias_double = -1 * Phi(-1 / spread)  # loses 1 whenever the worse action looks better to A
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_bias_equal", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch03.check_bias_equal(bias_equal)

# %% nbgrader={"grade": true, "grade_id": "check_bias_single", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch03.check_bias_single(bias_single)

# %% nbgrader={"grade": true, "grade_id": "check_bias_double", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch03.check_bias_double(bias_double)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Everything depends on the difference of the two estimates. How is it distributed? For the third: how often does A
# choose the worse action, and what does that cost?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\max(x, y) = y + \max(x - y, 0)$, and $x - y$ is normal with mean $q(1) - q(2)$ and standard deviation $\sqrt{2}\, \sigma$.
# For the third use (03.19).
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# With $\Delta = q(1) - q(2)$, $s = \sqrt{2} \sigma$, $c = \Delta / s$: first, $\sigma / \sqrt{\pi}$; second,
# $-\Delta + s\, (c\, \Phi(c) + \varphi(c))$; third, $-\Delta\, \Phi(-c)$.
# </details>

# %%
generator = torch.Generator().manual_seed(0)
true = torch.tensor([0.0, -1.0])
a, b = true + torch.randn(2, 1_000_000, 2, generator=generator)
equal = 3 * torch.randn(1_000_000, 2, generator=generator)
measured = {
    "bias_equal": equal.amax(1).mean(),
    "bias_single": a.amax(1).mean(),
    "bias_double": b.gather(1, a.argmax(1, keepdim=True)).mean(),
}
for name, value in measured.items():
    print(f"{name:12} measured {float(value):+.3f}, yours {globals()[name]}")

# %% [markdown]
# **Expect:** your three numbers agree with the measured ones within about 0.005.
#
# **Interpret:** in the second and third the biases have nearly the same size and opposite signs. Why is the positive
# one more dangerous to an agent that learns from its own estimates?
#
# <details><summary>Answer</summary>
#
# A value that is too high attracts the greedy policy, and its neighbours copy it as their target; with $\gamma$ near 1
# it adds up to $b / (1 - \gamma)$. A value that is too low is avoided and copied less often, because the maximum looks
# elsewhere. In the other direction: an action that is undervalued may never be tried again, and then nothing corrects
# it. Exploration is the cure for that one, not double estimation.
# </details>

# %% [markdown]
# ## Exercise 5: Plan an experiment, and run one
#
# **Objective:** plan an experiment that can tell you that nothing matters; then run a small one, and defend its number.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 40 min · **Run time:** 10 s
#
# **The plan.** You have a full agent that works, and want to know for each of its ingredients whether it is needed.
# Fill in the plan. Where there are choices, the constants stand in `ch03`; the next cell prints them.
#
# **The experiment.** The grid below has 4 × 12 cells. An agent starts at the bottom left and walks to the bottom right;
# each step costs 1. The cells between the two are a cliff: who steps on one pays 100 and starts again. The agent
# explores with $\varepsilon = 0.1$, in training and afterwards. `train(target_epsilon, seeds)` trains a table for each seed
# with *your* target (1): with $\varepsilon = 0$ in the target it is Q-learning, with $\varepsilon = 0.1$ expected SARSA.
# Nothing else differs, and agents of the same seed meet the same random numbers. **What do the two kinds of agents
# earn while they explore, and by how much do they differ?** Report the mean of the differences, seed by seed, with its t interval
#
# $$\bar x \pm t_{n-1,\,0.975}\; s / \sqrt{n} \tag{4}$$
#
# for $n$ seeds, $\bar x$ the mean and $s$ the standard deviation (with $n - 1$) of the $n$ differences. The check plays your
# agents again on episodes of its own. That they come from the seeds that you name, and from this `train`, it cannot see: for
# that you vouch.
#
# **Predict:** (a) Section 7 of the chapter is an ablation. Which entry of the plan does it *not* fulfil? (b) Which of
# the two agents walks farther from the cliff? Which earns more while it explores, and which if exploration is switched off?

# %%
for name in ("SAME_STEP_SIZE", "OWN_STEP_SIZE", "IN_TRAINING", "GREEDY", "LAST", "BEST", "STEPS", "UNTIL_SOLVED"):
    print(f"{name:20} {getattr(ch03, name)}")
for name in ("NO_EFFECT", "NO_EVIDENCE", "EXPECTED_EARNS_MORE", "GREEDY_EARNS_MORE", "NOT_TOLD_APART"):
    print(f"{name:20} {getattr(ch03, name)}")

# %% nbgrader={"grade": false, "grade_id": "plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
plan = {
    "changes_per_variant": ...,  # int: in how many ingredients does a variant differ from the full agent?
    "seeds": ...,  # int: per variant
    "step_size": ...,  # ch03.SAME_STEP_SIZE or ch03.OWN_STEP_SIZE
    "measured_on": ...,  # ch03.IN_TRAINING or ch03.GREEDY
    "reported": ...,  # ch03.LAST or ch03.BEST
    "budget": ...,  # ch03.STEPS or ch03.UNTIL_SOLVED
    "if_intervals_overlap": ...,  # the conclusion: ch03.NO_EFFECT or ch03.NO_EVIDENCE
}
### BEGIN SOLUTION
plan = {
    "changes_per_variant": 1,
    "seeds": 10,
    "step_size": ch03.OWN_STEP_SIZE,
    "measured_on": ch03.GREEDY,
    "reported": ch03.LAST,
    "budget": ch03.STEPS,
    "if_intervals_overlap": ch03.NO_EVIDENCE,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_plan", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch03.check_plan(plan)

# %% tags=["setup"]
START, GOAL = 36, 47  # cells are numbered row by row, 12 in a row


def cliff_step(cell, action):
    """Next cells, rewards and ends for any shape of cells and actions: up, right, down, left."""
    row = (cell // 12 + torch.tensor([-1, 0, 1, 0])[action]).clamp(0, 3)
    column = (cell % 12 + torch.tensor([0, 1, 0, -1])[action]).clamp(0, 11)
    fallen = (row == 3) & (column > 0) & (column < 11)
    following = torch.where(fallen, START, 12 * row + column)
    return following, torch.where(fallen, -100.0, -1.0), following == GOAL


def act(values, agent, cell, explores, which):
    """ε-greedy actions; `explores` (bool) and `which` (uniform in [0, 1)) are the luck of each."""
    return torch.where(explores, (4 * which).long(), values[agent, cell].argmax(-1))


# %% tags=["setup"]
def train(target_epsilon, seeds, iterations=1500, walkers=16, rate=0.2):
    """Values [seed, cell, action] by your target (1); each seed has 16 walkers that share its table."""
    luck = [torch.rand((iterations, 2, walkers), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    values, cell = torch.zeros(len(seeds), 48, 4), torch.full((len(seeds), walkers), START)
    agent = torch.arange(len(seeds))[:, None].expand(cell.shape)
    for explores, which in torch.stack(luck, 2):
        action = act(values, agent, cell, explores < 0.1, which)
        following, reward, ended = cliff_step(cell, action)
        ahead = values[agent, following].flatten(0, 1)
        flags = ended.flatten(), torch.zeros_like(ended.flatten())
        y = expected_target(reward.flatten(), *flags, ahead, ahead, 1.0, target_epsilon).view(cell.shape)
        values.index_put_((agent, cell, action), rate * (y - values[agent, cell, action]), accumulate=True)
        cell = torch.where(ended, START, following)
    return values


def play(values, episodes, epsilon, generator):
    """Returns [seed, episode] of agents with these values; an episode that does not end is cut after 500 steps."""
    cell = torch.full((len(values), episodes), START)
    agent = torch.arange(len(values))[:, None].expand(cell.shape)
    returns, over = torch.zeros(cell.shape), torch.zeros(cell.shape, dtype=torch.bool)
    for _ in range(500):
        explores, which = torch.rand((2, *cell.shape), generator=generator)
        cell, reward, ended = cliff_step(cell, act(values, agent, cell, explores < epsilon, which))
        returns, over = returns + torch.where(over, 0.0, reward), over | ended
        if over.all():
            break
    return returns


# %% nbgrader={"grade": false, "grade_id": "comparison", "locked": false, "schema_version": 3, "solution": true, "task": false}
comparison = {
    "seeds": ...,  # list of int: five or more
    "greedy_target": ...,  # [seed, 48, 4], from train(0.0, seeds)
    "expected_target": ...,  # [seed, 48, 4], from train(0.1, seeds)
    "returns_greedy_target": ...,  # [seed, episode], while exploring with ε = 0.1; 20 episodes or more, as many for both
    "returns_expected_target": ...,  # the same for the other agents
    "low": ...,  # lower end of the t interval of (return with expected target) - (return with greedy target)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch03.EXPECTED_EARNS_MORE, ch03.GREEDY_EARNS_MORE or ch03.NOT_TOLD_APART
}
### BEGIN SOLUTION
seeds = list(range(10))
tables = [train(target_epsilon, seeds) for target_epsilon in (0.0, 0.1)]
returns = [play(table, 100, 0.1, torch.Generator().manual_seed(100)) for table in tables]
differences = returns[1].mean(1) - returns[0].mean(1)
interval = t_interval(differences)
comparison = {
    "seeds": seeds,
    "greedy_target": tables[0],
    "expected_target": tables[1],
    "returns_greedy_target": returns[0],
    "returns_expected_target": returns[1],
    "low": interval.low,
    "high": interval.high,
    "conclusion": ch03.EXPECTED_EARNS_MORE,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_comparison", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch03.check_comparison(comparison)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# For each entry of the plan imagine a colleague who wants the opposite result. Which choice would let them get it? For
# the comparison: how many numbers are there whose mean you report, and what makes two of them independent?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# A difference between two variants is the effect of the ingredient *plus* everything else that differs: tuning,
# yardstick, luck, amount of data. In (4) $n$ is the number of seeds, however many episodes each agent played;
# `metarl_core.evaluation.t_interval` takes the $n$ differences.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - Plan, for each entry: with which choice could the result be something else than the ingredient (another change, luck,
#   care in tuning, random actions, a choice among checkpoints, more data, too few seeds to see anything)? Take the other one.
# - Tables: `train` twice with the same seeds.
# - Returns: `play` each with ε = 0.1; the mean over its episodes is the number of a seed.
# - Differences, seed by seed; their t interval; a conclusion that agrees with its sign.
# </details>

# %%
figure, axes = plotting.figure(width=6.6, height=3.6)
places = {"while exploring (ε = 0.1)": 0.1, "exploration switched off": 0.0}
for place, epsilon in enumerate(places.values()):
    for shift, name, color, marker in ((-0.12, "greedy_target", plotting.ORANGE, "o"), (0.12, "expected_target", plotting.BLUE, "s")):
        of_seed = play(comparison[name], 200, epsilon, torch.Generator().manual_seed(7)).mean(1)
        spots = place + shift + torch.linspace(-0.06, 0.06, len(of_seed))
        axes.plot(spots, of_seed, marker, color=color, markersize=5, label=name.replace("_", " ") if place == 0 else None)
axes.set_xticks(range(2), places)
axes.set(ylabel="mean return of a seed", xlim=(-0.5, 1.5))
axes.legend()
plotting.show(
    figure,
    "Mean returns of each seed. While exploring, agents with the greedy target earn about −40 to −60, those with the "
    "expected target about −20. With exploration switched off, the greedy target gives −13 and the expected one −15.",
)

# %% [markdown]
# **Expect:** none of the seven faults in the plan. While exploring, the expected target earns about 30 more; the t
# interval over ten seeds leaves 0 far out. With exploration switched off it earns 2 *less*.
#
# **Interpret:** (a) Q-learning finds $Q^*$, and SARSA's values are those of a worse policy. How can the latter earn
# more? (b) Which entry of your plan does the comparison itself not keep? (c) Removing one ingredient at a time finds
# those that are *necessary*. Which kind can it not find?
#
# <details><summary>Answer</summary>
#
# (a) $Q^*$ is right for an agent that will act greedily, and this one will not: it walks along the edge, where one
# step in forty costs 100. The expected target knows of that step and keeps a distance. Each wins in the world
# that its target describes. (b) Both have the step size 0.2, which was chosen for neither; and the returns contain random
# actions, on purpose, since the question was about them. (c) Two that can stand in for each other: each alone can go
# without harm, both together cannot. Then one starts from the bare algorithm and *adds* one at a time. And what the
# chapter's ablation fulfils in part only: its variants run with the full agent's step size, and two of those that fail
# get one of their own afterwards.
# </details>
