"""Learn new tasks by DQN from a given initialisation, and count what it takes to reach a level."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.agents.dqn import DQN, DQNConfig, QNetwork, collect, epsilon_at
from metarl_core.agents.evaluate import mean_returns
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.meta.values.maml import QMAML
from metarl_core.meta.values.training import task_sampler
from metarl_core.parameters import Parameters, trainable_copy
from metarl_core.tasks.family import TaskFamily, Tasks


@dataclass
class NewTaskConfig:
    """How a new task is learned, the same for every initialisation."""

    dqn: DQNConfig = field(default_factory=lambda: DQNConfig(learning_starts=50, train_frequency=1, batch_size=64))
    """`steps` and `learning_starts` count environment steps. Behaviour is uniformly random during the warm-up, whose
    transitions are the support set; the schedule of ε begins after it. The learning rate is constant."""
    burst: int = 0
    """gradient steps taken at once when the warm-up ends"""
    checkpoints: tuple[int, ...] = (0, 50, 100, 200, 400, 800, 1600)
    """environment steps after which the greedy policy is measured; 0: the initialisation; at the end of the
    warm-up: after the burst"""
    episodes: int = 10
    """per task and measurement"""
    evaluation_seed: int = 1000
    """of the measurements' episodes, the same at every checkpoint"""


def learn_new_tasks(
    network: QNetwork,
    start: Parameters,
    family: TaskFamily,
    tasks: Tasks,
    config: NewTaskConfig,
    generator: torch.Generator,
    adapt: Callable[[Transitions], Parameters] | None = None,
    seed: int = 0,
    description: str | None = "new tasks",
) -> tuple[Tensor, Tensor]:
    """DQN on every task from given parameters: warm-up, adaptation, then step by step with one update each.

    Args:
        start: parameters `[task, ...]` to begin with.
        adapt: from the warm-up's transitions, one batch `[task, sample, ...]`, to the adapted parameters `[task, ...]`
            that learning goes on with (`support_adaptation`); None: learning goes on from `start`.
        generator: of exploration and minibatches.
        seed: of the environments.
        description: name on the progress bar; None for no bar.

    Returns:
        mean returns of the greedy policy `[task, checkpoint]`, and finished training episodes `[task, checkpoint]`.

    Raises:
        ValueError: for checkpoints that are not increasing numbers of steps up to `config.dqn.steps`.
    """
    points, dqn = list(config.checkpoints), config.dqn
    if not points or points != sorted(set(points)) or points[0] < 0 or points[-1] > dqn.steps:
        raise ValueError(f"checkpoints must be increasing numbers from 0 to {dqn.steps}, got {points}.")
    learners = family.check_tasks(tasks)
    sampler, buffer = task_sampler(family, tasks, seed), ReplayBuffer(dqn.buffer_size, learners)
    rule = DQN(network, trainable_copy(start, learners), dqn)
    returns, episodes = [], []
    for step in tqdm(range(dqn.steps + 1), desc=description, disable=description is None):
        if step == dqn.learning_starts:
            if adapt is not None:
                support = buffer.sample_run(int(buffer.filled.min()), generator)
                rule = DQN(network, trainable_copy(adapt(support), learners), dqn)
            for _ in range(config.burst):
                rule.update(buffer.sample(dqn.batch_size, generator))
        if step in points:
            measure = torch.Generator().manual_seed(config.evaluation_seed)
            greedy = {name: value.detach() for name, value in rule.parameters.items()}
            returns.append(mean_returns(family, tasks, network, greedy, config.episodes, measure))
            episodes.append(torch.tensor([float(len(finished)) for finished in sampler.episode_returns]))
        if step == dqn.steps:
            break
        after = step - dqn.learning_starts
        epsilon = 1.0 if after < 0 else epsilon_at(after, dqn)
        collect(sampler, buffer, 1, network, rule.parameters, epsilon, generator)
        if after >= 0:
            rule.update(buffer.sample(dqn.batch_size, generator))
    return torch.stack(returns, 1), torch.stack(episodes, 1)


def support_adaptation(method: QMAML, meta: Parameters) -> Callable[[Transitions], Parameters]:
    """The K inner steps of a meta-trained `QMAML` as the `adapt` of `learn_new_tasks`."""

    def adapt(support: Transitions) -> Parameters:
        adapted = method.adapt(meta, [support] * method.inner_steps)
        return {name: value.detach() for name, value in adapted.items()}

    return adapt


def first_reached(returns, level, checkpoints: Sequence[int], limit: float) -> np.ndarray:
    """The first checkpoint at which the return is at least `level`, here and at the next checkpoint, `[...]`.

    Args:
        returns: `[..., checkpoint]`.
        level: a number, or one that broadcasts against `[...]`.
        checkpoints: increasing.
        limit: what is given where the level is not reached; means over tasks then are too small, never too large.
    """
    above = np.asarray(returns) >= np.asarray(level)[..., None]
    above[..., :-1] &= above[..., 1:]
    first = np.asarray(checkpoints, dtype=float)[above.argmax(-1)]
    return np.where(above.any(-1), first, limit)


def with_rate(config: NewTaskConfig, lr: float, burst: int) -> NewTaskConfig:
    """`config` with another step size of Adam and another burst."""
    return dataclasses.replace(config, dqn=dataclasses.replace(config.dqn, lr=lr), burst=burst)
