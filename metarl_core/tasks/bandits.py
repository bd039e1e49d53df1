"""Bernoulli bandits: the smallest tasks in which exploration must be learned (Duan et al. 2016, 3.1)."""

import torch
from gymnasium import spaces

from metarl_core.tasks.family import TaskFamily, Tasks, stamp_split, uniform


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
        if arms < 2:
            raise ValueError(f"arms must be at least 2, got {arms}.")
        self.arms = arms
        self.observation_space = spaces.Discrete(1)
        self.action_space = spaces.Discrete(arms)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {"means": torch.linspace(0.1, 0.9, self.arms)[None]}

    def draw_tasks(self, n, generator, split):
        if split == "ood":
            best = torch.randint(self.arms, (n,), generator=generator)
            return {"means": torch.full((n, self.arms), 0.1).scatter_(1, best[:, None], 0.9)}
        return {"means": stamp_split(uniform((n, self.arms), 0.0, 1.0, generator), split)}

    def initial(self, rng, params):
        return torch.zeros_like(params["means"][..., 0])

    def transition(self, state, action, rng, params):
        chosen = params["means"].gather(-1, action[..., None])[..., 0]
        return (torch.rand(chosen.shape, generator=rng, dtype=chosen.dtype) < chosen).to(chosen.dtype)

    def observation(self, state, rng, params):
        return torch.zeros(state.shape, dtype=torch.int64)

    def reward(self, state, action, next_state, rng, params):
        return next_state

    def terminal(self, state, rng, params):
        return torch.zeros(state.shape, dtype=torch.bool)

    def optimal_action(self, observation, params):
        """The best arm of the task (the oracle that knows the means), shaped like `observation`."""
        return params["means"].argmax(-1).expand(observation.shape)
