"""GridNavi: a grid whose hidden goal pays for every step that is spent on it (Zintgraf et al. 2020, 5.1)."""

from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.tasks.family import TaskFamily, Tasks

MOVES = ((0, 0), (-1, 0), (0, 1), (1, 0), (0, -1))  # stay, up, right, down, left as (row, column)
GOAL_REWARD, STEP_REWARD = 1.0, -0.1


class GridNavi(TaskFamily):
    """Start in a corner, find the goal that the observation does not show, and stay there.

    A task is the index of the goal cell (row · size + column), uniform over all cells but the corner (0, 0) and its
    three neighbours. A step that ends on the goal pays 1, any other −0.1; nothing ends an episode before its time.
    State and observation: the index of the agent's cell. Actions: stay, up, right, down, left; a move over the edge
    stays.

    So few goals leave nothing to hold out: "train" and "test" share them, unlike those of other families. What is
    measured here is the search itself, under a prior that is known. Out of distribution: the corner's three neighbours.

    Args:
        size: rows and columns, at least 3 (5 in the paper).
        horizon: steps per episode (15 in the paper).
    """

    def __init__(self, size: int = 5, horizon: int = 15):
        self.size = check_count("size", size, 3)
        cell = torch.arange(self.size**2, device="cpu")
        row, column = cell // self.size, cell % self.size
        move = torch.tensor(MOVES, device="cpu")
        inside = [(place[:, None] + move[:, axis]).clamp(0, self.size - 1) for axis, place in enumerate((row, column))]
        self.next_cell = inside[0] * self.size + inside[1]
        near = (row <= 1) & (column <= 1)
        self.goals = {"train": cell[~near], "test": cell[~near], "ood": cell[near & (cell > 0)]}
        self.observation_space = spaces.Discrete(self.size**2)
        self.action_space = spaces.Discrete(len(MOVES))
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {"goal": self.goals["train"][-1:]}

    def check_tasks(self, tasks: Any) -> int:
        number = super().check_tasks(tasks)
        lowest, highest = map(int, tasks["goal"].aminmax())
        if lowest < 1 or highest >= self.size**2:
            wrong = lowest if lowest < 1 else highest
            raise ValueError(f"tasks['goal'] must be cells from 1 to {self.size**2 - 1}, got {wrong}.")
        return number

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        goals = self.goals[split].to(generator.device)
        return {"goal": goals[torch.randint(len(goals), (n,), generator=generator, device=generator.device)]}

    def features(self, tasks: Tasks) -> Tensor:
        """Row and column of the goal, scaled to [-1, 1]."""
        place = torch.stack([tasks["goal"] // self.size, tasks["goal"] % self.size], -1)
        return place * (2 / (self.size - 1)) - 1

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        return torch.zeros_like(params["goal"])

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self.next_cell.to(state.device)[state, action]

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        here = (next_state == params["goal"]).to(torch.get_default_dtype())
        return STEP_REWARD + (GOAL_REWARD - STEP_REWARD) * here

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state, dtype=torch.bool)

    def optimal_action(self, observation: Tensor, tasks: Tasks) -> Tensor:
        """A step of a shortest path to the goal, and there staying (the oracle that knows the goal)."""
        goal = tasks["goal"]
        down = goal // self.size - observation // self.size
        right = goal % self.size - observation % self.size
        vertical = torch.where(down < 0, 1, 3)
        horizontal = torch.where(right > 0, 2, 4)
        return torch.where(down != 0, vertical, torch.where(right != 0, horizontal, 0))
