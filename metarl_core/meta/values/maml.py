"""MAML and Meta-SGD through temporal-difference updates of a Q-network."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from metarl_core.agents.dqn import dqn_loss, dqn_target
from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.replay import Transitions
from metarl_core.arguments import check_between, check_flags, check_step_size, check_whole
from metarl_core.meta.inner_loop import Loss, adapt
from metarl_core.meta.learned_rates import RATE, split_rates
from metarl_core.meta.values.config import TrainConfig
from metarl_core.meta.values.replayed import ReplayedLearning
from metarl_core.meta.values.runs import check_meta, check_spaces, repeat_for_tasks, tasks_per_run
from metarl_core.parameters import Parameters, copy_parameters, detach_parameters
from metarl_core.tasks.family import TaskFamily, Tasks


def td_loss(
    network: QNetwork,
    target_parameters: Parameters,
    batch: Transitions,
    *,
    discount: float,
    double: bool = True,
    huber: bool = False,
) -> Loss:
    """The inner loss of a Q-network on one batch: the error against a target that is a constant.

    Args:
        target_parameters: of the target network, `[learner, ...]`.
        batch: transitions `[learner, sample, ...]`.
        discount: γ.
        double: let the online network choose the action that the target network values.
        huber: Huber's error instead of the squared one.

    Returns:
        A function from parameters `[learner, ...]` to losses `[learner]`; its gradient is DQN's semi-gradient.
    """
    check_between("discount", discount)

    def loss(parameters: Parameters) -> Tensor:
        td_target = dqn_target(network, parameters, target_parameters, batch, discount, double)
        return dqn_loss(network, parameters, batch, td_target, huber)

    return loss


@dataclass(frozen=True)
class QMAML:
    """Learn parameters θ of Q from which a few TD updates on a few transitions fit a new task.

    Inner loop: K steps θ' ← θ' − α ∇L, L the mean of DQN's squared or Huber's error on support transitions; its target
    network is a frozen copy of θ. Outer loop: the same error of Q_θ' on query transitions of the task, against the
    target network θ̄ after the same K steps. Both targets are constants: only the prediction is differentiated.

    Meta-parameters carry a leading axis of runs (seeds), learners are runs × tasks in this order.
    """

    family: TaskFamily
    network: QNetwork
    """for the family's spaces"""
    _: KW_ONLY
    discount: float = 0.99
    double: bool = True
    """let the online network choose the action that the target network values"""
    huber: bool = False
    """absolute loss beyond an error of 1 (see `DQNConfig`)"""
    inner_lr: float = 0.1
    """α, or where learned rates begin"""
    inner_steps: int = 3
    """K"""
    first_order: bool = False
    """drop the factors I − α∇² of the chain rule (FOMAML)"""
    learned_rates: bool = False
    """Meta-SGD: α of θ's shape is meta-learned, too; it stands among the meta-parameters with the prefix `rate.`"""

    def __post_init__(self) -> None:
        check_spaces(self.family, self.network)
        check_between("discount", self.discount)
        check_step_size("inner_lr", self.inner_lr)
        check_whole(self, "inner_steps")
        check_flags(self)

    def initial(self, parameters: Parameters) -> Parameters:
        """Meta-parameters before meta-training, from parameters `[run, ...]`."""
        check_meta(self.network, parameters)
        meta = copy_parameters(parameters)
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
            create_graph: keep the graph back to the meta-parameters through the steps.
        """
        if not batches:
            raise ValueError("batches must hold the support transitions of at least one step, got none.")
        start = self.start(meta)
        rate: float | Parameters = self.inner_lr
        tasks = tasks_per_run(start, len(batches[0].rewards))
        if self.learned_rates:
            rate = repeat_for_tasks(split_rates(meta)[1], tasks)
        start = repeat_for_tasks(start, tasks)
        frozen = detach_parameters(start)
        losses = [self._loss(frozen, batch) for batch in batches]
        return adapt(start, losses, rate, create_graph=create_graph)

    def adapt_to_support(self, meta: Parameters, support: Transitions) -> Parameters:
        """Constants `[learner, ...]` after K steps on the same support transitions: where a new task goes on."""
        check_meta(self.network, meta, self._prefixes)
        return detach_parameters(self.adapt(meta, [support] * self.inner_steps))

    def outer_loss(
        self, meta: Parameters, target: Parameters, support: Sequence[Transitions], query: Transitions
    ) -> Tensor:
        """The error on query transitions after adaptation, `[learner]`, with the graph back to the meta-parameters.

        Args:
            meta: meta-parameters `[run, ...]`.
            target: meta-parameters of the target network, `[run, ...]`.
            support: transitions `[learner, sample, ...]`, one batch for each of the K steps.
            query: transitions `[learner, sample, ...]`.
        """
        adapted = self.adapt(meta, support, create_graph=not self.first_order)
        adapted_target = detach_parameters(self.adapt(target, support))
        return self._loss(adapted_target, query)(adapted)

    def begin(
        self, meta: Parameters, config: TrainConfig, tasks: Tasks | None, generator: torch.Generator, seed: int
    ) -> ReplayedLearning:
        """Meta-training on replayed transitions of a fixed set of training tasks (called by `train`)."""
        check_meta(self.network, meta, self._prefixes)
        return ReplayedLearning(self, meta, config, tasks, generator, seed)

    @property
    def _prefixes(self) -> tuple[str, ...]:
        return ("", RATE) if self.learned_rates else ("",)

    def _loss(self, target_parameters: Parameters, batch: Transitions) -> Loss:
        return td_loss(
            self.network,
            target_parameters,
            batch,
            discount=self.discount,
            double=self.double,
            huber=self.huber,
        )
