"""The check of the exercise `bias_equal`."""

import math

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch03.oracles import GIVEN, Noise


def of(noise: Noise) -> Check:
    """The check for this noise."""
    equal, sigma = noise.equal, noise.equal_sigma
    return value_check(
        "bias_equal",
        equal,
        Wrong("unbiased", "Each estimate is unbiased. Their maximum is another random number.", 0.0),
        Wrong("no_half", "Look at max(x, y) = (x + y)/2 + |x − y|/2 again: a factor is missing.", 2 * equal),
        Wrong(
            "one_estimates_noise",
            "Your difference has the standard deviation of a single estimate. Variances of independent numbers add.",
            sigma * math.sqrt(2 / math.pi) / 2,
        ),
        Wrong("standard_deviation_one", "That is the bias for σ = 1. Which σ is given?", equal / sigma),
        Wrong("sign", "Is the larger one of two estimates too high on average, or too low?", -equal),
        Wrong("sigma", "That is σ itself. By how much of it is the larger one of two too high?", sigma),
        Wrong("difference", "That is the standard deviation of the difference of the two.", sigma * math.sqrt(2)),
        Wrong(
            "mean_size",
            "That is the mean size of one estimate's noise, E|x|. How is it linked to a maximum?",
            sigma * math.sqrt(2 / math.pi),
        ),
        Wrong(
            "variance",
            "The bias is measured in the unit of the values. Your answer has that of a variance.",
            sigma * equal,
        ),
    )


check_bias_equal = of(GIVEN)
