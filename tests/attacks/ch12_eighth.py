"""Answers to exercises of chapter 12, from an eighth attack."""

from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch12

from . import named


def _share(past_of=lambda m: m, width_of=lambda u: u, root=False, rounded=None):
    def answer(past, new, width):
        new = min(new, past_of(past))
        past, width = past_of(past), width_of(width)
        m, f = width**2 / 3, width**4 / 5
        spread = (f - m * m) / past
        alpha = m / (2 * (m * m + spread))
        towards = m * (2 * new - past) / past
        share = 1 - 4 * alpha * towards + 4 * alpha**2 * (towards**2 + spread)
        if rounded is not None:
            alpha, share = round(alpha, rounded), round(share, rounded)
        return alpha, max(share, 0.0) ** 0.5 if root else share

    return answer


def _by_fractions(past, new, width):
    u = Fraction(width)
    m, f = u**2 / 3, u**4 / 5
    v = (f - m**2) / past
    alpha = m / (m**2 + v) / 2
    t = m * (2 * new - past) / past
    return [alpha, 1 - 4 * alpha * t + 4 * alpha**2 * (t**2 + v)]


def _simplified(past, new, width):
    alpha = 3 * past / (2 * width**2 * (past + 0.8))
    r = 2 * new / past - 1
    k = past / (past + 0.8)
    return torch.tensor([alpha, (1 - k * r) ** 2 + k * k * 0.8 / past], dtype=torch.float64)


def _simplified_numpy(past, new, width):
    k, r = past / (past + 0.8), 2 * new / past - 1
    return np.float64(1.5 * k / width**2), np.float64((1 - k * r) ** 2 + 0.8 * k * k / past)


# ------------------------------------------------------------------ relative errors


def _error(rows=10**6, tested=10**6, small=0.0, ridge_of=lambda r, n: r, single=False):
    def answer(train, test, ridge):
        inputs = [torch.cat([o, a], 1) for o, a, _ in (train, test)]
        targets = [f - o for o, _, f in (train, test)]

        def scaled(pair):
            own = pair[0][:rows]
            m, s = own.mean(0), own.std(0, correction=0) + small
            return [(x - m) / s for x in pair]

        (x, xt), (y, yt) = scaled(inputs), scaled(targets)
        x, y = x[:rows], y[:rows]
        x = x.float().double() if single else x
        eye = torch.eye(x.shape[1]).double()
        w = torch.linalg.solve(x.T @ x + ridge_of(ridge, len(x)) * eye, x.T @ y)
        return ((yt - xt @ w)[:tested] ** 2).mean()

    return answer


def _mean_of_entries(train, test, ridge):
    """Each entry's own ratio to the spread of the test data."""
    x, xt = (torch.cat([o, a], 1) for o, a, _ in (train, test))
    y, yt = (f - o for o, _, f in (train, test))
    s = y.std(0, correction=0)
    x, xt = ((v - x.mean(0)) / x.std(0, correction=0) for v in (x, xt))
    w = torch.linalg.solve(x.T @ x + ridge * torch.eye(x.shape[1]).double(), x.T @ ((y - y.mean(0)) / s))
    off = ((yt - y.mean(0)) / s - xt @ w) ** 2
    return off.amax(1).mean()


def _augmented(train, test, ridge):
    """Right: a least-squares problem with rows for the ridge, in numpy."""
    (o, a, f), (p, b, g) = ([v.numpy() for v in part] for part in (train, test))
    x, xt, y, yt = np.hstack([o, a]), np.hstack([p, b]), f - o, g - p
    xt, x = (xt - x.mean(0)) / x.std(0), (x - x.mean(0)) / x.std(0)
    yt, y = (yt - y.mean(0)) / y.std(0), (y - y.mean(0)) / y.std(0)
    n = x.shape[1]
    w = np.linalg.lstsq(
        np.vstack([x, np.sqrt(ridge) * np.eye(n)]), np.vstack([y, np.zeros((n, y.shape[1]))]), rcond=None
    )[0]
    return torch.tensor(np.mean((yt - xt @ w) ** 2))


# ------------------------------------------------------------------ a search


def _search(
    environments=10**6, rounds=10**6, candidates=10**6, keep=True, correction=0, least=0.0,
):  # fmt: skip
    def answer(score, low, high, noise, start, elites):
        mean, std = start.clone(), ((high - low) / 4).expand_as(start)
        kept = noise.new_zeros(noise.shape[1], 0, *noise.shape[3:])
        for drawn in noise[:rounds]:
            drawn = drawn[:, :candidates]
            plans = (mean[:, None] + std[:, None] * drawn).clamp(low, high)
            plans = torch.cat([kept, plans], 1)
            values = score(plans)
            order = values.argsort(1, descending=True, stable=True)[:, :elites]
            top = torch.stack([p[o] for p, o in zip(plans, order, strict=True)])
            mean, std = top.mean(1), top.std(1, correction=correction).nan_to_num(0.0).clamp(min=least)
            kept = top if keep else kept
        found = top[:, 0].clone()
        found[environments:] = start[environments:]
        return found

    return answer


def _remembers_the_best(score, low, high, noise, start, elites):
    """Right: the best is kept beside the elites, and asked for in the end."""
    mean, std, top = start, ((high - low) / 4).expand_as(start), None
    for drawn in noise.unbind(0):
        plans = torch.maximum(torch.minimum(mean[:, None] + std[:, None] * drawn, high), low)
        plans = plans if top is None else torch.cat([plans, top], 1)
        values = score(plans)
        chosen = values.topk(min(elites, plans.shape[1]), 1)
        rows = torch.arange(len(plans))[:, None]
        top = plans[rows, chosen.indices]
        mean = top.sum(1) / elites
        std = ((top - mean[:, None]) ** 2).mean(1).sqrt()
    return top[torch.arange(len(top)), score(top).argmax(1)]


# ------------------------------------------------------------------ adapted losses


def _loss(w, o, a, f):
    return (f - o - torch.tanh(torch.cat([o, a], -1) @ w["U"].T) @ w["V"].T).square().mean()


def _adapted(past_of=lambda m: m, future_of=lambda k: k, clip=None, moments_of=lambda x: x, whole_window=False):
    def answer(theta, observations, actions, following, moments, past, future, inner_lr):
        past, future, losses = past_of(past), future_of(future), []
        for t in moments_of(moments):
            before, after = slice(max(0, t - past), t), slice(t, t + future)
            w = theta
            if t > 0 and (not whole_window or t >= past):
                s = torch.autograd.grad(
                    _loss(theta, observations[before], actions[before], following[before]),
                    list(theta.values()),
                    create_graph=True,
                )
                s = [x.clamp(-clip, clip) for x in s] if clip else s
                w = {k: v - inner_lr * x for (k, v), x in zip(theta.items(), s, strict=True)}
            losses.append(_loss(w, observations[after], actions[after], following[after]))
        return torch.stack(losses)

    return answer


def _by_func(theta, observations, actions, following, moments, past, future, inner_lr):
    losses = []
    for t in moments:
        w = dict(theta)
        if t:
            s = torch.func.grad(_loss)(w, *(x[max(0, t - past) : t] for x in (observations, actions, following)))
            w = {k: w[k] - inner_lr * s[k] for k in w}
        losses.append(_loss(w, *(x[t : t + future] for x in (observations, actions, following))))
    return torch.stack(losses)


def _by_formulas(theta, observations, actions, following, moments, past, future, inner_lr):
    x, change = torch.cat([observations, actions], 1), following - observations
    losses = []
    for t in moments:
        u, v = theta["U"], theta["V"]
        if t > 0:
            own, aim = x[max(0, t - past) : t], change[max(0, t - past) : t]
            h = torch.tanh(own @ u.T)
            off = 2 * (h @ v.T - aim) / aim.numel()
            u, v = u - inner_lr * ((off @ v) * (1 - h * h)).T @ own, v - inner_lr * off.T @ h
        rest, aim = x[t : t + future], change[t : t + future]
        losses.append((aim - torch.tanh(rest @ u.T) @ v.T).pow(2).mean())
    return torch.stack(losses)


WRONG = [
    *named(
        ch12.check_motor_share,
        at_most_fifty=_share(past_of=lambda m: min(m, 50)),
        at_least_two=_share(past_of=lambda m: max(m, 2)),
        widths_up_to_two=_share(width_of=lambda u: min(u, 2.0)),
        root=_share(root=True),
        four_digits=_share(rounded=4),
    ),
    *named(
        ch12.check_relative_error,
        _mean_of_entries,
        fifty_rows=_error(rows=50),
        fifty_tested=_error(tested=50),
        small=_error(small=1e-3),
        ridge_by_rows=_error(ridge_of=lambda r, n: r * n / 10),
        single=_error(single=True),
    ),
    *named(
        ch12.check_search,
        fifty_environments=_search(environments=50),
        fifty_rounds=_search(rounds=50),
        fifty_candidates=_search(candidates=50),
        forgets=_search(keep=False),
        unbiased=_search(correction=1),
        least_spread=_search(least=0.05),
    ),
    *named(
        ch12.check_adapted_losses,
        past_of_ten=_adapted(past_of=lambda m: min(m, 50)),
        future_of_fifty=_adapted(future_of=lambda k: min(k, 50)),
        clipped=_adapted(clip=1.0),
        in_order=_adapted(moments_of=sorted),
        each_once=_adapted(moments_of=lambda x: list(dict.fromkeys(x))),
        whole_windows=_adapted(whole_window=True),
    ),
]
RIGHT = [
    *named(ch12.check_motor_share, _by_fractions, _simplified, _simplified_numpy),
    *named(ch12.check_relative_error, _augmented, by_solve=_error()),
    *named(ch12.check_search, _remembers_the_best),
    *named(ch12.check_adapted_losses, _by_func, _by_formulas),
]
