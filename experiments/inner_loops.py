"""Chapter 06: what each part of an inner loop is worth, on sinusoid regression: ten variants, five seeds each.

A row is `[1, steps + 1]`: mean squared error after 0, 1, …, 10 gradient steps on 5 points, on the 1,000 held-out tasks
of the table `sinusoid`. Training is a seventh as long as there, so that all of it takes a few minutes.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metarl_core.meta import MAML, MetaSGD, Reptile, adapt, split_rates, supervised, trace_direction
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import Parameters, initial_parameters, repeat_parameters
from metarl_core.results import Experiment
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.training import adam, sgd

FAMILY = Sinusoids()
HEAD = ("weight2", "bias2")
DIVERGED = 1e6
"""written for errors that are larger or no number"""
METHODS = (
    "MAML",
    "Reptile",
    "Reptile, k = 1",
    "Reptile, all points in each step",
    "Reptile, points in the order of x",
    "ANIL",
    "ANIL, linear features",
    "ANIL, learned rates",
    "Meta-SGD",
    "Meta-SGD, positive rates",
)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; defaults as in the table `sinusoid`, but for the iterations."""

    hidden: tuple[int, ...] = (40, 40)
    iterations: int = 10_000
    meta_batch: int = 25
    shots: int = 5
    queries: int = 5
    inner_lr: float = 0.01
    outer_lr: float = 1e-3
    reptile_inner_steps: int = 5
    reptile_outer_lr: float = 1.0
    held_out_tasks: int = 1000
    test_tasks: int = 1
    """a row is the mean over all held-out tasks"""
    test_queries: int = 100
    test_steps: int = 10
    test_seed: int = 1_000_000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def loss(parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of each task, `[task]`."""
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def loss_of_linear_features(parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
    """The same without the second rectifier: the features under the head may be negative."""
    body = {name: value for name, value in parameters.items() if name not in HEAD}
    outputs = torch.baddbmm(parameters["bias2"].unsqueeze(1), mlp(body, inputs), parameters["weight2"].mT)
    return (outputs - targets).square().mean((1, 2))


@dataclass(frozen=True)
class VariedRates(MetaSGD):
    """Meta-SGD whose rates are kept positive, or belong to some parameters only."""

    only: tuple[str, ...] | None = None
    positive: bool = False
    """learn the logarithm of each rate"""

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """θ and α, or θ and log α."""
        meta = super().initial(parameters, generator)
        return {
            name: value.log() if self.positive and name not in parameters else value for name, value in meta.items()
        }

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = False
    ) -> Parameters:
        """As for Meta-SGD."""
        start, rates = split_rates(meta)
        rates = {name: value.exp() for name, value in rates.items()} if self.positive else rates
        start, steps = repeat_parameters(start, len(inputs)), self.inner_steps if steps is None else steps
        return adapt(start, lambda p: self.loss(p, inputs, targets), rates, steps, create_graph, self.only)


def method_named(name: str, settings: Settings):
    """The meta-learner of that name."""
    rate, k, size = settings.inner_lr, settings.reptile_inner_steps, settings.shots
    return {
        "MAML": MAML(loss, rate),
        "Reptile": Reptile(loss, rate, k, size),
        "Reptile, k = 1": Reptile(loss, rate, 1, size),
        "Reptile, all points in each step": Reptile(loss, rate, k),
        "Reptile, points in the order of x": Reptile(loss, rate, k, size),
        "ANIL": MAML(loss, rate, only=HEAD),
        "ANIL, linear features": MAML(loss_of_linear_features, rate, only=HEAD),
        "ANIL, learned rates": VariedRates(loss, only=HEAD),
        "Meta-SGD": MetaSGD(loss),
        "Meta-SGD, positive rates": VariedRates(loss, positive=True),
    }[name]


def in_order(data: FewShot) -> FewShot:
    """The points of each task sorted by x, so that a minibatch is one half of the interval."""
    inputs, targets = torch.cat([data[0], data[2]], 1), torch.cat([data[1], data[3]], 1)
    order = inputs.argsort(1)
    inputs, targets, size = inputs.gather(1, order), targets.gather(1, order), data[0].shape[1]
    return FewShot(inputs[:, :size], targets[:, :size], inputs[:, size:], targets[:, size:])


def sample(name: str, tasks: int, generator: torch.Generator, settings: Settings) -> FewShot:
    """Data of training tasks."""
    data = FAMILY.sample_few_shot(tasks, settings.shots, settings.queries, generator)
    return in_order(data) if name == "Reptile, points in the order of x" else data


def test_data(settings: Settings) -> FewShot:
    """The held-out tasks."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return FAMILY.sample_few_shot(settings.held_out_tasks, settings.shots, settings.test_queries, generator, "test")


def start(name: str, seed: int, settings: Settings) -> tuple[Parameters, torch.Generator]:
    """Meta-parameters before training, and the generator that draws the rest."""
    generator = torch.Generator().manual_seed(seed)
    network = MLP((1, *settings.hidden, 1), generator=generator, initialisation="linear")
    return method_named(name, settings).initial(initial_parameters(network), generator), generator


@functools.cache
def traced(name: str):
    """The direction of a method, compiled once for all seeds."""
    settings = Settings()
    data = sample(name, settings.meta_batch, torch.Generator(), settings)
    return trace_direction(method_named(name, settings), start(name, 0, settings)[0], data, compiled=True)


def run(name: str, seed: int) -> np.ndarray:
    """The row of one method and seed."""
    settings = Settings()
    method, (meta, generator) = method_named(name, settings), start(name, seed, settings)
    config = supervised.TrainConfig(
        iterations=settings.iterations,
        meta_batch=settings.meta_batch,
        outer_lr=settings.outer_lr,
        optimiser=adam,
        anneal=False,
        batches_at_once=100,
    )
    if name.startswith("Reptile"):
        config = supervised.TrainConfig(
            iterations=settings.iterations,
            meta_batch=settings.meta_batch,
            outer_lr=settings.reptile_outer_lr,
            optimiser=sgd,
            anneal=True,
            batches_at_once=100,
        )
    draw = functools.partial(sample, name, settings=settings)
    meta, _ = supervised.train(method, meta, draw, config, generator, description=name, direction=traced(name))
    if isinstance(method, Reptile):  # all support points in each step at test
        method = Reptile(method.loss, method.inner_lr)
    errors = supervised.adaptation_curve(method, meta, test_data(settings), range(settings.test_steps + 1))
    return errors.mean(0, keepdim=True).nan_to_num(DIVERGED).clamp(max=DIVERGED).numpy()


EXPERIMENT = Experiment(
    name="inner_loops",
    script=__file__,
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("MAML", 0), ("Reptile", 0)),
    tolerance=0.15,
)
