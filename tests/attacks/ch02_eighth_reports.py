"""Reports on the worth of knowing the task, from an eighth attack."""

import torch
from produced_reports import Late

from metarl_core.check import ch02
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains
from tools.course import ROOT

WIDE = CartPole(spread=4.0, horizon=200)


def _late(change):
    return Late(ROOT / "solutions" / "02_tasks.py", "check_worth", change)


def _returns(tasks, gains):
    """Mean return of each task."""
    return rollout(WIDE, tasks, CartPoleController(), {"gains": gains}, 4, seeded(77)).returns.double().mean(1)


def _measured(report, tasks):
    """The report on these held-out tasks, all of it measured."""
    seeds, number = len(report["gains"]), len(tasks["length"])
    own = torch.tensor(report["gains"]).repeat_interleave(number // seeds, 0)
    gains = {
        "told": cartpole_gains(tasks),
        "untold": own,
        "ordinary": cartpole_gains(WIDE.default_params).expand(number, 4),
    }
    found = {name: _returns(tasks, one).reshape(seeds, -1).mean(1).tolist() for name, one in gains.items()}
    worth = t_interval([a - b for a, b in zip(found["told"], found["untold"], strict=True)])
    apparent = sum(found["told"]) / seeds - sum(found["ordinary"]) / seeds
    return {
        **report,
        **found,
        "test_tasks": tasks,
        "apparent": apparent,
        "worth": worth.point,
        "interval": (worth.low, worth.high),
    }


def _pick(tasks, chosen):
    return {name: value[chosen] for name, value in tasks.items()}


def _half_of_them_narrow(report):
    """Tasks of two kinds: every other one from a narrow family."""
    wide, narrow = WIDE.sample_tasks(300, seeded(5), "test"), CartPole(spread=1.5).sample_tasks(300, seeded(6), "test")
    even = torch.arange(300) % 2 == 0
    return _measured(report, {name: torch.where(even, wide[name], narrow[name]) for name in wide})


def _easy_and_hard_ones(report):
    """Tasks of two kinds, light poles and heavy ones, and none between."""
    tasks = WIDE.sample_tasks(1200, seeded(7), "test")
    return _measured(report, _pick(tasks, tasks["mass_pole"].log().sub(-2.3).abs().argsort(descending=True)[:300]))


def _weak_engines_left_out(report):
    tasks = WIDE.sample_tasks(600, seeded(8), "test")
    return _measured(report, _pick(tasks, tasks["force"].argsort(descending=True)[:300]))


def _one_parameter_varies(report):
    tasks = CartPole(spread=4.0, varying=("length",)).sample_tasks(300, seeded(9), "test")
    return _measured(report, tasks)


def _twice_as_many_tasks(report):
    return _measured(report, WIDE.sample_tasks(600, seeded(10), "test"))


def _few_tasks(report):
    return _measured(report, WIDE.sample_tasks(200, seeded(11), "test"))


WRONG = [
    (ch02.check_worth, _late(change))
    for change in (_half_of_them_narrow, _easy_and_hard_ones, _weak_engines_left_out, _one_parameter_varies)
]
RIGHT = [(ch02.check_worth, _late(change)) for change in (_twice_as_many_tasks, _few_tasks)]
