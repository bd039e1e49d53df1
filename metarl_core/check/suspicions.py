"""What an answer that no misconception explains was seen to do besides: each sentence is true, and a likely cause."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .copies import generators
from .draw import Case

if TYPE_CHECKING:
    from .functions import Subject
    from .recognition import Seen
    from .watch import Watched

TRIED = 6
"""cases that each of these is tried on"""


def suspicions(subject: Subject, watched: Watched, seen: list[Seen], failed: list[Seen]) -> list[str]:
    """Sentences about side effects, what is kept from call to call, and arguments that change nothing."""
    found = list(watched.faults.values())
    if "global draws" in watched.faults:
        return found
    if any(_otherwise_now(subject, watched, one) for one in [*failed[:TRIED], *failed[-TRIED:]]):
        return [
            *found,
            f"Called once more with the same arguments, `{subject.name}` gives something else. What does it remember "
            "from call to call?",
        ]
    unread = _unread(subject, watched, seen)
    if unread:
        found.append(f"With other values of {' and '.join(unread)} the same comes out. Where do you use that?")
    return found


def _otherwise_now(subject: Subject, watched: Watched, one: Seen) -> bool:
    """Whether a wrong result is another one when the same is asked for again."""
    if one.report is not None:
        return False
    again = subject.see(watched, one.case)
    return again.report is not None or subject.compare(again.got, one.got) is not None


def _unread(subject: Subject, watched: Watched, seen: list[Seen]) -> list[str]:
    """The numbers (floats) among the arguments that matter to the oracle and change nothing here."""
    cases = [one for one in seen if one.report is None and one.kind in ("", "value", "finite")]
    if not cases or any(True for _ in generators((cases[0].case.args, dict(cases[0].case.kwargs)))):
        return []
    return [
        f"`{_parameter(watched.answer, place)}`"
        for place, value in enumerate(cases[0].case.args)
        if isinstance(value, float) and _changes_nothing(subject, watched, cases, place)
    ]


def _changes_nothing(subject: Subject, watched: Watched, cases: list[Seen], place: int) -> bool:
    tried = 0
    for one, other in zip(reversed(cases), cases, strict=True):  # the largest cases are the last ones
        changed = list(one.case.args)
        changed[place] = other.case.args[place]
        case = replace(one.case, args=tuple(changed))
        if not _matters(subject, one.case, case):
            continue
        seen = subject.see(watched, case)
        if seen.report is not None or subject.compare(seen.got, one.got) is not None:
            return False
        tried += 1
        if tried == TRIED:
            return True
    return False


def _matters(subject: Subject, case: Case, changed: Case) -> bool:
    """Whether something else is expected for the changed arguments; False where they do not go together."""
    try:
        before, after = (subject.expected(c) for c in (case, changed))
    except Exception:
        return False
    return subject.compare(after, before) is not None


def _parameter(answer: Callable, place: int) -> str:
    """The name that the answer gives to an argument."""
    try:
        return list(inspect.signature(answer).parameters)[place]
    except (TypeError, ValueError, IndexError):
        return f"argument {place + 1}"
