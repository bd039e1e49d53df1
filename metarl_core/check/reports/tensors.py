"""How entries of a report are read that hold many numbers: returns, parameters of agents, tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .fields import MOST, dense, number, parts, refused

MOST_NUMBERS = 10_000_000
"""of one tensor, or of all returns together"""


def returns(where: str, value: Any) -> np.ndarray:
    """Returns `[seed, episode]`, all finite: a tensor, an array, or a list of what holds one seed's each."""
    wanted = "the returns [seed, episode], all finite"
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim != 2:
        raise refused(where, value, wanted)
    rows = [_row(f"an entry of {where}", part) for part in parts(where, value, wanted)]
    if len({len(row) for row in rows}) != 1 or not all(np.isfinite(row).all() for row in rows):
        raise refused(where, value, wanted)
    return np.stack(rows)


def _row(where: str, value: Any) -> np.ndarray:
    wanted, most = "the returns of one seed, [episode]", MOST_NUMBERS // MOST
    array = value
    if isinstance(value, Tensor) and dense(value):
        array = value.detach().cpu().resolve_conj().resolve_neg()
        array = (array.double() if array.is_floating_point() else array).numpy()
    if isinstance(array, np.ndarray) and array.dtype.kind in "iuf":
        if array.ndim != 1 or not 1 <= len(array) <= most:
            raise refused(where, value, wanted)
        return array.astype(float)
    return np.array([number(f"an entry of {where}", part) for part in parts(where, value, wanted, most)])


def tensor(where: str, value: Any) -> Tensor:
    """A dense tensor or an array of finite floating-point numbers; a copy of it as a tensor."""
    wanted = "a tensor of finite numbers"
    if isinstance(value, np.ndarray) and value.dtype in (np.float32, np.float64):
        value = torch.from_numpy(value.copy())
    fits = isinstance(value, Tensor) and dense(value) and value.is_floating_point()
    if not fits or value.numel() > MOST_NUMBERS or not bool(value.isfinite().all()):
        raise refused(where, value, wanted)
    return value.detach().cpu().clone()


def tensors(where: str, value: Any) -> dict[str, Tensor]:
    """A dictionary of such tensors, the parameters of a network for one."""
    if not isinstance(value, Mapping) or not 1 <= len(value) <= MOST or not all(isinstance(key, str) for key in value):
        raise refused(where, value, "a dict of finite tensors")
    return {key: tensor(f"{where}[{key!r}]", part) for key, part in value.items()}


def tasks(shapes: Mapping[str, tuple[int, ...]], exact: bool = False) -> Callable[[str, Any], dict[str, Tensor]]:
    """A dictionary of task parameters as `sample_tasks` gives it: float32 tensors `[task, *shape]`, all finite.

    With `exact`, arrays, lists and other precisions will do, too, where they hold exactly such numbers.
    """

    def read(where: str, value: Any) -> dict[str, Tensor]:
        wanted = "a dict of tensors, as `sample_tasks` gives it, with the keys " + ", ".join(map(repr, shapes))
        if not isinstance(value, Mapping) or set(value) != set(shapes):
            raise refused(where, value, wanted)
        found = {}
        for name, shape in shapes.items():
            part = _single(value[name]) if exact else value[name]
            fits = isinstance(part, Tensor) and dense(part) and part.device.type == "cpu"
            if not fits or part.dtype != torch.float32 or part.ndim < 1 or tuple(part.shape[1:]) != shape:
                form = ", ".join(["tasks", *map(str, shape)])
                raise refused(f"{where}[{name!r}]", part, f"a float32 tensor of shape [{form}]")
            if not 1 <= len(part) <= MOST or not bool(part.isfinite().all()):
                raise refused(f"{where}[{name!r}]", part, f"finite, of 1 to {MOST} tasks")
            found[name] = part.detach().clone()
        if len(set(map(len, found.values()))) > 1:
            raise refused(where, value, "of one number of tasks")
        return found

    return read


def _single(value: Any) -> Any:
    """The same numbers as a float32 tensor, where that holds all of them exactly; else what was given."""
    if isinstance(value, (list, tuple, np.ndarray)):
        listed = (
            value if isinstance(value, np.ndarray) else [part.tolist() if _has_list(part) else part for part in value]
        )
        array = np.asarray(listed)
        if array.dtype.kind not in "iuf" or array.size > MOST_NUMBERS:
            return value
        value = torch.as_tensor(array.astype(np.float64))
    if isinstance(value, Tensor) and dense(value) and value.is_floating_point():
        single = value.float()
        return single if bool((single.double() == value.double()).all()) else value
    return value


def _has_list(part: Any) -> bool:
    return isinstance(part, (Tensor, np.ndarray, np.generic))
