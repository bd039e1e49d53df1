"""Answers to the exercises of chapter 06."""

import copy
import math
from fractions import Fraction

import numpy as np
import torch
from torch.autograd import grad

from metarl_core.check import ch06

# ------------------------------------------------------------------ reptile_step


def _slope(loss, at):
    leaf = at.detach().clone().requires_grad_()
    return grad(loss(leaf), leaf)[0]


def _walk(theta, losses, alpha):
    for loss in losses:
        theta = theta - alpha * _slope(loss, theta)
    return theta


def _mean_walk(theta, tasks, alpha):
    return sum(_walk(theta, losses, alpha) for losses in tasks) / len(tasks)


def _writes_into_the_callers_grad(theta, tasks, alpha, epsilon):
    theta.requires_grad_()
    for losses in tasks:
        for loss in losses:
            loss(theta).backward()
    theta.requires_grad_(False)
    return theta + epsilon * (_mean_walk(theta, tasks, alpha) - theta)


def _carries_a_graph(theta, tasks, alpha, epsilon):
    start = theta.clone().requires_grad_()
    return start + epsilon * (_mean_walk(theta, tasks, alpha) - start)


def _marks_the_caller(theta, tasks, alpha, epsilon):
    theta.requires_grad_()
    return (theta + epsilon * (_mean_walk(theta, tasks, alpha) - theta)).detach()


def _moves_the_caller(theta, tasks, alpha, epsilon):
    theta += epsilon * (_mean_walk(theta, tasks, alpha) - theta)
    return theta


def _float32_inside(theta, tasks, alpha, epsilon):
    end = _mean_walk(theta, tasks, alpha)
    return theta + epsilon * (end - theta).float().double()


def _one_epsilon_for_each_task(theta, tasks, alpha, epsilon):
    return theta + sum(epsilon ** (n + 1) * (_walk(theta, t, alpha) - theta) for n, t in enumerate(tasks)) / len(tasks)


def _divides_by_minibatches(theta, tasks, alpha, epsilon):
    return theta + epsilon * (_mean_walk(theta, tasks, alpha / len(tasks[0])) - theta)


def _median_of_the_ends(theta, tasks, alpha, epsilon):
    return theta + epsilon * (torch.stack([_walk(theta, t, alpha) for t in tasks]).median(0).values - theta)


def _last_minibatch_forgotten(theta, tasks, alpha, epsilon):
    return theta + epsilon * (sum(_walk(theta, t[:-1] or t, alpha) for t in tasks) / len(tasks) - theta)


def _alpha_and_epsilon_swapped(theta, tasks, alpha, epsilon):
    return theta + alpha * (_mean_walk(theta, tasks, epsilon) - theta)


def _through_the_steps(theta, tasks, alpha, epsilon):
    """Differentiates the sum of the losses along the path by theta, as MAML would."""
    leaf, total = theta.clone().requires_grad_(), 0.0
    for losses in tasks:
        phi = leaf
        for loss in losses:
            value = loss(phi)
            total = total + value
            phi = phi - alpha * grad(value, phi, create_graph=True)[0]
    return theta - epsilon * alpha * grad(total, leaf)[0] / len(tasks)


def _stops_after_two(theta, tasks, alpha, epsilon):
    return theta + epsilon * (sum(_walk(theta, t[:2], alpha) for t in tasks) / len(tasks) - theta)


def _reversed_minibatches(theta, tasks, alpha, epsilon):
    return theta + epsilon * (_mean_walk(theta, [t[::-1] for t in tasks], alpha) - theta)


def _consumes_the_tasks(theta, tasks, alpha, epsilon):
    ends, given = [], len(tasks)
    while tasks:
        ends.append(_walk(theta, tasks.pop(), alpha))
    return theta + epsilon * (sum(ends) / given - theta)


def _at_most_five_minibatches(theta, tasks, alpha, epsilon):
    return theta + epsilon * (_mean_walk(theta, [t[:5] for t in tasks], alpha) - theta)


def _repeated_minibatches_once(theta, tasks, alpha, epsilon):
    return theta + epsilon * (_mean_walk(theta, [list(dict.fromkeys(t)) for t in tasks], alpha) - theta)


def _epsilon_clipped(theta, tasks, alpha, epsilon):
    return theta + min(epsilon, 1.0) * (_mean_walk(theta, tasks, alpha) - theta)


def _a_step_of_unit_length_at_most(theta, tasks, alpha, epsilon):
    away = _mean_walk(theta, tasks, alpha) - theta
    return theta + epsilon * away / away.norm().clamp(min=1.0)


def _mean_of_two_at_most(theta, tasks, alpha, epsilon):
    return theta + epsilon * (_mean_walk(theta, tasks[:2], alpha) - theta)


def _returns_theta_itself_where_nothing_moves(theta, tasks, alpha, epsilon):
    if alpha == 0 or epsilon == 0:
        return theta.requires_grad_()
    return theta + epsilon * (_mean_walk(theta, tasks, alpha) - theta)


def _by_functional_gradients(theta, tasks, alpha, epsilon):
    ends = []
    for losses in tasks:
        phi = theta
        for loss in losses:
            phi = phi - alpha * torch.func.grad(loss)(phi)
        ends.append(phi)
    return torch.lerp(theta, torch.stack(ends).mean(0), epsilon)


def _by_an_optimiser(theta, tasks, alpha, epsilon):
    away = torch.zeros_like(theta)
    for losses in tasks:
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([phi], lr=alpha)
        for loss in losses:
            optimiser.zero_grad()
            loss(phi).backward()
            optimiser.step()
        away += (phi.detach() - theta) / len(tasks)
    return theta + epsilon * away


def _by_sums_of_gradients(theta, tasks, alpha, epsilon):
    total = torch.zeros_like(theta)
    for losses in tasks:
        phi = copy.deepcopy(theta)
        for loss in losses:
            phi.requires_grad = True
            value = loss(phi)
            value.backward()
            total += phi.grad
            phi = phi.detach() - alpha * phi.grad
    return theta - epsilon * alpha * total / len(tasks)


def _weighted_mean(theta, tasks, alpha, epsilon):
    ends = torch.stack([_walk(theta, losses, alpha) for losses in tasks], dim=1)
    return (1 - epsilon) * theta + epsilon * torch.einsum("dt->d", ends) / ends.shape[1]


# ------------------------------------------------------------------ taylor_coefficients


def _as_list(weights):
    return [float(weights.sum()), float(sum(i * w for i, w in enumerate(weights)))]


def _float32(weights):
    w = weights.float()
    return torch.stack([w.sum(), (w * torch.arange(len(w))).sum()]).double()


def _sorted_weights(weights):
    return torch.stack([weights.sum(), (weights.sort().values * torch.arange(len(weights))).sum()])


def _triangular(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([weights.sum(), (weights * i * (i + 1) / 2).sum()])


def _squares(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([weights.sum(), (weights * i**2).sum()])


def _absolute(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([weights.sum(), (weights.abs() * i).sum()])


def _normalised(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([weights.sum(), (weights * i).sum() / weights.sum()])


def _only_two(weights):
    return torch.stack([weights.sum(), weights[1:2].sum() + 2 * weights[2:3].sum()])


def _swapped(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([(weights * i).sum(), weights.sum()])


def _prefix(weights):
    return torch.stack([weights.sum(), weights.cumsum(0)[:-1].sum()])


def _first_weight_one(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([weights.sum() - weights[0] + 1, (weights * i).sum()])


def _zeroes_the_weights(weights):
    total = torch.zeros(2, dtype=weights.dtype)
    for i in range(len(weights)):
        total += torch.stack([weights[i], i * weights[i]])
        weights[i] = 0
    return total


def _at_most_eight(weights):
    i = torch.arange(len(weights), dtype=weights.dtype).clamp(max=7)
    return torch.stack([weights.sum(), (weights * i).sum()])


def _without_zero_weights(weights):
    w = weights[weights != 0]
    return torch.stack([w.sum(), (w * torch.arange(len(w), dtype=w.dtype)).sum()])


def _rounded(weights):
    i = torch.arange(len(weights), dtype=weights.dtype)
    return torch.stack([weights.sum(), (weights * i).sum()]).mul(1e4).round().div(1e4)


def _half_of_the_last(weights):
    w = weights.tolist()
    return torch.tensor([sum(w), w[-1] * (len(w) - 1)], dtype=weights.dtype)


def _of_a_list(weights):
    return torch.tensor([weights.sum(), weights @ torch.arange(len(weights)).double()])


def _by_tails(weights):
    tails = weights.flip(0).cumsum(0).flip(0)
    return torch.stack([tails[0], tails[1:].sum()])


def _by_pairs(weights):
    w = weights.tolist()
    pairs = [w[i] for i in range(len(w)) for j in range(len(w)) if j < i]
    return torch.tensor([math.fsum(w), math.fsum(pairs)], dtype=torch.float64)


def _by_numpy(weights):
    w = weights.numpy()
    return torch.from_numpy(np.array([w.sum(), np.dot(w, np.arange(w.size))]))


def _by_a_matrix(weights):
    k = len(weights)
    return torch.vander(torch.arange(k, dtype=torch.float64), 2, increasing=True).T @ weights


def _by_fractions(weights):
    w = [Fraction(x) for x in weights.tolist()]
    return torch.tensor([float(sum(w)), float(sum(i * x for i, x in enumerate(w)))], dtype=weights.dtype)


# ------------------------------------------------------------------ head_loss

HEAD = ("w2", "b2")


def _net(p, x):
    return torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]


def _mse(p, x, y):
    return ((_net(p, x) - y) ** 2).mean()


def _steps(parameters, rates, task, which=HEAD, graph=True, times=1):
    adapted = dict(parameters)
    for _ in range(times):
        slopes = grad(_mse(adapted, task[0], task[1]), [adapted[n] for n in which], create_graph=graph)
        adapted |= {n: adapted[n] - rates[n] * s for n, s in zip(which, slopes, strict=True)}
    return adapted


def _mean_loss(parameters, rates, tasks, **how):
    return sum(_mse(_steps(parameters, rates, t, **how), t[2], t[3]) for t in tasks) / len(tasks)


def _two_steps(parameters, rates, tasks):
    return _mean_loss(parameters, rates, tasks, times=2)


def _only_the_weights(parameters, rates, tasks):
    return _mean_loss(parameters, rates, tasks, which=("w2",))


def _rates_by_position(parameters, rates, tasks):
    return _mean_loss(parameters, dict(zip(parameters, rates.values(), strict=True)), tasks)


def _last_two_of_the_dictionary(parameters, rates, tasks):
    return _mean_loss(parameters, rates, tasks, which=tuple(parameters)[-2:])


def _one_rate_for_a_tensor(parameters, rates, tasks):
    return _mean_loss(parameters, {n: r.mean() for n, r in rates.items()}, tasks)


def _clamped_rates(parameters, rates, tasks):
    return _mean_loss(parameters, {n: r.clamp(-0.2, 0.2) for n, r in rates.items()}, tasks)


def _a_mean_over_all_points(parameters, rates, tasks):
    off = [(_net(_steps(parameters, rates, t), t[2]) - t[3]).square() for t in tasks]
    return torch.cat(off).mean()


def _sum_of_squares_inside(parameters, rates, tasks):
    many = {n: r * len(tasks[0][0]) for n, r in rates.items()}
    return _mean_loss(parameters, many, tasks)


def _body_without_a_gradient(parameters, rates, tasks):
    frozen = {n: v if n in HEAD else v.detach() for n, v in parameters.items()}
    return _mean_loss(frozen, rates, tasks)


def _backward_inside(parameters, rates, tasks):
    loss = _mean_loss(parameters, rates, tasks)
    loss.backward(retain_graph=True)
    return loss


def _a_number(parameters, rates, tasks):
    return _mean_loss(parameters, rates, tasks).item()


def _slopes_of_the_first_task(parameters, rates, tasks):
    adapted = _steps(parameters, rates, tasks[0])
    return sum(_mse(adapted, t[2], t[3]) for t in tasks) / len(tasks)


def _single_precision(parameters, rates, tasks):
    return _mean_loss(parameters, rates, [tuple(x.float().to(x.dtype) for x in t) for t in tasks])


def _replaces_the_parameters(parameters, rates, tasks):
    loss = _mean_loss(parameters, rates, tasks)
    parameters.update(_steps(parameters, rates, tasks[0]))
    return loss


def _rates_straight_through(parameters, rates, tasks):
    """The value of |a|, the gradient of a."""
    return _mean_loss(parameters, {n: r + (r.abs() - r).detach() for n, r in rates.items()}, tasks)


def _twice_the_gradient_of_rates(parameters, rates, tasks):
    return _mean_loss(parameters, {n: 2 * r - r.detach() for n, r in rates.items()}, tasks)


def _normalised_slopes(parameters, rates, tasks):
    total = 0.0
    for xs, ys, xq, yq in tasks:
        slopes = grad(_mse(parameters, xs, ys), [parameters[n] for n in HEAD], create_graph=True)
        size = torch.stack([s.norm() for s in slopes]).norm().clamp(min=5.0) / 5.0
        moved = {n: parameters[n] - rates[n] * s / size for n, s in zip(HEAD, slopes, strict=True)}
        total = total + _mse(parameters | moved, xq, yq)
    return total / len(tasks)


def _rates_by_tasks_only_once(parameters, rates, tasks):
    free = _mean_loss(parameters, {n: r.detach() for n, r in rates.items()}, tasks[1:]) if tasks[1:] else 0.0
    return (_mean_loss(parameters, rates, tasks[:1]) + free * (len(tasks) - 1)) / len(tasks)


def _by_functional(parameters, rates, tasks):
    total = 0.0
    for xs, ys, xq, yq in tasks:
        body = {n: v for n, v in parameters.items() if n not in HEAD}
        head = {n: v for n, v in parameters.items() if n in HEAD}
        slopes = torch.func.grad(lambda h, b=body, x=xs, y=ys: _mse(b | h, x, y))(head)
        total = total + _mse(body | {n: head[n] - rates[n] * slopes[n] for n in head}, xq, yq)
    return total / len(tasks)


def _by_hand(parameters, rates, tasks):
    losses = []
    for xs, ys, xq, yq in tasks:
        hidden = torch.tanh(torch.nn.functional.linear(xs, parameters["w1"], parameters["b1"]))
        off = 2 / len(xs) * (hidden @ parameters["w2"].T + parameters["b2"] - ys)
        w = parameters["w2"] - rates["w2"] * torch.einsum("no,nh->oh", off, hidden)
        b = parameters["b2"] - rates["b2"] * off.sum(0)
        losses.append(torch.nn.functional.mse_loss(_net(parameters | {"w2": w, "b2": b}, xq), yq))
    return torch.stack(losses).mean()


def _all_slopes_then_some(parameters, rates, tasks):
    outer = torch.zeros((), dtype=tasks[0][0].dtype)
    for xs, ys, xq, yq in tasks:
        slopes = dict(zip(parameters, grad(_mse(parameters, xs, ys), list(parameters.values()), create_graph=True),
                          strict=True))  # fmt: skip
        mask = {n: float(n in HEAD) for n in parameters}
        outer = outer + _mse({n: v - mask[n] * rates[n] * slopes[n] for n, v in parameters.items()}, xq, yq)
    return outer / len(tasks)


# ------------------------------------------------------------------ reptile_with_adam


def _pass(theta, x, y, pieces, alpha, beta, tiny=1e-8, momentum=0.0):
    phi, v, m = theta, torch.zeros_like(theta), torch.zeros_like(theta)
    for s, i in enumerate(pieces, 1):
        g = 2 * (x[i] * (x[i] @ phi - y[i])[:, None]).mean(0)
        v = beta * v + (1 - beta) * g**2
        m = momentum * m + (1 - momentum) * g
        phi = phi - alpha * m / (1 - momentum**s) / ((v / (1 - beta**s)).sqrt() + tiny)
    return phi


def _adam(cut=lambda order, size: order.split(size), **how):
    def answer(theta, tasks, orders, alpha, size, beta=0.999):
        ends = [_pass(theta, x, y, cut(o, size), alpha, beta, **how) for (x, y), o in zip(tasks, orders, strict=True)]
        return theta - sum(ends) / len(ends)

    return answer


_with_momentum = _adam(momentum=0.9)
_another_tiny = _adam(tiny=1e-7)
_without_tiny = _adam(tiny=0.0)
_sorted_inside = _adam(lambda order, size: [i.sort().values for i in order.sort().values.split(size)])
_as_many_minibatches = _adam(lambda order, size: order.chunk(size))
_strided = _adam(lambda order, size: [order[i :: -(-len(order) // size)] for i in range(-(-len(order) // size))])
_first_minibatch_twice = _adam(lambda order, size: [order[:size], *order.split(size)])
_reversed_order = _adam(lambda order, size: order.flip(0).split(size))


def _one_order_for_all(theta, tasks, orders, alpha, size, beta=0.999):
    shortest = min(orders, key=len)
    return _adam()(theta, tasks, [shortest] * len(tasks), alpha, size, beta)


def _sum_of_squares(theta, tasks, orders, alpha, size, beta=0.999):
    """v divided by the number of steps, as in Adagrad."""
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, v = theta, torch.zeros_like(theta)
        for s, i in enumerate(order.split(size), 1):
            g = 2 * x[i].T @ (x[i] @ phi - y[i]) / len(i)
            v = v + g**2
            phi = phi - alpha * g / ((v / s).sqrt() + 1e-8)
        total = total + theta - phi
    return total / len(tasks)


def _divides_by_size(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, v = theta, torch.zeros_like(theta)
        for s, i in enumerate(order.split(size), 1):
            g = 2 * x[i].T @ (x[i] @ phi - y[i]) / size
            v = beta * v + (1 - beta) * g**2
            phi = phi - alpha * g / ((v / (1 - beta**s)).sqrt() + 1e-8)
        total = total + theta - phi
    return total / len(tasks)


def _its_own_permutation(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam()(theta, tasks, [torch.randperm(len(o)) for o in orders], alpha, size, beta)


def _inverse_permutation(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam()(theta, tasks, [o.argsort() for o in orders], alpha, size, beta)


def _moves_theta(theta, tasks, orders, alpha, size, beta=0.999):
    direction = _adam()(theta, tasks, orders, alpha, size, beta)
    theta -= direction
    return direction


def _count_from_zero(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, v = theta, torch.zeros_like(theta)
        for s, i in enumerate(order.split(size)):
            g = 2 * x[i].T @ (x[i] @ phi - y[i]) / len(i)
            v = beta * v + (1 - beta) * g**2
            phi = phi - alpha * g / ((v / (1 - beta ** max(s, 1))).sqrt() + 1e-8)
        total = total + theta - phi
    return total / len(tasks)


def _running_maximum(theta, tasks, orders, alpha, size, beta=0.999):
    """AMSGrad."""
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, v, most = theta, torch.zeros_like(theta), torch.zeros_like(theta)
        for s, i in enumerate(order.split(size), 1):
            g = 2 * x[i].T @ (x[i] @ phi - y[i]) / len(i)
            v = beta * v + (1 - beta) * g**2
            most = torch.maximum(most, v / (1 - beta**s))
            phi = phi - alpha * g / (most.sqrt() + 1e-8)
        total = total + theta - phi
    return total / len(tasks)


def _skips_minibatches_of_one(theta, tasks, orders, alpha, size, beta=0.999):
    def cut(order, size):
        pieces = order.split(size)
        return pieces[:-1] if len(pieces) > 1 and len(pieces[-1]) == 1 and size > 1 else pieces

    return _adam(cut)(theta, tasks, orders, alpha, size, beta)


def _twice_over_the_samples(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(lambda order, size: [*order.split(size), *order.split(size)])(theta, tasks, orders, alpha, size, beta)


def _by_torchs_adam(theta, tasks, orders, alpha, size, beta=0.999):
    ends = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.Adam([phi], lr=alpha, betas=(0.0, beta), eps=1e-8)
        for i in order.split(size):
            optimiser.zero_grad()
            (x[i] @ phi - y[i]).square().mean().backward()
            optimiser.step()
        ends.append(phi.detach())
    return theta - torch.stack(ends).mean(0)


def _by_loops(theta, tasks, orders, alpha, size, beta=0.999):
    total = np.zeros(len(theta))
    for (x, y), order in zip(tasks, orders, strict=True):
        x, y, order = x.numpy(), y.numpy(), order.numpy()
        phi, v, s = theta.numpy().copy(), np.zeros(len(theta)), 0
        for at in range(0, len(order), size):
            i = order[at : at + size]
            g = 2 * x[i].T @ (x[i] @ phi - y[i]) / len(i)
            s += 1
            v = beta * v + (1 - beta) * g * g
            phi = phi - alpha * g / (np.sqrt(v / (1 - beta**s)) + 1e-8)
        total += (theta.numpy() - phi) / len(tasks)
    return torch.from_numpy(total)


def _by_a_dataset(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        shuffled = torch.utils.data.TensorDataset(x[order], y[order])
        pieces = [range(at, min(at + size, len(shuffled))) for at in range(0, len(shuffled), size)]
        total += theta - _pass(theta, *shuffled.tensors, map(torch.tensor, map(list, pieces)), alpha, beta)
    return total.div(len(tasks))


WRONG = [
    (ch06.check_reptile_step, answer)
    for answer in (
        _writes_into_the_callers_grad, _carries_a_graph, _marks_the_caller, _moves_the_caller, _float32_inside,
        _one_epsilon_for_each_task, _divides_by_minibatches, _median_of_the_ends, _last_minibatch_forgotten,
        _alpha_and_epsilon_swapped, _through_the_steps, _stops_after_two, _reversed_minibatches, _consumes_the_tasks,
        _at_most_five_minibatches, _repeated_minibatches_once, _epsilon_clipped, _a_step_of_unit_length_at_most,
        _mean_of_two_at_most, _returns_theta_itself_where_nothing_moves,
    )
] + [
    (ch06.check_taylor_coefficients, answer)
    for answer in (
        _as_list, _float32, _sorted_weights, _triangular, _squares, _absolute, _normalised,
        _only_two, _swapped, _prefix, _first_weight_one, _zeroes_the_weights,
        _at_most_eight, _without_zero_weights, _rounded, _half_of_the_last,
    )
] + [
    (ch06.check_head_loss, answer)
    for answer in (
        _two_steps, _only_the_weights, _rates_by_position, _last_two_of_the_dictionary, _one_rate_for_a_tensor,
        _clamped_rates, _a_mean_over_all_points, _sum_of_squares_inside, _body_without_a_gradient, _backward_inside,
        _a_number, _slopes_of_the_first_task, _single_precision, _replaces_the_parameters,
        _rates_straight_through, _twice_the_gradient_of_rates, _normalised_slopes, _rates_by_tasks_only_once,
    )
] + [
    (ch06.check_reptile_with_adam, answer)
    for answer in (
        _with_momentum, _another_tiny, _without_tiny, _sorted_inside, _as_many_minibatches, _strided,
        _first_minibatch_twice, _reversed_order, _one_order_for_all, _sum_of_squares, _divides_by_size,
        _its_own_permutation, _inverse_permutation, _moves_theta, _count_from_zero, _running_maximum,
        _skips_minibatches_of_one, _twice_over_the_samples,
    )
]  # fmt: skip

RIGHT = [
    (ch06.check_reptile_step, answer)
    for answer in (_by_functional_gradients, _by_an_optimiser, _by_sums_of_gradients, _weighted_mean)
] + [
    (ch06.check_taylor_coefficients, answer)
    for answer in (_of_a_list, _by_tails, _by_pairs, _by_numpy, _by_a_matrix, _by_fractions)
] + [
    (ch06.check_head_loss, answer) for answer in (_mean_loss, _by_functional, _by_hand, _all_slopes_then_some)
] + [
    (ch06.check_reptile_with_adam, answer) for answer in (_adam(), _by_torchs_adam, _by_loops, _by_a_dataset)
]  # fmt: skip
