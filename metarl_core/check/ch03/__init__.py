"""The checks of chapter 03: double DQN's target, a replay ring, a target network, the bias of a maximum, a plan."""

from metarl_core.check.ch03.bias_double import check_bias_double
from metarl_core.check.ch03.bias_equal import check_bias_equal
from metarl_core.check.ch03.bias_single import check_bias_single
from metarl_core.check.ch03.double_dqn_target import check_double_dqn_target
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
    "GREEDY",
    "IN_TRAINING",
    "LAST",
    "NO_EFFECT",
    "NO_EVIDENCE",
    "OWN_STEP_SIZE",
    "SAME_STEP_SIZE",
    "STEPS",
    "UNTIL_SOLVED",
    "check_bias_double",
    "check_bias_equal",
    "check_bias_single",
    "check_double_dqn_target",
    "check_learn_with_target",
    "check_plan",
    "check_ring_sample",
    "check_ring_write",
]
