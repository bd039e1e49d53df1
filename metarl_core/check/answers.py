"""Predicates that recognise a misconception by answers that somebody who has it would write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .compare import difference


def leads_to(look: Callable, *answers: Callable) -> Callable[..., bool]:
    """A predicate `when(got, *arguments)`: what was seen is what one of these answers leads to.

    Args:
        look: from an answer and the arguments of a case to what the check observes.
        answers: as a learner would write them.
    """

    def when(got: Any, *arguments: Any, **given: Any) -> bool:
        return any(difference(got, look(answer, *arguments, **given), None, None) is None for answer in answers)

    return when


def given_by(*answers: Callable) -> Callable[..., bool]:
    """The same where a check observes what an answer returns."""
    return leads_to(lambda answer, *arguments, **given: answer(*arguments, **given), *answers)
