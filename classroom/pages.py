"""The pages for teachers: what can be read off the course itself is written by the code, the rest by hand.

    python -m classroom pages            bring the generated parts up to date
    python -m classroom pages --check    only say which are not; exit 1 if any is

A page holds the lines `<!-- course: NAME -->` and `<!-- /course -->`; what stands between them is made here. NAME is
`minutes` (sections and exercises) or `misconceptions` (what the checks recognise, and what they then ask).
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import nbformat

from metarl_core.check import Check
from tools.course import read
from tools.exercises import blocks, check_calls
from tools.lesson import lesson
from tools.pairs import read_source

from .pool import ROOT

FOLDER = Path(__file__).parent
PART = re.compile(r"(<!-- course: ([\w ]+) -->\n)(.*?)(<!-- /course -->)", re.S)


def files() -> list[Path]:
    return sorted(FOLDER.glob("chapters/[0-9][0-9]_*.md"))


def page(path: Path) -> str:
    """The text of a page with its generated parts as they should be."""
    number = path.stem[:2]

    def made(found: re.Match) -> str:
        parts = {"minutes": minutes, "misconceptions": misconceptions}
        return f"{found[1]}{parts[found[2]](number)}\n{found[4]}"

    return PART.sub(made, path.read_text(encoding="utf-8"))


def minutes(number: str) -> str:
    """Two tables: the chapter's sections with the minutes they take to read, and the exercises."""
    chapter = read()[number]
    notebook = nbformat.read(ROOT / "chapters" / f"{chapter.stem}.ipynb", as_version=4)
    lines = ["| Section | Minutes |", "|---|---|"]
    lines += [f"| {title} | {round(time)} |" for title, time in sections(notebook)]
    lines += [f"| **whole chapter** | **{chapter.reading_minutes}** |"]
    for path in (f"solutions/{chapter.stem}.py", f"projects/{chapter.project_stem}.py" if chapter.project else ""):
        if path and (ROOT / path).exists():
            lines += [
                "",
                "| Exercise | Kind | Difficulty | Minutes | Points |",
                "|---|---|---|---|---|",
                *_exercises(ROOT / path),
            ]
    others = [c for c in read().ready if c.appendix_to == number]
    if others:
        named = ", ".join(
            f"[{c.number} {c.title}](../../chapters/{c.stem}.ipynb) ({c.reading_minutes} min)" for c in others
        )
        lines += ["", f"Appendices: {named}."]
    return "\n".join(lines)


def sections(notebook: nbformat.NotebookNode) -> list[tuple[str, float]]:
    """(heading, minutes) of each part between two headings of the second level."""
    parts: list[tuple[str, list]] = [("opening", [])]
    for cell in notebook.cells:
        pieces = re.split(r"^(?=## )", cell.source, flags=re.M) if cell.cell_type == "markdown" else []
        for text in filter(None, pieces):
            heading = re.match(r"## (.+)", text)
            if heading:
                parts.append((heading[1].strip(), []))
            parts[-1][1].append(nbformat.v4.new_markdown_cell(text))
        if cell.cell_type != "markdown":
            parts[-1][1].append(cell)
    found = []
    for title, cells in parts:
        part = nbformat.v4.new_notebook(cells=cells)
        if not re.match(r"Exercises|Further reading", title) and cells:
            found.append((re.sub(r"^\d+ ", "", title), lesson(part).minutes))
    return found


def _exercises(py: Path) -> list[str]:
    rows = []
    for exercise in blocks(read_source(py)):
        line = re.search(r"\*\*Kind:\*\* (\w+) · \*\*Difficulty:\*\* (\S+) · \*\*Time:\*\* (\d+) min", exercise.text)
        points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for _, cell in exercise.cells)
        kind, difficulty, time = (line[1], line[2], line[3]) if line else ("", "", "")
        rows.append(f"| {exercise.number}. {exercise.title} | {kind} | {difficulty} | {time} | {points:g} |")
    return rows


def misconceptions(number: str) -> str:
    """For each check, what it recognises and what it then says: by exercise, in the order of the notebook."""
    chapter = read()[number]
    sources = [ROOT / "solutions" / f"{chapter.stem}.py"]
    sources += [ROOT / "projects" / f"{chapter.project_stem}.py"] if chapter.project else []
    if importlib.util.find_spec(f"metarl_core.check.ch{number}") is None:
        return "The chapter has no checks."
    module = importlib.import_module(f"metarl_core.check.ch{number}")
    lines: list[str] = []
    for py in sources:
        for exercise in blocks(read_source(py)) if py.exists() else []:
            lines += (
                [f"**{exercise.number}. {exercise.title}**", ""]
                if py.parent.name == "solutions"
                else [f"**Project: {exercise.title}**", ""]
            )
            for _, cell in exercise.checks:
                for name, _answer in check_calls(cell.source):
                    lines += _of_check(getattr(module, name))
            lines.append("")
    if not lines:
        lines = [text for check in vars(module).values() if isinstance(check, Check) for text in _of_check(check)]
    return "\n".join(lines).rstrip()


def _of_check(check: Check) -> list[str]:
    """A line for each misconception; several of the same message are one."""
    names: dict[str, list[str]] = {}
    for wrong in check.wrongs:
        names.setdefault(" ".join(wrong.message.split()), []).append(wrong.id.replace("_", " "))
    return [
        f"- `{check.name}`, *{', '.join(ids)}*: {message.replace('|', chr(92) + '|')}" for message, ids in names.items()
    ]


def main(check: bool = False) -> int:
    """Write, or only compare."""
    stale = []
    for path in files():
        text = page(path)
        if text != path.read_text(encoding="utf-8"):
            stale.append(path)
            if not check:
                path.write_text(text, encoding="utf-8", newline="\n")
    for path in stale:
        print(
            f"{path.relative_to(ROOT)}: " + ("out of date" if check else "written"),
            file=sys.stderr if check else sys.stdout,
        )
    if not stale:
        print("The pages for teachers are up to date.")
    return int(check and bool(stale))
