"""Meta-training of Q-networks: one loop for every method."""

from pathlib import Path

import torch

from metarl_core.arguments import check_count, check_generator, in_words
from metarl_core.meta.values.config import TrainableMethod, TrainConfig
from metarl_core.parameters import Parameters, copy_parameters
from metarl_core.tasks.family import Tasks
from metarl_core.training import Callback, History, training_loop


def train(
    method: TrainableMethod,
    meta: Parameters,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    tasks: Tasks | None = None,
    seed: int = 0,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Meta-train the initialisation of Q-networks, and with Meta-SGD its step sizes.

    Args:
        method: `QMAML` or `QReptile`, with its family, network, discount and step sizes.
        meta: meta-parameters to begin with, `[run, ...]` (`method.initial(…)`); not changed.
        generator: of tasks, exploration and minibatches.
        tasks: training tasks `[run · task, ...]`, `config.meta_batch` for each run, those of the first run first;
            drawn by `generator` unless given.
        seed: of the environments.
        description: name on the progress bar; None for no bar.
        callback: called after each iteration (see `metarl_core.training.Callback`); its data are the last query
            transitions (`QMAML`), or None.
        checkpoint: a file to save to and to resume from (see `training_loop`). The state of simulators
            (`GymnasiumTasks`) cannot be saved in the middle of an episode, so `QMAML` refuses it for them.

    Returns:
        Meta-trained parameters `[run, ...]` and history, with an entry per iteration: `return` (mean return of each
        task's last 5 episodes, of the adapted policy or in the inner loop), with `QMAML` also `loss` (outer loss),
        `grad_norm` and `mean_q` (mean Q(s, a) of the adapted networks), lists `[run]`; and `env_steps` (of all runs
        and tasks so far). An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for meta-parameters, tasks or settings that do not fit the method, or a checkpoint that is
            another training's or cannot be made.
    """
    if not isinstance(config, TrainConfig):
        raise ValueError(f"config must be a values.TrainConfig, got {type(config).__name__}.")
    if not hasattr(method, "begin"):
        raise ValueError(f"method must be one that is meta-trained, QMAML or QReptile, got {type(method).__name__}.")
    check_generator(generator)
    check_count("seed", seed, 0)
    learning = method.begin(meta, config, tasks, generator, seed)
    try:
        if checkpoint is not None and not learning.resumable:
            raise ValueError(
                f"checkpoint must be None where the environments are simulators whose state cannot be saved, as those "
                f"of {type(method.family).__name__}, got {str(checkpoint)!r}."
            )
        history = training_loop(
            learning.iterate,
            config.iterations,
            learning.parameters,
            description=description,
            shown="return",
            callback=callback,
            checkpoint=checkpoint,
            state=learning.state,
            settings=f"{in_words(method)}, {in_words(config)}, seed {seed}",
        )
    finally:
        learning.close()
    return copy_parameters(learning.parameters), history
