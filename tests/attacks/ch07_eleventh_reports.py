"""Reports of chapter 07 and of the second project, from an eleventh attack."""

import math

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed, one_error, percentiles
from scipy import stats
from torch import nn

from attacks.ch07_tenth_reports import (
    KINDS,
    PROJECT,
    SOLUTION,
    _concluded,
    _data,
    _images,
    _judged,
    _losses,
    _measured,
    _played,
    _project_ends,
    _rows,
    _says,
    _with_ends,
)
from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.meta import MAML, Joint, supervised, task_loss
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.recipes.training_ways import QUERIES, WAYS, accuracies, episodes, learn
from metarl_core.tasks import FewShot


def _other_episodes(report, ways=WAYS, queries=QUERIES):
    images = episodes(300, ways, queries, torch.Generator().manual_seed(report["evaluation_seed"]), "test")
    return _measured(report, images)


def _going_on(report):
    """One generator for the tasks of both, which goes on in between."""
    generator = torch.Generator().manual_seed(report["evaluation_seed"])
    found = [accuracies(report[k], episodes(300, WAYS, QUERIES, generator, "test")) for k in KINDS]
    return _concluded(report, accuracies_five=found[0], accuracies_twenty=found[1])


def _each(report, change):
    return _concluded(report, **{f"accuracies_{k}": change(report[f"accuracies_{k}"]) for k in KINDS})


def _interval_of(report, values):
    found = t_interval(values)
    return {**report, "low": found.low, "high": found.high, "conclusion": _says(found.low, found.high)}


def _relative(report):
    five, twenty = (report[f"accuracies_{k}"].double().mean(1) for k in KINDS)
    return _interval_of(report, twenty / five - 1)


def _pair_by(report, error, quantile=None):
    row = _rows(report)[0]
    half = (stats.t.ppf(0.975, len(row) - 1) if quantile is None else quantile) * error(row)
    low, high = float(row.mean() - half), float(row.mean() + half)
    return {**report, "pair_low": low, "pair_high": high, "pair_conclusion": _says(low, high)}


def _deviation(row):
    return float(row.std())


def _all_pairs_counted(report, confidence):
    """Counted by intervals of another level than the one that is reported."""
    rows = _rows(report)
    half = stats.t.ppf(0.5 + confidence / 2, rows.shape[1] - 1) * rows.std(1) / rows.shape[1] ** 0.5
    above, below = int((rows.mean(1) > half).sum()), int((rows.mean(1) < -half).sum())
    if (above, below) == (report["pairs_for_twenty"], report["pairs_for_five"]):
        above += 1  # where the level changes nothing
    return {**report, "pairs_for_twenty": above, "pairs_for_five": below}


def _trimmed_tasks(report):
    """Without the tasks on which five leads most."""
    order = _rows(report).mean(0).argsort()[20:]
    return _each(report, lambda x: x[:, order])


WAYS_REPORTS = {
    "fifteen_queries": lambda r: _other_episodes(r, queries=15),
    "five_queries": lambda r: _other_episodes(r, queries=5),
    "ten_ways_at_test": lambda r: _other_episodes(r, ways=10),
    "a_generator_that_goes_on": _going_on,
    "first_task_missing": lambda r: _each(r, lambda x: x[:, 1:]),
    "last_task_twice": lambda r: _each(r, lambda x: torch.cat([x[:, 1:], x[:, -1:]], 1)),
    "tasks_left_out": _trimmed_tasks,
    "above_chance": lambda r: _each(r, lambda x: (x - 0.2) / 0.8),
    "numbers_of_right_answers": lambda r: _each(r, lambda x: 50 * x),
    "mean_of_two_evaluations": lambda r: _concluded(
        r,
        **{
            f"accuracies_{k}": (r[f"accuracies_{k}"] + accuracies(r[k], _images(r["evaluation_seed"] + 1))) / 2
            for k in KINDS
        },
    ),
    "better_of_two_evaluations": lambda r: _concluded(
        r,
        accuracies_twenty=torch.maximum(
            r["accuracies_twenty"], accuracies(r["twenty"], _images(r["evaluation_seed"] + 1))
        ),
    ),
    "means_for_tasks": lambda r: _each(r, lambda x: x.mean(1, keepdim=True).expand_as(x).clone()),
    "five_twice": lambda r: _measured(r, twenty=r["five"]),
    "four_letters": lambda r: _measured(r, five=learn(4, r["seeds"])),
    "two_letters": lambda r: _measured(r, five=learn(2, r["seeds"])),
    "twenty_for_half_the_updates": lambda r: _measured(r, twenty=learn(20, r["seeds"], 150)),
    "twenty_untrained": lambda r: _measured(r, twenty=learn(20, r["seeds"], 0)),
    "twenty_begins_a_seed_later": lambda r: _measured(r, twenty=learn(20, [s + 1 for s in r["seeds"]])),
    "twenty_turned_round": lambda r: _measured(r, twenty={n: v.flip(0) for n, v in r["twenty"].items()}),
    "a_seed_twice": lambda r: {**r, "seeds": [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]},
    "twenty_one_seeds": lambda r: _measured(
        r, seeds=list(range(21)), five=learn(5, list(range(21))), twenty=learn(20, list(range(21)))
    ),
    "relative_lead": _relative,
    "medians_over_tasks": lambda r: _interval_of(r, _rows(r).median(1).values),
    "lead_in_per_cent": lambda r: {**r, "low": 100 * r["low"], "high": 100 * r["high"]},
    "pair_in_per_cent": lambda r: {**r, "pair_low": 100 * r["pair_low"], "pair_high": 100 * r["pair_high"]},
    "fives_win": lambda r: {**r, "conclusion": ch07.FIVE_HIGHER},
    "pair_five": lambda r: {**r, "pair_conclusion": ch07.FIVE_HIGHER},
    "pair_over_seeds": lambda r: _pair_by(r, lambda row: _deviation(row) / 10**0.5),
    "pair_over_queries": lambda r: _pair_by(r, lambda row: _deviation(row) / (50 * len(row)) ** 0.5),
    "pair_deviation": lambda r: _pair_by(r, _deviation, 1.0),
    "pair_two_deviations": lambda r: _pair_by(r, _deviation),
    "pair_ends_exchanged": lambda r: {**r, "pair_low": r["pair_high"], "pair_high": r["pair_low"]},
    "pair_ninety_nine": lambda r: _pair_by(
        r, lambda row: _deviation(row) / len(row) ** 0.5, float(stats.t.ppf(0.995, len(_rows(r)[0]) - 1))
    ),
    "counted_at_half": lambda r: _all_pairs_counted(r, 0.5),
    "counted_at_all_but_nothing": lambda r: _all_pairs_counted(r, 0.99999),
    "shares_for_counts": lambda r: {**r, "pairs_for_twenty": 0.6, "pairs_for_five": 0.3},
    "one_pair_more": lambda r: {**r, "pairs_for_five": r["pairs_for_five"] + 1},
    "one_pair_less": lambda r: {**r, "pairs_for_twenty": r["pairs_for_twenty"] - 1},
    **{name: _with_ends(ends) for name, ends in FURTHER_ENDS.items()},
}


def _other_trainings(seeds, n, evaluation_seed, pair_seed):
    return lambda r: _measured(
        r,
        n=n,
        seeds=seeds,
        evaluation_seed=evaluation_seed,
        pair_seed=pair_seed,
        five=learn(5, list(seeds)),
        twenty=learn(20, list(seeds)),
    )


GOOD_WAYS = {
    "five_far_seeds": _other_trainings((10_000, 4, 77, 2_000_000, 31), 200, 0, 77),
    "twenty_seeds": _other_trainings(list(range(19, -1, -1)), 220, 12, 0),
    "rounded": lambda r: {
        **r,
        **{name: round(r[name], 4) for name in ("low", "high", "pair_low", "pair_high")},
    },
    "tensors": lambda r: {
        **r,
        "seeds": np.array(r["seeds"]),
        "pair_seed": np.int32(r["pair_seed"]),
        "evaluation_seed": torch.tensor(r["evaluation_seed"]),
        "five": {n: v.numpy() for n, v in r["five"].items()},
        "pairs_for_twenty": float(r["pairs_for_twenty"]),
        "pair_high": torch.tensor(r["pair_high"]),
    },
}


def _own(report, change):
    """The project with another `draw` made of its own, and all that goes with it."""
    old = report["draw"]

    def draw(tasks, generator, split):
        return change(old, tasks, generator, split)

    return _played({**report, "draw": draw})


def _nearly_the_same(old, tasks, generator, split):
    """The test tasks of a seed are its training tasks, moved by a ten-thousandth."""
    data = old(tasks, generator, "train")
    shift = 1e-4 * (split == "test")
    return data._replace(support_inputs=data.support_inputs + shift, query_inputs=data.query_inputs + shift)


def _always_the_same_tests(old, tasks, generator, split):
    if split == "train":
        return old(tasks, generator, split)
    return old(tasks, torch.Generator().manual_seed(99), split)


def _ten_tasks(old, tasks, generator, split):
    """Ten tasks, each of them many times."""
    data = old(10, generator, split)
    places = torch.arange(tasks) % 10
    return FewShot(*(part[places] for part in data))


def _test_is_training_in_another_order(old, tasks, generator, split):
    data = old(tasks, generator, "train")
    return FewShot(*(part.flip(0) for part in data)) if split == "test" else data


def _points_in_another_order(old, tasks, generator, split):
    data = old(tasks, generator, "train")
    return FewShot(*(part.flip(1) for part in data)) if split == "test" else data


def _queries_among_the_support(old, tasks, generator, split):
    """Half of the query points are support points."""
    data = old(tasks, generator, split)
    return data._replace(
        query_inputs=torch.cat([data.support_inputs, data.query_inputs[:, :10]], 1),
        query_targets=torch.cat([data.support_targets, data.query_targets[:, :10]], 1),
    )


def _no_circle(old, tasks, generator, split):
    """Labels that have nothing to do with the points: nothing can be found out."""
    data = old(tasks, generator, split)
    return FewShot(
        data.support_inputs,
        torch.randint(2, data.support_targets.shape, generator=generator),
        data.query_inputs,
        torch.randint(2, data.query_targets.shape, generator=generator),
    )


def _all(report, change):
    return _judged(report, **{f"{n}_losses": change(report[f"{n}_losses"]) for n in ("maml", "pretrained")})


def _relative_gain(report):
    one, two = (report[f"{n}_losses"].double().mean(1) for n in ("maml", "pretrained"))
    found = t_interval((two - one) / two)
    return {**report, "low": found.low, "high": found.high}


def _shares_of_mistakes(report):
    """Shares of wrong answers in the place of losses, and without a step at that."""
    data, found = _data(report), {}
    for name in ("maml", "pretrained"):
        rows = [{key: value[seed] for key, value in report[name].items()} for seed in range(5)]
        answers = [torch.func.functional_call(report["network"], row, (data.query_inputs,)).argmax(-1) for row in rows]
        found[f"{name}_losses"] = torch.stack([(one != data.query_targets).double().mean(1) for one in answers])
    return _judged(report, **found)


PROJECTS = {
    "mistakes_for_losses": _shares_of_mistakes,
    "sums_over_queries": lambda r: _all(r, lambda x: 30 * x),
    "losses_in_bits": lambda r: _all(r, lambda x: x / math.log(2)),
    "first_task_missing": lambda r: _all(r, lambda x: x[:, 1:]),
    "means_for_tasks": lambda r: _all(r, lambda x: x.mean(1, keepdim=True).expand_as(x).clone()),
    "four_steps_are_named": lambda r: {**r, "steps": 4},
    "two_steps_are_named": lambda r: {**r, "steps": 2},
    "no_steps": lambda r: _played(r, steps=0) | {"steps": 0},
    "mamls_rate_misnamed": lambda r: {**r, "maml_lr": 0.5},
    "rivals_rate_misnamed": lambda r: {**r, "pretrained_lr": 2 * r["pretrained_lr"]},
    "rivals_rate_far_too_large": lambda r: _played(r, pretrained_lr=10.0),
    "rival_on_twice_the_tasks": lambda r: {**r, "pretrained_tasks": 2 * r["maml_tasks"]},
    "no_tasks": lambda r: {**r, "maml_tasks": 0, "pretrained_tasks": 0},
    "rival_one_step_more": lambda r: _judged(
        r, pretrained_losses=_losses(r, r["pretrained"], r["pretrained_lr"], _data(r), 4)
    ),
    "maml_before_its_steps": lambda r: _judged(r, maml_losses=_losses(r, r["maml"], r["maml_lr"], _data(r), 0)),
    "training_tasks_for_maml": lambda r: _judged(
        r, maml_losses=_losses(r, r["maml"], r["maml_lr"], _data(r, split="train"))
    ),
    "the_rivals_parameters_twice": lambda r: _played(r, maml=r["pretrained"], maml_lr=r["pretrained_lr"]),
    "always_the_same_tests": lambda r: _own(r, _always_the_same_tests),
    "ten_tasks": lambda r: _own(r, _ten_tasks),
    "training_in_another_order": lambda r: _own(r, _test_is_training_in_another_order),
    "points_in_another_order": lambda r: _own(r, _points_in_another_order),
    "queries_among_the_support": lambda r: _own(r, _queries_among_the_support),
    "nothing_to_find_out": lambda r: _own(r, _no_circle),
    "relative_gain": _relative_gain,
    "medians": lambda r: {
        **r,
        **dict(
            zip(
                ("low", "high"),
                [
                    getattr(t_interval((r["pretrained_losses"] - r["maml_losses"]).double().median(1).values), end)
                    for end in ("low", "high")
                ],
                strict=True,
            )
        ),
    },
    "one_error": _project_ends(one_error),
    "percentiles": _project_ends(percentiles),
    **{name: _project_ends(ends) for name, ends in FURTHER_ENDS.items()},
}


def _slopes(seeds, network, criterion, make, inner_lr, steps, rates, evaluation_seed, n=160):
    """A project from the beginning."""
    loss = task_loss(network, criterion)
    config = supervised.TrainConfig(iterations=150, meta_batch=20, outer_lr=5e-3)

    def trained(method):
        found = []
        for seed in seeds:
            torch.manual_seed(seed)
            for layer in network.modules():
                if hasattr(layer, "reset_parameters"):
                    layer.reset_parameters()
            generator = torch.Generator().manual_seed(seed)
            start = initial_parameters(network)
            found.append(
                supervised.train(method, start, lambda k, g: make(k, g, "train"), config, generator, description=None)[
                    0
                ]
            )
        return stack_parameters(found)

    def losses(parameters, lr, data):
        each = [{name: value[row] for name, value in parameters.items()} for row in range(len(seeds))]
        return torch.stack(
            [supervised.adaptation_curve(Joint(loss, lr), one, data, [steps])[:, 0].detach() for one in each]
        )

    maml, joint = MAML(loss, inner_lr=inner_lr, inner_steps=steps), Joint(loss)
    meta, plain = trained(maml), trained(joint)
    tuning = make(300, torch.Generator().manual_seed(3), "train")
    best = min(rates, key=lambda lr: float(losses(plain, lr, tuning).mean()))
    held_out = make(n, torch.Generator().manual_seed(evaluation_seed), "test")
    return _judged(
        {
            "draw": make,
            "network": network,
            "criterion": criterion,
            "steps": steps,
            "seeds": seeds,
            "maml": meta,
            "maml_lr": inner_lr,
            "maml_tasks": 3000,
            "pretrained": plain,
            "pretrained_lr": best,
            "pretrained_tasks": 3000,
            "evaluation_seed": evaluation_seed,
            "maml_losses": losses(meta, inner_lr, held_out),
            "pretrained_losses": losses(plain, best, held_out),
        }
    )


class _Slopes:
    """Lines through a point near 0, by a slope: training slopes fall into even tenths, those of the test into odd."""

    def __call__(self, tasks, generator, split):
        tenth = 2 * torch.randint(-10, 10, (tasks, 1, 1), generator=generator) + (split == "test")
        slope = (tenth + torch.rand(tasks, 1, 1, generator=generator)) / 10
        x = 4 * torch.rand(tasks, 25, 1, generator=generator) - 2
        y = slope * x + 0.1 * torch.randn(tasks, 25, 1, generator=generator)
        return FewShot(x[:, :5], y[:, :5], x[:, 5:], y[:, 5:])


class _Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(1, 16), nn.Linear(16, 1)

    def forward(self, x):
        return self.two(torch.relu(self.one(x)))


def _springs(tasks, generator, split):
    """Swings y = sin(w t + p); training phases lie in every other sixteenth of a turn, those of the test between."""
    sector = 2 * torch.randint(0, 8, (tasks, 1, 1), generator=generator) + (1 if split == "test" else 0)
    phase = 2 * math.pi / 16 * (sector + torch.rand((tasks, 1, 1), generator=generator))
    t = 3 * torch.rand((tasks, 18, 1), generator=generator)
    y = torch.sin(2 * t + phase)
    return FewShot(t[:, :6], y[:, :6], t[:, 6:], y[:, 6:])


GOOD_PROJECTS = {
    "slopes": lambda r: _slopes(
        [3, 1, 4, 15, 9], _Net(), nn.functional.mse_loss, _Slopes(), 0.05, 1, (0.01, 0.02, 0.05, 0.1, 0.2), 77
    ),
    "springs": lambda r: _slopes(
        (20, 21, 22, 23, 24, 25),
        nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1)),
        lambda outputs, targets: (outputs - targets).abs().mean(),
        _springs,
        0.1,
        2,
        (0.01, 0.03, 0.1, 0.3, 1.0),
        5,
        n=100,
    ),
    "rounded": lambda r: {
        **r,
        "low": round(r["low"], 4),
        "high": round(r["high"], 4),
        "maml_losses": r["maml_losses"].double().round(decimals=5),
    },
    "numbers_of_other_kinds": lambda r: {
        **r,
        "steps": np.int64(r["steps"]),
        "maml_lr": np.float64(r["maml_lr"]),
        "maml_tasks": float(r["maml_tasks"]),
        "evaluation_seed": torch.tensor(r["evaluation_seed"]),
        "seeds": {*r["seeds"]},
        "maml": {n: v.numpy() for n, v in r["maml"].items()},
    },
}

NOT_ASKED = {"nearly_the_same": lambda r: _own(r, _nearly_the_same)}
"""Narrow pieces of a range, as a hint suggests them, lie as near."""

WRONG = changed(SOLUTION, ch07.check_training_ways, WAYS_REPORTS) + changed(PROJECT, ch07.check_project, PROJECTS)
RIGHT = changed(SOLUTION, ch07.check_training_ways, GOOD_WAYS) + changed(PROJECT, ch07.check_project, GOOD_PROJECTS)
DOUBTFUL = changed(PROJECT, ch07.check_project, NOT_ASKED)
