"""MAML for policies (Finn et al. 2017, alg. 3): who collects which trajectories, and what is differentiated."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.returns import advantages, masked_mean, normalise
from metarl_core.arguments import (
    check_between,
    check_flags,
    check_generator,
    check_step_size,
    check_tensors,
    check_type,
    check_whole,
)
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.learned_rates import RATE, split_rates
from metarl_core.meta.policies.batch import MetaBatch, Stage, relative_outcome
from metarl_core.meta.policies.estimators import Estimator, estimator_named, sampling_loss
from metarl_core.networks.encoding import encode_observation
from metarl_core.parameters import Parameters, copy_parameters, detach_parameters, repeat_parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Trajectories, rollout

OuterLoss = Callable[[Any, Parameters, Trajectories, Tensor], Tensor]
"""(policy, adapted parameters, query trajectories, advantage) -> losses `[task]`"""
Rate = float | Mapping[str, Tensor]
"""a step size α: a number, or a dictionary like the parameters (Meta-SGD)"""


@dataclass(frozen=True)
class PolicyMAML:
    """Learn a policy from which a few policy-gradient steps solve a new task.

    max_θ E_T J_T(θ'_T) with θ'_T = θ + α ∇Ĵ_T(θ) from support trajectories of θ, or several such steps with new
    trajectories before each; the query trajectories are of θ'_T.

    Meta-parameters are the policy's parameters, and with `learned_rates` also α, under the same names with the prefix
    `rate.` (Meta-SGD, Li et al. 2017). Not trained, it says how a given policy is fine-tuned (see `adaptation_curve`).

    Raises:
        ValueError: for settings out of range, and for `sampling_term` beside an estimator that has no need of it.
    """

    family: TaskFamily
    policy: DifferentiablePolicy
    inner_lr: float | tuple[float, ...] = 0.5
    """α, one number or one for each step; where it is learned, what it begins with. 0.5 with normalised actions and
    normalised advantages (released code of the MAML paper); 0.1 in its text"""
    inner_steps: int = 1
    """in meta-training"""
    estimator: str = "lvc"
    """whose second derivative the meta-gradient sees: `naive`, `lvc` or `dice` (see `ESTIMATORS`)"""
    sampling_term: bool = False
    """E-MAML (Stadie et al. 2018): credit θ for the support trajectories that it collects; with `naive` alone, since
    `lvc` and `dice` hold that credit already"""
    every_step: bool = False
    """take the outer loss after *each* inner step, and not after the last alone: the multi-step loss of MAML++
    (Antoniou et al. 2019). It costs no trajectories: the support of the next step is fresh for the step before"""
    first_order: bool = False
    """FOMAML: no derivative through the inner steps"""
    learned_rates: bool = False
    """Meta-SGD: learn α, one number per parameter"""
    episodes: int = 20
    """per task, before each inner step and after the last"""
    discount: float = 0.99

    def __post_init__(self) -> None:
        check_type("family", self.family, TaskFamily)
        if not all(callable(getattr(self.policy, name, None)) for name in ("log_probability", "named_parameters")):
            raise ValueError(
                f"policy must be a network with log_probability, like GaussianPolicy, got {type(self.policy).__name__}."
            )
        own, shown = getattr(self.policy, "observation_space", None), self.family.observation_space
        if _form(own) != _form(shown):
            raise ValueError(f"policy must observe what the family shows, {shown}, got one for {own}.")
        given = self.inner_lr if isinstance(self.inner_lr, tuple) else (self.inner_lr,)
        if not given:
            raise ValueError("inner_lr must be a number, or a tuple of at least one, got ().")
        for one in given:
            check_step_size("inner_lr", one, zero=True)
        check_whole(self, "inner_steps", "episodes")
        check_flags(self)
        check_between("discount", self.discount)
        estimator_named(self.estimator)
        if self.sampling_term and self.estimator != "naive":
            raise ValueError(
                f"sampling_term must be False with estimator {self.estimator!r}, whose curvature already credits the "
                "sampling of the support trajectories: it would count twice; the term belongs to 'naive'."
            )

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before meta-training."""
        check_tensors("parameters", parameters)
        meta = copy_parameters(parameters)
        if self.learned_rates:
            meta |= {RATE + name: torch.full_like(value, self._given_rate(0)) for name, value in parameters.items()}
        return meta

    def check_meta(self, meta: Parameters, tasks: int | None = None) -> bool:
        """Whether meta-parameters are one set for all tasks, and not one set a task.

        Args:
            tasks: their number, where one set a task is allowed.

        Raises:
            ValueError: where names or shapes are not those that `initial` gives.
        """
        check_tensors("meta", meta)
        shapes = {name: tuple(value.shape) for name, value in self.policy.named_parameters()}
        start = self.start(meta)
        if set(start) != set(shapes):
            raise ValueError(f"meta must have the policy's parameters {sorted(shapes)}, got {sorted(start)}.")
        found = {name: tuple(value.shape) for name, value in start.items()}
        if found == shapes:
            return True
        for name, shape in shapes.items():
            if tasks is None or found[name] != (tasks, *shape):
                wanted = list(shape) if tasks is None else f"{list(shape)} or {[tasks, *shape]}"
                raise ValueError(f"meta[{name!r}] must have shape {wanted}, got {list(found[name])}.")
        return False

    def start(self, meta: Parameters) -> Parameters:
        """θ of the meta-parameters."""
        return split_rates(meta)[0] if self.learned_rates else meta

    def rates(self, meta: Parameters, step: int) -> Rate:
        """α of inner step `step`, counted from 0; the last one given also holds for the steps after it."""
        return split_rates(meta)[1] if self.learned_rates else self._given_rate(step)

    def _given_rate(self, step: int) -> float:
        given = self.inner_lr if isinstance(self.inner_lr, tuple) else (self.inner_lr,)
        return given[min(step, len(given) - 1)]

    def collect(self, meta: Parameters, tasks: Tasks, generator: torch.Generator) -> MetaBatch:
        """Support and query trajectories on `tasks`, adapting along the way without a graph."""
        check_generator(generator)
        meta = copy_parameters(meta)  # the batch keeps them, and an outer rule moves the given ones in place
        rates = [self.rates(meta, step) for step in range(self.inner_steps)]
        loss = estimator_named(self.estimator)
        *support, query = self.stages(self.start(meta), tasks, generator, rates, self.episodes, loss)
        return MetaBatch(tuple(support), query, relative_outcome(query, self.discount))

    def stages(
        self,
        start: Parameters,
        tasks: Tasks,
        generator: torch.Generator,
        rates: Sequence[Rate],
        episodes: int,
        loss: Estimator,
    ) -> Iterator[Stage]:
        """New episodes before each inner step and after the last, adapting without a graph.

        Args:
            start: θ, one set for all tasks or one set a task.
            rates: α of each step.
            episodes: per task and stage.
            loss: the inner loss.

        Yields:
            `len(rates) + 1` stages.
        """
        number = self.family.check_tasks(tasks)
        shapes = {name: value.shape for name, value in self.policy.named_parameters()}
        shared = all(value.shape == shapes[name] for name, value in start.items())
        # One set for all tasks collects as one set, which is faster; from the first step on each task has its own.
        trajectories = rollout(self.family, tasks, self.policy, start, episodes, generator)
        stage = self._stage(trajectories, repeat_parameters(start, number) if shared else start)
        yield stage
        for rate in rates:
            adapted = detach_parameters(self._step(stage.parameters, stage, rate, loss, create_graph=False))
            trajectories = rollout(self.family, tasks, self.policy, adapted, episodes, generator)
            stage = self._stage(trajectories, adapted)
            yield stage

    def _stage(self, trajectories: Trajectories, parameters: Parameters) -> Stage:
        features = encode_observation(trajectories.observations, self.policy.observation_space)
        advantage = advantages(trajectories, features, self.discount, normalised=False)
        variance = masked_mean(advantage.square(), trajectories.mask) - masked_mean(advantage, trajectories.mask) ** 2
        normalised = normalise(advantage, trajectories.mask)
        return Stage(trajectories, normalised, variance.clamp_min(0).sqrt(), parameters)

    def _step(self, current: Parameters, stage: Stage, rate: Rate, loss: Estimator, create_graph: bool) -> Parameters:
        inner_loss = functools.partial(_loss_on, stage, loss, self.policy)
        return adapt(current, inner_loss, rate, create_graph=create_graph)

    def visited(self, meta: Parameters, support: Sequence[Stage], create_graph: bool = True) -> list[Parameters]:
        """Parameters `[task, ...]` before, between and after the inner steps on given trajectories."""
        loss = estimator_named(self.estimator)
        parameters = [repeat_parameters(self.start(meta), len(support[0].advantage))]
        for step, stage in enumerate(support):
            rate = self.rates(meta, step)
            parameters.append(self._step(parameters[-1], stage, rate, loss, create_graph and not self.first_order))
        return parameters

    def query_stages(self, batch: MetaBatch) -> tuple[Stage, ...]:
        """The stages that the outer loss is taken on: those after the last inner step, or after each."""
        return (*batch.support[1:], batch.query) if self.every_step else (batch.query,)

    def losses(self, meta: Parameters, batch: MetaBatch, outer_loss: OuterLoss) -> tuple[Tensor, list[Parameters]]:
        """`outer_loss` of the adapted policies on the query trajectories, `[task]`, and `visited`.

        With `every_step` the mean over the stages after each inner step. With `sampling_term` E-MAML's term is added,
        in the units of the outer loss.
        """
        visited = self.visited(meta, batch.support)
        stages = self.query_stages(batch)
        each = [
            outer_loss(self.policy, adapted, stage.trajectories, stage.advantage)
            for adapted, stage in zip(visited[-len(stages) :], stages, strict=True)
        ]
        losses = torch.stack(each).mean(0)
        if self.sampling_term:
            for parameters, stage in zip(visited, batch.support, strict=False):
                losses = losses + sampling_loss(self.policy, parameters, stage.trajectories, batch.outcome)
        return losses, visited


def _form(space: Any) -> tuple[Any, ...]:
    """Kind and size of a space, whatever its bounds."""
    return type(space), getattr(space, "shape", None), getattr(space, "n", None)


def _loss_on(stage: Stage, loss: Estimator, policy: DifferentiablePolicy, parameters: Parameters) -> Tensor:
    return loss(policy, parameters, stage.trajectories, stage.advantage)
