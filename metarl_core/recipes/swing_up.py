"""Exercise of chapter 12: a pendulum that is swung up by planning with its true equations, with planners of all sizes.

Twenty runs take a second: two numbers are a state, and all seeds run side by side, `[seed, ...]`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.planning import CEM, shifted

STEPS, TIME_STEP = 40, 0.1
"""steps of an episode, and seconds of each"""
ROUNDS, ELITE_SHARE = 2, 0.15
PULL, PUSH, FASTEST = 15.0, 6.0, 8.0
"""rad/s², of gravity at right angles and of the strongest push; rad/s. The motor is too weak to lift the pendulum."""


@dataclass(frozen=True, kw_only=True)
class Planner:
    """A search by the cross-entropy method, two rounds a step, with an elite of 15 % and of two at least."""

    horizon: int
    candidates: int
    warm_start: bool
    """whether a search begins with what is left of the plan before it, or with nothing"""

    @property
    def imagined_steps(self) -> int:
        """of one search"""
        return ROUNDS * self.candidates * self.horizon


@torch.no_grad()
def swing_up(planner: Planner, seeds: list[int]) -> Tensor:
    """Mean reward of a step, ½ (1 + cos angle), in one episode for each seed that begins hanging down.

    Args:
        planner: what chooses the pushes; it knows the equations of motion.
        seeds: each with a beginning and candidates of its own, the same whatever the other seeds are.

    Returns:
        float64 `[seed]`, from 0 (hanging) to 1 (upright).
    """
    elites = min(planner.candidates, max(2, round(ELITE_SHARE * planner.candidates)))
    search = CEM(horizon=planner.horizon, candidates=planner.candidates, iterations=ROUNDS, elites=elites)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    begin = torch.stack([0.1 * torch.randn(2, generator=generator) for generator in generators]).double()
    angle, speed = begin[:, 0] + math.pi, begin[:, 1]
    low, plan, rewards = -torch.ones(1, dtype=torch.float64), None, []
    for _ in range(STEPS):
        noise = torch.cat([search.noise((1,), low, generator) for generator in generators], 1)

        def score(plans: Tensor, angle: Tensor = angle, speed: Tensor = speed) -> Tensor:
            angle, speed, total = angle[:, None], speed[:, None], torch.zeros(plans.shape[:2], dtype=plans.dtype)
            for push in plans[..., 0].unbind(-1):
                angle, speed = _move(angle, speed, push)
                total = total + _reward(angle)
            return total

        plan = search.search(score, low, -low, noise, plan if planner.warm_start else None)
        angle, speed = _move(angle, speed, plan[:, 0, 0])
        rewards.append(_reward(angle))
        plan = shifted(plan)
    return torch.stack(rewards, 1).mean(1)


def _move(angle: Tensor, speed: Tensor, push: Tensor) -> tuple[Tensor, Tensor]:
    speed = (speed + TIME_STEP * (PULL * angle.sin() + PUSH * push)).clamp(-FASTEST, FASTEST)
    return angle + TIME_STEP * speed, speed


def _reward(angle: Tensor) -> Tensor:
    return (1 + angle.cos()) / 2
