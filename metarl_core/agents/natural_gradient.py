"""The natural policy gradient (Kakade 2001): the policy gradient turned by the inverse of the Fisher matrix.

Vectors here are dictionaries of tensors `[learner, ...]`, like parameters.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from metarl_core.agents.actor_critic import Batch
from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.returns import masked_mean
from metarl_core.arguments import check_at_least, check_callable, check_count, check_filled, check_type
from metarl_core.parameters import Parameters, leaf_parameters
from metarl_core.tasks.family import append_axes


def dot(first: Parameters, second: Parameters) -> Tensor:
    """Inner product of each learner's vectors, `[learner]`."""
    products = [(first[name] * second[name]).flatten(1).sum(1) for name in first]
    return sum(products[1:], products[0])


def combine(first: Parameters, factor: Tensor | float, second: Parameters) -> Parameters:
    """first + factor · second, with one factor for all learners or one each, `[learner]`."""
    if isinstance(factor, Tensor):
        return {name: value + append_axes(factor, value) * second[name] for name, value in first.items()}
    return {name: value + factor * second[name] for name, value in first.items()}


def conjugate_gradient(product: Callable[[Parameters], Parameters], target: Parameters, iterations: int) -> Parameters:
    """Solve F x = target for each learner from products F v alone (Hestenes and Stiefel 1952).

    Args:
        product: v ↦ F v, with F symmetric and positive definite.
        target: `[learner, ...]`.
        iterations: at most this many products; a learner stops once its residual is rounding error.

    Returns:
        x, `[learner, ...]`.

    Raises:
        ValueError: for fewer than 1 product, or no target.
    """
    check_callable("product", product, "vectors")
    check_filled("target", target)
    check_count("iterations", iterations)
    solution = {name: torch.zeros_like(value) for name, value in target.items()}
    residual, direction, square = target, target, dot(target, target)
    smallest = square * torch.finfo(square.dtype).eps ** 2
    for _ in range(iterations):
        going = square > smallest
        if not bool(going.any()):
            break
        image = product(direction)
        step = torch.where(going, square / dot(direction, image), 0.0)
        solution = combine(solution, step, direction)
        residual = combine(residual, -step, image)
        new_square = dot(residual, residual)
        direction = combine(residual, torch.where(going, new_square / square, 0.0), direction)
        square = new_square
    return solution


def mean_kl(
    policy: DifferentiablePolicy, parameters: Parameters, observations: Tensor, mask: Tensor, reference: Distribution
) -> Tensor:
    """E_s[KL(reference(· | s) ‖ π_θ(· | s))] of each learner, `[learner]`."""
    return masked_mean(kl_divergence(reference, policy.distribution(parameters, observations)), mask)


def fisher_product(
    policy: DifferentiablePolicy, parameters: Parameters, observations: Tensor, mask: Tensor
) -> Callable[[Parameters], Parameters]:
    """The map v ↦ F v, with F the Hessian of the mean KL divergence at θ.

    F is the Fisher matrix E_s E_a[∇log π(a | s) ∇log π(a | s)ᵀ], block by block for each learner; it is never formed.
    """
    check_filled("parameters", parameters)
    leaves = leaf_parameters(parameters)
    with torch.no_grad():
        reference = policy.distribution(parameters, observations)
    divergence = mean_kl(policy, leaves, observations, mask, reference).sum()
    slope = _gradient(divergence, leaves, create_graph=True)

    def product(vector: Parameters) -> Parameters:
        along = dot(slope, vector).sum()
        return _gradient(along, leaves, retain_graph=True)

    return product


def surrogate(policy: DifferentiablePolicy, parameters: Parameters, batch: Batch) -> Tensor:
    """E[π_θ / π_old · A] of each learner, `[learner]`: what a trust-region step increases (eq. 14)."""
    check_type("batch", batch, Batch)
    log_probability = policy.log_probability(parameters, batch.observations, batch.actions)
    return masked_mean((log_probability - batch.log_probabilities).exp() * batch.advantages, batch.mask)


def natural_gradient(
    policy: DifferentiablePolicy, parameters: Parameters, batch: Batch, iterations: int, damping: float
) -> tuple[Parameters, Parameters, Tensor]:
    """The policy gradient turned by the inverse Fisher matrix (Kakade 2001).

    Args:
        iterations, damping: of the conjugate gradient; damping is added to F's diagonal.

    Returns:
        Gradient g of the surrogate, the direction x = (F + damping)⁻¹ g, and xᵀ(F + damping) x `[learner]`.

    Raises:
        ValueError: for fewer than 1 iteration or a negative damping.
    """
    check_count("iterations", iterations)
    check_at_least("damping", damping, 0)
    check_filled("parameters", parameters)
    leaves = leaf_parameters(parameters)
    gradient = _gradient(surrogate(policy, leaves, batch).sum(), leaves)
    fisher = fisher_product(policy, parameters, batch.observations, batch.mask)

    def damped(vector: Parameters) -> Parameters:
        return combine(fisher(vector), damping, vector)

    direction = conjugate_gradient(damped, gradient, iterations)
    return gradient, direction, dot(direction, damped(direction))


def _gradient(value: Tensor, leaves: Parameters, **options: Any) -> Parameters:
    return dict(zip(leaves, torch.autograd.grad(value, list(leaves.values()), **options), strict=True))
