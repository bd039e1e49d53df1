"""NN_name.py and NN_name.ipynb are one notebook: the .py has the content, the .ipynb adds ids and outputs.

Jupytext can pair them too, but goes by modification times, which are arbitrary after a clone, and leaves outputs that
no longer belong to the source. Here content goes from the .py to the .ipynb only, and the .ipynb remembers, in
`metadata.metarl`, digests of what its outputs came from: of its own code, and of the package's code and the committed
results below it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
from difflib import SequenceMatcher
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from metarl_core.results import code_digest
from metarl_core.results.benchmarks import BENCHMARKS
from metarl_core.results.tables import DATA
from tools.course import ROOT, header, read
from tools.footers import chapter_footer, end_with

FOLDERS = ("chapters", "solutions", "projects")
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
# What nbgrader wants to see in full, so that authors write only what is particular.
NBGRADER = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
FILTERS = {"notebook_metadata_filter": "kernelspec,-jupytext", "cell_metadata_filter": "tags,nbgrader,-all"}


def sources(*names: str, root: Path = ROOT) -> list[Path]:
    """The percent-format sources in chapters/, solutions/ and projects/, or those whose path contains one of `names`.

    Raises ValueError for a name that fits none.
    """
    every = [p for folder in FOLDERS for p in sorted((root / folder).glob("[0-9][0-9]*_*.py"))]
    for name in names:
        if not any(name in p.relative_to(root).as_posix() for p in every):
            raise ValueError(
                f"no notebook is called {name!r}; there are {', '.join(p.stem for p in every) or 'none yet'}"
            )
    return [p for p in every if not names or any(n in p.relative_to(root).as_posix() for n in names)]


def read_source(py: Path) -> NotebookNode:
    """The notebook that the .py describes: no outputs, nbgrader's metadata complete, a chapter's head and foot."""
    notebook = jupytext.read(py, fmt="py:percent")
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNELSPEC), language_info=NotebookNode(LANGUAGE))
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in ("tags", "nbgrader")})
        if "nbgrader" in cell.metadata:
            locked = {"locked": bool(cell.metadata.nbgrader.get("grade"))}
            complete = {**NBGRADER, **locked, **cell.metadata.nbgrader}
            cell.metadata.nbgrader = NotebookNode({key: complete[key] for key in sorted(complete)})
        if "hide-input" in cell.metadata.get("tags", []):  # folded in JupyterLab; a reader can open it
            cell.metadata.jupyter = NotebookNode(source_hidden=True)
    if py.parent.name == "chapters":
        text = header(_chapter(py))
        if notebook.cells and notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# "):
            notebook.cells[0].source = text
        else:
            notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text))
        end_with(notebook, chapter_footer(_chapter(py)))
    return notebook


def _chapter(path: Path):
    of_project = path.parent.name == "projects"
    chapter = read()[path.stem[:2] if of_project else path.stem.partition("_")[0]]
    stem = chapter.project_stem if of_project else chapter.stem
    if stem != path.stem:
        raise ValueError(f"{path.name} is called {stem} in course.toml")
    return chapter


def promise(path: Path) -> tuple[int, int] | None:
    """(seconds, megabytes) that course.toml promises for a notebook in one of the folders; None for any other."""
    if path.parent.name not in FOLDERS or not re.match(r"\d\d[a-z]?_", path.name):
        return None
    chapter = _chapter(path)
    budgets = {"chapters": chapter, "solutions": chapter.exercises, "projects": chapter.project}
    budget = budgets[path.parent.name]
    if budget is None or budget.seconds is None:
        raise ValueError(f"course.toml promises nothing for {path.parent.name}/{path.name}")
    return budget.seconds, budget.megabytes


def pair(py: Path) -> NotebookNode:
    """The notebook of `py` with the ids, outputs and widgets that its .ipynb has for cells that are the same."""
    new, path = read_source(py), py.with_suffix(".ipynb")
    old = nbformat.read(path, as_version=4) if path.exists() else nbformat.v4.new_notebook()
    for key in ("widgets", "metarl"):
        if key in old.metadata:
            new.metadata[key] = old.metadata[key]
    before, after = ([(c.cell_type, c.source) for c in nb.cells] for nb in (old, new))
    taken: set[str] = set()
    for cell in new.cells:
        cell.id = ""
    for how, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if how == "equal" or (how == "replace" and i2 - i1 == j2 - j1):  # an edited cell is still the same cell
            for was, cell in zip(old.cells[i1:i2], new.cells[j1:j2], strict=True):
                if was.cell_type == cell.cell_type:
                    cell.id = was.id
                    taken.add(was.id)
                    if how == "equal" and cell.cell_type == "code":
                        cell.outputs, cell.execution_count = was.outputs, was.execution_count
    for cell in new.cells:
        if not cell.id:
            cell.id = stable_id(py.stem + cell.source, taken)
    return new


def stable_id(text: str, taken: set[str]) -> str:
    """A cell's id that the same text gets again, and that is not in `taken` (which it is added to)."""
    number = 0
    while (name := hashlib.sha256(f"{number}{text}".encode()).hexdigest()[:8]) in taken:
        number += 1
    taken.add(name)
    return name


def digest(notebook: NotebookNode) -> str:
    """What the outputs depend on in the notebook: its code, in order."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


UNSEEN = ("metarl_core.session",)
"""what says a word where something goes wrong, and changes nothing that a notebook shows where all goes well"""


def digest_below(notebook: NotebookNode) -> str:
    """What the outputs depend on besides: code of the package that the notebook uses, and results that it loads."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    code = re.sub(r"^[%!].*$", "", "\n".join(cells), flags=re.M)  # magics are no Python
    parts = [code_digest(code, leave_out=UNSEEN, own_code=False), *(_result(path) for path in results_loaded(code))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def results_loaded(code: str) -> list[Path]:
    """The files of committed results that `load_table` and `load_benchmark` read in the code; all, for a computed name.

    Raises SyntaxError for what is not Python.
    """
    found: set[Path] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            folder = {"load_table": DATA, "load_benchmark": BENCHMARKS}.get(node.func.id)
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else "*"
            found |= set(folder.glob(f"{name}.json")) if folder else set()
    return sorted(found)


def _result(path: Path) -> str:
    return _digest_of_result(path, path.stat().st_mtime_ns)


@functools.cache
def _digest_of_result(path: Path, changed: int) -> str:
    """Of the numbers and settings in a file, and not of what confirmed them."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if path.parent == DATA:
        content = {"settings": content["settings"], "rows": content["rows"]}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def mark_executed(notebook: NotebookNode) -> None:
    """Note what the outputs came from."""
    notebook.metadata["metarl"] = NotebookNode(executed=digest(notebook), below=digest_below(notebook))


def stale(notebook: NotebookNode) -> str | None:
    """Why the outputs in a notebook are not what it gives now in a fresh kernel; None if they are."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any(cell.execution_count is None for cell in code):
        return "it has cells that were not executed"
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        return "its cells were not executed once each from top to bottom"
    if any(output.output_type == "error" for cell in code for output in cell.outputs):
        return "it contains an error"
    if notebook.metadata.get("metarl", {}).get("executed") != digest(notebook):
        return "its code has changed since it was executed"
    if notebook.metadata.metarl.get("below") != digest_below(notebook):
        return "the package or the results that it uses have changed since it was executed"
    return None


def source_text(notebook: NotebookNode) -> str:
    """The percent-format text of a notebook, in the one form that JupyterLab's pairing writes, too."""
    bare = nbformat.v4.new_notebook(metadata={"kernelspec": KERNELSPEC, "jupytext": FILTERS})
    bare.cells = [NotebookNode({**c, "metadata": c.metadata}) for c in notebook.cells]
    return jupytext.writes(bare, fmt={"extension": ".py", "format_name": "percent"})


def write_pair(py: Path, notebook: NotebookNode) -> bool:
    """Write both files where they differ from `notebook`; True if one did."""
    files = {py: source_text(notebook), py.with_suffix(".ipynb"): notebook_text(notebook)}
    changed = {p: t for p, t in files.items() if not p.exists() or p.read_text(encoding="utf-8") != t}
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return bool(changed)


def notebook_text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook, version=4) + "\n"
