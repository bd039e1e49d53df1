"""More answers to chapter 08's exercises, by eyes that had not seen its checks."""

import functools
import math

import numpy as np
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from metarl_core.check import ch08

# ------------------------------------------------------------------ advantages, wrong


def _returns(rewards, discount):
    result = rewards.clone()
    for t in reversed(range(rewards.shape[-1] - 1)):
        result[..., t] += discount * result[..., t + 1]
    return result


def _fit(rows, targets, ridge=1e-5):
    eye = torch.eye(rows.shape[-1], dtype=rows.dtype)
    return torch.linalg.solve(rows.mT @ rows + ridge * eye, rows.mT @ targets[..., None])[..., 0]


def _advantages(rewards, features, mask, discount, fit=_fit, returns=_returns, correction=0, eps=0.0):
    result = torch.zeros_like(rewards)
    for task, taken in enumerate(mask):
        targets, rows = returns(rewards[task : task + 1], discount)[0][taken], features[task][taken]
        rest = targets - rows @ fit(rows, targets)
        result[task][taken] = (rest - rest.mean()) / (rest.std(correction=correction) + eps)
    return result


def _powers_divided_out(rewards, features, mask, discount):
    """R_t = (sum of gamma^k r_k from t on) / gamma^t: 0 / 0 where gamma is 0."""

    def returns(rewards, discount):
        powers = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(rewards.shape[-1])
        return (rewards * powers).flip(-1).cumsum(-1).flip(-1) / powers

    return _advantages(rewards, features, mask, discount, returns=returns)


def _whole_return(rewards, features, mask, discount):
    returns = lambda r, g: _returns(r, g)[..., :1].expand_as(r)  # noqa: E731
    return _advantages(rewards, features, mask, discount, returns=returns)


def _discount_of_the_course(rewards, features, mask, discount):
    return _advantages(rewards, features, mask, 0.99)


def _no_discount(rewards, features, mask, discount):
    return _advantages(rewards, features, mask, 1.0)


def _plain_least_squares(rewards, features, mask, discount):
    return _advantages(rewards, features, mask, discount, fit=lambda x, y: torch.linalg.pinv(x) @ y)


def _ridge_of_the_mean(rewards, features, mask, discount):
    return _advantages(rewards, features, mask, discount, fit=lambda x, y: _fit(x, y, 1e-5 * len(x)))


def _constant_not_penalised(rewards, features, mask, discount):
    def fit(x, y):
        penalty = 1e-5 * torch.eye(x.shape[1], dtype=x.dtype)
        penalty[-1, -1] = 0
        return torch.linalg.solve(x.T @ x + penalty, x.T @ y)

    return _advantages(rewards, features, mask, discount, fit=fit)


def _ridge_everywhere(rewards, features, mask, discount):
    return _advantages(
        rewards, features, mask, discount, fit=lambda x, y: torch.linalg.solve(x.T @ x + 1e-5 + 1e-12, x.T @ y)
    )


def _bessel(rewards, features, mask, discount):
    return _advantages(rewards, features, mask, discount, correction=1)


def _with_a_small_number(rewards, features, mask, discount):
    return _advantages(rewards, features, mask, discount, eps=1e-5)


def _one_baseline_for_all_tasks(rewards, features, mask, discount):
    w = _fit(features[mask], _returns(rewards, discount)[mask])
    return _advantages(rewards, features, mask, discount, fit=lambda x, y: w)


def _one_scale_for_all_tasks(rewards, features, mask, discount):
    rest = torch.zeros_like(rewards)
    for task, taken in enumerate(mask):
        targets, rows = _returns(rewards, discount)[task][taken], features[task][taken]
        rest[task][taken] = targets - rows @ _fit(rows, targets)
        rest[task][taken] -= rest[task][taken].mean()
    return rest / rest[mask].std(correction=0)


def _each_episode_normalised(rewards, features, mask, discount):
    first = _advantages(rewards, features, mask, discount) * mask
    count = mask.sum(-1, keepdim=True).clamp(min=1)
    centred = (first - first.sum(-1, keepdim=True) / count) * mask
    scale = (centred.square().sum(-1, keepdim=True) / count).sqrt()
    return torch.where(scale > 0, centred / scale, 0.0)


def _steps_with_a_reward(rewards, features, mask, discount):
    return _advantages(rewards, features, mask & (rewards != 0), discount)


def _fitted_on_the_first_episode(rewards, features, mask, discount):
    result = torch.zeros_like(rewards)
    returns = _returns(rewards, discount)
    for task, taken in enumerate(mask):
        rest = returns[task] - features[task] @ _fit(features[task, 0][taken[0]], returns[task, 0][taken[0]])
        rest = rest - rest[taken].mean()
        result[task] = rest / rest[taken].std(correction=0) * taken
    return result


def _temporal_differences(rewards, features, mask, discount):
    result = torch.zeros_like(rewards)
    returns = _returns(rewards, discount)
    for task, taken in enumerate(mask):
        value = features[task] @ _fit(features[task][taken], returns[task][taken]) * taken
        after = torch.cat([value[:, 1:], torch.zeros_like(value[:, :1])], 1)
        rest = rewards[task] + discount * after - value
        result[task][taken] = (rest[taken] - rest[taken].mean()) / rest[taken].std(correction=0)
    return result


def _padding_left_as_it_falls(rewards, features, mask, discount):
    result = torch.zeros_like(rewards)
    returns = _returns(rewards, discount)
    for task, taken in enumerate(mask):
        rest = returns[task] - features[task] @ _fit(features[task][taken], returns[task][taken])
        result[task] = (rest - rest[taken].mean()) / rest[taken].std(correction=0)
    return result


def _returns_in_place(rewards, features, mask, discount):
    for t in reversed(range(rewards.shape[-1] - 1)):
        rewards[..., t] += discount * rewards[..., t + 1]
    return _advantages(rewards, features, mask, discount, returns=lambda r, g: r)


def _single_precision(rewards, features, mask, discount):
    return _advantages(rewards.float(), features.float(), mask, discount).double()


def _mean_not_subtracted(rewards, features, mask, discount):
    """A regression with a constant leaves a mean of zero, but for the ridge."""
    result = torch.zeros_like(rewards)
    for task, taken in enumerate(mask):
        targets, rows = _returns(rewards, discount)[task][taken], features[task][taken]
        rest = targets - rows @ _fit(rows, targets)
        result[task][taken] = rest / rest.std(correction=0)
    return result


def _root_mean_square(rewards, features, mask, discount):
    result = torch.zeros_like(rewards)
    for task, taken in enumerate(mask):
        targets, rows = _returns(rewards, discount)[task][taken], features[task][taken]
        rest = targets - rows @ _fit(rows, targets)
        result[task][taken] = (rest - rest.mean()) / rest.square().mean().sqrt()
    return result


# ------------------------------------------------------------------ advantages, right


def _by_definition(rewards, features, mask, discount):
    horizon = rewards.shape[-1]
    powers = torch.tensor(
        [[discount ** (k - t) if k >= t else 0.0 for k in range(horizon)] for t in range(horizon)], dtype=torch.float64
    )
    returns = torch.einsum("tk,nek->net", powers, rewards)
    x, y = features * mask.unsqueeze(-1), returns.masked_fill(~mask, 0)
    gram = torch.einsum("netf,netg->nfg", x, x) + torch.diag(torch.full((x.shape[-1],), 1e-5, dtype=torch.float64))
    w = torch.cholesky_solve(torch.einsum("netf,net->nf", x, y)[..., None], torch.linalg.cholesky(gram))[..., 0]
    rest = y - torch.einsum("netf,nf->net", x, w)
    n = mask.sum((1, 2), keepdim=True)
    m = rest.sum((1, 2), keepdim=True) / n
    s = (((rest - m) ** 2 * mask).sum((1, 2), keepdim=True) / n) ** 0.5
    return torch.where(mask, (rest - m) / s, torch.zeros(()).double())


def _numpy_advantages(rewards, features, mask, discount):
    r, phi, taken = (x.numpy().copy() for x in (rewards, features, mask))
    for t in range(r.shape[-1] - 1, 0, -1):
        r[..., t - 1] += discount * r[..., t]
    out = np.zeros_like(r)
    for i, at in enumerate(taken):
        x, y = phi[i][at], r[i][at]
        rest = y - x @ np.linalg.solve(x.T @ x + 1e-5 * np.eye(x.shape[1]), x.T @ y)
        out[i][at] = (rest - rest.mean()) / rest.std()
    return torch.from_numpy(out)


def _augmented_rows(rewards, features, mask, discount):
    """Ridge regression as least squares with √1e-5 I below the rows."""

    def fit(x, y):
        d = x.shape[1]
        rows = torch.cat([x, 1e-5**0.5 * torch.eye(d, dtype=x.dtype)])
        return torch.linalg.lstsq(rows, torch.cat([y, y.new_zeros(d)])[:, None]).solution[:, 0]

    return _advantages(rewards, features, mask, discount, fit=fit)


# ------------------------------------------------------------------ inner step, wrong


def _objective(theta, states, actions, advantage, mask, log_std=None, dims=lambda x: x.sum(-1), mean=None):
    log_std = theta["log_std"] if log_std is None else log_std
    log_probability = dims(Normal(states @ theta["weight"].T, log_std.exp()).log_prob(actions))
    terms = torch.where(mask, log_probability * advantage, 0.0)
    return terms.sum() / mask.sum() if mean is None else mean(terms)


def _ascent(theta, alpha, objective):
    leaves = {name: value.detach().clone().requires_grad_() for name, value in theta.items()}
    slopes = torch.autograd.grad(objective(leaves), list(leaves.values()), allow_unused=True)
    return {
        name: (value if slope is None else value + alpha * slope).detach()
        for (name, value), slope in zip(leaves.items(), slopes, strict=True)
    }


def _over_dimensions_a_mean(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, dims=lambda x: x.mean(-1)))


def _episodes_first(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    mean = lambda terms: (terms.sum(1) / mask.sum(1).clamp(min=1)).mean()  # noqa: E731
    return _ascent(theta, alpha, lambda p: _objective(p, *data, mean=mean))


def _by_the_number_of_episodes(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, mean=lambda terms: terms.sum() / len(terms)))


def _by_all_places(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, mean=lambda terms: terms.mean()))


def _clamped_log_std(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, log_std=p["log_std"].clamp(-1, 1)))


def _clamped_as_in_actor_critics(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, log_std=p["log_std"].clamp(-20, 2)))


def _log_std_taken_for_log_variance(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, log_std=p["log_std"] / 2))


def _softplus(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(
        theta, alpha, lambda p: _objective(p, *data, log_std=torch.nn.functional.softplus(p["log_std"]).log())
    )


def _noise_kept(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data, log_std=p["log_std"].detach()))


def _descent(theta, states, actions, advantage, mask, alpha):
    return _ascent(theta, -alpha, lambda p: _objective(p, states, actions, advantage, mask))


def _advantages_again_normalised(theta, states, actions, advantage, mask, alpha):
    a = advantage[mask]
    scaled = torch.where(mask, (advantage - a.mean()) / (a.std(correction=0) + 1e-8), 0.0)
    return _ascent(theta, alpha, lambda p: _objective(p, states, actions, scaled, mask))


def _clipped_gradient(theta, states, actions, advantage, mask, alpha):
    after = _ascent(theta, 1.0, lambda p: _objective(p, states, actions, advantage, mask))
    slopes = {name: after[name] - theta[name].detach() for name in theta}
    norm = torch.cat([s.flatten() for s in slopes.values()]).norm()
    return {name: (theta[name] + alpha * slopes[name] / norm.clamp(min=1.0)).detach() for name in theta}


def _two_half_steps(theta, states, actions, advantage, mask, alpha):
    half = lambda p: _ascent(p, alpha / 2, lambda q: _objective(q, states, actions, advantage, mask))  # noqa: E731
    return half(half(theta))


def _with_an_entropy_bonus(theta, states, actions, advantage, mask, alpha):
    data = states, actions, advantage, mask
    return _ascent(theta, alpha, lambda p: _objective(p, *data) + 0.01 * p["log_std"].sum())


def _theta_moved(theta, states, actions, advantage, mask, alpha):
    after = _ascent(theta, alpha, lambda p: _objective(p, states, actions, advantage, mask))
    for name in theta:
        theta[name].data.copy_(after[name])
    return theta


def _theta_asked_for_gradients(theta, states, actions, advantage, mask, alpha):
    values = [value.requires_grad_() for value in theta.values()]
    slopes = torch.autograd.grad(_objective(theta, states, actions, advantage, mask), values)
    return {name: (v + alpha * s).detach() for name, v, s in zip(theta, values, slopes, strict=True)}


def _new_theta_asks_for_gradients(theta, states, actions, advantage, mask, alpha):
    after = _ascent(theta, alpha, lambda p: _objective(p, states, actions, advantage, mask))
    return {name: value.requires_grad_() for name, value in after.items()}


def _score_without_the_one(theta, states, actions, advantage, mask, alpha):
    z = (actions - states @ theta["weight"].T) / theta["log_std"].exp()
    a = torch.where(mask, advantage, 0.0)[..., None] / mask.sum()
    return {
        "weight": theta["weight"] + alpha * torch.einsum("etj,ets->js", a * z / theta["log_std"].exp(), states),
        "log_std": theta["log_std"] + alpha * (a * z**2).sum((0, 1)),
    }


def _last_step_dropped(theta, states, actions, advantage, mask, alpha):
    shorter = mask.clone()
    shorter[:, -1] = False
    shorter = shorter if shorter.any() else mask
    return _ascent(theta, alpha, lambda p: _objective(p, states, actions, advantage, shorter))


def _only_the_weight(theta, states, actions, advantage, mask, alpha):
    return {"weight": _ascent(theta, alpha, lambda p: _objective(p, states, actions, advantage, mask))["weight"]}


# ------------------------------------------------------------------ inner step, right


def _closed_form(theta, states, actions, advantage, mask, alpha):
    theta = {name: value.detach() for name, value in theta.items()}
    s, x, a = states[mask], actions[mask], advantage[mask]
    std = theta["log_std"].exp()
    z = (x - s @ theta["weight"].T) / std
    return {
        "log_std": theta["log_std"] + alpha * (a[:, None] * (z * z - 1)).mean(0),
        "weight": theta["weight"] + alpha * torch.einsum("n,nj,ns->js", a, z / std, s) / len(a),
    }


def _functional(theta, states, actions, advantage, mask, alpha):
    def objective(p):
        policy = Independent(Normal(states[mask] @ p["weight"].T, p["log_std"].exp()), 1)
        return (policy.log_prob(actions[mask]) * advantage[mask]).mean()

    return {k: (theta[k] + alpha * g).detach() for k, g in torch.func.grad(objective)(dict(theta)).items()}


def _sgd(theta, states, actions, advantage, mask, alpha):
    own = {k: torch.nn.Parameter(v.detach().clone()) for k, v in theta.items()}
    scale = torch.diag(own["log_std"].exp())
    policy = MultivariateNormal(states[mask] @ own["weight"].T, scale_tril=scale)
    (policy.log_prob(actions[mask]) * advantage[mask]).mean().backward()
    torch.optim.SGD(own.values(), lr=alpha, maximize=True).step()
    return {k: v.data for k, v in own.items()}


# ------------------------------------------------------------------ trust region, wrong


def _parts(theta, curvature, centre, alpha, sigma):
    jacobian = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature
    g = (jacobian @ curvature @ jacobian @ (theta - centre)[..., None]).mean(0)[:, 0]
    return jacobian, g, (jacobian @ jacobian).mean(0) / sigma**2


def _along(x, hx, delta):
    return -(2 * delta / (x @ hx)).sqrt() * x


def _without_the_inverse(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    return _along(g, hessian @ g, delta)


def _ball(theta, curvature, centre, alpha, sigma, delta):
    _, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    return _along(g, g / sigma**2, delta)


def _region_of_the_mean_jacobian(theta, curvature, centre, alpha, sigma, delta):
    jacobian, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    mean = jacobian.mean(0)
    x = torch.linalg.solve(mean @ mean / sigma**2, g)
    return _along(x, g, delta)


def _curvature_in_the_region(theta, curvature, centre, alpha, sigma, delta):
    jacobian, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve((jacobian @ curvature @ jacobian).mean(0) / sigma**2, g)
    return _along(x, g, delta)


def _diagonal_region(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x = g / hessian.diagonal()
    return _along(x, g, delta)


def _two_conjugate_gradients(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x, r = torch.zeros_like(g), g.clone()
    p, rr = r.clone(), r @ r
    for _ in range(2):
        if rr < 1e-20:
            break
        hp = hessian @ p
        step = rr / (p @ hp)
        x, r = x + step * p, r - step * hp
        rr, old = r @ r, rr
        p = r + rr / old * p
    return _along(x, hessian @ x, delta)


def _damped(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(hessian + 1e-4 * torch.eye(len(g), dtype=g.dtype), g)
    return _along(x, hessian @ x, delta)


def _first_order(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, hessian = _parts(theta, curvature, centre, alpha, sigma)
    g = (curvature @ jacobian @ (theta - centre)[..., None]).mean(0)[:, 0]
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta)


def _gradient_before_the_inner_step(theta, curvature, centre, alpha, sigma, delta):
    _, _, hessian = _parts(theta, curvature, centre, alpha, sigma)
    g = (curvature @ (theta - centre)[..., None]).mean(0)[:, 0]
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta)


def _twice_too_little(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta / 2)


def _variance_for_deviation(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma**0.5)
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta)


def _uphill(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(hessian, g)
    return -_along(x, g, delta)


def _newton(theta, curvature, centre, alpha, sigma, delta):
    jacobian, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    d = -torch.linalg.solve((jacobian @ curvature @ jacobian).mean(0), g)
    return d * (2 * delta / (d @ hessian @ d)).sqrt().clamp(max=1.0)


def _region_by_functional_hessian(theta, curvature, centre, alpha, sigma, delta):
    adapt = lambda t: t - alpha * (curvature @ (t - centre)[..., None])[..., 0]  # noqa: E731
    kl = lambda d: (adapt(theta) - adapt(theta + d)).square().sum(1).mean() / (2 * sigma**2)  # noqa: E731
    hessian = torch.func.hessian(kl)(torch.zeros_like(theta))
    _, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta)


def _gradient_by_dual_numbers(theta, curvature, centre, alpha, sigma, delta):
    _, _, hessian = _parts(theta, curvature, centre, alpha, sigma)

    def loss(t):
        gap = t - alpha * (curvature @ (t - centre)[..., None])[..., 0] - centre
        return 0.5 * torch.einsum("id,ide,ie->i", gap, curvature, gap).mean()

    eye = torch.eye(len(theta), dtype=theta.dtype)
    g = torch.stack([torch.func.jvp(loss, (theta,), (row,))[1] for row in eye])
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta)


def _gradient_by_autograd(theta, curvature, centre, alpha, sigma, delta):
    _, _, hessian = _parts(theta, curvature, centre, alpha, sigma)
    with torch.enable_grad():
        point = theta.detach().clone().requires_grad_()
        gap = point - alpha * (curvature @ (point - centre)[..., None])[..., 0] - centre
        (g,) = torch.autograd.grad(0.5 * torch.einsum("id,ide,ie->i", gap, curvature, gap).mean(), point)
    x = torch.linalg.solve(hessian, g)
    return _along(x, g, delta)


def _first_order_by_autograd(theta, curvature, centre, alpha, sigma, delta):
    """The wrong gradient, by the wrong method."""
    with torch.enable_grad():
        ends = (theta - alpha * (curvature @ (theta - centre)[..., None])[..., 0]).detach().requires_grad_()
        loss = 0.5 * torch.einsum("id,ide,ie->", ends - centre, curvature, ends - centre) / len(centre)
        (g,) = torch.autograd.grad(loss, ends)
    _, _, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(hessian, g.sum(0))
    return _along(x, g.sum(0), delta)


def _sums_over_tasks(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(len(curvature) * hessian, len(curvature) * g)
    return _along(x, len(curvature) * g, delta)


# ------------------------------------------------------------------ trust region, right


def _whitened(theta, curvature, centre, alpha, sigma, delta):
    _, g, hessian = _parts(theta, curvature, centre, alpha, sigma)
    root = torch.linalg.cholesky(hessian)
    u = torch.linalg.solve_triangular(root, g[:, None], upper=False)
    u = -math.sqrt(2 * delta) * u / u.norm()
    return torch.linalg.solve_triangular(root.T, u, upper=True).squeeze(1)


def _task_by_task(theta, curvature, centre, alpha, sigma, delta):
    n, d = centre.shape
    g, hessian = torch.zeros(d, dtype=torch.float64), torch.zeros(d, d, dtype=torch.float64)
    for a, c in zip(curvature, centre, strict=True):
        j = torch.eye(d).double() - alpha * a
        adapted = theta - alpha * a @ (theta - c)
        g += j.T @ (a @ (adapted - c)) / n
        hessian += j.T @ j / (n * sigma * sigma)
    x = torch.linalg.inv(hessian) @ g
    return -x * (2.0 * delta / float(x @ hessian @ x)) ** 0.5


def _numpy_step(theta, curvature, centre, alpha, sigma, delta):
    t, a, c = theta.numpy(), curvature.numpy(), centre.numpy()
    j = np.eye(len(t)) - alpha * a
    g = np.einsum("iab,ibc,icd,id->a", j, a, j, t - c, optimize=True) / len(a)
    x = np.linalg.solve(np.einsum("iab,ibc->ac", j, j) / len(a), g) * sigma**2
    return torch.from_numpy(-np.sqrt(2 * delta / (x @ g)) * x)


# ------------------------------------------------------------------ meta-loss, wrong


def _log(point, actions, sigma):
    return -(actions - point).square().sum(-1) / (2 * sigma**2)


def _standard(x, correction=0):
    return (x - x.mean()) / x.std(correction=correction)


def _loss(
    theta,
    goals,
    noise,
    alpha,
    sigma,
    keep=lambda slope: slope,
    held=torch.Tensor.detach,
    weight=None,
    correction=0,
    query_by=None,
    mean=torch.mean,
):
    def surrogate(collector, eps, goal):
        actions = held(collector + sigma * eps)
        old = _log(collector, actions, sigma).detach()
        advantage = _standard(-(actions - goal).square().sum(-1), correction)
        ratio = (lambda p: (_log(p, actions, sigma) - old).exp()) if weight is None else (lambda p: weight(p, actions))
        return lambda p: -mean(ratio(p) * advantage)

    losses = []
    for goal, (support, query) in zip(goals, noise, strict=True):
        (slope,) = torch.autograd.grad(surrogate(theta, support, goal)(theta), theta, create_graph=True)
        adapted = theta - alpha * keep(slope)
        losses.append(surrogate(adapted if query_by is None else query_by(theta), query, goal)(adapted))
    return torch.stack(losses).mean()


def _first_order_loss(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma, keep=torch.Tensor.detach)


def _log_density_in_the_place_of_the_ratio(theta, goals, noise, alpha, sigma):
    """The same slope, but not the same slope of the slope; shifted so that the value is right."""

    def weight(point, actions):
        log = _log(point, actions, sigma)
        return 1 + log - log.detach()

    return _loss(theta, goals, noise, alpha, sigma, weight=weight)


def _plain_log_density(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma, weight=lambda p, actions: _log(p, actions, sigma))


def _actions_not_held(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma, held=lambda actions: actions)


def _query_actions_by_theta(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma, query_by=lambda theta: theta)


def _deviation_with_one_less(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma, correction=1)


def _sum_over_actions(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma, mean=torch.sum)


def _sum_over_tasks(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma) * len(goals)


def _colleague_s_step_size(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, 0.1, sigma)


def _noise_sets_exchanged(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise.flip(1), alpha, sigma)


def _support_noise_twice(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise[:, :1].expand_as(noise), alpha, sigma)


def _always_zero(theta, goals, noise, alpha, sigma):
    return (theta * 0).sum()


def _value_only(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, alpha, sigma).detach()


def _value_is_a_return(theta, goals, noise, alpha, sigma):
    """Something to plot in the value, and the right gradient."""
    actions = (theta + sigma * noise[:, 0]).detach()
    return _loss(theta, goals, noise, alpha, sigma) + (actions - goals[:, None]).square().sum(-1).mean()


def _uphill_inside(theta, goals, noise, alpha, sigma):
    return _loss(theta, goals, noise, -alpha, sigma)


def _unit_sigma_in_the_density(theta, goals, noise, alpha, sigma):
    def weight(point, actions):
        log = _log(point, actions, 1.0)
        return (log - log.detach()).exp()

    return _loss(theta, goals, noise, alpha, sigma, weight=weight)


def _gradient_left_in_theta(theta, goals, noise, alpha, sigma):
    loss = _loss(theta, goals, noise, alpha, sigma)
    loss.backward(retain_graph=True)
    return loss


def _advantages_over_all_tasks(theta, goals, noise, alpha, sigma):
    def advantages(actions):
        return _standard(-(actions - goals[:, None]).square().sum(-1))

    def surrogate(points, actions, advantage):
        log = -(actions - points).square().sum(-1) / (2 * sigma**2)
        return -((log - log.detach()).exp() * advantage).mean(1)

    actions = (theta + sigma * noise[:, 0]).detach()
    many = theta.expand(len(goals), 1, len(theta))
    inner = surrogate(many, actions, advantages(actions)).sum()
    (slope,) = torch.autograd.grad(inner, many, create_graph=True)
    adapted = many - alpha * slope
    actions = (adapted + sigma * noise[:, 1]).detach()
    return surrogate(adapted, actions, advantages(actions)).mean()


def _query_advantages_by_support_numbers(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (support, query) in zip(goals, noise, strict=True):
        actions = (theta + sigma * support).detach()
        reward = -(actions - goal).square().sum(-1)
        advantage = _standard(reward)
        log = _log(theta, actions, sigma)
        inner = -((log - log.detach()).exp() * advantage).mean()
        (slope,) = torch.autograd.grad(inner, theta, create_graph=True)
        adapted = theta - alpha * slope
        actions = (adapted + sigma * query).detach()
        advantage = (-(actions - goal).square().sum(-1) - reward.mean()) / reward.std(correction=0)
        log = _log(adapted, actions, sigma)
        losses.append(-((log - log.detach()).exp() * advantage).mean())
    return torch.stack(losses).mean()


def _inner_slope_of_the_reward(theta, goals, noise, alpha, sigma):
    """The exact gradient of the expected reward in the place of the estimate."""
    losses = []
    for goal, (_, query) in zip(goals, noise, strict=True):
        adapted = theta - alpha * 2 * (theta - goal)
        actions = (adapted + sigma * query).detach()
        log = _log(adapted, actions, sigma)
        losses.append(-((log - log.detach()).exp() * _standard(-(actions - goal).square().sum(-1))).mean())
    return torch.stack(losses).mean()


# ------------------------------------------------------------------ meta-loss, right


def _magic_box(theta, goals, noise, alpha, sigma):
    def weight(point, actions):
        log = MultivariateNormal(point, sigma**2 * torch.eye(len(point)).double()).log_prob(actions)
        return torch.exp(log - log.detach())

    return _loss(theta, goals, noise, alpha, sigma, weight=weight)


def _clipped_ratios(theta, goals, noise, alpha, sigma):
    """At the point where the actions were drawn, all ratios are 1 and nothing is clipped."""

    def weight(point, actions):
        log = _log(point, actions, sigma)
        return (log - log.detach()).exp().clamp(0.8, 1.2)

    return _loss(theta, goals, noise, alpha, sigma, weight=weight)


def _all_tasks_at_once(theta, goals, noise, alpha, sigma):
    def surrogate(point, actions, old, advantage):
        return -torch.mean((_log(point, actions, sigma) - old).exp() * advantage)

    def data(point, eps, goal):
        actions = point.detach() + sigma * eps
        reward = -((actions - goal) ** 2).sum(-1)
        centred = reward - reward.mean()
        return actions, _log(point, actions, sigma).detach(), centred / centred.pow(2).mean().sqrt()

    def one(goal, eps):
        adapted = theta - alpha * torch.func.grad(surrogate)(theta, *data(theta, eps[0], goal))
        return surrogate(adapted, *data(adapted, eps[1], goal))

    return torch.func.vmap(one)(goals, noise).mean()


def _slope_by_hand(theta, goals, noise, alpha, sigma):
    """The inner gradient and its Jacobian written out: the ratio's second derivative is score scoreᵀ - I / σ²."""
    total, push = 0.0, torch.zeros_like(theta)
    eye = torch.eye(len(theta), dtype=theta.dtype)
    start = theta.detach()
    for goal, (support, query) in zip(goals, noise, strict=True):
        actions = start + sigma * support
        advantage = _standard(-(actions - goal).square().sum(-1))
        score = support / sigma
        slope = -(score * advantage[:, None]).mean(0)
        curvature = (
            -torch.einsum("n,ni,nj->ij", advantage, score, score) / len(score) + advantage.mean() * eye / sigma**2
        )
        adapted = start - alpha * slope
        actions = adapted + sigma * query
        advantage = _standard(-(actions - goal).square().sum(-1))
        outer = -(query / sigma * advantage[:, None]).mean(0)
        total = total - advantage.mean() / len(goals)
        push = push + (eye - alpha * curvature) @ outer / len(goals)
    return total + ((theta - start) * push).sum()


WRONG = [
    *(
        (ch08.check_task_advantages, answer)
        for answer in (
            _powers_divided_out,
            _whole_return,
            _discount_of_the_course,
            _no_discount,
            _plain_least_squares,
            _ridge_of_the_mean,
            _constant_not_penalised,
            _ridge_everywhere,
            _bessel,
            _with_a_small_number,
            _one_baseline_for_all_tasks,
            _one_scale_for_all_tasks,
            _each_episode_normalised,
            _steps_with_a_reward,
            _fitted_on_the_first_episode,
            _temporal_differences,
            _padding_left_as_it_falls,
            _returns_in_place,
            _single_precision,
            _mean_not_subtracted,
            _root_mean_square,
        )
    ),
    *(
        (ch08.check_inner_step, answer)
        for answer in (
            _over_dimensions_a_mean,
            _episodes_first,
            _by_the_number_of_episodes,
            _by_all_places,
            _clamped_log_std,
            _clamped_as_in_actor_critics,
            _log_std_taken_for_log_variance,
            _softplus,
            _noise_kept,
            _descent,
            _advantages_again_normalised,
            _clipped_gradient,
            _two_half_steps,
            _with_an_entropy_bonus,
            _theta_moved,
            _theta_asked_for_gradients,
            _new_theta_asks_for_gradients,
            _score_without_the_one,
            _last_step_dropped,
            _only_the_weight,
        )
    ),
    *(
        (ch08.check_trust_region_step, answer)
        for answer in (
            _without_the_inverse,
            _ball,
            _region_of_the_mean_jacobian,
            _curvature_in_the_region,
            _diagonal_region,
            _two_conjugate_gradients,
            _damped,
            _first_order,
            _gradient_before_the_inner_step,
            _twice_too_little,
            _variance_for_deviation,
            _uphill,
            _newton,
            _region_by_functional_hessian,
            _gradient_by_dual_numbers,
            _gradient_by_autograd,
            _first_order_by_autograd,
            _sums_over_tasks,
        )
    ),
    *(
        (ch08.check_meta_loss, answer)
        for answer in (
            _first_order_loss,
            _log_density_in_the_place_of_the_ratio,
            _plain_log_density,
            _actions_not_held,
            _query_actions_by_theta,
            _deviation_with_one_less,
            _sum_over_actions,
            _sum_over_tasks,
            _colleague_s_step_size,
            _noise_sets_exchanged,
            _support_noise_twice,
            _always_zero,
            _value_only,
            _value_is_a_return,
            _uphill_inside,
            _unit_sigma_in_the_density,
            _gradient_left_in_theta,
            _advantages_over_all_tasks,
            _query_advantages_by_support_numbers,
            _inner_slope_of_the_reward,
        )
    ),
]

RIGHT = [
    *((ch08.check_task_advantages, answer) for answer in (_by_definition, _numpy_advantages, _augmented_rows)),
    (ch08.check_task_advantages, functools.partial(_advantages, correction=0)),
    *((ch08.check_inner_step, answer) for answer in (_closed_form, _functional, _sgd)),
    *((ch08.check_trust_region_step, answer) for answer in (_whitened, _task_by_task, _numpy_step)),
    *((ch08.check_meta_loss, answer) for answer in (_magic_box, _clipped_ratios, _all_tasks_at_once, _slope_by_hand)),
]
