"""Checks of the exercises of chapter 17."""

from metarl_core.check.ch17.cases import CASES, KINDS, NOTHING, RAISES, SAYS, WRONG
from metarl_core.check.ch17.diagnoses import check_case, check_diagnoses, check_kinds, show_case

__all__ = [
    "CASES",
    "KINDS",
    "NOTHING",
    "RAISES",
    "SAYS",
    "WRONG",
    "check_case",
    "check_diagnoses",
    "check_kinds",
    "show_case",
]
