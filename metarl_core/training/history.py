"""What a training reports."""

from collections.abc import Mapping, Sequence
from typing import Any

Metrics = Mapping[str, Any]
"""of one iteration, by name: a number, or a list of numbers with one entry a learner"""


class History(dict[str, list]):
    """What a training reported, as lists of equal length by name, one entry a report.

    Names are the same everywhere: `iteration` (from 1), `loss`, `return` (mean undiscounted return per episode of the
    policy that learns, in meta-RL of the adapted one), `return_before` (before adaptation), `env_steps` (environment
    steps so far, of all tasks and learners together), and an agent's diagnostics.

    Attributes:
        iterations: iterations done.
        planned: iterations that were asked for.
    """

    def __init__(self, planned: int, iterations: int = 0, entries: Mapping[str, Sequence] | None = None):
        super().__init__({name: list(values) for name, values in (entries or {}).items()})
        self.planned, self.iterations = planned, iterations

    @property
    def interrupted(self) -> bool:
        """Whether the training stopped before its last iteration."""
        return self.iterations < self.planned

    def note(self, metrics: Metrics) -> None:
        """Add an entry."""
        for name, value in {"iteration": self.iterations, **metrics}.items():
            self.setdefault(name, []).append(value)
