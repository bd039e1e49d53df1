"""Meta-training of PEARL: play trials on new tasks, keep them, learn from what is kept."""

from pathlib import Path
from typing import Any

import torch

from metarl_core.agents.dqn import polyak_update
from metarl_core.agents.training import AnnealedOptimiser
from metarl_core.arguments import check_generator, check_type, in_words
from metarl_core.meta.memory.pearl import PEARL, KeptTrials, PEARLConfig, draw_latent, pearl_loss, soft_target
from metarl_core.meta.memory.trials import Trials
from metarl_core.parameters import Parameters, copy_parameters, detach_parameters, trainable_parameters
from metarl_core.training import (
    Callback,
    Counter,
    GeneratorState,
    History,
    LiveParameters,
    make_optimiser,
    training_loop,
)


def train_pearl(
    method: PEARL,
    meta: Parameters,
    config: PEARLConfig,
    generator: torch.Generator,
    *,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Alternate trials on new training tasks, played by posterior sampling, and steps on the trials that are kept.

    Context and transitions of a step come from the same task, out of the last `config.kept` iterations.

    Args:
        method: what is meta-learned.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        config: settings.
        generator: source of tasks, trials and minibatches.
        description, callback, checkpoint: as in `train`; the callback's data are the `Trials` of the iteration.

    Returns:
        Meta-trained parameters and history, with an entry per iteration: `return` and `return_before` (mean return of
        a trial's last and of its first episode), `env_steps`, and means over the steps of the iteration of `loss`,
        `td_error`, `kl` and `grad_norm`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for meta-parameters that do not fit the method, or a checkpoint that is another training's.
        NotANumberError: where the parameters diverge (also a FloatingPointError).
    """
    check_type("method", method, PEARL)
    check_type("config", config, PEARLConfig)
    method.check_meta(meta)
    check_generator(generator)
    learned = trainable_parameters(meta)
    target = copy_parameters(detach_parameters(meta))
    optimiser = make_optimiser(config.optimiser, learned.values(), config.outer_lr)
    schedule = AnnealedOptimiser(optimiser, config.outer_lr, config.iterations if config.anneal else None)
    kept = KeptTrials(config.kept * config.meta_batch, method.family.horizon)
    env_steps = Counter()

    def step() -> dict[str, float]:
        batch = kept.sample(config.minibatch, config.context, config.samples, generator)
        shape = (config.minibatch, method.agent.latent)
        noise = torch.randn(shape, generator=generator, device=generator.device).to(batch.before)
        with torch.no_grad():
            latent = draw_latent(method.agent, learned, batch, noise)
        targets = soft_target(method.agent, target, batch, latent, method.discount)
        optimiser.zero_grad()
        loss, parts = pearl_loss(method.agent, learned, batch, noise, targets, config.kl_coef)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(learned.values()), config.max_grad_norm)
        optimiser.step()
        polyak_update(target, learned, config.tau)
        return {"loss": float(loss.detach()), **{k: float(v) for k, v in parts.items()}, "grad_norm": float(norm)}

    def iterate(iteration: int) -> tuple[dict[str, Any], Trials]:
        tasks = method.family.sample_tasks(config.meta_batch, generator)
        trials = method.play(learned, tasks, generator)
        kept.add(trials)
        noted = [step() for _ in range(config.updates)]
        schedule.next_update()
        env_steps.total += trials.steps
        returns = trials.returns(method.episodes).mean((0, 1))
        metrics = {
            "return": float(returns[-1]),
            "return_before": float(returns[0]),
            "env_steps": env_steps.total,
            **{name: sum(one[name] for one in noted) / len(noted) for name in noted[0]},
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
        state={
            "schedule": schedule,
            "target": LiveParameters(target),
            "kept": kept,
            "generator": GeneratorState(generator),
            "env_steps": env_steps,
        },
        settings=f"{in_words(method)}, {in_words(config)}",
    )
    return copy_parameters(learned), history
