"""How learning is learned: the inner loop and meta-training."""

from metarl_core.meta.adaptation import adaptation_curve, choose_inner_lr, surrogate_loss
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.joint import Joint
from metarl_core.meta.maml import MAML, gradient_of
from metarl_core.meta.maml_rl import MamlConfig, clipped_loss, train_maml
from metarl_core.meta.meta_sgd import MetaSGD, split_rates
from metarl_core.meta.prototypes import Prototypes
from metarl_core.meta.reptile import Reptile, adapt_by_adam
from metarl_core.meta.tracing import trace_direction
from metarl_core.meta.training import MetaConfig, learning_curve, meta_train

__all__ = [
    "MAML",
    "Joint",
    "MamlConfig",
    "MetaConfig",
    "MetaSGD",
    "Prototypes",
    "Reptile",
    "adapt",
    "adapt_by_adam",
    "adaptation_curve",
    "choose_inner_lr",
    "clipped_loss",
    "gradient_of",
    "learning_curve",
    "meta_train",
    "split_rates",
    "surrogate_loss",
    "trace_direction",
    "train_maml",
]
