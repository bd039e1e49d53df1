"""The check of the exercise `floor_phase_known`."""

from metarl_core.check import Wrong, value_check
from metarl_core.check.ch02.oracles import PHASE_KNOWN, SPREAD, ZERO, flaws, half_a_unit

check_floor_phase_known = value_check(
    "floor_phase_known",
    PHASE_KNOWN,
    Wrong("no_sine", "That is the variance of the amplitude alone. How large is the squared sine beside it?", SPREAD),
    Wrong(
        "nothing_left",
        "Knowing the phase does not make the error vanish: a small and a large sine have the same phase.",
        0.0,
    ),
    Wrong(
        "second_moment",
        "That is the error of predicting zero. One who knows the phase can predict E[A] sin(x + φ).",
        ZERO,
    ),
    *flaws(PHASE_KNOWN),
    rtol=0.0,
    atol=half_a_unit(PHASE_KNOWN),
)  # fmt: skip
