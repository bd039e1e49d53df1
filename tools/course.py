"""Read course.toml, the one table of chapters, and check it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATUSES = ("ready", "planned")


@dataclass(frozen=True)
class Exercises:
    """``minutes`` of a learner's work; ``seconds`` and ``megabytes`` that the solved notebook may use on one thread."""

    minutes: int
    seconds: int
    megabytes: int


@dataclass(frozen=True)
class Project:
    """A project that closes a part: `minutes` of a learner's work; budgets of the worked one, as of exercises."""

    name: str
    title: str
    minutes: int
    seconds: int
    megabytes: int


@dataclass(frozen=True)
class Chapter:
    """One chapter; the budgets of the executed notebook, on one thread, are None only while it is planned."""

    number: str
    name: str
    part: str
    title: str
    question: str
    objectives: tuple[str, ...]
    prerequisites: tuple[str, ...]
    status: str
    reading_minutes: int | None = None
    seconds: int | None = None
    megabytes: int | None = None
    exercises: Exercises | None = None
    project: Project | None = None

    @property
    def stem(self) -> str:
        """File name without ending, the same in chapters/ and solutions/."""
        return f"{self.number}_{self.name}"

    @property
    def exercises_stem(self) -> str:
        """File name of the exercises without ending: a tab in JupyterLab must say which of the two it is."""
        return f"{self.stem}_exercises"

    @property
    def project_stem(self) -> str:
        """File name without ending in projects/; in exercises/ the same."""
        if self.project is None:
            raise ValueError(f"chapter {self.number} has no project")
        return f"{self.number}p_{self.project.name}"

    @property
    def appendix_to(self) -> str | None:
        """The number of the chapter that this is an appendix to: 03 for 03a."""
        return self.number[:2] if self.number[2:] else None


@dataclass(frozen=True)
class Course:
    title: str
    tagline: str
    parts: tuple[str, ...]
    chapters: tuple[Chapter, ...]

    def __getitem__(self, number: str) -> Chapter:
        for chapter in self.chapters:
            if chapter.number == number:
                return chapter
        raise ValueError(f"there is no chapter {number!r}; the last one is {self.chapters[-1].number}")

    @property
    def ready(self) -> tuple[Chapter, ...]:
        return tuple(chapter for chapter in self.chapters if chapter.status == "ready")


def read(path: Path = ROOT / "course.toml") -> Course:
    """The checked course table; raises ValueError that names the chapter and what is wrong with it."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Course:
    table = tomllib.loads(text)  # TOMLDecodeError is a ValueError, too
    _check_keys("course.toml", table, {"title": str, "tagline": str, "part": list, "chapter": list}, {})
    for part in table["part"]:
        _check_keys("a [[part]]", part, {"name": str}, {})
    parts = tuple(part["name"] for part in table["part"])
    chapters: list[Chapter] = []
    for entry in table["chapter"]:
        chapters.append(_chapter(entry, parts, chapters))
    order = [parts.index(chapter.part) for chapter in chapters]
    if order != sorted(order):
        raise ValueError("the chapters of one part must stand together, in the order of the parts")
    return Course(table["title"], table["tagline"], parts, tuple(chapters))


def header(chapter: Chapter, course: Course | None = None) -> str:
    """The markdown of a chapter's first cell. Budgets that a planned chapter lacks are left out."""
    course = read() if course is None else course
    lines = [f"# {chapter.number} {chapter.title}", "", f"**{chapter.question}**", ""]
    if chapter.appendix_to is not None:
        lines += [f"*An appendix to chapter {chapter.appendix_to}. No later chapter needs it.*", ""]
    lines += ["You will be able to", ""]
    lines += [f"- {objective}" for objective in chapter.objectives]
    lines += ["", "Before you start: " + "; ".join(_prerequisite(item, course) for item in chapter.prerequisites) + "."]
    effort = []
    if chapter.reading_minutes is not None:
        effort.append(f"Reading: about {chapter.reading_minutes} minutes.")
    if chapter.seconds is not None:
        budget = f"{chapter.seconds} seconds and {chapter.megabytes} MB"
        effort.append(f"Running: at most {budget} on the machine that README names; `make doctor` compares yours.")
    if chapter.exercises is not None:
        effort.append(
            f"[Exercises](../exercises/{chapter.exercises_stem}.ipynb): about {chapter.exercises.minutes} minutes."
        )
    if chapter.project is not None:
        link = f"[{chapter.project.title}](../exercises/{chapter.project_stem}.ipynb)"
        effort.append(f"Project: {link}, about {chapter.project.minutes // 60} hours.")
    if effort:
        lines += ["", " ".join(effort)]
    return "\n".join(lines)


def _prerequisite(item: str, course: Course) -> str:
    if not item.isdigit():
        return item
    chapter = course[item]
    link = f"[{chapter.title}]({chapter.stem}.ipynb)" if chapter.status == "ready" else chapter.title
    return f"chapter {item}, {link}"


def _chapter(entry: dict, parts: tuple[str, ...], earlier: list[Chapter]) -> Chapter:
    where = f"chapter {entry.get('number', '?')}"
    budgets = {"reading_minutes": int, "seconds": int, "megabytes": int}
    words = dict.fromkeys(("number", "name", "part", "title", "question", "status"), str)
    ready = entry.get("status") == "ready"
    required = {**words, "objectives": list, "prerequisites": list, **(budgets if ready else {})}
    _check_keys(where, entry, required, {**budgets, "exercises": dict, "project": dict})
    expected = _next_numbers(earlier)
    if entry["number"] not in expected:
        raise ValueError(
            f"{where} stands where {' or '.join(expected)} is expected: numbers run from 00 without a gap, and the "
            "appendices of a chapter, as 03a, stand behind it"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]*", entry["name"]):
        raise ValueError(f"{where}: name is {entry['name']!r}, allowed are small letters, digits and underscores")
    if entry["part"] not in parts:
        raise ValueError(f"{where}: part is {entry['part']!r}, allowed are {', '.join(parts)}")
    if entry["status"] not in STATUSES:
        raise ValueError(f"{where}: status is {entry['status']!r}, allowed are {', '.join(STATUSES)}")
    if not entry["question"].endswith("?"):
        raise ValueError(f"{where}: the question does not end in a question mark: {entry['question']!r}")
    for key in ("objectives", "prerequisites"):
        if not entry[key] or not all(isinstance(item, str) and item for item in entry[key]):
            raise ValueError(f"{where}: {key} must be a list of one or more sentences")
    known = {chapter.number for chapter in earlier}
    for item in entry["prerequisites"]:
        if item.isdigit() and item not in known:
            raise ValueError(f"{where}: prerequisite {item} is not an earlier chapter")
    if entry["name"] in {chapter.name for chapter in earlier}:
        raise ValueError(f"{where}: the name {entry['name']!r} is taken")
    exercises = None
    if "exercises" in entry:
        fields = {"minutes": int, "seconds": int, "megabytes": int}
        _check_keys(f"{where}, exercises", entry["exercises"], fields, {})
        exercises = Exercises(**entry["exercises"])
    project = None
    if "project" in entry:
        fields = {"name": str, "title": str, "minutes": int, "seconds": int, "megabytes": int}
        _check_keys(f"{where}, project", entry["project"], fields, {})
        project = Project(**entry["project"])
    values = {**entry, "exercises": exercises, "project": project}
    values["objectives"], values["prerequisites"] = tuple(entry["objectives"]), tuple(entry["prerequisites"])
    return Chapter(**values)


def _next_numbers(earlier: list[Chapter]) -> list[str]:
    """What may come next: the next chapter, or the next appendix of the last one."""
    if not earlier:
        return ["00"]
    last = earlier[-1].number
    return [f"{int(last[:2]) + 1:02d}", last[:2] + (chr(ord(last[2]) + 1) if last[2:] else "a")]


def _check_keys(where: str, entry: dict, required: dict[str, type], optional: dict[str, type]) -> None:
    missing = [key for key in required if key not in entry]
    unknown = [key for key in entry if key not in required and key not in optional]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{where} has unknown {', '.join(unknown)}; allowed are {', '.join({**required, **optional})}")
    for key, value in entry.items():
        expected = {**required, **optional}[key]
        if type(value) is not expected:  # `is`, since True is an int
            raise ValueError(f"{where}: {key} is {value!r}, expected {expected.__name__}")
        if expected is int and value <= 0:
            raise ValueError(f"{where}: {key} is {value}, must be positive")
        if expected is str and not value.strip():
            raise ValueError(f"{where}: {key} is empty")
