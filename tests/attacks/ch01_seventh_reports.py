"""Reports for the experiments of chapters 01, 02 and 03, from a seventh attack."""

import math

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch01, ch02, ch03
from metarl_core.evaluation import t_interval
from tools.course import ROOT

BILL, WORTH, PAIR = ("01_why_learn_to_learn", "02_tasks", "03_value_based_agents")


def _late(chapter, check):
    return lambda change: Late(ROOT / "solutions" / f"{chapter}.py", check, change)


_bill, _worth, _pair = _late(BILL, "check_bill"), _late(WORTH, "check_worth"), _late(PAIR, "check_comparison")


def _goals_to_pay_back(cost, training=20_000, adapted=20):
    return math.ceil(training / (cost - adapted))


def _billed(report, costs, **more):
    """The report of these costs, all that follows from them computed."""
    found = t_interval(costs)
    return {
        **report,
        "costs": costs,
        "cost": found.point,
        "interval": (found.low, found.high),
        "pays_back": _goals_to_pay_back(found.point),
        "pays_back_interval": (_goals_to_pay_back(found.high), _goals_to_pay_back(found.low)),
        **more,
    }


def _one_rate(report):
    return {**report, "rates": [report["lr"]], "search_costs": [min(report["search_costs"])]}


def _shared_goals(report):
    goals = torch.cat([report["search_goals"]["goal"][:2], report["goals"]["goal"][2:]])
    return {**report, "goals": {"goal": goals}}


def _a_goal_twice(report):
    goals = report["goals"]["goal"].clone()
    goals[1] = goals[0]
    return {**report, "goals": {"goal": goals}}


def _without_adaptation(report):
    low, high = report["interval"]
    n = [math.ceil(20_000 / c) for c in (report["cost"], high, low)]
    return {**report, "pays_back": n[0], "pays_back_interval": (n[1], n[2])}


# ------------------------------------------------------------------ the worth of knowing the task


def _differences(report, other):
    return [a - b for a, b in zip(report["told"], report[other], strict=True)]


def _valued(report, **changes):
    report = {**report, **changes}
    found = t_interval(_differences(report, "untold"))
    n = len(report["told"])
    return {
        **report,
        "apparent": sum(_differences(report, "ordinary")) / n,
        "worth": found.point,
        "interval": (found.low, found.high),
    }


def _interval_of_the_apparent(report):
    found = t_interval(_differences(report, "ordinary"))
    return {**report, "interval": (found.low, found.high)}


def _worth_is_apparent(report):
    return {**report, "worth": report["apparent"]}


def _search_is_the_test(report):
    return _valued(report, untold=report["search_returns"])


def _first_test_tasks_again(report):
    n = len(report["told"])
    tasks = {k: v[: len(v) // n].repeat(n) for k, v in report["test_tasks"].items()}
    return {**report, "test_tasks": tasks}


def _test_tasks_for_the_search(report):
    return {**report, "search_tasks": report["test_tasks"]}


def _untold_too_low(report):
    return _valued(report, untold=[x - 8 for x in report["untold"]])


def _groups_for_pairs(report):
    """The interval of two independent groups, not of differences."""
    a, b = np.array(report["told"]), np.array(report["untold"])
    half = stats.t.ppf(0.975, 2 * len(a) - 2) * math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return {**report, "interval": (report["worth"] - half, report["worth"] + half)}


def _backwards(report):
    n = len(report["told"])
    flip = lambda tasks: {k: v.reshape(n, -1).flip(0).flatten() for k, v in tasks.items()}  # noqa: E731
    lists = {k: report[k][::-1] for k in ("gains", "search_returns", "told", "untold", "ordinary")}
    return {
        **report,
        **lists,
        "search_tasks": flip(report["search_tasks"]),
        "test_tasks": flip(report["test_tasks"]),
    }


def _as_tensors(report):
    return {
        **report,
        "gains": torch.tensor(report["gains"]),
        "told": np.array(report["told"]),
        "untold": torch.tensor(report["untold"]),
        "interval": np.array(report["interval"]),
    }


# ------------------------------------------------------------------ two targets

GREEDY, EXPECTED = "returns_greedy_target", "returns_expected_target"


def _compared(report, **changes):
    report = {**report, **changes}
    found = t_interval(torch.as_tensor(report[EXPECTED]).double().mean(1) - report[GREEDY].double().mean(1))
    return {**report, "low": found.low, "high": found.high}


def _nearly_one_table(report):
    luck = torch.Generator().manual_seed(0)
    table = report["expected_target"]
    table = table[:1] + 1e-3 * torch.rand(table.shape, generator=luck)
    return _compared(report, expected_target=table)


def _worst_episodes_left_out(report):
    keep = lambda x: x.sort(1).values[:, 15:]  # noqa: E731
    return _compared(report, **{GREEDY: keep(report[GREEDY]), EXPECTED: keep(report[EXPECTED])})


def _falls_cost_one_hundred_at_most(report):
    return _compared(report, **{GREEDY: report[GREEDY].clamp_min(-113.0)})


def _nineteen_episodes(report):
    return _compared(report, **{GREEDY: report[GREEDY][:, :19], EXPECTED: report[EXPECTED][:, :19]})


def _pairs_by_rank(report):
    """Differences of sorted seeds: each kind's best with the other's best."""
    a, b = (report[k].double().mean(1).sort().values for k in (EXPECTED, GREEDY))
    found = t_interval(a - b)
    return {**report, "low": found.low, "high": found.high}


def _half_the_seeds_from_the_other(report):
    """Two of the greedy tables stand among the expected ones."""
    tables, returns = report["expected_target"].clone(), report[EXPECTED].clone()
    tables[:2], returns[:2] = report["greedy_target"][:2], report[GREEDY][:2]
    return _compared(report, expected_target=tables, **{EXPECTED: returns})


def _sorted_episodes(report):
    return {**report, GREEDY: report[GREEDY].sort(1).values, EXPECTED: report[EXPECTED].sort(1).values}


def _in_other_order(report):
    order = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    fields = ("greedy_target", "expected_target", GREEDY, EXPECTED)
    return {**report, "seeds": order, **{k: report[k][order] for k in fields}}


WRONG = [
    *(
        (ch01.check_bill, _bill(change))
        for change in (
            _one_rate,
            _shared_goals,
            _a_goal_twice,
            _without_adaptation,
        )
    ),
    *(
        (ch02.check_worth, _worth(change))
        for change in (
            _interval_of_the_apparent,
            _worth_is_apparent,
            _search_is_the_test,
            _first_test_tasks_again,
            _test_tasks_for_the_search,
            _untold_too_low,
            _groups_for_pairs,
        )
    ),
    *(
        (ch03.check_comparison, _pair(change))
        for change in (
            _nearly_one_table,
            _worst_episodes_left_out,
            _falls_cost_one_hundred_at_most,
            _nineteen_episodes,
            _pairs_by_rank,
            _half_the_seeds_from_the_other,
        )
    ),
]

RIGHT = [
    *((ch02.check_worth, _worth(change)) for change in (_backwards, _as_tensors)),
    *((ch03.check_comparison, _pair(change)) for change in (_sorted_episodes, _in_other_order)),
]
