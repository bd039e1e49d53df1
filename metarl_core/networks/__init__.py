"""Networks as pure functions of parameters that may differ from task to task."""

from metarl_core.networks.conv_net import HEAD, accuracy, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp

__all__ = [
    "HEAD",
    "MLP",
    "accuracy",
    "conv_features",
    "conv_net",
    "conv_net_parameters",
    "cross_entropy",
    "encode_observation",
    "mlp",
    "observation_size",
]
