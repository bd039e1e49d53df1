"""Where training data come from: any Gymnasium vector environment, a task family's own included.

The leading axis of what a sampler collects is the *learner*: several agents (seeds, tasks, or variants of a method)
train side by side, each with parameters of its own (`repeat_parameters`, `stack_parameters`) and its own share of the
environments.
"""

from typing import Any, Protocol, cast

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from metarl_core.agents.draws import Generators, check_generators
from metarl_core.arguments import check_count, check_type
from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import NotANumberError, Policy, Trajectories
from metarl_core.training import Stateful


class Sampler(Protocol):
    """What `train_policy` needs: `VectorSampler`, or your own."""

    @property
    def learners(self) -> int:
        """number of agents that it collects for"""

    @property
    def steps_taken(self) -> int:
        """environment steps so far, of all learners"""

    def match(self, parameters: Parameters) -> None:
        """Give tensors on the device and of the dtype of these parameters from now on."""

    def __call__(self, policy: Policy, parameters: Parameters, generator: Generators) -> Trajectories:
        """Trajectories `[learner, env, time, ...]` of the policy with parameters `[learner, ...]`."""

    def recent_return(self, episodes: int = 20) -> Tensor:
        """Mean return of each learner's last episodes, `[learner]`; NaN before the first."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None: ...


class VectorSampler:
    """Collect fixed-length segments of experience from a `gymnasium.vector.VectorEnv`.

    Environments go on from segment to segment, so episodes may begin in one and end in another. With
    next-step autoreset, Gymnasium's default, the step after an episode's end only resets: its action
    is ignored and its reward means nothing. Such steps are false in `mask`. Their observation is the true
    last one of the episode, so V(s_{t+1}) of the ending step is the value one column on.

    Args:
        envs: the environments; the first `num_envs / learners` belong to learner 0, and so on. With
            `TaskVectorEnv` and as many learners as tasks, learner i learns task i.
        num_steps: length of a segment.
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

    def __init__(self, envs: gymnasium.vector.VectorEnv, num_steps: int = 1, learners: int = 1, seed: int = 0):
        check_type("envs", envs, gymnasium.vector.VectorEnv)
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"envs must use next-step autoreset, Gymnasium's default, got {mode}.")
        check_count("learners", learners)
        if envs.num_envs % learners:
            raise ValueError(f"num_envs must be a multiple of the number of learners {learners}, got {envs.num_envs}.")
        check_count("num_steps", num_steps)
        check_count("seed", seed, 0)
        for space in (envs.single_observation_space, envs.single_action_space):
            if not isinstance(space, gymnasium.spaces.Box | gymnasium.spaces.Discrete):
                raise ValueError(f"observations and actions must lie in Box or Discrete spaces, got {space}.")
        self.envs, self.num_steps, self.learners = envs, num_steps, learners
        self.batch = (learners, envs.num_envs // learners)
        self.episode_returns: list[list[float]] = [[] for _ in range(learners)]
        self.steps_taken = 0
        self._like = torch.empty(0, dtype=torch.get_default_dtype(), device="cpu")
        self.observation = self._observed(envs.reset(seed=seed)[0])
        self._resetting = np.zeros(envs.num_envs, dtype=bool)
        self._returns = np.zeros(envs.num_envs)

    def match(self, parameters: Parameters) -> None:
        """Give tensors on the device and of the dtype of these parameters from now on."""
        if parameters:  # a policy may have none
            self._like = next(iter(parameters.values())).detach().new_empty(0)
            self.observation = self._moved(self.observation)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Take actions `[learner, env, ...]`; those beyond the bounds of a `Box` are clipped to them.

        Returns:
            Next observation, reward, terminated, truncated and mask, each `[learner, env, ...]`. The mask is
            false where the step only reset the environment; its reward is 0.
        """
        if tuple(action.shape[:2]) != self.batch:
            raise ValueError(f"action must have shape {[*self.batch, '...']}, got {list(action.shape)}.")
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
        rewards = torch.from_numpy(reward).to(self._like).reshape(self.batch)
        return self.observation, rewards, self._flags(terminated), self._flags(truncated), self._flags(mask)

    def _flags(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.copy()).reshape(self.batch).to(self._like.device)

    @torch.no_grad()
    def __call__(self, policy: Policy, parameters: Parameters, generator: Generators) -> Trajectories:
        """The next `num_steps` steps of every environment as trajectories `[learner, env, time, ...]`.

        Raises:
            ValueError: where the policy's parameters have diverged to NaN (`NotANumberError`).
        """
        self.match(parameters)
        noise = self._noise(policy, generator)
        observations, actions, log_probabilities, outcomes = [], [], [], []
        for time in range(self.num_steps):
            observations.append(self.observation)
            action, log_probability = policy.act(parameters, self.observation, noise[time])
            actions.append(action)
            log_probabilities.append(log_probability)
            outcomes.append(self.step(action)[1:])
        rewards, terminated, truncated, mask = (torch.stack(values, 2) for values in zip(*outcomes, strict=True))
        log_probability = torch.stack(log_probabilities, 2)
        if bool(log_probability.isnan().any()):
            raise NotANumberError("actions and their log-probabilities must be numbers, got NaN from the policy.")
        return Trajectories(
            observations=torch.stack(observations, 2),
            actions=torch.stack(actions, 2),
            rewards=rewards,
            log_probabilities=log_probability,
            mask=mask,
            terminated=terminated,
            truncated=truncated,
            final_observations=self.observation.clone(),
        )

    def _noise(self, policy: Policy, generator: Generators) -> Tensor:
        """A segment's noise `[time, learner, env, ...]`, on the parameters' side."""
        if isinstance(generator, torch.Generator):
            return self._moved(policy.noise((self.num_steps, *self.batch), generator))
        check_generators(generator, self.learners)
        of_each = [policy.noise((self.num_steps, self.batch[1]), one) for one in generator]
        return self._moved(torch.stack(of_each, 1))

    def _moved(self, values: Tensor) -> Tensor:
        return values.to(self._like) if values.is_floating_point() else values.to(self._like.device)

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
            "envs": cast(Stateful, self.envs).state_dict(),
            "observation": self.observation.clone(),
            "resetting": torch.from_numpy(self._resetting.copy()),
            "returns": torch.from_numpy(self._returns.copy()),
            "episode_returns": [list(returns) for returns in self.episode_returns],
            "steps_taken": self.steps_taken,
        }

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on where a sampler of the same environments stood when `state_dict` was called."""
        cast(Stateful, self.envs).load_state_dict(state_dict["envs"])
        self.observation = state_dict["observation"].to(self.observation.device, copy=True)
        self._resetting, self._returns = (state_dict[name].numpy().copy() for name in ("resetting", "returns"))
        self.episode_returns = [list(returns) for returns in state_dict["episode_returns"]]
        self.steps_taken = state_dict["steps_taken"]

    def _observed(self, values: np.ndarray) -> Tensor:
        """A copy, for environments may reuse their arrays; floats in the parameters' type, whatever the space's."""
        tensor = torch.from_numpy(np.array(values)).reshape(*self.batch, *values.shape[1:])
        discrete = isinstance(self.envs.single_observation_space, gymnasium.spaces.Discrete)
        return tensor.long().to(self._like.device) if discrete else tensor.to(self._like)
