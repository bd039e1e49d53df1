"""Reports on goals that are new, chapter 10, from an eleventh attack."""

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed

from attacks.ch10_tenth_reports import (
    LEFT,
    SOLUTION,
    SPLITS,
    _anew,
    _at,
    _concluded,
    _drawn,
    _each,
    _lead,
    _others,
    _run,
    _said,
    _verdict,
)
from metarl_core.check import ch10
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes import goal_cells
from metarl_core.recipes.goal_cells import earned, meta_train

NEW = tuple(f"{split}, new" for split in SPLITS)


def _exchanged(*places):
    def change(report):
        for place in places:
            both = report["rewards"][place]
            report = _at(report, place, trained=both["fresh"], fresh=both["trained"])
        return report

    return change


def _by(report, values):
    """Intervals and what follows from another number of each seed."""
    for split in SPLITS:
        found = t_interval(values(report, split))
        report = {**report, f"low_{split}": found.low, f"high_{split}": found.high}
        report[f"conclusion_{split}"] = _said(found.low, found.high)
    return _verdict(report)


def _rewards(report, split, age):
    both = report["rewards"][f"{split}, {age}"]
    return both["trained"], both["fresh"]


def _old_less_new(report, split):
    return _lead(report, f"{split}, old") - _lead(report, f"{split}, new")


def _trained_at_old_less_fresh_at_new(report, split):
    return (_rewards(report, split, "old")[0] - _rewards(report, split, "new")[1]).mean(1)


def _relative(report, split):
    return _lead(report, f"{split}, new") / _rewards(report, split, "new")[1].mean(1)


def _trained_new_less_old(report, split):
    return (_rewards(report, split, "new")[0] - _rewards(report, split, "old")[0]).mean(1)


def _over_goals_means(report, split):
    trained, fresh = _rewards(report, split, "new")
    return (trained - fresh).mean(0)


def _with(report, **settings):
    """Played with other settings of a run."""
    kept = {name: getattr(goal_cells, name) for name in settings}
    for name, value in settings.items():
        setattr(goal_cells, name, value)
    try:
        return _run(report)
    finally:
        for name, value in kept.items():
            setattr(goal_cells, name, value)


def _fresh_of_old(report):
    return _concluded(
        report,
        rewards={
            place: {"trained": both["trained"], "fresh": report["rewards"][place.replace("new", "old")]["fresh"]}
            for place, both in report["rewards"].items()
        },
    )


def _fresh_of_one_seed(report):
    return _concluded(
        report,
        rewards={
            place: {"trained": both["trained"], "fresh": both["fresh"][:1].expand_as(both["fresh"]).clone()}
            for place, both in report["rewards"].items()
        },
    )


def _fresh_a_little_trained(iterations):
    """The fresh start is what the first iterations of the meta-training leave."""

    def change(report):
        rewards = dict(report["rewards"])
        for split in SPLITS:
            goals = sorted(int(goal) for goal in report[f"goals_{split}"])
            start = meta_train(report["seeds"], goals, iterations)
            for age, cells in (("old", goals), ("new", _others(goals))):
                place = f"{split}, {age}"
                rewards[place] = {**rewards[place], "fresh": earned(start, cells, seeded(10))}
        return _concluded(report, rewards=rewards)

    return change


def _made_up(report):
    """The lead of a half, as one expects it: every seed moved by as much."""
    both = report["rewards"]["sides, new"]
    return _at(report, "sides, new", trained=both["trained"] - 0.06)


def _a_little_each(report):
    """Trained a little more and fresh a little less than earned: each alone might be luck."""
    both = report["rewards"]["scattered, new"]
    return _at(report, "scattered, new", trained=both["trained"] + 0.03, fresh=both["fresh"] - 0.02)


def _equal_halves(report):
    """The same table of rewards for both trainings at new goals, sides' own at the old ones."""
    return _at(report, "sides, new", **report["rewards"]["scattered, new"])


def _best_seeds(report):
    """An interval over the six best seeds of eight."""
    return _by(report, lambda r, split: _lead(r, f"{split}, new").sort().values[2:])


def _checkerboard():
    return [cell for cell in range(36) if (cell // 6 + cell % 6) % 2 == 0]


def _conclusions(report, scattered, sides, verdict):
    return {**report, "conclusion_scattered": scattered, "conclusion_sides": sides, "verdict": verdict}


REPORTS = {
    "scattered_new_exchanged": _exchanged("scattered, new"),
    "scattered_old_exchanged": _exchanged("scattered, old"),
    "sides_old_exchanged": _exchanged("sides, old"),
    "both_new_exchanged": _exchanged(*NEW),
    "all_exchanged": _exchanged(*NEW, "scattered, old", "sides, old"),
    "fresh_is_what_was_trained": lambda r: _run(r, {"fresh": lambda starts: starts}, verdict=ch10.NOT_DECIDED),
    "fresh_of_the_old_goals": _fresh_of_old,
    "fresh_a_little_trained": _fresh_a_little_trained(3),
    "fresh_half_trained": _fresh_a_little_trained(15),
    "two_hundred_steps": lambda r: _with(r, STEPS=200),
    "fifty_steps": lambda r: _with(r, STEPS=50),
    "more_luck_in_moves": lambda r: _with(r, EPSILON=0.5),
    "distances_for_rewards": lambda r: _each(r, lambda x: -x),
    "moves_left": lambda r: _each(r, lambda x: 10 * x),
    "shares_of_the_reward_of_a_way": lambda r: _each(r, lambda x: 1 + x),
    "first_goal_missing": lambda r: _each(r, lambda x: x[:, 1:]),
    "sides_are_a_checkerboard": lambda r: _anew(r, r["seeds"], r["goals_scattered"], _checkerboard()),
    "sides_are_two_rims": lambda r: _anew(
        r, r["seeds"], r["goals_scattered"], [c for c in range(36) if c // 6 in (0, 1, 5)]
    ),
    "sides_with_two_on_the_other": lambda r: _anew(
        r, r["seeds"], r["goals_scattered"], [*sorted(LEFT)[2:], sorted(_others(LEFT))[0], sorted(_others(LEFT))[5]]
    ),
    "scattered_are_a_side_but_one": lambda r: _anew(r, r["seeds"], sorted([*LEFT[1:], 5]), LEFT),
    "scattered_are_rows": lambda r: _anew(r, r["seeds"], list(range(18, 36)), LEFT),
    "cells_from_one": lambda r: {**r, "goals_scattered": [goal + 1 for goal in r["goals_scattered"]]},
    "trained_on_half_of_the_old": lambda r: _run(r, starts_sides=meta_train(r["seeds"], r["goals_sides"][:9])),
    "trained_on_a_new_one_too": lambda r: _run(
        r, starts_scattered=meta_train(r["seeds"], [*r["goals_scattered"], *_others(r["goals_scattered"])[:6]])
    ),
    "trained_a_seed_later": lambda r: _run(r, starts_sides=meta_train([s + 1 for s in r["seeds"]], r["goals_sides"])),
    "trained_turned_round": lambda r: _run(r, starts_sides=r["starts_sides"].flip(0)),
    "one_training_for_both": lambda r: _run(r, starts_scattered=r["starts_sides"]),
    "untrained": lambda r: _run(r, starts_scattered=0 * r["starts_scattered"]),
    "seeds_thirty_and_one": lambda r: {**r, "seeds": [s + 1 for s in r["seeds"]]},
    "old_less_new": lambda r: _by(r, _old_less_new),
    "trained_at_old_less_fresh_at_new": lambda r: _by(r, _trained_at_old_less_fresh_at_new),
    "trained_at_new_less_at_old": lambda r: _by(r, _trained_new_less_old),
    "relative_lead": lambda r: _by(r, _relative),
    "over_the_means_of_goals": lambda r: _by(r, _over_goals_means),
    "best_seeds": _best_seeds,
    "a_lead_made_up": _made_up,
    "a_little_each": _a_little_each,
    "places_of_one_training": _equal_halves,
    "goals_means_alone": lambda r: _each(r, lambda x: x.mean(0, keepdim=True).expand_as(x).clone()),
    "scattered_hurts": lambda r: _conclusions(r, ch10.HURTS, r["conclusion_sides"], ch10.NEVER_A_GOAL),
    "sides_not_told": lambda r: _conclusions(r, r["conclusion_scattered"], ch10.NOT_TOLD_APART, ch10.NOT_DECIDED),
    "both_help": lambda r: _conclusions(r, ch10.HELPS, ch10.HELPS, ch10.NOT_DECIDED),
    "turned_conclusions": lambda r: _conclusions(r, ch10.HURTS, ch10.HELPS, r["verdict"]),
    **{name: lambda r, ends=ends: _concluded(r, ends) for name, ends in FURTHER_ENDS.items()},
}
UPPER = list(range(18))


def _in_turn(luck):
    """The seeds one after the other, each with a generator of the same seed: the fresh tables of all earn the same."""

    def change(report):
        found = {}
        for split in SPLITS:
            goals = sorted(int(goal) for goal in report[f"goals_{split}"])
            for age, cells in (("old", goals), ("new", _others(goals))):
                starts = {"trained": report[f"starts_{split}"], "fresh": 0 * report[f"starts_{split}"]}
                found[f"{split}, {age}"] = {
                    kind: torch.cat([earned(start[[s]], cells, seeded(luck)) for s in range(len(start))])
                    for kind, start in starts.items()
                }
        return _concluded(report, rewards=found)

    return change


GOOD = {
    **{f"in_turn_{luck}": _in_turn(luck) for luck in (10, 11, 12, 13, 14, 15)},
    "twelve_seeds": lambda r: _anew(r, list(range(12)), _drawn(21), UPPER),
    "five_far_seeds": lambda r: _anew(r, (1_000_000, 77, 3, 12_345, 9), _drawn(22), _others(UPPER), {"luck": (1, 90)}),
    "right_side_and_other_draws": lambda r: _anew(r, [6, 5, 4, 3, 2, 1], _drawn(23), _others(LEFT)),
    "more_draws": lambda r: _anew(r, [61, 62, 63, 64, 65, 66, 67], _drawn(24), LEFT, {"fresh_luck": (7, 8)}),
    "rounded_and_of_other_kinds": lambda r: {
        **r,
        "seeds": np.array(r["seeds"]),
        "goals_scattered": torch.tensor(r["goals_scattered"]),
        "goals_sides": tuple(r["goals_sides"]),
        "starts_scattered": r["starts_scattered"].double().numpy(),
        **{name: round(r[name], 4) for name in ("low_scattered", "high_scattered", "low_sides", "high_sides")},
        "rewards": {p: {k: v.double() for k, v in both.items()} for p, both in reversed(r["rewards"].items())},
    },
}
NOT_ASKED = {
    "fresh_is_optimistic": lambda r: _run(r, {"fresh": lambda starts: torch.full_like(starts, 3.0)}),
    "scattered_are_a_checkerboard": lambda r: _anew(r, r["seeds"], _checkerboard(), LEFT),
    "fresh_of_one_seed": _fresh_of_one_seed,
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch10.check_transfer, REPORTS)
RIGHT = changed(SOLUTION, ch10.check_transfer, GOOD)
DOUBTFUL = changed(SOLUTION, ch10.check_transfer, NOT_ASKED)
