"""More answers to chapter 09's exercises, by somebody who had read the exercises and not the checks."""

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from metarl_core.check import ch09

from . import named

grad = torch.autograd.grad

# ------------------------------------------------------------------ dice_loss, wrong


def _magic(c):
    return (c - c.detach()).exp()


def _dice(x, advantage, mask, before=None, n=None, sign=-1.0):
    """DiCE from log-probabilities that are zero in the padding."""
    c = x.cumsum(1)
    b = c - x if before is None else before(c)
    terms = torch.where(mask, (_magic(c) - _magic(b)) * torch.where(mask, advantage, 0.0), 0.0)
    return sign * terms.sum() / (mask.sum() if n is None else n)


def _clean(log_pi, mask):
    return torch.where(mask, log_pi, torch.zeros_like(log_pi))


def _sum_over_episodes_only(log_pi, advantage, mask):
    return _dice(_clean(log_pi, mask), advantage, mask, n=len(mask))


def _divided_by_all_places(log_pi, advantage, mask):
    return _dice(_clean(log_pi, mask), advantage, mask, n=mask.numel())


def _total_not_mean(log_pi, advantage, mask):
    return _dice(_clean(log_pi, mask), advantage, mask, n=1)


def _climbs(log_pi, advantage, mask):
    return _dice(_clean(log_pi, mask), advantage, mask, sign=1.0)


def _without_the_second_term(log_pi, advantage, mask):
    return _dice(_clean(log_pi, mask), advantage, mask, before=torch.zeros_like)


def _second_term_one_later(log_pi, advantage, mask):
    return _dice(_clean(log_pi, mask), advantage, mask, before=lambda c: c.roll(1, 1))


def _first_step_left_out(log_pi, advantage, mask):
    def before(c):
        return torch.cat([c[:, :1], c[:, :-1]], 1)

    return _dice(_clean(log_pi, mask), advantage, mask, before=before)


def _cumulates_over_episodes(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x.cumsum(0)
    return -(torch.where(mask, (_magic(c) - _magic(c - x)) * advantage, 0.0)).sum() / mask.sum()


def _one_long_episode(log_pi, advantage, mask):
    x = log_pi[mask]
    c = x.cumsum(0)
    return -((_magic(c) - _magic(c - x)) * advantage[mask]).sum() / mask.sum()


def _mean_of_episode_means(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x.cumsum(1)
    terms = torch.where(mask, (_magic(c) - _magic(c - x)) * torch.where(mask, advantage, 0.0), 0.0)
    return -(terms.sum(1) / mask.sum(1)).mean()


def _lvc_only(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    return -(torch.where(mask, _magic(x) * torch.where(mask, advantage, 0.0), 0.0)).sum() / mask.sum()


def _naive_surrogate(log_pi, advantage, mask):
    return -(log_pi[mask] * advantage[mask]).mean()


def _mask_by_multiplication(log_pi, advantage, mask):
    return _dice(log_pi * mask, advantage, mask)


def _masked_at_the_end_only(log_pi, advantage, mask):
    c = log_pi.cumsum(1)
    terms = (_magic(c) - _magic(c - log_pi)) * advantage
    return -terms[mask].sum() / mask.sum()


def _advantage_multiplied_by_mask(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x.cumsum(1)
    return -((_magic(c) - _magic(c - x)) * (advantage * mask)).sum() / mask.sum()


def _nothing_is_constant(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x.cumsum(1)
    return -(torch.where(mask, (c.exp() - (c - x).exp()) * torch.where(mask, advantage, 0.0), 0.0)).sum() / mask.sum()


def _rewards_of_the_future(log_pi, advantage, mask):
    x, a = _clean(log_pi, mask), torch.where(mask, advantage, 0.0)
    to_go = a.flip(1).cumsum(1).flip(1)
    c = x.cumsum(1)
    return -((_magic(c) - _magic(c - x)) * to_go).sum() / mask.sum()


def _from_the_end(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x.flip(1).cumsum(1).flip(1)
    return -(torch.where(mask, (_magic(c) - _magic(c - x)) * torch.where(mask, advantage, 0.0), 0.0)).sum() / mask.sum()


def _vector_a_step(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x.cumsum(1)
    return -((_magic(c) - _magic(c - x)) * torch.where(mask, advantage, 0.0)).sum(1) / mask.sum()


def _history_stopped(log_pi, advantage, mask):
    x = _clean(log_pi, mask)
    c = x + (x.cumsum(1) - x).detach()
    b = (c - x).detach()
    return -(torch.where(mask, (_magic(c) - _magic(b)) * torch.where(mask, advantage, 0.0), 0.0)).sum() / mask.sum()


# ------------------------------------------------------------------ dice_loss, right


def _episode_after_episode(log_pi, advantage, mask):
    total = 0
    for x, a, m in zip(log_pi, advantage, mask, strict=True):
        x, a = x[m], a[m]
        c = torch.cumsum(x, 0)
        total = total + ((c - c.detach()).exp() - (c - x - (c - x).detach()).exp()) @ a
    return -total / mask.sum()


def _running_products(log_pi, advantage, mask):
    total, number = torch.zeros((), dtype=torch.float64), 0
    for e in range(len(mask)):
        so_far = torch.ones((), dtype=torch.float64)
        for t in range(int(mask[e].sum())):
            now = so_far * torch.exp(log_pi[e, t] - log_pi[e, t].detach())
            total, so_far, number = total + (now - so_far) * advantage[e, t], now, number + 1
    return total / -number


def _advantage_differences(log_pi, advantage, mask):
    """Summation by parts: each box stands once, with A_t − A_{t+1}."""
    x = log_pi.masked_fill(~mask, 0.0)
    a = advantage.masked_fill(~mask, 0.0)
    c = x.cumsum(-1)
    later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1)
    return -(_magic(c) * (a - later)).sum() / mask.sum()


def _second_order_in_closed_form(log_pi, advantage, mask):
    """A polynomial with the same gradient and Hessian: half the square of the sum, up to where an advantage stands."""
    x, a = (v.masked_fill(~mask, 0.0) for v in (log_pi, advantage))
    z = x - x.detach()
    c = z.cumsum(1)
    b = c - z
    return -((c + c.square() / 2 - b - b.square() / 2) * a).sum() / mask.sum().double()


def _padded_sequences(log_pi, advantage, mask):
    lengths = mask.sum(1).tolist()
    x = pad_sequence([row[m] for row, m in zip(log_pi, mask, strict=True)], batch_first=True)
    a = pad_sequence([row[m] for row, m in zip(advantage, mask, strict=True)], batch_first=True)
    c = x.cumsum(1)
    factor = _magic(c - x) * (_magic(x) - 1)
    return -torch.einsum("et,et->", factor, a) / sum(lengths)


def _lower_triangle(log_pi, advantage, mask):
    x = torch.where(mask, log_pi, 0.0)
    ones = torch.ones(x.shape[1], x.shape[1], dtype=x.dtype)
    boxes = [torch.exp(x @ t - (x @ t).detach()) for t in (ones.triu(), ones.triu(1))]
    return -((boxes[0] - boxes[1])[mask] * advantage[mask]).sum() / int(mask.sum())


# ------------------------------------------------------------------ bandit_hessians, wrong


def _true(p, q):
    d = p * (q - p @ q)
    return torch.diag(d) - torch.outer(d, p) - torch.outer(p, d)


def _covariance(p):
    return torch.diag(p) - torch.outer(p, p)


def _naive_is_true(p, q, b):
    return {"true": _true(p, q), "naive": _true(p, q - b)}


def _naive_with_plus(p, q, b):
    return {"true": _true(p, q), "naive": (p @ q - b) * _covariance(p)}


def _baseline_left_out(p, q, b):
    return {"true": _true(p, q), "naive": -(p @ q) * _covariance(p)}


def _unweighted_mean(p, q, b):
    d = p * (q - q.mean())
    return {
        "true": torch.diag(d) - torch.outer(d, p) - torch.outer(p, d),
        "naive": -(q.mean() - b) * _covariance(p),
    }


def _mean_reward_constant(p, q, b):
    d = p * (q - p @ q)
    return {"true": torch.diag(d) - torch.outer(d, p), "naive": -(p @ q - b) * _covariance(p)}


def _only_the_diagonals(p, q, b):
    return {"true": torch.diag(_true(p, q).diagonal()), "naive": torch.diag(-(p @ q - b) * p * (1 - p))}


def _arm_by_arm_baseline(p, q, b):
    return {"true": _true(p, q), "naive": -torch.diag(q - b) * _covariance(p)}


def _matrix_product_for_outer(p, q, b):
    d = p * (q - p @ q)
    return {"true": torch.diag(d) - d * p - p * d, "naive": -(p @ q - b) * (torch.diag(p) - p * p)}


def _expected_square(p, q, b):
    score = torch.eye(len(p), dtype=p.dtype) - p
    return {"true": torch.einsum("a,ai,aj->ij", p * q, score, score), "naive": -(p @ q - b) * _covariance(p)}


def _weighted_by_q(p, q, b):
    return {"true": _true(p, q), "naive": -torch.diag(p * (q - b)) + torch.outer(p * (q - b), p)}


def _names_exchanged(p, q, b):
    return {"true": -(p @ q - b) * _covariance(p), "naive": _true(p, q)}


def _baseline_in_the_true_one(p, q, b):
    d = p * (q - b)
    return {
        "true": torch.diag(d) - torch.outer(d, p) - torch.outer(p, d),
        "naive": -(p @ q - b) * _covariance(p),
    }


def _by_autograd(p, q, b):
    theta = p.log()
    hessian = torch.autograd.functional.hessian
    return {
        "true": hessian(lambda t: t.softmax(0) @ q, theta),
        "naive": hessian(lambda t: (p * t.log_softmax(0) * (q - b)).sum(), theta),
    }


def _by_torch_func_hessian(p, q, b):
    theta = p.log()
    return {
        "true": torch.func.hessian(lambda t: t.softmax(0) @ q)(theta),
        "naive": torch.func.hessian(lambda t: (p * t.log_softmax(0) * (q - b)).sum())(theta),
    }


def _three_arms(p, q, b):
    eye = torch.eye(3, dtype=torch.float64)
    d = p * (q - p @ q)
    return {
        "true": eye * d - torch.outer(d, p) - torch.outer(p, d),
        "naive": -(p @ q - b) * (eye * p - torch.outer(p, p)),
    }


def _a_pair(p, q, b):
    return _true(p, q), -(p @ q - b) * _covariance(p)


def _subtracts_from_q(p, q, b):
    q -= b
    return {"true": _true(p, q), "naive": -(p @ q) * _covariance(p)}


def _naive_zero(p, q, b):
    return {"true": _true(p, q), "naive": torch.zeros(len(p), len(p), dtype=torch.float64)}


def _single_precision(p, q, b):
    return {"true": _true(p.float(), q.float()), "naive": -(p @ q - b).float() * _covariance(p.float())}


# ------------------------------------------------------------------ bandit_hessians, right


def _entry_by_entry(p, q, b):
    k, mean = len(p), float(sum(p * q))
    true, naive = torch.zeros(k, k).double(), torch.zeros(k, k).double()
    for i in range(k):
        for j in range(k):
            same = float(i == j)
            true[i, j] = p[i] * ((same - p[j]) * (q[i] - mean) - p[j] * (q[j] - mean))
            naive[i, j] = -(mean - b) * p[i] * (same - p[j])
    return {"true": true, "naive": naive}


def _jacobian_of_softmax(p, q, b):
    j = torch.diag_embed(p) - p[:, None] * p
    mean = torch.dot(p, q)
    return {"naive": (b - mean) * j, "true": j * (q - mean)[:, None] - p[:, None] * (j @ q)}


def _scores_and_curvature(p, q, b):
    eye = torch.eye(len(p), dtype=torch.float64)
    score = eye - p
    fisher = torch.einsum("a,ai,aj->ij", p, score, score)
    return {"true": torch.einsum("a,ai,aj->ij", p * q, score, score) - (p @ q) * fisher, "naive": (b - p @ q) * fisher}


def _hessians_in_numpy(p, q, b):
    p, q = p.numpy(), q.numpy()
    d = p * (q - p @ q)
    return {
        "true": torch.from_numpy(np.diag(d) - np.outer(d, p) - np.outer(p, d)),
        "naive": torch.from_numpy((b - np.average(q, weights=p)) * (np.diag(p) - np.outer(p, p))),
    }


def _three_index_sum(p, q, b):
    """Sum over arms of q_a ∂²p_a."""
    d = torch.eye(len(p), dtype=p.dtype)
    score = d - p  # [a, i]
    second = p[:, None, None] * (score[:, :, None] * score[:, None, :] - (torch.diag(p) - torch.outer(p, p)))
    naive = -torch.stack([p[a] * (q[a] - b) * (torch.diag(p) - torch.outer(p, p)) for a in range(len(p))]).sum(0)
    return dict(true=torch.tensordot(q, second, 1), naive=naive)


def _naive_as_a_case_of_scaled_covariance(p, q, b):
    def covariance(weights):
        middle = weights @ torch.eye(len(weights), dtype=weights.dtype)
        return middle.diag() - middle.ger(middle)

    d = (q - (p * q).sum()).mul(p)
    both = d.ger(p)
    return {"true": d.diag() - (both + both.T), "naive": covariance(p).mul(b).sub(covariance(p) * (p * q).sum())}


# ------------------------------------------------------------------ sampling_term, wrong


def _score(log_pi, mask):
    return torch.where(mask, log_pi, torch.zeros_like(log_pi)).sum((1, 2))


def _others(outcome):
    return (outcome.sum() - outcome) / (len(outcome) - 1)


def _own_in_the_baseline(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) * (o - o.mean())).mean()


def _no_baseline(log_pi, mask, outcome):
    return -(_score(log_pi, mask) * outcome.detach()).mean()


def _outcome_with_its_graph(log_pi, mask, outcome):
    return -(_score(log_pi, mask) * (outcome - _others(outcome))).mean()


def _baseline_with_its_graph(log_pi, mask, outcome):
    return -(_score(log_pi, mask) * (outcome.detach() - _others(outcome))).mean()


def _score_of_a_mean_step(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) / mask.sum((1, 2)) * (o - _others(o))).mean()


def _score_of_a_mean_episode(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) / mask.shape[1] * (o - _others(o))).mean()


def _summed_over_tasks(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) * (o - _others(o))).sum()


def _ascends(log_pi, mask, outcome):
    o = outcome.detach()
    return (_score(log_pi, mask) * (o - _others(o))).mean()


def _next_task_as_baseline(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) * (o - o.roll(1))).mean()


def _sum_of_the_others(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) * (o - (o.sum() - o))).mean()


def _divided_by_all_tasks(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi, mask) * (o - (o.sum() - o) / len(o))).mean()


def _standardised_outcomes(log_pi, mask, outcome):
    o = outcome.detach() - _others(outcome.detach())
    return -(_score(log_pi, mask) * o / (o.std() + 1e-8)).mean()


def _product_with_the_mask(log_pi, mask, outcome):
    o = outcome.detach()
    return -((log_pi * mask).sum((1, 2)) * (o - _others(o))).mean()


def _padding_summed(log_pi, mask, outcome):
    o = outcome.detach()
    return -(torch.nan_to_num(log_pi, 0.0, 0.0, 0.0).sum((1, 2)) * (o - _others(o))).mean()


def _probabilities_for_logs(log_pi, mask, outcome):
    o = outcome.detach()
    return -(torch.where(mask, log_pi.exp(), 0.0).sum((1, 2)) * (o - _others(o))).mean()


def _median_of_the_others(log_pi, mask, outcome):
    o = outcome.detach()
    rest = torch.stack([torch.cat([o[:i], o[i + 1 :]]).median() for i in range(len(o))])
    return -(_score(log_pi, mask) * (o - rest)).mean()


def _gradient_switched_off(log_pi, mask, outcome):
    with torch.no_grad():
        o = outcome - _others(outcome)
        return -(_score(log_pi, mask) * o).mean()


def _one_loss_a_task(log_pi, mask, outcome):
    o = outcome.detach()
    return -_score(log_pi, mask) * (o - _others(o)) / len(o)


def _zero_written_into_log_pi(log_pi, mask, outcome):
    o = outcome.detach()
    log_pi.data[~mask] = 0.0
    return -(log_pi.sum((1, 2)) * (o - _others(o))).mean()


def _first_episode(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_score(log_pi[:, :1], mask[:, :1]) * (o - _others(o))).mean()


# ------------------------------------------------------------------ sampling_term, right


def _scaled_deviation_from_the_mean(log_pi, mask, outcome):
    o = outcome.detach()
    return -(o - o.mean()) @ log_pi.masked_fill(~mask, 0).flatten(1).sum(1) / (len(o) - 1)


def _task_after_task(log_pi, mask, outcome):
    numbers = outcome.tolist()
    total = 0.0
    for i, number in enumerate(numbers):
        rest = numbers[:i] + numbers[i + 1 :]
        total = total - (number - sum(rest) / len(rest)) * log_pi[i][mask[i]].sum()
    return total / len(numbers)


def _pairs_of_tasks(log_pi, mask, outcome):
    score = torch.stack([x[m].sum() for x, m in zip(log_pi, mask, strict=True)])
    o, t = outcome.detach(), len(outcome)
    gap = o[:, None] - o[None, :]
    return -(score[:, None] * gap).sum() / (t * (t - 1))


def _matrix_of_others(log_pi, mask, outcome):
    t = len(outcome)
    centre = torch.eye(t).double() - (1 - torch.eye(t).double()) / (t - 1)
    with torch.no_grad():
        weight = centre @ outcome
    steps = torch.where(mask, log_pi, 0.0)
    return -torch.einsum("net,n->", steps, weight) / t


def _selected_steps(log_pi, mask, outcome):
    o = outcome.detach().clone()
    weight = (o - (o.sum() - o).div(len(o) - 1))[:, None, None].expand_as(mask)[mask]
    return torch.dot(log_pi[mask], weight).neg().div(len(o))


def _padding_filled_in_a_copy(log_pi, mask, outcome):
    x = log_pi.clone()
    x[~mask] = 0.0
    episodes = [[float(v) for j, v in enumerate(outcome) if j != i] for i in range(len(outcome))]
    base = torch.tensor([sum(e) / len(e) for e in episodes], dtype=torch.float64)
    return -torch.mean(x.sum(dim=2).sum(dim=1) * (outcome.detach() - base))


# ------------------------------------------------------------------ meta_loss, wrong


def _lvc(theta, tasks, alpha, sigma, density=None, surrogate=None, keep=True, mean=torch.mean, end=None):
    losses = []
    for actions, advantage, goal in tasks:
        if density is None:
            log_pi = -((actions - theta) ** 2).sum(-1) / (2 * sigma**2)
        else:
            log_pi = density(theta, actions, sigma)
        ratio = (log_pi - log_pi.detach()).exp()
        value = (ratio * advantage).mean() if surrogate is None else surrogate(log_pi, ratio, advantage)
        (slope,) = grad(value, theta, create_graph=keep)
        adapted = theta + alpha * slope
        losses.append((adapted - goal).square().sum() if end is None else end(adapted, goal))
    return mean(torch.stack(losses))


def _log_for_ratio(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, surrogate=lambda x, ratio, a: (x * a).mean())


def _advantages_centred(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, surrogate=lambda x, ratio, a: (ratio * (a - a.mean())).mean())


def _advantages_normalised(theta, tasks, alpha, sigma):
    return _lvc(
        theta, tasks, alpha, sigma, surrogate=lambda x, ratio, a: (ratio * (a - a.mean()) / a.std(correction=0)).mean()
    )


def _summed_over_actions(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, surrogate=lambda x, ratio, a: (ratio * a).sum())


def _first_order(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, keep=False)


def _summed_over_tasks_too(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, mean=torch.sum)


def _mean_over_coordinates(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, end=lambda adapted, goal: (adapted - goal).square().mean())


def _distance_to_the_goal(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, end=lambda adapted, goal: (adapted - goal).norm())


def _negative_distance(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, end=lambda adapted, goal: -(adapted - goal).square().sum())


def _mean_over_dimensions(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, density=lambda t, a, s: -((a - t) ** 2).mean(-1) / (2 * s**2))


def _sigma_for_variance(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, density=lambda t, a, s: -((a - t) ** 2).sum(-1) / (2 * s))


def _without_the_half(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, alpha, sigma, density=lambda t, a, s: -((a - t) ** 2).sum(-1) / s**2)


def _downhill_inside(theta, tasks, alpha, sigma):
    return _lvc(theta, tasks, -alpha, sigma)


def _product_of_ratios_of_dimensions(theta, tasks, alpha, sigma):
    losses = []
    for actions, advantage, goal in tasks:
        log_pi = -((actions - theta) ** 2) / (2 * sigma**2)
        ratio = (log_pi - log_pi.detach()).exp().sum(-1)
        (slope,) = grad((ratio * advantage).mean(), theta, create_graph=True)
        losses.append((theta + alpha * slope - goal).square().sum())
    return torch.stack(losses).mean()


def _fresh_leaf(theta, tasks, alpha, sigma):
    losses = []
    for actions, advantage, goal in tasks:
        start = theta.detach().clone().requires_grad_()
        log_pi = -((actions - start) ** 2).sum(-1) / (2 * sigma**2)
        (slope,) = grad(((log_pi - log_pi.detach()).exp() * advantage).mean(), start, create_graph=True)
        losses.append((theta + alpha * slope - goal).square().sum())
    return torch.stack(losses).mean()


def _exact_jacobian_of_the_expectation(theta, tasks, alpha, sigma):
    losses = []
    for _, _, goal in tasks:
        losses.append((theta - 2 * alpha * (theta - goal) - goal).square().sum())
    return torch.stack(losses).mean()


def _dice_over_the_batch(theta, tasks, alpha, sigma):
    def surrogate(x, ratio, a):
        c = x.cumsum(0)
        return (((c - c.detach()).exp() - (c - x - (c - x).detach()).exp()) * a).mean()

    return _lvc(theta, tasks, alpha, sigma, surrogate=surrogate)


def _goals_averaged_first(theta, tasks, alpha, sigma):
    goal = torch.stack([t[2] for t in tasks]).mean(0)
    return _lvc(theta, [(a, adv, goal) for a, adv, _ in tasks], alpha, sigma)


def _tasks_in_a_chain(theta, tasks, alpha, sigma):
    losses, point = [], theta
    for actions, advantage, goal in tasks:
        log_pi = -((actions - point) ** 2).sum(-1) / (2 * sigma**2)
        (slope,) = grad(((log_pi - log_pi.detach()).exp() * advantage).mean(), point, create_graph=True)
        point = point + alpha * slope
        losses.append((point - goal).square().sum())
    return torch.stack(losses).mean()


# ------------------------------------------------------------------ meta_loss, right


def _independent_normal(theta, tasks, alpha, sigma):
    total = 0
    for actions, advantage, goal in tasks:
        log_pi = torch.distributions.Normal(theta, sigma).log_prob(actions).sum(-1)
        (slope,) = grad((torch.exp(log_pi - log_pi.detach()) * advantage).mean(), theta, create_graph=True)
        total = total + torch.sum((theta + alpha * slope - goal) ** 2)
    return total / len(tasks)


def _lvc_slope_by_hand(theta, tasks, alpha, sigma):
    losses = []
    for actions, advantage, goal in tasks:
        log_pi = -((actions - theta) ** 2).sum(1) / (2 * sigma**2)
        weight = (log_pi - log_pi.detach()).exp() * advantage
        slope = (weight[:, None] * (actions - theta)).mean(0) / sigma**2
        gap = theta + alpha * slope - goal
        losses.append(gap @ gap)
    return torch.stack(losses).mean()


def _with_torch_func(theta, tasks, alpha, sigma):
    def surrogate(point, actions, advantage, old):
        log_pi = (-(actions - point).pow(2) / (2 * sigma**2)).sum(-1)
        return ((log_pi - old).exp() * advantage).mean()

    def one(actions, advantage, goal):
        old = (-(actions - theta.detach()).pow(2) / (2 * sigma**2)).sum(-1)
        return (theta + alpha * torch.func.grad(surrogate)(theta, actions, advantage, old) - goal).square().sum()

    return torch.stack([one(*task) for task in tasks]).mean()


def _old_policy_at_the_detached_theta(theta, tasks, alpha, sigma):
    losses, frozen = [], theta.detach()
    for actions, advantage, goal in tasks:
        new = torch.distributions.MultivariateNormal(theta, sigma**2 * torch.eye(2, dtype=theta.dtype))
        old = torch.distributions.MultivariateNormal(frozen, sigma**2 * torch.eye(2, dtype=theta.dtype))
        ratio = (new.log_prob(actions) - old.log_prob(actions)).exp()
        slope = grad(torch.mean(ratio * advantage), [theta], create_graph=True)[0]
        losses.append(torch.linalg.vector_norm(theta + alpha * slope - goal) ** 2)
    return sum(losses) / len(losses)


def _second_order_expansion(theta, tasks, alpha, sigma):
    """A slope whose value and first derivative are those of the LVC surrogate's."""
    losses = []
    for actions, advantage, goal in tasks:
        score = (actions - theta.detach()) / sigma**2
        slope = (score * advantage[:, None]).mean(0)
        outer = torch.einsum("n,ni,nj->ij", advantage, score, score) / len(advantage)
        hessian = outer - advantage.mean() / sigma**2 * torch.eye(2, dtype=theta.dtype)
        adapted = theta + alpha * (slope + hessian @ (theta - theta.detach()))
        losses.append((adapted - goal).square().sum())
    return torch.stack(losses).mean()


def _ratio_as_a_quotient(theta, tasks, alpha, sigma):
    losses = []
    for actions, advantage, goal in tasks:
        log_shift = -torch.sum((actions - theta.detach()) ** 2, -1) / 2 / sigma**2
        now = torch.exp(-torch.sum((actions - theta) ** 2, -1) / 2 / sigma**2 - log_shift)
        (slope,) = grad((now / now.detach() * advantage).mean(), theta, create_graph=True)
        losses.append(((theta + alpha * slope - goal) ** 2).sum())
    return torch.stack(losses).mean()


def _clipped_ratio(theta, tasks, alpha, sigma):
    """PPO's clipping, at the policy that the actions were drawn with: all ratios are 1, and nothing is clipped."""

    def surrogate(x, ratio, a):
        return torch.minimum(ratio * a, ratio.clamp(1.0, 1.2) * a).mean()

    return _lvc(theta, tasks, alpha, sigma, surrogate=surrogate)


WRONG = [
    *named(
        ch09.check_dice_loss,
        _sum_over_episodes_only,
        _divided_by_all_places,
        _total_not_mean,
        _climbs,
        _without_the_second_term,
        _second_term_one_later,
        _first_step_left_out,
        _cumulates_over_episodes,
        _one_long_episode,
        _mean_of_episode_means,
        _lvc_only,
        _naive_surrogate,
        _mask_by_multiplication,
        _masked_at_the_end_only,
        _advantage_multiplied_by_mask,
        _nothing_is_constant,
        _rewards_of_the_future,
        _from_the_end,
        _vector_a_step,
        _history_stopped,
    ),
    *named(
        ch09.check_bandit_hessians,
        _naive_is_true,
        _naive_with_plus,
        _baseline_left_out,
        _unweighted_mean,
        _mean_reward_constant,
        _only_the_diagonals,
        _arm_by_arm_baseline,
        _matrix_product_for_outer,
        _expected_square,
        _weighted_by_q,
        _names_exchanged,
        _baseline_in_the_true_one,
        _by_autograd,
        _by_torch_func_hessian,
        _three_arms,
        _a_pair,
        _subtracts_from_q,
        _naive_zero,
        _single_precision,
    ),
    *named(
        ch09.check_sampling_term,
        _own_in_the_baseline,
        _no_baseline,
        _outcome_with_its_graph,
        _baseline_with_its_graph,
        _score_of_a_mean_step,
        _score_of_a_mean_episode,
        _summed_over_tasks,
        _ascends,
        _next_task_as_baseline,
        _sum_of_the_others,
        _divided_by_all_tasks,
        _standardised_outcomes,
        _product_with_the_mask,
        _padding_summed,
        _probabilities_for_logs,
        _median_of_the_others,
        _gradient_switched_off,
        _one_loss_a_task,
        _zero_written_into_log_pi,
        _first_episode,
    ),
    *named(
        ch09.check_meta_loss,
        _log_for_ratio,
        _advantages_centred,
        _advantages_normalised,
        _summed_over_actions,
        _first_order,
        _summed_over_tasks_too,
        _mean_over_coordinates,
        _distance_to_the_goal,
        _negative_distance,
        _mean_over_dimensions,
        _sigma_for_variance,
        _without_the_half,
        _downhill_inside,
        _product_of_ratios_of_dimensions,
        _fresh_leaf,
        _exact_jacobian_of_the_expectation,
        _dice_over_the_batch,
        _goals_averaged_first,
        _tasks_in_a_chain,
    ),
]

RIGHT = [
    *named(
        ch09.check_dice_loss,
        _episode_after_episode,
        _running_products,
        _advantage_differences,
        _second_order_in_closed_form,
        _padded_sequences,
        _lower_triangle,
    ),
    *named(
        ch09.check_bandit_hessians,
        _entry_by_entry,
        _jacobian_of_softmax,
        _scores_and_curvature,
        _hessians_in_numpy,
        _three_index_sum,
        _naive_as_a_case_of_scaled_covariance,
    ),
    *named(
        ch09.check_sampling_term,
        _scaled_deviation_from_the_mean,
        _task_after_task,
        _pairs_of_tasks,
        _matrix_of_others,
        _selected_steps,
        _padding_filled_in_a_copy,
    ),
    *named(
        ch09.check_meta_loss,
        _independent_normal,
        _lvc_slope_by_hand,
        _with_torch_func,
        _old_policy_at_the_detached_theta,
        _second_order_expansion,
        _ratio_as_a_quotient,
        _clipped_ratio,
    ),
]
