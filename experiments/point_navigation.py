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

import functools
from dataclasses import dataclass, field

import torch

from metarl_core.agents import GaussianPolicy, ReinforceConfig, train_reinforce
from metarl_core.meta import MamlConfig, adaptation_curve, choose_inner_lr, train_maml
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.results import Experiment
from metarl_core.tasks import PointNavigation, Tasks

METHODS = ("MAML", "pre-trained", "specialist", "random initialisation", "from scratch")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapters read it back from the table."""

    maml: MamlConfig = field(default_factory=lambda: MamlConfig(iterations=60))
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
    policy, start, generator, rates = trained(method, seed, settings)
    returns, _, _ = adaptation_curve(family, test, policy, start, rates, len(rates), generator)
    return returns


def untrained(seed: int):
    """Policy, its random initial parameters and the generator that goes on."""
    family = PointNavigation()
    generator = torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=generator)
    return policy, initial_parameters(policy), generator


def trained(method: str, seed: int, settings: Settings):
    """Policy, parameters to adapt from, the generator that goes on, and the step sizes of one method and seed."""
    family = PointNavigation()
    policy, start, generator = untrained(seed)
    if method == "MAML":
        start, _ = train_maml(family, policy, start, settings.maml, generator)
        return policy, start, generator, list(settings.maml_rates)
    if method == "pre-trained":
        start, _ = train_reinforce(family, policy, start, settings.pretraining, generator)
    if method == "specialist":
        goal = family.sample_tasks(1, generator)
        start, _ = train_reinforce(family, policy, start, settings.specialist, generator, tasks=goal)
    steps = len(settings.maml_rates)
    training_tasks = family.sample_tasks(settings.test_tasks, generator)
    rate = choose_inner_lr(family, training_tasks, policy, start, settings.rates, steps, generator)
    return policy, start, generator, [rate] * steps


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


EXPERIMENT = Experiment(
    name="point_navigation",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=tuple((method, 0) for method in METHODS),
    tolerance=5.0,
)
