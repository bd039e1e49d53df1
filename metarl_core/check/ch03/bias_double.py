"""The check of the exercise `bias_double`."""

import math

from metarl_core.check import Wrong, value_check
from metarl_core.check.ch03.oracles import DOUBLE, SINGLE

check_bias_double = value_check(
    "bias_double",
    DOUBLE,
    Wrong("sign", "The size is right. Is the double estimate too high or too low?", -DOUBLE),
    Wrong("unbiased", "It has no bias for equal values only. What is lost when A chooses the worse action?", 0.0),
    Wrong(
        "one_estimates_noise",
        "The difference of two estimates has a larger standard deviation than each of them.",
        -0.5 * math.erfc(1 / math.sqrt(2)),
    ),
    Wrong("coin", "A does not toss a coin: it chooses the better action more often than not.", -0.5),
    Wrong(
        "right_choices",
        "That has the size of the probability that A chooses the better action. What does a *wrong* choice cost?",
        when=lambda value: abs(abs(value) - 1 - DOUBLE) < 1e-3,
    ),
    Wrong(
        "minus_single", "That is the bias of the single estimate, with a minus. The two are not mirror images.", -SINGLE
    ),
    Wrong("half", "That is half of it. Which probability did you halve?", DOUBLE / 2),
    Wrong("always_wrong", "That is what you lose if A always chooses the worse action.", -1.0),
    Wrong("single", "That is the bias of the single estimate.", SINGLE),
)
