"""Observations and rewards on a scale that does not depend on the environment's units."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.samplers import Sampler
from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import Policy, Trajectories

REWARD_LIMIT = 10.0
"""scaled rewards are clipped to ± this, as in OpenAI Baselines' `VecNormalize`"""


class RunningMoments:
    """Mean and standard deviation of all that was seen, for each learner (Chan, Golub and LeVeque 1983).

    Args:
        learners: number of learners.
        size: of what is seen.
    """

    def __init__(self, learners: int, size: int):
        self.count = torch.zeros(learners, 1)
        self.mean, self.squares = torch.zeros(2, learners, size)

    def update(self, values: Tensor, mask: Tensor) -> None:
        """Add values `[learner, sample, size]` where `mask` `[learner, sample]` is true."""
        valid = mask[..., None].to(values.dtype)
        number = valid.sum(1)
        mean = (values * valid).sum(1) / number.clamp_min(1)
        squares = ((values - mean[:, None]).square() * valid).sum(1)
        total = (self.count + number).clamp_min(1)
        apart = mean - self.mean
        self.squares = self.squares + squares + apart.square() * self.count * number / total
        self.mean = self.mean + apart * number / total
        self.count = self.count + number

    @property
    def std(self) -> Tensor:
        """`[learner, size]`; 1 before anything was seen."""
        variance = self.squares / self.count.clamp_min(1)
        return torch.where(self.count > 0, (variance + 1e-8).sqrt(), torch.ones_like(variance))


class _Scaled:
    """A policy that sees (observation − mean) / std, `[learner, 1, observation]` each."""

    def __init__(self, policy: Policy, mean: Tensor, std: Tensor):
        self.policy, self.mean, self.std = policy, mean, std

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return self.policy.noise(shape, generator)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy.act(parameters, (observation - self.mean) / self.std, noise)


class NormalisingSampler:
    """A sampler that normalises the observations of some learners, and scales the rewards of some.

    Observations are normalised by the moments of all *earlier* segments, so that within a segment the policy and the
    update that follows see one and the same input; a reward is divided by the standard deviation of the discounted
    returns so far, this segment included. Each learner has moments of its own.

    Args:
        sampler: gives trajectories `[learner, env, time, ...]`.
        size: of an observation, a vector.
        observations: whose observations are normalised, `[learner]`.
        rewards: whose rewards are scaled, `[learner]`.
        discount: γ of each learner's returns that scale rewards, `[learner]`.
    """

    def __init__(self, sampler: Sampler, size: int, observations: Tensor, rewards: Tensor, discount: Tensor):
        self.sampler, self.observations, self.rewards, self.discount = sampler, observations, rewards, discount
        self.seen, self.returns = (RunningMoments(sampler.learners, width) for width in (size, 1))
        self.carry = torch.zeros(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def scale(self) -> tuple[Tensor, Tensor]:
        """What is subtracted from observations and what they are divided by, `[learner, observation]`; 0 and 1."""
        on = self.observations[:, None]
        return self.seen.mean * on, torch.where(on, self.seen.std, torch.ones_like(self.seen.std))

    def __call__(self, policy: Policy, parameters: Parameters, generator: torch.Generator) -> Trajectories:
        """The next segment, on the new scale."""
        mean, std = (each[:, None] for each in self.scale())
        raw = self.sampler(_Scaled(policy, mean, std), parameters, generator)
        self.seen.update(raw.observations.flatten(1, 2), raw.mask.flatten(1, 2))
        returns, self.carry = discounted_so_far(raw, self.discount, self.carry)
        self.returns.update(returns.flatten(1, 2)[..., None], raw.mask.flatten(1, 2))
        scaled = (raw.rewards / self.returns.std[:, None]).clamp(-REWARD_LIMIT, REWARD_LIMIT)
        return dataclasses.replace(
            raw,
            observations=(raw.observations - mean[:, None]) / std[:, None],
            final_observations=(raw.final_observations - mean) / std,
            rewards=torch.where(self.rewards[:, None, None], scaled, raw.rewards),
        )


def discounted_so_far(runs: Trajectories, discount: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_k γ^k r_{t−k} since the episode began, `[learner, env, time]`, and what goes on into the next segment.

    Args:
        discount: γ of each learner, `[learner]`.
        carry: `[learner, env]` from the segment before; empty at the first.
    """
    carry = carry if carry.numel() else torch.zeros_like(runs.rewards[..., 0])
    over, found = runs.terminated | runs.truncated, []
    for time in range(runs.rewards.shape[-1]):
        carry = discount[:, None] * carry + runs.rewards[..., time]
        found.append(carry)
        carry = carry * ~over[..., time]
    return torch.stack(found, -1), carry


def folded(parameters: Parameters, mean: Tensor, std: Tensor) -> Parameters:
    """Parameters `[learner, ...]` that do to raw observations what these do to normalised ones.

    W (o − m) / s + b = (W / s) o + (b − (W / s) m): normalising is a change of the first layer.

    Args:
        mean, std: m and s of each learner, `[learner, observation]`.
    """
    result = dict(parameters)
    for name, value in parameters.items():
        if name.endswith("weight0"):
            bias = name.replace("weight0", "bias0")
            result[name] = value / std[:, None]
            result[bias] = parameters[bias] - (result[name] @ mean[..., None])[..., 0]
    return result
