"""What several checks of chapter 05 compare with."""

import torch


def draw_curvatures(draw, tasks, size):
    """Symmetric, positive definite matrices `[task, size, size]`; their eigenvalues differ, and so do their axes.

    Now and then all of them are nearly flat in about the same directions.
    """
    root, least = draw.normal(tasks, size, size, scale=draw.choice(0.5, 1.0)), draw.uniform(0.2, 0.5)
    if draw.chance(0.3):
        root, least = root * 0.1 ** torch.arange(size)[:, None], least / 32
    return root @ root.mT / size + least * torch.eye(size, dtype=torch.float64)


def draw_step(draw, curvatures, most=1.6):
    """An inner step size, a multiple of 1/256: 0 now and then, and about `most` over the largest eigenvalue at most."""
    largest = float(torch.linalg.eigvalsh(curvatures).max())
    return draw.choice(0.0, *(max(1, round(256 * draw.uniform(0.1, most) / largest)) / 256 for _ in range(7)))


def adapted(curvature, centre, theta, alpha, steps):
    """Where `steps` gradient steps on the quadratic lead from theta, one after the other."""
    for _ in range(steps):
        theta = theta - alpha * curvature @ (theta - centre)
    return theta


def asked_before(size):
    """Whether other tasks were asked about with the same step size and steps, before a case of this size."""
    return size in (2, 4)


def meta_gradient(theta, support_a, support_c, query_a, query_c, alpha, steps):
    """Of one task. The end is affine in theta: where the centre is 0, it is linear, and each axis leads to a column."""
    end = adapted(support_a, support_c, theta, alpha, steps)
    axes = torch.eye(len(theta), dtype=theta.dtype)
    columns = [adapted(support_a, 0 * support_c, axis, alpha, steps) for axis in axes]
    return torch.stack(columns) @ query_a @ (end - query_c)
