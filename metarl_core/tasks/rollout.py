"""Collect episodes of a policy on many tasks at once."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks, append_axes, check_horizon, expand_tasks


class Policy(Protocol):
    """What `rollout` needs: noise drawn ahead for all time steps, and an action as a function of it.

    `parameters` is a dictionary of tensors, shared by all tasks or with a leading task axis.
    """

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor: ...

    def act(self, parameters: dict[str, Tensor], observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class Trajectories:
    """Episodes as tensors `[task, episode, time, ...]`, padded with zeros after an episode's end.

    ======================  ============================  ==================================================
    `observations`          `[task, episode, time, ...]`  before each action
    `actions`               `[task, episode, time, ...]`
    `rewards`               `[task, episode, time]`
    `log_probabilities`     `[task, episode, time]`       of the actions when they were drawn; no gradient
    `mask`                  `[task, episode, time]`       true where a step was taken
    `terminated`            `[task, episode, time]`       true at the step after which the MDP ended
    `truncated`             `[task, episode, time]`       true at the step after which the time limit fell
    `final_observations`    `[task, episode, ...]`        after the last step, for bootstrapping
    ======================  ============================  ==================================================
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    log_probabilities: Tensor
    mask: Tensor
    terminated: Tensor
    truncated: Tensor
    final_observations: Tensor

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of each episode, `[task, episode]`."""
        return self.rewards.sum(-1)

    @property
    def lengths(self) -> Tensor:
        """Steps of each episode, `[task, episode]`."""
        return self.mask.sum(-1)

    @property
    def steps(self) -> int:
        """Environment steps taken in all."""
        return int(self.mask.sum())

    def select(self, index) -> "Trajectories":
        """The trajectories of some tasks (a slice, list or index tensor)."""
        return Trajectories(**{name: value[index] for name, value in vars(self).items()})


class NotANumberError(ValueError, FloatingPointError):
    """A policy whose parameters have diverged: it is a bad argument and a numerical failure."""


@torch.no_grad()
def rollout(
    family: TaskFamily,
    tasks: Tasks,
    policy: Policy,
    parameters: dict[str, Tensor],
    episodes: int,
    generator: torch.Generator,
    horizon: int | None = None,
) -> Trajectories:
    """Run `episodes` episodes of `policy` on each task, all at once.

    Args:
        family: the environment.
        tasks: task parameters `[task, ...]`.
        policy: see `Policy`.
        parameters: the policy's parameters, shared or one set a task.
        episodes: episodes per task, at least 1.
        generator: source of all randomness.
        horizon: time limit in steps; the family's by default.

    Raises:
        ValueError: for malformed tasks, fewer than one episode or step, actions of another shape than
            the action space's, or NaN in actions or their log-probabilities (`NotANumberError`).
    """
    number = family.check_tasks(tasks)
    horizon = family.horizon if horizon is None else check_horizon(horizon)
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}.")
    params = expand_tasks(tasks, episodes)
    batch = (number, episodes)
    noise = policy.noise((horizon, *batch), generator)
    state = family.initial(generator, params)
    observation = family.observation(state, generator, params)
    observations = observation.new_empty((horizon + 1, *observation.shape))
    observations[0] = observation
    rewards, log_probabilities = torch.empty((2, horizon, *batch))
    terminal = torch.zeros((horizon, *batch), dtype=torch.bool)
    done = torch.zeros(batch, dtype=torch.bool)
    actions = None
    for time in range(horizon):
        action, log_probabilities[time] = policy.act(parameters, observation, noise[time])
        if actions is None:
            expected = (*batch, *family.action_space.shape)
            if tuple(action.shape) != expected:
                raise ValueError(f"the policy's actions must have shape {list(expected)}, got {list(action.shape)}.")
            actions = action.new_zeros((horizon, *action.shape))
        actions[time] = action
        next_state = family.transition(state, action, generator, params)
        rewards[time] = family.reward(state, action, next_state, generator, params)
        torch.logical_or(done, family.terminal(next_state, generator, params), out=done)
        terminal[time] = done
        state = next_state
        observation = family.observation(state, generator, params)
        observations[time + 1] = observation
        if time % 10 == 9 and bool(done.all()):
            break
    steps = time + 1
    # Categorical actions drawn from NaN probabilities look like any others; their log-probabilities do not.
    if bool(actions.isnan().any()) or bool(log_probabilities[:steps].isnan().any()):
        raise NotANumberError("actions and their log-probabilities must be numbers, got NaN from the policy.")
    taken = (record[:steps] for record in (actions, rewards, log_probabilities, terminal))
    return _assemble(observations, *taken, horizon)


def _assemble(observations, actions, rewards, log_probabilities, done, horizon) -> Trajectories:
    """Turn time-first records into `Trajectories`; `done` stays true from the terminal step on."""
    before = done.roll(1, 0)
    before[0] = False
    mask = ~before
    lengths = mask.sum(0)
    last = (lengths - 1)[None]
    ended = torch.zeros_like(mask).scatter_(0, last, True)
    final = observations.gather(0, append_axes(lengths[None], observations).expand(1, *observations.shape[1:]))[0]

    def batch_first(values: Tensor) -> Tensor:
        padded = values.new_zeros((*values.shape[1:3], horizon, *values.shape[3:]))
        padded[:, :, : len(values)] = values.masked_fill(append_axes(~mask, values), 0).movedim(0, 2)
        return padded

    return Trajectories(
        observations=batch_first(observations[: len(mask)]),
        actions=batch_first(actions),
        rewards=batch_first(rewards),
        log_probabilities=batch_first(log_probabilities),
        mask=batch_first(mask),
        terminated=batch_first(ended & done),
        truncated=batch_first(ended & ~done),
        final_observations=final,
    )
