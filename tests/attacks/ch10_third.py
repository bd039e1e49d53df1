"""More answers to chapter 10's exercises, by somebody who had read the exercises and not the checks."""

import copy

import numpy as np
import torch
from torch.nn import functional as F

from metarl_core.check import ch10

from . import named

grad = torch.autograd.grad

# ------------------------------------------------------------------ inner_td_steps, wrong


def _target(theta, rewards, next_features, terminated, discount):
    best = (next_features @ theta.mT).max(-1).values
    return rewards + discount * torch.where(terminated, 0.0, best)


def _td(theta, data, alpha, steps, discount, target=_target, factor=2.0, divide=None, target_of=None, chain=False):
    """The inner loop with one of its parts exchanged."""
    found, point = [], theta
    for phi, a, r, phi_next, d in zip(*data, strict=True):
        y = target(theta, r, phi_next, d, discount)
        point = point if chain else theta
        for _ in range(steps):
            if target_of is not None:
                y = target(target_of(point, theta), r, phi_next, d, discount)
            taken = F.one_hot(a.long(), len(theta)).to(phi)
            error = y - ((phi @ point.T) * taken).sum(1)
            n = len(phi) if divide is None else divide(taken)
            point = point + factor * alpha * ((error[:, None] * taken).T @ phi) / n
        found.append(point)
    return torch.stack(found)


def _target_follows(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    data = (features, actions, rewards, next_features, terminated)
    return _td(theta, data, alpha, steps, discount, target_of=lambda point, theta: point)


def _target_follows_softly(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    data = (features, actions, rewards, next_features, terminated)
    return _td(theta, data, alpha, steps, discount, target_of=lambda point, theta: 0.9 * theta + 0.1 * point)


def _factor_two_missing(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, discount, factor=1.0)


def _summed_over_transitions(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    data = (features, actions, rewards, next_features, terminated)
    return _td(theta, data, alpha, steps, discount, divide=lambda taken: 1)


def _mean_for_each_action(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    data = (features, actions, rewards, next_features, terminated)
    return _td(theta, data, alpha, steps, discount, divide=lambda taken: taken.sum(0).clamp(min=1)[:, None])


def _mean_over_actions_too(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    data = (features, actions, rewards, next_features, terminated)
    return _td(theta, data, alpha, steps, discount, divide=lambda taken: taken.numel())


def _downhill_twice(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, discount, factor=-2.0)


def _task_after_task(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, discount, chain=True)


def _terminations_ignored(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    data = (features, actions, rewards, next_features, torch.zeros_like(terminated))
    return _td(theta, data, alpha, steps, discount)


def _termination_the_other_way(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    return _td(theta, (features, actions, rewards, next_features, ~terminated), alpha, steps, discount)


def _reward_dropped_at_the_end(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    def target(theta, r, phi_next, d, discount):
        return (r + discount * (phi_next @ theta.T).max(1).values) * (~d)

    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, discount, target)


def _discount_of_the_example(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, 0.9)


def _mean_over_next_actions(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    def target(theta, r, phi_next, d, discount):
        return r + discount * (~d) * (phi_next @ theta.T).mean(1)

    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, discount, target)


def _value_of_the_same_action(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        y = r + discount * (~d) * (phi_next @ theta.T).gather(1, a.long()[:, None])[:, 0]
        point, taken = theta, F.one_hot(a.long(), len(theta)).double()
        for _ in range(steps):
            error = y - ((phi @ point.T) * taken).sum(1)
            point = point + 2 * alpha / len(phi) * (error[:, None] * taken).T @ phi
        found.append(point)
    return torch.stack(found)


def _largest_absolute_value(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    def target(theta, r, phi_next, d, discount):
        q = phi_next @ theta.T
        return r + discount * (~d) * q.gather(1, q.abs().argmax(1, keepdim=True))[:, 0]

    return _td(theta, (features, actions, rewards, next_features, terminated), alpha, steps, discount, target)


def _all_rows_learn(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, r, phi_next, d in zip(features, rewards, next_features, terminated, strict=True):
        y, point = _target(theta, r, phi_next, d, discount), theta
        for _ in range(steps):
            error = y[:, None] - phi @ point.T
            point = point + 2 * alpha / len(phi) * error.T @ phi
        found.append(point)
    return torch.stack(found)


def _last_of_equal_actions(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        y, point = _target(theta, r, phi_next, d, discount), theta.clone()
        for _ in range(steps):
            error = y - (phi * point[a.long()]).sum(1)
            point[a.long()] += 2 * alpha / len(phi) * error[:, None] * phi  # repeated rows: one addition is kept
        found.append(point)
    return torch.stack(found)


def _stochastic_steps(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        y, point = _target(theta, r, phi_next, d, discount), theta.clone()
        for _ in range(steps):
            for i, k in enumerate(a.tolist()):
                point[k] += 2 * alpha / len(phi) * (y[i] - phi[i] @ point[k]) * phi[i]
        found.append(point)
    return torch.stack(found)


def _target_differentiated(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        point = theta.clone()
        for _ in range(steps):
            leaf = point.clone().requires_grad_()
            y = _target(leaf, r, phi_next, d, discount)
            loss = (y - (phi @ leaf.T).gather(1, a.long()[:, None])[:, 0]).square().mean()
            point = point - alpha * grad(loss, leaf)[0]
        found.append(point)
    return torch.stack(found)


def _huber(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        y, point = _target(theta, r, phi_next, d, discount), theta.clone()
        for _ in range(steps):
            leaf = point.clone().requires_grad_()
            loss = F.smooth_l1_loss((phi @ leaf.T).gather(1, a.long()[:, None])[:, 0], y)
            point = point - alpha * grad(loss, leaf)[0]
        found.append(point)
    return torch.stack(found)


def _moves_theta_in_place(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found, start = [], theta.clone()
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        theta.copy_(start)
        y, taken = _target(theta, r, phi_next, d, discount), F.one_hot(a.long(), len(theta)).double()
        for _ in range(steps):
            error = y - ((phi @ theta.T) * taken).sum(1)
            theta += 2 * alpha / len(phi) * (error[:, None] * taken).T @ phi
        found.append(theta.clone())
    return torch.stack(found)


def _first_task_for_all(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    n = features.shape[1]
    y = rewards + discount * (1 - terminated.double()) * (next_features @ theta.T).amax(-1)
    point = theta.expand(len(features), *theta.shape).clone()
    for _ in range(steps):
        error = y - torch.einsum("tnf,tnf->tn", features, point[torch.arange(len(point))[:, None], actions.long()])
        for k in range(len(theta)):
            point[:, k] += 2 * alpha / n * ((error * (actions == k))[..., None] * features).sum(1)
    return point[:1].expand_as(point)


def _draws_the_weights_of_a_layer(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        y = _target(theta, r, phi_next, d, discount)
        layer = torch.nn.Linear(theta.shape[1], theta.shape[0], bias=False, dtype=torch.float64)
        layer.weight = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD(layer.parameters(), lr=alpha)
        for _ in range(steps):
            optimiser.zero_grad()
            layer(phi)[torch.arange(len(a)), a.long()].sub(y).square().mean().backward()
            optimiser.step()
        found.append(layer.weight.detach().clone())
    return torch.stack(found)


# ------------------------------------------------------------------ inner_td_steps, right


def _by_autograd(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = rewards + discount * (~terminated) * (next_features @ theta.T).amax(-1)
    point = theta.expand(len(features), *theta.shape).clone()
    for _ in range(steps):
        leaf = point.detach().requires_grad_()
        q = torch.einsum("tnf,taf->tna", features, leaf).gather(2, actions.long()[..., None])[..., 0]
        loss = F.mse_loss(q, y, reduction="none").mean(1).sum()
        point = point - alpha * grad(loss, leaf)[0]
    return point


def _with_index_add(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions.long(), rewards, next_features, terminated, strict=True):
        y, rows = _target(theta, r, phi_next, d, discount), theta.clone()
        for _ in range(steps):
            error = y - (phi * rows[a]).sum(-1)
            rows = rows.index_add(0, a, error[:, None] * phi, alpha=2 * alpha / len(a))
        found.append(rows)
    return torch.stack(found)


def _in_numpy(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    start, found = theta.numpy(), []
    for i in range(len(features)):
        phi, a = features[i].numpy(), actions[i].numpy()
        best = (next_features[i].numpy() @ start.T).max(1)
        y = rewards[i].numpy() + np.where(terminated[i].numpy(), 0.0, discount * best)
        rows = start.copy()
        for _ in range(steps):
            error = y - np.sum(phi * rows[a], 1)
            move = np.zeros_like(rows)
            np.add.at(move, a, error[:, None] * phi)
            rows = rows + 2 * alpha / len(y) * move
        found.append(rows)
    return torch.from_numpy(np.array(found))


def _regression_of_each_action(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    """Each row is a least-squares problem of its own: an affine map, K times."""
    result = torch.empty(len(features), *theta.shape, dtype=torch.float64)
    for i, phi in enumerate(features):
        y = _target(theta, rewards[i], next_features[i], terminated[i], discount)
        for k, row in enumerate(theta):
            mine = phi[actions[i] == k]
            gram = 2 * alpha / len(phi) * mine.T @ mine
            push = 2 * alpha / len(phi) * mine.T @ y[actions[i] == k]
            for _ in range(steps):
                row = row - gram @ row + push
            result[i, k] = row
    return result


def _transition_by_transition(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    out = []
    for i in range(features.shape[0]):
        y = []
        for j in range(features.shape[1]):
            value = float(rewards[i, j])
            if not terminated[i, j]:
                value += discount * max(float(row @ next_features[i, j]) for row in theta)
            y.append(value)
        rows = [row.clone() for row in theta]
        for _ in range(steps):
            slopes = [torch.zeros_like(row) for row in rows]
            for j, a in enumerate(actions[i].tolist()):
                slopes[a] -= 2 * (y[j] - rows[a] @ features[i, j]) * features[i, j] / len(y)
            rows = [row - alpha * slope for row, slope in zip(rows, slopes, strict=True)]
        out.append(torch.stack(rows))
    return torch.stack(out)


def _with_an_optimiser(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for phi, a, r, phi_next, d in zip(features, actions, rewards, next_features, terminated, strict=True):
        y = _target(theta, r, phi_next, d, discount)
        weight = torch.nn.Parameter(theta.clone())
        optimiser = torch.optim.SGD([weight], lr=alpha)
        for _ in range(steps):
            optimiser.zero_grad()
            F.linear(phi, weight)[torch.arange(len(a)), a.long()].sub(y).square().mean().backward()
            optimiser.step()
        found.append(weight.detach().clone())
    return torch.stack(found)


# ------------------------------------------------------------------ meta_gradients, wrong


def _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount, scale=2.0):
    eye, n = torch.eye(len(theta), dtype=theta.dtype), len(phi)
    m = eye - scale * alpha / n * phi.T @ phi
    c = scale * alpha * discount / n * phi.T @ phi_next
    y, point, d, e = rewards + discount * phi_next @ theta, theta, eye, eye
    for _ in range(steps):
        point = point + scale * alpha / n * phi.T @ (y - phi @ point)
        d, e = m @ d, m @ e + c
    g = 2 / len(query_phi) * query_phi.T @ (query_phi @ point - query_y)
    return m, c, d, e, g, point


def _not_transposed(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d @ g, "whole": e @ g}


def _whole_begins_at_zero(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    e = torch.zeros_like(m)
    for _ in range(steps):
        e = m @ e + c
    return {"frozen": d.T @ g, "whole": e.T @ g}


def _target_term_of_the_last_step(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d.T @ g, "whole": (d + c if steps else d).T @ g}


def _target_term_k_times(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d.T @ g, "whole": (d + steps * c).T @ g}


def _target_at_every_step(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, d, _, _, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    point = theta
    for _ in range(steps):
        point = point + 2 * alpha / len(phi) * phi.T @ (rewards + discount * phi_next @ point - phi @ point)
    g = 2 / len(query_phi) * query_phi.T @ (query_phi @ point - query_y)
    return {"frozen": d.T @ g, "whole": torch.linalg.matrix_power(m + c, steps).T @ g}


def _whole_as_a_power(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d.T @ g, "whole": torch.linalg.matrix_power(m + c, steps).T @ g}


def _sign_of_the_target_term(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    e = torch.eye(len(theta), dtype=theta.dtype)
    for _ in range(steps):
        e = m @ e - c
    return {"frozen": d.T @ g, "whole": e.T @ g}


def _twos_left_out(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount, scale=1.0)
    return {"frozen": d.T @ g, "whole": e.T @ g}


def _query_gradient_without_two(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d.T @ g / 2, "whole": e.T @ g / 2}


def _query_divided_by_support(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d.T @ g * len(query_phi) / len(phi), "whole": e.T @ g * len(query_phi) / len(phi)}


def _sign_of_the_error(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": -d.T @ g, "whole": -e.T @ g}


def _first_order_both(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    *_, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": g, "whole": g}


def _frozen_twice(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": d.T @ g, "whole": d.T @ g}


def _names_exchanged(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return {"frozen": e.T @ g, "whole": d.T @ g}


def _query_gradient_at_theta(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    _, _, d, e, _, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    g = 2 / len(query_phi) * query_phi.T @ (query_phi @ theta - query_y)
    return {"frozen": d.T @ g, "whole": e.T @ g}


def _discount_forgotten_in_c(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, _, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    e = torch.eye(len(theta), dtype=theta.dtype)
    for _ in range(steps):
        e = m @ e + 2 * alpha / len(phi) * phi.T @ phi_next
    return {"frozen": d.T @ g, "whole": e.T @ g}


def _c_transposed(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    e = torch.eye(len(theta), dtype=theta.dtype)
    for _ in range(steps):
        e = m @ e + c.T
    return {"frozen": d.T @ g, "whole": e.T @ g}


def _by_geometric_series(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """(I − M^K)(I − M)^{-1} C: there is no inverse where features are dependent."""
    m, c, d, _, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    eye = torch.eye(len(theta), dtype=theta.dtype)
    ridge = 1e-6 * eye
    return {"frozen": d.T @ g, "whole": (d + (eye - d) @ torch.linalg.inv(eye - m + ridge) @ c).T @ g}


def _by_jacobians(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    def loss(point, maker):
        y = rewards + discount * phi_next @ maker
        for _ in range(steps):
            point = point + 2 * alpha / len(phi) * phi.T @ (y - phi @ point)
        return (query_y - query_phi @ point).square().mean()

    first, second = torch.autograd.functional.jacobian(loss, (theta, theta.clone()))
    return {"frozen": first, "whole": first + second}


def _by_vjp(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    *_, g, _ = _pieces(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    found = {}
    for name, makes in (("frozen", False), ("whole", True)):
        leaf = theta.clone().requires_grad_()
        y = rewards + discount * phi_next @ (leaf if makes else theta)
        point = leaf
        for _ in range(steps):
            point = point + 2 * alpha / len(phi) * phi.T @ (y - phi @ point)
        found[name] = grad(point, leaf, g)[0]
    return found


# ------------------------------------------------------------------ meta_gradients, right


def _adjoint(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    y, point, rate = rewards + discount * (phi_next @ theta), theta, 2 * alpha / len(phi)
    for _ in range(steps):
        point = point + rate * ((y - phi @ point) @ phi)
    back, of_targets = 2 * ((query_phi @ point - query_y) @ query_phi) / len(query_y), torch.zeros_like(y)
    for _ in range(steps):
        of_targets = of_targets + rate * phi @ back
        back = back - rate * (phi @ back) @ phi
    return {"frozen": back, "whole": back + discount * of_targets @ phi_next}


def _sums_of_powers(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    power, n = torch.linalg.matrix_power, len(phi)
    m = torch.eye(len(theta)).double() - 2 * alpha / n * phi.T @ phi
    series = sum((power(m, k) for k in range(steps)), torch.zeros_like(m))
    lift = 2 * alpha / n * series @ phi.T
    point = power(m, steps) @ theta + lift @ (rewards + discount * phi_next @ theta)
    g = 2 * query_phi.T @ (query_phi @ point - query_y) / len(query_phi)
    return {"frozen": power(m, steps) @ g, "whole": (power(m, steps) + discount * lift @ phi_next).T @ g}


def _by_eigenvalues(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    values, vectors = torch.linalg.eigh(2 * alpha / len(phi) * phi.T @ phi)
    decay = (1 - values) ** steps
    series = torch.stack([(1 - values) ** k for k in range(steps)]).sum(0) if steps else torch.zeros_like(values)
    d, s = vectors * decay @ vectors.T, vectors * series @ vectors.T * (2 * alpha / len(phi)) @ phi.T
    point = d @ theta + s @ (rewards + discount * phi_next @ theta)
    g = 2 / len(query_phi) * query_phi.T @ (query_phi @ point - query_y)
    return {"whole": d @ g + discount * phi_next.T @ (s.T @ g), "frozen": d @ g}


def _gradients_in_numpy(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    theta, phi, rewards, phi_next, query_phi, query_y = (
        np.asarray(a) for a in (theta, phi, rewards, phi_next, query_phi, query_y)
    )
    n, m = len(phi), np.eye(len(theta)) - 2 * alpha / len(phi) * phi.T @ phi
    y, w, d, e = rewards + discount * phi_next @ theta, theta.copy(), np.eye(len(theta)), np.eye(len(theta))
    for _ in range(steps):
        w = w + 2 * alpha / n * phi.T @ (y - phi @ w)
        d, e = m @ d, m @ e + 2 * alpha * discount / n * phi.T @ phi_next
    g = 2 / len(query_phi) * query_phi.T @ (query_phi @ w - query_y)
    return {"frozen": torch.tensor(d.T @ g), "whole": torch.tensor(e.T @ g)}


def _one_block_matrix(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """θ^(k) and θ side by side: one linear map whose power is taken."""
    f, rate = len(theta), 2 * alpha / len(phi)
    big = torch.zeros(2 * f + 1, 2 * f + 1, dtype=torch.float64)
    big[:f, :f] = torch.eye(f) - rate * phi.T @ phi
    big[:f, f : 2 * f] = rate * discount * phi.T @ phi_next
    big[:f, -1] = rate * phi.T @ rewards
    big[f:, f:] = torch.eye(f + 1)
    run = torch.linalg.matrix_power(big, steps)[:f]
    point = run @ torch.cat([theta, theta, torch.ones(1, dtype=torch.float64)])
    g = query_phi.mT.mv(query_phi.mv(point) - query_y).mul(2 / query_y.numel())
    return {"frozen": run[:, :f].T @ g, "whole": (run[:, :f] + run[:, f : 2 * f]).T @ g}


def _directions(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """The problem is quadratic: moves of each coordinate, carried through the loop by hand."""

    def run(point, y):
        for _ in range(steps):
            point = point + 2 * alpha / len(phi) * torch.einsum("nf,n->f", phi, y - phi @ point)
        return point

    y, zero = rewards + discount * phi_next @ theta, torch.zeros_like(rewards)
    g = 2 * torch.einsum("nf,n->f", query_phi, query_phi @ run(theta, y) - query_y) / len(query_y)
    unit = torch.eye(len(theta), dtype=theta.dtype)
    frozen = torch.stack([run(e, zero) @ g for e in unit])
    whole = torch.stack([run(e, discount * phi_next @ e) @ g for e in unit])
    return {"frozen": frozen, "whole": whole}


# ------------------------------------------------------------------ reptile_iteration, wrong


def _iteration(
    theta, next_state, reward, draws, outer_lr,
    end=lambda online, target: online, epsilon_of=lambda step: max(0.1, 1 - step / 20), first=0, fresh=True,
    store=None, target_rate=0.1, explores=lambda explore, epsilon: explore < epsilon,
):  # fmt: skip
    ends = []
    memory, step = [], first
    for task in range(len(reward)):
        online, target, state = theta.clone(), theta.clone(), 0
        if fresh:
            memory, step = [], first
        for explore, which, replay in draws[task].tolist():
            epsilon = epsilon_of(step)
            step += 1
            greedy = int(online[state].argmax())
            action = int(which * theta.shape[1]) if explores(explore, epsilon) else greedy
            following = int(next_state[task, state, action])
            memory.append((state, action, float(reward[task, state, action]), following))
            if store is not None:
                memory = memory[-store:]
            s, a, r, after = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += target_rate * (online - target)
            state = following
        ends.append(end(online, target) - theta)
    return theta + outer_lr * torch.stack(ends).mean(0)


def _memory_shared(theta, next_state, reward, draws, outer_lr):
    memory, moves = [], []
    for task in range(len(reward)):
        online, target, state, step = theta.clone(), theta.clone(), 0, 0
        for explore, which, replay in draws[task].tolist():
            epsilon = max(0.1, 1 - step / 20)
            step += 1
            action = int(which * theta.shape[1]) if explore < epsilon else int(online[state].argmax())
            following = int(next_state[task, state, action])
            memory.append((state, action, float(reward[task, state, action]), following))
            s, a, r, after = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
            state = following
        moves.append(online - theta)
    return theta + outer_lr * torch.stack(moves).mean(0)


def _half_of_each_table(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, end=lambda online, target: (online + target) / 2)


def _epsilon_runs_on(theta, next_state, reward, draws, outer_lr):
    ends, step = [], 0
    for task in range(len(reward)):
        one = slice(task, task + 1)
        ends.append(_iteration(theta, next_state[one], reward[one], draws[one], 1.0, first=step) - theta)
        step += draws.shape[1]
    return theta + outer_lr * torch.stack(ends).mean(0)


def _exploration_counts_from_one(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, first=1)


def _exploration_to_zero(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, epsilon_of=lambda step: max(0.0, 1 - step / 20))


def _exploration_constant(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, epsilon_of=lambda step: 0.1)


def _exploration_over_eighteen(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, epsilon_of=lambda step: max(0.1, 1 - step / 18))


def _target_never_moves(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, target_rate=0.0)


def _no_target_table(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, target_rate=1.0)


def _last_transition_only(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, store=1)


def _memory_of_ten(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, store=10)


def _explores_the_other_way(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr, explores=lambda e, epsilon: e > epsilon)


def _table_handed_on(theta, next_state, reward, draws, outer_lr):
    point = theta
    for task in range(len(reward)):
        one = slice(task, task + 1)
        point = _iteration(point, next_state[one], reward[one], draws[one], outer_lr)
    return point


def _sum_of_moves(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr * len(reward))


def _towards_the_last_task(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state[-1:], reward[-1:], draws[-1:], outer_lr)


def _ends_not_moves(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, outer_lr) + outer_lr * theta


def _away_from_the_mean(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, -outer_lr)


def _half_way_always(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws, 0.5)


def _draws_of_the_first_task(theta, next_state, reward, draws, outer_lr):
    return _iteration(theta, next_state, reward, draws[:1].expand_as(draws), outer_lr)


def _starts_where_the_last_one_stopped(theta, next_state, reward, draws, outer_lr):
    ends, state = [], 0
    for task in range(len(reward)):
        online, target, memory = theta.clone(), theta.clone(), []
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            epsilon = max(0.1, 1 - step / 20)
            action = int(which * theta.shape[1]) if explore < epsilon else int(online[state].argmax())
            following = int(next_state[task, state, action])
            memory.append((state, action, float(reward[task, state, action]), following))
            s, a, r, after = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
            state = following
        ends.append(online)
    return theta + outer_lr * (torch.stack(ends).mean(0) - theta)


def _theta_is_the_online_table(theta, next_state, reward, draws, outer_lr):
    start, ends = theta.clone(), []
    for task in range(len(reward)):
        online, target, memory, state = theta, start.clone(), [], 0
        online.copy_(start)
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            epsilon = max(0.1, 1 - step / 20)
            action = int(which * theta.shape[1]) if explore < epsilon else int(online[state].argmax())
            following = int(next_state[task, state, action])
            memory.append((state, action, float(reward[task, state, action]), following))
            s, a, r, after = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
            state = following
        ends.append(online.clone())
    return start + outer_lr * (torch.stack(ends).mean(0) - start)


def _three_actions(theta, next_state, reward, draws, outer_lr):
    ends = []
    for task in range(len(reward)):
        online, target, memory, state = theta.clone(), theta.clone(), [], 0
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            action = int(which * 3) if explore < max(0.1, 1 - step / 20) else int(online[state].argmax())
            following = int(next_state[task, state, action])
            memory.append((state, action, float(reward[task, state, action]), following))
            s, a, r, after = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target += 0.1 * (online - target)
            state = following
        ends.append(online)
    return theta + outer_lr * (torch.stack(ends).mean(0) - theta)


_memory_for_ever = []


def _memory_outside_of_the_function(theta, next_state, reward, draws, outer_lr):
    ends = []
    for task in range(len(reward)):
        online, target, state = theta.clone(), theta.clone(), 0
        for step, (explore, which, replay) in enumerate(draws[task].tolist()):
            action = int(which * theta.shape[1]) if explore < max(0.1, 1 - step / 20) else int(online[state].argmax())
            following = int(next_state[task, state, action])
            _memory_for_ever.append((state, action, float(reward[task, state, action]), following))
            s, a, r, after = _memory_for_ever[int(replay * len(_memory_for_ever))]
            online[s % len(theta), a % theta.shape[1]] += 0.5 * (
                r + 0.9 * target[after % len(theta)].max() - online[s % len(theta), a % theta.shape[1]]
            )
            target += 0.1 * (online - target)
            state = following
        ends.append(online)
    return theta + outer_lr * (torch.stack(ends).mean(0) - theta)


# ------------------------------------------------------------------ reptile_iteration, right


def _run(start, next_state, reward, draws):
    online, target, memory, state = start.clone(), start.clone(), [], 0
    for step in range(len(draws)):
        explore, which, replay = (float(v) for v in draws[step])
        if explore < max(0.1, 1 - step / 20):
            action = int(which * online.shape[1])
        else:
            action = int(torch.argmax(online[state]))
        after = int(next_state[state, action])
        memory += [(state, action, reward[state, action], after)]
        s, a, r, following = memory[int(replay * len(memory))]
        online[s, a] = online[s, a] + 0.5 * (r + 0.9 * target[following].max() - online[s, a])
        target = torch.lerp(target, online, 0.1)
        state = after
    return online


def _a_function_for_the_run(theta, next_state, reward, draws, outer_lr):
    ends = [_run(theta, *task) for task in zip(next_state, reward, draws, strict=True)]
    return theta + outer_lr * (sum(ends) / len(ends) - theta)


def _weighted_mean_of_tables(theta, next_state, reward, draws, outer_lr):
    ends = torch.stack([_run(theta, next_state[i], reward[i], draws[i]) for i in range(len(reward))])
    return (1 - outer_lr) * theta + outer_lr * ends.mean(dim=0)


def _lists_of_numbers(theta, next_state, reward, draws, outer_lr):
    start, total = theta.tolist(), [[0.0] * theta.shape[1] for _ in theta]
    for world, pay, chances in zip(next_state.tolist(), reward.tolist(), draws.tolist(), strict=True):
        online, target, memory, state = copy.deepcopy(start), copy.deepcopy(start), [], 0
        for step, (explore, which, replay) in enumerate(chances):
            row = online[state]
            action = int(which * len(row)) if explore < max(0.1, 1 - step / 20) else row.index(max(row))
            memory.append((state, action, pay[state][action], world[state][action]))
            s, a, r, after = memory[int(replay * len(memory))]
            online[s][a] += 0.5 * (r + 0.9 * max(target[after]) - online[s][a])
            target = [
                [t + 0.1 * (o - t) for t, o in zip(*rows, strict=True)] for rows in zip(target, online, strict=True)
            ]
            state = world[state][action]
        for s, row in enumerate(online):
            for a, value in enumerate(row):
                total[s][a] += (value - start[s][a]) / len(reward)
    return theta + outer_lr * torch.tensor(total, dtype=torch.float64)


def _in_numpy_arrays(theta, next_state, reward, draws, outer_lr):
    start, ends = theta.numpy().copy(), []
    for i in range(len(reward)):
        online, target, log, state = start.copy(), start.copy(), [], 0
        pay, world = reward[i].numpy(), next_state[i].numpy()
        for step, (explore, which, replay) in enumerate(draws[i].numpy()):
            greedy = explore >= max(0.1, 1 - step / 20)
            action = int(np.argmax(online[state])) if greedy else int(np.floor(which * start.shape[1]))
            log.append((state, action))
            s, a = log[int(replay * len(log))]
            online[s, a] = 0.5 * online[s, a] + 0.5 * (pay[s, a] + 0.9 * target[world[s, a]].max())
            target = 0.9 * target + 0.1 * online
            state = world[state, action]
        ends.append(online)
    return torch.from_numpy(start + outer_lr * (np.mean(ends, axis=0) - start))


class _Agent:
    def __init__(self, theta):
        self.online, self.target = theta.clone(), theta.clone()
        self.memory, self.step, self.state = [], 0, 0

    def act(self, explore, which):
        epsilon = max(0.1, 1 - self.step / 20)
        self.step += 1
        return int(which * self.online.shape[1]) if explore < epsilon else int(self.online[self.state].argmax())

    def learn(self, replay):
        s, a, r, after = self.memory[int(replay * len(self.memory))]
        self.online[s, a] += 0.5 * (r + 0.9 * self.target[after].max() - self.online[s, a])
        self.target += 0.1 * (self.online - self.target)


def _an_agent_a_task(theta, next_state, reward, draws, outer_lr):
    agents = [_Agent(theta) for _ in reward]
    for t in range(draws.shape[1]):  # all tasks abreast
        for i, agent in enumerate(agents):
            explore, which, replay = draws[i, t].tolist()
            action = agent.act(explore, which)
            after = int(next_state[i, agent.state, action])
            agent.memory.append((agent.state, action, float(reward[i, agent.state, action]), after))
            agent.learn(replay)
            agent.state = after
    return theta + outer_lr * (torch.stack([agent.online for agent in agents]) - theta).mean(0)


def _linear_schedule(theta, next_state, reward, draws, outer_lr):
    epsilon = np.clip(1 - np.arange(draws.shape[1]) / 20, 0.1, None)
    result = theta.clone()
    for i in range(len(reward)):
        online, target, memory, state = theta.clone(), theta.clone(), [], 0
        for eps, (explore, which, replay) in zip(epsilon, draws[i].tolist(), strict=True):
            action = int(which * theta.shape[1]) if explore < eps else int(online[state].argmax())
            following = int(next_state[i, state, action])
            memory.append((state, action, float(reward[i, state, action]), following))
            s, a, r, after = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
            target.lerp_(online, 0.1)
            state = following
        result += outer_lr / len(reward) * (online - theta)
    return result


WRONG = [
    *named(
        ch10.check_inner_td_steps,
        _target_follows,
        _target_follows_softly,
        _factor_two_missing,
        _summed_over_transitions,
        _mean_for_each_action,
        _mean_over_actions_too,
        _downhill_twice,
        _task_after_task,
        _terminations_ignored,
        _termination_the_other_way,
        _reward_dropped_at_the_end,
        _discount_of_the_example,
        _mean_over_next_actions,
        _value_of_the_same_action,
        _largest_absolute_value,
        _all_rows_learn,
        _last_of_equal_actions,
        _stochastic_steps,
        _target_differentiated,
        _huber,
        _moves_theta_in_place,
        _first_task_for_all,
        _draws_the_weights_of_a_layer,
    ),
    *named(
        ch10.check_meta_gradients,
        _not_transposed,
        _whole_begins_at_zero,
        _target_term_of_the_last_step,
        _target_term_k_times,
        _target_at_every_step,
        _whole_as_a_power,
        _sign_of_the_target_term,
        _twos_left_out,
        _query_gradient_without_two,
        _query_divided_by_support,
        _sign_of_the_error,
        _first_order_both,
        _frozen_twice,
        _names_exchanged,
        _query_gradient_at_theta,
        _discount_forgotten_in_c,
        _c_transposed,
        _by_geometric_series,
        _by_jacobians,
        _by_vjp,
    ),
    *named(
        ch10.check_reptile_iteration,
        _memory_shared,
        _half_of_each_table,
        _epsilon_runs_on,
        _exploration_counts_from_one,
        _exploration_to_zero,
        _exploration_constant,
        _exploration_over_eighteen,
        _target_never_moves,
        _no_target_table,
        _last_transition_only,
        _memory_of_ten,
        _explores_the_other_way,
        _table_handed_on,
        _sum_of_moves,
        _towards_the_last_task,
        _ends_not_moves,
        _away_from_the_mean,
        _half_way_always,
        _draws_of_the_first_task,
        _starts_where_the_last_one_stopped,
        _theta_is_the_online_table,
        _three_actions,
        _memory_outside_of_the_function,
    ),
]

RIGHT = [
    *named(
        ch10.check_inner_td_steps,
        _by_autograd,
        _with_index_add,
        _in_numpy,
        _regression_of_each_action,
        _transition_by_transition,
        _with_an_optimiser,
    ),
    *named(
        ch10.check_meta_gradients,
        _adjoint,
        _sums_of_powers,
        _by_eigenvalues,
        _gradients_in_numpy,
        _one_block_matrix,
        _directions,
    ),
    *named(
        ch10.check_reptile_iteration,
        _a_function_for_the_run,
        _weighted_mean_of_tables,
        _lists_of_numbers,
        _in_numpy_arrays,
        _an_agent_a_task,
        _linear_schedule,
    ),
]
