"""Answers to the warm-up of chapter 00, from an eighth attack."""

import math

import numpy as np
import torch

from metarl_core.check import ch00

from . import named


def _distances(path, goal):
    return (path - goal).square().sum(-1).sqrt()


def _only_where_it_moved(path, goal):
    moved = (path[1:] != path[:-1]).any(1)
    return -(_distances(path, goal)[1:] * moved).sum()


def _until_it_arrives(path, goal):
    distance = _distances(path, goal)[1:]
    there = (distance == 0).nonzero()
    return -(distance[: int(there[0]) + 1] if len(there) else distance).sum()


def _clamped(path, goal):
    return -_distances(path, goal)[1:].clamp(max=25.0).sum()


def _two_hundred_steps(path, goal):
    return -_distances(path, goal)[1:201].sum()


def _middle_of_each_step(path, goal):
    return -_distances(0.5 * (path[1:] + path[:-1]), goal).sum()


def _never_on_the_goal(path, goal):
    return -(_distances(path, goal)[1:] + 1e-2).sum()


def _half_precision(path, goal):
    return -_distances(path, goal)[1:].half().sum().float()


def _one_reward_for_each_place(path, goal):
    return -_distances(path[1:].unique(dim=0), goal).sum()


def _bonus_at_the_goal(path, goal):
    distance = _distances(path, goal)[1:]
    return -distance.sum() + (distance == 0).sum()


def _by_hypot(path, goal):
    return torch.tensor(-sum(math.dist(place, goal.tolist()) for place in path.tolist()[1:]))


def _complex(path, goal):
    return -torch.view_as_complex((path - goal)[1:].contiguous()).abs().sum()


def _by_cdist(path, goal):
    return -torch.cdist(path[1:], goal[None], compute_mode="donot_use_mm_for_euclid_dist").sum()


def _by_numpy(path, goal):
    return torch.from_numpy(np.asarray(-np.linalg.norm((path - goal).numpy()[1:], axis=1).sum()))


def _add_up(path, goal):
    total = torch.zeros(())
    for place in path[1:]:
        total -= torch.dist(place, goal)
    return total


WRONG = named(
    ch00.check_path_return,
    _only_where_it_moved,
    _until_it_arrives,
    _clamped,
    _two_hundred_steps,
    _middle_of_each_step,
    _never_on_the_goal,
    _half_precision,
    _one_reward_for_each_place,
    _bonus_at_the_goal,
)
RIGHT = named(ch00.check_path_return, _by_hypot, _complex, _by_cdist, _by_numpy, _add_up)
