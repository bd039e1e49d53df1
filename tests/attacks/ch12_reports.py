"""Answers to an exercise of chapter 12: the report on planners that hold or break."""

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch12
from metarl_core.evaluation import t_interval
from metarl_core.recipes.swing_up import Planner, swing_up
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "12_models_and_planning.py"
NAMES = ("repaired", "short", "thin", "cold", "dear")


def _report(change):
    return Late(SOLUTION, "check_planner", change)


def _difference(report):
    return torch.as_tensor(report["rewards"]["repaired"]) - torch.as_tensor(report["rewards"]["dear"])


def _concluded(report, **fields):
    """With other fields, and the interval and the conclusion that go with them."""
    report = {**report, **fields}
    interval = t_interval(_difference(report))
    said = ch12.WARM_WINS if interval.low > 0 else ch12.DEAR_WINS if interval.high < 0 else ch12.NOT_TOLD_APART
    return {**report, "low": interval.low, "high": interval.high, "conclusion": said}


def _played(report, **fields):
    """With other planners, and the rewards that these earn."""
    rewards = {name: swing_up(fields[name], report["seeds"]) for name in fields}
    return _concluded(report, **fields, rewards={**report["rewards"], **rewards})


def _planners(report, **changes):
    """Planners in which some fields are others, by name."""
    fields = ("horizon", "candidates", "warm_start")
    return {
        name: Planner(**{**{field: getattr(report[name], field) for field in fields}, **change})
        for name, change in changes.items()
    }


def _some(report, keep):
    rewards = {name: value[keep] for name, value in report["rewards"].items()}
    return _concluded(report, seeds=[report["seeds"][i] for i in keep], rewards=rewards)


def _interval(half, shift=0.0):
    """The report with an interval of this half width, a function of the differences of the seeds."""

    def change(report):
        x = _difference(report)
        middle, width = float(x.mean()) + shift, half(x)
        return {**report, "low": middle - width, "high": middle + width}

    return _report(change)


def _half(x, confidence=0.95):
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1)) * float(x.std()) / len(x) ** 0.5


def _everything(horizon, candidates, dear=200):
    """A report on planners with these numbers."""
    return {
        "repaired": Planner(horizon=horizon, candidates=candidates, warm_start=True),
        "short": Planner(horizon=2, candidates=candidates, warm_start=True),
        "thin": Planner(horizon=horizon, candidates=2, warm_start=True),
        "cold": Planner(horizon=horizon, candidates=candidates, warm_start=False),
        "dear": Planner(horizon=horizon, candidates=dear, warm_start=False),
    }


def _bought_back(report):
    """Rewards of the dear one that vary as much as luck would let them, around those of the repaired one."""
    told = report["rewards"]["repaired"]
    wave = torch.tensor([(-1.0) ** i for i in range(len(told))]).double()
    return _concluded(report, rewards={**report["rewards"], "dear": (told - 0.05 * wave).clamp(0, 1)})


_right = _report(lambda report: report)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_sums = _report(lambda r: _concluded(r, rewards={name: 40 * value for name, value in r["rewards"].items()}))
_many_candidates = _report(lambda r: _played(r, **_everything(12, 100, 500)))
_the_colleagues = _report(lambda r: _played(r, **_planners(r, repaired={"horizon": 3, "candidates": 100})))
_short_and_thin = _report(lambda r: _played(r, **_planners(r, short={"candidates": 2})))
_thin_is_the_same = _report(lambda r: _played(r, thin=r["repaired"]))
_cold_and_dear_alike = _report(lambda r: _played(r, cold=r["dear"]))
_dear_looks_further = _report(lambda r: _played(r, **_planners(r, dear={"horizon": 20})))
_dear_is_warm = _report(lambda r: _played(r, **_planners(r, dear={"warm_start": True})))
_dear_is_cheap = _report(lambda r: _played(r, **_planners(r, dear={"candidates": 150})))
_hardly_shorter = _report(lambda r: _played(r, **_planners(r, short={"horizon": 11})))
_other_sign = _report(lambda r: {**r, "low": -r["high"], "high": -r["low"], "conclusion": ch12.DEAR_WINS})
_lowest_and_highest = _report(lambda r: {**r, "low": float(_difference(r).min()), "high": float(_difference(r).max())})
_deviation = _interval(lambda x: float(x.std()))
_error = _interval(lambda x: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x: _half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _interval(_half, shift=0.05)
_ninety_percent = _interval(lambda x: _half(x, 0.9))
_eighty_percent = _interval(lambda x: _half(x, 0.8))
_ninety_nine = _interval(lambda x: _half(x, 0.99))
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})
_nothing_shown = _report(lambda r: {**_bought_back(r), "conclusion": ch12.WARM_WINS})
_too_careful = _report(lambda r: {**r, "conclusion": ch12.NOT_TOLD_APART})
_wrong_winner = _report(lambda r: {**r, "conclusion": ch12.DEAR_WINS})
_other_seeds = _report(lambda r: {**r, "seeds": [seed + 50 for seed in r["seeds"]]})


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


def _in_numpy(report):
    """As arrays, lists and tuples, rounded where that is harmless."""
    rewards = {name: value.numpy() for name, value in report["rewards"].items()}
    rewards["cold"] = rewards["cold"].tolist()
    return {
        **report,
        "seeds": tuple(report["seeds"]),
        "rewards": rewards,
        "low": round(report["low"], 6),
        "high": np.float64(report["high"]),
    }


WRONG = [
    (ch12.check_planner, answer)
    for answer in (
        _key("seeds"),
        _key("dear"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "seeds": []}),
        _report(lambda r: {**r, "repaired": {"horizon": 12, "candidates": 20, "warm_start": True}}),
        _report(lambda r: {**r, "dear": Planner(horizon=12, candidates=5000, warm_start=False)}),
        _report(lambda r: {**r, "short": Planner(horizon=0, candidates=20, warm_start=True)}),
        _report(lambda r: {**r, "rewards": {name: r["rewards"][name] for name in NAMES[:4]}}),
        _report(lambda r: {**r, "rewards": {name: value[:3] for name, value in r["rewards"].items()}}),
        _report(lambda r: {**r, "rewards": {name: value.mean() for name, value in r["rewards"].items()}}),
        _report(lambda r: {**r, "cold": Planner(horizon=12, candidates=20, warm_start=0)}),
    )
]
RIGHT = [
    (ch12.check_planner, _report(_in_numpy)),
    (ch12.check_planner, _report(lambda r: _played(r, **_everything(10, 30, 300)))),
    (ch12.check_planner, _report(lambda r: _played({**r, "seeds": [101, 5, 77, 8, 2024]}, **_everything(15, 20)))),
]
