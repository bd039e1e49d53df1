"""Reports and plans of chapter 03, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, fixed, row_copied, with_ends
from solved import answers

from metarl_core.check import ch03
from metarl_core.evaluation import t_interval
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "03_value_based_agents.py"
KINDS = ("greedy_target", "expected_target")


def _given(name):
    """`train` or `play` of the exercise."""
    return answers(SOLUTION).made(5)[name]


def _train(target_epsilon, seeds, **settings):
    return _given("train")(target_epsilon, seeds, **settings)


def _play(values, episodes=100, epsilon=0.1, seed=100):
    return _given("play")(values, episodes, epsilon, torch.Generator().manual_seed(seed))


def _differences(report):
    one, two = (torch.as_tensor(report[f"returns_{kind}"]).double().mean(1) for kind in KINDS)
    return two - one


def _concluded(report, **fields):
    report = {**report, **fields}
    found = t_interval(_differences(report))
    verdict = (
        ch03.EXPECTED_EARNS_MORE if found.low > 0 else ch03.GREEDY_EARNS_MORE if found.high < 0 else ch03.NOT_TOLD_APART
    )
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict}


def _run(report, greedy=None, expected=None, seeds=None, **play):
    seeds = report["seeds"] if seeds is None else seeds
    tables = {
        "greedy_target": report["greedy_target"] if greedy is None else greedy,
        "expected_target": report["expected_target"] if expected is None else expected,
    }
    returns = {f"returns_{kind}": _play(table, **play) for kind, table in tables.items()}
    return _concluded(report, seeds=seeds, **tables, **returns)


_with_ends = with_ends(_differences)


def _over_episodes(report):
    found = t_interval((report["returns_expected_target"] - report["returns_greedy_target"]).flatten())
    return {**report, "low": found.low, "high": found.high}


def _of_seed_0(report):
    found = t_interval(report["returns_expected_target"][0] - report["returns_greedy_target"][0])
    return {**report, "low": found.low, "high": found.high}


def _unpaired(report):
    one, two = (t_interval(report[f"returns_{kind}"].mean(1)) for kind in KINDS)
    return {**report, "low": two.low - one.high, "high": two.high - one.low}


def _best_episodes(report):
    return _concluded(
        report,
        **{
            f"returns_{kind}": _play(report[kind], 200).sort(1).values[:, 100:] if kind == "expected_target" else r
            for kind, r in ((kind, report[f"returns_{kind}"]) for kind in KINDS)
        },
    )


def _episodes_that_fell_left_out(report):
    returns = _play(report["greedy_target"], 400)
    kept = torch.stack([row[row.argsort(descending=True)[:100]] for row in returns])
    return _concluded(report, returns_greedy_target=kept)


def _one_at_a_time(report):
    seeds = [41, 3, 17, 8, 99, 12]
    tables = [torch.cat([_train(epsilon, [seed]) for seed in seeds]) for epsilon in (0.0, 0.1)]
    return _run(report, *tables, seeds=seeds, episodes=30, seed=4)


def _other_luck_for_each(report):
    seeds = list(range(100, 108))
    tables = {"greedy_target": _train(0.0, seeds), "expected_target": _train(0.1, seeds)}
    returns = {f"returns_{kind}": _play(tables[kind], 150, seed=n) for n, kind in enumerate(KINDS)}
    return _concluded(report, seeds=tuple(seeds), **tables, **returns)


def _by_numpy(report):
    names = (*KINDS, *(f"returns_{kind}" for kind in KINDS))
    return {**report, **{name: report[name].numpy() for name in names}, "seeds": np.array(report["seeds"])}


def _lists(report):
    names = tuple(f"returns_{kind}" for kind in KINDS)
    return {**report, **{name: report[name].tolist() for name in names}}


COMPARISONS = {
    "a_seed_twice": lambda r: _run(
        r, _train(0.0, [0, 1, 2, 3, 3]), _train(0.1, [0, 1, 2, 3, 3]), seeds=[0, 1, 2, 3, 3]
    ),
    "four_seeds": lambda r: _run(r, r["greedy_target"][:4], r["expected_target"][:4], seeds=[0, 1, 2, 3]),
    "kinds_exchanged": lambda r: _run(r, r["expected_target"], r["greedy_target"]),
    "returns_exchanged": lambda r: _concluded(
        r, returns_greedy_target=r["returns_expected_target"], returns_expected_target=r["returns_greedy_target"]
    ),
    "exploration_off": lambda r: _run(r, epsilon=0.0),
    "exploration_of_a_fifth": lambda r: _run(r, epsilon=0.2),
    "only_greedy_explores": lambda r: _concluded(r, returns_expected_target=_play(r["expected_target"], epsilon=0.0)),
    "target_of_a_fifth": lambda r: _run(r, expected=_train(0.2, r["seeds"])),
    "both_are_greedy": lambda r: _run(r, expected=r["greedy_target"]),
    "both_are_expected": lambda r: _run(r, greedy=r["expected_target"]),
    "greedy_trained_for_less": lambda r: _run(r, greedy=_train(0.0, r["seeds"], iterations=150)),
    "one_table_from_another_seed": lambda r: _run(r, greedy=row_copied(r["greedy_target"], 3, 5)),
    "tables_of_one_seed": lambda r: _run(r, expected=r["expected_target"][:1].repeat(10, 1, 1)),
    "untrained_greedy": lambda r: _run(r, greedy=torch.zeros(10, 48, 4)),
    "ten_episodes": lambda r: _run(r, episodes=10),
    "fewer_episodes_for_one": lambda r: _concluded(r, returns_expected_target=_play(r["expected_target"], 40)),
    "best_episodes_of_one": _best_episodes,
    "episodes_that_fell_left_out": _episodes_that_fell_left_out,
    "falls_cut_off": lambda r: _concluded(r, **{f"returns_{k}": r[f"returns_{k}"].clamp_min(-60) for k in KINDS}),
    "seed_means_for_episodes": lambda r: _concluded(
        r, **{f"returns_{k}": r[f"returns_{k}"].mean(1, keepdim=True).expand(-1, 100).clone() for k in KINDS}
    ),
    "rounded_to_tens": lambda r: _concluded(
        r, **{f"returns_{k}": (r[f"returns_{k}"] / 10).round() * 10 for k in KINDS}
    ),
    "rewards_of_a_step": lambda r: _concluded(r, **{f"returns_{k}": r[f"returns_{k}"] / 20 for k in KINDS}),
    "made_up": lambda r: _concluded(
        r, returns_greedy_target=-50 + 20 * torch.randn(10, 100, generator=torch.Generator().manual_seed(1))
    ),
    "over_episodes": _over_episodes,
    "of_seed_0": _of_seed_0,
    "unpaired": _unpaired,
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "greedy_less_expected": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "greedy_earns_more": lambda r: {**r, "conclusion": ch03.GREEDY_EARNS_MORE},
    "not_told_apart": lambda r: {**r, "conclusion": ch03.NOT_TOLD_APART},
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}
GOOD_COMPARISONS = {
    "one_at_a_time": _one_at_a_time,
    "other_luck_for_each": _other_luck_for_each,
    "by_numpy": _by_numpy,
    "lists": _lists,
    "in_double_precision": lambda r: {
        **r,
        "returns_greedy_target": r["returns_greedy_target"].double(),
        "returns_expected_target": r["returns_expected_target"].double(),
        "low": np.float64(r["low"]),
    },
}
PLAN = {
    "changes_per_variant": 1,
    "seeds": 10,
    "step_size": ch03.OWN_STEP_SIZE,
    "measured_on": ch03.GREEDY,
    "reported": ch03.LAST,
    "budget": ch03.STEPS,
    "if_intervals_overlap": ch03.NO_EVIDENCE,
}
FAULTS = {
    "no_change": {"changes_per_variant": 0},
    "two_changes": {"changes_per_variant": 2},
    "all_changed": {"changes_per_variant": 7},
    "change_as_a_word": {"changes_per_variant": "one"},
    "change_true": {"changes_per_variant": True},
    "one_seed": {"seeds": 1},
    "two_seeds": {"seeds": 2},
    "no_seeds": {"seeds": 0},
    "list_of_seeds": {"seeds": [0, 1, 2, 3, 4, 5]},
    "seeds_as_a_string": {"seeds": "10"},
    "same_step_size": {"step_size": ch03.SAME_STEP_SIZE},
    "in_training": {"measured_on": ch03.IN_TRAINING},
    "best_checkpoint": {"reported": ch03.BEST},
    "until_solved": {"budget": ch03.UNTIL_SOLVED},
    "no_effect": {"if_intervals_overlap": ch03.NO_EFFECT},
    "conclusion_of_the_comparison": {"if_intervals_overlap": ch03.NOT_TOLD_APART},
    "fields_exchanged": {"reported": ch03.GREEDY, "measured_on": ch03.LAST},
    "a_step_size": {"step_size": 0.2},
    "a_number_of_steps": {"budget": 1500},
    "name_of_the_constant": {"reported": "LAST"},
}
GOOD_PLANS = {
    "ten_seeds_by_numpy": {"seeds": np.int64(10)},
    "five_seeds": {"seeds": 5},
    "thirty_seeds": {"seeds": 30},
    "text_of_the_constant": {"reported": str(ch03.LAST)},
}

NOT_ASKED = {
    "one_row_of_returns_from_another_seed": lambda r: _concluded(
        r,
        returns_greedy_target=row_copied(
            r["returns_greedy_target"],
            int(r["returns_greedy_target"].mean(1).argmax()),
            int(r["returns_greedy_target"].mean(1).argmin()),
        ),
    ),
    "rows_rolled": lambda r: _concluded(r, returns_greedy_target=r["returns_greedy_target"].roll(1, 0)),
    "expected_trained_for_longer": lambda r: _run(r, expected=_train(0.1, r["seeds"], iterations=4500)),
    "expected_at_another_rate": lambda r: _run(r, expected=_train(0.1, r["seeds"], rate=0.02)),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch03.check_comparison, COMPARISONS) + fixed(ch03.check_plan, PLAN, FAULTS)
RIGHT = changed(SOLUTION, ch03.check_comparison, GOOD_COMPARISONS) + fixed(ch03.check_plan, PLAN, GOOD_PLANS)
DOUBTFUL = changed(SOLUTION, ch03.check_comparison, NOT_ASKED)
