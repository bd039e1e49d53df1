"""Chapters 00 and 01: five initialisations for point navigation, adapted to forty held-out goals, five seeds.

Every result is an adaptation curve `[test task, gradient step]` of mean returns.

- MAML: meta-trained; adapts with the step sizes of the MAML paper's evaluation.
- pre-trained: one policy trained by REINFORCE on the same number of training tasks and episodes, to
  the mean return over tasks.
- specialist: one policy trained by REINFORCE on a single training goal.
- random initialisation: not trained.
- from scratch: one policy for each test goal, trained by REINFORCE; its curve is the learning curve, the
  return before each of its updates.

Pre-trained, specialist and random initialisation have no step size of their own: each takes the best of
`rates` on training tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from metarl_core.agents import GaussianPolicy, ReinforceConfig, train_reinforce
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.parameters import Parameters, initial_parameters, repeat_parameters
from metarl_core.tasks import PointNavigation, Tasks, Trajectories
from metarl_core.training import History

METHODS = ("MAML", "pre-trained", "specialist", "random initialisation", "from scratch")


@dataclass(frozen=True)
class MamlSettings:
    """Of MAML with the low-variance curvature estimator; after the released code of the MAML paper, but for the outer
    rule, which there is TRPO."""

    iterations: int = 60
    meta_batch: int = 20
    """tasks per iteration"""
    episodes: int = 20
    """per task, before and after adaptation"""
    inner_lr: float = 0.5
    discount: float = 0.99
    outer_lr: float = 3e-3
    """of Adam, falling linearly to zero over the iterations"""
    epochs: int = 2
    """passes over the batch by PPO's clipped objective (ProMP, Rothfuss et al. 2019, uses 5)"""
    minibatch: int = 5
    """tasks per update within an epoch"""
    clip: float = 0.3
    """of the probability ratio, as ProMP"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapters read it back from the table."""

    maml: MamlSettings = field(default_factory=MamlSettings)
    pretraining: ReinforceConfig = field(
        default_factory=lambda: ReinforceConfig(iterations=120, meta_batch=20, lr=3e-3)
    )
    """as many episodes as MAML: 120 iterations once, instead of 60 iterations before and after adaptation"""
    specialist: ReinforceConfig = field(default_factory=lambda: ReinforceConfig(iterations=100, lr=3e-3))
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    test_tasks: int = 40
    test_seed: int = 1000
    maml_rates: tuple[float, ...] = (0.5, 0.25, 0.25)
    rates: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
    scratch: ReinforceConfig = field(default_factory=lambda: ReinforceConfig(iterations=60, lr=3e-3))


def run(method: str, seed: int, settings: Settings) -> torch.Tensor:
    """The adaptation curve `[test task, step]` of one method and seed."""
    if method == "from scratch":
        policy, start, generator = untrained(seed)
        before = from_scratch(policy, start, settings.scratch, held_out(settings), generator)
        return torch.stack([batch.returns.mean(1) for batch in before], 1)
    return adapted(method, trained(method, seed, settings), settings).returns


def held_out(settings: Settings | None = None) -> Tasks:
    """The test goals, the same for all methods and seeds."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(settings.test_seed)
    return PointNavigation().sample_tasks(settings.test_tasks, generator, "test")


def untrained(seed: int) -> tuple[GaussianPolicy, Parameters, torch.Generator]:
    """Policy, its random initial parameters and the generator that goes on."""
    family = PointNavigation()
    generator = torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=generator)
    return policy, initial_parameters(policy), generator


class Trained(NamedTuple):
    """One method and seed after training."""

    learner: PolicyMAML
    """how it adapts"""
    parameters: Parameters
    """that it adapts from"""
    generator: torch.Generator
    """goes on"""
    history: History
    """empty without training"""
    goal: Tasks | None = None
    """of the specialist"""


def trained(method: str, seed: int, settings: Settings | None = None) -> Trained:
    """Train one method from one seed; the table's, with its settings."""
    settings = settings or Settings()
    family, maml = PointNavigation(), settings.maml
    policy, start, generator = untrained(seed)
    learner = PolicyMAML(family, policy, maml.inner_lr, episodes=maml.episodes, discount=maml.discount)
    history, goal = History(0), None
    if method == "MAML":
        rule = OuterPPO(outer_lr=maml.outer_lr, epochs=maml.epochs, clip=maml.clip, minibatch=maml.minibatch)
        config = policies.TrainConfig(iterations=maml.iterations, meta_batch=maml.meta_batch)
        start, history = policies.train(learner, start, config, generator, rule=rule, description=method)
    elif method == "pre-trained":
        start, history = train_reinforce(family, policy, start, settings.pretraining, generator, description=method)
    elif method == "specialist":
        goal = family.sample_tasks(1, generator)
        start, history = train_reinforce(
            family, policy, start, settings.specialist, generator, tasks=goal, description=f"specialist {seed}"
        )
    return Trained(learner, start, generator, history, goal)


def test_rates(method: str, learned: Trained, settings: Settings) -> Sequence[float]:
    """The step sizes at test: MAML's own; for the others the best of `rates`, on as many training goals."""
    if method == "MAML":
        return settings.maml_rates
    learner, start, generator = learned.learner, learned.parameters, learned.generator
    goals, steps = learner.family.sample_tasks(settings.test_tasks, generator), len(settings.maml_rates)
    return [policies.choose_inner_lr(learner, start, goals, settings.rates, steps, generator)] * steps


def adapted(method: str, learned: Trained, settings: Settings | None = None) -> policies.AdaptationCurve:
    """The adaptation on the held-out goals, with random numbers from `learned.generator`."""
    settings = settings or Settings()
    rates = test_rates(method, learned, settings)
    return policies.adaptation_curve(
        learned.learner, learned.parameters, held_out(settings), learned.generator, inner_lr=rates
    )


def from_scratch(
    policy: GaussianPolicy, start: Parameters, config: ReinforceConfig, goals: Tasks, generator: torch.Generator
) -> list[Trajectories]:
    """The trajectories before each update of one policy per goal, all trained from the same initial parameters."""
    before: list[Trajectories] = []
    train_reinforce(
        PointNavigation(),
        policy,
        repeat_parameters(start, len(goals["goal"])),
        config,
        generator,
        tasks=goals,
        description="from scratch",
        callback=lambda iteration, parameters, trajectories: before.append(trajectories),
    )
    return before
