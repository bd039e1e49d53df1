"""The checks of chapter 08: advantages, an inner step, a trust region, a meta-loss with silent bugs, an experiment."""

from metarl_core.check.ch08.inner_step import check_inner_step
from metarl_core.check.ch08.meta_loss import check_meta_loss
from metarl_core.check.ch08.payoff import MAML_EARNS_MORE, NOT_TOLD_APART, PRETRAINING_EARNS_MORE, check_payoff
from metarl_core.check.ch08.task_advantages import check_task_advantages
from metarl_core.check.ch08.trust_region_step import check_trust_region_step

__all__ = [
    "MAML_EARNS_MORE",
    "NOT_TOLD_APART",
    "PRETRAINING_EARNS_MORE",
    "check_inner_step",
    "check_meta_loss",
    "check_payoff",
    "check_task_advantages",
    "check_trust_region_step",
]
