"""What is found out about a project's policy: whether it is greedy, and whether its agents act by their parameters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from torch import Tensor

from metarl_core.check import CheckFailed
from metarl_core.check.describe import describe
from metarl_core.check.guard import draws_state

MOMENTS = 12
"""time steps at which agents are asked again"""
NEAR, FEWEST_NUMBERS = 1e-2, 20
"""Two trainings of a network from different seeds end farther apart than this, relative to the size of its parameters.
Small or single tables and gains may end at the same numbers."""

Parameters = dict[str, Tensor]
Act = Callable[[Parameters, Tensor], Any]


def fault_of_policy(act: Act, parameters: Parameters, observations: Tensor) -> str | None:
    """ "not_greedy", "agents_meet", "episodes_meet" or "ignores_parameters", or None.

    Observations are `[agent, episode, time, ...]`.
    """
    moments = at_some_moments(observations)

    def actions(parameters: Parameters) -> list[Tensor]:
        return [torch.as_tensor(act(parameters, seen)).clone() for seen in moments]

    drawn, kept = draws_state(), [seen.clone() for seen in moments]
    copies = {name: value.clone() for name, value in parameters.items()}
    first, second = actions(copies), actions(copies)
    same = all(torch.equal(copies[name], value) for name, value in parameters.items() if name in copies)
    if not same or not all(_alike(a, b) for a, b in zip(kept, moments, strict=True)):
        raise CheckFailed("`greedy_action` of your policy changes its arguments.", "changed arguments")
    if draws_state() != drawn or not all(_alike(a, b) for a, b in zip(first, second, strict=True)):
        return "not_greedy"
    changed = [made for other in _others(parameters) if (made := _tried(actions, other)) is not None]
    for agent in range(len(first[0]) if changed else 0):
        if all(_alike(one[agent], two[agent]) for other in changed for one, two in zip(first, other, strict=True)):
            return "ignores_parameters"
    for agent in (0, len(first[0]) - 1):
        others = {name: value.flip(0).clone() for name, value in parameters.items()}
        for name, value in others.items():
            value[agent] = parameters[name][agent]
        if not all(_alike(one[agent], two[agent]) for one, two in zip(first, actions(others), strict=True)):
            return "agents_meet"
    return "episodes_meet" if episodes_meet(lambda seen: act(copies, seen), moments) else None


def episodes_meet(act: Callable[[Tensor], Any], moments: list[Tensor]) -> bool:
    """Whether what is done in an episode depends on the observations `[agent, episode, ...]` of those beside it."""
    for at, seen in enumerate(moments):
        episode, number = at % seen.shape[1], seen.shape[1]
        own = torch.as_tensor(act(seen.clone()))[:, episode]
        for other in {(episode + step) % number for step in (1, 5, 11)}:  # all others see what one of them saw
            beside = seen[:, other : other + 1].expand_as(seen).clone()
            beside[:, episode] = seen[:, episode]
            if not _alike(own, torch.as_tensor(act(beside))[:, episode]):
                return True
    return False


def at_some_moments(observations: Tensor) -> list[Tensor]:
    """Observations `[agent, episode, time, ...]` at a few time steps."""
    times = np.unique(np.linspace(0, observations.shape[2] - 1, MOMENTS).astype(int))
    return [observations[:, :, time].clone() for time in times]


def _tried(actions: Callable[[Parameters], list[Tensor]], parameters: Parameters) -> list[Tensor] | None:
    """None where such parameters are none of this policy: then they matter to it."""
    try:
        return actions(parameters)
    except Exception:
        return None


def _others(parameters: Parameters) -> list[Parameters]:
    """Turned round, and noise of the same size, some draws of it."""
    draws = torch.Generator().manual_seed(90_010)
    others = [{name: -value for name, value in parameters.items()}]
    for size in (1.0, 1.0, 3.0, 10.0):
        made = {}
        for name, value in parameters.items():
            noise = torch.randn(value.shape, generator=draws, dtype=value.dtype)
            made[name] = size * noise * (value.double().square().mean().sqrt().to(value.dtype) + 0.1)
        others.append(made)
    return others


def _alike(one: Tensor, other: Tensor) -> bool:
    if one.is_floating_point():
        return one.shape == other.shape and torch.allclose(one, other, 1e-4, 1e-5, equal_nan=True)
    return torch.equal(one, other)


def near_copies(parameters: Parameters) -> bool:
    """Whether two agents have almost the same parameters, of a network."""
    number = len(next(iter(parameters.values())))
    flat = np.concatenate([one.double().numpy().reshape(number, -1) for one in parameters.values()], 1)
    if len(parameters) < 2 or flat.shape[1] < FEWEST_NUMBERS:
        return False
    sizes = np.linalg.norm(flat, axis=1)
    pairs = ((a, b) for a in range(number) for b in range(a))
    return any(np.linalg.norm(flat[a] - flat[b]) <= NEAR * max(sizes[a], sizes[b]) for a, b in pairs)


def check_actions(who: str, actions: Tensor, space: Space[Any]) -> None:
    """Actions of a `Discrete` space are whole numbers that it counts; a box is left to the environment."""
    if not isinstance(space, spaces.Discrete) or not actions.numel():
        return
    numbers = actions.double()
    outside = (numbers != numbers.round()) | (numbers < 0) | (numbers >= int(space.n))
    if bool(outside.any()):
        worst = numbers[outside][0].item()
        words = f"gives the action {worst:g}; those of {space} are 0 to {int(space.n) - 1}."
        raise CheckFailed(f"{who} {words}", "value")


def action_of(who: str, value: Any) -> Tensor:
    """What a controller or a policy returned, as a tensor."""
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        words = f"returns {describe(value)}; expected are actions, a tensor."
    raise CheckFailed(f"{who} {words}", "type")
