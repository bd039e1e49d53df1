"""What the check of `bill` repeats of a report, and measures beside it."""

import math
import statistics

import numpy as np

from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import EPISODES, LEVEL, UPDATES, episodes_to_level, learn, short_walks

OURS = 3
"""seeds of the check, with ten goals of its own each"""
SPREAD = 20.0
"""standard deviation of the cost between seeds and goals that is allowed for at the least: measured, 15 to 20"""
ANOTHER_RATE = 0.1
"""a well-tuned one, for comparison"""
GOALS = 10
SEEDS_AGAIN = 6
"""of the report that are trained again: the cheapest, the dearest, and others"""
ROUNDING = 1e-6
"""relative change of the learning rate that moves a training at least as far as another machine's rounding"""


def chosen_cost(report):
    """What the report says that the chosen rate cost in the search."""
    return min(cost for rate, cost in zip(report["rates"], report["search_costs"], strict=True)
               if same_rate(rate, report["lr"]))  # fmt: skip


def same_rate(one, other):
    """Whether two learning rates are one, which may be written in double or in single precision."""
    return math.isclose(one, other, rel_tol=1e-6)


def by_rounding(told, goals, lr, seed):
    """Whether the same training on another machine may cost `told`: the mean return comes near to the level by then.

    How near, is measured by a second training whose learning rate is changed a little. At a rate of 0.1 the curves of
    both differ by less than 1e-5 when the level is reached, so that a cost told an update too high or too low is seen.
    At 0.3 they lie 0.1 and more apart after ten updates: there an update is nobody's error.
    """
    updates = _updates(told)
    ours, moved = (learn(goals, lr * (1 + change), seed, updates).mean(0) for change in (0.0, ROUNDING))
    near = 1e-3 + 10 * (ours - moved).abs().cummax(0).values
    reached = len(ours) if math.isinf(told) else int(told) // EPISODES
    still_below = bool((ours < LEVEL + near)[:reached].all())
    return still_below and (math.isinf(told) or bool((ours >= LEVEL - near)[reached : reached + 1].all()))


def _as_written(rate):
    """The shortest number that single precision keeps as `rate`, where `rate` may come from there: 0.03, say."""
    single = np.float32(rate)
    return float(str(single)) if float(single) == rate else rate


def _updates(cost):
    return min(UPDATES, int(min(cost, EPISODES * UPDATES)) // EPISODES + 10)


def _losers(report):
    """Of the rates that lost the search the one that came nearest, and another, which the report itself draws."""
    pairs = zip(report["search_costs"], report["rates"], strict=True)
    losers = sorted(pair for pair in pairs if not same_rate(pair[1], report["lr"]))
    drawn = 1 + int(sum(report["costs"])) // EPISODES % max(1, len(losers) - 1)
    return losers[:1] + losers[drawn : drawn + 1]


def repeat(report):
    """Repeat the search at three rates, the measurement with up to six seeds, and all of it on other goals.

    A cost that only differs by an update, and may by rounding, counts as found.
    """
    order = sorted(range(len(report["seeds"])), key=lambda i: report["costs"][i])

    def cost(goals, lr, seed, updates):
        try:
            return episodes_to_level(learn(goals, lr, seed, updates))
        except ValueError:  # a learning rate that drives the network to NaN
            return math.inf

    def again(goals, rate, seed, told):
        """The cost of a rate; one that came in single precision may have been trained with in double."""
        for written in dict.fromkeys((rate, _as_written(rate))):
            found = cost(goals, written, seed, _updates(told))
            near = abs(told - found) <= EPISODES or (math.isinf(told) and found >= EPISODES * (UPDATES - 1))
            if told == found or (near and by_rounding(told, goals, written, seed)):
                return told
        return found

    def searched(rate, told):
        return again(report["search_goals"], rate, report["search_seed"], told)

    chosen = chosen_cost(report)
    other = cost(report["search_goals"], ANOTHER_RATE, report["search_seed"], 20)
    tried = [order[0], order[-1], *order[1:-1]][:SEEDS_AGAIN]
    seeds = [
        (report["costs"][i], again(report["goals"], report["lr"], report["seeds"][i], report["costs"][i]))
        for i in tried
    ]
    draws = [short_walks().sample_tasks(GOALS, seeded(900 + n), "test") for n in range(OURS)]
    updates = _updates(statistics.fmean(report["costs"]))
    ours = [cost(goals, report["lr"], 700 + n, updates) for n, goals in enumerate(draws)]
    return {
        "losers": [(told, searched(rate, told)) for told, rate in _losers(report)],
        "better rate": chosen > 1.5 * other,
        "search": (chosen, searched(report["lr"], chosen)),
        "seeds": seeds,
        "others": statistics.fmean(ours),
    }


def unfair(report, seen):
    """Whether the mean cost is further from that of other goals and seeds than four standard errors."""
    spread = max(SPREAD, statistics.stdev(report["costs"]))
    error = spread * math.sqrt(1 / len(report["costs"]) + 1 / OURS)
    return not abs(statistics.fmean(report["costs"]) - seen["others"]) <= 4 * error
