"""A meta-batch in blocks of a fixed number of tasks, each with random numbers of its own, spread over processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_type
from metarl_core.parameters import Parameters
from metarl_core.scale.ranks import Ranks

LOSS = "of the outer loss"
"""the name that losses travel under, among those of parameters"""


class _Sized(Protocol):
    def __len__(self) -> int: ...


Block = TypeVar("Block", bound=_Sized)


class Blocks:
    """Which tasks stand in which block, and which blocks are this process's.

    A block is computed as a whole, from a generator of its own, by whichever process has it. So neither the tasks nor
    the random numbers of a task depend on the number of processes; and a process holds one block in memory at a time.

    Args:
        ranks: see `join`.
        tasks: in the meta-batch.
        size: tasks in a block; the last one holds what is left.

    Raises:
        ValueError: for fewer blocks than processes.
    """

    def __init__(self, ranks: Ranks, tasks: int, size: int):
        check_type("ranks", ranks, Ranks)
        self.ranks, self.tasks, self.size = ranks, check_count("tasks", tasks), check_count("block", size)
        self.number = math.ceil(tasks / size)
        if self.number < ranks.size:
            raise ValueError(
                f"a meta-batch of {tasks} tasks in blocks of {size} must have a block for each of the {ranks.size} "
                f"ranks at least, got {self.number}."
            )

    def own(self) -> list[tuple[int, slice]]:
        """Number and tasks of each block of this process."""
        each = self.ranks.own(self.number)
        return [(block, slice(block * self.size, min((block + 1) * self.size, self.tasks))) for block in each]

    def generators(self, generator: torch.Generator) -> list[torch.Generator]:
        """A generator for each block of *all* processes; every process draws the same seeds for them."""
        drawn = torch.randint(2**62, (self.number,), generator=generator, device=generator.device)
        return [torch.Generator(generator.device).manual_seed(int(seed)) for seed in drawn]

    def mean(self, blocks: Iterable[Block], of_block: Callable[[Block], Parameters]) -> Parameters:
        """The mean over all tasks of all processes of what is a mean over the tasks of a block, in one message.

        Args:
            blocks: this process's.
            of_block: from a block to tensors by name, of one type: means over its tasks.

        Raises:
            RankLostError: where another process has ended.
        """
        total: Parameters = {}
        for block in blocks:
            share = len(block) / self.tasks
            found = of_block(block)
            total = {name: value.detach() * share + total.get(name, 0) for name, value in found.items()}
        return summed(self.ranks, total)


def summed(ranks: Ranks, parts: Parameters) -> Parameters:
    """Sums over processes of tensors by name, sent as one flat vector.

    Raises:
        ValueError: for tensors of several types.
        RankLostError: where another process has ended.
    """
    kinds = {value.dtype for value in parts.values()}
    if len(kinds) > 1:
        raise ValueError(
            f"parameters and losses must be of one type to be sent together, got {sorted(map(str, kinds))}."
        )
    flat: Tensor = ranks.total(torch.cat([value.detach().reshape(-1) for value in parts.values()]))
    pieces = flat.split([value.numel() for value in parts.values()])
    return {name: piece.view_as(value) for (name, value), piece in zip(parts.items(), pieces, strict=True)}
