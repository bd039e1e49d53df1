# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08a Trust regions around adapted policies
#
# **How far may the meta-parameters move when it is the adapted policies whose change matters?**
#
# *An appendix to chapter 08. No later chapter needs it.*
#
# You will be able to
#
# - derive TRPO's step for adapted policies, with the Fisher matrix pulled back through the inner loop
# - build that step from products and a line search
# - say what a natural gradient does in the inner loop, compared at the same divergence
# - say where the time of a meta-iteration goes
#
# Before you start: chapter 08, [MAML for reinforcement learning](08_maml_for_rl.ipynb).
#
# Reading: about 20 minutes. Running: at most 60 seconds and 1700 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]

import numpy as np
import torch
from torch.autograd.functional import hessian, jacobian

from metarl_core.agents import GaussianPolicy, conjugate_gradient
from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch08a as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import OuterAdam, OuterTRPO, PolicyMAML, kl_product, meta_gradient, stage_kl, surrogate_and_kl
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import meta_policies, natural_steps
from metarl_core.results import load_benchmark, load_table
from metarl_core.session import begin
from metarl_core.tasks import PointNavigation, select_tasks

begin()
settings = load_table("meta_policies").settings


def vector(parameters):
    """All parameters of one policy as one vector."""
    return torch.cat([value.detach().flatten() for value in parameters.values()])


# %% [markdown]
# Chapter 08 moved the meta-parameters $\theta$ by PPO. The MAML paper used TRPO (chapter 04, appendix 04a): take the
# step that promises most, while the policy changes by at most a given divergence. Which policy? The one that collects
# the query episodes is the *adapted* one, and it is a function of $\theta$.
#
# ## 1 The constraint, through the inner step
#
# Let $g$ be the meta-gradient (08.8), $\theta'_i(\theta)$ the adapted parameters of task $i$, and $D'_i$ its query
# episodes. Take the step $d$ that lowers the loss most while the adapted policies move by no more than $\delta$ on
# average:
#
# $$\min_d\; g^\top d \quad \text{subject to} \quad
# \frac1n \sum_i \mathbb{E}_{s \sim D'_i}\, D_{\mathrm{KL}}\big(\pi_{\theta'_i}\, \Vert\, \pi_{\theta'_i(\theta + d)}\big) \le \delta. \tag{08.13}$$
#
# Write $\kappa_i(\vartheta)$ for task $i$'s divergence as a function of its adapted parameters $\vartheta$, and
# $J_i = \partial \theta'_i / \partial \theta$ for the Jacobian of the inner loop (no return here). Differentiate
# $\kappa_i(\theta'_i(\theta))$ twice:
#
# $$\nabla^2_\theta\, \kappa_i = J_i^\top\, \nabla^2_\vartheta \kappa_i\, J_i
# + \sum_m \underbrace{\frac{\partial \kappa_i}{\partial \vartheta_m}}_{=\,0}\, \nabla^2_\theta\, \theta'_{i,m}
# = J_i^\top F_i\, J_i, \qquad H = \frac1n \sum_i J_i^\top F_i\, J_i. \tag{08.14}$$
#
# A divergence is smallest, namely 0, where the two policies are equal. Its slope vanishes there, and with it the
# awkward second term, a *third* derivative of the inner loss. That is exact, at any $\alpha$. What is left is the
# Fisher matrix $F_i$ of the adapted policy (04.14), pulled back through the inner loop. As in (04.16) the step is
#
# $$d = -\sqrt{\frac{2\delta}{x^\top H x}}\; x, \qquad H x = g, \tag{08.15}$$
#
# with $x$ from conjugate gradients, which need products $H v = \frac1n \sum_i J_i^\top F_i J_i v$ only. Then comes a
# line search: adapt anew from $\theta + d$, measure the *exact* mean divergence and the surrogate on the query
# episodes, and halve $d$ until the surrogate has fallen and the divergence is at most $\delta$.
#
# Check (08.14) where everything can be written out: a policy with a few dozen parameters and three tasks. $J_i$ and
# $F_i$ become explicit matrices; beside them stand the Hessian of the mean divergence, differentiated twice *through*
# the inner step, and the package's product.

# %% tags=["hide-input"]
short_walks = PointNavigation(horizon=15)
small = GaussianPolicy(
    short_walks.observation_space, short_walks.action_space, (3,), torch.tanh, seeded(50), initial_std=0.5
)
tiny = PolicyMAML(short_walks, small, 0.3, episodes=5)
point = initial_parameters(small)
batch = tiny.collect(point, short_walks.sample_tasks(3, seeded(51)), seeded(52))
flat = vector(point)


def as_policy(numbers):
    pieces = numbers.split([value.numel() for value in point.values()])
    return {name: piece.view_as(value) for piece, (name, value) in zip(pieces, point.items(), strict=True)}


def adapted_flat(numbers):
    """θ'(θ) of all tasks, [task, parameter]."""
    after = tiny.visited(as_policy(numbers), batch.support)[1]
    return torch.cat([value.flatten(1) for value in after.values()], 1)


def divergence(adapted):
    """κ_i at adapted parameters [task, parameter]."""
    parts = adapted.split([value.numel() for value in point.values()], 1)
    after = {name: p.reshape(3, *value.shape) for p, (name, value) in zip(parts, point.items(), strict=True)}
    return stage_kl(small, after, batch.query)


# %%
J = jacobian(adapted_flat, flat)  # [task, parameter of θ', parameter of θ]
reached = adapted_flat(flat).detach()
F = [
    hessian(lambda p, i=i: divergence(torch.cat([reached[:i], p[None], reached[i + 1 :]]))[i], reached[i])
    for i in range(3)
]
by_matrices = torch.stack([J[i].T @ F[i] @ J[i] for i in range(3)]).mean(0)
twice = hessian(lambda numbers: divergence(adapted_flat(numbers)).mean(), flat)
product = kl_product(tiny, point, batch)
columns = torch.stack([vector(product(as_policy(unit))) for unit in torch.eye(len(flat))], 1)

# %% tags=["hide-input"]
others = {
    "the Hessian through the inner step": twice,
    "the package's products": columns,
    "$F$ alone (the factors $J$ forgotten)": torch.stack(F).mean(0),
}
errors = {name: float((other - by_matrices).norm() / by_matrices.norm()) for name, other in others.items()}
show_table(
    [f"{len(flat)} parameters", "relative difference from $J^\\top F J$"], [(n, f"{e:.0e}") for n, e in errors.items()]
)
through, package, without = errors.values()
claim(
    "(08.14) holds up to rounding, for the package's products as well; without the factors $J$ the matrix is another one.",
    max(through, package) < 1e-3 and without > 0.02,
)

# %% [markdown]
# ## 2 Build the step
#
# **Predict, then run.** Along $d$ the quadratic model $\frac12 d^\top H d$ promises a divergence of exactly
# $\delta = 0.01$ at length 1. (a) Will the true mean divergence be below or above it? (b) A step of Adam, or an update
# by PPO, from the same $\theta$ with the same episodes: how far do they move the adapted policies?
#
# *Your prediction:*

# %%
recipe = meta_policies.Settings(problems={"navigation": meta_policies.Problem(0.5, (0.5, 0.25, 0.25), iterations=20)})
family, policy, random_start, _ = meta_policies.untrained("navigation", 0, recipe)
_, ppo, _ = meta_policies.learner("navigation", "MAML", family, policy, recipe)
method, theta, generator, _ = meta_policies.trained("navigation", "MAML", 0, recipe)
batch = method.collect(theta, family.sample_tasks(20, seeded(42)), seeded(44))


def my_direction(start, batch, delta, damping=1e-5, hessian_episodes=2):
    """(08.15): the step d at full length, as a dictionary."""
    g, _ = meta_gradient(method, start, batch)
    product = kl_product(method, start, batch.first_episodes(hessian_episodes))  # products cost most

    def damped(v):  # conjugate_gradient works on [learner, ...]; there is one learner here
        image = product({name: value[0] for name, value in v.items()})
        return {name: image[name][None] + damping * v[name] for name in v}

    x = conjugate_gradient(damped, {name: value[None] for name, value in g.items()}, 10)
    curvature = sum(float((x[name] * value).sum()) for name, value in damped(x).items())
    return {name: -((2 * delta / curvature) ** 0.5) * value[0] for name, value in x.items()}


def my_line_search(start, d, batch, delta, tries=10):
    """θ after the longest of d, d/2, d/4, … that keeps both promises, its divergence, and the number of halvings."""
    before, _ = surrogate_and_kl(method, start, batch)
    for halvings in range(tries):
        candidate = {name: value + d[name] / 2**halvings for name, value in start.items()}
        loss, kl = surrogate_and_kl(method, candidate, batch)  # adapts anew from the candidate
        if bool(loss < before) and bool(kl <= delta):
            return candidate, float(kl), halvings
    return start, 0.0, tries


# %%
delta = settings["max_kl"]
d = my_direction(theta, batch, delta)
mine, my_kl, halvings = my_line_search(theta, d, batch, delta)


def updated_by(rule):
    """θ after one update of an outer rule on the same batch."""
    leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
    rule.begin(method, leaves).update(batch, seeded(45))
    return {name: value.detach() for name, value in leaves.items()}


rules = {"TRPO": OuterTRPO(max_kl=delta), "PPO": ppo, "Adam": OuterAdam(outer_lr=settings["outer_lr"])}
results = {name: updated_by(rule) for name, rule in rules.items()}

# %% tags=["hide-input"]
lengths = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0])
trace = np.array(
    [[float(x) for x in surrogate_and_kl(method, {n: v + s * d[n] for n, v in theta.items()}, batch)] for s in lengths]
)
measured = {name: [float(x) for x in surrogate_and_kl(method, after, batch)] for name, after in results.items()}
changes = {name: measured[name][0] - trace[0, 0] for name in ("PPO", "Adam")}
products = [kl_product(method, theta, part)(d) for part in batch.chunks(2)]
whole = 0.5 * float(np.mean([sum(float((d[n] * image[n]).sum()) for n in d) for image in products]))
models = {"model, two episodes": delta, "model, all episodes": whole}
figures.along_the_step(lengths, trace, models, delta, 1 / 2**halvings, changes)
off = float((vector(mine) - vector(results["TRPO"])).norm() / (vector(results["TRPO"]) - vector(theta)).norm())
claim(
    f"Our step is the package's. At full length the exact divergence is {trace[4, 1] / delta:.1f} δ, where $H$ from two "
    f"of the twenty episodes promised δ and $H$ from all of them {whole / delta:.1f} δ. The line search halved the step "
    f"{halvings} times.",
    off < 0.05 and 0 < my_kl <= delta and whole > 1.5 * delta and halvings > 1,
)
claim(
    "Mean KL of the adapted policies after one update, in nats: "
    + ", ".join(f"{name} {kl:.4f}" for name, (_, kl) in measured.items())
    + ".",
    measured["TRPO"][1] <= delta < measured["PPO"][1],
)

# %% [markdown]
# (a) Far above: several times δ. Most of the gap is there already in the quadratic model, when $H$ is estimated from all
# twenty episodes in the place of two: conjugate gradients look for a direction that is short in the estimate at hand,
# and find one that is short there by chance as well. The line search, on all episodes, is what keeps the promise. (b)
# Only TRPO *knows* how far it goes. Adam's step is what its rate makes it, PPO's what its epochs and its clip make of
# it, and both went farther here than TRPO's δ allows.
#
# ## 3 And inside? The natural gradient at the same divergence
#
# "REINFORCE inside" is less of a choice than it sounds. Where the support episodes were collected all ratios are 1 and
# no clip acts, so $-\log \pi\, A$, the ratio, and PPO's clipped loss have one and the same gradient: a *single* inner
# step of PPO is the REINFORCE step. A TRPO step inside is another direction, the natural gradient $F^{-1} \nabla J$
# (04.16). It can be taken at test time. To meta-train *for* it, one would have to differentiate $F^{-1} g$, solver
# included.
#
# Appendix 04a found the natural gradient the better direction. To compare directions, both steps must be equally long
# in the same measure: on the same support episodes, scale each task's natural step until its *exact* divergence
# $\mathbb{E}_s D_{\mathrm{KL}}(\pi_\theta \Vert \pi_{\theta'})$ is that of the plain step. The plain step has the
# $\alpha = 0.5$ of chapter 08. Two dampings of $F$, since ten iterations of conjugate gradients on some 2,000 states
# leave that choice open. We do so from the random network and from the $\theta$ of this notebook, on 20 held-out goals;
# from $\theta$ also with both steps cut to a tenth of that divergence.
#
# **Predict, then run.** From the random network and from MAML's $\theta$: which direction earns more?
#
# *Your prediction:*

# %%
goals = select_tasks(meta_policies.held_out(family, recipe), slice(0, 20))
compared = {  # start, dampings, share of the plain step's divergence
    "random network": (random_start, (0.1, 0.001), 1.0),
    "MAML, 20 iterations": (theta, (0.1, 0.001), 1.0),
    "MAML, both steps shorter": (theta, (0.1,), 0.1),
}
for name, (start, dampings, share) in compared.items():
    compared[name] = natural_steps.compare(method, start, goals, 0.5, dampings, seeded(46), share)  # [goal, column]

# %% tags=["hide-input"]
rows, leads = [], {}
for name, columns in compared.items():
    before, plain, moved, *natural = columns.mean(0).tolist()
    leads[name] = [t_interval((columns[:, c] - columns[:, 1]).numpy()) for c in range(3, columns.shape[1], 2)]
    earned = [f"{value:.1f}" for value in (before, plain, *natural[::2])]
    rows.append((name, f"{moved:.2g}", *earned, *["–"] * (5 - len(earned) - 1)))
show_table(
    ["θ", "KL of either step, nats", "return before", "after the plain step", "natural, damping 0.1", "damping 0.001"],
    rows,
)
fresh, learned, shorter = leads.values()
claim(
    "Natural minus plain, with intervals over goals: "
    + "; ".join(
        f"{name} {', '.join(f'{g.point:+.1f} [{g.low:+.1f}, {g.high:+.1f}]' for g in both)}"
        for name, both in leads.items()
    )
    + ".",
    fresh[0].low > 0 > fresh[1].point
    and max(lead.high for lead in learned) < -10
    and shorter[0].low < 0 < shorter[0].high,
)

# %% [markdown]
# From the random network it depends on the damping: with 0.1 the natural step is ahead, with 0.001 behind. From MAML's
# $\theta$ everything depends on the length. Cut to a tenth of the divergence, both directions earn about the same. At
# the full length of the plain step, which is far beyond any trust region, the natural step loses what it had and more,
# while the plain one arrives. So what sets this $\theta$ apart is not a better direction at the start: it is that the
# *plain* gradient can be followed over such a long way. That step is what it was trained with. Whoever exchanges the
# adaptation rule after meta-training has to choose the length anew.
#
# ## 4 What a meta-iteration costs
#
# A meta-iteration samples $20 \times 20 \times 2$ episodes and differentiates through 20 inner steps. The numbers below
# are from `benchmarks/meta_rl.py`, on one thread, beside a plain loop: one task after another, a vector of Gymnasium
# environments stepped in Python with a call of the policy for each step, and the graph kept per task. Both give the
# same gradients (the benchmark checks that first). Times are of one machine.

# %% tags=["hide-input"]
bench = load_benchmark("meta_rl")
speed, cost = bench["steps_per_second"], bench["seconds_per_iteration"]
ours = speed["sampling: metarl_core, 20 tasks × 20 episodes"]
show_table(
    ["sampling with the policy", "steps per second", "the last is faster by a factor"],
    [(name.removeprefix("sampling: "), f"{value:,}", f"{ours / value:,.0f}") for name, value in speed.items()],
)
pairs = {
    rule: (cost[f"plain loop, {rule}"], cost[f"metarl_core, {rule}"]) for rule in ("TRPO", "Adam", "first order, Adam")
}
show_table(
    ["one meta-iteration, 20 tasks", "plain loop, s", "`metarl_core`, s", "factor"],
    [(rule, f"{loop:.2f}", f"{batched:.2f}", f"{loop / batched:.1f}") for rule, (loop, batched) in pairs.items()],
)
claim(
    "With the same outer rule on both sides, batching makes a meta-iteration "
    f"{min(a / b for a, b in pairs.values()):.0f} to {max(a / b for a, b in pairs.values()):.0f} times as fast.",
    min(a / b for a, b in pairs.values()) > 3 and ours > 100 * speed["sampling: one Gymnasium environment"],
)

# %% [markdown]
# *Sampling:* 400 episodes of 20 different policies move in one call per time step; parameters carry a task axis, and a
# layer is one batched matrix product. *The meta-gradient:* the sum over tasks is differentiated two tasks at a time,
# because larger temporary tensors are slower. *TRPO:* $J^\top F J v$ comes from two vector-Jacobian products and one
# product with $F$, in the place of two derivatives through the inner step, and is estimated from two of the twenty
# episodes; gradient, line search and divergence use them all.
#
# ## Further reading
#
# - J. Schulman, S. Levine, P. Moritz, M. I. Jordan and P. Abbeel, *Trust region policy optimization*, 2015,
#   arXiv:1502.05477.
# - S. Kakade, *A natural policy gradient*, NeurIPS 2001.
#
# Back to [08 MAML for reinforcement learning](08_maml_for_rl.ipynb) · [Exercises](../exercises/08_maml_for_rl_exercises.ipynb) · next: [08b When meta-training pays, and where a step cannot search](08b_when_it_pays.ipynb)
