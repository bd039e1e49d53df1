"""REINFORCE (Williams 1992) on many tasks at once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.agents.returns import Baseline, advantages, linear_baseline, masked_mean
from metarl_core.networks.encoding import encode_observation
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Trajectories, rollout


def reinforce_loss(policy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor) -> Tensor:
    """−E[Σ_t log π(a_t | s_t) A_t] per task, averaged over the task's steps, `[task]`.

    Its gradient is the policy gradient up to the factor mean episode length, which the average over
    steps divides out (the convention of the MAML code). `advantage` `[task, episode, time]` is constant.
    """
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    return -masked_mean(log_probability * advantage.detach(), trajectories.mask)


def policy_advantages(
    policy, trajectories: Trajectories, discount: float, baseline: Baseline = linear_baseline
) -> Tensor:
    """Normalised advantages `[task, episode, time]` with a baseline on the policy's input features."""
    features = encode_observation(trajectories.observations, policy.observation_space)
    return advantages(trajectories, features, discount, baseline=baseline)


@dataclass
class ReinforceConfig:
    """Settings of `train_reinforce`."""

    iterations: int = 200
    episodes: int = 20
    """per task and iteration"""
    tasks_per_iteration: int = 20
    """used where tasks are drawn anew"""
    discount: float = 0.99
    lr: float = 1e-2
    """of Adam (Kingma and Ba 2015)"""


def train_reinforce(
    family: TaskFamily,
    policy,
    parameters: Parameters,
    config: ReinforceConfig,
    generator: torch.Generator,
    tasks: Tasks | None = None,
    description: str = "REINFORCE",
    callback: Callable[[int, Parameters, Trajectories], None] | None = None,
    baseline: Baseline = linear_baseline,
) -> tuple[Parameters, dict[str, list[float]]]:
    """Train one policy to the mean return over tasks: multi-task REINFORCE, or plain REINFORCE on one task.

    Args:
        parameters: where to start; not changed. With a leading task axis (see `repeat_parameters`) each of
            `tasks` trains a policy of its own, in one batch.
        tasks: the tasks to train on, or None to draw `tasks_per_iteration` training tasks per iteration.
        callback: called as `callback(iteration, parameters, trajectories)` after each update.
        baseline: what is subtracted from the reward-to-go: `no_baseline`, `mean_baseline`, `linear_baseline` or a
            `ValueBaseline` (for fixed `tasks`; where they are drawn anew its networks would see another task
            each time).

    Returns:
        Trained parameters and history: `return` (mean undiscounted return before each update) and `steps`
        (environment steps taken so far). An interrupt (Ctrl-C) returns what was reached.
    """
    parameters = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    optimiser = torch.optim.Adam(parameters.values(), lr=config.lr)
    history: dict[str, list[float]] = {"return": [], "steps": []}
    steps = 0
    bar = tqdm(range(config.iterations), desc=description)
    try:
        for iteration in bar:
            drawn = family.sample_tasks(config.tasks_per_iteration, generator) if tasks is None else tasks
            trajectories = rollout(family, drawn, policy, parameters, config.episodes, generator)
            advantage = policy_advantages(policy, trajectories, config.discount, baseline)
            loss = reinforce_loss(policy, parameters, trajectories, advantage).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps += trajectories.steps
            mean_return = float(trajectories.returns.mean())
            history["return"].append(mean_return)
            history["steps"].append(steps)
            bar.set_postfix(mean_return=f"{mean_return:.1f}")
            if callback is not None:
                callback(iteration, parameters, trajectories)
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['return'])} of {config.iterations} iterations.")
    return {name: value.detach() for name, value in parameters.items()}, history
