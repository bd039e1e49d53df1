"""Checks of the exercises of chapter 12: honest errors, searches of many bodies, windows, planners that hold."""

from metarl_core.check.ch12.adapted_losses import check_adapted_losses
from metarl_core.check.ch12.motor_share import check_motor_share
from metarl_core.check.ch12.planner import DEAR_WINS, NOT_TOLD_APART, WARM_WINS, check_planner
from metarl_core.check.ch12.relative_error import check_relative_error
from metarl_core.check.ch12.search import check_search

__all__ = [
    "DEAR_WINS",
    "NOT_TOLD_APART",
    "WARM_WINS",
    "check_adapted_losses",
    "check_motor_share",
    "check_planner",
    "check_relative_error",
    "check_search",
]
