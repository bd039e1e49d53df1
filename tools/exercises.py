"""Make exercises/NN_name_exercises.ipynb, which learners fill in, from solutions/NN_name.py, the single source; and
exercises/NNp_name.ipynb from projects/NNp_name.py, a project worked out, which is one long exercise of that kind.

    python -m tools.exercises           write what changed (and pair the solutions' .ipynb, without executing them)
    python -m tools.exercises --check   only say what is out of date or out of form; exit 1 if anything is

A solutions file is a title cell, cells that set up, and exercise blocks. A block runs from its heading to the next
`## ` heading, and its parts stand in this order (text before `**Predict:**` is free: equation, context, figure):

    # %% [markdown]
    # ## Exercise 1: Discounted return
    #
    # **Objective:** turn a row of rewards into one number.
    #
    # **Kind:** implement · **Difficulty:** ★☆☆ · **Time:** 10 min · **Run time:** 1 s
    #
    # $$G = \\sum_t \\gamma^t r_t \\tag{1}$$
    #
    # **Predict:** what happens to $G$ as $\\gamma \\to 0$? Write it down before you run anything.
    # %% nbgrader={"grade_id": "discounted_return", "solution": true}
    def discounted_return(rewards, gamma):
        '''Shapes and units here.'''
        ### BEGIN SOLUTION
        ...
        ### END SOLUTION
    # %% nbgrader={"grade_id": "check_discounted_return", "grade": true, "points": 2}
    ch01.check_discounted_return(discounted_return)
    ### BEGIN HIDDEN TESTS
    ...
    ### END HIDDEN TESTS
    # %% [markdown]
    # <details><summary>Hint 1: a nudge</summary>
    #
    # ...
    # </details>
    # (and `Hint 2: the formula`, `Hint 3: pseudocode`)
    # %%
    (any number of cells that plot or print)
    # %% [markdown]
    # **Expect:** the figure or value that a right answer gives.
    #
    # **Interpret:** a question on what it means.

Kinds are implement, derive, debug (a silent bug), design, apply, experiment, project. The summary lines begin with
`Hint 1`, `Hint 2`, `Hint 3`; other `<details>` are free. The check's call takes names that a solution cell of the same
block defines. Where the answer is a value, the region stands at the left margin, under the names as the learner finds
them:

    # %% nbgrader={"grade_id": "slope", "solution": true}
    slope = ...  # a number
    ### BEGIN SOLUTION
    slope = -2.5
    ### END SOLUTION

In a debug exercise the region replaces the broken lines; they stand above it as the cell's visible code, or in a
function that is defined before. Cells that solutions lean on (imports, helpers, small data) are tagged `setup`; tests
run only these and the solution cells, so keep training and plotting out of them, and magics too. A cell tagged
`solution-only` (a discussion, say) is left out of the exercises.
"""

from __future__ import annotations

import argparse
import ast
import copy
import itertools
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

from tools.course import ROOT, read
from tools.footers import exercises_footer
from tools.hints import in_lines
from tools.pairs import notebook_text, pair, read_source, sources, stable_id, write_pair

KINDS = ("implement", "derive", "debug", "design", "apply", "experiment", "project")
HEADING = re.compile(r"^## Exercise (\d+): (.+)$", re.M)
PARTS = {  # in this order; what a reader of a block must find in its markdown
    "**Objective:**": r"^\*\*Objective:\*\* \S",
    "the line `**Kind:** ... · **Difficulty:** ★☆☆ · **Time:** 10 min · **Run time:** 1 s`": (
        rf"^\*\*Kind:\*\* ({'|'.join(KINDS)}) · \*\*Difficulty:\*\* (★☆☆|★★☆|★★★) · "
        r"\*\*Time:\*\* (\d+) min · \*\*Run time:\*\* [\d.]+ s$"
    ),
    "**Predict:**": r"^\*\*Predict:\*\* \S",
    "<details><summary>Hint 1": r"<details><summary>Hint 1\b",
    "<details><summary>Hint 2": r"<details><summary>Hint 2\b",
    "<details><summary>Hint 3": r"<details><summary>Hint 3\b",
    "**Expect:**": r"^\*\*Expect:\*\* \S",
    "**Interpret:**": r"^\*\*Interpret:\*\* \S",
}


@dataclass
class Exercise:
    """One block: its cells, as (position in the notebook, cell)."""

    number: int
    title: str
    cells: list[tuple[int, NotebookNode]] = field(default_factory=list)

    @property
    def stubs(self) -> list[tuple[int, NotebookNode]]:
        return [(i, c) for i, c in self.cells if is_solution(c)]

    @property
    def checks(self) -> list[tuple[int, NotebookNode]]:
        return [(i, c) for i, c in self.cells if c.cell_type == "code" and check_calls(c.source)]

    @property
    def text(self) -> str:
        return "\n\n".join(c.source for _, c in self.cells if c.cell_type == "markdown")

    @property
    def kind(self) -> str | None:
        found = re.search(r"^\*\*Kind:\*\* (\w+)", self.text, re.M)
        return found[1] if found else None


def blocks(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a solutions notebook (or of one generated from it), in order."""
    found: list[Exercise] = []
    inside = False
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and re.match(r"## ", cell.source):
            heading = HEADING.match(cell.source)
            inside = heading is not None
            if heading:
                found.append(Exercise(int(heading[1]), heading[2]))
        if inside:
            found[-1].cells.append((position, cell))
    return found


def is_solution(cell: NotebookNode) -> bool:
    """A code cell that the learner fills in: marked in the source, and by nbgrader's metadata in both."""
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_setup(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and "setup" in cell.metadata.get("tags", [])


def check_calls(code: str) -> list[tuple[str, str]]:
    """(check, answer) of each `chNN.check_x(answer)` in the code; the answer as source text."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # magics: no checks there
        return []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [
        (call.func.attr, ast.unparse(call.args[0]))
        for call in calls
        if isinstance(call.func.value, ast.Name) and re.fullmatch(r"ch\d\d", call.func.value.id)
        and call.func.attr.startswith("check_") and call.args
    ]  # fmt: skip


def problems(notebook: NotebookNode) -> list[str]:
    """What is out of form in a solutions notebook, each as a sentence; empty if nothing is."""
    found: list[str] = []
    exercises = blocks(notebook)
    if [e.number for e in exercises] != list(range(1, len(exercises) + 1)):
        found.append(f"exercises are numbered {[e.number for e in exercises]}, not 1, 2, 3, ...")
    if not any(e.kind == "project" for e in exercises):
        if not 3 <= len(exercises) <= 5:
            found.append(f"there are {len(exercises)} exercises; a chapter has three to five")
        if exercises and not any(e.kind == "debug" for e in exercises):
            found.append("none of the exercises is of the kind debug (a silent bug)")
    in_blocks = {position for e in exercises for position, _ in e.cells}
    for position, cell in enumerate(notebook.cells):
        if position not in in_blocks and (
            is_solution(cell) or "BEGIN SOLUTION" in cell.source or check_calls(cell.source)
        ):
            found.append(f"cell {position + 1} has a solution or a check outside of any exercise")
    for exercise in exercises:
        found += [f"exercise {exercise.number}: {problem}" for problem in _problems_of(exercise)]
    ids = [c.metadata.nbgrader.get("grade_id") for c in notebook.cells if "nbgrader" in c.metadata]
    found += [f"the grade_id {name!r} is used twice" for name in sorted({i for i in ids if ids.count(i) > 1}, key=str)]
    return found


def _problems_of(exercise: Exercise) -> list[str]:
    found, at = [], 0
    for part, pattern in PARTS.items():
        match = re.compile(pattern, re.M).search(exercise.text, at)
        if match:
            at = match.end()
        else:
            found.append(f"lacks {part}, or has it in the wrong place")
    if exercise.text.count("<details>") != exercise.text.count("</details>"):
        found.append("a <details> is not closed")
    if not exercise.stubs:
        found.append('has no solution cell (nbgrader={"grade_id": ..., "solution": true})')
    if not exercise.checks:
        found.append("has no call of a check")
    for position, cell in exercise.cells:
        marked = cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source
        if marked != is_solution(cell):
            found.append(f'cell {position + 1} has only one of `### BEGIN SOLUTION` and nbgrader\'s "solution": true')
    for position, cell in exercise.checks:
        before = {name for p, stub in exercise.stubs if p < position for name in _defined(stub.source)}
        for check, answer in check_calls(cell.source):
            if answer not in before:
                found.append(f"{check} is given {answer}, which no solution cell before it in this exercise defines")
        grading = cell.metadata.get("nbgrader", {})
        if not (grading.get("grade") and grading.get("points") and grading.get("grade_id")):
            found.append(
                f'cell {position + 1} checks without nbgrader={{"grade_id": ..., "grade": true, "points": ...}}'
            )
    return found


def _defined(code: str) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(code).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return names


def exercise_file(py: Path) -> Path:
    """Where the learner's notebook of a solutions file lies; named so that its tab is not taken for the chapter's."""
    name = py.stem if py.parent.name == "projects" else f"{py.stem}_exercises"
    return py.parent.parent / "exercises" / f"{name}.ipynb"


def generate(py: Path, source: NotebookNode | None = None) -> NotebookNode:
    """The learner's notebook of a solutions file. The same file gives the same notebook, ids included.

    `source` is what the file holds, with a class's numbers perhaps (`classroom.variants`).
    """
    notebook = copy.deepcopy(read_source(py) if source is None else source)
    for cell in notebook.cells:
        cell.metadata.get("nbgrader", {}).pop("checksum", None)
    notebook.cells = [c for c in notebook.cells if "solution-only" not in c.metadata.get("tags", [])]
    for clear in (ClearSolutions, ClearHiddenTests):
        notebook, _ = clear(enforce_metadata=False).preprocess(notebook, {})
    for cell in notebook.cells:
        if is_solution(cell):  # a value at the left margin stays `...`, which its check calls not done
            cell.source = re.sub(r"^(# YOUR CODE HERE)\nraise NotImplementedError\(\)", r"\1", cell.source, flags=re.M)
        cell.source = cell.source.rstrip("\n")
        if cell.cell_type == "markdown":
            cell.source = in_lines(cell.source)
        if cell.cell_type == "code":
            cell.source = re.sub(r"[ \t]*# noqa\b[^\n]*", "", cell.source)
    notebook.cells.append(new_markdown_cell(exercises_footer(read()[py.stem[:2]])))
    taken: set[str] = set()
    for cell in notebook.cells:
        cell.id = stable_id(f"exercises/{py.stem}{cell.source}", taken)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def worked_in(path: Path) -> bool:
    """Whether somebody filled in or ran the notebook there, and not at the desk: none that is generated looks so."""
    try:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    except FileNotFoundError:
        return False
    except Exception:  # no notebook any more: somebody's, whatever it is
        return True
    filled = any(is_solution(c) and "# YOUR CODE HERE" not in c.source for c in cells)
    return filled or any(c.outputs or c.execution_count for c in cells)


def keep(path: Path, root: Path = ROOT) -> str:
    """Move a notebook to the learner's desk under a name that is free there; its new place, as seen from the root."""
    folder = root / "work" / "exercises"
    folder.mkdir(parents=True, exist_ok=True)
    names = (folder / f"{path.stem}.mine{number or ''}.ipynb" for number in itertools.count())
    place = next(name for name in names if not name.exists())
    shutil.move(path, place)
    return place.relative_to(root).as_posix()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.exercises", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of names, such as 05; all without")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if something would change")
    options = parser.parse_args(arguments)
    try:
        chosen = [py for py in sources(*options.names) if py.parent.name in ("solutions", "projects")]
    except ValueError as error:
        parser.error(str(error))
    failed = False
    for py in chosen:
        target = exercise_file(py)
        wrong = problems(read_source(py))
        for problem in wrong:
            print(f"{py.parent.name}/{py.name}: {problem}", file=sys.stderr)
        failed |= bool(wrong)
        if wrong:
            continue
        text = notebook_text(generate(py))
        current = target.exists() and target.read_text(encoding="utf-8") == text
        if options.check:
            failed |= not current
        else:
            write_pair(py, pair(py))
            target.parent.mkdir(exist_ok=True)
            if not current and worked_in(target):
                print(f"exercises/{target.name} held somebody's work, which is now {keep(target)}")
            target.write_text(text, encoding="utf-8", newline="\n")
        print(
            f"exercises/{target.name}: " + ("up to date" if current else "out of date" if options.check else "written")
        )
    if not options.names:
        for stray in sorted((ROOT / "exercises").glob("[0-9][0-9]*_*.ipynb")):
            if stray not in {exercise_file(py) for py in chosen}:
                failed = True
                print(f"exercises/{stray.name} has no source in solutions/ or projects/: remove it", file=sys.stderr)
    if not chosen:
        print("There are no solutions to make exercises from yet.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
