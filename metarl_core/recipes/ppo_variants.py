"""PPO with one ingredient changed that its configuration cannot change."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import (
    ActorCritic,
    PPOConfig,
    VectorSampler,
)
from metarl_core.agents.draws import Generators
from metarl_core.agents.ppo import PPO, ppo_loss
from metarl_core.agents.samplers import Sampler
from metarl_core.agents.training import train_policy
from metarl_core.parameters import Parameters, clip_grad_norm, trainable_copy
from metarl_core.tasks.rollout import Policy, Trajectories
from metarl_core.training import Callback, History


class RawPPO(PPO):
    """PPO without the normalisation of advantages."""

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        config = self.config
        batch = self.agent.batch(self.parameters, trajectories, config.discount, config.gae_lambda)
        for _ in range(config.epochs):
            for part in batch.minibatches(config.minibatches, generator):
                self.optimiser.zero_grad()
                ppo_loss(self.agent, self.parameters, part, config).sum().backward()
                clip_grad_norm(self.parameters, config.max_grad_norm)
                self.optimiser.step()
        self.schedule.next_update()
        return {}


def train_raw_ppo(
    agent: ActorCritic,
    parameters: Parameters,
    sampler: Sampler,
    config: PPOConfig,
    generator: Generators,
    *,
    description: str,
    callback: Callback,
) -> tuple[Parameters, History]:
    """`train_ppo` by `RawPPO`."""
    rule = RawPPO(agent, trainable_copy(parameters, sampler.learners), config)
    return train_policy(rule, sampler, config.iterations, generator, description=description, callback=callback)


class MergedEnds:
    """A sampler whose truncated steps say that they terminated."""

    def __init__(self, sampler: VectorSampler):
        self.sampler, self.learners = sampler, sampler.learners

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def __call__(self, policy: Policy, parameters: Parameters, generator: torch.Generator) -> Trajectories:
        trajectories = self.sampler(policy, parameters, generator)
        merged = trajectories.terminated | trajectories.truncated
        return dataclasses.replace(trajectories, terminated=merged, truncated=merged & False)
