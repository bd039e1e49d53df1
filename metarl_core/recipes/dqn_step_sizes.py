"""Chapters 03 and 03a: variants of DQN on CartPole-v1, each at a step size that was chosen for it.

A comparison at one step size is fair to the agent for which it was chosen. Here every variant has the same grid: its
own step size is the one with the highest greedy return in the last quarter of training, on seeds that are not
reported. Then the reported seeds are trained with it. All else is as in `dqn_ingredients`.

Every result is `[1, report, 10]`: the six columns of `dqn_learners`, and the mean greedy return of the tuning seeds at
the same report, for each step size of the grid.
"""

import functools
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from metarl_core.recipes import dqn_ingredients, dqn_learners

VARIANTS: dict[str, dict[str, Any]] = {
    "no target network": {"tau": 1.0},
    "Huber's loss": {"huber": True},
    "no (1 − terminated)": {"endless": True},
    "full": {},
}
METHODS = tuple(VARIANTS)
COLUMNS = 6
"""of `dqn_learners`"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    step_sizes: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3)
    tuning_seeds: tuple[int, ...] = (1000, 1001)
    training: dqn_ingredients.Settings = field(default_factory=lambda: replace(dqn_ingredients.Settings(), changes={}))

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds

    @property
    def test_tasks(self) -> int:
        return self.training.test_tasks


def own_step_size(tuning: ArrayLike, step_sizes: tuple[float, ...]) -> float:
    """The step size with the highest mean in the last quarter of `tuning` `[report, step size]`."""
    returns = torch.as_tensor(tuning)
    return step_sizes[int(returns[-(len(returns) // 4) :].mean(0).argmax())]


def trained(change: dict[str, Any], settings: Settings) -> Tensor:
    """Results `[seed, report, 10]` of a variant: its step sizes on the tuning seeds, then the seeds at its own."""
    tuning = replace(settings.training, seeds=settings.tuning_seeds)
    grid = {f"{lr:g}": change | {"lr": lr} for lr in settings.step_sizes}
    returns = dqn_learners.trained(dqn_learners.Settings(grid, tuning))[..., 1].mean(1).T
    lr = own_step_size(returns, settings.step_sizes)
    results = dqn_learners.trained(dqn_learners.Settings({f"{lr:g}": change | {"lr": lr}}, settings.training))[0]
    return torch.cat([results, returns.expand(len(results), -1, -1)], -1)


@functools.lru_cache(1)
def _rows(method: str) -> Tensor:
    return trained(VARIANTS[method], Settings())


def run(method: str, seed: int) -> ArrayLike:
    """The row of one variant and seed; the first seed asked for trains all of them."""
    return _rows(method)[[Settings().seeds.index(seed)]].numpy()
