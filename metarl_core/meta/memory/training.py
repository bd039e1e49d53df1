"""Meta-training with memory: play trials on new tasks, improve, go on."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from metarl_core.arguments import check_generator, check_type, in_words
from metarl_core.meta.memory.config import TrainConfig
from metarl_core.meta.memory.ppo import MemoryPPO
from metarl_core.meta.memory.rl2 import RL2
from metarl_core.meta.memory.trials import Trials
from metarl_core.parameters import Parameters, copy_parameters, trainable_parameters
from metarl_core.training import Callback, Counter, GeneratorState, History, Stateful, training_loop


def train(
    method: RL2,
    meta: Parameters,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Alternate trials on new training tasks and PPO over whole trials.

    Args:
        method: what is meta-learned, with its family, agent, discount, trials and episodes.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        config: settings.
        generator: source of tasks, trials and minibatches.
        description: name on the progress bar; None for no bar.
        callback: called after each iteration (see `metarl_core.training.Callback`); its data are the `Trials`.
        checkpoint: a file to save to and to resume from (see `training_loop`).

    Returns:
        Meta-trained parameters and history, with an entry per iteration: `return` and `return_before` (mean return of
        a trial's last and of its first episode, on the training tasks of the iteration; with one episode a trial they
        are the same), `env_steps` (of all trials so far) and the diagnostics of `MemoryPPO.update`. An interrupt
        (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for meta-parameters that do not fit the method, or a checkpoint that is another training's.
        NotANumberError: where the parameters diverge (also a FloatingPointError).
    """
    check_train(method, meta, config, generator)
    learned = trainable_parameters(meta)
    return run(method, learned, config, generator, description=description, callback=callback, checkpoint=checkpoint)


def check_train(method: RL2, meta: Parameters, config: TrainConfig, generator: torch.Generator) -> None:
    """Raise ValueError for what no training with memory can begin with."""
    check_type("method", method, RL2)
    check_type("config", config, TrainConfig)
    method.check_meta(meta)
    check_generator(generator)


def run(
    method: RL2,
    learned: Parameters,
    config: TrainConfig,
    generator: torch.Generator,
    learn_more: Callable[[Trials], Mapping[str, float]] | None = None,
    *,
    state: Mapping[str, Stateful] | None = None,
    settings: str = "",
    description: str | None,
    callback: Callback | None,
    checkpoint: str | Path | None,
) -> tuple[Parameters, History]:
    """The loop of `train`, on parameters that are changed in place.

    Args:
        learn_more: what else learns from the trials of an iteration, after the policy; returns further metrics.
        state: what it changes besides the parameters.
        settings: what it depends on, in words.
    """
    rule = MemoryPPO(method, learned, config)
    env_steps = Counter()

    def iterate(iteration: int) -> tuple[dict[str, Any], Trials]:
        tasks = method.family.sample_tasks(config.meta_batch, generator)
        trials = method.play(learned, tasks, generator)
        returns = trials.returns(method.episodes, expected=True).mean((0, 1))
        env_steps.total += trials.steps
        metrics = {
            "return": float(returns[-1]),
            "return_before": float(returns[0]),
            "env_steps": env_steps.total,
            **rule.update(trials, generator),
            **(learn_more(trials) if learn_more else {}),
        }
        return metrics, trials

    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="return",
        callback=callback,
        checkpoint=checkpoint,
        state={"rule": rule, "generator": GeneratorState(generator), "env_steps": env_steps, **(state or {})},
        settings=", ".join(filter(None, (in_words(method), in_words(config), settings))),
    )
    return copy_parameters(learned), history
