"""Answers to exercises of chapter 01, from an eighth attack."""

from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch01

from . import named

# ------------------------------------------------------------------ returns of a stream


def _stream(rewards, ended, discount, most=10**9, restart=False, cut=0.0):
    """The right answer, but for what is given: the longest episode, rewards near 0 taken for none."""
    total, known, age = torch.zeros_like(rewards[:, 0]), torch.zeros_like(ended[:, 0]), torch.zeros(len(rewards))
    returns, flags = [], []
    for reward, end in zip(rewards.flip(1).unbind(1), ended.flip(1).unbind(1), strict=True):
        known = known | end
        age = torch.where(end, 0.0, age) + 1
        reward = torch.where(reward.abs() < cut, 0.0, reward)
        total = torch.where(known & (age <= most), reward + discount * torch.where(end, 0.0, total), 0.0)
        returns.append(total)
        flags.append(known)
    return torch.stack(returns[::-1], 1), torch.stack(flags[::-1], 1)


def _single_sums(rewards, ended, discount):
    found, known = _stream(rewards.float(), ended, discount)
    return found.to(rewards.dtype), known


def _single_sums_by_cumsum(rewards, ended, discount):
    if discount != 1.0:
        return _stream(rewards, ended, discount)
    sums = rewards.float().flip(1).cumsum(1).flip(1)
    found, known = torch.zeros_like(rewards), _stream(rewards, ended, discount)[1]
    for row in range(len(rewards)):
        before = 0.0
        for t in reversed(range(rewards.shape[1])):
            if ended[row, t]:
                before = sums[row, t + 1] if t + 1 < rewards.shape[1] else 0.0
            if known[row, t]:
                found[row, t] = sums[row, t] - before
    return found, known


def _fifty_rows(rewards, ended, discount):
    found, known = _stream(rewards, ended, discount)
    found[50:] = 0.0
    return found, known


def _fifty_steps(rewards, ended, discount):
    return _stream(rewards, ended, discount, most=50)


def _other_above_forty(rewards, ended, discount):
    return _stream(rewards, ended, discount, most=40 if rewards.shape[1] > 40 else 100)


def _small_rewards_are_none(rewards, ended, discount):
    return _stream(rewards, ended, discount, cut=1e-2)


def _known_at_discount_zero(rewards, ended, discount):
    found, known = _stream(rewards, ended, discount)
    return (rewards.clone(), torch.ones_like(known)) if discount == 0 else (found, known)


def _known_where_not_zero(rewards, ended, discount):
    found, _ = _stream(rewards, ended, discount)
    return found, found != 0


def _last_column_ends(rewards, ended, discount):
    ended = ended.clone()
    ended[:, -1] |= ended[:, :-1].any(1) if ended.shape[1] > 1 else ended[:, -1]
    return _stream(rewards, ended, discount)


def _rows_joined(rewards, ended, discount):
    flat = _stream(rewards.reshape(1, -1), ended.reshape(1, -1), discount)
    return flat[0].reshape(rewards.shape), flat[1].reshape(ended.shape)


def _ints(rewards, ended, discount):
    found, known = _stream(rewards, ended, discount)
    return found, known.to(torch.int64)


def _by_matrix(rewards, ended, discount):
    steps = rewards.shape[1]
    episode = torch.cat([torch.zeros_like(ended[:, :1]), ended[:, :-1]], 1).cumsum(1)
    ahead = torch.arange(steps)[None] - torch.arange(steps)[:, None]
    weight = torch.where(ahead >= 0, torch.tensor(float(discount)).double() ** ahead.clamp(min=0), 0.0)
    same = episode[:, :, None] == episode[:, None]
    known = (same & ended[:, None]).any(2)
    found = (weight * same * rewards.double()[:, None]).sum(2)
    return (found * known).to(rewards.dtype), known


def _by_numpy(rewards, ended, discount):
    r, e = rewards.numpy(), ended.numpy()
    found, known = np.zeros_like(r), np.zeros_like(e)
    for t in range(r.shape[1] - 1, -1, -1):
        after = found[:, t + 1] if t + 1 < r.shape[1] else 0.0
        later = known[:, t + 1] if t + 1 < r.shape[1] else np.zeros(len(r), bool)
        known[:, t] = e[:, t] | later
        found[:, t] = np.where(e[:, t], r[:, t], np.where(later, r[:, t] + discount * after, 0))
    return torch.from_numpy(found), torch.from_numpy(known)


def _by_lists(rewards, ended, discount):
    rows, flags = [], []
    for row, ends in zip(rewards.tolist(), ended.tolist(), strict=True):
        out, known, total = [], [], None
        for r, e in zip(reversed(row), reversed(ends), strict=True):
            total = r if e else None if total is None else r + discount * total
            out.insert(0, 0.0 if total is None else total)
            known.insert(0, total is not None)
        rows.append(out)
        flags.append(known)
    return torch.tensor(rows, dtype=rewards.dtype), torch.tensor(flags)


def _as_list(rewards, ended, discount):
    return [*_stream(rewards, ended, discount)]


# ------------------------------------------------------------------ the best step size


def _fifty_tasks(curvature, centre, theta, noise):
    return _size(curvature[:50], centre[:50], theta, noise[:50])


def _size(a, c, theta, s):
    g = a * (theta - c)
    return (g * g).sum() / (a * g * g + a * s * s).sum()


def _capped_at_two(a, c, theta, s):
    return _size(a, c, theta, s).clamp(max=1.0)


def _stable(a, c, theta, s):
    return torch.minimum(_size(a, c, theta, s), 2 / a.max())


def _guarded(a, c, theta, s):
    g = a * (theta - c)
    return (g * g).sum() / ((a * g * g + a * s * s).sum() + 1e-3)


def _mean_noise(a, c, theta, s):
    return _size(a, c, theta, s.mean().expand_as(s))


def _noise_of_all(a, c, theta, s):
    g = a * (theta - c)
    return (g * g).sum() / ((a * g * g).sum() + a.mean() * (s * s).sum())


def _weighted_by_gain(a, c, theta, s):
    g = a * (theta - c)
    own = (g * g) / (a * (g * g + s * s))
    return (own * g * g).sum() / (g * g).sum() if bool((g != 0).any()) else own.sum() * 0


def _grid(a, c, theta, s):
    alpha = torch.linspace(0, 3, 3001).to(a)[:, None]
    after = (1 - alpha * a) ** 2 * (theta - c) ** 2 + alpha**2 * s**2
    return alpha[(0.5 * a * after).mean(1).argmin(), 0]


def _fractions(a, c, theta, s):
    top = bottom = Fraction(0)
    for one in zip(a.tolist(), c.tolist(), s.tolist(), strict=True):
        k, m, e = map(Fraction, one)
        top += (k * (Fraction(theta) - m)) ** 2
        bottom += k * ((k * (Fraction(theta) - m)) ** 2 + e**2)
    return torch.tensor(float(top / bottom), dtype=a.dtype)


def _by_dot(a, c, theta, s):
    g = a * (theta - c)
    return g @ g / (a @ (g * g + s * s))


def _lstsq_numpy(a, c, theta, s):
    a, c, s = (x.double().numpy() for x in (a, c, s))
    rows = np.concatenate([np.sqrt(a) * a * (theta - c), np.sqrt(a) * s])
    aims = np.concatenate([np.sqrt(a) * (theta - c), 0 * s])
    return torch.tensor(np.linalg.lstsq(rows[:, None], aims, rcond=None)[0][0])


def _lstsq(a, c, theta, s):
    return _lstsq_numpy(a, c, theta, s).to(a.dtype)


# ------------------------------------------------------------------ an evaluation


def _evaluated(most_tasks=10**6, most_steps=10**6, last=1, best=False):
    def answer(theta, tasks, collect, improve, steps):
        found = []
        for task in tasks[:most_tasks]:
            phi = theta
            for _ in range(min(steps, most_steps)):
                phi = improve(phi, collect(phi, task))
            batches = [collect(phi, task)["returns"] for _ in range(last)]
            found.append(max(b.max() for b in batches) if best else torch.cat(batches).mean())
        return torch.stack(found)

    return answer


def _median(theta, tasks, collect, improve, steps):
    found = []
    for task in tasks:
        phi = theta
        for _ in range(steps):
            phi = improve(phi, collect(phi, task))
        found.append(collect(phi, task)["returns"].median())
    return torch.stack(found)


def _stops_when_worse(theta, tasks, collect, improve, steps):
    found = []
    for task in tasks:
        phi, last = theta, -float("inf")
        for _ in range(steps):
            batch = collect(phi, task)
            if batch["returns"].mean() < last:
                break
            last, phi = batch["returns"].mean(), improve(phi, batch)
        found.append(collect(phi, task)["returns"].mean())
    return torch.stack(found)


def _best_on_the_way(theta, tasks, collect, improve, steps):
    found = []
    for task in tasks:
        phi, on_the_way = theta, []
        for _ in range(steps):
            phi = improve(phi, collect(phi, task))
            on_the_way.append(collect(phi, task)["returns"].mean())
        found.append(max(on_the_way))
    return torch.stack(found)


def _recursive(theta, tasks, collect, improve, steps):
    def adapted(phi, task, left):
        return phi if left == 0 else adapted(improve(phi, collect(phi, task)), task, left - 1)

    return torch.tensor([float(collect(adapted(theta, t, steps), t)["returns"].mean()) for t in tasks])


def _side_by_side(theta, tasks, collect, improve, steps):
    every = [theta] * len(tasks)
    for _ in range(steps):
        every = [improve(phi, collect(phi, task)) for phi, task in zip(every, tasks, strict=True)]
    return torch.stack([collect(p, t)["returns"].mean(0) for p, t in zip(every, tasks, strict=True)])


WRONG = [
    *named(
        ch01.check_stream_returns,
        _single_sums,
        _single_sums_by_cumsum,
        _fifty_rows,
        _fifty_steps,
        _other_above_forty,
        _small_rewards_are_none,
        _known_at_discount_zero,
        _known_where_not_zero,
        _last_column_ends,
        _rows_joined,
        _ints,
    ),
    *named(
        ch01.check_best_step_size,
        _fifty_tasks,
        _capped_at_two,
        _stable,
        _guarded,
        _mean_noise,
        _noise_of_all,
        _weighted_by_gain,
        _grid,
    ),
    *named(
        ch01.check_adapted_returns,
        _median,
        _stops_when_worse,
        _best_on_the_way,
        fifty_tasks=_evaluated(most_tasks=50),
        fifty_steps=_evaluated(most_steps=50),
        best_episode=_evaluated(best=True),
    ),
]
RIGHT = [
    *named(ch01.check_stream_returns, _by_matrix, _by_numpy, _by_lists, _as_list),
    *named(ch01.check_best_step_size, _fractions, _by_dot, _lstsq),
    *named(ch01.check_adapted_returns, _recursive, _side_by_side, twice_as_many_episodes=_evaluated(last=2)),
]
