"""Answers to project III: reports of a claim about meta-RL, made from the solution's."""

import torch
from produced_reports import Late
from report_changes import around, one_error, one_sided, t_quantile, with_ends, with_interval, with_n, z_half

from metarl_core.check import ch17
from metarl_core.evaluation import t_interval
from tools.course import ROOT

SOLUTION = ROOT / "projects" / "17p_claim.py"


def _report(change):
    return Late(SOLUTION, "check_claim", change)


def _changed(**fields):
    """Fields of the report replaced by functions of the report."""
    return _report(lambda r: {**r, **{name: make(r) for name, make in fields.items()}})


def _runs(report):
    return (torch.as_tensor(report["first_scores"]) - torch.as_tensor(report["second_scores"])).double().mean(1)


def _by_rule(low, high, smallest):
    return ch17.HOLDS if low > smallest else ch17.REFUTED if high < smallest else ch17.UNDECIDED


def _recomputed(report, **fields):
    """With other fields, and the interval and the verdict that go with them."""
    report = {**report, **fields}
    interval = t_interval(_runs(report))
    return _judged({**report, "low": interval.low, "high": interval.high})


def _planned(report, **entries):
    """With another plan, sealed anew, and the verdict that goes with it."""
    plan = {**report["plan"], **entries}
    return _recomputed({**report, "plan": plan, "seal": ch17.seal(plan)})


def _measured(report, split="test", **fields):
    """With other fields, and the scores that go with them."""
    report = {**report, **fields}
    luck = report["evaluation_seed"]
    tasks = report["tasks"](report["plan"]["test_tasks"], torch.Generator().manual_seed(luck), split)
    scores = {}
    for method in ("first", "second"):
        each = [
            report["play"](method, seed, tasks, torch.Generator().manual_seed(luck)) for seed in report["plan"]["seeds"]
        ]
        scores[f"{method}_scores"] = torch.stack(each)
    return _recomputed(report, **scores)


def _with_mean_at(report, where):
    """The first method earns so much more or less that the mean difference lies there."""
    shift, play = where - float(_runs(report).mean()), report["play"]

    def shifted(method, seed, tasks, generator):
        return play(method, seed, tasks, generator) + (shift if method == "first" else 0.0)

    return _recomputed(report, play=shifted, first_scores=report["first_scores"] + shift)


def _some(report, keep):
    """The trainings of these places only."""
    scores = {f"{m}_scores": report[f"{m}_scores"][keep] for m in ("first", "second")}
    return _planned({**report, **scores}, seeds=[report["plan"]["seeds"][n] for n in keep])


def _judged(report):
    """With the verdict that goes with its interval."""
    return {**report, "verdict": _by_rule(report["low"], report["high"], report["plan"]["smallest"])}


def _ends(of):
    """The report with the interval that this makes of the differences, and the verdict that goes with it."""
    return _report(lambda r: _judged(with_ends(_runs)(of)(r)))


def _tasks_of(change):
    """The report with other tasks made of the solution's, and all that goes with them."""

    def make(report):
        old = report["tasks"]
        return _measured(report, tasks=lambda number, generator, split: change(old, number, generator, split))

    return _report(make)


def _same_always(old, number, generator, split):
    return old(number, torch.Generator().manual_seed(0), split)


def _luck_of_the_clock(old, number, generator, split):
    return old(number, torch.Generator().manual_seed(torch.seed() % 2**31), split)


def _one_split(old, number, generator, split):
    return old(number, generator, "train")


def _rich_where_reported(old, number, generator, split):
    tasks = old(number, generator, split)
    return {"pays": 2 * tasks["pays"]} if generator.initial_seed() == 1000 else tasks


def _one_training(report):
    """A seed that plays with another one's network, and with its luck."""
    play = report["play"]
    return _measured(report, play=lambda method, seed, tasks, generator: play(method, max(seed, 1), tasks, generator))


def _one_method(report):
    play = report["play"]
    return _measured(report, play=lambda method, seed, tasks, generator: play("first", seed, tasks, generator))


def _told(report, where, verdict):
    return {**_with_mean_at(report, where), "verdict": verdict}


MISCONCEIVED = [
    ("not_the_plan", _changed(seal=lambda r: "0" * 12)),
    ("not_the_plan", _changed(plan=lambda r: {**r["plan"], "smallest": 0.0})),
    ("no_claim", _report(lambda r: _planned(r, claim="MAML is better."))),
    ("smallest_below_zero", _report(lambda r: _planned(r, smallest=-0.5))),
    ("few_seeds", _report(lambda r: _some(r, [0, 1, 2, 3]))),
    ("seed_twice", _report(lambda r: _planned(r, seeds=[0, 1, 2, 3, 3]))),
    ("few_tasks", _report(lambda r: _measured(_small(r)))),
    ("no_cost", _report(lambda r: _planned(r, first_budget=0, second_budget=0))),
    ("unequal_budgets", _report(lambda r: _planned(r, second_budget=r["plan"]["second_budget"] // 2))),
    ("luck_from_elsewhere", _tasks_of(_same_always)),
    ("luck_from_elsewhere", _tasks_of(_luck_of_the_clock)),
    ("splits_share_tasks", _tasks_of(_one_split)),
    ("on_training_tasks", _report(lambda r: _measured(r, split="train"))),
    ("first_untrue", _report(lambda r: _recomputed(r, first_scores=1.1 * r["first_scores"]))),
    ("second_untrue", _report(lambda r: _recomputed(r, second_scores=r["second_scores"] - 0.1))),
    ("copied", _report(_one_training)),
    ("one_for_both", _report(_one_method)),
    ("chosen_luck", _tasks_of(_rich_where_reported)),
    ("not_an_interval", _changed(low=lambda r: r["high"], high=lambda r: r["low"])),
    ("extremes", _changed(low=lambda r: float(_runs(r).min()), high=lambda r: float(_runs(r).max()))),
    (
        "pooled_episodes",
        _report(lambda r: _judged(with_interval(r, r["first_scores"] - r["second_scores"], z_half))),
    ),
    ("standard_deviation", _ends(lambda x: around(x, len(x) ** 0.5))),
    ("standard_error", _ends(one_error)),
    ("normal_interval", _ends(lambda x: around(x, 1.96))),
    ("divides_by_n", _ends(with_n)),
    ("one_sided", _ends(one_sided)),
    ("off_centre", _ends(lambda x: around(x + x.std(ddof=1), t_quantile(x)))),
    ("too_narrow", _ends(lambda x: around(x, 0.6 * t_quantile(x)))),
    ("too_wide", _ends(lambda x: around(x, 1.9 * t_quantile(x)))),
    ("against_zero", _report(lambda r: _told(r, 0.05, ch17.HOLDS))),
    ("says_too_much", _report(lambda r: _told(r, 0.1, ch17.REFUTED))),
    ("says_too_little", _report(lambda r: _told(r, -0.2, ch17.UNDECIDED))),
    ("wrong_side", _report(lambda r: _told(r, -0.2, ch17.HOLDS))),
]
"""misconceptions of the check, and reports that have them"""


def _small(report):
    plan = {**report["plan"], "test_tasks": 30}
    return {**report, "plan": plan, "seal": ch17.seal(plan)}


WRONG = [
    (ch17.check_claim, answer)
    for answer in (
        _report(lambda r: {key: value for key, value in r.items() if key != "seal"}),
        _report(lambda r: {**r, "notes": "fine"}),
        _changed(plan=lambda r: {key: value for key, value in r["plan"].items() if key != "claim"}),
        _changed(plan=lambda r: {**r["plan"], "claim": ...}),
        _changed(plan=lambda r: {**r["plan"], "seeds": "01234"}),
        _changed(first_scores=lambda r: r["first_scores"][:4]),
        _changed(second_scores=lambda r: r["second_scores"][:, :60]),
        _changed(first_scores=lambda r: r["first_scores"] * float("nan")),
        _changed(evaluation_seed=lambda r: r["evaluation_seed"] + 1),
        _changed(evaluation_seed=lambda r: -1),
        _changed(play=lambda r: lambda method, seed, tasks: 0.0),
        _changed(play=lambda r: lambda method, seed, tasks, generator: r["play"](method, seed, tasks, generator)[:5]),
        _changed(tasks=lambda r: lambda number, generator, split: None),
        _changed(verdict=lambda r: "refuted"),
        _report(lambda r: {**r, "first_scores": r["second_scores"], "second_scores": r["first_scores"]}),
        _report(lambda r: _planned(r, second_budget=-5)),
    )
]

RIGHT = [
    (ch17.check_claim, answer)
    for answer in (
        _report(dict),
        _changed(first_scores=lambda r: r["first_scores"].numpy(), second_scores=lambda r: r["second_scores"].tolist()),
        _changed(low=lambda r: round(r["low"], 5), high=lambda r: round(r["high"], 5)),
        _report(lambda r: _with_mean_at(r, 0.3)),
        _report(lambda r: _with_mean_at(r, 0.1)),
        _report(lambda r: _measured(r, evaluation_seed=77)),
        _report(lambda r: _planned(r, seeds=tuple(r["plan"]["seeds"]))),
    )
]
