"""How learning is learned: the inner loop, and meta-training of five kinds.

`supervised`, `policies`, `values`, `memory` and `models` each have `train`, `TrainConfig` and `adaptation_curve`, which
go by the same names; what has a name of its own can be imported from here, too.
"""

from metarl_core.meta import memory, models, policies, supervised, values
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.learned_rates import split_rates
from metarl_core.meta.memory import RL2, MemoryAgent
from metarl_core.meta.models import Ensemble, FixedModel, GrBAL, LastLayerRLS, OnlineSGD, ReBAL
from metarl_core.meta.policies import (
    ESTIMATORS,
    MetaBatch,
    OuterAdam,
    OuterPPO,
    OuterReptile,
    OuterTRPO,
    PolicyMAML,
    Stage,
    choose_inner_lr,
    clipped_loss,
    dice_loss,
    estimator_named,
    kl_product,
    meta_gradient,
    relative_outcome,
    sampling_loss,
    stage_kl,
    surrogate_and_kl,
    surrogate_loss,
)
from metarl_core.meta.supervised.joint import Joint
from metarl_core.meta.supervised.maml import MAML, gradient_of
from metarl_core.meta.supervised.meta_sgd import MetaSGD
from metarl_core.meta.supervised.prototypes import Prototypes
from metarl_core.meta.supervised.reptile import Reptile, adapt_by_adam
from metarl_core.meta.supervised.tracing import trace_direction
from metarl_core.meta.values.adaptation import NewTaskConfig, fine_tune, first_reached, random_transitions
from metarl_core.meta.values.maml import QMAML, td_loss
from metarl_core.meta.values.reptile import PlainDQN, QReptile
from metarl_core.meta.values.runs import repeat_for_tasks, task_sampler
from metarl_core.networks.task_loss import task_loss

__all__ = [
    "ESTIMATORS",
    "Ensemble",
    "FixedModel",
    "GrBAL",
    "Joint",
    "LastLayerRLS",
    "MAML",
    "MemoryAgent",
    "MetaBatch",
    "MetaSGD",
    "NewTaskConfig",
    "OnlineSGD",
    "OuterAdam",
    "OuterPPO",
    "OuterReptile",
    "OuterTRPO",
    "PlainDQN",
    "PolicyMAML",
    "Prototypes",
    "QMAML",
    "QReptile",
    "RL2",
    "ReBAL",
    "Reptile",
    "Stage",
    "adapt",
    "adapt_by_adam",
    "choose_inner_lr",
    "clipped_loss",
    "dice_loss",
    "estimator_named",
    "fine_tune",
    "first_reached",
    "gradient_of",
    "memory",
    "models",
    "policies",
    "supervised",
    "values",
    "kl_product",
    "meta_gradient",
    "random_transitions",
    "relative_outcome",
    "repeat_for_tasks",
    "sampling_loss",
    "split_rates",
    "stage_kl",
    "surrogate_and_kl",
    "surrogate_loss",
    "task_loss",
    "task_sampler",
    "td_loss",
    "trace_direction",
]
