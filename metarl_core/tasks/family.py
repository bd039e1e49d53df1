"""A distribution over tasks p(T) whose tasks share one functional, batched environment.

A *task* is the part of a Markov decision process that changes from task to task: a goal, a mass, a
table of transitions. `tasks` is a dictionary of tensors, one entry per parameter, whose leading axis
is the task. The functions of an environment follow `gymnasium.experimental.functional.FuncEnv`; they
receive the task parameters expanded to `[task, episode, ...]`, so that a hundred tasks times twenty
episodes move in one call.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from gymnasium import Space, spaces
from gymnasium.experimental.functional import FuncEnv
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.tasks.checks import as_tensor, check_action, check_horizon, check_mapping, check_sampling, check_tasks

if TYPE_CHECKING:
    from gymnasium.vector import VectorEnv

Tasks = dict[str, Tensor]
"""Task parameters by name, each `[task, ...]`; within an environment `[task, episode, ...]`."""
GivenTasks = Mapping[str, Any]
"""Task parameters as a caller may write them: tensors, arrays, lists or numbers."""
if TYPE_CHECKING:
    Functional = object  # Gymnasium's signatures let an environment go without parameters; here they are the task
else:
    Functional = FuncEnv
Index = int | slice | Sequence[int] | Tensor


class TaskFamily(Functional):
    """p(T) and the functional environment that its tasks parametrise.

    A subclass sets `observation_space`, `action_space` (of one environment; a `Discrete` one counts from 0)
    and `horizon` (the time limit in steps), and defines `get_default_params` (one ordinary task), `draw_tasks`
    and the functions of `FuncEnv`, whose `params` are tasks expanded to `[task, episode, ...]`:

    ==================================================  ===============================================
    `initial(rng, params)`                              state `[task, episode, ...]`
    `transition(state, action, rng, params)`            next state `[task, episode, ...]`
    `observation(state, rng, params)`                   observation `[task, episode, ...]`
    `reward(state, action, next_state, rng, params)`    reward `[task, episode]`
    `terminal(state, rng, params)`                      bool `[task, episode]`: terminated, never the
                                                        time limit
    `truncated(state, rng, params)`                     bool `[task, episode]`: cut off by the environment
                                                        itself; None, the default, where it never does
    ==================================================  ===============================================

    These are pure and do not check their input; `step` does, and so do `rollout` and the Gymnasium
    environments. All of them compute in the floating dtype and on the device of the tasks; random numbers
    are drawn on the generator's device.

    Attributes:
        pure: whether the functions are; false for a family that drives simulators (`GymnasiumTasks`).
    """

    observation_space: Space[Any]
    action_space: Space[Any]
    default_params: Tasks
    horizon: int
    pure = True

    def __init__(self, horizon: int):
        self.horizon = check_horizon(horizon)
        for name in ("observation_space", "action_space"):
            space = getattr(self, name, None)
            if isinstance(space, spaces.Discrete) and space.start != 0:
                raise ValueError(f"{name} must count from 0 where it is Discrete, got {space}.")
        super().__init__()

    def get_default_params(self) -> Tasks:
        """One ordinary task, with a task axis of size one."""
        raise NotImplementedError

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        raise NotImplementedError

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        raise NotImplementedError

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        raise NotImplementedError

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        raise NotImplementedError

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        raise NotImplementedError

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        """Draw `n` tasks of a valid `split`; called by `sample_tasks`, which checks its arguments.

        A family of your own may leave out `dtype`: its tasks then come in torch's default type only.
        """
        raise NotImplementedError

    def sample_tasks(
        self, n: int, generator: torch.Generator, split: str = "train", dtype: torch.dtype | None = None
    ) -> Tasks:
        """Draw `n` independent tasks.

        Args:
            n: number of tasks, at least 1.
            generator: source of randomness.
            split: "train" and "test" never share a task; both follow p(T) where tasks are continuous, and
                are two disjoint sets where they are finitely many (`GridGoals`). "ood" is a named
                out-of-distribution split that shares no task with either.
            dtype: of floating-point parameters; torch's default by default. The draws of two dtypes differ.

        Returns:
            Dictionary of tensors with leading axis `[n]`, on the generator's device.

        Raises:
            ValueError: for `n` < 1, an unknown split, or a dtype that is not floating-point.
        """
        check_sampling(n, generator, split, dtype)
        return self.draw_tasks(n, generator, split, *([] if dtype is None else [dtype]))

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        """Number of tasks in `tasks`.

        Raises:
            ValueError: where the names, types, shapes or values are not those of this family.
        """
        number = check_tasks(tasks, {name: tuple(value.shape[1:]) for name, value in self.default_params.items()})
        for name, value in self.default_params.items():
            if tasks[name].is_floating_point() != value.is_floating_point():
                raise ValueError(f"tasks[{name!r}] must hold numbers like {value.dtype}, got {tasks[name].dtype}.")
        return number

    def as_tasks(self, tasks: GivenTasks | None) -> Tasks:
        """`tasks` as the tensors that `rollout` and the environments of this family compute with.

        Floating-point tensors stay as they are. Arrays, lists and numbers become tensors of torch's default
        floating type (of NumPy's numbers nobody chose float64), integers int64. A single task may lack
        the task axis; None is the family's ordinary task.

        Raises:
            ValueError: as `check_tasks`, or where a value is not made of numbers.
        """
        if tasks is None:
            return self.default_params
        check_mapping(tasks)
        converted = {name: as_tensor(name, value, self.default_params.get(name)) for name, value in tasks.items()}
        self.check_tasks(converted)
        return converted

    def features(self, tasks: Tasks) -> Tensor:
        """The task as numbers that a network can be given, `[..., feature]`; all parameters, flattened, by default."""
        parts = []
        for name, value in tasks.items():
            own = self.default_params[name].ndim - 1
            parts.append(value.flatten(value.ndim - own) if own else value[..., None])
        return torch.cat(parts, -1)

    def truncated(self, state: Tensor, rng: Any, params: Tasks) -> Tensor | None:
        """bool `[task, episode]`: the environment itself cut the episode off in `state`. None: it never does."""
        return None

    def step(
        self, state: Tensor, action: Tensor, rng: torch.Generator, params: Tasks
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One checked step: `(next_state, observation, reward, terminated)`, each `[task, episode, ...]`.

        Raises:
            ValueError: where the action's shape or values do not fit the action space.
        """
        check_action(self.action_space, action, tuple(state.shape[:2]))
        next_state = self.transition(state, action, rng, params)
        return (
            next_state,
            self.observation(next_state, rng, params),
            self.reward(state, action, next_state, rng, params),
            self.terminal(next_state, rng, params),
        )

    def vector_env(self, tasks: GivenTasks | None = None, num_envs: int | None = None) -> "VectorEnv":
        """The tasks as one Gymnasium vector environment with next-step autoreset.

        Args:
            tasks: parameters `[task, ...]`; the family's ordinary task by default.
            num_envs: number of environments, a multiple of the number of tasks; one for each by default.
                Environment i runs task i // (num_envs / number of tasks).

        Raises:
            ValueError: for malformed tasks or another number of environments.
        """
        from metarl_core.tasks.gymnasium_env import TaskVectorEnv

        tasks = self.as_tasks(tasks)
        return TaskVectorEnv(self, self.check_tasks(tasks) if num_envs is None else num_envs, tasks)


def select_tasks(tasks: Tasks, index: Index) -> Tasks:
    """The tasks at `index` (an int keeps the task axis; a slice, list or tensor selects several).

    Raises:
        ValueError: where there is no such task.
    """
    check_mapping(tasks)
    chosen = [index] if isinstance(index, int) else index
    try:
        if isinstance(index, str):  # torch would take it for a sequence
            raise TypeError
        return {name: value[chosen] for name, value in tasks.items()}
    except (IndexError, TypeError) as error:
        number = len(next(iter(tasks.values())))
        raise ValueError(f"index must choose some of the {number} tasks, got {index!r}.") from error


def expand_tasks(tasks: Tasks, episodes: int) -> Tasks:
    """Task parameters `[task, ...]` repeated to `[task, episode, ...]`.

    Small parameters are copied, because element-wise operations run faster on contiguous memory; tables
    with a thousand entries or more stay views.

    Raises:
        ValueError: for fewer than one episode.
    """
    check_mapping(tasks)
    check_count("episodes", episodes)
    expanded = {}
    for name, value in tasks.items():
        wide = value.unsqueeze(1).expand(value.shape[0], episodes, *value.shape[1:])
        expanded[name] = wide.contiguous() if value[0].numel() < 1000 else wide
    return expanded


def append_axes(flags: Tensor, like: Tensor) -> Tensor:
    """`flags` with axes of size one appended until it has as many as `like`."""
    return flags.reshape(*flags.shape, *[1] * (like.ndim - flags.ndim))
