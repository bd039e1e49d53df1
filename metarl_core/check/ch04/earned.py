"""Whether reported returns are those that are earned when the same agents play again: their means and their spread."""

import numpy as np
from scipy import stats

OF_A_SEED, OF_ALL = 6.0, 5.0
"""Standard errors that a seed's mean, and the mean over seeds, may be off. Returns have
tails; hence the wider limit."""
RARE = 1e-6
"""of right reports, the share whose returns are spread so differently by chance"""
SHARES = (0.1, 0.2, 0.5, 0.8, 0.9)
"""of the returns found here: below these quantiles a like share of the reported ones should lie"""


def fault_of_means(reported: np.ndarray, own: np.ndarray) -> str | None:
    """ "higher" or "lower" where the means of the reported returns `[seed, episode]` are not those found here."""
    off = reported.mean(1) - own.mean(1)
    variance = _variance_of_mean(reported, own) + _variance_of_mean(own, reported)
    each = off / np.sqrt(variance)
    together = off.sum() / np.sqrt(variance.sum() * in_common(reported))
    for standardised, limit in ((together, OF_ALL), (each[np.abs(each).argmax()], OF_A_SEED)):
        if abs(standardised) > limit:
            return "higher" if standardised > 0 else "lower"
    return None


def in_common(returns: np.ndarray) -> float:
    """How much larger the variance of the mean over agents is than that of agents that play episodes of their own.

    All of them may have played the same first states: then their luck is the same, and counts once. Where returns are
    sorted, what stands in one column has nothing in common.
    """
    steps = np.diff(returns, axis=1)
    if bool((steps >= 0).all() or (steps <= 0).all()):
        return 1.0
    apart = returns.var(1, ddof=1).sum() / len(returns) ** 2
    return max(1.0, returns.mean(0).var(ddof=1) / apart) if apart > 0 else 1.0


def other_spread(reported: np.ndarray, own: np.ndarray) -> bool:
    """Whether single returns are distributed otherwise than those found here, as chance would have it hardly ever.

    Distances from each seed's median are compared by their ranks, and shares below quantiles by their numbers; neither
    looks at how far off rare episodes are.
    """
    unit = 1e-4 * (1 + np.abs(own).max())
    told, found = np.round(reported / unit), np.round(own / unit)
    common = in_common(reported)
    middle = np.median(found, 1, keepdims=True)
    scores = [_rank_score(a, b) for a, b in zip(np.abs(told - middle), np.abs(found - middle), strict=True)]
    if abs(sum(scores)) / np.sqrt(len(scores) * common) > stats.norm.isf(RARE / 2):
        return True
    return any(_share_below(told, found, share, common) < RARE / len(SHARES) for share in SHARES)


def _share_below(one: np.ndarray, other: np.ndarray, share: float, common: float) -> float:
    """Fisher's exact test: how rarely as many of `one` lie so low, by a quantile of each seed's own in `other`."""
    limit = np.quantile(other, share, axis=1, keepdims=True, method="lower")
    table = [[(x <= limit).sum() / common, (x > limit).sum() / common] for x in (one, other)]
    return float(stats.fisher_exact(np.round(table).astype(int)).pvalue)


def _rank_score(one: np.ndarray, other: np.ndarray) -> float:
    """Wilcoxon's rank sum of `one` among both, standardised with ties in mind."""
    ranks = stats.rankdata(np.concatenate([one, other]))
    m, n = len(one), len(other)
    deviation = np.sqrt(m * n / (m + n) * ranks.var(ddof=1))
    return float((ranks[:m].sum() - m * (m + n + 1) / 2) / deviation) if deviation > 0 else 0.0


def _variance_of_mean(returns: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each seed, from the wider one of the two samples: the narrower one may have missed rare episodes."""
    spread = np.maximum(returns.var(1), others.var(1)) + (1e-4 * (1 + np.abs(others).max())) ** 2
    return spread / returns.shape[1]
