"""Answers to an exercise of chapter 05: the report on what the second order is worth."""

import numpy as np
import torch
from produced_reports import Late
from report_changes import t_half, unpaired_half, with_interval, z_half

from metarl_core.check import ch05
from metarl_core.evaluation import t_interval
from metarl_core.recipes.pulses import cosines, errors, iterations, learn, sample_tasks
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "05_maml.py"
KINDS = ("maml", "fomaml")
MAML, FOMAML = "errors_maml", "errors_fomaml"


def _report(change):
    return Late(SOLUTION, "check_second_order", change)


def _differences(report):
    return torch.as_tensor(report[FOMAML] - report[MAML]).double().mean(1)


def _recomputed(report, **fields):
    """With other fields, and the interval and the conclusion that go with them."""
    report = {**report, **fields}
    interval = t_interval(_differences(report))
    said = ch05.MAML_LOWER if interval.low > 0 else ch05.FOMAML_LOWER if interval.high < 0 else ch05.NOT_TOLD_APART
    return {**report, "low": interval.low, "high": interval.high, "conclusion": said}


def _interval(half, shift=0.0):
    """The report with an interval of this half width, a function of the differences of the seeds."""
    return _report(lambda report: with_interval(report, _differences(report), half, shift))


def _some(report, keep):
    fields = {name: {key: value[keep] for key, value in report[name].items()} for name in KINDS}
    rows = {name: report[name][keep] for name in (MAML, FOMAML)}
    report = _recomputed(report, seeds=[report["seeds"][i] for i in keep], **fields, **rows)
    return {**report, "cosine": float(cosines(report["maml"], report["inner_lr_maml"], report["held_out"]).mean())}


def _on(report, tasks, **fields):
    """Measured on other tasks."""
    found = {f"errors_{kind}": errors(report[kind], report[f"inner_lr_{kind}"], tasks) for kind in KINDS}
    angle = float(cosines(report["maml"], report["inner_lr_maml"], tasks).mean())
    return _recomputed(report, held_out=tasks, cosine=angle, **found, **fields)


def _drawn(number, seed, split="train"):
    return sample_tasks(number, torch.Generator().manual_seed(seed), split)


def _first(tasks, number):
    return {name: value[:number] for name, value in tasks.items()}


def _first_for_all(report):
    copies = {name: value[:1].expand_as(value).clone() for name, value in report["fomaml"].items()}
    return _recomputed(
        {**report, "fomaml": copies}, **{FOMAML: errors(copies, report["inner_lr_fomaml"], report["held_out"])}
    )


def _at(report, rate):
    """FOMAML's trainings as they are, used with another step size."""
    return _recomputed(report, **{FOMAML: errors(report["fomaml"], rate, report["held_out"])})


def _short(report):
    """A list of step sizes that ends with MAML's best one."""
    sizes = [0.5 * report["step_sizes"][0], *report["step_sizes"][:3]]
    return {**report, "step_sizes": sizes, **{f"tuned_{k}": [0.3, *report[f"tuned_{k}"][:3]] for k in KINDS}}


def _half_of_two_groups(report):
    return with_interval(report, _differences(report), lambda x: unpaired_half(report[FOMAML], report[MAML]))


def _half_of_all(report):
    return with_interval(report, (report[FOMAML] - report[MAML]).double(), z_half)


def _noise(report):
    """Trainings in another order for the one method: nothing can be told, whatever is said."""
    other = {name: value.flip(0) for name, value in report["maml"].items()}
    return _recomputed(
        {**report, "fomaml": other, "inner_lr_fomaml": report["inner_lr_maml"], "tuned_fomaml": report["tuned_maml"]},
        **{FOMAML: report[MAML].flip(0)},
    )


def _equal_iterations(report):
    """FOMAML stopped after as many iterations as MAML makes."""
    stopped = learn(report["seeds"], report["inner_lr_fomaml"], False, iterations(True))
    longer = learn(report["seeds"], report["inner_lr_maml"], True, iterations(True) // 2)
    found = {
        FOMAML: errors(stopped, report["inner_lr_fomaml"], report["held_out"]),
        MAML: errors(longer, report["inner_lr_maml"], report["held_out"]),
    }
    angle = float(cosines(longer, report["inner_lr_maml"], report["held_out"]).mean())
    return _recomputed(report, maml=longer, fomaml=stopped, cosine=angle, **found)


def _made_up(report):
    return {**report, "tuned_maml": [v - 0.02 for v in report["tuned_maml"]],
            "tuned_fomaml": [v + 0.03 for v in report["tuned_fomaml"]]}  # fmt: skip


def _start_cosine(report):
    start = learn(report["seeds"], report["inner_lr_maml"], True, 0)
    return {**report, "cosine": float(cosines(start, report["inner_lr_maml"], report["held_out"]).mean())}


_right = _report(lambda report: report)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_training_for_all = _report(_first_for_all)
_three_step_sizes = _report(
    lambda r: {**r, "step_sizes": r["step_sizes"][:3], **{f"tuned_{k}": r[f"tuned_{k}"][:3] for k in KINDS}}
)
_tuned_on_reported_seeds = _report(lambda r: {**r, "tuning_seeds": r["seeds"][:2]})
_tuned_on_held_out = _report(lambda r: {**r, "tuning_tasks": _first(r["held_out"], 300)})
_measured_on_training = _report(lambda r: _on(r, _drawn(300, 8)))
_same_generator_for_both_splits = _report(lambda r: _on(r, _drawn(300, 5, "test")))
_hundred_tasks = _report(lambda r: _on(r, _first(r["held_out"], 100)))
_gains = _report(lambda r: _recomputed(r, **{MAML: -r[MAML], FOMAML: -r[FOMAML]}))
_step_size_of_maml_for_both = _report(lambda r: _at({**r, "inner_lr_fomaml": r["inner_lr_maml"]}, r["inner_lr_maml"]))
_smallest_step_size = _report(lambda r: _at({**r, "inner_lr_fomaml": r["step_sizes"][0]}, r["step_sizes"][0]))
_short_list = _report(_short)
_columns_exchanged = _report(lambda r: _recomputed(r, **{MAML: r[FOMAML], FOMAML: r[MAML]}))
_measured_with_mamls_step_size = _report(lambda r: _at(r, r["inner_lr_maml"]))
_of_other_tasks = _report(lambda r: {**r, "held_out": _drawn(500, 60, "test")})
_other_sign = _report(lambda r: {**r, "low": -r["high"], "high": -r["low"], "conclusion": ch05.FOMAML_LOWER})
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
_nothing_shown = _report(lambda r: {**_noise(r), "conclusion": ch05.MAML_LOWER})
_too_careful = _report(lambda r: {**r, "conclusion": ch05.NOT_TOLD_APART})
_wrong_winner = _report(lambda r: {**r, "conclusion": ch05.FOMAML_LOWER})
_cosine_of_the_start = _report(_start_cosine)
_as_many_iterations_for_both = _report(_equal_iterations)
_tuning_made_up = _report(_made_up)


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


def _in_numpy(report):
    """As arrays and tuples, rounded."""
    return {
        **report,
        "step_sizes": tuple(report["step_sizes"]),
        "seeds": tuple(report["seeds"]),
        "tuned_maml": np.round(report["tuned_maml"], 4),
        "tuned_fomaml": torch.tensor(report["tuned_fomaml"]),
        MAML: report[MAML].numpy(),
        FOMAML: report[FOMAML].numpy().astype(float),
        "low": np.float64(round(report["low"], 5)),
        "high": round(report["high"], 5),
        "cosine": round(report["cosine"], 2),
    }


def _in_double(report):
    """Parameters in double precision, errors rounded to four digits."""
    fields = {kind: {name: value.double() for name, value in report[kind].items()} for kind in KINDS}
    return _recomputed(report, **fields, **{name: report[name].double().round(decimals=4) for name in (MAML, FOMAML)})


def _list_backwards(report):
    turned = {name: report[name][::-1] for name in ("step_sizes", "tuned_maml", "tuned_fomaml")}
    return {**dict(reversed(report.items())), **turned}


WRONG = [
    (ch05.check_second_order, answer)
    for answer in (
        _key("seeds"),
        _key("cosine"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "seeds": []}),
        _report(lambda r: {**r, "seeds": r["seeds"][::-1]}),
        _report(lambda r: {**r, "seeds": [seed + 10 for seed in r["seeds"]]}),
        _report(lambda r: {**r, "tuning_seeds": []}),
        _report(lambda r: {**r, "tuning_seeds": list(range(100, 140))}),
        _report(lambda r: {**r, "maml": {n: v[:3] for n, v in r["maml"].items()}}),
        _report(lambda r: {**r, "maml": r["fomaml"], MAML: r[FOMAML]}),
        _report(lambda r: {**r, MAML: r[MAML].mean(1)}),
        _report(lambda r: {**r, MAML: r[MAML][:, :400]}),
        _report(lambda r: {**r, "held_out": r["held_out"]["height"]}),
        _report(lambda r: {**r, "held_out": {n: v.double() for n, v in r["held_out"].items()}}),
        _report(lambda r: {**r, "step_sizes": [-0.1, 0.0, *r["step_sizes"][1:3]]}),
        _report(lambda r: {**r, "tuned_maml": r["tuned_maml"][:2]}),
        _report(lambda r: {**r, "tuned_maml": dict.fromkeys("abc", 0.1)}),
        _report(lambda r: {**r, "cosine": float("nan")}),
        _report(lambda r: {**r, "cosine": 1.0}),
        _report(lambda r: {**r, "conclusion": "MAML"}),
        _report(lambda r: _recomputed(r, **{MAML: 0.9 * r[MAML]})),
        _report(lambda r: _recomputed(r, **{FOMAML: r[FOMAML] + 0.02})),
        _report(lambda r: _recomputed(r, **{FOMAML: r[FOMAML].flip(0)})),
        _report(lambda r: {**r, "low": float("inf")}),
        _report(lambda r: {**r, "tuned_fomaml": [0.9, 0.19, 0.9, 0.9], "tuned_maml": [0.9, 0.9, 0.1, 0.9]}),
    )
]
RIGHT = [
    (ch05.check_second_order, answer)
    for answer in (
        _right,
        _report(_in_numpy),
        _report(_in_double),
        _report(_list_backwards),
        _report(lambda r: _some(r, [0, 2, 4, 5, 7])),
        _report(lambda r: _some(r, [7, 6, 5, 4, 3, 2, 1, 0])),
        _report(lambda r: _on(r, _drawn(250, 61, "test"))),
        _report(lambda r: {**r, "maml": dict(reversed(r["maml"].items()))}),
    )
]
