# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 13: The field's benchmarks
#
# Three exercises: an audit that finds a leak in a benchmark, the numbers of two papers, and an environment that becomes a family
# of tasks. Fill in the cells marked `# YOUR CODE HERE`; the check under each answers at once, as often as you like. A
# function leaves its arguments as they are, and draws nothing at random. Nothing here needs the extra `benchmarks`.
# Notation is that of [chapter 13](../chapters/13_benchmarks_of_the_field.ipynb).

# %% tags=["setup"]
import gymnasium
import torch

from metarl_core.agents import UniformPolicy
from metarl_core.check import ch13
from metarl_core.randomness import seeded
from metarl_core.session import begin
from metarl_core.tasks import GymnasiumTasks, rollout

begin()

# %% [markdown]
# ## Exercise 1: Find the leak
#
# **Objective:** write an audit that asks a benchmark what it serves, and does not believe what it promises.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# A benchmark has splits. For split $i$ there is a list $P_i$ of tasks that the paper promises, and a function that
# returns the tasks $S_i$ that are served. A task is a row of numbers; two tasks are the same where all their numbers
# are. The audit is the matrix
#
# $$A_{ij} = \text{the number of different tasks in } S_i \text{ that are in } P_j. \tag{1}$$
#
# Of a right benchmark with disjoint lists $A$ is diagonal. Tasks may be served in any order, and more than once.
#
# **Predict:** what is $A$ for the benchmark below, whose splits have 3 and 2 tasks, and what should it be?

# %% tags=["setup"]
goals = {
    "train": torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.2]]).double(),
    "test": torch.tensor([[0.9, 0.2], [0.1, 0.4]]).double(),
}
serving = []
for split in goals:
    serving.append(lambda: goals[split].flip(0))


# %% nbgrader={"grade": false, "grade_id": "served", "locked": false, "schema_version": 3, "solution": true, "task": false}
def served(serve, promised):
    """Equation (1).

    serve: a list of functions without arguments, one a split, each of which returns tasks, float64 [task, number];
    promised: a list of tensors of the same kind, one a split. Returns A, int64 [split served, split promised].
    """
    ### BEGIN SOLUTION
    rows = []
    for function in serve:
        tasks = torch.unique(function(), dim=0)
        rows.append([(tasks[:, None] == other).all(-1).any(1).sum() for other in promised])
    return torch.tensor(rows)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_served", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch13.check_served(served)
### BEGIN HIDDEN TESTS
hidden_lists = [torch.tensor([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]).double(), torch.tensor([[3.0, 2.0]]).double()]
hidden_serve = [lambda: hidden_lists[1], lambda: hidden_lists[0]]
assert served(hidden_serve, hidden_lists).tolist() == [[0, 1], [2, 0]]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The promises are needed for the columns alone. Where do the rows come from?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Two tasks are the same where `(one == other).all()`. `torch.unique(tasks, dim=0)` gives different rows.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# for each function: tasks = different rows of function(); for each promised list: count the tasks that equal one of its
# rows in all numbers.
# </details>

# %%
print("asked: ", served(serving, list(goals.values())).tolist())
print("bound: ", served([lambda split=split: goals[split] for split in goals], list(goals.values())).tolist())

# %% [markdown]
# **Expect:** `[[0, 2], [0, 2]]` when it is asked, and a diagonal matrix with 3 and 2 where the name is bound.
#
# **Interpret:** (a) Which entry says that test tasks are trained on? (b) A benchmark whose tasks are drawn anew at each call
# promises no list. What would you audit then?
#
# <details><summary>Answer</summary>
#
# The prediction: both functions read `split` after the loop, and serve the test list. (a) Row "train", column "test". An entry
# beside the diagonal in row "test" would say that testing is on training tasks, which flatters as much. (b) The distribution:
# the range of each number of the served tasks, by split; whether two splits with one seed serve the same draws; and whether a
# mark keeps them apart, as the last bit does in this course.
# </details>

# %% [markdown]
# ## Exercise 2: The numbers of two papers
#
# **Objective:** convert two reported numbers into the same unit, or say that it cannot be done.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# Two papers report a number on the same tasks. The reward of a paper is $r' = c\,r + b$, where $r$ is the reward that we
# want to count with; $c > 0$ is its scale and $b$ its bonus, paid at each step. A paper is a dictionary:
#
# | key | |
# |---|---|
# | `value` | the number |
# | `per` | "episode": a mean return of an episode; "step": the mean reward of a step, over all steps of all episodes |
# | `horizon` | the time limit in steps |
# | `length` | mean number of steps of an episode; None where the paper does not say |
# | `scale`, `bonus` | $c$ and $b$ |
# | `statistic` | "mean" or "best", over seeds |
#
# With $L$ the mean length, a mean return of an episode in the unit of $r$ is
#
# $$R = \frac{V - b L}{c}, \qquad V = \begin{cases} \texttt{value} & \text{per episode} \\ L \cdot \texttt{value} & \text{per step.} \end{cases} \tag{1}$$
#
# The papers cannot be made comparable where their horizons differ (a body that starts from rest earns other rewards in its
# first steps than later on, so no rule of three helps), where their statistics differ, or where (1) *needs* a length that is
# not known. It does not always need one.
#
# **Predict:** one paper reports −60.8 for 200 steps, another −35 for 100. Which one is better?

# %% tags=["setup"]
plain = {"value": -35.0, "per": "episode", "horizon": 100, "length": 100.0, "scale": 1.0, "bonus": 0.0, "statistic": "mean"}


# %% nbgrader={"grade": false, "grade_id": "comparable", "locked": false, "schema_version": 3, "solution": true, "task": false}
def comparable(one, other):
    """Mean returns of an episode of both papers by equation (1), a list of two numbers; None where that is impossible.

    one, other: papers as in the table above.
    """
    ### BEGIN SOLUTION
    if one["horizon"] != other["horizon"] or one["statistic"] != other["statistic"]:
        return None
    returns = []
    for paper in (one, other):
        value, length = paper["value"], paper["length"]
        if length is None:
            if paper["per"] == "step" or paper["bonus"] != 0:
                return None
            length = 0  # is not needed
        if paper["per"] == "step":
            value = value * length
        returns.append((value - paper["bonus"] * length) / paper["scale"])
    return returns
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_comparable", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch13.check_comparable(comparable)
### BEGIN HIDDEN TESTS
hidden_plain = {"value": 6.0, "per": "episode", "horizon": 9, "length": None, "scale": 2.0, "bonus": 0.0, "statistic": "best"}
hidden_steps = {**hidden_plain, "per": "step", "length": 5.0, "bonus": 1.0}
assert comparable(hidden_plain, hidden_steps) == [3.0, 12.5]
assert comparable(hidden_plain, {**hidden_plain, "bonus": 0.5}) is None
assert comparable(hidden_plain, {**hidden_plain, "horizon": 10}) is None
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write down for one paper what was done to $r$, in order, and undo it from the end. Which of these steps contains $L$?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $L$ is needed per step, and wherever $b \neq 0$. Nowhere else.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# horizons or statistics differ: None. For each paper: length unknown and needed: None; per step: times length; minus bonus
# times length; divided by scale.
# </details>

# %%
print(comparable(plain, {**plain, "value": -0.3, "per": "step"}))
print(comparable(plain, {**plain, "value": 70.0, "bonus": 1.0}))
print(comparable(plain, {**plain, "value": -60.8, "horizon": 200, "length": 200.0}))


# %% [markdown]
# **Expect:** two pairs of −35 and −30, and None.
#
# **Interpret:** (a) Which of the refusals could one more number in a paper have prevented, and which could not? (b) Why is the
# best of several seeds no statistic that could be converted into a mean?
#
# <details><summary>Answer</summary>
#
# The prediction: it cannot be said. Half of −60.8 is more than −35, but a body that starts from rest pays most in its first
# steps, which both returns contain. (a) A length. A horizon is no number that is missing: the other episodes were never
# played; with rewards of each step one could cut the longer ones. (b) The best grows with the number of seeds, even if all
# are equally good, and by how much depends on how far they lie apart.
# </details>

# %% [markdown]
# ## Exercise 3: An environment of your own
#
# **Objective:** make a family of tasks with three splits of an ordinary Gymnasium environment, and find three silent bugs in
# a colleague's.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 2 s
#
# `gymnasium.make("Pendulum-v1", g=5.0)` is a pendulum where gravity is 5. `GymnasiumTasks(train, test, ood, horizon=…)`
# takes, for each split, a list of *functions that make a fresh environment* of one task. Every episode shall last `horizon`
# steps. `gymnasium.make` gives an environment a time limit of its own, for the pendulum 200 steps, unless
# `max_episode_steps` says otherwise. The colleague's family runs, and every shape fits.
#
# **Predict:** which gravities do three environments have that `[lambda: gymnasium.make("Pendulum-v1", g=g) for g in (1, 5, 9)]`
# describes?

# %% nbgrader={"grade": false, "grade_id": "pendulum_family", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pendulum_family(train, test, far, horizon):
    """A `GymnasiumTasks` of pendulums, repaired.

    train, test, far: lists of gravities, in the order of the tasks, for the splits train, test and ood; far may be empty;
    horizon: steps of an episode, which nothing cuts off earlier.
    """
    splits = []
    for gravities in (train, test, test):
        splits.append([lambda: gymnasium.make("Pendulum-v1", g=g) for g in gravities])
    ### BEGIN SOLUTION
    splits = []
    for gravities in (train, test, far):
        splits.append([lambda g=g: gymnasium.make("Pendulum-v1", g=g, max_episode_steps=horizon) for g in gravities])
    ### END SOLUTION
    return GymnasiumTasks(*splits, horizon=horizon)


# %% nbgrader={"grade": true, "grade_id": "check_pendulum_family", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch13.check_pendulum_family(pendulum_family)
### BEGIN HIDDEN TESTS
with pendulum_family([2.0, 3.0], [4.0], [15.0], 250) as hidden_family:
    assert [hidden_family.makers[n]().unwrapped.g for n in range(4)] == [2.0, 3.0, 4.0, 15.0]
    hidden_played = rollout(hidden_family, hidden_family.default_params, UniformPolicy(hidden_family.action_space), {}, 1, seeded(0))
    assert hidden_played.lengths.tolist() == [[250]]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Section 2 of the chapter has a loop in which a name is read too late. Is there a loop in yours?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `lambda g=g: gymnasium.make(...)`, or a function that returns a function.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# three lists of functions, each bound to its gravity, each making the pendulum with max_episode_steps = horizon; then
# GymnasiumTasks of them with that horizon.
# </details>

# %%
with pendulum_family([2.0, 5.0], [9.0], [15.0], 30) as family:
    tasks = family.sample_tasks(4, seeded(0))
    played = rollout(family, tasks, UniformPolicy(family.action_space), {}, 2, seeded(1))
    print("tasks", tasks["index"].tolist(), "returns", played.returns.mean(1).round().tolist())

# %% [markdown]
# **Expect:** returns of all four tasks, lower ones where gravity is stronger.
#
# **Interpret:** (a) Which of the three bugs would a learning curve have shown? (b) What does a learner believe of the last step where an
# environment ends at 200 and its family says 300?
#
# <details><summary>Answer</summary>
#
# The prediction: 9, all three. (a) None. With the first all training tasks are one, and everything looks easy; with the second
# an evaluation out of distribution repeats the test; the third shortens episodes. (b) Here nothing wrong: the adapter records a
# truncation, and the value behind it still counts. Code that knows one kind of end would teach that nothing comes after.
# </details>
