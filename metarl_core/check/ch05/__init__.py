"""The checks of chapter 05: MAML's gradient, quadratics in closed form, a meta-loss with silent bugs, a comparison."""

from metarl_core.check.ch05.comparison import check_comparison
from metarl_core.check.ch05.maml_gradient import check_maml_gradient
from metarl_core.check.ch05.meta_loss import check_meta_loss
from metarl_core.check.ch05.meta_optimum import check_meta_optimum
from metarl_core.check.ch05.quadratic_meta_gradient import check_quadratic_meta_gradient

__all__ = [
    "check_comparison",
    "check_maml_gradient",
    "check_meta_loss",
    "check_meta_optimum",
    "check_quadratic_meta_gradient",
]
