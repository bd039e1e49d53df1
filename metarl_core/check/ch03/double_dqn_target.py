"""The check of the exercise `double_dqn_target`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _draw_batch(draw):
    """1 to 8 rows, 2 to 5 actions, as many rows as actions now and then; no two values of a row are equal."""
    rows, actions = draw.integer(1, 8), draw.integer(2, 5)
    rows = actions if draw.chance(0.3) else rows
    dtype, scale = draw.choice(torch.float32, torch.float64), draw.choice(1.0, 1.0, 10.0)
    discount = draw.choice(0.0, 1.0, *(draw.uniform(0.4, 0.99) for _ in range(5)))
    terminated, truncated = draw.flags(rows, share=0.3), draw.flags(rows, share=0.3)
    online, target = (_distinct(draw, rows, actions, dtype) * scale for _ in range(2))
    graphs = draw.chance(0.35), draw.chance(0.35)
    rewards = draw.normal(rows, dtype=dtype, scale=scale, mean=0.5)
    best = online.argmax(1)
    future = discount * target.detach()[torch.arange(rows), best]
    online, target = online.requires_grad_(graphs[0]), target.requires_grad_(graphs[1])
    return case(rewards, terminated, truncated, online, target, discount).noting(
        {
            "a row is terminated and truncated at once": (terminated & truncated).any(),
            "a row is terminated": terminated.any(),
            "a row is truncated": truncated.any(),
            "the networks prefer different actions in a row": (online.argmax(1) != target.argmax(1)).any(),
            "the best action of a row is not among the first two": (best > 1).any(),
            "the future of a row that goes on is negative": ((future < 0) & ~terminated).any(),
            "there are as many rows as actions": rows == actions,
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "the numbers are float32": dtype == torch.float32,
            "the numbers are float64": dtype == torch.float64,
            "a value carries a graph": any(graphs),
        }
    )


def _distinct(draw, rows, actions, dtype):
    """Normal numbers, those of a row moved apart so that none is near another."""
    order = torch.tensor([draw.permutation(actions) for _ in range(rows)])
    gaps = 0.25 + draw.normal(rows, actions, scale=0.5).abs()
    values = gaps.cumsum(1).gather(1, order) + draw.normal(rows, 1) - gaps.sum(1, keepdim=True) / 2
    return (values.mul(100).round().div(100) if draw.size < 0.3 else values).to(dtype)


def _look_at_target(answer, *args):
    result = answer(*args)
    if not isinstance(result, torch.Tensor):
        raise TypeError("targets are a tensor")
    return {"targets": result.detach(), "no gradient flows through them": not result.requires_grad}


def _target_row_by_row(rewards, terminated, truncated, online, target, discount):
    values = []
    for row in range(len(rewards)):
        scores = online[row].tolist()
        future = 0.0 if bool(terminated[row]) else target[row].tolist()[scores.index(max(scores))]
        values.append(float(rewards[row]) + discount * future)
    return {"targets": torch.tensor(values, dtype=rewards.dtype), "no gradient flows through them": True}


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
    return _like(lambda *args: _target(*args, **{name: make(*args) for name, make in changes.items()}))


def _like(answer):
    """A predicate: are the targets those of this answer? A graph beside them is another matter."""
    return lambda got, *args: difference(got["targets"], answer(*args).detach(), None, None) is None


def _index_for_value(rewards, terminated, truncated, online, target, discount):
    return rewards + discount * torch.where(terminated, 0.0, online.argmax(1).to(rewards.dtype))


def _least(rewards, terminated, truncated, online, target, discount):
    return _target(rewards, terminated, truncated, -online, target, discount)


check_double_dqn_target = function_check(
    "double_dqn_target",
    _target_row_by_row,
    _draw_batch,
    Wrong(
        "not_detached",
        "A gradient flows through your targets. What would an optimiser do with them, by (03.14)?",
        when=lambda got, *_: not got["no gradient flows through them"],
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
        "A row is terminated and truncated in the same step, and you let it have a future. Which flag decides?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated & ~truncated),
    ),
    Wrong(
        "flags_swapped",
        "Truncated rows lose their future, and terminated ones keep it. After which of the two has the MDP ended?",
        when=_like_target(over=lambda r, terminated, truncated, *_: truncated),
    ),
    Wrong(
        "wrong_axis",
        "Your argmax runs over the rows of the batch, and with as many rows as actions nobody notices. What is the "
        "agent to choose among?",
        when=lambda got, *args: (
            args[3].shape[0] == args[3].shape[1] and _like(lambda *a: _target(*a, axis=0))(got, *args)
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
        "flags_inverted",
        "Terminated rows get a future, and the others get none. What does your factor make of True?",
        when=_like_target(over=lambda r, terminated, *_: ~terminated),
    ),
    Wrong(
        "ends_only_where_both",
        "A row loses its future only where it is terminated and truncated at once. Is one of the two enough?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated & truncated),
    ),
    Wrong(
        "ends_where_one",
        "A row loses its future where one of the flags is set, and keeps it where both are. Which flag decides?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated ^ truncated),
    ),
    Wrong(
        "largest_size",
        "You choose the action whose value is largest in size, so that −3 beats 2. Which one does (1) choose?",
        when=_like_target(choose=lambda *args: args[3].abs()),
    ),
    Wrong(
        "smaller_of_both",
        "You take the smaller one of the two networks' values of the chosen action. Twin critics do that; which "
        "network does (1) read?",
        when=_like(lambda *args: torch.minimum(_target(*args), _target(*args, value=args[3]))),
    ),
    Wrong(
        "mean_of_networks",
        "The values of both networks are mixed in your targets. What is the job of each in (1)?",
        when=_like_target(choose=lambda *args: args[3] + args[4], value=lambda *args: (args[3] + args[4]) / 2),
    ),
    Wrong(
        "expected_value",
        "You take an expected value over all actions, as a stochastic policy would. Which action does (1) take?",
        when=_like(
            lambda *args: _target(
                *args[:4], (args[3].softmax(1) * args[4]).sum(1, keepdim=True).expand_as(args[4]), args[5]
            )
        ),
    ),
    Wrong(
        "one_choice_for_all",
        "One and the same action is chosen for all rows. To what does each row's choice belong?",
        when=_like(lambda *args: _target(*args, choose=args[3].sum(0, keepdim=True).expand_as(args[3]))),
    ),
    Wrong(
        "clips_rewards",
        "Your rewards are limited to [−1, 1]. DQN did that for Atari games; does (1)?",
        when=_like(lambda *args: _target(args[0].clamp(-1, 1), *args[1:])),
    ),
    Wrong(
        "reward_lost",
        "The terminated rows have lost their reward as well. What was paid in the last step was paid.",
        when=_like(lambda *args: torch.where(args[1], 0.0, _target(*args))),
    ),
    Wrong(
        "undiscounted",
        "Your targets are the same for every γ.",
        when=_like(lambda *args: _target(*args[:-1], 1.0)),
    ),
    Wrong(
        "discounts_the_reward",
        "Your γ multiplies the reward as well. When is that paid?",
        when=_like(lambda *args: _target(args[-1] * args[0], *args[1:])),
    ),
    Wrong(
        "index_for_value",
        "You add the *number* of the chosen action. What is that action worth?",
        when=_like(_index_for_value),
    ),
    Wrong(
        "worst_action",
        "The action that you choose is the one that the online network values least.",
        when=_like(_least),
    ),
    observe=_look_at_target,
)
