"""A second attack on the checks of chapter 06, written from the texts of the exercises alone."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np
import torch
from torch.nn.functional import linear, mse_loss, softplus

from metarl_core.check import ch06

from . import named

WRONG, RIGHT = [], []


def slope_of(loss, at):
    leaf = at.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def end_of(theta, losses, alpha, move=lambda phi, slope, alpha, i: phi - alpha * slope):
    phi = theta.clone()
    for i, loss in enumerate(losses):
        phi = move(phi, slope_of(loss, phi), alpha, i)
    return phi


def reptile(theta, tasks, alpha, epsilon, end=end_of, mean=lambda ends: torch.stack(ends).mean(0)):
    return theta + epsilon * (mean([end(theta, losses, alpha) for losses in tasks]) - theta)


def of_end(end):
    return lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, epsilon, end=end)


def of_move(move):
    return of_end(functools.partial(end_of, move=move))


def of_mean(mean):
    return lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, epsilon, mean=mean)


def one_after_another(theta, tasks, alpha, epsilon):
    for losses in tasks:
        theta = theta + epsilon * (end_of(theta, losses, alpha) - theta)
    return theta


def carried_on(theta, tasks, alpha, epsilon):
    ends = list(itertools.accumulate(tasks, lambda at, losses: end_of(at, losses, alpha), initial=theta))[1:]
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def parallel_gradients(theta, losses, alpha):
    return theta - alpha * sum(slope_of(loss, theta) for loss in losses)


def all_ends(theta, tasks, alpha, epsilon):
    ends = [end_of(theta, losses[: i + 1], alpha) for losses in tasks for i in range(len(losses))]
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def heavy_ball(theta, losses, alpha, speed=0.0):
    for loss in losses:
        speed = 0.9 * speed + slope_of(loss, theta)
        theta = theta - alpha * speed
    return theta


def in_place(theta, tasks, alpha, epsilon):
    theta += epsilon * (torch.stack([end_of(theta, losses, alpha) for losses in tasks]).mean(0) - theta)
    return theta


def data_in_place(theta, tasks, alpha, epsilon):
    kept = theta.clone()
    total = torch.zeros_like(theta)
    for losses in tasks:
        phi = theta
        for loss in losses:
            phi.data -= alpha * slope_of(loss, phi)
        total += phi
    return kept + epsilon * (total / len(tasks) - kept)


def graph_left(theta, tasks, alpha, epsilon):
    ends = []
    for losses in tasks:
        phi = theta.clone().requires_grad_()
        for loss in losses:
            phi = phi - alpha * torch.autograd.grad(loss(phi), phi, retain_graph=True)[0]
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def grad_left(theta, tasks, alpha, epsilon):
    theta.requires_grad_()
    sum(losses[0](theta) for losses in tasks).backward()
    theta.requires_grad_(False)
    return reptile(theta, tasks, alpha, epsilon)


def tasks_used_up(theta, tasks, alpha, epsilon):
    ends = []
    for losses in tasks:
        phi = theta.clone()
        while losses:
            phi = phi - alpha * slope_of(losses.pop(0), phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def shuffled(theta, losses, alpha):
    return end_of(theta, [losses[i] for i in torch.randperm(len(losses)).tolist()], alpha)


SPEED = {}


def outer_momentum(theta, tasks, alpha, epsilon):
    move = reptile(theta, tasks, alpha, epsilon) - theta
    SPEED[len(theta)] = move + 0.5 * SPEED.get(len(theta), torch.zeros_like(theta))
    return theta + SPEED[len(theta)]


def running_halves(ends):
    return functools.reduce(lambda mean, end: (mean + end) / 2, ends)


WRONG += named(
    ch06.check_reptile_step,
    one_after_another,
    carried_on,
    all_ends,
    in_place,
    data_in_place,
    graph_left,
    grad_left,
    tasks_used_up,
    outer_momentum,
    gradients_at_theta=of_end(parallel_gradients),
    momentum=of_end(heavy_ball),
    own_order=of_end(shuffled),
    reversed_order=of_end(lambda theta, losses, alpha: end_of(theta, losses[::-1], alpha)),
    last_left_out=of_end(lambda theta, losses, alpha: end_of(theta, losses[:-1] or losses, alpha)),
    first_left_out=of_end(lambda theta, losses, alpha: end_of(theta, losses[1:], alpha)),
    one_minibatch_repeated=of_end(lambda theta, losses, alpha: end_of(theta, [losses[0]] * len(losses), alpha)),
    mean_of_losses=of_end(
        lambda theta, losses, alpha: end_of(theta, [lambda at: sum(f(at) for f in losses) / len(losses)], alpha)
    ),
    at_most_eight=of_end(lambda theta, losses, alpha: end_of(theta, losses[:8], alpha)),
    shared_rate=of_end(lambda theta, losses, alpha: end_of(theta, losses, alpha / len(losses))),
    decaying_rate=of_move(lambda phi, slope, alpha, i: phi - alpha / (i + 1) * slope),
    signs=of_move(lambda phi, slope, alpha, i: phi - alpha * slope.sign()),
    clipped=of_move(lambda phi, slope, alpha, i: phi - alpha * slope / max(1.0, float(slope.norm()) / 2)),
    uphill=of_move(lambda phi, slope, alpha, i: phi + alpha * slope),
    sum_of_ends=of_mean(lambda ends: torch.stack(ends).sum(0)),
    median_of_ends=of_mean(lambda ends: torch.stack(ends).median(0).values),
    last_end=of_mean(lambda ends: ends[-1]),
    running_mean=of_mean(running_halves),
    mean_of_all=of_mean(lambda ends: torch.stack(ends).mean()),
    direction=lambda theta, *a: reptile(theta, *a) - theta,
    wrong_side=lambda theta, *a: 2 * theta - reptile(theta, *a),
    weights_swapped=lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, 1 - epsilon),
    epsilon_a_task=lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, epsilon / len(tasks)),
    epsilon_over_alpha=lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, epsilon / alpha),
    whole_way=lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, 1.0),
    at_most_one=lambda theta, tasks, alpha, epsilon: reptile(theta, tasks, alpha, min(epsilon, 0.9)),
    single_precision=lambda theta, *a: reptile(theta, *a).float().double(),
    as_numpy=lambda *a: reptile(*a).numpy(),
    as_row=lambda *a: reptile(*a)[None],
)


def by_reduce(theta, tasks, alpha, epsilon):
    step = lambda phi, loss: phi - alpha * torch.func.grad(loss)(phi)  # noqa: E731
    return theta.lerp(torch.stack([functools.reduce(step, task, theta) for task in tasks]).mean(0), epsilon)


def with_sgd(theta, tasks, alpha, epsilon):
    moved = torch.zeros_like(theta)
    for losses in tasks:
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([phi], lr=alpha)
        for loss in losses:
            optimiser.zero_grad()
            loss(phi).backward()
            optimiser.step()
        moved += phi.detach() - theta
    return theta + epsilon / len(tasks) * moved


def recursive(theta, tasks, alpha, epsilon):
    def end(phi, losses):
        return phi if not losses else end(phi - alpha * slope_of(losses[0], phi), losses[1:])

    return (1 - epsilon) * theta + epsilon * sum(end(theta, task) for task in tasks) / len(tasks)


def by_sums_of_slopes(theta, tasks, alpha, epsilon):
    slopes = []
    for losses in tasks:
        met = []
        for loss in losses:
            met.append(slope_of(loss, theta - alpha * sum(met, torch.zeros_like(theta))))
        slopes.append(torch.stack(met).sum(0))
    return theta - epsilon * alpha * torch.stack(slopes).mean(0)


class Step:
    def __call__(self, theta, tasks, alpha, epsilon):
        self.mean = np.mean([end_of(theta, losses, alpha).numpy() for losses in tasks], axis=0)
        return torch.from_numpy(theta.numpy() + epsilon * (self.mean - theta.numpy()))


RIGHT += named(
    ch06.check_reptile_step,
    by_reduce,
    with_sgd,
    recursive,
    by_sums_of_slopes,
    instance=Step(),
    partial=functools.partial(reptile, mean=lambda ends: sum(ends) / len(ends)),
)


def coefficients(c0, c1):
    def answer(weights):
        before = torch.arange(len(weights), dtype=weights.dtype)
        return torch.stack([torch.as_tensor(c, dtype=weights.dtype) for c in (c0(weights), c1(weights, before))])

    return answer


def total(weights):
    return weights.sum()


def delays(weights, before):
    return (weights * before).sum()


def weights_overwritten(weights):
    first = weights.sum()
    weights *= torch.arange(len(weights))
    return torch.stack([first, weights.sum()])


WRONG += named(
    ch06.check_taylor_coefficients,
    weights_overwritten,
    from_one=coefficients(total, lambda w, i: (w * (i + 1)).sum()),
    from_the_end=coefficients(total, lambda w, i: (w * i.flip(0)).sum()),
    running_sums=coefficients(total, lambda w, i: w.cumsum(0).sum()),
    running_sums_less_the_last=coefficients(total, lambda w, i: w.cumsum(0)[:-1].sum()),
    mean_weight=coefficients(total, lambda w, i: w.mean() * len(w) * (len(w) - 1) / 2),
    last_weight=coefficients(total, lambda w, i: w[-1] * (len(w) - 1)),
    first_and_last=coefficients(total, lambda w, i: (w[0] + w[-1]) * len(w) * (len(w) - 1) / 4),
    pairs=coefficients(total, lambda w, i: i.sum() * w.prod()),
    products_of_pairs=coefficients(total, lambda w, i: (w.sum() ** 2 - w.square().sum()) / 2),
    half=coefficients(total, lambda w, i: delays(w, i) / 2),
    both_gradients=coefficients(total, lambda w, i: 2 * delays(w, i)),
    negative=coefficients(total, lambda w, i: -delays(w, i)),
    absolute=coefficients(total, lambda w, i: (w.abs() * i).sum()),
    absolute_sum=coefficients(lambda w: w.abs().sum(), delays),
    squares=coefficients(lambda w: w.square().sum(), lambda w, i: (w.square() * i).sum()),
    averaged=coefficients(lambda w: w.mean(), lambda w, i: delays(w, i) / len(w)),
    normalised=coefficients(lambda w: 1.0, lambda w, i: delays(w, i) / w.sum()),
    sign_lost=coefficients(total, lambda w, i: delays(w, i).abs()),
    triangular=coefficients(total, lambda w, i: (w * i * (i + 1) / 2).sum()),
    capped=coefficients(total, lambda w, i: (w * i.clamp(max=9)).sum()),
    rounded=coefficients(total, lambda w, i: delays(w, i).round(decimals=4)),
    reptile_alone=coefficients(lambda w: float(len(w)), lambda w, i: i.sum()),
    no_zero_sum=coefficients(lambda w: w.sum() if w.sum() else w.new_tensor(1.0), delays),
    largest=coefficients(total, lambda w, i: w.max() * i.sum()),
    swapped=lambda weights: coefficients(total, delays)(weights).flip(0),
    with_alpha=lambda weights: coefficients(total, delays)(weights) * torch.tensor([1.0, 0.1], dtype=torch.float64),
    single_precision=lambda weights: coefficients(total, delays)(weights.float()).double(),
    as_column=lambda weights: coefficients(total, delays)(weights)[:, None],
)


def counted(weights):
    c0 = c1 = 0.0
    for i, w in enumerate(weights.tolist()):
        c0, c1 = c0 + w, c1 + i * w
    return torch.tensor([c0, c1], dtype=torch.float64)


def in_fractions(weights):
    w = [Fraction(v) for v in weights.tolist()]
    pairs = [w[i] for i in range(len(w)) for j in range(i)]
    return torch.tensor([float(sum(w)), float(sum(pairs))], dtype=torch.float64)


def by_matrix(weights):
    return torch.vander(torch.arange(len(weights)).double(), 2, increasing=True).T @ weights


def of_polynomial(weights):
    p = np.polynomial.Polynomial(weights.numpy())
    return torch.tensor([p(1.0), p.deriv()(1.0)], dtype=torch.float64)


def later_sums(weights):
    tails = weights.flip(0).cumsum(0).flip(0)
    return torch.stack((tails[0], tails[1:].sum()))


RIGHT += named(ch06.check_taylor_coefficients, counted, in_fractions, by_matrix, of_polynomial, later_sums)

HEAD = ("w2", "b2")


def network(p, x):
    return (x @ p["w1"].T + p["b1"]).tanh() @ p["w2"].T + p["b2"]


def error(p, x, y):
    return (network(p, x) - y).square().mean()


def head_loss(
    parameters,
    rates,
    tasks,
    names=HEAD,
    step=lambda rate, slope: rate * slope,
    loss=error,
    outer=error,
    graph=lambda name: True,
    start=lambda value: value,
    mean=torch.mean,
):
    values = []
    for x, y, u, v in tasks:
        slopes = torch.autograd.grad(loss(parameters, x, y), [parameters[n] for n in names], create_graph=True)
        adapted = dict(parameters)
        for name, slope in zip(names, slopes, strict=True):
            adapted[name] = start(parameters[name]) - step(rates[name], slope if graph(name) else slope.detach())
        values.append(outer(adapted, u, v))
    return mean(torch.stack(values))


def how(**settings):
    return lambda parameters, rates, tasks: head_loss(parameters, rates, tasks, **settings)


def stepping(step):
    return how(step=step)


def swept(value, gradient):
    return lambda *a: gradient(*a) + (value(*a) - gradient(*a)).detach()


def by_place(parameters, rates, tasks):
    names = list(parameters)[-2:]
    return head_loss(parameters, rates, tasks, names=names)


def rates_by_place(parameters, rates, tasks):
    return head_loss(parameters, dict(zip(parameters, rates.values(), strict=True)), tasks)


def rates_by_given_order(parameters, rates, tasks):
    w1, b1, w2, b2 = rates.values()
    return head_loss(parameters, {"w1": w1, "b1": b1, "w2": w2, "b2": b2}, tasks)


def carried_on(parameters, rates, tasks):
    values, at = [], dict(parameters)
    for x, y, u, v in tasks:
        slopes = torch.autograd.grad(error(at, x, y), [at[n] for n in HEAD], create_graph=True)
        at |= {n: at[n] - rates[n] * s for n, s in zip(HEAD, slopes, strict=True)}
        values.append(error(at, u, v))
    return torch.stack(values).mean()


def two_steps(parameters, rates, tasks):
    values = []
    for x, y, u, v in tasks:
        at = dict(parameters)
        for _ in range(2):
            slopes = torch.autograd.grad(error(at, x, y), [at[n] for n in HEAD], create_graph=True)
            at |= {n: at[n] - rates[n] * s for n, s in zip(HEAD, slopes, strict=True)}
        values.append(error(at, u, v))
    return torch.stack(values).mean()


def bias_after_weights(parameters, rates, tasks):
    values = []
    for x, y, u, v in tasks:
        at = dict(parameters)
        for n in HEAD:
            (slope,) = torch.autograd.grad(error(at, x, y), [at[n]], create_graph=True)
            at[n] = at[n] - rates[n] * slope
        values.append(error(at, u, v))
    return torch.stack(values).mean()


def all_points_alike(parameters, rates, tasks):
    off = []
    for x, y, u, v in tasks:
        slopes = torch.autograd.grad(error(parameters, x, y), [parameters[n] for n in HEAD], create_graph=True)
        at = parameters | {n: parameters[n] - rates[n] * s for n, s in zip(HEAD, slopes, strict=True)}
        off.append(network(at, u) - v)
    return torch.cat(off).square().mean()


def rates_clamped_in_place(parameters, rates, tasks):
    for rate in rates.values():
        rate.data.clamp_(min=0)
    return head_loss(parameters, rates, tasks)


def backward_inside(parameters, rates, tasks):
    loss = head_loss(parameters, rates, tasks)
    loss.backward(retain_graph=True)
    return loss


def body_frozen(parameters, rates, tasks):
    return head_loss({n: v if n in HEAD else v.detach() for n, v in parameters.items()}, rates, tasks)


def body_frozen_in_support(p, x, y):
    return error({n: v if n in HEAD else v.detach() for n, v in p.items()}, x, y)


def body_frozen_in_query(p, x, y):
    return error({n: v if n in HEAD else v.detach() for n, v in p.items()}, x, y)


WRONG += named(
    ch06.check_head_loss,
    by_place,
    rates_by_place,
    rates_by_given_order,
    carried_on,
    two_steps,
    bias_after_weights,
    all_points_alike,
    rates_clamped_in_place,
    backward_inside,
    body_frozen,
    body_frozen_while_adapting=how(loss=body_frozen_in_support),
    body_frozen_in_query=how(outer=body_frozen_in_query),
    rates_clamped=stepping(lambda rate, slope: rate.clamp(min=0) * slope),
    rates_softplus=stepping(lambda rate, slope: softplus(rate) * slope),
    rates_squared=stepping(lambda rate, slope: rate.square() * slope),
    rates_capped=stepping(lambda rate, slope: rate.clamp(max=0.5) * slope),
    one_rate_a_tensor=stepping(lambda rate, slope: rate.mean() * slope),
    first_rate=stepping(lambda rate, slope: rate.flatten()[0] * slope),
    rates_detached=stepping(lambda rate, slope: rate.detach() * slope),
    value_by_length=stepping(lambda rate, slope: (rate + (rate.abs() - rate).detach()) * slope),
    gradient_by_length=stepping(lambda rate, slope: (rate.abs() + (rate - rate.abs()).detach()) * slope),
    clipped_slopes=stepping(lambda rate, slope: rate * slope.clamp(-1, 1)),
    normalised_slopes=stepping(lambda rate, slope: rate * slope / slope.norm()),
    uphill=stepping(lambda rate, slope: -rate * slope),
    constant_rate=stepping(lambda rate, slope: 0.1 * slope),
    first_order=how(graph=lambda name: False),
    first_order_of_the_bias=how(graph=lambda name: name != "b2"),
    start_detached=how(start=lambda value: value.detach()),
    weights_alone=how(names=("w2",)),
    bias_alone=how(names=("b2",)),
    all_of_it=how(names=("w1", "b1", "w2", "b2")),
    biases=how(names=("b1", "b2")),
    summed=how(mean=torch.sum),
    worst=how(mean=torch.max),
    root=how(outer=lambda p, x, y: error(p, x, y).sqrt()),
    small_decay=lambda p, r, t: head_loss(p, r, t) + 1e-6 * sum(v.square().sum() for v in r.values()),
    query_adapts=lambda p, r, t: head_loss(p, r, [(u, v, x, y) for x, y, u, v in t]),
    support_again=lambda p, r, t: head_loss(p, r, [(x, y, x, y) for x, y, _, _ in t]),
    first_task=lambda p, r, t: head_loss(p, r, t[:1]),
    single_precision=lambda p, r, t: head_loss(p, r, t).float().double(),
    right_value_no_meta=swept(head_loss, lambda p, r, t: sum(error(p, u, v) for _, _, u, v in t) / len(t)),
    halved_gradient=lambda *a: head_loss(*a) / 2 + (head_loss(*a) / 2).detach(),
    a_number=lambda *a: float(head_loss(*a)),
)


def with_functional(parameters, rates, tasks):
    total = 0.0
    for x, y, u, v in tasks:
        features = torch.tanh(linear(x, parameters["w1"], parameters["b1"]))
        support = mse_loss(linear(features, parameters["w2"], parameters["b2"]), y)
        dw, db = torch.autograd.grad(support, (parameters["w2"], parameters["b2"]), create_graph=True)
        w, b = parameters["w2"] - rates["w2"].mul(dw), torch.addcmul(parameters["b2"], rates["b2"], db, value=-1)
        total = total + mse_loss(torch.tanh(linear(u, parameters["w1"], parameters["b1"])) @ w.T + b, v)
    return total / len(tasks)


def by_func(parameters, rates, tasks):
    body = {n: v for n, v in parameters.items() if n not in HEAD}
    head = {n: parameters[n] for n in HEAD}
    slope = torch.func.grad(lambda head, x, y: error(body | head, x, y))
    return sum(
        error(body | {n: head[n] - rates[n] * s for n, s in slope(head, x, y).items()}, u, v) for x, y, u, v in tasks
    ) / len(tasks)


def by_hand(parameters, rates, tasks):
    losses = []
    for x, y, u, v in tasks:
        h = (x @ parameters["w1"].T + parameters["b1"]).tanh()
        off = (h @ parameters["w2"].T + parameters["b2"] - y) * (2 / len(x))
        moved = dict(parameters)
        moved["w2"] = parameters["w2"] - rates["w2"] * (off.T @ h)
        moved["b2"] = parameters["b2"] - rates["b2"] * off.sum(0)
        losses.append(error(moved, u, v))
    return sum(losses, torch.zeros(())) / len(losses)


def all_slopes_zero_rates(parameters, rates, tasks):
    switch = {n: 1.0 if n in HEAD else 0.0 for n in parameters}
    values = []
    for x, y, u, v in tasks:
        slopes = torch.autograd.grad(error(parameters, x, y), list(parameters.values()), create_graph=True)
        at = {n: p - switch[n] * rates[n] * s for (n, p), s in zip(parameters.items(), slopes, strict=True)}
        values.append(error(at, u, v))
    return torch.stack(values).mean()


RIGHT += named(
    ch06.check_head_loss,
    with_functional,
    by_func,
    by_hand,
    all_slopes_zero_rates,
    partial=functools.partial(head_loss, names=("b2", "w2"), mean=lambda values: values.sum() / len(values)),
)


def gradient_of(phi, x, y):
    return 2 * x.T @ (x @ phi - y) / len(x)


def adam_end(theta, x, y, pieces, alpha, beta, gradient=gradient_of, update=None, second=None):
    phi, v = theta, torch.zeros_like(theta)
    for s, piece in enumerate(pieces, 1):
        g = gradient(phi, x[piece], y[piece])
        if second is not None:
            v = second(v, g, beta, s)
        else:
            v = beta * v + (1 - beta) * g**2
        if update is not None:
            phi = phi - alpha * update(g, v, beta, s)
        else:
            phi = phi - alpha * g / ((v / (1 - beta**s)).sqrt() + 1e-8)
    return phi


def adam(
    theta,
    tasks,
    orders,
    alpha,
    size,
    beta=0.999,
    cut=lambda order, size: order.split(size),
    join=lambda theta, ends: (theta - torch.stack(ends)).mean(0),
    **settings,
):
    ends = [
        adam_end(theta, x, y, cut(order, size), alpha, beta, **settings)
        for (x, y), order in zip(tasks, orders, strict=True)
    ]
    return join(theta, ends)


def adapting(**settings):
    return lambda theta, tasks, orders, alpha, size, beta=0.999: adam(
        theta, tasks, orders, alpha, size, beta, **settings
    )


def updating(update):
    return adapting(update=update)


def cutting(cut):
    return adapting(cut=cut)


def labels_as_stored(theta, tasks, orders, alpha, size, beta=0.999):
    return adam(
        theta,
        [(x[order], y) for (x, y), order in zip(tasks, orders, strict=True)],
        [torch.arange(len(order)) for order in orders],
        alpha,
        size,
        beta,
    )


def with_orders(change):
    return lambda theta, tasks, orders, alpha, size, beta=0.999: adam(theta, tasks, change(orders), alpha, size, beta)


def with_tasks(change):
    return lambda theta, tasks, orders, alpha, size, beta=0.999: adam(theta, *change(tasks, orders), alpha, size, beta)


def by_size(theta, tasks, orders, alpha, size, beta=0.999):
    return adam(theta, tasks, orders, alpha, size, beta, gradient=lambda phi, x, y: 2 * x.T @ (x @ phi - y) / size)


def theta_moved(theta, tasks, orders, alpha, size, beta=0.999):
    kept, ends = theta.clone(), []
    for (x, y), order in zip(tasks, orders, strict=True):
        ends.append(adam_end(theta, x, y, order.split(size), alpha, beta))
        theta.copy_(ends[-1])
    return kept - torch.stack(ends).mean(0)


def data_reordered(theta, tasks, orders, alpha, size, beta=0.999):
    result = adam(theta, tasks, orders, alpha, size, beta)
    for (x, y), order in zip(tasks, orders, strict=True):
        x.copy_(x[order])
        y.copy_(y[order])
    return result


def drawn_anew(theta, tasks, orders, alpha, size, beta=0.999):
    return adam(theta, tasks, [torch.randperm(len(order)) for order in orders], alpha, size, beta)


def kept_second(theta, tasks, orders, alpha, size, beta=0.999):
    ends, v = [], torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = theta
        for s, piece in enumerate(order.split(size), 1):
            g = gradient_of(phi, x[piece], y[piece])
            v = beta * v + (1 - beta) * g**2
            phi = phi - alpha * g / ((v / (1 - beta**s)).sqrt() + 1e-8)
        ends.append(phi)
    return theta - torch.stack(ends).mean(0)


def carried_on(theta, tasks, orders, alpha, size, beta=0.999):
    ends, phi = [], theta
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = adam_end(phi, x, y, order.split(size), alpha, beta)
        ends.append(phi)
    return theta - torch.stack(ends).mean(0)


def torch_adam(theta, tasks, orders, alpha, size, beta=0.999, kind=torch.optim.Adam, betas=None, **settings):
    ends = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = theta.clone().requires_grad_()
        optimiser = kind([phi], lr=alpha, betas=betas or (0.0, beta), eps=1e-8, **settings)
        for piece in order.split(size):
            phi.grad = gradient_of(phi.detach(), x[piece], y[piece])
            optimiser.step()
        ends.append(phi.detach())
    return theta - torch.stack(ends).mean(0)


def full_pieces(order, size):
    return [piece for piece in order.split(size) if len(piece) == size]


WRONG += named(
    ch06.check_reptile_with_adam,
    labels_as_stored,
    by_size,
    theta_moved,
    data_reordered,
    drawn_anew,
    kept_second,
    carried_on,
    last_piece_dropped=cutting(full_pieces),
    equal_pieces=cutting(lambda order, size: order.chunk(math.ceil(len(order) / size))),
    strided_pieces=cutting(
        lambda order, size: [order[i :: -(-len(order) // size)] for i in range(-(-len(order) // size))]
    ),
    last_piece_filled=cutting(
        lambda order, size: [
            order[max(0, len(order) - size) :] if i + size > len(order) else order[i : i + size]
            for i in range(0, len(order), size)
        ]
    ),
    one_more_in_each=cutting(lambda order, size: order.split(size + 1)),
    pieces_reversed=cutting(lambda order, size: order.split(size)[::-1]),
    pieces_sorted_within_the_pass=cutting(lambda order, size: order.sort().values.split(size)),
    two_passes=cutting(lambda order, size: order.split(size) * 2),
    first_piece_twice=cutting(lambda order, size: [order[:size], *order.split(size)]),
    inverse_order=cutting(lambda order, size: order.argsort().split(size)),
    order_twice=cutting(lambda order, size: order[order].split(size)),
    whole_task=cutting(lambda order, size: [order]),
    at_most_ten=cutting(lambda order, size: order.split(size)[:10]),
    first_order_for_all=with_orders(lambda orders: [orders[0] if len(o) == len(orders[0]) else o for o in orders]),
    one_task_less=with_tasks(lambda tasks, orders: (tasks[:-1] or tasks, orders[:-1] or orders)),
    beta_fixed=lambda theta, tasks, orders, alpha, size, beta=0.999: adam(theta, tasks, orders, alpha, size),
    beta_default=lambda theta, tasks, orders, alpha, size, beta=0.99: adam(theta, tasks, orders, alpha, size, beta),
    not_corrected=updating(lambda g, v, beta, s: g / (v.sqrt() + 1e-8)),
    corrected_once=updating(lambda g, v, beta, s: g / ((v / (1 - beta)).sqrt() + 1e-8)),
    corrected_outside=updating(lambda g, v, beta, s: g / (v.sqrt() / (1 - beta**s) + 1e-8)),
    corrected_a_step_late=updating(lambda g, v, beta, s: g / ((v / (1 - beta ** (s + 1))).sqrt() + 1e-8)),
    epsilon_before_correction=updating(lambda g, v, beta, s: g / ((v.sqrt() + 1e-8) / (1 - beta**s) ** 0.5)),
    epsilon_inside=updating(lambda g, v, beta, s: g / (v / (1 - beta**s) + 1e-8).sqrt()),
    epsilon_larger=updating(lambda g, v, beta, s: g / ((v / (1 - beta**s)).sqrt() + 1e-6)),
    epsilon_left_out=updating(lambda g, v, beta, s: g / (v / (1 - beta**s)).sqrt()),
    epsilon_twice=updating(lambda g, v, beta, s: g / ((v / (1 - beta**s)).sqrt() + 2e-8)),
    epsilon_as_floor=updating(lambda g, v, beta, s: g / (v / (1 - beta**s)).sqrt().clamp(min=1e-8)),
    signs=updating(lambda g, v, beta, s: g.sign()),
    not_a_root=updating(lambda g, v, beta, s: g / (v / (1 - beta**s) + 1e-8)),
    largest_second=adapting(second=lambda v, g, beta, s: torch.maximum(v, beta * v + (1 - beta) * g**2)),
    sum_of_squares=adapting(second=lambda v, g, beta, s: v + (1 - beta) * g**2),
    weights_swapped=adapting(second=lambda v, g, beta, s: (1 - beta) * v + beta * g**2),
    one_rate_for_all=adapting(second=lambda v, g, beta, s: beta * v + (1 - beta) * g.square().mean()),
    begins_with_first_square=adapting(second=lambda v, g, beta, s: g**2 if s == 1 else beta * v + (1 - beta) * g**2),
    half_gradient=adapting(gradient=lambda phi, x, y: x.T @ (x @ phi - y) / len(x)),
    absolute_gradient=adapting(second=lambda v, g, beta, s: beta * v + (1 - beta) * g.abs()),
    with_momentum=lambda theta, tasks, orders, alpha, size, beta=0.999: torch_adam(
        theta, tasks, orders, alpha, size, betas=(0.9, beta)
    ),
    with_amsgrad=lambda *a, **k: torch_adam(*a, **k, amsgrad=True),
    with_weight_decay=lambda *a, **k: torch_adam(*a, **k, kind=torch.optim.AdamW),
    summed=adapting(join=lambda theta, ends: (theta - torch.stack(ends)).sum(0)),
    other_sign=adapting(join=lambda theta, ends: torch.stack(ends).mean(0) - theta),
    over_alpha=lambda theta, tasks, orders, alpha, size, beta=0.999: (
        adam(theta, tasks, orders, alpha, size, beta) / alpha
    ),
    single_precision=lambda *a, **k: adam(*a, **k).float().double(),
)


def recursive(theta, tasks, orders, alpha, size, beta=0.999):
    def end(phi, v, s, x, y, order):
        if len(order) == 0:
            return phi
        g = gradient_of(phi, x[order[:size]], y[order[:size]])
        v = torch.lerp(g * g, v, beta)
        phi = phi - alpha * g / (torch.sqrt(v / (1 - beta**s)) + 1e-8)
        return end(phi, v, s + 1, x, y, order[size:])

    ends = [end(theta, torch.zeros_like(theta), 1, x, y, o) for (x, y), o in zip(tasks, orders, strict=True)]
    return theta - sum(ends) / len(ends)


def in_numpy(theta, tasks, orders, alpha, size, beta=0.999):
    moved = np.zeros(theta.shape)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, v, xs, ys = theta.numpy().copy(), 0.0, x.numpy()[order], y.numpy()[order]
        for s in range(1, math.ceil(len(xs) / size) + 1):
            part = slice((s - 1) * size, s * size)
            g = 2 * xs[part].T.dot(xs[part].dot(phi) - ys[part]) / len(xs[part])
            v = beta * v + (1 - beta) * g * g
            phi -= alpha * g / (np.sqrt(v / (1 - beta**s)) + 1e-8)
        moved += theta.numpy() - phi
    return torch.from_numpy(moved / len(tasks))


def weighted_history(theta, tasks, orders, alpha, size, beta=0.999):
    """v as a sum over all gradients so far, with the weights that the recursion gives them."""
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, squares = theta.clone(), []
        for chosen in torch.split(order, size):
            g = gradient_of(phi, x[chosen], y[chosen])
            squares.append(g.square())
            s = len(squares)
            v = sum(beta ** (s - 1 - i) * (1 - beta) * one for i, one in enumerate(squares))
            phi -= alpha * g / ((v / (1 - beta**s)).sqrt() + 1e-8)
        total += theta - phi
    return total.div(len(tasks))


class Optimiser:
    def __call__(self, theta, tasks, orders, alpha, size, beta=0.999):
        ends = []
        for (x, y), order in zip(tasks, orders, strict=True):
            self.second, self.count, phi = theta * 0, 0, theta
            for at in range(0, len(order), size):
                rows = order.tolist()[at : at + size]
                phi = self.step(phi, gradient_of(phi, x[rows], y[rows]), alpha, beta)
            ends.append(phi)
        return torch.stack([theta - end for end in ends]).mean(dim=0)

    def step(self, phi, gradient, alpha, beta):
        self.count += 1
        self.second = self.second.mul(beta).addcmul(gradient, gradient, value=1 - beta)
        return phi.addcdiv(gradient, self.second.div(1 - beta**self.count).sqrt().add(1e-8), value=-alpha)


RIGHT += named(
    ch06.check_reptile_with_adam,
    recursive,
    in_numpy,
    weighted_history,
    torch_adam,
    instance=Optimiser(),
    partial=functools.partial(adam, cut=lambda order, size: [order[i : i + size] for i in range(0, len(order), size)]),
)
