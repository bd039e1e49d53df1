"""How one task is learned: policies, value functions and their training."""

from metarl_core.agents.a2c import A2C, A2CConfig, a2c_loss, train_a2c
from metarl_core.agents.actor_critic import ActorCritic, Batch
from metarl_core.agents.dqn import (
    DQN,
    DQNConfig,
    QNetwork,
    collect,
    dqn_loss,
    dqn_target,
    epsilon_at,
    explore,
    train_dqn,
    update_target,
)
from metarl_core.agents.evaluate import evaluate, mean_returns
from metarl_core.agents.gae import gae, next_values
from metarl_core.agents.policies import CategoricalPolicy, GaussianPolicy, OraclePolicy, UniformPolicy
from metarl_core.agents.ppo import PPO, PPOConfig, clipped_surrogate_loss, ppo_loss, train_ppo
from metarl_core.agents.q_learning import q_learning, q_update
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
    total_return,
)
from metarl_core.agents.samplers import FamilySampler, VectorSampler
from metarl_core.agents.settings import CARTPOLE_DQN, CARTPOLE_PPO, PENDULUM_PPO, PENDULUM_TRPO, Setting
from metarl_core.agents.trpo import (
    TRPO,
    TRPOConfig,
    conjugate_gradient,
    fisher_product,
    line_search,
    mean_kl,
    natural_gradient,
    surrogate,
    train_trpo,
)
from metarl_core.agents.value_baseline import ValueBaseline

__all__ = [
    "A2C",
    "A2CConfig",
    "ActorCritic",
    "Batch",
    "CARTPOLE_DQN",
    "CARTPOLE_PPO",
    "CategoricalPolicy",
    "DQN",
    "DQNConfig",
    "FamilySampler",
    "GaussianPolicy",
    "OraclePolicy",
    "PENDULUM_PPO",
    "PENDULUM_TRPO",
    "PPO",
    "PPOConfig",
    "QNetwork",
    "ReinforceConfig",
    "ReplayBuffer",
    "Setting",
    "TRPO",
    "TRPOConfig",
    "Transitions",
    "UniformPolicy",
    "ValueBaseline",
    "VectorSampler",
    "a2c_loss",
    "advantages",
    "conjugate_gradient",
    "collect",
    "dqn_loss",
    "dqn_target",
    "epsilon_at",
    "evaluate",
    "explore",
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
    "ppo_loss",
    "clipped_surrogate_loss",
    "q_learning",
    "q_update",
    "reinforce_loss",
    "reward_to_go",
    "surrogate",
    "update_target",
    "total_return",
    "train_a2c",
    "train_dqn",
    "train_ppo",
    "train_reinforce",
    "train_trpo",
]
