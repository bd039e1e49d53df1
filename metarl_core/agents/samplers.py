"""Where training data come from: any Gymnasium vector environment, or a batched task family.

A *sampler* is a function `(policy, parameters, generator) -> Trajectories`. The leading axis of the
trajectories is the *learner*: several agents (seeds, or variants of a method) can train side by side, each with
parameters of its own (`repeat_parameters`) and its own share of the environments.
"""

from collections.abc import Callable

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Trajectories, rollout

Sampler = Callable[..., Trajectories]


class VectorSampler:
    """Collect fixed-length segments of experience from a `gymnasium.vector.VectorEnv`.

    Environments go on from segment to segment, so episodes may begin in one and end in another. With
    next-step autoreset, Gymnasium's default, the step after an episode's end only resets: its action
    is ignored and its reward means nothing. Such steps are false in `mask`. Their observation is the true
    last one of the episode, so V(s_{t+1}) of the ending step is the value one column on.

    Args:
        envs: the environments; the first `num_envs / learners` belong to learner 0, and so on.
        steps: length of a segment.
        learners: number of agents that share `envs`.
        seed: of the environments.

    Raises:
        ValueError: for another autoreset mode, a number of environments that the learners cannot share
            equally, or fewer than one step.
    """

    def __init__(self, envs: gymnasium.vector.VectorEnv, steps: int, learners: int = 1, seed: int = 0):
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"envs must use next-step autoreset, Gymnasium's default, got {mode}.")
        if learners < 1 or envs.num_envs % learners:
            raise ValueError(f"num_envs must be a multiple of the {learners} learners, got {envs.num_envs}.")
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}.")
        self.envs, self.steps = envs, steps
        self.batch = (learners, envs.num_envs // learners)
        self.observation = self._tensor(envs.reset(seed=seed)[0])
        self.resetting = torch.zeros(self.batch, dtype=torch.bool)
        self.running_return = torch.zeros(self.batch)
        self.episode_returns: list[list[float]] = [[] for _ in range(learners)]

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One step: next observation, reward, terminated, truncated and mask, each `[learner, env, ...]`."""
        flat = action.reshape(self.envs.num_envs, *action.shape[2:]).numpy()
        space = self.envs.single_action_space
        if isinstance(space, gymnasium.spaces.Box):
            flat = np.clip(flat, space.low, space.high)
        observation, reward, terminated, truncated, _ = self.envs.step(flat)
        reward, terminated, truncated = (self._tensor(values) for values in (reward, terminated, truncated))
        mask, reward = ~self.resetting, reward.float()
        self.resetting = terminated | truncated
        self.running_return += reward * mask
        for learner, env in self.resetting.nonzero().tolist():
            self.episode_returns[learner].append(float(self.running_return[learner, env]))
            self.running_return[learner, env] = 0.0
        self.observation = self._tensor(observation)
        return self.observation, reward, terminated, truncated, mask

    @torch.no_grad()
    def __call__(self, policy, parameters, generator: torch.Generator) -> Trajectories:
        """The next `steps` steps of every environment as trajectories `[learner, env, time, ...]`."""
        noise = policy.noise((self.steps, *self.batch), generator)
        records: list[list[Tensor]] = [[] for _ in range(7)]
        for time in range(self.steps):
            observation = self.observation
            action, log_probability = policy.act(parameters, observation, noise[time])
            _, *outcome = self.step(action)
            for record, value in zip(records, (observation, action, log_probability, *outcome)):
                record.append(value)
        observations, actions, log_probabilities, rewards, terminated, truncated, mask = (
            torch.stack(record, 2) for record in records
        )
        return Trajectories(
            observations, actions, rewards * mask, log_probabilities, mask, terminated, truncated, self.observation
        )

    def recent_return(self, episodes: int = 20) -> Tensor:
        """Mean return of each learner's last `episodes` finished episodes, `[learner]`; NaN before the first."""
        means = [np.mean(returns[-episodes:]) if returns else np.nan for returns in self.episode_returns]
        return torch.tensor(means, dtype=torch.float32)

    def _tensor(self, values: np.ndarray) -> Tensor:
        # Environments may reuse their arrays: copy.
        return torch.from_numpy(np.array(values)).reshape(*self.batch, *values.shape[1:])


def family_sampler(family: TaskFamily, tasks: Tasks, episodes: int) -> Sampler:
    """A sampler of `episodes` whole episodes of each task; the tasks are the learner axis."""

    def sample(policy, parameters, generator: torch.Generator) -> Trajectories:
        return rollout(family, tasks, policy, parameters, episodes, generator)

    return sample
