"""Grade what was handed in: repair, judge, write down. What is written is not done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from . import collect, jobs
from .course import Class, read_json, write
from .judge import Verdict
from .key import ANSWER, TEXT, Key
from .pool import judge_all
from .reading import Reading, Unreadable, read
from .repair import Answer, place

NOT_FOUND = "No cell of what you handed in defines {}."


@dataclass
class Submission:
    """What one student handed in for one set, and what is known of it so far."""

    student: str
    path: Path | None
    digest: str
    answers: list[Answer] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    unreadable: str = ""
    attempts: int = 1
    tasks: list[dict[str, Any]] = field(default_factory=list)


def grader_digest() -> str:
    """Of the code that grades."""
    parts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def prepare(key: Key, student: str, path: Path | None, digest: str, attempts: int = 1) -> Submission:
    """Read and repair; the tasks that are left for a worker."""
    one = Submission(student, path, digest, attempts=attempts)
    try:
        if path is None:
            raise Unreadable("No notebook was handed in.")
        reading = read(path)
        one.remarks += reading.remarks
        one.answers = place(key, reading)
        if not any(answer.found for answer in one.answers):
            raise Unreadable(_another(key, path, reading))
    except Unreadable as error:
        one.unreadable = str(error)
        return one
    except Exception as error:  # never the run of all for one file
        one.unreadable = (
            f"{path.name if path else 'The file'} could not be graded ({type(error).__name__}): look at it."
        )
        return one
    for answer in one.answers:
        one.remarks += [f"{answer.grade_id}: {words}" for words in answer.remarks]
    for check in key.checks:
        task = {**jobs.job(key, one.answers, check), "student": student}
        missing = _missing(key, one.answers, task)
        foul = jobs.foul(task)
        if missing:
            one.verdicts[check.grade_id] = Verdict(kind="not found", message=NOT_FOUND.format(missing))
        elif foul is not None:
            one.verdicts[check.grade_id] = foul
        else:
            one.tasks.append(task)
    return one


def _another(key: Key, path: Path, reading: Reading) -> str:
    ids = sorted({cell.grade_id for cell in reading.cells if cell.grade_id})
    whose = f" (its cells are called {', '.join(ids[:4])})" if ids else ""
    return f"{path.name} has no answer to {key.notebook}{whose}: is it another notebook?"


def _missing(key: Key, answers: list[Answer], task: dict[str, Any]) -> str:
    """The names that a check asks for and nobody has made."""
    labels = {cell["label"] for cell in task["cells"] if cell["own"]}
    names = [
        f"`{name}`"
        for cell, answer in zip(key.answers, answers, strict=True)
        if not answer.found and f"answer {cell.grade_id}" in labels
        for name in sorted(cell.names)
    ]
    return ", ".join(names)


def grade(
    group: Class,
    name: str,
    students: list[str] | None = None,
    again: bool = False,
    workers: int = 2,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Grade a set for everyone who has handed in something, or for some; the records, also of those graded before.

    An interrupt loses what is being judged at that moment: everybody who was finished is written down.

    Args:
        group: the class.
        name: of the set.
        students: all without.
        again: also what has been graded already and has not changed.
        workers: answers judged at once.
        say: is told what happens.
    """
    key = Key.read(group.key(name))
    everyone = group.students(name) if students is None else students
    mark = hashlib.sha256((key.text() + grader_digest()).encode()).hexdigest()[:12]
    waiting: dict[str, Submission] = {}
    for student in everyone:
        path, digest, attempts = collect.latest(group, student, name)
        place_of = group.autograded(student, name) / "grade.json"
        if not again and place_of.exists() and read_json(place_of).get("digest") == f"{mark}-{digest}":
            continue
        one = prepare(key, student, path, f"{mark}-{digest}", attempts)
        if one.tasks:
            waiting[student] = one
        else:
            finish(group, key, one)
    tasks = [task for one in waiting.values() for task in one.tasks]
    say(f"{name}: {len(everyone)} submissions, {len(tasks)} answers to judge.")
    began = time.monotonic()

    def done(task: dict[str, Any], verdict: Verdict) -> None:
        one = waiting[task["student"]]
        verdict.remarks += jobs.odd_words(task)
        one.verdicts[task["id"]] = verdict
        if len(one.verdicts) == len(key.checks):
            finish(group, key, one)
            say(f"  {one.student}: {points(key, one):g} of {key.points:g}")

    if tasks:
        walls = judge_all(tasks, [key.module], key.variant, done, workers)
        say(f"Judged in {time.monotonic() - began:.0f} seconds. {walls}")
    return records(group, name)


def records(group: Class, name: str) -> list[dict[str, Any]]:
    """What is written down of a set, by student."""
    found = [group.autograded(student, name) / "grade.json" for student in group.students(name)]
    return [read_json(path) for path in found if path.exists()]


def points(key: Key, one: Submission) -> float:
    return sum(cell.points for cell in key.checks if one.verdicts.get(cell.grade_id, Verdict()).passed)


def record(key: Key, one: Submission) -> dict[str, Any]:
    """Everything about one graded submission, as it is written down."""
    exercises = []
    for cell in key.checks:
        verdict = one.verdicts.get(cell.grade_id, Verdict(kind="not found", message=one.unreadable))
        exercises.append(
            {
                "grade_id": cell.grade_id,
                "exercise": cell.exercise,
                "title": key.titles.get(str(cell.exercise), ""),
                "points": cell.points if verdict.passed else 0.0,
                "of": cell.points,
                **asdict(verdict),
            }
        )
    return {
        "student": one.student,
        "set": key.name,
        "file": one.path.name if one.path else "",
        "attempts": one.attempts,
        "points": points(key, one),
        "of": key.points,
        "unreadable": one.unreadable,
        "remarks": one.remarks,
        "exercises": exercises,
        "answers": {
            answer.grade_id: "\n\n".join(filter(None, [answer.helpers, answer.code])) for answer in one.answers
        },
        "digest": one.digest,
    }


def finish(group: Class, key: Key, one: Submission) -> None:
    """Write down a submission that is judged: the repaired notebook first, then the record that says it is done."""
    folder = group.autograded(one.student, key.name)
    if one.answers:
        write(folder / f"{key.notebook}.ipynb", nbformat.writes(repaired(key, one)) + "\n")
    write(folder / "grade.json", json.dumps(record(key, one), ensure_ascii=False, indent=1) + "\n")


def repaired(key: Key, one: Submission) -> nbformat.NotebookNode:
    """The released notebook with the answers in their places, and under each check what it said."""
    answers = {answer.grade_id: answer for answer in one.answers}
    notebook = new_notebook()
    for number, cell in enumerate(key.cells):
        if cell.role == TEXT:
            made = new_markdown_cell(cell.source)
        else:
            found = answers.get(cell.grade_id) if cell.role == ANSWER else None
            code = cell.source if found is None else "\n\n".join(filter(None, [found.helpers, found.code]))
            made = new_code_cell(code)
            verdict = one.verdicts.get(cell.grade_id)
            if verdict is not None:
                said = verdict.message or f"Passed: {cell.points:g} points."
                made.outputs = [new_output("stream", name="stdout", text=said + "\n")]
        if cell.grade_id:
            made.metadata["nbgrader"] = {
                "grade": bool(cell.points), "grade_id": cell.grade_id, "locked": bool(cell.points),
                "schema_version": 3, "solution": cell.role == ANSWER, "task": False,
                **({"points": cell.points} if cell.points else {}),
            }  # fmt: skip
        made.id = f"cell-{number}"
        notebook.cells.append(made)
    return notebook
