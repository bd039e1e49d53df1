"""Compare an answer with what is expected: type, then shape, then dtype, and only then values.

Broadcasting hides errors of shape, and NaN hides everything, so each has its own message.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Difference:
    """`kind` is "type", "shape", "dtype", "finite" or "value"; `message` says what was given and what is expected."""

    kind: str
    message: str


def describe(value: Any) -> str:
    """Words for what `value` is: `a tensor of shape [3, 2], torch.float32`."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {list(value.shape)}, {value.dtype}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {list(value.shape)}, {value.dtype}"
    if isinstance(value, dict):
        return "a dict with the keys " + ", ".join(map(repr, value))
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "None"
    if isinstance(value, (bool, int, float, complex, str, np.generic)):
        return f"the {type(value).__name__} {value!r}"
    return f"something of type {type(value).__name__}"


def difference(got: Any, expected: Any, rtol: float, atol: float, where: str = "the result") -> Difference | None:
    """The first difference of `got` from `expected`, or None. `where` names the part in messages.

    Tensors, arrays, numbers, strings and None, and dicts, tuples and lists of them. The tolerance is
    |got − expected| ≤ atol + rtol·|expected|, elementwise; whole numbers, booleans and strings must be equal.
    """
    if isinstance(expected, dict):
        return _differing_dict(got, expected, rtol, atol, where)
    if isinstance(expected, (tuple, list)):
        return _differing_sequence(got, expected, rtol, atol, where)
    if isinstance(expected, (torch.Tensor, np.ndarray)):
        return _differing_array(got, expected, rtol, atol, where)
    return _differing_scalar(got, expected, rtol, atol, where)


def _wrong_type(got: Any, expected: Any, where: str) -> Difference:
    hint = ""
    if got is None:
        hint = " Is there a `return`?"
    elif isinstance(got, torch.Tensor) and isinstance(expected, Real) and got.numel() == 1:
        hint = " `.item()` turns a tensor of one number into a Python number."
    return Difference("type", f"{where} is {describe(got)}; expected is {_kind_of(expected)}.{hint}")


def _kind_of(expected: Any) -> str:
    if isinstance(expected, (bool, int, float, str, np.generic)):  # the value itself would give the answer away
        return {bool: "a bool", int: "an int", float: "a float", str: "a str"}.get(type(expected), "a number")
    return describe(expected)


def _differing_dict(got, expected, rtol, atol, where):
    if not isinstance(got, dict):
        return _wrong_type(got, expected, where)
    if set(got) != set(expected):
        missing = ", ".join(repr(k) for k in expected if k not in got)
        extra = ", ".join(repr(k) for k in got if k not in expected)
        parts = [f"lacks the keys {missing}" if missing else "", f"has the unexpected keys {extra}" if extra else ""]
        return Difference("shape", f"{where} " + " and ".join(filter(None, parts)) + ".")
    return _first_by_kind(difference(got[k], expected[k], rtol, atol, f"{where}[{k!r}]") for k in expected)


def _differing_sequence(got, expected, rtol, atol, where):
    if not isinstance(got, list if isinstance(expected, list) else tuple):
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
    if np.isclose(g, e, rtol=rtol, atol=atol, equal_nan=True).all():
        return None
    with np.errstate(invalid="ignore"):  # inf − inf where both are the same infinity
        largest = float(np.nanmax(np.abs(g - e)))
    return Difference(
        "value", f"{where} has the right shape but not the right values: the largest difference is {largest:.3g}."
    )


def _differing_scalar(got, expected, rtol, atol, where):
    if isinstance(expected, (bool, np.bool_)) or isinstance(got, (bool, np.bool_)):
        right_type = isinstance(got, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_))
    elif isinstance(expected, Integral):
        right_type = isinstance(got, Integral)
    elif isinstance(expected, Real):
        right_type = isinstance(got, Real)
    else:
        right_type = isinstance(got, type(expected))
    if not right_type:
        return _wrong_type(got, expected, where)
    if isinstance(expected, Real) and not isinstance(expected, (Integral, np.bool_)):
        if not math.isfinite(got) and got != expected and not (math.isnan(got) and math.isnan(expected)):
            return Difference("finite", f"{where} is {_not_finite(np.array([float(got)]))}.")
        if np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True):
            return None
        return Difference(
            "value", f"{where} is {float(got):.6g}, which is off by {abs(float(got) - float(expected)):.3g}."
        )
    return None if got == expected else Difference("value", f"{where} is {got!r}, which is not right.")


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


def clone(value: Any) -> Any:
    """A copy that shares nothing: learner's code gets copies, so that one call cannot spoil the next.

    A tensor stays a leaf of its own with the same `requires_grad`, and a generator keeps its state.
    """
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, torch.Generator):
        twin = torch.Generator(device=value.device)
        twin.set_state(value.get_state())
        return twin
    if isinstance(value, dict):
        return type(value)((k, clone(v)) for k, v in value.items())
    if isinstance(value, tuple):
        parts = [clone(v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [clone(v) for v in value]
    return value if callable(value) and not isinstance(value, torch.nn.Module) else copy.deepcopy(value)


def changed(before: Any, after: Any) -> bool:
    """Whether tensors, arrays or containers in `after` are no longer what they were in `before`, exactly."""
    if isinstance(before, (torch.Tensor, np.ndarray)):
        return difference(after, before, 0.0, 0.0) is not None
    if isinstance(before, torch.nn.Module):
        return changed(dict(before.state_dict()), dict(after.state_dict()))
    if isinstance(before, dict):
        return list(before) != list(after) or any(changed(before[k], after[k]) for k in before)
    if isinstance(before, (tuple, list)):
        return len(before) != len(after) or any(map(changed, before, after))
    return False  # numbers and strings cannot change; a generator or an environment is there to be used
