"""Meta-World's ML1 and ML10 as task families, with splits taken from the benchmark's own lists."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_one_of
from metarl_core.tasks.extras import missing_extra
from metarl_core.tasks.from_gymnasium import GymnasiumTasks

REWARDS = ("v1", "v2")


class MetaWorld(GymnasiumTasks):
    """A robot arm's manipulation tasks; the goal is hidden (Yu et al. 2019; written against metaworld 3.1.1).

    A task is its index in `tasks`: first those for training, then the held-out ones. ML1 has 50 + 50 goals of one
    environment, ML10 50 goals of each of 10 environments, and of each of 5 others for testing. There is no split "ood".

    What is repaired here: `gymnasium.make_vec("Meta-World/ML1-train")` of 3.1.1 serves the *test* goals, because the
    function that is registered for it reads the loop's variable after the loop has ended. This family reads the lists
    `train_tasks` and `test_tasks` of the benchmark itself, and refuses lists that share a task. Simulators are shared
    by all tasks of an environment, and not made for each goal.

    What to say beside a result: the reward's version, the horizon, and which success was counted (see `success`). An
    episode goes on after a success; in metaworld's own evaluation it ends there, so that its returns are of other
    lengths.

    Args:
        benchmark: "ML10", or for ML1 the name of an environment, such as "reach-v3".
        reward: version of the reward function: "v2" (0 to 10 a step), metaworld's default, or "v1".
        seed: of the goals. Seed s + 1's training goals are seed s's test goals: never pool two seeds' tasks.
        horizon: time limit in steps; at most 500, where metaworld cuts off.

    Raises:
        ModuleNotFoundError: where metaworld is not installed.
        ValueError: for an unknown benchmark, reward or horizon, or splits that share a task.
    """

    def __init__(self, benchmark: str = "reach-v3", reward: str = "v2", seed: int = 0, horizon: int = 500):
        check_one_of("reward", reward, REWARDS)
        check_count("seed", seed, 0)
        check_count("horizon", horizon)
        if horizon > 500:
            raise ValueError(f"horizon must be at most 500, where metaworld cuts an episode off, got {horizon}.")
        try:
            import metaworld
        except ImportError as error:
            raise missing_extra("MetaWorld", "metaworld") from error
        check_one_of("benchmark", benchmark, ("ML10", *metaworld.ML1.ENV_NAMES))
        lists = metaworld.ML10(seed=seed) if benchmark == "ML10" else metaworld.ML1(benchmark, seed=seed)
        check_splits(lists.train_tasks, lists.test_tasks, key=lambda task: (task.env_name, goal_of(task).tobytes()))
        self.benchmark, self.reward_version = benchmark, reward
        self.tasks = [*lists.train_tasks, *lists.test_tasks]
        classes = {**lists.train_classes, **lists.test_classes}

        def maker(task: Any) -> Callable[[], "gymnasium.Env[Any, Any]"]:
            def make() -> "gymnasium.Env[Any, Any]":
                env = classes[task.env_name](reward_function_version=reward)
                env.set_task(task)
                return _Successes(env)

            return make

        train, test = ([maker(task) for task in part] for part in (lists.train_tasks, lists.test_tasks))
        super().__init__(train, test, horizon=horizon)

    def success(self) -> dict[str, Tensor]:
        """Whether each of the newest episodes succeeded, bool `[task, episode]`, counted in two ways.

        Returns:
            `any`: at any step, metaworld's definition; `last`: at the last step so far.

        Raises:
            ValueError: before the first episode.
        """
        if self._newest is None:
            raise ValueError("success() must be asked after an episode, got none so far.")
        seen: list[tuple[bool, bool]] = [env.get_wrapper_attr("successes") for env in self._running]
        flags = torch.tensor(seen, dtype=torch.bool).reshape(*self._newest.shape[:2], 2)
        return {"any": flags[..., 0], "last": flags[..., 1]}

    def _simulators_of(self, tasks: list[int]) -> list["gymnasium.Env[Any, Any]"]:
        used: dict[str, int] = {}
        chosen = []
        for index in tasks:
            name = self.tasks[index].env_name
            copy = used.get(name, 0)
            used[name] = copy + 1
            first = next(number for number, task in enumerate(self.tasks) if task.env_name == name)
            if (first, copy) not in self._simulators:
                self._simulators[first, copy] = self._make(index)
            env = self._simulators[first, copy]
            env.unwrapped.set_task(self.tasks[index])  # type: ignore[attr-defined]
            chosen.append(env)
        return chosen


class _Successes(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Notes whether this episode has succeeded: at any step, and at the last one."""

    successes = (False, False)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.successes = (False, False)
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        now = bool(result[4]["success"])
        self.successes = (self.successes[0] or now, now)
        return result


def goal_of(task: Any) -> np.ndarray:
    """The numbers that tell a task of Meta-World from others of its environment: start and goal positions."""
    return np.asarray(pickle.loads(task.data)["rand_vec"])


def check_splits(train: Sequence[Any], test: Sequence[Any], key: Callable[[Any], Any]) -> None:
    """Raise ValueError where two splits share a task.

    Args:
        key: what makes two tasks one.
    """
    shared = {key(task) for task in train} & {key(task) for task in test}
    if shared:
        raise ValueError(f"train and test must share no task, got {len(shared)} in both.")
