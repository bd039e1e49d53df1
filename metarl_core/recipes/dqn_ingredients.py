"""Chapter 03: DQN on CartPole-v1 with one ingredient changed at a time, five seeds each.

The five seeds of a variant are five learners in one batch, so a variant is one training run; its first update
to its last report takes about a minute. Every result is `[1, report, 3]`, one report per `report_every` steps:
the mean return of the latest 20 training episodes (with exploration), the mean return of `episodes` greedy episodes
from fresh starts, and the mean over those starts of max_a Q(s, a), the value that the agent promises itself.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import CARTPOLE_DQN, DQNConfig, QNetwork, VectorSampler, train_dqn
from metarl_core.parameters import Parameters
from metarl_core.tasks import CartPole, rollout

CHANGES: dict[str, dict[str, Any]] = {
    "full": {},
    "newest 128 only": {"buffer_size": 128},
    "no target network": {"tau": 1.0, "target_update_interval": 1},
    "hard target": {"tau": 1.0, "target_update_interval": 50},
    "no double Q": {"double": False},
    "Huber's loss": {"huber": True},
    "γ = 0.99": {"discount": 0.99},
    "constant learning rate": {},
    "constant ε = 0.1": {"exploration": (0.1, 0.1, 1.0)},
    "no (1 − terminated)": {},
    "truncation as termination": {},
}
"""What each variant changes in `DQNConfig`; three change the code instead (see `trained`)."""
METHODS = tuple(CHANGES)


def cartpole_config() -> DQNConfig:
    """The setting of `CARTPOLE_DQN`."""
    assert isinstance(CARTPOLE_DQN.config, DQNConfig)
    return CARTPOLE_DQN.config


def cartpole_agents(seeds: Sequence[int]) -> tuple[QNetwork, Parameters, VectorSampler]:
    """Network, initial parameters `[seed, ...]` and environments of `CARTPOLE_DQN`."""
    network, start, sampler = CARTPOLE_DQN.prepare(seeds)
    assert isinstance(network, QNetwork)
    return network, start, sampler


Flags = Callable[[Tensor, Tensor], Tensor]
"""what `terminated` becomes, from `terminated` and `truncated`"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    config: DQNConfig = field(default_factory=cartpole_config)
    num_envs: int = CARTPOLE_DQN.num_envs
    hidden: tuple[int, ...] = CARTPOLE_DQN.hidden
    changes: dict = field(default_factory=lambda: CHANGES)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    training_seed: int = 0
    """of exploration and minibatches, for the five learners together"""
    report_every: int = 2500
    episodes: int = 20
    evaluation_seed: int = 1000
    test_tasks: int = 1
    """CartPole-v1 itself"""


class Relabelled:
    """A sampler whose `terminated` is what `rule(terminated, truncated)` makes of the two flags."""

    def __init__(self, sampler: Any, rule: Flags):
        self.sampler, self.rule = sampler, rule

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        observation, reward, terminated, truncated, mask = self.sampler.step(action)
        return observation, reward, self.rule(terminated, truncated), truncated, mask


RULES: dict[str, Flags] = {
    "no (1 − terminated)": lambda terminated, truncated: torch.zeros_like(terminated),
    "truncation as termination": lambda terminated, truncated: terminated | truncated,
}


def evaluation(network: QNetwork, parameters: Parameters, episodes: int, seed: int) -> Tensor:
    """Greedy return and promised value of every learner, `[learner, 2]`, on the same fresh starts."""
    family, learners = CartPole(), len(parameters["weight0"])
    tasks = {name: value.expand(learners) for name, value in family.default_params.items()}
    generator = torch.Generator().manual_seed(seed)
    done = rollout(family, tasks, network, parameters, episodes, generator)
    with torch.no_grad():
        promised = network(parameters, done.observations[:, :, 0]).max(-1).values
    return torch.stack([done.returns.mean(1), promised.mean(1)], -1)


def trained(method: str, settings: Settings) -> tuple[QNetwork, Parameters, Tensor]:
    """Network, trained parameters of all seeds and results `[seed, report, 3]` of one variant."""
    network, start, vector = cartpole_agents(settings.seeds)
    sampler: Any = Relabelled(vector, RULES[method]) if method in RULES else vector
    config = dataclasses.replace(settings.config, **settings.changes[method])
    if method == "constant learning rate":
        config = dataclasses.replace(config, anneal=False)
    generator = torch.Generator().manual_seed(settings.training_seed)
    reports: list[Tensor] = []

    def report(iteration: int, parameters: Parameters, data: object) -> None:
        training = sampler.recent_return()[:, None]
        greedy = evaluation(network, parameters, settings.episodes, settings.evaluation_seed)
        reports.append(torch.cat([training, greedy], -1))

    parameters, _ = train_dqn(
        network,
        start,
        sampler,
        config,
        generator,
        description=method,
        callback=report,
        report_every=settings.report_every,
    )
    return network, parameters, torch.stack(reports, 1)


@functools.lru_cache(1)
def _all_seeds(method: str) -> np.ndarray:
    return trained(method, Settings())[2].numpy()


def run(method: str, seed: int) -> np.ndarray:
    """The row of one variant and seed; the first seed asked for trains all of them."""
    return _all_seeds(method)[[Settings().seeds.index(seed)]]
