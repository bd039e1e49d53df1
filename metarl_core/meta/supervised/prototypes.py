"""Prototypical networks (Snell et al. 2017): meta-learn an embedding; adapting is taking means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_callable, check_tensors
from metarl_core.meta.supervised.maml import DataLoss, check_loss, check_same_tasks, gradient_of
from metarl_core.parameters import Parameters, copy_parameters, repeat_parameters
from metarl_core.tasks.few_shot import FewShot


@dataclass(frozen=True)
class Prototypes:
    """Classify by the nearest class mean in a learned embedding f (Snell et al. 2017, eqs. 1 and 2).

    −‖f(x) − c_k‖² = 2 c_k · f(x) − ‖c_k‖² − ‖f(x)‖², and the last term is the same for all classes. So the means are
    a *linear head* with weight 2 c_k and bias −‖c_k‖² (their section 2.4), and `adapt` returns the network with this
    head: an inner loop in closed form. There are no steps to count.
    """

    loss: DataLoss
    features: Callable[[Parameters, Tensor], Tensor]
    """the embedding: from parameters and inputs `[task, sample, ...]` to `[task, sample, feature]`"""
    head: tuple[str, str]
    """names of the last layer's weight `[class, feature]` and bias `[class]`"""

    def __post_init__(self) -> None:
        check_loss(self.loss)
        check_callable("features", self.features, "parameters and inputs")
        if isinstance(self.head, str) or not isinstance(self.head, Sequence) or len(self.head) != 2:
            raise ValueError(f"head must be the names of a weight and a bias, got {self.head!r}.")

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """The meta-parameters before meta-training: the network without its head."""
        check_tensors("parameters", parameters)
        return copy_parameters({name: value for name, value in parameters.items() if name not in self.head})

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = True
    ) -> Parameters:
        """Parameters `[task, ...]` with the head that support data determine; `steps` and `create_graph` are unused.

        Raises:
            ValueError: where a class between 0 and the largest label has no sample.
        """
        check_same_tasks(inputs, targets)
        if targets.dtype != torch.int64:
            raise ValueError(f"targets must be labels of classes, torch.int64, got {targets.dtype}.")
        start = repeat_parameters({name: meta[name] for name in meta if name not in self.head}, len(inputs))
        member = torch.nn.functional.one_hot(targets).to(inputs.dtype)  # [task, sample, class]
        counts = member.sum(1)
        if bool((counts == 0).any()):
            raise ValueError("support data must hold at least one sample of each class of each task.")
        means = member.mT @ self.features(start, inputs) / counts[..., None]
        weight, bias = self.head
        return start | {weight: 2 * means, bias: -means.square().sum(-1)}

    def outer_loss(self, meta: Parameters, data: FewShot) -> Tensor:
        """The query loss with the prototypes of the support data, `[task]`."""
        adapted = self.adapt(meta, data.support_inputs, data.support_targets)
        return self.loss(adapted, data.query_inputs, data.query_targets)

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """The gradient, averaged over tasks, and the query losses `[task]`."""
        return gradient_of(self.outer_loss, meta, data)
