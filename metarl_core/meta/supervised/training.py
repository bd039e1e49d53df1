"""The outer loop that all meta-learners on supervised tasks share, and what comes out of it on held-out tasks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from metarl_core.arguments import check_at_least, check_positive, in_words
from metarl_core.meta.supervised.maml import DataLoss
from metarl_core.parameters import Parameters, copy_parameters, trainable_parameters
from metarl_core.tasks.few_shot import FewShot
from metarl_core.training import (
    Callback,
    History,
    OptimiserFactory,
    adam,
    check_optimiser,
    set_lr,
    training_loop,
)

Direction = Callable[[Parameters, FewShot], tuple[Parameters, Tensor]]
"""from meta-parameters and the data of a meta-batch to the outer direction and the losses `[task]`"""
Sample = Callable[[int, torch.Generator], FewShot]
"""draws the data of that many training tasks"""


class Method(Protocol):
    """A meta-learner on supervised tasks: `MAML`, `MetaSGD`, `Reptile`, `Prototypes`, `Joint`, or your own."""

    @property
    def loss(self) -> DataLoss:
        """of the inner loop, from parameters `[task, ...]`, inputs and targets to `[task]`"""

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """The meta-parameters before meta-training."""

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = True
    ) -> Parameters:
        """Parameters `[task, ...]` adapted to support data."""

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """What the outer optimiser descends, averaged over tasks, and the losses `[task]`."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `train`."""

    iterations: int = 70_000
    """as for sinusoids in the MAML paper"""
    meta_batch: int = 25
    """tasks per iteration"""
    outer_lr: float = 1e-3
    """β, or Reptile's ε"""
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=outer_lr)`; `sgd` for Reptile"""
    anneal: bool = False
    """let the outer step fall linearly to zero over training"""
    batches_at_once: int = 1
    """meta-batches that are drawn in one call; 100 saves most of the time where drawing is cheap"""
    chunk: int | None = None
    """tasks whose gradient is computed at once; the direction is the mean over the chunks. None: the whole
    meta-batch. Large networks are faster in chunks, whose intermediate results stay in the processor's cache."""
    report_every: int = 100
    """iterations between entries of the history"""

    def __post_init__(self) -> None:
        check_at_least("iterations", self.iterations, 0)
        for name in ("meta_batch", "batches_at_once", "report_every"):
            check_at_least(name, getattr(self, name))
        check_positive("outer_lr", self.outer_lr)
        if self.chunk is not None:
            check_at_least("chunk", self.chunk)
        check_optimiser(self.optimiser)


def train(
    method: Method,
    meta: Parameters,
    sample: Sample,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    direction: Direction | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Alternate `method.direction` and a step of the outer optimiser.

    Args:
        method: what is meta-learned, with its loss, its step sizes and its number of inner steps.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        sample: draws data of that many training tasks.
        generator: source of the tasks and their data.
        description: name on the progress bar; None for no bar.
        callback: called at each report (see `metarl_core.training.Callback`); its data are the last meta-batch.
        direction: a faster version of `method.direction` (see `trace_direction`).
        checkpoint: a file to save to and to resume from (see `training_loop`).

    Returns:
        Meta-trained parameters and history, with `loss`: the mean over the iterations since the last report of what
        `direction` returns as losses. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        FloatingPointError: where the loss is no longer a number; says after which iteration.
    """
    if not meta:
        raise ValueError("meta must hold at least one parameter, got none.")
    direction = method.direction if direction is None else direction
    learned = trainable_parameters(meta)
    optimiser = config.optimiser(list(learned.values()), lr=config.outer_lr)
    source, running = _Batches(sample, config, generator), _RunningMean()

    def iterate(iteration: int) -> tuple[dict[str, float], FewShot] | None:
        data = source.draw(iteration)
        if config.anneal:
            set_lr(optimiser, config.outer_lr * (1 - iteration / config.iterations))
        gradients, losses = in_chunks(direction, learned, data, config.chunk)
        for name, value in learned.items():
            value.grad = gradients[name]
        optimiser.step()
        running.add(losses.detach().mean())
        if (iteration + 1) % config.report_every and iteration + 1 != config.iterations:
            return None
        loss = running.take()
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the outer loss is {loss} after {iteration + 1} iterations; a smaller step size may help."
            )
        return {"loss": loss}, data

    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="loss",
        callback=callback,
        checkpoint=checkpoint,
        state={"optimiser": optimiser, "data": source, "loss": running},
        settings=f"{in_words(method)}, {in_words(config)}",
    )
    return copy_parameters(learned), history


class _Batches:
    """Meta-batches in turn, many drawn in one call; a `Stateful` that remembers where it is."""

    def __init__(self, sample: Sample, config: TrainConfig, generator: torch.Generator):
        self.sample, self.config, self.generator = sample, config, generator
        self.waiting: list[FewShot] = []
        self.before, self.many = generator.get_state(), 0

    def draw(self, iteration: int) -> FewShot:
        """The data of one iteration."""
        if not self.waiting:
            self.many = min(self.config.batches_at_once, self.config.iterations - iteration)
            self.before = self.generator.get_state()
            self._draw_many()
        return self.waiting.pop()

    def _draw_many(self) -> None:
        size = self.config.meta_batch
        data = self.sample(self.many * size, self.generator)
        if len(data.support_inputs) != self.many * size:
            raise ValueError(
                f"sample must draw the {self.many * size} tasks that it is asked for, got {len(data.support_inputs)}."
            )
        self.waiting = batches(data, size)[::-1]

    def state_dict(self) -> dict[str, Any]:
        now = self.generator.get_state()
        return {"before": self.before, "now": now, "many": self.many, "waiting": len(self.waiting)}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.before, self.many = state_dict["before"], state_dict["many"]
        if state_dict["waiting"]:  # draw once more what had been drawn, and leave out what had been used
            self.generator.set_state(self.before)
            self._draw_many()
            self.waiting = self.waiting[: state_dict["waiting"]]
        self.generator.set_state(state_dict["now"])


class _RunningMean:
    """The mean of numbers since the last time that it was taken; a `Stateful`."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count = 0

    def add(self, value: Tensor) -> None:
        self.total, self.count = self.total + value, self.count + 1

    def take(self) -> float:
        mean = float(self.total) / self.count
        self.total, self.count = 0.0, 0
        return mean

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total, "count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.total, self.count = state_dict["total"], state_dict["count"]


def in_chunks(
    direction: Direction, meta: Parameters, data: FewShot, chunk: int | None = None
) -> tuple[Parameters, Tensor]:
    """`direction(meta, data)`, computed `chunk` tasks at a time."""
    tasks = len(data.support_inputs)
    if chunk is not None:
        check_at_least("chunk", chunk)
    if chunk is None or chunk >= tasks:
        return direction(meta, data)
    total: Parameters = {}
    losses = []
    for piece in batches(data, chunk):
        part, loss = direction(meta, piece)
        share = len(loss) / tasks
        total = {name: value * share + total.get(name, 0) for name, value in part.items()}
        losses.append(loss)
    return total, torch.cat(losses)


def batches(data: FewShot, size: int) -> list[FewShot]:
    """Data of many tasks as pieces of `size` tasks."""
    check_at_least("size", size)
    return [FewShot(*parts) for parts in zip(*(value.split(size) for value in data), strict=True)]


def adaptation_curve(
    method: Method,
    meta: Parameters,
    data: FewShot,
    steps: Sequence[int] = (0, 1),
    measure: DataLoss | None = None,
) -> Tensor:
    """A measure on query data after some numbers of inner steps on support data, `[task, len(steps)]`.

    Step size, minibatches and what adapts are those of the method.

    Args:
        meta: meta-parameters.
        data: of held-out tasks.
        steps: numbers of inner steps at test, which may be more than in training; 0 is the start itself.
        measure: from parameters `[task, ...]`, inputs and targets to `[task]`; the method's loss unless given.
    """
    steps = list(steps)
    if not steps or min(steps) < 0:
        raise ValueError(f"steps must be numbers of at least 0, got {steps}.")
    measure = method.loss if measure is None else measure
    curve = []
    for count in steps:
        adapted = method.adapt(meta, data.support_inputs, data.support_targets, count, create_graph=False)
        with torch.no_grad():
            curve.append(measure(adapted, data.query_inputs, data.query_targets))
    return torch.stack(curve, 1)
