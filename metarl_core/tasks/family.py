"""A distribution over tasks p(T) whose tasks share one functional, batched environment.

A *task* is the part of a Markov decision process that changes from task to task: a goal, a mass, a
table of transitions. `tasks` is a dictionary of tensors, one entry per parameter, whose leading axis
is the task. The functions of an environment follow `gymnasium.experimental.functional.FuncEnv`; they
receive the task parameters expanded to `[task, episode, ...]`, so that a hundred tasks times twenty
episodes move in one call.
"""

from collections.abc import Mapping

import torch
from gymnasium.experimental.functional import FuncEnv
from torch import Tensor

Tasks = dict[str, Tensor]
SPLITS = ("train", "test", "ood")


class TaskFamily(FuncEnv):
    """p(T) and the functional environment that its tasks parametrise.

    A subclass sets `observation_space`, `action_space` (of one environment) and `horizon` (the time
    limit in steps), and defines `get_default_params` (one ordinary task), `draw_tasks` and the
    functions of `FuncEnv`:

    ==================================================  ===============================================
    `initial(rng, params)`                              state `[task, episode, ...]`
    `transition(state, action, rng, params)`            next state `[task, episode, ...]`
    `observation(state, rng, params)`                   observation `[task, episode, ...]`
    `reward(state, action, next_state, rng, params)`    reward `[task, episode]`
    `terminal(state, rng, params)`                      bool `[task, episode]`: terminated, never the
                                                        time limit
    ==================================================  ===============================================

    These five are pure and do not check their input; `step` does, and so do `rollout` and the
    Gymnasium environments.
    """

    horizon: int

    def __init__(self, horizon: int):
        self.horizon = check_horizon(horizon)
        super().__init__()

    def draw_tasks(self, n: int, generator: torch.Generator, split: str) -> Tasks:
        """Draw `n` tasks of a valid `split`; called by `sample_tasks`, which checks its arguments."""
        raise NotImplementedError

    def sample_tasks(self, n: int, generator: torch.Generator, split: str = "train") -> Tasks:
        """Draw `n` independent tasks.

        Args:
            n: number of tasks, at least 1.
            generator: source of randomness.
            split: "train" and "test" never share a task; both follow p(T) where tasks are continuous, and
                are two disjoint sets where they are finitely many (`GridGoals`). "ood" is a named
                out-of-distribution split that shares no task with either.

        Returns:
            Dictionary of tensors with leading axis `[n]`.

        Raises:
            ValueError: for `n` < 1 or an unknown split.
        """
        if n < 1:
            raise ValueError(f"n is the number of tasks and must be at least 1, got {n}.")
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
        return self.draw_tasks(n, generator, split)

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        """Number of tasks in `tasks`.

        Raises:
            ValueError: where the names, shapes or values are not those of this family.
        """
        number = check_tasks(tasks, {name: value.shape[1:] for name, value in self.default_params.items()})
        for name, value in self.default_params.items():
            if tasks[name].is_floating_point() != value.is_floating_point():
                raise ValueError(f"tasks[{name!r}] must hold numbers like {value.dtype}, got {tasks[name].dtype}.")
        return number

    def features(self, params: Tasks) -> Tensor:
        """The task as numbers that a network can be given, `[..., feature]`; all parameters, flattened, by default."""
        parts = []
        for name, value in params.items():
            own = self.default_params[name].ndim - 1
            parts.append(value.flatten(value.ndim - own) if own else value[..., None])
        return torch.cat(parts, -1)

    def step(self, state: Tensor, action: Tensor, rng: torch.Generator, params: Tasks):
        """One checked step: `(next_state, observation, reward, terminated)`, each `[task, episode, ...]`.

        Raises:
            ValueError: where the action's shape or values do not fit the action space.
        """
        check_action(self.action_space, action, state.shape[:2])
        next_state = self.transition(state, action, rng, params)
        return (
            next_state,
            self.observation(next_state, rng, params),
            self.reward(state, action, next_state, rng, params),
            self.terminal(next_state, rng, params),
        )


def check_tasks(tasks: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Number of tasks in `tasks`, whose entries must have shape `[task, *shapes[name]]`.

    Raises:
        ValueError: names the entry that does not fit.
    """
    if set(tasks) != set(shapes):
        raise ValueError(f"tasks must have the entries {sorted(shapes)}, got {sorted(tasks)}.")
    number = next((value.shape[0] for value in tasks.values() if value.ndim > 0), 0)
    for name, value in tasks.items():
        if tuple(value.shape) != (number, *shapes[name]):
            expected = ", ".join(["tasks", *map(str, shapes[name])])
            raise ValueError(f"tasks[{name!r}] must have shape [{expected}], got {list(value.shape)}.")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(f"tasks[{name!r}] must be finite, got NaN or infinity.")
    if number < 1:
        raise ValueError("tasks must hold at least one task, got zero.")
    return number


def check_horizon(horizon: int) -> int:
    """`horizon` itself.

    Raises:
        ValueError: where it is below one step.
    """
    if horizon < 1:
        raise ValueError(f"horizon is a number of steps and must be at least 1, got {horizon}.")
    return int(horizon)


def check_action(space, action: Tensor, batch: tuple[int, ...]) -> None:
    """Raise ValueError unless `action` is a batch of actions of `space` with leading axes `batch`.

    Continuous actions beyond the bounds are allowed, as in Gymnasium's Pendulum: environments clip them.
    """
    expected = (*batch, *space.shape)
    if tuple(action.shape) != expected:
        raise ValueError(f"action must have shape {list(expected)}, got {list(action.shape)}.")
    if action.is_floating_point():
        if not bool(action.isfinite().all()):
            raise ValueError("action must be finite, got NaN or infinity.")
    elif hasattr(space, "n"):
        lowest, highest = map(int, action.aminmax())
        if lowest < 0 or highest >= space.n:
            wrong = lowest if lowest < 0 else highest
            raise ValueError(f"action must be one of 0 to {space.n - 1}, got {wrong}.")
    if hasattr(space, "n") and action.is_floating_point():
        raise ValueError(f"action must hold integers 0 to {space.n - 1}, got {action.dtype}.")


def select_tasks(tasks: Tasks, index) -> Tasks:
    """The tasks at `index` (an int keeps the task axis; a slice, list or tensor selects several)."""
    index = [index] if isinstance(index, int) else index
    return {name: value[index] for name, value in tasks.items()}


def expand_tasks(tasks: Tasks, episodes: int) -> Tasks:
    """Task parameters `[task, ...]` repeated to `[task, episode, ...]`.

    Small parameters are copied, because element-wise operations run faster on contiguous memory; tables
    with a thousand entries or more stay views.
    """
    expanded = {}
    for name, value in tasks.items():
        wide = value.unsqueeze(1).expand(value.shape[0], episodes, *value.shape[1:])
        expanded[name] = wide.contiguous() if value[0].numel() < 1000 else wide
    return expanded


def append_axes(flags: Tensor, like: Tensor) -> Tensor:
    """`flags` with axes of size one appended until it has as many as `like`."""
    return flags.reshape(*flags.shape, *[1] * (like.ndim - flags.ndim))


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """float32 draws from the uniform distribution on [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def stamp_split(values: Tensor, split: str) -> Tensor:
    """Mark continuous task parameters as train or test by the last bit of their float32 significand.

    Two fresh draws from a continuous p(T) almost never coincide. The stamp makes it *never*: train
    values are even, test values odd, and both follow p(T) to one part in sixteen million. "ood" values
    are returned as they are, because their region of the parameter space is their mark.
    """
    if split == "ood":
        return values
    bits = values.contiguous().view(torch.int32) & ~1
    return (bits | (1 if split == "test" else 0)).view(torch.float32)
