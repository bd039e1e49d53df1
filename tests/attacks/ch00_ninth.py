"""Answers to the warm-up of chapter 00, from a ninth attack."""

import math

import numpy as np
import torch

from metarl_core.check import ch00

from . import named


def _until_the_goal_is_near(path, goal):
    """Nothing is paid any more once the goal has been reached."""
    far = (path[1:] - goal).norm(dim=-1)
    reached = (far < 0.05).long().cumsum(0) > 0
    return -(far * ~reached).sum()


def _improvements(path, goal):
    far = (path - goal).norm(dim=-1)
    return (far[:-1] - far[1:]).sum()


def _only_when_farther_than_before(path, goal):
    far = (path - goal).norm(dim=-1)
    return -torch.maximum(far[1:], far[:-1]).sum()


def _moves_the_path(path, goal):
    path -= goal
    return -path[1:].norm(dim=-1).sum()


def _unique_positions(path, goal):
    return -(torch.unique(path[1:], dim=0) - goal).norm(dim=-1).sum()


def _pythagoras_by_hand(path, goal):
    total = 0.0
    for x, y in path.tolist()[1:]:
        total -= math.hypot(x - float(goal[0]), y - float(goal[1]))
    return torch.tensor(total, dtype=path.dtype)


def _with_cdist(path, goal):
    return -torch.cdist(path[1:].double(), goal[None].double()).sum().to(path.dtype)


def _numpy(path, goal):
    return torch.as_tensor(-np.linalg.norm(path.numpy()[1:] - goal.numpy(), axis=1).sum(), dtype=path.dtype)


def _whole_less_first(path, goal):
    far = torch.linalg.vector_norm(path - goal, dim=1)
    return far[0] - far.sum()


WRONG = named(
    ch00.check_path_return,
    _until_the_goal_is_near,
    _improvements,
    _only_when_farther_than_before,
    _moves_the_path,
    _unique_positions,
    axes_exchanged=lambda path, goal: -(path[1:] - goal).norm(dim=0).sum(),
    norm_of_all=lambda path, goal: -(path[1:] - goal).norm(),
    city_block=lambda path, goal: -(path[1:] - goal).abs().sum(),
    twenty_steps=lambda path, goal: -(path[1:] - goal).norm(dim=-1).mean() * 20,
    each_second=lambda path, goal: -2 * (path[2::2] - goal).norm(dim=-1).sum(),
    one_axis_left=lambda path, goal: -(path[1:] - goal).norm(dim=-1).sum(0, keepdim=True),
    largest_coordinate=lambda path, goal: -(path[1:] - goal).abs().amax(-1).sum(),
)
RIGHT = named(ch00.check_path_return, _pythagoras_by_hand, _with_cdist, _numpy, _whole_less_first)
