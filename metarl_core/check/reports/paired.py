"""What is wrong with the interval of paired differences, one a seed, beside what `interval_faults` names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .intervals import interval_fault

LIKE = 0.01
"""how far a width may be off another one that it is taken for, as a part"""


def is_turned(interval: tuple[float, float], pairs: np.ndarray) -> bool:
    """Whether (low, high) is the t interval of the differences the other way round, and not theirs.

    Args:
        interval: the ends.
        pairs: differences `[seed, task or episode]`; the interval should be that of their means over seeds.
    """
    runs = pairs.mean(1)
    return interval_fault(*interval, runs, pairs) is not None and interval_fault(*interval, -runs) is None


def is_unpaired(
    interval: tuple[float, float], groups: Sequence[np.ndarray], runs: ArrayLike, pooled: ArrayLike | None = None
) -> bool:
    """Whether (low, high) is as wide as the interval of two groups of trainings that have nothing in common.

    Args:
        interval: the ends.
        groups: two groups, `[seed, task or episode]` each.
        runs: their differences, one a seed.
        pooled: all numbers that `runs` are means of, where a fault may be named after them (see `interval_fault`).
    """
    means = [group.mean(1) for group in groups]
    widths = [np.ptp(stats.ttest_ind(*means, equal_var=equal).confidence_interval()) for equal in (True, False)]
    like = any(abs(np.ptp(interval) - width) < LIKE * width for width in widths)
    return like and interval_fault(*interval, runs, pooled) in ("off_centre", "too_narrow", "too_wide")
