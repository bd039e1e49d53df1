"""In-context learning by supervision: a memory is taught what one who knows the task would do (Lee et al. 2023)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import torch
from torch import Tensor

from metarl_core.agents.policies import UniformPolicy
from metarl_core.agents.training import AnnealedOptimiser
from metarl_core.arguments import (
    check_callable,
    check_flags,
    check_generator,
    check_positive,
    check_same_shape,
    check_step_size,
    check_type,
    check_whole,
    in_words,
)
from metarl_core.meta.memory.agent import MemoryAgent
from metarl_core.meta.memory.trials import Trials, play_trials
from metarl_core.parameters import Parameters, copy_parameters, trainable_parameters
from metarl_core.tasks.family import GivenTasks, TaskFamily, Tasks, expand_tasks
from metarl_core.training import (
    Callback,
    Counter,
    GeneratorState,
    History,
    OptimiserFactory,
    adam,
    check_optimiser,
    make_optimiser,
    training_loop,
)


@dataclass(frozen=True)
class InContext:
    """Predict the action that is optimal in the task, from what was seen of the task so far.

        min_θ E_T E_h [ −log π_θ(a*_T(o) | h) ]

    over memories h of trials whose actions depend on nothing but h. The minimum is the posterior P(a* | h): acting by a
    draw from it is posterior sampling (Thompson 1933), though nobody has told the memory what a posterior is.

    Meta-parameters are the agent's parameters; its value function is not used.

    Raises:
        ValueError: for settings out of range, actions that are not discrete, or a family without `optimal_action`.
    """

    family: TaskFamily
    agent: MemoryAgent
    trials: int = 8
    """per task"""
    episodes: int = 1
    """per trial"""
    uniform: bool = False
    """play uniformly random actions in training; otherwise the agent's own, which are those that it will be asked
    about"""

    def __post_init__(self) -> None:
        check_type("family", self.family, TaskFamily)
        check_type("agent", self.agent, MemoryAgent)
        if not isinstance(self.family.action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"family must have Discrete actions, got {self.family.action_space}.")
        spaces = (self.family.observation_space, self.family.action_space)
        if (self.agent.observation_space, self.agent.action_space) != spaces:
            raise ValueError(f"agent must have the family's spaces {spaces}, got others.")
        check_callable("optimal_action of the family", getattr(self.family, "optimal_action", None), "tasks")
        check_whole(self, "trials", "episodes")
        check_flags(self)

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before meta-training."""
        self.check_meta(parameters)
        return copy_parameters(parameters)

    def check_meta(self, meta: Parameters) -> None:
        """Raise ValueError unless meta-parameters have the names and shapes of the agent's."""
        self.agent.check_parameters(meta)

    def play(
        self, meta: Parameters, tasks: GivenTasks, generator: torch.Generator, trials: int | None = None
    ) -> Trials:
        """Trials to learn from."""
        player: Any = _Random(self.agent) if self.uniform else self.agent
        trials = self.trials if trials is None else trials
        return play_trials(self.family, tasks, player, meta, trials, self.episodes, generator)

    def targets(self, trials: Trials, tasks: Tasks) -> Tensor:
        """a* at each step, `[task, trial, time]`, by `family.optimal_action`, which knows the task."""
        steps = trials.observations.flatten(1, 2)
        actions: Tensor = self.family.optimal_action(steps, expand_tasks(tasks, steps.shape[1]))  # type: ignore[attr-defined]
        return actions.reshape(trials.actions.shape)


class _Random:
    """Plays uniformly random actions, and notes what the agent would be given."""

    def __init__(self, agent: MemoryAgent):
        self.agent, self.encode, self.policy = agent, agent.encode, UniformPolicy(agent.action_space)

    def start(self, parameters: Parameters, *batch: int) -> Any:
        return None

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return self.policy.noise(shape, generator)

    def act(self, parameters: Parameters, inputs: Tensor, memory: Any, noise: Tensor) -> tuple[Tensor, Tensor, Any]:
        action, log_probability = self.policy.act(parameters, inputs, noise)
        return action, log_probability.to(inputs.dtype), memory


def in_context_loss(method: InContext, meta: Parameters, trials: Trials, targets: Tensor) -> Tensor:
    """−log π(a* | h), averaged over the steps of all trials; a scalar.

    Args:
        targets: a* at each step, `[task, trial, time]`.

    Raises:
        ValueError: where the shapes do not fit.
    """
    check_same_shape(targets=targets, mask=trials.mask)
    read = method.agent.read(meta, trials.inputs).movedim(-2, 0)
    surprise = -method.agent.distribution(meta, read).log_prob(targets.movedim(-1, 0))
    mask = trials.mask.movedim(-1, 0)
    return (surprise * mask).sum() / mask.sum().clamp_min(1)


@dataclass(frozen=True, kw_only=True)
class InContextConfig:
    """Settings of `train_in_context`."""

    iterations: int = 1000
    meta_batch: int = 64
    """tasks per iteration, all new"""
    outer_lr: float = 2e-3
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=outer_lr)`"""
    max_grad_norm: float = 1.0
    anneal: bool = True
    """let the step size fall linearly to zero over the iterations"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch")
        check_flags(self)
        check_step_size("outer_lr", self.outer_lr)
        check_positive("max_grad_norm", self.max_grad_norm)
        check_optimiser(self.optimiser)


def train_in_context(
    method: InContext,
    meta: Parameters,
    config: InContextConfig,
    generator: torch.Generator,
    *,
    description: str | None = "meta-training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Parameters, History]:
    """One step of the optimiser for each batch of trials on new training tasks.

    Args:
        method: what is meta-learned.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        config: settings.
        generator: source of tasks and trials.
        description, callback, checkpoint: as in `train`; the callback's data are the `Trials`.

    Returns:
        Meta-trained parameters and history, per iteration: `loss`, `return` (mean over a trial's episodes of what was
        played), `env_steps` and `grad_norm`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for meta-parameters that do not fit the method, or a checkpoint that is another training's.
    """
    check_type("method", method, InContext)
    check_type("config", config, InContextConfig)
    method.check_meta(meta)
    check_generator(generator)
    learned = trainable_parameters(meta)
    optimiser = make_optimiser(config.optimiser, learned.values(), config.outer_lr)
    schedule = AnnealedOptimiser(optimiser, config.outer_lr, config.iterations if config.anneal else None)
    env_steps = Counter()

    def iterate(iteration: int) -> tuple[dict[str, Any], Trials]:
        tasks = method.family.sample_tasks(config.meta_batch, generator)
        trials = method.play(learned, tasks, generator)
        optimiser.zero_grad()
        loss = in_context_loss(method, learned, trials, method.targets(trials, tasks))
        loss.backward()
        used = [value for value in learned.values() if value.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(used, config.max_grad_norm)
        optimiser.step()
        schedule.next_update()
        env_steps.total += trials.steps
        metrics = {
            "loss": float(loss.detach()),
            "return": float(trials.returns(method.episodes).mean()),
            "env_steps": env_steps.total,
            "grad_norm": float(norm),
        }
        return metrics, trials

    history = training_loop(
        iterate,
        config.iterations,
        learned,
        description=description,
        shown="loss",
        callback=callback,
        checkpoint=checkpoint,
        state={"schedule": schedule, "generator": GeneratorState(generator), "env_steps": env_steps},
        settings=f"{in_words(method)}, {in_words(config)}",
    )
    return copy_parameters(learned), history
