"""The check of the exercise `double_dqn_target`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _target_cases():
    for seed, (rows, actions) in enumerate(((4, 4), (6, 3), (9, 2))):  # square first: a wrong axis is silent there
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(rows, generator=generator)
        online, target = torch.randn(2, rows, actions, generator=generator)
        # In each row the two networks prefer different actions.
        online.scatter_(1, target.argmax(1, keepdim=True), online.amin(1, keepdim=True) - 1)
        terminated, truncated = torch.zeros(2, rows, dtype=torch.bool)
        terminated[0], truncated[1], terminated[2], truncated[2] = True, True, True, True
        discount = 0.9 + 0.03 * seed
        yield case(rewards, terminated, truncated, online.requires_grad_(), target.requires_grad_(), discount)


def _look_at_target(answer, *args):
    result = answer(*args)
    if not isinstance(result, torch.Tensor):
        raise TypeError("the targets should be a tensor")
    return {"targets": result.detach(), "gradient flows through the targets": result.requires_grad}


def _target_row_by_row(rewards, terminated, truncated, online, target, discount):
    values = []
    for row in range(len(rewards)):
        scores = online[row].tolist()
        future = 0.0 if bool(terminated[row]) else target[row].tolist()[scores.index(max(scores))]
        values.append(float(rewards[row]) + discount * future)
    return {"targets": torch.tensor(values), "gradient flows through the targets": False}


def _target(rewards, terminated, truncated, online, target, discount, over=None, choose=None, value=None, axis=1):
    over = terminated if over is None else over
    choose, value = (online if choose is None else choose), (target if value is None else value)
    if axis == 1:
        future = value.gather(1, choose.argmax(1, keepdim=True))[:, 0]
    else:
        future = value[torch.arange(len(value)), choose.argmax(0)]
    return (rewards + discount * torch.where(over, 0.0, future)).detach()


def _like_target(**changes):
    """A predicate: are the targets those of `_target` with some arguments replaced?"""

    def when(got, *args):
        made = {name: make(*args) for name, make in changes.items()}
        return difference(got["targets"], _target(*args, **made), 1e-4, 1e-6) is None

    return when


check_double_dqn_target = function_check(
    "double_dqn_target",
    _target_row_by_row,
    _target_cases,
    Wrong(
        "not_detached",
        "A gradient flows through your targets. What would an optimiser do with them, by (03.14)?",
        when=lambda got, *_: got["gradient flows through the targets"],
    ),
    Wrong(
        "no_termination",
        "An episode that has ended gets a future. Where do the terminated rows enter?",
        when=_like_target(over=lambda r, d, *_: torch.zeros_like(d)),
    ),
    Wrong(
        "truncation_as_termination",
        "A row that the time limit cut has lost its future. Did the MDP end there?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated | truncated),
    ),
    Wrong(
        "truncation_wins",
        "One row is terminated and truncated in the same step, and you let it have a future. Which flag decides?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated & ~truncated),
    ),
    Wrong(
        "wrong_axis",
        "Your argmax runs over the rows of the batch, and with as many rows as actions nobody notices. What is the "
        "agent to choose among?",
        when=lambda got, *args: (
            args[3].shape[0] == args[3].shape[1]
            and difference(got["targets"], _target(*args, axis=0), 1e-4, 1e-6) is None
        ),
    ),
    Wrong(
        "roles_swapped",
        "One network chooses and the other one values, but the wrong way round. Which of the two changes slowly, and "
        "which of the two jobs needs that?",
        when=_like_target(choose=lambda *args: args[4], value=lambda *args: args[3]),
    ),
    Wrong(
        "single_estimate",
        "One network both chooses and values, so its noise is counted twice. That is DQN without the word double.",
        when=_like_target(choose=lambda *args: args[4]),
    ),
    Wrong(
        "no_target_network",
        "The target network has no say in your targets.",
        when=_like_target(value=lambda *args: args[3]),
    ),
    Wrong(
        "reward_lost",
        "The terminated rows have lost their reward as well. What was paid in the last step was paid.",
        when=lambda got, *args: (
            difference(got["targets"], torch.where(args[1], 0.0, _target(*args)), 1e-4, 1e-6) is None
        ),
    ),
    observe=_look_at_target,
)
