"""Learners with memory or context that are meta-trained side by side, `[seed, ...]`.

The rules are those of `memory.train`, `memory.train_belief` and `memory.train_pearl`, and so are the numbers where
there is one seed. Five in one tensor take about half as long as one after another.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from metarl_core.agents.dqn import polyak_update
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.meta.memory import (
    PEARL,
    RL2,
    BeliefConfig,
    ContextBatch,
    KeptTrials,
    PEARLConfig,
    TrainConfig,
    Trials,
    belief_loss,
    pearl_loss,
    play_trials,
    soft_target,
    trial_advantages,
    whole_trials,
)
from metarl_core.meta.memory.pearl import draw_latent
from metarl_core.networks import GRU
from metarl_core.parameters import (
    Parameters,
    clip_grad_norm,
    copy_parameters,
    detach_parameters,
    stack_parameters,
    trainable_parameters,
)
from metarl_core.training import Counter, History, linear_schedule, make_optimiser, set_lr, training_loop


def played(
    method: RL2 | PEARL, parameters: Parameters, tasks: int, generator: torch.Generator
) -> tuple[Trials, Trials]:
    """Trials of each seed on new tasks: `[seed · task, trial, time, ...]`, and the same `[seed, task · trial, ...]`."""
    seeds = len(next(iter(parameters.values())))
    drawn = method.family.sample_tasks(seeds * tasks, generator)
    wide = {name: value.detach().repeat_interleave(tasks, 0) for name, value in parameters.items()}
    trials = play_trials(method.family, drawn, method.agent, wide, method.trials, method.episodes, generator)
    by_seed = {name: value.unflatten(0, (seeds, tasks)).flatten(1, 2) for name, value in vars(trials).items()}
    return trials, Trials(**by_seed)


def returns_of(method: RL2 | PEARL, trials: Trials) -> dict[str, list[float]]:
    """Mean return of the last and of the first episode of `[seed, trial, ...]`, as in the history of `memory.train`."""
    returns = trials.returns(method.episodes).mean(1)
    return {"return": returns[:, -1].tolist(), "return_before": returns[:, 0].tolist()}


def train_side_by_side(
    method: RL2,
    starts: Sequence[Parameters],
    config: TrainConfig,
    generator: torch.Generator,
    belief: BeliefConfig | None = None,
    description: str | None = None,
) -> tuple[Parameters, History]:
    """PPO over whole trials for several learners; with `belief` their encoders and decoders learn, too.

    The seeds have tasks and luck of their own; minibatches have the same places for all of them.

    Args:
        starts: parameters to begin with, of each seed.

    Returns:
        Parameters `[seed, ...]`, and the history, whose entries are lists `[seed]`.
    """
    learned = trainable_parameters(stack_parameters(starts))
    optimiser = make_optimiser(config.optimiser, learned.values(), config.outer_lr)
    memory = [value for name, value in learned.items() if name.startswith("memory.")]
    own = None if belief is None else make_optimiser(belief.optimiser, memory, belief.belief_lr)
    env_steps, through = Counter(), isinstance(method.agent.memory, GRU)

    def iterate(iteration: int) -> tuple[dict[str, object], Trials]:
        left = linear_schedule(1.0, 0.0, config.iterations, iteration)
        set_lr(optimiser, config.outer_lr * (left if config.anneal else 1.0))
        entropy_coef = config.entropy_coef * (left if config.anneal_entropy else 1.0)
        _, trials = played(method, learned, config.meta_batch, generator)
        with torch.no_grad():
            read = method.agent.read(learned, trials.inputs)
        advantages, targets = _advantages(method, learned, trials, read, config)
        for _ in range(config.epochs):
            for chosen in whole_trials(trials.mask.shape[1], config.minibatches, generator):
                optimiser.zero_grad()
                some = trials.select(chosen)
                # what no gradient of the policy goes into is the same in every epoch
                shown = method.agent.read(learned, some.inputs) if through else read[:, chosen]
                loss = _loss(
                    method, learned, some, shown, advantages[:, chosen], targets[:, chosen], config, entropy_coef
                )
                loss.backward()
                clip_grad_norm(learned, config.max_grad_norm)
                optimiser.step()
        noted = _learn_belief(method, learned, trials, belief, own, generator) if belief and own else {}
        env_steps.total += trials.steps
        return {**returns_of(method, trials), "env_steps": env_steps.total, **noted}, trials

    history = training_loop(iterate, config.iterations, learned, description=description, shown="return")
    return copy_parameters(learned), history


@torch.no_grad()
def _advantages(
    method: RL2, learned: Parameters, trials: Trials, read: Tensor, config: TrainConfig
) -> tuple[Tensor, Tensor]:
    """Advantages, of each seed with mean 0 and variance 1, and targets of the value function, `[seed, trial, time]`."""
    values = torch.zeros_like(trials.rewards)
    if config.value_coef:
        values = config.value_scale * method.agent.value(learned, read)
    found = trial_advantages(trials, values, method.discount, config.gae_lambda)
    count = trials.mask.sum((1, 2), keepdim=True)
    centred = (found - found.sum((1, 2), keepdim=True) / count) * trials.mask
    scale = (centred.square().sum((1, 2), keepdim=True) / count).sqrt()
    return centred / (scale + 1e-8), found + values


def _loss(
    method: RL2,
    learned: Parameters,
    trials: Trials,
    read: Tensor,
    advantages: Tensor,
    targets: Tensor,
    config: TrainConfig,
    entropy_coef: float,
) -> Tensor:
    """The sum over seeds of `memory_ppo_loss`."""
    distribution = method.agent.distribution(learned, read)
    loss = clipped_surrogate_loss(
        distribution.log_prob(trials.actions), trials.log_probabilities, advantages, config.clip
    )
    loss = loss - entropy_coef * distribution.entropy()
    if config.value_coef:
        off = method.agent.value(learned, read) - targets / config.value_scale
        loss = loss + config.value_coef * off.square()
    return ((loss * trials.mask).sum((1, 2)) / trials.mask.sum((1, 2))).sum()


def _learn_belief(
    method: RL2,
    learned: Parameters,
    trials: Trials,
    belief: BeliefConfig,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> dict[str, float]:
    seeds, rows, length = trials.mask.shape
    noted: dict[str, float] = {}
    for _ in range(belief.updates):
        some = trials.select(next(whole_trials(rows, -(-rows // belief.minibatch), generator)))
        contexts = torch.randint(length, (belief.contexts,), generator=generator)
        shape = (seeds, some.mask.shape[1], belief.contexts, method.agent.memory.encoder.latent)
        noise = torch.randn(shape, generator=generator)
        optimiser.zero_grad()
        loss, parts = belief_loss(method.agent, learned, some, contexts, noise, belief.kl_coef)
        (seeds * loss).backward()
        optimiser.step()
        noted = {name: float(value) for name, value in parts.items()}
    return noted


def train_pearl_side_by_side(
    method: PEARL,
    starts: Sequence[Parameters],
    config: PEARLConfig,
    generator: torch.Generator,
    description: str | None = None,
) -> tuple[Parameters, History]:
    """`memory.train_pearl` for several learners; arguments and returns as of `train_side_by_side`."""
    learned = trainable_parameters(stack_parameters(starts))
    target, seeds = copy_parameters(detach_parameters(learned)), len(starts)
    optimiser = make_optimiser(config.optimiser, learned.values(), config.outer_lr)
    kept = KeptTrials(seeds * config.kept * config.meta_batch, method.family.horizon)
    env_steps = Counter()

    def batch(iterations: int) -> ContextBatch:
        """`[seed, task, ...]`; of each iteration the tasks of the first seed are kept before those of the next."""
        own = torch.randint(iterations * config.meta_batch, (seeds, config.minibatch), generator=generator)
        block, place = own // config.meta_batch, own % config.meta_batch
        rows = (block * seeds + torch.arange(seeds)[:, None]) * config.meta_batch + place
        found = kept.batch(rows.flatten(), config.context, config.samples, generator)
        return ContextBatch(*(value.unflatten(0, (seeds, config.minibatch)) for value in found))

    def iterate(iteration: int) -> tuple[dict[str, object], Trials]:
        left = linear_schedule(1.0, 0.0, config.iterations, iteration)
        set_lr(optimiser, config.outer_lr * (left if config.anneal else 1.0))
        trials, by_seed = played(method, learned, config.meta_batch, generator)
        kept.add(trials)
        noted: dict[str, float] = {}
        for _ in range(config.updates):
            some = batch(min(iteration + 1, config.kept))
            noise = torch.randn((seeds, config.minibatch, method.agent.latent), generator=generator)
            with torch.no_grad():
                latent = draw_latent(method.agent, learned, some, noise)
            targets = soft_target(method.agent, target, some, latent, method.discount)
            optimiser.zero_grad()
            loss, parts = pearl_loss(method.agent, learned, some, noise, targets, config.kl_coef)
            (seeds * loss).backward()
            clip_grad_norm(learned, config.max_grad_norm)
            optimiser.step()
            polyak_update(target, learned, config.tau)
            noted = {name: float(value) for name, value in parts.items()}
        env_steps.total += trials.steps
        return {**returns_of(method, by_seed), "env_steps": env_steps.total, **noted}, trials

    history = training_loop(iterate, config.iterations, learned, description=description, shown="return")
    return copy_parameters(learned), history
