# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 Tasks and their distributions
#
# **What is a task, what is a distribution over tasks, and how do a thousand of them run at once?**
#
# You will be able to
#
# - write a task as the parameters of an MDP, and a task family as a distribution over them
# - split tasks into training, test and out-of-distribution without a leak, and say what each split measures
# - build a batched environment of pure functions with a mask, and tell termination from truncation
# - compute the optimum, or the floor, that a result on each family must be read against
# - step thousands of environments in one call, say what limits their speed, and use them through Gymnasium
#
# Before you start: chapter 01, [Why learn to learn?](01_why_learn_to_learn.ipynb); tensors and broadcasting in PyTorch.
#
# Reading: about 60 minutes. Running: at most 60 seconds and 1000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/02_tasks.ipynb): about 85 minutes.

# %%
import functools
import math
import time
import warnings
from fractions import Fraction

import gymnasium
import numpy as np
import torch
from gymnasium.utils.env_checker import check_env
from IPython.display import Markdown
from scipy import stats

from metarl_core import plotting
from metarl_core.agents.policies import OraclePolicy, UniformPolicy
from metarl_core.evaluation import bootstrap_interval, mean
from metarl_core.exact import backward_induction, bayes_optimal_value, gittins_indices, policy_value
from metarl_core.results import load_benchmark
from metarl_core.tasks import (
    SPLITS,
    BernoulliBandits,
    CartPole,
    GridGoals,
    GymnasiumTasks,
    Pendulum,
    PointNavigation,
    Sinusoids,
    TabularMDPs,
    rollout,
    select_tasks,
)
from metarl_core.tasks.controllers import PendulumController
from metarl_core.tasks.sinusoid import task_agnostic_floor, zero_floor
from metarl_core.widgets import task_explorer

torch.set_num_threads(1)  # small tensors gain nothing from a second thread, and the timings below mean one thread
SPLIT_COLOR = {"train": plotting.BLUE, "test": plotting.ORANGE, "ood": plotting.RED}


def seeded(seed: int) -> torch.Generator:
    """A source of randomness of its own: the same seed gives the same draws."""
    return torch.Generator().manual_seed(seed)


# %% [markdown]
# ## Six families, a few tasks of each
#
# Meta-learning needs many tasks. This chapter is about where they come from.
#
# The next figure shows tasks drawn from six families that the course uses. In the last panel, three CartPoles differ
# in the length of the pole, and the same simple policy runs on each: push to the side that the pole leans to.
#
# **Predict, then run.** Which pole stays up longest under that policy, the short, the ordinary or the long one? And
# among the goals in the plane: can you tell by eye the training goals from the test goals? Write both down.

# %%
class PushWhereItLeans:
    """The policy "right if weights · state > 0"; by default it looks at the angle only. It has no parameters."""

    def __init__(self, weights=(0.0, 0.0, 1.0, 0.0)):
        self.weights = torch.tensor(weights)

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        return (observation @ self.weights > 0).long(), noise


def change(family, name, factors):
    """One task for each factor: the family's ordinary task with the parameter `name` multiplied."""
    tasks = {key: value.repeat(len(factors)) for key, value in family.default_params.items()}
    return {**tasks, name: tasks[name] * torch.tensor(factors)}


sinusoids, bandits, tabular, points, cartpole = (
    Sinusoids(), BernoulliBandits(), TabularMDPs(), PointNavigation(), CartPole(),
)  # fmt: skip
WALLS = ((2, 2), (3, 2), (4, 2), (2, 4), (2, 5), (5, 5))
grid = GridGoals(walls=WALLS, reward="step")

figure, axes = plotting.figure(2, 3, width=11, height=7)
(waves, arms, rows), (plane, cells, poles) = axes

x = torch.linspace(-5, 5, 200)
for split, count in (("train", 4), ("ood", 2)):
    tasks = sinusoids.sample_tasks(count, seeded(1), split)
    for curve in sinusoids.target(tasks, x[None, :, None].expand(count, -1, 1))[..., 0]:
        waves.plot(x.numpy(), curve.numpy(), color=SPLIT_COLOR[split], linewidth=1.5)
waves.set(title="sinusoids: amplitude, phase", xlabel="x", ylabel="y")

for task, means in enumerate(bandits.sample_tasks(3, seeded(2))["means"]):
    arms.bar(np.arange(5) + 0.27 * (task - 1), means.numpy(), 0.25, label=f"task {task + 1}")
arms.set(title="bandits: chance of each arm", xlabel="arm", ylabel="chance of a reward", ylim=(0, 1.35))
arms.legend(ncols=3, fontsize=9, columnspacing=0.8, handlelength=1)

for task, transitions in enumerate(tabular.sample_tasks(3, seeded(3))["transitions"]):
    rows.bar(np.arange(10) + 0.27 * (task - 1), transitions[0, 0].numpy(), 0.25)
rows.set(title="tabular MDPs: P(s' | s=0, a=0)", xlabel="next state", ylabel="probability", xticks=range(10))

for seed, split in enumerate(SPLITS, 100):  # one seed for each split: the reason comes below
    goals = points.sample_tasks(150, seeded(seed), split)["goal"].numpy()
    plane.plot(*goals.T, ".", color=SPLIT_COLOR[split], markersize=4, label=split)
plane.plot(0, 0, "o", color="black")
plane.set(title="point navigation: goals", xlabel="x", ylabel="y", aspect="equal", ylim=(-1.05, 1.45))
plane.legend(ncols=3, fontsize=9, loc="upper center", columnspacing=0.5, handletextpad=0.1, markerscale=2)

shade = np.full((7, 7, 3), 0.35)
for split in SPLITS:
    for goal in grid.goals[split].tolist():
        shade[divmod(goal, 7)] = plotting.matplotlib.colors.to_rgb(SPLIT_COLOR[split])
cells.imshow(shade, alpha=0.75)
cells.plot(3, 3, "o", color="black")
cells.grid(False)
cells.set(title="grid goals: which cell", xlabel="column", ylabel="row")

three = change(cartpole, "length", (0.5, 1.0, 2.0))
runs = rollout(cartpole, three, PushWhereItLeans(), {}, 1, seeded(5))
for task, name in enumerate(("0.5 m", "1 m", "2 m")):
    steps = int(runs.lengths[task, 0])
    poles.plot(np.arange(steps) * 0.02, runs.observations[task, 0, :steps, 2].rad2deg().numpy(), label=f"pole {name}")
poles.set(title="CartPole: physics", xlabel="time (s)", ylabel="angle (°)", ylim=(-13, 19))
poles.legend(fontsize=9, ncols=3, loc="upper center", columnspacing=0.8, handlelength=1)
assert runs.lengths[0] < runs.lengths[1] < runs.lengths[2]
plotting.show(
    figure,
    "Six panels of sampled tasks. Sinusoids of different amplitude and phase; bars of the arm means of three "
    "bandits; bars of one row of the transition table of three tabular MDPs; goals in the plane, train and test "
    "goals mixed in one square, out-of-distribution goals in a ring around it; a 7 by 7 grid with train, test, and "
    "out-of-distribution goal cells and walls; the angle of three poles under one policy, the short pole falls "
    "first and the long one last.",
)

# %% [markdown]
# Blue is training, orange is test, red is out of distribution. Training and test goals lie in the same square and
# cannot be told apart: that is intended. The red goals lie elsewhere. The grid is different: it has few cells, so
# each is given to one split, and a test cell is a place that no training task ever pays for (grey cells are walls and
# the start).
#
# In the last panel the *policy* is the same three times. A long pole falls slowly, so a crude policy has more time.
# Tasks differ when the same behaviour is worth something else.
#
# ## A task is the parameters of an MDP
#
# Chapter 01 met the Markov decision process. Here is one per task $\mathcal{T}$:
#
# $$M_\mathcal{T} = (\mathcal{S}, \mathcal{A}, P_\mathcal{T}, r_\mathcal{T}, \rho_\mathcal{T}, H). \tag{02.1}$$
#
# $\mathcal{S}$ is the set of states and $\mathcal{A}$ that of actions. $P_\mathcal{T}(s' \mid s, a)$ is the
# probability of the next state, $r_\mathcal{T}(s, a, s')$ the reward, $\rho_\mathcal{T}(s)$ the probability of the
# first state, and $H$ the horizon, a limit on the number of steps. The *return* of an episode is
# $R = \sum_{t=0}^{H-1} \gamma^t r_t$ with discount $\gamma$; in this chapter $\gamma = 1$ unless it is said
# otherwise. For a policy $\pi$ the objective in one task is $J_\mathcal{T}(\pi) = \mathbb{E}[R]$.
#
# What carries the index $\mathcal{T}$ may change from task to task; what lacks it is shared. So a task is no more
# than *the numbers that fix $P_\mathcal{T}$, $r_\mathcal{T}$ and $\rho_\mathcal{T}$*: a goal, a mass, a table. In
# code it is a dictionary of tensors. Tasks are drawn independently from one fixed distribution,
#
# $$\mathcal{T} \sim p(\mathcal{T}), \tag{02.2}$$
#
# at training time and at test time. A family of MDPs indexed by a parameter is also called a *contextual MDP*, and
# the parameter its context. Most families here hide the context from the agent. A hidden context that stays constant
# makes the problem partially observed: the full state is $(s, \mathcal{T})$ and the agent sees $s$. This is why an
# agent that meets a new task has something to find out, and why memory (chapter 11) helps.
#
# **Why are $\mathcal{S}$ and $\mathcal{A}$ shared?** Because one policy $\pi_\theta$ with parameters $\theta$ must
# read the states and emit the actions of every task. A network has one input width and one output width. Tasks whose
# spaces differ in size can be padded to a common size, but then someone has to decide that input 3 means the same
# thing in all of them.
#
# | family | task $\mathcal{T}$ | what changes | hidden from the agent |
# |---|---|---|---|
# | `BernoulliBandits` | means of the arms $\mu \in [0, 1]^k$ | reward | yes |
# | `TabularMDPs` | tables $P$ and $\bar r$ | transition and reward | yes |
# | `GridGoals` | goal cell | reward, termination | yes |
# | `PointNavigation` | goal in the plane | reward, termination | yes |
# | `CartPole` | gravity, two masses, length, force | transition | yes |
# | `Pendulum` | gravity, mass, length | transition | yes |
# | `Sinusoids` | amplitude and phase | targets (a supervised family) | yes |

# %%
tasks = points.sample_tasks(4, seeded(0), "train")
print(tasks)
print({name: tuple(value.shape) for name, value in cartpole.sample_tasks(4, seeded(0)).items()})

# %% [markdown]
# `sample_tasks(n, generator, split)` is the `sample()` of a task distribution. The leading axis is the task. The
# generator is an argument, so the same seed gives the same tasks, and a second call with the same generator gives new
# ones.
#
# ## Splits, and what they are for
#
# Supervised learning holds out data. Meta-learning holds out data twice:
#
# | level | seen while learning | held out | measures |
# |---|---|---|---|
# | within a task | *support* data, to adapt | *query* data | does adaptation overfit the few samples? |
# | across tasks | *training* tasks | *test* tasks, same $p(\mathcal{T})$ | does what was learned carry over to new tasks? |
# | beyond | | *out-of-distribution* tasks (ood) | what happens where $p(\mathcal{T})$ has no mass? |
#
# A **leak** is any way in which data of a test task influences what is then tested: training on it, choosing a step
# size or an iteration by it, normalising with it. After a leak, the number on the test tasks is a training number.
#
# ### Disjoint, for continuous tasks
#
# Draw two goals from a continuous distribution and they are almost surely different. The package turns "almost
# surely" into a guarantee. A float32 number has 24 significant bits; `stamp_split` sets the last one to 0 for
# training tasks and to 1 for test tasks. The value moves by at most one part in eight million, and no training number
# can equal a test number.

# %%
for split in ("train", "test"):
    values = sinusoids.sample_tasks(4, seeded(0), split)["amplitude"]
    print(f"{split:5}", [f"{v:.7f} …{int(v.view(torch.int32)) & 0b1111:04b}" for v in values])

many = {split: sinusoids.sample_tasks(20_000, seeded(7 + i), split)["amplitude"] for i, split in enumerate(SPLITS)}
assert not set(many["train"].tolist()) & set(many["test"].tolist())

# %% [markdown]
# The same seed gives the *same draw up to the last bit* in both splits. That is worth a second look: train and test
# tasks drawn with one seed are disjoint by the letter and neighbours in fact, at a distance of $10^{-7}$. No
# experiment may do that. Use different seeds, or one generator that goes on, as all code of this course does.
#
# **Predict, then run.** Histograms of 20 000 amplitudes: how will train, test and ood compare? The Kolmogorov–Smirnov
# distance is the largest gap between two cumulative distributions. What value do you expect between train and test?

# %%
figure, axes = plotting.figure(1, 3, width=11, height=3.6)
lengths = {split: cartpole.sample_tasks(20_000, seeded(7 + i), split)["length"] for i, split in enumerate(SPLITS)}
goals = {split: points.sample_tasks(20_000, seeded(7 + i), split)["goal"] for i, split in enumerate(SPLITS)}
panels = (
    (many, np.linspace(0, 10, 41), "sinusoids: amplitude"),
    (lengths, np.geomspace(0.12, 2.1, 41), "CartPole: half length (m)"),
    ({split: goal.abs().amax(-1) for split, goal in goals.items()}, np.linspace(0, 1, 41), "goal: larger |coordinate|"),
)
gaps = []
for place, (draws, bins, label) in zip(axes, panels, strict=True):
    for split, line in zip(SPLITS, ("-", "--", "-"), strict=True):
        place.hist(
            draws[split].numpy(),
            bins,
            histtype="step",
            linestyle=line,
            color=SPLIT_COLOR[split],
            linewidth=2,
            label=split,
        )
    place.set(xlabel=label, ylabel="tasks", ylim=(0, place.get_ylim()[1] * 1.15))
    gaps.append(stats.ks_2samp(draws["train"], draws["test"]).statistic)
axes[1].set_xscale("log")
axes[1].set_xticks([0.125, 0.25, 0.5, 1, 2], ["⅛", "¼", "½", "1", "2"])
axes[1].minorticks_off()
axes[0].legend(fontsize=10, ncols=3, loc="upper center", columnspacing=0.8, handlelength=1.3)
assert max(gaps) < 0.02  # two samples of 20 000 from one distribution: above 0.0163 once in a hundred
plotting.show(
    figure,
    "Histograms of 20 000 drawn task parameters for sinusoid amplitude, CartPole half length and goals. Train and "
    "test histograms coincide; the out-of-distribution histogram lies outside of them with no overlap.",
)
Markdown(
    "Kolmogorov–Smirnov distance between train and test: "
    + ", ".join(f"{gap:.4f}" for gap in gaps)
    + ". For two samples of this size from *one* distribution, 0.0136 is exceeded five times in a hundred."
)


# %% [markdown]
# Train and test follow the same distribution; ood lies outside, in the ring around the square of goals or in the
# physics beyond a factor of two. For two families "out of distribution" means another distribution and not another
# region: the ood bandits (one arm at 0.9, all others at 0.1) and the ood tabular MDPs (nearly deterministic) are
# tasks that $p(\mathcal{T})$ could in principle produce, but practically never does. And the grid has a finite number
# of goals, so its train and test tasks are *not* equally distributed: they are two different sets of cells.
#
# ### What disjointness does not give
#
# The last bit keeps the letter of the law. Does it make the test hard? Take a learner that cannot generalise at all:
# it memorises training tasks. On a new sinusoid it looks at 5 support points, picks the memorised sinusoid that fits
# them best, and predicts with that.
#
# **Predict, then run.** How does its error on *test* tasks change as the memory grows from 3 to 1000 training tasks?
# And on ood tasks?

# %%
def memoriser_errors(memory, tasks, generator, support=5, query=50):
    """Query error `[task]` of predicting with the task in `memory` that fits 5 support points best."""
    x, y = sinusoids.sample_data(tasks, support + query, generator)  # [task, point, 1]
    seen = memory["amplitude"][:, None] * (x[:, None, :support, 0] + memory["phase"][:, None]).sin()
    best = (seen - y[:, None, :support, 0]).square().mean(-1).argmin(1)  # [task]; chosen on the support points only
    guess = sinusoids.target(select_tasks(memory, best), x[:, support:])
    return (guess - y[:, support:]).square().mean((1, 2))  # judged on the query points


SIZES, SEEDS, JUDGED = (3, 10, 30, 100, 300, 1000), range(10), 100
scores = {split: [] for split in (*SPLITS, "leaked")}
for size in SIZES:
    row = {split: [] for split in scores}
    for seed in SEEDS:
        generator = seeded(100 + seed)  # it goes on from call to call: train and test draws are independent
        memory = sinusoids.sample_tasks(size, generator, "train")
        new = {split: sinusoids.sample_tasks(JUDGED, generator, split) for split in ("test", "ood")}
        new["train"] = select_tasks(memory, torch.randint(size, (JUDGED,), generator=generator))
        for split in SPLITS:
            row[split].append(memoriser_errors(memory, new[split], generator).numpy())
        both = {name: torch.cat([memory[name], new["test"][name]]) for name in memory}
        row["leaked"].append(memoriser_errors(both, new["test"], generator).numpy())
    for split in scores:
        scores[split].append(bootstrap_interval(np.array(row[split]), mean))

figure, axes = plotting.figure(width=7, height=4.2)
for split, marker in zip(SPLITS, "os^", strict=True):
    low, point, high = np.array([(s.low, s.point, s.high) for s in scores[split]]).T
    axes.fill_between(SIZES, low, high, color=SPLIT_COLOR[split], alpha=0.2, linewidth=0)
    axes.plot(SIZES, point, marker=marker, color=SPLIT_COLOR[split], label=f"{split} tasks")
axes.axhline(task_agnostic_floor(), color=plotting.GREY, linestyle=":", label="best guess without the 5 points")
axes.set(xscale="log", xlabel="memorised training tasks", ylabel="mean squared error on query points")
axes.set_yscale("symlog", linthresh=0.01)  # logarithmic, but with a place for 0
axes.set_ylim(-0.002, 40)
axes.legend(fontsize=10, loc="lower left", bbox_to_anchor=(0.0, 0.08))
plotting.show(
    figure,
    "Query error of the memoriser against the number of memorised tasks, ten seeds, logarithmic axes. On training "
    "tasks it is zero. On test tasks it falls steadily by two orders of magnitude. On out-of-distribution tasks it "
    "stays high.",
)
first, last = scores["test"][0], scores["test"][-1]
assert max(s.point for s in scores["train"]) < 1e-6 and last.point < 0.1 * first.point
assert scores["ood"][-1].point > 20 * last.point
Markdown(
    f"Error on test tasks: {first} with {SIZES[0]} memorised tasks, {last} with {SIZES[-1]} "
    f"(mean over {len(SEEDS)} seeds × {JUDGED} tasks, 95 % bootstrap interval). "
    f"On ood tasks with {SIZES[-1]}: {scores['ood'][-1]}."
)


# %% [markdown]
# The memoriser can predict nothing but waves that it has stored. It has never seen a test task, and with a thousand
# training tasks it is good on test tasks. The family has two parameters, so a thousand tasks cover it, and every test
# task has a near neighbour. Disjoint splits of a continuous family measure **interpolation**. That is the right
# measure of "did it learn $p(\mathcal{T})$, or only those few tasks?": with 3 training tasks, train and test errors
# are far apart. It says nothing about tasks outside: there the same memory fails, however large. The ood split asks
# that second question.
#
# Keep three numbers apart in every report: error on training tasks, on test tasks, on ood tasks.
#
# ## An environment is five functions
#
# A usual environment object holds one state and one task. Here an environment is a set of *pure functions*; the task
# is an argument. The names are those of `gymnasium.experimental.functional.FuncEnv`:
#
# | function | gives | shape |
# |---|---|---|
# | `initial(rng, params)` | first state, from $\rho_\mathcal{T}$ | `[task, episode, …]` |
# | `transition(state, action, rng, params)` | next state, from $P_\mathcal{T}$ | `[task, episode, …]` |
# | `observation(state, rng, params)` | what the agent sees | `[task, episode, …]` |
# | `reward(state, action, next_state, rng, params)` | $r_\mathcal{T}(s, a, s')$ | `[task, episode]` |
# | `terminal(state, rng, params)` | has the MDP ended? | `[task, episode]`, bool |
#
# `params` *is* the task, repeated along the episode axis. Since no function keeps a state of its own, nothing stops
# us from giving each a tensor of a hundred tasks × twenty episodes. One addition then moves two thousand points.
#
# ### Build it: point navigation from scratch
#
# A point starts at the origin of the plane. The task is a goal $g \in \mathbb{R}^2$, and
#
# $$s_{t+1} = s_t + 0.1\,\mathrm{clip}(a_t, -1, 1), \qquad r_t = -\lVert s_{t+1} - g \rVert_2. \tag{02.3}$$
#
# The episode *terminates* when both coordinates are within 0.01 of the goal.

# %%
def initial(params):
    return torch.zeros_like(params["goal"])  # [task, episode, 2]


def transition(position, action, params):
    return position + 0.1 * action.clamp(-1, 1)


def reward(position, action, next_position, params):
    return -(next_position - params["goal"]).norm(dim=-1)  # [task, episode]; of the *new* position


def terminal(position, params):
    return ((position - params["goal"]).abs() < 0.01).all(-1)


# %% [markdown]
# That is the whole environment. Now episodes. In a batch, one episode ends at step 3 and its neighbour at step 40,
# yet all are stepped together. The loop goes on for everyone and a **mask** remembers which steps were real:
# $m_t = 1$ while the episode had not ended *before* step $t$. The return is $\sum_t m_t r_t$. The step that reaches
# the goal is real; its reward counts.

# %%
def roll(tasks, act, noise, horizon):
    """Rewards, mask, terminated, truncated `[task, episode, time]`; noise `[time, task, episode, 2]`."""
    goal = tasks["goal"][:, None].expand(-1, noise.shape[2], -1)  # [task, 2] → [task, episode, 2]
    params = {"goal": goal}
    position = initial(params)
    running = torch.ones(goal.shape[:2], dtype=torch.bool)  # not ended before this step
    records = []
    for step in range(horizon):
        action = act(position, noise[step], params)
        following = transition(position, action, params)
        ended = running & terminal(following, params)
        late = running & ~ended & (step == horizon - 1)  # the clock ran out, the MDP did not end
        records.append((reward(position, action, following, params) * running, running, ended, late))
        running = running & ~ended
        position = following
    return [torch.stack(record, -1) for record in zip(*records, strict=True)]


def noisy_walk(position, noise, params):
    """Towards the goal as far as one step allows, and off by some noise."""
    return ((params["goal"] - position) / 0.1).clamp(-1, 1) + noise


# %% [markdown]
# ### Check it against the package
#
# The package's `rollout` takes a policy with two methods. `noise` draws all randomness of an episode ahead, `act` is
# a function of it. Drawing ahead makes the comparison simple: the same seed, the same noise, hence the same numbers.

# %%
class NoisyWalk:
    """The same behaviour as a policy of the package; its `parameters` are the tasks."""

    def noise(self, shape, generator):
        return 0.7 * torch.randn((*shape, 2), generator=generator)

    def act(self, parameters, observation, noise):
        goal = parameters["goal"][:, None]
        return noisy_walk(observation, noise, {"goal": goal}), torch.zeros(observation.shape[:2])


HORIZON = 60
tasks = points.sample_tasks(50, seeded(11), "train")
theirs = rollout(points, tasks, NoisyWalk(), tasks, episodes=20, generator=seeded(12), horizon=HORIZON)
noise = 0.7 * torch.randn((HORIZON, 50, 20, 2), generator=seeded(12))
rewards, mask, terminated, truncated = roll(tasks, noisy_walk, noise, HORIZON)

assert torch.equal(mask, theirs.mask)
assert torch.equal(terminated, theirs.terminated) and torch.equal(truncated, theirs.truncated)
torch.testing.assert_close(rewards, theirs.rewards)
assert (terminated | truncated).sum(-1).eq(1).all()  # every episode ends exactly once, in one of two ways
Markdown(
    f"{rewards[..., 0].numel()} episodes, {int(mask.sum())} real steps: masks equal, rewards within "
    f"{float((rewards - theirs.rewards).abs().max()):.0e}. {int(terminated.sum())} episodes terminated, "
    f"{int(truncated.sum())} were truncated."
)

# %% [markdown]
# From here on the package version is used. It returns `Trajectories` with axes `[task, episode, time, …]`, zero where
# the mask is zero.
#
# ### Two ways to end: termination and truncation
#
# - **Terminated**: the MDP itself ended. The pole fell, the goal was reached. There is no future, its value is 0.
# - **Truncated**: we stopped watching. The time limit fell. The MDP would go on, and the last state still has a
#   value.
#
# Both are the last real step of an episode, so both look alike in a mask. They differ in what a learner must assume
# about the future, which the end of this chapter measures.

# %%
figure, axes = plotting.figure(width=8, height=3.8)
shown = [(task, 0) for task in range(12)]
lengths = [int(theirs.lengths[place]) for place in shown]
axes.barh(range(12), lengths, color=plotting.SKY, height=0.5, label="real steps (mask = 1)")
axes.barh(
    range(12), [HORIZON - n for n in lengths], left=lengths, color="#dddddd", height=0.5, label="padding (mask = 0)"
)
for flag, marker, color, label in (
    (theirs.terminated, "*", plotting.GREEN, "terminated"),
    (theirs.truncated, "X", plotting.RED, "truncated"),
):
    rows = [row for row, place in enumerate(shown) if flag[place].any()]
    axes.plot(
        [lengths[row] for row in rows],
        rows,
        marker,
        color=color,
        markersize=11,
        linestyle="none",
        label=label,
        clip_on=False,
    )
axes.set(xlabel="time (steps)", ylabel="task (its first episode)", yticks=range(0, 12, 2))
axes.grid(axis="y", visible=False)
axes.legend(fontsize=9, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1)
assert 0 < int(theirs.terminated[:12, 0].sum()) < 12
plotting.show(
    figure,
    "Twelve episodes as horizontal bars over 60 time steps. Some end early with a star for terminated, the rest of "
    "the bar is padding; the others run to the time limit and end with a cross for truncated.",
)

# %% [markdown]
# Each bar is one episode of the noisy walk. A star ends it where the point happened to step into the small box around
# the goal. A cross means that 60 steps were over first. What is grey was computed, too, and thrown away by the mask:
# the price of moving in step. Where most episodes are short the price is high, and a batch should then be stopped or
# refilled early (`rollout` stops when all episodes are over; Gymnasium's vectors refill).
#
# ## The same family as a Gymnasium environment
#
# [Gymnasium](https://gymnasium.farama.org) is the interface that most RL code expects: an object with `reset` and
# `step`. OpenAI's Gym, its predecessor, returned four values from `step` with one flag `done`; Gymnasium returns
# five, with `terminated` and `truncated` apart. Importing `metarl_core` registers every family; the task is a
# keyword.

# %%
env = gymnasium.make("metarl/PointNavigation-v0", task={"goal": [0.3, -0.2]})
observation, info = env.reset(seed=0)
total, over = 0.0, False
while not over:
    action = np.clip(([0.3, -0.2] - observation) / 0.1, -1, 1).astype(np.float32)
    observation, step_reward, terminated, truncated, info = env.step(action)
    total, over = total + step_reward, terminated or truncated
print(f"straight walk: return {total:.3f}, terminated {terminated}, truncated {truncated}")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # advice about bounds; a broken rule raises
    for name in ("BernoulliBandits", "TabularMDPs", "GridGoals", "PointNavigation", "CartPole", "Pendulum"):
        check_env(gymnasium.make(f"metarl/{name}-v0").unwrapped, skip_render_check=True)

vector = gymnasium.make_vec("metarl/PointNavigation-v0", num_envs=12, task=points.sample_tasks(3, seeded(0)))
observations, _ = vector.reset(seed=0)
observations, step_rewards, *_ = vector.step(np.ones((12, 2), dtype=np.float32))
print("vector:", observations.shape, "rewards of 3 tasks × 4 episodes:", step_rewards.reshape(3, 4).round(2))

# %% [markdown]
# `check_env` is Gymnasium's own checker; all families pass it. In the vector, the four episodes of one task get the
# same reward for the same action, and the tasks differ.
#
# Is our CartPole *the* CartPole? Take Gymnasium's, give it some physics, and step both from each state that it
# visits, in float64. The largest difference over all steps should be of the order of rounding.

# %%
theirs = gymnasium.make("CartPole-v1").unwrapped
names = {
    "gravity": "gravity",
    "mass_cart": "masscart",
    "mass_pole": "masspole",
    "length": "length",
    "force": "force_mag",
}
chooser, worst, compared = np.random.default_rng(0), 0.0, 0
for trial in range(20):
    physics = cartpole.default_params if trial == 0 else cartpole.sample_tasks(1, seeded(trial))
    for ours, name in names.items():
        setattr(theirs, name, float(physics[ours]))
    theirs.total_mass = theirs.masspole + theirs.masscart
    theirs.polemass_length = theirs.masspole * theirs.length
    params = {name: value.double()[:, None] for name, value in physics.items()}
    theirs.reset(seed=trial)
    ended = False
    while not ended:
        state, action = torch.tensor(np.array([[theirs.state]])), int(chooser.integers(2))
        _, _, ended, _, _ = theirs.step(action)
        following = cartpole.transition(state, torch.tensor([[action]]), None, params)
        worst = max(worst, float((following - torch.tensor(np.array(theirs.state))).abs().max()))
        compared += 1
        assert bool(cartpole.terminal(following, None, params)) == ended
assert worst < 1e-12
Markdown(f"{compared} steps under 20 physics, the first of them CartPole-v1: largest difference {worst:.1e}.")

# %% [markdown]
# The reverse direction takes three lines: any list of functions that make Gymnasium environments with equal spaces
# becomes a task family. Its tasks are indices into the list. It is no faster than the environments inside, but
# everything that works with a family works with it. MuJoCo and Meta-World (chapter 13) come in through this door.

# %%
makers = [functools.partial(gymnasium.make, "Pendulum-v1", g=g) for g in (6.0, 8.0, 10.0, 12.0)]
adapted = GymnasiumTasks(train=makers[:3], test=makers[3:], horizon=100)
runs = rollout(adapted, adapted.sample_tasks(3, seeded(0)), UniformPolicy(adapted.action_space), {}, 2, seeded(1))
print("observations", tuple(runs.observations.shape), "returns", runs.returns.round().tolist())

# %% [markdown]
# ## The families one by one, each with its optimum
#
# A learned policy's return means little by itself. Is −20 good? It depends on what the best possible policy earns. So
# each family comes with an *oracle*: a behaviour that is optimal for one who knows the task, exact wherever
# mathematics allows.
#
# ### Bernoulli bandits
#
# $k$ arms; arm $i$ pays 1 with probability $\mu_i$ and 0 otherwise. The task is $\mu = (\mu_1, \dots, \mu_k)$, each
# uniform on $[0, 1]$. There is no state, only $n$ pulls.
#
# **One who knows the task** pulls the best arm. The largest of $k$ uniform numbers is below $u$ with probability
# $u^k$, so its density is $k u^{k-1}$ and its mean $\int_0^1 u\, k u^{k-1} \mathrm{d}u = k/(k+1)$. The oracle earns
# $n\,k/(k+1)$.
#
# **One who does not know it** must spend pulls to find out. For this family even the best way to do *that* can be
# computed. After $s$ successes and $f$ failures, Bayes' rule turns the uniform prior into a Beta$(1+s, 1+f)$
# distribution with mean
#
# $$\hat\mu = \frac{1+s}{2+s+f}. \tag{02.4}$$
#
# The counts of all arms, $b = (s_1, f_1, \dots, s_k, f_k)$, are all that matters about the past: they are a state,
# and the bandit becomes an MDP over beliefs. With $n$ pulls left its optimal value obeys
#
# $$V_0(b) = 0, \qquad V_n(b) = \max_i \; \hat\mu_i \bigl(1 + V_{n-1}(b + \text{success}_i)\bigr)
#   + (1 - \hat\mu_i)\, V_{n-1}(b + \text{failure}_i). \tag{02.5}$$
#
# No learner, meta-trained or not, can earn more than $V_n$ on average. By hand for two arms and two pulls: the first
# pull pays $\tfrac12$. After a success that arm's mean is $\tfrac23$, so stay; after a failure the other arm's
# $\tfrac12$ is better than $\tfrac13$, so switch:
# $V_2 = \tfrac12 + \tfrac12\cdot\tfrac23 + \tfrac12\cdot\tfrac12 = \tfrac{13}{12}$.

# %%
assert abs(bayes_optimal_value(arms=2, pulls=2) - Fraction(13, 12)) < 1e-12
lines = ["| pulls | random arm | Bayes-optimal | knows the task |", "|---|---|---|---|"]
for pulls in (1, 2, 5, 10, 20):
    lines.append(f"| {pulls} | {pulls / 2:.2f} | {bayes_optimal_value(2, pulls):.2f} | {pulls * 2 / 3:.2f} |")
Markdown("Expected total reward with two arms:\n\n" + "\n".join(lines))


# %% [markdown]
# The gap between the second and the third column is what meta-learning can win here, the gap between the third and
# the fourth is the price of not knowing. The number of beliefs grows like $n^{2k}$, so (02.5) stops at small
# problems. Gittins (1979) found a way around: give each arm a number that depends on that arm alone, and pull the arm
# with the largest.
#
# **The index by calibration.** Take *one* arm with counts $(s, f)$ and $n$ pulls left, and offer a second way to
# earn: *retire* and receive a sure $\lambda$ per remaining pull. Count all rewards relative to $\lambda$; then
# retiring is worth 0. Retiring is for good: while retired nothing is learned, and with fewer pulls left there is less
# reason to learn, so what was right once stays right. With discount $\gamma$ the value of the choice is
#
# $$W_n(s, f; \lambda) = \max\bigl(0,\; D_n\bigr), \qquad
#   D_n = \hat\mu - \lambda + \gamma\bigl[\hat\mu\, W_{n-1}(s+1, f; \lambda)
#   + (1 - \hat\mu)\, W_{n-1}(s, f+1; \lambda)\bigr],
#   \tag{02.6}$$
#
# with $W_0 = 0$. $D_n$ is the worth of pulling at least once more. The **index** is the payment that makes both
# equally good: $D_n(s, f; \lambda^*) = 0$.
#
# *It exists and is unique.* By induction each $W$ is continuous and never increases with $\lambda$, and the term
# $-\lambda$ strictly decreases, so $D_n$ is continuous and strictly decreasing. At $\lambda = 1$ no pull can beat the
# payment, so $D_n \le 0$. At $\lambda = \hat\mu$ the first difference is 0 and the rest is at least 0, so
# $D_n \ge 0$. Hence there is exactly one zero, it lies in $[\hat\mu, 1]$, and bisection finds it.
#
# *It is at least the posterior mean.* The excess $\lambda^* - \hat\mu$ is the **value of information**: what the
# option to change one's mind is worth. For $n = 1$ there is no later and the excess is 0.
#
# *What it is good for.* With $\gamma < 1$ and endless pulls, always pulling the arm of largest index is optimal
# (Gittins's theorem; the proof is in the book by Gittins, Glazebrook and Weber). With a finite number of pulls, as
# here, the same rule is a very good one and not always the best.

# %%
def gittins_index(successes, failures, left, discount=1.0):
    """The root of (02.6) by bisection, straight from the definition."""

    def pull_once(payment):
        @functools.cache
        def advantage(s, f, n):
            p = (1 + s) / (2 + s + f)
            if n == 1:
                return p - payment
            won, lost = max(0.0, advantage(s + 1, f, n - 1)), max(0.0, advantage(s, f + 1, n - 1))
            return p - payment + discount * (p * won + (1 - p) * lost)

        return advantage(successes, failures, left)

    low, high = (1 + successes) / (2 + successes + failures), 1.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if pull_once(middle) > 0 else (low, middle)
    return (low + high) / 2


PULLS = 50
indices = gittins_indices(PULLS)
for s, f in ((0, 0), (3, 1), (10, 12), (0, 40)):
    assert abs(gittins_index(s, f, PULLS - s - f) - indices[s, f]) < 1e-5
print(f"index of a fresh arm with {PULLS} pulls left: {indices[0, 0]:.3f}, its mean: 0.5")

# %% [markdown]
# **Predict, then run.** An arm won half of its pulls, so its posterior mean stays ½. How does its index change as the
# pulls mount up?

# %%
figure, (curve, chart) = plotting.figure(1, 2, width=10, height=3.9)
half = np.arange(PULLS // 2)
curve.plot(2 * half, indices[half, half], "o-", markersize=4, color=plotting.BLUE, label="Gittins index")
curve.plot(2 * half, np.full(len(half), 0.5), "--", color=plotting.GREY, label="posterior mean")
curve.fill_between(2 * half, 0.5, indices[half, half], color=plotting.BLUE, alpha=0.15)
curve.text(4, 0.53, "value of\ninformation", fontsize=10)
curve.set(xlabel="pulls of the arm so far, half of them won", ylabel="index (reward per pull)", ylim=(0.4, 0.9))
curve.legend(fontsize=10)
won, lost = np.meshgrid(np.arange(PULLS), np.arange(PULLS), indexing="ij")
image = chart.imshow((indices - (1 + won) / (2 + won + lost)).T, origin="lower", vmin=0)
chart.set(xlabel="successes", ylabel="failures", title="index minus posterior mean")
chart.grid(False)
figure.colorbar(image, ax=chart)
assert np.all(np.diff(indices[half, half]) < 0) and np.nanmin(indices - (1 + won) / (2 + won + lost)) > -1e-6
plotting.show(
    figure,
    "Left: the Gittins index of an arm with mean one half falls from about 0.83 towards 0.5 as pulls mount up. "
    "Right: map over successes and failures of index minus posterior mean; it is largest for few pulls and falls to "
    "zero.",
)

# %% [markdown]
# The index is above the mean everywhere, most where the arm is little known and many pulls are left. It falls for two
# reasons: the posterior narrows, and there is less time to use what is learned. Greedy play, "pull the arm with the
# largest mean", ignores the shaded part. A meta-learner that never explores is greedy; chapter 11 compares.
#
# ### Tabular MDPs
#
# Ten states, five actions, ten steps. The task is the transition table $P(s' \mid s, a)$, each row uniform on the
# simplex, and the mean rewards $\bar r(s, a) \sim \mathcal{N}(1, 1)$; rewards carry noise of variance 1. This is the
# family of the RL² paper (Duan et al. 2016).
#
# **The optimum by backward induction.** Let $V_n(s)$ be the largest expected return from $s$ with $n$ steps to go,
# over all policies, also those that remember the past. Claim:
#
# $$V_0(s) = 0, \qquad V_n(s) = \max_a Q_n(s, a), \qquad
#   Q_n(s, a) = \bar r(s, a) + \sum_{s'} P(s' \mid s, a)\, V_{n-1}(s'). \tag{02.7}$$
#
# *Proof by induction on $n$.* With no step to go the return is 0. Suppose the claim holds for $n - 1$. A policy with
# $n$ steps to go first takes some action $a$, at random perhaps. It earns $\bar r(s, a)$ on average, lands in $s'$
# with probability $P(s' \mid s, a)$, and from there on, whatever it remembers, earns at most $V_{n-1}(s')$: given
# $s'$, the future does not depend on the past (the Markov property), and $V_{n-1}$ is the maximum over policies that
# may remember anything. So its return is at most $Q_n(s, a)$ for the action taken, and on average over its actions at
# most $\max_a Q_n(s, a)$. The policy "take the maximising $a$, then go on optimally" reaches that bound. ∎
#
# The proof also gives the policy: at time $t$, with $n = H - t$ steps to go, take $\arg\max_a Q_n(s, a)$. It depends
# on time, since near the end a long-term investment no longer pays.
#
# In code, one `einsum` does a sweep for all tasks at once.

# %%
tasks = tabular.sample_tasks(100, seeded(21), "test")
P, means = tasks["transitions"].double(), tasks["reward_means"].double()
value = torch.zeros(100, 10, dtype=torch.float64)  # V_0, [task, state]
plan = []
for _ in range(tabular.horizon):
    value, action = (means + torch.einsum("ksat,kt->ksa", P, value)).max(-1)  # (02.7)
    plan.insert(0, action)  # the last sweep is the first step
optimal, plan = value[:, 0], torch.stack(plan)  # episodes start in state 0

package_value, package_plan = backward_induction(P, means, tabular.horizon)
assert torch.equal(package_value, value) and torch.equal(package_plan, plan)
at_random = policy_value(P, means, torch.full_like(means, 1 / 5), tabular.horizon)[:, 0]


# %% [markdown]
# The computed optimum is a claim about the environment, so test it *in* the environment: run the plan and compare the
# mean return with $V_H$. The policy needs the time. `rollout` hands each policy its noise step by step; this one asks
# for the time as its "noise".

# %%
class Plan:
    """Follow `plan` `[time, task, state]`; no parameters."""

    def __init__(self, plan):
        self.plan = plan

    def noise(self, shape, generator):
        return torch.arange(shape[0]).reshape(-1, 1, 1).expand(shape)

    def act(self, parameters, observation, noise):
        return self.plan[int(noise[0, 0])].gather(1, observation), torch.zeros(observation.shape)


returns = rollout(tabular, tasks, Plan(plan), {}, 400, seeded(22)).returns.double()
z = (returns.mean(1) - optimal) / (returns.std(1) / math.sqrt(400))  # in standard errors, one for each task
assert z.abs().max() < 5

figure, axes = plotting.figure(width=7, height=3.6)
bins = np.arange(0, 32, 1)
axes.hist(at_random.numpy(), bins, color=plotting.GREY, alpha=0.8, label="random actions")
axes.hist(optimal.numpy(), bins, color=plotting.GREEN, alpha=0.8, label="optimal for the task")
axes.set(xlabel="expected return of 10 steps", ylabel="test tasks")
axes.legend(fontsize=10)
plotting.show(
    figure,
    "Histogram over 100 test tasks of the exact expected return: random actions lie around 10, the optimal policy "
    "around 20; the two do not overlap.",
)
share = float(at_random.mean() / optimal.mean())
assert 0.45 < share < 0.51
Markdown(
    f"Mean over 100 test tasks: optimal {optimal.mean():.1f}, random {at_random.mean():.1f}, which is a share of "
    f"{share:.2f} (published: 0.48, Mishra et al. 2018, table 4). Measured in 400 episodes a task, the optimal "
    f"plan's return "
    f"is off its computed value by {z.abs().mean():.2f} standard errors on average; 0.80 is what chance gives."
)

# %% [markdown]
# The optimum varies from task to task by several units. So averages over *different* test tasks carry that spread as
# noise. Compare methods on the same test tasks.
#
# ### Grid goals
#
# The task is a goal cell; $-1$ a step until it is reached (`reward="step"`). The same induction solves it, with one
# addition: the goal is terminal, so its value is 0. In the tables that is a row of zeros: no next state, no future.

# %%
task = {"goal": torch.tensor([6])}  # the upper right corner
transitions, rewards = grid.tables(task)
value, plan = backward_induction(transitions, rewards, horizon=30)
reachable = grid.distance[:, 6].isfinite()
assert torch.equal(value[0][reachable], -grid.distance[reachable, 6])  # the optimum is minus the shortest path

figure, axes = plotting.figure(1, 2, width=9, height=4, sharey=True)
for place, goal in zip(axes, (6, 42), strict=True):
    value, _ = backward_induction(*grid.tables({"goal": torch.tensor([goal])}), horizon=30)
    picture = value[0].numpy().copy()
    picture[~reachable.numpy()] = np.nan
    image = place.imshow(picture.reshape(7, 7), vmin=-12, vmax=0)
    for cell in reachable.nonzero()[:, 0].tolist():
        place.text(
            cell % 7,
            cell // 7,
            f"{picture[cell]:.0f}",
            ha="center",
            va="center",
            fontsize=9,
            color="black" if picture[cell] > -5 else "white",
        )
    path = [grid.start]
    while path[-1] != goal:
        here = torch.tensor([[path[-1]]])
        path.append(int(grid.next_cell[here, grid.optimal_action(here, {"goal": torch.tensor([[goal]])})]))
    down, right = np.divmod(path, 7)
    place.plot(right, down, color=plotting.RED, linewidth=3, alpha=0.6)
    place.set(xlabel="column", title=f"goal in row {goal // 7}, column {goal % 7}")
    place.grid(False)
axes[0].set_ylabel("row")
figure.colorbar(image, ax=axes, label="value (steps, negative)")
plotting.show(
    figure,
    "Two maps of the optimal value on the 7 by 7 grid with walls, for a goal in the upper right and one in the "
    "lower left corner. Values fall with the number of steps around the walls; a red line shows a shortest path "
    "from the centre.",
)

# %% [markdown]
# Optimal value equals minus the shortest path, around walls, which `scipy`'s graph search confirms cell by cell. The
# two tasks share all their transitions and have nearly opposite value functions: the same cell is worth −3 in one and
# −9 in the other. A value function trained on one goal is not merely useless for the other; it points the wrong way.
#
# ### Point navigation
#
# Knowing the goal, each coordinate moves by at most 0.1 a step towards it, and after $t$ steps it is still
# $\max(|g_i| - 0.1t, 0)$ away. No policy can bring either coordinate closer by then, so the straight walk is optimal,
# with return
#
# $$J^*(g) = -\sum_{t=1}^{H} \sqrt{\textstyle\sum_{i=1}^{2} \max(|g_i| - 0.1\,t,\, 0)^2}. \tag{02.8}$$
#
# The family has three rewards: minus the distance, minus its square (the MAML paper's text; its released code has the
# distance), and *sparse*: 1 within 0.1 of the goal, else 0. The straight walk is optimal for all three, but for a
# trap that comes later.
#
# **Predict, then run.** A policy that knows nothing acts at random for 100 steps. In what share of episodes does it
# see *any* sparse reward, for a goal at distance 0.2, 0.5, 0.7?

# %%
goals = points.sample_tasks(500, seeded(31), "test")["goal"]
steps = torch.arange(1, 101)[:, None, None]
closed_form = -(goals.abs() - 0.1 * steps).clamp_min(0).norm(dim=-1).sum(0)  # (02.8), [task]
walked = rollout(points, {"goal": goals}, OraclePolicy(points), {"goal": goals}, 1, seeded(0)).returns[:, 0]
assert (walked - closed_form).abs().max() < 0.02  # the package stops within 0.01 of the goal and saves that rest

sparse = PointNavigation(reward="sparse", terminate_at_goal=False)
distances = torch.linspace(0.0, 0.7, 15)
ring = {"goal": torch.stack([distances * math.cos(0.7), distances * math.sin(0.7)], -1)}
seen = (rollout(sparse, ring, UniformPolicy(sparse.action_space), {}, 1000, seeded(32)).returns > 0).double().mean(1)

figure, (chart, curve) = plotting.figure(1, 2, width=10, height=3.9)
side = torch.linspace(-1, 1, 101)
plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
best = -(plane.abs() - 0.1 * steps[:, None]).clamp_min(0).norm(dim=-1).sum(0)
contours = chart.contourf(side.numpy(), side.numpy(), best.numpy(), 12)
chart.plot([-0.5, 0.5, 0.5, -0.5, -0.5], [-0.5, -0.5, 0.5, 0.5, -0.5], color="white")
chart.text(0, 0.53, "p(T)", color="white", ha="center", fontsize=11)
chart.set(xlabel="goal x", ylabel="goal y", aspect="equal", title="return of the straight walk")
figure.colorbar(contours, ax=chart)
error = 1.96 * (seen * (1 - seen) / 1000).sqrt()
curve.errorbar(distances.numpy(), 100 * seen.numpy(), 100 * error.numpy(), marker="o", capsize=3, color=plotting.GREY)
curve.set(
    xlabel="distance of the goal",
    ylabel="episodes with any reward (%)",
    title="sparse reward, random actions",
    ylim=(0, 105),
)
assert seen[0] > 0.9 and seen[-1] < 0.2
plotting.show(
    figure,
    "Left: contour map of the optimal return over goals, 0 at the centre, about minus 6 at the corners of the "
    "out-of-distribution ring; a square marks p(T). Right: share of random episodes with any sparse reward, from "
    "100 per cent at distance 0, falling with the distance of the goal.",
)
Markdown(
    f"Mean optimal return over {len(goals)} test goals: **{closed_form.mean():.2f}**. A random policy sees a sparse "
    f"reward in "
    f"{100 * seen[4]:.0f} % of episodes at distance {distances[4]:.1f}, in {100 * seen[10]:.0f} % at "
    f"{distances[10]:.1f} and in "
    f"{100 * seen[-1]:.0f} % at {distances[-1]:.1f} (bars: 95 % intervals, 1000 episodes)."
)

# %% [markdown]
# The left map is the reference for every later figure on this family: a return of −10 is far from perfect. (The
# "oracle" of the MAML paper's figure reaches about −2.3. It is a *trained* policy that sees the goal, not the
# optimum.) The right curve says why sparse rewards are hard. A policy gradient is a weighted sum over rewards. An
# episode without reward adds nothing to it, so a far goal gives no direction at all in most episodes. The distance
# reward tells at every step; there, adaptation by one gradient step is possible.
#
# ### CartPole and Pendulum: physics
#
# CartPole's task is gravity, cart mass, pole mass, pole length and force; Pendulum's is gravity, mass and length.
# Each is the ordinary value times a log-uniform factor, within 2 (CartPole) or 1.5 (Pendulum) for train and test and
# from there to the square for ood. No closed form gives the optimum, but controllers designed from the equations of
# motion come close: a linear-quadratic regulator for CartPole, energy pumping with a catch at the top for the
# pendulum (`metarl_core.tasks.controllers`).
#
# Do these tasks differ in a way that matters? Run *fixed* policies across the physics.
#
# **Predict, then run.** Three policies for CartPole use the angle only; angle and angular velocity; all of the state.
# For which of them does a changed length matter?

# %%
factors = np.geomspace(0.125, 8, 13)
policies = {
    "angle only": (PushWhereItLeans(), plotting.GREY, "^"),
    "+ angular velocity": (PushWhereItLeans((0.0, 0.0, 1.0, 0.2)), plotting.ORANGE, "s"),
    "+ position, velocity": (PushWhereItLeans((0.02, 0.05, 1.0, 0.15)), plotting.BLUE, "o"),
}
figure, (left, right) = plotting.figure(1, 2, width=10.5, height=4.0)
spread = {}
for name, (policy, color, marker) in policies.items():
    returns = rollout(cartpole, change(cartpole, "length", factors.tolist()), policy, {}, 50, seeded(41)).returns
    spread[name] = returns.mean(1)
    low, high = np.quantile(returns.numpy(), (0.25, 0.75), axis=1)
    left.plot(factors, returns.mean(1).numpy(), marker=marker, color=color, label=name, markersize=5)
    left.fill_between(factors, low, high, color=color, alpha=0.15, linewidth=0)
left.axvspan(0.5, 2, color="black", alpha=0.06, linewidth=0)
left.set(
    xscale="log", xlabel="pole length, times the ordinary one", ylabel="CartPole return (at most 500)", ylim=(0, 560)
)
left.set_xticks([0.125, 0.5, 1, 2, 8], ["⅛", "½", "1", "2", "8"])
left.legend(fontsize=9, loc="center left", bbox_to_anchor=(0.0, 0.55))

pendulum = Pendulum()
factors = np.geomspace(1 / 2.25, 2.25, 11)
tasks = change(pendulum, "length", factors.tolist())
ordinary = {name: value.expand(len(factors)) for name, value in pendulum.default_params.items()}
beliefs = {"told the task": (tasks, plotting.GREEN, "D"), "told ordinary physics": (ordinary, plotting.GREY, "^")}
for name, (belief, color, marker) in beliefs.items():
    returns = rollout(pendulum, tasks, PendulumController(), belief, 100, seeded(42)).returns
    low, high = np.quantile(returns.numpy(), (0.25, 0.75), axis=1)
    right.plot(factors, returns.mean(1).numpy(), marker=marker, color=color, label=name, markersize=5)
    right.fill_between(factors, low, high, color=color, alpha=0.15, linewidth=0)
right.axvspan(1 / 1.5, 1.5, color="black", alpha=0.06, linewidth=0)
right.set(xscale="log", xlabel="pendulum length, times the ordinary one", ylabel="Pendulum return")
right.set_xticks([0.5, 1, 2], ["½", "1", "2"])
for place in (left, right):
    place.minorticks_off()
right.legend(fontsize=9, loc="lower left")
plotting.show(
    figure,
    "Left: CartPole return of three fixed policies against pole length on a logarithmic axis; a grey band marks the "
    "training range. The angle-only policy rises with length from near zero; the other two are at 500 inside the "
    "band and break down at very long poles. Right: Pendulum return against length of a controller told the task "
    "and of one told ordinary physics; they agree at ordinary length, and the second falls far behind for long "
    "pendulums.",
)

drawn = {split: pendulum.sample_tasks(300, seeded(43 + i), split) for i, split in enumerate(("test", "ood"))}
worth = {}
for split, tasks in drawn.items():
    ordinary = {name: value.expand(300) for name, value in pendulum.default_params.items()}
    worth[split] = [
        float(rollout(pendulum, tasks, PendulumController(), belief, 5, seeded(44)).returns.mean())
        for belief in (tasks, ordinary)
    ]
assert spread["+ angular velocity"][4:9].min() > 450  # in the grey stripe
assert spread["+ position, velocity"][-1] < 0.5 * spread["+ angular velocity"][-1] and spread["angle only"][8] < 150
assert worth["test"][0] > worth["test"][1] + 30
Markdown(
    f"Mean over 300 drawn Pendulum tasks, told the task against told ordinary physics: {worth['test'][0]:.0f} against "
    f"{worth['test'][1]:.0f} on test tasks, {worth['ood'][0]:.0f} against {worth['ood'][1]:.0f} on ood tasks."
)

# %% [markdown]
# Bands are the middle half of the episodes; the grey stripe is the range of training tasks. Three observations:
#
# - **A family can be easier than it looks.** CartPole's physics vary by a factor of two each way, and a *fixed*
#   policy that uses the angular velocity balances all of that range of lengths. A perfect return leaves nothing for
#   adaptation to gain. Whether CartPole is a good family for meta-RL depends on how robust the policy is before it
#   adapts. Measure that before you praise an adapted one.
# - **More inputs are not more robust.** The policy that also steers the cart back to the middle was tuned at the
#   ordinary length, and it is the first to break for long poles. The angle-only policy is bad everywhere in the
#   stripe.
# - **Knowing the task has a price.** When only the length changes, the pendulum controller told ordinary physics
#   keeps up inside the stripe and breaks down beyond it. Drawn tasks change gravity, mass and length at once, and
#   there the two differ also on test tasks, by the numbers above. That gap is an estimate of what perfect adaptation
#   is worth (an estimate, since this controller is good and not proven optimal).
#
# ### Sinusoids, and two floors
#
# The supervised family: $y = A \sin(x + \varphi)$, with amplitude $A$ uniform on $[0.1, 5]$, phase $\varphi$ uniform
# on $[0, \pi]$, inputs $x$ uniform on $[-5, 5]$. Chapter 05 trains MAML on it. Two errors can be computed beforehand,
# and every result must be read against them.
#
# **Predicting zero.** The mean squared error is
# $\mathbb{E}[A^2 \sin^2(x + \varphi)] = \mathbb{E}[A^2]\, \mathbb{E}[\sin^2(x + \varphi)]$, since $A$ is independent
# of the rest. For any fixed $x$, the phase runs over a full period of $\sin^2$, which is $\pi$, so the mean over
# $\varphi$ is $\tfrac12$. With $A$ uniform on $[a, b]$,
#
# $$L_0 = \tfrac12 \mathbb{E}[A^2] = \tfrac12 \cdot \frac{1}{b - a}\int_a^b A^2\, \mathrm{d}A
#   = \frac{b^3 - a^3}{6\,(b - a)}. \tag{02.9}$$
#
# **The best function that ignores the task.** Let $f(x)$ be any one function. For fixed $x$ write
# $m(x) = \mathbb{E}[y \mid x]$, the mean over tasks. Then
#
# $$\mathbb{E}\bigl[(y - f(x))^2 \mid x\bigr] = \mathbb{E}\bigl[(y - m)^2 \mid x\bigr]
#   + 2\,\underbrace{\mathbb{E}[y - m \mid x]}_{=\,0}\,(m - f) + (m - f)^2, \tag{02.10}$$
#
# which is smallest at $f = m$: the mean over tasks. It is
#
# $$m(x) = \mathbb{E}[A]\cdot\frac1\pi \int_0^\pi \sin(x + \varphi)\, \mathrm{d}\varphi
#   = \mathbb{E}[A]\cdot\frac1\pi\bigl[\cos x - \cos(x + \pi)\bigr] = \mathbb{E}[A]\,\frac{2}{\pi} \cos x. \tag{02.11}$$
#
# Its error is $\mathbb{E}[(y - m)^2] = \mathbb{E}[y^2] - 2\,\mathbb{E}[y\, m] + \mathbb{E}[m^2]$. Given $x$, $m$ is a
# constant and $\mathbb{E}[y \mid x] = m$, so $\mathbb{E}[y\, m] = \mathbb{E}[m^2]$, and
#
# $$L_m = L_0 - \mathbb{E}[m(x)^2] = L_0 - \Bigl(\frac{2\,\mathbb{E}[A]}{\pi}\Bigr)^2 \mathbb{E}[\cos^2 x], \qquad
#   \mathbb{E}[\cos^2 x] = \frac1{2w}\int_{-w}^{w} \frac{1 + \cos 2x}{2}\, \mathrm{d}x
#   = \frac12 + \frac{\sin 2w}{4w} \tag{02.12}$$
#
# with $w = 5$. Check both by drawing a million points.

# %%
tasks = sinusoids.sample_tasks(1_000_000, seeded(51), "train")
x, y = sinusoids.sample_data(tasks, 1, seeded(52))
a, b, w = 0.1, 5.0, 5.0
L0 = (b**3 - a**3) / (6 * (b - a))
Lm = L0 - ((a + b) / math.pi) ** 2 * (0.5 + math.sin(2 * w) / (4 * w))
assert math.isclose(L0, zero_floor()) and math.isclose(Lm, task_agnostic_floor())
drawn = {}
for name, prediction in (("zero", 0 * x), ("mean of the tasks", (a + b) / math.pi * x.cos())):
    errors = (y - prediction).double().square()
    drawn[name] = (float(errors.mean()), float(errors.std()) / 1000)
for floor, (measured, standard_error) in zip((L0, Lm), drawn.values(), strict=True):
    assert abs(measured - floor) < 5 * standard_error

figure, axes = plotting.figure(width=7, height=3.8)
line = torch.linspace(-5, 5, 200)
few = sinusoids.sample_tasks(40, seeded(53))
for curve in sinusoids.target(few, line[None, :, None].expand(40, -1, 1))[..., 0]:
    axes.plot(line.numpy(), curve.numpy(), color=plotting.SKY, linewidth=0.7, alpha=0.7)
axes.plot(line.numpy(), (a + b) / math.pi * line.cos().numpy(), color=plotting.RED, label="mean over tasks, (02.11)")
edges = torch.linspace(-5, 5, 41)
bin_of = torch.bucketize(x[:, 0, 0], edges[1:-1])
binned = torch.zeros(40).index_add_(0, bin_of, y[:, 0, 0]) / torch.bincount(bin_of, minlength=40)
axes.plot(
    ((edges[1:] + edges[:-1]) / 2).numpy(),
    binned.numpy(),
    "o",
    color="black",
    markersize=3,
    label="mean of a million draws",
)
axes.set(xlabel="x", ylabel="y", ylim=(-5.2, 6.9))
axes.legend(fontsize=10, ncols=2, loc="upper center")
plotting.show(
    figure,
    "Forty training sinusoids as thin lines. Their mean over tasks is a cosine of amplitude 1.6, drawn in red; dots "
    "of the mean of a million drawn points lie on it.",
)
Markdown(
    "| prediction | closed form | a million draws |\n|---|---|---|\n"
    + "\n".join(
        f"| {name} | {floor:.3f} | {measured:.3f} ± {1.96 * se:.3f} |"
        for floor, (name, (measured, se)) in zip((L0, Lm), drawn.items(), strict=True)
    )
)

# %% [markdown]
# A network trained on all tasks together, with $x$ as its only input, converges to (02.11) at best. An error of 3.0
# before adaptation is therefore not a failure of training, but the price of not knowing the task. A method that
# reports 2.9 after adaptation has learned almost nothing from the support points.
#
# ## Speed: a loop, a vector, a batch
#
# How many environment steps per second can *one thread* do? Four ways to run CartPole:
#
# 1. a Python loop over `gymnasium.make("CartPole-v1")`;
# 2. `make_vec(..., vectorization_mode="sync")`: the same objects in a loop behind one call;
# 3. Gymnasium's own CartPole vector, written in NumPy;
# 4. our batch: once as a Gymnasium vector with its automatic resets and checks, once as bare functions.
#
# There is a fifth, `"async"`: one process for each environment. Every step then sends a message to each process and
# waits for the slowest. That pays only where one step costs much more than a message, and a CartPole step does not. It
# is not run here; its number below comes from the table that `benchmarks/` committed.
#
# **Predict, then run.** Sort the four by steps per second at 1, at 100 and at 10 000 environments. Note a guess of
# the largest factor.

# %%
THOUSAND = 1000


def steps_per_second(step, environments, seconds=0.25):
    """Environment steps per second: call `step` until `seconds` have passed, and do that three times; take the best."""
    step()  # warm up
    best = 0.0
    for _ in range(3):
        calls, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds / 3:
            step()
            calls += 1
        best = max(best, calls * environments / passed)
    return best


def plain_loop():
    env, actions = gymnasium.make("CartPole-v1"), np.random.default_rng(0).integers(2, size=THOUSAND).tolist()
    env.reset(seed=0)

    def step():
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return step


def vector(id, environments, **options):
    env = gymnasium.make_vec(id, num_envs=environments, **options)
    actions = np.random.default_rng(0).integers(2, size=environments)
    env.reset(seed=0)
    return lambda: env.step(actions)


def bare(environments):
    """Transition, reward, terminal, and a fresh state for those that fell."""
    generator = seeded(0)
    params = {name: value[:, None] for name, value in cartpole.sample_tasks(environments, generator).items()}
    action = torch.randint(2, (environments, 1), generator=generator)
    fresh = cartpole.initial(generator, params)
    holder = [fresh]

    @torch.inference_mode()
    def step():
        state = cartpole.transition(holder[0], action, generator, params)
        cartpole.reward(holder[0], action, state, generator, params)
        holder[0] = torch.where(cartpole.terminal(state, generator, params)[..., None], fresh, state)

    return step


ways = {
    "Python loop": {1: steps_per_second(plain_loop(), THOUSAND, seconds=0.6)},
    "make_vec, sync": {
        n: steps_per_second(vector("CartPole-v1", n, vectorization_mode="sync"), n) for n in (1, 10, 100)
    },
    "Gymnasium's NumPy vector": {
        n: steps_per_second(vector("CartPole-v1", n, vectorization_mode="vector_entry_point"), n)
        for n in (1, 10, 100, 1000, 10_000)
    },
    "our Gymnasium vector": {
        n: steps_per_second(vector("metarl/CartPole-v0", n), n) for n in (1, 10, 100, 1000, 10_000, 100_000)
    },
    "our bare functions": {n: steps_per_second(bare(n), n) for n in (1, 10, 100, 1000, 10_000, 100_000)},
}

# %%
rate = ways["our bare functions"]
overhead = 1 / rate[1]  # seconds per call, whatever the batch
largest = max(rate)
each = (largest / rate[largest] - overhead) / largest  # seconds per environment on top
crossing = overhead / each

figure, axes = plotting.figure(width=7.5, height=4.6)
colors = (plotting.GREY, plotting.PURPLE, plotting.ORANGE, plotting.SKY, plotting.BLUE)
for (name, rates), color, marker in zip(ways.items(), colors, "Xv^so", strict=True):
    axes.plot(list(rates), list(rates.values()), marker=marker, color=color, label=name)
sizes = np.geomspace(1, 1e5, 100)
axes.plot(sizes, sizes / (overhead + each * sizes), ":", color="black", linewidth=1.5, label="model (02.13)")
axes.axhline(
    ways["Python loop"][1], color=plotting.GREY, linestyle="--", linewidth=1
)  # whatever the number, one after the other
axes.set(xscale="log", yscale="log", xlabel="environments in one call", ylabel="environment steps per second")
axes.legend(fontsize=9)
plotting.show(
    figure,
    "Environment steps per second against the number of environments in one call, both logarithmic. The Python loop "
    "and the sync vector stay flat; the NumPy vector and our batch rise in proportion to the number of environments "
    "and then level off.",
)
loop = ways["Python loop"][1]
table = load_benchmark("environments")
slow = next(row for row in table["rows"] if "async" in row["name"])
assert rate[10_000] > 5 * loop and rate[1] < loop  # wide margins: clocks differ from machine to machine
Markdown(
    "Measured here, on one thread, in steps per second: "
    + "; ".join(
        f"{name} {max(rates.values()):,.0f} (best at {max(rates, key=rates.get):,})" for name, rates in ways.items()
    )
    + f" (committed: async with {slow['environments']} processes, {slow['times_loop']} times the loop)"
    + f". The bare batch of 10 000 makes **{rate[10_000] / loop:,.0f} times** the steps of the loop. One call of it "
    f"costs "
    f"{1e6 * overhead:.0f} µs before any work is done, and {1e9 * each:.0f} ns for each environment: the two are "
    f"equal at about "
    f"{crossing:,.0f} environments. A call with 800 takes {1 + 800 * each / overhead:.2f} times as long as a call "
    f"with one."
)

# %% [markdown]
# The dotted line is a model with two numbers. A call costs a fixed overhead $c_0$ (Python, dispatch of some thirty
# tensor operations) and $c_1$ for each environment (arithmetic, memory):
#
# $$\text{steps per second}(B) = \frac{B}{c_0 + c_1 B}. \tag{02.13}$$
#
# For small $B$ it grows like $B / c_0$: the run is **overhead-bound**, the processor mostly waits for Python, and
# doubling the batch is free. For large $B$ it levels off at $1/c_1$: **arithmetic-bound**, and a larger batch only
# takes longer. Between them, at $B = c_0 / c_1$, lies the sensible batch size. A single CartPole in tensors is
# *slower* than in plain Python; batching is a trade, not magic. The model is drawn through the first and the last
# point. Points between them may lie off it: $c_1$ depends on which of the processor's caches still holds the batch.
#
# The consequence for this course: a meta-batch of 40 tasks × 20 episodes is 800 environments and costs little more
# than one. Tasks and episodes are nearly free; *time steps* are not, since they must come one after the other.
#
# ## Explorer: draw tasks, see what solves them
#
# Choose a family and a split, and change the seed. Green is optimal behaviour, or for the two physical families the
# controller that was told the task, beside the same design for ordinary physics (dashed).

# %%
task_explorer()

# %% [markdown]
# Try: CartPole, from "train" to "ood": when does the design for ordinary physics begin to fail? Bandits: how large is
# the second-best arm's mean in "train", and in "ood"? Where would greedy play be punished more? Grid goals: do train
# and test ever show the same cell?
#
# ## What goes wrong in practice
#
# ### Test tasks in training
#
# The memoriser again, now with a bug that is easy to write: its memory is built from *all* tasks, before the split.
# Nothing else changes.

# %%
figure, axes = plotting.figure(width=7, height=3.6)
gap = {name: [s.point for s in scores[name]] for name in ("test", "leaked")}
axes.plot(SIZES, gap["test"], "s-", color=plotting.ORANGE, label="test tasks held out")
axes.plot(SIZES, gap["leaked"], "X--", color=plotting.RED, label="test tasks in the memory")
axes.set(xscale="log", xlabel="memorised training tasks", ylabel="test error − training error")
axes.legend(fontsize=10)
assert max(gap["leaked"]) < 1e-3 and gap["test"][0] > 1
plotting.show(
    figure,
    "Difference of test and training error of the memoriser against the number of memorised tasks. Held out it "
    "starts high and falls; with test tasks in the memory it is zero everywhere.",
)

# %% [markdown]
# With the leak, the measured gap vanishes at every size, also with three training tasks, where the learner knows next
# to nothing. Nothing crashes, and the numbers look excellent. That is the whole danger. A public benchmark has
# shipped with this bug: at the time of writing, `Meta-World/ML1-train` of Meta-World 3 served test tasks (pull
# request 573). So test the split, not only the learner:

# %%
cells = {split: set(grid.sample_tasks(1000, seeded(61 + i), split)["goal"].tolist()) for i, split in enumerate(SPLITS)}
assert not cells["train"] & cells["test"] and not (cells["train"] | cells["test"]) & cells["ood"]
print({split: len(found) for split, found in cells.items()}, "different goals seen; no split shares one with another")

# %% [markdown]
# ### Rewards counted after the end
#
# A batch steps on when an episode is over. CartPole pays 1 for each step, also for steps of a pole that lies on the
# floor. Forget the mask, and every policy is perfect.
#
# **Predict, then run.** What does a random policy earn with and without the mask?

# %%
tasks = cartpole.default_params
runs = rollout(cartpole, tasks, UniformPolicy(cartpole.action_space), {}, 200, seeded(62))
params = {name: value[:, None].expand(1, 200) for name, value in tasks.items()}
state, generator, unmasked = cartpole.initial(seeded(63), params), seeded(64), torch.zeros(1, 200)
for _ in range(cartpole.horizon):
    action = torch.randint(2, (1, 200), generator=generator)
    following = cartpole.transition(state, action, None, params)
    unmasked += cartpole.reward(state, action, following, None, params)  # no mask: fallen poles go on earning
    state = following
assert unmasked.mean() == 500 and runs.returns.mean() < 30
print(
    f"random policy, masked: {runs.returns.mean():.1f}; mask forgotten: {unmasked.mean():.1f} (a solved CartPole "
    f"earns 475)"
)

# %% [markdown]
# ### Termination and truncation merged
#
# Evaluate the random policy on a 5 × 5 grid: −1 a step, the goal in a corner, $\gamma = 0.95$, time limit 10. Dynamic
# programming gives the exact values: with $P_\pi$ the transition matrix under the policy and $-1$ a step,
# $V = (I - \gamma P_\pi)^{-1} r_\pi$. From episodes we learn $V$ as the fixed point of
# $V(s) = \text{mean}[\,r + \gamma\,(1 - d)\,V(s')\,]$ over the recorded steps. The two variants differ in $d$ alone:
# $d$ = terminated, or $d$ = terminated or truncated, which is the old Gym's `done`.
#
# **Predict, then run.** In which direction does the merged flag bend the values?

# %%
small = GridGoals(size=5, reward="step", horizon=10)
task, gamma = {"goal": torch.tensor([0])}, 0.95
transitions, rewards = small.tables(task)
chain, pay = transitions[0].mean(1).double(), rewards[0].mean(1).double()
exact = torch.linalg.solve(torch.eye(25, dtype=torch.float64) - gamma * chain, pay)

runs = rollout(small, task, UniformPolicy(small.action_space), {}, 20_000, seeded(65))
following = torch.cat([runs.observations[:, :, 1:], runs.final_observations[:, :, None]], 2)
last = (runs.terminated | runs.truncated)[..., None]
following = torch.where(last[..., 0], runs.final_observations[:, :, None], following)  # before the padding
real = runs.mask
s, after, r = runs.observations[real], following[real], runs.rewards[real].double()
visits = torch.bincount(s, minlength=25).clamp_min(1)


def fixed_point(done):
    value = torch.zeros(25, dtype=torch.float64)
    for _ in range(400):
        target = r + gamma * (~done) * value[after]
        value = torch.zeros(25, dtype=torch.float64).index_add_(0, s, target) / visits
    return value


learned = {
    "exact": exact,
    "d = terminated": fixed_point(runs.terminated[real]),
    "d = terminated or truncated": fixed_point((runs.terminated | runs.truncated)[real]),
}
figure, axes = plotting.figure(1, 3, width=10.5, height=3.7, sharey=True)
for place, (name, value) in zip(axes, learned.items(), strict=True):
    image = place.imshow(value.reshape(5, 5), vmin=-20, vmax=0)
    for cell in range(25):
        place.text(
            cell % 5,
            cell // 5,
            f"{value[cell]:.1f}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if value[cell] < -8 else "black",
        )
    place.set(title=name, xlabel="column")
    place.grid(False)
axes[0].set_ylabel("row")
figure.colorbar(image, ax=axes, label="value of random walk")
error = {name: float((value - exact)[1:].abs().max()) for name, value in learned.items()}
merged = learned["d = terminated or truncated"]
assert merged[24] > merged[12] and exact[24] < exact[12]  # the far corner against the centre: the order is reversed
assert error["d = terminated"] < 0.5 and error["d = terminated or truncated"] > 5
plotting.show(
    figure,
    "Three maps of the value of a random walk on a 5 by 5 grid with the goal in the upper left corner. Exact values "
    "and those learned with the terminated flag agree; with truncation merged in, all are much too high and the far "
    "corner looks better than the centre.",
)
Markdown(
    f"Largest error of a cell: {error['d = terminated']:.2f} with the right flag, "
    f"**{error['d = terminated or truncated']:.1f}** with the merged one."
)


# %% [markdown]
# Merged, the time limit looks like an exit. After at most ten steps "it is over", so all cells seem cheap. Worse, the
# order is wrong: cells are seen late in an episode if they are far from the start, so the far corner looks *better*
# than the centre. An agent that follows these values walks away from the goal, to where the clock is expected to run
# out. Where rewards are positive, as in CartPole, the bias has the other sign: the best states look bad since
# episodes are cut there. (The horizon counts as part of the problem in the tabular family: there $V_n$ depends on the
# time to go, and the end *is* an end. What a time limit means is a decision about the problem.)
#
# ### A distribution that always gives the same task
#
# One of the articles that this course grew from defines a `TaskDistribution` whose `sample()` returns the same task
# each time. In this form it is easy to overlook:

# %%
class TaskDistribution:
    def sample(self):
        return points.sample_tasks(1, seeded(0))["goal"][0]  # a new generator with the same seed, at every call


broken = torch.stack([TaskDistribution().sample() for _ in range(100)])
right = points.sample_tasks(100, seeded(0))["goal"]
to_the_first_goal = {"goal": broken}  # an "agent" that walks to the one goal that it knows
judged = {
    name: rollout(points, {"goal": goals}, OraclePolicy(points), to_the_first_goal, 1, seeded(1)).returns.mean()
    for name, goals in (("broken", broken), ("right", right))
}
print("standard deviation over tasks:", broken.std(0).tolist(), "against", [round(v, 2) for v in right.std(0).tolist()])
print(
    f"an agent that knows one goal: {judged['broken']:.2f} on the broken distribution, {judged['right']:.1f} on the "
    f"right one"
)
assert broken.unique(dim=0).shape[0] == 1 and right.unique(dim=0).shape[0] == 100
assert judged["broken"] > judged["right"] + 20


# %% [markdown]
# On the broken distribution an agent that has nothing but one memorised path is "optimal", at training and at test.
# The cure is one line, the same generator for all calls; the test is one line, too: count the different tasks.
#
# ### A reward that pays for not finishing
#
# Now the trap announced above. Take the *sparse* reward, 1 for each step within 0.1 of the goal, and let the episode
# end *at* the goal. Both choices are sensible by themselves. The package refuses the combination (with the sparse
# reward it never ends an episode), so build it:

# %%
class Trap(PointNavigation):
    """The sparse reward, and termination at the goal."""

    def terminal(self, state, rng, params):
        return ((state - params["goal"]).abs() < 0.01).all(-1)


trap = Trap(reward="sparse")
tasks = trap.sample_tasks(200, seeded(66), "test")
beside = {"goal": tasks["goal"] + torch.tensor([0.05, 0.0])}  # a point that pays and does not end the episode
arrive = rollout(trap, tasks, OraclePolicy(trap), tasks, 1, seeded(0)).returns
hover = rollout(trap, tasks, OraclePolicy(trap), beside, 1, seeded(0)).returns
print(f"walk to the goal: {arrive.mean():.1f}; stop beside it: {hover.mean():.1f}")
assert hover.mean() > 20 * arrive.mean()

# %% [markdown]
# Arriving ends the income. The best policy of this MDP stays beside the goal until time is up, and a learner will
# find that out. It is not the learner's fault: the MDP says so. Termination is part of the reward's design.
#
# ## Self-check
#
# **1.** Two tasks have the same transitions and the same states and actions, but rewards $r$ and $2r + 3$ (both with
# a fixed horizon and no termination). Are they the same task?
#
# - A: yes, since the optimal policies agree
# - B: no, the parameters differ, though one optimal policy serves both
# - C: no, and their optimal policies may differ
#
# <details><summary>Answer</summary>
#
# **B.** A task is the parameters of its MDP, and these differ; so do all returns, hence averages over tasks. **A**
# confuses a task with its solution. **C** is wrong here: with a fixed number of steps every return becomes $2R + 3H$,
# an increasing function of $R$, so the order of policies stays. With termination it *could* change, since adding 3 to
# each step rewards long episodes.
# </details>
#
# **2.** A paper draws 20 fixed training goals once and 20 test goals from the same square, and reports the test
# return as "generalisation to unseen tasks". What does it measure?
#
# - A: generalisation outside the training distribution
# - B: interpolation within $p(\mathcal{T})$ from 20 samples of it
# - C: nothing, since both come from the same square
#
# <details><summary>Answer</summary>
#
# **B.** The test goals are new draws from the same distribution. **A** would need goals outside the square. **C** is
# too strict: with 20 training tasks, memorising them would fail on the test goals, as the memoriser shows at small
# sizes, so the number does say something.
# </details>
#
# **3.** In (02.6), why is $\lambda^* \ge \hat\mu$?
#
# - A: because the prior is optimistic
# - B: because one may pull once, look, and retire if the result is bad; that option is never worth less than nothing
# - C: because later rewards are discounted
#
# <details><summary>Answer</summary>
#
# **B.** At $\lambda = \hat\mu$ the next pull breaks even and the later terms are maxima with 0. **A**: the argument
# holds for any prior. **C**: discounting makes the later terms *smaller*, and with it the excess.
# </details>
#
# **4.** An episode of 100 steps ends by the time limit, its last step has mask 1. Which is right for the last step?
#
# - A: the reward does not count, the value of the last state does
# - B: the reward counts, the value of the last state is 0
# - C: the reward counts, the value of the last state may be used to bootstrap
#
# <details><summary>Answer</summary>
#
# **C.** The step was taken, so its reward is real; the MDP has not ended, so there is a future. **A** drops a real
# reward: the mask is off by one. **B** is right for termination.
# </details>
#
# **5.** A batch of 10 environments makes 50 000 steps a second, one of 100 makes 480 000. What about 20 environments,
# roughly?
#
# - A: 50 000, the processor is saturated
# - B: 100 000
# - C: 25 000 each
#
# <details><summary>Answer</summary>
#
# **B.** From 10 to 100 the rate grew almost tenfold, so the run is overhead-bound and the rate is proportional to the
# batch. **A** would need a flat curve. **C** mixes up the rate of one environment with that of all, and would give
# 500 000 in total.
# </details>
#
# **6.** A method reaches an error of 2.9 on sinusoids after adaptation on 5 points. The zero predictor has 4.25. Is
# that a success?
#
# - A: yes, a third of the error is gone
# - B: hardly: the best function that ignores the task has 3.01
# - C: it cannot be said without the training error
#
# <details><summary>Answer</summary>
#
# **B.** Almost the whole gain over zero comes from knowing the *family*, (02.12), and not from the 5 points. **A**
# compares with the wrong baseline. **C**: the training error would tell about overfitting, but the floor already says
# that adaptation contributes next to nothing.
# </details>
#
# ## Exercises
#
# [Exercises of chapter 02](../exercises/02_tasks.ipynb): a windy navigation family with the right axes, disjoint
# splits of a finite family, backward induction for a batch of MDPs, a silent bug in a rollout, and the floors of
# another sinusoid family.
#
# ## Further reading
#
# - Richard Bellman, *Dynamic Programming*, 1957. The source of (02.7).
# - J. C. Gittins, "Bandit processes and dynamic allocation indices", Journal of the Royal Statistical Society B,
#   1979; and Gittins, Glazebrook and Weber, *Multi-armed Bandit Allocation Indices*, 2nd edition, 2011, for
#   computation.
# - Assaf Hallak, Dotan Di Castro, Shie Mannor, "Contextual Markov Decision Processes", 2015, arXiv:1502.02259.
# - Yan Duan, John Schulman, Xi Chen, Peter Bartlett, Ilya Sutskever, Pieter Abbeel, "RL²: Fast reinforcement learning
#   via slow reinforcement learning", 2016, arXiv:1611.02779. Bandits and tabular MDPs as task families.
# - Chelsea Finn, Pieter Abbeel, Sergey Levine, "Model-agnostic meta-learning for fast adaptation of deep networks",
#   2017, arXiv:1703.03400. Sinusoids and point navigation.
# - Nikhil Mishra, Mostafa Rohaninejad, Xi Chen, Pieter Abbeel, "A simple neural attentive meta-learner", 2018,
#   arXiv:1707.03141.
# - Fabio Pardo, Arash Tavakoli, Vitaly Levdik, Petar Kormushev, "Time limits in reinforcement learning", 2018,
#   arXiv:1712.00378. Termination and truncation.
# - Robert Kirk, Amy Zhang, Edward Grefenstette, Tim Rocktäschel, "A survey of zero-shot generalisation in deep
#   reinforcement learning", 2023, arXiv:2111.09794. Contextual MDPs, and splits by what they test.
