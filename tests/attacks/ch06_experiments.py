"""Answers to an exercise of chapter 06: the report on rates that were predicted and then learned."""

import numpy as np
import torch
from produced_reports import Late
from report_changes import t_half, unpaired_half, with_interval, z_half

from metarl_core.check import ch06
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.own_rates import NOISE, POINTS, learn, losses, sample_tasks
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "06_reptile_and_meta_sgd.py"
KINDS = ("own", "one")
OWN, ONE = "losses_own", "losses_one"


def _report(change):
    return Late(SOLUTION, "check_own_rates", change)


def _of_tasks(report):
    return torch.as_tensor(report[ONE] - report[OWN]).double()


def _differences(report):
    return _of_tasks(report).mean(1)


def _best(curvatures, points=POINTS, noise=NOISE, more=1):
    return [points / ((points + more) * one + sum(curvatures) + noise**2) for one in curvatures]


def _recomputed(report, **fields):
    """With other fields, and the interval, the conclusion and the distance that go with them."""
    report = {**report, **fields}
    interval = t_interval(_differences(report))
    said = ch06.OWN_LOWER if interval.low > 0 else ch06.ONE_LOWER if interval.high < 0 else ch06.NOT_TOLD_APART
    learned = report["own"]["rates"].double().mean(0)
    far = float((learned / torch.tensor(report["predicted"], dtype=torch.float64) - 1).abs().max())
    return {**report, "low": interval.low, "high": interval.high, "conclusion": said, "furthest": far}


def _interval(half, shift=0.0):
    """The report with an interval of this half width, a function of the differences of the seeds."""
    return _report(lambda report: with_interval(report, _differences(report), half, shift))


def _some(report, keep):
    fields = {name: {key: value[keep] for key, value in report[name].items()} for name in KINDS}
    rows = {name: report[name][keep] for name in (OWN, ONE)}
    return _recomputed(report, seeds=[report["seeds"][i] for i in keep], **fields, **rows)


def _on(report, tasks, seed, told=None):
    drawn = sample_tasks(report["curvatures"], tasks, seeded(seed))
    found = {f"losses_{kind}": losses(report[kind], report["curvatures"], drawn) for kind in KINDS}
    return _recomputed(report, evaluation_seed=seed if told is None else told, **found)


def _with(report, curvatures, seeds=None, iterations=(400, 400)):
    """The whole experiment with other curvatures."""
    seeds = report["seeds"] if seeds is None else seeds
    own, one = (learn(curvatures, seeds, kind == "own", count) for kind, count in zip(KINDS, iterations, strict=True))
    report = {**report, "curvatures": curvatures, "predicted": _best(curvatures), "seeds": seeds}
    return _on({**report, "own": own, "one": one}, 500, report["evaluation_seed"])


def _first_for_all(report):
    copies = {name: value[:1].expand_as(value).clone() for name, value in report["own"].items()}
    return _on({**report, "own": copies}, 1000, report["evaluation_seed"])


def _predicting(make):
    return _report(lambda r: _recomputed(r, predicted=make(r)))


def _half_of_two_groups(report):
    return with_interval(report, _differences(report), lambda x: unpaired_half(report[ONE], report[OWN]))


def _half_of_all(report):
    return with_interval(report, _of_tasks(report), z_half)


def _one_kind_twice(report):
    """Rates of each direction that are all alike, in another order of seeds."""
    wide = {"theta": report["one"]["theta"].flip(0), "rates": report["one"]["rates"].flip(0).expand(-1, 6).clone()}
    return _recomputed(report, own=wide, **{OWN: report[ONE].flip(0)})


_right = _report(lambda report: report)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_training_for_all = _report(_first_for_all)
_two_curvatures = _report(lambda r: _with(r, [2.0, 0.1]))
_inverse_curvatures = _predicting(lambda r: [1 / one for one in r["curvatures"]])
_without_noise = _predicting(lambda r: _best(r["curvatures"], noise=0.0))
_read_off = _predicting(lambda r: r["own"]["rates"].double().mean(0).tolist())
_with_n_points = _predicting(lambda r: _best(r["curvatures"], more=0))
_hundred_tasks = _report(lambda r: _on(r, 100, r["evaluation_seed"]))
_on_a_training_seed = _report(lambda r: _on(r, 1000, r["seeds"][2]))
_without_the_noise_of_labels = _report(lambda r: _recomputed(r, **{OWN: r[OWN] - 0.125, ONE: r[ONE] - 0.125}))
_columns_exchanged = _report(lambda r: _recomputed(r, **{OWN: r[ONE], ONE: r[OWN]}))
_of_another_seed = _report(lambda r: _on(r, 1000, 77, told=r["evaluation_seed"]))
_absolute_distance = _report(
    lambda r: {
        **r,
        "furthest": float((r["own"]["rates"].mean(0) - torch.tensor(r["predicted"])).abs().max()) + 0.01,
    }
)
_other_sign = _report(lambda r: {**r, "low": -r["high"], "high": -r["low"], "conclusion": ch06.ONE_LOWER})
_two_groups = _report(_half_of_two_groups)
_lowest_and_highest = _report(
    lambda r: {**r, "low": float(_differences(r).min()), "high": float(_differences(r).max())}
)
_every_task = _report(_half_of_all)
_deviation = _interval(lambda x: float(x.std()))
_error = _interval(lambda x: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x: t_half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _interval(t_half, shift=0.01)
_ninety_percent = _interval(lambda x: t_half(x, 0.9))
_eighty_percent = _interval(lambda x: t_half(x, 0.8))
_ninety_nine = _interval(lambda x: t_half(x, 0.99))
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})
_nothing_shown = _report(lambda r: {**_one_kind_twice(r), "conclusion": ch06.OWN_LOWER})
_too_careful = _report(lambda r: {**r, "conclusion": ch06.NOT_TOLD_APART})
_wrong_winner = _report(lambda r: {**r, "conclusion": ch06.ONE_LOWER})
_stopped_early = _report(lambda r: _with(r, r["curvatures"], iterations=(60, 60)))


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


def _in_numpy(report):
    """As arrays and tuples, rounded."""
    return {
        **report,
        "curvatures": np.array(report["curvatures"]),
        "predicted": tuple(round(one, 3) for one in report["predicted"]),
        "seeds": tuple(report["seeds"]),
        OWN: report[OWN].numpy(),
        ONE: report[ONE].double(),
        "low": round(report["low"], 5),
        "high": round(report["high"], 5),
        "furthest": np.float32(report["furthest"]),
    }


def _in_double(report):
    return {**report, **{kind: {n: v.double() for n, v in report[kind].items()} for kind in KINDS}}


WRONG = [
    (ch06.check_own_rates, answer)
    for answer in (
        _key("seeds"),
        _key("predicted"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "seeds": []}),
        _report(lambda r: {**r, "seeds": [seed + 50 for seed in r["seeds"]]}),
        _report(lambda r: {**r, "predicted": r["predicted"][:4]}),
        _report(lambda r: {**r, "predicted": r["predicted"][::-1]}),
        _report(lambda r: {**r, "predicted": [1.05 * one for one in r["predicted"]]}),
        _report(lambda r: {**r, "predicted": [0.2] * 6}),
        _report(lambda r: {**r, "curvatures": [-1.0, *r["curvatures"][1:]]}),
        _report(lambda r: {**r, "curvatures": [float("inf"), *r["curvatures"][1:]]}),
        _report(lambda r: {**r, "curvatures": r["curvatures"][::-1]}),
        _report(lambda r: _with(r, [1.0, 1.0, 1.0, 1.0, 1.0])),
        _report(lambda r: _with(r, [20.0, 2.0, 1.0, 0.5])),
        _report(lambda r: {**r, "own": r["one"]}),
        _report(lambda r: {**r, "own": {"rates": r["own"]["rates"]}}),
        _report(lambda r: {**r, OWN: r[OWN].mean(1)}),
        _report(lambda r: {**r, OWN: r[OWN][:, :500]}),
        _report(lambda r: {**r, "furthest": 0.0}),
        _report(lambda r: {**r, "furthest": 100 * r["furthest"]}),
        _report(lambda r: {**r, "evaluation_seed": 1.5}),
        _report(lambda r: {**r, "evaluation_seed": 1001}),
        _report(lambda r: _recomputed(r, **{OWN: 0.95 * r[OWN]})),
        _report(lambda r: _recomputed(r, **{ONE: r[ONE] + 0.1})),
        _report(lambda r: {**r, "low": float("nan")}),
        _report(lambda r: {**r, "conclusion": "own"}),
        _report(lambda r: _with(r, r["curvatures"], iterations=(400, 100))),
    )
]
RIGHT = [
    (ch06.check_own_rates, answer)
    for answer in (
        _right,
        _report(_in_numpy),
        _report(_in_double),
        _report(lambda r: _some(r, [0, 2, 4, 5, 7])),
        _report(lambda r: _on(r, 200, 9)),
        _report(lambda r: dict(reversed(r.items()))),
        _report(lambda r: _with(r, [0.05, 5.0, 0.3, 0.3], seeds=[5, 17, 3, 99, 2024])),
        _report(lambda r: _with(r, [0.1, 0.1, 0.1, 0.1, 1.0, 1.0, 1.0, 1.0])),
    )
]
