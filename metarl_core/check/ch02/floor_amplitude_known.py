"""The check of the exercise `floor_amplitude_known`."""

from metarl_core.check import Wrong, value_check
from metarl_core.check.ch02.oracles import AMPLITUDE, MEAN_WAVE, PHASE_KNOWN, SPREAD, WAVE, ZERO, flaws, half_a_unit

_KNOWN = float((AMPLITUDE.square()[:, None, None] * (WAVE - MEAN_WAVE).square()).mean())
_MEAN = float(AMPLITUDE.mean())

check_floor_amplitude_known = value_check(
    "floor_amplitude_known",
    _KNOWN,
    Wrong(
        "amplitude_not_known",
        "That is the floor of one who knows neither. With A known, is the best prediction the same for a small and for "
        "a large wave?",
        ZERO - _MEAN**2 * float(MEAN_WAVE.square().mean()),
    ),
    Wrong(
        "mean_amplitude",
        "You square the mean amplitude. The prediction is A times a function of x: which moment of A stands in its "
        "error?",
        _MEAN**2 * float((WAVE - MEAN_WAVE).square().mean()),
    ),
    Wrong(
        "phase_known",
        "That is the floor of one who knows the phase and not the amplitude.",
        PHASE_KNOWN,
    ),
    Wrong(
        "second_moment",
        "That is the error of predicting zero. What do waves of one amplitude and all phases have in common?",
        ZERO,
    ),
    Wrong(
        "nothing_left",
        "Knowing the amplitude does not make the error vanish: waves of one amplitude start at different phases.",
        0.0,
    ),
    Wrong(
        "without_the_amplitude",
        "That is the error for A = 1. By what is it to be multiplied?",
        float((WAVE - MEAN_WAVE).square().mean()),
    ),
    Wrong("explained_part", "That is the part that the mean wave explains. What remains?", ZERO - _KNOWN),
    Wrong(
        "spread_of_both",
        "You multiply the spread of the amplitude by that of the wave. Which of the two is known here?",
        SPREAD * float((WAVE - MEAN_WAVE).square().mean()),
    ),
    *flaws(_KNOWN),
    rtol=0.0,
    atol=half_a_unit(_KNOWN),
)
