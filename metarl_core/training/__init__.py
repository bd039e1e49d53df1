"""The one training loop, what it reports and saves, and optimisers."""

from metarl_core.training.checkpoints import (
    Counter,
    GeneratorState,
    LiveParameters,
    Stateful,
)
from metarl_core.training.history import (
    History,
    Metrics,
)
from metarl_core.training.loop import (
    Callback,
    training_loop,
)
from metarl_core.training.optimisers import (
    OptimiserFactory,
    adam,
    check_optimiser,
    linear_schedule,
    make_optimiser,
    set_lr,
    sgd,
)

__all__ = [
    "Callback",
    "Counter",
    "GeneratorState",
    "History",
    "LiveParameters",
    "Metrics",
    "OptimiserFactory",
    "Stateful",
    "adam",
    "check_optimiser",
    "linear_schedule",
    "make_optimiser",
    "set_lr",
    "sgd",
    "training_loop",
]
