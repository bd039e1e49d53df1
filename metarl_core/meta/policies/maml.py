"""MAML for policies (Finn et al. 2017, alg. 3): who collects which trajectories, and what is differentiated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from metarl_core.agents.returns import advantages, masked_mean, normalise, reward_to_go
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.learned_rates import RATE, split_rates
from metarl_core.meta.policies.estimators import estimator_named, sampling_loss
from metarl_core.networks.encoding import encode_observation
from metarl_core.parameters import Parameters, repeat_parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Trajectories, rollout

OuterLoss = Callable[..., Tensor]
"""(policy, adapted parameters, query trajectories, advantage) -> losses `[task]`"""


@dataclass(frozen=True)
class Stage:
    """Trajectories of one policy per task, their advantages, and the parameters that collected them."""

    trajectories: Trajectories
    advantage: Tensor
    """normalised per task, `[task, episode, time]`"""
    scale: Tensor
    """the standard deviation that the advantages were divided by, `[task]`"""
    parameters: Parameters
    """`[task, ...]`, constants"""

    def select(self, index) -> "Stage":
        """Some of the tasks (a slice, list or index tensor)."""
        parameters = {name: value[index] for name, value in self.parameters.items()}
        return Stage(self.trajectories.select(index), self.advantage[index], self.scale[index], parameters)

    def first_episodes(self, number: int) -> "Stage":
        """The first `number` episodes of each task."""
        part = Trajectories(**{name: value[:, :number] for name, value in vars(self.trajectories).items()})
        return replace(self, trajectories=part, advantage=self.advantage[:, :number])


@dataclass(frozen=True)
class MetaBatch:
    """What one meta-iteration collects: support trajectories before each inner step, query ones after the last."""

    support: tuple[Stage, ...]
    query: Stage
    outcome: Tensor
    """what each adapted policy earned beside the others, `[task]` (see `relative_outcome`)"""

    def __len__(self) -> int:
        return len(self.query.advantage)

    @property
    def steps(self) -> int:
        """Environment steps taken in all."""
        return sum(stage.trajectories.steps for stage in (*self.support, self.query))

    def select(self, index) -> "MetaBatch":
        """Some of the tasks (a slice, list or index tensor)."""
        support = tuple(stage.select(index) for stage in self.support)
        return MetaBatch(support, self.query.select(index), self.outcome[index])

    def first_episodes(self, number: int) -> "MetaBatch":
        """The first `number` episodes of each stage and task."""
        support = tuple(stage.first_episodes(number) for stage in self.support)
        return MetaBatch(support, self.query.first_episodes(number), self.outcome)

    def chunks(self, size: int) -> "list[MetaBatch]":
        """The batch in pieces of at most `size` tasks."""
        return [self.select(slice(start, start + size)) for start in range(0, len(self), size)]


@dataclass(frozen=True)
class PolicyMAML:
    """Learn a policy from which a few policy-gradient steps solve a new task.

    max_θ E_T J_T(θ'_T) with θ'_T = θ + α ∇Ĵ_T(θ) from support trajectories of θ, or several such steps with new
    trajectories before each; the query trajectories are of θ'_T.

    Meta-parameters are the policy's parameters, and with `learned_rates` also α, under the same names with the prefix
    `rate.` (Meta-SGD, Li et al. 2017).
    """

    family: TaskFamily
    policy: torch.nn.Module
    inner_lr: float | tuple[float, ...] = 0.5
    """α, one number or one for each step; where it is learned, what it begins with. 0.5 with normalised actions and
    normalised advantages (released code of the MAML paper); 0.1 in its text"""
    inner_steps: int = 1
    """in meta-training"""
    estimator: str = "lvc"
    """whose second derivative the meta-gradient sees: `naive`, `lvc` or `dice` (see `ESTIMATORS`)"""
    sampling_term: bool = False
    """E-MAML (Stadie et al. 2018): credit θ for the support trajectories that it collects"""
    every_step: bool = False
    """judge the policies after *each* inner step, and not after the last alone: the multi-step loss of MAML++ (Antoniou
    et al. 2019). It costs no trajectories: the support of the next step is fresh for the step before"""
    first_order: bool = False
    """FOMAML: no derivative through the inner steps"""
    learned_rates: bool = False
    """Meta-SGD: learn α, one number per parameter"""
    episodes: int = 20
    """per task, before each inner step and after the last"""
    discount: float = 0.99

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before meta-training."""
        meta = {name: value.detach().clone() for name, value in parameters.items()}
        if self.learned_rates:
            meta |= {RATE + name: torch.full_like(value, self._given_rate(0)) for name, value in parameters.items()}
        return meta

    def start(self, meta: Parameters) -> Parameters:
        """θ of the meta-parameters."""
        return split_rates(meta)[0] if self.learned_rates else meta

    def rates(self, meta: Parameters, step: int) -> Parameters | float:
        """α of inner step `step`, counted from 0; the last one given also holds for the steps after it."""
        return split_rates(meta)[1] if self.learned_rates else self._given_rate(step)

    def _given_rate(self, step: int) -> float:
        given = self.inner_lr if isinstance(self.inner_lr, tuple) else (self.inner_lr,)
        return given[min(step, len(given) - 1)]

    def collect(self, meta: Parameters, tasks: Tasks, generator: torch.Generator) -> MetaBatch:
        """Support and query trajectories on `tasks`, adapting along the way without a graph."""
        meta = {name: value.detach() for name, value in meta.items()}
        start = self.start(meta)
        support: list[Stage] = []
        # The first policy is one for all tasks; the rest are one for each.
        current, number = start, self.family.check_tasks(tasks)
        while True:
            trajectories = rollout(self.family, tasks, self.policy, current, self.episodes, generator)
            advantage, scale = self._advantage(trajectories)
            stage = Stage(trajectories, advantage, scale, current if support else repeat_parameters(start, number))
            if len(support) == self.inner_steps:
                return MetaBatch(tuple(support), stage, relative_outcome(stage, self.discount))
            support.append(stage)
            current = {
                name: value.detach()
                for name, value in self._step(meta, stage.parameters, stage, len(support) - 1, False).items()
            }

    def _advantage(self, trajectories: Trajectories) -> tuple[Tensor, Tensor]:
        features = encode_observation(trajectories.observations, self.policy.observation_space)
        advantage = advantages(trajectories, features, self.discount, normalised=False)
        variance = masked_mean(advantage.square(), trajectories.mask) - masked_mean(advantage, trajectories.mask) ** 2
        return normalise(advantage, trajectories.mask), variance.clamp_min(0).sqrt()

    def visited(self, meta: Parameters, support: Sequence[Stage], create_graph: bool = True) -> list[Parameters]:
        """Parameters `[task, ...]` before, between and after the inner steps on given trajectories."""
        start = self.start(meta)
        along = [repeat_parameters(start, len(support[0].advantage))]
        for step, stage in enumerate(support):
            along.append(self._step(meta, along[-1], stage, step, create_graph and not self.first_order))
        return along

    def _step(self, meta: Parameters, current: Parameters, stage: Stage, step: int, create_graph: bool) -> Parameters:
        loss = estimator_named(self.estimator)
        return adapt(
            current,
            lambda p: loss(self.policy, p, stage.trajectories, stage.advantage),
            self.rates(meta, step),
            create_graph=create_graph,
        )

    def judged(self, batch: MetaBatch) -> tuple[Stage, ...]:
        """The stages whose policies the outer loss judges: those after the last inner step, or after each."""
        return (*batch.support[1:], batch.query) if self.every_step else (batch.query,)

    def losses(self, meta: Parameters, batch: MetaBatch, outer_loss: OuterLoss) -> tuple[Tensor, list[Parameters]]:
        """`outer_loss` of the adapted policies on the query trajectories, `[task]`, and the parameters on the way.

        With `every_step` the mean over the stages after each inner step. With `sampling_term` E-MAML's term is added,
        in the units of the outer loss.
        """
        along = self.visited(meta, batch.support)
        stages = self.judged(batch)
        each = [
            outer_loss(self.policy, parameters, stage.trajectories, stage.advantage)
            for parameters, stage in zip(along[-len(stages) :], stages, strict=True)
        ]
        losses = torch.stack(each).mean(0)
        if self.sampling_term:
            for parameters, stage in zip(along, batch.support, strict=False):
                losses = losses + sampling_loss(self.policy, parameters, stage.trajectories, batch.outcome)
        return losses, along


def relative_outcome(query: Stage, discount: float) -> Tensor:
    """What each adapted policy earned less what the *other* tasks' policies earned, `[task]`.

    In units of the outer loss, which is a mean over steps of advantages divided by their standard deviation. The other
    tasks' support episodes are independent of a task's own, so subtracting their mean leaves the expected gradient as
    it is.
    """
    earned = reward_to_go(query.trajectories.rewards, discount)[..., 0].mean(1)
    if len(earned) > 1:
        earned = (earned - earned.mean()) * (len(earned) / (len(earned) - 1))
    return earned / (query.scale * query.trajectories.lengths.float().mean(1) + 1e-8)
