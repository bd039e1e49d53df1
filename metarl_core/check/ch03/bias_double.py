"""The check of the exercise `bias_double`."""

import math

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch03.oracles import GIVEN, Noise


def of(noise: Noise) -> Check:
    """The check for this noise."""
    single, double = noise.single, noise.double
    return value_check(
        "bias_double",
        double,
        Wrong("sign", "The size is right. Is the double estimate too high or too low?", -double),
        Wrong("unbiased", "It has no bias for equal values only. What is lost when A chooses the worse action?", 0.0),
        Wrong(
            "one_estimates_noise",
            "The difference of two estimates has a larger standard deviation than each of them.",
            -0.5 * math.erfc(1 / noise.sigma / math.sqrt(2)),
        ),
        Wrong("coin", "A does not toss a coin: it chooses the better action more often than not.", -0.5),
        Wrong(
            "right_choices",
            "That has the size of the probability that A chooses the better action. What does a *wrong* choice cost?",
            when=lambda value: abs(abs(value) - 1 - double) < 1e-3,
        ),
        Wrong(
            "minus_single",
            "That is the bias of the single estimate, with a minus. The two are not mirror images.",
            -single,
        ),
        Wrong("half", "That is half of it. Which probability did you halve?", double / 2),
        Wrong("always_wrong", "That is what you lose if A always chooses the worse action.", -1.0),
        Wrong("single", "That is the bias of the single estimate.", single),
    )


check_bias_double = of(GIVEN)
