"""Run the cells of a solutions notebook that exercises need, in this process: setup and solution cells only."""

from __future__ import annotations

import contextlib
import functools
import io
import linecache
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
def answers(py: Path) -> dict[str, object]:
    """What the solutions, or a chapter's cells tagged `warm-up`, give to each check: {"check_x": answer}."""
    notebook = read_source(py)
    if py.parent.name == "chapters":
        namespace, calls = {"__name__": "__main__"}, []
        for number, cell in enumerate(notebook.cells, 1):
            if "warm-up" in cell.metadata.get("tags", []):
                run_cell(cell.source, f"chapters/{py.name}, cell {number}", namespace)
                calls += check_calls(cell.source)
        return {check: eval(answer, namespace) for check, answer in calls}
    namespace = run_cells(enumerate(notebook.cells), f"solutions/{py.name}", {"__name__": "__main__"})
    calls = [call for e in blocks(notebook) for _, cell in e.checks for call in check_calls(cell.source)]
    return {check: eval(answer, namespace) for check, answer in calls}
