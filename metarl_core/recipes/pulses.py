"""Exercise of chapter 05: pulses to be fitted from six points, by MAML with two inner steps and by its first order.

A training takes seconds: a network of two hidden layers of 20 units, and all seeds side by side, `[seed, ...]`. Both
methods have the same number of gradient evaluations, not of iterations.
"""

import torch
from torch import Tensor

from metarl_core.parameters import Parameters, stack_parameters
from metarl_core.tasks import Tasks
from metarl_core.tasks.draws import stamp_split, uniform

SUPPORT, QUERY, META_BATCH, STEPS, HIDDEN = 6, 10, 8, 2, 20
"""points of a task, tasks of an iteration, inner steps, units of a layer"""
BUDGET = 1470
"""gradient evaluations for each task of a training; a product with a Hessian costs two"""
OUTER_LR, MAX_GRAD_NORM = 1e-2, 10.0
RANGE = 3.0
"""inputs are from -3 to 3"""
MOST = 1e6


def sample_tasks(n: int, generator: torch.Generator, split: str = "train") -> Tasks:
    """Pulses y = height · exp(-½ ((x - centre) / width)²), and the inputs of their support points.

    Args:
        split: "train" or "test".

    Returns:
        float32 `height`, `centre` and `width` `[task]`, `support` `[task, 6]`.
    """
    return {
        "height": stamp_split(uniform((n,), 1.0, 3.0, generator), split),
        "centre": stamp_split(uniform((n,), -2.0, 2.0, generator), split),
        "width": stamp_split(uniform((n,), 0.4, 1.2, generator), split),
        "support": uniform((n, SUPPORT), -RANGE, RANGE, generator),
    }


def iterations(second_order: bool) -> int:
    """Outer steps that the budget pays for: with K inner steps a task's direction costs K + 1 gradients, and MAML's
    K products with Hessians more."""
    return BUDGET // (STEPS + 1 + (2 * STEPS if second_order else 0))


def learn(seeds: list[int], inner_lr: float, second_order: bool, outer_steps: int | None = None) -> Parameters:
    """Meta-parameters `[seed, ...]` after a training.

    Args:
        seeds: each with initial weights and tasks of its own, the same whatever the other seeds are, and for both
            methods.
        inner_lr: α.
        second_order: MAML, or its first order.
        outer_steps: all that the budget pays for unless given. Steps of Adam whose size falls to 0.
    """
    total = iterations(second_order)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    theta = stack_parameters([_initial(generator) for generator in generators])
    theta = {name: value.requires_grad_() for name, value in theta.items()}
    adam = torch.optim.Adam(theta.values(), lr=OUTER_LR)
    for step in range(total if outer_steps is None else outer_steps):
        adam.param_groups[0]["lr"] = OUTER_LR * (1 - step / total)
        data = [_points(sample_tasks(META_BATCH, g), g) for g in generators]
        slopes = directions(theta, inner_lr, second_order, *(torch.stack(part) for part in zip(*data, strict=True)))
        norm = sum(slope.mean(1).flatten(1).square().sum(1) for slope in slopes.values()).sqrt()  # type: ignore[union-attr]
        for name, slope in slopes.items():
            scale = MAX_GRAD_NORM / norm.clamp_min(MAX_GRAD_NORM)
            theta[name].grad = slope.mean(1) * scale.view(-1, *[1] * (slope.ndim - 2))
        adam.step()
    return {name: value.detach() for name, value in theta.items()}


def directions(theta: Parameters, inner_lr: float, second_order: bool, x: Tensor, y: Tensor) -> Parameters:
    """The direction of each task, `[seed, task, ...]`.

    Args:
        theta: `[seed, ...]`.
        inner_lr: α.
        second_order: with the factors I - αH, or without.
        x: inputs `[seed, task, point, 1]`, the support points first.
        y: targets.
    """
    leaves = {name: value.requires_grad_() for name, value in _for_tasks(theta, x.shape[1]).items()}
    adapted = _adapt(leaves, inner_lr, x[:, :, :SUPPORT], y[:, :, :SUPPORT], second_order)
    if not second_order:
        adapted = leaves = {name: value.detach().requires_grad_() for name, value in adapted.items()}
    loss = _error(adapted, x[:, :, SUPPORT:], y[:, :, SUPPORT:]).sum()
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def errors(parameters: Parameters, inner_lr: float, tasks: Tasks) -> Tensor:
    """Mean squared error on a grid of 61 points after two inner steps on a task's support points, `[seed, task]`.

    At most `MOST`, also where the steps diverge.
    """
    number = len(parameters["weight0"])
    x = tasks["support"].float()[None, :, :, None]
    leaves = {name: value.requires_grad_() for name, value in _for_tasks(parameters, len(tasks["support"])).items()}
    adapted = _adapt(leaves, inner_lr, x.expand(number, -1, -1, -1), _target(tasks, x), False)
    grid = torch.linspace(-RANGE, RANGE, 61)[None, None, :, None].expand(1, len(tasks["support"]), -1, -1)
    return _error(adapted, grid, _target(tasks, grid)).detach().nan_to_num(MOST).clamp_max(MOST)


def cosines(parameters: Parameters, inner_lr: float, tasks: Tasks) -> Tensor:
    """Cosine of the angle between MAML's direction and its first order's, for each task alone, `[seed, task]`.

    Args:
        parameters: the θ at which both directions are taken, `[seed, ...]`.
        inner_lr: α.
        tasks: their query points are the grid of `errors`.
    """
    number, n = len(parameters["weight0"]), len(tasks["support"])
    grid = torch.linspace(-RANGE, RANGE, 61).expand(n, -1)
    x = torch.cat([tasks["support"].float(), grid], 1)[None, :, :, None].expand(number, -1, -1, -1)
    both = [directions(parameters, inner_lr, second, x, _target(tasks, x)) for second in (True, False)]
    exact, first = (torch.cat([value.flatten(2) for value in one.values()], 2).double() for one in both)
    return torch.nn.functional.cosine_similarity(exact, first, dim=2).float()


def _initial(generator: torch.Generator) -> Parameters:
    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    root = HIDDEN**0.5
    return {
        "weight0": 1.5 * normal(HIDDEN, 1),
        "bias0": 2.0 * normal(HIDDEN),
        "weight1": normal(HIDDEN, HIDDEN) / root,
        "bias1": 0.1 * normal(HIDDEN),
        "weight2": normal(1, HIDDEN) / root,
        "bias2": torch.zeros(1),
    }


def _points(tasks: Tasks, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs and targets `[task, point, 1]`, the support points first and then new query points."""
    more = uniform((len(tasks["support"]), QUERY), -RANGE, RANGE, generator)
    x = torch.cat([tasks["support"], more], 1)[..., None]
    return x, _target(tasks, x)


def _target(tasks: Tasks, x: Tensor) -> Tensor:
    height, centre, width = (tasks[name].float()[:, None, None] for name in ("height", "centre", "width"))
    return height * (-0.5 * ((x - centre) / width).square()).exp()


def _for_tasks(theta: Parameters, n: int) -> Parameters:
    """`[seed, ...]` to `[seed, task, ...]`, without a graph."""
    return {
        name: value.detach().float()[:, None].expand(-1, n, *value.shape[1:]).clone() for name, value in theta.items()
    }


def _network(theta: Parameters, x: Tensor) -> Tensor:
    for layer in range(3):
        x = x @ theta[f"weight{layer}"].mT + theta[f"bias{layer}"].unsqueeze(-2)
        x = x.tanh() if layer < 2 else x
    return x


def _error(theta: Parameters, x: Tensor, y: Tensor) -> Tensor:
    return (_network(theta, x) - y).square().mean((-2, -1))


def _adapt(theta: Parameters, inner_lr: float, x: Tensor, y: Tensor, create_graph: bool) -> Parameters:
    for _ in range(STEPS):
        slopes = torch.autograd.grad(_error(theta, x, y).sum(), list(theta.values()), create_graph=create_graph)
        theta = {name: value - inner_lr * g for (name, value), g in zip(theta.items(), slopes, strict=True)}
    return theta
