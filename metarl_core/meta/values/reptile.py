"""Reptile over whole runs of DQN, and DQN alone as its baseline."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import torch

from metarl_core.agents.dqn import DQNConfig
from metarl_core.agents.dqn_training import train_dqn
from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.replay import Transitions
from metarl_core.arguments import check_between, check_flags
from metarl_core.meta.values.config import TrainConfig, given_in_vain
from metarl_core.meta.values.replayed import training_tasks
from metarl_core.meta.values.runs import (
    check_meta,
    check_spaces,
    repeat_for_tasks,
    runs_of,
    task_sampler,
    tasks_per_run,
)
from metarl_core.parameters import Parameters, copy_parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.training import GeneratorState, Metrics, Stateful

OUTER_LR = 1.0


@dataclass(frozen=True)
class QReptile:
    """θ ← θ + ε (mean_T φ_T − θ), φ_T the *online* network after a whole run of DQN on task T, started at θ.

    Every task begins with an empty replay buffer, a target network equal to θ, a new optimiser and ε-greedy
    exploration at its first value. Meta-parameters carry a leading axis of runs (seeds). In a new task, DQN goes on
    from θ.
    """

    family: TaskFamily
    network: QNetwork
    """for the family's spaces"""
    inner: DQNConfig = field(default_factory=DQNConfig)
    """of the whole run of DQN that is the inner loop"""

    def __post_init__(self) -> None:
        check_spaces(self.family, self.network)
        if not isinstance(self.inner, DQNConfig):
            raise ValueError(f"inner must be a DQNConfig, got {type(self.inner).__name__}.")

    @property
    def discount(self) -> float:
        """γ of the inner loop."""
        return self.inner.discount

    @property
    def double(self) -> bool:
        """Whether the inner loop is double Q-learning."""
        return self.inner.double

    @property
    def huber(self) -> bool:
        """Whether the inner loss is Huber's."""
        return self.inner.huber

    @property
    def inner_steps(self) -> int:
        """0: in a new task nothing is done at once with the support set."""
        return 0

    def initial(self, parameters: Parameters) -> Parameters:
        """Copies of parameters `[run, ...]`."""
        check_meta(self.network, parameters)
        return copy_parameters(parameters)

    def start(self, meta: Parameters) -> Parameters:
        """θ `[run, ...]`: all that is meta-learned."""
        return meta

    def adapt_to_support(self, meta: Parameters, support: Transitions) -> Parameters:
        """θ for each task, `[run · task, ...]`, unchanged."""
        check_meta(self.network, meta)
        return repeat_for_tasks(meta, tasks_per_run(meta, len(support.rewards)))

    def begin(
        self, meta: Parameters, config: TrainConfig, tasks: Tasks | None, generator: torch.Generator, seed: int
    ) -> "ReptileLearning":
        """Meta-training with new tasks at each iteration, or with the given ones at each (called by `train`).

        Raises:
            ValueError: for settings that count for replayed transitions alone.
        """
        check_meta(self.network, meta)
        counting = ("iterations", "meta_batch", "outer_lr", "anneal")
        if vain := given_in_vain(config, counting):
            raise ValueError(
                f"of the settings of train, QReptile has {', '.join(counting)}, got also {', '.join(vain)}."
            )
        return ReptileLearning(self, meta, config, tasks, generator, seed)


class ReptileLearning:
    """The meta-training of a `QReptile`; a `Stateful`, for the steps that it counts."""

    def __init__(
        self,
        method: QReptile,
        meta: Parameters,
        config: TrainConfig,
        tasks: Tasks | None,
        generator: torch.Generator,
        seed: int,
    ):
        self.method, self.config, self.generator, self.seed = method, config, generator, seed
        self.runs = runs_of(meta)
        if tasks is not None:
            training_tasks(method.family, tasks, self.runs * config.meta_batch, generator)
        self.tasks, self.parameters, self.env_steps = tasks, copy_parameters(meta), 0

    @property
    def state(self) -> dict[str, Stateful]:
        """All that iterations change besides the meta-parameters."""
        return {"steps": self, "generator": GeneratorState(self.generator)}

    @property
    def resumable(self) -> bool:
        """Always: each iteration makes environments of its own."""
        return True

    def iterate(self, iteration: int) -> tuple[Metrics, None]:
        """Whole runs of DQN on the tasks of all runs at once, and a step towards the mean of where they end."""
        method, config = self.method, self.config
        tasks = training_tasks(method.family, self.tasks, self.runs * config.meta_batch, self.generator)
        sampler = task_sampler(method.family, tasks, self.seed + iteration)
        start = repeat_for_tasks(self.parameters, config.meta_batch)
        try:
            adapted, inner = train_dqn(method.network, start, sampler, method.inner, self.generator, description=None)
        finally:
            sampler.envs.close()
        if getattr(inner, "interrupted", False):  # broken off at once: no move towards half a run
            raise KeyboardInterrupt
        step = OUTER_LR if config.outer_lr is None else config.outer_lr
        if config.anneal:
            step = step * (1 - iteration / config.iterations)
        for name, value in self.parameters.items():
            value.lerp_(adapted[name].reshape(self.runs, -1, *value.shape[1:]).mean(1), step)
        self.env_steps += sampler.steps_taken
        reached = sampler.recent_return(5).reshape(self.runs, -1).nanmean(1)
        return {"return": reached.tolist(), "env_steps": self.env_steps}, None

    def close(self) -> None:
        """Nothing is open between iterations."""

    def state_dict(self) -> dict[str, Any]:
        """Environment steps so far."""
        return {"env_steps": self.env_steps}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on counting."""
        self.env_steps = state_dict["env_steps"]


@dataclass(frozen=True)
class PlainDQN:
    """No meta-learner, the baseline: in a new task, DQN goes on from parameters that are fresh or trained elsewhere.

    "Meta-parameters" are parameters `[run, ...]`: of untrained networks, or of `train_dqn` on many tasks at once.
    """

    family: TaskFamily
    network: QNetwork
    """for the family's spaces"""
    _: KW_ONLY
    discount: float = 0.99
    double: bool = True
    """let the online network choose the action that the target network values"""
    huber: bool = False
    """absolute loss beyond an error of 1 (see `DQNConfig`)"""

    def __post_init__(self) -> None:
        check_spaces(self.family, self.network)
        check_between("discount", self.discount)
        check_flags(self)

    @property
    def inner_steps(self) -> int:
        """0: nothing is done at once with the support set."""
        return 0

    def initial(self, parameters: Parameters) -> Parameters:
        """Copies of parameters `[run, ...]`."""
        check_meta(self.network, parameters)
        return copy_parameters(parameters)

    def start(self, meta: Parameters) -> Parameters:
        """The parameters `[run, ...]` themselves."""
        return meta

    def adapt_to_support(self, meta: Parameters, support: Transitions) -> Parameters:
        """The parameters for each task, `[run · task, ...]`, unchanged."""
        check_meta(self.network, meta)
        return repeat_for_tasks(meta, tasks_per_run(meta, len(support.rewards)))
