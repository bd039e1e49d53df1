"""Meta-learning of policies: each method, its training, and what it reaches on held-out tasks.

from metarl_core.meta import policies

method = policies.PolicyMAML(family, policy, inner_lr=0.5)
meta, history = policies.train(method, method.initial(parameters), policies.TrainConfig(), generator)
returns = policies.adaptation_curve(method, meta, held_out, generator, steps=3).returns
"""

from metarl_core.meta.policies.adaptation import AdaptationCurve, adaptation_curve, choose_inner_lr
from metarl_core.meta.policies.batch import MetaBatch, Stage, relative_outcome
from metarl_core.meta.policies.estimators import (
    ESTIMATORS,
    Estimator,
    dice_loss,
    estimator_named,
    sampling_loss,
    surrogate_loss,
)
from metarl_core.meta.policies.maml import OuterLoss, PolicyMAML, Rate
from metarl_core.meta.policies.outer_ppo import OuterPPO
from metarl_core.meta.policies.outer_rules import (
    OuterAdam,
    OuterReptile,
    OuterRule,
    Updater,
    clipped_loss,
    meta_gradient,
    stage_kl,
)
from metarl_core.meta.policies.outer_trpo import OuterTRPO, kl_product, surrogate_and_kl
from metarl_core.meta.policies.training import TrainConfig, train

__all__ = [
    "ESTIMATORS",
    "AdaptationCurve",
    "Estimator",
    "MetaBatch",
    "OuterAdam",
    "OuterLoss",
    "OuterPPO",
    "OuterReptile",
    "OuterRule",
    "OuterTRPO",
    "PolicyMAML",
    "Rate",
    "Stage",
    "TrainConfig",
    "Updater",
    "adaptation_curve",
    "choose_inner_lr",
    "clipped_loss",
    "dice_loss",
    "estimator_named",
    "kl_product",
    "meta_gradient",
    "relative_outcome",
    "sampling_loss",
    "stage_kl",
    "surrogate_and_kl",
    "surrogate_loss",
    "train",
]
