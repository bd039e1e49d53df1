"""How one task is learned: networks, policies and their training."""

from metarl_core.agents.a2c import A2C, A2CConfig, a2c_loss, train_a2c
from metarl_core.agents.actor_critic import ActorCritic, Batch, learner_mean
from metarl_core.agents.dqn import (
    DQN,
    DQNConfig,
    QNetwork,
    collect,
    dqn_loss,
    dqn_target,
    epsilon,
    explore,
    synchronise,
    train_dqn,
)
from metarl_core.agents.evaluate import evaluate
from metarl_core.agents.gae import gae, next_values
from metarl_core.agents.networks import (
    MLP,
    Parameters,
    encode_observation,
    initial_parameters,
    mlp,
    repeat_parameters,
    select_parameters,
    stack_parameters,
    trainable_copy,
)
from metarl_core.agents.policies import CategoricalPolicy, GaussianPolicy, OraclePolicy, UniformPolicy
from metarl_core.agents.ppo import PPO, PPOConfig, ppo_loss, ppo_policy_loss, train_ppo
from metarl_core.agents.q_learning import q_learning, q_update
from metarl_core.agents.reinforce import ReinforceConfig, policy_advantages, reinforce_loss, train_reinforce
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.agents.returns import (
    advantages,
    linear_baseline,
    mean_baseline,
    no_baseline,
    normalise,
    reward_to_go,
    total_return,
)
from metarl_core.agents.samplers import FamilySampler, VectorSampler
from metarl_core.agents.settings import CARTPOLE_DQN, CARTPOLE_PPO, PENDULUM_PPO, PENDULUM_TRPO, Setting
from metarl_core.agents.storage import load_parameters, save_parameters
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
    "MLP",
    "OraclePolicy",
    "PENDULUM_PPO",
    "PENDULUM_TRPO",
    "PPO",
    "PPOConfig",
    "Parameters",
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
    "encode_observation",
    "epsilon",
    "evaluate",
    "explore",
    "fisher_product",
    "gae",
    "initial_parameters",
    "learner_mean",
    "line_search",
    "linear_baseline",
    "load_parameters",
    "mean_baseline",
    "mean_kl",
    "mlp",
    "natural_gradient",
    "next_values",
    "no_baseline",
    "normalise",
    "policy_advantages",
    "ppo_loss",
    "ppo_policy_loss",
    "q_learning",
    "q_update",
    "reinforce_loss",
    "repeat_parameters",
    "reward_to_go",
    "save_parameters",
    "select_parameters",
    "stack_parameters",
    "surrogate",
    "synchronise",
    "total_return",
    "train_a2c",
    "train_dqn",
    "train_ppo",
    "train_reinforce",
    "train_trpo",
    "trainable_copy",
]
