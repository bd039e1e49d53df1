"""Exercise of chapter 06: linear regressions whose directions differ in curvature, with one learned rate or many.

Ten trainings take a second: a task has a handful of weights, and all seeds run side by side, `[seed, ...]`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from metarl_core.parameters import Parameters

POINTS, NOISE = 10, 0.5
"""support points of a task, and the standard deviation of their labels' noise"""
ITERATIONS, META_BATCH, LR = 400, 64, 0.03
"""Adam's step size falls to 0."""


def sample_tasks(curvatures: Sequence[float], n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Weights w ~ N(0, I) `[task, d]`; support inputs x `[task, 10, d]`, independent and normal with variances λ; and
    labels y = xᵀw + noise `[task, 10]`.

    Args:
        curvatures: λ `[d]`, the eigenvalues of the Hessian of a task's expected loss.
    """
    scale = torch.tensor([float(one) for one in curvatures]).sqrt()
    weights = torch.randn((n, len(scale)), generator=generator)
    inputs = scale * torch.randn((n, POINTS, len(scale)), generator=generator)
    noise = NOISE * torch.randn((n, POINTS), generator=generator)
    return weights, inputs, (inputs @ weights[:, :, None])[..., 0] + noise


def learn(
    curvatures: Sequence[float], seeds: list[int], rate_for_each: bool, iterations: int = ITERATIONS
) -> Parameters:
    """Meta-SGD: a start `theta` `[seed, d]`, and `rates` `[seed, d]`, or `[seed, 1]` with one for all directions.

    Args:
        curvatures: λ `[d]`.
        seeds: each with tasks of its own, the same whatever the other seeds are, and for both kinds.
        rate_for_each: whether each direction has a rate of its own.
        iterations: after which it stops.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    theta = torch.stack([0.1 * torch.randn(len(curvatures), generator=g) for g in generators]).requires_grad_()
    rates = torch.full((len(seeds), len(curvatures) if rate_for_each else 1), 0.1).requires_grad_()
    adam = torch.optim.Adam([theta, rates], lr=LR)
    for iteration in range(iterations):
        adam.param_groups[0]["lr"] = LR * (1 - iteration / ITERATIONS)
        tasks = [sample_tasks(curvatures, META_BATCH, g) for g in generators]
        weights, inputs, labels = (torch.stack(part) for part in zip(*tasks, strict=True))
        adam.zero_grad()
        _query_losses(theta, rates, curvatures, weights, inputs, labels).mean(1).sum().backward()
        adam.step()
    return {"theta": theta.detach(), "rates": rates.detach()}


@torch.no_grad()
def losses(parameters: Parameters, curvatures: Sequence[float], tasks: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Expected query loss ½ E (xᵀθ' - y)² after one step on the mean of the support points' ½ (xᵀθ - y)².

    Args:
        parameters: `[seed, ...]`, from `learn`.
        curvatures: λ `[d]`.
        tasks: from `sample_tasks`.

    Returns:
        `[seed, task]`.
    """
    theta, rates = parameters["theta"].float(), parameters["rates"].float()
    return _query_losses(theta, rates, curvatures, *(part.expand(len(theta), *part.shape) for part in tasks))


def _query_losses(
    theta: Tensor, rates: Tensor, curvatures: Sequence[float], weights: Tensor, inputs: Tensor, labels: Tensor
) -> Tensor:
    """`[seed, task]`; the slope is written out, so that only the outer loop asks autograd."""
    residuals = (inputs @ theta[:, None, :, None])[..., 0] - labels
    slopes = (residuals[..., None] * inputs).mean(2)
    off = theta[:, None] - rates[:, None] * slopes - weights
    return 0.5 * (torch.tensor([float(one) for one in curvatures]) * off.square()).sum(-1) + 0.5 * NOISE**2
