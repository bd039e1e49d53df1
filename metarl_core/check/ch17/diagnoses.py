"""The checks of the exercise that diagnoses all cases: what is wrong in each, and of which kind the fault is.

Filled-in cases are judged in their order, so that an answer may be tried at once; what is left open is asked for last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from metarl_core.check import Check, CheckFailed, NotDone, Wrong
from metarl_core.check.ch17.cases import CASES, KINDS, LETTERS, NOTHING, RAISES, SAYS, WRONG
from metarl_core.check.describe import describe, shortened
from metarl_core.check.guard import usual_state

NUMBERS = tuple(case.number for case in CASES)
RIGHT_LETTERS = {case.number: case.right for case in CASES}
RIGHT_KINDS = {case.number: case.kind for case in CASES}


def _fault(number: int, given: str) -> str:
    return f"case_{number:02d}_{given}"


ASKED = {
    (RAISES, NOTHING): "You say that it runs. Run it: it stops with a message.",
    (RAISES, WRONG): "You say that it learns the wrong thing. Does it come so far?",
    (RAISES, SAYS): "You call it a matter of words. It is code, and it stops with a message.",
    (NOTHING, RAISES): "You say that it does not run. Which line stops?",
    (
        NOTHING,
        WRONG,
    ): "You say that it learns the wrong thing. What in it changes for the better in any task, and by what?",
    (NOTHING, SAYS): "You call it a matter of words. There is code, and one can see what it leaves unchanged.",
    (WRONG, RAISES): "You say that it does not run. Which line stops?",
    (WRONG, NOTHING): "You say that it learns nothing. Something moves, or is fitted. To where?",
    (WRONG, SAYS): "You call it a matter of words. What would code that follows it compute, and is that what is meant?",
    (SAYS, RAISES): "You say that it does not run. Is there anything in it that could stop?",
    (SAYS, NOTHING): "You say that it learns nothing. The method behind it may learn. What of the sentence about it?",
    (SAYS, WRONG): "You say that it learns the wrong thing. Whatever it learns may be what it is made for. What of the "
    "sentence about it?",
}
"""of the right kind and the given one"""


def _kind_fault(right: str, given: str) -> str:
    return f"{right}, called {given}".replace(" ", "_").replace(",", "")


def _check(name: str, options: tuple[str, ...], right: Mapping[int, str], wrongs: tuple[Wrong, ...], fault: Callable):
    """A check of a dict from the numbers of the cases to one of the options."""
    by_id = {wrong.id: wrong for wrong in wrongs}

    def judge(given: Any) -> str:
        with usual_state():
            if not isinstance(given, Mapping):
                raise CheckFailed(f"`{name}` is {describe(given)}; expected is a dict.", "type")
            if set(given) != set(NUMBERS):
                raise CheckFailed(
                    f"`{name}` should have the keys 1 to {len(NUMBERS)}, the numbers of the cases.", "shape"
                )
            open_ones = [number for number in NUMBERS if given[number] is None or given[number] is Ellipsis]
            for number in (number for number in NUMBERS if number not in open_ones):
                found = next((o for o in options if isinstance(given[number], str) and str(given[number]) == o), None)
                if found is None:
                    words = ", ".join(map(repr, options))
                    raise CheckFailed(
                        f"`{name}[{number}]` is {shortened(given[number])}; it should be one of {words}.", "type"
                    )
                if found != right[number]:
                    wrong = by_id[fault(number, found)]
                    where = "" if wrong.message.startswith("Case") else f" (Case {number}.)"
                    raise CheckFailed(wrong.message + where, "misconception", wrong.id)
            if open_ones:
                raise NotDone(f"{name}[{open_ones[0]}]")
        return f"all {len(NUMBERS)} cases are right."

    return Check(name, "design", wrongs, judge, {number: options for number in NUMBERS})


check_diagnoses = _check(
    "diagnoses",
    tuple(LETTERS),
    RIGHT_LETTERS,
    tuple(
        Wrong(
            _fault(case.number, letter),
            f"Case {case.number}, {letter}: {case.said_of(letter)}",
            when=lambda given, number=case.number, letter=letter: given[number] == letter,
        )
        for case in CASES
        for letter in LETTERS
        if letter != case.right
    ),
    _fault,
)

check_kinds = _check(
    "kinds",
    KINDS,
    RIGHT_KINDS,
    tuple(
        Wrong(
            _kind_fault(right, given),
            message,
            when=lambda found, right=right, given=given: any(
                RIGHT_KINDS[number] == right and found[number] == given for number in NUMBERS
            ),
        )
        for (right, given), message in ASKED.items()
    ),
    lambda number, found: _kind_fault(RIGHT_KINDS[number], found),
)


def check_case(number: int, answer: str) -> None:
    """Say what is to be said of one diagnosis, a letter.

    Raises:
        ValueError: for a case, or a letter, that there is not.
        CheckFailed: for a wrong diagnosis, with a question that leads on.
    """
    case = case_of(number)
    if answer not in tuple(LETTERS):
        raise ValueError(f"answer must be one of A, B and C, got {answer!r}.")
    if answer != case.right:
        raise CheckFailed(case.said_of(answer), "misconception", _fault(number, answer))
    print(f"Passed: {case.said_of(answer)}")


def case_of(number: int):
    """The case of a number; ValueError for one that there is not."""
    if number not in NUMBERS:
        raise ValueError(f"number must be one of 1 to {len(NUMBERS)}, got {number!r}.")
    return CASES[NUMBERS.index(number)]


def show_case(number: int) -> None:
    """Show a case as a learner meets it, with its question and its choices."""
    case = case_of(number)
    try:
        from IPython import get_ipython
        from IPython.display import Markdown, display
    except ImportError:
        print(case.markdown)
        return
    if get_ipython() is None:
        print(case.markdown)
    else:
        display(Markdown(case.markdown))
