"""Training models on windows of recorded episodes."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metarl_core.arguments import check_generator, check_methods, check_tensors, check_type, in_words
from metarl_core.meta.models.config import Method, TrainConfig
from metarl_core.meta.models.transitions import Data, Windows, draw_windows
from metarl_core.parameters import Parameters, copy_parameters, leaf_parameters, trainable_parameters
from metarl_core.training import (
    Callback,
    GeneratorState,
    History,
    LiveParameters,
    Stateful,
    make_optimiser,
    set_lr,
    training_loop,
)


def train(
    method: Method,
    meta: Parameters,
    data: Data,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    validation: Data | None = None,
    description: str | None = "training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """One step of the optimiser for each batch of windows.

    Args:
        method: what is learned.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        data: episodes of training tasks.
        config: settings.
        generator: source of the windows.
        validation: episodes of other training tasks. Their loss, which is that of the method *after* it has adapted, is
            measured at each report on windows that are drawn once.
        description: name on the progress bar; None for no bar.
        callback: called at each report (see `metarl_core.training.Callback`); its data are the last `Windows`.
        checkpoint: a file to save to and to resume from (see `training_loop`).

    Returns:
        Meta-parameters and history, with `loss`, the mean over the iterations since the last report, and with
        validation data `validation_loss`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for an argument of another kind, data without a window that fits, or another training's checkpoint.
        FloatingPointError: where the loss is no longer a number.
    """
    check_methods("method", method, "outer_loss", "adapt", "predict", "past", "future")
    check_tensors("meta", meta)
    check_type("data", data, Data)
    check_type("config", config, TrainConfig)
    check_generator(generator)
    learned = trainable_parameters(meta)
    optimiser = make_optimiser(config.optimiser, learned.values(), config.outer_lr)
    held_out = HeldOut(method, validation, config, generator)
    best, running = Best(learned), RunningMean()

    def iterate(iteration: int) -> tuple[dict[str, Any], Windows] | None:
        windows = _drawn(method, data, config, config.meta_batch, generator)
        if config.anneal:
            set_lr(optimiser, config.outer_lr * (1 - iteration / config.iterations))
        optimiser.zero_grad()
        losses = method.outer_loss(learned, windows)
        losses.mean().backward()
        used = [value for value in learned.values() if value.grad is not None]
        torch.nn.utils.clip_grad_norm_(used, config.max_grad_norm)
        optimiser.step()
        running.add(losses.detach().mean())
        if (iteration + 1) % config.report_every and iteration + 1 != config.iterations:
            return None
        loss = running.take()
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} after {iteration + 1} iterations; a smaller step size may help."
            )
        metrics = {"loss": loss}
        if held_out.windows is not None:
            metrics["validation_loss"] = measured(method, learned, held_out.windows)
            best.note(metrics["validation_loss"], learned)
        return metrics, windows

    state: dict[str, Stateful] = {
        "optimiser": optimiser,
        "held_out": held_out,
        "generator": GeneratorState(generator),
        "best": best,
        "loss": running,
    }
    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="loss",
        callback=callback,
        checkpoint=checkpoint,
        state=state,
        settings=f"{in_words(method)}, {in_words(config)}",
    )
    chosen = best.parameters if config.keep_best and math.isfinite(best.loss) else learned
    return copy_parameters(chosen), history


def measured(method: Method, meta: Parameters, windows: Windows) -> float:
    """The mean loss of windows after adaptation to their past; nothing is learned."""
    with torch.enable_grad():  # the inner steps take gradients
        return float(method.outer_loss(leaf_parameters(meta), windows).detach().mean())


def _drawn(method: Method, data: Data, config: TrainConfig, number: int, generator: torch.Generator) -> Windows:
    return draw_windows(
        data, method.past, method.future, number, generator, shortest=config.shortest, across=config.across
    )


class RunningMean:
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


class HeldOut:
    """The windows that are drawn once for validation; a `Stateful` that draws the same ones after a resume."""

    def __init__(self, method: Method, validation: Data | None, config: TrainConfig, generator: torch.Generator):
        self.method, self.validation, self.config, self.generator = method, validation, config, generator
        self.before = generator.get_state()
        self.windows: Windows | None = None
        self._draw()

    def _draw(self) -> None:
        if self.validation is not None:
            number = self.config.validation_windows
            self.windows = _drawn(self.method, self.validation, self.config, number, self.generator)

    def state_dict(self) -> dict[str, Any]:
        return {"before": self.before}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        now, self.before = self.generator.get_state(), state_dict["before"].cpu()
        self.generator.set_state(self.before)
        self._draw()
        self.generator.set_state(now)


class Best(LiveParameters):
    """The parameters with the lowest loss so far; a `Stateful`."""

    def __init__(self, parameters: Parameters):
        super().__init__(copy_parameters(parameters))
        self.loss = math.inf

    def note(self, loss: float, parameters: Parameters) -> None:
        """Take over these parameters, where their loss is the lowest."""
        if loss < self.loss:
            self.loss, self.parameters = loss, copy_parameters(parameters)

    def state_dict(self) -> dict[str, Any]:
        return {"loss": self.loss, "parameters": super().state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.loss = state_dict["loss"]
        super().load_state_dict(state_dict["parameters"])
