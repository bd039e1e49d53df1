"""What several checks of chapter 02 compare with."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from metarl_core.check import Wrong

MIDDLE = (torch.arange(400, dtype=torch.float64) + 0.5) / 400


@dataclass(frozen=True)
class Waves:
    """Sinusoids: amplitude uniform on [low, high], phase on [0, phases · π], inputs on [−π, π].

    What the floors are compared with is found by midpoint sums, not by formulas.
    """

    low: float
    high: float
    phases: float

    @cached_property
    def amplitude(self) -> torch.Tensor:
        return self.low + (self.high - self.low) * MIDDLE

    @cached_property
    def inputs(self) -> torch.Tensor:
        return 2 * math.pi * MIDDLE - math.pi

    @cached_property
    def wave(self) -> torch.Tensor:
        """[x, phase]"""
        return (self.inputs[:, None] + self.phases * math.pi * MIDDLE).sin()

    @cached_property
    def mean_wave(self) -> torch.Tensor:
        """Of all phases, [x, 1]."""
        return self.wave.mean(1, keepdim=True)

    @cached_property
    def zero(self) -> float:
        return float(self.amplitude.square().mean() * self.wave.square().mean())

    @cached_property
    def spread(self) -> float:
        """Variance of the amplitude."""
        return float(self.amplitude.square().mean() - self.amplitude.mean().square())

    @cached_property
    def phase_known(self) -> float:
        return float((self.amplitude.square().mean() - self.amplitude.mean().square()) * self.wave.square().mean())


GIVEN = Waves(1, 3, 1 / 2)
OTHERS = (Waves(1, 4, 1 / 2), Waves(2, 5, 1 / 2), Waves(1, 5, 1 / 2), Waves(2, 6, 1 / 2), Waves(3, 6, 1 / 2))
"""the same question of other amplitudes: the integral over the phases stays, since another would be harder"""


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
