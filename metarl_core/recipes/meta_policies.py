"""Chapter 08: meta-learned policies on held-out tasks, every method, five seeds each.

Every result is an adaptation curve `[test task, gradient step]` of mean returns, before and after one, two and three
policy-gradient steps with 20 new episodes before each. The problems:

- navigation: the released setting of the MAML paper (reward −distance, actions normalised, α 0.5, then 0.25).
- released: the same trained policies, adapted with 40 episodes a step. The published numbers come from an evaluation
  with 4,000 environment steps for each gradient step: 40 episodes of full length, and more where episodes end early.
- squared: the setting of the paper's text (reward −distance², actions as they are, α 0.1).
- CartPole: its physics vary by up to a factor of three (observed only through the motion).
- sparse: navigation that pays 1 for each step within 0.1 of the goal, and nothing elsewhere.

*From scratch* is one policy for each test task, trained by REINFORCE with 20 new episodes for each update; its curve is
its return after 0, 1, 2, … updates.
Pre-training, random initialisation and Reptile's fine-tuning have no step size of their own: each takes the best of
`rates` on training tasks.
"""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.agents import CategoricalPolicy, DifferentiablePolicy, GaussianPolicy, ReinforceConfig, train_reinforce
from metarl_core.meta import (
    OuterPPO,
    OuterReptile,
    OuterTRPO,
    PolicyMAML,
    policies,
)
from metarl_core.parameters import Parameters, initial_parameters, repeat_parameters
from metarl_core.tasks import CartPole, PointNavigation, TaskFamily, Tasks
from metarl_core.training import Callback, History

BASELINES = ("pre-training", "random initialisation", "from scratch")
NAVIGATION = ("MAML", "MAML, every step", "MAML, TRPO", "FOMAML", "Meta-SGD", "Reptile", *BASELINES)
RELEASED = ("MAML", "MAML, every step", "MAML, TRPO", "Meta-SGD", "random initialisation")
METHODS = (
    # A policy is trained once for both: the rows of one seed are made one after another.
    *(
        f"{problem}: {name}"
        for name in NAVIGATION
        for problem in ("navigation", "released")
        if problem == "navigation" or name in RELEASED
    ),
    *(f"squared: {name}" for name in ("MAML", *BASELINES[:2])),
    *(f"CartPole: {name}" for name in ("MAML", *BASELINES)),
    *(f"sparse: {name}" for name in ("MAML", *BASELINES[:2])),
)


@dataclass(frozen=True)
class Problem:
    """What differs between the problems."""

    inner_lr: float
    """α in meta-training"""
    test_rates: tuple[float, ...]
    """of MAML and its kin at test"""
    iterations: int = 60


def problems() -> dict[str, Problem]:
    return {
        "navigation": Problem(0.5, (0.5, 0.25, 0.25)),
        "squared": Problem(0.1, (0.1, 0.1, 0.1)),
        "CartPole": Problem(1.0, (1.0, 1.0, 1.0), iterations=40),
        "sparse": Problem(0.5, (0.5, 0.25, 0.25)),
    }


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads it back from the table."""

    problems: dict = field(default_factory=problems)
    meta_batch: int = 20
    episodes: int = 20
    outer_lr: float = 3e-3
    """of Adam, in PPO's rule and in pre-training; annealed to 0"""
    ppo_epochs: int = 2
    ppo_minibatch: int = 5
    """tasks"""
    every_step_iterations: int = 200
    trpo_iterations: int = 100
    max_kl: float = 0.01
    reptile_inner_steps: int = 3
    reptile_outer_lr: float = 1.0
    scratch_updates: int = 60
    rates: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
    steps: int = 3
    released_episodes: int = 40
    test_tasks: int = 40
    test_seed: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def family_of(problem: str) -> TaskFamily:
    """The task family of a problem."""
    return {
        "navigation": lambda: PointNavigation(),
        "squared": lambda: PointNavigation(reward="squared", normalised_actions=False),
        "CartPole": lambda: CartPole(spread=3.0, horizon=200),
        "sparse": lambda: PointNavigation(reward="sparse"),
    }[problem]()


def untrained(
    problem: str, seed: int, settings: Settings
) -> tuple[TaskFamily, CategoricalPolicy | GaussianPolicy, Parameters, torch.Generator]:
    """Family, policy, its random initial parameters and the generator that goes on."""
    family = family_of(problem)
    generator = torch.Generator().manual_seed(seed)
    spaces = family.observation_space, family.action_space
    policy: CategoricalPolicy | GaussianPolicy
    if problem == "CartPole":
        policy = CategoricalPolicy(*spaces, generator=generator)
    else:
        policy = GaussianPolicy(*spaces, generator=generator)
    return family, policy, initial_parameters(policy), generator


def learner(
    problem: str, name: str, family: TaskFamily, policy: DifferentiablePolicy, settings: Settings
) -> tuple[PolicyMAML, policies.OuterRule, int]:
    """A meta-learner by its name in `METHODS`, its outer rule and its number of meta-iterations."""
    own = settings.problems[problem]
    method = PolicyMAML(family, policy, own.inner_lr, episodes=settings.episodes)
    rule: policies.OuterRule = OuterPPO(
        outer_lr=settings.outer_lr, epochs=settings.ppo_epochs, minibatch=settings.ppo_minibatch
    )
    iterations = own.iterations
    if name == "MAML, every step":
        method = dataclasses.replace(method, inner_steps=2, inner_lr=own.test_rates, every_step=True)
        iterations = settings.every_step_iterations
    elif name == "MAML, TRPO":
        rule, iterations = OuterTRPO(max_kl=settings.max_kl), settings.trpo_iterations
    elif name == "FOMAML":
        method = dataclasses.replace(method, first_order=True)
    elif name == "Meta-SGD":
        method = dataclasses.replace(method, learned_rates=True)
    elif name == "Reptile":
        method = dataclasses.replace(method, inner_steps=settings.reptile_inner_steps)
        rule = OuterReptile(outer_lr=settings.reptile_outer_lr)
    return method, rule, iterations


class Trained(NamedTuple):
    """One method and seed after training."""

    method: PolicyMAML
    """how it adapts"""
    parameters: Parameters
    """that it adapts from"""
    generator: torch.Generator
    """goes on"""
    history: History
    """empty without training"""


def trained(
    problem: str, name: str, seed: int, settings: Settings | None = None, callback: Callback | None = None
) -> Trained:
    """Train one method from one seed; the table's, with its settings. `callback` as in `policies.train`."""
    settings = settings or Settings()
    family, policy, start, generator = untrained(problem, seed, settings)
    own = settings.problems[problem]
    method, rule, iterations = learner(problem, name, family, policy, settings)
    history = History(0)
    if name == "pre-training":
        # As many episodes as MAML's: before and after adaptation.
        alone = ReinforceConfig(
            iterations=2 * own.iterations,
            episodes=settings.episodes,
            meta_batch=settings.meta_batch,
            lr=settings.outer_lr,
        )
        start, history = train_reinforce(family, policy, start, alone, generator, description=name)
    elif name != "random initialisation":
        config = policies.TrainConfig(iterations=iterations, meta_batch=settings.meta_batch)
        start, history = policies.train(
            method, method.initial(start), config, generator, rule=rule, description=name, callback=callback
        )
    return Trained(method, start, generator, history)


def test_rates(problem: str, name: str, learned: Trained, settings: Settings) -> Sequence[float] | None:
    """The step sizes at test, None for learned ones; where a method has none, the best of `rates` on training tasks."""
    if name == "Meta-SGD":
        return None
    if name in ("pre-training", "random initialisation", "Reptile"):
        method, start, generator, _ = learned
        tasks = method.family.sample_tasks(settings.test_tasks, generator)
        rate = policies.choose_inner_lr(method, start, tasks, settings.rates, settings.steps, generator)
        return [rate] * settings.steps
    return settings.problems[problem].test_rates


def held_out(family: TaskFamily, settings: Settings) -> Tasks:
    """The test tasks, the same for all methods and seeds."""
    return family.sample_tasks(settings.test_tasks, torch.Generator().manual_seed(settings.test_seed), "test")


def learning_curves(problem: str, seed: int, settings: Settings) -> Tensor:
    """Mean return before each update, `[task, update]`, of one policy per task trained from scratch."""
    family, policy, start, generator = untrained(problem, seed, settings)
    curve: list[Tensor] = []
    train_reinforce(
        family,
        policy,
        repeat_parameters(start, settings.test_tasks),
        ReinforceConfig(iterations=settings.scratch_updates, episodes=settings.episodes, lr=settings.outer_lr),
        generator,
        tasks=held_out(family, settings),
        callback=lambda iteration, parameters, trajectories: curve.append(trajectories.returns.mean(1)),
    )
    return torch.stack(curve, 1)


@functools.lru_cache(1)
def _trained_once(problem: str, name: str, seed: int) -> tuple[Trained, Sequence[float] | None]:
    settings = Settings()
    learned = trained(problem, name, seed, settings)
    return learned, test_rates(problem, name, learned, settings)


def run(method: str, seed: int) -> Tensor:
    """The adaptation curve `[test task, step]` of one method and seed."""
    settings = Settings()
    problem, name = method.split(": ")
    if name == "from scratch":
        return learning_curves(problem, seed, settings)
    episodes = settings.episodes
    if problem == "released":
        problem, episodes = "navigation", settings.released_episodes
    (learned, start, generator, _), rates = _trained_once(problem, name, seed)
    generator = generator.clone_state()
    tasks = held_out(learned.family, settings)
    return policies.adaptation_curve(
        learned, start, tasks, generator, steps=settings.steps, episodes=episodes, inner_lr=rates
    ).returns
