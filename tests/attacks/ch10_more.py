"""More answers to the exercises of chapter 10, written from the exercises' text alone."""

import functools
import math
from collections import OrderedDict

import numpy as np
import torch

from metarl_core.check import ch10

WRONG, RIGHT = [], []


def wrong(check):
    return lambda answer: WRONG.append((check, answer)) or answer


def right(check):
    return lambda answer: RIGHT.append((check, answer)) or answer


# ------------------------------------------------------------------ inner_td_steps

inner = ch10.check_inner_td_steps


def _targets(theta, rewards, next_features, terminated, discount):
    return rewards + discount * (~terminated) * (next_features @ theta.T).amax(-1)


def _slopes(adapted, features, actions, y):
    """The gradient of each task's mean squared error, [task, action, feature]."""
    chosen = torch.nn.functional.one_hot(actions, adapted.shape[1]).to(y.dtype)
    error = y - torch.einsum("tnf,taf,tna->tn", features, adapted, chosen)
    return -2 / y.shape[1] * torch.einsum("tn,tna,tnf->taf", error, chosen, features)


def _inner(theta, features, actions, y, alpha, steps, change=lambda slope: slope):
    adapted = theta.repeat(len(y), 1, 1)
    for _ in range(steps):
        adapted = adapted - alpha * change(_slopes(adapted, features, actions, y))
    return adapted


@wrong(inner)
def _renewed_target(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    adapted = theta.repeat(len(rewards), 1, 1)
    for _ in range(steps):
        y = rewards + discount * (~terminated) * (next_features @ adapted.mT).amax(-1)
        adapted = adapted - alpha * _slopes(adapted, features, actions, y)
    return adapted


@wrong(inner)
def _target_one_step_late(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    adapted = old = theta.repeat(len(rewards), 1, 1)
    for _ in range(steps):
        y = rewards + discount * (~terminated) * (next_features @ old.mT).amax(-1)
        adapted, old = adapted - alpha * _slopes(adapted, features, actions, y), adapted
    return adapted


@wrong(inner)
def _double(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    adapted = theta.repeat(len(rewards), 1, 1)
    frozen = next_features @ theta.T
    for _ in range(steps):
        best = (next_features @ adapted.mT).argmax(-1, keepdim=True)
        y = rewards + discount * (~terminated) * frozen.gather(-1, best)[..., 0]
        adapted = adapted - alpha * _slopes(adapted, features, actions, y)
    return adapted


@wrong(inner)
def _sarsa(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    following = (next_features @ theta.T).gather(-1, actions.roll(-1, 1)[..., None])[..., 0]
    return _inner(theta, features, actions, rewards + discount * (~terminated) * following, alpha, steps)


@wrong(inner)
def _mean_over_next_actions(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = rewards + discount * (~terminated) * (next_features @ theta.T).mean(-1)
    return _inner(theta, features, actions, y, alpha, steps)


@wrong(inner)
def _never_below_zero(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = rewards + discount * (~terminated) * (next_features @ theta.T).amax(-1).clamp(min=0)
    return _inner(theta, features, actions, y, alpha, steps)


@wrong(inner)
def _max_over_the_batch(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = rewards + discount * (~terminated) * (next_features @ theta.T).amax((1, 2))[:, None]
    return _inner(theta, features, actions, y, alpha, steps)


@wrong(inner)
def _termination_ends_the_reward(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = (~terminated) * (rewards + discount * (next_features @ theta.T).amax(-1))
    return _inner(theta, features, actions, y, alpha, steps)


@wrong(inner)
def _never_terminates(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    return _inner(theta, features, actions, rewards + discount * (next_features @ theta.T).amax(-1), alpha, steps)


@wrong(inner)
def _all_later_are_over(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    over = terminated.cumsum(-1) > 0
    return _inner(theta, features, actions, _targets(theta, rewards, next_features, over, discount), alpha, steps)


@wrong(inner)
def _differentiates_the_target(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    adapted = theta.repeat(len(rewards), 1, 1)
    for k in range(steps):
        leaf = adapted.detach().requires_grad_()
        source = leaf if k == 0 else theta.expand_as(leaf)
        y = rewards + discount * (~terminated) * (next_features @ source.mT).amax(-1)
        predicted = (features @ leaf.mT).gather(-1, actions[..., None])[..., 0]
        (slope,) = torch.autograd.grad((y - predicted).square().mean(-1).sum(), leaf)
        adapted = adapted - alpha * slope
    return adapted


@wrong(inner)
def _half_the_square(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha / 2, steps)


@wrong(inner)
def _sum_of_squares(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha * rewards.shape[1], steps)


@wrong(inner)
def _mean_over_tasks_too(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha / len(rewards), steps)


@wrong(inner)
def _mean_per_action(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    counts = torch.nn.functional.one_hot(actions, len(theta)).sum(1).clamp(min=1)[..., None]
    return _inner(theta, features, actions, y, alpha, steps, lambda slope: slope * rewards.shape[1] / counts)


@wrong(inner)
def _one_theta_for_all(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha, steps, lambda slope: slope.mean(0).expand_as(slope))


@wrong(inner)
def _task_after_task(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    current, found = theta, []
    for i in range(len(rewards)):
        y = _targets(theta, rewards, next_features, terminated, discount)[i : i + 1]
        current = _inner(current, features[i : i + 1], actions[i : i + 1], y, alpha, steps)[0]
        found.append(current)
    return torch.stack(found)


@wrong(inner)
def _one_transition_at_a_time(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted, n = theta.repeat(len(rewards), 1, 1), rewards.shape[1]
    for _ in range(steps):
        for i in range(n):
            one = slice(i, i + 1)
            adapted = adapted - alpha / n * _slopes(adapted, features[:, one], actions[:, one], y[:, one])
    return adapted


@wrong(inner)
def _errors_of_the_start(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    start = theta.repeat(len(rewards), 1, 1)
    return start - alpha * steps * _slopes(start, features, actions, y)


@wrong(inner)
def _overwritten_by_repeated_index(
    theta, features, actions, rewards, next_features, terminated, alpha, steps, discount
):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted = theta.repeat(len(rewards), 1, 1)
    rows = torch.arange(len(rewards))[:, None]
    for _ in range(steps):
        error = y - (features * adapted[rows, actions]).sum(-1)
        adapted[rows, actions] += 2 * alpha / rewards.shape[1] * error[..., None] * features
    return adapted


@wrong(inner)
def _clipped_gradient(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha, steps, lambda slope: slope.clamp(-1, 1))


@wrong(inner)
def _huber(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted = theta.repeat(len(rewards), 1, 1).requires_grad_()
    for _ in range(steps):
        predicted = (features @ adapted.mT).gather(-1, actions[..., None])[..., 0]
        loss = 2 * torch.nn.functional.huber_loss(predicted, y, reduction="none").mean(-1).sum()
        adapted = (adapted - alpha * torch.autograd.grad(loss, adapted)[0]).detach().requires_grad_()
    return adapted.detach()


@wrong(inner)
def _at_least_one_step(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha, max(1, steps))


@wrong(inner)
def _at_most_five_steps(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha, min(steps, 5))


@wrong(inner)
def _falling_step_size(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted = theta.repeat(len(rewards), 1, 1)
    for k in range(steps):
        adapted = adapted - alpha / (k + 1) * _slopes(adapted, features, actions, y)
    return adapted


@wrong(inner)
def _momentum(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted = theta.repeat(len(rewards), 1, 1).requires_grad_()
    optimiser = torch.optim.SGD([adapted], lr=alpha, momentum=0.9)
    for _ in range(steps):
        adapted.grad = _slopes(adapted.detach(), features, actions, y)
        optimiser.step()
    return adapted.detach()


@wrong(inner)
def _weight_decay(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted = theta.repeat(len(rewards), 1, 1).requires_grad_()
    optimiser = torch.optim.AdamW([adapted], lr=alpha)
    for _ in range(steps):
        adapted.grad = _slopes(adapted.detach(), features, actions, y)
        optimiser.step()
    return adapted.detach()


@wrong(inner)
def _carries_a_graph(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta.clone().requires_grad_(), features, actions, y, alpha, steps)


@wrong(inner)
def _moves_the_callers_theta(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    found = _inner(theta, features, actions, y, alpha, steps)
    theta.copy_(found.mean(0))
    return found


@wrong(inner)
def _features_first(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return _inner(theta, features, actions, y, alpha, steps).mT


@wrong(inner)
def _a_list_of_tasks(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    return list(_inner(theta, features, actions, y, alpha, steps))


@wrong(inner)
def _singles(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta.float(), rewards.float(), next_features.float(), terminated, discount)
    return _inner(theta.float(), features.float(), actions, y, alpha, steps).double()


@wrong(inner)
def _unit_discount_at_most(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, 0.9 if discount else 0.0)
    return _inner(theta, features, actions, y, alpha, steps)


@wrong(inner)
def _minibatch(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    adapted = theta.repeat(len(rewards), 1, 1)
    for _ in range(steps):
        i = torch.randint(rewards.shape[1], (rewards.shape[1],))
        adapted = adapted - alpha * _slopes(adapted, features[:, i], actions[:, i], y[:, i])
    return adapted


@wrong(inner)
def _whole_task_ends(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    over = terminated.any(-1, keepdim=True).expand_as(terminated)
    return _inner(theta, features, actions, _targets(theta, rewards, next_features, over, discount), alpha, steps)


@right(inner)
def _one_task_one_transition(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = []
    for i, count in enumerate(map(len, rewards)):
        phi, q = features[i], theta.clone()
        y = [
            float(rewards[i, j]) + (0.0 if terminated[i, j] else discount * float((theta @ next_features[i, j]).max()))
            for j in range(count)
        ]
        for _ in range(steps):
            change = torch.zeros_like(q)
            for j in range(count):
                a = int(actions[i, j])
                change[a] += 2 / count * (y[j] - float(torch.dot(q[a], phi[j]))) * phi[j]
            q += alpha * change
        found.append(q)
    return torch.stack(found)


@right(inner)
def _by_an_optimiser(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    with torch.no_grad():
        y = torch.where(terminated, rewards, rewards + discount * torch.matmul(next_features, theta.t()).max(-1).values)
    leaf = torch.nn.Parameter(theta.detach().clone().unsqueeze(0).repeat(len(rewards), 1, 1))
    optimiser = torch.optim.SGD([leaf], lr=alpha)
    for _ in range(steps):
        optimiser.zero_grad()
        q = torch.bmm(features, leaf.transpose(1, 2)).gather(2, actions.unsqueeze(2)).squeeze(2)
        torch.nn.functional.mse_loss(q, y, reduction="none").mean(1).sum().backward()
        optimiser.step()
    return leaf.data


@right(inner)
def _by_functional_maps(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    def loss(q, phi, a, y):
        return ((y - (q[a] * phi).sum(-1)) ** 2).mean()

    def one(phi, a, r, after, done):
        y, q = r + torch.where(done, 0.0, discount * (after @ theta.T).max(-1)[0]), theta
        for _ in range(steps):
            q = q - alpha * torch.func.grad(loss)(q, phi, a, y)
        return q.clone()

    parts = zip(features, actions, rewards, next_features, terminated, strict=True)
    return torch.stack([one(*part) for part in parts])


@right(inner)
def _by_powers(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = torch.empty(len(rewards), *theta.shape, dtype=theta.dtype)
    eye = torch.eye(theta.shape[1], dtype=theta.dtype)
    y = _targets(theta, rewards, next_features, terminated, discount)
    for i in range(len(rewards)):
        for a in range(len(theta)):
            phi, aim = features[i][actions[i] == a], y[i][actions[i] == a]
            shrink = eye - 2 * alpha / rewards.shape[1] * phi.T @ phi
            push = 2 * alpha / rewards.shape[1] * phi.T @ aim
            powers = [torch.linalg.matrix_power(shrink, k) for k in range(steps + 1)]
            found[i, a] = powers[steps] @ theta[a] + sum((p @ push for p in powers[:steps]), torch.zeros_like(push))
    return found


@right(inner)
def _by_numpy(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    q0, phi, a, r, after, done = (x.numpy() for x in (theta, features, actions, rewards, next_features, terminated))
    y = r + discount * np.where(done, 0, np.einsum("tnf,af->tna", after, q0).max(-1))
    q = np.repeat(q0[None], len(r), 0)
    rows = np.arange(len(r))[:, None]
    for _ in range(steps):
        error = y - (q[rows, a] * phi).sum(-1)
        np.add.at(q, (rows, a), 2 * alpha / r.shape[1] * error[..., None] * phi)
    return torch.from_numpy(q)


@right(inner)
def _by_index_add(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    tasks, n, f = features.shape
    y = _targets(theta, rewards, next_features, terminated, discount).reshape(-1)
    flat = theta.repeat(tasks, 1)
    row = (actions + len(theta) * torch.arange(tasks)[:, None]).reshape(-1)
    phi = features.reshape(-1, f)
    for _ in range(steps):
        error = torch.sub(y, (flat[row] * phi).sum(-1)).mul(2 * alpha / n)
        flat = flat.index_add(0, row, error[:, None] * phi)
    return flat.view(tasks, *theta.shape)


# ------------------------------------------------------------------ meta_gradients

by_hand = ch10.check_meta_gradients


def _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """M, C and ∇F at the adapted parameters."""
    n = len(rewards)
    m = torch.eye(len(theta), dtype=theta.dtype) - 2 * alpha / n * phi.T @ phi
    c = 2 * alpha * discount / n * phi.T @ phi_next
    v, push = theta, 2 * alpha / n * phi.T @ (rewards + discount * phi_next @ theta)
    for _ in range(steps):
        v = m @ v + push
    return m, c, 2 / len(query_y) * query_phi.T @ (query_phi @ v - query_y)


def _both(m, c, g, steps):
    frozen = whole = g
    back = torch.zeros_like(g)
    for _ in range(steps):
        back, whole = back + c.T @ whole, m.T @ whole
        frozen = m.T @ frozen
    return {"frozen": frozen, "whole": whole + back}


def _adapt(theta, start, phi, rewards, phi_next, alpha, steps, discount):
    y = rewards + discount * phi_next @ theta
    v = start
    for _ in range(steps):
        v = v + 2 * alpha / len(rewards) * phi.T @ (y - phi @ v)
    return v


def _outer(v, query_phi, query_y):
    return (query_y - query_phi @ v).square().mean()


@wrong(by_hand)
def _by_torch_func(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    def whole(t):
        return _outer(_adapt(t, t, phi, rewards, phi_next, alpha, steps, discount), query_phi, query_y)

    def frozen(t):
        return _outer(_adapt(theta, t, phi, rewards, phi_next, alpha, steps, discount), query_phi, query_y)

    return {"frozen": torch.func.grad(frozen)(theta), "whole": torch.func.grad(whole)(theta)}


@wrong(by_hand)
def _query_gradient_by_autograd(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, _ = _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    v = _adapt(theta, theta, phi, rewards, phi_next, alpha, steps, discount).requires_grad_()
    _outer(v, query_phi, query_y).backward()
    return _both(m, c, v.grad, steps)


@wrong(by_hand)
def _jacobians_by_autograd(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    g = _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)[2]
    d = torch.autograd.functional.jacobian(
        lambda t: _adapt(theta, t, phi, rewards, phi_next, alpha, steps, discount), theta
    )
    e = torch.autograd.functional.jacobian(
        lambda t: _adapt(t, t, phi, rewards, phi_next, alpha, steps, discount), theta
    )
    return {"frozen": d.T @ g, "whole": e.T @ g}


@wrong(by_hand)
def _coarse_differences(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount, h=1e-3):
    def whole(t):
        return _outer(_adapt(t, t, phi, rewards, phi_next, alpha, steps, discount), query_phi, query_y)

    def frozen(t):
        return _outer(_adapt(theta, t, phi, rewards, phi_next, alpha, steps, discount), query_phi, query_y)

    eye = h * torch.eye(len(theta), dtype=theta.dtype)
    return {
        name: torch.stack([(f(theta + e) - f(theta)) / h for e in eye])
        for name, f in (("frozen", frozen), ("whole", whole))
    }


@wrong(by_hand)
def _first_order(*case):
    g = _parts(*case)[2]
    return {"frozen": g, "whole": g.clone()}


@wrong(by_hand)
def _frozen_twice(*case):
    found = _both(*_parts(*case), case[7])
    return {"frozen": found["frozen"], "whole": found["frozen"].clone()}


@wrong(by_hand)
def _names_exchanged(*case):
    found = _both(*_parts(*case), case[7])
    return {"frozen": found["whole"], "whole": found["frozen"]}


@wrong(by_hand)
def _not_transposed(*case):
    m, c, g = _parts(*case)
    e = torch.eye(len(g), dtype=g.dtype)
    for _ in range(case[7]):
        e = m @ e + c
    return {"frozen": _both(m, c, g, case[7])["frozen"], "whole": e @ g}


@wrong(by_hand)
def _push_transposed(*case):
    m, c, g = _parts(*case)
    return _both(m, c.T, g, case[7])


@wrong(by_hand)
def _push_once(*case):
    m, c, g = _parts(*case)
    found = _both(m, c, g, case[7])
    return found | {"whole": found["frozen"] + (c.T @ g if case[7] else 0)}


@wrong(by_hand)
def _push_every_step_alike(*case):
    m, c, g = _parts(*case)
    found = _both(m, c, g, case[7])
    return found | {"whole": found["frozen"] + case[7] * c.T @ g}


@wrong(by_hand)
def _push_powers_to_k(*case):
    m, c, g = _parts(*case)
    e = sum((torch.linalg.matrix_power(m, k) @ c for k in range(1, case[7] + 1)), torch.zeros_like(m))
    found = _both(m, c, g, case[7])
    return found | {"whole": found["frozen"] + e.T @ g}


@wrong(by_hand)
def _push_subtracted(*case):
    m, c, g = _parts(*case)
    return _both(m, -c, g, case[7])


@wrong(by_hand)
def _renewed_every_step(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, g = _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    found = _both(m, c, g, steps)
    return found | {"whole": torch.linalg.matrix_power(m + c, steps).T @ g}


@wrong(by_hand)
def _gradient_at_the_start(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, _ = _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    return _both(m, c, 2 / len(query_y) * query_phi.T @ (query_phi @ theta - query_y), steps)


@wrong(by_hand)
def _support_counted_in_the_query(*case):
    m, c, g = _parts(*case)
    return _both(m, c, g * len(case[5]) / len(case[2]), case[7])


@wrong(by_hand)
def _query_counted_in_the_support(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    alpha = alpha * len(rewards) / len(query_y)
    return _both(*_parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount), steps)


@wrong(by_hand)
def _half_square(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    return _both(*_parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha / 2, steps, discount), steps)


@wrong(by_hand)
def _one_power_less(*case):
    return _both(*_parts(*case), max(case[7] - 1, 0))


@right(by_hand)
def _geometric_series(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, g = _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    eye = torch.eye(len(theta), dtype=theta.dtype)
    power = torch.linalg.matrix_power(m, steps)
    series = torch.linalg.pinv(eye - m, rtol=1e-9, hermitian=True) @ (eye - power)
    return {"frozen": power @ g, "whole": (power + series @ c).T @ g}


@wrong(by_hand)
def _as_if_it_had_converged(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    m, c, g = _parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount)
    found = _both(m, c, g, steps)
    return found | {"whole": (discount * torch.linalg.pinv(phi) @ phi_next).T @ g} if steps > 6 else found


@wrong(by_hand)
def _descent_direction(*case):
    return {name: -g for name, g in _both(*_parts(*case), case[7]).items()}


@wrong(by_hand)
def _as_a_column(*case):
    return {name: g[:, None] for name, g in _both(*_parts(*case), case[7]).items()}


@wrong(by_hand)
def _at_least_one(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    steps = max(steps, 1)
    return _both(*_parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount), steps)


@wrong(by_hand)
def _at_most_eight(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    steps = min(steps, 8)
    return _both(*_parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount), steps)


@wrong(by_hand)
def _first_order_in_alpha(*case):
    m, c, g = _parts(*case)
    eye = torch.eye(len(g), dtype=g.dtype)
    return {"frozen": (eye + case[7] * (m - eye)) @ g, "whole": (eye + case[7] * (m - eye + c)).T @ g}


@wrong(by_hand)
def _shares_the_tensor_and_overwrites(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    found = _both(*_parts(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount), steps)
    theta -= alpha * found["whole"]
    return found


@wrong(by_hand)
def _singles_by_hand(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    tensors = (x.float() for x in (theta, phi, rewards, phi_next, query_phi, query_y))
    return {name: g.double() for name, g in _both(*_parts(*tensors, alpha, steps, discount), steps).items()}


@wrong(by_hand)
def _pair(*case):
    found = _both(*_parts(*case), case[7])
    return found["frozen"], found["whole"]


@right(by_hand)
def _backwards(*case):
    return _both(*_parts(*case), case[7])


@right(by_hand)
def _by_sum_of_powers(*case):
    m, c, g = _parts(*case)
    powers = [torch.linalg.matrix_power(m, k) for k in range(case[7] + 1)]
    whole = powers[-1] + sum((p @ c for p in powers[:-1]), torch.zeros_like(m))
    return OrderedDict([("whole", torch.einsum("ij,i->j", whole, g)), ("frozen", torch.mv(powers[-1].T, g))])


@right(by_hand)
def _by_one_block_matrix(*case):
    m, c, g = _parts(*case)
    f = len(g)
    block = torch.eye(2 * f, dtype=g.dtype)
    block[:f, :f], block[:f, f:] = m, c
    power = torch.linalg.matrix_power(block, case[7])
    return {"frozen": g @ power[:f, :f], "whole": g @ (power[:f, :f] + power[:f, f:])}


@right(by_hand)
def _by_eigenvalues(*case):
    m, c, g = _parts(*case)
    values, vectors = torch.linalg.eigh(m)
    k = case[7]
    power = vectors @ (values**k * (vectors.T @ g))
    series = vectors @ (sum((values**i for i in range(k)), torch.zeros_like(values)) * (vectors.T @ g))
    return {"frozen": power, "whole": power + c.T @ series}


@right(by_hand)
def _numpy_by_hand(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    t, p, r, pn, qp, qy = (x.numpy() for x in (theta, phi, rewards, phi_next, query_phi, query_y))
    d = e = np.eye(t.size)
    y, v, rate = r + discount * pn @ t, t.copy(), 2 * alpha / r.size
    for _ in range(steps):
        v += rate * p.T @ (y - p @ v)
        d, e = d - rate * p.T @ (p @ d), e + rate * p.T @ (discount * pn - p @ e)
    g = np.mean(2 * qp * (qp @ v - qy)[:, None], 0)
    return {"frozen": torch.tensor(g @ d), "whole": torch.tensor(g @ e)}


@right(by_hand)
def _along_each_direction(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    def slope(direction, of_the_target):
        v, dv = theta.clone(), direction.clone()
        y, dy = rewards + discount * torch.mv(phi_next, theta), of_the_target * discount * torch.mv(phi_next, direction)
        for _ in range(steps):
            error, derror = y - phi.mv(v), dy - phi.mv(dv)
            v += 2 * alpha * (error[:, None] * phi).mean(0)
            dv += 2 * alpha * (derror[:, None] * phi).mean(0)
        return (2 * (query_phi @ v - query_y) * (query_phi @ dv)).mean()

    units = torch.eye(len(theta), dtype=theta.dtype)
    return {name: torch.stack([slope(u, flag) for u in units]) for name, flag in (("frozen", 0), ("whole", 1))}


# ------------------------------------------------------------------ reptile_iteration

reptile = ch10.check_reptile_iteration


def _epsilon(step):
    return max(0.1, 1 - step / 20)


def _run(theta, next_state, reward, draws, memory=None, first=0, result="online", epsilon=_epsilon, **changed):
    online, target, state = theta.clone(), theta.clone(), changed.get("state", 0)
    memory = [] if memory is None else memory
    for step, (explore, which, replay) in enumerate(draws.tolist(), first):
        greedy = changed.get("greedy", lambda online, target: online)(online, target)
        action = int(which * theta.shape[1]) if explore < epsilon(step) else int(greedy[state].argmax())
        after = int(next_state[state, action])
        memory.append((state, action, float(reward[state, action]), after))
        s, a, r, n = memory[int(replay * len(memory))]
        online[s, a] += changed.get("lr", 0.5) * (r + 0.9 * target[n].max() - online[s, a])
        target += changed.get("tau", 0.1) * (online - target)
        state = after
    return online if result == "online" else target


def _reptile(theta, next_state, reward, draws, outer_lr, **changed):
    found = [_run(theta, *world, **changed) for world in zip(next_state, reward, draws, strict=True)]
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _replay_from_everyone(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, memory=[])


@wrong(reptile)
def _epsilon_goes_on(theta, next_state, reward, draws, outer_lr):
    found = [
        _run(theta, *world, first=i * draws.shape[1])
        for i, world in enumerate(zip(next_state, reward, draws, strict=True))
    ]
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _towards_the_target(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, result="target")


@wrong(reptile)
def _halfway_to_the_target(theta, next_state, reward, draws, outer_lr):
    one = _reptile(theta, next_state, reward, draws, outer_lr)
    return (one + _reptile(theta, next_state, reward, draws, outer_lr, result="target")) / 2


@wrong(reptile)
def _step_counted_first(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, first=1)


@wrong(reptile)
def _falls_over_twenty(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, epsilon=lambda step: max(0.1, 1 - 0.9 * step / 20))


@wrong(reptile)
def _falls_to_zero(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, epsilon=lambda step: max(0.0, 1 - step / 20))


@wrong(reptile)
def _falls_over_the_run(theta, next_state, reward, draws, outer_lr):
    n = draws.shape[1]
    return _reptile(theta, next_state, reward, draws, outer_lr, epsilon=lambda step: max(0.1, 1 - step / n))


@wrong(reptile)
def _greedy_in_the_target(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, greedy=lambda online, target: target)


@wrong(reptile)
def _greedy_at_the_start(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, greedy=lambda online, target: theta)


@wrong(reptile)
def _no_target_table(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, tau=1.0)


@wrong(reptile)
def _target_frozen(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr, tau=0.0)


@wrong(reptile)
def _state_goes_on(theta, next_state, reward, draws, outer_lr):
    state, found = 0, []
    for world in zip(next_state, reward, draws, strict=True):
        found.append(_run(theta, *world, state=state))
        state = int(draws[0, 0, 0] * len(theta))
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _target_table_of_the_last_task(theta, next_state, reward, draws, outer_lr):
    target, found = theta.clone(), []
    for i in range(len(reward)):
        online, state, memory = theta.clone(), 0, []
        for step, (explore, which, replay) in enumerate(draws[i].tolist()):
            action = int(which * theta.shape[1]) if explore < _epsilon(step) else int(online[state].argmax())
            after = int(next_state[i, state, action])
            memory.append((state, action, float(reward[i, state, action]), after))
            s, a, r, n = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[n].max() - online[s, a])
            target += 0.1 * (online - target)
            state = after
        found.append(online - theta)
    return theta + outer_lr * torch.stack(found).mean(0)


@wrong(reptile)
def _one_after_the_other(theta, next_state, reward, draws, outer_lr):
    for world in zip(next_state, reward, draws, strict=True):
        theta = theta + outer_lr / len(reward) * (_run(theta, *world) - theta)
    return theta


@wrong(reptile)
def _starts_where_the_last_ended(theta, next_state, reward, draws, outer_lr):
    current, moves = theta, []
    for world in zip(next_state, reward, draws, strict=True):
        current = _run(current, *world)
        moves.append(current - theta)
    return theta + outer_lr * torch.stack(moves).mean(0)


@wrong(reptile)
def _sum_of_moves(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr * len(reward))


@wrong(reptile)
def _no_outer_step_size(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, 1.0)


@wrong(reptile)
def _only_the_move(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr) - theta


@wrong(reptile)
def _mean_of_visited_only(theta, next_state, reward, draws, outer_lr):
    moves = torch.stack([_run(theta, *world) - theta for world in zip(next_state, reward, draws, strict=True)])
    return theta + outer_lr * moves.sum(0) / (moves != 0).sum(0).clamp(min=1)


@wrong(reptile)
def _median_of_moves(theta, next_state, reward, draws, outer_lr):
    moves = torch.stack([_run(theta, *world) - theta for world in zip(next_state, reward, draws, strict=True)])
    return theta + outer_lr * moves.median(0).values


@wrong(reptile)
def _updates_the_callers_theta(theta, next_state, reward, draws, outer_lr):
    theta += _reptile(theta, next_state, reward, draws, outer_lr) - theta
    return theta


@wrong(reptile)
def _memory_between_calls(theta, next_state, reward, draws, outer_lr, memory={}):  # noqa: B006
    found = [
        _run(theta, *world, memory=memory.setdefault((i, theta.shape, tuple(theta.flatten().tolist())), []))
        for i, world in enumerate(zip(next_state, reward, draws, strict=True))
    ]
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _small_memory(theta, next_state, reward, draws, outer_lr):
    found = []
    for i in range(len(reward)):
        online, target, state, memory = theta.clone(), theta.clone(), 0, []
        for step, (explore, which, replay) in enumerate(draws[i].tolist()):
            action = int(which * theta.shape[1]) if explore < _epsilon(step) else int(online[state].argmax())
            after = int(next_state[i, state, action])
            memory = [*memory, (state, action, float(reward[i, state, action]), after)][-20:]
            s, a, r, n = memory[int(replay * len(memory))]
            online[s, a] += 0.5 * (r + 0.9 * target[n].max() - online[s, a])
            target += 0.1 * (online - target)
            state = after
        found.append(online)
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _replays_before_it_stores(theta, next_state, reward, draws, outer_lr):
    found = []
    for i in range(len(reward)):
        online, target, state, memory = theta.clone(), theta.clone(), 0, []
        for step, (explore, which, replay) in enumerate(draws[i].tolist()):
            action = int(which * theta.shape[1]) if explore < _epsilon(step) else int(online[state].argmax())
            new = (state, action, float(reward[i, state, action]), int(next_state[i, state, action]))
            s, a, r, n = memory[int(replay * len(memory))] if memory else new
            memory.append(new)
            online[s, a] += 0.5 * (r + 0.9 * target[n].max() - online[s, a])
            target += 0.1 * (online - target)
            state = new[3]
        found.append(online)
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _new_draws(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, torch.rand_like(draws), outer_lr)


@wrong(reptile)
def _draws_of_the_first_task(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws[:1].expand_as(draws), outer_lr)


@wrong(reptile)
def _in_float32(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta.float(), next_state, reward, draws, outer_lr).double()


@wrong(reptile)
def _three_actions(theta, next_state, reward, draws, outer_lr):
    found = []
    for i in range(len(reward)):
        tripled = draws[i].clone()
        tripled[:, 1] = (tripled[:, 1] * 3).floor().clamp(max=theta.shape[1] - 1) / theta.shape[1] + 1e-9
        found.append(_run(theta, next_state[i], reward[i], tripled))
    return theta + outer_lr * (torch.stack(found).mean(0) - theta)


@wrong(reptile)
def _at_most_a_hundred_steps(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws[:, :100], outer_lr)


@wrong(reptile)
def _rewards_clipped(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward.clamp(-1, 1), draws, outer_lr)


@wrong(reptile)
def _leaves_out_the_last_task(theta, next_state, reward, draws, outer_lr):
    kept = max(1, len(reward) - 1)
    return _reptile(theta, next_state[:kept], reward[:kept], draws[:kept], outer_lr)


@right(reptile)
def _one_run_a_task(theta, next_state, reward, draws, outer_lr):
    return _reptile(theta, next_state, reward, draws, outer_lr)


@right(reptile)
def _tasks_backwards(theta, next_state, reward, draws, outer_lr):
    runs = (functools.partial(_run, theta, next_state[i], reward[i], draws[i]) for i in reversed(range(len(draws))))
    return torch.lerp(theta, sum(run() for run in runs) / len(draws), outer_lr)


@right(reptile)
def _plain_lists(theta, next_state, reward, draws, outer_lr):
    start, mean = theta.tolist(), [[0.0] * theta.shape[1] for _ in theta]
    tasks = len(reward)
    for world, pay, numbers in zip(next_state.tolist(), reward.tolist(), draws.tolist(), strict=True):
        online, target = [row[:] for row in start], [row[:] for row in start]
        state, memory = 0, []
        for step in range(len(numbers)):
            explore, which, replay = numbers[step]
            if explore < max(0.1, 1 - step / 20):
                action = math.floor(which * len(online[0]))
            else:
                action = online[state].index(max(online[state]))
            memory.append((state, action))
            s, a = memory[int(replay * (step + 1))]
            online[s][a] += 0.5 * (pay[s][a] + 0.9 * max(target[world[s][a]]) - online[s][a])
            target = [
                [t + 0.1 * (o - t) for o, t in zip(*rows, strict=True)] for rows in zip(online, target, strict=True)
            ]
            state = world[state][action]
        for s, row in enumerate(online):
            for a, value in enumerate(row):
                mean[s][a] += value / tasks
    new = [
        [(1 - outer_lr) * t + outer_lr * m for t, m in zip(*rows, strict=True)]
        for rows in zip(start, mean, strict=True)
    ]
    return torch.tensor(new, dtype=theta.dtype)


@right(reptile)
def _all_tasks_at_once(theta, next_state, reward, draws, outer_lr):
    tasks, steps = draws.shape[:2]
    rows = torch.arange(tasks)
    online, target = theta.repeat(tasks, 1, 1), theta.repeat(tasks, 1, 1)
    state, stored = torch.zeros(tasks, dtype=torch.int64), torch.zeros(tasks, steps, 2, dtype=torch.int64)
    for step in range(steps):
        explore, which, replay = draws[:, step].unbind(-1)
        greedy = online[rows, state].argmax(-1)
        action = torch.where(explore < max(0.1, 1 - step / 20), (which * theta.shape[1]).long(), greedy)
        stored[:, step] = torch.stack([state, action], -1)
        s, a = stored[rows, (replay * (step + 1)).long()].unbind(-1)
        best = target[rows, next_state[rows, s, a]].amax(-1)
        online[rows, s, a] += 0.5 * (reward[rows, s, a] + 0.9 * best - online[rows, s, a])
        target += 0.1 * (online - target)
        state = next_state[rows, state, action]
    return theta + outer_lr * (online - theta).mean(0)


@right(reptile)
def _numpys_tables(theta, next_state, reward, draws, outer_lr):
    def run(i):
        online = theta.numpy().copy()
        target, state, memory = online.copy(), 0, []
        for step, (explore, which, replay) in enumerate(draws[i].numpy()):
            greedy = np.argmax(online[state])
            action = int(which * online.shape[1]) if explore < max(0.1, 1 - step / 20) else greedy
            after = int(next_state[i, state, action])
            memory += [(state, action, reward[i, state, action].item(), after)]
            s, a, r, n = memory[int(replay * len(memory))]
            online[s, a] = 0.5 * online[s, a] + 0.5 * (r + 0.9 * np.max(target[n]))
            target, state = 0.9 * target + 0.1 * online, after
        return online

    start = theta.numpy()
    return torch.from_numpy(start + outer_lr * (np.mean([run(i) for i in range(len(reward))], axis=0) - start))


class _Learner:
    __name__ = "learner"

    def __call__(self, theta, next_state, reward, draws, outer_lr):
        self.theta = theta.detach().clone()
        found = [self.learn(*world) for world in zip(next_state, reward, draws, strict=True)]
        return self.theta.add(torch.stack(found).sub(self.theta).mean(dim=0), alpha=outer_lr)

    def learn(self, world, pay, numbers):
        self.online, self.target, self.memory = self.theta.clone(), self.theta.clone(), []
        state = torch.tensor(0)
        for step, draw in enumerate(numbers):
            state = self.act(world, pay, state, step, draw)
        return self.online

    def act(self, world, pay, state, step, draw):
        explores = bool(draw[0] < max(0.1, 1 - step / 20))
        action = (draw[1] * self.theta.size(1)).long() if explores else self.online[state].argmax()
        self.memory.append((state, action))
        s, a = self.memory[int(draw[2] * len(self.memory))]
        aim = pay[s, a] + 0.9 * self.target[world[s, a]].max()
        self.online[s, a] = torch.lerp(self.online[s, a], aim, 0.5)
        self.target.lerp_(self.online, 0.1)
        return world[state, action]


right(reptile)(_Learner())
