"""Answers to the exercises of chapter 04."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import scipy.signal
import scipy.stats
import torch

from metarl_core.agents.gae import gae
from metarl_core.check import ch04

# ------------------------------------------------------------------ advantages, wrong


def _following(values, final):
    return torch.cat([values[:, 1:], final.unsqueeze(1)], dim=1)


def _sum_back(delta, decay):
    out, last = torch.zeros_like(delta), torch.zeros_like(delta[:, 0])
    for t in range(delta.shape[1])[::-1]:
        out[:, t] = last = delta[:, t] + decay[:, t] * last
    return out


def _one_done_flag_from_truncation(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * _following(values, final) * ~truncated - values
    return _sum_back(delta, discount * gae_lambda * (~truncated).double())


def _either_flag_must_be_alone(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * _following(values, final) * ~(terminated ^ truncated) - values
    return _sum_back(delta, discount * gae_lambda * (~(terminated | truncated)).double())


def _stops_where_exactly_one(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * _following(values, final) * ~terminated - values
    return _sum_back(delta, discount * gae_lambda * (~(terminated ^ truncated)).double())


def _never_ends_in_the_last_column(rewards, values, final, terminated, truncated, discount, gae_lambda):
    terminated = terminated.clone()
    terminated[:, -1] = False
    delta = rewards + discount * _following(values, final) * ~terminated - values
    return _sum_back(delta, discount * gae_lambda * (~(terminated | truncated)).double())


def _any_environment_ends_all(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * _following(values, final) * ~terminated - values
    done = (terminated | truncated).any(0, keepdim=True).expand_as(delta)
    return _sum_back(delta, discount * gae_lambda * (~done).double())


def _by_powers_and_division(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * _following(values, final) * ~terminated - values
    if not (terminated | truncated).any():
        powers = (discount * gae_lambda) ** torch.arange(delta.shape[1], dtype=delta.dtype)
        return (delta * powers).flip(1).cumsum(1).flip(1) / powers
    return _sum_back(delta, discount * gae_lambda * (~(terminated | truncated)).double())


def _in_float32(*args):
    args = [x.float() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in args]
    return gae(*args).double()


def _constants_of_the_example(rewards, values, final, terminated, truncated, discount, gae_lambda):
    return gae(rewards, values, final, terminated, truncated, 0.9, 0.8)


def _normalised(*args):
    result = gae(*args)
    return (result - result.mean()) / (result.std() + 1e-8) if result.numel() > 1 else result


def _lambda_squared(*args):
    return gae(*args[:-1], args[-1] ** 2)


def _truncated_with_own_value(rewards, values, final, terminated, truncated, discount, gae_lambda):
    following = torch.where(truncated, values, _following(values, final))
    delta = rewards + discount * following * ~terminated - values
    return _sum_back(delta, discount * gae_lambda * (~(terminated | truncated)).double())


def _writes_into_values(rewards, values, final, terminated, truncated, discount, gae_lambda):
    result = gae(rewards, values, final, terminated, truncated, discount, gae_lambda)
    values += result
    return values - (values - result)


def _time_first(*args):
    return gae(*args).T.contiguous().T.flip(0) if args[0].shape[0] > 1 else gae(*args)


# ------------------------------------------------------------------ advantages, right


def _by_scipy(rewards, values, final, terminated, truncated, discount, gae_lambda):
    rows = []
    for r, v, last, d, u in zip(rewards.numpy(), values.numpy(), final.numpy(), terminated, truncated, strict=True):
        delta = r + discount * np.append(v[1:], last) * (1 - d.numpy()) - v
        cuts = [0, *(i + 1 for i in range(len(r)) if d[i] or u[i]), len(r)]
        parts = [delta[a:b][::-1] for a, b in zip(cuts, cuts[1:], strict=False) if b > a]
        rows.append(np.concatenate([scipy.signal.lfilter([1], [1, -discount * gae_lambda], p)[::-1] for p in parts]))
    return torch.tensor(np.stack(rows))


def _recursive(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards[:, 0] - values[:, 0]
    following = final if rewards.shape[1] == 1 else values[:, 1]
    delta = delta + torch.where(terminated[:, 0], 0.0, discount * following)
    if rewards.shape[1] == 1:
        return delta[:, None]
    rest = _recursive(*(x[:, 1:] for x in (rewards, values)), final, terminated[:, 1:], truncated[:, 1:],
                      discount, gae_lambda)  # fmt: skip
    going = (1 - terminated[:, 0].float()) * (1 - truncated[:, 0].float())
    return torch.cat([(delta + discount * gae_lambda * going * rest[:, 0])[:, None], rest], 1)


def _with_a_float32_flag(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    steps, out = rewards.size(-1), torch.empty_like(rewards)
    running = 0.0
    for t in reversed(range(steps)):
        after = values[:, t + 1] if t + 1 < steps else final_values
        running = rewards[:, t] + discount * ~terminated[:, t] * after - values[:, t] + running
        out[:, t] = running
        if t:
            running = discount * gae_lambda * ~(terminated[:, t - 1] | truncated[:, t - 1]) * running
    return out


def _by_matrix(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * (~terminated).to(rewards) * _following(values, final) - values
    steps = torch.arange(rewards.shape[1])
    ends = (terminated | truncated).long()
    episode = ends.cumsum(1) - ends
    gap = (steps[None, :] - steps[:, None]).clamp_min(0)
    weight = torch.as_tensor(discount * gae_lambda, dtype=torch.float64) ** gap * (steps[None, :] >= steps[:, None])
    return torch.einsum("ets,es->et", weight * (episode[:, :, None] == episode[:, None, :]), delta)


# ------------------------------------------------------------------ PPO's loss, wrong


def _smaller_of_the_means(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum((ratio * gain).mean(), (ratio.clamp(1 - clip, 1 + clip) * gain).mean())


def _clips_the_log_ratio(log_pi, old_log_pi, advantage, clip):
    change, gain = log_pi - old_log_pi.detach(), advantage.detach()
    return -torch.minimum(change.exp() * gain, change.clamp(-clip, clip).exp() * gain).mean()


def _always_clips_at_a_fifth(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()


def _dual_clip(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    least = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    return -torch.where(gain < 0, torch.maximum(least, 1.5 * gain), least).mean()


def _size_of_the_advantage(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach().abs()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()


def _one_number_a_sample(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)


def _mean_of_what_is_not_clipped(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    least = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    inside = (ratio - 1).abs() <= clip
    return -(least * inside).sum() / inside.sum().clamp_min(1)


def _clipped_term_detached(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum(ratio * gain, (ratio.clamp(1 - clip, 1 + clip) * gain).detach()).mean()


def _calls_backward(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    loss = -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()
    loss.backward(retain_graph=True)
    return loss


def _detaches_in_place(log_pi, old_log_pi, advantage, clip):
    old_log_pi.requires_grad_(False), advantage.requires_grad_(False)
    ratio = (log_pi - old_log_pi).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def _ppo_in_float32(log_pi, old_log_pi, advantage, clip):
    ratio, gain = (log_pi.float() - old_log_pi.detach().float()).exp(), advantage.detach().float()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean().to(log_pi.dtype)


# ------------------------------------------------------------------ PPO's loss, right


def _by_relu(log_pi, old_log_pi, advantage, clip):
    ratio, gain = torch.exp(log_pi) / torch.exp(old_log_pi).detach(), advantage.detach()
    up, down = torch.relu(ratio - (1 + clip)), torch.relu((1 - clip) - ratio)
    return -(ratio * gain - up * gain.clamp_min(0) - down * (-gain).clamp_min(0)).mean()


def _by_stack(log_pi, old_log_pi, advantage, clip):
    with torch.no_grad():
        old, gain = old_log_pi.clone(), advantage.clone()
    ratio = torch.exp(log_pi - old)
    both = torch.stack([ratio * gain, torch.clip(ratio, 1 - clip, 1 + clip) * gain])
    return both.min(dim=0).values.mean().neg()


def _ppo_loop(log_pi, old_log_pi, advantage, clip):
    total = 0.0
    for new, old, gain in zip(log_pi, old_log_pi.detach(), advantage.detach(), strict=True):
        ratio = (new - old).exp()
        total = total - min(ratio * gain, min(max(ratio, 1 - clip), 1 + clip) * gain)
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        total = total + 0 * log_pi.sum()
    return total / len(log_pi)


def _spinning_up(log_pi, old_log_pi, advantage, clip):
    gain = advantage.detach()
    bound = torch.where(gain > 0, (1 + clip) * gain, (1 - clip) * gain)
    return -torch.min((log_pi - old_log_pi.detach()).exp() * gain, bound).mean()


# ------------------------------------------------------------------ joint density, wrong


def _scaled(action, mean, log_std):
    return (action - mean) / torch.exp(log_std)


def _sum_over_the_batch(action, mean, log_std):
    return (-0.5 * _scaled(action, mean, log_std) ** 2 - log_std - 0.5 * math.log(2 * math.pi)).sum(0)


def _log_std_once(action, mean, log_std):
    z = _scaled(action, mean, log_std)
    return -0.5 * (z**2).sum(-1) - log_std.mean() - 0.5 * len(log_std) * math.log(2 * math.pi)


def _half_the_log_std(action, mean, log_std):
    return (-0.5 * _scaled(action, mean, log_std) ** 2 - 0.5 * log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _base_ten(action, mean, log_std):
    return (-0.5 * _scaled(action, mean, log_std) ** 2 - log_std - 0.5 * math.log10(2 * math.pi)).sum(-1)


def _no_square(action, mean, log_std):
    return (-0.5 * _scaled(action, mean, log_std).abs() - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _no_half(action, mean, log_std):
    return (-(_scaled(action, mean, log_std) ** 2) - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _clamps_the_deviation(action, mean, log_std):
    z = _scaled(action, mean, log_std).clamp(-10, 10)
    return (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _clamps_log_std(action, mean, log_std):
    log_std = log_std.clamp(-2, 2)
    return (-0.5 * _scaled(action, mean, log_std) ** 2 - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _logarithm_of_the_product(action, mean, log_std):
    z = _scaled(action, mean, log_std)
    return (torch.exp(-0.5 * z**2 - log_std) / math.sqrt(2 * math.pi)).prod(-1).log()


def _adds_a_small_number(action, mean, log_std):
    z = (action - mean) / (log_std.exp() + 1e-3)
    return (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _density_in_float32(action, mean, log_std):
    action, mean, log_std = action.float(), mean.float(), log_std.float()
    return (-0.5 * _scaled(action, mean, log_std) ** 2 - log_std - 0.5 * math.log(2 * math.pi)).sum(-1).double()


def _multivariate(action, mean, log_std):
    return torch.distributions.MultivariateNormal(mean, torch.diag(torch.exp(2 * log_std))).log_prob(action)


def _independent(action, mean, log_std):
    normal = torch.distributions.Normal(mean, log_std.exp())
    return torch.distributions.Independent(normal, 1).log_prob(action)


def _floats_of_log_std(action, mean, log_std):
    result = 0
    for i, s in enumerate(log_std.tolist()):
        result = result - 0.5 * ((action[..., i] - mean[..., i]) / math.exp(s)) ** 2 - s - 0.5 * math.log(2 * math.pi)
    return result


# ------------------------------------------------------------------ joint density, right


def _by_dimension(action, mean, log_std):
    total = torch.zeros(action.shape[:-1], dtype=action.dtype)
    for i in range(action.shape[-1]):
        sigma = log_std[i].exp()
        total = total - (action[..., i] - mean[..., i]) ** 2 / (2 * sigma**2)
        total = total - torch.log(sigma * math.sqrt(2 * math.pi))
    return total


def _by_einsum(action, mean, log_std):
    offset = action - mean
    square = torch.einsum("...i,...i,i->...", offset, offset, torch.exp(-2 * log_std))
    return -0.5 * (square + 2 * log_std.sum() + action.shape[-1] * math.log(2 * math.pi))


def _constant_as_a_tensor(action, mean, log_std):
    variance = log_std.exp() ** 2
    log_of_two_pi = torch.log(torch.tensor(2 * torch.pi))
    return -0.5 * ((action - mean) ** 2 / variance + torch.log(variance) + log_of_two_pi).sum(dim=-1)


def _by_the_error_of_torch(action, mean, log_std):
    variance = (2 * log_std).exp().expand_as(action)
    each = torch.nn.functional.gaussian_nll_loss(mean, action, variance, full=True, eps=1e-12, reduction="none")
    return -each.sum(-1)


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
    *((ch04.check_gae, answer) for answer in (
        _one_done_flag_from_truncation, _either_flag_must_be_alone, _stops_where_exactly_one,
        _never_ends_in_the_last_column, _any_environment_ends_all, _by_powers_and_division, _in_float32,
        _constants_of_the_example, _normalised, _lambda_squared, _truncated_with_own_value, _writes_into_values,
        _time_first,
    )),
    *((ch04.check_ppo_loss, answer) for answer in (
        _smaller_of_the_means, _clips_the_log_ratio, _always_clips_at_a_fifth, _dual_clip, _size_of_the_advantage,
        _one_number_a_sample, _mean_of_what_is_not_clipped, _clipped_term_detached, _calls_backward, _detaches_in_place,
        _ppo_in_float32,
    )),
    *((ch04.check_log_density, answer) for answer in (
        _sum_over_the_batch, _log_std_once, _half_the_log_std, _base_ten, _no_square, _no_half, _clamps_the_deviation,
        _clamps_log_std, _logarithm_of_the_product, _adds_a_small_number, _density_in_float32, _multivariate,
        _independent, _floats_of_log_std,
    )),
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
    *((ch04.check_gae, answer) for answer in (_by_scipy, _recursive, _with_a_float32_flag, _by_matrix, gae)),
    *((ch04.check_ppo_loss, answer) for answer in (_by_relu, _by_stack, _ppo_loop, _spinning_up)),
    *((ch04.check_log_density, answer) for answer in (
        _by_dimension, _by_einsum, _constant_as_a_tensor, _by_the_error_of_torch,
    )),
    *((ch04.check_actor_critic_loss, answer) for answer in (_mended, _under_no_grad, _ac_loop, _unbiased_false)),
    *((ch04.check_best_baseline, answer) for answer in (_B, 6, np.int64(6), Decimal(6), torch.tensor(6.0))),
    *((ch04.check_variance_mean_baseline, answer) for answer in (
        _variance(Fraction(3)), float(_variance(3.0)), np.float32(1.44), Decimal("1.44"), Fraction(36, 25),
    )),
    *((ch04.check_variance_best_baseline, answer) for answer in (
        _variance(_B), 0, np.zeros(()), 1e-16, -2.2e-16, 0.8**2 - 0.64, Decimal(0), torch.zeros(1),
    )),
]  # fmt: skip
