"""What is found out about a project: its environment is tried, its agents and baselines are played again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import UniformPolicy
from metarl_core.check import CheckFailed
from metarl_core.check.ch04.environment import Tried, try_environment
from metarl_core.check.describe import describe
from metarl_core.check.guard import TooLong, allowed_seconds, limited
from metarl_core.check.reports import fault_of_returns, same_agents
from metarl_core.tasks import TaskFamily, rollout

EPISODES, FEWEST = 200, 20
VERDICTS = (
    "the agents earn more than the controller",
    "the agents earn less than the controller",
    "the agents could not be told from the controller",
)


@dataclass(frozen=True)
class Acted:
    """What the policy does in the places that its agents come to."""

    varies: bool = False
    ignores_parameters: bool = False


@dataclass(frozen=True)
class Found:
    """What the report says, and what its environment and its agents do."""

    from_the_course: bool
    tried: Tried
    ends_by_the_clock: bool
    acted: Acted
    copied: bool
    seeds: list
    evaluation_seeds: list
    env_steps: int
    reported: dict
    own: dict
    interval: tuple
    verdict: str

    @property
    def fewest_episodes(self) -> int:
        return min(returns.shape[1] for returns in self.reported.values())

    @property
    def faults(self) -> dict:
        """Of the returns of agents, controller and random actions."""
        return {name: fault_of_returns(self.reported[name], self.own[name]) for name in self.own}

    @property
    def controller_beats_random(self) -> bool:
        controller, random = self.own["controller"], self.own["random"]
        error = np.sqrt((controller.var() + random.var()) / EPISODES)
        return bool(controller.mean() - random.mean() > 2 * error)

    @property
    def verdict_of_the_numbers(self) -> str:
        mean = self.reported["controller"].mean()
        return VERDICTS[0 if self.interval[0] > mean else 1 if self.interval[1] < mean else 2]


class _Acting:
    """A function of the observation, or of parameters and observation, as a policy for `rollout`."""

    def __init__(self, function: Callable[[Any, Tensor], Any]):
        self.function = function

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.zeros(shape)

    def act(self, parameters: Any, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        action = torch.as_tensor(self.function(parameters, observation))
        return action, torch.zeros(noise.shape)


def examine(report: dict[str, Any]) -> Found:
    """Try the environment, and play agents and baselines on episodes of the check's own."""
    family, seeds = report["family"], report["seeds"]
    if not isinstance(family, TaskFamily):
        raise CheckFailed(f'`project["family"]` is {describe(family)}; expected is a TaskFamily.', "type")
    if not callable(getattr(report["policy"], "greedy_action", None)):
        raise CheckFailed('`project["policy"]` should have a method greedy_action(parameters, observation).', "type")
    rows = {"returns": len(seeds), "random_returns": 1, "controller_returns": 1}
    for name, number in rows.items():
        if len(report[name]) != number or not number:
            words = f"has {len(report[name])} rows; expected " + (
                "is 1." if name != "returns" else f"are {number}, one for each of your seeds."
            )
            raise CheckFailed(f'`project["{name}"]` {words}', "shape")
    if any(value.ndim < 1 or len(value) != len(seeds) for value in report["parameters"].values()):
        raise CheckFailed(f'`project["parameters"]` should have an axis of your {len(seeds)} seeds in front.', "shape")
    reported = {
        "agents": report["returns"],
        "controller": report["controller_returns"],
        "random": report["random_returns"],
    }
    from_the_course = type(family).__module__.startswith("metarl_core.")
    tried, own, by_the_clock, acted = Tried(), reported, False, Acted()
    try:
        with limited(6 * allowed_seconds()):
            if not from_the_course:  # what is wrong with it is known already
                tried = try_environment(family)
                own, by_the_clock, acted = _play_all(report)
    except TooLong:
        raise CheckFailed("Your environment had not been played through after a minute. Does it end?", "time") from None
    except CheckFailed:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        words = f"raised {type(error).__name__}: {text[0][:300] if text else ''}"
        raise CheckFailed(f"Playing your environment {words}", "exception") from None
    return Found(
        from_the_course,
        tried,
        by_the_clock,
        acted,
        same_agents(report["parameters"]),
        seeds,
        report["evaluation_seeds"],
        report["env_steps"],
        reported,
        own,
        (report["low"], report["high"]),
        report["verdict"],
    )


def _act(policy: Any, parameters: dict[str, Tensor], observations: Tensor) -> Acted:
    """Ask it once more, and with random numbers for parameters: a policy that learned answers otherwise somewhere."""

    def ask(parameters: dict[str, Tensor]) -> Tensor:
        return torch.as_tensor(policy.greedy_action(parameters, observations.clone()))

    def drawn(seed: int) -> dict[str, Tensor]:
        source = torch.Generator().manual_seed(seed)
        return {name: torch.randn(value.shape, generator=source).to(value) for name, value in parameters.items()}

    first = ask(parameters)
    return Acted(
        not torch.equal(first, ask(parameters)),
        all(torch.equal(first, ask(drawn(seed))) for seed in range(5)),
    )


def _play_all(report: dict[str, Any]) -> tuple[dict[str, np.ndarray], bool, Acted]:
    """Returns of agents, controller and random actions, whether the time limit is told as an end, and of the policy.

    It is if all episodes that last until the limit, and twenty or more do, are terminated in just that step.
    """
    family, parameters, policy = report["family"], report["parameters"], report["policy"]
    ordinary = family.as_tasks(None)
    tasks = {name: value.expand(len(report["seeds"]), *value.shape[1:]) for name, value in ordinary.items()}

    last_steps: list[Tensor] = []
    places: list[Tensor] = []

    def play(tasks: Any, one: Any, parameters: dict[str, Tensor], seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        played = rollout(family, tasks, one, parameters, EPISODES, generator)
        last_steps.append(played.terminated[..., -1][played.lengths == family.horizon])
        places.append(played.observations[:, :20].flatten(1, 2))
        returns = played.returns.double().numpy()
        if not np.isfinite(returns).all():
            raise CheckFailed("A reward of your environment is infinite or not a number.", "finite")
        return returns

    own = {
        "agents": play(tasks, _Acting(policy.greedy_action), parameters, 90_001),
        "controller": play(ordinary, _Acting(lambda _, seen: report["controller"](seen)), {}, 90_002),
        "random": play(ordinary, UniformPolicy(family.action_space), {}, 90_003),
    }
    ends = torch.cat(last_steps)
    return own, len(ends) >= 20 and bool(ends.all()), _act(policy, parameters, places[0])
