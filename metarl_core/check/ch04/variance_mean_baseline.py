"""The check of the exercise `variance_mean_baseline`."""

from metarl_core.check import Wrong, value_check

check_variance_mean_baseline = value_check(
    "variance_mean_baseline",
    1.44,
    Wrong("second_moment", "That is the mean of the squares. A variance is less than that by something.", 2.08),
    Wrong("standard_deviation", "A variance is the square of that.", 1.2),
    Wrong("no_baseline", "That is the variance without any baseline.", 5.76),
    Wrong(
        "without_score",
        "That is the variance of the returns. The estimate is the score times what is left of the return.",
        4.0,
    ),
)
