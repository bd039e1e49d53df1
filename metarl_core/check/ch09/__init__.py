"""Checks of the exercises of chapter 09: losses with the right second derivative, and what is added beside them."""

from metarl_core.check.ch09.bandit_hessians import check_bandit_hessians
from metarl_core.check.ch09.dice_loss import check_dice_loss
from metarl_core.check.ch09.meta_loss import check_meta_loss
from metarl_core.check.ch09.sampling_term import check_sampling_term

__all__ = [
    "check_bandit_hessians",
    "check_dice_loss",
    "check_meta_loss",
    "check_sampling_term",
]
