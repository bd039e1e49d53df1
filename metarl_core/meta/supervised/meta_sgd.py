"""Meta-SGD (Li et al. 2017): learn the inner step size of each parameter together with the initialisation."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_tensors, check_whole, is_number
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.learned_rates import RATE, split_rates
from metarl_core.meta.supervised.maml import DataLoss, check_loss, check_same_tasks, gradient_of
from metarl_core.parameters import Parameters, copy_parameters, repeat_parameters
from metarl_core.tasks.few_shot import FewShot


@dataclass(frozen=True)
class MetaSGD:
    """min_{θ, α} E_T L_T^query(θ − α ∘ ∇L_T^support(θ)) (Li et al. 2017, eq. 5), α of θ's shape, of either sign.

    The meta-parameters are one dictionary: θ, and α under the same names with the prefix `rate.`.
    """

    loss: DataLoss
    inner_steps: int = 1
    """1 in the paper"""
    initial_rates: tuple[float, float] = (0.005, 0.1)
    """α begins uniform between these, one number for all parameters of the network, as in the paper"""

    def __post_init__(self) -> None:
        check_loss(self.loss)
        check_whole(self, "inner_steps", least=0)
        given = self.initial_rates
        two = isinstance(given, Sequence) and len(given) == 2 and all(is_number(one) for one in given)
        if not two or not given[0] <= given[1]:
            raise ValueError(f"initial_rates must be two increasing numbers, got {given!r}.")

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """θ and α before meta-training; without a generator α begins in the middle of `initial_rates`."""
        check_tensors("parameters", parameters)
        low, high = self.initial_rates
        share = 0.5 if generator is None else float(torch.rand((), generator=generator, device=generator.device))
        meta = copy_parameters(parameters)
        return meta | {RATE + name: torch.full_like(value, low + share * (high - low)) for name, value in meta.items()}

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = True
    ) -> Parameters:
        """Parameters `[task, ...]` after `steps` steps (as in meta-training unless given) on support data."""
        start, rates = split_rates(meta)
        check_same_tasks(inputs, targets)
        steps = self.inner_steps if steps is None else steps
        start = repeat_parameters(start, len(inputs))
        return adapt(start, lambda p: self.loss(p, inputs, targets), rates, steps, create_graph)

    def outer_loss(self, meta: Parameters, data: FewShot) -> Tensor:
        """L_T^query(θ'_T), `[task]`, with the graph back to θ and α."""
        adapted = self.adapt(meta, data.support_inputs, data.support_targets, create_graph=True)
        return self.loss(adapted, data.query_inputs, data.query_targets)

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """The gradient with respect to θ and α, averaged over tasks, and the query losses `[task]`."""
        return gradient_of(self.outer_loss, meta, data)
