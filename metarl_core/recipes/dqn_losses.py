"""Chapter 03: what DQN on CartPole-v1 believes of states from which it must fall, by squared and by Huber's loss.

As in `dqn_ingredients`, the five seeds of a method are five learners in one batch. Every result is
`[1, report, 5]`, one report per `report_every` steps: the mean return of `episodes` greedy episodes, the value
max_a Q of the three states of `STATES`, in units of the task's reward, and the share of terminated transitions
among all transitions so far (the buffer holds them all).
"""

import functools
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import CARTPOLE_DQN, DQNConfig, VectorSampler, dqn, train_dqn
from metarl_core.parameters import Parameters
from metarl_core.recipes.dqn_ingredients import Relabelled, cartpole_agents, cartpole_config, evaluation

STATES = {
    "start": (0.0, 0.0, 0.0, 0.0),
    "near the edge, moving outward": (2.2, 1.0, 0.0, 0.0),
    "pole falling": (0.0, 0.0, 0.2, 1.5),
}
"""Position, velocity, angle, angular velocity. From the last two no action prevents the end."""

THRESHOLDS = {"squared loss": None, "Huber's loss": 1.0, "threshold 100": 100.0, "rewards ÷ 100": 1.0}
"""Of Huber's loss, in the units of the rewards that the learner sees."""
DIVISORS = {"squared loss": 1.0, "Huber's loss": 1.0, "threshold 100": 1.0, "rewards ÷ 100": 100.0}
"""Of the rewards that the learner sees."""
METHODS = tuple(THRESHOLDS)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    config: DQNConfig = field(default_factory=cartpole_config)
    num_envs: int = CARTPOLE_DQN.num_envs
    hidden: tuple[int, ...] = CARTPOLE_DQN.hidden
    thresholds: dict = field(default_factory=lambda: THRESHOLDS)
    divisors: dict = field(default_factory=lambda: DIVISORS)
    states: dict = field(default_factory=lambda: STATES)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    training_seed: int = 0
    """of exploration and minibatches, for the five learners together"""
    report_every: int = 2500
    episodes: int = 20
    evaluation_seed: int = 1000
    test_tasks: int = 1
    """CartPole-v1 itself"""


class Divided:
    """A sampler whose rewards are divided by `scale`; its record of returns stays as it is."""

    def __init__(self, sampler: VectorSampler, scale: float):
        self.sampler, self.scale = sampler, scale

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        observation, reward, terminated, truncated, mask = self.sampler.step(action)
        return observation, reward / self.scale, terminated, truncated, mask


def loss(predicted: Tensor, target: Tensor, huber: bool, threshold: float | None) -> Tensor:
    """DQN's loss with a threshold that can be chosen; e² without one."""
    error = (predicted - target).abs()
    if threshold is None:
        return error.square().mean(1)
    return torch.where(error <= threshold, 0.5 * error.square(), threshold * (error - 0.5 * threshold)).mean(1)


@functools.lru_cache(1)
def _all_seeds(method: str) -> np.ndarray:
    settings = Settings()
    network, start, vector = cartpole_agents(settings.seeds)
    scale, threshold = settings.divisors[method], settings.thresholds[method]
    states = torch.tensor(list(settings.states.values())).expand(len(settings.seeds), -1, -1)
    falls = torch.zeros(len(settings.seeds))
    reports: list[Tensor] = []

    def count(terminated: Tensor, truncated: Tensor) -> Tensor:
        falls.add_(terminated.sum(1))
        return terminated

    def report(iteration: int, parameters: Parameters, data: object) -> None:
        with torch.no_grad():
            values = scale * network(parameters, states).max(-1).values
        greedy = evaluation(network, parameters, settings.episodes, settings.evaluation_seed)[:, :1]
        reports.append(torch.cat([greedy, values, falls[:, None] / (iteration * settings.num_envs)], -1))

    generator = torch.Generator().manual_seed(settings.training_seed)
    sampler: Any = Relabelled(Divided(vector, scale), count)
    chosen = functools.partial(loss, threshold=threshold)
    with mock.patch.object(dqn, "td_error_loss", chosen):
        train_dqn(
            network,
            start,
            sampler,
            settings.config,
            generator,
            description=method,
            callback=report,
            report_every=settings.report_every,
        )
    return torch.stack(reports, 1).numpy()


def run(method: str, seed: int) -> np.ndarray:
    """The row of one method and seed; the first seed asked for trains all of them."""
    return _all_seeds(method)[[Settings().seeds.index(seed)]]
