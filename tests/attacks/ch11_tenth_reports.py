"""Reports and plans of chapter 11, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, fixed, row_copied, with_ends

from metarl_core.check import ch11
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.few_bandits import ARMS, PULLS, learn, regrets
from metarl_core.tasks import BernoulliBandits
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "11_memory_and_context.py"
KINDS = ("few", "many")


def _bandits(n, seed, split="train"):
    return BernoulliBandits(ARMS, PULLS).sample_tasks(n, seeded(seed), split)


def _differences(report):
    one, two = (torch.as_tensor(np.asarray(report[f"regrets_{kind}"])).double() for kind in KINDS)
    return (one - two).mean(1)


def _concluded(report, **fields):
    report = {**report, **fields}
    found = t_interval(_differences(report))
    verdict = ch11.FEW_LOSE if found.low > 0 else ch11.FEW_WIN if found.high < 0 else ch11.NOT_TOLD_APART
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict}


def _measured(report, luck=(7, 8), **fields):
    report = {**report, **fields}
    both = {f"regrets_{k}": regrets(report[k], report["held_out"], seeded(s)) for k, s in zip(KINDS, luck, strict=True)}
    return _concluded(report, **both)


_with_ends = with_ends(_differences)


def _of_one(parameters, target=1, source=0):
    return {name: row_copied(value, target, source) for name, value in parameters.items()}


def _over_tasks(report):
    found = t_interval((report["regrets_few"] - report["regrets_many"]).flatten())
    return {**report, "low": found.low, "high": found.high}


def _unpaired(report):
    one, two = (t_interval(report[f"regrets_{kind}"].mean(1)) for kind in KINDS)
    return {**report, "low": one.low - two.high, "high": one.high - two.low}


def _against_its_own(report):
    """Regret on held-out bandits less that on the eight, of the memories of few."""
    again = {"means": report["training"]["means"].repeat(60, 1)}
    own = regrets(report["few"], again, seeded(3)).mean(1)
    found = t_interval(report["regrets_few"].mean(1) - own)
    return {**report, "low": found.low, "high": found.high}


def _hard_for_few(report):
    lead = (report["regrets_few"] - report["regrets_many"]).mean(0)
    return _measured(report, held_out={"means": report["held_out"]["means"][lead.argsort(descending=True)[:200]]})


def _seed_by_seed(report):
    seeds, training = [61, 7, 30, 18, 44, 2], _bandits(8, 71)
    found = {"few": [learn([seed], training) for seed in seeds], "many": [learn([seed]) for seed in seeds]}
    joined = {kind: {name: torch.cat([row[name] for row in rows]) for name in rows[0]} for kind, rows in found.items()}
    return _measured(report, (1, 2), seeds=seeds, training=training, held_out=_bandits(300, 72, "test"), **joined)


REPORTS = {
    "held_out_are_training_bandits": lambda r: _measured(r, held_out=_bandits(500, 6)),
    "held_out_twins_of_the_eight": lambda r: _measured(r, held_out=_bandits(500, 5, "test")),
    "held_out_with_the_eight": lambda r: _measured(
        r, held_out={"means": torch.cat([r["held_out"]["means"][:492], r["training"]["means"]])}
    ),
    "held_out_are_the_eight": lambda r: _measured(r, held_out={"means": r["training"]["means"].repeat(50, 1)}),
    "held_out_ten_times": lambda r: _measured(r, held_out={"means": r["held_out"]["means"][:40].repeat(10, 1)}),
    "hundred_and_fifty": lambda r: _measured(r, held_out=_bandits(150, 6, "test")),
    "chosen_bandits": _hard_for_few,
    "arms_sorted": lambda r: _measured(r, held_out={"means": r["held_out"]["means"].sort(1).values}),
    "sixteen_bandits": lambda r: _measured(r, training=_bandits(16, 5), few=learn(r["seeds"], _bandits(16, 5))),
    "four_bandits_twice": lambda r: _measured(
        r,
        training={"means": r["training"]["means"][:4].repeat(2, 1)},
        few=learn(r["seeds"], {"means": r["training"]["means"][:4].repeat(2, 1)}),
    ),
    "eight_held_out_ones": lambda r: _measured(
        r, training=_bandits(8, 5, "test"), few=learn(r["seeds"], _bandits(8, 5, "test"))
    ),
    "other_eight_are_named": lambda r: {**r, "training": _bandits(8, 55)},
    "kinds_exchanged": lambda r: _measured(r, few=r["many"], many=r["few"]),
    "regrets_exchanged": lambda r: _concluded(r, regrets_few=r["regrets_many"], regrets_many=r["regrets_few"]),
    "many_of_64": lambda r: _measured(r, many=learn(r["seeds"], _bandits(24, 9))),
    "many_for_half": lambda r: _measured(r, many=learn(r["seeds"], iterations=25)),
    "few_for_a_fifth": lambda r: _measured(r, few=learn(r["seeds"], r["training"], 10)),
    "few_for_longer": lambda r: _measured(r, few=learn(r["seeds"], r["training"], 100)),
    "other_seeds_for_many": lambda r: _measured(r, many=learn([10, 11, 12, 13, 14])),
    "other_seeds_are_named": lambda r: {**r, "seeds": [20, 21, 22, 23, 24]},
    "a_seed_twice": lambda r: {**r, "seeds": [0, 1, 2, 3, 3]},
    "four_seeds": lambda r: _measured(r, seeds=[0, 1, 2, 3], **{k: {n: v[:4] for n, v in r[k].items()} for k in KINDS}),
    "a_memory_copied": lambda r: _measured(r, many=_of_one(r["many"], 1, 0)),
    "memories_rolled": lambda r: _measured(r, many={n: v.roll(1, 0) for n, v in r["many"].items()}),
    "tasks_rolled": lambda r: _concluded(r, regrets_many=r["regrets_many"].roll(1, 1)),
    "other_bandits_for_many": lambda r: _concluded(
        r, regrets_many=regrets(r["many"], _bandits(500, 66, "test"), seeded(8))
    ),
    "on_the_eight": lambda r: _concluded(
        r,
        **{
            f"regrets_{k}": regrets(r[k], {"means": r["training"]["means"].repeat(63, 1)[:500]}, seeded(7))
            for k in KINDS
        },
    ),
    "of_a_pull": lambda r: _concluded(r, **{f"regrets_{k}": r[f"regrets_{k}"] / 10 for k in KINDS}),
    "better_of_two_trials": lambda r: _concluded(
        r, regrets_many=torch.minimum(r["regrets_many"], regrets(r["many"], r["held_out"], seeded(20)))
    ),
    "mean_of_twenty_trials": lambda r: _concluded(
        r,
        regrets_many=torch.stack([regrets(r["many"], r["held_out"], seeded(20 + n)) for n in range(20)]).mean(0),
    ),
    "never_above_2": lambda r: _concluded(r, **{f"regrets_{k}": r[f"regrets_{k}"].clamp_max(2) for k in KINDS}),
    "rewards_for_regrets": lambda r: _concluded(
        r, **{f"regrets_{k}": 10 * r["held_out"]["means"].amax(1) - r[f"regrets_{k}"] for k in KINDS}
    ),
    "against_its_own": _against_its_own,
    "many_less_few": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "few_win": lambda r: {**r, "conclusion": ch11.FEW_WIN},
    "not_told_apart": lambda r: {**r, "conclusion": ch11.NOT_TOLD_APART},
    "over_tasks": _over_tasks,
    "unpaired": _unpaired,
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}


def _joined(rows):
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}


GOOD = {
    "seed_by_seed": _seed_by_seed,
    "same_luck_for_both": lambda r: _measured(r, (40, 40)),
    "thousand_held_out": lambda r: _measured(r, (4, 9), held_out=_bandits(1000, 100, "test")),
    "arrays": lambda r: {
        **r,
        "regrets_few": r["regrets_few"].numpy(),
        "regrets_many": r["regrets_many"].tolist(),
        "seeds": tuple(r["seeds"]),
        "training": {"means": r["training"]["means"].numpy()},
    },
    "double_precision": lambda r: _concluded(r, **{f"regrets_{k}": r[f"regrets_{k}"].double() for k in KINDS}),
}
PLAN = {
    "tasks": "held-out tasks, the same for all methods",
    "context_from": "earlier episodes of the same task, played by the agent itself",
    "first_episode": "reported, with an empty context",
    "budget_in_a_task": "the same episodes and steps for all",
    "reference": "the best agent that does not know the task, and one that does",
    "control": "the same weights with an empty context, and with the context of another task",
    "weights": "the last",
    "seeds": 10,
    "interval_over": "trainings",
}
FAULTS = {
    "training_tasks": {"tasks": "training tasks"},
    "new_tasks_for_each": {"tasks": "held-out tasks, new for each method"},
    "context_is_the_episode": {"context_from": "the episode that is measured"},
    "context_of_an_expert": {"context_from": "earlier episodes of the same task, played by one who knows it"},
    "first_left_out": {"first_episode": "left out"},
    "any_budget": {"budget_in_a_task": "as many episodes as each method likes"},
    "untrained_reference": {"reference": "a memory that was not trained"},
    "oracle_alone": {"reference": "the best agent that knows the task"},
    "no_control": {"control": "none"},
    "empty_context_alone": {"control": "the same weights with an empty context"},
    "best_weights": {"weights": "the best on the held-out tasks"},
    "over_episodes": {"interval_over": "episodes"},
    "over_tasks": {"interval_over": "tasks"},
    "one_seed": {"seeds": 1},
    "three_seeds": {"seeds": 3},
    "seeds_as_a_word": {"seeds": "ten"},
    "a_list_of_seeds": {"seeds": [1, 2, 3, 4, 5, 6]},
    "seeds_true": {"seeds": True},
    "fields_exchanged": {"weights": "trainings", "interval_over": "the last"},
    "two_faults": {"seeds": 2, "weights": "the best on the held-out tasks"},
}
GOOD_PLANS = {
    "five_seeds": {"seeds": 5},
    "seven_seeds_by_numpy": {"seeds": np.int64(7)},
    "hundred_seeds": {"seeds": 100},
}

NOT_ASKED = {
    "other_eight_for_each_seed": lambda r: _measured(
        r,
        few={
            name: torch.cat([value[:1], value[1:]])
            for name, value in _joined([learn([s], _bandits(8, 5 + s)) for s in r["seeds"]]).items()
        },
    ),
    "rows_rolled": lambda r: _concluded(r, regrets_many=r["regrets_many"].roll(1, 0)),
    "a_row_replaced": lambda r: _concluded(
        r,
        regrets_few=row_copied(
            r["regrets_few"], int(r["regrets_few"].mean(1).argmin()), int(r["regrets_few"].mean(1).argmax())
        ),
    ),
    "rounded": lambda r: _concluded(r, **{f"regrets_{k}": r[f"regrets_{k}"].round() for k in KINDS}),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch11.check_few, REPORTS) + fixed(ch11.check_plan, PLAN, FAULTS)
RIGHT = (
    changed(SOLUTION, ch11.check_few, GOOD)
    + fixed(ch11.check_plan, PLAN, GOOD_PLANS)
    + fixed(ch11.check_plan, dict(reversed(PLAN.items())), {"from_below": {}})
)
DOUBTFUL = changed(SOLUTION, ch11.check_few, NOT_ASKED)
