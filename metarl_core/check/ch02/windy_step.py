"""The check of the exercise `windy_step`."""

import itertools
import math

import torch

from metarl_core.check import Wrong, case, function_check

ARENA, MOVE = 1.0, 0.1


def _draw_case(draw):
    """1 to 4 tasks, once 60, and 1 to 5 episodes, once 100, points in the arena and at its walls, winds from calm to
    a storm."""
    tasks, episodes = draw.integer(1, 4), draw.integer(1, 5)
    if draw.chance(0.4):
        tasks = episodes = draw.choice(1, 2, 3, 4)
    tasks, episodes = draw.once(18, 60, tasks), draw.once(17, 100, episodes)
    dtype = draw.choice(torch.float32, torch.float64)
    strength = draw.choice(0.0, 0.05, 0.3, 1.5)
    position = draw.normal(tasks, episodes, 2, dtype=dtype, scale=0.7).clamp(-ARENA, ARENA)
    action = draw.normal(tasks, episodes, 2, dtype=dtype, scale=draw.choice(0.05, 0.2, 2.0))
    if draw.chance(0.3):  # some stand still, and are blown about
        action[draw.flags(tasks, episodes, share=0.5)] = 0.0
    if draw.chance(0.3):  # the same numbers, in another order in memory
        position, action = (x.movedim(-1, 0).contiguous().movedim(0, -1) for x in (position, action))
    wind, goal = draw.normal(tasks, 2, dtype=dtype, scale=strength), draw.normal(tasks, 2, dtype=dtype)
    moved = position + action.clamp(-MOVE, MOVE) + wind[:, None]
    arrives = draw.chance(0.3)
    if arrives:
        goal = moved[:, draw.integers(0, episodes - 1)].clamp(-ARENA, ARENA)
    return case(position, action, {"goal": goal, "wind": wind}).noting(
        {
            "there are as many tasks as episodes": tasks == episodes,
            "there are as many tasks as episodes, and more than one": tasks == episodes > 1,
            "there are as many tasks as episodes, more than one, and wind": tasks == episodes > 1 and strength > 0,
            "there is one task": tasks == 1,
            "there is no wind": strength == 0,
            "the wind is stronger than a move": bool((wind.abs() > MOVE).any()),
            "a move is longer than the legs allow": bool((action.abs() > MOVE).any()),
            "a point arrives at its goal": arrives,
            "a wall stops a point": bool((moved.abs() > ARENA).any()),
            "the tensors are float64": dtype == torch.float64,
        }
    )


def _windy_by_hand(position, action, tasks):
    """One number at a time."""
    following, reward = torch.empty_like(position), torch.empty_like(position[..., 0])
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


def _windy(position, action, tasks, clip=True, walls=True, axis=1, only=None, together=False, pay=None):
    """`pay(position, following, goal)` is the reward."""
    wind, goal = tasks["wind"], tasks["goal"]
    if only is not None:
        wind, goal = wind[[only]].expand_as(wind), goal[[only]].expand_as(goal)
    wind, goal = wind.unsqueeze(axis), goal.unsqueeze(axis)
    move = action.clamp(-MOVE, MOVE) + wind if clip else action + wind
    if together:
        move = (action + wind).clamp(-MOVE, MOVE)
    following = position + move
    following = following.clamp(-ARENA, ARENA) if walls else following
    pay = pay or (lambda position, following, goal: -torch.linalg.vector_norm(following - goal, dim=-1))
    return following, pay(position, following, goal)


def _length_limited(position, action, tasks):
    shrink = MOVE / action.norm(dim=-1, keepdim=True).clamp(min=MOVE)
    return _windy(position, action * shrink, tasks, clip=False)


def _paid_behind_the_walls(position, action, tasks):
    return _windy(position, action, tasks)[0], _windy(position, action, tasks, walls=False)[1]


def _walls_twice(position, action, tasks, again=True):
    walked = (position + action.clamp(-MOVE, MOVE)).clamp(-ARENA, ARENA)
    return _windy(walked, torch.zeros_like(action), tasks, walls=again)


def _stays(position, action, tasks):
    free, _ = _windy(position, action, tasks, walls=False)
    following = torch.where((free.abs() > ARENA).any(-1, keepdim=True), position, free)
    return following, -torch.linalg.vector_norm(following - tasks["goal"][:, None], dim=-1)


check_windy_step = function_check(
    "windy_step",
    _windy_by_hand,
    _draw_case,
    Wrong(
        "wrong_axis",
        "With as many tasks as episodes your code runs and is wrong; with other numbers it does not run, or gives "
        "another shape. Which axis do the task parameters lack?",
        lambda *a: _windy(*a, axis=0),
    ),
    Wrong(
        "one_task_for_all",
        "All tasks get the wind and the goal of one of them. Compare what two tasks do with the same action.",
        lambda *a: _windy(*a, only=0),
    ),
    Wrong(
        "reward_of_old_state",
        "The positions are right. The rewards belong to the positions before the step. Look at (1) again.",
        lambda *a: _windy(*a, pay=lambda old, new, goal: -(old - goal).norm(dim=-1)),
    ),
    Wrong(
        "reward_sign",
        "The positions are right. The rewards grow with the distance: would an agent that maximises them walk to the "
        "goal?",
        lambda *a: _windy(*a, pay=lambda old, new, goal: (new - goal).norm(dim=-1)),
    ),
    Wrong(
        "reward_squared",
        "The positions are right. The rewards are squared distances. What does the norm in (1) end with?",
        lambda *a: _windy(*a, pay=lambda old, new, goal: -(new - goal).square().sum(-1)),
    ),
    Wrong(
        "reward_per_axis",
        "The positions are right. The rewards add up the distances along both axes. Which norm stands in (1)?",
        lambda *a: _windy(*a, pay=lambda old, new, goal: -(new - goal).abs().sum(-1)),
    ),
    Wrong(
        "reward_behind_the_walls",
        "The positions are right. The rewards belong to points that the walls have not stopped yet.",
        _paid_behind_the_walls,
    ),
    Wrong(
        "against_the_wind",
        "Your wind blows the other way. With which sign does w stand in (1)?",
        lambda position, action, tasks: _windy(position, action, {**tasks, "wind": -tasks["wind"]}),
    ),
    Wrong(
        "wind_is_limited",
        "Your wind is never stronger than the legs are. Does (1) say so?",
        lambda position, action, tasks: _windy(position, action, {**tasks, "wind": tasks["wind"].clamp(-MOVE, MOVE)}),
    ),
    Wrong(
        "length_is_limited",
        "You limit the length of the move as a whole. In (1) clip acts on each coordinate.",
        _length_limited,
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
    Wrong(
        "wind_behind_the_walls",
        "In your step the walls stop a point before the wind blows, not after. What is inside the outer clip of (1)?",
        lambda *a: _walls_twice(*a, again=False),
    ),
    Wrong(
        "stays_at_a_wall",
        "A point that a move would take out of the arena stays where it was. How far do the walls of (1) let it go?",
        _stays,
    ),
    Wrong(
        "walls_twice",
        "In your step a point walks, is stopped by the walls, and only then is blown about. In (1) it does both at "
        "once: how often are the walls asked?",
        _walls_twice,
    ),
    rtol=1e-6,  # torch.tensor(0.1) is float32
)
