"""Write README's course map from course.toml: ``python -m tools.course_map``."""

from __future__ import annotations

from tools.course import ROOT, Chapter, Course, read

START, END = "<!-- course map -->", "<!-- /course map -->"


def course_map(course: Course) -> str:
    """One table a part, as markdown; a planned chapter has no link and no numbers."""
    blocks = []
    for number, part in enumerate(course.parts, start=1):
        rows = [_row(chapter) for chapter in course.chapters if chapter.part == part]
        head = ["| Chapter | Question | Reading | Run time | Exercises |", "|---|---|---|---|---|"]
        blocks.append("\n".join([f"**Part {number}: {part}**", "", *head, *rows]))
    return "\n\n".join(blocks)


def rewrite(readme: str, course: Course) -> str:
    """``readme`` with the text between the two marks replaced; ValueError unless each mark stands there once."""
    if readme.count(START) != 1 or readme.count(END) != 1 or readme.index(START) > readme.index(END):
        raise ValueError(f"README.md needs one line {START} and after it one line {END}")
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n\n{course_map(course)}\n\n{END}{after}"


def _row(chapter: Chapter) -> str:
    if chapter.status == "planned":
        return f"| {chapter.number} {chapter.title} (planned) | {chapter.question} | | | |"
    link = f"[{chapter.number} {chapter.title}](chapters/{chapter.stem}.ipynb)"
    link += " (appendix)" if chapter.appendix_to else ""
    exercises = ""
    if chapter.exercises is not None:
        exercises = f"[{chapter.exercises.minutes} min](exercises/{chapter.exercises_stem}.ipynb)"
    if chapter.project is not None:
        hours = chapter.project.minutes // 60
        exercises += f" · [project](exercises/{chapter.project_stem}.ipynb), {hours} h"
    return f"| {link} | {chapter.question} | {chapter.reading_minutes} min | under {chapter.seconds} s | {exercises} |"


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(rewrite(path.read_text(encoding="utf-8"), read()), encoding="utf-8", newline="\n")
