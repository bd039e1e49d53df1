"""Meta-learning on supervised tasks: each method, its training, and what it reaches on held-out tasks.

from metarl_core.meta import supervised

method = supervised.MAML(loss, inner_lr=0.01)
meta, history = supervised.train(method, method.initial(parameters), sample, supervised.TrainConfig(), generator)
errors = supervised.adaptation_curve(method, meta, held_out, steps=range(11))
"""

from metarl_core.meta.supervised.adaptation import adaptation_curve
from metarl_core.meta.supervised.config import Direction, Method, Sample, TrainConfig
from metarl_core.meta.supervised.joint import Joint
from metarl_core.meta.supervised.maml import MAML, DataLoss, gradient_of
from metarl_core.meta.supervised.meta_batches import batches, in_chunks
from metarl_core.meta.supervised.meta_sgd import MetaSGD
from metarl_core.meta.supervised.prototypes import Prototypes
from metarl_core.meta.supervised.reptile import Reptile, adapt_by_adam
from metarl_core.meta.supervised.tracing import trace_direction
from metarl_core.meta.supervised.training import train

__all__ = [
    "MAML",
    "DataLoss",
    "Direction",
    "Joint",
    "MetaSGD",
    "Method",
    "Prototypes",
    "Reptile",
    "Sample",
    "TrainConfig",
    "adapt_by_adam",
    "adaptation_curve",
    "batches",
    "gradient_of",
    "in_chunks",
    "trace_direction",
    "train",
]
