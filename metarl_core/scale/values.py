"""Meta-training of value functions by several processes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import torch

from metarl_core.agents.dqn import polyak_update
from metarl_core.agents.dqn_training import collect, exploration_at
from metarl_core.arguments import check_count, check_generator, check_type, in_words
from metarl_core.meta.learned_rates import RATE
from metarl_core.meta.values import QMAML, TrainConfig
from metarl_core.meta.values.replayed import OUTER_LR, ReplayedLearning, training_tasks
from metarl_core.meta.values.runs import check_meta, runs_of
from metarl_core.parameters import (
    Parameters,
    clip_grad_norm,
    copy_parameters,
    detach_parameters,
    trainable_parameters,
)
from metarl_core.scale.blocks import LOSS, Blocks, summed
from metarl_core.scale.ranks import Ranks
from metarl_core.tasks.family import Tasks, select_tasks
from metarl_core.training import Callback, History, adam, set_lr, training_loop


def train_values(
    method: QMAML,
    meta: Parameters,
    config: TrainConfig,
    generator: torch.Generator,
    ranks: Ranks,
    *,
    block: int = 1,
    tasks: Tasks | None = None,
    seed: int = 0,
    description: str | None = "meta-training",
    callback: Callback | None = None,
) -> tuple[Parameters, History]:
    """`values.train` of a `QMAML` by several processes, which give the same numbers as one, up to rounding.

    The training tasks are cut into blocks of `block` tasks (of each run). A block stays with its process, and has
    environments, replay buffers and a generator of its own; only gradients travel, one message for each outer step.
    There is no checkpoint: buffers stay where they are. The numbers are others than those of `values.train`, and other
    block sizes give other numbers.

    Args:
        method: the same in every process, like `meta`, `config`, `tasks` and the seeds.
        meta: meta-parameters to begin with, `[run, ...]`; not changed.
        generator: of the tasks, and of the seeds of blocks.
        ranks: see `join`.
        block: tasks of each run that are computed at once.
        tasks: training tasks `[run · task, ...]`, those of the first run first; drawn by `generator` unless given.
        seed: of the environments.
        description: name on the progress bar; None for no bar.
        callback: as in `values.train`; its data are None.

    Returns:
        Meta-parameters and history as of `values.train`, of all tasks, the same in every process.

    Raises:
        ValueError: for what does not fit the method, or fewer blocks than processes.
        RankLostError: where another process has ended.
    """
    check_type("method", method, QMAML)
    check_type("config", config, TrainConfig)
    check_generator(generator)
    check_count("seed", seed, 0)
    blocks = Blocks(ranks, config.meta_batch, block)
    with contextlib.ExitStack() as opened:
        learning = _SharedLearning(method, meta, config, tasks, generator, seed, blocks, opened)
        history = training_loop(
            learning.iterate,
            config.iterations,
            learning.parameters,
            description=description,
            shown="return",
            callback=callback,
            settings=f"{in_words(method)}, {in_words(config)}, seed {seed}, blocks of {block}",
        )
    return copy_parameters(learning.parameters), history


class _Block(ReplayedLearning):
    """Some of the training tasks, with their environments, buffers and generator."""

    def __len__(self) -> int:
        return self.config.meta_batch

    def play(self, iteration: int, parameters: Parameters, target: Parameters, iterations: int) -> None:
        """Collect random behaviour, and that of the adapted network."""
        self.parameters, self.target = parameters, target
        self._explore(self.config.collect)
        self.adapted = detach_parameters(self.method.adapt(parameters, self._support()))
        epsilon = exploration_at(self.config.exploration, iteration, iterations)
        network = self.method.network
        collect(self.sampler, self.buffer, self.config.collect, network, self.adapted, epsilon, self.generator)

    def gradient(self) -> Parameters:
        """Gradients of the loss, and the loss `[run]`: means over the tasks of the block."""
        self.query = self.buffer.sample(self.config.batch_size, self.generator)
        loss = self._per_run(self.method.outer_loss(self.parameters, self.target, self._support(), self.query))
        found = torch.autograd.grad(loss.sum(), list(self.parameters.values()), materialize_grads=True)
        return dict(zip(self.parameters, found, strict=True)) | {LOSS: loss.detach()}

    def seen(self) -> Parameters:
        """Sums over the tasks of the block, `[run]`."""
        returns = self.sampler.recent_return(5).reshape(-1, self.config.meta_batch)
        steps = self.random_sampler.steps_taken + self.sampler.steps_taken
        sums = {
            "returns": returns.nansum(1),
            "finished": (~returns.isnan()).sum(1),
            "mean_q": self._mean_q(self.adapted, self.query) * self.config.meta_batch,
            "env_steps": torch.tensor([steps], device=returns.device),
        }
        return {name: value.double() for name, value in sums.items()}


class _SharedLearning:
    def __init__(
        self,
        method: QMAML,
        meta: Parameters,
        config: TrainConfig,
        tasks: Tasks | None,
        generator: torch.Generator,
        seed: int,
        blocks: Blocks,
        opened: contextlib.ExitStack,
    ):
        check_meta(method.network, meta, ("", RATE) if method.learned_rates else ("",))
        runs = runs_of(meta)
        tasks = training_tasks(method.family, tasks, runs * config.meta_batch, generator)
        generators = blocks.generators(generator)
        self.config, self.blocks = config, blocks
        self.parameters, self.target = trainable_parameters(meta), copy_parameters(meta)
        self.lr = OUTER_LR if config.outer_lr is None else config.outer_lr
        self.optimiser = adam(list(self.parameters.values()), lr=self.lr)
        self.own: list[_Block] = []
        for number, where in blocks.own():
            each = torch.arange(runs * config.meta_batch, device="cpu").reshape(runs, -1)[:, where]
            own, part = select_tasks(tasks, each.flatten()), replace(config, meta_batch=each.shape[1])
            self.own.append(_Block(method, meta, part, own, generators[number], seed + 2 * number))
            opened.callback(self.own[-1].close)

    def iterate(self, iteration: int) -> tuple[dict[str, Any], None]:
        config = self.config
        if config.anneal:
            set_lr(self.optimiser, self.lr * (1 - iteration / config.iterations))
        for one in self.own:
            one.play(iteration, self.parameters, self.target, config.iterations)
        losses, norms = [], []
        for _ in range(config.updates):
            gradients = self.blocks.mean(self.own, _Block.gradient)
            losses.append(gradients.pop(LOSS))
            for name, value in self.parameters.items():
                value.grad = gradients[name]
            norms.append(clip_grad_norm(self.parameters, config.max_grad_norm))
            self.optimiser.step()
            polyak_update(self.target, self.parameters, config.tau)
        each = [one.seen() for one in self.own]
        seen = summed(self.blocks.ranks, {n: torch.stack([one[n] for one in each]).sum(0) for n in each[0]})
        return {
            "loss": torch.stack(losses).mean(0).tolist(),
            "return": (seen["returns"] / seen["finished"]).tolist(),
            "env_steps": round(float(seen["env_steps"])),
            "grad_norm": torch.stack(norms).mean(0).tolist(),
            "mean_q": (seen["mean_q"] / config.meta_batch).tolist(),
        }, None
