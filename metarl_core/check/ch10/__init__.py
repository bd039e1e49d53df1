"""The checks of chapter 10: an inner TD loop, its meta-gradients by hand, a Reptile iteration with bugs, a plan."""

from metarl_core.check.ch10.inner_td_steps import check_inner_td_steps
from metarl_core.check.ch10.meta_gradients import check_meta_gradients
from metarl_core.check.ch10.plan import check_plan
from metarl_core.check.ch10.reptile_iteration import check_reptile_iteration

__all__ = [
    "check_inner_td_steps",
    "check_meta_gradients",
    "check_plan",
    "check_reptile_iteration",
]
