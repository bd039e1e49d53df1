"""The grades of a set as a table, and of all sets."""

from __future__ import annotations

import csv
import io
from typing import Any

from .course import Class, write
from .grading import records
from .key import Key


def table(group: Class, name: str) -> str:
    """CSV of one set: a row for each student, a column for each check."""
    key = Key.read(group.key(name))
    head = [
        "student",
        *(cell.grade_id.removeprefix("check_") for cell in key.checks),
        "total",
        "of",
        "attempts",
        "remarks",
    ]
    rows = [_row(record) for record in records(group, name)]
    return _csv([head, *rows])


def _row(record: dict[str, Any]) -> list[Any]:
    remarks = [record["unreadable"], *record["remarks"]]
    remarks += [
        f"{e['grade_id'].removeprefix('check_')}: {words}" for e in record["exercises"] for words in e["remarks"]
    ]
    points = [f"{e['points']:g}" for e in record["exercises"]]
    total = f"{record['points']:g}"
    return [
        record["student"],
        *points,
        total,
        f"{record['of']:g}",
        record["attempts"],
        "; ".join(filter(None, remarks)),
    ]


def every_set(group: Class) -> str:
    """CSV of all sets: a row for each student, a column for each set; empty where nothing was handed in."""
    names = group.released()
    found = {name: {record["student"]: record for record in records(group, name)} for name in names}
    students = sorted({student for one in found.values() for student in one})
    rows: list[list[Any]] = [["student", *names, "total"]]
    for student in students:
        points = [found[name][student]["points"] if student in found[name] else "" for name in names]
        rows.append([student, *(f"{p:g}" if p != "" else "" for p in points), f"{sum(p for p in points if p != ''):g}"])
    return _csv(rows)


def misses(group: Class, name: str) -> list[str]:
    """For the next lesson: of each check, how many passed, and the misconceptions that were met most often."""
    key, found = Key.read(group.key(name)), records(group, name)
    lines = []
    for cell in key.checks:
        verdicts = [e for record in found for e in record["exercises"] if e["grade_id"] == cell.grade_id]
        passed = sum(e["kind"] == "passed" for e in verdicts)
        met: dict[str, int] = {}
        for e in verdicts:
            if e["kind"] != "passed":
                label = e["misconception"] or e["kind"]
                met[label] = met.get(label, 0) + 1
        often = ", ".join(f"{label} ({count})" for label, count in sorted(met.items(), key=lambda i: (-i[1], i[0]))[:3])
        lines.append(
            f"{cell.grade_id.removeprefix('check_')}: {passed} of {len(verdicts)} passed"
            + (f"; {often}" if often else "")
        )
    return lines


def _csv(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[_harmless(value) for value in row] for row in rows])
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets a mark before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t" and value else value


def report(group: Class, names: list[str]) -> list[str]:
    """Write the tables; where they lie."""
    said = []
    for name in names:
        write(group.grades / f"{name}.csv", table(group, name))
        said += [f"{group.grades / f'{name}.csv'}", *(f"  {line}" for line in misses(group, name))]
    write(group.grades / "all.csv", every_set(group))
    return [*said, str(group.grades / "all.csv")]
