"""Reports on a planner that is broken and repaired, chapter 12, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, with_ends

from metarl_core.check import ch12
from metarl_core.evaluation import t_interval
from metarl_core.recipes.swing_up import Planner, swing_up
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "12_models_and_planning.py"
NAMES = ("repaired", "short", "thin", "cold", "dear")


def _lead(report):
    one, two = (torch.as_tensor(np.asarray(report["rewards"][name])).double() for name in ("repaired", "dear"))
    return one - two


def _concluded(report, **fields):
    report = {**report, **fields}
    found = t_interval(_lead(report))
    verdict = ch12.WARM_WINS if found.low > 0 else ch12.DEAR_WINS if found.high < 0 else ch12.NOT_TOLD_APART
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict}


def _run(report, seeds=None, **planners):
    """The report with other planners, given as horizon, candidates and warm start; what has changed is played."""
    made = {name: Planner(horizon=h, candidates=c, warm_start=w) for name, (h, c, w) in planners.items()}
    again = NAMES if seeds is not None else tuple(made)
    seeds = list(report["seeds"]) if seeds is None else seeds
    report = {**report, **made, "seeds": seeds}
    played = {name: swing_up(report[name], seeds) for name in again}
    return _concluded(report, rewards={**report["rewards"], **played})


def _family(report, horizon, candidates, short, thin, dear, seeds=None):
    """All five planners anew, around one."""
    return _run(
        report,
        list(report["seeds"]) if seeds is None else seeds,
        repaired=(horizon, candidates, True),
        short=(short, candidates, True),
        thin=(horizon, thin, True),
        cold=(horizon, candidates, False),
        dear=(horizon, dear, False),
    )


def _rewarded(report, **rewards):
    return _concluded(report, rewards={**report["rewards"], **rewards})


_with_ends = with_ends(_lead)


def _of_repaired(report):
    found = t_interval(report["rewards"]["repaired"])
    return {**report, "low": found.low, "high": found.high}


def _chosen_seeds(report):
    """The five seeds of thirty on which the repaired planner earns most beside the dear one."""
    lead = swing_up(report["repaired"], list(range(30))) - swing_up(report["dear"], list(range(30)))
    return _run(report, lead.argsort(descending=True)[:5].tolist())


def _unpaired_sorted(report):
    return _rewarded(report, **{name: report["rewards"][name].sort().values for name in ("repaired", "dear")})


REPORTS = {
    "imagined_steps_of_601_and_more": lambda r: _family(r, 12, 26, 2, 2, 260),
    "repaired_is_cold": lambda r: _run(r, repaired=(12, 25, False)),
    "repaired_looks_too_short": lambda r: _family(r, 4, 60, 2, 2, 500),
    "short_with_equal_computing": lambda r: _run(r, short=(2, 120, True)),
    "short_without_warm_start": lambda r: _run(r, short=(2, 20, False)),
    "thin_with_equal_computing": lambda r: _run(r, thin=(30, 2, True)),
    "thin_has_more": lambda r: _run(r, thin=(12, 40, True)),
    "thin_by_a_little": lambda r: _run(r, thin=(12, 15, True)),
    "short_by_a_little": lambda r: _run(r, short=(10, 20, True)),
    "cold_with_more": lambda r: _run(r, cold=(12, 40, False)),
    "cold_is_warm": lambda r: _run(r, cold=(12, 20, True)),
    "dear_is_cold": lambda r: _run(r, dear=(12, 20, False)),
    "dear_nine_times": lambda r: _run(r, dear=(12, 190, False)),
    "dear_by_its_horizon": lambda r: _run(r, dear=(30, 100, False)),
    "dear_beyond_the_most": lambda r: _run(r, dear=(12, 600, False)),
    "dear_at_the_short_horizon": lambda r: _run(r, dear=(2, 500, False)),
    "four_seeds": lambda r: _run(r, [0, 1, 2, 3]),
    "a_seed_twice": lambda r: _run(r, [0, 1, 2, 3, 3]),
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(20, 30))},
    "seeds_turned_round": lambda r: {**r, "seeds": list(r["seeds"])[::-1]},
    "thin_and_short_planners_exchanged": lambda r: {**r, "thin": r["short"], "short": r["thin"]},
    "other_seeds_for_cold": lambda r: _rewarded(r, cold=swing_up(r["cold"], list(range(40, 50)))),
    "other_seeds_for_thin": lambda r: _rewarded(r, thin=swing_up(r["thin"], list(range(40, 50)))),
    "other_seeds_for_short": lambda r: _rewarded(r, short=swing_up(r["short"], list(range(40, 50)))),
    "rows_sorted": _unpaired_sorted,
    "sums_of_rewards": lambda r: _rewarded(r, **{name: 40 * r["rewards"][name] for name in NAMES}),
    "from_minus_one_to_one": lambda r: _rewarded(r, **{name: 2 * r["rewards"][name] - 1 for name in NAMES}),
    "cold_a_little_lower": lambda r: _rewarded(r, cold=r["rewards"]["cold"] - 0.02),
    "dear_on_its_best_seed": lambda r: _rewarded(r, dear=r["rewards"]["dear"].max().expand(10).clone()),
    "one_seed_of_dear_made_up": lambda r: _rewarded(
        r, dear=torch.where(torch.arange(10) == 4, r["rewards"]["dear"] + 0.1, r["rewards"]["dear"])
    ),
    "one_seed_of_thin_made_up": lambda r: _rewarded(
        r, thin=torch.where(torch.arange(10) == 6, r["rewards"]["thin"] + 0.1, r["rewards"]["thin"])
    ),
    "a_mean_for_all_seeds": lambda r: _rewarded(r, repaired=r["rewards"]["repaired"].mean().expand(10).clone()),
    "rounded_to_tenths": lambda r: _rewarded(r, **{n: (10 * r["rewards"][n]).round() / 10 for n in NAMES}),
    "a_seed_left_out": lambda r: {**r, "rewards": {n: r["rewards"][n][1:] for n in NAMES}},
    "of_repaired": _of_repaired,
    "dear_less_repaired": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "dear_wins": lambda r: {**r, "conclusion": ch12.DEAR_WINS},
    "not_told_apart": lambda r: {**r, "conclusion": ch12.NOT_TOLD_APART},
    "stale_interval": lambda r: {**_run(r, dear=(12, 500, False)), "low": r["low"], "high": r["high"]},
    "stale_rewards": lambda r: {**r, "dear": Planner(horizon=12, candidates=500, warm_start=False)},
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}
GOOD = {
    "around_another_planner": lambda r: _family(r, 15, 20, 1, 2, 200, [51, 8, 33, 70, 12, 29]),
    "longer_horizon_breaks": lambda r: _run(r, [3, 1, 4, 15, 92, 65], thin=(12, 2, True), dear=(12, 200, False)),
    "arrays": lambda r: {
        **r,
        "seeds": tuple(r["seeds"]),
        "rewards": {n: v.numpy() for n, v in r["rewards"].items()},
        "low": np.float64(r["low"]),
        "high": torch.tensor(r["high"], dtype=torch.float64),
    },
    "lists_in_another_order": lambda r: {
        **dict(reversed(list(r.items()))),
        "rewards": {n: r["rewards"][n].tolist() for n in reversed(NAMES)},
    },
    "dearest": lambda r: _run(r, dear=(12, 500, False)),
}

WRONG = changed(SOLUTION, ch12.check_planner, REPORTS)
RIGHT = changed(SOLUTION, ch12.check_planner, GOOD)
