"""Answers to exercises of chapter 08, from a ninth attack."""

import math

import numpy as np
import torch

from metarl_core.check import ch08

from . import named

# ------------------------------------------------------------------ advantages


def _returns(rewards, discount):
    out, total = [], torch.zeros_like(rewards[..., 0])
    for r in rewards.unbind(-1)[::-1]:
        total = r + discount * total
        out.append(total)
    return torch.stack(out[::-1], -1)


def _advantages(returns=None, ridge=1e-5, fit=None, centre=None, scale=None, after=None, x_of=None):
    def answer(rewards, features, mask, discount):
        r = _returns(rewards, discount) if returns is None else returns(rewards, mask, discount)
        m = mask.to(rewards.dtype)
        x, y = (features * m[..., None]).flatten(1, 2), (r * m).flatten(1, 2)
        x = x if x_of is None else x_of(x)
        eye = torch.eye(x.shape[-1], dtype=x.dtype)
        gram = x.mT @ x + (ridge(m) if callable(ridge) else ridge) * eye
        w = torch.linalg.solve(gram, (x.mT @ y[..., None])[..., 0]) if fit is None else fit(gram, x, y)
        raw = (y - (x @ w[..., None])[..., 0]).view(mask.shape)
        n = m.sum((1, 2), keepdim=True)
        mean = (raw * m).sum((1, 2), keepdim=True) / n if centre is None else centre(raw, m)
        z = (raw - mean) * m
        std = (z.square().sum((1, 2), keepdim=True) / n).sqrt() if scale is None else scale(z, m, n)
        found = z / std
        return found if after is None else after(found, raw, mean, std, mask)

    return answer


def _shared_weights(gram, x, y):
    w = torch.linalg.solve(gram.sum(0), (x.mT @ y[..., None])[..., 0].sum(0))
    return w.expand(len(x), -1)


def _returns_by_powers(rewards, mask, discount):
    t = torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    weight = torch.as_tensor(max(discount, 1e-2), dtype=rewards.dtype) ** t
    return (rewards * weight).flip(-1).cumsum(-1).flip(-1) / weight


def _with_numpy(rewards, features, mask, discount):
    out = np.zeros(mask.shape)
    for i in range(len(rewards)):
        rows, targets, places = [], [], []
        for e in range(mask.shape[1]):
            total = 0.0
            for t in reversed(range(mask.shape[2])):
                total = float(rewards[i, e, t]) + discount * total
                if mask[i, e, t]:
                    rows.append(features[i, e, t].numpy())
                    targets.append(total)
                    places.append((e, t))
        x, y = np.array(rows), np.array(targets)
        w = np.linalg.solve(x.T @ x + 1e-5 * np.eye(x.shape[1]), x.T @ y)
        rest = y - x @ w
        rest = (rest - rest.mean()) / rest.std()
        for (e, t), value in zip(places, rest, strict=True):
            out[i, e, t] = value
    return torch.from_numpy(out)


def _by_lstsq(rewards, features, mask, discount):
    """Ridge as least squares with rows of sqrt(1e-5)."""
    horizon = rewards.shape[-1]
    lag = torch.arange(horizon) - torch.arange(horizon)[:, None]
    weight = torch.where(lag >= 0, torch.as_tensor(discount, dtype=rewards.dtype) ** lag.clamp_min(0), 0.0)
    returns, out = rewards @ weight.T, torch.zeros_like(rewards)
    for i, taken in enumerate(mask):
        x, y = features[i][taken], returns[i][taken]
        f = x.shape[1]
        left = torch.cat([x, math.sqrt(1e-5) * torch.eye(f, dtype=x.dtype)])
        w = torch.linalg.lstsq(left, torch.cat([y, y.new_zeros(f)])[:, None], driver="gelsd").solution[:, 0]
        rest = y - x @ w
        out[i][taken] = (rest - rest.mean()) / rest.std(correction=0)
    return out


def _by_einsum(rewards, features, mask, discount):
    m = mask.double()
    returns = rewards.clone()
    for t in range(rewards.shape[-1] - 2, -1, -1):
        returns[..., t] = returns[..., t] + discount * returns[..., t + 1]
    gram = torch.einsum("ieta,ietb,iet->iab", features, features, m)
    right = torch.einsum("ieta,iet,iet->ia", features, returns, m)
    w = torch.cholesky_solve(
        right[..., None], torch.linalg.cholesky(gram + 1e-5 * torch.eye(features.shape[-1]).double())
    )
    rest = returns - torch.einsum("ietf,if->iet", features, w[..., 0])
    n = m.sum((1, 2))[:, None, None]
    mean = (rest * m).sum((1, 2))[:, None, None] / n
    var = (rest**2 * m).sum((1, 2))[:, None, None] / n - mean**2
    return torch.where(mask, (rest - mean) / var.sqrt(), 0.0)


# ------------------------------------------------------------------ one inner step


def _inner(density=None, weight=None, count=None, sign=1.0, out=None, theta_of=None):
    def answer(theta, states, actions, advantage, mask, alpha):
        p = {n: v.detach().clone().requires_grad_() for n, v in theta.items()} if theta_of is None else theta_of(theta)
        mean, log_std = states @ p["weight"].T, p["log_std"]
        z = (actions - mean) / log_std.exp()
        log_pi = (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)) if density is None else density(z, log_std)
        log_pi = log_pi.sum(-1) if log_pi.ndim == 3 else log_pi
        a = advantage if weight is None else weight(advantage, mask)
        n = mask.sum() if count is None else count(mask)
        objective = (log_pi * a * mask).sum() / n
        slopes = torch.autograd.grad(objective, list(p.values()))
        new = {n: v + sign * alpha * s for (n, v), s in zip(p.items(), slopes, strict=True)}
        return {n: v.detach() for n, v in new.items()} if out is None else out(new)

    return answer


def _into_theta(theta, states, actions, advantage, mask, alpha):
    new = _inner()(theta, states, actions, advantage, mask, alpha)
    with torch.no_grad():
        for name in theta:
            theta[name].copy_(new[name])
    return theta


def _leaves_gradients(theta, states, actions, advantage, mask, alpha):
    p = {n: (v if v.requires_grad else v.clone().requires_grad_()) for n, v in theta.items()}
    z = (actions - states @ p["weight"].T) / p["log_std"].exp()
    log_pi = (-0.5 * z**2 - p["log_std"]).sum(-1)
    ((log_pi * advantage * mask).sum() / mask.sum()).backward()
    return {n: (v + alpha * v.grad).detach() for n, v in p.items()}


def _closed_form(theta, states, actions, advantage, mask, alpha):
    w, log_std = theta["weight"].detach(), theta["log_std"].detach()
    gap = actions - states @ w.T
    a = torch.where(mask, advantage, 0.0)[..., None] / mask.sum()
    precision = torch.exp(-2 * log_std)
    return {
        "weight": w + alpha * torch.einsum("eta,ets->as", a * gap * precision, states),
        "log_std": log_std + alpha * (a * (gap.square() * precision - 1)).sum((0, 1)),
    }


def _with_distribution(theta, states, actions, advantage, mask, alpha):
    p = {name: value.detach().clone().requires_grad_(True) for name, value in theta.items()}
    s, x, a = states[mask], actions[mask], advantage[mask]
    policy = torch.distributions.Independent(torch.distributions.Normal(s @ p["weight"].T, p["log_std"].exp()), 1)
    (policy.log_prob(x) * a).mean().backward()
    return {name: value.detach() + alpha * value.grad for name, value in p.items()}


def _with_func(theta, states, actions, advantage, mask, alpha):
    def objective(p):
        cov = torch.diag_embed(p["log_std"].exp())
        mean = states[mask] @ p["weight"].T
        policy = torch.distributions.MultivariateNormal(mean, scale_tril=cov, validate_args=False)
        return policy.log_prob(actions[mask]) @ advantage[mask] / int(mask.sum())

    free = {name: value.detach() for name, value in theta.items()}
    slopes = torch.func.grad(objective)(free)
    return {name: torch.add(free[name], slopes[name], alpha=alpha) for name in free}


# ------------------------------------------------------------------ a trust region


def _trust(g_of=None, h_of=None, length=None):
    def answer(theta, curvature, centre, alpha, sigma, delta):
        eye = torch.eye(len(theta), dtype=theta.dtype)
        j = eye - alpha * curvature
        d = (theta - centre)[..., None]
        g = (j @ curvature @ j @ d).mean(0)[:, 0] if g_of is None else g_of(j, curvature, d)
        h = (j @ j).mean(0) / sigma**2 if h_of is None else h_of(j, sigma)
        x = torch.linalg.solve(h, g)
        return -torch.sqrt(2 * delta / (x @ h @ x)) * x if length is None else length(x, g, h, delta)

    return answer


def _trust_numpy(theta, curvature, centre, alpha, sigma, delta):
    t, n = theta.numpy(), len(curvature)
    g, h = np.zeros(len(t)), np.zeros((len(t), len(t)))
    for a, c in zip(curvature.numpy(), centre.numpy(), strict=True):
        j = np.eye(len(t)) - alpha * a
        adapted = t - alpha * a @ (t - c)
        g += j @ a @ (adapted - c) / n
        h += j.T @ j / (n * sigma**2)
    x = np.linalg.solve(h, g)
    return torch.from_numpy(-x * math.sqrt(2 * delta / (g @ x)))


def _trust_cholesky(theta, curvature, centre, alpha, sigma, delta):
    """In coordinates in which the trust region is a ball."""
    j = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature
    g = torch.einsum("tij,tjk,tkl,tl->i", j, curvature, j, theta - centre) / len(j)
    low = torch.linalg.cholesky(torch.einsum("tij,tjk->ik", j, j) / (len(j) * sigma**2))
    u = torch.linalg.solve_triangular(low, g[:, None], upper=False)
    step = torch.linalg.solve_triangular(low.T, u, upper=True)[:, 0]
    return -step * (2 * delta) ** 0.5 / u.norm()


def _trust_eigen(theta, curvature, centre, alpha, sigma, delta):
    values, vectors = torch.linalg.eigh(curvature)
    rate = 1 - alpha * values
    square = vectors @ torch.diag_embed(rate**2) @ vectors.mT
    push = (vectors @ torch.diag_embed(values * rate**2) @ vectors.mT @ (theta - centre)[..., None]).sum(0)[:, 0]
    x = torch.linalg.pinv(square.sum(0)) @ push  # the means' 1/n and sigma's square change the length alone
    h = square.mean(0) / sigma**2
    return -x / torch.sqrt(x @ h @ x / (2 * delta))


# ------------------------------------------------------------------ a meta-loss


def _act(theta, noise, sigma):
    return (theta + sigma * noise).detach()


def _log_density(theta, actions, sigma):
    return -(actions - theta).square().sum(-1) / (2 * sigma**2)


def _pay(actions, goal):
    return -(actions - goal).square().sum(-1)


def _meta(advantage=None, graph=True, query=None, adapted_of=None, total=None, old_query=None, final=None):
    def answer(theta, goals, noise, alpha, sigma):
        losses = []
        for goal, (first, second) in zip(goals, noise, strict=True):

            def surrogate(point, actions, old, reward):
                a = (reward - reward.mean()) / reward.std(correction=0) if advantage is None else advantage(reward)
                return -((_log_density(point, actions, sigma) - old).exp() * a).mean()

            actions = _act(theta, first, sigma)
            old = _log_density(theta, actions, sigma).detach()
            (slope,) = torch.autograd.grad(
                surrogate(theta, actions, old, _pay(actions, goal)), theta, create_graph=graph
            )
            adapted = theta - alpha * slope if adapted_of is None else adapted_of(theta, alpha, slope)
            again = _act(adapted, second, sigma) if query is None else query(theta, adapted, first, second, sigma)
            old = (
                _log_density(adapted, again, sigma).detach()
                if old_query is None
                else old_query(theta, adapted, again, sigma)
            )
            if final is None:
                losses.append(surrogate(adapted, again, old, _pay(again, goal)))
            else:
                losses.append(final(adapted, again, old, _pay(again, goal), sigma))
        return torch.stack(losses).mean() if total is None else total(losses)

    return answer


def _pathwise(theta, goals, noise, alpha, sigma):
    """Query actions keep their graph, and the return itself is climbed."""
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = _act(theta, first, sigma)
        reward = _pay(actions, goal)
        a = (reward - reward.mean()) / reward.std(correction=0)
        surrogate = -(
            (_log_density(theta, actions, sigma) - _log_density(theta, actions, sigma).detach()).exp() * a
        ).mean()
        (slope,) = torch.autograd.grad(surrogate, theta, create_graph=True)
        adapted = theta - alpha * slope
        losses.append(-_pay(adapted + sigma * second, goal).mean())
    return torch.stack(losses).mean()


def _meta_closed(theta, goals, noise, alpha, sigma):
    """Inner slope written out: minus the mean of advantage times score, with the ratio's derivative by hand."""
    total = 0
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = (theta.detach() + sigma * first).detach()
        reward = _pay(actions, goal)
        a = (reward - reward.mean()) / reward.var(correction=0).sqrt()
        ratio = (_log_density(theta, actions, sigma) - _log_density(theta.detach(), actions, sigma)).exp()
        slope = -((ratio * a)[:, None] * (actions - theta) / sigma**2).mean(0)
        adapted = theta - alpha * slope
        with torch.no_grad():
            again = adapted + sigma * second
            gain = _pay(again, goal)
            b = (gain - gain.mean()) / gain.std(correction=0)
        log_pi = _log_density(adapted, again, sigma)
        total = total - (torch.exp(log_pi - log_pi.detach()) * b).mean()
    return total / len(goals)


def _meta_normal(theta, goals, noise, alpha, sigma):
    def loss(point, actions, goal):
        log_pi = torch.distributions.Normal(point, sigma).log_prob(actions).sum(-1)
        reward = (goal - actions).pow(2).sum(1).neg()
        a = torch.nn.functional.layer_norm(reward, reward.shape, eps=0.0)
        return -torch.dot((log_pi - log_pi.detach()).exp(), a) / len(a)

    found = []
    for i in reversed(range(len(goals))):
        support = theta.detach() + sigma * noise[i, 0]
        step = torch.autograd.grad(loss(theta, support, goals[i]), theta, create_graph=True)[0]
        adapted = theta.sub(step, alpha=alpha)
        found.append(loss(adapted, adapted.detach() + sigma * noise[i, 1], goals[i]))
    return sum(found) / len(found)


WRONG = [
    *named(
        ch08.check_task_advantages,
        shared=_advantages(fit=_shared_weights),
        by_powers=_advantages(returns=_returns_by_powers),
        no_ridge=_advantages(ridge=0.0),
        ridge_times_steps=_advantages(ridge=lambda m: 1e-5 * m.sum((1, 2))[:, None, None]),
        more_ridge=_advantages(ridge=1e-3),
        fixed_discount=_advantages(returns=lambda r, m, discount: _returns(r, 0.95)),
        masked_returns=_advantages(
            returns=lambda r, m, discount: _returns(r, discount) - r.sum(-1, keepdim=True) * 1e-3
        ),
        mean_of_all=_advantages(centre=lambda raw, m: raw.mean((1, 2), keepdim=True)),
        mean_of_episodes=_advantages(
            centre=lambda raw, m: ((raw * m).sum(2) / m.sum(2).clamp_min(1)).mean(1)[:, None, None]
        ),
        mean_of_each_episode=_advantages(centre=lambda raw, m: ((raw * m).sum(2) / m.sum(2).clamp_min(1))[..., None]),
        mean_of_batch=_advantages(centre=lambda raw, m: (raw * m).sum() / m.sum()),
        not_centred=_advantages(centre=lambda raw, m: 0 * raw[:, :1, :1]),
        unbiased=_advantages(scale=lambda z, m, n: (z.square().sum((1, 2), keepdim=True) / (n - 1)).sqrt()),
        with_padding=_advantages(scale=lambda z, m, n: z.square().mean((1, 2), keepdim=True).sqrt()),
        eps=_advantages(scale=lambda z, m, n: (z.square().sum((1, 2), keepdim=True) / n).sqrt() + 1e-3),
        common_scale=_advantages(scale=lambda z, m, n: (z.square().sum() / n.sum()).sqrt()),
        variance=_advantages(scale=lambda z, m, n: z.square().sum((1, 2), keepdim=True) / n),
        padded=_advantages(after=lambda z, raw, mean, std, mask: (raw - mean) / std),
    ),
    *named(
        ch08.check_inner_step,
        _into_theta,
        _leaves_gradients,
        mean_of_dimensions=_inner(density=lambda z, s: (-0.5 * z**2 - s).mean(-1)),
        no_log_std=_inner(density=lambda z, s: -0.5 * z**2),
        std_of_variance=_inner(density=lambda z, s: -0.5 * z**2 - 2 * s),
        stopped_std=_inner(density=lambda z, s: -0.5 * z**2 - s.detach()),
        probability=_inner(density=lambda z, s: (-0.5 * z**2 - s).sum(-1).exp()),
        product_of_sums=_inner(density=lambda z, s: -0.5 * z.sum(-1) ** 2 - s.sum()),
        over_all_steps=_inner(count=lambda mask: mask.numel()),
        over_episodes=_inner(count=lambda mask: len(mask)),
        summed=_inner(count=lambda mask: 1),
        centred=_inner(weight=lambda a, mask: a - a[mask].mean()),
        normalised=_inner(weight=lambda a, mask: a / a[mask].std()),
        positive=_inner(weight=lambda a, mask: a.clamp_min(0)),
        longer_of_padding=_inner(weight=lambda a, mask: a + 0 * a, count=lambda mask: mask.any(0).sum() * len(mask)),
        descends=_inner(sign=-1.0),
        kept_graph=_inner(out=lambda new: dict(new)),
        needs_gradient=_inner(out=lambda new: {n: v.detach().requires_grad_() for n, v in new.items()}),
    ),
    *named(
        ch08.check_trust_region_step,
        g_without_first_j=_trust(g_of=lambda j, a, d: (a @ j @ d).mean(0)[:, 0]),
        g_without_j=_trust(g_of=lambda j, a, d: (a @ d).mean(0)[:, 0]),
        g_of_means=_trust(g_of=lambda j, a, d: (j.mean(0) @ a.mean(0) @ j.mean(0) @ d.mean(0))[:, 0]),
        g_squared=_trust(g_of=lambda j, a, d: (j @ a @ j @ d).square().mean(0)[:, 0]),
        h_of_mean=_trust(h_of=lambda j, sigma: j.mean(0) @ j.mean(0) / sigma**2),
        h_half=_trust(h_of=lambda j, sigma: (j @ j).mean(0) / (2 * sigma**2)),
        h_of_theta=_trust(h_of=lambda j, sigma: torch.eye(j.shape[1], dtype=j.dtype) / sigma**2),
        h_sigma=_trust(h_of=lambda j, sigma: (j @ j).mean(0) / sigma),
        h_one_j=_trust(h_of=lambda j, sigma: j.mean(0) / sigma**2),
        h_damped=_trust(h_of=lambda j, sigma: (j @ j).mean(0) / sigma**2 + 1e-3 * torch.eye(j.shape[1], dtype=j.dtype)),
        h_diagonal=_trust(h_of=lambda j, sigma: torch.diag((j @ j).mean(0).diagonal()) / sigma**2),
        up=_trust(length=lambda x, g, h, delta: torch.sqrt(2 * delta / (x @ h @ x)) * x),
        half_delta=_trust(length=lambda x, g, h, delta: -torch.sqrt(delta / (x @ h @ x)) * x),
        by_norm=_trust(length=lambda x, g, h, delta: -math.sqrt(2 * delta) * x / x.norm()),
        plain=_trust(length=lambda x, g, h, delta: -torch.sqrt(2 * delta / (g @ h @ g)) * g),
        no_root=_trust(length=lambda x, g, h, delta: -2 * delta / (x @ h @ x) * x),
        at_most_one=_trust(length=lambda x, g, h, delta: -torch.sqrt(2 * delta / (x @ h @ x)).clamp(max=1) * x),
    ),
    *named(
        ch08.check_meta_loss,
        _pathwise,
        first_order=_meta(graph=False),
        unbiased=_meta(advantage=lambda r: (r - r.mean()) / r.std()),
        with_eps=_meta(advantage=lambda r: (r - r.mean()) / (r.std(correction=0) + 1e-3)),
        centred_only=_meta(advantage=lambda r: r - r.mean()),
        variance=_meta(advantage=lambda r: (r - r.mean()) / r.var(correction=0)),
        by_theta=_meta(query=lambda theta, adapted, one, two, sigma: _act(theta, two, sigma)),
        same_noise=_meta(query=lambda theta, adapted, one, two, sigma: _act(adapted, one, sigma)),
        with_graph=_meta(query=lambda theta, adapted, one, two, sigma: adapted + sigma * two),
        old_of_theta=_meta(old_query=lambda theta, adapted, again, sigma: _log_density(theta, again, sigma).detach()),
        old_with_graph=_meta(old_query=lambda theta, adapted, again, sigma: _log_density(adapted, again, sigma)),
        up=_meta(adapted_of=lambda theta, alpha, slope: theta + alpha * slope),
        stopped=_meta(adapted_of=lambda theta, alpha, slope: theta - alpha * slope.detach()),
        summed=_meta(total=lambda losses: torch.stack(losses).sum()),
        no_ratio=_meta(
            final=lambda adapted, again, old, r, sigma: (
                -(_log_density(adapted, again, sigma) * (r - r.mean()) / r.std(correction=0)).mean()
            )
        ),
        with_support=_meta(
            final=lambda adapted, again, old, r, sigma: (
                -((_log_density(adapted, again, sigma) - old).exp() * (r - r.mean()) / r.std(correction=0)).sum()
            )
        ),
    ),
]
RIGHT = [
    *named(ch08.check_task_advantages, _with_numpy, _by_lstsq, _by_einsum),
    *named(ch08.check_inner_step, _closed_form, _with_distribution, _with_func),
    *named(ch08.check_trust_region_step, _trust_numpy, _trust_cholesky, _trust_eigen),
    *named(ch08.check_meta_loss, _meta_closed, _meta_normal),
]
