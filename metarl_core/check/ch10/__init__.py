"""The checks of chapter 10: an inner TD loop, its meta-gradients, a Reptile iteration with bugs, an experiment."""

from metarl_core.check.ch10.goals import (
    HELPS,
    HURTS,
    NEVER_A_GOAL,
    NOT_DECIDED,
    NOT_TOLD_APART,
    WHERE_GOALS_LAY,
)
from metarl_core.check.ch10.inner_td_steps import check_inner_td_steps
from metarl_core.check.ch10.meta_gradients import check_meta_gradients
from metarl_core.check.ch10.reptile_iteration import check_reptile_iteration
from metarl_core.check.ch10.transfer import check_transfer

__all__ = [
    "HELPS",
    "HURTS",
    "NEVER_A_GOAL",
    "NOT_DECIDED",
    "NOT_TOLD_APART",
    "WHERE_GOALS_LAY",
    "check_inner_td_steps",
    "check_meta_gradients",
    "check_reptile_iteration",
    "check_transfer",
]
