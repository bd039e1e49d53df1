"""The check of the exercise `split_tasks`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch02.split_chances import ALARM, equally_likely, independent, uneven
from metarl_core.check.copies import clone
from metarl_core.check.describe import describe

CALLS = 110
NAMES = ("train", "test", "ood")
CHANCES = (
    "all choices of test tasks equally likely",
    "no split of a large family comes twice",
    "equal chances in a large family",
)
LARGE, LARGE_CALLS = 60, 100
"""near tasks of a family so large that no split of it should come twice, and calls on it"""
ASKED_AGAIN = (0, 1, 2, 37, 38, 39)
"""cases that are looked at three times over, see `functions.AGAIN`: few calls are made on each"""


def _draw_case(draw):
    """Grids of up to 60 different tasks, once of 160 and more, each listed up to 4 times, and every third time one
    with few of them.

    The far region may be empty or hold everything, and the share may be 0 or 1.
    """
    few = draw.chance(0.35) and draw.seed not in ASKED_AGAIN  # many splits are drawn of these
    near = draw.integer(2, 6) if few else draw.choice(draw.integer(1, 3), *[draw.integer(4, 40) for _ in range(3)])
    far = draw.choice(0, draw.integer(1, 4), draw.integer(1, 20))
    large = draw.seed == 30
    near, few = (160, True) if large else (near, few)
    if not few and draw.chance(0.15):
        near, far = 0, max(far, 1)
    near += 6 * (draw.seed in ASKED_AGAIN and near > 1)
    rows = (near + far) // 8 + 2  # of eight columns each: most cells are tasks
    pairs = [(8 * draw.integer(0, rows - 2) + column) for column in range(4)]  # and, a row down, four columns back
    pairs = [number for one in pairs for number in (one + 4, one + 8)]
    order = [*pairs, *(number for number in draw.permutation(8 * rows) if number not in pairs)]
    numbers = torch.tensor(order[: near + far])
    row, column = numbers // 8, numbers % 8
    # The last four columns may stand for far ones, so that one number for row and column, such as 100 · row + column,
    # is the same for both cells of a pair. And cells may be far out, where float32 does not tell them apart.
    wide, out = draw.chance(0.7), draw.choice(0, 0, 0, 2**25)
    keys = (10, draw.choice(100, 101), 1000, 10**4, 2**16, 10**5, 10**6)
    far_columns = [keys[k] + column for column, k in enumerate(draw.permutation(len(keys))[:4])]
    columns = torch.tensor([0, 1, 2, 3, *(far_columns if wide else [4, 5, 6, 7])])
    different = torch.stack([row, columns[column]], 1)
    often = 1 if draw.chance(0.3) else 2 if large else 4
    listed = torch.arange(near + far).repeat_interleave(draw.integers(1, often, near + far))
    listed = listed[torch.tensor(draw.permutation(len(listed)))]
    share = draw.uniform(0.15, 0.85) if few else draw.choice(0.0, 1.0, *[draw.uniform(0.05, 0.95) for _ in range(6)])
    share = draw.uniform(0.35, 0.5) if large else share
    if abs(share * near % 1 - 0.5) < 0.01:  # a tie, which may be rounded either way
        share = round(share - 0.02, 3)
    tests = round(share * near)
    return case(different[listed] + out, listed >= near, share, draw.new_generator()).noting(
        {
            "no task is listed twice": len(listed) == near + far,
            "no task is far": far == 0,
            "cells have columns in the thousands": wide or out > 0,
            "there are dozens of near tasks": near >= LARGE,
            "no task is near": near == 0,
            "no task is due in test": tests == 0,
            "every near task is due in test": tests == near,
            "the number of test tasks is rounded up": tests > share * near,
        }
    )


def _rows(cells, index) -> set:
    return set(map(tuple, cells[index].tolist()))


def _entry(split, name):
    """A split's row numbers. Raises TypeError for what is none."""
    index = split[name]
    if not isinstance(index, torch.Tensor) or index.ndim != 1 or index.dtype != torch.int64:
        raise TypeError(f"entry {name!r} is {describe(index)}, and should be a one-dimensional tensor of int64")
    return index


def _look_at_split(answer, cells, far, share, generator):
    """What can be said of a split, as facts that do not depend on which random one was chosen."""
    twin = clone(generator)
    near_tasks = sorted(_rows(cells, ~far))
    tests = round(share * len(near_tasks))
    choices = math.comb(len(near_tasks), tests)

    def call(source):
        return answer(cells.clone(), far.clone(), share, source)

    given, marked, (cells, far) = cells, far, clone((cells, far))  # an answer may change what it is given
    listed = list(map(tuple, cells.tolist()))

    def tasks(split, name):
        return {listed[row] for row in _entry(split, name).tolist()}

    split = answer(given, marked, share, generator)
    if not isinstance(split, dict) or set(split) != set(NAMES):
        raise TypeError("a dict with the keys 'train', 'test', and 'ood' is expected")
    rows = {name: _entry(split, name) for name in NAMES}
    found = torch.cat(list(rows.values()))
    if len(found) and not 0 <= int(found.min()) <= int(found.max()) < len(cells):
        raise IndexError(f"rows are numbered from 0 to {len(cells) - 1}; the splits hold {found.tolist()}")
    again = call(twin)
    facts = {
        "tasks in train and in test": len(_rows(cells, rows["train"]) & _rows(cells, rows["test"])),
        "rows in train and in test": len(set(rows["train"].tolist()) & set(rows["test"].tolist())),
        "far tasks outside ood": int(far[torch.cat([rows["train"], rows["test"]])].sum()),
        "near tasks in ood": int((~far[rows["ood"]]).sum()),
        "rows in no split": len(set(range(len(cells))) - set(found.tolist())),
        "rows listed twice in a split": sum(len(index) - len(set(index.tolist())) for index in rows.values()),
        "equal generator, same split": all(set(rows[k].tolist()) == set(_entry(again, k).tolist()) for k in NAMES),
    }
    many = len(near_tasks) <= 6 and choices > 1
    calls = 2 - math.floor(math.log(ALARM, choices)) if choices > 1 else 1  # that all of them agree is unlikely
    large = len(near_tasks) >= LARGE and min(tests, len(near_tasks) - tests) >= 10
    number = LARGE_CALLS if large else CALLS if many else calls
    sources = [torch.Generator().manual_seed(1000 + seed) for seed in range(calls)]
    later = [call(source) for source in [generator] * number + sources]
    tested = [tasks(one, "test") for one in later]
    drawn, others = tested[:-calls], tested[-calls:]
    shared = [len(test & tasks(one, "train")) for one, test in zip(later, tested, strict=True)]
    facts["tasks in train and in test"] = max(facts["tasks in train and in test"], *shared)  # of any call: by luck none
    numbers = {len(_rows(cells, rows["test"])), *map(len, tested)}
    return facts | {
        "different test tasks": len(_rows(cells, rows["test"])),
        "as many different test tasks in every call": len(numbers) == 1,
        "other generators, other splits": choices == 1 or any(one != others[0] for one in others),
        "same generator, used again: another split": choices == 1 or any(one != drawn[0] for one in drawn),
        "all choices of test tasks equally likely": not many or equally_likely(drawn, near_tasks, tests),
        "a split does not depend on the one before": not many or independent(drawn, near_tasks, tests),
        "no split of a large family comes twice": not large or len(set(map(frozenset, drawn))) == len(drawn),
        "equal chances in a large family": not large or not uneven(drawn, near_tasks, cells[~far]),
    }


def _facts_of_a_good_split(cells, far, share, generator):
    return {
        "tasks in train and in test": 0,
        "rows in train and in test": 0,
        "far tasks outside ood": 0,
        "near tasks in ood": 0,
        "rows in no split": 0,
        "rows listed twice in a split": 0,
        "equal generator, same split": True,
        "different test tasks": round(share * len(_rows(cells, ~far))),
        "as many different test tasks in every call": True,
        "other generators, other splits": True,
        "same generator, used again: another split": True,
        "all choices of test tasks equally likely": True,
        "a split does not depend on the one before": True,
        "no split of a large family comes twice": True,
        "equal chances in a large family": True,
    }


def _tests_are(count):
    """Whether all calls give as many test tasks as `count(share, cells, far)` says, and not as many as are due."""

    def when(facts, cells, far, share, generator):
        due, got = round(share * len(_rows(cells, ~far))), facts["different test tasks"]
        steady = facts["as many different test tasks in every call"]
        return steady and got != due and got == count(share, cells, far)

    return when


check_split_tasks = function_check(
    "split_tasks",
    _facts_of_a_good_split,
    _draw_case,
    Wrong(
        "ood_overlaps",
        "Tasks from the far region stand in train or test, or near ones in ood. Then the ood split measures nothing "
        "new.",
        when=lambda facts, *_: facts["far tasks outside ood"] + facts["near tasks in ood"] > 0,
    ),
    Wrong(
        "test_in_train",
        "The same rows stand in train and in test. A learner that memorises its training tasks would look brilliant.",
        when=lambda facts, *_: facts["rows in train and in test"] > 0,
    ),
    Wrong(
        "twins_across_splits",
        "No row stands in two splits, and yet train and test share tasks. Look at the rows themselves: are they all "
        "different?",
        when=lambda facts, *_: facts["tasks in train and in test"] > 0 and facts["rows in train and in test"] == 0,
    ),
    Wrong(
        "rows_lost",
        "Some rows are in no split at all. Into which split does the second row of a task go?",
        when=lambda facts, *_: facts["rows in no split"] > 0,
    ),
    Wrong(
        "rounded_down",
        "The number of test tasks is rounded down, and should be rounded to the nearest whole number.",
        when=_tests_are(lambda share, cells, far: math.floor(share * len(_rows(cells, ~far)))),
    ),
    Wrong(
        "rounded_up",
        "The number of test tasks is rounded up, and should be rounded to the nearest whole number.",
        when=_tests_are(lambda share, cells, far: math.ceil(share * len(_rows(cells, ~far)))),
    ),
    Wrong(
        "share_of_all",
        "Your number of test tasks is the share of all different tasks, far ones among them. A share of what is due?",
        when=_tests_are(
            lambda share, cells, far: min(
                round(share * len(_rows(cells, torch.ones_like(far)))), len(_rows(cells, ~far))
            )
        ),
    ),
    Wrong(
        "wrong_share",
        "The splits are disjoint, but the number of different test tasks is not the share that was asked for.",
        when=lambda facts, cells, far, share, _: (
            facts["tasks in train and in test"] == 0
            and facts["different test tasks"] != round(share * len(_rows(cells, ~far)))
            and facts["as many different test tasks in every call"]
        ),
    ),
    Wrong(
        "number_by_luck",
        "How many different tasks stand in test changes from call to call. Is each task drawn for itself? The share "
        "says how many are chosen.",
        when=lambda facts, cells, far, share, _: (
            facts["tasks in train and in test"] == 0
            and facts["equal generator, same split"]
            and not (
                facts["as many different test tasks in every call"]
                and facts["different test tasks"] == round(share * len(_rows(cells, ~far)))
            )
        ),
    ),
    Wrong(
        "not_reproducible",
        "Two calls with equal generators gave two different splits. Where does your randomness come from?",
        when=lambda facts, *_: not facts["equal generator, same split"],
    ),
    Wrong(
        "always_the_same",
        "Other generators give the same test tasks. Is your split random at all, or does it follow the order of "
        "the list?",
        when=lambda facts, *_: not facts["other generators, other splits"],
    ),
    Wrong(
        "generator_stays",
        "The same generator, used again and again, gives the same split each time. "
        "Do you draw from it, or from a copy?",
        when=lambda facts, *_: not facts["same generator, used again: another split"],
    ),
    Wrong(
        "few_splits",
        f"A family of dozens of tasks has more splits than anybody can count, and in {LARGE_CALLS} calls one of yours "
        "came twice. From how many different ones do you choose?",
        when=lambda facts, *_: not facts["no split of a large family comes twice"],
    ),
    Wrong(
        "uneven_at_large",
        f"In {LARGE_CALLS} calls on a family of dozens of tasks, some tasks were in test more often than equal chances "
        "can explain. What decides where two tasks draw the same number, or with which places one is exchanged?",
        when=lambda facts, *_: not facts["equal chances in a large family"],
    ),
    Wrong(
        "unequal_chances",
        "In a hundred calls and more some choices of test tasks came far too often and others too seldom. Has every "
        "task the same chance, however often it is listed and wherever it stands, and with it every other?",
        when=lambda facts, *_: not all(facts[name] for name in CHANCES),
    ),
    observe=_look_at_split,
    cases=40,
)
