"""Wrong answers to the exercises of chapter 09, written as a learner would write them."""

import torch
from torch.autograd import grad

from metarl_core.check import ch09
from mutants import Mutant

# ---------------------------------------------------------------- dice_loss


def _box(c):
    return torch.exp(c - c.detach())


def _weights(x, c):
    return _box(c) - _box(c - x)


def _loss(weight):
    def answer(log_pi, advantage, mask):
        w = weight(log_pi.masked_fill(~mask, 0.0))
        return -(w * advantage)[mask].mean()

    return answer


def _flattened(x):
    return _weights(x, x.reshape(-1).cumsum(0).reshape(x.shape))


def _over_first_axis(x):
    return _weights(x, x.cumsum(0))


def _divided(by):
    def answer(log_pi, advantage, mask):
        x = log_pi.masked_fill(~mask, 0.0) / by(mask)
        return -(_weights(x, x.cumsum(1)) * advantage)[mask].mean()

    return answer


def _no_mask(log_pi, advantage, mask):
    return -(_weights(log_pi, log_pi.cumsum(1)) * advantage).mean()


def _mean_over_padding(log_pi, advantage, mask):
    x = log_pi.masked_fill(~mask, 0.0)
    return -(_weights(x, x.cumsum(1)) * advantage.masked_fill(~mask, 0.0)).mean()


def _negated(log_pi, advantage, mask):
    return -_loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage, mask)


def _summed(log_pi, advantage, mask):
    return _loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage, mask) * mask.sum()


# ---------------------------------------------------------------- bandit_hessians


def _hessians(true="right", naive="right"):
    def answer(p, q, b):
        mean = (p * q).sum()
        curved = torch.outer(p, p) - torch.diag(p)  # ∇² log π, the same for all arms
        score = torch.eye(len(p), dtype=p.dtype) - p
        outer = lambda value: sum(p[a] * value[a] * torch.outer(score[a], score[a]) for a in range(len(p)))  # noqa: E731
        trues = {
            "right": outer(q) + mean * curved,
            "only_scores": outer(q),
            "mixed": outer(q - b) + mean * curved,
        }
        naives = {
            "right": (mean - b) * curved,
            "no_baseline": mean * curved,
            "sign": -(mean - b) * curved,
            "diagonal": (mean - b) * torch.diag(curved.diagonal()),
            "zero": 0 * curved,
        }
        return {"true": trues[true], "naive": naives[naive]}

    return answer


def _swapped(p, q, b):
    right = _hessians()(p, q, b)
    return {"true": right["naive"], "naive": right["true"]}


# ---------------------------------------------------------------- sampling_term


def _term(centre="others", over=None, detach=True, sign=-1.0, total=False, masked=True):
    def answer(log_pi, mask, outcome):
        o = outcome.detach() if detach else outcome
        n = len(o)
        others = (o.sum() - o) / (n - 1)
        reward = {"others": o - others, "all": o - o.mean(), "none": o}[centre]
        logs = log_pi * mask if masked else log_pi
        if over == "episodes":
            score = logs.sum(2).mean(1)
        elif over == "steps":
            score = logs.sum((1, 2)) / mask.sum((1, 2))
        else:
            score = logs.sum((1, 2))
        result = sign * (score * reward)
        return result.sum() if total else result.mean()

    return answer


# ---------------------------------------------------------------- meta_loss


def _repaired(mean=False, naive=False, detached=False, create_graph=True, total=False, no_graph=False):
    def answer(theta, tasks, alpha, sigma):
        outer = []
        for actions, advantage, goal in tasks:
            at = theta.detach().requires_grad_() if detached else theta
            density = torch.distributions.Normal(at, sigma).log_prob(actions)
            log_pi = density.mean(-1) if mean else density.sum(-1)
            weight = log_pi if naive else torch.exp(log_pi - log_pi.detach())
            (slope,) = grad((weight * advantage).mean(), at, create_graph=create_graph)
            adapted = theta + alpha * slope
            adapted = adapted.detach() if no_graph else adapted
            outer.append(((adapted - goal) ** 2).sum())
        return sum(outer) if total else sum(outer) / len(outer)

    return answer


MUTANTS = [
    Mutant(ch09.check_dice_loss, "naive", _loss(lambda x: x)),
    Mutant(ch09.check_dice_loss, "lvc", _loss(_box)),
    Mutant(ch09.check_dice_loss, "nothing_held", _loss(lambda x: torch.exp(x.cumsum(1) - x.cumsum(1)))),
    Mutant(ch09.check_dice_loss, "whole_episode", _loss(lambda x: _box(x.sum(1, keepdim=True)).expand_as(x))),
    Mutant(ch09.check_dice_loss, "box_on_advantages", _loss(lambda x: _box(x.cumsum(1)))),
    Mutant(ch09.check_dice_loss, "sum_scaled", _divided(lambda mask: mask.sum(1, keepdim=True))),
    Mutant(ch09.check_dice_loss, "sum_scaled", _divided(len)),
    Mutant(ch09.check_dice_loss, "sum_scaled", _divided(torch.sum)),
    Mutant(ch09.check_dice_loss, "across_episodes", _loss(_flattened)),
    Mutant(ch09.check_dice_loss, "across_episodes", _loss(_over_first_axis)),
    Mutant(ch09.check_dice_loss, "sign", _negated),
    Mutant(ch09.check_dice_loss, "sum_over_steps", _summed),
    Mutant(ch09.check_dice_loss, "mask_ignored", _no_mask),
    Mutant(ch09.check_dice_loss, "mask_ignored", _mean_over_padding),
    Mutant(ch09.check_bandit_hessians, "baseline_ignored", _hessians(naive="no_baseline")),
    Mutant(ch09.check_bandit_hessians, "naive_sign", _hessians(naive="sign")),
    Mutant(ch09.check_bandit_hessians, "swapped", _swapped),
    Mutant(ch09.check_bandit_hessians, "only_scores", _hessians("only_scores")),
    Mutant(ch09.check_bandit_hessians, "mixed_baselines", _hessians("mixed")),
    Mutant(ch09.check_bandit_hessians, "diagonal_only", _hessians(naive="diagonal")),
    Mutant(ch09.check_bandit_hessians, "zero", _hessians(naive="zero")),
    Mutant(ch09.check_sampling_term, "not_centred", _term("none")),
    Mutant(ch09.check_sampling_term, "own_included", _term("all")),
    Mutant(ch09.check_sampling_term, "mean_over_episodes", _term(over="episodes")),
    Mutant(ch09.check_sampling_term, "mean_over_episodes", _term(over="steps")),
    Mutant(ch09.check_sampling_term, "outcome_differentiated", _term(detach=False)),
    Mutant(ch09.check_sampling_term, "sign", _term(sign=1.0)),
    Mutant(ch09.check_sampling_term, "sum_over_tasks", _term(total=True)),
    Mutant(ch09.check_sampling_term, "mask_ignored", _term(masked=False)),
    Mutant(ch09.check_meta_loss, "as_it_was", _repaired(mean=True, naive=True, detached=True)),
    Mutant(ch09.check_meta_loss, "as_it_was", _repaired(mean=True, detached=True)),
    Mutant(ch09.check_meta_loss, "mean_over_dimensions", _repaired(mean=True)),
    Mutant(ch09.check_meta_loss, "first_order", _repaired(detached=True)),
    Mutant(ch09.check_meta_loss, "first_order", _repaired(create_graph=False)),
    Mutant(ch09.check_meta_loss, "naive", _repaired(naive=True)),
    Mutant(ch09.check_meta_loss, "two_left", _repaired(mean=True, naive=True)),
    Mutant(ch09.check_meta_loss, "no_gradient", _repaired(no_graph=True)),
    Mutant(ch09.check_meta_loss, "sum_over_tasks", _repaired(total=True)),
]
