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
    Wrong("single", "That is the bias of the single estimate.", SINGLE),
)
