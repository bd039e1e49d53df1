# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04a The natural gradient and TRPO
#
# **Which step raises the return most for a given change of the policy, and how long may it be?**
#
# *An appendix to chapter 04. No later chapter needs it.*
#
# You will be able to
#
# - prove that the KL divergence is to second order a quadratic form with the Fisher matrix
# - derive the natural gradient, and see that it does not depend on how the policy is written down
# - build TRPO from conjugate gradient and a line search
#
# Before you start: chapter 04, [Policy-gradient agents](04_policy_gradient_agents.ipynb).
#
# Reading: about 35 minutes. Running: at most 30 seconds and 1100 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import dataclasses
import math

import numpy as np
import torch
from torch.distributions import Categorical, Normal, kl_divergence
from torch.func import grad, hessian, jacrev
from tqdm.auto import tqdm

from metarl_core.agents import A2C, CARTPOLE_PPO, TRPO, A2CConfig, TRPOConfig, mean_kl, natural_gradient
from metarl_core.claims import claim
from metarl_core.exact import small_mdp
from metarl_core.figures import ch04a as figures
from metarl_core.parameters import select_parameters, trainable_copy
from metarl_core.randomness import seeded
from metarl_core.session import begin

begin()

# %% [markdown]
# Chapter 04 states without proof that the divergence between neighbouring policies is a quadratic form with the Fisher
# matrix, (04.14), and that the steepest step under it is the natural gradient, (04.16). This appendix proves both, and
# builds the method that uses them.
#
# ## The same step in parameters, two steps of the policy

# %%
pairs = [(Normal(0.0, sigma), Normal(0.5, sigma)) for sigma in (1.0, 0.1)]  # the mean moves by 0.5
figures.moved_normals(pairs)

# %% [markdown]
# For two normal distributions with the same $\sigma$ the divergence is $\Delta\mu^2 / (2\sigma^2)$, so that a tenth of the
# standard deviation gives a hundred times the divergence.
#
# ## The Fisher matrix
#
# Write $D(u) = D_{\mathrm{KL}}(\pi_\theta \,\Vert\, \pi_{\theta + u})
# = \mathbb{E}_{a \sim \pi_\theta}[\log \pi_\theta(a \mid s) - \log \pi_{\theta + u}(a \mid s)]$ at one state. $D(0) = 0$.
# The first derivative at 0 is $-\mathbb{E}[\nabla \log \pi_\theta] = -\nabla \sum_a \pi_\theta(a \mid s) = 0$, as in
# (01.6). The second is $-\mathbb{E}[\nabla^2 \log \pi_\theta]$. Differentiate $\nabla \log \pi = \nabla \pi / \pi$ once
# more: $\nabla^2 \log \pi = \nabla^2 \pi / \pi - \nabla \log \pi\, \nabla \log \pi^\top$. Multiply by $\pi$ and sum over
# $a$: the first part is $\nabla^2 \sum_a \pi = \nabla^2 1 = 0$, and what is left is
#
# $$-\mathbb{E}[\nabla^2 \log \pi] = \mathbb{E}[\nabla \log \pi\, \nabla \log \pi^\top] = F,$$
#
# which is (04.14). $\square$ For many states, average $D$ and $F$ over the states that are visited.
#
# ## The natural gradient
#
# Problem (04.15) asks for the $u$ that maximises $g^\top u$ subject to $\tfrac{1}{2} u^\top F u \le \varepsilon$. With a
# multiplier $\eta$, the gradient of $g^\top u - \eta\,(\tfrac{1}{2} u^\top F u - \varepsilon)$ vanishes where
# $g = \eta F u$, so $u = F^{-1} g / \eta$. The constraint is active, $\tfrac{1}{2} g^\top F^{-1} g / \eta^2 =
# \varepsilon$; solve for $\eta$, and (04.16) follows. $\square$
#
# With $\lVert u \rVert^2$ in the place of $u^\top F u$ the same calculation gives the ordinary gradient. A change of
# coordinates, $\theta = h(\xi)$ with Jacobian $K$, turns $g$ into $K^\top g$ and $F$ into $K^\top F K$, so the natural
# step in $\xi$ is $(K^\top F K)^{-1} K^\top g = K^{-1} F^{-1} g$: to first order the same move of the policy, however the
# policy is written down.
#
# **Two parameters.** One step, $a \sim \mathcal{N}(\mu, \sigma^2)$, reward $-(a - 1)^2$. Then
# $J = -(\mu - 1)^2 - \sigma^2$. In the parameters $(\mu, \ell)$ with $\ell = \log \sigma$,
#
# $$g = \big(-2(\mu - 1),\; -2\sigma^2\big), \qquad F = \operatorname{diag}\big(1/\sigma^2,\; 2\big), \qquad
# F^{-1} g = \big(-2\sigma^2(\mu - 1),\; -\sigma^2\big). \tag{04.17}$$

# %%
mu, ell = np.meshgrid(np.linspace(-1, 3, 9), np.linspace(-2.0, 0.4, 8))
variance = np.exp(2 * ell)
plain = np.stack([-2 * (mu - 1), -2 * variance])
natural = np.stack([-2 * variance * (mu - 1), -variance])
figures.two_fields(mu, ell, plain, natural)

# %% tags=["hide-input"]
at = torch.tensor([0.0, -0.7], dtype=torch.float64)
fixed = Normal(at[0], at[1].exp())
second = hessian(lambda theta: kl_divergence(fixed, Normal(theta[0], theta[1].exp())))(at)
expected = torch.diag(torch.stack([(-2 * at[1]).exp(), torch.tensor(2.0, dtype=torch.float64)]))
divergence = {}
for sigma in (1.0, 0.05):  # a step of length 0.1 along the plain gradient from μ = 0
    step = np.array([2.0, -2 * sigma**2])
    step *= 0.1 / np.linalg.norm(step)
    divergence[sigma] = step[1] + (1 + (step[0] / sigma) ** 2) / (2 * math.exp(2 * step[1])) - 0.5
claim(
    f"The Hessian of the KL agrees with (04.17). One plain step of length 0.1 in $(\\mu, \\ell)$ from $\\mu = 0$ has a "
    f"KL of {divergence[1.0]:.4f} at $\\sigma = 1$ and of **{divergence[0.05]:.2f}** at $\\sigma = 0.05$.",
    torch.allclose(second, expected) and divergence[0.05] > 100 * divergence[1.0],
)

# %% [markdown]
# The star marks the direction of the optimum ($\mu = 1$, $\sigma \to 0$); the grey lines are contours of $J$. The plain
# field changes its direction with $\sigma$: for a broad policy it shrinks $\sigma$ fast, for a narrow one it hardly
# does. The natural field has one direction for each $\mu$ at every height, by (04.17).
#
# ## How far? A bound
#
# Chapter 04 has the performance difference (04.18) and the surrogate (04.19). How far can the surrogate be trusted?
# Schulman et al. (2015, theorem 1) show, with $\epsilon = \max_{s, a} |A^\pi(s, a)|$,
#
# $$J(\pi') \ge L_\pi(\pi') - C \max_s D_{\mathrm{KL}}\big(\pi(\cdot \mid s) \,\Vert\, \pi'(\cdot \mid s)\big),
# \qquad C = \frac{4 \epsilon \gamma}{(1 - \gamma)^2}. \tag{04.20}$$
#
# Maximise the right-hand side, and $J$ never falls. Here are all three along the natural gradient on the three states of
# chapter 04, exactly, without a horizon ($J$ by solving a linear system).

# %% tags=["hide-input"]
transitions, rewards, logits = small_mdp()
S, A, gamma = 3, 2, 0.9


def solve(logits):
    """J, A [S, A] and d [S] with infinite horizon."""
    policy = logits.softmax(-1)
    chain = torch.einsum("sa,sax->sx", policy, transitions)
    system = torch.eye(S, dtype=torch.float64) - gamma * chain
    value = torch.linalg.solve(system, (policy * rewards).sum(-1))
    visits = torch.linalg.solve(system.T, torch.full((S,), 1 / S, dtype=torch.float64))
    return value.mean(), rewards + gamma * transitions @ value - value[:, None], visits


# %%
old_J, old_A, old_d = solve(logits)


def surrogate(new):
    """(04.19)."""
    return old_J + (old_d[:, None] * new.softmax(-1) * old_A).sum()


slope = grad(lambda l: solve(l)[0])(logits)
score = jacrev(lambda l: l.log_softmax(-1))(logits).flatten(2)  # [S, A, 6]
fisher = torch.einsum("s,sa,sak,sal->kl", old_d / old_d.sum(), logits.softmax(-1), score, score)
# A constant added to all logits of a state changes nothing, so F is singular: the pseudo-inverse.
direction = (torch.linalg.pinv(fisher) @ slope.flatten()).reshape(S, A)
C = 4 * float(old_A.abs().max()) * gamma / (1 - gamma) ** 2


def along(lengths):
    """J, surrogate and largest KL over states for steps of several lengths, [3, length]."""
    steps = [logits + length * direction for length in lengths]
    kls = [kl_divergence(Categorical(logits=logits), Categorical(logits=new)).max() for new in steps]
    return np.array(
        [[float(solve(new)[0]), float(surrogate(new)), float(k)] for new, k in zip(steps, kls, strict=True)]
    ).T


# %% tags=["hide-input"]
search = np.linspace(0, 2e-2, 2000)
true, trusted, kl = along(search)
safe = int((trusted - C * kl).argmax())
small = int((kl <= 0.01).nonzero()[0][-1])
figures.surrogate_and_bound(
    along(np.geomspace(1e-4, 0.1, 100)), along(np.linspace(0, 3 * search[safe], 100)), C, kl[safe]
)
other = logits + 0.7 * torch.randn(S, A, generator=seeded(4), dtype=torch.float64)
new_J, _, new_d = solve(other)
lemma = (new_d[:, None] * other.softmax(-1) * old_A).sum()
claim(
    "For another policy the performance difference (04.18) is exact, and the surrogate has the gradient of $J$ at $\\pi$.",
    abs(float(new_J - old_J - lemma)) < 1e-12 and torch.allclose(slope, grad(surrogate)(logits)),
)
earned = true[[safe, small]] - float(old_J)
claim(
    f"$C = {C:.0f}$. The best step by the bound has a KL of **{kl[safe]:.0e}** and gains {earned[0]:.2f}; a step with a "
    f"KL of 0.01, TRPO's usual limit, gains {earned[1]:.2f}.",
    kl[safe] < 1e-3 and earned[1] > 5 * earned[0] > 0 and (true >= trusted - C * kl - 1e-12).all(),
)


# %% [markdown]
# The bound is true and allows only very short steps. TRPO keeps its form: raise the surrogate, keep the divergence small.
#
# ## TRPO
#
# Trust-region policy optimisation (Schulman et al. 2015) replaces the penalty with a constraint, and the maximum over
# states with a mean,
#
# $$\max_{\theta'} \; L_{\theta}(\theta') \quad \text{subject to} \quad
# \mathbb{E}_{s \sim \pi_\theta}\big[D_{\mathrm{KL}}(\pi_\theta \,\Vert\, \pi_{\theta'})\big] \le \delta_{\mathrm{KL}}. \tag{04.21}$$
#
# To second order this is (04.15), so the step is (04.16). $F$ has as many rows as there are parameters and is never
# formed: $F v$ is the gradient of $(\nabla D)^\top v$, two backward passes. $F x = g$ is solved by **conjugate gradient**,
# which needs such products only; ten of them come close enough, with a little damping, $F + 0.1\, I$. A **line search**
# then halves the step until the true mean KL is within $\delta_{\mathrm{KL}}$ and the surrogate has risen.

# %%
def my_conjugate_gradient(product, b, iterations):
    """x with F x = b, from products F v alone (Hestenes and Stiefel 1952)."""
    x, residual, direction = torch.zeros_like(b), b.clone(), b.clone()
    square = residual @ residual
    for _ in range(iterations):
        image = product(direction)
        length = square / (direction @ image)  # minimises along the direction
        x, residual = x + length * direction, residual - length * image
        previous, square = square, residual @ residual
        direction = residual + square / previous * direction  # conjugate to all directions so far
    return x


# %%
def my_trpo_step(gain, kl, theta, config):
    """(04.16) with line search: maximise gain(θ) under kl(θ) ≤ max_kl; the new θ, and the direction F⁻¹ g."""
    theta = theta.detach().requires_grad_()
    (g,) = torch.autograd.grad(gain(theta), theta)
    (slope,) = torch.autograd.grad(kl(theta), theta, create_graph=True)

    def fisher_vector(v):
        return torch.autograd.grad(slope @ v, theta, retain_graph=True)[0] + config.cg_damping * v

    x = my_conjugate_gradient(fisher_vector, g, config.cg_iterations)
    step = (2 * config.max_kl / (x @ fisher_vector(x))).sqrt() * x
    with torch.no_grad():
        for halving in range(config.backtracks):
            candidate = theta + step / 2**halving
            if gain(candidate) > gain(theta) and kl(candidate) <= config.max_kl:
                return candidate, x
    return theta.detach(), x


# %% [markdown]
# The gain is the surrogate on a batch, as a function of one long vector of parameters.

# %%
agent, start, sampler = CARTPOLE_PPO.prepare([0])
settings = TRPOConfig(discount=0.98, gae_lambda=0.95)
policy, own = agent.policy, agent.policy_part(select_parameters(start, 0))
runs = sampler(policy, agent.policy_part(start), seeded(3))
batch = agent.batch(start, runs, settings.discount, settings.gae_lambda).with_normalised_advantages()
observation, action, advantage, mask = (x[0] for x in (batch.observations, batch.actions, batch.advantages, batch.mask))


def unflat(vector):
    parts = vector.split([value.numel() for value in own.values()])
    return {name: part.reshape(own[name].shape) for name, part in zip(own, parts, strict=True)}


def gain(theta):
    log_ratio = policy.log_probability(unflat(theta), observation, action) - batch.log_probabilities[0]
    return (log_ratio.exp() * advantage)[mask].mean()


def kl_from_old(theta):
    return kl_divergence(policy.distribution(own, observation), policy.distribution(unflat(theta), observation))[
        mask
    ].mean()


theta, x = my_trpo_step(gain, kl_from_old, torch.cat([value.flatten() for value in own.values()]), settings)

# %% tags=["hide-input"]
_, packaged_direction, _ = natural_gradient(policy, agent.policy_part(start), batch, 10, settings.cg_damping)
theirs = trainable_copy(start, 1)
TRPO(agent, theirs, settings).update(runs, seeded(0))
scale = float(x.abs().max())
claim(
    f"Ours and the package's take the same step; its mean KL is {float(kl_from_old(theta)):.4f}, at most "
    f"{settings.max_kl} is allowed.",
    all(torch.allclose(value, packaged_direction[n][0], atol=2e-3 * scale) for n, value in unflat(x).items())
    and all(torch.allclose(value, theirs[f"policy.{n}"][0], atol=1e-3) for n, value in unflat(theta).items())
    and 0 < float(kl_from_old(theta)) <= settings.max_kl,
)


# %% [markdown]
# Five agents now learn CartPole for 20 batches of 1024 steps, by TRPO, and by A2C with a learning rate of 0.01; no
# setting was tuned for either. We measure the KL of every single update.

# %%
def updates_with_kl(make_rule, seeds=range(5), batches=20):
    """Mean KL [batch, seed] of every update of a rule, and mean returns [batch, seed]."""
    agent, start, sampler = dataclasses.replace(CARTPOLE_PPO, num_steps=128).prepare(seeds)
    learned, g = trainable_copy(start, len(seeds)), seeded(0)
    rule, divergences, returns = make_rule(agent, learned), [], []
    for _ in tqdm(range(batches), desc=type(rule).__name__):
        runs = sampler(agent.policy, agent.policy_part(learned), g)
        observations, mask = runs.observations.flatten(1, 2), runs.mask.flatten(1, 2)
        with torch.no_grad():
            before = agent.policy.distribution(agent.policy_part(learned), observations)
        rule.update(runs, g)
        with torch.no_grad():
            divergences.append(mean_kl(agent.policy, agent.policy_part(learned), observations, mask, before))
        returns.append(sampler.recent_return())
    return torch.stack(divergences).numpy(), torch.stack(returns).numpy()


# A2C's learning rate falls to 0 over all iterations: so many that it stays as it is.
a2c_settings = A2CConfig(iterations=1_000_000, lr=1e-2, discount=0.98)
trpo_settings = TRPOConfig(discount=0.98)
by_trpo = updates_with_kl(lambda agent, learned: TRPO(agent, learned, trpo_settings))
by_a2c = updates_with_kl(lambda agent, learned: A2C(agent, learned, a2c_settings))
figures.update_sizes({"TRPO": by_trpo, "A2C": by_a2c}, trpo_settings.max_kl)

# %% tags=["hide-input"]
kls, a2c_kls = by_trpo[0], by_a2c[0]
claim(
    f"TRPO: largest KL **{kls.max():.4f}**, median {np.median(kls):.4f}. A2C: median {np.median(a2c_kls):.4f}, from "
    f"{a2c_kls.min():.0e} to {a2c_kls.max():.2f}.",
    kls.max() <= trpo_settings.max_kl * 1.001 and a2c_kls.max() / np.median(a2c_kls) > 3,
)

# %% [markdown]
# TRPO uses most of its allowance in nearly every update and never exceeds it. A2C's step is what its learning rate and
# Adam make of it. TRPO's limit is a statement about the policy. It is no guarantee: single returns of TRPO fall too, since
# the surrogate is an estimate from one batch. Chapter 04 has the learning curves of both on Pendulum.
#
# **A question.** You double all rewards. What must change so that TRPO takes the same steps? (A) $\delta_{\mathrm{KL}}$ is
# halved. (B) Nothing. (C) The damping is doubled.
#
# <details><summary>Answer</summary>
#
# **B.** In (04.16) $g$ occurs once in the numerator and once, under the root, in the denominator: its scale cancels.
# (A): the KL divergence knows nothing of rewards. (C): the damping is added to $F$, which knows nothing of them either.
# For plain gradient ascent, the step would double.
# </details>
#
# ## Further reading
#
# - S. Amari, *Natural gradient works efficiently in learning*, Neural Computation, 1998.
# - S. Kakade, *A natural policy gradient*, NIPS 2001.
# - J. Schulman, S. Levine, P. Moritz, M. I. Jordan and P. Abbeel, *Trust region policy optimization*, 2015,
#   arXiv:1502.05477.
#
# Back to [04 Policy-gradient agents](04_policy_gradient_agents.ipynb) · [Exercises](../exercises/04_policy_gradient_agents_exercises.ipynb) · next: [04b Implementation details of PPO](04b_implementation_details.ipynb)
