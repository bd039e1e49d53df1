"""Checks of the exercises of chapter 17: diagnoses of all cases, repairs, a test of tests, and project III."""

from metarl_core.check.ch17.cases import CASES, KINDS, NOTHING, RAISES, SAYS, WRONG
from metarl_core.check.ch17.claim import check_claim
from metarl_core.check.ch17.diagnoses import check_case, check_diagnoses, check_kinds, show_case
from metarl_core.check.ch17.elite_mean import check_elite_mean
from metarl_core.check.ch17.meta_gradient import check_meta_gradient
from metarl_core.check.ch17.next_belief import check_next_belief
from metarl_core.check.ch17.replayed import HOLDS, REFUTED, UNDECIDED, seal
from metarl_core.check.ch17.td_targets import check_td_targets
from metarl_core.check.ch17.trusted import check_trusted

__all__ = [
    "CASES",
    "HOLDS",
    "KINDS",
    "NOTHING",
    "RAISES",
    "REFUTED",
    "SAYS",
    "UNDECIDED",
    "WRONG",
    "check_case",
    "check_claim",
    "check_diagnoses",
    "check_elite_mean",
    "check_kinds",
    "check_meta_gradient",
    "check_next_belief",
    "check_td_targets",
    "check_trusted",
    "seal",
    "show_case",
]
