"""Answers to an exercise of chapter 09: the report on signs of meta-gradients."""

import math
from decimal import Decimal

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch09
from metarl_core.evaluation import bootstrap_interval, t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.bandit_groups import NAMES, groups
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "09_meta_policy_gradient.py"
LVC, TERM = "LVC", "naive + sampling term"


def _report(change):
    return Late(SOLUTION, "check_sign", change)


def _said(low, high):
    return ch09.LVC_TOO_HIGH if low > 0 else ch09.LVC_TOO_LOW if high < 0 else ch09.NO_BIAS_SEEN


def _off(report):
    return torch.as_tensor(report["pilot"][LVC]).double() - report["truth"]


def _needed(report, power=2.0, level=1.645, mean=None):
    batch = {}
    for name, values in report["pilot"].items():
        m = float(values.mean()) if mean is None else mean
        right = float(values.mean()) * report["truth"] > 0
        batch[name] = math.ceil((level * float(values.std()) / abs(m)) ** power) if right else math.inf
    return batch


def _tried(report, batch, luck=70, number=1_000, real=None):
    """With these batches, their means and their shares; `real` is the size that is drawn, where it is another one."""
    means, generator = {}, seeded(luck)
    for name, size in batch.items():
        if size < math.inf:
            size = size if real is None else real
            drawn = groups(math.ceil(size) * number, generator)[name]
            means[name] = drawn.view(number, -1).mean(1)
    return {**report, "batch": batch, "means": means, "right": _shares(means)}


def _shares(means):
    return {name: float((values > 0).double().mean()) for name, values in means.items()}


def _concluded(report, ends=None, **fields):
    """With other fields, and the interval, the batches and the shares that go with them."""
    report = {**report, **fields}
    if ends is None:
        interval = t_interval(_off(report))
        ends = interval.low, interval.high
    return {**report, "low": ends[0], "high": ends[1], "conclusion": _said(*ends)}


def _piloted(report, n, luck=80):
    report = _concluded(report, pilot=groups(n, seeded(luck)))
    return _tried(report, _needed(report), luck + 1)


def _interval(half, shift=0.0):
    def change(report):
        x = _off(report)
        middle, width = float(x.mean()) + shift, half(x)
        return _concluded(report, (middle - width, middle + width))

    return _report(change)


def _half(x, confidence=0.95):
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1)) * float(x.std()) / len(x) ** 0.5


def _told(report, truth):
    """With another truth, and what follows from it."""
    return _concluded(report, truth=truth)


def _batched_pilot(report):
    """Each number a mean of ten."""
    drawn = groups(50_000, seeded(5))
    return _concluded(report, pilot={name: values.view(-1, 10).mean(1) for name, values in drawn.items()})


def _own_groups(report):
    """Each estimator has groups of its own."""
    return _concluded(report, pilot={name: groups(20_000, seeded(60 + i))[name] for i, name in enumerate(NAMES)})


def _the_good_ones(report):
    """Groups of the rarer tasks left out."""
    keep = report["pilot"]["first order"] > 0
    report = _concluded(report, pilot={name: values[keep] for name, values in report["pilot"].items()})
    return _tried(report, _needed(report))


def _pieces(report):
    """The pilot once more, in batches."""
    pilot = groups(120_000, seeded(3))
    report = _concluded(report, pilot=pilot)
    batch = _needed(report)
    means = {
        name: pilot[name][: 120_000 // size * size].view(-1, size).mean(1)
        for name, size in batch.items()
        if size < math.inf
    }
    return {**report, "batch": batch, "means": means, "right": _shares(means)}


def _bootstrap(report):
    found = bootstrap_interval(_off(report)[:2_000, None].numpy(), np.mean)
    return _concluded(report, (found.low, found.high))


def _naive_bought(report):
    values = report["pilot"]["naive"]
    size = math.ceil((1.645 * float(values.std() / values.mean())) ** 2)
    means = {**report["means"], "naive": groups(1_000 * size, seeded(9))["naive"].view(1_000, size).mean(1)}
    means = {name: means[name] for name in NAMES}
    return {**report, "batch": {**report["batch"], "naive": size}, "means": means, "right": _shares(means)}


def _without(report, name):
    """No number of groups is said to do for this one."""
    keep = {key: value for key, value in report["means"].items() if key != name}
    right = {key: value for key, value in report["right"].items() if key != name}
    return {**report, "batch": {**report["batch"], name: math.inf}, "means": keep, "right": right}


def _shown_nothing(report):
    """A small pilot, in which no bias shows."""
    for luck in range(200, 260):
        found = _piloted(report, 2_000, luck)
        if found["low"] < 0 < found["high"]:
            return found
    raise AssertionError


_right = _report(lambda r: r)
_five_hundred = _report(lambda r: _piloted(r, 500))
_means_for_groups = _report(_batched_pilot)
_groups_of_their_own = _report(_own_groups)
_selected = _report(_the_good_ones)
_held_chances = _report(lambda r: _told(r, -0.00845928352493048))
_mean_step = _report(lambda r: _told(r, 0.0213358653411))
_arm_one_pays = _report(lambda r: _told(r, 0.0756123725909))
_by_drawing = _report(lambda r: _told(r, float(r["pilot"][TERM].mean())))
_objective_itself = _report(lambda r: _told(r, 0.7))
_mean_of_lvc = _report(lambda r: _concluded(r, (t_interval(r["pilot"][LVC]).low, t_interval(r["pilot"][LVC]).high)))
_other_way_round = _report(lambda r: _concluded(r, (-r["high"], -r["low"])))
_lowest_and_highest = _report(lambda r: _concluded(r, (float(_off(r).min()), float(_off(r).max()))))
_deviation = _interval(lambda x: float(x.std()))
_error = _interval(lambda x: float(x.std()) / len(x) ** 0.5)
_another_middle = _interval(_half, shift=0.001)
_ninety_percent = _interval(lambda x: _half(x, 0.9))
_eighty_percent = _interval(lambda x: _half(x, 0.8))
_ninety_nine = _interval(lambda x: _half(x, 0.99))
_no_interval = _interval(lambda x: 0.0)
_a_bias_anyway = _report(lambda r: {**_shown_nothing(r), "conclusion": ch09.LVC_TOO_LOW})
_too_careful = _report(lambda r: {**r, "conclusion": ch09.NO_BIAS_SEEN})
_wrong_side = _report(lambda r: {**r, "conclusion": ch09.LVC_TOO_HIGH})
_many_of_naive = _report(_naive_bought)
_given_up = _report(lambda r: _without(r, TERM))
_both_sides = _report(lambda r: _tried(r, _needed(r, level=1.96)))
_ratio_alone = _report(lambda r: _tried(r, _needed(r, power=1.0)))
_around_the_truth = _report(lambda r: _tried(r, _needed(r, mean=r["truth"])))
_a_hundred = _report(lambda r: _tried(r, {name: 100 if size < math.inf else size for name, size in _needed(r).items()}))
_two_hundred_batches = _report(lambda r: _tried(r, r["batch"], number=200))
_again = _report(_pieces)
_larger_batches = _report(lambda r: _tried(r, r["batch"], real=200))
_wrong_ones = _report(lambda r: {**r, "right": {name: 1 - share for name, share in r["right"].items()}})
_as_predicted = _report(lambda r: {**r, "right": dict.fromkeys(r["right"], 0.99)})


WRONG = [
    (ch09.check_sign, answer if isinstance(answer, Late) else _report(answer))
    for answer in (
        _five_hundred,
        _eighty_percent,
        _no_interval,
        _by_drawing,
        _ratio_alone,
        _as_predicted,
        _bootstrap,
        lambda r: {key: value for key, value in r.items() if key != "truth"},
        lambda r: {**r, "seed": 0},
        lambda r: {**r, "truth": round(r["truth"], 3)},
        lambda r: {**r, "truth": math.nan},
        lambda r: {**r, "pilot": r["pilot"][LVC]},
        lambda r: {**r, "pilot": {**r["pilot"], LVC: r["pilot"][LVC][:-1]}},
        lambda r: {**r, "pilot": {name: values[None] for name, values in r["pilot"].items()}},
        lambda r: {**r, "batch": {**r["batch"], LVC: 0}},
        lambda r: {**r, "batch": {**r["batch"], LVC: "45"}},
        lambda r: {**r, "means": {**r["means"], "naive": r["means"][LVC]}},
        lambda r: {**r, "means": {name: float(values.mean()) for name, values in r["means"].items()}},
        lambda r: {**r, "right": 0.95},
        lambda r: {**r, "conclusion": "LVC is biased"},
        lambda r: {**r, "means": {**r["means"], LVC: r["means"][TERM]}},
        lambda r: {**r, "right": {**r["right"], LVC: 0.93}},
        lambda r: _concluded(r, pilot={name: values.sort().values for name, values in r["pilot"].items()}),
        lambda r: _tried(r, {name: 2 * size for name, size in _needed(r).items()}),
    )
]

RIGHT = [
    (ch09.check_sign, _report(answer))
    for answer in (
        lambda r: r,
        lambda r: _piloted(r, 5_000, luck=300),
        lambda r: _piloted(r, 50_000, luck=400),
        lambda r: _tried(r, r["batch"], luck=500, number=600),
        lambda r: {
            **r,
            "truth": np.float64(round(r["truth"], 7)),
            "low": round(r["low"], 5),
            "high": Decimal(r["high"]),
        },
        lambda r: {
            **r,
            "pilot": {name: values.numpy() for name, values in r["pilot"].items()},
            "means": {name: values.tolist() for name, values in r["means"].items()},
            "batch": {name: float(size) for name, size in r["batch"].items()},
        },
        lambda r: {**r, "right": {name: round(share, 3) for name, share in r["right"].items()}},
    )
]
