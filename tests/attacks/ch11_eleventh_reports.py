"""Reports on how many bandits are few, chapter 11, from an eleventh attack."""

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed

from attacks.ch11_tenth_reports import KINDS, SOLUTION, _bandits, _concluded, _differences, _measured, _with_ends
from metarl_core.check import ch11
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes import few_bandits
from metarl_core.recipes.few_bandits import learn, regrets


def _each(report, change):
    return _concluded(report, **{f"regrets_{k}": change(report[f"regrets_{k}"]) for k in KINDS})


def _interval_of(report, values):
    found = t_interval(values)
    return {**report, "low": found.low, "high": found.high}


def _pulls(report, number):
    """Trials of another length."""
    kept, few_bandits.PULLS = few_bandits.PULLS, number
    try:
        found = {f"regrets_{k}": regrets(report[k], report["held_out"], seeded(7)) for k in KINDS}
    finally:
        few_bandits.PULLS = kept
    return _concluded(report, **found)


def _greedy(report, *kinds):
    """Played by the likeliest arm."""
    found = {}
    for kind in kinds:
        sharp = {name: 200 * v if name in ("weight", "bias") else v for name, v in report[kind].items()}
        found[f"regrets_{kind}"] = regrets(sharp, report["held_out"], seeded(7))
    return _concluded(report, **found)


def _against_a_random_arm(report):
    means = report["held_out"]["means"]
    return _each(report, lambda x: x - 10 * (means.amax(1) - means.mean(1)))


def _relative(report):
    few, many = (report[f"regrets_{k}"].double().mean(1) for k in KINDS)
    return _interval_of(report, few / many - 1)


def _on_the_eight(report):
    """The difference on the eight, beside regrets on held-out bandits."""
    again = {"means": report["training"]["means"].repeat(60, 1)}
    few, many = (regrets(report[k], again, seeded(5)).mean(1) for k in KINDS)
    return _interval_of(report, few - many)


def _best_of_draws(report):
    """Of a thousand bandits those that are hard, for whichever memory."""
    tasks = _bandits(1000, 66, "test")
    gaps = tasks["means"].sort(1).values
    order = (gaps[:, 2] - gaps[:, 1]).argsort(descending=True)[:300]
    return _measured(report, held_out={"means": tasks["means"][order]})


def _rounded_means(report):
    tasks = _bandits(500, 67, "test")
    return _measured(report, held_out={"means": tasks["means"].mul(10).round() / 10})


def _narrow(report):
    """Bandits whose arms hardly differ, by scaling after the draw."""
    return _measured(report, held_out={"means": _bandits(500, 68, "test")["means"] / 2})


def _mixed(report):
    both = torch.cat([_bandits(250, 69)["means"], _bandits(250, 70, "test")["means"]])
    return _measured(report, held_out={"means": both})


def _another_study(seeds, eight, n, held_out, luck):
    def change(report):
        training, plain = _bandits(8, eight), [int(seed) for seed in seeds]
        return _measured(
            report,
            luck,
            seeds=seeds,
            training=training,
            held_out=_bandits(n, held_out, "test"),
            few=learn(plain, training),
            many=learn(plain),
        )

    return change


def _wins(report):
    """What an interval on the wrong side would say."""
    return _concluded(
        report, **{f"regrets_{k}": report[f"regrets_{o}"] for k, o in zip(KINDS, KINDS[::-1], strict=True)}
    )


REPORTS = {
    "nine_pulls": lambda r: _pulls(r, 9),
    "twenty_pulls": lambda r: _pulls(r, 20),
    "against_a_random_arm": _against_a_random_arm,
    "as_shares_of_the_best": lambda r: _each(r, lambda x: x / (10 * r["held_out"]["means"].amax(1))),
    "first_task_missing": lambda r: _each(r, lambda x: x[:, 1:]),
    "last_task_twice": lambda r: _each(r, lambda x: torch.cat([x[:, 1:], x[:, -1:]], 1)),
    "means_over_seeds": lambda r: _each(r, lambda x: x.mean(0, keepdim=True).expand_as(x).clone()),
    "means_for_tasks": lambda r: _each(r, lambda x: x.mean(1, keepdim=True).expand_as(x).clone()),
    "sorted_tasks": lambda r: _each(r, lambda x: x.sort(1).values),
    "many_of_the_held_out": lambda r: _measured(r, many=learn(r["seeds"], r["held_out"])),
    "few_of_the_held_out": lambda r: _measured(r, few=learn(r["seeds"], {"means": r["held_out"]["means"][:8]})),
    "many_begin_a_seed_later": lambda r: _measured(r, many=learn([s + 1 for s in r["seeds"]])),
    "many_untrained": lambda r: _measured(r, many=learn(r["seeds"], iterations=0)),
    "many_for_45": lambda r: _measured(r, many=learn(r["seeds"], iterations=45)),
    "many_for_twice_as_long": lambda r: _measured(r, many=learn(r["seeds"], iterations=100)),
    "few_of_seven": lambda r: _measured(r, few=learn(r["seeds"], {"means": r["training"]["means"][:7]})),
    "few_of_the_first": lambda r: _measured(r, few=learn(r["seeds"], {"means": r["training"]["means"][:1]})),
    "few_twice": lambda r: _measured(r, many=r["few"]),
    "many_twice": lambda r: _measured(r, few=r["many"]),
    "a_bandit_twice_among_the_eight": lambda r: _measured(
        r,
        training={"means": r["training"]["means"][[0, 1, 2, 3, 4, 5, 6, 6]]},
        few=learn(r["seeds"], {"means": r["training"]["means"][[0, 1, 2, 3, 4, 5, 6, 6]]}),
    ),
    "easy_bandits": _best_of_draws,
    "rounded_means": _rounded_means,
    "halved_means": _narrow,
    "half_of_training": _mixed,
    "fifteen_hundred": lambda r: _measured(r, held_out=_bandits(1500, 71, "test")),
    "seeds_turned_round": lambda r: {**r, "seeds": r["seeds"][::-1]},
    "relative_difference": _relative,
    "in_per_cent_of_the_best": lambda r: {**r, "low": 10 * r["low"], "high": 10 * r["high"]},
    "medians": lambda r: _interval_of(r, (r["regrets_few"] - r["regrets_many"]).double().median(1).values),
    "over_the_means_of_bandits": lambda r: _interval_of(r, (r["regrets_few"] - r["regrets_many"]).double().mean(0)),
    "interval_on_the_eight": _on_the_eight,
    "few_alone": lambda r: _interval_of(r, r["regrets_few"].double().mean(1)),
    "best_pair_left_out": lambda r: _interval_of(r, _differences(r).sort().values[:-1]),
    "pairs_in_another_order": lambda r: _interval_of(
        r, r["regrets_few"].double().mean(1).sort().values - r["regrets_many"].double().mean(1).sort().values
    ),
    "exchanged_and_concluded": lambda r: {**_wins(r), "few": r["few"], "many": r["many"]},
    "conclusion_for_the_other_sign": lambda r: {
        **r,
        "low": -r["high"],
        "high": -r["low"],
        "conclusion": ch11.FEW_WIN,
    },
    **{name: _with_ends(ends) for name, ends in FURTHER_ENDS.items()},
}


def _in_turn(luck):
    """The seeds one after the other, each with a generator of the same seed."""

    def change(report):
        found = {}
        for kind, one in zip(KINDS, luck, strict=True):
            rows = [{name: value[[s]] for name, value in report[kind].items()} for s in range(len(report["seeds"]))]
            found[f"regrets_{kind}"] = torch.cat([regrets(row, report["held_out"], seeded(one)) for row in rows])
        return _concluded(report, **found)

    return change


GOOD = {
    "in_turn": _in_turn((7, 7)),
    "in_turn_with_other_luck": _in_turn((61, 62)),
    "eight_far_seeds": _another_study((1_000_000, 5, 70, 12_345, 8, 91, 33, 2), 120, 200, 121, (1, 2)),
    "six_seeds_turned_round": _another_study([5, 4, 3, 2, 1, 0], 140, 400, 141, (3, 3)),
    "seeds_as_an_array": _another_study(np.arange(10, 17), 160, 700, 161, (0, 9)),
    "numbers_of_other_kinds": lambda r: {
        **r,
        "few": {n: v.double().numpy() for n, v in r["few"].items()},
        "many": dict(reversed(r["many"].items())),
        "held_out": {"means": r["held_out"]["means"].numpy()},
        "seeds": torch.tensor(r["seeds"]),
        "low": np.float32(r["low"]),
        "high": torch.tensor(r["high"]),
    },
    "rounded": lambda r: {
        **r,
        "low": round(r["low"], 3),
        "high": round(r["high"], 3),
        "regrets_few": r["regrets_few"].double().round(decimals=4),
    },
}

NOT_ASKED = {
    "played_greedily": lambda r: _greedy(r, "few", "many"),
    "many_played_greedily": lambda r: _greedy(r, "many"),
    "many_turned_round": lambda r: _measured(r, many={n: v.flip(0) for n, v in r["many"].items()}),
}
"""Told by luck alone, or only where the pair in the middle is not the one that is trained again."""

WRONG = changed(SOLUTION, ch11.check_few, REPORTS)
RIGHT = changed(SOLUTION, ch11.check_few, GOOD)
DOUBTFUL = changed(SOLUTION, ch11.check_few, NOT_ASKED)
