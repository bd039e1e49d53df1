# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05a The speed of meta-training
#
# **Where does the time of meta-training go, and how far is it from what the machine could do?**
#
# *An appendix to chapter 05. No later chapter needs it.*
#
# You will be able to
#
# - compute a product with a Hessian in a few times the time of a gradient
# - say what batching, tracing and compiling buy, and for which sizes
# - say what limits the speed of meta-training
#
# Before you start: chapter 05, [MAML](05_maml.ipynb).
#
# Reading: about 15 minutes. Running: at most 30 seconds and 2000 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from metarl_core.claims import claim
from metarl_core.figures import ch05a as figures
from metarl_core.figures.words import say
from metarl_core.figures.words import table as show_table
from metarl_core.meta import MAML, Joint, supervised, trace_direction
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import sinusoid
from metarl_core.session import begin

begin()
settings, loss = sinusoid.Settings(), sinusoid.loss
draw_tasks = lambda tasks, generator: sinusoid.sample(tasks, generator, settings)  # noqa: E731
start, _ = sinusoid.untrained(MAML(loss, settings.inner_lr), 0)


# %% [markdown]
# All times below are of this machine and of the moment; the factors between them are what carries over.
#
# ## 1 A product with the Hessian
#
# Chapter 05 never forms a Hessian: (05.9) gives $Hv$ as the gradient of a number. Time a gradient, a product, and the
# whole matrix, for networks of four widths.
#
# **Predict, then run.** At 1,761 parameters, how many times as long as a gradient takes (a) one product $Hv$? (b) the
# whole Hessian, compared with one product?
#
# *Your prediction:*

# %%
def hessian_product(function, at, direction):
    """(05.9): two gradients, no matrix."""
    at = at.detach().requires_grad_()
    (slope,) = torch.autograd.grad(function(at), at, create_graph=True)
    return torch.autograd.grad(slope @ direction, at)[0]


def seconds(call, repeats):
    """Shortest of several runs: the least disturbed one."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


# %% tags=["hide-input"]
def as_network(flat, like):
    pieces = flat.split([value.numel() for value in like.values()])
    return {name: piece.view_as(value) for piece, (name, value) in zip(pieces, like.items(), strict=True)}


x = torch.linspace(-5, 5, 10)[:, None]
cost, agree = [], []
for width in (5, 10, 20, 40):
    like = initial_parameters(MLP((1, width, width, 1), torch.tanh, seeded(0)))
    flat = torch.cat([value.flatten() for value in like.values()])
    direction = torch.randn(len(flat), generator=seeded(1))
    function = lambda p, like=like: (mlp(as_network(p, like), x, torch.tanh) - x.sin()).square().mean()  # noqa: E731
    leaf = flat.clone().requires_grad_()
    calls = (
        (lambda f=function, p=leaf: torch.autograd.grad(f(p), p), 30),
        (lambda f=function, p=flat, v=direction: hessian_product(f, p, v), 30),
        (lambda f=function, p=flat: torch.func.hessian(f)(p), 3),
    )
    cost.append([len(flat), *(seconds(call, repeats) for call, repeats in calls)])
    agree.append(torch.allclose(calls[2][0]() @ direction, calls[1][0](), rtol=1e-3, atol=1e-4))
size, *times = np.array(cost).T
names = ("gradient", "Hessian-vector product", "whole Hessian")
figures.second_order_cost(size, {name: 1000 * taken for name, taken in zip(names, times, strict=True)})
ratio, matrix = times[1][-1] / times[0][-1], times[2][-1] / times[1][-1]
claim(
    f"At {int(size[-1]):,} parameters one product takes {ratio:.1f} times as long as a gradient, the whole Hessian "
    f"{matrix:.0f} times as long as one product, and {4 * size[-1] ** 2 / 1e6:.0f} MB instead of "
    f"{4 * size[-1] / 1e3:.0f} kB. Matrix times vector and product agree.",
    ratio < 12 and matrix > 4 and all(agree),
)


# %% [markdown]
# A product costs a few gradients at any size, while the matrix grows with $d^2$. A meta-iteration with $K$ steps
# costs about $K$ gradients forward and $K$ products back.
#
# ## 2 One task after another, or all at once
#
# The package gives parameters a leading task axis, so that each layer is one batched matrix product for all tasks, and
# differentiates the *sum* of the inner losses once: no task's loss depends on another task's parameters. `trace_direction`
# writes the resulting tensor operations down once and replays the list; with `compiled=True` a C++ compiler fuses them.

# %%
def one_by_one(meta, data):
    """MAML's direction by a loop over tasks."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in meta.items()}
    total = 0.0
    for sx, sy, qx, qy in zip(*data, strict=True):
        inner = (mlp(leaves, sx) - sy).square().mean()
        slopes = torch.autograd.grad(inner, list(leaves.values()), create_graph=True)
        adapted = {n: p - settings.inner_lr * g for (n, p), g in zip(leaves.items(), slopes, strict=True)}
        total = total + (mlp(adapted, qx) - qy).square().mean() / len(data[0])
    return torch.autograd.grad(total, list(leaves.values()))


maml, batch = MAML(loss, settings.inner_lr), draw_tasks(25, seeded(7))
fomaml, joint = MAML(loss, settings.inner_lr, first_order=True), Joint(loss)
traced = trace_direction(maml, start, batch)
compiled = trace_direction(maml, start, batch, compiled=True)
ways = {
    "MAML, one task after another": (lambda: one_by_one(start, batch), 5),
    "MAML, all tasks at once": (lambda: maml.direction(start, batch), 50),
    "and traced": (lambda: traced(start, batch), 50),
    "and compiled": (lambda: compiled(start, batch), 50),
    "FOMAML, all tasks at once": (lambda: fomaml.direction(start, batch), 50),
    "pre-training, all tasks at once": (lambda: joint.direction(start, batch), 50),
}
rates = {name: 1 / seconds(call, repeats) for name, (call, repeats) in ways.items()}

# %% tags=["hide-input"]
show_table(["direction for 25 tasks", "per second"], [(name, f"{rate:,.0f}") for name, rate in rates.items()])
once, loop = rates["MAML, all tasks at once"], rates["MAML, one task after another"]
claim(f"All tasks at once is {once / loop:.0f} times as fast as one after another.", once > 2 * loop)

# %% [markdown]
# But a training is more than its direction: data are drawn, Adam moves, the loop keeps its books. Time 300 whole
# iterations, and see which part is the direction's.

# %%
shares = {}
for name, direction in (("all tasks at once", None), ("compiled", compiled)):
    config = supervised.TrainConfig(iterations=300, meta_batch=25, outer_lr=1e-3, batches_at_once=100)
    run = lambda c=config, d=direction: supervised.train(maml, start, draw_tasks, c, seeded(1), description=None, direction=d)  # noqa: E731, E501  # fmt: skip
    whole = seconds(run, 3) / 300
    alone = seconds(lambda d=direction: (d or maml.direction)(start, batch), 50)
    shares[name] = 1e3 * whole, 1e3 * alone, alone / whole

# %% tags=["hide-input"]
show_table(
    ["direction", "ms for a whole iteration", "of these in the direction", "share"],
    [(name, f"{whole:.2f}", f"{alone:.2f}", f"{share:.0%}") for name, (whole, alone, share) in shares.items()],
)
say(
    "Once the direction is compiled, the rest of the iteration (25 new tasks, Adam, the loop) weighs as much or more; "
    "making the direction still faster would gain little. Drawing the data of 100 iterations in one call "
    "(`batches_at_once`) is what keeps that rest small."
)

# %% [markdown]
# ## 3 How fast could it be?
#
# Nearly all arithmetic of a meta-gradient is in matrix products, and PyTorch can count it. The machine's own rate is
# that of one large product of matrices. The quotient is a lower limit for the time.
#
# **Predict, then run.** How does the time of one meta-gradient grow with (a) the tasks in a batch, (b) the inner steps,
# (c) the parameters? Where is it farthest from its limit?
#
# *Your prediction:*

# %%
square = torch.randn(1024, 1024, generator=seeded(0))
machine = 2 * 1024**3 / seconds(lambda: square @ square, 5)  # multiplications and additions per second


def timed(tasks=25, steps=1, width=40):
    """Milliseconds of one meta-gradient by MAML and by FOMAML, and the least possible for MAML; its parameters."""
    network = initial_parameters(MLP((1, width, width, 1), generator=seeded(0)))
    data, taken = draw_tasks(tasks, seeded(1)), []
    repeats = 3 if tasks * width**2 > 500_000 else 10  # a short time is disturbed more easily
    for first_order in (False, True):
        method = MAML(loss, 0.001, steps, first_order)
        taken.append(seconds(lambda method=method: method.direction(network, data), repeats))
    with FlopCounterMode(display=False) as counter:
        MAML(loss, 0.001, steps).direction(network, data)
    taken.append(counter.get_total_flops() / machine)
    return [*(1000 * one for one in taken), sum(value.numel() for value in network.values())]


# %% tags=["hide-input"]
amounts = {"tasks": (1, 5, 25, 125, 500, 1500), "inner steps": (1, 2, 5, 10, 20), "width": (10, 20, 40, 80, 160, 320)}
keys = {"tasks": "tasks", "inner steps": "steps", "width": "width"}
found = {name: np.array([timed(**{keys[name]: one}) for one in each]) for name, each in amounts.items()}
sweeps = {name: (np.array(amounts[name]), found[name][:, :3]) for name in ("tasks", "inner steps")}
sweeps["parameters"] = found["width"][:, 3], found["width"][:, :3]
figures.limits(sweeps)
over = {name: taken[:, 0] / taken[:, 2] for name, (_, taken) in sweeps.items()}
say(
    f"Matrix rate of one thread: {machine / 1e9:.0f} billion operations a second. Time of MAML over its limit: "
    + "; ".join(f"{name} {', '.join(f'{r:,.0f}' for r in each)}" for name, each in over.items())
    + "."
)
claim(
    "The smallest problems are farthest from their limit.",
    over["tasks"][0] > 2 * over["tasks"][3] and over["parameters"][0] > 2 * over["parameters"][3],
)

# %% [markdown]
# There are three regimes. *Small* problems pay for the number of operations, not for their size: more tasks or more
# units are nearly free, and the time is many times the limit. The paper's sinusoid lies here, so the gain is in fewer
# and larger operations (batching, tracing, compiling). In the *middle* the curve comes nearest to its limit. *Large*
# problems gain little more: each task has weights of its own, which are used for ten points only, so moving them
# through memory may take longer than multiplying by them. There it can pay to compute a few tasks at a time (`chunk` in
# `TrainConfig`). Inner steps are never free: they come one after another, and their graphs are kept for the way back.
#
# Back to [05 MAML](05_maml.ipynb) · [Exercises](../exercises/05_maml_exercises.ipynb) · next: [05b What MAML has learned](05b_what_maml_learned.ipynb)
