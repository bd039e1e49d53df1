"""What a meta-trained Q-network reaches on held-out tasks."""

import dataclasses
import functools
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import OraclePolicy, UniformPolicy, mean_returns
from metarl_core.meta import NewTaskConfig, first_reached, repeat_for_tasks, values
from metarl_core.parameters import Parameters
from metarl_core.recipes.meta_dqn.settings import FORCED, LIVE, Settings, family_of
from metarl_core.recipes.meta_dqn.training import joined, trained
from metarl_core.tasks import CartPole, GridGoals, InformedTasks, RotatedKeys, TaskFamily, Tasks


def held_out(family: TaskFamily, settings: Settings) -> Tasks:
    """The test tasks, the same for all methods and seeds: half of them out of distribution."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    half = settings.test_tasks // 2
    return joined(*(family.sample_tasks(half, generator, split) for split in ("test", "ood")))


def repeated(tasks: Tasks, runs: int) -> Tasks:
    """The same tasks once for each run, `[run · task, ...]`."""
    return joined(*[tasks] * runs)


def levels(problem: str, family: TaskFamily, tasks: Tasks, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Returns `[task]` of a uniformly random policy, of the reference that knows the task, and the level between."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    low = mean_returns(family, tasks, UniformPolicy(family.action_space), {}, 100, generator)
    if isinstance(family, CartPole):
        best = torch.full_like(low, family.horizon)
    else:
        assert isinstance(family, RotatedKeys | GridGoals)
        choose = family.steering_action if isinstance(family, RotatedKeys) else family.optimal_action
        best = mean_returns(family, tasks, OraclePolicy(family, choose), tasks, 100, generator)
    share = settings.problems[problem].share
    return low, best, low + share * (best - low)


def new_tasks(problem: str, settings: Settings) -> NewTaskConfig:
    """How a new task is learned, before the method's choice of learning rate and burst."""
    dqn = settings.dqn
    return NewTaskConfig(
        steps=dqn.steps,
        learning_starts=settings.problems[problem].learning_starts,
        batch_size=dqn.batch_size,
        buffer_size=dqn.buffer_size,
        tau=dqn.tau,
        exploration=dqn.exploration,
        max_grad_norm=dqn.max_grad_norm,
        checkpoints=settings.checkpoints,
    )


def chosen(
    problem: str, method: values.Method, meta: Parameters, settings: Settings, rates: Sequence[float]
) -> NewTaskConfig:
    """The configuration that gives the highest mean return over the first steps of new *training* tasks."""
    generator = torch.Generator().manual_seed(settings.test_seed + 1)
    tasks = method.family.sample_tasks(runs_of(meta) * settings.choice_tasks, generator)
    config = new_tasks(problem, settings)
    points = tuple(point for point in config.checkpoints if config.learning_starts < point <= settings.choice_steps)
    short = dataclasses.replace(config, steps=settings.choice_steps, checkpoints=points)
    scores: dict[tuple[float, int], float] = {}
    for lr in rates:
        for burst in settings.bursts if lr else (0,):
            trial = dataclasses.replace(short, lr=lr, burst=burst)
            returns, _ = values.adaptation_curve(method, meta, tasks, trial, generator, description=None)
            scores[lr, burst] = float(returns.mean())
    lr, burst = max(scores, key=lambda choice: scores[choice])
    return dataclasses.replace(config, lr=lr, burst=burst)


def runs_of(parameters: Parameters) -> int:
    """The length of the leading axis of parameters `[run, ...]`."""
    return len(next(iter(parameters.values())))


def measure(
    problem: str, name: str, method: values.Method, meta: Parameters, settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    """Returns and finished episodes of a method on the held-out tasks, both `[run, task, checkpoint]`."""
    runs, shape = runs_of(meta), (runs_of(meta), settings.test_tasks, len(settings.checkpoints))
    tasks = repeated(held_out(method.family, settings), runs)
    if isinstance(method.family, InformedTasks):
        config = NewTaskConfig()
        generator = torch.Generator().manual_seed(config.evaluation_seed)
        begin = repeat_for_tasks(meta, settings.test_tasks)
        once = mean_returns(method.family, tasks, method.network, begin, config.episodes, generator)
        return once.reshape(runs, -1, 1).expand(shape).numpy(), np.zeros(shape)
    rates = [rate for rate in settings.rates if rate or name != FORCED]
    config = chosen(problem, method, meta, settings, rates)
    generator = torch.Generator().manual_seed(settings.test_seed)
    returns, episodes = values.adaptation_curve(
        method, meta, tasks, config, generator, seed=settings.test_seed, description=f"{problem}: {name}"
    )
    return returns.reshape(shape).numpy(), episodes.reshape(shape).numpy()


def rows_of(method: str, seeds: Sequence[int], settings: Settings) -> np.ndarray:
    """The rows `[seed, task, column]` of a method, its seeds in one batch."""
    problem, name = method.split(": ")
    begun = time.process_time()
    learner, meta, steps = trained(problem, name, settings, seeds)
    seconds = (time.process_time() - begun) / len(seeds)
    returns, episodes = measure(problem, name, learner, meta, settings)
    *_, level = levels(problem, family_of(problem), held_out(family_of(problem), settings), settings)
    first = first_reached(returns, level.numpy(), settings.checkpoints, settings.checkpoints[-1])
    by_then = np.take_along_axis(episodes, np.searchsorted(settings.checkpoints, first)[..., None], -1)
    cost = np.broadcast_to([steps, seconds], (*first.shape, 2))
    return np.concatenate([returns, first[..., None], by_then, cost], -1)


@functools.lru_cache(1)
def _all_seeds(method: str) -> np.ndarray:
    settings = Settings()
    return rows_of(method, settings.seeds, settings)


def run(method: str, seed: int) -> np.ndarray:
    """The row of one method and seed; the first seed asked for trains all of them, but for the method `LIVE`."""
    if method == LIVE:
        return rows_of(method, (seed,), Settings())[0]
    return _all_seeds(method)[Settings().seeds.index(seed)]
