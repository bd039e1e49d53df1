"""The processes that train together."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from metarl_core.arguments import check_count, check_positive


class RankLostError(RuntimeError):
    """Another process of the training has ended, or can no longer be reached."""


class Ranks:
    """This process among those that train together; alone, it is the only one of a training of one.

    Args:
        rank: number of this process, from 0.
        size: number of processes.
        device: where this process computes.

    Raises:
        ValueError: for a rank that is not below the size.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | str = "cpu"):
        self.rank, self.size = check_count("rank", rank, 0), check_count("size", size)
        if rank >= size:
            raise ValueError(f"rank must be below the number of ranks, {size}, got {rank}.")
        self.device = torch.device(device)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def first(self) -> bool:
        """Whether this is the process that shows bars and keeps files."""
        return self.rank == 0

    def own(self, tasks: int) -> range:
        """The tasks that this process computes, by their number in the meta-batch.

        Consecutive ones; two processes differ by one task at most, and none is left without, or given to two.

        Raises:
            ValueError: for fewer than 0 tasks.
        """
        check_count("tasks", tasks, 0)
        return range(tasks * self.rank // self.size, tasks * (self.rank + 1) // self.size)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes of tensors of one shape and type, the same numbers in each of them.

        Raises:
            RankLostError: where another process has ended.
        """
        if self.size == 1:
            return values
        summed = values.detach().clone(memory_format=torch.contiguous_format)
        with self._reachable():
            dist.all_reduce(summed)
        return summed

    def checkpoint(self, path: str | Path | None) -> Path | None:
        """What this process hands to a training as its `checkpoint`, where the training's is `path`.

        The first process keeps the file itself. The others get what is in it now, over the wire, and write to a place
        of their own that goes away: so a training goes on with any number of processes, also on machines that share no
        disk.

        Raises:
            RankLostError: where another process has ended.
        """
        if path is None or self.size == 1:
            return None if path is None else Path(path)
        content = Path(path).read_bytes() if self.first and Path(path).exists() else b""
        there = self._from_first(content)
        if self.first:
            return Path(path)
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="metarl-rank-")
        mine = Path(self._folder.name) / Path(path).name
        if there:
            mine.write_bytes(there)
        return mine

    def close(self) -> None:
        """Remove what `checkpoint` left in this process's own place."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _from_first(self, content: bytes) -> bytes:
        length = self.total(torch.tensor(len(content) if self.first else 0, device=self.device))
        sent = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if content and self.first:
            sent.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        with self._reachable():
            dist.broadcast(sent, src=0)
        return sent.cpu().numpy().tobytes()

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise RankLostError(
                f"Rank {self.rank} of {self.size} stops: another rank has ended, or was not heard of for too long. "
                "Start the training again with the same checkpoint, on as many ranks as you like."
            ) from error


@contextlib.contextmanager
def join(device: torch.device | str | None = None, minutes: float = 10.0) -> Iterator[Ranks]:
    """Join the processes that `torchrun` started; the only one where it was not `torchrun` that started this.

    Args:
        device: where to compute. Without it the GPU of this process's number on its machine, if there are any GPUs,
            and NCCL between them; else the CPU and gloo.
        minutes: how long another process may need for an iteration before it is given up.

    Yields:
        The `Ranks`. They are left on the way out, also of an error.

    Raises:
        ValueError: for a number of minutes that is not above 0.
    """
    check_positive("minutes", minutes)
    where = torch.device(device) if device is not None else _device_of_this_process()
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Ranks(device=where)
        return
    backend = "nccl" if where.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(minutes=minutes))
    ranks = Ranks(dist.get_rank(), dist.get_world_size(), where)
    try:
        yield ranks
    finally:
        ranks.close()
        dist.destroy_process_group()


def _device_of_this_process() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())
