# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 The meta-policy gradient, done right
#
# **Why does automatic differentiation give the wrong meta-gradient, and what makes it right?**
#
# You will be able to
#
# - find the terms that the naive surrogate loses, on a problem small enough to enumerate
# - derive naive, LVC and DiCE from the exact Jacobian, and check each against finite differences
# - say which estimator is exact for finitely many episodes, and why adding two of them counts one term twice
# - measure bias and variance of each estimator against episodes and horizon
# - compare the estimators in learning, with equal steps and equal tuning, and hold bias and noise beside the result
#
# Before you start: chapter 08, [MAML for reinforcement learning](08_maml_for_rl.ipynb).
#
# Reading: about 80 minutes. Running: at most 120 seconds and 1500 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/09_meta_policy_gradient_exercises.ipynb): about 125 minutes.

# %% tags=["hide-input"]
import dataclasses
import itertools

import numpy as np
import torch
from tqdm.auto import tqdm

from metarl_core.agents import OraclePolicy, mean_returns
from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.exact import backward_induction, bias_and_noise, draw_episodes, meta_gradients
from metarl_core.figures import ch09 as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import say
from metarl_core.figures.words import table as show_table
from metarl_core.meta import ESTIMATORS, meta_gradient, sampling_loss
from metarl_core.randomness import seeded
from metarl_core.recipes import estimators
from metarl_core.recipes.small_world import (
    ACTIONS,
    LOGITS,
    REWARDS,
    STATES,
    TRANSITIONS,
    TablePolicy,
    World,
    finite_differences,
    hessian_of,
    relative,
)
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.widgets import meta_gradient_explorer

begin()
# Two tables, five seeds a method, made earlier by the recipe that section 7 calls.
table, same_rate = load_table("estimators"), load_table("estimators_same_rate")
recipe = estimators.Settings()
rows = {name: estimators.read(table.scores(name), recipe) for name in table.rows}
THREE = ("naive", "LVC", "DiCE")

# %% [markdown]
# ## 1 Four programs with the same gradient
#
# Chapter 08 adapted a policy by one step along the policy gradient and differentiated through that step. For this it
# needed an inner *loss* whose gradient is the policy gradient. There are many such losses. This chapter is about the
# fact that they are not interchangeable, and about a second road by which $\theta$ acts, which no loss shows to
# automatic differentiation.

# %% tags=["hide-input"]
figures.two_roads()


# %% [markdown]
# A small problem first: the three states and two actions of chapter 04's example, with its transition probabilities
# $P$. **Six doors:** in each task, one of the six pairs (state, action) pays 1 and the others pay nothing. The agent
# does not know which. Episodes have four steps. It has a softmax policy with one number $\theta_{s,a}$ for each pair,
# makes one step of size $\alpha$ along the policy gradient, and is then judged by its new return. $\theta$ is
# meta-trained for this.
#
# Nothing is sampled here. There are only $3^4 \cdot 2^4 = 1296$ trajectories, so every expectation is a sum over all of
# them (`World`, from `metarl_core.recipes.small_world`). What you will see is therefore not noise.

# %%
def stop_ratio(x):
    """exp(x − ⊥x): its value is 1, its derivative that of x."""
    return (x - x.detach()).exp()


def dice_weight(log_pi):
    through = log_pi.cumsum(-1)
    return stop_ratio(through) - stop_ratio(through - log_pi)


WEIGHT = {"first order": lambda x: x, "naive": lambda x: x, "LVC": stop_ratio, "DiCE": dice_weight}


def expected_loss(name, world, theta, rewards=REWARDS, baseline=0.0):
    """−E Σ_t w_t (R_t − b), [...]: the inner losses of this chapter. The trajectories are data: P(τ) is a constant."""
    weight = WEIGHT[name](world.log_pi(theta))
    return -(world.chances(theta).detach() * (weight * (world.to_go(rewards) - baseline)).sum(-1)).sum(-1)


def expected_meta_gradient(name, world, theta, rewards, alpha, baseline=0.0):
    """Mean over tasks of d J(θ − α ∇loss) / dθ by automatic differentiation, and the mean return after the step."""
    start = theta.detach().expand(rewards.shape).clone().requires_grad_()  # [task, state, action]
    loss = expected_loss(name, world, start, rewards, baseline).sum()
    (slopes,) = torch.autograd.grad(loss, start, create_graph=name != "first order")
    after = world.expected_return(start - alpha * slopes, rewards)
    return torch.autograd.grad(after.sum(), start)[0].mean(0), float(after.detach().mean())


# %% [markdown]
# Look at `WEIGHT`. The four programs differ in this one line: $\log \pi$ for *naive*, $\exp(\log \pi - \bot \log \pi)$
# for *LVC*, a longer expression for *DiCE*, where $\bot$ marks what is held constant. *First order* takes the naive
# loss and does not differentiate through the step at all (FOMAML). First a check that their inner gradients agree.

# %% tags=["hide-input"]
doors, door_world, door_alpha = torch.eye(6, dtype=torch.float64).view(6, STATES, ACTIONS), World(4), 8.0
door_start = 1.5 * torch.randn(STATES, ACTIONS, generator=seeded(3), dtype=torch.float64)
at = door_start.expand(doors.shape).clone().requires_grad_()
inner = [torch.autograd.grad(expected_loss(n, door_world, at, doors).sum(), at)[0] for n in WEIGHT]
(policy_gradient,) = torch.autograd.grad(door_world.expected_return(at, doors).sum(), at)
spread = max(float((value + policy_gradient).abs().max()) for value in inner)
claim(f"No inner gradient differs from the exact $-\\nabla J$ by more than {spread:.0e}, in any task.", spread < 1e-12)


# %% [markdown]
# **Predict, then run.** The inner steps are the same to the last digit. (a) Will the four meta-trainings end at the
# same return? (b) *First order* throws the second derivative away, *naive* uses it. Which of the two does better?
#
# *Your prediction:*

# %%
def ascend(name, alpha, iterations=150):
    """Meta-train θ by Adam on expected meta-gradients; the mean return after adaptation along the way."""
    theta, trace = door_start.clone().requires_grad_(), []
    optimiser = torch.optim.Adam([theta], lr=0.05)
    for _ in range(iterations):
        gradient, after = expected_meta_gradient(name, door_world, theta, doors, alpha)
        trace.append(after)
        theta.grad = -gradient
        optimiser.step()
    return trace


alphas = [1.0, 2.0, 4.0, 8.0, 16.0]
runs = {pair: ascend(*pair) for pair in tqdm(list(itertools.product(WEIGHT, alphas)), desc="six doors")}

# %% tags=["hide-input"]
traces = {name: runs[name, door_alpha] for name in WEIGHT}
reached = {name: [runs[name, a][-1] for a in alphas] for name in WEIGHT}
known = float(backward_induction(TRANSITIONS, doors, 4)[0].mean())  # for whom knows which door pays
figures.six_doors(traces, alphas, reached, door_alpha)
show_table(
    ["mean return after one step", "at the start", "best on the way", "at the end"],
    [(n, f"{t[0]:.3f}", f"{max(t):.3f}", f"{t[-1]:.3f}") for n, t in traces.items()],
)
claim(
    f"(a) No. At $\\alpha = 8$ DiCE ends at {traces['DiCE'][-1]:.3f} and LVC at {traces['LVC'][-1]:.3f}, where a policy "
    f"that knows the door would earn {known:.3f}. (b) First order, with {traces['first order'][-1]:.3f}: naive climbs to "
    f"{max(traces['naive']):.3f}, turns, and ends at {traces['naive'][-1]:.3f}.",
    traces["naive"][-1] < traces["first order"][-1] < traces["LVC"][-1] < traces["DiCE"][-1] + 1e-6
    and traces["naive"][-1] < max(traces["naive"]) - 0.02,
)


# %% [markdown]
# There is no noise, every inner step was exact, and yet *naive* walks *away* from a good initialisation. Its second
# derivative is worse than none. With small $\alpha$ nobody could tell the four apart.
#
# So two losses may agree in the gradient and disagree in the gradient of the gradient. Which of them is right, and what
# exactly do the others lose?
#
# ## 2 The Jacobian, in full
#
# Notation of chapters 01 and 08. To keep the formulas short, $\gamma = 1$ here,
# $x_t = \log \pi_\theta(a_t \mid s_t)$, and $\psi_t = \nabla x_t$ is the *score* of step $t$, a column. $H$ alone is
# the horizon; $H_1, H_2, H_{12}$ are matrices. One task, with the exact policy gradient in its step:
#
# $$\theta' = \theta + \alpha \nabla J(\theta), \qquad F(\theta) = J(\theta'). \tag{09.1}$$
#
# The chain rule is that of (05.5), with a plus sign since $J$ is climbed:
#
# $$\nabla F(\theta) = \big(I + \alpha \nabla^2 J(\theta)\big)\, \nabla J(\theta'). \tag{09.2}$$
#
# $\nabla J(\theta')$ is an ordinary policy gradient, estimated from query trajectories of $\theta'$. Everything new is
# in $\nabla^2 J(\theta)$. In supervised learning one writes down the loss and the computer differentiates it twice.
# Here $J$ is an expectation over trajectories that depend on $\theta$, and the computer never sees that dependence: to
# it, sampled trajectories are numbers. So we differentiate twice by hand.
#
# **Once** (01.4): $\nabla J = \mathbb{E}\,[\nabla \log p_\theta(\tau)\, R(\tau)]$ with $p_\theta(\tau)$ as in (01.1).
#
# **Twice:** the product rule inside $\int p_\theta \nabla \log p_\theta R\, d\tau$, and
# $\nabla p_\theta = p_\theta \nabla \log p_\theta$ again:
#
# $$\nabla^2 J = \mathbb{E}\Big[\big(\nabla \log p_\theta \nabla \log p_\theta^\top + \nabla^2 \log p_\theta\big)\, R(\tau)\Big]. \tag{09.3}$$
#
# The second part is what differentiating $\nabla \log p_\theta R$ gives while the trajectories stay fixed. The first
# part is there because the *probability* of the trajectories changes. With
# $\log p_\theta = \sum_t x_t + \text{const}$,
#
# $$\nabla^2 J = \mathbb{E}\Big[\sum_{t, t'} \psi_t \psi_{t'}^\top R(\tau) + \sum_t \nabla^2 x_t\, R(\tau)\Big]. \tag{09.4}$$
#
# **The past drops out.** Let $h_t = (s_0, a_0, \dots, s_t)$ be the history up to the moment at which $a_t$ is drawn.
# The action depends on it through $s_t$ alone, so (01.6) says $\mathbb{E}[\psi_t \mid h_t] = 0$. Differentiate
# $\int \pi\, \nabla \log \pi\, da = 0$ once more:
#
# $$\mathbb{E}\big[\psi_t \psi_t^\top + \nabla^2 x_t \,\big|\, h_t\big] = 0. \tag{09.5}$$
#
# A reward $r_k$ with $k < t$ is a constant given $h_t$. By (09.5) it drops out of the pair
# $\psi_t \psi_t^\top + \nabla^2 x_t$ (*out of the pair*: neither of the two vanishes by itself; remember this). For
# $t' < t$ it drops out of $\psi_t \psi_{t'}^\top$, since $\psi_{t'}$ is a constant given $h_t$, too. So each product
# keeps the rewards from its *later* time on, and
#
# $$\begin{gathered}
# \nabla^2 J = H_1 + H_2 + H_{12} + H_{12}^\top, \qquad
# H_1 = \mathbb{E} \sum_t \psi_t \psi_t^\top R_t, \qquad H_2 = \mathbb{E} \sum_t \nabla^2 x_t\, R_t, \\
# H_{12} = \mathbb{E} \sum_t \psi_t \Big(\sum_{t' < t} \psi_{t'}\Big)^{\!\top} R_t.
# \end{gathered} \tag{09.6}$$
#
# (Rothfuss et al. 2019, eqs. 6–10, in other letters.) In words: $H_2$, the policy's log-probabilities are curved.
# $H_1$, an action becomes more probable where it already was reinforced. $H_{12}$, an earlier action changes how often
# the later one gets its chance.
#
# ### What each loss has
#
# Let a loss depend on $\theta$ through the log-probabilities $x_t$ of one episode, $L = -\sum_t w_t A_t$ with constant
# $A_t$. By the chain rule, with all derivatives with respect to $x$ taken at the point where the data were sampled,
#
# $$-\nabla^2 L = \sum_{t, t'} C_{tt'}\, \psi_t \psi_{t'}^\top + \sum_t g_t\, \nabla^2 x_t, \qquad
# g_t = \frac{\partial}{\partial x_t} \sum_k w_k A_k, \quad
# C_{tt'} = \frac{\partial^2}{\partial x_t\, \partial x_{t'}} \sum_k w_k A_k. \tag{09.7}$$
#
# All our losses have $g_t = A_t$: that is why their gradients agree. They differ in the matrix $C$. From (09.6) we can
# read what it should be: $A_t$ on the diagonal, $A_{\max(t, t')}$ off it.
#
# **Naive**, $w_t = x_t$: linear in $x$. $C = 0$. Autodiff sees $H_2$ and nothing else. This is `log_prob * advantage`,
# the loss that everyone knows from REINFORCE, where it is right, because there it is differentiated once.
#
# **LVC**, $w_t = \exp(x_t - \bot x_t)$, the probability ratio of PPO (04.19): $\partial w_t / \partial x_t = w_t = 1$
# and again $\partial^2 w_t / \partial x_t^2 = 1$; nothing connects different times. $C = \operatorname{diag}(A_t)$, and
# autodiff sees $H_1 + H_2$. The name is *low-variance curvature* (Rothfuss et al. 2019). It lacks $H_{12}$ and its
# transpose.
#
# **DiCE** (Foerster et al. 2018). Let $c_t = \sum_{t' \le t} x_{t'}$ and call $\exp(c_t - \bot c_t)$ the *magic box* of
# all actions up to $t$. Its value is 1, and each derivative pulls down the scores of *all* of them, which is what
# (01.4) does to the probability of what happened up to $t$. The DiCE loss puts it on each reward:
#
# $$L_{\text{DiCE}} = -\sum_t e^{c_t - \bot c_t}\, r_t. \tag{09.8}$$
#
# The reward $r_t$ depends on all actions up to $t$ and on none after it. For rewards-to-go and baselines another form
# is handier. With $r_t = R_t - R_{t+1}$, $R_H = 0$ and $c_{-1} = 0$, summation by parts gives
#
# $$\sum_{t=0}^{H-1} e^{c_t - \bot c_t} (R_t - R_{t+1})
# = \sum_{t=0}^{H-1} \big(e^{c_t - \bot c_t} - e^{c_{t-1} - \bot c_{t-1}}\big) R_t + R_0, \tag{09.9}$$
#
# where $R_0$ comes from $t = 0$ ($e^0 = 1$) and is a constant to autodiff. So, up to a constant,
#
# $$L_{\text{DiCE}} = -\sum_t w_t R_t, \qquad w_t = e^{c_t - \bot c_t} - e^{c_{t-1} - \bot c_{t-1}}. \tag{09.10}$$
#
# Its $C$: both exponentials have second derivatives 1 for all pairs of times that they contain, so the difference is 1
# exactly where $\max(t, t')$ is the time in question: $C_{tt'} = A_{\max(t,t')}$, as wanted. This is the form in
# `metarl_core.meta.dice_loss` (after Farquhar, Whiteson and Foerster 2019), and third and higher derivatives are right
# as well.
#
# **And a baseline?** Put $A_t = R_t - b(s_t)$ in the place of $R_t$ in (09.6). In $H_{12}$ the extra term
# $\mathbb{E}\, \psi_t (\sum_{t'<t} \psi_{t'})^\top b(s_t)$ is 0 by (01.6). In the sum $H_1 + H_2$ it is 0 by (09.5). So
# DiCE and LVC may use any state baseline. But $H_1$ and $H_2$ *alone* move, against each other: with a constant $b$,
# $H_2$ moves by
#
# $$-b\; \mathbb{E} \sum_t \nabla^2 x_t = +b\; \mathbb{E} \sum_t \psi_t \psi_t^\top = b\, \mathcal{F}, \tag{09.11}$$
#
# where $\mathcal{F}$ is the Fisher matrix of the policy, summed over the steps, and $H_1$ by $-b\,\mathcal{F}$. (The
# *loss* $-\log \pi\, A$ has the opposite sign, so its Hessian moves by $-b\,\mathcal{F}$.) The naive meta-gradient
# depends on a number that, in the mean, changes nothing in the inner step. From here on $H_1$ and $H_2$ are those with
# $A_t$.
#
# ## 3 Check it
#
# Now each formula meets the truth. $\nabla^2 J$ by finite differences of the exact gradient, against the Hessian that
# automatic differentiation sees in each loss, in expectation over all trajectories. The MDP is chapter 04's with its
# rewards; the horizon is 1 or 3. Then, at horizon 3, the effect of four baselines: none; the constants 5 and 20; and
# the exact value function, which is what a good critic approaches. There the last columns show the error of the whole
# *meta*-gradient (09.2) against finite differences of $F$, with $\alpha = 0.2$.
#
# **Predict, then run.** (a) The relative error of the three Hessians at horizon 1 and at horizon 3, without a baseline:
# which are zero? Is any above 1, that is, worse than taking zero for the Hessian? (b) With the exact value function as
# baseline, naive's $H_2$ becomes a very simple matrix. Which?
#
# *Your prediction:*

# %%
def hessian_seen(name, world, baseline=0.0):
    """What autodiff takes for ∇²J in that loss."""
    return -hessian_of(lambda theta: expected_loss(name, world, theta, baseline=baseline))


truth = {horizon: finite_differences(World(horizon).gradient) for horizon in (1, 3)}
off = {(h, name): relative(hessian_seen(name, World(h)), truth[h]) for h in truth for name in THREE}

world, alpha = World(3), 0.2
true_meta = finite_differences(lambda theta: world.expected_return(theta + alpha * world.gradient(theta)))
baselines = {"none": 0.0, "the constant 5": 5.0, "the constant 20": 20.0, "exact V": world.values(LOGITS)}
seen = {(label, name): hessian_seen(name, world, b) for label, b in baselines.items() for name in THREE}
meta_off = {
    (label, name): relative(expected_meta_gradient(name, world, LOGITS, REWARDS[None], alpha, b)[0], true_meta)
    for label, b in baselines.items()
    for name in WEIGHT
}

# %% tags=["hide-input"]
score = torch.func.jacrev(world.log_pi)(LOGITS).flatten(-2)  # ψ, [trajectory, time, 6]
fisher = torch.einsum("n,nti,ntj->ij", world.chances(LOGITS), score, score)
shift = seen["the constant 5", "naive"] - seen["none", "naive"]
say("Relative error of the Hessian (Frobenius norm):")
show_table(
    ["horizon", "naive: $H_2$", "LVC: $H_1 + H_2$", "DiCE"],
    [(h, *(f"{off[h, name]:.1e}" for name in THREE)) for h in truth],
)
claim(
    f"(a) At horizon 1 LVC and DiCE are exact, at horizon 3 DiCE alone; naive's error is {off[3, 'naive']:.1f} there, "
    "above 1.",
    max(off[1, "LVC"], off[1, "DiCE"], off[3, "DiCE"]) < 1e-8 and off[3, "naive"] > 1 > off[3, "LVC"] > 0.1,
)
say("Relative errors at horizon 3 with each baseline:")
show_table(
    ["baseline", "Hessian: naive", "meta-gradient: naive", "LVC", "DiCE", "first order"],
    [
        (label, f"{relative(seen[label, 'naive'], truth[3]):.2g}", *(f"{meta_off[label, n]:.2g}" for n in (*THREE, "first order")))
        for label in baselines
    ],
)  # fmt: skip
claim(
    "(b) Zero. The columns of LVC and DiCE do not depend on the baseline; naive's do, and with the exact value function "
    "naive is first order.",
    torch.allclose(shift, 5 * fisher, rtol=1e-9, atol=1e-11)  # (09.11)
    and float(seen["exact V", "naive"].abs().max()) < 1e-12
    and abs(meta_off["exact V", "naive"] - meta_off["exact V", "first order"]) < 1e-6
    and max(meta_off[label, "DiCE"] for label in baselines) < 1e-6,
)

# %% [markdown]
# At horizon 1 there are no earlier actions, so $H_{12} = 0$ and LVC is exact, too. At horizon 3 it has lost a part.
# Naive's error above 1 is the arithmetic behind section 1: zero would be the better estimate.
#
# That naive's Hessian is zero with the exact value function is no accident. For a softmax over free logits,
# $\nabla^2 \log \pi(a \mid s)$ is the same matrix for all actions $a$ (minus the covariance of $\psi_t$ in that state),
# so it can be pulled out of the mean over actions:
#
# $$H_2 = \mathbb{E} \sum_t \nabla^2 x_t\; \mathbb{E}\big[A_t \mid s_t\big] = 0. \tag{09.12}$$
#
# The same holds for the mean of a normal distribution with fixed variance, where
# $\nabla^2_\mu \log \pi = -1/\sigma^2$. For such policies, **naive with a good critic is first-order MAML**, in
# expectation: it pays for the second derivative and gets noise. For a network something is left, since $\mu$ is itself
# a curved function of $\theta$. And without a baseline, or with a bad one, naive is *worse* than first order; that was
# section 1. (With the constant 5 it happens to be a little better. A knob that nobody turned on purpose may stand right
# by chance.)
#
# Are these the losses of the package? The next cell gives its estimators the same trajectories, each as a task with one
# episode. (The package takes the mean over steps, hence the factor 3.)

# %% tags=["hide-input"]
index = torch.arange(len(world.nature))[:, None]
episodes, chances = world.episodes(LOGITS, index), world.chances(LOGITS)
apart = []
for name in THREE:

    def package_loss(theta, name=name):
        parameters = {"logits": theta.expand(len(index), STATES, ACTIONS)}
        losses = ESTIMATORS[name.lower()](TablePolicy(), parameters, episodes, world.to_go()[:, None])
        return 3 * (losses * chances).sum()

    own = lambda theta, name=name: expected_loss(name, world, theta)  # noqa: E731
    apart.append(relative(torch.func.grad(package_loss)(LOGITS), torch.func.grad(own)(LOGITS)))
    apart.append(float((hessian_of(package_loss) - hessian_of(own)).abs().max()))
claim(f"Gradients and Hessians of `ESTIMATORS` and of the losses above agree to {max(apart):.0e}.", max(apart) < 1e-9)

# %% [markdown]
# ## 4 With finitely many episodes, $\theta$ also decides which ones come
#
# So far the inner step used the exact $\nabla J$. A real learner samples $N$ support episodes $\tau_1, \dots, \tau_N$
# and steps along
#
# $$\hat g = \frac1N \sum_{n=1}^{N} g(\tau_n), \qquad g(\tau) = \sum_t \psi_t A_t, \qquad
# F_N(\theta) = \mathbb{E}_{\tau_{1..N} \sim p_\theta}\, J\big(\theta + \alpha \hat g\big). \tag{09.13}$$
#
# $F_N$ is what the agent will really earn, on average, after adapting from $N$ episodes. It is not $F$: a noisy step is
# not the mean step. (Rothfuss et al. 2019 call $F_N$ *formulation I* of meta-RL and $F$ *formulation II*.) How does one
# differentiate *it*? $\theta$ enters twice, by the two roads of the diagram: through $\hat g$ and through the
# distribution of the episodes:
#
# $$\begin{gathered}
# \nabla F_N = \mathbb{E}\Big[\underbrace{\Big(I + \frac{\alpha}{N} \sum_n \sum_t \nabla^2 x_t A_t\Big) \nabla J(\theta')}_{\text{through } \hat g}
# + \underbrace{\sum_{n=1}^{N} \Psi_n\, J(\theta')}_{\text{sampling term}}\Big], \\
# \Psi_n = \nabla \log p_\theta(\tau_n) = \sum_{t} \psi_t.
# \end{gathered} \tag{09.14}$$
#
# Look at the first part. Given the episodes, $\hat g$ is a function of $\theta$ whose derivative is
# $\sum \nabla^2 x_t A_t$: what autodiff sees in the **naive** loss. The second part is the score function once more,
# now for $N$ whole episodes, rewarded with what the *adapted* policy earns: explore such that adaptation succeeds. It
# is the term of E-MAML (Stadie et al. 2018); Al-Shedivat et al. (2018) have it, and Fallah et al. (2021) prove
# convergence with it. So:
#
# > **naive + sampling term is exact for every $N$.** Naive is not wrong because of what it computes. It is wrong
# > because of what is left out beside it.
#
# (Here $A_t$ must not depend on $\theta$: rewards-to-go, or a fixed baseline.)
#
# ### Two arms, one episode
#
# Let us do it by hand. A bandit: arm 1 pays 1, arm 2 nothing. The policy takes arm 1 with probability
# $p = \sigma(\theta) = 1 / (1 + e^{-\theta})$, so $J(\theta) = \sigma(\theta)$. One episode, $N = H = 1$, no baseline;
# $\theta = 0$, so $p = \frac12$, and $\alpha = 2$. With arm 1, $g = \psi \cdot 1 = 1 - p = \frac12$, and the step leads
# to $\theta' = 1$, where $J(\theta') = 0.731$ and $J'(\theta') = 0.197$. With arm 2, $g = 0$ and $\theta' = 0$, where
# $J = 0.5$ and $J' = 0.25$. Both happen with probability $\frac12$.
#
# - *Through $\hat g$.* $\partial g / \partial \theta$ is $\nabla^2 x = -p(1 - p) = -\frac14$ with arm 1, and 0 with arm
#   2. So the first part of (09.14) is
#   $\frac12 (1 - 2 \cdot \frac14) \cdot 0.197 + \frac12 \cdot 0.25 = 0.174$. This is naive.
# - *Sampling term.* The scores are $+\frac12$ and $-\frac12$:
#   $\frac12 \cdot \frac12 \cdot 0.731 - \frac12 \cdot \frac12 \cdot 0.5 = 0.058$. To meet arm 1 more often is worth
#   something, since only arm 1 teaches the agent anything.
# - *Together* 0.232, which is $F_1'(0)$, exactly.
# - *LVC and DiCE* (one step: they are the same) put $\psi^2 + \nabla^2 x = \frac14 - \frac14 = 0$ in the place of
#   $\nabla^2 x$: $\frac12 \cdot 0.197 + \frac12 \cdot 0.25 = 0.223$. Close, since they do credit the sampling, but by
#   way of a linear approximation. *With* the sampling term they give 0.281 and count it twice.

# %% tags=["hide-input"]
sigmoid, slope_of = torch.sigmoid, lambda x: float(torch.sigmoid(torch.tensor(x)) * torch.sigmoid(torch.tensor(-x)))
F_1 = lambda x: sigmoid(x) * sigmoid(x + 2 * (1 - sigmoid(x))) + (1 - sigmoid(x)) * sigmoid(x)  # noqa: E731
exact_slope = float(torch.func.grad(F_1)(torch.tensor(0.0, dtype=torch.float64)))
by_hand = 0.5 * 0.5 * slope_of(1.0) + 0.5 * 0.25 + 0.25 * (float(sigmoid(torch.tensor(1.0))) - 0.5)
claim(
    f"Autodiff of $F_1$, written out for both arms, gives {exact_slope:.3f}; the two parts by hand {by_hand:.3f}.",
    abs(exact_slope - by_hand) < 1e-6,
)


# %% [markdown]
# ### Why two ways must not be added
#
# LVC and DiCE contain $H_1$ and $H_{12}$ already. To see that these *are* the sampling term, expand it. Let
# $\theta'_{-n}$ be the adapted parameters without what episode $n$ contributed. Then $J(\theta'_{-n})$ is independent
# of $\tau_n$ and may be subtracted like a baseline:
#
# $$\mathbb{E} \sum_n \Psi_n J(\theta') = \mathbb{E} \sum_n \Psi_n \big[J(\theta') - J(\theta'_{-n})\big]
# = \mathbb{E} \sum_n \Psi_n\, \frac{\alpha}{N}\, g(\tau_n)^\top \nabla J(\theta') + O\Big(\frac{\alpha^2}{N}\Big). \tag{09.15}$$
#
# The $N$ terms are alike, so as $N \to \infty$ the sum is $\alpha\, \mathbb{E}[\Psi g^\top] \nabla J(\theta')$, and
#
# $$\mathbb{E}\big[\Psi g^\top\big] = \mathbb{E} \sum_{t', t} \psi_{t'} \psi_t^\top A_t = H_1 + H_{12} + H_{12}^\top. \tag{09.16}$$
#
# Here $t' = t$ gives $H_1$, with the same $A_t$ as in $g$, and $t' < t$ gives $H_{12}^\top$. For $t' > t$, the baseline
# and the rewards before $t'$ are constants given $h_{t'}$ and drop out of $A_t$ by (01.6); what is left is
# $R_{t'}$, and the sum is $H_{12}$. **In the limit, the sampling term is just what DiCE adds to naive.** E-MAML and
# DiCE are not rivals: they are two estimators of one thing, and at finite $N$ it is DiCE that is the approximation.
# (Vuorio et al. 2022 make the same point: for $F_N$, an estimate of the Hessian of $J$ always adds bias.)
#
# Now by enumeration. Horizon 2 has 36 trajectories; with $N = 2$ there are $36^2$ groups of episodes, with $N = 3$
# there are $36^3$. $F_N$ is the sum over all groups of probability times $J(\theta')$, differentiated as it stands.
#
# Six columns: naive, LVC and DiCE, each without and with the sampling term.

# %%
def group_errors(world, support, alpha):
    """Relative errors against ∇F_N of expected meta-gradients, over all groups of episodes; and the sampling term."""
    index = torch.tensor(list(itertools.product(range(len(world.nature)), repeat=support)))
    theta = LOGITS.clone().requires_grad_()
    chance = world.chances(theta)[index].prod(1)  # of a group, as a function of θ
    errors = {}
    for name in THREE:
        per_episode = (WEIGHT[name](world.log_pi(theta)) * world.to_go()).sum(-1)  # minus the loss of each trajectory
        slopes = torch.stack([torch.autograd.grad(value, theta, create_graph=True)[0] for value in per_episode])
        adapted = theta + alpha * slopes[index].mean(1)  # [group, state, action]
        after = torch.cat([world.expected_return(part) for part in adapted.split(4096)])
        if name == "naive":  # the steps are the same for all: the whole derivative, and the term, by its formula
            exact = torch.autograd.grad((chance * after).sum(), theta, retain_graph=True)[0]
            score = world.log_pi(theta).sum(-1)[index].sum(1)  # Σ_n log p(τ_n), up to a constant
            term = torch.autograd.grad(((chance * after).detach() * score).sum(), theta)[0]
        through = torch.autograd.grad((chance.detach() * after).sum(), theta, retain_graph=True)[0]
        errors[name], errors[f"{name} + term"] = relative(through, exact), relative(through + term, exact)
    return errors, term


grouped = {support: group_errors(World(2), support, alpha=0.3) for support in (1, 2, 3)}

# %% tags=["hide-input"]
small = World(2)
hidden = {name: hessian_seen(name, small) for name in ("naive", "DiCE")}
mean_step = small.gradient(LOGITS + 0.3 * small.gradient(LOGITS)).flatten()
limit = 0.3 * (hidden["DiCE"] - hidden["naive"]) @ mean_step  # α (H1 + H12 + H12ᵀ) ∇J(θ') at the mean step
columns = [f"{name}{more}" for more in ("", " + term") for name in THREE]
from_limit = {support: relative(term, limit) for support, (_, term) in grouped.items()}
say("Relative error against $\\nabla F_N$, horizon 2, $\\alpha = 0.3$; last, of the term itself against its limit:")
show_table(
    ["N", *columns, "term, to its limit"],
    [(n, *(f"{e[c]:.1e}" for c in columns), f"{from_limit[n]:.1e}") for n, (e, _) in grouped.items()],
)
pairs = torch.tensor(list(itertools.product(range(36), repeat=2)))
outcome = torch.randn(len(pairs), generator=seeded(1), dtype=torch.float64)  # any outcome will do
leaf = LOGITS.expand(len(pairs), STATES, ACTIONS).clone().requires_grad_()
theirs = sampling_loss(TablePolicy(), {"logits": leaf}, small.episodes(LOGITS, pairs), outcome)
scores = torch.func.jacrev(lambda theta: small.log_pi(theta).sum(-1))(LOGITS)  # Ψ of each trajectory
mine = -scores[pairs].sum(1) * outcome[:, None, None]
claim(
    "Naive with the sampling term is exact for every $N$, and nothing else is. DiCE's error shrinks with $N$, and the "
    "term tends to its limit nearly as $1/N$; LVC and DiCE *with* the term stay wrong. The package's `sampling_loss` is "
    "the negative of the term.",
    max(e["naive + term"] for e, _ in grouped.values()) < 1e-10
    and grouped[3][0]["DiCE"] < grouped[1][0]["DiCE"]
    and from_limit[3] < 0.6 * from_limit[1]
    and min(min(e["LVC + term"], e["DiCE + term"]) for e, _ in grouped.values()) > 0.05
    and torch.allclose(torch.autograd.grad(theirs.sum(), leaf)[0], mine, rtol=1e-10),
)

# %% [markdown]
# DiCE is exact for $F$, the objective of infinitely many episodes, and approaches $\nabla F_N$ as $N$ grows. To use
# DiCE and add E-MAML's term "to be safe" is to count the same thing twice, however many episodes there are.
#
# ## 5 Bias and variance
#
# If one estimator is exact for every $N$, why does anyone use another? Because exact in expectation is not close in a
# single draw. Now we sample: many groups of $N$ support episodes, one meta-gradient from each, and look at their mean
# (bias against $\nabla F_N$) and their spread. What the query would estimate, $\nabla J(\theta')$ and $J(\theta')$, is
# put in exactly, so all noise is the support's. The baseline is the exact value function. The inner gradient is a mean
# over steps, as in the package, and $\alpha = 1$. The outcome in the sampling term is taken relative to the other
# groups' mean, all of the same task.
#
# The expression $\sum_n \Psi_n [J(\theta') - J(\theta'_{-n})]$ of (09.15) gives the truth to compare with; with a real
# environment it would take $N$ more policies to be tried.
#
# **Predict, then run.** (a) How does the standard deviation of each estimator change when $N$ grows from 1 to 256? One
# of them will surprise you. (b) What does a longer horizon do to LVC and to DiCE?
#
# *Your prediction:*

# %%
horizons, sizes, total = (1, 3, 10), [4**power for power in range(5)], 2**16
measured = {(h, size): bias_and_noise(size, 1.0, h, True, total) for h in horizons for size in sizes}

# %% tags=["hide-input"]
figures.bias_and_noise(measured, horizons, sizes, total)
flat = [measured[3, size]["naive + sampling term"][1] for size in sizes]
growth = {name: measured[10, 16][name][1] / measured[1, 16][name][1] for name in ("DiCE", "LVC")}
fall = {name: measured[3, 1][name][1] / measured[3, 256][name][1] for name in ("DiCE", "LVC")}
sampled, _ = meta_gradients(draw_episodes(10, True, total), 16, 1.0, 10)
plain, added = sampled["first order"], sampled["LVC"] - sampled["first order"]
together = ((plain - plain.mean(0)) * (added - added.mean(0))).sum() / len(plain)
correlation = float(together / (plain.var(0).sum() * added.var(0).sum()).sqrt())
whole = {key: {name: np.hypot(*value) for name, value in by_name.items()} for key, by_name in measured.items()}
claim(
    f"(a) From $N = 1$ to 256 at horizon 3, DiCE's standard deviation falls by a factor of {fall['DiCE']:.0f} and LVC's "
    f"by {fall['LVC']:.0f}; that of naive + sampling term goes from {flat[0]:.2f} to {flat[-1]:.2f}. (b) At $N = 16$, "
    f"DiCE's is {growth['DiCE']:.0f} times as large at horizon 10 as at horizon 1, and LVC's {growth['LVC']:.1f} times.",
    flat[-1] > 0.7 * flat[0] and growth["DiCE"] > 3 and measured[10, 16]["LVC"][1] < 0.5 * measured[10, 16]["DiCE"][1],
)
claim(
    f"At horizon 10 and $N = 16$ the correlation of the first-order estimate with what LVC adds to it is {correlation:.2f}.",
    correlation < -0.2
    and whole[3, 64]["LVC"] < whole[3, 64]["DiCE"]
    and whole[3, 256]["DiCE"] < whole[3, 256]["LVC"] < whole[10, 256]["DiCE"]
    and measured[10, 256]["DiCE"][0] < 0.05 < measured[10, 256]["LVC"][0]
    and all(min(whole[h, n], key=whole[h, n].get) == "LVC" for h in (3, 10) for n in (4, 16)),
)

# %% [markdown]
# - **First order and naive** have the same bias at large $N$: the baseline is the exact value function, so (09.12)
#   holds. Naive is the noisier one. It buys nothing.
# - **LVC** has a bias that no number of episodes removes, once there is more than one step. It is small here, and its
#   noise is lower than that of all others, even than that of *first order* for $N > 1$ and $H > 1$: what it adds is
#   negatively correlated with the first-order part.
# - **DiCE** has no bias in the limit, and a standard deviation that grows with the horizon: $C$ has $H^2$ entries
#   instead of $H$, and most of them are noise around zero. It falls as $1/\sqrt{N}$, so with enough episodes DiCE wins:
#   at horizon 3 somewhere between 64 and 256, at horizon 10 not yet at 256.
# - **Naive + sampling term** is right in the mean, and more episodes *do not help*. The reason is in (09.14): the sum
#   of $N$ scores grows as $\sqrt N$, while $J(\theta')$ varies as $1/\sqrt N$ from group to group; the product keeps its
#   size. All $N$ episodes share one outcome, and nobody knows which of them deserves it. (09.15) repairs that by giving
#   each episode its own difference, and DiCE is the linear version of the repair, computed without one extra episode.
#
# With real query returns it is worse: their noise does not shrink with the number of *support* episodes, so the term's
# noise then grows as $\sqrt N$, its variance as $N$. Tang (2022) proves that rate, and that a linearised score function
# trades a bias of order $1/\sqrt N$ for a variance of order $1/N$. Variance can be bought down in other ways, too: by
# control variates, without bias (TMAML, Liu et al. 2019); by a discount on old scores, which interpolates between LVC's
# $C$ and DiCE's (Farquhar et al. 2019); by treating the Hessian as a problem of off-policy evaluation (Tang et al. 2021).
# Which side wins depends on $N$, on $H$ and on
# $\alpha$. Try it:

# %%
meta_gradient_explorer()

# %% [markdown]
# Things to look for: switch the baseline off and watch naive. Set $H = 1$: LVC and DiCE are one. Make $\alpha$ small:
# all biases vanish with it, and first order is good enough. Make $\alpha$ large: only DiCE and the sampling term aim at
# the right thing. (The short bar of bias that the sampling term shows is the accuracy of its own noisy mean.)
#
# ## 6 Several outer steps from one batch: ProMP
#
# Collecting support and query trajectories is expensive, so one wants several outer steps from one batch, as PPO does
# (chapter 04). In MAML two policies then move. The *query* trajectories came from $\theta'_{\text{old}}$: the clipped
# ratio of (04.22) takes care of them. The *support* trajectories came from $\pi_{\theta_{\text{old}}}$, and they are
# used again to compute the inner step at the new $\theta$. ProMP (Rothfuss et al. 2019, algorithm 1) maximises
#
# $$\begin{gathered}
# \mathbb{E}_{\mathcal{T}}\Big[ J^{\text{clip}}_{\mathcal{T}}(\theta') - \eta\, \bar D_{\mathrm{KL}}\big(\pi_{\theta_{\text{old}}} \Vert\, \pi_\theta\big) \Big], \\
# \theta' = \theta + \alpha \nabla_\theta\, \mathbb{E}_{\tau \sim \pi_{\theta_{\text{old}}}} \sum_t \frac{\pi_\theta(a_t \mid s_t)}{\pi_{\theta_{\text{old}}}(a_t \mid s_t)} A_t,
# \end{gathered} \tag{09.17}$$
#
# with the clipped objective $J^{\text{clip}}$ on the query, and a penalty $\eta$ on the mean KL divergence of the
# policy *before* adaptation. The inner ratio is LVC's; at $\theta = \theta_{\text{old}}$ it is the $\exp(x - \bot x)$
# of section 2. In the package: `OuterPPO(kl_coefficient=η)` with `estimator="lvc"`. Appendix
# [09a](09a_several_outer_steps.ipynb) measures how fast the inner step goes wrong as $\theta$ leaves
# $\theta_{\text{old}}$, and what the penalty does about it.
#
# ## 7 Does it matter? Point navigation
#
# Now a network, continuous actions and a horizon of 100: the point of chapter 08. To compare *estimators*, all else must
# be the same.
#
# - **Batches.** A meta-batch has six goals. On each of them the point plays twice over, in two *groups* of 20 support and
#   20 query episodes, with an adapted policy each. So the sampling term has a baseline of the same goal: what the other
#   group's adapted policy earned there. (`PolicyMAML` alone subtracts what other *tasks'* policies earned. That is
#   unbiased, too, and noisier where more can be earned in one task than in another.) All methods get such batches.
# - **One plain step a batch.** Adam moves once along the meta-gradient. No ratio differs from 1 then, and nothing is
#   clipped: only the estimator differs. *ProMP* is in the table, too, with eight steps of Adam a batch and
#   $\eta = 0.1$: another number of updates from as many episodes.
# - **Tuning.** Each method gets the outer rate, out of 0.003, 0.01 and 0.03, with the best return after one step on 40
#   training goals, in one training at a seed that is not reported. Then five other seeds are trained with it.
# - **Length.** 30 iterations, so that the table takes about half an hour on one core; the return of most methods hardly
#   rises in the last third of them. The inner step has $\alpha = 0.5$ on normalised advantages, as in chapter 08.
#
# **Predict, then run.** (a) Order the five plain ones by their return after one step on held-out goals. Use section 5:
# $H = 100$, $N = 20$. (b) Which differences will be larger than what seeds make of them?
#
# *Your prediction:*

# %%
start = estimators.make("LVC", 0, recipe)[1]
learned = estimators.trained("LVC", 0, same_rate.settings["outer_lr"], recipe)  # a row of the second table, live
live = estimators.evaluate(learned, 0, recipe)

# %% tags=["hide-input"]
off_by = float(np.abs(live.numpy().mean(0) - same_rate.scores("LVC")[0].mean(0)).max())
claim(f"The live run differs from its row in the table by at most {off_by:.2f} in mean return.", off_by < 5)
by_seed = {name: row.returns.mean(1) for name, row in rows.items()}  # [seed, step]
others = load_table("point_navigation")  # five seeds, other budgets
references = {name: others.scores(name).mean((0, 1)) for name in ("pre-trained", "random initialisation")}
family, test = learned.learner.family, estimators.held_out(recipe)
oracle = float(mean_returns(family, test, OraclePolicy(family), test, 1, seeded(0)).mean())
figures.learning(
    {name: t_curves(row.returns) for name, row in rows.items()},
    references,
    oracle,
    {name: values[:, 1] for name, values in by_seed.items()},
    "Left: return against gradient steps with t intervals. LVC, naive, first order and ProMP lie close together, from "
    "about −37 before adaptation to about −12 after one step; DiCE is a few units lower, naive plus sampling term far lower. "
    "Pre-training and random initialisation, dotted, begin at the same place and far below; the oracle is a dashed line "
    "near the top. Right: return after one step of each seed. The seeds of naive, first order and ProMP lie within two or "
    "three units, those of LVC and DiCE scatter over five, and those of the sampling term lie between −25 and −32.",
)


# %% [markdown]
# Pre-training and the random network are those of chapter 01's table, at other budgets (48,000 episodes for
# pre-training, 14,400 for each method here). The sampling term and DiCE end behind the others. LVC's dots scatter, and
# the next table has a reason to look at: the rate that was chosen for it is the highest of the three, by 0.2 in the
# return of a single training. At 0.01, which was chosen for naive, DiCE and first order, LVC was therefore trained on
# the same five seeds as well: a row that was added after a look at two of the seeds.

# %% tags=["hide-input"]
def gap(name, other="first order", step=1):
    """Return after `step` steps, less another method's, over the seeds."""
    return t_interval(by_seed[name][:, step] - by_seed[other][:, step])


by_seed["LVC at 0.01"] = same_rate.scores("LVC").mean(1)
lines = []
for name, values in by_seed.items():
    row, between = rows.get(name), "–" if name == "first order" else in_words(gap(name), 1, sign=True)
    thirds = ", ".join(f"{value:.0f}" for value in row.learning.mean(0)) if row else "–"
    rate, divergence = (f"{row.outer_lr:g}", f"{row.divergence.mean():.4f}") if row else ("0.01", "–")
    after = (f"{values[:, k].mean():.1f}" for k in (0, 1, 3))
    lines.append((name, rate, thirds, *after, between, divergence))
show_table(
    ["", "outer rate", "training, by thirds", "0 steps", "1 step", "3 steps", "1 step, less first order", "KL a batch"],
    lines,
)
claim(
    "(a) and (b): after one step naive + sampling term earns "
    f"{-gap('naive + sampling term').point:.0f} less than first order and DiCE {-gap('DiCE').point:.1f} less, both more "
    f"than what seeds make of them. At one and the same rate, LVC is {gap('LVC at 0.01').point:.1f} and naive "
    f"{gap('naive').point:.1f} ahead of first order, and LVC and naive are not told apart.",
    gap("naive + sampling term").high < -5
    and gap("DiCE").high < 0
    and min(gap("LVC at 0.01").low, gap("naive").low) > 0
    and gap("LVC at 0.01", "naive").low < 0 < gap("LVC at 0.01", "naive").high,
)

# %% [markdown]
# Intervals are Student's t over five seeds; "training" is the return after the step on the goals of the training. With
# plain and equal outer steps, each method at a rate of its own, the two estimators that are right in expectation, each
# for its objective, are the slowest. The sampling term earned nearly the same at 0.003 and at 0.03 in the trainings that tuned it, and less between,
# so no rate of the grid would have saved it.
# Among the three of low noise the second derivative is worth about one unit of return here, and it makes no visible
# difference whether it is LVC's or naive's. LVC at 0.03 loses that unit again: the choice of the outer rate matters as
# much as that of the estimator.
#
# ProMP, with eight steps of Adam a batch at a rate of 0.003, lies with LVC at 0.01. All of its eight steps together move
# the policy before adaptation no farther, by the last column, than naive's single step does. This row has no claim on
# the penalty: for that, appendix 09a varies $\eta$ alone.
#
# Why? Look at the meta-gradients themselves: eight batches at the random start of the live run, and eight at its
# trained $\theta$, with the five estimators on the same episodes, group by group.

# %%
PLAIN = [name for name in estimators.METHODS if name != "ProMP"]


def group_gradients(meta, batches, generator):
    """The meta-gradient of every group of `batches` batches by each estimator, {name: [group, parameter]}."""
    found = {name: [] for name in PLAIN}
    for _ in range(batches):
        batch = learned.learner.collect(meta, family.sample_tasks(recipe.goals, generator), generator)
        for name in PLAIN:
            method = dataclasses.replace(learned.learner, **{"estimator": "lvc", **estimators.OPTIONS[name]})
            for group in range(len(batch)):
                gradient, _ = meta_gradient(method, meta, batch.select([group]))
                found[name].append(torch.cat([value.flatten() for value in gradient.values()]))
    return {name: torch.stack(value) for name, value in found.items()}


moments = {"random start": start, "trained": learned.parameters}
sampled = {moment: group_gradients(meta, 8, seeded(7)) for moment, meta in moments.items()}


# %% [markdown]
# The noise of a batch is the standard deviation of a mean over its six goals. The distance between the means of two
# estimators is estimated without the part that is noise, $\lVert \bar d \rVert^2$ less its variance, with $d$ the
# difference on the same episodes. In the figure, bars are the noise, the dashed line is the length of LVC's mean, and
# black marks are the distances of the other means from it, with intervals; a mark that points left is an upper bound.

# %% tags=["hide-input"]
def length_of_mean(d, per=recipe.goals):
    """‖E d‖ without the part that is noise, with a 95 % interval by leaving out one batch at a time; zeros where < 0."""

    def squared(x):
        return float((x.sum(0).square().sum() - x.square().sum()) / (len(x) * (len(x) - 1)))

    number = len(d) // per
    without = [squared(torch.cat([d[: i * per], d[(i + 1) * per :]])) for i in range(number)]
    whole, error = squared(d), float(np.std(without) * np.sqrt(number - 1))
    return [max(value, 0.0) ** 0.5 for value in (whole, whole - 2.36 * error, whole + 2.36 * error)]  # t of 7


shown, signal = {}, {}
for moment, by_group in sampled.items():
    gradients = {name: value.unflatten(0, (-1, recipe.groups)).mean(1) for name, value in by_group.items()}  # of a goal
    noise = {name: float(g.var(0).sum() / recipe.goals) ** 0.5 for name, g in gradients.items()}
    shown[moment] = {name: (noise[name], *length_of_mean(g - gradients["LVC"])) for name, g in gradients.items()}
    signal[moment] = length_of_mean(gradients["LVC"])[0]
figures.signal_and_noise(
    shown,
    signal,
    "Two panels of bars on a logarithmic axis, by estimator: the noise of one batch. At the random start LVC, naive, DiCE "
    "and first order have the same noise, the sampling term several times as much. At the trained parameters the noise of "
    "DiCE and of the sampling term is about ten times that of the other three. Black marks show how far each "
    "mean is from that of LVC: inside the bars. A dashed line, the length of LVC's mean, stands right of these bars "
    "at the random start; at the trained parameters that length cannot be told from zero.",
)
claim(
    f"At the trained θ the noise of a batch is {shown['trained']['DiCE'][0] / shown['trained']['LVC'][0]:.0f} times LVC's "
    f"for DiCE and {shown['trained']['naive + sampling term'][0] / shown['trained']['LVC'][0]:.0f} times for the sampling "
    f"term; at the random start {shown['random start']['DiCE'][0] / shown['random start']['LVC'][0]:.1f} and "
    f"{shown['random start']['naive + sampling term'][0] / shown['random start']['LVC'][0]:.0f} times. LVC's mean has a "
    f"length of {signal['random start']:.2f} at the start, against a noise of {shown['random start']['LVC'][0]:.2f}.",
    shown["trained"]["DiCE"][0] > 3 * shown["trained"]["LVC"][0]
    and shown["random start"]["naive + sampling term"][0] > 2 * shown["random start"]["LVC"][0]
    and 0.5 < shown["random start"]["DiCE"][0] / shown["random start"]["LVC"][0] < 2
    and signal["random start"] > shown["random start"]["LVC"][0],
)

# %% [markdown]
# At the random start, naive, first order and LVC have the same mean meta-gradient, up to less than a tenth of its length,
# and DiCE's cannot be told from it. An inner step with $\alpha = 0.5$ on advantages that are divided by their standard
# deviation is short there: $\alpha \nabla^2 J$ is small against $I$. All four have the same noise, half of that length.
# The sampling term has six times as much, with the baseline of the same goal. This fits its slow first third.
#
# At the trained $\theta$ the noise has grown tenfold, and the means have not: with 48 goals none of the others can be told
# from LVC's, nor LVC's from zero. A bias that hides in the noise of eight batches is out of sight for an update from one.
# The noise itself differs. DiCE's is seven times LVC's, as section 5 led us to expect: at $H = 100$ its matrix $C$ has
# 10,000 entries per episode. (What noise does to learning was not varied by itself here. Table and figure agree with
# the theory; they do not prove that noise is the cause.)
#
# It would be wrong to conclude that the theory does not matter: section 1 is the counterexample, with a large $\alpha$,
# a short horizon and no noise. What would change the verdict of this section: short horizons, large inner steps, many
# support episodes, bad or no baselines (which hurt naive most), and tasks in which *exploring* pays, where $H_{12}$ and
# the sampling term carry the signal.
#
# **Advice.** LVC by default. First order where memory or time is short, and as the baseline that a second-order method
# must beat. DiCE for short horizons, and to test code against. The sampling term only with a reason, beside the *naive*
# loss and never beside the others. Naive by itself did as well as LVC here; what it adds to first order depends on the
# baseline, as section 3 shows, and LVC costs no more.
#
# ## 8 What goes wrong in practice
#
# Mistakes in a meta-gradient raise no error, and most of them leave the inner step right: log-probabilities from
# sampling time, a mean over action dimensions instead of the sum, DiCE's sum divided by the number of steps, or run
# across episodes, or put on rewards-to-go, a naive loss with a large baseline. Appendix
# [09b](09b_six_mistakes.ipynb) plants these six and shows what gives each away: one of them shows in the gradient. The
# test to write for an implementation of your own is the one of section 3, with a small MDP, all trajectories, float64
# and finite differences. It runs in a second.
#
# ## 9 Check yourself
#
# Decide before you open an answer.
#
# **1.** Why is `log_prob * advantage` right for REINFORCE and wrong inside MAML? (A) Inside MAML the advantages are not
# detached. (B) It is differentiated once there, and twice here. (C) MAML needs the ratio because the data are
# off-policy.
#
# <details><summary>Answer to 1</summary>
#
# **B.** Its first derivative is the policy gradient; its second lacks everything that comes from the change of the
# trajectories' probabilities. (A): advantages are constants in both. (C): at the first outer step nothing is
# off-policy, and it is wrong already.
# </details>
#
# **2.** Your task is a bandit: one step, then the episode ends. Which estimator? (A) LVC. (B) DiCE. (C) It does not
# matter which of the two.
#
# <details><summary>Answer to 2</summary>
#
# **C.** With $H = 1$ there is no earlier action; the two losses have the same derivatives to the second order. (LVC's
# and DiCE's third derivatives agree there, too.) Both (A) and (B) are right choices for the wrong reason.
# </details>
#
# **3.** A colleague adds E-MAML's term to DiCE "to be on the safe side". (A) Fine, both are unbiased. (B) Exact at
# finite $N$. (C) The exploration part is counted twice.
#
# <details><summary>Answer to 3</summary>
#
# **C**, by (09.15) and (09.16). (A): each is unbiased *for its own objective and beside the naive part*; a sum of two
# full estimates is no estimate. (B) holds for the naive loss plus the term.
# </details>
#
# **4.** You double the support episodes, and the noise of your meta-gradient does not change. Which do you suspect? (A)
# DiCE. (B) A sampling term. (C) LVC.
#
# <details><summary>Answer to 4</summary>
#
# **B.** Its noise does not fall with $N$. (A) and (C) are means over episodes, and their noise falls as $1/\sqrt N$.
# Noise of the query would not change either; look there, too.
# </details>
#
# **5.** With a perfect critic and a softmax over free logits, naive MAML is, in expectation, (A) exact, (B)
# first-order MAML, (C) multi-task training.
#
# <details><summary>Answer to 5</summary>
#
# **B**, by (09.12): $H_2 = 0$, so the Jacobian is $I$. (A) would need $H_1$ and $H_{12}$. (C) would take the gradient
# at $\theta$, and not at $\theta'$.
# </details>
#
# **6.** On a benchmark LVC and first order score the same. What follows? (A) Second-order terms are useless. (B) The
# implementation is wrong. (C) On this benchmark, with this noise, the difference cannot be seen.
#
# <details><summary>Answer to 6</summary>
#
# **C.** (A) is refuted by section 1. (B) is possible, and a learning curve cannot tell: a missing graph gives exactly
# this result. The test of section 3 can.
# </details>
#
# ## Exercises
#
# [exercises/09_meta_policy_gradient_exercises.ipynb](../exercises/09_meta_policy_gradient_exercises.ipynb): DiCE from
# scratch, the two Hessians of a bandit, E-MAML's term, a meta-gradient with three silent bugs, and an experiment: how many
# episodes make a sign? About two hours.
#
# ## Further reading
#
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - M. Al-Shedivat, T. Bansal, Y. Burda, I. Sutskever, I. Mordatch and P. Abbeel, *Continuous adaptation via
#   meta-learning in nonstationary and competitive environments*, 2018, arXiv:1710.03641.
# - B. C. Stadie et al., *Some considerations on learning to explore via meta-reinforcement learning*, 2018,
#   arXiv:1803.01118. E-MAML.
# - J. Foerster, G. Farquhar, M. Al-Shedivat, T. Rocktäschel, E. Xing and S. Whiteson, *DiCE: The infinitely
#   differentiable Monte Carlo estimator*, 2018, arXiv:1802.05098.
# - J. Rothfuss, D. Lee, I. Clavera, T. Asfour and P. Abbeel, *ProMP: Proximal meta-policy search*, 2019,
#   arXiv:1810.06784. LVC, and the two formulations.
# - H. Liu, R. Socher and C. Xiong, *Taming MAML: Efficient unbiased meta-reinforcement learning*, ICML 2019. Control
#   variates.
# - G. Farquhar, S. Whiteson and J. Foerster, *Loaded DiCE: Trading off bias and variance in any-order score function
#   gradient estimators for reinforcement learning*, 2019, arXiv:1909.10549.
# - A. Fallah, K. Georgiev, A. Mokhtari and A. Ozdaglar, *On the convergence theory of debiased model-agnostic
#   meta-reinforcement learning*, 2021, arXiv:2002.05135.
# - Y. Tang, T. Kozuno, M. Rowland, R. Munos and M. Valko, *Unifying gradient estimators for meta-reinforcement learning
#   via off-policy evaluation*, 2021, arXiv:2106.13125.
# - Y. Tang, *Biased gradient estimate with drastic variance reduction for meta reinforcement learning*, ICML 2022,
#   arXiv:2112.07328.
# - R. Vuorio, J. Beck, S. Whiteson, J. Foerster and G. Farquhar, *An investigation of the bias-variance tradeoff in
#   meta-gradients*, 2022, arXiv:2209.11303.
#
# [Exercises](../exercises/09_meta_policy_gradient_exercises.ipynb) · previous: [08 MAML for reinforcement learning](08_maml_for_rl.ipynb) · next: [10 Meta-learning a DQN](10_meta_learning_a_dqn.ipynb) · appendices: [09a Several outer steps from one batch](09a_several_outer_steps.ipynb), [09b Six mistakes in a meta-gradient](09b_six_mistakes.ipynb)
