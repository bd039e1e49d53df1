"""The outer loop of meta-RL: collect, adapt, measure on new trajectories, move."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metarl_core.arguments import check_flags, check_generator, check_whole, in_words
from metarl_core.meta.policies.batch import MetaBatch
from metarl_core.meta.policies.maml import PolicyMAML
from metarl_core.meta.policies.outer_ppo import OuterPPO
from metarl_core.meta.policies.outer_rules import OuterRule
from metarl_core.parameters import Parameters, copy_parameters, trainable_parameters
from metarl_core.training import Callback, Counter, GeneratorState, History, training_loop


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `train`."""

    iterations: int = 200
    meta_batch: int = 20
    """tasks per iteration"""
    anneal: bool = True
    """let the outer step size fall linearly to zero over the iterations (of TRPO, δ stays)"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch")
        check_flags(self)


PPO = OuterPPO()


def train(
    method: PolicyMAML,
    meta: Parameters,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    rule: OuterRule = PPO,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Alternate `method.collect` on new training tasks and the update of the outer rule.

    Args:
        method: what is meta-learned, with its family, policy, step sizes and number of inner steps.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        generator: source of tasks, trajectories and minibatches.
        rule: `OuterAdam`, `OuterPPO`, `OuterTRPO`, `OuterReptile`, or another `OuterRule`.
        description: name on the progress bar; None for no bar.
        callback: called after each iteration (see `metarl_core.training.Callback`); its data are the `MetaBatch`.
        checkpoint: a file to save to and to resume from (see `training_loop`).

    Returns:
        Meta-trained parameters and history, with an entry per iteration: `return` and `return_before` (mean return
        after and before adaptation, on the training tasks of the iteration), `env_steps` (of all tasks so far) and the
        rule's diagnostics. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for meta-parameters that do not fit the method, a rule that does not fit it, or a checkpoint that
            is another training's.
        NotANumberError: where the parameters diverge (also a FloatingPointError).
    """
    if not isinstance(config, TrainConfig):
        raise ValueError(f"config must be a policies.TrainConfig, got {type(config).__name__}.")
    if not isinstance(method, PolicyMAML):
        raise ValueError(f"method must be a PolicyMAML, got {type(method).__name__}.")
    if not callable(getattr(rule, "begin", None)):
        raise ValueError(f"rule must be an outer rule such as OuterPPO(), got {rule!r}.")
    method.check_meta(meta)
    check_generator(generator)
    learned = trainable_parameters(meta)
    updater = rule.begin(method, learned, config.iterations if config.anneal else None)
    env_steps = Counter()

    def iterate(iteration: int) -> tuple[dict[str, Any], MetaBatch]:
        tasks = method.family.sample_tasks(config.meta_batch, generator)
        batch = method.collect(learned, tasks, generator)
        diagnostics = updater.update(batch, generator)
        env_steps.total += batch.steps
        metrics = {
            "return": float(batch.query.trajectories.returns.mean()),
            "return_before": float(batch.support[0].trajectories.returns.mean()),
            "env_steps": env_steps.total,
            **diagnostics,
        }
        return metrics, batch

    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="return",
        callback=callback,
        checkpoint=checkpoint,
        state={"updater": updater, "generator": GeneratorState(generator), "env_steps": env_steps},
        settings=f"{in_words(method)}, {in_words(rule)}, {in_words(config)}",
    )
    return copy_parameters(learned), history
