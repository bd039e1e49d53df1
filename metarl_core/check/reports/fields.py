"""How the entries of a report are read: whatever counts as a number, a word or a list of numbers, made plain."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from metarl_core.evaluation import Interval

from ..compare import as_number
from ..describe import describe
from ..outcome import CheckFailed

MOST = 1000
"""entries of a list in a report"""


def refused(where: str, value: Any, wanted: str) -> CheckFailed:
    """What is said of an entry that cannot be read as it should be."""
    return CheckFailed(f"{where} is {describe(value)}; it should be {wanted}.", "type")


def number(where: str, value: Any, wanted: str = "a number") -> float:
    """A number; infinite where something never happens, but not NaN."""
    found = as_number(value)
    if found is None or found != found or (abs(found) > sys.float_info.max and abs(found) != math.inf):
        raise refused(where, value, wanted)
    return float(found)


def finite(where: str, value: Any) -> float:
    """A finite number."""
    found = number(where, value, "a finite number")
    if math.isinf(found):
        raise refused(where, value, "a finite number")
    return found


def whole(where: str, value: Any, wanted: str = "a whole number") -> int:
    """A whole number of 64 bits."""
    found = as_number(value)
    if not isinstance(found, int) or abs(found) >= 2**63:
        raise refused(where, value, wanted)
    return found


def numbers(where: str, value: Any) -> list[float]:
    """A list, a tuple, a tensor or an array `[n]` of numbers."""
    return [number(f"an entry of {where}", part) for part in parts(where, value, "a list of numbers")]


def whole_numbers(where: str, value: Any) -> list[int]:
    """The same of whole numbers."""
    return [whole(f"an entry of {where}", part) for part in parts(where, value, "a list of whole numbers")]


def seeds(where: str, value: Any) -> list[int]:
    """Whole numbers from 0 on, as a list, a set, a tensor or an array; there may be none."""
    wanted = "a list of whole numbers from 0 on"
    if isinstance(value, Set):
        value = list(value)
    if isinstance(value, (Sequence, Tensor, np.ndarray)) and not isinstance(value, (str, bytes)) and len(value) == 0:
        return []
    found = [whole(f"an entry of {where}", part) for part in parts(where, value, wanted)]
    if any(seed < 0 for seed in found):
        raise refused(f"an entry of {where}", min(found), "a whole number from 0 on")
    return found


def pair(where: str, value: Any) -> tuple[float, float]:
    """Two numbers, such as the ends of an interval, or an `evaluation.Interval`."""
    if isinstance(value, Interval):
        value = (value.low, value.high)
    found = [number(f"an entry of {where}", part) for part in parts(where, value, "two numbers")]
    if len(found) != 2:
        raise refused(where, value, "two numbers")
    return found[0], found[1]


def number_lists(length: int) -> Callable[[str, Any], list[list[float]]]:
    """A list of lists of `length` finite numbers each, or a tensor `[n, length]`."""

    def read(where: str, value: Any) -> list[list[float]]:
        rows = [numbers(f"an entry of {where}", part) for part in parts(where, value, "a list of lists")]
        if any(len(row) != length or not all(map(math.isfinite, row)) for row in rows):
            raise refused(where, value, f"a list of {length} finite numbers for each")
        return rows

    return read


@dataclass(frozen=True)
class Choice:
    """Reads one of some words."""

    options: tuple[str, ...]

    def __call__(self, where: str, value: Any) -> str:
        found = next((option for option in self.options if isinstance(value, str) and str(value) == option), None)
        if found is None:
            raise refused(where, value, "one of " + ", ".join(map(repr, self.options)))
        return found


def choice(*options: str) -> Choice:
    """One of these words."""
    return Choice(options)


def function(where: str, value: Any) -> Callable:
    """Something that can be called."""
    if not callable(value):
        raise refused(where, value, "a function")
    return value


def anything(where: str, value: Any) -> Any:
    """Whatever was given; `examine` looks at it."""
    return value


def parts(where: str, value: Any, wanted: str, most: int = MOST) -> list[Any]:
    """The entries of a list, a tuple, a dict, a dense tensor or an array: one to `most`."""
    found: list[Any] | None = None
    if isinstance(value, (Tensor, np.ndarray)):
        if dense(value) and value.ndim >= 1 and 1 <= len(value) <= most:
            found = list(value.detach() if isinstance(value, Tensor) else value)
    elif isinstance(value, (Sequence, Mapping)) and not isinstance(value, (str, bytes)):
        listed = value.values() if isinstance(value, Mapping) else value
        found = list(listed) if 1 <= len(value) <= most else None
    if found is None:
        raise refused(where, value, wanted)
    return found


def dense(value: Tensor | np.ndarray) -> bool:
    """Whether its numbers are there to be read: it is neither sparse nor on the device "meta"."""
    return isinstance(value, np.ndarray) or (str(value.layout) == "torch.strided" and not value.is_meta)
