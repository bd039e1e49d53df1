"""Adapt a policy to new tasks by a few policy-gradient steps, and measure it along the way."""

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from metarl_core.agents.reinforce import policy_advantages
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.policies.estimators import surrogate_loss
from metarl_core.parameters import Parameters, repeat_parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Trajectories, rollout

Rate = float | Mapping[str, Tensor]


def _surrogate_of(policy, trajectories: Trajectories, advantage: Tensor, parameters: Parameters) -> Tensor:
    return surrogate_loss(policy, parameters, trajectories, advantage)


def adaptation_curve(
    family: TaskFamily,
    tasks: Tasks,
    policy,
    parameters: Parameters,
    inner_lr: Rate | Sequence[Rate],
    steps: int,
    generator: torch.Generator,
    episodes: int = 20,
    discount: float = 0.99,
) -> tuple[Tensor, list[Parameters], list[Trajectories]]:
    """Adapt to each task by `steps` policy-gradient steps and measure the return along the way.

    Before each step `episodes` new episodes are collected with the current policy; the return after
    the last step is measured on episodes of its own.

    Args:
        parameters: shared initial parameters, or one set a task.
        inner_lr: one step size, or one for each step (0.5, then 0.25, in the MAML paper's evaluation). A step size
            is a number, or a dictionary like the parameters (Meta-SGD).

    Returns:
        mean returns `[task, steps + 1]`, the parameters and the trajectories after 0, 1, …, `steps` steps.
    """
    rates = [inner_lr] * steps if isinstance(inner_lr, (int, float, Mapping)) else list(inner_lr)
    if len(rates) != steps:
        raise ValueError(f"inner_lr must be one number or {steps} numbers, got {len(rates)}.")
    number = family.check_tasks(tasks)
    shared = all(value.shape == dict(policy.named_parameters())[name].shape for name, value in parameters.items())
    current = repeat_parameters(parameters, number) if shared else parameters
    current = {name: value.detach().requires_grad_() for name, value in current.items()}
    visited, collected, returns = [], [], []
    for step in range(steps + 1):
        trajectories = rollout(family, tasks, policy, current, episodes, generator)
        visited.append({name: value.detach() for name, value in current.items()})
        collected.append(trajectories)
        returns.append(trajectories.returns.mean(1))
        if step < steps:
            advantage = policy_advantages(policy, trajectories, discount)
            loss = functools.partial(_surrogate_of, policy, trajectories, advantage)
            stepped = adapt(current, loss, rates[step], create_graph=False)
            current = {name: value.detach().requires_grad_() for name, value in stepped.items()}
    return torch.stack(returns, 1), visited, collected


def choose_inner_lr(
    family: TaskFamily,
    tasks: Tasks,
    policy,
    parameters: Parameters,
    candidates: Sequence[float],
    steps: int,
    generator: torch.Generator,
    episodes: int = 20,
) -> float:
    """The step size among `candidates` with the best mean return after `steps` steps on `tasks`.

    Meant for baselines that were not trained with a step size of their own. Choose on training tasks:
    a step size chosen on the test tasks has seen them. A step size that leads to NaN counts as worst.
    """
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
    means = []
    for rate in candidates:
        again = torch.Generator().manual_seed(seed)  # the same noise for every candidate
        try:
            returns, _, _ = adaptation_curve(family, tasks, policy, parameters, rate, steps, again, episodes)
            means.append(float(returns[:, -1].mean()))
        except FloatingPointError:
            means.append(-torch.inf)
    return candidates[means.index(max(means))]
