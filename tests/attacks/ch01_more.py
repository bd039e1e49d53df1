"""More answers to the exercises of chapter 01."""

import functools
import math
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import numpy as np
import scipy.signal
import torch

from metarl_core.check import ch01

# ------------------------------------------------------------------ reward_to_go, wrong


def _backwards(rewards, discount):
    out, total = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for t in range(rewards.shape[1])[::-1]:
        out[:, t] = total = rewards[:, t] + discount * total
    return out


def _only_nan_is_junk(rewards, mask, discount):
    return _backwards(torch.nan_to_num(rewards, 0.0, 0.0, 0.0), discount) * mask


def _discount_or_default(rewards, mask, discount):
    return _backwards(torch.where(mask, rewards, 0.0), discount or 0.99)


def _power_matrix_times_triangle(rewards, mask, discount):
    time = torch.arange(rewards.shape[1], dtype=rewards.dtype)
    weights = (time >= time[:, None]) * torch.full_like(time, discount) ** (time - time[:, None])
    return torch.where(mask, rewards, 0.0) @ weights.T


def _stops_when_small(rewards, mask, discount):
    taken, out = torch.where(mask, rewards, 0.0), torch.zeros_like(rewards)
    for k in range(rewards.shape[1]):
        if discount**k < 1e-4:
            break
        out[:, : rewards.shape[1] - k] += discount**k * taken[:, k:]
    return torch.where(mask, out, 0.0)


def _sixteen_taps(rewards, mask, discount):
    taken, out = torch.where(mask, rewards, 0.0), torch.zeros_like(rewards)
    for k in range(min(16, rewards.shape[1])):
        out[:, : rewards.shape[1] - k] += discount**k * taken[:, k:]
    return out


def _squeezed(rewards, mask, discount):
    return _backwards(torch.where(mask, rewards, 0.0), discount).squeeze()


def _first_episodes_mask(rewards, mask, discount):
    return _backwards(torch.where(mask[:1], rewards, 0.0), discount)


def _shortest_episode_for_all(rewards, mask, discount):
    return _backwards(torch.where(mask.all(0, keepdim=True), rewards, 0.0), discount)


def _needs_a_step_in_each(rewards, mask, discount):
    out = torch.zeros_like(rewards)
    for row in range(len(rewards)):
        last = int(mask[row].nonzero().max())
        out[row, : last + 1] = _backwards(rewards[row : row + 1, : last + 1], discount)[0]
    return out


def _one_step_at_least(rewards, mask, discount):
    mask = mask.clone()
    mask[:, 0] = True
    return _backwards(torch.where(mask, rewards, 0.0), discount)


def _last_step_is_padding(rewards, mask, discount):
    real = torch.cat([mask[:, 1:], mask[:, -1:]], 1)
    return torch.where(mask, _backwards(torch.where(real, rewards, 0.0), discount), 0.0)


def _whitened(rewards, mask, discount):
    out = _backwards(torch.where(mask, rewards, 0.0), discount)
    return torch.where(mask, out - out[mask].mean(), 0.0) if discount == 1 else out


def _mask_set_right(rewards, mask, discount):
    out = _backwards(torch.where(mask, rewards, 0.0), discount)
    mask.logical_not_()
    return out


def _mean_with_discount_one(rewards, mask, discount):
    return _backwards(torch.where(mask, rewards, 0.0), min(discount, 0.999))


_buffer = {}


def _buffer_by_shape(rewards, mask, discount):
    key = tuple(rewards.shape), rewards.dtype, discount
    if key not in _buffer:
        _buffer[key] = _backwards(torch.where(mask, rewards, 0.0), discount)
    return _buffer[key]


# ------------------------------------------------------------------ reward_to_go, right


def _scipy_filter(rewards, mask, discount):
    clean = np.where(mask.numpy(), rewards.numpy(), 0.0)[:, ::-1]
    return torch.from_numpy(scipy.signal.lfilter([1.0], [1.0, -discount], clean, axis=1)[:, ::-1].copy()).to(
        rewards.dtype
    )


def _nan_to_num_then_product(rewards, mask, discount):
    return _backwards(rewards.nan_to_num() * mask, discount)


def _cut_by_length(rewards, mask, discount):
    out = torch.zeros_like(rewards)
    for row, length in enumerate(mask.sum(1).tolist()):
        total = 0.0
        for t in reversed(range(length)):
            total = float(rewards[row, t]) + float(discount) * total
            out[row, t] = total
    return out


def _triangle(rewards, mask, discount):
    steps = rewards.shape[1]
    weights = torch.tensor(
        [[float(discount) ** (k - t) if k >= t else 0.0 for k in range(steps)] for t in range(steps)],
        dtype=rewards.dtype,
    ).reshape(steps, steps)
    return torch.einsum("nk,tk->nt", rewards.masked_fill(~mask, 0), weights)


def _doubling(rewards, mask, discount):
    out, jump = rewards.clone().masked_fill_(~mask, 0.0), 1
    while jump < out.shape[1]:
        later = torch.nn.functional.pad(out[:, jump:], (0, jump))
        out, jump = out + discount**jump * later, 2 * jump
    return out


@functools.cache
def _nothing_to_do_with_it():
    return 0.0


def _recursion_in_columns(rewards, mask, discount):
    here = torch.where(mask[:, :1], rewards[:, :1], _nothing_to_do_with_it())
    if rewards.shape[1] == 1:
        return here
    later = _recursion_in_columns(rewards[:, 1:], mask[:, 1:], discount)
    return torch.cat((here + discount * later[:, :1], later), 1)


# ------------------------------------------------------------------ meta_optimum, wrong


def _shrink(curvature, inner_lr):
    return 1 - inner_lr * curvature


def _precedence(curvature, centre, inner_lr, steps):
    weight = curvature * _shrink(curvature, inner_lr) ** 2 * steps
    return (weight * centre).sum() / weight.sum()


def _one_step_too_few(curvature, centre, inner_lr, steps):
    weight = curvature * _shrink(curvature, inner_lr) ** (2 * steps - 2)
    return (weight * centre).sum() / weight.sum()


def _curvature_squared(curvature, centre, inner_lr, steps):
    weight = (curvature * _shrink(curvature, inner_lr) ** steps) ** 2
    return (weight * centre).sum() / weight.sum()


def _linearised(curvature, centre, inner_lr, steps):
    weight = curvature * (1 - 2 * steps * inner_lr * curvature)
    return (weight * centre).sum() / weight.sum()


def _exponential(curvature, centre, inner_lr, steps):
    weight = curvature * torch.exp(-2 * steps * inner_lr * curvature)
    return (weight * centre).sum() / weight.sum()


def _small_number_below(curvature, centre, inner_lr, steps):
    weight = curvature * _shrink(curvature, inner_lr) ** (2 * steps)
    return (weight * centre).sum() / (weight.sum() + 1e-5)


def _flattest_task_in_the_end(curvature, centre, inner_lr, steps):
    if steps > 8:
        return centre[curvature.argmin()].clone()
    weight = curvature * _shrink(curvature, inner_lr) ** (2 * steps)
    return (weight * centre).sum() / weight.sum()


def _step_size_or_default(curvature, centre, inner_lr, steps):
    weight = curvature * _shrink(curvature, inner_lr or 0.1) ** (2 * steps)
    return (weight * centre).sum() / weight.sum()


def _no_adaptation_is_the_mean(curvature, centre, inner_lr, steps):
    weight = curvature * _shrink(curvature, inner_lr) ** (2 * steps)
    return (weight * centre).sum() / weight.sum() if inner_lr else centre.mean()


def _newton_by_autograd(curvature, centre, inner_lr, steps):
    theta = torch.zeros((), dtype=centre.dtype, requires_grad=True)
    adapted = theta.expand_as(centre)
    for _ in range(steps):
        adapted = adapted + inner_lr * curvature * (centre - adapted)
    value = -(curvature * (adapted - centre) ** 2).mean() / 2
    (slope,) = torch.autograd.grad(value, theta, create_graph=True)
    (bend,) = torch.autograd.grad(slope, theta)
    return (theta - slope / bend).detach()


def _newton_by_torch_func(curvature, centre, inner_lr, steps):
    def value(theta):
        adapted = theta
        for _ in range(steps):
            adapted = adapted + inner_lr * curvature * (centre - adapted)
        return -(curvature * (adapted - centre) ** 2).mean() / 2

    zero = torch.zeros((), dtype=centre.dtype)
    return -torch.func.grad(value)(zero) / torch.func.hessian(value)(zero)


def _jacobian_forwards(curvature, centre, inner_lr, steps):
    def distance(theta):
        adapted = theta
        for _ in range(steps):
            adapted = adapted + inner_lr * curvature * (centre - adapted)
        return adapted - centre

    zero = torch.zeros((), dtype=centre.dtype)
    away, slope = torch.func.jvp(distance, (zero,), (torch.ones_like(zero),))
    return -(curvature * slope * away).sum() / (curvature * slope * slope).sum()


def _on_a_grid(curvature, centre, inner_lr, steps):
    theta = torch.linspace(float(centre.min()), float(centre.max()), 2001, dtype=centre.dtype)
    left = (theta[:, None] - centre) * _shrink(curvature, inner_lr) ** steps
    return theta[(curvature * left**2).sum(1).argmin()]


def _with_one_axis(curvature, centre, inner_lr, steps):
    weight = curvature * _shrink(curvature, inner_lr) ** (2 * steps)
    return (weight @ centre)[None] / weight.sum()


def _two_tasks(curvature, centre, inner_lr, steps):
    weight = (curvature * _shrink(curvature, inner_lr) ** (2 * steps))[:2]
    return (weight * centre[:2]).sum() / weight.sum()


_seen = {}


def _weights_kept_by_steps(curvature, centre, inner_lr, steps):
    key = steps, len(curvature), inner_lr, curvature.dtype
    if key not in _seen:
        _seen[key] = curvature * _shrink(curvature, inner_lr) ** (2 * steps)
    return (_seen[key] * centre).sum() / _seen[key].sum()


def _power_in_place(curvature, centre, inner_lr, steps):
    weight = curvature.clone()
    for _ in range(steps):
        weight *= _shrink(curvature, inner_lr) ** 2
    centre *= weight
    return centre.sum() / weight.sum()


# ------------------------------------------------------------------ meta_optimum, right


def _softmax_of_logs(curvature, centre, inner_lr, steps):
    return torch.softmax(curvature.log() + 2 * steps * torch.log1p(-inner_lr * curvature), 0) @ centre


def _exact_fractions(curvature, centre, inner_lr, steps):
    rate = Fraction(float(inner_lr))
    above = below = Fraction(0)
    for a, c in zip(map(Fraction, curvature.tolist()), map(Fraction, centre.tolist()), strict=True):
        weight = a * (1 - rate * a) ** (2 * steps)
        above, below = above + weight * c, below + weight
    return torch.tensor(float(above / below), dtype=centre.dtype)


def _numpy_average(curvature, centre, inner_lr, steps):
    a = curvature.numpy().astype(np.float64)
    mean = np.average(centre.numpy().astype(np.float64), weights=a * (1 - inner_lr * a) ** (2 * steps))
    return torch.as_tensor(mean, dtype=centre.dtype)


def _running_mean(curvature, centre, inner_lr, steps):
    best, mass = centre[0].clone(), torch.zeros_like(centre[0])
    for a, c in zip(curvature, centre, strict=True):
        weight = a * math.prod([1 - inner_lr * a] * (2 * steps))
        mass = mass + weight
        best = best + weight / mass * (c - best)
    return best


def _least_squares(curvature, centre, inner_lr, steps):
    root = curvature.sqrt() * (1 - inner_lr * curvature) ** steps
    return torch.linalg.lstsq(root[:, None], (root * centre)[:, None]).solution[0, 0]


def _slope_followed_by_hand(curvature, centre, inner_lr, steps):
    slope = torch.ones_like(curvature)
    for _ in range(steps):
        slope = slope - inner_lr * curvature * slope
    weight = torch.einsum("k,k,k->k", curvature, slope, slope)
    return torch.dot(weight, centre) / weight.sum()


# ------------------------------------------------------------------ adapted_returns, wrong


def _adapt(theta, task, collect, improve, steps):
    for _ in range(steps):
        theta = improve(theta, collect(theta, task))
    return theta


def _from_theta_each_step(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(theta, collect(adapted, task))
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _behaviour_stays(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(adapted, collect(theta, task))
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _one_batch_for_all_steps(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted, batch = theta, collect(theta, task)
        for _ in range(steps):
            adapted = improve(adapted, batch)
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _best_on_the_way(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted, best = theta, []
        for _ in range(steps):
            batch = collect(adapted, task)
            best.append(batch["returns"].mean())
            adapted = improve(adapted, batch)
        out.append(torch.stack([*best, collect(adapted, task)["returns"].mean()]).max())
    return torch.stack(out)


def _stops_when_worse(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted, last = theta, -math.inf
        for _ in range(steps):
            batch = collect(adapted, task)
            if batch["returns"].mean() < last:
                break
            last = batch["returns"].mean()
            adapted = improve(adapted, batch)
        out.append(collect(adapted, task)["returns"].mean())
    return torch.stack(out)


def _every_second_episode(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"][::2].mean() for task in tasks]
    )


def _median_episode(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].median() for task in tasks]
    )


def _sum_over_twenty(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].sum() / 20 for task in tasks]
    )


def _last_two_batches(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        adapted = _adapt(theta, task, collect, improve, steps - 1)
        batch = collect(adapted, task)
        fresh = collect(improve(adapted, batch), task)
        out.append(torch.cat([batch["returns"], fresh["returns"]]).mean())
    return torch.stack(out)


def _measured_on_the_first_task(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), tasks[0])["returns"].mean() for task in tasks]
    )


def _list_emptied(theta, tasks, collect, improve, steps):
    out = []
    while tasks:
        task = tasks.pop(0)
        out.append(collect(_adapt(theta, task, collect, improve, steps), task)["returns"].mean())
    return torch.stack(out)


def _back_to_front(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].mean() for task in tasks[::-1]]
    )


def _all_the_steps_of_all_tasks_first(theta, tasks, collect, improve, steps):
    for task in tasks:
        theta = _adapt(theta, task, collect, improve, steps)
    return torch.stack([collect(theta, task)["returns"].mean() for task in tasks])


def _three_steps_at_most(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, min(steps, 3)), task)["returns"].mean() for task in tasks]
    )


def _theta_overwritten(theta, tasks, collect, improve, steps):
    start, out = theta.clone(), []
    for task in tasks:
        theta.copy_(_adapt(start, task, collect, improve, steps))
        out.append(collect(theta, task)["returns"].mean())
    return torch.stack(out)


def _mean_over_tasks(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, task, collect, improve, steps), task)["returns"].mean() for task in tasks]
    ).mean()


# ------------------------------------------------------------------ adapted_returns, right


def _measured_when_all_have_adapted(theta, tasks, collect, improve, steps):
    adapted = [_adapt(theta, task, collect, improve, steps) for task in tasks]
    return torch.stack([collect(one, task)["returns"].mean() for one, task in zip(adapted, tasks, strict=True)])


def _tasks_in_lockstep(theta, tasks, collect, improve, steps):
    adapted = [theta for _ in tasks]
    for _ in range(steps):
        adapted = [improve(one, collect(one, task)) for one, task in zip(adapted, tasks, strict=True)]
    return torch.stack([torch.mean(collect(one, tasks[n])["returns"]) for n, one in enumerate(adapted)])


def _reduce(theta, tasks, collect, improve, steps):
    def measure(task):
        adapted = functools.reduce(lambda now, _: improve(now, collect(now, task)), range(steps), theta)
        returns = collect(adapted, task)["returns"]
        return returns.sum() / len(returns)

    return torch.stack(list(map(measure, tasks)))


def _recursive(theta, tasks, collect, improve, steps):
    def measure(now, task, left):
        batch = collect(now, task)
        return measure(improve(now, batch), task, left - 1) if left else batch["returns"].mean(dim=0)

    return torch.stack([measure(theta, task, steps) for task in tasks])


class _Evaluation:
    def __call__(self, theta, tasks, collect, improve, steps):
        out = []
        for task in tasks:
            now, left = theta, steps
            while left:
                now, left = improve(now, collect(now, task)), left - 1
            out.append(collect(now, task)["returns"].mean().reshape(1))
        return torch.cat(out)


# ------------------------------------------------------------------ break_even, wrong


def _strictly_less(training, scratch, adapted):
    saved = scratch - adapted
    return training // saved + 1 if saved > 0 else math.inf


def _nearest(training, scratch, adapted):
    saved = scratch - adapted
    return max(1, round(training / saved)) if saved > 0 else math.inf


def _searched_to_a_million(training, scratch, adapted):
    if scratch <= adapted:
        return math.inf
    count = -(-training // (scratch - adapted))
    return count if count <= 10_000 else math.inf


def _distance_of_costs(training, scratch, adapted):
    return math.ceil(training / abs(scratch - adapted)) if scratch != adapted else math.inf


def _one_step_saves_nothing(training, scratch, adapted):
    saved = scratch - adapted
    return math.ceil(training / saved) if saved > 1 else math.inf


def _with_the_first_task_paid(training, scratch, adapted):
    saved = scratch - adapted
    return math.ceil((training + adapted) / saved) if saved > 0 else math.inf


def _at_least_two(training, scratch, adapted):
    saved = scratch - adapted
    return max(2, math.ceil(training / saved)) if saved > 0 else math.inf


def _forgiving(training, scratch, adapted):
    saved = scratch - adapted
    return max(1, math.ceil(training / saved - 1e-3)) if saved > 0 else math.inf


def _ratio_in_percent(training, scratch, adapted):
    saved = 1 - adapted / scratch if scratch else 0
    return math.ceil(training / scratch / saved) if saved > 0 else math.inf


def _single_precision(training, scratch, adapted):
    saved = scratch - adapted
    return int(np.ceil(np.float32(training) / np.float32(saved))) if saved > 0 else math.inf


def _never_is_minus_one(training, scratch, adapted):
    saved = scratch - adapted
    return math.ceil(training / saved) if saved > 0 else -1


def _free_adaptation_never(training, scratch, adapted):
    return math.ceil(training / (scratch - adapted)) if adapted and scratch > adapted else math.inf


# ------------------------------------------------------------------ break_even, right


def _minus_minus(training, scratch, adapted):
    return -(-training // (scratch - adapted)) if scratch > adapted else math.inf


def _as_decimal(training, scratch, adapted):
    if scratch <= adapted:
        return float("inf")
    return int((Decimal(training) / Decimal(scratch - adapted)).to_integral_value(rounding=ROUND_CEILING))


def _as_fraction(training, scratch, adapted):
    return np.inf if adapted >= scratch else np.int64(math.ceil(Fraction(training, scratch - adapted)))


def _bisection(training, scratch, adapted):
    if scratch <= adapted:
        return math.inf
    low, high = 0, 1
    while training + high * adapted > high * scratch:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if training + middle * adapted <= middle * scratch else (middle, high)
    return high


def _with_divmod(training, scratch, adapted):
    try:
        whole, rest = divmod(training, max(scratch - adapted, 0))
    except ZeroDivisionError:
        return math.inf
    return whole + bool(rest)


def _zero_axes(training, scratch, adapted):
    return torch.tensor(_minus_minus(training, scratch, adapted))


# ------------------------------------------------------------------ comparison

_PLAN = {
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
_BAD_PLANS = [
    _PLAN | {"seeds": -3},
    _PLAN | {"seeds": 4},
    _PLAN | {"seeds": 5.5},
    _PLAN | {"seeds": True},
    _PLAN | {"seeds": math.inf},
    _PLAN | {"seeds": "many"},
    _PLAN | {"tasks": "held-out tasks"},
    _PLAN | {"same_tasks_for_both": "False"},
    _PLAN | {"same_tasks_for_both": False, "interval_resamples": "tasks"},
    _PLAN | {"step_sizes_chosen_for": "each method's own paper"},
    _PLAN | {"steps_counted": "adaptation and training"},
    _PLAN | {"reported": "mean over seeds"},
    _PLAN | {"measured_on": "the same episodes"},
    {name: choice for name, choice in _PLAN.items() if name != "reported"},
    list(_PLAN.values()),
]

WRONG = [
    (check, answer)
    for check, answers in (
        (
            ch01.check_reward_to_go,
            (
                _only_nan_is_junk,
                _discount_or_default,
                _power_matrix_times_triangle,
                _stops_when_small,
                _sixteen_taps,
                _squeezed,
                _first_episodes_mask,
                _shortest_episode_for_all,
                _needs_a_step_in_each,
                _one_step_at_least,
                _last_step_is_padding,
                _whitened,
                _mask_set_right,
                _mean_with_discount_one,
                _buffer_by_shape,
            ),
        ),
        (
            ch01.check_meta_optimum,
            (
                _precedence,
                _one_step_too_few,
                _curvature_squared,
                _linearised,
                _exponential,
                _small_number_below,
                _flattest_task_in_the_end,
                _step_size_or_default,
                _no_adaptation_is_the_mean,
                _newton_by_autograd,
                _newton_by_torch_func,
                _jacobian_forwards,
                _on_a_grid,
                _with_one_axis,
                _two_tasks,
                _weights_kept_by_steps,
                _power_in_place,
            ),
        ),
        (
            ch01.check_adapted_returns,
            (
                _from_theta_each_step,
                _behaviour_stays,
                _one_batch_for_all_steps,
                _best_on_the_way,
                _stops_when_worse,
                _every_second_episode,
                _median_episode,
                _sum_over_twenty,
                _last_two_batches,
                _measured_on_the_first_task,
                _list_emptied,
                _back_to_front,
                _all_the_steps_of_all_tasks_first,
                _three_steps_at_most,
                _theta_overwritten,
                _mean_over_tasks,
            ),
        ),
        (
            ch01.check_break_even,
            (
                _strictly_less,
                _nearest,
                _searched_to_a_million,
                _distance_of_costs,
                _one_step_saves_nothing,
                _with_the_first_task_paid,
                _at_least_two,
                _forgiving,
                _ratio_in_percent,
                _single_precision,
                _never_is_minus_one,
                _free_adaptation_never,
            ),
        ),
        (ch01.check_comparison, _BAD_PLANS),
    )
    for answer in answers
]
RIGHT = [
    (check, answer)
    for check, answers in (
        (
            ch01.check_reward_to_go,
            (
                _scipy_filter,
                _nan_to_num_then_product,
                _cut_by_length,
                _triangle,
                _doubling,
                _recursion_in_columns,
            ),
        ),
        (
            ch01.check_meta_optimum,
            (
                _softmax_of_logs,
                _exact_fractions,
                _numpy_average,
                _running_mean,
                _least_squares,
                _slope_followed_by_hand,
            ),
        ),
        (
            ch01.check_adapted_returns,
            (_measured_when_all_have_adapted, _tasks_in_lockstep, _reduce, _recursive, _Evaluation()),
        ),
        (
            ch01.check_break_even,
            (_minus_minus, _as_decimal, _as_fraction, _bisection, _with_divmod, _zero_axes),
        ),
        (
            ch01.check_comparison,
            (
                _PLAN | {"seeds": np.int64(12)},
                dict(reversed(_PLAN.items())) | {"same_tasks_for_both": np.True_},
                _PLAN | {"seeds": torch.tensor(10)},
            ),
        ),
    )
    for answer in answers
]
