"""Answers to chapter 01's exercises."""

import copy
import math
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch01

# ------------------------------------------------------------------ reward-to-go, wrong


def _total(rewards, mask, discount, first=0):
    """Right, where the others leave from."""
    taken = torch.where(mask, rewards, torch.zeros_like(rewards))
    result, total = torch.zeros_like(taken), torch.zeros_like(taken[:, 0])
    for t in reversed(range(first, taken.shape[1])):
        total = taken[:, t] + discount * total
        result[:, t] = total
    return result


def _cut_at_ten_steps(rewards, mask, discount):
    taken = torch.where(mask, rewards, 0.0)
    result = torch.zeros_like(taken)
    for ahead in range(min(10, taken.shape[1])):
        result[:, : taken.shape[1] - ahead] += discount**ahead * taken[:, ahead:]
    return torch.where(mask, result, 0.0)


def _powers_with_an_epsilon(rewards, mask, discount):
    taken = torch.where(mask, rewards, 0.0)
    powers = torch.tensor([discount**t for t in range(taken.shape[1])], dtype=taken.dtype)
    ahead = (powers * taken).flip(1).cumsum(1).flip(1)
    return torch.where(mask, ahead / (powers + 1e-8), 0.0)


def _gamma_is_fixed(rewards, mask, discount=0.9):
    return _total(rewards, mask, 0.9)


def _nan_to_num(rewards, mask, discount):
    return _total(torch.nan_to_num(rewards), torch.ones_like(mask), discount) * mask


def _float32_always(rewards, mask, discount):
    return _total(rewards.float(), mask, discount)


def _first_step_left_out(rewards, mask, discount):
    return _total(rewards, mask, discount, first=1)


def _fills_the_callers_padding(rewards, mask, discount):
    rewards[~mask] = 0.0
    return _total(rewards, mask, discount)


def _last_real_step_bootstraps_itself(rewards, mask, discount):
    result = _total(rewards, mask, discount)
    last = mask.long().cumsum(1).argmax(1, keepdim=True)
    return torch.where(mask, result.scatter_add(1, last, discount * result.gather(1, last)), 0.0)


def _one_length_for_all(rewards, mask, discount):
    length = int(mask.sum(1).max())
    return _total(rewards, (torch.arange(rewards.shape[1]) < length).expand_as(mask), discount) * mask


def _average_reward_to_go(rewards, mask, discount):
    return _total(rewards, mask, discount) / mask.sum(1, keepdim=True).clamp(min=1)


def _bfloat_inside(rewards, mask, discount):
    return _total(rewards.bfloat16(), mask, discount).to(rewards.dtype)


def _remembers_the_first_call():
    kept = []

    def answer(rewards, mask, discount):
        kept.append(rewards.shape)
        return _total(rewards, mask, discount) if len(kept) <= 24 else torch.zeros_like(rewards)

    return answer


def _clamps_gamma(rewards, mask, discount):
    return _total(rewards, mask, min(max(discount, 0.01), 0.99))


def _nan_in_the_padding(rewards, mask, discount):
    return torch.where(mask, _total(rewards, mask, discount), torch.nan)


def _mask_a_step_late(rewards, mask, discount):
    late = mask.roll(1, 1)
    late[:, 0] = True
    return _total(torch.nan_to_num(rewards, 0.0, 0.0, 0.0), late, discount) * mask


def _carries_a_graph(rewards, mask, discount):
    return _total(rewards, mask, discount).requires_grad_()


# ------------------------------------------------------------------ reward-to-go, right


def _triangular_system(rewards, mask, discount):
    clean, n = rewards.masked_fill(~mask, 0.0), rewards.shape[1]
    system = torch.eye(n, dtype=rewards.dtype) - discount * torch.ones(n, n, dtype=rewards.dtype).triu(1).tril(1)
    return torch.linalg.solve_triangular(system, clean.T, upper=True).T


def _convolution(rewards, mask, discount):
    n = rewards.shape[1]
    kernel = torch.tensor([discount**k for k in range(n)], dtype=rewards.dtype)
    padded = torch.nn.functional.pad(rewards.masked_fill(~mask, 0.0), (0, n - 1))
    return torch.nn.functional.conv1d(padded[:, None], kernel[None, None])[:, 0]


def _double_loop(rewards, mask, discount):
    result = torch.zeros_like(rewards)
    for i in range(rewards.shape[0]):
        following = 0.0
        for t in range(rewards.shape[1] - 1, -1, -1):
            if mask[i, t]:
                following = float(rewards[i, t]) + discount * following
                result[i, t] = following
    return result


def _by_a_matrix(rewards, mask, discount):
    t = torch.arange(rewards.shape[1])
    ahead = (t[None, :] - t[:, None]).clamp(min=0)
    weights = (discount**ahead).triu().to(rewards.dtype)
    return torch.einsum("ek,tk->et", rewards.masked_fill(~mask, 0.0), weights) * mask


def _by_shifts(rewards, mask, discount):
    clean = rewards.masked_fill(~mask, 0.0)
    shifted = [torch.nn.functional.pad(clean, (0, k))[:, k:] * discount**k for k in range(clean.shape[1])]
    return sum(shifted)


def _numpy_inside(rewards, mask, discount):
    clean = np.where(mask.numpy(), rewards.numpy(), 0.0)
    for t in range(clean.shape[1] - 2, -1, -1):
        clean[:, t] += discount * clean[:, t + 1]
    return torch.from_numpy(clean).to(rewards.dtype)


def _each_episode_alone(rewards, mask, discount):
    rows = []
    for row, taken in zip(rewards, mask, strict=True):
        n = int(taken.sum())
        weights = discount ** torch.arange(n)
        values = [weights[: n - t] @ row[t:n].to(weights.dtype) for t in range(n)]
        rows.append(torch.tensor([float(v) for v in values] + [0.0] * (len(row) - n), dtype=rewards.dtype))
    return torch.stack(rows)


# ------------------------------------------------------------------ the meta-optimum, wrong


def _mean(weight, centre):
    return (weight * centre).sum() / weight.sum()


def _one_factor_less(curvature, centre, inner_lr, steps):
    return _mean(curvature * (1 - inner_lr * curvature) ** (2 * steps - 1), centre)


def _squared_curvature(curvature, centre, inner_lr, steps):
    return _mean(curvature**2 * (1 - inner_lr * curvature) ** (2 * steps), centre)


def _not_normalised(curvature, centre, inner_lr, steps):
    return (curvature * (1 - inner_lr * curvature) ** (2 * steps) * centre).sum()


def _normalised_by_the_number(curvature, centre, inner_lr, steps):
    return (curvature * (1 - inner_lr * curvature) ** (2 * steps) * centre).mean()


def _exponential_decay(curvature, centre, inner_lr, steps):
    return _mean(curvature * torch.exp(-2 * steps * inner_lr * curvature), centre)


def _steepest_task(curvature, centre, inner_lr, steps):
    return centre[curvature.argmax()]


def _mean_curvature_shrinks(curvature, centre, inner_lr, steps):
    return _mean(curvature * (1 - inner_lr * curvature.mean()) ** (2 * steps), centre)


def _keeps_the_axis(curvature, centre, inner_lr, steps):
    return _mean(curvature * (1 - inner_lr * curvature) ** (2 * steps), centre)[None]


def _power_in_the_wrong_place(curvature, centre, inner_lr, steps):
    return _mean(curvature * (1 - (inner_lr * curvature) ** (2 * steps)), centre)


def _by_autograd(curvature, centre, inner_lr, steps):
    def loss(theta):
        adapted = theta
        for _ in range(steps):
            adapted = adapted - inner_lr * curvature * (adapted - centre)
        return 0.5 * (curvature * (adapted - centre) ** 2).mean()

    zero = torch.zeros((), dtype=centre.dtype)
    slope, bend = torch.func.grad(loss)(zero), torch.func.grad(torch.func.grad(loss))(zero)
    return -slope / bend


def _two_newton_steps_too_few(curvature, centre, inner_lr, steps):
    theta = centre.mean()
    for _ in range(20):
        weight = curvature * (1 - inner_lr * curvature) ** (2 * steps)
        theta = theta - 0.1 * (weight * (theta - centre)).sum() / weight.sum()
    return theta


def _float32_inside(curvature, centre, inner_lr, steps):
    return _mean(curvature.float() * (1 - inner_lr * curvature.float()) ** (2 * steps), centre.float()).to(centre.dtype)


def _rounded(curvature, centre, inner_lr, steps):
    return _mean(curvature * (1 - inner_lr * curvature) ** (2 * steps), centre).round(decimals=3)


def _by_an_optimiser(curvature, centre, inner_lr, steps):
    theta = torch.zeros((), dtype=centre.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([theta], max_iter=50, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        adapted = theta
        for _ in range(steps):
            adapted = adapted - inner_lr * curvature * (adapted - centre)
        loss = (curvature * (adapted - centre) ** 2).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    return theta.detach()


# ------------------------------------------------------------------ the meta-optimum, right


def _least_squares(curvature, centre, inner_lr, steps):
    root = curvature.sqrt() * (1 - inner_lr * curvature) ** steps
    return torch.linalg.lstsq(root[:, None], (root * centre)[:, None]).solution.squeeze()


def _softmax_of_logarithms(curvature, centre, inner_lr, steps):
    return torch.softmax(curvature.log() + 2 * steps * torch.log1p(-inner_lr * curvature), 0) @ centre


def _scalars(curvature, centre, inner_lr, steps):
    top = bottom = 0.0
    for a, c in zip(curvature.tolist(), centre.tolist(), strict=True):
        w = a * (1 - inner_lr * a) ** (2 * steps)
        top, bottom = top + w * c, bottom + w
    return torch.tensor(top / bottom, dtype=centre.dtype)


def _dot(curvature, centre, inner_lr, steps):
    shrink = torch.ones_like(curvature)
    for _ in range(steps):
        shrink = shrink - inner_lr * curvature * shrink
    weight = torch.einsum("i,i,i->i", curvature, shrink, shrink)
    return weight.dot(centre).div(weight.sum())


def _weights_first(curvature, centre, inner_lr, steps):
    weight = curvature.mul((1 - inner_lr * curvature).square().pow(steps))
    return torch.nn.functional.normalize(weight, p=1.0, dim=0) @ centre


def _with_numpy(curvature, centre, inner_lr, steps):
    a, c = curvature.numpy(), centre.numpy()
    return torch.as_tensor(np.average(c, weights=a * (1 - inner_lr * a) ** (2 * steps)), dtype=centre.dtype)


# ------------------------------------------------------------------ the evaluation, wrong


def _adapted(theta, task, collect, improve, steps):
    for _ in range(steps):
        theta = improve(theta, collect(theta, task))
    return theta


def _mean_over_all_steps(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted, returns = theta, []
        for _ in range(steps):
            returns.append(collect(adapted, task)["returns"].mean())
            adapted = improve(adapted, collect(adapted, task))
        results.append(torch.stack([*returns, collect(adapted, task)["returns"].mean()]).mean())
    return torch.stack(results)


def _best_of_all_steps(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        curve = [collect(_adapted(theta, task, collect, improve, k), task)["returns"].mean() for k in range(steps + 1)]
        results.append(torch.stack(curve).max())
    return torch.stack(results)


def _median_return(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapted(theta, t, collect, improve, steps), t)["returns"].quantile(0.5) for t in tasks]
    )


def _best_episode(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapted(theta, t, collect, improve, steps), t)["returns"].max() for t in tasks])


def _sum_of_returns(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapted(theta, t, collect, improve, steps), t)["returns"].sum() for t in tasks])


def _one_batch_for_every_step(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        batch, adapted = collect(theta, task), theta
        for _ in range(steps):
            adapted = improve(adapted, batch)
        results.append(collect(adapted, task)["returns"].mean())
    return torch.stack(results)


def _measured_on_the_next_task(theta, tasks, collect, improve, steps):
    adapted = [_adapted(theta, task, collect, improve, steps) for task in tasks]
    return torch.stack([collect(a, t)["returns"].mean() for a, t in zip(adapted, tasks[1:] + tasks[:1], strict=True)])


def _mean_over_tasks(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapted(theta, t, collect, improve, steps), t)["returns"].mean() for t in tasks]
    ).mean()


def _gain(theta, tasks, collect, improve, steps):
    results = []
    for t in tasks:
        after = collect(_adapted(theta, t, collect, improve, steps), t)["returns"].mean()
        results.append(after - collect(theta, t)["returns"].mean())
    return torch.stack(results)


def _in_place(theta, tasks, collect, improve, steps):
    start, results = theta.clone(), []
    for task in tasks:
        theta.copy_(start)
        for _ in range(steps):
            theta.copy_(improve(theta, collect(theta, task)))
        results.append(collect(theta, task)["returns"].mean())
    return torch.stack(results)


def _a_plain_list(theta, tasks, collect, improve, steps):
    return [collect(_adapted(theta, t, collect, improve, steps), t)["returns"].mean() for t in tasks]


def _shares_the_first_task(theta, tasks, collect, improve, steps):
    adapted = _adapted(theta, tasks[0], collect, improve, steps)
    return torch.stack([collect(adapted, t)["returns"].mean() for t in tasks])


# ------------------------------------------------------------------ the evaluation, right


def _recursive(theta, tasks, collect, improve, steps):
    def after(parameters, task, left):
        batch = collect(parameters, task)
        return batch["returns"].mean() if left == 0 else after(improve(parameters, batch), task, left - 1)

    return torch.stack([after(theta, task, steps) for task in tasks])


def _with_copies(theta, tasks, collect, improve, steps):
    out = []
    for task in tasks:
        mine = copy.deepcopy(theta)
        for step in range(steps + 1):
            batch = collect(mine, task)
            if step < steps:
                mine = improve(mine, batch)
        out.append(batch["returns"].mean().item())
    return torch.tensor(out)


def _one_line(theta, tasks, collect, improve, steps):
    measured = (collect(_adapted(theta.clone(), t, collect, improve, steps), t) for t in tasks)
    return torch.cat([batch["returns"].mean(0, keepdim=True) for batch in measured])


# ------------------------------------------------------------------ break-even, wrong


def _positive(count):
    def answer(training, scratch, adapted):
        return count(training, scratch - adapted) if scratch > adapted else math.inf

    return answer


def _at_most_ten_thousand(training, scratch, adapted):
    return min(math.ceil(training / (scratch - adapted)), 10_000) if scratch > adapted else math.inf


def _counts_to_a_thousand(training, scratch, adapted):
    for n in range(1, 1001):
        if training + n * adapted <= n * scratch:
            return n
    return math.inf


def _strictly_less(training, scratch, adapted):
    if scratch <= adapted:
        return math.inf
    n = 1
    while not training + n * adapted < n * scratch:
        n += 1
    return n


def _absolute_saving(training, scratch, adapted):
    return math.inf if scratch == adapted else math.ceil(training / abs(scratch - adapted))


def _negative_one_for_never(training, scratch, adapted):
    return math.ceil(training / (scratch - adapted)) if scratch > adapted else -1


def _infinite_when_cheaper(training, scratch, adapted):
    return math.inf if training > scratch else 1


def _swapped_costs(training, scratch, adapted):
    return math.ceil(training / (adapted - scratch)) if adapted > scratch else math.inf


def _a_string_for_never(training, scratch, adapted):
    return math.ceil(training / (scratch - adapted)) if scratch > adapted else "never"


def _minus_infinity(training, scratch, adapted):
    return math.ceil(training / (scratch - adapted)) if scratch > adapted else -math.inf


def _equal_costs_pay(training, scratch, adapted):
    return math.ceil(training / max(scratch - adapted, 1)) if scratch >= adapted else math.inf


# ------------------------------------------------------------------ break-even, right


def _fraction(training, scratch, adapted):
    return math.inf if scratch <= adapted else math.ceil(Fraction(training, scratch - adapted))


def _decimal(training, scratch, adapted):
    if scratch <= adapted:
        return float("inf")
    return (Decimal(training) / Decimal(scratch - adapted)).to_integral_value(ROUND_CEILING)


def _numpy_ints(training, scratch, adapted):
    saved = np.int64(scratch) - np.int64(adapted)
    return np.ceil(np.int64(training) / saved).astype(np.int64) if saved > 0 else np.inf


def _search(training, scratch, adapted):
    if adapted >= scratch:
        return math.inf
    low, high = 0, training
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if training + middle * adapted <= middle * scratch else (middle, high)
    return high


# ------------------------------------------------------------------ the plan

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
BAD_PLANS = [
    {"seeds": 1},
    {"seeds": 4},
    {"seeds": -5},
    {"seeds": 5.5},
    {"seeds": "five"},
    {"seeds": True},
    {"tasks": "training", "seeds": 30},
    {"same_tasks_for_both": "yes"},
    {"steps_counted": "adaptation"},
    {"reported": "best seed", "seeds": 100},
    {"reported": "median"},
    {3: "a key that is no string"},
]
GOOD_PLANS = [
    {"seeds": np.int64(8)},
    {"same_tasks_for_both": np.True_},
    {"seeds": Fraction(30)},
    {"seeds": 20.0},
    {"seeds": torch.tensor(7), "tasks": np.str_("held-out")},
]

WRONG = [
    *[
        (ch01.check_reward_to_go, answer)
        for answer in (
            _cut_at_ten_steps,
            _powers_with_an_epsilon,
            _gamma_is_fixed,
            _nan_to_num,
            _float32_always,
            _first_step_left_out,
            _fills_the_callers_padding,
            _last_real_step_bootstraps_itself,
            _one_length_for_all,
            _average_reward_to_go,
            _bfloat_inside,
            _remembers_the_first_call(),
            _clamps_gamma,
            _nan_in_the_padding,
            _mask_a_step_late,
            _carries_a_graph,
        )
    ],
    *[
        (ch01.check_meta_optimum, answer)
        for answer in (
            _one_factor_less,
            _squared_curvature,
            _not_normalised,
            _normalised_by_the_number,
            _exponential_decay,
            _steepest_task,
            _mean_curvature_shrinks,
            _keeps_the_axis,
            _power_in_the_wrong_place,
            _by_autograd,
            _two_newton_steps_too_few,
            _float32_inside,
            _rounded,
            _by_an_optimiser,
        )
    ],
    *[
        (ch01.check_adapted_returns, answer)
        for answer in (
            _mean_over_all_steps,
            _best_of_all_steps,
            _median_return,
            _best_episode,
            _sum_of_returns,
            _one_batch_for_every_step,
            _measured_on_the_next_task,
            _mean_over_tasks,
            _gain,
            _in_place,
            _a_plain_list,
            _shares_the_first_task,
        )
    ],
    *[
        (ch01.check_break_even, answer)
        for answer in (
            _positive(lambda training, saved: int(training / saved + 0.95)),
            _positive(lambda training, saved: int(training / saved) or 1),
            _positive(lambda training, saved: math.ceil((training + 1) / saved)),
            _positive(lambda training, saved: math.ceil(training / saved) + 1),
            _positive(lambda training, saved: round(training / saved + 0.499)),
            _positive(lambda training, saved: max(2, math.ceil(training / saved))),
            _at_most_ten_thousand,
            _counts_to_a_thousand,
            _strictly_less,
            _absolute_saving,
            _negative_one_for_never,
            _infinite_when_cheaper,
            _swapped_costs,
            _a_string_for_never,
            _minus_infinity,
            _equal_costs_pay,
        )
    ],
    *[(ch01.check_comparison, PLAN | change) for change in BAD_PLANS],
    (ch01.check_comparison, {}),
    (ch01.check_comparison, list(PLAN.items())),
]
RIGHT = [
    *[
        (ch01.check_reward_to_go, answer)
        for answer in (
            _double_loop,
            _by_a_matrix,
            _by_shifts,
            _numpy_inside,
            _each_episode_alone,
            _triangular_system,
            _convolution,
        )
    ],
    *[
        (ch01.check_meta_optimum, answer)
        for answer in (_scalars, _dot, _weights_first, _with_numpy, _least_squares, _softmax_of_logarithms)
    ],
    *[(ch01.check_adapted_returns, answer) for answer in (_recursive, _with_copies, _one_line)],
    *[
        (ch01.check_break_even, answer)
        for answer in (
            _fraction,
            _decimal,
            _numpy_ints,
            _search,
            _positive(lambda training, saved: -(-training // saved)),
            _positive(lambda training, saved: float(math.ceil(training / saved))),
        )
    ],
    *[(ch01.check_comparison, PLAN | change) for change in GOOD_PLANS],
]
