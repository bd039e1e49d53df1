"""Chapter 06: Reptile's minibatches on sinusoid regression, five seeds each.

A row is `[1, steps + 1]`: mean squared error after 0, 1, …, 10 gradient steps on 5 points, on the 1,000 held-out tasks
of the table `sinusoid`. All variants draw 25 points of a task, and five more that no step sees. They differ in what
the five inner steps do with the 25.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch

from metarl_core.meta import Reptile, supervised, trace_direction
from metarl_core.parameters import Parameters
from metarl_core.recipes.sinusoid import DIVERGED, FAMILY, loss, untrained
from metarl_core.tasks import FewShot
from metarl_core.training import History, sgd

METHODS = (
    "fresh minibatches",
    "minibatches used again",
    "one minibatch",
    "all points",
    "in the order of x",
    "k = 1",
    "fresh minibatches, 70,000 iterations",
)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; network, step sizes and batches as in the table `sinusoid`."""

    hidden: tuple[int, ...] = (40, 40)
    iterations: int = 10_000
    long_iterations: int = 70_000
    meta_batch: int = 25
    points: int = 25
    """of a task, for the inner loop: five minibatches"""
    minibatch: int = 5
    queries: int = 5
    """that no step sees, to measure the adapted parameters on"""
    inner_lr: float = 0.01
    inner_steps: int = 5
    outer_lr: float = 1.0
    held_out_tasks: int = 1000
    test_tasks: int = 1
    """a row is the mean over all held-out tasks"""
    shots: int = 5
    """points of a held-out task to adapt on"""
    test_queries: int = 100
    test_steps: int = 10
    test_seed: int = 1_000_000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def method_named(name: str, settings: Settings) -> Reptile:
    """Reptile with the minibatches of that name."""
    steps = 1 if name == "k = 1" else settings.inner_steps
    size = None if name == "all points" else settings.minibatch
    return Reptile(loss, settings.inner_lr, steps, size, support_only=True)


def sample(name: str, tasks: int, generator: torch.Generator, settings: Settings) -> FewShot:
    """Data of training tasks; the same points for every name."""
    data = FAMILY.sample_few_shot(tasks, settings.points, settings.queries, generator)
    inputs, targets = data.support_inputs, data.support_targets
    if name == "in the order of x":
        order = inputs.argsort(1)
        inputs, targets = inputs.gather(1, order), targets.gather(1, order)
    minibatches = {"minibatches used again": 2, "one minibatch": 1}.get(name)
    if minibatches:
        first = minibatches * settings.minibatch
        inputs, targets = inputs[:, :first], targets[:, :first]
    return data._replace(support_inputs=inputs, support_targets=targets)


def test_data(settings: Settings) -> FewShot:
    """The held-out tasks."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return FAMILY.sample_few_shot(settings.held_out_tasks, settings.shots, settings.test_queries, generator, "test")


@functools.cache
def _traced(name: str, settings: Settings) -> supervised.Direction:
    """The direction of a variant, compiled once for all seeds."""
    method = method_named(name, settings)
    data = sample(name, settings.meta_batch, torch.Generator(), settings)
    return trace_direction(method, untrained(method, 0, settings.hidden)[0], data, compiled=True)


def trained(name: str, seed: int, settings: Settings | None = None) -> tuple[Parameters, History]:
    """Meta-parameters and history of one variant and seed; the table's, with its settings."""
    settings = settings or Settings()
    method = method_named(name, settings)
    meta, generator = untrained(method, seed, settings.hidden)
    config = supervised.TrainConfig(
        iterations=settings.long_iterations if "70,000" in name else settings.iterations,
        meta_batch=settings.meta_batch,
        outer_lr=settings.outer_lr,
        optimiser=sgd,
        anneal=True,
        batches_at_once=100,
    )
    draw = functools.partial(sample, name, settings=settings)
    direction = _traced(name, settings)
    return supervised.train(method, meta, draw, config, generator, description=name, direction=direction)


def curve(meta: Parameters, settings: Settings) -> torch.Tensor:
    """Error on each held-out task after 0 to 10 steps on all its support points, `[task, steps + 1]`."""
    at_test = Reptile(loss, settings.inner_lr)
    return supervised.adaptation_curve(at_test, meta, test_data(settings), range(settings.test_steps + 1))


def run(name: str, seed: int) -> np.ndarray:
    """The row of one variant and seed."""
    settings = Settings()
    meta, _ = trained(name, seed, settings)
    return curve(meta, settings).mean(0, keepdim=True).nan_to_num(DIVERGED).clamp(max=DIVERGED).numpy()
