"""Meta-batches: drawn many at a time, and computed a few tasks at a time."""

from typing import Any

import torch
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.meta.supervised.config import Direction, Sample, TrainConfig
from metarl_core.meta.supervised.maml import check_data
from metarl_core.parameters import Parameters
from metarl_core.tasks.few_shot import FewShot


class Batches:
    """Meta-batches in turn, many drawn in one call; a `Stateful` that remembers where it is."""

    def __init__(self, sample: Sample, config: TrainConfig, generator: torch.Generator):
        self.sample, self.config, self.generator = sample, config, generator
        self.waiting: list[FewShot] = []
        self.before, self.many = generator.get_state(), 0

    def draw(self, iteration: int) -> FewShot:
        """The data of one iteration."""
        if not self.waiting:
            self.many = min(self.config.batches_at_once, self.config.iterations - iteration)
            self.before = self.generator.get_state()
            self._draw_many()
        return self.waiting.pop()

    def _draw_many(self) -> None:
        size = self.config.meta_batch
        data = self.sample(self.many * size, self.generator)
        check_data("what sample draws", data)
        if len(data.support_inputs) != self.many * size:
            raise ValueError(
                f"sample must draw the {self.many * size} tasks that it is asked for, got {len(data.support_inputs)}."
            )
        self.waiting = batches(data, size)[::-1]

    def state_dict(self) -> dict[str, Any]:
        now = self.generator.get_state()
        return {"before": self.before, "now": now, "many": self.many, "waiting": len(self.waiting)}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.before, self.many = state_dict["before"], state_dict["many"]
        if state_dict["waiting"]:  # draw once more what had been drawn, and leave out what had been used
            self.generator.set_state(self.before)
            self._draw_many()
            self.waiting = self.waiting[: state_dict["waiting"]]
        self.generator.set_state(state_dict["now"])


def in_chunks(
    direction: Direction, meta: Parameters, data: FewShot, chunk: int | None = None
) -> tuple[Parameters, Tensor]:
    """`direction(meta, data)`, computed `chunk` tasks at a time."""
    tasks = len(data.support_inputs)
    if chunk is not None:
        check_count("chunk", chunk)
    if chunk is None or chunk >= tasks:
        return direction(meta, data)
    total: Parameters = {}
    losses = []
    for piece in batches(data, chunk):
        part, loss = direction(meta, piece)
        share = len(loss) / tasks
        total = {name: value * share + total.get(name, 0) for name, value in part.items()}
        losses.append(loss)
    return total, torch.cat(losses)


def batches(data: FewShot, size: int) -> list[FewShot]:
    """Data of many tasks as pieces of `size` tasks."""
    check_count("size", size)
    return [FewShot(*parts) for parts in zip(*(value.split(size) for value in data), strict=True)]
