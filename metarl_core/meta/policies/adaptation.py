"""Adapt a policy to new tasks by a few policy-gradient steps, and measure it along the way."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_step_size, check_tensors, check_type
from metarl_core.meta.policies.estimators import surrogate_loss
from metarl_core.meta.policies.maml import PolicyMAML, Rate
from metarl_core.parameters import Parameters, detach_parameters, repeat_parameters
from metarl_core.tasks.family import Tasks
from metarl_core.tasks.rollout import Trajectories


class AdaptationCurve(NamedTuple):
    """What policies earn before and after each inner step."""

    returns: Tensor
    """mean undiscounted return per episode, `[task, steps + 1]`"""
    parameters: list[Parameters]
    """after 0, 1, …, `steps` steps, `[task, ...]`"""
    trajectories: list[Trajectories]
    """of those parameters"""


def adaptation_curve(
    method: PolicyMAML,
    meta: Parameters,
    tasks: Tasks,
    generator: torch.Generator,
    *,
    steps: int | None = None,
    episodes: int | None = None,
    inner_lr: Rate | Sequence[Rate] | None = None,
) -> AdaptationCurve:
    """Adapt to each task by policy-gradient steps and measure the return along the way.

    Before each step new episodes are collected with the current policy; the return after the last step is measured on
    episodes of its own. Family, policy, discount, episodes and step sizes, learned ones as well, are those of the
    method; what is given here stands in their place. All estimators have one first derivative, so that it makes no
    difference here which one the method was trained with.

    Args:
        method: with its family, policy, discount, episodes and step sizes.
        meta: meta-parameters, shared or one set a task.
        tasks: `[task, ...]`.
        generator: of the actions and of what is random in the tasks.
        steps: number of steps, at least 0; the method's unless given. It may be more than in training.
        episodes: per task, before each step and after the last.
        inner_lr: one step size, or one for each step. A step size is a number, or a dictionary like the parameters.

    Raises:
        ValueError: for meta-parameters or tasks that do not fit the method, other step sizes than steps, fewer than 0
            steps or 1 episode, or parameters that diverge (`NotANumberError`, also a FloatingPointError).
    """
    check_type("method", method, PolicyMAML)
    check_generator(generator)
    number = method.family.check_tasks(tasks)
    episodes = method.episodes if episodes is None else episodes
    check_count("episodes", episodes)
    shared = method.check_meta(meta, number)
    meta = detach_parameters(meta)
    rates = _rates(method, meta, steps, inner_lr)
    start = method.start(meta)
    start = repeat_parameters(start, number) if shared else start
    stages = list(method.stages(start, tasks, generator, rates, episodes, surrogate_loss))
    return AdaptationCurve(
        torch.stack([stage.trajectories.returns.mean(1) for stage in stages], 1),
        [stage.parameters for stage in stages],
        [stage.trajectories for stage in stages],
    )


def _rates(
    method: PolicyMAML, meta: Parameters, steps: int | None, inner_lr: Rate | Sequence[Rate] | None
) -> list[Rate]:
    """The step size of each step."""
    if steps is None:
        steps = len(inner_lr) if isinstance(inner_lr, Sequence) else method.inner_steps
    check_count("steps", steps, 0)
    if inner_lr is None:
        return [method.rates(meta, step) for step in range(steps)]
    rates = list(inner_lr) if isinstance(inner_lr, Sequence) else [inner_lr] * steps
    if len(rates) != steps:
        raise ValueError(f"inner_lr must be one step size, or one for each of {steps} steps, got {len(rates)}.")
    for rate in rates:
        if not isinstance(rate, Mapping):
            check_step_size("inner_lr", rate, zero=True)
            continue
        check_tensors("inner_lr", rate)
        if set(rate) != set(method.start(meta)):
            raise ValueError(
                f"inner_lr must have an entry for each of {sorted(method.start(meta))}, got {sorted(rate)}."
            )
    return rates


def choose_inner_lr(
    method: PolicyMAML,
    meta: Parameters,
    tasks: Tasks,
    candidates: Sequence[float],
    steps: int,
    generator: torch.Generator,
) -> float:
    """The step size among `candidates` with the best mean return after `steps` steps on `tasks`.

    Meant for baselines that were not trained with a step size of their own. Choose on training tasks: a step size
    chosen on the test tasks has seen them. A step size that leads to NaN counts as worst. Discount and episodes are
    those of the method.

    Raises:
        ValueError: for no candidates, a negative one, or fewer than 1 step.
    """
    check_type("candidates", candidates, Sequence)
    if not len(candidates):
        raise ValueError("candidates must hold at least one step size, got none.")
    for candidate in candidates:
        check_step_size("candidates", candidate, zero=True)
    check_generator(generator)
    check_count("steps", steps)
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
    means = []
    for rate in candidates:
        again = torch.Generator(generator.device).manual_seed(seed)  # the same noise for every candidate
        try:
            curve = adaptation_curve(method, meta, tasks, again, steps=steps, inner_lr=rate)
            means.append(float(curve.returns[:, -1].mean()))
        except FloatingPointError:
            means.append(-torch.inf)
    return candidates[means.index(max(means))]
