"""Minibatches that two networks have valued, and the expected target of an ε-greedy agent found in two ways."""

import torch

from metarl_core.check import case
from metarl_core.check.compare import difference


def draw_batch(draw):
    """1 to 8 rows, 2 to 5 actions, once 60 of each, as many rows as actions now and then; any ε; no two values of a
    row equal."""
    rows, actions = draw.integer(1, 8), draw.integer(2, 5)
    rows = actions if draw.chance(0.3) else rows
    rows, actions = draw.once(17, 60, rows), draw.once(19, 60, actions)
    dtype, scale = draw.choice(torch.float32, torch.float64), draw.choice(1.0, 1.0, 10.0)
    discount = draw.choice(0.0, 1.0, *(draw.uniform(0.4, 0.99) for _ in range(5)))
    epsilon = draw.choice(0.0, 1.0, *(draw.uniform(0.05, 0.95) for _ in range(5)))
    terminated, truncated = draw.flags(rows, share=0.3), draw.flags(rows, share=0.3)
    online, target = (_distinct(draw, rows, actions, dtype) * scale for _ in range(2))
    graphs = draw.chance(0.35), draw.chance(0.35)
    rewards = draw.normal(rows, dtype=dtype, scale=scale, mean=0.5)
    best = online.argmax(1)
    online, target = online.requires_grad_(graphs[0]), target.requires_grad_(graphs[1])
    return case(rewards, terminated, truncated, online, target, discount, epsilon).noting(
        {
            "a row is terminated and truncated at once": (terminated & truncated).any(),
            "a row is terminated": terminated.any(),
            "a row is truncated": truncated.any(),
            "a row goes on": not terminated.all(),
            "the networks prefer different actions in a row": (online.argmax(1) != target.argmax(1)).any(),
            "the best action of a row is not among the first two": (best > 1).any(),
            "there are more than two actions": actions > 2,
            "there are as many rows as actions": rows == actions,
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "epsilon is 0": epsilon == 0,
            "epsilon is 1": epsilon == 1,
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


def look_at_targets(answer, *args):
    """What is observed of a target function."""
    result = answer(*args)
    if not isinstance(result, torch.Tensor):
        raise TypeError("targets are a tensor")
    return {"targets": result.detach(), "no gradient flows through them": not result.requires_grad}


def row_by_row(rewards, terminated, truncated, online, target, discount, epsilon):
    """Each action's probability times its value, one number at a time."""
    values = []
    for row in range(len(rewards)):
        scores, worth = online[row].tolist(), target[row].tolist()
        future = 0.0
        for action, value in enumerate(worth):
            greedy = 1.0 if action == scores.index(max(scores)) else 0.0
            future += (epsilon / len(worth) + (1 - epsilon) * greedy) * value
        values.append(float(rewards[row]) + (0.0 if bool(terminated[row]) else discount * future))
    return {"targets": torch.tensor(values, dtype=rewards.dtype), "no gradient flows through them": True}


def expected(
    rewards, terminated, truncated, online, target, discount, epsilon,
    over=None, choose=None, value=None, spread=None, weights=None,
):  # fmt: skip
    """The target with one thing changed.

    `over`: rows without a future; `choose`: values that the greedy action is chosen by; `value`: of the greedy action;
    `spread`: values that exploration meets; `weights`: of the greedy value and of the mean of `spread`.
    """
    over = terminated if over is None else over
    choose, value = (online if choose is None else choose), (target if value is None else value)
    spread = target if spread is None else spread
    greedy, uniform = (1 - epsilon, epsilon) if weights is None else weights
    future = greedy * value.gather(1, choose.argmax(1, keepdim=True))[:, 0] + uniform * spread.mean(1)
    return (rewards + discount * torch.where(over, 0.0, future)).detach()


def like(answer):
    """A predicate: are the targets those of this answer? A graph beside them is another matter."""
    return lambda got, *args: difference(got["targets"], answer(*args).detach(), None, None) is None


def with_(**changes):
    """A predicate: are the targets those of `expected` with some arguments replaced?"""
    return like(lambda *args: expected(*args, **{name: make(*args) for name, make in changes.items()}))
