"""Where to go from here: the last line of a chapter, and that of its exercises."""

from __future__ import annotations

import re

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools.course import Chapter, Course, read

FOOTER = re.compile(r"\s*^(Back to|\[Exercises\]|previous:|next:)[^\n]*\]\([^\n]*\.ipynb\)\s*\Z", re.M | re.I)


def end_with(notebook: NotebookNode, footer: str) -> None:
    """Let the notebook's last line be `footer`, in place of an earlier one."""
    if not notebook.cells or notebook.cells[-1].cell_type != "markdown":
        notebook.cells.append(new_markdown_cell(footer))
    else:
        text = FOOTER.sub("", notebook.cells[-1].source)
        notebook.cells[-1].source = f"{text}\n\n{footer}".strip()


def chapter_footer(chapter: Chapter, course: Course | None = None) -> str:
    """Exercises, previous, next, appendices, as far as they are there; from an appendix also back to its chapter."""
    course = read() if course is None else course
    main = _main(course)
    home = course[chapter.appendix_to] if chapter.appendix_to else chapter
    appendices = [c for c in course.ready if c.appendix_to == home.number]
    place = main.index(home)
    before, after = main[:place], main[place + 1 :]
    if chapter.appendix_to:
        place = appendices.index(chapter)
        before, after = appendices[:place], appendices[place + 1 :] + after
    found = [f"Back to {_link(home)}"] if chapter.appendix_to else []
    if home.exercises is not None:
        found.append(f"[Exercises](../exercises/{home.exercises_stem}.ipynb)")
    found += [f"previous: {_link(c)}" for c in before[-1:]] + [f"next: {_link(c)}" for c in after[:1]]
    if appendices and not chapter.appendix_to:
        found.append(f"appendi{'x' if len(appendices) == 1 else 'ces'}: " + ", ".join(map(_link, appendices)))
    return " · ".join(found)


def exercises_footer(chapter: Chapter, course: Course | None = None) -> str:
    """Back to the chapter, and the next one."""
    course = read() if course is None else course
    later = [c for c in _main(course) if c.number > chapter.number]
    there = "../chapters/"
    return " · ".join([f"Back to {_link(chapter, there)}", *(f"next: {_link(c, there)}" for c in later[:1])])


def _main(course: Course) -> list[Chapter]:
    return [chapter for chapter in course.ready if chapter.appendix_to is None]


def _link(chapter: Chapter, folder: str = "") -> str:
    return f"[{chapter.number} {chapter.title}]({folder}{chapter.stem}.ipynb)"
