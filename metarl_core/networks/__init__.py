"""Networks as pure functions of parameters that may differ from task to task."""

from metarl_core.networks.conv_net import HEAD, accuracy, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.networks.recurrent import GRU, gru, gru_step
from metarl_core.networks.task_loss import Criterion, TaskLoss, task_loss

__all__ = [
    "Criterion",
    "GRU",
    "HEAD",
    "MLP",
    "TaskLoss",
    "accuracy",
    "conv_features",
    "conv_net",
    "conv_net_parameters",
    "cross_entropy",
    "encode_observation",
    "gru",
    "gru_step",
    "mlp",
    "observation_size",
    "task_loss",
]
