"""Gradient-based meta-training of Q-networks on replayed transitions of a fixed set of training tasks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from metarl_core.agents.dqn import polyak_update
from metarl_core.agents.dqn_training import collect, exploration_at
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.meta.values.config import TrainConfig
from metarl_core.meta.values.runs import repeat_for_tasks, runs_of, task_sampler
from metarl_core.parameters import (
    Parameters,
    clip_grad_norm,
    copy_parameters,
    detach_parameters,
    trainable_parameters,
)
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.training import GeneratorState, LiveParameters, Metrics, Stateful, adam, set_lr

if TYPE_CHECKING:
    from metarl_core.meta.values.maml import QMAML

OUTER_LR = 1e-3


class ReplayedLearning:
    """The meta-training of a `QMAML`.

    Every task has two replay buffers. One holds uniformly random behaviour: a support set is a piece of it, which is
    what a new task offers before anything is known. The other holds ε-greedy behaviour of the adapted network: from it
    come the queries. All runs (seeds) and tasks learn side by side; nothing is shared between runs.
    """

    def __init__(
        self,
        method: QMAML,
        meta: Parameters,
        config: TrainConfig,
        tasks: Tasks | None,
        generator: torch.Generator,
        seed: int,
    ):
        self.method, self.config, self.generator = method, config, generator
        self.tasks = training_tasks(method.family, tasks, runs_of(meta) * config.meta_batch, generator)
        self.parameters, self.target = trainable_parameters(meta), copy_parameters(meta)
        self.lr = OUTER_LR if config.outer_lr is None else config.outer_lr
        self.optimiser = adam(list(self.parameters.values()), lr=self.lr)
        learners = method.family.check_tasks(self.tasks)
        self.random_buffer, self.buffer = (ReplayBuffer(config.buffer_size, learners) for _ in range(2))
        with contextlib.ExitStack() as opened:
            self.random_sampler = task_sampler(method.family, self.tasks, seed)
            opened.callback(self.random_sampler.envs.close)
            self.sampler = task_sampler(method.family, self.tasks, seed + 1)
            opened.callback(self.sampler.envs.close)
            # Steps that only reset an environment leave no transition: twice as many as needed are surely enough.
            self._explore(2 * config.support)
            self._opened = opened.pop_all()

    @property
    def state(self) -> dict[str, Stateful]:
        """All that iterations change besides the meta-parameters, and the tasks, to refuse others."""
        return {
            "tasks": _SameTasks(self.tasks),
            "target": LiveParameters(self.target),
            "optimiser": self.optimiser,
            "random sampler": self.random_sampler,
            "sampler": self.sampler,
            "random buffer": self.random_buffer,
            "buffer": self.buffer,
            "generator": GeneratorState(self.generator),
        }

    @property
    def resumable(self) -> bool:
        """Whether the environments' state can be saved."""
        return self.sampler.resumable

    def iterate(self, iteration: int) -> tuple[Metrics, Transitions]:
        """Collect, then take `config.updates` outer steps; the data are the last query transitions."""
        config, method = self.config, self.method
        if config.anneal:
            set_lr(self.optimiser, self.lr * (1 - iteration / config.iterations))
        self._explore(config.collect)
        adapted = detach_parameters(method.adapt(self.parameters, self._support()))
        epsilon = exploration_at(config.exploration, iteration, config.iterations)
        collect(self.sampler, self.buffer, config.collect, method.network, adapted, epsilon, self.generator)
        losses, norms = [], []
        for _ in range(config.updates):
            query = self.buffer.sample(config.batch_size, self.generator)
            loss = self._per_run(method.outer_loss(self.parameters, self.target, self._support(), query))
            self.optimiser.zero_grad()
            torch.autograd.backward(loss.sum())
            norms.append(clip_grad_norm(self.parameters, config.max_grad_norm))
            self.optimiser.step()
            polyak_update(self.target, self.parameters, config.tau)
            losses.append(loss.detach())
        return {
            "loss": torch.stack(losses).mean(0).tolist(),
            "return": self.sampler.recent_return(5).reshape(-1, config.meta_batch).nanmean(1).tolist(),
            "env_steps": self.random_sampler.steps_taken + self.sampler.steps_taken,
            "grad_norm": torch.stack(norms).mean(0).tolist(),
            "mean_q": self._mean_q(adapted, query).tolist(),
        }, query

    def close(self) -> None:
        """Give the environments back."""
        self._opened.close()

    def _explore(self, steps: int) -> None:
        """Uniformly random behaviour: ε is 1, whatever the parameters."""
        start = repeat_for_tasks(self.method.start(self.target), self.config.meta_batch)
        network = self.method.network
        collect(self.random_sampler, self.random_buffer, steps, network, start, 1.0, self.generator)

    def _support(self) -> list[Transitions]:
        return [self.random_buffer.sample_run(self.config.support, self.generator)] * self.method.inner_steps

    def _per_run(self, values: Tensor) -> Tensor:
        """Means over tasks, `[run]`, of values `[run · task]`."""
        return values.reshape(-1, self.config.meta_batch).mean(1)

    @torch.no_grad()
    def _mean_q(self, adapted: Parameters, query: Transitions) -> Tensor:
        """Mean Q(s, a) on query transitions, `[run]`, of the network that collected last."""
        values = self.method.network(adapted, query.observations).gather(-1, query.actions[..., None])
        return self._per_run(values.mean((1, 2)))


def training_tasks(family: TaskFamily, tasks: Tasks | None, number: int, generator: torch.Generator) -> Tasks:
    """The given tasks, or new ones.

    Raises:
        ValueError: for another number of tasks.
    """
    if tasks is None:
        return family.sample_tasks(number, generator)
    given = family.check_tasks(tasks)
    if given != number:
        raise ValueError(f"tasks must be meta_batch tasks for each run, {number} in all, got {given}.")
    return tasks


class _SameTasks:
    """The training tasks as a `Stateful` that refuses the checkpoint of a training on others."""

    def __init__(self, tasks: Tasks):
        self.tasks = tasks

    def state_dict(self) -> dict[str, Any]:
        return {name: value.clone() for name, value in self.tasks.items()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        for name, value in self.tasks.items():
            if not torch.equal(state_dict[name].to(value.device), value):
                raise ValueError(
                    f"the checkpoint must be of a training on the same tasks, got others, which differ in {name!r}."
                )
