"""Tell the agent its task: the upper bound for every method that has to find it out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks


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
        if not isinstance(family, TaskFamily):
            raise ValueError(f"family must be a TaskFamily, got {family!r}.")
        space = family.observation_space
        self._cells = int(space.n) if isinstance(space, spaces.Discrete) else None
        if self._cells is None and not (isinstance(space, spaces.Box) and len(space.shape) == 1):
            raise ValueError(f"family must have Discrete or one-dimensional Box observations, got {space}.")
        self.family, self.pure = family, family.pure
        size = (space.shape or (0,))[0] if self._cells is None else self._cells
        shown = family.features({name: value[:1] for name, value in family.default_params.items()}).shape[-1]
        self.observation_space = spaces.Box(-np.inf, np.inf, (size + shown,), dtype=np.float32)
        self.action_space = family.action_space
        super().__init__(family.horizon)

    def get_default_params(self) -> Tasks:
        return self.family.get_default_params()

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        return self.family.check_tasks(tasks)

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        return self.family.draw_tasks(n, generator, split, *([] if dtype is None else [dtype]))

    def features(self, tasks: Tasks) -> Tensor:
        return self.family.features(tasks)

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        return self.family.initial(rng, params)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self.family.transition(state, action, rng, params)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        seen = self.family.observation(state, rng, params)
        if self._cells is not None:
            seen = torch.nn.functional.one_hot(seen, self._cells)
        shown = self.family.features(params)
        shown = shown if shown.is_floating_point() else shown.to(torch.get_default_dtype())
        return torch.cat([seen.to(shown.dtype), shown], -1)

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self.family.reward(state, action, next_state, rng, params)

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self.family.terminal(state, rng, params)

    def truncated(self, state: Tensor, rng: Any, params: Tasks) -> Tensor | None:
        return self.family.truncated(state, rng, params)
