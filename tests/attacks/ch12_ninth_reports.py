"""Reports on a planner that is broken and repaired, chapter 12, from a ninth attack."""

import dataclasses

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch12
from metarl_core.evaluation import t_interval
from metarl_core.recipes.swing_up import Planner, swing_up
from tools.course import ROOT

from . import named

SOLUTION = ROOT / "solutions" / "12_models_and_planning.py"
NAMES = ("repaired", "short", "thin", "cold", "dear")


def _planner(change):
    return Late(SOLUTION, "check_planner", change)


def _concluded(report, conclusion=None, **fields):
    report = {**report, **fields}
    one, two = (torch.as_tensor(np.asarray(report["rewards"][n])).double() for n in ("repaired", "dear"))
    found = t_interval(one - two)
    verdict = ch12.WARM_WINS if found.low > 0 else ch12.DEAR_WINS if found.high < 0 else ch12.NOT_TOLD_APART
    return {**report, "low": found.low, "high": found.high, "conclusion": conclusion or verdict}


def _run(report, seeds=None, **planners):
    seeds = list(report["seeds"]) if seeds is None else seeds
    chosen = {name: planners.get(name, report[name]) for name in NAMES}
    return _concluded(
        {**report, **chosen, "seeds": seeds, "rewards": {n: swing_up(p, seeds) for n, p in chosen.items()}}
    )


def _rewarded(report, **rewards):
    return _concluded(report, rewards={**report["rewards"], **rewards})


def _seeds_moved(report):
    return _rewarded(report, dear=report["rewards"]["dear"].roll(1))


def _repaired_seeds_moved(report):
    return _rewarded(report, repaired=report["rewards"]["repaired"].flip(0))


def _dear_and_cold_exchanged(report):
    return _rewarded(report, dear=report["rewards"]["cold"], cold=report["rewards"]["dear"])


def _short_and_thin_exchanged(report):
    return _rewarded(report, short=report["rewards"]["thin"], thin=report["rewards"]["short"])


def _a_bad_seed_better(report):
    x = report["rewards"]["repaired"].clone()
    x[x.argmin()] = x.mean()
    return _rewarded(report, repaired=x)


def _rounded_rewards(report):
    return _rewarded(report, **{n: (x * 20).round() / 20 for n, x in report["rewards"].items()})


def _made_up(report):
    luck = torch.randn(len(report["seeds"]), generator=torch.Generator().manual_seed(0)).double()
    return _rewarded(report, thin=0.12 + 0.02 * luck)


def _mean_for_all(report):
    x = report["rewards"]["dear"]
    return _rewarded(report, dear=x.mean().expand(len(x)).clone())


def _other_seeds_for_the_dear(report):
    return _rewarded(report, dear=swing_up(report["dear"], [int(s) + 50 for s in report["seeds"]]))


def _normal_interval(report):
    x = (report["rewards"]["repaired"] - report["rewards"]["dear"]).double()
    half = 1.96 * float(x.std()) / len(x) ** 0.5
    return {**report, "low": float(x.mean()) - half, "high": float(x.mean()) + half}


def _unpaired(report):
    one, two = (t_interval(report["rewards"][n]) for n in ("repaired", "dear"))
    return {**report, "low": one.low - two.high, "high": one.high - two.low}


def _of_dear_less_repaired(report):
    return {**report, "low": -report["high"], "high": -report["low"]}


def _of_cold(report):
    found = t_interval(report["rewards"]["repaired"] - report["rewards"]["cold"])
    return {**report, "low": found.low, "high": found.high}


def _deviation(report):
    x = (report["rewards"]["repaired"] - report["rewards"]["dear"]).double()
    return {**report, "low": float(x.mean() - x.std()), "high": float(x.mean() + x.std())}


def _not_told(report):
    return {**report, "conclusion": ch12.NOT_TOLD_APART}


def _dear_wins(report):
    return {**report, "conclusion": ch12.DEAR_WINS}


def _too_dear_a_repair(report):
    return _run(report, repaired=Planner(horizon=12, candidates=26, warm_start=True))


def _colleagues_planner(report):
    return _run(report, repaired=Planner(horizon=3, candidates=100, warm_start=True))


def _two_changes_in_short(report):
    return _run(report, short=Planner(horizon=2, candidates=10, warm_start=True))


def _thin_is_cold(report):
    return _run(report, thin=Planner(horizon=12, candidates=2, warm_start=False))


def _cold_has_fewer(report):
    return _run(report, cold=Planner(horizon=12, candidates=10, warm_start=False))


def _dear_not_dear(report):
    return _run(report, dear=Planner(horizon=12, candidates=180, warm_start=False))


def _dear_with_longer_horizon(report):
    return _run(report, dear=Planner(horizon=20, candidates=300, warm_start=False))


def _dear_is_warm(report):
    return _run(report, dear=Planner(horizon=12, candidates=300, warm_start=True))


def _short_hardly_shorter(report):
    return _run(report, short=Planner(horizon=11, candidates=20, warm_start=True))


def _thin_hardly_thinner(report):
    return _run(report, thin=Planner(horizon=12, candidates=18, warm_start=True))


def _same_horizon(report):
    return _run(report, short=report["repaired"])


def _four_seeds(report):
    return _run(report, seeds=[0, 1, 2, 3])


def _seeds_twice(report):
    return _run(report, seeds=[0, 1, 2, 0, 1, 2])


def _planners_as_dictionaries(report):
    return {**report, **{name: dataclasses.asdict(report[name]) for name in NAMES}}


def _one_planner_missing(report):
    rewards = {n: x for n, x in report["rewards"].items() if n != "thin"}
    return {**report, "rewards": rewards}


def _other_planners(report):
    found = _run(
        report,
        seeds=[21, 5, 17, 40, 3, 8, 90],
        repaired=Planner(horizon=10, candidates=24, warm_start=True),
        short=Planner(horizon=1, candidates=24, warm_start=True),
        thin=Planner(horizon=10, candidates=2, warm_start=True),
        cold=Planner(horizon=10, candidates=24, warm_start=False),
        dear=Planner(horizon=10, candidates=250, warm_start=False),
    )
    return {**found, "rewards": {n: x.tolist() for n, x in found["rewards"].items()}}


def _in_other_types(report):
    return {
        **report,
        "seeds": np.array(report["seeds"]),
        "rewards": {n: x.numpy() for n, x in report["rewards"].items()},
        "low": np.float64(report["low"]),
    }


WRONG = named(
    ch12.check_planner,
    *map(
        _planner,
        (
            _seeds_moved,
            _repaired_seeds_moved,
            _dear_and_cold_exchanged,
            _short_and_thin_exchanged,
            _a_bad_seed_better,
            _rounded_rewards,
            _made_up,
            _mean_for_all,
            _other_seeds_for_the_dear,
            _normal_interval,
            _unpaired,
            _of_dear_less_repaired,
            _of_cold,
            _deviation,
            _not_told,
            _dear_wins,
            _too_dear_a_repair,
            _colleagues_planner,
            _two_changes_in_short,
            _thin_is_cold,
            _cold_has_fewer,
            _dear_not_dear,
            _dear_with_longer_horizon,
            _dear_is_warm,
            _short_hardly_shorter,
            _thin_hardly_thinner,
            _same_horizon,
            _four_seeds,
            _seeds_twice,
            _planners_as_dictionaries,
            _one_planner_missing,
        ),
    ),
)
RIGHT = named(ch12.check_planner, *map(_planner, (_other_planners, _in_other_types)))
