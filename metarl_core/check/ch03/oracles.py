"""What several checks of chapter 03 compare with."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch


def draw_ring(draw, least, large=0, many=0):
    """Rings `[learner, N]` of 1 to 4 learners, N from 1 to 7, and how many each has written: from `least`
    to 4 N, or billions. `large` slots and `many` learners where these are not 0.

    Each transition is a number of its own, 100 · learner + number; what was never written is a number below 0.
    """
    learners, capacity = draw.integer(1, 4), draw.choice(1, *(draw.integer(2, 7) for _ in range(6)))
    learners, capacity = many or learners, large or capacity
    ring = -1.0 - torch.arange(learners * capacity, dtype=draw.choice(torch.float32, torch.float64))
    ring, written = ring.reshape(learners, capacity), []
    for learner in range(learners):
        few, many = draw.integer(least, max(least, capacity)), draw.integer(capacity, 4 * capacity)
        written.append(draw.choice(least, few, few, capacity, many, many, many))
        for number in range(written[-1]):
            ring[learner, number % capacity] = 100.0 * (learner + 1) + number
        if written[-1] >= capacity and draw.chance(0.3):
            written[-1] += 3_000_000_000 * capacity  # more than float32 and int32 can count
    return ring, torch.tensor(written)


# By sums over a fine grid of the standardised difference and not by formulas.
Z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
WEIGHT = torch.exp(-(Z**2) / 2) / math.sqrt(2 * math.pi) * float(Z[1] - Z[0])


def of_maximum(gap: float, sigma: float) -> float:
    """E max(x, y) for independent normal x and y with means 0 and −gap: max = y + (x − y)⁺."""
    return -gap + float(((gap + math.sqrt(2) * sigma * Z).clamp_min(0) * WEIGHT).sum())


def of_double(gap: float, sigma: float) -> float:
    """−gap times the probability that the worse action looks better."""
    return -gap * float((WEIGHT * ((gap + math.sqrt(2) * sigma * Z) < 0)).sum())


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the estimates: of two actions of equal value, and of two whose values differ by 1."""

    equal_sigma: float
    sigma: float

    @cached_property
    def equal(self) -> float:
        return of_maximum(0.0, self.equal_sigma)

    @cached_property
    def single(self) -> float:
        return of_maximum(1.0, self.sigma)

    @cached_property
    def double(self) -> float:
        return of_double(1.0, self.sigma)


GIVEN = Noise(3.0, 1.0)
OTHERS = (Noise(3.5, 1.5), Noise(4.0, 0.8), Noise(5.0, 1.25), Noise(2.5, 1.2), Noise(6.0, 0.75))
"""the same question of other noise"""
