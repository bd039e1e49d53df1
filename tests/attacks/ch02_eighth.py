"""Answers to exercises of chapter 02, from an eighth attack."""

import random

import numpy as np
import torch

from metarl_core.check import ch02

from . import named


def _windy(position, action, tasks, most=10**6, limit=0.1, walls=1.0, dtype=None, blow=lambda w: w, far=1e9):
    wind, goal = blow(tasks["wind"])[:, None], tasks["goal"][:, None]
    new = (position + action.clamp(-limit, limit) + wind).clamp(-walls, walls)
    new[most:] = position[most:]
    reward = -(new - goal).norm(dim=-1).clamp(max=far)
    return (new, reward) if dtype is None else (new, reward.to(dtype).to(new.dtype))


def _fifty_tasks(position, action, tasks):
    return _windy(position, action, tasks, most=50)


def _half(position, action, tasks):
    return _windy(position, action, tasks, dtype=torch.float16)


def _wind_below_one(position, action, tasks):
    return _windy(position, action, tasks, blow=lambda w: w.clamp(-1, 1))


def _walls_of_099(position, action, tasks):
    return _windy(position, action, tasks, walls=0.999)


def _farthest_two(position, action, tasks):
    return _windy(position, action, tasks, far=2.0)


def _wind_of_the_first(position, action, tasks):
    return _windy(position, action, {**tasks, "wind": tasks["wind"][:1].expand_as(tasks["wind"])})


def _x_and_y_swapped(position, action, tasks):
    return _windy(position, action, {**tasks, "wind": tasks["wind"].flip(-1)})


def _wind_unless_at_rest(position, action, tasks):
    new, reward = _windy(position, action, tasks)
    still = (action == 0).all(-1)
    return torch.where(still[..., None], position, new), reward


def _numpy_step(position, action, tasks):
    p, a, w, g = (x.numpy() for x in (position, action, tasks["wind"], tasks["goal"]))
    new = np.clip(p + np.clip(a, -0.1, 0.1) + w[:, None], -1, 1).astype(p.dtype)
    return torch.from_numpy(new), torch.from_numpy(-np.linalg.norm(new - g[:, None], axis=-1))


def _one_by_one(position, action, tasks):
    new, reward = torch.empty_like(position), torch.empty_like(position[..., 0])
    for t in range(position.shape[0]):
        for e in range(position.shape[1]):
            moved = position[t, e] + torch.clip(action[t, e], -0.1, 0.1) + tasks["wind"][t]
            new[t, e] = torch.clip(moved, -1, 1)
            reward[t, e] = -torch.dist(new[t, e], tasks["goal"][t])
    return [new, reward]


def _minmax(position, action, tasks):
    legs = torch.minimum(torch.maximum(action, action.new_tensor(-0.1)), action.new_tensor(0.1))
    new = torch.nn.functional.hardtanh(position + legs + tasks["wind"].unsqueeze(1))
    return new, -torch.hypot(*(new - tasks["goal"].unsqueeze(1)).unbind(-1))


# ------------------------------------------------------------------ splits


def _split(choose):
    def answer(cells, far, share, generator):
        _, task = torch.unique(cells, dim=0, return_inverse=True)
        near = task[~far].unique()
        test = torch.isin(task, choose(near, round(share * len(near)), generator))
        train = ~far & ~test
        return {name: mask.nonzero()[:, 0] for name, mask in (("train", train), ("test", test), ("ood", far))}

    return answer


def _naive(order, last=False):
    def choose(near, tests, generator):
        near = near.clone()
        n = len(near)
        for i in range(n) if order > 0 else reversed(range(n)):
            j = int(torch.randint(n, (), generator=generator))
            near[[i, j]] = near[[j, i]]
        return near[n - tests :] if last else near[:tests]

    return choose


def _neighbours(near, tests, generator):
    """Fisher and Yates's exchange, but each place only with those up to ten behind it."""
    near, n = near.clone(), len(near)
    for i in range(n):
        j = i + int(torch.randint(min(10, n - i), (), generator=generator))
        near[[i, j]] = near[[j, i]]
    return near[:tests]


def _sattolo(near, tests, generator):
    """One cycle: nobody stays at home."""
    near, n = near.clone(), len(near)
    for i in range(n - 1, 0, -1):
        j = int(torch.randint(i, (), generator=generator))
        near[[i, j]] = near[[j, i]]
    return near[:tests]


def _coarse_keys(near, tests, generator):
    return near[torch.randint(8, (len(near),), generator=generator).argsort(stable=True)[:tests]]


def _thousand_seeds(near, tests, generator):
    own = torch.Generator().manual_seed(int(torch.randint(1000, (), generator=generator)))
    return near[torch.randperm(len(near), generator=own)[:tests]]


def _by_rejection(near, tests, generator):
    """Each task by a coin, until as many are chosen as should be."""
    if tests in (0, len(near)):
        return near[:tests]
    while True:
        chosen = torch.rand(len(near), generator=generator) < tests / len(near)
        if int(chosen.sum()) == tests:
            return near[chosen]


def _by_keys(near, tests, generator):
    return near[torch.rand(len(near), generator=generator, dtype=torch.float64).topk(tests).indices]


def _one_after_the_other(near, tests, generator):
    left, chosen = near.tolist(), []
    for _ in range(tests):
        chosen.append(left.pop(int(torch.randint(len(left), (), generator=generator))))
    return torch.tensor(chosen, dtype=torch.int64)


def _python_random(near, tests, generator):
    own = random.Random(int(torch.randint(2**62, (), generator=generator)))
    return torch.tensor(own.sample(near.tolist(), tests), dtype=torch.int64)


def _multinomial(near, tests, generator):
    if tests == 0:
        return near[:0]
    return near[torch.multinomial(torch.ones(len(near)), tests, generator=generator)]


def _python_sets(cells, far, share, generator):
    rows = [tuple(row) for row in cells.tolist()]
    near = sorted({row for row, away in zip(rows, far.tolist(), strict=True) if not away})
    order = torch.randperm(len(near), generator=generator).tolist()
    chosen = {near[i] for i in order[: round(share * len(near))]}
    found = {"train": [], "test": [], "ood": []}
    for i, (row, away) in enumerate(zip(rows, far.tolist(), strict=True)):
        found["ood" if away else "test" if row in chosen else "train"].append(i)
    return {name: torch.tensor(index, dtype=torch.int64) for name, index in found.items()}


# ------------------------------------------------------------------ a return with its mask


def _bootstrapped(most=(10**6,) * 3, cut=None, early=False):
    def answer(rewards, terminated, values, discount):
        tasks, episodes, horizon = rewards.shape
        found = torch.zeros_like(rewards[..., 0])
        for t in range(min(tasks, most[0])):
            for e in range(min(episodes, most[1])):
                weight, total, over = 1.0, 0.0, False
                for k in range(min(horizon, most[2])):
                    total += weight * float(rewards[t, e, k])
                    weight *= discount
                    if cut is not None and weight < cut:
                        over = True
                        break
                    if terminated[t, e, k]:
                        over = True
                        break
                found[t, e] = total if over else total + weight * float(values[t, e, -1])
        return found

    return answer


def _zeroed(rewards, terminated, values, discount):
    """NaN and infinities replaced before a product with the mask."""
    alive = torch.cat([torch.ones_like(terminated[..., :1]), ~terminated[..., :-1]], -1).long().cumprod(-1)
    rewards, values = rewards.nan_to_num(0, 0, 0), values.nan_to_num(0, 0, 0)
    horizon = rewards.shape[-1]
    powers = torch.tensor([discount**k for k in range(horizon)], dtype=rewards.dtype)
    over = terminated.any(-1)
    return (alive * powers * rewards).sum(-1) + ~over * discount**horizon * values[..., -1]


def _backwards(rewards, terminated, values, discount):
    end = terminated.long().argmax(-1)
    end = torch.where(terminated.any(-1), end, rewards.shape[-1] - 1)
    total = torch.where(terminated.any(-1), 0.0, values[..., -1])
    for k in reversed(range(rewards.shape[-1])):
        total = torch.where(k <= end, rewards[..., k] + discount * total, total)
    return total


def _positive_values(rewards, terminated, values, discount):
    return _zeroed(rewards, terminated, values.clamp(min=0), discount)


WRONG = [
    *named(
        ch02.check_windy_step,
        _fifty_tasks,
        _half,
        _wind_below_one,
        _walls_of_099,
        _farthest_two,
        _wind_of_the_first,
        _x_and_y_swapped,
        _wind_unless_at_rest,
    ),
    *named(
        ch02.check_split_tasks,
        naive_exchange=_split(_naive(1)),
        naive_exchange_from_the_end=_split(_naive(-1)),
        naive_exchange_last_ones=_split(_naive(1, True)),
        naive_exchange_from_the_end_last_ones=_split(_naive(-1, True)),
        neighbours=_split(_neighbours),
        sattolo=_split(_sattolo),
        coarse_keys=_split(_coarse_keys),
        thousand_seeds=_split(_thousand_seeds),
    ),
    *named(
        ch02.check_bootstrapped_returns,
        _positive_values,
        fifty_tasks=_bootstrapped((50, 10**6, 10**6)),
        fifty_episodes=_bootstrapped((10**6, 50, 10**6)),
        fifty_steps=_bootstrapped((10**6, 10**6, 50)),
        small_weights=_bootstrapped(cut=0.05),
    ),
]
RIGHT = [
    *named(ch02.check_windy_step, _numpy_step, _one_by_one, _minmax),
    *named(
        ch02.check_split_tasks,
        _python_sets,
        by_rejection=_split(_by_rejection),
        by_keys=_split(_by_keys),
        one_after_the_other=_split(_one_after_the_other),
        python_random=_split(_python_random),
        multinomial=_split(_multinomial),
    ),
    *named(
        ch02.check_bootstrapped_returns,
        _zeroed,
        _backwards,
        one_by_one=_bootstrapped(),
    ),
]
