"""Reported results of seeds that may have been played in turn, with equal luck."""

from __future__ import annotations

import numpy as np
from scipy import stats

from .agents import OF_A_SEED, OF_ALL, fault_of_returns


def fault_of_plays(reported: np.ndarray, own: np.ndarray) -> str | None:
    """ "higher" or "lower" where results `[seed, task]` are not those that were found here, as `fault_of_returns` says.

    Who plays his seeds one after the other, each with a generator of the same seed, gives all of them the luck of one:
    then they are off together, by more than independent seeds would be. So it counts only if a single seed is off, or
    if the sums over seeds of each task, which have all of that luck in them, are off by more than these tell.
    """
    found = fault_of_returns(reported, own)
    if found is None:
        return None
    differences = reported - own
    number, sums = differences.shape[1], differences.sum(0)
    error = (reported.var(1) + own.var(1)) / number
    if (np.abs(differences.mean(1)) > OF_A_SEED * np.sqrt(error)).any():
        return found
    limit = stats.t.isf(stats.norm.sf(OF_ALL), number - 1)
    return found if abs(sums.mean()) > limit * sums.std(ddof=1) / np.sqrt(number) else None
