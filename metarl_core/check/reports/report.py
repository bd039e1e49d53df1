"""The check of a report: a dict of what was done and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..check import Check, Wrong
from ..describe import describe, shortened
from ..guard import usual_state
from ..outcome import CheckFailed, NotDone
from .fields import Choice, finite, number, whole

Reader = Callable[[str, Any], Any]
"""From where a field stands, in words, and what was given to a plain value. Raises CheckFailed."""


def report_check(
    name: str,
    fields: Mapping[str, Reader],
    *wrongs: Wrong,
    examine: Callable[[dict[str, Any]], Any] | None = None,
    look: Callable[[Any], Any] | None = None,
    found: tuple[Wrong, ...] = (),
    passed: Callable[[Any], str] | None = None,
    notes: bool = False,
) -> Check:
    """A check of a report on an experiment. The first fault is named; a report without any passes.

    Args:
        name: of the learner's dict.
        fields: how each of its entries is read. An entry that is still `...` or None is not filled in.
        wrongs: faults, in order of importance, `when(seen)`.
        examine: from the report to what is seen of it: whatever has to be computed to judge it. It raises CheckFailed
            where entries do not fit together. Without it, the report itself is seen.
        look: repeats what has to be repeated and takes long, `look(seen)`; only for a report that has none of `wrongs`.
        found: faults that only this shows, `when(seen, what look returned)`.
        passed: what is said where no fault is found, `passed(seen)`.
        notes: whether a learner may add entries, which are left alone.

    Raises:
        ValueError: for a misconception without `when`.
    """
    for wrong in (*wrongs, *found):
        if wrong.when is None:
            raise ValueError(f"misconception {wrong.id!r} of a report needs a `when`, got none.")

    def judge(given: Any) -> str:
        with usual_state():
            report = _read(name, fields, given, notes)
            seen = report if examine is None else examine(report)
            _refuse(wrongs, seen)
            if look is not None:
                _refuse(found, seen, look(seen))
            if passed is not None:
                return passed(seen)
        return f"`{name}` has none of the {len(wrongs) + len(found)} faults that were looked for" + (
            ", and what was repeated came out alike." if look is not None else "."
        )

    return Check(name, "design", (*wrongs, *found), judge, {key: _kind(read) for key, read in fields.items()})


def _kind(read: Reader) -> type | tuple[str, ...]:
    """The words that may be chosen, int or float for a number, and nothing for what is made of several."""
    if isinstance(read, Choice):
        return read.options
    return int if read is whole else float if read in (number, finite) else ()


def _refuse(wrongs: tuple[Wrong, ...], *seen: Any) -> None:
    for wrong in wrongs:
        if wrong.when is not None and wrong.when(*seen):
            raise CheckFailed(wrong.message, "misconception", wrong.id)


def _read(name: str, fields: Mapping[str, Reader], given: Any, notes: bool) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise CheckFailed(f"`{name}` is {describe(given)}; expected is a dict.", "type")
    if not set(fields) <= set(given) or not (notes or set(given) <= set(fields)):
        raise CheckFailed(f"`{name}` {_keys_in_words(given, fields)}.", "shape")
    for key in fields:
        if given[key] is None or given[key] is Ellipsis:
            raise NotDone(f'{name}["{key}"]')
    return {key: _entry(f'`{name}["{key}"]`', given[key], read) for key, read in fields.items()}


def _keys_in_words(given: Mapping, fields: Mapping[str, Reader]) -> str:
    missing = ", ".join(repr(key) for key in fields if key not in given)
    extra = ", ".join([shortened(key) for key in given if key not in fields][:12])
    parts = [f"lacks {missing}" if missing else "", f"has {extra}, which nobody asked for" if extra else ""]
    return ", and ".join(filter(None, parts))


def _entry(where: str, value: Any, read: Reader) -> Any:
    """What `read` makes of it; where a stranger's value raises something of its own, that it cannot be read."""
    try:
        return read(where, value)
    except CheckFailed:
        raise
    except Exception:
        failed = f"{where} is something of type {type(value).__name__}, and could not be read."
    raise CheckFailed(failed, "type")
