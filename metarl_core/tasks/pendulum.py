"""Pendulum whose physics vary from task to task; equal to Gymnasium's Pendulum-v1 at default physics."""

import math
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.tasks.draws import rand
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.physics import check_spread, default_physics, draw_physics

TIME_STEP = 0.05  # seconds
MAX_SPEED = 8.0  # radians per second
MAX_TORQUE = 2.0  # newton metres
DEFAULT_PHYSICS = {"gravity": 10.0, "mass": 1.0, "length": 1.0}
"""m/s², kg, m: the physics of Pendulum-v1."""


class Pendulum(TaskFamily):
    """Swing a pendulum up and hold it; reward −(angle² + 0.1 speed² + 0.001 torque²).

    A task is one set of physics: each parameter times a factor drawn log-uniformly from [1/`spread`,
    `spread`], out of distribution from the bands between `spread` and `spread`² on either side.
    State: (angle rad, angular velocity rad/s); observation: (cos, sin, angular velocity); action:
    torque in N·m, clipped to ±2. Episodes end by the time limit only.

    Args:
        spread: largest factor by which a parameter may differ from Pendulum-v1, above 1.
        horizon: time limit in steps.
    """

    def __init__(self, spread: float = 1.5, horizon: int = 200):
        self.spread = check_spread(spread)
        limits = np.array([1.0, 1.0, MAX_SPEED], dtype=np.float32)
        self.observation_space = spaces.Box(-limits, limits, dtype=np.float32)
        self.action_space = spaces.Box(-MAX_TORQUE, MAX_TORQUE, (1,), dtype=np.float32)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return default_physics(DEFAULT_PHYSICS)

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        return draw_physics(DEFAULT_PHYSICS, tuple(DEFAULT_PHYSICS), self.spread, n, generator, split, dtype)

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        draws = 2 * rand((*params["gravity"].shape, 2), rng, params["gravity"]) - 1
        return draws * draws.new_tensor([math.pi, 1.0])

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        angle, speed = state.unbind(-1)
        torque = action[..., 0].clamp(-MAX_TORQUE, MAX_TORQUE)
        gravity, mass, length = params["gravity"], params["mass"], params["length"]
        pull = 3 * gravity / (2 * length) * angle.sin()
        speed = speed + (pull + 3.0 / (mass * length**2) * torque) * TIME_STEP
        speed = speed.clamp(-MAX_SPEED, MAX_SPEED)
        return torch.stack([angle + speed * TIME_STEP, speed], -1)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        angle, speed = state.unbind(-1)
        return torch.stack([angle.cos(), angle.sin(), speed], -1)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        """The cost of the state that the action was taken in, as in Gymnasium."""
        angle, speed = state.unbind(-1)
        angle = (angle + math.pi) % (2 * math.pi) - math.pi
        torque = action[..., 0].clamp(-MAX_TORQUE, MAX_TORQUE)
        return -(angle.square() + 0.1 * speed.square() + 0.001 * torque.square())

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state[..., 0], dtype=torch.bool)
