"""What the agents learn on CartPole-v1 and Pendulum-v1, measured on plain environments.

Part of the way only, but every seed: chapters 03 and 04 train five seeds to the end and hold them to their tables.
"""

import dataclasses

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

SEEDS = range(3)

pytestmark = pytest.mark.slow


def returns_of(setting, train, **changes):
    """Mean return over 20 greedy episodes of each seed, on `gymnasium.make`, after a training with changed settings."""
    setting = dataclasses.replace(setting, config=dataclasses.replace(setting.config, **changes))
    agent, parameters, sampler = setting.prepare(SEEDS)
    generator = torch.Generator().manual_seed(0)
    trained, history = train(agent, parameters, sampler, setting.config, generator, description=None)
    sampler.envs.close()
    assert len(history["return"][-1]) == len(SEEDS) and history["env_steps"] == sorted(history["env_steps"])
    env, means = gymnasium.make(setting.env_id), []
    for seed in SEEDS:
        own = select_parameters(trained, seed)
        policy, own = (agent.policy, agent.policy_part(own)) if isinstance(agent, ActorCritic) else (agent, own)
        means.append(float(evaluate(env, policy, own, episodes=20, seed=1000 * (seed + 1)).mean()))
    return means


@pytest.mark.in_turn(4)
def test_dqn_is_on_its_way_on_cartpole():
    means = returns_of(CARTPOLE_DQN, train_dqn, steps=12_000)  # of 50,000; random actions earn 22
    assert min(means) >= 150, means


@pytest.mark.in_turn(4)
def test_ppo_solves_cartpole():
    means = returns_of(CARTPOLE_PPO, train_ppo)
    assert min(means) >= 475, means


@pytest.mark.in_turn(4)
def test_ppo_is_on_its_way_on_pendulum():
    means = returns_of(PENDULUM_PPO, train_ppo, iterations=30)  # of 60; random actions earn −1,200
    assert min(means) >= -900 and sum(means) / len(means) >= -600, means


@pytest.mark.in_turn(4)
def test_trpo_solves_pendulum():
    means = returns_of(PENDULUM_TRPO, train_trpo, iterations=30)  # of 60
    assert min(means) >= -350, means
