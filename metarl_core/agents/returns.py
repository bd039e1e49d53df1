"""Returns, baselines and advantages of batched trajectories."""

from collections.abc import Callable

import torch
from torch import Tensor

from metarl_core.arguments import check_between, check_callable, check_same_shape, check_shape
from metarl_core.tasks.rollout import Trajectories

Baseline = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A prediction of the returns `[task, episode, time]` from (encoded observations, returns, mask)."""


def reward_to_go(rewards: Tensor, discount: float) -> Tensor:
    """Discounted return from each time step on, R_t = Σ_{k ≥ t} γ^{k−t} r_k, along the last axis.

    Args:
        rewards: `[..., time]`, zero after an episode's end.
        discount: γ in [0, 1].

    Returns:
        `[..., time]`.
    """
    check_between("discount", discount)
    result = rewards.clone()
    for time in range(rewards.shape[-1] - 2, -1, -1):
        result[..., time].add_(result[..., time + 1], alpha=discount)
    return result


def no_baseline(features: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Zeros; arguments and result as those of `linear_baseline`."""
    check_same_shape(targets=targets, mask=mask)
    return torch.zeros_like(targets)


def mean_baseline(features: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean return at the same time step of the task's *other* episodes; zero where no other one came so far.

    Leaving an episode's own return out keeps the gradient unbiased (Kool et al. 2019): the baseline then
    does not depend on the actions that it is subtracted for. Arguments and result as those of `linear_baseline`.
    """
    check_same_shape(targets=targets, mask=mask)
    others = (targets * mask).sum(1, keepdim=True) - targets
    return others / (mask.sum(1, keepdim=True) - 1).clamp_min(1) * mask


def linear_baseline(features: Tensor, targets: Tensor, mask: Tensor, ridge: float = 1e-5) -> Tensor:
    """Least-squares prediction of returns, one fit per task (Duan et al. 2016, linear feature baseline).

    The features of a step are [s, s², t/100, (t/100)², (t/100)³, 1], with s clipped to [−10, 10] as in the
    reference. The normal equations are solved in float64 for all tasks at once; a task's ridge grows
    tenfold until its equations can be solved.

    Args:
        features: encoded observations s, `[task, episode, time, features]`.
        targets: returns `[task, episode, time]`.
        mask: true where a step was taken, `[task, episode, time]`.

    Returns:
        Predictions `[task, episode, time]`, zero on the padding.

    Raises:
        ValueError: where features or targets hold NaN, or their shapes do not fit.
    """
    check_shape("targets", targets, "task", "episode", "time")
    check_same_shape(targets=targets, mask=mask)
    tasks, episodes, horizon = targets.shape
    check_shape("features", features, tasks, episodes, horizon, "features")
    clock = (torch.arange(horizon, dtype=torch.float64, device=targets.device) / 100).expand(tasks, episodes, horizon)
    states = features.double().clamp(-10, 10)
    columns = [states, states.square(), torch.stack([clock, clock**2, clock**3, torch.ones_like(clock)], -1)]
    design = (torch.cat(columns, -1) * mask[..., None]).flatten(1, 2)
    goal = (targets.double() * mask).flatten(1, 2)[..., None]
    gram, moment = design.mT @ design, design.mT @ goal
    identity = torch.eye(gram.shape[-1], dtype=torch.float64, device=targets.device)
    ridges = gram.new_full((tasks, 1, 1), ridge)
    for _ in range(10):
        solution, failed = torch.linalg.solve_ex(gram + ridges * identity, moment)
        failed = (failed > 0) | ~solution.isfinite().all((1, 2))
        if not bool(failed.any()):
            break
        ridges[failed] *= 10
    else:
        raise ValueError("features and targets must be finite numbers, got values that no baseline can be fitted to.")
    return (design @ solution).reshape(targets.shape).to(targets.dtype)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the valid entries of each task or learner, `[first axis]`; 0 where there are none.

    Args:
        values, mask: `[task, episode, time]`, or `[learner, sample]`.
    """
    check_same_shape(values=values, mask=mask)
    inner = tuple(range(1, values.ndim))
    return (values * mask).sum(inner) / mask.sum(inner).clamp_min(1)


def normalise(values: Tensor, mask: Tensor, epsilon: float = 1e-8) -> Tensor:
    """Values minus their mean, divided by their standard deviation, per task over its valid steps.

    This rescales the policy gradient and so the effective inner step size α.

    Args:
        values, mask: `[task, episode, time]`.

    Returns:
        `[task, episode, time]`, zero on the padding.
    """
    check_shape("values", values, "task", "episode", "time")
    check_same_shape(values=values, mask=mask)
    count = mask.sum((1, 2), keepdim=True)
    mean = (values * mask).sum((1, 2), keepdim=True) / count
    centred = (values - mean) * mask
    std = (centred.square().sum((1, 2), keepdim=True) / count).sqrt()
    return centred / (std + epsilon)


def advantages(
    trajectories: Trajectories,
    features: Tensor,
    discount: float = 0.99,
    normalised: bool = True,
    baseline: Baseline = linear_baseline,
) -> Tensor:
    """Reward-to-go minus a baseline, `[task, episode, time]`, by default normalised per task.

    With a value function as baseline this is generalised advantage estimation with λ = 1.

    Args:
        features: the encoded observations.
        baseline: `no_baseline`, `mean_baseline`, `linear_baseline`, a `ValueBaseline`, or any such function.
    """
    check_callable("baseline", baseline, "features, returns and mask")
    returns = reward_to_go(trajectories.rewards, discount)
    result = (returns - baseline(features, returns, trajectories.mask)) * trajectories.mask
    return normalise(result, trajectories.mask) if normalised else result
