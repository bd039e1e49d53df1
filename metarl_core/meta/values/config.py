"""Settings of meta-training, and what a method has to offer."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch

from metarl_core.agents.dqn import check_exploration
from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.replay import Transitions
from metarl_core.arguments import check_between, check_flags, check_positive, check_step_size, check_whole
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.training import Metrics, Stateful


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `train`. For `QReptile` the first four count, and others are refused: its inner DQN has its own."""

    iterations: int = 100
    meta_batch: int = 20
    """training tasks of each run: the same ones throughout (`QMAML`), or new ones at each iteration (`QReptile`)"""
    outer_lr: float | None = None
    """of the outer Adam (`QMAML`), 1e-3 unless given; Reptile's ε, 1 unless given"""
    anneal: bool = True
    """let the outer step fall linearly to zero over training"""
    support: int = 50
    """successive transitions of random behaviour in a support set"""
    collect: int = 25
    """environment steps per task and iteration, both of random behaviour and of the adapted policy"""
    updates: int = 20
    """outer steps per iteration, after collecting"""
    batch_size: int = 64
    """query transitions per task and outer step"""
    buffer_size: int = 5_000
    """transitions per task of each replay buffer"""
    tau: float = 0.005
    """of the soft update of the target network's meta-parameters"""
    exploration: tuple[float, float, float] = (1.0, 0.1, 0.3)
    """ε of the adapted policy: first, last, and the share of the iterations over which it falls linearly"""
    max_grad_norm: float = 10.0
    """of each run's outer gradient"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch", "support", "collect", "updates", "batch_size", "buffer_size")
        check_flags(self)
        if self.buffer_size < self.support:
            raise ValueError(f"buffer_size must be at least support, {self.support}, got {self.buffer_size}.")
        if self.outer_lr is not None:
            check_step_size("outer_lr", self.outer_lr)
        check_positive("max_grad_norm", self.max_grad_norm)
        check_between("tau", self.tau)
        check_exploration(self.exploration)


def given_in_vain(config: TrainConfig, counting: tuple[str, ...]) -> list[str]:
    """Names of the settings that are not the default and do not count."""
    return [
        field.name
        for field in fields(config)
        if field.name not in counting and getattr(config, field.name) != field.default
    ]


class Learning(Protocol):
    """A meta-training under way: what `train` needs of it."""

    @property
    def parameters(self) -> Parameters:
        """the live meta-parameters `[run, ...]`, changed in place"""

    @property
    def state(self) -> Mapping[str, Stateful]:
        """all else that iterations change"""

    @property
    def resumable(self) -> bool:
        """whether the state can be saved: that of simulators in the middle of an episode cannot"""

    def iterate(self, iteration: int) -> tuple[Metrics, Any]:
        """One iteration, counted from 0."""

    def close(self) -> None:
        """Give the environments back."""


class Method(Protocol):
    """A meta-learner of value functions, or a baseline: `QMAML`, `QReptile`, `PlainDQN`, or your own."""

    @property
    def family(self) -> TaskFamily:
        """the environments"""

    @property
    def network(self) -> QNetwork:
        """Q as a function of parameters"""

    @property
    def discount(self) -> float:
        """γ"""

    @property
    def double(self) -> bool:
        """whether the online network chooses the action that the target network values"""

    @property
    def huber(self) -> bool:
        """whether errors beyond 1 count absolutely"""

    @property
    def inner_steps(self) -> int:
        """gradient steps on the support set of a new task; 0: DQN goes on from the start"""

    def initial(self, parameters: Parameters) -> Parameters:
        """Meta-parameters before meta-training, from parameters `[run, ...]`."""

    def start(self, meta: Parameters) -> Parameters:
        """The initialisation θ `[run, ...]` alone."""

    def adapt_to_support(self, meta: Parameters, support: Transitions) -> Parameters:
        """Parameters `[run · task, ...]`, constants, from which a new task goes on."""


class TrainableMethod(Method, Protocol):
    """A `Method` that can be meta-trained by `train`."""

    def begin(
        self, meta: Parameters, config: TrainConfig, tasks: Tasks | None, generator: torch.Generator, seed: int
    ) -> Learning:
        """A meta-training that stands before its first iteration."""
