"""More answers to the exercises of chapter 02."""

import itertools
import math
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch
from mutants.ch02 import FAMILY, WORTH, following
from torch.nn import functional as F

from metarl_core.check import ch02
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole

# ------------------------------------------------------------------ windy_step, wrong


def _step(position, action, tasks):
    return (position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)


def _reward(following, tasks):
    return -(following - tasks["goal"][:, None]).norm(dim=-1)


def _pairwise_distance(position, action, tasks):
    following = _step(position, action, tasks)
    return following, -F.pairwise_distance(following, tasks["goal"][:, None].expand_as(following), eps=1e-6)


def _move_of_limited_length(position, action, tasks):
    move = action * (0.1 / action.norm(dim=-1, keepdim=True).clamp(min=0.1))
    following = (position + move + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _reward(following, tasks)


def _legs_against_the_wind(position, action, tasks):
    following = (position + (action + tasks["wind"][:, None]).clamp(-0.1, 0.1)).clamp(-1, 1)
    return following, _reward(following, tasks)


def _wall_before_wind(position, action, tasks):
    following = (position + action.clamp(-0.1, 0.1)).clamp(-1, 1) + tasks["wind"][:, None]
    return following, _reward(following, tasks)


def _wall_before_and_after_wind(position, action, tasks):
    following = ((position + action.clamp(-0.1, 0.1)).clamp(-1, 1) + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _reward(following, tasks)


def _stays_at_a_wall(position, action, tasks):
    free = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    following = torch.where((free.abs() > 1).any(-1, keepdim=True), position, free)
    return following, _reward(following, tasks)


def _bounces(position, action, tasks):
    free = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    following = torch.where(free > 1, 2 - free, torch.where(free < -1, -2 - free, free))
    return following, _reward(following, tasks)


def _round_arena(position, action, tasks):
    free = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    following = free / free.norm(dim=-1, keepdim=True).clamp(min=1)
    return following, _reward(following, tasks)


def _squares_only_broadcast(position, action, tasks):
    axis = 0 if position.shape[0] == position.shape[1] else 1
    wind = tasks["wind"].unsqueeze(axis)
    following = (position + action.clamp(-0.1, 0.1) + wind).clamp(-1, 1)
    return following, _reward(following, tasks)


def _reward_from_before_the_wall(position, action, tasks):
    free = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    return free.clamp(-1, 1), _reward(free, tasks)


def _floor_under_the_root(position, action, tasks):
    following = _step(position, action, tasks)
    return following, -((following - tasks["goal"][:, None]).square().sum(-1) + 1e-8).sqrt()


def _reward_keeps_its_axis(position, action, tasks):
    following = _step(position, action, tasks)
    return following, -(following - tasks["goal"][:, None]).norm(dim=-1, keepdim=True)


def _tasks_reshaped(position, action, tasks):
    tasks["wind"], tasks["goal"] = tasks["wind"][:, None], tasks["goal"][:, None]
    following = (position + action.clamp(-0.1, 0.1) + tasks["wind"]).clamp(-1, 1)
    return following, -(following - tasks["goal"]).norm(dim=-1)


def _action_limited_in_place(position, action, tasks):
    following = (position + action.clamp_(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return following, _reward(following, tasks)


def _goal_kept_inside(position, action, tasks):
    following = _step(position, action, tasks)
    return following, -(following - tasks["goal"][:, None].clamp(-0.9, 0.9)).norm(dim=-1)


_first_wind = {}


def _wind_of_the_first_call(position, action, tasks):
    wind = _first_wind.setdefault((len(tasks["wind"]), position.dtype), tasks["wind"].clone())
    following = _step(position, action, {"wind": wind})
    return following, _reward(following, tasks)


# ------------------------------------------------------------------ windy_step, right


def _under_vmap(position, action, tasks):
    def one(place, move, goal, wind):
        following = torch.clamp(place + torch.clamp(move, -0.1, 0.1) + wind, -1, 1)
        return following, -torch.linalg.vector_norm(following - goal)

    over_episodes = torch.func.vmap(one, in_dims=(0, 0, None, None))
    return torch.func.vmap(over_episodes)(position, action, tasks["goal"], tasks["wind"])


def _three_loops(position, action, tasks):
    following, reward = torch.empty_like(position), torch.empty_like(position[..., 0])
    for k, e in itertools.product(range(position.shape[0]), range(position.shape[1])):
        for axis in range(2):
            move = min(max(float(action[k, e, axis]), -0.1), 0.1)
            free = float(position[k, e, axis]) + move + float(tasks["wind"][k, axis])
            following[k, e, axis] = min(max(free, -1.0), 1.0)
        reward[k, e] = -math.dist(following[k, e].tolist(), tasks["goal"][k].tolist())
    return following, reward


def _episode_axis_first(position, action, tasks):
    moved = position.transpose(0, 1) + action.transpose(0, 1).clip(min=-0.1, max=0.1)
    following = torch.minimum(torch.maximum(moved + tasks["wind"], -torch.ones(())), torch.ones(()))
    reward = torch.hypot(*(following - tasks["goal"]).unbind(-1)).neg()
    return following.transpose(0, 1).contiguous(), reward.transpose(0, 1).contiguous()


def _as_a_list(position, action, tasks):
    following = position.clone()
    following += F.hardtanh(action, -0.1, 0.1)
    following += tasks["wind"].unsqueeze(1).repeat(1, position.shape[1], 1)
    following = F.hardtanh(following)
    return [following, -(torch.einsum("kei->ke", (following - tasks["goal"].unsqueeze(1)) ** 2) ** 0.5)]


# ------------------------------------------------------------------ split_tasks, wrong


def _split(cells, far, chosen):
    """The split whose test tasks are those numbers of the different near tasks, in the order of torch.unique."""
    _, task = torch.unique(cells, dim=0, return_inverse=True)
    test = torch.isin(task, task[~far].unique()[chosen])
    return {"train": (~far & ~test).nonzero()[:, 0], "test": test.nonzero()[:, 0], "ood": far.nonzero()[:, 0]}


def _near_count(cells, far):
    return len(torch.unique(cells[~far], dim=0))


def _one_test_task_at_least(cells, far, share, generator):
    near = _near_count(cells, far)
    return _split(cells, far, torch.randperm(near, generator=generator)[: max(1, round(share * near))])


def _one_train_task_at_least(cells, far, share, generator):
    near = _near_count(cells, far)
    return _split(cells, far, torch.randperm(near, generator=generator)[: min(max(near - 1, 0), round(share * near))])


def _share_of_all_tasks(cells, far, share, generator):
    near, every = _near_count(cells, far), len(torch.unique(cells, dim=0))
    return _split(cells, far, torch.randperm(near, generator=generator)[: round(share * every)])


def _share_of_near_rows(cells, far, share, generator):
    order = torch.randperm(_near_count(cells, far), generator=generator)
    return _split(cells, far, order[: round(share * int((~far).sum()))])


def _a_window_round_the_circle(cells, far, share, generator):
    near = _near_count(cells, far)
    if not near:
        return _split(cells, far, torch.arange(0))
    start = torch.randint(near, (1,), generator=generator)
    return _split(cells, far, (start + torch.arange(round(share * near))) % near)


def _each_by_a_coin(cells, far, share, generator):
    near = _near_count(cells, far)
    return _split(cells, far, (torch.rand(near, generator=generator) < share).nonzero()[:, 0])


def _with_replacement(cells, far, share, generator):
    near = _near_count(cells, far)
    count = round(share * near)
    return _split(cells, far, torch.randint(max(near, 1), (count,), generator=generator))


def _lexicographic_key(cells, far, share, generator):
    key = cells[:, 0] * 10 + cells[:, 1]
    near = key[~far].unique()
    near = near[torch.randperm(len(near), generator=generator)]
    test = torch.isin(key, near[: round(share * len(near))]) & ~far
    return {"train": (~far & ~test).nonzero()[:, 0], "test": test.nonzero()[:, 0], "ood": far.nonzero()[:, 0]}


def _only_neighbours_are_equal(cells, far, share, generator):
    _, task = torch.unique_consecutive(cells, dim=0, return_inverse=True)
    near = task[~far].unique()
    near = near[torch.randperm(len(near), generator=generator)]
    test = torch.isin(task, near[: round(share * len(near))])
    return {"train": (~far & ~test).nonzero()[:, 0], "test": test.nonzero()[:, 0], "ood": far.nonzero()[:, 0]}


def _a_copy_of_the_generator(cells, far, share, generator):
    twin = torch.Generator()
    twin.set_state(generator.get_state())
    near = _near_count(cells, far)
    return _split(cells, far, torch.randperm(near, generator=twin)[: round(share * near)])


def _by_the_seed(cells, far, share, generator):
    order = list(range(_near_count(cells, far)))
    random.Random(generator.initial_seed()).shuffle(order)
    torch.rand(1, generator=generator)
    return _split(cells, far, torch.tensor(order, dtype=torch.int64)[: round(share * len(order))])


def _global_seed(cells, far, share, generator):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    near = _near_count(cells, far)
    return _split(cells, far, torch.randperm(near)[: round(share * near)])


_last = {}


def _complement_next_time(cells, far, share, generator):
    near = _near_count(cells, far)
    count, order = round(share * near), torch.randperm(near, generator=generator)
    before = _last.pop(id(generator), None)
    if before is not None and len(before) == near:
        order = before.flip(0)
    else:
        _last[id(generator)] = order
    return _split(cells, far, order[:count])


def _twins_stay_in_train(cells, far, share, generator):
    parts = _split(
        cells,
        far,
        torch.randperm(_near_count(cells, far), generator=generator)[: round(share * _near_count(cells, far))],
    )
    first = {tuple(cells[row].tolist()): row for row in reversed(parts["test"].tolist())}
    keep = torch.tensor(sorted(first.values()), dtype=torch.int64)
    gone = parts["test"][~torch.isin(parts["test"], keep)]
    return parts | {"test": keep, "train": torch.cat([parts["train"], gone])}


def _twins_dropped(cells, far, share, generator):
    parts = _split(
        cells,
        far,
        torch.randperm(_near_count(cells, far), generator=generator)[: round(share * _near_count(cells, far))],
    )

    def once(rows):
        return torch.tensor(
            sorted({tuple(cells[row].tolist()): row for row in rows.tolist()}.values()), dtype=torch.int64
        )

    return {name: once(rows) for name, rows in parts.items()}


def _nothing_is_float(cells, far, share, generator):
    near = _near_count(cells, far)
    parts = _split(cells, far, torch.randperm(near, generator=generator)[: round(share * near)])
    ood = parts["ood"]
    return parts | {"ood": ood if len(ood) else torch.tensor([])}


def _shuffled_in_place(cells, far, share, generator):
    near = _near_count(cells, far)
    parts = _split(cells, far, torch.randperm(near, generator=generator)[: round(share * near)])
    cells[:] = cells[torch.cat(list(parts.values()))]
    return parts


def _one_swap(cells, far, share, generator):
    near = _near_count(cells, far)
    count = round(share * near)
    order = torch.arange(near)
    if 0 < count < near:
        i = int(torch.randint(count, (1,), generator=generator))
        j = int(torch.randint(count, near, (1,), generator=generator))
        order[[i, j]] = order[[j, i]]
    return _split(cells, far, order[:count])


def _never_two_neighbours(cells, far, share, generator):
    near = _near_count(cells, far)
    count = round(share * near)
    order = torch.randperm(near, generator=generator)
    if 2 * count <= near:  # one of each pair of neighbours, pairs drawn at random
        pairs = torch.randperm(near // 2, generator=generator)[:count]
        order = 2 * pairs + torch.randint(2, (len(pairs),), generator=generator)
    return _split(cells, far, order[:count])


# ------------------------------------------------------------------ split_tasks, right


def _argsort_of_uniform(cells, far, share, generator):
    near = _near_count(cells, far)
    return _split(
        cells, far, torch.rand(near, generator=generator, dtype=torch.float64).argsort()[: round(share * near)]
    )


def _the_last_ones_of_a_permutation(cells, far, share, generator):
    near = _near_count(cells, far)
    return _split(cells, far, torch.randperm(near, generator=generator)[near - round(share * near) :])


def _multinomial(cells, far, share, generator):
    near = _near_count(cells, far)
    count = round(share * near)
    if count == 0:
        return _split(cells, far, torch.arange(0))
    return _split(cells, far, torch.multinomial(torch.ones(near), count, generator=generator))


def _numpy_seeded_by_a_draw(cells, far, share, generator):
    rng = np.random.default_rng(torch.randint(2**62, (2,), generator=generator).tolist())
    near = _near_count(cells, far)
    return _split(cells, far, torch.from_numpy(rng.choice(near, round(share * near), replace=False).astype(np.int64)))


def _dictionary_and_python_shuffle(cells, far, share, generator):
    rows = {}
    for row, cell in enumerate(cells.tolist()):
        rows.setdefault(tuple(cell), []).append(row)
    ood = [row for row, away in enumerate(far.tolist()) if away]
    near = [listed for listed in rows.values() if not far[listed[0]]]
    count = round(share * len(near))
    for last in range(len(near) - 1, 0, -1):  # Fisher and Yates
        other = int(torch.randint(last + 1, (1,), generator=generator))
        near[last], near[other] = near[other], near[last]
    parts = {"ood": ood, "test": sum(near[:count], []), "train": sum(near[count:], [])}
    return {name: torch.tensor(listed, dtype=torch.int64) for name, listed in parts.items()}


def _numpy_unique(cells, far, share, generator):
    _, task = np.unique(cells.numpy(), axis=0, return_inverse=True)
    task = task.reshape(-1)
    near = np.unique(task[~far.numpy()])
    order = torch.randperm(len(near), generator=generator).numpy()
    test = np.isin(task, near[order][: round(share * len(near))])
    return {
        "test": torch.from_numpy(np.flatnonzero(test)),
        "train": torch.from_numpy(np.flatnonzero(~test & ~far.numpy())),
        "ood": torch.where(far)[0],
    }


# ------------------------------------------------------------------ bootstrapped_returns, wrong


def _taken(terminated):
    return (terminated.long().cumsum(-1) - terminated.long()) == 0


def _sum(rewards, terminated, discount):
    powers = torch.tensor([float(discount) ** t for t in range(rewards.shape[-1])], dtype=rewards.dtype)
    return torch.where(_taken(terminated), powers * rewards, 0.0).sum(-1)


def _last_flag_decides(rewards, terminated, values, discount):
    future = torch.where(terminated[..., -1], 0.0, discount ** rewards.shape[-1] * values[..., -1])
    return _sum(rewards, terminated, discount) + future


def _future_unless_ended_before_the_end(rewards, terminated, values, discount):
    cut = ~terminated[..., :-1].any(-1)
    return _sum(rewards, terminated, discount) + torch.where(cut, discount ** rewards.shape[-1] * values[..., -1], 0.0)


def _future_one_step_early(rewards, terminated, values, discount):
    future = torch.where(terminated.any(-1), 0.0, discount ** (rewards.shape[-1] - 1) * values[..., -1])
    return _sum(rewards, terminated, discount) + future


def _future_at_the_real_end(rewards, terminated, values, discount):
    length = _taken(terminated).sum(-1)
    last = values.gather(-1, (length - 1)[..., None])[..., 0]
    return _sum(rewards, terminated, discount) + discount**length * last


def _future_as_a_product(rewards, terminated, values, discount):
    cut = (~terminated.any(-1)).to(rewards.dtype)
    return _sum(rewards, terminated, discount) + cut * discount ** rewards.shape[-1] * values[..., -1]


def _mask_as_a_product(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    powers = torch.tensor([float(discount) ** t for t in range(horizon)], dtype=rewards.dtype)
    total = (_taken(terminated).to(rewards.dtype) * powers * rewards).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount**horizon * values[..., -1])


def _length_by_argmax(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    length = terminated.long().argmax(-1) + 1
    real = torch.arange(horizon) < length[..., None]
    total = torch.where(real, discount ** torch.arange(horizon) * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount**horizon * values[..., -1])


def _real_until_the_last_flag(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    later = terminated.flip(-1).long().cumsum(-1).flip(-1) > 0
    real = later | ~terminated.any(-1, keepdim=True)
    total = torch.where(real, discount ** torch.arange(horizon) * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount**horizon * values[..., -1])


def _unflagged_steps_are_real(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    before = F.pad(terminated[..., :-1], (1, 0))
    total = torch.where(~before, discount ** torch.arange(horizon) * rewards, 0.0).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount**horizon * values[..., -1])


def _only_nan_removed(rewards, terminated, values, discount):
    horizon = rewards.shape[-1]
    weights = discount ** torch.arange(horizon) * _taken(terminated)
    total = (weights * torch.where(rewards.isnan(), 0.0, rewards)).sum(-1)
    return total + torch.where(terminated.any(-1), 0.0, discount**horizon * values[..., -1])


def _value_of_the_first_state(rewards, terminated, values, discount):
    future = torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., 0])
    return _sum(rewards, terminated, discount) + future


def _any_episode_of_the_task(rewards, terminated, values, discount):
    ended = terminated.any(-1).any(-1, keepdim=True)
    future = torch.where(ended, 0.0, discount ** rewards.shape[-1] * values[..., -1])
    return _sum(rewards, terminated, discount) + future


def _always_single(rewards, terminated, values, discount):
    future = torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., -1])
    return (_sum(rewards, terminated, discount) + future).float()


def _no_future_at_discount_one(rewards, terminated, values, discount):
    cut = ~terminated.any(-1) if discount < 1 else torch.zeros_like(terminated[..., 0])
    return _sum(rewards, terminated, discount) + torch.where(cut, discount ** rewards.shape[-1] * values[..., -1], 0.0)


def _cleans_up(rewards, terminated, values, discount):
    rewards[~_taken(terminated)] = 0.0
    future = torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., -1])
    return _sum(rewards, terminated, discount) + future


# ------------------------------------------------------------------ bootstrapped_returns, right


def _backwards_with_where(rewards, terminated, values, discount):
    total = values[..., -1].clone()
    for t in range(rewards.shape[-1] - 1, -1, -1):
        total = rewards[..., t] + torch.where(terminated[..., t], 0.0, discount * total)
    return total


def _episode_by_episode(rewards, terminated, values, discount):
    out = torch.empty_like(rewards[..., 0])
    for k, e in np.ndindex(*out.shape):
        total, weight = 0.0, 1.0
        for reward, ended in zip(rewards[k, e].tolist(), terminated[k, e].tolist(), strict=True):
            total, weight = total + weight * reward, weight * discount
            if ended:
                break
        else:
            total += weight * float(values[k, e, -1])
        out[k, e] = total
    return out


def _horner_in_numpy(rewards, terminated, values, discount):
    r, d = rewards.numpy(), terminated.numpy()
    steps = r.shape[-1]
    first = np.where(d.any(-1), d.argmax(-1), steps)
    real = np.arange(steps) <= first[..., None]
    total = np.where(real, r, 0.0).astype(np.float64) @ (float(discount) ** np.arange(steps))
    total += np.where(first == steps, values.numpy()[..., -1], 0.0) * float(discount) ** steps
    return torch.from_numpy(total).to(rewards.dtype)


def _with_cummax(rewards, terminated, values, discount):
    ended = terminated.int().cummax(-1).values.bool()
    padding = F.pad(ended, (1, 0))[..., :-1]
    both = torch.cat([rewards.masked_fill(padding, 0), values[..., -1:].masked_fill(ended[..., -1:], 0)], -1)
    powers = torch.tensor([float(discount) ** t for t in range(both.shape[-1])], dtype=both.dtype)
    return torch.einsum("ket,t->ke", both, powers)


def _nan_to_num_first(rewards, terminated, values, discount):
    clean = torch.nan_to_num(rewards, nan=0.0, posinf=0.0, neginf=0.0)
    total = _sum(clean, terminated, discount)
    last = values[..., -1].nan_to_num(0.0, 0.0, 0.0)
    return total + last * discount ** rewards.shape[-1] * terminated.logical_not().all(-1)


# ------------------------------------------------------------------ worth


def _tasks(split, seed=11, n=300):
    return FAMILY.sample_tasks(n, seeded(seed), split)


def _doubles(tasks):
    return {name: value.double() for name, value in tasks.items()}


def _eight_seeds():
    """A smaller search, by eight seeds: forty tasks of each split."""
    search, test = [], []
    for seed in range(1, 9):
        generator = seeded(seed)
        search.append(FAMILY.sample_tasks(40, generator, "train"))
        FAMILY.sample_tasks(30, generator, "train")
        test.append(FAMILY.sample_tasks(40, generator, "test"))
    gains = [
        [10.0, 13.762, 413.878, 87.821], [10.0, 8.866, 143.606, 27.45], [10.0, 12.204, 357.449, 48.615],
        [10.0, 13.939, 102.448, 36.437], [10.0, 16.107, 208.401, 82.594], [10.0, 13.707, 395.399, 94.875],
        [10.0, 8.965, 156.433, 32.442], [10.0, 10.851, 214.185, 33.984],
    ]  # fmt: skip
    return following(
        gains=gains,
        search_tasks={name: torch.cat([tasks[name] for tasks in search]) for name in search[0]},
        search_returns=[200.0, 200.0, 200.0, 198.27, 198.52, 200.0, 196.27, 198.56],
        test_tasks={name: torch.cat([tasks[name] for tasks in test]) for name in test[0]},
        told=[195.6, 197.99, 200.0, 195.1, 200.0, 197.18, 200.0, 200.0],
        untold=[195.39, 197.99, 200.0, 176.18, 196.3, 197.19, 195.44, 197.14],
        ordinary=[149.68, 152.75, 165.79, 147.6, 170.01, 153.61, 151.3, 157.12],
    )


_BAD_WORTHS = [
    WORTH | {"gains": WORTH["gains"][:4]},
    WORTH | {"gains": [row[:3] for row in WORTH["gains"]]},
    WORTH | {"gains": [10.0, 12.0, 250.0, 50.0]},
    WORTH | {"gains": [[math.nan] * 4] * 5},
    WORTH | {"gains": [[0.0, 0.0, 1.0, 0.0]] * 5},
    WORTH | {"gains": [[-value for value in row] for row in WORTH["gains"]]},
    WORTH | {"search_tasks": WORTH["test_tasks"]},
    WORTH | {"test_tasks": WORTH["search_tasks"]},
    WORTH | {"test_tasks": _tasks("ood")},
    WORTH | {"test_tasks": CartPole(horizon=200).sample_tasks(300, seeded(3), "test")},
    WORTH | {"test_tasks": _tasks("test", n=299)},
    WORTH | {"test_tasks": _tasks("test", n=150)},
    WORTH | {"test_tasks": _doubles(WORTH["test_tasks"])},
    WORTH | {"test_tasks": {"length": WORTH["test_tasks"]["length"]}},
    WORTH | {"test_tasks": {name: -value for name, value in WORTH["test_tasks"].items()}},
    WORTH | {"told": [200.0]},
    WORTH | {"told": 199.2},
    WORTH | {"told": [250.0] * 5},
    WORTH | {"worth": 40},
    WORTH | {"worth": 40.105, "interval": (36.0, 44.2)},
    WORTH | {"worth": 0.0},
    WORTH | {"interval": (40.1 - 4, 40.1 + 4)},
    WORTH | {"interval": (6.629, -1.532)},
    WORTH | {"interval": (0.31, 4.79)},
    WORTH | {"apparent": 37.557},
    following(told=[200.0] * 5, untold=[160.0] * 5),
    following(ordinary=[195.0, 196.0, 197.0, 196.0, 195.0]),
    {name: entry for name, entry in WORTH.items() if name != "search_returns"},
    tuple(WORTH),
]
_GOOD_WORTHS = [
    _eight_seeds(),
    dict(reversed(WORTH.items())) | {"gains": torch.tensor(WORTH["gains"]), "told": torch.tensor(WORTH["told"])},
    WORTH | {"untold": np.array(WORTH["untold"]), "gains": np.array(WORTH["gains"]), "worth": np.float32(2.548)},
    WORTH | {"interval": t_interval(np.subtract(WORTH["told"], WORTH["untold"]))},
    following(
        gains=[(10, 13.1, 236, 49.4)] * 5,
        search_returns=[198.85, 200.0, 195.92, 198.36, 197.6],
        untold=[196.12, 196.45, 191.91, 195.96, 200.0],
    ),
    WORTH | {"apparent": Fraction(40105, 1000), "interval": [Decimal("-1.532"), Decimal("6.629")]},
]

# ------------------------------------------------------------------ floors

_ZERO, _AGNOSTIC, _PHASE = 13 / 6, 13 / 6 - 16 / math.pi**2, 1 / 6

WRONG = [
    (check, answer)
    for check, answers in (
        (
            ch02.check_windy_step,
            (
                _pairwise_distance,
                _move_of_limited_length,
                _legs_against_the_wind,
                _wall_before_wind,
                _wall_before_and_after_wind,
                _stays_at_a_wall,
                _bounces,
                _round_arena,
                _squares_only_broadcast,
                _reward_from_before_the_wall,
                _floor_under_the_root,
                _reward_keeps_its_axis,
                _tasks_reshaped,
                _action_limited_in_place,
                _goal_kept_inside,
                _wind_of_the_first_call,
            ),
        ),
        (
            ch02.check_split_tasks,
            (
                _one_test_task_at_least,
                _one_train_task_at_least,
                _share_of_all_tasks,
                _share_of_near_rows,
                _a_window_round_the_circle,
                _each_by_a_coin,
                _with_replacement,
                _lexicographic_key,
                _only_neighbours_are_equal,
                _a_copy_of_the_generator,
                _by_the_seed,
                _global_seed,
                _complement_next_time,
                _twins_stay_in_train,
                _twins_dropped,
                _nothing_is_float,
                _shuffled_in_place,
                _one_swap,
                _never_two_neighbours,
            ),
        ),
        (
            ch02.check_bootstrapped_returns,
            (
                _last_flag_decides,
                _future_unless_ended_before_the_end,
                _future_one_step_early,
                _future_at_the_real_end,
                _future_as_a_product,
                _mask_as_a_product,
                _length_by_argmax,
                _real_until_the_last_flag,
                _unflagged_steps_are_real,
                _only_nan_removed,
                _value_of_the_first_state,
                _any_episode_of_the_task,
                _always_single,
                _no_future_at_discount_one,
                _cleans_up,
            ),
        ),
        (ch02.check_floor_zero, (13 / 3, 2.0, 2.16, -13 / 6, 5 / 2, 4.5, "a sixth of 13", math.nan, lambda: 13 / 6)),
        (ch02.check_floor_agnostic, (0.55, 13 / 6 - (2 / math.pi) ** 2, 13 / 6 - 8 / math.pi**2, 16 / math.pi**2, 0.0)),
        (ch02.check_floor_phase_known, (1 / 3, 0.17, 1 / 12, 2 / 3, 13 / 6)),
        (ch02.check_worth, _BAD_WORTHS),
    )
    for answer in answers
]
RIGHT = [
    (check, answer)
    for check, answers in (
        (ch02.check_windy_step, (_under_vmap, _three_loops, _episode_axis_first, _as_a_list)),
        (
            ch02.check_split_tasks,
            (
                _argsort_of_uniform,
                _the_last_ones_of_a_permutation,
                _multinomial,
                _numpy_seeded_by_a_draw,
                _dictionary_and_python_shuffle,
                _numpy_unique,
            ),
        ),
        (
            ch02.check_bootstrapped_returns,
            (
                _backwards_with_where,
                _episode_by_episode,
                _horner_in_numpy,
                _with_cummax,
                _nan_to_num_first,
            ),
        ),
        (ch02.check_floor_zero, (Fraction(13, 6), 2.167, np.float32(2.16667), torch.tensor(_ZERO))),
        (ch02.check_floor_agnostic, (Decimal("0.5455"), _AGNOSTIC, np.array(_AGNOSTIC), torch.tensor([_AGNOSTIC])[0])),
        (ch02.check_floor_phase_known, (Fraction(1, 6), 0.1667, 13 / 6 - 2)),
        (ch02.check_worth, _GOOD_WORTHS),
    )
    for answer in answers
]
