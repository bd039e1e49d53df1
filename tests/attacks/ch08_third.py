"""More answers to chapter 08's exercises, by somebody who had read the exercises and not the checks."""

import numpy as np
import torch

from metarl_core.check import ch08

from . import named

grad = torch.autograd.grad

# ------------------------------------------------------------------ task_advantages, wrong


def _to_go(rewards, discount):
    found, ahead = torch.zeros_like(rewards), torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        ahead = rewards[..., t] + discount * ahead
        found[..., t] = ahead
    return found


def _advantages(
    returns=_to_go, ridge=1e-5, fit_all=False, correction=0, eps=0.0, pool=False, center=True, mask_off=True
):
    """The course's advantages with one of its parts exchanged."""

    def task_advantages(rewards, features, mask, discount):
        returned, out = returns(rewards, discount), []
        for task in range(len(rewards)):
            m = torch.ones_like(mask[task]) if fit_all else mask[task]
            x, y = features[task][m], returned[task][m]
            w = torch.linalg.solve(x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
            out.append(returned[task] - features[task] @ w)
        raw = torch.stack(out)
        groups = [mask] if pool else [torch.zeros_like(mask).index_fill(0, torch.tensor(i), True) & mask
                                      for i in range(len(mask))]  # fmt: skip
        result = torch.zeros_like(raw)
        for i, group in enumerate(groups):
            values = raw[group]
            where = slice(None) if pool else i
            shift = values.mean() if center else 0.0
            result[where] = (raw[where] - shift) / (values.std(correction=correction) + eps)
        return torch.where(mask, result, 0.0) if mask_off else result

    return task_advantages


def _rewards_not_discounted(rewards, features, mask, discount):
    return _advantages(lambda r, d: _to_go(r, 1.0))(rewards, features, mask, discount)


def _discount_from_the_start(rewards, features, mask, discount):
    def returns(r, d):
        powers = d ** torch.arange(r.shape[-1], dtype=r.dtype)
        return (r * powers).flip(-1).cumsum(-1).flip(-1)

    return _advantages(returns)(rewards, features, mask, discount)


def _next_reward_first(rewards, features, mask, discount):
    return _advantages(lambda r, d: _to_go(r, d) - r)(rewards, features, mask, discount)


def _return_of_the_episode(rewards, features, mask, discount):
    return _advantages(lambda r, d: _to_go(r, d)[..., :1].expand_as(r))(rewards, features, mask, discount)


def _division_by_powers(rewards, features, mask, discount):
    def returns(r, d):
        powers = d ** torch.arange(r.shape[-1], dtype=r.dtype)
        return (r * powers).flip(-1).cumsum(-1).flip(-1) / powers

    return _advantages(returns)(rewards, features, mask, discount)


def _rewards_as_they_are(rewards, features, mask, discount):
    return _advantages(lambda r, d: r)(rewards, features, mask, discount)


def _padding_fitted(rewards, features, mask, discount):
    return _advantages(fit_all=True)(rewards, features, mask, discount)


def _ridge_of_one(rewards, features, mask, discount):
    return _advantages(ridge=1.0)(rewards, features, mask, discount)


def _nearly_no_ridge(rewards, features, mask, discount):
    return _advantages(ridge=1e-3)(rewards, features, mask, discount)


def _sample_deviation(rewards, features, mask, discount):
    return _advantages(correction=1)(rewards, features, mask, discount)


def _a_little_under_the_fraction(rewards, features, mask, discount):
    return _advantages(eps=1e-3)(rewards, features, mask, discount)


def _one_scale_for_all_tasks(rewards, features, mask, discount):
    return _advantages(pool=True)(rewards, features, mask, discount)


def _baseline_centres_anyway(rewards, features, mask, discount):
    return _advantages(center=False)(rewards, features, mask, discount)


def _padding_left_standing(rewards, features, mask, discount):
    return _advantages(mask_off=False)(rewards, features, mask, discount)


def _one_baseline_for_all_tasks(rewards, features, mask, discount):
    returned = _to_go(rewards, discount)
    x, y = features[mask], returned[mask]
    w = torch.linalg.solve(x.T @ x + 1e-5 * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    raw = (returned - features @ w) * mask
    n = mask.sum((1, 2), keepdim=True)
    raw = (raw - raw.sum((1, 2), keepdim=True) / n) * mask
    return raw / (raw.square().sum((1, 2), keepdim=True) / n).sqrt()


def _mean_over_padding_too(rewards, features, mask, discount):
    raw = _masked_residual(rewards, features, mask, discount)
    return (raw - raw.mean((1, 2), keepdim=True)) / raw.std((1, 2), correction=0, keepdim=True) * mask


def _masked_residual(rewards, features, mask, discount):
    returned = _to_go(rewards, discount) * mask
    x = (features * mask[..., None]).flatten(1, 2)
    w = torch.linalg.solve(
        x.mT @ x + 1e-5 * torch.eye(x.shape[-1], dtype=x.dtype), x.mT @ returned.flatten(1)[..., None]
    )
    return returned - (x @ w).view_as(returned)


def _scaled_by_each_episode(rewards, features, mask, discount):
    raw = _masked_residual(rewards, features, mask, discount)
    n = mask.sum(-1, keepdim=True).clamp(min=1)
    raw = (raw - raw.sum(-1, keepdim=True) / n) * mask
    return raw / (raw.square().sum(-1, keepdim=True) / n).sqrt().clamp(min=1e-12)


def _variance_for_deviation(rewards, features, mask, discount):
    raw = _masked_residual(rewards, features, mask, discount)
    n = mask.sum((1, 2), keepdim=True)
    raw = (raw - raw.sum((1, 2), keepdim=True) / n) * mask
    return raw / (raw.square().sum((1, 2), keepdim=True) / n)


def _masks_rewards_in_place(rewards, features, mask, discount):
    features.mul_(mask[..., None])
    raw = _masked_residual(rewards, features, mask, discount)
    n = mask.sum((1, 2), keepdim=True)
    raw = (raw - raw.sum((1, 2), keepdim=True) / n) * mask
    return raw / (raw.square().sum((1, 2), keepdim=True) / n).sqrt()


def _all_episodes_of_full_length(rewards, features, mask, discount):
    raw = _masked_residual(rewards, features, mask, discount)
    n = mask.shape[1] * mask.shape[2]
    raw = (raw - raw.sum((1, 2), keepdim=True) / n) * mask
    return raw / (raw.square().sum((1, 2), keepdim=True) / n).sqrt()


# ------------------------------------------------------------------ task_advantages, right


def _masked_sums(rewards, features, mask, discount):
    raw = _masked_residual(rewards, features, mask, discount)
    n = mask.sum((1, 2), keepdim=True)
    raw = (raw - raw.sum((1, 2), keepdim=True) / n) * mask
    return raw / (raw.square().sum((1, 2), keepdim=True) / n).sqrt()


def _advantages_in_numpy(rewards, features, mask, discount):
    rewards, features, mask = rewards.numpy(), features.numpy(), mask.numpy()
    result = np.zeros_like(rewards)
    for task in range(len(rewards)):
        to_go = np.zeros_like(rewards[task])
        for t in range(rewards.shape[2] - 1, -1, -1):
            to_go[:, t] = rewards[task, :, t] + (discount * to_go[:, t + 1] if t + 1 < rewards.shape[2] else 0)
        m = mask[task]
        x, y = features[task][m], to_go[m]
        raw = y - x @ np.linalg.solve(x.T @ x + 1e-5 * np.eye(x.shape[1]), x.T @ y)
        result[task][m] = (raw - raw.mean()) / raw.std()
    return torch.from_numpy(result)


def _upper_triangle_of_powers(rewards, features, mask, discount):
    horizon = rewards.shape[-1]
    lag = torch.arange(horizon) - torch.arange(horizon)[:, None]
    powers = torch.where(lag >= 0, torch.as_tensor(discount, dtype=torch.float64) ** lag.clamp(min=0), 0.0)
    return _advantages(lambda r, d: torch.einsum("tk,nek->net", powers, r))(rewards, features, mask, discount)


def _ridge_as_extra_rows(rewards, features, mask, discount):
    returned, result = _to_go(rewards, discount), torch.zeros_like(rewards)
    for i, m in enumerate(mask):
        f = features.shape[-1]
        x = torch.cat([features[i][m], 1e-5**0.5 * torch.eye(f, dtype=torch.float64)])
        y = torch.cat([returned[i][m], torch.zeros(f, dtype=torch.float64)])
        w = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
        raw = returned[i][m] - features[i][m] @ w
        result[i, m] = (raw - raw.mean()) / raw.std(unbiased=False)
    return result


def _cholesky_and_moments(rewards, features, mask, discount):
    weight = mask.double()
    returned = _to_go(rewards, discount)
    gram = torch.einsum("net,netf,netg->nfg", weight, features, features)
    gram = gram + 1e-5 * torch.eye(gram.shape[-1], dtype=gram.dtype)
    right = torch.einsum("net,netf,net->nf", weight, features, returned)
    w = torch.cholesky_solve(right[..., None], torch.linalg.cholesky(gram))[..., 0]
    raw = returned - torch.einsum("netf,nf->net", features, w)
    n = weight.sum((1, 2))[:, None, None]
    first = (weight * raw).sum((1, 2), keepdim=True) / n
    spread = (weight * (raw - first) ** 2).sum((1, 2), keepdim=True) / n
    return torch.where(mask, (raw - first) * spread.rsqrt(), torch.zeros((), dtype=torch.float64))


def _episode_by_episode(rewards, features, mask, discount):
    result = []
    for r, f, m in zip(rewards, features, mask, strict=True):
        rows, targets = [], []
        for episode in range(len(r)):
            steps = int(m[episode].sum())
            ahead, found = 0.0, []
            for t in range(steps - 1, -1, -1):
                ahead = float(r[episode, t]) + discount * ahead
                found.insert(0, ahead)
            rows.append(f[episode, :steps])
            targets.append(torch.tensor(found, dtype=torch.float64))
        x, y = torch.cat(rows), torch.cat(targets)
        raw = y - x @ torch.linalg.inv(x.T @ x + torch.eye(x.shape[1]).double() * 1e-5) @ (x.T @ y)
        normal = (raw - raw.mean()) / ((raw - raw.mean()) ** 2).mean().sqrt()
        flat = torch.zeros_like(r)
        for episode, part in enumerate(normal.split([len(t) for t in targets])):
            flat[episode, : len(part)] = part
        result.append(flat)
    return torch.stack(result)


# ------------------------------------------------------------------ inner_step, wrong


def _step(
    theta, states, actions, advantage, mask, alpha, log_pi=None, mean=None, sign=1.0, names=("weight", "log_std")
):
    """One inner step with one of its parts exchanged."""
    leaf = {n: v.detach().clone().requires_grad_() for n, v in theta.items()}
    states, actions = states[mask], actions[mask]
    if log_pi is None:
        log_density = torch.distributions.Normal(states @ leaf["weight"].T, leaf["log_std"].exp())
        log_density = log_density.log_prob(actions).sum(-1)
    else:
        log_density = log_pi(leaf, states, actions)
    terms = log_density * advantage[mask]
    objective = terms.mean() if mean is None else mean(terms, mask)
    slopes = grad(objective, [leaf[n] for n in names])
    new = {n: v.detach().clone() for n, v in theta.items()}
    for n, slope in zip(names, slopes, strict=True):
        new[n] = new[n] + sign * alpha * slope
    return new


def _downhill(theta, states, actions, advantage, mask, alpha):
    return _step(theta, states, actions, advantage, mask, alpha, sign=-1.0)


def _mean_over_dimensions(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        return torch.distributions.Normal(s @ leaf["weight"].T, leaf["log_std"].exp()).log_prob(a).mean(-1)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _log_std_is_a_variance(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        return torch.distributions.Normal(s @ leaf["weight"].T, (leaf["log_std"] / 2).exp()).log_prob(a).sum(-1)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _log_std_as_std(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        std = leaf["log_std"].abs() + 1e-6
        return (-0.5 * ((a - s @ leaf["weight"].T) / std) ** 2 - std.log()).sum(-1)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _normaliser_forgotten(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        return (-0.5 * ((a - s @ leaf["weight"].T) / leaf["log_std"].exp()).square()).sum(-1)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _half_forgotten(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        return (-((a - s @ leaf["weight"].T) / leaf["log_std"].exp()).square() - leaf["log_std"]).sum(-1)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _density_for_log(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        normal = torch.distributions.Normal(s @ leaf["weight"].T, leaf["log_std"].exp())
        return normal.log_prob(a).sum(-1).exp()

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _noise_kept_fixed(theta, states, actions, advantage, mask, alpha):
    return _step(theta, states, actions, advantage, mask, alpha, names=("weight",))


def _sum_over_steps(theta, states, actions, advantage, mask, alpha):
    return _step(theta, states, actions, advantage, mask, alpha, mean=lambda terms, mask: terms.sum())


def _divided_by_all_places(theta, states, actions, advantage, mask, alpha):
    return _step(theta, states, actions, advantage, mask, alpha, mean=lambda terms, mask: terms.sum() / mask.numel())


def _divided_by_episodes(theta, states, actions, advantage, mask, alpha):
    return _step(theta, states, actions, advantage, mask, alpha, mean=lambda terms, mask: terms.sum() / len(mask))


def _mean_of_episode_means(theta, states, actions, advantage, mask, alpha):
    def mean(terms, mask):
        parts = terms.split(mask.sum(1).tolist())
        return torch.stack([part.mean() for part in parts if len(part)]).mean()

    return _step(theta, states, actions, advantage, mask, alpha, mean=mean)


def _normalises_the_advantage(theta, states, actions, advantage, mask, alpha):
    values = advantage[mask]
    normal = torch.zeros_like(advantage)
    normal[mask] = values - values.mean()
    return _step(theta, states, actions, normal, mask, alpha)


def _graph_behind(theta, states, actions, advantage, mask, alpha):
    leaf = {n: v.clone().requires_grad_() for n, v in theta.items()}
    normal = torch.distributions.Normal(states[mask] @ leaf["weight"].T, leaf["log_std"].exp())
    objective = (normal.log_prob(actions[mask]).sum(-1) * advantage[mask]).mean()
    slopes = grad(objective, list(leaf.values()))
    return {n: v + alpha * s for (n, v), s in zip(leaf.items(), slopes, strict=True)}


def _theta_itself_moves(theta, states, actions, advantage, mask, alpha):
    new = _step(theta, states, actions, advantage, mask, alpha)
    for name in theta:
        theta[name] += new[name] - theta[name]
    return theta


def _one_after_the_other(theta, states, actions, advantage, mask, alpha):
    half = _step(theta, states, actions, advantage, mask, alpha, names=("weight",))
    return _step(half, states, actions, advantage, mask, alpha, names=("log_std",))


def _list_of_tensors(theta, states, actions, advantage, mask, alpha):
    return list(_step(theta, states, actions, advantage, mask, alpha).values())


def _step_of_one_half(theta, states, actions, advantage, mask, alpha):
    return _step(theta, states, actions, advantage, mask, 0.5)


def _noise_of_the_first_dimension(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        return torch.distributions.Normal(s @ leaf["weight"].T, leaf["log_std"][0].exp()).log_prob(a).sum(-1)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _with_a_graph_of_theta(theta, states, actions, advantage, mask, alpha):
    s, a, adv = states[mask], actions[mask], advantage[mask]
    std = theta["log_std"].exp()
    z = (a - s @ theta["weight"].T) / std
    weight = torch.einsum("n,na,ns->as", adv, z / std, s) / len(adv)
    log_std = ((z.square() - 1) * adv[:, None]).sum(0) / len(adv)
    return {"weight": theta["weight"] + alpha * weight, "log_std": theta["log_std"] + alpha * log_std}


# ------------------------------------------------------------------ inner_step, right


def _scores_by_hand(theta, states, actions, advantage, mask, alpha):
    theta = {name: value.detach() for name, value in theta.items()}
    s, a, adv = states[mask], actions[mask], advantage[mask]
    std = theta["log_std"].exp()
    z = (a - s @ theta["weight"].T) / std
    weight = torch.einsum("n,na,ns->as", adv, z / std, s) / len(adv)
    log_std = ((z.square() - 1) * adv[:, None]).sum(0) / len(adv)
    return {"weight": theta["weight"] + alpha * weight, "log_std": theta["log_std"] + alpha * log_std}


def _multivariate(theta, states, actions, advantage, mask, alpha):
    def log_pi(leaf, s, a):
        scale = torch.diag_embed(leaf["log_std"].exp())
        return torch.distributions.MultivariateNormal(s @ leaf["weight"].T, scale_tril=scale).log_prob(a)

    return _step(theta, states, actions, advantage, mask, alpha, log_pi)


def _independent(theta, states, actions, advantage, mask, alpha):
    weight, log_std = (torch.nn.Parameter(theta[n].clone()) for n in ("weight", "log_std"))
    normal = torch.distributions.Normal(states[mask] @ weight.T, log_std.exp())
    density = torch.distributions.Independent(normal, 1).log_prob(actions[mask])
    optimiser = torch.optim.SGD([weight, log_std], lr=alpha, maximize=True)
    density.mul(advantage[mask]).mean().backward()
    optimiser.step()
    return {"log_std": log_std.detach(), "weight": weight.detach()}


def _where_before_the_network(theta, states, actions, advantage, mask, alpha):
    states, actions = (torch.where(mask[..., None], x, torch.zeros_like(x)) for x in (states, actions))
    advantage = torch.where(mask, advantage, torch.zeros_like(advantage))

    def objective(leaf):
        z = (actions - torch.einsum("as,ets->eta", leaf["weight"], states)) * torch.exp(-leaf["log_std"])
        log_pi = (-0.5 * z**2 - leaf["log_std"]).sum(-1)  # the constant has no gradient
        return (log_pi * advantage).sum() / mask.sum()

    slope = torch.func.grad(objective)({n: v.detach() for n, v in theta.items()})
    return {name: (theta[name] + alpha * slope[name]).detach() for name in theta}


def _step_by_step(theta, states, actions, advantage, mask, alpha):
    theta = {name: value.detach() for name, value in theta.items()}
    weight, log_std = (theta[n].clone() for n in ("weight", "log_std"))
    total = int(mask.sum())
    for e, t in mask.nonzero().tolist():
        miss = actions[e, t] - theta["weight"] @ states[e, t]
        precision = (-2 * theta["log_std"]).exp()
        share = alpha * advantage[e, t] / total
        weight += share * torch.outer(precision * miss, states[e, t])
        log_std += share * (precision * miss**2 - 1)
    return {"weight": weight, "log_std": log_std}


def _step_in_numpy(theta, states, actions, advantage, mask, alpha):
    keep = mask.numpy()
    s, a, adv = states.numpy()[keep], actions.numpy()[keep], advantage.numpy()[keep]
    w, ell = theta["weight"].detach().numpy(), theta["log_std"].detach().numpy()
    z = (a - s @ w.T) / np.exp(ell)
    return {
        "weight": torch.from_numpy(w + alpha * ((z / np.exp(ell)) * adv[:, None]).T @ s / len(adv)),
        "log_std": torch.from_numpy(ell + alpha * np.mean((z**2 - 1) * adv[:, None], axis=0)),
    }


def _times_the_mask(theta, states, actions, advantage, mask, alpha):
    leaf = {n: v.detach().clone().requires_grad_() for n, v in theta.items()}
    normal = torch.distributions.Normal(states @ leaf["weight"].T, leaf["log_std"].exp())
    terms = normal.log_prob(actions).sum(-1) * advantage
    objective = (terms * mask).sum() / mask.sum()
    slopes = grad(objective, list(leaf.values()))
    return {n: v.detach() + alpha * s for (n, v), s in zip(leaf.items(), slopes, strict=True)}


# ------------------------------------------------------------------ trust_region_step, wrong


def _parts(theta, curvature, centre, alpha, sigma):
    j = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature
    g = (j @ curvature @ j @ (theta - centre)[..., None]).mean(0)[:, 0]
    return j, g, (j @ j).mean(0) / sigma**2


def _scaled(g, h, delta):
    x = torch.linalg.solve(h, g)
    return -(2 * delta / (x @ h @ x)).sqrt() * x


def _one_jacobian_in_the_slope(theta, curvature, centre, alpha, sigma, delta):
    j, _, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled((j @ curvature @ (theta - centre)[..., None]).mean(0)[:, 0], h, delta)


def _first_order_slope(theta, curvature, centre, alpha, sigma, delta):
    j, _, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled((curvature @ j @ (theta - centre)[..., None]).mean(0)[:, 0], h, delta)


def _slope_before_the_step(theta, curvature, centre, alpha, sigma, delta):
    _, _, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled((curvature @ (theta - centre)[..., None]).mean(0)[:, 0], h, delta)


def _single_jacobian_in_the_hessian(theta, curvature, centre, alpha, sigma, delta):
    j, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, j.mean(0) / sigma**2, delta)


def _square_of_the_mean_jacobian(theta, curvature, centre, alpha, sigma, delta):
    j, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, j.mean(0) @ j.mean(0) / sigma**2, delta)


def _mean_of_inverses(theta, curvature, centre, alpha, sigma, delta):
    j, g, h = _parts(theta, curvature, centre, alpha, sigma)
    x = (torch.linalg.inv(j @ j) * sigma**2).mean(0) @ g
    return -(2 * delta / (x @ h @ x)).sqrt() * x


def _region_on_theta(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, torch.eye(len(theta), dtype=theta.dtype) / sigma**2, delta)


def _uphill(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return -_scaled(g, h, delta)


def _delta_without_two(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, h, delta / 2)


def _no_root(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    x = torch.linalg.solve(h, g)
    return -2 * delta / (x @ h @ x) * x


def _sigma_not_squared(theta, curvature, centre, alpha, sigma, delta):
    j, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, (j @ j).mean(0) / sigma, delta)


def _sigma_left_out(theta, curvature, centre, alpha, sigma, delta):
    j, g, _ = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, (j @ j).mean(0), delta)


def _half_in_the_hessian(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, h / 2, delta)


def _sum_for_the_hessian(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, h * len(curvature), delta)


def _norm_of_the_gradient(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return -(2 * delta / (g @ h @ g)).sqrt() * g


def _elementwise_jacobian(theta, curvature, centre, alpha, sigma, delta):
    j = 1 - alpha * curvature
    g = (j @ curvature @ j @ (theta - centre)[..., None]).mean(0)[:, 0]
    return _scaled(g, (j.mT @ j).mean(0) / sigma**2, delta)


def _mean_of_the_tasks_first(theta, curvature, centre, alpha, sigma, delta):
    return _scaled(
        *_parts(theta, curvature.mean(0, keepdim=True), centre.mean(0, keepdim=True), alpha, sigma)[1:], delta
    )


def _damped(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return _scaled(g, h + 1e-3 * torch.eye(len(theta), dtype=theta.dtype), delta)


def _one_step_of_conjugate_gradients(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    x = (g @ g) / (g @ h @ g) * g
    return -(2 * delta / (x @ h @ x)).sqrt() * x


def _by_autograd_of_both(theta, curvature, centre, alpha, sigma, delta):
    def adapted(point):
        return point - alpha * (curvature @ (point - centre)[..., None])[..., 0]

    def loss(point):
        gap = adapted(point) - centre
        return 0.5 * torch.einsum("ti,tij,tj->t", gap, curvature, gap).mean()

    def divergence(d):
        return ((adapted(theta + d) - adapted(theta)) ** 2).sum(1).mean() / (2 * sigma**2)

    g = torch.autograd.functional.jacobian(loss, theta)
    return _scaled(g, torch.autograd.functional.hessian(divergence, torch.zeros_like(theta)), delta)


def _new_theta(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    return theta + _scaled(g, h, delta)


# ------------------------------------------------------------------ trust_region_step, right


def _step_by_numpy(theta, curvature, centre, alpha, sigma, delta):
    theta, curvature, centre = theta.numpy(), curvature.numpy(), centre.numpy()
    g, h = np.zeros_like(theta), np.zeros((len(theta), len(theta)))
    for a, c in zip(curvature, centre, strict=True):
        j = np.eye(len(theta)) - alpha * a
        g += j @ a @ j @ (theta - c) / len(centre)
        h += j.T @ j / (len(centre) * sigma**2)
    x = np.linalg.solve(h, g)
    return torch.from_numpy(-np.sqrt(2 * delta / (g @ x)) * x)


def _whitened(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    root = torch.linalg.cholesky(h)
    u = torch.linalg.solve_triangular(root, g[:, None], upper=False)
    return -((2 * delta) ** 0.5) / u.norm() * torch.linalg.solve_triangular(root.mT, u, upper=True)[:, 0]


def _by_multiplier(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    multiplier = ((g @ torch.linalg.inv(h) @ g) / (2 * delta)) ** 0.5
    return torch.linalg.solve(h * multiplier, -g)


def _step_by_eigenvectors(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    values, vectors = torch.linalg.eigh(h)
    along = vectors.T @ g
    x = along / values
    return vectors @ (-x * torch.sqrt(2 * delta / (along * x).sum()))


def _by_differences_of_adapted(theta, curvature, centre, alpha, sigma, delta):
    """Columns of the Jacobian as moved unit vectors; everything is linear."""

    def adapted(points):
        return points - alpha * torch.einsum("tij,...tj->...ti", curvature, points - centre)

    unit = torch.eye(len(theta), dtype=theta.dtype)
    columns = adapted((theta + unit)[:, None, :]) - adapted(theta)  # [d, task, d]
    slope = torch.einsum("tij,tj->ti", curvature, adapted(theta) - centre)
    g = torch.einsum("kti,ti->k", columns, slope) / len(centre)
    h = torch.einsum("kti,lti->kl", columns, columns) / (len(centre) * sigma * sigma)
    x = torch.linalg.lstsq(h, g[:, None]).solution.flatten()
    return x * -torch.sqrt(2 * delta / torch.dot(x, g))


def _full_conjugate_gradients(theta, curvature, centre, alpha, sigma, delta):
    _, g, h = _parts(theta, curvature, centre, alpha, sigma)
    x, r = torch.zeros_like(g), g.clone()
    p, size = r.clone(), r @ r
    for _ in range(20 * len(g)):
        if size < 1e-26 * (g @ g):
            break
        step = size / (p @ h @ p)
        x, r = x + step * p, r - step * h @ p
        p, size = r + (r @ r) / size * p, r @ r
    return -x * (2 * delta / (x @ h @ x)) ** 0.5


# ------------------------------------------------------------------ meta_loss, wrong


def _policy_loss(point, actions, reward, sigma, correction=0, eps=0.0, ratio=True, old=None, center=True):
    log_pi = -(actions - point).square().sum(-1) / (2 * sigma**2)
    old = log_pi.detach() if old is None else old
    advantage = (reward - (reward.mean() if center else 0)) / (reward.std(correction=correction) + eps)
    return -(((log_pi - old).exp() if ratio else log_pi) * advantage).mean()


def _meta(theta, goals, noise, alpha, sigma, keep=True, query=1, detach=True, mean=torch.mean, resample=True, **kinds):
    losses = []
    for goal, draws in zip(goals, noise, strict=True):
        actions = (theta + sigma * draws[0]).detach()
        reward = -(actions - goal).square().sum(-1)
        (slope,) = grad(_policy_loss(theta, actions, reward, sigma, **kinds), theta, create_graph=keep)
        adapted = theta - alpha * slope
        if resample:
            actions = adapted + sigma * draws[query]
            actions = actions.detach() if detach else actions
            reward = -(actions - goal).square().sum(-1)
        losses.append(_policy_loss(adapted, actions, reward, sigma, **kinds))
    return mean(torch.stack(losses))


def _same_noise_again(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, query=0)


def _query_is_the_support(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, resample=False)


def _first_order(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, keep=False)


def _noise_deviation_with_correction(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, correction=1)


def _epsilon_in_the_fraction(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, eps=1e-3)


def _log_for_ratio(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, ratio=False)


def _not_centred(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, center=False)


def _actions_with_a_graph(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, detach=False)


def _sum_of_tasks(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, mean=torch.sum)


def _last_of_the_tasks(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma, mean=lambda losses: losses[-1])


def _step_size_of_the_colleague(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, 0.1, sigma)


def _sigma_of_the_cell(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, 0.5)


def _adapts_uphill(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, -alpha, sigma)


def _query_actions_of_theta(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = (theta + sigma * first).detach()
        reward = -(actions - goal).square().sum(-1)
        (slope,) = grad(_policy_loss(theta, actions, reward, sigma), theta, create_graph=True)
        adapted = theta - alpha * slope
        actions = (theta + sigma * second).detach()
        reward = -(actions - goal).square().sum(-1)
        losses.append(_policy_loss(adapted, actions, reward, sigma))
    return torch.stack(losses).mean()


def _ratio_to_theta(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = (theta + sigma * first).detach()
        reward = -(actions - goal).square().sum(-1)
        (slope,) = grad(_policy_loss(theta, actions, reward, sigma), theta, create_graph=True)
        adapted = theta - alpha * slope
        actions = (adapted + sigma * second).detach()
        reward = -(actions - goal).square().sum(-1)
        old = (-(actions - theta).square().sum(-1) / (2 * sigma**2)).detach()
        losses.append(_policy_loss(adapted, actions, reward, sigma, old=old))
    return torch.stack(losses).mean()


def _reward_for_loss(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = (theta + sigma * first).detach()
        reward = -(actions - goal).square().sum(-1)
        (slope,) = grad(_policy_loss(theta, actions, reward, sigma), theta, create_graph=True)
        losses.append((theta - alpha * slope + sigma * second - goal).square().sum(-1).mean())
    return torch.stack(losses).mean()


def _support_advantages_for_both(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = (theta + sigma * first).detach()
        reward = -(actions - goal).square().sum(-1)
        (slope,) = grad(_policy_loss(theta, actions, reward, sigma), theta, create_graph=True)
        adapted = theta - alpha * slope
        losses.append(_policy_loss(adapted, (adapted + sigma * second).detach(), reward, sigma))
    return torch.stack(losses).mean()


def _baseline_of_the_support(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions = (theta + sigma * first).detach()
        reward = -(actions - goal).square().sum(-1)
        (slope,) = grad(_policy_loss(theta, actions, reward, sigma), theta, create_graph=True)
        adapted = theta - alpha * slope
        actions = (adapted + sigma * second).detach()
        gain = (-(actions - goal).square().sum(-1) - reward.mean()) / reward.std(correction=0)
        log_pi = -(actions - adapted).square().sum(-1) / (2 * sigma**2)
        losses.append(-((log_pi - log_pi.detach()).exp() * gain).mean())
    return torch.stack(losses).mean()


def _global_noise(theta, goals, noise, alpha, sigma):
    fresh = torch.stack([noise[:, 0], torch.randn_like(noise[:, 0])], 1)
    return _meta(theta, goals, fresh, alpha, sigma)


# ------------------------------------------------------------------ meta_loss, right


def _as_in_the_text(theta, goals, noise, alpha, sigma):
    return _meta(theta, goals, noise, alpha, sigma)


def _all_tasks_in_one_tensor(theta, goals, noise, alpha, sigma):
    def surrogate(points, actions):
        reward = -(actions - goals[:, None]).square().sum(-1)
        advantage = (reward - reward.mean(1, keepdim=True)) / reward.std(1, correction=0, keepdim=True)
        log_pi = -(actions - points[:, None]).square().sum(-1) / (2 * sigma**2)
        return -(torch.exp(log_pi - log_pi.detach()) * advantage).mean(1)

    points = theta.expand(len(goals), -1)
    (slope,) = grad(surrogate(points, (theta + sigma * noise[:, 0]).detach()).sum(), points, create_graph=True)
    adapted = points - alpha * slope
    return surrogate(adapted, (adapted[:, None] + sigma * noise[:, 1]).detach()).mean()


def _with_distributions(theta, goals, noise, alpha, sigma):
    def loss(point, actions, goal):
        policy = torch.distributions.MultivariateNormal(point, sigma**2 * torch.eye(len(point), dtype=point.dtype))
        log_pi = policy.log_prob(actions)
        reward = -torch.sum((actions - goal) ** 2, dim=1)
        advantage = (reward - reward.mean()) / torch.sqrt(((reward - reward.mean()) ** 2).mean())
        return -torch.dot((log_pi - log_pi.detach()).exp(), advantage) / len(actions)

    total = 0.0
    for i in range(len(goals)):
        with torch.no_grad():
            support = theta + sigma * noise[i, 0]
        adapted = theta - alpha * grad(loss(theta, support, goals[i]), theta, create_graph=True)[0]
        with torch.no_grad():
            query = adapted + sigma * noise[i, 1]
        total = total + loss(adapted, query, goals[i])
    return total / len(goals)


def _slope_with_torch_func(theta, goals, noise, alpha, sigma):
    def loss(point, actions, goal):
        return _policy_loss(point, actions, -(actions - goal).square().sum(-1), sigma)

    def one(goal, first, second):
        support = theta.detach() + sigma * first
        log_pi_old = -(support - theta.detach()).square().sum(-1) / (2 * sigma**2)

        def surrogate(point):
            reward = -(support - goal).square().sum(-1)
            return _policy_loss(point, support, reward, sigma, old=log_pi_old)

        adapted = theta - alpha * torch.func.grad(surrogate)(theta)
        return loss(adapted, adapted.detach() + sigma * second, goal)

    return sum(one(goal, *pair) for goal, pair in zip(goals, noise, strict=True)) / len(goals)


def _inner_slope_by_hand(theta, goals, noise, alpha, sigma):
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        a = (theta + sigma * first).detach()
        r = -((a - goal) ** 2).sum(1)
        adv = (r - r.mean()) / r.std(unbiased=False)
        log_pi = -((a - theta) ** 2).sum(1) / (2 * sigma**2)
        ratio = (log_pi - log_pi.detach()).exp()
        adapted = theta + alpha * ((ratio * adv)[:, None] * (a - theta) / sigma**2).mean(0)
        b = (adapted + sigma * second).detach()
        r = -((b - goal) ** 2).sum(1)
        adv = (r - r.mean()) / r.std(unbiased=False)
        log_pi = -((b - adapted) ** 2).sum(1) / (2 * sigma**2)
        losses.append(-(torch.exp(log_pi - log_pi.detach()) * adv).mean())
    return torch.stack(losses).mean()


class _TwoStages:
    def __init__(self):
        self.loss = _policy_loss

    def __call__(self, theta, goals, noise, alpha, sigma):
        values = []
        for goal, task_noise in zip(goals, noise, strict=True):
            point = theta
            for stage in (0, 1):
                actions = point.detach() + sigma * task_noise[stage]
                value = self.loss(point, actions, -torch.square(actions - goal).sum(-1), sigma)
                if stage == 0:
                    point = point - alpha * grad(value, theta, create_graph=True)[0]
            values.append(value)
        return torch.stack(values).mean()


WRONG = [
    *named(
        ch08.check_task_advantages,
        _rewards_not_discounted,
        _discount_from_the_start,
        _next_reward_first,
        _return_of_the_episode,
        _division_by_powers,
        _rewards_as_they_are,
        _padding_fitted,
        _ridge_of_one,
        _nearly_no_ridge,
        _sample_deviation,
        _a_little_under_the_fraction,
        _one_scale_for_all_tasks,
        _baseline_centres_anyway,
        _padding_left_standing,
        _one_baseline_for_all_tasks,
        _mean_over_padding_too,
        _scaled_by_each_episode,
        _variance_for_deviation,
        _masks_rewards_in_place,
        _all_episodes_of_full_length,
    ),
    *named(
        ch08.check_inner_step,
        _downhill,
        _mean_over_dimensions,
        _log_std_is_a_variance,
        _log_std_as_std,
        _normaliser_forgotten,
        _half_forgotten,
        _density_for_log,
        _noise_kept_fixed,
        _sum_over_steps,
        _divided_by_all_places,
        _divided_by_episodes,
        _mean_of_episode_means,
        _normalises_the_advantage,
        _graph_behind,
        _theta_itself_moves,
        _one_after_the_other,
        _list_of_tensors,
        _step_of_one_half,
        _noise_of_the_first_dimension,
        _with_a_graph_of_theta,
    ),
    *named(
        ch08.check_trust_region_step,
        _one_jacobian_in_the_slope,
        _first_order_slope,
        _slope_before_the_step,
        _single_jacobian_in_the_hessian,
        _square_of_the_mean_jacobian,
        _mean_of_inverses,
        _region_on_theta,
        _uphill,
        _delta_without_two,
        _no_root,
        _sigma_not_squared,
        _sigma_left_out,
        _half_in_the_hessian,
        _sum_for_the_hessian,
        _norm_of_the_gradient,
        _elementwise_jacobian,
        _mean_of_the_tasks_first,
        _damped,
        _one_step_of_conjugate_gradients,
        _by_autograd_of_both,
        _new_theta,
    ),
    *named(
        ch08.check_meta_loss,
        _same_noise_again,
        _query_is_the_support,
        _first_order,
        _noise_deviation_with_correction,
        _epsilon_in_the_fraction,
        _log_for_ratio,
        _not_centred,
        _actions_with_a_graph,
        _sum_of_tasks,
        _last_of_the_tasks,
        _step_size_of_the_colleague,
        _sigma_of_the_cell,
        _adapts_uphill,
        _query_actions_of_theta,
        _ratio_to_theta,
        _reward_for_loss,
        _support_advantages_for_both,
        _baseline_of_the_support,
        _global_noise,
    ),
]

RIGHT = [
    *named(
        ch08.check_task_advantages,
        _masked_sums,
        _advantages_in_numpy,
        _upper_triangle_of_powers,
        _ridge_as_extra_rows,
        _cholesky_and_moments,
        _episode_by_episode,
    ),
    *named(
        ch08.check_inner_step,
        _scores_by_hand,
        _multivariate,
        _independent,
        _where_before_the_network,
        _step_by_step,
        _step_in_numpy,
        _times_the_mask,
    ),
    *named(
        ch08.check_trust_region_step,
        _step_by_numpy,
        _whitened,
        _by_multiplier,
        _step_by_eigenvectors,
        _by_differences_of_adapted,
        _full_conjugate_gradients,
    ),
    *named(
        ch08.check_meta_loss,
        _as_in_the_text,
        _all_tasks_in_one_tensor,
        _with_distributions,
        _slope_with_torch_func,
        _inner_slope_by_hand,
        _TwoStages(),
    ),
]

NOT_SAID = [
    (ch08.check_inner_step, _list_of_tensors, "no graph"),
    (ch08.check_inner_step, _list_of_tensors, "number of action dimensions"),
]
