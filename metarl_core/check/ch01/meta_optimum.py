"""The check of the exercise `meta_optimum`."""

import torch
from scipy.optimize import minimize_scalar

from metarl_core.check import Wrong, case, function_check


def _quadratic_cases():
    for seed, (tasks, inner_lr, steps) in enumerate([(3, 0.3, 1), (5, 0.5, 1), (4, 0.2, 2), (6, 0.4, 3)]):
        generator = torch.Generator().manual_seed(seed)
        curvature = 0.2 + 1.6 * torch.rand(tasks, generator=generator, dtype=torch.float64)
        centre = torch.randn(tasks, generator=generator, dtype=torch.float64)
        yield case(curvature, centre, inner_lr, steps)


def _by_search(curvature, centre, inner_lr, steps):
    """Maximise the mean return after adaptation numerically; the inner gradient by autograd."""

    def negative_return(start):
        theta = torch.full_like(centre, start)
        for _ in range(steps):
            theta = theta.detach().requires_grad_()
            task_returns = -0.5 * curvature * (theta - centre) ** 2
            (gradient,) = torch.autograd.grad(task_returns.sum(), theta)
            theta = theta + inner_lr * gradient
        return float((0.5 * curvature * (theta.detach() - centre) ** 2).mean())

    found = minimize_scalar(negative_return, bracket=(float(centre.min()), float(centre.max())), tol=1e-10)
    return torch.tensor(found.x, dtype=centre.dtype)


def _weighted(weight):
    """The mean of the centres under a weight that is a function of curvature, inner_lr and steps."""

    def answer(curvature, centre, inner_lr, steps):
        w = weight(curvature, inner_lr, steps)
        return (w * centre).sum() / w.sum()

    return answer


check_meta_optimum = function_check(
    "meta_optimum",
    _by_search,
    _quadratic_cases,
    Wrong(
        "multi_task",
        "This is the multi-task optimum: it maximises the return before adaptation. Where do the inner steps come in?",
        _weighted(lambda a, lr, k: a),
    ),
    Wrong(
        "plain_mean",
        "This is the mean of the centres. Does a task that pulls hard, or adapts badly, count as much as any other?",
        _weighted(lambda a, lr, k: torch.ones_like(a)),
    ),
    Wrong(
        "sign_flip",
        "With this inner step every task walks away from its centre. Which way does one go to raise a return?",
        _weighted(lambda a, lr, k: a * (1 + lr * a) ** (2 * k)),
    ),
    Wrong(
        "first_order",
        "This is where first-order MAML comes to rest. The derivative of J(U(θ)) by θ holds the derivative of U "
        "as well.",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** k),
    ),
    Wrong(
        "no_outer_curvature",
        "The inner steps are in, but the task's own curvature is missing: how much return does a remaining "
        "distance cost?",
        _weighted(lambda a, lr, k: (1 - lr * a) ** (2 * k)),
    ),
    Wrong(
        "one_step",
        "This is right for one inner step. What happens to the remaining distance at the second?",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** 2),
    ),
    rtol=1e-4,
    atol=1e-5,
)
