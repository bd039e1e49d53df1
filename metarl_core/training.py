"""The loop that every training runs in: progress bar, history, callbacks, interrupts, checkpoints, exact resume."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.arguments import check_at_least
from metarl_core.parameters import Parameters, copy_parameters

__all__ = [
    "Callback",
    "Counter",
    "GeneratorState",
    "History",
    "LiveParameters",
    "Metrics",
    "OptimiserFactory",
    "Stateful",
    "adam",
    "check_optimiser",
    "linear_schedule",
    "set_lr",
    "sgd",
    "training_loop",
]

Metrics = Mapping[str, Any]
"""of one iteration, by name: a number, or a list of numbers with one entry a learner"""
Callback = Callable[[int, Parameters, Any], None]
"""called as `callback(iteration, parameters, data)` after an iteration that is reported: `iteration` counts from 1,
`parameters` are the receiver's own copy, `data` is what the iteration learned from (trajectories, a meta-batch), or
None"""
OptimiserFactory = Callable[..., torch.optim.Optimizer]
"""from tensors and the keyword `lr` to an optimiser: `adam`, `sgd`, `torch.optim.AdamW`, a `functools.partial`"""

SECONDS_BETWEEN_CHECKPOINTS = 20.0


def adam(values: Iterable[Tensor], lr: float, eps: float = 1e-8) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015) in one fused operation."""
    return torch.optim.Adam(values, lr=lr, eps=eps, fused=True)


def sgd(values: Iterable[Tensor], lr: float) -> torch.optim.Optimizer:
    """Plain gradient descent in one fused operation."""
    return torch.optim.SGD(values, lr=lr, fused=True)


def check_optimiser(optimiser: Any) -> None:
    """Raise ValueError unless `optimiser` can be called."""
    if not callable(optimiser):
        raise ValueError(
            f"optimiser must be a function of tensors and lr, like adam, sgd or torch.optim.AdamW, got {optimiser!r}."
        )


def linear_schedule(first: float, last: float, steps: float, step: float) -> float:
    """From `first` linearly to `last` over `steps`, and then constant."""
    return first + (last - first) * min(step / max(steps, 1), 1.0)


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Set the step size of all parameters of an optimiser."""
    for group in optimiser.param_groups:
        group["lr"] = lr


class History(dict[str, list]):
    """What a training reported, as lists of equal length by name, one entry a report.

    Names are the same everywhere: `iteration` (from 1), `loss`, `return` (mean undiscounted return per episode of the
    policy that learns, in meta-RL of the adapted one), `return_before` (before adaptation), `env_steps` (environment
    steps so far, of all tasks and learners together), and an agent's diagnostics.

    Attributes:
        iterations: iterations done.
        planned: iterations that were asked for.
    """

    def __init__(self, planned: int, iterations: int = 0, entries: Mapping[str, Sequence] | None = None):
        super().__init__({name: list(values) for name, values in (entries or {}).items()})
        self.planned, self.iterations = planned, iterations

    @property
    def interrupted(self) -> bool:
        """Whether the training stopped before its last iteration."""
        return self.iterations < self.planned


class Stateful(Protocol):
    """What a checkpoint can hold: state made of tensors, numbers, strings, lists and dictionaries."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


class LiveParameters:
    """Parameters that an optimiser changes in place, as a `Stateful`."""

    def __init__(self, parameters: Parameters):
        self.parameters = parameters

    def state_dict(self) -> dict[str, Any]:
        return copy_parameters(self.parameters)

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        for name, value in self.parameters.items():
            value.copy_(state_dict[name])


class GeneratorState:
    """Generators of random numbers as a `Stateful`."""

    def __init__(self, *generators: torch.Generator):
        self.generators = generators

    def state_dict(self) -> dict[str, Any]:
        return {str(i): generator.get_state() for i, generator in enumerate(self.generators)}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        for i, generator in enumerate(self.generators):
            generator.set_state(state_dict[str(i)].cpu())


class Counter:
    """A running total as a `Stateful`."""

    def __init__(self, total: int = 0):
        self.total = total

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.total = state_dict["total"]


def training_loop(
    iterate: Callable[[int], tuple[Metrics, Any] | None],
    iterations: int,
    parameters: Parameters,
    *,
    description: str | None = "training",
    shown: str | None = None,
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
    state: Mapping[str, Stateful] | None = None,
    settings: str = "",
) -> History:
    """Call `iterate(iteration)`, counting from 0, `iterations` times.

    An interrupt (Ctrl-C, or the stop button of a notebook) ends the loop *after* the iteration that runs: no tensor
    operation is broken off, no grad mode is left switched off, and what was reached is returned. A second interrupt
    breaks off at once.

    Args:
        iterate: does one iteration and changes `parameters` in place. Returns metrics and the data that it learned
            from, to be reported, or None where nothing is reported after this iteration.
        parameters: the live parameters; callbacks and checkpoints get copies.
        description: name on the progress bar; None for no bar.
        shown: name of the metric to show beside the bar.
        callback: see `Callback`.
        checkpoint: a file to save everything to, at most every 20 seconds and at the end. Where it exists already
            the training goes on where it was, with the same numbers as if it had never stopped.
        state: all else that the iterations change: optimisers, schedules, generators, buffers.
        settings: what the training depends on, in words; a checkpoint of other settings is refused.

    Returns:
        The history.

    Raises:
        ValueError: for fewer than 0 iterations, or a checkpoint of another training.
    """
    check_at_least("iterations", iterations, 0)
    everything: dict[str, Stateful] = {"parameters": LiveParameters(parameters), **(state or {})}
    path = None if checkpoint is None else Path(checkpoint)
    history = History(iterations)
    if path is not None and path.exists():
        history = _resumed(path, everything, iterations, settings)
    saved = time.monotonic()
    bar = tqdm(total=iterations, initial=history.iterations, desc=description, disable=description is None)
    grad_mode = torch.is_grad_enabled()
    with contextlib.closing(bar), _deferred_interrupts() as stop:
        try:
            while history.iterations < iterations and not stop.is_set():
                report = iterate(history.iterations)
                history.iterations += 1
                if report is not None:
                    metrics, data = report
                    _note(history, metrics)
                    if shown is not None:
                        bar.set_postfix({shown.replace("_", " "): _short(metrics[shown])}, refresh=False)
                    bar.update(history.iterations - bar.n)
                    if callback is not None:
                        callback(history.iterations, LiveParameters(parameters).state_dict(), data)
                if path is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    _save(path, everything, history, settings)
                    saved = time.monotonic()
            if path is not None:
                _save(path, everything, history, settings)
        except KeyboardInterrupt:
            torch.set_grad_enabled(grad_mode)
        if history.interrupted:
            bar.write(f"Interrupted after {history.iterations} of {iterations} iterations.")
        bar.update(history.iterations - bar.n)
    return history


def _note(history: History, metrics: Metrics) -> None:
    for name, value in {"iteration": history.iterations, **metrics}.items():
        history.setdefault(name, []).append(value)


def _short(value: Any) -> str:
    mean = torch.tensor(value, dtype=torch.float64, device="cpu").nanmean()
    return f"{float(mean):.3g}"


_interrupts: list[threading.Event] = []


@contextlib.contextmanager
def _deferred_interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets instead of raising KeyboardInterrupt; the second one raises.

    Of nested loops only the outermost listens: its iteration is what must not be broken off. Signals reach the main
    thread alone; elsewhere nothing is deferred.
    """
    stop = threading.Event()
    if _interrupts or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    usual = signal.signal(signal.SIGINT, note)
    _interrupts.append(stop)
    try:
        yield stop
    finally:
        _interrupts.clear()
        signal.signal(signal.SIGINT, usual)


def _save(path: Path, everything: Mapping[str, Stateful], history: History, settings: str) -> None:
    content = {name: part.state_dict() for name, part in everything.items()}
    content["loop"] = {"iterations": history.iterations, "history": dict(history), "settings": settings}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    torch.save(content, partial)
    os.replace(partial, path)  # an interrupted write leaves the old file as it was


def _resumed(path: Path, everything: Mapping[str, Stateful], iterations: int, settings: str) -> History:
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        loop, parts = content["loop"], {name: content[name] for name in everything}
    except OSError:
        raise
    except Exception as error:  # a foreign file can fail in any way
        raise ValueError(
            f"{path} must be a complete checkpoint of this kind of training; it cannot be read."
        ) from error
    if loop["settings"] != settings:
        raise ValueError(
            f"{path} is the checkpoint of a training with other settings: it has {loop['settings']}, "
            f"and this training {settings}. Give another file, or delete it."
        )
    if loop["iterations"] > iterations:
        raise ValueError(f"{path} has {loop['iterations']} iterations already, more than the {iterations} asked for.")
    for name, part in everything.items():
        part.load_state_dict(parts[name])
    return History(iterations, loop["iterations"], loop["history"])
