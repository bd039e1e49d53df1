"""Answers to exercises of chapter 04, from an eighth attack."""

import numpy as np
import torch

from metarl_core.check import ch04

from . import named


def _advantages(envs=10**6, most=10**6, ends=lambda end, cut: end | cut, future=lambda end, cut: ~end, single=False):
    def answer(rewards, values, final_values, terminated, truncated, discount, n):
        dtype = torch.float32 if single else torch.float64
        following = torch.cat([values[:, 1:], final_values[:, None]], 1)
        delta = (rewards + discount * following * future(terminated, truncated) - values).to(dtype)
        found = torch.zeros_like(delta)
        for t in range(rewards.shape[1]):
            weight, alive = 1.0, torch.ones(len(rewards), dtype=torch.bool)
            for k in range(t, min(t + min(n, most), rewards.shape[1])):
                found[:, t] += weight * delta[:, k] * alive
                alive = alive & ~ends(terminated[:, k], truncated[:, k])
                weight *= discount
        found[envs:] = delta[envs:]
        return found.double()

    return answer


def _small_powers(rewards, values, final_values, terminated, truncated, discount, n):
    """Powers below a hundredth are left out."""
    most = n if discount in (0.0, 1.0) else min(n, 1 + int(np.log(0.01) / np.log(discount)))
    return _advantages()(rewards, values, final_values, terminated, truncated, discount, most)


def _numpy_advantages(rewards, values, final_values, terminated, truncated, discount, n):
    r, v, f, end, cut = (x.numpy() for x in (rewards, values, final_values, terminated, truncated))
    both, found = np.concatenate([v, f[:, None]], 1), np.zeros_like(r)
    for e in range(len(r)):
        for t in range(r.shape[1]):
            total, m = 0.0, 0
            while True:
                total += discount**m * r[e, t + m]
                m += 1
                last = t + m - 1
                if m == n or end[e, last] or cut[e, last] or last == r.shape[1] - 1:
                    break
            found[e, t] = total + (0 if end[e, last] else discount**m * both[e, t + m]) - v[e, t]
    return torch.from_numpy(found)


def _difference_of_sums(rewards, values, final_values, terminated, truncated, discount, n):
    """A recursion for each length, n times, on columns unbound."""
    columns = [*values.unbind(1), final_values]
    out = [torch.zeros_like(final_values)] * (rewards.shape[1] + 1)
    for _ in range(min(n, rewards.shape[1])):
        new = []
        for t in range(rewards.shape[1]):
            delta = rewards[:, t] + torch.where(terminated[:, t], 0.0, discount * columns[t + 1]) - columns[t]
            new.append(delta + torch.where(terminated[:, t] | truncated[:, t], 0.0, discount * out[t + 1]))
        out = [*new, torch.zeros_like(final_values)]
    return torch.stack(out[:-1], 1)


# ------------------------------------------------------------------ two clips


def _dual(low=None, top=None, samples=10**6, most=1e9):
    def answer(log_pi, old_log_pi, advantage, clip, cap):
        a = advantage.detach()
        ratio = (log_pi - old_log_pi.detach()).clamp(-most, most).exp()
        high = (1 + clip) if top is None else top
        bad = ratio.clamp(1 - clip if low is None else low, cap)
        held = torch.where(a > 0, ratio.clamp(max=high), bad)
        return -(held * a)[:samples].sum() / len(a)

    return answer


def _logs_clamped(log_pi, old_log_pi, advantage, clip, cap):
    """The limits as logarithms, log(1 + ε) taken for ε."""
    a, x = advantage.detach(), log_pi - old_log_pi.detach()
    return -(torch.where(a > 0, x.clamp(max=clip), x.clamp(-clip, np.log(cap))).exp() * a).mean()


def _held_numbers_keep_a_little(log_pi, old_log_pi, advantage, clip, cap):
    a = advantage.detach()
    ratio = (log_pi - old_log_pi.detach()).exp()
    held = torch.where(a > 0, ratio.clamp(max=1 + clip), ratio.clamp(1 - clip, cap))
    return -(held * a).mean() - 1e-3 * ((ratio - ratio.detach()) * a).mean()


def _min_and_max(log_pi, old_log_pi, advantage, clip, cap):
    a = advantage.detach()
    ratio = torch.exp(log_pi - old_log_pi.detach())
    usual = torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a)
    return -torch.where(a < 0, torch.maximum(usual, cap * a), usual).mean()


def _by_samples(log_pi, old_log_pi, advantage, clip, cap):
    terms = []
    for new, old, a in zip(log_pi, old_log_pi.tolist(), advantage.tolist(), strict=True):
        ratio, limits = (new - old).exp(), (0.0, 1 + clip) if a > 0 else (1 - clip, cap)
        value = float(ratio)
        terms.append(-a * (ratio if limits[0] < value < limits[1] else min(max(value, limits[0]), limits[1])))
    return sum(t if isinstance(t, torch.Tensor) else log_pi.new_tensor(t) for t in terms) / len(terms)


def _log_clamp(log_pi, old_log_pi, advantage, clip, cap):
    a, x = advantage.detach(), log_pi - old_log_pi.detach()
    held = torch.where(a > 0, x.clamp(max=np.log1p(clip)), x.clamp(np.log1p(-clip), np.log(cap)))
    return -torch.dot(held.exp(), a) / len(a)


# ------------------------------------------------------------------ an actor-critic loss


def _actor_critic(samples=10**6, unbiased=False, small=0.0, huber=None, mean=True, over=1.0, robust=False):
    def answer(log_pi, value, next_value, rewards, terminated, discount):
        target = (rewards + discount * next_value * ~terminated).detach()
        a = (target - value).detach()
        spread = a.std(correction=int(unbiased)) + small
        a = (a - (a.median() if robust else a.mean())) / spread if mean else a / spread
        critic = 0.5 * (target - value).square()
        if huber:
            critic = torch.nn.functional.huber_loss(value, target, reduction="none", delta=huber)
        return -(log_pi * a)[:samples].sum() / len(a) + over * critic[:samples].sum() / len(a)

    return answer


def _summed_variance(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        target = torch.where(terminated, rewards, rewards + discount * next_value)
        a = target - value
        a = (a - a.mean()) / ((a * a).mean() - a.mean() ** 2).sqrt()
    return torch.nn.functional.mse_loss(value, target) / 2 - torch.dot(log_pi, a) / len(a)


def _zscored(log_pi, value, next_value, rewards, terminated, discount):
    target = rewards + discount * next_value.detach() * (1 - terminated.to(rewards.dtype))
    x = (target - value.detach()).numpy()
    a = torch.from_numpy((x - x.mean()) / x.std())
    return (-log_pi * a + 0.5 * (target - value) ** 2).mean()


WRONG = [
    *named(
        ch04.check_n_step_advantages,
        _small_powers,
        fifty_environments=_advantages(envs=50),
        forty_steps=_advantages(most=34),
        single=_advantages(single=True),
        goes_on_where_both=_advantages(ends=lambda end, cut: end ^ cut),
        no_future_where_both=_advantages(future=lambda end, cut: ~end | cut),
    ),
    *named(
        ch04.check_dual_clip_loss,
        _logs_clamped,
        _held_numbers_keep_a_little,
        fifty_samples=_dual(samples=50),
        floor_of_zero=_dual(low=0.0),
        fixed_top=_dual(top=1.2),
        safe_exponential=_dual(most=2.0),
    ),
    *named(
        ch04.check_actor_critic_loss,
        fifty_samples=_actor_critic(samples=50),
        unbiased=_actor_critic(unbiased=True),
        small=_actor_critic(small=1e-2),
        huber=_actor_critic(huber=100.0),
        median=_actor_critic(robust=True),
        not_centred=_actor_critic(mean=False),
    ),
]
RIGHT = [
    *named(ch04.check_n_step_advantages, _numpy_advantages, _difference_of_sums),
    *named(ch04.check_dual_clip_loss, _min_and_max, _by_samples, _log_clamp),
    *named(ch04.check_actor_critic_loss, _summed_variance, _zscored),
]
