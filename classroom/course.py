"""Where the files of one class lie, as nbgrader has them, and what a set of exercises is called.

FOLDER/source/05-2027a/       the solutions' notebook, for nbgrader; never given away
FOLDER/release/05-2027a/      what the students get
FOLDER/submitted/ada/05-2027a/
FOLDER/autograded/ada/05-2027a/   the repaired notebook, and grade.json
FOLDER/feedback/ada/05-2027a/     a page
FOLDER/keys/05-2027a.json     what grading needs; it has the hidden tests
FOLDER/grades/                CSV
FOLDER/gradebook.db           nbgrader's
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STUDENT = re.compile(r"[\w@-][\w.@-]{0,63}")


@dataclass(frozen=True)
class Class:
    """The folder of a class."""

    folder: Path

    def release(self, name: str) -> Path:
        return self.folder / "release" / name

    def source(self, name: str) -> Path:
        return self.folder / "source" / name

    def submitted(self, student: str, name: str) -> Path:
        return self.folder / "submitted" / student / name

    def autograded(self, student: str, name: str) -> Path:
        return self.folder / "autograded" / student / name

    def feedback(self, student: str, name: str) -> Path:
        return self.folder / "feedback" / student / name

    def key(self, name: str) -> Path:
        return self.folder / "keys" / f"{name}.json"

    @property
    def grades(self) -> Path:
        return self.folder / "grades"

    @property
    def gradebook(self) -> Path:
        return self.folder / "gradebook.db"

    def released(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "keys").glob("*.json"))

    def named(self, name: str) -> str:
        """The set that is meant by its name, or by its chapter where only one set of that chapter was released.

        Raises:
            ValueError: where there is none, or more than one.
        """
        known = self.released()
        found = [name] if name in known else [one for one in known if one.partition("-")[0] == name]
        if len(found) != 1:
            are = ", ".join(known) or "none yet"
            words = "several sets" if found else "no set"
            raise ValueError(f"{words} in {self.folder} can be meant by {name!r}; released are: {are}.")
        return found[0]

    def students(self, name: str) -> list[str]:
        """Who has handed in something for a set."""
        return sorted(path.parent.name for path in (self.folder / "submitted").glob(f"*/{name}") if path.is_dir())


def write(path: Path, text: str) -> None:
    """All of a file or nothing, so that an interrupt leaves no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
