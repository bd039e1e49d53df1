"""The check of the exercise `variance_best_baseline`."""

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch04.bandit import GIVEN, Bandit


def of(bandit: Bandit) -> Check:
    """The check for this bandit."""
    return value_check(
        "variance_best_baseline",
        0.0,
        Wrong(
            "second_moment",
            "That is the mean of the squares. The square of the mean has to come off it.",
            bandit.mean_square(bandit.best),
        ),
        Wrong(
            "same_as_mean",
            "That is the variance with the mean return as the baseline.",
            bandit.variance(bandit.mean),
        ),
        Wrong("estimate", "That is the size of an estimate, not a variance.", abs(bandit.gradient)),
        Wrong("no_baseline", "That is the variance without any baseline.", bandit.variance(0.0)),
        Wrong("impossible", "A variance is never negative.", when=lambda value: value < 0),
        atol=1e-9,
    )


check_variance_best_baseline = of(GIVEN)
