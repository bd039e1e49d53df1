"""Calls of an environment's functions, recorded while it is played, to be made again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import UniformPolicy
from metarl_core.check import CheckFailed
from metarl_core.check.describe import describe
from metarl_core.check.guard import draws_state
from metarl_core.tasks import TaskFamily

RECORDED = 30
"""time steps of an episode, about"""

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Call:
    """One call: copies of its arguments, the states of `rng` before and after it, and what it returned."""

    family: TaskFamily
    name: str
    tensors: tuple[Tensor, ...]
    params: dict[str, Tensor]
    before: Tensor
    after: Tensor
    result: Tensor

    @property
    def draws(self) -> bool:
        return not torch.equal(self.before, self.after)

    @property
    def shape(self) -> tuple[int, int]:
        """Tasks and episodes."""
        first = next(iter(self.params.values()))
        return first.shape[0], first.shape[1]

    def again(
        self, change: Change = Tensor.clone, of_params: Change | None = None, seed: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """What it returns with changed tensors and `rng` as it was, or of another seed; and `rng`'s state then."""
        rng = torch.Generator()
        _ = rng.set_state(self.before) if seed is None else rng.manual_seed(seed)
        params = {name: (of_params or change)(value) for name, value in self.params.items()}
        result = _call(self.family, self.name, tuple(change(one) for one in self.tensors), rng, params)
        return result, rng.get_state()


def alike(one: Any, other: Any, tolerance: float = 1e-5) -> bool:
    """Equal up to rounding; whole numbers and bool in all places."""
    if not isinstance(one, Tensor) or one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    return torch.allclose(one, other, tolerance, tolerance / 10, equal_nan=True)


def _call(family: TaskFamily, name: str, tensors: tuple[Tensor, ...], rng: torch.Generator, params: Any) -> Any:
    function = getattr(family, name)
    return function(rng, params) if name == "initial" else function(*tensors, rng, params)


def _check_result(name: str, value: Any, shape: tuple[int, int]) -> None:
    """States and observations are tensors `[task, episode, ...]`, rewards numbers and ends bool `[task, episode]`."""
    kind = {"reward": "numbers", "terminal": "bool", "truncated": "bool"}.get(name)
    if isinstance(value, Tensor) and tuple(value.shape[:2]) == shape and (kind is None or value.ndim == 2):
        if kind is None or (value.is_floating_point() if kind == "numbers" else value.dtype == torch.bool):
            return
    wanted = f"are {kind} of shape [{shape[0]}, {shape[1]}]" if kind else f"is a tensor [{shape[0]}, {shape[1]}, ...]"
    beside = "one task" if shape[0] == 1 else f"each of {shape[0]} tasks"
    words = f"returns {describe(value)}; with {shape[1]} episodes of {beside} expected {wanted}."
    raise CheckFailed(f"`{name}` of your environment {words}", "shape")


class _Recorder:
    def __init__(self, family: TaskFamily, params: dict[str, Tensor], rng: torch.Generator):
        self.family, self.params, self.rng = family, params, rng
        self.calls: list[Call] = []
        first = next(iter(params.values()))
        self.shape = (first.shape[0], first.shape[1])

    def __call__(self, name: str, *tensors: Tensor, record: bool = True) -> Any:
        """Call a function, and look whether its arguments and the global generators stay as they were."""
        if not record:
            return _call(self.family, name, tensors, self.rng, self.params)
        copies, params = tuple(one.clone() for one in tensors), dict(self.params)
        kept = {key: value.clone() for key, value in params.items()}
        before, drawn = self.rng.get_state(), draws_state()
        result = _call(self.family, name, tensors, self.rng, self.params)
        if name == "truncated" and result is None:
            return None
        if draws_state() != drawn:
            words = "draws from a global generator of torch, NumPy or Python. Whose seed is it? Draw from `rng` alone."
            raise CheckFailed(f"`{name}` of your environment {words}", "value")
        same = set(self.params) == set(params) and all(_same(self.params[key], kept[key]) for key in params)
        if not same or not all(_same(one, copy) for one, copy in zip(tensors, copies, strict=True)):
            what = "the states or actions" if same else "`params`, the tasks"
            words = f"changes {what} that it is given. The caller still has them: make new ones."
            raise CheckFailed(f"`{name}` of your environment {words}", "changed arguments")
        _check_result(name, result, self.shape)
        self.calls.append(Call(self.family, name, copies, kept, before, self.rng.get_state(), result.clone()))
        return result


def _same(one: Any, other: Tensor) -> bool:
    return isinstance(one, Tensor) and one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def recorded_episodes(family: TaskFamily, params: dict[str, Tensor], horizon: int, seed: int) -> list[Call]:
    """Calls of all functions in six episodes of random actions, some of which are held for long, until all have ended.

    Raises:
        CheckFailed: where a function changes its arguments, draws globally, or returns another shape or type.
    """
    rng = torch.Generator().manual_seed(seed)
    ask = _Recorder(family, params, rng)
    for _ in range(4):
        state = ask("initial")
    noise, every = UniformPolicy(family.action_space), max(1, horizon // RECORDED)
    lasting = torch.tensor([horizon, horizon, 5, 5, 1, 1])
    held, over = torch.zeros(0), torch.zeros(ask.shape, dtype=torch.bool)
    for time in range(horizon):
        record = time < 5 or time % every == 0
        seen = ask("observation", state, record=record)
        action, _ = noise.act({}, seen, noise.noise(ask.shape, rng))
        new = (time % lasting == 0).reshape(1, -1, *[1] * (action.ndim - 2))
        action = torch.where(new, action, held) if time else action
        held = action.clone()
        following = ask("transition", state, action, record=record)
        ask("reward", state, action, following, record=record)
        over |= ask("terminal", following, record=record)
        ask("truncated", following, record=record)
        state = following
        if record and bool(over.all()):
            break
    return ask.calls
