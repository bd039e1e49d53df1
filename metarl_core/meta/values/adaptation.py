"""Learn new tasks by DQN from a given initialisation, and count what it takes to reach a level."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.agents.dqn import DQN, DQNConfig, check_exploration
from metarl_core.agents.dqn_training import collect, exploration_at
from metarl_core.agents.draws import draw_integers, draw_uniform
from metarl_core.agents.evaluate import mean_returns
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.arguments import (
    check_between,
    check_count,
    check_generator,
    check_methods,
    check_positive,
    check_step_size,
    check_whole,
)
from metarl_core.meta.values.config import Method
from metarl_core.meta.values.runs import check_meta, repeat_for_tasks, task_sampler, tasks_per_run
from metarl_core.parameters import Parameters, detach_parameters, trainable_copy
from metarl_core.tasks.family import TaskFamily, Tasks


@dataclass(frozen=True, kw_only=True)
class NewTaskConfig:
    """How a new task is learned, the same for every initialisation: random steps, then DQN, one update a step."""

    steps: int = 1_600
    """environment steps"""
    learning_starts: int = 50
    """of them uniformly random, before learning: their transitions are the support set"""
    burst: int = 0
    """gradient steps of DQN taken at once after the random steps"""
    lr: float = 1e-3
    """of Adam, constant; 0: the network stays as it is"""
    batch_size: int = 64
    buffer_size: int = 50_000
    """of the replay buffer"""
    tau: float = 0.01
    """of the target network (see `DQNConfig`)"""
    target_update_interval: int = 100
    """gradient steps between copies into the target network; used where `tau` is 1"""
    exploration: tuple[float, float, float] = (1.0, 0.02, 0.1)
    """ε after the random steps: first, last, and the share of `steps` over which it falls linearly"""
    max_grad_norm: float = 10.0
    checkpoints: tuple[int, ...] = (0, 50, 100, 200, 400, 800, 1600)
    """environment steps after which the greedy policy is measured; 0: the initialisation; at the end of the
    random steps: after adaptation and burst"""
    episodes: int = 10
    """per task and measurement"""
    evaluation_seed: int = 1000
    """of the measurements' episodes, the same at every checkpoint"""

    def __post_init__(self) -> None:
        check_whole(self, "steps", "batch_size", "buffer_size", "target_update_interval", "episodes")
        check_whole(self, "learning_starts", "burst", "evaluation_seed", least=0)
        check_step_size("lr", self.lr, zero=True)
        check_positive("max_grad_norm", self.max_grad_norm)
        check_between("tau", self.tau)
        check_exploration(self.exploration)
        points = list(self.checkpoints) if isinstance(self.checkpoints, Sequence) else []
        if not all(isinstance(point, Integral) and 0 <= point <= self.steps for point in points):
            points = []
        if not points or points != sorted(set(points)):
            raise ValueError(f"checkpoints must be increasing numbers from 0 to {self.steps}, got {self.checkpoints}.")


class AdaptationCurve(NamedTuple):
    """What greedy policies earn along the way in new tasks, at each of `checkpoints`."""

    returns: Tensor
    """mean undiscounted return per episode, `[run · task, checkpoint]`"""
    episodes: Tensor
    """finished training episodes, `[run · task, checkpoint]`"""


@torch.enable_grad()
def adaptation_curve(
    method: Method,
    meta: Parameters,
    tasks: Tasks,
    config: NewTaskConfig,
    generator: torch.Generator,
    *,
    seed: int = 0,
    description: str | None = "new tasks",
) -> AdaptationCurve:
    """What a method's greedy policy earns along the way in new tasks: random steps, adaptation, then DQN.

    Family, network, discount, loss and inner steps are those of the method.

    Args:
        method: `QMAML`, `QReptile`, or `PlainDQN` as the baseline.
        meta: meta-parameters `[run, ...]`.
        tasks: new tasks `[run · task, ...]`, those of the first run first.
        config: how a task is learned.
        generator: of exploration and minibatches.
        seed: of the environments.
        description: name on the progress bar; None for no bar.

    Raises:
        ValueError: where the runs cannot share the tasks equally, or a settings object of another kind is given.
    """
    _check_config(config)
    check_methods("method", method, "family", "network", "start", "adapt_to_support", "inner_steps")
    check_generator(generator)
    check_count("seed", seed, 0)
    if method.inner_steps and config.learning_starts == 0:
        raise ValueError("learning_starts must be at least 1 for a method that adapts to those transitions, got 0.")
    family, network, start = method.family, method.network, method.start(meta)
    check_meta(network, start)
    learners = family.check_tasks(tasks)
    start = repeat_for_tasks(start, tasks_per_run(start, learners))
    sampler, buffer = task_sampler(family, tasks, seed), ReplayBuffer(config.buffer_size, learners)
    rule = _dqn(method, start, learners, config)
    returns, episodes = [], []
    try:
        for step in tqdm(range(config.steps + 1), desc=description, disable=description is None):
            if step == config.learning_starts:
                if method.inner_steps:
                    support = buffer.sample_run(int(buffer.filled.min()), generator)
                    rule = _dqn(method, method.adapt_to_support(meta, support), learners, config)
                for _ in range(config.burst):
                    rule.update(buffer.sample(config.batch_size, generator))
            if step in config.checkpoints:
                measure = torch.Generator(generator.device).manual_seed(config.evaluation_seed)
                greedy = detach_parameters(rule.parameters)
                returns.append(mean_returns(family, tasks, network, greedy, config.episodes, measure))
                finished = [float(len(each)) for each in sampler.episode_returns]
                episodes.append(torch.tensor(finished, device=returns[-1].device))
            if step == config.steps:
                break
            after = step - config.learning_starts
            epsilon = 1.0 if after < 0 else exploration_at(config.exploration, after, config.steps)
            collect(sampler, buffer, 1, network, rule.parameters, epsilon, generator)
            if after >= 0:
                rule.update(buffer.sample(config.batch_size, generator))
    finally:
        sampler.envs.close()
    return AdaptationCurve(torch.stack(returns, 1), torch.stack(episodes, 1))


def random_transitions(family: TaskFamily, tasks: Tasks, steps: int, seed: int = 0) -> Transitions:
    """What `steps` uniformly random environment steps leave behind, in the order in which it came, `[task, sample]`.

    Steps that only reset an environment leave nothing, so that there are a few samples less than steps.

    Args:
        family: with `Discrete` actions.
        tasks: `[task, ...]`.
        steps: at least 1.
        seed: of the environments and of the actions.
    """
    check_count("steps", steps)
    if not isinstance(family.action_space, gymnasium.spaces.Discrete):
        raise ValueError(f"family must have Discrete actions, got {family.action_space}.")
    learners, generator = family.check_tasks(tasks), torch.Generator().manual_seed(seed)
    actions = int(family.action_space.n)
    sampler, buffer = task_sampler(family, tasks, seed), ReplayBuffer(steps, learners)
    try:
        for _ in range(steps):
            observation, action = sampler.observation, draw_integers(actions, sampler.batch, generator)
            draw_uniform(sampler.batch, generator)  # `collect` with ε = 1 draws it, too: the same seed, the same steps
            following, reward, terminated, _, mask = sampler.step(action)
            buffer.add(Transitions(observation, action, reward, following, terminated), mask)
    finally:
        sampler.envs.close()
    return buffer.sample_run(int(buffer.filled.min()), generator)


@torch.enable_grad()
def fine_tune(
    method: Method,
    start: Parameters,
    batch: Transitions,
    config: NewTaskConfig,
    generator: torch.Generator,
) -> Parameters:
    """The burst of a new task alone: `config.burst` updates of DQN on minibatches of given transitions.

    Args:
        method: its network, discount and loss count.
        start: parameters `[task, ...]`; not changed.
        batch: transitions `[task, sample, ...]`.
        config: its `burst`, `batch_size`, `lr` and what it says of the target network count.
        generator: of the minibatches.

    Returns:
        Parameters `[task, ...]`, constants.
    """
    _check_config(config)
    check_generator(generator)
    learners, size = batch.rewards.shape
    rule, device = _dqn(method, start, learners, config), batch.rewards.device
    for _ in range(config.burst):
        index = torch.randint(size, (learners, config.batch_size), generator=generator, device=generator.device)
        rows = torch.arange(learners, device=device)[:, None]
        rule.update(Transitions(*(value[rows, index.to(device)] for value in batch)))
    return detach_parameters(rule.parameters)


def first_reached(
    returns: ArrayLike, level: ArrayLike, checkpoints: Sequence[int], limit: float
) -> NDArray[np.float64]:
    """The first checkpoint at which the return is at least `level`, here and at the next checkpoint, `[...]`.

    Args:
        returns: `[..., checkpoint]`.
        level: a number, or one that broadcasts against `[...]`.
        checkpoints: increasing.
        limit: what is given where the level is not reached; means over tasks then are too small, never too large.
    """
    values, points = np.asarray(returns), np.asarray(checkpoints, dtype=float)
    if values.shape[-1:] != points.shape:
        raise ValueError(f"returns must have shape [..., {len(points)}], as the checkpoints, got {list(values.shape)}.")
    above = values >= np.asarray(level)[..., None]
    above[..., :-1] &= above[..., 1:]
    first = points[above.argmax(-1)]
    return np.where(above.any(-1), first, limit)


def _dqn(method: Method, start: Parameters, tasks: int, config: NewTaskConfig) -> DQN:
    """DQN from parameters `[task, ...]` on, with what the method knows and what the settings of a new task say."""
    dqn = DQNConfig(
        lr=config.lr,
        tau=config.tau,
        target_update_interval=config.target_update_interval,
        max_grad_norm=config.max_grad_norm,
        discount=method.discount,
        double=method.double,
        huber=method.huber,
    )
    return DQN(method.network, trainable_copy(start, tasks), dqn)


def _check_config(config: Any) -> None:
    if not isinstance(config, NewTaskConfig):
        raise ValueError(f"config must be a values.NewTaskConfig, got {type(config).__name__}.")
