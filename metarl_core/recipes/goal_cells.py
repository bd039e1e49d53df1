"""Exercise of chapter 10: Q-tables on a grid with a hidden goal, meta-trained by Reptile on some of the cells as goals.

A task is one goal. All seeds and goals run side by side, `[seed, goal, ...]`, and a meta-training takes seconds.
"""

import torch
from torch import Tensor

SIDE, ACTIONS, STEPS, HORIZON = 6, 4, 100, 20
"""cells of a side, moves, environment steps on a task, and steps of an episode at most"""
CELLS, LONGEST = SIDE * SIDE, 2 * SIDE - 2
"""cells of the grid, and moves between the two that are farthest apart"""
DISCOUNT, LR, UPDATES, EPSILON = 0.9, 0.5, 2, 0.1
"""γ, the rate of an update, updates after each step, and the share of random moves"""
TASKS, ITERATIONS, OUTER_LR = 8, 30, 0.5
"""of Reptile: goals of an iteration, iterations, and its step size at first, which falls to zero"""


def meta_train(seeds: list[int], goals: list[int], iterations: int = ITERATIONS) -> Tensor:
    """Tables `[seed, cell, action]` of Reptile over Q-learning: eight of the goals in each iteration, a run on each.

    Args:
        seeds: each with goals and luck of its own, the same whatever the other seeds are.
        goals: cells, eight or more.
        iterations: steps of Reptile.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    listed, theta = torch.tensor(goals), torch.zeros(len(seeds), CELLS, ACTIONS)
    for iteration in range(iterations):
        drawn = torch.stack([listed[torch.randperm(len(goals), generator=g)[:TASKS]] for g in generators])
        ends, _ = _q_learning(theta[:, None].expand(-1, TASKS, -1, -1), drawn, generators)
        theta = theta + OUTER_LR * (1 - iteration / iterations) * (ends.mean(1) - theta)
    return theta


def earned(starts: Tensor, goals: list[int], generator: torch.Generator) -> Tensor:
    """Mean reward of a step `[seed, goal]` over a hundred steps of Q-learning on each goal.

    A reward is minus the number of moves that are left to the goal, as a share of the longest way: from -1 to 0.

    Args:
        starts: `[seed, cell, action]`, the table that each run begins with.
        goals: cells.
        generator: of the luck; each seed has luck of its own, and the same generator gives the same to all starts.
    """
    listed = torch.tensor(goals).expand(len(starts), -1)
    tables = starts[:, None].expand(-1, listed.shape[1], -1, -1)
    return _q_learning(tables, listed, [generator] * len(starts))[1]


def _moves() -> Tensor:
    """Next cells `[cell, action]`: up, right, down, left; a move into a wall leads nowhere."""
    row, column = torch.arange(CELLS) // SIDE, torch.arange(CELLS) % SIDE
    rows = (row[:, None] + torch.tensor([-1, 0, 1, 0])).clamp(0, SIDE - 1)
    columns = (column[:, None] + torch.tensor([0, 1, 0, -1])).clamp(0, SIDE - 1)
    return SIDE * rows + columns


NEXT = _moves()


def _rewards(cells: Tensor, goals: Tensor) -> Tensor:
    down, right = cells // SIDE - goals // SIDE, cells % SIDE - goals % SIDE
    return -(down.abs() + right.abs()) / LONGEST


def _q_learning(tables: Tensor, goals: Tensor, generators: list[torch.Generator]) -> tuple[Tensor, Tensor]:
    """Tables at the end, and mean rewards `[seed, goal]`; after each step the newest transition, and an older one.

    Episodes begin in any cell. They end at the goal, which terminates, or after twenty steps, which does not.
    """
    shape, q = goals.shape, tables.flatten(2).clone()
    rows = [torch.rand((STEPS + 1, 3 + UPDATES, shape[1]), generator=generator) for generator in generators]
    luck = torch.stack(rows, 2)
    cell, age = (CELLS * luck[-1, 0]).long(), torch.zeros(shape, dtype=torch.int64)
    memory, total = torch.zeros((*shape, STEPS), dtype=torch.int64), torch.zeros(shape)
    for step in range(STEPS):
        chance, which, begin, *replayed = luck[step]
        here = q.view(*shape, CELLS, ACTIONS).gather(2, cell[..., None, None].expand(*shape, 1, ACTIONS))
        action = torch.where(chance < EPSILON, (ACTIONS * which).long(), here[:, :, 0].argmax(-1))
        after = NEXT[cell, action]
        memory[..., step] = ACTIONS * cell + action
        total = total + _rewards(after, goals)
        for number, share in enumerate(replayed):
            place = ((step + 1) * share).long() if number else torch.full(shape, step)
            pair = memory.gather(-1, place[..., None])
            following = NEXT.view(-1)[pair[..., 0]]
            ahead = q.view(*shape, CELLS, ACTIONS).amax(-1).gather(-1, following[..., None])[..., 0]
            y = _rewards(following, goals) + DISCOUNT * (following != goals) * ahead
            q.scatter_add_(-1, pair, LR * (y[..., None] - q.gather(-1, pair)))
        age = age + 1
        over = (after == goals) | (age == HORIZON)
        cell, age = torch.where(over, (CELLS * begin).long(), after), torch.where(over, 0, age)
    return q.view(*shape, CELLS, ACTIONS), total / STEPS
