# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05b What MAML has learned
#
# **Two networks compute the same function; why does one step take them to such different places?**
#
# *An appendix to chapter 05. No later chapter needs it.*
#
# You will be able to
#
# - derive how a gradient step moves a network's function, and which movement would be best
# - see that structure of the tasks is stored in an initialisation's gradients
# - say where an initialisation's knowledge ends, and which baseline it loses to
#
# Before you start: chapter 05, [MAML](05_maml.ipynb).
#
# Reading: about 25 minutes. Running: at most 60 seconds and 1500 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import numpy as np
import torch

from metarl_core.claims import claim
from metarl_core.figures import ch05b as figures
from metarl_core.figures.words import say
from metarl_core.figures.words import table as show_table
from metarl_core.meta import supervised
from metarl_core.networks import mlp
from metarl_core.randomness import seeded
from metarl_core.recipes import sinusoid
from metarl_core.session import begin
from metarl_core.tasks.sinusoid import zero_floor

begin()
settings = sinusoid.Settings(iterations=30_000)
family, shots, zero = sinusoid.FAMILY, settings.shots, zero_floor()
maml, joint = (sinusoid.method_named(name, settings) for name in ("MAML", "pre-training"))

# %% [markdown]
# MAML's network and the pre-trained one of chapter 05 compute nearly the same function before adaptation, and one step
# takes them to different places. So what MAML has learned must be in *how the function moves*. This appendix looks at
# it. To save time it trains MAML for 30,000 iterations instead of 70,000.

# %%
theta, _ = sinusoid.trained("MAML", 0, settings)
pretrained, _ = sinusoid.trained("pre-training", 0, sinusoid.Settings(iterations=5000))
random_start, _ = sinusoid.untrained(maml, 0)
starts = {"random initialisation": random_start, "pre-training": pretrained, "MAML": theta}

# %% [markdown]
# ## 1 The tangent kernel
#
# For a small step the change of the network's *function* is, by Taylor's formula,
#
# $$\begin{gathered}
# f_{\theta_1}(x) \approx f_\theta(x) + \frac{2\alpha}{n} \sum_{j=1}^{n} k_\theta(x, x_j)\, \big(y_j - f_\theta(x_j)\big), \\
# k_\theta(x, x') = \nabla_\theta f_\theta(x)^\top \nabla_\theta f_\theta(x').
# \end{gathered} \tag{05.17}$$
#
# To see it, write the step of the mean squared error as
# $\theta_1 - \theta = \frac{2\alpha}{n} \sum_j (y_j - f_\theta(x_j))\, \nabla_\theta f_\theta(x_j)$ and insert it into
# $f_{\theta_1}(x) \approx f_\theta(x) + \nabla_\theta f_\theta(x)^\top (\theta_1 - \theta)$. The *tangent kernel*
# $k_\theta(x, x')$ (Jacot et al. 2018) says how far an error at $x'$ moves the prediction at $x$. This is what an
# initialisation can choose.
#
# **What should it choose?** Take any learner of the form $f(x) + \sum_j \kappa(x, x_j)\, (y_j - f(x_j))$ with support
# points drawn uniformly and independently. Let $f = m$ be the mean of the tasks, $m(x) = \frac{2}{\pi} \mathbb{E}[A] \cos x$,
# and let $C(x, x')$ be the covariance of $y(x)$ and $y(x')$ over tasks. The phase is uniform on $[0, \pi]$, so $2\varphi$
# runs over a whole period, and
#
# $$\begin{aligned}
# C(x, x') &= \mathbb{E}[A^2]\; \tfrac12\, \mathbb{E}_\varphi\big[\cos(x - x') - \cos(x + x' + 2\varphi)\big] - m(x)\, m(x') \\
# &= \tfrac12\, \mathbb{E}[A^2] \cos(x - x') - m(x)\, m(x').
# \end{aligned} \tag{05.18}$$
#
# The expected squared error at $x$ is a quadratic function of $\kappa(x, \cdot)$: with $e = y - m$, and two different
# support points $x', x''$,
#
# $$\begin{aligned}
# \mathbb{E}\Big[\big(e(x) - {\textstyle\sum_j} \kappa(x, x_j) e(x_j)\big)^2\Big] = C(x, x) &- 2n\, \mathbb{E}_{x'}[\kappa(x, x')\, C(x, x')]
# + n\, \mathbb{E}_{x'}[\kappa(x, x')^2\, C(x', x')] \\
# &+ n(n-1)\, \mathbb{E}_{x', x''}[\kappa(x, x')\, \kappa(x, x'')\, C(x', x'')].
# \end{aligned} \tag{05.19}$$
#
# Set its derivative with respect to $\kappa(x, x')$ to zero:
#
# $$C(x', x')\, \kappa(x, x') + (n - 1)\, \mathbb{E}_{x''}\big[C(x', x'')\, \kappa(x, x'')\big] = C(x, x'). \tag{05.20}$$
#
# On a grid this is a linear system. Its solution is the best kernel that a single step could have.
#
# **Predict, then run.** What does $k_\theta(x, x')$ look like for a random network of rectifiers? Where is it large? And
# what, roughly, is the best kernel?
#
# *Your prediction:*

# %%
grid = torch.linspace(-5, 5, 81, dtype=torch.float64)[:, None]
amplitude, square = 2.55, 2 * zero  # E[A] and E[A²] for A uniform on [0.1, 5]; see (02.9)
mean = 2 / np.pi * amplitude * grid.cos()
covariance = square / 2 * (grid - grid.T).cos() - mean @ mean.T


def tangent_kernel(parameters):
    jacobian = torch.func.jacrev(lambda p: mlp(p, grid.float())[:, 0])(parameters)
    rows = torch.cat([value.flatten(1) for value in jacobian.values()], 1)
    return (rows @ rows.T).double()


# (05.20): unknowns κ(x, x') for all x' at once, an expectation over x'' is a mean over the grid.
system = torch.diag(covariance.diagonal()) + (shots - 1) * covariance / len(grid)
best = torch.linalg.solve(system, covariance).T
kernels = {name: tangent_kernel(start) for name, start in starts.items()} | {"best for one step": best}

# %% tags=["hide-input"]
sizes = {name: f"largest {float(kernel.abs().max()):.0f}" for name, kernel in kernels.items()}
figures.kernels(kernels, sizes | {"best for one step": "solution of (05.20)"})


def likeness(one, other):
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


like = {name: likeness(kernel, best) for name, kernel in kernels.items()}
claim(
    f"Correlation with the best kernel: random initialisation {like['random initialisation']:.2f}, pre-training "
    f"{like['pre-training']:.2f}, MAML **{like['MAML']:.2f}** (the covariance itself has "
    f"{likeness(covariance, best):.2f}, and $\\cos(x - x')$ has {likeness((grid - grid.T).cos(), best):.2f}).",
    like["MAML"] > 0.7 and like["MAML"] > like["pre-training"] + 0.2,
)

# %% [markdown]
# A random network moves most where $|x|$ is large, on the side of the error. MAML's kernel has the stripes of the best
# one, though nobody wrote them down: it moves a place one period away in the same direction, half a period away in the
# opposite one, and a quarter away hardly at all. Pre-training stored the *mean* of the tasks in the function itself; an
# error at one end of the interval moves that end, and little else. (05.17) is a first-order picture, and $\alpha H$ is
# not small for MAML (section 5 of the chapter), so take it as a description of the direction in which a step moves the
# function, not of its length.
#
# It follows that the support points need not cover the interval. Put all five on the right half, and take ten steps:

# %%
half_tasks = family.sample_tasks(1000, seeded(30), "test")
right_x = family.sample_data(half_tasks, shots, seeded(31))[0].abs()
right = right_x, family.target(half_tasks, right_x)
test_x = 5 * torch.rand(1000, 100, 1, generator=seeded(32))
sides = {}
for name, start in starts.items():
    adapted = joint.adapt(start, *right, 10)
    errors = [(mlp(adapted, x) - family.target(half_tasks, x)).square().mean() for x in (test_x, -test_x)]
    sides[name] = [float(error.detach()) for error in errors]

# %% tags=["hide-input"]
show_table(
    ["five points at x > 0", "error at x > 0", "error at x < 0"],
    [(name, f"{near:.2f}", f"{far:.2f}") for name, (near, far) in sides.items()],
)
claim(
    "On the side without a single point MAML stays below the best single function (3.01): what it saw on the right tells "
    "it about the left.",
    sides["MAML"][1] < 2 and sides["MAML"][1] < 0.6 * sides["pre-training"][1],
)


# %% [markdown]
# ## 2 A baseline that wins
#
# Somebody who *knows* that the tasks are sine curves of period $2\pi$ needs no meta-learning. Since
# $A \sin(x + \varphi) = a \sin x + b \cos x$, two numbers are unknown, and least squares finds them from five points.
# Whoever also knows how large amplitudes are adds a penalty on $a^2 + b^2$. Now add noise to the support targets.

# %%
def sine_fit(inputs, targets, at, ridge=0.0):
    """Least squares for a sin x + b cos x, each task by itself, [task, point, 1]; ridge: penalty on a² + b²."""
    features = lambda x: torch.cat([x.sin(), x.cos()], -1).double()  # noqa: E731
    x = features(inputs)
    weights = torch.linalg.solve(x.mT @ x + ridge * torch.eye(2).double(), x.mT @ targets.double())
    return features(at) @ weights


held_out = sinusoid.test_data(settings)
means = {}
for noise in (0.0, 0.5, 1.0, 2.0):
    noisy = held_out.support_targets + noise * torch.randn(held_out.support_targets.shape, generator=seeded(21))
    data = held_out.support_inputs, noisy, held_out.query_inputs
    fitted = [sine_fit(*data, penalty) for penalty in (0.0, noise**2 / zero)]  # E[a²] = E[b²] = E[A²]/2 = (02.9)
    tested = [float((fit - held_out.query_targets).square().mean()) for fit in fitted]
    adapted = supervised.adaptation_curve(maml, theta, held_out._replace(support_targets=noisy), [1, 10])
    means[noise] = *tested, *adapted.mean(0).tolist()

# %% tags=["hide-input"]
show_table(
    ["noise (standard deviation)", "least squares", "with a prior", "MAML, one step", "MAML, ten steps"],
    [(noise, *(f"{v:.2f}" for v in row)) for noise, row in means.items()],
)
claim(
    "Least squares with a prior is ahead at every level of noise, and without noise it is exact.",
    means[0.0][0] < 1e-10 and all(row[1] < min(row[2:]) for row in means.values()),
)

# %% [markdown]
# On this problem MAML is beaten by anyone who knows the family. What it offers is that nobody had to: the same code,
# unchanged, would have learned another family. With much noise plain least squares falls behind *one* step of MAML.
# Where the structure of the tasks is known, use it; meta-learning is for structure that one cannot write down.
#
# ## 3 Where it ends
#
# Three ways out of what MAML was trained for: inputs outside of $[-5, 5]$; amplitudes outside of $[0.1, 5]$ (the split
# `ood`: 5 to 10); and more steps than the one of training.
#
# **Predict, then run.** For each of the three: graceful, or not?
#
# *Your prediction:*

# %%
wide = torch.linspace(-10, 10, 161)[None, :, None].expand(1000, -1, 1)
wide_tasks = family.sample_tasks(1000, seeded(33), "test")
wide_data = family.sample_data(wide_tasks, shots, seeded(34))
truth = family.target(wide_tasks, wide)
by_place = {
    count: (mlp(maml.adapt(theta, *wide_data, count), wide) - truth).square().mean((0, 2)).detach()
    for count in (0, 1, 10)
}
stronger = family.sample_few_shot(1000, shots, 100, seeded(35), "ood")
many = [0, 1, 2, 3, 5, 7, 10, 20, 50, 100]
inside, outside = (supervised.adaptation_curve(maml, theta, data, many) for data in (held_out, stronger))

# %% tags=["hide-input"]
ood_zero = float(stronger.query_targets.square().mean())
figures.where_it_ends(wide[0, :, 0], by_place, many, inside, outside, (zero, ood_zero))
worse = ~(outside[:, many.index(10)] <= stronger.query_targets.square().mean((1, 2)))
far = float(by_place[10][[0, -1]].mean())
usable = inside[inside[:, -1] < 20]  # a rare task may diverge on the way
say(
    f"For amplitudes 5 to 10 the mean error is {float(outside[:, 1].mean()):.1f} after one step (predicting zero: "
    f"{ood_zero:.1f}); after ten steps **{int(worse.sum())}** of these 1,000 tasks are worse than predicting zero."
)
claim(
    f"At |x| = 10 the error after ten steps is {far:.0f}, where predicting zero costs {zero:.1f}; within the trained "
    f"interval and amplitudes it falls from {float(usable[:, 1].mean()):.2f} after one step to "
    f"{float(usable[:, -1].mean()):.2f} after a hundred.",
    far > 10 * zero and float(usable[:, -1].mean()) < float(usable[:, 1].mean()) and len(usable) > 980,
)

# %% [markdown]
# *Inputs:* a network of rectifiers is linear far out, and no step on points inside can teach it that sine curves come
# back. It has learned sine curves on an interval, not the sine.
#
# *More steps:* within the distribution they keep helping, a hundred of them after training for one. Nothing in (05.2)
# promised that; it is a finding.
#
# *Amplitudes:* after one step the larger curves are fitted partly, and most go on improving. A few diverge, as
# section 9 of the chapter shows for steps that are too long: with twice the amplitude the same $\alpha$ makes a step
# about twice as long.
#
# ## Further reading
#
# - A. Jacot, F. Gabriel and C. Hongler, *Neural tangent kernel: Convergence and generalization in neural networks*,
#   2018, arXiv:1806.07572.
# - A. Raghu, M. Raghu, S. Bengio and O. Vinyals, *Rapid learning or feature reuse? Towards understanding the
#   effectiveness of MAML*, 2020, arXiv:1909.09157.
#
# Back to [05 MAML](05_maml.ipynb) · [Exercises](../exercises/05_maml_exercises.ipynb) · previous: [05a The speed of meta-training](05a_speed_of_meta_training.ipynb) · next: [06 Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb)
