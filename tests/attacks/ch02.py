"""Answers to chapter 02's exercises."""

import math
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch02

# ------------------------------------------------------------------ the windy family, wrong


def _pay(following, goal):
    return -torch.linalg.vector_norm(following - goal[:, None], dim=-1)


def _wind_is_limited(position, action, tasks):
    wind = tasks["wind"].clamp(-0.1, 0.1)
    following = (position + action.clamp(-0.1, 0.1) + wind[:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])


def _length_of_the_move_is_limited(position, action, tasks):
    move = action * (0.1 / action.norm(dim=-1, keepdim=True).clamp(min=0.1))
    following = (position + move + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])


def _round_arena(position, action, tasks):
    following = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    following = following / following.norm(dim=-1, keepdim=True).clamp(min=1.0)
    return following, _pay(following, tasks["goal"])


def _bounces(position, action, tasks):
    following = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    following = torch.where(following.abs() > 1, 2 * following.sign() - following, following)
    return following, _pay(following, tasks["goal"])


def _only_the_upper_walls(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]).clamp(max=1)
    return following, _pay(following, tasks["goal"])


def _legs_of_one(position, action, tasks):
    following = (position + action.clamp(-1, 1) + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])


def _against_the_wind(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) - tasks["wind"][:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])


def _reward_before_the_walls(position, action, tasks):
    following = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    return following.clamp(-1, 1), _pay(following, tasks["goal"])


def _taxi_reward(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return following, -(following - tasks["goal"][:, None]).abs().sum(-1)


def _reward_keeps_an_axis(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])[..., None]


def _limits_in_place(position, action, tasks):
    action.clamp_(-0.1, 0.1)
    following = (position + action + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])


def _reward_first(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return _pay(following, tasks["goal"]), following


def _winds_in_reverse(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"].flip(0)[:, None]).clamp(-1, 1)
    return following, _pay(following, tasks["goal"])


# ------------------------------------------------------------------ the windy family, right


def _loops(position, action, tasks):
    following, reward = torch.zeros_like(position), position.new_zeros(position.shape[:2])
    for k in range(position.shape[0]):
        for e in range(position.shape[1]):
            move = torch.maximum(torch.minimum(action[k, e], torch.tensor(0.1)), torch.tensor(-0.1))
            following[k, e] = torch.clip(position[k, e] + move + tasks["wind"][k], -1, 1)
            reward[k, e] = -((following[k, e] - tasks["goal"][k]) ** 2).sum().sqrt()
    return following, reward


def _vmapped(position, action, tasks):
    def one(position, action, wind, goal):
        following = (position + action.clamp(-0.1, 0.1) + wind).clamp(-1, 1)
        return following, -torch.hypot(*(following - goal).unbind(-1))

    return torch.vmap(one)(position, action, tasks["wind"], tasks["goal"])


def _a_list(position, action, tasks):
    wind, goal = (tasks[k].unsqueeze(1).expand_as(position) for k in ("wind", "goal"))
    following = torch.nn.functional.hardtanh(position + torch.nn.functional.hardtanh(action, -0.1, 0.1) + wind)
    return [following, -torch.einsum("kei,kei->ke", following - goal, following - goal).sqrt()]


# ------------------------------------------------------------------ splits, wrong


def _numbered(cells):
    return torch.unique(cells, dim=0, return_inverse=True)[1]


def _by_numbers(cells, far, chosen, task=None):
    """The split with the chosen near tasks for test."""
    test = torch.isin(_numbered(cells) if task is None else task, chosen) & ~far
    return {name: m.nonzero()[:, 0] for name, m in (("train", ~far & ~test), ("test", test), ("ood", far))}


def _near(cells, far):
    return _numbered(cells)[~far].unique()


def _last_task_never_drawn(cells, far, share, generator):
    near = _near(cells, far)
    tests = round(share * len(near))
    order = torch.randperm(max(len(near) - 1, 0), generator=generator)
    if tests == len(near):
        order = torch.arange(len(near))
    return _by_numbers(cells, far, near[order[:tests]])


def _more_often_if_listed_more_often(cells, far, share, generator):
    task = _numbered(cells)[~far]
    tests = round(share * len(task.unique()))
    shuffled = task[torch.randperm(len(task), generator=generator)].tolist()
    return _by_numbers(cells, far, torch.tensor(list(dict.fromkeys(shuffled))[:tests], dtype=torch.int64))


def _contiguous_block(cells, far, share, generator):
    near = _near(cells, far)
    tests = round(share * len(near))
    start = int(torch.randint(len(near) - tests + 1, (), generator=generator))
    return _by_numbers(cells, far, near[start : start + tests])


def _every_task_by_a_coin(cells, far, share, generator):
    near = _near(cells, far)
    return _by_numbers(cells, far, near[torch.rand(len(near), generator=generator) < share])


def _fresh_generator_of_its_seed(cells, far, share, generator):
    near = _near(cells, far)
    own = torch.Generator().manual_seed(generator.initial_seed())
    return _by_numbers(cells, far, near[torch.randperm(len(near), generator=own)[: round(share * len(near))]])


def _reseeds_the_generator(cells, far, share, generator):
    near = _near(cells, far)
    generator.manual_seed(0)
    return _by_numbers(cells, far, near[torch.randperm(len(near), generator=generator)[: round(share * len(near))]])


def _python_shuffle(cells, far, share, generator):
    near = _near(cells, far).tolist()
    random.shuffle(near)
    torch.rand(1, generator=generator)
    return _by_numbers(cells, far, torch.tensor(near[: round(share * len(near))], dtype=torch.int64))


def _python_shuffle_seeded_globally(cells, far, share, generator):
    near = _near(cells, far).tolist()
    random.seed(int(torch.randint(2**31, (), generator=generator)))
    random.shuffle(near)
    return _by_numbers(cells, far, torch.tensor(near[: round(share * len(near))], dtype=torch.int64))


def _hash_of_a_cell(cells, far, share, generator):
    task = cells[:, 0] * 100 + cells[:, 1]
    near = task[~far].unique()
    return _by_numbers(
        cells, far, near[torch.randperm(len(near), generator=generator)[: round(share * len(near))]], task
    )


def _first_task_always_drawn(cells, far, share, generator):
    near = _near(cells, far)
    tests = round(share * len(near))
    rest = 1 + torch.randperm(max(len(near) - 1, 0), generator=generator)
    order = torch.cat([torch.zeros(1, dtype=torch.int64), rest])
    return _by_numbers(cells, far, near[order[:tests]] if tests else near[:0])


def _one_of_eight_splits(cells, far, share, generator):
    near, seed = _near(cells, far), int(torch.randint(8, (), generator=generator))
    order = torch.randperm(len(near), generator=torch.Generator().manual_seed(seed))
    return _by_numbers(cells, far, near[order[: round(share * len(near))]])


def _with_replacement(cells, far, share, generator):
    near = _near(cells, far)
    tests = round(share * len(near))
    return _by_numbers(cells, far, near[torch.randint(max(len(near), 1), (tests,), generator=generator)])


def _columns_modulo_eight(cells, far, share, generator):
    task = cells[:, 0] * 8 + cells[:, 1] % 8
    near = task[~far].unique()
    return _by_numbers(
        cells, far, near[torch.randperm(len(near), generator=generator)[: round(share * len(near))]], task
    )


def _train_first(cells, far, share, generator):
    near = _near(cells, far)
    order = near[torch.randperm(len(near), generator=generator)]
    return _by_numbers(cells, far, order[int((1 - share) * len(near)) :])


def _at_least_one(cells, far, share, generator):
    near = _near(cells, far)
    tests = max(1, round(share * len(near)))
    return _by_numbers(cells, far, near[torch.randperm(len(near), generator=generator)[:tests]])


def _masks(cells, far, share, generator):
    near = _near(cells, far)
    chosen = near[torch.randperm(len(near), generator=generator)[: round(share * len(near))]]
    test = torch.isin(_numbered(cells), chosen)
    return {"train": ~far & ~test, "test": test, "ood": far}


def _the_cells_themselves(cells, far, share, generator):
    return {name: cells[rows] for name, rows in _fine(cells, far, share, generator).items()}


def _two_random_numbers(cells, far, share, generator):
    """Moduli instead of a permutation: not all choices can come up."""
    near = _near(cells, far)
    start, stride = torch.randint(1, max(len(near), 2), (2,), generator=generator).tolist()
    order = sorted(range(len(near)), key=lambda i: ((start + stride * i) % max(len(near), 1), i))
    return _by_numbers(cells, far, near[torch.tensor(order[: round(share * len(near))], dtype=torch.int64)])


def _shuffles_the_callers_rows(cells, far, share, generator):
    split = _fine(cells, far, share, generator)
    cells.copy_(cells.flip(0))
    return split


def _without_ood(cells, far, share, generator):
    split = _fine(cells, far, share, generator)
    return {"train": split["train"], "test": split["test"]}


def _floats(cells, far, share, generator):
    return {name: rows.float() for name, rows in _fine(cells, far, share, generator).items()}


# ------------------------------------------------------------------ splits, right


def _fine(cells, far, share, generator):
    near = _near(cells, far)
    return _by_numbers(cells, far, near[torch.randperm(len(near), generator=generator)[: round(share * len(near))]])


def _dictionaries(cells, far, share, generator):
    rows = {}
    for number, cell in enumerate(cells.tolist()):
        rows.setdefault(tuple(cell), []).append(number)
    near = [cell for cell, numbers in rows.items() if not far[numbers[0]]]
    order = torch.randperm(len(near), generator=generator).tolist()
    test = {near[i] for i in order[: round(share * len(near))]}
    split = {"train": [], "test": [], "ood": far.nonzero().flatten().tolist()}
    for cell in near:
        split["test" if cell in test else "train"] += rows[cell]
    return {name: torch.tensor(numbers, dtype=torch.int64) for name, numbers in split.items()}


def _random_keys(cells, far, share, generator):
    different, task = torch.unique(cells, dim=0, return_inverse=True)
    is_far = torch.zeros(len(different), dtype=torch.bool)
    is_far[task] = far
    key = torch.rand(len(different), generator=generator).masked_fill(is_far, 2.0)
    place = torch.empty(len(different), dtype=torch.int64)
    place[key.argsort()] = torch.arange(len(different))
    test = (place < round(share * int((~is_far).sum())))[task]
    return {
        "ood": torch.where(far)[0],
        "test": torch.where(test)[0],
        "train": torch.where(~test & ~far)[0],
    }


def _python_random_of_a_drawn_seed(cells, far, share, generator):
    own = random.Random(int(torch.randint(2**62, (1,), generator=generator)))
    near = sorted({tuple(c) for c, f in zip(cells.tolist(), far.tolist(), strict=True) if not f})
    chosen = set(own.sample(near, round(share * len(near))))
    test = torch.tensor([tuple(c) in chosen for c in cells.tolist()])
    return {
        "train": (~far & ~test).nonzero().squeeze(1),
        "test": test.nonzero().squeeze(1),
        "ood": far.argwhere()[:, 0],
    }


def _multinomial(cells, far, share, generator):
    near = _near(cells, far)
    tests = round(share * len(near))
    chosen = near[:0]
    if tests:
        chosen = near[torch.multinomial(torch.ones(len(near)), tests, replacement=False, generator=generator)]
    return _by_numbers(cells, far, chosen)


def _fisher_yates(cells, far, share, generator):
    near = _near(cells, far).tolist()
    tests = int(share * len(near) + 0.5)
    for i in range(tests):
        j = int(torch.randint(i, len(near), (1,), generator=generator))
        near[i], near[j] = near[j], near[i]
    return _by_numbers(cells, far, torch.tensor(near[:tests], dtype=torch.int64))


# ------------------------------------------------------------------ returns with junk, wrong


def _parts(rewards, terminated):
    """Which steps were taken, and which episodes were cut."""
    before = terminated.long().cumsum(-1) - terminated.long()
    return before == 0, ~terminated.any(-1)


def _powers(rewards, discount):
    return torch.tensor([discount**t for t in range(rewards.shape[-1])], dtype=rewards.dtype)


def _nan_to_num_only(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = (_powers(rewards, discount) * torch.nan_to_num(rewards) * taken).sum(-1)
    return total + discount ** rewards.shape[-1] * values[..., -1] * cut


def _junk_of_the_value_left_in(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = torch.where(taken, _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + discount ** rewards.shape[-1] * values[..., -1] * cut


def _first_value(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = torch.where(taken, _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(cut, discount ** rewards.shape[-1] * values[..., 0], 0.0)


def _discounted_by_the_length(rewards, terminated, values, discount):
    """γ to the number of real steps on a value that every episode gets at its time limit."""
    taken, cut = _parts(rewards, terminated)
    total = torch.where(taken, _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(taken[..., -1], discount ** rewards.shape[-1] * values[..., -1], 0.0)


def _gamma_once_too_often(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = torch.where(taken, discount * _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(cut, discount ** rewards.shape[-1] * values[..., -1], 0.0)


def _cut_at_the_last_flag(rewards, terminated, values, discount):
    steps = torch.arange(rewards.shape[-1])
    last = torch.where(terminated, steps, -1).amax(-1)
    last = torch.where(last < 0, rewards.shape[-1] - 1, last)
    total = torch.where(steps <= last[..., None], _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., -1])


def _argmax_of_the_flag(rewards, terminated, values, discount):
    """`argmax` is 0 where no flag rises: a cut episode looks like one that ends at once."""
    end = terminated.long().argmax(-1, keepdim=True)
    taken = torch.arange(rewards.shape[-1]) <= end
    total = torch.where(taken, _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., -1])


def _mean_over_episodes(rewards, terminated, values, discount):
    return _clean(rewards, terminated, values, discount).mean(-1)


def _cleans_the_callers_rewards(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    rewards[~taken] = 0.0
    values[terminated.any(-1)] = 0.0
    return (_powers(rewards, discount) * rewards).sum(-1) + discount ** rewards.shape[-1] * values[..., -1]


def _whole_batch_cut_together(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = torch.where(taken, _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + (discount ** rewards.shape[-1] * values[..., -1] if bool(cut.all()) else 0.0)


def _no_rewards_of_cut_episodes(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = torch.where(taken & ~cut[..., None], _powers(rewards, discount) * rewards, 0.0).sum(-1)
    return total + torch.where(cut, discount ** rewards.shape[-1] * values[..., -1], 0.0)


def _logarithms(rewards, terminated, values, discount):
    """γ^t as exp(t log γ): NaN at γ = 0."""
    taken, cut = _parts(rewards, terminated)
    steps = torch.arange(rewards.shape[-1] + 1, dtype=rewards.dtype)
    powers = torch.exp(steps * torch.log(torch.tensor(discount, dtype=rewards.dtype)))
    total = torch.where(taken, powers[:-1] * rewards, 0.0).sum(-1)
    return total + torch.where(cut, powers[-1] * values[..., -1], 0.0)


# ------------------------------------------------------------------ returns with junk, right


def _clean(rewards, terminated, values, discount):
    taken, cut = _parts(rewards, terminated)
    total = (_powers(rewards, discount) * rewards.masked_fill(~taken, 0.0)).sum(-1)
    return total + discount ** rewards.shape[-1] * values[..., -1].masked_fill(~cut, 0.0)


def _from_the_end(rewards, terminated, values, discount):
    total = values[..., -1]
    for t in reversed(range(rewards.shape[-1])):
        total = rewards[..., t] + torch.where(terminated[..., t], 0.0, discount * total)
    return total


def _plain_loops(rewards, terminated, values, discount):
    out = []
    for task_r, task_d, task_v in zip(rewards.tolist(), terminated.tolist(), values.tolist(), strict=True):
        row = []
        for r, d, v in zip(task_r, task_d, task_v, strict=True):
            length = d.index(True) + 1 if True in d else len(d)
            total = math.fsum(discount**t * r[t] for t in range(length))
            row.append(total if True in d else total + discount**length * v[-1])
        out.append(row)
    return torch.tensor(out, dtype=rewards.dtype)


def _float_powers(rewards, terminated, values, discount):
    alive = torch.cumprod(~terminated, -1).bool()
    taken = torch.nn.functional.pad(alive[..., :-1], (1, 0), value=True)
    clean = torch.where(taken, rewards, torch.zeros((), dtype=rewards.dtype))
    total = torch.einsum("ket,t->ke", clean, (discount ** torch.arange(rewards.shape[-1])).to(rewards.dtype))
    return total + torch.where(alive[..., -1], values[..., -1] * discount ** rewards.shape[-1], 0)


# ------------------------------------------------------------------ the floors

PI = math.pi
WRONG_FLOORS = {
    ch02.check_floor_zero: (4.0, 2.0, 13 / 3, 13 / 12, 1 / 6, 2.5, 26 / 6 / PI, "13/6", True),
    ch02.check_floor_agnostic: (13 / 6 - 4 / PI, 13 / 6 - 16 / PI, 0.0, 13 / 6 - 2 * 16 / PI**2, 13 / 6, 0.5, 0.55),
    ch02.check_floor_phase_known: (1 / 3, 1 / 12, 2 / 3, 0.16, 13 / 6 - 4, 1 / 24, -1 / 6, (1 / 6, 1 / 6)),
    ch02.check_floor_amplitude_known: (
        13 / 6 * (1 - 4 / PI**2),
        13 / 6 - 4 / PI**2,
        13 / 3 - 16 / PI**2,
        4 * (1 / 2 - 4 / PI**2),
        1 / 2 - 4 / PI**2,
        13 / 3 * (1 / 2 - 2 / PI**2),
        13 / 3 * (1 / 2 - 2 / PI),
        0.41,
        0.4,
        1 / 6,
        0.0,
        [0.4104],
        "0.4104 or so",
    ),
}
RIGHT_FLOORS = {
    ch02.check_floor_zero: (Fraction(13, 6), 2.167, np.float32(13 / 6), torch.tensor(13 / 6), Decimal("2.1667")),
    ch02.check_floor_agnostic: (0.5455, 13 / 6 - (4 / PI) ** 2, np.array(0.54553), torch.tensor([0.54553])),
    ch02.check_floor_phase_known: (Fraction(1, 6), 0.1667, Decimal(1) / 6, 4 / 24),
    ch02.check_floor_amplitude_known: (
        0.4104,
        13 / 6 - 13 / 3 * (2 / PI) ** 2,
        Decimal("0.41043"),
        np.float32(0.410433),
        torch.tensor([0.410433]),
    ),
}

WRONG = [
    *[
        (ch02.check_windy_step, answer)
        for answer in (
            _wind_is_limited,
            _length_of_the_move_is_limited,
            _round_arena,
            _bounces,
            _only_the_upper_walls,
            _legs_of_one,
            _against_the_wind,
            _reward_before_the_walls,
            _taxi_reward,
            _reward_keeps_an_axis,
            _limits_in_place,
            _reward_first,
            _winds_in_reverse,
        )
    ],
    *[
        (ch02.check_split_tasks, answer)
        for answer in (
            _last_task_never_drawn,
            _more_often_if_listed_more_often,
            _contiguous_block,
            _every_task_by_a_coin,
            _fresh_generator_of_its_seed,
            _reseeds_the_generator,
            _python_shuffle,
            _python_shuffle_seeded_globally,
            _hash_of_a_cell,
            _first_task_always_drawn,
            _one_of_eight_splits,
            _with_replacement,
            _columns_modulo_eight,
            _train_first,
            _at_least_one,
            _masks,
            _the_cells_themselves,
            _two_random_numbers,
            _shuffles_the_callers_rows,
            _without_ood,
            _floats,
        )
    ],
    *[
        (ch02.check_bootstrapped_returns, answer)
        for answer in (
            _nan_to_num_only,
            _junk_of_the_value_left_in,
            _first_value,
            _discounted_by_the_length,
            _gamma_once_too_often,
            _cut_at_the_last_flag,
            _argmax_of_the_flag,
            _mean_over_episodes,
            _cleans_the_callers_rewards,
            _whole_batch_cut_together,
            _no_rewards_of_cut_episodes,
            _logarithms,
        )
    ],
    *[(check, value) for check, values in WRONG_FLOORS.items() for value in values],
]
RIGHT = [
    *[(ch02.check_windy_step, answer) for answer in (_loops, _vmapped, _a_list)],
    *[
        (ch02.check_split_tasks, answer)
        for answer in (_fine, _dictionaries, _random_keys, _python_random_of_a_drawn_seed, _multinomial, _fisher_yates)
    ],
    *[(ch02.check_bootstrapped_returns, answer) for answer in (_clean, _from_the_end, _plain_loops, _float_powers)],
    *[(check, value) for check, values in RIGHT_FLOORS.items() for value in values],
]
