"""The check of the exercise `floor_agnostic`."""

import math

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch02.oracles import GIVEN, Waves, flaws, half_a_unit


def of(waves: Waves) -> Check:
    """The check for these waves."""
    agnostic = waves.zero - float((waves.amplitude.mean() * waves.wave.mean(1)).square().mean())
    return value_check(
        "floor_agnostic",
        agnostic,
        Wrong(
            "phase_not_averaged",
            "A function that ignores the task does not know the phase. You have averaged over the amplitude only.",
            waves.phase_known,
        ),
        Wrong(
            "chapters_mean_function",
            "You use the mean function of the chapter, (2/π) E[A] cos x. Its phase ran over [0, π]. Does yours?",
            waves.zero - float((waves.amplitude.mean() * 2 / math.pi * waves.inputs.cos()).square().mean()),
        ),
        Wrong(
            "ignores_the_family",
            "That is the error of predicting 0. Do waves of this family not look alike at all?",
            waves.zero,
        ),
        Wrong(
            "nothing_left",
            "Can a function that knows neither amplitude nor phase make no error?",
            0.0,
        ),
        Wrong(
            "explained_part",
            "That is the part that the mean function explains. What remains?",
            waves.zero - agnostic,
        ),
        Wrong(
            "adds",
            "Knowing the family should make the error smaller than that of predicting zero, not larger.",
            2 * waves.zero - agnostic,
        ),
        *flaws(agnostic),
        rtol=0.0,
        atol=half_a_unit(agnostic),
    )


check_floor_agnostic = of(GIVEN)
