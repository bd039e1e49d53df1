"""Bills of chapter 01, from an eighth attack."""

import math

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch01
from metarl_core.evaluation import t_interval
from tools.course import ROOT


def _late(change):
    return Late(ROOT / "solutions" / "01_why_learn_to_learn.py", "check_bill", change)


def _billed(report, costs, **more):
    """The report of these costs, all that follows from them computed."""
    found = t_interval(costs)

    def pays_back(cost):
        return math.ceil(20_000 / (cost - 20))

    return {
        **report,
        "costs": costs,
        "cost": found.point,
        "interval": (found.low, found.high),
        "pays_back": pays_back(found.point),
        "pays_back_interval": (pays_back(found.high), pays_back(found.low)),
        **more,
    }


def _counted_for_five_seeds(report):
    return _billed(report, [5 * cost for cost in report["costs"]])


def _search_counted_five_times(report):
    return {**report, "search_costs": [5 * cost for cost in report["search_costs"]]}


def _counted_for_all_goals(report):
    return _billed(report, [10 * cost for cost in report["costs"]])


def _one_update_less(report):
    return _billed(report, [cost - 20 for cost in report["costs"]])


def _seeds_of_others(report):
    return {**report, "seeds": [11, 12, 13, 14, 15]}


def _costs_of_the_other_end(report):
    costs = list(report["costs"])
    costs[costs.index(max(costs))] = min(costs)
    return _billed(report, costs)


def _as_arrays(report):
    return {
        **report,
        "rates": np.array(report["rates"]),
        "costs": torch.tensor(report["costs"]),
        "seeds": np.array(report["seeds"]),
        "pays_back": np.int64(report["pays_back"]),
        "interval": list(report["interval"]),
    }


def _rates_the_other_way_round(report):
    return {**report, "rates": report["rates"][::-1], "search_costs": report["search_costs"][::-1]}


WRONG = [
    (ch01.check_bill, _late(change))
    for change in (
        _counted_for_five_seeds,
        _search_counted_five_times,
        _counted_for_all_goals,
        _one_update_less,
        _seeds_of_others,
        _costs_of_the_other_end,
    )
]
RIGHT = [(ch01.check_bill, _late(change)) for change in (_as_arrays, _rates_the_other_way_round)]
