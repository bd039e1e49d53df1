"""Proximal policy optimisation (Schulman et al. 2017), for one or many learners at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic, Batch, learner_mean
from metarl_core.agents.networks import Parameters, clip_gradients


@dataclass
class PPOConfig:
    """Settings of `PPO`; defaults as in the paper's continuous-control experiments (table 3) unless said."""

    learning_rate: float = 3e-4
    epochs: int = 10
    """passes over each batch"""
    minibatches: int = 32
    clip: float = 0.2
    """ε of the probability ratio"""
    discount: float = 0.99
    trace: float = 0.95
    """λ of generalised advantage estimation"""
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    max_gradient_norm: float = 0.5
    """not in the paper; in its released code"""
    anneal: bool = True
    """let the learning rate fall linearly to zero over training"""


def ppo_policy_loss(log_probability: Tensor, old_log_probability: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) with ρ = π_θ / π_old (eq. 7), element by element."""
    ratio = (log_probability - old_log_probability).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def ppo_loss(agent: ActorCritic, parameters: Parameters, batch: Batch, config: PPOConfig) -> Tensor:
    """Policy, value and entropy loss (eq. 9) of each learner, `[learner]`."""
    distribution = agent.policy.distribution(agent.policy_part(parameters), batch.observations)
    policy_loss = ppo_policy_loss(
        distribution.log_prob(batch.actions), batch.log_probabilities, batch.advantages, config.clip
    )
    value_loss = (agent.value(parameters, batch.observations) - batch.returns).square()
    loss = policy_loss + config.value_weight * value_loss - config.entropy_weight * distribution.entropy()
    return learner_mean(loss, batch.mask)


class PPO:
    """The update rule: several epochs of minibatch Adam on the clipped surrogate, advantages normalised per minibatch.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`; updated in place by `update`.
        config: settings.
        iterations: number of updates that the learning rate falls over.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: PPOConfig, iterations: int):
        self.agent, self.parameters, self.config = agent, parameters, config
        self.optimiser = torch.optim.Adam(parameters.values(), lr=config.learning_rate, eps=1e-5, fused=True)
        factor = (lambda i: 1 - i / iterations) if config.anneal else (lambda i: 1.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, factor)

    def update(self, trajectories, generator: torch.Generator) -> None:
        """Improve the parameters by one batch of trajectories."""
        config = self.config
        batch = self.agent.batch(self.parameters, trajectories, config.discount, config.trace)
        samples = batch.mask.shape[1]
        size = -(-samples // config.minibatches)
        for _ in range(config.epochs):
            for index in torch.randperm(samples, generator=generator).split(size):
                loss = ppo_loss(self.agent, self.parameters, batch.select(index).with_normalised_advantages(), config)
                self.optimiser.zero_grad()
                loss.sum().backward()
                clip_gradients(self.parameters, config.max_gradient_norm)
                self.optimiser.step()
        self.schedule.step()

