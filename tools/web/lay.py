"""Lay everything that Sphinx reads into one folder, anew each time; what has not changed keeps its time stamp."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.course import ROOT, Chapter, Course, read
from tools.web import api
from tools.web.citation import citation
from tools.web.markdown import myst, tags
from tools.web.notebooks import Shelf, page
from tools.web.notebooks import read as read_notebook

BOOK = ROOT / "book"
MODULES = ROOT / "metarl_core" / "widgets" / "static"
OWN = ("glossary", "notation")
"""pages that are written by hand, in book/"""
MADE = ("index", "desk", "results", "engineers", "cite", "solutions")
"""pages that are made here"""


def notebooks(course: Course) -> Iterator[tuple[Path, Chapter]]:
    """Every notebook that has a page, in the order of the course."""
    for chapter in course.ready:
        yield ROOT / "chapters" / f"{chapter.stem}.ipynb", chapter
        if chapter.exercises is not None:
            yield ROOT / "exercises" / f"{chapter.exercises_stem}.ipynb", chapter
            yield ROOT / "solutions" / f"{chapter.stem}.ipynb", chapter
        if chapter.project is not None:
            yield ROOT / "exercises" / f"{chapter.project_stem}.ipynb", chapter
            yield ROOT / "projects" / f"{chapter.project_stem}.ipynb", chapter


def lay(folder: Path) -> list[str]:
    """Lay all pages into `folder`; their names, as chapters/05_maml and glossary."""
    course = read()
    found = list(notebooks(course))
    files = {path.relative_to(ROOT).as_posix() for path, _ in found}
    pages = {*files, *(f"{name}.md" for name in (*OWN, *MADE))}
    with tempfile.TemporaryDirectory(dir=_parent(folder)) as draft:
        shelf = Shelf(Path(draft), dict(_equations(found)), pages)
        for path, chapter in found:
            laid = page(path, chapter, shelf)
            if path.parent.name == "chapters":
                laid.cells[-1].source += _below(chapter, course)
            _write(shelf.folder / path.relative_to(ROOT), json.dumps(laid, ensure_ascii=False, indent=1) + "\n")
        for name in OWN:
            _write(shelf.folder / f"{name}.md", _prepared(BOOK / f"{name}.md", shelf))
        for name, text in _made(course, shelf).items():
            _write(shelf.folder / name, text)
        for name in ("conf.py", "extensions", "_static", "_templates"):
            _copy(BOOK / name, shelf.folder / name)
        for file in sorted(MODULES.glob("*.*s")):
            _copy(file, shelf.folder / "_static" / "explorer" / file.name)
        _copy(ROOT / "chapters" / "images", shelf.folder / "chapters" / "images")
        _mathjax(shelf.folder / "_static" / "mathjax")
        _bring(shelf.folder, folder)
    return sorted({name.rpartition(".")[0] for name in pages} | {f"api/{package}" for package in api.PACKAGES})


def _parent(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.parent


def _equations(found: list[tuple[Path, Chapter]]) -> Iterator[tuple[str, str]]:
    """Each equation that is numbered throughout the course, and its page."""
    for path, _ in found:
        if path.parent.name == "chapters":
            for cell in read_notebook(path).cells:
                if cell.cell_type == "markdown":
                    yield from ((number, path.relative_to(ROOT).as_posix()) for number in tags(cell.source))


def _prepared(path: Path, shelf: Shelf) -> str:
    return myst(path.read_text(encoding="utf-8"), path.name, shelf.equations, shelf.pages)


def _below(chapter: Chapter, course: Course) -> str:
    """The pages below a chapter in the table of contents: exercises, project, appendices."""
    if chapter.appendix_to is not None:
        return ""
    below = []
    if chapter.exercises is not None:
        below.append(f"Exercises to {chapter.number} </exercises/{chapter.exercises_stem}>")
    if chapter.project is not None:
        below.append(f"Project: {chapter.project.title} </exercises/{chapter.project_stem}>")
    below += [f"/chapters/{other.stem}" for other in course.ready if other.appendix_to == chapter.number]
    return "\n\n" + _toctree(below) if below else ""


def _toctree(entries: list[str], caption: str = "") -> str:
    options = [":hidden:", ":titlesonly:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *options, "", *entries, "```"])


def _made(course: Course, shelf: Shelf) -> dict[str, str]:
    """The pages that are made here, by file."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    def prepared(text: str) -> str:
        return myst(text, "README.md", shelf.equations, shelf.pages)

    desk = "\n\n".join(_section(readme, title) for title in ("Two commands", "How an exercise works"))
    engineers = re.sub(r"<!--.*?-->\n?", "", _section(readme, "For engineers")).replace("## ", "# ", 1)
    made = {
        "index.md": _index(course, prepared),
        "desk.md": prepared(f"# Your desk\n\n{(BOOK / 'desk.md').read_text(encoding='utf-8')}\n{desk}"),
        "results.md": prepared((ROOT / "RESULTS.md").read_text(encoding="utf-8")),
        "engineers.md": prepared(engineers) + api.overview(),
        "cite.md": citation((ROOT / "CITATION.cff").read_text(encoding="utf-8")),
        "solutions.md": _solutions(course),
    }
    return made | {f"api/{package}.rst": api.page(package) for package in api.PACKAGES}


def _section(readme: str, title: str) -> str:
    """A section of README, heading included."""
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", readme, re.M | re.S)
    if found is None:
        raise ValueError(f"README.md has no section {title!r}, which the web edition shows.")
    return found[0].strip()


def _index(course: Course, prepared) -> str:
    """The first page: what the course is, and its map."""
    text = (BOOK / "index.md").read_text(encoding="utf-8")
    parts, trees = [], []
    for number, part in enumerate(course.parts, start=1):
        rows = [_row(chapter) for chapter in course.chapters if chapter.part == part]
        head = ["| Chapter | Question | Reading | Exercises |", "|---|---|---|---|"]
        parts.append("\n".join([f"### Part {number}: {part}", "", *head, *rows]))
        main = [f"chapters/{c.stem}" for c in course.ready if c.part == part and c.appendix_to is None]
        if main:
            trees.append(_toctree(main, f"Part {number}: {part}"))
    trees.append(_toctree(["desk", "glossary", "notation", "solutions"], "At hand"))
    trees.append(_toctree(["results", "engineers", "cite", "Index <genindex>"], "Behind the course"))
    return prepared(text.replace("<!-- course map -->", "\n\n".join(parts))) + "\n" + "\n\n".join(trees) + "\n"


def _row(chapter: Chapter) -> str:
    if chapter.status == "planned":
        return f"| {chapter.number} {chapter.title} *(planned)* | {chapter.question} | | |"
    title = f"[{chapter.number} {chapter.title}](chapters/{chapter.stem}.ipynb)"
    title += " *(appendix)*" if chapter.appendix_to else ""
    work = []
    if chapter.exercises is not None:
        work.append(f"[{chapter.exercises.minutes} min](exercises/{chapter.exercises_stem}.ipynb)")
    if chapter.project is not None:
        work.append(f"[project, {chapter.project.minutes // 60} h](exercises/{chapter.project_stem}.ipynb)")
    return f"| {title} | {chapter.question} | {chapter.reading_minutes} min | {', '.join(work)} |"


def _solutions(course: Course) -> str:
    lines, entries = [], []
    for chapter in course.ready:
        if chapter.exercises is not None:
            lines.append(f"- [Chapter {chapter.number}, {chapter.title}](solutions/{chapter.stem}.ipynb)")
            entries.append(f"Solutions to {chapter.number} <solutions/{chapter.stem}>")
        if chapter.project is not None:
            lines.append(f"- [Project: {chapter.project.title}](projects/{chapter.project_stem}.ipynb)")
            entries.append(f"Project: {chapter.project.title} <projects/{chapter.project_stem}>")
    text = (BOOK / "solutions.md").read_text(encoding="utf-8")
    return "\n".join([text, *lines, "", _toctree(entries), ""])


def _mathjax(folder: Path) -> None:
    """MathJax from the package that carries it; nothing where it is not installed, and then formulas stay TeX."""
    spec = importlib.util.find_spec("mathjax")
    if spec is None or not spec.submodule_search_locations:
        return
    source = Path(next(iter(spec.submodule_search_locations))) / "static" / "mathjax" / "es5"
    _copy(source / "tex-chtml.js", folder / "tex-chtml.js")
    for part in ("output/chtml/fonts/woff-v2", "input/tex/extensions", "a11y", "sre", "ui"):
        _copy(source / part, folder / part)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _bring(draft: Path, folder: Path) -> None:
    """Let `folder` hold what `draft` does; a file with the same content is left alone, so that Sphinx reads it once."""
    wanted = {path.relative_to(draft) for path in draft.rglob("*") if path.is_file()}
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder) not in wanted:
            path.unlink()
    for name in wanted:
        source, target = draft / name, folder / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def laid_text(folder: Path, name: str) -> str:
    """The words of a laid page that can be translated: its Markdown, outputs included."""
    file = folder / f"{name}.ipynb"
    if not file.exists():
        return (folder / f"{name}.md").read_text(encoding="utf-8")
    words = []
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            words.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            words.append("".join(output.get("data", {}).get("text/markdown", "")))
    return "\n\n".join(filter(None, words))
