"""More answers to the exercises of chapter 01."""

import functools
import math
from fractions import Fraction

import numpy as np
import torch
from scipy import stats

from metarl_core.check import ch01
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import short_walks

# ------------------------------------------------------------------ adapted_returns, wrong


def _adapt(theta, task, collect, improve, steps):
    for _ in range(steps):
        theta = improve(theta, collect(theta, task))
    return theta


def _from_theta_each_step(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(theta, collect(adapted, task))
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _behaviour_stays(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(adapted, collect(theta, task))
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _one_batch_for_all_steps(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted, batch = theta, collect(theta, task)
        for _ in range(steps):
            adapted = improve(adapted, batch)
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _best_on_the_way(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted, best = theta, []
        for _ in range(steps):
            batch = collect(adapted, task)
            best.append(batch["returns"].mean())
            adapted = improve(adapted, batch)
        out.append(torch.stack([*best, collect(adapted, task)["returns"].mean()]).max())
    return torch.stack(out)


def _stops_when_worse(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted, last = theta, -math.inf
        for _ in range(steps):
            batch = collect(adapted, task)
            if batch["returns"].mean() < last:
                break
            last = batch["returns"].mean()
            adapted = improve(adapted, batch)
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _every_second_episode(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"][::2].mean() for task in tasks]
    )


def _median_episode(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].median() for task in tasks]
    )


def _sum_over_twenty(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].sum() / 20 for task in tasks]
    )


def _last_two_batches(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted = _adapt(theta, task, collect, improve, steps - 1)
        batch = collect(adapted, task)
        fresh = collect(improve(adapted, batch), task)
        out.append(torch.cat([batch["returns"], fresh["returns"]]).mean())
    return torch.stack(out)


def _measured_on_the_first_task(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), tasks[0])["returns"].mean() for task in tasks]
    )


def _list_emptied(theta, tasks, collect, improve, steps):
    out = []
    while tasks:
        task = tasks.pop(0)
        out.append(collect(_adapt(theta, task, collect, improve, steps), task)["returns"].mean())
    return torch.stack(out)


def _back_to_front(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].mean() for task in tasks[::-1]]
    )


def _all_the_steps_of_all_tasks_first(theta, tasks, collect, improve, steps):
    for task in tasks:
        theta = _adapt(theta, task, collect, improve, steps)
    return torch.stack([collect(theta, task)["returns"].mean() for task in tasks])


def _three_steps_at_most(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, min(steps, 3)), task)["returns"].mean() for task in tasks]
    )


def _theta_overwritten(theta, tasks, collect, improve, steps):
    start, out = theta.clone(), []
    for task in tasks:
        theta.copy_(_adapt(start, task, collect, improve, steps))
        out.append(collect(theta, task)["returns"].mean())
    return torch.stack(out)


def _mean_over_tasks(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].mean() for task in tasks]
    ).mean()


# ------------------------------------------------------------------ adapted_returns, right


def _measured_when_all_have_adapted(theta, tasks, collect, improve, steps):
    adapted = [_adapt(theta, task, collect, improve, steps) for task in tasks]
    return torch.stack([collect(one, task)["returns"].mean() for one, task in zip(adapted, tasks, strict=True)])


def _tasks_in_lockstep(theta, tasks, collect, improve, steps):
    adapted = [theta for _ in tasks]
    for _ in range(steps):
        adapted = [improve(one, collect(one, task)) for one, task in zip(adapted, tasks, strict=True)]
    return torch.stack([torch.mean(collect(one, tasks[n])["returns"]) for n, one in enumerate(adapted)])


def _reduce(theta, tasks, collect, improve, steps):
    def measure(task):
        adapted = functools.reduce(lambda now, _: improve(now, collect(now, task)), range(steps), theta)
        returns = collect(adapted, task)["returns"]
        return returns.sum() / len(returns)

    return torch.stack(list(map(measure, tasks)))


def _recursive(theta, tasks, collect, improve, steps):
    def measure(now, task, left):
        batch = collect(now, task)
        return measure(improve(now, batch), task, left - 1) if left else batch["returns"].mean(dim=0)

    return torch.stack([measure(theta, task, steps) for task in tasks])


class _Evaluation:
    def __call__(self, theta, tasks, collect, improve, steps):
        out = []
        for task in tasks:
            now, left = theta, steps
            while left:
                now, left = improve(now, collect(now, task)), left - 1
            out.append(collect(now, task)["returns"].mean().reshape(1))
        return torch.cat(out)


# ------------------------------------------------------------------ bill


FAMILY = short_walks()


def _goals(split, seed, n=10):
    return FAMILY.sample_tasks(n, seeded(seed), split)


# From `learn`, as the mutants' report; further costs of its goals: rate 0.1, seeds 1 to 12, and rate 0.05, 1 to 6.
_COSTS = [180, 200, 220, 160, 180, 180, 200, 180, 220, 200, 200, 180]
_SLOWER = [200, 260, 260, 220, 220, 260]
_BILL = {
    "rates": (0.003, 0.01, 0.03, 0.1, 0.3),
    "search_goals": _goals("train", 100),
    "search_seed": 0,
    "search_costs": (math.inf, 660, 260, 160, 420),
    "lr": 0.1,
    "goals": _goals("test", 200),
    "seeds": (1, 2, 3, 4, 5),
    "costs": _COSTS[:5],
    "cost": 188,
    "interval": (159.686, 216.314),
    "pays_back": 120,
    "pays_back_interval": (102, 144),
}


def _bill(costs, **changes):
    """A report with all that follows from the costs."""
    plain = np.array([float(cost) for cost in costs])
    mean, error = plain.mean(), stats.sem(plain)
    low, high = stats.t.interval(0.95, len(plain) - 1, mean, error) if error > 0 else (mean, mean)
    ends = [math.ceil(20_000 / (cost - 20)) for cost in (high, low)]
    follows = {"cost": mean, "interval": (low, high), "pays_back": math.ceil(20_000 / (mean - 20))}
    seeds = range(1, len(costs) + 1)
    return _BILL | {"seeds": seeds, "costs": costs, "pays_back_interval": ends} | follows | changes


def _drawn_by_hand(seed):
    return {"goal": torch.rand(10, 2, generator=seeded(seed)) - 0.5}


def _one_goal_ten_times(split):
    return {"goal": _goals(split, 3, 1)["goal"].expand(10, 2)}


_BAD_BILLS = [
    _bill(_COSTS[:4]),
    _BILL | {"seeds": (7, 7, 7, 7, 7)},
    _BILL | {"goals": _BILL["search_goals"]},
    _BILL | {"search_goals": _BILL["goals"]},
    _BILL | {"goals": _drawn_by_hand(1)},
    _BILL | {"goals": _goals("ood", 200)},
    _BILL | {"goals": _one_goal_ten_times("test")},
    _BILL | {"search_goals": _one_goal_ten_times("train")},
    _BILL | {"goals": _BILL["goals"]["goal"]},
    _BILL | {"goals": {"goal": _BILL["goals"]["goal"].double() + 1e-9}},
    _bill([660, 680, 720, 700, 740], lr=0.01),
    _bill(_SLOWER, lr=0.05, rates=(0.01, 0.05), search_costs=(660, 180)),
    _BILL | {"rates": (0.1, 0.1, 0.1, 0.1, 0.1), "search_costs": (160, 160, 160, 160, 160)},
    _BILL | {"rates": (0.01, 0.03, 0.1), "search_costs": (660, 260, 160)},
    _bill([150, 150, 150, 150, 150], cost=150),
    _bill([60, 80, 60, 60, 80]),
    _bill([700, 720, 680, 700, 740], search_costs=(800, 780, 760, 700, 790)),
    _BILL | {"search_costs": (900, 800, 700, 300, 600)},
    _BILL | {"search_costs": (660, 260, 160, 420)},
    _BILL | {"costs": [*_COSTS[:4], math.inf]},
    _BILL | {"costs": [*_COSTS[:4], math.nan]},
    _BILL | {"interval": (174.25, 201.75)},
    _BILL | {"interval": (188 - 44.7, 188 + 44.7)},
    _BILL | {"interval": (216.314, 159.686)},
    _BILL | {"interval": 28.3},
    _BILL | {"interval": (160, 188, 216)},
    _BILL | {"pays_back": 119.05},
    _BILL | {"pays_back": 30},
    _BILL | {"pays_back": 107, "pays_back_interval": (93, 126)},
    _BILL | {"pays_back_interval": (101.9, 143.2)},
    _BILL | {"pays_back_interval": (93, 126)},
    _BILL | {"search_costs": (760, 400, 160, 300, 900)},
    _BILL | {"search_costs": (math.inf, 660, 260, 160, math.inf)},
    _bill([cost + 3 for cost in _COSTS[:5]]),
    _bill([cost + 20 for cost in _COSTS[:5]], search_costs=(math.inf, 680, 280, 180, 440)),
    _BILL | {"seeds": (1.5, 2, 3, 4, 5)},
    _BILL | {"seeds": (-1, 2, 3, 4, 5)},
    _BILL | {"lr": "0.1"},
    {name: entry for name, entry in _BILL.items() if name != "interval"},
    list(_BILL.items()),
]
_GOOD_BILLS = [
    _bill(_COSTS),
    _bill(torch.tensor(_COSTS[:7]), seeds=torch.arange(1, 8)),
    _bill(np.array(_COSTS[1:6]), seeds=np.arange(2, 7)),
    _BILL | {"interval": t_interval(_COSTS[:5]), "cost": Fraction(940, 5), "pays_back": np.int64(120)},
    _bill(_SLOWER, lr=0.05, rates=(0.01, 0.05, 0.2), search_costs=(660, 180, 240)),
    dict(reversed(_bill(_COSTS[:6], rates=[0.3, 0.1, 0.03], search_costs=[420, 160, 260]).items())),
    _bill(
        [160, 140, 160, 180, 160],
        seeds=[0, 7, 11, 13, 17],
        rates=[0.02, 0.05, 0.1, 0.15, 0.3],
        search_goals=_goals("train", 101, 15),
        search_seed=torch.tensor(5),
        search_costs=[380, 200, 160, 220, math.inf],
        goals=_goals("test", 201, 12),
    ),
]

# ------------------------------------------------------------------ comparison

_PLAN = {
    "seeds": 5,
    "tasks": "held-out",
    "same_tasks_for_both": True,
    "step_sizes_chosen_on": "training tasks",
    "step_sizes_chosen_for": "the budget of the comparison",
    "measured_on": "fresh episodes",
    "steps_counted": "adaptation, training and search",
    "reported": "interquartile mean with interval",
    "interval_resamples": "whole seeds",
}
_BAD_PLANS = [
    _PLAN | {"seeds": -3},
    _PLAN | {"seeds": 4},
    _PLAN | {"seeds": 5.5},
    _PLAN | {"seeds": True},
    _PLAN | {"seeds": math.inf},
    _PLAN | {"seeds": "many"},
    _PLAN | {"tasks": "held-out tasks"},
    _PLAN | {"same_tasks_for_both": "False"},
    _PLAN | {"same_tasks_for_both": False, "interval_resamples": "tasks"},
    _PLAN | {"step_sizes_chosen_for": "each method's own paper"},
    _PLAN | {"steps_counted": "adaptation and training"},
    _PLAN | {"reported": "mean over seeds"},
    _PLAN | {"measured_on": "the same episodes"},
    {name: choice for name, choice in _PLAN.items() if name != "reported"},
    list(_PLAN.values()),
]

WRONG = [
    (check, answer)
    for check, answers in (
        (
            ch01.check_adapted_returns,
            (
                _from_theta_each_step,
                _behaviour_stays,
                _one_batch_for_all_steps,
                _best_on_the_way,
                _stops_when_worse,
                _every_second_episode,
                _median_episode,
                _sum_over_twenty,
                _last_two_batches,
                _measured_on_the_first_task,
                _list_emptied,
                _back_to_front,
                _all_the_steps_of_all_tasks_first,
                _three_steps_at_most,
                _theta_overwritten,
                _mean_over_tasks,
            ),
        ),
        (ch01.check_comparison, _BAD_PLANS),
        (ch01.check_bill, _BAD_BILLS),
    )
    for answer in answers
]
RIGHT = [
    (check, answer)
    for check, answers in (
        (
            ch01.check_adapted_returns,
            (_measured_when_all_have_adapted, _tasks_in_lockstep, _reduce, _recursive, _Evaluation()),
        ),
        (ch01.check_bill, _GOOD_BILLS),
    )
    for answer in answers
]
