"""The loop that every training runs in: progress bar, history, callbacks, interrupts, checkpoints, exact resume."""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from metarl_core.arguments import check_callable, check_count
from metarl_core.parameters import Parameters
from metarl_core.training.checkpoints import LiveParameters, Stateful, resume, save_checkpoint
from metarl_core.training.history import History, Metrics
from metarl_core.training.interrupts import deferred_interrupts

Callback = Callable[[int, Parameters, Any], None]
"""called as `callback(iteration, parameters, data)` after an iteration that is reported: `iteration` counts from 1,
`parameters` are the receiver's own copy, `data` is what the iteration learned from (trajectories, a meta-batch), or
None"""

SECONDS_BETWEEN_CHECKPOINTS = 20.0


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

    Gradients are recorded in it, whatever the caller's grad mode.

    Returns:
        The history.

    Raises:
        ValueError: for fewer than 0 iterations, a callback that cannot be called, a checkpoint that is no path of a
            file, or one of another training.
    """
    check_count("iterations", iterations, 0)
    if callback is not None:
        check_callable("callback", callback, "iteration, parameters and data")
    if checkpoint is not None and (not isinstance(checkpoint, str | os.PathLike) or Path(checkpoint).is_dir()):
        raise ValueError(f"checkpoint must be the path of a file, or None, got {str(checkpoint)!r}.")
    everything: dict[str, Stateful] = {"parameters": LiveParameters(parameters), **(state or {})}
    path = None if checkpoint is None else Path(checkpoint)
    history = History(iterations)
    if path is not None and path.exists():
        history = resume(path, everything, iterations, settings)
    saved = time.monotonic()
    bar = tqdm(total=iterations, initial=history.iterations, desc=description, disable=description is None)
    grad_mode = torch.is_grad_enabled()
    with contextlib.closing(bar), deferred_interrupts() as stop, torch.enable_grad():
        try:
            while history.iterations < iterations and not stop.is_set():
                report = iterate(history.iterations)
                history.iterations += 1
                if report is not None:
                    metrics, data = report
                    history.note(metrics)
                    if shown is not None:
                        bar.set_postfix({shown.replace("_", " "): _short(metrics[shown])}, refresh=False)
                    bar.update(history.iterations - bar.n)
                    if callback is not None:
                        callback(history.iterations, LiveParameters(parameters).state_dict(), data)
                if path is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    save_checkpoint(path, everything, history, settings)
                    saved = time.monotonic()
            if path is not None:
                save_checkpoint(path, everything, history, settings)
        except KeyboardInterrupt:
            torch.set_grad_enabled(grad_mode)
        if history.interrupted:
            bar.write(f"Interrupted after {history.iterations} of {iterations} iterations.")
        bar.update(history.iterations - bar.n)
    return history


def _short(value: Any) -> str:
    mean = torch.tensor(value, dtype=torch.float64, device="cpu").nanmean()
    return f"{float(mean):.3g}"
