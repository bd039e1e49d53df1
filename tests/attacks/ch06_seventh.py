"""Answers to chapter 06 that clip, cap or remember."""

import torch

from metarl_core.check import ch06
from metarl_core.check.oracles import network_error

from . import named

HEAD = ("w2", "b2")


def _slope(loss, point):
    leaf = point.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def _reptile(slope_of=lambda slope: slope, losses_of=lambda losses: losses):
    def answer(theta, tasks, alpha, epsilon):
        ends = []
        for losses in tasks:
            point = theta.clone()
            for loss in losses_of(losses):
                point = point - alpha * slope_of(_slope(loss, point))
            ends.append(point)
        return theta + epsilon * (torch.stack(ends).mean(0) - theta)

    return answer


def _mixed_with_the_move_before(before):
    def answer(theta, tasks, alpha, epsilon):
        move = _reptile()(theta, tasks, alpha, epsilon) - theta
        key = len(theta), len(tasks), alpha, epsilon
        earlier = before.get(key, move)
        before[key] = move
        return theta + 0.9 * earlier + 0.1 * move

    return answer


def _head(rate=lambda rate: rate, slope_of=lambda slope: slope):
    def answer(parameters, rates, tasks):
        outer = []
        for xs, ys, xq, yq in tasks:
            leaves = [parameters[name] for name in HEAD]
            slopes = torch.autograd.grad(network_error(parameters, xs, ys), leaves, create_graph=True)
            moved = {n: parameters[n] - rate(rates[n]) * slope_of(s) for n, s in zip(HEAD, slopes, strict=True)}
            outer.append(network_error(parameters | moved, xq, yq))
        return torch.stack(outer).mean()

    return answer


WRONG = [
    *named(
        ch06.check_reptile_step,
        entries_up_to_ten=_reptile(lambda slope: slope.clamp(-10, 10)),
        ten_minibatches_at_most=_reptile(losses_of=lambda losses: losses[:10]),
        mixed_with_the_move_before=_mixed_with_the_move_before({}),
    ),
    *named(
        ch06.check_head_loss,
        rates_up_to_two=_head(rate=lambda rate: rate.clamp(-2, 2)),
        slopes_up_to_ten=_head(slope_of=lambda slope: slope.clamp(-10, 10)),
    ),
]
RIGHT = [*named(ch06.check_reptile_step, as_it_stands=_reptile()), *named(ch06.check_head_loss, as_it_stands=_head())]
