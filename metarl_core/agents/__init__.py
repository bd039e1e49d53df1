"""How one task is learned: policies, value functions and their training."""

from metarl_core.agents.a2c import A2C, A2CConfig, a2c_loss, train_a2c
from metarl_core.agents.actor_critic import ActorCritic, Batch
from metarl_core.agents.diagnostics import approximate_kl, explained_variance
from metarl_core.agents.dqn import DQN, DQNConfig, dqn_loss, dqn_target, polyak_update, update_target
from metarl_core.agents.dqn_training import collect, epsilon_at, epsilon_greedy, exploration_at, train_dqn
from metarl_core.agents.evaluate import evaluate, mean_returns
from metarl_core.agents.gae import gae, next_values
from metarl_core.agents.natural_gradient import (
    conjugate_gradient,
    fisher_product,
    mean_kl,
    natural_gradient,
    surrogate,
)
from metarl_core.agents.policies import (
    CategoricalPolicy,
    DifferentiablePolicy,
    GaussianPolicy,
    OraclePolicy,
    UniformPolicy,
)
from metarl_core.agents.ppo import PPO, PPOConfig, clipped_surrogate_loss, ppo_loss, train_ppo
from metarl_core.agents.q_learning import q_learning, q_update
from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.reinforce import ReinforceConfig, policy_advantages, reinforce_loss, train_reinforce
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.agents.returns import (
    advantages,
    linear_baseline,
    masked_mean,
    mean_baseline,
    no_baseline,
    normalise,
    reward_to_go,
)
from metarl_core.agents.samplers import Sampler, VectorSampler
from metarl_core.agents.settings import CARTPOLE_DQN, CARTPOLE_PPO, PENDULUM_PPO, PENDULUM_TRPO, Setting
from metarl_core.agents.training import AnnealedOptimiser, UpdateRule, train_policy
from metarl_core.agents.trpo import TRPO, TRPOConfig, line_search, train_trpo, trust_region_step
from metarl_core.agents.value_baseline import ValueBaseline

__all__ = [
    "A2C",
    "A2CConfig",
    "AnnealedOptimiser",
    "ActorCritic",
    "Batch",
    "CARTPOLE_DQN",
    "CARTPOLE_PPO",
    "CategoricalPolicy",
    "DQN",
    "DQNConfig",
    "DifferentiablePolicy",
    "GaussianPolicy",
    "OraclePolicy",
    "PENDULUM_PPO",
    "PENDULUM_TRPO",
    "PPO",
    "PPOConfig",
    "QNetwork",
    "ReinforceConfig",
    "ReplayBuffer",
    "Sampler",
    "Setting",
    "TRPO",
    "TRPOConfig",
    "Transitions",
    "UniformPolicy",
    "UpdateRule",
    "ValueBaseline",
    "VectorSampler",
    "a2c_loss",
    "advantages",
    "approximate_kl",
    "conjugate_gradient",
    "collect",
    "dqn_loss",
    "dqn_target",
    "epsilon_at",
    "evaluate",
    "epsilon_greedy",
    "explained_variance",
    "exploration_at",
    "fisher_product",
    "gae",
    "line_search",
    "linear_baseline",
    "masked_mean",
    "mean_baseline",
    "mean_kl",
    "mean_returns",
    "natural_gradient",
    "next_values",
    "no_baseline",
    "normalise",
    "policy_advantages",
    "polyak_update",
    "ppo_loss",
    "clipped_surrogate_loss",
    "q_learning",
    "q_update",
    "reinforce_loss",
    "reward_to_go",
    "surrogate",
    "update_target",
    "train_a2c",
    "train_dqn",
    "train_ppo",
    "train_reinforce",
    "train_policy",
    "train_trpo",
    "trust_region_step",
]
