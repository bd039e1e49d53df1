"""Compare an answer with what is expected: type, then shape, then dtype, and only then values.

Broadcasting hides errors of shape, and NaN hides everything, so each has its own message.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from .describe import describe, shortened


@dataclass(frozen=True)
class Difference:
    """`kind` is "type", "shape", "dtype", "finite" or "value"; `message` says what was given and what is expected."""

    kind: str
    message: str


TOLERANCE = {torch.float64: (1e-9, 1e-9), torch.complex128: (1e-9, 1e-9)}
COARSE = (1e-4, 1e-5)
"""Relative and absolute tolerance where a check does not say, by dtype and in float32: what two right orders of
summation may differ by, and more; but less than what a float32 inside rounds in a float64 answer."""


def difference(
    got: Any, expected: Any, rtol: float | None, atol: float | None, where: str = "the result"
) -> Difference | None:
    """The first difference of `got` from `expected`, or None. `where` names the part in messages.

    Tensors, arrays, numbers, strings and None, and dicts, tuples and lists of them. The tolerance is
    |got − expected| ≤ atol + rtol·|expected|, elementwise: None for both goes by the dtype, and `atol` is 1e-6 where
    only `rtol` is given. Whole numbers, booleans and strings must be equal. Whatever is a number counts as one
    (Fraction, Decimal, np.int64, a tensor of one number), and any sequence of the right length as a tuple.
    """
    if isinstance(expected, Mapping):
        return _differing_dict(got, expected, rtol, atol, where)
    if isinstance(expected, (tuple, list)):
        return _differing_sequence(got, expected, rtol, atol, where)
    if isinstance(expected, (torch.Tensor, np.ndarray)):
        return _differing_array(got, expected, rtol, atol, where)
    if isinstance(expected, (bool, np.bool_)):
        return _differing_flag(got, expected, where)
    if isinstance(expected, Real):
        return _differing_number(got, expected, rtol, atol, where)
    if not isinstance(got, type(expected)):
        return _wrong_type(got, expected, where)
    return None if got == expected else Difference("value", f"{where} is {shortened(got)}, which is not right.")


def as_number(value: Any) -> int | float | None:
    """The int or float that `value` stands for, or None: whole numbers stay whole, booleans and strings are none."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        single = value.numel() == 1 if isinstance(value, torch.Tensor) else value.size == 1
        if not single or (isinstance(value, torch.Tensor) and value.is_meta):
            return None
        value = value.item()
    if isinstance(value, (bool, np.bool_, str, bytes, complex, np.complexfloating)):
        return None
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, (Real, Decimal, Fraction)) or callable(getattr(type(value), "__float__", None)):
        try:
            found = float(value)
        except Exception:  # whatever a stranger's `__float__` may raise
            return None
        return int(found) if found.is_integer() and abs(found) < 2**53 else found
    return None


def as_flag(value: Any) -> bool | None:
    """The bool that `value` stands for, or None."""
    if (
        isinstance(value, (torch.Tensor, np.ndarray))
        and value.dtype in (torch.bool, np.bool_)
        and len(value.shape) == 0
    ):
        value = value.item()
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


def _wrong_type(got: Any, expected: Any, where: str) -> Difference:
    hint = " Is there a `return`?" if got is None else ""
    return Difference("type", f"{where} is {describe(got)}; expected is {_kind_of(expected)}.{hint}")


def _kind_of(expected: Any) -> str:
    if isinstance(expected, (bool, np.bool_)):  # the value itself would give the answer away
        return "a bool"
    if isinstance(expected, Real):
        return "a number"
    if isinstance(expected, str):
        return "a str"
    return describe(expected)


def _differing_dict(got, expected, rtol, atol, where):
    if not isinstance(got, Mapping):
        return _wrong_type(got, expected, where)
    if set(got) != set(expected):
        missing = ", ".join(shortened(k) for k in expected if k not in got)
        extra = ", ".join([shortened(k) for k in got if k not in expected][:12])
        parts = [f"lacks the keys {missing}" if missing else "", f"has the unexpected keys {extra}" if extra else ""]
        return Difference("shape", f"{where} " + " and ".join(filter(None, parts)) + ".")
    return _first_by_kind(difference(got[k], expected[k], rtol, atol, f"{where}[{k!r}]") for k in expected)


def _differing_sequence(got, expected, rtol, atol, where):
    plain = all(isinstance(part, (Real, np.bool_, str)) for part in expected)
    if isinstance(got, (torch.Tensor, np.ndarray)) and plain and got.ndim == 1:
        got = got.tolist()
    if not isinstance(got, Sequence) or isinstance(got, (str, bytes)):
        return _wrong_type(got, expected, where)
    if len(got) != len(expected):
        return Difference("shape", f"{where} has {len(got)} parts; expected are {len(expected)}.")
    pairs = enumerate(zip(got, expected, strict=True))
    return _first_by_kind(difference(g, e, rtol, atol, f"{where}[{i}]") for i, (g, e) in pairs)


def _first_by_kind(differences) -> Difference | None:
    found = [d for d in differences if d is not None]
    order = ("type", "shape", "dtype", "finite", "value")
    return min(found, key=lambda d: order.index(d.kind), default=None)


def _differing_array(got, expected, rtol, atol, where):
    if not isinstance(got, torch.Tensor if isinstance(expected, torch.Tensor) else np.ndarray):
        return _wrong_type(got, expected, where)
    if isinstance(got, torch.Tensor):
        if got.device != expected.device:
            return Difference("type", f"{where} lies on the device {got.device}; expected is {expected.device}.")
        if got.layout != torch.strided:
            return Difference("type", f"{where} is a sparse tensor; expected is a dense one.")
    if tuple(got.shape) != tuple(expected.shape):
        return Difference("shape", f"{where} has shape {list(got.shape)}; expected is {list(expected.shape)}.")
    if got.dtype != expected.dtype:
        return Difference("dtype", f"{where} has dtype {got.dtype}; expected is {expected.dtype}.")
    g, e = _float64(got), _float64(expected)
    bad = ~np.isfinite(g) & ~((g == e) | (np.isnan(g) & np.isnan(e)))
    if bad.any():
        return Difference("finite", f"{where} contains {_not_finite(g[bad])} ({bad.sum()} of {g.size} numbers).")
    if expected.dtype in (torch.bool, np.bool_) or not _is_floating(expected):
        wrong = g != e
        if wrong.any():
            return Difference("value", f"{where} is wrong in {wrong.sum()} of {g.size} places.")
        return None
    usual = TOLERANCE.get(torch.as_tensor(expected).dtype, COARSE)
    atol = (usual[1] if rtol is None else 1e-6) if atol is None else atol
    rtol = usual[0] if rtol is None else rtol
    with np.errstate(invalid="ignore"):
        if np.isclose(g, e, rtol=rtol, atol=atol, equal_nan=True).all():
            return None
    with np.errstate(invalid="ignore"):  # inf − inf where both are the same infinity
        gaps = np.abs(g - e)
    largest = float(gaps[~np.isnan(gaps)].max(initial=0.0))
    words = f"{where} has the right shape but not the right values: the largest difference is {largest:.3g}."
    return Difference("value", words)


def _differing_flag(got, expected, where):
    flag = as_flag(got)
    if flag is None:
        return _wrong_type(got, expected, where)
    return None if flag == bool(expected) else Difference("value", f"{where} is {flag}, which is not right.")


def _differing_number(got, expected, rtol, atol, where):
    number = as_number(got)
    if number is None:
        return _wrong_type(got, expected, where)
    if abs(number) > sys.float_info.max and math.isfinite(number):
        return Difference("value", f"{where} is beyond the largest float.")
    if not math.isfinite(number) and number != expected and not (math.isnan(number) and math.isnan(expected)):
        return Difference("finite", f"{where} is {_not_finite(np.array([float(number)]))}.")
    if isinstance(expected, Integral):
        right = number == expected
    else:
        rtol, atol = 1e-7 if rtol is None else rtol, 1e-6 if atol is None else atol
        right = bool(np.isclose(float(number), float(expected), rtol=rtol, atol=atol, equal_nan=True))
    off = abs(float(number) - float(expected))
    return None if right else Difference("value", f"{where} is {float(number):.6g}, which is off by {off:.3g}.")


def _float64(x) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        x = x.detach().resolve_conj().resolve_neg().cpu()
        x = (x.to(torch.complex128) if x.is_complex() else x.to(torch.float64)).numpy()
    return np.asarray(x, dtype=np.complex128 if np.iscomplexobj(x) else np.float64)


def _is_floating(x) -> bool:
    return x.dtype.is_floating_point or x.dtype.is_complex if isinstance(x, torch.Tensor) else x.dtype.kind in "fc"


def _not_finite(bad: np.ndarray) -> str:
    return (
        "NaN (0/0, inf − inf, or the logarithm of a negative number)" if np.isnan(bad).any() else "an infinite number"
    )
