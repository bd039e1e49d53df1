"""The check of the exercise `bias_single`."""

import math

from metarl_core.check import Wrong, value_check
from metarl_core.check.ch03.oracles import DOUBLE, SINGLE, of_maximum

check_bias_single = value_check(
    "bias_single",
    SINGLE,
    Wrong(
        "as_if_equal",
        "That is the bias for equal true values. Here one action is worse by 1.",
        of_maximum(0.0, 1.0),
    ),
    Wrong(
        "no_half",
        "That is too much even for equal values. Is there a half somewhere?",
        2 / math.sqrt(math.pi),
    ),
    Wrong(
        "double",
        "That is the bias of the double estimate: what the wrong choices lose. Here the lucky noise counts, too.",
        DOUBLE,
    ),
    Wrong(
        "unbiased",
        "The better action is better by only one standard deviation; the other one often looks better.",
        0.0,
    ),
)
