"""Whether a misconception explains what an answer did: the part of a check of functions that names a cause."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .check import UNSET, Wrong
from .compare import Difference
from .copies import clone, tensors
from .draw import Case
from .outcome import CheckFailed, NotDone

SILENT = 20
"""one case in so many need not speak for a misconception, if its numbers ran away"""


@dataclass(frozen=True)
class Seen:
    """What an answer did on one case."""

    case: Case
    got: Any = None
    off: Difference | None = None
    report: CheckFailed | NotDone | None = None
    raised: str = ""

    @property
    def right(self) -> bool:
        return self.off is None and self.report is None

    @property
    def kind(self) -> str:
        """What is wrong, in one word."""
        if self.off is not None:
            return self.off.kind
        return self.report.kind if isinstance(self.report, CheckFailed) else ""


@dataclass(frozen=True)
class Recognition:
    """Compares what was seen with what misconceptions lead to.

    Args:
        look: `look(answer, *args, **kwargs)` is what the check observes of an answer.
        compare: from two observations to their difference, None where there is none.
    """

    look: Callable
    compare: Callable[[Any, Any], Difference | None]

    def explains(self, wrong: Wrong, some: list[Seen]) -> bool:
        """Whether the misconception leads to all of these.

        Where numbers have run away to infinity, on its way or on the learner's, rounding decides what is left of
        them: of one case in `SILENT` that is excused.
        """
        excused = 0
        for one in some:
            if not self.recognised(wrong, one):
                if excused == len(some) // SILENT or not self.runs_away(wrong, one):
                    return False
                excused += 1
        return True

    def runs_away(self, wrong: Wrong, one: Seen) -> bool:
        """Whether finite arguments became infinite, or no numbers, in the learner's answer or the misconception's."""
        if one.report is not None or wrong.answer is UNSET or holds_infinities(one.case):
            return False
        with contextlib.suppress(Exception):  # a misconception may not apply to every case
            results = [one.got, self.outcome(wrong.answer, one.case)]
            return any(not bool(part.isfinite().all()) for part in tensors(results))
        return False

    def recognised(self, wrong: Wrong, one: Seen) -> bool:
        """Whether the misconception leads to just this."""
        case = one.case
        if one.report is not None:
            if wrong.raises is not None:
                return wrong.raises in one.raised
            raised = one.raised.split(":")[0]  # "" where the check itself had a word to say, about the type perhaps
            return wrong.answer is not UNSET and raised != "" and raised == self.raised_by(wrong.answer, case)
        if wrong.when is not None:  # it may count on the right type and shape
            if one.off is None or one.off.kind not in ("value", "finite"):
                return False
            with contextlib.suppress(Exception):  # made for what most answers look like
                return bool(wrong.when(one.got, *clone(case.args), **clone(dict(case.kwargs))))
            return False
        if wrong.answer is UNSET:
            return False
        try:
            expected = self.outcome(wrong.answer, case)
        except Exception:  # a misconception may not apply to every case
            return False
        return self.compare(one.got, expected) is None

    def contradicts(self, wrong: Wrong, one: Seen) -> bool:
        """Whether the misconception's own answer, if there is one, gives another result than this right one."""
        if wrong.when is not None and wrong.everywhere:
            with contextlib.suppress(Exception):
                return not wrong.when(one.got, *clone(one.case.args), **clone(dict(one.case.kwargs)))
            return False
        if wrong.answer is UNSET or wrong.when is not None:
            return False
        try:
            return self.compare(one.got, self.outcome(wrong.answer, one.case)) is not None
        except Exception:  # it may not apply to every case
            return False

    def raised_by(self, answer: Any, case: Case) -> str:
        """The type of exception that a misconception's own answer leads to on this case, "" for none."""
        try:
            self.outcome(answer, case)
        except Exception as error:
            return type(error).__name__
        return ""

    def outcome(self, answer: Any, case: Case) -> Any:
        """What is observed of a misconception's own answer; its warnings are not the learner's."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.look(answer, *clone(case.args), **clone(dict(case.kwargs)))


def holds_infinities(case: Case) -> bool:
    """Whether an argument holds NaN or an infinite number."""
    given = [*case.args, *case.kwargs.values()]
    numbers = [torch.tensor(value) for value in given if isinstance(value, float)]
    return any(not bool(t.isfinite().all()) for t in (*tensors(given), *numbers))
