"""A check, and a misconception that it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .outcome import NotDone

UNSET = object()


@dataclass(frozen=True)
class Wrong:
    """A misconception: its `id`, and a `message` that names it without giving the answer away.

    It is recognised by one of: `answer`, the wrong function or value that it leads to; `when`, a predicate of what was
    observed (once type, shape and dtype are right) and of the case's arguments, `when(observed, *args, **kwargs)`;
    `raises`, a piece of the text `Type: message` of the exception that it leads to; `fault`, the kind of side effect
    that it has (see `watch.Watched`), such as "global draws". The message may say only what that recognition has shown.

    `everywhere`: the predicate holds wherever the misconception is what was written, also on inputs where that happens
    to be right (it asks, say, whether the result is one of a family's). Then right results of which it does not hold
    count against it.
    """

    id: str
    message: str
    answer: Any = UNSET
    when: Callable[..., bool] | None = None
    raises: str | None = None
    fault: str | None = None
    everywhere: bool = False

    def __post_init__(self):
        if self.answer is UNSET and self.when is None and self.raises is None and self.fault is None:
            raise ValueError(
                f"misconception {self.id!r} needs an `answer`, a `when`, a `raises` or a `fault` to be known by."
            )


@dataclass(frozen=True)
class Check:
    """Call it with the learner's answer. Made by `function_check`, `value_check` and `design_check`."""

    name: str
    kind: str  # "function", "value", "design"
    wrongs: tuple[Wrong, ...]
    judge: Callable[[Any], str]  # raises CheckFailed or NotDone, or returns the line to print
    subject: Any = None  # what a function is held to, a `functions.Subject`; the fields of a design

    def __post_init__(self):
        ids = [w.id for w in self.wrongs]
        if len(set(ids)) != len(ids):
            raise ValueError(f"check {self.name!r} has the same misconception twice, got {ids}.")

    def __call__(self, answer: Any) -> None:
        if answer is None or answer is Ellipsis:
            raise NotDone(self.name)
        print("Passed: " + self.judge(answer))
