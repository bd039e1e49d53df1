"""The check of the exercise `trust_region_step`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _draw_case(draw):
    """1 to 4 tasks, once 60, in 1 to 7 dimensions, curvatures from 0.2 to about 5, step sizes from 0 to 0.8.

    Now and then theta is a millionth away from the centres, where slopes are tiny; or an inner step lands almost at its
    centre along one direction, in which theta may go far.
    """
    tasks = draw.integer(1, 4)
    size = draw.choice(1, 2, 3, draw.integer(1, 5), draw.integer(6, 7)) if draw.size > 0.2 else draw.integer(1, 3)
    tasks = draw.once(17, 60, tasks)
    root = draw.normal(tasks, size, size)
    curvature = root @ root.mT / size + draw.uniform(0.2, 1.0) * torch.eye(size, dtype=torch.float64)
    curvature = 0.5 * (curvature + curvature.mT)
    centre = 2 * draw.normal(tasks, size)
    theta = draw.normal(size) + draw.choice(0.0, 3.0)
    alpha = draw.choice(0.0, *(draw.uniform(0.05, 0.8) for _ in range(5)))
    sigma = draw.choice(1.0, draw.uniform(0.2, 2.0), draw.uniform(0.2, 2.0), draw.uniform(0.03, 0.1))
    delta = draw.uniform(0.001, 0.2)
    if near := draw.chance(0.15):
        theta, centre = 2.0**-20 * theta, 2.0**-20 * centre
    if lands := size > 1 and draw.chance(0.25):
        alpha, (values, axes) = 0.5, torch.linalg.eigh(curvature[:1])
        values[:, -1] = (1 - 2.0**-8) / alpha
        curvature, centre = (axes * values[:, None]) @ axes.mT, centre[:1]
        curvature = 0.5 * (curvature + curvature.mT)
        tasks = 1
    return case(theta, curvature, centre, alpha, sigma, delta).noting(
        {
            "there is one task": tasks == 1,
            "there is one dimension": size == 1,
            "there are more than two dimensions": size > 2,
            "there are more than five dimensions": size > 5,
            "theta is a millionth away from the centres": near,
            "an inner step lands almost at its centre along one direction": lands,
            "sigma is below 0.2": sigma < 0.2,
            "alpha is 0": alpha == 0.0,
            "sigma is 1": sigma == 1.0,
        }
    )


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

    point = theta.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(point), point)
    # Not `torch.func.hessian`: its first call imports a compiler, which takes longer than the whole check.
    (slope,) = torch.autograd.grad(divergence(point), point, create_graph=True)
    h = torch.stack([torch.autograd.grad(part, point, retain_graph=True)[0] for part in slope])
    x = torch.linalg.solve(h, g)
    return -torch.sqrt(2 * delta / (x @ h @ x)) * x


def _region(
    theta, curvature, centre, alpha, sigma, delta,
    outer=1, inner=2, sign=-1.0, two=2.0, spread=2, at_start=False, plain=False, mean=True, other=None, scaled=True,
):  # fmt: skip
    """The step from matrices: powers of I − αA in the gradient and in the metric."""
    eye = torch.eye(len(theta), dtype=theta.dtype)
    factor = eye - alpha * curvature
    ends = theta.expand_as(centre) if at_start else _adapted_means(theta, curvature, centre, alpha)
    each = torch.linalg.matrix_power(factor, outer) @ curvature @ (ends - centre)[..., None]
    metric = torch.linalg.matrix_power(factor, inner) / sigma**spread
    reduce = torch.mean if mean else torch.sum
    g, h = reduce(each, 0)[:, 0], reduce(metric, 0)
    h = h if other is None else other(factor, curvature, sigma)
    x = g if plain else torch.linalg.solve(h, g)
    return sign * (torch.sqrt(two * delta / (x @ h @ x)) if scaled else delta) * x


check_trust_region_step = function_check(
    "trust_region_step",
    _step_by_differentiation,
    _draw_case,
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
        lambda *a: _region(*a, spread=0),
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
    Wrong(
        "sigma_not_squared",
        "The spread enters your metric once. What does a divergence of normal distributions divide by?",
        lambda *a: _region(*a, spread=1),
    ),
    Wrong(
        "mean_before_product",
        "Your metric multiplies mean Jacobians. Of what does (3) take the mean?",
        lambda *a: _region(*a, other=lambda j, c, sigma: j.mean(0) @ j.mean(0) / sigma**2),
    ),
    Wrong(
        "diagonal_only",
        "Only the diagonal of the metric is used. What do the other entries say of two directions?",
        lambda *a: _region(*a, other=lambda j, c, sigma: torch.diag((j @ j).mean(0).diagonal()) / sigma**2),
    ),
    Wrong(
        "curvature_of_the_loss",
        "Your metric is the curvature of the loss. What is it that may change by δ at most?",
        when=lambda got, *a: any(
            difference(got, _region(*a, other=lambda j, c, sigma, p=p: (j @ c @ j).mean(0) / sigma**p), 1e-7, 1e-9)
            is None
            for p in (0, 2)
        ),
    ),
    Wrong(
        "not_scaled",
        "The direction is right, and δ multiplies it. How long must the step be so that the divergence is δ?",
        lambda *a: _region(*a, scaled=False),
    ),
    Wrong(
        "by_autograd",
        "The numbers are right, and automatic differentiation found them. Every matrix is known here: which products "
        "of them are the gradient and the Hessian?",
        fault="method",
    ),
    autograd=False,
    rtol=1e-7,
    atol=1e-9,
)
