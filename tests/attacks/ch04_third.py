"""More answers to chapter 04's exercises, by somebody who had read the exercises and not the checks."""

import dataclasses
import math
from functools import cache

import numpy as np
import torch

from metarl_core.agents import CARTPOLE_PPO, train_ppo
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.tasks import CartPole, rollout

from . import named

# ------------------------------------------------------------------ n_step_advantages, wrong


def _n_steps(rewards, values, final_values, terminated, truncated, discount, n, **how):
    """The recursion over n, with one thing changed."""
    ahead = torch.cat([values[:, 1:], final_values[:, None]], 1)
    if how.get("own_value"):
        ahead = torch.where(truncated, values, ahead)
    if how.get("final_at_truncation"):
        ahead = torch.where(truncated, final_values[:, None], ahead)
    dead = how.get("dead", terminated)
    delta = rewards + discount * torch.where(dead, 0.0, ahead) - values
    stop = how.get("stop", terminated | truncated)
    total = torch.zeros_like(delta)
    for _ in range(n + how.get("more", 0)):
        following = torch.cat([total[:, 1:], torch.zeros_like(total[:, :1])], 1)
        total = delta + discount * torch.where(stop, 0.0, following)
    return total


def _time_limit_is_an_end(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, dead=terminated | truncated)


def _never_dead(rewards, values, final_values, terminated, truncated, discount, n):
    none = torch.zeros_like(terminated)
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, dead=none)


def _truncation_wins(rewards, values, final_values, terminated, truncated, discount, n):
    dead = terminated & ~truncated
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, dead=dead)


def _leaks_over_truncation(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, stop=terminated)


def _leaks_over_termination(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, stop=truncated)


def _one_reward_more(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, more=1)


def _one_reward_less(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, more=-1)


def _as_far_as_it_goes(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, rewards.shape[1])


def _five_steps(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, 5)


def _own_value_at_truncation(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, own_value=True)


def _final_value_at_truncation(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n, final_at_truncation=True)


def _without_the_value(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, final_values, terminated, truncated, discount, n) + values


def _no_value_behind_the_segment(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards, values, torch.zeros_like(final_values), terminated, truncated, discount, n)


def _any_environment_ends(rewards, values, final_values, terminated, truncated, discount, n):
    t, u = (x.any(0, keepdim=True).expand_as(x) for x in (terminated, truncated))
    return _n_steps(rewards, values, final_values, t, u, discount, n)


def _ends_one_step_early(rewards, values, final_values, terminated, truncated, discount, n):
    def shift(x):
        return torch.cat([x[:, 1:], torch.zeros_like(x[:, :1])], 1)

    return _n_steps(rewards, values, final_values, shift(terminated), shift(truncated), discount, n)


def _power_n_always(rewards, values, final_values, terminated, truncated, discount, n):
    out = torch.zeros_like(values)
    for i in range(rewards.shape[0]):
        for t in range(rewards.shape[1]):
            total, k = 0.0, t
            while k < min(t + n, rewards.shape[1]):
                total += discount ** (k - t) * float(rewards[i, k])
                k += 1
                if terminated[i, k - 1] or truncated[i, k - 1]:
                    break
            beyond = values[i, k] if k < rewards.shape[1] else final_values[i]
            total += 0.0 if terminated[i, k - 1] else discount**n * float(beyond)
            out[i, t] = total - values[i, t]
    return out


def _advantage_float32(rewards, values, final_values, terminated, truncated, discount, n):
    return _n_steps(rewards.float(), values.float(), final_values.float(), terminated, truncated, discount, n)


def _subtracts_in_place(rewards, values, final_values, terminated, truncated, discount, n):
    result = _n_steps(rewards, values, final_values, terminated, truncated, discount, n)
    values.mul_(0)
    return result


def _exponentially_weighted(rewards, values, final_values, terminated, truncated, discount, n):
    ahead = torch.cat([values[:, 1:], final_values[:, None]], 1)
    delta = rewards + discount * torch.where(terminated, 0.0, ahead) - values
    out, total = torch.zeros_like(delta), torch.zeros_like(final_values)
    for t in reversed(range(rewards.shape[1])):
        keep = torch.where(terminated[:, t] | truncated[:, t], 0.0, total)
        total = delta[:, t] + discount * (1 - 1 / n) * keep
        out[:, t] = total
    return out


# ------------------------------------------------------------------ n_step_advantages, right


def _sum_by_sum(rewards, values, final_values, terminated, truncated, discount, n):
    r, v, d, u = rewards.tolist(), values.tolist(), terminated.tolist(), truncated.tolist()
    after = [[*row[1:], last] for row, last in zip(v, final_values.tolist(), strict=True)]
    out = []
    for i in range(len(r)):
        row = []
        for t in range(len(r[i])):
            total, weight = 0.0, 1.0
            for k in range(t, min(t + n, len(r[i]))):
                total += weight * r[i][k]
                weight *= discount
                if d[i][k] or u[i][k]:
                    break
            row.append(total + (0.0 if d[i][k] else weight * after[i][k]) - v[i][t])
        out.append(row)
    return torch.tensor(out, dtype=torch.float64)


def _matrix_of_weights(rewards, values, final_values, terminated, truncated, discount, n):
    time = torch.arange(rewards.shape[1])
    over = (terminated | truncated).long()
    episode = over.cumsum(1) - over
    lag = time[None, :] - time[:, None]
    weight = (torch.tensor(float(discount), dtype=torch.float64) ** lag.clamp_min(0)) * ((lag >= 0) & (lag < n))
    weight = weight * (episode[:, :, None] == episode[:, None, :])
    ahead = torch.hstack([values, final_values[:, None]])[:, 1:]
    return torch.einsum("etk,ek->et", weight, rewards + discount * ahead * ~terminated - values)


def _numpy_deque(rewards, values, final_values, terminated, truncated, discount, n):
    r, v, f, d, u = (x.numpy() for x in (rewards, values, final_values, terminated, truncated))
    delta = r + discount * np.where(d, 0, np.concatenate([v[:, 1:], f[:, None]], 1)) - v
    out = np.zeros_like(delta)
    for row in range(len(r)):
        window = []
        for t in range(r.shape[1] - 1, -1, -1):
            window = [delta[row, t]] if d[row, t] or u[row, t] else [delta[row, t], *window][:n]
            out[row, t] = sum(discount**k * x for k, x in enumerate(window))
    return torch.from_numpy(out)


def _by_shifts(rewards, values, final_values, terminated, truncated, discount, n):
    steps = rewards.shape[1]
    ahead = torch.roll(values, -1, 1)
    ahead[:, -1] = final_values
    delta = rewards - values + discount * ahead.masked_fill(terminated, 0)
    alive = torch.ones_like(delta)
    total = torch.zeros_like(delta)
    for k in range(min(n, steps)):
        total[:, : steps - k] += discount**k * alive[:, : steps - k] * delta[:, k:]
        ends = (terminated | truncated)[:, k:].double()
        alive = torch.cat([alive[:, : steps - k] * (1 - ends), torch.zeros(len(delta), k, dtype=delta.dtype)], 1)
    return total


def _rewards_first_then_value(rewards, values, final_values, terminated, truncated, discount, n):
    ahead = torch.cat([values, final_values.unsqueeze(1)], 1)[:, 1:]
    done = terminated | truncated
    done = torch.cat([done[:, :-1], torch.ones_like(done[:, :1])], 1)
    target = ahead * 0
    for k in range(min(n, rewards.shape[1])):
        following = torch.cat([target[:, 1:], final_values[:, None]], 1) if k else ahead
        future = torch.where(done, ahead, following)
        target = rewards + discount * torch.where(terminated, torch.zeros_like(future), future)
    return target - values


# ------------------------------------------------------------------ dual_clip_loss, wrong


def _constants(log_pi, old_log_pi, advantage):
    return (log_pi - old_log_pi.detach()).exp(), advantage.detach()


def _ppo_alone(log_pi, old_log_pi, advantage, clip, cap):
    rho, a = _constants(log_pi, old_log_pi, advantage)
    return -torch.minimum(rho * a, rho.clamp(1 - clip, 1 + clip) * a).mean()


def _clamp_both_sides(log_pi, old_log_pi, advantage, clip, cap):
    rho, a = _constants(log_pi, old_log_pi, advantage)
    return -(rho.clamp(1 - clip, 1 + clip) * a).mean()


def _floor_for_good_ones_too(log_pi, old_log_pi, advantage, clip, cap):
    rho, a = _constants(log_pi, old_log_pi, advantage)
    return -torch.maximum(torch.minimum(rho * a, rho.clamp(1 - clip, 1 + clip) * a), cap * a).mean()


def _zero_outside(log_pi, old_log_pi, advantage, clip, cap):
    rho, a = _constants(log_pi, old_log_pi, advantage)
    inside = torch.where(a > 0, rho < 1 + clip, (rho > 1 - clip) & (rho < cap))
    return -(rho * a * inside).mean()


# ------------------------------------------------------------------ dual_clip_loss, right


def _as_in_the_paper(log_pi, old_log_pi, advantage, clip, cap):
    with torch.no_grad():
        a, old = advantage.clone(), old_log_pi.clone()
    rho = torch.exp(log_pi - old)
    surrogate = torch.min(rho * a, torch.clip(rho, 1 - clip, 1 + clip) * a)
    return -torch.where(a < 0, torch.max(surrogate, cap * a), surrogate).mean()


def _sample_by_sample(log_pi, old_log_pi, advantage, clip, cap):
    total = log_pi.new_zeros(())
    for new, old, a in zip(log_pi, old_log_pi.detach(), advantage.detach(), strict=True):
        rho = (new - old).exp()
        if a > 0:
            held = rho if rho < 1 + clip else rho.new_tensor(1 + clip)
        elif rho > cap:
            held = rho.new_tensor(cap)
        else:
            held = rho if rho > 1 - clip else rho.new_tensor(1 - clip)
        total = total - held * a
    return total / len(log_pi)


def _with_ramps(log_pi, old_log_pi, advantage, clip, cap):
    rho, a = _constants(log_pi, old_log_pi, advantage)
    good = rho - torch.relu(rho - 1 - clip)
    bad = 1 - clip + torch.relu(rho - 1 + clip) - torch.relu(rho - cap)
    return (torch.relu(-a) * bad - torch.relu(a) * good).mean()


class _Dual(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_pi, old, a, clip, cap):
        rho = (log_pi - old).exp()
        high = torch.where(a > 0, 1 + clip, cap).to(rho.dtype)
        low = torch.where(a > 0, 0.0, 1 - clip).to(rho.dtype)
        held = torch.minimum(torch.maximum(rho, low), high)
        ctx.save_for_backward(torch.where(held == rho, -rho * a, torch.zeros_like(a)) / len(a))
        return -(held * a).sum() / len(a)

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None, None, None, None


def _own_function(log_pi, old_log_pi, advantage, clip, cap):
    return _Dual.apply(log_pi, old_log_pi.detach(), advantage.detach(), clip, cap)


def _limits_as_tensors(log_pi, old_log_pi, advantage, clip, cap):
    a = advantage.data
    good = (a > 0).to(log_pi.dtype)
    high = good * (1 + clip) + (1 - good) * cap
    rho = torch.clamp((log_pi - old_log_pi.data).exp(), min=(1 - good) * (1 - clip), max=high)
    return -torch.dot(rho, a) / a.numel()


# ------------------------------------------------------------------ actor_critic_loss, wrong


def _parts(value, next_value, rewards, terminated, discount):
    target = (rewards + discount * next_value * ~terminated).detach()
    advantage = target - value.detach()
    return target, advantage


def _scaled(advantage):
    return (advantage - advantage.mean()) / advantage.std(correction=0)


# ------------------------------------------------------------------ actor_critic_loss, right


def _constants_in_numpy(log_pi, value, next_value, rewards, terminated, discount):
    v = value.detach().numpy()
    y = rewards.detach().numpy() + discount * np.where(terminated.numpy(), 0, next_value.detach().numpy())
    delta = y - v
    weight = torch.from_numpy(((delta - delta.mean()) / delta.std()).astype(v.dtype))
    return -(log_pi @ weight) / len(v) + 0.5 * torch.nn.functional.mse_loss(value, torch.from_numpy(y.astype(v.dtype)))


def _no_grad_block(log_pi, value, next_value, rewards, terminated, discount):
    with torch.no_grad():
        y = torch.where(terminated, rewards, rewards + discount * next_value)
        sigma, m = torch.std_mean(y - value, correction=0)
        weight = (y - value - m) / sigma
    return ((y - value).pow(2) / 2 - log_pi * weight).mean()


def _term_by_term(log_pi, value, next_value, rewards, terminated, discount):
    n = len(rewards)
    y = [
        float(r) + (0.0 if d else discount * float(v)) for r, d, v in zip(rewards, terminated, next_value, strict=True)
    ]
    delta = [a - float(v) for a, v in zip(y, value, strict=True)]
    m = sum(delta) / n
    sigma = math.sqrt(sum((x - m) ** 2 for x in delta) / n)
    return sum(-log_pi[i] * ((delta[i] - m) / sigma) + 0.5 * (y[i] - value[i]) ** 2 for i in range(n)) / n


def _multiplied_out(log_pi, value, next_value, rewards, terminated, discount):
    y = (rewards + discount * next_value.masked_fill(terminated, 0)).detach()
    delta = (y - value).detach()
    sigma = (
        (delta.square().mean() - delta.mean() ** 2).sqrt() if delta.dtype == torch.float64 else delta.std(correction=0)
    )
    actor = (log_pi.mean() * delta.mean() - (log_pi * delta).mean()) / sigma
    return actor + 0.5 * (y - value).square().mean()


def _gradients_by_hand(log_pi, value, next_value, rewards, terminated, discount):
    target, a = _parts(value, next_value, rewards, terminated, discount)
    weight = _scaled(a)
    number = -(log_pi.detach() * weight).mean() + 0.5 * a.square().mean()
    linear = -(log_pi * weight).mean() - (value * a).mean()
    return number + linear - linear.detach()


# ------------------------------------------------------------------ tuned


def _setting(num_envs=8, num_steps=32, hidden=(64, 64), budget=2560, **changes):
    iterations = budget // (num_envs * num_steps)
    changes = {"lr": 5e-3, "anneal": False} | changes
    config = dataclasses.replace(CARTPOLE_PPO.config, iterations=iterations, **changes)
    return dataclasses.replace(CARTPOLE_PPO, num_envs=num_envs, num_steps=num_steps, hidden=hidden, config=config)


def _train(setting, seeds):
    agent, start, sampler = setting.prepare(seeds)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    parameters, _ = train_ppo(agent, start, sampler, setting.config, generators, description=None)
    return agent.policy_part(parameters)


def _greedy_returns(setting, policy, episodes, seed, greedy=True):
    number = len(next(iter(policy.values())))
    tasks = {name: value.expand(number) for name, value in CartPole().default_params.items()}
    player = setting.agent().policy
    player = Greedy(player) if greedy else player
    return rollout(CartPole(), tasks, player, policy, episodes, torch.Generator().manual_seed(seed)).returns


SEEDS = list(range(500, 512))


@cache
def _agents():
    setting = _setting()
    return setting, _train(setting, SEEDS)


def _tell(setting, policy, seeds, episodes=30, returns=None, **changes):
    returns = _greedy_returns(setting, policy, episodes, 77) if returns is None else returns
    found = t_interval(returns)
    return {
        "setting": setting,
        "tuning_seeds": [100, 101, 102],
        "seeds": seeds,
        "policy": policy,
        "returns": returns,
        "low": float(found.low),
        "high": float(found.high),
    } | changes


def _tuned(**changes):
    return _tell(*_agents(), SEEDS, **changes)


def _invented_returns():
    made = 270 + 40 * torch.randn(12, 30, generator=torch.Generator().manual_seed(1))
    return _tuned(returns=made.clamp(9, 500).round())


WRONG = [
    *named(
        ch04.check_n_step_advantages,
        _time_limit_is_an_end,
        _never_dead,
        _truncation_wins,
        _leaks_over_truncation,
        _leaks_over_termination,
        _one_reward_more,
        _one_reward_less,
        _as_far_as_it_goes,
        _five_steps,
        _own_value_at_truncation,
        _final_value_at_truncation,
        _without_the_value,
        _no_value_behind_the_segment,
        _any_environment_ends,
        _ends_one_step_early,
        _power_n_always,
        _advantage_float32,
        _subtracts_in_place,
        _exponentially_weighted,
    ),
    *named(
        ch04.check_dual_clip_loss,
        _ppo_alone,
        _clamp_both_sides,
        _floor_for_good_ones_too,
        _zero_outside,
    ),
]

RIGHT = [
    *named(
        ch04.check_n_step_advantages,
        _sum_by_sum,
        _matrix_of_weights,
        _numpy_deque,
        _by_shifts,
        _rewards_first_then_value,
    ),
    *named(
        ch04.check_dual_clip_loss, _as_in_the_paper, _sample_by_sample, _with_ramps, _own_function, _limits_as_tensors
    ),
    *named(
        ch04.check_actor_critic_loss,
        _constants_in_numpy,
        _no_grad_block,
        _term_by_term,
        _multiplied_out,
        _gradients_by_hand,
    ),
    *[(ch04.check_best_baseline, x) for x in (6, 6.0, 0.2 * 2 + 0.8 * 7, torch.tensor(6.0))],
    *[(ch04.check_variance_mean_baseline, x) for x in (1.44, np.float64(0.8 * 0.2 * 9), torch.tensor(1.44))],
    *[(ch04.check_variance_best_baseline, x) for x in (0, 0.0, 0.64 - 0.8 * 0.8)],
]
