"""The check of the exercise `bill`: a tuned learning rate, its cost on held-out goals, and what follows from it."""

import math
import operator
import statistics

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.ch01.bill_repeated import chosen_cost, repeat, same_rate, unfair
from metarl_core.check.reports import (
    drawn_from,
    interval_faults,
    number,
    numbers,
    pair,
    report_check,
    share_twins,
    tasks,
    whole,
    whole_numbers,
)
from metarl_core.evaluation import t_interval
from metarl_core.recipes.short_walks import EPISODES

TRAINING, ADAPTED = 20_000, 20
"""episodes of the colleague's meta-training, and of adaptation to each new goal"""
SEEDS, GOALS = 5, 10
"""the least that a report must rest on"""
MOST_GOALS = 40
"""which the check can train on again in a few seconds"""

_goals = tasks({"goal": (2,)}, exact=True)


def _examine(report):
    for one, other in (("search_costs", "rates"), ("costs", "seeds")):
        if len(report[one]) != len(report[other]):
            words = f'`bill["{one}"]` has {len(report[one])} entries and `bill["{other}"]` {len(report[other])}'
            raise CheckFailed(f"{words}: there should be as many.", "shape")
    if max(len(report["search_goals"]["goal"]), len(report["goals"]["goal"])) > MOST_GOALS:
        raise CheckFailed(f"The check trains on your goals again: keep to {MOST_GOALS} at the most.", "shape")
    if not all(0 <= seed < 2**32 for seed in report["seeds"] + [report["search_seed"]]):
        raise CheckFailed("Seeds of a generator are whole numbers from 0 to 2**32 - 1.", "value")
    if not all(0 < rate < 1000 for rate in [*report["rates"], report["lr"]]):
        raise CheckFailed("A learning rate is a number above 0.", "value")
    if not all(cost >= 0 for cost in report["search_costs"] + report["costs"]):
        raise CheckFailed("A number of episodes is not negative.", "value")
    if any(math.isfinite(cost) and cost % EPISODES for cost in report["search_costs"] + report["costs"]):
        raise CheckFailed(
            f"`episodes_to_level` gives multiples of {EPISODES} episodes. Some of your costs are none.", "value"
        )
    if not all(map(math.isfinite, report["costs"])):
        raise CheckFailed(
            '`bill["costs"]` holds an infinite number: with your learning rate a seed does not reach the level at all.',
            "value",
        )
    return report


def pays_back(cost):
    """The smallest whole number n >= 1 with M + n n_2 <= n n_1, for n_1 = `cost`; infinite if there is none."""
    return max(1, math.ceil(TRAINING / (cost - ADAPTED) - 1e-9)) if cost > ADAPTED else math.inf


def _different(goals):
    return len(goals["goal"].unique(dim=0))


def _is_best(report):
    """Whether the rate that is reported has the lowest cost of the search, up to the digits of a float32 tensor."""
    lowest = min(report["search_costs"])
    pairs = zip(report["rates"], report["search_costs"], strict=True)
    return any(cost == lowest and same_rate(rate, report["lr"]) for rate, cost in pairs)


def _mean(report):
    return statistics.fmean(report["costs"])


def _is(cost, other):
    """Whether two costs are the same, up to how they are written."""
    return abs(cost - other) <= 0.5


def _one_update_more(seen):
    """Whether the costs of all trainings that were repeated are told an update too high, up to a rounding."""
    pairs = [seen["search"], *seen["losers"], *seen["seeds"]]
    more = [told - found for told, found in pairs if told < math.inf]
    return all(0 <= each <= 2 * EPISODES for each in more) and statistics.fmean(more) > 0.75 * EPISODES


def _ends(report):
    """The interval of the break-even: a high cost pays back early."""
    interval = t_interval(report["costs"])
    return pays_back(interval.high), pays_back(interval.low)


def _without_adaptation(cost):
    return math.ceil(TRAINING / cost) if cost > 0 else math.inf


check_bill = report_check(
    "bill",
    {
        "rates": numbers,
        "search_goals": _goals,
        "search_seed": whole,
        "search_costs": numbers,
        "lr": number,
        "goals": _goals,
        "seeds": whole_numbers,
        "costs": numbers,
        "cost": number,
        "interval": pair,
        "pays_back": number,
        "pays_back_interval": pair,
    },
    Wrong(
        "few_seeds",
        "How would you tell what this learning rate costs from what one lucky seed cost? Five seeds, all different, "
        "are the least.",
        when=lambda r: len(set(r["seeds"])) < SEEDS,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list more than once. Run again, it gives the same cost: does it count as new evidence?",
        when=lambda r: len(set(r["seeds"])) < len(r["seeds"]),
    ),
    Wrong(
        "few_goals",
        "Ten different goals are the least, for the search and for the measurement.",
        when=lambda r: min(_different(r["search_goals"]), _different(r["goals"])) < GOALS,
    ),
    Wrong(
        "search_on_test",
        'The goals of your search are not training goals: some do not carry the stamp of the split `"train"`. What '
        "would a cost on held-out goals say if the learning rate has been chosen on such goals?",
        when=lambda r: not drawn_from("train", r["search_goals"]["goal"]),
    ),
    Wrong(
        "measured_on_training",
        'The goals that you measure on are not held-out ones: some do not carry the stamp of the split `"test"`.',
        when=lambda r: not drawn_from("test", r["goals"]["goal"]),
    ),
    Wrong(
        "twins",
        "Most of your held-out goals stand among the goals of the search, up to their last bit: the two splits were "
        "drawn with equal generators.",
        when=lambda r: share_twins(r["goals"], r["search_goals"]) > 0.5,
    ),
    Wrong(
        "two_rates",
        "With fewer than three different learning rates one cannot see whether the cost has a minimum among them.",
        when=lambda r: len(set(r["rates"])) < 3,
    ),
    Wrong(
        "not_the_best",
        "The learning rate that you report is not the best one of your own search. What was it chosen by?",
        when=lambda r: not _is_best(r),
    ),
    Wrong(
        "edge",
        "The best of your learning rates is the smallest or the largest that you tried. How do you know that the next "
        "one beyond would not be better still?",
        when=lambda r: any(same_rate(end, r["lr"]) for end in (min(r["rates"]), max(r["rates"]))),
    ),
    Wrong(
        "search_reported",
        "That cost is the one that won the search: of several noisy numbers the smallest. What did the held-out goals "
        "cost?",
        when=lambda r: not _is(r["cost"], _mean(r)) and _is(r["cost"], chosen_cost(r)),
    ),
    Wrong(
        "best_seed",
        "That is the cheapest of your seeds. With more seeds it would look better still, for any method.",
        when=lambda r: not _is(r["cost"], _mean(r)) and _is(r["cost"], min(r["costs"])),
    ),
    Wrong(
        "not_the_mean",
        "The cost that you report is not the mean of the costs of your seeds.",
        when=lambda r: not _is(r["cost"], _mean(r)),
    ),
    *interval_faults(lambda r: r["costs"], slack=0.5),
    Wrong(
        "adaptation_free",
        "In your number of goals adaptation costs nothing. Does a new goal not send a bill to the meta-learner, too?",
        when=lambda r: r["pays_back"] != pays_back(_mean(r)) and r["pays_back"] == _without_adaptation(_mean(r)),
    ),
    Wrong(
        "too_early",
        "At your number of goals the meta-learner has still spent more in total, or a part of a goal stands in it.",
        when=lambda r: r["pays_back"] < pays_back(_mean(r)),
    ),
    Wrong(
        "too_late",
        "One goal fewer, and the meta-learner has paid back already.",
        when=lambda r: r["pays_back"] > pays_back(_mean(r)),
    ),
    Wrong(
        "ends_not_swapped",
        "The first end of your last interval is the larger one. Does meta-training pay back early or late where "
        "learning from scratch is expensive?",
        when=lambda r: r["pays_back_interval"] == _ends(r)[::-1] != _ends(r),
    ),
    Wrong(
        "wrong_ends",
        "The last interval does not follow from the interval of the cost: put each of its ends in the place of n₁, and "
        "take whole numbers of goals.",
        when=lambda r: r["pays_back_interval"] != _ends(r),
    ),
    examine=_examine,
    notes=True,
    look=repeat,
    found=(
        Wrong(
            "poorly_tuned",
            "There is a learning rate with which your search goals cost less than two thirds of your best. How wide is "
            "the range that you searched?",
            when=lambda r, seen: seen["better rate"],
        ),
        Wrong(
            "counted_after",
            "The costs that were measured again came out one update lower. Do the episodes of the update at which the "
            "level is reached count, or those before it?",
            when=lambda r, seen: _one_update_more(seen),
        ),
        Wrong(
            "search_not_repeated",
            "`learn`, called again with the goals and the seed of your search and the rate that won, does not give the "
            "cost that stands in your report.",
            when=lambda r, seen: operator.ne(*seen["search"]),
        ),
        Wrong(
            "losers_not_repeated",
            "`learn`, called again with the goals and the seed of your search and with rates that lost it, does not "
            "give the costs that stand in your report.",
            when=lambda r, seen: any(told != found for told, found in seen["losers"]),
        ),
        Wrong(
            "seed_not_repeated",
            "`learn`, called again with a seed of yours on your goals, does not give the cost that stands in your "
            "report.",
            when=lambda r, seen: any(told != found for told, found in seen["seeds"]),
        ),
        Wrong(
            "chosen_goals",
            "Other held-out goals and seeds give another cost, by more than chance allows. Are yours a fair sample of "
            "the family?",
            when=unfair,
        ),
    ),
)
