"""A pendulum with friction and a motor of hidden strength and sign; Gymnasium's Pendulum-v1 without friction."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from metarl_core.tasks.draws import uniform
from metarl_core.tasks.family import Tasks
from metarl_core.tasks.pendulum import MAX_SPEED, MAX_TORQUE, TIME_STEP, Pendulum
from metarl_core.tasks.physics import default_physics, draw_physics

DEFAULT_PHYSICS = {"gravity": 10.0, "mass": 1.0, "length": 1.0, "friction": 0.05, "gain": 1.0}
"""m/s², kg, m, N·m·s, and the motor's torque for each unit of action"""


class DampedPendulum(Pendulum):
    """`Pendulum` with friction at its joint, −friction · speed, and a motor whose torque is gain · action.

    The action is clipped to ±2 before it is multiplied. Tasks, state, observation and reward are otherwise those of
    `Pendulum`; with friction 0 and gain 1 it is Pendulum-v1.

    Args:
        spread: largest factor by which a parameter may differ from the ordinary task's, above 1.
        horizon: time limit in steps.
        varying: names of the parameters that vary; the others keep their default.
        hidden_sign: in half of the tasks the gain is negative: the motor turns the other way.
    """

    def __init__(
        self,
        spread: float = 1.5,
        horizon: int = 200,
        varying: Sequence[str] = tuple(DEFAULT_PHYSICS),
        hidden_sign: bool = False,
    ):
        varying = (varying,) if isinstance(varying, str) else tuple(varying)
        if not varying or set(varying) - set(DEFAULT_PHYSICS):
            raise ValueError(f"varying must name some of {list(DEFAULT_PHYSICS)}, got {list(varying)}.")
        self.varying, self.hidden_sign = varying, hidden_sign
        super().__init__(spread, horizon)

    def get_default_params(self) -> Tasks:
        return default_physics(DEFAULT_PHYSICS)

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        tasks = draw_physics(DEFAULT_PHYSICS, self.varying, self.spread, n, generator, split, dtype)
        if self.hidden_sign:
            reversed_motor = uniform((n,), 0.0, 1.0, generator, dtype) < 0.5
            tasks["gain"] = torch.where(reversed_motor, -tasks["gain"], tasks["gain"])
        return tasks

    def features(self, tasks: Tasks) -> Tensor:
        """Natural logarithm of each parameter's factor to the ordinary task, and the sign of the gain."""
        factors = [(tasks[name] / value).abs().log() for name, value in DEFAULT_PHYSICS.items()]
        return torch.stack([*factors, tasks["gain"].sign()], -1)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        angle, speed = state.unbind(-1)
        torque = params["gain"] * action[..., 0].clamp(-MAX_TORQUE, MAX_TORQUE) - params["friction"] * speed
        pull = 3 * params["gravity"] / (2 * params["length"]) * angle.sin()
        speed = speed + (pull + 3.0 / (params["mass"] * params["length"] ** 2) * torque) * TIME_STEP
        speed = speed.clamp(-MAX_SPEED, MAX_SPEED)
        return torch.stack([angle + speed * TIME_STEP, speed], -1)

    def observed_reward(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """The reward as a function of what is observed, the same in all tasks; shapes as in `reward`."""
        cosine, sine, speed = observation.unbind(-1)
        return self.reward(torch.stack([torch.atan2(sine, cosine), speed], -1), action, next_observation, None, {})
