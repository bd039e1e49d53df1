"""Chapter 11: RL² on Bernoulli bandits (Duan et al. 2016, table 1), five seeds each.

A row is `[1, pulls + 2]`, means over the held-out bandits, which are the same for all seeds, and of which each is
played once: the regret of each pull (the best arm's mean minus that of the arm pulled), then what is earned in all, per
pull, on bandits out of distribution, and on the held-out ones where play lasts twice as long as in training. Everything
is counted with the arms' means. The strategies that are told the prior need no training: `metarl_core.exact` plays them
on the same bandits.

A memory is trained in phases of more and more pulls. Short play is cheap, and its returns say more clearly which action
earned them; what a memory has learned there, to come back to what pays, is where the next phase begins.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metarl_core.meta import RL2, MemoryAgent, memory
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.tasks import BernoulliBandits, Tasks
from metarl_core.training import Callback, History

METHODS = ("10 pulls, 5 arms", "30 pulls, 5 arms", "100 pulls, 5 arms", "100 pulls, 10 arms")


@dataclass(frozen=True)
class Phase:
    """Training with one number of pulls."""

    pulls: int
    iterations: int
    outer_lr: float
    entropy_coef: float
    last: bool = False
    """let step size and entropy's weight fall linearly to zero"""
    baseline: str = "task"
    """see `memory.trial_advantages`"""
    share: float = 1.0
    """of the bandits and minibatches of the settings: an iteration of long play has enough steps with fewer"""


def phases() -> dict[str, tuple[Phase, ...]]:
    """By the pulls of the last phase."""
    first = Phase(10, 60, 1e-2, 0.01)
    return {
        "10": (first, Phase(10, 60, 5e-3, 0.01, last=True)),
        "30": (first, Phase(30, 70, 7e-3, 0.02, last=True)),
        "100": (
            first,
            Phase(30, 50, 7e-3, 0.02, baseline="past"),
            Phase(100, 90, 4e-3, 0.01, last=True, baseline="past", share=0.5),
        ),
    }


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    phases: dict = field(default_factory=phases)
    hidden: int = 64
    """of the GRU; 256 in the paper"""
    meta_batch: int = 128
    """bandits per iteration"""
    trials: int = 8
    """of each bandit"""
    epochs: int = 3
    minibatches: int = 4
    clip: float = 0.2
    max_grad_norm: float = 1.0
    held_out_tasks: int = 4000
    test_tasks: int = 1
    """a row is the mean over all held-out bandits"""
    test_seed: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def size_of(method: str) -> tuple[int, int]:
    """Pulls and arms of a method's name."""
    pulls, _, arms, _ = method.replace(",", "").split()
    return int(pulls), int(arms)


def held_out(method: str, settings: Settings | None = None) -> Tasks:
    """The held-out bandits, the same for all seeds."""
    settings = settings or Settings()
    pulls, arms = size_of(method)
    generator = torch.Generator().manual_seed(settings.test_seed)
    return BernoulliBandits(arms, pulls).sample_tasks(settings.held_out_tasks, generator, "test")


def mean_of_arm(state: Tensor, action: Tensor, tasks: Tasks) -> Tensor:
    """The mean reward of the arm that is pulled."""
    return tasks["means"].gather(-1, action[..., None])[..., 0]


class Trained(NamedTuple):
    """One memory after training."""

    method: RL2
    parameters: Parameters
    generator: torch.Generator
    """goes on"""
    histories: list[History]
    """of each phase"""


def trained(
    method: str,
    seed: int,
    settings: Settings | None = None,
    callback: Callback | None = None,
    make_memory: Callable[..., Any] = GRU,
) -> Trained:
    """Train one memory from one seed; the table's, with its settings.

    Args:
        method: pulls and arms, as in `METHODS`.
        seed: of weights, bandits and luck.
        settings: of the table unless given.
        callback: as in `memory.train`.
        make_memory: of the width of its inputs, `hidden` units and a generator.
    """
    settings = settings or Settings()
    pulls, arms = size_of(method)
    generator = torch.Generator().manual_seed(seed)
    spaces = (BernoulliBandits(arms).observation_space, BernoulliBandits(arms).action_space)
    make = functools.partial(make_memory, hidden=settings.hidden)
    agent = MemoryAgent(*spaces, make, generator=generator)
    meta, histories = initial_parameters(agent), []
    for phase in settings.phases[str(pulls)]:
        family = BernoulliBandits(arms, phase.pulls)
        learner = RL2(family, agent, settings.trials, episodes=1, discount=1.0, expected_reward=mean_of_arm)
        config = memory.TrainConfig(
            iterations=phase.iterations,
            meta_batch=round(settings.meta_batch * phase.share),
            outer_lr=phase.outer_lr,
            epochs=settings.epochs,
            minibatches=round(settings.minibatches * phase.share),
            clip=settings.clip,
            gae_lambda=1.0,
            value_coef=0.0,
            baseline=phase.baseline,
            entropy_coef=phase.entropy_coef,
            anneal_entropy=phase.last,
            anneal=phase.last,
            max_grad_norm=settings.max_grad_norm,
        )
        description = f"{arms} arms, {phase.pulls} pulls"
        meta, history = memory.train(learner, meta, config, generator, description=description, callback=callback)
        histories.append(history)
    return Trained(learner, meta, generator, histories)


def regrets(learned: Trained, tasks: Tasks, pulls: int) -> Tensor:
    """Regret of each pull on bandits that are played once, `[task, pull]`, with numbers from `learned.generator`."""
    family = BernoulliBandits(tasks["means"].shape[1], pulls)
    played = memory.play_trials(
        family, tasks, learned.method.agent, learned.parameters, 1, 1, learned.generator, mean_of_arm
    )
    return tasks["means"].amax(1, keepdim=True) - played.expected_rewards[:, 0]


def total_rewards(method: str, scores: np.ndarray, settings: Settings | None = None) -> np.ndarray:
    """What a trial earns on the held-out bandits, `[seed]`, from the regrets in a table's scores `[seed, 1, ...]`."""
    pulls, _ = size_of(method)
    most = pulls * float(held_out(method, settings)["means"].amax(1).double().mean())
    return most - scores[:, 0, :pulls].sum(-1)


def run(method: str, seed: int, settings: Settings | None = None, make_memory: Callable[..., Any] = GRU) -> Tensor:
    """The row of one method and seed; `make_memory` as in `trained`."""
    settings = settings or Settings()
    pulls, arms = size_of(method)
    learned = trained(method, seed, settings, make_memory=make_memory)
    tasks = held_out(method, settings)
    own = regrets(learned, tasks, pulls)
    elsewhere = BernoulliBandits(arms, pulls).sample_tasks(settings.held_out_tasks, learned.generator, "ood")
    others = [(elsewhere, pulls), (tasks, 2 * pulls)]
    earned = [(t["means"].amax(1, keepdim=True) - regrets(learned, t, n)).mean() for t, n in others]
    return torch.cat([own.mean(0), torch.stack(earned)])[None]
