"""Run notebooks and hold them to what course.toml promises, in course seconds and megabytes; nothing is written.

    python -m tools.budgets                all chapters and solutions
    python -m tools.budgets 05 solutions/  those whose path contains one of the words

Seconds are those in which the processor worked, for the notebook and for the course second (tools/course_second.py)
that is timed before and after it: a slow machine changes both sides, and a busy one changes little. The exit code is 1
where a promise is broken.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from tools.course import ROOT
from tools.course_second import REFERENCE, factor
from tools.notebooks import execute
from tools.pairs import promise, read_source, sources

MARGIN = 1.15
"""for what a mix cannot foresee: the promise is in round numbers, and a measurement repeats to about a tenth"""


@dataclass(frozen=True)
class Cost:
    """What a notebook took, and what it may take."""

    name: str
    seconds: float
    """of this machine's processor"""
    factor: float
    """seconds of this machine in a course second"""
    megabytes: float
    promised_seconds: int
    promised_megabytes: int

    @property
    def course_seconds(self) -> float:
        return self.seconds / self.factor

    @property
    def broken(self) -> list[str]:
        """The promises that do not hold."""
        return [
            what
            for what, used, promised in (
                ("seconds", self.course_seconds, self.promised_seconds),
                ("megabytes", self.megabytes, self.promised_megabytes),
            )
            if used > MARGIN * promised
        ]

    def __str__(self) -> str:
        words = (
            f"{self.name}: {self.course_seconds:.0f} of {self.promised_seconds} course seconds "
            f"({self.seconds:.0f} s here, factor {self.factor:.2f}), "
            f"{self.megabytes:.0f} of {self.promised_megabytes} MB"
        )
        return words + (f": OVER BUDGET in {' and '.join(self.broken)}" if self.broken else "")


def main(names: list[str] | None = None) -> int:
    costs = []
    print(f"A course second is a second on {REFERENCE}.")
    for py in sources(*(sys.argv[1:] if names is None else names)):
        promised = promise(py)
        if promised is None:
            continue
        before = factor(clock=time.process_time)
        seconds, megabytes = execute(read_source(py), py.parent)
        name = py.relative_to(ROOT).with_suffix("").as_posix()
        costs.append(Cost(name, seconds, (before + factor(clock=time.process_time)) / 2, megabytes, *promised))
        print(costs[-1], flush=True)
    print(f"{sum(cost.course_seconds for cost in costs) / 60:.1f} course minutes in all.")
    return int(any(cost.broken for cost in costs))


if __name__ == "__main__":
    sys.exit(main())
