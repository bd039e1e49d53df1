"""Outer rules of meta-RL: how the meta-parameters move once support and query trajectories are there.

Each rule has `begin(meta)`, which returns the optimiser that it keeps between meta-iterations (or None), and
`update(method, meta, optimiser, batch, generator)`, which changes the leaves `meta` in place.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from metarl_core.agents.natural_gradient import combine, conjugate_gradient, dot
from metarl_core.agents.returns import masked_mean
from metarl_core.meta.policies.estimators import surrogate_loss
from metarl_core.meta.policies.maml import MetaBatch, OuterLoss, PolicyMAML, Stage
from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import Trajectories

CHUNK = 2
"""Tasks whose second derivative is computed at once: a whole batch takes large temporary tensors, and is slower."""


def clipped_loss(policy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor, clip: float) -> Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017, eq. 7), negated, per task `[task]`."""
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    ratio = (log_probability - trajectories.log_probabilities).exp()
    pessimistic = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -masked_mean(pessimistic, trajectories.mask)


def stage_kl(policy, parameters: Parameters, stage: Stage) -> Tensor:
    """E_s KL(π_old(· | s) ‖ π_θ(· | s)) over the states that the old policy visited, `[task]`."""
    observations = stage.trajectories.observations
    with torch.no_grad():
        old = policy.distribution(stage.parameters, observations)
    return masked_mean(kl_divergence(old, policy.distribution(parameters, observations)), stage.trajectories.mask)


def meta_gradient(
    method: PolicyMAML, meta: Parameters, batch: MetaBatch, outer_loss: OuterLoss = surrogate_loss, chunk: int = CHUNK
) -> tuple[Parameters, Tensor]:
    """Gradient of the mean over tasks of the outer loss, and the losses `[task]`.

    Args:
        chunk: tasks at once; changes time and memory, not the result.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in meta.items()}
    total = {name: torch.zeros_like(value) for name, value in leaves.items()}
    losses = []
    for part in batch.chunks(chunk):
        loss, _ = method.losses(leaves, part, outer_loss)
        gradients = torch.autograd.grad(loss.sum() / len(batch), list(leaves.values()), materialize_grads=True)
        for value, gradient in zip(total.values(), gradients, strict=True):
            value += gradient
        losses.append(loss.detach())
    return total, torch.cat(losses)


def _set_gradient(meta: Parameters, gradients: Parameters) -> None:
    for name, value in meta.items():
        value.grad = gradients[name]


@dataclass(frozen=True)
class OuterAdam:
    """One step of Adam along the meta-policy gradient."""

    lr: float = 1e-3

    def begin(self, meta: Parameters) -> torch.optim.Optimizer:
        return torch.optim.Adam(meta.values(), lr=self.lr)

    def update(self, method: PolicyMAML, meta: Parameters, optimiser, batch: MetaBatch, generator) -> None:
        gradients, _ = meta_gradient(method, meta, batch)
        _set_gradient(meta, gradients)
        optimiser.step()


@dataclass(frozen=True)
class OuterPPO:
    """Several epochs of Adam on PPO's clipped objective; with `kl_coefficient` ProMP (Rothfuss et al. 2019, alg. 1).

    Every epoch adapts anew from the support trajectories. Their log-probabilities, and those of the query
    trajectories, stay those of sampling time.
    """

    lr: float = 1e-3
    epochs: int = 5
    clip: float = 0.3
    kl_coefficient: float = 0.0
    """η of the penalty on the mean divergence of the policies *before* and between inner steps from those that sampled
    the support trajectories, without which old trajectories would no longer say where the inner step leads; 5e-4 in
    ProMP"""
    minibatch: int | None = None
    """tasks per step of Adam, in random order; None: all"""

    def begin(self, meta: Parameters) -> torch.optim.Optimizer:
        return torch.optim.Adam(meta.values(), lr=self.lr)

    def objective(self, method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> Tensor:
        """Clipped loss of the adapted policies plus the penalty, `[task]`."""
        losses, along = method.losses(meta, batch, lambda *arguments: clipped_loss(*arguments, self.clip))
        if self.kl_coefficient > 0:
            for parameters, stage in zip(along, batch.support, strict=False):
                losses = losses + self.kl_coefficient * stage_kl(method.policy, parameters, stage)
        return losses

    def update(self, method: PolicyMAML, meta: Parameters, optimiser, batch: MetaBatch, generator) -> None:
        size = len(batch) if self.minibatch is None else self.minibatch
        for _ in range(self.epochs):
            for index in torch.randperm(len(batch), generator=generator).split(size):
                optimiser.zero_grad()
                for piece in index.split(CHUNK):
                    (self.objective(method, meta, batch.select(piece)).sum() / len(index)).backward()
                optimiser.step()


@dataclass(frozen=True)
class OuterTRPO:
    """A trust-region step (Schulman et al. 2015), the outer rule of the MAML paper.

    The meta-policy gradient is turned by the inverse of the Hessian of the mean divergence of the *adapted* policies
    as a function of the meta-parameters, scaled to `max_kl`, and halved until the surrogate improves and the exact
    divergence, measured on all query states after adapting anew, keeps to `max_kl`.
    """

    max_kl: float = 0.01
    cg_iterations: int = 10
    cg_damping: float = 1e-5
    """added to the Hessian's diagonal; of the MAML paper's code"""
    backtracks: int = 10
    hessian_episodes: int = 2
    """episodes of each stage and task that the Hessian is estimated from; gradient and line search use them all"""

    def begin(self, meta: Parameters) -> None:
        return None

    def update(self, method: PolicyMAML, meta: Parameters, optimiser, batch: MetaBatch, generator) -> None:
        gradients, losses = meta_gradient(method, meta, batch)
        product = kl_product(method, meta, batch.first_episodes(self.hessian_episodes))

        def damped(vector: Parameters) -> Parameters:
            image = product({name: value[0] for name, value in vector.items()})
            return combine(vector_of(image), self.cg_damping, vector)

        direction = conjugate_gradient(damped, vector_of(gradients), self.cg_iterations)
        curvature = dot(direction, damped(direction))
        scale = torch.where(curvature > 0, (2 * self.max_kl / curvature).sqrt(), 0.0)
        before = self.judge(method, meta, batch)[0] if method.sampling_term else losses.mean()
        own = vector_of(meta)
        for _ in range(self.backtracks):
            candidate = {name: value[0] for name, value in combine(own, -scale, direction).items()}
            after, divergence = self.judge(method, candidate, batch)
            # A step that is not a number fails both comparisons.
            if bool(after < before) and bool(divergence <= self.max_kl):
                with torch.no_grad():
                    for name, value in candidate.items():
                        meta[name].copy_(value)
                return
            scale = scale / 2

    def judge(self, method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> tuple[Tensor, Tensor]:
        """Mean surrogate loss of the adapted policies and their mean divergence from those that sampled the query."""
        losses, divergences = [], []
        for part in batch.chunks(CHUNK):
            stages = method.judged(part)
            along = method.visited(meta, part.support, create_graph=False)[-len(stages) :]
            with torch.no_grad():
                for adapted, stage in zip(along, stages, strict=True):
                    losses.append(surrogate_loss(method.policy, adapted, stage.trajectories, stage.advantage))
                    divergences.append(stage_kl(method.policy, adapted, stage))
        return torch.cat(losses).mean(), torch.cat(divergences).mean()


def vector_of(parameters: Parameters) -> Parameters:
    """Constants `[1, ...]`: the vectors of one learner, as `metarl_core.agents.trpo` handles them."""
    return {name: value.detach()[None] for name, value in parameters.items()}


def kl_product(method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> Callable[[Parameters], Parameters]:
    """The map v ↦ H v, with H the Hessian of the mean divergence of the adapted policies at the meta-parameters θ.

    The divergence KL(π_θ'(θ) ‖ ·) and its slope vanish at θ' = θ'(θ), so H is the mean over tasks of Jᵀ F J exactly:
    F is the Fisher matrix of the adapted policy, and J = ∂θ'/∂θ the Jacobian of the inner loop.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in meta.items()}
    stages = method.judged(batch)
    along = method.visited(leaves, batch.support)[-len(stages) :]
    # The adapted parameters of all judged stages as one dictionary.
    adapted = {f"{k}.{name}": value for k, one in enumerate(along) for name, value in one.items()}
    fixed = {name: value.detach().requires_grad_() for name, value in adapted.items()}
    divergences = []
    for k, stage in enumerate(stages):
        own = {name: fixed[f"{k}.{name}"] for name in along[k]}
        constants = {name: value.detach() for name, value in own.items()}
        divergences.append(stage_kl(method.policy, own, replace(stage, parameters=constants)).mean())
    slope = _gradients([torch.stack(divergences).mean()], fixed, create_graph=True)
    # Jᵀu is linear in u; the derivative of (Jᵀu)·v with respect to u is Jv.
    dummies = {name: torch.zeros_like(value, requires_grad=True) for name, value in adapted.items()}
    pulled = _gradients(list(adapted.values()), leaves, list(dummies.values()), create_graph=True)

    def product(vector: Parameters) -> Parameters:
        along = sum((pulled[name] * value).sum() for name, value in vector.items())
        pushed = _gradients([along], dummies, retain_graph=True)
        turned = _gradients([dot(slope, pushed).sum()], fixed, retain_graph=True)
        return _gradients(list(adapted.values()), leaves, list(turned.values()), retain_graph=True)

    return product


def _gradients(values: list[Tensor], leaves: Parameters, outputs: list[Tensor] | None = None, **options) -> Parameters:
    """Gradients under the names of `leaves`; zeros where a value does not depend on one."""
    found = torch.autograd.grad(values, list(leaves.values()), outputs, materialize_grads=True, **options)
    return dict(zip(leaves, found, strict=True))


@dataclass(frozen=True)
class OuterReptile:
    """θ ← θ + ε (mean_T θ'_T − θ) (Nichol et al. 2018), with at least two inner steps.

    No derivative is taken in the outer loop; the query trajectories only report the return.
    """

    lr: float = 0.5
    """ε, best annealed"""

    def begin(self, meta: Parameters) -> torch.optim.Optimizer:
        return torch.optim.SGD(meta.values(), lr=self.lr)

    def update(self, method: PolicyMAML, meta: Parameters, optimiser, batch: MetaBatch, generator) -> None:
        if method.learned_rates:
            raise ValueError("Reptile has no gradient for step sizes: learned_rates must be False.")
        adapted = batch.query.parameters
        _set_gradient(meta, {name: value.detach() - adapted[name].mean(0) for name, value in meta.items()})
        optimiser.step()
