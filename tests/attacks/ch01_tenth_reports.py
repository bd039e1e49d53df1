"""Reports and plans of chapter 01, from a tenth attack."""

import math

import numpy as np
import torch
from report_changes import bootstrapped, changed, fixed, one_error, one_sided, with_n, with_n_degrees
from scipy import stats

from metarl_core.check import ch01
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import episodes_to_level, learn, short_walks
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "01_why_learn_to_learn.py"
FAMILY = short_walks()


def _back(scratch, training=20_000, adapted=20):
    return math.ceil(training / (scratch - adapted))


def _billed(report, **fields):
    """The report with these fields, and all that follows from the costs."""
    report = {**report, **fields}
    found = t_interval(list(report["costs"]))
    return {
        **report,
        "cost": found.point,
        "interval": (found.low, found.high),
        "pays_back": _back(found.point),
        "pays_back_interval": (_back(found.high), _back(found.low)),
    }


def _with_ends(ends):
    def change(report):
        low, high = ends(report["costs"])
        return {**report, "interval": (low, high), "pays_back_interval": (_back(high), _back(low))}

    return change


def _measured(report, goals=None, lr=None, seeds=None, **fields):
    goals = report["goals"] if goals is None else goals
    seeds = report["seeds"] if seeds is None else seeds
    costs = [episodes_to_level(learn(goals, lr or report["lr"], seed)) for seed in seeds]
    return _billed(report, **{"goals": goals, "seeds": seeds, "costs": costs, **fields})


def _searched(report, rates=None, goals=None, seed=0):
    rates = report["rates"] if rates is None else rates
    goals = report["search_goals"] if goals is None else goals
    costs = [episodes_to_level(learn(goals, rate, seed)) for rate in rates]
    best = rates[costs.index(min(costs))]
    return {**report, "rates": rates, "search_goals": goals, "search_seed": seed, "search_costs": costs, "lr": best}


def _first(goals, n):
    return {"goal": goals["goal"][:n]}


def _over_goals(report):
    """An interval over goals: each goal's own first time at the level, for one seed."""
    curve = learn(report["goals"], report["lr"], report["seeds"][0])
    each = [episodes_to_level(row[None]) for row in curve]
    found = t_interval([one for one in each if one < math.inf])
    return {**report, "interval": (found.low, found.high), "pays_back_interval": (_back(found.high), _back(found.low))}


def _each_goal_alone(report):
    """The mean over goals of the episodes until each reaches the level."""
    costs = []
    for seed in report["seeds"]:
        curve = learn(report["goals"], report["lr"], seed)
        costs.append(float(np.mean([min(episodes_to_level(row[None]), 800.0) for row in curve])))
    return _billed(report, costs=costs)


def _one_after_the_other(report):
    return _measured(_searched(report, (0.05, 0.5, 0.02, 0.2, 0.1), seed=11), seeds=[31, 7, 12, 5, 90, 41])


def _by_numpy(report):
    costs = np.array(report["costs"])
    half = stats.t.ppf(0.975, len(costs) - 1) * costs.std(ddof=1) / np.sqrt(len(costs))
    return {
        **report,
        "rates": np.array(report["rates"]),
        "search_costs": np.array(report["search_costs"]),
        "seeds": np.array(report["seeds"]),
        "costs": costs,
        "cost": costs.mean(),
        "interval": np.array([costs.mean() - half, costs.mean() + half]),
        "pays_back_interval": list(report["pays_back_interval"]),
    }


def _more_of_all(report):
    train, test = FAMILY.sample_tasks(15, seeded(41), "train"), FAMILY.sample_tasks(12, seeded(42), "test")
    found = _searched(report, [0.01, 0.025, 0.06, 0.15, 0.4, 1.0], train, 3)
    return _measured(found, goals=test, seeds=tuple(range(20, 28)))


def _as_tensors(report):
    return {
        **report,
        "rates": torch.tensor(report["rates"], dtype=torch.float64),
        "search_costs": torch.tensor(report["search_costs"]),
        "costs": torch.tensor(report["costs"]),
        "cost": torch.tensor(report["cost"], dtype=torch.float64),
        "interval": [float(x) for x in report["interval"]],
        "lr": float(report["lr"]),
    }


BILLS = {
    "measured_on_training_goals": lambda r: _measured(r, goals=FAMILY.sample_tasks(10, seeded(200), "train")),
    "measured_on_the_goals_of_the_search": lambda r: _measured(r, goals=r["search_goals"]),
    "held_out_twins_of_the_search": lambda r: _measured(r, goals=FAMILY.sample_tasks(10, seeded(100), "test")),
    "searched_on_the_held_out_goals": lambda r: _measured(_searched(r, goals=r["goals"])),
    "searched_on_other_test_goals": lambda r: _measured(_searched(r, goals=FAMILY.sample_tasks(10, seeded(7), "test"))),
    "second_best_rate": lambda r: _measured({**r, "lr": 0.03}),
    "costs_of_another_rate": lambda r: _measured(r, lr=0.03),
    "eight_goals_in_the_search": lambda r: _measured(_searched(r, goals=_first(r["search_goals"], 8))),
    "nine_held_out_goals": lambda r: _measured(r, goals=_first(r["goals"], 9)),
    "updates_for_episodes": lambda r: _billed(r, costs=[c / 20 + 21 for c in r["costs"]]),
    "episodes_of_all_goals": lambda r: _billed(r, costs=[10 * c for c in r["costs"]]),
    "the_update_that_reaches_it_counted": lambda r: _billed(r, costs=[c + 20 for c in r["costs"]]),
    "one_cost_made_up": lambda r: _billed(r, costs=[*r["costs"][:4], 180.0 if r["costs"][4] != 180 else 200.0]),
    "two_costs_exchanged": lambda r: _billed(r, costs=sorted(r["costs"], reverse=True)),
    "costs_of_other_seeds": lambda r: {**_measured(r, seeds=(11, 12, 13, 14, 15)), "seeds": r["seeds"]},
    "costs_of_other_goals": lambda r: {
        **_measured(r, goals=FAMILY.sample_tasks(10, seeded(201), "test")),
        "goals": r["goals"],
    },
    "median_for_mean": lambda r: {**r, "cost": float(np.median(r["costs"]) + (np.ptp(r["costs"]) == 0))},
    "four_seeds": lambda r: _measured(r, seeds=(1, 2, 3, 4)),
    "a_seed_twice": lambda r: _measured(r, seeds=(1, 2, 3, 4, 4)),
    "over_goals": _over_goals,
    "each_goal_alone": _each_goal_alone,
    "rounded_down": lambda r: {
        **r,
        "pays_back": r["pays_back"] - 1,
        "pays_back_interval": tuple(n - 1 for n in r["pays_back_interval"]),
    },
    "adaptation_forgotten": lambda r: {
        **r,
        "pays_back": math.ceil(20_000 / r["cost"]),
        "pays_back_interval": tuple(math.ceil(20_000 / c) for c in r["interval"][::-1]),
    },
    "ends_of_the_number_exchanged": lambda r: {**r, "pays_back_interval": r["pays_back_interval"][::-1]},
    "ends_of_the_cost_exchanged": lambda r: {**r, "interval": r["interval"][::-1]},
    "the_search_on_the_bill": lambda r: {
        **r,
        "pays_back": _back(r["cost"], 60_000),
        "pays_back_interval": (_back(r["interval"][1], 60_000), _back(r["interval"][0], 60_000)),
    },
    "number_from_half_widths": lambda r: {
        **r,
        "pays_back_interval": (
            r["pays_back"] - round(r["interval"][1] - r["cost"]),
            r["pays_back"] + round(r["interval"][1] - r["cost"]),
        ),
    },
    "stale_number": lambda r: {**r, "pays_back": 30},
    "search_costs_of_another_seed": lambda r: {
        **r,
        "search_costs": _searched(r, seed=5)["search_costs"],
    },
    "one_rate_was_tried": lambda r: _measured(_searched(r, rates=(0.1,))),
    "two_rates_were_tried": lambda r: _measured(_searched(r, rates=(0.01, 0.1))),
    "best_rate_at_the_upper_end": lambda r: _measured(_searched(r, rates=(0.003, 0.01, 0.03, 0.06))),
    "best_rate_at_the_lower_end": lambda r: _measured(_searched(r, rates=(0.1, 0.3, 1.0))),
    "deviation_with_n": _with_ends(with_n),
    "n_degrees_of_freedom": _with_ends(with_n_degrees),
    "one_sided": _with_ends(one_sided),
    "one_standard_error": _with_ends(one_error),
    "bootstrapped": _with_ends(bootstrapped),
}
GOOD_BILLS = {
    "rates_in_another_order": _one_after_the_other,
    "by_numpy": _by_numpy,
    "more_of_all": _more_of_all,
    "as_tensors": _as_tensors,
    "an_integer_cost_of_each": lambda r: {**r, "costs": [int(c) for c in r["costs"]], "seeds": [*r["seeds"]]},
}

PLAN = {
    "seeds": 5,
    "tasks": "held-out",
    "same_tasks_for_both": True,
    "step_sizes_chosen_on": "training tasks",
    "step_sizes_chosen_for": "the budget of the comparison",
    "measured_on": "fresh episodes",
    "steps_counted": "adaptation, training and search",
    "reported": "interquartile mean with interval",
    "interval_resamples": "whole seeds",
}
FAULTS = {
    "three_seeds": {"seeds": 3},
    "four_seeds": {"seeds": 4},
    "no_seed": {"seeds": 0},
    "negative_seeds": {"seeds": -5},
    "seeds_as_words": {"seeds": "ten"},
    "a_list_of_seeds": {"seeds": [0, 1, 2, 3, 4]},
    "half_a_seed_more": {"seeds": 5.5},
    "seeds_true": {"seeds": True},
    "training_tasks": {"tasks": "training"},
    "held_out_misspelt": {"tasks": "held out"},
    "other_tasks_for_each": {"same_tasks_for_both": False},
    "same_tasks_as_a_word": {"same_tasks_for_both": "True"},
    "chosen_on_held_out": {"step_sizes_chosen_on": "held-out tasks"},
    "chosen_for_a_larger_budget": {"step_sizes_chosen_for": "a larger budget"},
    "chosen_from_papers": {"step_sizes_chosen_for": "each method's own paper"},
    "measured_on_support": {"measured_on": "episodes that adaptation learned from"},
    "training_is_free": {"steps_counted": "adaptation"},
    "search_is_free": {"steps_counted": "adaptation and training"},
    "best_seed": {"reported": "best seed"},
    "no_interval": {"reported": "mean over seeds"},
    "tasks_resampled": {"interval_resamples": "tasks"},
    "two_fields_exchanged": {"tasks": "training tasks", "step_sizes_chosen_on": "held-out"},
    "three_faults": {"seeds": 1, "tasks": "training", "steps_counted": "adaptation"},
}

GOOD_PLANS = {
    "six_seeds": {"seeds": 6},
    "twenty_seeds_by_numpy": {"seeds": np.int64(20)},
    "same_tasks_by_numpy": {"same_tasks_for_both": np.True_},
    "hundred_seeds": {"seeds": 100},
}

NOT_ASKED = {
    "never_reached_as_800": lambda r: {**r, "search_costs": [min(c, 800.0) for c in r["search_costs"]]},
    "search_costs_of_two_rates_exchanged": lambda r: {
        **r,
        "search_costs": [*r["search_costs"][:2][::-1], *r["search_costs"][2:]],
    },
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch01.check_bill, BILLS) + fixed(ch01.check_comparison, PLAN, FAULTS)
RIGHT = (
    changed(SOLUTION, ch01.check_bill, GOOD_BILLS)
    + fixed(ch01.check_comparison, PLAN, GOOD_PLANS)
    + fixed(ch01.check_comparison, dict(reversed(PLAN.items())), {"from_below": {}})
)
DOUBTFUL = changed(SOLUTION, ch01.check_bill, NOT_ASKED)
