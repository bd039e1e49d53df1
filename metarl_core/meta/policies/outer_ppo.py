"""Proximal policy optimisation as outer rule, and ProMP (Rothfuss et al. 2019)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.agents.returns import masked_mean
from metarl_core.arguments import check_at_least, check_positive, check_step_size, check_type, check_whole
from metarl_core.meta.policies.batch import MetaBatch
from metarl_core.meta.policies.maml import PolicyMAML
from metarl_core.meta.policies.outer_rules import (
    CHUNK,
    OptimiserUpdater,
    Updater,
    norm_of,
    stage_kl,
)
from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import Metrics, OptimiserFactory, check_optimiser


@dataclass(frozen=True, kw_only=True)
class OuterPPO:
    """Several epochs of Adam on PPO's clipped objective; with `kl_coefficient` ProMP (Rothfuss et al. 2019, alg. 1).

    Every epoch adapts anew from the support trajectories. Their log-probabilities, and those of the query
    trajectories, stay those of sampling time. Diagnostics, means over the steps of the optimiser: `loss` (with the
    penalty), `grad_norm`, and of the adapted policies on the query trajectories `approx_kl` (of those that sampled
    them from those that are trained) and `clip_fraction` (share of the ratios beyond the clip).
    """

    outer_lr: float = 1e-3
    epochs: int = 5
    clip: float = 0.3
    kl_coefficient: float = 0.0
    """η of the penalty on the mean divergence of the policies *before* and between inner steps from those that sampled
    the support trajectories, without which old trajectories would no longer say where the inner step leads; 5e-4 in
    ProMP"""
    minibatch: int | None = None
    """tasks per step of Adam, in random order; None: all"""
    optimiser: OptimiserFactory = torch.optim.Adam
    """called as `optimiser(tensors, lr=outer_lr)`"""

    def __post_init__(self) -> None:
        check_step_size("outer_lr", self.outer_lr)
        check_whole(self, "epochs")
        check_positive("clip", self.clip)
        check_at_least("kl_coefficient", self.kl_coefficient, 0)
        if self.minibatch is not None:
            check_whole(self, "minibatch")
        check_optimiser(self.optimiser)

    def begin(self, method: PolicyMAML, meta: Parameters, anneal_over: int | None = None) -> Updater:
        check_type("method", method, PolicyMAML)
        return _PPOUpdater(self, method, meta, anneal_over)

    def objective(self, method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> Tensor:
        """Clipped loss of the adapted policies plus the penalty, `[task]`."""
        return self.objective_and_ratios(method, meta, batch)[0]

    def objective_and_ratios(self, method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> tuple[Tensor, Tensor]:
        """The objective `[task]`, and of each task approximate divergence and clip fraction, `[2, task]`."""
        diagnostics = []

        def outer_loss(
            policy: DifferentiablePolicy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor
        ) -> Tensor:
            old, mask = trajectories.log_probabilities, trajectories.mask
            new = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
            diagnostics.append(ratio_diagnostics(new.detach(), old, mask, self.clip))
            return masked_mean(clipped_surrogate_loss(new, old, advantage, self.clip), mask)

        losses, visited = method.losses(meta, batch, outer_loss)
        if self.kl_coefficient > 0:
            for parameters, stage in zip(visited, batch.support, strict=False):
                losses = losses + self.kl_coefficient * stage_kl(method.policy, parameters, stage)
        return losses, torch.stack(diagnostics).mean(0)


def ratio_diagnostics(new: Tensor, old: Tensor, mask: Tensor, clip: float) -> Tensor:
    """KL(π_old ‖ π_new) ≈ E[ρ − 1 − log ρ], never negative, and the share of |ρ − 1| > clip, `[2, task]`."""
    log_ratio = new - old
    distance = log_ratio.expm1()
    return torch.stack(
        [masked_mean(distance - log_ratio, mask), masked_mean((distance.abs() > clip).to(new.dtype), mask)]
    )


class _PPOUpdater(OptimiserUpdater):
    def __init__(self, rule: OuterPPO, method: PolicyMAML, meta: Parameters, anneal_over: int | None) -> None:
        super().__init__(meta, rule.optimiser, rule.outer_lr, anneal_over)
        self.rule, self.method = rule, method

    def update(self, batch: MetaBatch, generator: torch.Generator) -> Metrics:
        size = len(batch) if self.rule.minibatch is None else self.rule.minibatch
        device = batch.query.advantage.device
        losses, diagnostics, norms = [], [], []
        for _ in range(self.rule.epochs):
            order = torch.randperm(len(batch), generator=generator, device=generator.device).to(device)
            for tasks in order.split(size):
                self.optimiser.zero_grad()
                for piece in tasks.split(CHUNK):
                    loss, ratios = self.rule.objective_and_ratios(self.method, self.meta, batch.select(piece))
                    (loss.sum() / len(tasks)).backward()
                    losses.append(loss.detach())
                    diagnostics.append(ratios)
                self.optimiser.step()
                norms.append(norm_of({n: value.grad for n, value in self.meta.items() if value.grad is not None}))
        self.finish()
        approx_kl, clip_fraction = torch.cat(diagnostics, 1).mean(1).tolist()
        return {
            "loss": float(torch.cat(losses).mean()),
            "grad_norm": sum(norms) / len(norms),
            "approx_kl": approx_kl,
            "clip_fraction": clip_fraction,
        }
