"""Reports of chapter 07 and of the second project, from a tenth attack."""

import numpy as np
import torch
from report_changes import (
    WRONG_ENDS,
    bootstrapped,
    changed,
    one_error,
    one_sided,
    percentiles,
    row_copied,
    with_n,
    with_n_degrees,
)
from solved import answers

from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.recipes.training_ways import QUERIES, WAYS, accuracies, episodes, learn
from metarl_core.tasks import FewShot
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "07_few_shot_images.py"
PROJECT = ROOT / "projects" / "07p_own_family.py"
KINDS = ("five", "twenty")


def _says(low, high):
    return ch07.TWENTY_HIGHER if low > 0 else ch07.FIVE_HIGHER if high < 0 else ch07.NOT_TOLD_APART


def _rows(report):
    one, two = (torch.as_tensor(np.asarray(report[f"accuracies_{kind}"])).double() for kind in KINDS)
    return two - one


def _concluded(report, **fields):
    report = {**report, **fields}
    rows = _rows(report)
    all_seeds, each = t_interval(rows.mean(1)), [t_interval(row) for row in rows]
    one, said = each[list(report["seeds"]).index(report["pair_seed"])], [_says(x.low, x.high) for x in each]
    return {
        **report,
        "low": all_seeds.low,
        "high": all_seeds.high,
        "conclusion": _says(all_seeds.low, all_seeds.high),
        "pair_low": one.low,
        "pair_high": one.high,
        "pair_conclusion": _says(one.low, one.high),
        "pairs_for_twenty": said.count(ch07.TWENTY_HIGHER),
        "pairs_for_five": said.count(ch07.FIVE_HIGHER),
    }


def _images(seed, n=300, split="test"):
    return episodes(n, WAYS, QUERIES, torch.Generator().manual_seed(seed), split)


def _measured(report, images=None, n=300, **fields):
    report = {**report, **fields}
    images = _images(report["evaluation_seed"], n) if images is None else images
    return _concluded(report, **{f"accuracies_{kind}": accuracies(report[kind], images) for kind in KINDS})


def _with_ends(ends):
    def change(report):
        low, high = ends(_rows(report).mean(1).numpy())
        return {**report, "low": low, "high": high, "conclusion": _says(low, high)}

    return change


def _pair_ends(ends):
    def change(report):
        low, high = ends(_rows(report)[0].numpy())
        return {**report, "pair_low": low, "pair_high": high, "pair_conclusion": _says(low, high)}

    return change


def _over_all(report):
    found = t_interval(_rows(report).flatten())
    return {**report, "low": found.low, "high": found.high, "conclusion": _says(found.low, found.high)}


def _signs_counted(report):
    means = _rows(report).mean(1)
    return {**report, "pairs_for_twenty": int((means > 0).sum()), "pairs_for_five": int((means < 0).sum())}


def _unpaired(report):
    one, two = (t_interval(report[f"accuracies_{kind}"].mean(1)) for kind in KINDS)
    return {**report, "low": two.low - one.high, "high": two.high - one.low}


def _unpaired_pair(report):
    one, two = (t_interval(report[f"accuracies_{kind}"][0]) for kind in KINDS)
    low, high = two.low - one.high, two.high - one.low
    return {**report, "pair_low": low, "pair_high": high, "pair_conclusion": _says(low, high)}


def _another_pair(report):
    found = t_interval(_rows(report)[3])
    return {
        **report,
        "pair_low": found.low,
        "pair_high": found.high,
        "pair_conclusion": _says(found.low, found.high),
    }


def _without_the_worst(report):
    found = t_interval(_rows(report).mean(1).sort().values[1:])
    return {**report, "low": found.low, "high": found.high, "conclusion": _says(found.low, found.high)}


def _seed_by_seed(report):
    seeds = [40, 7, 23, 11, 90, 3]
    rows = {kind: [learn(ways, [seed]) for seed in seeds] for kind, ways in (("five", 5), ("twenty", 20))}
    joined = {kind: {name: torch.cat([row[name] for row in each]) for name in each[0]} for kind, each in rows.items()}
    return _measured(report, n=250, seeds=seeds, evaluation_seed=501, pair_seed=23, **joined)


WAYS_REPORTS = {
    "training_scripts": lambda r: _measured(r, _images(1, split="train")),
    "images_of_another_seed": lambda r: _measured(r, _images(2)),
    "other_images_for_twenty": lambda r: _concluded(r, accuracies_twenty=accuracies(r["twenty"], _images(2))),
    "hundred_tasks": lambda r: _measured(r, n=100),
    "kinds_exchanged": lambda r: _measured(r, five=r["twenty"], twenty=r["five"]),
    "accuracies_exchanged": lambda r: _concluded(
        r, accuracies_five=r["accuracies_twenty"], accuracies_twenty=r["accuracies_five"]
    ),
    "five_for_half_the_updates": lambda r: _measured(r, five=learn(5, r["seeds"], 150)),
    "five_for_a_tenth": lambda r: _measured(r, five=learn(5, r["seeds"], 30)),
    "ten_letters_for_five": lambda r: _measured(r, five=learn(10, r["seeds"])),
    "ten_letters_for_twenty": lambda r: _measured(r, twenty=learn(10, r["seeds"])),
    "other_seeds_for_twenty": lambda r: _measured(r, twenty=learn(20, list(range(30, 40)))),
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(60, 70)), "pair_seed": 60},
    "seeds_in_another_order": lambda r: {**r, "seeds": r["seeds"][::-1], "pair_seed": 9},
    "a_seed_copied": lambda r: _measured(
        r,
        twenty={
            name: row_copied(value, int(_rows(r).mean(1).argmin()), int(_rows(r).mean(1).argmax()))
            for name, value in r["twenty"].items()
        },
    ),
    "rows_rolled": lambda r: _concluded(r, accuracies_five=r["accuracies_five"].roll(1, 0)),
    "tasks_rolled": lambda r: _concluded(r, accuracies_five=r["accuracies_five"].roll(1, 1)),
    "a_row_replaced": lambda r: _concluded(r, accuracies_twenty=row_copied(r["accuracies_twenty"], 4, 5)),
    "rounded_to_tenths": lambda r: _concluded(
        r, **{f"accuracies_{k}": (10 * r[f"accuracies_{k}"]).round() / 10 for k in KINDS}
    ),
    "errors_for_accuracies": lambda r: _concluded(r, **{f"accuracies_{k}": 1 - r[f"accuracies_{k}"] for k in KINDS}),
    "in_per_cent": lambda r: _concluded(r, **{f"accuracies_{k}": 100 * r[f"accuracies_{k}"] for k in KINDS}),
    "four_seeds": lambda r: _measured(r, seeds=[0, 1, 2, 3], **{k: {n: v[:4] for n, v in r[k].items()} for k in KINDS}),
    "worst_pair_left_out_of_the_interval": _without_the_worst,
    "over_all": _over_all,
    "five_less_twenty": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "pair_turned_round": lambda r: {**r, "pair_low": -r["pair_high"], "pair_high": -r["pair_low"]},
    "unpaired": _unpaired,
    "unpaired_pair": _unpaired_pair,
    "another_pair": _another_pair,
    "pair_of_a_stranger": lambda r: {**r, "pair_seed": 77},
    "place_for_a_seed": lambda r: {**r, "pair_seed": 4},
    "counts_exchanged": lambda r: {
        **r,
        "pairs_for_twenty": r["pairs_for_five"],
        "pairs_for_five": r["pairs_for_twenty"],
    },
    "signs_counted": _signs_counted,
    "the_others_are_fives": lambda r: {**r, "pairs_for_five": 10 - r["pairs_for_twenty"]},
    "majority_concludes": lambda r: {**r, "conclusion": ch07.TWENTY_HIGHER},
    "pair_concludes_as_the_method": lambda r: {**r, "pair_conclusion": r["conclusion"]},
    "pair_gets_the_methods_interval": lambda r: {**r, "pair_low": r["low"], "pair_high": r["high"]},
    "method_gets_the_pairs_interval": lambda r: {
        **r,
        "low": r["pair_low"],
        "high": r["pair_high"],
        "conclusion": r["pair_conclusion"],
    },
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
    "pair_one_sided": _pair_ends(one_sided),
    "pair_percentiles": _pair_ends(percentiles),
    "pair_one_standard_error": _pair_ends(one_error),
}


GOOD_WAYS = {
    "seed_by_seed": _seed_by_seed,
    "another_pair_and_more_tasks": lambda r: _measured(r, n=1000, evaluation_seed=88, pair_seed=7),
    "arrays": lambda r: {
        **r,
        "accuracies_five": r["accuracies_five"].numpy(),
        "accuracies_twenty": r["accuracies_twenty"].tolist(),
        "pairs_for_five": np.int64(r["pairs_for_five"]),
        "pair_low": np.float32(r["pair_low"]),
    },
    "in_double_precision": lambda r: _concluded(
        r, **{f"accuracies_{kind}": r[f"accuracies_{kind}"].double() for kind in KINDS}
    ),
}


def _losses(report, parameters, lr, data, steps=None):
    """Query losses [seed, task] by the solution's own function, whose number of steps is a name beside it."""
    namespace = answers(PROJECT).made(1)
    kept = namespace["steps"]
    namespace["steps"] = report["steps"] if steps is None else steps
    try:
        return namespace["losses"](parameters, lr, data)
    finally:
        namespace["steps"] = kept


def _data(report, seed=None, n=500, split="test"):
    seed = report["evaluation_seed"] if seed is None else seed
    return report["draw"](n, torch.Generator().manual_seed(seed), split)


def _gains(report):
    one, two = (torch.as_tensor(np.asarray(report[f"{name}_losses"])).double() for name in ("maml", "pretrained"))
    return (two - one).mean(1)


def _judged(report, **fields):
    report = {**report, **fields}
    found = t_interval(_gains(report))
    verdict = ch07.LOWER if found.low > 0 else ch07.HIGHER if found.high < 0 else ch07.NOT_TOLD
    return {**report, "low": found.low, "high": found.high, "verdict": verdict}


def _played(report, data=None, steps=None, **fields):
    report = {**report, **fields}
    data = _data(report) if data is None else data
    both = {f"{n}_losses": _losses(report, report[n], report[f"{n}_lr"], data, steps) for n in ("maml", "pretrained")}
    return _judged(report, **both)


def _project_ends(ends):
    def change(report):
        low, high = ends(_gains(report).numpy())
        return {**report, "low": low, "high": high}

    return change


def _support_for_query(report):
    data = _data(report)
    return _played(report, FewShot(data[0], data[1], data[0], data[1]))


def _project_over_tasks(report):
    found = t_interval((report["pretrained_losses"] - report["maml_losses"]).flatten())
    return {**report, "low": found.low, "high": found.high}


def _project_unpaired(report):
    one, two = (t_interval(report[f"{name}_losses"].mean(1)) for name in ("maml", "pretrained"))
    return {**report, "low": two.low - one.high, "high": two.high - one.low}


def _one_split(report):
    """Tasks without splits: the same for "train" and "test"."""

    def draw(tasks, generator, split):
        return report["draw"](tasks, generator, "train")

    return _played({**report, "draw": draw})


PROJECTS = {
    "rivals_step_size_is_mamls": lambda r: _played(r, pretrained_lr=r["maml_lr"]),
    "rival_without_steps": lambda r: _judged(r, pretrained_losses=_losses(r, r["pretrained"], 0.0, _data(r))),
    "rival_with_one_step": lambda r: _judged(
        r, pretrained_losses=_losses(r, r["pretrained"], r["pretrained_lr"], _data(r), 1)
    ),
    "maml_with_six_steps": lambda r: _judged(r, maml_losses=_losses(r, r["maml"], r["maml_lr"], _data(r), 6)),
    "both_with_one_step": lambda r: _played(r, steps=1),
    "rival_on_half_the_tasks": lambda r: {**r, "pretrained_tasks": r["maml_tasks"] // 2},
    "iterations_for_tasks": lambda r: {**r, "maml_tasks": 400},
    "training_split": lambda r: _played(r, _data(r, split="train")),
    "tasks_of_another_seed": lambda r: _played(r, _data(r, 1001)),
    "another_seed_is_named": lambda r: {**r, "evaluation_seed": 1001},
    "ninety_tasks": lambda r: _played(r, _data(r, n=90)),
    "support_for_query": _support_for_query,
    "one_split": _one_split,
    "methods_exchanged": lambda r: {**r, "maml": r["pretrained"], "pretrained": r["maml"]},
    "losses_exchanged": lambda r: _judged(r, maml_losses=r["pretrained_losses"], pretrained_losses=r["maml_losses"]),
    "a_seed_copied": lambda r: _played(r, maml={n: row_copied(v, 1, 0) for n, v in r["maml"].items()}),
    "rival_of_one_seed": lambda r: _played(r, pretrained={n: v[:1].expand_as(v) for n, v in r["pretrained"].items()}),
    "rows_rolled": lambda r: _judged(r, maml_losses=r["maml_losses"].roll(1, 0)),
    "tasks_sorted": lambda r: _judged(r, maml_losses=r["maml_losses"].sort(1).values),
    "a_seed_twice": lambda r: {**r, "seeds": [0, 1, 2, 3, 3]},
    "outliers_cut_off": lambda r: _judged(
        r, **{f"{n}_losses": r[f"{n}_losses"].clamp_max(0.8) for n in ("maml", "pretrained")}
    ),
    "maml_less_pretrained": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "higher": lambda r: {**r, "verdict": ch07.HIGHER},
    "not_told": lambda r: {**r, "verdict": ch07.NOT_TOLD},
    "over_tasks": _project_over_tasks,
    "unpaired": _project_unpaired,
    "deviation_with_n": _project_ends(with_n),
    "n_degrees_of_freedom": _project_ends(with_n_degrees),
    "one_sided": _project_ends(one_sided),
    "bootstrapped": _project_ends(bootstrapped),
}
GOOD_PROJECTS = {
    "other_tasks": lambda r: _played(r, _data(r, 4321, 150), evaluation_seed=4321),
    "arrays": lambda r: {
        **r,
        "maml_losses": r["maml_losses"].numpy(),
        "pretrained_losses": r["pretrained_losses"].tolist(),
        "low": np.float64(r["low"]),
        "seeds": np.array(r["seeds"]),
    },
    "a_neighbouring_step_size": lambda r: _played(r, pretrained_lr=0.9 * r["pretrained_lr"]),
    "rows_in_another_order": lambda r: _played(
        r,
        seeds=r["seeds"][::-1],
        maml={n: v.flip(0) for n, v in r["maml"].items()},
        pretrained={n: v.flip(0) for n, v in r["pretrained"].items()},
    ),
}

NOT_ASKED = {
    "rivals_step_size_is_tiny": lambda r: _played(r, pretrained_lr=0.003),
    "untrained_rival": lambda r: _played(
        r,
        pretrained={
            n: 0.2 * torch.randn(v.shape, generator=torch.Generator().manual_seed(2))
            for n, v in r["pretrained"].items()
        },
    ),
    "evaluated_with_a_training_seed": lambda r: _played(r, evaluation_seed=4),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch07.check_training_ways, WAYS_REPORTS) + changed(PROJECT, ch07.check_project, PROJECTS)
RIGHT = changed(SOLUTION, ch07.check_training_ways, GOOD_WAYS) + changed(PROJECT, ch07.check_project, GOOD_PROJECTS)
DOUBTFUL = changed(PROJECT, ch07.check_project, NOT_ASKED)
