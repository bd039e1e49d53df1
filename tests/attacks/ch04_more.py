"""More answers to the exercises of chapter 04, written from the text of the exercises alone."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch04

# ------------------------------------------------------------------ an actor-critic's loss, wrong


def _loss_of(log_pi, value, target, standardised):
    return -(log_pi * standardised).mean() + 0.5 * (target - value).square().mean()


def _y(value, next_value, rewards, terminated, discount):
    return (rewards + discount * next_value * ~terminated).detach()


def _unchanged(log_pi, value, next_value, rewards, terminated, discount):
    target = rewards + discount * next_value * ~terminated
    advantage = target - value
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.var(correction=0))


def _only_the_std(log_pi, value, next_value, rewards, terminated, discount):
    target = rewards + discount * next_value * ~terminated
    advantage = target - value
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.std(correction=0))


def _target_still_moves(log_pi, value, next_value, rewards, terminated, discount):
    target = rewards + discount * next_value * ~terminated
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.std(correction=0))


def _actor_moves_the_critic(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = target - value
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.std(correction=0))


def _variance_again(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.var(correction=0))


def _critic_detached(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value.detach(), target, (advantage - advantage.mean()) / advantage.std(correction=0))


def _target_follows_v(log_pi, value, next_value, rewards, terminated, discount):
    """Residual gradient the other way: the target learns, the prediction is held."""
    target = rewards + discount * next_value * ~terminated
    advantage = (target - value).detach()
    return _loss_of(log_pi, value.detach(), target, (advantage - advantage.mean()) / advantage.std(correction=0))


def _unbiased_std(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.std())


def _not_centred(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, advantage / advantage.std(correction=0))


def _only_centred(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, advantage - advantage.mean())


def _not_standardised(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    return _loss_of(log_pi, value, target, (target - value).detach())


def _root_mean_square(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / advantage.square().mean().sqrt())


def _mean_size(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    centred = (target - value).detach()
    centred = centred - centred.mean()
    return _loss_of(log_pi, value, target, centred / centred.abs().mean())


def _a_thousandth_added(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    return _loss_of(log_pi, value, target, (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-3))


def _no_half_for_the_critic(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    standardised = (advantage - advantage.mean()) / advantage.std(correction=0)
    return -(log_pi * standardised).mean() + (target - value).square().mean()


def _sums(log_pi, value, next_value, rewards, terminated, discount):
    return len(value) * _repaired(log_pi, value, next_value, rewards, terminated, discount)


def _huber(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    standardised = (advantage - advantage.mean()) / advantage.std(correction=0)
    return -(log_pi * standardised).mean() + torch.nn.functional.smooth_l1_loss(value, target)


def _actor_uphill(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    standardised = (advantage - advantage.mean()) / advantage.std(correction=0)
    return (log_pi * standardised).mean() + 0.5 * (target - value).square().mean()


def _never_terminates(log_pi, value, next_value, rewards, terminated, discount):
    return _repaired(log_pi, value, next_value, rewards, torch.zeros_like(terminated), discount)


def _terminates_the_wrong_way(log_pi, value, next_value, rewards, terminated, discount):
    return _repaired(log_pi, value, next_value, rewards, ~terminated, discount)


def _only_the_actor(log_pi, value, next_value, rewards, terminated, discount):
    advantage = _y(value, next_value, rewards, terminated, discount) - value.detach()
    return -(log_pi * (advantage - advantage.mean()) / advantage.std(correction=0)).mean()


def _no_gradients(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        return _repaired(log_pi, value, next_value, rewards, terminated, discount)


def _log_pi_detached(log_pi, value, next_value, rewards, terminated, discount):
    return _repaired(log_pi.detach(), value, next_value, rewards, terminated, discount)


def _entropy_bonus(log_pi, value, next_value, rewards, terminated, discount):
    return _repaired(log_pi, value, next_value, rewards, terminated, discount) + 0.01 * log_pi.mean()


def _two_losses(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    standardised = (advantage - advantage.mean()) / advantage.std(correction=0)
    return -(log_pi * standardised).mean(), 0.5 * (target - value).square().mean()


def _loss_single(log_pi, value, next_value, rewards, terminated, discount):
    single = (x.float() for x in (log_pi, value, next_value, rewards))
    return _repaired(*single, terminated, discount).to(log_pi.dtype)


def _rewards_in_place(log_pi, value, next_value, rewards, terminated, discount):
    rewards += (discount * next_value * ~terminated).detach()
    advantage = rewards - value.detach()
    return _loss_of(log_pi, value, rewards, (advantage - advantage.mean()) / advantage.std(correction=0))


def _targets_scaled_too(log_pi, value, next_value, rewards, terminated, discount):
    target = _y(value, next_value, rewards, terminated, discount)
    advantage = (target - value).detach()
    sigma = advantage.std(correction=0)
    standardised = (advantage - advantage.mean()) / sigma
    return -(log_pi * standardised).mean() + 0.5 * ((target - value) / sigma).square().mean()


def _discount_of_the_cell(log_pi, value, next_value, rewards, terminated, discount):
    return _repaired(log_pi, value, next_value, rewards, terminated, 0.9)


class _RunningScale:
    """Mean and scale of all batches so far."""

    def __init__(self):
        self.seen = []

    def __call__(self, log_pi, value, next_value, rewards, terminated, discount):
        target = _y(value, next_value, rewards, terminated, discount)
        advantage = (target - value).detach()
        self.seen.append(advantage)
        everything = torch.cat([x.to(advantage.dtype) for x in self.seen])
        return _loss_of(log_pi, value, target, (advantage - everything.mean()) / everything.std(correction=0))


# ------------------------------------------------------------------ an actor-critic's loss, right


def _repaired(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        target = rewards + discount * torch.where(terminated, 0, next_value)
        spread, center = torch.std_mean(target - value, correction=0)
        standardised = (target - value - center) / spread
    return torch.nn.functional.mse_loss(value, target) / 2 - torch.dot(log_pi, standardised) / len(log_pi)


def _detaches_the_ratio(log_pi, value, next_value, rewards, terminated, discount):
    target = rewards + discount * next_value.detach() * (1 - terminated.to(rewards.dtype))
    advantage = target - value
    deviation = (advantage - advantage.mean()).square().mean().sqrt()
    standardised = ((advantage - advantage.mean()) / deviation).detach()
    return (-log_pi * standardised + 0.5 * advantage**2).mean()


def _through_numpy(log_pi, value, next_value, rewards, terminated, discount):
    y = rewards.numpy() + discount * np.where(terminated.numpy(), 0, next_value.detach().numpy())
    delta = (y - value.detach().numpy()).astype(np.float64)
    standardised = torch.from_numpy((delta - delta.mean()) / delta.std()).to(log_pi.dtype)
    target = torch.from_numpy(y).to(value.dtype)
    return -torch.mean(log_pi * standardised) + torch.mean((value - target) ** 2) / 2


def _a_sum_of_samples(log_pi, value, next_value, rewards, terminated, discount):
    n = len(value)
    target = [r + (0 if d else discount * v.detach()) for r, v, d in zip(rewards, next_value, terminated, strict=True)]
    delta = [float(y) - float(v) for y, v in zip(target, value, strict=True)]
    center = math.fsum(delta) / n
    sigma = math.sqrt(math.fsum((d - center) ** 2 for d in delta) / n)
    actor = sum(p * ((d - center) / sigma) for p, d in zip(log_pi, delta, strict=True))
    critic = sum((y - v) ** 2 for y, v in zip(target, value, strict=True))
    return (critic / 2 - actor) / n


WRONG = [
    *(
        (ch04.check_actor_critic_loss, answer)
        for answer in (
            _unchanged,
            _only_the_std,
            _target_still_moves,
            _actor_moves_the_critic,
            _variance_again,
            _critic_detached,
            _target_follows_v,
            _unbiased_std,
            _not_centred,
            _only_centred,
            _not_standardised,
            _root_mean_square,
            _mean_size,
            _a_thousandth_added,
            _no_half_for_the_critic,
            _sums,
            _huber,
            _actor_uphill,
            _never_terminates,
            _terminates_the_wrong_way,
            _only_the_actor,
            _no_gradients,
            _log_pi_detached,
            _entropy_bonus,
            _two_losses,
            _loss_single,
            _rewards_in_place,
            _targets_scaled_too,
            _discount_of_the_cell,
            _RunningScale(),
        )
    ),
    *((ch04.check_best_baseline, answer) for answer in (3.0, 4.5, -6.0, 2.0, 7.0, 0.0, 5.9, "six")),
    *(
        (ch04.check_variance_mean_baseline, answer)
        for answer in (2.08, 1.2, 4.0, 5.76, 5.12, 0.64, -1.44, 0.0, 2.72, 1.4)
    ),
    *((ch04.check_variance_best_baseline, answer) for answer in (0.64, -0.8, 1.44, 0.8, 1e-3, float("nan"))),
]

RIGHT = [
    *(
        (ch04.check_actor_critic_loss, answer)
        for answer in (_repaired, _detaches_the_ratio, _through_numpy, _a_sum_of_samples)
    ),
    (ch04.check_best_baseline, 6),
    (ch04.check_best_baseline, np.int64(6)),
    (ch04.check_best_baseline, Fraction(1, 5) * 2 + Fraction(4, 5) * 7),
    (ch04.check_best_baseline, torch.tensor(6.0, dtype=torch.float64)),
    (ch04.check_variance_mean_baseline, Decimal("1.44")),
    (ch04.check_variance_mean_baseline, 1.2**2),
    (ch04.check_variance_mean_baseline, np.var([-0.2] * 4 + [-3.2])),
    (ch04.check_variance_best_baseline, 0),
    (ch04.check_variance_best_baseline, -0.0),
    (ch04.check_variance_best_baseline, np.var([-0.8] * 5)),
    (ch04.check_variance_best_baseline, 0.8 * 0.8**2 + 0.2 * 0.8**2 - 0.8**2),
]
