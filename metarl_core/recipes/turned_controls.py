"""Chapter 00: what each initialisation earns on turned controls before and after gradient steps, five seeds.

Every result is an adaptation curve `[test task, gradient step]` of mean returns, 0 to 3 steps; from the second step on
the step size α is halved, as in the MAML paper's evaluation.

- MAML: meta-trained for one step of size `inner_lr`, with which it adapts.
- pre-trained: one policy trained by REINFORCE to the mean return over tasks, on as many episodes, with as many
  updates of Adam and the same falling rate.
- random initialisation: not trained.
- standing still: not trained either, but set by hand to what pre-training is to find. The mean move is zero
  everywhere; the standard deviation, which pre-training would bring down with time, is the best of `stds`.

All but MAML take the α of `rates` that is best after one step on training tasks.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch

from metarl_core.agents import GaussianPolicy, ReinforceConfig, train_reinforce
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.recipes.falling_adam import FallingAdam
from metarl_core.tasks import Tasks, TurnedControls
from metarl_core.training import Callback, History

METHODS = ("MAML", "pre-trained", "random initialisation", "standing still")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads them back from the table."""

    hidden: tuple[int, ...] = (64, 64)
    """widths of the hidden layers, with tanh"""
    iterations: int = 40
    meta_batch: int = 20
    """tasks per iteration"""
    episodes: int = 20
    """per task, before and after adaptation"""
    inner_lr: float = 1.0
    discount: float = 0.9
    lr: float = 3e-3
    """of Adam, in MAML's outer rule and in pre-training; falls linearly to zero"""
    epochs: int = 2
    minibatch: int = 5
    """tasks per update of the outer rule"""
    clip: float = 0.3
    pretraining_updates: int = 320
    """as many as MAML's 40 · 2 · 20 / 5"""
    pretraining_meta_batch: int = 5
    """so that 320 updates use as many episodes as MAML's 40 iterations before and after adaptation"""
    rates: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    stds: tuple[float, ...] = (1.0, 0.5, 0.25)
    search_tasks: int = 40
    steps: int = 3
    test_tasks: int = 40
    test_seed: int = 3000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


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


def run(method: str, seed: int, settings: Settings) -> torch.Tensor:
    """The adaptation curve `[test task, step]` of one method and seed."""
    learned = trained(method, seed, settings)
    return adapted(learned, test_rate(method, learned, settings), settings).returns


def held_out(settings: Settings | None = None) -> Tasks:
    """The test tasks, the same for all methods and seeds."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(settings.test_seed)
    return TurnedControls().sample_tasks(settings.test_tasks, generator, "test")


def trained(method: str, seed: int, settings: Settings | None = None, callback: Callback | None = None) -> Trained:
    """Train one method from one seed; the table's, with its settings."""
    settings = settings or Settings()
    family, generator = TurnedControls(), torch.Generator().manual_seed(seed)
    spaces = family.observation_space, family.action_space
    policy = GaussianPolicy(*spaces, settings.hidden, torch.tanh, generator=generator)
    start, history = initial_parameters(policy), History(0)
    learner = PolicyMAML(family, policy, settings.inner_lr, episodes=settings.episodes, discount=settings.discount)
    if method == "MAML":
        rule = OuterPPO(outer_lr=settings.lr, epochs=settings.epochs, clip=settings.clip, minibatch=settings.minibatch)
        config = policies.TrainConfig(iterations=settings.iterations, meta_batch=settings.meta_batch)
        start, history = policies.train(
            learner, start, config, generator, rule=rule, description=method, callback=callback
        )
    elif method == "pre-trained":
        plain = ReinforceConfig(
            iterations=settings.pretraining_updates,
            episodes=settings.episodes,
            meta_batch=settings.pretraining_meta_batch,
            discount=settings.discount,
            lr=settings.lr,
            optimiser=partial(FallingAdam, updates=settings.pretraining_updates),
        )
        start, history = train_reinforce(family, policy, start, plain, generator, description=method, callback=callback)
    elif method == "standing still":
        start = standing_still(learner, start, settings, generator)
    return Trained(learner, start, generator, history)


def standing_still(
    learner: PolicyMAML, start: Parameters, settings: Settings, generator: torch.Generator
) -> Parameters:
    """No mean move, and of `stds` the standard deviation that is best after the best step, on training tasks."""
    last = f"mean.weight{len(settings.hidden)}"
    tasks, found = learner.family.sample_tasks(settings.search_tasks, generator), []
    for std in settings.stds:
        still = start | {last: torch.zeros_like(start[last]), "log_std": torch.full_like(start["log_std"], std).log()}
        rate = policies.choose_inner_lr(learner, still, tasks, settings.rates, 1, generator)
        curve = policies.adaptation_curve(learner, still, tasks, generator, inner_lr=rate)
        found.append((float(curve.returns[:, 1].mean()), still))
    return max(found, key=lambda pair: pair[0])[1]


def test_rate(method: str, learned: Trained, settings: Settings | None = None) -> float:
    """The first step size at test: MAML's own; for the others the best of `rates` on training tasks."""
    settings = settings or Settings()
    if method == "MAML":
        return settings.inner_lr
    learner, start, generator = learned.learner, learned.parameters, learned.generator
    tasks = learner.family.sample_tasks(settings.search_tasks, generator)
    return policies.choose_inner_lr(learner, start, tasks, settings.rates, 1, generator)


def adapted(learned: Trained, rate: float, settings: Settings | None = None) -> policies.AdaptationCurve:
    """The adaptation to the held-out tasks, with random numbers from `learned.generator`."""
    settings = settings or Settings()
    rates = [rate] + [rate / 2] * (settings.steps - 1)
    return policies.adaptation_curve(
        learned.learner, learned.parameters, held_out(settings), learned.generator, inner_lr=rates
    )
