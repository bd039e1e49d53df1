"""Wrong answers to the exercises of chapter 02, written as a learner would write them."""

import math

import numpy as np
import torch
from scipy import stats

from metarl_core.check import ch02
from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole
from metarl_core.tasks.draws import stamp_split
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


def _split_by_coin(cells, far, share, generator):
    """Each near task is thrown a coin for, which shows test with probability `share`."""
    _, task = torch.unique(cells, dim=0, return_inverse=True)
    test = (torch.rand(int(task.max()) + 1, generator=generator) < share)[task] & ~far
    return {"train": (~far & ~test).nonzero()[:, 0], "test": test.nonzero()[:, 0], "ood": far.nonzero()[:, 0]}


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


def _split_by_order(cells, far, share, order):
    """Splits by the first tasks of an order of the numbers below n, `order(n)`."""
    _, task = torch.unique(cells, dim=0, return_inverse=True)
    near = task[~far].unique()
    test = torch.isin(task, near[order(len(near))][: round(share * len(near))])
    masks = {"train": ~far & ~test, "test": test, "ood": far}
    return {name: mask.nonzero()[:, 0] for name, mask in masks.items()}


def _split_one_of_fifty(cells, far, share, generator):
    """The generator gives a small seed, and the seed everything else."""
    own = torch.Generator().manual_seed(int(torch.randint(50, (), generator=generator)))
    return _split_by_order(cells, far, share, lambda n: torch.randperm(n, generator=own))


def _split_coarse_keys(cells, far, share, generator):
    """Random keys of nine values: which of two equal ones comes first is a question of their place."""
    return _split_by_order(
        cells, far, share, lambda n: torch.randint(9, (n,), generator=generator).sort(stable=True).indices
    )


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


FAMILY = CartPole(spread=4.0, horizon=200)
SEEDS = 5


def _drawn(split, per_seed=60, first=1):
    """Tasks of all seeds, one after the other. Test tasks follow on the draws of the search: no twins."""
    rows = []
    for seed in range(first, first + SEEDS):
        generator = seeded(seed)
        search = FAMILY.sample_tasks(per_seed, generator, "train")
        FAMILY.sample_tasks(30, generator, "train")
        rows.append(search if split == "train" else FAMILY.sample_tasks(per_seed, generator, split))
    return {name: torch.cat([tasks[name] for tasks in rows]) for name in rows[0]}


# What the course's solution finds.
WORTH = {
    "gains": [
        [10.0, 10.1945, 200.684, 41.1981],
        [10.0, 11.9517, 366.121, 61.7393],
        [10.0, 14.1279, 107.472, 41.9729],
        [10.0, 10.5363, 281.653, 39.5071],
        [10.0, 12.6572, 346.686, 85.6283],
    ],
    "search_tasks": _drawn("train"),
    "search_returns": [198.925, 200.0, 195.833, 196.717, 197.542],
    "test_tasks": _drawn("test"),
    "told": [196.017, 200.0, 200.0, 200.0, 200.0],
    "untold": [196.033, 200.0, 191.975, 197.45, 197.817],
    "ordinary": [156.058, 158.383, 156.425, 164.708, 159.917],
    "apparent": 40.105,
    "worth": 2.548,
    "interval": (-1.532, 6.629),
}


def _first(seeds, tasks_per_seed=60):
    """The report of so many of the seeds."""
    cut = {name: value[:seeds] for name, value in WORTH.items() if isinstance(value, list)}
    for name in ("search_tasks", "test_tasks"):
        cut[name] = {key: value[: seeds * tasks_per_seed] for key, value in WORTH[name].items()}
    return WORTH | cut


def _shared_tasks():
    """The tasks of the first seed for every seed."""
    return {name: value[:60].repeat(SEEDS) for name, value in WORTH["test_tasks"].items()}


def _twins(split):
    """The same draws for both splits."""
    rows = [FAMILY.sample_tasks(60, seeded(seed), split) for seed in range(1, 1 + SEEDS)]
    return {name: torch.cat([tasks[name] for tasks in rows]) for name in rows[0]}


def _fewer(tasks, per_seed):
    return {name: value.reshape(SEEDS, 60)[:, :per_seed].flatten() for name, value in tasks.items()}


def _heavy_tasks():
    """Strong gravity and long poles: the hardest tasks for ordinary gains, out of six thousand."""
    tasks = FAMILY.sample_tasks(6000, seeded(5), "test")
    hardest = (tasks["gravity"] * tasks["length"]).argsort(descending=True)[:300]
    return {name: value[hardest] for name, value in tasks.items()}


def _one_task_out_of_range():
    """One task with more force than the family has, and masses to match: it moves as before."""
    tasks = {name: value.clone() for name, value in WORTH["test_tasks"].items()}
    strongest = int(tasks["force"].argmax())
    factor = 45.0 / float(tasks["force"][strongest])
    for name in ("force", "mass_cart", "mass_pole"):
        tasks[name][strongest] *= factor
    return {name: stamp_split(value, "test") for name, value in tasks.items()}


def following(**changes):
    """The report with other returns, and with what follows from them."""
    report = WORTH | changes
    each = np.subtract(report["told"], report["untold"])
    half = stats.sem(each) * stats.t.ppf(0.975, len(each) - 1)
    follows = {"worth": each.mean(), "interval": (each.mean() - half, each.mean() + half)}
    return report | follows | {"apparent": np.subtract(report["told"], report["ordinary"]).mean()}


ORDINARY = [10.0, 12.138, 78.0726, 18.6766]
WORTHS = {
    "few_seeds": _first(3),
    "few_tasks": WORTH | {"test_tasks": _fewer(WORTH["test_tasks"], 20)},
    "tasks_again": WORTH | {"test_tasks": _shared_tasks()},
    "search_on_test": WORTH | {"search_tasks": _drawn("test", first=20)},
    "measured_on_training": WORTH | {"test_tasks": _drawn("train", first=20)},
    "twins": WORTH | {"search_tasks": _twins("train"), "test_tasks": _twins("test")},
    "measured_once": WORTH | {"search_returns": WORTH["untold"]},
    "apparent_reported": WORTH | {"worth": 40.105},
    "search_reported": WORTH | {"worth": 1.4},
    "tuning_reported": WORTH | {"worth": 37.557},
    "other_way_round": WORTH | {"worth": -2.548},
    "not_the_mean": WORTH | {"worth": 3.27},
    "apparent_not_the_mean": WORTH | {"apparent": 37.6},
    "not_an_interval": WORTH | {"interval": (6.629, -1.532)},
    "extremes": WORTH | {"interval": (-0.016, 8.025)},
    "standard_deviation": WORTH | {"interval": (2.548 - 3.287, 2.548 + 3.287)},
    "standard_error": WORTH | {"interval": (2.548 - 1.470, 2.548 + 1.470)},
    "normal_interval": WORTH | {"interval": (-0.333, 5.429)},
    "divides_by_n": WORTH | {"interval": (-1.102, 6.198)},
    "one_sided": WORTH | {"interval": (-0.585, 5.682)},
    "off_centre": WORTH | {"interval": (0.0, 6.629)},
    "too_narrow": WORTH | {"interval": (2.548 - 3.5, 2.548 + 3.5)},
    "too_wide": WORTH | {"interval": (2.548 - 6.77, 2.548 + 6.77)},
    "poorly_searched": following(
        gains=[ORDINARY] * SEEDS, search_returns=WORTH["ordinary"], untold=[r + 0.1 for r in WORTH["ordinary"]]
    ),
    "search_not_repeated": following(search_returns=[180.0, 182.0, 184.0, 183.0, 181.0]),
    "told_not_repeated": following(told=[186.0, 188.0, 190.0, 189.0, 187.0]),
    "untold_not_repeated": following(untold=[180.0, 185.0, 182.0, 183.0, 181.0]),
    "ordinary_not_repeated": following(ordinary=[120.0, 130.0, 125.0, 140.0, 135.0]),
    "chosen_tasks": following(
        test_tasks=_heavy_tasks(),
        told=[196.9, 199.3, 193.3, 199.1, 194.7],
        untold=[191.0, 198.3, 175.1, 193.5, 195.4],
        ordinary=[19.1, 19.5, 26.7, 31.3, 57.0],
    ),
    "drawn_otherwise": WORTH | {"test_tasks": _one_task_out_of_range()},
}


MUTANTS = [
    *[Mutant(ch02.check_worth, misconception, report) for misconception, report in WORTHS.items()],
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
    Mutant(ch02.check_split_tasks, "number_by_luck", _split_by_coin),
    Mutant(ch02.check_split_tasks, "rounded_down", _split_rounds_down),
    Mutant(ch02.check_split_tasks, "rounded_up", _split_rounds_up),
    Mutant(ch02.check_split_tasks, "rows_lost", _split_loses_twins),
    Mutant(ch02.check_split_tasks, "generator_stays", _split_copies_the_generator),
    Mutant(ch02.check_split_tasks, "unequal_chances", _split_block),
    Mutant(ch02.check_split_tasks, "few_splits", _split_one_of_fifty),
    Mutant(ch02.check_split_tasks, "uneven_at_large", _split_coarse_keys),
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
    Mutant(ch02.check_floor_zero, "two_digits", 2.16),
    Mutant(ch02.check_floor_zero, "negative", -13 / 6),
    Mutant(ch02.check_floor_agnostic, "two_digits", 0.55),
    Mutant(ch02.check_floor_agnostic, "negative", 16 / math.pi**2 - 13 / 6),
    Mutant(ch02.check_floor_phase_known, "two_digits", 0.17),
    Mutant(ch02.check_floor_phase_known, "negative", -1 / 6),
    Mutant(ch02.check_floor_amplitude_known, "amplitude_not_known", 13 / 6 - 16 / math.pi**2),
    Mutant(ch02.check_floor_amplitude_known, "mean_amplitude", 4 * (0.5 - 4 / math.pi**2)),
    Mutant(ch02.check_floor_amplitude_known, "phase_known", 1 / 6),
    Mutant(ch02.check_floor_amplitude_known, "second_moment", 13 / 6),
    Mutant(ch02.check_floor_amplitude_known, "nothing_left", 0),
    Mutant(ch02.check_floor_amplitude_known, "without_the_amplitude", 0.5 - 4 / math.pi**2),
    Mutant(ch02.check_floor_amplitude_known, "explained_part", 13 / 3 * 4 / math.pi**2),
    Mutant(ch02.check_floor_amplitude_known, "spread_of_both", (0.5 - 4 / math.pi**2) / 3),
    Mutant(ch02.check_floor_amplitude_known, "two_digits", 0.41),
    Mutant(ch02.check_floor_amplitude_known, "negative", 13 / 3 * (4 / math.pi**2 - 0.5)),
]
