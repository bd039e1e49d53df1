"""What can be told from the tasks of a report: their split, twins across splits, and whether they were chosen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import stats
from torch import Tensor

RARE = 1e-8
"""probability at which a parameter of a fair sample looks drawn otherwise"""
APART = 5.5
"""standard errors that a mean over fair tasks may be off that over others: tasks have tails"""


def drawn_from(split: str, values: Tensor) -> bool:
    """Whether all values carry the stamp of "train" or "test" (see `tasks.draws.stamp_split`): their last bit."""
    return bool(((values.contiguous().view(torch.int32) & 1) == (split == "test")).all())


def share_twins(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The share of tasks in `one` that stand in `other` up to rounding, as equal seeds for both splits give them."""
    alike = torch.ones(len(next(iter(one.values()))), len(next(iter(other.values()))), dtype=torch.bool)
    for name, values in one.items():
        close = torch.isclose(values[:, None], other[name][None], rtol=1e-6, atol=1e-9)
        alike &= close.flatten(2).all(-1) if close.ndim > 2 else close
    return float(alike.any(1).double().mean())


def spread_otherwise(values: ArrayLike, low: float, high: float) -> bool:
    """Whether numbers `[task]` are not uniform from `low` to `high` (Kolmogorov and Smirnov's test)."""
    found = np.asarray(values, dtype=float).ravel()
    return bool(stats.kstest(found, stats.uniform(low, high - low).cdf).pvalue < RARE)


def others_differ(here: ArrayLike, elsewhere: ArrayLike) -> bool:
    """Whether the mean over some tasks, `[task]`, is another one than over tasks that the check has drawn.

    Both are measured in one way, here: then nothing is left but that the tasks were chosen.
    """
    one, two = (np.asarray(values, dtype=float) for values in (here, elsewhere))
    error = np.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two))
    return bool(abs(one.mean() - two.mean()) > APART * error)
