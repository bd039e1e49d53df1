"""More answers to the warm-up of chapter 00."""

import functools
import math

import numpy as np
import torch

from metarl_core.check import ch00

# ------------------------------------------------------------------ path_return, wrong


def _one_vote_a_place(path, goal):
    return -(torch.unique(path[1:], dim=0) - goal).norm(dim=-1).sum()


def _standing_still_is_free(path, goal):
    moved = (path[1:] != path[:-1]).any(-1)
    return -((path[1:] - goal).norm(dim=-1) * moved).sum()


def _stops_at_the_goal(path, goal):
    distances = (path[1:] - goal).norm(dim=-1)
    near = (distances < 0.1).nonzero()
    return -(distances[: int(near[0]) + 1] if len(near) else distances).sum()


def _norm_of_all(path, goal):
    return -(path[1:] - goal).norm()


def _telescope(path, goal):
    distances = (path - goal).norm(dim=-1)
    return -(distances[1:] - distances[:-1]).sum()


def _at_most_a_hundred(path, goal):
    return -(path[1:101] - goal).norm(dim=-1).sum()


def _goal_as_an_offset(path, goal):
    return -(path[1:] - path[0] - goal).norm(dim=-1).sum()


_total = [0.0]


def _a_running_total(path, goal):
    _total[0] = _total[0] * 0.5 - (path[1:] - goal).norm(dim=-1).sum()
    return _total[0]


def _trapezoids(path, goal):
    return -torch.trapezoid((path - goal).norm(dim=-1))


def _half_precision(path, goal):
    return -(path[1:] - goal).bfloat16().norm(dim=-1).sum().to(path.dtype)


def _never_stays(path, goal):
    return (-(path[1:] - goal).norm(dim=-1)).cumsum(0)


def _moves_the_path(path, goal):
    path -= goal
    return -path[1:].norm(dim=-1).sum()


# ------------------------------------------------------------------ path_return, right


def _hypot(path, goal):
    (x, y), (a, b) = path[1:].unbind(1), goal
    return -torch.hypot(x - a, y - b).sum()


def _plain_floats(path, goal):
    total = math.fsum(-math.dist(place, goal.tolist()) for place in path.tolist()[1:])
    return torch.tensor(total, dtype=path.dtype)


def _complex_plane(path, goal):
    z = np.asarray(path[1:].numpy() - goal.numpy(), dtype=np.float64)
    return torch.as_tensor(-np.abs(z[:, 0] + 1j * z[:, 1]).sum(), dtype=path.dtype)


def _recursion(path, goal):
    return path.new_zeros(()) if len(path) < 2 else _recursion(path[:-1], goal) - (path[-1] - goal).norm()


def _einsum_root(path, goal):
    away = path.clone()
    away -= goal
    return -torch.einsum("ni,ni->n", away, away).sqrt()[1:].sum()


def _powered(path, goal, power):
    return -((path[1:] - goal).abs() ** power).sum(1).pow(1 / power).sum()


class _Walk:
    def __call__(self, path, goal):
        return -sum((torch.linalg.vector_norm(place - goal) for place in path[1:]), path.new_zeros(()))


WRONG = [
    (ch00.check_path_return, answer)
    for answer in (
        _one_vote_a_place,
        _standing_still_is_free,
        _stops_at_the_goal,
        _norm_of_all,
        _telescope,
        _at_most_a_hundred,
        _goal_as_an_offset,
        _a_running_total,
        _trapezoids,
        _half_precision,
        _never_stays,
        _moves_the_path,
    )
]
RIGHT = [
    (ch00.check_path_return, answer)
    for answer in (
        _hypot,
        _plain_floats,
        _complex_plane,
        _recursion,
        _einsum_root,
        functools.partial(_powered, power=2),
        _Walk(),
    )
]
