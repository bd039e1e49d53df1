# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 Reptile and Meta-SGD
#
# **Which parts of MAML can be left out, and which should be learned as well?**
#
# You will be able to
#
# - build Reptile in twenty lines, and say why one inner step is not enough
# - expand Reptile, MAML and its first-order version in a Taylor series and measure each term
# - learn one step size per parameter, say why some become negative, and why a second step then explodes
# - compute how well adapting the head alone can do at best, and lift that limit
# - compare all methods on the same tasks by error, time and memory
#
# Before you start: chapter 05, [MAML](05_maml.ipynb).
#
# Reading: about 75 minutes. Running: at most 180 seconds and 1300 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/06_reptile_and_meta_sgd_exercises.ipynb): about 80 minutes.

# %%
import re
import time
from dataclasses import dataclass

import numpy as np
import torch
from IPython.display import Markdown, display
from scipy.optimize import nnls

from metarl_core import plotting
from metarl_core.evaluation import bootstrap_interval, paired_difference, summarise_curves
from metarl_core.meta import MAML, Joint, MetaSGD, Reptile, adapt, split_rates, supervised, trace_direction
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.recipes import inner_loops, sinusoid
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.tasks.sinusoid import AMPLITUDE, task_agnostic_floor, zero_floor
from metarl_core.training import sgd
from metarl_core.widgets import InnerLoop, inner_loop_explorer

begin()

# Two committed tables, five seeds a method, written by the scripts of the same names in experiments/.
table = load_table("sinusoid")  # all methods, 70,000 iterations as in the MAML paper
parts = load_table("inner_loops")  # variants of the inner loop, 10,000 iterations
settings = table.settings
STYLE = {
    "MAML": plotting.METHOD_STYLE["MAML"],
    "FOMAML": (plotting.SKY, "v"),
    "Reptile": (plotting.GREEN, "D"),
    "Meta-SGD": (plotting.RED, "X"),
    "ANIL": (plotting.PURPLE, "P"),
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}
HEAD = ("weight2", "bias2")  # the last layer


def say(text: str) -> None:
    """Show a sentence whose numbers were computed in this cell, with a proper minus sign."""
    display(Markdown(re.sub(r"(?<![\w-])-(?=\d)", "−", text)))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vector(parameters):
    """All parameters of one network as one vector."""
    return torch.cat([value.flatten() for value in parameters.values()])


# %% [markdown]
# ## 1 Three ways to one step
#
# Chapter 05 paid for MAML with a derivative through the inner loop. Three methods change the bill. **Reptile** leaves
# out the derivative, and the query set with it. **ANIL** leaves out most of the inner loop: only the last layer
# adapts. **Meta-SGD** goes the other way and learns something more: a step size for each single parameter. Which part
# of MAML was it that mattered?
#
# The tasks are those of chapter 05: sine curves of unknown amplitude and phase, five points to learn from. The cell
# below trains Meta-SGD at full length, 70,000 iterations, since its rates are the object of this chapter (one to two
# minutes; read on while the bar runs). MAML and Reptile get 10,000 iterations each: enough to look at them, and
# sections 6 and 11 compare methods at equal length.
#
# **Predict, then run.** (a) Reptile never looks at a query point and takes no derivative through a step. Will it draw
# the new curve after one step? After five? (b) Meta-SGD has learned 1,761 step sizes for *one* step. What happens if
# it takes a second one?

# %%
family = Sinusoids()
alpha, shots, width = settings["inner_lr"], settings["shots"], settings["meta_batch"]


def loss(parameters, inputs, targets):
    """Mean squared error of each task, [task]; parameters [task, ...], inputs and targets [task, point, 1]."""
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def draw_tasks(number, generator):
    """Support and query points of training tasks."""
    return family.sample_few_shot(number, shots, settings["queries"], generator)


meta_sgd, maml = MetaSGD(loss), MAML(loss, alpha)
reptile = Reptile(loss, settings["reptile_inner_lr"], settings["reptile_inner_steps"], minibatch=shots)
# The recipes of the tables' rows, seed 0: a random network, then iterations on new tasks as in chapter 05. Sections 2
# and 7 take Reptile and Meta-SGD apart.
learned, _ = sinusoid.trained("Meta-SGD", 0)
theta_maml, _ = inner_loops.trained("MAML", 0)
theta_reptile, _ = inner_loops.trained("Reptile", 0)
theta_sgd, rates = split_rates(learned)

# %%
held_out = family.sample_few_shot(
    settings["held_out_tasks"], shots, settings["test_queries"], seeded(settings["test_seed"]), "test"
)  # the 1,000 test tasks of both tables
shown = family.sample_tasks(2, seeded(260), "test")  # two tasks on which a second step of Meta-SGD goes different ways
points, values = family.sample_data(shown, shots, seeded(760))
line = torch.linspace(-5, 5, 200)[None, :, None].expand(2, -1, 1)
trained = {"MAML": (maml, theta_maml), "Reptile": (reptile, theta_reptile), "Meta-SGD": (meta_sgd, learned)}
figure, axes = plotting.figure(2, 3, width=11.2, height=6.2, sharex=True, sharey="row")
for column, (name, (method, meta)) in enumerate(trained.items()):
    color, _ = STYLE[name]
    for row in range(2):
        panel = axes[row, column]
        panel.plot(line[0, :, 0], family.target(shown, line)[row, :, 0], color="black", linewidth=1.2, label="the task")
        for steps, look in ((0, ":"), (1, "--"), (5, "-")):
            adapted = method.adapt(meta, points, values, steps)
            curve = mlp(adapted, line)[row, :, 0].detach()
            panel.plot(line[0, :, 0], curve, look, color=color, label=f"{steps} step{'s' if steps != 1 else ''}")
        panel.plot(points[row, :, 0], values[row, :, 0], "o", color="black", markersize=7)
        if column == 0:
            panel.set_ylabel("y")
        if row == 0:
            panel.set_title(name)
        else:
            panel.set_xlabel("x")
axes[0, 0].legend(fontsize=9, ncols=2, loc="lower center")
for row in range(2):
    highest = 1.9 * float(family.target(shown, line)[row].abs().max())
    axes[row, 0].set_ylim(-highest, highest)
plotting.show(
    figure,
    "Two test curves in rows, three methods in columns, five points each. MAML and Reptile come near the curve after "
    "one step and nearer after five. Meta-SGD lies nearly on both curves after one step; after five steps it is far "
    "off the upper one and on the lower one.",
)
lines, lost = ["| steps | 0 | 1 | 2 | 3 | 5 |", "|---|---|---|---|---|---|"], {}
for name, (method, meta) in trained.items():
    by_step = supervised.adaptation_curve(method, meta, held_out, [0, 1, 2, 3, 5])
    lost[name] = (~(by_step < zero_floor())).float().mean(0)  # an error that is no number counts as well
    lines.append(f"| {name} | " + " | ".join(f"{float(value):.0%}" for value in lost[name]) + " |")
say("Share of 1,000 held-out tasks with an error above that of predicting zero:\n\n" + "\n".join(lines))
assert lost["Meta-SGD"][1] < 0.05 < lost["Meta-SGD"][4] and lost["Reptile"][4] < 0.05


# %% [markdown]
# Reptile works, without a query set and without a second derivative. Meta-SGD draws the best curve of the three after
# its one step, and then it fails on more and more tasks (the upper one is such a task, the lower one is not): further
# steps *of the same kind* do not refine, they destroy. Both facts ask for an explanation, and both have one.
#
# ## 2 Reptile: leave out the derivative
#
# Take a task, make $k$ ordinary gradient steps on it, and move $\theta$ a little towards where they ended. With
# $\varphi_{\mathcal{T}}$ the parameters after $k$ steps on task $\mathcal{T}$, and an outer step size $\varepsilon$
# (Nichol, Achiam and Schulman 2018, algorithm 2),
#
# $$\theta \leftarrow \theta + \varepsilon\, \big(\mathbb{E}_{\mathcal{T}}\, \varphi_{\mathcal{T}} - \theta\big). \tag{06.1}$$
#
# $\mathbb{E}$ is the mean over a batch of tasks, here 25. Each inner step uses a *fresh minibatch* of the task's data;
# there is no query set. That is the whole method. Note the signs: the parameters move *towards* $\varphi$, so that an
# optimiser that descends must be given $\theta - \varphi$ as its "gradient". Written with the gradients $g_1, \dots,
# g_k$ met on the way, and the inner step size $\alpha$,
#
# $$\frac{\theta - \varphi_{\mathcal{T}}}{\alpha} = g_1 + g_2 + \dots + g_k. \tag{06.2}$$
#
# For $k = 1$ this is $g_1 = \nabla L_{\mathcal{T}}(\theta)$: the gradient of joint training (05.3), with step size
# $\varepsilon\alpha$. Nothing is meta-learned then. For $k \ge 2$ it *looks* as if it were nearly the same, a sum of
# gradients of the task's loss. Joint training is stuck at an error of 2 to 3, and Reptile is not. So the whole difference
# must hide in the fact that $g_2$ is taken at another point than $g_1$. Section 3 finds it.
#
# **Build it.** No graph, no higher derivative: `detach` everywhere is right for once.

# %%
def my_reptile_direction(meta, data, alpha, k, size):
    """θ − mean φ, (06.1), one task after another; support and query points together are a task's data."""
    total = {name: torch.zeros_like(value) for name, value in meta.items()}
    for support_x, support_y, query_x, query_y in zip(*data, strict=True):
        x, y = torch.cat([support_x, query_x]), torch.cat([support_y, query_y])
        phi = {name: value.detach() for name, value in meta.items()}  # every task starts from the same θ
        for step in range(k):
            at = step * size % len(x)  # the next minibatch; begin again when the data are used up
            leaves = {name: value.requires_grad_() for name, value in phi.items()}
            error = (mlp(leaves, x[at : at + size]) - y[at : at + size]).square().mean()
            slopes = torch.autograd.grad(error, list(leaves.values()))
            phi = {name: (p - alpha * g).detach() for (name, p), g in zip(leaves.items(), slopes, strict=True)}
        total = {name: total[name] + meta[name] - phi[name] for name in meta}
    return {name: value / len(data[0]) for name, value in total.items()}


def my_reptile(meta, iterations, generator, alpha, k, size, epsilon=1.0, tasks=25):
    """Algorithm 2 with an outer step that shrinks to zero."""
    for i in range(iterations):
        step = epsilon * (1 - i / iterations)
        away = my_reptile_direction(meta, draw_tasks(tasks, generator), alpha, k, size)
        meta = {name: value - step * away[name] for name, value in meta.items()}  # minus "away": towards φ
    return meta


# %% [markdown]
# Check: one direction in float64, then twenty iterations, against the package. And the claim about $k = 1$ against
# joint training on the first five points.

# %%
network = initial_parameters(MLP((1, *settings["hidden"], 1), generator=seeded(0), initialisation="linear"))
network64 = {name: value.double() for name, value in network.items()}
batch = FewShot(*(value.double() for value in draw_tasks(8, seeded(5))))
for k in (1, 2, 5):
    mine = my_reptile_direction(network64, batch, alpha, k, shots)
    theirs, _ = Reptile(loss, alpha, k, minibatch=shots).direction(network64, batch)
    for name in mine:
        assert torch.allclose(mine[name], theirs[name], rtol=1e-9, atol=1e-12)
    if k == 1:
        only_support = batch._replace(query_inputs=batch.query_inputs[:, :0], query_targets=batch.query_targets[:, :0])
        joint_gradient, _ = Joint(loss).direction(network64, only_support)
        for name in mine:
            assert torch.allclose(mine[name], alpha * joint_gradient[name], rtol=1e-9, atol=1e-12)
after_mine = my_reptile(network, 20, seeded(6), alpha, 5, shots)
config = supervised.TrainConfig(iterations=20, meta_batch=25, outer_lr=1.0, optimiser=sgd, anneal=True)
after_theirs, _ = supervised.train(reptile, network, draw_tasks, config, seeded(6), description="twenty iterations")
apart = float((vector(after_mine) - vector(after_theirs)).norm() / (vector(after_theirs) - vector(network)).norm())
assert apart < 1e-3
say(f"After twenty iterations the two differ by {apart:.0e} of the way that they have gone.")

# %% [markdown]
# ## 3 What the steps along the way add
#
# Now the analysis (section 5.1 of the Reptile paper), in full. One task gives $k$ minibatches; $L_i$ is the loss on
# minibatch $i$. The inner loop starts at $\varphi_1 = \theta$ and makes one step on each:
#
# $$\varphi_{i+1} = \varphi_i - \alpha\, g_i, \qquad g_i = \nabla L_i(\varphi_i) \quad \text{(the gradient met on the way).} \tag{06.3}$$
#
# Write $\bar g_i = \nabla L_i(\theta)$ and $\bar H_i = \nabla^2 L_i(\theta)$ for gradient and Hessian of the same loss
# *at the start*. We want $g_i$ in terms of these, to first order in $\alpha$. Two facts:
#
# $$\varphi_i - \theta = -\alpha \sum_{j<i} g_j, \qquad
# g_i = \bar g_i + \bar H_i (\varphi_i - \theta) + O\big(\|\varphi_i - \theta\|^2\big). \tag{06.4}$$
#
# The first adds up (06.3), the second is Taylor's formula for $\nabla L_i$. Put the first into the second, and replace
# $g_j$ by $\bar g_j$, which differs from it by $O(\alpha)$ and stands behind a factor $\alpha$:
#
# $$g_i = \bar g_i - \alpha \sum_{j<i} \bar H_i\, \bar g_j + O(\alpha^2). \tag{06.5}$$
#
# Each of the three methods is made of these $g_i$.
#
# **Reptile** adds all of them, (06.2):
#
# $$g_{\mathrm{Reptile}} = \sum_{i=1}^{k} g_i
# = \sum_{i=1}^k \bar g_i - \alpha \sum_{i=1}^k \sum_{j<i} \bar H_i\, \bar g_j + O(\alpha^2). \tag{06.6}$$
#
# **FOMAML** with minibatches $1, \dots, k-1$ as support and minibatch $k$ as query data takes the last one alone:
#
# $$g_{\mathrm{FOMAML}} = g_k = \bar g_k - \alpha \sum_{j<k} \bar H_k\, \bar g_j + O(\alpha^2). \tag{06.7}$$
#
# **MAML** multiplies by the factors of (05.7), $(I - \alpha H_1) \cdots (I - \alpha H_{k-1})\, g_k$ with $H_j =
# \nabla^2 L_j(\varphi_j) = \bar H_j + O(\alpha)$. Multiply out; products of two or more $\alpha H$ are $O(\alpha^2)$:
#
# $$g_{\mathrm{MAML}} = g_k - \alpha \sum_{j<k} \bar H_j\, g_k + O(\alpha^2)
# = \bar g_k - \alpha \sum_{j<k} \bar H_k\, \bar g_j - \alpha \sum_{j<k} \bar H_j\, \bar g_k + O(\alpha^2). \tag{06.8}$$
#
# ($k$ counts minibatches here: MAML with $K$ inner steps has $k = K + 1$, and $k = 2$ is (05.11).)
#
# **Take expectations** over tasks and over minibatches. The minibatches of a task are drawn alike, so names do not
# matter, and only two different things occur:
#
# $$\mathrm{AvgGrad} = \mathbb{E}\,[\bar g_1], \qquad
# \mathrm{AvgGradInner} = \mathbb{E}\,[\bar H_i\, \bar g_j] \quad (i \ne j). \tag{06.9}$$
#
# The first is the gradient of joint training. For the second, swap the names $i$ and $j$ in half of it:
#
# $$\mathrm{AvgGradInner} = \tfrac12\, \mathbb{E}\,[\bar H_i\, \bar g_j + \bar H_j\, \bar g_i]
# = \tfrac12\, \mathbb{E}\, \nabla_\theta \big(\bar g_i \cdot \bar g_j\big). \tag{06.10}$$
#
# It is the gradient of an inner product: that of the gradients on *two different minibatches of one task*. It remains
# to count pairs: Reptile has $0 + 1 + \dots + (k-1)$ of them, FOMAML $k - 1$, MAML $2(k-1)$.
#
# $$\begin{aligned}
# \mathbb{E}\, g_{\mathrm{MAML}} &= \mathrm{AvgGrad} - 2(k-1)\,\alpha\, \mathrm{AvgGradInner} + O(\alpha^2) \\
# \mathbb{E}\, g_{\mathrm{FOMAML}} &= \mathrm{AvgGrad} - (k-1)\,\alpha\, \mathrm{AvgGradInner} + O(\alpha^2) \\
# \mathbb{E}\, g_{\mathrm{Reptile}} &= k\, \mathrm{AvgGrad} - \tfrac12 k(k-1)\,\alpha\, \mathrm{AvgGradInner} + O(\alpha^2)
# \end{aligned} \tag{06.11}$$
#
# Who descends along such a direction lowers the mean loss (first term) and *raises* $\bar g_i \cdot \bar g_j$ (second
# term, note the sign): it looks for a $\theta$ where a step on one minibatch of a task also helps on another
# minibatch of that task. That is generalisation within a task, in one formula. All three methods contain the *same*
# term; they differ in its weight beside AvgGrad, which is $2(k-1)\alpha$, $(k-1)\alpha$ and $\frac12(k-1)\alpha$. For
# $k = 1$ it is gone.
#
# ## 4 Each term measured
#
# (06.11) holds in expectation. With five tasks of $k$ given minibatches each we can make it hold without any noise:
# average over the *orders* in which the minibatches are used. All $k!$ orders are more than needed. In the $k$
# rotations and their reversals each minibatch is last equally often, and of each pair each one comes first equally
# often, which is all that the derivation used. As in chapter 05: float64, and `tanh` units, whose loss has all
# derivatives.
#
# First the two ingredients, and (06.10) as a check: $\mathbb{E}[\bar H_i \bar g_j]$ by Hessian-vector products
# against the gradient of the inner product.

# %%
smooth_loss = lambda p, x, y: (mlp(p, x, torch.tanh) - y).square().mean((1, 2))  # noqa: E731
small = {name: value.double() for name, value in initial_parameters(MLP((1, 8, 8, 1), torch.tanh, seeded(3))).items()}


def minibatches(k, tasks=5, seed=4):
    """Inputs and targets of k minibatches of each task, [task, minibatch, point, 1]."""
    drawn = family.sample_tasks(tasks, seeded(seed))
    x, y = family.sample_data(drawn, 5 * k, seeded(seed + 1))
    return x.double().view(tasks, k, 5, 1), y.double().view(tasks, k, 5, 1)


def ingredients(theta, x, y, error):
    """AvgGrad, AvgGradInner as E[H_i g_j], and AvgGradInner as half the gradient of E[g_i · g_j]."""
    tasks, k = x.shape[:2]
    leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
    each = repeat_parameters(leaves, tasks * k)  # one copy for each task and minibatch
    slopes = torch.autograd.grad(
        error(each, x.flatten(0, 1), y.flatten(0, 1)).sum(), list(each.values()), create_graph=True
    )
    g = torch.cat([slope.flatten(1) for slope in slopes], 1).view(tasks, k, -1)
    others = (g.sum(1, keepdim=True) - g).detach() / (k - 1)  # for each i the mean of g_j over j ≠ i
    by_products = torch.autograd.grad((g * others).sum() / (tasks * k), list(leaves.values()), retain_graph=True)
    agreement = ((g.sum(1).square().sum(-1) - g.square().sum((1, 2))) / (k * (k - 1))).mean()  # E[g_i · g_j]
    by_gradient = torch.autograd.grad(0.5 * agreement, list(leaves.values()))
    flat = lambda many: torch.cat([value.flatten() for value in many])  # noqa: E731
    return g.mean((0, 1)).detach(), flat(by_products), flat(by_gradient)


average, inner, inner_again = ingredients(small, *minibatches(3), smooth_loss)
assert torch.allclose(inner, inner_again, rtol=1e-10, atol=1e-12)
say(f"$|\\mathrm{{AvgGrad}}|$ = {float(average.norm()):.3f}, $|\\mathrm{{AvgGradInner}}|$ = {float(inner.norm()):.3f}, "
    f"its two forms differ by {float((inner - inner_again).norm() / inner.norm()):.0e}.")  # fmt: skip


# %% [markdown]
# Now the three directions, by the package's `adapt`, and what is left of them when the first term is taken away:
#
# $$\text{measured} = \frac{\mathbb{E}\, g - c_0\, \mathrm{AvgGrad}}{\alpha}, \qquad
# \text{predicted} = -c_1\, \mathrm{AvgGradInner}, \tag{06.12}$$
#
# with $c_0 = 1, 1, k$ and $c_1 = 2(k-1),\ k-1,\ \frac12 k(k-1)$. The quotient of the two (of their lengths along the
# predicted direction) must go to 1 as $\alpha \to 0$, and the relative size of what remains must fall like $\alpha$.
#
# **Predict:** at $\alpha = 0.01$, the step size of the paper, how far from 1 will the quotients be? For which method
# farthest?

# %%
def directions(theta, x, y, alpha, order, error):
    """The directions of MAML, FOMAML and Reptile (divided by α), mean over tasks, for one order of the minibatches."""
    leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
    losses = [lambda p, i=i: error(p, x[:, i], y[:, i]) for i in order]
    start = repeat_parameters(leaves, len(x))
    adapted = adapt(start, losses[:-1], alpha, create_graph=True)
    through = torch.autograd.grad(losses[-1](adapted).mean(), list(leaves.values()))  # (06.8)
    stopped = {name: value.detach().requires_grad_() for name, value in adapted.items()}
    last = torch.autograd.grad(losses[-1](stopped).sum(), list(stopped.values()))  # (06.7), [task, ...]
    phi = adapt(start, losses, alpha, create_graph=False)
    return torch.stack([
        torch.cat([value.flatten() for value in through]),
        torch.cat([value.mean(0).flatten() for value in last]),
        torch.cat([(theta[name] - phi[name].detach().mean(0)).flatten() for name in theta]) / alpha,  # (06.6)
    ])  # fmt: skip


def over_orders(theta, x, y, alpha, error=smooth_loss):
    k = x.shape[1]
    turns = [[(i + shift) % k for i in range(k)] for shift in range(k)]
    orders = turns + [turn[::-1] for turn in turns]
    return torch.stack([directions(theta, x, y, alpha, order, error) for order in orders]).mean(0)


def compare(theta, x, y, alpha, error=smooth_loss):
    """Quotient and relative remainder of (06.12), each [method]."""
    k = x.shape[1]
    average, inner, _ = ingredients(theta, x, y, error)
    c0 = torch.tensor([1.0, 1.0, k], dtype=torch.float64)
    c1 = torch.tensor([2.0 * (k - 1), k - 1, k * (k - 1) / 2], dtype=torch.float64)
    measured = (over_orders(theta, x, y, alpha, error) - c0[:, None] * average) / alpha
    predicted = -c1[:, None] * inner
    return (measured * predicted).sum(1) / predicted.square().sum(1), (measured - predicted).norm(
        dim=1
    ) / predicted.norm(dim=1)


step_sizes = np.logspace(-5, -1, 9)
results = {k: [compare(small, *minibatches(k), float(a)) for a in step_sizes] for k in (2, 3, 5)}
quotient = {k: torch.stack([q for q, _ in many]) for k, many in results.items()}  # [α, method]
remainder = {k: torch.stack([r for _, r in many]) for k, many in results.items()}

lines = ["| minibatches k | α | MAML | FOMAML | Reptile |", "|---|---|---|---|---|"]
for k in (2, 3, 5):
    for a in (1e-2, 1e-3, 1e-4):
        at = int(np.abs(step_sizes - a).argmin())
        lines.append(f"| {k} | {a:g} | " + " | ".join(f"{float(v):.4f}" for v in quotient[k][at]) + " |")
    assert (quotient[k][2] - 1).abs().max() < 0.01, quotient[k]
say("Quotient of measured and predicted, (06.12):\n\n" + "\n".join(lines))

# %%
names = ("MAML", "FOMAML", "Reptile")
figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9)
for column, name in enumerate(names):
    color, marker = STYLE[name]
    left.plot(step_sizes, quotient[5][:, column], marker=marker, color=color, label=name)
    right.plot(step_sizes, remainder[5][:, column], marker=marker, color=color, label=name)
left.axhline(1, color="black", linestyle=":", linewidth=1.2)
left.set(xscale="log", xlabel="α", ylabel="measured / predicted", title="The second term, k = 5", ylim=(-0.6, 1.3))
left.legend(fontsize=10, loc="lower left")
right.plot(step_sizes, 20 * step_sizes, color="black", linestyle=":", linewidth=1.2, label="slope 1")
right.set(xscale="log", yscale="log", xlabel="α", ylabel="|measured − predicted| / |predicted|", title="What remains")
right.legend(fontsize=10)
plotting.show(
    figure,
    "Left: quotient of the measured and the predicted second term against α for MAML, FOMAML and Reptile with five "
    "minibatches; all are one for small α and leave it beyond a thousandth or a hundredth, MAML first. Right: the "
    "relative remainder on logarithmic axes, three straight lines of slope one.",
)
slopes = torch.log10(remainder[5][4] / remainder[5][2])  # from α = 1e-4 to 1e-3
say("Exponent of α with which the remainder falls, from 10⁻³ to 10⁻⁴: "
    + ", ".join(f"{name} {float(s):.2f}" for name, s in zip(names, slopes, strict=True)) + ".")  # fmt: skip
assert ((slopes - 1).abs() < 0.1).all()


# %% [markdown]
# All terms of (06.11) are confirmed, with their factors: $2(k-1)$, $k-1$, $\frac12k(k-1)$. The remainder falls like
# $\alpha$, as it must (it is an $O(\alpha^2)$ divided by $\alpha$).
#
# A table of quotients that *ends* at 1 is a statement about small $\alpha$. What about the network that was really
# trained, at the $\alpha$ that was really used? Chapter 05 saw that meta-training raises the curvature until
# $\alpha H$ is no longer small. So measure the same at four places: the random network, and the trained $\theta$ of
# Reptile with $k = 1$ and $k = 5$ and of MAML, all with rectifiers, for 200 tasks with two minibatches of five points.
# Two more questions can be answered on the way. How large is the second term beside the first? And does Reptile do what
# (06.11) says: do the gradients on two minibatches of one task agree better than they did?
#
# **Predict:** in which of the four places is the expansion worth most?

# %%
def agreement(theta, x, y):
    """Mean cosine between the gradients on two minibatches of one task."""
    tasks = len(x)
    each = {name: value.requires_grad_() for name, value in repeat_parameters(theta, 2 * tasks).items()}
    slopes = torch.autograd.grad(loss(each, x.flatten(0, 1), y.flatten(0, 1)).sum(), list(each.values()))
    g = torch.cat([slope.flatten(1) for slope in slopes], 1).view(tasks, 2, -1)
    return float(torch.nn.functional.cosine_similarity(g[:, 0], g[:, 1]).mean())


joint_theta, _ = inner_loops.trained("Reptile, k = 1", 0)
places = {
    "random network": network, "Reptile, k = 1 (joint training)": joint_theta, "Reptile": theta_reptile, "MAML": theta_maml
}  # fmt: skip
wide = minibatches(2, tasks=200, seed=50)
lines = [
    "| θ | cosine of two minibatches | weight of the second term, MAML | quotient (06.12): MAML | FOMAML | Reptile |",
    "|---|---|---|---|---|---|",
]
cosine, off = {}, {}
for name, theta in places.items():
    double = {key: value.double() for key, value in theta.items()}
    average, inner, _ = ingredients(double, *wide, loss)
    q, _ = compare(double, *wide, alpha, loss)
    cosine[name], off[name] = agreement(double, *wide), float((q - 1).abs().max())
    weight = float(2 * alpha * inner.norm() / average.norm())
    lines.append(f"| {name} | {cosine[name]:.2f} | {weight:.2f} | " + " | ".join(f"{float(v):.2f}" for v in q) + " |")
say("\n".join(lines))
assert cosine["Reptile"] > cosine["Reptile, k = 1 (joint training)"] + 0.1
assert off["random network"] < 0.5 < off["MAML"]


# %% [markdown]
# Read it from the left. *Agreement:* Reptile with $k = 5$ has raised the cosine far above that of $k = 1$, as the
# second term promises, although its code contains no inner product anywhere. *Weight:* at the random network the
# second term is shorter than the first. After training, when the mean loss has not much farther to fall, it is several
# times as long. *Quotients:* at the random network (06.11) is a fair description. Afterwards it is not: what the
# methods really follow is a fraction of what the expansion predicts, since $\alpha H$ is of order 1 there. (FOMAML and
# Reptile agree to the last digit: with $k = 2$ both have $g_2$, and nothing else moves.) The expansion explains how
# meta-learning *begins*, and which way it pulls. It does not describe where it ends.
#
# ## 5 On quadratics: who has a say
#
# Where it ends can be worked out on the quadratics of chapter 05. From (05.13), $\varphi - c_i = M_i^k (\theta -
# c_i)$ with $M_i = I - \alpha A_i$, so Reptile moves along $\sum_i W_i (\theta - c_i)$ with
#
# $$W_i = I - M_i^k = \alpha A_i\,(I + M_i + \dots + M_i^{k-1}), \tag{06.13}$$
#
# one more line for (05.15), with the same resting point (05.16). For $k = 1$ it is joint training's $A_i$, up to a
# factor. For $\alpha\lambda < 2$ and $k \to \infty$, $W_i \to I$: **all tasks count alike**, and $\theta$ rests at the
# plain mean of the optima $c_i$. MAML's $A_i M_i^{2K}$ behaves quite differently: a task that the inner loop solves
# loses its say altogether. Reptile with many steps is not a cheap MAML.
#
# **Predict:** four random tasks in three dimensions. After how many inner steps will Reptile rest within a tenth of the
# plain mean of their optima?

# %%
def quadratic(parameters, curvature, centre):
    """(05.12) for each task; curvature [task, 1, d, d] and centre [task, 1, d] take the place of inputs and targets."""
    offset = parameters["theta"] - centre[:, 0]
    return 0.5 * torch.einsum("ti,tij,tj->t", offset, curvature[:, 0], offset)


root = torch.randn(4, 3, 3, generator=seeded(9), dtype=torch.float64)
A = root @ root.mT / 6 + 0.2 * torch.eye(3, dtype=torch.float64)
c = torch.randn(4, 3, generator=seeded(10), dtype=torch.float64)
bowls, rate = FewShot(A[:, None], c[:, None], A[:, None], c[:, None]), 0.4
identity = torch.eye(3, dtype=torch.float64)
lines, mean_centre = (
    ["| k | distance from (05.16) with (06.13) | distance from the mean of the optima |", "|---|---|---|"],
    [],
)
for k in (1, 2, 5, 20, 100):
    point = {"theta": torch.zeros(3, dtype=torch.float64)}
    for _ in range(30 + 300 // k):  # the longer the inner loop, the sooner it rests
        away, _ = Reptile(quadratic, rate, k).direction(point, bowls)
        point = {"theta": point["theta"] - away["theta"]}
    weight = identity - torch.linalg.matrix_power(identity - rate * A, k)
    rest = torch.linalg.solve(weight.sum(0), (weight @ c[..., None]).sum(0)[:, 0])
    mean_centre.append(float((point["theta"] - c.mean(0)).norm()))
    lines.append(f"| {k} | {float((point['theta'] - rest).norm()):.0e} | {mean_centre[-1]:.4f} |")
    assert torch.allclose(point["theta"], rest, atol=1e-6)
say("\n".join(lines))
assert mean_centre[-1] < 1e-3 < 0.1 < mean_centre[0]

product_ = np.linspace(1e-6, 2, 200)
figure, axes = plotting.figure(width=9.6, height=3.8)
axes.plot(product_, np.ones_like(product_), color=STYLE["pre-training"][0], label="joint training; Reptile, k = 1")
for k, look in ((2, ":"), (5, "--"), (20, "-")):
    weight = (1 - (1 - product_) ** k) / (k * product_)
    axes.plot(product_, weight, look, color=plotting.GREEN, label=f"Reptile, k = {k}")
axes.plot(product_, 1 - product_, color=plotting.SKY, label="FOMAML, one inner step")
axes.plot(product_, (1 - product_) ** 2, color=plotting.BLUE, label="MAML, one inner step")
axes.axhline(0, color="black", linewidth=0.8)
axes.set(xlabel="αλ", ylabel="weight over that of joint training", ylim=(-0.6, 1.1))
axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
plotting.show(
    figure,
    "Weight of an eigen-direction over that of joint training, against αλ; all lines begin at one. Joint training "
    "stays at one. Reptile falls the faster the larger k, and stays positive. FOMAML is a straight line that turns negative "
    "beyond one; MAML a parabola that touches zero at one.",
)


# %% [markdown]
# The formula holds (first column), and with many steps Reptile rests at the mean of the optima (second column). The
# figure divides by $\lambda$, the weight of joint training. All lines begin at 1, and their slopes there are $-\frac12
# (k-1)$ for Reptile, $-1$ for FOMAML and $-2$ for MAML: the second term of (06.11) again, beside the first. Further to
# the right they part. MAML ignores what its step solves ($\alpha\lambda = 1$), and FOMAML turns it around. Reptile's
# weight falls like $1/\alpha\lambda$: what $k$ steps solve counts once, however steep it is, and it never counts
# nothing. (But for even $k$ and $\alpha\lambda = 2$, where the inner loop oscillates and comes back to its start.)
#
# ## 6 What Reptile needs
#
# Back to sine curves. The table `inner_loops` has five seeds of 10,000 iterations for variants that each change one
# thing:
#
# - **$k = 1$** instead of 5;
# - **all ten points in each step**, instead of minibatches of five in turn;
# - **points in the order of $x$**: minibatches are the left and the right half of the data, so they are no longer drawn
#   alike.
#
# **Predict:** order these three and Reptile itself by their error on held-out tasks after one step. For each, say what
# becomes of the second term of (06.11).

# %%
def between(interval):
    """A difference with its interval, signed."""
    return f"{interval.point:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


def row_of(source, name, steps=(1, 5, 10)):
    """Interquartile mean with its interval, formatted, and what runs away as such."""
    cells = []
    for k in steps:
        interval = bootstrap_interval(source.scores(name)[:, :, k], resamples=500)
        cells.append(
            "diverges" if interval.point > 100 else f"{interval.point:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
        )
    return " | ".join(cells)


lines = [
    "| 10,000 iterations, error after | 1 | 5 | 10 steps | minus Reptile, one step, paired |",
    "|---|---|---|---|---|",
]
variants = (
    "Reptile",
    "Reptile, points in the order of x",
    "Reptile, all points in each step",
    "Reptile, k = 1",
    "MAML",
)
worse = {}
for name in variants:
    worse[name] = paired_difference(parts.scores(name)[:, :, 1], parts.scores("Reptile")[:, :, 1])
    lines.append(f"| {name} | {row_of(parts, name)} | {between(worse[name]) if name != 'Reptile' else ''} |")
say("\n".join(lines))
at_test = Reptile(loss, alpha)  # all five support points in each step
live = supervised.adaptation_curve(at_test, theta_reptile, held_out, range(11))
differs = parts.check_agreement("Reptile", 0, live, tolerance=0.1)
maml_differs = parts.check_agreement(
    "MAML", 0, supervised.adaptation_curve(maml, theta_maml, held_out, range(11)), tolerance=0.15
)
say(f"The live Reptile and MAML of section 1 differ from their rows by {differs:.4f} and {maml_differs:.4f} at most.")
assert worse["Reptile, points in the order of x"].low > 0 and worse["Reptile, all points in each step"].low > 0.1
assert worse["Reptile, k = 1"].low > 1 and worse["MAML"].high < 0


# %% [markdown]
# (06.11) explains each row.
#
# - *$k = 1$* has no second term. This is joint training, and it sits where joint training sits.
# - *All points in each step* replaces two different minibatches by one and the same: $\mathbb{E}[\bar H \bar g]$ with
#   itself is $\frac12 \nabla \mathbb{E}\|\bar g\|^2$. That rewards a fast fit of *these* points, not agreement between
#   points. It is the bug of chapter 05, "outer loss on support data", in another dress.
# - *Points in the order of $x$:* the inner product is now taken between the two halves of the interval only, and
#   neighbouring points never meet across minibatches. If data come sorted by *class*, as they often do, each minibatch
#   holds one class, and fitting the next one undoes the last: far worse, as an exercise measures.
#   `ImageClasses.sample_few_shot` returns samples in that order, so **shuffle before cutting minibatches**.
# - *MAML* is better than Reptile at equal length and after every number of steps. It has optimised just what is
#   measured after one step, and its second term has a larger weight.
#
# ## 7 Meta-SGD: learn the step sizes
#
# MAML's inner step has one number $\alpha$, set by hand. Meta-SGD (Li, Zhou, Chen and Li 2017) replaces it by a vector
# $a$ of the shape of $\theta$, used elementwise ($\circ$), and learns it along with $\theta$:
#
# $$\begin{gathered} \theta_1 = \theta - a \circ \nabla L^s(\theta), \\
# \min_{\theta,\, a}\; \mathbb{E}_{\mathcal{T}}\, L^q_{\mathcal{T}}\big(\theta - a \circ \nabla L^s_{\mathcal{T}}(\theta)\big).
# \end{gathered} \tag{06.14}$$
#
# The rates belong to the parameters and are shared by all tasks; they are *not* adapted to a task. Nothing keeps them
# positive. The gradient with respect to $\theta$ is as in (05.5), with the step now $\theta - \mathrm{diag}(a)\nabla
# L^s$ and so the Jacobian $I - \mathrm{diag}(a) H$; transposed,
#
# $$\nabla_\theta L^q(\theta_1) = \big(I - H\, \mathrm{diag}(a)\big)\, \nabla L^q(\theta_1). \tag{06.15}$$
#
# For the rates: $\theta_1$ depends on $a_i$ only in entry $i$, and there with the derivative $-\partial_i L^s(\theta)$,
#
# $$\frac{\partial}{\partial a_i}\, L^q(\theta_1) = -\,\partial_i L^s(\theta)\; \partial_i L^q(\theta_1). \tag{06.16}$$
#
# So descending on $a_i$ *raises* the rate where the support gradient at $\theta$ and the query gradient *that is left
# at $\theta_1$* have the same sign (the step was too short), and lowers it where they differ (it was too long). At the
# optimum
#
# $$\mathbb{E}_{\mathcal{T}}\big[\partial_i L^s(\theta)\; \partial_i L^q(\theta_1)\big] = 0 \quad \text{for each } i: \tag{06.17}$$
#
# what is left over is uncorrelated with what was known. It is the condition of a regression, the query gradient's on
# the support gradient, and a regression coefficient may well be negative.
#
# **Build it, check it.**

# %%
def my_meta_sgd(theta, rates, data):
    """Gradients with respect to θ and a, (06.15) and (06.16), one task after another."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in theta.items()}
    steps = {name: value.detach().clone().requires_grad_() for name, value in rates.items()}
    total = 0.0
    for support_x, support_y, query_x, query_y in zip(*data, strict=True):
        inner = (mlp(leaves, support_x) - support_y).square().mean()
        slopes = torch.autograd.grad(inner, list(leaves.values()), create_graph=True)
        adapted = {name: leaves[name] - steps[name] * g for name, g in zip(leaves, slopes, strict=True)}
        total = total + (mlp(adapted, query_x) - query_y).square().mean() / len(data[0])
    both = torch.autograd.grad(total, [*leaves.values(), *steps.values()])
    return both[: len(leaves)], both[len(leaves) :]


start64 = {name: value.double() for name, value in theta_sgd.items()}
rates64 = {name: value.double() for name, value in rates.items()}
theirs, _ = meta_sgd.direction({name: value.double() for name, value in learned.items()}, batch)
for mine, name in zip([g for part in my_meta_sgd(start64, rates64, batch) for g in part], theirs, strict=True):
    assert torch.allclose(mine, theirs[name], rtol=1e-9, atol=1e-12)


def task_gradients(parameters, inputs, targets):
    """∇L of each task, [task, parameter]; parameters [task, ...]."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    slopes = torch.autograd.grad(loss(leaves, inputs, targets).sum(), list(leaves.values()))
    return torch.cat([slope.flatten(1) for slope in slopes], 1)


sx, sy, qx, qy = batch  # (06.16) by hand: minus the product of two gradients
by_hand = -task_gradients(repeat_parameters(start64, 8), sx, sy)
by_hand = by_hand * task_gradients(
    meta_sgd.adapt({**start64, **{"rate." + n: v for n, v in rates64.items()}}, sx, sy), qx, qy
)
by_package = torch.cat([theirs["rate." + name].flatten() for name in start64])
assert torch.allclose(by_hand.mean(0), by_package, rtol=1e-9, atol=1e-12)
say("From scratch, by the package, and by (06.16): the same to nine digits.")

# %% [markdown]
# What does it bring? The network that was trained in section 1 is a row of the table.

# %%
live = supervised.adaptation_curve(meta_sgd, learned, held_out, range(11)).nan_to_num(1e6).mean(0).clamp(max=1e6)
row = table.scores("Meta-SGD")[0, 0]
assert np.abs(row[:2] - live[:2].numpy()).max() < 0.1, (row, live)
gain = paired_difference(table.scores("Meta-SGD")[:, :, 1], table.scores("MAML")[:, :, 1])
say(
    f"Error after one step, seed 0: {float(live[1]):.3f} (table: {row[1]:.3f}). Meta-SGD minus MAML after one step, "
    f"five seeds: **{between(gain)}**. After two steps, seed by seed: "
    + ", ".join(f"{value:.2f}" for value in table.scores("Meta-SGD")[:, 0, 2])
    + "; after five all have diverged."
)
assert gain.high < -0.1 and table.scores("Meta-SGD")[:, 0, 5].min() > 1000

# %% [markdown]
# Nearly a third less error than MAML after one step, at no cost at test time: the clear winner for one step. (Li et al.
# report 0.90 against 1.13 for MAML; both of ours are lower, in the same order. The live row is
# compared after 0 and 1 steps only. After two or more the error is the result of an explosion, and the last digit of
# the training decides how large it is.)
#
# ## 8 The rates, layer by layer
#
# **Predict:** all rates began at one common value (drawn between 0.005 and 0.1). After training: which share is
# negative? Which layer has the largest rates? What happens if the negative ones are set to zero?

# %%
support = task_gradients(repeat_parameters(theta_sgd, 1000), *draw_tasks(1000, seeded(60))[:2])
square = dict(zip(rates, support.square().mean(0).split([v.numel() for v in rates.values()]), strict=True))
error_after = lambda meta: float(supervised.adaptation_curve(meta_sgd, meta, held_out, [1]).mean())  # noqa: E731


def with_rates(change, only=None):
    """Meta-parameters with the rates of one tensor, or of all, changed."""
    return learned | {"rate." + n: change(v) for n, v in rates.items() if only in (None, n)}


names = {
    "weight0": "weights 1", "bias0": "biases 1", "weight1": "weights 2", "bias1": "biases 2",
    "weight2": "head weights", "bias2": "head bias",
}  # fmt: skip
lines = [
    "| tensor | rates | in use | negative | median | 10 % to 90 % | error if negative → 0 | if all → 0 | if all → mean |",
    "|---|---|---|---|---|---|---|---|---|",
]
without, live_rates = {}, {}
for name, label in names.items():
    used = rates[name].flatten()[square[name] > 0]
    live_rates[name] = used
    low, middle, high = used.quantile(torch.tensor([0.1, 0.5, 0.9])).tolist()
    without[name] = error_after(with_rates(lambda v: v.clamp(min=0), name))
    zeroed, pooled = (
        error_after(with_rates(torch.zeros_like, name)),
        error_after(with_rates(lambda v: v * 0 + v.mean(), name)),
    )
    lines.append(
        f"| {label} | {rates[name].numel()} | {len(used)} | {float((used < 0).float().mean()):.0%} | {middle:.3f} | "
        f"{low:.3f} to {high:.3f} | {without[name]:.2f} | {zeroed:.2f} | {pooled:.2f} |"
    )
nothing_negative = error_after(with_rates(lambda v: v.clamp(min=0)))
say(
    "\n".join(lines)
    + f"\n\nError as trained: **{float(live[1]):.2f}**. With all negative rates set to zero: **{nothing_negative:.2f}**."
)
negative = torch.cat(list(live_rates.values())) < 0
assert nothing_negative > zero_floor() > 5 * float(live[1])
assert all(0.15 < float((used < 0).float().mean()) < 0.7 for used in live_rates.values() if len(used) > 1)
assert without["weight1"] > 1.5 * float(live[1])

figure, axes = plotting.figure(width=9.2, height=4.2)
for place, name in enumerate(names):
    used = live_rates[name]
    spread = 0.3 * (torch.rand(len(used), generator=seeded(place)) - 0.5) * 2 if len(used) > 1 else torch.zeros(1)
    for sign, color in ((used >= 0, plotting.RED), (used < 0, plotting.BLUE)):
        axes.plot(
            (place + spread)[sign],
            used[sign],
            "o",
            color=color,
            markersize=3.5 if len(used) > 1 else 9,
            alpha=0.6,
            markeredgewidth=0,
        )
axes.axhline(0, color="black", linewidth=0.8)
axes.axhline(alpha, color="black", linestyle=":", linewidth=1.2)
axes.text(5.55, alpha * 1.3, "α of MAML", fontsize=9, ha="right", va="bottom")
axes.set_yscale("symlog", linthresh=0.01)
axes.set_yticks([-1, -0.1, -0.01, 0, 0.01, 0.1, 1], ["−1", "−0.1", "−0.01", "0", "0.01", "0.1", "1"])
axes.minorticks_off()
axes.set_xticks(range(6), names.values())
axes.set(ylabel="learned rate", ylim=(-5, 5), title="One point for each parameter in use; negative rates in blue")
plotting.show(
    figure,
    "Learned rates of the six parameter tensors, one point each, on an axis that is logarithmic on both sides of zero. "
    "In each of the five larger tensors there are positive and negative rates of sizes up to one; the second layer's "
    "weights are half negative; the single rate of the head's bias is negative.",
)

# %% [markdown]
# ("In use" are parameters whose gradient is not zero in all of 1,000 tasks. Many rectifiers of the second layer never
# open, and the rates of their weights are still what they were at the start.) Of the rates in use a third to a
# half is negative in each layer, and so is the single rate of the head's bias. They are no decoration: without them the
# step makes the network worse than predicting zero. And an individual rate per parameter matters: with one rate per
# tensor, their mean, the second layer and the head lose much of what they had gained. Note the second layer: setting
# *all* of its rates to zero does little harm, setting only the negative ones to zero a great deal. Its positive and
# negative parts nearly cancel each other, and what counts is their difference.
#
# A negative rate means: *raise* the loss along this parameter, on purpose. How can that be right? Look at the change
# of the function, as in (05.17), now with rates:
#
# $$\begin{gathered} f_{\theta_1}(x) \approx f_\theta(x) + \frac{2}{n} \sum_{j=1}^n k_a(x, x_j)\,\big(y_j - f_\theta(x_j)\big), \\
# k_a(x, x') = \sum_i a_i\, \frac{\partial f_\theta(x)}{\partial \theta_i}\, \frac{\partial f_\theta(x')}{\partial \theta_i}.
# \end{gathered} \tag{06.18}$$
#
# The kernel is a *sum over parameters*, weighted with the rates. By (05.18) the tasks ask for $\cos(x - x')$, which is
# as often negative as positive and has the mean zero over a period (and nearly so on our interval). Now look at what
# the network has to offer. The head's weights contribute $\sum_m a_m h_m(x)\, h_m(x')$ with rectified features $h \ge 0$: with positive rates never
# negative. The head's bias contributes the constant $a_b$: with a positive rate, positive. Whatever these two do,
# $k_a$ comes out too large by a constant. What can subtract a constant? A bias with a negative rate.

# %%
grid = torch.linspace(-5, 5, 81)[:, None]
jacobian = torch.func.jacrev(lambda p: mlp(p, grid)[:, 0])(theta_sgd)
part = {n: 2 / shots * (v.flatten(1) * rates[n].flatten()) @ v.flatten(1).T for n, v in jacobian.items()}
positive = {
    n: 2 / shots * (v.flatten(1) * rates[n].flatten().clamp(min=0)) @ v.flatten(1).T for n, v in jacobian.items()
}
wanted = torch.cos(grid - grid.T)
body = sum(part[n] for n in names if n not in HEAD)
kernels = {
    "head weights": part["weight2"],
    "head bias": part["bias2"],
    "layers 1 and 2": body,
    "all: $k_a$": sum(part.values()),
    "positive rates only": sum(positive.values()),
}
maml_jacobian = torch.cat(
    [v.flatten(1) for v in torch.func.jacrev(lambda p: mlp(p, grid)[:, 0])(theta_maml).values()], 1
)
maml_kernel = 2 / shots * alpha * maml_jacobian @ maml_jacobian.T


def likeness(kernel):
    return float(torch.corrcoef(torch.stack([kernel.flatten(), wanted.flatten()]))[0, 1])


figure, axes = plotting.figure(1, 5, width=13.5, height=3.5)
largest = float(kernels["all: $k_a$"].abs().quantile(0.99))
for panel, (name, kernel) in zip(axes, kernels.items(), strict=True):
    image = panel.imshow(kernel, origin="lower", extent=(-5, 5, -5, 5), cmap="RdBu_r", vmin=-largest, vmax=largest)
    panel.set(
        title=f"{name}\nmean {float(kernel.mean()):+.2f}".replace("-", "−"),
        xlabel="x",
        xticks=[-5, 0, 5],
        yticks=[-5, 0, 5],
    )
    panel.grid(visible=False)
axes[0].set_ylabel("x'")
figure.colorbar(image, ax=axes, shrink=0.8)
plotting.show(
    figure,
    "Five heat maps over x and x' with one colour scale. Head weights: diagonal stripes, mostly positive. Head bias: a "
    "uniform negative. Layers one and two: stripes with both signs. All together: even diagonal stripes of both signs, "
    "with mean zero. Positive rates only: far too positive nearly everywhere.",
)
say(
    f"Correlation with cos(x − x'): all rates **{likeness(kernels['all: $k_a$']):.2f}**, positive rates only "
    f"{likeness(kernels['positive rates only']):.2f}, MAML (10,000 iterations) {likeness(maml_kernel):.2f}. Mean of the "
    f"kernel: head weights {float(part['weight2'].mean()):+.3f}, head bias {float(part['bias2'].mean()):+.3f}, layers 1 "
    f"and 2 {float(body.mean()):+.3f}, together **{float(sum(part.values()).mean()):+.3f}**; MAML "
    f"{float(maml_kernel.mean()):+.3f}."
)
assert likeness(kernels["all: $k_a$"]) > 0.93 and likeness(kernels["positive rates only"]) < 0.9
assert float(part["bias2"].mean()) < 0
assert abs(float(sum(part.values()).mean())) < 0.2 * float(sum(positive.values()).mean())

# %% [markdown]
# The three parts sum to a kernel whose mean is zero to two digits, with the stripes of $\cos(x - x')$ cleaner than
# MAML's. The head's bias and half of the second layer are there to *subtract*. With positive rates only, the same
# network would push the whole curve up wherever a point lies above it.
#
# **Are negative rates necessary?** They are necessary to *this* $\theta$, which was trained along with them. That is a
# different question from what training could do without them. The table has the answer: Meta-SGD with $a = e^{b}$,
# where $b$ is learned, so that no rate can become negative.

# %%
lines = ["| 10,000 iterations, error after | 1 | 5 | 10 steps |", "|---|---|---|---|"]
for name in ("MAML", "Meta-SGD", "Meta-SGD, positive rates"):
    lines.append(f"| {name} | {row_of(parts, name)} |")
say("\n".join(lines))
price = paired_difference(parts.scores("Meta-SGD, positive rates")[:, :, 1], parts.scores("Meta-SGD")[:, :, 1])
say(f"Positive minus free rates after one step, paired by seed: **{between(price)}**.")
assert price.high < 0.1 and parts.scores("Meta-SGD, positive rates")[:, 0, 10].max() < 0.5


# %% [markdown]
# They are worth a little, and no more. (With positive rates only the first layer can subtract: what the second layer and
# the head contribute are sums of products of activations, and these are not negative.) Training finds another
# $\theta$, and after one step it has lost only the small difference above. And it does something that the free rates
# cannot: it *goes on improving*, and after ten steps it is far better than MAML. "Rates may become negative" is a fact
# about Meta-SGD, and a reason for much of its fit; it is no argument that they should. Which brings us to the explosion.
#
# ## 9 Why the second step explodes
#
# Follow the residuals on the support points, $r_j = y_j - f(x_j)$, a vector with $n = 5$ entries. (06.18) at $x = x_i$
# reads
#
# $$r' \approx \big(I - G\big)\, r, \qquad G_{ij} = \tfrac{2}{n}\, k_a(x_i, x_j). \tag{06.19}$$
#
# $G$ is a $5 \times 5$ matrix, easily computed for each task. Along an eigenvector with eigenvalue $\mu$ the residual
# is multiplied by $1 - \mu$. It shrinks if $0 < \mu < 2$. For $\mu < 0$, possible only with negative rates, it
# *grows*, and for $\mu > 2$ it overshoots and grows. Compute the largest $|1 - \mu|$ of each task before the first
# step, at $\theta$, and before the second, at $\theta_1$.

# %%
def growth(parameters, rate_of, inputs):
    """Largest |1 − μ| of (06.19) and the smallest μ for each task; parameters [task, ...]."""
    jac = torch.func.vmap(torch.func.jacrev(lambda p, x: mlp(p, x)[:, 0]))(parameters, inputs)
    matrix = sum(
        torch.einsum("tia,a,tja->tij", v.flatten(2), rate_of(n, v[0, 0]).flatten(), v.flatten(2))
        for n, v in jac.items()
    )
    mu = torch.linalg.eigvalsh(2 / inputs.shape[1] * matrix)
    return (1 - mu).abs().amax(1), mu.amin(1)


few = FewShot(*(value[:300] for value in held_out))
found, smallest = {}, {}
for name, method, meta, rate_of in (
    ("MAML", maml, theta_maml, lambda n, v: torch.full_like(v, alpha)),
    ("Meta-SGD", meta_sgd, learned, lambda n, v: rates[n]),
):
    for steps in (0, 1):
        there = {n: v.detach() for n, v in method.adapt(meta, few.support_inputs, few.support_targets, steps).items()}
        found[name, steps], smallest[name, steps] = growth(there, rate_of, few.support_inputs)

figure, axes = plotting.figure(1, 2, width=10, height=3.7, sharey=True)
for panel, name in zip(axes, ("MAML", "Meta-SGD"), strict=True):
    for steps, color, look in ((0, plotting.GREY, "--"), (1, STYLE[name][0], "-")):
        ordered = found[name, steps].sort().values
        label = "before the first step" if steps == 0 else "before the second step"
        panel.plot(np.linspace(0, 100, len(ordered)), ordered, look, color=color, label=label)
    panel.axhline(1, color="black", linestyle=":", linewidth=1.2)
    panel.set(yscale="log", xlabel="tasks, in order (percent)", title=name)
    panel.legend(fontsize=10, loc="upper left")
axes[0].set(ylabel="largest growth |1 − μ|", ylim=(0.7, 60))
axes[0].set_yticks([1, 2, 5, 10, 50], ["1", "2", "5", "10", "50"])
axes[0].minorticks_off()
plotting.show(
    figure,
    "Largest growth factor of the residuals for 300 tasks in order. MAML: above one for some tasks before the first "
    "step, at or below one for nearly all before the second. Meta-SGD: near one before the first step, above one for "
    "nearly all tasks before the second, up to fifty.",
)
exploding = {name: float((found[name, 1] > 1.05).float().mean()) for name in ("MAML", "Meta-SGD")}
say(
    "Share of tasks whose residuals grow by more than 5 % in some direction in the second step: MAML "
    f"{exploding['MAML']:.0%}, Meta-SGD **{exploding['Meta-SGD']:.0%}**. Meta-SGD's $G$ has a negative eigenvalue in "
    f"{float((smallest['Meta-SGD', 1] < -0.01).float().mean()):.0%} of tasks there."
)
assert exploding["Meta-SGD"] > 0.45 > 0.3 > exploding["MAML"]


# %% [markdown]
# The first step is taken where the rates were learned, at $\theta$, and (06.14) never looked at any other place. After
# it the network is another one: units have switched on or off, and the delicate cancellation of positive and negative
# parts, tuned for $\theta$, no longer holds. The remedies are known: keep the rates positive (above); train with
# several inner steps, so that the later ones are in the objective; learn one rate for each layer *and step* (Antoniou,
# Edwards and Storkey 2019); or take exactly the number of steps that was trained for.
#
# ## 10 ANIL: adapt the head only
#
# ANIL (*almost no inner loop*; Raghu, Raghu, Bengio and Vinyals 2020) adapts the last layer and nothing else, in
# training and at test. Everything below is meta-learned as before. It was proposed for image classification, where it
# does as well as MAML: the features are reused, only their labels change. It is much cheaper, since the inner
# derivative has to pass one layer only.
#
# On our curves it does much worse (section 11). How much worse *must* it do? The head is linear, so for ANIL (05.17) holds
# exactly, with $h(x)$ the features under the head:
#
# $$\begin{gathered} f_{\theta_1}(x) = f_\theta(x) + \sum_{j=1}^n \kappa(x, x_j)\,\big(y_j - f_\theta(x_j)\big), \\
# \kappa(x, x') = \frac{2\alpha}{n}\,\big(h(x) \cdot h(x') + 1\big). \end{gathered} \tag{06.20}$$
#
# Now allow *any* function $f_\theta$ and *any* $\kappa$ whatsoever, and ask for the smallest possible expected error.
# Split each curve into the mean over tasks $m(x)$ and the rest; by (02.11) and (05.18) the rest has the covariance
#
# $$\begin{gathered} C(x, x') = \tfrac12 \mathbb{E}[A^2] \cos(x - x') - m(x)\, m(x'), \\
# m(x) = \tfrac{2}{\pi}\, \mathbb{E}[A] \cos x. \end{gathered} \tag{06.21}$$
#
# A start other than $f_\theta = m$ adds the square of a bias to the error, so $m$ is best. Then the error at $x$ is the
# expected square of (rest at $x$) $- \sum_j \kappa(x, x_j)$ (rest at $x_j$). With the $x_j$ independent and uniform,
# the sum over pairs $j \ne l$ separates from $j = l$:
#
# $$\begin{aligned} E_\kappa(x) = C(x, x) &- 2n\, \mathbb{E}_{x'}[\kappa(x, x')\, C(x, x')]
# + n\, \mathbb{E}_{x'}[\kappa(x, x')^2\, C(x', x')] \\
# &+ n(n-1)\, \mathbb{E}_{x', x''}[\kappa(x, x')\, \kappa(x, x'')\, C(x', x'')]. \end{aligned} \tag{06.22}$$
#
# For each $x$ this is a quadratic in the function $\kappa(x, \cdot)$. On a grid it is a small least-squares problem:
# solve it, average over $x$, and no one-step learner of the form (06.20) can be better, however long it is trained.
#
# But ANIL cannot have *any* $\kappa$. Its features come out of a rectifier, $h \ge 0$. So $\kappa(x, x') \ge 0$:
# **wherever a point lies above the curve, the whole curve can only move up.** Solve again with that constraint
# (non-negative least squares).
#
# **Predict:** two floors for five points, with and without the sign constraint. MAML reaches about 0.55 after one step.
# Where do they lie?

# %%
def best_error(n, non_negative, size=161):
    """The minimum of (06.22) over κ, averaged over x; κ ≥ 0 if `non_negative`."""
    x = np.linspace(-5, 5, size)
    share = np.full(size, 1.0)
    share[[0, -1]] = 0.5  # trapezoidal rule
    share /= share.sum()
    m = 2 / np.pi * np.mean(AMPLITUDE) * np.cos(x)
    C = zero_floor() * np.cos(x[:, None] - x) - np.outer(m, m)  # zero_floor() is E[A²] / 2
    Q = n * np.diag(share * np.diag(C)) + n * (n - 1) * np.outer(share, share) * C
    root = np.linalg.cholesky(Q)  # κᵀQκ − 2bᵀκ = |rootᵀκ − root⁻¹b|² + a constant
    total = 0.0
    for at in range(size):
        b = n * share * C[at]
        right = np.linalg.solve(root, b)
        kappa = nnls(root.T, right, maxiter=10_000)[0] if non_negative else np.linalg.solve(root.T, right)
        total += share[at] * (C[at, at] - 2 * b @ kappa + kappa @ Q @ kappa)
    return total


any_sign, rectified = best_error(5, False), best_error(5, True)
full = bootstrap_interval(table.scores("ANIL")[:, :, 1], resamples=500)
say(
    f"Floor of any one-step head: **{any_sign:.3f}**. With $\\kappa \\ge 0$: **{rectified:.3f}**. ANIL after 70,000 "
    f"iterations: **{full}**, which is {full.point / rectified - 1:.0%} above its floor."
)
assert rectified * 0.97 < full.point < 1.25 * rectified and any_sign < 0.6 * rectified


# %% [markdown]
# ANIL sits just above the floor of its own construction. Its defeat has little to do with "features versus rapid
# learning": it comes from a *sign*. If that is the reason, then removing the sign must remove the defeat. Two ways to
# do that, both still adapting the head alone:
#
# 1. **Linear features:** leave out the rectifier under the head, so that $h$ may be negative.
# 2. **Learned rates** for the 41 parameters of the head, as in Meta-SGD. $\kappa(x, x') = \frac2n \big(\sum_m a_m h_m(x)
#    h_m(x') + a_b\big)$ can be negative if $a_b < 0$.
#
# **Predict:** where will each come out after one step? And which sign will $a_b$ have? The second one is trained here;
# it takes ten lines on top of `MetaSGD`.

# %%
@dataclass(frozen=True)
class HeadRates(MetaSGD):
    """ANIL with a learned rate for each parameter of the head."""

    def adapt(self, meta, inputs, targets, steps=None, create_graph=False):
        start, rates = split_rates(meta)
        start, steps = repeat_parameters(start, len(inputs)), self.inner_steps if steps is None else steps
        return adapt(start, lambda p: self.loss(p, inputs, targets), rates, steps, create_graph, only=HEAD)


head_rates = HeadRates(loss)
head_learned, _ = inner_loops.trained("ANIL, learned rates", 0, method=head_rates)
live = supervised.adaptation_curve(head_rates, head_learned, held_out, range(11))
assert np.abs(parts.scores("ANIL, learned rates")[0, 0, 1] - float(live[:, 1].mean())) < 0.1
bias_rate = float(head_learned["rate.bias2"])

shown_rows = ("ANIL", "ANIL, linear features", "ANIL, learned rates", "MAML", "Meta-SGD")
styles = {
    "ANIL": "ANIL",
    "ANIL, linear features": "ANIL",
    "ANIL, learned rates": "ANIL",
    "MAML": "MAML",
    "Meta-SGD": "Meta-SGD",
}
intervals = [bootstrap_interval(parts.scores(name)[:, :, 1], resamples=500) for name in shown_rows]
figure, axes = plotting.figure(width=8.4, height=3.9)
plotting.plot_intervals(axes, shown_rows, intervals)
for patch, name in zip(axes.patches, shown_rows, strict=True):
    patch.set_color(STYLE[styles[name]][0])
for value, text in ((rectified, "floor, κ ≥ 0"), (any_sign, "floor, any κ")):
    axes.axvline(value, color="black", linestyle=":", linewidth=1.5)
    axes.text(value, -0.62, text, fontsize=9, ha="center", va="bottom")
axes.set(xlabel="mean squared error after one step, 10,000 iterations", ylim=(4.5, -0.55))
plotting.show(
    figure,
    "Error after one step with intervals: ANIL 1.34, above the floor of 1.01 for kernels without negative values; ANIL "
    "with linear features and ANIL with learned rates near 0.5, above the floor of 0.43; MAML 0.73; Meta-SGD 0.44.",
)
lines = ["| 10,000 iterations, error after | 1 | 5 | 10 steps |", "|---|---|---|---|"]
lines += [f"| {name} | {row_of(parts, name)} |" for name in shown_rows]
say("\n".join(lines) + f"\n\nLearned rate of the head's bias: **{bias_rate:.2f}**.")
assert bias_rate < 0
assert parts.scores("ANIL, linear features")[:, 0, 10].max() < parts.scores("MAML")[:, 0, 10].min() / 3
for name in ("ANIL, linear features", "ANIL, learned rates"):
    assert any_sign < parts.scores(name)[:, 0, 1].min() and parts.scores(name)[:, 0, 1].max() < 0.7 * rectified

# %% [markdown]
# Both predictions come true. With signs allowed, adapting 41 parameters reaches the region of the other floor, beats
# MAML, which adapts 1,761, at equal length, and with linear features goes on to less than a third of MAML's error after
# ten steps. (With learned rates some seeds begin to diverge by then, for the reason of section 9.) The rate of the bias
# is negative: once more it is there to subtract.
#
# What to take home is not that ANIL is good or bad. A method that seemed not to work on regression was stopped by an
# activation function. The floors bind heads that make one linear step; MAML and Meta-SGD change their features, (06.20)
# is not exact for them, and they may go below.
#
# ## 11 All methods on the same tasks
#
# 70,000 iterations, five seeds each, on the same 1,000 held-out curves, after 0 to 10 steps with the step size or the
# rates of training.
#
# **Predict:** write down the order after one step and after ten.

# %%
curves = {name: summarise_curves(table.scores(name), resamples=500) for name in STYLE}
floor, zero = task_agnostic_floor(), zero_floor()
figure, axes = plotting.figure(width=10.4, height=4.8)
steps = np.arange(settings["test_steps"] + 1)
for name, curve in curves.items():
    color, marker = STYLE[name]
    axes.plot(steps, curve.point, marker=marker, color=color, label=name)
    axes.fill_between(steps, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
for height, text in ((zero, "zero, (02.9)"), (floor, "best single function, (02.12)")):
    axes.axhline(height, color="black", linestyle=":", linewidth=1.2)
    axes.text(10.2, 0.985 * height, text, fontsize=9, ha="right", va="top")
axes.set(yscale="log", xlabel="gradient steps on five points", ylabel="mean squared error", ylim=(0.25, 9))
axes.set_yticks([0.3, 0.5, 1, 2, 3, 5], ["0.3", "0.5", "1", "2", "3", "5"])
axes.minorticks_off()
axes.legend(fontsize=10, loc="upper left", bbox_to_anchor=(1.01, 1))
plotting.show(
    figure,
    "Mean squared error against gradient steps, logarithmic, for seven methods. Meta-SGD is lowest after one step and "
    "leaves the figure upwards after two. MAML and FOMAML lie close together, Reptile above them after one step and on "
    "them after ten. ANIL stays at about twice their error. Pre-training stays between two and three, random "
    "initialisation above four.",
)
lines = [
    "| error after | 0 | 1 | 5 | 10 steps | minus MAML, one step | minus MAML, ten steps |",
    "|---|---|---|---|---|---|---|",
]
versus = {}
for name in STYLE:
    scores = table.scores(name)
    versus[name] = [paired_difference(scores[:, :, k], table.scores("MAML")[:, :, k]) for k in (1, 10)]
    words = [between(value) if value.point < 100 else "diverges" for value in versus[name]]
    words = ["", ""] if name == "MAML" else words
    lines.append(f"| {name} | {row_of(table, name, (0, 1, 5, 10))} | {' | '.join(words)} |")
lines += [
    "| oracle | 0 | 0 | 0 | 0 | | |",
    f"| best single function | {floor:.2f} | – | – | – | | |",
    f"| predicting zero | {zero:.2f} | – | – | – | | |",
]
say("\n".join(lines))
say("Interquartile mean over five seeds with 95 % interval; differences are paired by seed.")
order = sorted((name for name in STYLE if curves[name].point[1] < 2), key=lambda name: curves[name].point[1])
assert order[0] == "Meta-SGD" and order[-2:] == ["Reptile", "ANIL"]
assert versus["Meta-SGD"][0].high < 0 < versus["Reptile"][0].low and versus["ANIL"][1].low > 0.1
assert abs(versus["Reptile"][1].point) < 0.05 and abs(versus["FOMAML"][1].point) < 0.05


# %% [markdown]
# - **After one step** Meta-SGD is best by a clear margin, then MAML, FOMAML, Reptile, and ANIL far behind.
# - **After ten steps** MAML, FOMAML and Reptile have the same error for all practical purposes. Reptile was trained
#   with five steps; measured after one it is asked for something it never practised.
# - **Meta-SGD** cannot be used for more than the step it was trained for. A table with one column would not have
#   shown that.
# - **ANIL** loses, for the reason of section 10.
# - **Pre-training** knows the mean of the tasks and little else; ten steps do not change that. **Random
#   initialisation** ends worse than predicting zero.
# - **All of them lose** against two numbers and least squares (chapter 05, section 7): error 0, if one knows that
#   these are sine curves.
#
# Is this fair? Each method has one setting, from its paper where the paper has one. MAML's was made for exactly this
# problem. Reptile's was not: its paper gives no setting for this network, and the step size here is MAML's. Lengths
# are equal in iterations, and not in gradients: Reptile takes five per task and iteration, MAML two and a second
# derivative, ANIL less. The next section counts.
#
# ## 12 What does the second order cost?
#
# *Accuracy:* the table says what FOMAML loses against MAML on these tasks. *Time:* measure one direction for 25 tasks
# with 1, 2, 5, 10 inner steps. *Memory:* count the bytes that autograd keeps for the backward pass, at their peak.
# Every tensor that is saved passes through a hook, so that this count is exact and the same on every machine.
#
# **Predict:** how do time and memory grow with the number of inner steps, for MAML, FOMAML, ANIL and Reptile?

# %%
class Saved:
    """A tensor that autograd keeps; counts its storage as long as somebody keeps it."""

    held, now, peak = {}, 0, 0  # storage -> number of holders, bytes now, most bytes

    def __init__(self, tensor):
        self.tensor, storage = tensor, tensor.untyped_storage()
        self.key, self.bytes = storage.data_ptr(), storage.nbytes()
        Saved.now += 0 if Saved.held.get(self.key) else self.bytes
        Saved.held[self.key] = Saved.held.get(self.key, 0) + 1
        Saved.peak = max(Saved.peak, Saved.now)

    def __del__(self):
        Saved.held[self.key] -= 1
        Saved.now -= 0 if Saved.held[self.key] else self.bytes


def kept_bytes(call):
    """The most bytes that autograd kept at one time during a call."""
    Saved.held, Saved.now, Saved.peak = {}, 0, 0
    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
        call()
    return Saved.peak


def seconds(call, repeats=8):
    """Shortest of several runs: the least disturbed one."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


counts = (1, 2, 5, 10)
makers = {
    "MAML": lambda k: MAML(loss, alpha, k),
    "FOMAML": lambda k: MAML(loss, alpha, k, first_order=True),
    "ANIL": lambda k: MAML(loss, alpha, k, only=HEAD),
    "Meta-SGD": lambda k: MetaSGD(loss, k),
    "Reptile": lambda k: Reptile(loss, alpha, k, minibatch=shots),
}
batch = draw_tasks(width, seeded(7))
calls = {}
for name, make in makers.items():
    start, methods = make(1).initial(network), [make(k) for k in counts]
    calls[name] = [lambda m=method, s=start: m.direction(s, batch) for method in methods]
kept = {name: np.array([kept_bytes(call) / 1e6 for call in many]) for name, many in calls.items()}
rounds = [{name: [1000 * seconds(call) for call in many] for name, many in calls.items()} for _ in range(5)]
taken = {name: np.min([one[name] for one in rounds], 0) for name in calls}  # rounds: disturbances pass

figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9)
for name in makers:
    color, marker = STYLE[name]
    left.plot(counts, taken[name], marker=marker, color=color, label=name)
    right.plot(counts, kept[name], marker=marker, color=color, label=name)
left.set(xlabel="inner steps", ylabel="milliseconds", title="One direction for 25 tasks", ylim=(0, None))
right.set(xlabel="inner steps", ylabel="MB kept for the backward pass, peak", title="Memory", ylim=(0, None))
left.legend(fontsize=10)
plotting.show(
    figure,
    "Left: milliseconds for one direction against the number of inner steps. All lines rise; MAML and Meta-SGD "
    "rise most steeply, ANIL in between, FOMAML and Reptile least. Right: megabytes kept for the backward pass. MAML "
    "and Meta-SGD rise in proportion to the steps; ANIL slowly; FOMAML and Reptile are flat.",
)
lines = ["| inner steps | " + " | ".join(makers) + " |", "|---" * (len(makers) + 1) + "|"]
for at, k in enumerate(counts):
    lines.append(f"| {k} | " + " | ".join(f"{taken[n][at]:.1f} ms, {kept[n][at]:.1f} MB" for n in makers) + " |")
say("\n".join(lines))
loss_by_dropping = paired_difference(table.scores("FOMAML")[:, :, 1], table.scores("MAML")[:, :, 1])
say(
    f"With five steps second order takes {taken['MAML'][2] / taken['FOMAML'][2]:.1f} times the time and "
    f"{kept['MAML'][2] / kept['FOMAML'][2]:.0f} times the memory of first order. What it brings here, trained with one "
    f"step: FOMAML's error minus MAML's is {between(loss_by_dropping)} after one step and "
    f"{between(versus['FOMAML'][1])} after ten."
)
assert kept["MAML"][3] > 6 * kept["MAML"][0] and kept["FOMAML"][3] < 1.1 * kept["FOMAML"][1]
assert kept["Reptile"][3] < 1.1 * kept["Reptile"][1] and taken["MAML"][2] > 1.3 * taken["FOMAML"][2]

# %% [markdown]
# Time grows with the number of steps for all methods; second order multiplies it by a small factor. Memory is the real
# difference. MAML must keep the graphs of *all* inner steps until the backward pass, so that memory grows in
# proportion to them (Meta-SGD also those of the rates, about twice as much). FOMAML and Reptile forget each step when it
# is done. For a network of 1,761 parameters nobody
# cares. For one of a hundred million, with fifty inner steps, this decides what can be trained at all; it is what
# Reptile was made for.
#
# ## 13 Explorer
#
# Inner steps and step sizes against the error after adaptation, for four starts: MAML and Reptile (10,000 iterations),
# Meta-SGD (70,000), and the head with learned rates (10,000). The factor multiplies the step sizes of training, be they
# one number or 1,761. Try: half of Meta-SGD's rates (how many steps does it survive?); 20 support points; one point;
# amplitudes that were never trained.

# %%
inner_loop_explorer(
    {
        "MAML": InnerLoop(theta_maml, alpha, *STYLE["MAML"]),
        "Reptile": InnerLoop(theta_reptile, alpha, *STYLE["Reptile"]),
        "Meta-SGD": InnerLoop(theta_sgd, rates, *STYLE["Meta-SGD"]),
        "head, learned rates": InnerLoop(
            split_rates(head_learned)[0],
            {n: v if n in HEAD else torch.zeros_like(v) for n, v in split_rates(head_learned)[1].items()},
            *STYLE["ANIL"],
        ),
    }
)


# %% [markdown]
# What to see at the start: each line of the right panel has its minimum at or near the factor 1. Meta-learning has
# tuned the step to the tasks for all of them, also for MAML and Reptile, who never touched $\alpha$: they tuned
# $\theta$ to it. And the minimum is narrow: half as much again costs about as much as taking a half or a third of it.
#
# ## 14 What goes wrong in practice
#
# ### Reptile in reverse
#
# (06.1) has $\varphi - \theta$; an optimiser wants $\theta - \varphi$. Mix them up, and:

# %%
class Reversed(Reptile):
    """The bug: φ − θ handed to an optimiser that descends."""

    def direction(self, meta, data):
        towards, losses = super().direction(meta, data)
        return {name: -value for name, value in towards.items()}, losses


lines, history = ["| after iterations | as it should be | reversed |", "|---|---|---|"], {}
for name, method in (("right", reptile), ("reversed", Reversed(loss, alpha, 5, minibatch=shots))):
    short = supervised.TrainConfig(iterations=80, meta_batch=width, outer_lr=0.03, optimiser=sgd, report_every=20)
    try:
        history[name] = supervised.train(method, network, draw_tasks, short, seeded(70), description=name)[1]["loss"]
    except FloatingPointError as error:
        history[name] = [np.inf] * 4
        say(f"reversed: *{error}*")
for at in range(4):
    lines.append(f"| {20 * at + 1} to {20 * at + 20} | {history['right'][at]:.2f} | {history['reversed'][at]:.3g} |")
say("\n".join(lines))
assert not history["reversed"][-1] < history["right"][-1] + 0.3


# %% [markdown]
# With this small outer step (0.03) it looks like "does not learn yet"; with a larger one it ends in an overflow. The
# test that needs no patience: after one outer step, $\theta$ must be *nearer* to the mean of the $\varphi$.
#
# ### The rates are not learned
#
# Rates that are no parameters of the outer optimiser (created with `requires_grad=False`, detached, or left out of
# its list) stay where they began. Everything runs; Meta-SGD has become MAML with a random step size. 2,000 iterations
# each:

# %%
def frozen(direction):
    """The bug: what reaches the optimiser has no gradient for the rates."""

    def bug(meta, data):
        gradients, losses = direction(meta, data)
        return {n: torch.zeros_like(g) if n.startswith("rate.") else g for n, g in gradients.items()}, losses

    return bug


begin = meta_sgd.initial(network, seeded(71))
fast = trace_direction(meta_sgd, begin, batch, compiled=True)
lines, after_freezing = (
    ["| | error after one step, held-out | spread of the rates (standard deviation) |", "|---|---|---|"],
    {},
)
for name, way in (("rates learned", fast), ("rates not learned", frozen(fast))):
    config = supervised.TrainConfig(
        iterations=2000, meta_batch=width, outer_lr=settings["outer_lr"], batches_at_once=100
    )
    meta, _ = supervised.train(meta_sgd, begin, draw_tasks, config, seeded(72), description=name, direction=way)
    after_freezing[name] = error_after(meta)
    spread = float(torch.cat([v.flatten() for n, v in meta.items() if n.startswith("rate.")]).std())
    lines.append(f"| {name} | {after_freezing[name]:.2f} | {spread:.4f} |")
say("\n".join(lines))
assert after_freezing["rates not learned"] > 1.2 * after_freezing["rates learned"]


# %% [markdown]
# It still learns, only worse, and with a lucky start not by much. One number tells: the spread of the rates is zero.
#
# ### The inner optimiser remembers the last task
#
# Reptile's inner loop may be any optimiser. Adam carries a state: running means of gradients and of their squares. If
# one optimiser object is made *before* the loop over tasks, that state leaks from task to task. (The paper's own code
# uses Adam without the first mean, $\beta_1 = 0$; between training tasks it restores the weights and keeps the second
# mean, and after a test task it restores both. Our package starts anew for each task.) Adapt Reptile's $\theta$ to 100
# held-out tasks in a row by five steps of Adam, and then to the same tasks in reverse order. A task's error must not
# depend on its place.

# %%
def in_a_row(order, beta1, keep_state, rate=0.003):
    """Error of each task after five Adam steps; one optimiser for all tasks if `keep_state`."""
    leaves = {name: value.clone().requires_grad_() for name, value in theta_reptile.items()}
    make = lambda: torch.optim.Adam(leaves.values(), lr=rate, betas=(beta1, 0.999))  # noqa: E731
    optimiser, found = make(), {}
    for task in order:
        with torch.no_grad():
            for name, value in leaves.items():
                value.copy_(theta_reptile[name])  # the weights do begin anew
        optimiser = optimiser if keep_state else make()
        for _ in range(5):
            optimiser.zero_grad()
            (mlp(leaves, held_out[0][task]) - held_out[1][task]).square().mean().backward()
            optimiser.step()
        with torch.no_grad():
            found[task] = float((mlp(leaves, held_out[2][task]) - held_out[3][task]).square().mean())
    return np.array([found[task] for task in range(len(order))])


lines, moved = (
    [
        "| Adam's state | β₁ | mean error | largest change of a task's error when the order is reversed |",
        "|---|---|---|---|",
    ],
    {},
)
for keep_state in (False, True):
    for beta1 in (0.0, 0.9):
        one, other = in_a_row(range(100), beta1, keep_state), in_a_row(range(99, -1, -1), beta1, keep_state)
        moved[keep_state, beta1] = float(np.abs(one - other).max())
        lines.append(
            f"| {'kept' if keep_state else 'new for each task'} | {beta1} | {one.mean():.2f} | {moved[keep_state, beta1]:.2g} |"
        )
say("\n".join(lines))
assert max(moved[False, b] for b in (0.0, 0.9)) < 1e-6 and min(moved[True, b] for b in (0.0, 0.9)) > 0.01

# %% [markdown]
# With a new state the order has no influence; with a kept one it has. Whether the mean error gets better or worse is a
# matter of luck and step size (a second mean over many tasks can be a good scale). It is a leak all the same: the
# result on a test task now depends on the other test tasks.
#
# ## 15 Check yourself
#
# Decide before you open an answer.
#
# **1.** Someone sets Reptile's $k$ to 1 "for speed" and doubles the number of iterations. What is trained? (A) A noisier
# Reptile. (B) Joint training. (C) FOMAML with one step.
#
# <details><summary>Answer to 1</summary>
#
# **B.** By (06.11) the second term has the factor $k - 1$. (A): no number of iterations brings back a term that is
# zero. (C): FOMAML takes the gradient on *other* data *after* the step; that is $g_2$, and with $k = 1$ there is none.
# </details>
#
# **2.** Why must the minibatches of an inner loop be different ones? (A) For speed. (B) Because otherwise the second
# term becomes $\frac12\nabla\mathbb{E}\|\bar g\|^2$. (C) Because SGD needs noise to converge.
#
# <details><summary>Answer to 2</summary>
#
# **B.** The gradient of the squared norm rewards fast fitting of the same points; the inner product of two minibatches
# rewards agreement. (A): it costs the same. (C): in section 6 all points in each step converge very well, to the wrong
# thing.
# </details>
#
# **3.** A learned rate is $-0.4$. (A) A bug: a rate must be positive. (B) On average over tasks, moving this parameter
# against its support gradient made the query loss smaller, given what all other parameters do. (C) The parameter is
# useless.
#
# <details><summary>Answer to 3</summary>
#
# **B.** That is (06.16) with (06.17). (A): nothing in (06.14) says so; forcing it gives another method, with its own
# merits. (C): a useless parameter would have any rate, such as the one it began with.
# </details>
#
# **4.** Meta-SGD's rates, learned for one step, are multiplied by $\frac12$ and two steps are taken. Is that safe? (A)
# Yes, two half steps are one step. (B) Not in general. (C) Yes, if all rates are positive.
#
# <details><summary>Answer to 4</summary>
#
# **B.** The second half step is taken at another point, where $\mu$ of (06.19) may be negative or large. Try it in the
# explorer. (A) holds for a linear gradient flow only. (C): positive rates exclude $\mu < 0$, but not $\mu > 2$.
# </details>
#
# **5.** ANIL's error is far above MAML's on these tasks. What follows? (A) Features do not transfer in regression. (B)
# The head is too small. (C) Nothing yet; with rectified features the kernel of the head cannot be negative.
#
# <details><summary>Answer to 5</summary>
#
# **C.** Section 10. (A) and (B) are refuted there by ANIL with linear features and by the same head with learned
# rates.
# </details>
#
# **6.** Memory is short, and 50 inner steps are needed. Which of these can be trained? (A) MAML. (B) FOMAML or Reptile.
# (C) Meta-SGD.
#
# <details><summary>Answer to 6</summary>
#
# **B.** What they keep does not grow with the number of steps. (A) and (C) keep the graphs of all 50 steps, unless the
# steps are computed a second time on the way back (checkpointing), which trades memory for time.
# </details>
#
# ## Exercises
#
# [exercises/06_reptile_and_meta_sgd_exercises.ipynb](../exercises/06_reptile_and_meta_sgd_exercises.ipynb): Reptile's step; the Taylor
# terms of any combination of inner gradients, by hand; a Meta-SGD for the head with three silent bugs; and a Reptile
# with Adam whose result depends on the order of tasks. About an hour and a half.
#
# ## Further reading
#
# - A. Nichol, J. Achiam and J. Schulman, *On first-order meta-learning algorithms*, 2018, arXiv:1803.02999.
# - Z. Li, F. Zhou, F. Chen and H. Li, *Meta-SGD: Learning to learn quickly for few-shot learning*, 2017,
#   arXiv:1707.09835.
# - A. Raghu, M. Raghu, S. Bengio and O. Vinyals, *Rapid learning or feature reuse? Towards understanding the
#   effectiveness of MAML*, 2020, arXiv:1909.09157.
# - A. Antoniou, H. Edwards and A. Storkey, *How to train your MAML*, 2019, arXiv:1810.09502.
# - E. Park and J. B. Oliva, *Meta-Curvature*, 2019, arXiv:1902.03356. Beyond one rate per parameter.
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
#
# [Exercises](../exercises/06_reptile_and_meta_sgd_exercises.ipynb) · previous: [05 MAML](05_maml.ipynb) · next: [07 Few-shot image classification](07_few_shot_images.ipynb)
