"""Walk to a goal in plain view with controls that are turned by a hidden angle."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_positive
from metarl_core.tasks.draws import rand, stamp_split, uniform
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.navigation import MAX_STEP
from metarl_core.tasks.rollout import Trajectories


class TurnedControls(TaskFamily):
    """Walk to a visible goal; every move comes out turned by an angle that the observation does not show.

    A task is the `angle` φ, uniform on [−π, π), and the `mirror`: 1 for train and test tasks; −1, controls whose
    second axis is reversed before they are turned, out of distribution. State and observation: the offset of the goal
    from the point `[2]`, at first uniform in the square of half-width `half_width`. An action a moves the point by
    0.1 R(φ) a; an action longer than 1 is shortened to 1. The reward is minus the distance to the goal after the move.

    Args:
        horizon: time limit in steps; nothing else ends an episode.
        half_width: of the square that the first offsets are drawn from.
    """

    def __init__(self, horizon: int = 40, half_width: float = 0.7):
        check_positive("half_width", half_width)
        self.half_width = half_width
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), dtype=np.float32)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {name: torch.tensor([value], device="cpu") for name, value in (("angle", 0.0), ("mirror", 1.0))}

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        number = super().check_tasks(tasks)
        if not bool((tasks["mirror"].abs() == 1).all()):
            raise ValueError(f"tasks['mirror'] must be 1 or -1, got {tasks['mirror'].tolist()}.")
        return number

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        angle = stamp_split(uniform((n,), -math.pi, math.pi, generator, dtype), split)
        return {"angle": angle, "mirror": torch.full_like(angle, -1.0 if split == "ood" else 1.0)}

    def features(self, tasks: Tasks) -> Tensor:
        """Cosine and sine of the angle, and the mirror."""
        return torch.stack([tasks["angle"].cos(), tasks["angle"].sin(), tasks["mirror"]], -1)

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        angle = params["angle"]
        return (rand((*angle.shape, 2), rng, angle) * 2 - 1) * self.half_width

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        length = torch.linalg.vector_norm(action, dim=-1, keepdim=True)
        return state - MAX_STEP * turn(action / length.clamp_min(1), params)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(next_state, dim=-1)
        return -distance

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state[..., 0], dtype=torch.bool)

    def optimal_action(self, observation: Tensor, tasks: Tasks) -> Tensor:
        """The straight walk, which is the exact optimum: turned back, and no longer than the way that is left."""
        distance = torch.linalg.vector_norm(observation, dim=-1, keepdim=True)
        return turn(observation / distance.clamp_min(MAX_STEP), tasks, back=True)


def around_goal(trajectories: Trajectories) -> Trajectories:
    """The same walks with positions, the goal at the origin, in place of the offsets that are observed."""
    here = {name: -getattr(trajectories, name) for name in ("observations", "final_observations")}
    return replace(trajectories, **here)


def turn(vector: Tensor, tasks: Tasks, back: bool = False) -> Tensor:
    """R(φ) v, where the mirror is −1 with v's second entry reversed before; with `back` the inverse of that.

    Args:
        vector: `[task, episode, 2]`.
        tasks: `[task, episode]`.
    """
    cosine, sine, mirror = tasks["angle"].cos(), tasks["angle"].sin(), tasks["mirror"]
    x, y = vector.unbind(-1)
    if back:
        return torch.stack([cosine * x + sine * y, mirror * (cosine * y - sine * x)], -1)
    y = mirror * y
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1)
