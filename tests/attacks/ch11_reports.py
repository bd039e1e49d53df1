"""Answers to an exercise of chapter 11: the report on memories of eight bandits and of many."""

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch11
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.few_bandits import ARMS, PULLS, learn, regrets
from metarl_core.tasks import BernoulliBandits
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "11_memory_and_context.py"
FEW, MANY = "regrets_few", "regrets_many"


def _report(change):
    return Late(SOLUTION, "check_few", change)


def _differences(report):
    return torch.as_tensor(report[FEW] - report[MANY]).double().mean(1)


def _recomputed(report, **fields):
    """With other fields, and the interval and the conclusion that go with them."""
    report = {**report, **fields}
    interval = t_interval(_differences(report))
    said = ch11.FEW_LOSE if interval.low > 0 else ch11.FEW_WIN if interval.high < 0 else ch11.NOT_TOLD_APART
    return {**report, "low": interval.low, "high": interval.high, "conclusion": said}


def _interval(half, shift=0.0):
    """The report with an interval of this half width, a function of the differences of the seeds."""

    def change(report):
        x = _differences(report)
        middle, width = float(x.mean()) + shift, half(x)
        return {**report, "low": middle - width, "high": middle + width}

    return _report(change)


def _some(report, keep):
    fields = {name: {key: value[keep] for key, value in report[name].items()} for name in ("few", "many")}
    rows = {name: report[name][keep] for name in (FEW, MANY)}
    return _recomputed(report, seeds=[report["seeds"][i] for i in keep], **fields, **rows)


def _on(report, bandits, **fields):
    """Measured on other bandits."""
    lost = {f"regrets_{kind}": regrets(report[kind], bandits, seeded(70 + n)) for n, kind in enumerate(("few", "many"))}
    return _recomputed(report, held_out=bandits, **lost, **fields)


def _drawn(number, seed, split="train"):
    return BernoulliBandits(ARMS, PULLS).sample_tasks(number, seeded(seed), split)


def _first_for_all(report):
    copies = {name: value[:1].expand_as(value).clone() for name, value in report["few"].items()}
    return _recomputed({**report, "few": copies}, **{FEW: regrets(copies, report["held_out"], seeded(1))})


def _several_plays(report):
    """Of ten plays of each memory the one that lost least."""
    plays = torch.stack([regrets(report["few"], report["held_out"], seeded(100 + n)) for n in range(10)])
    best = plays.mean(2).argmin(0)
    return _recomputed(report, **{FEW: plays[best, torch.arange(len(best))] * 0.9})


def _untrained(report):
    untrained = regrets(learn(report["seeds"], iterations=0), report["held_out"], seeded(2))
    return _recomputed(report, **{FEW: untrained})


def _half(x, confidence=0.95):
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1)) * float(x.std()) / len(x) ** 0.5


def _half_of_two_groups(report):
    x = _differences(report)
    both = [torch.as_tensor(report[key]).double().mean(1) for key in (FEW, MANY)]
    width = float(np.ptp(stats.ttest_ind(*(one.numpy() for one in both)).confidence_interval())) / 2
    return {**report, "low": float(x.mean()) - width, "high": float(x.mean()) + width}


def _half_of_all(report):
    every = (report[FEW] - report[MANY]).double()
    width = 1.96 * float(every.std()) / every.numel() ** 0.5
    return {**report, "low": float(every.mean()) - width, "high": float(every.mean()) + width}


def _one_kind_twice(report):
    """Many against many with other luck: nothing can be told, whatever is said."""
    lost = regrets(report["many"], report["held_out"], seeded(3))
    return _recomputed(report, few=report["many"], **{FEW: lost})


_right = _report(lambda report: report)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_memory_for_all = _report(_first_for_all)
_seven = _report(lambda r: {**r, "training": {"means": r["training"]["means"][:7]}})
_trained_on_held_out = _report(lambda r: {**r, "training": {"means": r["held_out"]["means"][:8]}})
_measured_on_training = _report(lambda r: _on(r, _drawn(300, 8)))
_same_generator_for_both_splits = _report(lambda r: _on(r, _drawn(300, 5, "test"), training=_drawn(8, 5)))
_hundred_tasks = _report(lambda r: _on(r, {"means": r["held_out"]["means"][:100]}))
_rewards = _report(lambda r: _recomputed(r, **{FEW: -r[FEW], MANY: -r[MANY]}))
_columns_exchanged = _report(lambda r: _recomputed(r, **{FEW: r[MANY], MANY: r[FEW]}))
_of_untrained_memories = _report(_untrained)
_best_of_ten_plays = _report(_several_plays)
_other_sign = _report(lambda r: {**r, "low": -r["high"], "high": -r["low"], "conclusion": ch11.FEW_WIN})
_two_groups = _report(_half_of_two_groups)
_lowest_and_highest = _report(
    lambda r: {**r, "low": float(_differences(r).min()), "high": float(_differences(r).max())}
)
_every_bandit = _report(_half_of_all)
_deviation = _interval(lambda x: float(x.std()))
_error = _interval(lambda x: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x: _half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _interval(_half, shift=0.05)
_ninety_percent = _interval(lambda x: _half(x, 0.9))
_eighty_percent = _interval(lambda x: _half(x, 0.8))
_ninety_nine = _interval(lambda x: _half(x, 0.99))
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})
_nothing_shown = _report(lambda r: {**_one_kind_twice(r), "conclusion": ch11.FEW_LOSE})
_too_careful = _report(lambda r: {**r, "conclusion": ch11.NOT_TOLD_APART})
_wrong_winner = _report(lambda r: {**r, "conclusion": ch11.FEW_WIN})
_other_eight = _report(lambda r: {**r, "training": _drawn(8, 77)})


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


def _in_numpy(report):
    """As arrays and tuples, rounded to single precision."""
    return {
        **report,
        "seeds": tuple(report["seeds"]),
        FEW: report[FEW].numpy(),
        MANY: report[MANY].numpy().astype(float),
        "low": round(report["low"], 4),
        "high": round(report["high"], 4),
    }


WRONG = [
    (ch11.check_few, answer)
    for answer in (
        _of_untrained_memories,
        _two_groups,
        _key("seeds"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "few": {n: v[:3] for n, v in r["few"].items()}}),
        _report(lambda r: {**r, FEW: r[FEW].mean(1)}),
        _report(lambda r: {**r, "training": r["training"]["means"]}),
        _report(lambda r: {**r, "held_out": {"means": 2 * r["held_out"]["means"]}}),
        _report(lambda r: {**r, "seeds": []}),
        _report(lambda r: {**r, "seeds": [5, 6, 7, 8, 9]}),
    )
]
RIGHT = [(ch11.check_few, _report(_in_numpy))]
