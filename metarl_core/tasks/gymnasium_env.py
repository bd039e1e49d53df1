"""A task family as ordinary Gymnasium environments: one task, or a vector of tasks × episodes."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks, check_action, check_horizon, expand_tasks
from metarl_core.tasks.from_gymnasium import GymnasiumTasks


class TaskEnv(gymnasium.Env):
    """One task of a family as a `gymnasium.Env`; its time limit is the family's horizon.

    Args:
        family: the family.
        task: the task's parameters, with a task axis of size one or without it; the family's
            ordinary task by default.
    """

    metadata = {"render_modes": []}

    def __init__(self, family: TaskFamily, task: Mapping | None = None):
        self.family = family
        self.observation_space, self.action_space = family.observation_space, family.action_space
        self.task = _as_tasks(family, task)
        if family.check_tasks(self.task) != 1:
            raise ValueError(f"task must be one task, got {family.check_tasks(self.task)}.")
        self._params = expand_tasks(self.task, 1)
        self._generator = torch.Generator()
        self._state = None

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        if seed is not None or self._state is None:
            self._generator.manual_seed(int(self.np_random.integers(2**63)))
        self._state = self.family.initial(self._generator, self._params)
        self._steps = 0
        observation = self.family.observation(self._state, self._generator, self._params)
        return _single_to_numpy(observation, self.observation_space), {}

    def step(self, action):
        if self._state is None:
            raise ValueError("reset() must be called before the first step().")
        tensor = _action_to_tensor(action, self.action_space, self._state, (1, 1))
        self._state, observation, reward, terminated = self.family.step(
            self._state, tensor, self._generator, self._params
        )
        self._steps += 1
        truncated = not bool(terminated) and self._steps >= self.family.horizon
        return _single_to_numpy(observation, self.observation_space), float(reward), bool(terminated), truncated, {}


class TaskVectorEnv(gymnasium.vector.VectorEnv):
    """Many tasks × episodes of a family as one `gymnasium.vector.VectorEnv`.

    Environment i runs task i // (num_envs / number of tasks). Next-step autoreset, Gymnasium's
    default: the step after an episode's end ignores the action, resets and pays 0.

    The family computes in tensors; which episodes have ended is kept in NumPy, whose small operations
    cost less. What `step` and `reset` return are copies that the caller may change.

    Args:
        family: the family, of pure functions (`GymnasiumTasks` is stateful: make its environments a
            vector with `gymnasium.make_vec`).
        num_envs: number of environments, a multiple of the number of tasks.
        tasks: parameters `[task, ...]`; the family's ordinary task by default.
        max_episode_steps: time limit; the family's horizon by default.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, family: TaskFamily, num_envs: int, tasks: Mapping | None = None, max_episode_steps=None):
        if isinstance(family, GymnasiumTasks):
            raise ValueError("family must have pure functions, got GymnasiumTasks, which is stateful.")
        self.family = family
        self.tasks = _as_tasks(family, tasks)
        number = family.check_tasks(self.tasks)
        if num_envs < 1 or num_envs % number:
            raise ValueError(f"num_envs must be a positive multiple of the number of tasks {number}, got {num_envs}.")
        self.num_envs = num_envs
        self.horizon = family.horizon if max_episode_steps is None else check_horizon(max_episode_steps)
        self.single_observation_space, self.single_action_space = family.observation_space, family.action_space
        self.observation_space = batch_space(family.observation_space, num_envs)
        self.action_space = batch_space(family.action_space, num_envs)
        self._batch = (number, num_envs // number)
        self._params = expand_tasks(self.tasks, self._batch[1])
        self._generator = torch.Generator()
        self._state = None

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        if seed is not None or self._state is None:
            self._generator.manual_seed(int(self.np_random.integers(2**63)))
        self._state = self.family.initial(self._generator, self._params)
        self._steps = np.zeros(self._batch, dtype=np.int32)
        self._finished = np.zeros(self._batch, dtype=bool)
        self._fresh, self._used = self._state, np.ones(self._batch, dtype=bool)
        return self._to_numpy(self.family.observation(self._state, self._generator, self._params)), {}

    @torch.inference_mode()
    def step(self, actions):
        if self._state is None:
            raise ValueError("reset() must be called before the first step().")
        family, generator, params = self.family, self._generator, self._params
        action = _action_to_tensor(actions, self.single_action_space, self._state, self._batch)
        check_action(self.single_action_space, action, self._batch)
        state = family.transition(self._state, action, generator, params)
        reward = family.reward(self._state, action, state, generator, params).numpy().copy()
        terminated = family.terminal(state, generator, params).numpy()
        self._steps += 1
        ended = self._finished.nonzero()
        if len(ended[0]):
            state = self._restarted(state, ended)
            reward[ended], terminated[ended], self._steps[ended] = 0, False, 0
        truncated = (self._steps >= self.horizon) & ~terminated
        self._state, self._finished = state, terminated | truncated
        observation = self._to_numpy(family.observation(state, generator, params))
        return observation, reward.reshape(-1), terminated.reshape(-1), truncated.reshape(-1), {}

    def state_dict(self) -> dict[str, Any]:
        """All that the steps to come depend on, for a checkpoint (`metarl_core.training.Stateful`).

        Raises:
            ValueError: before the first `reset`.
        """
        if self._state is None:
            raise ValueError("reset() must be called before state_dict().")
        arrays = (self._steps, self._finished, self._used)
        steps, finished, used = (torch.from_numpy(array.copy()) for array in arrays)
        return {
            "state": self._state.clone(),
            "fresh": self._fresh.clone(),
            "steps": steps,
            "finished": finished,
            "used": used,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on where the environments stood when `state_dict` was called; they must be of the same tasks."""
        device = self._generator.device
        self._state, self._fresh = (state_dict[name].to(device, copy=True) for name in ("state", "fresh"))
        self._steps, self._finished, self._used = (
            state_dict[name].numpy().copy() for name in ("steps", "finished", "used")
        )
        self._generator.set_state(state_dict["generator"])

    def _restarted(self, state: Tensor, ended: tuple[np.ndarray, np.ndarray]) -> Tensor:
        """`state` with initial states at the index `ended`: drawn for the whole batch, each handed out once."""
        if self._used[ended].any():
            self._fresh = self.family.initial(self._generator, self._params)
            self._used[:] = False
        self._used[ended] = True
        state = state.clone()
        state.numpy()[ended] = self._fresh.numpy()[ended]
        return state

    def _to_numpy(self, observation: Tensor) -> np.ndarray:
        array = observation.reshape(self.num_envs, *observation.shape[2:]).numpy()
        return array.astype(self.observation_space.dtype)


def _as_tasks(family: TaskFamily, tasks: Mapping | None) -> Tasks:
    """Tensors of the dtypes of the family's ordinary task; a missing task axis is added."""
    if tasks is None:
        return family.default_params
    converted = {}
    for name, value in tasks.items():
        like = family.default_params.get(name)
        value = torch.as_tensor(value)
        if like is not None:
            if value.dtype != torch.float64 or not like.is_floating_point():
                value = value.to(like.dtype)
            value = value[None] if value.ndim == like.ndim - 1 else value
        converted[name] = value
    return converted


def _action_to_tensor(action, space, state: Tensor, batch: tuple[int, int]) -> Tensor:
    """`action` of one environment or a flat batch as a tensor `[task, episode, ...]`: int64, or of `state`'s dtype."""
    array = np.asarray(action)
    count = batch[0] * batch[1]
    expected = space.shape if array.shape == space.shape and count == 1 else (count, *space.shape)
    if array.shape != expected:
        raise ValueError(f"action must have shape {list(expected)}, got {list(array.shape)}.")
    tensor = torch.from_numpy(np.ascontiguousarray(array)).reshape(*batch, *space.shape)
    if isinstance(space, gymnasium.spaces.Discrete):
        return tensor if tensor.is_floating_point() else tensor.long()  # floats are for check_action to refuse
    return tensor.to(state.dtype)


def _single_to_numpy(observation: Tensor, space):
    """The observation of a 1 × 1 batch as an element of `space`."""
    array = observation[0, 0].numpy()
    return np.int64(array) if isinstance(space, gymnasium.spaces.Discrete) else array.astype(space.dtype)
