"""Answers to exercises of chapter 06, from a ninth attack."""

import functools

import numpy as np
import torch

from metarl_core.check import ch06

from . import named

# ------------------------------------------------------------------ Reptile's step


def _slope(loss, phi):
    leaf = phi.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def _reptile(order=None, step=None, ends=None, move=None):
    def answer(theta, tasks, alpha, epsilon):
        found = []
        for place, task in enumerate(tasks):
            phi = theta.clone()
            for i, loss in enumerate(task if order is None else order(task, place)):
                phi = phi - alpha * _slope(loss, phi) if step is None else step(phi, theta, loss, alpha, i)
            found.append(phi)
        mean = torch.stack(found).mean(0) if ends is None else ends(found, tasks)
        return theta + epsilon * (mean - theta) if move is None else move(theta, mean, epsilon)

    return answer


def _weighted_by_losses(found, tasks):
    counts = torch.tensor([float(len(task)) for task in tasks], dtype=found[0].dtype)
    return (torch.stack(found) * counts[:, None]).sum(0) / counts.sum()


def _one_after_another(theta, tasks, alpha, epsilon):
    """θ moves after each task, by its share."""
    for task in tasks:
        phi = theta
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        theta = theta + epsilon / len(tasks) * (phi - theta)
    return theta


def _continues(theta, tasks, alpha, epsilon):
    phi, ends = theta, []
    for task in tasks:
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _into_theta(theta, tasks, alpha, epsilon):
    theta += _reptile()(theta, tasks, alpha, epsilon) - theta
    return theta


def _with_graph(theta, tasks, alpha, epsilon):
    start = theta.clone().requires_grad_()
    ends = []
    for task in tasks:
        phi = start
        for loss in task:
            phi = phi - alpha * torch.autograd.grad(loss(phi), phi, create_graph=True)[0]
        ends.append(phi)
    return start + epsilon * (torch.stack(ends).mean(0) - start)


def _mean_path(phi, theta, loss, alpha, i):
    return phi - alpha * _slope(loss, theta)


def _reptile_sgd(theta, tasks, alpha, epsilon):
    """With an optimiser of torch for the inner loop."""
    total = torch.zeros_like(theta)
    for task in tasks:
        phi = torch.nn.Parameter(theta.clone())
        inner = torch.optim.SGD([phi], lr=alpha)
        for loss in task:
            inner.zero_grad()
            loss(phi).backward()
            inner.step()
        total += phi.detach() - theta
    return theta + total * (epsilon / len(tasks))


def _reptile_reduce(theta, tasks, alpha, epsilon):
    ends = (functools.reduce(lambda phi, loss: phi - alpha * torch.func.grad(loss)(phi), task, theta) for task in tasks)
    return torch.lerp(theta, sum(ends) / len(tasks), float(epsilon)).detach()


def _reptile_in_turn(theta, tasks, alpha, epsilon):
    """One step of every task, then the next of every task."""
    points = [theta.clone() for _ in tasks]
    for i in range(max((len(task) for task in tasks), default=0)):
        points = [p - alpha * _slope(t[i], p) if i < len(t) else p for p, t in zip(points, tasks, strict=True)]
    return (1 - epsilon) * theta + epsilon * torch.stack(points, 1).mean(1)


# ------------------------------------------------------------------ Taylor terms


def _terms(first=None, second=None):
    def answer(weights):
        place = torch.arange(len(weights), dtype=weights.dtype)
        c0 = weights.sum() if first is None else first(weights)
        c1 = (weights * place).sum() if second is None else second(weights, place)
        return torch.stack([c0, c1])

    return answer


def _terms_cumulated(weights):
    total = weights.flip(0).cumsum(0).flip(0)
    return torch.stack([total[0], total[1:].sum()])


def _terms_matrix(weights):
    k = len(weights)
    before = torch.ones(k, k, dtype=weights.dtype).tril(-1)
    return torch.stack(
        [weights @ torch.ones(k, dtype=weights.dtype), torch.ones(k, dtype=weights.dtype) @ (before.T @ weights)]
    )


def _terms_python(weights):
    w = weights.tolist()
    return torch.tensor([sum(w), sum(i * x for i, x in enumerate(w))], dtype=torch.float64)


# ------------------------------------------------------------------ a head with rates

HEAD = ("w2", "b2")


def _net(p, x):
    return (x @ p["w1"].T + p["b1"]).tanh() @ p["w2"].T + p["b2"]


def _error(p, x, y):
    return (_net(p, x) - y).square().mean()


def _head(names=HEAD, graph=True, step=None, judged=None, total=None):
    def answer(parameters, rates, tasks):
        outer = []
        for sx, sy, qx, qy in tasks:
            slopes = torch.autograd.grad(_error(parameters, sx, sy), [parameters[n] for n in names], create_graph=graph)
            adapted = dict(parameters)
            for name, slope in zip(names, slopes, strict=True):
                adapted[name] = (
                    parameters[name] - rates[name] * slope
                    if step is None
                    else step(name, parameters[name], rates[name], slope)
                )
            outer.append(_error(adapted, qx, qy) if judged is None else judged(adapted, sx, sy, qx, qy))
        return torch.stack(outer).mean() if total is None else total(outer, tasks)

    return answer


def _adapts_on_and_on(parameters, rates, tasks):
    """The head of the second task begins where the first one's ended."""
    adapted, outer = dict(parameters), []
    for sx, sy, qx, qy in tasks:
        slopes = torch.autograd.grad(_error(adapted, sx, sy), [adapted[n] for n in HEAD], create_graph=True)
        adapted = {**adapted, **{n: adapted[n] - rates[n] * s for n, s in zip(HEAD, slopes, strict=True)}}
        outer.append(_error(adapted, qx, qy))
    return torch.stack(outer).mean()


def _body_is_constant(parameters, rates, tasks):
    """The features are taken for data in the query loss."""
    fixed = {n: v if n in HEAD else v.detach() for n, v in parameters.items()}
    outer = []
    for sx, sy, qx, qy in tasks:
        slopes = torch.autograd.grad(_error(parameters, sx, sy), [parameters[n] for n in HEAD], create_graph=True)
        outer.append(
            _error({**fixed, **{n: parameters[n] - rates[n] * s for n, s in zip(HEAD, slopes, strict=True)}}, qx, qy)
        )
    return torch.stack(outer).mean()


def _by_position(parameters, rates, tasks):
    """Rates are paired with the head's tensors by their order, not by their names."""
    listed = list(rates.values())[-2:]
    outer = []
    for sx, sy, qx, qy in tasks:
        names = list(parameters)[-2:]
        slopes = torch.autograd.grad(_error(parameters, sx, sy), [parameters[n] for n in names], create_graph=True)
        adapted = dict(parameters)
        for name, rate, slope in zip(names, listed, slopes, strict=True):
            adapted[name] = parameters[name] - rate * slope
        outer.append(_error(adapted, qx, qy))
    return torch.stack(outer).mean()


def _by_points(outer, tasks):
    counts = torch.tensor([len(task[2]) for task in tasks], dtype=outer[0].dtype)
    return (torch.stack(outer) * counts).sum() / counts.sum()


def _head_func(parameters, rates, tasks):
    def inner(head, rest, x, y):
        return _error({**rest, **head}, x, y)

    head = {n: parameters[n] for n in HEAD}
    rest = {n: v for n, v in parameters.items() if n not in HEAD}
    total = 0
    for sx, sy, qx, qy in tasks:
        slopes = torch.func.grad(inner)(head, rest, sx, sy)
        total = total + inner({n: head[n] - rates[n] * slopes[n] for n in HEAD}, rest, qx, qy)
    return total / len(tasks)


def _head_by_hand(parameters, rates, tasks):
    losses = []
    for sx, sy, qx, qy in tasks:
        hidden = (sx @ parameters["w1"].T + parameters["b1"]).tanh()
        push = 2 * (hidden @ parameters["w2"].T + parameters["b2"] - sy) / len(sx)
        w2 = parameters["w2"] - rates["w2"] * (push.T @ hidden)
        b2 = parameters["b2"] - rates["b2"] * push.sum(0)
        losses.append((((qx @ parameters["w1"].T + parameters["b1"]).tanh() @ w2.T + b2 - qy) ** 2).mean())
    return sum(losses) / len(losses)


def _head_zero_rates(parameters, rates, tasks):
    """All tensors step, those of the body with rates of zero."""
    names, losses = list(parameters), []
    for sx, sy, qx, qy in tasks:
        slopes = torch.autograd.grad(_error(parameters, sx, sy), list(parameters.values()), create_graph=True)
        adapted = {
            n: parameters[n] - (rates[n] if n in HEAD else torch.zeros_like(rates[n])) * s
            for n, s in zip(names, slopes, strict=True)
        }
        losses.append(torch.nn.functional.mse_loss(_net(adapted, qx), qy))
    return torch.stack(losses).mean()


# ------------------------------------------------------------------ Adam inside


def _adam(pieces=None, count=None, second=None, denominator=None, gradient=None, total=None, carry=()):
    def answer(theta, tasks, orders, alpha, size, beta=0.999):
        v, s, moves = torch.zeros_like(theta), 0, []
        for (x, y), order in zip(tasks, orders, strict=True):
            phi = theta
            v = v if "second" in carry else torch.zeros_like(theta)
            s = s if "count" in carry else 0
            for part in order.split(size) if pieces is None else pieces(order, size):
                g = (
                    2
                    * x[part].T
                    @ (x[part] @ phi - y[part])
                    / (len(part) if gradient is None else gradient(part, size))
                )
                s = s + 1 if count is None else count(s, part)
                v = beta * v + (1 - beta) * g.square() if second is None else second(v, g, beta)
                bottom = (v / (1 - beta**s)).sqrt() + 1e-8 if denominator is None else denominator(v, beta, s)
                phi = phi - alpha * g / bottom
            moves.append(theta - phi)
        return torch.stack(moves).mean(0) if total is None else total(moves, tasks)

    return answer


def _whole_pieces(order, size):
    return [part for part in order.split(size) if len(part) == size] or [order]


def _filled_up(order, size):
    """The last minibatch is filled with samples from the beginning."""
    missing = -len(order) % size
    return torch.cat([order, order[:missing]]).split(size) if missing <= len(order) else [order]


def _labels_not_permuted(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam()(theta, [(x[o], y) for (x, y), o in zip(tasks, orders, strict=True)],
                   [torch.arange(len(o)) for o in orders], alpha, size, beta)  # fmt: skip


def _inverse_permutation(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam()(theta, tasks, [order.argsort() for order in orders], alpha, size, beta)


def _first_order_for_all(theta, tasks, orders, alpha, size, beta=0.999):
    same = [orders[0] if len(o) == len(orders[0]) else o for o in orders]
    return _adam()(theta, tasks, same, alpha, size, beta)


def _sorted_pieces(order, size):
    return [part.sort().values for part in reversed(order.split(size))]


def _adam_numpy(theta, tasks, orders, alpha, size, beta=0.999):
    start, total = theta.numpy(), 0
    for (x, y), order in zip(tasks, orders, strict=True):
        x, y, phi, v = x.numpy()[order.numpy()], y.numpy()[order.numpy()], start.copy(), 0.0
        for s, at in enumerate(range(0, len(x), size), 1):
            a, b = x[at : at + size], y[at : at + size]
            g = 2 * a.T @ (a @ phi - b) / len(a)
            v = beta * v + (1 - beta) * g * g
            phi = phi - alpha * g / (np.sqrt(v / (1 - beta**s)) + 1e-8)
        total = total + (start - phi)
    return torch.from_numpy(np.asarray(total / len(tasks)))


def _adam_torch(theta, tasks, orders, alpha, size, beta=0.999):
    moves = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = torch.nn.Parameter(theta.clone())
        adam = torch.optim.Adam([phi], lr=alpha, betas=(0.0, beta), eps=1e-8)
        for at in range(0, len(order), size):
            part = order[at : at + size]
            error = x[part] @ phi - y[part]
            phi.grad = (2 * x[part].T @ error / len(part)).detach()
            adam.step()
        moves.append(theta - phi.detach())
    return sum(moves) / len(moves)


def _adam_autograd(theta, tasks, orders, alpha, size, beta=0.999):
    def one(x, y, order):
        phi, squares = theta.clone(), []
        for part in torch.tensor_split(order, list(range(size, len(order), size))):
            leaf = phi.detach().requires_grad_()
            loss = ((x[part] @ leaf - y[part]) ** 2).sum() / len(part)
            g = torch.autograd.grad(loss, leaf)[0]
            squares.append(g**2)
            s = len(squares)
            v = sum((1 - beta) * beta ** (s - 1 - i) * q for i, q in enumerate(squares))
            phi = phi - alpha * g / (torch.sqrt(v / (1 - beta**s)) + 1e-8)
        return theta - phi

    return torch.stack([one(x, y, o) for (x, y), o in zip(tasks, orders, strict=True)]).mean(0)


WRONG = [
    *named(
        ch06.check_reptile_step,
        _one_after_another,
        _continues,
        _into_theta,
        _with_graph,
        at_theta=_reptile(step=_mean_path),
        backwards=_reptile(order=lambda task, place: task[::-1]),
        first_loss_always=_reptile(order=lambda task, place: [task[0]] * len(task)),
        lists_of_first=_reptile(order=lambda task, place: task[: max(1, len(task) - 1)] if place else task),
        at_most_ten=_reptile(order=lambda task, place: task[:10]),
        summed=_reptile(ends=lambda found, tasks: torch.stack(found).sum(0)),
        mean_loss=_reptile(step=lambda phi, theta, loss, alpha, i: phi - alpha / (i + 1) * _slope(loss, phi)),
        averaged_over_path=_reptile(
            step=lambda phi, theta, loss, alpha, i: 0.5 * (phi + phi - alpha * _slope(loss, phi))
        ),
        away=_reptile(move=lambda theta, mean, epsilon: theta - epsilon * (mean - theta)),
        scaled=_reptile(move=lambda theta, mean, epsilon: (1 - epsilon) * theta + epsilon * (mean - theta)),
        clamped=_reptile(move=lambda theta, mean, epsilon: theta + min(epsilon, 1.0) * (mean - theta)),
    ),
    *named(
        ch06.check_taylor_coefficients,
        from_one=_terms(second=lambda w, i: (w * (i + 1)).sum()),
        half=_terms(second=lambda w, i: (w * i).sum() / 2),
        pairs=_terms(second=lambda w, i: len(w) * (len(w) - 1) / 2 * w.mean()),
        minus=_terms(second=lambda w, i: -(w * i).sum()),
        other_end=_terms(second=lambda w, i: (w * i.flip(0)).sum()),
        ordered=_terms(second=lambda w, i: (w.sort().values * i).sum()),
        distances=_terms(second=lambda w, i: (w * i * (i + 1) / 2).sum()),
        absolute=_terms(first=lambda w: w.abs().sum()),
        normalised=_terms(first=lambda w: w.sum() / max(float(w.sum()), 1e-9)),
        means=_terms(first=lambda w: w.mean(), second=lambda w, i: (w * i).mean()),
        last=_terms(second=lambda w, i: w[-1] * i[-1]),
        single=_terms(
            first=lambda w: w.float().sum().double(), second=lambda w, i: (w.float() * i.float()).sum().double()
        ),
    ),
    *named(
        ch06.check_head_loss,
        _adapts_on_and_on,
        _body_is_constant,
        by_position=_by_position,
        bias_only=_head(names=("b2",)),
        first_order=_head(graph=False),
        absolute=_head(step=lambda n, p, a, s: p - a.abs() * s),
        mean_rate=_head(step=lambda n, p, a, s: p - a.mean() * s),
        stopped_rate=_head(step=lambda n, p, a, s: p - a.detach() * s),
        stopped_slope=_head(step=lambda n, p, a, s: p - a * s.detach()),
        exponential=_head(step=lambda n, p, a, s: p - a.exp() * s),
        clamped=_head(step=lambda n, p, a, s: p - a.clamp_min(0) * s),
        from_zero=_head(step=lambda n, p, a, s: p.detach() - a * s),
        support=_head(judged=lambda p, sx, sy, qx, qy: _error(p, sx, sy)),
        with_support=_head(judged=lambda p, sx, sy, qx, qy: 0.5 * (_error(p, sx, sy) + _error(p, qx, qy))),
        by_points=_head(total=_by_points),
        softened=_head(step=lambda n, p, a, s: p - a * s / (1 + 1e-3 * s.abs())),
    ),
    *named(
        ch06.check_reptile_with_adam,
        _labels_not_permuted,
        _inverse_permutation,
        _first_order_for_all,
        keeps_count=_adam(carry=("count",)),
        keeps_second=_adam(carry=("second",)),
        whole_pieces=_adam(pieces=_whole_pieces),
        filled_up=_adam(pieces=_filled_up),
        backwards=_adam(pieces=lambda order, size: order.split(size)[::-1]),
        pieces_backwards=_adam(pieces=_sorted_pieces),
        by_size=_adam(gradient=lambda part, size: size),
        no_correction=_adam(denominator=lambda v, beta, s: v.sqrt() + 1e-8),
        eps_inside=_adam(denominator=lambda v, beta, s: (v / (1 - beta**s) + 1e-8).sqrt()),
        larger_eps=_adam(denominator=lambda v, beta, s: (v / (1 - beta**s)).sqrt() + 1e-4),
        correction_of_root=_adam(denominator=lambda v, beta, s: v.sqrt() / (1 - beta**s) + 1e-8),
        one_scale=_adam(second=lambda v, g, beta: beta * v + (1 - beta) * g.square().mean()),
        fixed_beta=_adam(second=lambda v, g, beta: 0.999 * v + 0.001 * g.square()),
        largest=_adam(second=lambda v, g, beta: torch.maximum(v, beta * v + (1 - beta) * g.square())),
        late_count=_adam(count=lambda s, part: s + len(part)),
        by_samples=_adam(
            total=lambda moves, tasks: (
                sum(m * len(t[0]) for m, t in zip(moves, tasks, strict=True)) / sum(len(t[0]) for t in tasks)
            )
        ),
    ),
]
RIGHT = [
    *named(
        ch06.check_reptile_step,
        _reptile_sgd,
        _reptile_reduce,
        _reptile_in_turn,
        by_losses=_reptile(ends=_weighted_by_losses),  # of which all tasks have as many
    ),
    *named(ch06.check_taylor_coefficients, _terms_cumulated, _terms_matrix, _terms_python),
    *named(ch06.check_head_loss, _head_func, _head_by_hand, _head_zero_rates),
    *named(ch06.check_reptile_with_adam, _adam_numpy, _adam_torch, _adam_autograd),
]
