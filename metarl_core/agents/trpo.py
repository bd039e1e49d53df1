"""Trust-region policy optimisation (Schulman et al. 2015)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic, Batch, check_actor_critic_settings, check_update_rule
from metarl_core.agents.diagnostics import explained_variance
from metarl_core.agents.draws import Generators
from metarl_core.agents.natural_gradient import combine, mean_kl, natural_gradient, surrogate
from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.returns import masked_mean
from metarl_core.agents.samplers import Sampler
from metarl_core.agents.training import learners_copy, train_policy
from metarl_core.arguments import (
    check_at_least,
    check_count,
    check_filled,
    check_positive,
    check_shape,
    check_type,
    check_whole,
    in_words,
)
from metarl_core.parameters import Parameters, detach_parameters
from metarl_core.tasks.family import append_axes
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import Callback, History, OptimiserFactory, adam, make_optimiser


@dataclass(frozen=True, kw_only=True)
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
    optimiser: OptimiserFactory = adam
    """of the value function, called as `optimiser(tensors, lr=value_lr)`"""

    def __post_init__(self) -> None:
        check_actor_critic_settings(self)
        check_positive("max_kl", self.max_kl)
        check_at_least("cg_damping", self.cg_damping, 0)
        check_whole(self, "cg_iterations", "backtracks", "value_epochs", "value_minibatches")


def trust_region_step(direction: Parameters, curvature: Tensor, max_kl: float) -> Parameters:
    """The longest step along `direction` whose predicted divergence ½ xᵀFx is at most δ.

    Args:
        direction: x, `[learner, ...]`.
        curvature: xᵀFx, `[learner]`; where it is not above 0 the step is zero.
        max_kl: δ.

    Raises:
        ValueError: for δ not above 0, or another number of learners.
    """
    check_positive("max_kl", max_kl)
    check_filled("direction", direction)
    check_shape("curvature", curvature, len(next(iter(direction.values()))))
    scale = torch.where(curvature > 0, (2 * max_kl / curvature).sqrt(), 0.0)
    return {name: append_axes(scale, value) * value for name, value in direction.items()}


def backtrack(
    gain_and_kl: Callable[[Parameters], tuple[Tensor, Tensor]],
    parameters: Parameters,
    step: Parameters,
    before: Tensor,
    max_kl: float,
    backtracks: int,
) -> tuple[Parameters, Tensor, Tensor]:
    """The longest of step, step/2, step/4, … that gains something and stays within `max_kl`.

    Each learner searches for itself; one that finds none keeps its parameters.

    Args:
        gain_and_kl: from parameters `[learner, ...]` to what is to increase and the mean divergence, `[learner]`.
        step: vectors to add, `[learner, ...]`.
        before: what is to increase, without a step, `[learner]`.
        backtracks: number of lengths tried, at least 1.

    Returns:
        New parameters, the mean divergence of the step taken `[learner]`, and whether one was found `[learner]`.
    """
    check_positive("max_kl", max_kl)
    check_count("backtracks", backtracks)
    fraction, best, best_kl = torch.ones_like(before), parameters, torch.zeros_like(before)
    found = torch.zeros_like(before, dtype=torch.bool)
    for _ in range(backtracks):
        candidate = combine(parameters, fraction, step)
        gain, kl = gain_and_kl(candidate)
        fits = (gain > before) & (kl <= max_kl) & ~found
        # Chosen, not scaled by zero: a step that is not a number must not reach the parameters.
        best = {name: torch.where(append_axes(fits, value), candidate[name], value) for name, value in best.items()}
        best_kl = torch.where(fits, kl, best_kl)
        found = found | fits
        if bool(found.all()):
            break
        fraction = fraction / 2
    return best, best_kl, found


@torch.no_grad()
def line_search(
    policy: DifferentiablePolicy, parameters: Parameters, step: Parameters, batch: Batch, max_kl: float, backtracks: int
) -> tuple[Parameters, Tensor]:
    """The step of `backtrack` that improves the surrogate on a batch; arguments and results as there."""
    check_type("batch", batch, Batch)
    reference = policy.distribution(parameters, batch.observations)

    def gain_and_kl(candidate: Parameters) -> tuple[Tensor, Tensor]:
        kl = mean_kl(policy, candidate, batch.observations, batch.mask, reference)
        return surrogate(policy, candidate, batch), kl

    before = surrogate(policy, parameters, batch)
    return backtrack(gain_and_kl, parameters, step, before, max_kl, backtracks)[:2]


class TRPO:
    """The update rule: the natural gradient, scaled to the trust region, with a line search.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: TRPOConfig):
        check_update_rule(agent, parameters, config, TRPOConfig)
        self.agent, self.parameters, self.config = agent, parameters, config
        value_parameters = [value for name, value in parameters.items() if name.startswith("value.")]
        self.optimiser = make_optimiser(config.optimiser, value_parameters, config.value_lr)

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        """Improve the parameters by one batch of trajectories; the generator draws the value function's minibatches.

        Returns:
            Diagnostics `[learner]`: `approx_kl` (the exact mean divergence of the step taken), `accepted` (1 where the
            line search found a step, else 0), `entropy` of the policy before, and `explained_variance`.
        """
        config, policy = self.config, self.agent.policy
        batch = self.agent.batch(self.parameters, trajectories, config.discount, config.gae_lambda)
        whole = batch.with_normalised_advantages()
        own = detach_parameters(self.agent.policy_part(self.parameters))
        _, direction, curvature = natural_gradient(policy, own, whole, config.cg_iterations, config.cg_damping)
        step = trust_region_step(direction, curvature, config.max_kl)
        improved, kl = line_search(policy, own, step, whole, config.max_kl, config.backtracks)
        with torch.no_grad():
            entropy = masked_mean(policy.distribution(own, batch.observations).entropy(), batch.mask)
            for name, value in improved.items():
                self.parameters[f"policy.{name}"].copy_(value)
        self._fit_value(batch, generator)
        return {
            "approx_kl": kl,
            "accepted": (kl > 0).to(kl.dtype),
            "entropy": entropy,
            "explained_variance": explained_variance(batch),
        }

    def _fit_value(self, batch: Batch, generator: Generators) -> None:
        for _ in range(self.config.value_epochs):
            for part in batch.minibatches(self.config.value_minibatches, generator):
                error = (self.agent.value(self.parameters, part.observations) - part.returns).square()
                self.optimiser.zero_grad()
                masked_mean(error, part.mask).sum().backward()
                self.optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        return {"optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.optimiser.load_state_dict(state_dict["optimiser"])


def train_trpo(
    agent: ActorCritic,
    parameters: Parameters,
    sampler: Sampler,
    config: TRPOConfig,
    generator: Generators,
    *,
    description: str | None = "TRPO",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Train one agent per learner by TRPO; arguments, results and errors as those of `train_ppo`."""
    rule = TRPO(agent, learners_copy(parameters, sampler), config)
    return train_policy(
        rule,
        sampler,
        config.iterations,
        generator,
        description=description,
        callback=callback,
        checkpoint=checkpoint,
        settings=f"{in_words(agent.policy)}, {in_words(config)}",
    )
