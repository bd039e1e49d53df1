"""Checks of chapter 01's exercises: returns of a stream, a step size, an evaluation, a bill, a plan."""

from metarl_core.check.ch01.adapted_returns import check_adapted_returns
from metarl_core.check.ch01.best_step_size import check_best_step_size
from metarl_core.check.ch01.bill import check_bill
from metarl_core.check.ch01.comparison import check_comparison
from metarl_core.check.ch01.stream_returns import check_stream_returns

__all__ = [
    "check_adapted_returns",
    "check_best_step_size",
    "check_bill",
    "check_comparison",
    "check_stream_returns",
]
