"""Random tabular MDPs (Duan et al. 2016, 3.2)."""

from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.tasks.draws import rand, randn, stamp_split
from metarl_core.tasks.family import TaskFamily, Tasks

REWARD_STD = 1.0
OOD_POWER = 8


class TabularMDPs(TaskFamily):
    """MDPs with transitions from a flat Dirichlet and mean rewards from Normal(1, 1).

    A task is `transitions` `[S, A, S]` and `reward_means` `[S, A]`; a reward is its mean plus Normal(0, 1)
    noise. Episodes start in state 0. Out of distribution: nearly deterministic transitions (the same
    exponential weights to the 8th power, then normalised) and mean rewards from Normal(−1, 1). The
    observation is the index of the state. The environment state also holds the last reward, so that
    its noise is drawn once.

    Args:
        states, actions: sizes, at least 2 (10 and 5 in the paper).
        horizon: steps per episode (10 in the paper).
    """

    def __init__(self, states: int = 10, actions: int = 5, horizon: int = 10):
        self.states, self.actions = check_count("states", states, 2), check_count("actions", actions, 2)
        self.observation_space = spaces.Discrete(states)
        self.action_space = spaces.Discrete(actions)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return self.draw_tasks(1, torch.Generator("cpu").manual_seed(0), "train")

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        shape = (n, self.states, self.actions)
        # Normalised exponential variables follow the flat Dirichlet distribution; powers of them concentrate.
        weights = torch.empty((*shape, self.states), dtype=dtype, device=generator.device)
        weights = weights.exponential_(generator=generator).clamp_min(1e-12)
        means = 1.0 + torch.randn(shape, generator=generator, dtype=dtype, device=generator.device)
        if split == "ood":
            weights, means = weights**OOD_POWER, means - 2.0
        return {
            "transitions": weights / weights.sum(-1, keepdim=True),
            "reward_means": stamp_split(means, split),
        }

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        batch = params["reward_means"].shape[:2]
        return params["reward_means"].new_zeros((*batch, 2))

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        index = (self._index(state) * self.actions + action)[..., None]
        batch = index.shape[:2]
        rows = params["transitions"].flatten(2, 3)
        probabilities = rows.gather(2, index[..., None].expand(*batch, 1, self.states))[:, :, 0]
        means = params["reward_means"].flatten(2).gather(2, index)[..., 0]
        draw = rand((*batch, 1), rng, means)
        following = (probabilities.cumsum(-1) < draw).sum(-1).clamp_max(self.states - 1)
        reward = means + REWARD_STD * randn(batch, rng, means)
        return torch.stack([following.to(reward.dtype), reward], -1)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self._index(state)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return next_state[..., 1]

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state[..., 0], dtype=torch.bool)

    @staticmethod
    def _index(state: Tensor) -> Tensor:
        return state[..., 0].long()
