"""Chapter 08: what the step at test decides, with the training as it is in `meta_policies`, five seeds.

- MAML: two schedules, the step size of the training at every step, and half of it from the second step on. A row is
  `[test task, 8]`: the mean returns after 0, 1, 2 and 3 steps of the one schedule, then of the other. Both see the same
  noise.
- natural: MAML: one natural-gradient step, as far in KL divergence as the plain step on the same episodes. A row is
  what `natural_steps.compare` gives.
"""

import functools
from dataclasses import dataclass, field

import torch
from torch import Tensor

from metarl_core.meta import policies
from metarl_core.recipes import meta_policies
from metarl_core.recipes.natural_steps import compare

METHODS = ("MAML", "natural: MAML")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    training: meta_policies.Settings = field(default_factory=meta_policies.Settings)
    dampings: tuple[float, ...] = (0.1, 0.001)
    noise_seed: int = 3000
    """plus the seed gives the noise on the test goals, the same for both rows"""

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds

    @property
    def test_tasks(self) -> int:
        return self.training.test_tasks


def run(method: str, seed: int) -> Tensor:
    """The row of one method and seed."""
    row = natural_row if method.startswith("natural: ") else schedules_row
    return row(_trained(seed), seed, Settings())


def schedules_row(learned: meta_policies.Trained, seed: int, settings: Settings) -> Tensor:
    """Returns `[test task, 8]` by both schedules."""
    method, start, *_ = learned
    tasks, steps = meta_policies.held_out(method.family, settings.training), settings.training.steps
    full = settings.training.problems["navigation"].inner_lr
    schedules = [full] * steps, [full, *[full / 2] * (steps - 1)]
    curves = [
        policies.adaptation_curve(method, start, tasks, noise(seed, settings), inner_lr=rates) for rates in schedules
    ]
    return torch.cat([curve.returns for curve in curves], 1)


def natural_row(learned: meta_policies.Trained, seed: int, settings: Settings) -> Tensor:
    """What `natural_steps.compare` gives on the test tasks."""
    method, start, *_ = learned
    tasks = meta_policies.held_out(method.family, settings.training)
    inner_lr = settings.training.problems["navigation"].inner_lr
    return compare(method, start, tasks, inner_lr, settings.dampings, noise(seed, settings))


def noise(seed: int, settings: Settings) -> torch.Generator:
    """Of the episodes on the test goals."""
    return torch.Generator().manual_seed(settings.noise_seed + seed)


@functools.lru_cache(1)
def _trained(seed: int) -> meta_policies.Trained:
    return meta_policies.trained("navigation", "MAML", seed, Settings().training)
