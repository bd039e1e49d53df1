"""What is found out about a project: its environment is tried, its agents and baselines are played again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import UniformPolicy
from metarl_core.check import CheckFailed
from metarl_core.check.ch04.acting import (
    action_of,
    at_some_moments,
    check_actions,
    episodes_meet,
    fault_of_policy,
    near_copies,
)
from metarl_core.check.ch04.earned import fault_of_means, other_spread
from metarl_core.check.ch04.environment import try_environment
from metarl_core.check.describe import describe
from metarl_core.check.reports import learners_code, same_agents
from metarl_core.tasks import TaskFamily, Trajectories, rollout

EPISODES = {"agents": 600, "controller": 1000, "random": 1000}
FEWEST = 20
LARGE = 30.0
"""mean size of an observed number that is no longer "of the order of 1" """
VERDICTS = (
    "the agents earn more than the controller",
    "the agents earn less than the controller",
    "the agents could not be told from the controller",
)


@dataclass(frozen=True)
class Played:
    """What agents, controller and random actions earn here, and what was seen on the way."""

    returns: dict
    ends_by_the_clock: bool = False
    far_from_one: bool = False
    controllers_episodes_meet: bool = False
    fault_of_policy: str | None = None


@dataclass(frozen=True)
class Found:
    """What the report says, and what its environment and its agents do."""

    from_the_course: bool
    played: "Played"
    copied: bool
    seeds: list
    evaluation_seeds: list
    env_steps: int
    reported: dict
    interval: tuple
    verdict: str

    @property
    def fewest_episodes(self) -> int:
        return min(returns.shape[1] for returns in self.reported.values())

    @property
    def own(self) -> dict:
        return self.played.returns

    @property
    def faults(self) -> dict:
        """Of the mean returns of agents, controller and random actions."""
        return {name: fault_of_means(self.reported[name], self.own[name]) for name in self.own}

    @property
    def other_spread(self) -> bool:
        return any(other_spread(self.reported[name], self.own[name]) for name in self.own)

    @property
    def controller_beats_random(self) -> bool:
        controller, random = self.own["controller"], self.own["random"]
        error = np.sqrt(controller.var() / controller.size + random.var() / random.size)
        return bool(controller.mean() - random.mean() > 2 * error)

    @property
    def verdict_of_the_numbers(self) -> str:
        mean = self.reported["controller"].mean()
        return VERDICTS[0 if self.interval[0] > mean else 1 if self.interval[1] < mean else 2]


class _Acting:
    """A function of the observation, or of parameters and observation, as a policy for `rollout`."""

    def __init__(self, who: str, function: Callable[[Any, Tensor], Any]):
        self.who, self.function = who, function

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.zeros(shape)

    def act(self, parameters: Any, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        action = action_of(self.who, self.function(parameters, observation))
        return action, torch.zeros(noise.shape)


def examine(report: dict[str, Any]) -> Found:
    """Try the environment, and play agents and baselines on episodes of the check's own."""
    family, seeds = report["family"], report["seeds"]
    if not isinstance(family, TaskFamily):
        raise CheckFailed(f'`project["family"]` is {describe(family)}; expected is a TaskFamily.', "type")
    if not callable(getattr(report["policy"], "greedy_action", None)):
        raise CheckFailed('`project["policy"]` should have a method greedy_action(parameters, observation).', "type")
    each = f"one row for each of your {len(seeds)} seeds"
    rows = {"returns": (len(seeds), each), "random_returns": (1, "one row"), "controller_returns": (1, "one row")}
    for name, (number, wanted) in rows.items():
        if len(report[name]) != number or not number:
            raise CheckFailed(f'`project["{name}"]` has {len(report[name])} rows; expected is {wanted}.', "shape")
    if any(value.ndim < 1 or len(value) != len(seeds) for value in report["parameters"].values()):
        raise CheckFailed(f'`project["parameters"]` should have an axis of your {len(seeds)} seeds in front.', "shape")
    reported = {
        "agents": report["returns"],
        "controller": report["controller_returns"],
        "random": report["random_returns"],
    }
    from_the_course = type(family).__module__.startswith("metarl_core.")
    played = Played(reported)
    not_ended = "Your environment had not been played through after a minute. Does it end?"
    with learners_code("Playing your environment", not_ended):
        if not from_the_course:  # what is wrong with it is known already
            try_environment(family)
            played = _play_all(report)
    return Found(
        from_the_course,
        played,
        same_agents(report["parameters"]) or near_copies(report["parameters"]),
        seeds,
        report["evaluation_seeds"],
        report["env_steps"],
        reported,
        (report["low"], report["high"]),
        report["verdict"],
    )


def _play_all(report: dict[str, Any]) -> Played:
    """Agents, controller and random actions in episodes of the check's own."""
    family, parameters, policy = report["family"], report["parameters"], report["policy"]
    ordinary = family.as_tasks(None)
    tasks = {name: value.expand(len(report["seeds"]), *value.shape[1:]) for name, value in ordinary.items()}
    greedy = _Acting("`greedy_action` of your policy", policy.greedy_action)
    by_hand = _Acting("Your controller", lambda _, seen: report["controller"](seen))
    who = {
        "agents": (tasks, greedy, parameters),
        "controller": (ordinary, by_hand, {}),
        "random": (ordinary, UniformPolicy(family.action_space), {}),
    }
    returns, ends, sizes, seen = {}, [], [], {}
    for n, (name, (own_tasks, one, own_parameters)) in enumerate(who.items()):
        generator = torch.Generator().manual_seed(90_001 + n)
        played = rollout(family, own_tasks, one, own_parameters, EPISODES[name], generator)
        if isinstance(one, _Acting):
            check_actions(one.who, played.actions[played.mask], family.action_space)
        returns[name] = played.returns.double().numpy()
        if not np.isfinite(returns[name]).all():
            raise CheckFailed("A reward of your environment is infinite or not a number.", "finite")
        ends.append(played.terminated[..., -1][played.lengths == family.horizon])
        sizes.append(_size(played))
        seen[name] = played.observations[:, :FEWEST]
    last = torch.cat(ends)
    return Played(
        returns,
        len(last) >= 20 and bool(last.all()),
        min(sizes) > LARGE,
        episodes_meet(report["controller"], at_some_moments(seen["controller"])),
        fault_of_policy(policy.greedy_action, parameters, seen["agents"]),
    )


def _size(played: Trajectories) -> float:
    """Mean size of the largest number that is observed; 0 for whole numbers: counts and pictures may be large."""
    if not played.observations.is_floating_point():
        return 0.0
    numbers = played.observations[played.mask].double().abs()
    return float(numbers.mean(0).max())
