"""The check of the exercise `path_return`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check


def _cases():
    for seed, steps in enumerate((1, 4, 30)):
        generator = torch.Generator().manual_seed(seed)
        walk = 0.1 * torch.randn(steps + 1, 2, generator=generator).cumsum(0)
        yield case(walk - walk[0], torch.rand(2, generator=generator) - 0.5)


def _step_by_step(path, goal):
    """Walk along the path and pay after each step."""
    total = 0.0
    for x, y in path.tolist()[1:]:
        total -= math.hypot(x - float(goal[0]), y - float(goal[1]))
    return torch.tensor(total)


def _distances(path, goal):
    return torch.linalg.vector_norm(path - goal, dim=-1)


check_path_return = function_check(
    "path_return",
    _step_by_step,
    _cases,
    Wrong(
        "pays_the_start",
        "Your return has one reward too many. A reward is paid after each step: what has the start earned?",
        lambda path, goal: -_distances(path, goal).sum(),
    ),
    Wrong(
        "skips_the_end",
        "Your return has the right number of rewards, but from the positions before the steps. When is a reward paid?",
        lambda path, goal: -_distances(path, goal)[:-1].sum(),
    ),
    Wrong(
        "sign",
        "Your number grows with the distance. A return is something to be maximised: which sign does a cost have?",
        lambda path, goal: _distances(path, goal)[1:].sum(),
    ),
    Wrong(
        "mean",
        "You average over the steps. A return is not an average: a longer walk has more rewards.",
        lambda path, goal: -_distances(path, goal)[1:].mean(),
    ),
    Wrong(
        "squared",
        "You sum squares of differences. How does one get from there to a distance?",
        lambda path, goal: -_distances(path, goal)[1:].square().sum(),
    ),
    Wrong(
        "per_axis",
        "You add the differences along x and y, as a taxi does in a grid of streets. How far is it as the crow flies?",
        lambda path, goal: -(path - goal).abs()[1:].sum(),
    ),
)
