"""Bayes-optimal play on GridNavi: the exact belief over goals, and the path that searches best."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_same_shape, check_type
from metarl_core.tasks.grid_navi import GOAL_REWARD, STEP_REWARD, GridNavi


def goal_belief(family: GridNavi, cells: Tensor, rewards: Tensor) -> Tensor:
    """P(goal | what was seen) after each step, `[..., time, cell]`, from the uniform prior of training.

    A cell that did not pay is no goal; where the goal has paid, nothing else is.

    Args:
        cells: the cells that steps ended on, `[..., time]`.
        rewards: of those steps, `[..., time]`.

    Raises:
        ValueError: for another family, or shapes that differ.
    """
    check_type("family", family, GridNavi)
    check_same_shape(cells=cells, rewards=rewards)
    prior = torch.zeros(family.size**2, dtype=rewards.dtype, device=rewards.device)
    prior[family.goals["train"].to(rewards.device)] = 1
    here = torch.nn.functional.one_hot(cells, family.size**2).to(rewards.dtype)
    paid = (rewards > 0).to(rewards.dtype)[..., None]
    found = (here * paid).cumsum(-2).clamp_max(1)
    ruled_out = (here * (1 - paid)).cumsum(-2) > 0
    left = prior * ~ruled_out
    left = left / left.sum(-1, keepdim=True).clamp_min(1)
    return torch.where(found.any(-1, keepdim=True), found, left)


@dataclass(frozen=True)
class Search:
    """A path that is followed until the goal is found."""

    actions: np.ndarray
    """`[episode, step]`"""
    returns: np.ndarray
    """expected return of each episode over uniformly drawn goals, `[episode]`"""


def best_search(family: GridNavi, episodes: int) -> Search:
    """The Bayes-optimal search over `episodes` episodes, by branch and bound.

    Until the goal is found all that is seen is that it was elsewhere, so that play is one path; from then on it is the
    shortest way and staying. What a goal is worth depends on the step at which the path first meets it, and the best
    path is found by dynamic programming over (cell, goals met), without those that cannot catch up: a bound lets all
    goals that are left be met one a step, none earlier than it can be reached.

    Raises:
        ValueError: for another family, fewer than one episode, or a grid of more than 6 × 6.
    """
    check_type("family", family, GridNavi)
    check_count("episodes", episodes)
    if family.size > 6:
        raise ValueError(f"size must be at most 6 for an exact search, got {family.size}.")
    world = _World.of(family, episodes)
    found = _search(world, -np.inf, 200)
    assert found is not None  # without a floor something is found
    for width in (5000, None):  # what a narrow search reaches prunes the wider one, which looks for more alone
        found = _search(world, found[0], width) or found
    actions = found[1].reshape(episodes, family.horizon)
    return Search(actions, search_returns(family, actions))


def search_returns(family: GridNavi, actions: np.ndarray) -> np.ndarray:
    """Expected return of each episode for following a path until the goal is found, `[episode]`.

    Args:
        actions: `[episode, step]`.

    Raises:
        ValueError: for another family, or another number of steps than an episode has.
    """
    check_type("family", family, GridNavi)
    if np.ndim(actions) != 2 or np.shape(actions)[1] != family.horizon:
        raise ValueError(f"actions must have shape [episode, {family.horizon}], got {list(np.shape(actions))}.")
    following, goals = family.next_cell.numpy(), family.goals["train"].numpy()
    returns = np.zeros((len(goals), len(actions)))
    for row, goal in enumerate(goals):
        known = False
        for episode, path in enumerate(actions):
            cell = 0
            for action in path:
                if known:
                    action = int(family.optimal_action(torch.tensor(cell), {"goal": torch.tensor(int(goal))}))
                cell = following[cell, action]
                known = known or cell == goal
                returns[row, episode] += GOAL_REWARD if cell == goal else STEP_REWARD
    return returns.mean(0)


class _World(NamedTuple):
    """What the search needs of a family."""

    following: np.ndarray
    """`[cell, action]`"""
    number: np.ndarray
    """of the goal in a cell, −1 for none, `[cell]`"""
    distance: np.ndarray
    """steps from a cell to each goal, `[cell, goal]`"""
    worth: np.ndarray
    """what meeting a goal first at each step adds to never meeting it, `[goal, step]`"""
    horizon: int

    @classmethod
    def of(cls, family: GridNavi, episodes: int) -> "_World":
        goals = family.goals["train"].numpy()
        row, column = np.divmod(np.arange(family.size**2), family.size)
        distance = abs(row[:, None] - row[goals]) + abs(column[:, None] - column[goals])
        number = np.full(family.size**2, -1)
        number[goals] = np.arange(len(goals))
        step = np.arange(episodes * family.horizon)
        episode, within = np.divmod(step, family.horizon)
        gain, later = GOAL_REWARD - STEP_REWARD, episodes - 1 - episode
        on_goal = (family.horizon - within) + later * np.maximum(family.horizon + 1 - distance[0][:, None], 0)
        return cls(family.next_cell.numpy(), number, distance, gain * on_goal, family.horizon)


def _search(world: _World, floor: float, width: int | None) -> tuple[float, np.ndarray] | None:
    """The most that a path's goals add up to, and the path; None where no path comes to more than `floor`.

    Of each step's states `width` are kept, those with the largest bounds; with None all.
    """
    goals, steps = world.worth.shape
    cell, met, total = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.zeros(1)
    history: list[tuple[np.ndarray, np.ndarray]] = []
    for step in range(steps):
        if step and step % world.horizon == 0:
            cell = np.zeros_like(cell)
        parent = np.repeat(np.arange(len(cell)), world.following.shape[1])
        action = np.tile(np.arange(world.following.shape[1]), len(cell))
        cell, met, total = world.following[cell].flatten(), met[parent], total[parent]
        goal = world.number[cell]
        new = (goal >= 0) & ((met >> np.maximum(goal, 0)) & 1 == 0)
        total = total + np.where(new, world.worth[np.maximum(goal, 0), step], 0.0)
        met = met | np.where(new, 1 << np.maximum(goal, 0), 0)
        place = cell if (step + 1) % world.horizon else np.zeros_like(cell)  # all begin again in the corner
        kept = _best_of_each(place << goals | met, total)
        hope = total[kept] + _bound(world, cell[kept], met[kept], step + 1)
        kept, hope = kept[hope > floor + 1e-9], hope[hope > floor + 1e-9]
        if not len(kept):
            return None
        if width is not None and len(kept) > width:
            kept = kept[np.argsort(-hope, kind="stable")[:width]]
        cell, met, total = cell[kept], met[kept], total[kept]
        history.append((parent[kept], action[kept]))
    best = int(total.argmax())
    most, path = float(total[best]), []
    for parents, actions in reversed(history):
        path.append(actions[best])
        best = parents[best]
    return most, np.array(path[::-1])


def _best_of_each(key: np.ndarray, total: np.ndarray) -> np.ndarray:
    """For each key the place of the largest total."""
    order = np.lexsort((-total, key))
    first = np.ones(len(order), dtype=bool)
    first[1:] = key[order][1:] != key[order][:-1]
    return order[first]


def _bound(world: _World, cell: np.ndarray, met: np.ndarray, step: int) -> np.ndarray:
    """No path from here adds more, `[state]`."""
    goals, steps = world.worth.shape
    if step >= steps:
        return np.zeros(len(cell))
    left = (met[:, None] >> np.arange(goals)) & 1 == 0
    end = -(-step // world.horizon) * world.horizon  # where the next episode begins
    now = step + world.distance[cell] - 1
    now = np.where((now < end) & (step < end), now, end + world.distance[0] - 1)
    arrival = np.where(left, now, steps).astype(np.int64)
    order = np.argsort(arrival, 1, kind="stable")
    times = np.take_along_axis(arrival, order, 1)
    # at most one new goal a step: the i-th is met no earlier than i steps after the first could be
    rank = np.arange(goals)
    times = np.maximum.accumulate(times - rank, 1) + rank
    most = np.concatenate([world.worth.max(0), np.zeros(goals + 1)])  # whichever goal it is
    return np.where(np.take_along_axis(left, order, 1), most[np.minimum(times, steps)], 0.0).sum(1)
