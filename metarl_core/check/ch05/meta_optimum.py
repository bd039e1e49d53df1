"""The check of the exercise `meta_optimum`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch05.oracles import bowl, positive


def _family_cases():
    for seed, (tasks, size, alpha, steps) in enumerate(((3, 2, 0.2, 1), (4, 3, 0.25, 2), (2, 2, 0.15, 4))):
        generator = torch.Generator().manual_seed(20 + seed)
        centre = 2 * torch.randn(tasks, size, generator=generator, dtype=torch.float64)
        yield case(positive(generator, tasks, size), centre, alpha, steps)


def _optimum_by_newton(curvature, centre, alpha, steps):
    """One Newton step on the meta-objective, which is quadratic; slope and curvature by automatic differentiation."""

    def objective(theta):
        total = 0.0
        for one, place in zip(curvature, centre, strict=True):
            loss, current = bowl(one, place), theta
            for _ in range(steps):
                current = current - alpha * torch.func.grad(loss)(current)
            total = total + loss(current)
        return total / len(centre)

    start = torch.zeros_like(centre[0])
    slope, hessian = torch.func.grad(objective)(start), torch.func.hessian(objective)(start)
    return start - torch.linalg.solve(hessian, slope)


def _weighted(curvature, centre, alpha, power, with_curvature=True):
    factor = torch.eye(centre.shape[1], dtype=centre.dtype) - alpha * curvature
    weight = torch.linalg.matrix_power(factor, power)
    weight = curvature @ weight if with_curvature else weight
    return torch.linalg.solve(weight.sum(0), (weight @ centre[..., None]).sum(0)[:, 0])


check_meta_optimum = function_check(
    "meta_optimum",
    _optimum_by_newton,
    _family_cases,
    Wrong(
        "joint_training",
        "That is the optimum of joint training: it does not depend on α or K. What does the loss look like as a "
        "function of the point *before* adaptation?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 0),
    ),
    Wrong(
        "first_order",
        "That is where FOMAML comes to rest. In the loss after adaptation the distance occurs twice, on the left "
        "and on the right.",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, steps),
    ),
    Wrong(
        "one_step",
        "For one step you are right. What do further steps do to the weights?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2),
    ),
    Wrong(
        "mean_of_centres",
        "All tasks count alike here. Compare a steep task with a flat one: which of them does a gradient step nearly "
        "solve from anywhere?",
        lambda a, c, alpha, steps: c.mean(0),
    ),
    Wrong(
        "no_curvature",
        "Your weights hold what is left of the distance, but not how much the loss cares about it.",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2 * steps, with_curvature=False),
    ),
)
