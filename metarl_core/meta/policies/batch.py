"""What a meta-iteration learns from: the trajectories of the policies before, between and after the inner steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from metarl_core.agents.returns import reward_to_go
from metarl_core.arguments import check_count, check_type
from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import Trajectories

Index = slice | Sequence[int] | Tensor
"""of tasks; keeps the task axis"""


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

    def select(self, index: Index) -> "Stage":
        """Some of the tasks (a slice, list or index tensor)."""
        parameters = {name: value[index] for name, value in self.parameters.items()}
        return Stage(self.trajectories.select(index), self.advantage[index], self.scale[index], parameters)

    def first_episodes(self, number: int) -> "Stage":
        """The first `number` episodes of each task."""
        check_count("number", number)
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

    def select(self, index: Index) -> "MetaBatch":
        """Some of the tasks (a slice, list or index tensor)."""
        support = tuple(stage.select(index) for stage in self.support)
        return MetaBatch(support, self.query.select(index), self.outcome[index])

    def first_episodes(self, number: int) -> "MetaBatch":
        """The first `number` episodes of each stage and task."""
        support = tuple(stage.first_episodes(number) for stage in self.support)
        return MetaBatch(support, self.query.first_episodes(number), self.outcome)

    def chunks(self, size: int) -> "list[MetaBatch]":
        """The batch in pieces of at most `size` tasks."""
        check_count("size", size)
        return [self.select(slice(start, start + size)) for start in range(0, len(self), size)]


def relative_outcome(query: Stage, discount: float) -> Tensor:
    """What each adapted policy earned less what the *other* tasks' policies earned, `[task]`.

    In units of the outer loss, which is a mean over steps of advantages divided by their standard deviation. The other
    tasks' support episodes are independent of a task's own, so subtracting their mean leaves the expected gradient as
    it is.

    Raises:
        ValueError: for what is no stage, or a discount outside [0, 1].
    """
    check_type("query", query, Stage)
    earned = reward_to_go(query.trajectories.rewards, discount)[..., 0].mean(1)
    if len(earned) > 1:
        earned = (earned - earned.mean()) * (len(earned) / (len(earned) - 1))
    return earned / (query.scale * query.trajectories.lengths.to(earned.dtype).mean(1) + 1e-8)
