"""Answers to an exercise of chapter 03: the expected target of an ε-greedy agent."""

import numpy as np
import torch

from attacks import named
from metarl_core.check import ch03

# ------------------------------------------------------------------ expected target, wrong


def _mixed(over=None, choose=None, value=None, explored=None, weights=None):
    """An answer in which some parts are not what they should be; each gets all arguments."""

    @torch.no_grad()
    def answer(rewards, terminated, truncated, online, target, discount, epsilon):
        args = rewards, terminated, truncated, online, target, discount, epsilon
        ended = terminated if over is None else over(terminated, truncated)
        by, of = (online if choose is None else choose(*args)), (target if value is None else value(*args))
        greedy = of.gather(1, by.argmax(1)[:, None]).squeeze(1)
        uniform = (target if explored is None else explored(*args)).mean(1)
        a, b = (1 - epsilon, epsilon) if weights is None else weights(epsilon, target.shape[1])
        return rewards + discount * (1 - ended.to(rewards.dtype)) * (a * greedy + b * uniform)

    return answer


_right = _mixed()
_as_printed = _mixed(weights=lambda e, n: (1.0, 0.0))
_always_random = _mixed(weights=lambda e, n: (0.0, 1.0))
_whole_greedy_part = _mixed(weights=lambda e, n: (1.0, e))
_no_exploring_part = _mixed(weights=lambda e, n: (1 - e, 0.0))
_turned = _mixed(weights=lambda e, n: (e, 1 - e))
_sum_over_actions = _mixed(weights=lambda e, n: (1 - e, e * n))
_explores_by_online = _mixed(explored=lambda *a: a[3])
_ignores_ends = _mixed(over=lambda d, u: d & ~d)
_done = _mixed(over=lambda d, u: d | u)
_limit_wins = _mixed(over=lambda d, u: d & ~u)
_limit_only = _mixed(over=lambda d, u: u)
_turned_flags = _mixed(over=lambda d, u: ~d)
_both_flags = _mixed(over=lambda d, u: d & u)
_swapped_networks = _mixed(choose=lambda *a: a[4], value=lambda *a: a[3])
_target_chooses = _mixed(choose=lambda *a: a[4])
_online_alone = _mixed(value=lambda *a: a[3], explored=lambda *a: a[3])
_online_for_greedy = _mixed(value=lambda *a: a[3])
_everyone_the_same = _mixed(choose=lambda *a: a[3].sum(0, keepdim=True).expand_as(a[3]))
_least_liked = _mixed(choose=lambda *a: -a[3])
_largest_in_size = _mixed(choose=lambda *a: a[3].abs())
_smaller_value = _mixed(value=lambda *a: torch.minimum(a[3], a[4]))


@torch.no_grad()
def _others_share_epsilon(rewards, terminated, truncated, online, target, discount, epsilon):
    p = torch.full_like(target, epsilon / (target.shape[1] - 1))
    p[torch.arange(len(p)), online.argmax(1)] = 1 - epsilon
    return rewards + discount * ~terminated * (p * target).sum(1)


@torch.no_grad()
def _exploration_on_top(rewards, terminated, truncated, online, target, discount, epsilon):
    """ε/n for the others and 1 − ε for the greedy one: its own share of exploration is missing."""
    p = torch.full_like(target, epsilon / target.shape[1])
    p[torch.arange(len(p)), online.argmax(1)] = 1 - epsilon
    return rewards + discount * ~terminated * (p * target).sum(1)


@torch.no_grad()
def _by_softmax(rewards, terminated, truncated, online, target, discount, epsilon):
    return rewards + discount * ~terminated * (online.softmax(1) * target).sum(1)


@torch.no_grad()
def _draws_the_action(rewards, terminated, truncated, online, target, discount, epsilon):
    random = torch.randint(target.shape[1], (len(target),))
    action = torch.where(torch.rand(len(target)) < epsilon, random, online.argmax(1))
    return rewards + discount * ~terminated * target[torch.arange(len(target)), action]


def _keeps_the_graph(rewards, terminated, truncated, online, target, discount, epsilon):
    best = target.gather(1, online.argmax(1, keepdim=True))[:, 0]
    return rewards + discount * ~terminated * ((1 - epsilon) * best + epsilon * target.mean(1))


@torch.no_grad()
def _argmax_over_rows(rewards, terminated, truncated, online, target, discount, epsilon):
    best = online.argmax(0)
    greedy = target[range(len(best)), best]
    return rewards + discount * ~terminated * ((1 - epsilon) * greedy + epsilon * target.mean(1))


@torch.no_grad()
def _mean_over_the_batch(rewards, terminated, truncated, online, target, discount, epsilon):
    greedy = target.gather(1, online.argmax(1, keepdim=True))[:, 0]
    return rewards + discount * ~terminated * ((1 - epsilon) * greedy + epsilon * target.mean())


@torch.no_grad()
def _discounts_only_the_greedy_part(rewards, terminated, truncated, online, target, discount, epsilon):
    greedy = target.gather(1, online.argmax(1, keepdim=True))[:, 0]
    return rewards + ~terminated * (discount * (1 - epsilon) * greedy + epsilon * target.mean(1))


def _ends_pay_nothing(*args):
    return _right(*args) * ~args[1]


def _no_gamma(*args):
    return _right(*args[:5], 1.0, args[6])


def _gamma_before_all(*args):
    return _right(args[5] * args[0], *args[1:])


def _explores_a_tenth(*args):
    return _right(*args[:6], 0.1)


def _target_in_single_precision(*args):
    return _right(args[0].float(), *args[1:3], args[3].float(), args[4].float(), *args[5:])


def _one_column(*args):
    return _right(*args)[:, None]


def _clips_the_reward(*args):
    return _right(args[0].clamp(-1, 1), *args[1:])


def _freezes_the_networks(*args):
    args[3].requires_grad_(False), args[4].requires_grad_(False)
    return _right(*args)


# ------------------------------------------------------------------ expected target, right


def _by_probabilities(rewards, terminated, truncated, online, target, discount, epsilon):
    n = online.shape[-1]
    policy = torch.full_like(target, epsilon / n).detach()
    policy.scatter_add_(1, online.argmax(1, keepdim=True), torch.full_like(policy[:, :1], 1 - epsilon))
    return (rewards + discount * (~terminated).to(rewards.dtype) * torch.einsum("ra,ra->r", policy, target)).detach()


def _by_rows(rewards, terminated, truncated, online, target, discount, epsilon):
    out = rewards.clone()
    for i, (mine, theirs) in enumerate(zip(online.tolist(), target.tolist(), strict=True)):
        if not terminated[i]:
            greedy = theirs[max(range(len(mine)), key=mine.__getitem__)]
            out[i] += discount * (greedy + epsilon * (sum(theirs) / len(theirs) - greedy))
    return out


def _numpy_target(rewards, terminated, truncated, online, target, discount, epsilon):
    q, chooser = target.detach().numpy(), online.detach().numpy()
    p = np.eye(q.shape[1])[chooser.argmax(1)] * (1 - epsilon) + epsilon / q.shape[1]
    return torch.from_numpy(rewards.numpy() + discount * (1 - terminated.numpy()) * (p * q).sum(1)).to(rewards.dtype)


@torch.inference_mode()
def _torch_lerp(rewards, terminated, truncated, online, target, discount, epsilon):
    greedy = torch.take_along_dim(target, online.max(1, keepdim=True).indices, 1).squeeze(1)
    future = torch.lerp(greedy, target.mean(1), epsilon)
    return torch.where(terminated, rewards, rewards + discount * future).clone()


def _by_bmm(rewards, terminated, truncated, online, target, discount, epsilon):
    chosen = torch.nn.functional.one_hot(online.detach().argmax(1), online.shape[1]).to(target.dtype)
    policy = (1 - epsilon) * chosen + epsilon * torch.ones_like(chosen) / chosen.shape[1]
    future = torch.bmm(policy[:, None, :], target.detach()[:, :, None]).flatten()
    return rewards.add(future.masked_fill(terminated, 0), alpha=discount)


class _Agent:
    def __call__(self, *args):
        return _by_probabilities(*args)


WRONG = [
    *named(
        ch03.check_expected_target,
        _exploration_on_top,
        _mean_over_the_batch,
        _discounts_only_the_greedy_part,
        _explores_a_tenth,
        _target_in_single_precision,
        _one_column,
        _clips_the_reward,
        _freezes_the_networks,
        _largest_in_size,
        _smaller_value,
        _as_printed,
        _others_share_epsilon,
        _draws_the_action,
        _ends_pay_nothing,
        _by_softmax,
        lambda *a: list(_right(*a)),
        lambda *a: _right(*a[:6], a[6] ** 2),
    ),
]

RIGHT = [
    *named(ch03.check_expected_target, _by_probabilities, _by_rows, _numpy_target, _torch_lerp, _by_bmm, _right),
    (ch03.check_expected_target, _Agent()),
]
