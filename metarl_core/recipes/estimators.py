"""Chapter 09: point navigation meta-trained with each estimator of the meta-policy gradient, five seeds.

Every result is an adaptation curve `[test task, gradient step]` of mean returns on forty held-out goals. All methods
share the outer rule, the tasks, the random initialisation and the noise of each seed; they differ in what the outer
derivative sees of the inner step. At test time all take the same steps.
"""

from dataclasses import dataclass
from typing import Any

import torch

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.tasks import PointNavigation, Tasks
from metarl_core.training import Callback, History

OPTIONS: dict[str, dict[str, Any]] = {
    "LVC": {"estimator": "lvc"},
    "naive": {"estimator": "naive"},
    "DiCE": {"estimator": "dice"},
    "first order": {"first_order": True},
    "naive + sampling term": {"estimator": "naive", "sampling_term": True},
}
"""Keywords of `PolicyMAML` for each method"""
METHODS = tuple(OPTIONS)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads it back from the table."""

    iterations: int = 60
    meta_batch: int = 20
    outer_lr: float = 3e-3
    epochs: int = 2
    clip: float = 0.3
    minibatch: int = 5
    inner_lr: float = 0.5
    episodes: int = 20
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    test_tasks: int = 40
    test_seed: int = 1000
    test_rates: tuple[float, ...] = (0.5, 0.25, 0.25)


def make(method: str, seed: int, settings: Settings) -> tuple[PolicyMAML, Parameters, torch.Generator]:
    """The learner, its meta-parameters before training, and the generator that goes on."""
    family, generator = PointNavigation(), torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=generator)
    learner = PolicyMAML(family, policy, settings.inner_lr, episodes=settings.episodes, **OPTIONS[method])
    return learner, learner.initial(initial_parameters(policy)), generator


def held_out(settings: Settings) -> Tasks:
    """The test goals, the same for all methods and seeds."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return PointNavigation().sample_tasks(settings.test_tasks, generator, "test")


def evaluate(learner: PolicyMAML, theta: Parameters, settings: Settings, generator: torch.Generator) -> torch.Tensor:
    """The adaptation curve `[test task, step]`."""
    test = held_out(settings)
    return policies.adaptation_curve(learner, theta, test, generator, inner_lr=settings.test_rates).returns


def trained(
    method: str, seed: int, settings: Settings | None = None, callback: Callback | None = None
) -> tuple[PolicyMAML, Parameters, torch.Generator, History]:
    """The learner, its trained meta-parameters, the generator that goes on, and the history.

    `callback` as in `policies.train`.
    """
    settings = settings or Settings()
    learner, start, generator = make(method, seed, settings)
    rule = OuterPPO(
        outer_lr=settings.outer_lr, epochs=settings.epochs, clip=settings.clip, minibatch=settings.minibatch
    )
    config = policies.TrainConfig(iterations=settings.iterations, meta_batch=settings.meta_batch)
    theta, history = policies.train(learner, start, config, generator, rule=rule, description=method, callback=callback)
    return learner, theta, generator, history


def run(method: str, seed: int, settings: Settings) -> torch.Tensor:
    """The adaptation curve of one method and seed."""
    learner, theta, generator, _ = trained(method, seed, settings)
    return evaluate(learner, theta, settings, generator)
