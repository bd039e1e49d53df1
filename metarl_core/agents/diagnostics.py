"""What practitioners watch while a policy learns (Schulman 2020; Huang et al. 2022); nothing here has a gradient."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import Batch
from metarl_core.agents.returns import masked_mean
from metarl_core.arguments import check_type


def approximate_kl(log_ratio: Tensor, mask: Tensor) -> Tensor:
    """E[ρ − 1 − log ρ] ≈ KL(π_old ‖ π_θ) of each learner, `[learner]`: never negative, of low variance (Schulman 2020).

    Args:
        log_ratio: log ρ = log π_θ − log π_old of actions of π_old, `[learner, sample]`.
        mask: true on valid samples.
    """
    return masked_mean(log_ratio.exp() - 1 - log_ratio, mask)


def explained_variance(batch: Batch) -> Tensor:
    """1 − Var[R − V] / Var[R] of each learner, `[learner]`: 1 for a perfect value function, 0 for a constant.

    R are the targets of the value function and R − V the advantages; NaN where the targets do not vary.
    """
    check_type("batch", batch, Batch)
    targets = _variance(batch.returns, batch.mask)
    return 1 - _variance(batch.advantages, batch.mask) / torch.where(targets > 0, targets, torch.nan)


def _variance(values: Tensor, mask: Tensor) -> Tensor:
    return masked_mean((values - masked_mean(values, mask)[:, None]).square(), mask)


def mean_of(noted: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each entry over a list of dictionaries with the same names."""
    return {name: torch.stack([one[name] for one in noted]).mean(0) for name in noted[0]}
