"""Chapter 09: LVC at the outer rate that was chosen for naive, DiCE and first order, five seeds.

In the table of `estimators` each method has the rate that was best in one training. LVC's was the highest of the grid,
by less than one training tells, and the other estimators without a sampling term have the next lower one. Here LVC is
trained at that rate, so that the four can be compared at one rate, too. Every result is an adaptation curve
`[test task, gradient step]` of mean returns on the test goals of `estimators`.
"""

from dataclasses import dataclass

from torch import Tensor

from metarl_core.recipes import estimators

METHODS = ("LVC",)


@dataclass(frozen=True)
class Settings:
    """All else is as in `estimators`."""

    outer_lr: float = 1e-2
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def test_tasks(self) -> int:
        """Those of `estimators`."""
        return estimators.Settings().test_tasks


def run(method: str, seed: int, settings: Settings) -> Tensor:
    """The adaptation curve `[test task, step]` of one method and seed."""
    recipe = estimators.Settings()
    return estimators.evaluate(estimators.trained(method, seed, settings.outer_lr, recipe), seed, recipe)
