"""The check of the exercise `floor_phase_known`."""

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch02.oracles import GIVEN, Waves, flaws, half_a_unit


def of(waves: Waves) -> Check:
    """The check for these waves."""
    return value_check(
        "floor_phase_known",
        waves.phase_known,
        Wrong(
            "no_sine",
            "That is the variance of the amplitude alone. How large is the squared sine beside it?",
            waves.spread,
        ),
        Wrong(
            "nothing_left",
            "Knowing the phase does not make the error vanish: a small and a large sine have the same phase.",
            0.0,
        ),
        Wrong(
            "second_moment",
            "That is the error of predicting zero. One who knows the phase can predict E[A] sin(x + φ).",
            waves.zero,
        ),
        *flaws(waves.phase_known),
        rtol=0.0,
        atol=half_a_unit(waves.phase_known),
    )


check_floor_phase_known = of(GIVEN)
