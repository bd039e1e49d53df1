"""Collect episodes of a policy on many tasks at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_dictionary, check_generator
from metarl_core.tasks.checks import check_horizon
from metarl_core.tasks.family import GivenTasks, Index, TaskFamily, Tasks, append_axes, expand_tasks, select_tasks


class Policy(Protocol):
    """What `rollout` needs: noise drawn ahead for all time steps, and an action as a function of it.

    `parameters` is a dictionary of tensors, shared by all tasks or with a leading task axis. Noise is drawn on the
    generator's device in torch's default dtype; `rollout` moves and casts it to the parameters' side.
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
    `truncated`             `[task, episode, time]`       true at the step after which the episode was cut off
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

    def select(self, index: Index) -> "Trajectories":
        """The trajectories of some tasks, chosen as by `select_tasks`."""
        return Trajectories(**select_tasks(vars(self), index))


class NotANumberError(ValueError, FloatingPointError):
    """A policy whose parameters have diverged: it is a bad argument and a numerical failure."""


@torch.no_grad()
def rollout(
    family: TaskFamily,
    tasks: GivenTasks,
    policy: Policy,
    parameters: dict[str, Tensor],
    episodes: int,
    generator: torch.Generator,
    horizon: int | None = None,
) -> Trajectories:
    """Run `episodes` episodes of `policy` on each task, all at once.

    Args:
        family: the environment.
        tasks: task parameters `[task, ...]`. Observations, rewards and noise take their dtype and device.
        policy: see `Policy`.
        parameters: the policy's parameters, shared or one set a task.
        episodes: episodes per task, at least 1.
        generator: source of all randomness.
        horizon: time limit in steps; the family's by default.

    Raises:
        ValueError: for malformed tasks, a network's parameters of another dtype or device than the tasks, fewer
            than one episode or step, actions of another shape than the action space's, or NaN in actions or their
            log-probabilities (`NotANumberError`).
    """
    if not isinstance(family, TaskFamily):
        raise ValueError(f"family must be a TaskFamily, got {family!r}.")
    if not hasattr(policy, "noise") or not hasattr(policy, "act"):
        raise ValueError(f"policy must have the methods noise and act, got {policy!r}.")
    tasks = family.as_tasks(tasks)
    number = family.check_tasks(tasks)
    horizon = family.horizon if horizon is None else check_horizon(horizon)
    check_count("episodes", episodes)
    check_generator(generator)
    device, dtype = check_parameters(tasks, policy, parameters)
    params = expand_tasks(tasks, episodes)
    batch = (number, episodes)
    noise = policy.noise((horizon, *batch), generator).to(device)
    noise = noise.to(dtype) if noise.is_floating_point() else noise
    state = family.initial(generator, params)
    observation = family.observation(state, generator, params)
    # Simulators do not know what the parameters are made of.
    other_dtype = observation.is_floating_point() and observation.dtype != dtype
    observation = observation.to(dtype) if other_dtype else observation
    observations = observation.new_empty((horizon + 1, *observation.shape))
    observations[0] = observation
    rewards = log_probabilities = actions = observations.new_empty(0)
    done, cut = torch.zeros((2, horizon, *batch), dtype=torch.bool, device=device)
    over = torch.zeros(batch, dtype=torch.bool, device=device)
    for time in range(horizon):
        action, log_probability = policy.act(parameters, observation, noise[time])
        if time == 0:
            expected = (*batch, *(family.action_space.shape or ()))
            if tuple(action.shape) != expected:
                raise ValueError(f"the policy's actions must have shape {list(expected)}, got {list(action.shape)}.")
            actions = action.new_zeros((horizon, *action.shape))
            log_probabilities = log_probability.new_empty((horizon, *batch))
        actions[time], log_probabilities[time] = action, log_probability
        next_state = family.transition(state, action, generator, params)
        reward = family.reward(state, action, next_state, generator, params)
        if time == 0:
            rewards = reward.new_empty((horizon, *batch), dtype=dtype if other_dtype else None)
        rewards[time] = reward
        terminal = family.terminal(next_state, generator, params)
        stopped = family.truncated(next_state, generator, params)
        if stopped is not None:
            torch.logical_and(stopped, ~terminal, out=cut[time])
            terminal = terminal | stopped
        torch.logical_or(over, terminal, out=over)
        done[time] = over
        state = next_state
        observation = family.observation(state, generator, params)
        observation = observation.to(dtype) if other_dtype else observation
        observations[time + 1] = observation
        if time % 10 == 9 and bool(over.all()):
            break
    steps = time + 1
    # Categorical actions drawn from NaN probabilities look like any others; their log-probabilities do not.
    if bool(actions.isnan().any()) or bool(log_probabilities[:steps].isnan().any()):
        raise NotANumberError("actions and their log-probabilities must be numbers, got NaN from the policy.")
    taken = [record[:steps] for record in (actions, rewards, log_probabilities, done, cut)]
    return _assemble(horizon, observations, *taken)


def check_parameters(
    tasks: Tasks, policy: Policy, parameters: Mapping[str, Tensor]
) -> tuple[torch.device, torch.dtype]:
    """The device and the floating dtype that episodes on `tasks` are computed in.

    The dtype is that of the tasks, or of the parameters where tasks are integers, or torch's default.

    Raises:
        ValueError: where the policy's parameters are on another device than the tasks, or it is a network and they
            are of another dtype. Other policies (tables, controllers) may compute in a dtype of their own.
    """
    check_dictionary("parameters", parameters)
    device = next(iter(tasks.values())).device
    dtype = next((value.dtype for value in tasks.values() if value.is_floating_point()), None)
    for name, value in parameters.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"parameters[{name!r}] must be a tensor, got {type(value).__name__}.")
        if value.device != device:
            raise ValueError(f"parameters[{name!r}] must be on the tasks' device {device}, got {value.device}.")
        if value.is_floating_point():
            dtype = value.dtype if dtype is None else dtype
            if value.dtype != dtype and isinstance(policy, torch.nn.Module):
                raise ValueError(f"parameters[{name!r}] must be of the tasks' dtype {dtype}, got {value.dtype}.")
    return device, torch.get_default_dtype() if dtype is None else dtype


def _assemble(
    horizon: int,
    observations: Tensor,
    actions: Tensor,
    rewards: Tensor,
    log_probabilities: Tensor,
    done: Tensor,
    cut: Tensor,
) -> Trajectories:
    """Turn time-first records into `Trajectories`.

    `done` stays true from the step on that ended the episode; `cut` says where the environment truncated it.
    """
    before = done.roll(1, 0)
    before[0] = False
    mask = ~before
    lengths = mask.sum(0)
    last = (lengths - 1)[None]
    ended = torch.zeros_like(mask).scatter_(0, last, True)
    terminated = ended & done & ~cut
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
        terminated=batch_first(terminated),
        truncated=batch_first(ended & ~terminated),
        final_observations=final,
    )
