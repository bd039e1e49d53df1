"""More answers to the exercises of chapter 04, written from the text of the exercises alone."""

import functools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch04

# ------------------------------------------------------------------ advantages, wrong


def _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda, *, future=None, goes_on=None):
    """The right recursion with one part to change."""
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * following * (~terminated if future is None else future) - values
    on = ~(terminated | truncated) if goes_on is None else goes_on
    out, running = torch.zeros_like(delta), torch.zeros_like(delta[:, 0])
    for t in range(delta.shape[1] - 1, -1, -1):
        running = delta[:, t] + discount * gae_lambda * on[:, t] * running
        out[:, t] = running
    return out


def _leaks_over_time_limits(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda, goes_on=~terminated)


def _time_limit_is_an_end(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated | truncated, truncated, discount, gae_lambda)


def _only_time_limits_cut(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda, goes_on=~truncated)


def _no_flags(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    never = torch.zeros_like(terminated)
    return _gae(rewards, values, final_values, never, never, discount, gae_lambda)


def _bootstraps_always(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(
        rewards, values, final_values, terminated, truncated, discount, gae_lambda, future=torch.ones_like(terminated)
    )


def _cuts_only_where_both(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    on = ~(terminated & truncated)
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda, goes_on=on)


def _time_limit_wins(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated & ~truncated, truncated, discount, gae_lambda)


def _no_lambda(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, 1.0)


def _no_discount_in_the_trace(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda / discount)


def _no_discount_in_delta(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, 1.0, discount * gae_lambda)


def _usual_settings(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, 0.99, 0.95)


def _nothing_after_the_last(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, torch.zeros_like(final_values), terminated, truncated, discount, gae_lambda)


def _last_value_again(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, values[:, -1], terminated, truncated, discount, gae_lambda)


def _only_deltas(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, 0.0)


def _value_targets(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda) + values


def _standardised(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    raw = _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda)
    return (raw - raw.mean()) / (raw.std() + 1e-8)


def _flags_one_early(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    shift = lambda flag: torch.cat([flag[:, 1:], torch.zeros_like(flag[:, :1])], 1)  # noqa: E731
    return _gae(rewards, values, final_values, shift(terminated), shift(truncated), discount, gae_lambda)


def _first_environments_flags(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    first = lambda flag: flag[:1].expand_as(flag)  # noqa: E731
    return _gae(rewards, values, final_values, first(terminated), first(truncated), discount, gae_lambda)


def _forgets_to_subtract(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    right = _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda)
    return right + torch.where(truncated, values, 0.0)


def _no_future_at_time_limits(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    on = ~(terminated | truncated)
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda, future=on)


def _delta_dropped_at_ends(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    right = _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda)
    return torch.where(truncated, 0.0, right)


def _in_single_precision(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(
        rewards.float(), values.float(), final_values.float(), terminated, truncated, discount, gae_lambda
    ).double()


def _divides_by_powers(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * following * ~terminated - values
    weight = (discount * gae_lambda) ** torch.arange(delta.shape[1], dtype=torch.float64)
    out = torch.zeros_like(delta)
    for env, ends in enumerate((terminated | truncated).tolist()):
        first = 0
        for t, end in enumerate(ends):
            if end or t + 1 == len(ends):
                part = (delta[env] * weight)[first : t + 1]
                out[env, first : t + 1] = part.flip(0).cumsum(0).flip(0) / weight[first : t + 1]
                first = t + 1
    return out


def _overwrites_the_rewards(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    rewards.copy_(_gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda))
    return rewards


def _marks_the_last_column(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    truncated[:, -1] = True
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda)


def _carries_on(
    rewards, values, final_values, terminated, truncated, discount, gae_lambda, kept={}  # noqa: B006
):  # fmt: skip
    """Goes on from the advantage that the last call ended with."""
    out = _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda)
    if out.shape in kept:
        out[:, -1] += discount * gae_lambda * ~(terminated | truncated)[:, -1] * kept[out.shape]
    kept[out.shape] = out[:, 0].clone()
    return out


def _three_steps_ahead(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * following * ~terminated - values
    on = ~(terminated | truncated)
    out = torch.zeros_like(delta)
    for env in range(delta.shape[0]):
        for t in range(delta.shape[1]):
            weight = 1.0
            for k in range(t, min(t + 3, delta.shape[1])):
                out[env, t] += weight * delta[env, k]
                weight *= discount * gae_lambda * bool(on[env, k])
    return out


def _one_environment(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    out = torch.zeros_like(rewards)
    out[0] = _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda)[0]
    return out


def _time_first(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    return _gae(rewards, values, final_values, terminated, truncated, discount, gae_lambda).T


# ------------------------------------------------------------------ advantages, right


def _by_definition(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    r, v, end, over = rewards.tolist(), values.tolist(), terminated.tolist(), truncated.tolist()
    rows = []
    for env, last in enumerate(final_values.tolist()):
        after = [*v[env][1:], last]
        row = []
        for t in range(len(r[env])):
            total, weight = 0.0, 1.0
            for k in range(t, len(r[env])):
                total += weight * (r[env][k] + (0.0 if end[env][k] else discount * after[k]) - v[env][k])
                if end[env][k] or over[env][k]:
                    break
                weight *= discount * gae_lambda
            row.append(total)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def _by_matrices(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    following = torch.column_stack([values[:, 1:], final_values])
    delta = rewards + discount * following.masked_fill(terminated, 0.0) - values
    time = torch.arange(rewards.shape[1])
    ahead = time[None, :] - time[:, None]
    episode = torch.logical_or(terminated, truncated).cumsum(1).roll(1, 1)
    episode[:, 0] = 0
    same = (episode[:, :, None] == episode[:, None, :]) & (ahead >= 0)
    weight = torch.pow(torch.tensor(discount * gae_lambda, dtype=torch.float64), ahead.clamp_min(0).double())
    return torch.einsum("etk,ek->et", same * weight, delta)


def _recursively(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    if rewards.shape[1] == 0:
        return rewards.clone()
    rest = _recursively(
        rewards[:, 1:], values[:, 1:], final_values, terminated[:, 1:], truncated[:, 1:], discount, gae_lambda
    )
    after = values[:, 1] if rewards.shape[1] > 1 else final_values
    first = rewards[:, 0] + discount * torch.where(terminated[:, 0], 0.0, after) - values[:, 0]
    if rest.shape[1]:
        first = first + discount * gae_lambda * torch.where(terminated[:, 0] | truncated[:, 0], 0.0, rest[:, 0])
    return torch.cat([first[:, None], rest], 1)


def _from_lambda_returns(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    """G_t = r + γ [(1 − λ) V(s') + λ G_{t+1}], minus V."""
    r, v, d, c = (x.numpy() for x in (rewards, values, terminated, truncated))
    after, ret = np.concatenate([v[:, 1:], final_values.numpy()[:, None]], 1), final_values.numpy().copy()
    out = np.empty_like(r)
    for t in range(r.shape[1])[::-1]:
        mixed = np.where(c[:, t], after[:, t], (1 - gae_lambda) * after[:, t] + gae_lambda * ret)
        ret = r[:, t] + discount * np.where(d[:, t], 0.0, mixed)
        out[:, t] = ret - v[:, t]
    return torch.from_numpy(out)


class _Advantages:
    def __call__(self, rewards, values, final_values, terminated, truncated, discount, gae_lambda):
        rows = zip(rewards, values, final_values, terminated, truncated, strict=True)
        return torch.stack([_gae(*(x[None] for x in row), discount, gae_lambda)[0] for row in rows])


# ------------------------------------------------------------------ the loss of PPO, wrong


def _ppo(log_pi, old_log_pi, advantage, clip):
    ratio = torch.exp(log_pi - old_log_pi.detach())
    a = advantage.detach()
    return torch.min(ratio * a, torch.clamp(ratio, 1 - clip, 1 + clip) * a)


def _missing_minus(log_pi, old_log_pi, advantage, clip):
    return _ppo(log_pi, old_log_pi, advantage, clip).mean()


def _sum_of_samples(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi, advantage, clip).sum()


def _one_per_sample(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi, advantage, clip)


def _minimum_of_means(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum((ratio * a).mean(), (ratio.clamp(1 - clip, 1 + clip) * a).mean())


def _maximum(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.maximum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


def _minimum_of_losses(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), -advantage.detach()
    return torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


def _only_the_clipped(log_pi, old_log_pi, advantage, clip):
    ratio = (log_pi - old_log_pi.detach()).exp()
    return -(ratio.clamp(1 - clip, 1 + clip) * advantage.detach()).mean()


def _not_clipped(log_pi, old_log_pi, advantage, clip):
    return -((log_pi - old_log_pi.detach()).exp() * advantage.detach()).mean()


def _clips_the_product(log_pi, old_log_pi, advantage, clip):
    product = (log_pi - old_log_pi.detach()).exp() * advantage.detach()
    return -torch.minimum(product, product.clamp(1 - clip, 1 + clip)).mean()


def _clips_above_only(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum(ratio * a, ratio.clamp_max(1 + clip) * a).mean()


def _clips_the_log_ratio(log_pi, old_log_pi, advantage, clip):
    log_ratio, a = log_pi - old_log_pi.detach(), advantage.detach()
    return -torch.minimum(log_ratio.exp() * a, log_ratio.clamp(-clip, clip).exp() * a).mean()


def _point_two(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi, advantage, 0.2).mean()


def _ratio_of_logs(log_pi, old_log_pi, advantage, clip):
    ratio, a = log_pi / old_log_pi.detach(), advantage.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


def _ratio_upside_down(log_pi, old_log_pi, advantage, clip):
    ratio, a = (old_log_pi.detach() - log_pi).exp(), advantage.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


def _difference_of_logs(log_pi, old_log_pi, advantage, clip):
    ratio, a = 1 + log_pi - old_log_pi.detach(), advantage.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


def _old_keeps_its_graph(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi).exp(), advantage.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


def _advantage_keeps_its_graph(log_pi, old_log_pi, advantage, clip):
    ratio = (log_pi - old_log_pi.detach()).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def _advantages_standardised(log_pi, old_log_pi, advantage, clip):
    a = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
    return -_ppo(log_pi, old_log_pi, a, clip).mean()


def _no_graph_at_all(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi.detach(), old_log_pi, advantage, clip).mean()


def _straight_through_clip(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    held = ratio + (ratio.clamp(1 - clip, 1 + clip) - ratio).detach()
    return -torch.minimum(ratio * a, held * a).mean()


def _right_gradient_wrong_value(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi).detach().exp(), advantage.detach()
    free = torch.where(a > 0, ratio <= 1 + clip, ratio >= 1 - clip)
    return -(free * ratio * a * log_pi).mean()


def _detached_weight(log_pi, old_log_pi, advantage, clip):
    """The gradient of A2C: a ratio of 1 with the right value."""
    right = -_ppo(log_pi, old_log_pi, advantage, clip).mean()
    surrogate = -(advantage.detach() * log_pi).mean()
    return right.detach() + surrogate - surrogate.detach()


def _dual_clip(log_pi, old_log_pi, advantage, clip):
    a = advantage.detach()
    inner = _ppo(log_pi, old_log_pi, advantage, clip)
    return -torch.where(a < 0, torch.maximum(inner, 1.5 * a), inner).mean()


def _mean_over_the_unclipped(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    free = ratio.detach().sub(1).abs() <= clip
    return -(ratio * a * free).sum() / free.sum().clamp_min(1)


def _with_a_kl_term(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi, advantage, clip).mean() + 0.01 * (old_log_pi.detach() - log_pi).mean()


def _loss_as_a_float(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi, advantage, clip).mean().item()


def _loss_in_single_precision(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi.float(), old_log_pi.float(), advantage.float(), clip).mean().to(log_pi.dtype)


def _one_number_in_a_row(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi, advantage, clip).mean(0, keepdim=True)


def _detaches_the_callers(log_pi, old_log_pi, advantage, clip):
    return -_ppo(log_pi, old_log_pi.detach_(), advantage.detach_(), clip).mean()


def _steps_backward_itself(log_pi, old_log_pi, advantage, clip):
    loss = -_ppo(log_pi, old_log_pi, advantage, clip).mean()
    if log_pi.requires_grad:
        loss.backward(retain_graph=True)
    return loss


# ------------------------------------------------------------------ the loss of PPO, right


def _by_sign(log_pi, old_log_pi, advantage, clip):
    a = advantage.detach()
    ratio = torch.exp(log_pi - old_log_pi.detach())
    held = torch.where(a >= 0, torch.clamp(ratio, max=1 + clip), torch.clamp(ratio, min=1 - clip))
    return -torch.mean(held * a)


def _by_hinges(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.data).exp(), advantage.data
    return (
        torch.relu((ratio - 1 - clip) * a) * (a > 0) + torch.relu((ratio - 1 + clip) * a) * (a < 0) - ratio * a
    ).mean()


def _largest_loss(log_pi, old_log_pi, advantage, clip):
    ratio, a = (log_pi - old_log_pi.detach()).exp(), -advantage.detach()
    return torch.maximum(ratio * a, torch.clip(ratio, 1 - clip, 1 + clip) * a).sum() / len(log_pi)


def _sample_by_sample(log_pi, old_log_pi, advantage, clip):
    with torch.no_grad():
        old, a = old_log_pi.clone(), advantage.clone()
    total = 0
    for i in range(log_pi.shape[0]):
        ratio = torch.exp(log_pi[i] - old[i])
        total = total + min(ratio * a[i], ratio.clip(1 - clip, 1 + clip) * a[i])
    return -total / log_pi.shape[0]


def _quotient_of_exponentials(log_pi, old_log_pi, advantage, clip):
    ratio, a = log_pi.exp() / old_log_pi.detach().exp(), advantage.detach()
    return -torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()


class _WrittenGradient(torch.autograd.Function):
    @staticmethod
    def forward(context, log_pi, old, a, clip):
        ratio = (log_pi - old).exp()
        free, held = ratio * a, ratio.clamp(1 - clip, 1 + clip) * a
        context.save_for_backward(torch.where(free <= held, free, torch.zeros_like(free)))
        return -torch.minimum(free, held).mean()

    @staticmethod
    def backward(context, slope):
        (pull,) = context.saved_tensors
        return -slope * pull / len(pull), None, None, None


def _with_its_own_backward(log_pi, old_log_pi, advantage, clip):
    return _WrittenGradient.apply(log_pi, old_log_pi.detach(), advantage.detach(), clip)


# ------------------------------------------------------------------ a joint density, wrong


def _terms(action, mean, log_std):
    return -(0.5 * ((action - mean) * (-log_std).exp()).square() + log_std + 0.5 * math.log(2 * math.pi))


def _mean_over_dimensions(action, mean, log_std):
    return _terms(action, mean, log_std).mean(-1)


def _per_dimension(action, mean, log_std):
    return _terms(action, mean, log_std)


def _keeps_an_axis(action, mean, log_std):
    return _terms(action, mean, log_std).sum(-1, keepdim=True)


def _sums_everything(action, mean, log_std):
    return _terms(action, mean, log_std).sum()


def _sums_axis_one(action, mean, log_std):
    return _terms(action, mean, log_std).sum(1)


def _sums_axis_zero(action, mean, log_std):
    return _terms(action, mean, log_std).sum(0)


def _no_constant(action, mean, log_std):
    return (_terms(action, mean, log_std) + 0.5 * math.log(2 * math.pi)).sum(-1)


def _constant_once(action, mean, log_std):
    return (_terms(action, mean, log_std) + 0.5 * math.log(2 * math.pi)).sum(-1) - 0.5 * math.log(2 * math.pi)


def _whole_log_two_pi(action, mean, log_std):
    return _terms(action, mean, log_std).sum(-1) - 0.5 * action.shape[-1] * math.log(2 * math.pi)


def _no_log_std(action, mean, log_std):
    return (_terms(action, mean, log_std) + log_std).sum(-1)


def _log_std_added(action, mean, log_std):
    return (_terms(action, mean, log_std) + 2 * log_std).sum(-1)


def _log_variance(action, mean, log_std):
    return (_terms(action, mean, log_std) - log_std).sum(-1)


def _std_not_squared(action, mean, log_std):
    return -(0.5 * (action - mean).square() / log_std.exp() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)


def _log_std_taken_for_std(action, mean, log_std):
    return -(0.5 * ((action - mean) / log_std).square() + log_std.abs().log() + 0.5 * math.log(2 * math.pi)).sum(-1)


def _no_half(action, mean, log_std):
    return -(((action - mean) / log_std.exp()).square() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)


def _positive(action, mean, log_std):
    return -_terms(action, mean, log_std).sum(-1)


def _density_itself(action, mean, log_std):
    return _terms(action, mean, log_std).sum(-1).exp()


def _density_then_log(action, mean, log_std):
    std = log_std.exp()
    density = torch.exp(-0.5 * ((action - mean) / std).square()) / (std * math.sqrt(2 * math.pi))
    return density.prod(-1).log()


def _rounded_constant(action, mean, log_std):
    return (-0.5 * ((action - mean) / log_std.exp()).square() - log_std - 0.9189).sum(-1)


def _log_std_clamped(action, mean, log_std):
    return _terms(action, mean, log_std.clamp(-5, 2)).sum(-1)


def _small_number_added(action, mean, log_std):
    std = log_std.exp() + 1e-6
    return -(0.5 * ((action - mean) / std).square() + std.log() + 0.5 * math.log(2 * math.pi)).sum(-1)


def _squashed(action, mean, log_std):
    return _terms(action, mean, log_std).sum(-1) - torch.log(1 - torch.tanh(action).square() + 1e-6).sum(-1)


def _first_std_for_all(action, mean, log_std):
    return _terms(action, mean, log_std[:1]).sum(-1)


def _two_dimensions(action, mean, log_std):
    return _terms(action, mean, log_std)[..., :2].sum(-1)


def _mean_detached(action, mean, log_std):
    return _terms(action, mean.detach(), log_std).sum(-1)


def _log_std_detached(action, mean, log_std):
    return _terms(action, mean, log_std.detach()).sum(-1)


def _half_of_the_slope(action, mean, log_std):
    """The determinant's part of the gradient is missing, the value is right."""
    return -(0.5 * ((action - mean) / log_std.exp()).square() + log_std.detach() + 0.5 * math.log(2 * math.pi)).sum(-1)


def _by_torch_distributions(action, mean, log_std):
    return torch.distributions.Normal(mean, log_std.exp()).log_prob(action).sum(-1)


def _by_independent(action, mean, log_std):
    from torch.distributions import Independent, Normal  # noqa: PLC0415

    return Independent(Normal(mean, torch.exp(log_std)), 1).log_prob(action)


def _by_scipy(action, mean, log_std):
    import scipy.stats  # noqa: PLC0415

    theirs = scipy.stats.norm.logpdf(action.detach(), mean.detach(), log_std.detach().exp())
    return torch.as_tensor(theirs).sum(-1)


def _density_in_single_precision(action, mean, log_std):
    return _terms(action.float(), mean.float(), log_std.float()).sum(-1).double()


def _standardises_in_place(action, mean, log_std):
    action.sub_(mean.detach()).div_(log_std.detach().exp())
    return -(0.5 * action.square() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)


def _absolute_distance(action, mean, log_std):
    return -((action - mean).abs() / log_std.exp() + log_std + math.log(2)).sum(-1)


# ------------------------------------------------------------------ a joint density, right


def _dimension_by_dimension(action, mean, log_std):
    total = torch.zeros(action.shape[:-1], dtype=action.dtype)
    for i in range(action.shape[-1]):
        z = (action[..., i] - mean[..., i]) / torch.exp(log_std[i])
        total = total - z * z / 2 - log_std[i] - math.log(math.sqrt(math.tau))
    return total


def _by_precision_matrix(action, mean, log_std):
    precision = torch.diag((-2 * log_std).exp())
    apart = action - mean
    square = torch.einsum("...i,ij,...j->...", apart, precision, apart)
    return -0.5 * (square + 2 * log_std.sum() + len(log_std) * math.log(2 * math.pi))


def _by_functools(action, mean, log_std):
    columns = zip(_terms(action, mean, log_std).unbind(-1), strict=True)
    return functools.reduce(torch.add, (column for (column,) in columns))


def _by_nll_loss(action, mean, log_std):
    variance = (2 * log_std).exp().expand_as(action)
    loss = torch.nn.functional.gaussian_nll_loss(mean, action, variance, full=True, eps=1e-300, reduction="none")
    return -loss.sum(dim=-1)


def _standardised_as_a_norm(action, mean, log_std):
    z = torch.addcdiv(torch.zeros_like(action), action - mean, log_std.exp())
    return (
        -(z @ z.mT).diagonal() / 2 - log_std.sum() - len(log_std) * math.log(2 * math.pi) / 2
        if z.ndim == 2
        else (-(z * z).sum(-1) / 2 - torch.sum(log_std) - 0.5 * len(log_std) * float(np.log(2 * np.pi)))
    )


class _Density:
    def __call__(self, action, mean, log_std):
        std = log_std.exp()
        return (-((action - mean) ** 2) / (2 * std**2) - torch.log(std) - torch.log(torch.tensor(math.tau)) / 2).sum(-1)


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
        (ch04.check_gae, answer)
        for answer in (
            _leaks_over_time_limits,
            _time_limit_is_an_end,
            _only_time_limits_cut,
            _no_flags,
            _bootstraps_always,
            _cuts_only_where_both,
            _time_limit_wins,
            _no_lambda,
            _no_discount_in_the_trace,
            _no_discount_in_delta,
            _usual_settings,
            _nothing_after_the_last,
            _last_value_again,
            _only_deltas,
            _value_targets,
            _standardised,
            _flags_one_early,
            _first_environments_flags,
            _forgets_to_subtract,
            _no_future_at_time_limits,
            _delta_dropped_at_ends,
            _in_single_precision,
            _divides_by_powers,
            _overwrites_the_rewards,
            _marks_the_last_column,
            _carries_on,
            _three_steps_ahead,
            _one_environment,
            _time_first,
        )
    ),
    *(
        (ch04.check_ppo_loss, answer)
        for answer in (
            _missing_minus,
            _sum_of_samples,
            _one_per_sample,
            _minimum_of_means,
            _maximum,
            _minimum_of_losses,
            _only_the_clipped,
            _not_clipped,
            _clips_the_product,
            _clips_above_only,
            _clips_the_log_ratio,
            _point_two,
            _ratio_of_logs,
            _ratio_upside_down,
            _difference_of_logs,
            _old_keeps_its_graph,
            _advantage_keeps_its_graph,
            _advantages_standardised,
            _no_graph_at_all,
            _straight_through_clip,
            _right_gradient_wrong_value,
            _detached_weight,
            _dual_clip,
            _mean_over_the_unclipped,
            _with_a_kl_term,
            _loss_as_a_float,
            _loss_in_single_precision,
            _one_number_in_a_row,
            _detaches_the_callers,
            _steps_backward_itself,
        )
    ),
    *(
        (ch04.check_log_density, answer)
        for answer in (
            _mean_over_dimensions,
            _per_dimension,
            _keeps_an_axis,
            _sums_everything,
            _sums_axis_one,
            _sums_axis_zero,
            _no_constant,
            _constant_once,
            _whole_log_two_pi,
            _no_log_std,
            _log_std_added,
            _log_variance,
            _std_not_squared,
            _log_std_taken_for_std,
            _no_half,
            _positive,
            _density_itself,
            _density_then_log,
            _rounded_constant,
            _log_std_clamped,
            _small_number_added,
            _squashed,
            _first_std_for_all,
            _two_dimensions,
            _mean_detached,
            _log_std_detached,
            _half_of_the_slope,
            _by_torch_distributions,
            _by_independent,
            _by_scipy,
            _density_in_single_precision,
            _standardises_in_place,
            _absolute_distance,
        )
    ),
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
        (ch04.check_gae, answer)
        for answer in (_by_definition, _by_matrices, _recursively, _from_lambda_returns, _Advantages())
    ),
    *(
        (ch04.check_ppo_loss, answer)
        for answer in (
            _by_sign,
            _by_hinges,
            _largest_loss,
            _sample_by_sample,
            _quotient_of_exponentials,
            _with_its_own_backward,
        )
    ),
    *(
        (ch04.check_log_density, answer)
        for answer in (
            _dimension_by_dimension,
            _by_precision_matrix,
            _by_functools,
            _by_nll_loss,
            _standardised_as_a_norm,
        )
    ),
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
