"""The check of the exercise `floor_zero`."""

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch02.oracles import GIVEN, Waves, flaws, half_a_unit


def of(waves: Waves) -> Check:
    """The check for these waves."""
    return value_check(
        "floor_zero",
        waves.zero,
        Wrong(
            "variance",
            "That is built from the variance of the amplitude. Predicting zero does not subtract the mean: which "
            "moment is it?",
            waves.spread / 2,
        ),
        Wrong(
            "square_of_the_mean",
            "The mean of a square is not the square of the mean.",
            float(waves.amplitude.mean().square()) / 2,
        ),
        Wrong(
            "mean_squared",
            "That is the squared mean of the amplitude. The mean of a square is not the square of the mean; and where "
            "is the squared sine?",
            float(waves.amplitude.mean().square()),
        ),
        Wrong("no_sine", "Where is the mean of the squared sine?", 2 * waves.zero),
        Wrong("chapters_ranges", "That is the number of the chapter's family. Which ranges are given here?", 4.2517),
        *flaws(waves.zero),
        rtol=0.0,
        atol=half_a_unit(waves.zero),
    )


check_floor_zero = of(GIVEN)
