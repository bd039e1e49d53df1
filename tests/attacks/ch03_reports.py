"""Answers to an exercise of chapter 03: the report of a comparison."""

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch03
from metarl_core.evaluation import bootstrap_interval, t_interval
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "03_value_based_agents.py"
GREEDY, EXPECTED = "returns_greedy_target", "returns_expected_target"


def _report(change):
    return Late(SOLUTION, "check_comparison", change)


def _differences(report):
    return torch.as_tensor(report[EXPECTED]).double().mean(1) - torch.as_tensor(report[GREEDY]).double().mean(1)


def _interval(half, about=None):
    """The report with an interval of this half width, a function of the differences of the seeds."""

    def change(report):
        x = _differences(report)
        middle = float(x.mean()) if about is None else about(x)
        return {**report, "low": middle - half(x, report), "high": middle + half(x, report)}

    return _report(change)


def _recomputed(report, **fields):
    """With other fields, and the interval that goes with them."""
    report = {**report, **fields}
    interval = t_interval(_differences(report))
    return {**report, "low": interval.low, "high": interval.high}


def _t(n):
    return float(stats.t.ppf(0.975, n - 1))


def _some(report, keep):
    fields = {name: report[name][keep] for name in ("greedy_target", "expected_target", GREEDY, EXPECTED)}
    return _recomputed(report, seeds=[report["seeds"][i] for i in keep], **fields)


def _first_for_all(report):
    tables = report["expected_target"][:1].repeat(len(report["seeds"]), 1, 1)
    return {**report, "expected_target": tables}


def _play(tables, epsilon, episodes=100):
    from metarl_core.check.ch03.cliff import play

    return torch.tensor(play(tables.double().numpy(), episodes, epsilon, seed=77))


def _switched_off(report):
    returns = {GREEDY: _play(report["greedy_target"], 0.0), EXPECTED: _play(report["expected_target"], 0.0)}
    return _recomputed(report, **returns, conclusion=ch03.GREEDY_EARNS_MORE)


def _exchanged(report):
    returns = {GREEDY: report[EXPECTED], EXPECTED: report[GREEDY]}
    return _recomputed(report, **returns, conclusion=ch03.GREEDY_EARNS_MORE)


def _best_of_fifty(report):
    """The best of fifty evaluations of each agent, each of a hundred episodes."""
    chances = _play(report["expected_target"], 0.1, 5000).reshape(-1, 50, 100)
    best = chances.mean(-1).argmax(1)
    return _recomputed(report, **{EXPECTED: chances[torch.arange(len(best)), best]})


def _episodes_of_the_training(report):
    return _recomputed(report, **{GREEDY: report[GREEDY] - 60})


def _untrained(report):
    tables = 0.01 * torch.randn(report["greedy_target"].shape, generator=torch.Generator().manual_seed(0))
    return _recomputed(report, greedy_target=tables, **{GREEDY: _play(tables, 0.1)})


def _one_point_better(report):
    """All returns of the better kind moved up by ten: too little for a single seed to show."""
    return _recomputed(report, **{EXPECTED: report[EXPECTED] + 10})


_right = _report(lambda report: report)
_four_seeds = _report(lambda report: _some(report, [0, 1, 2, 3]))
_a_seed_again = _report(lambda report: _some(report, [0, 1, 2, 3, 4, 5, 5]))
_one_agent_for_all = _report(_first_for_all)
_never_trained = _report(_untrained)
_ten_episodes = _report(lambda report: _recomputed(report, **{k: report[k][:, :10] for k in (GREEDY, EXPECTED)}))
_columns_exchanged = _report(_exchanged)
_greedy_episodes = _report(_switched_off)
_the_best_evaluation = _report(_best_of_fifty)
_moved_up = _report(_one_point_better)
_while_learning = _report(_episodes_of_the_training)
_other_sign = _report(lambda r: {**r, "low": -r["high"], "high": -r["low"], "conclusion": ch03.GREEDY_EARNS_MORE})


def _half_of_two_groups(x, report):
    variances = [torch.as_tensor(report[key]).double().mean(1).var() for key in (GREEDY, EXPECTED)]
    return float(stats.t.ppf(0.975, 2 * len(x) - 2)) * float(sum(variances) / len(x)) ** 0.5


def _ends(report):
    x = _differences(report)
    return {**report, "low": float(x.min()), "high": float(x.max())}


def _half_of_all_episodes(x, report):
    return 1.96 * float((report[EXPECTED] - report[GREEDY]).double().std()) / report[GREEDY].numel() ** 0.5


def _half(x, report=None):
    return _t(len(x)) * float(x.std()) / len(x) ** 0.5


_two_groups = _interval(_half_of_two_groups)
_lowest_and_highest = _report(_ends)
_every_episode = _interval(_half_of_all_episodes)
_deviation = _interval(lambda x, r: float(x.std()))
_error = _interval(lambda x, r: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x, r: 1.96 * float(x.std()) / len(x) ** 0.5)
_two_errors = _interval(lambda x, r: 2 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x, r: _t(len(x)) * float(x.std(correction=0)) / len(x) ** 0.5)
_around_another_middle = _interval(_half, about=lambda x: float(x.median()) - 3)
_ninety_percent = _interval(lambda x, r: float(stats.t.ppf(0.95, len(x) - 1)) * float(x.std()) / len(x) ** 0.5)
_eighty_percent = _interval(lambda x, r: float(stats.t.ppf(0.9, len(x) - 1)) * float(x.std()) / len(x) ** 0.5)
_ninety_nine = _interval(lambda x, r: float(stats.t.ppf(0.995, len(x) - 1)) * float(x.std()) / len(x) ** 0.5)
_no_interval = _report(lambda r: {**r, "low": float(_differences(r).mean()), "high": float(_differences(r).mean())})
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})


def _bootstrap(report):
    found = bootstrap_interval(_differences(report)[:, None].numpy(), np.mean)
    return {**report, "low": found.low, "high": found.high}


def _same_rule_twice(report):
    """Both tables of one rule with other seeds: nothing can be told, whatever is said."""
    half = len(report["seeds"]) // 2
    fields = {
        "seeds": report["seeds"][:half],
        "greedy_target": report["expected_target"][:half],
        "expected_target": report["expected_target"][half:],
        GREEDY: report[EXPECTED][:half],
        EXPECTED: report[EXPECTED][half:],
    }
    return _recomputed(report, **fields)


_nothing_shown = _report(lambda r: {**_same_rule_twice(r), "conclusion": ch03.EXPECTED_EARNS_MORE})
_too_careful = _report(lambda r: {**r, "conclusion": ch03.NOT_TOLD_APART})
_wrong_winner = _report(lambda r: {**r, "conclusion": ch03.GREEDY_EARNS_MORE})


def _shrunk(report):
    """Returns drawn together around each agent's mean, as if each episode were a mean of many."""
    returns = torch.as_tensor(report[EXPECTED]).double()
    mean = returns.mean(1, keepdim=True)
    return _recomputed(report, **{EXPECTED: (mean + 0.2 * (returns - mean)).round()})


_means_for_episodes = _report(_shrunk)
_too_good = _report(
    lambda r: _recomputed(r, **{EXPECTED: torch.cat([r[EXPECTED][:, :-1], 0 * r[EXPECTED][:, :1] - 5], 1)})
)


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


WRONG = [
    (ch03.check_comparison, answer)
    for answer in (
        _four_seeds,
        _the_best_evaluation,
        _moved_up,
        _report(_bootstrap),
        _two_errors,
        _no_interval,
        _key("low"),
        _key("seeds"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "greedy_target": r["greedy_target"][:3]}),
        _report(lambda r: {**r, "greedy_target": r["greedy_target"].argmax(-1)}),
        _report(lambda r: {**r, GREEDY: r[GREEDY].mean(1)}),
        _report(lambda r: {**r, "low": float("nan")}),
        _report(lambda r: {**r, "seeds": 10}),
        _report(lambda r: {**r, "seeds": [0.5] * 10}),
        _report(lambda r: {**r, "conclusion": "the expected target wins"}),
        _report(lambda r: {**r, GREEDY: r[GREEDY][:5], EXPECTED: r[EXPECTED][:5]}),
        _ninety_nine,
        _report(lambda r: {**_same_rule_twice(r), "conclusion": ch03.NOT_TOLD_APART}),
    )
]

RIGHT = [
    (ch03.check_comparison, answer)
    for answer in (
        _right,
        _report(lambda r: _some(r, [1, 3, 5, 7, 9])),
        _report(lambda r: {**r, GREEDY: r[GREEDY].tolist(), EXPECTED: r[EXPECTED].numpy(), "seeds": tuple(r["seeds"])}),
        _report(lambda r: {**r, "low": round(r["low"], 2), "high": round(r["high"], 2)}),
        _report(lambda r: {**r, "greedy_target": r["greedy_target"].double()}),
        _report(lambda r: _recomputed(r, **{EXPECTED: _play(r["expected_target"], 0.1)})),
        _report(lambda r: {**r, "low": torch.tensor(r["low"]), "high": np.float32(r["high"])}),
    )
]
