"""Answers to exercises of chapter 01, from a ninth attack."""

import functools
import itertools

import numpy as np
import torch

from metarl_core.check import ch01

from . import named

# ------------------------------------------------------------------ returns of a stream


def _stream(begin=0.0, known=None, zero=True, total=None):
    """Backwards; the parts that a learner gets wrong are functions."""

    def answer(rewards, ended, discount):
        running = torch.full_like(rewards[:, 0], begin)
        sure = torch.zeros_like(ended[:, 0])
        values, flags = [], []
        for t in reversed(range(rewards.shape[1])):
            sure = sure | ended[:, t]
            keep = torch.where(ended[:, t], torch.zeros_like(running), running)
            running = rewards[:, t] + discount * keep
            values.append(running)
            flags.append(sure)
        values, flags = torch.stack(values[::-1], 1), torch.stack(flags[::-1], 1)
        flags = flags if known is None else known(flags, ended, discount)
        values = values if total is None else total(values, rewards, ended, discount)
        return torch.where(flags, values, torch.zeros_like(values)) if zero else values, flags

    return answer


def _first_episode_has_no_beginning(flags, ended, discount):
    before = ended.long().cumsum(1) - ended.long()
    return flags & (before > 0)


def _known_by_the_batch(flags, ended, discount):
    return flags.any(0).expand(flags.shape)


def _stream_flag_begins(rewards, ended, discount):
    """Takes the flag for the first step of an episode."""
    return _stream()(rewards, torch.cat([ended[:, 1:], torch.ones_like(ended[:, :1])], 1), discount)


def _stream_nan(rewards, ended, discount):
    values, flags = _stream()(rewards, ended, discount)
    return values.masked_fill(~flags, float("nan")), flags


def _stream_in_place(rewards, ended, discount):
    for t in reversed(range(rewards.shape[1] - 1)):
        rewards[:, t] += discount * rewards[:, t + 1] * ~ended[:, t]
    flags = ended.flip(1).long().cumsum(1).flip(1) > 0
    return rewards * flags, flags


def _stream_by_last_flag_of_record(rewards, ended, discount):
    """An episode that is cut is dropped with all of its row."""
    values, flags = _stream()(rewards, ended, discount)
    whole = ended[:, -1:] & torch.ones_like(ended)
    return values * whole, flags & whole


def _stream_powers_of_record(rewards, ended, discount):
    """Discounts from the beginning of the record and divides again."""
    t = torch.arange(rewards.shape[1], dtype=rewards.dtype)
    weight = torch.as_tensor(discount, dtype=rewards.dtype).clamp_min(1e-3) ** t
    summed = (rewards * weight).flip(1).cumsum(1).flip(1)
    after = torch.zeros_like(summed)
    for row, column in itertools.product(range(len(rewards)), range(rewards.shape[1])):
        ends = [k for k in range(column, rewards.shape[1]) if ended[row, k]]
        if ends and ends[0] + 1 < rewards.shape[1]:
            after[row, column] = summed[row, ends[0] + 1]
    flags = ended.flip(1).long().cumsum(1).flip(1) > 0
    return (summed - after) / weight * flags, flags


def _stream_numpy(rewards, ended, discount):
    r, e = rewards.numpy().astype(np.float64), ended.numpy()
    values, flags = np.zeros_like(r), np.zeros_like(e)
    for row in range(len(r)):
        begin = 0
        for end in np.flatnonzero(e[row]):
            for t in range(begin, end + 1):
                values[row, t] = sum(discount ** (k - t) * r[row, k] for k in range(t, end + 1))
            flags[row, begin : end + 1] = True
            begin = end + 1
    return torch.from_numpy(values).to(rewards.dtype), torch.from_numpy(flags)


def _stream_matrix(rewards, ended, discount):
    steps = torch.arange(rewards.shape[1])
    episode = ended.long().cumsum(1) - ended.long()
    together = (episode[:, :, None] == episode[:, None, :]) & (steps[None, :] >= steps[:, None])
    weight = torch.as_tensor(discount, dtype=rewards.dtype) ** (steps[None, :] - steps[:, None]).clamp_min(0)
    values = torch.einsum("rtk,rk->rt", together * weight, rewards)
    flags = episode < ended.sum(1, keepdim=True)
    return [values * flags, flags]


def _stream_accumulate(rewards, ended, discount):
    rows = []
    for r, e in zip(rewards.tolist(), ended.tolist(), strict=True):
        back = list(
            itertools.accumulate(
                zip(reversed(r), reversed(e), strict=True),
                lambda old, new: (new[0] + (0 if new[1] else discount * old[0]), new[1] or old[1]),
                initial=(0.0, False),
            )
        )[1:]
        rows.append([(value if sure else 0.0, sure) for value, sure in reversed(back)])
    values = torch.tensor([[v for v, _ in row] for row in rows], dtype=rewards.dtype).reshape(rewards.shape)
    return values, torch.tensor([[s for _, s in row] for row in rows], dtype=torch.bool).reshape(ended.shape)


# ------------------------------------------------------------------ the best length of one step


def _length(top, bottom):
    def answer(curvature, centre, theta, noise):
        a, d, s = curvature, theta - centre, noise
        return top(a, d, s) / bottom(a, d, s)

    return answer


def _leaves_out_tasks_at_their_centre(curvature, centre, theta, noise):
    keep = theta != centre
    a, d, s = curvature[keep], (theta - centre)[keep], noise[keep]
    return (a**2 * d**2).sum() / (a**3 * d**2 + a * s**2).sum()


def _never_longer_than_one_over_the_steepest(curvature, centre, theta, noise):
    a, d, s = curvature, theta - centre, noise
    return ((a * d).square().sum() / (a**3 * d**2 + a * s**2).sum()).clamp(max=1 / a.max())


def _noise_per_task_mean(curvature, centre, theta, noise):
    a, d, s = curvature, theta - centre, noise
    return (a**2 * d**2).mean() / ((a**3 * d**2).mean() + a.mean() * s.square().mean())


def _rounded_start(curvature, centre, theta, noise):
    a, d, s = curvature, round(float(theta), 2) - centre, noise
    return (a**2 * d**2).sum() / (a**3 * d**2 + a * s**2).sum()


def _by_dot(curvature, centre, theta, noise):
    slope = curvature * (centre - theta)
    return slope @ slope / (curvature @ (slope**2 + noise**2))


def _by_lists(curvature, centre, theta, noise):
    top = bottom = 0.0
    for a, c, s in zip(curvature.tolist(), centre.tolist(), noise.tolist(), strict=True):
        top += (a * (c - float(theta))) ** 2
        bottom += a * ((a * (c - float(theta))) ** 2 + s**2)
    return torch.tensor(top / bottom, dtype=curvature.dtype)


def _by_numpy(curvature, centre, theta, noise):
    a, c, s = (x.double().numpy() for x in (curvature, centre, noise))
    g = a * (c - float(theta))
    return torch.tensor(np.average(g**2 / 1) / np.average(a * (g**2 + s**2)), dtype=curvature.dtype)


# ------------------------------------------------------------------ an evaluation


def _measured(adapt=None, number=None):
    def answer(theta, tasks, collect, improve, steps):
        results = []
        for task in tasks:
            phi = theta
            for _ in range(steps):
                phi = improve(phi, collect(phi, task))
            results.append(number(collect, phi, task, theta))
        return torch.stack(results)

    return answer


def _one_batch_for_all_steps(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        phi, batch = theta, collect(theta, task)
        for _ in range(steps):
            phi = improve(phi, batch)
        results.append(collect(phi, task)["returns"].mean())
    return torch.stack(results)


def _batches_of_theta(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        phi = theta
        for _ in range(steps):
            phi = improve(phi, collect(theta, task))
        results.append(collect(phi, task)["returns"].mean())
    return torch.stack(results)


def _best_of_the_steps(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        phi, seen = theta, []
        for _ in range(steps):
            phi = improve(phi, collect(phi, task))
            seen.append(collect(phi, task)["returns"].mean())
        results.append(torch.stack(seen).max())
    return torch.stack(results)


def _joint_adaptation(theta, tasks, collect, improve, steps):
    """All tasks make one step in turn, on common parameters."""
    for _ in range(steps):
        for task in tasks:
            theta = improve(theta, collect(theta, task))
    return torch.stack([collect(theta, task)["returns"].mean() for task in tasks])


def _stops_when_it_got_worse(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        phi = theta
        batch = collect(phi, task)
        for _ in range(steps):
            new = improve(phi, batch)
            after = collect(new, task)
            if after["returns"].mean() < batch["returns"].mean():
                break
            phi, batch = new, after
        results.append(collect(phi, task)["returns"].mean())
    return torch.stack(results)


def _deepcopied_only_at_first(theta, tasks, collect, improve, steps):
    phi = theta.clone() if hasattr(theta, "clone") else theta
    results = []
    for place, task in enumerate(tasks):
        if place % 2 == 0:
            phi = theta
        for _ in range(steps):
            phi = improve(phi, collect(phi, task))
        results.append(collect(phi, task)["returns"].mean())
    return torch.stack(results)


def _reduced(theta, tasks, collect, improve, steps):
    def adapt(task):
        return functools.reduce(lambda phi, _: improve(phi, collect(phi, task)), range(steps), theta)

    return torch.stack([collect(adapt(task), task)["returns"].mean() for task in tasks])


def _all_adapt_first(theta, tasks, collect, improve, steps):
    learned = [theta for _ in tasks]
    for _ in range(steps):
        learned = [improve(phi, collect(phi, task)) for phi, task in zip(learned, tasks, strict=True)]
    return torch.stack([collect(p, t)["returns"].mean() for p, t in zip(learned, tasks, strict=True)])


def _recursive(theta, tasks, collect, improve, steps):
    def after(phi, task, left):
        batch = collect(phi, task)
        return (
            batch["returns"].sum() / batch["returns"].numel()
            if left == 0
            else after(improve(phi, batch), task, left - 1)
        )

    return torch.stack(list(after(theta, task, steps) for task in tasks))


PLAN = {
    "seeds": 10,
    "tasks": "held-out",
    "same_tasks_for_both": True,
    "step_sizes_chosen_on": "training tasks",
    "step_sizes_chosen_for": "the budget of the comparison",
    "measured_on": "fresh episodes",
    "steps_counted": "adaptation, training and search",
    "reported": "interquartile mean with interval",
    "interval_resamples": "whole seeds",
}

WRONG = [
    *named(
        ch01.check_stream_returns,
        _stream_flag_begins,
        _stream_nan,
        _stream_in_place,
        _stream_by_last_flag_of_record,
        _stream_powers_of_record,
        no_beginning=_stream(known=_first_episode_has_no_beginning),
        of_the_batch=_stream(known=_known_by_the_batch),
        known_without_future=_stream(known=lambda flags, ended, discount: flags | (discount == 0)),
        last_column_known=_stream(
            known=lambda flags, ended, discount: torch.cat([flags[:, :-1], torch.ones_like(flags[:, :1])], 1)
        ),
        ends_not_known=_stream(known=lambda flags, ended, discount: flags & ~ended),
        not_zeroed=_stream(zero=False),
        numbers_for_flags=_stream(known=lambda flags, ended, discount: flags.long()),
        single=_stream(total=lambda values, rewards, ended, discount: values.float()),
        zero_rewards_unknown=_stream(known=lambda flags, ended, discount: flags & flags.any(1, keepdim=True).all(0)),
    ),
    *named(
        ch01.check_best_step_size,
        _leaves_out_tasks_at_their_centre,
        _never_longer_than_one_over_the_steepest,
        _noise_per_task_mean,
        _rounded_start,
        mean_of_the_best=_length(lambda a, d, s: (a * d**2 / (a**2 * d**2 + s**2 + 1e-12)).mean(), lambda a, d, s: 1),
        noise_not_squared=_length(lambda a, d, s: (a**2 * d**2).sum(), lambda a, d, s: (a**3 * d**2 + a * s).sum()),
        noise_without_a=_length(lambda a, d, s: (a**2 * d**2).sum(), lambda a, d, s: (a**3 * d**2 + s**2).sum()),
        noise_a_twice=_length(lambda a, d, s: (a**2 * d**2).sum(), lambda a, d, s: (a**3 * d**2 + a**2 * s**2).sum()),
        no_outer_a=_length(lambda a, d, s: (a * d**2).sum(), lambda a, d, s: (a**2 * d**2 + s**2).sum()),
        distance_of_the_mean=_length(
            lambda a, d, s: (a**2).mean() * d.square().mean(), lambda a, d, s: (a**3 * d**2 + a * s**2).mean()
        ),
        one_axis=_length(
            lambda a, d, s: (a**2 * d**2).sum(0, keepdim=True), lambda a, d, s: (a**3 * d**2 + a * s**2).sum()
        ),
        not_squared=_length(lambda a, d, s: (a**2 * d.abs()).sum(), lambda a, d, s: (a**3 * d.abs() + a * s**2).sum()),
        half_the_noise=_length(
            lambda a, d, s: (a**2 * d**2).sum(), lambda a, d, s: (a**3 * d**2 + 0.5 * a * s**2).sum()
        ),
    ),
    *named(
        ch01.check_adapted_returns,
        _one_batch_for_all_steps,
        _batches_of_theta,
        _best_of_the_steps,
        _joint_adaptation,
        _stops_when_it_got_worse,
        _deepcopied_only_at_first,
        median=_measured(number=lambda collect, phi, task, theta: collect(phi, task)["returns"].median()),
        first_episode=_measured(number=lambda collect, phi, task, theta: collect(phi, task)["returns"][0]),
        gain=_measured(
            number=lambda collect, phi, task, theta: (
                collect(phi, task)["returns"].mean() - collect(theta, task)["returns"].mean()
            )
        ),
        summed=_measured(number=lambda collect, phi, task, theta: collect(phi, task)["returns"].sum()),
        better_half=_measured(
            number=lambda collect, phi, task, theta: (
                collect(phi, task)["returns"].sort(descending=True).values[: max(1, 3 * 1)].mean()
            )
        ),
    ),
    (ch01.check_comparison, {**PLAN, "seeds": 4}),
    (ch01.check_comparison, {**PLAN, "seeds": 1}),
    (ch01.check_comparison, {**PLAN, "seeds": 7.5}),
    (ch01.check_comparison, {**PLAN, "reported": "mean over seeds", "interval_resamples": "tasks"}),
    (ch01.check_comparison, {**PLAN, "step_sizes_chosen_for": "each method's own paper"}),
    (ch01.check_comparison, {**PLAN, "steps_counted": "adaptation and training"}),
    (ch01.check_comparison, {**PLAN, "interval_resamples": "tasks"}),
    (ch01.check_comparison, {**PLAN, "same_tasks_for_both": "True"}),
    (ch01.check_comparison, {**PLAN, "measured_on": "fresh  episodes of training"}),
]
RIGHT = [
    *named(ch01.check_stream_returns, _stream_numpy, _stream_matrix, _stream_accumulate),
    *named(ch01.check_best_step_size, _by_dot, _by_lists, _by_numpy),
    *named(ch01.check_adapted_returns, _reduced, _all_adapt_first, _recursive),
    (ch01.check_comparison, PLAN),
    (ch01.check_comparison, {**PLAN, "seeds": np.int32(5), "same_tasks_for_both": np.bool_(True)}),
    (ch01.check_comparison, dict(reversed([*PLAN.items()])) | {"seeds": 100}),
]
