"""Answers to chapter 05 that measure a slope, and some that only know a few tasks."""

import torch

from metarl_core.check import ch05

from . import named


def _loss(theta, support_a, support_c, query_a, query_c, alpha, steps):
    for _ in range(steps):
        theta = theta - alpha * support_a @ (theta - support_c)
    return 0.5 * (theta - query_c) @ query_a @ (theta - query_c)


def _differences(width):
    def answer(theta, *task):
        axes = width * torch.eye(len(theta), dtype=theta.dtype)
        return torch.stack([(_loss(theta + e, *task) - _loss(theta - e, *task)) / (2 * width) for e in axes])

    return answer


def _five_points(theta, *task):
    near, far = _differences(1e-3)(theta, *task), _differences(2e-3)(theta, *task)
    return (4 * near - far) / 3


def _one_side(theta, *task):
    axes = 1e-7 * torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([(_loss(theta + e, *task) - _loss(theta, *task)) / 1e-7 for e in axes])


def _by_eigenvalues(theta, support_a, support_c, query_a, query_c, alpha, steps):
    values, axes = torch.linalg.eigh(support_a)
    factor = axes @ torch.diag((1 - alpha * values) ** steps) @ axes.T
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _backwards(theta, support_a, support_c, query_a, query_c, alpha, steps):
    end = theta
    for _ in range(steps):
        end = end - alpha * torch.mv(support_a, end - support_c)
    slope = torch.mv(query_a, end - query_c)
    for _ in range(steps):
        slope = slope - alpha * torch.mv(support_a, slope)
    return slope


def _in_numpy(theta, support_a, support_c, query_a, query_c, alpha, steps):
    a, b = support_a.numpy(), query_a.numpy()
    end = theta.numpy()
    for _ in range(steps):
        end = end - alpha * (a @ (end - support_c.numpy()))
    slope = b @ (end - query_c.numpy())
    for _ in range(steps):
        slope = slope - alpha * (a @ slope)
    return torch.from_numpy(slope)


def _optimum(curvature, centre, alpha, steps):
    factor = torch.eye(centre.shape[1], dtype=centre.dtype) - alpha * curvature
    weight = torch.linalg.matrix_power(factor, steps)
    weight = weight @ curvature @ weight
    return torch.linalg.solve(weight.sum(0), torch.einsum("tij,tj->i", weight, centre))


def _up_to(most):
    return lambda curvature, centre, *rest: _optimum(curvature[:most], centre[:most], *rest)


def _last(most):
    return lambda curvature, centre, *rest: _optimum(curvature[-most:], centre[-most:], *rest)


WRONG = [
    *named(
        ch05.check_quadratic_meta_gradient,
        _one_side,
        _five_points,
        differences_of_a_millionth=_differences(1e-6),
        differences_of_a_hundred_thousandth=_differences(1e-5),
        differences_of_a_thousandth=_differences(1e-3),
        differences_of_a_tenth=_differences(0.1),
        differences_of_one=_differences(1.0),
    ),
    *named(ch05.check_meta_optimum, five_tasks=_up_to(5), eight_tasks=_up_to(8), the_last_five=_last(5)),
]
RIGHT = [
    *named(ch05.check_quadratic_meta_gradient, _by_eigenvalues, _backwards, _in_numpy),
    *named(ch05.check_meta_optimum, _optimum),
]
