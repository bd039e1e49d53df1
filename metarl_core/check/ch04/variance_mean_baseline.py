"""The check of the exercise `variance_mean_baseline`."""

import math

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch04.bandit import GIVEN, Bandit


def of(bandit: Bandit) -> Check:
    """The check for this bandit."""
    one, two = bandit.estimates(bandit.mean)
    variance, squared_mean = bandit.variance(bandit.mean), bandit.gradient**2
    return value_check(
        "variance_mean_baseline",
        variance,
        Wrong("negative", "A variance is never negative.", when=lambda value: value < 0),
        Wrong("impossible_zero", "A variance is 0 only where both arms give the same estimate. Do they?", 0.0),
        Wrong("squared_mean", "That is the square of the mean. It comes off something.", squared_mean),
        Wrong(
            "added",
            "You add the square of the mean. Does it come on top or off?",
            variance + 2 * squared_mean,
        ),
        Wrong(
            "unweighted",
            "You weigh both arms alike. How often is each of them pulled?",
            (one - two) ** 2 / 4,
        ),
        Wrong(
            "second_moment",
            "That is the mean of the squares. A variance is less than that by something.",
            variance + squared_mean,
        ),
        Wrong("standard_deviation", "A variance is the square of that.", math.sqrt(variance)),
        Wrong("no_baseline", "That is the variance without any baseline.", bandit.variance(0.0)),
        Wrong(
            "without_score",
            "That is the variance of the returns. The estimate is the score times what is left of the return.",
            bandit.p * (1 - bandit.p) * (bandit.first - bandit.second) ** 2,
        ),
    )


check_variance_mean_baseline = of(GIVEN)
