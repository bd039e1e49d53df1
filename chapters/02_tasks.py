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
# - measure what knowing the task is worth on a family, before anything adapts
# - recognise faults of tasks and environments that give no error message
#
# Before you start: chapter 01, [Why learn to learn?](01_why_learn_to_learn.ipynb); tensors and broadcasting in PyTorch.
#
# Reading: about 90 minutes. Running: at most 30 seconds and 1000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/02_tasks_exercises.ipynb): about 100 minutes.

# %% tags=["hide-input"]
import math

import gymnasium
import numpy as np
import torch
from scipy import stats

from metarl_core.agents.policies import OraclePolicy, UniformPolicy
from metarl_core.claims import claim
from metarl_core.evaluation import bootstrap_interval, mean
from metarl_core.exact import backward_induction, bayes_optimal_value, policy_value
from metarl_core.figures import ch02 as figures
from metarl_core.figures.words import table
from metarl_core.randomness import seeded
from metarl_core.session import begin
from metarl_core.tasks import (
    SPLITS,
    BernoulliBandits,
    CartPole,
    GridGoals,
    Pendulum,
    PointNavigation,
    Sinusoids,
    TabularMDPs,
    rollout,
    select_tasks,
)
from metarl_core.tasks.controllers import CartPoleController, PendulumController, cartpole_gains
from metarl_core.tasks.sinusoid import task_agnostic_floor, zero_floor
from metarl_core.widgets import task_explorer

begin()

# %% [markdown]
# ## Six families, a few tasks of each
#
# A meta-learner needs many tasks to learn from. The next figure shows tasks drawn from six of the families that this
# course uses. In its last panel three CartPoles differ in the length of the pole, and the same simple policy runs on
# each of them: push to the side that the pole leans to.
#
# **Predict, then run.** Which pole stays up longest under that policy: the short (0.5 m), the ordinary (1 m) or the
# long one (2 m)? By what factor does the time change when the length doubles?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
sinusoids, bandits, tabular = Sinusoids(), BernoulliBandits(), TabularMDPs()
points, cartpole, pendulum = PointNavigation(), CartPole(), Pendulum()
grid = GridGoals(walls=((2, 2), (3, 2), (4, 2), (2, 4), (2, 5), (5, 5)), reward="step")

leaning = {"gains": torch.tensor([[0.0, 0.0, 1.0, 0.0]])}  # push right if gains · state > 0: the angle alone counts
poles = {}
for length in (0.5, 1.0, 2.0):
    physics = {**cartpole.default_params, "length": torch.tensor([length / 2])}  # the parameter is half the length
    poles[f"{length:g} m"] = rollout(cartpole, physics, CartPoleController(), leaning, 100, seeded(5))
figures.six_families(sinusoids, bandits, tabular, points, grid, poles)

# %% tags=["hide-input"]
up = [0.02 * float(runs.lengths.double().mean()) for runs in poles.values()]
claim(
    f"The long pole stays up longest. Over 100 episodes each, the poles fall after {up[0]:.2f}, {up[1]:.2f} and "
    f"{up[2]:.2f} seconds: doubling the length multiplies the time by {up[1] / up[0]:.1f} and by {up[2] / up[1]:.1f}.",
    1.4 < up[1] / up[0] < 2.5 and 1.4 < up[2] / up[1] < 2.5,
)

# %% [markdown]
# Blue marks training tasks, orange test tasks, and red tasks that are *out of distribution* (ood). In the plane,
# training and test goals lie in the same square and cannot be told apart; the red goals lie in a ring around it. The
# grid has few cells, so each cell is given to one split: no training task ever has its goal in a test cell. (Grey
# cells are walls and the start.)
#
# The three poles fall at different times although the policy is the same. Two tasks differ, in the sense of this
# chapter, when the same behaviour has different consequences or a different worth in them.
#
# ## A task is the parameters of an MDP
#
# Chapter 01 introduced the Markov decision process. Here each task $\mathcal{T}$ has its own:
#
# $$M_\mathcal{T} = (\mathcal{S}, \mathcal{A}, P_\mathcal{T}, r_\mathcal{T}, \rho_\mathcal{T}, \gamma, H). \tag{02.1}$$
#
# $\mathcal{S}$ is the set of states and $\mathcal{A}$ that of actions. $P_\mathcal{T}(s' \mid s, a)$ is the
# probability of the next state, $r_\mathcal{T}(s, a, s')$ the reward, $\rho_\mathcal{T}(s)$ the probability of the
# first state, $\gamma$ the discount, and $H$ the horizon, a limit on the number of steps. What carries the index
# $\mathcal{T}$ may change from task to task; the rest is shared. Tasks are drawn independently from one fixed
# distribution, at training time and at test time:
#
# $$\mathcal{T} \sim p(\mathcal{T}). \tag{02.2}$$
#
# The return of an episode and the objective of a policy $\pi$ in one task are
#
# $$R = \sum_{t=0}^{H-1} \gamma^t r_t, \qquad J_\mathcal{T}(\pi) = \mathbb{E}[R], \tag{02.3}$$
#
# and in this chapter $\gamma = 1$ unless another value is given.
#
# So a task is *the numbers that fix $P_\mathcal{T}$, $r_\mathcal{T}$ and $\rho_\mathcal{T}$*: a goal, a mass, a table.
# In code it is a dictionary of tensors. A family of MDPs indexed by a parameter is also called a *contextual MDP*, and
# the parameter its context. In all families below the context is hidden from the agent. A hidden context that stays
# constant makes the problem partially observed: the full state is $(s, \mathcal{T})$, and the agent sees $s$. An agent
# that meets a new task therefore has something to find out, and what it has seen earlier in the episode can help.
#
# **Why are $\mathcal{S}$ and $\mathcal{A}$ shared?** One policy $\pi_\theta$ with parameters $\theta$ must read the
# states and emit the actions of every task, and a network has one input width and one output width. Spaces of
# different size can be padded to a common size, but then somebody has to make sure that input 3 means the same thing
# in all tasks.
#
# | family | task $\mathcal{T}$ | $p(\mathcal{T})$, train and test | ood | what changes | $H$ |
# |---|---|---|---|---|---|
# | `BernoulliBandits` | means of 5 arms | each uniform on $[0, 1]$ | one 0.9, the others 0.1 | reward | 100 |
# | `TabularMDPs` | tables of $P$ and of mean rewards $\bar r(s, a)$ | rows of $P$ uniform over all distributions, $\bar r \sim \mathcal{N}(1, 1)$ | nearly deterministic, $\bar r \sim \mathcal{N}(-1, 1)$ | transition, reward | 10 |
# | `GridGoals` | goal cell | two sets of cells | the lower right quadrant | reward, termination | 30 |
# | `PointNavigation` | goal in the plane | uniform on $[-0.5, 0.5]^2$ | ring around it, to $[-1, 1]^2$ | reward, termination | 100 |
# | `CartPole` | gravity, two masses, length, force | log-uniform, ordinary value × ½ to 2 | × ¼ to ½, or 2 to 4 | transition | 500 |
# | `Pendulum` | gravity, mass, length | log-uniform, × ⅔ to 1.5 | up to the square of that | transition | 200 |
# | `Sinusoids` | amplitude, phase | uniform on $[0.1, 5]$, $[0, \pi]$ | amplitude on $[5, 10]$ | targets (supervised) | |
#
# A range with × is one of factors on the ordinary value; *log-uniform* means that their logarithm is uniform, so that ½
# is as likely as 2. Bandits and tabular MDPs are those of the RL² paper (Duan et al. 2016), point navigation and
# sinusoids those of the MAML paper (Finn et al. 2017), CartPole and Pendulum have Gymnasium's physics.

# %%
print(points.sample_tasks(4, seeded(0), "train"))
print({name: tuple(value.shape) for name, value in cartpole.sample_tasks(4, seeded(0)).items()})

# %% [markdown]
# `sample_tasks(n, generator, split)` draws from the task distribution. The leading axis is the task. `seeded(0)` is a
# `torch.Generator` with that seed: an equal generator gives equal tasks, and a second call with the *same* generator
# gives new ones.
#
# ## Splits, and what they are for
#
# Supervised learning holds out data. Meta-learning does so on two levels:
#
# | level | seen while learning | held out | question |
# |---|---|---|---|
# | within a task | *support* data, to adapt | *query* data | does adaptation overfit the few samples? |
# | across tasks | *training* tasks | *test* tasks, from the same $p(\mathcal{T})$ | does what was learned help on new tasks? |
# | beyond | | *out-of-distribution* tasks | what happens where $p(\mathcal{T})$ has no mass? |
#
# A **leak** is any way in which data of a test task influences what is tested on it: training on the task, choosing a
# step size or an iteration by it, normalising with it.
#
# ### Disjoint, for continuous tasks
#
# Two goals drawn from a continuous distribution are almost surely different. The package makes sure: a float32 number
# has 24 significant bits, and `stamp_split` sets the last one to 0 in training tasks and to 1 in test tasks. A value
# moves by at most one part in eight million, and no training value can equal a test value.

# %%
for split in ("train", "test"):
    amplitudes = sinusoids.sample_tasks(3, seeded(0), split)["amplitude"]
    print(f"{split:5}", [f"{v:.7f}, bits …{int(v.view(torch.int32)) & 0b1111:04b}" for v in amplitudes])

# %% [markdown]
# Equal seeds gave the *same draw up to the last bit* in both splits. Train and test tasks drawn with one seed are
# disjoint, and yet each test task has a training task at a distance of about $10^{-7}$. So use different seeds for the
# splits, or one generator that goes on. With different seeds, do train and test follow the same distribution?

# %%
drawn = {}
for number, split in enumerate(SPLITS, 7):  # a seed of its own for each split
    drawn[split] = {
        "sinusoids: amplitude": sinusoids.sample_tasks(20_000, seeded(number), split)["amplitude"],
        "CartPole: half length (m)": cartpole.sample_tasks(20_000, seeded(number), split)["length"],
        "goals: larger |coordinate|": points.sample_tasks(20_000, seeded(number), split)["goal"].abs().amax(-1),
    }
gaps = [stats.ks_2samp(drawn["train"][name], drawn["test"][name]).statistic for name in drawn["train"]]
figures.splits(drawn)

# %% tags=["hide-input"]
shared = set(drawn["train"]["sinusoids: amplitude"].tolist()) & set(drawn["test"]["sinusoids: amplitude"].tolist())
claim("No amplitude of the 20,000 training tasks occurs among the 20,000 test tasks.", not shared)
claim(
    "The Kolmogorov–Smirnov distance between train and test, the largest gap of the two cumulative distributions, is "
    + ", ".join(f"{gap:.4f}" for gap in gaps)
    + ". Two samples of this size from *one* distribution exceed 0.0163 once in a hundred times.",
    max(gaps) < 0.0163,
)


# %% [markdown]
# Train and test follow one distribution, and the ood tasks lie outside of it: amplitudes above 5, lengths beyond a
# factor of two, goals in the ring. The ood bandits and the ood tabular MDPs are of another kind. Each of them could be
# drawn from $p(\mathcal{T})$, but such tasks are so rare there that training practically never meets one. The
# grid is different again. It has finitely many goals, so its train and test tasks are *not* equally distributed: they
# are two different sets of cells.
#
# ### What disjointness does not give
#
# Is a disjoint test a hard one? Take a learner that only memorises training tasks. On a new sinusoid it looks at 5
# support points, picks the memorised sinusoid that fits them best, and predicts with that one.
#
# **Predict, then run.** How does its error on *test* tasks change as the memory grows from 3 to 1000 training tasks?
# And its error on ood tasks?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
def memoriser_errors(memory, tasks, generator, support=5, query=50):
    """Query error `[task]` of predicting with the task in `memory` that fits 5 support points best."""
    x, y = sinusoids.sample_data(tasks, support + query, generator)  # [task, point, 1]
    seen = memory["amplitude"][:, None] * (x[:, None, :support, 0] + memory["phase"][:, None]).sin()
    best = (seen - y[:, None, :support, 0]).square().mean(-1).argmin(1)  # [task]; chosen on the support points only
    guess = sinusoids.target(select_tasks(memory, best), x[:, support:])
    return (guess - y[:, support:]).square().mean((1, 2))  # measured on the query points


SIZES, SEEDS, NEW_TASKS = (3, 10, 30, 100, 300, 1000), 10, 100
errors = {name: np.zeros((len(SIZES), SEEDS, NEW_TASKS)) for name in (*SPLITS, "leaked")}
for i, size in enumerate(SIZES):
    for seed in range(SEEDS):
        generator = seeded(100 + seed)  # it goes on from call to call: train and test draws are independent
        memory = sinusoids.sample_tasks(size, generator, "train")
        new = {split: sinusoids.sample_tasks(NEW_TASKS, generator, split) for split in ("test", "ood")}
        new["train"] = select_tasks(memory, torch.randint(size, (NEW_TASKS,), generator=generator))
        for split in SPLITS:
            errors[split][i, seed] = memoriser_errors(memory, new[split], generator)
        both = {name: torch.cat([memory[name], new["test"][name]]) for name in memory}  # a leak, for later
        errors["leaked"][i, seed] = memoriser_errors(both, new["test"], generator)

# %%
scores = {name: [bootstrap_interval(runs, mean) for runs in by_size] for name, by_size in errors.items()}
figures.memoriser(SIZES, scores, task_agnostic_floor())

# %% tags=["hide-input"]
few, many = scores["test"][0], scores["test"][-1]
claim(
    f"On test tasks the error falls from {few} with {SIZES[0]} memorised tasks to {many} with {SIZES[-1]} (mean over "
    f"{SEEDS} seeds × {NEW_TASKS} tasks, 95 % bootstrap interval), while on training tasks it is 0.",
    many.point < 0.01 * few.point and max(s.point for s in scores["train"]) < 1e-6,
)
claim(
    f"On ood tasks it is {scores['ood'][0]} with {SIZES[0]} and still {scores['ood'][-1]} with {SIZES[-1]}; from "
    f"{SIZES[-2]} to {SIZES[-1]} tasks it hardly changes.",
    scores["ood"][-1].point > 100 * many.point and scores["ood"][-1].high > scores["ood"][-2].low,
)


# %% [markdown]
# The memoriser has never seen a test task, and can predict nothing but the sinusoids that it stores. It is good on
# test tasks nevertheless: with two parameters, a thousand tasks cover the family, and every test task has a stored
# neighbour. Disjoint splits of a continuous family measure **interpolation**. That is the right measure for the
# question "did it learn $p(\mathcal{T})$, or only these few tasks?": with 3 training tasks, train and test errors are
# far apart. It says nothing about tasks outside of $p(\mathcal{T})$, where the same memory fails, however large it is.
#
# Report three numbers: the error on training tasks, on test tasks, and on ood tasks.
#
# ## An environment is five functions
#
# An ordinary environment object holds one state and one task. Here an environment is a set of *pure functions*, and
# the task is an argument. The names are those of `gymnasium.experimental.functional.FuncEnv`:
#
# | function | gives | shape |
# |---|---|---|
# | `initial(rng, params)` | first state, from $\rho_\mathcal{T}$ | `[task, episode, …]` |
# | `transition(state, action, rng, params)` | next state, from $P_\mathcal{T}$ | `[task, episode, …]` |
# | `observation(state, rng, params)` | what the agent sees | `[task, episode, …]` |
# | `reward(state, action, next_state, rng, params)` | $r_\mathcal{T}(s, a, s')$ | `[task, episode]` |
# | `terminal(state, rng, params)` | has the MDP ended? | `[task, episode]`, bool |
#
# `params` *is* the task, repeated along the episode axis. No function keeps a state of its own, so each can be given a
# tensor of a hundred tasks × twenty episodes, and one addition moves two thousand points.
#
# ### Build it: point navigation from scratch
#
# A point starts at the origin of the plane. The task is a goal $g \in \mathbb{R}^2$, and
#
# $$s_{t+1} = s_t + 0.1\,\mathrm{clip}(a_t, -1, 1), \qquad r_t = -\lVert s_{t+1} - g \rVert_2. \tag{02.4}$$
#
# The episode *terminates* when both coordinates are within 0.01 of the goal. The clip is part of the transition: a
# Gaussian policy may propose any action, and what lies beyond ±1 moves the point by 0.1 all the same.

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
# That is the whole environment; episodes come next. In a batch, one episode ends at step 3 and its neighbour at
# step 40, yet all are stepped together. So the loop goes on for everyone, and a **mask** remembers which steps were
# real: $m_t = 1$ while the episode had not ended *before* step $t$. The return is $\sum_t m_t r_t$. The step that
# reaches the goal is real, and its reward counts.

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
        late = running & ~ended & (step == horizon - 1)  # the time limit came, the MDP did not end
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
# The package's `rollout` takes a policy with two methods: `noise` draws all randomness of an episode ahead, and `act`
# is a function of it. With the same seed both programs get the same noise, so they must give the same numbers.

# %%
class NoisyWalk:
    """The same behaviour as a policy of the package; its `parameters` are the tasks."""

    def noise(self, shape, generator):
        return 0.7 * torch.randn((*shape, 2), generator=generator)

    def act(self, parameters, observation, noise):
        goal = parameters["goal"][:, None]
        return noisy_walk(observation, noise, {"goal": goal}), torch.zeros(observation.shape[:2])


HORIZON = 60
walks = points.sample_tasks(50, seeded(11), "train")
by_package = rollout(points, walks, NoisyWalk(), walks, episodes=20, generator=seeded(12), horizon=HORIZON)
walk_noise = 0.7 * torch.randn((HORIZON, 50, 20, 2), generator=seeded(12))
walk_rewards, mask, terminated, truncated = roll(walks, noisy_walk, walk_noise, HORIZON)

# %% tags=["hide-input"]
flags = [(mask, by_package.mask), (terminated, by_package.terminated), (truncated, by_package.truncated)]
off = float((walk_rewards - by_package.rewards).abs().max())
claim(
    f"In {mask[..., 0].numel()} episodes with {int(mask.sum())} real steps, masks and flags are equal and rewards "
    f"agree within {off:.0e}. {int(terminated.sum())} episodes terminated, {int(truncated.sum())} were truncated, and "
    "each ended exactly once.",
    all(torch.equal(*pair) for pair in flags) and off < 1e-5 and bool((terminated | truncated).sum(-1).eq(1).all()),
)

# %% [markdown]
# From here on the package's version is used. It returns `Trajectories` with axes `[task, episode, time, …]` that are
# zero where the mask is zero.
#
# ### Two ways to end: termination and truncation
#
# - **Terminated**: the MDP itself ended. The pole fell, or the goal was reached. There is no future, and the value of
#   the last state is 0.
# - **Truncated**: we stopped watching, because of the time limit. The MDP would go on, and the last state still has a
#   value.
#
# Both come with the last real step of an episode, so a mask cannot tell them apart. A learner has to: the two differ
# in what it must assume about the future. The end of this chapter measures what happens otherwise.

# %%
figures.episodes(by_package, HORIZON)

# %% [markdown]
# Each bar is one episode of the noisy walk. A star marks the step that ended in the small box around the goal, a cross
# the time limit of 60 steps. What is grey was computed, too, and thrown away by the mask. Where most episodes are
# short, much of the work is wasted like this, and a batch should be stopped or refilled early.
#
# ## The same family as a Gymnasium environment
#
# [Gymnasium](https://gymnasium.farama.org) is the interface that most RL code expects: an object with `reset` and
# `step`. In OpenAI's Gym, its predecessor, `step` returned a single flag `done`; Gymnasium's returns `terminated` and
# `truncated`. Importing `metarl_core` registers every family, and the task is a keyword.

# %%
env = gymnasium.make("metarl/PointNavigation-v0", task={"goal": [0.3, -0.2]})
observation, info = env.reset(seed=0)
total, over = 0.0, False
while not over:
    step_towards = np.clip(([0.3, -0.2] - observation) / 0.1, -1, 1).astype(np.float32)
    observation, step_reward, has_terminated, has_been_cut, info = env.step(step_towards)
    total, over = total + step_reward, has_terminated or has_been_cut
print(f"straight walk: return {total:.3f}, terminated {has_terminated}, truncated {has_been_cut}")

vector = gymnasium.make_vec("metarl/PointNavigation-v0", num_envs=12, task=points.sample_tasks(3, seeded(0)))
vector.reset(seed=0)
_, step_rewards, *_ = vector.step(np.ones((12, 2), dtype=np.float32))
print("rewards of 3 tasks × 4 episodes, the same action for all:", *step_rewards.reshape(3, 4).round(2), sep="\n")

# %% [markdown]
# [Appendix 02a](02a_environments.ipynb) steps this CartPole beside Gymnasium's, makes a family out of a list of
# Gymnasium environments, and measures the speed of a batch: a call has a fixed cost, and a call with 800 environments
# takes less than twice as long as a call with one. Tasks and episodes are nearly free; *time steps*, which come one
# after the other, are not.
#
# ## The families one by one, each with its optimum
#
# A return of −20 is good or bad only in comparison with what the best possible policy earns. So each family comes with
# an *oracle*: a behaviour that is optimal for one who knows the task, exact wherever mathematics allows it.
#
# ### Bernoulli bandits
#
# $k$ arms; arm $i$ pays 1 with probability $\mu_i$ and 0 otherwise. The task is $\mu = (\mu_1, \dots, \mu_k)$, each
# uniform on $[0, 1]$. There is no state, only $n$ pulls.
#
# **One who knows the task** pulls the best arm. The largest of $k$ uniform numbers is below $u$ with probability
# $u^k$, so its density is $k u^{k-1}$ and its mean $\int_0^1 u\, k u^{k-1} \mathrm{d}u = k/(k+1)$. The oracle earns
# $n\,k/(k+1)$ on average.
#
# **One who does not know it** must spend pulls to find out, and the best way to do that can be computed, too. After
# $s$ successes and $f$ failures, Bayes' rule turns the uniform prior into a Beta$(1+s, 1+f)$ distribution with mean
#
# $$\hat\mu = \frac{1+s}{2+s+f}. \tag{02.5}$$
#
# The counts of all arms, $b = (s_1, f_1, \dots, s_k, f_k)$, hold all that the past says about the task. They are a
# state, and the bandit becomes an MDP over beliefs. With $n$ pulls left its optimal value obeys
#
# $$\begin{aligned}
# V_0(b) &= 0, \\
# V_n(b) &= \max_i \; \hat\mu_i \bigl(1 + V_{n-1}(b + \text{success}_i)\bigr)
#   + (1 - \hat\mu_i)\, V_{n-1}(b + \text{failure}_i).
# \end{aligned} \tag{02.6}$$
#
# No learner, meta-trained or not, can earn more than $V_n$ on average over tasks. By hand for two arms and two pulls:
# the first pull pays $\tfrac12$. After a success that arm's mean is $\tfrac23$, so stay; after a failure the other
# arm's $\tfrac12$ is better than $\tfrac13$, so switch:
# $V_2 = \tfrac12 + \tfrac12\cdot\tfrac23 + \tfrac12\cdot\tfrac12 = \tfrac{13}{12}$.

# %%
rows = [(n, f"{n / 2:.2f}", f"{bayes_optimal_value(2, n):.2f}", f"{n * 2 / 3:.2f}") for n in (1, 2, 5, 10, 20)]
table(("pulls of two arms", "random arm", "Bayes-optimal", "knows the task"), rows)

# %% [markdown]
# The second row holds the value found by hand, $\tfrac{13}{12} \approx 1.08$. A meta-learner can win the difference
# between the second and the third column. The difference between the third and the fourth is what not knowing the task
# costs even the best of learners. The number of beliefs grows like $n^{2k}$, so (02.6) is for small problems;
# [appendix 02b](02b_gittins_index.ipynb) derives the Gittins index, which needs one arm at a time.
#
# ### Tabular MDPs
#
# Ten states, five actions, ten steps. The task is the transition table $P(s' \mid s, a)$ and the mean rewards
# $\bar r(s, a)$; a reward is its mean plus noise of variance 1.
#
# **The optimum by backward induction.** Let $V_n(s)$ be the largest expected return from $s$ with $n$ steps to go,
# over all policies, also those that remember the past. Claim:
#
# $$\begin{aligned}
# V_0(s) &= 0, \qquad V_n(s) = \max_a Q_n(s, a), \\
# Q_n(s, a) &= \bar r(s, a) + \sum_{s'} P(s' \mid s, a)\, V_{n-1}(s').
# \end{aligned} \tag{02.7}$$
#
# *Proof by induction on $n$.* With no step to go the return is 0. Suppose the claim holds for $n - 1$. A policy with
# $n$ steps to go first takes some action $a$, at random perhaps. It earns $\bar r(s, a)$ on average and lands in $s'$
# with probability $P(s' \mid s, a)$. From there on it earns at most $V_{n-1}(s')$, whatever it remembers: given $s'$,
# the future does not depend on the past (the Markov property), and $V_{n-1}$ is the maximum over policies that may
# remember anything. So its return is at most $Q_n(s, a)$ for the action taken, and on average over its actions at
# most $\max_a Q_n(s, a)$. The policy "take the maximising $a$, then go on optimally" reaches that bound. $\square$
#
# The proof also gives the policy: at time $t$, with $n = H - t$ steps to go, take $\arg\max_a Q_n(s, a)$. It depends
# on the time, because near the end a detour to a better state no longer pays. In code, one `einsum` does a sweep for
# all tasks at once.

# %%
mdps = tabular.sample_tasks(100, seeded(21), "test")
P, reward_means = mdps["transitions"].double(), mdps["reward_means"].double()
value = torch.zeros(100, 10, dtype=torch.float64)  # V_0, [task, state]
plan = []
for _ in range(tabular.horizon):
    value, best_action = (reward_means + torch.einsum("ksat,kt->ksa", P, value)).max(-1)  # (02.7)
    plan.insert(0, best_action)  # the last sweep is the first step
optimal, plan = value[:, 0], torch.stack(plan)  # episodes start in state 0
at_random = policy_value(P, reward_means, torch.full_like(reward_means, 1 / 5), tabular.horizon)[:, 0]

# %% tags=["hide-input"]
package_value, package_plan = backward_induction(P, reward_means, tabular.horizon)
claim(
    "The package's `backward_induction` gives the same values and the same plan.",
    torch.equal(package_value, value) and torch.equal(package_plan, plan),
)
claim(
    f"Over 100 test tasks the optimum is {optimal.mean():.1f} ± {optimal.std():.1f} (standard deviation), and random "
    f"actions earn {at_random.mean():.1f}, a share of {at_random.mean() / optimal.mean():.2f} (published: 0.48, Mishra "
    "et al. 2018, table 4).",
    bool(0.45 < at_random.mean() / optimal.mean() < 0.51),
)

# %% [markdown]
# The optimum varies from task to task. If two methods are tested on different tasks, that variation is noise in their
# difference, so test them on the same ones.
#
# ### Grid goals
#
# The task is a goal cell; the reward is $-1$ a step until it is reached. The same induction solves it. The goal is
# terminal, so its value is 0: its row of the transition table is all zeros, without a next state or a future.

# %%
values = {}
for goal in (6, 42):  # the upper right and the lower left corner
    by_time, _ = backward_induction(*grid.tables({"goal": torch.tensor([goal])}), horizon=30)
    values[goal] = by_time[0]
figures.two_goals(grid, values)

# %% tags=["hide-input"]
free = grid.distance[:, 6].isfinite()
upper, lower = values[6][free], values[42][free]
claim(
    "In every cell the optimal value is minus the length of the shortest path around the walls, which a graph search "
    "finds without any value function.",
    bool((upper == -grid.distance[free, 6]).all() and (lower == -grid.distance[free, 42]).all()),
)
claim(
    f"The two tasks have the same transitions, and their values have a correlation of "
    f"{torch.corrcoef(torch.stack([upper, lower]))[0, 1]:.2f} over the cells.".replace("-", "−"),
    bool(torch.corrcoef(torch.stack([upper, lower]))[0, 1] < -0.9),
)


# %% [markdown]
# A value function learned for one of these goals ranks the cells in the opposite order for the other.
#
# ### Point navigation
#
# Knowing the goal, one can move each coordinate by at most 0.1 a step towards it; after $t$ steps it is still
# $\max(|g_i| - 0.1t, 0)$ away. No policy can bring either coordinate closer by then, so it is optimal to move both as
# fast as they go until they have arrived. We call this the straight walk, though it bends where the nearer coordinate
# has arrived. Its return is
#
# $$J^*(g) = -\sum_{t=1}^{H} \sqrt{\textstyle\sum_{i=1}^{2} \max(|g_i| - 0.1\,t,\, 0)^2}. \tag{02.8}$$
#
# The family has three rewards: minus the distance, minus its square (the MAML paper's text; its released code has the
# distance), and *sparse*: 1 within 0.1 of the goal, else 0. The straight walk is optimal for all three.
#
# **Predict, then run.** A policy that knows nothing takes uniformly random actions for 100 steps. In what share of
# episodes does it see *any* sparse reward, for a goal at distance 0.2, at 0.5, and at 0.7?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
def straight_walk(goals):
    """Equation (02.8) for goals `[..., 2]`."""
    steps = torch.arange(1, 101)[:, None]
    return -(goals.abs()[..., None, :] - 0.1 * steps).clamp_min(0).norm(dim=-1).sum(-1)


test_goals = points.sample_tasks(500, seeded(31), "test")
walked = rollout(points, test_goals, OraclePolicy(points), test_goals, 1, seeded(0)).returns[:, 0]

sparse = PointNavigation(reward="sparse")
distances = torch.linspace(0.0, 0.7, 15)
along_a_ray = {"goal": torch.stack([distances * math.cos(0.7), distances * math.sin(0.7)], -1)}
random_runs = rollout(sparse, along_a_ray, UniformPolicy(sparse.action_space), {}, 1000, seeded(32))
rewarded = (random_runs.returns > 0).double().mean(1)  # [distance], a share of episodes
figures.navigation(straight_walk, distances, rewarded, episodes=1000)

# %% tags=["hide-input"]
best_returns = straight_walk(test_goals["goal"])
claim(
    f"A random policy sees a sparse reward in {100 * rewarded[4]:.0f} % of episodes at distance {distances[4]:.1f}, in "
    f"{100 * rewarded[10]:.0f} % at {distances[10]:.1f} and in {100 * rewarded[14]:.0f} % at {distances[14]:.1f} (the "
    "bars in the figure are 95 % intervals).",
    bool(rewarded[4] > 0.4 and 0.1 < rewarded[10] < 0.3 and rewarded[14] < 0.15),
)
claim(
    f"With the distance reward the mean optimal return over 500 test goals is −{-best_returns.mean():.2f}; walked in the "
    "environment, each of them agrees with (02.8) up to the 0.01 at which the episode ends.",
    bool((walked - best_returns).abs().max() < 0.02),
)
silent = (1 - float(rewarded[14])) ** 20
claim(
    f"At distance 0.7, about {100 * silent:.0f} % of batches of 20 random episodes contain no reward at all.",
    0.05 < silent < 0.35,
)

# %% [markdown]
# The left map is what every later result on this family is to be read against: a return of −10 is far from optimal.
# (The "oracle" of the MAML paper's figure reaches about −2.3. It is a *trained* policy that sees the goal, not the
# optimum.) The right curve shows where sparse rewards are hard for a policy gradient, which weights the
# log-probabilities of actions by returns. If no episode of a batch has a reward, all returns are equal, and the
# estimate is zero, with or without a baseline. If a few have one, the others contribute through the baseline only.
# With the distance reward returns differ in every batch, and tell something about the direction of the goal.
#
# ### CartPole and Pendulum: physics
#
# No closed form gives the optimum here, but controllers designed from the equations of motion come close: a
# linear-quadratic regulator for CartPole, energy pumping with a catch at the top for the pendulum. Each controller
# takes the physics that it is designed for as its parameters. So one can ask what it is worth to know the task: design
# it for the task, or for ordinary physics, and compare on the same tasks.

# %%
results = []
for split, seed in (("test", 43), ("ood", 44)):
    carts, pendulums = cartpole.sample_tasks(300, seeded(seed), split), pendulum.sample_tasks(300, seeded(seed), split)
    ordinary_gains = cartpole_gains(cartpole.default_params).expand(300, -1)
    ordinary_physics = {name: value.expand(300) for name, value in pendulum.default_params.items()}
    for family, tasks, controller, designs in (
        (cartpole, carts, CartPoleController(), ({"gains": cartpole_gains(carts)}, {"gains": ordinary_gains})),
        (pendulum, pendulums, PendulumController(), (pendulums, ordinary_physics)),
    ):
        earned = [rollout(family, tasks, controller, design, 5, seeded(45)).returns.mean() for design in designs]
        results.append((type(family).__name__, split, *(round(float(mean_return)) for mean_return in earned)))
words = [[str(cell).replace("-", "−") for cell in row] for row in results]
table(("family", "300 tasks", "designed for the task", "designed for ordinary physics"), words)

# %% tags=["hide-input"]
cart, swing, cart_far, swing_far = (row[2:] for row in results)
pole_only = {"gains": torch.tensor([[0.0, 0.0, 1.0, 0.2]]).expand(300, -1)}  # one rule for all tasks
far = cartpole.sample_tasks(300, seeded(44), "ood")
watched = float(rollout(cartpole, far, CartPoleController(), pole_only, 5, seeded(45)).returns.mean())
claim(
    "On CartPole's test tasks, knowing the physics is worth next to nothing. On its ood tasks the design for ordinary "
    f"physics is {cart_far[0] - cart_far[1]} behind, but one fixed rule that watches the pole alone earns {watched:.0f}, only "
    f"{cart_far[0] - watched:.0f} less than the design for the task. No policy earns more than {cartpole.horizon}, so knowing "
    f"the task is worth at most {cartpole.horizon - watched:.0f} there.",
    cart[0] - cart[1] < 10
    and cart_far[0] - cart_far[1] > 100 > 2 * (cart_far[0] - watched)
    and min(swing[0] - swing[1], swing_far[0] - swing_far[1]) > 50,
)

# %% [markdown]
# Five physical parameters vary by a factor of two each way, and yet one fixed controller balances practically all of
# CartPole's test tasks. What knowing the task is worth is the difference to the *best* policy that is not told it, not to
# any such policy. For the pendulum only one has been tried; a better one would make its differences smaller.
# [Appendix 02a](02a_environments.ipynb) looks at one parameter at a time.
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
# $$\begin{aligned}
# m(x) &= \mathbb{E}[A]\cdot\frac1\pi \int_0^\pi \sin(x + \varphi)\, \mathrm{d}\varphi \\
# &= \mathbb{E}[A]\cdot\frac1\pi\bigl[\cos x - \cos(x + \pi)\bigr] = \mathbb{E}[A]\,\frac{2}{\pi} \cos x.
# \end{aligned} \tag{02.11}$$
#
# Its error is $\mathbb{E}[(y - m)^2] = \mathbb{E}[y^2] - 2\,\mathbb{E}[y\, m] + \mathbb{E}[m^2]$. Given $x$, $m$ is a
# constant and $\mathbb{E}[y \mid x] = m$, so $\mathbb{E}[y\, m] = \mathbb{E}[m^2]$, and
#
# $$\begin{aligned}
# L_m &= L_0 - \mathbb{E}[m(x)^2] = L_0 - \Bigl(\frac{2\,\mathbb{E}[A]}{\pi}\Bigr)^2 \mathbb{E}[\cos^2 x], \\
# \mathbb{E}[\cos^2 x] &= \frac1{2w}\int_{-w}^{w} \frac{1 + \cos 2x}{2}\, \mathrm{d}x = \frac12 + \frac{\sin 2w}{4w}
# \end{aligned} \tag{02.12}$$
#
# with $w = 5$. Both can be checked with a million drawn points.

# %%
a, b, w = 0.1, 5.0, 5.0
L0 = (b**3 - a**3) / (6 * (b - a))  # (02.9)
Lm = L0 - ((a + b) / math.pi) ** 2 * (0.5 + math.sin(2 * w) / (4 * w))  # (02.12)

million = sinusoids.sample_tasks(1_000_000, seeded(51), "train")
x, y = (part[:, 0, 0] for part in sinusoids.sample_data(million, 1, seeded(52)))
measured = {
    "zero": (y - 0).double().square(),
    "mean of the tasks": (y - (a + b) / math.pi * x.cos()).double().square(),  # (02.11)
}
figures.sinusoid_mean(sinusoids, (a + b) / 2, x, y)

# %% tags=["hide-input"]
floors = {"zero": L0, "mean of the tasks": Lm}
found = {name: (float(squares.mean()), float(squares.std()) / 1000) for name, squares in measured.items()}
table(
    ("prediction", "mean squared error, closed form", "a million draws"),
    [(name, f"{floors[name]:.3f}", f"{point:.3f} ± {1.96 * error:.3f}") for name, (point, error) in found.items()],
)
claim(
    "The draws agree with both closed forms, and the package's `zero_floor` and `task_agnostic_floor` are these "
    "numbers.",
    all(abs(point - floors[name]) < 5 * error for name, (point, error) in found.items())
    and math.isclose(L0, zero_floor())
    and math.isclose(Lm, task_agnostic_floor()),
)

# %% [markdown]
# A network trained on all tasks together, with $x$ as its only input, converges to (02.11) at best. Its error of 3.0
# before adaptation is then no failure of training: nothing that ignores the task does better. And a method that
# reports 2.9 *after* adaptation has learned almost nothing from the support points.
#
# ## Explorer: draw tasks, see what solves them
#
# Choose a family and a split, and change the seed. Green is optimal behaviour (in the grid it is a white path, in the
# tabular MDPs a star at the best action of each state), or, for the two physical families, the controller designed for
# the task, beside the same design for ordinary physics (dashed).

# %%
task_explorer()

# %% [markdown]
# Try:
#
# 1. CartPole, "train", then "ood", several seeds: on which tasks does the design for ordinary physics fail?
# 2. Bandits: how large is the second-best arm's mean in "train", and in "ood"?
# 3. Grid goals: do train and test ever show the same cell?
# 4. Point navigation, "train", then "test", with one seed: why does nothing change?
#
# <details><summary>Compare, when you have tried</summary>
#
# 1. On none in "train", on nearly half in "ood" (but none with seed 0), mostly where the pole is longer than two metres.
# 2. In "train" 2/3 in the mean, the second-largest of five uniform numbers; in "ood" 0.1.
# 3. Never: they are two sets of cells.
# 4. Both take the same draw and stamp its last bit, which no eye can see.
# </details>
#
# ## What goes wrong in practice
#
# ### Test tasks in training
#
# The experiment with the memoriser kept a second record, with a bug that is easy to write: a memory built from *all*
# tasks, before the split.

# %% tags=["hide-input"]
leaked = [interval.point for interval in scores["leaked"]]
claim(
    f"With the test tasks in the memory, the error on test tasks is 0 at every size, also with {SIZES[0]} training "
    f"tasks, where without the leak it is {few.point:.2f}.",
    max(leaked) < 1e-6 and few.point > 1,
)

# %% [markdown]
# Nothing crashes, and the numbers look excellent. A public benchmark has served test tasks in training through another
# fault: at the time of writing, `Meta-World/ML1-train` of Meta-World 3 made its environments in a function that looks
# up the loop's variable when it is *called* (pull request 573). By then the loop is over, and the variable has its
# last value:

# %%
makers = {}
for which in ("train", "test"):
    makers[which] = lambda n, seed: points.sample_tasks(n, seeded(seed), which)  # noqa: B023
served = makers["train"](1000, 61)["goal"]
last_bit = served.view(torch.int32) & 1  # 0 in training tasks, 1 in test tasks

# %% tags=["hide-input"]
claim("Every goal that this sampler of training tasks serves is a test goal.", bool((last_bit == 1).all()))

# %% [markdown]
# The stamp makes the fault visible here. In general, collect the tasks that the samplers really serve, and intersect
# the sets: test the split, and not only the learner.
#
# ### Rewards counted after the end
#
# A batch steps on when an episode is over. CartPole pays 1 for each step, also for the steps of a pole that lies on
# the floor:

# %%
usual = cartpole.default_params
masked = rollout(cartpole, usual, UniformPolicy(cartpole.action_space), {}, 200, seeded(62)).returns
params = {name: value[:, None].expand(1, 200) for name, value in usual.items()}
state, generator, unmasked = cartpole.initial(seeded(63), params), seeded(64), torch.zeros(1, 200)
for _ in range(cartpole.horizon):
    action = torch.randint(2, (1, 200), generator=generator)
    following = cartpole.transition(state, action, None, params)
    unmasked += cartpole.reward(state, action, following, None, params)  # no mask: fallen poles go on earning
    state = following

# %% tags=["hide-input"]
claim(
    f"A random policy earns {masked.mean():.1f}. With the mask forgotten, its return is {unmasked.mean():.0f}, more than the "
    "475 at which CartPole counts as solved.",
    bool(unmasked.mean() == 500 and masked.mean() < 30),
)

# %% [markdown]
# ### Termination and truncation merged
#
# Evaluate the random policy on a 5 × 5 grid: −1 a step, the goal in the upper left corner, $\gamma = 0.95$, time limit
# 10, start in the centre. Linear algebra gives the exact values: with $P_\pi$ the transition matrix under the policy
# and $r_\pi$ the mean reward of each cell under it, $V = (I - \gamma P_\pi)^{-1} r_\pi$. From episodes we learn $V$ as the fixed point of
# $V(s) = \text{mean}[\,r + \gamma\,(1 - d)\,V(s')\,]$ over the recorded steps. Two variants differ in $d$ alone:
# $d$ = terminated, or $d$ = terminated or truncated, which is the old Gym's `done`.
#
# **Predict, then run.** In which direction does the merged flag move the values? Is the *order* of the cells still
# right?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
small, corner = GridGoals(size=5, reward="step", horizon=10), {"goal": torch.tensor([0])}
transitions, step_costs = small.tables(corner)
chain, pay = transitions[0].mean(1).double(), step_costs[0].mean(1).double()  # under the random policy
exact = torch.linalg.solve(torch.eye(25, dtype=torch.float64) - 0.95 * chain, pay)

runs = rollout(small, corner, UniformPolicy(small.action_space), {}, 20_000, seeded(65))
following = torch.cat([runs.observations[:, :, 1:], runs.final_observations[:, :, None]], 2)
following = torch.where(runs.terminated | runs.truncated, runs.final_observations[:, :, None], following)
real = runs.mask
s, after, r = runs.observations[real], following[real], runs.rewards[real].double()
visits = torch.bincount(s, minlength=25).clamp_min(1)


def fixed_point(done):
    value = torch.zeros(25, dtype=torch.float64)
    for _ in range(400):
        target = r + 0.95 * (~done) * value[after]
        value = torch.zeros(25, dtype=torch.float64).index_add_(0, s, target) / visits
    return value


# %%
right = fixed_point(runs.terminated[real])
merged = fixed_point((runs.terminated | runs.truncated)[real])
figures.random_walk_values({"exact": exact, "d = terminated": right, "d = terminated or truncated": merged})

# %% tags=["hide-input"]
off_right, off_merged = (float((value - exact)[1:].abs().max()) for value in (right, merged))
cut = torch.bincount(s, weights=runs.truncated[real].double(), minlength=25) / visits
claim(
    f"Merged, all values are too high: a cell is off by up to {off_merged:.1f}, against {off_right:.2f} with the right "
    "flag.",
    off_right < 0.5 and off_merged > 5 and bool((merged > exact)[1:].all()),
)
claim(
    f"The order of the cells is wrong, too: the far corner, exactly −{-exact[24]:.1f}, looks better than the centre, "
    f"exactly −{-exact[12]:.1f}: −{-merged[24]:.1f} against −{-merged[12]:.1f}. Of the steps from the far corner the time "
    f"limit cut off {100 * cut[24]:.0f} %, of those from the centre {100 * cut[12]:.0f} %.",
    bool(merged[24] > merged[12] and exact[24] < exact[12] and cut[24] > 5 * cut[12]),
)


# %% [markdown]
# With the merged flag, a step that the time limit cuts off counts as an exit at no further cost. Cells far from the
# start are visited late in an episode, so that more of their steps are cut off, and they look better than they are. An
# agent that follows these values walks away from the goal. With positive rewards, as in CartPole, the error has the
# other sign: a lost future makes a state look too bad.
#
# In the tabular family above the horizon is part of the problem: $V_n$ depends on the steps to go, and the end *is* an
# end. What a time limit means is a decision about the problem, to be taken before the learner is written.
#
# ### A distribution that always gives the same task

# %%
class TaskDistribution:
    def sample(self):
        return points.sample_tasks(1, seeded(0))["goal"][0]  # a new generator with the same seed, at every call


same = {"goal": torch.stack([TaskDistribution().sample() for _ in range(100)])}
different = points.sample_tasks(100, seeded(0))
walker = OraclePolicy(points)  # walks to the goal in its parameters: here the one goal that it knows
on_same, on_different = (rollout(points, goals, walker, same, 1, seeded(1)).returns.mean() for goals in (same, different))

# %% tags=["hide-input"]
kinds = [len(goals["goal"].unique(dim=0)) for goals in (same, different)]
claim(
    f"A hundred samples are {kinds[0]} task, where one generator for all calls gives {kinds[1]}. An agent that knows "
    f"one single goal earns −{-on_same:.2f} on the first distribution and −{-on_different:.1f} on the second.",
    bool(kinds == [1, 100] and on_same > on_different + 20),
)


# %% [markdown]
# An agent that has memorised one path is "optimal" there, in training and in the test. Count the different tasks.
#
# ### A reward that pays for not finishing
#
# Take the *sparse* reward, 1 for each step within 0.1 of the goal, and let the episode end *at* the goal. Each choice
# is sensible by itself. The package refuses the combination (with the sparse reward it never ends an episode), so we
# build it:

# %%
class Trap(PointNavigation):
    """The sparse reward, and termination at the goal."""

    def terminal(self, state, rng, params):
        return ((state - params["goal"]).abs() < 0.01).all(-1)


trap = Trap(reward="sparse")
to_goal = trap.sample_tasks(200, seeded(66), "test")
beside = {"goal": to_goal["goal"] + torch.tensor([0.05, 0.0])}  # a point that pays and does not end the episode
arrive, hover = (rollout(trap, to_goal, OraclePolicy(trap), aim, 1, seeded(0)).returns.mean() for aim in (to_goal, beside))

# %% tags=["hide-input"]
claim(f"Walking to the goal earns {arrive:.1f}, stopping beside it {hover:.1f}.", bool(hover > 20 * arrive))

# %% [markdown]
# Arriving ends the income. The optimal policy of this MDP stays beside the goal until the time is up, and a good
# learner finds that out. The fault lies in the MDP: when to terminate is part of the design of a reward.
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
# **B.** The test goals are new draws from the same distribution. **A** would need goals outside the square. **C** goes
# too far: a learner that only memorised 20 training tasks would do badly on the test goals, as the memoriser does at
# small sizes, so the number does say something.
# </details>
#
# **3.** An episode of 100 steps ends by the time limit; its last step has mask 1. Which is right for the last step?
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
# **4.** One policy, without any adaptation, earns 498 of 500 on the test tasks of a CartPole family. A meta-learner
# earns 500 after adaptation. What has been shown?
#
# - A: that adaptation works on this family
# - B: that the policy before adaptation is nearly as good as any can be, and little else
# - C: that the test tasks leaked into training
#
# <details><summary>Answer</summary>
#
# **B.** There were 2 points to win. A family where one policy serves all tasks cannot show adaptation (**A**), however
# good the method is. Nothing here points to a leak (**C**).
# </details>
#
# **5.** A method reaches an error of 2.9 on sinusoids after adaptation on 5 points. The zero predictor has 4.25. Is
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
# ## Further reading
#
# - Richard Bellman, *Dynamic Programming*, 1957. The source of (02.7).
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
#
# [Exercises](../exercises/02_tasks_exercises.ipynb) · previous: [01 Why learn to learn?](01_why_learn_to_learn.ipynb) · next: [03 Value-based agents](03_value_based_agents.ipynb) · appendices: [02a Environments: fidelity, speed, physics](02a_environments.ipynb), [02b The Gittins index](02b_gittins_index.ipynb)
