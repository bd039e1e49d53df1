"""What the check of `worth` repeats of a report, and measures beside it."""

import math
import statistics

import torch

from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains

FAMILY = CartPole(spread=4.0, horizon=200)
OURS = 200
"""tasks of the check"""
REFERENCE = (10.0, 13.1, 236.0, 49.4)
"""gains that earn 197.8 on 300 training tasks, from a search of ours"""
APART, ORDINARY_APART = 4.5, 8.0
"""by which a mean return of forty tasks and five seeds may differ when it is measured again: six standard deviations,
0.7 for good gains and 1.3 for the ordinary ones"""
FLOOR = 1.5
"""standard error of a mean return that is allowed for at the least"""


def mean_returns(tasks, gains):
    """Mean return of each task, `[task]`, from two episodes of the controller with `gains` `[task, 4]`."""
    policy = {"gains": gains}
    return rollout(FAMILY, tasks, CartPoleController(), policy, 2, seeded(4321)).returns.double().mean(1)


def _by_seed(returns, seeds):
    return returns.reshape(seeds, -1).mean(1).tolist()


def repeat(report):
    """Measure the report's controllers again, on its own tasks and on others."""
    gains, seeds = torch.tensor(report["gains"], dtype=torch.float32), len(report["gains"])
    search, test = report["search_tasks"], report["test_tasks"]
    searched, tested = (len(tasks["length"]) // seeds for tasks in (search, test))

    def same(number, numbers=gains):
        return numbers.repeat_interleave(number, 0)

    def one(vector, tasks):
        return torch.as_tensor(vector).reshape(1, 4).expand(len(tasks["length"]), 4)

    ours, ordinary = FAMILY.sample_tasks(OURS, seeded(9876), "test"), cartpole_gains(FAMILY.default_params)
    untold = torch.stack([mean_returns(ours, one(row, ours)) for row in gains])
    return {
        "search": _by_seed(mean_returns(search, same(searched)), seeds),
        "reference": _by_seed(mean_returns(search, one(REFERENCE, search)), seeds),
        "told": _by_seed(mean_returns(test, cartpole_gains(test)), seeds),
        "untold": _by_seed(mean_returns(test, same(tested)), seeds),
        "ordinary": _by_seed(mean_returns(test, one(ordinary, test)), seeds),
        "other tasks": {
            "told": mean_returns(ours, cartpole_gains(ours)).tolist(),
            "untold": untold.mean(0).tolist(),
            "ordinary": mean_returns(ours, one(ordinary, ours)).tolist(),
        },
    }


def differs(name):
    """Whether the report's returns under `name` are, in the mean over seeds, others than those measured again."""

    def when(report, seen):
        again = {"search_returns": "search"}.get(name, name)
        allowed = ORDINARY_APART if name == "ordinary" else APART
        return not abs(statistics.fmean(report[name]) - statistics.fmean(seen[again])) <= allowed

    return when


def unfair(report, seen):
    """Whether some mean return is further from that on other tasks than four standard errors."""

    def error(values):
        return statistics.stdev(values) / math.sqrt(len(values))

    for name, others in seen["other tasks"].items():
        allowed = 4 * max(FLOOR, math.hypot(error(report[name]), error(others)))
        if not abs(statistics.fmean(report[name]) - statistics.fmean(others)) <= allowed:
            return True
    return False


def poorly_searched(report, seen):
    """Whether one fixed set of gains earns much more on the tasks of the search than the gains that won there."""
    return statistics.fmean(seen["reference"]) - statistics.fmean(seen["search"]) > 10
