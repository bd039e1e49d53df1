"""Reports on what pays in a maze, chapter 08, from an eleventh attack."""

import math

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed

from attacks.ch08_tenth_reports import SOLUTION, _billed, _concluded, _differences, _measured, _paid, _with_ends
from metarl_core.check import ch08
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes import star_maze
from metarl_core.recipes.star_maze import after_a_step, from_scratch, meta_train, pre_train, sample_tasks

KINDS = ("maml", "pretrained")


def _each(report, change):
    return _concluded(report, **{f"returns_{k}": change(report[f"returns_{k}"]) for k in KINDS})


def _interval_of(report, values):
    found = t_interval(values)
    return {**report, "low": found.low, "high": found.high}


def _relative(report):
    return _interval_of(report, _differences(report) / report["returns_pretrained"].double().mean(1))


def _with_episodes_before(report):
    """Means over the ten episodes before the step and the ten after it."""
    found = {
        f"returns_{k}": (report[f"returns_{k}"] + after_a_step(report[k], report["held_out"], 1e-9, seeded(9))) / 2
        for k in KINDS
    }
    return _billed(_concluded(report, **found))


def _two_episodes(report):
    """A step on two episodes, and two of them to be judged on."""
    kept, star_maze.EPISODES = star_maze.EPISODES, 2
    try:
        return _measured(report)
    finally:
        star_maze.EPISODES = kept


def _first_passages(report):
    """The mean over tasks of the episodes until each task's own mean of ten is at the level."""
    level = report["returns_maml"].mean()
    above = from_scratch(report["held_out"], report["scratch_lr"], seeded(6)) >= level
    first = torch.where(above.any(1), above.int().argmax(1), 60)
    return _paid(report, scratch_episodes=round(10 * float(first.float().mean())))


def _highest(report):
    curve = from_scratch(report["held_out"], report["scratch_lr"], seeded(6)).mean(0)
    return _paid(report, scratch_episodes=10 * int(curve.argmax()))


def _half_of_training(report):
    pays = torch.cat([sample_tasks(100, seeded(31))["pays"], sample_tasks(100, seeded(32), "test")["pays"]])
    return _measured(report, held_out={"pays": pays})


def _pays(change, n=200, seed=33):
    """Held-out tasks that were changed after they were drawn."""
    return lambda report: _measured(report, held_out={"pays": change(sample_tasks(n, seeded(seed), "test")["pays"])})


def _another_study(seeds, alpha, size, n, rate, luck=(14, 15)):
    def change(report):
        report = {
            **report,
            "seeds": seeds,
            "maml_lr": alpha,
            "maml": meta_train([int(s) for s in seeds], alpha),
            "pretrained_step": size,
            "pretrained": pre_train([int(s) for s in seeds]),
            "held_out": sample_tasks(n, seeded(200 + n), "test"),
            "scratch_lr": rate,
        }
        found = {
            f"returns_{k}": after_a_step(report[k], report["held_out"], step, seeded(one))
            for k, step, one in zip(KINDS, (alpha, size), luck, strict=True)
        }
        return _billed(_concluded(report, **found))

    return change


def _rows(report, keep):
    seeds, tables = [report["seeds"][i] for i in keep], {k: report[k][keep] for k in KINDS}
    return _measured(report, seeds=seeds, **tables)


def _pairs(report):
    return (report["returns_maml"] - report["returns_pretrained"]).double()


def _until(report, tasks, level):
    curve = from_scratch(tasks, report["scratch_lr"], seeded(6)).mean(0)
    return _paid(report, scratch_episodes=10 * int((curve >= level).nonzero()[0]))


REPORTS = {
    "episodes_before_the_step_count": _with_episodes_before,
    "two_episodes": _two_episodes,
    "sums_over_ten_episodes": lambda r: _each(r, lambda x: 10 * x),
    "rewards_of_a_step": lambda r: _each(r, lambda x: x / 12),
    "shares_of_the_best_arm": lambda r: _each(r, lambda x: x / 0.6),
    "first_task_missing": lambda r: _each(r, lambda x: x[:, 1:]),
    "means_for_tasks": lambda r: _each(r, lambda x: x.mean(1, keepdim=True).expand_as(x).clone()),
    "means_over_seeds_for_rows": lambda r: _each(r, lambda x: x.mean(0, keepdim=True).expand_as(x).clone()),
    "pretraining_by_maml_without_a_step": lambda r: _measured(r, pretrained=meta_train(r["seeds"], 1e-9)),
    "pretraining_begins_a_seed_later": lambda r: _measured(r, pretrained=pre_train([s + 1 for s in r["seeds"]])),
    "pretraining_turned_round": lambda r: _measured(r, pretrained=r["pretrained"].flip(0)),
    "pretraining_untrained": lambda r: _measured(r, pretrained=0 * r["pretrained"]),
    "pretraining_for_longer": lambda r: _measured(r, pretrained=pre_train(r["seeds"], 120)),
    "maml_one_iteration_less": lambda r: _measured(r, maml=meta_train(r["seeds"], r["maml_lr"], 45)),
    "maml_with_a_huge_alpha": lambda r: _measured(r, maml_lr=2000, maml=meta_train(r["seeds"], 2000)),
    "pretraining_with_400": lambda r: _measured(r, pretrained_step=500),
    "maml_trained_with_another_alpha": lambda r: _measured(r, maml=meta_train(r["seeds"], 10.0)),
    "half_of_training": _half_of_training,
    "poor_arms_first": _pays(lambda pays: pays.sort(1).values),
    "pays_doubled": _pays(lambda pays: 2 * pays),
    "one_arm_pays_all": _pays(lambda pays: torch.where(pays == pays.amax(1, keepdim=True), pays, 0)),
    "four_hundred_tasks": lambda r: _measured(r, held_out=sample_tasks(400, seeded(34), "test")),
    "step_counts_of_a_seed": lambda r: {**r, "seeds": r["seeds"][::-1]},
    "first_passages": _first_passages,
    "until_the_highest": _highest,
    "steps_for_episodes": lambda r: _paid(r, scratch_episodes=12 * r["scratch_episodes"]),
    "twenty_an_update": lambda r: _paid(r, scratch_episodes=2 * r["scratch_episodes"]),
    "one_task_at_a_time": lambda r: _paid(r, scratch_episodes=max(20, r["scratch_episodes"] // 10)),
    "twenty_episodes_on_a_task": lambda r: {**r, "paid_after": math.ceil(24_000 / (r["scratch_episodes"] - 20))},
    "ten_added": lambda r: {**r, "paid_after": math.ceil(24_000 / (r["scratch_episodes"] + 10))},
    "pretraining_paid_too": lambda r: _paid(r, 48_000),
    "iterations_for_episodes": lambda r: _paid(r, 60),
    "iterations_times_tasks": lambda r: _paid(r, 1_200),
    "in_updates": lambda r: {**r, "paid_after": 10 * r["paid_after"]},
    "not_rounded": lambda r: {**r, "paid_after": 24_000 / (r["scratch_episodes"] - 10) + 0.01},
    "one_earlier": lambda r: {**r, "paid_after": r["paid_after"] - 1},
    "relative_lead": _relative,
    "over_the_means_of_tasks": lambda r: _interval_of(
        r, (r["returns_maml"] - r["returns_pretrained"]).double().mean(0)
    ),
    "medians": lambda r: _interval_of(
        r, (r["returns_maml"] - r["returns_pretrained"]).double().median(1).values - 0.02
    ),
    "lead_in_per_cent": lambda r: {**r, "low": 100 * r["low"], "high": 100 * r["high"]},
    "worst_pair_left_out": lambda r: _interval_of(r, _differences(r).sort().values[1:]),
    **{name: _with_ends(ends) for name, ends in FURTHER_ENDS.items()},
}


def _in_turn(report):
    """The seeds one after the other, each with a generator of the same seed."""
    found = {
        f"returns_{kind}": torch.cat(
            [after_a_step(report[kind][[s]], report["held_out"], size, seeded(9)) for s in range(len(report["seeds"]))]
        )
        for kind, size in (("maml", report["maml_lr"]), ("pretrained", report["pretrained_step"]))
    }
    return _billed(_concluded(report, **found))


GOOD = {
    "in_turn": _in_turn,
    "five_far_seeds": _another_study([1_000_000, 5, 12, 900, 44], 64, 60.0, 300, 0.2),
    "rows_in_another_order": lambda r: _rows(r, [9, 1, 8, 2, 7, 3]),
    "numbers_of_other_kinds": lambda r: {
        **r,
        "maml": r["maml"].numpy(),
        "pretrained": r["pretrained"].double(),
        "low": round(r["low"], 4),
        "high": torch.tensor(r["high"]),
        "paid_after": float(r["paid_after"]),
        "scratch_episodes": torch.tensor(r["scratch_episodes"]),
        "maml_lr": np.float32(r["maml_lr"]),
        "held_out": {"pays": r["held_out"]["pays"].clone()},
    },
}
NOT_ASKED = {
    "mean_of_twenty_evaluations": lambda r: _concluded(
        r,
        returns_maml=torch.stack(
            [after_a_step(r["maml"], r["held_out"], r["maml_lr"], seeded(70 + n)) for n in range(20)]
        ).mean(0),
    ),
    "scratch_to_the_level_of_pretraining": lambda r: _until(r, r["held_out"], r["returns_pretrained"].mean()),
    "scratch_on_training_tasks": lambda r: _until(r, sample_tasks(200, seeded(1)), r["returns_maml"].mean()),
}
"""Told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch08.check_payoff, REPORTS)
RIGHT = changed(SOLUTION, ch08.check_payoff, GOOD)
DOUBTFUL = changed(SOLUTION, ch08.check_payoff, NOT_ASKED)
