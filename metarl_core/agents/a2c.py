"""Advantage actor-critic (the synchronous form of Mnih et al. 2016): one gradient step per batch."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic, Batch, check_actor_critic_settings, check_update_rule
from metarl_core.agents.diagnostics import explained_variance
from metarl_core.agents.draws import Generators
from metarl_core.agents.returns import masked_mean
from metarl_core.agents.samplers import Sampler
from metarl_core.agents.training import AnnealedOptimiser, learners_copy, train_policy
from metarl_core.arguments import check_type, in_words
from metarl_core.parameters import Parameters, clip_grad_norm
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import Callback, History, OptimiserFactory, adam, make_optimiser


@dataclass(frozen=True, kw_only=True)
class A2CConfig:
    """Settings of `train_a2c`."""

    iterations: int = 1000
    """batches of experience, each used for one gradient step"""
    lr: float = 1e-3
    optimiser: OptimiserFactory = functools.partial(adam, eps=1e-5)
    """called as `optimiser(tensors, lr=lr)`; the paper uses RMSprop"""
    discount: float = 0.99
    gae_lambda: float = 1.0
    """λ; 1 gives the paper's n-step returns, with n the length of a segment"""
    value_coef: float = 0.5
    entropy_coef: float = 0.01
    max_grad_norm: float = 0.5
    normalise_advantages: bool = True
    """per learner and batch; not in the paper"""
    anneal: bool = True
    """let the learning rate fall linearly to zero over training"""

    def __post_init__(self) -> None:
        check_actor_critic_settings(self)


def a2c_loss(agent: ActorCritic, parameters: Parameters, batch: Batch, config: A2CConfig) -> Tensor:
    """−log π(a | s) A + c_v (V(s) − R)² − c_e · entropy, averaged over each learner's steps, `[learner]`."""
    check_update_rule(agent, parameters, config, A2CConfig)
    check_type("batch", batch, Batch)
    return _loss_and_entropy(agent, parameters, batch, config)[0]


def _loss_and_entropy(
    agent: ActorCritic, parameters: Parameters, batch: Batch, config: A2CConfig
) -> tuple[Tensor, Tensor]:
    distribution = agent.policy.distribution(agent.policy_part(parameters), batch.observations)
    policy_loss = -distribution.log_prob(batch.actions) * batch.advantages
    value_loss = (agent.value(parameters, batch.observations) - batch.returns).square()
    entropy = distribution.entropy()
    loss = policy_loss + config.value_coef * value_loss - config.entropy_coef * entropy
    return masked_mean(loss, batch.mask), masked_mean(entropy.detach(), batch.mask)


class A2C:
    """The update rule: one step of Adam on the actor-critic loss of the newest batch.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: A2CConfig):
        check_update_rule(agent, parameters, config, A2CConfig)
        self.agent, self.parameters, self.config = agent, parameters, config
        self.optimiser = make_optimiser(config.optimiser, parameters.values(), config.lr)
        self.schedule = AnnealedOptimiser(self.optimiser, config.lr, config.iterations if config.anneal else None)

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        """Improve the parameters by one batch of trajectories; nothing is drawn.

        Returns:
            Diagnostics `[learner]` before the step: `loss`, `entropy`, `explained_variance` and `grad_norm`.
        """
        whole = self.agent.batch(self.parameters, trajectories, self.config.discount, self.config.gae_lambda)
        batch = whole.with_normalised_advantages() if self.config.normalise_advantages else whole
        self.optimiser.zero_grad()
        loss, entropy = _loss_and_entropy(self.agent, self.parameters, batch, self.config)
        loss.sum().backward()
        norm = clip_grad_norm(self.parameters, self.config.max_grad_norm)
        self.optimiser.step()
        self.schedule.next_update()
        found = {"loss": loss.detach(), "entropy": entropy, "grad_norm": norm}
        return found | {"explained_variance": explained_variance(whole)}

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.schedule.load_state_dict(state_dict)


def train_a2c(
    agent: ActorCritic,
    parameters: Parameters,
    sampler: Sampler,
    config: A2CConfig,
    generator: Generators,
    *,
    description: str | None = "A2C",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Train one agent per learner by A2C; arguments, results and errors as those of `train_ppo`."""
    rule = A2C(agent, learners_copy(parameters, sampler), config)
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
