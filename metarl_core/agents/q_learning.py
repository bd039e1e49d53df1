"""Tabular Q-learning (Watkins and Dayan 1992) on many tasks at once."""

import torch
from torch import Tensor


def q_update(
    q: Tensor,
    state: Tensor,
    action: Tensor,
    reward: Tensor,
    next_state: Tensor,
    terminated: Tensor,
    discount: float,
    step_size: Tensor | float,
) -> Tensor:
    """Q(s, a) ← Q(s, a) + η [r + γ (1 − terminated) max_a' Q(s', a') − Q(s, a)], one transition per task.

    Args:
        q: `[task, S, A]`, not changed.
        state, action, reward, next_state, terminated: `[task]`.
        discount: γ.
        step_size: η, a number or `[task]`.

    Returns:
        New table `[task, S, A]`.
    """
    task = torch.arange(len(q))
    target = reward + discount * (~terminated).to(q.dtype) * q[task, next_state].max(-1).values
    updated = q.clone()
    updated[task, state, action] += step_size * (target - q[task, state, action])
    return updated


def q_learning(
    transitions: Tensor,
    rewards: Tensor,
    discount: float,
    steps: int,
    generator: torch.Generator,
    exponent: float = 0.7,
) -> Tensor:
    """Q-learning on tabular MDPs whose states and actions are drawn uniformly, `[task, S, A]`.

    Every pair is visited for ever, and the step size of a pair's n-th visit is n^−`exponent`; with an exponent in
    (1/2, 1] this converges to the optimal values with probability one (Watkins and Dayan 1992).

    Args:
        transitions: `[task, S, A, S]`; a row that sums to less than one terminates with the rest.
        rewards: `[task, S, A]`.
        discount: γ < 1.
        steps: transitions per task.
    """
    tasks, states, actions = rewards.shape
    q, visits, task = torch.zeros_like(rewards), torch.zeros_like(rewards), torch.arange(tasks)
    cumulative = transitions.cumsum(-1)
    for _ in range(steps):
        state = torch.randint(states, (tasks,), generator=generator)
        action = torch.randint(actions, (tasks,), generator=generator)
        draw = torch.rand((tasks, 1), generator=generator, dtype=rewards.dtype)
        following = (cumulative[task, state, action] < draw).sum(-1)
        terminated = following == states
        visits[task, state, action] += 1
        step_size = visits[task, state, action] ** -exponent
        reward = rewards[task, state, action]
        q = q_update(q, state, action, reward, following.clamp_max(states - 1), terminated, discount, step_size)
    return q
