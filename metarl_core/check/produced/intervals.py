"""Whether two ends are those of a 95 % t interval over seeds, and if not, what they are."""

from __future__ import annotations

import numpy as np
from scipy import stats

TOLERANCE = 0.01
"""of the half width: a report may be rounded"""

INTERVAL_FAULTS = {
    "not_an_interval": "Your lower end does not lie below your upper end. How far may the mean be off?",
    "extremes": "Your ends are the lowest and the highest seed. They move apart with more seeds; what "
    "should an interval for a mean do?",
    "pooled_episodes": "Your interval counts every episode as if it came from a training of its own. The "
    "episodes of one agent rise and fall together: how many trainings were there?",
    "standard_deviation": "Your ends are a standard deviation of the seeds away from the mean, or a multiple of "
    "it. That says how far apart agents are, not how well their mean is known.",
    "standard_error": "Your ends are one standard error away from the mean. How often does so narrow an "
    "interval hold the true mean?",
    "normal_interval": "Your ends are 1.96 (or 2) standard errors away from the mean: right for a hundred "
    "seeds. With few of them the deviation itself is uncertain; which distribution knows "
    "that?",
    "divides_by_n": "Your standard deviation divides by the number of seeds, and not by one less.",
    "off_centre": "The middle of your interval is not the mean over the seeds of the returns that you report.",
    "too_narrow": "Your interval is narrower than the t interval of 95 % over your seeds.",
    "too_wide": "Your interval is wider than the t interval of 95 % over your seeds.",
}


def interval_fault(low: float, high: float, runs: np.ndarray, pooled: np.ndarray | None = None) -> str | None:
    """The key of `INTERVAL_FAULTS` that says what (low, high) is; None for the t interval of the mean of `runs`.

    Args:
        runs: one number for each of two seeds or more.
        pooled: all numbers that the means of the seeds were taken over, where there are such.
    """
    n, mean, deviation = len(runs), float(runs.mean()), float(runs.std(ddof=1))
    error, quantile = deviation / np.sqrt(n), float(stats.t.ppf(0.975, n - 1))
    scale = TOLERANCE * quantile * error + 1e-6 * (1 + abs(mean))

    def is_(half: float, about: float = mean) -> bool:
        return abs(low - (about - half)) < scale and abs(high - (about + half)) < scale

    if is_(quantile * error):
        return None
    if high <= low:
        return "not_an_interval"
    if abs(low - runs.min()) < scale and abs(high - runs.max()) < scale:
        return "extremes"
    biased = float(runs.std())
    known: dict[str, tuple[float, ...]] = {
        "standard_deviation": (deviation, biased, quantile * deviation, 1.96 * deviation),
        "standard_error": (error, biased / np.sqrt(n)),
        "normal_interval": (1.96 * error, 2 * error),
        "divides_by_n": (quantile * biased / np.sqrt(n),),
    }
    if pooled is not None and pooled.size > n:
        of_all = float(pooled.std(ddof=1)) / np.sqrt(pooled.size)
        known["pooled_episodes"] = (float(stats.t.ppf(0.975, pooled.size - 1)) * of_all, 1.96 * of_all, 2 * of_all)
    names = [name for name, halves in known.items() if any(is_(half) for half in halves)]
    if len(names) == 1:  # by chance two of them may be equal: then none is named
        return names[0]
    if abs((low + high) / 2 - mean) > scale:
        return "off_centre"
    return "too_narrow" if high - low < 2 * quantile * error else "too_wide"
