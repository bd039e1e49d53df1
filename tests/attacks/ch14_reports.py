"""Answers to an exercise of chapter 14: the report on a prediction that comes before its measurement."""

import numpy as np
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch14
from metarl_core.evaluation import t_interval
from metarl_core.recipes.emulated_cluster import iteration, message
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "14_beyond_one_machine.py"


def _report(change):
    return Late(SOLUTION, "check_prediction", change)


def _said(low, high):
    if low > 1.2:
        return ch14.SLOWER
    if high < 0.8:
        return ch14.FASTER
    return ch14.HOLDS if low >= 0.8 and high <= 1.2 else ch14.NOT_TOLD


def _ratios(report, name="few"):
    return np.array(report[f"{name}_measured"]) / report[f"{name}_predicted"]


def _concluded(report, **fields):
    """With other fields, and the interval and the conclusions that go with them."""
    report = {**report, **fields}
    few, many = (t_interval(_ratios(report, name)) for name in ("few", "many"))
    ends = {"low": few.low, "high": few.high}
    return {**report, **ends, "few_conclusion": _said(few.low, few.high), "many_conclusion": _said(many.low, many.high)}


def _done(ranks=8, few=2, many=64, seeds=tuple(range(10)), calibrated=16):
    """A whole report on other plans."""
    seeds = list(seeds)
    one = iteration(1, calibrated, seeds)
    a = float(one.mean()) / calibrated
    return _concluded(
        {
            "ranks": ranks,
            "few_tasks": few,
            "many_tasks": many,
            "seeds": seeds,
            "calibrated": calibrated,
            "calibration": one.tolist(),
            "few_predicted": a * few + message(ranks),
            "many_predicted": a * many + message(ranks),
            "few_measured": iteration(ranks, few, seeds).tolist(),
            "many_measured": iteration(ranks, many, seeds).tolist(),
        }
    )


def _predicted(formula):
    """With predictions by another formula, of seconds a task, tasks and the report."""

    def change(report):
        a = float(np.mean(report["calibration"])) / report["calibrated"]
        few, many = (formula(a, report[f"{name}_tasks"], report) for name in ("few", "many"))
        return _concluded(report, few_predicted=few, many_predicted=many)

    return _report(change)


def _interval(half, shift=0.0):
    def change(report):
        x = _ratios(report)
        middle, width = float(x.mean()) + shift, half(x)
        return {**report, "low": middle - width, "high": middle + width}

    return _report(change)


def _half(x, confidence=0.95):
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1)) * float(x.std(ddof=1)) / len(x) ** 0.5


def _turned(report):
    found = t_interval(1 / _ratios(report))
    return {**report, "low": found.low, "high": found.high}


_right = _report(lambda report: report)
_four_seeds = _report(lambda r: _done(seeds=range(4)))
_a_seed_again = _report(lambda r: _done(seeds=(0, 1, 2, 3, 4, 4)))
_four_ranks = _report(lambda r: _done(ranks=4))
_ten_is_few = _report(lambda r: _done(few=10))
_ten_is_many = _report(lambda r: _done(many=10))
_calibrated_late = _report(lambda r: _concluded(r, calibration=r["few_measured"], calibrated=r["few_tasks"]))
_silent = _predicted(lambda a, n, r: a * n)
_one_does_all = _predicted(lambda a, n, r: a * n * r["ranks"] + message(r["ranks"]))
_not_divided = _predicted(lambda a, n, r: a * r["calibrated"] * n + message(r["ranks"]))
_afterwards = _report(
    lambda r: _concluded(
        r,
        few_predicted=float(np.mean(r["few_measured"])),
        many_predicted=float(np.mean(r["many_measured"])),
    )
)
_guessed = _predicted(lambda a, n, r: 1.3 * a * n + message(r["ranks"]))
_wrong_way = _report(_turned)
_lowest_and_highest = _report(lambda r: {**r, "low": float(_ratios(r).min()), "high": float(_ratios(r).max())})
_deviation = _interval(lambda x: float(x.std(ddof=1)))
_error = _interval(lambda x: float(x.std(ddof=1)) / len(x) ** 0.5)
_normal = _interval(lambda x: 1.96 * float(x.std(ddof=1)) / len(x) ** 0.5)
_biased = _interval(lambda x: _half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _interval(_half, shift=0.3)
_ninety_percent = _interval(lambda x: _half(x, 0.9))
_eighty_percent = _interval(lambda x: _half(x, 0.8))
_ninety_nine = _interval(lambda x: _half(x, 0.99))
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})
_few_hold = _report(lambda r: {**r, "few_conclusion": ch14.HOLDS})
_many_do_not = _report(lambda r: {**r, "many_conclusion": ch14.SLOWER})
_other_seeds = _report(lambda r: {**r, "seeds": [seed + 50 for seed in r["seeds"]]})


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


def _in_numpy(report):
    """As arrays and tuples, rounded where that is harmless."""
    return {
        **report,
        "seeds": tuple(report["seeds"]),
        "calibration": np.array(report["calibration"]),
        "few_measured": np.array(report["few_measured"]),
        "few_predicted": round(report["few_predicted"], 6),
        "low": np.float64(report["low"]),
    }


WRONG = [
    (ch14.check_prediction, answer)
    for answer in (
        _key("seeds"),
        _key("many_conclusion"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "seeds": []}),
        _report(lambda r: {**r, "ranks": 0}),
        _report(lambda r: {**r, "ranks": 8.5}),
        _report(lambda r: {**r, "few_measured": r["few_measured"][:4]}),
        _report(lambda r: {**r, "few_measured": float(np.mean(r["few_measured"]))}),
        _report(lambda r: {**r, "few_conclusion": "slower"}),
        _report(lambda r: {**r, "few_predicted": float("nan")}),
        _report(lambda r: _concluded(r, few_measured=[2 * x for x in r["few_measured"]])),
        _report(lambda r: _concluded(r, many_measured=r["few_measured"])),
    )
]
RIGHT = [
    (ch14.check_prediction, _report(_in_numpy)),
    (ch14.check_prediction, _report(lambda r: _done(32, 1, 128, (9, 99, 3, 12, 70), 200))),
    (ch14.check_prediction, _report(lambda r: _done(8, 4, 32, range(20), 1))),
]
