"""How learning is learned: the inner loop and meta-training."""

from metarl_core.meta.adaptation import adaptation_curve, choose_inner_lr, surrogate_loss
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.maml_rl import MamlConfig, clipped_loss, train_maml

__all__ = ["MamlConfig", "adapt", "adaptation_curve", "choose_inner_lr", "clipped_loss", "surrogate_loss", "train_maml"]
