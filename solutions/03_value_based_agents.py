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
# Five exercises on the parts of a deep Q-learner that fail silently: its target, its memory, its second network, its
# maximum, and the experiment that judges it. Fill in the cells marked `# YOUR CODE HERE`; the check under each
# answers at once, as often as you like. Notation and equation numbers are those of
# [chapter 03](../chapters/03_value_based_agents.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch03
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: The target
#
# **Objective:** turn a minibatch into the numbers that DQN regresses on, ends of episodes included.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# Two networks have valued the next observation of each row: `online` and `target`, both `[row, action]`. The target
# of double DQN is (03.20),
#
# $$y = r + \gamma\, (1 - d)\, Q_{\bar\theta}(s', a^\circ), \qquad a^\circ = \arg\max_{a'} Q_\theta(s', a'), \tag{1}$$
#
# where $\bar\theta$ are the parameters of the target network, $\theta$ those of the online network, and $d = 1$ for
# rows after which the MDP has terminated. $y$ is a constant for the optimiser, although both inputs may carry a
# gradient.
#
# **Predict:** $r = 1$, $\gamma = 0.99$, and the network believes that all values are 100. What is $y$ for a row that
# is neither terminated nor truncated, one that is terminated, one that is truncated, and one that is both?

# %% nbgrader={"grade": false, "grade_id": "double_dqn_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double_dqn_target(rewards, terminated, truncated, online, target, discount):
    """Equation (1) for a minibatch.

    rewards: [row]; terminated, truncated: bool [row], how the step ended its episode, if it did;
    online, target: [row, action], values of the true next observation by the two networks, maybe with a gradient;
    discount: gamma. Returns [row], of the dtype of the rewards, through which no gradient flows.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        chosen = online.argmax(1, keepdim=True)
        following = target.gather(1, chosen)[:, 0]
        return rewards + discount * torch.where(terminated, 0.0, following)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_double_dqn_target", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch03.check_double_dqn_target(double_dqn_target)
### BEGIN HIDDEN TESTS
ends = torch.tensor([False, True, False, True]), torch.tensor([False, False, True, True])
hundred = torch.full((4, 2), 100.0)
assert double_dqn_target(torch.ones(4), *ends, hundred, hundred, 0.99).tolist() == [100.0, 1.0, 100.0, 1.0]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Four columns decide about a row: its reward, one of the two flags, one row of `online`, one row of `target`. Which
# flag, and who of the networks does what?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `online.argmax(1, keepdim=True)` is one column index per row; `target.gather(1, index)` reads the entries there.
# `torch.no_grad()` keeps the graph out.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Without a graph: choice = argmax over the actions of `online`, shape `[row, 1]`; following = entries of `target` at
# the choice, without their last axis; following is zero where terminated; return reward + discount × following.
# </details>

# %%
flags = torch.tensor([False, True, False, True]), torch.tensor([False, False, True, True])
values = torch.full((4, 2), 100.0)
print(double_dqn_target(torch.ones(4), *flags, values, values, 0.99).tolist())


# %% [markdown]
# **Expect:** `[100.0, 1.0, 100.0, 1.0]`.
#
# **Interpret:** in CartPole without the factor $(1 - d)$, what is the value of falling in the eyes of the agent, and
# what is then left to learn from?
#
# <details><summary>Answer</summary>
#
# Every step pays 1, whether the pole falls or not, and after a fall the target still adds a future. So all policies
# have the same true value under this target, $1/(1 - \gamma) = 100$: there is nothing to learn. It gets worse: states
# behind the end are never left in the data, so no target ever corrects their values. The chapter's table shows what
# the network makes of that freedom.
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
# **Expect:** `[10, 11, 12, 8, 9]` after 13 transitions, and each of the five drawn about 2,000 times.
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
# ## Exercise 5: Plan an ablation
#
# **Objective:** plan an experiment that can tell you which ingredients matter, and can tell you that none does.
#
# **Kind:** design · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# You have a full agent that works, and want to know for each of its ingredients whether it is needed. Fill in the
# plan. Where there are choices, the constants stand in `ch03`; print them to read them.
#
# **Predict:** section 7 of the chapter is such an ablation. Which entry of this plan does it *not* fulfil?

# %%
for name in ("SAME_STEP_SIZE", "OWN_STEP_SIZE", "IN_TRAINING", "GREEDY", "LAST", "BEST", "STEPS", "UNTIL_SOLVED"):
    print(f"{name:15} {getattr(ch03, name)}")
print("NO_EFFECT       ", ch03.NO_EFFECT, "\nNO_EVIDENCE     ", ch03.NO_EVIDENCE)

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

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# For each entry imagine a colleague who wants the opposite result. Which choice would let them get it?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# A difference between two variants is the effect of the ingredient *plus* everything else that differs: tuning,
# yardstick, luck, amount of data.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# One change; at least five seeds; tune all alike; evaluate greedily on fresh starts; report the last parameters; the same
# number of steps; overlapping intervals are no proof of anything.
# </details>

# %%
for key, value in plan.items():
    print(f"{key:22} {value}")

# %% [markdown]
# **Expect:** a message that none of the seven faults was found.
#
# **Interpret:** removing one ingredient at a time finds those that are *necessary*. Which kind of ingredient can it
# not find, and what would the opposite experiment be?
#
# <details><summary>Answer</summary>
#
# Two ingredients that can stand in for each other: each alone can go without harm, both together cannot. (A falling
# learning rate and a slow target network both damp the last swings, say.) The opposite experiment starts from the
# bare algorithm and *adds* one at a time; with many ingredients one draws random subsets. And the entry that the
# chapter does not fulfil: all its variants run with the full agent's step size.
# </details>
