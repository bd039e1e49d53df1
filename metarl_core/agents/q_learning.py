"""Tabular Q-learning (Watkins and Dayan 1992) on many tasks at once."""

import torch
from torch import Tensor
from tqdm.auto import tqdm


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
    (1/2, 1] this converges to the optimal values with probability one (Watkins and Dayan 1992). An interrupt
    (Ctrl-C) returns what was learned so far.

    Args:
        transitions: `[task, S, A, S]`; a row that sums to less than one terminates with the rest.
        rewards: `[task, S, A]`.
        discount: γ in [0, 1); 1 is allowed where every policy terminates.
        steps: transitions per task.
        exponent: of the step size.

    Raises:
        ValueError: for γ outside [0, 1], an exponent outside (1/2, 1], or transitions of another shape.
    """
    tasks, states, actions = rewards.shape
    if tuple(transitions.shape) != (tasks, states, actions, states):
        raise ValueError(
            f"transitions must have shape {[tasks, states, actions, states]}, got {list(transitions.shape)}."
        )
    if not 0 <= discount <= 1:
        raise ValueError(f"discount must be in [0, 1], got {discount}.")
    if not 0.5 < exponent <= 1:
        raise ValueError(f"exponent must be in (1/2, 1], got {exponent}.")
    q, visits, task = torch.zeros_like(rewards), torch.zeros_like(rewards), torch.arange(tasks)
    cumulative = transitions.cumsum(-1)
    # A row that sums to one but for rounding must not terminate.
    cumulative[..., -1] += (cumulative[..., -1] > 1 - 1e-5).to(cumulative.dtype)
    bar = tqdm(range(steps), desc="Q-learning", delay=2)
    try:
        for step in bar:
            state = torch.randint(states, (tasks,), generator=generator)
            action = torch.randint(actions, (tasks,), generator=generator)
            draw = torch.rand((tasks, 1), generator=generator, dtype=rewards.dtype)
            following = (cumulative[task, state, action] <= draw).sum(-1)
            visits[task, state, action] += 1
            step_size = visits[task, state, action] ** -exponent
            reward, terminated = rewards[task, state, action], following == states
            following = following.clamp_max(states - 1)
            q = q_update(q, state, action, reward, following, terminated, discount, step_size)
            if step % 1000 == 999:
                bar.set_postfix(mean_value=f"{float(q.max(-1).values.mean()):.3f}")
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {step} of {steps} steps.")
    return q
