"""The checks of chapter 07: episodes, prototypes as a linear head, an evaluation that is too good, what an
interval is of, and project II, MAML on a family and a network of one's own.
"""

from metarl_core.check.ch07.draw_episode import check_draw_episode
from metarl_core.check.ch07.head_after_one_step import check_head_after_one_step
from metarl_core.check.ch07.predict_all import check_predict_all
from metarl_core.check.ch07.project import HIGHER, LOWER, NOT_TOLD, check_project
from metarl_core.check.ch07.prototype_head import check_prototype_head
from metarl_core.check.ch07.standard_errors import check_standard_errors
from metarl_core.check.ch07.training_ways import FIVE_HIGHER, NOT_TOLD_APART, TWENTY_HIGHER, check_training_ways

__all__ = [
    "FIVE_HIGHER",
    "HIGHER",
    "LOWER",
    "NOT_TOLD",
    "NOT_TOLD_APART",
    "TWENTY_HIGHER",
    "check_draw_episode",
    "check_head_after_one_step",
    "check_predict_all",
    "check_project",
    "check_prototype_head",
    "check_standard_errors",
    "check_training_ways",
]
