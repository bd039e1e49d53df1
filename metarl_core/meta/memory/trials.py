"""Trials: several episodes on one task, played without forgetting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_methods, check_type
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import GivenTasks, TaskFamily, Tasks, append_axes, expand_tasks
from metarl_core.tasks.rollout import NotANumberError, check_parameters

ExpectedReward = Callable[[Tensor, Tensor, Tasks], Tensor]
"""(state, action, tasks), all `[task, trial, ...]` -> mean of the reward given them, `[task, trial]`"""


class Player(Protocol):
    """What `play_trials` needs: an agent that remembers."""

    def start(self, parameters: Parameters, *batch: int) -> Any: ...

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor: ...

    def encode(self, observation: Tensor, action: Tensor, reward: Tensor, done: Tensor, first: Tensor) -> Tensor: ...

    def act(self, parameters: Parameters, inputs: Tensor, memory: Any, noise: Tensor) -> tuple[Tensor, Tensor, Any]: ...


@dataclass(frozen=True)
class Trials:
    """Trials as tensors `[task, trial, time, ...]`; the episodes of a trial follow each other without a gap.

    A trial has as many steps as its episodes took; the rest, up to episodes × horizon, is padding, zeros.

    ======================  ==========================  =====================================================
    `inputs`                `[task, trial, time, ...]`  what the memory was given: o, a₋₁, r₋₁, d₋₁ encoded
    `observations`          `[task, trial, time, ...]`  before each action
    `actions`               `[task, trial, time, ...]`
    `rewards`               `[task, trial, time]`       as they were drawn, and seen
    `expected_rewards`      `[task, trial, time]`       their means given state and action; `rewards` where unknown
    `log_probabilities`     `[task, trial, time]`       of the actions when they were drawn; no gradient
    `mask`                  `[task, trial, time]`       true where a step was taken
    `done`                  `[task, trial, time]`       true at the step that ended an episode, in whatever way
    `episode`               `[task, trial, time]`       number of the episode, from 0
    ======================  ==========================  =====================================================
    """

    inputs: Tensor
    observations: Tensor
    actions: Tensor
    rewards: Tensor
    expected_rewards: Tensor
    log_probabilities: Tensor
    mask: Tensor
    done: Tensor
    episode: Tensor

    @property
    def steps(self) -> int:
        """Environment steps taken in all."""
        return int(self.mask.sum())

    def returns(self, episodes: int | None = None, expected: bool = False) -> Tensor:
        """Undiscounted return of each episode, `[task, trial, episode]`.

        Args:
            episodes: how many of them; as many as were played unless given.
            expected: count the rewards' means in place of the rewards.
        """
        episodes = int(self.episode.max()) + 1 if episodes is None else check_count("episodes", episodes)
        earned = self.expected_rewards if expected else self.rewards
        empty = earned.new_zeros((*earned.shape[:2], max(episodes, int(self.episode.max()) + 1)))
        return empty.scatter_add(-1, self.episode, earned * self.mask)[..., :episodes]

    def flat(self) -> "Trials":
        """The trials of all tasks in one row, `[1, task · trial, time, ...]`."""
        return Trials(**{name: value.flatten(0, 1)[None] for name, value in vars(self).items()})

    def select(self, index: Tensor | slice) -> "Trials":
        """Some trials, whole, of every task."""
        return Trials(**{name: value[:, index] for name, value in vars(self).items()})


@torch.no_grad()
def play_trials(
    family: TaskFamily,
    tasks: GivenTasks,
    agent: Player,
    parameters: Parameters,
    trials: int,
    episodes: int,
    generator: torch.Generator,
    expected_reward: ExpectedReward | None = None,
) -> Trials:
    """Play trials of `episodes` episodes on each task, all tasks and trials at once.

    The memory is emptied where a trial begins, and nowhere else: an episode's end is seen as d₋₁ = 1 beside the first
    observation of the next. Where one trial's episode ends early, its next begins at the next step, whatever the
    others do.

    Args:
        family: the environment; its time limit holds for each episode.
        tasks: task parameters `[task, ...]`.
        agent: see `MemoryAgent`.
        parameters: the agent's, shared or one set a task.
        trials: trials per task, at least 1.
        episodes: episodes per trial, at least 1.
        generator: source of all randomness.
        expected_reward: known means of the rewards, to be kept beside them.

    Raises:
        ValueError: for malformed tasks or parameters, fewer than one trial or episode, a family that drives
            simulators, or NaN in log-probabilities (`NotANumberError`).
    """
    check_type("family", family, TaskFamily)
    check_methods("agent", agent, "start", "noise", "encode", "act")
    tasks = family.as_tasks(tasks)
    number = family.check_tasks(tasks)
    check_count("trials", trials)
    check_count("episodes", episodes)
    check_generator(generator)
    device, dtype = check_parameters(tasks, cast(Any, agent), parameters)
    params = expand_tasks(tasks, trials)
    batch, length = (number, trials), episodes * family.horizon
    noise = agent.noise((length, *batch), generator).to(device)
    noise = noise.to(dtype) if noise.is_floating_point() else noise
    memory = agent.start(parameters, *batch)
    state = family.initial(generator, params)
    observation = family.observation(state, generator, params)
    reward = torch.zeros(batch, dtype=dtype, device=device)
    done, over = torch.zeros((2, *batch), dtype=torch.bool, device=device)
    clock, episode = torch.zeros((2, *batch), dtype=torch.int64, device=device)
    action = torch.zeros((*batch, *(family.action_space.shape or ())), dtype=dtype, device=device)
    action = action if family.action_space.shape else action.long()
    records: list[tuple[Tensor, ...]] = []
    for time in range(length):
        inputs = agent.encode(observation, action, reward, done, torch.full_like(done, time == 0))
        action, log_probability, memory = agent.act(parameters, inputs, memory, noise[time])
        next_state = family.transition(state, action, generator, params)
        reward = family.reward(state, action, next_state, generator, params).to(dtype)
        mean = reward if expected_reward is None else expected_reward(state, action, params).to(dtype)
        clock = clock + 1
        done = family.terminal(next_state, generator, params) | (clock == family.horizon)
        stopped = family.truncated(next_state, generator, params)
        done = done if stopped is None else done | stopped
        records.append((inputs, observation, action, reward, mean, log_probability, ~over, done & ~over, episode))
        state, observation = next_state, family.observation(next_state, generator, params)
        if bool(done.any()):
            state, observation = _begin_again(family, state, observation, done, params, generator)
            over = over | (done & (episode == episodes - 1))
            episode = (episode + done).clamp_max(episodes - 1)
            clock = clock * ~done
            if bool(over.all()):
                break
    return _assemble(records, length)


def _begin_again(
    family: TaskFamily, state: Tensor, observation: Tensor, done: Tensor, params: Tasks, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """States and observations, new ones where an episode is `done`."""
    everywhere = bool(done.all())
    if not (family.pure or everywhere):
        raise ValueError("episodes of simulators must all end together, got some that ended before others.")
    fresh = family.initial(generator, params)
    begun = family.observation(fresh, generator, params)
    if everywhere:
        return fresh, begun
    return (
        torch.where(append_axes(done, state), fresh, state),
        torch.where(append_axes(done, observation), begun, observation),
    )


def _assemble(records: list[tuple[Tensor, ...]], length: int) -> Trials:
    """Turn records by time into `Trials`, with zeros where no step was taken."""
    columns = [torch.stack(column, 2) for column in zip(*records, strict=True)]
    if bool(columns[5].isnan().any()):
        raise NotANumberError("log-probabilities must be numbers, got NaN from the agent.")
    mask = columns[6]
    padded = []
    for values in columns:
        full = values.new_zeros((*values.shape[:2], length, *values.shape[3:]))
        full[:, :, : values.shape[2]] = values.masked_fill(append_axes(~mask, values), 0)
        padded.append(full)
    return Trials(*padded)
