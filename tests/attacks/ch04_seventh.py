"""Answers to exercises of chapter 04, from a seventh attack."""

import math
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch04

from . import named

# ------------------------------------------------------------------ n steps


def _sums(ahead=None, stops=None, most=lambda n: n, power=lambda gamma, m: gamma**m):
    """Written out step by step. ahead(value, next value, terminated, truncated, last) is B."""
    ahead = ahead or (lambda old, following, terminated, truncated, last: 0.0 if terminated else following)
    stops = stops or (lambda terminated, truncated: terminated or truncated)

    def answer(rewards, values, final_values, terminated, truncated, discount, n):
        result = torch.zeros_like(rewards)
        envs, steps = rewards.shape
        following = torch.cat([values[:, 1:], final_values[:, None]], 1)
        for i in range(envs):
            for t in range(steps):
                total, m, k = 0.0, 0, t
                while True:
                    total += discount**m * float(rewards[i, k])
                    m += 1
                    if m == most(n) or k == steps - 1 or stops(bool(terminated[i, k]), bool(truncated[i, k])):
                        break
                    k += 1
                flags = bool(terminated[i, k]), bool(truncated[i, k])
                b = ahead(float(values[i, k]), float(following[i, k]), *flags, k == steps - 1)
                result[i, t] = total + power(discount, m) * b - float(values[i, t])
        return result

    return answer


def _always_n(rewards, values, final_values, terminated, truncated, discount, n):
    """The power of B is n, also where the sum is shorter."""
    return _sums(power=lambda gamma, m: gamma**n)(rewards, values, final_values, terminated, truncated, discount, n)


def _lambda_for_n(rewards, values, final_values, terminated, truncated, discount, n):
    """GAE with λ = 1 - 1 / n, whose mean length is n."""
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * following * ~terminated - values
    result, total = torch.zeros_like(rewards), torch.zeros_like(final_values)
    for t in range(rewards.shape[1] - 1, -1, -1):
        total = delta[:, t] + discount * (1 - 1 / n) * total * ~(terminated | truncated)[:, t]
        result[:, t] = total
    return result


def _flags_of_another_column(rewards, values, final_values, terminated, truncated, discount, n):
    moved = lambda x: torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)  # noqa: E731
    return _sums()(rewards, values, final_values, moved(terminated), moved(truncated), discount, n)


def _writes_the_end(rewards, values, final_values, terminated, truncated, discount, n):
    truncated[:, -1] = ~terminated[:, -1]
    return _sums()(rewards, values, final_values, terminated, truncated, discount, n)


def _blocks_of_n(rewards, values, final_values, terminated, truncated, discount, n):
    """Cuts the segment into blocks of n steps, as minibatches do."""
    parts = []
    for begin in range(0, rewards.shape[1], n):
        cut = slice(begin, begin + n)
        after = values[:, begin + n] if begin + n < rewards.shape[1] else final_values
        parts.append(
            _sums()(rewards[:, cut], values[:, cut], after, terminated[:, cut], truncated[:, cut], discount, n)
        )
    return torch.cat(parts, 1)


def _short_sums_left_out(rewards, values, final_values, terminated, truncated, discount, n):
    """Zero where the segment holds fewer than n steps and no end."""
    result = _sums()(rewards, values, final_values, terminated, truncated, discount, n)
    ends = (terminated | truncated).flip(1).cummax(1).values.flip(1)
    left = torch.arange(rewards.shape[1], 0, -1)
    return torch.where((left >= n) | ends, result, 0.0)


def _in_single_precision(rewards, values, final_values, terminated, truncated, discount, n):
    single = (x.float() for x in (rewards, values, final_values))
    return _sums()(*single, terminated, truncated, discount, n).double()


def _standardised(rewards, values, final_values, terminated, truncated, discount, n):
    result = _sums()(rewards, values, final_values, terminated, truncated, discount, n)
    return (result - result.mean()) / (result.std() + 1e-8)


def _a_matrix(rewards, values, final_values, terminated, truncated, discount, n):
    """δ times powers of γ, for pairs of steps fewer than n apart with no end between them."""
    steps = rewards.shape[1]
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * torch.where(terminated, 0.0, following) - values
    ends = (terminated | truncated).long()
    episode = ends.cumsum(1) - ends
    lag = torch.arange(steps) - torch.arange(steps)[:, None]
    weight = discount ** lag.clamp_min(0).double() * ((lag >= 0) & (lag < n))
    same = episode[:, :, None] == episode[:, None]
    return torch.einsum("etk,ek->et", weight * same, delta)


def _recursive(rewards, values, final_values, terminated, truncated, discount, n):
    """Returns of n steps by returns of n - 1."""
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    own = torch.where(terminated, 0.0, following)

    def returns(left):
        if left == 0:
            return None
        shorter = returns(left - 1)
        if shorter is None:
            return rewards + discount * own
        after = torch.cat([shorter[:, 1:], final_values[:, None]], 1)
        return rewards + discount * torch.where(terminated | truncated, own, after)

    return returns(min(n, rewards.shape[1])) - values


def _numpy_windows(rewards, values, final_values, terminated, truncated, discount, n):
    r, v, f = rewards.numpy(), values.numpy(), final_values.numpy()
    following = np.concatenate([v[:, 1:], f[:, None]], 1)
    delta = r + discount * np.where(terminated, 0.0, following) - v
    weight = np.where(terminated | truncated, 0.0, discount)
    total, factor = np.zeros_like(r), np.ones_like(r)
    for k in range(min(n, r.shape[1])):
        reach = r.shape[1] - k
        total[:, :reach] += factor[:, :reach] * delta[:, k:]
        factor[:, :reach] = factor[:, :reach] * weight[:, k:]
    return torch.from_numpy(total)


# ------------------------------------------------------------------ two clips


def _clipped(held, ratio=lambda new, old: (new - old.detach()).exp(), advantage=lambda a: a.detach()):
    def answer(log_pi, old_log_pi, a, clip, cap):
        rho, a = ratio(log_pi, old_log_pi), advantage(a)
        return -(held(rho, a, clip, cap) * a).mean()

    return answer


def _right(rho, a, clip, cap):
    return torch.where(a > 0, rho.clamp(max=1 + clip), rho.clamp(1 - clip, cap))


class _Straight(torch.autograd.Function):
    """Held in the forward pass, the gradient goes through."""

    @staticmethod
    def forward(ctx, rho, low, high):
        return rho.clamp(low, high)

    @staticmethod
    def backward(ctx, slope):
        return slope, None, None


def _straight(rho, a, clip, cap):
    return torch.where(a > 0, rho.clamp(max=1 + clip), _Straight.apply(rho, 1 - clip, cap))


def _soft(rho, a, clip, cap):
    """The last limit on a logarithmic scale: it grows beyond c, slowly."""
    beyond = cap + (rho.clamp_min(cap) / cap).log()
    return torch.where(a > 0, rho.clamp(max=1 + clip), torch.where(rho > cap, beyond, rho.clamp_min(1 - clip)))


def _dropped(rho, a, clip, cap):
    """What lies beyond c is left out: the value is zero there."""
    return torch.where(a > 0, rho.clamp(max=1 + clip), rho.clamp_min(1 - clip) * (rho <= cap))


def _reciprocal(rho, a, clip, cap):
    return torch.where(a > 0, rho.clamp(max=1 + clip), rho.clamp(1 / (1 + clip), cap))


def _three(rho, a, clip, cap):
    return torch.where(a > 0, rho.clamp(max=1 + clip), rho.clamp(1 - clip, 3.0))


def _both_sides(rho, a, clip, cap):
    return torch.where(a > 0, rho.clamp(1 - clip, 1 + clip), rho.clamp(1 - clip, cap))


def _by_the_mean_sign(rho, a, clip, cap):
    return rho.clamp(max=1 + clip) if a.mean() > 0 else rho.clamp(1 - clip, cap)


def _cap_of_the_loss(log_pi, old_log_pi, advantage, clip, cap):
    """The term, not the ratio, is held at c."""
    advantage = advantage.detach()
    rho = (log_pi - old_log_pi.detach()).exp()
    usual = torch.minimum(rho * advantage, rho.clamp(1 - clip, 1 + clip) * advantage)
    return -torch.maximum(usual, torch.full_like(usual, -cap)).mean()


def _over_those_not_held(log_pi, old_log_pi, advantage, clip, cap):
    advantage = advantage.detach()
    rho = (log_pi - old_log_pi.detach()).exp()
    held = _right(rho, advantage, clip, cap)
    return -(held * advantage).sum() / (held == rho).sum().clamp_min(1)


def _no_slope_from_the_start(log_pi, old_log_pi, advantage, clip, cap):
    """Samples whose ratio is one have no slope: a comparison in the place of a limit."""
    rho = (log_pi - old_log_pi.detach()).exp()
    a = advantage.detach()
    live = torch.where(a > 0, rho < 1 + clip, (rho > 1 - clip) & (rho < cap)) & (rho != 1)
    held = _right(rho, a, clip, cap)
    return -(torch.where(live, held, held.detach()) * a).mean()


def _usual_form(log_pi, old_log_pi, advantage, clip, cap):
    advantage, rho = advantage.detach(), torch.exp(log_pi - old_log_pi.detach())
    usual = torch.min(rho * advantage, rho.clamp(1 - clip, 1 + clip) * advantage)
    return -torch.where(advantage < 0, torch.max(usual, cap * advantage), usual).mean()


def _logarithms(log_pi, old_log_pi, advantage, clip, cap):
    change, a = log_pi - old_log_pi.detach(), advantage.detach()
    limit = lambda x: torch.full_like(change, x)  # noqa: E731
    high = torch.where(a > 0, limit(math.log(1 + clip)), limit(math.log(cap)))
    low = torch.where(a > 0, limit(-math.inf), limit(math.log(1 - clip)))
    return -(a * torch.minimum(torch.maximum(change, low), high).exp()).mean()


def _two_sums(log_pi, old_log_pi, advantage, clip, cap):
    a, rho = advantage.detach(), log_pi.exp() / old_log_pi.detach().exp()
    good, bad = a.clamp_min(0), a.clamp_max(0)
    return -(good @ rho.clamp_max(1 + clip) + bad @ rho.clamp(1 - clip, cap)) / len(a)


def _indicators(log_pi, old_log_pi, advantage, clip, cap):
    with torch.no_grad():
        rho = (log_pi - old_log_pi).exp()
        inside = torch.where(advantage > 0, rho <= 1 + clip, (rho >= 1 - clip) & (rho <= cap))
        held = torch.where(advantage > 0, rho.clamp_max(1 + clip), rho.clamp(1 - clip, cap))
    rho = (log_pi - old_log_pi.detach()).exp()
    return -(torch.where(inside, rho, held) * advantage.detach()).mean()


# ------------------------------------------------------------------ an actor-critic


def _loss(target=None, scale=None, actor=None, critic=None):
    target = target or (lambda r, g, v, d: (r + g * v * ~d).detach())
    scale = scale or (lambda delta: (delta - delta.mean()) / delta.std(correction=0))
    actor = actor or (lambda log_pi, weight: -(log_pi * weight).mean())
    critic = critic or (lambda y, v: 0.5 * (y - v).square().mean())

    def answer(log_pi, value, next_value, rewards, terminated, discount):
        y = target(rewards, discount, next_value, terminated)
        return actor(log_pi, scale((y - value).detach())) + critic(y, value)

    return answer


def _terminal_value(r, g, v, d):
    """A termination is worth the mean of the next values."""
    return torch.where(d, r + 0 * g, r + g * v).detach() - 0 * v.detach() + torch.where(d, g * v.mean(), 0.0).detach()


def _summed(log_pi, value, next_value, rewards, terminated, discount):
    y = (rewards + discount * next_value * ~terminated).detach()
    delta = (y - value).detach()
    weight = (delta - delta.mean()) / delta.std(correction=0)
    return (-log_pi * weight).sum() + 0.5 * (y - value).square().mean()


def _graph_in_the_mean(log_pi, value, next_value, rewards, terminated, discount):
    """The advantage is a constant, the mean and the deviation that it is measured by are not."""
    y = (rewards + discount * next_value * ~terminated).detach()
    delta = y - value
    weight = (delta.detach() - delta.mean()) / delta.std(correction=0)
    return -(log_pi * weight).mean() + 0.5 * (y - value).square().mean()


def _by_rms(delta):
    return (delta - delta.mean()) / delta.square().mean().sqrt()


def _written_out(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        y = torch.where(terminated, rewards, rewards + discount * next_value)
        delta = y - value
        m = delta.sum() / delta.numel()
        sigma = ((delta * delta).sum() / delta.numel() - m * m).sqrt()
    return (torch.dot(log_pi, (m - delta) / sigma) + torch.dot(value - y, value - y) / 2) / delta.numel()


def _with_mse(log_pi, value, next_value, rewards, terminated, discount):
    y = (rewards + discount * next_value * (1 - terminated.to(rewards.dtype))).detach()
    deviation, mean = torch.std_mean((y - value).detach(), correction=0)
    weight = (y - value.detach() - mean).div(deviation)
    return torch.nn.functional.mse_loss(value, y) * 0.5 - torch.einsum("n,n->", log_pi, weight) / len(log_pi)


def _numpy_numbers(log_pi, value, next_value, rewards, terminated, discount):
    v, ahead = value.detach().numpy(), next_value.detach().numpy()
    y = rewards.detach().numpy() + discount * np.where(terminated.numpy(), 0.0, ahead)
    delta = (y - v).astype(v.dtype)
    weight = torch.from_numpy((delta - delta.mean()) / delta.std()).to(value)
    return (0.5 * (torch.from_numpy(y).to(value) - value) ** 2 - log_pi * weight).mean()


WRONG = [
    *named(
        ch04.check_n_step_advantages,
        _always_n,
        _lambda_for_n,
        _flags_of_another_column,
        _writes_the_end,
        _blocks_of_n,
        _short_sums_left_out,
        _in_single_precision,
        _standardised,
        old_value_when_cut=_sums(ahead=lambda old, new, d, c, last: 0.0 if d else old if c else new),
        cut_is_the_end=_sums(ahead=lambda old, new, d, c, last: 0.0 if d or c else new),
        both_flags_mean_the_clock=_sums(ahead=lambda old, new, d, c, last: 0.0 if d and not c else new),
        nothing_after_the_last=_sums(ahead=lambda old, new, d, c, last: 0.0 if d or last else new),
        through_the_clock=_sums(stops=lambda d, c: d),
        one_reward_more=_sums(most=lambda n: n + 1),
        not_beyond_thirty=_sums(most=lambda n: min(n, 30)),
    ),
    *named(
        ch04.check_dual_clip_loss,
        _cap_of_the_loss,
        _over_those_not_held,
        _no_slope_from_the_start,
        straight=_clipped(_straight),
        soft=_clipped(_soft),
        dropped=_clipped(_dropped),
        reciprocal=_clipped(_reciprocal),
        three=_clipped(_three),
        both_sides=_clipped(_both_sides),
        by_the_mean_sign=_clipped(_by_the_mean_sign),
        whitened=_clipped(_right, advantage=lambda a: (a - a.mean()).detach()),
        first_order=_clipped(_right, ratio=lambda new, old: 1 + new - old.detach()),
        old_one_moves=_clipped(_right, ratio=lambda new, old: (new - old).exp()),
        held_exponent=_clipped(_right, ratio=lambda new, old: (new - old.detach()).clamp(-2, 2).exp()),
    ),
    *named(
        ch04.check_actor_critic_loss,
        _summed,
        _graph_in_the_mean,
        a_termination_of_mean_worth=_loss(target=_terminal_value),
        by_rms=_loss(scale=_by_rms),
        safe_division=_loss(scale=lambda x: (x - x.mean()) / (x.std(correction=0) + 1e-5)),
        held_weights=_loss(scale=lambda x: ((x - x.mean()) / x.std(correction=0)).clamp(-3, 3)),
        unbiased=_loss(scale=lambda x: (x - x.mean()) / x.std()),
        by_mean_size=_loss(scale=lambda x: (x - x.mean()) / (x - x.mean()).abs().mean()),
        not_centred=_loss(scale=lambda x: x / x.std(correction=0)),
        hubers=_loss(critic=lambda y, v: torch.nn.functional.smooth_l1_loss(v, y)),
        twice_the_critic=_loss(critic=lambda y, v: (y - v).square().mean()),
        standardised_values=_loss(critic=lambda y, v: 0.5 * ((y - v) / (y - v).detach().std()).square().mean()),
    ),
    (ch04.check_best_baseline, 3.0),
    (ch04.check_best_baseline, 4.5),
    (ch04.check_variance_mean_baseline, 2.08),
    (ch04.check_variance_mean_baseline, 1.2),
    (ch04.check_variance_best_baseline, 0.64),
    (ch04.check_variance_best_baseline, -0.8),
]

RIGHT = [
    *named(ch04.check_n_step_advantages, _a_matrix, _recursive, _numpy_windows, step_by_step=_sums()),
    *named(ch04.check_dual_clip_loss, _usual_form, _logarithms, _two_sums, _indicators, limits=_clipped(_right)),
    *named(ch04.check_actor_critic_loss, _written_out, _with_mse, _numpy_numbers, parts=_loss()),
    (ch04.check_best_baseline, Fraction(6)),
    (ch04.check_variance_mean_baseline, 0.8 * 0.2 * 9),
    (ch04.check_variance_best_baseline, 0.8 * 0.64 + 0.2 * 0.64 - 0.64),
]
