# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 02: Tasks and their distributions
#
# Five exercises: a family of your own, its splits, the worth of knowing the task, a bug that nobody noticed, and four
# floors worked out by hand. Fill in the cells marked `# YOUR CODE HERE`; the check under each answers at once, as
# often as you like. Notation is that of [chapter 02](../chapters/02_tasks.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch02
from metarl_core.session import begin
from metarl_core.tasks import CartPole, GridGoals, rollout
from metarl_core.tasks.controllers import CartPoleController

begin()


# %% [markdown]
# ## Exercise 1: A windy family
#
# **Objective:** write the transition and the reward of a batched family, with every axis where it belongs.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# A point walks in the square arena $[-1, 1]^2$. A task is a goal $g \in \mathbb{R}^2$ and a wind
# $w \in \mathbb{R}^2$. The agent asks for a move $a$; its legs make at most 0.1 per axis. The wind blows on top of
# that, and the walls of the arena stop the point:
#
# $$s' = \mathrm{clip}\bigl(s + \mathrm{clip}(a, -0.1, 0.1) + w,\; -1,\; 1\bigr), \qquad
#   r = -\lVert s' - g \rVert_2, \tag{1}$$
#
# where clip acts on each coordinate. States and actions have the axes `[task, episode, 2]`, but the tasks come as
# they were sampled: `[task, 2]`.
#
# **Predict:** PyTorch aligns shapes from the right. What does `position + wind` do if there are 3 tasks and 4
# episodes? And if there are 3 tasks and 3 episodes?

# %% nbgrader={"grade": false, "grade_id": "windy_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def windy_step(position, action, tasks):
    """One step of the windy family, equation (1), for all tasks and episodes at once.

    position, action: [task, episode, 2], in units of length; tasks: {"goal": [task, 2], "wind": [task, 2]}.
    Returns next_position [task, episode, 2] and reward [task, episode], of the position's dtype. The arguments stay as
    they are.
    """
    ### BEGIN SOLUTION
    wind, goal = tasks["wind"][:, None], tasks["goal"][:, None]  # [task, 1, 2]
    next_position = (position + action.clamp(-0.1, 0.1) + wind).clamp(-1, 1)
    return next_position, -(next_position - goal).norm(dim=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_windy_step", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch02.check_windy_step(windy_step)
### BEGIN HIDDEN TESTS
calm = {"goal": torch.zeros(2, 2), "wind": torch.zeros(2, 2)}
assert windy_step(torch.zeros(2, 7, 2), torch.ones(2, 7, 2), calm)[1].allclose(torch.tensor(-math.sqrt(0.02)))
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write down the shape of `wind` and that of `position`, one under the other, flush right. Which axis has to be added,
# and where?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `tasks["wind"][:, None]` has shape `[task, 1, 2]`. The reward is a function of $s'$, not of $s$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Give wind and goal an episode axis of size one; limit the action to ±0.1; add position, limited action and wind;
# limit the sum to ±1; take the norm of its difference from the goal over the last axis; return the new position and
# minus the norm.
# </details>

# %%
generator = torch.Generator().manual_seed(0)
tasks = {"goal": torch.tensor([[0.5, 0.5]] * 3), "wind": torch.tensor([[0.0, 0.0], [0.06, 0.0], [0.0, -0.06]])}
position, path = torch.zeros(3, 1, 2), [torch.zeros(3, 1, 2)]
for _ in range(12):  # the same careless policy everywhere: walk to the goal as if there were no wind
    position, _ = windy_step(position, tasks["goal"][:, None] - position, tasks)
    path.append(position)
path = torch.stack(path)[:, :, 0].numpy()
figure, axes = plotting.figure(width=5, height=4.4)
for task, name in enumerate(("no wind", "wind from the west", "wind from the north")):
    axes.plot(*path[:, task].T, "o-", markersize=4, label=name)
axes.plot(0.5, 0.5, "*", color="black", markersize=14, label="goal")
axes.set(xlabel="x", ylabel="y", aspect="equal", xlim=(-0.1, 0.8), ylim=(-0.1, 0.8))
axes.legend(fontsize=9, loc="upper left")
plotting.show(
    figure, "Paths of one policy under three winds: without wind to the goal, otherwise to a point beside it."
)


# %% [markdown]
# **Expect:** without wind the path ends at the goal. With wind it comes to rest 0.06 beside it, downwind.
#
# **Interpret:** the policy sees its position and knows the goal, and still stops beside it. What would it have to
# find out, and could it find it out from one single step?
#
# <details><summary>Answer</summary>
#
# First the prediction: with 3 tasks and 4 episodes `position + wind` is an error, since 4 and 3 do not match. With 3 and
# 3 it runs, and gives the wind of task $i$ to *episode* $i$ of every task.
#
# The wind. It is the difference between the move that it asked for and the move that happened, so one step is enough
# here: the transition is deterministic. The wind is a hidden part of the task, and a policy with a memory of one step
# could correct for it. A policy that sees only the current position cannot.
# </details>

# %% [markdown]
# ## Exercise 2: Splits without a leak
#
# **Objective:** split a finite family of tasks into train, test, and ood so that no task is on two sides.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# A finite family comes as a list of rows, here grid cells `[row, column]`. Lists that grew over time may hold **the
# same task more than once**. Some tasks lie in a far region and are marked by `far`; equal rows are marked alike.
# Wanted are the indices of rows with
#
# - every row in exactly one split;
# - `ood`: the far rows, all of them and no others;
# - `test`: a random share of the *different* near tasks, `round(share * number of different near tasks)` of them (a
#   half may be rounded either way), any so many as likely as any others, each with all of its rows;
# - `train`: the rest;
# - randomness from `generator` only, so that an equal generator gives the same split, another one another, and the
#   same one, used again, a new one.
#
# **Predict:** 100 different tasks, each listed twice. Somebody shuffles the 200 rows and takes 50 for test. How many
# of the test rows have a twin in train, about?

# %% nbgrader={"grade": false, "grade_id": "split_tasks", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_tasks(cells, far, share, generator):
    """Disjoint splits of a finite family that may list a task more than once.

    cells: int64 [row, 2], one task a row; far: bool [row]; share: of the different near tasks, from 0 to 1, for
    test; generator: the only source of randomness. Returns {"train": ..., "test": ..., "ood": ...}, each an int64
    tensor of row indices, in any order; any of them may be empty. The arguments stay as they are.
    """
    ### BEGIN SOLUTION
    _, task = torch.unique(cells, dim=0, return_inverse=True)  # equal rows get the same number
    near = task[~far].unique()
    near = near[torch.randperm(len(near), generator=generator)]
    test = torch.isin(task, near[: round(share * len(near))])
    train = ~far & ~test
    return {name: mask.nonzero()[:, 0] for name, mask in (("train", train), ("test", test), ("ood", far))}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_split_tasks", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch02.check_split_tasks(split_tasks)
### BEGIN HIDDEN TESTS
line = torch.stack([torch.arange(40) // 2, torch.zeros(40, dtype=torch.int64)], 1)  # each task twice
hidden = split_tasks(line, line[:, 0] >= 16, 0.5, torch.Generator().manual_seed(3))
assert len(hidden["test"]) == 16 and len(hidden["train"]) == 16 and len(hidden["ood"]) == 8
assert not set(line[hidden["test"], 0].tolist()) & set(line[hidden["train"], 0].tolist())
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Shuffle tasks, not rows. First give each different task a number.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `torch.unique(cells, dim=0, return_inverse=True)` returns for each row the number of its task.
# `torch.randperm(n, generator=generator)` is a random order.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Number the tasks; collect the numbers of near tasks, each once; shuffle these with the generator; the first
# `round(share * how many)` are test tasks; a row is in test if its number is among them (`torch.isin`), in ood if it
# is far, else in train; turn the three masks into indices.
# </details>

# %%
cells = torch.cartesian_prod(torch.arange(7), torch.arange(7))
split = split_tasks(cells, (cells > 3).all(1), 0.25, torch.Generator().manual_seed(0))
picture = torch.zeros(7, 7)
for value, name in enumerate(("train", "test", "ood")):
    picture[cells[split[name], 0], cells[split[name], 1]] = value
figure, axes = plotting.figure(width=4.6, height=3.6)
image = axes.imshow(picture.numpy(), vmin=0, vmax=2)
axes.set(xlabel="column", ylabel="row")
axes.grid(False)
bar = figure.colorbar(image, ax=axes, ticks=[0, 1, 2])
bar.ax.set_yticklabels(["train", "test", "ood"])
plotting.show(
    figure, "A 7 by 7 grid of cells coloured by split: ood in the lower right, test cells scattered among train."
)

# %% [markdown]
# **Expect:** a block of 9 ood cells in the lower right corner and 10 test cells scattered over the rest.
#
# **Interpret:** the 200 shuffled rows of the prediction: what does the test error of a memorising learner measure
# there?
#
# <details><summary>Answer</summary>
#
# A test row's twin is one of the other 199 rows, and 150 of those are in train: three quarters of the test rows have
# their task in train. On these the learner is as good as in training, so the test error is about a quarter of the
# honest one. Nothing looks wrong: the row indices are disjoint.
# </details>

# %% [markdown]
# ## Exercise 3: What is it worth to know the task?
#
# **Objective:** measure the worth of knowing the task against the best policy that does not know it.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 10 s
#
# The chapter compared two controllers for CartPole: one designed for the physics of each task, one for ordinary
# physics. The difference of their returns looks like the worth of knowing the task,
#
# $$\text{apparent worth} = \mathbb{E}_{\mathcal{T}}\big[J_{\mathcal{T}}(\text{designed for } \mathcal{T})
#   - J_{\mathcal{T}}(\text{designed for ordinary physics})\big]. \tag{2}$$
#
# But ordinary physics were never chosen to suit the family. One who does not know the task may still know $p(\mathcal{T})$,
# and choose the one set of gains $k \in \mathbb{R}^4$ that does best on average:
#
# $$\text{worth} = \mathbb{E}_{\mathcal{T}}\big[J_{\mathcal{T}}(\text{designed for } \mathcal{T})\big]
#   - \max_k \mathbb{E}_{\mathcal{T}}\big[J_{\mathcal{T}}(k)\big]. \tag{3}$$
#
# The family here is CartPole with every physical parameter between a quarter and four times its ordinary value, and a
# time limit of 200 steps. Do the following for five seeds or more:
#
# 1. **Search.** Draw at least 40 *training* tasks, and try about 30 sets of gains on all of them. Designs for randomly drawn
#    training tasks are good candidates. Keep the one of highest mean return.
# 2. **Measure.** Draw at least 40 *held-out* tasks, new ones for each seed, and measure on them: the controllers that
#    are told the task, the kept gains, and the gains for ordinary physics.
# 3. **Report** the mean over seeds of (2) and of (3), and for (3) the 95 % t interval.
#
# `mean_returns(gains, tasks, generator)` evaluates several sets of gains in one rollout, each on all tasks. The check
# measures again what you report, which takes it a few seconds: 800 tasks of a kind, those of all seeds together, are the
# most that it takes.
#
# **Predict:** what share of the apparent worth is left in (3)? All of it, a half, a tenth?

# %% tags=["setup"]
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.tasks.controllers import cartpole_gains

wide = CartPole(spread=4.0, horizon=200)


def told_return(tasks, generator, episodes=2):
    """Mean return over all tasks of controllers that are designed for each of them."""
    return rollout(
        wide, tasks, CartPoleController(), {"gains": cartpole_gains(tasks)}, episodes, generator
    ).returns.mean()


def mean_returns(gains, tasks, generator, episodes=2):
    """Mean return over all tasks of each set of gains. gains: [design, 4]; tasks: [task]. Returns [design]."""
    number = len(tasks["length"])
    every = {name: value.repeat(len(gains)) for name, value in tasks.items()}  # [design * task]
    policy = {"gains": gains.repeat_interleave(number, 0)}
    returns = rollout(wide, every, CartPoleController(), policy, episodes, generator).returns
    return returns.reshape(len(gains), -1).mean(1)


# %%
generator = seeded(0)
tasks = wide.sample_tasks(40, generator, "train")
ordinary_gains = cartpole_gains(wide.default_params)  # [1, 4]
print("designed for each task:        ", round(float(told_return(tasks, generator)), 1))
print("designed for ordinary physics: ", round(float(mean_returns(ordinary_gains, tasks, generator)), 1))

# %% nbgrader={"grade": false, "grade_id": "worth", "locked": false, "schema_version": 3, "solution": true, "task": false}
worth = {
    "gains": ...,  # that won the search of each seed, [seed][4]
    "search_tasks": ...,  # of all seeds, one seed after the other: {name: [seed * task]}
    "search_returns": ...,  # mean return on them of the gains that won, [seed]
    "test_tasks": ...,  # held-out tasks of all seeds, in the same form
    "told": ...,  # mean return on them of the controllers that are told the task, [seed]
    "untold": ...,  # of the gains that won, [seed]
    "ordinary": ...,  # of the gains for ordinary physics, [seed]
    "apparent": ...,  # (2), mean over seeds
    "worth": ...,  # (3), mean over seeds
    "interval": ...,  # its 95 % t interval, (low, high)
}
### BEGIN SOLUTION
rows, search_tasks, test_tasks = [], [], []
for seed in range(1, 6):
    generator = seeded(seed)
    search = wide.sample_tasks(60, generator, "train")
    candidates = cartpole_gains(wide.sample_tasks(30, generator, "train"))
    returns = mean_returns(candidates, search, generator)
    gains = candidates[returns.argmax()]
    test = wide.sample_tasks(60, generator, "test")  # the same generator, which has gone on: no twins
    both = mean_returns(torch.stack([gains, cartpole_gains(wide.default_params)[0]]), test, generator)
    rows.append((gains.tolist(), float(returns.max()), float(told_return(test, generator)), *both.tolist()))
    search_tasks.append(search)
    test_tasks.append(test)
gains, search_returns, told, untold, ordinary = map(list, zip(*rows, strict=True))
interval = t_interval([a - b for a, b in zip(told, untold, strict=True)])
worth = {
    "gains": gains,
    "search_tasks": {name: torch.cat([tasks[name] for tasks in search_tasks]) for name in search_tasks[0]},
    "search_returns": search_returns,
    "test_tasks": {name: torch.cat([tasks[name] for tasks in test_tasks]) for name in test_tasks[0]},
    "told": told,
    "untold": untold,
    "ordinary": ordinary,
    "apparent": sum(told) / 5 - sum(ordinary) / 5,
    "worth": interval.point,
    "interval": (interval.low, interval.high),
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_worth", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch02.check_worth(worth)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write the loop for one seed first. Which numbers does that seed add to the report, and which random numbers must it
# not share with another seed, or with its own search?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `cartpole_gains(wide.sample_tasks(30, generator, "train"))` are 30 candidates `[30, 4]`. With one generator that goes on,
# all draws of a seed are new. The differences told − untold, one a seed, are what `t_interval` takes; it has
# `point`, `low` and `high`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each of five seeds, with a generator of its own:
#
# - draw 60 tasks of the split `"train"` and 30 candidates;
# - take the candidate of the largest `mean_returns`, and note that return;
# - draw 60 tasks of the split `"test"`; note `told_return`, and `mean_returns` of the winner and of the ordinary gains.
#
# Then join the tasks of all seeds with `torch.cat`, entry by entry; take the means of the differences, and the
# interval.
# </details>

# %%
print("apparent worth", worth["apparent"], "· worth", worth["worth"], worth["interval"])
print("the same gains, on the tasks of the search:", worth["search_returns"])
print("and on held-out tasks:                     ", worth["untold"])


# %% [markdown]
# **Expect:** an apparent worth near 40, and a worth of a few units, whose interval may hold zero. On the tasks of the search the
# gains earn a little more than on held-out ones.
#
# **Interpret:** a paper trains a policy on ordinary physics, adapts it on each task of this family, and reports a gain
# of 40. What has it shown? And what would you have to compute before you choose a family for a study of adaptation?
#
# <details><summary>Answer</summary>
#
# That adaptation makes up for a poor start. A fixed controller that never adapts reaches the same; its only advantage
# is that somebody looked at $p(\mathcal{T})$. Before the study, compute (3): the distance between the told and the best
# untold policy is all that adaptation can win. Where it is next to nothing, no method can show much, and an untuned
# baseline will look like a discovery. (The maximum in (3) was found among 30 designs, all linear in the state; a better
# untold policy may exist, and then the worth is smaller still.)
# </details>

# %% [markdown]
# ## Exercise 4: A bug that nobody noticed
#
# **Objective:** find out why a return is wrong that looks right, and repair it.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 20 min · **Run time:** 5 s
#
# A rollout steps a whole batch for $H$ steps and records rewards, flags, and a value estimate $v_t$ of the state
# after step $t$. Rewards, flags and values behind an episode's end are **junk**: they may be anything, infinite or NaN
# as well, and a flag may go down again. An episode whose flag never rises is cut by the time limit. With $L$ the
# number of real steps, the return is
#
# $$R = \sum_{t=0}^{L-1} \gamma^t r_t + \begin{cases} 0 & \text{terminated} \\
#   \gamma^{H} v_{H-1} & \text{cut by the time limit } (L = H). \end{cases} \tag{4}$$
#
# Below is the code of a colleague. It has run on CartPole for weeks, and its numbers looked fine. On a grid with a
# sparse reward, the oracle, which walks to the goal on a shortest path, has return 0.
#
# **Predict:** what is the return of a CartPole episode that falls at its 30th step, with $\gamma = 1$, by (4)? What
# will the colleague's code say? Read it before you run it.

# %% tags=["setup"]
def colleagues_returns(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    running = (~terminated).long().cumprod(-1)  # 1 until the flag rises, 0 ever after
    total = (discount ** torch.arange(horizon) * rewards * running).sum(-1)
    return total + discount**horizon * values[..., -1] * running[..., -1]


def oracle_on_grid():
    """Rewards and flags of 5 tasks × 1 episode of the shortest path, and values of zero."""
    family = GridGoals(size=5, reward="sparse", horizon=8)
    goals = {"goal": torch.tensor([0, 4, 10, 20, 24])}
    state, params = torch.full((5, 1), family.start), {"goal": goals["goal"][:, None]}
    rewards, flags = [], []
    for _ in range(8):
        following = family.transition(state, family.optimal_action(state, params), None, params)
        rewards.append(family.reward(state, None, following, None, params))
        flags.append(family.terminal(following, None, params))
        state = following
    return torch.stack(rewards, -1), torch.stack(flags, -1), torch.zeros(5, 1, 8)


# %%
print(
    "CartPole, falls at step 30:",
    float(colleagues_returns(torch.ones(1, 1, 50), torch.arange(50)[None, None] >= 29, torch.zeros(1, 1, 50), 1.0)),
)
print("oracle on five grid tasks:", colleagues_returns(*oracle_on_grid(), 1.0)[:, 0].tolist())


# %% nbgrader={"grade": false, "grade_id": "bootstrapped_returns", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bootstrapped_returns(rewards, terminated, values, discount):
    """Discounted return of each episode by equation (4).

    rewards: [task, episode, time]; terminated: bool [task, episode, time], true at the step after which the MDP ended;
    values: [task, episode, time], of the state after each step; all three are junk behind an episode's end.
    discount: gamma in [0, 1]. Returns [task, episode], of the rewards' dtype.
    """
    ### BEGIN SOLUTION
    horizon = rewards.shape[-1]
    running = (~terminated).long().cumprod(-1).bool()  # true until the flag rises, false ever after
    mask = torch.cat([torch.ones_like(running[..., :1]), running[..., :-1]], -1)  # the terminal step was taken
    total = torch.where(mask, discount ** torch.arange(horizon) * rewards, 0.0).sum(-1)  # 0 * NaN would be NaN
    return total + torch.where(running[..., -1], discount**horizon * values[..., -1], 0.0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_bootstrapped_returns", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch02.check_bootstrapped_returns(bootstrapped_returns)
### BEGIN HIDDEN TESTS
assert bootstrapped_returns(*oracle_on_grid(), 1.0).tolist() == [[1.0]] * 5
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Take an episode that ends with its first step and write `running` beside the rewards. Which rewards survive?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Step $t$ is real if the flag had not risen *before* it: $m_0 = 1$ and $m_t = \prod_{k < t} (1 - d_k)$ with $d_k$ the
# flag. Whether the future counts is another question, with another product: $\prod_{k \le H-1} (1 - d_k)$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Keep `running` for the last line, where it is right. For the sum, use a mask that is `running` moved one step to the
# right along time, with a 1 put in front. `torch.where(mask, number, 0.0)` leaves junk out whatever it is (a
# product with zero does not, if the junk is NaN).
# </details>

# %%
family, generator = CartPole(horizon=200), torch.Generator().manual_seed(0)
lazy = {"gains": torch.tensor([[0.0, 0.0, 1.0, 0.0]])}  # push to the side that the pole leans to
runs = rollout(family, family.default_params, CartPoleController(), lazy, 50, generator)
zero = torch.zeros_like(runs.rewards)
print("CartPole, true lengths:  ", runs.lengths[0, :8].tolist())
for name, code in (("colleague", colleagues_returns), ("repaired", bootstrapped_returns)):
    print(f"{name:10} CartPole:  ", [int(r) for r in code(runs.rewards, runs.terminated, zero, 1.0)[0, :8]])
    print(f"{name:10} grid oracle:", code(*oracle_on_grid(), 1.0)[:, 0].tolist())

# %% [markdown]
# **Expect:** on CartPole the repaired returns are larger by exactly 1 than the colleague's, and equal to the lengths.
# On the grid the oracle earns 1 instead of 0.
#
# **Interpret:** on CartPole the bug costs 1 of about 40. Why did nobody notice, and what kind of test would have
# found it on the first day?
#
# <details><summary>Answer</summary>
#
# All methods lose the same 1, so comparisons stay as they were, and noise is larger. What finds it is a test against
# something known exactly: an episode that ends with its first step, the oracle of a sparse family, or a hand-made
# record of three rewards. Test the plumbing on tasks whose answer you know, not on the task that you want to learn.
# </details>

# %% [markdown]
# ## Exercise 5: The floors of another family
#
# **Objective:** work out what can be reached without adaptation, before anyone trains anything.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 2 s
#
# Sinusoids again, $y = A \sin(x + \varphi)$, with other ranges: amplitude $A$ uniform on $[1, 3]$, phase $\varphi$
# uniform on $[0, \pi/2]$, input $x$ uniform on $[-\pi, \pi]$, all independent. Find the mean squared error of
#
# 1. `floor_zero`: the prediction 0;
# 2. `floor_agnostic`: the best function of $x$ alone;
# 3. `floor_phase_known`: the best function of $x$ and $\varphi$, by one who knows the phase and not the amplitude;
# 4. `floor_amplitude_known`: the best function of $x$ and $A$, by one who knows the amplitude and not the phase.
#
# Use equations (02.9) to (02.12) of the chapter as a model. Write them as formulas in Python (`math.pi` is there) or
# as numbers with four digits.
#
# **Predict:** which of the two, phase or amplitude, is worth more to know here? Order the four floors.

# %% nbgrader={"grade": false, "grade_id": "floors", "locked": false, "schema_version": 3, "solution": true, "task": false}
floor_zero = ...  # a number
floor_agnostic = ...  # a number
floor_phase_known = ...  # a number
floor_amplitude_known = ...  # a number
### BEGIN SOLUTION
floor_zero = (3**3 - 1**3) / (6 * (3 - 1))  # E[A²] / 2: x runs over a full period of the squared sine
# The mean over tasks is E[A] (2/π) (cos x + sin x), and (cos x + sin x)² = 1 + sin 2x has mean 1.
floor_agnostic = floor_zero - (2 * 2 / math.pi) ** 2
floor_phase_known = (3 - 1) ** 2 / 12 / 2  # Var[A] / 2
# The mean over phases at a known A is A (2/π) (cos x + sin x): of the factor 1/2, the part (2/π)² is explained.
floor_amplitude_known = (3**3 - 1**3) / (3 * (3 - 1)) * (1 / 2 - (2 / math.pi) ** 2)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_floor_zero", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch02.check_floor_zero(floor_zero)

# %% nbgrader={"grade": true, "grade_id": "check_floor_agnostic", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch02.check_floor_agnostic(floor_agnostic)

# %% nbgrader={"grade": true, "grade_id": "check_floor_phase_known", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch02.check_floor_phase_known(floor_phase_known)

# %% nbgrader={"grade": true, "grade_id": "check_floor_amplitude_known", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch02.check_floor_amplitude_known(floor_amplitude_known)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Over a full period of $2\pi$ the squared sine has the mean ½, whatever the phase. For the second, find the mean over
# tasks at a fixed $x$ first. For the third, what is the best prediction if everything but $A$ is known? And
# for the fourth, if everything but $\varphi$ is?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $m(x) = \mathbb{E}[A] \cdot \frac{2}{\pi} \int_0^{\pi/2} \sin(x + \varphi)\, \mathrm{d}\varphi$ and
# $L_m = L_0 - \mathbb{E}[m(x)^2]$. For the third, $\mathbb{E}[(A - \mathbb{E}A)^2]\, \mathbb{E}[\sin^2]$. For the fourth, at each $A$ the error is
# $A^2$ times that of a wave of amplitude 1.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - Second moment of a uniform variable on $[a, b]$: $(b^3 - a^3) / (3(b - a))$; variance: $(b - a)^2 / 12$.
# - The integral in Hint 2 is an integral of a sine: a difference of two cosines, the second of them of
#   $x + \pi/2$. Square it, use $2 \sin x \cos x = \sin 2x$, and average over a period.
# - For the fourth do the same with $A$ in the place of $\mathbb{E}[A]$, and take the mean over $A$ last.
# </details>

# %%
generator = torch.Generator().manual_seed(0)
A = 1 + 2 * torch.rand(1_000_000, generator=generator)
phase = math.pi / 2 * torch.rand(1_000_000, generator=generator)
x = 2 * math.pi * torch.rand(1_000_000, generator=generator) - math.pi
y = A * (x + phase).sin()
at_x = ((x + math.pi) / (2 * math.pi) * 200).long().clamp(0, 199)  # 200 bins of x; their means are the best function
at_amplitude = ((A - 1) / 2 * 50).long().clamp(0, 49)


def error_of_means(place, bins):
    """Mean squared error of predicting each bin's mean."""
    means = torch.zeros(bins).index_add_(0, place, y) / torch.bincount(place, minlength=bins)
    return (y - means[place]).square().mean()


measured = {
    "floor_zero": y.square().mean(),
    "floor_agnostic": error_of_means(at_x, 200),
    "floor_phase_known": (y - A.mean() * (x + phase).sin()).square().mean(),
    "floor_amplitude_known": error_of_means(200 * at_amplitude + at_x, 10_000),
}
for name, value in measured.items():
    print(f"{name:22} measured {float(value):.4f}, yours {globals()[name]}")

# %% [markdown]
# **Expect:** your four numbers agree with the measured ones to two digits or three. (The fourth is measured a little too
# low: a bin holds only a hundred points, and its mean is fitted to them.)
#
# **Interpret:** a network that ignores the task can reach the second floor here with an error that is a quarter of
# the first. In the chapter's family the second floor is still 71 % of the first. What makes this family so much
# easier, and what does that mean for an error that a paper reports? And which of the two should adaptation find out
# first here?
#
# <details><summary>Answer</summary>
#
# The phase varies over a quarter of a period only, so tasks look alike and their mean is large. In the chapter it
# varies over half a period and most of the waves cancel. An error means nothing without its family's floors: 0.6
# would be a failure here and excellent there. From 0.55, what is left if nothing is known, knowing the phase takes the
# error to 0.17 and knowing the amplitude to 0.41: the phase comes first.
# </details>
