"""More answers to chapter 00's warm-up, by somebody who had read the exercise and not the check."""

import itertools
import math

import numpy as np
import torch

from metarl_core.check import ch00

from . import named

# ------------------------------------------------------------------ wrong


def _both_ends_left_out(path, goal):
    return -(path[1:-1] - goal).norm(dim=-1).sum()


def _last_position_left_out(path, goal):
    return -(path[:-1] - goal).norm(dim=-1).sum()


def _starts_in_the_origin(path, goal):
    return -(path - goal).norm(dim=-1).sum() + goal.norm()


def _manhattan(path, goal):
    return -(path[1:] - goal).abs().sum()


def _largest_coordinate(path, goal):
    return -(path[1:] - goal).abs().amax(-1).sum()


def _matrix_norm(path, goal):
    return -torch.linalg.norm(path[1:] - goal)


def _progress(path, goal):
    distance = (path - goal).norm(dim=-1)
    return (distance[:-1] - distance[1:]).sum()


def _goal_in_the_origin(path, goal):
    return -path[1:].norm(dim=-1).sum()


def _first_coordinate(path, goal):
    return -(path[1:, 0] - goal[0]).abs().sum()


def _keeps_an_axis(path, goal):
    return -(path[1:] - goal).norm(dim=-1).sum(0, keepdim=True)


def _a_reward_a_step(path, goal):
    return -(path[1:] - goal).norm(dim=-1)


def _moves_the_path(path, goal):
    path -= goal
    return -path[1:].norm(dim=-1).sum()


def _rounded(path, goal):
    return -(path[1:] - goal).norm(dim=-1).sum().round(decimals=2)


def _not_beyond_ten(path, goal):
    return -(path[1:11] - goal).norm(dim=-1).sum()


# ------------------------------------------------------------------ right


def _by_hypot(path, goal):
    return torch.as_tensor(
        -sum(math.hypot(*(p - g for p, g in zip(point, goal.tolist(), strict=True))) for point in path.tolist()[1:]),
        dtype=path.dtype,
    )


def _roots_of_squares(path, goal):
    return -torch.sum(torch.sqrt(torch.sum((path[1:] - goal) ** 2, dim=1)))


def _pairwise(path, goal):
    return -torch.cdist(path[1:], goal[None]).sum()


def _complex_numbers(path, goal):
    return -torch.view_as_complex((path[1:] - goal).contiguous()).abs().sum()


def _minus_the_first(path, goal):
    distances = (goal - path).norm(dim=-1)
    return distances[0] - distances.sum()


def _accumulated(path, goal):
    rewards = [-np.linalg.norm(point - goal.numpy()) for point in path.numpy()[1:]]
    return torch.tensor(list(itertools.accumulate(rewards))[-1], dtype=path.dtype)


WRONG = named(
    ch00.check_path_return,
    _both_ends_left_out,
    _last_position_left_out,
    _starts_in_the_origin,
    _manhattan,
    _largest_coordinate,
    _matrix_norm,
    _progress,
    _goal_in_the_origin,
    _first_coordinate,
    _keeps_an_axis,
    _a_reward_a_step,
    _moves_the_path,
    _rounded,
    _not_beyond_ten,
)
RIGHT = named(
    ch00.check_path_return,
    _by_hypot,
    _roots_of_squares,
    _pairwise,
    _complex_numbers,
    _minus_the_first,
    _accumulated,
)
