"""The natural policy gradient (Kakade 2001) and trust-region policy optimisation (Schulman et al. 2015)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from metarl_core.agents.actor_critic import ActorCritic, Batch
from metarl_core.agents.returns import masked_mean
from metarl_core.agents.training import Callback, train_policy
from metarl_core.parameters import Parameters, trainable_copy
from metarl_core.tasks.family import append_axes
from metarl_core.tasks.rollout import Trajectories

# Vectors here are dictionaries of tensors [learner, ...], like parameters.


@dataclass
class TRPOConfig:
    """Settings of `train_trpo`; defaults of the paper where it names them."""

    iterations: int = 200
    """batches of experience, each used for one step of the policy"""
    max_kl: float = 0.01
    """δ, the size of the trust region (mean KL divergence per update)"""
    discount: float = 0.99
    gae_lambda: float = 0.95
    cg_iterations: int = 10
    cg_damping: float = 0.1
    """added to the Fisher matrix's diagonal; in the released code"""
    backtracks: int = 10
    """halvings of the step in the line search"""
    value_lr: float = 1e-3
    """of Adam, which fits the value function to the λ-returns by least squares after the policy's step"""
    value_epochs: int = 10
    value_minibatches: int = 16


def dot(first: Parameters, second: Parameters) -> Tensor:
    """Inner product of each learner's vectors, `[learner]`."""
    return sum((first[name] * second[name]).flatten(1).sum(1) for name in first)


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
    """
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


def mean_kl(policy, parameters: Parameters, observations: Tensor, mask: Tensor, reference) -> Tensor:
    """E_s[KL(reference(· | s) ‖ π_θ(· | s))] of each learner, `[learner]`."""
    return masked_mean(kl_divergence(reference, policy.distribution(parameters, observations)), mask)


def fisher_product(
    policy, parameters: Parameters, observations: Tensor, mask: Tensor
) -> Callable[[Parameters], Parameters]:
    """The map v ↦ F v, with F the Hessian of the mean KL divergence at θ.

    F is the Fisher matrix E_s E_a[∇log π(a | s) ∇log π(a | s)ᵀ], block by block for each learner; it is never formed.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    with torch.no_grad():
        reference = policy.distribution(parameters, observations)
    divergence = mean_kl(policy, leaves, observations, mask, reference).sum()
    slope = _gradient(divergence, leaves, create_graph=True)

    def product(vector: Parameters) -> Parameters:
        along = dot(slope, vector).sum()
        return _gradient(along, leaves, retain_graph=True)

    return product


def surrogate(policy, parameters: Parameters, batch: Batch) -> Tensor:
    """E[π_θ / π_old · A] of each learner, `[learner]`: what a trust-region step increases (eq. 14)."""
    log_probability = policy.log_probability(parameters, batch.observations, batch.actions)
    return masked_mean((log_probability - batch.log_probabilities).exp() * batch.advantages, batch.mask)


def natural_gradient(policy, parameters: Parameters, batch: Batch, iterations: int, damping: float):
    """The policy gradient turned by the inverse Fisher matrix (Kakade 2001).

    Args:
        iterations, damping: of the conjugate gradient; damping is added to F's diagonal.

    Returns:
        Gradient g of the surrogate, the direction x = (F + damping)⁻¹ g, and xᵀ(F + damping) x `[learner]`.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    gradient = _gradient(surrogate(policy, leaves, batch).sum(), leaves)
    fisher = fisher_product(policy, parameters, batch.observations, batch.mask)

    def damped(vector: Parameters) -> Parameters:
        return combine(fisher(vector), damping, vector)

    direction = conjugate_gradient(damped, gradient, iterations)
    return gradient, direction, dot(direction, damped(direction))


def _gradient(value: Tensor, leaves: Parameters, **options) -> Parameters:
    return dict(zip(leaves, torch.autograd.grad(value, list(leaves.values()), **options), strict=True))


@torch.no_grad()
def line_search(
    policy, parameters: Parameters, step: Parameters, batch: Batch, max_kl: float, backtracks: int
) -> tuple[Parameters, Tensor]:
    """The longest of step, step/2, step/4, … that improves the surrogate and stays within `max_kl`.

    Each learner searches for itself; one that finds none keeps its parameters.

    Args:
        step: vectors to add, `[learner, ...]`.
        backtracks: number of lengths tried, at least 1.

    Returns:
        New parameters, and the mean KL divergence of the step taken, `[learner]`.
    """
    reference = policy.distribution(parameters, batch.observations)
    before = surrogate(policy, parameters, batch)
    fraction, found, best, best_kl = torch.ones_like(before), before != before, parameters, torch.zeros_like(before)
    for _ in range(backtracks):
        candidate = combine(parameters, fraction, step)
        kl = mean_kl(policy, candidate, batch.observations, batch.mask, reference)
        fits = (surrogate(policy, candidate, batch) > before) & (kl <= max_kl) & ~found
        # Chosen, not scaled by zero: a step that is not a number must not reach the parameters.
        best = {name: torch.where(append_axes(fits, value), candidate[name], value) for name, value in best.items()}
        best_kl, found = torch.where(fits, kl, best_kl), found | fits
        if bool(found.all()):
            break
        fraction = fraction / 2
    return best, best_kl


class TRPO:
    """The update rule: the natural gradient, scaled to the trust region, with a line search.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.

    Attributes:
        last_kl: mean KL divergence of the last update, `[learner]`; 0 where the line search found no step.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: TRPOConfig):
        self.agent, self.parameters, self.config = agent, parameters, config
        self.value_parameters = [value for name, value in parameters.items() if name.startswith("value.")]
        self.optimiser = torch.optim.Adam(self.value_parameters, lr=config.value_lr, fused=True)
        self.last_kl = torch.zeros(len(self.value_parameters[0]))

    def update(self, trajectories: Trajectories, generator: torch.Generator) -> None:
        """Improve the parameters by one batch of trajectories; the generator draws the value function's minibatches."""
        config, agent = self.config, self.agent
        batch = agent.batch(self.parameters, trajectories, config.discount, config.gae_lambda)
        whole = batch.with_normalised_advantages()
        own = {name: value.detach() for name, value in agent.policy_part(self.parameters).items()}
        _, direction, curvature = natural_gradient(agent.policy, own, whole, config.cg_iterations, config.cg_damping)
        # The quadratic model of the divergence, ½ xᵀFx, reaches δ at this length.
        scale = torch.where(curvature > 0, (2 * config.max_kl / curvature).sqrt(), 0.0)
        step = {name: append_axes(scale, value) * value for name, value in direction.items()}
        improved, self.last_kl = line_search(agent.policy, own, step, whole, config.max_kl, config.backtracks)
        with torch.no_grad():
            for name, value in improved.items():
                self.parameters[f"policy.{name}"].copy_(value)
        self._fit_value(batch, generator)

    def _fit_value(self, batch: Batch, generator: torch.Generator) -> None:
        for _ in range(self.config.value_epochs):
            for part in batch.minibatches(self.config.value_minibatches, generator):
                error = (self.agent.value(self.parameters, part.observations) - part.returns).square()
                self.optimiser.zero_grad()
                masked_mean(error, part.mask).sum().backward()
                self.optimiser.step()


def train_trpo(
    agent: ActorCritic,
    parameters: Parameters,
    sampler,
    config: TRPOConfig,
    generator: torch.Generator,
    description: str = "TRPO",
    callback: Callback | None = None,
) -> tuple[Parameters, dict[str, list]]:
    """Train one agent per learner by TRPO; arguments and results as those of `train_ppo`."""
    learned = trainable_copy(parameters, sampler.learners)
    rule = TRPO(agent, learned, config)
    return train_policy(agent, learned, sampler, rule.update, config.iterations, generator, description, callback)
