"""Answers to exercises of chapter 10, from a ninth attack."""

import numpy as np
import torch

from metarl_core.check import ch10

from . import named

# ------------------------------------------------------------------ inner steps


def _inner(target=None, renewed=False, gradient=2.0, divide=None, ends=None, pick=None, start=None, steps_of=None):
    def answer(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
        n = features.shape[1]
        q = next_features @ theta.T
        best = q.amax(-1) if target is None else target(q, actions, features @ theta.T)
        alive = ~terminated if ends is None else ends(terminated)
        y = rewards + discount * alive * best
        chosen = torch.nn.functional.one_hot(actions.long(), len(theta)).to(theta.dtype)
        w = theta.expand(len(features), *theta.shape).clone() if start is None else start(theta, len(features))
        for k in range(steps if steps_of is None else steps_of(steps)):
            if renewed:
                y = rewards + discount * alive * torch.einsum("tnf,taf->tna", next_features, w).amax(-1)
            error = y - (torch.einsum("tnf,taf->tna", features, w) * chosen).sum(-1)
            error = error if pick is None else pick(error, k)
            bottom = n if divide is None else divide(chosen)
            w = w + gradient * alpha * torch.einsum("tn,tna,tnf->taf", error, chosen, features) / bottom
        return w

    return answer


def _sarsa_next(q, actions, now):
    """The next row's action in the place of the best one."""
    return q.gather(-1, actions.long().roll(-1, 1)[..., None])[..., 0]


def _double(q, actions, now):
    """The action that is best in the present state, valued in the next."""
    return q.gather(-1, now.argmax(-1, keepdim=True))[..., 0]


def _common_rows(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    """All tasks in turn change one theta."""
    w, out = theta.clone(), []
    for i in range(len(features)):
        w = _inner()(
            w, *(x[i : i + 1] for x in (features, actions, rewards, next_features, terminated)), alpha, steps, discount
        )[0]
        out.append(w)
    return torch.stack(out)


def _into_theta(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = _inner()(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount)
    theta.copy_(found.mean(0))
    return found


def _full_gradient(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    out = []
    for f, a, r, g, d in zip(features, actions.long(), rewards, next_features, terminated, strict=True):
        w = theta.clone()
        for _ in range(steps):
            leaf = w.detach().requires_grad_()
            y = r + discount * ~d * (g @ leaf.T).amax(1)
            loss = (y - (f @ leaf.T).gather(1, a[:, None])[:, 0]).square().mean()
            w = w - alpha * torch.autograd.grad(loss, leaf)[0]
        out.append(w)
    return torch.stack(out)


def _row_after_row(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    """One transition after the other in every step."""
    y = rewards + discount * ~terminated * (next_features @ theta.T).amax(-1)
    out = theta.expand(len(features), *theta.shape).clone()
    for i in range(len(features)):
        for _ in range(steps):
            for j in range(features.shape[1]):
                a = int(actions[i, j])
                error = y[i, j] - out[i, a] @ features[i, j]
                out[i, a] += 2 * alpha / features.shape[1] * error * features[i, j]
    return out


def _inner_autograd(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    out = []
    for f, a, r, g, d in zip(features, actions.long(), rewards, next_features, terminated, strict=True):
        with torch.no_grad():
            y = torch.where(d, r, r + discount * (g @ theta.T).max(1).values)
        w = theta.detach().clone()
        for _ in range(steps):
            w.requires_grad_()
            loss = torch.nn.functional.mse_loss((f * w[a]).sum(1), y)
            w = (w - alpha * torch.autograd.grad(loss, w)[0]).detach()
        out.append(w)
    return torch.stack(out)


def _inner_closed(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    """Each action's row is a regression of its own; its steps are a power of a matrix."""
    out = theta.expand(len(features), *theta.shape).clone()
    eye, n = torch.eye(theta.shape[1], dtype=theta.dtype), features.shape[1]
    for i in range(len(features)):
        y = rewards[i] + discount * (~terminated[i]).to(theta.dtype) * (next_features[i] @ theta.T).amax(1)
        for a in range(len(theta)):
            mine = actions[i] == a
            x = features[i][mine]
            m, push = eye - 2 * alpha / n * x.T @ x, 2 * alpha / n * x.T @ y[mine]
            row = theta[a]
            for _ in range(steps):
                row = m @ row + push
            out[i, a] = row
    return out


def _inner_numpy(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    th, f, a, r, g, d = (x.numpy() for x in (theta, features, actions, rewards, next_features, terminated))
    tasks, n = a.shape
    y = r + discount * np.where(d, 0.0, (g @ th.T).max(-1))
    w = np.repeat(th[None], tasks, 0)
    rows = np.arange(tasks)[:, None]
    for _ in range(steps):
        error = y - (w[rows, a] * f).sum(-1)
        change = np.zeros_like(w)
        np.add.at(change, (rows, a), error[..., None] * f)
        w = w + 2 * alpha / n * change
    return torch.from_numpy(w)


# ------------------------------------------------------------------ two meta-gradients


def _gradients(matrix=None, push=None, first=None, y_renewed=False, query=None, frozen=None, sign=1.0):
    def answer(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
        n, eye = len(phi), torch.eye(len(theta), dtype=theta.dtype)
        m = eye - 2 * alpha / n * phi.T @ phi if matrix is None else matrix(eye, phi, alpha, n)
        c = 2 * alpha * discount / n * phi.T @ phi_next if push is None else push(phi, phi_next, alpha, discount, n)
        y = rewards + discount * phi_next @ theta
        w, d, e = theta, eye, (eye if first is None else first(eye))
        for _ in range(steps):
            if y_renewed:
                y = rewards + discount * phi_next @ w
            w = w + 2 * alpha / n * phi.T @ (y - phi @ w)
            d, e = m @ d, m @ e + c
        g = (
            2 / len(query_phi) * query_phi.T @ (query_phi @ w - query_y)
            if query is None
            else query(query_phi, w, query_y, n)
        )
        return {"frozen": d.T @ g if frozen is None else frozen(d, g), "whole": sign * e.T @ g}

    return answer


def _gradients_autograd(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    found = {}
    for name in ("frozen", "whole"):
        start = theta.clone().requires_grad_()
        y = rewards + discount * phi_next @ (start.detach() if name == "frozen" else start)
        w = start
        for _ in range(steps):
            w = w + 2 * alpha / len(phi) * phi.T @ (y - phi @ w)
        found[name] = torch.autograd.grad((query_y - query_phi @ w).square().mean(), start)[0]
    return found


def _gradients_by_sums(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    n, rate = len(phi), 2 * alpha / len(phi)
    m = torch.eye(phi.shape[1], dtype=phi.dtype) - rate * phi.T @ phi
    power, series = torch.eye(len(m), dtype=m.dtype), torch.zeros_like(m)
    for _ in range(steps):
        series, power = series + power, power @ m
    y = rewards + discount * (phi_next @ theta)
    end = power @ theta + rate * series @ phi.T @ y
    g = (2 / len(query_y)) * (query_phi @ end - query_y) @ query_phi
    assert n > 0
    return {"whole": (power + rate * discount * series @ phi.T @ phi_next).T @ g, "frozen": g @ power}


def _gradients_backwards(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """Backpropagation by hand."""
    rate, w = 2 * alpha / len(phi), theta
    y = rewards + discount * torch.mv(phi_next, theta)
    for _ in range(steps):
        w = w + rate * torch.mv(phi.T, y - torch.mv(phi, w))
    back, into_y = 2 * query_phi.T @ (query_phi @ w - query_y) / len(query_phi), torch.zeros_like(y)
    for _ in range(steps):
        into_y = into_y + rate * phi @ back
        back = back - rate * phi.T @ (phi @ back)
    return {"frozen": back, "whole": back + discount * phi_next.T @ into_y}


def _gradients_numpy(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    t, f, r, g, q, z = (x.numpy() for x in (theta, phi, rewards, phi_next, query_phi, query_y))
    rate = 2 * alpha / len(f)
    m = np.eye(len(t)) - rate * f.T @ f
    powers = [np.linalg.matrix_power(m, k) for k in range(steps + 1)]
    total = sum(powers[:-1], np.zeros_like(m))
    end = powers[-1] @ t + rate * total @ f.T @ (r + discount * g @ t)
    slope = 2 * q.T @ (q @ end - z) / len(q)
    whole = (powers[-1] + discount * rate * total @ f.T @ g).T @ slope
    return {"frozen": torch.from_numpy(powers[-1].T @ slope), "whole": torch.from_numpy(whole)}


# ------------------------------------------------------------------ a Reptile iteration


def _reptile(
    memory_stays=False, clock_stays=False, of_target=False, state_stays=False, epsilon_of=None, replayed=None,
    updated=None, total=None, acts=None, target_first=False, least=0.1,
):  # fmt: skip
    def answer(theta, next_state, reward, draws, outer_lr):
        memory, step, moves, state = [], 0, [], 0
        for task in range(len(reward)):
            online, target = theta.clone(), theta.clone()
            state = state if state_stays else 0
            memory, step = memory if memory_stays else [], step if clock_stays else 0
            for explore, which, replay in draws[task].tolist():
                epsilon = max(least, 1 - step / 20) if epsilon_of is None else epsilon_of(step)
                step += 1
                greedy = int((online if acts is None else acts(online, target))[state].argmax())
                action = int(which * theta.shape[1]) if explore < epsilon else greedy
                following = int(next_state[task, state, action])
                memory.append((state, action, float(reward[task, state, action]), following))
                s, a, r, after = memory[
                    int(replay * len(memory)) if replayed is None else replayed(replay, len(memory))
                ]
                if target_first:
                    target += 0.1 * (online - target)
                future = target[after].max() if updated is None else updated(online, target, after)
                online[s, a] += 0.5 * (r + 0.9 * future - online[s, a])
                if not target_first:
                    target += 0.1 * (online - target)
                state = following
            moves.append((target if of_target else online) - theta)
        return theta + outer_lr * (torch.stack(moves).mean(0) if total is None else total(moves))

    return answer


def _reptile_one_task(theta, next_state, reward, draws, outer_lr):
    """θ is moved after each task, and the next one begins there."""
    for task in range(len(reward)):
        part = slice(task, task + 1)
        theta = _reptile()(theta, next_state[part], reward[part], draws[part], outer_lr / len(reward))
    return theta


def _reptile_in_place(theta, next_state, reward, draws, outer_lr):
    theta += _reptile()(theta, next_state, reward, draws, outer_lr) - theta
    return theta


def _run(theta, world, pay, luck):
    q = [list(row) for row in theta]
    slow, memory, state = [list(row) for row in theta], [], 0
    for k, (explore, which, replay) in enumerate(luck):
        if explore < max(0.1, 1 - k / 20):
            action = int(which * len(q[0]))
        else:
            action = max(range(len(q[0])), key=lambda a: (q[state][a], -a))
        memory.append((state, action))
        s, a = memory[int(replay * len(memory))]
        after = world[s][a]
        q[s][a] += 0.5 * (pay[s][a] + 0.9 * max(slow[after]) - q[s][a])
        slow = [[y + 0.1 * (x - y) for x, y in zip(one, two, strict=True)] for one, two in zip(q, slow, strict=True)]
        state = world[state][action]
    return q


def _reptile_lists(theta, next_state, reward, draws, outer_lr):
    ends = [
        _run(theta.tolist(), world, pay, luck)
        for world, pay, luck in zip(next_state.tolist(), reward.tolist(), draws.tolist(), strict=True)
    ]
    return (1 - outer_lr) * theta + outer_lr * torch.tensor(ends, dtype=theta.dtype).mean(0)


def _reptile_side_by_side(theta, next_state, reward, draws, outer_lr):
    """All tasks make each step together."""
    tasks, steps = draws.shape[:2]
    rows, actions = torch.arange(tasks), theta.shape[1]
    online, target = theta.repeat(tasks, 1, 1), theta.repeat(tasks, 1, 1)
    state = torch.zeros(tasks, dtype=torch.int64)
    seen = torch.zeros(tasks, steps, 2, dtype=torch.int64)
    for k in range(steps):
        explore, which, replay = draws[:, k].unbind(-1)
        greedy = online[rows, state].argmax(-1)
        action = torch.where(explore < max(0.1, 1 - k / 20), (which * actions).long(), greedy)
        seen[:, k, 0], seen[:, k, 1] = state, action
        old = seen[rows, (replay * (k + 1)).long()]
        s, a = old.unbind(-1)
        y = reward[rows, s, a] + 0.9 * target[rows, next_state[rows, s, a].long()].amax(-1)
        online[rows, s, a] += 0.5 * (y - online[rows, s, a])
        target = target + 0.1 * (online - target)
        state = next_state[rows, state, action].long()
    return torch.lerp(theta, online.mean(0), torch.as_tensor(outer_lr, dtype=theta.dtype))


WRONG = [
    *named(
        ch10.check_inner_td_steps,
        _common_rows,
        _into_theta,
        _full_gradient,
        _row_after_row,
        renewed=_inner(renewed=True),
        one=_inner(gradient=1.0),
        summed=_inner(divide=lambda chosen: 1.0),
        by_action=_inner(divide=lambda chosen: chosen.sum(1).clamp_min(1)[..., None]),
        by_tasks=_inner(divide=lambda chosen: chosen.shape[0] * chosen.shape[1]),
        sarsa=_inner(target=_sarsa_next),
        double=_inner(target=_double),
        mean_next=_inner(target=lambda q, a, now: q.mean(-1)),
        over_all_rows=_inner(target=lambda q, a, now: q.amax((1, 2))[:, None].expand(q.shape[:2])),
        present=_inner(target=lambda q, a, now: now.amax(-1)),
        never_ends=_inner(ends=lambda d: torch.ones_like(d)),
        ends_turned=_inner(ends=lambda d: d),
        ends_for_all_behind=_inner(ends=lambda d: d.long().cumsum(1) == 0),
        clipped=_inner(pick=lambda error, k: error.clamp(-1, 1)),
        from_zero=_inner(start=lambda theta, n: torch.zeros(n, *theta.shape, dtype=theta.dtype)),
        at_least_one=_inner(steps_of=lambda steps: max(steps, 1)),
        annealed=_inner(pick=lambda error, k: error * 0.9**k),
    ),
    *named(
        ch10.check_meta_gradients,
        _gradients_autograd,
        no_two=_gradients(matrix=lambda eye, phi, alpha, n: eye - alpha / n * phi.T @ phi),
        mean_missing=_gradients(matrix=lambda eye, phi, alpha, n: eye - 2 * alpha * phi.T @ phi),
        push_transposed=_gradients(push=lambda f, g, alpha, discount, n: 2 * alpha * discount / n * g.T @ f),
        push_plain=_gradients(push=lambda f, g, alpha, discount, n: 2 * alpha / n * f.T @ g),
        push_turned=_gradients(push=lambda f, g, alpha, discount, n: -2 * alpha * discount / n * f.T @ g),
        push_features=_gradients(push=lambda f, g, alpha, discount, n: 2 * alpha * discount / n * f.T @ f),
        from_zero=_gradients(first=torch.zeros_like),
        renewed=_gradients(y_renewed=True),
        query_over_support=_gradients(query=lambda q, w, y, n: 2 / n * q.T @ (q @ w - y)),
        query_half=_gradients(query=lambda q, w, y, n: 1 / len(q) * q.T @ (q @ w - y)),
        query_turned=_gradients(query=lambda q, w, y, n: 2 / len(q) * q.T @ (y - q @ w)),
        not_transposed=_gradients(frozen=lambda d, g: g),
        whole_turned=_gradients(sign=-1.0),
    ),
    *named(
        ch10.check_reptile_iteration,
        _reptile_one_task,
        _reptile_in_place,
        memory_stays=_reptile(memory_stays=True),
        clock_stays=_reptile(clock_stays=True),
        of_target=_reptile(of_target=True),
        state_stays=_reptile(state_stays=True),
        epsilon_late=_reptile(epsilon_of=lambda step: max(0.1, 1 - max(step - 1, 0) / 20)),
        epsilon_early=_reptile(epsilon_of=lambda step: max(0.1, 1 - (step + 1) / 20)),
        epsilon_eighteen=_reptile(epsilon_of=lambda step: max(0.1, 1 - 0.9 * step / 20)),
        explores_for_ever=_reptile(epsilon_of=lambda step: 1.0),
        least_zero=_reptile(least=0.0),
        newest=_reptile(replayed=lambda replay, n: n - 1),
        rounded=_reptile(replayed=lambda replay, n: min(round(replay * n), n - 1)),
        not_the_newest=_reptile(replayed=lambda replay, n: int(replay * max(n - 1, 1))),
        last_fifty=_reptile(replayed=lambda replay, n: max(n - 50, 0) + int(replay * min(n, 50))),
        no_target=_reptile(updated=lambda online, target, after: online[after].max()),
        double=_reptile(updated=lambda online, target, after: target[after, online[after].argmax()]),
        acts_by_target=_reptile(acts=lambda online, target: target),
        summed=_reptile(total=lambda moves: torch.stack(moves).sum(0)),
        median=_reptile(total=lambda moves: torch.stack(moves).median(0).values),
    ),
]
RIGHT = [
    *named(ch10.check_inner_td_steps, _inner_autograd, _inner_closed, _inner_numpy),
    *named(ch10.check_meta_gradients, _gradients_by_sums, _gradients_backwards, _gradients_numpy),
    *named(
        ch10.check_reptile_iteration,
        _reptile_lists,
        _reptile_side_by_side,
        target_first=_reptile(target_first=True),  # it is read after both, or before both
    ),
]
