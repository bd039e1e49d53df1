"""Exercise of chapter 14: a cluster on paper, which tells how long an iteration takes. Nothing is computed on it.

The time of a task varies, as episodes do, and an iteration ends when its slowest worker has ended.
"""

from __future__ import annotations

import numpy as np

from metarl_core.arguments import check_count

TASK = 0.02
"""mean seconds of a task"""
SPREAD = 0.7
"""standard deviation of the logarithm of a task's time"""
BYTES, BANDWIDTH, DELAY = 1.06e6, 1.25e8, 2e-4
"""of the vector; bytes a second of a link; seconds of a round"""
ITERATIONS = 20


def message(ranks: int) -> float:
    """Seconds of one sum over so many workers, round a ring.

    Raises:
        ValueError: for fewer than 1 worker.
    """
    check_count("ranks", ranks)
    return 2 * (ranks - 1) * (DELAY + BYTES / (ranks * BANDWIDTH))


def iteration(ranks: int, tasks: int, seeds: list[int]) -> np.ndarray:
    """Mean seconds of twenty iterations, for each seed, `[seed]`.

    Args:
        ranks: number of workers.
        tasks: of each worker.
        seeds: one measurement for each.

    Raises:
        ValueError: for fewer than 1 worker or task, or a seed below 0.
    """
    check_count("ranks", ranks)
    check_count("tasks", tasks)
    each = []
    for seed in seeds:
        generator = np.random.default_rng([check_count("seed", seed, 0), ranks, tasks])
        times = TASK * generator.lognormal(-(SPREAD**2) / 2, SPREAD, (ITERATIONS, ranks, tasks))
        each.append(times.sum(2).max(1).mean() + message(ranks))
    return np.array(each)
