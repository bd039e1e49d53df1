"""Whether random splits of tasks are drawn with equal chances, and independently of each other."""

import itertools
import math

import numpy as np
from scipy.stats import chi2, chisquare, hypergeom, norm

ALARM = 1e-10
"""of each test of a random split, by the χ² distribution. By the exact one it is below 10⁻⁸, and a check makes fewer
than 60 such tests: a right answer fails less than one time in 10⁶."""
LARGE_ALARM = 1e-8
"""of each of the eleven tests of a large family. They are of one case: a right answer fails them less than one time in
5 million."""


def uneven(drawn, near_tasks, listed) -> bool:
    """Whether some tasks are drawn too often: single ones (χ² test), small ones or those listed early, or those that
    a naive exchange brings to the front or to the end (z tests).
    """
    tests, near = len(drawn[0]), len(near_tasks)
    if not _possible(drawn, near_tasks, tests):
        return False
    counts = [sum(task in one for one in drawn) for task in near_tasks]
    share = tests / near
    # The counts of a call are not independent: they add up to `tests`.
    statistic = sum((n - len(drawn) * share) ** 2 for n in counts) / (len(drawn) * share * (1 - share)) * (1 - 1 / near)
    found = [float(chi2.sf(statistic, near - 1))]
    for order in (near_tasks, list(dict.fromkeys(map(tuple, listed.tolist())))):
        place = {task: rank for rank, task in enumerate(order)}
        often = np.bincount([place[task] for one in drawn for task in one], minlength=near)
        for weights in (np.arange(near), *_after_a_naive_exchange(near, tests)):
            # of a draw of `tests` from `near` without replacement
            deviation = math.sqrt(len(drawn) * tests * (near - tests) / (near - 1) * weights.var())
            off = float(often @ weights) - len(drawn) * tests * weights.mean()
            found.append(2 * float(norm.sf(abs(off) / deviation)))
    return min(found) < LARGE_ALARM


def _after_a_naive_exchange(near, tests):
    """How likely each task is among the first and among the last `tests`, where each place in turn was exchanged with
    any other: from the first place on, and from the last one on.
    """
    chances = np.eye(near)  # [task, place]
    for place in range(near):
        here = chances[:, place, None] / near
        chances = chances * (1 - 1 / near) + here
        chances[:, place] = 1 / near
    forward = [chances[:, :tests].sum(1), chances[:, near - tests :].sum(1)]
    return [*forward, *(one[::-1] for one in forward)]


def equally_likely(drawn, near_tasks, tests) -> bool:
    """Whether each set of so many tasks comes as often as the others (χ² test); true where they are no such sets."""
    if not _possible(drawn, near_tasks, tests):
        return True
    counts = {frozenset(chosen): 0 for chosen in itertools.combinations(near_tasks, tests)}
    for one in drawn:
        counts[frozenset(one)] = counts.get(frozenset(one), 0) + 1
    return bool(chisquare(list(counts.values())).pvalue > ALARM)


def _possible(drawn, near_tasks, tests) -> bool:
    return all(len(one) == tests and one <= set(near_tasks) for one in drawn)


def independent(drawn, near_tasks, tests) -> bool:
    """Whether the test tasks that two calls in a row share are as many as by chance: hypergeometric (χ² test)."""
    if not _possible(drawn, near_tasks, tests):
        return True
    near = len(near_tasks)
    possible = list(range(max(0, 2 * tests - near), tests + 1))
    shared = [len(one & following) for one, following in itertools.pairwise(drawn)]
    expected = [len(shared) * float(hypergeom.pmf(k, near, tests, tests)) for k in possible]
    return bool(chisquare([shared.count(k) for k in possible], expected).pvalue > ALARM)
