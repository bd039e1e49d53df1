"""CartPole whose physics vary from task to task; equal to Gymnasium's CartPole-v1 at default physics."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.tasks.draws import rand, uniform
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.physics import check_spread, default_physics, draw_physics

TIME_STEP = 0.02  # seconds
ANGLE_LIMIT = 12 * 2 * math.pi / 360  # radians
POSITION_LIMIT = 2.4  # metres

DEFAULT_PHYSICS = {"gravity": 9.8, "mass_cart": 1.0, "mass_pole": 0.1, "length": 0.5, "force": 10.0}
"""m/s², kg, kg, half the pole's length in m, N: the physics of CartPole-v1 (Barto et al. 1983)."""


class CartPole(TaskFamily):
    """Balance a pole on a cart by pushing left (0) or right (1); reward 1 per step.

    A task is one set of physics. Train and test tasks multiply each default parameter by a factor
    drawn log-uniformly from [1/`spread`, `spread`]; out-of-distribution tasks from
    [`spread`, `spread`²] or its mirror image [1/`spread`², 1/`spread`].

    State and observation: (position m, velocity m/s, angle rad, angular velocity rad/s). It is stored
    component by component (`[4, task, episode]` in memory, seen as `[task, episode, 4]`), so that
    every operation runs over contiguous numbers.

    Args:
        spread: largest factor by which a parameter may differ from CartPole-v1, above 1.
        horizon: time limit in steps.
        varying: names of the parameters that vary; the others keep their default.
        hidden_sign: in half of the tasks the force is negative: action 0 pushes right and action 1 left. In the
            same state two tasks then ask for opposite actions.
    """

    def __init__(
        self,
        spread: float = 2.0,
        horizon: int = 500,
        varying: Sequence[str] = tuple(DEFAULT_PHYSICS),
        hidden_sign: bool = False,
    ):
        varying = (varying,) if isinstance(varying, str) else tuple(varying)
        if not varying or set(varying) - set(DEFAULT_PHYSICS):
            raise ValueError(f"varying must name some of {list(DEFAULT_PHYSICS)}, got {list(varying)}.")
        self.spread, self.varying, self.hidden_sign = check_spread(spread), varying, hidden_sign
        limits = np.array([2 * POSITION_LIMIT, np.inf, 2 * ANGLE_LIMIT, np.inf], dtype=np.float32)
        self.observation_space = spaces.Box(-limits, limits, dtype=np.float32)
        self.action_space = spaces.Discrete(2)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return default_physics(DEFAULT_PHYSICS)

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        tasks = draw_physics(DEFAULT_PHYSICS, self.varying, self.spread, n, generator, split, dtype)
        if self.hidden_sign:
            mirrored = uniform((n,), 0.0, 1.0, generator, dtype) < 0.5
            tasks["force"] = torch.where(mirrored, -tasks["force"], tasks["force"])
        return tasks

    def features(self, tasks: Tasks) -> Tensor:
        """Natural logarithm of each parameter's factor to CartPole-v1, and the sign of the force."""
        factors = [(tasks[name] / value).abs().log() for name, value in DEFAULT_PHYSICS.items()]
        return torch.stack([*factors, tasks["force"].sign()], -1)

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        draws = rand((4, *params["gravity"].shape), rng, params["gravity"])
        return draws.sub_(0.5).mul_(0.1).movedim(0, -1)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        """Euler step of the equations of motion (Florian 2007)."""
        x, x_dot, theta, theta_dot = state.unbind(-1)
        total_mass = params["mass_cart"] + params["mass_pole"]
        lever = params["mass_pole"] * params["length"] / total_mass
        force = 2 * params["force"] * action - params["force"]  # action 0 or 1: −force or force
        sin, cos = theta.sin(), theta.cos()
        push = force / total_mass + lever * theta_dot.square() * sin
        theta_acc = (params["gravity"] * sin - push * cos) / (4 / 3 * params["length"] - lever * cos.square())
        x_acc = push - lever * theta_acc * cos
        velocity = torch.stack([x_dot, x_acc, theta_dot, theta_acc])
        return state.add(velocity.movedim(0, -1), alpha=TIME_STEP)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.ones_like(state[..., 0])

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return (state[..., 0].abs() > POSITION_LIMIT) | (state[..., 2].abs() > ANGLE_LIMIT)
