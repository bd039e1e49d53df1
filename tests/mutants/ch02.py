"""Wrong answers to the exercises of chapter 02, written as a learner would write them."""

import math

import torch

from metarl_core.check import ch02
from mutants import Mutant


def _right_step(position, action, wind, goal):
    following = (position + action.clamp(-0.1, 0.1) + wind).clamp(-1, 1)
    return following, -(following - goal).norm(dim=-1)


def _step_wrong_axis(position, action, tasks):
    return _right_step(position, action, tasks["wind"], tasks["goal"])  # broadcasts over tasks as if over episodes


def _step_first_task(position, action, tasks):
    return _right_step(position, action, tasks["wind"][0], tasks["goal"][0])


def _step_old_reward(position, action, tasks):
    following, _ = _right_step(position, action, tasks["wind"][:, None], tasks["goal"][:, None])
    return following, -(position - tasks["goal"][:, None]).norm(dim=-1)


def _step_clips_sum(position, action, tasks):
    following = (position + (action + tasks["wind"][:, None]).clamp(-0.1, 0.1)).clamp(-1, 1)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_no_clip(position, action, tasks):
    following = (position + action + tasks["wind"][:, None]).clamp(-1, 1)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_no_walls(position, action, tasks):
    following = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_with_reward(reward):
    def answer(position, action, tasks):
        following, _ = _right_step(position, action, tasks["wind"][:, None], tasks["goal"][:, None])
        return following, reward(following - tasks["goal"][:, None])

    return answer


def _step_in_wind(change):
    def answer(position, action, tasks):
        return _right_step(position, action, change(tasks["wind"])[:, None], tasks["goal"][:, None])

    return answer


def _step_pays_behind_the_walls(position, action, tasks):
    following = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    return following.clamp(-1, 1), -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_shortens(position, action, tasks):
    length = action.norm(dim=-1, keepdim=True)
    action = torch.where(length > 0.1, 0.1 * action / length, action)
    following = (position + action + tasks["wind"][:, None]).clamp(-1, 1)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_stopped_twice(position, action, tasks):
    own = torch.clamp(position + action.clamp(-0.1, 0.1), -1.0, 1.0)
    following = torch.clamp(own + tasks["wind"][:, None], -1.0, 1.0)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _by_task(cells, far, share, order):
    """Split different tasks in the given order of them; a right split where `order` is a random permutation."""
    _, task = torch.unique(cells, dim=0, return_inverse=True)
    near = task[~far].unique()
    near = near[order(len(near))]
    test = torch.isin(task, near[: round(share * len(near))])
    return {"train": (~far & ~test).nonzero()[:, 0], "test": test.nonzero()[:, 0], "ood": far.nonzero()[:, 0]}


def _split_trains_on_all(cells, far, share, generator):
    split = _by_task(cells, far, share, lambda n: torch.randperm(n, generator=generator))
    return {**split, "train": (~far).nonzero()[:, 0]}


def _split_every_split_the_same(cells, far, share, generator):
    near = (~far).nonzero()[:, 0]
    return {"train": near, "test": near, "ood": far.nonzero()[:, 0]}


def _split_rows(cells, far, share, generator):
    near = (~far).nonzero()[:, 0]
    near = near[torch.randperm(len(near), generator=generator)]
    tests = round(share * len(near))
    return {"train": near[tests:], "test": near[:tests], "ood": far.nonzero()[:, 0]}


def _split_ignores_far(cells, far, share, generator):
    split = _by_task(cells, far, share, lambda n: torch.randperm(n, generator=generator))
    rest = torch.ones(len(cells), dtype=torch.bool)
    rest[split["test"]] = False
    return split | {"train": rest.nonzero()[:, 0]}


def _split_counted(cells, far, generator, count):
    """Right but for the number of test tasks: `count(near)` of the near tasks."""
    near = len(torch.unique(cells[~far], dim=0))
    return _by_task(cells, far, count(near) / max(near, 1), lambda n: torch.randperm(n, generator=generator))


def _split_rounds_down(cells, far, share, generator):
    return _split_counted(cells, far, generator, lambda near: int(share * near))


def _split_rounds_up(cells, far, share, generator):
    return _split_counted(cells, far, generator, lambda near: math.ceil(share * near))


def _split_half_the_share(cells, far, share, generator):
    return _split_counted(cells, far, generator, lambda near: round(share * near / 2))


def _split_copies_the_generator(cells, far, share, generator):
    mine = torch.Generator()
    mine.set_state(generator.get_state())
    return _by_task(cells, far, share, lambda n: torch.randperm(n, generator=mine))


def _split_loses_twins(cells, far, share, generator):
    split, seen, first = _split_by_task(cells, far, share, generator), set(), []
    for number, row in enumerate(cells.tolist()):
        if tuple(row) not in seen:
            first.append(number)
        seen.add(tuple(row))
    split["test"] = split["test"][torch.isin(split["test"], torch.tensor(first, dtype=torch.int64))]
    return split


def _split_by_task(cells, far, share, generator):
    return _by_task(cells, far, share, lambda n: torch.randperm(n, generator=generator))


def _split_block(cells, far, share, generator):
    """A block of neighbours in the sorted list, from a random place on."""
    return _by_task(
        cells, far, share, lambda n: torch.arange(n).roll(int(torch.randint(max(n, 1), (), generator=generator)))
    )


def _split_global(cells, far, share, generator):
    return _by_task(cells, far, share, torch.randperm)


def _split_in_order(cells, far, share, generator):
    return _by_task(cells, far, share, torch.arange)


def _split_share_of_all(cells, far, share, generator):
    number = len(torch.unique(cells, dim=0))
    return _split_counted(cells, far, generator, lambda near: min(near, round(share * number)))


def _values(backup, terminal, transitions, horizon, keep=True):
    value = torch.zeros(terminal.shape, dtype=transitions.dtype)
    out = [value]
    for _ in range(horizon):
        value = backup(value)
        value = torch.where(terminal, 0.0, value) if keep else value
        out.append(value)
    return torch.stack(out)


def _expect(transitions, value):
    return torch.einsum("ksat,kt->ksa", transitions, value)


def _values_no_discount(p, r, t, discount, horizon):
    return _values(lambda v: (r + _expect(p, v)).max(-1).values, t, p, horizon)


def _values_greedy(p, r, t, discount, horizon):
    best = torch.nn.functional.one_hot(r.argmax(-1), r.shape[-1])
    return _values(lambda v: ((r + discount * _expect(p, v)) * best).sum(-1), t, p, horizon)


def _values_wrong_axis(p, r, t, discount, horizon):
    return _values(lambda v: (r + discount * _expect(p, v)).max(1).values, t, p, horizon)


def _values_same_sweep(p, r, t, discount, horizon):
    value, out = torch.zeros(t.shape, dtype=p.dtype), []
    out.append(value.clone())
    for _ in range(horizon):
        for s in range(t.shape[1]):
            new = (r[:, s] + discount * (p[:, s] * value[:, None]).sum(-1)).max(-1).values
            value[:, s] = torch.where(t[:, s], 0.0, new)
        out.append(value.clone())
    return torch.stack(out)


def _values_no_end(p, r, t, discount, horizon):
    return _values(lambda v: (r + discount * _expect(p, v)).max(-1).values, t, p, horizon, keep=False)


def _values_lucky(p, r, t, discount, horizon):
    return _values(lambda v: (r + discount * (p * v[:, None, None]).max(-1).values).max(-1).values, t, p, horizon)


def _values_mean(p, r, t, discount, horizon):
    return _values(lambda v: (r + discount * _expect(p, v)).mean(-1), t, p, horizon)


def _values_pay_at_the_end(p, r, t, discount, horizon):
    value, out = torch.zeros(t.shape, dtype=p.dtype), [torch.zeros(t.shape, dtype=p.dtype)]
    for _ in range(horizon):
        future = _expect(p, value) * ~t[..., None]
        value = (r + discount * future).max(-1).values
        out.append(value)
    return torch.stack(out)


def _values_worst(p, r, t, discount, horizon):
    return _values(lambda v: (r + discount * _expect(p, v)).min(-1).values, t, p, horizon)


def _values_right(p, r, t, discount, horizon):
    return _values(lambda v: (r + discount * _expect(p, v)).max(-1).values, t, p, horizon)


def _values_discount_today(p, r, t, discount, horizon):
    return _values(lambda v: (discount * (r + _expect(p, v))).max(-1).values, t, p, horizon)


def _values_monotone(p, r, t, discount, horizon):
    return _values(lambda v: torch.maximum(v, (r + discount * _expect(p, v)).max(-1).values), t, p, horizon)


def _values_backwards(p, r, t, discount, horizon):
    return torch.stack(list(_values_right(p, r, t, discount, horizon))[::-1])


def _values_end_as_the_first(p, r, t, discount, horizon):
    return _values_right(p, r, t[0].repeat(len(t), 1), discount, horizon)


def _values_last(p, r, t, discount, horizon):
    return _values_right(p, r, t, discount, horizon)[horizon]


def _values_without_the_first(p, r, t, discount, horizon):
    return _values_right(p, r, t, discount, horizon)[1:]


def _powers(rewards, discount):
    return discount ** torch.arange(rewards.shape[-1])


def _mask(terminated):
    """True up to and including the terminal step."""
    before = terminated.cumsum(-1) - terminated.long()
    return before == 0


def _future(values, discount):
    return discount ** values.shape[-1] * values[..., -1]


def _return_drops_last(rewards, terminated, values, discount):
    running = (terminated.cumsum(-1) == 0).float()
    total = (_powers(rewards, discount) * rewards * running).sum(-1)
    return total + _future(values, discount) * running[..., -1]


def _return_one_too_many(rewards, terminated, values, discount):
    mask = _mask(terminated)
    late = torch.cat([torch.ones_like(mask[..., :1]), mask[..., :-1]], -1)
    return (_powers(rewards, discount) * rewards * late).sum(-1) + _future(values, discount) * ~terminated.any(-1)


def _return_no_mask(rewards, terminated, values, discount):
    return (_powers(rewards, discount) * rewards).sum(-1) + _future(values, discount) * ~terminated.any(-1)


def _return_never(rewards, terminated, values, discount):
    return (_powers(rewards, discount) * rewards * _mask(terminated)).sum(-1)


def _return_always(rewards, terminated, values, discount):
    mask = _mask(terminated)
    length = mask.sum(-1, keepdim=True)
    last = (discount**length * values.gather(-1, length - 1))[..., 0]
    return (_powers(rewards, discount) * rewards * mask).sum(-1) + last


def _return_last_flag(rewards, terminated, values, discount):
    total = (_powers(rewards, discount) * rewards * _mask(terminated)).sum(-1)
    return total + _future(values, discount) * ~terminated[..., -1]


def _return_full_length(rewards, terminated, values, discount):
    mask = _mask(terminated)
    return (_powers(rewards, discount) * rewards * mask).sum(-1) + _future(values, discount) * mask.all(-1)


def _return_heavy_future(rewards, terminated, values, discount):
    total = (_powers(rewards, discount) * rewards * _mask(terminated)).sum(-1)
    return total + values[..., -1] * ~terminated.any(-1)


def _return_early_future(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    total = torch.where(_mask(terminated), _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount ** (horizon - 1) * values[..., -1])


def _return_late_start(rewards, terminated, values, discount):
    powers = discount ** torch.arange(1, rewards.shape[-1] + 1)
    total = torch.where(_mask(terminated), powers * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, _future(values, discount))


def _return_argmax(rewards, terminated, values, discount):
    end = terminated.int().argmax(-1)
    total = torch.zeros_like(rewards[..., 0])
    for t in range(rewards.shape[-1]):
        total = total + torch.where(end >= t, discount**t * rewards[..., t], 0.0)
    return total + torch.where(terminated.any(-1), 0.0, _future(values, discount))


def _return_multiplies(rewards, terminated, values, discount):
    total = (_powers(rewards, discount) * rewards * _mask(terminated)).sum(-1)
    return total + _future(values, discount) * ~terminated.any(-1)


def _step_blown_out(position, action, tasks):
    walked = (position + action.clamp(-0.1, 0.1)).clamp(-1, 1)
    following = walked + tasks["wind"][:, None]
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_refused(position, action, tasks):
    following = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    inside = (following.abs() <= 1).all(-1, keepdim=True)
    following = torch.where(inside, following, position)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _values_masked_late(transitions, rewards, terminal, discount, horizon):
    values = [torch.zeros_like(rewards[..., 0])]
    for _ in range(horizon):
        values.append((rewards + discount * torch.einsum("ksat,kt->ksa", transitions, values[-1])).amax(-1))
    return torch.where(terminal, 0.0, torch.stack(values))


MUTANTS = [
    Mutant(ch02.check_windy_step, "wrong_axis", _step_wrong_axis),
    Mutant(ch02.check_windy_step, "one_task_for_all", _step_first_task),
    Mutant(ch02.check_windy_step, "reward_of_old_state", _step_old_reward),
    Mutant(ch02.check_windy_step, "clips_the_wind", _step_clips_sum),
    Mutant(ch02.check_windy_step, "no_clipping", _step_no_clip),
    Mutant(ch02.check_windy_step, "no_walls", _step_no_walls),
    Mutant(ch02.check_windy_step, "walls_twice", _step_stopped_twice),
    Mutant(ch02.check_windy_step, "reward_per_axis", _step_with_reward(lambda offset: -offset.abs().sum(-1))),
    Mutant(ch02.check_windy_step, "reward_behind_the_walls", _step_pays_behind_the_walls),
    Mutant(ch02.check_windy_step, "against_the_wind", _step_in_wind(torch.neg)),
    Mutant(ch02.check_windy_step, "wind_is_limited", _step_in_wind(lambda wind: wind.clamp(-0.1, 0.1))),
    Mutant(ch02.check_windy_step, "length_is_limited", _step_shortens),
    Mutant(ch02.check_windy_step, "reward_sign", _step_with_reward(lambda offset: offset.norm(dim=-1))),
    Mutant(ch02.check_windy_step, "reward_squared", _step_with_reward(lambda offset: -(offset**2).sum(-1))),
    Mutant(ch02.check_split_tasks, "test_in_train", _split_trains_on_all),
    Mutant(ch02.check_split_tasks, "test_in_train", _split_every_split_the_same),
    Mutant(ch02.check_split_tasks, "twins_across_splits", _split_rows),
    Mutant(ch02.check_split_tasks, "ood_overlaps", _split_ignores_far),
    Mutant(ch02.check_split_tasks, "not_reproducible", _split_global),
    Mutant(ch02.check_split_tasks, "always_the_same", _split_in_order),
    Mutant(ch02.check_split_tasks, "share_of_all", _split_share_of_all),
    Mutant(ch02.check_split_tasks, "wrong_share", _split_half_the_share),
    Mutant(ch02.check_split_tasks, "rounded_down", _split_rounds_down),
    Mutant(ch02.check_split_tasks, "rounded_up", _split_rounds_up),
    Mutant(ch02.check_split_tasks, "rows_lost", _split_loses_twins),
    Mutant(ch02.check_split_tasks, "generator_stays", _split_copies_the_generator),
    Mutant(ch02.check_split_tasks, "unequal_chances", _split_block),
    Mutant(ch02.check_optimal_values, "no_discount", _values_no_discount),
    Mutant(ch02.check_optimal_values, "greedy", _values_greedy),
    Mutant(ch02.check_optimal_values, "wrong_axis", _values_wrong_axis),
    Mutant(ch02.check_optimal_values, "same_sweep", _values_same_sweep),
    Mutant(ch02.check_optimal_values, "ignores_termination", _values_no_end),
    Mutant(ch02.check_optimal_values, "lucky_world", _values_lucky),
    Mutant(ch02.check_optimal_values, "average_policy", _values_mean),
    Mutant(ch02.check_optimal_values, "pays_at_the_end", _values_pay_at_the_end),
    Mutant(ch02.check_optimal_values, "worst_action", _values_worst),
    Mutant(ch02.check_optimal_values, "reward_discounted", _values_discount_today),
    Mutant(ch02.check_optimal_values, "never_falls", _values_monotone),
    Mutant(ch02.check_optimal_values, "reversed", _values_backwards),
    Mutant(ch02.check_optimal_values, "first_tasks_end", _values_end_as_the_first),
    Mutant(ch02.check_optimal_values, "only_the_last", _values_last),
    Mutant(ch02.check_optimal_values, "no_zeroth", _values_without_the_first),
    Mutant(ch02.check_bootstrapped_returns, "drops_the_last", _return_drops_last),
    Mutant(ch02.check_bootstrapped_returns, "one_too_many", _return_one_too_many),
    Mutant(ch02.check_bootstrapped_returns, "no_mask", _return_no_mask),
    Mutant(ch02.check_bootstrapped_returns, "truncation_as_termination", _return_never),
    Mutant(ch02.check_bootstrapped_returns, "termination_as_truncation", _return_always),
    Mutant(ch02.check_bootstrapped_returns, "last_flag_only", _return_last_flag),
    Mutant(ch02.check_bootstrapped_returns, "full_length_is_truncated", _return_full_length),
    Mutant(ch02.check_bootstrapped_returns, "undiscounted_future", _return_heavy_future),
    Mutant(ch02.check_bootstrapped_returns, "future_a_step_early", _return_early_future),
    Mutant(ch02.check_bootstrapped_returns, "late_start", _return_late_start),
    Mutant(ch02.check_bootstrapped_returns, "never_raised_is_at_once", _return_argmax),
    Mutant(ch02.check_bootstrapped_returns, "nan_from_junk", _return_multiplies),
    Mutant(ch02.check_floor_zero, "variance", 1 / 6),
    Mutant(ch02.check_floor_zero, "square_of_the_mean", 2.0),
    Mutant(ch02.check_floor_zero, "mean_squared", 4.0),
    Mutant(ch02.check_floor_zero, "no_sine", 13 / 3),
    Mutant(ch02.check_floor_zero, "chapters_ranges", (125 - 0.001) / (6 * 4.9)),
    Mutant(ch02.check_floor_agnostic, "phase_not_averaged", 13 / 6 - 2),
    Mutant(ch02.check_floor_agnostic, "chapters_mean_function", 13 / 6 - 8 / math.pi**2),
    Mutant(ch02.check_floor_agnostic, "ignores_the_family", 13 / 6),
    Mutant(ch02.check_floor_agnostic, "nothing_left", 0),
    Mutant(ch02.check_floor_agnostic, "explained_part", 16 / math.pi**2),
    Mutant(ch02.check_floor_agnostic, "adds", 13 / 6 + 16 / math.pi**2),
    Mutant(ch02.check_floor_phase_known, "no_sine", 1 / 3),
    Mutant(ch02.check_floor_phase_known, "nothing_left", 0.0),
    Mutant(ch02.check_floor_phase_known, "second_moment", 13 / 6),
    Mutant(ch02.check_windy_step, "wind_behind_the_walls", _step_blown_out),
    Mutant(ch02.check_windy_step, "stays_at_a_wall", _step_refused),
    Mutant(ch02.check_optimal_values, "ends_in_the_result_only", _values_masked_late),
    Mutant(ch02.check_floor_zero, "two_digits", 2.16),
    Mutant(ch02.check_floor_zero, "negative", -13 / 6),
    Mutant(ch02.check_floor_agnostic, "two_digits", 0.55),
    Mutant(ch02.check_floor_agnostic, "negative", 16 / math.pi**2 - 13 / 6),
    Mutant(ch02.check_floor_phase_known, "two_digits", 0.17),
    Mutant(ch02.check_floor_phase_known, "negative", -1 / 6),
]
