"""Answers to exercises of chapter 09, from an eighth attack."""

import torch

from metarl_core.check import ch09

from . import named


def _dice(steps=10**6, episodes=10**6, by_episode=False, total_steps=False, whole=False):
    def answer(log_pi, advantage, mask):
        own = torch.where(mask, log_pi, 0.0)
        gain = torch.where(mask, advantage, 0.0)
        through = own.cumsum(1)
        if whole:
            through = own.sum(1, keepdim=True).expand_as(own)
        before = through - own
        box = lambda x: (x - x.detach()).exp()  # noqa: E731
        weight = box(through) - box(before)
        terms = (weight * gain)[:episodes, :steps]
        if by_episode:
            return -(terms.sum(1) / mask[:episodes].sum(1)).mean()
        return -terms.sum() / (mask.numel() if total_steps else mask.sum())

    return answer


def _ones_kept(log_pi, advantage, mask):
    """The first box alone: another value, and another gradient."""
    own, gain = torch.where(mask, log_pi, 0.0), torch.where(mask, advantage, 0.0)
    through = own.cumsum(1)
    return -((through - through.detach()).exp() * gain).sum() / mask.sum()


def _factored(log_pi, advantage, mask):
    own, gain = torch.where(mask, log_pi, 0.0), torch.where(mask, advantage, 0.0)
    stop = torch.Tensor.detach
    before = own.cumsum(1) - own
    return -((before - stop(before)).exp() * torch.expm1(own - stop(own)) * gain).sum() / mask.sum()


def _dice_by_loops(log_pi, advantage, mask):
    total = log_pi.new_zeros(())
    for row, gains, real in zip(log_pi, advantage, mask, strict=True):
        so_far = log_pi.new_zeros(())
        for x, a, m in zip(row, gains, real, strict=True):
            if m:
                after = so_far + x
                total = total - a * ((after - after.detach()).exp() - (so_far - so_far.detach()).exp())
                so_far = after
    return total / mask.sum()


# ------------------------------------------------------------------ Hessians of a bandit


def _hessians(arms=10**6, small=0.0, single=False, clip=None):
    def answer(p, q, b):
        if clip:
            p = p.clamp(min=clip)
        if single:
            p, q = p.float().double(), q.float().double()
        mean = (p * q).sum()
        away = p * (q - mean)
        true = torch.diag(away) - torch.outer(away, p) - torch.outer(p, away)
        naive = -(mean - b) * (torch.diag(p) - torch.outer(p, p))
        true[arms:], naive[arms:] = 0.0, 0.0
        return {"true": true, "naive": naive + small}

    return answer


def _of_logits(p, q, b):
    """By autograd, through the logits; the text asks for a formula only by its name."""
    theta = p.log().requires_grad_()
    true = torch.autograd.functional.hessian(lambda t: (t.softmax(0) * q).sum(), theta)
    naive = torch.autograd.functional.hessian(lambda t: (p * (q - b) * t.log_softmax(0)).sum(), theta)
    return {"true": true, "naive": naive}


def _symmetrised_half(p, q, b):
    found = _hessians()(p, q, b)
    return {**found, "true": torch.triu(found["true"]) + torch.triu(found["true"]).T}


def _by_entries(p, q, b):
    k, mean = len(p), float(p @ q)
    true, naive = (torch.zeros(k, k, dtype=torch.float64) for _ in range(2))
    for i in range(k):
        for j in range(k):
            delta = float(i == j)
            true[i, j] = p[i] * delta * (q[i] - mean) - p[i] * p[j] * (q[i] + q[j] - 2 * mean)
            naive[i, j] = -(mean - b) * p[i] * (delta - p[j])
    return {"naive": naive, "true": true}


def _by_projection(p, q, b):
    k = len(p)
    jacobian = torch.diag(p) - p[:, None] * p
    mean = p @ q
    x = torch.diag(q - mean) @ jacobian - torch.outer(p, jacobian @ q)
    return {"true": x, "naive": (b - mean) * jacobian + torch.zeros(k, k)}


# ------------------------------------------------------------------ the sampling term


def _sampling(tasks=10**6, steps=10**6, episodes=10**6, baseline=None, clip=None, by_steps=False):
    def answer(log_pi, mask, outcome):
        outcome = outcome.detach()
        n = len(outcome)
        others = (outcome.sum() - outcome) / (n - 1)
        if baseline == "median":
            others = torch.stack([torch.cat([outcome[:i], outcome[i + 1 :]]).median() for i in range(n)])
        if baseline == "mean":
            others = outcome.mean()
        own = torch.where(mask, log_pi, 0.0)
        own = own.clamp(-clip, clip) if clip else own
        scores = own[:, :episodes, :steps].sum((1, 2))
        scores = scores / mask.sum((1, 2)) if by_steps else scores
        return -(scores * (outcome - others))[:tasks].sum() / n

    return answer


def _by_lists(log_pi, mask, outcome):
    told = outcome.tolist()
    total = 0
    for i, (rows, real) in enumerate(zip(log_pi, mask, strict=True)):
        rest = told[:i] + told[i + 1 :]
        total = total - rows[real].sum() * (told[i] - sum(rest) / len(rest))
    return total / len(told)


def _scaled_mean(log_pi, mask, outcome):
    n = len(outcome)
    scores = log_pi.masked_fill(~mask, 0).flatten(1).sum(1)
    return -torch.dot(scores, (outcome - outcome.mean()).detach()) / (n - 1)


# ------------------------------------------------------------------ a loss with bugs


def _loss(tasks=10**6, actions=10**6, centred=False, clip=None, sign=1.0):
    def answer(theta, data, alpha, sigma):
        losses = []
        for acted, advantage, goal in data[:tasks]:
            advantage = (advantage - advantage.mean() if centred else advantage)[:actions]
            log_pi = -((acted[:actions] - theta) ** 2).sum(-1) / (2 * sigma**2)
            surrogate = ((log_pi - log_pi.detach()).exp() * advantage).sum() / len(advantage)
            (slope,) = torch.autograd.grad(surrogate, theta, create_graph=True)
            slope = slope.clamp(-clip, clip) if clip else slope
            losses.append((theta + sign * alpha * slope - goal).square().sum())
        return torch.stack(losses).mean()

    return answer


def _slope_by_hand(theta, data, alpha, sigma):
    losses = []
    for acted, advantage, goal in data:
        score = (acted - theta) / sigma**2
        log_pi = -(acted - theta).square().sum(-1) / (2 * sigma**2)
        ratio = torch.exp(log_pi - log_pi.detach())
        slope = (ratio * advantage) @ score / len(acted)
        losses.append(torch.dot(theta + alpha * slope - goal, theta + alpha * slope - goal))
    return sum(losses) / len(losses)


WRONG = [
    *named(
        ch09.check_dice_loss,
        _ones_kept,
        fifty_steps=_dice(steps=50),
        fifty_episodes=_dice(episodes=50),
        by_episode=_dice(by_episode=True),
        padding_counted=_dice(total_steps=True),
        whole_episodes=_dice(whole=True),
    ),
    *named(
        ch09.check_bandit_hessians,
        _symmetrised_half,
        _of_logits,
        fifty_arms=_hessians(arms=50),
        single=_hessians(single=True),
        least_probability=_hessians(clip=1e-6),
    ),
    *named(
        ch09.check_sampling_term,
        fifty_tasks=_sampling(tasks=50),
        fifty_steps=_sampling(steps=50),
        fifty_episodes=_sampling(episodes=50),
        median=_sampling(baseline="median"),
        mean=_sampling(baseline="mean"),
        clipped=_sampling(clip=20.0),
        by_steps=_sampling(by_steps=True),
    ),
    *named(
        ch09.check_meta_loss,
        fifty_tasks=_loss(tasks=50),
        fifty_actions=_loss(actions=50),
        centred=_loss(centred=True),
        clipped=_loss(clip=10.0),
        downhill=_loss(sign=-1.0),
    ),
]
RIGHT = [
    *named(ch09.check_dice_loss, _factored, _dice_by_loops),
    *named(ch09.check_bandit_hessians, _by_entries, _by_projection),
    *named(ch09.check_sampling_term, _by_lists, _scaled_mean),
    *named(ch09.check_meta_loss, _slope_by_hand),
]
