"""Wrong intervals that people do report, and a table of changed reports as pairs of a check and an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from produced_reports import Late
from scipy import stats

from metarl_core.check import Check


def changed(py: Path, check: Check, changes: Mapping[str, Callable[[dict], dict]]) -> list[tuple[Check, Late]]:
    """A report that is made from the solution's for each change, under the change's name."""
    found = []
    for name, change in changes.items():
        late = Late(py, f"check_{check.name}", change)
        late.__name__ = name
        found.append((check, late))
    return found


class Plan(dict):
    """A plan with a name, for the names of tests."""

    __name__ = ""


def fixed(check: Check, plan: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> list[tuple[Check, Plan]]:
    """A plan for each of several sets of other entries, under its name."""
    found = []
    for name, entries in others.items():
        one = Plan({**plan, **entries})
        one.__name__ = name
        found.append((check, one))
    return found


def report_named(pairs: list[tuple[Check, Any]], name: str) -> Any:
    """The answer of that name among pairs of a check and an answer."""
    (found,) = (answer for _, answer in pairs if answer.__name__ == name)
    return found


def t_quantile(x: Any, confidence: float = 0.95) -> float:
    """Of Student's t for the mean of these numbers: half of its interval, in standard errors."""
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1))


def around(x: Any, quantile: float, ddof: int = 1) -> tuple[float, float]:
    """The mean, and so many standard errors to either side."""
    values = np.asarray(x, dtype=float)
    half = quantile * values.std(ddof=ddof) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def with_n(x: Any) -> tuple[float, float]:
    """A t interval whose deviation is divided by n."""
    return around(x, t_quantile(x), ddof=0)


def with_n_degrees(x: Any) -> tuple[float, float]:
    """A t interval with n degrees of freedom."""
    return around(x, stats.t.ppf(0.975, len(x)))


def one_sided(x: Any) -> tuple[float, float]:
    """With the 95 % quantile in place of the 97.5 % one."""
    return around(x, t_quantile(x, 0.9))


def one_error(x: Any) -> tuple[float, float]:
    """The mean and a standard error to either side."""
    return around(x, 1.0)


def percentiles(x: Any) -> tuple[float, float]:
    """Of the numbers themselves."""
    low, high = np.percentile(np.asarray(x, dtype=float), [2.5, 97.5])
    return float(low), float(high)


def bootstrapped(x: Any) -> tuple[float, float]:
    """Percentiles of the means of numbers that are drawn again."""
    values, luck = np.asarray(x, dtype=float), np.random.default_rng(0)
    return percentiles(values[luck.integers(len(values), size=(2000, len(values)))].mean(1))


def t_half(x: Any, confidence: float = 0.95) -> float:
    """Half of a t interval."""
    values = np.asarray(x, dtype=float)
    return float(t_quantile(values, confidence) * values.std(ddof=1)) / len(values) ** 0.5


def z_half(x: Any) -> float:
    """Half of an interval that takes all numbers, of whatever seed, for independent."""
    values = np.asarray(x, dtype=float)
    return float(1.96 * values.std(ddof=1)) / values.size**0.5


def unpaired_half(one: Any, other: Any) -> float:
    """Half of the t interval of two groups `[seed, …]`, as if their seeds were not shared."""
    means = [np.asarray(group, dtype=float).mean(1) for group in (one, other)]
    return float(np.ptp(stats.ttest_ind(*means).confidence_interval())) / 2


def with_interval(
    report: Mapping[str, Any], x: Any, half: Callable[[Any], float], shift: float = 0.0
) -> dict[str, Any]:
    """The report with the interval around the mean of `x`, moved by `shift`, that is `half(x)` wide to either side."""
    middle, width = float(np.mean(np.asarray(x, dtype=float))) + shift, half(x)
    return {**report, "low": middle - width, "high": middle + width}


WRONG_ENDS = {
    "deviation_with_n": with_n,
    "n_degrees_of_freedom": with_n_degrees,
    "one_sided": one_sided,
    "one_standard_error": one_error,
    "bootstrapped": bootstrapped,
    "percentiles": percentiles,
}
"""by the names of the reports that have them"""


def with_variance(x: Any) -> tuple[float, float]:
    """The variance where the deviation belongs."""
    values = np.asarray(x, dtype=float)
    return around(x, t_quantile(values) * values.std(ddof=1))


def over_n(x: Any) -> tuple[float, float]:
    """The deviation over n, without the root."""
    return around(x, t_quantile(x) / len(x) ** 0.5)


def half_as_wide(x: Any) -> tuple[float, float]:
    """Half of the half width to either side."""
    return around(x, t_quantile(x) / 2)


def twice_as_wide(x: Any) -> tuple[float, float]:
    """The whole width to either side."""
    return around(x, 2 * t_quantile(x))


def around_zero(x: Any) -> tuple[float, float]:
    """Without the mean."""
    low, high = around(x, t_quantile(x))
    return (low - high) / 2, (high - low) / 2


def mean_and_half(x: Any) -> tuple[float, float]:
    """The mean, and half of the width, in the places of the ends."""
    low, high = around(x, t_quantile(x))
    return (low + high) / 2, (high - low) / 2


def without_the_first(x: Any) -> tuple[float, float]:
    """One row too few."""
    return around(list(x)[1:], stats.t.ppf(0.975, len(x) - 2))


def without_the_ends(x: Any) -> tuple[float, float]:
    """Without the smallest and the largest."""
    return around(sorted(x)[1:-1], stats.t.ppf(0.975, len(x) - 3))


FURTHER_ENDS = {
    one.__name__: one
    for one in (
        with_variance,
        over_n,
        half_as_wide,
        twice_as_wide,
        around_zero,
        mean_and_half,
        without_the_first,
        without_the_ends,
    )
}
"""more of them"""


def with_ends(differences: Callable[[dict], Any]) -> Callable[[Callable], Callable[[dict], dict]]:
    """From a function of a report's differences to its interval to the change that puts that interval in."""

    def of(ends: Callable[[Any], tuple[float, float]]) -> Callable[[dict], dict]:
        def change(report: dict) -> dict:
            low, high = ends(np.asarray(differences(report), dtype=float))
            return {**report, "low": low, "high": high}

        return change

    return of


def row_copied(values: Any, target: int, source: int) -> Any:
    """A copy of a tensor in which one row stands at another's place, too."""
    values = values.clone()
    values[target] = values[source]
    return values
