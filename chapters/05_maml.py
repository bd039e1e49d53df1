# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 MAML
#
# **Can we learn a starting point from which one gradient step is enough?**
#
# You will be able to
#
# - derive the meta-gradient for one and for several inner steps, Hessians included
# - write MAML in twenty lines, and check it against finite differences and a closed form
# - reach the published numbers on sinusoids on five seeds, and say why joint training cannot
# - say what the first-order version drops, what that costs, and what it saves
# - train MAML on a network and data of your own
# - tell from the curvature which tasks will diverge, and why a mean over tasks may hide it
#
# Before you start: chapter 02, [Tasks and their distributions](02_tasks.ipynb); the chain rule in several variables.
#
# Reading: about 75 minutes. Running: at most 100 seconds and 2000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/05_maml_exercises.ipynb): about 120 minutes.

# %% tags=["hide-input"]
import numpy as np
import torch
from torch import nn

from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.exact import adapt_in_plane, landscape, landscape_losses
from metarl_core.figures import ch05 as figures
from metarl_core.figures.words import say
from metarl_core.figures.words import table as show_table
from metarl_core.meta import MAML, Joint, adapt, supervised, trace_direction
from metarl_core.networks import MLP, mlp, task_loss
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import sinusoid
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.tasks.sinusoid import task_agnostic_floor, zero_floor
from metarl_core.widgets import maml_landscape_explorer

begin()
table = load_table("sinusoid")  # five seeds a method, made earlier by the recipes that section 1 calls
settings = table.settings

# %% [markdown]
# ## 1 Five points, one step
#
# A task is a sine curve of unknown amplitude and phase. A network with two hidden layers of 40 units sees five points
# of it, makes one step of gradient descent on them, and is asked for the whole curve. Each test curve is new.
#
# Everything depends on where the step begins. We compare three starting points: the random weights that a network
# begins with; the weights after training on the data of many curves at once (*pre-training*); and the weights that
# this chapter is about. The next cell trains the last kind at the setting of the paper (Finn, Abbeel and Levine 2017):
# 70,000 iterations of 25 tasks each. It takes a minute or two, and longer where no C++ compiler is installed. The
# pre-trained network gets 5,000 iterations here, which is enough for its loss to settle; section 7 has one that got
# 70,000 as well.
#
# **Predict, then run.** (a) What will the pre-trained network draw *before* it has seen a point of the new curve?
# (b) Five points leave gaps. What will each network draw in them after one step?
#
# *Your prediction:*

# %%
family = Sinusoids()
alpha, shots = settings["inner_lr"], settings["shots"]
snapshots = {}  # θ during training, for section 5


def keep(iteration, meta, data):
    if iteration in (100, 300, 1000, 3000, 10_000, 30_000, settings["iterations"]):
        snapshots[iteration] = {name: value.clone() for name, value in meta.items()}


theta, history = sinusoid.trained("MAML", 0, callback=keep)  # the recipe of the table's row, taken apart in section 3
pretrained, _ = sinusoid.trained("pre-training", 0, sinusoid.Settings(iterations=5000))
random_start, _ = sinusoid.untrained(sinusoid.method_named("MAML", sinusoid.Settings()), 0)
starts = {"random initialisation": random_start, "pre-training": pretrained, "MAML": theta}

# %% [markdown]
# We draw 1,000 test curves, which serve for the whole chapter, and order them by MAML's error after one step. Shown
# are a good and a bad case: the curves at one quarter and at three quarters of that order.

# %% tags=["hide-input"]
maml, joint = (sinusoid.method_named(name, sinusoid.Settings()) for name in ("MAML", "pre-training"))
test_seed, tests = settings["test_seed"], settings["held_out_tasks"]
held_out = family.sample_few_shot(tests, shots, settings["test_queries"], seeded(test_seed), "test")
test_tasks = family.sample_tasks(tests, seeded(test_seed), "test")  # the same curves, as tasks
order = supervised.adaptation_curve(maml, theta, held_out, [1])[:, 0].argsort()
chosen = order[[tests // 4, 3 * tests // 4]]
shown = {name: value[chosen] for name, value in test_tasks.items()}
support = held_out.support_inputs[chosen], held_out.support_targets[chosen]
line = torch.linspace(-5, 5, 200)[None, :, None].expand(2, -1, 1)
drawn = {
    name: {count: mlp(joint.adapt(start, *support, count), line)[..., 0].detach() for count in (0, 1, 10)}
    for name, start in starts.items()
}
figures.first_steps(line[0, :, 0], family.target(shown, line)[..., 0], tuple(v[..., 0] for v in support), drawn)

# %% [markdown]
# (a) Before any point the pre-trained network draws a wave with the height of an average curve: a cosine, the mean of
# all tasks. (b) After one step only MAML draws a wave of about the right height and phase, also where there is no
# point. Nobody told it that the tasks are sine curves. The other two take the *same* step with the same step size on
# the same points and hardly move. And compare the dotted lines in the second and third column: before the step, the
# two networks compute nearly the same function. What MAML has learned lies in how the function moves.
#
# ## 2 Two loops
#
# A task $\mathcal{T}$ gives two sets of data: *support* points to learn from and *query* points to be judged on. With
# the mean squared error on each we have two functions of the parameters, the support loss $L^s_{\mathcal{T}}(\theta)$
# and the query loss $L^q_{\mathcal{T}}(\theta)$. The **inner loop** makes $K$ gradient steps with step size $\alpha$
# on the support loss, for each task on its own, and always from the same $\theta$:
#
# $$\theta_0 = \theta, \qquad \theta_{k+1} = \theta_k - \alpha \nabla L^s_{\mathcal{T}}(\theta_k), \qquad
# U_{\mathcal{T}}(\theta) = \theta_K. \tag{05.1}$$
#
# The **outer loop** asks for the $\theta$ from which this works best on average,
#
# $$\min_\theta F(\theta), \qquad F(\theta) = \mathbb{E}_{\mathcal{T} \sim p}\, L^q_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta)\big), \tag{05.2}$$
#
# by descending the **meta-gradient** $\nabla F$ with an outer step size $\beta$ (here inside Adam). This is (01.11)
# with a loss in the place of a return. Pre-training, in contrast, minimises
# $\mathbb{E}_{\mathcal{T}}[L^s_{\mathcal{T}}(\theta) + L^q_{\mathcal{T}}(\theta)]$ (05.3), in which $U$ does not
# occur.

# %% tags=["hide-input"]
figures.two_loops()


# %% [markdown]
# Problems like (05.2) are called *bi-level*: the outer objective contains the result of an inner optimisation. If the
# inner problem were solved to its end and had one solution, $U$ would not depend on $\theta$ at all. MAML stops after
# $K$ steps, and so where it starts matters.
#
# Why two sets of data? If the outer loss used the support points, $F$ would reward a $\theta$ from which five points
# are *fitted* fast. What counts is that the points between them come out right. Section 9 makes this mistake.
#
# ## 3 Build it
#
# > **Algorithm: MAML** (Finn et al. 2017, algorithm 2). Given $p(\mathcal{T})$, $\alpha$, $\beta$, $K$; initialise $\theta$. Repeat:
# > 1. Draw a batch of tasks, and for each of them support and query data.
# > 2. For each task: $\theta_K \leftarrow$ $K$ gradient steps of size $\alpha$ on the support loss, from $\theta$.
# > 3. Differentiate the mean query loss at the $\theta_K$ with respect to $\theta$, **through** the steps.
# > 4. Change $\theta$ by one step of Adam of size $\beta$ along that gradient.
#
# In plain PyTorch, one task after another. The inner loop makes new tensors and leaves $\theta$ alone.

# %%
def my_meta_gradient(meta, data, alpha, steps=1, first_order=False):
    """Gradient of the mean query loss after the inner loop, with respect to θ, and that loss."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in meta.items()}
    total = 0.0
    for support_x, support_y, query_x, query_y in zip(*data, strict=True):  # one task after another
        adapted = leaves  # every task starts from the same θ
        for _ in range(steps):
            inner = (mlp(adapted, support_x) - support_y).square().mean()
            slopes = torch.autograd.grad(inner, list(adapted.values()), create_graph=not first_order)
            adapted = {name: p - alpha * g for (name, p), g in zip(adapted.items(), slopes, strict=True)}
        total = total + (mlp(adapted, query_x) - query_y).square().mean() / len(data[0])
    return torch.autograd.grad(total, list(leaves.values())), float(total.detach())


def my_maml(start, iterations, generator, alpha=0.01, beta=1e-3, tasks=25):
    """The outer loop."""
    meta = {name: value.clone().requires_grad_() for name, value in start.items()}
    adam, trace = torch.optim.Adam(meta.values(), lr=beta), []
    for _ in range(iterations):
        data = family.sample_few_shot(tasks, shots, settings["queries"], generator)
        gradients, outer = my_meta_gradient(meta, data, alpha)
        for value, gradient in zip(meta.values(), gradients, strict=True):
            value.grad = gradient
        adam.step()
        trace.append(outer)
    return meta, trace


# %% [markdown]
# `create_graph=True` keeps the graph of the inner gradient, so that the last line can differentiate through it. The
# settings are those of the paper:
#
# | setting | value | source |
# |---|---|---|
# | network | 1–40–40–1, rectifiers | Finn et al. 2017, section 5.1 |
# | inner step size $\alpha$, steps $K$ | 0.01, 1 | the same |
# | outer optimiser | Adam, $\beta = 10^{-3}$ | released code |
# | tasks a batch, iterations | 25, 70,000 | released code |
# | support and query points in training | 5 and 5 | section 5.1 (the released command draws 10 and 10) |
#
# `torch.func` says the same without a loop over tasks: `grad` makes the gradient function of one task's loss, `vmap`
# maps it over a leading axis of tasks. The package goes one step further and gives parameters a task axis, so that a
# layer is one batched matrix product. All three must give the same numbers.

# %%
def query_loss(theta, support_x, support_y, query_x, query_y):
    """MAML's loss of one task, one inner step; a pure function of θ."""
    error = lambda p, x, y: (mlp(p, x) - y).square().mean()  # noqa: E731
    slopes = torch.func.grad(error)(theta, support_x, support_y)
    return error({name: p - alpha * slopes[name] for name, p in theta.items()}, query_x, query_y)


start64 = {name: value.double() for name, value in random_start.items()}
batch = FewShot(*(v.double() for v in family.sample_few_shot(8, shots, shots, seeded(5))))
looped, _ = my_meta_gradient(start64, batch, alpha)
mapped = torch.func.vmap(torch.func.grad(query_loss), in_dims=(None, 0, 0, 0, 0))(start64, *batch)
package, _ = maml.direction(start64, batch)
_, trace = my_maml(random_start, 20, seeded(6))
short = supervised.TrainConfig(iterations=20, meta_batch=25, outer_lr=1e-3, report_every=1)
sample = lambda tasks, generator: family.sample_few_shot(tasks, shots, settings["queries"], generator)  # noqa: E731
_, reference = supervised.train(maml, random_start, sample, short, seeded(6), description=None)

# %% tags=["hide-input"]
apart = [float((one - package[name]).abs().max()) for one, name in zip(looped, package, strict=True)]
apart += [float((mapped[name].mean(0) - package[name]).abs().max()) for name in package]
drift = float(np.abs(np.divide(trace, reference["loss"]) - 1).max())
claim(
    f"The loop, `vmap(grad(…))` and the package give the same meta-gradient (largest difference {max(apart):.0e}), and "
    f"twenty iterations of training differ by at most {drift:.0e} of the loss.",
    max(apart) < 1e-12 and drift < 1e-3,
)

# %% [markdown]
# From here on the package computes. For long trainings, `trace_direction` writes its tensor operations down once and
# replays the list. Appendix [05a](05a_speed_of_meta_training.ipynb) measures what batching, tracing and compiling buy,
# and where the time of a whole training goes.
#
# ## 4 The meta-gradient, by hand
#
# **One step.** $L^q(\theta_1)$ depends on $\theta$ through $\theta_1 = \theta - \alpha \nabla L^s(\theta)$. Write the
# chain rule with components $i, j$:
#
# $$\begin{gathered}
# \frac{\partial L^q(\theta_1)}{\partial \theta_i}
# = \sum_j \frac{\partial \theta_{1,j}}{\partial \theta_i}\, \frac{\partial L^q}{\partial \theta_j}(\theta_1), \\
# \frac{\partial \theta_{1,j}}{\partial \theta_i}
# = \delta_{ij} - \alpha \frac{\partial^2 L^s}{\partial \theta_i\, \partial \theta_j}(\theta) = (I - \alpha H)_{ij},
# \end{gathered} \tag{05.4}$$
#
# where $\delta_{ij}$ is 1 for $i = j$ and else 0, and $H = \nabla^2 L^s(\theta)$ is the Hessian, a symmetric matrix.
# So $\nabla_\theta L^q(\theta_1) = (I - \alpha H)\, \nabla L^q(\theta_1)$ (05.5).
#
# **K steps.** The Jacobian of a composition is the product of the Jacobians, the last map on the left:
# $\partial \theta_K / \partial \theta = (I - \alpha H_{K-1}) \cdots (I - \alpha H_0)$ (05.6), with
# $H_k = \nabla^2 L^s(\theta_k)$. The gradient needs the transpose. Each factor is symmetric, and transposing reverses
# the order:
#
# $$\nabla_\theta L^q(\theta_K) = (I - \alpha H_0)(I - \alpha H_1) \cdots (I - \alpha H_{K-1})\, \nabla L^q(\theta_K). \tag{05.7}$$
#
# Read it from the right. The query gradient travels back through the inner loop, the last step first, as the red
# arrows of the diagram show:
#
# $$v_K = \nabla L^q(\theta_K), \qquad v_k = v_{k+1} - \alpha H_k v_{k+1}, \qquad \nabla_\theta L^q(\theta_K) = v_0. \tag{05.8}$$
#
# Hessians at different points do not commute, so the order matters, and each is taken where its step was taken.
#
# **What a factor does.** Along an eigenvector of $H$ with eigenvalue $\lambda$ it multiplies by $1 - \alpha\lambda$.
# Where $\alpha\lambda \approx 1$ the inner step solves that direction from anywhere, so the outer loop need not care:
# weight 0. Where $\alpha\lambda \approx 0$ the inner step does nothing, and the outer loop sees the plain gradient.
# Where $\alpha\lambda > 1$ the step overshoots, and the sign turns.
#
# **No matrix is formed.** For $d$ parameters $H$ has $d^2$ entries, but (05.8) only needs products $Hv$, and for a
# fixed vector $v$
#
# $$H v = \nabla_\theta \big(\nabla L^s(\theta)^\top v\big), \tag{05.9}$$
#
# the gradient of a number (Pearlmutter 1994). Reverse-mode differentiation computes that in a small multiple of the
# time of a gradient, whatever $d$ is: at the 1,761 parameters of our network some four times, where the whole matrix
# would take hundreds of times as long as one product (appendix 05a measures both). Calling `grad` on $L^q(\theta_K)$
# does exactly (05.8) without our writing it. What remains is the memory: the graphs of all $K$ steps are kept.
#
# ### Which formula is right? Ask finite differences
#
# $F$ is a number that depends on $\theta$. Move one entry of $\theta$ by $\pm 10^{-5}$, adapt anew, look at $F$: this
# gives the meta-gradient without any chain rule. It needs float64, since the difference loses about five digits, and
# a smooth activation, since a rectifier's kink may lie between the two sides. We take three inner steps on five tasks,
# with `tanh` units, and hold six formulas against it.
#
# **Predict, then run.** Order them by their error: (05.7); (05.7) with the factors in reverse order; with $H_0$ in all
# three factors; with a single factor; without factors; with $I + \alpha H$.
#
# *Your prediction:*

# %% tags=["hide-input"]
small = {name: value.double() for name, value in initial_parameters(MLP((1, 6, 6, 1), torch.tanh, seeded(3))).items()}
exact_data = FewShot(*(value.double() for value in family.sample_few_shot(5, 5, 10, seeded(4))))
smooth_loss = lambda p, x, y: (mlp(p, x, torch.tanh) - y).square().mean((1, 2))  # noqa: E731
smooth = MAML(smooth_loss, inner_lr=alpha, inner_steps=3)


def vector(parameters):
    return torch.cat([value.flatten() for value in parameters.values()])


def as_network(flat, like):
    pieces = flat.split([value.numel() for value in like.values()])
    return {name: piece.view_as(value) for piece, (name, value) in zip(pieces, like.items(), strict=True)}


def mean_query_loss(flat):
    adapted = smooth.adapt(as_network(flat, small), exact_data.support_inputs, exact_data.support_targets)
    return float(smooth_loss(adapted, exact_data.query_inputs, exact_data.query_targets).mean().detach())


# %%
def by_factors(choose, sign=-1.0):
    """Mean over tasks of the product of explicit factors I ± αH with the query gradient; `choose` orders the H's."""
    found = []
    for sx, sy, qx, qy in zip(*exact_data, strict=True):
        error = lambda p, x, y: (mlp(as_network(p, small), x, torch.tanh) - y).square().mean()  # noqa: E731
        point, hessians = vector(small), []
        for _ in range(3):
            hessians.append(torch.func.hessian(error)(point, sx, sy))
            point = point - alpha * torch.func.grad(error)(point, sx, sy)
        v = torch.func.grad(error)(point, qx, qy)
        for hessian in choose(hessians):  # nearest to the query gradient first
            v = v + sign * alpha * hessian @ v
        found.append(v)
    return torch.stack(found).mean(0)


formulas = {
    "automatic differentiation (`MAML.direction`)": vector(smooth.direction(small, exact_data)[0]),
    "(05.7)": by_factors(lambda h: h[::-1]),
    "factors in reverse order": by_factors(lambda h: h),
    "$H_0$ in all three factors": by_factors(lambda h: [h[0]] * 3),
    "one factor only, that of the last step": by_factors(lambda h: h[-1:]),
    "no factor (FOMAML)": by_factors(lambda h: []),
    "$I + \\alpha H$": by_factors(lambda h: h[::-1], sign=1.0),
}

# %% tags=["hide-input"]
centre, shift = vector(small), 1e-5
numeric = torch.tensor(
    [mean_query_loss(centre + shift * e) - mean_query_loss(centre - shift * e) for e in torch.eye(len(centre)).double()]
).double() / (2 * shift)  # fmt: skip
errors = {name: float((value - numeric).norm() / numeric.norm()) for name, value in formulas.items()}
show_table(["formula", "error, relative to the gradient's length"], [(n, f"{e:.1e}") for n, e in errors.items()])
wrong = list(errors.values())[2:]
claim(
    "(05.7) agrees with the differences as far as they reach, and with automatic differentiation. Of the wrong formulas "
    f"the reverse order is nearest, with {min(wrong):.1%}.",
    max(list(errors.values())[:2]) < 1e-6 and errors["factors in reverse order"] == min(wrong) > 1e-2,
)

# %% [markdown]
# The order from small error to large: (05.7), the reverse order, $H_0$ everywhere, one factor, none, the wrong sign.
# None of the wrong formulas gives an error message, and most would even train: a direction that is off by a few
# percent cannot be told from the right one in a learning curve. The check takes a second. Run it for every
# meta-gradient that you write.
#
# ## 5 FOMAML: leave the factors out
#
# First-order MAML takes the query gradient at the adapted parameters as if $\theta_K$ depended on $\theta$ by the
# identity alone:
#
# $$g_{\mathrm{FO}} = \mathbb{E}_{\mathcal{T}}\, \nabla L^q_{\mathcal{T}}(\theta_K), \qquad
# \text{dropped for } K = 1: \quad -\alpha H\, \nabla L^q(\theta_1). \tag{05.10}$$
#
# In code `create_graph=False`: the inner gradients are constants. It is *not* the joint gradient, which would be
# taken at $\theta$. What is lost? To first order in $\alpha$,
# $L^q(\theta - \alpha \nabla L^s) \approx L^q(\theta) - \alpha \nabla L^s(\theta)^\top \nabla L^q(\theta)$, and so
#
# $$\nabla F \approx \mathbb{E}\big[\nabla L^q - \alpha \big(H^q\, \nabla L^s + H^s\, \nabla L^q\big)\big], \qquad
# g_{\mathrm{FO}} \approx \mathbb{E}\big[\nabla L^q - \alpha H^q\, \nabla L^s\big], \tag{05.11}$$
#
# with all gradients and Hessians at $\theta$. MAML lowers the loss *and* raises the inner product of the gradients on
# support and query data: it looks for places where a step on one helps the other. FOMAML keeps one of the two terms,
# which on average are the same size. Chapter 06 measures these terms one by one.
#
# "To first order in $\alpha$" needs $\alpha H$ to be small. With $\alpha = 0.01$ it looks small.
#
# **Predict, then run.** The largest eigenvalue of $\alpha H$ for a single task: below 0.1, near 1, or above 2, (a) for
# the random network, (b) after meta-training? (c) Does the angle between MAML's and FOMAML's direction for one task
# grow or shrink as training goes on?
#
# *Your prediction:*

# %%
few = FewShot(*(value[:100] for value in held_out))
loss = sinusoid.loss


def slopes_of(parameters, inputs, targets):
    """Gradient of each task's support loss as a vector [task, d], with its graph; all tasks at once."""
    grads = torch.autograd.grad(loss(parameters, inputs, targets).sum(), list(parameters.values()), create_graph=True)
    return torch.cat([value.flatten(1) for value in grads], 1)


def largest_curvature(parameters, inputs, targets, iterations=15):
    """Largest |eigenvalue| of the support loss's Hessian, [task], by power iteration with (05.9)."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    slope = slopes_of(leaves, inputs, targets)
    v = torch.randn(slope.shape, generator=seeded(8))
    for _ in range(iterations):
        v = v / v.norm(dim=1, keepdim=True)
        products = torch.autograd.grad((slope * v).sum(), list(leaves.values()), retain_graph=True)
        v = torch.cat([value.flatten(1) for value in products], 1)
    return v.norm(dim=1)


# %% tags=["hide-input"]
def cosine(meta, data):
    """Between MAML's and FOMAML's direction, for each task alone."""
    leaves = {n: v.detach().clone().requires_grad_() for n, v in repeat_parameters(meta, len(data[0])).items()}
    found = []
    for create_graph in (True, False):
        adapted = adapt(leaves, lambda p: loss(p, data.support_inputs, data.support_targets), alpha, create_graph=create_graph)
        outer = loss(adapted, data.query_inputs, data.query_targets).sum()
        grads = torch.autograd.grad(outer, list(leaves.values()))
        found.append(torch.cat([value.flatten(1) for value in grads], 1))
    return torch.nn.functional.cosine_similarity(*found)


moments, along = {0: random_start, **snapshots}, (0, 1, 2, 3, 5, 10)
few_support = few.support_inputs, few.support_targets
at_start = torch.stack(
    [alpha * largest_curvature(repeat_parameters(m, len(few[0])), *few_support) for m in moments.values()]
)
on_the_way = torch.stack([alpha * largest_curvature(maml.adapt(theta, *few_support, k), *few_support) for k in along])
cosines = torch.stack([cosine(meta, few) for meta in moments.values()])
figures.curvature([f"{iteration:,}" for iteration in moments], at_start, along, on_the_way, cosines)
first, last, after = (float(v.median()) for v in (at_start[0], at_start[-1], on_the_way[1]))
claim(
    f"In the median task the largest eigenvalue of $\\alpha H$ is {first:.2f} for the random network, **{last:.2f}** "
    f"after training, and {after:.2f} after one inner step from there; the median cosine falls from "
    f"{float(cosines[0].median()):.2f} to **{float(cosines[-1].median()):.2f}**.",
    first < 0.7 and last > 1.8 > after and float(cosines[0].median()) > 0.9 > float(cosines[-1].median()) + 0.2,
)


# %% [markdown]
# (a) A few tenths; (b) above 2; (c) the angle grows. The step size stays at 0.01, but meta-training changes the
# curvature: it moves $\theta$ to where the loss is steep. A small $\alpha$ says nothing by itself; $\alpha H$ does. On
# a quadratic with $\alpha\lambda > 2$ gradient descent grows from step to step. Here the first step overshoots along
# the steepest direction, but it lands where the loss is less steep, and from there descent is stable in nearly every
# task. Nothing in the one-step objective asks for that, and section 9 shows how small the margin is.
#
# At the start FOMAML's direction is MAML's. In the end it points elsewhere for most tasks, and Taylor expansions in
# $\alpha$, (05.11) included, no longer describe what happens. Whether that shows in the *result* is another question,
# which section 7 answers.
#
# ## 6 Quadratics, where everything is known
#
# Let the losses of task $i$, support and query alike, be $L_i(\theta) = \tfrac12 (\theta - c_i)^\top A_i (\theta - c_i)$
# (05.12), $A_i$ symmetric and positive definite. Then $\nabla L_i(\theta) = A_i(\theta - c_i)$, the Hessian is $A_i$
# everywhere, and one inner step multiplies the distance to $c_i$ by $M_i = I - \alpha A_i$; so
# $\theta_K - c_i = M_i^K (\theta - c_i)$ (05.13). Put this into the loss, and use that $M_i$ and $A_i$ commute:
#
# $$L_i(\theta_K) = \tfrac12 (\theta - c_i)^\top A_i M_i^{2K} (\theta - c_i). \tag{05.14}$$
#
# The query gradient at $\theta_K$ is $A_i M_i^K (\theta - c_i)$, so the three methods descend
#
# $$\sum_i W_i\, (\theta - c_i), \qquad W_i =
# \begin{cases} A_i & \text{joint training} \\ A_i M_i^{K} & \text{FOMAML} \\ A_i M_i^{2K} & \text{MAML,} \end{cases} \tag{05.15}$$
#
# and where they come to rest, this is zero:
#
# $$\theta^\star = \Big(\sum_i W_i\Big)^{-1} \sum_i W_i\, c_i. \tag{05.16}$$
#
# All three are weighted means of the tasks' optima. Four things can be read off:
#
# 1. If all $A_i$ are equal, so are the three optima. MAML can only gain where tasks differ in curvature.
# 2. MAML's weights are never negative, $A_i M_i^{2K} \succeq 0$. So $F$ is convex, and (05.16) its minimum.
# 3. **FOMAML with $2K$ steps rests where MAML with $K$ steps does.** On quadratics it is MAML for half the number of
#    steps.
# 4. FOMAML's weight of an eigen-direction is $\lambda (1 - \alpha\lambda)^K$: for odd $K$ and $\alpha\lambda > 1$ it
#    is *negative*. If such directions prevail, $\sum_i W_i$ has a negative eigenvalue and FOMAML runs away from
#    (05.16), while MAML, and the inner step itself as long as $\alpha\lambda < 2$, are in order.
#
# With different support and query losses one more thing breaks. FOMAML's direction $\nabla L^q(\theta_1(\theta))$ has
# the Jacobian $H^q (I - \alpha H^s)$, a product of two symmetric matrices, which is symmetric only if they commute. The
# gradient of a function has a symmetric Jacobian. So in general FOMAML descends *no* objective at all.
#
# Check (05.16) and point 3 by running the package's methods on four random tasks with three parameters.

# %%
def quadratic(parameters, curvature, centre):
    """(05.12) for each task; curvature [task, 1, d, d], centre [task, 1, d] take the place of inputs and targets."""
    offset = parameters["theta"] - centre[:, 0]
    return 0.5 * torch.einsum("ti,tij,tj->t", offset, curvature[:, 0], offset)


root = torch.randn(4, 3, 3, generator=seeded(9), dtype=torch.float64)
A = root @ root.mT / 6 + 0.2 * torch.eye(3, dtype=torch.float64)
c = torch.randn(4, 3, generator=seeded(10), dtype=torch.float64)
bowls, rate = FewShot(A[:, None], c[:, None], A[:, None], c[:, None]), 0.4


def resting_point(power):
    """(05.16) with W = A M^power."""
    weight = A @ torch.linalg.matrix_power(torch.eye(3, dtype=torch.float64) - rate * A, power)
    return torch.linalg.solve(weight.sum(0), (weight @ c[..., None]).sum(0)[:, 0])


def descend(method, iterations=400):
    """Plain gradient descent with step 1 along the method's direction."""
    point = {"theta": torch.zeros(3, dtype=torch.float64)}
    for _ in range(iterations):
        point = {"theta": point["theta"] - method.direction(point, bowls)[0]["theta"]}
    return point["theta"]


# %% tags=["hide-input"]
rows = {
    "joint training": (descend(Joint(quadratic)), resting_point(0)),
    "FOMAML, K = 1": (descend(MAML(quadratic, rate, 1, first_order=True)), resting_point(1)),
    "FOMAML, K = 2": (descend(MAML(quadratic, rate, 2, first_order=True)), resting_point(2)),
    "MAML, K = 1": (descend(MAML(quadratic, rate, 1)), resting_point(2)),
}
after_one = {
    name: float(quadratic(MAML(quadratic, rate).adapt({"theta": found}, *bowls[:2]), *bowls[2:]).mean().detach())
    for name, (found, _) in rows.items()
}
show_table(
    ["method", "comes to rest at", "distance from (05.16)", "mean loss after one step"],
    [
        (name, ", ".join(f"{v:.3f}" for v in found), f"{float((found - formula).norm()):.0e}", f"{after_one[name]:.4f}")
        for name, (found, formula) in rows.items()
    ],
)
claim(
    "The formulas hold, FOMAML with two steps rests where MAML with one does, and after one step the order is MAML, "
    "FOMAML, joint training.",
    all(torch.allclose(found, formula, atol=1e-6) for found, formula in rows.values())
    and after_one["MAML, K = 1"] < after_one["FOMAML, K = 1"] < after_one["joint training"],
)

# %% [markdown]
# Now vary the step size, on the three tasks in the plane that the explorer below shows.

# %% tags=["hide-input"]
plane = landscape()
steepest = float(np.linalg.eigvalsh(plane.curvature).max())
products = np.linspace(0.0, 2.2, 111)
reached = {name: [] for name in ("joint training", "FOMAML", "MAML")}
for step_size in products / steepest:
    for power, values in enumerate(reached.values()):
        shrink = np.eye(2) - step_size * plane.curvature
        weight = plane.curvature @ np.stack([np.linalg.matrix_power(m, power) for m in shrink])
        rest = np.linalg.solve(weight.sum(0), np.einsum("tij,tj->i", weight, plane.centre))
        stable = np.linalg.eigvalsh(weight.sum(0)).min() > 0  # else the method runs away from its resting point
        values.append(
            landscape_losses(plane, adapt_in_plane(plane, rest, step_size, 1)[-1]).mean() if stable else np.nan
        )
figures.quadratics(products, reached)
loss_of = {name: np.array(values) for name, values in reached.items()}
claim(
    "MAML is lowest at every step size, as it must be: the vertical axis is what it minimises.",
    all((loss_of["MAML"] <= np.nan_to_num(values, nan=np.inf) + 1e-9).all() for values in loss_of.values()),
)

# %% [markdown]
# FOMAML is close to it while $\alpha\lambda$ stays below 1. Beyond, it weights the steepest directions with the wrong
# sign. Its line stops where its resting point stops attracting.
#
# **Explorer.** Three tasks in the plane, one steep, one flat, one steep in one direction. Try a large step size (who
# runs away?), several inner steps, equal tasks (steep / flat = 1), and losses that bend away from quadratics, where
# (05.16) no longer holds and the directions are computed anew.

# %%
maml_landscape_explorer()

# %% [markdown]
# ## 7 Sinusoids at the paper's setting
#
# What can be expected? Chapter 02 derived two floors: predicting zero costs (02.9), and the best *single* function,
# $\mathbb{E}[A]\, \frac{2}{\pi} \cos x$, has the error that (02.12) gives. Below the second floor lies only what knows
# something of the task. Whoever knows amplitude and phase has error 0.
#
# The table holds five trainings of each method, all with the same budget: 70,000 iterations of 25 tasks with five
# support and five query points. Each is measured on the same 1,000 held-out curves: five support points, 100 query
# points, 0 to 10 steps with $\alpha = 0.01$. The training of section 1 is the first seed of the row "MAML".
#
# **Predict, then run.** The paper reports 0.67, 0.38 and 0.35 for MAML after 1, 5 and 10 steps. (a) It was trained for
# *one* step. Do more steps help or harm? (b) How far below the floor of (02.12) does pre-training come in ten steps?
# (c) Does FOMAML fall behind MAML?
#
# *Your prediction:*

# %% tags=["hide-input"]
live = supervised.adaptation_curve(maml, theta, held_out, range(settings["test_steps"] + 1))
diverged = ~(live < 20).all(1)  # on another machine rounding leads to another θ, from which a rare task may diverge
names = ("MAML", "FOMAML", "pre-training", "random initialisation")
curves = {name: t_curves(table.scores(name)) for name in names}
floor, zero = task_agnostic_floor(), zero_floor()
figures.sinusoids(curves, {1: 0.67, 5: 0.38, 10: 0.35}, {"zero, (02.9)": zero, "best single function, (02.12)": floor})
cells = [[f"{c.point[k]:.2f} [{c.low[k]:.2f}, {c.high[k]:.2f}]" for k in (0, 1, 5, 10)] for c in curves.values()]
published = [("MAML as published", "", 0.67, 0.38, 0.35), ("pre-training as published", "", 2.41, 2.23, 2.19)]
rows = [(name, *row) for name, row in zip(curves, cells, strict=True)] + published
say("Mean over five seeds with 95 % t interval; each seed is a mean over 1,000 tasks.")
show_table(["error after", "0", "1", "5", "10 steps"], rows)
below = [int((table.scores("MAML")[:, 0, k] <= goal).sum()) for k, goal in ((1, 0.67), (5, 0.38), (10, 0.35))]
claim(
    f"MAML's mean over five seeds is at or under the published numbers after 1, 5 and 10 steps, and so are "
    f"{below[0]}, {below[1]} and {below[2]} of the five seeds; pre-training stays above 1.8.",
    all(curves["MAML"].point[k] <= goal for k, goal in ((1, 0.67), (5, 0.38), (10, 0.35)))
    and curves["pre-training"].point[10] > 1.8,
)
middle, mean = live.median(0).values, live[~diverged].mean(0)
claim(
    f"The live run reaches {float(mean[1]):.2f} / {float(mean[5]):.2f} / {float(mean[10]):.2f}, within 0.1 of its row; "
    f"its median task has {float(middle[1]):.2f} / {float(middle[5]):.2f} / {float(middle[10]):.2f}.",
    int(diverged.sum()) <= 5 and float(np.abs(table.scores("MAML")[0, 0] - mean.numpy())[1:].max()) < 0.1,
)

# %% [markdown]
# (a) More steps help: MAML goes on improving with steps that it was never trained for. Its median task is at about
# half the mean, for a few tasks with large amplitudes or unlucky points make up much of it.
#
# (b) Joint training fails, and not for lack of training: *before* adaptation all five runs sit on the floor of the best
# single function. They have converged to what their objective (05.3) asks for. Points of a sine curve and of its
# opposite pull the same network in opposite directions at the same $x$, and what is left is the mean. Ten steps buy
# back about a third. MAML has the same error before adaptation, for its network, too, is a single function there. The
# difference is made by one step.
#
# (c) For FOMAML compare seed by seed, since both methods start from the same random network and see the same tasks.

# %%
gap = (table.scores("FOMAML") - table.scores("MAML"))[:, 0]  # [seed, steps]
after_1, after_10 = t_interval(gap[:, 1]), t_interval(gap[:, 10])

# %% tags=["hide-input"]
each = ", ".join(f"{d:+.3f}" for d in gap[:, 1])
claim(
    f"FOMAML minus MAML after one step: **{after_1.point:+.3f}** [{after_1.low:+.3f}, {after_1.high:+.3f}] (single seeds "
    f"{each}); after ten steps {after_10.point:+.3f} [{after_10.low:+.3f}, {after_10.high:+.3f}]. Both intervals contain 0.",
    after_1.low < 0 < after_1.high and after_10.low < 0 < after_10.high,
)

# %% [markdown]
# With five seeds the two cannot be told apart. After one step, four of five seeds favour MAML, and the difference is a
# few percent of the error; to settle it would take more seeds. A FOMAML direction takes a good half of the time (appendix 05a).
#
# The angles of section 5 would have led one to expect more. A direction can be far from the gradient in each single
# task and still lead to a good place: FOMAML, too, only rests where the query gradients at the *adapted* parameters
# cancel. But do not generalise from one problem. On the quadratics of section 6 it ran away.
#
# **Is the comparison fair?** MAML learned $\theta$ *for* $\alpha = 0.01$; the others got that step size imposed. Choose
# it for each of them on 300 training tasks, for ten steps. Then allow them 300 steps as well, on 300 test tasks.

# %%
choose_on, judged_on = family.sample_few_shot(300, shots, 50, seeded(20)), FewShot(*(v[:300] for v in held_out))
candidates, tuned = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02), {}
for name, start in starts.items():
    ten = [supervised.adaptation_curve(Joint(loss, a), start, choose_on, [10]).mean() for a in candidates]
    best = candidates[int(torch.stack(ten).nan_to_num(1e9).argmin())]
    tuned[name] = best, supervised.adaptation_curve(Joint(loss, best), start, judged_on, [1, 5, 10, 300]).mean(0)

# %% tags=["hide-input"]
show_table(
    ["start", "chosen α", "error after 1", "5", "10", "300 steps"],
    [(name, best, *(f"{v:.2f}" for v in errors_)) for name, (best, errors_) in tuned.items()],
)
last = {name: errors_[3] for name, (_, errors_) in tuned.items()}
ten = {name: errors_[2] for name, (_, errors_) in tuned.items()}
claim(
    "Tuned for ten steps, the other two starts are still more than four times as far off as MAML.",
    ten["MAML"] < 0.25 * min(ten["pre-training"], ten["random initialisation"])
    and last["random initialisation"] > zero > floor > last["pre-training"] > 1.5,
)

# %% [markdown]
# The lead of MAML is not a matter of the others' step size. With 300 steps the random network gets worse than
# predicting zero: it fits the five points and invents the rest. Five points do not determine a curve, unless one knows
# which curves there are. (Somebody who *does* know that they are sine curves needs no meta-learning: least squares on
# $\sin x$ and $\cos x$ has error 0. Appendix [05b](05b_what_maml_learned.ipynb) lets the two compete, and asks what an
# initialisation has learned and where that ends.)
#
# ## 8 Your own network and data
#
# Nothing above is tied to sine curves or to our network. `task_loss` turns any `nn.Module` and any criterion into a
# loss over tasks. What remains is a function that draws support and query data. Here are three-way classification
# tasks: classes are random directions in eight dimensions, and a sample is its class's direction plus noise.

# %%
torch.manual_seed(0)  # a module draws its first weights from torch's own generator
network = nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 3))


def my_tasks(tasks, generator):
    """Support and query data: inputs [task, sample, 8], labels [task, sample]."""
    centres = torch.randn(tasks, 3, 8, generator=generator)
    labels = torch.arange(3).repeat(tasks, 10)  # ten samples a class: five to learn from, five to be judged on
    inputs = torch.gather(centres, 1, labels[..., None].expand(-1, -1, 8))
    inputs = inputs + 0.7 * torch.randn(inputs.shape, generator=generator)
    return FewShot(inputs[:, :15], labels[:, :15], inputs[:, 15:], labels[:, 15:])


own = MAML(task_loss(network, nn.functional.cross_entropy), inner_lr=0.5)
config = supervised.TrainConfig(iterations=300, meta_batch=16, outer_lr=1e-3)
initial = own.initial(initial_parameters(network))
learned, _ = supervised.train(own, initial, my_tasks, config, seeded(1), description="your own network")
fresh = my_tasks(500, seeded(2))
before, trained_ = (float(supervised.adaptation_curve(own, meta, fresh, [1]).mean()) for meta in (initial, learned))

# %% tags=["hide-input"]
claim(
    f"Cross-entropy on new tasks after one step: {before:.2f} from the random network, **{trained_:.2f}** after 300 "
    f"iterations of MAML; guessing costs $\\ln 3 \\approx {np.log(3):.2f}$.",
    trained_ < 0.6 * before,
)


# %% [markdown]
# `MAML`, `supervised.train` and `supervised.adaptation_curve` are the ones used above. `task_loss` finds out by itself
# whether `torch.vmap` computes your module's derivatives correctly, and falls back to a loop over tasks where it does
# not (recurrent layers, for example).
#
# ## 9 What goes wrong in practice
#
# ### The outer loss on support data
#
# Write `support` where `query` should stand, and everything runs. Train that for 2,000 iterations, and compare it with
# the same number of iterations done right.

# %%
def mistaken(number, generator):
    """The bug: both sets of a task are the same five points."""
    data = sample(number, generator)
    return data._replace(query_inputs=data.support_inputs, query_targets=data.support_targets)


config = supervised.TrainConfig(iterations=2000, meta_batch=25, outer_lr=settings["outer_lr"], batches_at_once=100)
outcome = {}
for name, draw in (("query", sample), ("support", mistaken)):
    fast = trace_direction(maml, random_start, draw(25, seeded(0)))
    learned, past = supervised.train(
        maml, random_start, draw, config, seeded(40), description=f"outer loss on {name}", direction=fast
    )
    adapted = maml.adapt(learned, held_out.support_inputs, held_out.support_targets)
    fit = float(loss(adapted, held_out.support_inputs, held_out.support_targets).mean().detach())
    test = float(loss(adapted, held_out.query_inputs, held_out.query_targets).mean().detach())
    outcome[name] = float(np.mean(past["loss"][-5:])), fit, test

# %% tags=["hide-input"]
show_table(
    ["outer loss on", "training loss (last 500)", "held-out tasks: error on support points", "on query points"],
    [(name, *(f"{v:.2f}" for v in values)) for name, values in outcome.items()],
)
claim(
    "The bug has the better training loss, and the worse error on the query points of held-out tasks.",
    outcome["support"][0] < 0.8 * outcome["query"][0] and outcome["support"][2] > 1.1 * outcome["query"][2],
)

# %% [markdown]
# It has learned to fit the five points better in one step, and the curve between them is worse. Only the query error of
# held-out tasks tells.
#
# ### The graph is cut
#
# `create_graph=False`, a `.detach()`, `torch.tensor(...)` around a gradient, `load_state_dict` with the adapted
# weights: each cuts the graph between $\theta$ and $\theta_K$. Cutting the *gradients* gives FOMAML, or a mixture of
# both, without a word. Cutting the *weights* makes `torch.autograd.grad` raise an error. With `backward()` there is no
# error: the meta-parameters' `.grad` stays `None`, an optimiser skips what has no gradient, and nothing is learned. The
# table of section 4 finds all of these in a second.
#
# ### The parameters are changed in place
#
# A module that is adapted by `p.data -= alpha * p.grad` is no longer $\theta$. The next task then begins where the last
# one ended. With one task in the test, nothing shows: the first task is right. So permute the tasks; each must keep its
# result. Here are the first 100 test curves, adapted one after another in both ways.

# %%
moved, leaked = {name: value.clone() for name, value in theta.items()}, []
for sx, sy, qx, qy in zip(*few, strict=True):
    leaves = {name: value.requires_grad_() for name, value in moved.items()}
    slopes = torch.autograd.grad((mlp(leaves, sx) - sy).square().mean(), list(leaves.values()))
    with torch.no_grad():
        for p, g in zip(leaves.values(), slopes, strict=True):
            p -= alpha * g  # the bug: θ itself moves
    leaked.append(float((mlp(leaves, qx) - qy).square().mean().detach()))
clean = supervised.adaptation_curve(maml, theta, few, [1])[:, 0].tolist()

# %% tags=["hide-input"]
claim(
    f"Error after one step: first task {leaked[0]:.2f} (as it should be: {clean[0]:.2f}), all 100 tasks "
    f"**{np.nanmean(leaked):.2f}** (as it should be: {np.mean(clean):.2f}).",
    abs(leaked[0] - clean[0]) < 1e-3 and not np.nanmean(leaked) < 2 * np.mean(clean),
)

# %% [markdown]
# ### The inner step is too large, and a mean that one task decides
#
# The step size is part of what $\theta$ was trained for. Change it at test time, and look at one and at ten steps.

# %% tags=["hide-input"]
sizes = np.array([0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.012, 0.014, 0.017, 0.02, 0.03])
by_size = torch.stack([supervised.adaptation_curve(Joint(loss, float(a)), theta, held_out, [1, 10]) for a in sizes])
by_size = by_size.nan_to_num(1e9, 1e9)  # [size, task, (1 step, 10 steps)]
figures.step_sizes(sizes, by_size, alpha, floor)
lost = (by_size[:, :, 1] > 20).sum(1)  # predicting zero costs at most 12.5 on any of these curves
show_table(
    ["α at test", *(f"{a:g}" for a in sizes[5:])],
    [("tasks of 1,000 that diverge in ten steps", *(int(n) for n in lost[5:]))],
)
ends, held_support = by_size[9, :, 1] > 20, (held_out.support_inputs, held_out.support_targets)
at_two = [0.02 * largest_curvature(Joint(loss, 0.02).adapt(theta, *held_support, k), *held_support) for k in (0, 1)]
median = {
    (k, name): float(at_two[k][which].median()) for k in (0, 1) for name, which in (("stay", ~ends), ("end", ends))
}
claim(
    f"At α = 0.02 the largest $\\alpha\\lambda$ of the median task falls from {median[0, 'stay']:.1f} to "
    f"**{median[1, 'stay']:.1f}** in the first step for the tasks that converge, and goes from {median[0, 'end']:.1f} to "
    f"**{median[1, 'end']:.1f}** for those that diverge.",
    median[1, "end"] > 1.5 * median[1, "stay"] and by_size[9, :, 1].mean() > 100 and by_size[9, :, 1].median() < 1,
)

# %% [markdown]
# After one step the best size is about that of training. After ten steps smaller sizes are safe, and above it the mean
# explodes first: a handful of tasks in a thousand decide it, while the median task hardly notices. The quadratic tells
# which: where $\alpha\lambda$ stays above 2, each step multiplies the distance along that direction by
# $|1 - \alpha\lambda| > 1$, and ten steps lead to astronomical numbers. At $\theta$ nearly all tasks are above 2. Those
# that converge come down in the first step (not below 2 at once: that limit belongs to quadratics, and a network's
# curvature changes along the way); those that diverge stay far above.
#
# Two rules follow, and chapter 06 needs them. Look at the median beside the mean whenever you take more steps than in
# training: where they part by far more than a factor of two, a few tasks have diverged. And if an adapted loss is not
# a number, look at $\alpha\lambda$ before you look for a bug.
#
# ## 10 Check yourself
#
# Decide before you open an answer.
#
# **1.** Someone trains MAML with $K = 5$ and keeps the graph of the last step only. What is computed? (A) MAML with
# $K = 1$. (B) A direction with one factor of (05.7). (C) FOMAML.
#
# <details><summary>Answer to 1</summary>
#
# **B.** $v_4 = (I - \alpha H_4)\, v_5$, and the earlier steps pass it through unchanged. (A): the gradient is still
# taken at $\theta_5$. (C): FOMAML has no factor at all. The table of section 4 has this row.
# </details>
#
# **2.** All tasks have the same Hessian, and losses are quadratic. What does MAML gain over joint training? (A)
# Nothing. (B) A lower loss after adaptation. (C) The same loss with fewer iterations.
#
# <details><summary>Answer to 2</summary>
#
# **A.** With equal $A_i$ the weights in (05.15) are equal for all tasks in each method, and so are the resting points.
# (B) needs curvatures that differ. (C): $A M^{2K}$ has smaller eigenvalues than $A$ where $|1 - \alpha\lambda| < 1$, so
# plain gradient descent is slower.
# </details>
#
# **3.** MAML's error before adaptation is as large as that of pre-training. Is that a flaw? (A) Yes, it should be
# lower. (B) No, the objective does not contain it. (C) Yes, a sign of too few iterations.
#
# <details><summary>Answer to 3</summary>
#
# **B.** (05.2) only sees $L^q(\theta_K)$. (A): it may even be larger. (C): training further does not change what the
# objective contains. In RL, where the first episode counts as well, this becomes a question of design (chapter 08).
# </details>
#
# **4.** On quadratics, FOMAML with $K = 1$ runs away although $\alpha\lambda_{\max} = 1.6$, so each inner loop
# converges. Why? (A) A bug. (B) Its weight $\lambda(1 - \alpha\lambda)$ is negative for steep directions. (C) The
# inner loop diverges.
#
# <details><summary>Answer to 4</summary>
#
# **B.** After an overshooting step the query gradient points back, and without the factor nothing tells the outer loop
# that moving $\theta$ the other way would help. (A): it is what (05.10) says. (C): it diverges above 2.
# </details>
#
# ## Further reading
#
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - B. A. Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation, 1994.
# - A. Nichol, J. Achiam and J. Schulman, *On first-order meta-learning algorithms*, 2018, arXiv:1803.02999.
# - A. Rajeswaran, C. Finn, S. M. Kakade and S. Levine, *Meta-learning with implicit gradients*, 2019,
#   arXiv:1909.04630. The inner problem solved to its end.
# - A. Antoniou, H. Edwards and A. Storkey, *How to train your MAML*, 2019, arXiv:1810.09502.
# - A. Fallah, A. Mokhtari and A. Ozdaglar, *On the convergence theory of gradient-based model-agnostic meta-learning
#   algorithms*, 2020, arXiv:1908.10400.
#
# [Exercises](../exercises/05_maml_exercises.ipynb) · previous: [04 Policy-gradient agents](04_policy_gradient_agents.ipynb) · next: [06 Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb) · appendices: [05a The speed of meta-training](05a_speed_of_meta_training.ipynb), [05b What MAML has learned](05b_what_maml_learned.ipynb)
