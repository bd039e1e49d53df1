"""Answers to exercises of chapter 01, from a seventh attack."""

import functools
import itertools

import numpy as np
import torch
from scipy.signal import lfilter

from metarl_core.check import ch01

from . import named

# ------------------------------------------------------------------ returns of a stream


def _last_step(ended):
    """Index of the last step of each step's episode, or the row's length where it is not known."""
    length = ended.shape[1]
    place = torch.where(ended, torch.arange(length), length)
    return place.flip(1).cummin(1).values.flip(1)


def _weighed(power, known=None):
    def answer(rewards, ended, discount):
        last, t = _last_step(ended), torch.arange(rewards.shape[1])
        inside = (t >= t[:, None]) & (t <= last[..., None])
        seen = last < rewards.shape[1] if known is None else known(last, ended, discount)
        returns = (power(discount, t - t[:, None], inside, rewards.dtype) * rewards[:, None]).sum(-1)
        return torch.where(seen, returns, 0.0), seen

    return answer


def _masked_power(discount, lag, inside, dtype):
    return discount ** lag.to(dtype) * inside


def _clamped_power(discount, lag, inside, dtype):
    return torch.where(inside, discount ** lag.clamp_min(0).to(dtype), 0.0)


def _not_beyond(most):
    return lambda discount, lag, inside, dtype: _clamped_power(discount, lag, inside & (lag < most), dtype)


def _all_known_without_a_future(last, ended, discount):
    return (last < ended.shape[1]) | (discount == 0)


def _one_long_row(rewards, ended, discount):
    returns, known = _weighed(_clamped_power)(rewards.reshape(1, -1), ended.reshape(1, -1), discount)
    return returns.view_as(rewards), known.view_as(ended)


def _known_by_its_value(rewards, ended, discount):
    returns, _ = _weighed(_clamped_power)(rewards, ended, discount)
    return returns, returns != 0


def _known_before_the_last_flag_anywhere(rewards, ended, discount):
    """All rows are cut where the last flag of any row is."""
    returns, known = _weighed(_clamped_power)(rewards, ended, discount)
    flags = ended.any(0).nonzero()[:, 0]
    end = int(flags[-1]) + 1 if len(flags) else 0
    return returns, (torch.arange(ended.shape[1]) < end).expand_as(known).contiguous()


def _a_single_row_in_a_loop(rewards, ended, discount):
    """The running total goes on from row to row."""
    returns, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    total, seen = 0.0, False
    for i in range(len(rewards)):
        for t in reversed(range(rewards.shape[1])):
            seen = seen or bool(ended[i, t])
            total = float(rewards[i, t]) + (0.0 if ended[i, t] else discount * total)
            returns[i, t], known[i, t] = (total, True) if seen else (0.0, False)
    return returns, known


def _the_record_ends_every_episode(rewards, ended, discount):
    ended = ended.clone()
    ended[:, -1] |= ~ended.any(1)  # a row without any flag counts as one episode
    return _weighed(_clamped_power)(rewards, ended, discount)


def _flag_of_the_next(rewards, ended, discount):
    """As if the flag stood at the first step of an episode."""
    moved = torch.cat([ended[:, 1:], torch.zeros_like(ended[:, :1])], 1)
    return _weighed(_clamped_power)(rewards, moved, discount)


def _known_as_numbers(rewards, ended, discount):
    returns, known = _weighed(_clamped_power)(rewards, ended, discount)
    return returns, known.to(rewards.dtype)


def _doubling(rewards, ended, discount):
    """Sums over windows of 1, 2, 4, ... steps."""
    goes_on = torch.where(ended, 0.0, discount).to(rewards.dtype)
    known, total, reach = ended.clone(), rewards.clone(), 1
    while reach < rewards.shape[1]:
        pad = lambda x, r=reach: torch.cat([x[:, r:], torch.zeros_like(x[:, :r])], 1)  # noqa: E731
        total, goes_on, known = total + goes_on * pad(total), goes_on * pad(goes_on), known | pad(known)
        reach *= 2
    return total * known, known


def _filtered(rewards, ended, discount):
    returns, known = np.zeros_like(rewards.numpy()), np.zeros_like(ended.numpy())
    for i, flags in enumerate(ended.numpy()):
        begin = 0
        for end in np.flatnonzero(flags) + 1:
            returns[i, begin:end] = lfilter([1.0], [1.0, -discount], rewards[i, begin:end].numpy()[::-1])[::-1]
            known[i, begin:end] = True
            begin = end
    return torch.from_numpy(returns), torch.from_numpy(known)


def _accumulated(rewards, ended, discount):
    rows = []
    for row, flags in zip(rewards.tolist(), ended.tolist(), strict=True):
        steps = itertools.accumulate(
            zip(row[::-1], flags[::-1], strict=True),
            lambda after, step: (
                (step[0], True) if step[1] else (step[0] + discount * after[0], True) if after[1] else after
            ),
            initial=(0.0, False),
        )
        rows.append(list(steps)[:0:-1])
    pairs = torch.tensor(rows, dtype=torch.float64).reshape(*rewards.shape, 2)
    return pairs[..., 0].to(rewards.dtype), pairs[..., 1].bool()


# ------------------------------------------------------------------ the best step size


def _ratio(above, below):
    def answer(curvature, centre, theta, noise):
        d = theta - centre
        return above(curvature, d, noise).sum() / below(curvature, d, noise).sum()

    return answer


def _held_to_one(curvature, centre, theta, noise):
    return _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d) ** 2 + s**2))(
        curvature, centre, theta, noise
    ).clamp(max=1.0)


def _searched(curvature, centre, theta, noise):
    alpha = torch.linspace(0, 4, 40001, dtype=curvature.dtype)[:, None]
    d = theta - centre
    lost = (curvature * ((1 - alpha * curvature) ** 2 * d**2 + alpha**2 * noise**2)).sum(1)
    return alpha[lost.argmin(), 0]


def _without_the_still_tasks(curvature, centre, theta, noise):
    """Tasks whose gradient is zero are left out, their noise too."""
    keep = centre != theta
    return _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d) ** 2 + s**2))(
        curvature[keep], centre[keep], theta, noise[keep]
    )


def _mean_noise(curvature, centre, theta, noise):
    return _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d) ** 2 + (s**2).mean()))(
        curvature, centre, theta, noise
    )


def _by_dots(curvature, centre, theta, noise):
    slope = curvature * (theta - centre)
    return slope.dot(slope) / curvature.dot(slope * slope + noise * noise)


def _by_numpy(curvature, centre, theta, noise):
    a, c, s = (x.numpy() for x in (curvature, centre, noise))
    slope = a * (float(theta) - c)
    return torch.as_tensor(np.mean(slope**2) / np.mean(a * (slope**2 + s**2)), dtype=curvature.dtype)


def _by_fsum(curvature, centre, theta, noise):
    above = below = 0.0
    for a, c, s in zip(curvature.tolist(), centre.tolist(), noise.tolist(), strict=True):
        above += a * a * (float(theta) - c) ** 2
        below += a**3 * (float(theta) - c) ** 2 + a * s**2
    return torch.tensor(above / below, dtype=curvature.dtype)


# ------------------------------------------------------------------ an evaluation


def _adapted(theta, task, collect, improve, steps):
    return functools.reduce(lambda x, _: improve(x, collect(x, task)), range(steps), theta)


def _measured_in_one_go(theta, tasks, collect, improve, steps):
    """All tasks adapt first; then each is measured, right."""
    found = [_adapted(theta, task, collect, improve, steps) for task in tasks]
    return torch.stack([collect(x, task)["returns"].mean() for x, task in zip(found, tasks, strict=True)])


def _step_by_step(theta, tasks, collect, improve, steps):
    found = [theta] * len(tasks)
    for _ in range(steps):
        found = [improve(x, collect(x, task)) for x, task in zip(found, tasks, strict=True)]
    return torch.stack([collect(x, task)["returns"].mean() for x, task in zip(found, tasks, strict=True)])


def _recursive(theta, tasks, collect, improve, steps):
    def after(x, task, left):
        batch = collect(x, task)
        return after(improve(x, batch), task, left - 1) if left else batch["returns"].mean()

    return torch.stack([after(theta, task, steps) for task in tasks])


def _twenty_episodes(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapted(theta, task, collect, improve, steps), task)["returns"].sum() / 20 for task in tasks]
    )


def _one_more(theta, tasks, collect, improve, steps):
    return _recursive(theta, tasks, collect, improve, steps + 1)


def _best_so_far(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted, seen = theta, []
        for _ in range(steps):
            batch = collect(adapted, task)
            seen.append(batch["returns"].mean())
            adapted = improve(adapted, batch)
        seen.append(collect(adapted, task)["returns"].mean())
        results.append(torch.stack(seen).max())
    return torch.stack(results)


def _keeps_only_what_helps(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted, batch = theta, collect(theta, task)
        for _ in range(steps):
            new = improve(adapted, batch)
            fresh = collect(new, task)
            if fresh["returns"].mean() >= batch["returns"].mean():
                adapted, batch = new, fresh
        results.append(batch["returns"].mean())
    return torch.stack(results)


def _measured_on_the_next(theta, tasks, collect, improve, steps):
    found = [_adapted(theta, task, collect, improve, steps) for task in tasks]
    return torch.stack([collect(x, tasks[-1])["returns"].mean() for x in found])


def _last_batch_and_a_fresh_one(theta, tasks, collect, improve, steps):
    """Averages the batch that the last step learned from with the fresh one."""
    results = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            batch = collect(adapted, task)
            adapted = improve(adapted, batch)
        results.append(torch.cat([batch["returns"], collect(adapted, task)["returns"]]).mean())
    return torch.stack(results)


def _second_task_starts_warm(theta, tasks, collect, improve, steps):
    """Starts every task from the mean of what the tasks before it reached."""
    results, found = [], []
    for task in tasks:
        begin = theta if not found else sum(found) / len(found)
        found.append(_adapted(begin, task, collect, improve, steps))
        results.append(collect(found[-1], task)["returns"].mean())
    return torch.stack(results)


# ------------------------------------------------------------------ a plan

PLAN = {
    "seeds": 5,
    "tasks": "held-out",
    "same_tasks_for_both": True,
    "step_sizes_chosen_on": "training tasks",
    "step_sizes_chosen_for": "the budget of the comparison",
    "measured_on": "fresh episodes",
    "steps_counted": "adaptation, training and search",
    "reported": "interquartile mean with interval",
    "interval_resamples": "whole seeds",
}


def _plan(**changes):
    return ch01.check_comparison, {**PLAN, **changes}


WRONG = [
    *named(
        ch01.check_stream_returns,
        _one_long_row,
        _known_by_its_value,
        _known_before_the_last_flag_anywhere,
        _a_single_row_in_a_loop,
        _the_record_ends_every_episode,
        _flag_of_the_next,
        _known_as_numbers,
        infinite_powers=_weighed(_masked_power),
        thirty_two_steps=_weighed(_not_beyond(32)),
        all_known_if_the_discount_is_zero=_weighed(_clamped_power, _all_known_without_a_future),
    ),
    *named(
        ch01.check_best_step_size,
        _held_to_one,
        _searched,
        _without_the_still_tasks,
        _mean_noise,
        a_variance_for_a_deviation=_ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d) ** 2 + s)),
        noise_of_one=_ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d) ** 2 + (s > 0).to(s))),
        noise_without_curvature=_ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a**3 * d**2 + s**2),
        a_safe_denominator=_ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d) ** 2 + s**2) + 1e-5),
        distances_not_squared=_ratio(lambda a, d, s: (a * d).abs(), lambda a, d, s: a * ((a * d).abs() + s)),
        expected_gradient_length=_ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a * ((a * d).abs() + s) ** 2),
    ),
    *named(
        ch01.check_adapted_returns,
        _twenty_episodes,
        _one_more,
        _best_so_far,
        _keeps_only_what_helps,
        _measured_on_the_next,
        _last_batch_and_a_fresh_one,
        _second_task_starts_warm,
    ),
    _plan(seeds=True),
    _plan(seeds=4),
    _plan(same_tasks_for_both="True"),
    _plan(steps_counted="adaptation and training"),
    _plan(tasks="held-out", note="five seeds, but only the best four are kept"),
]

RIGHT = [
    *named(
        ch01.check_stream_returns,
        _doubling,
        _filtered,
        _accumulated,
        powers_where_they_count=_weighed(_clamped_power),
    ),
    *named(ch01.check_best_step_size, _by_dots, _by_numpy, _by_fsum),
    *named(ch01.check_adapted_returns, _measured_in_one_go, _step_by_step, _recursive),
    _plan(seeds=30),
    _plan(seeds=np.int64(7)),
]
