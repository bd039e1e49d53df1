"""Wrong returns of a path, chapter 00's warm-up."""

import torch

from metarl_core.check import ch00
from mutants import Mutant


def _counts_the_start(path, goal):
    return -((path - goal) ** 2).sum(-1).sqrt().sum()


def _before_each_step(path, goal):
    return -(path[:-1] - goal).norm(dim=-1).sum()


def _distance_as_reward(path, goal):
    return (path[1:] - goal).norm(dim=-1).sum()


def _average(path, goal):
    return -(path[1:] - goal).norm(dim=-1).mean()


def _forgets_the_root(path, goal):
    return -((path[1:] - goal) ** 2).sum()


def _taxi(path, goal):
    dx, dy = (path[1:] - goal).abs().unbind(-1)
    return -(dx + dy).sum()


def _where_it_ends(path, goal):
    return -torch.dist(path[-1], goal)


def _one_norm(path, goal):
    return -torch.linalg.norm(path[1:] - goal)


def _gains(path, goal):
    distances = (path - goal).norm(dim=-1)
    return (distances[:-1] - distances[1:]).sum()


MUTANTS = [
    Mutant(ch00.check_path_return, "pays_the_start", _counts_the_start),
    Mutant(ch00.check_path_return, "skips_the_end", _before_each_step),
    Mutant(ch00.check_path_return, "sign", _distance_as_reward),
    Mutant(ch00.check_path_return, "mean", _average),
    Mutant(ch00.check_path_return, "squared", _forgets_the_root),
    Mutant(ch00.check_path_return, "per_axis", _taxi),
    Mutant(ch00.check_path_return, "last_reward", _where_it_ends),
    Mutant(ch00.check_path_return, "one_long_vector", _one_norm),
    Mutant(ch00.check_path_return, "progress", _gains),
]
