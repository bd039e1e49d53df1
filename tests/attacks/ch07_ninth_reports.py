"""Reports of a project on one's own family, chapter 07, from a ninth attack."""

import numpy as np
import torch
from produced_reports import Late
from torch import nn

from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.meta import Joint, supervised, task_loss
from metarl_core.tasks import FewShot
from tools.course import ROOT

from . import named

PROJECT = ROOT / "projects" / "07p_own_family.py"


def _project(change):
    return Late(PROJECT, "check_project", change)


def _losses(report, which, lr=None, steps=None, data=None, seeds=None):
    loss = task_loss(report["network"], report["criterion"])
    lr, steps = report[f"{which}_lr"] if lr is None else lr, report["steps"] if steps is None else steps
    if data is None:
        data = _held_out(report)
    rows = range(len(next(iter(report[which].values())))) if seeds is None else seeds
    each = [{name: value[row] for name, value in report[which].items()} for row in rows]
    return torch.stack([supervised.adaptation_curve(Joint(loss, lr), one, data, [steps])[:, 0] for one in each])


def _held_out(report, tasks=200, seed=None, split="test", draw=None):
    seed = report["evaluation_seed"] if seed is None else seed
    return (draw or report["draw"])(tasks, torch.Generator().manual_seed(seed), split)


def _concluded(report, **fields):
    report = {**report, **fields}
    first, second = (torch.as_tensor(np.asarray(report[f"{n}_losses"])).double() for n in ("maml", "pretrained"))
    found = t_interval((second - first).mean(1))
    verdict = ch07.LOWER if found.low > 0 else ch07.HIGHER if found.high < 0 else ch07.NOT_TOLD
    return {**report, "low": found.low, "high": found.high, "verdict": verdict}


def _measured(report, data=None, **fields):
    report = {**report, **fields}
    data = _held_out(report) if data is None else data
    return _concluded(
        report,
        maml_losses=_losses(report, "maml", data=data),
        pretrained_losses=_losses(report, "pretrained", data=data),
    )


def _losses_exchanged(report):
    return _concluded(report, maml_losses=report["pretrained_losses"], pretrained_losses=report["maml_losses"])


def _losses_of_other_seeds(report):
    return _concluded(report, maml_losses=torch.as_tensor(report["maml_losses"]).roll(1, 0))


def _tasks_in_another_order(report):
    return _concluded(report, maml_losses=torch.as_tensor(report["maml_losses"]).flip(1))


def _difference_turned(report):
    return {**report, "low": -report["high"], "high": -report["low"]}


def _normal_interval(report):
    x = (torch.as_tensor(report["pretrained_losses"]) - torch.as_tensor(report["maml_losses"])).double().mean(1)
    half = 1.96 * float(x.std()) / len(x) ** 0.5
    return {**report, "low": float(x.mean()) - half, "high": float(x.mean()) + half}


def _interval_over_tasks(report):
    x = (torch.as_tensor(report["pretrained_losses"]) - torch.as_tensor(report["maml_losses"])).double()
    found = t_interval(x.mean(0))
    return {**report, "low": found.low, "high": found.high}


def _interval_unpaired(report):
    one, two = (t_interval(torch.as_tensor(report[f"{n}_losses"]).double().mean(1)) for n in ("maml", "pretrained"))
    return {**report, "low": two.low - one.high, "high": two.high - one.low}


def _verdict_open(report):
    return {**report, "verdict": ch07.NOT_TOLD}


def _verdict_turned(report):
    return {**report, "verdict": ch07.HIGHER}


def _rival_without_a_search(report):
    return _measured(report, pretrained_lr=0.01)


def _rival_with_mamls_rate(report):
    return _measured(report, pretrained_lr=4.0)


def _rival_one_step(report):
    return _concluded(report, pretrained_losses=_losses(report, "pretrained", steps=1, data=_held_out(report, 500)))


def _rival_untrained(report):
    return _measured(report, pretrained={n: torch.zeros_like(v) for n, v in report["pretrained"].items()})


def _fewer_tasks_for_the_rival(report):
    return {**report, "pretrained_tasks": report["pretrained_tasks"] // 4}


def _another_seed_of_the_tasks(report):
    return {**report, "evaluation_seed": report["evaluation_seed"] + 1}


def _training_tasks_for_the_test(report):
    return _measured(report, _held_out(report, split="train"))


def _ninety_nine_tasks(report):
    return _measured(report, _held_out(report, 99))


def _easy_tasks(report):
    keep = torch.as_tensor(report["maml_losses"]).mean(0).argsort()[:200]
    return _concluded(
        report,
        maml_losses=torch.as_tensor(report["maml_losses"])[:, keep],
        pretrained_losses=torch.as_tensor(report["pretrained_losses"])[:, keep],
    )


def _best_start_for_all(report):
    best = int(torch.as_tensor(report["maml_losses"]).mean(1).argmin())
    maml = {name: value[best : best + 1].expand(value.shape).clone() for name, value in report["maml"].items()}
    return _measured(report, maml=maml)


def _four_seeds(report):
    kept = {n: {k: v[:4] for k, v in report[n].items()} for n in ("maml", "pretrained")}
    return _measured({**report, **kept}, seeds=list(report["seeds"])[:4])


def _one_seed_twice(report):
    return {**report, "seeds": [0, 1, 2, 3, 3]}


def _losses_in_between(report):
    """Losses before the steps for the rival."""
    return _concluded(report, pretrained_losses=_losses(report, "pretrained", steps=0, data=_held_out(report, 500)))


def _losses_smoothed(report):
    return _concluded(
        report, maml_losses=torch.as_tensor(report["maml_losses"]).mean(1, keepdim=True).expand(-1, 500).clone()
    )


def _losses_rounded(report):
    return _concluded(report, maml_losses=(torch.as_tensor(report["maml_losses"]) * 10).round() / 10)


def _splits_alike(report):
    usual = report["draw"]

    def draw(tasks, generator, split):
        return usual(tasks, generator, "train")

    return _measured({**report, "draw": draw})


def _luck_of_the_world(report):
    usual = report["draw"]

    def draw(tasks, generator, split):
        return usual(tasks, torch.Generator().manual_seed(int(torch.randint(10**6, ()))), split)

    return _measured({**report, "draw": draw})


def _query_holds_the_support(report):
    usual = report["draw"]

    def draw(tasks, generator, split):
        found = usual(tasks, generator, split)
        return FewShot(
            found.support_x,
            found.support_y,
            torch.cat([found.support_x, found.query_x], 1),
            torch.cat([found.support_y, found.query_y], 1),
        )

    return _measured({**report, "draw": draw})


def _one_task_for_all(report):
    usual = report["draw"]

    def draw(tasks, generator, split):
        one = usual(1, generator, split)
        return FewShot(
            *(x.expand(tasks, *x.shape[1:]).clone() for x in (one.support_x, one.support_y, one.query_x, one.query_y))
        )

    return _measured({**report, "draw": draw})


def _fixed_tasks(report):
    usual = report["draw"]

    def draw(tasks, generator, split):
        return usual(tasks, torch.Generator().manual_seed(17), split)

    return _measured({**report, "draw": draw})


def _counts_its_calls(report):
    usual, calls = report["draw"], []

    def draw(tasks, generator, split):
        calls.append(tasks)
        found = usual(tasks, generator, split)
        return FewShot(found.support_x + 0.01 * len(calls), found.support_y, found.query_x, found.query_y)

    return _measured({**report, "draw": draw})


def _network_of_another_size(report):
    return {**report, "network": nn.Sequential(nn.Linear(2, 30), nn.Tanh(), nn.Linear(30, 2))}


def _another_criterion(report):
    return {**report, "criterion": lambda out, y: nn.functional.cross_entropy(out, y, label_smoothing=0.1)}


def _more_steps_than_said(report):
    found = _measured(report, steps=6)
    return {**found, "steps": 3}


def _other_tasks(report):
    found = _measured(report, _held_out(report, 300, seed=77), evaluation_seed=77)
    return {
        **found,
        "maml_losses": found["maml_losses"].numpy(),
        "pretrained_losses": found["pretrained_losses"].tolist(),
    }


def _in_other_types(report):
    return {
        **report,
        "seeds": np.array(report["seeds"]),
        "maml_lr": np.float64(report["maml_lr"]),
        "low": torch.tensor(report["low"]).double(),
        "maml_tasks": np.int64(report["maml_tasks"]),
    }


WRONG = named(
    ch07.check_project,
    *map(
        _project,
        (
            _losses_exchanged,
            _losses_of_other_seeds,
            _tasks_in_another_order,
            _difference_turned,
            _normal_interval,
            _interval_over_tasks,
            _interval_unpaired,
            _verdict_open,
            _verdict_turned,
            _rival_without_a_search,
            _rival_with_mamls_rate,
            _rival_one_step,
            _rival_untrained,
            _fewer_tasks_for_the_rival,
            _another_seed_of_the_tasks,
            _training_tasks_for_the_test,
            _ninety_nine_tasks,
            _easy_tasks,
            _best_start_for_all,
            _four_seeds,
            _one_seed_twice,
            _losses_in_between,
            _losses_smoothed,
            _losses_rounded,
            _splits_alike,
            _luck_of_the_world,
            _query_holds_the_support,
            _one_task_for_all,
            _fixed_tasks,
            _counts_its_calls,
            _network_of_another_size,
            _another_criterion,
            _more_steps_than_said,
        ),
    ),
)
RIGHT = named(ch07.check_project, *map(_project, (_other_tasks, _in_other_types)))
