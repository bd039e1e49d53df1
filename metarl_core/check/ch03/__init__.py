"""The checks of chapter 03: an expected target, a replay ring, a target network, biases, a plan, a comparison."""

from metarl_core.check.ch03.bias_double import check_bias_double
from metarl_core.check.ch03.bias_equal import check_bias_equal
from metarl_core.check.ch03.bias_single import check_bias_single
from metarl_core.check.ch03.comparison import (
    EXPECTED_EARNS_MORE,
    GREEDY_EARNS_MORE,
    NOT_TOLD_APART,
    check_comparison,
)
from metarl_core.check.ch03.expected_target import check_expected_target
from metarl_core.check.ch03.learn_with_target import check_learn_with_target
from metarl_core.check.ch03.plan import (
    BEST,
    GREEDY,
    IN_TRAINING,
    LAST,
    NO_EFFECT,
    NO_EVIDENCE,
    OWN_STEP_SIZE,
    SAME_STEP_SIZE,
    STEPS,
    UNTIL_SOLVED,
    check_plan,
)
from metarl_core.check.ch03.ring_sample import check_ring_sample
from metarl_core.check.ch03.ring_write import check_ring_write

__all__ = [
    "BEST",
    "EXPECTED_EARNS_MORE",
    "GREEDY",
    "GREEDY_EARNS_MORE",
    "IN_TRAINING",
    "LAST",
    "NO_EFFECT",
    "NOT_TOLD_APART",
    "NO_EVIDENCE",
    "OWN_STEP_SIZE",
    "SAME_STEP_SIZE",
    "STEPS",
    "UNTIL_SOLVED",
    "check_bias_double",
    "check_bias_equal",
    "check_bias_single",
    "check_comparison",
    "check_expected_target",
    "check_learn_with_target",
    "check_plan",
    "check_ring_sample",
    "check_ring_write",
]
