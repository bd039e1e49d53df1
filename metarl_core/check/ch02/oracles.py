"""What several checks of chapter 02 compare with."""

import math

import torch

from metarl_core.check import Wrong

# Amplitude uniform on [1, 3], phase uniform on [0, π/2], inputs uniform on [−π, π]. By midpoint sums, not by formulas.
MIDDLE = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
AMPLITUDE, PHASE, INPUT = 1 + 2 * MIDDLE, math.pi / 2 * MIDDLE, 2 * math.pi * MIDDLE - math.pi
WAVE = (INPUT[:, None] + PHASE).sin()  # [x, phase]
MEAN_WAVE = WAVE.mean(1, keepdim=True)  # of all phases
ZERO = float(AMPLITUDE.square().mean() * WAVE.square().mean())
PHASE_KNOWN = float((AMPLITUDE.square().mean() - AMPLITUDE.mean().square()) * WAVE.square().mean())
SPREAD = float(AMPLITUDE.square().mean() - AMPLITUDE.mean().square())


def half_a_unit(floor: float) -> float:
    """Of the fourth digit, and a little more: what a number of four digits may be off."""
    return 0.51 * 10.0 ** (math.floor(math.log10(floor)) - 3)


def flaws(floor: float) -> tuple[Wrong, ...]:
    """What can be wrong with a floor whichever it is."""
    return (
        Wrong(
            "two_digits",
            "The first two digits are right. Asked for are four, or the formula itself.",
            when=lambda got: f"{float(got):.2g}" == f"{floor:.2g}",
        ),
        Wrong("negative", "Can a mean of squares be negative?", when=lambda got: float(got) < 0),
    )
