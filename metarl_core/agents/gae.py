"""Generalised advantage estimation (Schulman et al. 2016)."""

import torch
from torch import Tensor

from metarl_core.arguments import check_between, check_same_shape, check_shape


def next_values(values: Tensor, final_values: Tensor) -> Tensor:
    """V(s_{t+1}) for each step, `[..., time]`, from V(s_t) `[..., time]` and V after the last step `[...]`."""
    check_shape("final_values", final_values, *values.shape[:-1])
    return torch.cat([values[..., 1:], final_values[..., None]], -1)


def gae(
    rewards: Tensor,
    values: Tensor,
    final_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    discount: float,
    gae_lambda: float,
) -> Tensor:
    """Advantages Σ_k (γλ)^k δ_{t+k} with δ_t = r_t + γ (1 − terminated_t) V(s_{t+1}) − V(s_t) (eqs. 11–16).

    A terminated step has no future, so it does not bootstrap. A truncated one does: its next state is worth
    V(s_{t+1}) although the episode was cut there. The sum ends at both.

    Args:
        rewards, values, terminated, truncated: `[..., time]`.
        final_values: `[...]`, V of the observation after the last step.
        discount: γ in [0, 1].
        gae_lambda: λ in [0, 1]; 0 is the one-step temporal difference, 1 the return minus V.

    Returns:
        `[..., time]`, constants (no gradient).

    Raises:
        ValueError: for γ or λ outside [0, 1], or shapes that do not fit.
    """
    for name, value in (("discount", discount), ("gae_lambda", gae_lambda)):
        check_between(name, value)
    check_same_shape(rewards=rewards, values=values, terminated=terminated, truncated=truncated)
    values, final_values = values.detach(), final_values.detach()
    going = (~terminated).to(rewards.dtype)
    differences = rewards + discount * going * next_values(values, final_values) - values
    carry = discount * gae_lambda * (~(terminated | truncated)).to(rewards.dtype)
    advantages = torch.empty_like(rewards)
    running = torch.zeros_like(final_values)
    for time in range(rewards.shape[-1] - 1, -1, -1):
        running = differences[..., time] + carry[..., time] * running
        advantages[..., time] = running
    return advantages
