"""What is found out about a project's environment before anything is played in it: shapes, purity, scale."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import UniformPolicy
from metarl_core.check import CheckFailed
from metarl_core.check.copies import changed, clone
from metarl_core.check.describe import describe
from metarl_core.tasks import TaskFamily, expand_tasks

EPISODES, STEPS = 6, 5
LARGE = 30.0
"""mean size of an observed number that is no longer "of the order of 1" """


@dataclass(frozen=True)
class Tried:
    """What an environment does in a few steps of random actions."""

    changes_state: bool = False
    episodes_meet: bool = False
    not_a_function: bool = False
    far_from_one: bool = False


def try_environment(family: TaskFamily) -> Tried:
    """Step it a few times; whether episodes meet is asked of functions that draw nothing.

    Raises:
        CheckFailed: where rewards or ends have another shape or type than the text asks for.
    """
    generator = torch.Generator().manual_seed(90_000)
    params, single = (expand_tasks(family.as_tasks(None), n) for n in (EPISODES, 1))
    state = family.initial(generator, params)
    noise = UniformPolicy(family.action_space)
    starts = [family.initial(_seeded(1), params) for _ in range(2)]
    changes, meets, varies = False, False, not _alike(*starts)
    sizes: list[Tensor] = []
    calls: list[tuple[Callable, tuple, Tensor]] = []
    for _ in range(STEPS):
        seen = family.observation(state.clone(), generator, params)
        sizes.append(seen.double().abs().mean((0, 1)).max())
        action, _ = noise.act({}, seen, noise.noise((1, EPISODES), generator))
        following = family.transition(state.clone(), action.clone(), generator, params)
        for name, function in _functions(family).items():
            given = (state, action, following)
            copies, own = clone(given), dict(clone(params))
            first = function(*copies, _seeded(1), own)
            if name in ("reward", "terminal"):
                _check_result(name, first)
            changes |= changed((given, params), (copies, own))
            calls.append((function, clone(given), first))
            if _alike(first, function(*clone(given), _seeded(2), clone(params))):
                alone = [
                    function(*(part[:, i : i + 1].clone() for part in given), _seeded(1), clone(single))
                    for i in range(EPISODES)
                ]
                meets |= not torch.allclose(torch.cat(alone, 1).double(), first.double(), 1e-4, 1e-5, equal_nan=True)
        state = following
    for function, given, first in reversed(calls):
        varies |= not _alike(function(*given, _seeded(1), clone(params)), first)
    return Tried(changes, meets, varies, bool(torch.stack(sizes).mean() > LARGE))


def _functions(family: TaskFamily) -> dict[str, Callable]:
    """What an environment does in a step, each of (state, action, next state, generator, task)."""
    return {
        "observation": lambda state, action, following, rng, params: family.observation(state, rng, params),
        "transition": lambda state, action, following, rng, params: family.transition(state, action, rng, params),
        "reward": family.reward,
        "terminal": lambda state, action, following, rng, params: family.terminal(following, rng, params),
    }


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _check_result(name: str, value: Any) -> None:
    """Rewards are numbers, ends are bool, each `[task, episode]`."""
    numbers = name == "reward"
    if isinstance(value, Tensor) and tuple(value.shape) == (1, EPISODES):
        if value.is_floating_point() if numbers else value.dtype == torch.bool:
            return
    words = f"with {EPISODES} episodes of one task expected are {'numbers' if numbers else 'bool'} of shape"
    raise CheckFailed(f"`{name}` of your environment returns {describe(value)}; {words} [1, {EPISODES}].", "shape")
