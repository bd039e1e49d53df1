# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09a Several outer steps from one batch
#
# **How far may the meta-parameters move before old support episodes mislead the inner step?**
#
# *An appendix to chapter 09. No later chapter needs it.*
#
# You will be able to
#
# - say what the ratio in ProMP's inner step corrects, and what it cannot
# - measure how the error of the inner step grows with the divergence
# - see what the penalty on the policy before adaptation does to both policies
#
# Before you start: chapter 09, [The meta-policy gradient, done right](09_meta_policy_gradient.ipynb).
#
# Reading: about 15 minutes. Running: at most 60 seconds and 1500 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import numpy as np
import torch

from metarl_core.claims import claim
from metarl_core.figures import ch09a as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import OuterPPO, stage_kl
from metarl_core.parameters import repeat_parameters, trainable_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import estimators
from metarl_core.recipes.small_world import ACTIONS, LOGITS, STATES, World, relative
from metarl_core.session import begin

begin()

# %% [markdown]
# ProMP (09.17) takes several outer steps from one batch. The support trajectories came from $\pi_{\theta_{\text{old}}}$,
# and after the first step $\theta$ is another. The ratio $\pi_\theta / \pi_{\theta_{\text{old}}}$ of the inner loss
# corrects for that, and the penalty $\eta$ keeps $\theta$ near. Both are looked at here, one at a time.
#
# ## 1 How fast does the inner step go wrong?
#
# The ratio of *one* action corrects which actions are taken in a state, not how often the state is met, nor what
# happens later: (04.19) once more. The inner step is right at $\theta_{\text{old}}$ and gets worse with the distance.
# We move $\theta$ in random directions on chapter 04's small MDP at horizon 3, compute the inner gradient from the old
# trajectories, all of them, with and without the ratio, and compare with the exact $\nabla J(\theta)$.
#
# **Predict, then run.** At a KL divergence of 0.01 per step between the policy before adaptation and the one that
# sampled: is the inner step off by 1 %, 10 % or 50 %, with the ratio and without it?
#
# *Your prediction:*

# %%
world, g = World(3), seeded(5)
old_log_pi, old_chances = world.log_pi(LOGITS), world.chances(LOGITS)
advantages = world.to_go() - world.values(LOGITS)
points = []
for _ in range(40):
    direction = torch.randn(STATES, ACTIONS, generator=g, dtype=torch.float64)
    direction = direction - direction.mean(1, keepdim=True)  # equal shifts of a state's logits change nothing
    for length in torch.logspace(-1.7, 0.3, 12):
        theta = (LOGITS + length * direction / direction.norm()).requires_grad_()
        log_pi, truth = world.log_pi(theta), world.gradient(theta)
        divergence = (old_chances[:, None] * (old_log_pi - log_pi)).sum() / 3  # per step, exactly
        weights = ((log_pi - old_log_pi).exp(), log_pi)  # with the ratio, and without
        values = [(old_chances * (weight * advantages).sum(-1)).sum() for weight in weights]
        slopes = [torch.autograd.grad(value, theta, retain_graph=True)[0] for value in values]
        points.append([float(divergence.detach()), *(relative(slope, truth) for slope in slopes)])
points = np.array(points)

# %% tags=["hide-input"]
figures.old_support(points)
near = (points[:, 0] > 0.006) & (points[:, 0] < 0.015)
with_ratio, without_ratio = np.median(points[near, 1:], 0)
claim(
    f"Around a KL of 0.01 the median error is **{with_ratio:.0%}** with the ratio and **{without_ratio:.0%}** without.",
    with_ratio < without_ratio and 0.01 < with_ratio < 0.5,
)

# %% [markdown]
# The error grows as the square root of the KL divergence, so there is no safe zone, only a price per distance. The ratio
# lowers it, and it cannot remove it. Other trajectories of the same old policy would not help; new ones would. (The
# divergence on this axis is that of the policy *before* adaptation, the one that ProMP penalises. Outer TRPO, appendix
# [08a](08a_trust_regions.ipynb), bounds another one, that of the *adapted* policies on the query states.)
#
# ## 2 What the penalty does
#
# One batch of chapter 09's point navigation, at a $\theta$ that has been meta-trained for ten iterations, and twenty
# steps of Adam on it; ProMP in chapter 09's table makes eight. Only $\eta$ differs.
#
# **Predict, then run.** $\eta$ holds the policy *before* adaptation. Will the *adapted* policies move less, too?
#
# *Your prediction:*

# %%
recipe = estimators.Settings(iterations=10)
learned = estimators.trained("LVC", 0, 0.01, recipe)
method, at, g = learned.learner, learned.parameters, seeded(3)
batch = method.collect(at, method.family.sample_tasks(recipe.goals, g), g)


def steps_on_one_batch(eta, number=20):
    """KL before adaptation and of the adapted policies, and the clipped objective, before and after each step."""
    theta = trainable_parameters(at)
    rule = OuterPPO(outer_lr=3e-3, epochs=1, clip=recipe.clip, kl_coefficient=eta)
    updater, judge, found = rule.begin(method, theta), OuterPPO(clip=recipe.clip), []
    for step in range(number + 1):
        if step:
            updater.update(batch, g)
        losses, visited = judge.objective(method, theta, batch), method.visited(theta, batch.support, False)
        with torch.no_grad():
            before = stage_kl(method.policy, repeat_parameters(theta, len(batch)), batch.support[0])
            after = stage_kl(method.policy, visited[-1], batch.query)
        found.append([float(value.detach().mean()) for value in (before, after, -losses)])
    return np.array(found)


by_eta = {eta: steps_on_one_batch(eta) for eta in (0.0, 0.1, 1.0)}

# %% tags=["hide-input"]
before, after, objective = ({eta: values[:, k] for eta, values in by_eta.items()} for k in range(3))
gain = {eta: values - values[0] for eta, values in objective.items()}
figures.penalties(before, after, gain)
show_table(
    ["", "KL before adaptation, mean of steps 2 to 20", "KL of the adapted policies, likewise", "gain after 20 steps"],
    [
        (f"η = {eta:g}", f"{before[eta][2:].mean():.4f}", f"{after[eta][2:].mean():.4f}", f"{gain[eta][-1]:.4f}")
        for eta in by_eta
    ],
)
held = [values[1.0][2:].mean() / values[0.0][2:].mean() for values in (before, after)]
claim(
    f"Yes, but less: with $\\eta = 1$ the KL before adaptation is {held[0]:.0%} of what it is without a penalty, that of "
    f"the adapted policies {held[1]:.0%}.",
    before[1.0][2:].mean() < before[0.1][2:].mean() < before[0.0][2:].mean() and held[1] > 1.5 * held[0],
)

# %% [markdown]
# The first step is the same for every $\eta$: at $\theta_{\text{old}}$ the divergence is at its minimum, zero, and has no
# slope. From the second step on the penalty pulls back. What it holds is the place where old support episodes say where
# the inner step leads. The adapted policies may still move, and that is what the outer step is for; the clip bounds what
# each of them gains by it.
#
# Back to [09 The meta-policy gradient, done right](09_meta_policy_gradient.ipynb) · [Exercises](../exercises/09_meta_policy_gradient_exercises.ipynb) · next: [09b Six mistakes in a meta-gradient](09b_six_mistakes.ipynb)
