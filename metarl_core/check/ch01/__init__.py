"""Checks of chapter 01's exercises: returns, the optimum after adaptation, an evaluation, break-even, a plan."""

from metarl_core.check.ch01.adapted_returns import check_adapted_returns
from metarl_core.check.ch01.break_even import check_break_even
from metarl_core.check.ch01.comparison import check_comparison
from metarl_core.check.ch01.meta_optimum import check_meta_optimum
from metarl_core.check.ch01.reward_to_go import check_reward_to_go

__all__ = [
    "check_adapted_returns",
    "check_break_even",
    "check_comparison",
    "check_meta_optimum",
    "check_reward_to_go",
]
