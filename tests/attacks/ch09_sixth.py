"""Answers to chapter 09: the three derivations and losses with one thing changed, and right ones in other styles."""

import numpy as np
import torch

from metarl_core.check import ch09

from . import named


def _dice(through, weigh=lambda w: w, divide=lambda mask: mask.sum()):
    def answer(log_pi, advantage, mask):
        own = torch.where(mask, log_pi, 0.0)
        return -(weigh(through(own)) * torch.where(mask, advantage, 0.0)).sum() / divide(mask)

    return answer


def _magic(x):
    return (x - x.detach()).exp()


def _two_boxes(own):
    total = own.cumsum(-1)
    return _magic(total) - _magic(total - own)


def _one_box(own):
    return _magic(own.cumsum(-1))


def _own_step_alone(own):
    return _magic(own) - 1


def _second_box_detached(own):
    total = own.cumsum(-1)
    return _magic(total) - _magic(total - own).detach()


def _from_the_end(own):
    total = own.flip(-1).cumsum(-1).flip(-1)
    return _magic(total) - _magic(total - own)


def _through_all_episodes(own):
    total = own.flatten().cumsum(0).reshape(own.shape)
    return _magic(total) - _magic(total - own)


def _first_order(own):
    total = own.cumsum(-1)
    return (total - total.detach()) - (total - own - (total - own).detach())


def _second_order(own):
    """The exponential series up to squares: derivatives above the second would be lost."""

    def box(x):
        x = x - x.detach()
        return 1 + x + x * x / 2

    total = own.cumsum(-1)
    return box(total) - box(total - own)


def _loop_over_steps(log_pi, advantage, mask):
    loss = torch.zeros((), dtype=log_pi.dtype)
    for episode in range(len(log_pi)):
        before = torch.zeros((), dtype=log_pi.dtype)
        for t in range(log_pi.shape[1]):
            if mask[episode, t]:
                now = before + log_pi[episode, t]
                loss = loss - (_magic(now) - _magic(before)) * advantage[episode, t]
                before = now
    return loss / mask.sum()


def _factored(log_pi, advantage, mask):
    own = log_pi.masked_fill(~mask, 0.0)
    before = torch.nn.functional.pad(own, (1, 0)).cumsum(-1)[:, :-1]
    terms = _magic(before) * torch.expm1(own - own.detach()) * advantage.masked_fill(~mask, 0.0)
    return -terms.sum() / mask.count_nonzero()


def _sampling(baseline, scores=lambda own, mask: own.sum((1, 2)), outcomes=lambda o: o.detach(), reduce=torch.mean):
    def answer(log_pi, mask, outcome):
        outcome = outcomes(outcome)
        return -reduce(scores(torch.where(mask, log_pi, 0.0), mask) * (outcome - baseline(outcome)))

    return answer


def _others(outcome):
    return (outcome.sum() - outcome) / (len(outcome) - 1)


def _others_by_a_mask(log_pi, mask, outcome):
    tasks = len(outcome)
    apart = (1 - torch.eye(tasks, dtype=outcome.dtype)) / (tasks - 1)
    advantage = (outcome - apart @ outcome).detach()
    each = log_pi.masked_fill(~mask, 0.0).flatten(1).sum(1)
    return -torch.dot(each, advantage) / tasks


def _scaled_mean(log_pi, mask, outcome):
    """x minus the mean of the others is n / (n − 1) times x minus the mean of all."""
    n = len(outcome)
    advantage = (outcome - outcome.mean()).detach() * n / (n - 1)
    each = torch.stack([one[kept].sum() for one, kept in zip(log_pi, mask, strict=True)])
    return -(each * advantage).mean()


def _hessians(true=None, naive=None):
    def answer(p, q, b):
        mean = (p * q).sum()
        spread = torch.diag(p) - torch.outer(p, p)
        away = p * (q - mean)
        parts = {"p": p, "q": q, "b": b, "mean": mean, "spread": spread, "away": away}
        right = torch.diag(away) - torch.outer(away, p) - torch.outer(p, away)
        return {
            "true": right if true is None else true(**parts),
            "naive": -(mean - b) * spread if naive is None else naive(**parts),
        }

    return answer


def _measured_hessians(p, q, b):
    """Second differences of the two functions."""
    theta, h = p.log(), 1e-4
    axes = h * torch.eye(len(p), dtype=p.dtype)

    def second(f):
        return torch.stack(
            [
                torch.stack([f(theta + i + j) - f(theta + i - j) - f(theta - i + j) + f(theta - i - j) for j in axes])
                for i in axes
            ]
        ) / (4 * h * h)

    return {
        "true": second(lambda x: (x.softmax(0) * q).sum()),
        "naive": second(lambda x: (p * x.log_softmax(0) * (q - b)).sum()),
    }


def _entry_by_entry(p, q, b):
    k, mean = len(p), float((p * q).sum())
    true, naive = np.zeros((k, k)), np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            same = float(i == j)
            pi, pj, qi, qj = float(p[i]), float(p[j]), float(q[i]), float(q[j])
            true[i, j] = same * pi * (qi - mean) - pi * pj * (qi + qj - 2 * mean)
            naive[i, j] = -(mean - b) * (same * pi - pi * pj)
    return {"true": torch.from_numpy(true), "naive": torch.from_numpy(naive)}


WRONG = [
    *named(
        ch09.check_dice_loss,
        one_box=_dice(_one_box),
        own_step_alone=_dice(_own_step_alone),
        second_box_detached=_dice(_second_box_detached),
        from_the_end=_dice(_from_the_end),
        through_all_episodes=_dice(_through_all_episodes),
        first_order=_dice(_first_order),
        mean_over_episodes=_dice(_two_boxes, divide=len),
        mean_over_all_places=_dice(_two_boxes, divide=lambda mask: mask.numel()),
        detached_weights=_dice(_two_boxes, lambda w: w.detach()),
    ),
    *named(
        ch09.check_sampling_term,
        mean_of_all=_sampling(lambda o: o.mean()),
        no_baseline=_sampling(torch.zeros_like),
        median_of_all=_sampling(lambda o: o.median()),
        the_next_task=_sampling(lambda o: o.roll(1)),
        the_best_of_all=_sampling(lambda o: o.max()),
        outcomes_standardised=_sampling(lambda o: 0.0, outcomes=lambda o: (o - o.mean()).detach() / o.detach().std()),
        mean_over_steps=_sampling(_others, lambda own, mask: own.sum((1, 2)) / mask.sum((1, 2))),
        mean_over_episodes=_sampling(_others, lambda own, mask: own.sum(2).mean(1)),
        summed_over_tasks=_sampling(_others, reduce=torch.sum),
        the_first_episode=_sampling(_others, lambda own, mask: own[:, 0].sum(1)),
        the_last_step=_sampling(_others, lambda own, mask: own[:, :, -1].sum(1)),
        probabilities_for_their_logarithms=_sampling(_others, lambda own, mask: own.sum((1, 2)).exp()),
    ),
    *named(
        ch09.check_bandit_hessians,
        _measured_hessians,
        one_cross_term=_hessians(lambda p, away, **_: torch.diag(away) - torch.outer(away, p)),
        cross_terms_halved=_hessians(
            lambda p, away, **_: torch.diag(away) - 0.5 * (torch.outer(away, p) + torch.outer(p, away))
        ),
        baseline_in_the_true_one=_hessians(
            lambda p, q, b, **_: torch.diag(p * (q - b)) - torch.outer(p * (q - b), p) - torch.outer(p, p * (q - b))
        ),
        covariance_of_rewards=_hessians(lambda p, away, **_: torch.diag(away) - torch.outer(away, away)),
        naive_of_the_other_sign=_hessians(naive=lambda mean, b, spread, **_: (mean - b) * spread),
        naive_arm_by_arm=_hessians(naive=lambda q, b, spread, **_: -(q - b)[:, None] * spread),
        naive_diagonal=_hessians(naive=lambda mean, b, p, **_: -(mean - b) * torch.diag(p)),
        naive_without_baseline=_hessians(naive=lambda mean, spread, **_: -mean * spread),
    ),
]
RIGHT = [
    *named(ch09.check_dice_loss, _loop_over_steps, _factored, as_the_text_says=_dice(_two_boxes)),
    *named(ch09.check_sampling_term, _others_by_a_mask, _scaled_mean, as_the_text_says=_sampling(_others)),
    *named(ch09.check_bandit_hessians, _entry_by_entry, as_the_text_says=_hessians()),
]
