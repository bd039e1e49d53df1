"""How long a chapter is for a reader, and how much of its visible code is plumbing: `python -m tools.lesson [NN ...]`.

Minutes: words / 150, one and a half for each displayed formula, visible code lines / 8, two for each figure. A cell
whose input is folded (tag `hide-input`) is not read. Plumbing is what plots, prints or asserts.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.course import ROOT

WORDS, LINES, FORMULA, FIGURE = 150, 8, 1.5, 2.0
"""words and code lines a minute; minutes for a displayed formula and for a figure"""
LONGEST = 25
"""lines of a visible cell"""
PLUMBING = 0.15
"""of the visible lines, at most"""
DRAWS = re.compile(
    r"\b(plt|plotting|figures|ax|axes|axis|fig|figure|legend|panel|twin|inset|colou?rs?|palette)\b|"
    r"\.(plot|scatter|fill_between|imshow|hist|bar|barh|set_\w+|annotate|text|legend|axhline|axvline|errorbar|contourf?)\("
)


@dataclass
class Lesson:
    """What a notebook asks of its reader."""

    name: str
    words: int = 0
    formulas: int = 0
    lines: int = 0
    plumbing: int = 0
    figures: int = 0
    long_cells: list[int] = field(default_factory=list)
    """numbers of visible code cells that are too long"""

    @property
    def minutes(self) -> float:
        return self.words / WORDS + FORMULA * self.formulas + self.lines / LINES + FIGURE * self.figures

    @property
    def share(self) -> float:
        """Of the visible code lines, those that plot, print or assert."""
        return self.plumbing / self.lines if self.lines else 0.0

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.minutes:.0f} min ({self.words} words, {self.formulas} formulas, {self.lines} lines, "
            f"{self.figures} figures), {self.share:.0%} plumbing, cells of more than {LONGEST} lines: "
            f"{', '.join(map(str, self.long_cells)) or 'none'}"
        )


def lesson(notebook: NotebookNode, name: str = "") -> Lesson:
    """Counted from an executed notebook: a figure is an output with a picture."""
    found = Lesson(name)
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            found.words += words(cell.source)
            found.formulas += formulas(cell.source)
            found.figures += len(re.findall(r"!\[|<img\b", cell.source))
        elif cell.cell_type == "code":
            found.figures += sum(
                "image/png" in o.get("data", {}) or "image/svg+xml" in o.get("data", {}) for o in cell.outputs
            )
            if "hide-input" in cell.metadata.get("tags", []):
                continue
            visible = code_lines(cell.source)
            found.lines += len(visible)
            found.plumbing += len(visible & plumbing_lines(cell.source))
            if len(visible) > LONGEST:
                found.long_cells.append(number)
    return found


def words(markdown: str) -> int:
    """Words of the text, without formulas, code blocks, addresses and marks."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$]*\$", " formula ", markdown, flags=re.S)
    text = re.sub(r"\]\([^)]*\)|<[^>]+>", " ", text)
    return len(re.findall(r"[^\W\d_][\w'’-]*", text))


def formulas(markdown: str) -> int:
    """Displayed formulas."""
    return len(re.findall(r"\$\$.+?\$\$", markdown, flags=re.S))


def code_lines(code: str) -> set[int]:
    """Numbers of the lines that hold code: no blanks, comments or docstrings."""
    lines = {i for i, line in enumerate(code.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(_parsed(code)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            lines -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def plumbing_lines(code: str) -> set[int]:
    """Numbers of the lines of statements that plot, print, claim or assert, and of loops that do nothing else."""
    return _plumbing(_parsed(code).body)


def _plumbing(body: list[ast.stmt]) -> set[int]:
    found: set[int] = set()
    for statement in body:
        inner = [part for name in ("body", "orelse") for part in getattr(statement, name, [])]
        lines = set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
        if inner:
            below = _plumbing(inner)
            own = lines - {i for part in inner for i in range(part.lineno, (part.end_lineno or part.lineno) + 1)}
            found |= below | (own if len(below) >= len(lines - own) else set())
        elif isinstance(statement, ast.Assert) or _is_plumbing(statement):
            found |= lines
    return found


def _is_plumbing(statement: ast.stmt) -> bool:
    text = ast.unparse(statement)
    if isinstance(statement, ast.Expr) and re.match(r"(print|say|report|claim|display|show)\w*\(", text):
        return True
    return "assert_close" in text or bool(DRAWS.search(text))


def _parsed(code: str) -> ast.Module:
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines())
    return ast.parse(plain)


def main(wanted: list[str]) -> int:
    for path in sorted((ROOT / "chapters").glob("[0-9]*.ipynb")):
        if not wanted or any(Path(path).name.startswith(word) for word in wanted):
            print(lesson(nbformat.read(path, as_version=4), path.stem))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
