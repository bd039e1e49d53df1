"""Wrong answers to chapter 01's exercises."""

import math

import torch
from attacks import ch01_sixth as first

from metarl_core.check import ch01
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import short_walks
from mutants import Mutant

# ------------------------------------------------------------------ returns of a stream


def _stream(rewards, ended, discount, total=None, flag=None):
    """Column by column from the back; `total` and `flag` say what becomes of what came later."""
    total = total or (lambda reward, end, later: reward + discount * torch.where(end, 0.0, later))
    flag = flag or (lambda end, later: end | later)
    returns, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    later, certain = torch.zeros_like(rewards[:, 0]), torch.zeros_like(ended[:, 0])
    for t in range(rewards.shape[1] - 1, -1, -1):
        later = total(rewards[:, t], ended[:, t], later)
        certain = flag(ended[:, t], certain)
        returns[:, t], known[:, t] = later, certain
    return returns * known, known


def _runs_on(rewards, ended, discount):
    return _stream(rewards, ended, discount, total=lambda reward, end, later: reward + discount * later)


def _one_stream(rewards, ended, discount):
    return _stream(
        rewards, ended, discount, total=lambda r, end, later: r + discount * later, flag=lambda end, _: end | True
    )


def _unfinished_counts(rewards, ended, discount):
    return _stream(rewards, ended, discount, flag=lambda end, _: torch.ones_like(end))


def _unfinished_not_zero(rewards, ended, discount):
    known = _stream(rewards, ended, discount)[1]
    return _unfinished_counts(rewards, ended, discount)[0], known


def _last_reward_lost(rewards, ended, discount):
    going = (~ended).to(rewards.dtype)
    returns, later = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        later = going[:, t] * (rewards[:, t] + discount * later)
        returns[:, t] = later
    known = _stream(rewards, ended, discount)[1]
    return returns * known, known


def _a_step_late(rewards, ended, discount):
    returns, later = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        stops = ended[:, t - 1] if t > 0 else torch.zeros_like(ended[:, 0])
        later = rewards[:, t] + discount * torch.where(stops, 0.0, later)
        returns[:, t] = later
    known = _stream(rewards, ended, discount)[1]
    return returns * known, known


def _undiscounted(rewards, ended, discount):
    return _stream(rewards, ended, 1.0)


def _late_start(rewards, ended, discount):
    return _stream(
        rewards, ended, discount, total=lambda reward, end, later: discount * (reward + torch.where(end, 0.0, later))
    )


def _from_start(rewards, ended, discount):
    result, known = torch.zeros_like(rewards), _stream(rewards, ended, discount)[1]
    for row in range(len(rewards)):
        begin = 0
        for last in ended[row].nonzero()[:, 0].tolist():
            powers = torch.tensor([discount**k for k in range(last + 1 - begin)], dtype=rewards.dtype)
            result[row, begin : last + 1] = (powers * rewards[row, begin : last + 1]).flip(0).cumsum(0).flip(0)
            begin = last + 1
    return result, known


def _present_missing(rewards, ended, discount):
    returns, known = _stream(rewards, ended, discount)
    return returns - rewards * known, known


def _past(rewards, ended, discount):
    result, so_far = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for t in range(rewards.shape[1]):
        so_far = rewards[:, t] + discount * so_far
        result[:, t] = so_far
        so_far = torch.where(ended[:, t], 0.0, so_far)
    known = _stream(rewards, ended, discount)[1]
    return result * known, known


def _only_ends_known(rewards, ended, discount):
    return rewards * ended, ended.clone()


def _whole_rows(rewards, ended, discount):
    complete = ended[:, -1:]
    returns, known = _stream(rewards, ended, discount)
    return returns * complete, known & complete


def _first_episode_only(rewards, ended, discount):
    returns, known = _stream(rewards, ended, discount)
    first = (ended.long().cumsum(1) - ended.long()) == 0
    return returns * first, known & first


# ------------------------------------------------------------------ the best step size


def _noise_left_out(curvature, centre, theta, noise):
    slope = curvature * (centre - theta)
    return slope.dot(slope) / (curvature * slope).dot(slope)


def _noise_raises_the_step(curvature, centre, theta, noise):
    gradient = curvature * (centre - theta)
    return (gradient.square() + noise.square()).sum() / (curvature * gradient.square()).sum()


def _noise_is_signal(curvature, centre, theta, noise):
    squares = (curvature * (centre - theta)).square() + noise.square()
    return squares.sum() / torch.dot(curvature, squares)


def _start_left_out(curvature, centre, theta, noise):
    gradient = curvature * centre
    return gradient.square().sum() / (curvature * (gradient.square() + noise.square())).sum()


def _each_tasks_own(curvature, centre, theta, noise):
    return curvature.reciprocal().mean()


def _mean_of_each_tasks_best(curvature, centre, theta, noise):
    """The right formula, of each task alone."""
    away = (theta - centre) ** 2
    return torch.stack(
        [(a * a * d) / (a**3 * d + a * s * s) for a, d, s in zip(curvature, away, noise, strict=True)]
    ).mean()


def _mean_curvature(curvature, centre, theta, noise):
    return curvature.mean().reciprocal()


def _steepest_task(curvature, centre, theta, noise):
    return 1.0 / max(curvature)


def _distance_left_out(curvature, centre, theta, noise):
    return (curvature**2).sum() / (curvature * (curvature**2 + noise**2)).sum()


def _noise_not_squared(curvature, centre, theta, noise):
    gradient = curvature * (centre - theta)
    return gradient.square().sum() / (curvature * (gradient.square() + noise)).sum()


def _noise_shrinks(curvature, centre, theta, noise):
    distance = centre - theta
    return (curvature * distance).square().sum() / (curvature**3 * (distance.square() + noise.square())).sum()


def _noise_without_curvature(curvature, centre, theta, noise):
    gradient = curvature * (centre - theta)
    return gradient.square().sum() / ((curvature * gradient.square()).sum() + noise.square().sum())


def _distances_not_returns(curvature, centre, theta, noise):
    distance = theta - centre
    return (curvature * distance**2).sum() / ((curvature * distance) ** 2 + noise**2).sum()


def _distance_not_squared(curvature, centre, theta, noise):
    distance = theta - centre
    return (curvature**2 * distance).sum() / (curvature**3 * distance + curvature * noise**2).sum()


def _size(curvature, centre, theta, noise):
    gradient = curvature * (centre - theta)
    return gradient.square().sum() / (curvature * (gradient.square() + noise.square())).sum()


# ------------------------------------------------------------------ the bill


FAMILY = short_walks()


def _train_goals(seed=100, n=10):
    return FAMILY.sample_tasks(n, seeded(seed), "train")


def _test_goals(seed=200, n=10):
    return FAMILY.sample_tasks(n, seeded(seed), "test")


# What `learn` gives: costs of five rates on the goals of seed 100, of the rate 0.1 for five seeds on those of seed 200.
BILL = {
    "rates": [0.003, 0.01, 0.03, 0.1, 0.3],
    "search_goals": _train_goals(),
    "search_seed": 0,
    "search_costs": [math.inf, 660, 260, 160, 420],
    "lr": 0.1,
    "goals": _test_goals(),
    "seeds": [1, 2, 3, 4, 5],
    "costs": [180, 200, 220, 160, 180],
    "cost": 188,
    "interval": (159.686, 216.314),
    "pays_back": 120,
    "pays_back_interval": (102, 144),
}


def _bill(**changes):
    return BILL | changes


def _near_goals():
    """The ten of four hundred that are nearest to the start."""
    goals = _test_goals(300, 400)["goal"]
    return {"goal": goals[goals.norm(dim=-1).argsort()[:10]]}


BILLS = {
    "few_seeds": _bill(seeds=[1, 2, 3], costs=[180, 200, 220], cost=200, interval=(150, 250)),
    "seed_twice": _bill(seeds=[1, 2, 3, 4, 5, 5], costs=[180, 200, 220, 160, 180, 180]),
    "few_goals": _bill(goals=_test_goals(n=4)),
    "search_on_test": _bill(search_goals=_test_goals(100)),
    "measured_on_training": _bill(goals=_train_goals(200)),
    "twins": _bill(search_goals=_train_goals(200)),
    "two_rates": _bill(rates=[0.01, 0.1], search_costs=[660, 160]),
    "not_the_best": _bill(lr=0.03),
    "edge": _bill(rates=[0.003, 0.01, 0.03], search_costs=[math.inf, 660, 260], lr=0.03),
    "search_reported": _bill(cost=160, interval=(160, 160)),
    "best_seed": _bill(search_costs=[math.inf, 660, 260, 180, 420], cost=160),
    "not_the_mean": _bill(cost=200),
    "not_an_interval": _bill(interval=(216.314, 159.686)),
    "extremes": _bill(interval=(160, 220)),
    "standard_deviation": _bill(interval=(188 - 22.804, 188 + 22.804)),
    "standard_error": _bill(interval=(188 - 10.198, 188 + 10.198)),
    "normal_interval": _bill(interval=(168.01, 207.99)),
    "divides_by_n": _bill(interval=(188 - 25.33, 188 + 25.33)),
    "one_sided": _bill(interval=(188 - 21.74, 188 + 21.74)),
    "off_centre": _bill(interval=(180 - 28.314, 180 + 28.314)),
    "too_narrow": _bill(interval=(188 - 24, 188 + 24)),
    "too_wide": _bill(interval=(188 - 46.95, 188 + 46.95)),
    "adaptation_free": _bill(pays_back=107),
    "too_early": _bill(pays_back=119),
    "too_late": _bill(pays_back=121),
    "ends_not_swapped": _bill(pays_back_interval=(144, 102)),
    "wrong_ends": _bill(pays_back_interval=(110, 130)),
    "poorly_tuned": _bill(rates=[0.003, 0.01, 0.02, 0.5], search_costs=[math.inf, 660, 380, math.inf], lr=0.02),
    "search_not_repeated": _bill(search_costs=[math.inf, 660, 260, 80, 420]),
    "counted_after": _bill(
        search_costs=[math.inf, 680, 280, 180, 440], costs=[200, 220, 240, 180, 200], cost=208,
        interval=(179.686, 236.314), pays_back=107, pays_back_interval=(93, 126),
    ),
    "losers_not_repeated": _bill(search_costs=[800, 660, 400, 160, 300]),
    "seed_not_repeated": _bill(
        costs=[100, 120, 140, 80, 100], cost=108, interval=(79.686, 136.314), pays_back=228,
        pays_back_interval=(172, 336),
    ),
    "chosen_goals": _bill(
        goals=_near_goals(), costs=[100, 120, 120, 80, 100], cost=104, interval=(83.223, 124.777), pays_back=239,
        pays_back_interval=(191, 317),
    ),
}  # fmt: skip


# ------------------------------------------------------------------ the evaluation


def _both_bugs(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        for _ in range(steps):
            batch = collect(theta, task)
            theta = improve(theta, batch)
        results.append(batch["returns"].mean())
    return torch.stack(results)


def _leak(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        for _ in range(steps):
            theta = improve(theta, collect(theta, task))
        results.append(collect(theta, task)["returns"].mean())
    return torch.stack(results)


def _support(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            batch = collect(adapted, task)
            adapted = improve(adapted, batch)
        results.append(batch["returns"].mean())
    return torch.stack(results)


def _one_step_too_many(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted = theta
        for _ in range(steps + 1):
            adapted = improve(adapted, collect(adapted, task))
        results.append(collect(adapted, task)["returns"].mean())
    return torch.stack(results)


def _restart(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        for _ in range(steps):
            adapted = improve(theta, collect(theta, task))
        results.append(collect(adapted, task)["returns"].mean())
    return torch.stack(results)


def _before(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(adapted, collect(adapted, task))
        results.append(collect(theta, task)["returns"].mean())
    return torch.stack(results)


def _gain(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = improve(adapted, collect(adapted, task))
        results.append((collect(adapted, task)["returns"] - collect(theta, task)["returns"]).mean())
    return torch.stack(results)


def _stale_batch(theta, tasks, collect, improve, steps):
    results = []
    for task in tasks:
        batch, adapted = collect(theta, task), theta
        for _ in range(steps):
            adapted = improve(adapted, batch)
        results.append(collect(adapted, task)["returns"].mean())
    return torch.stack(results)


# ------------------------------------------------------------------ the plan

GOOD = {
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


MUTANTS = [
    Mutant(ch01.check_stream_returns, "runs_on", _runs_on),
    Mutant(ch01.check_stream_returns, "one_stream", _one_stream),
    Mutant(ch01.check_stream_returns, "unfinished_counts", _unfinished_counts),
    Mutant(ch01.check_stream_returns, "unfinished_not_zero", _unfinished_not_zero),
    Mutant(ch01.check_stream_returns, "last_reward_lost", _last_reward_lost),
    Mutant(ch01.check_stream_returns, "a_step_late", _a_step_late),
    Mutant(ch01.check_stream_returns, "flag_at_first_step", first.begins_where_the_flag_is),
    Mutant(ch01.check_stream_returns, "flag_at_first_step", first.and_the_last_episode_is_whole),
    Mutant(ch01.check_stream_returns, "undiscounted", _undiscounted),
    Mutant(ch01.check_stream_returns, "late_start", _late_start),
    Mutant(ch01.check_stream_returns, "from_start", _from_start),
    Mutant(ch01.check_stream_returns, "present_missing", _present_missing),
    Mutant(ch01.check_stream_returns, "past", _past),
    Mutant(ch01.check_stream_returns, "only_ends_known", _only_ends_known),
    Mutant(ch01.check_stream_returns, "whole_rows", _whole_rows),
    Mutant(ch01.check_stream_returns, "first_episode_only", _first_episode_only),
    Mutant(ch01.check_best_step_size, "noise_left_out", _noise_left_out),
    Mutant(ch01.check_best_step_size, "noise_raises_the_step", _noise_raises_the_step),
    Mutant(ch01.check_best_step_size, "noise_is_signal", _noise_is_signal),
    Mutant(ch01.check_best_step_size, "start_left_out", _start_left_out),
    Mutant(ch01.check_best_step_size, "each_tasks_own", _each_tasks_own),
    Mutant(ch01.check_best_step_size, "each_tasks_own", _mean_of_each_tasks_best),
    Mutant(ch01.check_best_step_size, "mean_curvature", _mean_curvature),
    Mutant(ch01.check_best_step_size, "steepest_task", _steepest_task),
    Mutant(ch01.check_best_step_size, "distance_left_out", _distance_left_out),
    Mutant(ch01.check_best_step_size, "noise_not_squared", _noise_not_squared),
    Mutant(ch01.check_best_step_size, "noise_shrinks", _noise_shrinks),
    Mutant(ch01.check_best_step_size, "noise_without_curvature", _noise_without_curvature),
    Mutant(ch01.check_best_step_size, "distances_not_returns", _distances_not_returns),
    Mutant(ch01.check_best_step_size, "distance_not_squared", _distance_not_squared),
    Mutant(ch01.check_best_step_size, "twice", lambda *given: 2 * _size(*given)),
    Mutant(ch01.check_best_step_size, "sign", lambda *given: -_size(*given)),
    *[Mutant(ch01.check_bill, misconception, report) for misconception, report in BILLS.items()],
    Mutant(ch01.check_adapted_returns, "both_bugs", _both_bugs),
    Mutant(ch01.check_adapted_returns, "leak", _leak),
    Mutant(ch01.check_adapted_returns, "support", _support),
    Mutant(ch01.check_adapted_returns, "one_step_too_many", _one_step_too_many),
    Mutant(ch01.check_adapted_returns, "restart", _restart),
    Mutant(ch01.check_adapted_returns, "before", _before),
    Mutant(ch01.check_adapted_returns, "gain", _gain),
    Mutant(ch01.check_adapted_returns, "stale_batch", _stale_batch),
    Mutant(ch01.check_comparison, "few_seeds", {**GOOD, "seeds": 3}),
    Mutant(ch01.check_comparison, "training_tasks", {**GOOD, "tasks": "training"}),
    Mutant(ch01.check_comparison, "unpaired", {**GOOD, "same_tasks_for_both": False}),
    Mutant(ch01.check_comparison, "search_on_test", {**GOOD, "step_sizes_chosen_on": "held-out tasks"}),
    Mutant(ch01.check_comparison, "other_budget", {**GOOD, "step_sizes_chosen_for": "a larger budget"}),
    Mutant(ch01.check_comparison, "own_paper", {**GOOD, "step_sizes_chosen_for": "each method's own paper"}),
    Mutant(ch01.check_comparison, "support_measured", {**GOOD, "measured_on": "episodes that adaptation learned from"}),
    Mutant(ch01.check_comparison, "hidden_steps", {**GOOD, "steps_counted": "adaptation and training"}),
    Mutant(ch01.check_comparison, "best_seed", {**GOOD, "reported": "best seed"}),
    Mutant(ch01.check_comparison, "no_interval", {**GOOD, "reported": "mean over seeds"}),
    Mutant(ch01.check_comparison, "tasks_resampled", {**GOOD, "interval_resamples": "tasks"}),
]
