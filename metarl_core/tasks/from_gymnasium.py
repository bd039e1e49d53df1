"""A task family made of ordinary Gymnasium environments (MuJoCo, Meta-World, your own)."""

import itertools
from collections.abc import Sequence

import gymnasium
import numpy as np
import torch
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks


class GymnasiumTasks(TaskFamily):
    """Environment constructors as tasks: what works with a functional family works here, step by step.

    The simulators are stateful, so `transition` may be called only on the newest state, as `rollout`
    does; the functions are not pure. The state is the record of the last step: one row
    (observation, reward, terminated) per environment, `[task, episode, observation size + 2]`.

    A task is its `index` in the list of its split.

    Args:
        train, test, ood: for each split, functions that make a fresh environment of one task. All
            environments must share their spaces: a `Box` observation, a `Box` or `Discrete` action.
        horizon: time limit in steps.

    Raises:
        ValueError: for an empty training list, other spaces, or environments whose spaces differ.
    """

    def __init__(self, train: Sequence, test: Sequence = (), ood: Sequence = (), horizon: int = 200):
        if not train:
            raise ValueError("train must list at least one environment, got none.")
        self.makers = [*train, *test, *ood]
        counts = np.cumsum([0, len(train), len(test), len(ood)])
        self.ranges = dict(zip(("train", "test", "ood"), itertools.pairwise(counts), strict=True))
        first = train[0]()
        self.observation_space, self.action_space = first.observation_space, first.action_space
        first.close()
        if not isinstance(self.observation_space, gymnasium.spaces.Box):
            raise ValueError(f"observations must lie in a Box, got {self.observation_space}.")
        if not isinstance(self.action_space, gymnasium.spaces.Box) and getattr(self.action_space, "start", None) != 0:
            raise ValueError(f"actions must lie in a Box or in a Discrete from 0, got {self.action_space}.")
        self._size = int(np.prod(self.observation_space.shape))
        self._environments: dict[tuple[int, int], gymnasium.Env] = {}
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {"index": torch.zeros(1, dtype=torch.int64)}

    def draw_tasks(self, n, generator, split):
        low, high = map(int, self.ranges[split])
        if low == high:
            raise ValueError(f"split must be one that has environments, got the empty {split!r}.")
        return {"index": torch.randint(low, high, (n,), generator=generator)}

    def initial(self, rng, params):
        seeds = torch.randint(2**31 - 1, params["index"].shape, generator=rng)
        state = torch.zeros((*params["index"].shape, self._size + 2))
        for place, env in self._each(params):
            observation, _ = env.reset(seed=int(seeds[place]))
            state[place] = self._row(observation, 0.0, False)
        return state

    def transition(self, state, action, rng, params):
        following = state.clone()
        for place, env in self._each(params):
            if state[place][-1]:  # ended: the row stays as it is
                continue
            observation, reward, terminated, _, _ = env.step(self._action(action[place]))
            following[place] = self._row(observation, reward, terminated)
        return following

    def observation(self, state, rng, params):
        return state[..., :-2].reshape(*state.shape[:2], *self.observation_space.shape)

    def reward(self, state, action, next_state, rng, params):
        return next_state[..., -2]

    def terminal(self, state, rng, params):
        return state[..., -1] > 0

    def close(self) -> None:
        """Close every environment made so far."""
        for env in self._environments.values():
            env.close()
        self._environments.clear()

    def _each(self, params: Tasks):
        """Pairs ((task, episode), environment); environments are made when first needed and kept."""
        index = params["index"]
        used: dict[int, int] = {}
        for place in np.ndindex(*index.shape):
            task = int(index[place])
            copy = used.get(task, 0)
            used[task] = copy + 1
            if (task, copy) not in self._environments:
                self._environments[task, copy] = self._make(task)
            yield place, self._environments[task, copy]

    def _make(self, task: int) -> gymnasium.Env:
        env = self.makers[task]()
        if env.observation_space.shape != self.observation_space.shape or env.action_space != self.action_space:
            raise ValueError(
                f"environment {task} must have spaces like the first, {self.observation_space} and "
                f"{self.action_space}, got {env.observation_space} and {env.action_space}."
            )
        return env

    def _action(self, action: Tensor):
        if isinstance(self.action_space, gymnasium.spaces.Discrete):
            return int(action)
        return action.clamp(*map(torch.as_tensor, (self.action_space.low, self.action_space.high))).numpy()

    def _row(self, observation, reward: float, terminated: bool) -> Tensor:
        values = torch.as_tensor(np.asarray(observation, dtype=np.float32)).flatten()
        return torch.cat([values, torch.tensor([float(reward), float(terminated)])])
