"""Outer rules of meta-RL: how the meta-parameters move once support and query trajectories are there.

A rule is a frozen set of settings. `rule.begin(method, meta)` makes its updater, which holds what the rule keeps from
one meta-iteration to the next, and changes the leaves `meta` in place.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from metarl_core.agents.natural_gradient import mean_kl
from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.agents.returns import masked_mean
from metarl_core.arguments import check_callable, check_same_shape, check_step_size, check_type
from metarl_core.meta.policies.batch import MetaBatch, Stage
from metarl_core.meta.policies.estimators import surrogate_loss
from metarl_core.meta.policies.maml import OuterLoss, PolicyMAML
from metarl_core.parameters import Parameters, leaf_parameters
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import Metrics, OptimiserFactory, check_optimiser, make_optimiser

CHUNK = 2
"""Tasks whose second derivative is computed at once: a whole batch takes large temporary tensors, and is slower."""


class Updater(Protocol):
    """What moves the meta-parameters of one training; a `Stateful`, so that a checkpoint can hold it."""

    def update(self, batch: MetaBatch, generator: torch.Generator) -> Metrics:
        """Move the meta-parameters in place. Returns diagnostics by name, the same names at each call."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


class OuterRule(Protocol):
    """An outer rule: `OuterAdam`, `OuterPPO`, `OuterTRPO`, `OuterReptile`, or your own."""

    def begin(self, method: PolicyMAML, meta: Parameters, anneal_over: int | None = None) -> Updater:
        """The updater of meta-parameters, which are leaves that require gradients.

        Args:
            anneal_over: let the outer step size fall linearly to zero over so many updates; None: constant.
        """


def clipped_loss(
    policy: DifferentiablePolicy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor, clip: float
) -> Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017, eq. 7), negated, per task `[task]`."""
    check_same_shape(advantage=advantage, mask=trajectories.mask)
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    loss = clipped_surrogate_loss(log_probability, trajectories.log_probabilities, advantage, clip)
    return masked_mean(loss, trajectories.mask)


def stage_kl(policy: DifferentiablePolicy, parameters: Parameters, stage: Stage) -> Tensor:
    """E_s KL(π_old(· | s) ‖ π_θ(· | s)) over the states that the old policy visited, `[task]`."""
    check_type("stage", stage, Stage)
    observations = stage.trajectories.observations
    with torch.no_grad():
        old = policy.distribution(stage.parameters, observations)
    return mean_kl(policy, parameters, observations, stage.trajectories.mask, old)


def meta_gradient(
    method: PolicyMAML, meta: Parameters, batch: MetaBatch, outer_loss: OuterLoss = surrogate_loss, chunk: int = CHUNK
) -> tuple[Parameters, Tensor]:
    """Gradient of the mean over tasks of the outer loss, and the losses `[task]`.

    Args:
        chunk: tasks at once; changes time and memory, not the result.

    Raises:
        ValueError: for a method or a batch of another kind, or fewer than 1 task at once.
    """
    check_type("method", method, PolicyMAML)
    check_type("batch", batch, MetaBatch)
    check_callable("outer_loss", outer_loss, "policy, parameters, trajectories and advantage")
    leaves = leaf_parameters(meta)
    total = {name: torch.zeros_like(value) for name, value in leaves.items()}
    losses = []
    for part in batch.chunks(chunk):
        loss, _ = method.losses(leaves, part, outer_loss)
        gradients = torch.autograd.grad(loss.sum() / len(batch), list(leaves.values()), materialize_grads=True)
        for value, gradient in zip(total.values(), gradients, strict=True):
            value += gradient
        losses.append(loss.detach())
    return total, torch.cat(losses)


def norm_of(gradients: Parameters) -> float:
    """Euclidean length of all gradients together."""
    return float(torch.stack([value.detach().norm() for value in gradients.values()]).norm())


class OptimiserUpdater:
    """An optimiser of the meta-parameters, and the fall of its step size."""

    def __init__(
        self, meta: Parameters, optimiser: OptimiserFactory, outer_lr: float, anneal_over: int | None = None
    ) -> None:
        self.meta = meta
        self.optimiser = make_optimiser(optimiser, meta.values(), outer_lr)
        self.schedule = None
        if anneal_over:
            self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimiser, 1.0, 0.0, total_iters=anneal_over)

    def step(self, gradients: Parameters) -> None:
        """One step of the optimiser along given gradients."""
        for name, value in self.meta.items():
            value.grad = gradients[name]
        self.optimiser.step()

    def finish(self) -> None:
        """Set the step size of the next update."""
        if self.schedule is not None:
            self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        schedule = {} if self.schedule is None else self.schedule.state_dict()
        return {"optimiser": self.optimiser.state_dict(), "schedule": schedule}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.optimiser.load_state_dict(state_dict["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state_dict["schedule"])


@dataclass(frozen=True, kw_only=True)
class OuterAdam:
    """One step of Adam along the meta-policy gradient. Diagnostics: `loss`, `grad_norm`."""

    outer_lr: float = 1e-3
    optimiser: OptimiserFactory = torch.optim.Adam
    """called as `optimiser(tensors, lr=outer_lr)`"""

    def __post_init__(self) -> None:
        check_step_size("outer_lr", self.outer_lr)
        check_optimiser(self.optimiser)

    def begin(self, method: PolicyMAML, meta: Parameters, anneal_over: int | None = None) -> Updater:
        check_type("method", method, PolicyMAML)
        return _GradientUpdater(method, meta, self.optimiser, self.outer_lr, anneal_over)


class _GradientUpdater(OptimiserUpdater):
    def __init__(self, method: PolicyMAML, meta: Parameters, *settings: Any) -> None:
        super().__init__(meta, *settings)
        self.method = method

    def update(self, batch: MetaBatch, generator: torch.Generator) -> Metrics:
        gradients, losses = meta_gradient(self.method, self.meta, batch)
        self.step(gradients)
        self.finish()
        return {"loss": float(losses.mean()), "grad_norm": norm_of(gradients)}


@dataclass(frozen=True, kw_only=True)
class OuterReptile:
    """θ ← θ + ε (mean_T θ'_T − θ) (Nichol et al. 2018), with at least two inner steps.

    No derivative is taken in the outer loop; the query trajectories only report the return. Diagnostics: `grad_norm`,
    the length of mean_T θ'_T − θ.
    """

    outer_lr: float = 0.5
    """ε, best annealed"""
    optimiser: OptimiserFactory = torch.optim.SGD
    """called as `optimiser(tensors, lr=outer_lr)`"""

    def __post_init__(self) -> None:
        check_step_size("outer_lr", self.outer_lr)
        check_optimiser(self.optimiser)

    def begin(self, method: PolicyMAML, meta: Parameters, anneal_over: int | None = None) -> Updater:
        check_type("method", method, PolicyMAML)
        if method.learned_rates:
            raise ValueError("Reptile has no gradient for step sizes: learned_rates must be False, got True.")
        return _ReptileUpdater(meta, self.optimiser, self.outer_lr, anneal_over)


class _ReptileUpdater(OptimiserUpdater):
    def update(self, batch: MetaBatch, generator: torch.Generator) -> Metrics:
        adapted = batch.query.parameters
        gradients = {name: value.detach() - adapted[name].mean(0) for name, value in self.meta.items()}
        self.step(gradients)
        self.finish()
        return {"grad_norm": norm_of(gradients)}
