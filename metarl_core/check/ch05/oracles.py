"""What several checks of chapter 05 compare with."""

import torch


def descend(loss, theta, alpha, steps):
    """The points before and after each of `steps` gradient steps."""
    path = [theta.detach()]
    for _ in range(steps):
        path.append(path[-1] - alpha * torch.func.grad(loss)(path[-1]))
    return path


def positive(generator, tasks, size):
    """Curvatures `[task, size, size]`, positive definite."""
    root = torch.randn(tasks, size, size, generator=generator, dtype=torch.float64)
    return root @ root.mT / size + 0.3 * torch.eye(size, dtype=torch.float64)


def bowl(curvature, centre):
    """A quadratic loss."""
    return lambda theta: 0.5 * (theta - centre) @ curvature @ (theta - centre)
