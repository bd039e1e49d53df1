"""The check of the exercise `path_return`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """Walks of 1 to 20 steps, a few of up to 400, in short, long or very long strides, with rests; some end on their
    goal."""
    steps = draw.integer(1, 400) if draw.chance(0.2) else draw.integer(1, 20)
    steps, stride = draw.once(17, 400, steps), draw.choice(0.1, 1.0, 4.0, 40.0)
    moves = draw.normal(steps + 1, 2, scale=stride, dtype=torch.float32)
    rests = draw.flags(steps, share=draw.choice(0.0, 0.4))
    moves[1:][rests] = 0.0
    path = moves.cumsum(0) + draw.normal(2, dtype=torch.float32)
    if draw.chance(0.3):  # the same numbers, the other way round in memory
        path = path.T.contiguous().T
    arrives = draw.chance(0.3)
    goal = path[draw.integer(1, steps)].clone() if arrives else draw.normal(2, dtype=torch.float32, scale=2.0)
    if draw.chance(0.15):  # again and again the same goal and number of steps, and other walks
        steps, arrives, goal = 3, False, torch.tensor([1.5, -0.5])
        path, rests = draw.normal(steps + 1, 2, dtype=torch.float32), torch.zeros(steps, dtype=torch.bool)
    return case(path, goal).noting(
        {
            "the walk has one step": steps == 1,
            "the walk has more than a hundred steps": steps > 100,
            "the walk comes to stand on the goal": arrives,
            "the walk rests where it is": bool(rests.any()),
        }
    )


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
    _draw_case,
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
    Wrong(
        "last_reward",
        "This is the reward of the last step alone. Who pays for the steps before it?",
        lambda path, goal: -_distances(path, goal)[-1],
    ),
    Wrong(
        "one_long_vector",
        "You take one norm of all differences together. Is the square root of a sum the sum of the square roots?",
        lambda path, goal: -(path - goal)[1:].norm(),
    ),
    Wrong(
        "progress",
        "This adds up how much nearer each step comes to the goal. Is the reward a change of the distance?",
        lambda path, goal: _distances(path, goal)[0] - _distances(path, goal)[-1],
    ),
)
