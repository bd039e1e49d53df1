"""What sequences of actions earn in a model."""

from collections.abc import Callable

import torch
from torch import Tensor

from metarl_core.arguments import check_between, check_callable

Step = Callable[[Tensor, Tensor], Tensor]
"""(states `[..., state]`, actions `[..., action]`) -> next states `[..., state]`"""
Reward = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states, actions, next states) -> rewards `[...]`"""
Score = Callable[[Tensor], Tensor]
"""sequences of actions `[*batch, candidate, time, action]` -> how good they are, `[*batch, candidate]`"""


def imagined_returns(step: Step, reward: Reward, start: Tensor, actions: Tensor, discount: float = 1.0) -> Tensor:
    """Σ_t γ^t r_t of sequences of actions in a model, all candidates of all environments at once.

    Args:
        step: the model.
        reward: what a step of it earns.
        start: where each environment is now, `[*batch, state]`.
        actions: `[*batch, candidate, time, action]`.
        discount: γ.

    Returns:
        `[*batch, candidate]`.

    Raises:
        ValueError: where the leading axes differ.
    """
    check_callable("step", step, "states and actions")
    check_callable("reward", reward, "states, actions and next states")
    check_between("discount", discount)
    if actions.ndim != start.ndim + 2 or actions.shape[:-3] != start.shape[:-1]:
        batch = ", ".join(map(str, start.shape[:-1]))
        raise ValueError(f"actions must have shape [{batch}, candidate, time, action], got {list(actions.shape)}.")
    state = start.unsqueeze(-2).expand(*actions.shape[:-2], start.shape[-1])
    total = torch.zeros_like(actions[..., 0, 0])
    for time in range(actions.shape[-2]):
        action = actions[..., time, :]
        following = step(state, action)
        total = total + discount**time * reward(state, action, following)
        state = following
    return total
