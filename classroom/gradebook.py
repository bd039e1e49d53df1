"""The grades in nbgrader's own book, so that its formgrader, `nbgrader export` and its converters work on them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from .course import Class
from .key import ANSWER, CHECK, Key


def enter(group: Class, key: Key, records: list[dict[str, Any]]) -> None:
    """Write a set, and who got which points in it."""
    group.folder.mkdir(parents=True, exist_ok=True)
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(folders)  # a new book is made by alembic, a program beside Python
    with Gradebook(f"sqlite:///{group.gradebook.resolve()}") as book:
        book.update_or_create_assignment(key.name)
        book.update_or_create_notebook(key.notebook, key.name)
        for cell in key.cells:
            if cell.role == CHECK:
                book.update_or_create_grade_cell(
                    cell.grade_id, key.notebook, key.name, max_score=cell.points, cell_type="code"
                )
                locked, solution = True, False
            elif cell.role == ANSWER:
                book.update_or_create_solution_cell(cell.grade_id, key.notebook, key.name)
                locked, solution = False, True
            else:
                continue
            book.update_or_create_source_cell(
                cell.grade_id, key.notebook, key.name, cell_type="code", source=cell.source, locked=locked
            )
            assert locked != solution
        for record in records:
            book.update_or_create_student(record["student"])
            book.update_or_create_submission(key.name, record["student"])
            for exercise in record["exercises"]:
                grade = book.find_grade(exercise["grade_id"], key.notebook, key.name, record["student"])
                grade.auto_score = exercise["points"]
                grade.needs_manual_grade = exercise["kind"] in ("tampered", "crash")
            for comment in book.find_submission_notebook(key.notebook, key.name, record["student"]).comments:
                comment.auto_comment = _comment(record, comment.name)
        book.db.commit()


def _comment(record: dict[str, Any], grade_id: str) -> str:
    """What the checks of an answer say, as far as they are called after it."""
    said = [e["message"] for e in record["exercises"] if grade_id in e["grade_id"] and e["message"]]
    return "\n".join(said)[:4000]
