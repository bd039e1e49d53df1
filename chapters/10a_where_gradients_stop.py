# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10a Where the gradient stops
#
# **What if the derivative passes through the target, and how long may an inner step be?**
#
# *An appendix to chapter 10. No later chapter needs it.*
#
# You will be able to
#
# - compute the limit of the residual gradient, and say where it is wrong and where TD is
# - see an inner step become too large during training
# - decide the stability of learned step sizes by the spectrum of rates times curvature
#
# Before you start: chapter 10, [Meta-learning a DQN](10_meta_learning_a_dqn.ipynb).
#
# Reading: about 25 minutes. Running: at most 60 seconds and 1000 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import dataclasses

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigs

from metarl_core.agents import Transitions, dqn_loss, dqn_target, mean_returns
from metarl_core.claims import claim
from metarl_core.figures import ch10a as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import random_transitions, values
from metarl_core.parameters import detach_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import inner_targets, meta_dqn
from metarl_core.session import begin
from metarl_core.tasks import select_tasks

begin()

# %% [markdown]
# Chapter 10 let its inner loop take semi-gradient steps (10.2): the target $y = r + \gamma (1 - d)\, Q_{\bar\theta}(s',
# a^*)$ is a constant. Two questions were left. What if the derivative passes through the target? And how long may a
# step on a squared TD error be, with one $\alpha$ for all parameters and with the learned rates of Meta-SGD, some of
# which are negative?
#
# ## 1 Another derivative, another limit
#
# The **residual gradient** (Baird 1995) differentiates the target as well,
#
# $$\theta \leftarrow \theta - \alpha\, \nabla_\theta\, \frac1n \sum \delta_\theta^2
# = \theta - \frac{2\alpha}{n} \sum \delta\, \big(\nabla_\theta\, y - \nabla_\theta Q_\theta(s, a)\big), \tag{10.3}$$
#
# and is a true gradient of a true loss. By (03.14) it minimises, over the states' distribution $\mu$,
#
# $$\sum_s \mu(s) \Big[ \big(\mathbb{E}[y \mid s] - V(s)\big)^2 + \operatorname{Var}[y \mid s] \Big]. \tag{10.4}$$
#
# **A chain small enough for exact answers.** Six states, a fixed policy, transition matrix $P$, rewards $\rho(s)$,
# $\gamma = 0.9$, a table of values $v$. Expected updates, all sums written out, nothing sampled: TD is
# $v \leftarrow v + \eta\, (\rho + \gamma P v - v)$, with the limit $(I - \gamma P)^{-1} \rho$. For the residual
# gradient with one sample let $\mu$ be uniform and write $B = I - \gamma P$. Given $s$, the mean error is
# $(\rho - B v)(s)$, and the variance of the target is $\gamma^2 \big[\sum_{s'} P(s'|s)\, v(s')^2 - (P v)(s)^2\big]$. So
# (10.4) is, up to a factor, $\lVert \rho - B v \rVert^2 + \gamma^2 \big[ \sum_{s, s'} P(s'|s)\, v(s')^2
# - \lVert P v \rVert^2 \big]$. Its gradient vanishes for
#
# $$\Big[ B^\top B + \gamma^2 \big(\operatorname{diag}(\mathbf{1}^\top P) - P^\top P\big) \Big]\, v
# = B^\top \rho. \tag{10.5}$$
#
# Without the second term the solution is that of TD. That term is the variance; it is zero exactly for a deterministic
# chain.
#
# **Predict, then run.** Three panels: a random chain; the same rewards on a deterministic cycle; and Baird's example
# (seven states, eight shared weights, updates at all states equally often while the policy goes to the seventh; all
# rewards and all true values are zero). In which of them does TD fail? In which the residual gradient?
#
# *Your prediction:*

# %%
gamma, n_states, draw = 0.9, 6, seeded(11)
random_chain = torch.softmax(2 * torch.randn(n_states, n_states, generator=draw, dtype=torch.float64), 1)
eye = torch.eye(n_states, dtype=torch.float64)
rho = torch.randn(n_states, generator=draw, dtype=torch.float64)


def limits(P):
    """True values, and the residual gradient's limit by (10.5)."""
    B = eye - gamma * P
    variance = gamma**2 * (torch.diag(P.sum(0)) - P.T @ P)
    return torch.linalg.solve(B, rho), torch.linalg.solve(B.T @ B + variance, B.T @ rho)


def expected_updates(P, rule, number=2000, rate=0.4):
    """Largest error of v before each expected update, and v; the loss is enumerated over all pairs (s, s')."""
    v, truth, errors = torch.zeros(n_states, dtype=torch.float64), limits(P)[0], []
    for _ in range(number):
        errors.append(float((v - truth).abs().max()))
        leaf = v.clone().requires_grad_()
        y = rho[:, None] + gamma * leaf[None, :]  # the target if s' follows, [s, s']
        y = y.detach() if rule == "TD" else y
        (slope,) = torch.autograd.grad(0.5 * (P * (y - leaf[:, None]).square()).sum(), leaf)
        v = v - rate * slope
    return errors, v


# %%
features = torch.zeros(7, 8, dtype=torch.float64)  # Baird's example in the form of Sutton and Barto (2018)
features[torch.arange(6), torch.arange(6)], features[:6, 7], features[6, 6], features[6, 7] = 2.0, 1.0, 1.0, 2.0


def baird(rule, number=1000, rate=0.02, discount=0.99):
    w, sizes = torch.tensor([1.0] * 6 + [10.0, 1.0], dtype=torch.float64), []
    for _ in range(number):
        delta = discount * features[6] @ w - features @ w  # every state leads to the seventh
        slope = -features if rule == "TD" else discount * features[6] - features
        w = w - rate * (delta[:, None] * slope).mean(0)
        sizes.append(float((features @ w).abs().max()))
    return sizes


RULES = ("TD", "residual gradient")
chains = {name: {rule: expected_updates(P, rule) for rule in RULES} for name, P in
          (("random", random_chain), ("cycle", eye.roll(1, 1)))}  # fmt: skip

# %% tags=["hide-input"]
truth, residual_limit = limits(random_chain)
off = float((residual_limit - truth).abs().max())
errors = {name: {rule: by[0] for rule, by in each.items()} for name, each in chains.items()}
sizes = {rule: baird(rule) for rule in RULES}
figures.three_examples(errors["random"], errors["cycle"], sizes, off)
claim(
    "On the random chain the residual gradient ends where (10.5) says, with an error of "
    f"{off / float(truth.abs().max()):.0%} of the largest value. On the cycle both go to the "
    "true values. In Baird's example TD grows without bound.",
    float((chains["random"]["residual gradient"][1] - residual_limit).abs().max()) < 1e-2
    and off > 0.1 * float(truth.abs().max())
    and max(each[-1] for each in errors["cycle"].values()) < 2e-2
    and sizes["TD"][-1] > 100
    and sizes["residual gradient"][-1] < 2,
)

# %% [markdown]
# TD wins the first two panels, and the residual gradient the third. In a stochastic world the residual gradient is
# wrong in the limit, by the amount that (10.5) says, with endless data and a table. In a deterministic one both are
# right, and the residual gradient is slow: it descends on $(I - \gamma P)^\top (I - \gamma P)$, whose condition number
# is the square of the condition number of $I - \gamma P$. In Baird's example, the deadly triad of chapter 03, it is TD
# that explodes. There is no free choice here: the literature of "gradient TD" (Sutton et al. 2009) wants both
# properties and pays with a second set of weights. DQN stops the gradient and watches its values. (Even on its best
# example the residual gradient stands nearly still after a while: a common level of all values costs it next to
# nothing, $(1 - \gamma)^2$ per unit squared.)
#
# ## 2 How long may an inner step be?
#
# A step on a quadratic loss with curvature $\lambda$ multiplies the error by $1 - \alpha\lambda$: it diverges for
# $\alpha \lambda > 2$. In (10.7) the largest eigenvalue of $H$ is about that of $\frac2n \sum \nabla Q \nabla Q^\top$.
# It depends on the network, on the data and on the *scale of Q*, which grows during training. Eight iterations of MAML
# with three values of $\alpha$, and the curvature at the start, the mean over six tasks. Then the same curvature at
# the $\theta$ that Meta-SGD reaches (the network of chapter 10; a minute).
#
# **Predict, then run:** which of the three diverges, given the curvature at the start?
#
# *Your prediction:*

# %%
method, meta, training, _ = inner_targets.trained("rewards and values", 0)
family, network, recipe = method.family, method.network, meta_dqn.Settings()
_, untrained = meta_dqn.untrained(family, (0,), recipe)
quick = dataclasses.replace(meta_dqn.meta_training("keys", "MAML", recipe), iterations=8)
losses = {}
for alpha in (0.03, 0.3, 1.0):
    fixed = dataclasses.replace(method, inner_lr=alpha, learned_rates=False)
    _, record = values.train(fixed, untrained, quick, seeded(51), tasks=training, description=f"MAML, α = {alpha:g}")
    losses[alpha] = [loss[0] for loss in record["loss"]]


# %%
def flat(parameters):
    return torch.cat([value.flatten() for value in parameters])


def hessian_product(theta, support):
    """v ↦ H v (10.7) for one task in float64, at θ [1, ...]; targets are held at the start's."""
    theta = {n: v.detach().double().requires_grad_() for n, v in theta.items()}
    batch = Transitions(*(v.double() if v.is_floating_point() else v for v in support))
    y = dqn_target(network, theta, detach_parameters(theta), batch, method.discount)
    loss = dqn_loss(network, theta, batch, y).sum()
    slope = flat(torch.autograd.grad(loss, list(theta.values()), create_graph=True))
    return lambda v: flat(torch.autograd.grad(slope @ v, list(theta.values()), retain_graph=True))


def eigenvalues(product, rates, count=6):
    """The `count` eigenvalues of A H of largest size, and their eigenvectors; A = diag(rates)."""
    size = len(rates)
    matrix = LinearOperator(
        (size, size), dtype=float, matvec=lambda v: (rates * product(torch.tensor(v.ravel()))).numpy()
    )
    return eigs(matrix, count, which="LM", v0=np.ones(size), tol=1e-4)


# %%
tasks = select_tasks(family.sample_tasks(20, seeded(9), "test"), slice(0, 6))
support = random_transitions(family, tasks, 50, seed=3)
of_task = [Transitions(*(v[i : i + 1] for v in support)) for i in range(6)]
learned = {n.removeprefix("rate."): v for n, v in meta.items() if n.startswith("rate.")}
A, one = flat(learned.values()).double(), torch.ones(sum(v.numel() for v in learned.values())).double()
products = {name: [hessian_product(theta, task) for task in of_task]
            for name, theta in (("untrained", untrained), ("meta-trained", method.start(meta)))}  # fmt: skip
curvature = {name: [eigenvalues(each, one) for each in many] for name, many in products.items()}
spectrum = [eigenvalues(each, A, 10)[0] for each in products["meta-trained"]]

# %% tags=["hide-input"]
largest = {name: float(np.mean([found.real.max() for found, _ in many])) for name, many in curvature.items()}
show_table(
    ["α", "α λ at the untrained θ", "outer loss, first iteration", "last of eight"],
    [(f"{a:g}", f"{a * largest['untrained']:.2f}", f"{v[0]:.3g}", f"{v[-1]:.3g}") for a, v in losses.items()],
)
claim(
    f"The largest curvature is {largest['untrained']:.1f} at the untrained θ and {largest['meta-trained']:.0f} at the "
    f"meta-trained one, where one α of 0.03 for all parameters would give α λ = {0.03 * largest['meta-trained']:.1f}.",
    largest["meta-trained"] > 3 * largest["untrained"]
    and not losses[1.0][-1] < 5 * losses[0.03][-1]
    and not losses[0.3][-1] < 2 * losses[0.03][-1],
)

# %% [markdown]
# The largest of the three is at the limit of 2 when training begins: there the *inner* loop explodes, and the outer
# loss with it. But look at the second value too: it is well below the limit at the start and fails all the same. The
# limit does not stay where it was: in the training of Meta-SGD the curvature grows more than tenfold (that of the
# failing run was not followed). This is the worst kind of failure, since the first iterations look fine. Remedies for a
# fixed $\alpha$, in the order in which to try them: a smaller one; Huber's loss, whose gradient is bounded (its
# threshold must fit the size of the values, see appendix 03a); clipping of the inner gradient.
#
# ## 3 Learned rates: the spectrum of $A H$
#
# With a diagonal matrix $A$ of rates a step multiplies the error near a minimum by $I - A H$, and what decides are the
# eigenvalues $\mu$ of $A H$: a mode grows where $|1 - \mu| > 1$. These are not the eigenvalues of $H$ times some mean
# rate, since $A$ does not commute with $H$. In particular a small rate *along* the steepest direction $v$, that is
# $v^\top A v$, settles nothing. And a negative eigenvalue $\mu$ always means growth. We compute the ten
# eigenvalues of largest size by Arnoldi iteration (only products $H u$ are needed), in six tasks, and let the
# meta-trained network take more steps on its support set than the three it was trained for.

# %% tags=["hide-input"]
along = [float((v := torch.tensor(vectors[:, found.real.argmax()].real)) @ (A * v) / (v @ v))
         for found, vectors in curvature["meta-trained"]]  # fmt: skip
fastest = [float(np.abs(1 - found).max()) for found in spectrum]
show_table(
    ["task", "largest λ of H", "vᵀAv", "0.03 · λ", "largest eigenvalues μ of AH", "largest |1 − μ|"],
    [
        (
            i + 1,
            f"{curvature['meta-trained'][i][0].real.max():.0f}",
            f"{along[i]:.4f}",
            f"{0.03 * curvature['meta-trained'][i][0].real.max():.1f}",
            ", ".join(
                f"{m.real:.2f}" + (f" {m.imag:+.2f}i" if abs(m.imag) > 0.005 else "")
                for m in sorted(spectrum[i], key=abs, reverse=True)[:4]
            ),
            f"{fastest[i]:.2f}",
        )
        for i in range(6)
    ],
)
many = family.sample_tasks(20, seeded(9), "test")
from_moves = random_transitions(family, many, 50, seed=3)
further = {}
for steps in (0, 1, 2, 3, 4, 6, 10):
    moved = dataclasses.replace(method, inner_steps=max(steps, 1)).adapt_to_support(meta, from_moves)
    theta = {n: v.expand(20, *v.shape[1:]) for n, v in method.start(meta).items()}
    at = theta if steps == 0 else moved
    y = dqn_target(network, at, theta, from_moves, method.discount)
    error = float(dqn_loss(network, at, from_moves, y).median())
    further[steps] = error, float(mean_returns(family, many, network, at, 10, seeded(4)).mean())
show_table(
    ["inner steps", "support loss, median task", "mean return, 20 tasks"],
    [(steps, f"{error:.3g}", f"{value:.1f}") for steps, (error, value) in further.items()],
)
growing = sum(each > 1.05 for each in fastest)
claim(
    f"Of the {len(A):,} learned rates {float((A < 0).double().mean()):.0%} are negative. In {growing} of six tasks a "
    f"mode grows by more than 5 % a step. Three steps earn {further[3][1]:.1f}, ten {further[10][1]:.1f}; the support "
    f"loss is {further[0][0]:.2f} before the first step and {further[3][0]:.2f} after the third.",
    growing >= 1 and further[3][1] > further[10][1] and max(map(abs, along)) < 0.03,
)

# %% [markdown]
# Along the steepest direction the rates nearly cancel: $v^\top A v$ lies between −0.008 and 0.003. By that number the
# steps would hardly touch it. The spectrum says more. In five of six tasks there is an eigenvalue, negative or complex,
# with $|1 - \mu|$ from 1.13 to 1.20: as an iteration the learned steps are unstable. They are made to be taken three
# times, and $1.2^3$ is 1.7. (With one $\alpha$ of 0.03 for all parameters $\alpha\lambda$ would be about 1 in most
# tasks, and above the limit of 2 in the sixth.)
#
# The second table shows what the steps do. The support loss does not fall. It *rises* with every step up to the sixth,
# while the return rises from −18.7 to −11.9, is best after the three steps of the training, and falls to −19.9 after
# ten. So learned rates with negative entries are no optimiser of the inner loss. They are part of a function that the
# outer loss has trained, and that function takes three steps. Whoever changes $K$ at test time, or runs an inner loop
# "to convergence", uses another one.
#
# ## Further reading
#
# - L. Baird, *Residual algorithms: reinforcement learning with function approximation*, ICML 1995.
# - R. S. Sutton et al., *Fast gradient-descent methods for temporal-difference learning with linear function
#   approximation*, ICML 2009.
# - R. S. Sutton and A. G. Barto, *Reinforcement learning: an introduction*, second edition, 2018. Chapter 11.
#
# Back to [10 Meta-learning a DQN](10_meta_learning_a_dqn.ipynb) · [Exercises](../exercises/10_meta_learning_a_dqn_exercises.ipynb) · next: [10b Five families, and what meta-training costs](10b_five_families.ipynb)
