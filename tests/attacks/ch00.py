"""Answers to chapter 00's warm-up."""

import math

import numpy as np
import torch

from metarl_core.check import ch00

# ------------------------------------------------------------------ wrong


def _distance_to_the_start(path, goal):
    return -(path[1:] - path[0]).norm(dim=-1).sum()


def _length_of_the_walk(path, goal):
    return -(path[1:] - path[:-1]).norm(dim=-1).sum()


def _discounts(path, goal):
    distances = (path[1:] - goal).norm(dim=-1)
    return -(0.99 ** torch.arange(len(distances)) * distances).sum()


def _only_the_end(path, goal):
    return -(path[-1] - goal).norm()


def _norm_of_the_whole(path, goal):
    return -(path[1:] - goal).norm()


def _norm_of_the_sum(path, goal):
    return -(path[1:] - goal).sum(0).norm()


def _goal_at_the_origin(path, goal):
    return -path[1:].norm(dim=-1).sum()


def _drops_both_ends(path, goal):
    return -(path[1:-1] - goal).norm(dim=-1).sum()


def _keeps_an_axis(path, goal):
    return -(path[1:] - goal).norm(dim=-1).sum(0, keepdim=True)


def _a_float(path, goal):
    return -sum(math.dist(x, goal.tolist()) for x in path[1:].tolist())


def _shifts_in_place(path, goal):
    path -= goal
    return -path[1:].norm(dim=-1).sum()


def _largest_of_both_axes(path, goal):
    return -(path[1:] - goal).abs().amax(-1).sum()


def _different_positions(path, goal):
    return -(torch.unique(path[1:], dim=0) - goal).norm(dim=-1).sum()


def _ends_at_the_goal(path, goal):
    total = torch.tensor(0.0)
    for position in path[1:]:
        distance = (position - goal).norm()
        total = total - distance
        if distance < 1e-6:
            break
    return total


def _goal_seen_from_the_start(path, goal):
    return -(path[1:] - path[0] - goal).norm(dim=-1).sum()


# ------------------------------------------------------------------ right


def _loop(path, goal):
    total = torch.zeros((), dtype=path.dtype)
    for position in path[1:]:
        total = total - ((position - goal) ** 2).sum() ** 0.5
    return total


def _cdist(path, goal):
    return -torch.cdist(path[1:], goal[None]).sum()


def _einsum(path, goal):
    offset = path[1:] - goal
    return torch.einsum("ti,ti->t", offset, offset).sqrt().sum().neg()


def _hypot(path, goal):
    x, y = (path[1:] - goal).T
    return torch.hypot(x, y).sum() * -1


def _complex(path, goal):
    return -torch.view_as_complex((path - goal)[1:].contiguous()).abs().sum()


def _numpy(path, goal):
    return torch.tensor(-np.linalg.norm(path.numpy()[1:] - goal.numpy(), axis=1).sum())


WRONG = [
    (ch00.check_path_return, answer)
    for answer in (
        _distance_to_the_start,
        _length_of_the_walk,
        _discounts,
        _only_the_end,
        _norm_of_the_whole,
        _norm_of_the_sum,
        _goal_at_the_origin,
        _drops_both_ends,
        _keeps_an_axis,
        _a_float,
        _shifts_in_place,
        _largest_of_both_axes,
        _different_positions,
        _ends_at_the_goal,
        _goal_seen_from_the_start,
    )
]
RIGHT = [(ch00.check_path_return, answer) for answer in (_loop, _cdist, _einsum, _hypot, _complex, _numpy)]
