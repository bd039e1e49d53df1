"""Answers to the exercises of chapter 13."""

import functools
import itertools

import gymnasium
import torch

from metarl_core.check import ch13
from metarl_core.tasks import GymnasiumTasks

# ------------------------------------------------------------------ served


def _by_lists(serve, promised):
    """Right: loops over lists."""
    matrix = torch.zeros((len(serve), len(promised)), dtype=torch.long)
    for i, function in enumerate(serve):
        seen = []
        for task in function().tolist():
            if task not in seen:
                seen.append(task)
        for j, tasks in enumerate(promised):
            matrix[i, j] = sum(task in tasks.tolist() for task in seen)
    return matrix


def _in_numpy(serve, promised):
    """Right: counts by sets of tuples, in another order."""
    columns = [frozenset(map(tuple, tasks.numpy())) for tasks in promised]
    asked = [frozenset(map(tuple, function().numpy())) for function in serve]
    flat = [len(one & other) for one, other in itertools.product(asked, columns)]
    return torch.tensor(flat).reshape(len(asked), len(columns))


def _served_variant(change):
    def answer(serve, promised):
        found = _by_lists(serve, promised)
        if change == "diagonal":
            return torch.diag(torch.diag(found))
        if change == "first asked":
            return _by_lists(serve[:1] * len(serve), promised)
        if change == "sizes":
            return torch.tensor([[len(p) for p in promised]] * len(serve))
        if change == "floats":
            return found.double()
        if change == "shares":
            return found / torch.tensor([len(set(map(tuple, f().tolist()))) for f in serve])[:, None]
        if change == "leaks alone":
            return found - torch.diag(torch.diag(found))
        if change == "flags":
            return (found > 0).long()
        if change == "sorted numbers":
            turned = [functools.partial(lambda f: f().sort(-1).values, f) for f in serve]
            return _by_lists(turned, [p.sort(-1).values for p in promised])
        if change == "rounded":
            return _by_lists(
                [functools.partial(lambda f: f().round(), f) for f in serve], [p.round() for p in promised]
            )
        if change == "one split":
            return found if len(serve) > 1 else found * 0
        return found[0]

    return answer


# ------------------------------------------------------------------ comparable


def _unit(paper):
    """Right, in small steps."""
    steps = paper["length"]
    undone = paper["value"]
    if paper["per"] == "step":
        undone -= paper["bonus"]
        return None if steps is None else steps * undone / paper["scale"]
    if not paper["bonus"]:
        return undone / paper["scale"]
    return None if steps is None else (undone - steps * paper["bonus"]) / paper["scale"]


def _by_parts(one, other):
    same = all(one[key] == other[key] for key in ("horizon", "statistic"))
    both = [_unit(paper) for paper in (one, other)]
    return both if same and None not in both else None


def _as_a_tuple(one, other):
    """Right: a tuple of tensors' numbers."""
    found = _by_parts(one, other)
    return None if found is None else tuple(torch.tensor(found, dtype=torch.float64).tolist())


def _paper_variant(change):
    def answer(one, other):
        found = _by_parts(one, other)
        if change == "always":
            return [p["value"] for p in (one, other)]
        if change == "never":
            return None
        if found is None:
            return None
        if change == "exchanged":
            return found[::-1]
        if change == "difference":
            return found[0] - found[1]
        if change == "per step":
            return [value / one["horizon"] for value in found]
        if change == "rounded":
            return [round(value, 1) for value in found]
        if change == "in the second's unit":
            return [value * other["scale"] for value in found]
        return found if one["per"] == other["per"] else None

    return answer


# ------------------------------------------------------------------ pendulum_family


def _by_partial(train, test, far, horizon):
    """Right: partial functions, and a wrapper that takes no limit."""
    make = functools.partial(gymnasium.make, "Pendulum-v1", max_episode_steps=horizon + 7)
    lists = [[functools.partial(make, g=g) for g in some] for some in (train, test, far)]
    return GymnasiumTasks(train=lists[0], test=lists[1], ood=lists[2], horizon=horizon)


def _default_argument(train, test, far, horizon):
    """Right: bound by a default; the environment has no limit of its own."""

    def makers(some):
        return [lambda g=g: gymnasium.make("Pendulum-v1", g=g, max_episode_steps=-1) for g in some]

    return GymnasiumTasks(makers(train), makers(test), makers(far), horizon)


def _family_variant(change):
    def answer(train, test, far, horizon):
        if change == "sorted":
            train = sorted(train)
        if change == "first alone":
            train = train[:1]
        if change == "test is far":
            test, far = far, test
        if change == "rounded":
            train = [round(g) for g in train]
        if change == "half":
            horizon //= 2
        if change == "all far":
            far = far + test
        family = _by_partial(train, test, far, horizon)
        return family.makers if change == "makers" else family

    return answer


WRONG = [
    *[
        (ch13.check_served, _served_variant(change))
        for change in (
            "diagonal", "first asked", "sizes", "floats", "shares", "leaks alone", "flags", "sorted numbers", "rounded",
            "one split", "a row",
        )
    ],
    *[
        (ch13.check_comparable, _paper_variant(change))
        for change in (
            "always", "never", "exchanged", "difference", "per step", "rounded", "in the second's unit", "same kind",
        )
    ],
    *[
        (ch13.check_pendulum_family, _family_variant(change))
        for change in ("sorted", "first alone", "test is far", "rounded", "half", "all far", "makers")
    ],
]  # fmt: skip
RIGHT = [
    (ch13.check_served, _by_lists),
    (ch13.check_served, _in_numpy),
    (ch13.check_comparable, _by_parts),
    (ch13.check_comparable, _as_a_tuple),
    (ch13.check_pendulum_family, _by_partial),
    (ch13.check_pendulum_family, _default_argument),
]
