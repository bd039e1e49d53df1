"""Answers to exercises of chapter 12, from a ninth attack."""

import fractions
import math

import numpy as np
import torch

from metarl_core.check import ch12

from . import named

# ------------------------------------------------------------------ an error of a model


def _error(target=None, stats=None, spread=None, fit=None, measure=None, ridge_of=None, x_of=None):
    def answer(train, test, ridge):
        x, x_test = (torch.cat([o, a], -1) for o, a, _ in (train, test))
        y, y_test = ((n - o) if target is None else target(o, n) for o, _, n in (train, test))
        scaled = []
        for one, two in ((x, x_test), (y, y_test)):
            mean, std = one.mean(0), one.std(0, correction=0) if spread is None else spread(one)
            scaled.append([(one - mean) / std, (two - mean) / std] if stats is None else stats(one, two, mean, std))
        (x, x_test), (y, y_test) = scaled
        x, x_test = (x, x_test) if x_of is None else x_of(x, x_test)
        rho = ridge if ridge_of is None else ridge_of(ridge, x)
        w = torch.linalg.solve(x.T @ x + rho * torch.eye(x.shape[1]).to(x), x.T @ y) if fit is None else fit(x, y, rho)
        e = (y_test - x_test @ w).square()
        return e.mean() if measure is None else measure(e, y_test, x_test, w)

    return answer


def _free_constant(x, y, rho):
    """A constant that is not drawn to zero: on training data with mean zero it is zero. Right, then."""
    eye = torch.eye(x.shape[1]).to(x)
    return torch.linalg.solve((x - x.mean(0)).T @ (x - x.mean(0)) + rho * eye, (x - x.mean(0)).T @ (y - y.mean(0)))


def _error_numpy(train, test, ridge):
    def both(part):
        o, a, n = (v.numpy() for v in part)
        return np.hstack([o, a]), n - o

    (x, y), (u, v) = both(train), both(test)
    mx, sx, my, sy = x.mean(0), x.std(0), y.mean(0), y.std(0)
    x, u, y, v = (x - mx) / sx, (u - mx) / sx, (y - my) / sy, (v - my) / sy
    w = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    return torch.tensor(((v - u @ w) ** 2).mean())


def _error_lstsq(train, test, ridge):
    (o, a, n), (p, b, m) = train, test
    x, y = torch.hstack([o, a]), n - o
    var_x, mean_x = torch.var_mean(x, 0, correction=0)
    var_y, mean_y = torch.var_mean(y, 0, correction=0)
    x, y = (x - mean_x) * var_x.rsqrt(), (y - mean_y) * var_y.rsqrt()
    rows = torch.vstack([x, ridge**0.5 * torch.eye(x.shape[1]).to(x)])
    w = torch.linalg.lstsq(rows, torch.vstack([y, torch.zeros(x.shape[1], y.shape[1]).to(y)]), driver="gelsd").solution
    gap = (m - p - mean_y) * var_y.rsqrt() - (torch.hstack([p, b]) - mean_x) * var_x.rsqrt() @ w
    return gap.pow(2).sum() / gap.numel()


def _error_dual(train, test, ridge):
    """By inner products of steps, W = Xᵀ (X Xᵀ + ρ)⁻¹ Y."""
    inputs = [torch.cat(part[:2], 1) for part in (train, test)]
    changes = [part[2] - part[0] for part in (train, test)]
    out = []
    for one, two in (inputs, changes):
        centre = one.sum(0) / len(one)
        scale = ((one - centre) ** 2).mean(0).sqrt()
        out += [(one - centre) / scale, (two - centre) / scale]
    x, u, y, v = out
    kernel = x @ x.T + ridge * torch.eye(len(x)).to(x)
    return torch.nn.functional.mse_loss(u @ (x.T @ torch.linalg.solve(kernel, y)), v)


# ------------------------------------------------------------------ a search


def _search(
    clip=None, keep=True, pick=None, final=None, std_of=None, mean_of=None, first_std=None, widen=None, rounds=None,
    scored=None,
):  # fmt: skip
    def answer(score, low, high, noise, start, elites):
        mean = start
        std = ((high - low) / 4).expand_as(start) if first_std is None else first_std(low, high).expand_as(start)
        best, values = start[:, None][:, :0], None
        for k, luck in enumerate(noise if rounds is None else noise[:rounds]):
            plans = mean[:, None] + std[:, None] * luck
            plans = torch.minimum(torch.maximum(plans, low), high) if clip is None else clip(plans, low, high)
            plans = torch.cat([best, plans], 1) if keep else plans
            values = score(plans) if scored is None else scored(score, plans, k)
            order = values.topk(elites, 1).indices if pick is None else pick(values, elites)
            best = plans.gather(1, order[:, :, None, None].expand(-1, -1, *plans.shape[2:]))
            mean = best.mean(1) if mean_of is None else mean_of(best, mean)
            std = best.std(1, correction=0) if std_of is None else std_of(best, std)
            std = std if widen is None else widen(std, low, high)
        return best[:, 0] if final is None else final(best, mean, low, high)

    return answer


def _elites_of_all(values, elites):
    order = values.mean(0).topk(elites).indices
    return order.expand(len(values), -1)


def _lowest(values, elites):
    return values.topk(elites, 1, largest=False).indices


def _worst_first(values, elites):
    return values.topk(elites, 1).indices.flip(1)


def _includes_start(score, low, high, noise, start, elites):
    """The start is a candidate of the first round, too."""
    found = _search()(score, low, high, noise, start, elites)
    both = torch.stack([found, start], 1)
    best = score(both).argmax(1)
    return both[torch.arange(len(both)), best]


def _start_in_place(score, low, high, noise, start, elites):
    found = _search()(score, low, high, noise, start.clone(), elites)
    start.copy_(found)
    return found


def _noise_in_place(score, low, high, noise, start, elites):
    noise *= 1.0
    noise[0].clamp_(-10, 10)
    noise.mul_(2).div_(2).add_(1e-3)
    return _search()(score, low, high, noise - 1e-3, start, elites)


def _search_alone(score, low, high, noise, start, elites):
    """Each environment by itself; the others stand still in the call of score."""
    out = []
    for i in range(len(start)):
        mean, std, best = start[i], (high - low).div(4).expand_as(start[i]), None
        for luck in noise[:, i]:
            plans = (mean + std * luck).clamp(low, high)
            plans = plans if best is None else torch.cat([plans, best])
            every = start[:, None].expand(-1, len(plans), -1, -1).clone()
            every[i] = plans
            order = score(every)[i].argsort(descending=True, stable=True)[:elites]
            best = plans[order]
            mean, std = best.mean(0), (best - best.mean(0)).square().mean(0).sqrt()
        out.append(best[0])
    return torch.stack(out)


def _search_best_so_far(score, low, high, noise, start, elites):
    """Remembers the best plan of all rounds and what it scored."""
    rows = torch.arange(len(start))
    mean, std, old = start.clone(), (0.25 * (high - low)).repeat(*start.shape[:2], 1), None
    best, record = start.clone(), torch.full((len(start),), -math.inf, dtype=start.dtype)
    for luck in noise.unbind(0):
        plans = torch.clip(mean.unsqueeze(1) + std.unsqueeze(1) * luck, low, high)
        if old is not None:
            plans = torch.cat([plans, old], dim=1)
        values = score(plans)
        top, order = values.sort(dim=1, descending=True)
        better = top[:, 0] > record
        best = torch.where(better[:, None, None], plans[rows, order[:, 0]], best)
        record = torch.maximum(record, top[:, 0])
        old = plans[rows[:, None], order[:, :elites]]
        mean = torch.einsum("eptd->etd", old) / elites
        std = old.var(1, correction=0).sqrt()
    return best


# ------------------------------------------------------------------ the worth of a step


def _share(alpha=None, d=None, v=None, share=None):
    def answer(past, new, width):
        m = width**2 / 3
        var = (width**4 / 5 - m**2) / past if v is None else v(width, m, past)
        a = m / (2 * (m**2 + var)) if alpha is None else alpha(m, var, past, new, width)
        mean = m * (2 * new - past) / past if d is None else d(m, past, new)
        return a, 1 - 4 * a * mean + 4 * a**2 * (mean**2 + var) if share is None else share(a, mean, var)

    return answer


def _share_rational(past, new, width):
    alpha = fractions.Fraction(15 * past, 2 * (5 * past + 4))
    ratio = fractions.Fraction(2 * new - past, past)
    share = (
        1
        - 2 * fractions.Fraction(5 * past, 5 * past + 4) * ratio
        + fractions.Fraction(5 * past, 5 * past + 4) ** 2 * (ratio**2 + fractions.Fraction(4, 5 * past))
    )
    return float(alpha) / width**2, float(share)


def _share_moments(past, new, width):
    """With all pairs of steps: E[D²] as a sum over i and j."""
    signs = np.where(np.arange(past) < past - new, -1.0, 1.0)
    second, fourth = width**2 / 3, width**4 / 5
    pairs = np.full((past, past), second**2)
    np.fill_diagonal(pairs, fourth)
    ones = np.ones(past)
    alpha = 0.5 * (second * past) / past / (ones @ pairs @ ones / past**2)
    d, dd = second * signs.mean(), signs @ pairs @ signs / past**2
    return float(alpha), float(1 - 4 * alpha * d + 4 * alpha**2 * dd)


def _share_tensors(past, new, width):
    u = torch.tensor(float(width), dtype=torch.float64)
    m, f = u**2 / 3, u**4 / 5
    alpha = m * past / (2 * (m**2 * (past - 1) + f))
    d = m * (new - (past - new)) / past
    square = (f - m**2) / past + d**2
    return [float(alpha), float(1 - 4 * alpha * d + 4 * alpha**2 * square)]


# ------------------------------------------------------------------ losses of windows


def _mean_loss(w, o, a, n):
    return (n - o - torch.tanh(torch.cat([o, a], -1) @ w["U"].T) @ w["V"].T).square().mean()


def _windows(
    support=None,
    query=None,
    graph=True,
    adapts=None,
    start=None,
    order=None,
    loss=_mean_loss,
    step=None,
    out=None,
    judged=None,
):
    def answer(theta, observations, actions, following, moments, past, future, inner_lr):
        losses, weights = [], theta
        for t in moments if order is None else order(moments):
            s = slice(max(0, t - past), t) if support is None else support(t, past, len(actions))
            q = slice(t, t + future) if query is None else query(t, past, future, len(actions))
            weights = theta if start is None else start(theta, weights)
            if t > 0 if adapts is None else adapts(t, past):
                value = loss(weights, observations[s], actions[s], following[s])
                slopes = torch.autograd.grad(value, list(weights.values()), create_graph=graph)
                weights = {
                    n: (w - inner_lr * g if step is None else step(n, w, inner_lr, g))
                    for (n, w), g in zip(weights.items(), slopes, strict=True)
                }
            losses.append((judged or _mean_loss)(weights, observations[q], actions[q], following[q]))
        return torch.stack(losses) if out is None else out(losses, moments)

    return answer


def _sum_loss(w, o, a, n):
    return (n - o - torch.tanh(torch.cat([o, a], -1) @ w["U"].T) @ w["V"].T).square().sum(-1).mean()


def _absolute(w, o, a, n):
    return (n - torch.tanh(torch.cat([o, a], -1) @ w["U"].T) @ w["V"].T).square().mean()


def _moments_sorted(theta, observations, actions, following, moments, past, future, inner_lr):
    moments.sort()
    return _windows()(theta, observations, actions, following, moments, past, future, inner_lr)


def _windows_masked(theta, observations, actions, following, moments, past, future, inner_lr):
    """Weighted sums over the whole episode in the place of slices."""
    time = torch.arange(len(actions))

    def weighted(w, keep):
        hidden = torch.tanh(torch.cat([observations, actions], -1) @ w["U"].mT)
        each = (following - observations - hidden @ w["V"].mT).square().mean(-1)
        return (each * keep).sum() / keep.sum()

    losses = []
    for t in moments:
        w = dict(theta)
        if t > 0:
            seen = ((time < t) & (time >= t - past)).to(actions.dtype)
            slopes = torch.autograd.grad(weighted(w, seen), (w["U"], w["V"]), create_graph=True)
            w = {"U": w["U"] - inner_lr * slopes[0], "V": w["V"] - inner_lr * slopes[1]}
        losses.append(weighted(w, ((time >= t) & (time < t + future)).to(actions.dtype)))
    return torch.stack(losses)


def _windows_by_hand(theta, observations, actions, following, moments, past, future, inner_lr):
    """The inner gradient written out."""
    x, y = torch.cat([observations, actions], 1), following - observations
    losses = []
    for t in moments:
        u, v = theta["U"], theta["V"]
        begin = max(t - past, 0)
        if t > begin:
            a, b = x[begin:t], y[begin:t]
            h = (a @ u.T).tanh()
            push = 2 * (h @ v.T - b) / b.numel()
            back = (push @ v) * (1 - h * h)
            u, v = u - inner_lr * back.T @ a, v - inner_lr * push.T @ h
        end = min(len(x), t + future)
        losses.append(torch.nn.functional.mse_loss((x[t:end] @ u.T).tanh() @ v.T, y[t:end])[None])
    return torch.cat(losses)


def _windows_func(theta, observations, actions, following, moments, past, future, inner_lr):
    data = (observations, actions, following)
    found = {}
    for t in sorted(set(moments)):
        w = theta
        if t:
            slopes = torch.func.grad(_mean_loss)(theta, *(v[max(0, t - past) : t] for v in data))
            w = {name: theta[name] - inner_lr * slopes[name] for name in theta}
        found[t] = _mean_loss(w, *(v[t:][:future] for v in data))
    return torch.stack([found[t] for t in moments])


WRONG = [
    *named(
        ch12.check_relative_error,
        of_next=_error(target=lambda o, n: n),
        of_half=_error(target=lambda o, n: (n - o) / 2 + 0.5 * o),
        own_statistics=_error(
            stats=lambda one, two, m, s: [(one - m) / s, (two - two.mean(0)) / two.std(0, correction=0)]
        ),
        own_mean=_error(stats=lambda one, two, m, s: [(one - m) / s, (two - two.mean(0)) / s]),
        both=_error(
            stats=lambda one, two, m, s: [
                (v - torch.cat([one, two]).mean(0)) / torch.cat([one, two]).std(0, correction=0) for v in (one, two)
            ]
        ),
        unbiased=_error(spread=lambda v: v.std(0)),
        one_number=_error(spread=lambda v: v.std(correction=0)),
        root_mean_square=_error(spread=lambda v: v.square().mean(0).sqrt()),
        mean_absolute=_error(spread=lambda v: (v - v.mean(0)).abs().mean(0)),
        with_eps=_error(spread=lambda v: v.std(0, correction=0) + 1e-3),
        ridge_of_steps=_error(ridge_of=lambda ridge, x: ridge * len(x)),
        ridge_half=_error(ridge_of=lambda ridge, x: ridge / 2),
        no_ridge=_error(ridge_of=lambda ridge, x: 1e-9),
        root_ridge=_error(ridge_of=lambda ridge, x: ridge**0.5),
        with_constant_in_test=_error(x_of=lambda x, u: (x, u - u.mean(0))),
        summed=_error(measure=lambda e, y, x, w: e.sum(1).mean()),
        root=_error(measure=lambda e, y, x, w: e.mean().sqrt()),
        explained=_error(measure=lambda e, y, x, w: e.mean() / y.square().mean()),
        worst_entry=_error(measure=lambda e, y, x, w: e.mean(0).max()),
        median=_error(measure=lambda e, y, x, w: e.median()),
        one_axis=_error(measure=lambda e, y, x, w: e.mean()[None]),
    ),
    *named(
        ch12.check_search,
        _includes_start,
        _start_in_place,
        _noise_in_place,
        elites_of_all=_search(pick=_elites_of_all),
        lowest=_search(pick=_lowest),
        worst_first=_search(pick=_worst_first),
        clipped_to_one=_search(clip=lambda plans, low, high: plans.clamp(-1, 1)),
        clipped_largest=_search(clip=lambda plans, low, high: plans.clamp(low.min(), high.max())),
        unclipped=_search(clip=lambda plans, low, high: plans),
        clipped_at_the_end=_search(
            clip=lambda plans, low, high: plans, final=lambda best, mean, low, high: best[:, 0].clamp(low, high)
        ),
        forgets=_search(keep=False),
        the_mean=_search(final=lambda best, mean, low, high: mean),
        mean_of_clipped=_search(final=lambda best, mean, low, high: best[:, :2].mean(1)),
        unbiased=_search(std_of=lambda best, std: best.std(1) if best.shape[1] > 1 else best.std(1, correction=0)),
        one_deviation=_search(std_of=lambda best, std: best.std((1, 2), correction=0)[:, None].expand(std.shape)),
        half_of_the_range=_search(first_std=lambda low, high: (high - low) / 2),
        never_narrow=_search(widen=lambda std, low, high: std.clamp_min(0.05)),
        never_narrower=_search(widen=lambda std, low, high: torch.maximum(std, 0.01 * (high - low))),
        smoothed=_search(mean_of=lambda best, mean: 0.9 * best.mean(1) + 0.1 * mean),
        three_rounds=_search(rounds=3),
        weighted=_search(
            mean_of=lambda best, mean: (best * torch.linspace(2, 0, best.shape[1])[:, None, None]).mean(1)
        ),
    ),
    *named(
        ch12.check_motor_share,
        no_variance=_share(v=lambda u, m, past: 0.0),
        variance_not_of_mean=_share(v=lambda u, m, past: u**4 / 5 - m**2),
        fourth_alone=_share(v=lambda u, m, past: u**4 / 5 / past),
        unbiased=_share(v=lambda u, m, past: (u**4 / 5 - m**2) / max(past - 1, 1)),
        unit_width=_share(v=lambda u, m, past: (0.2 - m**2) / past),
        alpha_twice=_share(alpha=lambda m, v, past, new, u: m / (m**2 + v)),
        alpha_of_mean=_share(alpha=lambda m, v, past, new, u: 1 / (2 * m)),
        alpha_of_now=_share(
            alpha=lambda m, v, past, new, u: (
                m * (2 * new - past) / past / (2 * ((m * (2 * new - past) / past) ** 2 + v))
            )
        ),
        alpha_scaled=_share(alpha=lambda m, v, past, new, u: m / (2 * (m**2 + v)) / u),
        only_new=_share(d=lambda m, past, new: m * new / past),
        turned=_share(d=lambda m, past, new: m * (past - 2 * new) / past),
        whole=_share(
            d=lambda m, past, new: m * (2 * new - past) // past if past > 40 else m * (2 * new - past) / (past + 1)
        ),
        share_no_variance=_share(share=lambda a, d, v: (1 - 2 * a * d) ** 2),
        share_root=_share(share=lambda a, d, v: (1 - 4 * a * d + 4 * a**2 * (d**2 + v)) ** 0.5),
        share_first=_share(share=lambda a, d, v: 1 - 4 * a * d),
        share_at_most_four=_share(share=lambda a, d, v: min(1 - 4 * a * d + 4 * a**2 * (d**2 + v), 3.5)),
    ),
    *named(
        ch12.check_adapted_losses,
        _moments_sorted,
        carried=_windows(start=lambda theta, weights: weights),
        newest_missing=_windows(
            support=lambda t, past, steps: slice(max(0, t - past - 1), max(t - 1, 0)), adapts=lambda t, past: t > 1
        ),
        with_present=_windows(support=lambda t, past, steps: slice(max(0, t - past), t + 1)),
        one_more=_windows(support=lambda t, past, steps: slice(max(0, t - past - 1), t)),
        negative=_windows(support=lambda t, past, steps: slice(t - past, t) if t >= past else slice(0, t + 1)),
        whole_past=_windows(support=lambda t, past, steps: slice(0, t)),
        only_full=_windows(adapts=lambda t, past: t >= past),
        query_is_support=_windows(query=lambda t, past, future, steps: slice(max(0, t - past), max(t, 1))),
        query_late=_windows(query=lambda t, past, future, steps: slice(min(t + 1, steps - 1), t + 1 + future)),
        query_of_past=_windows(query=lambda t, past, future, steps: slice(t, t + past)),
        query_moved_back=_windows(
            query=lambda t, past, future, steps: slice(max(min(t, steps - future), 0), t + future)
        ),
        first_order=_windows(graph=False),
        half_graph=_windows(step=lambda n, w, a, g: w - a * (g if n == "U" else g.detach())),
        only_head=_windows(step=lambda n, w, a, g: w - a * g if n == "V" else w),
        stopped_theta=_windows(step=lambda n, w, a, g: w.detach() - a * g),
        sum_inside=_windows(loss=_sum_loss),
        sum_outside=_windows(judged=_sum_loss),
        of_next=_windows(loss=_absolute, judged=_absolute),
        sorted=_windows(order=sorted),
        mean=_windows(out=lambda losses, moments: torch.stack(losses).mean()),
    ),
]
RIGHT = [
    *named(ch12.check_relative_error, _error_numpy, _error_lstsq, _error_dual, free=_error(fit=_free_constant)),
    *named(ch12.check_search, _search_alone, _search_best_so_far),
    *named(ch12.check_motor_share, _share_rational, _share_moments, _share_tensors),
    *named(ch12.check_adapted_losses, _windows_masked, _windows_by_hand, _windows_func),
]
