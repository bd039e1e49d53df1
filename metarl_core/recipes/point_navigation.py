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

from dataclasses import dataclass, field

import torch

from metarl_core.agents import GaussianPolicy, ReinforceConfig, train_reinforce
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.parameters import Parameters, initial_parameters, repeat_parameters
from metarl_core.tasks import PointNavigation, Tasks

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
    family = PointNavigation()
    test = family.sample_tasks(settings.test_tasks, torch.Generator().manual_seed(settings.test_seed), "test")
    if method == "from scratch":
        return learning_curves(family, test, seed, settings)
    learner, start, generator, rates = trained(method, seed, settings)
    return policies.adaptation_curve(learner, start, test, generator, inner_lr=rates).returns


def untrained(seed: int) -> tuple[GaussianPolicy, Parameters, torch.Generator]:
    """Policy, its random initial parameters and the generator that goes on."""
    family = PointNavigation()
    generator = torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=generator)
    return policy, initial_parameters(policy), generator


def trained(method: str, seed: int, settings: Settings) -> tuple[PolicyMAML, Parameters, torch.Generator, list[float]]:
    """How to adapt, parameters to adapt from, the generator that goes on, and the step sizes of one method and seed."""
    family, maml = PointNavigation(), settings.maml
    policy, start, generator = untrained(seed)
    learner = PolicyMAML(family, policy, maml.inner_lr, episodes=maml.episodes, discount=maml.discount)
    if method == "MAML":
        rule = OuterPPO(outer_lr=maml.outer_lr, epochs=maml.epochs, clip=maml.clip, minibatch=maml.minibatch)
        config = policies.TrainConfig(iterations=maml.iterations, meta_batch=maml.meta_batch)
        start, _ = policies.train(learner, start, config, generator, rule=rule, description="MAML")
        return learner, start, generator, list(settings.maml_rates)
    if method == "pre-trained":
        start, _ = train_reinforce(family, policy, start, settings.pretraining, generator)
    if method == "specialist":
        goal = family.sample_tasks(1, generator)
        start, _ = train_reinforce(family, policy, start, settings.specialist, generator, tasks=goal)
    steps = len(settings.maml_rates)
    training_tasks = family.sample_tasks(settings.test_tasks, generator)
    rate = policies.choose_inner_lr(learner, start, training_tasks, settings.rates, steps, generator)
    return learner, start, generator, [rate] * steps


def learning_curves(family: PointNavigation, tasks: Tasks, seed: int, settings: Settings) -> torch.Tensor:
    """Mean return before each update, `[task, iteration]`, of one policy per task trained from scratch."""
    policy, start, generator = untrained(seed)
    curve = []
    train_reinforce(
        family,
        policy,
        repeat_parameters(start, settings.test_tasks),
        settings.scratch,
        generator,
        tasks=tasks,
        callback=lambda iteration, parameters, trajectories: curve.append(trajectories.returns.mean(1)),
    )
    return torch.stack(curve, 1)
