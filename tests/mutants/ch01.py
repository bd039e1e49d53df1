"""Wrong answers to chapter 01's exercises."""

import math

import torch

from metarl_core.check import ch01
from mutants import Mutant

# ------------------------------------------------------------------ reward-to-go


def _backwards(rewards, discount):
    result, total = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for time in reversed(range(rewards.shape[1])):
        total = rewards[:, time] + discount * total
        result[:, time] = total
    return result


def _undiscounted(rewards, mask, discount):
    return (rewards * mask).flip(1).cumsum(1).flip(1)


def _late_start(rewards, mask, discount):
    result, total = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for time in reversed(range(rewards.shape[1])):
        total = discount * (rewards[:, time] * mask[:, time] + total)
        result[:, time] = total
    return result


def _from_start(rewards, mask, discount):
    powers = torch.tensor([discount**time for time in range(rewards.shape[1])])
    return (rewards * mask * powers).flip(1).cumsum(1).flip(1)


def _ignores_mask(rewards, mask, discount):
    return _backwards(rewards, discount)


def _masks_result_only(rewards, mask, discount):
    return _backwards(rewards, discount).masked_fill(~mask, 0.0)


def _past(rewards, mask, discount):
    result, total = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for time in range(rewards.shape[1]):
        total = rewards[:, time] + discount * total
        result[:, time] = total * mask[:, time]
    return result


def _whole_return(rewards, mask, discount):
    powers = torch.tensor([discount**time for time in range(rewards.shape[1])])
    return (rewards * mask * powers).sum(1, keepdim=True).expand_as(rewards) * mask


def _wrong_axis(rewards, mask, discount):
    return _backwards((rewards * mask).T, discount).T * mask


def _present_missing(rewards, mask, discount):
    taken = torch.where(mask, rewards, 0.0)
    return _backwards(taken, discount) - taken


def _by_powers_and_division(rewards, mask, discount):
    powers = (torch.ones_like(rewards) * discount).cumprod(1) / discount
    taken = torch.where(mask, rewards, 0.0)
    ahead = [(powers[:, t:] * taken[:, t:]).sum(1) / powers[:, t] for t in range(rewards.shape[1])]
    return torch.where(mask, torch.stack(ahead, 1), 0.0)


def _multiplies_by_the_mask(rewards, mask, discount):
    return _backwards(rewards * mask, discount)


def _multiplies_and_cleans(rewards, mask, discount):
    return _backwards(rewards * mask.to(rewards.dtype), discount).masked_fill(~mask, 0.0)


# ------------------------------------------------------------------ the meta-optimum


def _multi_task(curvature, centre, inner_lr, steps):
    return (curvature * centre).sum() / curvature.sum()


def _plain_mean(curvature, centre, inner_lr, steps):
    return centre.mean()


def _sign_flip(curvature, centre, inner_lr, steps):
    shrink = torch.ones_like(curvature)
    for _ in range(steps):
        shrink = shrink + inner_lr * curvature * shrink
    weight = curvature * shrink**2
    return (weight * centre).sum() / weight.sum()


def _first_order(curvature, centre, inner_lr, steps):
    weight = curvature * (1 - inner_lr * curvature).pow(steps)
    return torch.dot(weight, centre) / weight.sum()


def _no_outer_curvature(curvature, centre, inner_lr, steps):
    weight = (1 - inner_lr * curvature).pow(steps).square()
    return torch.dot(weight, centre) / weight.sum()


def _one_step(curvature, centre, inner_lr, steps):
    weight = curvature * (1 - inner_lr * curvature).square()
    return torch.dot(weight, centre) / weight.sum()


def _steps_add_up(curvature, centre, inner_lr, steps):
    weight = curvature * (1 - inner_lr * curvature * steps).square()
    return torch.dot(weight, centre) / weight.sum()


def _inner_sees_half(curvature, centre, inner_lr, steps):
    weight = curvature * (1 - 0.5 * inner_lr * curvature).pow(steps).square()
    return torch.dot(weight, centre) / weight.sum()


def _not_normalised(curvature, centre, inner_lr, steps):
    shrink = (1 - inner_lr * curvature).pow(steps)
    return torch.einsum("t,t,t,t->", curvature, shrink, shrink, centre)


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


# ------------------------------------------------------------------ break-even


def _divides_by_zero(training, scratch, adapted):
    return math.inf if adapted > scratch else math.ceil(training / (scratch - adapted))


def _negative(training, scratch, adapted):
    if adapted == scratch:
        return math.inf
    return math.ceil(training / (scratch - adapted))


def _adaptation_free(training, scratch, adapted):
    return math.inf if adapted >= scratch else math.ceil(training / scratch)


def _floor(training, scratch, adapted):
    return math.inf if adapted >= scratch else int(training / (scratch - adapted))


def _one_more(training, scratch, adapted):
    if adapted >= scratch:
        return math.inf
    tasks = 1
    while training + tasks * adapted >= tasks * scratch:
        tasks += 1
    return tasks


def _nearest(training, scratch, adapted):
    return math.inf if adapted >= scratch else int(training / (scratch - adapted) + 0.5)


def _none_for_never(training, scratch, adapted):
    if scratch > adapted:
        return -(-training // (scratch - adapted))


def _not_whole(training, scratch, adapted):
    return math.inf if adapted >= scratch else training / (scratch - adapted)


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


def _optimum_steps_from_zero(curvature, centre, inner_lr, steps):
    weight = curvature.clone()
    for _ in range(1, steps):
        weight = weight * (1 - inner_lr * curvature) ** 2
    return (weight * centre).sum() / weight.sum()


MUTANTS = [
    Mutant(ch01.check_reward_to_go, "undiscounted", _undiscounted),
    Mutant(ch01.check_reward_to_go, "late_start", _late_start),
    Mutant(ch01.check_reward_to_go, "from_start", _from_start),
    Mutant(ch01.check_reward_to_go, "ignores_mask", _ignores_mask),
    Mutant(ch01.check_reward_to_go, "masks_result_only", _masks_result_only),
    Mutant(ch01.check_reward_to_go, "past", _past),
    Mutant(ch01.check_reward_to_go, "whole_return", _whole_return),
    Mutant(ch01.check_reward_to_go, "wrong_axis", _wrong_axis),
    Mutant(ch01.check_reward_to_go, "present_missing", _present_missing),
    Mutant(ch01.check_reward_to_go, "no_gamma_zero", _by_powers_and_division),
    Mutant(ch01.check_reward_to_go, "nan_from_padding", _multiplies_by_the_mask),
    Mutant(ch01.check_reward_to_go, "nan_from_padding", _multiplies_and_cleans),
    Mutant(ch01.check_meta_optimum, "multi_task", _multi_task),
    Mutant(ch01.check_meta_optimum, "plain_mean", _plain_mean),
    Mutant(ch01.check_meta_optimum, "sign_flip", _sign_flip),
    Mutant(ch01.check_meta_optimum, "first_order", _first_order),
    Mutant(ch01.check_meta_optimum, "no_outer_curvature", _no_outer_curvature),
    Mutant(ch01.check_meta_optimum, "one_step", _one_step),
    Mutant(ch01.check_meta_optimum, "steps_add_up", _steps_add_up),
    Mutant(ch01.check_meta_optimum, "inner_sees_half", _inner_sees_half),
    Mutant(ch01.check_meta_optimum, "not_normalised", _not_normalised),
    Mutant(ch01.check_adapted_returns, "both_bugs", _both_bugs),
    Mutant(ch01.check_adapted_returns, "leak", _leak),
    Mutant(ch01.check_adapted_returns, "support", _support),
    Mutant(ch01.check_adapted_returns, "one_step_too_many", _one_step_too_many),
    Mutant(ch01.check_adapted_returns, "restart", _restart),
    Mutant(ch01.check_adapted_returns, "before", _before),
    Mutant(ch01.check_adapted_returns, "gain", _gain),
    Mutant(ch01.check_adapted_returns, "stale_batch", _stale_batch),
    Mutant(ch01.check_break_even, "divides_by_zero", _divides_by_zero),
    Mutant(ch01.check_break_even, "negative", _negative),
    Mutant(ch01.check_break_even, "adaptation_free", _adaptation_free),
    Mutant(ch01.check_break_even, "floor", _floor),
    Mutant(ch01.check_break_even, "one_more", _one_more),
    Mutant(ch01.check_break_even, "nearest", _nearest),
    Mutant(ch01.check_break_even, "none_for_never", _none_for_never),
    Mutant(ch01.check_break_even, "not_whole", _not_whole),
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
    Mutant(ch01.check_meta_optimum, "one_step_too_few", _optimum_steps_from_zero),
]
