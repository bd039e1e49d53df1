"""More answers to chapter 06's exercises, by somebody who had read the exercises and not the checks."""

import functools
import itertools

import numpy as np
import torch
from torch.nn import functional as F

from metarl_core.check import ch06

from . import named

grad = torch.autograd.grad


def _slope(loss, phi):
    leaf = phi.detach().clone().requires_grad_()
    return grad(loss(leaf), leaf)[0]


# ------------------------------------------------------------------ reptile_step, wrong


def _one_task_after_the_other(theta, tasks, alpha, epsilon):
    for task in tasks:
        phi = theta
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        theta = theta + epsilon * (phi - theta) / len(tasks)
    return theta


def _gradients_pile_up(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta.clone().requires_grad_()
        for loss in task:
            loss(phi).backward()
            with torch.no_grad():
                phi -= alpha * phi.grad
        ends.append(phi.detach())
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _phi_of_the_task_before(theta, tasks, alpha, epsilon):
    phi, ends = theta.clone(), []
    for task in tasks:
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _mean_loss_of_the_task(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta
        for _ in task:
            phi = phi - alpha * _slope(lambda p, task=task: sum(loss(p) for loss in task) / len(task), phi)
        ends.append(phi)
    return theta + epsilon * (sum(ends) / len(ends) - theta)


def _last_loss_only(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta
        for _ in task:
            phi = phi - alpha * _slope(task[-1], phi)
        ends.append(phi)
    return theta + epsilon * (sum(ends) / len(ends) - theta)


def _losses_backwards(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta
        for loss in reversed(task):
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta + epsilon * (sum(ends) / len(ends) - theta)


def _all_slopes_at_theta(theta, tasks, alpha, epsilon):
    ends = [theta - alpha * sum(_slope(loss, theta) for loss in task) for task in tasks]
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _fomaml_in_disguise(theta, tasks, alpha, epsilon):
    last = []
    for task in tasks:
        phi = theta
        for loss in task:
            slope = _slope(loss, phi)
            phi = phi - alpha * slope
        last.append(slope)
    return theta - epsilon * alpha * torch.stack(last).mean(0)


def _divided_by_alpha(theta, tasks, alpha, epsilon):
    moves = []
    for task in tasks:
        phi = theta
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        moves.append((theta - phi) / alpha)
    return theta - epsilon * torch.stack(moves).mean(0)


def _divided_by_k(theta, tasks, alpha, epsilon):
    moves = []
    for task in tasks:
        phi = theta
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        moves.append((phi - theta) / len(task))
    return theta + epsilon * torch.stack(moves).mean(0)


def _interpolates_the_wrong_way(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return torch.lerp(torch.stack(ends).mean(0), theta, epsilon)


def _median_of_the_ends(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).median(0).values - theta)


def _three_steps(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta
        for loss in task[:3]:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _in_place_on_theta(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta.clone()
        for loss in task:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta.add_(epsilon * (torch.stack(ends).mean(0) - theta))


def _same_storage(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta.detach().requires_grad_()
        for loss in task:
            (slope,) = grad(loss(phi), phi)
            phi.data -= alpha * slope
        ends.append(phi.detach())
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _keeps_the_graph(theta, tasks, alpha, epsilon):
    start, ends = theta.clone().requires_grad_(), []
    for task in tasks:
        phi = start
        for loss in task:
            phi = phi - alpha * grad(loss(phi), phi, create_graph=True)[0]
        ends.append(phi)
    return start + epsilon * (torch.stack(ends).mean(0) - start)


def _sgd_with_momentum(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([phi], lr=alpha, momentum=0.9)
        for loss in task:
            optimiser.zero_grad()
            loss(phi).backward()
            optimiser.step()
        ends.append(phi.detach())
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _adam_inside(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.Adam([phi], lr=alpha)
        for loss in task:
            optimiser.zero_grad()
            loss(phi).backward()
            optimiser.step()
        ends.append(phi.detach())
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


# ------------------------------------------------------------------ reptile_step, right


def _with_torch_sgd(theta, tasks, alpha, epsilon):
    moved = torch.zeros_like(theta)
    for task in tasks:
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([phi], lr=alpha)
        for loss in task:
            optimiser.zero_grad()
            loss(phi).backward()
            optimiser.step()
        moved += phi.detach()
    return theta + epsilon * (moved / len(tasks) - theta)


def _reduced(theta, tasks, alpha, epsilon):
    ends = [functools.reduce(lambda p, loss: p - alpha * torch.func.grad(loss)(p), task, theta) for task in tasks]
    return torch.lerp(theta, torch.stack(ends).mean(0), epsilon)


def _sum_of_slopes(theta, tasks, alpha, epsilon):
    total = 0
    for task in tasks:
        phi = theta
        for loss in task:
            slope = torch.autograd.functional.jacobian(loss, phi)
            phi, total = phi - alpha * slope, total + slope
    return theta - epsilon * alpha / len(tasks) * total


def _data_of_a_leaf(theta, tasks, alpha, epsilon):
    ends = []
    for task in tasks:
        phi = theta.clone().requires_grad_()
        for loss in task:
            phi.grad = None
            loss(phi).backward()
            phi.data = phi.data - alpha * phi.grad
        ends.append(phi.detach().numpy().copy())
    return torch.as_tensor((1 - epsilon) * theta.numpy() + epsilon * np.mean(ends, axis=0))


def _accumulates(theta, tasks, alpha, epsilon):
    def inner(task):
        def paths():
            return itertools.accumulate(task, lambda p, loss: (p - alpha * _slope(loss, p)).detach(), initial=theta)

        return list(paths())[-1]

    return theta * (1 - epsilon) + epsilon * sum(map(inner, tasks)) / len(tasks)


def _tasks_abreast(theta, tasks, alpha, epsilon):
    phis = [theta.clone() for _ in tasks]
    for losses in zip(*tasks, strict=False):  # k losses in every task
        phis = [phi - alpha * _slope(loss, phi) for phi, loss in zip(phis, losses, strict=True)]
    return theta + epsilon * (torch.stack(phis).mean(0) - theta)


# ------------------------------------------------------------------ taylor_coefficients, wrong


def _counted_from_one(weights):
    return torch.stack([weights.sum(), (weights * torch.arange(1, len(weights) + 1)).sum()])


def _steps_after_instead_of_before(weights):
    return torch.stack([weights.sum(), (weights * torch.arange(len(weights) - 1, -1, -1)).sum()])


def _reptiles_own(weights):
    k = len(weights)
    return torch.tensor([k, k * (k - 1) / 2], dtype=torch.float64)


def _every_pair_half(weights):
    k = len(weights)
    return weights.sum() * torch.tensor([1.0, (k - 1) / 2], dtype=torch.float64)


def _signed(weights):
    return torch.stack([weights.sum(), -(weights * torch.arange(len(weights))).sum()])


def _mean_of_weights(weights):
    return torch.stack([weights.mean(), (weights * torch.arange(len(weights))).mean()])


def _absolute_weights(weights):
    return torch.stack([weights.abs().sum(), (weights.abs() * torch.arange(len(weights))).sum()])


def _products_of_weights(weights):
    pairs = sum(weights[i] * weights[j] for i in range(len(weights)) for j in range(i))
    return torch.stack([weights.sum(), torch.as_tensor(pairs, dtype=torch.float64)])


def _weights_before(weights):
    return torch.stack([weights.sum(), weights.cumsum(0).sum()])


def _other_way_round(weights):
    return torch.stack([(weights * torch.arange(len(weights))).sum(), weights.sum()])


def _three_minibatches(weights):
    return torch.stack([weights.sum(), weights @ torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)])


def _single_precision_numbers(weights):
    return torch.tensor([float(weights.sum()), float((weights * torch.arange(len(weights))).sum())])


def _normalises_in_place(weights):
    weights /= weights.sum()
    return torch.stack([weights.sum(), (weights * torch.arange(len(weights))).sum()])


def _a_row(weights):
    return torch.stack([weights.sum(), (weights * torch.arange(len(weights))).sum()])[None]


def _of_the_last_as_in_fomaml(weights):
    return torch.stack([weights[-1], weights[-1] * (len(weights) - 1)])


def _whole_numbers(weights):
    return torch.stack([weights.sum(), (weights * torch.arange(len(weights))).sum()]).round()


def _leaves_out_one_at_a_time(weights):
    return torch.stack([weights.sum(), weights[1:].sum()])


def _cumulated_places(weights):
    places = torch.arange(len(weights)).cumsum(0)
    return torch.stack([weights.sum(), (weights * places).sum()])


# ------------------------------------------------------------------ taylor_coefficients, right


def _pairs_counted(weights):
    w = weights.tolist()
    return torch.tensor([sum(w), sum(w[i] for i in range(len(w)) for _ in range(i))], dtype=torch.float64)


def _upper_triangle(weights):
    ones = torch.ones(len(weights), len(weights), dtype=torch.float64)
    return torch.stack([weights.sum(), (ones.triu(1) @ weights).sum()])


def _dotted_in_numpy(weights):
    w = weights.numpy()
    return torch.from_numpy(np.array([w.sum(), np.dot(w, np.arange(w.size))]))


def _tail_sums(weights):
    tails = weights.flip(0).cumsum(0)  # tails[j]: sum of the last j + 1 weights
    return torch.stack([tails[-1], tails[:-1].sum()])


def _two_rows_of_a_design(weights):
    """A matrix that holds what each place contributes to either coefficient."""
    a = torch.tensor([1.0, 1.0], dtype=torch.float64)
    k = len(weights)
    design = torch.stack([torch.ones(k, dtype=torch.float64) * a[0], torch.arange(k, dtype=torch.float64) * a[1]])
    return design @ weights


def _vandermonde(weights):
    return torch.einsum("pi,i->p", torch.stack([torch.arange(len(weights)).double() ** n for n in (0, 1)]), weights)


# ------------------------------------------------------------------ head_loss, wrong

HEAD = ("w2", "b2")


def predict(parameters, x):
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def squared_error(parameters, x, y):
    return (predict(parameters, x) - y).square().mean()


def _head(rate=lambda value: value, names=HEAD, keep=True, mean=lambda losses: torch.stack(losses).mean()):
    def head_loss(parameters, rates, tasks):
        losses = []
        for sx, sy, qx, qy in tasks:
            slopes = grad(squared_error(parameters, sx, sy), [parameters[n] for n in names], create_graph=keep)
            adapted = dict(parameters)
            for name, slope in zip(names, slopes, strict=True):
                adapted[name] = parameters[name] - rate(rates[name]) * slope
            losses.append(squared_error(adapted, qx, qy))
        return mean(losses)

    return head_loss


def _rates_of_the_body_as_well(parameters, rates, tasks):
    return _head(names=("w1", "b1", "w2", "b2"))(parameters, rates, tasks)


def _weight_alone(parameters, rates, tasks):
    return _head(names=("w2",))(parameters, rates, tasks)


def _bias_alone(parameters, rates, tasks):
    return _head(names=("b2",))(parameters, rates, tasks)


def _one_rate_a_tensor(parameters, rates, tasks):
    return _head(rate=lambda value: value.mean())(parameters, rates, tasks)


def _positive_by_softplus(parameters, rates, tasks):
    return _head(rate=F.softplus)(parameters, rates, tasks)


def _log_rates(parameters, rates, tasks):
    return _head(rate=torch.exp)(parameters, rates, tasks)


def _rates_not_below_zero(parameters, rates, tasks):
    return _head(rate=lambda value: value.clamp(min=0))(parameters, rates, tasks)


def _rates_at_most_one(parameters, rates, tasks):
    return _head(rate=lambda value: value.clamp(max=0.5))(parameters, rates, tasks)


def _first_order_only(parameters, rates, tasks):
    return _head(keep=False)(parameters, rates, tasks)


def _summed_over_tasks(parameters, rates, tasks):
    return _head(mean=sum)(parameters, rates, tasks)


def _rates_without_gradient(parameters, rates, tasks):
    return _head(rate=torch.Tensor.detach)(parameters, rates, tasks)


def _rates_as_a_new_leaf(parameters, rates, tasks):
    return _head(rate=lambda value: value.clone().detach().requires_grad_())(parameters, rates, tasks)


def _chain_of_tasks(parameters, rates, tasks):
    losses, adapted = [], dict(parameters)
    for sx, sy, qx, qy in tasks:
        slopes = grad(squared_error(adapted, sx, sy), [adapted[n] for n in HEAD], create_graph=True)
        for name, slope in zip(HEAD, slopes, strict=True):
            adapted[name] = adapted[name] - rates[name] * slope
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


def _writes_into_parameters(parameters, rates, tasks):
    losses = []
    for sx, sy, qx, qy in tasks:
        before = dict(parameters)
        slopes = grad(squared_error(parameters, sx, sy), [parameters[n] for n in HEAD], create_graph=True)
        for name, slope in zip(HEAD, slopes, strict=True):
            parameters[name] = before[name] - rates[name] * slope
        losses.append(squared_error(parameters, qx, qy))
        parameters.update({**before, "w2": before["w2"] + 0})
    return torch.stack(losses).mean()


def _body_is_a_constant(parameters, rates, tasks):
    frozen = {n: v if n in HEAD else v.detach() for n, v in parameters.items()}
    return _head()(frozen, rates, tasks)


def _slopes_of_the_names_sorted(parameters, rates, tasks):
    losses = []
    for sx, sy, qx, qy in tasks:
        slopes = grad(squared_error(parameters, sx, sy), [parameters[n] for n in HEAD], create_graph=True)
        adapted = dict(parameters)
        for name, slope in zip(sorted(HEAD), slopes, strict=True):
            adapted[name] = parameters[name] - rates[name] * slope
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


def _all_support_together(parameters, rates, tasks):
    sx, sy = torch.cat([t[0] for t in tasks]), torch.cat([t[1] for t in tasks])
    return _head()(parameters, rates, [(sx, sy, qx, qy) for _, _, qx, qy in tasks])


def _weighted_by_points(parameters, rates, tasks):
    total, points = 0, 0
    for task in tasks:
        total = total + len(task[3]) * _head()(parameters, rates, [task])
        points += len(task[3])
    return total / points


def _adapts_to_the_queries(parameters, rates, tasks):
    return _head()(parameters, rates, [(qx, qy, qx, qy) for _, _, qx, qy in tasks])


def _second_step(parameters, rates, tasks):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = dict(parameters)
        for _ in range(2):
            slopes = grad(squared_error(adapted, sx, sy), [adapted[n] for n in HEAD], create_graph=True)
            adapted |= {n: adapted[n] - rates[n] * s for n, s in zip(HEAD, slopes, strict=True)}
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


# ------------------------------------------------------------------ head_loss, right


def _slopes_by_hand(parameters, rates, tasks):
    total = 0
    for sx, sy, qx, qy in tasks:
        hidden = torch.tanh(F.linear(sx, parameters["w1"], parameters["b1"]))
        error = 2 / len(sx) * (F.linear(hidden, parameters["w2"], parameters["b2"]) - sy)
        w2 = parameters["w2"] - rates["w2"] * (error.T @ hidden)
        b2 = parameters["b2"] - rates["b2"] * error.sum(0)
        features = torch.tanh(F.linear(qx, parameters["w1"], parameters["b1"]))
        total = total + F.mse_loss(F.linear(features, w2, b2), qy) / len(tasks)
    return total


def _head_by_torch_func(parameters, rates, tasks):
    body = {n: v for n, v in parameters.items() if n not in HEAD}
    head = {n: parameters[n] for n in HEAD}

    def loss(head, x, y):
        return squared_error({**body, **head}, x, y)

    def one(sx, sy, qx, qy):
        slope = torch.func.grad(loss)(head, sx, sy)
        return loss({n: head[n] - rates[n] * slope[n] for n in head}, qx, qy)

    return torch.stack([one(*task) for task in tasks]).mean()


def _all_slopes_masked(parameters, rates, tasks):
    losses = []
    for sx, sy, qx, qy in tasks:
        slopes = grad(squared_error(parameters, sx, sy), list(parameters.values()), create_graph=True)
        adapted = {
            name: torch.addcmul(value, rates[name], slope, value=-1) if name in HEAD else value
            for (name, value), slope in zip(parameters.items(), slopes, strict=True)
        }
        losses.append(squared_error(adapted, qx, qy).unsqueeze(0))
    return torch.cat(losses).mean()


def _tensor_by_tensor(parameters, rates, tasks):
    result = []
    for support_x, support_y, query_x, query_y in tasks:
        error = squared_error(parameters, support_x, support_y)
        (down_w,) = grad(error, parameters["w2"], create_graph=True)
        (down_b,) = grad(error, parameters["b2"], create_graph=True)
        moved = {"w2": parameters["w2"] - rates["w2"] * down_w, "b2": parameters["b2"] - rates["b2"] * down_b}
        result.append(squared_error({**parameters, **moved}, query_x, query_y))
    return sum(result) / len(result)


def _rates_inside_a_mask(parameters, rates, tasks):
    which = {n: 1.0 if n in HEAD else 0.0 for n in parameters}
    total = torch.zeros(())
    for sx, sy, qx, qy in tasks:
        slopes = grad(squared_error(parameters, sx, sy), list(parameters.values()), create_graph=True)
        moved = {n: p - which[n] * rates[n] * s for (n, p), s in zip(parameters.items(), slopes, strict=True)}
        total = total + squared_error(moved, qx, qy)
    return total / len(tasks)


class _MetaSGD:
    names = frozenset(HEAD)

    def __call__(self, parameters, rates, tasks):
        return torch.mean(torch.stack([self.task(parameters, rates, *task) for task in tasks]))

    def task(self, parameters, rates, sx, sy, qx, qy):
        names = sorted(self.names)
        slopes = grad(squared_error(parameters, sx, sy), [parameters[n] for n in names], create_graph=True)
        table = dict(zip(names, slopes, strict=True))
        return squared_error({n: self.move(n, v, rates, table) for n, v in parameters.items()}, qx, qy)

    @staticmethod
    def move(name, value, rates, table):
        return value - rates[name] * table[name] if name in table else value


# ------------------------------------------------------------------ reptile_with_adam, wrong


def _adam(pick, correct=True, eps=1e-8, inside=False, beta_is=None, divide=None, drop=False):
    def reptile_with_adam(theta, tasks, orders, alpha, size, beta=0.999):
        beta, total = beta_is or beta, torch.zeros_like(theta)
        for (x, y), order in zip(tasks, orders, strict=True):
            phi, second, count = theta, torch.zeros_like(theta), 0
            for px, py in pick(x, y, order, size):
                if drop and len(px) < size:
                    continue
                slope = 2 * px.T @ (px @ phi - py) / (divide(px, size) if divide else len(px))
                count += 1
                second = beta * second + (1 - beta) * slope.square()
                scale = second / (1 - beta**count) if correct else second
                phi = phi - alpha * slope / ((scale + eps).sqrt() if inside else scale.sqrt() + eps)
            total = total + theta - phi
        return total / len(tasks)

    return reptile_with_adam


def _pieces(x, y, order, size):
    return [(x[part], y[part]) for part in order.split(size)]


def _order_used_backwards(theta, tasks, orders, alpha, size, beta=0.999):
    pick = lambda x, y, order, size: _pieces(x, y, order.argsort(), size)  # noqa: E731
    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _labels_left_in_place(theta, tasks, orders, alpha, size, beta=0.999):
    def pick(x, y, order, size):
        return [(x[order[at : at + size]], y[at : at + size]) for at in range(0, len(x), size)]

    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _permuted_within_a_piece(theta, tasks, orders, alpha, size, beta=0.999):
    def pick(x, y, order, size):
        return [
            (x[at : at + size][order[at : at + size] % len(x[at : at + size])],
             y[at : at + size][order[at : at + size] % len(x[at : at + size])])
            for at in range(0, len(x), size)
        ]  # fmt: skip

    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _a_permutation_of_its_own(theta, tasks, orders, alpha, size, beta=0.999):
    pick = lambda x, y, order, size: _pieces(x, y, torch.randperm(len(x)), size)  # noqa: E731
    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _strided_pieces(theta, tasks, orders, alpha, size, beta=0.999):
    def pick(x, y, order, size):
        number = -(-len(x) // size)
        return [(x[order[i::number]], y[order[i::number]]) for i in range(number)]

    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _rest_left_out(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces, drop=True)(theta, tasks, orders, alpha, size, beta)


def _equal_pieces_by_chunk(theta, tasks, orders, alpha, size, beta=0.999):
    def pick(x, y, order, size):
        return [(x[part], y[part]) for part in order.chunk(-(-len(order) // size))]

    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _divided_by_size(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces, divide=lambda px, size: size)(theta, tasks, orders, alpha, size, beta)


def _no_bias_correction(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces, correct=False)(theta, tasks, orders, alpha, size, beta)


def _epsilon_under_the_root(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces, inside=True)(theta, tasks, orders, alpha, size, beta)


def _beta_of_the_default(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces, beta_is=0.999)(theta, tasks, orders, alpha, size, beta)


def _larger_epsilon(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces, eps=1e-3)(theta, tasks, orders, alpha, size, beta)


def _gradient_of_the_stored_first(theta, tasks, orders, alpha, size, beta=0.999):
    pick = lambda x, y, order, size: [(x, y)]  # noqa: E731
    return _adam(pick)(theta, tasks, orders, alpha, size, beta)


def _first_order_for_all(theta, tasks, orders, alpha, size, beta=0.999):
    return _adam(_pieces)(theta, tasks, [orders[0]] * len(tasks), alpha, size, beta)


def _moves_theta(theta, tasks, orders, alpha, size, beta=0.999):
    total, start = torch.zeros_like(theta), theta.clone()
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, second = theta, torch.zeros_like(theta)
        phi.copy_(start)
        for count, (px, py) in enumerate(_pieces(x, y, order, size), 1):
            slope = 2 * px.T @ (px @ phi - py) / len(px)
            second = beta * second + (1 - beta) * slope.square()
            phi -= alpha * slope / ((second / (1 - beta**count)).sqrt() + 1e-8)
        total = total + start - phi
    return total / len(tasks)


def _counts_from_the_second(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, second = theta, torch.zeros_like(theta)
        for count, (px, py) in enumerate(_pieces(x, y, order, size)):
            slope = 2 * px.T @ (px @ phi - py) / len(px)
            second = beta * second + (1 - beta) * slope.square()
            phi = phi - alpha * slope / ((second / (1 - beta ** (count + 2))).sqrt() + 1e-8)
        total = total + theta - phi
    return total / len(tasks)


def _direction_from_adam_with_momentum(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.Adam([phi], lr=alpha, betas=(0.9, beta))
        for px, py in _pieces(x, y, order, size):
            phi.grad = 2 * px.T @ (px @ phi.detach() - py) / len(px)
            optimiser.step()
        total += theta - phi.detach()
    return total / len(tasks)


def _rmsprop(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.RMSprop([phi], lr=alpha, alpha=beta)
        for px, py in _pieces(x, y, order, size):
            phi.grad = 2 * px.T @ (px @ phi.detach() - py) / len(px)
            optimiser.step()
        total += theta - phi.detach()
    return total / len(tasks)


def _step_from_theta_to_phi(theta, tasks, orders, alpha, size, beta=0.999):
    return -_adam(_pieces)(theta, tasks, orders, alpha, size, beta)


# ------------------------------------------------------------------ reptile_with_adam, right


def _torch_adam(theta, tasks, orders, alpha, size, beta=0.999):
    moves = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.Adam([phi], lr=alpha, betas=(0.0, beta), eps=1e-8)
        for part in torch.split(order, size):
            optimiser.zero_grad()
            (x[part] @ phi - y[part]).square().mean().backward()
            optimiser.step()
        moves.append(theta - phi.detach())
    return torch.stack(moves).mean(0)


def _permuted_first(theta, tasks, orders, alpha, size, beta=0.999):
    ends = []
    for (x, y), order in zip(tasks, orders, strict=True):
        x, y = x.index_select(0, order), y.index_select(0, order)
        phi, v, s = theta.clone(), 0.0, 1
        for bx, by in zip(x.split(size), y.split(size), strict=True):
            g = (2 / len(bx)) * (bx.mT @ (bx @ phi - by))
            v = beta * v + (1 - beta) * g**2
            phi = phi - alpha * g / (torch.sqrt(v / (1 - beta**s)) + 1e-8)
            s += 1
        ends.append(phi)
    return theta - sum(ends) / len(ends)


def _adam_in_numpy(theta, tasks, orders, alpha, size, beta=0.999):
    start, total = theta.numpy(), np.zeros(theta.shape)
    for (x, y), order in zip(tasks, orders, strict=True):
        x, y, order = x.numpy(), y.numpy(), order.numpy()
        phi, v = start.copy(), np.zeros_like(start)
        for s, at in enumerate(range(0, len(order), size), start=1):
            rows = order[at : at + size]
            g = 2 * np.mean(x[rows] * (x[rows] @ phi - y[rows])[:, None], axis=0)
            v = beta * v + (1 - beta) * g * g
            phi = phi - alpha * g / (np.sqrt(v / (1 - beta**s)) + 1e-8)
        total += start - phi
    return torch.from_numpy(total / len(tasks))


def _weights_of_all_gradients(theta, tasks, orders, alpha, size, beta=0.999):
    """v_s as a weighted mean of all squares so far."""
    total = 0
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, squares = theta, []
        for part in order.split(size):
            slope = 2 * torch.einsum("nd,n->d", x[part], x[part] @ phi - y[part]) / part.numel()
            squares.append(slope.square())
            weights = torch.tensor([beta**age for age in range(len(squares))][::-1], dtype=torch.float64)
            v = (weights[:, None] * torch.stack(squares)).sum(0) / weights.sum()
            phi = phi - alpha * slope / (v.sqrt() + 1e-8)
        total = total + (theta - phi) / len(tasks)
    return total


def _one_sample_after_the_other(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros(len(theta), dtype=torch.float64)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, v, s, left = theta.clone(), torch.zeros_like(theta), 0, order.tolist()
        while left:
            now, left = left[:size], left[size:]
            g = torch.zeros_like(theta)
            for i in now:
                g += 2 * x[i] * (x[i] @ phi - y[i]) / len(now)
            s += 1
            v.mul_(beta).addcmul_(g, g, value=1 - beta)
            phi.sub_(alpha * g / ((v / (1 - beta**s)) ** 0.5 + 1e-8))
        total += theta - phi
    return total / len(tasks)


def _by_autograd(theta, tasks, orders, alpha, size, beta=0.999):
    def run(x, y, order):
        phi, second = theta, torch.zeros_like(theta)
        for count, part in enumerate(order.split(size), 1):
            slope = _slope(lambda p, part=part: F.mse_loss(x[part] @ p, y[part]), phi)
            second = torch.lerp(slope.square(), second, beta)
            phi = phi - alpha * slope / (second.div(1 - beta**count).sqrt() + 1e-8)
        return theta - phi

    return torch.stack([run(x, y, order) for (x, y), order in zip(tasks, orders, strict=True)]).mean(dim=0)


WRONG = [
    *named(
        ch06.check_reptile_step,
        _one_task_after_the_other,
        _gradients_pile_up,
        _phi_of_the_task_before,
        _mean_loss_of_the_task,
        _last_loss_only,
        _losses_backwards,
        _all_slopes_at_theta,
        _fomaml_in_disguise,
        _divided_by_alpha,
        _divided_by_k,
        _interpolates_the_wrong_way,
        _median_of_the_ends,
        _three_steps,
        _in_place_on_theta,
        _same_storage,
        _keeps_the_graph,
        _sgd_with_momentum,
        _adam_inside,
    ),
    *named(
        ch06.check_taylor_coefficients,
        _counted_from_one,
        _steps_after_instead_of_before,
        _reptiles_own,
        _every_pair_half,
        _signed,
        _mean_of_weights,
        _absolute_weights,
        _products_of_weights,
        _weights_before,
        _other_way_round,
        _three_minibatches,
        _single_precision_numbers,
        _normalises_in_place,
        _a_row,
        _of_the_last_as_in_fomaml,
        _whole_numbers,
        _leaves_out_one_at_a_time,
        _cumulated_places,
    ),
    *named(
        ch06.check_head_loss,
        _rates_of_the_body_as_well,
        _weight_alone,
        _bias_alone,
        _one_rate_a_tensor,
        _positive_by_softplus,
        _log_rates,
        _rates_not_below_zero,
        _rates_at_most_one,
        _first_order_only,
        _summed_over_tasks,
        _rates_without_gradient,
        _rates_as_a_new_leaf,
        _chain_of_tasks,
        _writes_into_parameters,
        _body_is_a_constant,
        _slopes_of_the_names_sorted,
        _all_support_together,
        _weighted_by_points,
        _adapts_to_the_queries,
        _second_step,
    ),
    *named(
        ch06.check_reptile_with_adam,
        _order_used_backwards,
        _labels_left_in_place,
        _permuted_within_a_piece,
        _a_permutation_of_its_own,
        _strided_pieces,
        _rest_left_out,
        _equal_pieces_by_chunk,
        _divided_by_size,
        _no_bias_correction,
        _epsilon_under_the_root,
        _beta_of_the_default,
        _larger_epsilon,
        _gradient_of_the_stored_first,
        _first_order_for_all,
        _moves_theta,
        _counts_from_the_second,
        _direction_from_adam_with_momentum,
        _rmsprop,
        _step_from_theta_to_phi,
    ),
]

RIGHT = [
    *named(
        ch06.check_reptile_step,
        _with_torch_sgd,
        _reduced,
        _sum_of_slopes,
        _data_of_a_leaf,
        _accumulates,
        _tasks_abreast,
    ),
    *named(
        ch06.check_taylor_coefficients,
        _pairs_counted,
        _upper_triangle,
        _dotted_in_numpy,
        _tail_sums,
        _two_rows_of_a_design,
        _vandermonde,
    ),
    *named(
        ch06.check_head_loss,
        _slopes_by_hand,
        _head_by_torch_func,
        _all_slopes_masked,
        _tensor_by_tensor,
        _rates_inside_a_mask,
        _MetaSGD(),
    ),
    *named(
        ch06.check_reptile_with_adam,
        _torch_adam,
        _permuted_first,
        _adam_in_numpy,
        _weights_of_all_gradients,
        _one_sample_after_the_other,
        _by_autograd,
    ),
]
