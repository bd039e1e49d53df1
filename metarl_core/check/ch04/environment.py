"""What is found out about a project's environment before anything is played in it: shapes, purity, scale."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import UniformPolicy
from metarl_core.check import CheckFailed
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
    """Step it a few times; whether episodes meet is asked only where it draws nothing after its start.

    Raises:
        CheckFailed: where rewards or ends have another shape or type than the text asks for.
    """
    generator = torch.Generator().manual_seed(90_000)
    params, single = (expand_tasks(family.as_tasks(None), n) for n in (EPISODES, 1))
    state = family.initial(generator, params)
    noise = UniformPolicy(family.action_space)
    starts = [family.initial(torch.Generator().manual_seed(1), params) for _ in range(2)]
    changes, meets, varies = False, False, not _alike(*starts)
    sizes: list[Tensor] = []
    for _ in range(STEPS):
        seen = family.observation(state, generator, params)
        sizes.append(seen.double().abs().mean((0, 1)).max())
        action, _ = noise.act({}, seen, noise.noise((1, EPISODES), generator))
        before = state.clone()
        following = family.transition(state, action, generator, params)
        changes |= not torch.equal(before, state)
        _check_result("reward", family.reward(before, action, following, generator, params))
        _check_result("terminal", family.terminal(following, generator, params))
        again, once_more = (
            family.transition(before.clone(), action, torch.Generator().manual_seed(1), params) for _ in range(2)
        )
        varies |= not _alike(again, once_more)
        if _alike(again, following):
            twin = torch.Generator().manual_seed(1)
            alone = [
                family.transition(before[:, i : i + 1].clone(), action[:, i : i + 1], twin, single)
                for i in range(EPISODES)
            ]
            meets |= not torch.allclose(torch.cat(alone, 1).double(), following.double(), 1e-4, 1e-5, equal_nan=True)
        state = following
    return Tried(changes, meets, varies, bool(torch.stack(sizes).mean() > LARGE))


def _alike(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _check_result(name: str, value: Any) -> None:
    """Rewards are numbers, ends are bool, each `[task, episode]`."""
    numbers = name == "reward"
    if isinstance(value, Tensor) and tuple(value.shape) == (1, EPISODES):
        if value.is_floating_point() if numbers else value.dtype == torch.bool:
            return
    words = f"with {EPISODES} episodes of one task expected are {'numbers' if numbers else 'bool'} of shape"
    raise CheckFailed(f"`{name}` of your environment returns {describe(value)}; {words} [1, {EPISODES}].", "shape")
