"""Read whatever was handed in as a notebook: its cells, or one sentence that says why it cannot be read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST = 30_000_000
"""bytes: figures of a whole notebook take a tenth"""


class Unreadable(ValueError):
    """One sentence for the student and the teacher."""


@dataclass(frozen=True)
class Cell:
    """One cell of a submission."""

    code: bool
    source: str
    grade_id: str = ""
    number: int = 0
    """its place in the notebook, from 1"""


@dataclass
class Reading:
    """What a file holds."""

    cells: list[Cell]
    remarks: list[str] = field(default_factory=list)


def read(path: Path) -> Reading:
    """The cells of a submission.

    Raises:
        Unreadable: for a file without any.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST else b""
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be opened: {error.strerror}.") from None
    if size > MOST:
        raise Unreadable(
            f"{path.name} has {size / 1e6:.0f} MB, far too much for a notebook: clear its outputs and save it."
        )
    _refuse_what_is_no_notebook(path.name, data)
    text, remarks = _decoded(data)
    if re.search(r"^\s*\"?<{7} ", text, re.M) and ">>>>>>>" in text:
        raise Unreadable(
            f"{path.name} has a merge conflict in it (<<<<<<<): settle it in git, and hand in the notebook again."
        )
    if path.suffix == ".py" or not text.lstrip().startswith("{"):
        return _of_python(path.name, text, remarks)
    try:
        notebook = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _salvaged(path.name, text, remarks)
    if not isinstance(notebook, dict):
        raise Unreadable(f"{path.name} is no notebook.")
    cells = notebook.get("cells")
    if not isinstance(cells, list):  # the third format
        sheets = notebook.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
        remarks += ["the notebook is in an old format"] if cells else []
    found = _cells(cells)
    if not found:
        raise Unreadable(f"{path.name} has no cells: was an empty notebook saved?")
    return Reading(found, remarks)


def _refuse_what_is_no_notebook(name: str, data: bytes) -> None:
    head = data[:600].lstrip().lower()
    if not head:
        raise Unreadable(f"{name} is empty.")
    if data.startswith(b"PK"):
        raise Unreadable(f"{name} is an archive and not a notebook: unpack it, and hand in the .ipynb in it.")
    if data.startswith(b"%PDF"):
        raise Unreadable(f"{name} is a PDF: hand in the notebook itself, the .ipynb.")
    if head.startswith((b"<!doctype html", b"<html")):
        raise Unreadable(f"{name} is a web page and not the notebook: in JupyterLab choose File > Download.")


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), ["the file was in UTF-16"]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="replace"), ["some letters of the file are broken"]


def _cells(given: Any) -> list[Cell]:
    found = []
    for number, cell in enumerate(given if isinstance(given, list) else [], 1):
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if not isinstance(source, str):
            continue
        metadata = cell.get("metadata")
        marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
        source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
        code = cell.get("cell_type") == "code"
        found.append(Cell(code, source, grade_id if isinstance(grade_id, str) else "", number))
    return found


def _salvaged(name: str, text: str, remarks: list[str]) -> Reading:
    """The whole cells of a file that breaks off, or is broken somewhere."""
    begin = re.search(r"\"cells\"\s*:\s*\[", text)
    decoder, cells = json.JSONDecoder(strict=False), []
    at = begin.end() if begin else len(text)
    while True:
        following = re.compile(r"[\s,]*").match(text, at)
        at = following.end() if following else at
        try:
            cell, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        cells.append(cell)
    found = _cells(cells)
    if not found:
        raise Unreadable(
            f"{name} is broken, and no cell of it can be read: save the notebook once more, and hand it in again."
        )
    return Reading(
        found, [*remarks, f"the file is broken after its cell {found[-1].number}; what stands before is graded"]
    )


def _of_python(name: str, text: str, remarks: list[str]) -> Reading:
    """A script: one that jupytext or nbconvert wrote has marks for its cells."""
    if not re.search(r"^(# %%|# In\[|def |import |from |[A-Za-z_]\w* *=)", text, re.M):
        raise Unreadable(f"{name} is no notebook.")
    parts = re.split(r"^# (?:%%|In\[[^\]]*\]:?)[^\n]*\n", text.replace("\r\n", "\n"), flags=re.M)
    marks = re.findall(r"^# (?:%%|In\[[^\]]*\]:?)([^\n]*)\n", text.replace("\r\n", "\n"), flags=re.M)
    cells = [
        Cell("[markdown]" not in mark, part, "", n)
        for n, (mark, part) in enumerate(zip(["", *marks], parts, strict=True), 1)
    ]
    return Reading(
        [cell for cell in cells if cell.source.strip()], [*remarks, "a script was handed in, and not a notebook"]
    )
