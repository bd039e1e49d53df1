"""The natural policy gradient (Kakade 2001) and trust-region policy optimisation (Schulman et al. 2015)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from metarl_core.agents.actor_critic import ActorCritic, Batch, learner_mean
from metarl_core.agents.networks import Parameters

# Vectors here are dictionaries of tensors [learner, ...], like parameters.


@dataclass
class TRPOConfig:
    """Settings of `TRPO`; defaults of the paper where it names them."""

    max_kl: float = 0.01
    """δ, the size of the trust region (mean KL divergence per update)"""
    discount: float = 0.99
    trace: float = 0.95
    cg_iterations: int = 10
    cg_damping: float = 0.1
    """added to the Fisher matrix's diagonal; in the released code"""
    backtracks: int = 10
    """halvings of the step in the line search"""
    value_learning_rate: float = 1e-3
    value_epochs: int = 10
    value_minibatches: int = 16


def dot(first: Parameters, second: Parameters) -> Tensor:
    """Inner product of each learner's vectors, `[learner]`."""
    return sum((first[name] * second[name]).flatten(1).sum(1) for name in first)


def combine(first: Parameters, factor: Tensor | float, second: Parameters) -> Parameters:
    """first + factor · second, with one factor for all learners or one each, `[learner]`."""

    def shaped(value: Tensor):
        return factor.reshape(-1, *[1] * (value.ndim - 1)) if isinstance(factor, Tensor) else factor

    return {name: first[name] + shaped(first[name]) * second[name] for name in first}


def conjugate_gradient(product: Callable[[Parameters], Parameters], target: Parameters, iterations: int) -> Parameters:
    """Solve F x = target for each learner from products F v alone (Hestenes and Stiefel 1952)."""
    solution = {name: torch.zeros_like(value) for name, value in target.items()}
    residual, direction, square = target, target, dot(target, target)
    for _ in range(iterations):
        image = product(direction)
        step = square / dot(direction, image).clamp_min(1e-20)
        solution = combine(solution, step, direction)
        residual = combine(residual, -step, image)
        new_square = dot(residual, residual)
        direction = combine(residual, new_square / square.clamp_min(1e-20), direction)
        square = new_square
    return solution


def mean_kl(policy, parameters: Parameters, observations: Tensor, mask: Tensor, reference) -> Tensor:
    """E_s[KL(reference(· | s) ‖ π_θ(· | s))] of each learner, `[learner]`."""
    return learner_mean(kl_divergence(reference, policy.distribution(parameters, observations)), mask)


def fisher_product(policy, parameters: Parameters, observations: Tensor, mask: Tensor) -> Callable[[Parameters], Parameters]:
    """The map v ↦ F v, with F the Hessian of the mean KL divergence at θ, which is the mean Fisher matrix."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    with torch.no_grad():
        reference = policy.distribution(parameters, observations)
    divergence = mean_kl(policy, leaves, observations, mask, reference).sum()
    slope = dict(zip(leaves, torch.autograd.grad(divergence, list(leaves.values()), create_graph=True)))

    def product(vector: Parameters) -> Parameters:
        along = dot(slope, vector).sum()
        return dict(zip(leaves, torch.autograd.grad(along, list(leaves.values()), retain_graph=True)))

    return product


def surrogate(policy, parameters: Parameters, batch: Batch) -> Tensor:
    """E[π_θ / π_old · A] of each learner, `[learner]`: what a trust-region step increases (eq. 14)."""
    log_probability = policy.log_probability(parameters, batch.observations, batch.actions)
    return learner_mean((log_probability - batch.log_probabilities).exp() * batch.advantages, batch.mask)


def natural_gradient(policy, parameters: Parameters, batch: Batch, iterations: int, damping: float):
    """Gradient g of the surrogate, the direction x = (F + damping)⁻¹ g, and xᵀ(F + damping) x `[learner]`."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    gradient = dict(zip(leaves, torch.autograd.grad(surrogate(policy, leaves, batch).sum(), list(leaves.values()))))
    fisher = fisher_product(policy, parameters, batch.observations, batch.mask)

    def damped(vector: Parameters) -> Parameters:
        return combine(fisher(vector), damping, vector)

    direction = conjugate_gradient(damped, gradient, iterations)
    return gradient, direction, dot(direction, damped(direction))


@torch.no_grad()
def line_search(policy, parameters: Parameters, step: Parameters, batch: Batch, max_kl: float, backtracks: int):
    """The longest of step, step/2, step/4, … that improves the surrogate and stays within `max_kl`.

    Each learner searches for itself; one that finds none keeps its parameters.

    Returns:
        New parameters, and the mean KL divergence of the step taken, `[learner]`.
    """
    reference = policy.distribution(parameters, batch.observations)
    before = surrogate(policy, parameters, batch)
    fraction = torch.ones_like(before)
    for _ in range(backtracks):
        candidate = combine(parameters, fraction, step)
        kl = mean_kl(policy, candidate, batch.observations, batch.mask, reference)
        good = (surrogate(policy, candidate, batch) > before) & (kl <= max_kl)
        if bool(good.all()):
            return candidate, kl
        fraction = torch.where(good, fraction, fraction / 2)
    fraction = torch.where(good, fraction, 0.0)
    return combine(parameters, fraction, step), torch.where(good, kl, 0.0)


class TRPO:
    """The update rule: the natural gradient, scaled to the trust region, with a line search.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`; updated in place by `update`.
        config: settings.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: TRPOConfig):
        self.agent, self.parameters, self.config = agent, parameters, config
        self.value_parameters = [value for name, value in parameters.items() if name.startswith("value.")]
        self.optimiser = torch.optim.Adam(self.value_parameters, lr=config.value_learning_rate, fused=True)
        self.last_kl = torch.tensor(0.0)

    def update(self, trajectories, generator: torch.Generator) -> None:
        """Improve the parameters by one batch of trajectories; `last_kl` `[learner]` tells how far it went."""
        config, agent = self.config, self.agent
        batch = agent.batch(self.parameters, trajectories, config.discount, config.trace)
        whole = batch.with_normalised_advantages()
        own = {name: value.detach() for name, value in agent.policy_part(self.parameters).items()}
        _, direction, curvature = natural_gradient(
            agent.policy, own, whole, config.cg_iterations, config.cg_damping
        )
        scale = (2 * config.max_kl / curvature.clamp_min(1e-20)).sqrt()
        step = combine({name: torch.zeros_like(value) for name, value in direction.items()}, scale, direction)
        improved, self.last_kl = line_search(agent.policy, own, step, whole, config.max_kl, config.backtracks)
        with torch.no_grad():
            for name, value in improved.items():
                self.parameters[f"policy.{name}"].copy_(value)
        self._fit_value(batch, generator)

    def _fit_value(self, batch: Batch, generator: torch.Generator) -> None:
        samples = batch.mask.shape[1]
        size = -(-samples // self.config.value_minibatches)
        for _ in range(self.config.value_epochs):
            for index in torch.randperm(samples, generator=generator).split(size):
                part = batch.select(index)
                error = (self.agent.value(self.parameters, part.observations) - part.returns).square()
                self.optimiser.zero_grad()
                learner_mean(error, part.mask).sum().backward()
                self.optimiser.step()
