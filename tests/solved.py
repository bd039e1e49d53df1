"""Run the cells of a solutions notebook that exercises need, in this process: setup and solution cells only."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import linecache
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib

from tools.exercises import blocks, check_calls, is_setup, is_solution
from tools.pairs import read_source

matplotlib.use("Agg")


def run_cell(code: str, label: str, namespace: dict) -> None:
    """Execute code so that messages can quote its lines, as IPython does."""
    linecache.cache[label] = (len(code), None, code.splitlines(keepends=True), label)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, label, "exec"), namespace)


def run_cells(cells, label: str, namespace: dict, instead: dict[int, str] | None = None) -> dict:
    """Run the setup and solution cells among (position, cell); `instead` gives other code for some positions."""
    for position, cell in cells:
        if is_setup(cell) or is_solution(cell):
            run_cell((instead or {}).get(position, cell.source), f"{label}, cell {position + 1}", namespace)
    return namespace


@functools.cache
def answers(py: Path) -> Mapping[str, object]:
    """What the solutions, or a chapter's cells tagged `warm-up`, give to each check: {"check_x": answer}.

    An answer is made when it is asked for: experiments take up to a minute.
    """
    if py.parent.name == "chapters":
        namespace, calls = {"__name__": "__main__"}, []
        for number, cell in enumerate(read_source(py).cells, 1):
            if "warm-up" in cell.metadata.get("tags", []):
                run_cell(cell.source, f"chapters/{py.name}, cell {number}", namespace)
                calls += check_calls(cell.source)
        return {check: eval(answer, namespace) for check, answer in calls}
    return Answers(py)


class Answers(Mapping):
    """The answers of a solutions notebook, each exercise's in a namespace of its own.

    In it are all setup cells, the functions and classes of the other exercises, and the exercise's own answers.
    """

    def __init__(self, py: Path):
        self.py, self.notebook = py, read_source(py)
        self.made = functools.cache(self._made)
        self.asked = {
            check: (exercise, answer)
            for exercise in blocks(self.notebook)
            for _, cell in exercise.checks
            for check, answer in check_calls(cell.source)
        }

    def __getitem__(self, check: str) -> object:
        exercise, answer = self.asked[check]
        return eval(answer, self.made(exercise.number))

    def __iter__(self) -> Iterator[str]:
        return iter(self.asked)

    def __len__(self) -> int:
        return len(self.asked)

    def _made(self, number: int) -> dict:
        (own,) = ({position for position, _ in e.stubs} for e in blocks(self.notebook) if e.number == number)
        cells = [
            (position, cell)
            for position, cell in enumerate(self.notebook.cells)
            if not is_solution(cell) or position in own or only_defines(cell.source)
        ]
        return run_cells(cells, f"solutions/{self.py.name}", {"__name__": "__main__"})


def only_defines(code: str) -> bool:
    """Whether code makes functions and classes and computes nothing."""
    return all(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(code).body)
