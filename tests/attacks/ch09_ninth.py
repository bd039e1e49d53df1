"""Answers to exercises of chapter 09, from a ninth attack."""

import numpy as np
import torch

from metarl_core.check import ch09

from . import named

# ------------------------------------------------------------------ DiCE


def _dice(clean=None, total=None, weight=None, advantage_of=None, divide=None):
    def answer(log_pi, advantage, mask):
        x = torch.where(mask, log_pi, torch.zeros_like(log_pi)) if clean is None else clean(log_pi, mask)
        a = (
            torch.where(mask, advantage, torch.zeros_like(advantage))
            if advantage_of is None
            else advantage_of(advantage, mask)
        )
        c = x.cumsum(1) if total is None else total(x)
        b = c - x
        w = (c - c.detach()).exp() - (b - b.detach()).exp() if weight is None else weight(c, b, x)
        return -(w * a).sum() / (mask.sum() if divide is None else divide(mask))

    return answer


def _log_sum(log_pi, advantage, mask):
    """The exponential of the whole episode for each of its steps."""
    x = torch.where(mask, log_pi, 0.0)
    c = x.sum(1, keepdim=True)
    return -((c - c.detach()).exp() * torch.where(mask, advantage, 0.0)).sum() / mask.sum()


def _masks_by_product(log_pi, advantage, mask):
    x = log_pi * mask
    c = x.cumsum(1)
    b = c - x
    return -(((c - c.detach()).exp() - (b - b.detach()).exp()) * advantage * mask).sum() / mask.sum()


def _infinite_only(log_pi, advantage, mask):
    """inf is taken out, NaN is not."""
    m = mask.to(log_pi.dtype)
    x = log_pi.clamp(-1e9, 1e9) * m
    c = x.cumsum(1)
    b = c - x
    return -(((c - c.detach()).exp() - (b - b.detach()).exp()) * advantage.clamp(-1e9, 1e9) * m).sum() / m.sum()


def _where_at_the_end(log_pi, advantage, mask):
    """The value is clean; the gradient runs through the padding."""
    c = log_pi.cumsum(1)
    b = c - log_pi
    w = (c - c.detach()).exp() - (b - b.detach()).exp()
    return -torch.where(mask, w * advantage, 0.0).sum() / mask.sum()


def _episode_by_episode(log_pi, advantage, mask):
    total, steps = 0.0, 0
    for x, a, m in zip(log_pi, advantage, mask, strict=True):
        before = torch.zeros((), dtype=x.dtype)
        for t in range(int(m.sum())):
            now = before + x[t]
            total = total + a[t] * ((now - now.detach()).exp() - (before - before.detach()).exp())
            before, steps = now, steps + 1
    return -total / steps


def _products(log_pi, advantage, mask):
    """Each step's own exponential, multiplied up."""
    x = log_pi.masked_fill(~mask, 0)
    one = (x - x.detach()).exp()
    c = one.cumprod(1)
    b = torch.cat([torch.ones_like(c[:, :1]), c[:, :-1]], 1)
    return (b - c).mul(advantage.masked_fill(~mask, 0)).sum().div(mask.sum())


def _dice_of_later(log_pi, advantage, mask):
    """w factored: exp(b) times (exp(x) − 1)."""
    x, a = log_pi[mask].new_zeros(log_pi.shape), advantage.new_zeros(advantage.shape)
    x, a = x.masked_scatter(mask, log_pi[mask]), a.masked_scatter(mask, advantage[mask])
    b = x.cumsum(1) - x
    return -torch.einsum("et,et,et->", (b - b.detach()).exp(), torch.expm1(x - x.detach()), a) / mask.sum()


# ------------------------------------------------------------------ Hessians


def _hessians(true=None, naive=None):
    def answer(p, q, b):
        mean = (p * q).sum()
        d = p * (q - mean)
        cov = torch.diag(p) - torch.outer(p, p)
        return {
            "true": torch.diag(d) - torch.outer(d, p) - torch.outer(p, d) if true is None else true(p, q, d, cov, mean),
            "naive": -(mean - b) * cov if naive is None else naive(p, q, b, cov, mean),
        }

    return answer


def _hessians_autograd(p, q, b):
    theta = p.log()
    true = torch.autograd.functional.hessian(lambda t: (t.softmax(0) * q).sum(), theta)
    naive = torch.autograd.functional.hessian(lambda t: (p * t.log_softmax(0) * (q - b)).sum(), theta)
    return {"true": true, "naive": naive}


def _hessians_loops(p, q, b):
    n, mean = len(p), float(p @ q)
    true, naive = torch.zeros(n, n, dtype=p.dtype), torch.zeros(n, n, dtype=p.dtype)
    for i in range(n):
        for j in range(n):
            same = 1.0 if i == j else 0.0
            slope = p[i] * (same - p[j])  # of p_i by θ_j
            true[i, j] = slope * (q[i] - mean) - p[i] * p[j] * (q[j] - mean)
            naive[i, j] = -(mean - b) * slope
    return {"naive": naive, "true": true}


def _hessians_third_moments(p, q, b):
    """As expectations over the arm."""
    score = torch.eye(len(p), dtype=p.dtype) - p  # [arm, parameter]
    cov = torch.einsum("a,ai,aj->ij", p, score, score)
    true = torch.einsum("a,a,ai,aj->ij", p, q, score, score) - (p @ q) * cov
    return {"true": true, "naive": (b - p @ q) * cov}


def _hessians_numpy(p, q, b):
    x, y = p.numpy(), q.numpy()
    jacobian = np.diag(x) - np.outer(x, x)
    gap = y - x @ y
    true = np.diag(gap) @ jacobian - np.outer(x, jacobian @ y)
    return {"true": torch.from_numpy(true), "naive": torch.from_numpy(jacobian * (b - x @ y))}


# ------------------------------------------------------------------ what was collected


def _sampling(baseline=None, score=None, total=None, outcome_of=None):
    def answer(log_pi, mask, outcome):
        o = outcome.detach() if outcome_of is None else outcome_of(outcome)
        others = (o.sum() - o) / (len(o) - 1) if baseline is None else baseline(o)
        s = torch.where(mask, log_pi, torch.zeros_like(log_pi)).sum((1, 2)) if score is None else score(log_pi, mask)
        return -((o - others) * s).mean() if total is None else total(o - others, s)

    return answer


def _sampling_neighbours(o):
    """The mean of the task before and the one behind."""
    return (o.roll(1) + o.roll(-1)) / 2


def _sampling_loops(log_pi, mask, outcome):
    o, total = outcome.tolist(), 0
    for i in range(len(o)):
        rest = [v for j, v in enumerate(o) if j != i]
        total = total - (o[i] - sum(rest) / len(rest)) * log_pi[i][mask[i]].sum()
    return total / len(o)


def _sampling_scaled(log_pi, mask, outcome):
    """o less the mean of the others is T / (T − 1) times o less the mean of all."""
    o, tasks = outcome.detach(), len(outcome)
    weight = -(o - o.mean()) / (tasks - 1)
    return torch.dot(weight, log_pi.masked_fill(~mask, 0.0).flatten(1).sum(1))


def _sampling_matrix(log_pi, mask, outcome):
    tasks = len(outcome)
    away = torch.eye(tasks).to(log_pi) - (1 - torch.eye(tasks).to(log_pi)) / (tasks - 1)
    where = mask.nonzero(as_tuple=True)
    score = torch.zeros(tasks, dtype=log_pi.dtype).index_add(0, where[0], log_pi[where])
    return -(away @ outcome.data.clone()) @ score / tasks


# ------------------------------------------------------------------ LVC


def _lvc(density=None, ratio=None, graph=True, step=None, loss=None, total=None, advantage_of=None, wanted=None):
    def answer(theta, tasks, alpha, sigma):
        losses = []
        for actions, advantage, goal in tasks:
            log_pi = torch.distributions.Normal(theta, sigma).log_prob(actions)
            log_pi = log_pi.sum(-1) if density is None else density(log_pi)
            rho = (log_pi - log_pi.detach()).exp() if ratio is None else ratio(log_pi)
            a = advantage if advantage_of is None else advantage_of(advantage)
            (slope,) = torch.autograd.grad((rho * a).mean(), theta, create_graph=graph)
            adapted = theta + alpha * slope if step is None else step(theta, alpha, slope)
            losses.append((adapted - goal).square().sum() if loss is None else loss(adapted, goal))
        return torch.stack(losses).mean() if total is None else total(losses)

    return answer


def _lvc_dice(theta, tasks, alpha, sigma):
    """The ratio of the product over all actions: DiCE over samples instead of LVC."""
    losses = []
    for actions, advantage, goal in tasks:
        log_pi = -(actions - theta).square().sum(-1) / (2 * sigma**2)
        c = log_pi.cumsum(0)
        (slope,) = torch.autograd.grad(((c - c.detach()).exp() * advantage).mean(), theta, create_graph=True)
        losses.append((theta + alpha * slope - goal).square().sum())
    return torch.stack(losses).mean()


def _lvc_on_a_copy(theta, tasks, alpha, sigma):
    """The step ends at θ, but begins at a leaf of its own."""
    start = theta.detach().clone().requires_grad_()
    return _lvc()(start, tasks, alpha, sigma) + 0 * theta.sum()


def _lvc_closed(theta, tasks, alpha, sigma):
    total = 0
    for actions, advantage, goal in tasks:
        z = (actions - theta) / sigma**2
        log_pi = -0.5 * sigma**2 * z.square().sum(1)
        slope = ((log_pi - log_pi.detach()).exp()[:, None] * z * advantage[:, None]).mean(0)
        total = total + (theta + alpha * slope - goal).pow(2).sum()
    return total / len(tasks)


def _lvc_func(theta, tasks, alpha, sigma):
    def surrogate(point, actions, advantage, old):
        log_pi = torch.distributions.Normal(point, sigma, validate_args=False).log_prob(actions).sum(-1)
        return (torch.exp(log_pi - old) * advantage).mean()

    losses = []
    for actions, advantage, goal in tasks:
        old = torch.distributions.Normal(theta.detach(), sigma).log_prob(actions).sum(-1)
        adapted = theta + alpha * torch.func.grad(surrogate)(theta, actions, advantage, old)
        losses.append(torch.nn.functional.mse_loss(adapted, goal, reduction="sum"))
    return sum(losses) / len(losses)


def _lvc_multivariate(theta, tasks, alpha, sigma):
    found = []
    for actions, advantage, goal in reversed(tasks):
        policy = torch.distributions.MultivariateNormal(theta, sigma**2 * torch.eye(2).to(theta))
        log_pi = policy.log_prob(actions)
        surrogate = torch.dot(torch.exp(log_pi - log_pi.detach()), advantage) / len(advantage)
        step = torch.autograd.grad(surrogate, [theta], create_graph=True)[0]
        found.append(torch.linalg.vector_norm(theta + alpha * step - goal) ** 2)
    return torch.stack(found).mean()


WRONG = [
    *named(
        ch09.check_dice_loss,
        _log_sum,
        _masks_by_product,
        _infinite_only,
        _where_at_the_end,
        over_all=_dice(divide=lambda mask: mask.numel()),
        over_episodes=_dice(divide=lambda mask: len(mask)),
        over_longest=_dice(divide=lambda mask: len(mask) * mask.sum(1).max()),
        along_episodes=_dice(total=lambda x: x.cumsum(0)),
        across_rows=_dice(total=lambda x: x.flatten().cumsum(0).view(x.shape)),
        backwards=_dice(total=lambda x: x.flip(1).cumsum(1).flip(1)),
        lvc=_dice(weight=lambda c, b, x: (x - x.detach()).exp()),
        naive=_dice(weight=lambda c, b, x: c - b),
        no_difference=_dice(weight=lambda c, b, x: (c - c.detach()).exp()),
        stopped_past=_dice(weight=lambda c, b, x: (c - c.detach()).exp() - (b - b.detach()).exp().detach()),
        past_constant=_dice(weight=lambda c, b, x: (b.detach() + x - c.detach()).exp() - (b - b.detach()).exp() * 0),
        no_minus=_dice(weight=lambda c, b, x: (b - b.detach()).exp() - (c - c.detach()).exp()),
        centred=_dice(advantage_of=lambda a, m: torch.where(m, a - a[m].mean(), 0.0)),
        discounted=_dice(total=lambda x: (x * 0.999 ** torch.arange(x.shape[1])).cumsum(1)),
    ),
    *named(
        ch09.check_bandit_hessians,
        _hessians_autograd,
        minus_both=_hessians(true=lambda p, q, d, cov, m: torch.diag(d) + torch.outer(d, p) + torch.outer(p, d)),
        one_outer=_hessians(true=lambda p, q, d, cov, m: torch.diag(d) - 2 * torch.outer(d, p)),
        no_diagonal=_hessians(true=lambda p, q, d, cov, m: -torch.outer(d, p) - torch.outer(p, d)),
        fixed_mean=_hessians(true=lambda p, q, d, cov, m: torch.diag(d) - torch.outer(d, p)),
        q_not_centred=_hessians(
            true=lambda p, q, d, cov, m: torch.diag(p * q) - torch.outer(p * q, p) - torch.outer(p, p * q)
        ),
        squared=_hessians(true=lambda p, q, d, cov, m: cov * (q - m)),
        with_baseline=_hessians(
            true=lambda p, q, d, cov, m: torch.diag(d) - torch.outer(d, p) - torch.outer(p, d) + 0.1 * cov
        ),
        no_baseline=_hessians(naive=lambda p, q, b, cov, m: -m * cov),
        plus=_hessians(naive=lambda p, q, b, cov, m: (m - b) * cov),
        arm_by_arm=_hessians(naive=lambda p, q, b, cov, m: -torch.diag(q - b) @ cov),
        plain_mean=_hessians(naive=lambda p, q, b, cov, m: -(q.mean() - b) * cov),
        diagonal=_hessians(naive=lambda p, q, b, cov, m: -(m - b) * torch.diag(p * (1 - p))),
        not_outer=_hessians(naive=lambda p, q, b, cov, m: -(m - b) * (torch.diag(p) - p * p)),
    ),
    *named(
        ch09.check_sampling_term,
        with_own=_sampling(baseline=lambda o: o.mean()),
        neighbours=_sampling(baseline=_sampling_neighbours),
        next_task=_sampling(baseline=lambda o: o.roll(-1)),
        median=_sampling(
            baseline=lambda o: torch.stack([torch.cat([o[:i], o[i + 1 :]]).median() for i in range(len(o))])
        ),
        sum_of_others=_sampling(baseline=lambda o: o.sum() - o),
        no_baseline=_sampling(baseline=lambda o: 0 * o),
        of_all_over_less=_sampling(baseline=lambda o: o.sum() / (len(o) - 1)),
        mean_episodes=_sampling(score=lambda x, m: torch.where(m, x, 0.0).sum(2).mean(1)),
        mean_steps=_sampling(score=lambda x, m: torch.where(m, x, 0.0).sum((1, 2)) / m.sum((1, 2))),
        times_mask=_sampling(score=lambda x, m: (x * m).sum((1, 2))),
        nan_to_zero=_sampling(score=lambda x, m: (x.nan_to_num(0.0, 0.0, 0.0)).sum((1, 2))),
        ratio=_sampling(score=lambda x, m: (torch.where(m, x - x.detach(), 0.0)).sum((1, 2)).exp()),
        graph=_sampling(outcome_of=lambda o: o),
        summed=_sampling(total=lambda a, s: -(a * s).sum()),
        up=_sampling(total=lambda a, s: (a * s).mean()),
        standardised=_sampling(total=lambda a, s: -(a / a.std() * s).mean()),
        over_t_less_one=_sampling(total=lambda a, s: -(a * s).sum() / (len(a) - 1)),
        per_task=_sampling(total=lambda a, s: -(a * s)),
    ),
    *named(
        ch09.check_meta_loss,
        _lvc_dice,
        _lvc_on_a_copy,
        mean_of_dimensions=_lvc(density=lambda x: x.mean(-1)),
        first_dimension=_lvc(density=lambda x: x[..., 0]),
        naive=_lvc(ratio=lambda x: x),
        no_stop=_lvc(ratio=lambda x: x.exp()),
        batch_ratio=_lvc(ratio=lambda x: (x.sum() - x.sum().detach()).exp()),
        clipped=_lvc(
            ratio=lambda x: (x - x.detach()).exp().clamp(0.8, 1.2).minimum((x - x.detach() + 1).clamp(max=1.0))
        ),
        first_order=_lvc(graph=False),
        down=_lvc(step=lambda theta, alpha, slope: theta - alpha * slope),
        stopped_theta=_lvc(step=lambda theta, alpha, slope: theta.detach() + alpha * slope),
        stopped_slope=_lvc(step=lambda theta, alpha, slope: theta + alpha * slope.detach()),
        centred=_lvc(advantage_of=lambda a: a - a.mean()),
        normalised=_lvc(advantage_of=lambda a: a / a.std()),
        mean_distance=_lvc(loss=lambda x, g: (x - g).square().mean()),
        norm=_lvc(loss=lambda x, g: (x - g).norm()),
        half=_lvc(loss=lambda x, g: 0.5 * (x - g).square().sum()),
        summed=_lvc(total=lambda losses: torch.stack(losses).sum()),
    ),
]
RIGHT = [
    *named(
        ch09.check_dice_loss,
        _episode_by_episode,
        _products,
        _dice_of_later,
        padding_kept=_dice(clean=lambda x, m: torch.where(m, x, x.detach().nan_to_num(0, 0, 0))),
    ),
    *named(ch09.check_bandit_hessians, _hessians_loops, _hessians_third_moments, _hessians_numpy),
    *named(ch09.check_sampling_term, _sampling_loops, _sampling_scaled, _sampling_matrix),
    *named(ch09.check_meta_loss, _lvc_closed, _lvc_func, _lvc_multivariate),
]
