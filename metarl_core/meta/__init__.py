"""How learning is learned: the inner loop and meta-training."""

from metarl_core.meta.adaptation import adaptation_curve, choose_inner_lr, surrogate_loss
from metarl_core.meta.conv_net import HEAD, accuracy, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.joint import Joint
from metarl_core.meta.maml import MAML, gradient_of
from metarl_core.meta.maml_rl import MamlConfig, clipped_loss, train_maml
from metarl_core.meta.meta_sgd import MetaSGD, split_rates
from metarl_core.meta.prototypes import Prototypes
from metarl_core.meta.reptile import Reptile, adapt_by_adam
from metarl_core.meta.tracing import trace_direction
from metarl_core.meta.training import MetaConfig, batches, in_chunks, learning_curve, meta_train

__all__ = [
    "HEAD",
    "MAML",
    "Joint",
    "MamlConfig",
    "MetaConfig",
    "MetaSGD",
    "Prototypes",
    "Reptile",
    "accuracy",
    "adapt",
    "adapt_by_adam",
    "adaptation_curve",
    "batches",
    "choose_inner_lr",
    "clipped_loss",
    "conv_features",
    "conv_net",
    "conv_net_parameters",
    "cross_entropy",
    "gradient_of",
    "in_chunks",
    "learning_curve",
    "meta_train",
    "split_rates",
    "surrogate_loss",
    "trace_direction",
    "train_maml",
]
