"""Settings that solve two classic environments, for the chapters, the tests and the benchmark alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium
import torch

from metarl_core.agents.a2c import A2CConfig
from metarl_core.agents.actor_critic import ActorCritic
from metarl_core.agents.dqn import DQNConfig
from metarl_core.agents.policies import CategoricalPolicy, GaussianPolicy
from metarl_core.agents.ppo import PPOConfig
from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.samplers import VectorSampler
from metarl_core.agents.trpo import TRPOConfig
from metarl_core.arguments import check_whole, check_widths
from metarl_core.parameters import Parameters, stack_parameters


@dataclass(frozen=True, kw_only=True)
class Setting:
    """An environment, the experience and the networks that one learner gets, and how it learns."""

    env_id: str
    """id for `gymnasium.make_vec`"""
    num_envs: int
    """environments per learner"""
    num_steps: int
    """steps of each copy between updates; DQN steps one by one"""
    hidden: tuple[int, ...]
    """of the policy and of the value function, or of Q"""
    config: DQNConfig | A2CConfig | PPOConfig | TRPOConfig

    def __post_init__(self) -> None:
        check_whole(self, "num_envs", "num_steps")
        check_widths("hidden", self.hidden)
        if not isinstance(self.config, DQNConfig | A2CConfig | PPOConfig | TRPOConfig):
            raise ValueError(
                f"config must be a DQNConfig, A2CConfig, PPOConfig or TRPOConfig, got {type(self.config).__name__}."
            )

    def agent(self, seed: int = 0) -> ActorCritic | QNetwork:
        """Fresh networks."""
        env = gymnasium.make(self.env_id)
        spaces = env.observation_space, env.action_space
        env.close()
        generator = torch.Generator().manual_seed(seed)
        if isinstance(self.config, DQNConfig):
            return QNetwork(*spaces, self.hidden, generator)
        policy: CategoricalPolicy | GaussianPolicy
        if isinstance(spaces[1], gymnasium.spaces.Discrete):
            policy = CategoricalPolicy(*spaces, self.hidden, torch.tanh, generator)
        else:
            policy = GaussianPolicy(*spaces, self.hidden, torch.tanh, generator)
        return ActorCritic(policy, self.hidden, torch.tanh, generator)

    def prepare(self, seeds: Sequence[int] = (0,)) -> tuple[ActorCritic | QNetwork, Parameters, VectorSampler]:
        """Agent, initial parameters `[seed, ...]` and environments of one learner per seed.

        Pass them to the training function: `train_ppo(*setting.prepare(range(5)), setting.config, generator)`.
        """
        if not len(seeds):
            raise ValueError("seeds must hold at least one seed, got none.")
        parameters = stack_parameters([self.agent(seed).initial_parameters() for seed in seeds])
        envs = gymnasium.make_vec(self.env_id, self.num_envs * len(seeds))
        return self.agent(), parameters, VectorSampler(envs, self.num_steps, len(seeds), seed=min(seeds))


CARTPOLE_DQN = Setting(
    env_id="CartPole-v1",
    num_envs=4,
    num_steps=1,
    hidden=(128, 128),
    config=DQNConfig(discount=0.995, tau=0.02),
)
"""Solved (mean return at least 475 of 500) within 50,000 steps, by 15 of 15 seeds; 9 of 10 with γ = 0.99."""

CARTPOLE_PPO = Setting(
    env_id="CartPole-v1",
    num_envs=8,
    num_steps=64,
    hidden=(64, 64),
    config=PPOConfig(iterations=100, lr=1e-3, minibatches=4, discount=0.99),
)
"""Solved within 51,200 steps, by 20 of 20 seeds."""

PENDULUM_PPO = Setting(
    env_id="Pendulum-v1",
    num_envs=16,
    num_steps=200,
    hidden=(64, 64),
    config=PPOConfig(iterations=60, lr=1e-3, epochs=10, minibatches=16, discount=0.9),
)
"""Solved (mean return above −200) within 192,000 steps."""

PENDULUM_TRPO = Setting(
    env_id="Pendulum-v1", num_envs=16, num_steps=200, hidden=(64, 64), config=TRPOConfig(iterations=60, discount=0.9)
)
"""Solved within 192,000 steps."""
