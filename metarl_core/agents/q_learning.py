"""Tabular Q-learning (Watkins and Dayan 1992) on many tasks at once."""

import torch
from torch import Tensor

from metarl_core.arguments import check_between, check_count, check_shape, is_number
from metarl_core.training import training_loop


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

    Raises:
        ValueError: for γ outside [0, 1], or shapes that do not fit.
    """
    check_shape("q", q, "task", "S", "A")
    check_between("discount", discount)
    given = {"state": state, "action": action, "reward": reward, "next_state": next_state, "terminated": terminated}
    for name, value in given.items():
        check_shape(name, value, len(q))
    return _updated(q, state, action, reward, next_state, terminated, discount, step_size)


def _updated(
    q: Tensor,
    state: Tensor,
    action: Tensor,
    reward: Tensor,
    next_state: Tensor,
    terminated: Tensor,
    discount: float,
    step_size: Tensor | float,
) -> Tensor:
    task = torch.arange(len(q), device=q.device)
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
    description: str | None = "Q-learning",
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
        description: name on the progress bar; None for no bar.

    Raises:
        ValueError: for γ outside [0, 1], an exponent outside (1/2, 1], or transitions of another shape.
    """
    check_shape("rewards", rewards, "task", "S", "A")
    tasks, states, actions = rewards.shape
    check_shape("transitions", transitions, tasks, states, actions, states)
    check_between("discount", discount)
    check_count("steps", steps, 0)
    if not is_number(exponent) or not 0.5 < exponent <= 1:
        raise ValueError(f"exponent must be in (1/2, 1], got {exponent!r}.")
    learned, visits = {"q": torch.zeros_like(rewards)}, torch.zeros_like(rewards)
    task, device = torch.arange(tasks, device=rewards.device), generator.device
    cumulative = transitions.cumsum(-1)
    # A row that sums to one but for rounding must not terminate.
    cumulative[..., -1] += (cumulative[..., -1] > 1 - 1e-5).to(cumulative.dtype)

    def iterate(iteration: int) -> tuple[dict[str, float], None] | None:
        state = torch.randint(states, (tasks,), generator=generator, device=device).to(rewards.device)
        action = torch.randint(actions, (tasks,), generator=generator, device=device).to(rewards.device)
        draw = torch.rand((tasks, 1), generator=generator, dtype=rewards.dtype, device=device).to(rewards.device)
        following = (cumulative[task, state, action] <= draw).sum(-1)
        visits[task, state, action] += 1
        step_size = visits[task, state, action] ** -exponent
        reward, terminated = rewards[task, state, action], following == states
        following = following.clamp_max(states - 1)
        learned["q"] = _updated(learned["q"], state, action, reward, following, terminated, discount, step_size)
        if iteration % 1000 != 999:
            return None
        return {"mean_q": float(learned["q"].max(-1).values.mean())}, None

    training_loop(iterate, steps, learned, description=description, shown="mean_q")
    return learned["q"]
