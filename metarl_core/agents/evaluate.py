"""How well a trained agent does: on the tasks of a family, and on an ordinary Gymnasium environment."""

import gymnasium
import numpy as np
import torch
from torch import Tensor

from metarl_core.parameters import Parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import rollout


def mean_returns(
    family: TaskFamily, tasks: Tasks, policy, parameters, episodes: int, generator: torch.Generator
) -> Tensor:
    """Mean undiscounted return `[task]` over `episodes` new episodes of each task."""
    return rollout(family, tasks, policy, parameters, episodes, generator).returns.mean(1)


@torch.no_grad()
def evaluate(
    env: gymnasium.Env, policy, parameters: Parameters, episodes: int = 20, seed: int = 0, greedy: bool = True
) -> Tensor:
    """Undiscounted returns `[episode]` of one agent, episode after episode.

    Args:
        env: any single environment, as `gymnasium.make` gives it, with a time limit.
        policy: `GaussianPolicy`, `CategoricalPolicy` or `QNetwork`.
        parameters: of one learner, without a learner axis (see `select_parameters`).
        episodes: at least 1.
        seed: of the environment and of the policy's noise.
        greedy: take the mean or most probable action; otherwise draw actions as in training.

    Raises:
        ValueError: for fewer than one episode.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}.")
    generator = torch.Generator().manual_seed(seed)
    space, discrete = env.action_space, isinstance(env.observation_space, gymnasium.spaces.Discrete)
    dtype = torch.int64 if discrete else torch.get_default_dtype()
    returns = torch.zeros(episodes)
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed if episode == 0 else None)
        over = False
        while not over:
            inputs = torch.as_tensor(np.asarray(observation), dtype=dtype)
            if greedy:
                action = policy.greedy_action(parameters, inputs)
            else:
                action, _ = policy.act(parameters, inputs, policy.noise((), generator))
            if isinstance(space, gymnasium.spaces.Box):
                action = np.clip(action.numpy(), space.low, space.high)
            else:
                action = int(action) + int(space.start)
            observation, reward, terminated, truncated, _ = env.step(action)
            returns[episode] += float(reward)
            over = terminated or truncated
    return returns
