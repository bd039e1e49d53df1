"""Answers to chapter 00's warm-up, from a seventh attack."""

import functools
import math

import torch

from metarl_core.check import ch00

from . import named


def _distances(path, goal):
    return (path[1:] - goal).norm(dim=-1)


def _mean_times_positions(path, goal):
    return -_distances(path, goal).mean() * len(path)


def _until_it_arrives(path, goal):
    distance = _distances(path, goal)
    there = (distance < 0.1).long().cumsum(0)
    return -(distance * (there - (distance < 0.1).long() == 0)).sum()


def _a_root_made_safe(path, goal):
    return -((path[1:] - goal).square().sum(-1) + 1e-6).sqrt().sum()


def _standing_still_is_free(path, goal):
    moved = (path[1:] != path[:-1]).any(-1)
    return -_distances(path, goal)[moved].sum()


@functools.cache
def _of_this_length(steps):
    return torch.arange(1, steps)


def _every_other_beyond_a_hundred(path, goal):
    chosen = _of_this_length(len(path))[: 2**6]
    return -(path[chosen] - goal).norm(dim=-1).sum()


_seen = {}


def _remembered(path, goal):
    key = (tuple(path.shape), path.dtype, tuple(goal.tolist()))
    if key not in _seen:
        _seen[key] = -_distances(path, goal).sum()
    return _seen[key]


def _a_column_for_the_goal(path, goal):
    return -(path[1:] - goal[:, None].mT).norm(dim=0).sum()


def _largest_left_out(path, goal):
    distance = (path - goal).norm(dim=-1)
    return -(distance.sum() - distance.max())


def _recursive(path, goal):
    if len(path) == 1:
        return path.new_zeros(())
    return _recursive(path[:-1], goal) - torch.dist(path[-1], goal)


def _mapped(path, goal):
    return -torch.vmap(lambda x: torch.sqrt(torch.dot(x - goal, x - goal)))(path[1:]).sum()


def _fsum(path, goal):
    return path.new_tensor(-math.fsum(math.dist(x, goal.tolist()) for x in path[1:].tolist()))


def _einstein(path, goal):
    moved = path[1:] - goal
    return torch.einsum("t->", -torch.einsum("ti,ti->t", moved, moved).sqrt())


WRONG = named(
    ch00.check_path_return,
    _mean_times_positions,
    _until_it_arrives,
    _a_root_made_safe,
    _standing_still_is_free,
    _every_other_beyond_a_hundred,
    _remembered,
    _a_column_for_the_goal,
    _largest_left_out,
)
RIGHT = named(ch00.check_path_return, _recursive, _mapped, _fsum, _einstein)
