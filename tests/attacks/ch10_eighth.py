"""Answers to exercises of chapter 10, from an eighth attack."""

import numpy as np
import torch

from metarl_core.check import ch10

from . import named


def _td(tasks=10**6, rows=10**6, most=10**6, clip=None, discount_of=lambda g: g, single=False):
    def answer(theta, features, actions, rewards, following, terminated, alpha, steps, discount):
        future = torch.where(terminated, 0.0, (following @ theta.T).amax(-1))
        y = rewards + discount_of(discount) * future
        number = rewards.shape[1]
        chosen = torch.nn.functional.one_hot(actions, len(theta)).double()
        found = theta.expand(len(rewards), *theta.shape).clone()
        for _ in range(min(steps, most)):
            error = y - ((features @ found.mT) * chosen).sum(-1)
            error = error.clamp(-clip, clip) if clip else error
            push = (error[..., None] * chosen)[:, :rows].mT @ features[:, :rows]
            found = found + 2 * alpha / number * push
        found[tasks:] = theta
        return found.float().double() if single else found

    return answer


def _never_taken_decay(theta, features, actions, rewards, following, terminated, alpha, steps, discount):
    found = _td()(theta, features, actions, rewards, following, terminated, alpha, steps, discount)
    taken = torch.nn.functional.one_hot(actions, len(theta)).sum(1) > 0
    return torch.where(taken[..., None], found, (1 - alpha * 1e-3) * theta)


def _td_autograd(theta, features, actions, rewards, following, terminated, alpha, steps, discount):
    rows = []
    for x, a, r, after, end in zip(features, actions, rewards, following, terminated, strict=True):
        y = r + discount * torch.where(end, 0.0, (after @ theta.T).max(1).values)
        w = theta.detach().clone()
        for _ in range(steps):
            w.requires_grad_()
            loss = (y - (x @ w.T).gather(1, a[:, None])[:, 0]).square().mean()
            w = (w - alpha * torch.autograd.grad(loss, w)[0]).detach()
        rows.append(w)
    return torch.stack(rows)


def _td_numpy(theta, features, actions, rewards, following, terminated, alpha, steps, discount):
    w0, x, a, r, after, end = (v.numpy() for v in (theta, features, actions, rewards, following, terminated))
    found = np.repeat(w0[None], len(r), 0)
    y = r + discount * np.where(end, 0, (after @ w0.T).max(-1))
    for t in range(len(r)):
        for _ in range(steps):
            error = y[t] - np.einsum("nf,nf->n", x[t], found[t][a[t]])
            np.add.at(found[t], a[t], 2 * alpha / len(a[t]) * error[:, None] * x[t])
    return torch.from_numpy(found)


# ------------------------------------------------------------------ meta-gradients


def _meta(most=10**6, rows=10**6, asked=10**6, clip=None, single=False, push_once=False):
    def answer(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
        n = len(rewards)
        eye = torch.eye(len(theta)).double()
        m = eye - 2 * alpha / n * phi[:rows].T @ phi[:rows]
        b = 2 * alpha * discount / n * phi[:rows].T @ phi_next[:rows]
        y, end = rewards + discount * phi_next @ theta, theta
        frozen = whole = eye
        for k in range(min(steps, most)):
            end = end + 2 * alpha / n * phi[:rows].T @ (y - phi @ end)[:rows]
            frozen, whole = m @ frozen, m @ whole + (0 * b if push_once and k > 0 else b)
        error = (query_phi @ end - query_y)[:asked]
        error = error.clamp(-clip, clip) if clip else error
        g = 2 / len(query_y) * query_phi[:asked].T @ error
        found = {"frozen": frozen.T @ g, "whole": whole.T @ g}
        return {k: v.float().double() for k, v in found.items()} if single else found

    return answer


def _meta_autograd(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    found = {}
    for name in ("frozen", "whole"):
        start = theta.detach().clone().requires_grad_()
        y = rewards + discount * phi_next @ start
        y, w = (y.detach() if name == "frozen" else y), start
        for _ in range(steps):
            w = w + 2 * alpha * phi.T @ (y - phi @ w) / len(y)
        (found[name],) = torch.autograd.grad((query_phi @ w - query_y).square().mean(), start)
    return found


def _meta_backwards(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    n, y, w = len(rewards), rewards + discount * (phi_next @ theta), theta.clone()
    for _ in range(steps):
        w -= 2 * alpha / n * (phi.T @ (phi @ w - y))
    v = 2 * (query_phi.T @ (query_phi @ w - query_y)) / len(query_y)
    into_y = torch.zeros_like(y)
    for _ in range(steps):
        into_y = into_y + 2 * alpha / n * (phi @ v)
        v = v - 2 * alpha / n * (phi.T @ (phi @ v))
    return {"whole": v + discount * phi_next.T @ into_y, "frozen": v}


# ------------------------------------------------------------------ Reptile with tables


def _reptile(
    tasks=10**6, steps=10**6, discount=0.9, rate=0.5, tau=0.1, epsilon=lambda k: max(0.1, 1 - k / 20),
    newest=False, kept=10**6, copy_first=False,
):  # fmt: skip
    def answer(theta, next_state, reward, draws, outer_lr):
        ends = []
        for task in range(min(len(reward), tasks)):
            online, target, state, memory = theta.clone(), theta.clone(), 0, []
            for k, (explore, which, replay) in enumerate(draws[task, :steps].tolist()):
                best = online[state]
                greedy = int(best.argmax())
                action = int(which * theta.shape[1]) if explore < epsilon(k) else greedy
                after = int(next_state[task, state, action])
                memory = [*memory, (state, action, float(reward[task, state, action]), after)][-kept:]
                s, a, r, b = memory[-1] if newest else memory[int(replay * len(memory))]
                if copy_first:
                    target = target + tau * (online - target)
                online[s, a] += rate * (r + discount * target[b].max() - online[s, a])
                if not copy_first:
                    target = target + tau * (online - target)
                state = after
            ends.append(online)
        return theta + outer_lr * (torch.stack(ends).mean(0) - theta)

    return answer


def _lists(theta, next_state, reward, draws, outer_lr):
    total = np.zeros(theta.shape)
    for nexts, pay, numbers in zip(next_state.tolist(), reward.tolist(), draws.tolist(), strict=True):
        q = [row[:] for row in theta.tolist()]
        bar = [row[:] for row in q]
        state, seen = 0, []
        for k, (u, v, w) in enumerate(numbers):
            a = int(v * len(q[0])) if u < max(0.1, 1 - k / 20) else q[state].index(max(q[state]))
            seen.append((state, a, pay[state][a], nexts[state][a]))
            s, b, r, t = seen[int(w * len(seen))]
            q[s][b] += 0.5 * (r + 0.9 * max(bar[t]) - q[s][b])
            bar = [[y + 0.1 * (x - y) for x, y in zip(*rows, strict=True)] for rows in zip(q, bar, strict=True)]
            state = nexts[state][a]
        total += np.array(q) - theta.numpy()
    return theta + outer_lr * torch.from_numpy(total) / len(reward)


WRONG = [
    *named(
        ch10.check_inner_td_steps,
        _never_taken_decay,
        fifty_tasks=_td(tasks=50),
        fifty_rows=_td(rows=50),
        fifty_steps=_td(most=50),
        clipped=_td(clip=10.0),
        discount_below_one=_td(discount_of=lambda g: min(g, 1.0)),
        single=_td(single=True),
    ),
    *named(
        ch10.check_meta_gradients,
        _meta_autograd,
        fifty_steps=_meta(most=50),
        fifty_rows=_meta(rows=50),
        fifty_queries=_meta(asked=50),
        clipped=_meta(clip=10.0),
        single=_meta(single=True),
        push_once=_meta(push_once=True),
    ),
    *named(
        ch10.check_reptile_iteration,
        fifty_tasks=_reptile(tasks=50),
        fifty_steps=_reptile(steps=50),
        discount_of_099=_reptile(discount=0.99),
        epsilon_to_005=_reptile(epsilon=lambda k: max(0.05, 1 - k / 20)),
        epsilon_over_19=_reptile(epsilon=lambda k: max(0.1, 1 - k / 19)),
        newest=_reptile(newest=True),
        memory_of_100=_reptile(kept=100),
    ),
]
RIGHT = [
    *named(ch10.check_inner_td_steps, _td_autograd, _td_numpy),
    *named(ch10.check_meta_gradients, _meta_backwards),
    *named(ch10.check_reptile_iteration, _lists, copies_before_a_step=_reptile(copy_first=True)),
]
