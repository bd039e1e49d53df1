"""Walk to a visible goal with keys whose directions are hidden: the same place asks for another key in each task."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_count, check_one_of
from metarl_core.tasks.draws import rand, stamp_split, uniform
from metarl_core.tasks.family import TaskFamily, Tasks

REWARDS = ("distance", "step")
STEP_LENGTH = 0.2
GOAL_RADIUS = 0.15


class RotatedKeys(TaskFamily):
    """Steer a point to a goal in the square [-1, 1]² with `keys` keys, which are rotated by a hidden angle.

    Key k moves the point by 0.2 in the direction φ + order · 2πk / `keys`, and not beyond the square. A task is the
    angle φ, uniform on [0, 2π), and the `order`: 1, keys that run anticlockwise, for train and test tasks; −1, the
    keyboard's mirror image, out of distribution. State and observation: position and goal `[4]`, both drawn uniformly
    for each episode, which ends within 0.15 of the goal.

    Args:
        reward: "distance": minus the distance to the goal after the move; "step": −1 for each move. Rewards of
            the second kind tell nothing about the keys: only the next observation does.
        keys: number of keys, at least 3.
        horizon: time limit in steps.
    """

    def __init__(self, reward: str = "distance", keys: int = 8, horizon: int = 25):
        check_one_of("reward", reward, REWARDS)
        self.reward_kind, self.keys = reward, check_count("keys", keys, 3)
        self.observation_space = spaces.Box(-1.0, 1.0, (4,), dtype=np.float32)
        self.action_space = spaces.Discrete(keys)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {name: torch.tensor([value], device="cpu") for name, value in (("angle", 0.0), ("order", 1.0))}

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        number = super().check_tasks(tasks)
        if not bool((tasks["order"].abs() == 1).all()):
            raise ValueError(f"tasks['order'] must be 1 or -1, got {tasks['order'].tolist()}.")
        return number

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        angle = stamp_split(uniform((n,), 0.0, 2 * math.pi, generator, dtype), split)
        return {"angle": angle, "order": torch.full_like(angle, -1.0 if split == "ood" else 1.0)}

    def features(self, tasks: Tasks) -> Tensor:
        """Cosine and sine of the angle, and the order."""
        return torch.stack([tasks["angle"].cos(), tasks["angle"].sin(), tasks["order"]], -1)

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        angle = params["angle"]
        return rand((*angle.shape, 4), rng, angle) * 2 - 1

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        direction = params["angle"] + params["order"] * action * (2 * math.pi / self.keys)
        move = STEP_LENGTH * torch.stack([direction.cos(), direction.sin()], -1)
        return torch.cat([(state[..., :2] + move).clamp(-1, 1), state[..., 2:]], -1)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        if self.reward_kind == "step":
            return torch.full_like(next_state[..., 0], -1.0)
        return -_distance(next_state)

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return _distance(state) < GOAL_RADIUS

    def steering_action(self, observation: Tensor, tasks: Tasks) -> Tensor:
        """The key that brings the point closest to the goal: a strong reference, within one step of the shortest way.

        Args:
            observation: `[task, episode, 4]`.
            tasks: `[task, episode]`.
        """
        keys = torch.arange(self.keys, device=observation.device)
        wide = {name: value[..., None] for name, value in tasks.items()}
        states = observation[..., None, :].expand(*observation.shape[:-1], self.keys, 4)
        return _distance(self.transition(states, keys.expand(states.shape[:-1]), None, wide)).argmin(-1)


def _distance(state: Tensor) -> Tensor:
    distance: Tensor = torch.linalg.vector_norm(state[..., :2] - state[..., 2:], dim=-1)
    return distance
