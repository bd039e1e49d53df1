"""Chapter 10: what a meta-learned inner loop reads in its transitions, rewards or the values of where moves led.

Meta-SGD over DQN on the keys of `meta_dqn`, with a third of that table's outer loop, five seeds a method:

- rewards and values: γ = 0.95 in both loops, as everywhere else.
- rewards alone inside: γ = 0 in the inner loop, whose target is then the reward; 0.95 outside.
- rewards alone: γ = 0 everywhere. A move's reward is minus the distance after it, so that even the greediest player
  of rewards walks straight to the goal.

A row is `[task, column]`, 20 test tasks and then 20 out of distribution: returns of the greedy policy, means over
`supports` support sets of random moves, with columns that `columns` names. The last is environment steps of training.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.agents import QNetwork, Transitions, mean_returns
from metarl_core.meta import QMAML, random_transitions, values
from metarl_core.parameters import Parameters
from metarl_core.recipes import meta_dqn
from metarl_core.recipes.meta_dqn.settings import Problem
from metarl_core.tasks import TaskFamily, Tasks

METHODS = ("rewards and values", "rewards alone inside", "rewards alone")


@dataclass(frozen=True)
class Settings:
    """What the methods share."""

    iterations: int = 60
    inner_lr: float = 0.03
    """where the learned rates begin"""
    moves: tuple[int, ...] = (10, 25, 50, 100, 200)
    trained_with: int = 50
    """of them, in meta-training and for all probes"""
    turns: tuple[int, ...] = (45, 90, 135, 180)
    """degrees between a task and the one that the support set comes from"""
    supports: tuple[int, ...] = (3, 5, 7)
    """seeds of the support sets"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def recipe(self) -> meta_dqn.Settings:
        """The settings of the large table, with this shorter outer loop."""
        return meta_dqn.Settings(problems={"keys": Problem(self.inner_lr, self.iterations)})

    @property
    def test_tasks(self) -> int:
        """Those of the large table, half of them out of distribution."""
        return self.recipe.test_tasks


class RewardsInside(QMAML):
    """`QMAML` whose inner loop knows no value of where a move led: its target is the reward."""

    def adapt(self, meta: Parameters, batches: Sequence[Transitions], create_graph: bool = False) -> Parameters:
        """Adapted parameters `[learner, ...]`, as those of a `QMAML` with γ = 0."""
        return QMAML.adapt(dataclasses.replace(self, discount=0.0), meta, batches, create_graph)


class Trained(NamedTuple):
    """A meta-learner and what it has learned."""

    method: QMAML
    meta: Parameters
    """`[1, ...]`"""
    tasks: Tasks
    """that it has learned from"""
    env_steps: int


def learner(method: str, family: TaskFamily, network: QNetwork, settings: Settings) -> QMAML:
    """The meta-learner of a method."""
    recipe = settings.recipe
    kind, dqn = RewardsInside if method == "rewards alone inside" else QMAML, recipe.dqn
    return kind(
        family,
        network,
        discount=0.0 if method == "rewards alone" else dqn.discount,
        double=dqn.double,
        huber=dqn.huber,
        inner_lr=settings.inner_lr,
        inner_steps=recipe.problems["keys"].inner_steps,
        learned_rates=True,
    )


def trained(method: str, seed: int, settings: Settings | None = None) -> Trained:
    """Meta-train one network."""
    settings = settings or Settings()
    recipe, family = settings.recipe, meta_dqn.family_of("keys")
    network, start = meta_dqn.untrained(family, (seed,), recipe)
    maml, generator = learner(method, family, network, settings), torch.Generator().manual_seed(seed)
    tasks = family.sample_tasks(recipe.tasks, generator)
    config = meta_dqn.meta_training("keys", "Meta-SGD", recipe)
    meta, history = values.train(
        maml, maml.initial(start), config, generator, tasks=tasks, seed=seed, description=f"Meta-SGD, {method}"
    )
    return Trained(maml, meta, tasks, history["env_steps"][-1])


def shuffled(support: Transitions, fields: Sequence[str], seed: int) -> Transitions:
    """A support set whose `fields` come from other transitions of the same set, all from the same one."""
    order = torch.randperm(support.rewards.shape[1], generator=torch.Generator().manual_seed(seed))
    return support._replace(**{field: getattr(support, field)[:, order] for field in fields})


SHUFFLED = {
    "rewards shuffled": ("rewards",),
    "next observations shuffled": ("next_observations", "terminated"),
    "actions shuffled": ("actions",),
}


def columns(settings: Settings | None = None) -> tuple[str, ...]:
    """Names of the columns of a row."""
    settings = settings or Settings()
    others = [f"moves of a task turned by {turn}°" for turn in settings.turns]
    return ("before", *(f"{number} own moves" for number in settings.moves), *SHUFFLED, *others, "environment steps")


def probes(learned: Trained, tasks: Tasks, settings: Settings | None = None) -> Tensor:
    """Returns `[task, column]` of all columns but the last."""
    settings = settings or Settings()
    method, family = learned.method, learned.method.family
    n = settings.trained_with

    def returns(parameters: Parameters) -> Tensor:
        generator = torch.Generator().manual_seed(4)
        return mean_returns(family, tasks, method.network, parameters, 10, generator)

    def after(support: Transitions) -> Tensor:
        return returns(method.adapt_to_support(learned.meta, support))

    start = method.start(learned.meta)
    before = returns({name: value.expand(family.check_tasks(tasks), *value.shape[1:]) for name, value in start.items()})
    found = []
    for seed in settings.supports:
        own = random_transitions(family, tasks, n, seed)
        one = [after(random_transitions(family, tasks, number, seed)) for number in settings.moves]
        one += [after(shuffled(own, fields, seed)) for fields in SHUFFLED.values()]
        for turn in settings.turns:
            turned = {**tasks, "angle": tasks["angle"] + math.radians(turn)}
            one.append(after(random_transitions(family, turned, n, seed)))
        found.append(torch.stack(one, 1))
    return torch.cat([before[:, None], torch.stack(found).mean(0)], 1)


def run(method: str, seed: int, settings: Settings) -> Tensor:
    """The row `[task, column]` of one method and seed."""
    learned = trained(method, seed, settings)
    tasks = meta_dqn.held_out(learned.method.family, settings.recipe)
    found = probes(learned, tasks, settings)
    return torch.cat([found, torch.full((len(found), 1), float(learned.env_steps))], 1)
