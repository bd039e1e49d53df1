"""Answers to the exercises of chapter 09."""

from fractions import Fraction

import torch
from torch.autograd import grad

from metarl_core.check import ch09

# ------------------------------------------------------------------ dice_loss, wrong


def _weights(c, x):
    before = c - x
    return torch.exp(c - c.detach()) - torch.exp(before - before.detach())


def _kept(values, mask):
    return values.masked_fill(~mask, 0.0)


def _dice(log_pi, advantage, mask):
    x = _kept(log_pi, mask)
    return -(_weights(x.cumsum(1), x) * _kept(advantage, mask)).sum() / mask.sum()


def _dice_in_float32(log_pi, advantage, mask):
    return _dice(log_pi.float(), advantage.float(), mask).double()


def _dice_with_raw_ratios(log_pi, advantage, mask):
    c = _kept(log_pi, mask).cumsum(1)
    return -(c.exp() * _kept(advantage, mask)).sum() / mask.sum()


def _dice_before_is_not_stopped_apart(log_pi, advantage, mask):
    x = _kept(log_pi, mask)
    c = x.cumsum(1)
    w = torch.exp(c - c.detach()) - torch.exp(c.detach() - x - c.detach() + x.detach())
    return -(w * _kept(advantage, mask)).sum() / mask.sum()


def _dice_shifted_by_roll(log_pi, advantage, mask):
    c = _kept(log_pi, mask).cumsum(1)
    before = c.roll(1, 1)  # the last sum comes first
    w = torch.exp(c - c.detach()) - torch.exp(before - before.detach())
    return -(w * _kept(advantage, mask)).sum() / mask.sum()


def _dice_first_order_before(log_pi, advantage, mask):
    x = _kept(log_pi, mask)
    c = x.cumsum(1)
    w = torch.exp(c - c.detach()) - (c - x)
    return -(w * _kept(advantage, mask)).sum() / mask.sum()


def _dice_with_the_baseline_of_the_batch(log_pi, advantage, mask):
    a = advantage - advantage[mask].mean()
    return _dice(log_pi, a, mask)


def _dice_with_advantages_scaled(log_pi, advantage, mask):
    a = advantage[mask]
    return _dice(log_pi, advantage / a.std(correction=0).clamp_min(1e-8), mask)


def _dice_of_the_first_episode(log_pi, advantage, mask):
    return _dice(log_pi[:1], advantage[:1], mask[:1])


def _dice_as_an_array(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask)[None]


def _dice_as_a_float(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask).item()


def _dice_with_nan_to_num_after_the_sum(log_pi, advantage, mask):
    x = log_pi * mask
    return -torch.nan_to_num(_weights(x.cumsum(1), x) * advantage * mask).sum() / mask.sum()


def _dice_backward(log_pi, advantage, mask):
    loss = _dice(log_pi, advantage, mask)
    loss.backward(retain_graph=True)
    return loss


def _dice_horizon_for_all(log_pi, advantage, mask):
    x = _kept(log_pi, mask)
    return -(_weights(x.cumsum(1), x) * _kept(advantage, mask)).sum() / (len(mask) * mask.sum(1).max())


def _dice_of_the_first_five_steps(log_pi, advantage, mask):
    short = mask.clone()
    short[:, 5:] = False
    return _dice(log_pi, advantage, short) * short.sum() / mask.sum()


def _dice_mean_by_column(log_pi, advantage, mask):
    x = _kept(log_pi, mask)
    terms = _weights(x.cumsum(1), x) * _kept(advantage, mask)
    return -(terms.sum(0) / mask.sum(0).clamp(min=1)).mean()


# ------------------------------------------------------------------ dice_loss, right


def _dice_by_second_order(log_pi, advantage, mask):
    """Two terms of the exponential's series: the derivatives that are asked for need no more."""
    x = _kept(log_pi, mask)
    c, b = x.cumsum(1) - x.cumsum(1).detach(), x.cumsum(1) - x - (x.cumsum(1) - x).detach()
    return -((c + c * c / 2 - b - b * b / 2) * _kept(advantage, mask)).sum() / mask.sum()


def _dice_without_padding(log_pi, advantage, mask):
    x = log_pi[mask]
    episode = mask.nonzero()[:, 0]
    c = x.cumsum(0)
    first = torch.cat((torch.tensor([True]), episode[1:] != episode[:-1]))
    c = c - (c - x)[first][episode]
    b = c - x
    return -((torch.exp(c - c.detach()) - torch.exp(b - b.detach())) * advantage[mask]).mean()


def _dice_by_loops(log_pi, advantage, mask):
    total, steps = 0.0, 0
    for x, a, m in zip(log_pi, advantage, mask, strict=True):
        c = torch.zeros((), dtype=log_pi.dtype)
        for t in range(int(m.sum())):
            before, c = c, c + x[t]
            total = total + (torch.exp(c - c.detach()) - torch.exp(before - before.detach())) * a[t]
            steps += 1
    return -total / steps


def _dice_by_parts(log_pi, advantage, mask):
    """Summed by parts: boxes times differences of advantages; its value is another, its derivatives the same."""
    total = 0.0
    for x, a, m in zip(log_pi, advantage, mask, strict=True):
        n = int(m.sum())
        c = x[:n].cumsum(0)
        later = torch.cat((a[1:n], a.new_zeros(1)))
        total = total + ((c - c.detach()).exp() * (a[:n] - later)).sum()
    return -total / mask.sum()


def _dice_by_expm1_and_einsum(log_pi, advantage, mask):
    x = log_pi.where(mask, torch.zeros((), dtype=log_pi.dtype))
    triangle = torch.ones(x.shape[1], x.shape[1], dtype=x.dtype).tril()
    c, b = torch.einsum("ts,es->et", triangle, x), torch.einsum("ts,es->et", triangle.tril(-1), x)
    w = torch.expm1(c - c.detach()) - torch.expm1(b - b.detach())
    return -(w[mask] * advantage[mask]).mean()


def _dice_as_box_times_score(log_pi, advantage, mask):
    """exp(c − ⊥c) − exp(b − ⊥b) = exp(b − ⊥b) (exp(x − ⊥x) − 1)."""
    x = torch.where(mask, log_pi, torch.zeros_like(log_pi))
    before = x.cumsum(1) - x
    w = (before - before.detach()).exp() * ((x - x.detach()).exp() - 1)
    return -(w * torch.where(mask, advantage, torch.zeros_like(advantage)))[mask].mean()


# ------------------------------------------------------------------ bandit_hessians, wrong


def _true(p, q):
    away = p * (q - p @ q)
    return torch.diag(away) - torch.outer(away, p) - torch.outer(p, away)


def _covariance(p):
    return torch.diag(p) - torch.outer(p, p)


def _both(true, naive):
    return lambda p, q, b: {"true": true(p, q), "naive": naive(p, q, b)}


def _naive(p, q, b):
    return -(p @ q - b) * _covariance(p)


def _hessians_by_autograd(p, q, b):
    theta = p.log()
    hessian = torch.autograd.functional.hessian
    return {
        "true": hessian(lambda x: x.softmax(0) @ q, theta),
        "naive": hessian(lambda x: p * (q - b) @ x.log_softmax(0), theta),
    }


def _hessians_half_by_autograd(p, q, b):
    return {"true": torch.func.hessian(lambda x: x.softmax(0) @ q)(p.log()), "naive": _naive(p, q, b)}


def _hessians_by_forward_mode(p, q, b):
    jacobian = torch.func.jacfwd(lambda x: x.softmax(0) * (q - x.softmax(0) @ q))
    return {"true": jacobian(p.log()), "naive": _naive(p, q, b)}


def _hessians_in_probabilities(p, q, b):
    return {"true": torch.zeros(len(p), len(p)).double(), "naive": -torch.diag((q - b) / p)}


def _hessians_with_uniform_average(p, q, b):
    return {"true": _true(p, q), "naive": -(q.mean() - b) * _covariance(p)}


def _hessians_as_a_tuple(p, q, b):
    return _true(p, q), _naive(p, q, b)


def _hessians_for_three_arms(p, q, b):
    right = {"true": _true(p, q), "naive": _naive(p, q, b)}
    return {name: torch.block_diag(m[:3, :3], 0 * m[3:, 3:]) for name, m in right.items()}


def _hessians_rounded(p, q, b):
    return {"true": _true(p, q).float().double(), "naive": _naive(p, q, b).float().double()}


# ------------------------------------------------------------------ bandit_hessians, right


def _hessians_entry_by_entry(p, q, b):
    k = len(p)
    mean = sum(float(p[a]) * float(q[a]) for a in range(k))
    true, naive = torch.zeros(k, k, dtype=torch.float64), torch.zeros(k, k, dtype=torch.float64)
    for i in range(k):
        for j in range(k):
            own = 1.0 if i == j else 0.0
            true[i, j] = p[i] * (own - p[j]) * (q[i] - mean) - p[i] * p[j] * (q[j] - mean)
            naive[i, j] = -(mean - b) * p[i] * (own - p[j])
    return {"naive": naive, "true": true}


def _hessians_by_scores(p, q, b):
    score = torch.eye(len(p), dtype=p.dtype) - p
    outer = torch.einsum("a,a,ai,aj->ij", p, q, score, score)
    return {"true": outer - torch.dot(p, q) * _covariance(p), "naive": (b - p.dot(q)) * _covariance(p)}


def _hessians_in_fractions(p, q, b):
    p, q, b = [Fraction(x) for x in p.tolist()], [Fraction(x) for x in q.tolist()], Fraction(b)
    mean = sum(x * y for x, y in zip(p, q, strict=True))
    k = range(len(p))
    true = [[p[i] * ((i == j) - p[j]) * (q[i] - mean) - p[i] * p[j] * (q[j] - mean) for j in k] for i in k]
    naive = [[-(mean - b) * p[i] * ((i == j) - p[j]) for j in k] for i in k]
    as_tensor = lambda rows: torch.tensor([[float(x) for x in row] for row in rows], dtype=torch.float64)  # noqa: E731
    return {"true": as_tensor(true), "naive": as_tensor(naive)}


# ------------------------------------------------------------------ sampling_term, wrong


def _relative(outcome):
    o = outcome.detach()
    return (o - o.mean()) * len(o) / (len(o) - 1)


def _scores(log_pi, mask):
    return _kept(log_pi, mask).sum((1, 2))


def _term(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * _relative(outcome)).mean()


def _term_as_a_box(log_pi, mask, outcome):
    s = _scores(log_pi, mask)
    return -((s - s.detach()).exp() * _relative(outcome)).mean()


def _term_without_its_value(log_pi, mask, outcome):
    term = _term(log_pi, mask, outcome)
    return term - term.detach()


def _term_with_the_next_task(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * (outcome - outcome.roll(1)).detach()).mean()


def _term_with_the_median(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - o.median())).mean()


def _term_with_the_best_of_the_others(log_pi, mask, outcome):
    o = outcome.detach()
    best = torch.stack([torch.cat((o[:i], o[i + 1 :])).max() for i in range(len(o))])
    return -(_scores(log_pi, mask) * (o - best)).mean()


def _term_baseline_carries_a_graph(log_pi, mask, outcome):
    others = (outcome.sum() - outcome) / (len(outcome) - 1)
    return -(_scores(log_pi, mask) * (outcome.detach() - others)).mean()


def _term_for_two_tasks(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - o.flip(0))).mean()


def _term_probability_not_its_logarithm(log_pi, mask, outcome):
    return -(_scores(log_pi, mask).exp() * _relative(outcome)).mean()


def _term_of_the_first_episode(log_pi, mask, outcome):
    return _term(log_pi[:, :1], mask[:, :1], outcome)


def _term_in_float32(log_pi, mask, outcome):
    return _term(log_pi.float(), mask, outcome.float()).double()


def _term_detaches_in_place(log_pi, mask, outcome):
    outcome.requires_grad_(False)
    return _term(log_pi, mask, outcome)


def _term_writes_the_padding(log_pi, mask, outcome):
    with torch.no_grad():
        log_pi[~mask] = 0.0
    return _term(log_pi, mask, outcome)


def _term_per_task(log_pi, mask, outcome):
    return -_scores(log_pi, mask) * _relative(outcome) / len(outcome)


# ------------------------------------------------------------------ sampling_term, right


def _term_by_loops(log_pi, mask, outcome):
    found = 0.0
    for i in range(len(outcome)):
        baseline = sum(float(outcome[j].detach()) for j in range(len(outcome)) if j != i) / (len(outcome) - 1)
        for episode in range(mask.shape[1]):
            found = found + (float(outcome[i].detach()) - baseline) * log_pi[i, episode][mask[i, episode]].sum()
    return -found / len(outcome)


def _term_by_a_matrix(log_pi, mask, outcome):
    with torch.no_grad():
        n = len(outcome)
        centre = (torch.eye(n, dtype=outcome.dtype) * n - 1) / (n - 1)
        factor = centre @ outcome
    return -torch.einsum("i,i->", torch.stack([x[m].sum() for x, m in zip(log_pi, mask, strict=True)]), factor) / n


def _term_by_logsumexp(log_pi, mask, outcome):
    score = log_pi.flatten(1).where(mask.flatten(1), torch.tensor(0.0, dtype=log_pi.dtype)).sum(-1)
    return torch.nn.functional.linear(score[None], -_relative(outcome)[None])[0, 0] / len(outcome)


def _term_in_place_on_its_own(log_pi, mask, outcome):
    x = log_pi.clone()
    x[~mask] = 0
    return x.sum(2).sum(1).mul(_relative(outcome)).neg().mean()


def _term_as_a_covariance(log_pi, mask, outcome):
    o, s = outcome.detach(), _scores(log_pi, mask)
    return -((s - s.mean()) * (o - o.mean())).sum() / (len(o) - 1)


def _term_with_nan_to_num(log_pi, mask, outcome):
    with torch.no_grad():
        factor = outcome - (outcome.sum() - outcome) / (len(outcome) - 1)
    return -torch.nan_to_num(log_pi, 0.0, 0.0, 0.0).mul(mask).sum((-1, -2)).mul(factor).mean()


# ------------------------------------------------------------------ meta_loss, wrong


def _outer(step, reduce=lambda losses: sum(losses) / len(losses)):
    def answer(theta, tasks, alpha, sigma):
        losses = []
        for actions, advantage, goal in tasks:
            log_pi = torch.distributions.Normal(theta, sigma).log_prob(actions).sum(-1)
            ratio = torch.exp(log_pi - log_pi.detach())
            losses.append(((step(theta, ratio, advantage, alpha, sigma) - goal) ** 2).sum())
        return reduce(losses)

    return answer


def _plain_step(theta, ratio, advantage, alpha, sigma):
    return theta + alpha * grad((ratio * advantage).mean(), theta, create_graph=True)[0]


def _centred_step(theta, ratio, advantage, alpha, sigma):
    return _plain_step(theta, ratio, advantage - advantage.mean(), alpha, sigma)


def _natural_step(theta, ratio, advantage, alpha, sigma):
    return _plain_step(theta, ratio, advantage, alpha * sigma**2, sigma)


def _clipped_step(theta, ratio, advantage, alpha, sigma):
    (slope,) = grad((ratio * advantage).mean(), theta, create_graph=True)
    return theta + alpha * slope * (1.0 / slope.norm().detach()).clamp(max=1.0)


def _two_steps(theta, ratio, advantage, alpha, sigma):
    return theta + 2 * (_plain_step(theta, ratio, advantage, alpha / 2, sigma) - theta) * (1 + 1e-4)


def _cut_behind_the_step(theta, ratio, advantage, alpha, sigma):
    return theta + alpha * grad((ratio * advantage).mean(), theta)[0]


def _through_the_step_only(theta, ratio, advantage, alpha, sigma):
    return _plain_step(theta, ratio, advantage, alpha, sigma) - theta + theta.detach()


def _unbiased_mean_step(theta, ratio, advantage, alpha, sigma):
    n = max(len(advantage) - 1, 1)
    return theta + alpha * grad((ratio * advantage).sum() / n, theta, create_graph=True)[0]


def _of_the_last_task(losses):
    return losses[-1]


def _lvc_with_backward(theta, tasks, alpha, sigma):
    loss = _outer(_plain_step)(theta, tasks, alpha, sigma)
    loss.backward(retain_graph=True)
    return loss


def _lvc_with_variance_for_sigma(theta, tasks, alpha, sigma):
    return _outer(_plain_step)(theta, tasks, alpha, sigma**2)


def _lvc_with_dice_signs(theta, tasks, alpha, sigma):
    return -_outer(_plain_step)(theta, tasks, alpha, sigma)


# ------------------------------------------------------------------ meta_loss, right


def _lvc_in_closed_form(theta, tasks, alpha, sigma):
    """The step by hand, through a score whose derivatives are those of the ratio."""
    losses = []
    for actions, advantage, goal in tasks:
        score = (actions - theta) / sigma**2
        log_pi = -0.5 * ((actions - theta) ** 2).sum(1) / sigma**2
        ratio = (log_pi - log_pi.detach()).exp()
        slope = (ratio[:, None] * score * advantage[:, None]).mean(0)
        losses.append(torch.sum((theta + alpha * slope - goal).pow(2)))
    return sum(losses) / len(tasks)


def _lvc_by_torch_func(theta, tasks, alpha, sigma):
    def one(actions, advantage, goal):
        def surrogate(point):
            density = torch.distributions.MultivariateNormal(point, sigma**2 * torch.eye(2).double()).log_prob(actions)
            return torch.mean(torch.exp(density - density.detach()) * advantage)

        return (theta + alpha * torch.func.grad(surrogate)(theta) - goal).square().sum()

    return torch.stack([one(*task) for task in tasks]).mean()


def _lvc_stacked(theta, tasks, alpha, sigma):
    actions, advantage, goal = (torch.stack(parts) for parts in zip(*tasks, strict=True))
    each = theta.expand(len(goal), 2)
    log_pi = torch.distributions.Normal(each[:, None], sigma).log_prob(actions).sum(-1)
    surrogate = ((log_pi - log_pi.detach()).exp() * advantage).mean(1).sum()
    (slope,) = torch.autograd.grad(surrogate, each, create_graph=True)
    return (theta + alpha * slope - goal).square().sum(1).mean()


WRONG = [
    (ch09.check_dice_loss, _dice_in_float32),
    (ch09.check_dice_loss, _dice_with_raw_ratios),
    (ch09.check_dice_loss, _dice_before_is_not_stopped_apart),
    (ch09.check_dice_loss, _dice_shifted_by_roll),
    (ch09.check_dice_loss, _dice_first_order_before),
    (ch09.check_dice_loss, _dice_with_the_baseline_of_the_batch),
    (ch09.check_dice_loss, _dice_with_advantages_scaled),
    (ch09.check_dice_loss, _dice_of_the_first_episode),
    (ch09.check_dice_loss, _dice_as_an_array),
    (ch09.check_dice_loss, _dice_as_a_float),
    (ch09.check_dice_loss, _dice_with_nan_to_num_after_the_sum),
    (ch09.check_dice_loss, _dice_backward),
    (ch09.check_dice_loss, _dice_horizon_for_all),
    (ch09.check_dice_loss, _dice_of_the_first_five_steps),
    (ch09.check_dice_loss, _dice_mean_by_column),
    (ch09.check_bandit_hessians, _hessians_by_autograd),
    (ch09.check_bandit_hessians, _hessians_half_by_autograd),
    (ch09.check_bandit_hessians, _hessians_by_forward_mode),
    (ch09.check_bandit_hessians, _hessians_in_probabilities),
    (ch09.check_bandit_hessians, _hessians_with_uniform_average),
    (ch09.check_bandit_hessians, _hessians_as_a_tuple),
    (ch09.check_bandit_hessians, _hessians_for_three_arms),
    (ch09.check_bandit_hessians, _hessians_rounded),
    (ch09.check_bandit_hessians, _both(lambda p, q: _true(p, q) / 2, _naive)),
    (ch09.check_bandit_hessians, _both(_true, lambda p, q, b: -(p @ (q - b).clamp(min=0)) * _covariance(p))),
    (ch09.check_sampling_term, _term_as_a_box),
    (ch09.check_sampling_term, _term_without_its_value),
    (ch09.check_sampling_term, _term_with_the_next_task),
    (ch09.check_sampling_term, _term_with_the_median),
    (ch09.check_sampling_term, _term_with_the_best_of_the_others),
    (ch09.check_sampling_term, _term_baseline_carries_a_graph),
    (ch09.check_sampling_term, _term_for_two_tasks),
    (ch09.check_sampling_term, _term_probability_not_its_logarithm),
    (ch09.check_sampling_term, _term_of_the_first_episode),
    (ch09.check_sampling_term, _term_in_float32),
    (ch09.check_sampling_term, _term_detaches_in_place),
    (ch09.check_sampling_term, _term_writes_the_padding),
    (ch09.check_sampling_term, _term_per_task),
    (ch09.check_meta_loss, _outer(_centred_step)),
    (ch09.check_meta_loss, _outer(_natural_step)),
    (ch09.check_meta_loss, _outer(_clipped_step)),
    (ch09.check_meta_loss, _outer(_two_steps)),
    (ch09.check_meta_loss, _outer(_cut_behind_the_step)),
    (ch09.check_meta_loss, _outer(_through_the_step_only)),
    (ch09.check_meta_loss, _outer(_unbiased_mean_step)),
    (ch09.check_meta_loss, _outer(_plain_step, _of_the_last_task)),
    (ch09.check_meta_loss, _lvc_with_backward),
    (ch09.check_meta_loss, _lvc_with_variance_for_sigma),
    (ch09.check_meta_loss, _lvc_with_dice_signs),
]

RIGHT = [
    (ch09.check_dice_loss, _dice),
    (ch09.check_dice_loss, _dice_by_loops),
    (ch09.check_dice_loss, _dice_by_parts),
    (ch09.check_dice_loss, _dice_by_expm1_and_einsum),
    (ch09.check_dice_loss, _dice_as_box_times_score),
    (ch09.check_dice_loss, _dice_by_second_order),
    (ch09.check_dice_loss, _dice_without_padding),
    (ch09.check_bandit_hessians, _hessians_entry_by_entry),
    (ch09.check_bandit_hessians, _hessians_by_scores),
    (ch09.check_bandit_hessians, _hessians_in_fractions),
    (ch09.check_sampling_term, _term),
    (ch09.check_sampling_term, _term_by_loops),
    (ch09.check_sampling_term, _term_by_a_matrix),
    (ch09.check_sampling_term, _term_as_a_covariance),
    (ch09.check_sampling_term, _term_with_nan_to_num),
    (ch09.check_sampling_term, _term_by_logsumexp),
    (ch09.check_sampling_term, _term_in_place_on_its_own),
    (ch09.check_meta_loss, _outer(_plain_step)),
    (ch09.check_meta_loss, _lvc_in_closed_form),
    (ch09.check_meta_loss, _lvc_by_torch_func),
    (ch09.check_meta_loss, _lvc_stacked),
]
