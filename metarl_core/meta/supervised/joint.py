"""Joint training: one network for all tasks, the pre-training that meta-learning is compared to."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_step_size, check_tensors, check_whole
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.supervised.maml import DataLoss, check_data, check_loss, check_same_tasks, gradient_of
from metarl_core.parameters import Parameters, copy_parameters, repeat_parameters
from metarl_core.tasks.few_shot import FewShot


@dataclass(frozen=True)
class Joint:
    """min_θ E_T L_T(θ) on all data of a task, without an inner loop; fine-tuning only when a new task comes.

    Without meta-training its `adapt` is training from scratch: the same gradient steps from random parameters.
    """

    loss: DataLoss
    inner_lr: float = 0.01
    """of fine-tuning"""
    inner_steps: int = 1
    """of fine-tuning"""

    def __post_init__(self) -> None:
        check_loss(self.loss)
        check_step_size("inner_lr", self.inner_lr, zero=True)
        check_whole(self, "inner_steps", least=0)

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """The parameters before training: a copy of the network's."""
        check_tensors("parameters", parameters)
        return copy_parameters(parameters)

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = True
    ) -> Parameters:
        """Parameters `[task, ...]` after `steps` steps of fine-tuning on support data."""
        check_same_tasks(inputs, targets)
        steps = self.inner_steps if steps is None else steps
        start = repeat_parameters(meta, len(inputs))
        return adapt(start, lambda p: self.loss(p, inputs, targets), self.inner_lr, steps, create_graph)

    def outer_loss(self, meta: Parameters, data: FewShot) -> Tensor:
        """L_T(θ) on support and query data together, `[task]`."""
        check_data("data", data)
        inputs = torch.cat([data.support_inputs, data.query_inputs], 1)
        targets = torch.cat([data.support_targets, data.query_targets], 1)
        return self.loss(repeat_parameters(meta, len(inputs)), inputs, targets)

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """The gradient of the mean loss over tasks, and the losses `[task]`."""
        return gradient_of(self.outer_loss, meta, data)
