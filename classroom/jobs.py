"""What has to be run to judge one check: the cells it needs, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import scan
from .judge import NOT_COUNTED, Verdict
from .key import ANSWER, CHECK, SETUP, Key, KeyCell
from .names import names_changed, names_made, names_needed
from .repair import Answer

BASE_SECONDS, TIMES = 30.0, 6.0
"""An exercise may take so many seconds of the processor, and so many times what its heading says."""


@dataclass(frozen=True)
class Piece:
    """A cell of the release with the student's answer in its place."""

    role: str
    code: str
    label: str
    exercise: int
    made: frozenset[str]
    touched: frozenset[str]
    needed: frozenset[str]


def pieces(key: Key, answers: list[Answer]) -> list[Piece]:
    """The code of the released notebook, answered."""
    by_id, found = {answer.grade_id: answer for answer in answers}, []
    for number, cell in enumerate(key.cells, 1):
        if cell.role == ANSWER:
            answer = by_id[cell.grade_id]
            if answer.helpers:
                found.append(_piece("helper", answer.helpers, f"other cells for {cell.grade_id}", cell))
            found.append(_piece(ANSWER, answer.code, f"answer {cell.grade_id}", cell, cell.names))
        elif cell.role in (SETUP, CHECK):
            found.append(_piece(cell.role, cell.source, f"cell {number} of the released notebook", cell))
    return found


def _piece(role: str, code: str, label: str, cell: KeyCell, asked: Iterable[str] = ()) -> Piece:
    made = names_made(code) | set(asked)  # also where the answer does not make them
    return Piece(
        role,
        code,
        label,
        cell.exercise,
        frozenset(made),
        frozenset(made | names_changed(code)),
        frozenset(names_needed(code)),
    )


def job(key: Key, answers: list[Answer], check: KeyCell) -> dict[str, Any]:
    """What a worker is told to judge a check."""
    every = pieces(key, answers)
    at = next(i for i, piece in enumerate(every) if piece.role == CHECK and piece.code == check.source)
    asked = set(every[at].needed)
    wanted, chosen = asked | names_needed(check.hidden), []
    for number in range(at - 1, -1, -1):
        piece = every[number]
        first = piece.role == SETUP and not any(p.role == SETUP for p in every[:number])
        if piece.role != CHECK and (first or piece.touched & wanted):
            chosen.append(piece)
            wanted |= piece.needed
    own = {piece.label for piece in chosen if piece.role == ANSWER and piece.made & asked}
    exercises = {piece.exercise for piece in chosen if piece.label in own}
    cells = [
        {
            "role": piece.role,
            "code": piece.code,
            "label": piece.label,
            "own": piece.label in own or (piece.role == "helper" and piece.exercise in exercises),
        }
        for piece in reversed(chosen)
    ]
    cells.append({"role": CHECK, "code": check.source, "label": "the check", "own": True})
    if check.hidden:
        cells.append({"role": "hidden", "code": check.hidden, "label": "further tests", "own": True})
    seconds = BASE_SECONDS + TIMES * key.seconds.get(str(check.exercise), 0.0)
    return {
        "id": check.grade_id,
        "chapters": [key.module],
        "variant": key.variant,
        "cells": cells,
        "limits": {"seconds": seconds},
    }


def foul(task: dict[str, Any]) -> Verdict | None:
    """The verdict on an answer that touches its check in plain words: it is not run."""
    for cell in task["cells"]:
        if cell["role"] in (ANSWER, "helper"):
            words = scan.refused(cell["code"])
            if words and cell["own"]:
                return Verdict(kind="tampered", message=f"{NOT_COUNTED}{words}.", remarks=[words])
    return None


def odd_words(task: dict[str, Any]) -> list[str]:
    """Remarks on what the judged cells say."""
    return [
        words
        for cell in task["cells"]
        if cell["own"] and cell["role"] in (ANSWER, "helper")
        for words in scan.remarks(cell["code"])
    ]
