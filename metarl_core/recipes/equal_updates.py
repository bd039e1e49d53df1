"""Chapter 01: MAML and pre-training on point navigation, with equal updates and equal tuning, ten seeds.

Every method trains on 48,000 episodes, with 120 or with 480 updates of Adam, whose rate falls linearly to zero. Its
first rate is the one of `adam_lrs` that is best in the trainings of `search_seeds`; the first step size on a new goal
is, for each training, the best of `inner_lrs`. Both are chosen by the return after one step on training goals. Later
steps are half as long.

- MAML: 60 iterations on 20 goals each, with 20 episodes a goal before the inner step and 20 after it. 120 updates are
  one pass over each batch in 2 minibatches, 480 are two passes in 4.
- pre-trained: REINFORCE for the mean return over goals, with 20 episodes a goal: 120 updates on 20 goals each, or 480
  on 5 each.

A row is `[test task, column]`, with columns that `read` takes apart: what does not depend on the goal stands there for
every goal.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch

from metarl_core.agents import ReinforceConfig
from metarl_core.meta import policies
from metarl_core.recipes import fair_baselines, point_navigation
from metarl_core.recipes.falling_adam import FallingAdam
from metarl_core.tasks import Tasks, rollout

MAML = {"MAML, 480 updates": {"epochs": 2, "minibatch": 5}, "MAML, 120 updates": {"epochs": 1, "minibatch": 10}}
PRETRAINING = {
    "pre-trained, 480 updates": {"iterations": 480, "meta_batch": 5},
    "pre-trained, 120 updates": {"iterations": 120, "meta_batch": 20},
}
METHODS = ("MAML, 480 updates", "pre-trained, 480 updates", "MAML, 120 updates", "pre-trained, 120 updates")


@dataclass(frozen=True)
class Settings:
    """What the methods share."""

    adam_lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    inner_lrs: tuple[float, ...] = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
    steps: int = 3
    search_seeds: tuple[int, ...] = (0, 1)
    """of the trainings that decide on the rate of Adam"""
    search_tasks: int = 40
    search_seed: int = 2000
    """plus the seed gives the training goals of the search, the same for all methods"""
    test_tasks: int = 40
    test_seed: int = 1000
    noise_seed: int = 3000
    """plus the seed gives the noise on the test goals, the same for all methods"""
    seeds: tuple[int, ...] = tuple(range(10))


class Searched(NamedTuple):
    """One training, and the best step size on a new goal after it."""

    learned: point_navigation.Trained
    inner_lr: float
    score: float
    """mean return after one such step, on the training goals of the search"""
    env_steps: int
    """of the search for the step size"""


def run(method: str, seed: int, settings: Settings) -> torch.Tensor:
    """The row `[test task, column]` of one method and seed."""
    adam_lr = best_adam_lr(method, settings)
    learned, inner_lr, _, search = searched(method, seed, adam_lr, settings)
    curve = adapted(learned, seed, inner_lr, settings)
    returns, steps = fair_baselines.returns_and_steps(curve.trajectories).unbind(-1)
    by_inner_lr, _ = after_one_step(learned, held_out(settings), settings.inner_lrs, noise(seed, settings))
    same = torch.tensor([adam_lr, inner_lr, learned.history["env_steps"][-1], search], dtype=torch.float64)
    return torch.cat([returns, steps, by_inner_lr, same.expand(len(returns), -1)], 1)


class Row(NamedTuple):
    """What the table holds of one method."""

    returns: np.ndarray
    """on held-out goals after 0, 1, … steps of the chosen size, `[seed, goal, step]`"""
    steps: np.ndarray
    """environment steps on that goal before each of them"""
    by_inner_lr: np.ndarray
    """return on held-out goals after one step of each size, `[seed, goal, size]`"""
    adam_lr: np.ndarray
    """chosen, `[seed]`"""
    inner_lr: np.ndarray
    """chosen for the first step, `[seed]`"""
    training: np.ndarray
    """environment steps of the training, `[seed]`"""
    search: np.ndarray
    """environment steps of the search for the step size, `[seed]`"""


def read(scores: np.ndarray, settings: Settings | None = None) -> Row:
    """Take `[seed, goal, column]` apart, as `load_table("equal_updates").scores(method)` gives it."""
    points = (settings or Settings()).steps + 1
    returns, steps, by_inner_lr, same = np.split(scores, [points, 2 * points, scores.shape[-1] - 4], axis=-1)
    return Row(returns, steps, by_inner_lr, *same[:, 0].T)


def held_out(settings: Settings | None = None) -> Tasks:
    """The test goals: those of `point_navigation`."""
    settings = settings or Settings()
    return point_navigation.held_out(
        point_navigation.Settings(test_tasks=settings.test_tasks, test_seed=settings.test_seed)
    )


def noise(seed: int, settings: Settings) -> torch.Generator:
    """Of the episodes on the test goals."""
    return torch.Generator().manual_seed(settings.noise_seed + seed)


def training(method: str, adam_lr: float) -> point_navigation.Settings:
    """How a method trains."""
    if method in MAML:
        return point_navigation.Settings(maml=point_navigation.MamlSettings(outer_lr=adam_lr, **MAML[method]))
    options = PRETRAINING[method]
    falling = partial(FallingAdam, updates=options["iterations"])
    return point_navigation.Settings(pretraining=ReinforceConfig(lr=adam_lr, optimiser=falling, **options))


def trained(method: str, seed: int, adam_lr: float) -> point_navigation.Trained:
    """Train one method from one seed, at one rate of Adam."""
    return point_navigation.trained(method.split(",")[0], seed, training(method, adam_lr))


@cache
def best_adam_lr(method: str, settings: Settings) -> float:
    """The rate of Adam with the best mean return after one step in the trainings of the search."""

    def score(adam_lr: float) -> float:
        return sum(searched(method, seed, adam_lr, settings).score for seed in settings.search_seeds)

    return max(settings.adam_lrs, key=score)


@cache
def searched(method: str, seed: int, adam_lr: float, settings: Settings) -> Searched:
    """Train, and choose the step size on training goals."""
    learned = trained(method, seed, adam_lr)
    generator = torch.Generator().manual_seed(settings.search_seed + seed)
    goals = learned.learner.family.sample_tasks(settings.search_tasks, generator)
    returns, env_steps = after_one_step(learned, goals, settings.inner_lrs, generator)
    score, place = returns.mean(0).max(0)
    return Searched(learned, settings.inner_lrs[int(place)], float(score), env_steps)


def after_one_step(
    learned: point_navigation.Trained, goals: Tasks, inner_lrs: tuple[float, ...], generator: torch.Generator
) -> tuple[torch.Tensor, int]:
    """Returns after one step of each size, `[goal, size]`, and the environment steps that they take.

    One gradient estimate on each goal serves all sizes, and so does the noise of the episodes after the step.
    """
    learner = learned.learner
    unit = policies.adaptation_curve(learner, learned.parameters, goals, generator, steps=1, inner_lr=1.0)
    before, after = unit.parameters
    env_steps, columns = unit.trajectories[0].steps, []
    same = int(torch.randint(2**31 - 1, (1,), generator=generator))
    for inner_lr in inner_lrs:
        moved = {name: value + inner_lr * (after[name] - value) for name, value in before.items()}
        again = torch.Generator().manual_seed(same)
        batch = rollout(learner.family, goals, learner.policy, moved, learner.episodes, again)
        columns.append(batch.returns.mean(1))
        env_steps += batch.steps
    return torch.stack(columns, 1), env_steps


def adapted(
    learned: point_navigation.Trained, seed: int, inner_lr: float, settings: Settings | None = None
) -> policies.AdaptationCurve:
    """The adaptation to the held-out goals."""
    settings = settings or Settings()
    inner_lrs = [inner_lr] + [inner_lr / 2] * (settings.steps - 1)
    return policies.adaptation_curve(
        learned.learner, learned.parameters, held_out(settings), noise(seed, settings), inner_lr=inner_lrs
    )
