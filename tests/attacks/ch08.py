"""Answers to the exercises of chapter 08."""

import math

import numpy as np
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from metarl_core.check import ch08

# ------------------------------------------------------------------ task_advantages


def _to_go(rewards, discount):
    result, later = [], torch.zeros_like(rewards[..., 0])
    for reward in reversed(rewards.unbind(-1)):
        later = reward + discount * later
        result.insert(0, later)
    return torch.stack(result, -1)


def _one_task(returns, features, ridge=1e-5):
    """What a ridge regression leaves over; returns `[n]`, features `[n, f]`."""
    gram = features.T @ features + ridge * torch.eye(features.shape[1], dtype=features.dtype)
    return returns - features @ torch.linalg.solve(gram, features.T @ returns)


def _per_task(normalise, left_over=_one_task):
    def answer(rewards, features, mask, discount):
        result, returns = torch.zeros_like(rewards), _to_go(rewards, discount)
        for task, own in enumerate(mask):
            result[task][own] = normalise(left_over(returns[task][own], features[task][own]))
        return result

    return answer


def _std(values):
    return (values - values.mean()) / values.std(correction=0)


def _per_episode(rewards, features, mask, discount):
    """Mean and deviation of each episode."""
    result, returns = torch.zeros_like(rewards), _to_go(rewards, discount)
    for task, own in enumerate(mask):
        raw = torch.zeros_like(rewards[task])
        raw[own] = _one_task(returns[task][own], features[task][own])
        for episode, steps in enumerate(own):
            values = raw[episode][steps]
            result[task, episode][steps] = (values - values.mean()) / (values.std(correction=0) + 1e-8)
    return result


def _returns_by_division(rewards, features, mask, discount):
    """Powers of γ divided out again: nothing is left where γ is 0."""
    powers = discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    returns = (rewards * powers).flip(-1).cumsum(-1).flip(-1) / powers
    result = torch.zeros_like(rewards)
    for task, own in enumerate(mask):
        result[task][own] = _std(_one_task(returns[task][own], features[task][own]))
    return result


def _across_the_axes(rewards, features, mask, discount):
    """Returns along the episodes in the place of time."""
    returns = _to_go(rewards.mT, discount).mT
    result = torch.zeros_like(rewards)
    for task, own in enumerate(mask):
        result[task][own] = _std(_one_task(returns[task][own], features[task][own]))
    return result


def _baseline_of_the_first_task(rewards, features, mask, discount):
    returns, own = _to_go(rewards, discount), mask[0]
    x = features[0][own]
    gram = x.T @ x + 1e-5 * torch.eye(x.shape[1], dtype=x.dtype)
    raw = returns - features @ torch.linalg.solve(gram, x.T @ returns[0][own])
    result = torch.zeros_like(rewards)
    for task, steps in enumerate(mask):
        result[task][steps] = _std(raw[task][steps])
    return result


def _in_single(rewards, features, mask, discount):
    return _per_task(_std)(rewards.float(), features.float(), mask, discount).double()


def _discounts_in_place(rewards, features, mask, discount):
    for t in range(rewards.shape[-1] - 2, -1, -1):
        rewards[..., t] += discount * rewards[..., t + 1]
    return _per_task(_std)(rewards, features, mask, 0.0)


def _nan_outside(rewards, features, mask, discount):
    return torch.where(mask, _per_task(_std)(rewards, features, mask, discount), torch.nan)


def _batched_solve(rewards, features, mask, discount):
    horizon = torch.arange(rewards.shape[-1])
    ahead = horizon - horizon[:, None]
    weight = torch.where(ahead >= 0, torch.as_tensor(discount, dtype=rewards.dtype) ** ahead.clamp(min=0), 0.0)
    returns = torch.einsum("nek,tk->net", rewards, weight)
    x, y = features.where(mask[..., None], 0.0).flatten(1, 2), returns.where(mask, 0.0).flatten(1)
    ridge = torch.eye(x.shape[-1], dtype=x.dtype) * 1e-5
    w = torch.einsum("nfg,ng->nf", torch.linalg.inv(x.mT @ x + ridge), torch.einsum("nsf,ns->nf", x, y))
    raw = returns - torch.einsum("netf,nf->net", features, w)
    count = mask.sum((1, 2))[:, None, None]
    raw = raw - (raw * mask).sum((1, 2), keepdim=True) / count
    return raw * mask / ((raw**2 * mask).sum((1, 2), keepdim=True) / count) ** 0.5


def _by_numpy(rewards, features, mask, discount):
    r, phi, m = rewards.numpy(), features.numpy(), mask.numpy()
    out = np.zeros_like(r)
    for i in range(len(r)):
        back = np.zeros_like(r[i])
        for t in range(r.shape[-1])[::-1]:
            back[:, t] = r[i][:, t] + (discount * back[:, t + 1] if t + 1 < r.shape[-1] else 0)
        x, y = phi[i][m[i]], back[m[i]]
        w = np.linalg.solve(x.T @ x + 1e-5 * np.identity(x.shape[1]), x.T @ y)
        left = y - x @ w
        out[i][m[i]] = (left - np.mean(left)) / np.std(left)
    return torch.tensor(out)


def _by_stacked_rows(rewards, features, mask, discount):
    """The ridge as further rows of least squares."""

    def left_over(returns, x):
        below = torch.eye(x.shape[1], dtype=x.dtype) * math.sqrt(1e-5)
        rows, targets = torch.cat([x, below]), torch.cat([returns, torch.zeros_like(below[0])])
        return returns - x @ torch.linalg.lstsq(rows, targets[:, None]).solution[:, 0]

    return _per_task(_std, left_over)(rewards, features, mask, discount)


# ------------------------------------------------------------------ inner_step


def _step(log_density, mean=None, through=dict):
    """The step of a log-density `[episode, time]` that autograd differentiates."""

    def answer(theta, states, actions, advantage, mask, alpha):
        leaves = {name: value.detach().clone().requires_grad_() for name, value in theta.items()}
        values = log_density(leaves["weight"], leaves["log_std"], states, actions) * advantage
        objective = (values * mask).sum() / mask.sum() if mean is None else mean(values, mask)
        slopes = torch.autograd.grad(objective, list(leaves.values()))
        return through((n, v.detach() + alpha * s) for (n, v), s in zip(leaves.items(), slopes, strict=True))

    return answer


def _normal(weight, log_std, states, actions):
    return Normal(states @ weight.T, log_std.exp()).log_prob(actions).sum(-1)


def _softplus_std(weight, log_std, states, actions):
    return Normal(states @ weight.T, torch.nn.functional.softplus(log_std)).log_prob(actions).sum(-1)


def _detached_std(weight, log_std, states, actions):
    return Normal(states @ weight.T, log_std.exp().detach()).log_prob(actions).sum(-1) + 0 * log_std.sum()


def _density_not_log(weight, log_std, states, actions):
    return Normal(states @ weight.T, log_std.exp()).log_prob(actions).sum(-1).exp()


def _mean_error(weight, log_std, states, actions):
    return -(actions - states @ weight.T).square().sum(-1) / (2 * log_std.exp().square().sum())


def _mean_of_episode_means(values, mask):
    return ((values * mask).sum(1) / mask.sum(1)).mean()


def _full_episodes_only(values, mask):
    full = mask.all(1)
    return (values * mask)[full].sum() / mask.sum()


def _writes_grad(theta, states, actions, advantage, mask, alpha):
    for value in theta.values():
        value.requires_grad_()
    total = (_normal(theta["weight"], theta["log_std"], states, actions) * advantage * mask).sum() / mask.sum()
    total.backward()
    return {name: (value + alpha * value.grad).detach() for name, value in theta.items()}


def _moves_theta_itself(theta, states, actions, advantage, mask, alpha):
    moved = _step(_normal)(theta, states, actions, advantage, mask, alpha)
    with torch.no_grad():
        for name, value in theta.items():
            value.copy_(moved[name])
    return {name: value.detach() for name, value in theta.items()}


def _weight_only(theta, states, actions, advantage, mask, alpha):
    return {"weight": _step(_normal)(theta, states, actions, advantage, mask, alpha)["weight"]}


def _scores_with_graph(theta, states, actions, advantage, mask, alpha):
    """Right, and it hangs on theta where theta asks for derivatives."""
    std = theta["log_std"].exp()
    z = (actions - states @ theta["weight"].T) / std
    a = (advantage * mask / mask.sum())[..., None]
    return {
        "weight": theta["weight"] + alpha * torch.einsum("eta,ets->as", a * z / std, states),
        "log_std": theta["log_std"] + alpha * (a * (z**2 - 1)).sum((0, 1)),
    }


def _step_in_single(theta, states, actions, advantage, mask, alpha):
    theta = {name: value.float() for name, value in theta.items()}
    moved = _step(_normal)(theta, states.float(), actions.float(), advantage.float(), mask, alpha)
    return {name: value.double() for name, value in moved.items()}


def _normalises_the_advantage(theta, states, actions, advantage, mask, alpha):
    own = advantage[mask]
    return _step(_normal)(theta, states, actions, advantage - own.mean(), mask, alpha)


def _independent(weight, log_std, states, actions):
    return Independent(Normal(states @ weight.T, log_std.exp()), 1).log_prob(actions)


def _multivariate(weight, log_std, states, actions):
    return MultivariateNormal(states @ weight.T, scale_tril=torch.diag(log_std.exp())).log_prob(actions)


def _mean_of_chosen(values, mask):
    return values[mask].mean()


def _scores_without_graph(theta, states, actions, advantage, mask, alpha):
    with torch.no_grad():
        return _scores_with_graph(theta, states, actions, advantage, mask, alpha)


def _functional(theta, states, actions, advantage, mask, alpha):
    def objective(parameters):
        values = _normal(parameters["weight"], parameters["log_std"], states, actions)
        return torch.where(mask, values * advantage, 0.0).sum() / mask.sum()

    slopes = torch.func.grad(objective)({name: value.detach() for name, value in theta.items()})
    return {name: value.detach() + alpha * slopes[name] for name, value in theta.items()}


# ------------------------------------------------------------------ trust_region_step


def _pieces(theta, curvature, centre, alpha):
    jacobian = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature
    ends = theta - alpha * torch.einsum("nij,nj->ni", curvature, theta - centre)
    g = torch.einsum("nij,njk,nk->i", jacobian, curvature, ends - centre) / len(centre)
    return jacobian, ends, g


def _mean_jacobian(theta, curvature, centre, alpha, sigma, delta):
    """The square of the mean in the place of the mean of squares."""
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    h = jacobian.mean(0) @ jacobian.mean(0) / sigma**2
    x = torch.linalg.solve(h, g)
    return -((2 * delta / (x @ h @ x)) ** 0.5) * x


def _mean_curvature(theta, curvature, centre, alpha, sigma, delta):
    return _closed(theta, curvature.mean(0, keepdim=True), centre.mean(0, keepdim=True), alpha, sigma, delta)


def _closed(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    x = torch.linalg.solve((jacobian @ jacobian).mean(0) / sigma**2, g)
    return -((2 * delta / (x @ g)) ** 0.5) * x


def _diagonal_metric(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    h = (jacobian @ jacobian).mean(0).diagonal() / sigma**2
    return -((2 * delta / (g * g / h).sum()) ** 0.5) * g / h


def _unscaled_natural_step(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    return -delta * torch.linalg.solve((jacobian @ jacobian).mean(0) / sigma**2, g)


def _fixed_length(theta, curvature, centre, alpha, sigma, delta):
    d = _closed(theta, curvature, centre, alpha, sigma, delta)
    return d / d.norm() * delta**0.5


def _curvature_of_the_loss(theta, curvature, centre, alpha, sigma, delta):
    """Newton's metric for Fisher's."""
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    x = torch.linalg.solve((jacobian @ curvature @ jacobian).mean(0), g)
    return -((2 * delta / (x @ g)) ** 0.5) * x


def _damped(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    h = (jacobian @ jacobian).mean(0) / sigma**2 + 1e-5 * torch.eye(len(theta), dtype=theta.dtype)
    x = torch.linalg.solve(h, g)
    return -((2 * delta / (x @ h @ x)) ** 0.5) * x


def _region_in_single(theta, curvature, centre, alpha, sigma, delta):
    return _closed(theta.float(), curvature.float(), centre.float(), alpha, sigma, delta).double()


def _double_backward(theta, curvature, centre, alpha, sigma, delta):
    point = theta.clone().requires_grad_()
    ends = point - alpha * torch.einsum("nij,nj->ni", curvature, point - centre)
    offset = ends - centre
    loss = 0.5 * torch.einsum("ni,nij,nj->n", offset, curvature, offset).mean()
    (g,) = torch.autograd.grad(loss, point)
    jacobian = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature
    x = torch.linalg.solve((jacobian @ jacobian).mean(0) / sigma**2, g)
    return -((2 * delta / (x @ g)) ** 0.5) * x


def _by_inverse(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    inverse = torch.linalg.inv(torch.einsum("nij,nkj->ik", jacobian, jacobian) / len(centre)) * sigma**2
    return -inverse @ g * math.sqrt(2 * delta / float(g @ inverse @ g))


def _by_cholesky(theta, curvature, centre, alpha, sigma, delta):
    jacobian, _, g = _pieces(theta, curvature, centre, alpha)
    root = torch.linalg.cholesky((jacobian.mT @ jacobian).mean(0)) / sigma
    y = torch.linalg.solve_triangular(root, -g[:, None], upper=False)
    return math.sqrt(2 * delta) * torch.linalg.solve_triangular(root.T, y / y.norm(), upper=True)[:, 0]


def _task_by_task(theta, curvature, centre, alpha, sigma, delta):
    g, h = np.zeros(len(theta)), np.zeros((len(theta), len(theta)))
    for a, c in zip(curvature.numpy(), centre.numpy(), strict=True):
        j = np.eye(len(theta)) - alpha * a
        g += j @ a @ j @ (theta.numpy() - c) / len(centre)
        h += j.T @ j / sigma**2 / len(centre)
    x = np.linalg.solve(h, g)
    return torch.from_numpy(-np.sqrt(2 * delta / (x @ h @ x)) * x)


# ------------------------------------------------------------------ meta_loss


def _density(theta, actions, sigma):
    return -(actions - theta).square().sum(-1) / (2 * sigma**2)


def _collect(theta, draws, goal, sigma):
    actions = (theta + sigma * draws).detach()
    reward = -(actions - goal).square().sum(-1)
    return actions, (reward - reward.mean()) / reward.std(correction=0)


def _ratio_loss(point, collector, actions, advantage, sigma):
    ratio = (_density(point, actions, sigma) - _density(collector, actions, sigma).detach()).exp()
    return -(ratio * advantage).mean()


def _loss(
    inner=_ratio_loss, outer=_ratio_loss, collect=_collect, old=None, draws=(0, 1), detach=lambda adapted: adapted
):
    def answer(theta, goals, noise, alpha, sigma):
        losses = []
        for goal, own in zip(goals, noise, strict=True):
            support = collect(theta, own[draws[0]], goal, sigma)
            slope = torch.autograd.grad(inner(theta, theta, *support, sigma), theta, create_graph=True)[0]
            adapted = detach(theta - alpha * slope)
            query = collect(adapted, own[draws[1]], goal, sigma)
            losses.append(outer(adapted, adapted if old is None else theta, *query, sigma))
        return sum(losses) / len(losses)

    return answer


def _log_loss(point, collector, actions, advantage, sigma):
    return -(_density(point, actions, sigma) * advantage).mean()


def _summed_loss(point, collector, actions, advantage, sigma):
    return _ratio_loss(point, collector, actions, advantage, sigma) * len(actions)


def _old_not_constant(point, collector, actions, advantage, sigma):
    return -((_density(point, actions, sigma) - _density(collector, actions, sigma)).exp() * advantage).mean()


def _live_actions(theta, draws, goal, sigma):
    actions = theta + sigma * draws
    reward = -(actions - goal).square().sum(-1)
    return actions, ((reward - reward.mean()) / reward.std(correction=0)).detach()


def _live_advantages(theta, draws, goal, sigma):
    actions = theta + sigma * draws
    reward = -(actions - goal).square().sum(-1)
    return actions.detach(), (reward - reward.mean()) / reward.std(correction=0)


def _raw_rewards(theta, draws, goal, sigma):
    actions = (theta + sigma * draws).detach()
    return actions, -(actions - goal).square().sum(-1)


def _centred_only(theta, draws, goal, sigma):
    actions, reward = _raw_rewards(theta, draws, goal, sigma)
    return actions, reward - reward.mean()


def _not_centred(theta, draws, goal, sigma):
    actions, reward = _raw_rewards(theta, draws, goal, sigma)
    return actions, reward / reward.std(correction=0)


def _gradient_itself(theta, goals, noise, alpha, sigma):
    loss = _loss()(theta, goals, noise, alpha, sigma)
    return torch.autograd.grad(loss, theta)[0]


def _gradient_times_theta(theta, goals, noise, alpha, sigma):
    return _gradient_itself(theta, goals, noise, alpha, sigma) @ theta


def _a_number(theta, goals, noise, alpha, sigma):
    return _loss()(theta, goals, noise, alpha, sigma).item()


def _writes_the_gradient(theta, goals, noise, alpha, sigma):
    loss = _loss()(theta, goals, noise, alpha, sigma)
    loss.backward(retain_graph=True)
    return loss


def _first_task_only(theta, goals, noise, alpha, sigma):
    return _loss()(theta, goals[:1], noise[:1], alpha, sigma)


def _functional_loss(theta, goals, noise, alpha, sigma):
    def of_task(goal, own):
        actions, advantage = _collect(theta, own[0], goal, sigma)
        slope = torch.func.grad(lambda p: _ratio_loss(p, theta, actions, advantage, sigma))(theta)
        adapted = theta - alpha * slope
        return _ratio_loss(adapted, adapted, *_collect(adapted, own[1], goal, sigma), sigma)

    return torch.stack([of_task(g, n) for g, n in zip(goals, noise, strict=True)]).mean()


def _closed_inner_gradient(theta, goals, noise, alpha, sigma):
    """The inner gradient by the score, with its weight, so that it can be differentiated."""
    losses = []
    for goal, (first, second) in zip(goals, noise, strict=True):
        actions, advantage = _collect(theta, first, goal, sigma)
        log_p = _density(theta, actions, sigma)
        weight = (log_p - log_p.detach()).exp() * advantage
        adapted = theta + alpha * (weight[:, None] * (actions - theta)).mean(0) / sigma**2
        losses.append(_ratio_loss(adapted, adapted, *_collect(adapted, second, goal, sigma), sigma))
    return torch.stack(losses).mean()


WRONG = [
    *((ch08.check_task_advantages, answer) for answer in (
        _per_task(lambda x: x / x.std(correction=0)), _per_task(lambda x: x - x.mean()),
        _per_task(lambda x: (x - x.mean()) / (x.std(correction=0) + 1e-3)),
        _per_task(lambda x: (x - x.mean()) / x.std()),
        _per_task(lambda x: (x - x.median()) / x.std(correction=0)),
        _per_task(lambda x: (x - x.mean()) / x.abs().mean()),
        _per_task(_std, lambda returns, x: _one_task(returns, x, 1e-3)),
        _per_task(_std, lambda returns, x: _one_task(returns, x - x.mean(0))),
        _per_task(_std, lambda returns, x: returns - returns.mean()),
        _per_episode, _returns_by_division, _across_the_axes, _baseline_of_the_first_task, _in_single,
        _discounts_in_place, _nan_outside,
    )),
    *((ch08.check_inner_step, answer) for answer in (
        _step(_softplus_std), _step(_detached_std), _step(_density_not_log), _step(_mean_error),
        _step(_normal, _mean_of_episode_means), _step(_normal, _full_episodes_only), _writes_grad, _moves_theta_itself,
        _weight_only, _scores_with_graph, _step_in_single, _normalises_the_advantage, _step(_normal, through=list),
    )),
    *((ch08.check_trust_region_step, answer) for answer in (
        _mean_jacobian, _mean_curvature, _diagonal_metric, _unscaled_natural_step, _fixed_length,
        _curvature_of_the_loss, _damped, _region_in_single, _double_backward,
    )),
    *((ch08.check_meta_loss, answer) for answer in (
        _loss(inner=_log_loss), _loss(outer=_log_loss), _loss(outer=_summed_loss), _loss(inner=_summed_loss),
        _loss(inner=_old_not_constant), _loss(outer=_old_not_constant), _loss(collect=_live_actions),
        _loss(collect=_live_advantages), _loss(collect=_raw_rewards), _loss(collect=_centred_only),
        _loss(collect=_not_centred), _loss(old="theta"),
        _loss(draws=(1, 0)), _loss(draws=(0, 0)), _loss(detach=torch.Tensor.detach), _gradient_itself,
        _gradient_times_theta, _a_number, _writes_the_gradient, _first_task_only,
    )),
]  # fmt: skip

RIGHT = [
    *((ch08.check_task_advantages, answer) for answer in (
        _batched_solve, _by_numpy, _by_stacked_rows, _per_task(_std),
    )),
    *((ch08.check_inner_step, answer) for answer in (
        _step(_independent), _step(_multivariate), _step(_normal, _mean_of_chosen), _scores_without_graph, _functional,
    )),
    *((ch08.check_trust_region_step, answer) for answer in (_closed, _by_inverse, _by_cholesky, _task_by_task)),
    *((ch08.check_meta_loss, answer) for answer in (_loss(), _functional_loss, _closed_inner_gradient)),
]  # fmt: skip
