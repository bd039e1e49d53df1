"""The checks of chapter 02: a windy family, splits, the worth of knowing, a return with its mask, floors."""

from metarl_core.check.ch02.bootstrapped_returns import check_bootstrapped_returns
from metarl_core.check.ch02.floor_agnostic import check_floor_agnostic
from metarl_core.check.ch02.floor_amplitude_known import check_floor_amplitude_known
from metarl_core.check.ch02.floor_phase_known import check_floor_phase_known
from metarl_core.check.ch02.floor_zero import check_floor_zero
from metarl_core.check.ch02.split_tasks import check_split_tasks
from metarl_core.check.ch02.windy_step import check_windy_step
from metarl_core.check.ch02.worth import check_worth

__all__ = [
    "check_bootstrapped_returns",
    "check_floor_agnostic",
    "check_floor_amplitude_known",
    "check_floor_phase_known",
    "check_floor_zero",
    "check_split_tasks",
    "check_windy_step",
    "check_worth",
]
