"""Answers to exercises of chapter 02, from a seventh attack."""

import math
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch02

from . import named

# ------------------------------------------------------------------ the windy family


def _windy(move=None, walls=None, reward=None, spread=lambda x: x[:, None]):
    """The right step, but for what is given."""
    move = move or (lambda action: action.clamp(-0.1, 0.1))
    walls = walls or (lambda old, new: new.clamp(-1, 1))
    reward = reward or (lambda old, new, goal: -(new - goal).norm(dim=-1))

    def answer(position, action, tasks):
        goal, wind = spread(tasks["goal"]), spread(tasks["wind"])
        new = walls(position, position + move(action) + wind)
        return new, reward(position, new, goal)

    return answer


def _shortened(action):
    length = action.norm(dim=-1, keepdim=True)
    return torch.where(length > 0.1, action * 0.1 / length, action)


def _reflected(old, new):
    return torch.where(new > 1, 2 - new, torch.where(new < -1, -2 - new, new))


def _stays(old, new):
    """A move through a wall does not happen."""
    return torch.where((new.abs() > 1).any(-1, keepdim=True), old, new)


def _slides(old, new):
    return torch.where(new.abs() > 1, old, new)


def _to_the_circle(old, new):
    return new / new.norm(dim=-1, keepdim=True).clamp_min(1)


def _arena_for_the_move_only(position, action, tasks):
    """The walls stop the legs; the wind blows afterwards."""
    new = (position + action.clamp(-0.1, 0.1)).clamp(-1, 1) + tasks["wind"][:, None]
    return new, -(new - tasks["goal"][:, None]).norm(dim=-1)


def _wind_and_legs_together(position, action, tasks):
    new = (position + (action + tasks["wind"][:, None]).clamp(-0.1, 0.1)).clamp(-1, 1)
    return new, -(new - tasks["goal"][:, None]).norm(dim=-1)


def _safe_root(old, new, goal):
    return -((new - goal).square().sum(-1) + 1e-6).sqrt()


def _goal_in_the_arena(old, new, goal):
    return -(new - goal.clamp(-1, 1)).norm(dim=-1)


def _before_the_walls(position, action, tasks):
    free = position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    return free.clamp(-1, 1), -(free - tasks["goal"][:, None]).norm(dim=-1)


def _tiled(position, action, tasks):
    """Flat rows, and tasks repeated the other way round."""
    n, episodes, _ = position.shape
    rows = {name: value.repeat(episodes, 1).view(n, episodes, 2) for name, value in tasks.items()}
    new = (position + action.clamp(-0.1, 0.1) + rows["wind"]).clamp(-1, 1)
    return new, -(new - rows["goal"]).norm(dim=-1)


def _goal_of_the_first(position, action, tasks):
    new = (position + action.clamp(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return new, -(new - tasks["goal"][0]).norm(dim=-1)


def _in_place(position, action, tasks):
    position += action.clamp(-0.1, 0.1) + tasks["wind"][:, None]
    position.clamp_(-1, 1)
    return position, -(position - tasks["goal"][:, None]).norm(dim=-1)


def _each_task(position, action, tasks):
    new, rewards = [], []
    for s, a, g, w in zip(position, action, tasks["goal"], tasks["wind"], strict=True):
        s = torch.minimum(torch.maximum(s + a.clip(-0.1, 0.1) + w, s.new_tensor(-1.0)), s.new_tensor(1.0))
        new.append(s)
        rewards.append(-torch.hypot(*(s - g).unbind(-1)))
    return torch.stack(new), torch.stack(rewards)


def _numpy_step(position, action, tasks):
    goal, wind = (tasks[name].numpy()[:, None] for name in ("goal", "wind"))
    new = np.clip(position.numpy() + np.clip(action.numpy(), -0.1, 0.1) + wind, -1, 1)
    return torch.from_numpy(new), -torch.from_numpy(np.sqrt(((new - goal) ** 2).sum(-1)))


def _mapped(position, action, tasks):
    def one(s, a, goal, wind):
        s = torch.clip(s + torch.clip(a, -0.1, 0.1) + wind, -1, 1)
        return s, -torch.linalg.vector_norm(s - goal)

    episodes = torch.vmap(one, in_dims=(0, 0, None, None))
    return torch.vmap(episodes)(position, action, tasks["goal"], tasks["wind"])


# ------------------------------------------------------------------ splits


def _split(choose, number=None):
    """The right split, but for how `choose(near, k, generator)` picks k of the different near tasks."""

    def answer(cells, far, share, generator):
        if number is None:
            _, task = torch.unique(cells, dim=0, return_inverse=True)
        else:
            task = number(cells)
        near = task[~far].unique()
        chosen = choose(near, round(share * len(near)), generator)
        test = torch.isin(task, chosen) & ~far
        return {name: mask.nonzero()[:, 0] for name, mask in (("train", ~far & ~test), ("test", test), ("ood", far))}

    return answer


def _shuffled(near, k, generator):
    return near[torch.randperm(len(near), generator=generator)[:k]]


def _last_ones(near, k, generator):
    return near[torch.randperm(len(near), generator=generator)][-k:]


def _a_run(near, k, generator):
    begin = int(torch.randint(max(len(near), 1), (1,), generator=generator))
    return near.roll(-begin)[:k]


def _sattolo(near, k, generator):
    """Exchanges each place with an earlier one, never with itself: cycles only."""
    order = list(range(len(near)))
    for i in range(len(order) - 1, 0, -1):
        j = int(torch.randint(i, (1,), generator=generator))
        order[i], order[j] = order[j], order[i]
    return near[torch.tensor(order[:k], dtype=torch.int64)]


def _hundred_splits(near, k, generator):
    seed = int(torch.randint(100, (1,), generator=generator))
    return near[torch.randperm(len(near), generator=torch.Generator().manual_seed(seed))[:k]]


def _pairs_stay_together(near, k, generator):
    half = (len(near) + 1) // 2
    order = torch.randperm(half, generator=generator)
    both = torch.stack([2 * order, 2 * order + 1], 1).flatten()
    return near[both[both < len(near)][:k]]


def _with_replacement(near, k, generator):
    return near[torch.randint(len(near), (k,), generator=generator)] if len(near) else near


def _each_by_a_coin(near, k, generator):
    return near[torch.rand(len(near), generator=generator) < k / max(len(near), 1)]


def _from_its_first_seed(near, k, generator):
    own = torch.Generator().manual_seed(generator.initial_seed())
    return _shuffled(near, k, own)


def _coarse_keys(near, k, generator):
    """Sorts by random keys of eight values: ties go to the tasks that come first."""
    return near[torch.sort(torch.randint(8, (len(near),), generator=generator), stable=True).indices[:k]]


def _as_hundreds(cells):
    return torch.unique(cells[:, 0] * 100 + cells[:, 1], return_inverse=True)[1]


def _as_products(cells):
    return torch.unique((cells[:, 0] + 1) * (cells[:, 1] + 1), return_inverse=True)[1]


def _as_single_precision(cells):
    return torch.unique(cells.float(), dim=0, return_inverse=True)[1]


def _as_neighbours(cells):
    """Equal rows only where they follow each other."""
    return torch.unique_consecutive(cells, dim=0, return_inverse=True)[1]


def _at_least_one(near, k, generator):
    return _shuffled(near, max(k, 1), generator)


def _python_sample(near, k, generator):
    luck = random.Random(int(torch.randint(2**62, (1,), generator=generator)))
    return torch.tensor(luck.sample(near.tolist(), k), dtype=torch.int64)


def _numpy_choice(near, k, generator):
    luck = np.random.default_rng(torch.randint(2**31, (4,), generator=generator).tolist())
    return torch.from_numpy(luck.choice(near.numpy(), k, replace=False))


def _smallest_keys(near, k, generator):
    return near[torch.rand(len(near), generator=generator, dtype=torch.float64).argsort()[:k]]


def _one_after_the_other(near, k, generator):
    """Goes through the tasks once; each is taken with the probability that k needs."""
    chosen = []
    for i, u in enumerate(torch.rand(len(near), generator=generator, dtype=torch.float64).tolist()):
        if u * (len(near) - i) < k - len(chosen):
            chosen.append(int(near[i]))
    return torch.tensor(chosen, dtype=torch.int64)


def _the_complement(near, k, generator):
    order = torch.randperm(len(near), generator=generator)
    left = set(near.tolist()) - set(near[order[k:]].tolist())
    return torch.tensor(sorted(left), dtype=torch.int64)


def _sets_of_tuples(cells, far, share, generator):
    rows = [tuple(row) for row in cells.tolist()]
    near = sorted({row for row, out in zip(rows, far.tolist(), strict=True) if not out})
    order = torch.randperm(len(near), generator=generator).tolist()
    test = {near[i] for i in order[: int(share * len(near) + 0.5)]}
    found = {"ood": [], "test": [], "train": []}
    for i, (row, out) in enumerate(zip(rows, far.tolist(), strict=True)):
        found["ood" if out else "test" if row in test else "train"].append(i)
    return {name: torch.tensor(where, dtype=torch.int64) for name, where in found.items()}


# ------------------------------------------------------------------ a bug that nobody noticed


def _mask(terminated):
    earlier = torch.cat([torch.zeros_like(terminated[..., :1]), terminated[..., :-1]], -1)
    return ~earlier.cummax(-1).values


def _returned(mask=_mask, ahead=None, cut=None):
    def answer(rewards, terminated, values, discount):
        horizon, m = rewards.shape[-1], mask(terminated)
        powers = torch.tensor([discount**t for t in range(horizon)], dtype=rewards.dtype)
        total = (powers * torch.where(m, rewards, 0.0)).sum(-1)
        out = ~terminated.any(-1) if cut is None else cut(terminated, m)
        future = discount**horizon * values[..., -1] if ahead is None else ahead(discount, values, m)
        return total + torch.where(out, future, 0.0)

    return answer


def _first_flag(terminated):
    """The place of the largest flag: 0 where there is none."""
    return torch.arange(terminated.shape[-1]) <= terminated.long().argmax(-1, keepdim=True)


def _count_of_flags_down(terminated):
    length = (~terminated).long().sum(-1, keepdim=True) + 1
    return torch.arange(terminated.shape[-1]) < length


def _runs_to_the_last_flag(terminated):
    """Up to the last flag of an episode, or to the end."""
    after = terminated.flip(-1).cummax(-1).values.flip(-1)
    return after | ~terminated.any(-1, keepdim=True)


def _products_with_zero(rewards, terminated, values, discount):
    m = _mask(terminated).to(rewards.dtype)
    powers = discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    cut = (~terminated.any(-1)).to(rewards.dtype)
    return (powers * rewards * m).sum(-1) + discount ** rewards.shape[-1] * values[..., -1] * cut


def _cleaned_in_place(rewards, terminated, values, discount):
    rewards[~_mask(terminated)] = 0.0
    return _returned()(rewards, terminated, values, discount)


def _finite_only(rewards, terminated, values, discount):
    """Leaves out what is not finite, and nothing else."""
    return _returned(mask=lambda d: torch.ones_like(d))(
        torch.where(rewards.isfinite(), rewards, 0.0), terminated, values, discount
    )


def _value_before(discount, values, m):
    """The value of the state before the last step."""
    return discount ** values.shape[-1] * values[..., -2] if values.shape[-1] > 1 else discount * values[..., -1]


def _backwards(rewards, terminated, values, discount):
    total = values[..., -1]
    for reward, ended in zip(rewards.unbind(-1)[::-1], terminated.unbind(-1)[::-1], strict=True):
        total = reward + discount * torch.where(ended, 0.0, total)
    return total


def _episode_by_episode(rewards, terminated, values, discount):
    result = np.zeros(rewards.shape[:-1])
    for place in np.ndindex(*rewards.shape[:-1]):
        weight = 1.0
        for reward, ended in zip(rewards[place].tolist(), terminated[place].tolist(), strict=True):
            result[place] += weight * reward
            weight *= discount
            if ended:
                break
        else:
            result[place] += weight * float(values[place][-1])
    return torch.from_numpy(result).to(rewards.dtype)


def _with_nan_to_num(rewards, terminated, values, discount):
    m = _mask(terminated)
    powers = discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    clean = torch.where(m, rewards, torch.zeros_like(rewards))
    cut = ~terminated.any(-1)
    return (
        torch.einsum("ijt,t->ij", clean, powers)
        + torch.nan_to_num(values[..., -1]).masked_fill(~cut, 0.0) * discount ** rewards.shape[-1]
    )


# ------------------------------------------------------------------ floors

ZERO, AGNOSTIC, PHASE, AMPLITUDE = 13 / 6, 13 / 6 - 16 / math.pi**2, 1 / 6, 13 / 3 * (0.5 - 4 / math.pi**2)

WRONG = [
    *named(
        ch02.check_windy_step,
        _arena_for_the_move_only,
        _wind_and_legs_together,
        _before_the_walls,
        _tiled,
        _goal_of_the_first,
        _in_place,
        shortened_legs=_windy(move=_shortened),
        reflected=_windy(walls=_reflected),
        stays=_windy(walls=_stays),
        slides=_windy(walls=_slides),
        a_round_arena=_windy(walls=_to_the_circle),
        safe_root=_windy(reward=_safe_root),
        goal_in_the_arena=_windy(reward=_goal_in_the_arena),
        from_where_it_was=_windy(reward=lambda old, new, goal: -(old - goal).norm(dim=-1)),
        weak_wind=_windy(spread=lambda x: x.clamp(-1, 1)[:, None].clamp(-0.5, 0.5)),
    ),
    *named(
        ch02.check_split_tasks,
        last_ones=_split(_last_ones),
        a_run=_split(_a_run),
        cycles=_split(_sattolo),
        hundred_splits=_split(_hundred_splits),
        pairs_stay_together=_split(_pairs_stay_together),
        with_replacement=_split(_with_replacement),
        each_by_a_coin=_split(_each_by_a_coin),
        from_its_first_seed=_split(_from_its_first_seed),
        coarse_keys=_split(_coarse_keys),
        at_least_one=_split(_at_least_one),
        hundreds=_split(_shuffled, _as_hundreds),
        products=_split(_shuffled, _as_products),
        single_precision=_split(_shuffled, _as_single_precision),
        neighbours=_split(_shuffled, _as_neighbours),
    ),
    *named(
        ch02.check_bootstrapped_returns,
        _products_with_zero,
        _cleaned_in_place,
        _finite_only,
        first_flag=_returned(mask=_first_flag),
        flags_down=_returned(mask=_count_of_flags_down),
        to_the_last_flag=_returned(mask=_runs_to_the_last_flag),
        last_flag_decides=_returned(cut=lambda terminated, m: ~terminated[..., -1]),
        last_step_real=_returned(cut=lambda terminated, m: m[..., -1]),
        value_before=_returned(ahead=_value_before),
        one_power_less=_returned(ahead=lambda g, v, m: g ** (v.shape[-1] - 1) * v[..., -1]),
        positive_values_only=_returned(ahead=lambda g, v, m: g ** v.shape[-1] * v[..., -1].clamp_min(0)),
    ),
    (ch02.check_floor_zero, 26 / 6),
    (ch02.check_floor_zero, "2.1667"),
    (ch02.check_floor_zero, 2.0),
    (ch02.check_floor_agnostic, 16 / math.pi**2),
    (ch02.check_floor_agnostic, 13 / 6 - 8 / math.pi**2),
    (ch02.check_floor_agnostic, 0.55),
    (ch02.check_floor_phase_known, 1 / 3),
    (ch02.check_floor_phase_known, 4 / 24 + 0.01),
    (ch02.check_floor_amplitude_known, 4 * (0.5 - 4 / math.pi**2)),
    (ch02.check_floor_amplitude_known, AGNOSTIC - PHASE),
]

RIGHT = [
    *named(ch02.check_windy_step, _each_task, _numpy_step, _mapped, expanded=_windy(spread=lambda x: x.unsqueeze(1))),
    *named(
        ch02.check_split_tasks,
        _sets_of_tuples,
        python_sample=_split(_python_sample),
        numpy_choice=_split(_numpy_choice),
        smallest_keys=_split(_smallest_keys),
        one_after_the_other=_split(_one_after_the_other),
        the_complement=_split(_the_complement),
    ),
    *named(
        ch02.check_bootstrapped_returns,
        _backwards,
        _episode_by_episode,
        _with_nan_to_num,
        whole=_returned(),
    ),
    (ch02.check_floor_zero, Fraction(13, 6)),
    (ch02.check_floor_zero, np.float32(ZERO)),
    (ch02.check_floor_agnostic, torch.tensor(AGNOSTIC)),
    (ch02.check_floor_agnostic, 0.5455),
    (ch02.check_floor_phase_known, Decimal(1) / 6),
    (ch02.check_floor_amplitude_known, np.array(AMPLITUDE)),
]
