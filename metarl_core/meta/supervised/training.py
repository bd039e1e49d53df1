"""The outer loop that all meta-learners on supervised tasks share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.parameters import Parameters
from metarl_core.tasks.few_shot import FewShot

Direction = Callable[[Parameters, FewShot], tuple[Parameters, Tensor]]


@dataclass
class MetaConfig:
    """Settings of `meta_train`."""

    iterations: int = 70_000
    """as for sinusoids in the MAML paper"""
    meta_batch: int = 25
    """tasks per iteration"""
    outer_lr: float = 1e-3
    """β, or Reptile's ε"""
    optimiser: str = "adam"
    """"adam", or "sgd" for Reptile"""
    anneal: bool = False
    """let the outer step fall linearly to zero over training"""
    batches_at_once: int = 1
    """meta-batches that are drawn in one call; 100 saves most of the time where drawing is cheap"""
    chunk: int | None = None
    """tasks whose gradient is computed at once; the direction is the mean over the chunks. None: the whole
    meta-batch. Large networks are faster in chunks, whose intermediate results stay in the processor's cache."""
    report_every: int = 100
    """iterations between entries of the history"""


def meta_train(
    method,
    meta: Parameters,
    sample: Callable[[int, torch.Generator], FewShot],
    config: MetaConfig,
    generator: torch.Generator,
    description: str = "meta-training",
    callback: Callable[[int, Parameters], None] | None = None,
    direction: Direction | None = None,
) -> tuple[Parameters, dict[str, list[float]]]:
    """Alternate `method.direction` and a step of the outer optimiser.

    Args:
        method: `MAML`, `MetaSGD`, `Reptile`, `Prototypes` or `Joint`.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        sample: draws data of that many training tasks.
        config: settings.
        generator: source of the tasks and their data.
        description: name on the progress bar.
        callback: called as `callback(iteration, meta)` at each report, `iteration` counting from 1.
        direction: a faster version of `method.direction` (see `trace_direction`).

    Returns:
        Meta-trained parameters and history: `loss` (mean over the iterations since the last report of what
        `direction` returns as losses) and `iteration`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for an unknown optimiser.
        FloatingPointError: where the loss is no longer a number; says after which iteration.
    """
    if config.optimiser not in ("adam", "sgd"):
        raise ValueError(f"optimiser must be 'adam' or 'sgd', got {config.optimiser!r}.")
    direction = method.direction if direction is None else direction
    learned = {name: value.detach().clone().requires_grad_() for name, value in meta.items()}
    values = list(learned.values())
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.SGD
    optimiser = kind(values, lr=config.outer_lr, fused=True)
    history: dict[str, list[float]] = {"loss": [], "iteration": []}
    total, since, done = torch.zeros(()), 0, 0
    bar = tqdm(total=config.iterations, desc=description)
    try:
        while done < config.iterations:
            many = min(config.batches_at_once, config.iterations - done)
            for data in batches(sample(many * config.meta_batch, generator), config.meta_batch):
                if config.anneal:
                    optimiser.param_groups[0]["lr"] = config.outer_lr * (1 - done / config.iterations)
                gradients, losses = in_chunks(direction, learned, data, config.chunk)
                for value, gradient in zip(values, gradients.values(), strict=True):
                    value.grad = gradient
                optimiser.step()
                total += losses.detach().mean()
                done, since = done + 1, since + 1
                if done % config.report_every == 0 or done == config.iterations:
                    history["loss"].append(float(total) / since)
                    history["iteration"].append(done)
                    if not torch.isfinite(total):
                        raise FloatingPointError(
                            f"the outer loss is {float(total)} after {done} iterations; a smaller step size may help."
                        )
                    total, since = torch.zeros(()), 0
                    bar.set_postfix(loss=f"{history['loss'][-1]:.3f}", refresh=False)
                    bar.update(done - bar.n)
                    if callback is not None:
                        callback(done, {name: value.detach() for name, value in learned.items()})
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {done} of {config.iterations} iterations.")
    bar.close()
    return {name: value.detach() for name, value in learned.items()}, history


def in_chunks(
    direction: Direction, meta: Parameters, data: FewShot, chunk: int | None = None
) -> tuple[Parameters, Tensor]:
    """`direction(meta, data)`, computed `chunk` tasks at a time."""
    tasks = len(data.support_inputs)
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
    return [FewShot(*parts) for parts in zip(*(value.split(size) for value in data), strict=True)]


def learning_curve(
    method,
    meta: Parameters,
    data: FewShot,
    steps: Sequence[int],
    measure: Callable[[Parameters, Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """A measure on query data after some numbers of inner steps on support data, `[task, len(steps)]`.

    Args:
        method: anything with `adapt` and `loss`.
        meta: meta-parameters.
        data: of held-out tasks.
        steps: numbers of inner steps at test, which may be more than in training; 0 is the start itself.
        measure: from parameters `[task, ...]`, inputs and targets to `[task]`; the method's loss unless given.
    """
    measure = method.loss if measure is None else measure
    curve = []
    for count in steps:
        adapted = method.adapt(meta, data.support_inputs, data.support_targets, count)
        with torch.no_grad():
            curve.append(measure(adapted, data.query_inputs, data.query_targets))
    return torch.stack(curve, 1)
