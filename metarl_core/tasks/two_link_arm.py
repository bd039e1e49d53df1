"""A planar arm of two links with a motor in each joint, whose strengths differ from task to task."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_at_least
from metarl_core.tasks.draws import rand
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.physics import check_spread, default_physics, draw_physics

TIME_STEP, SUBSTEPS = 0.05, 5  # seconds between actions, and steps of the integration in between
MAX_SPEED = 4 * math.pi  # radians per second
DEFAULT_PHYSICS = {
    "mass1": 1.0, "mass2": 1.0, "length1": 1.0, "length2": 1.0, "friction": 0.1, "gain1": 4.0, "gain2": 2.0,
}  # fmt: skip
"""kg, m, N·m·s, and N·m for an action of 1 in the first and in the second joint"""


class TwoLinkArm(TaskFamily):
    """Move the tip of an arm to a goal in view; reward minus the distance of the tip after the move.

    A task is one set of physics: each parameter of `varying` times a factor drawn log-uniformly from [1/`spread`,
    `spread`], out of distribution from the bands between `spread` and `spread`² on either side. The links are uniform
    rods; friction acts in each joint against its own speed.
    State: (θ₁, θ₂ rad, ω₁, ω₂ rad/s, goal x, y m), θ₁ from hanging down, θ₂ from the first link; at first the arm rests
    anywhere, and the goal is a place that it can reach at ordinary lengths. Observation: (cos θ₁, sin θ₁, cos θ₂,
    sin θ₂, ω₁, ω₂, tip − goal). Actions: both motors' torques in units of their gains, clipped to [−1, 1].

    Args:
        spread: largest factor by which a parameter may differ from the ordinary task's, above 1.
        horizon: time limit in steps; nothing else ends an episode.
        varying: names of the parameters that vary; the others keep their default.
        gravity: m/s²; 0 for an arm on a table.
    """

    def __init__(
        self,
        spread: float = 1.5,
        horizon: int = 100,
        varying: Sequence[str] = tuple(DEFAULT_PHYSICS),
        gravity: float = 0.0,
    ):
        varying = (varying,) if isinstance(varying, str) else tuple(varying)
        if not varying or set(varying) - set(DEFAULT_PHYSICS):
            raise ValueError(f"varying must name some of {list(DEFAULT_PHYSICS)}, got {list(varying)}.")
        check_at_least("gravity", gravity, 0)
        self.spread, self.varying, self.gravity = check_spread(spread), varying, gravity
        limits = np.array([1, 1, 1, 1, MAX_SPEED, MAX_SPEED, np.inf, np.inf], dtype=np.float32)
        self.observation_space = spaces.Box(-limits, limits, dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), dtype=np.float32)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return default_physics(DEFAULT_PHYSICS)

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        return draw_physics(DEFAULT_PHYSICS, self.varying, self.spread, n, generator, split, dtype)

    def features(self, tasks: Tasks) -> Tensor:
        """Natural logarithm of each parameter's factor to the ordinary task."""
        return torch.stack([(tasks[name] / value).log() for name, value in DEFAULT_PHYSICS.items()], -1)

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        mass = params["mass1"]
        draws = 2 * math.pi * rand((*mass.shape, 4), rng, mass) - math.pi
        reached = tip(draws[..., 2], draws[..., 3], torch.ones_like(mass), torch.ones_like(mass))
        return torch.cat([draws[..., :2], torch.zeros_like(draws[..., :2]), reached], -1)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        """Semi-implicit Euler steps, which keep the energy of an arm without friction near where it was."""
        angles, speeds, goal = state[..., :2], state[..., 2:4], state[..., 4:]
        gains = torch.stack([params["gain1"], params["gain2"]], -1)
        torques = gains * action.clamp(-1, 1)
        masses, lengths = ((params[f"{name}1"], params[f"{name}2"]) for name in ("mass", "length"))
        centres = (lengths[0] / 2, lengths[1] / 2)
        inertias = (masses[0] * lengths[0] ** 2 / 12, masses[1] * lengths[1] ** 2 / 12)
        for _ in range(SUBSTEPS):
            pushed = torques - params["friction"][..., None] * speeds
            turning = accelerations(angles, speeds, pushed, masses, lengths, centres, inertias, self.gravity)
            speeds = (speeds + turning * (TIME_STEP / SUBSTEPS)).clamp(-MAX_SPEED, MAX_SPEED)
            angles = angles + speeds * (TIME_STEP / SUBSTEPS)
        return torch.cat([angles, speeds, goal], -1)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        first, second = state[..., 0], state[..., 1]
        shape = torch.stack([first.cos(), first.sin(), second.cos(), second.sin()], -1)
        return torch.cat([shape, state[..., 2:4], self._offset(state, params)], -1)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(self._offset(next_state, params), dim=-1)
        return -distance

    def observed_reward(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """The reward as a function of what is observed, the same in all tasks; shapes as in `reward`."""
        distance: Tensor = torch.linalg.vector_norm(next_observation[..., 6:], dim=-1)
        return -distance

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state[..., 0], dtype=torch.bool)

    def _offset(self, state: Tensor, params: Tasks) -> Tensor:
        return tip(state[..., 0], state[..., 1], params["length1"], params["length2"]) - state[..., 4:]


def tip(first: Tensor, second: Tensor, length1: Tensor, length2: Tensor) -> Tensor:
    """Where the arm ends, `[..., 2]`; at angles of 0 it hangs straight down."""
    both = first + second
    return torch.stack(
        [length1 * first.sin() + length2 * both.sin(), -length1 * first.cos() - length2 * both.cos()], -1
    )


def accelerations(
    angles: Tensor,
    speeds: Tensor,
    torques: Tensor,
    masses: tuple[Tensor, Tensor],
    lengths: tuple[Tensor, Tensor],
    centres: tuple[Tensor, Tensor],
    inertias: tuple[Tensor, Tensor],
    gravity: float,
) -> Tensor:
    """Angular accelerations of two links, `[..., 2]` (Sutton and Barto 2018, example 11.3, with two motors).

    Args:
        angles, speeds, torques: of both joints, `[..., 2]`.
        masses, lengths: of both links.
        centres: distance of each link's centre of mass from its joint.
        inertias: moment of inertia of each link about its centre of mass.
        gravity: m/s².
    """
    first, second = angles.unbind(-1)
    (m1, m2), (l1, _), (c1, c2), (i1, i2) = masses, lengths, centres, inertias
    bend = m2 * l1 * c2 * second.cos()
    d11 = m1 * c1**2 + m2 * (l1**2 + c2**2) + 2 * bend + i1 + i2
    d12 = m2 * c2**2 + bend + i2
    d22 = m2 * c2**2 + i2
    swing = m2 * l1 * c2 * second.sin()
    weight2 = m2 * c2 * gravity * (first + second).sin()
    weight1 = (m1 * c1 + m2 * l1) * gravity * first.sin() + weight2
    omega1, omega2 = speeds.unbind(-1)
    push1 = torques[..., 0] + swing * omega2 * (omega2 + 2 * omega1) - weight1
    push2 = torques[..., 1] - swing * omega1.square() - weight2
    determinant = d11 * d22 - d12**2
    return torch.stack([(d22 * push1 - d12 * push2) / determinant, (d11 * push2 - d12 * push1) / determinant], -1)
