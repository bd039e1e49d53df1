"""Chapters 05 and 06: every meta-learner on sinusoid regression at the setting of the MAML paper, five seeds each.

A row is `[1, steps + 1]`: mean squared error after 0, 1, …, 10 gradient steps on 5 points, on 1,000 held-out tasks that
are the same for all methods and seeds.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch

from metarl_core.meta import MAML, Joint, MetaSGD, Reptile, supervised, trace_direction
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.training import Callback, History, adam, sgd

FAMILY = Sinusoids()
DIVERGED = 1e6
"""written for errors that are larger or no number: Meta-SGD's rates are learned for one step; several may diverge"""
METHODS = ("MAML", "FOMAML", "ANIL", "Meta-SGD", "Reptile", "pre-training", "random initialisation")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; defaults as in Finn et al. 2017, section 5.1 and its code, unless said."""

    hidden: tuple[int, ...] = (40, 40)
    iterations: int = 70_000
    meta_batch: int = 25
    shots: int = 5
    queries: int = 5
    """in meta-training"""
    inner_lr: float = 0.01
    outer_lr: float = 1e-3
    anneal: bool = False
    reptile_inner_lr: float = 0.01
    """Reptile's paper gives no setting for this network; 0.02, its notebook's step for another one, diverges here"""
    reptile_inner_steps: int = 5
    reptile_outer_lr: float = 1.0
    held_out_tasks: int = 1000
    test_tasks: int = 1
    """a row is the mean over all held-out tasks"""
    test_queries: int = 100
    test_steps: int = 10
    test_seed: int = 1_000_000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def loss(parameters: Parameters, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared error of each task, `[task]`."""
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def method_named(name: str, settings: Settings) -> supervised.Method:
    """The meta-learner of that name with the table's settings."""
    rate = settings.inner_lr
    methods: dict[str, supervised.Method] = {
        "MAML": MAML(loss, rate),
        "FOMAML": MAML(loss, rate, first_order=True),
        "ANIL": MAML(loss, rate, only=("weight2", "bias2")),
        "Meta-SGD": MetaSGD(loss),
        "Reptile": Reptile(loss, settings.reptile_inner_lr, settings.reptile_inner_steps, minibatch=settings.shots),
        "pre-training": Joint(loss, rate),
        "random initialisation": Joint(loss, rate),
    }
    return methods[name]


def config_of(name: str, settings: Settings) -> supervised.TrainConfig:
    """How its outer loop runs."""
    iterations = 0 if name == "random initialisation" else settings.iterations
    if name == "Reptile":
        return supervised.TrainConfig(
            iterations=iterations,
            meta_batch=settings.meta_batch,
            outer_lr=settings.reptile_outer_lr,
            optimiser=sgd,
            anneal=True,
            batches_at_once=100,
        )
    return supervised.TrainConfig(
        iterations=iterations,
        meta_batch=settings.meta_batch,
        outer_lr=settings.outer_lr,
        optimiser=adam,
        anneal=settings.anneal,
        batches_at_once=100,
    )


def sample(tasks: int, generator: torch.Generator, settings: Settings) -> FewShot:
    """Data of training tasks."""
    return FAMILY.sample_few_shot(tasks, settings.shots, settings.queries, generator)


def test_data(settings: Settings) -> FewShot:
    """The held-out tasks."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return FAMILY.sample_few_shot(settings.held_out_tasks, settings.shots, settings.test_queries, generator, "test")


def untrained(
    method: supervised.Method, seed: int, hidden: tuple[int, ...] = (40, 40)
) -> tuple[Parameters, torch.Generator]:
    """Meta-parameters before training, and the generator that draws the rest."""
    generator = torch.Generator().manual_seed(seed)
    network = MLP((1, *hidden, 1), generator=generator, initialisation="linear")
    return method.initial(initial_parameters(network), generator), generator


def trained(
    name: str, seed: int, settings: Settings | None = None, callback: Callback | None = None
) -> tuple[Parameters, History]:
    """Meta-parameters and history of one method and seed; the table's, with its settings."""
    settings = settings or Settings()
    method, config = method_named(name, settings), config_of(name, settings)
    meta, generator = untrained(method, seed, settings.hidden)
    # The same numbers as method.direction up to rounding, faster where there is a C++ compiler.
    direction = trace_direction(method, meta, sample(config.meta_batch, torch.Generator(), settings), compiled=True)
    return supervised.train(
        method,
        meta,
        functools.partial(sample, settings=settings),
        config,
        generator,
        description=name,
        callback=callback,
        direction=direction,
    )


def curve(name: str, meta: Parameters, settings: Settings) -> torch.Tensor:
    """Error on each held-out task after 0 to 10 steps, `[task, steps + 1]`; the inner step as in training.

    Reptile takes all five support points in each step at test, which is what its minibatches of five are.
    """
    return supervised.adaptation_curve(
        method_named(name, settings), meta, test_data(settings), range(settings.test_steps + 1)
    )


def run(name: str, seed: int) -> np.ndarray:
    """The row of one method and seed."""
    settings = Settings()
    meta, _ = trained(name, seed, settings)
    return curve(name, meta, settings).mean(0, keepdim=True).nan_to_num(DIVERGED).clamp(max=DIVERGED).numpy()
