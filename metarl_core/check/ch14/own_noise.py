"""The check of the exercise `own_noise`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 14 tasks, once 40, in blocks of 1 to 5, once 23; 1 to 5 ranks, with more ranks than blocks at times."""
    tasks, block = draw.integer(1, 14), draw.integer(1, 5)
    tasks, block = draw.once(13, 40, tasks), draw.once(16, 23, block)
    size = draw.choice(1, *[draw.integer(2, 5)] * 6)
    rank = draw.choice(0, size - 1, *[draw.integer(0, size - 1)] * 3)
    seed, iteration = draw.integer(0, 9), draw.integer(0, 999)
    number = math.ceil(tasks / block)
    own = range(number * rank // size, number * (rank + 1) // size)
    return case(seed, iteration, tasks, block, rank, size).noting(
        {
            "there is one rank": size == 1,
            "the rank is 0": rank == 0,
            "the rank is the last one": rank == size - 1,
            "the rank has no block": not own,
            "the rank has more than one block": len(own) > 1,
            "the last block is a smaller one, and this rank's": tasks % block > 0 and number - 1 in own,
            "a block holds one task": block == 1,
            "all tasks are in one block": number == 1,
        }
    )


def _of_all_and_cut(seed, iteration, tasks, block, rank, size):
    """The numbers of all blocks, of which the own ones are taken by the tasks' numbers."""
    every, owner, number = [], [], -(-tasks // block)
    for b in range(number):
        generator = torch.Generator().manual_seed(1_000_000 * seed + 1_000 * iteration + b)
        length = min(block, tasks - b * block)
        every += torch.randn(length, generator=generator, dtype=torch.float64).tolist()
        owner += [next(r for r in range(size) if number * r // size <= b < number * (r + 1) // size)] * length
    own = [value for value, r in zip(every, owner, strict=True) if r == rank]
    return torch.tensor(own, dtype=torch.float64)


def _noise(key="block", cut="blocks", last="short", one=False, first=None, single=False, counted="global", dealt=False):
    """The answer, a part of it changed.

    `key`: what generators depend on besides the seed; `cut`: blocks or tasks are shared; `last`: whether the last block
    is cut; `one`: one generator goes on through all own blocks; `counted`: blocks of this rank from 0; `dealt`: blocks
    in turn, as cards.
    """

    def answer(seed, iteration, tasks, block, rank, size):
        number = math.ceil(tasks / block)
        own = list(range(number * rank // size, number * (rank + 1) // size))
        if dealt:
            own = list(range(rank, number, size))
        pieces = [(b, min(block, tasks - b * block) if last == "short" else block) for b in own]
        if cut == "tasks":  # every rank cuts its own tasks into blocks
            mine = tasks * (rank + 1) // size - tasks * rank // size
            pieces = [(b, min(block, mine - b * block)) for b in range(math.ceil(mine / block))]
        found, generator = [torch.zeros(0, dtype=torch.float64)], None
        for place, (b, length) in enumerate(pieces):
            b = place if counted == "own" else b
            then = {"block": b, "rank": rank, "neither": 0, "both": b + rank}[key]
            if generator is None or not one:
                stage = 0 if first == "always" else iteration
                generator = torch.Generator().manual_seed(1_000_000 * seed + 1_000 * stage + then)
            found.append(torch.randn(length, generator=generator, dtype=torch.float64))
        return torch.cat(found).float() if single else torch.cat(found)

    return answer


check_own_noise = function_check(
    "own_noise",
    _of_all_and_cut,
    _draw_case,
    Wrong(
        "keyed_by_rank",
        "Your generators depend on the rank. Which numbers does a task get when there is one rank more?",
        _noise(key="rank"),
    ),
    Wrong(
        "keyed_by_rank_once",
        "One generator for each rank goes on through its blocks. What does a block get that moves to another rank?",
        _noise(key="rank", one=True),
    ),
    Wrong(
        "goes_on",
        "The first block of a rank is right, and its generator goes on through the others.",
        _noise(one=True),
    ),
    Wrong(
        "own_count",
        "Blocks are counted from 0 on each rank. Two ranks then play with the same numbers.",
        _noise(counted="own"),
    ),
    Wrong("same_for_all", "All blocks draw the same numbers.", _noise(key="neither")),
    Wrong("block_and_rank", "The rank is part of your key.", _noise(key="both")),
    Wrong(
        "tasks_shared",
        "You share tasks, and cut each rank's tasks into blocks: which tasks are in a block depends on the ranks.",
        _noise(cut="tasks"),
    ),
    Wrong("last_too_long", "The last block is as long as the others. How many tasks are there?", _noise(last="long")),
    Wrong("dealt", "Blocks are dealt in turn. The text gives each rank consecutive ones.", _noise(dealt=True)),
    Wrong("iteration_ignored", "Every iteration draws the same numbers.", _noise(first="always")),
)
