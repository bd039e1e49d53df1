"""Answers to exercises of chapter 02, from a fourth attack."""

import torch

from metarl_core.check import ch02

from . import named


def _split(number=None, choose_from=lambda task, far: task[~far].unique(), count=round, ood=lambda far, test: far):
    """A split in which tasks get their numbers in some other way, and so on."""

    def answer(cells, far, share, generator):
        number_of = number or (lambda c: torch.unique(c, dim=0, return_inverse=True)[1])
        task = number_of(cells)
        pool = choose_from(task, far)
        due = count(share * len(task[~far].unique()))
        test = torch.isin(task, pool[torch.randperm(len(pool), generator=generator)[:due]])
        parts = {"train": ~far & ~test, "test": test, "ood": ood(far, test)}
        return {name: mask.nonzero()[:, 0] for name, mask in parts.items()}

    return answer


def _one_number(factor):
    """Two different cells may be one task."""
    return _split(lambda cells: torch.unique(factor * cells[:, 0] + cells[:, 1], return_inverse=True)[1])


_in_single_precision = _split(lambda cells: torch.unique(cells.float(), dim=0, return_inverse=True)[1])
_far_ones_drawn_too = _split(choose_from=lambda task, far: task.unique(), ood=lambda far, test: far & ~test)
_halves_up = _split(count=lambda number: int(number + 0.5))

WRONG = [
    *named(
        ch02.check_split_tasks,
        by_hundreds=_one_number(100),
        by_thousands=_one_number(1000),
        by_millions=_one_number(10**6),
        in_single_precision=_in_single_precision,
        far_ones_drawn_too=_far_ones_drawn_too,
    ),
    (ch02.check_floor_agnostic, 0.545),
]

RIGHT = [
    *named(ch02.check_split_tasks, as_printed=_split(), halves_up=_halves_up),
    (ch02.check_floor_agnostic, 0.5455),
]

NOT_SAID = [(ch02.check_split_tasks, _far_ones_drawn_too, "observed frequencies")]
