"""GrBAL (Nagabandi et al. 2019): MAML over windows of a running episode."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_flags, check_parameters_of, check_step_size, check_type, check_whole
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.models.network import DynamicsNetwork
from metarl_core.meta.models.transitions import Transitions, Windows
from metarl_core.parameters import Parameters, copy_parameters, repeat_parameters


class WindowMemory(NamedTuple):
    """The last steps of each environment, and what was made of them."""

    window: Transitions | None
    """`[environment, at most M, ...]`"""
    adapted: Parameters | Tensor
    """parameters `[environment, ...]`, or memories `[environment, hidden]`"""


@dataclass(frozen=True)
class GrBAL:
    """Learn parameters θ from which a gradient step on the last M steps predicts the next K.

        min_θ E L(τ(t, t + K); θ'),  θ' = θ − α ∇L(τ(t − M, t); θ)    (Nagabandi et al. 2019, eqs. 2 and 3)

    At every step of an episode the adaptation begins at θ again; the newest step is part of the window.
    """

    network: DynamicsNetwork
    inner_lr: float = 0.01
    """α"""
    inner_steps: int = 1
    past: int = 16
    """M"""
    future: int = 16
    """K"""
    first_order: bool = False
    """take the gradient at θ' as it is, without the factor I − α∇²L of the chain rule"""

    def __post_init__(self) -> None:
        check_network(self.network, 0)
        check_step_size("inner_lr", self.inner_lr, zero=True)
        check_whole(self, "inner_steps", least=0)
        check_whole(self, "past", "future")
        check_flags(self)

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before training: a copy of the network's parameters."""
        check_parameters_of(dict(self.network.named_parameters()), parameters)
        return copy_parameters(parameters)

    def adapted(self, meta: Parameters, seen: Transitions, create_graph: bool) -> Parameters:
        """θ' of each environment, `[environment, ...]`, from the steps of `seen` `[environment, time, ...]`."""
        start = repeat_parameters(meta, len(seen.mask))
        return adapt(start, lambda p: self.network.losses(p, seen), self.inner_lr, self.inner_steps, create_graph)

    def outer_loss(self, meta: Parameters, windows: Windows) -> Tensor:
        """L(query; θ'), `[window]`."""
        adapted = self.adapted(meta, windows.support, not self.first_order)
        return self.network.losses(adapted, windows.query)

    def start(self, meta: Parameters, environments: int) -> WindowMemory:
        return WindowMemory(None, repeat_parameters(meta, environments))

    def observe(self, meta: Parameters, memory: WindowMemory, seen: Transitions) -> WindowMemory:
        return self.adapt(meta, seen if memory.window is None else joined(memory.window, seen))

    def adapt(self, meta: Parameters, seen: Transitions) -> WindowMemory:
        window = seen.at(slice(-self.past, None))
        return WindowMemory(window, self.adapted(meta, window, False))

    def predict(self, meta: Parameters, memory: WindowMemory, observations: Tensor, actions: Tensor) -> Tensor:
        assert isinstance(memory.adapted, dict)
        return self.network.predict(memory.adapted, observations, actions)


def joined(first: Transitions, then: Transitions) -> Transitions:
    """Steps, and those that follow them, `[environment, time, ...]`."""
    return Transitions(*(torch.cat(parts, 1) for parts in zip(first, then, strict=True)))


def check_network(network: DynamicsNetwork, context: int) -> None:
    """Raise ValueError unless `network` is a `DynamicsNetwork` that is given so much context."""
    check_type("network", network, DynamicsNetwork)
    if network.context != context:
        raise ValueError(f"network must have a context of {context}, got {network.context}.")
