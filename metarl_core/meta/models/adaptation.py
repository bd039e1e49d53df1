"""Planning with a model that adapts while it plays, and what that earns."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_callable, check_methods, check_shape, check_tensors
from metarl_core.meta.models.config import Method
from metarl_core.meta.models.transitions import Transitions
from metarl_core.parameters import Parameters, detach_parameters
from metarl_core.planning import Dynamics, Planner, Played, Reward, play
from metarl_core.tasks.family import GivenTasks, TaskFamily, Tasks


@dataclass(frozen=True)
class Believer:
    """A learned model as a `PlanningModel`: it predicts observations, and learns from each step as its method does."""

    method: Method
    meta: Parameters
    reward: Reward
    """of observation, action and next observation, such as a family's `observed_reward`"""

    def __post_init__(self) -> None:
        check_methods("method", self.method, "start", "observe", "predict")
        check_tensors("meta", self.meta)
        check_callable("reward", self.reward, "observations, actions and next observations")

    def begin(self, params: Tasks, like: Tensor) -> Any:
        return self.method.start(self.meta, like.shape[0] * like.shape[1])

    def dynamics(self, memory: Any, state: Tensor, observation: Tensor) -> Dynamics:
        def step(observations: Tensor, actions: Tensor) -> Tensor:
            flat = [value.flatten(0, 1) for value in (observations, actions)]
            return self.method.predict(self.meta, memory, *flat).unflatten(0, observations.shape[:2])

        return Dynamics(observation, step, self.reward)

    def seen(self, state: Tensor, observation: Tensor) -> Tensor:
        return observation

    def observe(self, memory: Any, observation: Tensor, action: Tensor, next_observation: Tensor) -> Any:
        taken = torch.ones(observation.shape[:2], dtype=torch.bool, device=observation.device)
        parts = (observation, action, next_observation, taken)
        return self.method.observe(self.meta, memory, Transitions(*(part.flatten(0, 1)[:, None] for part in parts)))


class AdaptationCurve(NamedTuple):
    """What planning with a model earns and how wrong the model is, step by step."""

    rewards: Tensor
    """mean over a task's episodes, `[task, time]`"""
    errors: Tensor
    """squared error of one-step predictions, mean over episodes and entries of the observation, `[task, time]`"""
    played: Played


def adaptation_curve(
    method: Method,
    meta: Parameters,
    family: TaskFamily,
    tasks: GivenTasks,
    planner: Planner,
    generator: torch.Generator,
    *,
    episodes: int = 1,
    horizon: int | None = None,
    reward: Reward | None = None,
) -> AdaptationCurve:
    """Plan at every step with the model as it is then, and let it learn from the step.

    Args:
        method: how the model learns while it plays.
        meta: meta-parameters.
        family: the environment.
        tasks: `[task, ...]`.
        planner: `CEM`, `RandomShooting`, `MPPI`.
        generator: source of all randomness.
        episodes: per task; nothing is carried from one to another.
        horizon: time limit in steps; the family's by default.
        reward: of observation, action and next observation; `family.observed_reward` unless given.

    Raises:
        ValueError: as `play`, or where the family has no `observed_reward` and none is given.
    """
    reward = getattr(family, "observed_reward", None) if reward is None else reward
    check_methods("method", method, "start", "observe", "predict")
    check_tensors("meta", meta)
    check_callable("reward", reward, "observations, actions and next observations")
    assert reward is not None
    model = Believer(method, detach_parameters(meta), reward)
    played = play(family, tasks, model, planner, episodes, generator, horizon=horizon)
    return AdaptationCurve(played.trajectories.rewards.mean(1), played.errors.mean((1, -1)), played)


@torch.no_grad()
def prediction_errors(method: Method, meta: Parameters, seen: Transitions) -> Tensor:
    """How wrong a model is about recorded episodes that it learns from as they go by, `[environment, time]`.

    Each step is predicted before it is seen. Errors are squared, in units of the network's normalisation, and averaged
    over the entries of an observation; nothing is planned.

    Args:
        method: how the model learns.
        meta: meta-parameters.
        seen: `[environment, time, ...]`.
    """
    check_methods("method", method, "network", "start", "observe", "predict")
    check_tensors("meta", meta)
    check_shape("seen.mask", seen.mask, "environment", "time")
    memory, errors = method.start(meta, len(seen.mask)), []
    for time in range(seen.mask.shape[1]):
        now = seen.at(slice(time, time + 1))
        predicted = method.predict(meta, memory, now.observations, now.actions)
        wrong = method.network.deltas(predicted, now.next_observations) - method.network.deltas(predicted, predicted)
        errors.append(wrong.square().mean((1, 2)))
        memory = method.observe(meta, memory, now)
    return torch.stack(errors, 1)
