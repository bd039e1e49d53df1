# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 MAML for reinforcement learning
#
# **What changes when the learner has to collect the data that it learns from?**
#
# You will be able to
#
# - say who collects which trajectories, and with which parameters
# - build the inner loss with its baseline, and say what normalised advantages do to the step size
# - derive the meta-gradient and the outer rules: Adam, PPO and ProMP, TRPO with the Fisher matrix pulled back
# - compare nine ways to learn a new goal, on the same goals, with intervals
# - tell in advance where there is nothing to win, and where a gradient cannot explore
# - recognise four mistakes that give no error message
#
# Before you start: chapter 04, [Policy-gradient agents](04_policy_gradient_agents.ipynb); chapter 05, [MAML](05_maml.ipynb); chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb).
#
# Reading: about 75 minutes. Running: at most 180 seconds and 1700 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/08_maml_for_rl_exercises.ipynb): about 90 minutes.

# %%
import dataclasses
import re
import time

import numpy as np
import torch
from IPython.display import Markdown, display
from torch.autograd.functional import hessian, jacobian

from metarl_core import plotting
from metarl_core.agents import (
    Batch,
    GaussianPolicy,
    OraclePolicy,
    conjugate_gradient,
    linear_baseline,
    mean_returns,
    natural_gradient,
    normalise,
    policy_advantages,
    reinforce_loss,
    reward_to_go,
)
from metarl_core.evaluation import interquartile_mean, paired_difference, summarise_curves
from metarl_core.meta import (
    OuterAdam,
    OuterTRPO,
    PolicyMAML,
    choose_inner_lr,
    clipped_loss,
    kl_product,
    meta_gradient,
    policies,
    stage_kl,
    surrogate_and_kl,
    surrogate_loss,
)
from metarl_core.parameters import initial_parameters
from metarl_core.recipes import meta_policies
from metarl_core.results import load_benchmark, load_table
from metarl_core.session import begin
from metarl_core.tasks import PointNavigation, rollout, select_tasks
from metarl_core.widgets import policy_adaptation_explorer

begin()

# A committed table, five seeds a method, written by the script of the same name in experiments/.
table = load_table("meta_policies")
settings = table.settings
navigation, sparse_setting = settings["problems"]["navigation"], settings["problems"]["sparse"]
EPISODES, STEPS, SEED = settings["episodes"], settings["steps"], settings["seeds"][0]
STYLE = {
    "MAML": plotting.METHOD_STYLE["MAML"],
    "MAML, every step": (plotting.SKY, "P"),
    "MAML, TRPO": (plotting.PURPLE, "v"),
    "FOMAML": (plotting.GREEN, "D"),
    "Meta-SGD": (plotting.RED, "X"),
    "Reptile": ("#000000", "*"),
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
    "from scratch": plotting.METHOD_STYLE["from scratch"],
}


def say(text: str) -> None:
    """Show a sentence whose numbers were computed in this cell, with a proper minus sign."""
    display(Markdown(re.sub(r"(?<![\w-])-(?=\d)", "−", text)))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vector(parameters):
    """All parameters of one policy as one vector."""
    return torch.cat([value.flatten() for value in parameters.values()])


def cosine(one, other):
    return float(torch.cosine_similarity(vector(one), vector(other), dim=0).detach())


# %% [markdown]
# ## 1 Twenty walks, one step
#
# Chapter 00 showed it: a point stands at the origin, an unknown goal lies somewhere in the square $[-0.5, 0.5]^2$, and
# the policy sees its own position only. It walks 20 episodes, takes one gradient step, and the next walks go to the
# goal. Now we build what was behind that. The tasks, the step sizes and the number of episodes are those of the
# released code of the MAML paper (Finn, Abbeel and Levine 2017): reward $-\text{distance}$, actions in $[-1, 1]$ that
# move the point by at most 0.1, a horizon of 100 steps, 20 episodes per task and step.
#
# The cell below meta-trains one policy (half a minute to two minutes; read on while the bar runs). The rest of this
# section explains what it does. Beside it, pre-training: plain policy gradients on the return averaged over goals, with
# as many episodes.
#
# **Predict, then run.** (a) Before adaptation the policy cannot know the goal. What will its paths look like after
# meta-training: a wide search of the square, or something else? (b) The pre-trained policy has seen the same goals and
# as many episodes. Where will its paths be before adaptation, and after one step of the size that suits it best?

# %%
snapshots, trained_for = {}, {}
began = time.perf_counter()


def keep(iteration, meta, batch):
    snapshots[iteration] = {name: value.clone() for name, value in meta.items()}
    trained_for[iteration] = time.perf_counter() - began


# The recipes of the table's rows, each from the same random policy. Sections 3 to 5 take them apart: the meta-learner
# (`method`), the rule of its outer updates (`ppo`).
recipe = meta_policies.Settings()
family, policy, random_start, _ = meta_policies.untrained("navigation", SEED, recipe)
_, ppo, _ = meta_policies.learner("navigation", "MAML", family, policy, recipe)
method, theta, generator, history = meta_policies.trained("navigation", "MAML", SEED, recipe, callback=keep)
training_seconds = time.perf_counter() - began
_, pretrained, *_ = meta_policies.trained("navigation", "pre-training", SEED, recipe)

# %%
rates = navigation["test_rates"]
test = meta_policies.held_out(family, recipe)  # 40 goals, for all methods
returns, along, walks = policies.adaptation_curve(method, theta, test, generator, inner_lr=rates)
live = {"MAML": returns}
walks_of = {"MAML": walks}


def one_step_rate(start, candidates=(0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)):
    """The best step size for *one* step, chosen on training goals."""
    g = seeded(5)
    return choose_inner_lr(method, start, family.sample_tasks(40, g), candidates, 1, g)


chosen = {}
for name, start in (("pre-training", pretrained), ("random initialisation", random_start)):
    chosen[name] = one_step_rate(start)
    schedule = [chosen[name], chosen[name] / 2, chosen[name] / 2]
    live[name], _, walks_of[name] = policies.adaptation_curve(method, start, test, seeded(6), inner_lr=schedule)

order = returns[:, 1].argsort()
shown = int(order[len(order) // 2])  # the goal at the median of MAML's return after one step
figure, axes = plotting.figure(3, 4, width=11.2, height=8.6, sharex=True, sharey=True)
for row, name in enumerate(live):
    for k in range(4):
        panel = axes[row, k]
        plotting.plot_paths(panel, walks_of[name][k], shown, test["goal"][shown], STYLE[name][0], 0.85)
        label = f"{k} step{'s' * (k != 1)}: " if row == 0 else ""
        panel.set_title(label + f"{live[name][shown, k]:.1f}".replace("-", "−"), fontsize=11)
        panel.set(xlabel="x" if row == 2 else "", ylabel=f"{name}\ny" if k == 0 else "")
plotting.show(
    figure,
    "Paths of twenty episodes towards one held-out goal, marked by a star. Rows: MAML, pre-training, random "
    "initialisation; columns: after 0, 1, 2, 3 gradient steps, with the mean return above. MAML and pre-training begin "
    "as a knot around the origin, which one step moves to the neighbourhood of the goal and further steps closer. The "
    "random policy's paths wander over the whole square and beyond, after three steps as before.",
)
say(
    f"Training took {training_seconds:.0f} seconds here. Mean over 40 held-out goals after 0, 1, 2, 3 steps: "
    + "; ".join(
        f"{name} " + " / ".join(f"{value:.1f}" for value in by_step.mean(0).tolist()) for name, by_step in live.items()
    )
    + f". Step sizes: MAML {' / '.join(f'{r:g}' for r in rates)}, as in the paper's evaluation; the others begin with "
    f"{chosen['pre-training']:g} and {chosen['random initialisation']:g}, best for one step on training goals, and halve "
    "it, too."
)
assert returns[:, 1].mean() > -14 and returns[:, 1].mean() > live["pre-training"][:, 1].mean() - 1
assert returns[:, 1].mean() > live["random initialisation"][:, 1].mean() + 30

# %% [markdown]
# The goal in the picture is neither the best nor the worst: it is the median one. Before adaptation MAML stays where it
# is, in a knot around the origin. It does not search. With the distance as reward it need not: how the reward changes
# while it trembles about the origin tells it where the goal must lie. One step turns that knowledge into another
# policy. The pre-trained policy stands at the same place, since standing in the middle is the best that one can do
# without knowing the goal; and with a step size chosen for it, it follows close behind. That was chapter 01's finding,
# and it has not gone away. The random network gets next to nothing out of the same 20 episodes. Section 6 returns to
# this with all methods and five seeds.
#
# ## 2 From supervised learning to RL: who collects the data?
#
# In chapter 05 a task *was* two sets of points. Whoever adapts to it may look at them; nothing that the learner does
# changes them. Here a task $\mathcal{T}$ is an MDP (02.1), and data are trajectories $\tau$, which some policy must
# collect. Two sets again, with two different authors:
#
# | | supervised (chapter 05) | reinforcement learning |
# |---|---|---|
# | **support** $D_{\mathcal{T}}$ | given points | $N$ episodes of $\pi_\theta$ on $\mathcal{T}$ |
# | inner loss | mean squared error on them | policy-gradient loss on them, (08.3) |
# | **query** $D'_{\mathcal{T}}$ | other given points | $N$ *new* episodes of the adapted $\pi_{\theta'_{\mathcal{T}}}$ |
# | outer loss | the error at $\theta'$ on them | minus the return of $\pi_{\theta'}$ |
# | does $\theta$ change the data? | no | yes: both sets |
#
# With $J_{\mathcal{T}}(\theta) = \mathbb{E}_{\tau \sim p_\theta}[R(\tau)]$ from (01.3), on the task $\mathcal{T}$, one
# inner step is
#
# $$\theta'_{\mathcal{T}} = \theta + \alpha\, \widehat{\nabla} J_{\mathcal{T}}(\theta;\, D_{\mathcal{T}}),
# \qquad D_{\mathcal{T}} \sim \pi_\theta, \tag{08.1}$$
#
# and MAML's objective is the return of the adapted policy, on average over tasks and over the support episodes that
# happened to come:
#
# $$\max_\theta\; \mathbb{E}_{\mathcal{T} \sim p}\; \mathbb{E}_{D_{\mathcal{T}} \sim \pi_\theta}\;
# J_{\mathcal{T}}\big(\theta'_{\mathcal{T}}\big). \tag{08.2}$$
#
# It is (01.11) with its hidden expectation written out. Several steps are several rounds: collect with the policy
# reached so far, step, and collect *again*, since the gradient of a policy's return needs trajectories of that policy.
#
# Finn et al. (2017), algorithm 3, in full, with $K$ inner steps:
#
# | | |
# |---|---|
# | 1 | initialise $\theta$ at random; step sizes $\alpha$ (inner) and $\beta$ (outer) |
# | 2 | **repeat:** draw a batch of tasks $\mathcal{T}_i \sim p(\mathcal{T})$ |
# | 3 | **for each** $\mathcal{T}_i$: $\theta_i^{(0)} = \theta$ |
# | 4 | **for** $k = 0, \dots, K-1$: collect $N$ episodes $D_i^{(k)}$ on $\mathcal{T}_i$ **with** $\pi_{\theta_i^{(k)}}$ |
# | 5 | $\theta_i^{(k+1)} = \theta_i^{(k)} - \alpha \nabla L(\theta_i^{(k)}; D_i^{(k)})$, with $L$ from (08.3) |
# | 6 | collect $N$ episodes $D'_i$ on $\mathcal{T}_i$ **with** $\pi_{\theta_i'}$, $\theta_i' = \theta_i^{(K)}$ |
# | 7 | $\theta \leftarrow \theta - \beta\, \nabla_\theta \frac1n \sum_i L'(\theta_i'; D'_i)$: through line 5, by Adam, PPO or TRPO (section 5) |
#
# Lines 4 and 6 are where RL differs. The query episodes are collected at a place that only this task's adaptation has
# reached, and the next meta-iteration needs all of them anew: nothing is stored, and $n\,(K + 1)\,N$ episodes are spent
# for one outer step.

# %%
episodes_used = 2 * EPISODES * settings["meta_batch"]
say(
    f"Here: {settings['meta_batch']} tasks × 2 × {EPISODES} episodes = {episodes_used} episodes, at most "
    f"{episodes_used * family.horizon:,} environment steps, for each of {navigation['iterations']} outer steps: "
    f"**{history['env_steps'][-1] / 1e6:.1f} million** steps in all (episodes that reach the goal end early). A new goal then "
    f"costs {EPISODES} episodes for each inner step."
)


# %% [markdown]
# ## 3 The inner loss
#
# Line 5 takes REINFORCE with a baseline, (01.9). For the trajectories of one task, with $N_s$ the number of steps in
# all of its episodes,
#
# $$L(\theta; D) = -\frac{1}{N_s} \sum_{i} \sum_t \log \pi_\theta(a^i_t \mid s^i_t)\; A^i_t, \qquad
# A^i_t = \text{normalised } \big(R^i_t - b(s^i_t, t)\big), \text{ constant.} \tag{08.3}$$
#
# $R_t$ is the discounted reward-to-go (01.2). The *joint* log-probability of a move in two dimensions is the sum over
# both. Every mean runs over steps that were taken: padding after an episode's end is masked.
#
# **The baseline.** A value network would have to be trained for each task and each policy on the way, from 20 episodes.
# A linear function of fixed features has a closed form and no history (Duan et al. 2016). With $u = t / 100$,
#
# $$\phi(s, t) = \big[\,s,\; s^2,\; u,\; u^2,\; u^3,\; 1\,\big], \qquad b(s, t) = \phi(s, t)^\top w, \tag{08.4}$$
#
# where $s^2$ is taken entry by entry, and $w$ solves the ridge regression of the returns on the features,
#
# $$\Big(\sum_{i,t} \phi\, \phi^\top + \lambda I\Big)\, w = \sum_{i,t} \phi\, R^i_t, \qquad \lambda = 10^{-5}. \tag{08.5}$$
#
# $\lambda$ only makes the equations solvable (it grows tenfold until they are: an episode that never leaves its place
# has features that are multiples of each other). $w$ is fitted **for each task** and **after each step**, because the
# value of a state depends on the goal, and on the policy that goes on from there.
#
# **Normalised advantages change $\alpha$.** Let $\tilde A = R - b$ have mean $m$ and standard deviation $\sigma$ over
# the task's steps. Then $A = (\tilde A - m) / \sigma$, and
#
# $$\theta' = \theta + \frac{\alpha}{\sigma_{\mathcal{T}}} \cdot \frac{1}{N_s} \sum_{i,t} \nabla \log \pi_\theta(a^i_t \mid s^i_t)\,
# \big(\tilde A^i_t - m\big). \tag{08.6}$$
#
# The step does not depend on the units of reward: doubling all rewards changes nothing. In return each task has a step
# size of its own, $\alpha / \sigma_{\mathcal{T}}$, and so has each step on the way. "$\alpha = 0.5$" means something
# only together with this normalisation.
#
# **Build it.** For one task, written plainly.

# %%
def my_advantages(episodes, discount=0.99, ridge=1e-5):
    """(08.3) to (08.5) for trajectories [1, episode, time, ...] of one task."""
    reward, mask = episodes.rewards[0].double(), episodes.mask[0]
    to_go = torch.zeros_like(reward)
    carry = torch.zeros(len(reward), dtype=torch.float64)
    for t in reversed(range(reward.shape[1])):  # padded rewards are zero, so padding adds nothing
        carry = reward[:, t] + discount * carry
        to_go[:, t] = carry
    s = episodes.observations[0].double().clamp(-10, 10)
    u = (torch.arange(reward.shape[1], dtype=torch.float64) / 100).expand(reward.shape)
    phi = torch.cat([s, s**2, torch.stack([u, u**2, u**3, torch.ones_like(u)], -1)], -1)
    rows, targets = phi[mask], to_go[mask]  # real steps only
    gram = rows.T @ rows + ridge * torch.eye(rows.shape[1], dtype=torch.float64)
    raw = targets - rows @ torch.linalg.solve(gram, rows.T @ targets)
    result = torch.zeros_like(reward)
    result[mask] = (raw - raw.mean()) / raw.std(unbiased=False)  # divided by the standard deviation
    return result.float()[None]


for k in range(3):  # before adaptation, after one step, after two
    for task in (0, 7, 23):
        one = walks[k].select([task])
        assert torch.allclose(my_advantages(one), policy_advantages(policy, one, 0.99), atol=2e-3)


# %% [markdown]
# **Predict, then run.** What is a baseline *per task and step* worth? We compare five: none; the mean return at the
# same time of the episode; the features of (08.4) fitted once over all tasks; fitted per task, but *before* the last
# step; and fitted per task and step. First the share of the returns' variance (within a task) that each explains, at
# $\theta$ and after one step. Then what counts: the cosine between the inner gradient from 20 episodes and that from
# 400. Which differences will be large, and will they be the same before and after the step?

# %%
def raw_advantage(kind, episodes, before=None):
    """Reward-to-go minus a baseline, not normalised, [task, episode, time]."""
    to_go, mask = reward_to_go(episodes.rewards, 0.99), episodes.mask
    if kind == "none":
        b = torch.zeros_like(to_go)
    elif kind == "mean at that time":
        b = (to_go * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp_min(1)
    elif kind == "one fit over all tasks":
        together = lambda x: x.flatten(0, 1)[None]  # noqa: E731, all tasks as the episodes of one
        b = linear_baseline(*map(together, (episodes.observations, to_go, mask))).reshape(to_go.shape)
    elif kind == "per task, of the step before":
        # Fit old and new steps together, the new ones with weight zero in the equations.
        both = torch.cat([before.observations, episodes.observations], 1), torch.cat([before.mask, mask], 1)
        old = reward_to_go(before.rewards, 0.99)
        fitted = refit(both[0], torch.cat([old, to_go], 1), torch.cat([before.mask, mask & False], 1))
        b = fitted[:, before.mask.shape[1] :]
    else:
        b = linear_baseline(episodes.observations, to_go, mask)
    return (to_go - b) * mask


def refit(observations, targets, fit_mask):
    """(08.5) from the steps in `fit_mask`, evaluated everywhere."""
    s = observations.double().clamp(-10, 10)
    u = (torch.arange(s.shape[2], dtype=torch.float64) / 100).expand(targets.shape)
    phi = torch.cat([s, s**2, torch.stack([u, u**2, u**3, torch.ones_like(u)], -1)], -1).flatten(1, 2)
    used = phi * fit_mask.flatten(1)[..., None]
    gram = used.mT @ used + 1e-5 * torch.eye(phi.shape[-1], dtype=torch.float64)
    w = torch.linalg.solve(gram, used.mT @ targets.double().flatten(1)[..., None])
    return (phi @ w).reshape(targets.shape).float()


def spread(values, mask):
    """Variance over the steps of each task, [task]."""
    count = mask.sum((1, 2))
    centred = values - ((values * mask).sum((1, 2)) / count)[:, None, None]
    return (centred.square() * mask).sum((1, 2)) / count


def inner_gradient(parameters, episodes, advantage):
    """−∇L of each task, one row each; parameters [task, ...]."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    loss = surrogate_loss(policy, leaves, episodes, normalise(advantage, episodes.mask))
    slopes = torch.autograd.grad(loss.sum(), list(leaves.values()))
    return -torch.cat([value.flatten(1) for value in slopes], 1)


KINDS = (
    "none",
    "mean at that time",
    "one fit over all tasks",
    "per task, of the step before",
    "per task and step",
)
few = select_tasks(test, slice(0, 6))
explained, alike = {}, {}
for k, when in ((0, "at θ"), (1, "after one step")):
    here = {name: value[:6] for name, value in along[k].items()}
    many = rollout(family, few, policy, here, 400, seeded(20 + k))
    reference = inner_gradient(here, many, raw_advantage("per task and step", many))
    repeats = [rollout(family, few, policy, here, EPISODES, seeded(30 + r)) for r in range(5)]
    earlier = rollout(family, few, policy, {name: value[:6] for name, value in along[0].items()}, EPISODES, seeded(29))
    for kind in KINDS:
        if kind == "per task, of the step before" and k == 0:
            continue
        total = spread(reward_to_go(walks[k].rewards, 0.99), walks[k].mask)
        left = spread(raw_advantage(kind, walks[k], walks[0]), walks[k].mask)
        explained[when, kind] = float((1 - left / total).median())
        found = [inner_gradient(here, one, raw_advantage(kind, one, earlier)) for one in repeats]
        alike[when, kind] = float(torch.stack([torch.cosine_similarity(f, reference, dim=1) for f in found]).mean())
lines = ["| baseline | explained at θ | after one step | cosine at θ | after one step |", "|---|---|---|---|---|"]
for kind in KINDS:
    cells = [explained.get((w, kind)) for w in ("at θ", "after one step")]
    cells += [alike.get((w, kind)) for w in ("at θ", "after one step")]
    texts = [("–" if c is None else f"{c:.0%}" if n < 2 else f"{c:.2f}") for n, c in enumerate(cells)]
    lines.append(f"| {kind} | " + " | ".join(texts) + " |")
say("\n".join(lines))
best = {w: max((k for k in KINDS if (w, k) in alike), key=lambda k: alike[w, k]) for w in ("at θ", "after one step")}
assert all(alike[w, "per task and step"] > alike[w, "none"] + 0.05 for w in best)
assert explained["after one step", "per task and step"] > explained["after one step", "per task, of the step before"]
stale = alike["after one step", "per task, of the step before"]
assert stale < alike["after one step", "per task and step"] - 0.1

# %% [markdown]
# The refitted baseline explains most, by construction: it is the least-squares fit to these very episodes. What counts
# is the last two columns, how much of the 20-episode gradient is signal. At $\theta$ the policy stands still, the
# reward-to-go is nearly the distance times the time that is left, and whoever knows the *time* has most of it: the mean
# at that time, and even one fit over all tasks, do well. After the step the walk goes somewhere, the time explains
# less, and the good baselines lose a part of their lead. The one that fails is the baseline of the step *before*: it
# explains worse than nothing, since it predicts what the old policy would still lose. So: per task, and anew at each
# step. It is a system of eight equations; solving it costs next to nothing.
#
# And the scales: what is $\sigma_{\mathcal{T}}$ in (08.6)?

# %%
scales = [
    spread(raw_advantage("per task and step", one), one.mask).sqrt() for one in walks[:3]
]  # [step][task], the standard deviation that advantages were divided by
lines = ["| inner step | σ: smallest, median, largest task | α / σ: largest over smallest |", "|---|---|---|"]
for k, scale in enumerate(scales):
    low, middle, high = (float(f(scale)) for f in (torch.min, torch.median, torch.max))
    lines.append(f"| {k + 1} (α = {rates[k]:g}) | {low:.2f}, {middle:.2f}, {high:.2f} | {high / low:.1f} |")
say("\n".join(lines))
with_distance = float(torch.corrcoef(torch.stack([scales[0], test["goal"].norm(dim=-1)]))[0, 1])
say(f"Correlation of σ at θ with the distance of the goal: {with_distance:.2f}.")
assert float(scales[0].max() / scales[0].min()) > 1.2 and float(scales[1].median()) > float(scales[0].median())


# %% [markdown]
# So each task takes a step of its own size. Which tasks have a large $\sigma$? Not the distant ones: a move towards the
# goal gains as much from far away as from nearby, since the distance has a slope of length 1 everywhere. Near goals do:
# there the direction to the goal changes within the tremble of the walk, which linear and square features cannot
# follow. For the same reason $\sigma$ is larger after a step, when the walk trembles about the goal. What is divided by
# $\sigma$ is then mostly noise, brought to the same size as the signal was before: steps do not shrink of themselves as
# the policy gets better. That is why the paper's evaluation halves $\alpha$ after the first step. Section 6 meets
# (08.6) again.
#
# ## 4 The meta-gradient
#
# **Outer loss.** The adapted policy is judged by its query episodes. Its return cannot be differentiated; its surrogate
# can (04.19). With $\pi_{\text{old}}$ the policy that collected them, namely $\pi_{\theta'}$ as it was then,
#
# $$L'(\theta'; D') = -\frac{1}{N_s} \sum_{i,t} \frac{\pi_{\theta'}(a^i_t \mid s^i_t)}{\pi_{\text{old}}(a^i_t \mid s^i_t)}\, A^i_t. \tag{08.7}$$
#
# The denominator is the log-probability that was *recorded at sampling time*, a constant. At the moment of collection
# the ratio is 1, the gradient of $L'$ with respect to $\theta'$ is that of (08.3), and the ratio pays off when several
# outer steps are made on one batch.
#
# **Through the step.** On fixed support episodes $\theta'$ is a function of $\theta$, and everything of chapter 05
# holds: with (05.5),
#
# $$\nabla_\theta L'(\theta') = (I - \alpha \widehat H)\, \nabla L'(\theta'), \qquad \widehat H = \nabla^2_\theta L(\theta; D), \tag{08.8}$$
#
# and a product of such factors, (05.7), for several steps. Hessian-vector products (05.9) come from differentiating
# twice; no matrix is formed.
#
# **Two subtleties.** In chapter 05 this was the end. Here it is not, because $\theta$ decides which data come.
#
# *First*, $\widehat H$ should estimate the Hessian of $-J$. The loss (08.3) was made so that its *gradient* is right,
# and nothing was said about its second derivative. Take two losses with the same gradient at $\theta$: $-\log \pi\, A$
# and $-(\pi_\theta / \pi_{\text{old}})\, A$. Differentiate twice:
#
# $$\nabla^2 \big[\log \pi_\theta\big] = \nabla^2 \log \pi, \qquad
# \nabla^2 \Big[\frac{\pi_\theta}{\pi_{\text{old}}}\Big] = \frac{\pi_\theta}{\pi_{\text{old}}}
# \Big(\nabla^2 \log \pi + \nabla \log \pi\, \nabla \log \pi^\top\Big). \tag{08.9}$$
#
# They differ by the outer product of the scores, which is no small term. The first is the **naive** surrogate; the
# second is **LVC**, the *low-variance curvature* estimator of ProMP (Rothfuss et al. 2019), which we use throughout
# this chapter, inside as outside. **DiCE** has further terms. Which is right, and what it costs in variance, is the
# subject of chapter 09.
#
# *Second*, the average over support episodes in (08.2) is taken under $\pi_\theta$, and its derivative is a score
# again:
#
# $$\nabla_\theta\, \mathbb{E}_{D \sim \pi_\theta}\big[J(\theta'(\theta, D))\big]
# = \mathbb{E}_D\Big[\Big(\frac{\partial \theta'}{\partial \theta}\Big)^{\!\top} \nabla J(\theta')\Big]
# + \mathbb{E}_D\big[J(\theta')\, \nabla \log p_\theta(D)\big]. \tag{08.10}$$
#
# MAML as published keeps the first term. The second rewards $\theta$ for collecting *useful* support episodes; it is
# E-MAML's (Stadie et al. 2018), and `PolicyMAML(estimator="naive", sampling_term=True)` adds it. Section 9 shows a problem where leaving
# it out is expensive.
#
# **Build it.** One meta-iteration: lines 3 to 7 of the algorithm, one task after another.

# %%
def my_surrogate(parameters, episodes):
    """(08.7): support and query losses alike; recorded log-probabilities are constants."""
    log_probability = policy.log_probability(parameters, episodes.observations, episodes.actions)  # sum over both axes
    ratio = (log_probability - episodes.log_probabilities).exp()
    return -(ratio * my_advantages(episodes) * episodes.mask).sum() / episodes.mask.sum()


def my_inner_step(parameters, episodes, alpha):
    """(08.1), with the graph kept: new tensors, θ itself stays."""
    slopes = torch.autograd.grad(my_surrogate(parameters, episodes), list(parameters.values()), create_graph=True)
    return {name: p - alpha * g for (name, p), g in zip(parameters.items(), slopes, strict=True)}


def my_meta_gradient(start, tasks, alpha, generator, steps=1, number=20):
    """Algorithm 3 without its last line: who collects what, and the gradient (08.8)."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in start.items()}
    total = 0.0
    for goal in tasks["goal"]:
        task, adapted = {"goal": goal[None]}, leaves  # every task starts from the same θ
        for _ in range(steps):
            support = rollout(family, task, policy, adapted, number, generator)  # by the policy reached so far
            adapted = my_inner_step(adapted, support, alpha)
        query = rollout(family, task, policy, adapted, number, generator)  # new episodes, by the adapted policy
        total = total + my_surrogate(adapted, query) / len(tasks["goal"])
    return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


# %% [markdown]
# **Check it** against the package: three tasks, one and two inner steps, the same random numbers. The package is given
# one task at a time here, so that it draws in the same order.

# %%
three = family.sample_tasks(3, seeded(40))
for steps in (1, 2):
    reference = dataclasses.replace(method, inner_steps=steps)
    g = seeded(41)
    parts = []
    for task in range(3):
        batch = reference.collect(theta, select_tasks(three, [task]), g)
        parts.append(meta_gradient(reference, theta, batch)[0])
    theirs = {name: torch.stack([part[name] for part in parts]).mean(0) for name in theta}
    mine = my_meta_gradient(theta, three, navigation["inner_lr"], seeded(41), steps)
    off = float((vector(mine) - vector(theirs)).norm() / vector(theirs).norm())
    say(f"{steps} inner step{'s' * (steps > 1)}: relative difference {off:.0e}, {vector(mine).numel():,} parameters.")
    assert off < 2e-2

# %% [markdown]
# **Use it.** The package computes the same for all tasks at once: `PolicyMAML.collect` gives a batch of *stages*
# (trajectories, advantages, and the parameters that collected them), and `meta_gradient` differentiates through the
# inner steps on it. How different are the meta-gradients of the three inner losses and of the first-order variant
# (`create_graph=False`, no factor at all) on the *same* episodes?
#
# **Predict:** which of the four are nearly parallel? At a random $\theta$, and at the trained one?

# %%
variants = {
    "LVC": {},
    "naive": {"estimator": "naive"},
    "DiCE": {"estimator": "dice"},
    "first order": {"first_order": True},
}
twenty = family.sample_tasks(settings["meta_batch"], seeded(42))
lines = [
    "| θ | cosine with LVC: naive | DiCE | first order | naive with first order | length of αĤg beside g |",
    "|---|---|---|---|---|---|",
]
steps_agree, angle = [], {}
for name, at in {"random": random_start, "after 10 iterations": snapshots[10], "trained": theta}.items():
    batch = method.collect(at, twenty, seeded(43))
    found = {}
    for variant, options in variants.items():
        changed = dataclasses.replace(method, **options)
        found[variant] = meta_gradient(changed, at, batch)[0]
        steps_agree.append(
            cosine(changed.visited(at, batch.support, False)[1], method.visited(at, batch.support, False)[1])
        )
    angle[name] = [cosine(found["LVC"], found[v]) for v in ("naive", "DiCE", "first order")]
    factor = float((vector(found["LVC"]) - vector(found["first order"])).norm() / vector(found["first order"]).norm())
    angle[name].append(cosine(found["naive"], found["first order"]))
    lines.append(f"| {name} | " + " | ".join(f"{c:.2f}" for c in angle[name]) + f" | {factor:.2f} |")
say("\n".join(lines))
assert min(steps_agree) > 0.99999  # the inner step itself: one and the same for all four
assert min(angle["trained"]) < 0.97 and angle["trained"][-1] > 0.85

# %% [markdown]
# All four take *the same inner step* (asserted): their first derivatives are equal. They disagree about what a change
# of $\theta$ does to that step. The last column says how much there is to disagree about: the size of the correction
# $\alpha \widehat H g$ beside the query gradient $g$ itself. Note that the naive loss, second derivative and all,
# points near where *leaving the factor out* points. Which of the directions is the better one cannot be read off one
# batch; chapter 09 enumerates it.
#
# ## 5 Outer rules: how far along the meta-gradient?
#
# Line 7 has a direction. Chapter 04 asked how far one may go along a policy gradient, and the answers carry over, with
# one difference: the policies whose change matters are the *adapted* ones, and they are functions of $\theta$.
#
# **Adam.** One step per batch, with $g = \nabla_\theta \frac1n \sum_i L'(\theta'_i)$. The $n \times 2 \times 20$
# episodes are used once and thrown away.
#
# **PPO, and ProMP.** To use a batch several times, clip (04.22), with $\theta'$ recomputed from $\theta$ at each epoch:
#
# $$\max_\theta\; \frac1n \sum_i \frac{1}{N_s} \sum_{D'_i} \min\big(\rho\, A,\; \mathrm{clip}(\rho, 1 - \epsilon, 1 + \epsilon)\, A\big),
# \qquad \rho = \frac{\pi_{\theta'_i(\theta)}(a \mid s)}{\pi_{\text{old}}(a \mid s)}. \tag{08.11}$$
#
# Three things stay as they were at sampling time through all epochs: the query's recorded log-probabilities, the
# support's recorded log-probabilities, and all advantages. The inner step is made anew from the *old* support episodes,
# which is importance sampling in the inner loss too: away from where they were collected, the ratio in LVC is no
# longer 1. ProMP therefore adds a penalty on how far the *pre-adaptation* policy has moved,
#
# $$\eta\; \mathbb{E}_{s \sim D}\, D_{\mathrm{KL}}\big(\pi_{\text{old}}(\cdot \mid s)\, \Vert\, \pi_\theta(\cdot \mid s)\big). \tag{08.12}$$
#
# With two epochs, as here, the penalty is small and left at $\eta = 0$; the clip does the work.
#
# **TRPO**, the rule of the paper. Take the step $d$ that lowers the loss most while the adapted policies move by no
# more than $\delta$ on average:
#
# $$\min_d\; g^\top d \quad \text{subject to} \quad
# \frac1n \sum_i \mathbb{E}_{s \sim D'_i}\, D_{\mathrm{KL}}\big(\pi_{\theta'_i}\, \Vert\, \pi_{\theta'_i(\theta + d)}\big) \le \delta. \tag{08.13}$$
#
# The constraint is a function of $\theta$ *through* the inner step. Write $K_i(\varphi)$ for task $i$'s divergence as a
# function of its adapted parameters $\varphi$, and $J_i = \partial \theta'_i / \partial \theta$. Differentiate
# $K_i(\theta'_i(\theta))$ twice:
#
# $$\nabla^2_\theta\, K_i = J_i^\top\, \nabla^2_\varphi K_i\, J_i
# + \sum_m \underbrace{\frac{\partial K_i}{\partial \varphi_m}}_{=\,0}\, \nabla^2_\theta\, \theta'_{i,m}
# = J_i^\top F_i\, J_i, \qquad H = \frac1n \sum_i J_i^\top F_i\, J_i. \tag{08.14}$$
#
# A divergence is smallest, namely 0, where the two policies are equal, so its slope vanishes there and the awkward
# second term (a *third* derivative of the inner loss) is exactly zero. What is left is the Fisher matrix $F_i$ of the
# adapted policy (04.14), pulled back through the inner loop. As in (04.16) the step is
#
# $$d = -\sqrt{\frac{2\delta}{x^\top H x}}\; x, \qquad H x = g, \tag{08.15}$$
#
# with $x$ from conjugate gradients, which need products $H v = \frac1n \sum_i J_i^\top F_i J_i v$ only. Then a line
# search: adapt anew from $\theta + d$, measure the *exact* mean divergence and the surrogate on the query episodes, and
# halve $d$ until the surrogate has fallen and the divergence is at most $\delta$.
#
# Check (08.14) where everything can be written out: a policy with a few dozen parameters, three tasks. $J_i$ and $F_i$
# as explicit matrices; the Hessian of the mean divergence by differentiating it twice *through* the inner step; the
# package's product.

# %%
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


def divergence(phi):
    """K_i at adapted parameters [task, parameter]."""
    parts = phi.split([value.numel() for value in point.values()], 1)
    after = {name: p.reshape(3, *value.shape) for p, (name, value) in zip(parts, point.items(), strict=True)}
    return stage_kl(small, after, batch.query)


J_all = jacobian(adapted_flat, flat)  # [task, parameter of θ', parameter of θ]
reached = adapted_flat(flat).detach()
F_all = [
    hessian(lambda p, i=i: divergence(torch.cat([reached[:i], p[None], reached[i + 1 :]]))[i], reached[i])
    for i in range(3)
]
by_matrices = torch.stack([J.T @ F @ J for J, F in zip(J_all, F_all, strict=True)]).mean(0)
twice = hessian(lambda numbers: divergence(adapted_flat(numbers)).mean(), flat)
product = kl_product(tiny, point, batch)
columns = torch.stack([vector(product(as_policy(unit))) for unit in torch.eye(len(flat))], 1)
fisher_at_theta = torch.stack(F_all).mean(0)
size = by_matrices.norm()
rows = {
    "$J^\\top F J$ and the Hessian through the inner step": twice,
    "$J^\\top F J$ and the package's products": columns,
    "$J^\\top F J$ and $F$ alone (the factors $J$ forgotten)": fisher_at_theta,
}
errors = {name: float((other - by_matrices).norm() / size) for name, other in rows.items()}
say(
    f"| {len(flat)} parameters, relative difference between | |\n|---|---|\n"
    + "\n".join(f"| {n} | {e:.0e} |" for n, e in errors.items())
)
assert list(errors.values())[0] < 1e-3 and list(errors.values())[1] < 1e-3 < 0.02 < list(errors.values())[2]


# %% [markdown]
# **Build it.** One step of TRPO from products and a line search, and the same step by the package. Then a look at what
# the step length does.
#
# **Predict:** along the TRPO direction the quadratic model $\frac12 d^\top H d$ promises a divergence of exactly
# $\delta = 0.01$ at length 1. Will the true mean divergence be below or above it? And a step of Adam, or an update by
# PPO, from the same $\theta$ with the same episodes: how far do they move the adapted policies?

# %%
def my_trpo_direction(start, batch, damping=1e-5, hessian_episodes=2):
    """(08.15): the full step d of length 1, as a dictionary."""
    g, _ = meta_gradient(method, start, batch)
    product = kl_product(method, start, batch.first_episodes(hessian_episodes))  # fewer episodes: products cost most

    def damped(v):  # conjugate_gradient works on [learner, ...]; there is one learner here
        image = product({name: value[0] for name, value in v.items()})
        return {name: image[name][None] + damping * v[name] for name in v}

    x = conjugate_gradient(damped, {name: value[None] for name, value in g.items()}, 10)
    curvature = sum(float((x[name] * value).sum()) for name, value in damped(x).items())
    return {name: -((2 * settings["max_kl"] / curvature) ** 0.5) * value[0] for name, value in x.items()}


def my_line_search(start, d, batch, tries=10):
    before, _ = surrogate_and_kl(method, start, batch)
    for halving in range(tries):
        candidate = {name: value + d[name] / 2**halving for name, value in start.items()}
        loss, kl = surrogate_and_kl(method, candidate, batch)  # adapts anew from the candidate; exact mean divergence
        if bool(loss < before) and bool(kl <= settings["max_kl"]):
            return candidate, float(kl), halving
    return start, 0.0, tries


trpo = OuterTRPO(max_kl=settings["max_kl"])
at = snapshots[10]
batch = method.collect(at, twenty, seeded(44))
d = my_trpo_direction(at, batch)
mine, my_kl, halvings = my_line_search(at, d, batch)


def updated_by(rule):
    """θ after one update of an outer rule from `at` on the same batch."""
    leaves = {name: value.clone().requires_grad_() for name, value in at.items()}
    rule.begin(method, leaves).update(batch, seeded(45))
    return {name: value.detach() for name, value in leaves.items()}


results = {"TRPO": updated_by(trpo), "PPO": updated_by(ppo), "Adam": updated_by(OuterAdam(outer_lr=settings["outer_lr"]))}
moved = (vector(results["TRPO"]) - vector(at)).norm()
assert float((vector(mine) - vector(results["TRPO"])).norm() / moved) < 0.05 and 0 < my_kl <= settings["max_kl"]

lengths = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0])
trace = np.array(
    [[float(x) for x in surrogate_and_kl(method, {n: v + s * d[n] for n, v in at.items()}, batch)] for s in lengths]
)
figure, (left, right) = plotting.figure(1, 2, width=10.6, height=3.9)
left.plot(lengths, trace[:, 1], "o-", color=plotting.PURPLE, label="exact")
left.plot(lengths, settings["max_kl"] * lengths**2, "--", color="black", linewidth=1.3, label="quadratic model")
left.axhline(settings["max_kl"], color=plotting.GREY, linestyle=":", label="δ")
left.axvline(1 / 2**halvings, color=plotting.GREEN, linewidth=1.3, label="accepted")
left.set(xlabel="length of the step, in units of d", ylabel="mean KL of adapted policies")
left.legend(fontsize=10)
right.plot(lengths, trace[:, 0] - trace[0, 0], "o-", color=plotting.PURPLE, label="along d")
for name, color in (("PPO", plotting.BLUE), ("Adam", plotting.ORANGE)):
    loss, _ = surrogate_and_kl(method, results[name], batch)
    right.axhline(float(loss) - trace[0, 0], linestyle="--", color=color, label=f"one update of {name}")
right.axvline(1 / 2**halvings, color=plotting.GREEN, linewidth=1.3, label="accepted")
right.set(xlabel="length of the step, in units of d", ylabel="change of the query surrogate")
right.legend(fontsize=10)
plotting.show(
    figure,
    "Left: mean KL divergence of the adapted policies against the length of the TRPO step. The exact curve and the "
    "quadratic model start together; a dotted line marks the limit, a vertical line the accepted step. Right: the change "
    "of the query surrogate along the same step, with dashed lines for one update of PPO and of Adam.",
)
kl_of = {name: float(surrogate_and_kl(method, result, batch)[1]) for name, result in results.items()}
say(
    "Mean KL of the adapted policies after one update: "
    + ", ".join(f"{name} {kl:.4f}" for name, kl in kl_of.items())
    + f". TRPO's line search halved its step {halvings} time{'s' * (halvings != 1)}; the exact divergence at full length "
    f"is {trace[4, 1] / settings['max_kl']:.1f} δ."
)
assert kl_of["TRPO"] <= settings["max_kl"] and trace[-1, 1] > trace[2, 1]

# %% [markdown]
# The model is good near zero and optimistic or pessimistic farther out; the line search is what holds the promise. Only
# TRPO *knows* how far it goes. Adam's step is what its learning rate makes it, PPO's what its epochs and its clip make
# of it; both take several hyper-parameters for what TRPO does with one number. The price is the time: ten products
# $J^\top F J v$ and a few adaptations for each update (section 10).
#
# **And inside?** "REINFORCE inside" is less of a choice than it sounds. At the point where the support episodes were
# collected all ratios are 1 and no clip acts, so that the gradients of $-\log \pi\, A$, of the ratio and of PPO's
# clipped loss are one and the same (asserted below): a *single* inner step of PPO is the REINFORCE step. Several epochs
# on one batch are another matter; section 12 tries them. A TRPO step inside is the natural gradient (04.16), with one
# length in KL for all tasks. It can be taken at test time; to meta-train *for* it, one would have to differentiate
# $F^{-1} g$, solver included.
#
# **Predict, then run.** A natural-gradient step from the random network and from MAML's $\theta$, on 20 held-out goals.
# In chapter 04 the natural gradient was the better direction. Here?

# %%
here = {name: value.clone().requires_grad_() for name, value in along[0].items()}
inner_losses = {
    "log π": reinforce_loss,
    "ratio": surrogate_loss,
    "clipped": lambda *arguments: clipped_loss(*arguments, ppo.clip),
}
weights = policy_advantages(policy, walks[0], 0.99)
slopes = {
    name: torch.autograd.grad(loss(policy, here, walks[0], weights).sum(), list(here.values()))
    for name, loss in inner_losses.items()
}
for name in ("ratio", "clipped"):
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(slopes["log π"], slopes[name], strict=True))


def natural_step(start, tasks, delta, generator):
    """One TRPO step of every task by itself, without a line search: divergence δ by the quadratic model."""
    number = len(tasks["goal"])
    current = {name: value.expand(number, *value.shape) for name, value in start.items()}
    episodes = rollout(family, tasks, policy, current, EPISODES, generator)
    advantage, pieces = policy_advantages(policy, episodes, 0.99), []
    for part in torch.arange(number).split(5):  # a few tasks at a time: the tensors are large
        own = {name: value[part] for name, value in current.items()}
        rows = (
            episodes.observations,
            episodes.actions,
            episodes.log_probabilities,
            advantage,
            advantage,
            episodes.mask,
        )
        data = Batch(*(row[part].flatten(1, 2) for row in rows))
        _, direction, curvature = natural_gradient(policy, own, data, 10, damping=0.1)
        length = (2 * delta / curvature).sqrt()
        pieces.append({n: v + length.reshape(-1, *[1] * (v.ndim - 1)) * direction[n] for n, v in own.items()})
    return {name: torch.cat([piece[name] for piece in pieces]) for name in start}


half = select_tasks(test, slice(0, 20))
inside = {}
for name, start in (("random initialisation", random_start), ("MAML", theta)):
    plain_rate = rates[0] if name == "MAML" else chosen[name]
    inside[name] = [
        policies.adaptation_curve(method, start, half, seeded(46), inner_lr=plain_rate).returns.mean(0)[k]
        for k in (0, 1)
    ]
    for delta in (0.1, 1.0):
        stepped = natural_step(start, half, delta, seeded(46))
        inside[name].append(mean_returns(family, half, policy, stepped, EPISODES, seeded(47)).mean())
say(
    "| θ | return before | after the plain step | after a natural step of KL 0.1 | of KL 1 |\n|---|---|---|---|---|\n"
    + "\n".join(f"| {name} | " + " | ".join(f"{float(v):.1f}" for v in row) + " |" for name, row in inside.items())
)
assert inside["random initialisation"][2] > inside["random initialisation"][1]
assert inside["MAML"][1] > max(inside["MAML"][2:]) + 10

# %% [markdown]
# From the random network a short natural step beats the plain one. From MAML's $\theta$ it throws nearly everything away,
# at either length. The natural gradient does not care how a policy is written down in parameters; that is its virtue
# (chapter 04). What MAML has learned is precisely a way of writing it down: of all $\theta$ whose policy stands in the
# middle, one from which the *plain* gradient leads to the goal. An adaptation rule is part of what was trained, and
# cannot be exchanged afterwards for a better one.
#
# **Other members of the family** need no new outer rule:
#
# - **FOMAML** drops the factor in (08.8).
# - **Meta-SGD** learns one rate per parameter, (06.14), by the same meta-gradient. Rates may become negative.
# - **Reptile** (06.1) moves $\theta$ towards the mean of the adapted parameters after several inner steps. The query
#   episodes play no part in it.
# - **Every step.** (08.2) judges the last policy alone. The multi-step loss of MAML++ (Antoniou, Edwards and Storkey
#   2019) judges the policy after *each* of $K$ inner steps,
#
# $$\max_\theta\; \mathbb{E}_{\mathcal{T}}\; \frac1K \sum_{k=1}^{K} J_{\mathcal{T}}\big(\theta^{(k)}_{\mathcal{T}}\big). \tag{08.16}$$
#
# The support episodes of step $k+1$ are fresh episodes of $\theta^{(k)}$, so they serve as its query episodes as well,
# at no cost. With $K = 2$ and the rates of the test (0.5, then 0.25) training and test take the same first two steps.
#
# ## 6 The experiment: forty goals, nine methods, five seeds
#
# First the live run. `history` has the returns on the training tasks of each iteration, before and after the step.

# %%
steps_so_far = np.array(history["env_steps"]) / 1e6
figure, axes = plotting.figure(width=7.6, height=3.9)
axes.plot(steps_so_far, history["return_before"], color=plotting.GREY, label="before the inner step")
axes.plot(steps_so_far, history["return"], color=plotting.BLUE, label="after it")
checked = sorted(k for k in {1, 2, 5, 10, 20, 40, navigation["iterations"]} if k in snapshots)
held_out_after = [
    float(policies.adaptation_curve(method, snapshots[k], test, seeded(7)).returns[:, 1].mean())
    for k in checked
]
axes.plot(steps_so_far[np.array(checked) - 1], held_out_after, "o", color="black", label="after it, 40 held-out goals")
axes.axhline(-11.7, color=plotting.RED, linestyle=":", label="published, after one step")
axes.set(xlabel="environment steps of meta-training, millions", ylabel="return", ylim=(-85, 2))
axes.legend(fontsize=10, loc="lower right")
plotting.show(
    figure,
    "Return before and after the inner step against millions of environment steps. Both rise within the first few "
    "iterations; the return before the step levels off near −37, that after it rises to about −11, the published value, "
    "with the held-out goals on the same line.",
)
reaching, published = (
    [k for k, value in zip(checked, held_out_after, strict=True) if value > level] for level in (-13, -11.7)
)
say(
    f"On held-out goals the mean return after one step is {held_out_after[0]:.1f} after one meta-iteration and "
    f"{held_out_after[-1]:.1f} after {checked[-1]}. It passes −13 by iteration {reaching[0]}, "
    f"{trained_for[reaching[0]]:.0f} seconds into the training"
    + (
        f", and the published −11.7 by iteration {published[0]}, at {trained_for[published[0]]:.0f} seconds."
        if published
        else "."
    )
)
assert held_out_after[-1] > held_out_after[0] + 20

# %% [markdown]
# Note what does *not* improve: the return before the step stays at the level of standing still. MAML's objective does
# not contain it. And held-out goals do as well as training goals: the tasks of training are drawn anew in each
# iteration, so there is nothing to learn by heart.
#
# Now all methods. The table was made by `experiments/meta_policies.py`; seed 0 of its MAML is the policy that you have
# just trained, and the next cell insists on that. Every method is measured on the same 40 goals, with 20 support
# episodes before each step. MAML and its relatives take the step sizes they were trained for. Pre-training, Reptile and
# random initialisation take the constant step size that is best on *training* goals after three steps (chapter 01
# showed what difference that choice makes, so section 1's choice, best after *one* step, stands beside it as a live
# row). The published numbers come from an evaluation with more data: 4,000 environment steps for each gradient step, 40
# episodes of full length. So the rows to hold beside them are measured with 40 episodes, from the same trained
# policies.
#
# **Predict, then run.** Order these after one step: MAML with PPO, with TRPO, every step, FOMAML, Meta-SGD, Reptile,
# pre-training. Does the order after three steps stay the same?

# %%
TOLERANCE = 3.0  # points of return: another machine rounds differently, and training amplifies that
difference = table.check_agreement("navigation: MAML", SEED, live["MAML"], TOLERANCE)
ADAPTED = [name.split(": ")[1] for name in table.rows if name.startswith("navigation") and "scratch" not in name]
RELEASED = [name.split(": ")[1] for name in table.rows if name.startswith("released")]


def scores(name, problem="navigation"):
    return table.scores(f"{problem}: {name}")  # [seed, test task, step]


curves = {name: summarise_curves(scores(name)) for name in ADAPTED}
straight = mean_returns(family, test, OraclePolicy(family), test, 1, seeded(0))
PUBLISHED = {"MAML": (-40.4, -11.7, -3.3, -3.2), "random initialisation": (-82.7, -58.0, -53.8, -46.8)}
ORACLE = -2.3  # a policy trained with the goal as an input, in the paper

figure, panels = plotting.figure(1, 2, width=11.4, height=4.6, sharey=True)
groups = (
    ["MAML", "MAML, every step", "MAML, TRPO", "FOMAML", "Meta-SGD"],
    ["MAML", "Reptile", "pre-training", "random initialisation"],
)
for panel, names in zip(panels, groups, strict=True):
    for name in (n for n in names if n in curves):
        color, marker = STYLE[name]
        curve = curves[name]
        panel.plot(range(4), curve.point, marker=marker, color=color, label=name)
        panel.fill_between(range(4), curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
    panel.plot(
        range(4),
        PUBLISHED["MAML"],
        "k+",
        markersize=11,
        markeredgewidth=2,
        label=f"MAML, published ({settings['released_episodes']} episodes)",
    )
    panel.axhline(float(interquartile_mean(straight)), color="black", linestyle=":", linewidth=1.2)
    panel.set(xlabel="gradient steps on the new goal", xticks=range(4))
    panel.legend(fontsize=9, loc="lower right" if panel is panels[0] else "center right")
panels[0].set_ylabel("return, 40 held-out goals")
panels[0].text(0.02, 1.5, "straight walk", fontsize=10)
plotting.show(
    figure,
    "Return against gradient steps, interquartile mean of five seeds with intervals. Left: MAML, its variants, FOMAML and "
    "Meta-SGD start near −37 and lie close together near −10 after one step. Right: MAML beside Reptile, pre-training "
    "and random initialisation: Reptile and pre-training start at the same place and need more steps, random "
    "initialisation starts far below and hardly improves.",
)


def means(array):
    return " | ".join(f"{value:.1f}" for value in array)


def with_interval(curve, k):
    return f"{curve.point[k]:.1f} [{curve.low[k]:.1f}, {curve.high[k]:.1f}]"


lines = ["| interquartile mean [95 % interval] | 0 steps | 1 | 2 | 3 |", "|---|---|---|---|---|"]
for name, curve in curves.items():
    lines.append(f"| {name} | " + " | ".join(with_interval(curve, k) for k in range(4)) + " |")
lines.append(
    f"| pre-training, step size best for one step (live, plain mean) | {means(live['pre-training'].mean(0))} |"
)
say("\n".join(lines))

more = settings["released_episodes"]
lines = [f"| plain mean, {more} episodes before each step | 0 steps | 1 | 2 | 3 |", "|---|---|---|---|---|"]
for name in RELEASED:
    lines.append(f"| {name} | {means(scores(name, 'released').mean((0, 1)))} |")
    if name in PUBLISHED:
        lines.append(f"| {name}, published | {means(PUBLISHED[name])} |")
lines.append(f"| trained oracle, published | {ORACLE} | | | |")
lines.append(f"| straight walk, the optimum | {float(straight.mean()):.2f} | | | |")
say("\n".join(lines))
assert curves["MAML"].point[1] > -14 and curves["MAML"].point[1] > curves["random initialisation"].point[3]


# %%
def versus(name, reference, step, problem="navigation"):
    """Paired difference on the same goals, in words."""
    gap = paired_difference(scores(name, problem)[..., step], scores(reference, problem)[..., step])
    word = "better" if gap.low > 0 else "worse" if gap.high < 0 else "not to be told apart"
    return gap, f"{gap.point:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}], {word}"


lines = ["| minus MAML, paired over goals | after one step | after two | after three |", "|---|---|---|---|"]
for name in (n for n in ADAPTED if n != "MAML"):
    lines.append(f"| {name} | " + " | ".join(versus(name, "MAML", k)[1] for k in (1, 2, 3)) + " |")
say("\n".join(lines))

ours = {name: scores(name).mean((0, 1)) for name in ADAPTED}
forty = {name: scores(name, "released").mean((0, 1)) for name in RELEASED}
lines = []
for k in (1, 2, 3):
    reached = [name for name in RELEASED if forty[name][k] >= PUBLISHED["MAML"][k]]
    best = max(RELEASED, key=lambda name: forty[name][k])
    lines.append(
        f"- **after {k} step{'s' * (k > 1)}**, published {PUBLISHED['MAML'][k]}: "
        + (f"reached by {'; '.join(reached)}" if reached else "reached by none")
        + f"; best {forty[best][k]:.1f} ({best})"
    )
say(f"At or above the published mean, with {more} episodes before each step:\n\n" + "\n".join(lines))
by_method = {
    "MAML, FOMAML, Meta-SGD": (navigation["iterations"], 2),
    "MAML, every step": (settings["every_step_iterations"], 3),
    "MAML, TRPO": (settings["trpo_iterations"], 2),
    "Reptile": (navigation["iterations"], settings["reptile_inner_steps"] + 1),
    "pre-training": (2 * navigation["iterations"], 1),
}
say(
    "Episodes of meta-training: "
    + "; ".join(f"{n} {i * k * EPISODES * settings['meta_batch']:,}" for n, (i, k) in by_method.items())
    + "."
)
assert versus("random initialisation", "MAML", 3)[0].high < 0 and versus("pre-training", "MAML", 1)[0].high < 0
assert versus("pre-training", "MAML", 3)[0].point > versus("pre-training", "MAML", 1)[0].point + 3
assert abs(versus("MAML, TRPO", "MAML", 1)[0].point) < 3

# %% [markdown]
# **Interpretation.**
#
# 1. *One step is what MAML was trained for, and there it leads.* Reptile and pre-training stand at the same place
#    before the step. By how much it leads depends on how the baseline's step size was chosen: much where it was best
#    after three steps (the curve), little where it was best after one (the live row under the table). Both are honest;
#    only one of them compares like with like after one step.
# 2. *More steps shrink the lead.* One-step MAML has no say in what a second or third step does. Training with (08.16)
#    has; the table of differences says how much that is worth. Plain pre-training catches up or nearly so by the third
#    step: goals lie evenly around the start, and the middle is a good place to step from.
# 3. *The outer rule matters less than one would think.* PPO and TRPO lead to about the same return after one step; they
#    differ in time (section 10), in iterations, and in how many knobs need turning.
# 4. *First order.* FOMAML drops a factor whose size section 4 printed. Compare its row with MAML's before believing
#    that second derivatives are always, or never, worth their cost.
# 5. *The comparison is not at equal cost.* The list of episodes says who was given how many in meta-training, and it is
#    not the same number.
# 6. *The optimum is far above everything.* The published "oracle" is a trained stochastic policy, not the optimum.
#    Adapted policies keep the noise that they need for the next gradient step, and they rest *near* the goal.
#
# Which of the published values are reached is said under the tables, in their own numbers. Noise is one candidate for a
# difference: the paper does not say with which standard deviation its policies acted at test time. How much does it
# cost here?

# %%
std = {"before training": random_start["log_std"], "MAML": theta["log_std"], "pre-training": pretrained["log_std"]}
quiet_policy = {name: dict(along[2]) for name in ("as it is", "half the noise", "a tenth")}
for name, factor in (("half the noise", 0.5), ("a tenth", 0.1)):
    quiet_policy[name]["log_std"] = along[2]["log_std"] + np.log(factor)
noise_cost = {
    name: float(mean_returns(family, test, policy, p, EPISODES, seeded(8)).mean()) for name, p in quiet_policy.items()
}
say(
    "Standard deviation of the moves: "
    + ", ".join(f"{name} {float(v.exp().mean()):.2f}" for name, v in std.items())
    + ". The live policies after two steps, acting with other noise: "
    + ", ".join(f"{name} **{value:.1f}**" for name, value in noise_cost.items())
    + "."
)
assert max(noise_cost.values()) > noise_cost["as it is"]


# %% [markdown]
# Less noise earns more, up to a point: noise costs distance, but it also makes the walk cross the goal by chance, which
# ends the episode. Acting with less noise at test time is not cheating, if one says so, but it is another protocol:
# such a policy has given up learning. Nothing else in this chapter uses it.
#
# ### Where the step leads
#
# The mean position of the late part of a walk (from step 30 on) is where a policy has gone. Here are all 40 test goals
# at once, each joined to the place that its adapted policy prefers.

# %%
def resting_places(episodes, from_step=30):
    late, valid = episodes.observations[:, :, from_step:], episodes.mask[:, :, from_step:, None]
    return ((late * valid).sum((1, 2)) / valid.sum((1, 2)).clamp_min(1)).numpy()


figure, axes = plotting.figure(1, 4, width=11.6, height=3.5, sharey=True)
misses, radii = [], []
for k, panel in enumerate(axes):
    place, goal = resting_places(walks[k]), test["goal"].numpy()
    usable = walks[k].mask[:, :, 30:].any(-1).any(-1).numpy()  # some episodes walk on that long
    misses.append(float(np.linalg.norm(place - goal, axis=1)[usable].mean()))
    radii.append(np.linalg.norm(place[usable], axis=1))
    for a, b in zip(goal[usable], place[usable], strict=True):
        panel.plot([a[0], b[0]], [a[1], b[1]], color=plotting.GREY, linewidth=0.8)
    panel.plot(*goal.T, "*", color=plotting.RED, markersize=8)
    panel.plot(*place[usable].T, "o", color=plotting.BLUE, markersize=4)
    panel.set(xlim=(-0.75, 0.75), ylim=(-0.75, 0.75), aspect="equal", xlabel="x", title=f"{k} step{'s' * (k != 1)}")
axes[0].set_ylabel("y")
plotting.show(
    figure,
    "Forty held-out goals as stars and the places where the adapted policies rest as dots, joined by lines, after 0 to 3 "
    "steps. Before adaptation all dots are at the origin. After one step they have spread out over the square with "
    "visible errors; after two and three most of them lie close to their star.",
)
say("Mean distance between goal and resting place: " + ", ".join(f"{m:.2f}" for m in misses) + " after 0 to 3 steps.")
goal_radius = test["goal"].norm(dim=-1).numpy()
say(
    f"Distance from the origin, mean ± standard deviation: goals {goal_radius.mean():.2f} ± {goal_radius.std():.2f}; resting "
    f"places {radii[1].mean():.2f} ± **{radii[1].std():.2f}** after one step, {radii[2].mean():.2f} ± {radii[2].std():.2f} "
    f"after two. A miss of {misses[1]:.2f} for 100 steps costs {100 * misses[1]:.0f} points; the mean return after one "
    f"step is {returns[:, 1].mean():.1f}."
)
assert misses[0] > 2 * misses[1] > 2 * misses[2] and radii[1].std() < 0.75 * radii[2].std()


# %% [markdown]
# Look at the second panel: after one step the dots lie on a *ring*. The direction is right, the distance is nearly the
# same for all goals. One step knows where to go and not how far; so the best it can do is the mean distance. This, and
# not the optimiser, is what stands between $-11$ and the optimum, and why so many rows of the table meet near the same
# return after one step. The second step starts from the ring, where "too far" and "not far enough" are different
# directions.
#
# Why does one step not know? Two suspects. The *reward*: the slope of the distance has length 1 everywhere, so that a
# near goal and a far one in the same direction look alike from the origin. The squared distance has a slope that grows
# with the distance. And the *normalisation* (08.6): it divides whatever size there is away, task by task.
#
# **Predict, then run.** Adapt the same $\theta$ by one step with the same episodes and $\alpha = 0.5$, and change what
# the inner loss sees: distance or squared distance, divided by the task's own $\sigma$ or by the median of all tasks'
# (one constant). Returns are always counted in distance. Which of the four breaks the ring?

# %%
def adapt_once(start, data, alpha, divide=None):
    """One inner step of every task; `divide` gives what raw advantages are divided by, the standard deviation if None."""
    raw = raw_advantage("per task and step", data)
    weight = normalise(raw, data.mask) if divide is None else divide(raw, data.mask)
    leaves = {n: v.detach().clone().expand(len(raw), *v.shape).requires_grad_() for n, v in start.items()}
    slopes = torch.autograd.grad(surrogate_loss(policy, leaves, data, weight).sum(), list(leaves.values()))
    return {n: (v - alpha * s).detach() for (n, v), s in zip(leaves.items(), slopes, strict=True)}


def return_of(parameters):
    return float(mean_returns(family, test, policy, parameters, EPISODES, seeded(74)).mean())


def by_common(raw, mask):
    """Advantages divided by one constant for all tasks: the median of their standard deviations."""
    deviation = spread(raw, mask).sqrt()
    return normalise(raw, mask) * (deviation / deviation.median())[:, None, None]


support = rollout(family, test, policy, theta, EPISODES, seeded(75))
squared = dataclasses.replace(support, rewards=-support.rewards.square())  # rewards are −distance
lines = [
    "| inner loss sees | divided by | return after one step | radius of the resting places | its correlation with the goal's |",
    "|---|---|---|---|---|",
]
ring = {}
for seen, data in (("distance", support), ("squared distance", squared)):
    for name, divide in (("own σ", None), ("one constant", by_common)):
        after = rollout(family, test, policy, adapt_once(theta, data, rates[0], divide), EPISODES, seeded(76))
        radius = np.linalg.norm(resting_places(after), axis=1)
        together = float(np.corrcoef(radius, goal_radius)[0, 1])
        ring[seen, name] = float(after.returns.mean()), together
        lines.append(
            f"| {seen} | {name} | **{ring[seen, name][0]:.1f}** | {radius.mean():.2f} ± {radius.std():.2f} | {together:.2f} |"
        )
say(
    "\n".join(lines)
    + f"\n\nThe best mean of section 6 with 20 episodes is {max(row[1] for row in ours.values()):.1f} after one step."
)
best_ring = max(ring, key=lambda key: ring[key][0])
assert best_ring == ("squared distance", "one constant") and ring[best_ring][1] > 0.8
assert ring["squared distance", "own σ"][0] < ring[best_ring][0] - 1.5

# %% [markdown]
# It takes both. With a reward whose slope knows the distance, *and* without dividing that knowledge away, the same
# $\theta$ gains several points after one step, although it was never trained for that. (It is no trick with the task:
# the squared distance is a function of the reward that the learner has seen.) With only one of the two, nothing is
# gained. This is no reason to give up normalisation, which is what makes $\alpha$ independent of units (section 12). It
# is a reason to ask, before one tunes a method, what one gradient can know.
#
# ## 7 From scratch: what the same episodes buy
#
# A policy of its own for each of the 40 goals, trained by REINFORCE from a random network, 20 episodes per update, with
# Adam at the learning rate that also served as outer rate. Its learning curve answers the practical question: how many
# episodes on the *new* goal does it take to get where MAML is after 20, 40 and 60?
#
# **Predict:** write down three numbers of episodes.

# %%
every = 2
scratch_scores = scores("from scratch")[:, :, ::every]  # [seed, goal, update]
scratch = summarise_curves(scratch_scores, resamples=300)
spent = EPISODES * every * np.arange(scratch_scores.shape[2])
maml_curve = curves["MAML"]

figure, axes = plotting.figure(width=8.0, height=4.2)
axes.plot(spent, scratch.point, color=STYLE["from scratch"][0], label="from scratch")
axes.fill_between(spent, scratch.low, scratch.high, color=STYLE["from scratch"][0], alpha=0.2, linewidth=0)
axes.plot(EPISODES * np.arange(4), maml_curve.point, "o-", color=STYLE["MAML"][0], label="MAML")
pre = curves["pre-training"]
axes.plot(EPISODES * np.arange(4), pre.point, "s-", color=STYLE["pre-training"][0], label="pre-training")
axes.axhline(maml_curve.point[1], color=STYLE["MAML"][0], linestyle=":", linewidth=1.2)
axes.set(xlabel="episodes on the new goal", ylabel="return, 40 held-out goals")
axes.legend(fontsize=10)
plotting.show(
    figure,
    "Return against episodes on the new goal. MAML and pre-training rise within 60 episodes; training from scratch rises "
    "slowly over more than a thousand episodes. A dotted line marks MAML's level after one step.",
)


def episodes_to(level, curve=scratch.point):
    above = np.flatnonzero(curve >= level)
    return f"about {spent[above[0]]:,}" if len(above) else f"more than {spent[-1]:,}"


def first_above(level):
    above = np.flatnonzero(scratch.point >= level)
    return spent[above[0]] if len(above) else spent[-1]


say(
    "| MAML | its return | from scratch needs |\n|---|---|---|\n"
    + "\n".join(
        f"| {k * EPISODES} episodes | {maml_curve.point[k]:.1f} | {episodes_to(maml_curve.point[k])} episodes |"
        for k in (1, 2, 3)
    )
)
break_even = navigation["iterations"] * settings["meta_batch"] * 2 * EPISODES
saved = first_above(maml_curve.point[1]) - EPISODES
say(
    f"Meta-training itself spent {break_even:,} episodes. At the level of one step it saves about {saved:,} episodes a "
    f"goal, so by (01.15) it has paid back after about **{break_even / saved:,.0f} goals**."
)
assert first_above(maml_curve.point[1]) >= 8 * EPISODES

# %% [markdown]
# Many times the episodes for the same level. They have been paid for in advance, and chapter 01's arithmetic says after
# how many goals that was worth it. Two words of caution. The learning rate from scratch was not tuned for this; chapter
# 01 found that tuning halves the cost. And MAML's curve ends after three steps, while the curve from scratch goes on:
# nobody should adapt by three steps who can afford a thousand episodes on one task.
#
# ## 8 Where meta-learning has nothing to win, and the paper's other setting
#
# **CartPole.** Masses, length, gravity and force differ from task to task by up to a factor of three. The policy sees
# position, angle and their velocities, not the physics. Everything else is as before, with a categorical policy.
#
# **Predict:** how much better than pre-training is MAML after one step? (A return of 200 is the maximum.)

# %%
cart = settings["problems"]["CartPole"]
poles = {name: summarise_curves(scores(name, "CartPole")) for name in ("MAML", "pre-training", "random initialisation")}
pole_scratch = scores("from scratch", "CartPole")
pole_curve = summarise_curves(pole_scratch[:, :, ::every], resamples=300)
figure, (left, right) = plotting.figure(1, 2, width=10.8, height=3.9, sharey=True)
for name, curve in poles.items():
    color, marker = STYLE[name]
    left.plot(range(4), curve.point, marker=marker, color=color, label=name)
    left.fill_between(range(4), curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
left.set(xlabel="gradient steps on the new physics", ylabel="return, 40 held-out tasks", xticks=range(4), ylim=(0, 210))
left.legend(fontsize=10, loc="center right")
x = EPISODES * every * np.arange(len(pole_curve.point))
right.plot(x, pole_curve.point, color=STYLE["from scratch"][0], label="from scratch")
right.fill_between(x, pole_curve.low, pole_curve.high, color=STYLE["from scratch"][0], alpha=0.2, linewidth=0)
right.axhline(
    poles["pre-training"].point[0], color=STYLE["pre-training"][0], linestyle="--", label="pre-training, no step"
)
right.set(xlabel="episodes on the new physics")
right.legend(fontsize=10, loc="lower right")
plotting.show(
    figure,
    "Left: return on CartPole with varying physics against gradient steps: MAML and pre-training both lie at about 200 from "
    "the start; random initialisation at about 25, rising slowly. Right: training from scratch rises over hundreds of "
    "episodes towards the dashed line of the pre-trained policy before any step.",
)
gap = paired_difference(scores("MAML", "CartPole")[..., 1], scores("pre-training", "CartPole")[..., 1])
say(
    f"Before any step the pre-trained policy has {poles['pre-training'].point[0]:.0f} of {200:d}, MAML "
    f"{poles['MAML'].point[0]:.0f}, a random network {poles['random initialisation'].point[0]:.0f}. MAML minus "
    f"pre-training after one step: {gap.point:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]."
)
assert poles["pre-training"].point[0] > 180 > 60 > poles["random initialisation"].point[0]

# %% [markdown]
# Nothing, or next to it. One policy balances every one of these poles: push towards the side to which it falls, and a
# little harder or softer physics does not change which side that is. What adaptation can win *at all* is the gap
# between the best single policy and the best policy for each task,
#
# $$\mathbb{E}_{\mathcal{T}}\Big[\max_{\pi_{\mathcal{T}}} J_{\mathcal{T}}(\pi_{\mathcal{T}})\Big]
# - \max_{\pi}\, \mathbb{E}_{\mathcal{T}}\big[J_{\mathcal{T}}(\pi)\big] \;\ge\; 0. \tag{08.17}$$
#
# In navigation it is nearly the whole return; here it is zero. "The tasks differ" is not enough: they must call for
# different *actions in the same observations*. Measure (08.17) before you meta-train; it costs one pre-training and an
# oracle. (Varying physics is a popular benchmark. A paper that shows MAML at 200 here, beside a random initialisation
# only, has shown the value of pre-training.)
#
# **The text of the MAML paper** describes navigation otherwise than its code: reward $-\text{distance}^2$, actions that
# are the move itself, $\alpha = 0.1$. With squared distances returns are in other units, which (08.6) makes harmless
# for the step. The policies begin with a standard deviation of 1, as before, which is now ten times the largest move:
# nearly every action is clipped, and the mean can do no more than bias the direction of full steps.

# %%
paper = PointNavigation(reward="squared", normalised_actions=False)
squared_names = [n.split(": ")[1] for n in table.rows if n.startswith("squared")]
best_squared = float(mean_returns(paper, test, OraclePolicy(paper), test, 1, seeded(0)).mean())
lines = ["| reward −distance², α = 0.1 | 0 steps | 1 | 2 | 3 |", "|---|---|---|---|---|"]
for name in squared_names:
    curve = summarise_curves(scores(name, "squared"))
    lines.append(f"| {name} | " + " | ".join(with_interval(curve, k) for k in range(4)) + " |")
say("\n".join(lines) + f"\n\nA straight walk earns {best_squared:.2f}.")
say("MAML minus pre-training after one step: " + versus("MAML", "pre-training", 1, "squared")[1] + ".")

# %% [markdown]
# Numbers of the two settings cannot be compared with each other, and not with a paper that does not say which one it
# used. Within the setting the same question is answered by the same table: who leads after one step, and who has caught
# up after three. If you reproduce published returns, write down the reward, what one unit of action means, the
# discount, whether advantages are normalised, and which step sizes were used at *test* time. Several of them differ
# between this paper's text and its code.
#
# ## 9 Where nobody meets the goal
#
# The distance tells the way from everywhere. Take it away: the **sparse** reward is 1 for each step within 0.1 of the
# goal and 0 elsewhere. Now a support episode that never touches the goal carries no information except "not there", and
# a policy gradient cannot even use that: if no episode of a task touches it, all returns are zero, so
#
# $$R_t = 0 \;\Rightarrow\; A_t = 0 \;\Rightarrow\; \nabla L(\theta; D) = 0 \;\Rightarrow\; \theta' = \theta. \tag{08.18}$$
#
# So the support policy must *search*. A random network drifts about; MAML is free to learn something better. The live
# run is short: a third of the iterations of the table.
#
# **Predict, then run.** After meta-training, does the support policy touch more of the goals or fewer than the random
# network?

# %%
third = dataclasses.replace(recipe.problems["sparse"], iterations=sparse_setting["iterations"] // 3)
brief = dataclasses.replace(recipe, problems={"sparse": third})
sparse_family, _, sparse_start, _ = meta_policies.untrained("sparse", SEED, brief)
touched_in_training = []


def count(iteration, meta, batch):
    touched = batch.support[0].trajectories.returns > 0  # [task, episode]
    touched_in_training.append([float(touched.float().mean()), float(touched.any(1).float().mean())])


sparse_method, sparse_theta, _, sparse_history = meta_policies.trained("sparse", "MAML", SEED, brief, callback=count)
sparse_tasks = sparse_family.sample_tasks(120, seeded(60), "test")
sparse_results = {}
for name, start in (("random initialisation", sparse_start), ("MAML", sparse_theta)):
    sparse_results[name] = policies.adaptation_curve(
        sparse_method, start, sparse_tasks, seeded(61), inner_lr=sparse_setting["test_rates"]
    )
sparse_best = float(
    mean_returns(sparse_family, sparse_tasks, OraclePolicy(sparse_family), sparse_tasks, 1, seeded(0)).mean()
)

touches = {name: (result[2][0].returns > 0).sum(1) for name, result in sparse_results.items()}  # support episodes
unmet = touches["MAML"] == 0
before, after = sparse_results["MAML"][1][0], sparse_results["MAML"][1][1]
assert all(torch.equal(before[name][unmet], after[name][unmet]) for name in before)  # (08.18), exactly
order = touches["MAML"].argsort(stable=True)
met_some = order[int(unmet.sum()) :]
picked = [int(order[0]), int(order[1]), int(met_some[len(met_some) // 2]), int(met_some[3 * len(met_some) // 4])]

figure, axes = plotting.figure(2, 4, width=11.2, height=6.0, sharex=True, sharey=True)
for column, task in enumerate(picked):
    for row, k in enumerate((0, 1)):
        panel = axes[row, column]
        episodes = sparse_results["MAML"][2][k]
        plotting.plot_paths(panel, episodes, task, sparse_tasks["goal"][task], plotting.BLUE, 0.85)
        angle_ = np.linspace(0, 2 * np.pi, 60)
        x, y = sparse_tasks["goal"][task].tolist()
        panel.plot(x + 0.1 * np.cos(angle_), y + 0.1 * np.sin(angle_), color=plotting.RED, linewidth=1)
        met = int((episodes.returns[task] > 0).sum())
        panel.set_title(f"{met} of {EPISODES} touch it, return {float(episodes.returns[task].mean()):.0f}", fontsize=10)
        panel.set(xlabel="x" if row else "", ylabel=("before\ny", "after one step\ny")[row] if column == 0 else "")
plotting.show(
    figure,
    "Paths on four sparse tasks before and after one step; a circle marks where the reward is paid. In the two left "
    "columns no support episode, or hardly one, touches the circle, and the paths after the step are as before. In the "
    "two right columns some or many touch it, and after the step the paths have shifted towards it.",
)

# %%
distance = sparse_tasks["goal"].norm(dim=-1).numpy()
edges, met_by_distance = np.array([0.0, 0.15, 0.25, 0.35, 0.45, 0.75]), {}
figure, (left, right) = plotting.figure(1, 2, width=10.8, height=3.8)
for name, number in touches.items():
    share = number.numpy() / EPISODES
    binned = [share[(distance >= a) & (distance < b)].mean() for a, b in zip(edges[:-1], edges[1:], strict=True)]
    met_by_distance[name] = binned[0], binned[-1]
    left.plot((edges[:-1] + edges[1:]) / 2, binned, marker=STYLE[name][1], color=STYLE[name][0], label=name)
left.set(xlabel="distance of the goal from the start", ylabel="share that touches the goal", ylim=(0, 1.02))
left.set_title("support episodes")
left.legend(fontsize=10)
jitter = 0.25 * (torch.rand(len(unmet), generator=seeded(62)) - 0.5)
right.plot(
    touches["MAML"] + jitter, sparse_results["MAML"][0][:, 1], "o", color=STYLE["MAML"][0], markersize=4, alpha=0.6
)
right.axhline(sparse_best, color="black", linestyle=":", linewidth=1.2, label="straight walk")
right.set(xlabel="support episodes that touch the goal, of 20", ylabel="return after one step", xticks=range(0, 21, 5))
right.set_title("MAML, 120 held-out goals")
right.legend(fontsize=10, loc="center left")
plotting.show(
    figure,
    "Left: share of support episodes that touch the goal against its distance, for the random network and for MAML. It "
    "falls with the distance for both. Right: return after one step against the number of touching support episodes: near "
    "zero without a touch, with a wide spread and a long way below the straight walk otherwise.",
)
for name, number in touches.items():
    returns_ = sparse_results[name][0].mean(0)
    say(
        f"{name}: {float(number.float().mean()) / EPISODES:.0%} of the support episodes touch the goal; on "
        f"**{float((number == 0).float().mean()):.0%}** of the tasks none does. Mean return after 0, 1, 2, 3 steps: "
        + ", ".join(f"{value:.1f}" for value in returns_)
        + "."
    )
lines = ["| sparse, five seeds | 0 steps | 1 | 2 | 3 |", "|---|---|---|---|---|"]
for name in [n.split(": ")[1] for n in table.rows if n.startswith("sparse")]:
    curve = summarise_curves(scores(name, "sparse"))
    lines.append(f"| {name} | " + " | ".join(with_interval(curve, k) for k in range(4)) + " |")
say("\n".join(lines) + f"\n\nA straight walk earns {sparse_best:.1f}.")
long_run = scores("MAML", "sparse").mean((0, 1))
assert long_run[1] < 0.7 * sparse_best  # far from solved, in the committed runs
(near, far), (near_random, far_random) = met_by_distance["MAML"], met_by_distance["random initialisation"]
assert near > near_random and far < far_random
assert float((touches["MAML"] == 0).float().mean()) > 0.05

# %% [markdown]
# The left panel is the striking one. Meta-training has made the search *shorter*: near goals are met by nearly every
# episode, far ones by fewer than the untrained network met. Where no episode touches the goal, $\theta'$ equals
# $\theta$ to the last bit (asserted). MAML fails to explore, and the reasons can be read off the formulas. *No credit:*
# in (08.8) $\theta$ is rewarded for being a good place to step from, given the support episodes that came. That it
# could have collected *better* episodes is the second term of (08.10), which is missing. *No gradient:* tasks that were
# not touched have $A = 0$ on support and often on query data, so they have no say in the meta-gradient at all; near
# goals do, and they pull the support policy to stay near. *No plan:* adaptation is a step on a mean over 20 independent
# episodes. "I have searched the left side, now the right one" is not something that a Markov policy with fixed
# parameters can do within them.
#
# E-MAML's term repairs the first point in principle (its variance is large, chapter 09). The third needs memory:
# chapter 11 returns to this very family with policies that remember.
#
# ## 10 What it costs
#
# A meta-iteration samples $20 \times 20 \times 2$ episodes and differentiates through 20 inner steps. The numbers below
# are from `benchmarks/meta_rl.py`, on one thread, beside a plain loop: one task after another, a vector of Gymnasium
# environments stepped in Python with a call of the policy for each step, the graph kept per task. Both give the same
# gradients (the benchmark checks that first). Times are of one machine; the factors travel.

# %%
measured = load_benchmark("meta_rl")
speed, cost = measured["steps_per_second"], measured["seconds_per_iteration"]
ours_speed = speed["sampling: metarl_core, 20 tasks × 20 episodes"]
lines = ["| sampling with the policy | steps per second | factor |", "|---|---|---|"]
for name, value in speed.items():
    lines.append(f"| {name.removeprefix('sampling: ')} | {value:,} | {ours_speed / value:,.0f} |")
say("\n".join(lines))
lines = ["| one meta-iteration, 20 tasks | plain loop, s | `metarl_core`, s | factor |", "|---|---|---|---|"]
for rule in ("TRPO", "Adam", "first order, Adam"):
    loop, mine_ = cost[f"plain loop, {rule}"], cost[f"metarl_core, {rule}"]
    lines.append(f"| {rule} | {loop:.2f} | {mine_:.2f} | {loop / mine_:.1f} |")
say("\n".join(lines))
say(
    f"The plain loop with TRPO, the paper's outer rule, beside `metarl_core` with Adam outside: a factor of "
    f"{cost['plain loop, TRPO'] / cost['metarl_core, Adam']:.0f}; with a first-order outer rule: "
    f"{cost['plain loop, TRPO'] / cost['metarl_core, first order, Adam']:.0f}."
)
assert ours_speed > 100 * speed["sampling: one Gymnasium environment"]
assert cost["plain loop, TRPO"] > 7 * cost["metarl_core, TRPO"]

# %% [markdown]
# Three things make the difference. *Sampling:* 400 episodes of 20 different policies move in one call per time step;
# parameters carry a task axis, and a layer is one batched matrix product. *The meta-gradient:* the sum over tasks is
# differentiated at once, two tasks at a time, because larger temporary tensors are slower. *TRPO:* $J^\top F J v$ from
# two vector-Jacobian products and one product with $F$ instead of two derivatives through the inner step, estimated
# from two of the twenty episodes; gradient, line search and divergence use them all. The table's row pairs the same
# rule on both sides; the sentence under it mixes rules, and so mixes what batching buys with what another rule buys.
#
# ## 11 Explorer
#
# Drag the goal. The left panel shows support episodes of $\theta$, the middle one the adapted policy with its mean
# moves as arrows, the right one every episode's return. Each redraw collects new episodes and adapts. Try: five
# episodes instead of 20; $\alpha = 2$; a goal in the corner; the policies after ten meta-iterations; three steps from the
# random network.
#
# The menu also chooses the **estimator** that a start was meta-trained with: LVC, naive or DiCE, ten iterations each.
# There is no second switch for the step itself, on purpose. Section 4 asserted it: the three have one first derivative,
# so that from a given $\theta$ they take the same step. They lead to different $\theta$ in *training*; the line under
# the next cell says how different. LVC and naive are nearly alike here, and DiCE is behind: its meta-gradient is the
# noisiest of the three (chapter 09).

# %%
starts = {"MAML, LVC": theta, "MAML, LVC, 10 iterations": snapshots[10]}
for estimator, label in (("naive", "naive"), ("dice", "DiCE")):
    short = dataclasses.replace(method, estimator=estimator)
    short_config = policies.TrainConfig(iterations=10, meta_batch=settings["meta_batch"], anneal=False)
    starts[f"MAML, {label}, 10 iterations"], _ = policies.train(
        short, random_start, short_config, seeded(77), rule=ppo, description=f"MAML, {label}"
    )
starts |= {"pre-trained": pretrained, "random initialisation": random_start}
after_one = {
    name: float(policies.adaptation_curve(method, start, test, seeded(78)).returns[:, 1].mean())
    for name, start in starts.items()
    if "10 iterations" in name
}
say("Held-out goals, after one step: " + ", ".join(f"{name} {value:.1f}" for name, value in after_one.items()) + ".")

# %%
policy_adaptation_explorer(family, policy, starts, inner_lr=navigation["inner_lr"], episodes=EPISODES)


# %% [markdown]
# What to see: a step does not move single paths, it tilts the whole field of arrows towards the goal. MAML's field has
# one resting place, and it has learned to *shift* that place under one gradient step. The random network's field has no
# such place to shift.
#
# ## 12 What goes wrong in practice
#
# ### Support trajectories reused as query
#
# The adapted policy is judged on the episodes that it learned from. Everything runs: the surrogate (08.7) is evaluated
# on the support set, with the ratio $\pi_{\theta'} / \pi_\theta$. Ten meta-iterations, beside the first ten that
# section 1 made.
#
# **Predict:** the surrogate on support data always improves by a step (that is what the step does). What will the
# *return* say?

# %%
class SupportAsQuery(PolicyMAML):
    """The bug: line 6 of the algorithm is left out of the loss."""

    def query_stages(self, batch):
        return batch.support[-1:]


wrong = SupportAsQuery(family, policy, navigation["inner_lr"], episodes=EPISODES)
mistaken, _ = policies.train(
    wrong,
    random_start,
    policies.TrainConfig(iterations=10, meta_batch=settings["meta_batch"], anneal=False),
    seeded(70),
    rule=ppo,
    description="support as query",
)
outcome, outside = {}, {}
for name, start in (("untrained", random_start), ("query", snapshots[10]), ("support", mistaken)):
    by_step, visited, episodes = policies.adaptation_curve(method, start, test, seeded(71))
    stages = []
    for k in (0, 1):  # the surrogate gain of the step: on its own episodes, and on new ones of the same θ
        data = episodes[0] if k == 0 else rollout(family, test, policy, visited[0], EPISODES, seeded(72))
        gain = -surrogate_loss(policy, visited[1], data, policy_advantages(policy, data, 0.99))
        stages.append(float(gain.mean()))
    outcome[name] = (*stages, *by_step.mean(0).tolist())
    new = policy.log_probability(visited[1], episodes[0].observations, episodes[0].actions)
    ratio = (new - episodes[0].log_probabilities).exp()[episodes[0].mask]
    outside[name] = float(((ratio - 1).abs() > ppo.clip).float().mean())
say(
    "| θ after ten iterations, judged on | surrogate gain of the step: on its own episodes | on new ones of the same θ | "
    "return before | after |\n|---|---|---|---|---|\n"
    + "\n".join(f"| {n} | {a:.2f} | {b:.2f} | {c:.1f} | **{d_:.1f}** |" for n, (a, b, c, d_) in outcome.items())
)
say(
    r"Share of the ratios $\pi_{\theta'} / \pi_\theta$ on support episodes that lie outside PPO's clip: "
    + ", ".join(f"{name} {share:.0%}" for name, share in outside.items())
    + "."
)
assert outcome["support"][3] < outcome["query"][3] - 3 and outside["query"] > outside["support"]


# %% [markdown]
# It learns something, and the step it learns is a small one. Two reasons. The surrogate on support episodes is a
# promise about the states that $\pi_\theta$ visits; where $\pi_{\theta'}$ *goes* is not in them, and a part of the gain
# is fitted noise (compare the first two columns). And the clip, made to keep an *outer* step short, now sees the ratio
# of the whole *inner* step: a useful inner step has most of its ratios outside, where the gradient is zero. The right
# thing is line 6: *sample new trajectories with the adapted policy*.
#
# ### New trajectories are not drawn after each step
#
# At test time: three steps on one batch of 20 episodes instead of a new batch each. That saves 40 episodes. With the
# importance ratio in the loss it is at least an honest off-policy estimate; with $-\log \pi\, A$ it is not even that.
#
# **Predict:** after which step does the difference show?

# %%
def three_steps(kind):
    """Mean return [step] on the test goals, with new episodes before each step or with the first ones only."""
    g = seeded(73)
    current = {name: value.expand(len(test["goal"]), *value.shape) for name, value in theta.items()}
    found, data = [], None
    for k in range(STEPS + 1):
        new = rollout(family, test, policy, current, EPISODES, g)
        found.append(float(new.returns.mean()))
        data = new if kind == "new" or data is None else data
        leaves = {name: value.detach().clone().requires_grad_() for name, value in current.items()}
        weight = policy_advantages(policy, data, 0.99)
        log_probability = policy.log_probability(leaves, data.observations, data.actions)
        if kind == "once, with ratios":
            log_probability = (log_probability - data.log_probabilities).exp()
        loss = -((log_probability * weight * data.mask).sum((1, 2)) / data.mask.sum((1, 2))).sum()
        if k < STEPS:
            slopes = torch.autograd.grad(loss, list(leaves.values()))
            current = {n: (v - rates[k] * s).detach() for (n, v), s in zip(leaves.items(), slopes, strict=True)}
    return found


by_kind = {kind: three_steps(kind) for kind in ("new", "once, with ratios", "once, log π")}
say(
    "| support episodes | 0 steps | 1 | 2 | 3 |\n|---|---|---|---|---|\n"
    + "\n".join(f"| {kind} | {means(values)} |" for kind, values in by_kind.items())
)
assert abs(by_kind["new"][1] - by_kind["once, log π"][1]) < 2.0
assert by_kind["new"][3] > max(by_kind["once, with ratios"][3], by_kind["once, log π"][3]) + 1


# %% [markdown]
# After one step all three are equal; a test that takes one step finds nothing. Then the old advantages go on pushing in
# the direction that was right from the origin, past the goal.
#
# ### The inner rate is ignored
#
# Two public examples take a step size as an argument and use another. Everything still learns, since MAML tunes
# $\theta$ to whatever step is really made. Two views: the return against the $\alpha$ that one asks for, and a test of
# one line.

# %%
def adapt_ignoring(start, data, alpha):
    """The bug: a default stands in the place of the argument."""
    return adapt_once(start, data, 0.1)


asked = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
by_rate = {"used": [], "ignored": []}
for alpha in asked:
    by_rate["used"].append(return_of(adapt_once(theta, support, alpha)))
    by_rate["ignored"].append(return_of(adapt_ignoring(theta, support, alpha)))
say(
    "| α asked for | " + " | ".join(f"{a:g}" for a in asked) + " |\n" + "|---" * (len(asked) + 1) + "|\n"
    + "\n".join(f"| {name} | {means(values)} |" for name, values in by_rate.items())
)  # fmt: skip


def length(step, alpha):
    return sum(float((v - theta[n]).square().sum()) for n, v in step(theta, support, alpha).items()) ** 0.5


doubling = {step.__name__: length(step, 1.0) / length(step, 0.5) for step in (adapt_once, adapt_ignoring)}
say("Double α: the step grows by a factor of " + ", ".join(f"{v:.2f} (`{n}`)" for n, v in doubling.items()) + ".")
assert abs(doubling["adapt_once"] - 2) < 1e-3 and np.argmax(by_rate["used"]) in (2, 3, 4)


# %% [markdown]
# A flat row in such a table is the sign. So is a sweep over $\alpha$ that "shows that the method is robust".
#
# ### Advantages divided by the variance
#
# `advantage / advantage.var()` where `.std()` should stand. The mean is zero and the sign is right. But now (08.6)
# reads $\alpha / \sigma^2$, which has *units*. Measure distances in metres, centimetres or kilometres, and adapt.
#
# **Predict:** is there a unit in which nobody would notice?

# %%
def by_variance(raw, mask):
    standard = normalise(raw, mask)
    return standard / spread(raw, mask).sqrt()[:, None, None]


units = {"kilometres": 1e-3, "metres": 1.0, "half metres": 2.0, "centimetres": 100.0}
lines, by_unit = ["| rewards in | " + " | ".join(units) + " |", "|---|---|---|---|---|"], {}
for name, divide in (("standard deviation", None), ("variance", by_variance)):
    by_unit[name] = []
    for factor in units.values():
        scaled = dataclasses.replace(support, rewards=support.rewards * factor)
        by_unit[name].append(return_of(adapt_once(theta, scaled, rates[0], divide)))
    lines.append(f"| divided by the {name} | {means(by_unit[name])} |")
say("Return after one step, counted in metres throughout:\n\n" + "\n".join(lines))
assert np.ptp(by_unit["standard deviation"]) < 1.0 and min(by_unit["variance"]) < max(by_unit["variance"]) - 10
assert by_unit["variance"][2] > by_unit["standard deviation"][2] - 5

# %% [markdown]
# In half metres the bug looks nearly harmless, since there $\sigma$ is about 1 for most tasks. The test that needs no
# luck: scale the rewards by a constant; the adapted parameters must not change.
#
# ## 13 Check yourself
#
# Decide before you open an answer.
#
# **1.** A colleague stores the query episodes of an iteration and uses them as the support episodes of the next one,
# "to save sampling". What is wrong? (A) Nothing, both are on-policy. (B) They were collected by $\theta'$, and the
# inner step needs episodes of $\theta$. (C) They are too few.
#
# <details><summary>Answer to 1</summary>
#
# **B.** (08.1) is the policy gradient *at* $\theta$, and the new tasks are other tasks besides. (A) confuses two
# policies. (C): the number is the same. With (08.16) query episodes of one step do serve as support of the next,
# because there they are of the same policy and the same task.
# </details>
#
# **2.** MAML's return before adaptation is no better than that of standing still. (A) A flaw of the optimiser. (B) Not
# part of the objective. (C) It shows that $\theta$ was not trained.
#
# <details><summary>Answer to 2</summary>
#
# **B.** (08.2) contains $J(\theta')$ alone. (A): no optimiser can raise what is not asked for; besides, a policy that
# does not see the goal cannot do much better. (C): the random network loses twice as much. If first episodes count,
# put them into the objective: $J(\theta) + J(\theta')$.
# </details>
#
# **3.** You multiply all rewards by ten. What must you do to $\alpha$? (A) Divide it by ten. (B) Divide it by a
# hundred. (C) Nothing.
#
# <details><summary>Answer to 3</summary>
#
# **C.** $\sigma$ in (08.6) grows by ten as well. (A) holds without normalisation, (B) for none of the usual variants:
# with advantages divided by the *variance* you would have to multiply $\alpha$ by ten.
# </details>
#
# **4.** In (08.14) the term with $\nabla^2 \theta'$ drops out. Why? (A) It is small for small $\alpha$. (B) The slope
# of a divergence is zero where both policies are equal. (C) LVC leaves it away.
#
# <details><summary>Answer to 4</summary>
#
# **B.** It is exact, at any $\alpha$; section 5 compared it with a Hessian that leaves nothing out. (A) would only be
# an approximation. (C): LVC is about another Hessian, that of the inner loss.
# </details>
#
# **5.** On a new family of tasks MAML and pre-training both reach the maximum before any step. What do you conclude?
# (A) MAML works. (B) The family does not need adaptation. (C) More inner steps are needed.
#
# <details><summary>Answer to 5</summary>
#
# **B.** (08.17) is zero. (A): there was nothing to show. (C): steps cannot exceed the maximum.
# </details>
#
# **6.** With the sparse reward you raise the number of support episodes from 20 to 200. (A) That solves it. (B) It
# helps by luck: more draws of the same search. (C) It changes nothing.
#
# <details><summary>Answer to 6</summary>
#
# **B.** If one episode touches a goal with probability $p$, one of $N$ does with $1 - (1 - p)^N$. For far goals $p$ is
# near zero and stays there, since nothing teaches the policy to search. (A) and (C) both miss that.
# </details>
#
# ## Exercises
#
# [exercises/08_maml_for_rl_exercises.ipynb](../exercises/08_maml_for_rl_exercises.ipynb): advantages that survive padding and other tasks,
# the inner step with its joint log-probability, a trust region with its $J^\top F J$ by hand, a meta-loss with three
# silent bugs, and the plan of an experiment. About an hour and a half.
#
# ## Further reading
#
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400. Section 5.3 and algorithm 3.
# - J. Rothfuss, D. Lee, I. Clavera, T. Asfour and P. Abbeel, *ProMP: Proximal meta-policy search*, 2019,
#   arXiv:1810.06784.
# - B. C. Stadie et al., *Some considerations on learning to explore via meta-reinforcement learning*, 2018,
#   arXiv:1803.01118. E-MAML.
# - A. Antoniou, H. Edwards and A. Storkey, *How to train your MAML*, 2019, arXiv:1810.09502.
# - Z. Li, F. Zhou, F. Chen and H. Li, *Meta-SGD: Learning to learn quickly for few-shot learning*, 2017,
#   arXiv:1707.09835.
# - Y. Duan, X. Chen, R. Houthooft, J. Schulman and P. Abbeel, *Benchmarking deep reinforcement learning for continuous
#   control*, 2016, arXiv:1604.06778. The linear feature baseline.
# - J. Schulman, S. Levine, P. Moritz, M. I. Jordan and P. Abbeel, *Trust region policy optimization*, 2015,
#   arXiv:1502.05477.
# - J. Beck et al., *A survey of meta-reinforcement learning*, 2023, arXiv:2301.08028.
#
# [Exercises](../exercises/08_maml_for_rl_exercises.ipynb) · previous: [07 Few-shot image classification](07_few_shot_images.ipynb) · next: [09 The meta-policy gradient, done right](09_meta_policy_gradient.ipynb)
