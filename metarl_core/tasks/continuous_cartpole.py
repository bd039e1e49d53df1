"""CartPole pushed by a continuous force of hidden strength and sign, which goes on when the pole has fallen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.tasks.cartpole import DEFAULT_PHYSICS, POSITION_LIMIT, CartPole
from metarl_core.tasks.family import Tasks


class ContinuousCartPole(CartPole):
    """Hold a pole upright near the middle with a push a in [−1, 1], clipped to it: `force` · a newtons.

    Tasks and equations of motion are those of `CartPole`; a push of ±1 is its action 1 or 0. Nothing but the time ends
    an episode: a pole that has fallen swings on below the cart, and can be swung up again. The reward is
    ½ (1 + cos θ) exp(−(x / 2.4)²) after the move, 1 for an upright pole in the middle.
    State: (position m, velocity m/s, angle rad, angular velocity rad/s); observation: (x, ẋ, cos θ, sin θ, θ̇).

    Args:
        spread, varying, hidden_sign: as in `CartPole`.
        horizon: time limit in steps.
    """

    def __init__(
        self,
        spread: float = 1.5,
        horizon: int = 200,
        varying: Sequence[str] = tuple(DEFAULT_PHYSICS),
        hidden_sign: bool = False,
    ):
        super().__init__(spread, horizon, varying, hidden_sign)
        limits = np.array([np.inf, np.inf, 1.0, 1.0, np.inf], dtype=np.float32)
        self.observation_space = spaces.Box(-limits, limits, dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        return super().transition(state, (action[..., 0].clamp(-1, 1) + 1) / 2, rng, params)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        position, velocity, angle, turning = state.unbind(-1)
        return torch.stack([position, velocity, angle.cos(), angle.sin(), turning], -1)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return _reward(next_state[..., 0], next_state[..., 2].cos())

    def observed_reward(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """The reward as a function of what is observed, the same in all tasks; shapes as in `reward`."""
        return _reward(next_observation[..., 0], next_observation[..., 2])

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state[..., 0], dtype=torch.bool)


def _reward(position: Tensor, cosine: Tensor) -> Tensor:
    return (1 + cosine) / 2 * (-(position / POSITION_LIMIT).square()).exp()
