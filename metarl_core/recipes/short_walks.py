"""Exercise of chapter 01: point navigation of 30 steps, learned from scratch in a second.

Small enough to search for a learning rate with several seeds: one hidden layer of 32, 40 updates of 20 episodes.
"""

import math

import torch
from torch import Tensor

from metarl_core.agents import GaussianPolicy, ReinforceConfig, train_reinforce
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import PointNavigation, Tasks, Trajectories

EPISODES = 20
"""of each goal in one update"""
UPDATES = 40
LEVEL = -4.0
"""of return; staying at the origin earns about −11.5, the oracle about −1"""


def short_walks() -> PointNavigation:
    """The family: point navigation with a time limit of 30 steps."""
    return PointNavigation(horizon=30)


def learn(goals: Tasks, lr: float, seed: int, updates: int = UPDATES) -> Tensor:
    """REINFORCE from scratch, a network of its own for each goal, all from one random initialisation.

    Args:
        goals: `{"goal": [goal, 2]}`.
        lr: of Adam, constant.
        seed: of the initialisation and of the episodes; the same seed gives the same numbers.
        updates: after which it ends; the first ones are the same whatever their number.

    Returns:
        Mean return of the episodes before each update, `[goal, update]`.
    """
    family = short_walks()
    generator = torch.Generator().manual_seed(seed)
    policy = GaussianPolicy(family.observation_space, family.action_space, hidden=(32,), generator=generator)
    start = repeat_parameters(initial_parameters(policy), len(goals["goal"]))
    curve: list[Tensor] = []

    def record(iteration: int, parameters: object, trajectories: Trajectories) -> None:
        curve.append(trajectories.returns.mean(1))

    config = ReinforceConfig(iterations=updates, episodes=EPISODES, lr=lr)
    train_reinforce(family, policy, start, config, generator, tasks=goals, description=None, callback=record)
    return torch.stack(curve, 1)


def episodes_to_level(returns: Tensor, level: float = LEVEL) -> float:
    """Episodes on each goal before the first update at which the mean return over goals is at least `level`.

    Args:
        returns: `[goal, update]`, from `learn`.

    Returns:
        A multiple of 20; infinite where the level is never reached.
    """
    reached = (returns.mean(0) >= level).nonzero()[:, 0]
    return float(EPISODES * int(reached[0])) if len(reached) else math.inf
