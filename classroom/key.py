"""What grading needs to know of a released set: its cells, what each is for, the hidden tests, the points."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .names import names_made

SETUP, ANSWER, CHECK, OTHER, TEXT = "setup", "answer", "check", "other", "text"


@dataclass(frozen=True)
class KeyCell:
    """One cell of the released notebook."""

    role: str
    source: str
    exercise: int
    """its number, 0 above the first"""
    grade_id: str = ""
    points: float = 0.0
    hidden: str = ""
    """tests that are not in the release"""

    @property
    def names(self) -> frozenset[str]:
        """What the cell defines."""
        return names_made(self.source)


@dataclass(frozen=True)
class Key:
    """Of one set."""

    name: str
    chapter: str
    """ "05" """
    variant: str
    notebook: str
    """the released file's name, without ending"""
    cells: tuple[KeyCell, ...]
    titles: dict[str, str] = field(default_factory=dict)
    """by the exercise's number"""
    seconds: dict[str, float] = field(default_factory=dict)
    """that a solution of the exercise takes, as its heading says"""

    @property
    def module(self) -> str:
        return f"ch{self.chapter[:2]}"

    @property
    def answers(self) -> list[KeyCell]:
        return [cell for cell in self.cells if cell.role == ANSWER]

    @property
    def checks(self) -> list[KeyCell]:
        return [cell for cell in self.cells if cell.role == CHECK]

    @property
    def points(self) -> float:
        return sum(cell.points for cell in self.checks)

    def text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> Key:
        """Raises ValueError for a file that is no key."""
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**data, "cells": tuple(KeyCell(**cell) for cell in data["cells"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is no key that a release has made: {error}.") from None


HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)\n?### END HIDDEN TESTS", re.M | re.S)


def hidden_tests(source: str) -> str:
    """What stands between nbgrader's marks in a check's cell of the solutions."""
    return "\n".join(found[1] for found in HIDDEN.finditer(source))
