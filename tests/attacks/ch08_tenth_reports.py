"""Reports on what pays in a maze, chapter 08, from a tenth attack."""

import math

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, row_copied, with_ends

from metarl_core.check import ch08
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.star_maze import after_a_step, from_scratch, meta_train, pre_train, sample_tasks
from metarl_core.tasks.draws import stamp_split
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "08_maml_for_rl.py"


def _differences(report):
    one, two = (torch.as_tensor(np.asarray(report[f"returns_{name}"])).double() for name in ("maml", "pretrained"))
    return (one - two).mean(1)


def _concluded(report, **fields):
    report = {**report, **fields}
    found = t_interval(_differences(report))
    verdict = (
        ch08.MAML_EARNS_MORE
        if found.low > 0
        else ch08.PRETRAINING_EARNS_MORE
        if found.high < 0
        else ch08.NOT_TOLD_APART
    )
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict}


def _paid(report, training=24_000, **fields):
    report = {**report, **fields}
    return {**report, "paid_after": math.ceil(training / (report["scratch_episodes"] - 10))}


def _scratch(report, lr=None, tasks=None, level=None):
    level = float(torch.as_tensor(report["returns_maml"]).mean()) if level is None else level
    curve = from_scratch(report["held_out"] if tasks is None else tasks, lr or report["scratch_lr"], seeded(6)).mean(0)
    above = (curve >= level).nonzero()
    return 10 * int(above[0]) if len(above) else 600


def _billed(report, **fields):
    report = {**report, **fields}
    return _paid(report, scratch_episodes=_scratch(report))


def _measured(report, **fields):
    """All that follows from tables, step sizes and tasks."""
    report = {**report, **fields}
    of_maml = after_a_step(report["maml"], report["held_out"], report["maml_lr"], seeded(4))
    of_pretrained = after_a_step(report["pretrained"], report["held_out"], report["pretrained_step"], seeded(5))
    return _billed(_concluded(report, returns_maml=of_maml, returns_pretrained=of_pretrained))


_with_ends = with_ends(_differences)


def _over_tasks(report):
    found = t_interval((report["returns_maml"] - report["returns_pretrained"]).flatten())
    return {**report, "low": found.low, "high": found.high}


def _unpaired(report):
    one, two = (t_interval(report[f"returns_{name}"].mean(1)) for name in ("maml", "pretrained"))
    return {**report, "low": one.low - two.high, "high": one.high - two.low}


def _best_tasks(report):
    """Held-out tasks on which MAML's lead is largest."""
    lead = (report["returns_maml"] - report["returns_pretrained"]).mean(0)
    pays = report["held_out"]["pays"][lead.argsort(descending=True)[:100]]
    return _measured(report, held_out={"pays": pays})


def _other_seeds(report):
    seeds, alpha = [31, 14, 8, 77, 52, 26], 60.0
    maml = torch.cat([meta_train([seed], alpha) for seed in seeds])
    held_out = sample_tasks(150, seeded(91), "test")
    return _measured(
        report,
        seeds=seeds,
        maml_lr=alpha,
        maml=maml,
        pretrained_step=70,
        pretrained=pre_train(seeds),
        held_out=held_out,
        scratch_lr=0.25,
    )


REPORTS = {
    "pretraining_with_a_small_step": lambda r: _measured(r, pretrained_step=5),
    "pretraining_without_a_step": lambda r: _measured(r, pretrained_step=1e-6),
    "pretraining_with_a_huge_step": lambda r: _measured(r, pretrained_step=1000),
    "maml_at_20": lambda r: _measured(r, maml_lr=5, maml=meta_train(r["seeds"], 5)),
    "another_alpha_at_the_test": lambda r: _measured(r, maml_lr=20),
    "another_alpha_is_named": lambda r: {**r, "maml_lr": 25},
    "tables_exchanged": lambda r: _measured(r, maml=r["pretrained"], pretrained=r["maml"]),
    "returns_exchanged": lambda r: _concluded(
        r, returns_maml=r["returns_pretrained"], returns_pretrained=r["returns_maml"]
    ),
    "maml_is_pretraining": lambda r: _measured(r, maml=r["pretrained"], maml_lr=r["pretrained_step"]),
    "pretraining_for_a_third": lambda r: _measured(r, pretrained=pre_train(r["seeds"], 20)),
    "maml_for_longer": lambda r: _measured(r, maml=meta_train(r["seeds"], r["maml_lr"], 120)),
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(30, 40))},
    "other_seeds_for_pretraining": lambda r: _measured(r, pretrained=pre_train(list(range(50, 60)))),
    "a_seed_twice": lambda r: {**r, "seeds": [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]},
    "four_seeds": lambda r: _measured(r, seeds=[0, 1, 2, 3], maml=r["maml"][:4], pretrained=r["pretrained"][:4]),
    "worst_table_replaced": lambda r: _measured(
        r,
        maml=row_copied(r["maml"], int(r["returns_maml"].mean(1).argmin()), int(r["returns_maml"].mean(1).argmax())),
    ),
    "training_tasks": lambda r: _measured(r, held_out=sample_tasks(200, seeded(2))),
    "a_task_five_times": lambda r: _measured(r, held_out={"pays": r["held_out"]["pays"][:40].repeat(5, 1)}),
    "ninety_tasks": lambda r: _measured(r, held_out=sample_tasks(90, seeded(2), "test")),
    "rich_tasks": lambda r: _measured(r, held_out={"pays": stamp_split(r["held_out"]["pays"].sqrt(), "test")}),
    "tasks_rolled": lambda r: _concluded(r, returns_maml=r["returns_maml"].roll(1, 1)),
    "without_a_step": lambda r: _concluded(
        r, returns_pretrained=after_a_step(r["pretrained"], r["held_out"], 0.0, seeded(5))
    ),
    "five_hundredths_more": lambda r: _concluded(r, returns_maml=r["returns_maml"] + 0.05),
    "better_of_two_runs": lambda r: _concluded(
        r,
        returns_maml=torch.maximum(r["returns_maml"], after_a_step(r["maml"], r["held_out"], r["maml_lr"], seeded(44))),
    ),
    "updates_for_episodes": lambda r: _paid(r, scratch_episodes=r["scratch_episodes"] // 10 + 11),
    "level_of_half": lambda r: _paid(r, scratch_episodes=_scratch(r, level=0.25)),
    "of_all_tasks": lambda r: _paid(r, scratch_episodes=200 * r["scratch_episodes"]),
    "a_poor_rate": lambda r: _billed(r, scratch_lr=0.03),
    "a_rate_far_too_large": lambda r: _billed(r, scratch_lr=5.0),
    "another_rate_is_named": lambda r: {**r, "scratch_lr": 0.05},
    "ten_forgotten": lambda r: {**r, "paid_after": math.ceil(24_000 / r["scratch_episodes"])},
    "half_a_training": lambda r: _paid(r, 12_000),
    "all_ten_trainings": lambda r: _paid(r, 240_000),
    "the_search_for_alpha_too": lambda r: _paid(r, 72_000),
    "a_batch_of_one_task": lambda r: _paid(r, 1_200),
    "rounded_down": lambda r: {**r, "paid_after": 24_000 // (r["scratch_episodes"] - 10)},
    "one_later": lambda r: {**r, "paid_after": r["paid_after"] + 1},
    "pretraining_less_maml": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "maml_earns_more": lambda r: {**r, "conclusion": ch08.MAML_EARNS_MORE},
    "pretraining_earns_more": lambda r: {
        **r,
        "conclusion": ch08.NOT_TOLD_APART if r["high"] < 0 else ch08.PRETRAINING_EARNS_MORE,
    },
    "over_tasks": _over_tasks,
    "unpaired": _unpaired,
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}
GOOD = {
    "other_seeds": _other_seeds,
    "same_luck_for_both": lambda r: _concluded(
        r, returns_pretrained=after_a_step(r["pretrained"], r["held_out"], r["pretrained_step"], seeded(4))
    ),
    "arrays": lambda r: {
        **r,
        "returns_maml": r["returns_maml"].numpy(),
        "returns_pretrained": r["returns_pretrained"].tolist(),
        "seeds": tuple(r["seeds"]),
        "scratch_episodes": np.int64(r["scratch_episodes"]),
    },
    "a_rate_of_a_third": lambda r: _billed(r, scratch_lr=0.3),
    "a_step_size_of_80": lambda r: _measured(r, pretrained_step=80.0),
}

NOT_ASKED = {
    "chosen_tasks": _best_tasks,
    "rows_rolled": lambda r: _concluded(r, returns_maml=r["returns_maml"].roll(1, 0)),
    "a_row_replaced": lambda r: _concluded(
        r,
        returns_maml=row_copied(
            r["returns_maml"], int(r["returns_maml"].mean(1).argmin()), int(r["returns_maml"].mean(1).argmax())
        ),
    ),
    "an_update_too_early": lambda r: _paid(r, scratch_episodes=r["scratch_episodes"] - 60),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch08.check_payoff, REPORTS)
RIGHT = changed(SOLUTION, ch08.check_payoff, GOOD)
DOUBTFUL = changed(SOLUTION, ch08.check_payoff, NOT_ASKED)
