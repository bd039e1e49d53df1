"""Bills of a colleague, chapter 01, from a ninth attack."""

import math

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch01
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import episodes_to_level, learn, short_walks
from tools.course import ROOT

from . import named

SOLUTION = ROOT / "solutions" / "01_why_learn_to_learn.py"


def _bill(change):
    return Late(SOLUTION, "check_bill", change)


def _paid(cost):
    return max(1, math.ceil(20_000 / (cost - 20))) if cost > 20 else math.inf


def _concluded(report, costs, point=None, low=None, high=None):
    """The report with these costs and all that follows from them."""
    found = t_interval(torch.as_tensor([float(c) for c in costs]).double())
    point, low, high = (found.point if point is None else point), (low or found.low), (high or found.high)
    return {
        **report,
        "costs": [float(c) for c in costs],
        "cost": float(point),
        "interval": (float(low), float(high)),
        "pays_back": _paid(float(point)),
        "pays_back_interval": (_paid(float(high)), _paid(float(low))),
    }


def _costs(report):
    return [float(c) for c in torch.as_tensor(report["costs"]).tolist()]


def _measured_again(report, goals, lr=None, seeds=None):
    seeds = list(report["seeds"]) if seeds is None else seeds
    lr = float(report["lr"]) if lr is None else lr
    costs = [float(episodes_to_level(learn(goals, lr, seed=int(seed)))) for seed in seeds]
    return _concluded({**report, "goals": goals, "lr": lr, "seeds": seeds}, costs)


def _costs_of_seeds_exchanged(report):
    return _concluded(report, _costs(report)[1:] + _costs(report)[:1])


def _a_seed_that_was_bad_made_better(report):
    costs = _costs(report)
    costs[costs.index(max(costs))] = sorted(costs)[-2]
    return _concluded(report, costs)


def _smoothed_costs(report):
    costs = _costs(report)
    middle = sum(costs) / len(costs)
    return _concluded(report, [0.5 * c + 0.5 * middle for c in costs])


def _rounded_costs(report):
    return _concluded(report, [round(c, -1) for c in _costs(report)])


def _normal_interval(report):
    costs = np.array(_costs(report))
    half = 1.96 * costs.std(ddof=1) / len(costs) ** 0.5
    return _concluded(report, costs, low=costs.mean() - half, high=costs.mean() + half)


def _divided_by_n(report):
    costs = np.array(_costs(report))
    half = 2.776 * costs.std(ddof=0) / len(costs) ** 0.5
    return _concluded(report, costs, low=costs.mean() - half, high=costs.mean() + half)


def _from_least_to_most(report):
    costs = _costs(report)
    return _concluded(report, costs, low=min(costs), high=max(costs))


def _deviation_alone(report):
    costs = np.array(_costs(report))
    half = 2.776 * costs.std(ddof=1)
    return _concluded(report, costs, low=costs.mean() - half, high=costs.mean() + half)


def _median_cost(report):
    return _concluded(report, _costs(report), point=float(np.median(_costs(report))))


def _ends_not_turned(report):
    low, high = report["interval"]
    return {**report, "pays_back_interval": (_paid(float(low)), _paid(float(high)))}


def _rounded_down(report):
    return {**report, "pays_back": int(20_000 // (float(report["cost"]) - 20))}


def _forgets_the_new_episodes(report):
    return {**report, "pays_back": math.ceil(20_000 / float(report["cost"]))}


def _mean_of_paybacks(report):
    each = [20_000 / (c - 20) for c in _costs(report)]
    found = t_interval(torch.tensor(each).double())
    return {**report, "pays_back_interval": (math.ceil(found.low), math.ceil(found.high))}


def _the_cost_of_the_search(report):
    best = min(float(c) for c in torch.as_tensor(report["search_costs"]).tolist())
    return _concluded(report, _costs(report), point=best)


def _goals_of_training(report):
    return _measured_again(report, short_walks().sample_tasks(10, seeded(77), "train"))


def _search_on_the_held_out(report):
    costs = [
        float(episodes_to_level(learn(report["goals"], float(r), seed=int(report["search_seed"]))))
        for r in report["rates"]
    ]
    best = float(report["rates"][int(np.argmin(costs))])
    return _measured_again({**report, "search_goals": report["goals"], "search_costs": costs}, report["goals"], best)


def _nine_held_out_goals(report):
    return _measured_again(report, {"goal": report["goals"]["goal"][:9]})


def _one_goal_ten_times(report):
    return _measured_again(report, {"goal": report["goals"]["goal"][:1].repeat(10, 1)})


def _four_seeds(report):
    return _concluded({**report, "seeds": list(report["seeds"])[:4]}, _costs(report)[:4])


def _one_seed_twice(report):
    seeds = list(report["seeds"])
    return _concluded({**report, "seeds": seeds[:4] + seeds[:1]}, _costs(report)[:4] + _costs(report)[:1])


def _second_best_rate(report):
    order = np.argsort(torch.as_tensor(report["search_costs"]).numpy())
    return _measured_again(report, report["goals"], float(report["rates"][int(order[1])]))


def _one_rate_only(report):
    place = list(map(float, report["rates"])).index(float(report["lr"]))
    return {**report, "rates": [float(report["lr"])], "search_costs": [float(report["search_costs"][place])]}


def _search_costs_exchanged(report):
    costs = [float(c) for c in torch.as_tensor(report["search_costs"]).tolist()]
    best = costs.index(min(costs))
    others = [c for n, c in enumerate(costs) if n != best]
    others = others[1:] + others[:1]
    others.insert(best, costs[best])
    return {**report, "search_costs": others}


def _unreached_is_eight_hundred(report):
    costs = [800.0 if math.isinf(float(c)) else float(c) for c in torch.as_tensor(report["search_costs"]).tolist()]
    return {**report, "rates": [*report["rates"], 1e-5], "search_costs": [*costs, 800.0]}


def _another_search_seed(report):
    return {**report, "search_seed": int(report["search_seed"]) + 1}


def _costs_of_other_goals(report):
    other = short_walks().sample_tasks(10, seeded(78), "test")
    return {**_measured_again(report, other), "goals": report["goals"]}


def _as_arrays(report):
    return {
        **report,
        "rates": np.array([float(r) for r in report["rates"]]),
        "search_costs": np.array([float(c) for c in torch.as_tensor(report["search_costs"]).tolist()]),
        "seeds": np.array([int(s) for s in report["seeds"]]),
        "costs": np.array(_costs(report)),
        "interval": np.array([float(x) for x in report["interval"]]),
        "pays_back": np.int64(report["pays_back"]),
    }


def _as_tensors(report):
    return {
        **report,
        "rates": torch.tensor([float(r) for r in report["rates"]]).double(),
        "search_costs": torch.tensor([float(c) for c in torch.as_tensor(report["search_costs"]).tolist()]),
        "seeds": torch.tensor([int(s) for s in report["seeds"]]),
        "costs": torch.tensor(_costs(report)),
        "cost": torch.tensor(float(report["cost"])),
        "interval": [torch.tensor(float(x)) for x in report["interval"]],
        "pays_back_interval": list(report["pays_back_interval"]),
    }


def _seven_seeds_twelve_goals(report):
    return _measured_again(report, short_walks().sample_tasks(12, seeded(5), "test"), seeds=[11, 2, 30, 4, 5, 6, 9])


WRONG = named(
    ch01.check_bill,
    *map(
        _bill,
        (
            _costs_of_seeds_exchanged,
            _a_seed_that_was_bad_made_better,
            _smoothed_costs,
            _rounded_costs,
            _normal_interval,
            _divided_by_n,
            _from_least_to_most,
            _deviation_alone,
            _median_cost,
            _ends_not_turned,
            _rounded_down,
            _forgets_the_new_episodes,
            _mean_of_paybacks,
            _the_cost_of_the_search,
            _goals_of_training,
            _search_on_the_held_out,
            _nine_held_out_goals,
            _one_goal_ten_times,
            _four_seeds,
            _one_seed_twice,
            _second_best_rate,
            _one_rate_only,
            _search_costs_exchanged,
            _unreached_is_eight_hundred,
            _another_search_seed,
            _costs_of_other_goals,
        ),
    ),
)
RIGHT = named(ch01.check_bill, *map(_bill, (_as_arrays, _as_tensors, _seven_seeds_twelve_goals)))
