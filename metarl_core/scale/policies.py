"""Meta-training of policies by several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from metarl_core.agents.natural_gradient import combine, conjugate_gradient, dot
from metarl_core.agents.trpo import backtrack, trust_region_step
from metarl_core.arguments import check_generator, check_type, in_words
from metarl_core.meta.policies import (
    MetaBatch,
    OuterAdam,
    OuterPPO,
    OuterReptile,
    OuterTRPO,
    PolicyMAML,
    TrainConfig,
    kl_product,
    meta_gradient,
    surrogate_and_kl,
)
from metarl_core.meta.policies.outer_rules import OptimiserUpdater, OuterRule, norm_of
from metarl_core.parameters import Parameters, copy_parameters, select_parameters, trainable_parameters
from metarl_core.scale.blocks import Blocks
from metarl_core.scale.ranks import Ranks
from metarl_core.tasks.family import select_tasks
from metarl_core.training import Callback, Counter, GeneratorState, History, Metrics, training_loop

ADAM = OuterAdam()


class SharedUpdater(Protocol):
    """What moves the meta-parameters of one training, in every process alike; a `Stateful`."""

    def update(self, batches: Iterable[MetaBatch]) -> Metrics:
        """Move the meta-parameters in place, from this process's blocks."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


def train_policies(
    method: PolicyMAML,
    meta: Parameters,
    config: TrainConfig,
    generator: torch.Generator,
    ranks: Ranks,
    *,
    rule: OuterRule = ADAM,
    block: int = 1,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """`policies.train` by several processes, which give the same numbers as one, up to the rounding of sums.

    The meta-batch is cut into blocks of `block` tasks. A block collects with a generator of its own, and advantages
    are normalised task by task, so that nothing depends on who computes it; with `sampling_term` the outcome of a task
    is compared with the others of its block. The numbers are others than those of `policies.train`, which draws from
    one generator for all, and other block sizes give other numbers.

    Args:
        method: what is meta-learned; the same in every process, like `meta`, `config` and the generator's seed.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        generator: of tasks, and of the seeds of blocks.
        ranks: see `join`.
        rule: `OuterAdam`, `OuterPPO` without minibatches, `OuterTRPO` or `OuterReptile`. Adam and Reptile hold one
            block in memory at a time, PPO and TRPO all blocks of the process.
        block: tasks that are computed at once.
        description: name on the progress bar; None for no bar.
        callback: as in `policies.train`; its data are None, since no process has them all.
        checkpoint: `ranks.checkpoint(path)`: it goes on with any number of processes.

    Returns:
        Meta-parameters and history as of `policies.train`, of all tasks, the same in every process.

    Raises:
        ValueError: for what does not fit the method, fewer blocks than processes, minibatches, or another rule.
        RankLostError: where another process has ended.
    """
    check_type("method", method, PolicyMAML)
    check_type("config", config, TrainConfig)
    check_generator(generator)
    method.check_meta(meta)
    blocks = Blocks(ranks, config.meta_batch, block)
    learned = trainable_parameters(meta)
    updater = _updater(rule, method, learned, config.iterations if config.anneal else None, blocks)
    env_steps = Counter()

    def iterate(iteration: int) -> tuple[dict[str, Any], None]:
        tasks = method.family.sample_tasks(config.meta_batch, generator)
        generators, seen = blocks.generators(generator), torch.zeros(3, dtype=torch.float64, device="cpu")

        def collected() -> Iterator[MetaBatch]:
            for number, where in blocks.own():
                batch = method.collect(learned, select_tasks(tasks, where), generators[number])
                share = len(batch) / config.meta_batch
                for place, stage in enumerate((batch.query, batch.support[0])):
                    seen[place] += float(stage.trajectories.returns.mean()) * share
                seen[2] += batch.steps
                yield batch

        diagnostics = updater.update(collected())
        after, before, steps = ranks.total(seen.to(ranks.device)).tolist()
        env_steps.total += round(steps)
        return {"return": after, "return_before": before, "env_steps": env_steps.total, **diagnostics}, None

    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="return",
        callback=callback,
        checkpoint=checkpoint,
        state={"updater": updater, "generator": GeneratorState(generator), "env_steps": env_steps},
        settings=f"{in_words(method)}, {in_words(rule)}, {in_words(config)}, blocks of {block}",
    )
    return copy_parameters(learned), history


def _updater(
    rule: OuterRule, method: PolicyMAML, meta: Parameters, anneal_over: int | None, blocks: Blocks
) -> SharedUpdater:
    if type(rule) not in (OuterAdam, OuterPPO, OuterReptile, OuterTRPO):
        raise ValueError(f"rule must be OuterAdam, OuterPPO, OuterReptile or OuterTRPO, got {type(rule).__name__}.")
    rule.begin(method, meta, anneal_over)  # refuses what does not fit the method
    if isinstance(rule, OuterTRPO):
        return _TRPO(rule, method, meta, blocks)
    if isinstance(rule, OuterPPO) and rule.minibatch is not None:
        raise ValueError(
            f"minibatch must be None with ranks: tasks in random order would leave ranks idle, got {rule.minibatch}."
        )
    kinds: dict[type, Any] = {OuterAdam: _Adam, OuterPPO: _PPO, OuterReptile: _Reptile}
    updater: SharedUpdater = kinds[type(rule)](rule, method, meta, anneal_over, blocks)
    return updater


class _Shared(OptimiserUpdater):
    def __init__(self, rule: Any, method: PolicyMAML, meta: Parameters, anneal_over: int | None, blocks: Blocks):
        super().__init__(meta, rule.optimiser, rule.outer_lr, anneal_over)
        self.rule, self.method, self.blocks = rule, method, blocks


class _Adam(_Shared):
    def update(self, batches: Iterable[MetaBatch]) -> Metrics:
        gradients = self.blocks.mean(batches, lambda batch: _gradient_and_loss(self.method, self.meta, batch))
        loss = gradients.pop("loss")
        self.step(gradients)
        self.finish()
        return {"loss": float(loss), "grad_norm": norm_of(gradients)}


class _Reptile(_Shared):
    def update(self, batches: Iterable[MetaBatch]) -> Metrics:
        adapted = self.blocks.mean(batches, lambda b: {n: v.mean(0) for n, v in b.query.parameters.items()})
        gradients = {name: value.detach() - adapted[name] for name, value in self.meta.items()}
        self.step(gradients)
        self.finish()
        return {"grad_norm": norm_of(gradients)}


class _PPO(_Shared):
    def update(self, batches: Iterable[MetaBatch]) -> Metrics:
        kept, each = list(batches), []
        for _ in range(self.rule.epochs):
            gradients = self.blocks.mean(kept, self._of_block)
            seen = [gradients.pop(name) for name in ("loss", "approx_kl", "clip_fraction")]
            self.step(gradients)
            each.append([*map(float, seen), norm_of(gradients)])
        self.finish()
        means = torch.tensor(each, dtype=torch.float64, device="cpu").mean(0).tolist()
        return dict(zip(("loss", "approx_kl", "clip_fraction", "grad_norm"), means, strict=True))

    def _of_block(self, batch: MetaBatch) -> Parameters:
        losses, ratios = self.rule.objective_and_ratios(self.method, self.meta, batch)
        gradients = torch.autograd.grad(losses.mean(), list(self.meta.values()), materialize_grads=True)
        seen = {"loss": losses.mean(), "approx_kl": ratios[0].mean(), "clip_fraction": ratios[1].mean()}
        return dict(zip(self.meta, gradients, strict=True)) | seen


class _TRPO:
    """As `OuterTRPO`; every product of the conjugate gradients is a message, and so is every step tried."""

    def __init__(self, rule: OuterTRPO, method: PolicyMAML, meta: Parameters, blocks: Blocks):
        self.rule, self.method, self.meta, self.blocks = rule, method, meta, blocks

    def update(self, batches: Iterable[MetaBatch]) -> Metrics:
        rule, method, meta, mean, kept = self.rule, self.method, self.meta, self.blocks.mean, list(batches)
        gradients = mean(kept, lambda batch: _gradient_and_loss(method, meta, batch))
        loss = gradients.pop("loss")
        few = [_Product(len(b), kl_product(method, meta, b.first_episodes(rule.hessian_episodes))) for b in kept]

        def damped(vector: Parameters) -> Parameters:
            own = select_parameters(vector, 0)
            return combine(_one_learner(mean(few, lambda one: one.product(own))), rule.cg_damping, vector)

        def gain_and_kl(candidate: Parameters) -> tuple[Tensor, Tensor]:
            own = select_parameters(candidate, 0)
            found = mean(kept, lambda b: dict(zip(("loss", "kl"), surrogate_and_kl(method, own, b), strict=True)))
            return -found["loss"][None], found["kl"][None]

        direction = conjugate_gradient(damped, _one_learner(gradients), rule.cg_iterations)
        uphill = trust_region_step(direction, dot(direction, damped(direction)), rule.max_kl)
        step = {name: -value for name, value in uphill.items()}
        before = -gain_and_kl(_one_learner(meta))[0] if method.sampling_term else loss[None]
        found, divergence, accepted = backtrack(
            gain_and_kl, _one_learner(meta), step, -before, rule.max_kl, rule.backtracks
        )
        with torch.no_grad():
            for name, value in meta.items():
                value.copy_(found[name][0])
        return {
            "loss": float(before),
            "grad_norm": norm_of(gradients),
            "approx_kl": float(divergence),
            "accepted": float(accepted),
        }

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """There is nothing to load."""


class _Product:
    """The map v ↦ H v of one block, which counts as its tasks."""

    def __init__(self, tasks: int, product: Any):
        self.tasks, self.product = tasks, product

    def __len__(self) -> int:
        return self.tasks


def _gradient_and_loss(method: PolicyMAML, meta: Parameters, batch: MetaBatch) -> Parameters:
    gradients, losses = meta_gradient(method, meta, batch)
    return gradients | {"loss": losses.mean()}


def _one_learner(parameters: Parameters) -> Parameters:
    return {name: value.detach()[None] for name, value in parameters.items()}
