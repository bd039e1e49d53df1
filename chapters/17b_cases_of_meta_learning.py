# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17b Cases of meta-learning
#
# **What is wrong with these ten sentences and programs, and which experiment decides it?**
#
# *An appendix to chapter 17. No later chapter needs it.*
#
# You will be able to
#
# - diagnose ten cases that rest on the chapters from 06 on
# - say for each how it would have been noticed
#
# Before you start: chapter 17, [Reading critically](17_reading_critically.ipynb).
#
# Reading: about 30 minutes. Running: at most 30 seconds and 900 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
from pathlib import Path

import numpy as np
import torch

from metarl_core.check import ch17
from metarl_core.claims import claim
from metarl_core.randomness import seeded
from metarl_core.recipes.small_world import LOGITS, REWARDS, World, finite_differences, hessian_of, relative
from metarl_core.session import begin

begin()

# %% [markdown]
# Ten cases from chapter 06 on. Each shows its claim or its lines; **write a letter down before you run the cell below it.**
# `ch17.check_case(17, "A")` in a cell of your own answers, too.
#
# ## Reptile and Meta-SGD
#
# ### Case 17

# %% tags=["hide-input"]
ch17.show_case(17)

# %% [markdown]
# Four quadratics with curvatures and centres of their own. Reptile's move after $k$ steps on each is $\varepsilon$ times the mean of
# $\varphi_i - \theta$. Is it the mean of parameters or of directions? Both: $(1 - \varepsilon)\theta + \varepsilon \bar\varphi$ is
# the same point.

# %%
generator, theta, alpha, epsilon = seeded(1), torch.tensor([1.0, -2.0]).double(), 0.3, 0.5
factors = torch.randn(4, 2, 2, generator=generator).double()
curvature, centre = factors @ factors.mT, torch.randn(4, 2, generator=generator).double()


def gradients(at):
    """Of all tasks, each at a point of its own, [task, 2]."""
    return (curvature @ (at - centre)[..., None])[..., 0]


def reptile_move(steps):
    """After so many steps on each task."""
    phi = theta.expand(4, 2)
    for _ in range(steps):
        phi = phi - alpha * gradients(phi)
    return epsilon * (phi - theta).mean(0), (1 - epsilon) * theta + epsilon * phi.mean(0) - theta


joint = -epsilon * alpha * gradients(theta.expand(4, 2)).mean(0)  # the case: directions at θ, a step of SGD
(one, _), (ten, by_parameters) = reptile_move(1), reptile_move(10)

# %% tags=["hide-input"]
cosine = float(ten @ joint / ten.norm() / joint.norm())
claim(
    f"With one step Reptile's move is that of joint training, to {float((one - joint).abs().max()):.0e}. After ten it points "
    f"elsewhere, at a cosine of {cosine:.2f}; as a mean of parameters it is the same move, to "
    f"{float((ten - by_parameters).abs().max()):.0e}.",
    torch.allclose(one, joint) and cosine < 0.99 and torch.allclose(ten, by_parameters),
)

# %% [markdown]
# **C**: several steps on *one* task, then the difference. *Noticed by:* comparing with joint training, which must not come out the
# same.
#
# ### Case 18

# %% tags=["hide-input"]
ch17.show_case(18)

# %% [markdown]
# All tasks have the curvatures 1 and 10, and each its own centre. One rate for each *parameter*, 1 and 0.1, brings every task home in
# one step. For a rate of its own let every new task have the best one in hindsight, which no method could know.

# %%
bends = torch.tensor([1.0, 10.0]).double()
apart = torch.randn(1000, 2, generator=seeded(2)).double()  # from the start to the centre of each new task
per_parameter = (0.5 * bends * ((1 - bends / bends) * apart).square()).sum(1)
grid = torch.linspace(0, 0.3, 301).double()
per_task = (0.5 * bends * ((1 - grid[:, None, None] * bends) * apart).square()).sum(-1).amin(0)  # hindsight

# %% tags=["hide-input"]
start = float((0.5 * bends * apart.square()).sum(1).mean())
claim(
    f"From a loss of {start:.2f} one rate per parameter, shared by all tasks, leads to {float(per_parameter.mean()):.2f} in one step; "
    f"a rate for each task, chosen in hindsight, to {float(per_task.mean()):.2f}.",
    float(per_parameter.mean()) < 1e-9 < float(per_task.mean()),
)

# %% [markdown]
# **C**: α has the shape of θ, is learned with it, and serves all tasks. *Noticed by:* the question where the rate of a *new* task
# would come from.
#
# ### Case 19

# %% tags=["hide-input"]
ch17.show_case(19)


# %%
def meta_loss(theta, rates):
    """Mean loss of the quadratics of case 17 after one step with these rates."""
    adapted = theta - rates * gradients(theta.expand(4, 2))
    return 0.5 * ((adapted - centre)[:, None] @ curvature @ (adapted - centre)[..., None]).mean()


rates = torch.full((2,), 0.1, dtype=torch.float64)
maml = torch.func.grad(lambda at: meta_loss(at, 0.1))(theta)
meta_sgd, by_rates = torch.func.grad(meta_loss, argnums=(0, 1))(theta, rates)

# %% tags=["hide-input"]
claim(
    f"With all rates at 0.1 Meta-SGD's gradient by θ is MAML's, to {float((maml - meta_sgd).abs().max()):.0e}; and its rates are learned "
    f"by a gradient as well, here ({float(by_rates[0]):.2f}, {float(by_rates[1]):.2f}).",
    torch.allclose(maml, meta_sgd),
)

# %% [markdown]
# **C**. *Noticed by:* freezing what is new, and looking whether the old method comes out.
#
# ## The meta-policy gradient
#
# ### Case 20

# %% tags=["hide-input"]
ch17.show_case(20)

# %% [markdown]
# The small world of chapter 09 with all its trajectories, and two tasks: its rewards, and the same with the other sign. What is meant
# is the gradient of $\tfrac12 \sum_T J_T(\theta + \alpha \nabla J_T(\theta))$.

# %%
world, inner_lr, both = World(2), 0.5, (REWARDS, -REWARDS)


def after_adaptation(theta):
    """Mean return over both tasks, after each has taken its own inner step."""
    returns = [world.expected_return(theta + inner_lr * world.gradient(theta, rewards), rewards) for rewards in both]
    return sum(returns) / 2


formula = sum(world.gradient(LOGITS, rewards) for rewards in both) / 2
meant = finite_differences(after_adaptation)
first_reward = REWARDS[world.states[:, 0], world.actions[:, 0]]  # what is left of R without the sum over time

# %% tags=["hide-input"]
gone = float((world.chances(LOGITS) * (world.to_go()[..., 0] - first_reward)).sum() / world.expected_return(LOGITS))
claim(
    f"The formula gives a gradient of length {float(formula.norm()):.0e}; what is meant has the length {float(meant.norm()):.3f}. And "
    f"without the sum over time {gone:.0%} of the return would be missing.",
    float(formula.norm()) < 1e-12 and float(meant.norm()) > 1e-3,
)

# %% [markdown]
# **A**: it is the plain policy gradient of the mean return. *Noticed by:* two tasks whose mean is nothing.
#
# ### Case 21

# %% tags=["hide-input"]
ch17.show_case(21)

# %%
mean_gradient = sum(world.gradient(LOGITS, rewards) for rewards in both) / 2
returns = {"before": [], "mean inside": [], "each its own": []}
for rewards in both:
    returns["before"].append(float(world.expected_return(LOGITS, rewards)))
    returns["mean inside"].append(float(world.expected_return(LOGITS + 5 * mean_gradient, rewards)))
    returns["each its own"].append(float(world.expected_return(LOGITS + 5 * world.gradient(LOGITS, rewards), rewards)))

# %% tags=["hide-input"]
claim(
    "Returns in the two tasks: "
    + "; ".join(f"{name} {a:.2f} and {b:.2f}" for name, (a, b) in returns.items())
    + ". With the expectation inside nobody adapts.",
    np.allclose(returns["before"], returns["mean inside"])
    and min(np.subtract(returns["each its own"], returns["before"])) > 0.05,
)

# %% [markdown]
# **A**: θ′ belongs to a task. *Noticed by:* printing two adapted policies.
#
# ### Case 22

# %% tags=["hide-input"]
ch17.show_case(22)

# %% [markdown]
# The exact Jacobian of an inner step is $I + \alpha \nabla^2 J$. What Hessian does autodiff see in the lines of the case? At horizon 3,
# by enumeration, as in chapter 09; beside it LVC, whose loss has $\pi / \bot\pi$ in the place of $\log \pi$.

# %%
three = World(3)
chances, to_go = three.chances(LOGITS), three.to_go()
true_hessian = finite_differences(three.gradient)
losses = {
    "naive": lambda theta: (chances * (three.log_pi(theta) * to_go).sum(-1)).sum(),
    "LVC": lambda theta: (chances * ((three.log_pi(theta) - three.log_pi(LOGITS)).exp() * to_go).sum(-1)).sum(),
}
slope_error = {name: relative(torch.func.grad(loss)(LOGITS), three.gradient(LOGITS)) for name, loss in losses.items()}
hessian_error = {name: relative(hessian_of(loss), true_hessian) for name, loss in losses.items()}

# %% tags=["hide-input"]
claim(
    f"Both inner gradients are right, to {max(slope_error.values()):.0e}. The naive Hessian errs by {hessian_error['naive']:.1f} times the "
    f"true one's length, LVC's by {hessian_error['LVC']:.2f}.",
    max(slope_error.values()) < 1e-9 and hessian_error["naive"] > 1 > hessian_error["LVC"],
)

# %% [markdown]
# **C**. With an error above 1, zero would be the better estimate: first order. Chapter 09 found, with five seeds, that this costs
# little on its family; whether it does in the reference was not tried. *Noticed by:* finite differences of the adapted return.
#
# ### Case 23

# %% tags=["hide-input"]
ch17.show_case(23)


# %% [markdown]
# A test that knows nothing of the code: change one argument at a time, with the same seed, and see whether any number changes.

# %%
def main(inner_lr=0.1, outer_lr=0.01, iterations=20, seed=0):
    """A meta-training on lines, with the fault of the case."""
    generator, slope = seeded(seed), 0.0
    inner_lr = outer_lr  # MAML(policy, lr=outer_lr)
    for _ in range(iterations):
        line, x = float(torch.randn((), generator=generator)), torch.randn(2, 5, generator=generator)
        factor = 1 - 2 * inner_lr * float(x[0].square().mean())
        slope -= outer_lr * 2 * factor * factor * (slope - line) * float(x[1].square().mean())
    return slope


def without_effect(function, **changed):
    """Arguments that change nothing."""
    usual = function()
    return [name for name, value in changed.items() if function(**{name: value}) == usual]


silent = without_effect(main, inner_lr=0.7, outer_lr=0.02, iterations=21, seed=1)

# %% tags=["hide-input"]
claim(f"Of the four arguments one changes nothing: `{silent[0]}`.", silent == ["inner_lr"])

# %% [markdown]
# **B**. In `learn2learn`'s example of MAML with DiCE the inner loop gets the outer rate. The same test finds flags that nobody reads.
# *Noticed by:* this test, in ten lines, on any `main`.
#
# ## Memory, belief, planning, tools
#
# ### Case 25

# %% tags=["hide-input"]
ch17.show_case(25)

# %% [markdown]
# Twenty-one goals, the goal is found at once, and twelve steps are left. The exact belief is certain. A policy that goes where a goal
# *drawn from its belief* lies stays with the exact one; with the belief of the case it leaves every other time.

# %%
generator, goals, stayed, beliefs = seeded(3), 21, [], []
for _ in range(2000):
    belief = torch.zeros(goals)
    other = 1 + int(torch.randint(goals - 1, (), generator=generator))  # the goal is number 0
    belief[0], belief[other] = 0.5, 0.5
    beliefs.append(belief)
    stayed.append(int(torch.multinomial(belief, 1, generator=generator)) == 0)
doubt = float(torch.stack(beliefs).clamp_min(1e-12).log().mul(torch.stack(beliefs)).sum(1).neg().mean())
jumps = float(
    torch.stack([(a - b).abs().sum() > 0 for a, b in zip(beliefs, beliefs[1:], strict=False)]).double().mean()
)

# %% tags=["hide-input"]
claim(
    f"Its entropy after certain news is {doubt:.2f} nats in place of 0; it changes in {jumps:.0%} of the steps, though nothing new is "
    f"seen; and the policy stays at its goal in {np.mean(stayed):.0%} of them.",
    abs(doubt - np.log(2)) < 1e-3 and jumps > 0.9 and abs(np.mean(stayed) - 0.5) < 0.05,
)

# %% [markdown]
# **C**. In VariBAD's grid the branch serves an action that asks for a hint, and is entered at the goal as well. An oracle that is handed
# this belief is no upper bound. *Noticed by:* Bayes' rule on one transition; a belief must not change without news.
#
# ### Case 26

# %% tags=["hide-input"]
ch17.show_case(26)


# %%
def search(pooled, goals, rounds=8, candidates=60, elites=6):
    """Mean plans of a cross-entropy search, [environment, time]; each environment wants the sum of its pushes at "
    "its goal."""
    generator = seeded(4)
    mean, std = torch.zeros(len(goals), 5), torch.ones(len(goals), 5)
    for _ in range(rounds):
        plans = mean[:, None] + std[:, None] * torch.randn(len(goals), candidates, 5, generator=generator)
        scores = -(plans.sum(-1) - goals[:, None]).square()
        if pooled:
            best = plans.flatten(0, 1)[scores.flatten().topk(elites * len(goals)).indices]
            mean, std = best.mean(0).expand(len(goals), 5), best.std(0, correction=0).expand(len(goals), 5)
        else:
            best = torch.take_along_dim(plans, scores.topk(elites, 1).indices[..., None], 1)
            mean, std = best.mean(1), best.std(1, correction=0)
    return mean


wanted = torch.tensor([3.0, -3.0, 1.0])
off = {pooled: (search(pooled, wanted).sum(-1) - wanted).abs() for pooled in (False, True)}
alone = {pooled: search(pooled, wanted[:1]).sum(-1) for pooled in (False, True)}

# %% tags=["hide-input"]
claim(
    f"Each on its own, the plans miss their goals by at most {float(off[False].max()):.2f}; with pooled elites by up to "
    f"{float(off[True].max()):.1f}. With a single environment both are right, to {float((alone[True] - wanted[0]).abs()):.2f}.",
    float(off[False].max()) < 0.2 and float(off[True].max()) > 1 and float((alone[True] - wanted[0]).abs()) < 0.2,
)

# %% [markdown]
# **A**. The released planner of GrBAL and ReBAL pools them; with one environment at a time nobody would notice. *Noticed by:* taking one
# environment out of the batch: the others' plans must not change.
#
# ### Case 27

# %% tags=["hide-input"]
ch17.show_case(27)

# %% [markdown]
# One part of the sentence can be tried here and now: do the frameworks bring these methods along?

# %%
names = [path.stem for path in Path(torch.__file__).parent.rglob("*.py")]
named = [name for name in names if "maml" in name.lower() or "reptile" in name.lower()]

# %% tags=["hide-input"]
claim(
    f"Among {len(names):,} modules of this PyTorch none is named after MAML or Reptile. What it brings are transforms: "
    f"`torch.func.grad`, `vmap`, `functional_call`.",
    not named and all(hasattr(torch.func, name) for name in ("grad", "vmap", "functional_call")),
)

# %% [markdown]
# **B**. The rest of the sentence is a matter of dates: chapter 17, section 8. *Noticed by:* the example of the library, run in an empty
# environment, before anything is built on it.
#
# Back to [17 Reading critically](17_reading_critically.ipynb) · [Exercises](../exercises/17_reading_critically_exercises.ipynb) · previous: [17a Cases of the foundations](17a_cases_of_the_foundations.ipynb) · next: [17c Forty questions](17c_self_test.ipynb)
