"""A body or a ground that changes while an episode runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.tasks.family import TaskFamily, Tasks, append_axes

AFTER = "after."


class ChangingTasks(TaskFamily):
    """The tasks of a family, some of whose parameters jump to another value in the middle of an episode.

    A task holds the parameters of `family`; under the names `after.NAME` what those of `changing` are after the change;
    and `change_at`, the number of steps that are played before it, uniform from `earliest` to `latest`. Both values of
    a parameter are drawn by the family, in the same split. Nothing that is observed tells of the change, and each
    episode of a task has it at the same step. A `change_at` of the horizon or later is no change.

    State: the family's, and as its last entry the number of steps played.

    Args:
        family: with states that are vectors of floating-point numbers.
        changing: names of the parameters that change.
        earliest, latest: bounds of `change_at`; half the horizon unless given.

    Raises:
        ValueError: for another family, unknown names, or bounds in the wrong order.
    """

    def __init__(
        self, family: TaskFamily, changing: Sequence[str], earliest: int | None = None, latest: int | None = None
    ):
        if not isinstance(family, TaskFamily) or not family.pure:
            raise ValueError(f"family must be a TaskFamily of pure functions, got {family!r}.")
        names, changing = list(family.default_params), (changing,) if isinstance(changing, str) else tuple(changing)
        if not changing or set(changing) - set(names):
            raise ValueError(f"changing must name some of {names}, got {list(changing)}.")
        generator = torch.Generator("cpu")
        start = family.initial(generator, {name: value[:, None] for name, value in family.default_params.items()})
        if start.ndim != 3 or not start.is_floating_point():
            raise ValueError(f"family must have vectors of floating-point numbers as states, got {start.dtype}.")
        self.family, self.changing, self.size = family, changing, start.shape[-1]
        self.earliest = check_count("earliest", family.horizon // 2 if earliest is None else earliest, 0)
        self.latest = check_count("latest", self.earliest if latest is None else latest, 0)
        if self.latest < self.earliest:
            raise ValueError(f"latest must be at least earliest, {self.earliest}, got {self.latest}.")
        self.observation_space, self.action_space = family.observation_space, family.action_space
        super().__init__(family.horizon)

    def get_default_params(self) -> Tasks:
        default = self.family.get_default_params()
        after = {AFTER + name: default[name] for name in self.changing}
        return default | after | {"change_at": torch.tensor([(self.earliest + self.latest) // 2], device="cpu")}

    def check_tasks(self, tasks: Mapping[str, Tensor]) -> int:
        number = super().check_tasks(tasks)
        before, after = ({name: tasks[name] for name in self.family.default_params} for _ in range(2))
        after.update({name: tasks[AFTER + name] for name in self.changing})
        self.family.check_tasks(before)
        self.family.check_tasks(after)
        if bool((tasks["change_at"] < 0).any()):
            raise ValueError(f"tasks['change_at'] must be at least 0, got {int(tasks['change_at'].min())}.")
        return number

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        options = [] if dtype is None else [dtype]
        before, after = (self.family.draw_tasks(n, generator, split, *options) for _ in range(2))
        span = self.latest - self.earliest + 1
        change_at = self.earliest + torch.randint(span, (n,), generator=generator, device=generator.device)
        return before | {AFTER + name: after[name] for name in self.changing} | {"change_at": change_at}

    def features(self, tasks: Tasks) -> Tensor:
        """The family's features before and after the change, and its time as a share of the horizon."""
        before, after = self.before(tasks), self.after(tasks)
        shown = [self.family.features(one) for one in (before, after)]
        return torch.cat([*shown, (tasks["change_at"] / self.horizon).to(shown[0].dtype)[..., None]], -1)

    def before(self, tasks: Tasks) -> Tasks:
        """The family's tasks as they are before the change."""
        return {name: tasks[name] for name in self.family.default_params}

    def after(self, tasks: Tasks) -> Tasks:
        """The family's tasks as they are after it."""
        return self.before(tasks) | {name: tasks[AFTER + name] for name in self.changing}

    def holds(self, state: Tensor, params: Tasks) -> Tasks:
        """The family's tasks that hold in `state` `[task, episode, ...]`."""
        changed = state[..., -1] >= params["change_at"]
        now = self.before(params)
        for name in self.changing:
            now[name] = torch.where(append_axes(changed, now[name]), params[AFTER + name], now[name])
        return now

    def initial(self, rng: torch.Generator, params: Tasks) -> Tensor:
        start = self.family.initial(rng, self.before(params))
        return torch.cat([start, torch.zeros_like(start[..., :1])], -1)

    def transition(self, state: Tensor, action: Tensor, rng: Any, params: Tasks) -> Tensor:
        following = self.family.transition(state[..., :-1], action, rng, self.holds(state, params))
        return torch.cat([following, state[..., -1:] + 1], -1)

    def observation(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self.family.observation(state[..., :-1], rng, self.holds(state, params))

    def reward(self, state: Tensor, action: Tensor, next_state: Tensor, rng: Any, params: Tasks) -> Tensor:
        now = self.holds(state, params)
        return self.family.reward(state[..., :-1], action, next_state[..., :-1], rng, now)

    def observed_reward(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """The family's, where it has one."""
        reward: Tensor = self.family.observed_reward(observation, action, next_observation)  # type: ignore[attr-defined]
        return reward

    def terminal(self, state: Tensor, rng: Any, params: Tasks) -> Tensor:
        return self.family.terminal(state[..., :-1], rng, self.holds(state, params))

    def truncated(self, state: Tensor, rng: Any, params: Tasks) -> Tensor | None:
        return self.family.truncated(state[..., :-1], rng, self.holds(state, params))
