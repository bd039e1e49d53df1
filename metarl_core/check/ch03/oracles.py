"""What several checks of chapter 03 compare with."""

import math

import torch


def ring_buffer(seed, capacity, written):
    """A ring of each learner with its last transitions, each a number of its own: 100 · learner + number."""
    ring = torch.zeros(len(written), capacity)
    for learner, count in enumerate(written):
        for number in range(max(0, count - capacity), count):
            ring[learner, number % capacity] = 100.0 * (learner + 1) + number
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


EQUAL, SINGLE, DOUBLE = of_maximum(0.0, 3.0), of_maximum(1.0, 1.0), of_double(1.0, 1.0)
