"""Answers to chapter 01's exercises."""

import copy
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch01

# ------------------------------------------------------------------ returns of a stream, wrong


def _right(rewards, ended, discount):
    """Where the others leave from: (returns without a mask, known)."""
    returns, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    total, certain = torch.zeros_like(rewards[:, 0]), torch.zeros_like(ended[:, 0])
    for t in reversed(range(rewards.shape[1])):
        certain = certain | ended[:, t]
        total = rewards[:, t] + discount * torch.where(ended[:, t], 0.0, total)
        returns[:, t], known[:, t] = total, certain
    return returns, known


def _masked(rewards, ended, discount):
    returns, known = _right(rewards, ended, discount)
    return returns * known, known


def _nan_where_unknown(rewards, ended, discount):
    returns, known = _right(rewards, ended, discount)
    return torch.where(known, returns, torch.nan), known


def _known_at_gamma_zero(rewards, ended, discount):
    returns, known = _right(rewards, ended, discount)
    known = known | (discount == 0)
    return returns * known, known


def _flags_as_numbers(rewards, ended, discount):
    returns, known = _masked(rewards, ended, discount)
    return returns, known.to(rewards.dtype)


def _only_returns(rewards, ended, discount):
    return _masked(rewards, ended, discount)[0]


def _unfinished_swapped(rewards, ended, discount):
    returns, known = _masked(rewards, ended, discount)
    return returns, ~known


def _ends_when_any_row_ends(rewards, ended, discount):
    return _masked(rewards, ended.any(0, keepdim=True).expand_as(ended), discount)


def _ends_of_the_first_row(rewards, ended, discount):
    return _masked(rewards, ended[:1].expand_as(ended), discount)


def _last_column_is_an_end(rewards, ended, discount):
    closed = ended.clone()
    closed[:, -1] = True
    return _masked(rewards, closed, discount)


def _closes_the_callers_record(rewards, ended, discount):
    result = _masked(rewards, ended, discount)
    rewards[~result[1]] = 0.0
    return result


def _gamma_is_fixed(rewards, ended, discount):
    return _masked(rewards, ended, 0.5)


def _bfloat_inside(rewards, ended, discount):
    returns, known = _masked(rewards.bfloat16(), ended, discount)
    return returns.to(rewards.dtype), known


def _at_most_twenty_steps(rewards, ended, discount):
    returns, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    for ahead in range(20):
        for t in range(rewards.shape[1] - ahead):
            inside = ~ended[:, t : t + ahead].any(1)
            returns[:, t] += discount**ahead * rewards[:, t + ahead] * inside
            known[:, t] |= inside & ended[:, t + ahead]
    return returns * known, known


def _divides_by_powers(rewards, ended, discount):
    returns, known, start = torch.zeros_like(rewards), torch.zeros_like(ended), 0
    powers = (torch.full_like(rewards, discount)).cumprod(1) / discount
    for row in range(len(rewards)):
        start = 0
        for end in ended[row].nonzero()[:, 0].tolist():
            part = slice(start, end + 1)
            weighted = (powers[row, part] * rewards[row, part]).flip(0).cumsum(0).flip(0)
            returns[row, part], known[row, part], start = weighted / powers[row, part], True, end + 1
    return returns, known


def _longest_episode_only(rewards, ended, discount):
    returns, known = _masked(rewards, ended, discount)
    number = ended.long().cumsum(1) - ended.long()
    best = number.mode(1, keepdim=True).values
    return returns * (number == best), known & (number == best)


def _mean_reward_to_go(rewards, ended, discount):
    returns, known = _masked(rewards, ended, discount)
    steps, _ = _masked(torch.ones_like(rewards), ended, 1.0)
    return returns / steps.clamp(min=1), known


def _rows_are_columns(rewards, ended, discount):
    returns, known = _masked(rewards.T, ended.T, discount)
    return returns.T, known.T


def _carries_a_graph(rewards, ended, discount):
    returns, known = _masked(rewards, ended, discount)
    return returns.requires_grad_(), known


# ------------------------------------------------------------------ returns of a stream, right


def _episode_by_episode(rewards, ended, discount):
    returns, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    for row in range(len(rewards)):
        start = 0
        for end in ended[row].nonzero().flatten().tolist():
            following = 0.0
            for t in range(end, start - 1, -1):
                following = float(rewards[row, t]) + discount * following
                returns[row, t], known[row, t] = following, True
            start = end + 1
    return returns, known


def _pairs_of_steps(rewards, ended, discount):
    """A matrix of weights: gamma to the distance where two steps are of one finished episode."""
    n = rewards.shape[1]
    number = ended.long().cumsum(1) - ended.long()
    time = torch.arange(n)
    ahead = (time[None, :] - time[:, None]).clamp(min=0)
    weights = torch.tensor([discount**k for k in range(n)], dtype=rewards.dtype)[ahead].triu()
    same = (number[:, :, None] == number[:, None, :]).to(rewards.dtype)
    known = number < ended.sum(1, keepdim=True)
    return torch.einsum("rtk,tk,rk->rt", same, weights, rewards) * known, known


def _numpy_loop(rewards, ended, discount):
    r, e = rewards.numpy().copy(), ended.numpy()
    known = np.flip(np.logical_or.accumulate(np.flip(e, 1), axis=1), 1)
    for t in range(r.shape[1] - 2, -1, -1):
        r[:, t] += np.where(e[:, t], 0, discount * r[:, t + 1])
    return torch.from_numpy(np.where(known, r, 0)).to(rewards.dtype), torch.from_numpy(known.copy())


def _shift_and_add(rewards, ended, discount):
    known = ended.flip(1).cumsum(1).flip(1) > 0
    clean, going = torch.where(known, rewards, 0.0), ~ended
    result, alive = torch.zeros_like(rewards), torch.ones_like(ended)
    for k in range(rewards.shape[1]):
        moved = torch.nn.functional.pad(clean, (0, k))[:, k:]
        result = result + discount**k * moved * alive
        alive = alive & torch.nn.functional.pad(going, (0, k))[:, k:]
    return result, known


def _recursion(rewards, ended, discount):
    if rewards.shape[1] == 0:
        return rewards, ended
    later, sure = _recursion(rewards[:, 1:], ended[:, 1:], discount)
    end = ended[:, :1]
    next_return = later[:, :1] if later.shape[1] else torch.zeros_like(rewards[:, :1])
    next_known = sure[:, :1] if sure.shape[1] else torch.zeros_like(end)
    known = end | next_known
    own = torch.where(known, rewards[:, :1] + discount * torch.where(end, 0.0, next_return), 0.0)
    return torch.cat([own, later], 1), torch.cat([known, sure], 1)


def _as_a_list(rewards, ended, discount):
    return list(_masked(rewards, ended, discount))


# ------------------------------------------------------------------ the best step size, wrong


def _slopes(curvature, centre, theta):
    return curvature * (theta - centre)


def _ratio(gain, cost):
    return gain.sum() / cost.sum()


def _mean_of_ratios(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return (g**2 / (curvature * (g**2 + noise**2)).clamp(min=1e-12)).mean()


def _noise_is_shared(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2, curvature * (g**2 + noise.mean() ** 2))


def _first_noise_for_all(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2, curvature * (g**2 + noise[0] ** 2))


def _noise_twice(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2, curvature * (g**2 + 2 * noise**2))


def _noise_raises_the_step(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2 + noise**2, curvature * g**2)


def _noise_on_both_sides(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2 + noise**2, curvature * (g**2 + noise**2))


def _absolute_slopes(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta).abs()
    return _ratio(g, curvature * (g + noise))


def _from_the_origin(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, 0.0)
    return _ratio(g**2, curvature * (g**2 + noise**2))


def _at_most_one(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2, curvature * (g**2 + noise**2)).clamp(max=1.0)


def _no_further_than_the_steepest(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return torch.minimum(_ratio(g**2, curvature * (g**2 + noise**2)), 2 / curvature.max())


def _keeps_an_axis(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return _ratio(g**2, curvature * (g**2 + noise**2))[None]


def _a_small_number_below(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return (g**2).sum() / ((curvature * (g**2 + noise**2)).sum() + 1e-4)


def _plain_float(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    return float(_ratio(g**2, curvature * (g**2 + noise**2)))


def _on_a_grid(curvature, centre, theta, noise):
    alpha = torch.linspace(0, 3, 3001, dtype=curvature.dtype)[:, None]
    squares = ((1 - alpha * curvature) * (theta - centre)) ** 2 + (alpha * noise) ** 2
    return alpha[(curvature * squares).mean(1).argmin(), 0]


def _by_autograd(curvature, centre, theta, noise):
    def loss(alpha):
        squares = ((1 - alpha * curvature) * (theta - centre)) ** 2 + (alpha * noise) ** 2
        return (curvature * squares).sum()

    zero = torch.zeros((), dtype=curvature.dtype)
    return -torch.func.grad(loss)(zero) / torch.func.grad(torch.func.grad(loss))(zero)


def _by_drawing(curvature, centre, theta, noise):
    g = _slopes(curvature, centre, theta)
    errors = noise * torch.randn(20_000, len(noise), dtype=noise.dtype)
    return _ratio(g**2, (curvature * (g + errors) ** 2).mean(0))


def _single_precision(curvature, centre, theta, noise):
    g, a = _slopes(curvature.float(), centre.float(), theta), curvature.float()
    return _ratio(g**2, a * (g**2 + noise.float() ** 2)).to(curvature.dtype)


# ------------------------------------------------------------------ the best step size, right


def _distances(curvature, centre, theta, noise):
    d = centre - theta
    return torch.dot(curvature**2, d**2) / (torch.dot(curvature**3, d**2) + torch.dot(curvature, noise**2))


def _by_fractions(curvature, centre, theta, noise):
    top = bottom = Fraction(0)
    for a, c, s in zip(curvature.tolist(), centre.tolist(), noise.tolist(), strict=True):
        a, g = Fraction(a), Fraction(a) * (Fraction(theta) - Fraction(c))
        top, bottom = top + g * g, bottom + a * (g * g + Fraction(s) ** 2)
    return torch.tensor(float(top / bottom), dtype=curvature.dtype)


def _vertex_of_a_parabola(curvature, centre, theta, noise):
    a, c, s = curvature.double(), centre.double(), noise.double()

    def value(alpha):
        return -0.5 * (a * (((1 - alpha * a) * (theta - c)) ** 2 + (alpha * s) ** 2)).mean()

    left, middle, right = value(-1.0), value(0.0), value(1.0)
    return ((left - right) / (2 * (left - 2 * middle + right))).to(curvature.dtype)


def _numpy_dot(curvature, centre, theta, noise):
    a, c, s = (x.double().numpy() for x in (curvature, centre, noise))
    g = a * (c - theta)
    return torch.tensor(g @ g / (a @ (g * g + s * s)), dtype=curvature.dtype)


def _weighted_mean_of_inverses(curvature, centre, theta, noise):
    g = curvature * (theta - centre)
    weight = curvature * (g**2 + noise**2)
    return torch.sum(weight / weight.sum() * (g**2 / (curvature * (g**2 + noise**2)).clamp(min=1e-30)))


def _column_vectors(curvature, centre, theta, noise):
    g = (curvature * (theta - centre))[:, None]
    error = noise.diag_embed()
    return ((g.mT @ g) / (g.mT @ curvature.diag() @ g + (error @ curvature.diag() @ error).trace())).squeeze()


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
        (ch01.check_stream_returns, answer)
        for answer in (
            _nan_where_unknown,
            _known_at_gamma_zero,
            _flags_as_numbers,
            _only_returns,
            _unfinished_swapped,
            _ends_when_any_row_ends,
            _ends_of_the_first_row,
            _last_column_is_an_end,
            _closes_the_callers_record,
            _gamma_is_fixed,
            _bfloat_inside,
            _at_most_twenty_steps,
            _divides_by_powers,
            _longest_episode_only,
            _mean_reward_to_go,
            _rows_are_columns,
            _carries_a_graph,
        )
    ],
    *[
        (ch01.check_best_step_size, answer)
        for answer in (
            _mean_of_ratios,
            _noise_is_shared,
            _first_noise_for_all,
            _noise_twice,
            _noise_raises_the_step,
            _noise_on_both_sides,
            _absolute_slopes,
            _from_the_origin,
            _at_most_one,
            _no_further_than_the_steepest,
            _keeps_an_axis,
            _a_small_number_below,
            _plain_float,
            _on_a_grid,
            _by_autograd,
            _by_drawing,
            _single_precision,
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
    *[(ch01.check_comparison, PLAN | change) for change in BAD_PLANS],
    (ch01.check_comparison, {}),
    (ch01.check_comparison, list(PLAN.items())),
]
RIGHT = [
    *[
        (ch01.check_stream_returns, answer)
        for answer in (
            _episode_by_episode,
            _pairs_of_steps,
            _numpy_loop,
            _shift_and_add,
            _recursion,
            _as_a_list,
        )
    ],
    *[
        (ch01.check_best_step_size, answer)
        for answer in (
            _distances,
            _by_fractions,
            _vertex_of_a_parabola,
            _numpy_dot,
            _weighted_mean_of_inverses,
            _column_vectors,
        )
    ],
    *[(ch01.check_comparison, PLAN | change) for change in GOOD_PLANS],
]
