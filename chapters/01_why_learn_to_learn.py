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
# - place a method you read about on the map of the field
#
# Before you start: chapter 00, [Start here](00_start_here.ipynb); expectations and conditional probability.
#
# Reading: about 55 minutes. Running: at most 160 seconds and 1500 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/01_why_learn_to_learn.ipynb): about 60 minutes.

# %%
import math
import re

import numpy as np
import torch
from IPython.display import Markdown, display

from metarl_core import plotting
from metarl_core.agents import (
    OraclePolicy,
    ReinforceConfig,
    linear_baseline,
    mean_returns,
    normalise,
    reward_to_go,
    train_reinforce,
)
from metarl_core.evaluation import bootstrap_interval, interquartile_mean, paired_difference, summarise_curves
from metarl_core.recipes import point_navigation
from metarl_core.results import load_table
from metarl_core.tasks import PointNavigation, rollout
from metarl_core.widgets import Learner, budget_explorer

torch.set_num_threads(1)  # these networks are small: a second thread waits longer than it works

# Two committed tables, five seeds each, written by the scripts of the same name in experiments/.
table = load_table("point_navigation")
fair = load_table("fair_baselines")
settings = table.settings


def say(text: str) -> None:
    """Show a sentence whose numbers were computed in this cell, with a proper minus sign."""
    display(Markdown(re.sub(r"(?<![\w-])-(?=\d)", "−", text)))


# %% [markdown]
# ## 1 One goal learned, and then all the others
#
# A point starts at the origin of the plane. Each step moves it by at most 0.1 along each axis, for at most 100 steps.
# Somewhere in the square $[-0.5, 0.5]^2$ lies a goal. The point does not see it: it sees its own position only. Its
# reward is minus its distance to the goal after each step, so the sum over an episode is 0 at best and about $-40$
# for a point that never leaves the origin.
#
# The cell below draws **one** goal and trains a network on it, for 100 updates of 20 episodes each, with an algorithm
# that section 3 builds from nothing. We call the result a *specialist*.
#
# **Predict, then run.** Write down your answers. After training on one goal, what is the mean return (a) on that
# goal, (b) on a goal on the opposite side of the square? (c) In a map of the return over *all* goals, what shape is
# the bright region, and how large is it?

# %%
family = PointNavigation()


def goal_map(policy, parameters, width=25):
    """Mean return of one policy on each goal of a width × width grid."""
    axis = torch.linspace(-0.5, 0.5, width)
    grid = {"goal": torch.cartesian_prod(axis, axis)}
    returns = mean_returns(family, grid, policy, parameters, 20, torch.Generator().manual_seed(0))
    return grid["goal"], returns.reshape(width, width)


# The recipe of the table's row: from a random network, 100 updates on one random goal.
alone = point_navigation.trained("specialist", seed=4)
policy, specialist, own_goal = alone.learner.policy, alone.parameters, alone.goal

# %%
own_return = float(mean_returns(family, own_goal, policy, specialist, 100, torch.Generator().manual_seed(0)))
grid, returns = goal_map(policy, specialist)
distance = torch.linalg.vector_norm(grid - own_goal["goal"], dim=-1)
bright = float((returns > 3 * own_return).float().mean())


def draw_goal_map(figure, axes, returns, goal, title):
    image = axes.imshow(returns.T, origin="lower", extent=(-0.5, 0.5, -0.5, 0.5), vmin=-125, vmax=0)
    axes.plot(*goal["goal"][0].tolist(), "*", color=plotting.RED, markersize=16, markeredgecolor="white")
    axes.set(title=title, xlabel="goal x", ylabel="goal y")
    axes.grid(visible=False)
    return image


figure, (left, right) = plotting.figure(1, 2, width=9.6, height=4.0)
image = draw_goal_map(figure, left, returns, own_goal, "Return of one specialist on all goals")
figure.colorbar(image, ax=left, label="mean return")
right.plot(distance, returns.flatten(), ".", color=plotting.METHOD_STYLE["specialist"][0], alpha=0.6)
right.axhline(own_return, color=plotting.RED, linestyle=":", label="return on its own goal")
right.set(xlabel="distance from the goal it was trained on", ylabel="mean return", title="The same, against distance")
right.legend()
plotting.show(
    figure,
    "Left: a heat map of the specialist's return over all goals of the square: a small bright spot around the goal "
    "it was trained on, marked by a star, and darker the farther away, but for single bright cells on its path. "
    "Right: the return falls along a straight line with the distance from that goal.",
)
say(
    f"On its own goal the specialist earns **{own_return:.1f}**, over all goals on average "
    f"**{float(returns.mean()):.1f}**, at worst **{float(returns.min()):.1f}**. Only **{bright:.0%}** of the goals give "
    f"more than three times its own return. Training took {alone.history['env_steps'][-1]:,} environment steps."
)
assert own_return > -10 and float(returns.min()) < -80 and bright < 0.2

# %% [markdown]
# The bright spot is small and round. (Single bright cells away from it are no mistake: these goals lie exactly on the
# specialist's path, which starts with full steps of 0.1, and touching a goal ends the episode.) Elsewhere the return
# falls by about 100 for each unit of distance: 100 steps, each spent that far from the goal. The agent did not learn
# "how to walk to a goal". It learned to walk *there*. Nothing in its training asked for more, so this is no failure
# of the algorithm: it is the answer to the question that we asked. To get another answer we need another question.
# The rest of this chapter writes down four of them and measures what each is worth.
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
by_hand = torch.tensor([-1.103, -0.67, -0.3])
assert torch.allclose(reward_to_go(torch.tensor([-0.5, -0.4, -0.3]), discount=0.9), by_hand)

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
# **What the code does otherwise, and says so.** Nearly all code drops the factor $\gamma^t$: late steps then count as
# much as early ones, and the discount serves to lower the variance of $R_t$; results are reported as *un*discounted
# returns, here too. The baseline is fitted to the very episodes that it is subtracted from, so $b$ depends a little
# on $a_t$; that bias vanishes as episodes grow in number. The advantages are divided by their standard deviation per
# task, which rescales the step. The average over $N$ steps of $m$ episodes replaces the expectation:
#
# $$L(\theta) = -\frac{1}{N} \sum_{i=1}^{m} \sum_{t} \log \pi_\theta(a^i_t \mid s^i_t)\, A^i_t, \qquad A^i_t \text{ constant.} \tag{01.9}$$
#
# $-\nabla L$ estimates the policy gradient, up to a positive factor. The *value* of $L$ means nothing: it does not
# fall while the agent improves.
#
# **A check of steps 1 and 4 where the truth is known.** One step, one number as action, $a \sim \mathcal{N}(\mu, 1)$,
# $r = -(a - g)^2$. Then $J(\mu) = -(\mu - g)^2 - 1$ and $\nabla J = -2(\mu - g)$ exactly.
#
# **Predict:** with $\mu = 0$, $g = 2$, and 20 draws for each estimate, which of the two columns differs between the
# rows "no baseline" and "baseline": the mean of the estimates or their standard deviation?

# %%
mu, g, draws, repeats = 0.0, 2.0, 20, 4000
action = mu + torch.randn(repeats, draws, generator=torch.Generator().manual_seed(0))
score = action - mu  # d/dμ log N(a; μ, 1)
reward = -((action - g) ** 2)
exact = -2 * (mu - g)
lines = ["| | mean of estimates | their standard deviation |", "|---|---|---|", f"| exact gradient | {exact:.2f} | |"]
spread = {}
for name, baseline in (("no baseline", 0.0), ("baseline b = J(μ)", -((mu - g) ** 2) - 1)):
    estimates = (score * (reward - baseline)).mean(1)
    spread[name] = float(estimates.std())
    lines.append(f"| {name} | {float(estimates.mean()):.2f} | {spread[name]:.2f} |")
    assert abs(float(estimates.mean()) - exact) < 4 * spread[name] / math.sqrt(repeats)  # four standard errors
say("\n".join(lines))
assert spread["baseline b = J(μ)"] < 0.8 * spread["no baseline"]


# %% [markdown]
# Both means are right. The baseline lowers the standard deviation, so fewer episodes give the same certainty.
#
# ### Build it
#
# Here is the whole algorithm, equations (01.2) and (01.9). `rollout` collects episodes (chapter 02 opens it up);
# `linear_baseline` fits $b(s_t)$ by least squares on position and time (chapter 04 does).

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
_, mine = my_reinforce(own_goal, start, torch.Generator().manual_seed(7), iterations=10)
ten = ReinforceConfig(iterations=10, episodes=20, discount=0.99, lr=3e-3)
_, theirs = train_reinforce(
    family, policy, start, ten, torch.Generator().manual_seed(7), tasks=own_goal, description="ten updates"
)
assert np.allclose(mine, theirs["return"], atol=0.05), (mine, theirs["return"])
say(f"Largest difference over ten updates: {np.abs(np.subtract(mine, theirs['return'])).max():.1e} in return.")

# %% [markdown]
# Thirty lines, the same learning curve. From here on we use the package's version, which runs many tasks at once.
#
# ## 4 What deep RL costs
#
# How many environment steps does a new goal cost if each is learned from nothing? We take 40 **held-out** goals:
# drawn from the same $p(\mathcal{T})$ as all training goals, and used by no training in this chapter. Each goal gets
# a network of its own, from the same random initialisation, and 60 updates of 20 episodes. All 40 networks train at
# once: they are one tensor.
#
# **Predict:** after how many environment steps on one goal is the point within 0.1 of it on average over an episode
# (a return of $-10$)? Thousands, tens of thousands, hundreds of thousands?

# %%
held_out = point_navigation.held_out()
policy, start, generator = point_navigation.untrained(0)
scratch_config = point_navigation.Settings().scratch  # 60 updates of 20 episodes, Adam at 0.003
recorded = point_navigation.from_scratch(policy, start, scratch_config, held_out, generator)
scratch_live = torch.stack([batch.returns.mean(1) for batch in recorded], 1)  # [task, update]
scratch_live_steps = torch.stack([batch.lengths.sum(1) for batch in recorded], 1).cumsum(1)  # [task, update]
agreement = table.check_agreement("from scratch", 0, scratch_live, tolerance=5.0)
say(f"Largest difference between this run and its row in the table: {agreement:.1e} in return.")

# %% [markdown]
# The last line asserts that this live run (seed 0) is the row that stands in the committed table: on the machine that
# made the table it is the same to the last digit kept; elsewhere rounding differs and training amplifies that, hence
# a tolerance of 5 units of return.
#
# Is the learning rate of that run ($3 \cdot 10^{-3}$) a fair one? If training from scratch is what everything else is
# held against, a careless setting makes all the others look good. The second table (`experiments/fair_baselines.py`)
# chose among 0.003, 0.01 and 0.03 by the mean return on ten *training* goals, for each seed.

# %%
scratch = fair.scores("from scratch")  # [seed, task, update, (return, steps before it)]
scratch_returns, scratch_steps = scratch[..., 0], scratch[..., 1]
tuned = summarise_curves(scratch_returns, resamples=500)
untuned = summarise_curves(table.scores("from scratch"), resamples=500)
level = -10.0


def steps_to(level, returns, steps):
    """Steps before the first update whose return is at least `level`; infinite if there is none. [..., update]"""
    reached = returns >= level
    first = np.take_along_axis(steps, reached.argmax(-1)[..., None], -1)[..., 0]
    return np.where(reached.any(-1), first, np.inf)


cost = steps_to(level, scratch_returns, scratch_steps)  # [seed, task]
assert np.isfinite(cost).all()
cost_interval = bootstrap_interval(cost)
live_before = scratch_live_steps - torch.stack([batch.lengths.sum(1) for batch in recorded], 1)
untuned_cost = interquartile_mean(steps_to(level, scratch_live.numpy(), live_before.numpy()))

figure, (left, right) = plotting.figure(1, 2, width=9.6, height=3.9)
updates = np.arange(60) * 20
plotting.plot_curve(left, updates, tuned, "from scratch, tuned", "from scratch", markevery=5)
left.plot(updates, untuned.point, color=plotting.GREY, linestyle="--", label="learning rate 0.003")
left.axhline(level, color="black", linestyle=":", linewidth=1.2)
left.set(xlabel="episodes on the new goal", ylabel="return (IQM)", title="Learning a held-out goal from nothing")
left.legend(loc="lower right")
right.hist(cost.flatten() / 1000, bins=20, color=plotting.METHOD_STYLE["from scratch"][0], alpha=0.8)
right.axvline(cost_interval.point / 1000, color="black", label="interquartile mean")
right.set(xlabel="thousand environment steps to return −10", ylabel="goals (five seeds × 40)", title="Cost of one goal")
right.legend()
plotting.show(
    figure,
    "Left: return against episodes for training from scratch on held-out goals. The tuned curve rises from about −72 "
    "and crosses −10 after about 200 episodes, the curve at learning rate 0.003 after about 500. Right: a histogram "
    "of the environment steps that single goals need to reach −10, spread from about 10 to about 30 thousand.",
)
say(
    f"To a return of {level:g}, one goal costs **{cost_interval.point:,.0f}** environment steps (interquartile "
    "mean over "
    f"200 trainings; 95 % interval over seeds {cost_interval.low:,.0f} to {cost_interval.high:,.0f}). Single "
    "goals range from "
    f"{cost.min():,.0f} to {cost.max():,.0f}. With the learning rate of the live run it is {untuned_cost:,.0f}."
)
assert 10_000 < cost_interval.point < 30_000 and untuned_cost > 2 * cost_interval.point

# %% [markdown]
# Tens of thousands of steps, for the simplest control problem in this course: a point that walks straight to where it
# should be. Each goal starts from zero, although the 39 goals before it had nearly everything in common with it. Note
# also that tuning one number more than halved the cost: section 9 comes back to that.
#
# A reading aid for the intervals in this chapter: the *interquartile mean* (IQM) is the mean of the middle half of
# all scores. The interval resamples whole seeds, since the scores of one training rise and fall together. Chapter 15
# explains both.
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
# input, a policy $\pi_\theta(a \mid s, \mathcal{T})$ can be trained by plain multi-task RL; chapter 11 builds it, and
# then takes the input away.
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
# **Predict.** Two tasks: a steep one, $a = 1.6$, $c = +1$, and a flat one, $a = 0.4$, $c = -1$; step size
# $\alpha = 0.5$. Multi-task RL settles at $\theta_M = (1.6 - 0.4)/2 = 0.6$, near the steep task. On which side of
# zero does the meta-optimum lie?

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


theta = torch.linspace(-1.5, 1.5, 30001)
for steps in (0, 1, 2, 3):  # the formula against a plain search
    assert abs(float(theta[objective(theta, steps).argmax()]) - optimum(steps)) < 1e-3

figure, (left, right) = plotting.figure(1, 2, width=11.0, height=3.9)
labels = []
for steps, name, method in ((0, "multi-task optimum", "pre-trained"), (1, "meta-optimum", "MAML")):
    color, marker = plotting.METHOD_STYLE[method]
    before = optimum(steps)
    for task, kind in enumerate(("steep", "flat")):
        row, after = len(labels), before - alpha * float(a[task]) * (before - float(c[task]))
        labels.append(f"{name},\n{kind} task")
        arrow = {
            "arrowstyle": "-|>",
            "color": color,
            "linewidth": 2.0,
            "mutation_scale": 16,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        left.annotate("", (after, row), (before, row), arrowprops=arrow)
        left.plot(before, row, marker, color=color, markersize=9)
        left.plot(float(c[task]), row, "*", color=plotting.RED, markersize=14)
        left.text(
            1.25, row, f"J = {-0.5 * float(a[task]) * (after - float(c[task])) ** 2:.2f}", va="center", fontsize=11
        )
    curve = objective(theta, steps)
    what = "before adaptation" if steps == 0 else "after one step"
    right.plot(theta, curve, color=color, label=f"mean return {what}")
    right.plot(optimum(steps), curve.max(), marker, color=color, markersize=9)
left.set_yticks(range(4), labels)
left.grid(axis="y", visible=False)
left.set(xlabel="θ", xlim=(-1.3, 1.8), ylim=(3.6, -0.6), title="One step on each task; stars: its optimum")
right.set(
    xlabel="θ where adaptation starts", ylabel="mean return", ylim=(-1.2, 0.05), title="Two objectives, two optima"
)
right.legend(fontsize=10, loc="lower right")
plotting.show(
    figure,
    "Left: one gradient step as an arrow, for each of two starts and two tasks. On the steep task, whose optimum is "
    "at 1, the step goes most of the way from either start. On the flat task, whose optimum is at −1, it moves "
    "little: the multi-task start 0.6 stays far away, the meta start −0.6 is near already. Right: the mean return "
    "before adaptation is highest at 0.6, after one step at −0.6.",
)
adapted = {steps: float(objective(torch.tensor([optimum(steps)]), 1)) for steps in (0, 1)}
say(
    f"Multi-task optimum **{optimum(0):+.2f}**, meta-optimum for one step **{optimum(1):+.2f}**, for three steps "
    f"**{optimum(3):+.2f}**. Mean return after one step: {adapted[0]:.3f} from the first, {adapted[1]:.3f} from "
    "the second."
)

# %% [markdown]
# The steep task pulls hard, so multi-task training leans towards it. But the steep task is also the one that a single
# gradient step nearly solves from anywhere ($1 - \alpha a = 0.2$). Meta-training gives it little weight, and starts
# near the flat task, where a step gets nowhere ($1 - \alpha a = 0.8$). With more steps the flat task gets still more
# weight. In words: *multi-task training looks for what is good on average; meta-training looks for where one can
# quickly get good.*
#
# The formula says as well when the two are the **same**: if all tasks have the same curvature $a$, the weights are
# equal and $\theta^*_K = \theta_M$. Keep that in mind for what follows. The goals of point navigation lie in a
# symmetric square, and there is no obvious reason why some should be much steeper than others.
#
# ### What a policy can reach without adaptation
#
# Before it has adapted, a policy sees its position only, and positions say nothing about the goal. For such a policy
# the best place to be at each time is the point with the smallest mean distance to all goals, by symmetry the centre.
# So nobody can expect more than a point that stays at the origin: $-H\, \mathbb{E}\lVert g \rVert$, where $g$ is the
# goal. (Hitting a goal by chance ends the episode; that is rare enough to neglect.) Keep this number beside the bars
# of the next section.

# %%
staying = -family.horizon * float(torch.linalg.vector_norm(held_out["goal"], dim=-1).mean())
oracle_returns = mean_returns(family, held_out, OraclePolicy(family), held_out, 1, torch.Generator().manual_seed(0))
zero_shot = {name: float(table.scores(name)[:, :, 0].mean()) for name in ("MAML", "pre-trained", "specialist")}
say(
    f"Staying at the origin earns {staying:.1f} on the 40 held-out goals; the oracle "
    f"{float(oracle_returns.mean()):.1f}. "
    f"Before adaptation the meta-trained policy earns {zero_shot['MAML']:.1f} and the pre-trained one "
    f"{zero_shot['pre-trained']:.1f} (means over five seeds)."
)
assert all(abs(zero_shot[name] - staying) < 3 for name in ("MAML", "pre-trained"))

# %% [markdown]
# ## 6 The same answers, as bars
#
# One seed trains now, before your eyes: the specialist of section 1 once more from seed 0, a policy pre-trained on 20
# new goals in each of 120 updates, and MAML (chapters 05 and 08 build it), 60 iterations of 20 goals, with 20
# episodes before and 20 after the inner step. Pre-training and MAML collect the same number of episodes.
#
# Who has no step size of its own takes the best of five **after three steps**, measured on training goals.

# %%
maml = point_navigation.trained("MAML", seed=0)
maml_live, _, maml_batches = point_navigation.adapted("MAML", maml)
agreement = table.check_agreement("MAML", 0, maml_live, tolerance=3.0)
say(f"Largest difference from the table's row: {agreement:.1e} in return.")

# %%
pretrained = point_navigation.trained("pre-trained", seed=0)
pretrained_live = point_navigation.adapted("pre-trained", pretrained).returns  # first chooses the step size
_ = table.check_agreement("pre-trained", 0, pretrained_live, tolerance=3.0)

central = point_navigation.trained("specialist", seed=0)
specialist_live = point_navigation.adapted("specialist", central).returns
_ = table.check_agreement("specialist", 0, specialist_live, tolerance=5.0)
say(
    "| live, seed 0 | before | 1 step | 2 steps | 3 steps |\n|---|---|---|---|---|\n"
    + "\n".join(
        f"| {name} | " + " | ".join(f"{value:.1f}" for value in curve.mean(0)) + " |"
        for name, curve in (("MAML", maml_live), ("pre-trained", pretrained_live), ("specialist", specialist_live))
    )
)

# %% [markdown]
# The live rows agree with the table's. Now five seeds on the same 40 held-out goals.
#
# **Predict:** order the bars "specialist fine-tuned", "multi-task fine-tuned", "MAML adapted", "from scratch", first
# for 20 episodes on the new goal (one gradient step), then for 60 (three steps).

# %%
budgets = {20: 1, 60: 3}  # episodes on the new goal: gradient steps
oracle_table = np.repeat(oracle_returns.numpy()[None], 5, 0)  # the same in every seed
figure, panels = plotting.figure(1, 2, width=11.0, height=4.4, sharey=True)
bars = {}
for panel, (episodes, steps) in zip(panels, budgets.items(), strict=True):
    rows = [
        ("specialist, as it is", "specialist", table.scores("specialist")[:, :, 0]),
        ("specialist, fine-tuned", "specialist", table.scores("specialist")[:, :, steps]),
        ("multi-task, as it is", "pre-trained", table.scores("pre-trained")[:, :, 0]),
        ("multi-task, fine-tuned", "pre-trained", table.scores("pre-trained")[:, :, steps]),
        ("MAML, as it is", "MAML", table.scores("MAML")[:, :, 0]),
        ("MAML, adapted", "MAML", table.scores("MAML")[:, :, steps]),
        ("random initialisation, adapted", "random initialisation", table.scores("random initialisation")[:, :, steps]),
        ("from scratch (tuned Adam)", "from scratch", scratch_returns[:, :, steps]),
        ("oracle", "oracle", oracle_table),
    ]
    intervals = [bootstrap_interval(scores) for _, _, scores in rows]
    bars[steps] = {row[0]: interval for row, interval in zip(rows, intervals, strict=True)}
    plotting.plot_intervals(panel, [row[0] for row in rows], intervals, [row[1] for row in rows])
    plural = "s" if steps > 1 else ""
    panel.set(
        xlabel="return on held-out goals (IQM); 0 is best", title=f"{episodes} episodes, {steps} gradient step{plural}"
    )
panels[0].invert_yaxis()  # the shared axis was turned over twice
plotting.show(
    figure,
    "Two panels of horizontal bars: returns on held-out goals with intervals over five seeds, after one gradient "
    "step (left) and three (right). After one step MAML stands at about −9, the fine-tuned multi-task policy and "
    "specialist at about −24, from scratch and random initialisation beyond −50. After three steps MAML, multi-task "
    "and specialist all lie between −4.5 and −6.5, from scratch at about −31, random initialisation at about −53.",
)
one, three = bars[1], bars[3]
assert one["MAML, adapted"].low > one["multi-task, fine-tuned"].high
assert abs(three["MAML, adapted"].point - three["multi-task, fine-tuned"].point) < 2
assert one["from scratch (tuned Adam)"].point < -50

# %% [markdown]
# Read it slowly; two conclusions suggest themselves, and one of them is wrong.
#
# *After one step*, MAML is far ahead, and the fine-tuned policies seem to have learned little. *After three steps*
# the lead is gone: fine-tuning a multi-task policy is as good, and even a specialist of a single goal comes close.
# Whoever can afford 60 episodes per task did not need meta-training here.
#
# But look at how the baselines got their step size: **the best after three steps**. That is a cautious rate, which
# one step has no use for. The left panel compares a method tuned for one step with baselines tuned for another
# budget. So we tune them for the budget at hand: first step size chosen on training goals by the return after *one*
# step, half of it afterwards, as MAML does it too.
#
# **Predict:** how much of MAML's lead after one step is left?

# %%
comparison = {"MAML": table.scores("MAML")}
comparison |= {name: fair.scores(name)[..., 0] for name in ("pre-trained", "specialist")}
figure, axes = plotting.figure(width=7.6, height=4.2)
for name, scores in comparison.items():
    plotting.plot_curve(axes, range(4), summarise_curves(scores, resamples=500), f"{name}, tuned for one step", name)
for name in ("pre-trained", "specialist"):
    curve = interquartile_mean(table.scores(name).reshape(-1, 4), axis=0)
    color, marker = plotting.METHOD_STYLE[name]
    axes.plot(range(4), curve, ":", marker=marker, color=color, alpha=0.7, label=f"{name}, tuned for three")
axes.axhline(float(oracle_returns.mean()), color=plotting.METHOD_STYLE["oracle"][0], linestyle="--", label="oracle")
axes.set(xlabel="gradient steps (20 episodes each)", ylabel="return on held-out goals (IQM)", xticks=range(4))
axes.legend(fontsize=10, loc="lower right")
plotting.show(
    figure,
    "Return against gradient steps for MAML, the pre-trained policy and the specialist, with step sizes tuned for "
    "one step (solid, with bands) and for three (dotted). Tuned for one step, the pre-trained policy reaches about "
    "−11 after one step, MAML about −9, the specialist about −18; after two and three steps MAML and the pre-trained "
    "policy coincide.",
)
lead = {k: paired_difference(comparison["MAML"][:, :, k], comparison["pre-trained"][:, :, k]) for k in (1, 2, 3)}
unfair = paired_difference(comparison["MAML"][:, :, 1], table.scores("pre-trained")[:, :, 1])
say(
    "Return of MAML minus that of the pre-trained policy, paired by goal, mean with 95 % interval over seeds: "
    f"after one step **{lead[1]}** (it was {unfair} before the baseline was tuned for one step), "
    f"after two {lead[2]}, after three {lead[3]}."
)
assert lead[1].low > 0 and lead[1].point < unfair.point / 3 and lead[3].low < 1

# %% [markdown]
# Most of the lead was the baseline's step size. What is left after one step is small, though its interval excludes
# zero; after two steps there is no evidence of a difference. The toy of section 5 said to expect something like this:
# where tasks are alike in curvature, the multi-task optimum and the meta-optimum fall together. That fits the result;
# it does not prove the cause.
#
# What the figure does **not** show:
#
# - *Other families.* $p(\mathcal{T})$ is narrow here: one body, one reward, a symmetric square, a gradient that
#   always points to the goal. In the sinusoids of chapter 05 the multi-task optimum is a nearly flat line from which
#   fine-tuning gets little further, and with the sparse rewards of chapter 11 gradients have nothing to follow.
# - *Longer meta-training.* Sixty iterations fit this chapter. Chapter 08 trains at the published setting, with its
#   results.
# - *What came before.* The bars count the new goal's episodes only. That is the next section.
#
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
# count it in a column of its own (at most 100 steps an episode). MAML's $\alpha$ came from the paper: somebody else
# paid for that search.
#
# **Predict:** after how many new goals has MAML's training paid back? And the specialist's, which trained on a single
# goal?

# %%
maml_steps = torch.stack([batch.lengths.sum(1) for batch in maml_batches], 1).double().mean(0)  # per task and step
fair_settings = fair.settings
# Episodes before and after one step for every candidate; a whole training for every learning rate.
one_step_search = len(fair_settings["rates"]) * settings["test_tasks"] * 2 * 20 * family.horizon
scratch_search = len(fair_settings["scratch_rates"]) * fair_settings["search_tasks"] * 60 * 20 * family.horizon


def from_fair(name, training, search):
    scores = fair.scores(name).reshape(-1, *fair.scores(name).shape[2:])  # [seed × task, update, 2]
    return Learner(interquartile_mean(scores[..., 0], axis=0), scores[..., 1].mean(0), training, search)


learners = {
    "MAML": Learner(
        interquartile_mean(table.scores("MAML").reshape(-1, 4), axis=0),
        np.concatenate([[0.0], maml_steps.cumsum(0)[:-1]]),
        maml.history["env_steps"][-1],
    ),
    "pre-trained": from_fair("pre-trained", pretrained.history["env_steps"][-1], one_step_search),
    "specialist": from_fair("specialist", alone.history["env_steps"][-1], one_step_search),
    "from scratch": from_fair("from scratch", 0, scratch_search),
}


def break_even(before, per_task_scratch, per_task_adapted):
    """Equation (01.15) as a whole number of tasks; infinite if it never pays back."""
    saved = per_task_scratch - per_task_adapted
    return math.ceil(before / saved) if saved > 0 else math.inf


n_scratch = learners["from scratch"].cost(level, 1)[2]
pays = {}
lines = [
    "| | steps before | search | updates to −10 | steps per new task | pays back after | with both searches on "
    "the bill |"
]
lines.append("|---|---|---|---|---|---|---|")
for name, learner in learners.items():
    training, search, per_task = learner.cost(level, 1)
    pays[name] = break_even(training, n_scratch, per_task)
    with_search = break_even(max(training + search - learners["from scratch"].search, 1), n_scratch, per_task)
    ends = [f"{n:,} task{'s' if n > 1 else ''}" for n in (pays[name], with_search)]
    if name == "from scratch":
        ends = ["–", "–"]
    cells = (f"{training:,.0f}", f"{search:,.0f}", f"{learner.updates_to(level)}", f"{per_task:,.0f}", *ends)
    lines.append(f"| {name} | " + " | ".join(cells) + " |")
say("\n".join(lines))
untuned_pays = break_even(learners["MAML"].training, float(untuned_cost), learners["MAML"].cost(level, 1)[2])
extra = learners["MAML"].training - learners["specialist"].training
catches_up = break_even(extra, learners["specialist"].cost(level, 1)[2], learners["MAML"].cost(level, 1)[2])
say(
    f"Held against the *untuned* training from scratch, MAML would seem to pay back after {untuned_pays:,} "
    "tasks already. "
    f"And it overtakes the fine-tuned specialist, search left out, only after {catches_up:,} tasks."
)
assert pays["specialist"] < 50 and 100 < pays["MAML"] < 1000 and untuned_pays < pays["MAML"] / 2
assert learners["from scratch"].search > 0.7 * learners["MAML"].training
assert catches_up > 1000 and learners["MAML"].cost(level, 1)[2] < n_scratch / 8

# %% [markdown]
# The steps of the search are an upper bound, 100 for each episode; all others were counted.
#
# MAML adapts with the fewest steps per new task, about a tenth of what training from scratch needs. Its investment is
# large, though, and it takes hundreds of tasks to earn it back. The specialist is the surprise: a poor start that
# cost almost nothing, and that two steps bring to the level. The last column puts both searches on the bill: our
# generous search for the learning rate from scratch cost nearly as much as meta-training itself, so everyone who is
# spared it looks better at once. And the sentence under the table shows how a careless baseline moves the break-even.
#
# So no single number is "the" sample efficiency of a method. What counts is how many tasks are to come, and what a
# step costs when. If training happens in a simulator and adaptation on a machine in the field, a large $M$ hardly
# matters and $n_2$ does. For a machine that learns everything in the field, both do.
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
# adaptation or 60 updates from scratch. Search counted, the bill of training from scratch begins with 3.6 million
# steps: whoever tunes carefully on ten goals needs many new ones to make that worth while. The specialist's curve is
# a mean over five specialists; section 9 shows how far they are apart.
#
# ## 8 Confusions, set right
#
# All four were found in articles about meta-RL.
#
# | claim | what is right |
# |---|---|
# | "Ordinary RL assumes that all tasks come from one distribution, meta-RL that the distribution changes." | Ordinary RL has *one MDP*. Meta-RL assumes *one fixed* $p(\mathcal{T})$, in training and at test time. Outside of it nothing is promised (chapter 15). |
# | "The objective of meta-RL is $\max_\theta \mathbb{E}_{\mathcal{T}} \mathbb{E}_{\pi_\theta} \sum_t r_t$." | That is multi-task RL: no $U_{\mathcal{T}}$ in it, the left half of (01.11). |
# | "MAML is a model-based method." | The M stands for model-*agnostic*: any model that is trained by gradients. No environment model is learned or used. Chapter 12 is about those that do. |
# | "Adapt as $\theta' = \theta + \alpha \nabla\, \mathbb{E}_{\mathcal{T}} J_{\mathcal{T}}(\theta)$." | The inner step is taken per task: $\theta'_{\mathcal{T}} = \theta + \alpha \nabla J_{\mathcal{T}}(\theta)$. With the expectation inside, it is a multi-task training step. |
#
# ## 9 What goes wrong in practice
#
# **One seed.** Had we trained the specialist from seed 0 only, the bars of section 6 would have said: a specialist is
# as good as a policy trained on all goals, even before it adapts. Below is its map beside that of section 1 (seed 4).
#
# **Predict:** where does the goal of seed 0 lie?

# %%
figure, (left, middle, right) = plotting.figure(1, 3, width=11.5, height=3.9)
_, central_returns = goal_map(policy, central.parameters)
draw_goal_map(
    figure, left, central_returns, central.goal, f"Seed 0: mean {float(central_returns.mean()):.0f}".replace("-", "−")
)
image = draw_goal_map(figure, middle, returns, own_goal, f"Seed 4: mean {float(returns.mean()):.0f}".replace("-", "−"))
figure.colorbar(image, ax=middle, label="mean return")
names = ("specialist", "pre-trained", "MAML")
for place, name in enumerate(names):
    color, marker = plotting.METHOD_STYLE[name]
    means = table.scores(name)[:, :, 0].mean(1)
    right.plot([place] * 5, means, marker, color=color, alpha=0.7, markersize=9)
    for seed in (0, 4) if name == "specialist" else ():
        right.annotate(f"seed {seed}", (place, means[seed]), (10, -4), textcoords="offset points", fontsize=10)
right.set_xticks(range(3), names)
right.set(ylabel="mean return on held-out goals", xlim=(-0.4, 2.6), title="Before adaptation, five seeds")
plotting.show(
    figure,
    "Left and middle: return maps of two specialists. Seed 0 was trained on a goal near the centre, seed 4 on one in "
    "a corner. Right: mean returns of five seeds before adaptation: specialists scatter from −38 to −69, pre-trained "
    "and meta-trained policies all lie close to −37.",
)
means = table.scores("specialist")[:, :, 0].mean(1)
say(
    f"Specialists before adaptation: {', '.join(f'{value:.1f}' for value in means)} for seeds 0 to 4. Seed 0 is "
    "the best of "
    f"five; its goal lies {float(torch.linalg.vector_norm(central.goal['goal'])):.2f} from the centre."
)
assert means.argmax() == 0 and np.ptp(means) > 20

# %% [markdown]
# Seed 0 happened to draw a goal next to the centre, and staying there is what the best policy without adaptation does
# (section 5). A mean of five seeds with an interval shows that; a single seed shows luck. Nothing in seed 0's own
# numbers gives it away.
#
# **Evaluating on the goals of training.** The specialist of section 1 has a fine learning curve. On which goals was
# it measured?

# %%
late = float(np.mean(alone.history["return"][-10:]))
everywhere = float(table.scores("specialist")[4, :, 0].mean())
say(
    f"Specialist of seed 4: **{late:.1f}** on the goal it was trained on (last ten updates), **{everywhere:.1f}** on "
    "held-out goals. Both numbers are its 'mean return'."
)
assert late - everywhere > 30

# %% [markdown]
# In meta-RL the same mistake is harder to see: a meta-learner is trained on many goals, its curve on training goals
# looks like adaptation, and with few training tasks it is memory instead (chapter 15 produces that on purpose).
#
# **A mean that hides half of the goals.** The mean in the title of the middle map stands for goals that differ by
# more than 100 units of return, a spot that works and a plain that does not. A user of that agent meets one goal, not
# the mean of all. Look at the distribution over tasks before you report its mean.
#
# **A baseline left untuned.** You have seen it twice: an untuned learning rate from scratch would have more than
# halved MAML's break-even (section 7), and the step size of fine-tuning made up most of MAML's lead (section 6). Both
# errors flatter the proposed method, which is why they survive. Tune everything for the budget at which it is
# compared, on training tasks, and say what that cost.
#
# ## 10 A short history
#
# | year | work | what it added |
# |---|---|---|
# | 1987 | Schmidhuber, diploma thesis | programs that improve the way they improve themselves |
# | 1991 | Bengio, Bengio and Cloutier | a synaptic learning rule with parameters, tuned over tasks |
# | 1998 | Thrun and Pratt (eds.), *Learning to Learn* | the name, and a definition: performance on a task improves with experience *and with the number of tasks* |
# | 2001 | Hochreiter, Younger and Conwell | an LSTM trained by gradient descent becomes a learning algorithm |
# | 2016 | Duan et al., RL²; Wang et al. | the same for RL: memory across episodes |
# | 2017 | Finn, Abbeel and Levine, MAML | learn an initialisation; Li et al., Meta-SGD: the step sizes too |
# | 2018 | Mishra et al., SNAIL; Nichol, Achiam and Schulman, Reptile | attention instead of recurrence; a first-order method without a query set |
# | 2018 | Xu, van Hasselt and Silver, meta-gradient RL; Houthooft et al., evolved policy gradients | meta-learning over many updates: discounts, losses |
# | 2019 | Rothfuss et al., ProMP; Rakelly et al., PEARL; Nagabandi et al. | the right meta-policy gradient; off-policy with inferred context; adaptive models |
# | 2020 | Zintgraf et al., VariBAD; Oh et al., LPG | beliefs over tasks; a discovered update rule |
# | 2022 | Laskin et al., algorithm distillation | a transformer imitates a whole learning history in context |
# | 2023 | Adaptive Agent Team; Beck et al., survey | adaptation in a vast space of 3-D tasks; the map that the next figure follows |
#
# ## 11 A map of the field
#
# Two questions place a method. *How long may adaptation take?* **Few-shot**: a handful of episodes on each new task.
# **Many-shot**: thousands of updates, where not the start but the learning rule itself is meta-learned. *What carries
# the adaptation?* A gradient step; the state of a recurrent network; an inferred context; a learned model of the
# environment.

# %%
figure, axes = plotting.figure(width=10.5, height=4.8)
rows = ["gradient steps", "recurrent memory", "inferred context", "learned model"]
columns = ["few-shot: a handful of episodes", "many-shot: thousands of updates"]
built, elsewhere = plotting.BLUE, plotting.GREY
entries = [  # column, row, x offset, text, built in this course?
    (0, 0, -0.25, "MAML · 05, 08\nProMP, E-MAML · 09", True),
    (0, 0, 0.25, "Reptile, Meta-SGD\n06, in a DQN: 10", True),
    (0, 1, -0.25, "RL² · 11", True),
    (0, 1, 0.25, "SNAIL", False),
    (0, 2, 0.0, "task-conditioned policy, PEARL, VariBAD · 11", True),
    (0, 3, 0.0, "GrBAL: adaptive dynamics + MPC · 12", True),
    (1, 0, -0.25, "meta-gradients on\nhyper-parameters", False),
    (1, 0, 0.25, "evolved losses,\nLPG", False),
    (1, 1, 0.0, "algorithm distillation\n(a transformer's context)", False),
]
for column, row, offset, text, here in entries:
    box = {
        "boxstyle": "round,pad=0.45",
        "facecolor": built if here else "white",
        "edgecolor": built if here else elsewhere,
    }
    color = "white" if here else elsewhere
    axes.text(column + 0.5 + offset, row + 0.5, text, ha="center", va="center", fontsize=11, color=color, bbox=box)
axes.set(xlim=(0, 2), ylim=(4, 0), ylabel="what carries the adaptation")
axes.set_xticks([0.5, 1.5], columns)
axes.set_yticks(np.arange(4) + 0.5, rows)
axes.tick_params(length=0)
axes.yaxis.labelpad = 12
axes.grid(visible=False)
axes.axvline(1, color="black", linewidth=0.8)
for line in (1, 2, 3):
    axes.axhline(line, color="black", linewidth=0.3)
plotting.show(
    figure,
    "A grid. Columns: few-shot and many-shot. Rows: gradient steps, recurrent memory, inferred context, learned "
    "model. Built in this course, all few-shot: MAML (05, 08), ProMP and E-MAML (09), Reptile and Meta-SGD (06, 10), "
    "RL² (11), task-conditioned policies, PEARL and VariBAD (11), adaptive dynamics with MPC (12). Named only: "
    "SNAIL, and many-shot meta-gradients, evolved losses, LPG, algorithm distillation.",
)

# %% [markdown]
# Filled boxes are built in the chapter whose number they carry; outlined ones are only named. Two boundaries are
# soft. Memory and context overlap: an inferred context is a memory with a meaning given to it. And "few-shot" with
# gradients becomes "many-shot" with more steps; what changes is that one cannot differentiate through thousands of
# them cheaply. "Optimisation-based" is another word for the first row, not a family of its own.
#
# **The tools, as of November 2026.** Recommendations age; half of those that one finds do not run any more.
#
# | tool | state |
# |---|---|
# | OpenAI Gym | superseded by Gymnasium (`step` returns five values, `reset` two) |
# | garage | last release 2021, last commit 2023 |
# | learn2learn | last release 0.2.1 in June 2023; its wheels fail on Python 3.11 |
# | Ray RLlib | its MAML and MBMPO were deprecated in 2.8 (2023) and moved out; not in current Ray |
# | OpenAI Baselines, Spinning Up | archived or frozen on old versions; still good reading |
# | Meta-World | alive (3.x, Gymnasium interface); chapter 13 tells of traps in its splits and rewards |
# | PyTorch, TensorFlow | neither ships MAML or Reptile; `torch.func` is the part that matters here |
#
# ## 12 Check yourself
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
# **2.** In the toy, all tasks have the same curvature. With which step size does MAML beat multi-task training
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
# ## Exercises
#
# [exercises/01_why_learn_to_learn.ipynb](../exercises/01_why_learn_to_learn.ipynb): the return with a mask, the
# meta-optimum of the toy, an evaluation with two silent bugs, the break-even, and the plan of a fair comparison.
# About an hour.
#
# ## Further reading
#
# - R. S. Sutton and A. G. Barto, *Reinforcement Learning: An Introduction*, 2nd edition, 2018. Chapters 3 and 13 for
#   sections 2 and 3.
# - R. J. Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*,
#   Machine Learning, 1992.
# - J. Schmidhuber, *Evolutionary principles in self-referential learning*, diploma thesis, Technische Universität
#   München, 1987.
# - Y. Bengio, S. Bengio and J. Cloutier, *Learning a synaptic learning rule*, IJCNN, 1991.
# - S. Thrun and L. Pratt (eds.), *Learning to Learn*, Kluwer, 1998.
# - S. Hochreiter, A. S. Younger and P. R. Conwell, *Learning to learn using gradient descent*, ICANN, 2001.
# - Y. Duan et al., *RL²: Fast reinforcement learning via slow reinforcement learning*, 2016, arXiv:1611.02779.
# - J. X. Wang et al., *Learning to reinforcement learn*, 2016, arXiv:1611.05763.
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - Z. Li et al., *Meta-SGD: Learning to learn quickly for few-shot learning*, 2017, arXiv:1707.09835.
# - N. Mishra et al., *A simple neural attentive meta-learner*, 2018, arXiv:1707.03141.
# - A. Nichol, J. Achiam and J. Schulman, *On first-order meta-learning algorithms*, 2018, arXiv:1803.02999.
# - Z. Xu, H. van Hasselt and D. Silver, *Meta-gradient reinforcement learning*, 2018, arXiv:1805.09801.
# - R. Houthooft et al., *Evolved policy gradients*, 2018, arXiv:1802.04821.
# - J. Rothfuss et al., *ProMP: Proximal meta-policy search*, 2019, arXiv:1810.06784.
# - K. Rakelly et al., *Efficient off-policy meta-reinforcement learning via probabilistic context variables*, 2019,
#   arXiv:1903.08254.
# - A. Nagabandi et al., *Learning to adapt in dynamic, real-world environments through meta-reinforcement learning*,
#   2019, arXiv:1803.11347.
# - L. Zintgraf et al., *VariBAD: A very good method for Bayes-adaptive deep RL via meta-learning*, 2020,
#   arXiv:1910.08348.
# - J. Oh et al., *Discovering reinforcement learning algorithms*, 2020, arXiv:2007.08794.
# - R. Agarwal et al., *Deep reinforcement learning at the edge of the statistical precipice*, 2021, arXiv:2108.13264.
# - M. Laskin et al., *In-context reinforcement learning with algorithm distillation*, 2022, arXiv:2210.14215.
# - Adaptive Agent Team, *Human-timescale adaptation in an open-ended task space*, 2023, arXiv:2301.07608.
# - J. Beck et al., *A survey of meta-reinforcement learning*, 2023, arXiv:2301.08028.
