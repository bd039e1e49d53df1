"""Checks of the exercises of chapter 11: memories that go on, losses of whole trials, beliefs, honest contexts."""

from metarl_core.check.ch11.context_losses import check_context_losses
from metarl_core.check.ch11.few import FEW_LOSE, FEW_WIN, NOT_TOLD_APART, check_few
from metarl_core.check.ch11.memories import check_memories
from metarl_core.check.ch11.minibatch_losses import check_minibatch_losses
from metarl_core.check.ch11.plan import check_plan

__all__ = [
    "FEW_LOSE",
    "FEW_WIN",
    "NOT_TOLD_APART",
    "check_context_losses",
    "check_few",
    "check_memories",
    "check_minibatch_losses",
    "check_plan",
]
