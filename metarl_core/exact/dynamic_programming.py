"""Exact optima of tabular MDPs by dynamic programming, for many tasks at once."""

import torch
from torch import Tensor

from metarl_core.tasks.checks import check_horizon
from metarl_core.tasks.family import Tasks
from metarl_core.tasks.tabular import TabularMDPs


def backward_induction(transitions: Tensor, rewards: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """Optimal values and actions with `horizon` steps to go (Bellman 1957).

        V_0 = 0,   Q_n(s, a) = r(s, a) + Σ_s' P(s' | s, a) V_{n−1}(s'),   V_n(s) = max_a Q_n(s, a)

    Args:
        transitions: `[..., S, A, S]`, probabilities of the next state; a row of zeros ends the episode.
        rewards: `[..., S, A]`, expected rewards.
        horizon: number of steps.

    Returns:
        values `[..., S]` with `horizon` steps to go, and actions `[horizon, ..., S]`, the best action
        at each time step (entry 0 is the first step of an episode).
    """
    check_horizon(horizon)
    _check_shapes(transitions, rewards)
    value, actions = torch.zeros_like(rewards[..., 0]), []
    for _ in range(horizon):
        value, action = (rewards + torch.einsum("...sat,...t->...sa", transitions, value)).max(-1)
        actions.append(action)
    return value, torch.stack(actions[::-1])


def _check_shapes(transitions: Tensor, rewards: Tensor) -> None:
    states, actions = rewards.shape[-2:] if rewards.ndim >= 2 else (0, 0)
    if transitions.shape[-3:] != (states, actions, states):
        raise ValueError(
            f"transitions must have shape [..., S, A, S] where rewards have [..., S, A], "
            f"got {list(transitions.shape)} and {list(rewards.shape)}."
        )


def value_iteration(
    transitions: Tensor, rewards: Tensor, discount: float, tolerance: float = 1e-8
) -> tuple[Tensor, Tensor]:
    """Optimal values `[..., S]` and actions `[..., S]` of the discounted infinite-horizon MDP.

    Stops when the remaining error of every value is below `tolerance` by the contraction bound
    discount / (1 − discount) · ‖V_k − V_{k−1}‖∞. Shapes as in `backward_induction`.

    Raises:
        ValueError: for a discount outside [0, 1).
    """
    if not 0 <= discount < 1:
        raise ValueError(f"discount must be in [0, 1), got {discount}.")
    _check_shapes(transitions, rewards)
    value = torch.zeros_like(rewards[..., 0])
    while True:
        new_value, action = (rewards + discount * torch.einsum("...sat,...t->...sa", transitions, value)).max(-1)
        change = (new_value - value).abs().max() * discount / (1 - discount)
        value = new_value
        if change <= max(tolerance, 4 * torch.finfo(value.dtype).eps * float(value.abs().max())):
            return value, action


def policy_value(transitions: Tensor, rewards: Tensor, policy: Tensor, horizon: int) -> Tensor:
    """Expected undiscounted return `[..., S]` of a stochastic `policy` `[..., S, A]` over `horizon` steps."""
    check_horizon(horizon)
    _check_shapes(transitions, rewards)
    if policy.shape[-2:] != rewards.shape[-2:]:
        raise ValueError(
            f"policy must have shape [..., S, A] like rewards {list(rewards.shape)}, got {list(policy.shape)}."
        )
    value = torch.zeros_like(rewards[..., 0])
    for _ in range(horizon):
        value = (policy * (rewards + torch.einsum("...sat,...t->...sa", transitions, value))).sum(-1)
    return value


def optimal_return(family: TabularMDPs, tasks: Tasks) -> Tensor:
    """Expected return `[task]` of the optimal policy that knows the task, by backward induction from state 0."""
    family.check_tasks(tasks)
    value, _ = backward_induction(tasks["transitions"].double(), tasks["reward_means"].double(), family.horizon)
    return value[..., 0]
