"""2-D point navigation to a hidden goal, the standard testbed of gradient-based meta-RL (Finn et al. 2017, 5.3)."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_one_of, check_positive
from metarl_core.tasks.draws import stamp_split, uniform
from metarl_core.tasks.family import TaskFamily, Tasks

REWARDS = ("distance", "squared", "sparse")
MAX_STEP = 0.1  # longest move per axis and step


class PointNavigation(TaskFamily):
    """Walk from the origin to a goal that the observation does not show.

    A task is the goal `[2]`: uniform in the square of half-width `half_width`, out of distribution in
    the ring between that square and the one twice as wide. State and observation: position `[2]`.
    An action moves the point by at most 0.1 per axis.

    Args:
        reward: "distance": minus the distance to the goal after the step (the released code of the
            MAML paper); "squared": minus its square (the paper's text); "sparse": 1 within
            `goal_radius` of the goal and 0 elsewhere.
        normalised_actions: actions in [-1, 1] are scaled to a move of 0.1 (the released code's
            `normalize`); otherwise an action is the move itself. Both are clipped.
        terminate_at_goal: end the episode when both coordinates are within 0.01 of the goal (released code);
            never with the sparse reward, which pays for staying.
        horizon: time limit in steps.
        half_width: goals lie in [-half_width, half_width]² (0.5 in the paper).
        goal_radius: radius that the sparse reward pays in.
    """

    def __init__(
        self,
        reward: str = "distance",
        normalised_actions: bool = True,
        terminate_at_goal: bool = True,
        horizon: int = 100,
        half_width: float = 0.5,
        goal_radius: float = 0.1,
    ):
        check_one_of("reward", reward, REWARDS)
        check_positive("half_width", half_width)
        check_positive("goal_radius", goal_radius)
        self.reward_kind, self.terminate_at_goal = reward, terminate_at_goal and reward != "sparse"
        self.half_width, self.goal_radius = half_width, goal_radius
        self.action_bound = 1.0 if normalised_actions else MAX_STEP
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), dtype=np.float32)
        self.action_space = spaces.Box(-self.action_bound, self.action_bound, (2,), dtype=np.float32)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {"goal": torch.tensor([[0.3, 0.4]], device="cpu") * (self.half_width / 0.5)}

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        inner, outer = (0.0, 1.0) if split != "ood" else (1.0, 2.0)
        # The larger coordinate of a uniform draw from a square ring has a linear density; its square is uniform.
        largest = uniform((n,), inner**2, outer**2, generator, dtype).sqrt()
        other = largest * uniform((n,), -1.0, 1.0, generator, dtype)
        largest = torch.where(uniform((n,), 0.0, 1.0, generator, dtype) < 0.5, largest, -largest)
        swap = uniform((n,), 0.0, 1.0, generator, dtype) < 0.5
        goal = torch.stack([torch.where(swap, other, largest), torch.where(swap, largest, other)], -1)
        return {"goal": stamp_split(goal * self.half_width, split)}

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        return torch.zeros_like(params["goal"])

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        bound = self.action_bound
        return state.add(action.clamp(-bound, bound), alpha=MAX_STEP / bound)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        offset = next_state - params["goal"]
        if self.reward_kind == "squared":
            return -offset.square().sum(-1)
        distance: Tensor = torch.linalg.vector_norm(offset, dim=-1)
        if self.reward_kind == "distance":
            return -distance
        return (distance <= self.goal_radius).to(state.dtype)

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        if not self.terminate_at_goal:
            return torch.zeros_like(state[..., 0], dtype=torch.bool)
        return ((state - params["goal"]).abs() < 0.01).all(-1)

    def optimal_action(self, observation: Tensor, tasks: Tasks) -> Tensor:
        """The straight walk: as far towards the goal as one step allows, per axis.

        Each coordinate comes as close to the goal as any policy could bring it by then, so this
        is the exact optimum for each of the three rewards.
        """
        move = (tasks["goal"] - observation).clamp(-MAX_STEP, MAX_STEP)
        return move * (self.action_bound / MAX_STEP)
