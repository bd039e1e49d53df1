"""MAML and Meta-SGD through temporal-difference updates of a Q-network."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from metarl_core.agents.dqn import DQNConfig, QNetwork, dqn_loss, dqn_target
from metarl_core.agents.replay import Transitions
from metarl_core.meta.inner_loop import Loss, adapt
from metarl_core.meta.learned_rates import RATE, split_rates
from metarl_core.parameters import Parameters


def td_loss(network: QNetwork, target_parameters: Parameters, batch: Transitions, config: DQNConfig) -> Loss:
    """The inner loss of a Q-network on one batch: the error against a target that is a constant.

    Args:
        target_parameters: of the target network, `[learner, ...]`.
        batch: transitions `[learner, sample, ...]`.
        config: its `discount`, `double` and `huber` count.

    Returns:
        A function from parameters `[learner, ...]` to losses `[learner]`; its gradient is DQN's semi-gradient.
    """

    def loss(parameters: Parameters) -> Tensor:
        td_target = dqn_target(network, parameters, target_parameters, batch, config.discount, config.double)
        return dqn_loss(network, parameters, batch, td_target, config.huber)

    return loss


def repeat_for_tasks(parameters: Parameters, tasks: int) -> Parameters:
    """Parameters `[run, ...]` once for each task of each run, `[run · task, ...]`; gradients add up over tasks."""
    return {name: value.repeat_interleave(tasks, 0) for name, value in parameters.items()}


def tasks_per_run(meta: Parameters, learners: int) -> int:
    """Learners for each of the runs that lead the meta-parameters `[run, ...]`.

    Raises:
        ValueError: where the runs cannot share the learners equally.
    """
    runs = len(next(iter(meta.values())))
    if learners % runs:
        raise ValueError(f"the number of tasks must be a multiple of the number of runs {runs}, got {learners}.")
    return learners // runs


@dataclass(frozen=True)
class QMAML:
    """Learn parameters θ of Q from which a few TD updates on a few transitions fit a new task.

    Inner loop: K steps θ' ← θ' − α ∇L, L the mean of DQN's squared or Huber's error on support transitions; its target
    network is a frozen copy of θ. Outer loop: the same error of Q_θ' on query transitions of the task, against the
    target network θ̄ after the same K steps. Both targets are constants: only the prediction is differentiated.

    Meta-parameters carry a leading axis of runs (seeds), learners are runs × tasks in this order.
    """

    network: QNetwork
    config: DQNConfig = field(default_factory=DQNConfig)
    """its `discount`, `double` and `huber` count"""
    inner_lr: float = 0.1
    """α, or where learned rates begin"""
    inner_steps: int = 3
    """K"""
    first_order: bool = False
    """drop the factors I − α∇² of the chain rule (FOMAML)"""
    learned_rates: bool = False
    """Meta-SGD: α of θ's shape is meta-learned, too; it stands among the meta-parameters with the prefix `rate.`"""

    def __post_init__(self):
        if self.inner_steps < 1:
            raise ValueError(f"inner_steps must be at least 1, got {self.inner_steps}.")

    def initial(self, parameters: Parameters) -> Parameters:
        """Meta-parameters before meta-training, from parameters `[run, ...]`."""
        meta = {name: value.detach().clone() for name, value in parameters.items()}
        if not self.learned_rates:
            return meta
        return meta | {RATE + name: torch.full_like(value, self.inner_lr) for name, value in meta.items()}

    def start(self, meta: Parameters) -> Parameters:
        """The initialisation θ `[run, ...]` alone."""
        return split_rates(meta)[0] if self.learned_rates else meta

    def adapt(self, meta: Parameters, batches: Sequence[Transitions], create_graph: bool = False) -> Parameters:
        """Adapted parameters `[learner, ...]`.

        Args:
            meta: meta-parameters `[run, ...]`.
            batches: support transitions `[learner, sample, ...]`, one batch for each of the K steps.
        """
        start, rate = self.start(meta), self.inner_lr
        tasks = tasks_per_run(start, len(batches[0].rewards))
        if self.learned_rates:
            rate = repeat_for_tasks(split_rates(meta)[1], tasks)
        start = repeat_for_tasks(start, tasks)
        frozen = {name: value.detach() for name, value in start.items()}
        losses = [td_loss(self.network, frozen, batch, self.config) for batch in batches]
        return adapt(start, losses, rate, create_graph=create_graph)

    def outer_loss(
        self, meta: Parameters, target: Parameters, support: Sequence[Transitions], query: Transitions
    ) -> Tensor:
        """The error on query transitions after adaptation, `[learner]`, with the graph back to the meta-parameters.

        Args:
            target: meta-parameters of the target network, `[run, ...]`.
        """
        adapted = self.adapt(meta, support, create_graph=not self.first_order)
        adapted_target = {name: value.detach() for name, value in self.adapt(target, support).items()}
        return td_loss(self.network, adapted_target, query, self.config)(adapted)
