"""More answers to chapter 02's exercises, by somebody who had read the exercises and not the checks."""

import math
from functools import cache

import numpy as np
import torch

from metarl_core.check import ch02
from metarl_core.evaluation import t_interval
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains

from . import named, reported

# ------------------------------------------------------------------ windy_step, wrong


def _parts(position, action, tasks):
    return position, action.clamp(-0.1, 0.1), tasks["wind"][:, None], tasks["goal"][:, None]


def _reward(to, goal):
    return -(to - goal).norm(dim=-1)


def _flush_right(position, action, tasks):
    to = (position + action.clamp(-0.1, 0.1) + tasks["wind"]).clamp(-1, 1)
    return to, _reward(to, tasks["goal"])


def _wind_by_episode(position, action, tasks):
    n = position.shape[1]
    to = (position + action.clamp(-0.1, 0.1) + tasks["wind"][torch.arange(n) % len(tasks["wind"])][None]).clamp(-1, 1)
    return to, _reward(to, tasks["goal"][:, None])


def _paid_for_the_old_place(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    return (s + a + w).clamp(-1, 1), _reward(s, g)


def _paid_for_distance(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return to, -_reward(to, g)


def _squared(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return to, -((to - g) ** 2).sum(-1)


def _city_blocks(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return to, -(to - g).abs().sum(-1)


def _no_walls(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    return s + a + w, _reward(s + a + w, g)


def _legs_limit_the_wind(position, action, tasks):
    s, _, w, g = _parts(position, action, tasks)
    to = (s + (action + w).clamp(-0.1, 0.1)).clamp(-1, 1)
    return to, _reward(to, g)


def _limit_on_the_length(position, action, tasks):
    s, _, w, g = _parts(position, action, tasks)
    a = action * (0.1 / action.norm(dim=-1, keepdim=True).clamp_min(1e-12)).clamp(max=1)
    to = (s + a + w).clamp(-1, 1)
    return to, _reward(to, g)


def _wind_through_the_wall(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a).clamp(-1, 1) + w
    return to, _reward(to, g)


def _reward_behind_the_wall(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    return (s + a + w).clamp(-1, 1), _reward(s + a + w, g)


def _windy_float32(position, action, tasks):
    s, a, w, g = (x.float() for x in _parts(position, action, tasks))
    to = (s + a + w).clamp(-1, 1)
    return to, _reward(to, g)


def _moves_the_argument(position, action, tasks):
    _, a, w, g = _parts(position, action, tasks)
    position += a + w
    position.clamp_(-1, 1)
    return position, _reward(position, g)


def _limits_the_argument(position, action, tasks):
    to = (position + action.clamp_(-0.1, 0.1) + tasks["wind"][:, None]).clamp(-1, 1)
    return to, _reward(to, tasks["goal"][:, None])


def _expands_the_tasks(position, action, tasks):
    tasks["wind"], tasks["goal"] = tasks["wind"][:, None], tasks["goal"][:, None]
    to = (position + action.clamp(-0.1, 0.1) + tasks["wind"]).clamp(-1, 1)
    return to, _reward(to, tasks["goal"])


def _reward_keeps_its_axis(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return to, -(to - g).norm(dim=-1, keepdim=True)


def _root_mean_square(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return to, -((to - g) ** 2).mean(-1).sqrt()


def _reward_first(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return _reward(to, g), to


def _wind_of_the_first_task(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w[:1]).clamp(-1, 1)
    return to, _reward(to, g)


def _limit_on_one_side(position, action, tasks):
    s, _, w, g = _parts(position, action, tasks)
    to = (s + action.clamp(max=0.1) + w).clamp(-1, 1)
    return to, _reward(to, g)


def _softened_norm(position, action, tasks):
    s, a, w, g = _parts(position, action, tasks)
    to = (s + a + w).clamp(-1, 1)
    return to, -(((to - g) ** 2).sum(-1) + 1e-6).sqrt()


# ------------------------------------------------------------------ windy_step, right


def _windy_numpy(position, action, tasks):
    s, a, w, g = (x.numpy() for x in (position, action, tasks["wind"], tasks["goal"]))
    to = np.clip(s + np.clip(a, -0.1, 0.1) + w[:, np.newaxis, :], -1, 1).astype(s.dtype)
    return torch.from_numpy(to), torch.from_numpy(-np.sqrt(((to - g[:, np.newaxis]) ** 2).sum(-1)).astype(s.dtype))


def _windy_loops(position, action, tasks):
    to, reward = torch.empty_like(position), position.new_empty(position.shape[:2])
    for i in range(position.shape[0]):
        for j in range(position.shape[1]):
            for k in range(2):
                move = min(max(float(action[i, j, k]), -0.1), 0.1)
                to[i, j, k] = min(max(float(position[i, j, k]) + move + float(tasks["wind"][i, k]), -1), 1)
            reward[i, j] = -math.dist(to[i, j].tolist(), tasks["goal"][i].tolist())
    return to, reward


def _windy_vmap(position, action, tasks):
    def one(s, a, w, g):
        to = torch.clip(s + torch.clip(a, -0.1, 0.1) + w, -1, 1)
        return to, -torch.linalg.vector_norm(to - g, dim=-1)

    return torch.vmap(one)(position, action, tasks["wind"], tasks["goal"])


def _windy_hypot(position, action, tasks):
    move = torch.where(action.abs() > 0.1, 0.1 * action.sign(), action)
    to = torch.minimum(
        torch.maximum(position + move + tasks["wind"].unsqueeze(1), position.new_tensor(-1)), position.new_tensor(1)
    )
    away = to - tasks["goal"].unsqueeze(1)
    return to, -torch.hypot(away[..., 0], away[..., 1])


def _windy_cdist(position, action, tasks):
    steps = torch.nn.functional.hardtanh(action, -0.1, 0.1).transpose(0, 1) + tasks["wind"]
    to = torch.nn.functional.hardtanh(position.transpose(0, 1) + steps).transpose(0, 1)
    away = to - tasks["goal"].reshape(-1, 1, 2)
    return to, -torch.einsum("tei,tei->te", away, away).sqrt()


# ------------------------------------------------------------------ split_tasks, wrong


def _numbered(cells):
    return torch.unique(cells, dim=0, return_inverse=True)[1]


def _from_test(number, far, test):
    inside = torch.isin(number, test) & ~far
    rows = torch.arange(len(far))
    return {"train": rows[~inside & ~far], "test": rows[inside], "ood": rows[far]}


def _shuffles_rows(cells, far, share, generator):
    near = (~far).nonzero()[:, 0]
    order = near[torch.randperm(len(near), generator=generator)]
    k = round(share * len(near))
    return {"train": order[k:], "test": order[:k], "ood": far.nonzero()[:, 0]}


def _share_of_all_tasks(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)]
    return _from_test(number, far, order[: round(share * len(number.unique()))])


def _share_of_near_rows(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)]
    return _from_test(number, far, order[: round(share * int((~far).sum()))])


def _rounds_towards_zero(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)]
    return _from_test(number, far, order[: int(share * len(near))])


def _rounds_up(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)]
    return _from_test(number, far, order[: math.ceil(share * len(near))])


def _at_least_one(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)]
    return _from_test(number, far, order[: max(1, round(share * len(near)))])


def _one_row_a_task(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)][: round(share * len(near))]
    test = torch.tensor([int((number == t).nonzero()[0, 0]) for t in order], dtype=torch.int64)
    rows = torch.arange(len(cells))
    return {"train": rows[~far & ~torch.isin(rows, test)], "test": test, "ood": rows[far]}


def _twins_dropped(cells, far, share, generator):
    split = _right_split(cells, far, share, generator)
    number = _numbered(cells)
    first = torch.tensor([int((number == t).nonzero()[0, 0]) == i for i, t in enumerate(number)], dtype=torch.bool)
    return split | {"train": split["train"][first[split["train"]]]}


def _global_luck(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    return _from_test(number, far, near[torch.randperm(len(near))][: round(share * len(near))])


def _own_seed(cells, far, share, generator):
    return _right_split(cells, far, share, torch.Generator().manual_seed(0))


def _first_seed_again(cells, far, share, generator):
    return _right_split(cells, far, share, torch.Generator().manual_seed(generator.initial_seed()))


# ------------------------------------------------------------------ split_tasks, right


def _right_split(cells, far, share, generator):
    number = _numbered(cells)
    near = number[~far].unique()
    order = near[torch.randperm(len(near), generator=generator)]
    return _from_test(number, far, order[: round(share * len(near))])


def _dictionary_of_cells(cells, far, share, generator):
    rows = {}
    for i, (cell, is_far) in enumerate(zip(cells.tolist(), far.tolist(), strict=True)):
        if not is_far:
            rows.setdefault(tuple(cell), []).append(i)
    names = list(rows)
    order = torch.randperm(len(names), generator=generator).tolist()
    k = round(share * len(names))
    split = {
        "test": [i for o in order[:k] for i in rows[names[o]]],
        "train": [i for o in order[k:] for i in rows[names[o]]],
        "ood": [i for i, is_far in enumerate(far.tolist()) if is_far],
    }
    return {name: torch.tensor(v, dtype=torch.int64) for name, v in split.items()}


def _keys_sorted(cells, far, share, generator):
    near = (~far).nonzero().flatten()
    if not len(near):
        none = torch.empty(0, dtype=torch.long)
        return {"train": none, "test": none, "ood": far.nonzero().flatten()}
    tasks, number = cells[near].unique(dim=0, return_inverse=True)
    rank = torch.rand(len(tasks), generator=generator, dtype=torch.float64).argsort().argsort()
    test = (rank < round(share * len(tasks)))[number]
    return {"train": near[~test], "test": near[test].flip(0), "ood": far.nonzero().flatten()}


def _numpy_tasks(cells, far, share, generator):
    f = far.numpy()
    seed = int(torch.randint(2**62, (1,), generator=generator))
    near = np.flatnonzero(~f)
    _, number = np.unique(cells.numpy()[near], axis=0, return_inverse=True)
    number = number.reshape(-1)
    n = len(set(number.tolist()))
    chosen = np.random.default_rng(seed).permutation(n)[: round(share * n)]
    test = np.isin(number, chosen)
    parts = {"train": near[~test], "test": near[test], "ood": np.flatnonzero(f)}
    return {k: torch.as_tensor(v.astype(np.int64)) for k, v in parts.items()}


def _twin_matrix(cells, far, share, generator):
    same = (cells[:, None] == cells[None]).all(-1)
    first = same.int().argmax(1) if len(cells) else torch.empty(0, dtype=torch.int64)
    heads = ((first == torch.arange(len(cells))) & ~far).nonzero()[:, 0]
    k = round(share * len(heads))
    test = torch.zeros(len(cells), dtype=torch.bool)
    for i in heads[torch.randperm(len(heads), generator=generator)][:k]:
        test |= same[i]
    return {"train": torch.where(~test & ~far)[0], "test": torch.where(test)[0], "ood": torch.where(far)[0]}


# ------------------------------------------------------------------ worth

WIDE = CartPole(spread=4.0, horizon=200)


def _told_return(tasks, generator, episodes=2):
    policy = {"gains": cartpole_gains(tasks)}
    return float(rollout(WIDE, tasks, CartPoleController(), policy, episodes, generator).returns.mean())


def _returns_of(gains, tasks, generator, episodes=2):
    number = len(tasks["length"])
    every = {name: value.repeat(len(gains)) for name, value in tasks.items()}
    policy = {"gains": gains.repeat_interleave(number, 0)}
    returns = rollout(WIDE, every, CartPoleController(), policy, episodes, generator).returns
    return returns.reshape(len(gains), -1).mean(1)


def _joined(list_of_tasks):
    return {name: torch.cat([t[name] for t in list_of_tasks]) for name in list_of_tasks[0]}


def _seed_rows(
    seed,
    n=40,
    designs=30,
    pick="argmax",
    candidates=None,
    split=("train", "test"),
    test=None,
    family=WIDE,
    search_on_test=False,
):
    g = torch.Generator().manual_seed(seed)
    search = WIDE.sample_tasks(n, g, split[0])
    tried = cartpole_gains(WIDE.sample_tasks(designs, g, "train")) if candidates is None else candidates(g)
    tests = family.sample_tasks(n, g, split[1]) if test is None else test
    if search_on_test:
        search = tests
    found = _returns_of(tried, search, g)
    best = int(getattr(found, pick)())
    gains = tried[best : best + 1]
    ordinary = cartpole_gains(WIDE.default_params)
    return {
        "gains": gains[0],
        "search": search,
        "search_return": float(found[best]),
        "test": tests,
        "told": _told_return(tests, g),
        "untold": float(_returns_of(gains, tests, g)),
        "ordinary": float(_returns_of(ordinary, tests, g)),
    }


def _compose(rows, **changes):
    told, untold, ordinary = (torch.tensor([r[k] for r in rows]) for k in ("told", "untold", "ordinary"))
    found = t_interval(told - untold)
    return {
        "gains": torch.stack([r["gains"] for r in rows]),
        "search_tasks": _joined([r["search"] for r in rows]),
        "search_returns": [r["search_return"] for r in rows],
        "test_tasks": _joined([r["test"] for r in rows]),
        "told": told.tolist(),
        "untold": untold.tolist(),
        "ordinary": ordinary.tolist(),
        "apparent": float((told - ordinary).mean()),
        "worth": float((told - untold).mean()),
        "interval": (float(found.low), float(found.high)),
    } | changes


@cache
def _five():
    return [_seed_rows(50 + i) for i in range(5)]


def _worth(**changes):
    return _compose(_five(), **changes)


def _searched_on_test_tasks():
    return _compose([_seed_rows(70 + i, search_on_test=True) for i in range(5)])


def _invented_returns():
    return _worth(told=[170.0, 172.0, 168.0, 171.0, 169.0], worth=4.0, interval=(1.0, 7.0), apparent=40.0)


def _right_worth():
    return _worth()


def _six_seeds_sixty_tasks():
    return _compose([_seed_rows(200 + i, n=60) for i in range(6)])


def _worth_in_numpy():
    w = _worth()
    arrays = {k: np.array(w[k]) for k in ("search_returns", "told", "untold", "ordinary", "interval")}
    return w | arrays | {"gains": w["gains"].numpy(), "worth": np.float64(w["worth"])}


def _worth_in_lists():
    w = _worth()
    return w | {"gains": w["gains"].tolist(), "interval": list(w["interval"]), "apparent": torch.tensor(w["apparent"])}


def _around_ordinary_gains():
    ordinary = cartpole_gains(WIDE.default_params)

    def tried(g):
        return ordinary * torch.exp(0.7 * torch.randn(40, 4, generator=g))

    return _compose([_seed_rows(300 + i, n=50, candidates=tried) for i in range(5)])


# ------------------------------------------------------------------ bootstrapped_returns, wrong


# ------------------------------------------------------------------ bootstrapped_returns, right


def _repaired_in_place(rewards, terminated, values, discount):
    """The colleague's code with as little changed as possible."""
    horizon = rewards.shape[-1]
    running = (~terminated).long().cumprod(-1)
    mask = torch.cat([torch.ones_like(running[..., :1]), running[..., :-1]], -1)
    total = (discount ** torch.arange(horizon) * torch.where(mask.bool(), rewards, 0.0)).sum(-1)
    return total + torch.where(running[..., -1].bool(), discount**horizon * values[..., -1], 0.0)


def _backwards(rewards, terminated, values, discount):
    total = values[..., -1]
    for t in reversed(range(rewards.shape[-1])):
        total = rewards[..., t] + torch.where(terminated[..., t], torch.zeros_like(total), discount * total)
    return total


def _python_episodes(rewards, terminated, values, discount):
    def one(r, d, v):
        total = 0.0
        for t, (reward, over) in enumerate(zip(r, d, strict=True)):
            total += discount**t * reward
            if over:
                return total
        return total + discount ** len(r) * v[-1]

    rows = [
        [one(*episode) for episode in zip(*task, strict=True)]
        for task in zip(rewards.tolist(), terminated.tolist(), values.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=rewards.dtype)


def _from_lengths(rewards, terminated, values, discount):
    ended = terminated.any(-1)
    horizon = rewards.shape[-1]
    length = torch.where(ended, terminated.int().argmax(-1) + 1, horizon)
    real = torch.arange(horizon) < length[..., None]
    extended = torch.cat([rewards.masked_fill(~real, 0), values[..., -1:].masked_fill(ended[..., None], 0)], -1)
    return (
        extended.double()
        @ (torch.tensor(float(discount), dtype=torch.float64) ** torch.arange(horizon + 1)).to(torch.float64)
        if rewards.dtype == torch.float64
        else (
            extended.double() @ torch.tensor(float(discount), dtype=torch.float64) ** torch.arange(horizon + 1)
        ).float()
    )


def _returns_in_numpy(rewards, terminated, values, discount):
    r, d, v = (x.numpy() for x in (rewards, terminated, values))
    seen = np.logical_or.accumulate(d, -1)
    real = np.concatenate([np.ones_like(seen[..., :1]), ~seen[..., :-1]], -1)
    total = np.einsum("...t,t->...", np.where(real, r, 0).astype(np.float64), float(discount) ** np.arange(r.shape[-1]))
    total = total + np.where(seen[..., -1], 0, float(discount) ** r.shape[-1] * v[..., -1])
    return torch.from_numpy(total.astype(r.dtype))


# ------------------------------------------------------------------ floors

ZERO, AGNOSTIC, PHASE, AMPLITUDE = 13 / 6, 13 / 6 - 16 / math.pi**2, 1 / 6, 13 / 3 * (0.5 - 4 / math.pi**2)

WRONG = [
    *named(
        ch02.check_windy_step,
        _flush_right,
        _wind_by_episode,
        _paid_for_the_old_place,
        _paid_for_distance,
        _squared,
        _city_blocks,
        _no_walls,
        _legs_limit_the_wind,
        _limit_on_the_length,
        _wind_through_the_wall,
        _reward_behind_the_wall,
        _windy_float32,
        _moves_the_argument,
        _limits_the_argument,
        _expands_the_tasks,
        _reward_keeps_its_axis,
        _root_mean_square,
        _reward_first,
        _wind_of_the_first_task,
        _limit_on_one_side,
        _softened_norm,
    ),
    *named(
        ch02.check_split_tasks,
        _shuffles_rows,
        _share_of_all_tasks,
        _share_of_near_rows,
        _rounds_towards_zero,
        _rounds_up,
        _at_least_one,
        _one_row_a_task,
        _twins_dropped,
        _global_luck,
        _own_seed,
        _first_seed_again,
    ),
    *reported(
        ch02.check_worth,
        _searched_on_test_tasks,
    ),
]

RIGHT = [
    *named(ch02.check_windy_step, _windy_numpy, _windy_loops, _windy_vmap, _windy_hypot, _windy_cdist),
    *named(ch02.check_split_tasks, _right_split, _dictionary_of_cells, _keys_sorted, _numpy_tasks, _twin_matrix),
    *reported(
        ch02.check_worth, _right_worth, _six_seeds_sixty_tasks, _worth_in_numpy, _worth_in_lists, _around_ordinary_gains
    ),
    *named(
        ch02.check_bootstrapped_returns,
        _repaired_in_place,
        _backwards,
        _python_episodes,
        _from_lengths,
        _returns_in_numpy,
    ),
    *[(ch02.check_floor_zero, x) for x in (ZERO, 2.1667, torch.tensor(ZERO), np.float64(ZERO))],
    *[(ch02.check_floor_agnostic, x) for x in (AGNOSTIC, 0.5455, torch.tensor(AGNOSTIC))],
    *[(ch02.check_floor_phase_known, x) for x in (PHASE, 0.1667, np.float32(1 / 6))],
    *[(ch02.check_floor_amplitude_known, x) for x in (AMPLITUDE, 0.4104, torch.tensor(AMPLITUDE, dtype=torch.float64))],
]
