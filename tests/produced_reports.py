"""Reports of experiments made from the solution's, when they are asked for: it takes seconds to train."""

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from solved import answers


class Late(Mapping):
    """A report that is made when something is read from it first.

    Args:
        py: the solutions.
        check: name of the check that the report is for.
        change: from the right report to another one.
    """

    def __init__(self, py: Path, check: str, change: Callable[[dict], dict]):
        self.py, self.check, self.change = py, check, change
        self.__name__ = getattr(change, "__name__", "")

    @functools.cached_property
    def _report(self) -> dict:
        return self.change(dict(answers(self.py)[self.check]))

    def __getitem__(self, key: Any) -> Any:
        return self._report[key]

    def __iter__(self) -> Iterator:
        return iter(self._report)

    def __len__(self) -> int:
        return len(self._report)
