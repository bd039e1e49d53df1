"""Answers to chapter 06 with one thing done in another way than (1) to (5) say, and right ones in other styles."""

import numpy as np
import torch

from metarl_core.check import ch06
from metarl_core.check.oracles import network_error

from . import named

HEAD = ("w2", "b2")


def _slope(loss, point):
    leaf = point.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def _end(theta, losses, alpha, change=lambda slope, k: slope):
    for k, loss in enumerate(losses):
        theta = theta - alpha * change(_slope(loss, theta), k)
    return theta


def _reptile(ends=_end, combine=lambda moves: moves.mean(0)):
    def answer(theta, tasks, alpha, epsilon):
        return theta + epsilon * combine(torch.stack([ends(theta, losses, alpha) for losses in tasks]) - theta)

    return answer


def _serial(theta, tasks, alpha, epsilon):
    for losses in tasks:
        theta = theta + epsilon * (_end(theta, losses, alpha) - theta)
    return theta


def _serial_with_a_share(theta, tasks, alpha, epsilon):
    for losses in tasks:
        theta = theta + epsilon / len(tasks) * (_end(theta, losses, alpha) - theta)
    return theta


def _weighted_by_length(theta, tasks, alpha, epsilon):
    """All tasks have k minibatches."""
    moves = torch.stack([len(losses) * (_end(theta, losses, alpha) - theta) for losses in tasks])
    return theta + epsilon * moves.sum(0) / sum(map(len, tasks))


def _mean_of_the_path(theta, losses, alpha):
    points = [theta]
    for loss in losses:
        points.append(points[-1] - alpha * _slope(loss, points[-1]))
    return torch.stack(points).mean(0)


def _all_minibatches_at_once(theta, losses, alpha):
    for _ in losses:
        theta = theta - alpha * torch.stack([_slope(loss, theta) for loss in losses]).mean(0)
    return theta


def _with_momentum(theta, losses, alpha):
    speed = torch.zeros_like(theta)
    for loss in losses:
        speed = 0.9 * speed + _slope(loss, theta)
        theta = theta - alpha * speed
    return theta


def _slopes_summed(theta, tasks, alpha, epsilon):
    """The move is minus alpha times the sum of the slopes."""
    total = torch.zeros_like(theta)
    for losses in tasks:
        point = theta.clone()
        for loss in losses:
            slope = _slope(loss, point)
            point, total = point - alpha * slope, total + slope
    return theta - epsilon * alpha / len(tasks) * total


def _by_an_optimiser(theta, tasks, alpha, epsilon):
    ends = []
    for losses in tasks:
        point = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([point], lr=alpha)
        for loss in losses:
            optimiser.zero_grad()
            loss(point).backward()
            optimiser.step()
        ends.append(point.detach())
    return torch.lerp(theta, torch.stack(ends).mean(0), epsilon)


def _coefficients(change):
    return lambda weights: torch.stack([weights.sum(), change(weights)])


def _later_sums(weights):
    return torch.stack([weights.sum(), weights.flip(0).cumsum(0)[:-1].sum()])


def _coefficients_in_numpy(weights):
    w = weights.numpy()
    return torch.tensor([w.sum(), np.dot(w, np.arange(w.size))], dtype=weights.dtype)


def _head(rate=lambda r: r, slope=lambda s: s, names=HEAD, mean=lambda each, sizes: torch.stack(each).mean()):
    def answer(parameters, rates, tasks):
        each = []
        for xs, ys, xq, yq in tasks:
            leaves = [parameters[name] for name in names]
            slopes = torch.autograd.grad(network_error(parameters, xs, ys), leaves, create_graph=True)
            moved = {n: parameters[n] - rate(rates[n]) * slope(s) for n, s in zip(names, slopes, strict=True)}
            each.append(network_error(parameters | moved, xq, yq))
        return mean(each, torch.tensor([len(task[2]) for task in tasks]))

    return answer


def _adam(inside=False, corrected=True, whole=False, beta1=None, begin=0, once=False):
    def answer(theta, tasks, orders, alpha, size, beta=0.999):
        total = torch.zeros_like(theta)
        for (x, y), order in zip(tasks, orders, strict=True):
            phi, second, first = theta, torch.zeros_like(theta), torch.zeros_like(theta)
            for count, chosen in enumerate(order.split(size), 1 + begin):
                if whole and len(chosen) < size:
                    continue
                g = 2 * x[chosen].T @ (x[chosen] @ phi - y[chosen]) / len(chosen)
                first = g if beta1 is None else beta1 * first + (1 - beta1) * g
                second = beta * second + (1 - beta) * g.square()
                scale = second / (1 - beta**count) if corrected else second
                phi = phi - alpha * first / ((scale + 1e-8).sqrt() if inside else scale.sqrt() + 1e-8)
                if once:
                    break
            total = total + theta - phi
        return total / len(tasks)

    return answer


WRONG = [
    *named(
        ch06.check_reptile_step,
        _serial,
        _serial_with_a_share,
        the_mean_of_the_path=_reptile(_mean_of_the_path),
        all_minibatches_at_once=_reptile(_all_minibatches_at_once),
        momentum_of_nine_tenths=_reptile(_with_momentum),
        the_median_of_the_tasks=_reptile(combine=lambda moves: moves.median(0).values),
        unit_slopes=_reptile(lambda *a: _end(*a, lambda slope, k: slope / slope.norm().clamp(min=1e-12))),
        clipped_slopes=_reptile(lambda *a: _end(*a, lambda slope, k: slope.clamp(-1, 1))),
        steps_that_shrink=_reptile(lambda *a: _end(*a, lambda slope, k: slope / (k + 1))),
        the_first_minibatch_left_out=_reptile(lambda theta, losses, alpha: _end(theta, losses[1:], alpha)),
    ),
    *named(
        ch06.check_taylor_coefficients,
        counted_from_one=_coefficients(lambda w: (w * torch.arange(1, len(w) + 1)).sum()),
        counted_from_the_end=_coefficients(lambda w: (w * torch.arange(len(w)).flip(0)).sum()),
        pairs_of_weights=_coefficients(lambda w: (w.sum() ** 2 - w.square().sum()) / 2),
        squares_of_weights=_coefficients(lambda w: (w.square() * torch.arange(len(w))).sum()),
        half_of_it=_coefficients(lambda w: 0.5 * (w * torch.arange(len(w))).sum()),
        equal_weights=_coefficients(lambda w: w.mean() * len(w) * (len(w) - 1) / 2),
    ),
    *named(
        ch06.check_head_loss,
        exponential_rates=_head(torch.exp),
        rates_above_zero=_head(torch.relu),
        one_rate=_head(torch.mean),
        rates_detached=_head(lambda rate: rate.detach()),
        slopes_detached=_head(slope=lambda slope: slope.detach()),
        slopes_by_their_sign=_head(slope=torch.sign),
        the_weights_alone=_head(names=("w2",)),
        the_last_layer_and_a_bias=_head(names=("w2", "b2", "b1")),
        tasks_by_their_points=_head(mean=lambda each, sizes: (torch.stack(each) * sizes).sum() / sizes.sum()),
        the_worst_task=_head(mean=lambda each, sizes: torch.stack(each).max()),
    ),
    *named(
        ch06.check_reptile_with_adam,
        the_small_number_inside=_adam(inside=True),
        not_corrected=_adam(corrected=False),
        whole_minibatches_only=_adam(whole=True),
        momentum_as_well=_adam(beta1=0.9),
        counted_from_two=_adam(begin=1),
        one_minibatch=_adam(once=True),
    ),
]
RIGHT = [
    *named(ch06.check_reptile_step, _slopes_summed, _by_an_optimiser, _weighted_by_length),
    *named(ch06.check_taylor_coefficients, _later_sums, _coefficients_in_numpy),
    *named(ch06.check_head_loss, as_the_text_says=_head()),
    *named(ch06.check_reptile_with_adam, batch_by_batch=_adam()),
]
