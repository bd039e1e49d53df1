"""What the tasks' public functions say about bad arguments, and how given numbers become tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_one_of

SPLITS = ("train", "test", "ood")


def check_tasks(tasks: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Number of tasks in `tasks`, whose entries must be tensors `[task, *shapes[name]]` of one dtype and device.

    Raises:
        ValueError: names the entry that does not fit.
    """
    check_mapping(tasks)
    if set(tasks) != set(shapes):
        raise ValueError(f"tasks must have the entries {sorted(shapes)}, got {sorted(map(str, tasks))}.")
    for name, value in tasks.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"tasks[{name!r}] must be a tensor, got {type(value).__name__}.")
    number = next((value.shape[0] for value in tasks.values() if value.ndim > 0), 0)
    for name, value in tasks.items():
        if tuple(value.shape) != (number, *shapes[name]):
            expected = ", ".join(["tasks", *map(str, shapes[name])])
            raise ValueError(f"tasks[{name!r}] must have shape [{expected}], got {list(value.shape)}.")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(f"tasks[{name!r}] must be finite, got NaN or infinity.")
    if number < 1:
        raise ValueError("tasks must hold at least one task, got zero.")
    dtypes = {value.dtype for value in tasks.values() if value.is_floating_point()}
    devices = {value.device for value in tasks.values()}
    if len(dtypes) > 1 or len(devices) > 1:
        several = " and ".join(sorted(str(kind) for kind in (dtypes if len(dtypes) > 1 else devices)))
        raise ValueError(f"tasks must be of one floating-point dtype and on one device, got {several}.")
    return number


def check_mapping(tasks: Any) -> None:
    """Raise ValueError unless `tasks` is a dictionary."""
    if not isinstance(tasks, Mapping):
        raise ValueError(f"tasks must be a dictionary of task parameters, got {type(tasks).__name__}.")


def check_sampling(n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> None:
    """Raise ValueError unless `n` tasks of `split` can be drawn with these arguments."""
    check_count("n", n)
    check_generator(generator)
    check_one_of("split", split, SPLITS)
    check_dtype(dtype)


def check_dtype(dtype: torch.dtype | None) -> None:
    """Raise ValueError unless `dtype` is floating-point, or None for torch's default."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype must be a floating-point torch.dtype, got {dtype!r}.")


def check_horizon(horizon: int) -> int:
    """`horizon` as an int.

    Raises:
        ValueError: where it is not a whole number of at least one step.
    """
    return check_count("horizon", horizon)


def check_action(space: Space[Any], action: Tensor, batch: tuple[int, ...]) -> None:
    """Raise ValueError unless `action` is a batch of actions of `space` with leading axes `batch`.

    Continuous actions beyond the bounds are allowed, as in Gymnasium's Pendulum: environments clip them.
    """
    expected = (*batch, *(space.shape or ()))
    if tuple(action.shape) != expected:
        raise ValueError(f"action must have shape {list(expected)}, got {list(action.shape)}.")
    if isinstance(space, spaces.Discrete):
        low = int(space.start)
        high = low + int(space.n) - 1
        if action.is_floating_point():
            raise ValueError(f"action must hold integers {low} to {high}, got {action.dtype}.")
        lowest, highest = map(int, action.aminmax())
        if lowest < low or highest > high:
            raise ValueError(f"action must be one of {low} to {high}, got {lowest if lowest < low else highest}.")
    elif action.is_floating_point() and not bool(action.isfinite().all()):
        raise ValueError("action must be finite, got NaN or infinity.")


def as_tensor(name: str, value: Any, like: Tensor | None) -> Tensor:
    """`value` as a tensor that fits beside `like`, the same parameter of an ordinary task; a task axis is added."""
    if not isinstance(value, Tensor):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"tasks[{name!r}] must be made of numbers, got {value!r}.")
        value = torch.from_numpy(np.array(array))
        if like is not None and like.is_floating_point():
            value = value.to(torch.get_default_dtype())
    if like is None:
        return value
    if not like.is_floating_point() and not value.is_floating_point():
        value = value.to(like.dtype)
    elif like.is_floating_point() and not value.is_floating_point():
        value = value.to(torch.get_default_dtype())
    return value[None] if value.ndim == like.ndim - 1 else value
