"""Grid worlds with a hidden goal: small enough to solve exactly, large enough to need exploration."""

import numpy as np
import torch
from gymnasium import spaces
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left as (row, column)
REWARDS = ("sparse", "step", "dense")


class GridGoals(TaskFamily):
    """Find a goal cell that the observation does not show; the episode ends there.

    A task is the index of the goal cell (row · size + column). Cells that can be goals fall into three
    disjoint sets: out of distribution the quadrant of highest rows and columns, and of the others
    every fourth (in a fixed random order) for test, the rest for train. State and observation: the
    index of the agent's cell. Actions: up, right, down, left; a move into a wall or over the edge
    stays.

    Args:
        size: rows and columns, at least 3.
        reward: "sparse": 1 on reaching the goal; "step": −1 per step until then; "dense": minus the
            number of steps that still separate the agent from the goal after its move, divided by `size`.
        walls: cells (row, column) that cannot be entered.
        start: the cell that episodes start in; the centre by default.
        horizon: time limit in steps.
    """

    def __init__(
        self,
        size: int = 7,
        reward: str = "sparse",
        walls: tuple[tuple[int, int], ...] = (),
        start: tuple[int, int] | None = None,
        horizon: int = 30,
    ):
        if size < 3:
            raise ValueError(f"size must be at least 3, got {size}.")
        if reward not in REWARDS:
            raise ValueError(f"reward must be one of {', '.join(REWARDS)}, got {reward!r}.")
        start = (size // 2, size // 2) if start is None else start
        if not all(0 <= row < size and 0 <= column < size for row, column in (*walls, start)):
            raise ValueError(f"walls and start must lie on the {size} × {size} grid, got {walls} and {start}.")
        if start in walls:
            raise ValueError(f"start must not be a wall, got {start}.")
        self.size, self.reward_kind, self.walls = size, reward, tuple(walls)
        self.start = start[0] * size + start[1]
        self.next_cell = _next_cells(size, self.walls)
        self.distance = _distances(self.next_cell)
        self.goals = self._split_goals()
        self.observation_space = spaces.Discrete(size**2)
        self.action_space = spaces.Discrete(len(MOVES))
        super().__init__(horizon)

    def _split_goals(self) -> dict[str, Tensor]:
        cells = torch.arange(self.size**2)
        reachable = self.distance[self.start].isfinite() & (cells != self.start)
        far = (cells // self.size > self.size // 2) & (cells % self.size > self.size // 2)
        near = cells[reachable & ~far]
        near = near[torch.randperm(len(near), generator=torch.Generator().manual_seed(0))]
        splits = {"train": near[torch.arange(len(near)) % 4 != 0], "test": near[::4], "ood": cells[reachable & far]}
        for split, goals in splits.items():
            if len(goals) == 0:
                raise ValueError(f"the grid must leave goal cells for every split, got none for {split!r}.")
        return splits

    def get_default_params(self) -> Tasks:
        return {"goal": self.goals["train"][:1]}

    def check_tasks(self, tasks):
        number = super().check_tasks(tasks)
        for goal in tasks["goal"].tolist():
            if not 0 <= goal < self.size**2 or self.distance[self.start, goal].isinf():
                raise ValueError(f"tasks['goal'] must be cells that can be reached from the start, got {goal}.")
        return number

    def draw_tasks(self, n, generator, split):
        goals = self.goals[split]
        return {"goal": goals[torch.randint(len(goals), (n,), generator=generator)]}

    def features(self, params):
        """Row and column of the goal, scaled to [-1, 1]: goals that were never seen lie between others."""
        place = torch.stack([params["goal"] // self.size, params["goal"] % self.size], -1)
        return place * (2 / (self.size - 1)) - 1

    def initial(self, rng, params):
        return torch.full_like(params["goal"], self.start)

    def transition(self, state, action, rng, params):
        return self.next_cell[state, action]

    def observation(self, state, rng, params):
        return state

    def reward(self, state, action, next_state, rng, params):
        if self.reward_kind == "dense":
            return -self.distance[next_state, params["goal"]] / self.size
        if self.reward_kind == "step":
            return torch.full(state.shape, -1.0)
        return (next_state == params["goal"]).float()

    def terminal(self, state, rng, params):
        return state == params["goal"]

    def optimal_action(self, observation, params):
        """A first step of a shortest path to the goal (the oracle that knows the goal)."""
        return self.distance[self.next_cell[observation], params["goal"][..., None]].argmin(-1)

    def tables(self, tasks: Tasks) -> tuple[Tensor, Tensor]:
        """The tasks as tables for dynamic programming: transitions `[task, S, 4, S]`, rewards `[task, S, 4]`.

        The goal ends the episode: its rows hold zeros. So do the rewards of cells that cannot reach it.
        """
        self.check_tasks(tasks)
        goal = tasks["goal"][:, None, None]
        cell, action = torch.arange(self.size**2)[:, None], torch.arange(len(MOVES))
        following = self.next_cell[cell, action]
        rewards = self.reward(cell.expand_as(following)[None], action, following[None], None, {"goal": goal})
        going = (cell[None] != goal).float()
        transitions = torch.nn.functional.one_hot(following, self.size**2).float()
        return transitions[None] * going[..., None], rewards.where(rewards.isfinite(), 0) * going


def _next_cells(size: int, walls) -> Tensor:
    """`[cell, action]`: the cell that each move leads to."""
    blocked = np.zeros((size, size), dtype=bool)
    for wall in walls:
        blocked[wall] = True
    table = torch.empty((size**2, len(MOVES)), dtype=torch.int64)
    for cell in range(size**2):
        row, column = divmod(cell, size)
        for action, (down, right) in enumerate(MOVES):
            target = (row + down, column + right)
            inside = 0 <= target[0] < size and 0 <= target[1] < size
            table[cell, action] = target[0] * size + target[1] if inside and not blocked[target] else cell
            if blocked[row, column]:
                table[cell, action] = cell
    return table


def _distances(next_cell: Tensor) -> Tensor:
    """`[cell, cell]`: steps of a shortest path; infinite where there is none."""
    cells = np.repeat(np.arange(len(next_cell)), next_cell.shape[1])
    graph = csr_array((np.ones(len(cells)), (cells, next_cell.flatten().numpy())), shape=(len(next_cell),) * 2)
    return torch.from_numpy(shortest_path(graph, unweighted=True)).float()
