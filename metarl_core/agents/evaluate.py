"""How well a trained agent does: on the tasks of a family, and on an ordinary Gymnasium environment."""

from typing import Any, Protocol

import gymnasium
import numpy as np
import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_filled, check_methods, check_type
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Policy, rollout


class GreedyPolicy(Policy, Protocol):
    """What `evaluate` needs: a policy that can act without noise, too."""

    def greedy_action(self, parameters: Parameters, observation: Tensor) -> Tensor: ...


def mean_returns(
    family: TaskFamily,
    tasks: Tasks,
    policy: Policy,
    parameters: Parameters,
    episodes: int,
    generator: torch.Generator,
) -> Tensor:
    """Mean undiscounted return `[task]` over `episodes` new episodes of each task."""
    return rollout(family, tasks, policy, parameters, episodes, generator).returns.mean(1)


@torch.no_grad()
def evaluate(
    env: gymnasium.Env[Any, Any],
    policy: GreedyPolicy,
    parameters: Parameters,
    episodes: int = 20,
    seed: int = 0,
    greedy: bool = True,
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
        ValueError: for fewer than one episode, or parameters that are not those of one learner of this policy.
    """
    check_type("env", env, gymnasium.Env)
    check_methods("policy", policy, "greedy_action", "act", "noise")
    check_count("episodes", episodes)
    check_filled("parameters", parameters)
    check_count("seed", seed, 0)
    _check_one_learner(policy, parameters)
    generator = torch.Generator().manual_seed(seed)
    like = next(iter(parameters.values()))
    space, discrete = env.action_space, isinstance(env.observation_space, gymnasium.spaces.Discrete)
    dtype = torch.int64 if discrete else like.dtype
    returns = torch.zeros(episodes, device="cpu")
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed if episode == 0 else None)
        over = False
        while not over:
            inputs = torch.as_tensor(np.asarray(observation), dtype=dtype, device=like.device)
            if greedy:
                action = policy.greedy_action(parameters, inputs)
            else:
                action, _ = policy.act(parameters, inputs, policy.noise((), generator).to(like))
            observation, reward, terminated, truncated, _ = env.step(_for_environment(action, space))
            returns[episode] += float(reward)
            over = terminated or truncated
    return returns


def _check_one_learner(policy: Any, parameters: Parameters) -> None:
    """Raise ValueError unless parameters are those of one network, where the policy tells its own."""
    if hasattr(policy, "named_parameters"):
        expected = dict(policy.named_parameters())
    else:
        expected = policy.initial_parameters() if hasattr(policy, "initial_parameters") else {}
    for name, value in expected.items():
        found = parameters.get(name)
        if found is None or found.shape != value.shape:
            got = f"none among {sorted(parameters)}" if found is None else list(found.shape)
            raise ValueError(
                f"parameters must be of one learner, {name} of shape {list(value.shape)} (see select_parameters), "
                f"got {got}."
            )


def _for_environment(action: Tensor, space: gymnasium.Space[Any]) -> Any:
    """An action as the environment takes it: clipped to a `Box`, counted from `start` of a `Discrete` space."""
    if isinstance(space, gymnasium.spaces.Box):
        return np.clip(action.cpu().numpy(), space.low, space.high)
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(action) + int(space.start)
    raise ValueError(f"actions must lie in a Box or Discrete space, got {space}.")
