"""The checks of chapter 06: Reptile's step, Taylor terms, a Meta-SGD for the head, a Reptile with Adam inside,
rates that are predicted and learned.
"""

from metarl_core.check.ch06.head_loss import check_head_loss
from metarl_core.check.ch06.own_rates import NOT_TOLD_APART, ONE_LOWER, OWN_LOWER, check_own_rates
from metarl_core.check.ch06.reptile_step import check_reptile_step
from metarl_core.check.ch06.reptile_with_adam import check_reptile_with_adam
from metarl_core.check.ch06.taylor_coefficients import check_taylor_coefficients

__all__ = [
    "NOT_TOLD_APART",
    "ONE_LOWER",
    "OWN_LOWER",
    "check_head_loss",
    "check_own_rates",
    "check_reptile_step",
    "check_reptile_with_adam",
    "check_taylor_coefficients",
]
