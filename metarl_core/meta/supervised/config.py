"""What a meta-learner on supervised tasks is, and how its outer loop runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from metarl_core.arguments import check_flags, check_step_size, check_whole
from metarl_core.meta.supervised.maml import DataLoss
from metarl_core.parameters import Parameters
from metarl_core.tasks.few_shot import FewShot
from metarl_core.training import OptimiserFactory, adam, check_optimiser

Direction = Callable[[Parameters, FewShot], tuple[Parameters, Tensor]]
"""from meta-parameters and the data of a meta-batch to the outer direction and the losses `[task]`"""
Sample = Callable[[int, torch.Generator], FewShot]
"""draws the data of that many training tasks"""


class Method(Protocol):
    """A meta-learner on supervised tasks: `MAML`, `MetaSGD`, `Reptile`, `Prototypes`, `Joint`, or your own."""

    @property
    def loss(self) -> DataLoss:
        """of the inner loop, from parameters `[task, ...]`, inputs and targets to `[task]`"""

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """The meta-parameters before meta-training."""

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = True
    ) -> Parameters:
        """Parameters `[task, ...]` adapted to support data."""

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """What the outer optimiser descends, averaged over tasks, and the losses `[task]`."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `train`."""

    iterations: int = 70_000
    """as for sinusoids in the MAML paper"""
    meta_batch: int = 25
    """tasks per iteration"""
    outer_lr: float = 1e-3
    """β, or Reptile's ε"""
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=outer_lr)`; `sgd` for Reptile"""
    anneal: bool = False
    """let the outer step fall linearly to zero over training"""
    batches_at_once: int = 1
    """meta-batches that are drawn in one call; 100 saves most of the time where drawing is cheap"""
    chunk: int | None = None
    """tasks whose gradient is computed at once; the direction is the mean over the chunks. None: the whole
    meta-batch. Large networks are faster in chunks, whose intermediate results stay in the processor's cache."""
    report_every: int = 100
    """iterations between entries of the history"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch", "batches_at_once", "report_every")
        check_flags(self)
        check_step_size("outer_lr", self.outer_lr)
        if self.chunk is not None:
            check_whole(self, "chunk")
        check_optimiser(self.optimiser)
