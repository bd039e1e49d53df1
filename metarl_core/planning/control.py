"""Model-predictive control: plan, do the first step, look, plan again."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from gymnasium import spaces
from torch import Tensor

from metarl_core.arguments import check_at_least, check_between, check_count, check_generator, check_methods, check_type
from metarl_core.planning.imagine import Reward, Step, imagined_returns
from metarl_core.planning.search import Planner, shifted
from metarl_core.tasks.changing import ChangingTasks
from metarl_core.tasks.checks import check_horizon
from metarl_core.tasks.draws import randn
from metarl_core.tasks.family import GivenTasks, TaskFamily, Tasks, append_axes, expand_tasks
from metarl_core.tasks.rollout import Trajectories


class Dynamics(NamedTuple):
    """What is planned with at one step."""

    start: Tensor
    """where each environment is, `[task, episode, state]`, in the numbers that `step` takes"""
    step: Step
    reward: Reward


class PlanningModel(Protocol):
    """A model of the world that may learn from each step: `TrueDynamics`, `meta.models.Believer`, or your own."""

    def begin(self, params: Tasks, like: Tensor) -> Any:
        """What it knows before the first step; `params` are tasks `[task, episode, ...]`, `like` the observations."""

    def dynamics(self, memory: Any, state: Tensor, observation: Tensor) -> Dynamics:
        """The model as it is now. Only an oracle looks at `state`."""

    def seen(self, state: Tensor, observation: Tensor) -> Tensor:
        """Which of the two its `step` predicts."""

    def observe(self, memory: Any, observation: Tensor, action: Tensor, next_observation: Tensor) -> Any:
        """What it knows after one more step."""


@dataclass(frozen=True)
class TrueDynamics:
    """The family itself as the model: what planning reaches with nothing left to learn.

    In a family that changes it is told at each step what holds now, and does not foresee the change.
    """

    family: TaskFamily

    def __post_init__(self) -> None:
        check_type("family", self.family, TaskFamily)
        if not self.family.pure:
            raise ValueError(f"family must have pure functions, got {type(self.family).__name__}.")

    def begin(self, params: Tasks, like: Tensor) -> Tasks:
        return params

    def dynamics(self, memory: Tasks, state: Tensor, observation: Tensor) -> Dynamics:
        family, params, start = self.family, memory, state
        if isinstance(family, ChangingTasks):
            params, family, start = family.holds(state, params), family.family, state[..., :-1]
        rng = torch.Generator(start.device)

        def flat(function: Callable[..., Tensor], values: tuple[Tensor, ...]) -> Tensor:
            """The function of a family, for candidates as further episodes."""
            if values[0].ndim == start.ndim:
                return function(*values, rng, params)
            candidates = values[0].shape[2]
            many = {name: value.repeat_interleave(candidates, 1) for name, value in params.items()}
            result = function(*(value.flatten(1, 2) for value in values), rng, many)
            return result.unflatten(1, (start.shape[1], candidates))

        return Dynamics(start, lambda *given: flat(family.transition, given), lambda *given: flat(family.reward, given))

    def seen(self, state: Tensor, observation: Tensor) -> Tensor:
        return state[..., :-1] if isinstance(self.family, ChangingTasks) else state

    def observe(self, memory: Tasks, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tasks:
        return memory


class Played(NamedTuple):
    """Episodes under model-predictive control."""

    trajectories: Trajectories
    errors: Tensor
    """squared error of the model's prediction of each step, made before it was seen; `[task, episode, time, state]`,
    zeros after an episode's end"""


@torch.no_grad()
def play(
    family: TaskFamily,
    tasks: GivenTasks,
    model: PlanningModel,
    planner: Planner,
    episodes: int,
    generator: torch.Generator,
    *,
    horizon: int | None = None,
    discount: float = 1.0,
    exploration: float = 0.0,
) -> Played:
    """Run episodes in which each action is the first of a new plan, for all tasks and episodes at once.

    A search begins with what is left of the plan before it. What the model learns from a step, it knows when the next
    one is planned.

    Args:
        family: the environment, with bounded continuous actions.
        tasks: task parameters `[task, ...]`.
        model: what is planned with, and what learns while it plays.
        planner: `RandomShooting`, `CEM`, `MPPI`, or your own.
        episodes: episodes per task, at least 1; the model begins each anew.
        generator: source of all randomness.
        horizon: time limit in steps; the family's by default.
        discount: γ within a plan.
        exploration: standard deviation of noise on each action, in units of half its range; what is played stays inside
            the action space.

    Raises:
        ValueError: for malformed tasks, actions that are not of a bounded Box, or fewer than one episode or step.
    """
    check_type("family", family, TaskFamily)
    check_methods("model", model, "begin", "dynamics", "seen", "observe")
    check_methods("planner", planner, "horizon", "noise", "search")
    space = family.action_space
    if not (isinstance(space, spaces.Box) and space.is_bounded() and len(space.shape) == 1):
        raise ValueError(f"family must have actions in a bounded Box with one axis, got {space}.")
    tasks = family.as_tasks(tasks)
    number = family.check_tasks(tasks)
    horizon = family.horizon if horizon is None else check_horizon(horizon)
    check_count("episodes", episodes)
    check_generator(generator)
    check_between("discount", discount)
    check_at_least("exploration", exploration, 0)
    params = expand_tasks(tasks, episodes)
    state = family.initial(generator, params)
    observation = family.observation(state, generator, params)
    low, high = (torch.from_numpy(edge).to(observation) for edge in (space.low, space.high))
    memory, batch = model.begin(params, observation), (number, episodes)
    plan: Tensor | None = None
    alive = torch.ones(batch, dtype=torch.bool, device=state.device)
    records: list[tuple[Tensor, ...]] = []
    for _ in range(horizon):
        now = model.dynamics(memory, state, observation)
        score = functools.partial(_score, now, discount)
        plan = planner.search(score, low, high, planner.noise(batch, low, generator), plan)
        action = plan[..., 0, :]
        if exploration:
            drawn = randn(tuple(action.shape), generator, action)
            action = (action + exploration * (high - low) / 2 * drawn).clamp(low, high)
        plan = shifted(plan)
        next_state = family.transition(state, action, generator, params)
        next_observation = family.observation(next_state, generator, params)
        reward = family.reward(state, action, next_state, generator, params)
        error = (now.step(now.start, action) - model.seen(next_state, next_observation)).square()
        terminal = family.terminal(next_state, generator, params)
        cut = family.truncated(next_state, generator, params)
        cut = torch.zeros_like(terminal) if cut is None else cut & ~terminal
        records.append((observation, action, reward, error, alive, terminal & alive, cut & alive, next_observation))
        memory = model.observe(memory, observation, action, next_observation)
        alive = alive & ~terminal & ~cut
        state, observation = next_state, next_observation
    return _assemble(records)


def _score(now: Dynamics, discount: float, sequences: Tensor) -> Tensor:
    return imagined_returns(now.step, now.reward, now.start, sequences, discount)


def _assemble(records: list[tuple[Tensor, ...]]) -> Played:
    """Records by time as `Played`, zeros after the end of an episode."""
    columns = [torch.stack(column, 2) for column in zip(*records, strict=True)]
    mask, terminated, cut = columns[4], columns[5], columns[6]
    observations, actions, rewards, errors, following = (
        column.masked_fill(append_axes(~mask, column), 0) for column in (*columns[:4], columns[7])
    )
    last = mask.sum(-1) - 1
    place = last[..., None, None].expand(*last.shape, 1, following.shape[-1])
    ends = torch.zeros_like(mask).scatter_(-1, last[..., None], True)
    trajectories = Trajectories(
        observations=observations,
        actions=actions,
        rewards=rewards,
        log_probabilities=torch.zeros_like(rewards),
        mask=mask,
        terminated=terminated,
        truncated=cut | (ends & ~terminated),
        final_observations=following.gather(2, place).squeeze(2),
    )
    return Played(trajectories, errors)
