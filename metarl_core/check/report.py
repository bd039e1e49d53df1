"""The message of a wrong result: what fails, on which small input, where the failures lie, and what holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .compare import difference
from .describe import describe, numbers, shortened
from .draw import Case
from .suspicions import suspicions

if TYPE_CHECKING:
    from .functions import Subject
    from .recognition import Seen
    from .watch import Watched


def call_in_words(name: str, case: Case) -> str:
    """`f(<3x2 Tensor>, gamma=0.5)`."""

    def short(value: Any) -> str:
        if isinstance(value, (torch.Tensor, np.ndarray)):
            return f"<{'x'.join(map(str, value.shape)) or 'scalar'} {type(value).__name__}>"
        if isinstance(value, (bool, int, float, str)):
            return shortened(value)
        return f"<{type(value).__name__}>"

    arguments = [*map(short, case.args), *(f"{k}={short(v)}" for k, v in case.kwargs.items())]
    return f"{name}({', '.join(arguments)})"


def value_message(subject: Subject, watched: Watched, one: Seen, seen: list[Seen], failed: list[Seen]) -> str:
    """What is to be said of wrong results; `one` is the failing case that is shown."""
    parts = []
    if one.off is not None:
        parts.append(f"`{call_in_words(subject.name, one.case)}`: {one.off.message}")
    if one.report is None or len(failed) < len(seen):
        parts.append(where_it_fails(subject, watched, seen, failed))
    if nearly_right(subject, failed):
        guesses = ["is a step on the way in single precision (float32)", "is a small number added"]
        guesses += [] if subject.autograd else ["is a derivative the quotient of two differences"]
        question = ", ".join(guesses[:-1]) + ", or " + guesses[-1]
        parts.append(f"Yet all of it is right to four digits. {question[0].upper()}{question[1:]}?")
    parts += suspicions(subject, watched, seen, failed)
    held = what_holds(subject, seen)
    if held:
        parts.append(held)
    if one.off is not None and one.off.kind in ("value", "finite"):
        parts.append(shown(subject, watched.answer, one))
    return "\n".join(filter(None, parts))


def nearly_right(subject: Subject, failed: list[Seen]) -> bool:
    """Whether a coarser tolerance than the check's would accept every result."""
    return all(
        one.report is None
        and one.kind == "value"
        and difference(one.got, subject.expected(one.case), 1e-4, 1e-4) is None
        for one in failed
    )


def where_it_fails(subject: Subject, watched: Watched, seen: list[Seen], failed: list[Seen]) -> str:
    """On how many of the drawn inputs, and which note of the cases tells them from the others."""
    if len(failed) == len(seen):
        of_one_kind = len({one.kind for one in failed}) == 1
        what = "That is so" if of_one_kind else "That, or something else, is wrong"
        return f"{what} on all {len(seen)} drawn inputs." if len(seen) > 1 else ""
    words = f"Right on {len(seen) - len(failed)} of {len(seen)} drawn inputs, wrong on {len(failed)}"
    bad = {id(one) for one in failed}
    notes = {note for one in seen for note in one.case.notes}
    best, share = "", 0.6
    for note in sorted(notes):
        holds = {id(one) for one in seen if one.case.notes.get(note)}
        lacks = {id(one) for one in seen} - holds
        for among, phrase, inverse in ((holds, f"where {note}", "nowhere else"), (lacks, f"except where {note}", "")):
            if among and bad <= among and len(bad) / len(among) > share:
                exact = bad == among
                share = len(bad) / len(among)
                if phrase.startswith("except"):
                    best = f": wrong everywhere {phrase}" if exact else f": never wrong where {note}"
                else:
                    best = f": wrong {phrase}, and {inverse}" if exact else f": only {phrase}"
    return words + (best or _two_notes(subject, watched, seen, bad)) + "."


def _two_notes(subject: Subject, watched: Watched, seen: list[Seen], bad: set[int]) -> str:
    """Two notes that say together where the failures lie, on further inputs as well; "" where none do."""

    def by_both(one: Seen, a: str, b: str) -> bool:
        return bool(one.case.notes.get(a) and one.case.notes.get(b))

    def by_either(one: Seen, a: str, b: str) -> bool:
        return bool(one.case.notes.get(a) or one.case.notes.get(b))

    if not 2 < len(bad) < len(seen) - 2:
        return ""
    notes = sorted({note for one in seen for note in one.case.notes})
    found = [
        (f": wrong where {a}{join}{b}, and nowhere else", a, b, holds)
        for a, b in combinations(notes, 2)
        for join, holds in ((" and ", by_both), (", or ", by_either))
        if bad == {id(one) for one in seen if holds(one, a, b)}
    ]
    if not found:
        return ""
    further = [subject.see(watched, subject.draw(len(seen) + number)) for number in range(len(seen))]
    for words, a, b, holds in found:
        if all(one.right != holds(one, a, b) for one in further):
            return words
    return ""


def what_holds(subject: Subject, seen: list[Seen]) -> str:
    """Which properties are right on every case: the structure, and the entries of a dictionary of facts."""
    compared = [one for one in seen if one.report is None]
    kinds = {one.off.kind for one in compared if one.off is not None}
    if not compared or kinds - {"value", "finite"}:
        return ""
    held = []
    if isinstance(compared[0].got, dict):
        for key in compared[0].got:
            if isinstance(compared[0].got[key], bool):  # a fact, which may hold because nobody looked any more
                continue
            pairs = [(one.got[key], subject.expected(one.case)[key]) for one in compared]
            if all(difference(got, expected, subject.rtol, subject.atol) is None for got, expected in pairs):
                held.append(str(key))
        return f"Right everywhere: {', '.join(held)}." if held else ""
    return "Type, shape and dtype are right everywhere." if isinstance(compared[0].got, torch.Tensor) else ""


def shown(subject: Subject, answer: Callable, one: Seen) -> str:
    """The arguments, what came out and what was expected, where all of it is small enough to be read."""
    expected = subject.expected(one.case)
    lines = [f"    {name} = {numbers(value) or describe(value)}" for name, value in _by_name(answer, one.case).items()]
    got, wanted = numbers(one.got), numbers(expected)
    if isinstance(one.got, dict) and isinstance(expected, dict):  # only what differs
        keys = [k for k in expected if difference(one.got[k], expected[k], subject.rtol, subject.atol) is not None]
        got = numbers({k: one.got[k] for k in keys})
        wanted = numbers({k: expected[k] for k in keys})
    if got is None or wanted is None:
        return "On an input like\n" + "\n".join(lines) if len(lines) <= 12 else ""
    return "\n".join(["With", *lines, f"it gives     {got}", f"expected is  {wanted}"])


def _by_name(answer: Callable, case: Case) -> dict[str, Any]:
    """The case's arguments under the names that the answer gives them."""
    try:
        return dict(inspect.signature(answer).bind(*case.args, **case.kwargs).arguments)
    except (TypeError, ValueError):
        return {f"argument {i}": value for i, value in enumerate(case.args, 1)} | dict(case.kwargs)
