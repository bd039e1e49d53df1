"""The check of a value that the learner worked out."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from .check import UNSET, Check, Wrong
from .compare import Difference, as_number, difference
from .describe import describe, shortened
from .guard import usual_state
from .outcome import CheckFailed

CLOSE = 0.02
"""relative error of a value that is called close"""


def value_check(name: str, expected: Any, *wrongs: Wrong, rtol: float = 1e-3, atol: float = 1e-6) -> Check:
    """A check of a number (or a tuple of numbers, a tensor, ...) that the learner worked out and assigned to `name`.

    Whatever is a number counts as one: an int, a Fraction, a tensor of one number.
    """

    def compare(answer: Any, other: Any) -> Difference | None:
        try:
            return difference(answer, other, rtol, atol, f"`{name}`")
        except Exception:
            return Difference("type", f"`{name}` is {describe(answer)}; that cannot be compared with what is expected.")

    def recognised(wrong: Wrong, answer: Any, off: Difference) -> bool:
        if wrong.when is not None:
            with contextlib.suppress(Exception):  # made for what most answers look like
                return off.kind in ("value", "finite") and bool(wrong.when(answer))
            return False
        return wrong.answer is not UNSET and compare(answer, wrong.answer) is None

    def judge(answer: Any) -> str:
        with usual_state():
            off = compare(answer, expected)
            if off is None:
                return f"`{name}` is right."
            for wrong in wrongs:
                if recognised(wrong, answer, off):
                    raise CheckFailed(wrong.message, "misconception", wrong.id)
            number, right = as_number(answer), as_number(expected)
            if number is not None and abs(number) > sys.float_info.max:
                number = None  # nothing is near it
            if number is not None and right and compare(-number, expected) is None:
                raise CheckFailed(f"`{name}` has the right size and the wrong sign: {shortened(answer)}.", "value")
            if number is not None and right and abs(number - right) < CLOSE * abs(right):
                raise CheckFailed(
                    f"`{name}` is close, and not right: {shortened(answer)}. Is something rounded on the way, or read "
                    "off a simulation?",
                    "value",
                )
            if off.kind == "value":  # how far off it is would be the answer
                raise CheckFailed(f"`{name}` is not right: {shortened(answer)}.", "value")
            raise CheckFailed(off.message, off.kind)

    return Check(name, "value", wrongs, judge, expected)
