"""The two-armed bandit of chapter 04's exercise on baselines."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bandit:
    """Rewards of arm 1 and arm 2, and the probability of pulling arm 1.

    What the checks compare with is found from the two estimates that a pull may give, not from formulas.
    """

    first: float
    second: float
    p: float

    @property
    def mean(self) -> float:
        return self.p * self.first + (1 - self.p) * self.second

    @property
    def best(self) -> float:
        """Both arms give the same estimate: (1 − p)(r₁ − b) = −p (r₂ − b)."""
        return (1 - self.p) * self.first + self.p * self.second

    def estimates(self, baseline: float) -> tuple[float, float]:
        return (1 - self.p) * (self.first - baseline), -self.p * (self.second - baseline)

    def mean_square(self, baseline: float) -> float:
        one, two = self.estimates(baseline)
        return self.p * one**2 + (1 - self.p) * two**2

    @property
    def gradient(self) -> float:
        """The mean of the estimates, whatever the baseline."""
        one, two = self.estimates(0.0)
        return self.p * one + (1 - self.p) * two

    def variance(self, baseline: float) -> float:
        return self.mean_square(baseline) - self.gradient**2


GIVEN = Bandit(2, 7, 0.8)
OTHERS = (Bandit(1, 5, 0.7), Bandit(3, 8, 0.7), Bandit(2, 12, 0.9), Bandit(2, 8, 0.75), Bandit(1, 11, 0.7))
"""the same question of other rewards"""
