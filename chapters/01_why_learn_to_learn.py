# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Why learn to learn?
#
# **Why is an agent that has mastered one task nearly helpless at the next, and what would it take to change that?**
#
# You will be able to
#
# - write down an MDP, a return and a policy, and compute a return by hand and in code
# - measure what an agent trained on one goal earns on other goals, and count the samples that this costs
# - tell meta-RL from multi-task RL, transfer and fine-tuning by their formulas
# - work out after how many tasks meta-training has paid back, and what a tuned baseline does to that number
# - say what a learned reaction to the gradient can do, and what a tuned step size does instead
#
# Before you start: chapter 00, [Start here](00_start_here.ipynb); expectations and conditional probability.
#
# Reading: about 84 minutes. Running: at most 100 seconds and 1500 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/01_why_learn_to_learn_exercises.ipynb): about 95 minutes.

# %% tags=["hide-input"]
import math

import numpy as np
import torch
from scipy import stats

from metarl_core.agents import (
    OraclePolicy,
    ReinforceConfig,
    linear_baseline,
    mean_returns,
    normalise,
    reward_to_go,
    train_reinforce,
)
from metarl_core.claims import claim
from metarl_core.evaluation import bootstrap_interval, interquartile_mean, summarise_curves, t_interval
from metarl_core.figures import ch01 as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table
from metarl_core.randomness import seeded
from metarl_core.recipes import equal_updates, point_navigation
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import PointNavigation, rollout
from metarl_core.widgets import Learner, budget_explorer

begin()

# Committed tables, written by the scripts of the same name in experiments/: two of five seeds, and one of ten.
results = load_table("point_navigation")
tuned_results = load_table("fair_baselines")
ten_seeds = load_table("equal_updates")

# %% [markdown]
# ## 1 One goal learned, and then all the others
#
# A point starts at the origin of the plane. Each step moves it by at most 0.1 along each axis, for at most 100 steps.
# Somewhere in the square $[-0.5, 0.5]^2$ lies a goal. The point observes its own position and not the goal. Its
# reward is minus its distance to the goal after each step, so the sum over an episode is 0 at best and about $-40$
# for a point that never leaves the origin. The episode ends when the point touches the goal.
#
# The cell below draws **one** goal and trains a network on it, for 100 updates of 20 episodes each, with an algorithm
# that section 3 builds from nothing. We call the result a *specialist*.
#
# **Predict, then run.** After training on one goal, what is the mean return (a) on that goal, (b) on a goal on the
# opposite side of the square? (c) How does the return change with the distance between the two goals?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
family = PointNavigation()
alone = point_navigation.trained("specialist", seed=4)  # from a random network, 100 updates on one random goal
policy, specialist, own_goal = alone.learner.policy, alone.parameters, alone.goal

axis = torch.linspace(-0.5, 0.5, 25)
all_goals = torch.cartesian_prod(axis, axis)
over_goals = mean_returns(family, {"goal": all_goals}, policy, specialist, 20, seeded(0)).reshape(25, 25)
own_return = float(mean_returns(family, own_goal, policy, specialist, 100, seeded(0)))
figures.return_over_goals(all_goals, over_goals, own_goal["goal"][0], own_return)

# %% tags=["hide-input"]
apart = torch.linalg.vector_norm(all_goals - own_goal["goal"], dim=-1)
line = stats.linregress(apart.numpy(), over_goals.flatten().numpy())
claim(
    f"On its own goal the specialist earns **{own_return:.1f}**, on a goal in the opposite corner "
    f"**{float(over_goals.min()):.1f}**. Training took {alone.history['env_steps'][-1]:,} environment steps.",
    own_return > -10 and float(over_goals.min()) < -80,
)
claim(
    f"The return is nearly a cone: a straight line in the distance explains {line.rvalue**2:.1%} of its variance, and "
    f"falls by {-line.slope:.0f} for each unit of distance.",
    line.rvalue**2 > 0.9 and 80 < -line.slope < 120,
)

# %% [markdown]
# The slope is what one expects of a point that walks to its old goal and stays: 100 steps, each spent that far from
# the new one. (The single bright cells away from the peak are goals on the specialist's path. It starts with full
# steps of 0.1, and touching a goal ends the episode.)
#
# The specialist learned to walk to one place, which is the answer to the question that training asked. To get a policy
# that can deal with a new goal, the objective has to mention other goals. This chapter writes down what one
# may train for, and what may happen on the new goal, and measures what each is worth.
#
# ## 2 The formalism
#
# **Markov decision process.** An MDP is $(\mathcal{S}, \mathcal{A}, P, r, \rho_0, \gamma, H)$: states, actions, the
# probability $P(s' \mid s, a)$ of the next state, the reward $r(s, a, s')$, the distribution $\rho_0$ of the first
# state, a discount $\gamma \in [0, 1]$ and a horizon $H$, the largest number of steps. In point navigation
# $\mathcal{S} = \mathbb{R}^2$ (the position), $\mathcal{A} = [-1, 1]^2$ (scaled to a move of 0.1), $H = 100$.
#
# **Policy.** $\pi_\theta(a \mid s)$ is a distribution over actions with parameters $\theta$. Ours is a normal
# distribution: a network of two hidden layers gives its mean, and its standard deviation is learned too, the same in
# all states.
#
# **Trajectory.** $\tau = (s_0, a_0, r_0, s_1, a_1, r_1, \dots)$. Under the policy it has the probability
#
# $$p_\theta(\tau) = \rho_0(s_0) \prod_{t=0}^{H-1} \pi_\theta(a_t \mid s_t)\, P(s_{t+1} \mid s_t, a_t). \tag{01.1}$$
#
# **Return.** The return from time $t$ on, also called *reward-to-go*, and the return of the whole trajectory are
#
# $$R_t = \sum_{k=t}^{H-1} \gamma^{k-t}\, r_k, \qquad R(\tau) = R_0. \tag{01.2}$$
#
# It obeys $R_t = r_t + \gamma R_{t+1}$, so one pass from the end computes all of them. After an episode has ended
# there are no rewards: whatever stands in the padding of a tensor must not enter the sum.
#
# **Objective.** An agent that learns one task looks for
#
# $$\max_\theta J(\theta), \qquad J(\theta) = \mathbb{E}_{\tau \sim p_\theta}\left[R(\tau)\right]. \tag{01.3}$$
#
# **Task.** A task $\mathcal{T}$ is one MDP out of a distribution $p(\mathcal{T})$. All its tasks share $\mathcal{S}$
# and $\mathcal{A}$, so that one policy fits them all; $P$ and $r$ may differ. Here they differ in the goal alone. We
# write $J_{\mathcal{T}}(\theta)$ for (01.3) in the MDP of the task $\mathcal{T}$.
#
# By hand: the rewards $-0.5, -0.4, -0.3$ with $\gamma = 0.9$ give $R_2 = -0.3$, then
# $R_1 = -0.4 + 0.9 \cdot (-0.3) = -0.67$, then $R_0 = -0.5 + 0.9 \cdot (-0.67) = -1.103$. In code:

# %%
print(reward_to_go(torch.tensor([-0.5, -0.4, -0.3]), discount=0.9))

# %% [markdown]
# ## 3 REINFORCE: following the gradient of something that cannot be differentiated
#
# The reward comes out of an environment that we cannot differentiate. REINFORCE (Williams 1992) needs only the
# gradient of $\log \pi_\theta$. The derivation has four steps; chapter 04 takes each of them further.
#
# **1. The log-derivative trick.** Since $\nabla p_\theta = p_\theta \nabla \log p_\theta$,
#
# $$\nabla J(\theta) = \nabla \int p_\theta(\tau) R(\tau)\, d\tau = \int p_\theta(\tau)\, \nabla \log p_\theta(\tau)\, R(\tau)\, d\tau
# = \mathbb{E}_{\tau \sim p_\theta}\left[\nabla \log p_\theta(\tau)\, R(\tau)\right]. \tag{01.4}$$
#
# An expectation under $p_\theta$ can be estimated by acting. $R(\tau)$ itself is not differentiated anywhere.
#
# **2. The dynamics drop out.** The logarithm of (01.1) is a sum, and only one kind of term depends on $\theta$:
#
# $$\nabla \log p_\theta(\tau) = \sum_{t=0}^{H-1} \nabla \log \pi_\theta(a_t \mid s_t). \tag{01.5}$$
#
# The agent never needs to know $P$ or $\rho_0$.
#
# **3. An action is not to blame for the past.** Let $x$ be any quantity that is settled before $a_t$ is drawn, such
# as a reward $r_k$ with $k < t$, or a function of $s_t$. Given all that came before, its value is a constant, so
#
# $$\mathbb{E}\left[\nabla \log \pi_\theta(a_t \mid s_t)\, x\right]
# = \mathbb{E}\Big[x \int \pi_\theta(a \mid s_t)\, \nabla \log \pi_\theta(a \mid s_t)\, da\Big]
# = \mathbb{E}\Big[x\, \nabla \underbrace{\int \pi_\theta(a \mid s_t)\, da}_{=\,1}\Big] = 0. \tag{01.6}$$
#
# In the product of (01.5) with $R(\tau) = \sum_k \gamma^k r_k$ all terms with $k < t$ vanish. What is left of the
# return is $\sum_{k \ge t} \gamma^k r_k = \gamma^t R_t$:
#
# $$\nabla J(\theta) = \mathbb{E}\Big[\sum_{t=0}^{H-1} \gamma^t\, \nabla \log \pi_\theta(a_t \mid s_t)\, R_t\Big]. \tag{01.7}$$
#
# **4. A baseline does not bias.** Use (01.6) once more, with $x = b(s_t)$, to subtract anything that depends on the
# state alone. It changes the variance, not the mean:
#
# $$\nabla J(\theta) = \mathbb{E}\Big[\sum_{t=0}^{H-1} \gamma^t\, \nabla \log \pi_\theta(a_t \mid s_t)\, A_t\Big],
# \qquad A_t = R_t - b(s_t). \tag{01.8}$$
#
# $A_t$ is the *advantage*: how much better it went than usual from here.
#
# **What the code does differently.** Nearly all code drops the factor $\gamma^t$: late steps then count as much as
# early ones, and the discount only serves to lower the variance of $R_t$. Results are reported as *un*discounted
# returns, here too. The baseline is fitted to the very episodes that it is subtracted from, so $b$ depends a little
# on $a_t$; that bias vanishes as the number of episodes grows. The advantages are divided by their standard deviation
# per task, which rescales the step. An average over the $N$ steps of $m$ episodes replaces the expectation:
#
# $$L(\theta) = -\frac{1}{N} \sum_{i=1}^{m} \sum_{t} \log \pi_\theta(a^i_t \mid s^i_t)\, A^i_t, \qquad A^i_t \text{ constant.} \tag{01.9}$$
#
# For $\gamma = 1$, $-\nabla L$ estimates the policy gradient up to a positive factor. For $\gamma < 1$ it does not,
# since $\gamma^t$ is missing and no constant factor can make up for that. It is then an update direction that works
# in practice and is not the gradient of (01.3). The *value* of $L$ says nothing about progress: it does not fall
# while the agent improves.
#
# **A check of steps 1 and 4 where the gradient is known.** One step, one number as action,
# $a \sim \mathcal{N}(\mu, 1)$, $r = -(a - g)^2$. Then $J(\mu) = -(\mu - g)^2 - 1$ and $\nabla J = -2(\mu - g)$
# exactly. With $\mu = 0$ and $g = 2$ that is 4. We estimate it 4,000 times, from 20 draws each.

# %%
mu, g = 0.0, 2.0
action = mu + torch.randn(4000, 20, generator=seeded(0))
score = action - mu  # d/dμ log N(a; μ, 1)
reward = -((action - g) ** 2)
without = (score * reward).mean(1)
with_baseline = (score * (reward - (-((mu - g) ** 2) - 1))).mean(1)  # b = J(μ)

# %% tags=["hide-input"]
standard_errors = [float((x.mean() - 4).abs() / (x.std() / math.sqrt(4000))) for x in (without, with_baseline)]
claim(
    f"Without a baseline the estimates are {without.mean():.2f} ± {without.std():.2f} (mean and standard deviation), "
    f"with the baseline {with_baseline.mean():.2f} ± {with_baseline.std():.2f}: both means are right, and the baseline "
    "lowers the standard deviation.",
    max(standard_errors) < 4 and bool(with_baseline.std() < 0.8 * without.std()),
)


# %% [markdown]
# ### Build it
#
# Here is the whole algorithm, equations (01.2) and (01.9).
#
# > **REINFORCE with a baseline.** Repeat: (1) collect 20 episodes with $\pi_\theta$; (2) compute all $R_t$ from the end
# > backwards; (3) fit $b(s_t)$ to them, $A_t = R_t - b(s_t)$, and normalise; (4) one Adam step on $L(\theta)$.
#
# | what | value | source |
# |---|---|---|
# | network | two hidden layers of 100, ReLU | Finn et al. 2017 |
# | episodes per update | 20 | as the MAML paper for one task |
# | discount $\gamma$ | 0.99 | usual |
# | Adam's learning rate | 0.003 | ours; section 4 tunes it |
# | baseline | linear in features of position and time, least squares | Duan et al. 2016 |
#
# `rollout` collects episodes; chapter 02 opens it up. An action may lie outside of $[-1, 1]$, since a normal
# distribution has no bounds; the environment clips it, and $\log \pi_\theta$ is that of the action before the clip.

# %%
def my_reward_to_go(rewards, discount):
    """R_t of equation (01.2), from the last step backwards. rewards: [task, episode, time]."""
    total, backwards = torch.zeros_like(rewards[..., 0]), []
    for reward in rewards.flip(-1).unbind(-1):
        total = reward + discount * total
        backwards.append(total)
    return torch.stack(backwards[::-1], -1)


def my_loss(parameters, batch, advantage):
    """Equation (01.9) for one task."""
    mean, std = policy.mean_and_std(parameters, batch.observations)
    log_pi = torch.distributions.Normal(mean, std).log_prob(batch.actions).sum(-1)  # sum over the two axes of an action
    return -(log_pi * advantage * batch.mask).sum() / batch.mask.sum()  # the mask keeps the padding out


def my_reinforce(task, parameters, generator, iterations, episodes=20, discount=0.99, lr=3e-3):
    parameters = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    optimiser = torch.optim.Adam(parameters.values(), lr=lr)
    mean_return = []
    for _ in range(iterations):
        batch = rollout(family, task, policy, parameters, episodes, generator)
        future = my_reward_to_go(batch.rewards, discount)
        advantage = future - linear_baseline(batch.observations, future, batch.mask)
        advantage = normalise(advantage * batch.mask, batch.mask)  # no gradient flows here: rollout records none
        optimiser.zero_grad()
        my_loss(parameters, batch, advantage).backward()
        optimiser.step()
        mean_return.append(float(batch.returns.mean()))
    return parameters, mean_return


# %% [markdown]
# ### Check it, then use it
#
# From the same seed, ten updates of ours and ten of the package's must give the same numbers.

# %%
_, start, _ = point_navigation.untrained(4)
_, mine = my_reinforce(own_goal, start, seeded(7), iterations=10)
ten = ReinforceConfig(iterations=10, episodes=20, discount=0.99, lr=3e-3)
_, theirs = train_reinforce(family, policy, start, ten, seeded(7), tasks=own_goal, description="ten updates")

# %% tags=["hide-input"]
gap = float(np.abs(np.subtract(mine, theirs["return"])).max())
claim(f"The largest difference over ten updates is {gap:.1e} in return.", gap < 0.05)

# %% [markdown]
# From here on we use the package's version, which runs many tasks at once.
#
# ## 4 What deep RL costs
#
# How many environment steps does a new goal cost if each is learned from nothing? We take 40 **held-out** goals,
# drawn from the same $p(\mathcal{T})$ as the training goals. No pre-training, no meta-training and no search for a
# step size in this chapter uses them. A method may train on a held-out goal only as its adaptation to it, and learning
# from scratch is such an adaptation: each goal gets a network of its own, from the same random initialisation, and 60
# updates of 20 episodes. All 40 networks train at once; they are one tensor.
#
# **Predict, then run.** A return of $-10$ means 0.1 away from the goal on average over the episode. How many
# environment steps on one goal does that take? Thousands, tens of thousands, hundreds of thousands? By what factor
# does it change if the learning rate is tuned?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
held_out = point_navigation.held_out()
fresh_policy, fresh, generator = point_navigation.untrained(0)
sixty = point_navigation.Settings().scratch  # 60 updates of 20 episodes, Adam at 0.003
recorded = point_navigation.from_scratch(fresh_policy, fresh, sixty, held_out, generator)
live_returns = torch.stack([batch.returns.mean(1) for batch in recorded], 1).numpy()  # [task, update]
lengths = torch.stack([batch.lengths.sum(1) for batch in recorded], 1)  # steps of each update's episodes
live_steps = (lengths.cumsum(1) - lengths).numpy()  # before each update

# %% tags=["hide-input"]
off = abs(live_returns.mean(0) - results.scores("from scratch")[0].mean(0)).max()
claim(f"This run, seed 0, is a row of the committed table: its means over goals agree within {off:.1g}.", off < 5)


# %% [markdown]
# That run had the learning rate of section 3, $3 \cdot 10^{-3}$. A second table chose among 0.003, 0.01 and 0.03 by the
# mean return on ten *training* goals, for each of five seeds.
#
# Two terms for the figure. The *interquartile mean* (IQM) averages the middle half of all scores, so that a few
# extreme ones cannot move it. The band is a 95 % *bootstrap interval*: draw as many seeds as there are, with
# replacement, compute the IQM again, repeat, and keep the middle 95 % of the results. Whole seeds are drawn, since
# the scores of one training rise and fall together. Five seeds are few; read such a band as a rough guide.

# %%
def steps_to(level, returns, steps):
    """Steps before the first update whose return is at least `level`; infinite if there is none. [..., update]"""
    reached = returns >= level
    first = np.take_along_axis(steps, reached.argmax(-1)[..., None], -1)[..., 0]
    return np.where(reached.any(-1), first, np.inf)


LEVEL = -10.0
scratch_returns, scratch_steps = np.moveaxis(tuned_results.scores("from scratch"), -1, 0)  # [seed, task, update]
cost = steps_to(LEVEL, scratch_returns, scratch_steps)  # [seed, task]
cost_interval = bootstrap_interval(cost)
untuned_cost = float(interquartile_mean(steps_to(LEVEL, live_returns, live_steps)))

tuned = summarise_curves(scratch_returns, resamples=500)
untuned = interquartile_mean(results.scores("from scratch").reshape(-1, 60), axis=0)
figures.cost_of_one_goal(tuned, untuned, LEVEL, cost, cost_interval.point)

# %% tags=["hide-input"]
claim(
    f"To a return of −10 one goal costs **{cost_interval.point:,.0f}** environment steps (interquartile mean over 200 "
    f"trainings; 95 % interval over seeds {cost_interval.low:,.0f} to {cost_interval.high:,.0f}), and single goals "
    f"between {cost.min():,.0f} and {cost.max():,.0f}. With the learning rate of the live run it is "
    f"{untuned_cost:,.0f}, which is {untuned_cost / cost_interval.point:.1f} times as much.",
    10_000 < cost_interval.point < 30_000 and untuned_cost > 2 * cost_interval.point,
)

# %% [markdown]
# Tens of thousands of steps, for the simplest control problem in this course. Each goal starts from zero, although
# the 39 goals before it had nearly everything in common with it. And one number, the learning rate, changes the cost
# by more than a factor of two. A baseline with an untuned learning rate makes whatever is compared with it look good.
#
# ## 5 Four answers, as formulas
#
# Some notation first. An **adaptation operator** $U_{\mathcal{T}}$ takes parameters, collects a few episodes on the
# task $\mathcal{T}$ with them, and returns improved ones. Ours takes gradient steps of size $\alpha$:
#
# $$U_{\mathcal{T}}(\theta) = \theta + \alpha\, \widehat{\nabla} J_{\mathcal{T}}(\theta), \tag{01.10}$$
#
# where the hat marks the estimate (01.9) from 20 episodes of the policy $\pi_\theta$ *on that task*. $U^{(k)}$ is $k$
# such steps, with new episodes before each. Everything is measured on new tasks $\mathcal{T}$ by episodes that no
# step has seen.
#
# | answer | parameters it starts from | what is measured on the new task |
# |---|---|---|
# | **transfer**: reuse a specialist as it is | $\theta_S = \arg\max_\theta J_{\mathcal{S}}(\theta)$ for one training task $\mathcal{S}$ | $J_{\mathcal{T}}(\theta_S)$ |
# | **fine-tuning** the specialist | $\theta_S$ | $J_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta_S)\big)$ |
# | **multi-task RL**: one policy for all tasks | $\theta_M = \arg\max_\theta \mathbb{E}_{\mathcal{T} \sim p}\, J_{\mathcal{T}}(\theta)$ | $J_{\mathcal{T}}(\theta_M)$ |
# | pre-training and fine-tuning | $\theta_M$ | $J_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta_M)\big)$ |
# | **meta-RL** (here MAML) | $\theta^* = \arg\max_\theta \mathbb{E}_{\mathcal{T} \sim p}\, J_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta)\big)$ | $J_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta^*)\big)$ |
# | from scratch | random $\theta_0$ | $J_{\mathcal{T}}\big(U^{(n)}_{\mathcal{T}}(\theta_0)\big)$, $n$ large |
# | oracle (sees the goal) | – | $\max_\pi J_{\mathcal{T}}(\pi)$ |
#
# One symbol separates multi-task RL from meta-RL: the $U_{\mathcal{T}}$ inside the expectation,
#
# $$\text{multi-task: } \max_\theta \mathbb{E}_{\mathcal{T}}\, J_{\mathcal{T}}(\theta), \qquad
# \text{meta: } \max_\theta \mathbb{E}_{\mathcal{T}}\, J_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta)\big). \tag{01.11}$$
#
# Multi-task RL maximises the return *before* adaptation. Fine-tuning then uses $U$, but training never knew about it.
# Meta-RL trains for what it will be judged by. "Adaptation operator" is meant widely: it may be a gradient step, or
# the update of a memory by a recurrent network, or an inference about which task it is. If the task is *given* as an
# input, a policy $\pi_\theta(a \mid s, \mathcal{T})$ can be trained by plain multi-task RL.
#
# Every meta-RL experiment has the same **three phases**: *generate* tasks from $p(\mathcal{T})$; *meta-train* on
# training tasks; *meta-test* on held-out tasks, where adaptation may use the new task's episodes, and nothing flows
# back to $\theta$.
#
# ### Why the two optima differ
#
# A toy where everything can be solved on paper. Each task has one parameter to get right:
#
# $$J_{\mathcal{T}}(\theta) = -\tfrac{1}{2}\, a_{\mathcal{T}}\, (\theta - c_{\mathcal{T}})^2, \qquad a_{\mathcal{T}} > 0. \tag{01.12}$$
#
# $c_{\mathcal{T}}$ is where the task wants $\theta$ to be, $a_{\mathcal{T}}$ how strongly it pulls. The gradient is
# $-a_{\mathcal{T}}(\theta - c_{\mathcal{T}})$, so one step of (01.10) leaves the fraction
# $1 - \alpha a_{\mathcal{T}}$ of the distance, and $K$ steps the power $K$ of it:
#
# $$U^{(K)}_{\mathcal{T}}(\theta) - c_{\mathcal{T}} = (1 - \alpha a_{\mathcal{T}})^K\, (\theta - c_{\mathcal{T}}), \qquad
# J_{\mathcal{T}}\big(U^{(K)}_{\mathcal{T}}(\theta)\big) = -\tfrac{1}{2}\, a_{\mathcal{T}} (1 - \alpha a_{\mathcal{T}})^{2K} (\theta - c_{\mathcal{T}})^2. \tag{01.13}$$
#
# After adaptation each task is a quadratic again, with another weight. Setting the derivative of the mean to zero
# gives
#
# $$\theta_M = \frac{\sum a_{\mathcal{T}}\, c_{\mathcal{T}}}{\sum a_{\mathcal{T}}}, \qquad
# \theta^*_K = \frac{\sum a_{\mathcal{T}} (1 - \alpha a_{\mathcal{T}})^{2K}\, c_{\mathcal{T}}}{\sum a_{\mathcal{T}} (1 - \alpha a_{\mathcal{T}})^{2K}}. \tag{01.14}$$
#
# **Predict, then run.** Two tasks: a steep one, $a = 1.6$, $c = +1$, and a flat one, $a = 0.4$, $c = -1$; step size
# $\alpha = 0.5$. Multi-task RL settles at $\theta_M = (1.6 - 0.4)/2 = 0.6$, near the steep task. On which side of
# zero does the meta-optimum lie?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
a, c, alpha = torch.tensor([1.6, 0.4]), torch.tensor([1.0, -1.0]), 0.5


def objective(theta, steps):
    """Mean return over the two tasks after `steps` gradient steps on each, (01.11); theta: [points]."""
    adapted = theta[:, None].expand(-1, 2)
    for _ in range(steps):
        adapted = adapted - alpha * a * (adapted - c)  # (01.10), exact gradient
    return (-0.5 * a * (adapted - c) ** 2).mean(1)


def optimum(steps):
    weight = a * (1 - alpha * a) ** (2 * steps)  # (01.14)
    return float((weight * c).sum() / weight.sum())


figures.two_optima(a, c, alpha, optimum, objective)

# %% tags=["hide-input"]
theta = torch.linspace(-1.5, 1.5, 30001)
on_grid = [float(theta[objective(theta, steps).argmax()]) for steps in (0, 1, 3)]
after_one = [float(objective(torch.tensor([optimum(steps)]), 1)) for steps in (0, 1)]
claim(
    f"The multi-task optimum is {optimum(0):+.2f}, the meta-optimum for one step {optimum(1):+.2f}, for three steps "
    f"{optimum(3):+.2f}; a search on a grid finds the same. From the first the mean return after one step is "
    f"{after_one[0]:.3f}, from the second {after_one[1]:.3f}.",
    np.allclose(on_grid, [optimum(0), optimum(1), optimum(3)], atol=1e-3) and after_one[1] > after_one[0],
)


# %% [markdown]
# The meta-optimum lies on the other side of zero. A single gradient step nearly solves the steep task from anywhere
# ($1 - \alpha a = 0.2$), so in (01.14) that task has little weight. On the flat task a step covers a fifth of the
# distance ($1 - \alpha a = 0.8$), so adaptation had better start near it.
#
# The formula also says when both optima are the **same**: if all tasks have the same curvature $a$, the weights are
# equal and $\theta^*_K = \theta_M$.
#
# ### When the curvature can be learned
#
# In (01.12) the curvature belongs to the task, and all that meta-training can choose is a place. A network has more
# freedom: the same behaviour can be written with different parameters, and these react differently to the same
# gradient. The smallest example has two parameters, a position $x$ and a scale $s$, and behaves as $s\,x$:
#
# $$J_{\mathcal{T}}(x, s) = -\tfrac{1}{2}\, (s\,x - c_{\mathcal{T}})^2, \qquad c_{\mathcal{T}} = +1 \text{ or } -1.$$
#
# In the behaviour $s\,x$ both tasks have curvature 1. Before adaptation the mean return is $-\tfrac12 (1 + s^2 x^2)$,
# so $x = 0$ is best *for every* $s$. From there one step leaves $s$ as it is (its gradient contains the factor $x$)
# and moves $x$ to $\alpha\, s\, c_{\mathcal{T}}$. The behaviour becomes $\alpha s^2 c_{\mathcal{T}}$, and
# $J_{\mathcal{T}}\big(U_{\mathcal{T}}(0, s)\big) = -\tfrac{1}{2}\,(1 - \alpha s^2)^2$.

# %%
def after_one_step(s, c, alpha):
    """Return of one task after a gradient step on x and s, from x = 0; s: [points]."""
    x, s = torch.zeros_like(s, requires_grad=True), s.clone().requires_grad_()
    gx, gs = torch.autograd.grad((-0.5 * (s * x - c) ** 2).sum(), (x, s))
    return (-0.5 * ((s + alpha * gs) * (x + alpha * gx) - c) ** 2).detach()


scale = torch.linspace(0.2, 3.0, 281)
by_step = {size: (after_one_step(scale, 1.0, size) + after_one_step(scale, -1.0, size)) / 2 for size in (0.5, 0.25)}
figures.learned_scale(scale, torch.full_like(scale, -0.5), by_step)

# %% tags=["hide-input"]
best = {size: float(scale[returns.argmax()]) for size, returns in by_step.items()}
claim(
    f"With $\\alpha = 0.5$ the best scale is {best[0.5]:.2f}, with $\\alpha = 0.25$ it is {best[0.25]:.2f}, as "
    "$s = 1/\\sqrt{\\alpha}$ says; each then solves both tasks in one step.",
    all(abs(s - size**-0.5) < 0.011 for size, s in best.items())
    and min(float(r.max()) for r in by_step.values()) > -1e-3,
)

# %% [markdown]
# Multi-task training has a whole line of optima here and no preference among them. Meta-training picks the point on
# that line where the step has the right length. But the return after the step depends on $s$ and $\alpha$ only
# through $\alpha s^2$. Whoever comes with a poor $s$ and may still choose the step size takes $\alpha = 1/s^2$ and
# gets the same return. So, in this toy, *a tuned step size replaces what meta-training learned*. Goals of point
# navigation lie in a symmetric square, and nothing obvious makes one of them steeper than another. Is the gain of
# MAML there of this kind? Section 6 varies the step size to find out.
#
# ### What a policy can reach without adaptation
#
# Before it has adapted, a policy sees its position only, and positions say nothing about the goal. For such a policy
# the best place to be at each time is the point with the smallest mean distance to all goals, by symmetry the centre.
# So nobody can expect more than a point that stays at the origin: $-H\, \mathbb{E}\lVert g \rVert$, where $g$ is the
# goal. (Hitting a goal by chance ends the episode; that is rare enough to neglect.) It is a line in the figure of
# the next section.

# %%
staying = -family.horizon * torch.linalg.vector_norm(held_out["goal"], dim=-1)
oracle = mean_returns(family, held_out, OraclePolicy(family), held_out, 1, seeded(0))

# %% tags=["hide-input"]
zero_shot = {name: float(results.scores(name)[:, :, 0].mean()) for name in ("MAML", "pre-trained")}
claim(
    f"Staying at the origin earns {staying.mean():.1f} on the 40 held-out goals, the oracle {oracle.mean():.1f}. Before "
    f"adaptation the meta-trained policy earns {zero_shot['MAML']:.1f} and the pre-trained one "
    f"{zero_shot['pre-trained']:.1f} (means over five seeds).",
    all(abs(value - float(staying.mean())) < 3 for value in zero_shot.values()),
)

# %% [markdown]
# ## 6 The same answers, measured
#
# The methods of section 5 on the 40 held-out goals, with their budgets before the first held-out goal:

# %% tags=["hide-input"]
given, chosen = results.settings, tuned_results.settings
meta, pre = given["maml"], given["pretraining"]
meta_updates = meta["iterations"] * meta["epochs"] * meta["meta_batch"] // meta["minibatch"]
meta_episodes = meta["iterations"] * meta["meta_batch"] * meta["episodes"] * 2
pre_episodes = pre["iterations"] * pre["meta_batch"] * pre["episodes"]
one_episodes = given["specialist"]["iterations"] * given["specialist"]["episodes"]
search = f"the best of {len(chosen['rates'])}, on {given['test_tasks']} training goals"
table(
    ("method", "training goals", "episodes", "Adam steps", "step size on a new goal"),
    [
        ("MAML", f"{meta['iterations'] * meta['meta_batch']:,}", f"{meta_episodes:,}", f"{meta_updates}, rate falling "
         "to 0", f"{given['maml_rates'][0]}, then {given['maml_rates'][1]}, as in the MAML paper; no search"),
        ("pre-trained (multi-task)", f"{pre['iterations'] * pre['meta_batch']:,}", f"{pre_episodes:,}",
         f"{pre['iterations']}, rate constant", search),
        ("specialist", "1", f"{one_episodes:,}", f"{given['specialist']['iterations']}, rate constant", search),
        ("random initialisation", "0", "0", "0", search),
        ("from scratch", "0", "0", "0", f"Adam's rate, the best of {len(chosen['scratch_rates'])}, on "
         f"{chosen['search_tasks']} training goals"),
    ],
)  # fmt: skip
claim("MAML and pre-training collect the same number of episodes.", meta_episodes == pre_episodes)

# %% [markdown]
# Pre-training sees twice as many goals, once each; MAML spends half of its episodes after the inner step, and makes
# four times as many Adam steps of its outer rule (chapter 08: PPO on minibatches). We come back to these differences.
#
# Of the MAML and pre-trained policies five seeds each were trained. The baselines have no step size of their own.
# Suppose that each takes the one that is best **after three steps**.

# %% tags=["hide-input"]
after = {name: results.scores(name) for name in ("MAML", "pre-trained", "specialist", "random initialisation")}
after["from scratch (tuned Adam)"] = scratch_returns[:, :, :4]
middle = {name: interquartile_mean(scores.reshape(-1, 4), axis=0) for name, scores in after.items()}
table(
    ("return on held-out goals (IQM, five seeds)", "0 steps", "1 step", "2 steps", "3 steps"),
    [(name, *(f"{value:.1f}".replace("-", "−") for value in row)) for name, row in middle.items()],
)
claim(
    "After one step MAML seems far ahead of the pre-trained policy; after three steps the two are level.",
    middle["MAML"][1] > middle["pre-trained"][1] + 8 and abs(middle["MAML"][3] - middle["pre-trained"][3]) < 2,
)

# %% [markdown]
# The column "1 step" compares a method whose step size suits one step with baselines whose step size was chosen for
# three. So let us choose again on training goals: the first step size by the return after *one* step, half of it for
# the later ones, as MAML does. The leads below are differences of *means* over goals, in pairs on the same goal. After
# one step MAML's mean is lower than its interquartile mean, which leaves out the goals that came out badly, so a lead
# is not the difference of two entries of the table.
#
# **Predict, then run.** How much of MAML's lead over the pre-trained policy after one step is left? And after two and
# three steps?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
solid = {"MAML": results.scores("MAML")}
solid |= {name: tuned_results.scores(name)[..., 0] for name in ("pre-trained", "specialist")}
solid["random initialisation"] = results.scores("random initialisation")
dashed = {name: results.scores(name) for name in ("pre-trained", "specialist")}
flat = {"oracle": float(interquartile_mean(oracle)), "staying put": float(interquartile_mean(staying))}
figures.adaptation(solid, dashed, flat)

# %%
leads = [t_interval(solid["MAML"][..., k] - solid["pre-trained"][..., k]) for k in range(4)]  # means over goals
unfair = t_interval(solid["MAML"][..., 1] - dashed["pre-trained"][..., 1])

# %% tags=["hide-input"]
in_turn = [in_words(found, 1, sign=True) for found in (*leads, unfair)]
claim(
    f"MAML minus pre-trained on the same goals, mean over five seeds with 95 % t interval: after one step "
    f"**{in_turn[1]}**, where it was {in_turn[4]} with the step size chosen for three; after two {in_turn[2]}, after "
    f"three {in_turn[3]}.",
    0 < leads[1].point < unfair.point / 3 and max(abs(leads[2].point), abs(leads[3].point)) < 1,
)

# %% [markdown]
# Most of the lead came from how the baseline was tuned. Nothing in the first table was false: each step size was
# chosen on training goals, but for another number of steps. When you read a paper, look at how the baseline was tuned,
# and for what. The specialist is the surprise of the figure: trained on one goal, it too adapts well in two steps.
#
# ### Equal updates, equal tuning, ten seeds
#
# What is left of the lead may have other reasons. MAML made 480 updates with a falling rate, pre-training 120 with a
# constant one; and MAML's α came from a paper, while that of pre-training was searched. In a third table both
# make 480 updates, or both 120, on the same number of episodes (pre-training with 5 goals in each, or with 20), and
# Adam's rate falls linearly to zero. Its first value and α are chosen from the same candidates, by the return after one
# step on training goals: the rate once for all ten trainings, by two of them, and α for each training.

# %% tags=["hide-input"]
same, rows = ten_seeds.settings, {name: equal_updates.read(ten_seeds.scores(name)) for name in ten_seeds.rows}
MAML_480, PRE_480, MAML_120, PRE_120 = equal_updates.METHODS
goals, episodes = {}, {}
for name, row in rows.items():
    train = equal_updates.training(name, row.adam_lr[0])
    train = train.maml if name in equal_updates.MAML else train.pretraining
    goals[name] = train.iterations * train.meta_batch
    episodes[name] = goals[name] * train.episodes * (2 if name in equal_updates.MAML else 1)
adam_lrs, alphas = (", ".join(f"{value:g}" for value in same[key]) for key in ("adam_lrs", "inner_lrs"))
picked = {name: np.unique(row.inner_lr, return_counts=True) for name, row in rows.items()}
table(
    ("method", "training goals", "episodes", f"Adam's first rate, of {adam_lrs}", f"first α, of {alphas}"),
    [
        (
            name,
            f"{goals[name]:,}",
            f"{episodes[name]:,}",
            f"{rows[name].adam_lr[0]:g}",
            ", ".join(f"{alpha:g} ({count}×)" for alpha, count in zip(*picked[name], strict=True)),
        )
        for name in rows
    ],
)
claim("All four collect the same number of episodes.", set(episodes.values()) == {meta_episodes})

# %% [markdown]
# All four took 0.003, the middle one of the three rates that were tried. One of the forty policies trains now, before
# your eyes: MAML, seed 0. Chapters 05 and 08 build it.

# %%
maml = equal_updates.trained(MAML_480, seed=0, adam_lr=rows[MAML_480].adam_lr[0])
maml_live = equal_updates.adapted(maml, 0, rows[MAML_480].inner_lr[0]).returns

# %% tags=["hide-input"]
off = abs(maml_live.mean(0).numpy() - rows[MAML_480].returns[0].mean(0)).max()
claim(f"This run is a row of the third table: its means over goals agree within {off:.1g}.", off < 3)


# %% [markdown]
# **Predict, then run.** (a) Is MAML still ahead after one step, and by how much? (b) With which α is each of the two
# best? (c) What does the pre-trained policy earn at the α that is best for MAML?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
def minus(ours, theirs):
    """Differences of returns on the same goals by seed, after 0 to 3 steps."""
    return [t_interval(rows[ours].returns[..., k] - rows[theirs].returns[..., k]) for k in range(4)]


fair, fewer = minus(MAML_480, PRE_480), minus(MAML_120, PRE_120)
by_alpha = {name: rows[name].by_inner_lr for name in (MAML_480, PRE_480)}  # [seed, goal, α], one step, held-out goals
figures.return_by_step_size(same["inner_lrs"], by_alpha)

# %% tags=["hide-input"]
table(
    ("mean return on held-out goals, ten seeds", "0 steps", "1 step", "2 steps", "3 steps"),
    [
        *((name, *(in_words(t_interval(row.returns[..., k]), 1) for k in range(4))) for name, row in rows.items()),
        ("MAML minus pre-trained, 480", *(in_words(found, 1, sign=True) for found in fair)),
        ("MAML minus pre-trained, 120", *(in_words(found, 1, sign=True) for found in fewer)),
    ],
)
heights = {name: [t_interval(by_alpha[name][..., i]) for i in range(len(same["inner_lrs"]))] for name in by_alpha}
peak = {name: int(np.argmax([found.point for found in each])) for name, each in heights.items()}
place, best = peak[MAML_480], {name: same["inner_lrs"][i] for name, i in peak.items()}
claim(
    f"With equal updates and equal tuning MAML minus pre-trained is **{in_words(fair[1], 1, sign=True)}** after one step "
    f"with 480 updates and {in_words(fewer[1], 1, sign=True)} with 120, mean over ten seeds; after three steps "
    f"{in_words(fair[3], 1, sign=True)} and {in_words(fewer[3], 1, sign=True)}.",
    0 < fair[1].low < fair[1].point < leads[1].point
    and fair[3].high < 0
    and all(fewer[k].low < 0 < fewer[k].high for k in (1, 2, 3)),
)
claim(
    f"MAML is best at α = {best[MAML_480]:g}, with which it was trained, the pre-trained policy at "
    f"{best[PRE_480]:g}. There they earn {in_words(heights[MAML_480][place], 1)} and "
    f"{in_words(heights[PRE_480][peak[PRE_480]], 1)}. At MAML's α the pre-trained policy earns "
    f"{in_words(heights[PRE_480][place], 1)}.",
    best[MAML_480] == 0.5 < best[PRE_480] and heights[PRE_480][place].high < heights[MAML_480][place].low,
)

# %% [markdown]
# (a) Of the lead after one step, which the first table showed as more than twelve points, about one is left with 480
# updates, and its interval barely excludes zero; after three steps the pre-trained policies are ahead there, by half a
# point. With 120 updates no difference after a step can be told from zero. With more updates pre-training also has
# fewer goals in each, and the falling rate is new in all four rows; which of these took a part of the lead was not tested.
#
# (b) The step size *was* varied alone, and it does in the network what it did in the toy: each policy has a best one,
# and the pre-trained policy's is longer. (c) At MAML's $\alpha$ it earns two points less. So at that $\alpha$ the
# meta-trained policies react more strongly to the gradient, and a longer step makes up for most of the difference. The
# search does not always find it: in half of the trainings it took 0.5 for the pre-trained policy, too, which on average
# is the poorer choice on held-out goals.
#
# ### What the comparison does not show
#
# - *Other families.* $p(\mathcal{T})$ is narrow here: one body, one reward, a symmetric square, a gradient that points
#   to the goal. With the turned controls of chapter 00, at equal updates, no step size that was tried made up for
#   meta-training.
# - *Longer meta-training.* Sixty iterations fit this chapter; chapter 08 trains at the published setting.
# - *What came before.* The curves count the new goal's episodes only. That is the next section.

# %% tags=["hide-input"]
waves = load_table("sinusoid")
error = {name: waves.scores(name).mean((0, 1)) for name in ("MAML", "pre-training", "random initialisation")}
claim(
    f"On another family the answer is another: in chapter 05's regression of sinusoids the multi-task optimum is a "
    f"cosine of amplitude 1.6, (02.11), and one gradient step takes its error from {error['pre-training'][0]:.2f} to "
    f"{error['pre-training'][1]:.2f}, ten to {error['pre-training'][10]:.2f}; MAML's goes from {error['MAML'][0]:.2f} to "
    f"{error['MAML'][1]:.2f} in one step, and a random network's from {error['random initialisation'][0]:.2f} to "
    f"{error['random initialisation'][10]:.2f} in ten.",
    error["MAML"][1] < 0.4 * error["pre-training"][1],
)


# %% [markdown]
# ## 7 Who pays, and when it pays back
#
# Meta-training is an investment. Let $M$ be the environment steps spent beforehand, $n_1$ the steps per new task from
# scratch to a level of return, $n_2$ the steps per new task by adaptation to the same level. After $n$ tasks the
# investment has paid back if $M + n\, n_2 \le n\, n_1$, so
#
# $$n \ge \frac{M}{n_1 - n_2} \quad \text{if } n_2 < n_1, \text{ and never otherwise.} \tag{01.15}$$
#
# The same bookkeeping for every method, at the level $-10$: $n_1, n_2$ are the steps before the first update whose
# interquartile mean over goals and seeds reaches the level. Searching for a step size costs episodes as well; we
# count it in a column of its own. MAML and the pre-trained policy are those with 480 updates of the third table; their
# search is one more training, at the other rate of Adam, and the episodes that chose α. How soon has the investment
# paid back for MAML, and for the specialist that trained on a single goal?

# %%
def break_even(before, per_task_scratch, per_task_adapted):
    """Equation (01.15) as a whole number of tasks; infinite if it never pays back."""
    saved = per_task_scratch - per_task_adapted
    return math.ceil(before / saved) if saved > 0 else math.inf


def counted(returns, steps, training=0, search=0):
    """IQM of the returns and mean of the steps over seeds and goals, by update; steps spent beforehand."""
    flat = returns.reshape(-1, returns.shape[-1])
    return Learner(interquartile_mean(flat, axis=0), steps.reshape(flat.shape[0], -1).mean(0), training, search)


learners = {}
for name in ("MAML", "pre-trained"):
    row = rows[f"{name}, 480 updates"]  # of ten seeds
    spent = float(row.training.mean()), float((row.training + row.search).mean())
    learners[name] = counted(row.returns, row.steps, *spent)
at_most = 20 * family.horizon  # steps in the episodes of one update
one_step_search = 5 * 40 * 2 * at_most  # five step sizes, 40 goals, before and after the step
scratch_search = 3 * 10 * 60 * at_most  # three learning rates, 10 goals, 60 updates
returns, steps = np.moveaxis(tuned_results.scores("specialist"), -1, 0)
learners["specialist"] = counted(returns, steps, alone.history["env_steps"][-1], one_step_search)
learners["from scratch"] = counted(scratch_returns, scratch_steps, 0, scratch_search)

# %% tags=["hide-input"]
per_task = {name: each.cost(LEVEL, 1)[2] for name, each in learners.items()}
pays, lines = {}, []
for name, each in learners.items():
    training, searching, _ = each.cost(LEVEL, 1)
    pays[name] = break_even(training, per_task["from scratch"], per_task[name])
    both = break_even(max(training + searching - scratch_search, 1), per_task["from scratch"], per_task[name])
    ends = [f"{n:,} task{'s' if n > 1 else ''}" for n in (pays[name], both)] if name != "from scratch" else ["–", "–"]
    numbers = f"{training:,.0f}", f"{searching:,.0f}", f"{each.updates_to(LEVEL)}", f"{per_task[name]:,.0f}"
    lines.append((name, *numbers, *ends))
headings = ("steps before", "search", "updates to −10", "steps per new task", "pays back after", "searches counted")
table(("", *headings), lines)
untuned_pays = break_even(learners["MAML"].training, untuned_cost, per_task["MAML"])
extra = learners["MAML"].training - learners["specialist"].training
catches_up = break_even(extra, per_task["specialist"], per_task["MAML"])
claim(
    f"MAML needs the fewest steps per new task, {per_task['MAML'] / per_task['from scratch']:.0%} of what training from "
    f"scratch needs, and pays back after {pays['MAML']:,} tasks; the specialist after {pays['specialist']}.",
    pays["specialist"] < 50 and 100 < pays["MAML"] < 1000 and per_task["MAML"] < per_task["from scratch"] / 8,
)
claim(
    f"Compared with the *untuned* training from scratch, MAML would seem to pay back after {untuned_pays:,} tasks "
    "already.",
    untuned_pays < pays["MAML"] / 2,
)
claim(
    f"MAML becomes cheaper than the fine-tuned specialist only after {catches_up:,} tasks, search left out.",
    catches_up > 1000,
)

# %% [markdown]
# The searches of specialist and from scratch are upper bounds, 100 steps for each episode; all other steps were
# counted. In the last column the searches count on both sides. MAML's costs more than its meta-training did, since
# a second training at another rate of Adam is part of it. A published step size looks free only because somebody else
# has paid for that search.
#
# No single number is "the" sample efficiency of a method. It depends on how many tasks are to come, and on what a
# step costs when. If training happens in a simulator and adaptation on a machine in the field, $n_2$ matters and a
# large $M$ hardly does. For a machine that learns everything in the field, both do.
#
# ### Explore: what is a sample budget worth?
#
# Move the level and the number of tasks to come. Find (a) a number of tasks from which MAML is the cheapest of the
# four, with and without the search counted; (b) a level at which the order of specialist and MAML changes; (c) a
# level that MAML and the specialist do not reach in three steps.

# %%
budget_explorer(learners, level=-10.0, tasks=100)

# %% [markdown]
# *Static picture: level −10 and 100 tasks.* "Never reaches" means: not within what was measured, three steps of
# adaptation or 60 updates from scratch.
#
# <details><summary>Answers to (a), (b) and (c)</summary>
#
# **(a)** The last to be overtaken is the specialist. It saves MAML's 4.2 million steps of training and needs 1,800
# more for each task, so at −10 MAML is the cheapest from about 2,300 tasks on; with the searches counted, from about
# 4,500. **(b)** At −5.5. MAML reaches that in two steps; the specialist, cheaper for 100 tasks at −10, ends its three
# steps at −5.7 and never reaches it. **(c)** At −5.0 neither does; pre-training does, after two steps.
# </details>
#
# ## 8 What goes wrong in practice
#
# **One seed.** The specialist's numbers above are means over five specialists. What would a single one have said?

# %%
names = ("specialist", "pre-trained", "MAML")
means = {name: results.scores(name)[:, :, 0].mean(1) for name in names}  # before adaptation, [seed]
first_draws = [point_navigation.untrained(seed)[2] for seed in range(5)]  # each specialist's generator
from_centre = [float(family.sample_tasks(1, drawn)["goal"].norm()) for drawn in first_draws]
figures.one_seed(means, from_centre)

# %% tags=["hide-input"]
claim(
    f"The five specialists earn {', '.join(f'{value:.0f}'.replace('-', '−') for value in means['specialist'])} before "
    f"adaptation. Seed 0 is the best of them, as good as a policy trained on all goals; its goal lies "
    f"{from_centre[0]:.2f} from the centre.",
    means["specialist"].argmax() == 0 and np.argmin(from_centre) == 0 and np.ptp(means["specialist"]) > 20,
)

# %% [markdown]
# Seed 0 drew a goal next to the centre, and staying there is what the best policy without adaptation does. With seed 0
# alone one would have concluded that a specialist is as good as a multi-task policy. Nothing in its own numbers gives
# that away; five seeds do.
#
# **Evaluating on the goals of training.** The specialist of section 1 has a fine learning curve. On which goals was
# it measured?

# %% tags=["hide-input"]
late = float(np.mean(alone.history["return"][-10:]))
claim(
    f"Specialist of seed 4: {late:.1f} on the goal it was trained on (last ten updates), "
    f"{means['specialist'][4]:.1f} on held-out goals. Both numbers are its 'mean return'.",
    late - means["specialist"][4] > 30,
)

# %% [markdown]
# In meta-RL the same mistake is harder to see. A meta-learner trains on many goals, and its curve on them looks like
# adaptation; with few training tasks it may be memory instead.
#
# **A mean that hides half of the goals.** A mean over goals of $-60$ may stand for a peak that works and a plain that
# does not, more than 100 units of return apart. A user of that agent meets one goal. Look at the distribution over
# tasks before you report its mean.
#
# **A baseline left untuned.** It happened three times in this chapter: with the learning rate from scratch (section 4),
# the step size of fine-tuning and the updates of pre-training (section 6). Each time it flattered the proposed method.
# Tune everything for the budget at which it is compared, on training tasks, and say what that cost.
#
# ## 9 Self-check
#
# Decide before you open an answer.
#
# **1.** A policy is trained on 1,000 goals to the best mean return, then fine-tuned on a new goal for ten steps. Is
# this meta-RL? (A) Yes, since many tasks were used. (B) Yes, since it adapts. (C) No: training did not take
# adaptation into account.
#
# <details><summary>Answer to 1</summary>
#
# **C.** It is pre-training and fine-tuning: $U$ is applied to $\theta_M$, but $\theta_M$ was chosen without it. (A):
# many tasks are what multi-task RL has too. (B): any network adapts if it is trained further; the objective makes the
# difference, (01.11). It may still work as well, as in section 6.
# </details>
#
# **2.** In the toy of (01.12), all tasks have the same curvature. With which step size does MAML beat multi-task training
# followed by the same step? (A) A small one. (B) $\alpha = 1/a$. (C) None.
#
# <details><summary>Answer to 2</summary>
#
# **C.** Equal curvature gives equal weights in (01.14), for any $\alpha$ and $K$: both optima are the mean of the
# $c_{\mathcal{T}}$. (A): with $\alpha \to 0$ the two objectives become the same even for unequal curvature. (B): at
# $\alpha = 1/a$ one step solves each task from anywhere, so every $\theta$ is optimal and there is again nothing to
# win.
# </details>
#
# **3.** Someone subtracts from $R_t$ the mean *reward of the whole episode*. Is the policy gradient still unbiased?
# (A) Yes, any baseline is allowed. (B) In general no. (C) Yes, if $\gamma = 1$.
#
# <details><summary>Answer to 3</summary>
#
# **B.** (01.6) needs a quantity that is settled before $a_t$ is drawn. The episode's mean reward depends on $a_t$
# through all rewards that follow. (A): only what does not depend on the action. (C): the discount has nothing to do
# with it.
# </details>
#
# **4.** MAML needs 2,000 steps per new task, training from scratch 20,000, and meta-training took 4.5 million. You
# have 100 new tasks. Which is cheaper in total? (A) MAML. (B) From scratch. (C) It depends on the level.
#
# <details><summary>Answer to 4</summary>
#
# **B.** $4.5 \cdot 10^6 + 100 \cdot 2{,}000 = 4.7 \cdot 10^6$ against $100 \cdot 20{,}000 = 2 \cdot 10^6$. Break-even
# is at $4.5 \cdot 10^6 / 18{,}000 = 250$ tasks. (A): true per new task, not in total. (C): another level changes the
# two numbers, but here they are given.
# </details>
#
# **5.** A paper reports a meta-learner's return after adaptation on the tasks of its training. What may that number
# hide? (A) Nothing: adaptation was measured. (B) That the policy has memorised these tasks. (C) That the discount was
# too small.
#
# <details><summary>Answer to 5</summary>
#
# **B.** With few training tasks a network can recognise them, and adaptation is not needed. Only held-out tasks show
# it. (A): "after adaptation" does not mean "by adaptation"; look at the return before it too. (C): a poor discount
# would hurt on held-out tasks just as much.
# </details>
#
# ## Further reading
#
# - R. S. Sutton and A. G. Barto, *Reinforcement Learning: An Introduction*, 2nd edition, 2018. Chapters 3 and 13 for
#   sections 2 and 3.
# - R. J. Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*,
#   Machine Learning, 1992.
# - Y. Duan et al., *Benchmarking deep reinforcement learning for continuous control*, 2016, arXiv:1604.06778. The
#   linear feature baseline.
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - R. Agarwal et al., *Deep reinforcement learning at the edge of the statistical precipice*, 2021, arXiv:2108.13264.
#   The interquartile mean and the bootstrap over runs.
# - J. Beck et al., *A survey of meta-reinforcement learning*, 2023, arXiv:2301.08028.
#
# [Exercises](../exercises/01_why_learn_to_learn_exercises.ipynb) · previous: [00 Start here](00_start_here.ipynb) · next: [02 Tasks and their distributions](02_tasks.ipynb) · appendix: [01a The field](01a_the_field.ipynb)
