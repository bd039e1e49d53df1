"""What a chapter's first cell sets up: one thread, and a helpful word where a cell was run too early."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["begin"]


def begin() -> None:
    """Set up a notebook.

    One thread: the course's operations are small, and a second thread waits longer than it works. And where a name is
    not known because its cell has not been run (after a restart, say), the message names that cell. Outside of IPython
    only the thread counts.
    """
    torch.set_num_threads(1)
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError,), _explain)


def _explain(shell: Any, kind: type, error: NameError, traceback: Any, tb_offset: int | None = None) -> None:
    words = advice(str(error.name or ""), notebook_cells()) if type(error) is NameError else ""
    if words:
        error._render_traceback_ = lambda: [f"NameError: {error}", "", words]  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


def advice(name: str, cells: list[str]) -> str:
    """Which of a notebook's code cells makes `name`; "" where none does, as for a misspelt one."""
    for number, code in enumerate(cells, 1):
        if name and name in names_made(code):
            first = next(line for line in code.splitlines() if line.strip())
            return (
                f"`{name}` is made in code cell {number} of this notebook, which begins with\n    {first}\n"
                "Run that cell first; or choose Run > Run All Above Selected Cell, which runs all that this one needs."
            )
    return ""


def names_made(code: str) -> set[str]:
    """The names that a cell assigns, defines or imports at its top level, loops and conditions included."""
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    try:
        body = list(ast.parse(plain).body)
    except SyntaxError:
        return set()
    found: set[str] = set()
    while body:
        node = body.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.stmt):
                body.append(part)
            else:
                inner = [n.target for n in ast.walk(part) if isinstance(n, ast.comprehension)]
                found |= _stored(part).difference(*map(_stored, inner))
    return found


def _stored(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def notebook_cells() -> list[str]:
    """The sources of the running notebook's code cells, as it was saved last; none where it cannot be found."""
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))  # set by the Jupyter server
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
