"""Reports on goals that are new, chapter 10, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, row_copied

from metarl_core.check import ch10
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.goal_cells import earned, meta_train
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "10_meta_learning_a_dqn.py"
SPLITS = ("scattered", "sides")
PLACES = tuple(f"{split}, {age}" for split in SPLITS for age in ("old", "new"))


def _others(goals):
    return [cell for cell in range(36) if cell not in [int(goal) for goal in goals]]


def _lead(report, place):
    one, two = (torch.as_tensor(np.asarray(report["rewards"][place][kind])).double() for kind in ("trained", "fresh"))
    return (one - two).mean(1)


def _said(low, high):
    return ch10.HELPS if low > 0 else ch10.HURTS if high < 0 else ch10.NOT_TOLD_APART


def _verdict(report):
    both = tuple(report[f"conclusion_{split}"] for split in SPLITS)
    known = {(ch10.HELPS, ch10.HURTS): ch10.WHERE_GOALS_LAY, (ch10.HURTS, ch10.HURTS): ch10.NEVER_A_GOAL}
    return {**report, "verdict": known.get(both, ch10.NOT_DECIDED)}


def _concluded(report, ends=None, age="new", **fields):
    report = {**report, **fields}
    for split in SPLITS:
        lead = _lead(report, f"{split}, {age}")
        found = t_interval(lead)
        low, high = ends(lead.numpy()) if ends else (found.low, found.high)
        report = {**report, f"low_{split}": low, f"high_{split}": high, f"conclusion_{split}": _said(low, high)}
    return _verdict(report)


def _rewards(report, luck=(10, 11), fresh=None, fresh_luck=None, new=_others):
    found = {}
    for number, split in enumerate(SPLITS):
        starts, goals = report[f"starts_{split}"], sorted(int(goal) for goal in report[f"goals_{split}"])
        beside = torch.zeros_like(starts) if fresh is None else fresh(starts)
        for age, cells in (("old", goals), ("new", new(goals))):
            found[f"{split}, {age}"] = {
                "trained": earned(starts, cells, seeded(luck[number])),
                "fresh": earned(beside, cells, seeded((fresh_luck or luck)[number])),
            }
    return found


def _run(report, rewards=None, **fields):
    report = {**report, **fields}
    return _concluded({**report, "rewards": _rewards(report, **(rewards or {}))})


def _at(report, place, **kinds):
    return _concluded(report, rewards={**report["rewards"], place: {**report["rewards"][place], **kinds}})


def _places(report, one, two):
    rewards = dict(report["rewards"])
    rewards[one], rewards[two] = rewards[two], rewards[one]
    return _concluded(report, rewards=rewards)


def _over_goals(report):
    for split in SPLITS:
        both = report["rewards"][f"{split}, new"]
        found = t_interval((both["trained"] - both["fresh"]).flatten())
        report = {**report, f"low_{split}": found.low, f"high_{split}": found.high}
        report[f"conclusion_{split}"] = _said(found.low, found.high)
    return report


def _each(report, change):
    """The report with another number in each of its eight tables of rewards."""
    return _concluded(
        report,
        rewards={
            place: {kind: change(values) for kind, values in both.items()} for place, both in report["rewards"].items()
        },
    )


def _anew(report, seeds, scattered, sides, rewards=None):
    starts = {
        f"starts_{split}": meta_train(seeds, goals) for split, goals in zip(SPLITS, (scattered, sides), strict=True)
    }
    return _run(report, rewards, seeds=seeds, goals_scattered=scattered, goals_sides=sides, **starts)


def _drawn(seed):
    return sorted(torch.randperm(36, generator=seeded(seed))[:18].tolist())


def _seed_by_seed(report):
    seeds, scattered, sides = (
        [44, 3, 27, 90, 12, 5],
        torch.randperm(36, generator=seeded(77))[:18].tolist(),
        list(range(18)),
    )
    starts = {
        f"starts_{split}": torch.cat([meta_train([seed], goals) for seed in seeds])
        for split, goals in zip(SPLITS, (sorted(scattered), sides), strict=True)
    }
    return _run(report, {"luck": (3, 4)}, seeds=seeds, goals_scattered=sorted(scattered), goals_sides=sides, **starts)


LEFT = [cell for cell in range(36) if cell % 6 < 3]
REPORTS = {
    "old_and_new_exchanged": lambda r: _places(r, "sides, old", "sides, new"),
    "scattered_old_and_new_exchanged": lambda r: _places(r, "scattered, old", "scattered, new"),
    "trainings_exchanged": lambda r: _places(r, "scattered, new", "sides, new"),
    "starts_exchanged": lambda r: {**r, "starts_scattered": r["starts_sides"], "starts_sides": r["starts_scattered"]},
    "goals_exchanged": lambda r: {**r, "goals_scattered": r["goals_sides"], "goals_sides": r["goals_scattered"]},
    "trained_and_fresh_exchanged": lambda r: _at(
        r, "sides, new", trained=r["rewards"]["sides, new"]["fresh"], fresh=r["rewards"]["sides, new"]["trained"]
    ),
    "scattered_twice": lambda r: _anew(r, r["seeds"], r["goals_scattered"], r["goals_scattered"]),
    "sides_are_scattered": lambda r: _anew(r, r["seeds"], r["goals_scattered"], _drawn(8)),
    "scattered_are_a_side": lambda r: _anew(r, r["seeds"], LEFT, LEFT),
    "scattered_are_the_other_side": lambda r: _anew(r, r["seeds"], _others(LEFT), LEFT),
    "seventeen_goals": lambda r: _anew(r, r["seeds"], r["goals_scattered"][:17], r["goals_sides"]),
    "a_goal_twice": lambda r: {**r, "goals_sides": [*r["goals_sides"][:17], r["goals_sides"][0]]},
    "trained_on_the_new_goals": lambda r: _run(r, starts_sides=meta_train(r["seeds"], _others(r["goals_sides"]))),
    "trained_on_all_goals": lambda r: _run(r, starts_sides=meta_train(r["seeds"], list(range(36)))),
    "trained_for_less": lambda r: _run(r, starts_scattered=meta_train(r["seeds"], r["goals_scattered"], 6)),
    "trained_for_longer": lambda r: _run(r, starts_scattered=meta_train(r["seeds"], r["goals_scattered"], 90)),
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(20, 28))},
    "seeds_turned_round": lambda r: {**r, "seeds": r["seeds"][::-1]},
    "a_start_copied": lambda r: _run(r, starts_sides=row_copied(r["starts_sides"], 2, 5)),
    "starts_of_one_seed": lambda r: _run(r, starts_scattered=r["starts_scattered"][:1].expand(8, -1, -1).clone()),
    "four_seeds": lambda r: _anew(r, [0, 1, 2, 3], r["goals_scattered"], r["goals_sides"]),
    "thirteen_seeds": lambda r: _anew(r, list(range(13)), r["goals_scattered"], r["goals_sides"]),
    "fresh_is_a_flat_table": lambda r: _run(
        r, {"fresh": lambda starts: starts.mean((1, 2), keepdim=True).expand_as(starts)}
    ),
    "fresh_is_pessimistic": lambda r: _run(r, {"fresh": lambda starts: torch.full_like(starts, -5.0)}),
    "fresh_is_random": lambda r: _run(r, {"fresh": lambda starts: torch.randn(starts.shape, generator=seeded(2))}),
    "all_goals_as_new": lambda r: _run(r, {"new": lambda goals: list(range(36))}),
    "sums_of_rewards": lambda r: _each(r, lambda x: 100 * x),
    "lengths_for_rewards": lambda r: _each(r, lambda x: 10 * x),
    "interval_at_old_goals": lambda r: _concluded(r, age="old"),
    "over_goals": _over_goals,
    "fresh_less_trained": lambda r: {
        **r,
        "low_sides": -r["high_sides"],
        "high_sides": -r["low_sides"],
        "conclusion_sides": _said(-r["high_sides"], -r["low_sides"]),
    },
    "ends_exchanged": lambda r: {**r, "low_sides": r["high_sides"], "high_sides": r["low_sides"]},
    "intervals_exchanged": lambda r: {
        **r,
        "low_sides": r["low_scattered"],
        "high_sides": r["high_scattered"],
        "low_scattered": r["low_sides"],
        "high_scattered": r["high_sides"],
    },
    "sides_helps": lambda r: _verdict({**r, "conclusion_sides": ch10.HELPS}),
    "scattered_is_not_told": lambda r: _verdict({**r, "conclusion_scattered": ch10.NOT_TOLD_APART}),
    "never_a_goal": lambda r: {**r, "verdict": ch10.NEVER_A_GOAL},
    "not_decided": lambda r: {**r, "verdict": ch10.NOT_DECIDED},
    **{name: lambda r, ends=ends: _concluded(r, ends) for name, ends in WRONG_ENDS.items()},
}
GOOD = {
    "seed_by_seed": _seed_by_seed,
    "right_half": lambda r: _anew(r, tuple(range(50, 60)), _drawn(13), _others(LEFT)),
    "other_luck_for_fresh": lambda r: _run(r, {"fresh_luck": (80, 81)}),
    "one_luck_for_all": lambda r: _run(r, {"luck": (5, 5)}),
    "arrays": lambda r: {
        **r,
        "starts_sides": r["starts_sides"].numpy(),
        "goals_sides": np.array(r["goals_sides"]),
        "rewards": {p: {k: v.tolist() for k, v in both.items()} for p, both in r["rewards"].items()},
    },
    "goals_in_the_order_of_the_draw": lambda r: _anew(
        r, [2, 4, 6, 8, 10], torch.randperm(36, generator=seeded(31))[:18].tolist(), list(range(18, 36))
    ),
}

NOT_ASKED = {
    "new_goals_falling": lambda r: _run(r, {"new": lambda goals: _others(goals)[::-1]}),
    "columns_rolled": lambda r: _at(r, "sides, new", trained=r["rewards"]["sides, new"]["trained"].roll(1, 1)),
    "columns_of_old_rolled": lambda r: _at(r, "sides, old", fresh=r["rewards"]["sides, old"]["fresh"].roll(5, 1)),
    "means_over_goals_everywhere": lambda r: _each(r, lambda x: x.mean(1, keepdim=True).expand_as(x).clone()),
    "rows_rolled": lambda r: _at(r, "scattered, new", trained=r["rewards"]["scattered, new"]["trained"].roll(1, 0)),
    "old_rows_rolled": lambda r: _at(r, "scattered, old", trained=r["rewards"]["scattered, old"]["trained"].roll(1, 0)),
    "a_row_replaced": lambda r: _at(
        r, "scattered, new", trained=row_copied(r["rewards"]["scattered, new"]["trained"], 0, 3)
    ),
    "rounded_to_a_tenth": lambda r: _each(r, lambda x: (10 * x).round() / 10),
    "better_of_two_runs": lambda r: _at(
        r,
        "scattered, new",
        trained=torch.maximum(
            r["rewards"]["scattered, new"]["trained"],
            earned(r["starts_scattered"], _others(r["goals_scattered"]), seeded(60)),
        ),
    ),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch10.check_transfer, REPORTS)
RIGHT = changed(SOLUTION, ch10.check_transfer, GOOD)
DOUBTFUL = changed(SOLUTION, ch10.check_transfer, NOT_ASKED)
