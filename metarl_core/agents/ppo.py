"""Proximal policy optimisation (Schulman et al. 2017), for one or many learners at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic, Batch
from metarl_core.agents.returns import masked_mean
from metarl_core.agents.training import Callback, train_policy
from metarl_core.parameters import Parameters, clip_grad_norm, trainable_copy
from metarl_core.tasks.rollout import Trajectories


@dataclass
class PPOConfig:
    """Settings of `train_ppo`; defaults as in the paper's continuous-control experiments (table 3) unless said."""

    iterations: int = 500
    """batches of experience; 1 million steps where a batch is the paper's 2048"""
    lr: float = 3e-4
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


def clipped_surrogate_loss(
    log_probability: Tensor, old_log_probability: Tensor, advantage: Tensor, clip: float
) -> Tensor:
    """−min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) with ρ = π_θ / π_old (eq. 7), element by element."""
    ratio = (log_probability - old_log_probability).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def ppo_loss(agent: ActorCritic, parameters: Parameters, batch: Batch, config: PPOConfig) -> Tensor:
    """Policy, value and entropy loss (eq. 9), averaged over each learner's steps, `[learner]`."""
    own = agent.policy_part(parameters)
    log_probability = agent.policy.log_probability(own, batch.observations, batch.actions)
    loss = clipped_surrogate_loss(log_probability, batch.log_probabilities, batch.advantages, config.clip)
    loss = loss + config.value_coef * (agent.value(parameters, batch.observations) - batch.returns).square()
    if config.entropy_coef:  # a second pass through the policy, only where it is wanted
        loss = loss - config.entropy_coef * agent.policy.distribution(own, batch.observations).entropy()
    return masked_mean(loss, batch.mask)


class PPO:
    """The update rule: several epochs of minibatch Adam on the clipped surrogate, advantages normalised per minibatch.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.
    """

    def __init__(self, agent: ActorCritic, parameters: Parameters, config: PPOConfig):
        self.agent, self.parameters, self.config = agent, parameters, config
        self.optimiser = torch.optim.Adam(parameters.values(), lr=config.lr, eps=1e-5, fused=True)
        factor = (lambda i: 1 - i / config.iterations) if config.anneal else (lambda i: 1.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, factor)

    def update(self, trajectories: Trajectories, generator: torch.Generator) -> None:
        """Improve the parameters by one batch of trajectories."""
        config = self.config
        batch = self.agent.batch(self.parameters, trajectories, config.discount, config.gae_lambda)
        for _ in range(config.epochs):
            for part in batch.minibatches(config.minibatches, generator):
                self.optimiser.zero_grad()
                ppo_loss(self.agent, self.parameters, part.with_normalised_advantages(), config).sum().backward()
                clip_grad_norm(self.parameters, config.max_grad_norm)
                self.optimiser.step()
        self.schedule.step()


def train_ppo(
    agent: ActorCritic,
    parameters: Parameters,
    sampler,
    config: PPOConfig,
    generator: torch.Generator,
    description: str = "PPO",
    callback: Callback | None = None,
) -> tuple[Parameters, dict[str, list]]:
    """Train one agent per learner, side by side; nothing but the batched arithmetic is shared.

    Args:
        agent: policy and value function.
        parameters: where to start, one set per learner, `[learner, ...]` (see `repeat_parameters` and
            `stack_parameters`); not changed.
        sampler: a `VectorSampler` or a `FamilySampler` with as many learners.
        config: settings.
        generator: source of the policies' noise and of the minibatches.
        description: name on the progress bar.
        callback: called as `callback(iteration, parameters, trajectories)` after each update.

    Returns:
        Trained parameters and history: `return` (mean undiscounted return of each learner's latest episodes, a
        list `[learner]` per iteration) and `steps` (environment steps per learner so far). An interrupt
        (Ctrl-C) returns what was reached.

    Raises:
        ValueError: where the parameters' leading axis is not the number of learners.
    """
    learned = trainable_copy(parameters, sampler.learners)
    rule = PPO(agent, learned, config)
    return train_policy(agent, learned, sampler, rule.update, config.iterations, generator, description, callback)
