"""Answers to the exercises of chapter 10."""

import numpy as np
import torch

from metarl_core.check import ch10

# ------------------------------------------------------------------ inner_td_steps


def _targets(theta, rewards, next_features, terminated, discount):
    return rewards + discount * (next_features @ theta.T).amax(-1).masked_fill(terminated, 0.0)


def _inner(make_targets=_targets, change=None):
    """By autograd, one task after another; `change` is what is wrong."""

    def answer(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
        found = []
        count = len(rewards) - 1 if change == "last task lost" else len(rewards)
        for task in range(count):
            y = make_targets(theta, rewards[task], next_features[task], terminated[task], discount)
            if change == "clipped errors":
                y = y.clamp(-1, 1)
            current = theta.clone()
            for k in range(steps + (change == "one step more") - (change == "one step less")):
                point = current.detach().requires_grad_()
                predicted = (features[task] @ point.T).gather(-1, actions[task][:, None]).squeeze(-1)
                loss = (y - predicted).square().mean()
                if change == "huber":
                    loss = 2 * torch.nn.functional.smooth_l1_loss(predicted, y)
                if change == "rms":
                    loss = loss.sqrt()
                if change == "weight decay":
                    loss = loss + 1e-3 * point.square().sum()
                if change == "signed":
                    loss = (y - predicted).mean()
                (slope,) = torch.autograd.grad(loss, point)
                if change == "clipped gradient":
                    slope = slope * min(1.0, float(1 / (slope.norm() + 1e-12)))
                current = current - alpha / (k + 1 if change == "decayed" else 1) * slope
            found.append(current)
        return torch.stack(found)

    return answer


def _bootstraps_through_the_end(theta, rewards, next_features, terminated, discount):
    return _targets(theta, rewards, next_features, ~terminated, discount)


def _clamped_values(theta, rewards, next_features, terminated, discount):
    return rewards + discount * (next_features @ theta.T).amax(-1).clamp(min=0) * ~terminated


def _largest_magnitude(theta, rewards, next_features, terminated, discount):
    values = next_features @ theta.T
    best = values.gather(-1, values.abs().argmax(-1, keepdim=True))[..., 0]
    return rewards + discount * best * ~terminated


def _soft_maximum(theta, rewards, next_features, terminated, discount):
    return rewards + discount * (next_features @ theta.T).logsumexp(-1) * ~terminated


def _average_reward(theta, rewards, next_features, terminated, discount):
    return _targets(theta, rewards.expand_as(rewards) * 0 + rewards.mean(), next_features, terminated, discount)


def _discounted_reward(theta, rewards, next_features, terminated, discount):
    return discount * _targets(theta, rewards, next_features, terminated, 1.0)


def _fixed_discount(theta, rewards, next_features, terminated, discount):
    return _targets(theta, rewards, next_features, terminated, 0.9)


def _first_action(theta, rewards, next_features, terminated, discount):
    return rewards + discount * (next_features @ theta[0]) * ~terminated


def _writes_theta(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = _inner()(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount)
    theta.copy_(found[0])
    return found


def _mean_of_tasks(*arguments):
    return _inner()(*arguments).mean(0)


def _inner_in_float32(theta, features, actions, rewards, next_features, terminated, *numbers):
    single = (value.float() for value in (theta, features))
    following = next_features.float()
    return _inner()(*single, actions, rewards.float(), following, terminated, *numbers).double()


def _leaves_a_graph(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    found = _inner()(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount)
    return found + 0 * theta.detach().requires_grad_()


def _inner_one_transition_after_another(
    theta, features, actions, rewards, next_features, terminated, alpha, steps, discount
):
    found = []
    for task in range(len(rewards)):
        y = _targets(theta, rewards[task], next_features[task], terminated[task], discount)
        current = theta.clone()
        for _ in range(steps):
            for i in range(len(y)):  # sees the changes of the transitions before
                delta = y[i] - current[actions[task, i]] @ features[task, i]
                current[actions[task, i]] += 2 * alpha / len(y) * delta * features[task, i]
        found.append(current)
    return torch.stack(found)


def _inner_in_numpy(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    theta, phi, act, r, nxt, end = (
        value.numpy() for value in (theta, features, actions, rewards, next_features, terminated)
    )
    y = r + discount * np.where(end, 0.0, (nxt @ theta.T).max(-1))
    now = np.repeat(theta[None], len(r), 0)
    for _ in range(steps):
        delta = y - np.einsum("tnf,tnf->tn", now[np.arange(len(r))[:, None], act], phi)
        step = np.zeros_like(now)
        np.add.at(step, (np.arange(len(r))[:, None], act), delta[..., None] * phi)
        now = now + 2 * alpha / r.shape[1] * step
    return torch.tensor(now)


def _inner_by_torch_func(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)

    def loss(point, phi, act, target):
        return (target - (phi * point[act]).sum(-1)).pow(2).mean()

    slope = torch.func.vmap(torch.func.grad(loss))
    now = theta.repeat(len(rewards), 1, 1)
    for _ in range(steps):
        now = now - alpha * slope(now, features, actions, y)
    return now


def _inner_by_recursion(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = _targets(theta, rewards, next_features, terminated, discount)
    taken = (actions[..., None] == torch.arange(len(theta))).double()

    def after(k):
        if k == 0:
            return torch.stack([theta] * len(rewards))
        before = after(k - 1)
        delta = y - torch.einsum("tna,taf,tnf->tn", taken, before, features)
        return before + 2 * alpha * torch.einsum("tna,tn,tnf->taf", taken, delta, features) / y.shape[1]

    return after(steps)


# ------------------------------------------------------------------ meta_gradients


def _matrices(theta, phi, phi_next, alpha, discount):
    n = len(phi)
    return torch.eye(len(theta)).double() - 2 * alpha / n * phi.T @ phi, 2 * alpha * discount / n * phi.T @ phi_next


def _end(theta, phi, rewards, phi_next, alpha, steps, discount):
    y, now = rewards + discount * phi_next @ theta, theta
    for _ in range(steps):
        now = now + 2 * alpha / len(phi) * phi.T @ (y - phi @ now)
    return now


def _gradients(combine):
    """`combine(M, C, g, K)` is the answer."""

    def answer(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
        M, C = _matrices(theta, phi, phi_next, alpha, discount)
        now = _end(theta, phi, rewards, phi_next, alpha, steps, discount)
        return combine(M, C, 2 / len(query_y) * query_phi.T @ (query_phi @ now - query_y), steps)

    return answer


def _whole(M, C, K):
    E = torch.eye(len(M)).double()
    for _ in range(K):
        E = M @ E + C
    return E


def _power(M, K):
    return torch.linalg.matrix_power(M, K)


def _by_autograd(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    found = {}
    for name in ("frozen", "whole"):
        start = theta.detach().requires_grad_()
        y = rewards + discount * phi_next @ (start if name == "whole" else theta)
        now = start
        for _ in range(steps):
            now = now + 2 * alpha / len(phi) * phi.T @ (y - phi @ now)
        (found[name],) = torch.autograd.grad((query_y - query_phi @ now).square().mean(), start)
    return found


def _by_jacfwd(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    M, _ = _matrices(theta, phi, phi_next, alpha, discount)
    jacobian = torch.func.jacfwd(lambda point: _end(point, phi, rewards, phi_next, alpha, steps, discount))(theta)
    now = _end(theta, phi, rewards, phi_next, alpha, steps, discount)
    g = 2 / len(query_y) * query_phi.T @ (query_phi @ now - query_y)
    return {"frozen": _power(M, steps) @ g, "whole": jacobian.T @ g}


def _targets_of_the_query(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    return _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": _whole(M, C, K).T @ g})(
        theta, phi, rewards, phi_next, query_phi, query_y + discount * query_phi @ theta, alpha, steps, discount
    )


def _gradients_in_float32(*arguments):
    single = [a.float() if isinstance(a, torch.Tensor) else a for a in arguments]
    found = _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": _whole(M, C, K).T @ g})(
        *[a.double() if isinstance(a, torch.Tensor) else a for a in single]
    )
    return found


def _by_the_limit(M, C, g, K):
    """As if the inner loop had converged."""
    fixed = torch.linalg.pinv(torch.eye(len(M)).double() - M) @ C
    return {"frozen": _power(M, K) @ g, "whole": (_power(M, K) + fixed).T @ g}


def _by_geometric_sum(M, C, g, K):
    """The sum of powers through the eigenvectors of the symmetric M."""
    values, vectors = torch.linalg.eigh(M)
    sums = vectors @ torch.diag(sum((values**j for j in range(K)), 0 * values)) @ vectors.T
    held = vectors @ torch.diag(values**K) @ vectors.T
    return {"whole": (held + sums @ C).T @ g, "frozen": held @ g}


def _backwards(M, C, g, K):
    """From the end of the inner loop to its beginning, vectors only."""
    back, extra = g.clone(), torch.zeros_like(g)
    for _ in range(K):
        extra += C.mT @ back
        back = M.mT @ back
    return {"frozen": back, "whole": back + extra}


def _gradients_in_numpy(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    theta, phi, r, nxt, q, y2 = (x.numpy() for x in (theta, phi, rewards, phi_next, query_phi, query_y))
    y, now, n = r + discount * nxt @ theta, theta, len(r)
    D, E = np.eye(len(theta)), np.eye(len(theta))
    for _ in range(steps):
        now = now + 2 * alpha / n * phi.T @ (y - phi @ now)
        D = D - 2 * alpha / n * phi.T @ (phi @ D)
        E = E + 2 * alpha / n * phi.T @ (discount * nxt - phi @ E)
    g = 2 * np.mean((q @ now - y2)[:, None] * q, 0)
    return {"frozen": torch.from_numpy(D.T @ g), "whole": torch.from_numpy(E.T @ g)}


# ------------------------------------------------------------------ reptile_iteration


def _iteration(change=None):
    """With lists of floats in place of tensors; `change` is what is wrong."""

    def answer(theta, next_state, reward, draws, outer_lr):
        states, actions = range(theta.shape[0]), theta.shape[1]
        total = [[0.0] * actions for _ in states]
        tasks = range(len(reward))
        for task in tasks:
            online = theta.tolist()
            target = online if change == "one table" else [row[:] for row in online]
            memory, state = [], 0
            for step, (explore, which, replay) in enumerate(draws[task].tolist()):
                slope = {"slower": 40, "faster": 18}.get(change, 20)
                epsilon = 1 - step / slope if change == "no floor" else max(0.1, 1 - step / slope)
                epsilon = 1 - 0.9 * step / len(draws[task]) if change == "by length" else epsilon
                best = max(range(actions), key=online[state].__getitem__)
                if change == "greedy on target":
                    best = max(range(actions), key=target[state].__getitem__)
                action = int(which * actions) if explore < epsilon else best
                after = int(next_state[task, state, action])
                experience = state, action, float(reward[task, state, action]), after
                if change == "replay before storing":
                    s, a, r, f = memory[int(replay * len(memory))] if memory else experience
                    memory.append(experience)
                else:
                    memory.append(experience)
                    s, a, r, f = memory[-1] if change == "no replay" else memory[int(replay * len(memory))]
                value = max(target[f])
                if change == "double":
                    value = target[f][max(range(actions), key=online[f].__getitem__)]
                if change == "sarsa":
                    value = target[f][a]
                if change == "no target":
                    value = max(online[f])
                online[s][a] += 0.5 * (r + 0.9 * value - online[s][a])
                if change == "hard target":
                    target = [row[:] for row in online]
                elif change != "one table":
                    for row, other in zip(target, online, strict=True):
                        for i in range(actions):
                            row[i] += 0.1 * (other[i] - row[i])
                state = state if change == "stays" else after
            for s in states:
                for a in range(actions):
                    total[s][a] += online[s][a] - float(theta[s, a])
        return theta + outer_lr * torch.tensor(total, dtype=theta.dtype) / len(tasks)

    return answer


def _changes_theta(theta, *rest):
    found = _iteration()(theta, *rest)
    theta.copy_(found)
    return theta


def _iteration_one_task_after_another(theta, next_state, reward, draws, outer_lr):
    for task in range(len(reward)):
        one = slice(task, task + 1)
        theta = _iteration()(theta, next_state[one], reward[one], draws[one], outer_lr)
    return theta


def _iteration_with_its_own_draws(theta, next_state, reward, draws, outer_lr):
    return _iteration()(theta, next_state, reward, torch.rand(draws.shape).double(), outer_lr)


def _iteration_remembers(theta, next_state, reward, draws, outer_lr, memory=[]):  # noqa: B006
    memory.append(len(reward))
    return _iteration()(theta, next_state, reward, draws, outer_lr) + (len(memory) > 24)


def _iteration_by_weights(theta, next_state, reward, draws, outer_lr):
    ends = [
        _iteration()(theta, next_state[i : i + 1], reward[i : i + 1], draws[i : i + 1], 1.0) for i in range(len(reward))
    ]
    return torch.lerp(theta, sum(ends) / len(ends), outer_lr)


def _iteration_side_by_side(theta, next_state, reward, draws, outer_lr):
    """All tasks at once, the memory as tensors with a task axis."""
    n = torch.arange(len(reward))
    online, target = theta.repeat(len(n), 1, 1), theta.repeat(len(n), 1, 1)
    state = torch.zeros_like(n)
    seen = []
    for step, (explore, which, replay) in enumerate(draws.permute(1, 2, 0)):
        random = explore < max(0.1, 1 - step / 20)
        action = torch.where(random, (which * theta.shape[1]).long(), online[n, state].argmax(-1))
        following = next_state[n, state, action]
        seen.append((state, action, reward[n, state, action], following))
        at = (replay * len(seen)).long()
        s, a, r, after = (torch.stack(parts)[at, n] for parts in zip(*seen, strict=True))
        online[n, s, a] = 0.5 * online[n, s, a] + 0.5 * (r + 0.9 * target[n, after].amax(-1))
        target = 0.9 * target + 0.1 * online
        state = following
    return (1 - outer_lr) * theta + outer_lr * online.mean(0)


class Words(str):
    """A kind of string."""


WRONG = [
    *[
        (ch10.check_inner_td_steps, _inner(change=change))
        for change in (
            "last task lost", "clipped errors", "one step more", "one step less", "huber", "rms", "weight decay",
            "signed", "clipped gradient", "decayed",
        )
    ],
    *[
        (ch10.check_inner_td_steps, _inner(targets))
        for targets in (
            _bootstraps_through_the_end, _clamped_values, _largest_magnitude, _soft_maximum, _average_reward,
            _discounted_reward, _fixed_discount, _first_action,
        )
    ],
    (ch10.check_inner_td_steps, _writes_theta),
    (ch10.check_inner_td_steps, _mean_of_tasks),
    (ch10.check_inner_td_steps, _inner_in_float32),
    (ch10.check_inner_td_steps, _leaves_a_graph),
    (ch10.check_inner_td_steps, _inner_one_transition_after_another),
    (ch10.check_meta_gradients, _by_autograd),
    (ch10.check_meta_gradients, _by_jacfwd),
    (ch10.check_meta_gradients, _targets_of_the_query),
    (ch10.check_meta_gradients, _gradients_in_float32),
    (ch10.check_meta_gradients, _gradients(_by_the_limit)),
    (ch10.check_meta_gradients, _gradients(lambda M, C, g, K: {"frozen": M**K @ g, "whole": _whole(M, C, K).T @ g})),
    (ch10.check_meta_gradients, _gradients(lambda M, C, g, K: {"frozen": K * M @ g, "whole": _whole(M, C, K).T @ g})),
    (ch10.check_meta_gradients, _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": C.T @ g})),
    (
        ch10.check_meta_gradients,
        _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": (_whole(M, C, K) - _power(M, K)).T @ g}),
    ),
    (
        ch10.check_meta_gradients,
        _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": _power(M + C, K).T @ g}),
    ),
    (
        ch10.check_meta_gradients,
        _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": _whole(M, -C, K).T @ g}),
    ),
    (ch10.check_meta_gradients, _gradients(lambda M, C, g, K: (_power(M, K) @ g, _whole(M, C, K).T @ g))),
    (
        ch10.check_meta_gradients,
        _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g[:, None], "whole": _whole(M, C, K).T @ g[:, None]}),
    ),
    *[
        (ch10.check_reptile_iteration, _iteration(change))
        for change in (
            "one table", "slower", "faster", "no floor", "by length", "greedy on target", "replay before storing",
            "no replay", "double", "sarsa", "no target", "hard target", "stays",
        )
    ],
    (ch10.check_reptile_iteration, _changes_theta),
    (ch10.check_reptile_iteration, _iteration_one_task_after_another),
    (ch10.check_reptile_iteration, _iteration_with_its_own_draws),
    (ch10.check_reptile_iteration, _iteration_remembers),
]  # fmt: skip

RIGHT = [
    (ch10.check_inner_td_steps, _inner()),
    (ch10.check_inner_td_steps, _inner_in_numpy),
    (ch10.check_inner_td_steps, _inner_by_torch_func),
    (ch10.check_inner_td_steps, _inner_by_recursion),
    (
        ch10.check_meta_gradients,
        _gradients(lambda M, C, g, K: {"frozen": _power(M, K) @ g, "whole": _whole(M, C, K).T @ g}),
    ),
    (ch10.check_meta_gradients, _gradients(_by_geometric_sum)),
    (ch10.check_meta_gradients, _gradients(_backwards)),
    (ch10.check_meta_gradients, _gradients_in_numpy),
    (ch10.check_reptile_iteration, _iteration()),
    (ch10.check_reptile_iteration, _iteration_by_weights),
    (ch10.check_reptile_iteration, _iteration_side_by_side),
]
