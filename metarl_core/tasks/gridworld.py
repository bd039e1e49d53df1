"""Grid worlds with a hidden goal: small enough to solve exactly, large enough to need exploration."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from torch import Tensor

from metarl_core.arguments import check_count, check_one_of
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
        walls: Sequence[tuple[int, int]] = (),
        start: tuple[int, int] | None = None,
        horizon: int = 30,
    ):
        size = check_count("size", size, 3)
        check_one_of("reward", reward, REWARDS)
        start = (size // 2, size // 2) if start is None else start
        walls = tuple(walls)
        if not all(_on_grid(cell, size) for cell in (*walls, start)):
            raise ValueError(f"walls and start must lie on the {size} × {size} grid, got {walls} and {start}.")
        if start in walls:
            raise ValueError(f"start must not be a wall, got {start}.")
        self.size, self.reward_kind, self.walls = size, reward, walls
        self.start = start[0] * size + start[1]
        self.next_cell = _next_cells(size, self.walls)
        self.distance = _distances(self.next_cell)
        self._tables: dict[torch.device, tuple[Tensor, Tensor]] = {}
        self.goals = self._split_goals()
        self.observation_space = spaces.Discrete(size**2)
        self.action_space = spaces.Discrete(len(MOVES))
        super().__init__(horizon)

    def _split_goals(self) -> dict[str, Tensor]:
        cells = torch.arange(self.size**2, device="cpu")
        reachable = self.distance[self.start].isfinite() & (cells != self.start)
        far = (cells // self.size > self.size // 2) & (cells % self.size > self.size // 2)
        near = cells[reachable & ~far]
        near = near[torch.randperm(len(near), generator=torch.Generator("cpu").manual_seed(0), device="cpu")]
        every_fourth = torch.arange(len(near), device="cpu") % 4 == 0
        splits = {"train": near[~every_fourth], "test": near[::4], "ood": cells[reachable & far]}
        for split, goals in splits.items():
            if len(goals) == 0:
                raise ValueError(f"the grid must leave goal cells for every split, got none for {split!r}.")
        return splits

    def get_default_params(self) -> Tasks:
        return {"goal": self.goals["train"][:1]}

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        number = super().check_tasks(tasks)
        for goal in tasks["goal"].tolist():
            if not 0 <= goal < self.size**2 or self.distance[self.start, goal].isinf():
                raise ValueError(f"tasks['goal'] must be cells that can be reached from the start, got {goal}.")
        return number

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        goals = self.goals[split].to(generator.device)
        return {"goal": goals[torch.randint(len(goals), (n,), generator=generator, device=generator.device)]}

    def features(self, tasks: Tasks) -> Tensor:
        """Row and column of the goal, scaled to [-1, 1]: goals that were never seen lie between others."""
        place = torch.stack([tasks["goal"] // self.size, tasks["goal"] % self.size], -1)
        return place * (2 / (self.size - 1)) - 1

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        return torch.full_like(params["goal"], self.start)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self._tables_on(state.device)[0][state, action]

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self._reward(next_state, params["goal"])

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state == params["goal"]

    def _reward(self, next_state: Tensor, goal: Tensor) -> Tensor:
        """The reward for reaching `next_state`, in torch's default dtype: the tasks, integers, have none."""
        dtype = torch.get_default_dtype()
        if self.reward_kind == "dense":
            return -self._tables_on(goal.device)[1][next_state, goal].to(dtype) / self.size
        if self.reward_kind == "step":
            return torch.full_like(next_state, -1.0, dtype=dtype)
        return (next_state == goal).to(dtype)

    def _tables_on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """`next_cell` and `distance` on `device`, moved there once."""
        if device not in self._tables:
            self._tables[device] = (self.next_cell.to(device), self.distance.to(device))
        return self._tables[device]

    def optimal_action(self, observation: Tensor, tasks: Tasks) -> Tensor:
        """A first step of a shortest path to the goal (the oracle that knows the goal)."""
        next_cell, distance = self._tables_on(observation.device)
        return distance[next_cell[observation], tasks["goal"][..., None]].argmin(-1)

    def tables(self, tasks: Tasks) -> tuple[Tensor, Tensor]:
        """The tasks as tables for dynamic programming: transitions `[task, S, 4, S]`, rewards `[task, S, 4]`.

        The goal ends the episode: its rows hold zeros. So do the rewards of cells that cannot reach it.
        """
        self.check_tasks(tasks)
        goal = tasks["goal"][:, None, None]
        cell = torch.arange(self.size**2, device=goal.device)[:, None]
        following = self._tables_on(goal.device)[0]
        rewards = self._reward(following[None], goal)
        going = (cell[None] != goal).to(rewards.dtype)
        transitions = torch.nn.functional.one_hot(following, self.size**2).to(rewards.dtype)
        return transitions[None] * going[..., None], rewards.where(rewards.isfinite(), 0) * going


def _on_grid(cell: Any, size: int) -> bool:
    """Whether `cell` is a pair (row, column) on the grid."""
    pair = isinstance(cell, Sequence) and len(cell) == 2 and all(isinstance(part, int | np.integer) for part in cell)
    return pair and all(0 <= part < size for part in cell)


def _next_cells(size: int, walls: Sequence[tuple[int, int]]) -> Tensor:
    """`[cell, action]`: the cell that each move leads to."""
    blocked = np.zeros((size, size), dtype=bool)
    for wall in walls:
        blocked[wall] = True
    table = torch.empty((size**2, len(MOVES)), dtype=torch.int64, device="cpu")
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
    cells = np.repeat(np.arange(len(next_cell), dtype=np.int32), next_cell.shape[1])
    following = next_cell.flatten().numpy().astype(np.int32)  # older versions of scipy search graphs of int32 alone
    graph = csr_array((np.ones(len(cells)), (cells, following)), shape=(len(next_cell),) * 2)
    return torch.from_numpy(shortest_path(graph, unweighted=True)).float()
