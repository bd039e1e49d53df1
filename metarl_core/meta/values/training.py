"""Meta-training of Q-networks: gradient-based on replayed transitions, and Reptile over whole runs of DQN."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tqdm.auto import tqdm

from metarl_core.agents.dqn import DQNConfig, QNetwork, collect, linear_schedule, polyak_update, train_dqn
from metarl_core.agents.replay import ReplayBuffer
from metarl_core.agents.samplers import VectorSampler
from metarl_core.meta.values.maml import QMAML, repeat_for_tasks, tasks_per_run
from metarl_core.parameters import Parameters, clip_grad_norm
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.gymnasium_env import TaskVectorEnv


@dataclass
class QMetaConfig:
    """Settings of `meta_train_q`. A round collects, then takes `updates` outer steps."""

    rounds: int = 100
    support: int = 50
    """successive transitions of random behaviour in a support set"""
    collect: int = 25
    """environment steps per task and round, both of random behaviour and of the adapted policy"""
    updates: int = 20
    batch_size: int = 64
    """query transitions per task and outer step"""
    buffer_size: int = 5_000
    """transitions per task of each replay buffer"""
    outer_lr: float = 1e-3
    """of the outer Adam; falls linearly to zero"""
    tau: float = 0.005
    """of the soft update of the target network's meta-parameters"""
    exploration: tuple[float, float, float] = (1.0, 0.1, 0.3)
    """ε of the adapted policy: first, last, and the share of the rounds over which it falls linearly"""
    max_grad_norm: float = 10.0


def task_sampler(family: TaskFamily, tasks: Tasks, seed: int) -> VectorSampler:
    """One environment for each task, each with a learner of its own."""
    learners = family.check_tasks(tasks)
    return VectorSampler(TaskVectorEnv(family, learners, tasks), learners=learners, seed=seed)


def meta_train_q(
    method: QMAML,
    meta: Parameters,
    family: TaskFamily,
    tasks: Tasks,
    config: QMetaConfig,
    generator: torch.Generator,
    seed: int = 0,
    description: str = "meta-training",
) -> tuple[Parameters, dict[str, list]]:
    """Meta-train the initialisation of Q-networks on replayed transitions of a fixed set of training tasks.

    Every task has two replay buffers. One holds uniformly random behaviour: a support set is a piece of it, which is
    what a new task offers before anything is known. The other holds ε-greedy behaviour of the adapted network: from it
    come the queries. All runs (seeds) and tasks learn side by side; nothing is shared between runs.

    Args:
        meta: meta-parameters to begin with, `[run, ...]` (`method.initial(…)`); not changed.
        tasks: training tasks `[run · task, ...]`, those of the first run first.
        generator: of exploration and minibatches.
        seed: of the environments.

    Returns:
        Meta-trained parameters `[run, ...]` and history, per round: `loss` (outer loss) and `return` (mean return of
        each task's last 5 episodes under the adapted policy), lists `[run]`, and `steps` (environment steps per run
        so far). An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: where the runs cannot share the tasks equally.
    """
    learners = family.check_tasks(tasks)
    per_run = tasks_per_run(meta, learners)
    learned = {name: value.detach().clone().requires_grad_() for name, value in meta.items()}
    target = {name: value.detach().clone() for name, value in meta.items()}
    optimiser = torch.optim.Adam(learned.values(), lr=config.outer_lr, fused=True)
    decay = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=config.rounds)
    random_sampler, sampler = (task_sampler(family, tasks, seed + index) for index in range(2))
    random_buffer, buffer = (ReplayBuffer(config.buffer_size, learners) for _ in range(2))
    network, history = method.network, {"loss": [], "return": [], "steps": []}

    def support():
        return [random_buffer.sample_run(config.support, generator)] * method.inner_steps

    start = repeat_for_tasks(method.start(target), per_run)
    # Steps that only reset an environment leave no transition: twice as many as needed are surely enough.
    collect(random_sampler, random_buffer, 2 * config.support, network, start, 1.0, generator)
    bar = tqdm(range(config.rounds), desc=description)
    try:
        for number in bar:
            collect(random_sampler, random_buffer, config.collect, network, start, 1.0, generator)
            adapted = {name: value.detach() for name, value in method.adapt(learned, support()).items()}
            epsilon = linear_schedule(config.exploration, number, config.rounds)
            collect(sampler, buffer, config.collect, network, adapted, epsilon, generator)
            losses = []
            for _ in range(config.updates):
                query = buffer.sample(config.batch_size, generator)
                loss = method.outer_loss(learned, target, support(), query).reshape(-1, per_run).mean(1)
                optimiser.zero_grad()
                loss.sum().backward()
                clip_grad_norm(learned, config.max_grad_norm)
                optimiser.step()
                polyak_update(target, learned, config.tau)
                losses.append(loss.detach())
            decay.step()
            reached = sampler.recent_return(5).reshape(-1, per_run).nanmean(1)
            history["loss"].append(torch.stack(losses).mean(0).tolist())
            history["return"].append(reached.tolist())
            history["steps"].append((random_sampler.steps_taken + sampler.steps_taken) * per_run // learners)
            bar.set_postfix(loss=f"{float(losses[-1].mean()):.3g}", mean_return=f"{float(reached.mean()):.1f}")
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['loss'])} of {config.rounds} rounds.")
    return {name: value.detach() for name, value in learned.items()}, history


@dataclass
class QReptileConfig:
    """Settings of `reptile_q`."""

    iterations: int = 30
    tasks: int = 20
    """new training tasks per iteration and run"""
    outer_lr: float = 1.0
    """ε of Reptile; falls linearly to zero"""
    inner: DQNConfig = field(default_factory=DQNConfig)
    """of the whole run of DQN that is the inner loop"""


def reptile_q(
    network: QNetwork,
    meta: Parameters,
    family: TaskFamily,
    config: QReptileConfig,
    generator: torch.Generator,
    seed: int = 0,
    description: str = "Reptile",
    callback: Callable[[int, Parameters], None] | None = None,
) -> tuple[Parameters, dict[str, list]]:
    """θ ← θ + ε (mean_T φ_T − θ), φ_T the *online* network after a whole run of DQN on task T, started at θ.

    Every task begins with an empty replay buffer, a target network equal to θ, a new optimiser and ε-greedy
    exploration at its first value.

    Args:
        meta: initial parameters `[run, ...]`; not changed.
        generator: of tasks, exploration and minibatches.
        seed: of the environments.
        callback: called as `callback(iteration, meta)` after each move, `iteration` counting from 1.

    Returns:
        Parameters `[run, ...]` and history, per iteration: `return` (mean return of each task's last 5 episodes in
        the inner loop, a list `[run]`) and `steps` (environment steps per run so far). An interrupt (Ctrl-C)
        returns what was reached.
    """
    runs = len(next(iter(meta.values())))
    meta = {name: value.detach().clone() for name, value in meta.items()}
    history: dict[str, list] = {"return": [], "steps": []}
    steps = 0
    bar = tqdm(range(config.iterations), desc=description)
    try:
        for iteration in bar:
            tasks = family.sample_tasks(runs * config.tasks, generator)
            sampler = task_sampler(family, tasks, seed + iteration)
            start = repeat_for_tasks(meta, config.tasks)
            adapted, _ = train_dqn(network, start, sampler, config.inner, generator, None)
            move = config.outer_lr * (1 - iteration / config.iterations)
            for name, value in meta.items():
                value.lerp_(adapted[name].reshape(runs, config.tasks, *value.shape[1:]).mean(1), move)
            steps += sampler.steps_taken // runs
            reached = sampler.recent_return(5).reshape(runs, -1).nanmean(1)
            history["return"].append(reached.tolist())
            history["steps"].append(steps)
            bar.set_postfix(mean_return=f"{float(reached.mean()):.1f}")
            if callback is not None:
                callback(iteration + 1, meta)
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['steps'])} of {config.iterations} iterations.")
    return meta, history
