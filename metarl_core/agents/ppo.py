"""Proximal policy optimisation (Schulman et al. 2017), for one or many learners at once."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic, Batch, check_actor_critic_settings, check_update_rule
from metarl_core.agents.diagnostics import approximate_kl, explained_variance, mean_of
from metarl_core.agents.draws import Generators
from metarl_core.agents.returns import masked_mean
from metarl_core.agents.samplers import Sampler
from metarl_core.agents.training import AnnealedOptimiser, learners_copy, train_policy
from metarl_core.arguments import check_positive, check_same_shape, check_type, check_whole, in_words
from metarl_core.parameters import Parameters, clip_grad_norm
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import Callback, History, OptimiserFactory, adam, make_optimiser


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """Settings of `train_ppo`; defaults as in the paper's continuous-control experiments (table 3) unless said."""

    iterations: int = 500
    """batches of experience; 1 million steps where a batch is the paper's 2048"""
    lr: float = 3e-4
    optimiser: OptimiserFactory = functools.partial(adam, eps=1e-5)
    """called as `optimiser(tensors, lr=lr)`; the ε of Adam is that of the released code"""
    epochs: int = 10
    """passes over each batch"""
    minibatches: int = 32
    clip: float = 0.2
    """ε of the probability ratio"""
    discount: float = 0.99
    gae_lambda: float = 0.95
    """λ of generalised advantage estimation"""
    value_coef: float = 0.5
    entropy_coef: float = 0.0
    max_grad_norm: float = 0.5
    """not in the paper; in its released code"""
    anneal: bool = True
    """let the learning rate fall linearly to zero over training"""

    def __post_init__(self) -> None:
        check_actor_critic_settings(self)
        check_whole(self, "epochs", "minibatches")
        check_positive("clip", self.clip)


def clipped_surrogate_loss(
    log_probability: Tensor, old_log_probability: Tensor, advantage: Tensor, clip: float
) -> Tensor:
    """−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) with ρ = π_θ / π_old (eq. 7), element by element."""
    check_positive("clip", clip)
    check_same_shape(log_probability=log_probability, old_log_probability=old_log_probability)
    ratio = (log_probability - old_log_probability).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def ppo_loss(agent: ActorCritic, parameters: Parameters, batch: Batch, config: PPOConfig) -> Tensor:
    """Policy, value and entropy loss (eq. 9), averaged over each learner's steps, `[learner]`."""
    check_update_rule(agent, parameters, config, PPOConfig)
    check_type("batch", batch, Batch)
    return _loss_and_log_ratio(agent, parameters, batch, config)[0]


def _loss_and_log_ratio(
    agent: ActorCritic, parameters: Parameters, batch: Batch, config: PPOConfig
) -> tuple[Tensor, Tensor]:
    own = agent.policy_part(parameters)
    log_probability = agent.policy.log_probability(own, batch.observations, batch.actions)
    loss = clipped_surrogate_loss(log_probability, batch.log_probabilities, batch.advantages, config.clip)
    loss = loss + config.value_coef * (agent.value(parameters, batch.observations) - batch.returns).square()
    if config.entropy_coef:  # a second pass through the policy, only where it is wanted
        loss = loss - config.entropy_coef * agent.policy.distribution(own, batch.observations).entropy()
    return masked_mean(loss, batch.mask), log_probability.detach() - batch.log_probabilities


class PPO:
    """The update rule: several epochs of minibatch Adam on the clipped surrogate, advantages normalised per minibatch.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: PPOConfig):
        check_update_rule(agent, parameters, config, PPOConfig)
        self.agent, self.parameters, self.config = agent, parameters, config
        self.optimiser = make_optimiser(config.optimiser, parameters.values(), config.lr)
        self.schedule = AnnealedOptimiser(self.optimiser, config.lr, config.iterations if config.anneal else None)

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        """Improve the parameters by one batch of trajectories.

        With one generator the minibatches are the same steps of every learner; with one for each learner they are
        drawn for each by itself.

        Returns:
            Diagnostics `[learner]`: `explained_variance` of the value function before the update, and from the last
            epoch the means over its minibatches of `loss`, `approx_kl`, `clip_fraction` (the share of probability
            ratios beyond the clip) and `grad_norm`, and `entropy` on its last minibatch.
        """
        config = self.config
        batch = self.agent.batch(self.parameters, trajectories, config.discount, config.gae_lambda)
        for _ in range(config.epochs):
            last_epoch: list[dict[str, Tensor]] = []
            for part in batch.minibatches(config.minibatches, generator):
                self.optimiser.zero_grad()
                loss, log_ratio = _loss_and_log_ratio(
                    self.agent, self.parameters, part.with_normalised_advantages(), config
                )
                loss.sum().backward()
                norm = clip_grad_norm(self.parameters, config.max_grad_norm)
                self.optimiser.step()
                last_epoch.append(self._noted(loss.detach(), log_ratio, norm, part.mask))
        with torch.no_grad():
            entropy = self.agent.policy.distribution(
                self.agent.policy_part(self.parameters), part.observations
            ).entropy()
        self.schedule.next_update()
        return {
            **mean_of(last_epoch),
            "entropy": masked_mean(entropy, part.mask),
            "explained_variance": explained_variance(batch),
        }

    def _noted(self, loss: Tensor, log_ratio: Tensor, norm: Tensor, mask: Tensor) -> dict[str, Tensor]:
        beyond = (log_ratio.exp() - 1).abs() > self.config.clip
        return {
            "loss": loss,
            "approx_kl": approximate_kl(log_ratio, mask),
            "clip_fraction": masked_mean(beyond.to(loss.dtype), mask),
            "grad_norm": norm,
        }

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.schedule.load_state_dict(state_dict)


def train_ppo(
    agent: ActorCritic,
    parameters: Parameters,
    sampler: Sampler,
    config: PPOConfig,
    generator: Generators,
    *,
    description: str | None = "PPO",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Train one agent per learner, side by side; nothing but the batched arithmetic is shared.

    Args:
        agent: policy and value function.
        parameters: where to start, one set per learner, `[learner, ...]` (see `repeat_parameters` and
            `stack_parameters`); not changed.
        sampler: a `VectorSampler` with as many learners.
        config: settings.
        generator, description, callback, checkpoint: see `train_policy`.

    Returns:
        As `train_policy`.

    Raises:
        ValueError: where the parameters' leading axis is not the number of learners, or for a checkpoint where the
            environments' state cannot be saved.
    """
    rule = PPO(agent, learners_copy(parameters, sampler), config)
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
