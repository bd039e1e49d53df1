"""Chapters 03 and 03a: DQN on CartPole-v1, where learners of one batch differ in step size, target network or loss.

They train side by side, as the seeds do. Every result is `[1, report, 6]`, one report per `report_every` steps: the
three columns of `dqn_ingredients`, and the shares of the greedy episodes that end at the time limit, with the cart
beyond the edge of the track, and with the pole beyond its angle.
"""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from metarl_core.agents import CARTPOLE_DQN, QNetwork, dqn, train_dqn
from metarl_core.parameters import Parameters
from metarl_core.recipes import dqn_ingredients
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.cartpole import POSITION_LIMIT
from metarl_core.tasks.rollout import Trajectories


@dataclass(frozen=True)
class Settings:
    """All that a table of changed agents depends on."""

    changes: dict[str, dict[str, Any]]
    """what is different from the full agent: `lr`, `tau`, `huber`, or `endless`, which is no (1 − terminated)"""
    training: dqn_ingredients.Settings = field(default_factory=lambda: replace(dqn_ingredients.Settings(), changes={}))
    """of each learner, but for its change"""

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds

    @property
    def test_tasks(self) -> int:
        return self.training.test_tasks


class LearnersAdam(torch.optim.Adam):
    """Adam with a step size for each learner: `lr` times the learner's own `factors` `[learner]`.

    Adam's moments do not depend on the step size, so a learner's step is the step of size `lr` times its factor.
    """

    def __init__(self, values: Iterable[Tensor], lr: float, *, factors: Tensor):
        super().__init__(values, lr=lr, fused=True)
        self.factors = factors

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        values = [value for group in self.param_groups for value in group["params"]]
        before = [value.clone() for value in values]
        result = super().step(closure)
        for value, old in zip(values, before, strict=True):
            value.copy_(old + per_learner(self.factors, value) * (value - old))
        return result


def per_learner(numbers: Tensor, like: Tensor) -> Tensor:
    """`[learner]` with as many axes more as `like` `[learner, ...]` has."""
    return numbers.reshape(-1, *[1] * (like.ndim - 1))


@torch.no_grad()
def soft_updates(target: Parameters, online: Parameters, rate: float, *, taus: Tensor) -> None:
    """`polyak_update` with a rate for each learner, `taus` `[learner]`; `rate` does not count."""
    for name, value in target.items():
        value.lerp_(online[name], per_learner(taus, value))


def losses(predicted: Tensor, target: Tensor, huber: bool, *, hubers: Tensor) -> Tensor:
    """`td_error_loss` with Huber's loss for the learners in `hubers` `[learner]` and e² for the others."""
    small = torch.nn.functional.smooth_l1_loss(predicted, target, reduction="none")
    return torch.where(hubers[:, None], small, (predicted - target).square()).mean(1)


@contextlib.contextmanager
def changed_learners(taus: Tensor, hubers: Tensor) -> Iterator[None]:
    """While it lasts, `DQN` has target rates and losses of each learner's own."""
    with (
        mock.patch.object(dqn, "polyak_update", functools.partial(soft_updates, taus=taus)),
        mock.patch.object(dqn, "td_error_loss", functools.partial(losses, hubers=hubers)),
    ):
        yield


def ends_of(done: Trajectories) -> Tensor:
    """Shares `[learner, 3]` of CartPole's episodes that end at the limit, at the edge, and by the pole alone."""
    last, family = done.final_observations, CartPole()
    fallen = family.terminal(last, None, family.default_params)
    edge = last[..., 0].abs() > POSITION_LIMIT
    return torch.stack([~fallen, fallen & edge, fallen & ~edge], -1).to(last.dtype).mean(1)


def trained(settings: Settings) -> Tensor:
    """Results `[change, seed, report, 6]`."""
    training, config = settings.training, settings.training.config
    changes = [change for change in settings.changes.values() for _ in settings.seeds]
    factors = torch.tensor([change.get("lr", config.lr) / config.lr for change in changes])
    taus = torch.tensor([change.get("tau", config.tau) for change in changes])
    hubers, endless = (torch.tensor([change.get(key, False) for change in changes]) for key in ("huber", "endless"))
    agents = replace(CARTPOLE_DQN, num_envs=training.num_envs, hidden=training.hidden)
    network, start, vector = agents.prepare(settings.seeds * len(settings.changes))
    assert isinstance(network, QNetwork)
    sampler: Any = dqn_ingredients.Relabelled(vector, lambda terminated, _: terminated & ~endless[:, None])
    family = CartPole()
    alike = {name: value.expand(len(changes)) for name, value in family.default_params.items()}
    reports: list[Tensor] = []

    def report(iteration: int, parameters: Parameters, data: object) -> None:
        generator = torch.Generator().manual_seed(training.evaluation_seed)
        done = rollout(family, alike, network, parameters, training.episodes, generator)
        with torch.no_grad():
            value = network(parameters, done.observations[:, :, 0]).max(-1).values.mean(1)
        columns = torch.stack([sampler.recent_return(), done.returns.mean(1), value], -1)
        reports.append(torch.cat([columns, ends_of(done)], -1))

    with changed_learners(taus, hubers):
        train_dqn(
            network,
            start,
            sampler,
            replace(config, optimiser=functools.partial(LearnersAdam, factors=factors)),
            torch.Generator().manual_seed(training.training_seed),
            description=", ".join(settings.changes),
            callback=report,
            report_every=training.report_every,
        )
    return torch.stack(reports, 1).unflatten(0, (len(settings.changes), len(settings.seeds)))
