"""What a model that adapts is, and how it is trained."""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from metarl_core.arguments import check_flags, check_positive, check_step_size, check_whole
from metarl_core.meta.models.network import DynamicsNetwork
from metarl_core.meta.models.transitions import Transitions, Windows
from metarl_core.parameters import Parameters
from metarl_core.training import OptimiserFactory, adam, check_optimiser


class Method(Protocol):
    """A model of the world: `FixedModel`, `OnlineSGD`, `LastLayerRLS`, `GrBAL`, `ReBAL`, or your own."""

    @property
    def network(self) -> DynamicsNetwork:
        """what predicts"""

    @property
    def past(self) -> int:
        """M: the longest past in training"""

    @property
    def future(self) -> int:
        """K: steps that the loss is taken on"""

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before training."""

    def outer_loss(self, meta: Parameters, windows: Windows) -> Tensor:
        """The loss of each window, `[window]`, with the graph back to the meta-parameters."""

    def start(self, meta: Parameters, environments: int) -> Any:
        """What is known of each environment before its first step."""

    def observe(self, meta: Parameters, memory: Any, seen: Transitions) -> Any:
        """What is known after one more step, `seen` `[environment, 1, ...]`."""

    def adapt(self, meta: Parameters, seen: Transitions) -> Any:
        """What is known after all these steps `[environment, time, ...]`: `start`, and `observe` one after another."""

    def predict(self, meta: Parameters, memory: Any, observations: Tensor, actions: Tensor) -> Tensor:
        """The next observations, `[environment, ..., observation]`."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `train`."""

    iterations: int = 2000
    meta_batch: int = 64
    """windows per iteration"""
    outer_lr: float = 1e-3
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=outer_lr)`"""
    max_grad_norm: float = 10.0
    anneal: bool = False
    """let the step size fall linearly to zero over the iterations"""
    shortest: int | None = None
    """the fewest steps of a window's past (see `draw_windows`); M unless given"""
    across: bool = False
    """let windows reach over a change"""
    report_every: int = 100
    """iterations between entries of the history, and between looks at the validation data"""
    validation_windows: int = 512
    keep_best: bool = True
    """return the parameters with the lowest validation loss of all reports; without validation data the last ones"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch", "report_every", "validation_windows")
        if self.shortest is not None:
            check_whole(self, "shortest", least=0)
        check_flags(self)
        check_step_size("outer_lr", self.outer_lr)
        check_positive("max_grad_norm", self.max_grad_norm)
        check_optimiser(self.optimiser)
