"""Chapter 09: point navigation meta-trained with each estimator of the meta-policy gradient, five seeds.

All methods share the goals, the random initialisation, the number of episodes and the way they are tuned; five of them
differ only in what the outer derivative sees of the inner step. These move once a batch, by one step of Adam along
the plain meta-gradient: without a second step there is nothing for a ratio or a clip to correct. ProMP (Rothfuss et
al. 2019) moves eight times a batch.

A batch holds `goals` goals, and every goal has `groups` groups of episodes: each its own support episodes, its own
adapted policy, its own query episodes. So the sampling term has a baseline of the same goal, what the other groups
earned there. The other methods get the same batches, and have no use for the pairs.

The outer rate of each method is the best of `outer_lrs` on training goals after a training at `tuning_seed`, which is
no seed of the table. A row is `[test task, column]`, with columns that `read` takes apart: what does not depend on the
goal stands there for every goal. At test time all methods take the same steps.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import GaussianPolicy, reward_to_go
from metarl_core.meta import MetaBatch, OuterAdam, OuterPPO, PolicyMAML, Stage, policies, stage_kl
from metarl_core.meta.policies.outer_rules import OuterRule
from metarl_core.parameters import Parameters, initial_parameters, repeat_parameters
from metarl_core.tasks import PointNavigation, Tasks, select_tasks
from metarl_core.training import Callback, History

OPTIONS: dict[str, dict[str, Any]] = {
    "LVC": {"estimator": "lvc"},
    "naive": {"estimator": "naive"},
    "DiCE": {"estimator": "dice"},
    "first order": {"first_order": True},
    "naive + sampling term": {"estimator": "naive", "sampling_term": True},
    "ProMP": {"estimator": "lvc"},
}
"""Keywords of `PolicyMAML` for each method"""
METHODS = tuple(OPTIONS)
DIVERGED = -1000.0
"""stands for the return of a training that broke off"""
PARTS = 3
"""of a training, in which the return on its own goals is averaged"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads it back from the table."""

    iterations: int = 30
    goals: int = 6
    """of a batch"""
    groups: int = 2
    """of support and query episodes for each of them"""
    episodes: int = 20
    """of a group, before the inner step and after it"""
    inner_lr: float = 0.5
    outer_lrs: tuple[float, ...] = (3e-3, 1e-2, 3e-2)
    """of Adam, falling linearly to zero over the iterations"""
    tuning_seed: int = 100
    tuning_tasks: int = 40
    tuning_task_seed: int = 2000
    epochs: int = 2
    """of ProMP"""
    minibatch: int = 3
    """of ProMP, in groups"""
    clip: float = 0.3
    """of ProMP"""
    kl_coefficient: float = 0.1
    """of ProMP, η"""
    test_tasks: int = 40
    test_seed: int = 1000
    test_rates: tuple[float, ...] = (0.5, 0.25, 0.25)
    noise_seed: int = 3000
    """plus the seed gives the noise on the test goals, the same for all methods"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class GroupedMAML(PolicyMAML):
    """`PolicyMAML` that adapts to each task of a batch several times, from new episodes each time.

    The outcome that the sampling term weighs is then what a group's adapted policy earned less what those of the other
    groups earned *on the same task*. These are as independent of the group's support episodes as other tasks' returns,
    which the package subtracts, and how rich a task is drops out.
    """

    groups: int = 2

    def collect(self, meta: Parameters, tasks: Tasks, generator: torch.Generator) -> MetaBatch:
        """The batch of `PolicyMAML`, one row a group; the groups of a task stand side by side."""
        rows = torch.arange(self.family.check_tasks(tasks)).repeat_interleave(self.groups)
        batch = super().collect(meta, select_tasks(tasks, rows), generator)
        return replace(batch, outcome=outcome_of_groups(batch.query, self.discount, self.groups))


def outcome_of_groups(query: Stage, discount: float, groups: int) -> Tensor:
    """What each adapted policy earned less the mean of the other groups of its task, `[task · group]`.

    In units of the outer loss, a mean over steps of advantages divided by their standard deviation; the divisor is the
    mean over the task's groups.
    """
    earned = reward_to_go(query.trajectories.rewards, discount)[..., 0].mean(1).unflatten(0, (-1, groups))
    unit = query.scale * query.trajectories.lengths.to(earned.dtype).mean(1)
    others = (earned.sum(1, keepdim=True) - earned) / (groups - 1)
    return ((earned - others) / unit.unflatten(0, (-1, groups)).mean(1, keepdim=True)).flatten()


def make(method: str, seed: int, settings: Settings) -> tuple[GroupedMAML, Parameters, torch.Generator]:
    """The learner, its meta-parameters before training, and the generator that goes on."""
    family, generator = PointNavigation(), torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=generator)
    shared: dict[str, Any] = {"episodes": settings.episodes, "groups": settings.groups}
    learner = GroupedMAML(family, policy, settings.inner_lr, **shared, **OPTIONS[method])
    return learner, learner.initial(initial_parameters(policy)), generator


def outer_rule(method: str, outer_lr: float, settings: Settings) -> OuterRule:
    """One plain step of Adam a batch; for ProMP clipped epochs with the penalty."""
    if method != "ProMP":
        return OuterAdam(outer_lr=outer_lr)
    return OuterPPO(
        outer_lr=outer_lr,
        epochs=settings.epochs,
        clip=settings.clip,
        minibatch=settings.minibatch,
        kl_coefficient=settings.kl_coefficient,
    )


class Trained(NamedTuple):
    """One method and seed after training."""

    learner: GroupedMAML
    parameters: Parameters
    history: History
    divergence: list[float]
    """KL per step of θ before the update of an iteration from θ after it, on the support states, each iteration"""


def trained(
    method: str, seed: int, outer_lr: float, settings: Settings | None = None, callback: Callback | None = None
) -> Trained:
    """Meta-train one method from one seed, at one outer rate; `callback` as in `policies.train`."""
    settings = settings or Settings()
    learner, start, generator = make(method, seed, settings)
    divergence: list[float] = []

    def note(iteration: int, parameters: Parameters, batch: MetaBatch) -> None:
        support = batch.support[0]
        with torch.no_grad():
            moved = repeat_parameters(parameters, len(batch))
            divergence.append(float(stage_kl(learner.policy, moved, support).mean()))
        if callback is not None:
            callback(iteration, parameters, batch)

    config = policies.TrainConfig(iterations=settings.iterations, meta_batch=settings.goals)
    rule = outer_rule(method, outer_lr, settings)
    theta, history = policies.train(learner, start, config, generator, rule=rule, description=method, callback=note)
    return Trained(learner, theta, history, divergence)


def held_out(settings: Settings) -> Tasks:
    """The test goals, the same for all methods and seeds."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return PointNavigation().sample_tasks(settings.test_tasks, generator, "test")


def evaluate(learned: Trained, seed: int, settings: Settings) -> Tensor:
    """The adaptation curve on the test goals, `[test task, step]`."""
    noise = torch.Generator().manual_seed(settings.noise_seed + seed)
    tasks = held_out(settings)
    return policies.adaptation_curve(
        learned.learner, learned.parameters, tasks, noise, inner_lr=settings.test_rates
    ).returns


@cache
def tuning(method: str, settings: Settings) -> tuple[float, ...]:
    """The mean return after one step on training goals of a training at each outer rate; `DIVERGED` where it broke."""
    found = []
    for outer_lr in settings.outer_lrs:
        try:
            learned = trained(method, settings.tuning_seed, outer_lr, settings)
        except FloatingPointError:
            found.append(DIVERGED)
            continue
        generator = torch.Generator().manual_seed(settings.tuning_task_seed)
        goals = learned.learner.family.sample_tasks(settings.tuning_tasks, generator)
        curve = policies.adaptation_curve(
            learned.learner, learned.parameters, goals, generator, inner_lr=settings.test_rates[:1]
        )
        found.append(float(curve.returns[:, 1].mean()))
    return tuple(found)


def run(method: str, seed: int, settings: Settings) -> Tensor:
    """The row `[test task, column]` of one method and seed."""
    by_rate = tuning(method, settings)
    learned = trained(method, seed, settings.outer_lrs[int(np.argmax(by_rate))], settings)
    returns = evaluate(learned, seed, settings)
    on_training = np.array_split(learned.history["return"], PARTS)
    speed = [float(part.mean()) for part in on_training]
    same = torch.tensor([*by_rate, *speed, float(np.mean(learned.divergence)), learned.history["env_steps"][-1]])
    return torch.cat([returns, same.expand(len(returns), -1)], 1)


class Row(NamedTuple):
    """What the table holds of one method."""

    returns: np.ndarray
    """on held-out goals after 0, 1, … steps, `[seed, goal, step]`"""
    tuning: np.ndarray
    """return after one step on training goals at each outer rate, `[rate]`; one training each"""
    outer_lr: float
    """the best of them"""
    learning: np.ndarray
    """return after the inner step on the goals of the training, in each third of it, `[seed, third]`"""
    divergence: np.ndarray
    """mean KL per step over the updates of a training, `[seed]`; of ProMP over eight steps of Adam"""
    env_steps: np.ndarray
    """of a training, `[seed]`"""


def read(scores: np.ndarray, settings: Settings | None = None) -> Row:
    """Take `[seed, goal, column]` apart, as `load_table("estimators").scores(method)` gives it."""
    settings = settings or Settings()
    points = len(settings.test_rates) + 1
    rates = points + len(settings.outer_lrs)
    by_rate, learning, divergence, env_steps = scores[0, 0, points:rates], scores[:, 0, rates:-2], *scores[:, 0, -2:].T
    best = settings.outer_lrs[int(by_rate.argmax())]
    return Row(scores[..., :points], by_rate, best, learning, divergence, env_steps)
