"""Cheetah and ant: how fast, or which way, is the task. The bodies are Gymnasium's v5, stepped many at once."""

import math
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_count, check_one_of
from metarl_core.tasks.draws import rand, randn, stamp_split, uniform
from metarl_core.tasks.extras import missing_extra
from metarl_core.tasks.family import TaskFamily, Tasks


class Body(NamedTuple):
    """What one body's rewards are made of, as in the released code of the MAML paper where nothing else is said."""

    hidden: int
    """the first coordinates, which say where the body is and are not observed"""
    fastest: tuple[float, float]
    """train and test velocities go up to the first of these, those out of distribution from there to the second"""
    effort: float
    """weight of the sum of squared actions"""
    bonus: dict[str, float]
    """added at each step, by goal"""


BODIES = {
    "HalfCheetah": Body(1, (2.0, 3.0), 0.05, {"velocity": 0.0, "direction": 0.0}),
    "Ant": Body(2, (3.0, 4.0), 0.005, {"velocity": 1.05, "direction": 0.05}),
}
GOALS = ("velocity", "direction")


class Locomotion(TaskFamily):
    """Run at a hidden velocity, or in a hidden direction (Finn et al. 2017, section 5.3).

    The body is that of `HalfCheetah-v5` or `Ant-v5`: model, frames per step and noise at the start are read from
    Gymnasium. All tasks and episodes are one call of `mujoco.rollout`. State: time, positions and velocities
    `[task, episode, ...]`, float64 whatever the tasks' dtype; the functions are pure, since the solver starts afresh at
    each step. (Gymnasium's starts from the step before, so that the two agree to the solver's tolerance, and drift
    apart with every contact.)

    Reward of a step with velocity v (in metres per second, the change of position over the time between actions):

    - velocity: −|v_x − goal|, goals uniform in [0, 2] (cheetah) or [0, 3] (ant); out of distribution the next 1 m/s.
    - direction, cheetah: ±v_x. There are two tasks and so no others to hold out: only the split "train" can be drawn,
      and a result on it is one on training tasks, as in the paper.
    - direction, ant: v along an angle, in the forward half of the plane (|angle| < π/2), out of distribution in the
      backward half. The paper's ant has two directions.

    minus 0.05 (cheetah) or 0.005 (ant) times the sum of squared actions, and for the ant plus 0.05, with a velocity
    1.05. An ant whose torso is not between 0.2 and 1 m high is terminated.

    What differs from others of the same name:

    - Gymnasium's own v5 rewards are v_x − 0.1·|a|² (cheetah) and v_x + 1 − 0.5·|a|² − contact cost (ant).
      Cheetah-v5 is v4 in all that counts here.
    - Ant: since v5 the contact forces of 13 bodies are observed and always paid for, and the bonus of health is paid
      only to the healthy. Here forces are neither observed nor paid for, which is v4's default. Velocity is that of
      the torso's coordinate; v5's reward takes one that lags by a part of a step.
    - The paper's code (rllab, an older MuJoCo) observes the torso's centre of mass too, and counts its velocity.

    Args:
        body: "HalfCheetah" or "Ant".
        goal: "velocity" or "direction".
        horizon: time limit in steps (200 in the paper; 1000 in Gymnasium).
        threads: of MuJoCo, which changes no number.

    Raises:
        ModuleNotFoundError: where MuJoCo is not installed.
        ValueError: for another body or goal.
    """

    def __init__(self, body: str = "HalfCheetah", goal: str = "velocity", horizon: int = 200, threads: int = 1):
        check_one_of("body", body, BODIES)
        check_one_of("goal", goal, GOALS)
        check_count("threads", threads)
        self.body, self.goal, self._body = body, goal, BODIES[body]
        try:
            from mujoco import MjData, rollout

            made = gymnasium.make(f"{body}-v5").unwrapped
        except ImportError as error:
            raise missing_extra("Locomotion", "mujoco") from error
        self._model, self._rollout = made.model, rollout.rollout  # type: ignore[attr-defined]
        self._data = [MjData(self._model) for _ in range(threads)]
        self.frames, self.seconds = int(made.frame_skip), float(made.dt)  # type: ignore[attr-defined]
        self._start, self._noise = torch.from_numpy(made.init_qpos.copy()), float(made._reset_noise_scale)  # type: ignore[attr-defined]
        made.close()
        positions, velocities = self._model.nq, self._model.nv
        self._positions = slice(1, 1 + positions)
        self._velocities = slice(1 + positions, 1 + positions + velocities)
        size = positions - self._body.hidden + velocities
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (self._model.nu,), dtype=np.float32)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        value = 1.0 if self.goal == "velocity" or self.body == "HalfCheetah" else 0.0
        return {self.goal: torch.tensor([value], device="cpu")}

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        if self.goal == "velocity":
            middle, end = self._body.fastest
            low, high = (middle, end) if split == "ood" else (0.0, middle)
            return {"velocity": stamp_split(uniform((n,), low, high, generator, dtype), split)}
        if self.body == "HalfCheetah":
            if split != "train":
                raise ValueError(f"split must be 'train', for a cheetah has two directions in all, got {split!r}.")
            return {"direction": uniform((n,), -1.0, 1.0, generator, dtype).sign()}
        angle = uniform((n,), -math.pi / 2, math.pi / 2, generator, dtype)
        return {"direction": stamp_split(angle, split) if split != "ood" else angle + math.pi}

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        goal = params[self.goal]
        like = torch.empty(0, dtype=torch.float64, device=goal.device)
        position = self._start.to(goal.device) + self._noise * (2 * rand((*goal.shape, self._model.nq), rng, like) - 1)
        velocity = self._noise * randn((*goal.shape, self._model.nv), rng, like)
        return torch.cat([torch.zeros_like(position[..., :1]), position, velocity], -1)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        flat = state.detach().flatten(0, -2).cpu().numpy()
        control = action.detach().clamp(-1, 1).flatten(0, -2).cpu().double().numpy()[:, None]
        moved, _ = self._rollout(self._model, self._data, np.ascontiguousarray(flat), control, nstep=self.frames)
        return torch.from_numpy(moved[:, -1].copy()).to(state.device).reshape(state.shape)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state[..., 1 + self._body.hidden :].to(params[self.goal].dtype)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        goal = params[self.goal]
        moved = (next_state - state)[..., 1:3] / self.seconds
        if self.goal == "velocity":
            reached = -(moved[..., 0] - goal).abs()
        elif self.body == "HalfCheetah":
            reached = moved[..., 0] * goal
        else:
            reached = moved[..., 0] * goal.cos() + moved[..., 1] * goal.sin()
        effort = self._body.effort * action.clamp(-1, 1).square().sum(-1)
        return (reached - effort + self._body.bonus[self.goal]).to(goal.dtype)

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        if self.body == "HalfCheetah":
            return torch.zeros_like(state[..., 0], dtype=torch.bool)
        height = state[..., 3]
        return ~(state.isfinite().all(-1) & (height >= 0.2) & (height <= 1.0))
