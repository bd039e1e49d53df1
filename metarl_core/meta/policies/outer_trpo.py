"""A trust-region step as outer rule, as in the MAML paper."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.natural_gradient import combine, conjugate_gradient, dot
from metarl_core.agents.trpo import backtrack, trust_region_step
from metarl_core.arguments import check_at_least, check_positive, check_type, check_whole
from metarl_core.meta.policies.batch import MetaBatch
from metarl_core.meta.policies.estimators import surrogate_loss
from metarl_core.meta.policies.maml import PolicyMAML
from metarl_core.meta.policies.outer_rules import CHUNK, Updater, meta_gradient, norm_of, stage_kl
from metarl_core.parameters import Parameters, detach_parameters, leaf_parameters, select_parameters
from metarl_core.training import Metrics


@dataclass(frozen=True, kw_only=True)
class OuterTRPO:
    """A trust-region step (Schulman et al. 2015), the outer rule of the MAML paper.

    The meta-policy gradient is turned by the inverse of the Hessian of the mean divergence of the *adapted* policies
    as a function of the meta-parameters, scaled to `max_kl`, and halved until the surrogate improves and the exact
    divergence, measured on all query states after adapting anew, keeps to `max_kl`. It has no step size to anneal.
    Diagnostics: `loss` (before the step), `grad_norm`, `approx_kl` (the divergence of the step taken) and `accepted`
    (1, or 0 where no step was taken).
    """

    max_kl: float = 0.01
    cg_iterations: int = 10
    cg_damping: float = 1e-5
    """added to the Hessian's diagonal; of the MAML paper's code"""
    backtracks: int = 10
    hessian_episodes: int = 2
    """episodes of each stage and task that the Hessian is estimated from; gradient and line search use them all"""

    def __post_init__(self) -> None:
        check_positive("max_kl", self.max_kl)
        check_at_least("cg_damping", self.cg_damping, 0)
        check_whole(self, "cg_iterations", "backtracks", "hessian_episodes")

    def begin(self, method: PolicyMAML, meta: Parameters, anneal_over: int | None = None) -> Updater:
        check_type("method", method, PolicyMAML)
        return _TRPOUpdater(self, method, meta)


class _TRPOUpdater:
    def __init__(self, rule: OuterTRPO, method: PolicyMAML, meta: Parameters) -> None:
        self.rule, self.method, self.meta = rule, method, meta

    def update(self, batch: MetaBatch, generator: torch.Generator) -> Metrics:
        rule, method, meta = self.rule, self.method, self.meta
        gradients, losses = meta_gradient(method, meta, batch)
        product = kl_product(method, meta, batch.first_episodes(rule.hessian_episodes))

        def damped(vector: Parameters) -> Parameters:
            return combine(_one_learner(product(select_parameters(vector, 0))), rule.cg_damping, vector)

        def gain_and_kl(candidate: Parameters) -> tuple[Tensor, Tensor]:
            loss, divergence = surrogate_and_kl(method, select_parameters(candidate, 0), batch)
            return -loss[None], divergence[None]

        direction = conjugate_gradient(damped, _one_learner(gradients), rule.cg_iterations)
        uphill = trust_region_step(direction, dot(direction, damped(direction)), rule.max_kl)
        step = {name: -value for name, value in uphill.items()}
        before = surrogate_and_kl(method, meta, batch)[0] if method.sampling_term else losses.mean()
        found, divergence, accepted = backtrack(
            gain_and_kl, _one_learner(meta), step, -before[None], rule.max_kl, rule.backtracks
        )
        with torch.no_grad():
            for name, value in meta.items():
                value.copy_(found[name][0])
        return {
            "loss": float(before),
            "grad_norm": norm_of(gradients),
            "approx_kl": float(divergence),
            "accepted": float(accepted),
        }

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """There is nothing to load: each step depends on the batch and the meta-parameters alone."""


def surrogate_and_kl(method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> tuple[Tensor, Tensor]:
    """Mean surrogate loss of the adapted policies and their mean divergence from those that sampled the query."""
    check_type("method", method, PolicyMAML)
    check_type("batch", batch, MetaBatch)
    losses, divergences = [], []
    for part in batch.chunks(CHUNK):
        stages = method.query_stages(part)
        adapted = method.visited(meta, part.support, create_graph=False)[-len(stages) :]
        with torch.no_grad():
            for parameters, stage in zip(adapted, stages, strict=True):
                losses.append(surrogate_loss(method.policy, parameters, stage.trajectories, stage.advantage))
                divergences.append(stage_kl(method.policy, parameters, stage))
    return torch.cat(losses).mean(), torch.cat(divergences).mean()


def _one_learner(parameters: Parameters) -> Parameters:
    """Constants `[1, ...]`: the vectors of one learner, as `metarl_core.agents.trpo` handles them."""
    return {name: value.detach()[None] for name, value in parameters.items()}


def kl_product(method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> Callable[[Parameters], Parameters]:
    """The map v ↦ H v, with H the Hessian of the mean divergence of the adapted policies at the meta-parameters θ.

    The divergence KL(π_θ'(θ) ‖ ·) and its gradient vanish at θ' = θ'(θ), so H is the mean over tasks of Jᵀ F J exactly:
    F is the Fisher matrix of the adapted policy, and J = ∂θ'/∂θ the Jacobian of the inner loop.
    """
    check_type("method", method, PolicyMAML)
    check_type("batch", batch, MetaBatch)
    leaves = leaf_parameters(meta)
    stages = method.query_stages(batch)
    each = method.visited(leaves, batch.support)[-len(stages) :]
    # The adapted parameters of all query stages as one dictionary.
    adapted = {f"{k}.{name}": value for k, one in enumerate(each) for name, value in one.items()}
    fixed = leaf_parameters(adapted)
    divergences = []
    for k, stage in enumerate(stages):
        own = {name: fixed[f"{k}.{name}"] for name in each[k]}
        at_itself = replace(stage, parameters=detach_parameters(own))
        divergences.append(stage_kl(method.policy, own, at_itself).mean())
    kl_gradient = _gradients([torch.stack(divergences).mean()], fixed, create_graph=True)
    # Jᵀu is linear in u; the derivative of (Jᵀu)·v with respect to u is Jv.
    u = {name: torch.zeros_like(value, requires_grad=True) for name, value in adapted.items()}
    outputs = list(adapted.values())
    jacobian_transposed_u = _gradients(outputs, leaves, list(u.values()), create_graph=True)

    def product(vector: Parameters) -> Parameters:
        products = [(jacobian_transposed_u[name] * value).sum() for name, value in vector.items()]
        inner_product = sum(products[1:], products[0])
        jacobian_v = _gradients([inner_product], u, retain_graph=True)
        fisher_jacobian_v = _gradients([dot(kl_gradient, jacobian_v).sum()], fixed, retain_graph=True)
        return _gradients(outputs, leaves, list(fisher_jacobian_v.values()), retain_graph=True)

    return product


def _gradients(
    values: list[Tensor], leaves: Parameters, outputs: list[Tensor] | None = None, **options: bool
) -> Parameters:
    """Gradients under the names of `leaves`; zeros where a value does not depend on one."""
    found = torch.autograd.grad(values, list(leaves.values()), outputs, materialize_grads=True, **options)
    return dict(zip(leaves, found, strict=True))
