"""The check of the exercise `variance_mean_baseline`."""

from metarl_core.check import Wrong, value_check

check_variance_mean_baseline = value_check(
    "variance_mean_baseline",
    1.44,
    Wrong("negative", "A variance is never negative.", when=lambda value: value < 0),
    Wrong("impossible_zero", "A variance is 0 only where both arms give the same estimate. Do they?", 0.0),
    Wrong("squared_mean", "That is the square of the mean. It comes off something.", 0.64),
    Wrong("added", "You add the square of the mean. Does it come on top or off?", 2.72),
    Wrong("unweighted", "You weigh both arms alike. How often is each of them pulled?", 2.25),
    Wrong("second_moment", "That is the mean of the squares. A variance is less than that by something.", 2.08),
    Wrong("standard_deviation", "A variance is the square of that.", 1.2),
    Wrong("no_baseline", "That is the variance without any baseline.", 5.76),
    Wrong(
        "without_score",
        "That is the variance of the returns. The estimate is the score times what is left of the return.",
        4.0,
    ),
)
