"""The check of the exercise `floor_amplitude_known`."""

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch02.oracles import GIVEN, Waves, flaws, half_a_unit


def of(waves: Waves) -> Check:
    """The check for these waves."""
    of_one_amplitude = float((waves.wave - waves.mean_wave).square().mean())
    known = float((waves.amplitude.square()[:, None, None] * (waves.wave - waves.mean_wave).square()).mean())
    mean = float(waves.amplitude.mean())
    return value_check(
        "floor_amplitude_known",
        known,
        Wrong(
            "amplitude_not_known",
            "That is the floor of one who knows neither. With A known, is the best prediction the same for a small and "
            "for a large wave?",
            waves.zero - mean**2 * float(waves.mean_wave.square().mean()),
        ),
        Wrong(
            "mean_amplitude",
            "You square the mean amplitude. The prediction is A times a function of x: which moment of A stands in its "
            "error?",
            mean**2 * of_one_amplitude,
        ),
        Wrong(
            "phase_known",
            "That is the floor of one who knows the phase and not the amplitude.",
            waves.phase_known,
        ),
        Wrong(
            "second_moment",
            "That is the error of predicting zero. What do waves of one amplitude and all phases have in common?",
            waves.zero,
        ),
        Wrong(
            "nothing_left",
            "Knowing the amplitude does not make the error vanish: waves of one amplitude start at different phases.",
            0.0,
        ),
        Wrong(
            "without_the_amplitude",
            "That is the error for A = 1. By what is it to be multiplied?",
            of_one_amplitude,
        ),
        Wrong("explained_part", "That is the part that the mean wave explains. What remains?", waves.zero - known),
        Wrong(
            "spread_of_both",
            "You multiply the spread of the amplitude by that of the wave. Which of the two is known here?",
            waves.spread * of_one_amplitude,
        ),
        *flaws(known),
        rtol=0.0,
        atol=half_a_unit(known),
    )


check_floor_amplitude_known = of(GIVEN)
