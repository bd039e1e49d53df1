"""Answers to exercises of chapter 06, from an eighth attack."""

import torch
from torch.func import grad

from metarl_core.check import ch06

from . import named
from .ch05_eighth import _error


def _reptile(tasks=10**6, steps=10**6, clip=None, single=False, weigh=False):
    def answer(theta, data, alpha, epsilon):
        moves = []
        for losses in data[:tasks]:
            phi = theta.clone()
            for loss in losses[:steps]:
                slope = grad(loss)(phi)
                if clip:
                    slope = slope * min(1.0, clip / float(slope.norm()))
                phi = phi - alpha * slope
            moves.append(phi - theta)
        moves = torch.stack(moves)
        if weigh:
            moves = moves * (moves.norm(dim=1, keepdim=True) / moves.norm(dim=1).mean())
        found = theta + epsilon * moves.mean(0)
        return found.float().double() if single else found

    return answer


def _interpolated(theta, data, alpha, epsilon):
    """Between theta and the mean of the ends, never beyond it."""
    return theta + min(epsilon, 1.0) * (_reptile()(theta, data, alpha, 1.0) - theta)


def _one_task_after_another(theta, data, alpha, epsilon):
    for losses in data:
        theta = _reptile()(theta, [losses], alpha, epsilon / len(data))
    return theta


def _last_iterate_average(theta, data, alpha, epsilon):
    moves = []
    for losses in data:
        phi, way = theta.clone(), []
        for loss in losses:
            phi = phi - alpha * grad(loss)(phi)
            way.append(phi)
        moves.append(torch.stack(way[-2:]).mean(0) - theta)
    return theta + epsilon * torch.stack(moves).mean(0)


def _sgd(theta, data, alpha, epsilon):
    mean = torch.zeros_like(theta)
    for losses in data:
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([phi], lr=alpha)
        for loss in losses:
            optimiser.zero_grad()
            loss(phi).backward()
            optimiser.step()
        mean += phi.detach() / len(data)
    return torch.lerp(theta, mean, epsilon)


def _as_gradient(theta, data, alpha, epsilon):
    sums = []
    for losses in data:
        phi, total = theta, torch.zeros_like(theta)
        for loss in losses:
            g = grad(loss)(phi)
            phi, total = phi - alpha * g, total + g
        sums.append(total)
    return theta - epsilon * alpha * sum(sums) / len(sums)


# ------------------------------------------------------------------ Taylor


def _coefficients(second=lambda w: (w * torch.arange(len(w))).sum(), first=lambda w: w.sum()):
    return lambda weights: torch.stack([first(weights), second(weights)]).to(weights.dtype)


def _only_two_orders(w):
    return (w[:5] * torch.arange(len(w))[:5]).sum()


def _by_cumsum(w):
    return w.flip(0).cumsum(0).flip(0)[1:].sum()


def _as_loop(weights):
    first = second = 0.0
    for i, w in enumerate(weights.tolist()):
        first += w
        second += i * w
    return torch.tensor([first, second], dtype=torch.float64)


def _as_matrix(weights):
    k = len(weights)
    return torch.stack([torch.ones(k), torch.arange(k)]).to(weights.dtype) @ weights


# ------------------------------------------------------------------ a head with rates


def _head(tasks=10**6, clip=None, floor=None, only=("w2", "b2"), points=10**6):
    def answer(parameters, rates, data):
        outer = []
        for xs, ys, xq, yq in data[:tasks]:
            loss = _error(parameters, xs[:points], ys[:points])
            slopes = torch.autograd.grad(loss, [parameters[k] for k in only], create_graph=True)
            adapted = dict(parameters)
            for name, slope in zip(only, slopes, strict=True):
                rate = rates[name]
                rate = rate.clamp(max=1.0) if floor else rate
                slope = slope.clamp(-clip, clip) if clip else slope
                adapted[name] = parameters[name] - rate * slope
            outer.append(_error(adapted, xq, yq))
        return torch.stack(outer).mean()

    return answer


def _mean_rate(parameters, rates, data):
    """One rate for each tensor."""
    return _head()(parameters, {k: v.mean().expand_as(v) for k, v in rates.items()}, data)


def _head_by_hand(parameters, rates, data):
    p, found = parameters, 0
    for xs, ys, xq, yq in data:
        h = torch.tanh(xs @ p["w1"].T + p["b1"])
        off = 2 * (h @ p["w2"].T + p["b2"] - ys) / len(xs)
        w2, b2 = p["w2"] - rates["w2"] * (off.T @ h), p["b2"] - rates["b2"] * off.sum(0)
        found = found + ((torch.tanh(xq @ p["w1"].T + p["b1"]) @ w2.T + b2 - yq) ** 2).mean()
    return found / len(data)


def _head_by_func(parameters, rates, data):
    body = {k: parameters[k] for k in ("w1", "b1")}
    head = {k: parameters[k] for k in ("w2", "b2")}
    losses = []
    for xs, ys, xq, yq in data:
        slopes = grad(lambda h, x, y: _error({**body, **h}, x, y))(head, xs, ys)
        losses.append(_error({**body, **{k: head[k] - rates[k] * slopes[k] for k in head}}, xq, yq))
    return sum(losses) / len(losses)


# ------------------------------------------------------------------ Adam inside


def _slope(phi, x, y):
    return grad(lambda at: (x @ at - y).square().mean())(phi)


def _adam(slope, tasks=10**6, most=10**6, last=True, small=1e-8, momentum=0.0, inside=False, clip=None, beta_of=None):
    def answer(theta, data, orders, alpha, size, beta=0.999):
        beta = beta if beta_of is None else beta_of(beta)
        total = torch.zeros_like(theta)
        for (x, y), order in list(zip(data, orders, strict=True))[:tasks]:
            phi, second, first = theta, torch.zeros_like(theta), torch.zeros_like(theta)
            parts = order.split(size)
            parts = parts if last or len(parts[-1]) == size or len(parts) == 1 else parts[:-1]
            for n, chosen in enumerate(parts[:most], 1):
                g = slope(phi, x[chosen], y[chosen])
                first = momentum * first + (1 - momentum) * g
                second = beta * second + (1 - beta) * g.square()
                corrected = second / (1 - beta**n)
                bottom = (corrected + small).sqrt() if inside else corrected.sqrt() + small
                step = first / (1 - momentum**n) / bottom
                phi = phi - alpha * (step if clip is None else step.clamp(-clip, clip))
            total = total + theta - phi
        return total / len(data)

    return answer


WRONG = [
    *named(
        ch06.check_reptile_step,
        _interpolated,
        _one_task_after_another,
        _last_iterate_average,
        fifty_tasks=_reptile(tasks=50),
        fifty_steps=_reptile(steps=50),
        clipped=_reptile(clip=10.0),
        single=_reptile(single=True),
        weighed=_reptile(weigh=True),
    ),
    *named(
        ch06.check_taylor_coefficients,
        five_weights=_coefficients(_only_two_orders),
        counted_from_one=_coefficients(lambda w: (w * (torch.arange(len(w)) + 1)).sum()),
        in_single=_coefficients(lambda w: (w.float() * torch.arange(len(w))).sum().double()),
        pairs_of_equals=_coefficients(lambda w: w.mean() * len(w) * (len(w) - 1) / 2),
    ),
    *named(
        ch06.check_head_loss,
        _mean_rate,
        fifty_tasks=_head(tasks=50),
        clipped=_head(clip=10.0),
        rates_below_one=_head(floor=True),
        weights_alone=_head(only=("w2",)),
        five_points=_head(points=5),
    ),
    *named(
        ch06.check_reptile_with_adam,
        fifty_tasks=_adam(_slope, tasks=50),
        fifty_minibatches=_adam(_slope, most=50),
        last_one_dropped=_adam(_slope, last=False),
        small_inside=_adam(_slope, inside=True),
        no_small=_adam(_slope, small=0.0),
        with_momentum=_adam(_slope, momentum=0.9),
        steps_of_one=_adam(_slope, clip=1.0),
        beta_at_most=_adam(_slope, beta_of=lambda b: max(b, 0.5)),
    ),
]
RIGHT = [
    *named(ch06.check_reptile_step, _sgd, _as_gradient),
    *named(ch06.check_taylor_coefficients, _as_loop, _as_matrix, by_cumsum=_coefficients(_by_cumsum)),
    *named(ch06.check_head_loss, _head_by_hand, _head_by_func),
    *named(ch06.check_reptile_with_adam, by_torch_func=_adam(_slope)),
]
