"""REINFORCE (Williams 1992) on many tasks at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.returns import Baseline, advantages, linear_baseline, masked_mean
from metarl_core.arguments import (
    check_between,
    check_callable,
    check_generator,
    check_methods,
    check_parameters_of,
    check_same_shape,
    check_step_size,
    check_tensors,
    check_type,
    check_whole,
    in_words,
)
from metarl_core.networks.encoding import encode_observation
from metarl_core.parameters import Parameters, copy_parameters, trainable_parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Trajectories, rollout
from metarl_core.training import (
    Callback,
    Counter,
    GeneratorState,
    History,
    OptimiserFactory,
    check_optimiser,
    make_optimiser,
    training_loop,
)


def reinforce_loss(
    policy: DifferentiablePolicy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor
) -> Tensor:
    """−E[Σ_t log π(a_t | s_t) A_t] per task, averaged over the task's steps, `[task]`.

    Its gradient is the policy gradient up to the factor mean episode length, which the average over
    steps divides out (the convention of the MAML code). `advantage` `[task, episode, time]` is constant.
    """
    check_same_shape(advantage=advantage, mask=trajectories.mask)
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    return -masked_mean(log_probability * advantage.detach(), trajectories.mask)


def policy_advantages(
    policy: DifferentiablePolicy, trajectories: Trajectories, discount: float, baseline: Baseline = linear_baseline
) -> Tensor:
    """Normalised advantages `[task, episode, time]` with a baseline on the policy's input features."""
    check_methods("policy", policy, "observation_space")
    features = encode_observation(trajectories.observations, policy.observation_space, trajectories.rewards.dtype)
    return advantages(trajectories, features, discount, baseline=baseline)


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig:
    """Settings of `train_reinforce`."""

    iterations: int = 200
    episodes: int = 20
    """per task and iteration"""
    meta_batch: int = 20
    """tasks per iteration, where they are drawn anew"""
    discount: float = 0.99
    lr: float = 1e-2
    optimiser: OptimiserFactory = torch.optim.Adam
    """called as `optimiser(tensors, lr=lr)`; Adam (Kingma and Ba 2015)"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "episodes", "meta_batch")
        check_between("discount", self.discount)
        check_step_size("lr", self.lr)
        check_optimiser(self.optimiser)


def train_reinforce(
    family: TaskFamily,
    policy: DifferentiablePolicy,
    parameters: Parameters,
    config: ReinforceConfig,
    generator: torch.Generator,
    *,
    tasks: Tasks | None = None,
    baseline: Baseline = linear_baseline,
    description: str | None = "REINFORCE",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Train one policy to the mean return over tasks: multi-task REINFORCE, or plain REINFORCE on one task.

    Args:
        parameters: where to start; not changed. With a leading task axis (see `repeat_parameters`) each of
            `tasks` trains a policy of its own, in one batch.
        tasks: the tasks to train on, or None to draw `meta_batch` training tasks per iteration.
        baseline: what is subtracted from the reward-to-go: `no_baseline`, `mean_baseline`, `linear_baseline` or a
            `ValueBaseline` (for fixed `tasks`; where they are drawn anew its networks would see another task
            each time).
        description: name on the progress bar; None for no bar.
        callback: called after each update (see `metarl_core.training.Callback`), with the trajectories.
        checkpoint: a file to save to and to resume from (not the state of a `ValueBaseline`).

    Returns:
        Trained parameters and history, per update: `return` (mean undiscounted return before it), `env_steps` (taken
        so far), `loss`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for parameters that are not the policy's, or what `rollout` refuses.
    """
    check_type("family", family, TaskFamily)
    check_methods("policy", policy, "named_parameters", "log_probability", "noise", "act")
    check_type("config", config, ReinforceConfig)
    check_parameters_of(dict(policy.named_parameters()), parameters)
    check_tensors("parameters", parameters)
    check_generator(generator)
    check_callable("baseline", baseline, "features, returns and mask")
    learned, env_steps = trainable_parameters(parameters), Counter()
    optimiser = make_optimiser(config.optimiser, learned.values(), config.lr)

    def iterate(iteration: int) -> tuple[dict[str, Any], Trajectories]:
        drawn = family.sample_tasks(config.meta_batch, generator) if tasks is None else tasks
        trajectories = rollout(family, drawn, policy, learned, config.episodes, generator)
        advantage = policy_advantages(policy, trajectories, config.discount, baseline)
        loss = reinforce_loss(policy, learned, trajectories, advantage).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        env_steps.total += trajectories.steps
        mean_return = float(trajectories.returns.mean())
        return {"return": mean_return, "env_steps": env_steps.total, "loss": float(loss.detach())}, trajectories

    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="return",
        callback=callback,
        checkpoint=checkpoint,
        state={"optimiser": optimiser, "generator": GeneratorState(generator), "env_steps": env_steps},
        settings=f"{in_words(family)}, {in_words(policy)}, {in_words(config)}",
    )
    return copy_parameters(learned), history
