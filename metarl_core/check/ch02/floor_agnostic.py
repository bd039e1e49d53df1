"""The check of the exercise `floor_agnostic`."""

import math

from metarl_core.check import Wrong, value_check
from metarl_core.check.ch02.oracles import AMPLITUDE, INPUT, PHASE_KNOWN, WAVE, ZERO, flaws, half_a_unit

_AGNOSTIC = ZERO - float((AMPLITUDE.mean() * WAVE.mean(1)).square().mean())


check_floor_agnostic = value_check(
    "floor_agnostic",
    _AGNOSTIC,
    Wrong(
        "phase_not_averaged",
        "A function that ignores the task does not know the phase. You have averaged over the amplitude only.",
        PHASE_KNOWN,
    ),
    Wrong(
        "chapters_mean_function",
        "You use the mean function of the chapter, (2/π) E[A] cos x. Its phase ran over [0, π]. Does yours?",
        ZERO - float((AMPLITUDE.mean() * 2 / math.pi * INPUT.cos()).square().mean()),
    ),
    Wrong(
        "ignores_the_family",
        "That is the error of predicting 0. Do waves of this family not look alike at all?",
        ZERO,
    ),
    Wrong(
        "nothing_left",
        "Can a function that knows neither amplitude nor phase make no error?",
        0.0,
    ),
    Wrong("explained_part", "That is the part that the mean function explains. What remains?", ZERO - _AGNOSTIC),
    Wrong(
        "adds",
        "Knowing the family should make the error smaller than that of predicting zero, not larger.",
        2 * ZERO - _AGNOSTIC,
    ),
    *flaws(_AGNOSTIC),
    rtol=0.0,
    atol=half_a_unit(_AGNOSTIC),
)
