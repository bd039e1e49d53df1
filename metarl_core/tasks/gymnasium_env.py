"""A task family as ordinary Gymnasium environments: one task, or a vector of tasks × episodes."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.tasks.checks import check_action, check_horizon
from metarl_core.tasks.family import GivenTasks, TaskFamily, Tasks, expand_tasks


class TaskEnv(gymnasium.Env[Any, Any]):
    """One task of a family as a `gymnasium.Env`; its time limit is the family's horizon.

    Args:
        family: the family.
        task: the task's parameters, with a task axis of size one or without it; the family's
            ordinary task by default.
    """

    metadata = {"render_modes": []}

    def __init__(self, family: TaskFamily, task: GivenTasks | None = None):
        check_family(family)
        self.family = family
        self.observation_space, self.action_space = family.observation_space, family.action_space
        self.task = family.as_tasks(task)
        if family.check_tasks(self.task) != 1:
            raise ValueError(f"task must be one task, got {family.check_tasks(self.task)}.")
        self._params = expand_tasks(self.task, 1)
        self._generator = generator_beside(self.task)
        self._state: Tensor | None = None
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None or self._state is None:
            self._generator.manual_seed(int(self.np_random.integers(2**63)))
        self._state = self.family.initial(self._generator, self._params)
        self._steps = 0
        observation = self.family.observation(self._state, self._generator, self._params)
        return _single_to_numpy(observation, self.observation_space), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self._state is None:
            raise ValueError("reset() must be called before the first step().")
        tensor = _action_to_tensor(action, self.action_space, self._state, (1, 1))
        self._state, observation, reward, terminated = self.family.step(
            self._state, tensor, self._generator, self._params
        )
        self._steps += 1
        cut = self.family.truncated(self._state, self._generator, self._params)
        late = self._steps >= self.family.horizon or (cut is not None and bool(cut))
        truncated = not bool(terminated) and late
        return _single_to_numpy(observation, self.observation_space), float(reward), bool(terminated), truncated, {}


class TaskVectorEnv(gymnasium.vector.VectorEnv):
    """Many tasks × episodes of a family as one `gymnasium.vector.VectorEnv`.

    Environment i runs task i // (num_envs / number of tasks). Next-step autoreset, Gymnasium's
    default: the step after an episode's end ignores the action, resets and pays 0.

    The family computes in tensors; which episodes have ended is kept in NumPy, whose small operations
    cost less. What `step` and `reset` return are copies that the caller may change. Tasks on another
    device are computed there; NumPy arrays come out all the same.

    Args:
        family: the family, of pure functions (`GymnasiumTasks` is stateful: `vector_env` of that family
            makes another kind of vector environment).
        num_envs: number of environments, a multiple of the number of tasks.
        tasks: parameters `[task, ...]`; the family's ordinary task by default.
        max_episode_steps: time limit; the family's horizon by default.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        family: TaskFamily,
        num_envs: int,
        tasks: GivenTasks | None = None,
        max_episode_steps: int | None = None,
    ):
        check_family(family)
        if not family.pure:
            kind = type(family).__name__
            raise ValueError(
                f"family must have pure functions, got {kind}, which is stateful (GymnasiumTasks.vector_env)."
            )
        self.family = family
        self.tasks = family.as_tasks(tasks)
        number = family.check_tasks(self.tasks)
        self.num_envs = check_num_envs(num_envs, number)
        self.horizon = family.horizon if max_episode_steps is None else check_horizon(max_episode_steps)
        self.single_observation_space, self.single_action_space = family.observation_space, family.action_space
        self.observation_space = batch_space(family.observation_space, num_envs)
        self.action_space = batch_space(family.action_space, num_envs)
        self._batch = (number, num_envs // number)
        self._params = expand_tasks(self.tasks, self._batch[1])
        self._generator = generator_beside(self.tasks)
        self._state: Tensor | None = None
        on_cpu = self._generator.device.type == "cpu"
        self._numpy: Callable[[Tensor], np.ndarray] = Tensor.numpy if on_cpu else through_cpu

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None or self._state is None:
            self._generator.manual_seed(int(self.np_random.integers(2**63)))
        self._state = self.family.initial(self._generator, self._params)
        self._steps = np.zeros(self._batch, dtype=np.int32)
        self._finished = np.zeros(self._batch, dtype=bool)
        self._fresh, self._used = self._state, np.ones(self._batch, dtype=bool)
        return self._to_numpy(self.family.observation(self._state, self._generator, self._params)), {}

    @torch.inference_mode()
    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        if self._state is None:
            raise ValueError("reset() must be called before the first step().")
        family, generator, params = self.family, self._generator, self._params
        action = _action_to_tensor(actions, self.single_action_space, self._state, self._batch)
        check_action(self.single_action_space, action, self._batch)
        state = family.transition(self._state, action, generator, params)
        reward = self._numpy(family.reward(self._state, action, state, generator, params)).copy()
        terminated = self._numpy(family.terminal(state, generator, params))
        cut = family.truncated(state, generator, params)
        self._steps += 1
        late = self._steps >= self.horizon if cut is None else (self._steps >= self.horizon) | self._numpy(cut)
        ended = self._finished.nonzero()
        if len(ended[0]):
            state = self._restarted(state, ended)
            reward[ended], terminated[ended], self._steps[ended], late[ended] = 0, False, 0, False
        truncated = late & ~terminated
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
            state_dict[name].cpu().numpy().copy() for name in ("steps", "finished", "used")
        )
        self._generator.set_state(state_dict["generator"].cpu())

    def _restarted(self, state: Tensor, ended: tuple[np.ndarray, ...]) -> Tensor:
        """`state` with initial states at the index `ended`: drawn for the whole batch, each handed out once."""
        if self._used[ended].any():
            self._fresh = self.family.initial(self._generator, self._params)
            self._used[:] = False
        self._used[ended] = True
        state = state.clone()
        replace = replace_in_numpy if state.device.type == "cpu" else replace_on_device
        replace(state, self._fresh, ended)
        return state

    def _to_numpy(self, observation: Tensor) -> np.ndarray:
        array = self._numpy(observation.reshape(self.num_envs, *observation.shape[2:]))
        return array.astype(self.observation_space.dtype)


def check_family(family: TaskFamily) -> None:
    """Raise ValueError unless `family` is a `TaskFamily`."""
    if not isinstance(family, TaskFamily):
        raise ValueError(f"family must be a TaskFamily, got {family!r}.")


def check_num_envs(num_envs: int, tasks: int) -> int:
    """`num_envs` as an int.

    Raises:
        ValueError: where it is not a positive multiple of the number of `tasks`.
    """
    if check_count("num_envs", num_envs) % tasks:
        raise ValueError(f"num_envs must be a positive multiple of the number of tasks {tasks}, got {num_envs}.")
    return int(num_envs)


def generator_beside(tasks: Tasks) -> torch.Generator:
    """A new generator on the device of `tasks`."""
    return torch.Generator(next(iter(tasks.values())).device)


def through_cpu(values: Tensor) -> np.ndarray:
    """The array of a tensor on another device; on the CPU, even the call of `cpu` would be felt in small steps."""
    array: np.ndarray = values.cpu().numpy()
    return array


def replace_in_numpy(state: Tensor, fresh: Tensor, places: tuple[np.ndarray, ...]) -> None:
    """Put `fresh` into `state` at `places`, in NumPy, whose small operations cost less; on the CPU only."""
    state.numpy()[places] = fresh.numpy()[places]


def replace_on_device(state: Tensor, fresh: Tensor, places: tuple[np.ndarray, ...]) -> None:
    """The same on any device."""
    index = tuple(torch.from_numpy(axis).to(state.device) for axis in places)
    state[index] = fresh[index]


def _action_to_tensor(action: Any, space: gymnasium.Space[Any], state: Tensor, batch: tuple[int, int]) -> Tensor:
    """`action` of one environment or a flat batch as a tensor `[task, episode, ...]`: int64, or of `state`'s dtype."""
    array = np.asarray(action)
    own = space.shape or ()
    count = batch[0] * batch[1]
    expected = own if array.shape == own and count == 1 else (count, *own)
    if array.shape != expected:
        raise ValueError(f"action must have shape {list(expected)}, got {list(array.shape)}.")
    try:
        tensor = torch.from_numpy(np.ascontiguousarray(array)).reshape(*batch, *own)
    except TypeError as error:
        raise ValueError(f"action must be made of numbers, got {action!r}.") from error
    if isinstance(space, gymnasium.spaces.Discrete):
        tensor = tensor if tensor.is_floating_point() else tensor.long()  # floats are for check_action to refuse
        return tensor if state.device.type == "cpu" else tensor.to(state.device)
    return tensor.to(state.device, state.dtype)


def _single_to_numpy(observation: Tensor, space: gymnasium.Space[Any]) -> Any:
    """The observation of a 1 × 1 batch as an element of `space`."""
    array = observation[0, 0].cpu().numpy()
    return np.int64(array) if isinstance(space, gymnasium.spaces.Discrete) else array.astype(space.dtype)
