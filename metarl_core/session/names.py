"""Which names a cell makes and needs, and which cell of the notebook makes a name that is not known yet."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

CHANGING = {"add", "append", "extend", "insert", "setdefault", "update"}
"""methods that change a list, a set or a dictionary"""


def advice(name: str, cells: Sequence[str]) -> str:
    """Which of a notebook's code cells makes `name`; "" where none does, as for a misspelt one."""
    for code in cells:
        if name and name in names_made(code):
            return (
                f"`{name}` is made in {place(code, cells)}.\n"
                "Run that cell first; or choose Run > Run All Above Selected Cell, which runs all that this one needs."
            )
    return ""


def place(code: str, cells: Sequence[str]) -> str:
    """A cell in words: its first line, which is seen also where the cell is folded. Nobody can count folded cells.

    Where several begin alike, also the how manieth of them it is.
    """
    line = _first_line(code)
    alike = [other.strip() for other in cells if _first_line(other) == line]
    count = f", number {alike.index(code.strip()) + 1} of those that do" if code.strip() in alike[1:] else ""
    return f"the cell that begins with `{line}`{count}"


def names_made(code: str) -> set[str]:
    """The names that a cell assigns, defines or imports at its top level, loops and conditions included."""
    return {name for name, how in _walk(_parse(code)) if how == "make"}


def names_changed(code: str) -> set[str]:
    """The names whose values a cell changes at its top level: `x[0] = 1`, `x.y = 1`, `x.append(1)`."""
    return {name for name, how in _walk(_parse(code)) if how == "change"}


def names_needed(code: str) -> set[str]:
    """The names that a cell looks up, in its functions, too, before it has made them itself."""
    made, needed = set[str](), set[str]()
    for name, how in _walk(_parse(code)):
        if how == "make":
            made.add(name)
        elif name not in made:
            needed.add(name)
    return needed


def notebook_cells() -> list[str]:
    """The sources of the running notebook's code cells, as it was saved last; none where it cannot be found."""
    path = Path(os.environ.get("JPY_SESSION_NAME", ""))  # set by the Jupyter server
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _first_line(code: str) -> str:
    return next((line for line in code.splitlines() if line.strip()), "")


def _parse(code: str) -> list[ast.stmt]:
    """The statements of a cell, its magics left out; none where it is not Python."""
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    try:
        return ast.parse(plain).body
    except (SyntaxError, ValueError):
        return []


def _walk(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """(name, "make" | "need" | "change") in the order in which a cell comes to them."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from ((name, "need") for name in _free(node))
            yield node.name, "make"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (((alias.asname or alias.name).split(".")[0], "make") for alias in node.names)
        else:
            # In `x = f(y)` and `for x in y` what is needed comes first, whatever is written first.
            parts = [part for part in ast.iter_child_nodes(node) if not isinstance(part, (ast.stmt, ast.ExceptHandler))]
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                yield node.target.id, "need"
            for part in parts:
                yield from ((name, "need") for name in _free(part))
                yield from ((name, "change") for name in _changed(part))
            for part in parts:
                yield from ((name, "make") for name in _stored(part))
            for inner in ast.iter_child_nodes(node):
                if isinstance(inner, ast.ExceptHandler):
                    yield from ((name, "need") for name in _free(inner.type or ast.Pass()))
                    yield from _walk(inner.body)
                elif isinstance(inner, ast.stmt):
                    yield from _walk([inner])


def _stored(node: ast.AST) -> set[str]:
    """Names that an expression or a target stores, those of comprehensions left out."""
    inner = [part.target for part in ast.walk(node) if isinstance(part, ast.comprehension)]
    return _names(node, ast.Store).difference(*(_names(target, ast.Store) for target in inner))


def _free(node: ast.AST) -> set[str]:
    """Names looked up in a node and not made within it: arguments and local names do not count."""
    local = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.comprehension)
    for part in ast.walk(node):
        if isinstance(part, scopes):
            local |= _names(part.target if isinstance(part, ast.comprehension) else part, ast.Store)
    return _names(node, ast.Load) - local


def _changed(node: ast.AST) -> set[str]:
    found = []
    for part in ast.walk(node):
        if isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            found.append(part.value)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in CHANGING:
            found.append(part.func.value)
    while any(isinstance(base, (ast.Subscript, ast.Attribute)) for base in found):
        found = [base.value if isinstance(base, (ast.Subscript, ast.Attribute)) else base for base in found]
    return {base.id for base in found if isinstance(base, ast.Name)}


def _names(node: ast.AST, how: type[ast.expr_context]) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, how)}
