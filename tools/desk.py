"""Lay the learner's desk: chapters and exercises without outputs, in work/, which git does not know.

    python -m tools.desk            lay what is missing, and bring what the learner has not touched up to date
    python -m tools.desk FOLDER     another folder than work/

The book, chapters/ with its outputs, stays as it is whatever a learner does, so `git pull` always works. At the desk a
prediction can be one, because nothing has been run yet. A notebook in which the learner has written or run anything is
never written again: where the book has a newer version, that is laid beside it, once, and one line says so. What was
laid is noted in .desk.json in the folder itself, so that the desk may be moved.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from tools import lab_settings
from tools.course import ROOT, read
from tools.course_map import course_map

NOTES = ".desk.json"
FIRST = "READ_ME_FIRST.md"
WELCOME = """# Your desk

Begin with [chapter 00](chapters/00_start_here.ipynb). Run its cells one after another with Shift+Enter.

Everything in this folder is yours: write into the notebooks, add cells, break things. Nothing that the course does will
overwrite what you have written or run. Where a newer version of such a notebook comes, it is laid beside yours, with
the word `new` in its name.

To begin a notebook afresh, delete or rename it, and start the course again.

The chapters with all their figures, as the authors ran them, stand in the folder `chapters` of the course itself.
"""
MAP = """
## The course

What the chapters ask, how many minutes they take to read, and how long they run on the machine that the course's README
names; `make doctor` compares yours.

"""


@dataclass
class Laid:
    """What one visit did: paths in the folder."""

    new: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    """which the learner had not touched"""
    renamed: dict[str, str] = field(default_factory=dict)
    """the name that a notebook had in an earlier version of the course -> its name now"""
    beside: dict[str, str] = field(default_factory=dict)
    """the learner's notebook -> the newer version that lies beside it now"""

    def __str__(self) -> str:
        lines = [f"{old} is called {new} now; what you wrote is in it." for old, new in self.renamed.items()]
        lines += [
            f"{old} is yours and stays as it is; a newer version lies beside it: {new}"
            for old, new in self.beside.items()
        ]
        return "\n".join(lines)


def book(root: Path = ROOT) -> Iterator[tuple[str, NotebookNode]]:
    """What lies on a fresh desk: path in it, and notebook."""
    for path in sorted((root / "chapters").glob("[0-9]*.ipynb")):
        yield f"chapters/{path.name}", for_desk(nbformat.read(path, as_version=4))
    for path in sorted((root / "exercises").glob("[0-9]*.ipynb")):
        yield f"exercises/{path.name}", for_desk(nbformat.read(path, as_version=4))


def for_desk(notebook: NotebookNode) -> NotebookNode:
    """A copy without outputs, and without what only authors and teachers need."""
    desk = nbformat.from_dict(json.loads(json.dumps(notebook)))
    kept = {"kernelspec", "language_info"}
    desk.metadata = nbformat.from_dict({key: value for key, value in desk.metadata.items() if key in kept})
    cells = []
    for cell in desk.cells:
        if "authors-only" in cell.metadata.get("tags", []):
            continue
        cell.metadata.pop("nbgrader", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
            cell.source = re.sub(r"[ \t]*# noqa[^\n]*", "", cell.source)
        cell.source = cell.source.replace("](../README.md)", f"](../{FIRST})")
        cells.append(cell)
    desk.cells = cells
    return desk


def written(notebook: NotebookNode) -> str:
    """Digest of what stands in the cells, without outputs."""
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return _digest(json.dumps(cells, ensure_ascii=False))


def touched(path: Path, laid: str | None) -> bool:
    """Whether the learner wrote or ran anything in the notebook that was laid as `laid`; if in doubt, yes."""
    try:
        notebook = nbformat.read(path, as_version=4)
        ran = any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
        return bool(ran) or laid is None or written(notebook) != laid
    except Exception:  # half-written, or no notebook any more: not ours to judge
        return True


def lay(folder: Path, root: Path = ROOT) -> Laid:
    """Bring the desk in `folder` up to date; nothing that the learner touched is written.

    Raises:
        ValueError: where the folder is one of the course's own.
    """
    if folder.resolve() in {
        root.resolve(),
        *(root.resolve() / part for part in ("chapters", "exercises", "solutions", "projects")),
    }:
        raise ValueError(f"the desk must be a folder of its own, got {folder}.")
    notes, done, notary = _read_notes(folder), Laid(), _notary()
    for name, notebook in book(root):
        _carry_over(folder, name, notes, done)
        version, path = written(notebook), folder / name
        if not path.exists():
            _lay_one(path, notebook, notary)
            notes[name] = version
            done.new.append(name)
        elif notes.get(name) == version or version in notes.get("beside", {}).get(name, []):
            continue
        elif touched(path, notes.get(name)):
            other = _free(path)
            _lay_one(other, notebook, notary)
            notes.setdefault("beside", {}).setdefault(name, []).append(version)
            done.beside[name] = other.relative_to(folder).as_posix()
        else:
            _lay_one(path, notebook, notary)
            notes[name] = version
            done.renewed.append(name)
    _welcome(folder / FIRST, root, notes)
    _write(folder / NOTES, json.dumps(notes, indent=1) + "\n")
    return done


def _welcome(path: Path, root: Path, notes: dict[str, Any]) -> None:
    """Lay the first page, with the map of the course, unless the learner has changed it."""
    text = WELCOME
    if (root / "course.toml").exists():
        text += MAP + course_map(read(root / "course.toml")) + "\n"
    there = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    if there is None or there == WELCOME or notes.get(FIRST) == _digest(there):
        if there != text:
            _write(path, text)
        notes[FIRST] = _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _notary() -> NotebookNotary | None:
    """Who signs what is laid, so that JupyterLab does not call it "not trusted"; None where nothing can be signed."""
    with contextlib.suppress(Exception):  # a home that cannot be written to, say: the words in Lab are all that is lost
        return NotebookNotary()
    return None


def _lay_one(path: Path, notebook: NotebookNode, notary: NotebookNotary | None) -> None:
    text = nbformat.writes(notebook) + "\n"
    _write(path, text)
    if notary is not None:
        with contextlib.suppress(Exception):
            notary.sign(nbformat.reads(text, as_version=4))


def _carry_over(folder: Path, name: str, notes: dict[str, Any], done: Laid) -> None:
    """Rename a notebook that has its former name, with what lies beside it, unless something has the new name.

    Exercises were called as their chapter, 05_maml.ipynb, before they were called 05_maml_exercises.ipynb.
    """
    path, was = folder / name, name.replace("_exercises.ipynb", ".ipynb")
    former = folder / was
    if was == name or path.exists() or not former.exists():
        return
    mine = touched(former, notes.get(was))
    beside = [*former.parent.glob(f"{former.stem}.new*.ipynb"), *former.parent.glob(f".*/{former.stem}-*.ipynb")]
    for old in [former, *beside]:  # .*/: Lab's checkpoints
        new = old.with_name(path.stem + old.name.removeprefix(former.stem))
        if not new.exists():
            os.rename(old, new)
    for known in (notes, notes.get("beside", {})):
        if was in known:
            known[name] = known.pop(was)
    if mine:
        done.renamed[was] = name


def _free(path: Path) -> Path:
    """`05_maml.new.ipynb` beside `05_maml.ipynb`, or with a number where that lies there."""
    for number in range(1, 1000):
        other = path.with_name(f"{path.stem}.new{'' if number == 1 else number}.ipynb")
        if not other.exists():
            return other
    raise ValueError(f"there are too many versions beside {path}: delete those that you do not need.")


def _read_notes(folder: Path) -> dict[str, Any]:
    """What was laid before; nothing where the notes are lost, and then every notebook counts as touched."""
    with contextlib.suppress(OSError, ValueError):
        notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        if isinstance(notes, dict):
            return notes
    return {}


def _write(path: Path, text: str) -> None:
    """All of the file or nothing, so that a full disk or an interrupt leaves no half of it."""
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


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print("Usage: python -m tools.desk [FOLDER]", file=sys.stderr)
        return 2
    try:
        done = lay(Path(arguments[0]) if arguments else ROOT / "work")
    except ValueError as error:
        print(f"The desk cannot be laid: {error}", file=sys.stderr)
        return 1
    if not arguments and lab_settings.made_for_the_course(Path(sys.prefix)):
        lab_settings.write(Path(sys.prefix))
    if str(done):
        print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
