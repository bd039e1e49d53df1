"""The outer direction of a meta-batch, each process computing its own tasks."""

from __future__ import annotations

from torch import Tensor

from metarl_core.arguments import check_callable, check_count, check_type
from metarl_core.meta.supervised import Direction
from metarl_core.meta.supervised.meta_batches import in_chunks
from metarl_core.parameters import Parameters
from metarl_core.scale.blocks import LOSS, summed
from metarl_core.scale.ranks import Ranks
from metarl_core.tasks.few_shot import FewShot


def spread(direction: Direction, ranks: Ranks, chunk: int | None = None) -> Direction:
    """A direction that gives every process the mean over all tasks, and computes only its own.

    Hand it to `supervised.train` as `direction`. Every process draws the whole meta-batch, from generators of one seed,
    so that the tasks do not depend on how many processes there are, and neither do the numbers, up to the rounding of
    sums. What is drawn in vain costs little: the meta-gradient of a task takes far longer than its data.

    Args:
        direction: `method.direction`, from meta-parameters and data to the mean direction over tasks and the losses
            `[task]`.
        ranks: see `join`.
        chunk: tasks that a process computes at once; None for all of its own.

    Returns:
        `(meta, data) -> (direction, losses)`, the same in every process; losses `[task]` of all tasks, without a graph.
        It raises `RankLostError` where another process has ended, and ValueError where there are fewer tasks than
        processes or the parameters are of several types.

    Raises:
        ValueError: for an argument of another kind.
    """
    check_callable("direction", direction, "meta-parameters and data")
    check_type("ranks", ranks, Ranks)
    if chunk is not None:
        check_count("chunk", chunk)

    def of_all(meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        tasks = len(data.support_inputs)
        if tasks < ranks.size:
            raise ValueError(f"a meta-batch must hold a task for each of the {ranks.size} ranks at least, got {tasks}.")
        mine = ranks.own(tasks)
        own = FewShot(*(part[mine.start : mine.stop] for part in data))
        part, losses = in_chunks(direction, meta, own, chunk)
        every = losses.new_zeros(tasks)
        every[mine.start : mine.stop] = losses.detach()
        share = len(mine) / tasks
        found = summed(ranks, {name: value.detach() * share for name, value in part.items()} | {LOSS: every})
        summed_losses = found.pop(LOSS)
        return found, summed_losses

    return of_all
