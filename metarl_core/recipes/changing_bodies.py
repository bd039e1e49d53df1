"""Chapter 12: planning with models that adapt, on cart-poles whose force turns round in mid-run, five seeds each.

A row is `[1, 4 · horizon]`, means over the held-out tasks, which are the same for all methods and seeds: the reward of
each step, and the squared error of the prediction of each step, made before it was seen and in units of the training
data's normalisation; first for the test split, then out of distribution. In each of these tasks the force has another
sign after the change than before, which comes after half of the episode.

- true dynamics: plans with what holds at the step; nothing is learned, and no change is foreseen.
- fixed model: one network for all training tasks.
- online SGD, least squares: the fixed model of the same seed; its parameters take gradient steps while an episode runs,
  or its last layer is fitted by recursive least squares.
- GrBAL, ReBAL: meta-trained; GrBAL with the window that was chosen, and with one of 16 steps, as in its paper.

All models of a seed learn from the same episodes with as many updates. Half of the episodes are of random actions; half
were planned with the true dynamics and disturbed by noise, so that upright poles are seen, too. Of every training the
parameters with the lowest validation loss are taken. What is particular to online SGD, least squares, GrBAL and ReBAL
is the best of six settings each (`TRIED`), among them the length of the window, by the reward after the change that
planning with it earns on other tasks of the training split, at seed 0 (`tuned`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarl_core.agents import UniformPolicy
from metarl_core.meta import FixedModel, GrBAL, LastLayerRLS, OnlineSGD, ReBAL, models
from metarl_core.meta.models import Data, DynamicsNetwork, Transitions
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.planning import CEM, TrueDynamics, play
from metarl_core.tasks import ChangingTasks, ContinuousCartPole, Tasks, rollout, select_tasks
from metarl_core.training import History

METHODS = ("true dynamics", "fixed model", "online SGD", "least squares", "GrBAL, M = 16", "GrBAL", "ReBAL")

TRIED: dict[str, tuple[dict[str, Any], ...]] = {
    "online SGD": tuple({"sgd_past": past, "sgd_lr": lr} for past in (4, 8, 16) for lr in (0.01, 0.03)),
    "least squares": tuple({"forgetting": value} for value in (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)),
    "GrBAL": tuple({"grbal_past": past, "inner_lr": lr} for past in (4, 8, 16) for lr in (0.03, 0.1)),
    "ReBAL": tuple({"rebal_past": past, "rebal_across": across} for past in (4, 8, 16) for across in (False, True)),
}
"""fields of `Settings`, six settings for each"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    spread: float = 1.5
    varying: tuple[str, ...] = ("mass_pole", "length", "force")
    horizon: int = 100
    train_tasks: int = 200
    """of each kind of episodes, one episode each"""
    earliest: int = 25
    latest: int = 75
    """bounds of the change in training; at test it comes after half of the episode"""
    exploration: float = 0.5
    """noise on the actions of planned training episodes, in units of half an action's range"""
    validation_tasks: int = 20
    """of each kind, out of the training tasks' split"""
    hidden: tuple[int, ...] = (64, 64)
    """widths of the hidden layers, with tanh"""
    memory: int = 32
    """width of ReBAL's memory"""
    past: int = 16
    """M of the fixed model's windows, and of the long ones of GrBAL"""
    future: int = 16
    """K"""
    iterations: int = 1500
    meta_batch: int = 32
    """windows per update"""
    outer_lr: float = 2e-3
    """of Adam, falling linearly to zero"""
    sgd_past: int = 4
    sgd_lr: float = 0.01
    forgetting: float = 0.75
    """of least squares"""
    grbal_past: int = 4
    inner_lr: float = 0.1
    long_inner_lr: float = 0.03
    """of GrBAL with the long window, the better of its two values"""
    rebal_past: int = 8
    rebal_across: bool = False
    """whether ReBAL's windows reach over a change; these eight are what `tuned` finds"""
    planner: CEM = CEM(horizon=15, iterations=2, candidates=40, elites=6)
    held_out_tasks: int = 25
    test_tasks: int = 1
    """a row is the mean over all held-out tasks"""
    test_seed: int = 1200
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


class Recorded(NamedTuple):
    """Episodes of training tasks."""

    data: Data
    validation: Data


class Trained(NamedTuple):
    """One model after training."""

    method: models.Method
    parameters: Parameters
    history: History


def family_of(settings: Settings, training: bool = False) -> ChangingTasks:
    """The tasks; in training the change comes at any step between two bounds."""
    inner = ContinuousCartPole(settings.spread, settings.horizon, settings.varying, hidden_sign=True)
    bounds = (settings.earliest, settings.latest) if training else (settings.horizon // 2,) * 2
    return ChangingTasks(inner, "force", *bounds)


def held_out(split: str = "test", settings: Settings | None = None) -> Tasks:
    """Tasks whose force has another sign after the change, the same for all methods and seeds."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(settings.test_seed)
    tasks = family_of(settings).sample_tasks(20 * settings.held_out_tasks, generator, split)
    turned = (tasks["force"].sign() != tasks["after.force"].sign()).nonzero()[:, 0]
    return select_tasks(tasks, turned[: settings.held_out_tasks])


def recorded(generator: torch.Generator, settings: Settings | None = None) -> Recorded:
    """The episodes that all models of a seed learn from, and others to choose by."""
    settings = settings or Settings()
    family = family_of(settings, training=True)
    both = []
    for number in (settings.train_tasks, settings.validation_tasks):
        parts, changes = [], []
        for planned in (False, True):
            tasks = family.sample_tasks(number, generator)
            if planned:
                noise = settings.exploration
                oracle, planner = TrueDynamics(family), settings.planner
                played = play(family, tasks, oracle, planner, 1, generator, exploration=noise).trajectories
            else:
                played = rollout(family, tasks, UniformPolicy(family.action_space), {}, 1, generator)
            parts.append(models.transitions_of(played))
            changes.append(tasks["change_at"])
        joined = Transitions(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
        both.append(Data(joined, torch.cat(changes)))
    return Recorded(*both)


def kind(name: str, settings: Settings) -> Callable[[DynamicsNetwork], models.Method]:
    """What makes a method of a network."""
    kinds: dict[str, Callable[..., Any]] = {
        "fixed model": partial(FixedModel, past=settings.past),
        "online SGD": partial(OnlineSGD, lr=settings.sgd_lr, past=settings.sgd_past),
        "least squares": partial(LastLayerRLS, forgetting=settings.forgetting, past=settings.past),
        "GrBAL, M = 16": partial(GrBAL, inner_lr=settings.long_inner_lr, past=settings.past),
        "GrBAL": partial(GrBAL, inner_lr=settings.inner_lr, past=settings.grbal_past),
    }
    return partial(kinds[name], future=settings.future)


def untrained(
    name: str, seen: Data, generator: torch.Generator, settings: Settings
) -> tuple[models.Method, Parameters]:
    """A method, and the parameters that it begins with."""
    family = family_of(settings)
    size, width = ((space.shape or (0,))[0] for space in (family.observation_space, family.action_space))
    normalisation = models.fit_normalisation(seen.transitions)
    make = partial(DynamicsNetwork, size, width, settings.hidden, torch.tanh, normalisation=normalisation)
    if name == "ReBAL":
        network = make(context=settings.memory, generator=generator)
        reader = GRU(2 * size + width, settings.memory, generator)
        reading = ReBAL(network, reader, settings.rebal_past, settings.future)
        return reading, reading.initial(reading.parameters())
    method = kind(name, settings)(make(generator=generator))
    return method, method.initial(initial_parameters(method.network))


def trained(name: str, seed: int, settings: Settings | None = None) -> Trained:
    """Record and train; the table's, with its settings. Online SGD and least squares take over the fixed model."""
    settings = settings or Settings()
    if name not in ("online SGD", "least squares"):
        return _train(name, seed, settings if name in TRIED else _shared(settings))
    fixed = _train("fixed model", seed, _shared(settings))
    return Trained(kind(name, settings)(fixed.method.network), fixed.parameters, fixed.history)


def tuned(name: str, seed: int = 0, settings: Settings | None = None) -> list[float]:
    """For each setting of `TRIED` the mean reward of a step after the change.

    It is measured on twice as many tasks as are held out, of the training split and not among those that are learned
    from.
    """
    settings, rewards = settings or Settings(), []
    for fields in TRIED[name]:
        chosen = replace(settings, **fields, held_out_tasks=2 * settings.held_out_tasks)
        reward, _ = curves(name, trained(name, seed, replace(settings, **fields)), seed, "train", chosen)
        rewards.append(float(reward[:, settings.horizon // 2 :].mean()))
    return rewards


def _shared(settings: Settings) -> Settings:
    """What does not depend on the settings of single methods."""
    own = {name for some in TRIED.values() for fields in some for name in fields}
    return replace(settings, **{name: getattr(Settings, name) for name in own})


@lru_cache(maxsize=2)
def _prepared(seed: int, settings: Settings) -> tuple[Recorded, Tensor]:
    """The episodes of a seed, and its generator's state after them."""
    generator = torch.Generator().manual_seed(seed)
    return recorded(generator, settings), generator.get_state()


@lru_cache(maxsize=2)
def _train(name: str, seed: int, settings: Settings) -> Trained:
    (data, validation), state = _prepared(seed, _shared(settings))
    generator = torch.Generator()
    generator.set_state(state)
    config = models.TrainConfig(
        iterations=settings.iterations,
        meta_batch=settings.meta_batch,
        outer_lr=settings.outer_lr,
        anneal=True,
        shortest=0,
        across=name == "ReBAL" and settings.rebal_across,
    )
    method, first = untrained(name, data, generator, settings)
    learned, history = models.train(method, first, data, config, generator, validation=validation, description=name)
    return Trained(method, learned, history)


def curves(
    name: str, learned: Trained | None, seed: int, split: str = "test", settings: Settings | None = None
) -> tuple[Tensor, Tensor]:
    """Reward and prediction error of each step on the held-out tasks, `[task, time]` each."""
    settings = settings or Settings()
    family, tasks = family_of(settings), held_out(split, settings)
    generator = torch.Generator().manual_seed(settings.test_seed + 1 + seed)  # the same first states for all methods
    if learned is None:
        played = play(family, tasks, TrueDynamics(family), settings.planner, 1, generator)
        return played.trajectories.rewards[:, 0], played.errors.mean((1, -1))
    curve = models.adaptation_curve(learned.method, learned.parameters, family, tasks, settings.planner, generator)
    units = learned.method.network.normalisation.delta_std.square()
    return curve.rewards, (curve.played.errors / units).mean((1, -1))


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed."""
    settings = settings or Settings()
    learned = None if method == "true dynamics" else trained(method, seed, settings)
    parts = [part for split in ("test", "ood") for part in curves(method, learned, seed, split, settings)]
    return torch.cat([part.mean(0) for part in parts])[None]
