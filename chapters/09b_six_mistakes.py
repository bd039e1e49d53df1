# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09b Six mistakes in a meta-gradient
#
# **Which mistakes leave the inner step right and spoil the meta-gradient, and what gives them away?**
#
# *An appendix to chapter 09. No later chapter needs it.*
#
# You will be able to
#
# - recognise six mistakes that raise no error
# - say for each whether a test of the gradient, of the Hessian or of the noise finds it
#
# Before you start: chapter 09, [The meta-policy gradient, done right](09_meta_policy_gradient.ipynb).
#
# Reading: about 10 minutes. Running: at most 20 seconds and 900 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import torch

from metarl_core.claims import claim
from metarl_core.figures.words import table as show_table
from metarl_core.randomness import seeded
from metarl_core.recipes.small_world import (
    ACTIONS,
    LOGITS,
    STATES,
    World,
    finite_differences,
    hessian_of,
    relative,
)
from metarl_core.session import begin

begin()

# %% [markdown]
# None of these raises an error. All leave a plausible program. On the small MDP of chapter 09 at horizon 3 each shows
# its face: the error of the inner gradient, the error of the Hessian (both in expectation, by enumeration), and the
# standard deviation of the Hessian-vector product from $N = 20$ sampled episodes, relative to that of DiCE.
#
# - **Graph missing.** The log-probabilities come from sampling time or from a detached copy of $\theta$. The step is
#   right; the meta-gradient is first order without saying so.
# - **Mean over action dimensions** instead of the sum. For $d = 2$ it halves $x_t$: the gradient is half as long, which
#   a larger $\alpha$ would repair; but in (09.7) $\psi \psi^\top$ gets a factor $1/4$ and $\nabla^2 x$ one of $1/2$. No
#   $\alpha$ repairs both. (In the table: the error after $\alpha$ was doubled.)
# - **DiCE's sum divided** by the number of steps ($c_t / H$), to "keep the exponent small". Its value is 0 anyway.
# - **DiCE's sum across episodes:** `cumsum` on a flattened batch. Episodes are independent, so the mean stays right. And
#   the noise?
# - **The magic box on rewards-to-go:** $\sum_t e^{c_t - \bot c_t} R_t$, where (09.8) has the reward $r_t$: later rewards
#   count several times. (Subtract the exact value function, and the surplus has mean zero. With a good critic the
#   mistake hides.)
# - **Naive with a large baseline** ($b = 20$).
#
# **Predict, then run.** For each, which of the three columns gives it away? How many would a test of the inner step
# find?
#
# *Your prediction:*

# %%
world, N, repeats, g = World(3), 20, 400, seeded(11)
drawn = torch.multinomial(world.chances(LOGITS), N * repeats, replacement=True, generator=g).view(repeats, N)
critic, to_go = world.values(LOGITS), world.to_go()


def stop_ratio(x):
    return (x - x.detach()).exp()


def dice_weight(log_pi):
    through = log_pi.cumsum(-1)
    return stop_ratio(through) - stop_ratio(through - log_pi)


def dice_across(log_pi):
    """The third axis from the end counts batches: there episodes are laid end to end."""
    flat = log_pi.flatten(1) if log_pi.ndim == 3 else log_pi
    return dice_weight(flat).view_as(log_pi)


OBJECTIVE = {  # of log π, rewards-to-go R and value V, [..., episode, time]: its gradient should be Σ ψ_t A_t
    "DiCE": lambda x, R, V: dice_weight(x) * (R - V),
    "LVC": lambda x, R, V: stop_ratio(x) * (R - V),
    "graph missing": lambda x, R, V: stop_ratio(x) * (R - V),  # the *step* is cut, below
    "mean over two action dimensions": lambda x, R, V: 2 * stop_ratio(x / 2) * (R - V),  # with α doubled
    "DiCE, sum divided by H": lambda x, R, V: 3 * dice_weight(x / 3) * (R - V),  # and α times H
    "DiCE across episodes": lambda x, R, V: dice_across(x) * (R - V),
    "magic box on rewards-to-go": lambda x, R, V: stop_ratio(x.cumsum(-1)) * R,
    "naive, baseline 20": lambda x, R, V: x * (R - 20),
}

# %% [markdown]
# The three columns. Expectations are sums over all trajectories; the noise comes from 400 batches of 20 episodes, each
# with its own copy of $\theta$.

# %%
exact, true_hessian = world.gradient(LOGITS), finite_differences(world.gradient)


def symptoms(name):
    """Errors of expected gradient and Hessian, and spread of Hessian-vector products of N sampled episodes."""
    objective, cut = OBJECTIVE[name], name == "graph missing"

    def expected(theta):
        return (world.chances(LOGITS) * objective(world.log_pi(theta), to_go, critic).sum(-1)).sum()

    slope_error = relative(torch.func.grad(expected)(LOGITS), exact)
    hessian = 0 * true_hessian if cut else hessian_of(expected)
    many = LOGITS.expand(repeats, STATES, ACTIONS).clone().requires_grad_()  # θ of each sampled batch
    log_pi = many.log_softmax(-1)[torch.arange(repeats)[:, None, None], world.states[drawn], world.actions[drawn]]
    value = objective(log_pi, to_go[drawn], critic[drawn]).sum(-1).mean(-1)
    (slopes,) = torch.autograd.grad(value.sum(), many, create_graph=True)
    products = torch.autograd.grad((slopes * exact).sum(), many)[0].flatten(1)
    return slope_error, relative(hessian, true_hessian), 0.0 if cut else float(products.var(0).sum().sqrt())


found = {name: symptoms(name) for name in OBJECTIVE}

# %% tags=["hide-input"]
show_table(
    ["", "gradient", "Hessian", "noise of $Hv$, DiCE = 1"],
    [(name, f"{a:.0e}", f"{b:.2f}", f"{c / found['DiCE'][2]:.2f}") for name, (a, b, c) in found.items()],
)
boxed, across = found["magic box on rewards-to-go"], found["DiCE across episodes"]
claim(
    "Of the six mistakes one shows in the gradient, the magic box on rewards-to-go. Four more show in the Hessian. The "
    f"sum across episodes is unbiased, and has {across[2] / found['DiCE'][2]:.1f} times the noise of DiCE.",
    all(values[0] < 1e-9 for name, values in found.items() if name != "magic box on rewards-to-go")
    and boxed[0] > 0.01
    and found["naive, baseline 20"][1] > 5
    and across[1] < 1e-6
    and across[2] > 2 * found["DiCE"][2]
    and found["mean over two action dimensions"][1] > found["LVC"][1],
)

# %% [markdown]
# The first two rows are right answers, LVC with its known bias. A test of the inner step finds **one mistake of six**.
# The others need the Hessian, or the noise: the sum across episodes costs a multiple of the noise, and with every
# further episode more. The test to write is the one of chapter 09, section 3: a small MDP, all trajectories, float64,
# finite differences. It runs in a second.
#
# There is a seventh, and this course made it. A batch of episodes kept the parameters that had collected them, to
# measure ProMP's divergence from them later. It kept them *as a view*, and the outer optimiser changes the parameters in
# place: the "old" policy moved along, and the penalty was zero in every training, for every $\eta$. No value was wrong
# that anyone looked at. What would have found it is a look at the KL itself, which must leave zero with the first step
# on a batch (appendix [09a](09a_several_outer_steps.ipynb), section 2), and is now a test of the package.
#
# Back to [09 The meta-policy gradient, done right](09_meta_policy_gradient.ipynb) · [Exercises](../exercises/09_meta_policy_gradient_exercises.ipynb) · previous: [09a Several outer steps from one batch](09a_several_outer_steps.ipynb) · next: [10 Meta-learning a DQN](10_meta_learning_a_dqn.ipynb)
