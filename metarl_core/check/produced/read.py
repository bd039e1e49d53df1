"""The check of a report: fields of stated kinds, and faults that are looked for in what was found about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from metarl_core.check.check import Check, Wrong
from metarl_core.check.compare import as_number
from metarl_core.check.describe import describe, shortened
from metarl_core.check.guard import usual_state
from metarl_core.check.outcome import CheckFailed, NotDone

KINDS = {
    "whole": "a whole number",
    "number": "a finite number",
    "seeds": "a list of whole numbers from 0 on",
    "returns": "the returns [seed, episode], all finite",
    "tensor": "a tensor of finite numbers",
    "tensors": "a dict of finite tensors",
    "function": "a function",
    "any": "",
}


def report_check(
    name: str,
    fields: Mapping[str, str | tuple],
    examine: Callable[[dict[str, Any]], Any],
    *wrongs: Wrong,
    passed: Callable[[Any], str],
) -> Check:
    """A check of a dict that tells of an experiment.

    Args:
        name: of the dict.
        fields: what each key holds, one of `KINDS`, or a tuple of words that may be chosen.
        examine: from the fields, in plain types, to what the `when` of the misconceptions looks at: whatever has to be
            computed to judge the report. It may raise CheckFailed.
        wrongs: faults, in order of importance.
        passed: what is said where none is found.
    """

    def judge(report: Any) -> str:
        with usual_state():
            if not isinstance(report, Mapping):
                raise CheckFailed(f"`{name}` is {describe(report)}; expected is a dict.", "type")
            if set(report) != set(fields):
                raise CheckFailed(f"`{name}` {_keys_in_words(report, fields)}.", "shape")
            plain = {key: _read(f"{name}[{key!r}]", report[key], kind) for key, kind in fields.items()}
            found = examine(plain)
            for wrong in wrongs:
                if wrong.when is not None and wrong.when(found):
                    raise CheckFailed(wrong.message, "misconception", wrong.id)
            return passed(found)

    plain_kinds = {"whole": int, "number": float}
    choices = {key: kind if isinstance(kind, tuple) else plain_kinds.get(kind, ()) for key, kind in fields.items()}
    return Check(name, "design", wrongs, judge, choices)


def _keys_in_words(report: Mapping, fields: Mapping) -> str:
    missing = ", ".join(repr(key) for key in fields if key not in report)
    extra = ", ".join([shortened(key) for key in report if key not in fields][:12])
    parts = [f"lacks {missing}" if missing else "", f"has {extra}, which nobody asked for" if extra else ""]
    return ", and ".join(filter(None, parts))


def _read(where: str, value: Any, kind: str | tuple) -> Any:
    """The field in plain types; CheckFailed where it is not of its kind."""
    if value is None or value is Ellipsis:
        raise NotDone(where)
    if isinstance(kind, tuple):
        found, words = next((o for o in kind if isinstance(value, str) and value == o), None), f"one of {kind}"
    else:
        found, words = _plain(value, kind), KINDS[kind]
    if found is None:
        raise CheckFailed(f"`{where}` is {describe(value)}; it should be {words}.", "type")
    return found


def _plain(value: Any, kind: str) -> Any:
    try:
        if kind in ("whole", "number"):
            number = as_number(value)
            right = isinstance(number, int) if kind == "whole" else number is not None and abs(number) < 1e300
            return number if right else None
        if kind == "seeds":
            return _seeds(value)
        if kind == "returns":
            return _returns(value)
        if kind == "tensor":
            return (_tensors({"": value}) or {}).get("")
        if kind == "tensors":
            return _tensors(value)
        if kind == "function":
            return value if callable(value) else None
    except Exception:  # whatever a stranger's value may raise
        return None
    return value


def _seeds(value: Any) -> list[int] | None:
    values = value.tolist() if isinstance(value, (torch.Tensor, np.ndarray)) else value
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, (Sequence, set, frozenset)):
        return None
    if len(values) > 10_000:
        return None
    found = [as_number(one) for one in values]
    return found if all(isinstance(one, int) and one >= 0 for one in found) else None  # type: ignore[return-value]


def _returns(value: Any) -> np.ndarray | None:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    array = np.array(value, dtype=float)
    return array if array.ndim == 2 and array.size and np.isfinite(array).all() else None


def _tensors(value: Any) -> dict[str, torch.Tensor] | None:
    if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) for key in value):
        return None
    for tensor in value.values():
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.is_meta:
            return None
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            return None
    return {key: tensor.detach().clone() for key, tensor in value.items()}
