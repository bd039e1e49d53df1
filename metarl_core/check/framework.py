"""The three kinds of check: of a function, of a value, of a design."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import torch

from .compare import Difference, changed, clone, describe, difference
from .outcome import CheckFailed, NotDone, from_exception

_UNSET = object()


@dataclass(frozen=True)
class Wrong:
    """A misconception: its `id`, and a `message` that names it without giving the answer away.

    It is recognised by one of: `answer`, the wrong function or value that it leads to; `when`, a predicate of what was
    observed (once type, shape and dtype are right) and of the case's arguments, `when(observed, *args, **kwargs)`;
    `raises`, a piece of the text `Type: message` of the exception that it leads to.
    """

    id: str
    message: str
    answer: Any = _UNSET
    when: Callable[..., bool] | None = None
    raises: str | None = None

    def __post_init__(self):
        if self.answer is _UNSET and self.when is None and self.raises is None:
            raise ValueError(f"misconception {self.id!r} needs an `answer`, a `when` or a `raises` to be known by.")


@dataclass(frozen=True)
class Case:
    """Arguments that the learner's function is called with. Make them large and random enough to tell answers apart."""

    args: tuple
    kwargs: Mapping[str, Any]


def case(*args, **kwargs) -> Case:
    """`case(rewards, 0.9, axis=1)`: the call `f(rewards, 0.9, axis=1)`."""
    return Case(args, kwargs)


@dataclass(frozen=True)
class Check:
    """Call it with the learner's answer. Made by `function_check`, `value_check` and `design_check`."""

    name: str
    kind: str  # "function", "value", "design"
    wrongs: tuple[Wrong, ...]
    judge: Callable[[Any], str]  # raises CheckFailed or NotDone, or returns the line to print
    cases: Callable[[], Iterable[Case]] | None = None  # of a function only

    def __post_init__(self):
        ids = [w.id for w in self.wrongs]
        if len(set(ids)) != len(ids):
            raise ValueError(f"check {self.name!r} has the same misconception twice, got {ids}.")

    def __call__(self, answer: Any) -> None:
        if answer is None or answer is Ellipsis:
            raise NotDone(self.name)
        print("Passed: " + self.judge(answer))


def function_check(
    name: str,
    oracle: Callable,
    cases: Callable[[], Iterable[Case]],
    *wrongs: Wrong,
    observe: Callable | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> Check:
    """A check of the function `name`, on every case that `cases()` yields.

    `oracle(*args, **kwargs)` is the expected observation, found another way than the course's solution.
    `observe(answer, *args, **kwargs)` is what is compared; without it, what the answer returns. It may, for instance,
    return a gradient through the answer, or the mean of many draws (then with `atol` to match).
    """
    look = observe or (lambda answer, *args, **kwargs: answer(*args, **kwargs))

    def judge(answer: Any) -> str:
        if not callable(answer):
            raise CheckFailed(f"`{name}` should be a function, and is {describe(answer)}.", "type")
        failed: list[tuple[Case, Any, Difference]] = []
        every = list(cases())
        for one in every:
            args, kwargs = clone(one.args), clone(dict(one.kwargs))
            returned: list[str] = []
            report: CheckFailed | NotDone | None = None
            try:
                got = look(_watched(answer, returned), *args, **kwargs)
            except Exception as error:
                report = from_exception(error, _call(name, one), look.__code__, *returned[-1:])
                raised = f"{type(error).__name__}: {error}"
            if report is not None:  # outside the except block, so that the report carries no traceback of ours
                if isinstance(report, NotDone):
                    raise report
                for wrong in wrongs:
                    if wrong.raises is not None and wrong.raises in raised:
                        raise CheckFailed(f"{wrong.message}\n({report})", "misconception", wrong.id)
                if failed:
                    break
                raise report
            expected = oracle(*clone(one.args), **clone(dict(one.kwargs)))
            off = difference(got, expected, rtol, atol)
            if off is not None:
                failed.append((one, got, off))
            elif changed((one.args, dict(one.kwargs)), (args, kwargs)):
                raise CheckFailed(
                    f"`{name}` changes its arguments in place. The caller still needs them: make new ones instead.",
                    "changed arguments",
                )
        if not failed:
            return f"`{name}` is right on {len(every)} different inputs."
        raise _diagnose(name, wrongs, failed, look, rtol, atol)

    return Check(name, "function", wrongs, judge, cases)


def _watched(answer: Callable, returned: list[str]) -> Callable:
    """The learner's function, noting what it returned, for a message when `observe` cannot use it."""
    if not isinstance(answer, FunctionType):  # a class or a module may be asked for more than a call
        return answer

    @functools.wraps(answer)
    def call(*args, **kwargs):
        result = answer(*args, **kwargs)
        returned.append(describe(result))
        return result

    return call


def _diagnose(name, wrongs, failed, look, rtol, atol) -> CheckFailed:
    """The first misconception that explains every wrong result, else the first difference in the order of severity."""
    for wrong in wrongs:
        if all(_recognised(wrong, got, off, one, look, rtol, atol) for one, got, off in failed):
            return CheckFailed(wrong.message, "misconception", wrong.id)
    one, _, off = failed[0]
    return CheckFailed(f"`{_call(name, one)}`: {off.message}", off.kind)


def _recognised(wrong: Wrong, got: Any, off: Difference, one: Case, look: Callable, rtol: float, atol: float) -> bool:
    if wrong.when is not None:  # it may count on the right type and shape
        return off.kind in ("value", "finite") and bool(wrong.when(got, *clone(one.args), **clone(dict(one.kwargs))))
    if wrong.answer is _UNSET:
        return False
    return difference(got, look(wrong.answer, *clone(one.args), **clone(dict(one.kwargs))), rtol, atol) is None


def _call(name: str, one: Case) -> str:
    def short(value):
        if isinstance(value, (torch.Tensor, np.ndarray)):
            return f"<{'x'.join(map(str, value.shape)) or 'scalar'} {type(value).__name__}>"
        if isinstance(value, (bool, int, float, str)):
            return repr(value)
        return f"<{type(value).__name__}>"

    arguments = [*map(short, one.args), *(f"{k}={short(v)}" for k, v in one.kwargs.items())]
    return f"{name}({', '.join(arguments)})"


def value_check(name: str, expected: Any, *wrongs: Wrong, rtol: float = 1e-3, atol: float = 1e-6) -> Check:
    """A check of a number (or a tuple of numbers, a tensor, ...) that the learner worked out and assigned to `name`."""

    def judge(answer: Any) -> str:
        if (
            isinstance(expected, (int, float))
            and isinstance(answer, (torch.Tensor, np.ndarray))
            and len(answer.reshape(-1)) == 1
        ):
            answer = answer.item()
        off = difference(answer, expected, rtol, atol, f"`{name}`")
        if off is None:
            return f"`{name}` is right."
        for wrong in wrongs:
            if _recognised(wrong, answer, off, case(), lambda value: value, rtol, atol):
                raise CheckFailed(wrong.message, "misconception", wrong.id)
        if off.kind == "value":  # how far off it is would be the answer
            raise CheckFailed(f"`{name}` is not right: {answer!r}.", "value")
        raise CheckFailed(off.message, off.kind)

    return Check(name, "value", wrongs, judge)


def design_check(name: str, fields: Mapping[str, type | tuple], *wrongs: Wrong) -> Check:
    """A check of a plan: a dict with the given `fields` (a type, or a tuple of what may be chosen).

    Designs have no single right answer: each `Wrong` names a fault by its predicate `when(plan)`, and a plan without a
    fault passes. A field that is still `...` or None counts as not filled in.

    Raises:
        ValueError: for a misconception without `when`.
    """
    for wrong in wrongs:
        if wrong.when is None:
            raise ValueError(f"misconception {wrong.id!r} of a design needs a `when`, got none.")

    def judge(plan: Any) -> str:
        if not isinstance(plan, dict):
            raise CheckFailed(f"`{name}` is {describe(plan)}; expected is a dict.", "type")
        if set(plan) != set(fields):
            raise CheckFailed(f"`{name}` should have the keys {', '.join(fields)}; it has {', '.join(plan)}.", "shape")
        for key, allowed in fields.items():
            value = plan[key]
            if value is None or value is Ellipsis:
                raise NotDone(f'{name}["{key}"]')
            if isinstance(allowed, tuple):
                right, words = value in allowed, "one of " + ", ".join(map(repr, allowed))
            else:
                number = (int, float) if allowed is float else allowed
                right = isinstance(value, number) and (allowed is bool or not isinstance(value, bool))
                words = f"of type {allowed.__name__}"
            if not right:
                raise CheckFailed(f'`{name}["{key}"]` is {describe(value)}; it should be {words}.', "type")
        for wrong in wrongs:
            if wrong.when is not None and wrong.when(plan):
                raise CheckFailed(wrong.message, "misconception", wrong.id)
        return f"`{name}` has none of the {len(wrongs)} faults that were looked for."

    return Check(name, "design", wrongs, judge)
