"""The check of the exercise `variance_best_baseline`."""

from metarl_core.check import Wrong, value_check

check_variance_best_baseline = value_check(
    "variance_best_baseline",
    0.0,
    Wrong("second_moment", "That is the mean of the squares. The square of the mean has to come off it.", 0.64),
    Wrong("same_as_mean", "That is the variance with the mean return as the baseline.", 1.44),
    Wrong("estimate", "That is the size of an estimate, not a variance.", 0.8),
    Wrong("no_baseline", "That is the variance without any baseline.", 5.76),
    Wrong("impossible", "A variance is never negative.", when=lambda value: value < 0),
    atol=1e-9,
)
