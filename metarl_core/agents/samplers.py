"""Where training data come from: any Gymnasium vector environment, or a batched task family.

A *sampler* is called as `sampler(policy, parameters, generator)` and gives `Trajectories`. Their leading axis is
the *learner*: several agents (seeds, tasks, or variants of a method) train side by side, each with parameters of its
own (`repeat_parameters`, `stack_parameters`) and its own share of the environments.
"""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import NotANumberError, Trajectories, rollout


class VectorSampler:
    """Collect fixed-length segments of experience from a `gymnasium.vector.VectorEnv`.

    Environments go on from segment to segment, so episodes may begin in one and end in another. With
    next-step autoreset, Gymnasium's default, the step after an episode's end only resets: its action
    is ignored and its reward means nothing. Such steps are false in `mask`. Their observation is the true
    last one of the episode, so V(s_{t+1}) of the ending step is the value one column on.

    Args:
        envs: the environments; the first `num_envs / learners` belong to learner 0, and so on. With
            `TaskVectorEnv` and as many learners as tasks, learner i learns task i.
        steps: length of a segment.
        learners: number of agents that share `envs`.
        seed: of the environments.

    Attributes:
        batch: `(learners, environments per learner)`.
        observation: the current observations `[learner, env, ...]`.
        episode_returns: undiscounted returns of the finished episodes, one list per learner.
        steps_taken: steps of all environments so far, those that only reset left out.

    Raises:
        ValueError: for another autoreset mode, a number of environments that the learners cannot share
            equally, or fewer than one step.
    """

    def __init__(self, envs: gymnasium.vector.VectorEnv, steps: int = 1, learners: int = 1, seed: int = 0):
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"envs must use next-step autoreset, Gymnasium's default, got {mode}.")
        if learners < 1 or envs.num_envs % learners:
            raise ValueError(f"num_envs must be a multiple of the number of learners {learners}, got {envs.num_envs}.")
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}.")
        self.envs, self.steps, self.learners = envs, steps, learners
        self.batch = (learners, envs.num_envs // learners)
        self.episode_returns: list[list[float]] = [[] for _ in range(learners)]
        self.steps_taken = 0
        self.observation = self._observed(envs.reset(seed=seed)[0])
        self._resetting = np.zeros(envs.num_envs, dtype=bool)
        self._returns = np.zeros(envs.num_envs)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Take actions `[learner, env, ...]`; those beyond the bounds of a `Box` are clipped to them.

        Returns:
            Next observation, reward, terminated, truncated and mask, each `[learner, env, ...]`. The mask is
            false where the step only reset the environment; its reward is 0.
        """
        space = self.envs.single_action_space
        actions = action.detach().cpu().numpy().reshape(self.envs.num_envs, *action.shape[2:])
        if isinstance(space, gymnasium.spaces.Box):
            actions = np.clip(actions, space.low, space.high)
        elif isinstance(space, gymnasium.spaces.Discrete):
            actions = actions + space.start
        observation, reward, terminated, truncated, _ = self.envs.step(actions)
        mask = ~self._resetting
        self.steps_taken += int(mask.sum())
        reward = np.where(mask, reward, 0.0)
        self._resetting = terminated | truncated
        self._returns += reward
        for env in self._resetting.nonzero()[0]:
            self.episode_returns[env // self.batch[1]].append(float(self._returns[env]))
            self._returns[env] = 0.0
        self.observation = self._observed(observation)
        rewards = torch.from_numpy(reward).to(torch.get_default_dtype()).reshape(self.batch)
        flags = (torch.from_numpy(values.copy()).reshape(self.batch) for values in (terminated, truncated, mask))
        return self.observation, rewards, *flags

    @torch.no_grad()
    def __call__(self, policy, parameters, generator: torch.Generator) -> Trajectories:
        """The next `steps` steps of every environment as trajectories `[learner, env, time, ...]`.

        Raises:
            ValueError: where the policy's parameters have diverged to NaN (`NotANumberError`).
        """
        noise = policy.noise((self.steps, *self.batch), generator)
        records: list[list[Tensor]] = [[] for _ in range(7)]
        for time in range(self.steps):
            observation = self.observation
            action, log_probability = policy.act(parameters, observation, noise[time])
            _, *outcome = self.step(action)
            for record, value in zip(records, (observation, action, log_probability, *outcome), strict=True):
                record.append(value)
        observations, actions, log_probabilities, rewards, terminated, truncated, mask = (
            torch.stack(record, 2) for record in records
        )
        if bool(log_probabilities.isnan().any()):
            raise NotANumberError("actions and their log-probabilities must be numbers, got NaN from the policy.")
        return Trajectories(
            observations, actions, rewards, log_probabilities, mask, terminated, truncated, self.observation
        )

    def recent_return(self, episodes: int = 20) -> Tensor:
        """Mean return of each learner's last `episodes` finished episodes, `[learner]`; NaN before the first."""
        means = [np.mean(returns[-episodes:]) if returns else np.nan for returns in self.episode_returns]
        return torch.tensor(means, dtype=torch.float32, device="cpu")

    @property
    def resumable(self) -> bool:
        """Whether the environments' state can be saved: that of `TaskVectorEnv` can, that of other simulators not."""
        return hasattr(self.envs, "state_dict")

    def state_dict(self) -> dict[str, Any]:
        """All that the steps to come depend on, for a checkpoint (`metarl_core.training.Stateful`).

        Raises:
            ValueError: for environments whose state cannot be saved.
        """
        if not self.resumable:
            raise ValueError(
                f"envs must have a state_dict for a checkpoint, as TaskVectorEnv has; the state of "
                f"{type(self.envs).__name__} cannot be saved."
            )
        return {
            "envs": self.envs.state_dict(),
            "observation": self.observation.clone(),
            "resetting": torch.from_numpy(self._resetting.copy()),
            "returns": torch.from_numpy(self._returns.copy()),
            "episode_returns": [list(returns) for returns in self.episode_returns],
            "steps_taken": self.steps_taken,
        }

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on where a sampler of the same environments stood when `state_dict` was called."""
        self.envs.load_state_dict(state_dict["envs"])
        self.observation = state_dict["observation"].to(self.observation.device, copy=True)
        self._resetting, self._returns = (state_dict[name].numpy().copy() for name in ("resetting", "returns"))
        self.episode_returns = [list(returns) for returns in state_dict["episode_returns"]]
        self.steps_taken = state_dict["steps_taken"]

    def _observed(self, values: np.ndarray) -> Tensor:
        """A copy, for environments may reuse their arrays; floats in torch's default type, whatever the space's."""
        tensor = torch.from_numpy(np.array(values)).reshape(*self.batch, *values.shape[1:])
        discrete = isinstance(self.envs.single_observation_space, gymnasium.spaces.Discrete)
        return tensor.long() if discrete else tensor.to(torch.get_default_dtype())


class FamilySampler:
    """Whole episodes of a task family; its tasks are the learners.

    Args:
        family: the environment.
        tasks: parameters `[task, ...]`, one task per learner.
        episodes: episodes per task and call.
    """

    def __init__(self, family: TaskFamily, tasks: Tasks, episodes: int):
        self.family, self.tasks, self.episodes = family, tasks, episodes
        self.learners = family.check_tasks(tasks)
        self._recent = torch.full((self.learners,), torch.nan)

    def __call__(self, policy, parameters, generator: torch.Generator) -> Trajectories:
        """Trajectories `[task, episode, time, ...]`."""
        trajectories = rollout(self.family, self.tasks, policy, parameters, self.episodes, generator)
        self._recent = trajectories.returns.mean(1)
        return trajectories

    def recent_return(self) -> Tensor:
        """Mean return of the latest episodes of each task, `[task]`; NaN before the first."""
        return self._recent
