"""Answers to project II: reports of MAML and its rival on a family and a network of one's own."""

import torch
from produced_reports import Late
from report_changes import around, one_error, one_sided, t_quantile, with_ends, with_interval, with_n, z_half

from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.meta import Joint, supervised, task_loss
from metarl_core.recipes import sinusoid
from metarl_core.tasks import FewShot
from tools.course import ROOT

SOLUTION = ROOT / "projects" / "07p_own_family.py"


def _report(change):
    return Late(SOLUTION, "check_project", change)


def _changed(**fields):
    """Fields of the report replaced by functions of the report."""
    return _report(lambda r: {**r, **{name: make(r) for name, make in fields.items()}})


def _pairs(report):
    return (torch.as_tensor(report["pretrained_losses"]) - torch.as_tensor(report["maml_losses"])).double()


def _runs(report):
    return _pairs(report).mean(1)


def _recomputed(report, **fields):
    """With other fields, and the interval and the verdict that go with them."""
    report = {**report, **fields}
    interval = t_interval(_runs(report))
    verdict = ch07.LOWER if interval.low > 0 else ch07.HIGHER if interval.high < 0 else ch07.NOT_TOLD
    return {**report, "low": interval.low, "high": interval.high, "verdict": verdict}


def _measured(report, split="test", tasks=None, seed=None, steps=None, **fields):
    """With other fields, and the losses that go with them."""
    report = {**report, **fields}
    seed = report["evaluation_seed"] if seed is None else seed
    tasks = torch.as_tensor(report["maml_losses"]).shape[1] if tasks is None else tasks
    data = report["draw"](tasks, torch.Generator().manual_seed(seed), split)
    found = {}
    for method in ("maml", "pretrained"):
        learner = Joint(task_loss(report["network"], report["criterion"]), report[f"{method}_lr"])
        rows = [{k: v[n] for k, v in report[method].items()} for n in range(len(report["seeds"]))]
        count = report["steps"] if steps is None else steps
        curves = [supervised.adaptation_curve(learner, one, data, [count])[:, 0] for one in rows]
        found[f"{method}_losses"] = torch.stack(curves)
    return _recomputed(report, **found)


def _some(report, keep):
    """The trainings of these places only."""
    picked = {m: {k: v[keep] for k, v in report[m].items()} for m in ("maml", "pretrained")}
    losses = {f"{m}_losses": report[f"{m}_losses"][keep] for m in ("maml", "pretrained")}
    return _recomputed(report, seeds=[report["seeds"][n] for n in keep], **picked, **losses)


def _ends(of):
    """The report with the interval that this makes of the differences."""
    return _report(with_ends(_runs)(of))


# ---------------------------------------------------------------- families


def _draw_of(change):
    """The report with another family made of the solution's, and all that goes with it."""

    def make(report):
        old = report["draw"]
        return _measured(report, draw=lambda tasks, generator, split: change(old, tasks, generator, split))

    return _report(make)


def _global_luck(old, tasks, generator, split):
    return old(tasks, torch.Generator().manual_seed(int(torch.randint(10**6, ()))), split)


def _same_seed_always(old, tasks, generator, split):
    return old(tasks, torch.Generator().manual_seed(7), split)


def _one_split(old, tasks, generator, split):
    return old(tasks, generator, "train")


def _query_too(old, tasks, generator, split):
    data = old(tasks, generator, split)
    inputs = torch.cat([data.support_inputs, data.query_inputs], 1)
    targets = torch.cat([data.support_targets, data.query_targets], 1)
    return FewShot(data.support_inputs, data.support_targets, inputs, targets)


def _no_larger_tests(old, tasks, generator, split):
    """Raises where the check draws as many test tasks as it draws to compare the splits."""
    if (tasks, split) == (32, "test"):
        raise KeyError(split)
    return old(tasks, generator, split)


def _labels_shuffled(old, tasks, generator, split):
    data = old(tasks, generator, split)
    return data._replace(support_targets=torch.randint(2, data.support_targets.shape, generator=generator))


def _one_circle(old, tasks, generator, split):
    """The same for all tasks; training points are turned, so that the splits do not share them."""
    data = old(tasks, generator, split)
    support, query = ((-1 if split == "train" else 1) * part for part in (data.support_inputs, data.query_inputs))
    inside = [((part - 0.3).norm(dim=-1) < 0.5).long() for part in (support, query)]
    return FewShot(support, inside[0], query, inside[1])


def _from_the_course(report):
    return {**report, "draw": sinusoid.sample}


def _worse_rival(report):
    return _measured(report, pretrained_lr=report["pretrained_lr"] * 5)


def _never_trained(report):
    start = {
        k: 0.5 * torch.randn(v.shape, generator=torch.Generator().manual_seed(1)) for k, v in report["maml"].items()
    }
    return _measured(report, maml=start, maml_lr=5.0)


def _one_agent(report):
    return _measured(report, maml={k: v[:1].expand_as(v).clone() for k, v in report["maml"].items()})


MISCONCEIVED = [
    ("not_your_own", _report(_from_the_course)),
    ("luck_from_elsewhere", _draw_of(_global_luck)),
    ("luck_from_elsewhere", _draw_of(_same_seed_always)),
    ("splits_share_tasks", _draw_of(_one_split)),
    ("query_holds_support", _draw_of(_query_too)),
    ("few_seeds", _report(lambda r: _some(r, [0, 1, 2, 3]))),
    ("seed_twice", _changed(seeds=lambda r: [0, 1, 2, 3, 3])),
    ("copied", _report(_one_agent)),
    ("one_for_both", _report(lambda r: _measured(r, maml=r["pretrained"]))),
    ("few_tasks", _report(lambda r: _measured(r, tasks=40))),
    ("no_cost", _changed(maml_tasks=lambda r: 1, pretrained_tasks=lambda r: 1)),
    ("unequal_budgets", _changed(pretrained_tasks=lambda r: r["pretrained_tasks"] // 10)),
    ("before_any_step", _report(lambda r: _measured(r, steps=0))),
    (
        "before_any_step",
        _report(lambda r: _recomputed(r, pretrained_losses=_measured(r, steps=0)["pretrained_losses"])),
    ),
    ("on_training_tasks", _report(lambda r: _measured(r, split="train"))),
    ("maml_untrue", _report(lambda r: _recomputed(r, maml_losses=0.9 * torch.as_tensor(r["maml_losses"])))),
    ("maml_untrue", _report(lambda r: _measured(r, seed=77))),
    ("pretrained_untrue", _report(lambda r: _recomputed(r, pretrained_losses=r["pretrained_losses"] + 0.1))),
    ("support_is_useless", _draw_of(_one_circle)),
    ("not_learned", _report(_never_trained)),
    ("poorly_tuned", _report(_worse_rival)),
    ("not_an_interval", _changed(low=lambda r: r["high"], high=lambda r: r["low"])),
    ("extremes", _changed(low=lambda r: float(_runs(r).min()), high=lambda r: float(_runs(r).max()))),
    ("pooled_episodes", _report(lambda r: with_interval(r, _pairs(r), z_half))),
    ("standard_deviation", _ends(lambda x: around(x, len(x) ** 0.5))),
    ("standard_error", _ends(one_error)),
    ("normal_interval", _ends(lambda x: around(x, 1.96))),
    ("divides_by_n", _ends(with_n)),
    ("one_sided", _ends(one_sided)),
    ("off_centre", _ends(lambda x: around(x + x.std(ddof=1), t_quantile(x)))),
    ("too_narrow", _ends(lambda x: around(x, 0.84 * t_quantile(x)))),
    ("too_wide", _ends(lambda x: around(x, 1.7 * t_quantile(x)))),
    ("verdict", _changed(verdict=lambda r: ch07.NOT_TOLD)),
    ("verdict", _changed(verdict=lambda r: ch07.HIGHER)),
]
"""misconceptions of the check, and reports that have them"""

WRONG = [
    (ch07.check_project, answer)
    for answer in (
        _report(lambda r: {key: value for key, value in r.items() if key != "criterion"}),
        _report(lambda r: {**r, "notes": "fine"}),
        _changed(network=lambda r: r["criterion"]),
        _changed(maml=lambda r: {name: value[0] for name, value in r["maml"].items()}),
        _changed(pretrained=lambda r: dict(list(r["pretrained"].items())[1:])),
        _changed(maml_losses=lambda r: r["maml_losses"][:3]),
        _changed(maml_losses=lambda r: r["maml_losses"][:, :100]),
        _changed(maml_losses=lambda r: r["maml_losses"] * float("nan")),
        _changed(maml_lr=lambda r: -r["maml_lr"]),
        _changed(maml_lr=lambda r: 0.5 * r["maml_lr"]),
        _changed(pretrained_lr=lambda r: 4 * r["pretrained_lr"]),
        _changed(steps=lambda r: 0),
        _changed(steps=lambda r: r["steps"] + 1),
        _changed(evaluation_seed=lambda r: r["evaluation_seed"] + 1),
        _changed(draw=lambda r: lambda tasks, generator: r["draw"](tasks, generator, "test")),
        _changed(draw=lambda r: lambda tasks, generator, split: r["draw"](tasks + 1, generator, split)),
        _changed(draw=lambda r: lambda tasks, generator, split: None),
        _draw_of(_labels_shuffled),
        _draw_of(_no_larger_tests),
        _changed(verdict=lambda r: "MAML wins"),
        _report(lambda r: {**r, "maml": r["pretrained"], "pretrained": r["maml"]}),
    )
]

RIGHT = [
    (ch07.check_project, answer)
    for answer in (
        _report(dict),
        _changed(
            maml_losses=lambda r: r["maml_losses"].numpy(), pretrained_losses=lambda r: r["pretrained_losses"].tolist()
        ),
        _changed(seeds=lambda r: tuple(r["seeds"])),
        _changed(low=lambda r: round(r["low"], 4), high=lambda r: round(r["high"], 4)),
        _report(lambda r: _measured(r, tasks=150)),
        _report(lambda r: _measured(r, pretrained_lr=r["pretrained_lr"] * 1.2)),
    )
]
