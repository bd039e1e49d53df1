"""A policy with a learned value function, and the batches that both learn from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.draws import Generators, draw_permutations
from metarl_core.agents.gae import gae
from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.returns import masked_mean
from metarl_core.arguments import (
    check_at_least,
    check_between,
    check_count,
    check_flags,
    check_methods,
    check_parameters_of,
    check_positive,
    check_step_size,
    check_type,
    check_whole,
    check_widths,
)
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.parameters import Parameters, copy_parameters
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import check_optimiser


@dataclass(frozen=True)
class Batch:
    """Steps of trajectories in one row per learner, `[learner, sample, ...]`; `mask` is false on padding."""

    observations: Tensor
    actions: Tensor
    log_probabilities: Tensor
    """of the actions when they were drawn"""
    advantages: Tensor
    returns: Tensor
    """targets of the value function, the λ-returns: advantage + V(s)"""
    mask: Tensor

    def select(self, index: Tensor | slice) -> "Batch":
        """The samples at `index`, the same for every learner, or at `[learner, sample]` those of each."""
        values = (getattr(self, field.name) for field in fields(self))
        if isinstance(index, Tensor) and index.ndim == 2:
            learner = torch.arange(len(index), device=index.device)[:, None]
            return Batch(*(value[learner, index] for value in values))
        return Batch(*(value[:, index] for value in values))

    def minibatches(self, number: int, generator: Generators) -> Iterator["Batch"]:
        """The samples in a new random order, in at most `number` equal parts.

        With one generator the order is the same for every learner, with one for each it is each learner's own.

        Raises:
            ValueError: for a number below 1.
        """
        check_count("number", number)
        learners, samples = self.mask.shape
        size = -(-samples // number)
        shuffled = self
        if size < samples:
            shuffled = self.select(draw_permutations(samples, learners, generator).to(self.mask.device))
        for start in range(0, samples, size):
            yield shuffled.select(slice(start, start + size))

    def with_normalised_advantages(self) -> "Batch":
        """Advantages minus their mean, divided by their standard deviation (not the variance), per learner."""
        mean = masked_mean(self.advantages, self.mask)[:, None]
        centred = (self.advantages - mean) * self.mask
        std = masked_mean(centred.square(), self.mask).sqrt()[:, None]
        return replace(self, advantages=centred / (std + 1e-8))


class ActorCritic:
    """A policy and a value function with separate networks and one dictionary of parameters.

    Names of the policy's parameters begin with "policy.", those of the value network with "value.".

    Args:
        policy: `GaussianPolicy` or `CategoricalPolicy`.
        hidden: widths of the value network's hidden layers.
        activation: between its layers.
        generator: draws its initial weights.

    Raises:
        ValueError: for a policy that no gradient can be taken of, or a width below 1.
    """

    def __init__(
        self,
        policy: DifferentiablePolicy,
        hidden: Sequence[int] = (64, 64),
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        generator: torch.Generator | None = None,
    ):
        check_methods("policy", policy, "observation_space", "named_parameters", "distribution", "log_probability")
        check_widths("hidden", hidden)
        self.policy, self.activation = policy, activation
        self.value_network = MLP((observation_size(policy.observation_space), *hidden, 1), activation, generator)

    def initial_parameters(self) -> Parameters:
        """Detached copies of both networks' parameters."""
        return copy_parameters(self._named())

    def _named(self) -> Parameters:
        named: Parameters = {f"policy.{name}": value for name, value in self.policy.named_parameters()}
        return named | {f"value.{name}": value for name, value in self.value_network.named_parameters()}

    def check_parameters(self, parameters: Parameters) -> None:
        """Raise ValueError unless `parameters` have the names and shapes that `initial_parameters` gives.

        Leading axes may come before a shape.
        """
        check_parameters_of(self._named(), parameters)

    @staticmethod
    def policy_part(parameters: Parameters) -> Parameters:
        """The policy's own parameters, under the names that the policy knows."""
        return {name[7:]: value for name, value in parameters.items() if name.startswith("policy.")}

    def value(self, parameters: Parameters, observations: Tensor) -> Tensor:
        """V(s) `[...]` for observations `[..., obs]`."""
        own = {name[6:]: value for name, value in parameters.items() if name.startswith("value.")}
        return mlp(own, encode_observation(observations, self.policy.observation_space), self.activation)[..., 0]

    def batch(self, parameters: Parameters, trajectories: Trajectories, discount: float, gae_lambda: float) -> Batch:
        """Advantages (see `gae`) and value targets of trajectories `[learner, env, time]`, flattened to samples."""
        with torch.no_grad():
            values = self.value(parameters, trajectories.observations)
            final = self.value(parameters, trajectories.final_observations)
        advantages = gae(
            trajectories.rewards, values, final, trajectories.terminated, trajectories.truncated, discount, gae_lambda
        )
        return Batch(
            trajectories.observations.flatten(1, 2),
            trajectories.actions.flatten(1, 2),
            trajectories.log_probabilities.flatten(1, 2),
            advantages.flatten(1, 2),
            (advantages + values).flatten(1, 2),
            trajectories.mask.flatten(1, 2),
        )


def check_update_rule(agent: Any, parameters: Any, config: Any, kind: type) -> None:
    """Raise ValueError unless a rule with settings of this kind can improve these parameters of this agent."""
    check_type("agent", agent, ActorCritic)
    check_type("config", config, kind)
    agent.check_parameters(parameters)


def check_actor_critic_settings(config: Any) -> None:
    """Raise ValueError unless what `PPOConfig`, `A2CConfig` and `TRPOConfig` have in common is in range."""
    check_whole(config, "iterations", least=0)
    check_flags(config)
    for name in ("discount", "gae_lambda"):
        check_between(name, getattr(config, name))
    for name in ("lr", "value_lr"):
        if hasattr(config, name):
            check_step_size(name, getattr(config, name))
    if hasattr(config, "max_grad_norm"):
        check_positive("max_grad_norm", config.max_grad_norm)
    for name in ("value_coef", "entropy_coef"):
        if hasattr(config, name):
            check_at_least(name, getattr(config, name), 0)
    check_optimiser(config.optimiser)
