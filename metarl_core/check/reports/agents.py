"""Whether reported returns are those that the agents earn when they are played again, and the agents several."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats
from torch import Tensor

OF_A_SEED, OF_ALL = 6.0, 5.0
"""Standard errors that a seed's mean, and the mean over seeds, may be off: a right report is further off in fewer than
one of a million checks. Returns have tails, those of single agents above all; hence the wider limit.

So the best of twenty evaluations of each agent (1.9 standard errors too high in the mean) shows from eight seeds on."""

OF_A_SPREAD, RARE = 6.0, 1e-8
"""The same where entries are compared by their size, and the share of right reports whose tasks differ so by chance."""


def fault_of_returns(reported: np.ndarray, own: np.ndarray) -> str | None:
    """ "higher" or "lower" where the reported returns are not those that were found here, both `[seed, episode]`.

    It looks at each seed, and at the mean over seeds, where a small shift of all of them shows.
    """
    off = reported.mean(1) - own.mean(1)
    variance = _variance_of_mean(reported, own) + _variance_of_mean(own, reported)
    together = off.sum() / np.sqrt(variance.sum())
    each = off / np.sqrt(variance)
    for standardised, limit in ((together, OF_ALL), (each[np.abs(each).argmax()], OF_A_SEED)):
        if abs(standardised) > limit:
            return "higher" if standardised > 0 else "lower"
    return None


def _variance_of_mean(returns: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each seed, from the wider one of the two samples: the narrower one may have missed rare episodes."""
    spread = np.maximum(returns.var(1), others.var(1)) + (1e-4 * (1 + np.abs(others).max())) ** 2
    return spread / returns.shape[1]


def fault_of_spread(reported: np.ndarray, own: np.ndarray) -> str | None:
    """ "wider" or "narrower" where single results are spread otherwise than one play here, both `[seed, task]`.

    Both are what a play gave less the mean over the same other plays. Results that stand at another task's place, or
    are of other tasks, are wider, though their mean may be right; means of several plays are narrower. Of a right
    report each entry is as likely to be the larger of the two as the smaller. It looks at all entries, and at the sums
    of each task, too: seeds may have been played one after the other with equal luck.
    """
    off = np.abs(reported) - np.abs(own)
    if not off.any() or abs(off.sum()) <= OF_A_SPREAD * np.sqrt((off**2).sum()):
        return None
    tasks = off.mean(0)
    error = tasks.std(ddof=1) / np.sqrt(len(tasks))
    if abs(tasks.mean()) <= stats.t.isf(RARE, len(tasks) - 1) * error:
        return None
    return "wider" if tasks.mean() > 0 else "narrower"


def same_agents(parameters: Mapping[str, Tensor]) -> bool:
    """Whether two of the agents `[seed, ...]` have the same parameters."""
    number = len(next(iter(parameters.values())))
    flat = np.concatenate([one.double().numpy().reshape(number, -1) for one in parameters.values()], 1)
    return len(np.unique(flat, axis=0)) < number
