"""How one task is learned: networks, policies and their training."""

from metarl_core.agents.networks import (
    MLP,
    Parameters,
    encode_observation,
    initial_parameters,
    mlp,
    repeat_parameters,
    stack_parameters,
)
from metarl_core.agents.policies import CategoricalPolicy, GaussianPolicy, OraclePolicy, UniformPolicy
from metarl_core.agents.reinforce import ReinforceConfig, policy_advantages, reinforce_loss, train_reinforce
from metarl_core.agents.returns import advantages, linear_baseline, normalise, reward_to_go
from metarl_core.agents.storage import load_parameters, save_parameters

__all__ = [
    "MLP",
    "CategoricalPolicy",
    "GaussianPolicy",
    "OraclePolicy",
    "Parameters",
    "ReinforceConfig",
    "UniformPolicy",
    "advantages",
    "encode_observation",
    "initial_parameters",
    "linear_baseline",
    "load_parameters",
    "mlp",
    "normalise",
    "policy_advantages",
    "reinforce_loss",
    "repeat_parameters",
    "reward_to_go",
    "save_parameters",
    "stack_parameters",
    "train_reinforce",
]
