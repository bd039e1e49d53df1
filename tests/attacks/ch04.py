"""Answers to the exercises of chapter 04."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch04

# ------------------------------------------------------------------ actor-critic, wrong


def _target(next_value, rewards, terminated, discount):
    return (rewards + discount * next_value * ~terminated).detach()


def _scale(delta):
    return (delta - delta.mean()) / delta.std(correction=0)


def _only_the_target_mended(log_pi, value, next_value, rewards, terminated, discount):
    target = _target(next_value, rewards, terminated, discount)
    advantage = target - value
    return (
        -(log_pi * (advantage - advantage.mean()) / advantage.var(correction=0)).mean()
        + 0.5 * (target - value).square().mean()
    )


def _standardised_critic(log_pi, value, next_value, rewards, terminated, discount):
    target = _target(next_value, rewards, terminated, discount)
    delta = target - value
    return -(log_pi * _scale(delta.detach())).mean() + 0.5 * _scale(delta).square().mean()


def _absolute_error(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount) - value
    return -(log_pi * _scale(delta.detach())).mean() + 0.5 * delta.abs().mean()


def _log_pi_constant(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount) - value
    return -(log_pi.detach() * _scale(delta.detach())).mean() + 0.5 * delta.square().mean()


def _reward_lost_at_the_end(log_pi, value, next_value, rewards, terminated, discount):
    delta = ((rewards + discount * next_value) * ~terminated).detach() - value
    return -(log_pi * _scale(delta.detach())).mean() + 0.5 * delta.square().mean()


def _flag_turned(log_pi, value, next_value, rewards, terminated, discount):
    return _mended(log_pi, value, next_value, rewards, ~terminated, discount)


def _large_epsilon(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount) - value
    error = delta.detach()
    actor = -(log_pi * (error - error.mean()) / (error.std(correction=0) + 0.01)).mean()
    return actor + 0.5 * delta.square().mean()


def _semi_gradient_the_other_way(log_pi, value, next_value, rewards, terminated, discount):
    delta = rewards + discount * next_value * ~terminated - value.detach()
    return -(log_pi * _scale(delta.detach())).mean() + 0.5 * delta.square().mean()


def _two_losses(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount) - value
    return -(log_pi * _scale(delta.detach())).mean(), 0.5 * delta.square().mean()


def _median(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount) - value
    error = delta.detach()
    return -(log_pi * (error - error.median()) / error.std(correction=0)).mean() + 0.5 * delta.square().mean()


def _critic_in_half_the_precision(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount).float() - value.float()
    return (-(log_pi * _scale(delta.detach())).mean() + 0.5 * delta.square().mean()).to(log_pi.dtype)


def _default_discount(log_pi, value, next_value, rewards, terminated, discount=0.9):
    return _mended(log_pi, value, next_value, rewards, terminated, 0.9)


# ------------------------------------------------------------------ actor-critic, right


def _mended(log_pi, value, next_value, rewards, terminated, discount):
    delta = _target(next_value, rewards, terminated, discount) - value
    return -(log_pi * _scale(delta.detach())).mean() + 0.5 * delta.square().mean()


def _under_no_grad(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        goal = torch.where(terminated, rewards, rewards + discount * next_value)
        delta = goal - value
        spread, middle = torch.std_mean(delta, correction=0)
        weight = (delta - middle) / (spread + 1e-8)
    critic = torch.nn.functional.mse_loss(value, goal) / 2
    return critic - torch.dot(log_pi, weight) / len(log_pi)


def _ac_loop(log_pi, value, next_value, rewards, terminated, discount):
    goals = [
        r + (0.0 if d else discount * v)
        for r, v, d in zip(rewards.tolist(), next_value.tolist(), terminated.tolist(), strict=True)
    ]
    deltas = [y - v for y, v in zip(goals, value.tolist(), strict=True)]
    m, total = math.fsum(deltas) / len(deltas), 0.0
    sigma = math.sqrt(math.fsum((d - m) ** 2 for d in deltas) / len(deltas))
    for i, y in enumerate(goals):
        total = total - log_pi[i] * (deltas[i] - m) / sigma + 0.5 * (y - value[i]) ** 2
    return total / len(goals)


def _unbiased_false(log_pi, value, next_value, rewards, terminated, discount):
    y = (rewards + discount * (1 - terminated.float()) * next_value).detach()
    adv = y - value.detach()
    adv = (adv - adv.mean()) / adv.std(unbiased=False)
    return (-log_pi * adv + 0.5 * (y - value) ** 2).mean()


_P = (Fraction(4, 5), Fraction(1, 5))
_SCORE = (Fraction(1, 5), Fraction(-4, 5))
_B = sum(p * s**2 * r for p, s, r in zip(_P, _SCORE, (2, 7), strict=True)) / sum(
    p * s**2 for p, s in zip(_P, _SCORE, strict=True)
)


def _variance(b):
    estimates = [s * (r - b) for s, r in zip(_SCORE, (2, 7), strict=True)]
    mean = sum(p * g for p, g in zip(_P, estimates, strict=True))
    return sum(p * (g - mean) ** 2 for p, g in zip(_P, estimates, strict=True))


WRONG = [
    *((ch04.check_actor_critic_loss, answer) for answer in (
        _only_the_target_mended, _standardised_critic, _absolute_error, _log_pi_constant, _reward_lost_at_the_end,
        _flag_turned, _large_epsilon, _semi_gradient_the_other_way, _two_losses, _median,
        _critic_in_half_the_precision, _default_discount,
    )),
    *((ch04.check_best_baseline, answer) for answer in (
        5.0, 4.625, 7.0, 2.0, 5.96, 6 / 0.16, "6", [6.0], float("nan"), True, torch.tensor([6.0, 6.0]), 6.0 + 0.1j,
    )),
    *((ch04.check_variance_mean_baseline, answer) for answer in (
        -1.44, 1.8, 0.0, 0.36, 2.56, float("inf"), 1.45, "1.44", (1.44,),
    )),
    *((ch04.check_variance_best_baseline, answer) for answer in (
        1e-3, 0.4, -1e-6, False, float("nan"), "0", 6.0, [0.0],
    )),
]  # fmt: skip

RIGHT = [
    *((ch04.check_actor_critic_loss, answer) for answer in (_mended, _under_no_grad, _ac_loop, _unbiased_false)),
    *((ch04.check_best_baseline, answer) for answer in (_B, 6, np.int64(6), Decimal(6), torch.tensor(6.0))),
    *((ch04.check_variance_mean_baseline, answer) for answer in (
        _variance(Fraction(3)), float(_variance(3.0)), np.float32(1.44), Decimal("1.44"), Fraction(36, 25),
    )),
    *((ch04.check_variance_best_baseline, answer) for answer in (
        _variance(_B), 0, np.zeros(()), 1e-16, -2.2e-16, 0.8**2 - 0.64, Decimal(0), torch.zeros(1),
    )),
]  # fmt: skip
