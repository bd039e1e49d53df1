"""Controllers designed by hand from the physics: what a task's parameters are worth to one who is told them.

No exact optimum is known in closed form for CartPole and Pendulum. These two are strong references: each is a
policy for `rollout` whose `parameters` say which physics it was designed for.
"""

import numpy as np
import torch
from scipy.linalg import solve_continuous_are
from torch import Tensor

from metarl_core.tasks.family import Tasks
from metarl_core.tasks.pendulum import MAX_TORQUE

STATE_COST = np.diag([1.0, 0.1, 10.0, 0.1])  # of position, velocity, angle, angular velocity
FORCE_COST = np.array([[0.01]])
CATCH_COSINE = 0.9  # the pendulum is caught where it is this close to upright ...
CATCH_TORQUE = 3 * MAX_TORQUE  # ... and the feedback asks for no more than this
STIFFNESS, DAMPING = 16.0, 8.0  # 1/s² and 1/s, of the caught pendulum


def cartpole_gains(tasks: Tasks) -> Tensor:
    """Feedback gains `[task, 4]` of the linear-quadratic regulator for each task's CartPole.

    The equations of motion are linearised about the upright pole at rest; the Riccati equation gives the
    linear feedback that minimises ∫ (s'Qs + 0.01 F²) dt. Push right where gains · state > 0.
    """
    gains = []
    names = ("gravity", "mass_cart", "mass_pole", "length")
    for gravity, cart, pole, length in torch.stack([tasks[name] for name in names], 1).double().tolist():
        mass = cart + pole
        lever = length * (4 / 3 - pole / mass)
        slip = pole * length / mass
        fall = gravity / lever
        dynamics = np.array([[0, 1, 0, 0], [0, 0, -slip * fall, 0], [0, 0, 0, 1], [0, 0, fall, 0]])
        push = np.array([[0], [1 / mass + slip / (mass * lever)], [0], [-1 / (mass * lever)]])
        riccati = solve_continuous_are(dynamics, push, STATE_COST, FORCE_COST)
        gains.append(-(push.T @ riccati / FORCE_COST)[0])
    return torch.from_numpy(np.array(gains)).to(tasks["length"])


class CartPoleController:
    """Push right where gains · state > 0; `parameters["gains"]` is `[task, 4]` (see `cartpole_gains`)."""

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.zeros(shape, device=generator.device)

    def act(self, parameters: Tasks, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        score = (observation * parameters["gains"][:, None]).sum(-1)
        return (score > 0).long(), noise


class PendulumController:
    """Swing up by pumping energy, then hold by linear feedback; `parameters` are the physics it believes in.

    The energy above that of the upright rest is E = ½Iω² + ½mgl(cos θ − 1) with I = ml²/3; a torque along
    −ω·sign(E) drives it to zero (Åström and Furuta 2000). Near the top the torque cancels gravity and adds
    a spring and a damper.
    """

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.zeros(shape, device=generator.device)

    def act(self, parameters: Tasks, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        gravity, mass, length = (parameters[k][:, None] for k in ("gravity", "mass", "length"))
        cosine, sine, speed = observation.unbind(-1)
        inertia = mass * length**2 / 3
        energy = 0.5 * inertia * speed.square() + 0.5 * mass * gravity * length * (cosine - 1)
        direction = torch.where(speed >= 0, 1.0, -1.0).to(speed.dtype)  # at rest, start somewhere
        swing = -direction * energy.sign() * (20 * energy.abs()).clamp_max(MAX_TORQUE)
        angle = torch.atan2(sine, cosine)
        hold = inertia * (-STIFFNESS * angle - DAMPING * speed) - 0.5 * mass * gravity * length * sine
        near = (cosine > CATCH_COSINE) & (hold.abs() < CATCH_TORQUE)
        return torch.where(near, hold, swing)[..., None], noise
