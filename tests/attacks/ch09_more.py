"""More answers to the exercises of chapter 09, written from the exercises' text alone."""

import functools
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import torch
from torch.autograd import grad

from metarl_core.check import ch09

WRONG, RIGHT = [], []


def wrong(check):
    return lambda answer: WRONG.append((check, answer)) or answer


def right(check):
    return lambda answer: RIGHT.append((check, answer)) or answer


# ------------------------------------------------------------------ dice_loss

dice = ch09.check_dice_loss


def _zeroed(x, mask):
    return torch.where(mask, x, 0.0)


def _box(x):
    return (x - x.detach()).exp()


def _dice(log_pi, advantage, mask, count=None, axis=-1, power=1.0):
    own = _zeroed(log_pi, mask)
    through = own.cumsum(axis)
    weight = _box(through) - _box(through - own)
    return -(weight * _zeroed(advantage, mask)).sum() / (mask.sum() if count is None else count)


@wrong(dice)
def _divided_by_length_of_each(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    through = own.cumsum(-1)
    weight = _box(through) - _box(through - own)
    return -((weight * _zeroed(advantage, mask)).sum(-1) / mask.sum(-1)).mean()


@wrong(dice)
def _divided_by_the_longest(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask, count=mask.sum(-1).max() * len(mask))


@wrong(dice)
def _divided_by_all_places(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask, count=mask.numel())


@wrong(dice)
def _counts_what_is_finite(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask, count=log_pi.isfinite().sum())


@wrong(dice)
def _counts_nonzero_advantages(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask, count=(_zeroed(advantage, mask) != 0).sum().clamp(min=1))


@wrong(dice)
def _along_episodes(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask, axis=0)


@wrong(dice)
def _one_long_episode(log_pi, advantage, mask):
    return _dice(log_pi.reshape(1, -1), advantage.reshape(1, -1), mask.reshape(1, -1))


@wrong(dice)
def _packed_into_one_episode(log_pi, advantage, mask):
    own = log_pi[mask]
    through = own.cumsum(0)
    return -((_box(through) - _box(through - own)) * advantage[mask]).mean()


@wrong(dice)
def _box_of_each_step_summed(log_pi, advantage, mask):
    boxes = _box(_zeroed(log_pi, mask)).cumsum(-1)
    return -(boxes * _zeroed(advantage, mask)).sum() / mask.sum()


@wrong(dice)
def _past_is_held_constant(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    before = (own.cumsum(-1) - own).detach()
    through = before + own
    return -(_box(through) * _zeroed(advantage, mask)).sum() / mask.sum()


@wrong(dice)
def _only_the_first_order_of_the_past(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    before = own.cumsum(-1) - own
    weight = _box(own) - 1 + (own - own.detach()) * (before - before.detach()) / 2
    return -(weight * _zeroed(advantage, mask)).sum() / mask.sum()


@wrong(dice)
def _advantages_centred(log_pi, advantage, mask):
    return _dice(log_pi, advantage - advantage[mask].mean(), mask)


@wrong(dice)
def _advantages_normalised(log_pi, advantage, mask):
    taken = advantage[mask]
    return _dice(log_pi, (advantage - taken.mean()) / (taken.std(unbiased=False) + 1e-8), mask)


@wrong(dice)
def _before_is_shifted_around(log_pi, advantage, mask):
    through = _zeroed(log_pi, mask).cumsum(-1)
    weight = _box(through) - _box(through.roll(1, -1))
    return -(weight * _zeroed(advantage, mask)).sum() / mask.sum()


@wrong(dice)
def _last_step_lost(log_pi, advantage, mask):
    kept = mask.clone()
    kept[:, :-1] &= mask[:, 1:]
    kept[:, -1] = mask[:, -1] & (mask.shape[1] == 1)
    return _dice(log_pi, advantage, kept | (mask.sum(-1, keepdim=True) == 1) & mask, count=mask.sum())


@wrong(dice)
def _forgets_after_four_steps(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    through = own.cumsum(-1)
    old = torch.nn.functional.pad(through, (4, 0))[:, :-4] if own.shape[1] > 4 else torch.zeros_like(through)
    through = through - old + old.detach()
    return -((_box(through) - _box(through - own)) * _zeroed(advantage, mask)).sum() / mask.sum()


@wrong(dice)
def _old_scores_discounted(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    before = torch.zeros_like(own[:, 0])
    total = 0.0
    for t in range(own.shape[1]):
        through = 0.99 * before + own[:, t]
        total = total + ((_box(through) - _box(0.99 * before)) * _zeroed(advantage, mask)[:, t]).sum()
        before = through
    return -total / mask.sum()


@wrong(dice)
def _mask_by_multiplication_of_the_advantage(log_pi, advantage, mask):
    own = torch.nan_to_num(log_pi, 0.0, 0.0, 0.0)
    through = own.cumsum(-1)
    return -((_box(through) - _box(through - own)) * advantage * mask).sum() / mask.sum()


@wrong(dice)
def _chosen_after_the_product(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    through = own.cumsum(-1)
    return -((_box(through) - _box(through - own)) * advantage)[mask].mean()


@wrong(dice)
def _single_precision_inside(log_pi, advantage, mask):
    return _dice(log_pi.float(), advantage.float(), mask).double()


@wrong(dice)
def _loss_of_each_episode(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    through = own.cumsum(-1)
    return -((_box(through) - _box(through - own)) * _zeroed(advantage, mask)).sum(-1) / mask.sum()


@wrong(dice)
def _cleans_the_callers_advantages(log_pi, advantage, mask):
    advantage.masked_fill_(~mask, 0.0)
    return _dice(log_pi, advantage, mask)


@wrong(dice)
def _counts_once(log_pi, advantage, mask, remembered=[]):  # noqa: B006
    if not remembered:
        remembered.append(mask.sum())
    return _dice(log_pi, advantage, mask, count=remembered[0])


@wrong(dice)
def _seeds_everything(log_pi, advantage, mask):
    torch.manual_seed(0)
    return _dice(log_pi, advantage, mask) + 0.0 * torch.rand(())


@wrong(dice)
def _bonus_of_entropy(log_pi, advantage, mask):
    return _dice(log_pi, advantage, mask) + 0.01 * _zeroed(log_pi, mask).sum() / mask.sum()


@wrong(dice)
def _ratio_kept_small(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    through = own.cumsum(-1) / own.shape[1]
    weight = _box(through) - _box(through - own / own.shape[1])
    return -own.shape[1] * (weight * _zeroed(advantage, mask)).sum() / mask.sum()


@wrong(dice)
def _clipped_advantages(log_pi, advantage, mask):
    return _dice(log_pi, advantage.clamp(-10.0, 10.0), mask)


@right(dice)
def _step_by_step(log_pi, advantage, mask):
    total, count = torch.zeros((), dtype=torch.float64), 0
    for x, a, m in zip(log_pi, advantage, mask, strict=True):
        c = torch.zeros((), dtype=torch.float64)
        for t in range(int(m.sum())):
            new = c + x[t]
            total = total + (torch.exp(new - new.detach()) - torch.exp(c - c.detach())) * a[t]
            c, count = new, count + 1
    return -total / count


@right(dice)
def _product_of_ratios(log_pi, advantage, mask):
    ratio = _box(log_pi.masked_fill(~mask, 0.0))
    through = ratio.cumprod(-1)
    before = torch.cat([torch.ones_like(ratio[:, :1]), through[:, :-1]], -1)
    return (before - through).mul(advantage.masked_fill(~mask, 0.0)).sum().div(mask.sum())


@right(dice)
def _triangle(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    lower = torch.ones(own.shape[1], own.shape[1], dtype=own.dtype).tril()
    through, before = own @ lower.T, own @ lower.tril(-1).T
    weight = torch.expm1(through - through.detach()) - torch.expm1(before - before.detach())
    return -torch.einsum("et,et->", weight, _zeroed(advantage, mask)) / mask.count_nonzero()


@right(dice)
def _summed_by_parts(log_pi, advantage, mask):
    a = _zeroed(advantage, mask)
    drop = a - torch.nn.functional.pad(a[:, 1:], (0, 1))
    box = _box(_zeroed(log_pi, mask).cumsum(-1))
    return (a[:, 0].sum() - (box * drop).sum()) / mask.sum()


class _EpisodeByEpisode:
    __name__ = "episode_by_episode"

    def __call__(self, log_pi, advantage, mask):
        return -sum(map(self.one, log_pi, advantage, mask)) / mask.sum().item()

    def one(self, x, a, m):
        x = x[m]
        c = x.cumsum(0)
        return (_box(c) - _box(c - x)) @ a[m]


right(dice)(_EpisodeByEpisode())


@right(dice)
def _up_to_second_order(log_pi, advantage, mask):
    own = _zeroed(log_pi, mask)
    new = (own - own.detach()).cumsum(-1)
    old = new - (own - own.detach())
    return -((new + new**2 / 2 - old - old**2 / 2) * _zeroed(advantage, mask)).sum() / mask.sum()


@right(dice)
def _chosen_by_the_mask(log_pi, advantage, mask):
    own = log_pi.nan_to_num(0.0, 0.0, 0.0) * mask
    through = own.cumsum(dim=1)
    weight = _box(through) - _box(through - own)
    return -(weight[mask] @ advantage[mask]) / len(advantage[mask])


@right(dice)
def _recursive(log_pi, advantage, mask):
    own, a = _zeroed(log_pi, mask), _zeroed(advantage, mask)

    def rest(t):
        if t == own.shape[1]:
            return torch.zeros_like(own[:, 0])
        ratio = _box(own[:, t])
        return (ratio - 1) * a[:, t] + ratio * rest(t + 1)

    return -rest(0).sum() / mask.sum()


# ------------------------------------------------------------------ bandit_hessians

bandit = ch09.check_bandit_hessians


def _hessians(p, q, b):
    mean = p @ q
    away = p * (q - mean)
    covariance = torch.diag(p) - torch.outer(p, p)
    return {
        "true": torch.diag(away) - torch.outer(away, p) - torch.outer(p, away),
        "naive": (b - mean) * covariance,
    }


def _changed(p, q, b, **parts):
    return _hessians(p, q, b) | parts


@wrong(bandit)
def _by_torch_func(p, q, b):
    theta = p.log()
    return {
        "true": torch.func.hessian(lambda t: t.softmax(0) @ q)(theta),
        "naive": torch.func.hessian(lambda t: (p * (q - b)) @ t.log_softmax(0))(theta),
    }


@wrong(bandit)
def _by_jacobian_of_the_gradient(p, q, b):
    def gradient(theta):
        s = theta.softmax(0)
        return s * (q - s @ q)

    return _changed(p, q, b, true=torch.autograd.functional.jacobian(gradient, p.log()))


@wrong(bandit)
def _by_forward_mode(p, q, b):
    def slope(theta):
        s = theta.softmax(0)
        return s * (q - s @ q)

    columns = [torch.func.jvp(slope, (p.log(),), (unit,))[1] for unit in torch.eye(len(p), dtype=p.dtype)]
    return _changed(p, q, b, true=torch.stack(columns, -1))


@wrong(bandit)
def _by_differences(p, q, b, h=1e-4):
    def slope(theta):
        s = theta.softmax(0)
        return s * (q - s @ q)

    t, eye = p.log(), h * torch.eye(len(p), dtype=p.dtype)
    return _changed(p, q, b, true=torch.stack([(slope(t + e) - slope(t - e)) / (2 * h) for e in eye]))


@wrong(bandit)
def _mean_held_constant(p, q, b):
    away = p * (q - p @ q)
    return _changed(p, q, b, true=torch.diag(away) - torch.outer(away, p))


@wrong(bandit)
def _mean_held_constant_transposed(p, q, b):
    away = p * (q - p @ q)
    return _changed(p, q, b, true=torch.diag(away) - torch.outer(p, away))


@wrong(bandit)
def _baseline_in_the_true_one(p, q, b):
    away = p * (q - b)
    return _changed(p, q, b, true=torch.diag(away) - torch.outer(away, p) - torch.outer(p, away))


@wrong(bandit)
def _only_the_scores_product(p, q, b):
    score = torch.eye(len(p), dtype=p.dtype) - p
    return _changed(p, q, b, true=torch.einsum("a,ai,aj->ij", p * (q - b), score, score))


@wrong(bandit)
def _sum_of_both(p, q, b):
    h = _hessians(p, q, b)
    return {"true": h["true"] + h["naive"], "naive": h["naive"]}


@wrong(bandit)
def _sign_of_the_naive_one(p, q, b):
    return _changed(p, q, b, naive=-_hessians(p, q, b)["naive"])


@wrong(bandit)
def _unweighted_mean(p, q, b):
    return _changed(p, q, b, naive=(b - q.mean()) * (torch.diag(p) - torch.outer(p, p)))


@wrong(bandit)
def _unweighted_mean_in_both(p, q, b):
    away = p * (q - q.mean())
    return {
        "true": torch.diag(away) - torch.outer(away, p) - torch.outer(p, away),
        "naive": (b - q.mean()) * (torch.diag(p) - torch.outer(p, p)),
    }


@wrong(bandit)
def _weights_inside_the_sum_forgotten(p, q, b):
    return _changed(p, q, b, naive=-(q - b).sum() * (torch.diag(p) - torch.outer(p, p)))


@wrong(bandit)
def _second_derivative_in_p(p, q, b):
    return _changed(p, q, b, naive=-torch.diag((q - b) / p))


@wrong(bandit)
def _sampling_not_held_constant(p, q, b):
    h = _hessians(p, q, b)["true"]
    return {"true": h, "naive": h.clone()}


@wrong(bandit)
def _names_exchanged(p, q, b):
    h = _hessians(p, q, b)
    return {"true": h["naive"], "naive": h["true"]}


@wrong(bandit)
def _diagonals_only(p, q, b):
    return {name: torch.diag(h.diagonal()) for name, h in _hessians(p, q, b).items()}


@wrong(bandit)
def _in_numpy(p, q, b):
    return {name: h.numpy() for name, h in _hessians(p, q, b).items()}


@wrong(bandit)
def _in_single_precision(p, q, b):
    return {name: h.double() for name, h in _hessians(p.float(), q.float(), b).items()}


@wrong(bandit)
def _rounded(p, q, b):
    return {name: h.round(decimals=6) for name, h in _hessians(p, q, b).items()}


@wrong(bandit)
def _rewards_between_zero_and_one(p, q, b):
    return _hessians(p, q.clamp(-5.0, 5.0), b)


@wrong(bandit)
def _as_a_pair(p, q, b):
    return tuple(_hessians(p, q, b).values())


@wrong(bandit)
def _baseline_of_at_least_zero(p, q, b):
    return _hessians(p, q, max(b, 0.0))


@wrong(bandit)
def _of_the_loss(p, q, b):
    return {name: -h for name, h in _hessians(p, q, b).items()}


@right(bandit)
def _entry_by_entry(p, q, b):
    k, mean = len(p), sum(float(x * y) for x, y in zip(p, q, strict=True))
    true, naive = torch.zeros(k, k, dtype=torch.float64), torch.zeros(k, k, dtype=torch.float64)
    for i in range(k):
        for j in range(k):
            same = float(i == j)
            true[i, j] = p[i] * (same - p[j]) * (q[i] - mean) - p[i] * p[j] * (q[j] - mean)
            naive[i, j] = (b - mean) * p[i] * (same - p[j])
    return {"naive": naive, "true": true}


@right(bandit)
def _expectations(p, q, b):
    score = torch.eye(len(p), dtype=p.dtype) - p
    covariance = torch.einsum("a,ai,aj->ij", p, score, score)
    true = torch.einsum("a,ai,aj->ij", p * q, score, score) - (p * q).sum() * covariance
    return OrderedDict(true=true, naive=-torch.einsum("a,a,ij->ij", p, q - b, covariance))


@right(bandit)
def _with_numpy(p, q, b):
    p, q = p.numpy(), q.numpy()
    mean = np.dot(p, q)
    jacobian = np.diag(p) - np.outer(p, p)
    true = jacobian * (q - mean)[None, :] - np.outer(p * (q - mean), p)
    return {"true": torch.from_numpy(true), "naive": torch.from_numpy((float(b) - mean) * jacobian)}


@right(bandit)
def _in_fractions(p, q, b):
    ps, qs, b = [*map(Fraction, p.tolist())], [*map(Fraction, q.tolist())], Fraction(float(b))
    mean = sum(map(Fraction.__mul__, ps, qs))
    n = range(len(ps))
    true = [[float(((i == j) * ps[i] - ps[i] * ps[j]) * (qs[i] - mean) - ps[i] * ps[j] * (qs[j] - mean)) for j in n]
            for i in n]  # fmt: skip
    naive = [[float((b - mean) * ((i == j) * ps[i] - ps[i] * ps[j])) for j in n] for i in n]
    return {"true": torch.tensor(true, dtype=p.dtype), "naive": torch.tensor(naive, dtype=p.dtype)}


@right(bandit)
def _centred_first(p, q, b):
    gap = q - torch.dot(p, q)
    outside = gap[:, None] + gap[None, :]
    pp = p[:, None] * p
    return dict(true=(p * gap).diag() - pp * outside, naive=(b - torch.dot(p, q)) * (p.diag() - pp))


# ------------------------------------------------------------------ sampling_term

sampling = ch09.check_sampling_term


def _scores(log_pi, mask):
    return torch.where(mask, log_pi, 0.0).sum((1, 2))


def _surplus(outcome):
    return outcome - (outcome.sum() - outcome) / (len(outcome) - 1)


@wrong(sampling)
def _mean_over_episodes(log_pi, mask, outcome):
    return -(_zeroed(log_pi, mask).sum(-1).mean(-1) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _mean_over_steps(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) / mask.sum((1, 2)) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _mean_over_all_steps(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * _surplus(o)).sum() / mask.sum()


@wrong(sampling)
def _own_outcome_in_the_baseline(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - o.mean())).mean()


@wrong(sampling)
def _others_over_all(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - (o.sum() - o) / len(o))).mean()


@wrong(sampling)
def _median_of_the_others(log_pi, mask, outcome):
    o = outcome.detach()
    others = torch.stack([torch.cat([o[:i], o[i + 1 :]]).median() for i in range(len(o))])
    return -(_scores(log_pi, mask) * (o - others)).mean()


@wrong(sampling)
def _next_task_as_baseline(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - o.roll(-1))).mean()


@wrong(sampling)
def _sum_over_tasks(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * _surplus(outcome.detach())).sum()


@wrong(sampling)
def _ascended(log_pi, mask, outcome):
    return (_scores(log_pi, mask) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _gradient_into_the_outcome(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * _surplus(outcome)).mean()


@wrong(sampling)
def _gradient_into_the_baseline(log_pi, mask, outcome):
    others = (outcome.sum() - outcome) / (len(outcome) - 1)
    return -(_scores(log_pi, mask) * (outcome.detach() - others)).mean()


@wrong(sampling)
def _gradient_into_the_own_outcome(log_pi, mask, outcome):
    o = outcome.detach()
    others = (o.sum() - o) / (len(o) - 1)
    return -(_scores(log_pi, mask) * (outcome - others)).mean()


@wrong(sampling)
def _detaches_the_callers_outcome(log_pi, mask, outcome):
    if outcome.is_leaf:
        outcome.requires_grad_(False)
    return -(_scores(log_pi, mask) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _normalised(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - o.mean()) / (o.std() + 1e-8)).mean()


@wrong(sampling)
def _ranks(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * _surplus(outcome.detach().argsort().argsort().double())).mean()


@wrong(sampling)
def _only_the_better_half(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * _surplus(outcome.detach()).clamp(min=0)).mean()


@wrong(sampling)
def _magic_box(log_pi, mask, outcome):
    return -(_box(_scores(log_pi, mask)) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _value_by_constant(log_pi, mask, outcome):
    s = _scores(log_pi, mask)
    value = -(s * _surplus(outcome.detach())).mean().detach()
    other = -(s * (outcome - outcome.mean()).detach()).mean()
    return value + other - other.detach()


@wrong(sampling)
def _half_of_the_gradient(log_pi, mask, outcome):
    s = _scores(log_pi, mask)
    return -((s + s.detach()) / 2 * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _product_with_the_mask(log_pi, mask, outcome):
    return -((log_pi * mask).sum((1, 2)) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _everything_finite(log_pi, mask, outcome):
    s = torch.where(log_pi.isfinite(), log_pi, 0.0).sum((1, 2))
    return -(s * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _lengths_of_the_first_task(log_pi, mask, outcome):
    return -(_scores(log_pi, mask & mask[:1]) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _first_ten_steps(log_pi, mask, outcome):
    return -(_scores(log_pi[..., :10], mask[..., :10]) * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _single(log_pi, mask, outcome):
    return -(_scores(log_pi.float(), mask) * _surplus(outcome.detach().float())).mean().double()


@wrong(sampling)
def _term_of_each_task(log_pi, mask, outcome):
    return -(_scores(log_pi, mask) * _surplus(outcome.detach())) / len(outcome)


@wrong(sampling)
def _probabilities(log_pi, mask, outcome):
    return -(_scores(log_pi, mask).exp() * _surplus(outcome.detach())).mean()


@wrong(sampling)
def _running_baseline(log_pi, mask, outcome, past=[0.0, 0]):  # noqa: B006
    o = outcome.detach()
    past[0], past[1] = past[0] + float(o.sum()), past[1] + len(o)
    others = (past[0] - o) / (past[1] - 1)
    return -(_scores(log_pi, mask) * (o - others)).mean()


@wrong(sampling)
def _per_episode_outcome_division(log_pi, mask, outcome):
    tasks, episodes, _ = log_pi.shape
    o = outcome.detach()
    others = (o.sum() - o) / (tasks * episodes - 1)
    return -(_scores(log_pi, mask) * (o - others)).mean()


@wrong(sampling)
def _constant_four_tasks(log_pi, mask, outcome):
    o = outcome.detach()
    return -(_scores(log_pi, mask) * (o - (o.sum() - o) / max(1, min(len(o), 4) - 1))).mean()


@right(sampling)
def _in_loops(log_pi, mask, outcome):
    numbers = outcome.tolist()
    total = torch.tensor(0.0, dtype=log_pi.dtype)
    for i, number in enumerate(numbers):
        rest = [o for j, o in enumerate(numbers) if j != i]
        for n in range(log_pi.shape[1]):
            total = total + (number - sum(rest) / len(rest)) * log_pi[i, n][mask[i, n]].sum()
    return -total / len(numbers)


@right(sampling)
def _centred_and_stretched(log_pi, mask, outcome):
    with torch.no_grad():
        tasks = outcome.numel()
        surplus = tasks / (tasks - 1) * (outcome - outcome.mean())
    return -torch.einsum("nts,n->", log_pi.masked_fill(~mask, 0.0), surplus) / tasks


@right(sampling)
def _by_a_matrix(log_pi, mask, outcome):
    tasks = len(outcome)
    contrast = torch.eye(tasks, dtype=outcome.dtype) - (1 - torch.eye(tasks, dtype=outcome.dtype)) / (tasks - 1)
    scores = torch.stack([x[m].sum() for x, m in zip(log_pi, mask, strict=True)])
    return -(contrast @ outcome.data) @ scores / tasks


@right(sampling)
def _numpys_outcome(log_pi, mask, outcome):
    o = outcome.detach().numpy()
    others = np.array([np.delete(o, i).mean() for i in range(o.size)])
    return torch.mean(torch.where(mask, log_pi, torch.zeros_like(log_pi)).flatten(1).sum(1) * torch.tensor(others - o))


@right(sampling)
def _sum_of_pairs(log_pi, mask, outcome):
    o = outcome.detach()
    gaps = (o[:, None] - o[None, :]).sum(1) / (len(o) - 1)
    return functools.reduce(
        torch.add, (-g * _scores(x[None], m[None])[0] for g, x, m in zip(gaps, log_pi, mask, strict=True))
    ) / len(o)


# ------------------------------------------------------------------ meta_loss

meta = ch09.check_meta_loss


def _log_pi(theta, actions, sigma):
    return torch.distributions.Normal(theta, sigma).log_prob(actions).sum(-1)


def _lvc_step(theta, actions, advantage, alpha, sigma):
    surrogate = (_box(_log_pi(theta, actions, sigma)) * advantage).mean()
    return theta + alpha * grad(surrogate, theta, create_graph=True)[0]


def _meta(step, theta, tasks, alpha, sigma):
    losses = [(step(theta, actions, a, alpha, sigma) - goal).square().sum() for actions, a, goal in tasks]
    return torch.stack(losses).mean()


@wrong(meta)
def _still_a_fresh_leaf(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        start = theta.detach().requires_grad_()
        surrogate = (_box(_log_pi(start, actions, sigma)) * advantage).mean()
        return theta + alpha * grad(surrogate, start, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _still_naive(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        return theta + alpha * grad((_log_pi(theta, actions, sigma) * advantage).mean(), theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _still_the_mean_over_dimensions(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        x = torch.distributions.Normal(theta, sigma).log_prob(actions).mean(-1)
        return theta + alpha * grad((_box(x) * advantage).mean(), theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _mean_over_dimensions_and_twice_the_step(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        x = torch.distributions.Normal(theta, sigma).log_prob(actions).mean(-1)
        return theta + 2 * alpha * grad((_box(x) * advantage).mean(), theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _ratio_of_each_dimension(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        x = torch.distributions.Normal(theta, sigma).log_prob(actions)
        surrogate = (_box(x).sum(-1) * advantage).mean()
        return theta + alpha * grad(surrogate, theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _graph_not_kept(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        return theta + alpha * grad((_box(_log_pi(theta, actions, sigma)) * advantage).mean(), theta)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _begins_at_a_constant(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        return theta.detach() + _lvc_step(theta, actions, advantage, alpha, sigma) - theta

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _without_a_graph(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks, alpha, sigma).detach()


@wrong(meta)
def _score_by_hand(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        return theta + alpha * (advantage[:, None] * (actions - theta) / sigma**2).mean(0)

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _probability_instead_of_ratio(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        surrogate = (_log_pi(theta, actions, sigma).exp() * advantage).mean()
        return theta + alpha * grad(surrogate, theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _downhill(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks, -alpha, sigma)


@wrong(meta)
def _sigma_as_a_variance(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks, alpha, sigma**0.5)


@wrong(meta)
def _sigma_of_the_notebook(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks, alpha, 0.5)


@wrong(meta)
def _covariance_of_sigma(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        policy = torch.distributions.MultivariateNormal(theta, sigma * torch.eye(2, dtype=theta.dtype))
        surrogate = (_box(policy.log_prob(actions)) * advantage).mean()
        return theta + alpha * grad(surrogate, theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _advantages_centred_per_task(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, [(x, a - a.mean(), g) for x, a, g in tasks], alpha, sigma)


@wrong(meta)
def _sum_of_the_draws(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        return _lvc_step(theta, actions, advantage, alpha * len(actions), sigma)

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _sum_of_the_tasks(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks, alpha, sigma) * len(tasks)


@wrong(meta)
def _mean_square(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks, alpha, sigma) / 2


@wrong(meta)
def _distance(theta, tasks, alpha, sigma):
    return torch.stack([(_lvc_step(theta, x, a, alpha, sigma) - g).norm() for x, a, g in tasks]).mean()


@wrong(meta)
def _two_steps(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        return _lvc_step(_lvc_step(theta, actions, advantage, alpha, sigma), actions, advantage, alpha, sigma)

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _one_task_after_the_other(theta, tasks, alpha, sigma):
    adapted, losses = theta, []
    for actions, advantage, goal in tasks:
        adapted = _lvc_step(adapted, actions, advantage, alpha, sigma)
        losses.append((adapted - goal).square().sum())
    return torch.stack(losses).mean()


@wrong(meta)
def _mean_of_adapted_first(theta, tasks, alpha, sigma):
    adapted = torch.stack([_lvc_step(theta, x, a, alpha, sigma) for x, a, _ in tasks]).mean(0)
    return torch.stack([(adapted - g).square().sum() for *_, g in tasks]).mean()


@wrong(meta)
def _accumulates_in_the_caller(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        theta.grad = None
        (_box(_log_pi(theta, actions, sigma)) * advantage).mean().backward(create_graph=True)
        return theta + alpha * theta.grad

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _last_task_only(theta, tasks, alpha, sigma):
    return _meta(_lvc_step, theta, tasks[-1:], alpha, sigma)


@wrong(meta)
def _ratio_times_score_squared(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        ratio = _box(_log_pi(theta, actions, sigma)) ** 2
        return theta + alpha / 2 * grad((ratio * advantage).mean(), theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _single_inside(theta, tasks, alpha, sigma):
    tasks = [(x.float(), a.float(), g.float()) for x, a, g in tasks]
    return _meta(_lvc_step, theta.float(), tasks, alpha, sigma).double()


@wrong(meta)
def _right_value_exact_jacobian(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        value = _lvc_step(theta, actions, advantage, alpha, sigma).detach()
        return value + (1 - 2 * alpha) * (theta - theta.detach())

    return _meta(step, theta, tasks, alpha, sigma)


@wrong(meta)
def _moves_theta(theta, tasks, alpha, sigma):
    value = _meta(_lvc_step, theta, tasks, alpha, sigma)
    theta.data -= 0.1 * grad(value, theta, retain_graph=True)[0]
    return value


@right(meta)
def _ratio_and_score(theta, tasks, alpha, sigma):
    losses = []
    for actions, advantage, goal in tasks:
        away = actions - theta
        log = -away.square().sum(1) / (2 * sigma**2)
        slope = (torch.exp(log - log.detach()) * advantage) @ away / (sigma**2 * len(actions))
        losses.append(torch.sum((theta + alpha * slope - goal) ** 2))
    return sum(losses) / len(losses)


@right(meta)
def _functional(theta, tasks, alpha, sigma):
    def surrogate(t, held, actions, advantage):
        policy = torch.distributions.MultivariateNormal(t, scale_tril=sigma * torch.eye(2, dtype=t.dtype))
        return (advantage * (policy.log_prob(actions) - held).exp()).mean()

    total = 0.0
    for actions, advantage, goal in tasks:
        policy = torch.distributions.MultivariateNormal(theta.detach(), sigma**2 * torch.eye(2, dtype=theta.dtype))
        slope = torch.func.grad(surrogate)(theta, policy.log_prob(actions), actions, advantage)
        total = total + (theta + alpha * slope - goal).pow(2).sum()
    return total / len(tasks)


@right(meta)
def _by_a_copy_with_a_graph(theta, tasks, alpha, sigma):
    losses = torch.zeros(len(tasks), dtype=theta.dtype)
    for i, (actions, advantage, goal) in enumerate(tasks):
        start = theta.clone()
        policy = torch.distributions.Independent(torch.distributions.Normal(start, sigma), 1)
        x = policy.log_prob(actions)
        (slope,) = grad(torch.dot((x - x.detach()).exp(), advantage), [start], create_graph=True)
        losses[i] = torch.dist(torch.add(start, slope, alpha=alpha / len(advantage)), goal) ** 2
    return losses.mean()


@right(meta)
def _clipped_like_ppo(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        ratio = _box(_log_pi(theta, actions, sigma)).clamp(0.8, 1.2)
        return theta + alpha * grad((ratio * advantage).mean(), theta, create_graph=True)[0]

    return _meta(step, theta, tasks, alpha, sigma)


@right(meta)
def _curvature_by_hand(theta, tasks, alpha, sigma):
    def step(theta, actions, advantage, alpha, sigma):
        score = ((actions - theta) / sigma**2).detach()
        slope = (advantage[:, None] * score).mean(0)
        outer = torch.einsum("n,ni,nj->ij", advantage, score, score) / len(score)
        jacobian = outer - torch.eye(2, dtype=theta.dtype) * advantage.mean() / sigma**2
        return theta + alpha * (slope + jacobian @ (theta - theta.detach()))

    return _meta(step, theta, tasks, alpha, sigma)


class _StepOfATask:
    __name__ = "step_of_a_task"

    def __call__(self, theta, tasks, alpha, sigma):
        return functools.reduce(lambda a, b: a + b, [self.loss(theta, *task, alpha, sigma) for task in tasks]) / len(
            tasks
        )

    @staticmethod
    def loss(theta, actions, advantage, goal, alpha, sigma):
        return torch.nn.functional.mse_loss(_lvc_step(theta, actions, advantage, alpha, sigma), goal, reduction="sum")


right(meta)(_StepOfATask())
