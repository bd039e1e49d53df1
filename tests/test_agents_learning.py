"""What the agents learn on CartPole-v1 and Pendulum-v1: two seeds as two learners, measured on plain environments."""

import gymnasium
import pytest
import torch

from metarl_core.agents import (
    CARTPOLE_DQN,
    CARTPOLE_PPO,
    PENDULUM_PPO,
    PENDULUM_TRPO,
    ActorCritic,
    evaluate,
    train_dqn,
    train_ppo,
    train_trpo,
)
from metarl_core.parameters import select_parameters

SEEDS = range(2)
"""chapters 03 and 04 train five, and hold them to their tables"""

pytestmark = pytest.mark.slow


def returns_of(setting, train, environment):
    """Mean return over 20 greedy episodes of each seed, on `gymnasium.make`."""
    agent, parameters, sampler = setting.prepare(SEEDS)
    trained, history = train(agent, parameters, sampler, setting.config, torch.Generator().manual_seed(0))
    sampler.envs.close()
    assert len(history["return"][-1]) == len(SEEDS) and history["env_steps"] == sorted(history["env_steps"])
    env, means = gymnasium.make(environment), []
    for seed in SEEDS:
        own = select_parameters(trained, seed)
        policy, own = (agent.policy, agent.policy_part(own)) if isinstance(agent, ActorCritic) else (agent, own)
        means.append(float(evaluate(env, policy, own, episodes=20, seed=1000 * (seed + 1)).mean()))
    return means


def test_dqn_solves_cartpole():
    means = returns_of(CARTPOLE_DQN, train_dqn, "CartPole-v1")
    assert min(means) >= 475, means


def test_ppo_solves_cartpole():
    means = returns_of(CARTPOLE_PPO, train_ppo, "CartPole-v1")
    assert min(means) >= 475, means


def test_ppo_solves_pendulum():
    means = returns_of(PENDULUM_PPO, train_ppo, "Pendulum-v1")
    assert min(means) >= -250, means


def test_trpo_solves_pendulum():
    means = returns_of(PENDULUM_TRPO, train_trpo, "Pendulum-v1")
    assert min(means) >= -250, means
