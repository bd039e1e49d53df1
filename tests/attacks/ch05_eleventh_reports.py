"""Reports on the second order, chapter 05, from an eleventh attack."""

import contextlib

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed

from attacks.ch05_tenth_reports import SOLUTION, _concluded, _measured, _tuned_anew, _with_ends
from metarl_core.check import ch05
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes import pulses
from metarl_core.recipes.pulses import cosines, errors, learn, sample_tasks

KINDS = ("maml", "fomaml")


@contextlib.contextmanager
def _steps(number):
    kept, pulses.STEPS = pulses.STEPS, number
    try:
        yield
    finally:
        pulses.STEPS = kept


def _after(report, steps):
    """Errors after another number of inner steps."""
    with _steps(steps):
        found = {f"errors_{n}": errors(report[n], report[f"inner_lr_{n}"], report["held_out"]) for n in KINDS}
    return _concluded(report, **found)


def _both(report, change):
    return _concluded(report, **{f"errors_{n}": change(report[f"errors_{n}"]) for n in KINDS})


def _angles(report):
    return cosines(report["maml"], report["inner_lr_maml"], report["held_out"])


def _interval_of(report, values):
    found = t_interval(values)
    return {**report, "low": found.low, "high": found.high}


def _relative(report):
    one, two = (report[f"errors_{n}"].double().mean(1) for n in ("fomaml", "maml"))
    return _interval_of(report, (one - two) / two)


def _medians(report):
    return _interval_of(report, (report["errors_fomaml"] - report["errors_maml"]).double().median(1).values)


def _tuned_by(report, measure, chosen=True):
    """Tuned entries by another measure of a method's trainings, and the choice that follows from them."""
    found = dict(report)
    for name in KINDS:
        values = [
            measure(learn(report["tuning_seeds"], alpha, name == "maml"), alpha, name) for alpha in report["step_sizes"]
        ]
        found[f"tuned_{name}"] = values
        if chosen:
            found[f"inner_lr_{name}"] = report["step_sizes"][int(np.argmin(values))]
    if any(found[f"inner_lr_{n}"] != report[f"inner_lr_{n}"] for n in KINDS):
        rows = {n: learn(report["seeds"], found[f"inner_lr_{n}"], n == "maml") for n in KINDS}
        return _measured(found, **rows)
    return found


def _one_tuning_for_both(report):
    """MAML takes what FOMAML's tuning chose."""
    alpha = report["inner_lr_fomaml"]
    return _measured(
        report,
        tuned_maml=report["tuned_fomaml"],
        inner_lr_maml=alpha,
        maml=learn(report["seeds"], alpha, True),
    )


def _tuned_with_the_reported(report):
    """Trained for the tuning with two of the reported seeds, others are named."""
    found = _tuned_anew(report, report["step_sizes"], report["seeds"][:2], report["tuning_tasks"])
    return {**found, "tuning_seeds": report["tuning_seeds"]}


def _half_of_training(report):
    one, two = sample_tasks(250, seeded(21)), sample_tasks(250, seeded(22), "test")
    return _measured(report, held_out={name: torch.cat([one[name], two[name]]) for name in one})


def _on_a_grid(report):
    tasks = sample_tasks(400, seeded(23), "test")
    grid = torch.linspace(-3, 3, 6).expand_as(tasks["support"]).to(tasks["support"].dtype).clone()
    return _measured(report, held_out={**tasks, "support": grid})


def _tall(report):
    tasks = sample_tasks(400, seeded(24), "test")
    return _measured(report, held_out={**tasks, "height": 2 * tasks["height"]})  # the last bit stays


def _near_the_centre(report):
    """Support points of a chosen place: where the pulse is."""
    tasks = sample_tasks(400, seeded(25), "test")
    return _measured(report, held_out={**tasks, "support": (0.4 * tasks["support"] + tasks["centre"][:, None])})


def _another_study(report):
    found = _tuned_anew(report, [0.07, 0.02, 0.14, 0.04, 0.1], (401, 400), sample_tasks(120, seeded(41)))
    seeds = np.array([12345, 7, 60, 2])
    seeds = np.append(seeds, [31, 8, 500])
    rows = {n: learn([int(s) for s in seeds], found[f"inner_lr_{n}"], n == "maml") for n in KINDS}
    return _measured(found, seeds=seeds, held_out=sample_tasks(1000, seeded(42), "test"), **rows)


def _three_tuning_seeds(report):
    found = _tuned_anew(report, [0.01, 0.02, 0.04, 0.08, 0.16], [70, 71, 72], sample_tasks(400, seeded(43)))
    rows = {n: learn([1, 3, 5, 7, 9], found[f"inner_lr_{n}"], n == "maml") for n in KINDS}
    return _measured(found, seeds=[1, 3, 5, 7, 9], held_out=sample_tasks(200, seeded(44), "test"), **rows)


def _as_arrays(report):
    parameters = {n: {key: value.numpy() for key, value in report[n].items()} for n in KINDS}
    tasks = {n: {key: value.clone() for key, value in report[n].items()} for n in ("held_out", "tuning_tasks")}
    return {
        **report,
        **parameters,
        **tasks,
        "step_sizes": np.array(report["step_sizes"]),
        "inner_lr_maml": np.float64(report["inner_lr_maml"]),
        "cosine": torch.tensor(report["cosine"]),
        "seeds": torch.tensor(report["seeds"]),
    }


REPORTS = {
    "after_one_step": lambda r: _after(r, 1),
    "after_three_steps": lambda r: _after(r, 3),
    "before_a_step": lambda r: _concluded(r, **{f"errors_{n}": errors(r[n], 0.0, r["held_out"]) for n in KINDS}),
    "roots_of_errors": lambda r: _both(r, lambda x: x.sqrt()),
    "shares_of_predicting_zero": lambda r: _both(r, lambda x: x / 1.05),
    "sums_over_the_grid": lambda r: _both(r, lambda x: 61 * x),
    "first_task_missing": lambda r: _both(r, lambda x: x[:, 1:]),
    "shifted_by_a_task": lambda r: _both(r, lambda x: x.roll(1, 1)),
    "relative_difference": _relative,
    "medians_over_tasks": _medians,
    "maml_alone": lambda r: _interval_of(r, r["errors_maml"].double().mean(1)),
    "one_tuning_for_both": _one_tuning_for_both,
    "tuned_by_held_out_errors": lambda r: _tuned_by(
        r, lambda theta, alpha, name: float(errors(theta, alpha, r["held_out"]).mean()) + 0.02
    ),
    "tuned_with_the_reported_seeds": _tuned_with_the_reported,
    "tuned_by_the_better_seed": lambda r: _tuned_by(
        r, lambda theta, alpha, name: float(errors(theta, alpha, r["tuning_tasks"]).mean(1).min()), chosen=False
    ),
    "tuned_by_the_sum_of_seeds": lambda r: {**r, **{f"tuned_{n}": [2 * x for x in r[f"tuned_{n}"]] for n in KINDS}},
    "tuned_by_medians": lambda r: _tuned_by(
        r, lambda theta, alpha, name: float(errors(theta, alpha, r["tuning_tasks"]).median())
    ),
    "tuned_without_factors": lambda r: _tuned_by(
        r,
        lambda theta, alpha, name: float(
            errors(learn(r["tuning_seeds"], alpha, False), alpha, r["tuning_tasks"]).mean()
        ),
    ),
    "a_step_size_twice": lambda r: {
        **r,
        "step_sizes": [0.035, 0.035, 0.07, 0.14],
        **{f"tuned_{n}": [r[f"tuned_{n}"][1], *r[f"tuned_{n}"][1:]] for n in KINDS},
    },
    "largest_error_is_chosen": lambda r: _measured(
        r, inner_lr_maml=0.0175, maml=learn(r["seeds"], 0.0175, True), tuned_maml=[-x for x in r["tuned_maml"]]
    ),
    "fomaml_begins_a_seed_later": lambda r: _measured(
        r, fomaml=learn([s + 1 for s in r["seeds"]], r["inner_lr_fomaml"], False)
    ),
    "fomaml_turned_round": lambda r: _measured(r, fomaml={k: v.flip(0) for k, v in r["fomaml"].items()}),
    "fomaml_in_half_of_the_budget": lambda r: _measured(
        r, fomaml=learn(r["seeds"], r["inner_lr_fomaml"], False, outer_steps=245)
    ),
    "maml_after_the_budget": lambda r: _measured(r, maml=learn(r["seeds"], r["inner_lr_maml"], True, outer_steps=150)),
    "an_untrained_fomaml": lambda r: _measured(r, fomaml=learn(r["seeds"], r["inner_lr_fomaml"], False, 0)),
    "half_of_training": _half_of_training,
    "support_on_a_grid": _on_a_grid,
    "tall_pulses": _tall,
    "support_near_the_centre": _near_the_centre,
    "angle_in_degrees": lambda r: {**r, "cosine": float(_angles(r).clamp(-1, 1).arccos().rad2deg().mean())},
    "one_less_the_cosine": lambda r: {**r, "cosine": 1 - r["cosine"]},
    "cosine_squared": lambda r: {**r, "cosine": r["cosine"] ** 2},
    "smallest_cosine": lambda r: {**r, "cosine": float(_angles(r).mean(1).min()) - 0.05},
    "cosine_of_the_angles_mean": lambda r: {
        **r,
        "cosine": float(_angles(r).clamp(-1, 1).arccos().mean().cos()),
    },
    **{name: _with_ends(ends) for name, ends in FURTHER_ENDS.items()},
}
GOOD = {
    "another_study": _another_study,
    "three_tuning_seeds": _three_tuning_seeds,
    "as_arrays": _as_arrays,
    "rounded": lambda r: {
        **r,
        "low": round(r["low"], 4),
        "high": round(r["high"], 4),
        "cosine": round(r["cosine"], 2),
        "tuned_maml": [round(x, 3) for x in r["tuned_maml"]],
    },
    "pairs_of_numbers_as_lists": lambda r: {
        **r,
        "errors_maml": [list(map(float, row)) for row in r["errors_maml"]],
        "errors_fomaml": tuple(row.numpy() for row in r["errors_fomaml"]),
        "tuning_seeds": set(r["tuning_seeds"]),
    },
    "five_step_sizes": lambda r: {
        **r,
        "step_sizes": [*r["step_sizes"], 0.2],
        **{
            f"tuned_{n}": [
                *r[f"tuned_{n}"],
                float(errors(learn(r["tuning_seeds"], 0.2, n == "maml"), 0.2, r["tuning_tasks"]).mean()),
            ]
            for n in KINDS
        },
    },
}

WRONG = changed(SOLUTION, ch05.check_second_order, REPORTS)
RIGHT = changed(SOLUTION, ch05.check_second_order, GOOD)
