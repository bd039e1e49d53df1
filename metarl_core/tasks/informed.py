"""Tell the agent its task: the upper bound for every method that has to find it out."""

import numpy as np
import torch
from gymnasium import spaces

from metarl_core.tasks.family import TaskFamily


class InformedTasks(TaskFamily):
    """A family whose observation also shows the task, as the numbers of `family.features`.

    One network for all tasks can then be optimal in each. What separates a learner from such a network is the
    price of not being told.

    Args:
        family: with `Discrete` or one-dimensional `Box` observations.

    Raises:
        ValueError: for other observations.
    """

    def __init__(self, family: TaskFamily):
        space = family.observation_space
        discrete = isinstance(space, spaces.Discrete)
        if not discrete and not (isinstance(space, spaces.Box) and len(space.shape) == 1):
            raise ValueError(f"family must have Discrete or one-dimensional Box observations, got {space}.")
        self.family, self._cells = family, int(space.n) if discrete else None
        size = self._cells if discrete else space.shape[0]
        shown = family.features({name: value[:1] for name, value in family.default_params.items()}).shape[-1]
        self.observation_space = spaces.Box(-np.inf, np.inf, (size + shown,), dtype=np.float32)
        self.action_space = family.action_space
        super().__init__(family.horizon)

    def get_default_params(self):
        return self.family.get_default_params()

    def check_tasks(self, tasks):
        return self.family.check_tasks(tasks)

    def draw_tasks(self, n, generator, split):
        return self.family.draw_tasks(n, generator, split)

    def features(self, params):
        return self.family.features(params)

    def initial(self, rng, params):
        return self.family.initial(rng, params)

    def transition(self, state, action, rng, params):
        return self.family.transition(state, action, rng, params)

    def observation(self, state, rng, params):
        seen = self.family.observation(state, rng, params)
        if self._cells is not None:
            seen = torch.nn.functional.one_hot(seen, self._cells)
        shown = self.family.features(params)
        return torch.cat([seen.to(shown.dtype), shown], -1)

    def reward(self, state, action, next_state, rng, params):
        return self.family.reward(state, action, next_state, rng, params)

    def terminal(self, state, rng, params):
        return self.family.terminal(state, rng, params)
