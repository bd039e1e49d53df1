"""The check of the exercise `meta_optimum`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch05.oracles import asked_before, draw_curvatures, draw_step, meta_gradient
from metarl_core.check.compare import difference
from metarl_core.check.oracles import same
from metarl_core.check.revisited import after_another


def _draw_case(draw):
    """One to four tasks, sometimes up to twenty, once sixty, in one to four dimensions, no step to five, or twelve.

    A single task gets small step sizes only: with α near 1 over a curvature its optimum could not be computed.
    """
    tasks, size, steps = draw.integer(1, 4), draw.integer(1, 4), draw.integer(0, 5)
    tasks = draw.integer(5, 20) if draw.chance(0.15) else tasks
    tasks = draw.once(17, 60, tasks)
    steps = 12 if tasks > 4 and draw.chance(0.5) else steps
    curvature = draw_curvatures(draw, tasks, size)
    alpha = draw_step(draw, curvature, 1.6 if tasks > 2 else 0.7)
    return case(curvature, draw.normal(tasks, size, scale=2, mean=1), alpha, steps).noting(
        {
            "there are several tasks": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "there are more than four tasks": tasks > 4,
            "there is no step": steps == 0,
            "there are twelve steps": steps == 12,
            "other tasks were asked about with the same alpha and steps before": asked_before(size),
            "there are several steps": steps > 1,
            "alpha is 0": alpha == 0,
            "theta has one entry": size == 1,
        }
    )


def _optimum_by_newton(curvature, centre, alpha, steps):
    """The mean meta-gradient is affine in theta: its slope is read off along the axes, and its root found."""

    def gradient(theta):
        pairs = zip(curvature, centre, strict=True)
        return sum(meta_gradient(theta, a, c, a, c, alpha, steps) for a, c in pairs) / len(centre)

    at_zero = gradient(torch.zeros_like(centre[0]))
    slope = torch.stack([gradient(axis) - at_zero for axis in torch.eye(len(at_zero), dtype=centre.dtype)], 1)
    return torch.linalg.solve(slope, -at_zero)


def _weighted(curvature, centre, alpha, power, curvatures=1, sign=-1):
    factor = torch.eye(centre.shape[1], dtype=centre.dtype) + sign * alpha * curvature
    weight = torch.linalg.matrix_power(factor, power)
    for _ in range(curvatures):
        weight = curvature @ weight
    return torch.linalg.solve(weight.sum(0), (weight @ centre[..., None]).sum(0)[:, 0])


def _powered_by_entries(got, a, c, alpha, steps):
    """`**` in the place of a power of the matrix. For K = 0 the weights are singular then: what comes out solves the
    equations all the same, or is far away from every centre.
    """
    weight = a @ (torch.eye(c.shape[1], dtype=c.dtype) - alpha * a) ** (2 * steps)
    left, right = weight.sum(0), (weight @ c[..., None]).sum(0)[:, 0]
    if torch.linalg.cond(left) > 1e5:
        return same(left @ got, right) or bool(got.norm() > 1e3 * c.norm())
    return same(got, torch.linalg.solve(left, right))


def _numbers_for_matrices(got, a, c, alpha, steps):
    factor = torch.eye(c.shape[1], dtype=c.dtype) - alpha * a
    weight = a @ torch.linalg.matrix_power(factor, 2 * steps)
    numbers = (weight.diagonal(dim1=1, dim2=2).sum(-1), torch.linalg.det(weight))
    return any(difference(got, w @ c / w.sum(), 1e-6, 1e-9) is None for w in numbers)


def _means_of_entries(got, a, c, alpha, steps):
    """Each entry of theta as a mean, with weights from the diagonals of A, or the diagonals of the weights."""
    of_a = torch.diagonal(a, dim1=1, dim2=2)
    factor = torch.eye(c.shape[1], dtype=c.dtype) - alpha * a
    of_weights = torch.diagonal(a @ torch.linalg.matrix_power(factor, 2 * steps), dim1=1, dim2=2)
    weights = (of_a * (1 - alpha * of_a) ** (2 * steps), of_weights)
    return any(difference(got, (w * c).sum(0) / w.sum(0), 1e-6, 1e-9) is None for w in weights)


def _flow(got, a, c, alpha, steps):
    weight = a @ torch.matrix_exp(-2 * steps * alpha * a)
    return difference(got, torch.linalg.solve(weight.sum(0), (weight @ c[..., None]).sum(0)[:, 0]), 1e-6, 1e-9) is None


def _power_off(got, a, c, alpha, steps):
    powers = {max(0, 2 * steps + more) for more in (-2, -1, 1, 2)} - {2 * steps}
    return any(difference(got, _weighted(a, c, alpha, power), 1e-6, 1e-9) is None for power in powers)


check_meta_optimum = function_check(
    "meta_optimum",
    _optimum_by_newton,
    _draw_case,
    Wrong(
        "by_autograd",
        "The numbers are right, and autograd found them. Asked for is the formula that you derived.",
        fault="method",
    ),
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
        "You give the optimum for K = 1, whatever K is. What do further steps do to the weights?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2),
    ),
    Wrong(
        "curvature_twice",
        "A curvature stands twice in your weights. It stands in the query gradient; where else did you put it?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2 * steps, curvatures=2),
    ),
    Wrong(
        "power_of_the_gradient",
        "Your factor has the power K + 1. How many times does it stand in the adapted point, and how many in the "
        "Jacobian?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, steps + 1),
    ),
    Wrong(
        "numbers_for_matrices",
        "Each task has one number for a weight, its trace or its determinant. A task may be steep in one direction and "
        "flat in another.",
        when=_numbers_for_matrices,
        everywhere=True,
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
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2 * steps, curvatures=0),
    ),
    Wrong(
        "sign",
        "There is a plus in your factor. Does an inner step shrink distances or stretch them?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2 * steps, sign=1),
    ),
    Wrong(
        "power_of_entries",
        "Each entry of the matrix is raised to the power 2K by itself. How does one apply a matrix several times?",
        when=_powered_by_entries,
        everywhere=True,
    ),
    Wrong(
        "diagonal_only",
        "Only diagonals count here: each entry of theta is a mean of its own. What do the other entries of a "
        "curvature do?",
        when=_means_of_entries,
        everywhere=True,
    ),
    Wrong(
        "flow",
        "Your weights hold an exponential, as if the inner loop flowed downhill. Its steps have a length.",
        when=_flow,
        everywhere=True,
    ),
    Wrong(
        "power_off",
        "The power of your factor is off by one or two. How many steps are there, and how often does each count?",
        when=_power_off,
        everywhere=True,
    ),
    rtol=1e-8,
    atol=1e-9,
    observe=after_another(
        lambda curvature, centre, *rest: (0.5 * curvature.flip(1, 2), centre, *rest),
        lambda curvature, *rest: asked_before(curvature.shape[-1]),
    ),
    cases=40,
    autograd=False,
)
