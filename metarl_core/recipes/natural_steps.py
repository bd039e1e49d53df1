"""One step on a new task by the plain and by the natural policy gradient, as far as each other in KL divergence."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metarl_core.agents import Batch, DifferentiablePolicy, natural_gradient
from metarl_core.meta import PolicyMAML
from metarl_core.meta.policies import Stage, stage_kl, surrogate_loss
from metarl_core.parameters import Parameters
from metarl_core.tasks import Tasks, rollout
from metarl_core.tasks.family import append_axes

CHUNK = 5
"""tasks whose natural gradient is computed at once"""


def compare(
    method: PolicyMAML,
    start: Parameters,
    tasks: Tasks,
    inner_lr: float,
    dampings: Sequence[float],
    generator: torch.Generator,
    share: float = 1.0,
) -> Tensor:
    """Returns and divergences `[task, 3 + 2 * dampings]` of one step from `start` on each task.

    Columns: the return before; after the plain step, and how far that step moved the policy, E_s KL(π_θ ‖ π_θ') in
    nats over the states of the support episodes; then for each damping the same two of the natural step. All steps use
    the same support episodes.

    Args:
        inner_lr: α of the plain step.
        dampings: added to the Fisher matrix's diagonal.
        share: of the plain step's divergence; below 1 both steps are that much shorter.
    """
    support, plain = method.stages(start, tasks, generator, [inner_lr], method.episodes, surrogate_loss)
    target = share * stage_kl(method.policy, plain.parameters, support)
    directions = [{name: value - support.parameters[name] for name, value in plain.parameters.items()}]
    directions += [natural_direction(method.policy, support, damping) for damping in dampings]
    columns = [support.trajectories.returns.mean(1)]
    for direction in directions:
        stepped = matched(method.policy, support, direction, target)
        after = rollout(method.family, tasks, method.policy, stepped, method.episodes, generator)
        columns += [after.returns.mean(1), stage_kl(method.policy, stepped, support)]
    return torch.stack(columns, 1).detach()


def natural_direction(policy: DifferentiablePolicy, support: Stage, damping: float, iterations: int = 10) -> Parameters:
    """(F + damping)⁻¹ g of each task by conjugate gradients, `[task, ...]`, not scaled to any length."""
    parts = []
    for index in torch.arange(len(support.advantage)).split(CHUNK):
        part = support.select(index)
        episodes, advantage = part.trajectories, part.advantage
        rows = (
            episodes.observations,
            episodes.actions,
            episodes.log_probabilities,
            advantage,
            advantage,
            episodes.mask,
        )
        batch = Batch(*(row.flatten(1, 2) for row in rows))
        parts.append(natural_gradient(policy, part.parameters, batch, iterations, damping)[1])
    return {name: torch.cat([part[name] for part in parts]) for name in support.parameters}


def matched(policy: DifferentiablePolicy, support: Stage, direction: Parameters, target: Tensor) -> Parameters:
    """The parameters along `direction` at which each task's exact divergence is `target`, by bisection."""

    def moved(length: Tensor) -> Parameters:
        return {
            name: value + append_axes(length, value) * direction[name] for name, value in support.parameters.items()
        }

    def too_short(length: Tensor) -> Tensor:
        with torch.no_grad():
            return stage_kl(policy, moved(length), support) < target

    low, high = torch.zeros_like(target), torch.full_like(target, 1e-3)
    for _ in range(40):
        short = too_short(high)
        if not short.any():
            break
        high = torch.where(short, 2 * high, high)
    for _ in range(20):
        middle = (low + high) / 2
        short = too_short(middle)
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return moved((low + high) / 2)
