"""The check of the exercise `windy_step`."""

import itertools
import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference

ARENA, MOVE = 1.0, 0.1


def _windy_cases():
    for seed, (tasks, episodes) in enumerate(((3, 3), (4, 2), (1, 5))):  # square first: a wrong axis is silent there
        generator = torch.Generator().manual_seed(seed)
        position = 2.0 * torch.rand(tasks, episodes, 2, generator=generator) - 1.0
        action = 0.12 * torch.randn(tasks, episodes, 2, generator=generator)
        wind = 0.12 * torch.rand(tasks, 2, generator=generator) - 0.06
        goal = torch.rand(tasks, 2, generator=generator) - 0.5
        position[0, 0], action[0, 0] = torch.tensor([0.97, -0.97]), torch.tensor([0.3, -0.3])  # into the corner
        yield case(position, action, {"goal": goal, "wind": wind})


def _windy_by_hand(position, action, tasks):
    """One number at a time."""
    following, reward = torch.empty_like(position), torch.empty(position.shape[:2])
    for task, episode in itertools.product(*map(range, position.shape[:2])):
        squares = 0.0
        for axis in (0, 1):
            move = min(max(float(action[task, episode, axis]), -MOVE), MOVE)
            place = float(position[task, episode, axis]) + move + float(tasks["wind"][task, axis])
            place = min(max(place, -ARENA), ARENA)
            following[task, episode, axis] = place
            squares += (place - float(tasks["goal"][task, axis])) ** 2
        reward[task, episode] = -math.sqrt(squares)
    return following, reward


def _windy(position, action, tasks, clip=True, walls=True, old=False, axis=1, only=None, together=False):
    wind, goal = tasks["wind"], tasks["goal"]
    if only is not None:
        wind, goal = wind[[only]].expand_as(wind), goal[[only]].expand_as(goal)
    wind, goal = wind.unsqueeze(axis), goal.unsqueeze(axis)
    move = action.clamp(-MOVE, MOVE) + wind if clip else action + wind
    if together:
        move = (action + wind).clamp(-MOVE, MOVE)
    following = position + move
    following = following.clamp(-ARENA, ARENA) if walls else following
    return following, -torch.linalg.vector_norm((position if old else following) - goal, dim=-1)


check_windy_step = function_check(
    "windy_step",
    _windy_by_hand,
    _windy_cases,
    Wrong(
        "wrong_axis",
        "With as many tasks as episodes your code runs and is wrong; with other numbers it would not run. "
        "Which axis do the task parameters lack?",
        when=lambda got, *a: a[0].shape[0] == a[0].shape[1] and difference(got, _windy(*a, axis=0), 1e-4, 1e-6) is None,
    ),
    Wrong(
        "one_task_for_all",
        "All tasks get the wind and the goal of one of them. Compare what two tasks do with the same action.",
        lambda *a: _windy(*a, only=0),
    ),
    Wrong(
        "reward_of_old_state",
        "The positions are right. The rewards belong to the positions before the step. Look at (1) again.",
        lambda *a: _windy(*a, old=True),
    ),
    Wrong(
        "clips_the_wind",
        "You limit the action and the wind together. Whose moves are limited: the agent's, or the weather's?",
        lambda *a: _windy(*a, together=True),
    ),
    Wrong(
        "no_clipping",
        "An agent that asks for a long move gets it. What is the longest move that its legs allow?",
        lambda *a: _windy(*a, clip=False),
    ),
    Wrong(
        "no_walls",
        "Some of your points have left the arena. What happens at its walls?",
        lambda *a: _windy(*a, walls=False),
    ),
)
