"""Whether two ends are those of a 95 % t interval of a mean over seeds, and if not, what they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metarl_core.evaluation import t_interval

from ..check import Wrong

TOLERANCE = 0.01
"""of the half width: a report may be rounded"""

FAULTS = {
    "not_an_interval": "Your lower end does not lie below your upper end. How far may the mean be off?",
    "extremes": "Your ends are the lowest and the highest seed. They move apart with more seeds; what should an "
    "interval for a mean do?",
    "pooled_episodes": "Your interval counts every episode as if it came from a training of its own. The episodes of "
    "one agent rise and fall together: how many trainings were there?",
    "standard_deviation": "Your ends are a standard deviation of the seeds away from the mean, or a multiple of it. "
    "That says how far single seeds lie apart, not how well their mean is known.",
    "standard_error": "Your ends are one standard error away from the mean. How often does so narrow an interval hold "
    "the true mean?",
    "normal_interval": "Your ends are 1.96 (or 2) standard errors away from the mean: right for a hundred seeds. With "
    "a few, the standard deviation is itself an estimate; which distribution allows for that?",
    "divides_by_n": "Your standard deviation divides by the number of seeds. The deviations are taken from the mean of "
    "the same few numbers, and so are a little too small: by what is to be divided?",
    "one_sided": "Your interval leaves out 5 % on each side, so it is one of 90 %.",
    "off_centre": "The middle of your interval is not the mean over your seeds.",
    "too_narrow": "Your interval is narrower than the t interval of 95 % over your seeds.",
    "too_wide": "Your interval is wider than the t interval of 95 % over your seeds.",
}


def interval_fault(
    low: float, high: float, runs: ArrayLike, pooled: ArrayLike | None = None, slack: float = 0.0
) -> str | None:
    """The key of `FAULTS` that says what (low, high) is; None for the t interval of the mean of `runs`.

    What is named fits the ends, and nothing else of the list does; otherwise it says on which side they are wrong.

    Args:
        runs: one finite number for each of two seeds or more.
        pooled: all numbers that the means of the seeds were taken over, where there are such.
        slack: by which the ends may be off in any case, beside a hundredth of the half width.
    """
    runs = np.asarray(runs, dtype=float)
    right = t_interval(runs)
    half = right.high - right.point
    exact = TOLERANCE * half + 1e-6 * (1 + abs(right.point))

    def near(ends: tuple[float, float], scale: float = exact) -> bool:
        return all(abs(end - other) <= scale for end, other in zip((low, high), ends, strict=True))

    if near((right.low, right.high), max(slack, exact)):
        return None
    if not low < high:
        return "not_an_interval"
    about = {name: [(right.point - h, right.point + h) for h in some] for name, some in _halves(runs, pooled).items()}
    about["extremes"] = [(float(runs.min()), float(runs.max()))]
    names = [name for name, several in about.items() if any(map(near, several))]
    if len(names) == 1:
        return names[0]
    if abs((low + high) / 2 - right.point) > exact:
        return "off_centre"
    return "too_narrow" if high - low < 2 * half else "too_wide"


def _halves(runs: np.ndarray, pooled: ArrayLike | None) -> dict[str, list[float]]:
    """Half widths of what is taken for a 95 % t interval around the mean, by fault."""
    n, deviation, biased = len(runs), float(runs.std(ddof=1)), float(runs.std())
    error, half = deviation / math.sqrt(n), _half(runs)
    quantile = half / error if error else 0.0
    found = {
        "standard_deviation": [deviation, biased, *(factor * deviation for factor in (quantile, 1.96, 2.0))],
        "standard_error": [error, biased / math.sqrt(n)],
        "normal_interval": [1.96 * error, 2 * error],
        "divides_by_n": [quantile * biased / math.sqrt(n)],
        "one_sided": [_half(runs, 0.9)],
    }
    if pooled is not None:
        every = np.asarray(pooled, dtype=float).ravel()
        if every.size > n:
            of_all = float(every.std(ddof=1)) / math.sqrt(every.size)
            found["pooled_episodes"] = [_half(every), 1.96 * of_all, 2 * of_all]
    return found


def _half(runs: np.ndarray, confidence: float = 0.95) -> float:
    interval = t_interval(runs, confidence)
    return interval.high - interval.point


def interval_faults(
    runs: Callable[[Any], ArrayLike],
    interval: Callable[[Any], tuple[float, float]] = lambda seen: seen["interval"],
    pooled: Callable[[Any], ArrayLike] | None = None,
    slack: float = 0.0,
) -> tuple[Wrong, ...]:
    """Misconceptions of a report with an interval that should be the t interval of the mean of `runs(seen)`.

    Args:
        runs: from what is seen of the report to one number for each seed.
        interval: to the two ends that it gives.
        pooled: to all numbers that the means of the seeds were taken over.
        slack: by which the ends may be off (see `interval_fault`).
    """

    def is_(name: str) -> Callable[[Any], bool]:
        def when(seen: Any) -> bool:
            return interval_fault(*interval(seen), runs(seen), pooled and pooled(seen), slack) == name

        return when

    names = [name for name in FAULTS if pooled is not None or name != "pooled_episodes"]
    return tuple(Wrong(name, FAULTS[name], when=is_(name)) for name in names)


def conclusion_faults(
    interval: Callable[[Any], tuple[float, float]],
    conclusion: Callable[[Any], str],
    above: str,
    not_told_apart: str,
) -> tuple[Wrong, ...]:
    """Misconceptions of a report whose conclusion, one of three, should be what its interval of a difference says.

    Args:
        interval: from what is seen of the report to the two ends that it gives.
        conclusion: to its conclusion.
        above: the conclusion where the interval lies above 0.
        not_told_apart: the one where it contains 0.
    """

    def holds_zero(seen: Any) -> bool:
        low, high = interval(seen)
        return low <= 0 <= high

    def names_a_winner(seen: Any) -> bool:
        return conclusion(seen) != not_told_apart

    return (
        Wrong(
            "says_too_much",
            "Your interval contains 0, and your conclusion names a winner.",
            when=lambda seen: holds_zero(seen) and names_a_winner(seen),
        ),
        Wrong(
            "says_too_little",
            "Your interval leaves 0 out. What may be said then?",
            when=lambda seen: not holds_zero(seen) and not names_a_winner(seen),
        ),
        Wrong(
            "wrong_winner",
            "Your interval lies on one side of 0, and your conclusion on the other.",
            when=lambda seen: names_a_winner(seen) and (interval(seen)[0] > 0) != (conclusion(seen) == above),
        ),
    )
