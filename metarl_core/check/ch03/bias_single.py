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
    Wrong("sign", "The size is right. Is the larger one of two estimates too high or too low?", -SINGLE),
    Wrong(
        "above_the_worse",
        "That is how far the maximum lies above the worse action's value. The bias counts from the better one's.",
        1 + SINGLE,
    ),
    Wrong(
        "one_estimates_noise",
        "Your difference has the standard deviation of a single estimate. Variances of independent numbers add.",
        of_maximum(1.0, math.sqrt(0.5)),
    ),
    Wrong(
        "size_of_double", "That is the double estimate's loss, without its sign. The single one errs upwards.", -DOUBLE
    ),
    Wrong("gap", "That is the difference of the two true values.", when=lambda value: abs(abs(value) - 1) < 1e-3),
    Wrong(
        "unbiased",
        "The better action is better by only one standard deviation; the other one often looks better.",
        0.0,
    ),
)
