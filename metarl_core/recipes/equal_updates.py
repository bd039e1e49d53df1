"""Chapter 01: MAML and pre-training on point navigation with equally many updates, everything tuned for one step.

In `point_navigation` MAML's outer rule makes 480 Adam steps with a falling rate and pre-training makes 120 with a
constant one, on as many episodes. Here each is trained with 120 and with 480, always on 48,000 episodes, with a rate
that falls linearly to zero. The step size α is tuned anew for every row and seed, for the return after one step on
training goals. Adam's rate is MAML's of `point_navigation`; for pre-training `search` tried others, on another seed.

Every result is `[test task, 3]`: the mean return before and after one gradient step, and the α that was chosen.
"""

import dataclasses
from dataclasses import dataclass, field
from functools import partial

import torch

from metarl_core.agents import ReinforceConfig, train_reinforce
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.parameters import Parameters
from metarl_core.recipes import point_navigation
from metarl_core.recipes.falling_adam import FallingAdam
from metarl_core.tasks import PointNavigation

METHODS = ("MAML, 480 updates", "MAML, 120 updates", "pre-trained, 480 updates", "pre-trained, 120 updates")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    episodes: int = 20
    """per task and stage: MAML plays two stages, before and after the inner step"""
    discount: float = 0.99
    maml_iterations: int = 60
    maml_meta_batch: int = 20
    maml_passes: dict[str, tuple[int, int]] = field(default_factory=lambda: {"480": (2, 5), "120": (1, 10)})
    """by the number of updates: epochs over each batch, and tasks in a minibatch"""
    inner_lr: float = 0.5
    """α in meta-training"""
    clip: float = 0.3
    pretraining_meta_batch: dict[str, int] = field(default_factory=lambda: {"480": 5, "120": 20})
    """by the number of updates: goals in each, so that the episodes are the same"""
    lr: dict[str, float] = field(default_factory=lambda: dict.fromkeys(METHODS, 3e-3))
    """Adam's first rate"""
    lr_candidates: tuple[float, ...] = (3e-3, 1e-2)
    search_seed: int = 100
    rates: tuple[float, ...] = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
    """candidates for α on a new goal"""
    search_tasks: int = 40
    test_tasks: int = 40
    seeds: tuple[int, ...] = tuple(range(10))


def run(method: str, seed: int, settings: Settings) -> torch.Tensor:
    """Returns before and after one step, and α, `[test task, 3]`."""
    learner, start, generator = trained(method, seed, settings)
    alpha = chosen_rate(learner, start, settings, generator)
    test = point_navigation.held_out(point_navigation.Settings(test_tasks=settings.test_tasks))
    returns = policies.adaptation_curve(learner, start, test, generator, inner_lr=alpha).returns
    return torch.cat([returns, returns.new_full((len(returns), 1), alpha)], 1)


def trained(method: str, seed: int, settings: Settings) -> tuple[PolicyMAML, Parameters, torch.Generator]:
    """How it adapts, what from, and the generator that goes on."""
    kind, updates = method.removesuffix(" updates").split(", ")
    policy, start, generator = point_navigation.untrained(seed)
    family, lr = PointNavigation(), settings.lr[method]
    learner = PolicyMAML(family, policy, settings.inner_lr, episodes=settings.episodes, discount=settings.discount)
    if kind == "MAML":
        epochs, minibatch = settings.maml_passes[updates]
        rule = OuterPPO(outer_lr=lr, epochs=epochs, clip=settings.clip, minibatch=minibatch)
        config = policies.TrainConfig(iterations=settings.maml_iterations, meta_batch=settings.maml_meta_batch)
        start, _ = policies.train(learner, start, config, generator, rule=rule, description=method)
    else:
        plain = ReinforceConfig(
            iterations=int(updates),
            episodes=settings.episodes,
            meta_batch=settings.pretraining_meta_batch[updates],
            discount=settings.discount,
            lr=lr,
            optimiser=partial(FallingAdam, updates=int(updates)),
        )
        start, _ = train_reinforce(family, policy, start, plain, generator, description=method)
    return learner, start, generator


def chosen_rate(learner: PolicyMAML, start: Parameters, settings: Settings, generator: torch.Generator) -> float:
    """The α with the best return after one step, on training goals."""
    goals = learner.family.sample_tasks(settings.search_tasks, generator)
    return policies.choose_inner_lr(learner, start, goals, settings.rates, 1, generator)


def search(method: str, settings: Settings) -> dict[float, float]:
    """By rate of Adam, the return after one step on training goals, α chosen on others; one training each."""
    found = {}
    for lr in settings.lr_candidates:
        tried = dataclasses.replace(settings, lr={**settings.lr, method: lr})
        learner, start, generator = trained(method, settings.search_seed, tried)
        alpha = chosen_rate(learner, start, settings, generator)
        goals = learner.family.sample_tasks(settings.search_tasks, generator)
        curve = policies.adaptation_curve(learner, start, goals, generator, inner_lr=alpha)
        found[lr] = float(curve.returns[:, 1].mean())
    return found
