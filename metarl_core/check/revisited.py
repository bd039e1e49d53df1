"""Answers that keep something from call to call: a check asks about other data first, with the same constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .copies import clone


def after_another(other: Callable[..., tuple], chosen: Callable[..., bool]) -> Callable:
    """An `observe` that calls the answer on other data before it looks at what the answer returns.

    A case is drawn with constants of its own, so what an answer keeps under these constants alone (a matrix for its
    step size, say) would be found again by nobody but the same case.

    Args:
        other: from a case's arguments to those of the call before, whose result nobody looks at.
        chosen: from a case's arguments to whether there is such a call; one in three is enough.
    """

    def observe(answer: Callable, *args: Any) -> Any:
        if chosen(*args):
            answer(*other(*clone(args)))
        return answer(*args)

    return observe
