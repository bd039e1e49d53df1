"""The check of a plan: no single answer is right, and some are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .check import Check, Wrong
from .compare import as_flag, as_number
from .describe import describe, shortened
from .guard import usual_state
from .outcome import CheckFailed, NotDone


def design_check(name: str, fields: Mapping[str, type | tuple], *wrongs: Wrong) -> Check:
    """A check of a plan: a dict with the given `fields` (bool, int, float, or a tuple of words that may be chosen).

    Designs have no single right answer: each `Wrong` names a fault by its predicate `when(plan)`, and a plan without a
    fault passes. A field that is still `...` or None counts as not filled in. The predicates see plain bools, ints,
    floats and words, whatever kind of number was given.

    Raises:
        ValueError: for a misconception without `when`.
    """
    for wrong in wrongs:
        if wrong.when is None:
            raise ValueError(f"misconception {wrong.id!r} of a design needs a `when`, got none.")

    def judge(plan: Any) -> str:
        with usual_state():
            if not isinstance(plan, Mapping):
                raise CheckFailed(f"`{name}` is {describe(plan)}; expected is a dict.", "type")
            if set(plan) != set(fields):
                has = ", ".join([shortened(key) for key in plan][:20]) or "none"
                raise CheckFailed(f"`{name}` should have the keys {', '.join(fields)}; it has {has}.", "shape")
            plain = {key: _plain(f'{name}["{key}"]', plan[key], allowed) for key, allowed in fields.items()}
            for wrong in wrongs:
                if wrong.when is not None and wrong.when(plain):
                    raise CheckFailed(wrong.message, "misconception", wrong.id)
        return f"`{name}` has none of the {len(wrongs)} faults that were looked for."

    return Check(name, "design", wrongs, judge, dict(fields))


def _plain(where: str, value: Any, allowed: type | tuple) -> Any:
    """The bool, int, float or word that was given; CheckFailed where it is none of what is allowed."""
    if value is None or value is Ellipsis:
        raise NotDone(where)
    if isinstance(allowed, tuple):
        words = "one of " + ", ".join(map(repr, allowed))
        found = next((option for option in allowed if isinstance(value, str) and str(value) == option), None)
    elif allowed is bool:
        words, found = "True or False", as_flag(value)
    else:
        words, found = "a whole number" if allowed is int else "a number", as_number(value)
        if allowed is int and isinstance(found, float):
            found = None
    if found is None:
        raise CheckFailed(f"`{where}` is {describe(value)}; it should be {words}.", "type")
    return found
