"""Wrong answers to the exercises of chapter 13, written as a learner would write them."""

import gymnasium
import numpy as np
import torch

from metarl_core.check import ch13
from metarl_core.tasks import GymnasiumTasks
from mutants import Mutant

# ---------------------------------------------------------------- served


def _keys(tasks):
    return [row.tobytes() for row in (np.asarray(tasks) + 0.0)]


def _believes(serve, promised):
    rows = [set(_keys(tasks)) for tasks in promised]
    return torch.tensor([[len(one & other) for other in rows] for one in rows])


def _exchanged(serve, promised):
    asked = [set(_keys(function())) for function in serve]
    return torch.tensor([[len(one & set(_keys(tasks))) for one in asked] for tasks in promised])


def _twice(serve, promised):
    matrix = torch.zeros(len(serve), len(promised), dtype=torch.int64)
    for i, function in enumerate(serve):
        for key in _keys(function()):
            for j, tasks in enumerate(promised):
                matrix[i, j] += key in _keys(tasks)
    return matrix


def _any_coordinate(serve, promised):
    rows = []
    for function in serve:
        different = torch.unique(function(), dim=0)
        rows.append([sum(bool((tasks == one).any()) for one in different) for tasks in promised])
    return torch.tensor(rows)


def _first_coordinate(serve, promised):
    return torch.tensor(
        [[len(set(f()[:, 0].tolist()) & set(tasks[:, 0].tolist())) for tasks in promised] for f in serve]
    )


def _zipped(serve, promised):
    return torch.tensor(
        [[sum(bool((a == b).all()) for a, b in zip(f(), tasks, strict=False)) for tasks in promised] for f in serve]
    )


# ---------------------------------------------------------------- comparable


def _papers(change):
    def answer(one, other):
        if change not in ("rule of three", "no horizon") and one["horizon"] != other["horizon"]:
            return None
        if change != "no statistic" and one["statistic"] != other["statistic"]:
            return None
        out = []
        for p in (one, other):
            steps = p["length"]
            if steps is None:
                if change == "strict" or (change != "guess" and (p["per"] == "step" or p["bonus"])):
                    return None
                steps = p["horizon"]
            if change == "limit":
                steps = p["horizon"]
            v = p["value"] * (steps if p["per"] == "step" and change != "as it is" else 1)
            if change == "order":
                v = v / p["scale"] - p["bonus"] * steps
            else:
                v -= {"once": p["bonus"], "with bonus": 0}.get(change, p["bonus"] * steps)
                v = v * p["scale"] if change == "times" else v if change == "raw" else v / p["scale"]
            if change == "rule of three":
                v *= one["horizon"] / p["horizon"]
            out.append(v)
        return out

    return answer


# ---------------------------------------------------------------- pendulum_family


def _family(*left):
    """`left`: bugs of the colleague that are left, or one of the answer's own."""

    def answer(train, test, far, horizon):
        change = left[0]
        far = test if "far" in left else far
        if change == "other way":
            train, test = test, train
        if change == "leak":
            train = train + test
        if change == "no far":
            far = []
        own = {} if "cut" in left else {"max_episode_steps": horizon}

        def bound(gravity):
            if change == "ordinary":
                return lambda: gymnasium.make("Pendulum-v1", **own)
            return lambda: gymnasium.make("Pendulum-v1", g=gravity, **own)

        def late(gravities):
            return [lambda: gymnasium.make("Pendulum-v1", g=g, **own) for g in gravities]  # noqa: B023

        lists = [late(some) if "late" in left else [bound(g) for g in some] for some in (train, test, far)]
        return GymnasiumTasks(*lists) if change == "default" else GymnasiumTasks(*lists, horizon=horizon)

    return answer


MUTANTS = [
    Mutant(ch13.check_served, "promises_alone", _believes),
    Mutant(ch13.check_served, "turned", _exchanged),
    Mutant(ch13.check_served, "counted_twice", _twice),
    Mutant(ch13.check_served, "any_number", _any_coordinate),
    Mutant(ch13.check_served, "first_number", _first_coordinate),
    Mutant(ch13.check_served, "place_by_place", _zipped),
    Mutant(ch13.check_comparable, "proportional", _papers("rule of three")),
    Mutant(ch13.check_comparable, "horizons_ignored", _papers("no horizon")),
    Mutant(ch13.check_comparable, "statistics_ignored", _papers("no statistic")),
    Mutant(ch13.check_comparable, "horizon_for_length", _papers("limit")),
    Mutant(ch13.check_comparable, "unknown_is_horizon", _papers("guess")),
    Mutant(ch13.check_comparable, "refused_too_often", _papers("strict")),
    Mutant(ch13.check_comparable, "bonus_once", _papers("once")),
    Mutant(ch13.check_comparable, "bonus_left", _papers("with bonus")),
    Mutant(ch13.check_comparable, "scaled_first", _papers("order")),
    Mutant(ch13.check_comparable, "multiplied", _papers("times")),
    Mutant(ch13.check_comparable, "scale_left", _papers("raw")),
    Mutant(ch13.check_comparable, "per_step_left", _papers("as it is")),
    Mutant(ch13.check_pendulum_family, "as_it_was", _family("late", "far", "cut")),
    Mutant(ch13.check_pendulum_family, "late_bound", _family("late")),
    Mutant(ch13.check_pendulum_family, "far_is_test", _family("far")),
    Mutant(ch13.check_pendulum_family, "cut_off", _family("cut")),
    Mutant(ch13.check_pendulum_family, "late_and_far", _family("late", "far")),
    Mutant(ch13.check_pendulum_family, "late_and_cut", _family("late", "cut")),
    Mutant(ch13.check_pendulum_family, "far_and_cut", _family("far", "cut")),
    Mutant(ch13.check_pendulum_family, "exchanged", _family("other way")),
    Mutant(ch13.check_pendulum_family, "leak", _family("leak")),
    Mutant(ch13.check_pendulum_family, "no_far_ones", _family("no far")),
    Mutant(ch13.check_pendulum_family, "ordinary", _family("ordinary")),
    Mutant(ch13.check_pendulum_family, "default_horizon", _family("default")),
]
