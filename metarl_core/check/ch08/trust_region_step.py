"""The check of the exercise `trust_region_step`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _bowl_cases():
    settings = ((3, 2, 0.3, 0.5, 0.01), (4, 3, 0.2, 1.5, 0.05), (2, 4, 0.25, 0.2, 0.002))
    for seed, (tasks, size, alpha, sigma, delta) in enumerate(settings):
        generator = torch.Generator().manual_seed(20 + seed)
        root = torch.randn(tasks, size, size, generator=generator, dtype=torch.float64)
        curvature = root @ root.mT / size + 0.2 * torch.eye(size, dtype=torch.float64)
        centre = 2 * torch.randn(tasks, size, generator=generator, dtype=torch.float64)
        yield case(torch.randn(size, generator=generator, dtype=torch.float64), curvature, centre, alpha, sigma, delta)


def _adapted_means(theta, curvature, centre, alpha):
    return torch.stack([theta - alpha * a @ (theta - c) for a, c in zip(curvature, centre, strict=True)])


def _step_by_differentiation(theta, curvature, centre, alpha, sigma, delta):
    """Slope of the mean loss and Hessian of the mean KL, both as functions of theta, by automatic differentiation."""

    def loss(point):
        ends = _adapted_means(point, curvature, centre, alpha)
        each = [0.5 * (e - c) @ a @ (e - c) for e, a, c in zip(ends, curvature, centre, strict=True)]
        return torch.stack(each).mean()

    start = _adapted_means(theta, curvature, centre, alpha).detach()

    def divergence(point):
        return ((_adapted_means(point, curvature, centre, alpha) - start).square().sum(1) / (2 * sigma**2)).mean()

    g, h = torch.func.grad(loss)(theta), torch.func.hessian(divergence)(theta)
    x = torch.linalg.solve(h, g)
    return -torch.sqrt(2 * delta / (x @ h @ x)) * x


def _region(
    theta, curvature, centre, alpha, sigma, delta,
    outer=1, inner=2, sign=-1.0, two=2.0, variance=True, at_start=False, plain=False, mean=True,
):  # fmt: skip
    """The step from matrices: powers of I − αA in the gradient and in the metric."""
    eye = torch.eye(len(theta), dtype=theta.dtype)
    factor = eye - alpha * curvature
    ends = theta.expand_as(centre) if at_start else _adapted_means(theta, curvature, centre, alpha)
    each = torch.linalg.matrix_power(factor, outer) @ curvature @ (ends - centre)[..., None]
    metric = torch.linalg.matrix_power(factor, inner) / (sigma**2 if variance else 1.0)
    reduce = torch.mean if mean else torch.sum
    g, h = reduce(each, 0)[:, 0], reduce(metric, 0)
    x = g if plain else torch.linalg.solve(h, g)
    return sign * torch.sqrt(two * delta / (x @ h @ x)) * x


check_trust_region_step = function_check(
    "trust_region_step",
    _step_by_differentiation,
    _bowl_cases,
    Wrong(
        "fisher_at_theta",
        "Your trust region measures how far theta moves. Whose divergence does (3) limit, and how far do these "
        "policies move when theta does?",
        lambda *a: _region(*a, inner=0),
    ),
    Wrong(
        "jacobian_once",
        "The Jacobian of the inner step occurs once in your metric. A quadratic form has a left and a right side.",
        lambda *a: _region(*a, inner=1),
    ),
    Wrong(
        "first_order",
        "The metric is right; the gradient is that at the adapted parameters, without the way back to theta.",
        lambda *a: _region(*a, outer=0),
    ),
    Wrong(
        "not_adapted",
        "Your gradient looks at the loss at theta. Which policies does the outer loss judge?",
        lambda *a: _region(*a, at_start=True, outer=0),
    ),
    Wrong(
        "uphill",
        "The length is right and the direction goes up the loss. What is minimised here?",
        lambda *a: _region(*a, sign=1.0),
    ),
    Wrong(
        "half_forgotten",
        "Your step reaches half of the divergence that is allowed. In the expansion of a divergence the quadratic term "
        "has a factor.",
        lambda *a: _region(*a, two=1.0),
    ),
    Wrong(
        "no_spread",
        "The same move of the mean is a large change for a narrow policy. Where is sigma?",
        lambda *a: _region(*a, variance=False),
    ),
    Wrong(
        "plain_gradient",
        "The length fits the trust region, but the direction is the plain gradient. Which direction lowers the loss "
        "most for a given divergence?",
        lambda *a: _region(*a, plain=True),
    ),
    Wrong(
        "sum_over_tasks",
        "With sums in the place of means the constraint limits the *sum* of the divergences: your steps get shorter "
        "with every task.",
        lambda *a: _region(*a, mean=False),
    ),
    atol=1e-9,
)
