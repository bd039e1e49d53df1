"""The check of the exercise `floor_zero`."""

from metarl_core.check import Wrong, value_check
from metarl_core.check.ch02.oracles import AMPLITUDE, SPREAD, ZERO, flaws, half_a_unit

check_floor_zero = value_check(
    "floor_zero",
    ZERO,
    Wrong(
        "variance",
        "That is built from the variance of the amplitude. Predicting zero does not subtract the mean: which moment "
        "is it?",
        SPREAD / 2,
    ),
    Wrong(
        "square_of_the_mean",
        "The mean of a square is not the square of the mean.",
        float(AMPLITUDE.mean().square()) / 2,
    ),
    Wrong(
        "mean_squared",
        "That is the squared mean of the amplitude. The mean of a square is not the square of the mean; and where is "
        "the squared sine?",
        float(AMPLITUDE.mean().square()),
    ),
    Wrong("no_sine", "Where is the mean of the squared sine?", 2 * ZERO),
    Wrong("chapters_ranges", "That is the number of the chapter's family. Which ranges are given here?", 4.2517),
    *flaws(ZERO),
    rtol=0.0,
    atol=half_a_unit(ZERO),
)
