"""Advantage actor-critic (the synchronous form of Mnih et al. 2016): one gradient step per batch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic, Batch
from metarl_core.agents.returns import masked_mean
from metarl_core.agents.training import Callback, train_policy
from metarl_core.parameters import Parameters, clip_grad_norm, trainable_copy
from metarl_core.tasks.rollout import Trajectories


@dataclass
class A2CConfig:
    """Settings of `train_a2c`."""

    iterations: int = 1000
    """batches of experience, each used for one gradient step"""
    lr: float = 1e-3
    """of Adam, falling linearly to zero; the paper uses RMSprop"""
    discount: float = 0.99
    gae_lambda: float = 1.0
    """λ; 1 gives the paper's n-step returns, with n the length of a segment"""
    value_coef: float = 0.5
    entropy_coef: float = 0.01
    max_grad_norm: float = 0.5
    normalise_advantages: bool = True
    """per learner and batch; not in the paper"""


def a2c_loss(agent: ActorCritic, parameters: Parameters, batch: Batch, config: A2CConfig) -> Tensor:
    """−log π(a | s) A + weight · (V(s) − R)² − weight · entropy, averaged over each learner's steps, `[learner]`."""
    distribution = agent.policy.distribution(agent.policy_part(parameters), batch.observations)
    policy_loss = -distribution.log_prob(batch.actions) * batch.advantages
    value_loss = (agent.value(parameters, batch.observations) - batch.returns).square()
    loss = policy_loss + config.value_coef * value_loss - config.entropy_coef * distribution.entropy()
    return masked_mean(loss, batch.mask)


class A2C:
    """The update rule: one step of Adam on the actor-critic loss of the newest batch.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: A2CConfig):
        self.agent, self.parameters, self.config = agent, parameters, config
        self.optimiser = torch.optim.Adam(parameters.values(), lr=config.lr, eps=1e-5, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda i: 1 - i / config.iterations)

    def update(self, trajectories: Trajectories, generator: torch.Generator) -> None:
        """Improve the parameters by one batch of trajectories; nothing is drawn."""
        batch = self.agent.batch(self.parameters, trajectories, self.config.discount, self.config.gae_lambda)
        if self.config.normalise_advantages:
            batch = batch.with_normalised_advantages()
        self.optimiser.zero_grad()
        a2c_loss(self.agent, self.parameters, batch, self.config).sum().backward()
        clip_grad_norm(self.parameters, self.config.max_grad_norm)
        self.optimiser.step()
        self.schedule.step()


def train_a2c(
    agent: ActorCritic,
    parameters: Parameters,
    sampler,
    config: A2CConfig,
    generator: torch.Generator,
    description: str = "A2C",
    callback: Callback | None = None,
) -> tuple[Parameters, dict[str, list]]:
    """Train one agent per learner by A2C; arguments and results as those of `train_ppo`."""
    learned = trainable_copy(parameters, sampler.learners)
    rule = A2C(agent, learned, config)
    return train_policy(agent, learned, sampler, rule.update, config.iterations, generator, description, callback)
