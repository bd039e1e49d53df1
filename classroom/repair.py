"""Put a student's answers into the released notebook, wherever in the submission they stand.

What an exercise asks for has a name: a function, a number, a dictionary. Whatever code makes that name in the
submission is the answer, in whichever cell, with whichever metadata; where several do, the last before the check does,
as it would on a run from top to bottom. Only where nothing makes the name, the cell with the exercise's grade_id is
taken. With it goes what it needs: names that the student makes elsewhere, and that the released notebook does not make.
"""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass, field

from .key import CHECK, OTHER, SETUP, Key, KeyCell
from .names import names_changed, names_made, names_needed
from .reading import Cell, Reading


@dataclass
class Answer:
    """What was found for one answer cell of the release."""

    grade_id: str
    code: str
    helpers: str = ""
    """what it needs and the release does not make"""
    found: bool = True
    remarks: list[str] = field(default_factory=list)


def place(key: Key, reading: Reading) -> list[Answer]:
    """One answer for each answer cell of the key, in its order."""
    names = {name for cell in key.answers for name in cell.names}
    cells = join_split([c for c in reading.cells if c.code or c.grade_id or names_made(c.source) & names])
    return [_answer(cell, key, cells) for cell in key.answers]


def _answer(wanted: KeyCell, key: Key, cells: list[Cell]) -> Answer:
    own = [c for c in cells if not _released(c, key, SETUP, OTHER, CHECK)]
    remarks: list[str] = []
    before = _check_at(wanted, key, cells)
    stub = _plain(wanted.source)
    making = [c for c in own if c.grade_id not in _checks(key) and names_made(c.source) & wanted.names]
    filled = [c for c in making if _plain(c.source) != stub]
    chosen: list[Cell] = []
    for name in sorted(wanted.names):
        makers = [c for c in filled if name in names_made(c.source)]
        ahead = [c for c in makers if c.number < before] or makers
        if len(makers) > 1:
            places = ", ".join(str(c.number) for c in makers)
            remarks.append(f"`{name}` is made in several cells ({places}); that in cell {ahead[-1].number} counts")
        if ahead and ahead[-1] not in chosen:
            chosen.append(ahead[-1])
    if not chosen:
        same = [c for c in own if c.grade_id == wanted.grade_id and _plain(c.source) not in (stub, "")]
        if not same:
            there = bool(making) or any(c.grade_id == wanted.grade_id for c in cells) or _stub_is_there(wanted, cells)
            return Answer(wanted.grade_id, wanted.source, found=there, remarks=remarks)
        chosen = [same[-1]]
        made = ", ".join(f"`{n}`" for n in sorted(names_made(same[-1].source))) or "nothing"
        remarks.append(f"the cell makes {made}, and asked for is {', '.join(f'`{n}`' for n in sorted(wanted.names))}")
    chosen.sort(key=lambda c: c.number)
    if any(not c.code for c in chosen):
        remarks.append("the answer stood in a cell of text")
    code = "\n\n".join(without_checks(c.source) for c in chosen)
    given = {name for cell in key.cells if cell.role == SETUP for name in cell.names} | _others(key, wanted)
    helpers = _helpers(code, [c for c in cells if c not in chosen and not _released(c, key, SETUP, CHECK)], given)
    if helpers:
        remarks.append("with it goes, from other cells: " + ", ".join(sorted(names_made(helpers))))
    return Answer(wanted.grade_id, code, helpers, True, remarks)


def _others(key: Key, wanted: KeyCell) -> set[str]:
    """What the other answers make: they are placed, too."""
    return {name for cell in key.answers if cell.grade_id != wanted.grade_id for name in cell.names}


def _checks(key: Key) -> set[str]:
    return {cell.grade_id for cell in key.checks}


def _check_at(wanted: KeyCell, key: Key, cells: list[Cell]) -> int:
    """The number of the cell in the submission that checks an answer, beyond the last where there is none."""
    ids = {c.grade_id for c in key.checks if names_needed(c.source) & wanted.names}
    calls = [c.source.split("\n")[0] for c in key.checks if c.grade_id in ids]
    found = [c.number for c in cells if c.grade_id in ids or any(call in c.source for call in calls)]
    return max(found, default=10**9)


def _stub_is_there(wanted: KeyCell, cells: list[Cell]) -> bool:
    return any(_plain(c.source) == _plain(wanted.source) for c in cells)


def _released(cell: Cell, key: Key, *roles: str) -> bool:
    """Whether a cell is one of the release as it was, of these roles: nothing of the student's is in it."""
    text = _plain(cell.source)
    return not text or any(text == _plain(c.source) for c in key.cells if c.role in roles)


def _plain(source: str) -> str:
    """Without what editors change: white space at the ends of lines, empty lines."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


def cleaned(source: str) -> str:
    """Without what only a notebook understands: magics, shell commands, questions."""
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if re.match(r"%%(time|timeit|capture|prun)\b", lines[first].strip()):
        lines[first] = ""
    elif lines[first].lstrip().startswith("%%"):
        return ""
    kept = []
    for line in lines:
        timed = re.match(r"(\s*)%(?:time|timeit|prun)\s+(.*)", line)
        if timed:
            kept.append(timed[1] + timed[2])
        elif re.match(r"\s*[%!?]", line) or re.match(r"^[\w.]+\?{1,2}\s*$", line):
            kept.append(re.match(r"\s*", line)[0] + "pass")  # type: ignore[index]
        else:
            kept.append(line)
    return "\n".join(kept)


def join_split(cells: list[Cell]) -> list[Cell]:
    """Cells whose parts were torn apart, as one; without magics."""
    joined: list[Cell] = []
    for cell in cells:
        source = cleaned(cell.source)
        if not source.strip():
            continue
        last = joined[-1] if joined else None
        first = next(line for line in source.split("\n") if line.strip())
        torn = first[0] in " \t" or re.match(r"(elif|else|except|finally)\b|[)\]}]", first)
        if last is not None and (torn or not parses(last.source)) and (torn or parses(last.source + "\n" + source)):
            joined[-1] = Cell(last.code, last.source + "\n" + source, last.grade_id or cell.grade_id, last.number)
        else:
            joined.append(Cell(cell.code, source, cell.grade_id, cell.number))
    return joined


def parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def without_checks(source: str) -> str:
    """Without calls of checks that were written into an answer's cell: the released ones are made anyway."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return source
    lines = source.split("\n")
    for node in body:
        called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr.startswith("check_"):
            for at in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[at] = ""
    return "\n".join(lines)


def _helpers(code: str, others: list[Cell], given: set[str]) -> str:
    """The statements of other cells that make, or change, what the code needs and nothing else makes."""
    statements = [text for cell in others for text in _statements(cell.source)]
    wanted = set(names_needed(code) - given - names_made(code) - set(dir(builtins)))
    taken: set[int] = set()
    while True:
        more = {
            at
            for at, text in enumerate(statements)
            if at not in taken and (names_made(text) | names_changed(text)) & wanted
        }
        if not more:
            break
        taken |= more
        needed = set().union(*(names_needed(statements[at]) for at in more))
        wanted |= needed - given - set(dir(builtins))
    return "\n\n".join(statements[at] for at in sorted(taken))


def _statements(source: str) -> list[str]:
    """The top-level statements of a cell, as they are written."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return []
    lines, found = source.split("\n"), []
    for node in body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        found.append("\n".join(lines[first - 1 : node.end_lineno]))
    return found
