"""Chapter 03a: how the episodes of DQN with Huber's loss end on CartPole-v1, and what it believes meanwhile.

The agent is that of `dqn_ingredients` and of `dqn_losses` (its threshold 1), trained once more. Every result is
`[1, report, 7]`, one report per `report_every` steps: the mean return of `episodes` greedy episodes; the shares of them
that end at the time limit, with the cart beyond the edge of the track, and with the pole beyond its angle; and the
value max_a Q of the three states of `dqn_losses`.
"""

import functools
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import DQNConfig, train_dqn
from metarl_core.parameters import Parameters
from metarl_core.recipes.dqn_ingredients import cartpole_agents, cartpole_config
from metarl_core.recipes.dqn_learners import ends_of
from metarl_core.recipes.dqn_losses import STATES
from metarl_core.tasks import CartPole, rollout

METHODS = ("Huber's loss",)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    config: DQNConfig = field(default_factory=lambda: replace(cartpole_config(), huber=True))
    states: dict = field(default_factory=lambda: STATES)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    training_seed: int = 0
    """of exploration and minibatches, for the five learners together"""
    report_every: int = 2500
    episodes: int = 20
    evaluation_seed: int = 1000
    test_tasks: int = 1
    """CartPole-v1 itself"""


@functools.lru_cache(1)
def _all_seeds() -> np.ndarray:
    settings, family = Settings(), CartPole()
    network, start, sampler = cartpole_agents(settings.seeds)
    alike = {name: value.expand(len(settings.seeds)) for name, value in family.default_params.items()}
    states = torch.tensor(list(settings.states.values())).expand(len(settings.seeds), -1, -1)
    reports: list[Tensor] = []

    def report(iteration: int, parameters: Parameters, data: object) -> None:
        generator = torch.Generator().manual_seed(settings.evaluation_seed)
        done = rollout(family, alike, network, parameters, settings.episodes, generator)
        with torch.no_grad():
            values = network(parameters, states).amax(-1)
        reports.append(torch.cat([done.returns.mean(1)[:, None], ends_of(done), values], -1))

    train_dqn(
        network,
        start,
        sampler,
        settings.config,
        torch.Generator().manual_seed(settings.training_seed),
        description="Huber's loss",
        callback=report,
        report_every=settings.report_every,
    )
    return torch.stack(reports, 1).numpy()


def run(method: str, seed: int) -> np.ndarray:
    """The row of one seed; the first asked for trains all of them."""
    return _all_seeds()[[Settings().seeds.index(seed)]]
