"""What is taken for the t interval of a mean over seeds, and is none."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scipy import stats

from ..check import Wrong


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of at least two finite values, as (low, high)."""
    mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1)) * error
    return mean - half, mean + half


def half_widths(values: Sequence[float]) -> dict[str, list[float]]:
    """Of intervals around the mean that are no 95 % t intervals, by misconception."""
    n, deviation = len(values), statistics.stdev(values)
    error, t = deviation / math.sqrt(n), float(stats.t.ppf(0.975, n - 1))
    return {
        "normal": [1.96 * error, 2 * error],
        "population": [t * error * math.sqrt((n - 1) / n)],
        "one_sided": [float(stats.t.ppf(0.95, n - 1)) * error],
        "spread": [deviation, 1.96 * deviation, 2 * deviation, t * deviation, error],
    }


def interval_flaws(values: Callable[[Mapping[str, Any]], Sequence[float]], slack: float) -> tuple[Wrong, ...]:
    """Misconceptions of a report whose entry `interval` should be the t interval of the mean of `values(report)`.

    Two numbers are the same here if they differ by less than `slack`.
    """

    def is_right(report: Mapping[str, Any]) -> bool:
        return _near(report["interval"], t_interval(values(report)), slack)

    def is_a(kind: str) -> Callable[..., bool]:
        def when(report: Mapping[str, Any]) -> bool:
            mean, halves = statistics.fmean(values(report)), half_widths(values(report))[kind]
            taken = any(_near(report["interval"], (mean - half, mean + half), slack) for half in halves)
            return taken and not is_right(report)

        return when

    messages = {
        "normal": "This interval takes the factor of a normal distribution. The standard deviation is estimated from a "
        "few seeds: which distribution allows for that?",
        "population": "This interval divides the squared deviations by the number of seeds. They are deviations from "
        "the mean of the same few numbers, and so a little too small. By what is to be divided?",
        "one_sided": "This interval leaves out 5 % on each side.",
        "spread": "That is a multiple of the standard deviation (or the standard error itself), and no 95 % interval "
        "of the mean. How does the error of a mean depend on the number of seeds, and how many such errors make 95 %?",
    }
    named = [Wrong(kind, message, when=is_a(kind)) for kind, message in messages.items()]
    unnamed = "The interval that you report is not the 95 % t interval of the mean over your seeds."
    return (*named, Wrong("no_t_interval", unnamed, when=lambda report: not is_right(report)))


def _near(one: Sequence[float], other: Sequence[float], slack: float) -> bool:
    return all(a == b or abs(a - b) <= slack for a, b in zip(one, other, strict=True))
