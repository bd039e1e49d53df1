"""How learning is learned: the inner loop, and meta-training of three kinds.

`supervised`, `policies` and `values` each have `train`, `TrainConfig` and `adaptation_curve`, which go by the same
names; what has a name of its own can be imported from here, too.
"""

from metarl_core.meta import policies, supervised, values
from metarl_core.meta.inner_loop import adapt
from metarl_core.meta.learned_rates import split_rates
from metarl_core.meta.policies.adaptation import adaptation_curve, choose_inner_lr
from metarl_core.meta.policies.estimators import ESTIMATORS, dice_loss, estimator_named, sampling_loss, surrogate_loss
from metarl_core.meta.policies.maml import MetaBatch, PolicyMAML, Stage, relative_outcome
from metarl_core.meta.policies.outer_rules import (
    OuterAdam,
    OuterPPO,
    OuterReptile,
    OuterTRPO,
    clipped_loss,
    kl_product,
    meta_gradient,
    stage_kl,
)
from metarl_core.meta.policies.training import MamlConfig, PolicyMetaConfig, meta_train_policy, train_maml
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

__all__ = [
    "ESTIMATORS",
    "Joint",
    "MAML",
    "MamlConfig",
    "MetaBatch",
    "MetaSGD",
    "NewTaskConfig",
    "OuterAdam",
    "OuterPPO",
    "OuterReptile",
    "OuterTRPO",
    "PlainDQN",
    "PolicyMAML",
    "PolicyMetaConfig",
    "Prototypes",
    "QMAML",
    "QReptile",
    "Reptile",
    "Stage",
    "adapt",
    "adapt_by_adam",
    "adaptation_curve",
    "choose_inner_lr",
    "clipped_loss",
    "dice_loss",
    "estimator_named",
    "fine_tune",
    "first_reached",
    "gradient_of",
    "policies",
    "supervised",
    "values",
    "kl_product",
    "meta_gradient",
    "meta_train_policy",
    "random_transitions",
    "relative_outcome",
    "repeat_for_tasks",
    "sampling_loss",
    "split_rates",
    "stage_kl",
    "surrogate_loss",
    "task_sampler",
    "td_loss",
    "trace_direction",
    "train_maml",
]
