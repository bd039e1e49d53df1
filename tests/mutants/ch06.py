"""Wrong answers to the exercises of chapter 06, written as a learner would write them."""

import math

import torch
from attacks import ch06_experiments as report
from torch.autograd import grad

from metarl_core.check import ch06
from mutants import Mutant

# ---------------------------------------------------------------- reptile_step


def _gradient(loss, at):
    leaf = at.detach().clone().requires_grad_()
    return grad(loss(leaf), leaf)[0]


def _inner(theta, losses, alpha):
    for loss in losses:
        theta = theta - alpha * _gradient(loss, theta)
    return theta


def _step(outer, pick=lambda losses: losses):
    def answer(theta, tasks, alpha, epsilon):
        return outer(theta, torch.stack([_inner(theta, pick(losses), alpha) for losses in tasks]), alpha, epsilon)

    return answer


def _towards_mean(theta, ends, alpha, epsilon):
    return (1 - epsilon) * theta + epsilon * ends.mean(0)


def _all_at_theta(theta, tasks, alpha, epsilon):
    total = sum(_gradient(loss, theta) for losses in tasks for loss in losses)
    return theta - epsilon * alpha * total / len(tasks)


def _fomaml(theta, tasks, alpha, epsilon):
    last = [_gradient(losses[-1], _inner(theta, losses[:-1], alpha)) for losses in tasks]
    return theta - epsilon * alpha * sum(last) / len(last)


def _means_of_gradients(theta, tasks, alpha, epsilon):
    total = torch.zeros_like(theta)
    for losses in tasks:
        phi, slopes = theta, []
        for loss in losses:
            slopes.append(_gradient(loss, phi))
            phi = phi - alpha * slopes[-1]
        total += torch.stack(slopes).mean(0) / len(tasks)
    return theta - epsilon * alpha * total


def _one_step_on_the_mean(theta, tasks, alpha, epsilon):
    ends = []
    for losses in tasks:
        ends.append(theta - alpha * _gradient(lambda t, losses=losses: sum(f(t) for f in losses) / len(losses), theta))
    return _towards_mean(theta, torch.stack(ends), alpha, epsilon)


def _forgets_to_ask(theta, tasks, alpha, epsilon):
    ends = []
    for losses in tasks:
        phi = theta.clone()
        for loss in losses:
            phi = phi - alpha * grad(loss(phi), phi)[0]
        ends.append(phi)
    return _towards_mean(theta, torch.stack(ends), alpha, epsilon)


def _one_phi_for_all(theta, tasks, alpha, epsilon):
    phi, ends = theta, []
    for losses in tasks:
        phi = _inner(phi, losses, alpha)
        ends.append(phi)
    return theta + epsilon * (sum(ends) / len(ends) - theta)


def _one_after_another(theta, tasks, alpha, epsilon):
    for losses in tasks:
        theta = theta + epsilon * (_inner(theta, losses, alpha) - theta)
    return theta


# ---------------------------------------------------------------- taylor_coefficients


def _pairs(count, first=sum):
    def answer(weights):
        w = weights.tolist()
        return torch.tensor([first(w), sum(v * count(i, len(w)) for i, v in enumerate(w))], dtype=weights.dtype)

    return answer


def _weights_of_both(weights):
    k = len(weights)
    pairs = sum(weights[i] * weights[j] for i in range(k) for j in range(i))
    return torch.stack([weights.sum(), torch.as_tensor(pairs, dtype=weights.dtype)])


def _always_reptile(weights):
    k = len(weights)
    return torch.tensor([k, 0.5 * k * (k - 1)], dtype=weights.dtype)


# ---------------------------------------------------------------- head_loss


def _loss(
    adapting=("w2", "b2"),
    rate=lambda a: a,
    graph=True,
    judge="query",
    divide=True,
    leak=False,
    weights=lambda p: p,
):
    def predict(p, x):
        return torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]

    def answer(parameters, rates, tasks):
        total, start = 0.0, parameters
        for sx, sy, qx, qy in tasks:
            loss = (predict(weights(start), sx) - sy).pow(2).mean()
            slopes = grad(loss, [start[n] for n in adapting], create_graph=graph)
            adapted = dict(start)
            for n, s in zip(adapting, slopes, strict=True):
                adapted[n] = adapted[n] - rate(rates[n]) * s
            start = adapted if leak else start
            x, y = (qx, qy) if judge == "query" else (sx, sy)
            total = total + (predict(adapted, x) - y).pow(2).mean()
        return total / len(tasks) if divide else total

    return answer


BODY, ALL = ("w1", "b1"), ("w1", "b1", "w2", "b2")


def _pooled(parameters, rates, tasks):
    losses = [_loss()(parameters, rates, [task]) * len(task[3]) for task in tasks]
    return sum(losses) / sum(len(task[3]) for task in tasks)


def _copied(a):
    return torch.tensor(a.tolist(), dtype=a.dtype)


# ---------------------------------------------------------------- reptile_with_adam


def _direction(
    permute="xy", renew=("v", "t"), each_step=False, correct=True, outwards=False, divide=True, whole=True,
    root=lambda v: v.sqrt() + 1e-8, given=True,
    order_of=lambda order: order, over_size=False, cut=lambda n, size: size, alike=False,
):  # fmt: skip
    def answer(theta, tasks, orders, alpha, size, beta=0.999):
        beta = beta if given else 0.999
        v, t, ends = torch.zeros_like(theta), 0, []
        wanted = size
        for (x, y), order in zip(tasks, map(order_of, orders), strict=True):
            size = cut(len(x), wanted)
            x = x[order] if "x" in permute else x
            y = y[order] if "y" in permute else y
            v = torch.zeros_like(theta) if "v" in renew else v
            t = 0 if "t" in renew else t
            phi = theta.clone()
            for at in range(0, len(x), size):
                if at + size > len(x) and not whole:
                    break
                if each_step:
                    v, t = torch.zeros_like(theta), 0
                bx, by = x[at : at + size], y[at : at + size]
                g = 2 * ((bx @ phi - by)[:, None] * bx).sum(0) / (size if over_size else len(bx))
                t += 1
                v = v + g * g if alike else beta * v + (1 - beta) * g * g
                phi = phi - alpha * g / root(v / t if alike else v / (1 - beta**t) if correct else v)
            ends.append(phi - theta if outwards else theta - phi)
        return sum(ends) / (len(ends) if divide else 1)

    return answer


def _scaled(inner=lambda alpha, tasks: alpha, outer=lambda epsilon, tasks: epsilon):
    """Reptile with other step sizes."""
    return lambda theta, tasks, a, e: _step(_towards_mean)(theta, tasks, inner(a, tasks), outer(e, tasks))


def _all_points(theta, tasks, alpha, epsilon):
    points = []
    for losses in tasks:
        phi = theta
        for loss in losses:
            phi = phi - alpha * _gradient(loss, phi)
            points.append(phi)
    return _towards_mean(theta, torch.stack(points), alpha, epsilon)


def _shuffles(theta, tasks, alpha, epsilon):
    shuffled = [[losses[i] for i in torch.randperm(len(losses))] for losses in tasks]
    return _step(_towards_mean)(theta, shuffled, alpha, epsilon)


def _pops(theta, tasks, alpha, epsilon):
    ends = []
    while tasks:
        ends.append(_inner(theta, tasks.pop(), alpha))
    return _towards_mean(theta, torch.stack(ends), alpha, epsilon)


def _divided(weights):
    both = _pairs(lambda i, k: i)(weights)
    return torch.stack([both[0] * 0 + 1, both[1] / weights.sum()])


def _detaching(body_inside=False, body_outside=False, start=False):
    def answer(parameters, rates, tasks):
        body = {n: parameters[n] for n in BODY}
        cut = {n: v.detach() for n, v in body.items()}
        total = 0.0
        for sx, sy, qx, qy in tasks:
            p = parameters | (cut if body_inside else body)
            hidden = torch.tanh(sx @ p["w1"].T + p["b1"])
            loss = (hidden @ p["w2"].T + p["b2"] - sy).pow(2).mean()
            slopes = dict(zip(("w2", "b2"), grad(loss, (p["w2"], p["b2"]), create_graph=True), strict=True))
            head = {n: (p[n].detach() if start else p[n]) - rates[n] * s for n, s in slopes.items()}
            p = cut if body_outside else body
            total = total + (torch.tanh(qx @ p["w1"].T + p["b1"]) @ head["w2"].T + head["b2"] - qy).pow(2).mean()
        return total / len(tasks)

    return answer


def _several(parts):
    """Steps one after the other, each on some tensors of the head."""

    def answer(parameters, rates, tasks):
        total = 0.0
        for sx, sy, qx, qy in tasks:
            p = dict(parameters)
            predict = lambda x, p=p: torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]  # noqa: E731
            for names in parts:
                slopes = grad((predict(sx) - sy).pow(2).mean(), [p[n] for n in names], create_graph=True)
                p.update({n: p[n] - rates[n] * s for n, s in zip(names, slopes, strict=True)})
            total = total + (predict(qx) - qy).pow(2).mean()
        return total / len(tasks)

    return answer


def _adam_from(start_over=False, averaged=None, step=lambda g, v, beta, t: g / ((v / (1 - beta**t)) ** 0.5 + 1e-8),
               mean=lambda v, g, beta, t: beta * v + (1 - beta) * g * g, beta_if_none=0.999, whole=False):  # fmt: skip
    def answer(theta, tasks, orders, alpha, size, beta=beta_if_none):
        away, phi = torch.zeros_like(theta), theta.clone()
        for (x, y), order in zip(tasks, orders, strict=True):
            phi = theta.clone() if start_over else phi
            v = m = 0 * theta
            for t, rows in enumerate(order.split(len(order) if whole else size), 1):
                g = 2 * x[rows].T @ (x[rows] @ phi - y[rows]) / len(rows)
                v = mean(v, g, beta, t)
                if averaged is not None:
                    m = averaged * m + (1 - averaged) * g
                    g = m / (1 - averaged**t)
                phi = phi - alpha * step(g, v, beta, t)
            away += (theta - phi) / len(tasks)
        return away

    return answer


def _drawn_anew(theta, tasks, orders, *a, **k):
    return _direction()(theta, tasks, [torch.randperm(len(order)) for order in orders], *a, **k)


def _moves_theta(theta, tasks, orders, *a, **k):
    result = _direction()(theta, tasks, orders, *a, **k)
    theta -= result
    return result


def _shared(adapting=("w2", "b2"), rate=lambda a: a):
    """Steps that are shorter the more tasks there are."""
    return lambda p, a, tasks: _loss(adapting, lambda one: rate(one) / len(tasks))(p, a, tasks)


def _experiment(misconception, answer):
    return Mutant(ch06.check_own_rates, misconception, answer)


MUTANTS = [
    Mutant(ch06.check_reptile_step, "first_missing", _step(_towards_mean, lambda losses: losses[1:])),
    Mutant(ch06.check_reptile_step, "every_point", _all_points),
    Mutant(ch06.check_reptile_step, "uphill", _scaled(inner=lambda a, tasks: -a)),
    Mutant(ch06.check_reptile_step, "rate_shared", _scaled(inner=lambda a, tasks: a / len(tasks[0]))),
    Mutant(ch06.check_reptile_step, "ends_added_up", _step(lambda theta, ends, a, e: theta + e * (sum(ends) - theta))),
    Mutant(ch06.check_reptile_step, "epsilon_shared", _scaled(outer=lambda e, tasks: e / len(tasks))),
    Mutant(ch06.check_reptile_step, "direction", _step(lambda theta, ends, a, e: e * (ends.mean(0) - theta))),
    Mutant(ch06.check_reptile_step, "direction", _step(lambda theta, ends, a, e: ends.mean(0) - theta)),
    Mutant(ch06.check_reptile_step, "draws", _shuffles),
    Mutant(ch06.check_reptile_step, "in_place", _pops),
    Mutant(ch06.check_taylor_coefficients, "later_steps_and_own", _pairs(lambda i, k: k - i)),
    Mutant(ch06.check_taylor_coefficients, "last_only", _pairs(lambda i, k: i if i == k - 1 else 0)),
    Mutant(ch06.check_taylor_coefficients, "half", _pairs(lambda i, k: i / 2)),
    Mutant(ch06.check_taylor_coefficients, "weights_squared", lambda w: _pairs(lambda i, k: i)(w * w)),
    Mutant(ch06.check_taylor_coefficients, "sizes_of_weights", lambda w: _pairs(lambda i, k: i)(abs(w))),
    Mutant(
        ch06.check_taylor_coefficients,
        "sizes_of_weights",
        lambda w: _pairs(lambda i, k: i, first=lambda w: sum(map(abs, w)))(w),
    ),
    Mutant(ch06.check_taylor_coefficients, "normalised", _divided),
    Mutant(ch06.check_head_loss, "weights_forgotten", _loss(("b2",))),
    Mutant(ch06.check_head_loss, "body_partly_cut", _detaching(body_inside=True)),
    Mutant(ch06.check_head_loss, "body_partly_cut", _detaching(body_outside=True)),
    Mutant(ch06.check_head_loss, "start_cut", _detaching(start=True)),
    Mutant(ch06.check_head_loss, "one_rate_a_tensor", _loss(rate=lambda a: a.mean())),
    Mutant(ch06.check_head_loss, "two_steps", _several((("w2", "b2"),) * 2)),
    Mutant(ch06.check_head_loss, "in_turn", _several((("w2",), ("b2",)))),
    Mutant(ch06.check_head_loss, "roles_swapped", lambda p, a, tasks: _loss()(p, a, [(*t[2:], *t[:2]) for t in tasks])),
    Mutant(ch06.check_head_loss, "one_task_only", lambda p, a, tasks: _loss()(p, a, tasks[:1])),
    Mutant(ch06.check_reptile_with_adam, "tasks_leak", _adam_from()),
    Mutant(ch06.check_reptile_with_adam, "beta_default", _adam_from(start_over=True, beta_if_none=0.99)),
    Mutant(ch06.check_reptile_with_adam, "order_twice", _direction(order_of=lambda order: order[order])),
    Mutant(ch06.check_reptile_with_adam, "one_minibatch", _adam_from(start_over=True, whole=True)),
    Mutant(ch06.check_reptile_with_adam, "momentum", _adam_from(start_over=True, averaged=0.9)),
    Mutant(
        ch06.check_reptile_with_adam,
        "weights_swapped",
        _adam_from(start_over=True, mean=lambda v, g, beta, t: (1 - beta) * v + beta * g * g),
    ),
    Mutant(
        ch06.check_reptile_with_adam,
        "begins_with_first_square",
        _adam_from(start_over=True, mean=lambda v, g, beta, t: g * g if t == 1 else beta * v + (1 - beta) * g * g),
    ),
    Mutant(
        ch06.check_reptile_with_adam,
        "correction_miscounted",
        _adam_from(start_over=True, step=lambda g, v, beta, t: g / ((v / (1 - beta)) ** 0.5 + 1e-8)),
    ),
    Mutant(
        ch06.check_reptile_with_adam,
        "not_a_root",
        _adam_from(start_over=True, step=lambda g, v, beta, t: g / (v / (1 - beta**t) + 1e-8)),
    ),
    Mutant(ch06.check_reptile_with_adam, "draws", _drawn_anew),
    Mutant(ch06.check_reptile_with_adam, "in_place", _moves_theta),
    Mutant(ch06.check_reptile_step, "sign", _step(lambda theta, ends, a, e: theta + e * (theta - ends.mean(0)))),
    Mutant(ch06.check_reptile_step, "outer_step_ignored", _step(lambda theta, ends, a, e: ends.mean(0))),
    Mutant(
        ch06.check_reptile_step, "over_alpha", _step(lambda theta, ends, a, e: theta - e * (theta - ends.mean(0)) / a)
    ),
    Mutant(
        ch06.check_reptile_step, "sum_over_tasks", _step(lambda theta, ends, a, e: theta + e * (ends - theta).sum(0))
    ),
    Mutant(ch06.check_reptile_step, "one_step", _step(_towards_mean, lambda losses: losses[:1])),
    Mutant(ch06.check_reptile_step, "same_minibatch", _step(_towards_mean, lambda losses: [losses[0] for _ in losses])),
    Mutant(ch06.check_reptile_step, "gradients_at_start", _all_at_theta),
    Mutant(ch06.check_reptile_step, "last_gradient", _fomaml),
    Mutant(ch06.check_reptile_step, "tasks_leak", _one_phi_for_all),
    Mutant(ch06.check_reptile_step, "serial", _one_after_another),
    Mutant(ch06.check_reptile_step, "gradients_averaged", _means_of_gradients),
    Mutant(ch06.check_reptile_step, "reversed", _step(_towards_mean, lambda losses: reversed(losses))),
    Mutant(
        ch06.check_reptile_step, "one_missing", _step(_towards_mean, lambda losses: losses[: max(1, len(losses) - 1)])
    ),
    Mutant(ch06.check_reptile_step, "step_sizes_swapped", lambda t, tasks, a, e: _step(_towards_mean)(t, tasks, e, a)),
    Mutant(ch06.check_reptile_step, "no_graph", _forgets_to_ask),
    Mutant(ch06.check_reptile_step, "weights_swapped", _step(lambda theta, ends, a, e: ends.mean(0).lerp(theta, e))),
    Mutant(ch06.check_reptile_step, "last_task_only", _step(lambda theta, ends, a, e: theta + e * (ends[-1] - theta))),
    Mutant(ch06.check_reptile_step, "gradients_averaged_at_start", _one_step_on_the_mean),
    Mutant(ch06.check_taylor_coefficients, "sign", _pairs(lambda i, k: -i)),
    Mutant(ch06.check_taylor_coefficients, "off_by_one", _pairs(lambda i, k: i + 1)),
    Mutant(ch06.check_taylor_coefficients, "previous_only", _pairs(lambda i, k: int(i > 0))),
    Mutant(ch06.check_taylor_coefficients, "all_others", _pairs(lambda i, k: k - 1)),
    Mutant(ch06.check_taylor_coefficients, "later_steps", _pairs(lambda i, k: k - i - 1)),
    Mutant(ch06.check_taylor_coefficients, "pairs_added_up", _pairs(lambda i, k: i * (i + 1) // 2)),
    Mutant(ch06.check_taylor_coefficients, "squared", _pairs(lambda i, k: i * i)),
    Mutant(ch06.check_taylor_coefficients, "order", lambda w: _pairs(lambda i, k: i)(w)[[1, 0]]),
    Mutant(ch06.check_taylor_coefficients, "place_ignored", _pairs(lambda i, k: (k - 1) / 2)),
    Mutant(ch06.check_taylor_coefficients, "weighted_steps", _weights_of_both),
    Mutant(ch06.check_taylor_coefficients, "both_averaged", lambda w: _pairs(lambda i, k: i)(w) / w.numel()),
    Mutant(ch06.check_taylor_coefficients, "maml_factor", _pairs(lambda i, k: 2 * i)),
    Mutant(ch06.check_taylor_coefficients, "weights_ignored", _always_reptile),
    Mutant(ch06.check_taylor_coefficients, "mean_of_weights", _pairs(lambda i, k: i, lambda w: sum(w) / len(w))),
    Mutant(ch06.check_head_loss, "no_graph", _loss(weights=lambda p: {n: v.detach() for n, v in p.items()})),
    Mutant(ch06.check_head_loss, "bias_forgotten", _loss(("w2",))),
    Mutant(
        ch06.check_head_loss,
        "body_cut",
        lambda p, *a: _loss()({n: v.detach() if n in BODY else v for n, v in p.items()}, *a),
    ),
    Mutant(ch06.check_head_loss, "points_pooled", _pooled),
    Mutant(
        ch06.check_head_loss,
        "one_adaptation",
        lambda p, a, tasks: _loss()(p, a, [(tasks[0][0], tasks[0][1], x, y) for _, _, x, y in tasks]),
    ),
    Mutant(ch06.check_head_loss, "uphill", _loss(rate=lambda a: -a)),
    Mutant(ch06.check_head_loss, "tasks_leak", _loss(leak=True)),
    Mutant(ch06.check_head_loss, "as_it_was", _shared(BODY, torch.abs)),
    Mutant(ch06.check_head_loss, "divided_by_tasks", _shared()),
    Mutant(ch06.check_head_loss, "wrong_parameters", _loss(BODY)),
    Mutant(ch06.check_head_loss, "all_adapt", _loss(ALL)),
    Mutant(ch06.check_head_loss, "rates_not_learned", _loss(rate=_copied)),
    Mutant(ch06.check_head_loss, "rates_not_learned", _loss(rate=lambda a: a.detach())),
    Mutant(ch06.check_head_loss, "forced_positive", _loss(rate=torch.abs)),
    Mutant(ch06.check_head_loss, "forced_positive", _loss(rate=lambda a: a.clamp(min=0))),
    Mutant(ch06.check_head_loss, "forced_positive", _loss(rate=torch.nn.functional.softplus)),
    Mutant(ch06.check_head_loss, "forced_positive", _loss(rate=torch.exp)),
    Mutant(ch06.check_head_loss, "two_left", _shared(BODY)),
    Mutant(ch06.check_head_loss, "two_left", _loss(BODY, torch.abs)),
    Mutant(ch06.check_head_loss, "two_left", _shared(rate=torch.abs)),
    Mutant(ch06.check_head_loss, "first_order", _loss(graph=False)),
    Mutant(ch06.check_head_loss, "outer_on_support", _loss(judge="support")),
    Mutant(ch06.check_head_loss, "sum_over_tasks", _loss(divide=False)),
    Mutant(ch06.check_reptile_with_adam, "as_it_was", _direction(permute="x", whole=False)),
    Mutant(ch06.check_reptile_with_adam, "ordered_by_label", _direction(permute="")),
    Mutant(ch06.check_reptile_with_adam, "state_shared", _direction(renew=())),
    Mutant(ch06.check_reptile_with_adam, "count_shared", _direction(renew=("v",))),
    Mutant(ch06.check_reptile_with_adam, "mean_square_shared", _direction(renew=("t",))),
    Mutant(ch06.check_reptile_with_adam, "new_at_each_step", _direction(each_step=True)),
    Mutant(ch06.check_reptile_with_adam, "no_correction", _direction(correct=False)),
    Mutant(ch06.check_reptile_with_adam, "labels_not_permuted", _direction(permute="x")),
    Mutant(ch06.check_reptile_with_adam, "without_the_small_number", _direction(root=torch.sqrt)),
    Mutant(ch06.check_reptile_with_adam, "squares_alike", _direction(alike=True)),
    Mutant(ch06.check_reptile_with_adam, "over_size", _direction(over_size=True)),
    Mutant(ch06.check_reptile_with_adam, "number_of_minibatches", _direction(cut=lambda n, size: math.ceil(n / size))),
    Mutant(ch06.check_reptile_with_adam, "inverse_permutation", _direction(order_of=torch.argsort)),
    Mutant(ch06.check_reptile_with_adam, "backwards", _direction(order_of=lambda order: order.flip(0))),
    Mutant(ch06.check_reptile_with_adam, "beta_fixed", _direction(given=False)),
    Mutant(ch06.check_reptile_with_adam, "inside_the_root", _direction(root=lambda v: (v + 1e-8).sqrt())),
    Mutant(ch06.check_reptile_with_adam, "remainder_dropped", _direction(whole=False)),
    Mutant(ch06.check_reptile_with_adam, "sign", _direction(outwards=True)),
    Mutant(ch06.check_reptile_with_adam, "sum_over_tasks", _direction(divide=False)),
]

MUTANTS += [
    _experiment("few_seeds", report._four_seeds),
    _experiment("seed_twice", report._a_seed_again),
    _experiment("copied", report._one_training_for_all),
    _experiment("curvatures_alike", report._two_curvatures),
    _experiment("one_over_curvature", report._inverse_curvatures),
    _experiment("no_noise", report._without_noise),
    _experiment("learned_for_predicted", report._read_off),
    _experiment("another_prediction", report._with_n_points),
    _experiment("few_tasks", report._hundred_tasks),
    _experiment("seed_of_a_training", report._on_a_training_seed),
    _experiment("less_than_noise", report._without_the_noise_of_labels),
    _experiment("exchanged", report._columns_exchanged),
    _experiment("other_losses", report._of_another_seed),
    _experiment("another_distance", report._absolute_distance),
    _experiment("turned", report._other_sign),
    _experiment("unpaired", report._two_groups),
    _experiment("extremes", report._lowest_and_highest),
    _experiment("pooled_episodes", report._every_task),
    _experiment("standard_deviation", report._deviation),
    _experiment("standard_error", report._error),
    _experiment("normal_interval", report._normal),
    _experiment("divides_by_n", report._biased),
    _experiment("off_centre", report._another_middle),
    _experiment("one_sided", report._ninety_percent),
    _experiment("too_narrow", report._eighty_percent),
    _experiment("too_wide", report._ninety_nine),
    _experiment("not_an_interval", report._upside_down),
    _experiment("says_too_much", report._nothing_shown),
    _experiment("says_too_little", report._too_careful),
    _experiment("wrong_winner", report._wrong_winner),
    _experiment("not_repeated", report._stopped_early),
]
