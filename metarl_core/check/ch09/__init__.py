"""Checks of the exercises of chapter 09: losses with the right second derivative, what is added beside them, a sign."""

from metarl_core.check.ch09.bandit_hessians import check_bandit_hessians
from metarl_core.check.ch09.dice_loss import check_dice_loss
from metarl_core.check.ch09.meta_loss import check_meta_loss
from metarl_core.check.ch09.sampling_term import check_sampling_term
from metarl_core.check.ch09.sign import LVC_TOO_HIGH, LVC_TOO_LOW, NO_BIAS_SEEN, check_sign

__all__ = [
    "LVC_TOO_HIGH",
    "LVC_TOO_LOW",
    "NO_BIAS_SEEN",
    "check_bandit_hessians",
    "check_dice_loss",
    "check_meta_loss",
    "check_sampling_term",
    "check_sign",
]
