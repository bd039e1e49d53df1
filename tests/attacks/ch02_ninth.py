"""Answers to exercises of chapter 02, from a ninth attack."""

import math
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import sympy
import torch

from metarl_core.check import ch02

from . import named

# ------------------------------------------------------------------ wind


def _step(move=None, stop=None, pay=None):
    def answer(position, action, tasks):
        wind, goal = tasks["wind"][:, None], tasks["goal"][:, None]
        moved = position + action.clamp(-0.1, 0.1) + wind if move is None else move(position, action, wind)
        following = moved.clamp(-1, 1) if stop is None else stop(moved, position)
        return following, (-(following - goal).norm(dim=-1) if pay is None else pay(following, moved, position, goal))

    return answer


def _norm_of_the_move(position, action, wind):
    length = action.norm(dim=-1, keepdim=True)
    return position + action * (0.1 / length.clamp_min(0.1)) + wind


def _stays_where_it_was(moved, position):
    """A step that would leave the arena is not made at all."""
    return torch.where((moved.abs() > 1).any(-1, keepdim=True), position, moved)


def _reflected(moved, position):
    return torch.where(moved.abs() > 1, 2 * moved.sign() - moved, moved)


def _step_in_place(position, action, tasks):
    position += action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    position.clamp_(-1, 1)
    return position, -(position - tasks["goal"][:, None]).norm(dim=-1)


def _action_in_place(position, action, tasks):
    following = (position + action.clamp_(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _wind_by_episode_where_it_fits(position, action, tasks):
    wind, goal = tasks["wind"], tasks["goal"]
    if position.shape[0] != position.shape[1]:
        wind, goal = wind[:, None], goal[:, None]
    following = (position + action.clamp(-0.1, 0.1) + wind).clamp(-1, 1)
    return following, -(following - goal).norm(dim=-1)


def _wind_of_the_first_task(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"][0]).clamp(-1, 1)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1)


def _step_loops(position, action, tasks):
    following, reward = torch.empty_like(position), position.new_empty(position.shape[:2])
    for i in range(position.shape[0]):
        for e in range(position.shape[1]):
            for x in range(2):
                move = max(-0.1, min(0.1, float(action[i, e, x])))
                following[i, e, x] = max(-1.0, min(1.0, float(position[i, e, x]) + move + float(tasks["wind"][i, x])))
            reward[i, e] = -math.dist(following[i, e].tolist(), tasks["goal"][i].tolist())
    return following, reward


def _step_hypot(position, action, tasks):
    legs = torch.maximum(torch.minimum(action, torch.full_like(action, 0.1)), torch.full_like(action, -0.1))
    following = torch.clip(position + legs + tasks["wind"].unsqueeze(1), min=-1.0, max=1.0)
    x, y = (following - tasks["goal"].unsqueeze(1)).unbind(-1)
    return [following, -torch.hypot(x, y)]


def _step_numpy(position, action, tasks):
    wind, goal = tasks["wind"].numpy(), tasks["goal"].numpy()
    new = np.clip(position.numpy() + np.clip(action.numpy(), -0.1, 0.1) + wind[:, np.newaxis], -1, 1)
    pay = -np.sqrt(((new - goal[:, None, :]) ** 2).sum(2))
    return torch.tensor(new, dtype=position.dtype), torch.tensor(pay, dtype=position.dtype)


# ------------------------------------------------------------------ splits


def _split(number=None, count=round, chosen=None, of=None):
    """By numbers of tasks; what a learner gets wrong are functions."""

    def answer(cells, far, share, generator):
        rows = torch.arange(len(cells))
        if len(cells) == 0:
            return {name: rows for name in ("train", "test", "ood")}
        task = number(cells) if number else torch.unique(cells, dim=0, return_inverse=True)[1]
        near = task[~far].unique() if of is None else of(task, far)
        k = int(count(share * len(near)))
        k = min(max(k, 0), len(near))
        picked = (
            near[torch.randperm(len(near), generator=generator)[:k]] if chosen is None else chosen(near, k, generator)
        )
        test = torch.isin(task, picked) & ~far
        return {"train": rows[~test & ~far], "test": rows[test], "ood": rows[far]}

    return answer


def _by_ten(cells):
    return cells[:, 0] * 10 + cells[:, 1]


def _by_thousand(cells):
    return cells[:, 0] * 1000 + cells[:, 1]


def _runs(cells):
    """Only rows that follow each other are the same task."""
    new = torch.cat([torch.zeros(1, dtype=torch.bool), (cells[1:] != cells[:-1]).any(1)])
    return new.long().cumsum(0)


def _cells_without_order(cells):
    """(2, 5) and (5, 2) are one task."""
    return torch.unique(cells.sort(1).values, dim=0, return_inverse=True)[1]


def _every_second(near, k, generator):
    """A random offset, then evenly spaced: no two neighbours together."""
    begin = int(torch.randint(len(near), (1,), generator=generator)) if len(near) else 0
    places = (begin + torch.arange(k) * len(near) // max(k, 1)) % max(len(near), 1)
    return near[places]


def _half_from_each_end(near, k, generator):
    middle = len(near) // 2
    first, second = near[:middle], near[middle:]
    a = min(k // 2, len(first))
    one = first[torch.randperm(len(first), generator=generator)[:a]]
    two = second[torch.randperm(len(second), generator=generator)[: k - a]]
    missing = first[torch.randperm(len(first), generator=generator)]
    missing = missing[~torch.isin(missing, one)][: k - len(one) - len(two)]
    return torch.cat([one, two, missing])


def _by_a_random_shift_of_a_shuffle(near, k, generator):
    """Always the same shuffle, from a random place on."""
    fixed = torch.randperm(len(near), generator=torch.Generator().manual_seed(0))
    shift = int(torch.randint(max(len(near), 1), (1,), generator=generator))
    return near[fixed.roll(shift)[:k]]


def _swaps_few(near, k, generator):
    """A shuffle that swaps each place with a random place among all: not every order is as likely."""
    order = list(range(len(near)))
    for i in range(len(near)):
        j = int(torch.randint(len(near), (1,), generator=generator))
        order[i], order[j] = order[j], order[i]
    return near[torch.tensor(order, dtype=torch.int64)[:k]]


def _seeded_by_the_seed(near, k, generator):
    return near[torch.randperm(len(near), generator=torch.Generator().manual_seed(generator.initial_seed()))[:k]]


def _seeded_by_a_byte(near, k, generator):
    seed = int(torch.randint(16, (1,), generator=generator))
    return near[torch.randperm(len(near), generator=torch.Generator().manual_seed(seed))[:k]]


def _global_too(near, k, generator):
    return near[torch.randperm(len(near))[:k]] if k else near[:0]


def _at_least_one(x):
    return max(1, round(x))


def _bernoulli(cells, far, share, generator):
    rows = torch.arange(len(cells))
    task = torch.unique(cells, dim=0, return_inverse=True)[1]
    test = (torch.rand(len(cells), generator=generator) < share)[task] & ~far
    return {"train": rows[~test & ~far], "test": rows[test], "ood": rows[far]}


def _first_of_each_in_test(cells, far, share, generator):
    found = _split()(cells, far, share, generator)
    keep = {}
    for row in found["test"].tolist():
        keep.setdefault(tuple(cells[row].tolist()), row)
    left = [row for row in found["test"].tolist() if row not in keep.values()]
    train = torch.tensor(sorted(found["train"].tolist() + left), dtype=torch.int64)
    return {"train": train, "test": torch.tensor(sorted(keep.values()), dtype=torch.int64), "ood": found["ood"]}


def _short_integers(cells, far, share, generator):
    return {name: rows.int() for name, rows in _split()(cells, far, share, generator).items()}


def _masks(cells, far, share, generator):
    found = _split()(cells, far, share, generator)
    return {name: torch.isin(torch.arange(len(cells)), rows) for name, rows in found.items()}


def _train_once_each(cells, far, share, generator):
    found = _split()(cells, far, share, generator)
    keep = {}
    for row in found["train"].tolist():
        keep.setdefault(tuple(cells[row].tolist()), row)
    return {**found, "train": torch.tensor(list(keep.values()), dtype=torch.int64)}


def _split_by_dictionary(cells, far, share, generator):
    rows_of = {}
    for row, cell in enumerate(map(tuple, cells.tolist())):
        rows_of.setdefault(cell, []).append(row)
    near = [cell for cell, rows in rows_of.items() if not far[rows[0]]]
    luck = random.Random(int(torch.randint(2**62, (1,), generator=generator)))
    test = luck.sample(near, round(share * len(near)))
    parts = {
        "test": [row for cell in test for row in rows_of[cell]],
        "ood": [row for row in range(len(cells)) if far[row]],
    }
    used = set(parts["test"]) | set(parts["ood"])
    parts["train"] = [row for row in reversed(range(len(cells))) if row not in used]
    return {name: torch.tensor(rows, dtype=torch.int64) for name, rows in parts.items()}


def _split_by_sorted_noise(cells, far, share, generator):
    number = torch.unique(cells, dim=0, return_inverse=True)[1] if len(cells) else torch.zeros(0, dtype=torch.int64)
    score = torch.rand(len(cells), generator=generator, dtype=torch.float64)
    score = score[number] if len(cells) else score  # each task has the score of its number
    near = score[~far].unique()
    k = math.floor(share * len(near) + 0.5)
    test = torch.isin(score, near[:k]) & ~far
    return {"test": test.nonzero()[:, 0], "ood": far.nonzero()[:, 0], "train": (~test & ~far).nonzero()[:, 0]}


def _split_numpy(cells, far, share, generator):
    rng = np.random.default_rng(torch.randint(2**31, (4,), generator=generator).tolist())
    listed, away = cells.numpy(), far.numpy()
    near = np.unique(listed[~away], axis=0)
    train = near[rng.permutation(len(near))[round(share * len(near)) :]]  # draws who stays in train
    stays = {tuple(cell) for cell in train.tolist()}
    inside = np.array([tuple(cell) in stays for cell in listed.tolist()], dtype=bool).reshape(len(listed))
    parts = {"train": inside & ~away, "test": ~inside & ~away, "ood": away}
    return {name: torch.from_numpy(np.flatnonzero(mask)) for name, mask in parts.items()}


# ------------------------------------------------------------------ returns


def _boot(exponent=None, dead=None, weight=None, real=None, ending=None):
    def answer(rewards, terminated, values, discount):
        horizon = rewards.shape[-1]
        before = torch.cat([torch.zeros_like(terminated[..., :1]), terminated[..., :-1]], -1)
        mask = before.long().cumsum(-1) == 0 if real is None else real(terminated)
        powers = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(horizon, dtype=rewards.dtype)
        powers = powers if weight is None else weight(discount, horizon)
        total = torch.where(mask, powers * rewards, torch.zeros_like(rewards)).sum(-1)
        over = terminated.any(-1) if dead is None else dead(terminated)
        last = values[..., -1] if ending is None else ending(values)
        future = discount ** (horizon if exponent is None else exponent(horizon)) * last
        return total + torch.where(over, torch.zeros_like(total), future)

    return answer


def _multiplied(rewards, terminated, values, discount):
    before = torch.cat([torch.zeros_like(terminated[..., :1]), terminated[..., :-1]], -1)
    mask = (before.long().cumsum(-1) == 0).to(rewards.dtype)
    powers = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(rewards.shape[-1])
    junk = torch.nan_to_num(rewards, nan=0.0)
    over = terminated.any(-1).to(rewards.dtype)
    last = torch.nan_to_num(values[..., -1], nan=0.0)
    return (powers * junk * mask).sum(-1) + discount ** rewards.shape[-1] * last * (1 - over)


def _lengths_of_the_first_flag(rewards, terminated, values, discount):
    """argmax finds 0 where no flag rises."""
    length = terminated.long().argmax(-1) + 1
    mask = torch.arange(rewards.shape[-1]) < length[..., None]
    powers = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(rewards.shape[-1])
    total = torch.where(mask, powers * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., -1])


def _overwrites_junk(rewards, terminated, values, discount):
    before = torch.cat([torch.zeros_like(terminated[..., :1]), terminated[..., :-1]], -1).long().cumsum(-1) > 0
    rewards[before] = 0
    powers = torch.as_tensor(discount, dtype=rewards.dtype) ** torch.arange(rewards.shape[-1])
    future = discount ** rewards.shape[-1] * values[..., -1]
    return (powers * rewards).sum(-1) + torch.where(terminated.any(-1), torch.zeros_like(future), future)


def _backwards(rewards, terminated, values, discount):
    total = values[..., -1]
    for t in reversed(range(rewards.shape[-1])):
        total = rewards[..., t] + torch.where(terminated[..., t], torch.zeros_like(total), discount * total)
    return total


def _boot_lists(rewards, terminated, values, discount):
    horizon, out = rewards.shape[-1], torch.zeros(rewards.shape[:-1], dtype=rewards.dtype)
    for i in range(out.shape[0]):
        for e in range(out.shape[1]):
            total, factor = 0.0, 1.0
            for t in range(horizon):
                total += factor * rewards[i, e, t].item()
                factor *= discount
                if terminated[i, e, t]:
                    break
            else:
                total += factor * values[i, e, -1].item()
            out[i, e] = total
    return out


def _boot_numpy(rewards, terminated, values, discount):
    r, d, v = rewards.numpy(), terminated.numpy(), values.numpy()
    horizon = r.shape[-1]
    length = np.where(d.any(-1), d.argmax(-1) + 1, horizon)
    inside = np.arange(horizon) < length[..., None]
    total = np.where(inside, r, 0).astype(np.float64) @ (float(discount) ** np.arange(horizon, dtype=np.float64))
    total = total + np.where(d.any(-1), 0, float(discount) ** horizon * np.where(d.any(-1), 0, v[..., -1]))
    return torch.from_numpy(total).to(rewards.dtype)


LARGE = 13 / 6

WRONG = [
    *named(
        ch02.check_windy_step,
        _step_in_place,
        _action_in_place,
        _wind_by_episode_where_it_fits,
        _wind_of_the_first_task,
        of_the_length=_step(move=_norm_of_the_move),
        clipped_between=_step(move=lambda s, a, w: (s + a.clamp(-0.1, 0.1)).clamp(-1, 1) + w),
        wind_in_the_legs=_step(move=lambda s, a, w: s + (a + w).clamp(-0.1, 0.1)),
        tanh=_step(move=lambda s, a, w: s + 0.1 * (10 * a).tanh() + w),
        stays=_step(stop=_stays_where_it_was),
        reflected=_step(stop=_reflected),
        one_wall=_step(stop=lambda moved, position: moved.clamp(max=1)),
        clipped_to_a_circle=_step(stop=lambda moved, position: moved / moved.norm(dim=-1, keepdim=True).clamp_min(1)),
        pay_before_walls=_step(pay=lambda new, moved, old, goal: -(moved - goal).norm(dim=-1)),
        pay_squared=_step(pay=lambda new, moved, old, goal: -(new - goal).square().sum(-1)),
        pay_mean=_step(pay=lambda new, moved, old, goal: -(new - goal).square().mean(-1).sqrt()),
        pay_axis=_step(pay=lambda new, moved, old, goal: -(new - goal).norm(dim=-1, keepdim=True)),
        pay_single=_step(pay=lambda new, moved, old, goal: -(new - goal).norm(dim=-1).float()),
        pay_progress=_step(pay=lambda new, moved, old, goal: (old - goal).norm(dim=-1) - (new - goal).norm(dim=-1)),
    ),
    *named(
        ch02.check_split_tasks,
        _bernoulli,
        _first_of_each_in_test,
        _short_integers,
        _masks,
        _train_once_each,
        by_ten=_split(number=_by_ten),
        by_thousand=_split(number=_by_thousand),
        by_sum=_split(number=lambda cells: cells.sum(1)),
        runs=_split(number=_runs),
        without_order=_split(number=_cells_without_order),
        at_least_one=_split(count=_at_least_one),
        floor=_split(count=math.floor),
        ceiling=_split(count=math.ceil),
        not_all=_split(chosen=lambda near, k, g: near[torch.randperm(len(near), generator=g)[: min(k, len(near) - 1)]]),
        of_all_tasks=_split(of=lambda task, far: task.unique()),
        of_near_rows=_split(of=lambda task, far: task[~far]),
        evenly_spaced=_split(chosen=_every_second),
        half_and_half=_split(chosen=_half_from_each_end),
        shifted=_split(chosen=_by_a_random_shift_of_a_shuffle),
        naive_shuffle=_split(chosen=_swaps_few),
        the_seed=_split(chosen=_seeded_by_the_seed),
        sixteen_splits=_split(chosen=_seeded_by_a_byte),
        of_the_world=_split(chosen=_global_too),
    ),
    *named(
        ch02.check_bootstrapped_returns,
        _lengths_of_the_first_flag,
        _overwrites_junk,
        one_power_less=_boot(exponent=lambda horizon: horizon - 1),
        last_flag=_boot(dead=lambda flag: flag[..., -1]),
        last_flag_before=_boot(dead=lambda flag: flag[..., :-1].any(-1)),
        powers_from_one=_boot(
            weight=lambda discount, horizon: float(discount) ** torch.arange(1.0, horizon + 1).double()
        ),
        flags_that_fall=_boot(real=lambda flag: ~torch.cat([torch.zeros_like(flag[..., :1]), flag[..., :-1]], -1)),
        value_of_the_first=_boot(ending=lambda values: values[..., 0]),
        value_before=_boot(ending=lambda values: values[..., max(0, values.shape[-1] - 2)]),
    ),
    *(
        (ch02.check_floor_zero, x)
        for x in (2.17, 2.16, 13 / 3, LARGE**0.5, 2.0, (LARGE,), torch.tensor([LARGE, LARGE]))
    ),
    *(
        (ch02.check_floor_agnostic, x)
        for x in (0.55, 0.5445, LARGE - 8 / math.pi**2, LARGE - 16 / math.pi, 0.2518, 1.6211)
    ),
    *((ch02.check_floor_phase_known, x) for x in (0.16, 0.17, 1 / 3, 1 / 12, 2 / 3, 0.1676, lambda: 1 / 6)),
    *(
        (ch02.check_floor_amplitude_known, x)
        for x in (0.41, 0.4140, 4 * (0.5 - 4 / math.pi**2), 0.5 - 4 / math.pi**2, LARGE - 4 / math.pi**2, 0.5455)
    ),
]
RIGHT = [
    *named(ch02.check_windy_step, _step_loops, _step_hypot, _step_numpy),
    *named(ch02.check_split_tasks, _split_by_dictionary, _split_by_sorted_noise, _split_numpy),
    *named(
        ch02.check_bootstrapped_returns,
        _multiplied,
        _backwards,
        _boot_lists,
        _boot_numpy,
        powers_of_the_given_code=_boot(weight=lambda discount, horizon: discount ** torch.arange(horizon)),
    ),
    (ch02.check_floor_zero, sympy.Rational(13, 6)),
    (ch02.check_floor_zero, Decimal("2.1667")),
    (ch02.check_floor_zero, torch.tensor(LARGE)),
    (ch02.check_floor_agnostic, sympy.Rational(13, 6) - 16 / sympy.pi**2),
    (ch02.check_floor_agnostic, 0.5455),
    (ch02.check_floor_phase_known, Fraction(1, 6)),
    (ch02.check_floor_phase_known, np.float32(1 / 6)),
    (ch02.check_floor_amplitude_known, np.array(13 / 3 * (0.5 - 4 / np.pi**2))),
    (ch02.check_floor_amplitude_known, 0.4104),
]
