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
# - derive LVC, DiCE, E-MAML and ProMP from the exact Jacobian, and check each against finite differences
# - say which estimator is exact for finitely many episodes, and why adding two of them counts one term twice
# - measure bias and variance of each estimator against episodes and horizon, and what they change in learning
# - recognise six mistakes that leave the inner step right and spoil the meta-gradient
#
# Before you start: chapter 08, [MAML for reinforcement learning](08_maml_for_rl.ipynb).
#
# Reading: about 75 minutes. Running: at most 120 seconds and 1500 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/09_meta_policy_gradient_exercises.ipynb): about 90 minutes.

# %%
import dataclasses
import itertools
import re

import numpy as np
import torch
from IPython.display import Markdown, display
from tqdm.auto import tqdm

from metarl_core import plotting
from metarl_core.agents import OraclePolicy, mean_returns
from metarl_core.evaluation import paired_difference, summarise_curves
from metarl_core.exact import backward_induction, bias_and_noise, draw_episodes, meta_gradients, small_mdp
from metarl_core.meta import (
    ESTIMATORS,
    meta_gradient,
    sampling_loss,
)
from metarl_core.recipes import estimators
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import Trajectories
from metarl_core.widgets import meta_gradient_explorer
from metarl_core.widgets.meta_gradient import LOOK

begin()

# Two committed tables, five seeds a method, written by the scripts of the same names in experiments/.
table = load_table("estimators")
others = load_table("point_navigation")
settings = table.settings


def say(text: str) -> None:
    """Show a sentence whose numbers were computed in this cell, with a proper minus sign."""
    display(Markdown(re.sub(r"(?<![\w-])-(?=\d)", "−", text)))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# %% [markdown]
# ## 1 Four programs with the same gradient
#
# Chapter 08 adapted a policy by one step along the policy gradient and differentiated through that step. To do so it
# needed an inner *loss* whose gradient is the policy gradient. There are many such losses. This chapter is about the
# fact that they are not interchangeable.
#
# A small problem first: the three states and two actions of chapter 04's example, with its transition probabilities
# $P$. **Six doors:** in each task, one of the six pairs (state, action) pays 1 and the others pay nothing. The agent
# does not know which. Episodes have four steps. It has a softmax policy with one number $\theta_{s,a}$ for each pair,
# makes one step of size $\alpha$ along the policy gradient, and is then judged by its new return. $\theta$ is
# meta-trained for this.
#
# Nothing is sampled here. There are only $3^4 \cdot 2^4 = 1296$ trajectories, so every expectation is a sum over all
# of them. What you will see is therefore not noise.

# %%
transitions, mdp_rewards, mdp_logits = small_mdp()  # chapter 04's example, in float64
STATES, ACTIONS = mdp_rewards.shape


class World:
    """Every trajectory of `horizon` steps: states, actions [trajectory, time], and nature's part of its probability."""

    def __init__(self, horizon):
        states = torch.tensor(list(itertools.product(range(STATES), repeat=horizon)))
        actions = torch.tensor(list(itertools.product(range(ACTIONS), repeat=horizon)))
        self.states, self.actions = states.repeat_interleave(len(actions), 0), actions.repeat(len(states), 1)
        moves = transitions[self.states[:, :-1], self.actions[:, :-1], self.states[:, 1:]]
        self.nature = moves.prod(1) / STATES  # the first state is uniform

    def log_pi(self, theta):
        """log π of each action taken, [..., trajectory, time]; theta [..., state, action]."""
        return theta.log_softmax(-1)[..., self.states, self.actions]

    def chances(self, theta):
        """P(τ) under the policy, [..., trajectory]."""
        return self.nature * self.log_pi(theta).sum(-1).exp()

    def expected_return(self, theta, rewards):
        """J, [...]; rewards [..., state, action]."""
        return (self.chances(theta) * rewards[..., self.states, self.actions].sum(-1)).sum(-1)

    def to_go(self, rewards):
        """R_t, [..., trajectory, time]."""
        return rewards[..., self.states, self.actions].flip(-1).cumsum(-1).flip(-1)


def stop_ratio(x):
    """exp(x − ⊥x): its value is 1, its derivative that of x."""
    return (x - x.detach()).exp()


def dice_weight(log_pi):
    through = log_pi.cumsum(-1)
    return stop_ratio(through) - stop_ratio(through - log_pi)


WEIGHT = {"first order": lambda x: x, "naive": lambda x: x, "LVC": stop_ratio, "DiCE": dice_weight}


def expected_loss(name, world, theta, rewards, baseline=0.0):
    """−E Σ_t w_t (R_t − b), [...]: the inner losses of this chapter. The trajectories are data, so P(τ) is a constant."""
    log_pi = world.log_pi(theta)
    chances = world.nature * log_pi.detach().sum(-1).exp()
    return -(chances * (WEIGHT[name](log_pi) * (world.to_go(rewards) - baseline)).sum(-1)).sum(-1)


def expected_meta_gradient(name, world, theta, rewards, alpha, baseline=0.0):
    """Mean over tasks of d J(θ − α ∇loss) / dθ by automatic differentiation, and the mean return after the step."""
    start = theta.detach().expand(rewards.shape).clone().requires_grad_()  # [task, state, action]
    loss = expected_loss(name, world, start, rewards, baseline).sum()
    (slopes,) = torch.autograd.grad(loss, start, create_graph=name != "first order")
    after = world.expected_return(start - alpha * slopes, rewards)
    return torch.autograd.grad(after.sum(), start)[0].mean(0), float(after.detach().mean())


# %% [markdown]
# Look at `WEIGHT`. The four programs differ in this one line: $\log \pi$ for *naive*,
# $\exp(\log \pi - \bot \log \pi)$ for *LVC*, a longer expression for *DiCE*, where $\bot$ marks what is held
# constant. *First order* takes the naive loss and does not differentiate through the step at all (FOMAML). First a
# check that their inner gradients agree.

# %%
doors, door_world, door_alpha = torch.eye(6, dtype=torch.float64).view(6, STATES, ACTIONS), World(4), 8.0
door_start = 1.5 * torch.randn(STATES, ACTIONS, generator=seeded(3), dtype=torch.float64)
at = door_start.expand(doors.shape).clone().requires_grad_()
inner = {n: torch.autograd.grad(expected_loss(n, door_world, at, doors).sum(), at)[0] for n in WEIGHT}
(policy_gradient,) = torch.autograd.grad(door_world.expected_return(at, doors).sum(), at)
spread = max(float((value + policy_gradient).abs().max()) for value in inner.values())
say(f"Largest difference of any inner gradient from the exact −∇J, over all tasks and losses: {spread:.0e}.")
assert spread < 1e-12


# %% [markdown]
# **Predict, then run.** The inner steps are the same to the last digit. Write down: (a) will the four meta-trainings
# end at the same return? (b) *First order* throws the second derivative away, *naive* uses it. Which of the two does
# better?

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
traces = {name: runs[name, door_alpha] for name in WEIGHT}
reached = {name: [runs[name, a][-1] for a in alphas] for name in WEIGHT}
known = float(backward_induction(transitions, doors, 4)[0].mean())  # for whom knows which door pays

figure, (left, right) = plotting.figure(1, 2, width=10.5, height=4.0)
for name, trace in traces.items():
    color, marker = LOOK[name]
    left.plot(trace, color=color, marker=marker, markevery=25, markersize=6, label=name)
    right.plot(alphas, np.subtract(reached[name], reached["DiCE"]), color=color, marker=marker, label=name)
left.set(
    xlabel="iterations of meta-training", ylabel="mean return after one step", title=f"Six doors, α = {door_alpha:g}"
)
left.legend(fontsize=10, loc="lower right")
right.set(xlabel="inner step size α", ylabel="return, less that of DiCE", title="Where they end", xscale="log")
right.set_xticks(alphas, [f"{a:g}" for a in alphas])
right.minorticks_off()
plotting.show(
    figure,
    "Left: mean return after one adaptation step against iterations of meta-training. LVC and DiCE rise and stay on top, "
    "first order stays close below, naive rises at first, turns, and falls far below the others. Right: the final return "
    "relative to DiCE against the inner step size: small steps make no difference, and the larger the step, the farther "
    "naive falls behind.",
)
say(
    "| | at the start | best on the way | at the end |\n|---|---|---|---|\n"
    + "\n".join(f"| {n} | {t[0]:.3f} | {max(t):.3f} | {t[-1]:.3f} |" for n, t in traces.items())
    + f"\n\nA policy that knows the door would earn {known:.3f}."
)
assert traces["naive"][-1] < traces["first order"][-1] < traces["LVC"][-1] < traces["DiCE"][-1] + 1e-6
assert traces["naive"][-1] < max(traces["naive"]) - 0.02

# %% [markdown]
# There is no noise, every inner step was exact, and yet *naive* climbs, turns round, and walks *away* from a good
# initialisation. Its second derivative is worse than none: *first order* beats it. LVC and DiCE end on top, DiCE a
# little higher. With small $\alpha$ nobody could tell them apart.
#
# So two losses may agree in the gradient and disagree in the gradient of the gradient. Which of them is right, and
# what exactly do the others lose?
#
# ## 2 The Jacobian, in full
#
# Notation of chapters 01 and 08. To keep the formulas short, $\gamma = 1$ here,
# $x_t = \log \pi_\theta(a_t \mid s_t)$, and $\psi_t = \nabla x_t$ is the *score* of step $t$, a column. $H$ alone is
# the horizon; $H_1, H_2, H_{12}$ are matrices. One task:
#
# $$\theta' = \theta + \alpha \nabla J(\theta), \qquad F(\theta) = J(\theta'). \tag{09.1}$$
#
# The chain rule is that of (05.5), with a plus sign since $J$ is climbed:
#
# $$\nabla F(\theta) = \big(I + \alpha \nabla^2 J(\theta)\big)\, \nabla J(\theta'). \tag{09.2}$$
#
# $\nabla J(\theta')$ is an ordinary policy gradient, estimated from query trajectories of $\theta'$. Everything new
# is in $\nabla^2 J(\theta)$. In supervised learning one writes down the loss and the computer differentiates it
# twice. Here $J$ is an expectation over trajectories that depend on $\theta$, and the computer never sees that
# dependence: to it, sampled trajectories are numbers. So we differentiate twice by hand.
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
# **The past drops out.** Take (01.6), $\mathbb{E}[\psi_t \mid s_t] = 0$, and differentiate
# $\int \pi\, \nabla \log \pi\, da = 0$ once more:
#
# $$\mathbb{E}\big[\psi_t \psi_t^\top + \nabla^2 x_t \,\big|\, s_t\big] = 0. \tag{09.5}$$
#
# A reward $r_k$ that came before $t$ is a constant given $s_t$. By (09.5) it drops out of the pair
# $\psi_t \psi_t^\top + \nabla^2 x_t$ (*out of the pair*: neither of the two vanishes by itself; remember this). For
# $t' < t$ it drops out of $\psi_t \psi_{t'}^\top$ by (01.6), since $\psi_{t'}$ is settled before $a_t$ is drawn, too.
# So each product keeps the rewards from its *later* time on, and
#
# $$\begin{gathered}
# \nabla^2 J = H_1 + H_2 + H_{12} + H_{12}^\top, \qquad
# H_1 = \mathbb{E} \sum_t \psi_t \psi_t^\top R_t, \qquad H_2 = \mathbb{E} \sum_t \nabla^2 x_t\, R_t, \\
# H_{12} = \mathbb{E} \sum_t \psi_t \Big(\sum_{t' < t} \psi_{t'}\Big)^{\!\top} R_t.
# \end{gathered} \tag{09.6}$$
#
# (Rothfuss et al. 2019, eqs. 6–10, in other letters.) In words: $H_2$, the policy's log-probabilities are curved.
# $H_1$, an action becomes more probable where it already was reinforced. $H_{12}$, an earlier action changes how
# often the later one gets its chance.
#
# ### What each loss has
#
# Let a loss depend on $\theta$ through the log-probabilities $x_t$ of one episode, $L = -\sum_t w_t A_t$ with
# constant $A_t$. By the chain rule, with all derivatives with respect to $x$ taken at the point where the data were
# sampled,
#
# $$-\nabla^2 L = \sum_{t, t'} C_{tt'}\, \psi_t \psi_{t'}^\top + \sum_t g_t\, \nabla^2 x_t, \qquad
# g_t = \frac{\partial}{\partial x_t} \sum_k w_k A_k, \quad
# C_{tt'} = \frac{\partial^2}{\partial x_t\, \partial x_{t'}} \sum_k w_k A_k. \tag{09.7}$$
#
# All our losses have $g_t = A_t$: that is why their gradients agree. They differ in the matrix $C$. From (09.6) we
# can read what it should be: $A_t$ on the diagonal, $A_{\max(t, t')}$ off it.
#
# **Naive**, $w_t = x_t$: linear in $x$. $C = 0$. Autodiff sees $H_2$ and nothing else. This is
# `log_prob * advantage`, the loss that everyone knows from REINFORCE, where it is right, because there it is
# differentiated once.
#
# **LVC**, $w_t = \exp(x_t - \bot x_t)$, the probability ratio of PPO (04.19): $\partial w_t / \partial x_t = w_t = 1$
# and again $\partial^2 w_t / \partial x_t^2 = 1$; nothing connects different times. $C = \operatorname{diag}(A_t)$,
# and autodiff sees $H_1 + H_2$. The name is *low-variance curvature* (Rothfuss et al. 2019). It lacks $H_{12}$ and
# its transpose.
#
# **DiCE** (Foerster et al. 2018). Let $c_t = \sum_{t' \le t} x_{t'}$ and call $\exp(c_t - \bot c_t)$ the *magic box*
# of all actions up to $t$. Its value is 1, and each derivative pulls down the scores of *all* of them, which is what
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
# Its $C$: both exponentials have second derivatives 1 for all pairs of times that they contain, so the difference is
# 1 exactly where $\max(t, t')$ is the time in question: $C_{tt'} = A_{\max(t,t')}$, as wanted. This is the form in
# `metarl_core.meta.dice_loss` (after Farquhar, Whiteson and Foerster 2019), and third and higher derivatives are
# right as well.
#
# **And a baseline?** Put $A_t = R_t - b(s_t)$ into (09.6). In $H_{12}$ the extra term
# $\mathbb{E}\, \psi_t (\sum_{t'<t} \psi_{t'})^\top b(s_t)$ is 0 by (01.6). In $H_1 + H_2$ it is 0 by (09.5). So DiCE
# and LVC may use any state baseline. But in $H_2$ *alone* the baseline stays: with a constant $b$ it moves by
#
# $$-b\; \mathbb{E} \sum_t \nabla^2 x_t = +b\; \mathbb{E} \sum_t \psi_t \psi_t^\top = b\, \mathcal{F}, \tag{09.11}$$
#
# where $\mathcal{F}$ is the Fisher matrix of the policy, summed over the steps. (The *loss* $-\log \pi\, A$ has the
# opposite sign, so its Hessian moves by $-b\,\mathcal{F}$.) The naive meta-gradient depends on a number that, in the
# mean, changes nothing in the inner step.
#
# ## 3 Build it, check it, use it
#
# Now each formula meets the truth. $\nabla^2 J$ by finite differences of the exact gradient, against the Hessian that
# automatic differentiation sees in each loss, in expectation over all trajectories. The MDP is chapter 04's with its
# rewards; the horizon is 1 or 3.
#
# **Predict:** the relative error of naive, LVC and DiCE (a) at horizon 1, (b) at horizon 3. Is any error above 1,
# that is, worse than taking zero for the Hessian?

# %%
theta0, rewards = mdp_logits, mdp_rewards


def hessian_of(function, theta=theta0):
    """Hessian of a function of [state, action] as a matrix of 6 × 6."""
    return torch.func.hessian(lambda flat: function(flat.view(STATES, ACTIONS)))(theta.flatten())


def finite_differences(function, theta=theta0, shift=1e-5):
    """Central differences of a function of [state, action] with values [...], one row an entry of θ."""
    sides = [function(theta + sign * shift * unit.view(STATES, ACTIONS)) for unit in torch.eye(6, dtype=torch.float64) for sign in (1, -1)]  # fmt: skip
    return torch.stack([(up - down) / (2 * shift) for up, down in zip(sides[::2], sides[1::2], strict=True)])


def exact_gradient(world, theta, rewards=rewards):
    leaf = theta.detach().clone().requires_grad_()
    return torch.autograd.grad(world.expected_return(leaf, rewards), leaf)[0].flatten()


def relative(found, truth):
    return float((found - truth).norm() / truth.norm())


lines, hessian_errors = ["| horizon | naive: $H_2$ | LVC: $H_1 + H_2$ | DiCE |", "|---|---|---|---|"], {}
three = ("naive", "LVC", "DiCE")
for horizon in (1, 3):
    world = World(horizon)
    truth = finite_differences(lambda theta, world=world: exact_gradient(world, theta))
    for name in three:
        seen = -hessian_of(lambda theta, n=name, w=world: expected_loss(n, w, theta, rewards))
        hessian_errors[horizon, name] = relative(seen, truth)
    lines.append(f"| {horizon} | " + " | ".join(f"{hessian_errors[horizon, n]:.1e}" for n in three) + " |")
say("Relative error of the Hessian (Frobenius norm):\n\n" + "\n".join(lines))
assert max(hessian_errors[1, "LVC"], hessian_errors[1, "DiCE"], hessian_errors[3, "DiCE"]) < 1e-8
assert hessian_errors[3, "naive"] > 1 > hessian_errors[3, "LVC"] > 0.1


# %% [markdown]
# DiCE is right to the accuracy of the differences. At horizon 1 there are no earlier actions, so $H_{12} = 0$ and LVC
# is exact, too. At horizon 3 LVC has lost a part. And naive has an error above 1: zero would be the better estimate.
# That is the arithmetic behind section 1.
#
# Are these the losses of the package? The cell below gives the package's three estimators the same trajectories, each
# as a task with one episode, and compares the losses' gradients and Hessians. (The package takes the mean over steps,
# hence the factor $H$.)

# %%
class TablePolicy:
    """What the package's losses ask of a policy: log π of given actions; parameters {"logits": [task, state, action]}."""

    def log_probability(self, parameters, observations, actions):
        log_pi = parameters["logits"].log_softmax(-1)
        task = torch.arange(len(log_pi)).reshape(-1, *[1] * (observations.ndim - 1))
        return log_pi[task, observations, actions]


def as_episodes(world, theta, index):
    """Trajectories [task, episode, time] out of all of a world's; index [task, episode]."""
    states, actions = world.states[index], world.actions[index]
    everywhere, never = torch.ones_like(states, dtype=torch.bool), torch.zeros_like(states, dtype=torch.bool)
    log_pi = world.log_pi(theta).detach()[index]
    return Trajectories(states, actions, rewards[states, actions], log_pi, everywhere, never, never, states[:, :, -1])


world = World(3)
index = torch.arange(len(world.nature))[:, None]
episodes, chances = as_episodes(world, theta0, index), world.chances(theta0)
for mine, theirs in (("naive", "naive"), ("LVC", "lvc"), ("DiCE", "dice")):

    def package_loss(theta, theirs=theirs):
        parameters = {"logits": theta.expand(len(index), STATES, ACTIONS)}
        losses = ESTIMATORS[theirs](TablePolicy(), parameters, episodes, world.to_go(rewards)[:, None])
        return 3 * (losses * chances).sum()

    my_loss = lambda theta, mine=mine: expected_loss(mine, world, theta, rewards)  # noqa: E731
    for one, other in (
        (torch.func.grad(my_loss)(theta0), torch.func.grad(package_loss)(theta0)),
        (hessian_of(my_loss), hessian_of(package_loss)),
    ):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12), mine
say("Gradients and Hessians of `ESTIMATORS` and of the losses above agree (asserted).")


# %% [markdown]
# ### The baseline decides what naive computes
#
# (09.11) says that the baseline moves naive's Hessian and no other. Four baselines: none; the constants 5 and 20; and
# the exact value function, which is what a good critic approaches. The last columns show the error of the whole
# *meta*-gradient (09.2) against finite differences of $F$, with $\alpha = 0.2$.
#
# **Predict:** with the exact value function as baseline, naive's $H_2$ becomes a very simple matrix. Which?

# %%
def time_values(world, theta):
    """V(s_t, t) of the trajectories, [trajectory, time], by backward induction."""
    policy, value, rows = theta.softmax(-1), torch.zeros(STATES, dtype=torch.float64), []
    for _ in range(world.states.shape[1]):
        value = (policy * (rewards + transitions @ value)).sum(-1)
        rows.append(value)
    return torch.stack(rows[::-1])[torch.arange(world.states.shape[1]), world.states]


def exact_objective(theta, alpha=0.2):
    """F of (09.1)."""
    return world.expected_return(theta + alpha * exact_gradient(world, theta).view(STATES, ACTIONS), rewards)


true_hessian = finite_differences(lambda theta: exact_gradient(world, theta))
true_meta = finite_differences(exact_objective)
baselines = {"none": 0.0, "the constant 5": 5.0, "the constant 20": 20.0, "exact V": time_values(world, theta0)}
lines = ["| baseline | Hessian: naive | LVC | DiCE | meta-gradient: naive | LVC | DiCE | first order |"]
lines.append("|---" * 8 + "|")
found = {}
for label, b in baselines.items():
    for name in ("naive", "LVC", "DiCE", "first order"):
        seen = -hessian_of(lambda theta, n=name, b=b: expected_loss(n, world, theta, rewards, b))
        meta, _ = expected_meta_gradient(name, world, theta0, rewards[None], 0.2, b)
        found[label, name] = (seen, relative(seen, true_hessian), relative(meta.flatten(), true_meta))
    cells = [f"{found[label, n][1]:.2g}" for n in three] + [
        f"{found[label, n][2]:.2g}" for n in (*three, "first order")
    ]
    lines.append(f"| {label} | " + " | ".join(cells) + " |")
say("\n".join(lines))
score = torch.func.jacrev(world.log_pi)(theta0).flatten(-2)  # ψ, [trajectory, time, 6]
fisher = torch.einsum("n,nti,ntj->ij", chances, score, score)
shift = found["the constant 5", "naive"][0] - found["none", "naive"][0]
assert torch.allclose(shift, 5 * fisher, rtol=1e-9, atol=1e-11)  # (09.11)
assert float(found["exact V", "naive"][0].abs().max()) < 1e-12  # H2 is zero
assert abs(found["exact V", "naive"][2] - found["exact V", "first order"][2]) < 1e-6
assert max(found[label, "DiCE"][2] for label in baselines) < 1e-6


# %% [markdown]
# The columns of LVC and DiCE do not depend on the baseline. Naive's do, and with the exact value function its Hessian
# is **zero**. This is no accident. For a softmax over free logits, $\nabla^2 \log \pi(a \mid s)$ is the same matrix
# for all actions $a$ (minus the covariance of $\psi_t$ in that state), so it can be pulled out of the mean over
# actions:
#
# $$H_2 = \mathbb{E} \sum_t \nabla^2 x_t\; \mathbb{E}\big[A_t \mid s_t\big] = 0. \tag{09.12}$$
#
# The same holds for the mean of a normal distribution with fixed variance, where
# $\nabla^2_\mu \log \pi = -1/\sigma^2$. For such policies, **naive with a good critic is first-order MAML**, in
# expectation: it pays for the second derivative and gets noise. For a network something is left, since $\mu$ is
# itself a curved function of $\theta$; we will measure how much. And without a baseline, or with a bad one, naive is
# *worse* than first order; that was section 1. (With the constant 5 it happens to be a little better. A knob that
# nobody turned on purpose may stand right by chance.)
#
# ## 4 With finitely many episodes, $\theta$ also decides which ones come
#
# So far the inner step used the exact $\nabla J$. A real learner samples $N$ support episodes $\tau_1, \dots, \tau_N$
# and steps along
#
# $$\hat g = \frac1N \sum_{n=1}^{N} g(\tau_n), \qquad g(\tau) = \sum_t \psi_t A_t, \qquad
# F_N(\theta) = \mathbb{E}_{\tau_{1..N} \sim p_\theta}\, J\big(\theta + \alpha \hat g\big). \tag{09.13}$$
#
# $F_N$ is what the agent will really earn, on average, after adapting from $N$ episodes. It is not $F$: a noisy step
# is not the mean step. How does one differentiate *it*? $\theta$ enters twice, through $\hat g$ and through the
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
# (Here $A_t$ must not depend on $\theta$: rewards-to-go, or a fixed baseline.) And LVC or DiCE plus the sampling
# term? They contain $H_1$ and $H_{12}$ already, and would count them twice. To see it, expand. Let $\theta'_{-n}$ be
# the adapted parameters without what episode $n$ contributed. Then $J(\theta'_{-n})$ is independent of $\tau_n$ and
# may be subtracted like a baseline:
#
# $$\mathbb{E} \sum_n \Psi_n J(\theta') = \mathbb{E} \sum_n \Psi_n \big[J(\theta') - J(\theta'_{-n})\big]
# = \mathbb{E} \sum_n \Psi_n\, \frac{\alpha}{N}\, g(\tau_n)^\top \nabla J(\theta') + O\Big(\frac{\alpha^2}{N}\Big). \tag{09.15}$$
#
# The $N$ terms are alike, so as $N \to \infty$ the sum is $\alpha\, \mathbb{E}[\Psi g^\top] \nabla J(\theta')$, and
#
# $$\mathbb{E}\big[\Psi g^\top\big] = \mathbb{E} \sum_{t', t} \psi_{t'} \psi_t^\top R_t = H_1 + H_{12} + H_{12}^\top. \tag{09.16}$$
#
# ($t' = t$ gives $H_1$ and $t' < t$ gives $H_{12}^\top$. For $t' > t$ the rewards before $t'$ drop out of $R_t$ by
# (01.6), and what is left is $H_{12}$.) **In the limit, the sampling term is just what DiCE adds to naive.** E-MAML
# and DiCE are not rivals: they are two estimators of one thing, and at finite $N$ it is DiCE that is the
# approximation.
#
# Now by enumeration. Horizon 2 has 36 trajectories; with $N = 2$ there are $36^2$ groups of episodes, with $N = 3$
# there are $36^3$. $F_N$ is the sum over all groups of probability times $J(\theta')$, differentiated as it stands.
#
# **Predict:** six columns: naive, LVC and DiCE, each without and with the sampling term. Which are exact? Which of
# the errors become small as $N$ grows? (A seventh one holds the term itself against its limit
# $\alpha (H_1 + H_{12} + H_{12}^\top) \nabla J(\theta')$ at the mean step.)

# %%
def group_errors(world, support, alpha):
    """Relative error of six expected meta-gradients against ∇F_N, by enumeration of all groups of episodes."""
    index = torch.tensor(list(itertools.product(range(len(world.nature)), repeat=support)))
    theta = theta0.clone().requires_grad_()
    to_go = world.to_go(rewards)
    chance = world.chances(theta)[index].prod(1)  # of a group, as a function of θ
    pieces = {}
    for name in three:
        per_episode = (WEIGHT[name](world.log_pi(theta)) * to_go).sum(-1)  # minus the loss of each trajectory
        slope_of = torch.stack([torch.autograd.grad(value, theta, create_graph=True)[0] for value in per_episode])
        adapted = theta + alpha * slope_of[index].mean(1)  # [group, state, action]
        after = torch.cat([world.expected_return(part, rewards) for part in adapted.split(4096)])
        pieces[name] = (chance.detach() * after).sum()  # through ĝ only
        if name == "naive":
            exact = torch.autograd.grad((chance * after).sum(), theta, retain_graph=True)[0]
            score = world.log_pi(theta).sum(-1)[index].sum(1)  # Σ_n log p(τ_n), up to a constant
            term = torch.autograd.grad((chance.detach() * after.detach() * score).sum(), theta, retain_graph=True)[0]
    at_the_mean_step = theta0 + alpha * exact_gradient(world, theta0).view_as(theta0)
    naive, dice = (-hessian_of(lambda p, n=n: expected_loss(n, world, p, rewards)) for n in ("naive", "DiCE"))
    limit = alpha * (dice - naive) @ exact_gradient(world, at_the_mean_step)
    errors = {"limit of the term": relative(term.flatten(), limit)}
    for name, value in pieces.items():
        through = torch.autograd.grad(value, theta, retain_graph=True)[0]
        errors[name], errors[name + " + sampling term"] = relative(through, exact), relative(through + term, exact)
    return errors


columns = (*three, *(f"{name} + sampling term" for name in three), "limit of the term")
lines, by_group = ["| N | " + " | ".join(columns).replace("sampling ", "") + " |", "|---" * 8 + "|"], {}
for support in (1, 2, 3):
    by_group[support] = group_errors(World(2), support, 0.3)
    e = by_group[support]
    cells = [f"{e[name]:.1e}" for name in columns]
    lines.append(f"| {support} | " + " | ".join(cells) + " |")
say("Relative error against $\\nabla F_N$, horizon 2, $\\alpha = 0.3$:\n\n" + "\n".join(lines))
assert all(e["naive + sampling term"] < 1e-10 for e in by_group.values())
assert by_group[3]["DiCE"] < by_group[1]["DiCE"]
assert by_group[3]["limit of the term"] < 0.6 * by_group[1]["limit of the term"]
assert all(min(e["LVC + sampling term"], e["DiCE + sampling term"]) > 0.05 for e in by_group.values())

# %% [markdown]
# One column is exact, for every $N$. DiCE is off, less so with more episodes: it is exact for $F$, the objective of
# infinitely many. LVC and DiCE *with* the term stay wrong however many episodes there are. The last column falls
# nearly as $1/N$: the term turns into what DiCE adds. To use DiCE and add E-MAML's term "to be safe" is to count the
# same thing twice.
#
# The package's `sampling_loss` is the negative of this term; a check on the groups of two.

# %%
world = World(2)
pairs = torch.tensor(list(itertools.product(range(36), repeat=2)))
outcome = torch.randn(len(pairs), generator=seeded(1), dtype=torch.float64)  # any outcome will do
leaf = theta0.expand(len(pairs), STATES, ACTIONS).clone().requires_grad_()
theirs = sampling_loss(TablePolicy(), {"logits": leaf}, as_episodes(world, theta0, pairs), outcome)
(package,) = torch.autograd.grad(theirs.sum(), leaf)
scores = torch.func.jacrev(lambda theta: world.log_pi(theta).sum(-1))(theta0)  # Ψ of each trajectory
assert torch.allclose(package, -scores[pairs].sum(1) * outcome[:, None, None], rtol=1e-10)

# %% [markdown]
# ## 5 Bias and variance
#
# If one estimator is exact for every $N$, why does anyone use another? Because exact in expectation is not close in a
# single draw. Now we sample: many groups of $N$ support episodes, one meta-gradient from each, and look at their mean
# (bias against $\nabla F_N$) and their spread. What the query would estimate, $\nabla J(\theta')$ and $J(\theta')$,
# is put in exactly, so all noise is the support's. The baseline is the exact value function. The inner gradient is a
# mean over steps, as in the package, and $\alpha = 1$. The outcome in the sampling term is taken relative to the
# other groups' mean, as E-MAML needs.
#
# The expression $\sum_n \Psi_n [J(\theta') - J(\theta'_{-n})]$ of (09.15) gives the truth to compare with; with a
# real environment it would take $N$ more policies to be tried.
#
# **Predict:** how does the standard deviation of each estimator change when $N$ grows from 1 to 256? One of them will
# surprise you. And what does a longer horizon do to LVC and to DiCE?

# %%
horizons, sizes, total = (1, 3, 10), [4**power for power in range(5)], 2**16
measured = {(h, size): bias_and_noise(size, 1.0, h, True, total) for h in horizons for size in sizes}
figure, axes = plotting.figure(3, 3, width=11.5, height=9.0, sharex=True, sharey="row")
for column, horizon in enumerate(horizons):
    for name, (color, marker) in LOOK.items():
        bias, noise = np.array([measured[horizon, size][name] for size in sizes]).T
        seen = bias > 3 * noise / np.sqrt(total / np.array(sizes))  # else it cannot be told from zero
        rows = (np.where(seen, bias, np.nan), noise, np.hypot(bias, noise))
        for panel, values in zip(axes[:, column], rows, strict=True):
            panel.plot(sizes, values, color=color, marker=marker, markersize=9 if name == "LVC" else 6, label=name)
    axes[0, column].set_title(f"horizon {horizon}")
    axes[2, column].set_xlabel("support episodes N")
for row, label in enumerate(("bias", "standard deviation", "root mean squared error")):
    axes[row, 0].set(ylabel=f"{label} / length", yscale="log", xscale="log")
    axes[row, 0].set_xticks(sizes, [str(size) for size in sizes])
    ticks = ["0.01", "0.03", "0.1", "0.3", "1"][: 5 if row else 4]
    axes[row, 0].set_yticks([float(tick) for tick in ticks], ticks)
    for panel in axes[row]:
        panel.minorticks_off()
handles, labels = axes[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=11)
plotting.show(
    figure,
    "Nine panels: bias, standard deviation and root mean squared error, relative to the length of the meta-gradient, "
    "against the number of support episodes, for horizons 1, 3 and 10, all axes logarithmic. Naive and first order keep "
    "a bias of about 0.2 to 0.3. The bias of LVC levels off below 0.1 for horizons 3 and 10; that of DiCE goes to zero. The standard "
    "deviation of DiCE rises with the horizon, that of LVC does not. The standard deviation of naive plus sampling term "
    "does not fall with N at all. LVC has the lowest total error, but for horizon 3 with 256 episodes, where DiCE has.",
)
flat = [measured[3, size]["naive + sampling term"][1] for size in sizes]
growth = measured[10, 16]["DiCE"][1] / measured[1, 16]["DiCE"][1]
sampled, _ = meta_gradients(draw_episodes(10, True, total), 16, 1.0, 10)
plain, added = sampled["first order"], sampled["LVC"] - sampled["first order"]
correlation = float(((plain - plain.mean(0)) * (added - added.mean(0))).sum() / (len(plain) * (plain.var(0).sum() * added.var(0).sum()).sqrt()))  # fmt: skip
say(
    f"From N = 1 to N = {sizes[-1]} at horizon 3, the standard deviation falls by a factor of "
    f"**{measured[3, 1]['DiCE'][1] / measured[3, sizes[-1]]['DiCE'][1]:.0f}** for DiCE and of "
    f"**{measured[3, 1]['LVC'][1] / measured[3, sizes[-1]]['LVC'][1]:.0f}** for LVC, and goes from {flat[0]:.2f} to "
    f"**{flat[-1]:.2f}** for naive + sampling term. At N = 16, DiCE's is **{growth:.0f}** times as large at horizon 10 as at horizon 1; "
    f"LVC's, {measured[10, 16]['LVC'][1] / measured[1, 16]['LVC'][1]:.1f} times. The correlation of the first-order "
    f"estimate with what LVC adds to it is {correlation:.2f} there. (A bias that cannot be told from zero is not drawn.)"
)
assert correlation < -0.2
assert flat[-1] > 0.7 * flat[0] and growth > 3
assert measured[10, 16]["LVC"][1] < 0.5 * measured[10, 16]["DiCE"][1]
whole = {key: {name: np.hypot(*value) for name, value in by_name.items()} for key, by_name in measured.items()}
assert (
    whole[3, 64]["LVC"] < whole[3, 64]["DiCE"] and whole[3, 256]["DiCE"] < whole[3, 256]["LVC"] < whole[10, 256]["DiCE"]
)
assert measured[10, 256]["DiCE"][0] < 0.05 < measured[10, 256]["LVC"][0]
assert all(min(whole[h, n], key=whole[h, n].get) == "LVC" for h in (3, 10) for n in (4, 16))

# %% [markdown]
# Read it column by column.
#
# - **First order and naive** have the same bias at large $N$: the baseline is the exact value function, so (09.12)
#   holds. Naive is the noisier one. It buys nothing.
# - **LVC** has a bias that no number of episodes removes, once there is more than one step. It is small here, and its
#   noise is lower than that of all others, even than that of *first order* for $N > 1$ and $H > 1$. What it adds is
#   negatively correlated with the first-order part: where the inner step comes out too long by chance, little slope
#   is left at its end, and the curvature term, from the same episodes, comes out large.
# - **DiCE** has no bias in the limit, and a standard deviation that grows with the horizon: $C$ has $H^2$ entries
#   instead of $H$, and most of them are noise around zero. It falls as $1/\sqrt{N}$, so with enough episodes DiCE
#   wins: at horizon 3 somewhere between 64 and 256, at horizon 10 not yet at 256.
# - **Naive + sampling term** is right in the mean, and more episodes *do not help*. The reason is in (09.14): the sum
#   of $N$ scores grows as $\sqrt N$, while $J(\theta')$ varies as $1/\sqrt N$ from group to group; the product keeps
#   its size. All $N$ episodes share one outcome, and nobody knows which of them deserves it. (09.15) repairs that by
#   giving each episode its own difference, and DiCE is the linear version of the repair, computed without one extra
#   episode.
#
# With real query returns it is worse: their noise does not shrink with the number of *support* episodes, so the
# term's noise then grows as $\sqrt N$. That is low variance against no bias, in one figure. Which side wins depends
# on $N$, on $H$ and on $\alpha$. Try it:

# %%
meta_gradient_explorer()

# %% [markdown]
# Things to look for: switch the baseline off and watch naive. Set $H = 1$: LVC and DiCE are one. Make $\alpha$ small:
# all biases vanish with it, and first order is good enough. Make $\alpha$ large: only DiCE and the sampling term aim
# at the right thing. (The short bar of bias that the sampling term shows is the accuracy of its own noisy mean.)
#
# ## 6 ProMP: LVC, a clip, and a leash on the *old* policy
#
# Collecting support and query trajectories is expensive, so one wants several outer steps from one batch, as PPO does
# (chapter 04, section 5). In MAML there are two policies to keep an eye on. The *query* trajectories came from
# $\theta'_{\text{old}}$: the clipped ratio of (04.22) takes care of them. But the *support* trajectories came from
# $\pi_{\theta_{\text{old}}}$, and after the first outer step $\theta \ne \theta_{\text{old}}$. They are used again to
# compute the inner step at the new $\theta$. ProMP (Rothfuss et al. 2019, algorithm 1) maximises
#
# $$\begin{gathered}
# \mathbb{E}_{\mathcal{T}}\Big[ J^{\text{clip}}_{\mathcal{T}}(\theta') - \eta\, \bar D_{\mathrm{KL}}\big(\pi_{\theta_{\text{old}}} \Vert\, \pi_\theta\big) \Big], \\
# \theta' = \theta + \alpha \nabla_\theta\, \mathbb{E}_{\tau \sim \pi_{\theta_{\text{old}}}} \sum_t \frac{\pi_\theta(a_t \mid s_t)}{\pi_{\theta_{\text{old}}}(a_t \mid s_t)} A_t,
# \end{gathered} \tag{09.17}$$
#
# with the clipped objective $J^{\text{clip}}$ of (04.22) on the query, and a penalty $\eta$ on the mean KL divergence
# of the policy *before* adaptation. In the package: `OuterPPO(kl_coefficient=η)` with `estimator="lvc"`. The inner
# ratio is LVC's, and at $\theta = \theta_{\text{old}}$ it is the $\exp(x - \bot x)$ of section 2.
#
# Why a penalty? The ratio of *one* action corrects which actions are taken in a state, not how often the state is
# met, nor what happens later: (04.19) once more. The inner step is right at $\theta_{\text{old}}$ and gets worse with
# the distance. How fast? We move $\theta$ in random directions, compute the inner gradient from the old trajectories,
# all of them, with and without the ratio, and compare with the exact $\nabla J(\theta)$.
#
# **Predict:** at a KL divergence of 0.01 per step, the trust region that the MAML paper allows its outer TRPO: is the
# inner step off by 1 %, 10 % or 50 %?

# %%
world, g = World(3), seeded(5)
old_log_pi, old_chances = world.log_pi(theta0), world.chances(theta0)
advantages = world.to_go(rewards) - time_values(world, theta0)
rows = []
for _ in range(40):
    direction = torch.randn(STATES, ACTIONS, generator=g, dtype=torch.float64)
    direction = direction - direction.mean(1, keepdim=True)  # equal shifts of a state's logits change nothing
    for length in torch.logspace(-1.7, 0.3, 12):
        theta = (theta0 + length * direction / direction.norm()).requires_grad_()
        log_pi = world.log_pi(theta)
        divergence = (old_chances[:, None] * (old_log_pi - log_pi)).sum() / 3  # per step, exactly
        losses = {
            "with the ratio (ProMP)": ((log_pi - old_log_pi).exp() * advantages).sum(-1),
            "log π, no ratio": (log_pi * advantages).sum(-1),
        }
        truth = exact_gradient(world, theta)
        rows.append([float(divergence.detach())] + [
            relative(torch.autograd.grad((old_chances * value).sum(), theta, retain_graph=True)[0].flatten(), truth)
            for value in losses.values()
        ])  # fmt: skip
rows = np.array(rows)
figure, axes = plotting.figure(width=7.2, height=4.0)
axes.plot(rows[:, 0], rows[:, 1], "o", color=plotting.BLUE, markersize=4, alpha=0.5, label="with the ratio (ProMP)")
axes.plot(rows[:, 0], rows[:, 2], "X", color=plotting.RED, markersize=4, alpha=0.5, label="log π, no ratio")
axes.axvline(0.01, color="black", linestyle=":", linewidth=1.2)
axes.set(xscale="log", yscale="log", title="Old support trajectories", ylabel="relative error of the inner step")
axes.set_xlabel("KL of the new policy from the one that sampled, per step")
axes.legend()
plotting.show(
    figure,
    "Relative error of the inner gradient from old trajectories against the KL divergence of the new policy, both axes "
    "logarithmic. Both clouds rise with a slope of about one half; with the ratio the error is lower.",
)
near = (rows[:, 0] > 0.006) & (rows[:, 0] < 0.015)
with_ratio, without_ratio = np.median(rows[near, 1:], 0)
say(f"Around KL = 0.01 the median error is **{with_ratio:.0%}** with the ratio and **{without_ratio:.0%}** without.")
assert with_ratio < without_ratio and 0.01 < with_ratio < 0.5

# %% [markdown]
# The error grows as the square root of the KL divergence, so there is no safe zone, only a price per distance. The
# ratio lowers it, and it cannot remove it. This is what the penalty of ProMP holds small. Other trajectories of the
# same old policy would not help; new ones would.
#
# ## 7 Does it matter? Point navigation
#
# Now a network, continuous actions and a horizon of 100. Everything is as in chapters 00 and 01: 20 tasks in a
# meta-batch, 20 episodes before and 20 after the inner step, $\alpha = 0.5$ on normalised advantages, two epochs of
# clipped PPO outside, 60 iterations. The *only* difference between methods is the estimator. One is trained live; the
# table in `experiments/` has five of them on five seeds.
#
# **Predict:** order the five by their return after one step on held-out goals, and say which differences you expect
# to be larger than the spread over seeds. Use section 5: $H = 100$, $N = 20$.

# %%
recipe = estimators.Settings()  # of the table's rows
_, start, _ = estimators.make("LVC", 0, recipe)
snapshots = {0: start}


def keep(iteration, meta, batch):
    if iteration in (5, 20, settings["iterations"]):
        snapshots[iteration] = {name: value.clone() for name, value in meta.items()}


learner, theta, generator, history = estimators.trained("LVC", 0, recipe, callback=keep)
live = estimators.evaluate(learner, theta, recipe, generator)
live_difference = table.check_agreement("LVC", 0, live, tolerance=3.0)
early = [float(np.mean(history["return"][first : first + 5])) for first in (0, 15, settings["iterations"] - 5)]
say(
    f"Mean return after one step on the training tasks: iterations 1 to 5 {early[0]:.1f}, 16 to 20 {early[1]:.1f}, the "
    f"last five {early[2]:.1f}."
)
assert early[1] - early[0] > 0.7 * (early[2] - early[0])

# %%
curves = {name: summarise_curves(table.scores(name)) for name in table.rows}
steps = np.arange(len(settings["test_rates"]) + 1)
family, test = learner.family, estimators.held_out(recipe)
oracle = float(mean_returns(family, test, OraclePolicy(family), test, 1, seeded(0)).mean())
figure, (left, right) = plotting.figure(1, 2, width=11, height=5.0)
for name, curve in curves.items():
    color, marker = LOOK[name]
    left.plot(steps, curve.point, color=color, marker=marker, label=name)
    left.fill_between(steps, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
for name in ("pre-trained", "random initialisation"):
    plotting.plot_curve(left, steps, summarise_curves(others.scores(name)), name, linestyle=":")
left.axhline(oracle, color=plotting.METHOD_STYLE["oracle"][0], linestyle="--", linewidth=1.2, label="oracle")
left.set(xlabel="gradient steps on a held-out goal", ylabel="mean return", title="Forty held-out goals, five seeds")
left.set(xticks=steps, ylim=(-85, 3))
handles, labels = left.get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=10)
shown_from = -35.0
for row, name in enumerate(table.rows):
    color, marker = LOOK[name]
    each = table.scores(name)[:, :, 1].mean(1)
    right.plot(each, [row] * len(each), marker, color=color, markersize=7, alpha=0.7)
    for value in each[each < shown_from]:
        right.annotate(
            f"one at {value:.0f}".replace("-", "−"), (shown_from, row), (shown_from + 2, row - 0.12), fontsize=10
        )
        right.plot(shown_from, row, "<", color=color, markersize=9, clip_on=False)
right.set_yticks(range(len(table.rows)), table.rows)
right.invert_yaxis()
right.set(xlabel="mean return after one step", title="Each seed", xlim=(shown_from, -5))
plotting.show(
    figure,
    "Left: mean return against gradient steps for the five estimators, with pre-training, random initialisation and the "
    "oracle beside them. LVC, naive and first order lie on one another; DiCE is a little lower, naive plus sampling term "
    "far lower, with a band that leaves the picture. Right: return after one step of each seed: three clouds overlap, DiCE "
    "lies to their left, the sampling term farther left, with one seed outside the picture.",
)
lines = ["| | before | 1 step | 2 steps | 3 steps | 1 step, less LVC | 3 steps, less LVC |", "|---" * 7 + "|"]
gaps, later = {}, {}
for name, curve in curves.items():
    cells = " | ".join(f"{value:.1f}" for value in curve.point)
    for gap, step in ((gaps, 1), (later, 3)):
        gap[name] = paired_difference(table.scores(name)[:, :, step], table.scores("LVC")[:, :, step])
    lines.append(f"| {name} | {cells} | " + ("| |" if name == "LVC" else f"{gaps[name]} | {later[name]} |"))
for name in ("pre-trained", "random initialisation"):
    cells = " | ".join(f"{value:.1f}" for value in summarise_curves(others.scores(name)).point)
    lines.append(f"| {name} | {cells} | | |")
say(
    "Interquartile means over five seeds and forty goals; last columns: mean differences with 95 % intervals.\n\n"
    + "\n".join(lines)
)
say(
    f"The oracle earns {oracle:.1f}. The live run differs from its committed row by at most {live_difference:.2f} in mean return."
)
assert gaps["naive + sampling term"].high < -3 and gaps["DiCE"].high < 0
assert max(abs(gaps["naive"].point), abs(gaps["first order"].point)) < 1 and 0 < later["first order"].low

# %% [markdown]
# An honest result. After one step **LVC, naive and first order cannot be told apart here**, and the two estimators
# that are right in expectation, each for its objective, are the *worst*. (That DiCE learns more slowly than LVC is
# what Rothfuss et al. 2019 saw, too. The outer step size is one and the same for all, 0.003, and no search was made
# for any of them; a smaller one might suit the noisy two better.) One of the five seeds with the sampling term
# diverged, hence the wide band. After three steps *first order* is even ahead of LVC, by about one unit of return. All
# were trained for one step, so the objective says nothing about the second and third, and we have no explanation that
# we tested.
#
# It would be wrong to conclude that the theory does not matter: section 1 is the counterexample. Look at the
# meta-gradients themselves.
#
# At four moments of the live training we collect six batches and compute all five meta-gradients from the same
# trajectories.
#
# **Predict:** two batches, one estimator: what is the cosine between the two meta-gradients late in training? And one
# batch, two estimators?

# %%
cosine = torch.nn.functional.cosine_similarity
batches, g = 6, seeded(7)
lengths, repeatable, alike = {}, {}, {}
for moment, meta in snapshots.items():
    found = {name: [] for name in estimators.OPTIONS}
    for _ in range(batches):
        batch = learner.collect(meta, family.sample_tasks(settings["meta_batch"], g), g)
        for name, options in estimators.OPTIONS.items():
            method = dataclasses.replace(learner, **{"estimator": "lvc", **options})
            gradient, _ = meta_gradient(method, meta, batch)
            found[name].append(torch.cat([value.flatten() for value in gradient.values()]))
    for name in found:
        stack = torch.stack(found[name])
        lengths[name, moment] = float(stack.norm(dim=1).mean())
        both = [float(cosine(stack[i], stack[j], dim=0)) for i in range(batches) for j in range(i)]
        repeatable[name, moment] = np.mean(both)
        alike[name, moment] = float(cosine(stack, torch.stack(found["LVC"]), dim=1).mean())

moments = list(snapshots)
figure, axes = plotting.figure(1, 3, width=12, height=3.9)
for panel, values, title in zip(
    axes,
    (lengths, repeatable, alike),
    ("length of a meta-gradient", "cosine between two batches", "cosine with LVC, same batch"),
    strict=True,
):
    for name in estimators.OPTIONS:
        color, marker = LOOK[name]
        panel.plot(
            range(len(moments)), [values[name, moment] for moment in moments], color=color, marker=marker, label=name
        )
    panel.set_xticks(range(len(moments)), [str(moment) for moment in moments])
    panel.set(xlabel="iterations of meta-training", title=title)
axes[0].set_yscale("log")
for panel in axes[1:]:
    panel.set_ylim(-0.45, 1.05)
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=10)
plotting.show(
    figure,
    "Three panels against iterations 0, 5, 20 and 60 of meta-training. The length of the meta-gradients of DiCE and of "
    "naive plus sampling term grows to many times that of the others. The cosine between two batches falls from about 0.9 "
    "to near zero for all. The cosine with LVC on the same batch is near one for naive and first order at the start and falls later; for "
    "DiCE and the sampling term it is lower throughout.",
)
last = moments[-1]
say(
    f"At the end of training DiCE's meta-gradient is **{lengths['DiCE', last] / lengths['LVC', last]:.0f}** times as long as LVC's, that with "
    f"the sampling term **{lengths['naive + sampling term', last] / lengths['LVC', last]:.0f}** times, and two batches agree to a cosine of "
    f"{repeatable['LVC', last]:.2f} (LVC), {repeatable['first order', last]:.2f} (first order), {repeatable['DiCE', last]:.2f} (DiCE). "
    f"At the start LVC and first order have a cosine of {alike['first order', 0]:.3f}."
)
assert lengths["DiCE", last] > 3 * lengths["LVC", last] and alike["first order", 0] > 0.95
assert repeatable["LVC", 0] > 0.7 and repeatable["LVC", last] < 0.6

# %% [markdown]
# Three things explain the table.
#
# 1. **At the start the curvature contributes next to nothing.** The advantages are divided by their standard
#    deviation and averaged over steps, so an inner step with $\alpha = 0.5$ is short in the sense that
#    $\alpha \nabla^2 J$ is small against $I$. The three low-variance estimators point the same way, and most of the
#    return is won in the first 20 iterations. For naive (09.12) comes on top: normalised advantages have mean zero.
# 2. **Later the estimators do differ, and by then noise is larger than their difference.** Two batches disagree more
#    than two estimators on one batch did. A bias that is smaller than the noise of a step cannot be seen in 60 steps.
# 3. **What is unbiased is long, and the length is noise.** At $H = 100$ DiCE's matrix $C$ has 10,000 entries per
#    episode. The sampling term gives 20 episodes of 100 steps one number to share. Adam divides by the length, so
#    what is left of a noisy direction is a random walk. More episodes help DiCE as $1/\sqrt N$; for the sampling term
#    see section 5.
#
# What would change the verdict: short horizons, large inner steps, many support episodes, bad or no baselines (which
# hurt naive most), and tasks in which *exploring* pays, where $H_{12}$ and the sampling term carry the signal.
# Variance can be bought down, too: DiCE with a discount on old scores (Farquhar et al. 2019) interpolates between
# LVC's $C$ and the full one.
#
# **Advice.** LVC by default. First order where memory or time is short, and as the baseline that a second-order
# method must beat. DiCE for short horizons, and to test code against. The sampling term only with a reason, beside
# the *naive* loss and never beside the others. Naive by itself: never; it costs as much as LVC, and what it adds to
# first order depends on the baseline.
#
# ## 8 What goes wrong in practice
#
# None of these raises an error. All leave a plausible program. On the small MDP at horizon 3 each shows its face:
# error of the inner gradient, error of the Hessian (both in expectation, by enumeration), and the standard deviation
# of the Hessian-vector product from $N = 20$ sampled episodes, relative to that of DiCE.
#
# - **Graph missing.** The log-probabilities come from sampling time or from a detached copy of $\theta$. The step is
#   right; the meta-gradient is first order without saying so.
# - **Mean over action dimensions** instead of the sum. For $d = 2$ it halves $x_t$: the gradient is half as long,
#   which a larger $\alpha$ would repair; but in (09.7) $\psi \psi^\top$ gets a factor $1/4$ and $\nabla^2 x$ one of
#   $1/2$. No $\alpha$ repairs both. (In the table: the error after $\alpha$ was doubled.)
# - **DiCE's sum divided** by the number of steps ($c_t / H$), to "keep the exponent small". Its value is 0 anyway.
# - **DiCE's sum across episodes:** `cumsum` on a flattened batch. Episodes are independent, so the mean stays right.
#   And the noise?
# - **The magic box on rewards-to-go:** $\sum_t e^{c_t - \bot c_t} R_t$, where (09.8) has the reward $r_t$: later
#   rewards count several times. (Subtract the exact value function, and the surplus has mean zero. With a good critic
#   the mistake hides.)
# - **Naive with a large baseline** ($b = 20$).
#
# **Predict:** for each, which of the three columns gives it away?

# %%
world, N, repeats, g = World(3), 20, 400, seeded(11)
drawn = torch.multinomial(world.chances(theta0), N * repeats, replacement=True, generator=g).view(repeats, N)
critic = time_values(world, theta0)


def mistake(name, log_pi, to_go, value):
    """Σ over the steps of each episode; log_pi, to_go, value [..., episode, time]. Its gradient should be Σ ψ_t A_t."""
    advantage = to_go - value
    if name == "graph missing":
        return (stop_ratio(log_pi) * advantage).sum(-1)  # the *step* is cut, below
    if name == "mean over two action dimensions":
        return 2 * (stop_ratio(log_pi / 2) * advantage).sum(-1)  # with α doubled
    if name == "DiCE, sum divided by H":
        return (dice_weight(log_pi / log_pi.shape[-1]) * advantage).sum(-1) * log_pi.shape[-1]  # and α times H
    if name == "DiCE across episodes" and log_pi.ndim == 3:
        flat = log_pi.flatten(1)
        return (dice_weight(flat).view_as(log_pi) * advantage).sum(-1)
    if name == "magic box on rewards-to-go":
        return (stop_ratio(log_pi.cumsum(-1)) * to_go).sum(-1)
    if name == "naive, baseline 20":
        return (log_pi * (to_go - 20)).sum(-1)
    return (WEIGHT[name if name in WEIGHT else "DiCE"](log_pi) * advantage).sum(-1)


def symptoms(name):
    """Errors of expected gradient and Hessian, and spread of Hessian-vector products of N sampled episodes."""
    chances, to_go = world.chances(theta0), world.to_go(rewards)
    expected = lambda theta: (chances * mistake(name, world.log_pi(theta), to_go, critic)).sum()  # noqa: E731
    slope_error = relative(torch.func.grad(expected)(theta0).flatten(), exact_gradient(world, theta0))
    hessian_ = 0 * true_hessian if name == "graph missing" else hessian_of(expected)
    many = theta0.expand(repeats, STATES, ACTIONS).clone().requires_grad_()  # θ of each sampled batch
    log_pi = many.log_softmax(-1)[torch.arange(repeats)[:, None, None], world.states[drawn], world.actions[drawn]]
    value = mistake(name, log_pi, to_go[drawn], critic[drawn]).mean(-1)
    (slopes,) = torch.autograd.grad(value.sum(), many, create_graph=True)
    vector = exact_gradient(world, theta0).view(STATES, ACTIONS)
    products = torch.autograd.grad((slopes * vector).sum(), many)[0].flatten(1)
    spread = 0.0 if name == "graph missing" else float(products.var(0).sum().sqrt())
    return slope_error, relative(hessian_, true_hessian), spread


true_hessian = finite_differences(lambda theta: exact_gradient(world, theta))
names = ("DiCE", "LVC", "graph missing", "mean over two action dimensions", "DiCE, sum divided by H", "DiCE across episodes", "magic box on rewards-to-go", "naive, baseline 20")  # fmt: skip
table_of = {name: symptoms(name) for name in names}
lines = ["| | gradient | Hessian | noise of $Hv$, DiCE = 1 |", "|---|---|---|---|"]
for name, (slope_error, hessian_error, spread) in table_of.items():
    lines.append(f"| {name} | {slope_error:.0e} | {hessian_error:.2f} | {spread / table_of['DiCE'][2]:.2f} |")
say("\n".join(lines))
assert all(table_of[name][0] < 1e-9 for name in names if name != "magic box on rewards-to-go")
assert table_of["magic box on rewards-to-go"][0] > 0.01 and table_of["naive, baseline 20"][1] > 5
assert table_of["DiCE across episodes"][1] < 1e-6 and table_of["DiCE across episodes"][2] > 2 * table_of["DiCE"][2]
assert table_of["mean over two action dimensions"][1] > table_of["LVC"][1]

# %% [markdown]
# The first two rows are right answers. Of the six mistakes **only one shows in the gradient**, so a test of the inner
# step finds one of six. Five need the Hessian, or the noise: the sum across episodes is even unbiased, and costs a
# multiple of the noise, with every further episode more. The test to write is the one of section 3: a small MDP, all
# trajectories, float64, finite differences. It runs in a second.
#
# ## 9 Check yourself
#
# Decide before you open an answer.
#
# **1.** Why is `log_prob * advantage` right for REINFORCE and wrong inside MAML? (A) Inside MAML the advantages are
# not detached. (B) It is differentiated once there, and twice here. (C) MAML needs the ratio because the data are
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
# **4.** You double the support episodes, and the noise of your meta-gradient does not change. Which do you suspect?
# (A) DiCE. (B) A sampling term. (C) LVC.
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
# [exercises/09_meta_policy_gradient_exercises.ipynb](../exercises/09_meta_policy_gradient_exercises.ipynb): DiCE from scratch, the two
# Hessians of a bandit, E-MAML's term, and a meta-gradient with three silent bugs. About an hour and a half.
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
#   arXiv:1810.06784.
# - G. Farquhar, S. Whiteson and J. Foerster, *Loaded DiCE: Trading off bias and variance in any-order score function
#   gradient estimators for reinforcement learning*, 2019, arXiv:1909.10549.
# - A. Fallah, K. Georgiev, A. Mokhtari and A. Ozdaglar, *On the convergence theory of debiased model-agnostic
#   meta-reinforcement learning*, 2021, arXiv:2002.05135.
#
# [Exercises](../exercises/09_meta_policy_gradient_exercises.ipynb) · previous: [08 MAML for reinforcement learning](08_maml_for_rl.ipynb) · next: [10 Meta-learning a DQN](10_meta_learning_a_dqn.ipynb)
