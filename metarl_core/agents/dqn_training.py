"""The whole of DQN: collect ε-greedily, replay, update."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.dqn import DQN, DQNConfig, check_exploration
from metarl_core.agents.draws import Generators, all_generators, draw_integers, draw_uniform
from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.agents.samplers import VectorSampler
from metarl_core.arguments import check_between, check_count, check_methods, check_tensors, check_type, in_words
from metarl_core.parameters import Parameters, copy_parameters, trainable_copy
from metarl_core.training import Callback, GeneratorState, History, linear_schedule, training_loop


def exploration_at(exploration: tuple[float, float, float], step: float, steps: float) -> float:
    """ε after `step` of `steps`, from its first value linearly to its last over a share of them, and then constant."""
    check_exploration(exploration)
    first, last, share = exploration
    return linear_schedule(first, last, share * steps, step)


def epsilon_at(step: int, config: DQNConfig) -> float:
    """Probability of a random action after `step` environment steps."""
    check_type("config", config, DQNConfig)
    return exploration_at(config.exploration, step, config.steps)


@torch.no_grad()
def epsilon_greedy(
    network: QNetwork, parameters: Parameters, observation: Tensor, epsilon: float, generator: Generators
) -> Tensor:
    """ε-greedy actions `[learner, env]`: uniform over all actions with probability `epsilon`, greedy otherwise."""
    check_between("epsilon", epsilon)
    greedy = network.greedy_action(parameters, observation)
    random = draw_integers(network.actions, tuple(greedy.shape), generator)
    return torch.where(draw_uniform(tuple(greedy.shape), generator) < epsilon, random, greedy)


def collect(
    sampler: VectorSampler,
    buffer: ReplayBuffer,
    steps: int,
    network: QNetwork,
    parameters: Parameters,
    epsilon: float,
    generator: Generators,
) -> None:
    """Take `steps` ε-greedy steps in every environment, with ε = `epsilon`, and keep them in the buffer."""
    check_methods("sampler", sampler, "step", "observation", "batch")
    check_type("buffer", buffer, ReplayBuffer)
    check_count("steps", steps)
    for _ in range(steps):
        observation = sampler.observation
        action = epsilon_greedy(network, parameters, observation, epsilon, generator)
        following, reward, terminated, _, mask = sampler.step(action)
        buffer.add(Transitions(observation, action, reward, following, terminated), mask)


def train_dqn(
    network: QNetwork,
    parameters: Parameters,
    sampler: VectorSampler,
    config: DQNConfig,
    generator: Generators,
    *,
    description: str | None = "DQN",
    callback: Callback | None = None,
    report_every: int = 1000,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """Train one DQN per learner, side by side; nothing but the batched arithmetic is shared.

    An iteration is one step of every environment, with the updates that follow it.

    Args:
        network: Q as a function of parameters.
        parameters: where to start, one set per learner, `[learner, ...]` (see `repeat_parameters`); not changed.
        sampler: the environments of all learners, stepped one by one. With `TaskVectorEnv` and as many
            learners as tasks, learner i learns task i.
        config: settings.
        generator: source of exploration and of the minibatches; one for each learner makes what a learner draws
            independent of the others in the batch.
        description: name on the progress bar; None for no bar.
        callback: called at each report (see `metarl_core.training.Callback`); it gets no data.
        report_every: environment steps per learner between reports; the last step is always reported.
        checkpoint: a file to save to and to resume from; only where the environments' state can be saved.

    Returns:
        Trained parameters and history, per report: `return` (mean undiscounted return of each learner's latest
        episodes; NaN before the first episode's end), `env_steps` (of all learners), `epsilon`, and from the newest
        update `loss`, `mean_q` and `grad_norm` (NaN before the first). All but `env_steps` and `epsilon` are lists
        `[learner]`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: where the parameters' leading axis is not the number of learners, or for a checkpoint where the
            environments' state cannot be saved.
    """
    check_methods("sampler", sampler, "step", "batch", "match", "recent_return", "steps_taken")
    check_type("config", config, DQNConfig)
    check_tensors("parameters", parameters)
    generators = all_generators(generator)
    check_count("report_every", report_every)
    learners, num_envs = sampler.batch
    online = trainable_copy(parameters, learners)
    sampler.match(online)
    if checkpoint is not None:
        sampler.state_dict()  # says in words if that cannot be
    rule, buffer = DQN(network, online, config), ReplayBuffer(config.buffer_size, learners)
    before, nothing = sampler.steps_taken, torch.full((learners,), torch.nan, device="cpu")
    newest = {name: nothing for name in ("loss", "mean_q", "grad_norm")}

    iterations = -(-config.steps // num_envs)

    def iterate(iteration: int) -> tuple[dict[str, Any], None] | None:
        step = iteration * num_envs
        epsilon = epsilon_at(step, config)
        collect(sampler, buffer, 1, network, online, epsilon, generator)
        if config.anneal:
            rule.set_lr(config.lr * (1 - step / config.steps))
        step += num_envs
        while rule.updates < (step - config.learning_starts) // config.train_frequency:
            newest.update(rule.update(buffer.sample(config.batch_size, generator)))
        if step // report_every == (step - num_envs) // report_every and iteration + 1 < iterations:
            return None
        metrics = {"return": sampler.recent_return().tolist(), "env_steps": sampler.steps_taken - before}
        return metrics | {"epsilon": epsilon} | {name: value.tolist() for name, value in newest.items()}, None

    history = training_loop(
        iterate,
        iterations,
        online,
        description=description,
        shown="return",
        callback=callback,
        checkpoint=checkpoint,
        state={
            "rule": rule,
            "buffer": buffer,
            "sampler": sampler,
            "generator": GeneratorState(*generators),
        },
        settings=f"{in_words(network)}, {in_words(config)}",
    )
    return copy_parameters(online), history
