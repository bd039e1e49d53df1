"""The check of the exercise `bias_single`."""

import math

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch03.oracles import GIVEN, Noise, of_maximum


def of(noise: Noise) -> Check:
    """The check for this noise."""
    single, double, sigma = noise.single, noise.double, noise.sigma
    better_by = "one standard deviation" if sigma == 1 else f"{1 / sigma:.2g} standard deviations"
    return value_check(
        "bias_single",
        single,
        Wrong(
            "as_if_equal",
            "That is the bias for equal true values. Here one action is worse by 1.",
            of_maximum(0.0, sigma),
        ),
        Wrong(
            "no_half",
            "That is too much even for equal values. Is there a half somewhere?",
            2 * sigma / math.sqrt(math.pi),
        ),
        Wrong(
            "double",
            "That is the bias of the double estimate: what the wrong choices lose. Here the lucky noise counts, too.",
            double,
        ),
        Wrong("sign", "The size is right. Is the larger one of two estimates too high or too low?", -single),
        Wrong(
            "above_the_worse",
            "That is how far the maximum lies above the worse action's value. The bias counts from the better one's.",
            1 + single,
        ),
        Wrong(
            "one_estimates_noise",
            "Your difference has the standard deviation of a single estimate. Variances of independent numbers add.",
            of_maximum(1.0, sigma * math.sqrt(0.5)),
        ),
        Wrong(
            "size_of_double",
            "That is the double estimate's loss, without its sign. The single one errs upwards.",
            -double,
        ),
        Wrong("gap", "That is the difference of the two true values.", when=lambda value: abs(abs(value) - 1) < 1e-3),
        Wrong(
            "unbiased",
            f"The better action is better by only {better_by}; the other one often looks better.",
            0.0,
        ),
    )


check_bias_single = of(GIVEN)
