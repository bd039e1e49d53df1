"""Meta-learning of value functions: each method, its training, and what it reaches on held-out tasks."""

from metarl_core.meta.values.adaptation import (
    AdaptationCurve,
    NewTaskConfig,
    adaptation_curve,
    fine_tune,
    first_reached,
    random_transitions,
)
from metarl_core.meta.values.config import Learning, Method, TrainableMethod, TrainConfig
from metarl_core.meta.values.maml import QMAML, td_loss
from metarl_core.meta.values.reptile import PlainDQN, QReptile
from metarl_core.meta.values.runs import repeat_for_tasks, task_sampler
from metarl_core.meta.values.training import train

__all__ = [
    "AdaptationCurve",
    "Learning",
    "Method",
    "NewTaskConfig",
    "PlainDQN",
    "QMAML",
    "QReptile",
    "TrainConfig",
    "TrainableMethod",
    "adaptation_curve",
    "fine_tune",
    "first_reached",
    "random_transitions",
    "repeat_for_tasks",
    "task_sampler",
    "td_loss",
    "train",
]
