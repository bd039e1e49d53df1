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
    """A sampler whose observations are normalised, or whose rewards are scaled, or both.

    Observations are normalised by the moments of all *earlier* segments, so that within a segment the policy and the
    update that follows see one and the same input; a reward is divided by the standard deviation of the discounted
    returns so far, this segment included. Each learner has moments of its own.

    Args:
        sampler: gives trajectories `[learner, env, time, ...]` with vectors as observations.
        observations: whether they are normalised.
        discount: γ of the returns that scale rewards; None leaves rewards as they are.
    """

    def __init__(self, sampler: Sampler, size: int, observations: bool, discount: float | None):
        self.sampler, self.discount = sampler, discount
        self.seen = RunningMoments(sampler.learners, size) if observations else None
        self.returns = RunningMoments(sampler.learners, 1)
        self.carry = torch.zeros(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def __call__(self, policy: Policy, parameters: Parameters, generator: torch.Generator) -> Trajectories:
        """The next segment, on the new scale."""
        if self.seen is None:
            return self._with_scaled_rewards(self.sampler(policy, parameters, generator))
        mean, std = self.seen.mean[:, None], self.seen.std[:, None]
        raw = self.sampler(_Scaled(policy, mean, std), parameters, generator)
        self.seen.update(raw.observations.flatten(1, 2), raw.mask.flatten(1, 2))
        normalised = dataclasses.replace(
            raw,
            observations=(raw.observations - mean[:, None]) / std[:, None],
            final_observations=(raw.final_observations - mean) / std,
        )
        return self._with_scaled_rewards(normalised)

    def _with_scaled_rewards(self, runs: Trajectories) -> Trajectories:
        if self.discount is None:
            return runs
        returns, self.carry = discounted_so_far(runs, self.discount, self.carry)
        self.returns.update(returns.flatten(1, 2)[..., None], runs.mask.flatten(1, 2))
        scaled = runs.rewards / self.returns.std[:, None]
        return dataclasses.replace(runs, rewards=scaled.clamp(-REWARD_LIMIT, REWARD_LIMIT))


def discounted_so_far(runs: Trajectories, discount: float, carry: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_k γ^k r_{t−k} since the episode began, `[learner, env, time]`, and what goes on into the next segment.

    Args:
        carry: `[learner, env]` from the segment before; empty at the first.
    """
    carry = carry if carry.numel() else torch.zeros_like(runs.rewards[..., 0])
    over, found = runs.terminated | runs.truncated, []
    for time in range(runs.rewards.shape[-1]):
        carry = discount * carry + runs.rewards[..., time]
        found.append(carry)
        carry = carry * ~over[..., time]
    return torch.stack(found, -1), carry


def folded(parameters: Parameters, moments: RunningMoments) -> Parameters:
    """Parameters `[learner, ...]` that do to raw observations what these do to normalised ones.

    W (o − m) / s + b = (W / s) o + (b − (W / s) m): normalising is a change of the first layer.
    """
    result = dict(parameters)
    for name, value in parameters.items():
        if name.endswith("weight0"):
            bias = name.replace("weight0", "bias0")
            result[name] = value / moments.std[:, None]
            result[bias] = parameters[bias] - (result[name] @ moments.mean[..., None])[..., 0]
    return result
