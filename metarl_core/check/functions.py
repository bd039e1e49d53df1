"""The check of a function: drawn cases, an oracle, and what a call must not do besides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from .check import Check, Wrong
from .compare import Difference, difference
from .copies import clone, tensors
from .describe import describe
from .draw import Case, Draw
from .guard import usual_state
from .limits import TooLong
from .outcome import CheckFailed, NotDone, from_exception
from .recognition import Recognition, Seen, holds_infinities
from .report import call_in_words, value_message
from .watch import Watched

CASES = 24
AGAIN = 3
"""cases that are tried twice more at the end: a second call must give what the first gave"""
TWINS = 3
"""cases that are followed, in the end, by twins: the same constants and sizes, other numbers"""
ASKED_AGAIN = "Called once more with the same arguments, `{}` gives something else", "What does it remember"
OTHER_NUMBERS = (
    "Where only the numbers are others than in an earlier call, not the sizes and constants, `{}` is wrong",
    "Does it remember anything",
)
SMALLER = tuple((size, seed) for size in (0.0, 0.1, 0.25, 0.5) for seed in range(8))
"""where a smaller failing case is sought"""


@dataclass(frozen=True)
class Subject:
    """What a function is held to."""

    name: str
    oracle: Callable
    draw_case: Callable[[Draw], Case]
    look: Callable
    wrongs: tuple[Wrong, ...] = ()
    rtol: float | None = None
    atol: float | None = None
    cases: int = CASES
    autograd: bool = True
    draws: bool = True

    @property
    def graph(self) -> bool:
        """Whether derivatives through the answer matter here: a tensor of the cases asks for them."""
        cases = map(self.draw, range(self.cases))
        return any(t.requires_grad for case in cases for t in tensors((case.args, dict(case.kwargs))))

    @property
    def recognition(self) -> Recognition:
        """What compares an answer with misconceptions, by what this check observes."""
        return Recognition(self.look, self.compare)

    def draw(self, number: int) -> Case:
        """Case `number`: below `cases` they grow from the smallest to the full range; from there on all are full."""
        return self.draw_case(self._drawing(number))

    def twin(self, number: int) -> Case:
        """A case with the constants and sizes of case `number`, and other numbers in its tensors."""
        draw = self._drawing(number)
        self.draw_case(draw)
        return self.draw_case(draw.twin())

    def _drawing(self, number: int) -> Draw:
        return Draw(number, min(1.0, number / max(1, self.cases - 1)))

    def see(self, watched: Watched, case: Case) -> Seen:
        """Call the answer on copies of the case, and compare what is observed with the oracle."""
        args, kwargs = clone(case.args), clone(dict(case.kwargs))
        report: CheckFailed | NotDone | None = None
        got, raised = None, ""
        try:
            with watched.one_case():
                got = self.look(watched, *args, **kwargs)
        except TooLong:
            report = CheckFailed(
                f"`{call_in_words(self.name, case)}` had not returned after {watched.seconds:g} seconds. Does a loop "
                "in it ever end? (Where the machine is slow, set METARL_CHECK_SECONDS in the environment.)",
                "time",
            )
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            what = "was interrupted" if isinstance(error, KeyboardInterrupt) else f"left by {type(error).__name__}"
            report = CheckFailed(f"`{call_in_words(self.name, case)}` {what} and returned nothing.", "exit")
        except CheckFailed as error:
            report = CheckFailed(str(error), error.kind)
        except Exception as error:
            report = from_exception(error, call_in_words(self.name, case), self.look.__code__, watched.returned or "")
            raised = f"{type(error).__name__}: {error}"
        if report is not None:  # outside the except block, so that the report carries no traceback of ours
            return Seen(case, report=report, raised=raised)
        return Seen(case, got, self.compare(got, self.expected(case)))

    def expected(self, case: Case) -> Any:
        """What the oracle gives, on copies."""
        return self.oracle(*clone(case.args), **clone(dict(case.kwargs)))

    def compare(self, got: Any, expected: Any) -> Difference | None:
        """The difference from what is expected; an answer that cannot be compared is one of a wrong type."""
        try:
            off = difference(got, expected, self.rtol, self.atol)
            if off is not None and self.look is not _returned:  # a part of what is observed, by its name alone
                return replace(off, message=re.sub(r"the result\[(['\"])(.*?)\1\]", r"\2", off.message))
            return off
        except Exception:
            return Difference("type", f"the result is {describe(got)}; that cannot be compared with what is expected.")

    def judge(self, answer: Any) -> str:
        """The line to print.

        Raises:
            CheckFailed: says what is wrong.
            NotDone: for a stub.
        """
        with usual_state():
            watched = self.watch(answer)
            seen = []
            for number in range(self.cases):
                seen.append(self.see(watched, self.draw(number)))
                if isinstance(seen[-1].report, NotDone) or seen[-1].kind in ("time", "exit"):
                    raise seen[-1].report  # type: ignore[misc]
            failed = [one for one in seen if not one.right]
            if failed:
                raise self.diagnose(watched, seen, failed)
            fault = self.side_effect(watched, seen)
            if fault is not None:
                raise fault
        return f"`{self.name}` is right on {len(seen)} different inputs."

    def accepts(self, answer: Any, numbers: Iterable[int] | None = None) -> bool:
        """Whether the answer would pass; it stops at the first thing that is wrong. `numbers`: other cases."""
        with usual_state():
            try:
                watched = self.watch(answer)
                seen = []
                for number in range(self.cases) if numbers is None else numbers:
                    seen.append(self.see(watched, self.draw(number)))
                    if not seen[-1].right:
                        return False
            except CheckFailed:
                return False
            return self.side_effect(watched, seen) is None

    def watch(self, answer: Any) -> Watched:
        """The answer as it is called here. Raises CheckFailed unless it can be called."""
        if not callable(answer):
            raise CheckFailed(f"`{self.name}` should be a function, and is {describe(answer)}.", "type")
        return Watched(answer, self.name, self.autograd)

    def side_effect(self, watched: Watched, seen: list[Seen]) -> CheckFailed | None:
        """What the right answer does besides, or fails to do: marks on arguments, draws, another second result."""
        repeated = [(ASKED_AGAIN, one.case) for one in (seen[:AGAIN] + seen[-AGAIN:]) * 2]
        numbers = [self.cases - 1 - n * self.cases // (2 * TWINS) for n in range(TWINS)]
        for (words, question), case in [*repeated, *((OTHER_NUMBERS, self.twin(number)) for number in numbers)]:
            one = self.see(watched, case)
            if not one.right:
                what = one.off.message if one.off is not None else str(one.report)
                return CheckFailed(f"{words.format(self.name)}: {what} {question} from call to call?", "second call")
        for wrong in self.wrongs:
            if wrong.fault is not None and wrong.fault in watched.faults:
                return CheckFailed(wrong.message, "misconception", wrong.id)
        for kind, words in watched.faults.items():
            return CheckFailed(words, kind)
        if self.draws and watched.draws is False:
            return CheckFailed(
                f"`{self.name}` never moves the generator on that it is handed: two calls in a row would draw the same "
                "numbers. Where do your random numbers come from?",
                "generator",
            )
        return None

    def diagnose(self, watched: Watched, seen: list[Seen], failed: list[Seen]) -> CheckFailed:
        """The misconception that explains every wrong result; else what fails, where, and what holds.

        Its own answer must also give the right result where the learner's does, or it is not what was written; but for
        a few edges, of which a learner may have thought.
        Where some cases raise, some are not finite because their arguments are not (a padding of NaN, say) and others
        are wrong, a misconception need explain only one kind; what else is the matter stands behind its message.
        """
        raising, differing = [s for s in failed if s.report is not None], [s for s in failed if s.report is None]
        finite = [s for s in differing if s.kind != "finite" or not holds_infinities(s.case)]
        for wrong in self.wrongs:
            if wrong.fault is not None and wrong.fault != "method" and wrong.fault in watched.faults:
                return CheckFailed(
                    wrong.message, "misconception", wrong.id
                )  # of a method, only where numbers are right
            for some in filter(None, (failed, differing, finite, raising if wrong.raises is not None else [])):
                if self.recognition.explains(wrong, some) and len(some) > sum(
                    self.recognition.contradicts(wrong, one) for one in seen if one.right
                ):
                    explained = {id(one) for one in some}
                    rest = [one.report or one.off for one in failed if id(one) not in explained]
                    also = f"\n({getattr(rest[0], 'message', rest[0])})" if rest else ""
                    return CheckFailed(wrong.message + also, "misconception", wrong.id)
        one = self.smaller(watched, (raising or differing)[0])
        message = value_message(self, watched, one, seen, failed)
        return CheckFailed("\n".join(filter(None, [str(one.report or ""), message])), one.kind)

    def smaller(self, watched: Watched, found: Seen) -> Seen:
        """A case as small as can be found on which the same kind of thing goes wrong."""
        for size, seed in SMALLER:
            candidate = self.see(watched, self.draw_case(Draw(10_000 + seed, size)))
            if candidate.kind == found.kind:
                return candidate
        return found


def _returned(answer: Callable, *args: Any, **kwargs: Any) -> Any:
    return answer(*args, **kwargs)


def function_check(
    name: str,
    oracle: Callable,
    draw_case: Callable,
    *wrongs: Wrong,
    observe: Callable | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    cases: int = CASES,
    autograd: bool = True,
    draws: bool = True,
) -> Check:
    """A check of the function `name` on drawn cases.

    Args:
        name: of the learner's function.
        oracle: `oracle(*args, **kwargs)` is the expected observation, found another way than the course's solution.
        draw_case: from a `Draw` to a `Case`: the ranges are stated there.
        wrongs: misconceptions; the first that explains *all* wrong results is named.
        observe: `observe(answer, *args, **kwargs)` is what is compared; without it, what the answer returns. It may,
            for instance, return a gradient through the answer, or facts about many draws.
        rtol, atol: |got − expected| ≤ atol + rtol·|expected|; by dtype unless given, see `compare.difference`.
        cases: how many are drawn; a pass should take less than a second.
        autograd: False where a derivative by hand is asked for, and one by autograd is not an answer.
        draws: whether a generator among the arguments must have moved on.
    """
    look = observe or _returned
    subject = Subject(name, oracle, draw_case, look, wrongs, rtol, atol, cases, autograd, draws)
    return Check(name, "function", wrongs, subject.judge, subject)
