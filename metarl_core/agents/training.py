"""The loop that all actor-critic agents share: collect, update, tell how it goes."""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from metarl_core.agents.actor_critic import ActorCritic
from metarl_core.agents.draws import Generators, all_generators
from metarl_core.agents.samplers import Sampler
from metarl_core.arguments import check_count, check_methods, check_step_size, check_tensors
from metarl_core.parameters import Parameters, copy_parameters, trainable_copy
from metarl_core.tasks.rollout import Trajectories
from metarl_core.training import Callback, GeneratorState, History, linear_schedule, set_lr, training_loop


class UpdateRule(Protocol):
    """`PPO`, `A2C`, `TRPO` or your own: it improves the parameters of all learners, in place, by one batch."""

    @property
    def agent(self) -> ActorCritic: ...

    @property
    def parameters(self) -> Parameters: ...

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        """Improve the parameters; diagnostics by name, `[learner]` each."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None: ...


def learners_copy(parameters: Parameters, sampler: Sampler) -> Parameters:
    """Leaves for an optimiser, copies of the parameters of a sampler's learners `[learner, ...]`.

    Raises:
        ValueError: for what is no sampler, or another number of learners.
    """
    check_methods("sampler", sampler, "learners", "steps_taken", "match", "recent_return")
    check_tensors("parameters", parameters)
    return trainable_copy(parameters, sampler.learners)


class AnnealedOptimiser:
    """An optimiser whose step size falls linearly to zero over a number of updates, and stays there.

    Args:
        optimiser: what takes the steps.
        lr: step size of the first update.
        updates: number of updates over which it falls; None: it stays.

    Raises:
        ValueError: for a step size that is not above 0, or fewer than 0 updates.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, lr: float, updates: int | None):
        check_methods("optimiser", optimiser, "param_groups", "step")
        check_step_size("lr", lr)
        if updates is not None:
            check_count("updates", updates, 0)
        self.optimiser, self.lr, self.updates, self.done = optimiser, lr, updates, 0

    def next_update(self) -> None:
        """Count an update, and set the step size of the next."""
        self.done += 1
        if self.updates is not None:
            set_lr(self.optimiser, self.lr * linear_schedule(1.0, 0.0, self.updates, self.done))

    def state_dict(self) -> dict[str, Any]:
        return {"optimiser": self.optimiser.state_dict(), "done": self.done}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.optimiser.load_state_dict(state_dict["optimiser"])
        self.done = state_dict["done"]


def train_policy(
    rule: UpdateRule,
    sampler: Sampler,
    iterations: int,
    generator: Generators,
    *,
    description: str | None = "training",
    callback: Callback | None = None,
    checkpoint: str | Path | None = None,
    settings: str = "",
) -> tuple[Parameters, History]:
    """Alternate `sampler` and `rule.update`.

    Args:
        rule: what learns; its parameters, `[learner, ...]`, change in place.
        sampler: where trajectories come from.
        iterations: number of updates.
        generator: source of the policies' noise and of the minibatches; one for each learner makes what a learner
            draws independent of the others.
        description: name on the progress bar; None for no bar.
        callback: called after each update (see `metarl_core.training.Callback`), with the trajectories.
        checkpoint: a file to save to and to resume from; only where the environments' state can be saved.
        settings: what the training depends on, for the checkpoint.

    Returns:
        Trained parameters and history, per update: `return` (mean undiscounted return of each learner's latest
        episodes, a list `[learner]`), `env_steps` (of all learners so far) and the rule's diagnostics, lists
        `[learner]`. An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: for a rule or a sampler that lacks a method, or for a checkpoint where the environments' state
            cannot be saved.
    """
    check_methods("rule", rule, "agent", "parameters", "update")
    check_methods("sampler", sampler, "learners", "steps_taken", "match", "recent_return")
    generators = all_generators(generator)
    agent, parameters, before = rule.agent, rule.parameters, sampler.steps_taken
    sampler.match(parameters)
    if checkpoint is not None:
        sampler.state_dict()  # says in words if that cannot be

    def iterate(iteration: int) -> tuple[dict[str, Any], Trajectories]:
        trajectories = sampler(agent.policy, agent.policy_part(parameters), generator)
        diagnostics = rule.update(trajectories, generator)
        metrics = {"return": sampler.recent_return().tolist(), "env_steps": sampler.steps_taken - before}
        return metrics | {name: value.tolist() for name, value in diagnostics.items()}, trajectories

    history = training_loop(
        iterate,
        iterations,
        parameters,
        description=description,
        shown="return",
        callback=callback,
        checkpoint=checkpoint,
        state={"rule": rule, "sampler": sampler, "generator": GeneratorState(*generators)},
        settings=settings,
    )
    return copy_parameters(parameters), history
