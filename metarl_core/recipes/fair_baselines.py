"""Chapter 01: the baselines of `point_navigation` once more, with step sizes that suit a budget of one gradient step.

There, pre-trained and specialist take the one step size that is best after three steps, and training from
scratch takes a fixed learning rate. Both flatter whoever is compared with them. Here every baseline gets its step
size by a search on training goals for the budget in question. Every result is `[test task, update, 2]`: the mean return
and the environment steps taken on that task before it.

- pre-trained, specialist: trained as in `point_navigation`; the first step size is the best of `rates` after one
  step, the later ones are half of it, as in the MAML paper's evaluation.
- from scratch: the learning rate with the best mean return over all updates on `search_tasks` training goals.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from metarl_core.meta import policies
from metarl_core.recipes import point_navigation
from metarl_core.tasks import PointNavigation, Tasks, Trajectories

METHODS = ("pre-trained", "specialist", "from scratch")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    training: point_navigation.Settings = field(default_factory=point_navigation.Settings)
    rates: tuple[float, ...] = (0.25, 0.35, 0.5, 0.7, 1.0)
    scratch_rates: tuple[float, ...] = (3e-3, 1e-2, 3e-2)
    search_tasks: int = 10

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds

    @property
    def test_tasks(self) -> int:
        return self.training.test_tasks


def run(method: str, seed: int, settings: Settings) -> torch.Tensor:
    """Returns and environment steps `[test task, update, 2]` of one method and seed."""
    training = settings.training
    test = point_navigation.held_out(training)
    if method == "from scratch":
        return from_scratch(test, seed, settings)
    learned = point_navigation.trained(method, seed, training)
    point_navigation.test_rates(method, learned, training)  # goes on where the random numbers of that table do
    learner, start, generator = learned.learner, learned.parameters, learned.generator
    training_tasks = learner.family.sample_tasks(training.test_tasks, generator)
    rate = policies.choose_inner_lr(learner, start, training_tasks, settings.rates, 1, generator)
    rates = [rate, rate / 2, rate / 2]
    curve = policies.adaptation_curve(learner, start, test, generator, inner_lr=rates)
    return returns_and_steps(curve.trajectories)


def from_scratch(test: Tasks, seed: int, settings: Settings) -> torch.Tensor:
    """One policy per test goal, at the learning rate that was best on training goals."""
    policy, start, generator = point_navigation.untrained(seed)

    def curve(tasks: Tasks, rate: float) -> torch.Tensor:
        config = dataclasses.replace(settings.training.scratch, lr=rate)
        return returns_and_steps(point_navigation.from_scratch(policy, start, config, tasks, generator))

    search = PointNavigation().sample_tasks(settings.search_tasks, generator)
    means = [float(curve(search, rate)[..., 0].mean()) for rate in settings.scratch_rates]
    return curve(test, settings.scratch_rates[means.index(max(means))])


def returns_and_steps(trajectories: Sequence[Trajectories]) -> torch.Tensor:
    """From the trajectories before each update to `[task, update, 2]`."""
    returns = torch.stack([batch.returns.mean(1) for batch in trajectories], 1)
    steps = torch.stack([batch.lengths.sum(1) for batch in trajectories], 1)
    before = steps.cumsum(1) - steps
    return torch.stack([returns, before.to(returns.dtype)], -1)
