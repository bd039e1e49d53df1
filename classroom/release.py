"""The students' set of a chapter, made from the single source, and the key that grades it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ComputeChecksums, LockCells

from tools.course import ROOT
from tools.desk import for_desk
from tools.exercises import blocks, check_calls, exercise_file, generate, is_setup, is_solution
from tools.pairs import notebook_text, read_source, sources

from . import variants
from .course import Class, write
from .key import ANSWER, CHECK, OTHER, SETUP, TEXT, Key, KeyCell, hidden_tests

READ_ME = """# {title}

Work in `exercises/{notebook}.ipynb`, and hand in that file: its name and place do not matter, its cells do. You may add
cells; leave those that check your answers. The chapter is in `chapters/`.

Open it where the course is installed (`make lab`), or anywhere after

    pip install {package}

The checks may be run as often as you like, and say what is wrong. Grading runs the same checks{more}. It looks at the
cells that define what an exercise asks for, and at what these need; how a plot looks, it does not see.
"""


def release(group: Class, chapter: str, variant: str = "", package: bool = False) -> tuple[Key, list[str]]:
    """Write the set of a chapter ("05", or "07p" for a project) into the class's folder; its key, and what to know.

    Args:
        group: the class.
        chapter: whose exercises.
        variant: a word; classes with different words get other numbers. "" for the course's own numbers.
        package: whether the set carries the package, so that it can be installed without the course's repository.

    Raises:
        ValueError: for a chapter without exercises, a variant that is no word.
    """
    py = _solutions_of(chapter)
    name = f"{chapter}-{variant}" if variant else chapter
    source = read_source(py)
    if variant:
        variants.vary(source, chapter[:2], variant, project=chapter.endswith("p"))
    notebook = generate(py, source)
    key = make_key(name, chapter, variant, exercise_file(py).stem, source, notebook)
    for_students = _marked(notebook)

    folder = group.release(name)
    if folder.exists():
        shutil.rmtree(folder)
    write(folder / "exercises" / f"{key.notebook}.ipynb", notebook_text(for_students))
    for path in sorted((ROOT / "chapters").glob(f"{chapter[:2]}*_*.ipynb")):
        write(folder / "chapters" / path.name, notebook_text(for_desk(nbformat.read(path, as_version=4))))
    if package:
        _copy_package(folder)
    more = " and a few more tests" if any(cell.hidden for cell in key.cells) else ""
    words = "-c constraints.txt -e '.[notebooks]'" if package else "FOLDER_OF_THE_COURSE"
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    text = READ_ME.format(title=title, notebook=key.notebook, package=words, more=more)
    for page in ("READ_ME_FIRST.md", *(["README.md"] if package else [])):  # pyproject.toml names the second
        write(folder / page, text)
    _unlink_what_is_not_there(folder)
    write(group.source(name) / f"{key.notebook}.ipynb", nbformat.writes(_marked(source)) + "\n")
    write(group.key(name), key.text())
    said = [f"{len(key.answers)} answers, {len(key.checks)} checks, {key.points:g} points"]
    said += [variants.describe(chapter[:2], variant)] if variant else []
    return key, said


def _solutions_of(chapter: str) -> Path:
    if not re.fullmatch(r"\d\dp?", chapter):
        raise ValueError(f"a chapter is named by its number, as in 05, a project as in 07p, got {chapter!r}.")
    folder = "projects" if chapter.endswith("p") else "solutions"
    found = [py for py in sources() if py.parent.name == folder and py.name.startswith(f"{chapter}_")]
    if not found:
        raise ValueError(f"chapter {chapter} has no exercises.")
    return found[0]


def make_key(name: str, chapter: str, variant: str, stem: str, source: NotebookNode, released: NotebookNode) -> Key:
    """The key of a set, from the solutions' notebook and the one released."""
    tests = {
        cell.metadata.nbgrader.grade_id: hidden_tests(cell.source)
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    numbers = {position: e.number for e in blocks(released) for position, _ in e.cells}
    cells = [_key_cell(cell, numbers.get(position, 0), tests) for position, cell in enumerate(released.cells)]
    titles = {str(e.number): e.title for e in blocks(released)}
    times = {str(e.number): re.search(r"\*\*Run time:\*\* ([\d.]+) s", e.text) for e in blocks(released)}
    seconds = {number: float(found[1]) for number, found in times.items() if found}
    return Key(name, chapter, variant, stem, tuple(cells), titles, seconds)


def _key_cell(cell: NotebookNode, exercise: int, tests: dict[str, str]) -> KeyCell:
    marks = cell.metadata.get("nbgrader", {})
    grade_id = marks.get("grade_id", "")
    if cell.cell_type != "code":
        return KeyCell(TEXT, cell.source, exercise)
    if is_solution(cell):
        return KeyCell(ANSWER, cell.source, exercise, grade_id)
    if marks.get("grade") and check_calls(cell.source):
        return KeyCell(CHECK, cell.source, exercise, grade_id, float(marks["points"]), tests.get(grade_id, ""))
    return KeyCell(SETUP if is_setup(cell) else OTHER, cell.source, exercise, grade_id)


def _marked(notebook: NotebookNode) -> NotebookNode:
    """With the locks and checksums that nbgrader itself gives."""
    marked = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for preprocessor in (LockCells(), ComputeChecksums()):
        marked, _ = preprocessor.preprocess(marked, {})
    for cell in marked.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return marked


def _copy_package(folder: Path) -> None:
    without = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "metarl_core", folder / "metarl_core", ignore=without)
    for name in ("pyproject.toml", "constraints.txt", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)


def _unlink_what_is_not_there(folder: Path) -> None:
    """A set holds one chapter: a link to another becomes its words."""

    def plain(found: re.Match, at: Path) -> str:
        place = found[2].partition("#")[0]
        inside = re.match(r"[a-z]+:", found[2]) or not place or (at.parent / place).exists()
        return found[0] if inside else found[1]

    for path in folder.glob("*/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = re.sub(r"(?<!!)\[([^\]\[]*)\]\(([^)\s]+)\)", lambda f, at=path: plain(f, at), cell.source)
        write(path, notebook_text(notebook))
