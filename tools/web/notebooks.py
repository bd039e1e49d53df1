"""The page of a notebook: outputs without a kernel, pictures with their words, hints and messages folded."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbformat.v4.rwbase import rejoin_lines

from tools.course import ROOT, Chapter
from tools.desk import for_desk
from tools.exercises import check_calls
from tools.web.explorers import VIEW, explorer
from tools.web.markdown import escaped, fold, myst

ALIVE = (
    "*This one is alive: your browser computes the walks and the gradient steps, with the networks that the notebook "
    "has trained. It needs no server and no kernel.*"
)
STILL = "*A still picture. At [your desk](../desk.md) it follows the controls.*"
HIDDEN_TESTS = re.compile(r"^[ \t]*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS[^\n]*\n?", re.S | re.M)
MARKS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[^\n]*\n?", re.M)
NOQA = re.compile(r"[ \t]*# noqa\b[^\n]*")
STEP = re.compile(r"(?:^| · )(?:previous|next): \[[^\]]*\]\([^)]*\)", re.M)


@dataclass(frozen=True)
class Shelf:
    """What the pages of notebooks need to know of each other, and where their files go."""

    folder: Path
    """the root of what Sphinx reads"""
    equations: Mapping[str, str]
    """the page of each numbered equation"""
    pages: Collection[str]
    """all pages, as they are linked to"""


def read(path: Path) -> NotebookNode:
    """A committed notebook; other tests say that it is a valid one, which takes longer than reading it."""
    return rejoin_lines(nbformat.from_dict(json.loads(path.read_text(encoding="utf-8"))))


def page(path: Path, chapter: Chapter, shelf: Shelf) -> NotebookNode:
    """The notebook at `path` as a page; writes its pictures and explorers."""
    notebook = read(path)
    name = path.relative_to(ROOT).as_posix()
    folder = path.parent.name
    if folder == "exercises":
        notebook = for_desk(notebook)
    cells: list[NotebookNode] = []
    for number, cell in enumerate(notebook.cells):
        if "authors-only" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            cell.source = myst(STEP.sub("", cell.source), name, shelf.equations, shelf.pages)
            if cell.source.strip():
                cells.append(cell)
            if number == 0:
                cells.append(new_markdown_cell(_desk(name, folder, chapter, shelf)))
        elif cell.cell_type == "code":
            cells.append(_code(cell, notebook, name, shelf))
            if folder == "exercises" and (said := _messages(cell.source)):
                cells.append(new_markdown_cell(said))
    notebook.cells = cells
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    notebook.metadata = nbformat.from_dict(
        {key: value for key, value in notebook.metadata.items() if key in ("kernelspec", "language_info")}
    )
    return notebook


def _desk(name: str, folder: str, chapter: Chapter, shelf: Shelf) -> str:
    """The hint at the top: where the same notebook can be worked with."""
    if folder == "solutions" or folder == "projects":
        exercises = f"../exercises/{Path(name).stem}{'_exercises' if folder == 'solutions' else ''}.ipynb"
        words = f"Try the [exercises]({exercises}) first: their checks say what is wrong, and give nothing away."
        return f":::{{admonition}} Solutions\n:class: warning\n\n{words}\n:::"
    own = "nothing has been run there yet, so that you can predict before you see"
    if folder == "exercises":
        own = "there its checks answer you"
    return (
        ":::{admonition} Open it at your desk\n:class: tip desk\n\n"
        f"`make lab` opens the course in JupyterLab, and in it this notebook, `{name}`: {own}. "
        "[How to begin](../desk.md).\n:::"
    )


def _messages(code: str) -> str:
    """What the checks of a cell say to common mistakes, folded."""
    listed: list[str] = []
    for check, _ in check_calls(code):
        chapter = re.search(rf"\b(ch\d\d)\.{check}\b", code)
        if chapter is not None:
            found = getattr(importlib.import_module(f"metarl_core.check.{chapter[1]}"), check)
            listed += [wrong.message for wrong in found.wrongs if wrong.message not in listed]
    if not listed:
        return ""
    title = "What the check says to a common mistake" if len(listed) == 1 else (
        f"What the check says to {len(listed)} common mistakes"
    )  # fmt: skip
    return fold(title, "\n".join(f"- {escaped(' '.join(message.split()))}" for message in listed), "messages")


def _code(cell: NotebookNode, notebook: NotebookNode, name: str, shelf: Shelf) -> NotebookNode:
    """The cell without marks for teachers, its outputs without widgets."""
    cell.source = NOQA.sub("", MARKS.sub("", HIDDEN_TESTS.sub("", cell.source))).rstrip("\n")
    tags = [tag for tag in cell.metadata.get("tags", []) if tag == "hide-input"]
    cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    cell.outputs = [shown for output in cell.outputs if (shown := _output(output, notebook, name, shelf)) is not None]
    return cell


def _output(output: NotebookNode, notebook: NotebookNode, name: str, shelf: Shelf) -> NotebookNode | None:
    """An output as text or Markdown; a picture becomes a file beside the page, with its alternative text."""
    if output.output_type == "stream":
        return output
    data = output.data
    mime = next((mime for mime in ("image/png", "image/gif") if mime in data), None)
    if mime is not None:
        alt = output.metadata[mime]["alt"]
        picture = f"![{escaped(alt)}]({_picture(base64.b64decode(data[mime]), mime, shelf)})"
        if VIEW in data:
            found = explorer(notebook, output)
            picture = f"{picture}\n\n{STILL}" if found is None else _alive(found, picture, name, shelf)
        return new_output("display_data", {"text/markdown": picture, "text/plain": alt})
    if "text/markdown" in data:
        text = myst(data["text/markdown"], name, shelf.equations, shelf.pages)
        return new_output("display_data", {"text/markdown": text})
    if data.get("text/plain", "").strip():
        return new_output("display_data", {"text/plain": data["text/plain"]})
    return None


def _picture(content: bytes, mime: str, shelf: Shelf) -> str:
    """Where the picture lies, as seen from a page one folder down."""
    file = f"pictures/{hashlib.sha256(content).hexdigest()[:16]}.{mime.removeprefix('image/')}"
    _write(shelf.folder / file, lambda path: path.write_bytes(content))
    return f"../{file}"


def _alive(data: dict, picture: str, name: str, shelf: Shelf) -> str:
    """The explorer where scripts run, the picture elsewhere."""
    text = json.dumps(data, sort_keys=True)
    file = f"{Path(name).stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    _write(shelf.folder / "_static" / "explorer" / file, lambda path: path.write_text(text, encoding="utf-8"))
    return f"::::{{alive}} {file}\n{picture}\n::::\n\n{ALIVE}"


def _write(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write(path)
