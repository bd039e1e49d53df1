"""How learning is learned: the inner loop and meta-training."""

from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.maml_rl import MamlConfig, adaptation_curve, clipped_loss, surrogate_loss, train_maml

__all__ = ["MamlConfig", "adapt", "adaptation_curve", "clipped_loss", "surrogate_loss", "train_maml"]
