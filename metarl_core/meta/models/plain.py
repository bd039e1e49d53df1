"""Models that are trained on all tasks together, and what can be done with them while an episode runs."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_between, check_parameters_of, check_positive, check_step_size, check_whole
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.models.grbal import check_network, joined
from metarl_core.meta.models.network import DynamicsNetwork
from metarl_core.meta.models.transitions import Transitions, Windows
from metarl_core.parameters import Parameters, copy_parameters, repeat_parameters


@dataclass(frozen=True)
class FixedModel:
    """One model for all tasks: min_θ E L(window; θ), over past and future of each window. It never adapts."""

    network: DynamicsNetwork
    past: int = 16
    """M, as in `GrBAL`: the same windows are learned from"""
    future: int = 16
    """K"""

    def __post_init__(self) -> None:
        check_network(self.network, 0)
        check_whole(self, "past", "future")

    def initial(self, parameters: Parameters) -> Parameters:
        """The parameters before training: a copy of the network's."""
        check_parameters_of(dict(self.network.named_parameters()), parameters)
        return copy_parameters(parameters)

    def outer_loss(self, meta: Parameters, windows: Windows) -> Tensor:
        """L(support and query; θ), `[window]`."""
        return self.network.losses(meta, joined(windows.support, windows.query))

    def start(self, meta: Parameters, environments: int) -> Any:
        return None

    def observe(self, meta: Parameters, memory: Any, seen: Transitions) -> Any:
        return None

    def adapt(self, meta: Parameters, seen: Transitions) -> Any:
        """What is known after the steps, which are observed one after the other."""
        memory = self.start(meta, len(seen.mask))
        for time in range(seen.mask.shape[1]):
            memory = self.observe(meta, memory, seen.at(slice(time, time + 1)))
        return memory

    def predict(self, meta: Parameters, memory: Any, observations: Tensor, actions: Tensor) -> Tensor:
        return self.network.predict(meta, observations, actions)


class Online(NamedTuple):
    """What goes on from step to step."""

    window: Transitions | None
    parameters: Parameters
    """`[environment, ...]`"""


@dataclass(frozen=True)
class OnlineSGD(FixedModel):
    """A fixed model whose parameters take gradient steps on the last M steps while an episode runs, and keep them.

    Trained as `FixedModel`: nothing prepares it for being adapted.
    """

    lr: float = 0.01
    steps: int = 1
    """gradient steps after each step of the environment"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_step_size("lr", self.lr, zero=True)
        check_whole(self, "steps", least=0)

    def start(self, meta: Parameters, environments: int) -> Online:
        return Online(None, repeat_parameters(meta, environments))

    def observe(self, meta: Parameters, memory: Online, seen: Transitions) -> Online:
        window = (seen if memory.window is None else joined(memory.window, seen)).at(slice(-self.past, None))
        after = adapt(memory.parameters, lambda p: self.network.losses(p, window), self.lr, self.steps, False)
        return Online(window, {name: value.detach() for name, value in after.items()})

    def predict(self, meta: Parameters, memory: Online, observations: Tensor, actions: Tensor) -> Tensor:
        return self.network.predict(memory.parameters, observations, actions)


class Filter(NamedTuple):
    """The last layer of each environment, and how uncertain it is."""

    weights: Tensor
    """`[environment, observation, feature + 1]`"""
    covariance: Tensor
    """of a row of the weights, up to the noise's variance, `[environment, feature + 1, feature + 1]`"""


@dataclass(frozen=True)
class LastLayerRLS(FixedModel):
    """A fixed model whose last layer is fitted to the episode by recursive least squares with forgetting.

        min_W Σ_i λ^(t−i) ‖Δ_i − W φ_i‖² + λ^t ρ ‖W − W₀‖²

    φ are the features before the last layer, W₀ the trained last layer. Trained as `FixedModel`.
    """

    forgetting: float = 0.95
    """λ in (0, 1]; 1 forgets nothing"""
    prior: float = 1.0
    """ρ: how firmly the trained layer is believed, in steps of features of length 1"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("forgetting", self.forgetting)
        check_positive("forgetting", self.forgetting)
        check_positive("prior", self.prior)
        if self.network.probabilistic:
            raise ValueError("network must predict a mean alone for least squares, got a probabilistic one.")

    def start(self, meta: Parameters, environments: int) -> Filter:
        weights = self.network.last_layer(meta).detach()
        identity = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device) / self.prior
        return Filter(weights.expand(environments, -1, -1), identity.expand(environments, -1, -1))

    def observe(self, meta: Parameters, memory: Filter, seen: Transitions) -> Filter:
        features = self.network.features(meta, seen.observations, seen.actions).detach().mT
        deltas = self.network.deltas(seen.observations, seen.next_observations).mT
        weights, covariance = memory
        spread = covariance @ features
        gain = spread / (self.forgetting + features.mT @ spread)
        surprise = deltas - weights @ features
        return Filter(weights + surprise @ gain.mT, (covariance - gain @ spread.mT) / self.forgetting)

    def predict(self, meta: Parameters, memory: Filter, observations: Tensor, actions: Tensor) -> Tensor:
        features = self.network.features(meta, observations, actions)
        rows = features.reshape(len(features), -1, features.shape[-1])
        deltas = (rows @ memory.weights.mT).reshape(*features.shape[:-1], -1)
        return self.network.following(observations, deltas)
