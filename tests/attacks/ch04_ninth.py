"""Answers to exercises of chapter 04, from a ninth attack."""

from fractions import Fraction

import numpy as np
import sympy
import torch

from metarl_core.check import ch04

from . import named

# ------------------------------------------------------------------ n steps


def _advantage(stops=None, future=None, steps=None, last=None, behind=None):
    """Sums of δ, as the hints have it; what a learner gets wrong are functions."""

    def answer(rewards, values, final_values, terminated, truncated, discount, n):
        final = final_values if last is None else last(values, final_values)
        following = torch.cat([values[:, 1:], final[:, None]], 1)
        alive = ~terminated if future is None else future(terminated, truncated)
        delta = rewards + discount * following * alive - values
        goes_on = ~(terminated | truncated) if stops is None else ~stops(terminated, truncated)
        total = torch.zeros_like(delta)
        for _ in range(n if steps is None else steps(n, rewards.shape[1])):
            after = torch.cat([total[:, 1:], torch.zeros_like(total[:, :1]) if behind is None else behind(total)], 1)
            total = delta + discount * goes_on * after
        return total

    return answer


def _value_of_the_next_episode(rewards, values, final_values, terminated, truncated, discount, n):
    """Cuts at truncation by a bootstrap with the present value instead of the next column's."""
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    following = torch.where(truncated, values, following)
    delta = rewards + discount * following * ~terminated - values
    total = torch.zeros_like(delta)
    for _ in range(n):
        after = torch.cat([total[:, 1:], torch.zeros_like(total[:, :1])], 1)
        total = delta + discount * ~(terminated | truncated) * after
    return total


def _in_values(rewards, values, final_values, terminated, truncated, discount, n):
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    values -= rewards + discount * following * ~terminated
    delta, total = -values, torch.zeros_like(values)
    for _ in range(n):
        after = torch.cat([total[:, 1:], torch.zeros_like(total[:, :1])], 1)
        total = delta + discount * ~(terminated | truncated) * after
    return total


def _flags_in_place(rewards, values, final_values, terminated, truncated, discount, n):
    following = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * following * ~terminated - values
    truncated |= terminated
    total = torch.zeros_like(delta)
    for _ in range(n):
        after = torch.cat([total[:, 1:], torch.zeros_like(total[:, :1])], 1)
        total = delta + discount * ~truncated * after
    return total


def _full_windows_only(rewards, values, final_values, terminated, truncated, discount, n):
    """Where less than n steps are left, nothing is said."""
    found = _advantage()(rewards, values, final_values, terminated, truncated, discount, n)
    found[:, max(rewards.shape[1] - n + 1, 0) :] = 0
    return found


def _n_power_for_all(rewards, values, final_values, terminated, truncated, discount, n):
    """The bootstrap always has the factor γ to the n, however few steps there were."""
    envs, horizon = rewards.shape
    out = torch.zeros_like(rewards)
    every = torch.cat([values, final_values[:, None]], 1)
    for e in range(envs):
        for t in range(horizon):
            total, m = 0.0, 0
            for k in range(t, min(t + n, horizon)):
                total += discount ** (k - t) * rewards[e, k]
                m = k + 1
                if terminated[e, k] or truncated[e, k]:
                    break
            boot = 0.0 if terminated[e, m - 1] else every[e, m]
            out[e, t] = total + discount**n * boot - values[e, t]
    return out


def _ends_by_loop(first):
    def answer(rewards, values, final_values, terminated, truncated, discount, n):
        envs, horizon = rewards.shape
        out = torch.zeros_like(rewards)
        every = torch.cat([values, final_values[:, None]], 1)
        for e in range(envs):
            for t in range(horizon):
                total, m = 0.0, t
                while m < horizon and m - t < n:
                    total = total + discount ** (m - t) * rewards[e, m]
                    m += 1
                    if terminated[e, m - 1] or truncated[e, m - 1]:
                        break
                known = first(terminated[e], truncated[e], t, m)
                out[e, t] = total + (discount ** (m - t) * every[e, m] if known else 0.0) - values[e, t]
        return out

    return answer


def _advantage_numpy(rewards, values, final_values, terminated, truncated, discount, n):
    r, v, f = rewards.numpy(), values.numpy(), final_values.numpy()
    d, c = terminated.numpy(), truncated.numpy()
    horizon = r.shape[1]
    v = np.concatenate([v, f[:, None]], 1)
    target = v[:, 1:] * ~d * discount + r  # of one step
    one = target.copy()
    for _ in range(min(n, horizon) - 1):
        longer = one.copy()
        longer[:, :-1] = np.where(d[:, :-1] | c[:, :-1], one[:, :-1], r[:, :-1] + discount * target[:, 1:])
        target = longer
    return torch.from_numpy(target - v[:, :-1])


def _advantage_matrix(rewards, values, final_values, terminated, truncated, discount, n):
    horizon = rewards.shape[1]
    delta = (
        rewards + discount * torch.cat([values[:, 1:], final_values[:, None]], 1).masked_fill(terminated, 0) - values
    )
    ends = (terminated | truncated).long()
    episode = ends.cumsum(1) - ends
    lag = torch.arange(horizon)[None] - torch.arange(horizon)[:, None]
    reach = (lag >= 0) & (lag < n) & (episode[:, :, None] == episode[:, None, :])
    weight = reach * torch.as_tensor(discount, dtype=rewards.dtype) ** lag.clamp_min(0)
    return torch.einsum("etk,ek->et", weight, delta)


# ------------------------------------------------------------------ two clips


def _dual(one=None, two=None, ratio=None, advantage_of=None, old_of=None, choose=None, total=None):
    def answer(log_pi, old_log_pi, advantage, clip, cap):
        a = advantage.detach() if advantage_of is None else advantage_of(advantage)
        old = old_log_pi.detach() if old_of is None else old_of(old_log_pi)
        rho = (log_pi - old).exp() if ratio is None else ratio(log_pi, old)
        good = rho.clamp(max=1 + clip) if one is None else one(rho, clip, cap)
        bad = rho.clamp(1 - clip, cap) if two is None else two(rho, clip, cap)
        held = torch.where(a > 0 if choose is None else choose(a), good, bad)
        return -(held * a).mean() if total is None else total(held, a)

    return answer


def _common_dual_clip(log_pi, old_log_pi, advantage, clip, cap):
    """As the paper writes it, with the cap for the good ones as well."""
    a, rho = advantage.detach(), (log_pi - old_log_pi.detach()).exp()
    plain = torch.minimum(rho * a, rho.clamp(1 - clip, 1 + clip) * a)
    return -torch.maximum(plain, cap * a).mean()


def _cap_by_gradient_alone(log_pi, old_log_pi, advantage, clip, cap):
    """Samples beyond the cap are left out of the sum, and out of its value."""
    a, rho = advantage.detach(), (log_pi - old_log_pi.detach()).exp()
    plain = torch.minimum(rho * a, rho.clamp(1 - clip, 1 + clip) * a)
    keep = ~((a < 0) & (rho > cap))
    return -(plain * keep).mean()


def _mean_of_the_kept(log_pi, old_log_pi, advantage, clip, cap):
    a, rho = advantage.detach(), (log_pi - old_log_pi.detach()).exp()
    held = torch.where(a > 0, rho.clamp(max=1 + clip), rho.clamp(1 - clip, cap))
    return -(held * a).sum() / (a != 0).sum().clamp_min(1)


def _normalised(log_pi, old_log_pi, advantage, clip, cap):
    a = advantage.detach()
    a = (a - a.mean()) / (a.std(correction=0) + 1e-8)
    rho = (log_pi - old_log_pi.detach()).exp()
    return -(torch.where(a > 0, rho.clamp(max=1 + clip), rho.clamp(1 - clip, cap)) * a).mean()


def _paper(log_pi, old_log_pi, advantage, clip, cap):
    a, rho = advantage.detach(), torch.exp(log_pi - old_log_pi.detach())
    plain = torch.min(rho * a, rho.clamp(1 - clip, 1 + clip) * a)
    return -torch.where(a < 0, torch.max(plain, cap * a), plain).mean()


def _detached_weights(log_pi, old_log_pi, advantage, clip, cap):
    """Value and slope put together from masks."""
    with torch.no_grad():
        rho = (log_pi - old_log_pi).exp()
        inside = torch.where(advantage > 0, rho <= 1 + clip, (rho >= 1 - clip) & (rho <= cap))
        held = torch.where(advantage > 0, rho.clamp(max=1 + clip), rho.clamp(1 - clip, cap))
        weight = inside * rho * advantage
        value = held * advantage
    return -(value + weight * (log_pi - log_pi.detach())).sum() / len(log_pi)


def _sample_by_sample(log_pi, old_log_pi, advantage, clip, cap):
    total = log_pi.new_zeros(())
    for new, old, a in zip(log_pi, old_log_pi.tolist(), advantage.tolist(), strict=True):
        rho = torch.exp(new - old)
        top, bottom = (1 + clip, -float("inf")) if a > 0 else (cap, 1 - clip)
        total = total - a * torch.clamp(rho, bottom, top)
    return total / len(log_pi)


# ------------------------------------------------------------------ an actor and a critic


def _loss(target=None, advantage=None, scale=None, actor=None, critic=None):
    def answer(log_pi, value, next_value, rewards, terminated, discount):
        y = (
            (rewards + discount * next_value * ~terminated).detach()
            if target is None
            else target(value, next_value, rewards, terminated, discount)
        )
        delta = (y - value).detach() if advantage is None else advantage(y, value)
        z = (delta - delta.mean()) / delta.std(correction=0) if scale is None else scale(delta)
        first = -(log_pi * z).mean() if actor is None else actor(log_pi, z)
        second = 0.5 * (y - value).square().mean() if critic is None else critic(y, value)
        return first + second

    return answer


def _flags_as_bits(log_pi, value, next_value, rewards, terminated, discount):
    y = rewards + discount * next_value * (1 - terminated.long())
    y = y.detach()
    delta = (y - value).detach()
    z = (delta - delta.mean()) / torch.sqrt(((delta - delta.mean()) ** 2).mean())
    return (-log_pi * z + 0.5 * (y - value) ** 2).mean()


def _mse_of_torch(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        y = torch.addcmul(rewards, next_value, discount * (~terminated).to(rewards.dtype))
        z = torch.nn.functional.layer_norm((y - value)[None].double(), (len(y),), eps=0.0)[0].to(value.dtype)
    return torch.nn.functional.mse_loss(value, y) / 2 - torch.dot(log_pi, z) / len(y)


def _with_numpy_advantages(log_pi, value, next_value, rewards, terminated, discount):
    y = rewards.numpy() + discount * np.where(terminated.numpy(), 0, next_value.detach().numpy())
    delta = y - value.detach().numpy()
    z = torch.from_numpy(((delta - delta.mean()) / delta.std()).astype(delta.dtype)).to(value.dtype)
    return -(log_pi * z).sum() / len(z) + ((torch.from_numpy(y).to(value.dtype) - value) ** 2).sum() / (2 * len(z))


WRONG = [
    *named(
        ch04.check_n_step_advantages,
        _value_of_the_next_episode,
        _in_values,
        _flags_in_place,
        _full_windows_only,
        _n_power_for_all,
        first_flag_of_the_episode=_ends_by_loop(lambda d, c, t, m: not d[t:m].any() or bool(c[m - 1])),
        flag_at_the_beginning=_ends_by_loop(lambda d, c, t, m: not d[t]),
        cut_knows_nothing=_ends_by_loop(lambda d, c, t, m: not (d[m - 1] or c[m - 1])),
        flag_of_the_column=_ends_by_loop(lambda d, c, t, m: m == len(d) or not d[m]),
        both_go_on=_advantage(future=lambda d, c: ~d | c),
        runs_through_cuts=_advantage(stops=lambda d, c: d),
        runs_through_both=_advantage(stops=lambda d, c: d ^ c),
        at_most_ten=_advantage(steps=lambda n, horizon: min(n, 10)),
        one_step_less=_advantage(steps=lambda n, horizon: min(n, horizon - 1) if n >= horizon else n),
        one_step_more=_advantage(steps=lambda n, horizon: n + 1),
        value_of_the_first_env=_advantage(last=lambda v, f: f[:1].expand(len(v))),
        last_column_again=_advantage(last=lambda v, f: v[:, -1]),
        around_the_end=_advantage(behind=lambda total: total[:, :1]),
    ),
    *named(
        ch04.check_dual_clip_loss,
        _common_dual_clip,
        _cap_by_gradient_alone,
        _mean_of_the_kept,
        _normalised,
        fixed_cap=_dual(two=lambda rho, clip, cap: rho.clamp(1 - clip, 3.0)),
        cap_from_one=_dual(two=lambda rho, clip, cap: rho.clamp(1 - clip, 1 + cap)),
        upper_is_inverse=_dual(one=lambda rho, clip, cap: rho.clamp(max=1 / (1 - clip))),
        lower_is_inverse=_dual(two=lambda rho, clip, cap: rho.clamp(1 / (1 + clip), cap)),
        capped_both=_dual(one=lambda rho, clip, cap: rho.clamp(1 - clip, 1 + clip)),
        symmetric_bad=_dual(two=lambda rho, clip, cap: rho.clamp(1 - clip, 1 + clip)),
        floor_left_out=_dual(two=lambda rho, clip, cap: rho.clamp(max=cap)),
        log_clip=_dual(
            ratio=lambda new, old: (new - old).clamp(-5, 5).exp(), one=lambda rho, clip, cap: rho.clamp(max=1 + clip)
        ),
        ratio_first_order=_dual(ratio=lambda new, old: 1 + new - old),
        advantage_with_graph=_dual(advantage_of=lambda a: a),
        old_with_graph=_dual(old_of=lambda old: old),
        sum_of_all=_dual(total=lambda held, a: -(held * a).sum()),
        straight_through=_dual(two=lambda rho, clip, cap: rho + (rho.clamp(1 - clip, cap) - rho).detach()),
        signs_of_the_mean=_dual(choose=lambda a: a > a.mean()),
        weighted_mean=_dual(total=lambda held, a: -(held * a).sum() / held.detach().sum()),
    ),
    *named(
        ch04.check_actor_critic_loss,
        with_eps=_loss(scale=lambda d: (d - d.mean()) / (d.std(correction=0) + 1e-2)),
        unbiased=_loss(scale=lambda d: (d - d.mean()) / d.std()),
        not_centred=_loss(scale=lambda d: d / d.std(correction=0)),
        by_root_mean_square=_loss(scale=lambda d: (d - d.mean()) / d.square().mean().sqrt()),
        by_variance=_loss(scale=lambda d: (d - d.mean()) / d.var(correction=0)),
        by_absolute=_loss(scale=lambda d: (d - d.mean()) / (d - d.mean()).abs().mean()),
        by_range=_loss(scale=lambda d: (d - d.median()) / d.std(correction=0)),
        target_moves=_loss(target=lambda v, after, r, end, discount: r + discount * after * ~end),
        whole_target_ends=_loss(target=lambda v, after, r, end, discount: ((r + discount * after) * ~end).detach()),
        advantage_with_graph=_loss(advantage=lambda y, v: y - v),
        no_half=_loss(critic=lambda y, v: (y - v).square().mean()),
        critic_is_sum=_loss(critic=lambda y, v: 0.5 * (y - v).square().sum()),
        critic_huber=_loss(critic=lambda y, v: torch.nn.functional.smooth_l1_loss(v, y)),
        critic_stopped=_loss(critic=lambda y, v: 0.5 * (y - v.detach()).square().mean()),
        actor_turned=_loss(actor=lambda log_pi, z: (log_pi * z).mean()),
        actor_of_probabilities=_loss(actor=lambda log_pi, z: -(log_pi.exp() * z).mean()),
        clipped_target=_loss(
            target=lambda v, after, r, end, discount: (r + discount * after * ~end).detach().clamp(-10, 10)
        ),
    ),
    *((ch04.check_best_baseline, x) for x in (3.0, 5.99, 4.5, "6", 2 * 0.8 + 7 * 0.2, float("nan"))),
    *((ch04.check_variance_mean_baseline, x) for x in (0.64, 2.08, 1.4, 0.8, -1.44, 1.2)),
    *((ch04.check_variance_best_baseline, x) for x in (0.64, 1e-2, -0.64, 1.44, 0.16)),
]
P = sympy.Rational(4, 5)
RIGHT = [
    *named(
        ch04.check_n_step_advantages,
        _advantage_numpy,
        _advantage_matrix,
        by_loop=_ends_by_loop(lambda d, c, t, m: not d[m - 1]),
    ),
    *named(ch04.check_dual_clip_loss, _paper, _detached_weights, _sample_by_sample),
    *named(ch04.check_actor_critic_loss, _flags_as_bits, _mse_of_torch, _with_numpy_advantages),
    (ch04.check_best_baseline, (1 - P) * 2 + P * 7),
    (ch04.check_best_baseline, torch.tensor(6.0)),
    (ch04.check_variance_mean_baseline, Fraction(4, 25) * 0 + Fraction(36, 25)),
    (ch04.check_variance_best_baseline, 0),
    (ch04.check_variance_best_baseline, np.float32(0.0)),
    (ch04.check_variance_best_baseline, 1e-15),
]
