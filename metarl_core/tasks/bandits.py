"""Bernoulli bandits: the smallest tasks in which exploration must be learned (Duan et al. 2016, 3.1)."""

from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.tasks.draws import rand, stamp_split, uniform
from metarl_core.tasks.family import TaskFamily, Tasks


class BernoulliBandits(TaskFamily):
    """Pull one of `arms` arms per step; arm i pays 1 with probability `means[i]`, else 0.

    A task is the vector of means `[arms]`, each uniform on [0, 1). Out of distribution: one arm pays
    with 0.9 and all others with 0.1, in a random order, so that greed is punished less and search
    rewarded more than under the uniform prior. The observation says nothing: always 0.

    The state is the reward of the last pull, so that the draw is made once, in `transition`.

    Args:
        arms: number of arms, at least 2.
        horizon: pulls per episode.
    """

    def __init__(self, arms: int = 5, horizon: int = 100):
        self.arms = check_count("arms", arms, 2)
        self.observation_space = spaces.Discrete(1)
        self.action_space = spaces.Discrete(arms)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {"means": torch.linspace(0.1, 0.9, self.arms, device="cpu")[None]}

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        if split == "ood":
            device = generator.device
            best = torch.randint(self.arms, (n,), generator=generator, device=device)
            means = torch.full((n, self.arms), 0.1, dtype=dtype, device=device)
            return {"means": means.scatter_(1, best[:, None], 0.9)}
        return {"means": stamp_split(uniform((n, self.arms), 0.0, 1.0, generator, dtype), split)}

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        return torch.zeros_like(params["means"][..., 0])

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        chosen = params["means"].gather(-1, action[..., None])[..., 0]
        return (rand(chosen.shape, rng, chosen) < chosen).to(chosen.dtype)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state, dtype=torch.int64)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return next_state

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return torch.zeros_like(state, dtype=torch.bool)

    def optimal_action(self, observation: Tensor, tasks: Tasks) -> Tensor:
        """The best arm of the task (the oracle that knows the means), shaped like `observation`."""
        return tasks["means"].argmax(-1).expand(observation.shape)
