"""What the check of `worth` repeats of a report, and measures beside it."""

import math
import statistics

import torch
from scipy import stats

from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains

FAMILY = CartPole(spread=4.0, horizon=200)
OURS = 200
"""tasks of the check"""
REFERENCE = (10.0, 13.1, 236.0, 49.4)
"""gains that earn 197.8 on 300 training tasks, from a search of ours"""
APART, LEAST_ERROR = 5.0, 0.3
"""standard errors, and a standard error at the least, by which a mean return may differ when it is measured again"""
BY_CHANCE, LEAST_OF_A_SEED = 1e-9, 0.5
"""share of right reports whose seeds are as far off together, by a sum of squares; and the least error of one"""
EPISODES, MOST_EPISODES = 20, 4000
"""of each of the report's tasks that the check plays, and of all of them together"""
RARE = 1e-8
"""probability at which a parameter of a fair sample looks drawn otherwise; there are five, in two samples"""
FLOOR = 1.5
"""standard error of a mean return that is allowed for at the least"""


def returns_of(tasks, gains, episodes=2):
    """Returns `[task, episode]` of the controller with `gains` `[task, 4]`."""
    return rollout(FAMILY, tasks, CartPoleController(), {"gains": gains}, episodes, seeded(4321)).returns.double()


def mean_returns(tasks, gains):
    """Mean return of each task, `[task]`, from two episodes."""
    return returns_of(tasks, gains).mean(1)


def _measured(tasks, gains, seeds):
    """Means over the report's tasks, first of all and then of each seed `[1 + seed]`, and the standard errors of their
    distances from a learner's, who has played two episodes of each, as the functions of the exercise do.
    """
    number = len(tasks["length"])
    returns = returns_of(tasks, gains, max(2, min(EPISODES, MOST_EPISODES // number)))
    more = 1 / 2 + 1 / returns.shape[1]
    of_task, spread = returns.mean(1).view(seeds, -1), returns.var(1).view(seeds, -1)
    each = spread.mean(1).clamp_min(float(spread.mean())) / of_task.shape[1]
    means = torch.cat([of_task.mean()[None], of_task.mean(1)])
    return means, torch.cat([spread.mean()[None] / number, each]).mul(more).sqrt()


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
        "search_returns": _measured(search, same(searched), seeds),
        "reference": _measured(search, one(REFERENCE, search), seeds),
        "told": _measured(test, cartpole_gains(test), seeds),
        "untold": _measured(test, same(tested), seeds),
        "ordinary": _measured(test, one(ordinary, test), seeds),
        "other tasks": {
            "told": mean_returns(ours, cartpole_gains(ours)).tolist(),
            "untold": untold.mean(0).tolist(),
            "ordinary": mean_returns(ours, one(ordinary, ours)).tolist(),
        },
    }


def drawn_otherwise(tasks):
    """Whether some parameter is not spread as the family draws it, log-uniformly (Kolmogorov and Smirnov's test)."""
    factors = {name: tasks[name].double() / FAMILY.default_params[name].double() for name in FAMILY.default_params}
    exponents = torch.stack(list(factors.values())).log() / math.log(FAMILY.spread)
    if float(exponents.abs().max()) > 1 + 1e-5:
        return True
    return any(stats.kstest(row, stats.uniform(-1, 2).cdf).pvalue < RARE for row in exponents.numpy())


def differs(name):
    """Whether the report's returns under `name` are others than those measured again, in the mean or for a seed."""

    def when(report, seen):
        mean, error = seen[name]
        off = torch.tensor([statistics.fmean(report[name]), *report[name]], dtype=torch.float64) - mean
        squares = float((off / error.clamp_min(LEAST_OF_A_SEED))[1:].square().sum())
        seeds_fit = stats.chi2.sf(squares, len(report[name])) > BY_CHANCE
        return not (seeds_fit and abs(float(off[0])) <= APART * max(LEAST_ERROR, float(error[0])))

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
    return float(seen["reference"][0][0] - seen["search_returns"][0][0]) > 10
