"""More answers to chapter 01's exercises, by somebody who had read the exercises and not the checks."""

import math
from collections import namedtuple
from functools import cache, reduce

import numpy as np
import torch

from metarl_core.check import ch01
from metarl_core.evaluation import t_interval
from metarl_core.recipes.short_walks import episodes_to_level, learn, short_walks

from . import named, reported

# ------------------------------------------------------------------ stream_returns, wrong


def _known(ended):
    return ended.flip(1).cummax(1).values.flip(1) if ended.dtype != torch.bool else ended.flip(1).cumsum(1).flip(1) > 0


def _walk(rewards, ended, discount, forget=None):
    """Discounted sums from the end; `forget` says after which steps the sum starts anew."""
    forget = ended if forget is None else forget
    total, columns = torch.zeros_like(rewards[:, 0]), []
    for t in reversed(range(rewards.shape[1])):
        total = rewards[:, t] + discount * torch.where(forget[:, t], torch.zeros_like(total), total)
        columns.append(total)
    return torch.stack(columns[::-1], 1)


def _never_forgets(rewards, ended, discount):
    known = _known(ended)
    return torch.where(known, _walk(rewards, ended, discount, torch.zeros_like(ended)), 0.0), known


def _flag_means_a_first_step(rewards, ended, discount):
    known = _known(ended)
    forget = torch.cat([ended[:, 1:], torch.zeros_like(ended[:, :1])], 1)
    return torch.where(known, _walk(rewards, ended, discount, forget), 0.0), known


def _everything_is_known(rewards, ended, discount):
    return _walk(rewards, ended, discount), torch.ones_like(ended)


def _row_is_known_if_it_has_a_flag(rewards, ended, discount):
    known = ended.any(1, keepdim=True).expand_as(ended)
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known.clone()


def _known_after_a_flag(rewards, ended, discount):
    known = ended.cumsum(1) > 0
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known


def _last_flag_itself_unknown(rewards, ended, discount):
    known = _known(ended) & ~(ended & (ended.flip(1).cumsum(1).flip(1) == 1))
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known


def _unknown_keep_what_they_have(rewards, ended, discount):
    return _walk(rewards, ended, discount), _known(ended)


def _nothing_ahead_is_known_at_gamma_zero(rewards, ended, discount):
    known = torch.ones_like(ended) if discount == 0 else _known(ended)
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known


def _last_column_never_known(rewards, ended, discount):
    known = _known(ended)
    known = torch.cat([known[:, :-1], torch.zeros_like(known[:, -1:])], 1)
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known


def _last_column_counts_as_an_end(rewards, ended, discount):
    ended = ended.clone()
    ended[:, -1] = True
    return _walk(rewards, ended, discount), _known(ended)


def _flags_of_the_first_row(rewards, ended, discount):
    ended = ended[:1].expand_as(ended)
    known = _known(ended)
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known.clone()


def _always_float32(rewards, ended, discount):
    known = _known(ended)
    return torch.where(known, _walk(rewards, ended, discount), 0.0).float(), known


def _known_as_numbers(rewards, ended, discount):
    known = _known(ended)
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known.to(rewards.dtype)


def _zeroes_the_rewards(rewards, ended, discount):
    known = _known(ended)
    rewards[~known] = 0
    return _walk(rewards, ended, discount), known


def _discounts_from_the_first_step(rewards, ended, discount):
    known = _known(ended)
    weights = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(rewards.shape[1])
    return torch.where(known, _walk(rewards * weights, ended, 1.0), 0.0), known


def _by_powers_and_division(rewards, ended, discount):
    known = _known(ended)
    powers = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(rewards.shape[1])
    tail = (rewards * powers).flip(1).cumsum(1).flip(1)
    episode = ended.cumsum(1) - ended.long()
    after = torch.stack([(tail[i] * 0) for i in range(len(tail))])
    for i, row in enumerate(ended):
        for t in range(len(row)):
            later = (episode[i] > episode[i, t]).nonzero()[:, 0]
            after[i, t] = tail[i, later[0]] if len(later) else 0
    return torch.where(known, (tail - after) / powers, 0.0), known


def _half_discount(rewards, ended, discount):
    return _unbound(rewards, ended, 0.5)


def _unbound(rewards, ended, discount):
    known = _known(ended)
    return torch.where(known, _walk(rewards, ended, discount), 0.0), known


def _rewards_of_the_next_step(rewards, ended, discount):
    known = _known(ended)
    shifted = torch.where(ended, 0.0, rewards.roll(-1, 1))
    return torch.where(known, _walk(shifted, ended, discount), 0.0), known


def _nan_marks_the_unknown(rewards, ended, discount):
    known = _known(ended)
    return torch.where(known, _walk(rewards, ended, discount), math.nan), known


# ------------------------------------------------------------------ stream_returns, right


def _in_numpy(rewards, ended, discount):
    r, e = rewards.numpy(), ended.numpy()
    out, known = np.zeros_like(r), np.zeros_like(e)
    for i in range(r.shape[0]):
        begin = 0
        for end in np.flatnonzero(e[i]):
            for t in range(begin, end + 1):
                out[i, t] = sum(discount ** (k - t) * float(r[i, k]) for k in range(t, end + 1))
                known[i, t] = True
            begin = end + 1
    return torch.from_numpy(out), torch.from_numpy(known)


def _one_matrix_a_row(rewards, ended, discount):
    t = torch.arange(rewards.shape[1])
    episode = ended.cumsum(1) - ended.long()
    known = episode < ended.sum(1, keepdim=True)
    ahead = t[None, :] - t[:, None]
    weights = torch.tensor(float(discount), dtype=torch.float64) ** ahead.clamp_min(0)
    weights = weights * (ahead >= 0) * (episode[:, :, None] == episode[:, None, :]) * known[:, :, None]
    return torch.einsum("itk,ik->it", weights, rewards.double()).to(rewards.dtype), known


def _recursion(rewards, ended, discount):
    def tail(r, e):
        if not r:
            return [], []
        values, flags = tail(r[1:], e[1:])
        if e[0]:
            return [r[0], *values], [True, *flags]
        if flags and flags[0]:
            return [r[0] + discount * values[0], *values], [True, *flags]
        return [0.0, *values], [False, *flags]

    rows = [tail(r, e) for r, e in zip(rewards.tolist(), ended.tolist(), strict=True)]
    return torch.tensor([row[0] for row in rows], dtype=rewards.dtype), torch.tensor([row[1] for row in rows])


def _doubling(rewards, ended, discount):
    total, open_, n = rewards.double(), ~ended, 1
    known = ended.clone()
    while n < rewards.shape[1]:
        ahead = torch.cat([total[:, n:], torch.zeros_like(total[:, :n])], 1)
        further = torch.cat([open_[:, n:], torch.zeros_like(open_[:, :n])], 1)
        seen = torch.cat([known[:, n:], torch.zeros_like(known[:, :n])], 1)
        total = total + open_ * discount**n * ahead
        known = known | (open_ & seen)
        open_ = open_ & further
        n *= 2
    return (total * known).to(rewards.dtype), known


Pair = namedtuple("Pair", "returns known")


def _named_pair(rewards, ended, discount):
    return Pair(*_unbound(rewards, ended, discount))


def _masks_before_the_walk(rewards, ended, discount):
    known = ended.to(torch.uint8).flip(-1).cummax(-1).values.flip(-1).bool()
    total, out = rewards.new_zeros(len(rewards)), torch.empty_like(rewards)
    for t in range(rewards.shape[1] - 1, -1, -1):
        total = (rewards[:, t] + discount * total * (~ended[:, t])) * known[:, t]
        out[:, t] = total
    return out, known


# ------------------------------------------------------------------ best_step_size, wrong


def _ratio(top, bottom):
    return top.sum() / bottom.sum()


def _mean_of_best_steps(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return (g2 / (a * (g2 + s**2))).nan_to_num().mean()


def _noise_not_weighted(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * g2 + s**2)


def _noise_not_squared(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * (g2 + s))


def _distance_not_squared(a, c, theta, s):
    d = (theta - c).abs()
    return _ratio(a**2 * d, a**3 * d + a * s**2)


def _no_noise(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * g2)


def _distances_not_returns(a, c, theta, s):
    d2 = (theta - c) ** 2
    return _ratio(a * d2, a**2 * d2 + s**2)


def _noise_steeper(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * g2 + a**2 * s**2)


def _mean_centre(a, c, theta, s):
    g2 = (a * (theta - c.mean())) ** 2
    return _ratio(g2, a * (g2 + s**2))


def _one_over_mean_curvature(a, c, theta, s):
    return 1 / a.mean()


def _mean_noise(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * (g2 + s.mean() ** 2))


def _grid_search(a, c, theta, s):
    alphas = torch.linspace(0, 3, 3001, dtype=a.dtype)[:, None]
    value = -(a * ((1 - alphas * a) ** 2 * (theta - c) ** 2 + alphas**2 * s**2)).sum(1)
    return alphas[value.argmax(), 0]


def _newton_by_autograd(a, c, theta, s):
    alpha = torch.zeros((), dtype=a.dtype, requires_grad=True)
    loss = (a * ((1 - alpha * a) ** 2 * (theta - c) ** 2 + alpha**2 * s**2)).sum()
    (slope,) = torch.autograd.grad(loss, alpha, create_graph=True)
    (curve,) = torch.autograd.grad(slope, alpha)
    return (-slope / curve).detach()


def _not_longer_than_one(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * (g2 + s**2)).clamp(max=1.0)


def _plain_float(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return float(_ratio(g2, a * (g2 + s**2)))


def _one_axis(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return g2.sum(0, keepdim=True) / (a * (g2 + s**2)).sum(0, keepdim=True)


def _in_single_precision(a, c, theta, s):
    a, c, s = a.float(), c.float(), s.float()
    g2 = (a * (theta - c)) ** 2
    return _ratio(g2, a * (g2 + s**2))


def _eps_in_the_denominator(a, c, theta, s):
    g2 = (a * (theta - c)) ** 2
    return g2.sum() / ((a * (g2 + s**2)).sum() + 1e-3)


# ------------------------------------------------------------------ best_step_size, right


def _step_in_numpy(a, c, theta, s):
    a_, c_, s_ = (x.numpy().astype(np.float64) for x in (a, c, s))
    g = a_ * (c_ - theta)
    return torch.tensor(np.dot(g, g) / np.dot(a_, g * g + s_ * s_), dtype=a.dtype)


def _python_sums(a, c, theta, s):
    top = bottom = 0.0
    for ai, ci, si in zip(a.tolist(), c.tolist(), s.tolist(), strict=True):
        top += ai * ai * (theta - ci) ** 2
        bottom += ai**3 * (theta - ci) ** 2 + ai * si * si
    return a.new_tensor(top / bottom)


def _as_a_regression(a, c, theta, s):
    root = a.double().sqrt()
    d = (theta - c).double()
    inputs = torch.cat([root * a * d, root * s])
    targets = torch.cat([root * d, torch.zeros_like(d)])
    return (torch.dot(inputs, targets) / torch.dot(inputs, inputs)).to(a.dtype)


def _einsum_step(a, c, theta, s):
    d = theta - c
    top = torch.einsum("i,i,i,i->", a, a, d, d)
    return top / (torch.einsum("i,i,i,i,i->", a, a, a, d, d) + torch.einsum("i,i,i->", a, s, s))


def _weighted_mean_of_steps(a, c, theta, s):
    g2 = (a * (theta - c)).square()
    weight = a * (g2 + s.square())
    own = torch.where(weight > 0, g2 / weight.clamp_min(1e-300 if a.dtype == torch.float64 else 1e-38), 0.0)
    return (weight * own).sum() / weight.sum()


# ------------------------------------------------------------------ adapted_returns, wrong


def _adapt(theta, task, collect, improve, steps):
    for _ in range(steps):
        theta = improve(theta, collect(theta, task))
    return theta


def _carries_on(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        theta = _adapt(theta, task, collect, improve, steps)
        results.append(collect(theta, task)["returns"].mean())
    return torch.stack(results)


def _last_batch_learned_from(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        mine = theta
        for _ in range(steps):
            batch = collect(mine, task)
            mine = improve(mine, batch)
        results.append(batch["returns"].mean())
    return torch.stack(results)


def _one_step_more(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapt(theta, t, collect, improve, steps + 1), t)["returns"].mean() for t in tasks])


def _one_step_less(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapt(theta, t, collect, improve, steps - 1), t)["returns"].mean() for t in tasks])


def _not_adapted(theta, tasks, collect, improve, steps):
    return torch.stack([collect(theta, t)["returns"].mean() for t in tasks])


def _one_batch_for_all_steps(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        mine, batch = theta, collect(theta, task)
        for _ in range(steps):
            mine = improve(mine, batch)
        results.append(collect(mine, task)["returns"].mean())
    return torch.stack(results)


def _best_episode(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapt(theta, t, collect, improve, steps), t)["returns"].max() for t in tasks])


def _mean_of_all_batches(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        mine, seen = theta, []
        for _ in range(steps):
            batch = collect(mine, task)
            seen.append(batch["returns"].mean())
            mine = improve(mine, batch)
        seen.append(collect(mine, task)["returns"].mean())
        results.append(torch.stack(seen).mean())
    return torch.stack(results)


def _best_of_the_way(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        mine, best = theta, None
        for k in range(steps + 1):
            batch = collect(mine, task)
            value = batch["returns"].mean()
            best = value if best is None else torch.maximum(best, value)
            if k < steps:
                mine = improve(mine, batch)
        results.append(best)
    return torch.stack(results)


def _measured_on_the_first_task(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapt(theta, t, collect, improve, steps), tasks[0])["returns"].mean() for t in tasks])


def _writes_into_theta(theta, tasks, collect, improve, steps):
    results, before = [], theta.clone()
    for task in tasks:
        theta.copy_(before)
        for _ in range(steps):
            theta.copy_(improve(theta, collect(theta, task)))
        results.append(collect(theta, task)["returns"].mean())
    return torch.stack(results)


def _mean_over_tasks(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapt(theta, t, collect, improve, steps), t)["returns"].mean() for t in tasks]).mean()


def _a_list_of_floats(theta, tasks, collect, improve, steps):
    return [float(collect(_adapt(theta, t, collect, improve, steps), t)["returns"].mean()) for t in tasks]


def _improves_on_the_start_batches(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        batches, mine = [collect(theta, task) for _ in range(steps)], theta
        for batch in batches:
            mine = improve(mine, batch)
        results.append(collect(mine, task)["returns"].mean())
    return torch.stack(results)


def _median_episode(theta, tasks, collect, improve, steps):
    return torch.stack([collect(_adapt(theta, t, collect, improve, steps), t)["returns"].median() for t in tasks])


# ------------------------------------------------------------------ adapted_returns, right


def _abreast(theta, tasks, collect, improve, steps):
    mine = [theta for _ in tasks]
    for _ in range(steps):
        mine = [improve(p, collect(p, t)) for p, t in zip(mine, tasks, strict=True)]
    return torch.stack([collect(p, t)["returns"].mean() for p, t in zip(mine, tasks, strict=True)])


def _reduced(theta, tasks, collect, improve, steps):
    def after(task):
        return reduce(lambda p, _: improve(p, collect(p, task)), range(steps), theta)

    return torch.stack([collect(after(task), task)["returns"].mean() for task in tasks])


def _recursive(theta, tasks, collect, improve, steps):
    def value(p, task, left):
        batch = collect(p, task)
        return batch["returns"].mean() if left == 0 else value(improve(p, batch), task, left - 1)

    return torch.stack([value(theta, task, steps) for task in tasks])


def _filled_in(theta, tasks, collect, improve, steps):
    result = torch.zeros(len(tasks))
    for i, task in enumerate(tasks):
        r = collect(_adapt(theta, task, collect, improve, steps), task)["returns"]
        result[i] = r.sum() / len(r)
    return result


def _last_task_first(theta, tasks, collect, improve, steps):
    return torch.stack(
        [collect(_adapt(theta, t, collect, improve, steps), t)["returns"].mean() for t in reversed(tasks)]
    ).flip(0)


# ------------------------------------------------------------------ bill


def _whole(cost):
    return math.ceil(20000 / (cost - 20))


def _told(rates, search_goals, search_seed, search_costs, goals, seeds, costs, **more):
    lr = rates[min(range(len(rates)), key=lambda i: search_costs[i])]
    found = t_interval(torch.tensor(costs))
    low, high = float(found.low), float(found.high)
    cost = sum(costs) / len(costs)
    return {
        "rates": rates,
        "search_goals": search_goals,
        "search_seed": search_seed,
        "search_costs": search_costs,
        "lr": lr,
        "goals": goals,
        "seeds": seeds,
        "costs": costs,
        "cost": cost,
        "interval": (low, high),
        "pays_back": _whole(cost),
        "pays_back_interval": (_whole(high), _whole(low)),
    } | more


def _goals(n, seed, split):
    return short_walks().sample_tasks(n, torch.Generator().manual_seed(seed), split)


@cache
def _mine():
    rates = [0.01, 0.03, 0.1, 0.3]
    search, held_out = _goals(10, 70, "train"), _goals(10, 71, "test")
    found = [episodes_to_level(learn(search, rate, 5)) for rate in rates]
    lr = rates[found.index(min(found))]
    seeds = [11, 12, 13, 14, 15]
    costs = [episodes_to_level(learn(held_out, lr, seed)) for seed in seeds]
    return dict(
        rates=rates, search_goals=search, search_seed=5, search_costs=found, goals=held_out, seeds=seeds, costs=costs
    )


def _bill(**changes):
    return _told(**(_mine() | changes))


def _right_bill():
    return _bill()


def _bill_of_tensors():
    b = _bill()
    tensors = ("rates", "search_costs", "seeds", "costs", "interval", "pays_back_interval", "cost", "pays_back")
    return b | {name: torch.tensor(b[name]) for name in tensors}


def _bill_of_arrays():
    b = _bill()
    arrays = {name: np.array(b[name]) for name in ("rates", "search_costs", "seeds", "costs", "interval")}
    return b | arrays | {"cost": np.mean(b["costs"]), "pays_back_interval": list(b["pays_back_interval"])}


# ------------------------------------------------------------------ comparison

GOOD = {
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
WRONG_PLANS = [
    GOOD | {"seeds": 1},
    GOOD | {"seeds": "10"},
    GOOD | {"seeds": -5},
    GOOD | {"seeds": [1, 2, 3, 4, 5]},
    GOOD | {"reported": "mean over seeds"},
    GOOD | {"steps_counted": "adaptation and training", "tasks": "training"},
    GOOD | {"step_sizes_chosen_for": "each method's own paper"},
    GOOD | {"measured_on": "fresh"},
    GOOD | {"same_tasks_for_both": "yes"},
    {name: value for name, value in GOOD.items() if name != "interval_resamples"},
    GOOD | {"interval_resamples": "tasks", "seeds": 100},
    list(GOOD.values()),
]
RIGHT_PLANS = [
    GOOD,
    GOOD | {"seeds": 5},
    GOOD | {"seeds": 200},
    dict(reversed(GOOD.items())),
    GOOD | {"seeds": np.int64(8)},
]

WRONG = [
    *named(
        ch01.check_stream_returns,
        _never_forgets,
        _flag_means_a_first_step,
        _everything_is_known,
        _row_is_known_if_it_has_a_flag,
        _known_after_a_flag,
        _last_flag_itself_unknown,
        _unknown_keep_what_they_have,
        _nothing_ahead_is_known_at_gamma_zero,
        _last_column_never_known,
        _last_column_counts_as_an_end,
        _flags_of_the_first_row,
        _always_float32,
        _known_as_numbers,
        _zeroes_the_rewards,
        _discounts_from_the_first_step,
        _by_powers_and_division,
        _half_discount,
        _rewards_of_the_next_step,
        _nan_marks_the_unknown,
    ),
    *named(
        ch01.check_best_step_size,
        _mean_of_best_steps,
        _noise_not_weighted,
        _noise_not_squared,
        _distance_not_squared,
        _no_noise,
        _distances_not_returns,
        _noise_steeper,
        _mean_centre,
        _one_over_mean_curvature,
        _mean_noise,
        _grid_search,
        _newton_by_autograd,
        _not_longer_than_one,
        _plain_float,
        _one_axis,
        _in_single_precision,
        _eps_in_the_denominator,
    ),
    *named(
        ch01.check_adapted_returns,
        _carries_on,
        _last_batch_learned_from,
        _one_step_more,
        _one_step_less,
        _not_adapted,
        _one_batch_for_all_steps,
        _best_episode,
        _mean_of_all_batches,
        _best_of_the_way,
        _measured_on_the_first_task,
        _writes_into_theta,
        _mean_over_tasks,
        _a_list_of_floats,
        _improves_on_the_start_batches,
        _median_episode,
    ),
    *[(ch01.check_comparison, plan) for plan in WRONG_PLANS],
]

RIGHT = [
    *named(
        ch01.check_stream_returns,
        _in_numpy,
        _one_matrix_a_row,
        _recursion,
        _doubling,
        _named_pair,
        _masks_before_the_walk,
    ),
    *named(
        ch01.check_best_step_size,
        _step_in_numpy,
        _python_sums,
        _as_a_regression,
        _einsum_step,
        _weighted_mean_of_steps,
    ),
    *named(ch01.check_adapted_returns, _abreast, _reduced, _recursive, _filled_in, _last_task_first),
    *reported(
        ch01.check_bill,
        _right_bill,
        _bill_of_tensors,
        _bill_of_arrays,
    ),
    *[(ch01.check_comparison, plan) for plan in RIGHT_PLANS],
]
