"""MAML (Finn et al. 2017), its first-order variant, and ANIL (Raghu et al. 2020)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metarl_core.arguments import check_flags, check_methods, check_step_size, check_tensors, check_whole
from metarl_core.meta.inner_loop import adapt
from metarl_core.parameters import Parameters, copy_parameters, leaf_parameters, repeat_parameters
from metarl_core.tasks.few_shot import FewShot

DataLoss = Callable[[Parameters, Tensor, Tensor], Tensor]
"""(parameters `[task, ...]`, inputs and targets `[task, sample, ...]`) -> losses `[task]`"""


@dataclass(frozen=True)
class MAML:
    """Learn parameters θ from which a few gradient steps fit a new task.

    min_θ E_T L_T^query(θ'_T) with θ'_T = θ − α ∇L_T^support(θ), or several such steps (Finn et al. 2017, alg. 2).
    """

    loss: DataLoss
    """of the inner and of the outer loop"""
    inner_lr: float = 0.01
    """α"""
    inner_steps: int = 1
    """in meta-training"""
    first_order: bool = False
    """FOMAML: take ∇L^query at θ'_T as it is, without the factors I − α∇²L^support of the chain rule"""
    only: tuple[str, ...] | None = None
    """ANIL: the parameters that adapt in the inner loop, the head; all are meta-learned. None: all adapt."""

    def __post_init__(self) -> None:
        check_loss(self.loss)
        check_step_size("inner_lr", self.inner_lr, zero=True)
        check_whole(self, "inner_steps", least=0)
        check_flags(self)
        if self.only is not None and (isinstance(self.only, str) or not isinstance(self.only, Collection)):
            raise ValueError(f"only must be names of parameters, or None, got {self.only!r}.")

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """The meta-parameters before meta-training: a copy of the network's parameters."""
        check_tensors("parameters", parameters)
        return copy_parameters(parameters)

    def adapt(
        self,
        meta: Parameters,
        inputs: Tensor,
        targets: Tensor,
        steps: int | None = None,
        create_graph: bool | None = None,
    ) -> Parameters:
        """Parameters `[task, ...]` after `steps` steps (as in meta-training unless given) on support data.

        The graph through the steps is kept, unless the method is first-order or `create_graph` says otherwise.
        """
        check_same_tasks(inputs, targets)
        steps = self.inner_steps if steps is None else steps
        create_graph = not self.first_order if create_graph is None else create_graph
        start = repeat_parameters(meta, len(inputs))
        return adapt(start, lambda p: self.loss(p, inputs, targets), self.inner_lr, steps, create_graph, self.only)

    def outer_loss(self, meta: Parameters, data: FewShot) -> Tensor:
        """L_T^query(θ'_T), `[task]`, with the graph back to the meta-parameters."""
        adapted = self.adapt(meta, data.support_inputs, data.support_targets)
        return self.loss(adapted, data.query_inputs, data.query_targets)

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """The meta-gradient, averaged over tasks, and the query losses `[task]`."""
        return gradient_of(self.outer_loss, meta, data)


def check_loss(loss: object) -> None:
    """Raise ValueError unless `loss` can be called."""
    if not callable(loss):
        raise ValueError(f"loss must be a function of parameters, inputs and targets, got {loss!r}.")


def check_data(name: str, data: Any) -> None:
    """Raise ValueError unless `data` is a `FewShot`, or the like, with the same tasks everywhere."""
    if not isinstance(data, FewShot):
        check_methods(name, data, *FewShot._fields)
    tasks = [len(getattr(data, part)) for part in FewShot._fields]
    if len(set(tasks)) > 1:
        raise ValueError(f"{name} must be of the same tasks everywhere, got {', '.join(map(str, tasks))} tasks.")


def check_same_tasks(inputs: Tensor, targets: Tensor) -> None:
    """Raise ValueError unless both have the same number of tasks."""
    if len(inputs) != len(targets):
        raise ValueError(f"inputs and targets must be of the same tasks, got {len(inputs)} and {len(targets)} tasks.")


def gradient_of(
    outer_loss: Callable[[Parameters, FewShot], Tensor], meta: Parameters, data: FewShot
) -> tuple[Parameters, Tensor]:
    """Gradient of the mean over tasks of `outer_loss(meta, data)`, and the losses `[task]`."""
    check_data("data", data)
    leaves = leaf_parameters(meta)
    with torch.enable_grad():
        losses = outer_loss(leaves, data)
        gradients = torch.autograd.grad(losses.mean(), list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, gradients, strict=True)), losses.detach()
