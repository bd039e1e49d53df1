"""The checks of chapter 05: MAML's gradient, quadratics in closed form, a meta-loss with silent bugs, an experiment on
the second order."""

from metarl_core.check.ch05.maml_gradient import check_maml_gradient
from metarl_core.check.ch05.meta_loss import check_meta_loss
from metarl_core.check.ch05.meta_optimum import check_meta_optimum
from metarl_core.check.ch05.quadratic_meta_gradient import check_quadratic_meta_gradient
from metarl_core.check.ch05.second_order import FOMAML_LOWER, MAML_LOWER, NOT_TOLD_APART, check_second_order

__all__ = [
    "FOMAML_LOWER",
    "MAML_LOWER",
    "NOT_TOLD_APART",
    "check_maml_gradient",
    "check_meta_loss",
    "check_meta_optimum",
    "check_quadratic_meta_gradient",
    "check_second_order",
]
