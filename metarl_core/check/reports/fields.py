"""How the entries of a report are read: whatever counts as a number, a list or a batch of tasks, made plain."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metarl_core.evaluation import Interval

from ..compare import as_number
from ..describe import describe
from ..outcome import CheckFailed

MOST = 1000
"""entries of a list in a report"""


def _refused(where: str, value: Any, wanted: str) -> CheckFailed:
    return CheckFailed(f"{where} is {describe(value)}; it should be {wanted}.", "type")


def number(where: str, value: Any, wanted: str = "a number") -> float:
    """A number; infinite where something never happens, but not NaN."""
    found = as_number(value)
    if found is None or math.isnan(found) or (math.isfinite(found) and abs(found) > sys.float_info.max):
        raise _refused(where, value, wanted)
    return float(found)


def whole(where: str, value: Any, wanted: str = "a whole number") -> int:
    """A whole number of 64 bits."""
    found = as_number(value)
    if not isinstance(found, int) or abs(found) >= 2**63:
        raise _refused(where, value, wanted)
    return found


def numbers(where: str, value: Any) -> list[float]:
    """A list, a tuple, a tensor or an array `[n]` of numbers."""
    return [number(f"an entry of {where}", part) for part in _parts(where, value, "a list of numbers")]


def whole_numbers(where: str, value: Any) -> list[int]:
    """The same of whole numbers."""
    return [whole(f"an entry of {where}", part) for part in _parts(where, value, "a list of whole numbers")]


def pair(where: str, value: Any) -> tuple[float, float]:
    """Two numbers, such as the ends of an interval, or an `evaluation.Interval`."""
    if isinstance(value, Interval):
        value = (value.low, value.high)
    found = [number(f"an entry of {where}", part) for part in _parts(where, value, "two numbers")]
    if len(found) != 2:
        raise _refused(where, value, "two numbers")
    return found[0], found[1]


def number_lists(length: int) -> Callable[[str, Any], list[list[float]]]:
    """A list of lists of `length` finite numbers each, or a tensor `[n, length]`."""

    def read(where: str, value: Any) -> list[list[float]]:
        rows = [numbers(f"an entry of {where}", part) for part in _parts(where, value, "a list of lists")]
        if any(len(row) != length or not all(map(math.isfinite, row)) for row in rows):
            raise _refused(where, value, f"a list of {length} finite numbers for each")
        return rows

    return read


def tasks(shapes: Mapping[str, tuple[int, ...]]) -> Callable[[str, Any], dict[str, Tensor]]:
    """A dictionary of task parameters as `sample_tasks` gives it: float32 tensors `[task, *shape]`, all finite."""

    def read(where: str, value: Any) -> dict[str, Tensor]:
        wanted = "a dict of tensors, as `sample_tasks` gives it, with the keys " + ", ".join(map(repr, shapes))
        if not isinstance(value, Mapping) or set(value) != set(shapes):
            raise _refused(where, value, wanted)
        for name, shape in shapes.items():
            part = value[name]
            fits = isinstance(part, Tensor) and part.layout == torch.strided and part.device.type == "cpu"
            if not fits or part.dtype != torch.float32 or part.ndim < 1 or tuple(part.shape[1:]) != shape:
                form = ", ".join(["tasks", *map(str, shape)])
                raise _refused(f"{where}[{name!r}]", part, f"a float32 tensor of shape [{form}]")
            if not 1 <= len(part) <= MOST or not bool(part.isfinite().all()):
                raise _refused(f"{where}[{name!r}]", part, f"finite, of 1 to {MOST} tasks")
        if len({len(value[name]) for name in shapes}) > 1:
            raise _refused(where, value, "of one number of tasks")
        return {name: value[name].detach().clone() for name in shapes}

    return read


def _parts(where: str, value: Any, wanted: str) -> list[Any]:
    if isinstance(value, (Tensor, np.ndarray)):
        fits = value.ndim >= 1 and 1 <= len(value) <= MOST
        if isinstance(value, Tensor):
            fits = fits and value.layout == torch.strided and not value.is_meta
        parts = list(value.detach() if isinstance(value, Tensor) else value) if fits else None
    elif isinstance(value, (Sequence, Mapping)) and not isinstance(value, (str, bytes)):
        listed = value.values() if isinstance(value, Mapping) else value
        parts = list(listed) if 1 <= len(value) <= MOST else None
    else:
        parts = None
    if parts is None:
        raise _refused(where, value, wanted)
    return parts
