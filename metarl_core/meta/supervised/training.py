"""The outer loop that all meta-learners on supervised tasks share."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metarl_core.arguments import check_callable, check_generator, check_methods, check_tensors, check_type, in_words
from metarl_core.meta.supervised.config import Direction, Method, Sample, TrainConfig
from metarl_core.meta.supervised.meta_batches import Batches, in_chunks
from metarl_core.parameters import Parameters, copy_parameters, trainable_parameters
from metarl_core.tasks.few_shot import FewShot
from metarl_core.training import Callback, History, make_optimiser, set_lr, training_loop


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
        ValueError: for an argument of another kind, or a checkpoint that is another training's.
        FloatingPointError: where the loss is no longer a number; says after which iteration.
    """
    check_methods("method", method, "direction", "adapt", "loss")
    check_tensors("meta", meta)
    check_callable("sample", sample, "a number of tasks and a generator")
    check_type("config", config, TrainConfig)
    check_generator(generator)
    if direction is not None:
        check_callable("direction", direction, "meta-parameters and data")
    direction = method.direction if direction is None else direction
    learned = trainable_parameters(meta)
    optimiser = make_optimiser(config.optimiser, learned.values(), config.outer_lr)
    source, running = Batches(sample, config, generator), _RunningMean()

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
