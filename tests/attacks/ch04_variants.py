"""Answers to two exercises of chapter 04: n-step advantages, and a loss with two clips."""

import functools

import numpy as np
import torch

from attacks import named
from metarl_core.agents.gae import gae
from metarl_core.check import ch04

# ------------------------------------------------------------------ n-step advantages, wrong


def _after(values, final):
    return torch.cat([values[:, 1:], final[:, None]], 1)


def _sums(delta, decay, n):
    """n passes, or a single one from the end for n = None."""
    result = torch.zeros_like(delta)
    for _ in range(delta.shape[1] if n is None else min(n, delta.shape[1])):
        result = delta + decay * torch.cat([result[:, 1:], 0 * result[:, :1]], 1)
    return result


def _with(future=None, going=None, steps=lambda n: n, following=_after, first=None, weight=None):
    """An answer in which some parts are not what they should be."""

    def answer(rewards, values, final_values, terminated, truncated, discount, n):
        has_future = (~terminated if future is None else future(terminated, truncated)).double()
        goes_on = (~(terminated | truncated) if going is None else going(terminated, truncated)).double()
        gamma = discount if first is None else first
        delta = rewards + gamma * has_future * following(values, final_values) - values
        return _sums(delta, (discount if weight is None else weight) * goes_on, steps(n))

    return answer


_one_done_flag = _with(future=lambda d, u: ~(d | u))
_time_limit_wins = _with(future=lambda d, u: ~d | u)
_only_time_limits_end = _with(future=lambda d, u: ~u)
_always_a_future = _with(future=lambda d, u: d | ~d)
_over_all_ends = _with(going=lambda d, u: d | ~d)
_over_time_limits = _with(going=lambda d, u: ~d)
_over_terminations = _with(going=lambda d, u: ~u)
_no_flags_at_all = _with(future=lambda d, u: d | ~d, going=lambda d, u: d | ~d)
_stops_where_both = _with(going=lambda d, u: ~(d & u))
_terminated_have_a_future = _with(future=lambda d, u: d)
_one_environment_stops_all = _with(going=lambda d, u: ~(d | u).any(0, keepdim=True).expand_as(d))
_flags_of_the_next_step = _with(going=lambda d, u: ~_early(d | u), future=lambda d, u: ~_early(d))
_last_step_left_out = _with(going=lambda d, u: ~_early(d | u))
_one_step_too_many = _with(steps=lambda n: n + 1)
_one_step_too_few = _with(steps=lambda n: n - 1)
_to_the_end = _with(steps=lambda n: None)
_just_delta = _with(steps=lambda n: 1)
_three_steps = _with(steps=lambda n: 3)
_no_discount = _with(first=1.0, weight=1.0)
_no_discount_in_delta = _with(first=1.0)
_no_discount_of_later_deltas = _with(weight=1.0)
_same_column = _with(following=lambda values, final: values)
_nothing_after_the_last_column = _with(following=lambda values, final: _after(values, 0 * final))
_last_column_again = _with(following=lambda values, final: _after(values, values[:, -1]))
_first_environments_final = _with(following=lambda values, final: _after(values, final[:1].expand_as(final)))


def _early(flags):
    return torch.cat([flags[:, 1:], torch.zeros_like(flags[:, :1])], 1)


def _rewards_then_minus_v(rewards, values, final_values, terminated, truncated, discount, n):
    return _sums(rewards, discount * ~(terminated | truncated), n) - values


def _without_minus_v(*args):
    return _with()(*args) + args[1]


def _newest_first(*args):
    return _with()(*args).flip(1)


def _centred_and_scaled(*args):
    result = _with()(*args)
    return (result - result.mean()) / (result.std() + 1e-8) if result.numel() > 1 else result


def _by_columns(rewards, values, final_values, terminated, truncated, discount, n, power=False, value=True):
    """Written out; `power`: the value always counts γⁿ; `value`: also where the segment ends first."""
    result, following = torch.zeros_like(rewards), _after(values, final_values)
    for env, time in np.ndindex(*rewards.shape):
        total, k = 0.0, 0
        while True:
            total = total + discount**k * rewards[env, time + k]
            over = terminated[env, time + k] | truncated[env, time + k]
            k += 1
            if over or k == n or time + k == rewards.shape[1]:
                break
        bootstraps = not terminated[env, time + k - 1] and (value or k == n or bool(over))
        last = discount ** (n if power else k) * following[env, time + k - 1] if bootstraps else 0.0
        result[env, time] = total + last - values[env, time]
    return result


_gamma_to_the_n = functools.partial(_by_columns, power=True)
_no_value_behind_the_segment = functools.partial(_by_columns, value=False)


def _value_of_the_cut_step(rewards, values, final_values, terminated, truncated, discount, n):
    following = torch.where(truncated, values, _after(values, final_values))
    delta = rewards + discount * following * ~terminated - values
    return _sums(delta, discount * ~(terminated | truncated), n)


def _mean_of_all_up_to_n(*args):
    return sum(_with(steps=lambda n, k=k: k)(*args) for k in range(1, args[-1] + 1)) / args[-1]


def _gae_with_some_lambda(*args):
    return gae(*args[:-1], 1 - 1 / args[-1])


def _only_whole_windows(*args):
    """Where the window does not fit, a zero."""
    result, time = _with()(*args), torch.arange(args[0].shape[1])
    return result * (time + args[-1] <= args[0].shape[1])


def _n_in_single_precision(*args):
    single = [a.float() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in args]
    return _with()(*single).double()


def _adds_into_rewards(rewards, values, final_values, terminated, truncated, discount, n):
    rewards += discount * _after(values, final_values) * ~terminated - values
    return _sums(rewards, discount * ~(terminated | truncated), n)


def _bootstraps_value_at_time_n(rewards, values, final_values, terminated, truncated, discount, n):
    """The value n columns on, whatever ended in between."""
    padded = torch.cat([values, final_values[:, None].expand(-1, n)], 1)
    later = padded[:, n : n + values.shape[1]]
    return _sums(rewards, discount * ~(terminated | truncated), n) + discount**n * later - values


# ------------------------------------------------------------------ n-step advantages, right


def _n_recursively(rewards, values, final_values, terminated, truncated, discount, n):
    delta = rewards + torch.where(terminated, 0.0, discount * _after(values, final_values)) - values
    if n == 1:
        return delta
    rest = _n_recursively(rewards, values, final_values, terminated, truncated, discount, n - 1)
    rest = torch.nn.functional.pad(rest[:, 1:], (0, 1))
    return torch.where(terminated | truncated, delta, delta + discount * rest)


def _by_a_matrix(rewards, values, final_values, terminated, truncated, discount, n):
    delta = rewards + discount * (~terminated).to(rewards) * _after(values, final_values) - values
    time = torch.arange(rewards.shape[1])
    gap = time[None, :] - time[:, None]
    episode = (terminated | truncated).long().cumsum(1) - (terminated | truncated).long()
    allowed = (gap >= 0) & (gap < n) & (episode[:, :, None] == episode[:, None, :])
    weight = torch.tensor(float(discount), dtype=rewards.dtype) ** gap.clamp_min(0) * allowed
    return torch.einsum("ets,es->et", weight, delta)


def _by_numpy_rows(rewards, values, final_values, terminated, truncated, discount, n):
    rows = []
    for r, v, last, d, u in zip(*(x.numpy() for x in (rewards, values, final_values, terminated, truncated))):  # noqa: B905
        v = np.append(v, last)
        row = []
        for t in range(len(r)):
            ends = np.flatnonzero((d | u)[t:])
            m = min(n, len(r) - t, ends[0] + 1 if len(ends) else n)
            total = (discount ** np.arange(m) * r[t : t + m]).sum()
            row.append(total + (0 if d[t + m - 1] else discount**m * v[t + m]) - v[t])
        rows.append(row)
    return torch.tensor(np.array(rows))


def _difference_of_sums(rewards, values, final_values, terminated, truncated, discount, n):
    """From the end: the sum to the end of the episode, less that from n steps on (no division)."""
    delta = rewards + discount * (1 - terminated.double()) * _after(values, final_values) - values
    going = (~(terminated | truncated)).double()
    window, out = [], []
    for t in reversed(range(delta.shape[1])):
        window = [delta[:, t], *(discount * going[:, t] * old for old in window)][:n]
        out.append(sum(window))
    return torch.stack(out[::-1], dim=1)


class _Estimator:
    def __call__(self, rewards, values, final_values, terminated, truncated, discount, n):
        return _by_columns(rewards, values, final_values, terminated, truncated, discount, n)


# ------------------------------------------------------------------ a loss with two clips, wrong


def _clipped(good, bad, gain=torch.Tensor.detach, past=torch.Tensor.detach, ratio=None, sign=-1):
    """Each sample held between `good` or `bad` limits, functions of ε and c."""

    def answer(log_pi, old_log_pi, advantage, clip, cap):
        r = (log_pi - past(old_log_pi)).exp() if ratio is None else ratio(log_pi, past(old_log_pi))
        a = gain(advantage)
        up, down = r.clamp(*good(clip, cap)), r.clamp(*bad(clip, cap))
        return sign * (torch.where(a > 0, up, down) * a).mean()

    return answer


def _good(clip, cap):
    return None, 1 + clip


def _bad(clip, cap):
    return 1 - clip, cap


def _both(clip, cap):
    return 1 - clip, 1 + clip


def _least_of_two(log_pi, old_log_pi, advantage, clip):
    r, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return torch.minimum(r * a, r.clamp(1 - clip, 1 + clip) * a), r, a


_uphill = _clipped(_good, _bad, sign=1)
_no_limits = _clipped(lambda e, c: (0.0, None), lambda e, c: (0.0, None))
_only_c = _clipped(lambda e, c: (0.0, None), lambda e, c: (None, c))
_c_for_good_ones = _clipped(lambda e, c: (None, c), _bad)
_bad_never_too_rare = _clipped(_good, lambda e, c: (None, c))
_bad_between_the_epsilons = _clipped(_good, _both)
_good_not_below = _clipped(_both, _bad)
_epsilons_for_all = _clipped(_both, _both)
_the_other_way_round = _clipped(_bad, _good)
_c_and_epsilon_for_all = _clipped(_bad, _bad)
_ratio_upside_down = _clipped(_good, _bad, ratio=lambda new, old: (old - new).exp())
_difference_of_logs = _clipped(_good, _bad, ratio=lambda new, old: new - old)
_quotient_of_logs = _clipped(_good, _bad, ratio=lambda new, old: new / old)
_one_plus_difference = _clipped(_good, _bad, ratio=lambda new, old: 1 + new - old)
_advantage_has_a_graph = _clipped(_good, _bad, gain=lambda x: x)
_old_has_a_graph = _clipped(_good, _bad, past=lambda x: x)
_all_have_graphs = _clipped(_good, _bad, gain=lambda x: x, past=lambda x: x)
_right = _clipped(_good, _bad)


def _as_printed(log_pi, old_log_pi, advantage, clip, cap):
    """The chapter's."""
    return -_least_of_two(log_pi, old_log_pi, advantage, clip)[0].mean()


def _maximum_for_every_sign(log_pi, old_log_pi, advantage, clip, cap):
    least, _, a = _least_of_two(log_pi, old_log_pi, advantage, clip)
    return -torch.maximum(least, cap * a).mean()


def _c_as_a_difference(log_pi, old_log_pi, advantage, clip, cap):
    least, _, a = _least_of_two(log_pi, old_log_pi, advantage, clip)
    return -torch.where(a < 0, torch.maximum(least, (1 + cap) * a), least).mean()


def _minus_c(log_pi, old_log_pi, advantage, clip, cap):
    least, _, a = _least_of_two(log_pi, old_log_pi, advantage, clip)
    return -torch.where(a < 0, least.clamp_min(-cap), least).mean()


def _limits_on_the_logs(log_pi, old_log_pi, advantage, clip, cap):
    change, a = log_pi - old_log_pi.detach(), advantage.detach()
    held = torch.where(a > 0, change.clamp(max=clip), change.clamp(-clip, cap - 1))
    return -(held.exp() * a).mean()


def _sum_of_the_samples(log_pi, old_log_pi, advantage, clip, cap):
    return _right(log_pi, old_log_pi, advantage, clip, cap) * log_pi.numel()


def _each_sample(log_pi, old_log_pi, advantage, clip, cap):
    r, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.where(a > 0, r.clamp(max=1 + clip), r.clamp(1 - clip, cap)) * a


def _no_graph(*args):
    return _right(*args).detach()


def _python_number(*args):
    return float(_right(*args))


def _free_gradient(*args):
    free = _no_limits(*args)
    return free + (_right(*args) - free).detach()


def _held_samples_are_zero(log_pi, old_log_pi, advantage, clip, cap):
    r, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    free = torch.where(a > 0, r < 1 + clip, (r > 1 - clip) & (r < cap))
    return -(r * a * free.detach()).mean()


def _mean_over_free_samples(log_pi, old_log_pi, advantage, clip, cap):
    r, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    free = torch.where(a > 0, r < 1 + clip, (r > 1 - clip) & (r < cap)).detach()
    return -(r * a * free).sum() / free.sum().clamp(min=1)


def _pull_without_the_ratio(log_pi, old_log_pi, advantage, clip, cap):
    r, a = (log_pi - old_log_pi).exp().detach(), advantage.detach()
    free = torch.where(a > 0, r < 1 + clip, (r > 1 - clip) & (r < cap))
    pull = (log_pi * a * free).mean()
    return _right(log_pi, old_log_pi, advantage, clip, cap).detach() - pull + pull.detach()


def _shifted_by_the_mean(log_pi, old_log_pi, advantage, clip, cap):
    """With the value of ρ A − A, so that it is 0 at equal policies."""
    return _right(log_pi, old_log_pi, advantage, clip, cap) + advantage.detach().mean()


def _with_an_entropy_term(log_pi, old_log_pi, advantage, clip, cap):
    return _right(log_pi, old_log_pi, advantage, clip, cap) + 0.01 * log_pi.mean()


def _standardises_first(log_pi, old_log_pi, advantage, clip, cap):
    a = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    return _right(log_pi, old_log_pi, a, clip, cap)


def _fixed_limits(log_pi, old_log_pi, advantage, clip, cap):
    return _right(log_pi, old_log_pi, advantage, 0.2, 3.0)


def _two_clip_in_float32(log_pi, old_log_pi, advantage, clip, cap):
    single = (x.float() for x in (log_pi, old_log_pi, advantage))
    return _right(*single, clip, cap).to(log_pi.dtype)


def _goes_backward_too(log_pi, old_log_pi, advantage, clip, cap):
    loss = _right(log_pi, old_log_pi, advantage, clip, cap)
    loss.backward(retain_graph=True)
    return loss


# ------------------------------------------------------------------ a loss with two clips, right


def _nested(log_pi, old_log_pi, advantage, clip, cap):
    with torch.no_grad():
        old, a = old_log_pi.clone(), advantage.clone()
    r = torch.exp(log_pi - old)
    least = torch.min(r * a, torch.clip(r, 1 - clip, 1 + clip) * a)
    return -torch.where(a < 0, torch.max(least, cap * a), least).mean()


def _as_losses(log_pi, old_log_pi, advantage, clip, cap):
    gain, r = advantage.detach(), torch.exp(log_pi) / torch.exp(old_log_pi.detach())
    worst = torch.maximum(-gain * r, -gain * torch.clamp(r, 1 - clip, 1 + clip))
    return torch.mean(worst * (gain >= 0) + torch.minimum(worst, -gain * cap) * (gain < 0))


def _two_sums(log_pi, old_log_pi, advantage, clip, cap):
    a = advantage.detach()
    r = (log_pi - old_log_pi.detach()).exp()
    up = (a.clamp_min(0) * torch.minimum(r, torch.full_like(r, 1 + clip))).sum()
    down = (a.clamp_max(0) * r.clip(1 - clip, cap)).sum()
    return -(up + down) / a.numel()


def _sample_after_sample(log_pi, old_log_pi, advantage, clip, cap):
    total = 0 * log_pi.sum()
    for new, old, gain in zip(log_pi, old_log_pi.tolist(), advantage.tolist(), strict=True):
        r = (new - old).exp()
        low, high = (0.0, 1 + clip) if gain > 0 else (1 - clip, cap)
        total = total - gain * max(low, min(r, high))
    return total / len(log_pi)


def _by_hinges(log_pi, old_log_pi, advantage, clip, cap):
    relu, a = torch.relu, advantage.detach()
    r = (log_pi - old_log_pi.detach()).exp()
    up = r - relu(r - (1 + clip))
    down = r + relu((1 - clip) - r) - relu(r - cap)
    return -(torch.where(a > 0, up, down) * a).mean()


WRONG = [
    *named(
        ch04.check_n_step_advantages,
        _rewards_then_minus_v,
        _without_minus_v,
        _newest_first,
        _centred_and_scaled,
        _gamma_to_the_n,
        _no_value_behind_the_segment,
        _value_of_the_cut_step,
        _mean_of_all_up_to_n,
        _gae_with_some_lambda,
        _only_whole_windows,
        _n_in_single_precision,
        _adds_into_rewards,
        _bootstraps_value_at_time_n,
        _three_steps,
        _no_discount_in_delta,
        _no_discount_of_later_deltas,
        _first_environments_final,
        lambda *a: _with()(*a).T,
        lambda *a: _with()(*a)[:, 0],
        lambda *a: _with()(*a[:5], 0.99, a[6]),
    ),
    *named(
        ch04.check_dual_clip_loss,
        _c_as_a_difference,
        _minus_c,
        _c_and_epsilon_for_all,
        _each_sample,
        _python_number,
        _shifted_by_the_mean,
        _fixed_limits,
        _two_clip_in_float32,
        _goes_backward_too,
        _bad_between_the_epsilons,
        _maximum_for_every_sign,
        _as_printed,
        _held_samples_are_zero,
        _limits_on_the_logs,
        lambda *a: _right(a[0], a[1], a[2].abs(), *a[3:]),
        lambda *a: _right(*a[:3], a[3], 1 / a[4]),
        lambda *a: _right(*a)[None],
    ),
]

RIGHT = [
    *named(
        ch04.check_n_step_advantages,
        _n_recursively,
        _by_a_matrix,
        _by_numpy_rows,
        _difference_of_sums,
        _by_columns,
        _with(),
    ),
    (ch04.check_n_step_advantages, _Estimator()),
    *named(ch04.check_dual_clip_loss, _nested, _as_losses, _two_sums, _sample_after_sample, _by_hinges, _right),
]
