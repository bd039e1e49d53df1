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
from metarl_core.networks import mlp
from metarl_core.parameters import Parameters, repeat_parameters
from metarl_core.recipes.sinusoid import DIVERGED, FAMILY, loss, untrained
from metarl_core.tasks import FewShot
from metarl_core.training import History, adam, sgd

HEAD = ("weight2", "bias2")
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


def method_named(name: str, settings: Settings) -> supervised.Method:
    """The meta-learner of that name."""
    rate, k, size = settings.inner_lr, settings.reptile_inner_steps, settings.shots
    methods: dict[str, supervised.Method] = {
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
    }
    return methods[name]


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


@functools.cache
def _traced(name: str, settings: Settings) -> supervised.Direction:
    """The direction of a method, compiled once for all seeds."""
    return _trace(name, method_named(name, settings), settings)


def _trace(name: str, method: supervised.Method, settings: Settings) -> supervised.Direction:
    data = sample(name, settings.meta_batch, torch.Generator(), settings)
    return trace_direction(method, untrained(method, 0, settings.hidden)[0], data, compiled=True)


def trained(
    name: str, seed: int, settings: Settings | None = None, method: supervised.Method | None = None
) -> tuple[Parameters, History]:
    """Meta-parameters and history of one method and seed; the table's, with its settings.

    Args:
        method: your own implementation, trained as the recipe trains its own.
    """
    settings = settings or Settings()
    direction = _trace(name, method, settings) if method else _traced(name, settings)
    method, reptile = method or method_named(name, settings), name.startswith("Reptile")
    meta, generator = untrained(method, seed, settings.hidden)
    config = supervised.TrainConfig(
        iterations=settings.iterations,
        meta_batch=settings.meta_batch,
        outer_lr=settings.reptile_outer_lr if reptile else settings.outer_lr,
        optimiser=sgd if reptile else adam,
        anneal=reptile,
        batches_at_once=100,
    )
    draw = functools.partial(sample, name, settings=settings)
    return supervised.train(method, meta, draw, config, generator, description=name, direction=direction)


def run(name: str, seed: int) -> np.ndarray:
    """The row of one method and seed."""
    settings = Settings()
    method, (meta, _) = method_named(name, settings), trained(name, seed, settings)
    if isinstance(method, Reptile):  # all support points in each step at test
        method = Reptile(method.loss, method.inner_lr)
    errors = supervised.adaptation_curve(method, meta, test_data(settings), range(settings.test_steps + 1))
    return errors.mean(0, keepdim=True).nan_to_num(DIVERGED).clamp(max=DIVERGED).numpy()
