# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 Policy-gradient agents
#
# **How can one follow the gradient of a return that cannot be differentiated, and how far?**
#
# You will be able to
#
# - prove the policy-gradient theorem, and check it against the enumeration of every trajectory
# - measure what reward-to-go, baselines and GAE do to the variance of the gradient, and what λ costs in bias
# - say why a step in θ is not a step in π, and what the surrogate and PPO's clip do about it
# - write PPO, loop included, in forty lines, name each hyper-parameter and its source, and read its diagnostics
# - read an ablation: what PPO's clip is for, and what made no difference
# - recognise mistakes that give no error message
#
# Before you start: chapter 02, [Tasks and their distributions](02_tasks.ipynb); chapter 03, [Value-based agents](03_value_based_agents.ipynb).
#
# Reading: about 88 minutes. Running: at most 100 seconds and 1100 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/04_policy_gradient_agents_exercises.ipynb): about 130 minutes. Project: [An agent for a new environment](../exercises/04p_new_environment.ipynb), about 3 hours.

# %% tags=["hide-input"]
import dataclasses
import functools
import itertools
import math

import gymnasium
import numpy as np
import torch
from scipy import stats
from torch.distributions import Normal, kl_divergence
from torch.func import grad, jacrev
from tqdm.auto import tqdm

from metarl_core.agents import PPOConfig, Setting, UniformPolicy, VectorSampler, evaluate, gae, train_ppo
from metarl_core.claims import claim
from metarl_core.evaluation import bootstrap_interval, mean
from metarl_core.exact import small_mdp
from metarl_core.figures import ch04 as figures
from metarl_core.figures.words import table
from metarl_core.parameters import select_parameters, stack_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import CartPole, Pendulum, TaskVectorEnv, rollout
from metarl_core.tasks.controllers import CartPoleController, PendulumController, cartpole_gains
from metarl_core.widgets import policy_gradient_explorer

begin()
# Two committed tables, written by the scripts of the same name in experiments/: five seeds a method on both
# environments, and twenty seeds of PPO and its variants on CartPole. A third one belongs to appendix 04b.
stored = load_table("policy_gradients")
cartpole_ablations = load_table("cartpole_ablations")
details = load_table("ppo_details")
SEEDS, EPISODES, TEST_SEED = (stored.settings[name] for name in ("seeds", "test_tasks", "test_seed"))


def setting(name):
    """Environment, networks and PPO's settings as they stand in the table."""
    entry = stored.settings[name]
    return Setting(**{**entry, "hidden": tuple(entry["hidden"]), "config": PPOConfig(**entry["config"])})


CARTPOLE, PENDULUM = setting("cartpole_ppo"), setting("pendulum_ppo")
cartpole, pendulum = CartPole(), Pendulum()  # equal to Gymnasium's environments, as batches (appendix 02a)


def keeping(agent, every):
    """A training callback that keeps the policies after every so many updates, and the list it keeps them in."""
    kept = []

    def callback(iteration, parameters, trajectories):
        if iteration % every == 0:
            kept.append(agent.policy_part(parameters))

    return kept, callback


# %% [markdown]
# ## 1 Five agents learn to swing
#
# A pendulum hangs from a motor that is too weak to lift it. It has to be swung up and then held. The action is a
# *number*, the torque between −2 and 2 newton metres, twenty times a second for ten seconds. The reward of a step is
# minus the squared angle from upright, with a little for speed and torque: about $-10$ at the bottom, close to 0 at
# the top. A good episode earns about $-150$, nearly all of it on the way up.
#
# The next code cell trains five agents, with five seeds, side by side in one batch, by the method that section 5
# builds. Read on while the bar runs.
#
# **Predict, then run.** (a) Chapter 03 chose the action by $\arg\max_a Q(s, a)$. Over which set would that maximum run
# here? (b) A random policy earns about $-1200$. After how many minutes of simulated time do the returns of the first
# agent pass $-300$: five, fifty, five hundred?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
pendulum_agent, pendulum_start, _ = PENDULUM.prepare(SEEDS)
pendulums = TaskVectorEnv(pendulum, PENDULUM.num_envs * len(SEEDS))  # 16 for each agent
pendulum_sampler = VectorSampler(pendulums, PENDULUM.num_steps, len(SEEDS))
updates = PENDULUM.config.iterations
pendulum_kept, callback = keeping(pendulum_agent, updates // 10)
_, pendulum_history = train_ppo(
    pendulum_agent, pendulum_start, pendulum_sampler, PENDULUM.config, seeded(0),
    description="PPO, five pendulums", callback=callback,
)  # fmt: skip
pendulum_kept.insert(0, pendulum_agent.policy_part(pendulum_start))  # eleven stages of the training


# %% tags=["hide-input"]
def swing(policy, parameters, steps=130):
    """Angles [policy, step] of several policies that all start hanging down, each with its mean action."""
    number = len(next(iter(parameters.values())))
    physics = {name: value.expand(number, 1) for name, value in pendulum.default_params.items()}
    state, angles = torch.tensor([math.pi - 0.05, 0.0]).expand(number, 1, 2), []
    for _ in range(steps):
        action = policy.greedy_action(parameters, pendulum.observation(state, None, physics))
        state = pendulum.transition(state, action, None, physics)
        angles.append(state[:, 0, 0])
    return torch.stack(angles, 1).numpy()


shown = stack_parameters([select_parameters(pendulum_kept[stage], 0) for stage in (0, 2, 10)])
angles = swing(pendulum_agent.policy, shown)
figures.swings(angles, [0, updates // 5, updates])
training_returns = np.array(pendulum_history["return"])  # [update, seed]
first = int((training_returns > -300).any(1).argmax())
simulated = pendulum_history["env_steps"][first] / len(SEEDS) * 0.05 / 60
claim(
    f"The pendulum on the right ends {abs(math.degrees(math.remainder(angles[2, -1], 2 * math.pi))):.1f}° from upright.",
    abs(math.remainder(angles[2, -1], 2 * math.pi)) < 0.5,
)
claim(
    f"(b) The training returns of the first agent pass −300 after {first + 1} updates, **{simulated:.0f} minutes** of "
    f"simulated time. All five end above −300.",
    training_returns[-1].min() > -300,
)

# %% [markdown]
# (a) The set is the interval $[-2, 2]$, infinitely many torques, and $\arg\max_a Q(s, a)$ would be an optimisation
# problem of its own at every step. No such maximum was taken. This agent *is* a distribution over torques, a normal
# distribution whose mean a network gives, and it was improved by following the gradient of its expected return. That
# return comes out of a simulator which is not differentiated. Chapter 01 gave a short way around this, the
# likelihood-ratio trick (01.4). This chapter proves the exact theorem, compares estimators of the gradient by bias and
# variance, and then asks how far one may go along it.
#
# ## 2 The policy-gradient theorem
#
# Notation as before: states $s$, actions $a$, transition probabilities $P(s' \mid s, a)$, expected reward $r(s, a)$,
# first state from $\rho_0$, discount $\gamma$, policy $\pi_\theta(a \mid s)$; $\nabla$ is the gradient with respect to
# $\theta$. A state in which the episode has ended is absorbing and pays nothing. Let
#
# $$\begin{gathered}
# Q^\pi(s, a) = r(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V^\pi(s'), \\
# V^\pi(s) = \sum_a \pi_\theta(a \mid s)\, Q^\pi(s, a), \qquad J(\theta) = \sum_s \rho_0(s)\, V^\pi(s),
# \end{gathered} \tag{04.1}$$
#
# and let the **advantage** be $A^\pi(s, a) = Q^\pi(s, a) - V^\pi(s)$: what is gained by taking $a$ once and following
# $\pi$ afterwards. By (04.1) its mean over the policy's actions is zero. The **discounted state visitation** counts how
# often a state is met, later visits counting less:
#
# $$d^\pi(s) = \sum_{t=0}^{\infty} \gamma^t \Pr(s_t = s \mid \pi). \tag{04.2}$$
#
# **Theorem** (Sutton, McAllester, Singh and Mansour 2000).
#
# $$\nabla J(\theta) = \sum_s d^\pi(s) \sum_a \nabla \pi_\theta(a \mid s)\, Q^\pi(s, a)
# = \mathbb{E}_\pi\Big[\sum_{t} \gamma^t\, \nabla \log \pi_\theta(a_t \mid s_t)\, Q^\pi(s_t, a_t)\Big]. \tag{04.3}$$
#
# **Proof.** Differentiate $V^\pi$ in (04.1) by the product rule. The reward and $P$ do not depend on $\theta$, so
# $\nabla Q^\pi(s, a) = \gamma \sum_{s'} P(s' \mid s, a) \nabla V^\pi(s')$, and with
# $p_\pi(s' \mid s) = \sum_a \pi_\theta(a \mid s) P(s' \mid s, a)$
#
# $$\nabla V^\pi(s) = \underbrace{\sum_a \nabla \pi_\theta(a \mid s)\, Q^\pi(s, a)}_{\phi(s)}
# + \gamma \sum_{s'} p_\pi(s' \mid s)\, \nabla V^\pi(s'). \tag{04.4}$$
#
# This is a Bellman equation whose "reward" is $\phi(s)$ and whose "value" is the gradient of the value. Put it into
# itself $n$ times; with $p^{(k)}_\pi(x \mid s)$ the probability of being in $x$ after $k$ steps from $s$,
#
# $$\nabla V^\pi(s) = \sum_{k=0}^{n-1} \gamma^k \sum_x p^{(k)}_\pi(x \mid s)\, \phi(x)
# + \gamma^n \sum_x p^{(n)}_\pi(x \mid s)\, \nabla V^\pi(x). \tag{04.5}$$
#
# The last term vanishes as $n \to \infty$: if $\gamma < 1$ because $\gamma^n \to 0$ and $\nabla V^\pi$ is bounded,
# and if episodes end by a horizon $H$ because from $n = H$ on only absorbing states are left, whose value is 0
# whatever $\theta$ is (there $s$ contains the time). Now average over $\rho_0$:
# $\sum_s \rho_0(s) \sum_k \gamma^k p^{(k)}_\pi(x \mid s) = d^\pi(x)$, which gives the first form of (04.3). For the
# second, write $\nabla \pi_\theta = \pi_\theta \nabla \log \pi_\theta$ and read the sums over $d^\pi$ and $\pi_\theta$
# as an expectation over trajectories. $\square$
#
# A change of $\theta$ changes which states are visited, and yet $\nabla d^\pi$ does not occur: the effect of an action
# on later states is inside $Q^\pi$. Equation (01.7) of chapter 01 has the sampled return $R_t$ where (04.3) has
# $Q^\pi(s_t, a_t) = \mathbb{E}[R_t \mid s_t, a_t]$, so both have the same mean. For continuous actions replace
# $\sum_a$ by $\int da$.
#
# ### The theorem against exact enumeration
#
# Three states, two actions, four steps: $3^4 \cdot 2^4 = 1296$ trajectories, few enough to list them all with their
# probabilities and to compute each expectation *exactly*, in float64, without a sample. The folded cell lists them.

# %% tags=["hide-input"]
transitions, rewards, logits = small_mdp()  # [S, A, S], [S, A], [S, A]; random numbers from a fixed seed
S, A, H, gamma = 3, 2, 4, 0.9
clock = torch.arange(H)
discounts = gamma ** clock.double()

state_paths = torch.tensor(list(itertools.product(range(S), repeat=H)))
action_paths = torch.tensor(list(itertools.product(range(A), repeat=H)))
states = state_paths.repeat_interleave(len(action_paths), 0)  # [1296, H]
actions = action_paths.repeat(len(state_paths), 1)  # [1296, H]
reward = rewards[states, actions]


def probability(logits, transitions=transitions):
    """Probability of each of the 1296 trajectories, (01.1), from a uniform first state."""
    moves = transitions[states[:, :-1], actions[:, :-1], states[:, 1:]]
    return logits.softmax(-1)[states, actions].prod(1) * moves.prod(1) / S


def values(logits, transitions=transitions, rewards=rewards):
    """V_t(s) [H + 1, S] and Q_t(s, a) [H, S, A] by (04.1); t counts from the start, and V_H = 0."""
    value, all_values, all_q = torch.zeros(S, dtype=torch.float64), [], []
    all_values.append(value)
    for _ in range(H):
        q = rewards + gamma * transitions @ value
        value = (logits.softmax(-1) * q).sum(-1)
        all_values.append(value)
        all_q.append(q)
    return torch.stack(all_values[::-1]), torch.stack(all_q[::-1])


def scores(logits):
    """∇ log π(a_t | s_t) of a softmax, [1296, H, 6]: one at the taken action's logit, minus π, in the row of s_t."""
    taken = torch.eye(S * A, dtype=torch.float64)[states * A + actions]
    expected = torch.eye(S, dtype=torch.float64)[states][..., None] * logits.softmax(-1)
    return taken - expected.flatten(2)


p, score = probability(logits), scores(logits)
V, Q = values(logits)


# %%
def J(logits):
    return (probability(logits) * (reward @ discounts)).sum()


exact = grad(J)(logits).flatten()  # automatic differentiation of the sum over trajectories
likelihood_ratio = torch.einsum("n,nk,n->k", p, score.sum(1), reward @ discounts)  # (01.4)

slope_of_pi = jacrev(lambda l: l.softmax(-1))(logits).flatten(2)  # ∇π(a | s), [S, A, 6]
visits, theorem = torch.full((S,), 1 / S, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
for t in range(H):  # the first form of (04.3); d counts visits by time and state
    theorem += discounts[t] * torch.einsum("s,sak,sa->k", visits, slope_of_pi, Q[t])
    visits = visits @ torch.einsum("sa,sax->sx", logits.softmax(-1), transitions)

# %% tags=["hide-input"]
nudges = 1e-5 * torch.eye(6, dtype=torch.float64).reshape(6, S, A)
differences = torch.stack([(J(logits + nudge) - J(logits - nudge)) / 2e-5 for nudge in nudges])
gaps = [float((other - exact).abs().max()) for other in (theorem, likelihood_ratio, differences)]
names = ("policy-gradient theorem, (04.3)", "likelihood ratio, (01.4)", "central differences of $J$")
table(
    ("computed by", "largest difference from automatic differentiation of $J$"),
    [(name, f"{gap:.0e}") for name, gap in zip(names, gaps, strict=True)],
)
claim(
    f"Four ways give one gradient, of length {float(exact.norm()):.2f}. The difference in the last row is the error of "
    "finite differences.",
    gaps[0] < 1e-12 and gaps[1] < 1e-12 and gaps[2] < 1e-8,
)

# %% [markdown]
# ## 3 One gradient, many estimators
#
# In practice the gradient is estimated from samples. An episode gives one estimate of the form
#
# $$\hat g = \sum_{t=0}^{H-1} \gamma^t\, \nabla \log \pi_\theta(a_t \mid s_t)\, \Psi_t, \tag{04.6}$$
#
# and methods differ in $\Psi_t$. An estimator is judged by its bias $\mathbb{E}[\hat g] - \nabla J$, and by its
# variance, the trace of the covariance. The mean of $m$ episodes has $1/m$ of it, so half the variance is worth twice
# the episodes.
#
# | | $\Psi_t$ | what it no longer contains |
# |---|---|---|
# | whole return | $\gamma^{-t} R_0$ | |
# | reward-to-go | $R_t$, (01.7) | rewards from before the action |
# | constant baseline | $R_t - b$, (01.8) | what is earned on average |
# | state-value baseline | $R_t - V^\pi(s_t)$ | the luck of being in a good state |
# | GAE, $0 \le \lambda \le 1$ | (04.12) | part of the luck of later steps |
# | true advantage | $A^\pi(s_t, a_t)$ | all luck except that of $s_t$ and $a_t$ |
#
# **The best constant.** Write (04.6) with a constant baseline as $\hat g = G - bZ$, where $G$ is (04.6) with
# $\Psi_t = R_t$ and $Z$ is (04.6) with $\Psi_t = 1$. By (01.6) $\mathbb{E}[Z] = 0$, so the mean does not depend on
# $b$, and minimising the variance is minimising
#
# $$\mathbb{E}\lVert G - bZ \rVert^2 = \mathbb{E}\lVert G \rVert^2 - 2b\, \mathbb{E}[G^\top Z] + b^2\, \mathbb{E}\lVert Z \rVert^2
# \quad\Longrightarrow\quad b^* = \frac{\mathbb{E}[G^\top Z]}{\mathbb{E}\lVert Z \rVert^2}. \tag{04.7}$$
#
# This is a mean of the returns weighted by squared scores. The usual choice, the unweighted mean return, is simpler and
# in general not the best. Likewise $V^\pi(s)$ is a good state-dependent baseline and not the optimal one; its advantage
# is that it can be *learned* by regression from returns.
#
# **GAE.** Let $V$ be any function of states, say a learned one, and
#
# $$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t), \qquad V(s_{t+1}) := 0 \text{ if the episode terminates at step } t. \tag{04.8}$$
#
# Use $V$ after $n$ steps, and you have the **n-step advantage**. All values in between cancel in pairs:
#
# $$A^{(n)}_t = \sum_{k=0}^{n-1} \gamma^k r_{t+k} + \gamma^n V(s_{t+n}) - V(s_t) = \sum_{k=0}^{n-1} \gamma^k \delta_{t+k}. \tag{04.9}$$
#
# With $n = 1$ it contains the luck of one step and the full error of $V$; with $n$ up to the end of the episode, $V$ is
# only a baseline, and the luck of all steps is in it. **Generalised advantage estimation** (Schulman et al. 2016) is
# the exponentially weighted mean of all of them. In the double sum $\delta_{t+k}$ occurs for all $n > k$, and
# $(1 - \lambda) \sum_{n > k} \lambda^{n-1} = \lambda^k$:
#
# $$\begin{align}
# \hat A^{\lambda}_t &= (1 - \lambda) \sum_{n=1}^{\infty} \lambda^{n-1} A^{(n)}_t
# = (1 - \lambda) \sum_{n=1}^{\infty} \lambda^{n-1} \sum_{k=0}^{n-1} \gamma^k \delta_{t+k} \tag{04.10} \\
# &= \sum_{k=0}^{\infty} (\gamma\lambda)^k\, \delta_{t+k}, \tag{04.11}
# \end{align}$$
#
# and so, with $\text{last}_t = 1$ at the last step of an episode, one pass from the end computes all:
#
# $$\hat A^{\lambda}_t = \delta_t + \gamma\lambda\, (1 - \text{last}_t)\, \hat A^{\lambda}_{t+1}. \tag{04.12}$$
#
# $\lambda = 0$ gives $\delta_t$, and $\lambda = 1$ gives $R_t - V(s_t)$, where an episode cut by a time limit still
# adds $\gamma^{n} V$ of the state in which it was cut. If $V = V^\pi$, then
# $\mathbb{E}[\delta_t \mid s_t, a_t] = A^\pi(s_t, a_t)$, and *no* $\lambda$ biases the gradient. If $V$ is wrong,
# $\lambda < 1$ in general does. An error that is the same at all times and states is an exception where episodes do not
# end: it shifts every $\delta_t$ by the same constant, which acts as a baseline.
#
# **Predict, then run.** The next figure shows exact variances on the three states. By what factor do you expect
# (a) reward-to-go, (b) the best constant, (c) $V^\pi$ on top of it to lower the variance? (d) Does a larger $\lambda$
# raise or lower it?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
to_go = torch.stack([(reward[:, t:] * discounts[: H - t]).sum(1) for t in range(H)], 1)  # R_t, (01.2)
V_here, V_next = V[clock, states], torch.cat([V[clock[1:], states[:, 1:]], torch.zeros(len(p), 1)], 1)
delta = reward + gamma * V_next - V_here  # (04.8)


def lambda_sum(delta, discount, gae_lambda):
    """(04.11) for episodes that all end at the last column."""
    weights = (discount * gae_lambda) ** torch.arange(delta.shape[1], dtype=torch.float64)
    return torch.stack([(delta[:, t:] * weights[: delta.shape[1] - t]).sum(1) for t in range(delta.shape[1])], 1)


def estimate(psi, score=score):
    """(04.6) for each trajectory, [trajectory, 6]."""
    return torch.einsum("t,ntk,nt->nk", discounts, score, psi)


G, Z = estimate(to_go), estimate(torch.ones_like(to_go))
best = float((p @ (G * Z).sum(1)) / (p @ Z.square().sum(1)))  # (04.7)

# %%
psi = {
    "whole return": to_go[:, :1] / discounts,
    "reward-to-go": to_go,
    "best constant": to_go - best,
    "V as baseline": to_go - V_here,
    "GAE, λ = 0.8": lambda_sum(delta, gamma, 0.8),
    "GAE, λ = 0": delta,
    "true advantage": Q[clock, states, actions] - V_here,
}
drawn = torch.multinomial(p, 10_000, replacement=True, generator=seeded(0))  # 40 samples of 250 episodes
exactly, biases, measured = {}, {}, {}
for name, each in psi.items():
    of_each = estimate(each)
    centre = p @ of_each
    exactly[name] = float(p @ (of_each - centre).square().sum(1))
    biases[name] = float((centre - exact).norm())
    sampled = of_each[drawn].reshape(40, 250, 6).var(1).sum(-1)
    measured[name] = bootstrap_interval(sampled.numpy()[:, None], mean)
figures.small_mdp_variances(exactly, measured)


# %% tags=["hide-input"]
def variances_of(seed):
    """Exact variances of five estimators on another random MDP with another random policy."""
    transitions, rewards, logits = small_mdp(seed)
    p, score, reward = probability(logits, transitions), scores(logits), rewards[states, actions]
    to_go = torch.stack([(reward[:, t:] * discounts[: H - t]).sum(1) for t in range(H)], 1)
    V, Q = values(logits, transitions, rewards)
    G, Z = estimate(to_go, score), estimate(torch.ones_like(to_go), score)
    best = (p @ (G * Z).sum(1)) / (p @ Z.square().sum(1))
    baselined, advantage = to_go - V[clock, states], Q[clock, states, actions] - V[clock, states]
    options = (to_go[:, :1] / discounts, to_go, to_go - best, baselined, advantage)
    return [float(p @ (e - p @ e).square().sum(1)) for e in (estimate(option, score) for option in options)]


several = np.array([variances_of(seed) for seed in range(100, 200)])
lower = (several[:, 1:] < several[:, :-1]).mean(0)
in_order = list(exactly.values())
claim(
    f"All seven are unbiased here, since $V$ is exact. (a) Reward-to-go divides the variance by "
    f"{in_order[0] / in_order[1]:.1f}, (b) the best constant by another {in_order[1] / in_order[2]:.1f}, (c) $V^\\pi$ in "
    f"its place by {in_order[2] / in_order[3]:.2f}. (d) A larger $\\lambda$ raises it: from {exactly['GAE, λ = 0']:.1f} "
    f"at 0 to {exactly['V as baseline']:.1f} at 1.",
    max(biases.values()) < 1e-12 and in_order[:6] == sorted(in_order[:6], reverse=True),
)
claim(
    f"The order is no law. In a hundred other random MDPs of this size, reward-to-go has lower variance than the whole return "
    f"in {lower[0]:.0%}, the best constant than none in {lower[1]:.0%} (as it must be, by its definition), $V^\\pi$ than "
    f"the best constant in {lower[2]:.0%}, and the true advantage than $V^\\pi$ as baseline in {lower[3]:.0%}.",
    lower[1] == 1.0 and lower[[0, 2, 3]].min() > 0.8,
)

# %% [markdown]
# ### What an error of $V$ costs
#
# A learned $V$ is wrong. Take the exact one plus a fixed error of up to ±1 for each state, and compute bias and variance
# for all $\lambda$, again by enumeration. A mean of $m$ episodes has the expected squared error
# $\text{bias}^2 + \text{variance} / m$.

# %%
wrong = torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)  # error of V in each state
wrong_next = torch.cat([wrong[states[:, 1:]], torch.zeros(len(p), 1)], 1)  # after the last step the value is 0, known
noisy_delta = delta + gamma * wrong_next - wrong[states]
traces, price = np.linspace(0, 1, 21), []
for gae_lambda in traces:
    of_each = estimate(lambda_sum(noisy_delta, gamma, gae_lambda))
    centre = p @ of_each
    price.append([float((centre - exact).norm()), float(p @ (of_each - centre).square().sum(1))])
price = np.array(price)
error_of = {m: np.sqrt(price[:, 0] ** 2 + price[:, 1] / m) for m in (10, 100, 1000)}
figures.error_of_lambda(traces, price, error_of)

# %% tags=["hide-input"]
best_trace = {m: float(traces[error.argmin()]) for m, error in error_of.items()}
claim(
    "The best λ grows with the batch: "
    + ", ".join(f"**{gae_lambda:.2f}** for {m} episodes" for m, gae_lambda in best_trace.items())
    + ". More episodes average the noise away and leave the bias.",
    price[-1, 0] < 1e-12 and best_trace[10] < best_trace[100] < best_trace[1000],
)

# %% [markdown]
# It also depends on the error of $V$. The explorer shows both. Left: a batch of ratios under the clip of section 5.
# Middle: the weights of (04.10) and (04.11). Right: bias, standard deviation and error of the mean gradient of 100
# episodes on the three states, computed exactly at each move; a star marks the best $\lambda$. Here the target is the
# gradient of the *undiscounted* return, so $\gamma < 1$ adds bias, too. Set the error of $V$ to 0 and $\gamma$ to 1: the
# star stands at $\lambda = 0$. Raise the error to 2: it moves to the right.

# %%
policy_gradient_explorer()


# %% [markdown]
# ### Build it: GAE with ends
#
# Real data come in segments in which episodes end and begin. A *terminated* step has no future value, and at *any* end
# the sum stops.

# %%
def my_gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    """(04.8) and (04.12) for segments [..., time]; final_values [...] is V after the last step."""
    following = torch.cat([values[..., 1:], final_values[..., None]], -1)  # V(s_{t+1}), of the true next observation
    delta = rewards + discount * following * ~terminated - values  # no future after termination; truncation keeps it
    goes_on = ~(terminated | truncated)
    result, carry = [], torch.zeros_like(final_values)
    for t in reversed(range(rewards.shape[-1])):
        carry = delta[..., t] + discount * gae_lambda * goes_on[..., t] * carry  # the sum stops at either end
        result.append(carry)
    return torch.stack(result[::-1], -1)


# %% tags=["hide-input"]
g = seeded(1)
segments = [torch.randn(5, 30, generator=g), torch.randn(5, 30, generator=g), torch.randn(5, generator=g)]
flags = torch.rand(5, 30, generator=g)
segments += [flags < 0.1, flags > 0.9]
claim(
    "On random segments with both kinds of end it equals `metarl_core.agents.gae`.",
    torch.allclose(my_gae(*segments, 0.97, 0.9), gae(*segments, 0.97, 0.9), atol=1e-5),
)

# %% [markdown]
# ## 4 Actor-critic, and how far one step may go
#
# A critic $V_w$ learns from the actor's experience, and the actor learns from the critic's advantages. With $\bar A_t$
# the GAE advantage as a *number*, that is without gradient, and the target $\bar R_t = \bar A_t + V_w(s_t)$, also a
# number (the **λ-return**), the loss of **A2C** (the synchronous form of Mnih et al. 2016) over the $B$ steps of a batch is
#
# $$L(\theta, w) = \frac{1}{B} \sum_{i=1}^{B} \Big[ -\log \pi_\theta(a_i \mid s_i)\, \bar A_i
# + c_V \big(V_w(s_i) - \bar R_i\big)^2 - c_H\, \mathcal{H}\big(\pi_\theta(\cdot \mid s_i)\big) \Big]. \tag{04.13}$$
#
# The weight $c_V$ says how much the critic's squared error counts. Actor and critic have separate networks here, so the
# first term moves $\theta$ only and the second $w$ only. The entropy $\mathcal{H}$ with a small weight $c_H$ works against
# a policy that becomes deterministic early. One batch gives one step; then new data are collected. (The factor
# $\gamma^t$ of (04.3) is left out, as in most code; see chapter 01.)
#
# How long may that step be? The step size is a length in *parameters*, but the next batch is collected by the *policy*.
# Move the mean of $\mathcal{N}(\mu, \sigma^2)$ by 0.5: the KL divergence between before and after is
# $0.5^2 / (2 \sigma^2)$, which is 0.125 for $\sigma = 1$ and 12.5 for $\sigma = 0.1$. The same step in $\theta$ is
# harmless for a broad policy and replaces a narrow one by another. To second order the divergence between neighbouring
# policies is given by the **Fisher matrix** $F$,
#
# $$D_{\mathrm{KL}}(\pi_\theta \,\Vert\, \pi_{\theta + u}) = \tfrac{1}{2}\, u^\top F u + O(\lVert u \rVert^3), \qquad
# F = \mathbb{E}\big[\nabla \log \pi_\theta(a \mid s)\, \nabla \log \pi_\theta(a \mid s)^\top\big]. \tag{04.14}$$
#
# Among all steps with the same small divergence, the one that raises $J$ most to first order is the **natural
# gradient** step (Amari 1998; Kakade 2001). With $g = \nabla J(\theta)$,
#
# $$\begin{align}
# &\max_u\; g^\top u \quad \text{subject to} \quad \tfrac{1}{2} u^\top F u \le \varepsilon \tag{04.15} \\
# &\Longrightarrow\quad u^* = \sqrt{\frac{2\varepsilon}{g^\top F^{-1} g}}\; F^{-1} g. \tag{04.16}
# \end{align}$$
#
# Appendix [04a](04a_natural_gradient.ipynb) proves both and holds (04.17), (04.20) and (04.21).
#
# **The surrogate.** A gradient is local. For a step of finite size there is an exact comparison, the
# **performance-difference lemma** (Kakade and Langford 2002), and an approximation of it that can be estimated from old
# data, the **surrogate**:
#
# $$\begin{align}
# J(\pi') - J(\pi) &= \mathbb{E}_{\pi'}\Big[\sum_t \gamma^t A^\pi(s_t, a_t)\Big] = \sum_s d^{\pi'}(s) \sum_a \pi'(a \mid s)\, A^\pi(s, a), \tag{04.18} \\
# L_\pi(\pi') - J(\pi) &= \sum_s d^{\pi}(s) \sum_a \pi'(a \mid s)\, A^\pi(s, a)
# = \mathbb{E}_{\pi}\Big[\sum_t \gamma^t\, \frac{\pi'(a_t \mid s_t)}{\pi(a_t \mid s_t)}\, A^\pi(s_t, a_t)\Big]. \tag{04.19}
# \end{align}$$
#
# *Proof of (04.18).* By (04.1) $A^\pi(s_t, a_t) = \mathbb{E}[r_t + \gamma V^\pi(s_{t+1}) - V^\pi(s_t) \mid s_t, a_t]$.
# Sum this along trajectories of $\pi'$ with weights $\gamma^t$. The values cancel in pairs, as in (04.9), and what is
# left is $\mathbb{E}_{\pi'}[\sum_t \gamma^t r_t] - \mathbb{E}[V^\pi(s_0)] = J(\pi') - J(\pi)$, since the first state
# comes from $\rho_0$ under either policy. $\square$
#
# The lemma needs $d^{\pi'}$, which is known only after $\pi'$ has been tried; the surrogate puts $d^\pi$ in its place.
# It equals $J$ at $\pi' = \pi$, by (04.3) it has the same gradient there, and away from $\pi$ it may be wrong. So one
# raises it and keeps $\pi'$ near $\pi$. **TRPO** (Schulman et al. 2015) does it by a constraint: maximise the surrogate
# subject to a mean KL of at most $\delta_{\mathrm{KL}}$, with the step (04.16) and a line search. Appendix 04a builds it.
#
# ## 5 PPO: a trust region by clipping
#
# Proximal policy optimisation (Schulman et al. 2017) pursues the same aim with nothing but Adam. With the ratio
# $\rho(\theta) = \pi_\theta(a \mid s) / \pi_{\text{old}}(a \mid s)$ it maximises
#
# $$L^{\text{clip}}(\theta) = \mathbb{E}\Big[\min\big(\rho\, A,\; \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon)\, A\big)\Big] \tag{04.22}$$
#
# over several epochs of minibatches of the same data. At $\rho = 1$, where the first minibatch starts, its gradient
# is the policy gradient: $\nabla \rho = \rho\, \nabla \log \pi_\theta$.
#
# **Predict, then run.** For $A > 0$ and for $A < 0$, sketch the objective of one sample against $\rho$. On which side
# of $[1 - \epsilon, 1 + \epsilon]$ is it flat? What would the clipped term alone, without the minimum, do on the *other*
# side?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
figures.clipped_objective(epsilon=0.2)


# %% [markdown]
# The objective (blue) is flat above $1.2$ for $A > 0$ and below $0.8$ for $A < 0$: where the policy has *already* gone
# far in the direction that the sample asks for. There the sample has no gradient. On the other side the minimum keeps
# the slope: if other samples have pushed a good action's probability down, this sample still pulls it back. The
# clipped term alone (dotted) is flat there too. The minimum never exceeds $\rho A$, so (04.22) is a pessimistic
# estimate. It is no constraint: it removes an incentive, and one large step may leave the interval by any amount.
#
# ### The whole algorithm
#
# > **Algorithm: PPO.** Given a policy $\pi_\theta$, a critic $V_w$ and $N$ parallel environments.
# >
# > Repeat `iterations` times:
# >
# > 1. Collect $T$ steps of each environment with $\pi_\theta$; store $\log \pi_{\text{old}}(a_t \mid s_t)$ as numbers.
# > 2. Compute $\bar A$ by GAE (04.12) with the present critic, and the targets $\bar R = \bar A + V_w$.
# > 3. For each of `epochs` passes, split the $N T$ steps at random into `minibatches` parts. For each part, standardise
# >    $\bar A$; take one Adam step on $-L^{\text{clip}} + c_V\, (V_w - \bar R)^2 - c_H\, \mathcal{H}$, gradient norm clipped.
# > 4. Lower the learning rate linearly, to 0 at the end.
#
# | hyper-parameter | CartPole | Pendulum | paper, MuJoCo | source |
# |---|---|---|---|---|
# | environments $N$ × steps $T$ | 8 × 64 | 16 × 200 | 1 × 2048 | Schulman et al. 2017, table 3; here chosen for short runs |
# | iterations | 100 | 60 | 488 | the budget of steps: 51,200; 192,000; 1 million |
# | learning rate, Adam | $10^{-3}$ | $10^{-3}$ | $3 \cdot 10^{-4}$ | table 3; here tuned |
# | Adam's ε | $10^{-5}$ | $10^{-5}$ | $10^{-5}$ | released code; Huang et al. 2022, detail 3 |
# | annealed to 0 | yes | yes | released code: yes | Huang et al. 2022, detail 4 |
# | epochs | 10 | 10 | 10 | table 3 |
# | minibatches | 4 | 16 | 32 | table 3 (64 steps each) |
# | clip $\epsilon$ | 0.2 | 0.2 | 0.2 | section 6.1 of the paper |
# | discount $\gamma$ | 0.99 | 0.9 | 0.99 | table 3; 0.9 for Pendulum chosen here |
# | GAE $\lambda$ | 0.95 | 0.95 | 0.95 | table 3 |
# | value weight $c_V$ | 0.5 | 0.5 | 0.25 | released code, which writes 0.5 times *half* the squared error |
# | entropy weight $c_H$ | 0 | 0 | 0 | section 6.1 |
# | largest gradient norm | 0.5 | 0.5 | 0.5 | released code; Huang et al. 2022, detail 11 |
# | hidden layers, tanh | 64, 64 | 64, 64 | 64, 64 | section 6.1 |
#
# Why $\gamma = 0.9$ for Pendulum? With it an agent looks ahead $1 / (1 - \gamma) = 10$ steps, half a second. It was chosen
# because agents with 0.99 did not learn within the budget. Appendix [04b](04b_implementation_details.ipynb) asks for the reason, with half of this
# budget and the learning rate tuned for each: the mean return over the training is −526 with 0.9, −1212 with 0.99, and
# −528 with 0.99 and rewards divided by a running standard deviation of returns. So it was not the horizon but the size of
# the critic's targets, which are ten times larger with 0.99.
#
# With `my_gae` of section 3, here is all of PPO, loop included, for one agent (the entropy term is left out, since its
# weight is 0).

# %%
def clipped_loss(agent, parameters, observation, action, old_log_pi, advantage, target, mask, config):
    """−(04.22) and the critic's part of (04.13), on one minibatch."""
    advantage = (advantage - advantage[mask].mean()) / advantage[mask].std(correction=0)
    log_pi = agent.policy.log_probability(agent.policy_part(parameters), observation, action)
    ratio = (log_pi - old_log_pi).exp()  # old_log_pi: from the time when the action was drawn, a constant
    clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
    actor = -torch.minimum(ratio * advantage, clipped * advantage)
    critic = (agent.value(parameters, observation) - target).square()
    return (actor + config.value_coef * critic)[mask].mean()


# %%
def my_ppo(agent, parameters, sampler, config, generator):
    """Train one agent, its parameters in place; the mean return of the last episodes after each iteration."""
    adam, returns = torch.optim.Adam(parameters.values(), lr=config.lr, eps=1e-5), []
    for iteration in tqdm(range(config.iterations), desc="PPO from scratch"):
        adam.param_groups[0]["lr"] = config.lr * (1 - iteration / config.iterations)
        policy = {name: value[None] for name, value in agent.policy_part(parameters).items()}
        runs = sampler(agent.policy, policy, generator)  # [1, env, time, ...]
        ends = runs.terminated[0], runs.truncated[0]
        with torch.no_grad():  # advantages and targets are numbers
            value = agent.value(parameters, runs.observations[0])
            final = agent.value(parameters, runs.final_observations[0])
        advantage = my_gae(runs.rewards[0], value, final, *ends, config.discount, config.gae_lambda)
        log_pi, mask = runs.log_probabilities[0], runs.mask[0]
        batch = [runs.observations[0], runs.actions[0], log_pi, advantage, advantage + value, mask]
        batch = [part.flatten(0, 1) for part in batch]
        for _ in range(config.epochs):
            for index in torch.randperm(len(mask.flatten()), generator=generator).chunk(config.minibatches):
                adam.zero_grad()
                clipped_loss(agent, parameters, *[part[index] for part in batch], config).backward()
                torch.nn.utils.clip_grad_norm_(parameters.values(), config.max_grad_norm)
                adam.step()
        returns.append(float(sampler.recent_return()))
    return returns


# %% [markdown]
# The `mask` leaves out the steps that only reset an environment (next-step autoreset, chapter 02). We train one agent
# on CartPole for 40 iterations instead of 100, and compare three with the package's, which trains many agents at once.

# %%
agent, start, sampler = CARTPOLE.prepare([0])
mine = {name: value[0].clone().requires_grad_() for name, value in start.items()}
my_returns = my_ppo(agent, mine, sampler, dataclasses.replace(CARTPOLE.config, iterations=40), seeded(0))

# %% tags=["hide-input"]
three = dataclasses.replace(CARTPOLE.config, iterations=3)
agent, start, sampler = CARTPOLE.prepare([0])
by_me = {name: value[0].clone().requires_grad_() for name, value in start.items()}
my_ppo(agent, by_me, sampler, three, seeded(0))
by_package, _ = train_ppo(*CARTPOLE.prepare([0]), three, seeded(0), description=None)
moved = max(float((by_package[name] - start[name]).abs().max()) for name in start)
off = max(float((by_me[name] - by_package[name][0]).detach().abs().max()) for name in start)
claim(
    f"After three iterations a parameter has moved by up to {moved:.2f}, and ours differ from the package's by at most "
    f"{off:.0e}. Our agent's last 20 episodes after 40 iterations: {my_returns[-1]:.0f} of 500.",
    off < 0.02 * moved and my_returns[-1] > 150,
)


# %% [markdown]
# ## 6 What to watch, and the results
#
# From here on the package's version is used. It notes at each update what practitioners watch (Schulman 2020; Huang et
# al. 2022): the **approximate KL**, the mean of $\rho - 1 - \log \rho$, which is never negative; the **clip fraction**,
# the share of ratios outside $[1 - \epsilon, 1 + \epsilon]$; the **explained variance** of the critic,
# $1 - \operatorname{Var}[\bar R - V] / \operatorname{Var}[\bar R]$, 1 for a perfect one and 0 for a constant; the
# **entropy** of the policy. We train CartPole twice, five agents each: as in the table above, and with a hundred
# times its learning rate for 20 updates.

# %%
def train_cartpole(**changes):
    """Policy, its eleven stages, what was noted at each update, and how often the pole fell, of five agents."""
    config = dataclasses.replace(CARTPOLE.config, **changes)
    agent, start, sampler = CARTPOLE.prepare(SEEDS)
    kept, keep = keeping(agent, config.iterations // 10)
    falls = []

    def callback(iteration, parameters, trajectories):
        keep(iteration, parameters, trajectories)
        falls.append(trajectories.terminated.sum((1, 2)).tolist())  # [update, seed]

    _, history = train_ppo(agent, start, sampler, config, seeded(0), callback=callback)
    return agent.policy, [agent.policy_part(start), *kept], history, np.array(falls)


cartpole_policy, cartpole_kept, healthy, falls = train_cartpole()
_, _, too_fast, _ = train_cartpole(lr=100 * CARTPOLE.config.lr, iterations=20)
figures.diagnostics({"learning rate 0.001": healthy, "learning rate 0.1": too_fast})

# %% tags=["hide-input"]
watched = {
    name: [float(np.nanmedian(np.array(history[name])[:20])) for history in (healthy, too_fast)]
    for name in ("approx_kl", "clip_fraction", "explained_variance", "entropy")
}
last_returns = [float(np.median(np.array(history["return"])[19])) for history in (healthy, too_fast)]
claim(
    f"Over the first 20 updates, the median approximate KL is {watched['approx_kl'][0]:.3f} against "
    f"{watched['approx_kl'][1]:.2g}, the clip fraction {watched['clip_fraction'][0]:.0%} against "
    f"{watched['clip_fraction'][1]:.0%}, the entropy {watched['entropy'][0]:.2f} against {watched['entropy'][1]:.2f} "
    f"(two equally likely actions have 0.69), the explained variance "
    f"{watched['explained_variance'][0]:.2f} against {watched['explained_variance'][1]:.2f}. The "
    f"median training return after 20 is {last_returns[0]:.0f} against "
    f"{last_returns[1]:.0f}.",
    watched["approx_kl"][1] > 20 * watched["approx_kl"][0]
    and watched["entropy"][1] < 0.1
    and last_returns[1] < last_returns[0] - 50,
)
often = [float(np.median(falls[part])) for part in (slice(0, 20), slice(80, 100))]
solved_variance = float(np.nanmedian(np.array(healthy["explained_variance"])[80:]))
claim(
    f"In a batch of 512 steps the pole falls {often[0]:.0f} times in the median of the first 20 updates and {often[1]:.0f} "
    f"times in that of the last 20. The explained variance of the last 20 is {solved_variance:.2f}.",
    often[0] >= 2 and often[1] == 0 and abs(solved_variance) < 0.5,
)

# %% [markdown]
# A rule of thumb of practitioners: an approximate KL of about 0.01, a clip fraction of 5 to 20 %, and an entropy that
# falls slowly. In the
# second training KL and entropy show from the first updates that the steps are too long: the policy has become nearly
# deterministic before it has learned anything. The clip fraction shows it at the first update only. The explained
# variance does not; it is *higher* than in the training that succeeds. A high value says that the critic predicts the
# returns of the present policy well, and not that the policy is good. Nor is a low value always bad: once the pole no
# longer falls, all targets are nearly equal, there is nothing left to explain, and the value drops to about 0 in
# five agents that have solved the task. Appendix [04b](04b_implementation_details.ipynb) has four more trainings for you
# to diagnose.
#
# **Implementation details.** Public implementations of PPO differ in details that the paper does not mention
# (Engstrom et al. 2020; Andrychowicz et al. 2020; Huang et al. 2022 list 37). Appendix 04b builds them and switches each
# on or off, with equal tuning, half of this chapter's budget and smaller networks. The measure is the mean return over
# the training.

# %% tags=["hide-input"]
DETAILS = {
    "advantages standardised per minibatch": ("yes", "scale of the actor's loss", "advantages not standardised"),
    "gradient norm clipped": ("yes", "the largest steps", "gradient not clipped"),
    "learning rate annealed": ("yes", "the last steps", "learning rate not annealed"),
    "Adam's ε of 1e−5": ("yes", "steps with tiny gradients", "Adam's ε = 1e−8"),
    "small last layer of the policy": ("CartPole", "the first policy", "last layer of other size"),
    "orthogonal initialisation": ("no", "the first activations", "orthogonal initialisation"),
    "observations normalised": ("no", "inputs of different size", "observations normalised"),
    "rewards scaled": ("no", "size of the critic's targets", "rewards scaled"),
    "value clipping": ("no", "how far the critic moves on a batch", "value clipping"),
    "early stop at a KL of 0.015": ("no", "how far the policy moves on a batch", "early stop at KL 0.015"),
}


def change(environment, row):
    """What switching a detail changes in the mean return over the training, and Welch's p-value."""
    switched, usual = (details.scores(f"{environment}: {name}")[..., :-1].mean((1, 2)) for name in (row, "PPO"))
    return float(switched.mean() - usual.mean()), float(stats.ttest_ind(switched, usual, equal_var=False).pvalue)


changes = {(env, row): change(env, row) for env in ("CartPole", "Pendulum") for _, _, row in DETAILS.values()}


def in_words_of_change(environment, row):
    gap, p = changes[environment, row]
    return f"{gap:+.0f}".replace("-", "−") + (" *" if p < 0.05 else "")


table(
    ("detail", "here", "acts on", "switched, CartPole", "switched, Pendulum"),
    [
        (name, here, acts, in_words_of_change("CartPole", row), in_words_of_change("Pendulum", row))
        for name, (here, acts, row) in DETAILS.items()
    ],
)
starred = [pair for pair, (_, p) in changes.items() if p < 0.05]
CONSTANT, CLIPPING = ("Pendulum", "learning rate not annealed"), ("Pendulum", "value clipping")
last = {row: details.scores(f"Pendulum: {row}")[..., -2].mean(1) for row in ("PPO", CONSTANT[1], CLIPPING[1])}
both = change("Pendulum", "rewards scaled, value clipping")[0]
claim(
    f"A star marks p < 0.05 by Welch's t-test, five seeds a row. Of {len(changes)} comparisons two have it, where by chance "
    f"alone {0.05 * len(changes):.0f} would, both on Pendulum: a learning rate that is not annealed costs "
    f"**{-changes[CONSTANT][0]:.0f}** points there (p = {changes[CONSTANT][1]:.3f}), value clipping "
    f"**{-changes[CLIPPING][0]:.0f}** (p = {changes[CLIPPING][1]:.3f}), and {-both:.0f} where rewards are scaled as well. "
    f"At the end of the training the worst of PPO's five seeds earns −{-last['PPO'].min():.0f}, the best without annealing "
    f"−{-last[CONSTANT[1]].max():.0f} and the best with value clipping −{-last[CLIPPING[1]].max():.0f}.",
    starred == [CONSTANT, CLIPPING]
    and 2 * -both < -changes[CLIPPING][0]
    and last["PPO"].min() > max(last[CONSTANT[1]].max(), last[CLIPPING[1]].max()),
)


# %% [markdown]
# Two details make a difference that five seeds can show, and only on Pendulum. *Annealing* helps there: with it
# and without it the best of three learning rates on the tuning seeds was the largest, 0.01, and without it that rate
# stays to the end. *Value clipping* does harm: it lets $V$ move by 0.2 on a batch, and on Pendulum targets are tens of
# points away. Scaling the rewards takes most of the harm away, so a detail
# may be right in the code that it comes from and wrong in yours. For the other eight nothing is shown, neither that they
# help nor that they do not (04b has the intervals): these are two small environments, with four and three observations.
#
# ### The experiments
#
# **CartPole:** PPO, A2C, and REINFORCE with a linear baseline, 51,200 environment steps for each of five seeds.
# **Pendulum:** the same and TRPO, 192,000 steps. The PPO curves are those of the agents trained above; the other
# methods come from the committed table. Tuning was not equal. On CartPole PPO's setting was chosen among five by its success on
# twenty other seeds, those of A2C and REINFORCE among four each on these five; on Pendulum A2C was tried with three
# settings and REINFORCE with two. After every tenth of the training the *greedy* policy (the most probable or the mean
# action) is measured on 20 episodes.

# %%
def curve_of(family, policy, checkpoints):
    """Returns [seed, episode, checkpoint] of the greedy policies."""
    tasks = {name: value.repeat(len(SEEDS)) for name, value in family.default_params.items()}
    runs = [rollout(family, tasks, Greedy(policy), kept, EPISODES, seeded(TEST_SEED)) for kept in checkpoints]
    return torch.stack([each.returns for each in runs], -1).numpy()


curves = {
    "CartPole": {"PPO": curve_of(cartpole, cartpole_policy, cartpole_kept)},
    "Pendulum": {"PPO": curve_of(pendulum, pendulum_agent.policy, pendulum_kept)},
}
for environment, others in (("CartPole", ("A2C", "REINFORCE")), ("Pendulum", ("TRPO", "A2C", "REINFORCE"))):
    curves[environment] |= {name: stored.scores(f"{environment}: {name}")[..., :-1] for name in others}


# %% tags=["hide-input"]
def reference_lines(family, controller, parameters, solved):
    """Mean returns of the random policy and of a controller that is told the physics, and what counts as solved."""
    random_runs = rollout(family, family.default_params, UniformPolicy(family.action_space), {}, 200, seeded(0))
    steered = rollout(family, family.default_params, controller, parameters, 200, seeded(0))
    return float(random_runs.returns.mean()), float(steered.returns.mean()), solved


gains = {"gains": cartpole_gains(cartpole.default_params)}
lines = {
    "CartPole": reference_lines(cartpole, CartPoleController(), gains, 475.0),
    "Pendulum": reference_lines(pendulum, PendulumController(), pendulum.default_params, -250.0),
}
figures.learning_curves(curves, {"CartPole": 51_200, "Pendulum": 192_000}, lines)
rows, reached = [], {}
for environment, methods in curves.items():
    for name, curve in methods.items():
        of_seed = curve[..., -1].mean(1)
        reached[environment, name] = int((of_seed >= lines[environment][2]).sum())
        shown = ", ".join(f"{value:.0f}".replace("-", "−") for value in of_seed)
        rows.append((f"{environment}: {name}", shown, f"{reached[environment, name]} of 5"))
table(("method", "final return of each seed, mean of 20 episodes", "solved"), rows)
claim(
    "All three solve CartPole with every seed. On Pendulum PPO and TRPO do, A2C and REINFORCE do not with any.",
    all(
        number == (0 if key in (("Pendulum", "A2C"), ("Pendulum", "REINFORCE")) else 5)
        for key, number in reached.items()
    ),
)
finals = {env: curves[env]["PPO"][..., -1].mean(1) for env in curves}  # [seed]
in_table = {env: stored.scores(f"{env}: PPO")[..., -2].mean(1) for env in curves}
distance = float(np.abs(finals["CartPole"] - in_table["CartPole"]).max())
means = float(finals["Pendulum"].mean()), float(in_table["Pendulum"].mean())
with gymnasium.make("CartPole-v1") as env:
    outside = float(evaluate(env, cartpole_policy, select_parameters(cartpole_kept[-1], 0), 5, TEST_SEED).mean())
claim(
    f"PPO's seeds on CartPole are those of the table: the largest difference in final return is {distance:.1g}. On "
    f"Pendulum the agents above began in other states than those of the table: −{-means[0]:.0f} in the mean here, "
    f"−{-means[1]:.0f} there. The first CartPole agent earns {outside:.0f} where Gymnasium made the environment.",
    distance < 25 and abs(means[0] - means[1]) < 40 and outside > 450,
)
half = {name: float(curve[..., 5].mean()) for name, curve in curves["CartPole"].items()}
claim(
    f"After half of the steps on CartPole, REINFORCE stands at {half['REINFORCE']:.0f}, PPO at {half['PPO']:.0f} and A2C "
    f"at {half['A2C']:.0f}.",
    half["REINFORCE"] > half["PPO"] - 50 and half["A2C"] < half["PPO"] - 100,
)

# %% [markdown]
# On CartPole REINFORCE, the simplest of the three, is as fast as PPO, so CartPole cannot tell these methods apart in the
# way that their names suggest. Pendulum can. There PPO takes 160 gradient steps on each batch of 3,200, TRPO one large
# step whose size it controls, REINFORCE one small one, and A2C one on each 80 steps of experience. With this budget and
# that much tuning A2C and REINFORCE stay near the random policy; other settings or more experience may change that.
#
# ## 7 What each ingredient is worth
#
# One change at a time to PPO, everything else as before: the same number of steps, and the settings that were tuned for PPO
# unchanged. Twenty seeds on CartPole and five on Pendulum, from the committed tables.
#
# **Predict, then run.** For each change guess: no effect, worse, or broken. (a) No clip, (b) advantages not
# standardised, (c) one epoch instead of ten, (d) $\lambda = 0$, (e) $\lambda = 1$, (f) truncation treated as
# termination. Pendulum episodes are *always* truncated, CartPole's only once the agent is good. Where does (f) hurt more?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
VARIANTS = ("PPO", "no clip", "raw advantages", "one epoch", "λ = 0", "λ = 1", "truncation as termination")
ablations = {
    "CartPole": {name: cartpole_ablations.scores(name)[..., -1] for name in VARIANTS},
    "Pendulum": {name: stored.scores(f"Pendulum: {name}")[..., -1] for name in VARIANTS},
}
figures.ablations(ablations, {"CartPole": 475, "Pendulum": -250})

# %% tags=["hide-input"]
solved = {
    (environment, name): int((returns.mean(1) >= level).sum())
    for environment, level in (("CartPole", 475), ("Pendulum", -250))
    for name, returns in ablations[environment].items()
}
loss = float(ablations["Pendulum"]["PPO"].mean() - ablations["Pendulum"]["λ = 0"].mean())
claim(
    f"(a, c) Without the clip {solved['CartPole', 'no clip']} of 20 seeds solve CartPole and none Pendulum; with one "
    f"epoch {solved['CartPole', 'one epoch']} and none. Unchanged, PPO solves both with every seed.",
    solved["CartPole", "PPO"] == 20
    and solved["Pendulum", "PPO"] == 5
    and solved["Pendulum", "no clip"] == solved["Pendulum", "one epoch"] == 0
    and max(solved["CartPole", name] for name in ("no clip", "one epoch")) <= 16,
)
other = (solved["CartPole", "raw advantages"], 20 - solved["CartPole", "raw advantages"])
chance = float(stats.fisher_exact([[20, 0], other]).pvalue)
claim(
    f"(b) Raw advantages solve CartPole on {other[0]} of 20 seeds and Pendulum on all. If PPO succeeded no more "
    f"often, a difference on CartPole as large as this would come up with probability {chance:.2f} (Fisher's exact test).",
    chance > 0.05 and solved["Pendulum", "raw advantages"] == 5,
)
claim(
    f"(d) $\\lambda = 0$ solves CartPole on {solved['CartPole', 'λ = 0']} of 20 seeds; on Pendulum it loses no seed, and "
    f"{loss:.0f} points of the mean return. (e, f) $\\lambda = 1$ and truncation as termination lose no seed on either.",
    solved["CartPole", "λ = 0"] <= 16
    and solved["Pendulum", "λ = 0"] == 5
    and loss > 10
    and all(
        solved["CartPole", name] >= 19 and solved["Pendulum", name] == 5
        for name in ("λ = 1", "truncation as termination")
    ),
)


# %% [markdown]
# - **Epochs and clip.** Ten epochs with the clip succeed, one epoch fails on Pendulum, and ten epochs without the clip
#   fail there too. So the repeated use of a batch is needed within this budget and at this learning rate, and at ten
#   epochs so is the clip. With one epoch a larger learning rate might do better; it was not tried.
# - **λ.** On CartPole $\lambda = 0$ fails most seeds; on Pendulum it loses no seed within 192,000 steps. It is slower
#   there too: in appendix 04b, with half of the steps, it costs 545 points of the mean return over the training.
# - **Truncation.** Neither answer to "where does it hurt more" is right: no seed is lost on either. The wrong target
#   stands at one step in 200 or in 500, and GAE carries it back with weight $(\gamma\lambda)^k$, which is below 5 % after
#   20 steps on Pendulum and after 49 on CartPole. Chapter 02 has a problem in which the same mistake reverses the order
#   of states, so it remains a mistake.
# - **Seeds.** A method that succeeds four times in five shows 5 of 5 in one experiment out of three ($0.8^5 = 0.33$).
#   Twenty of twenty do not prove that PPO never fails here: with one failure in seven, that still happens in one
#   experiment out of twenty ($(6/7)^{20} = 0.05$).
#
# ## 8 What goes wrong in practice
#
# These mistakes give no error message.
#
# ### Advantages that carry a gradient
#
# Forget to detach, and $-\log \pi(a \mid s)\, (\bar R - V_w(s))$ has a derivative with respect to $w$ too:
# $+\log \pi(a \mid s)\, \nabla V_w(s)$. Setting the sum of both derivatives to zero, with a target that is right on
# average,
#
# $$\log \pi(a \mid s) + 2 c_V\, (V - \bar R) = 0 \quad\Longrightarrow\quad V = \mathbb{E}[\bar R] + \frac{\mathcal{H}(\pi)}{2 c_V}, \tag{04.23}$$
#
# since the mean of $-\log \pi$ is the entropy. With two equally likely actions and $c_V = 0.5$ the critic should be
# wrong by $\ln 2$.

# %%
def critic_of(detach):
    """A critic of one number, trained on noisy targets of mean 3, with the actor's loss beside its own."""
    g, v = seeded(10), torch.zeros(1, requires_grad=True)
    adam = torch.optim.Adam([v], lr=0.05)
    for _ in range(600):
        target = 3.0 + torch.randn(256, generator=g)
        log_pi = torch.full((256,), math.log(0.5))
        advantage = (target - v).detach() if detach else target - v
        adam.zero_grad()
        (-log_pi * advantage + 0.5 * (v - target).square()).mean().backward()
        adam.step()
    return v.item()


constant, carrying = critic_of(detach=True), critic_of(detach=False)

# %% tags=["hide-input"]
claim(
    f"The true value is 3. The critic says {constant:.2f} with constant advantages and **{carrying:.2f}** with the "
    f"gradient, {carrying - constant:.2f} more; $\\ln 2 = {math.log(2):.2f}$.",
    abs(carrying - constant - math.log(2)) < 0.05,
)


# %% [markdown]
# The error depends on the *actor's entropy*, so it differs between states and changes during training.
#
# ### Old log-probabilities that are not old
#
# PPO needs $\log \pi_{\text{old}}$ *from the time when the action was drawn*. Recompute it from the current parameters
# at each minibatch, and $\rho = 1$ always: the clip never acts, and the gradient is $\nabla \log \pi_\theta\, A$ without
# the weight $\rho$, an A2C step repeated on old data. This is a third thing, neither PPO nor PPO without a clip, whose
# gradient is $\rho\, \nabla \log \pi_\theta\, A$. We measure how far ten epochs on one batch move the policy with each,
# at a learning rate of $3 \cdot 10^{-3}$.

# %% tags=["hide-input"]
def kl_after_one_update(variant, seeds=range(5)):
    """Mean KL of ten epochs on one batch, [seed]: with "clip", with "no clip", or "recomputed" log-probabilities."""
    config = dataclasses.replace(CARTPOLE.config, clip=0.2 if variant == "clip" else 1e9)
    found = []
    for seed in seeds:
        agent, start, sampler = CARTPOLE.prepare([seed])
        runs = sampler(agent.policy, agent.policy_part(start), seeded(seed))
        before = select_parameters(start, 0)
        parameters = {name: value.clone().requires_grad_() for name, value in before.items()}
        value, final = agent.value(before, runs.observations[0]), agent.value(before, runs.final_observations[0])
        ends = runs.terminated[0], runs.truncated[0]
        advantage = my_gae(runs.rewards[0], value, final, *ends, config.discount, config.gae_lambda).detach()
        log_pi, mask = runs.log_probabilities[0], runs.mask[0]
        batch = [runs.observations[0], runs.actions[0], log_pi, advantage, (advantage + value).detach(), mask]
        batch = [part.flatten(0, 1) for part in batch]
        adam, g = torch.optim.Adam(parameters.values(), lr=3e-3), seeded(seed)
        for _ in range(config.epochs):
            for index in torch.randperm(len(batch[0]), generator=g).chunk(config.minibatches):
                part = [row[index] for row in batch]
                if variant == "recomputed":  # the mistake
                    now = {name: value.detach() for name, value in agent.policy_part(parameters).items()}
                    part[2] = agent.policy.log_probability(now, part[0], part[1])
                adam.zero_grad()
                clipped_loss(agent, parameters, *part, config).backward()
                adam.step()
        with torch.no_grad():
            old = agent.policy.distribution(agent.policy_part(before), batch[0])
            new = agent.policy.distribution(agent.policy_part(parameters), batch[0])
        found.append(float(kl_divergence(old, new)[batch[5]].mean()))
    return np.array(found)


moves = {variant: kl_after_one_update(variant) for variant in ("clip", "no clip", "recomputed")}
table(
    ("loss", "mean KL of one update, five seeds"),
    [(name, ", ".join(f"{v:.2f}" for v in each)) for name, each in moves.items()],
)
claim(
    f"The clip gives the shortest moves, {moves['clip'].mean():.2f} in the mean; without it they are "
    f"{moves['no clip'].mean():.2f}, with recomputed log-probabilities {moves['recomputed'].mean():.2f}.",
    moves["recomputed"].mean() > 1.3 * moves["clip"].mean() and moves["no clip"].mean() > moves["clip"].mean(),
)


# %% [markdown]
# A test for it takes one line: after the first minibatch the mean of $|\rho - 1|$ must not be 0. The clip fraction of
# section 6 shows it too.
#
# ### The mean over action dimensions
#
# A joint log-probability is the *sum* over action dimensions. With `log_prob(a).mean(-1)` and $d$ dimensions the policy
# gradient is $d$ times too small, and PPO's ratio becomes $\rho^{1/d}$, which stays inside $[0.8, 1.2]$ long after $\rho$
# has left it. Under Adam, whose steps do not depend on the gradient's scale, the policy may then move *farther*.

# %% tags=["hide-input"]
def toy_ppo(reduce, d=8, epochs=30, clip=0.2):
    """Clipped ascent on one batch with a normal policy in d dimensions: first gradient, and KL after all epochs."""
    g = seeded(9)
    action = torch.randn(2000, d, generator=g)
    advantage = -(action - 1).square().sum(-1)
    advantage = (advantage - advantage.mean()) / advantage.std()
    mu = torch.zeros(d, requires_grad=True)
    old = reduce(Normal(0.0, 1.0).log_prob(action))
    adam, lengths = torch.optim.Adam([mu], lr=0.02), []
    for _ in range(epochs):
        ratio = (reduce(Normal(mu, 1.0).log_prob(action)) - old).exp()
        objective = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
        adam.zero_grad()
        (-objective).backward()
        lengths.append(float(mu.grad.norm()))
        adam.step()
    return lengths[0], float(mu.detach().square().sum() / 2)  # KL of unit normals


(sum_gradient, sum_kl), (mean_gradient, mean_kl) = (
    toy_ppo(functools.partial(reduce, dim=-1)) for reduce in (torch.sum, torch.mean)
)
claim(
    f"In eight dimensions the first gradient has length {sum_gradient:.3f} with the sum and {mean_gradient:.3f} with the "
    f"mean. After 30 epochs on one batch the KL is {sum_kl:.2f} with the sum and **{mean_kl:.2f}** with the mean.",
    abs(sum_gradient / mean_gradient - 8) < 0.1 and mean_kl > 2 * sum_kl,
)

# %% [markdown]
# ## 9 Check yourself
#
# Decide before you open an answer.
#
# **1.** In (04.3), why is there no term with $\nabla d^\pi$? (A) It is small. (B) States do not depend on the policy.
# (C) The effect of an action on later states is contained in $Q^\pi$.
#
# <details><summary>Answer to 1</summary>
#
# **C.** Unrolling (04.4) collects exactly these effects. (A): nothing was neglected, the theorem is exact. (B): they
# do, and the surrogate (04.19), which holds $d^\pi$ fixed, is only an approximation away from $\pi$.
# </details>
#
# **2.** A baseline that depends on the state *and the action*, $b(s, a)$, is subtracted from $R_t$. (A) The gradient
# stays unbiased. (B) In general it is biased. (C) The variance always rises.
#
# <details><summary>Answer to 2</summary>
#
# **B.** (01.6) needs $b$ to be constant over the actions; $\sum_a \nabla \pi(a \mid s)\, b(s, a)$ is not 0 in
# general. (A) would be true after adding that sum back, which some methods do. (C): the variance may well fall, which
# makes the mistake tempting.
# </details>
#
# **3.** The critic is perfect, $V = V^\pi$. Which $\lambda$ would you take? (A) 1, to be unbiased. (B) A small one.
# (C) It does not matter.
#
# <details><summary>Answer to 3</summary>
#
# **B.** With the exact value nothing is biased, for any $\lambda$, and the variance was lowest at 0 in the figure.
# (A) accepts variance to avoid a bias that is not there. (C): the mean does not depend on $\lambda$, the variance does.
# </details>
#
# **4.** In a minibatch of PPO all ratios lie in $[0.9, 1.1]$, with $\epsilon = 0.2$. Which statement is right? (A)
# The update equals that of the unclipped surrogate. (B) The policy is guaranteed to stay in the trust region after
# the step. (C) The loss is zero.
#
# <details><summary>Answer to 4</summary>
#
# **A.** Inside the interval both terms of (04.22) are the same. (B): the clip takes the gradient away *after* a
# sample has left; one large step may leave it by any amount. (C): the gradient at $\rho = 1$ is the policy gradient.
# </details>
#
# **5.** A paper reports that its method beats PPO on CartPole, 5 of 5 seeds against 4 of 5. What do you conclude? (A)
# It is better. (B) Next to nothing. (C) PPO was badly tuned.
#
# <details><summary>Answer to 5</summary>
#
# **B.** If both succeed with probability 0.9, one comparison in five comes out exactly so, $0.9^5 \cdot 5 \cdot 0.9^4 \cdot 0.1 =
# 0.19$. (A) needs many more seeds. (C) may be so; the result does not say.
# </details>
#
# ## Further reading
#
# - R. J. Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*,
#   Machine Learning, 1992.
# - R. S. Sutton, D. McAllester, S. Singh and Y. Mansour, *Policy gradient methods for reinforcement learning with
#   function approximation*, NIPS 1999 (2000).
# - S. Kakade and J. Langford, *Approximately optimal approximate reinforcement learning*, ICML 2002.
# - E. Greensmith, P. Bartlett and J. Baxter, *Variance reduction techniques for gradient estimates in reinforcement
#   learning*, JMLR, 2004. The best baselines.
# - J. Schulman, P. Moritz, S. Levine, M. Jordan and P. Abbeel, *High-dimensional continuous control using generalized
#   advantage estimation*, 2016, arXiv:1506.02438.
# - V. Mnih et al., *Asynchronous methods for deep reinforcement learning*, 2016, arXiv:1602.01783.
# - J. Schulman, F. Wolski, P. Dhariwal, A. Radford and O. Klimov, *Proximal policy optimization algorithms*, 2017,
#   arXiv:1707.06347.
# - L. Engstrom et al., *Implementation matters in deep policy gradients: A case study on PPO and TRPO*, 2020,
#   arXiv:2005.12729.
# - M. Andrychowicz et al., *What matters in on-policy reinforcement learning? A large-scale empirical study*, 2020,
#   arXiv:2006.05990.
# - J. Schulman, *Approximating KL divergence*, 2020, joschu.net/blog/kl-approx.html.
# - S. Huang, R. F. J. Dossa, A. Raffin, A. Kanervisto and W. Wang, *The 37 implementation details of proximal policy
#   optimization*, ICLR blog track, 2022.
#
# [Exercises](../exercises/04_policy_gradient_agents_exercises.ipynb) · previous: [03 Value-based agents](03_value_based_agents.ipynb) · next: [05 MAML](05_maml.ipynb) · appendices: [04a The natural gradient and TRPO](04a_natural_gradient.ipynb), [04b Implementation details of PPO](04b_implementation_details.ipynb)
