"""A task family made of ordinary Gymnasium environments (MuJoCo, Meta-World, your own)."""

import contextlib
import functools
import itertools
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from torch import Tensor

from metarl_core.tasks.family import GivenTasks, TaskFamily, Tasks
from metarl_core.tasks.gymnasium_env import check_num_envs

Make = Callable[[], "gymnasium.Env[Any, Any]"]
"""Makes a fresh environment of one task."""


class GymnasiumTasks(TaskFamily):
    """Environment constructors as tasks: what works with a functional family works here, simulator by simulator.

    The simulators are stateful, so `transition` may be called only on the newest state, as `rollout`
    does; the functions are not pure. The state is the record of the last step: one row (observation,
    reward, terminated, truncated) per environment, `[task, episode, observation size + 3]`, in torch's
    default dtype. Where an environment truncates an episode itself (`gymnasium.make` gives most a time
    limit), the episode ends there, before the family's own horizon; an ended environment is not stepped on.

    A task is its `index` in the list of all environments, train, test and ood. Simulators are kept for the
    next episodes of their task until `close()`, the end of a `with` block, or the end of the family itself.

    Args:
        train, test, ood: for each split, functions that make a fresh environment of one task. All
            environments must share their spaces: `Box` or `Discrete` observations and actions. A
            `Discrete(n, start)` is shown as `Discrete(n)`: the family counts from 0, the environment from
            `start`. Actions beyond the bounds of a `Box` are clipped.
        horizon: time limit in steps.

    Raises:
        ValueError: for an empty training list, other spaces, environments whose spaces differ, or functions that do
            not make a fresh environment at each call.
    """

    pure = False

    def __init__(self, train: Sequence[Make], test: Sequence[Make] = (), ood: Sequence[Make] = (), horizon: int = 200):
        for name, makers in (("train", train), ("test", test), ("ood", ood)):
            if not isinstance(makers, Sequence) or not all(map(callable, makers)):
                raise ValueError(f"{name} must list functions that make an environment, got {makers!r}.")
        if not train:
            raise ValueError("train must list at least one environment, got none.")
        self.makers = [*train, *test, *ood]
        bounds = [0, *itertools.accumulate(map(len, (train, test, ood)))]
        self.ranges = dict(zip(("train", "test", "ood"), itertools.pairwise(bounds), strict=True))
        self._made: weakref.WeakValueDictionary[int, gymnasium.Env[Any, Any]] = weakref.WeakValueDictionary()
        first = self._fresh(0)
        self._raw_spaces = first.observation_space, first.action_space
        first.close()
        self.observation_space = _from_zero("observations", self._raw_spaces[0])
        self.action_space = _from_zero("actions", self._raw_spaces[1])
        self._size = int(np.prod(self.observation_space.shape or ()))
        self._simulators: dict[tuple[int, int], gymnasium.Env[Any, Any]] = {}
        self._running: list[gymnasium.Env[Any, Any]] = []
        self._newest: Tensor | None = None
        self._finalizer = weakref.finalize(self, _close_all, self._simulators)
        super().__init__(horizon)

    def get_default_params(self) -> Tasks:
        return {"index": torch.zeros(1, dtype=torch.int64, device="cpu")}

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        number = super().check_tasks(tasks)
        for index in tasks["index"].tolist():
            if not 0 <= index < len(self.makers):
                raise ValueError(f"tasks['index'] must be in 0 to {len(self.makers) - 1}, got {index}.")
        return number

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        low, high = self.ranges[split]
        if low == high:
            raise ValueError(f"split must be one that has environments, got the empty {split!r}.")
        return {"index": torch.randint(low, high, (n,), generator=generator, device=generator.device)}

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        index = params["index"]
        seeds = torch.randint(2**31 - 1, index.shape, generator=rng, device=rng.device)
        self._running = self._simulators_of(index.flatten().tolist())
        rows = np.zeros((len(self._running), self._size + 3))
        for row, env, seed in zip(rows, self._running, seeds.flatten().tolist(), strict=True):
            row[:-3] = np.ravel(env.reset(seed=seed)[0])
        return self._state(rows, index)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        if state is not self._newest:
            raise ValueError("state must be the newest, for simulators cannot go back: got another one.")
        rows = state.detach().flatten(0, 1).cpu().double().numpy()
        # A copy: an environment may keep the array that it is given.
        actions = action.detach().flatten(0, 1).cpu().numpy().copy()
        for row, env, chosen in zip(rows, self._running, actions, strict=True):
            if not row[-2:].any():  # an ended one's row stays as it is
                observation, row[-3], row[-2], row[-1], _ = env.step(chosen)
                row[:-3] = np.ravel(observation)
        return self._state(rows, params["index"])

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        if isinstance(self.observation_space, spaces.Discrete):
            return state[..., 0].long()
        return state[..., :-3].reshape(*state.shape[:2], *(self.observation_space.shape or ()))

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return next_state[..., -3]

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state[..., -2] > 0

    def truncated(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return state[..., -1] > 0

    def vector_env(self, tasks: GivenTasks | None = None, num_envs: int | None = None) -> SyncVectorEnv:
        """The tasks' environments as a `SyncVectorEnv` of their own simulators; its owner closes it.

        See `TaskFamily.vector_env`. An episode is cut off after `horizon` steps, or where the environment does.
        """
        tasks = self.as_tasks(tasks)
        number = self.check_tasks(tasks)
        envs_per_task = check_num_envs(number if num_envs is None else num_envs, number) // number
        with contextlib.ExitStack() as opened:

            def make(task: int) -> gymnasium.Env[Any, Any]:
                env = gymnasium.wrappers.TimeLimit(self._make(task), self.horizon)
                opened.callback(env.close)
                return env

            makers = [functools.partial(make, task) for task in tasks["index"].tolist()]
            envs = SyncVectorEnv([make for make in makers for _ in range(envs_per_task)])
            opened.pop_all()
        return envs

    def close(self) -> None:
        """Close every simulator made so far; they are made anew where they are needed again."""
        self._newest, self._running = None, []
        _close_all(self._simulators)

    def __enter__(self) -> "GymnasiumTasks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _state(self, rows: np.ndarray, index: Tensor) -> Tensor:
        state = torch.from_numpy(rows).to(index.device, torch.get_default_dtype())
        self._newest = state.reshape(*index.shape, self._size + 3)
        return self._newest

    def _simulators_of(self, tasks: list[int]) -> list["gymnasium.Env[Any, Any]"]:
        """One simulator for each entry of `tasks`, made when first needed; a task that comes again gets another."""
        used: dict[int, int] = {}
        chosen = []
        for task in tasks:
            copy = used.get(task, 0)
            used[task] = copy + 1
            if (task, copy) not in self._simulators:
                self._simulators[task, copy] = self._make(task)
            chosen.append(self._simulators[task, copy])
        return chosen

    def _make(self, task: int) -> "gymnasium.Env[Any, Any]":
        env = self._fresh(task)
        observations, actions = self._raw_spaces
        same = type(env.observation_space) is type(observations) and env.observation_space.shape == observations.shape
        if isinstance(observations, spaces.Discrete):
            same = env.observation_space == observations
        if not same or env.action_space != actions:
            env.close()
            raise ValueError(
                f"environment {task} must have spaces like the first, {observations} and {actions}, "
                f"got {env.observation_space} and {env.action_space}."
            )
        return _FamilySpaces(env, self.observation_space, self.action_space)

    def _fresh(self, task: int) -> "gymnasium.Env[Any, Any]":
        """What the task's function makes; ValueError where that is no environment, or one that it gave before."""
        env = self.makers[task]()
        if not isinstance(env, gymnasium.Env):
            raise ValueError(f"function {task} must make a gymnasium.Env, got {type(env).__name__}.")
        core = env.unwrapped
        if self._made.get(id(core)) is core:
            raise ValueError(f"function {task} must make a fresh environment at each call, got one a second time.")
        self._made[id(core)] = core
        return env


class _FamilySpaces(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment in the spaces of its family: `Discrete` from 0, actions clipped to a `Box`."""

    def __init__(self, env: "gymnasium.Env[Any, Any]", observation_space: Any, action_space: Any):
        super().__init__(env)
        self._starts = [getattr(space, "start", None) for space in (env.observation_space, env.action_space)]
        self._bounds = (getattr(action_space, "low", None), getattr(action_space, "high", None))
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return self._seen(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        if self._starts[1] is None:
            action = np.clip(action, *self._bounds).astype(self.action_space.dtype)
        else:
            action = self._starts[1] + int(action)
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._seen(observation), reward, terminated, truncated, info

    def _seen(self, observation: Any) -> Any:
        start = self._starts[0]
        return np.asarray(observation) if start is None else np.int64(observation - start)


def _from_zero(what: str, space: Any) -> Any:
    """`space` itself, or a `Discrete` of its size from 0; ValueError for other kinds of space."""
    if isinstance(space, spaces.Discrete):
        return spaces.Discrete(int(space.n))
    floats = isinstance(space, spaces.Box) and (what == "observations" or np.issubdtype(space.dtype, np.floating))
    if not floats:
        kind = "Box" if what == "observations" else "Box of floats"
        raise ValueError(f"{what} must lie in a {kind} or a Discrete, got {space}.")
    return space


def _close_all(simulators: dict[tuple[int, int], "gymnasium.Env[Any, Any]"]) -> None:
    with contextlib.ExitStack() as opened:  # where one cannot be closed, the others still are
        while simulators:
            opened.callback(simulators.popitem()[1].close)
