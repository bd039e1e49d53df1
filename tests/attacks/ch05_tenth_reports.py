"""Reports on the second order, chapter 05, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, row_copied, with_ends

from metarl_core.check import ch05
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.pulses import cosines, errors, learn, sample_tasks
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "05_maml.py"


def _differences(report):
    one, two = (torch.as_tensor(np.asarray(report[f"errors_{name}"])).double() for name in ("fomaml", "maml"))
    return (one - two).mean(1)


def _concluded(report, **fields):
    report = {**report, **fields}
    found = t_interval(_differences(report))
    verdict = ch05.MAML_LOWER if found.low > 0 else ch05.FOMAML_LOWER if found.high < 0 else ch05.NOT_TOLD_APART
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict}


def _measured(report, **fields):
    """All that follows from parameters, step sizes and held-out tasks."""
    report = {**report, **fields}
    both = {f"errors_{n}": errors(report[n], report[f"inner_lr_{n}"], report["held_out"]) for n in ("maml", "fomaml")}
    cosine = float(cosines(report["maml"], report["inner_lr_maml"], report["held_out"]).mean())
    return _concluded(report, cosine=cosine, **both)


_with_ends = with_ends(_differences)


def _of_one_seed(parameters, target=1, source=0):
    return {name: row_copied(value, target, source) for name, value in parameters.items()}


def _over_tasks(report):
    found = t_interval((report["errors_fomaml"] - report["errors_maml"]).flatten())
    return {**report, "low": found.low, "high": found.high}


def _tuned(report, name, place, value):
    values = list(report[f"tuned_{name}"])
    values[place] = value
    return values


def _tuned_anew(report, step_sizes, seeds, tasks):
    found = {**report, "step_sizes": step_sizes, "tuning_seeds": seeds, "tuning_tasks": tasks}
    for name, second in (("maml", True), ("fomaml", False)):
        values = [float(errors(learn(seeds, a, second), a, tasks).mean()) for a in step_sizes]
        found[f"tuned_{name}"] = values
        found[f"inner_lr_{name}"] = step_sizes[int(np.argmin(values))]
    return found


def _some(tasks, name, number):
    """The tasks whose parameter is smallest."""
    order = tasks[name].argsort()[:number]
    return {key: value[order] for key, value in tasks.items()}


def _mirrored(tasks):
    """Centres from 0 on; a number and its absolute value have the same last bit."""
    return {**tasks, "centre": tasks["centre"].abs()}


def _best_tasks(report):
    """Of a thousand held-out tasks the 250 on which MAML's lead is largest."""
    tasks = sample_tasks(1000, seeded(8), "test")
    lead = _measured(report, held_out=tasks)
    order = (lead["errors_fomaml"] - lead["errors_maml"]).mean(0).argsort(descending=True)[:250]
    return _measured(report, held_out={key: value[order] for key, value in tasks.items()})


def _other_choices(report):
    found = _tuned_anew(report, (0.12, 0.06, 0.03, 0.015), (50, 60, 70), sample_tasks(250, seeded(15)))
    seeds = [21, 4, 33, 17, 90, 8]
    rows = {name: learn(seeds, found[f"inner_lr_{name}"], name == "maml") for name in ("maml", "fomaml")}
    return _measured(found, seeds=seeds, held_out=sample_tasks(220, seeded(16), "test"), **rows)


def _seed_by_seed(report):
    seeds = [300, 301, 302, 303, 304]
    found = {
        name: [learn([seed], report[f"inner_lr_{name}"], name == "maml") for seed in seeds]
        for name in ("maml", "fomaml")
    }
    joined = {name: {key: torch.cat([row[key] for row in rows]) for key in rows[0]} for name, rows in found.items()}
    return _measured(report, seeds=tuple(seeds), **joined)


def _turned_round(report):
    return {
        **report,
        "step_sizes": report["step_sizes"][::-1],
        "tuned_maml": report["tuned_maml"][::-1],
        "tuned_fomaml": report["tuned_fomaml"][::-1],
    }


REPORTS = {
    "mamls_step_size_for_both": lambda r: _measured(
        r, inner_lr_fomaml=r["inner_lr_maml"], fomaml=learn(r["seeds"], r["inner_lr_maml"], False)
    ),
    "mamls_step_size_at_the_test": lambda r: _concluded(
        r, errors_fomaml=errors(r["fomaml"], r["inner_lr_maml"], r["held_out"])
    ),
    "trained_with_mamls_step_size": lambda r: _measured(r, fomaml=learn(r["seeds"], r["inner_lr_maml"], False)),
    "as_many_iterations_for_both": lambda r: _measured(
        r, fomaml=learn(r["seeds"], r["inner_lr_fomaml"], False, outer_steps=210)
    ),
    "half_the_iterations_of_maml": lambda r: _measured(
        r, maml=learn(r["seeds"], r["inner_lr_maml"], True, outer_steps=105)
    ),
    "maml_without_its_factors": lambda r: _measured(r, maml=learn(r["seeds"], r["inner_lr_maml"], False)),
    "methods_exchanged": lambda r: _measured(r, maml=r["fomaml"], fomaml=r["maml"]),
    "errors_exchanged": lambda r: _concluded(r, errors_maml=r["errors_fomaml"], errors_fomaml=r["errors_maml"]),
    "other_seeds_for_fomaml": lambda r: _measured(r, fomaml=learn(list(range(20, 28)), r["inner_lr_fomaml"], False)),
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(30, 38))},
    "worst_seed_of_maml_replaced": lambda r: _measured(
        r,
        maml=_of_one_seed(r["maml"], int(r["errors_maml"].mean(1).argmax()), int(r["errors_maml"].mean(1).argmin())),
    ),
    "rows_rolled": lambda r: _concluded(r, errors_fomaml=r["errors_fomaml"].roll(1, 0)),
    "a_row_of_errors_replaced": lambda r: _concluded(r, errors_maml=row_copied(r["errors_maml"], 2, 3)),
    "tasks_sorted": lambda r: _concluded(
        r, errors_maml=r["errors_maml"].sort(1).values, errors_fomaml=r["errors_fomaml"].sort(1).values
    ),
    "seed_means_for_tasks": lambda r: _concluded(
        r, errors_maml=r["errors_maml"].mean(1, keepdim=True).expand(-1, 500).clone()
    ),
    "tuned_on_reported_seeds": lambda r: {**r, "tuning_seeds": [0, 1]},
    "tuned_with_one_seed": lambda r: {**r, "tuning_seeds": [100]},
    "tuned_on_held_out_tasks": lambda r: {**r, "tuning_tasks": r["held_out"]},
    "tuned_on_test_tasks": lambda r: {**r, "tuning_tasks": sample_tasks(300, seeded(5), "test")},
    "held_out_twins_of_the_tuning": lambda r: _measured(r, held_out=sample_tasks(300, seeded(5), "test")),
    "held_out_are_training_tasks": lambda r: _measured(r, held_out=sample_tasks(500, seeded(6))),
    "hundred_held_out": lambda r: _measured(r, held_out=sample_tasks(100, seeded(6), "test")),
    "tuned_with_one_seed_in_truth": lambda r: _tuned_anew(r, r["step_sizes"], [100], r["tuning_tasks"]),
    "tuned_with_a_seed_twice": lambda r: _tuned_anew(r, r["step_sizes"], [100, 100], r["tuning_tasks"]),
    "chosen_tasks": _best_tasks,
    "all_on_the_right": lambda r: _measured(r, held_out=_mirrored(sample_tasks(500, seeded(6), "test"))),
    "three_step_sizes": lambda r: {
        **r,
        **{name: r[name][:3] for name in ("step_sizes", "tuned_maml", "tuned_fomaml")},
    },
    "list_ends_at_the_best": lambda r: {
        **r,
        "step_sizes": [0.0175, 0.02, 0.035, 0.07],
        "tuned_maml": [r["tuned_maml"][0], r["tuned_maml"][0] - 0.005, *r["tuned_maml"][1:3]],
        "tuned_fomaml": [r["tuned_fomaml"][0], r["tuned_fomaml"][0] - 0.005, *r["tuned_fomaml"][1:3]],
    },
    "tunings_exchanged": lambda r: {**r, "tuned_maml": r["tuned_fomaml"], "tuned_fomaml": r["tuned_maml"]},
    "second_best_step_size": lambda r: _measured(r, inner_lr_maml=0.035, maml=learn(r["seeds"], 0.035, True)),
    "step_size_off_the_list": lambda r: _measured(r, inner_lr_maml=0.06, maml=learn(r["seeds"], 0.06, True)),
    "cosine_with_fomamls_step_size": lambda r: {
        **r,
        "cosine": float(cosines(r["maml"], r["inner_lr_fomaml"], r["held_out"]).mean()),
    },
    "median_cosine": lambda r: {
        **r,
        "cosine": float(cosines(r["maml"], r["inner_lr_maml"], r["held_out"]).median()),
    },
    "cosine_of_one": lambda r: {**r, "cosine": 1.0},
    "maml_less_fomaml": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "not_told_apart": lambda r: {**r, "conclusion": ch05.NOT_TOLD_APART},
    "fomaml_lower": lambda r: {**r, "conclusion": ch05.FOMAML_LOWER},
    "over_tasks": _over_tasks,
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}
GOOD = {
    "other_choices": _other_choices,
    "seed_by_seed": _seed_by_seed,
    "turned_round": _turned_round,
    "arrays": lambda r: {
        **r,
        "errors_maml": r["errors_maml"].numpy(),
        "errors_fomaml": r["errors_fomaml"].tolist(),
        "tuned_maml": np.array(r["tuned_maml"]),
        "cosine": np.float32(r["cosine"]),
    },
    "double_precision": lambda r: _concluded(
        r, errors_maml=r["errors_maml"].double(), errors_fomaml=r["errors_fomaml"].double()
    ),
}

NOT_ASKED = {
    "outliers_cut_off": lambda r: _concluded(
        r, errors_maml=r["errors_maml"].clamp_max(0.5), errors_fomaml=r["errors_fomaml"].clamp_max(0.5)
    ),
    "other_tuning_seeds_are_named": lambda r: {**r, "tuning_seeds": [110, 111]},
    "narrow_pulses_alone": lambda r: _measured(r, held_out=_some(sample_tasks(1000, seeded(9), "test"), "width", 250)),
    "a_tuned_entry_made_up": lambda r: {**r, "tuned_fomaml": _tuned(r, "fomaml", 3, 0.31)},
    "tuned_entries_rounded": lambda r: {**r, "tuned_maml": [round(x, 1) for x in r["tuned_maml"]]},
    "tuned_at_half_the_bill": lambda r: {
        **r,
        "tuned_fomaml": [
            float(errors(learn(r["tuning_seeds"], a, False, outer_steps=210), a, r["tuning_tasks"]).mean())
            for a in r["step_sizes"]
        ],
    },
    "cosine_at_fomamls_parameters": lambda r: {
        **r,
        "cosine": float(cosines(r["fomaml"], r["inner_lr_fomaml"], r["held_out"]).mean()),
    },
    "cosine_on_training_tasks": lambda r: {
        **r,
        "cosine": float(cosines(r["maml"], r["inner_lr_maml"], r["tuning_tasks"]).mean()) + 0.0,
    },
    "held_out_twice": lambda r: _measured(
        r, held_out={n: v[:250].repeat(2, *[1] * (v.ndim - 1)) for n, v in r["held_out"].items()}
    ),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch05.check_second_order, REPORTS)
RIGHT = changed(SOLUTION, ch05.check_second_order, GOOD)
DOUBTFUL = changed(SOLUTION, ch05.check_second_order, NOT_ASKED)
