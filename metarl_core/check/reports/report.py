"""The check of a report: a dict of what was done and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..check import Check, Wrong
from ..describe import describe, shortened
from ..guard import usual_state
from ..outcome import CheckFailed, NotDone

Reader = Callable[[str, Any], Any]
"""From where a field stands, in words, and what was given to a plain value. Raises CheckFailed."""


def report_check(
    name: str,
    fields: Mapping[str, Reader],
    *wrongs: Wrong,
    agree: Callable[[dict[str, Any]], None] | None = None,
    look: Callable[[dict[str, Any]], Any] | None = None,
    found: tuple[Wrong, ...] = (),
) -> Check:
    """A check of a report on an experiment. The first fault is named; a report without any passes.

    Args:
        name: of the learner's dict.
        fields: how each of its entries is read. An entry that is still `...` or None is not filled in.
        wrongs: faults that the report itself shows, `when(report)`.
        agree: raises CheckFailed where entries do not fit together, before any fault is looked for.
        look: repeats what has to be repeated, `look(report)`; only for a report that has none of `wrongs`.
        found: faults that only this shows, `when(report, what look returned)`.

    Raises:
        ValueError: for a misconception without `when`.
    """
    for wrong in (*wrongs, *found):
        if wrong.when is None:
            raise ValueError(f"misconception {wrong.id!r} of a report needs a `when`, got none.")

    def judge(given: Any) -> str:
        with usual_state():
            report = _read(name, fields, given)
            if agree is not None:
                agree(report)
            _refuse(wrongs, report)
            if look is not None:
                _refuse(found, report, look(report))
        return f"`{name}` has none of the {len(wrongs) + len(found)} faults that were looked for" + (
            ", and what was repeated came out alike." if look is not None else "."
        )

    return Check(name, "design", (*wrongs, *found), judge, dict.fromkeys(fields, float))


def _refuse(wrongs: tuple[Wrong, ...], *seen: Any) -> None:
    for wrong in wrongs:
        if wrong.when is not None and wrong.when(*seen):
            raise CheckFailed(wrong.message, "misconception", wrong.id)


def _read(name: str, fields: Mapping[str, Reader], given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise CheckFailed(f"`{name}` is {describe(given)}; expected is a dict.", "type")
    if set(given) != set(fields):
        has = ", ".join([shortened(key) for key in given][:20]) or "none"
        raise CheckFailed(f"`{name}` should have the keys {', '.join(fields)}; it has {has}.", "shape")
    for key in fields:
        if given[key] is None or given[key] is Ellipsis:
            raise NotDone(f'{name}["{key}"]')
    return {key: read(f'`{name}["{key}"]`', given[key]) for key, read in fields.items()}
