"""Search for a good sequence of actions: random shooting, the cross-entropy method, path integrals.

A planner searches for all environments of a batch at once, and for each as if it were alone. What it is given to score
are sequences inside the action space, never others, so what is imagined is what would be done.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from metarl_core.arguments import (
    check_between,
    check_callable,
    check_generator,
    check_positive,
    check_shape,
    check_step_size,
    check_whole,
)
from metarl_core.planning.imagine import Score


class Planner(Protocol):
    """Finds a sequence of actions: `RandomShooting`, `CEM`, `MPPI`, or your own."""

    @property
    def horizon(self) -> int:
        """steps that a plan is long"""

    def noise(self, batch: tuple[int, ...], low: Tensor, generator: torch.Generator) -> Tensor:
        """All random numbers of a search for `batch` environments."""

    def search(self, score: Score, low: Tensor, high: Tensor, noise: Tensor, start: Tensor | None = None) -> Tensor:
        """A plan `[*batch, time, action]`."""


@dataclass(frozen=True, kw_only=True)
class RandomShooting:
    """The best of many uniformly random sequences (Nagabandi et al. 2019, with these numbers)."""

    horizon: int = 10
    candidates: int = 1000

    def __post_init__(self) -> None:
        check_whole(self, "horizon", "candidates")

    def noise(self, batch: tuple[int, ...], low: Tensor, generator: torch.Generator) -> Tensor:
        """Uniform on [0, 1), `[*batch, candidate, time, action]`, of the dtype and on the device of `low`."""
        check_generator(generator)
        shape = (*batch, self.candidates, self.horizon, len(low))
        return torch.rand(shape, generator=generator, dtype=low.dtype, device=generator.device).to(low.device)

    def search(self, score: Score, low: Tensor, high: Tensor, noise: Tensor, start: Tensor | None = None) -> Tensor:
        """The sequence with the highest score, `[*batch, time, action]`.

        Args:
            score: see `Score`; a sequence whose score is NaN is the worst.
            low, high: bounds of an action, `[action]`.
            noise: as from `noise`.
            start: a plan `[*batch, time, action]` to try besides, in the place of the first candidate.
        """
        check_search(self, score, low, high, noise, noise.ndim - 3, start)
        sequences = low + (high - low) * noise
        if start is not None:
            sequences = torch.cat([start.clamp(low, high).unsqueeze(-3), sequences[..., 1:, :, :]], -3)
        best = scored(score, sequences).argmax(-1)
        return take(sequences, best.unsqueeze(-1)).squeeze(-3)


@dataclass(frozen=True, kw_only=True)
class CEM:
    """The cross-entropy method: a Gaussian over sequences is fitted again and again to the best that it drew.

    Defaults as for CartPole in Chua et al. 2018. The Gaussian is that of each environment, fitted to elites of its own.
    """

    horizon: int = 15
    iterations: int = 5
    candidates: int = 350
    elites: int = 35
    """the best candidates, which the Gaussian is fitted to"""
    smoothing: float = 0.1
    """α: the share of the old mean and standard deviation in the new"""
    initial_std: float = 0.5
    """in units of half the range of an action"""

    def __post_init__(self) -> None:
        check_whole(self, "horizon", "iterations", "candidates", "elites")
        check_between("smoothing", self.smoothing)
        check_step_size("initial_std", self.initial_std)
        if self.elites > self.candidates:
            raise ValueError(f"elites must be at most the {self.candidates} candidates, got {self.elites}.")

    def noise(self, batch: tuple[int, ...], low: Tensor, generator: torch.Generator) -> Tensor:
        """Standard normal, `[iteration, *batch, candidate, time, action]`."""
        return normal((self.iterations, *batch, self.candidates, self.horizon, len(low)), low, generator)

    def search(self, score: Score, low: Tensor, high: Tensor, noise: Tensor, start: Tensor | None = None) -> Tensor:
        """The mean of the last Gaussian, `[*batch, time, action]`; the first has its mean at `start`.

        Args: as in `RandomShooting.search`; without a `start` the first mean is the middle of the action space.
        """
        check_search(self, score, low, high, noise, noise.ndim - 4, start)
        mean = first_mean(low, high, noise[0], start)
        std = (self.initial_std * (high - low) / 2).expand_as(mean)
        for drawn in noise:
            sequences = (mean.unsqueeze(-3) + std.unsqueeze(-3) * drawn).clamp(low, high)
            best = take(sequences, scored(score, sequences).topk(self.elites, -1).indices)
            mean = torch.lerp(best.mean(-3), mean, self.smoothing).clamp(low, high)  # a mean is rounded
            std = torch.lerp(best.std(-3, correction=0), std, self.smoothing)
        return mean


@dataclass(frozen=True, kw_only=True)
class MPPI:
    """Model-predictive path integrals: a mean of all candidates, weighted by exp(score / temperature).

    After Williams et al. 2017, with the same standard deviation at all times and no term for the cost of the noise.
    """

    horizon: int = 15
    iterations: int = 3
    candidates: int = 350
    temperature: float = 1.0
    """in units of the score"""
    std: float = 0.5
    """of the noise around the mean, in units of half the range of an action"""

    def __post_init__(self) -> None:
        check_whole(self, "horizon", "iterations", "candidates")
        check_positive("temperature", self.temperature)
        check_step_size("std", self.std)

    def noise(self, batch: tuple[int, ...], low: Tensor, generator: torch.Generator) -> Tensor:
        """Standard normal, `[iteration, *batch, candidate, time, action]`."""
        return normal((self.iterations, *batch, self.candidates, self.horizon, len(low)), low, generator)

    def search(self, score: Score, low: Tensor, high: Tensor, noise: Tensor, start: Tensor | None = None) -> Tensor:
        """The last weighted mean, `[*batch, time, action]`; arguments as in `CEM.search`."""
        check_search(self, score, low, high, noise, noise.ndim - 4, start)
        mean = first_mean(low, high, noise[0], start)
        for drawn in noise:
            sequences = (mean.unsqueeze(-3) + self.std * (high - low) / 2 * drawn).clamp(low, high)
            weights = (scored(score, sequences) / self.temperature).softmax(-1)
            mean = (weights[..., None, None] * sequences).sum(-3).clamp(low, high)  # a mean is rounded
        return mean


def shifted(plan: Tensor) -> Tensor:
    """What is left of a plan `[*batch, time, action]` after its first step, its last action once more: a warm start."""
    if plan.ndim < 2 or plan.shape[-2] < 1:
        raise ValueError(f"plan must have shape [..., time, action], got {list(plan.shape)}.")
    return torch.cat([plan[..., 1:, :], plan[..., -1:, :]], -2)


def check_search(
    planner: Planner, score: Score, low: Tensor, high: Tensor, noise: Tensor, batch_axes: int, start: Tensor | None
) -> None:
    """Raise ValueError for what cannot be searched."""
    check_callable("score", score, "sequences of actions")
    if low.ndim != 1 or low.shape != high.shape or not bool((low < high).all() & (high - low).isfinite().all()):
        raise ValueError(f"low must be below high, both finite, got {low.tolist()} and {high.tolist()}.")
    if batch_axes < 0 or noise.shape[-2:] != (planner.horizon, len(low)):
        raise ValueError(
            f"noise must have shape [..., candidate, {planner.horizon}, {len(low)}], got {list(noise.shape)}."
        )
    if start is not None:
        batch = noise.shape[noise.ndim - 3 - batch_axes : noise.ndim - 3]
        check_shape("start", start, *batch, planner.horizon, len(low))


def normal(shape: tuple[int, ...], low: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal draws on the generator's device, of the dtype and on the device of `low`."""
    check_generator(generator)
    return torch.randn(shape, generator=generator, dtype=low.dtype, device=generator.device).to(low.device)


def first_mean(low: Tensor, high: Tensor, drawn: Tensor, start: Tensor | None) -> Tensor:
    """The plan to begin with, `[*batch, time, action]`."""
    middle = ((low + high) / 2).expand(*drawn.shape[:-3], *drawn.shape[-2:])
    return middle if start is None else start.clamp(low, high)


def scored(score: Score, sequences: Tensor) -> Tensor:
    """Scores `[*batch, candidate]`, a large negative number where they are NaN: a model may diverge."""
    scores = score(sequences)
    check_shape("what score gives", scores, *sequences.shape[:-2])
    return scores.nan_to_num(nan=-1e30, neginf=-1e30)


def take(sequences: Tensor, index: Tensor) -> Tensor:
    """The candidates at `index` `[*batch, some]` out of `[*batch, candidate, time, action]`, of each environment its
    own."""
    return sequences.gather(-3, index[..., None, None].expand(*index.shape, *sequences.shape[-2:]))
