"""Which mutants of a chapter's solutions its checks reject, and what is said of the others."""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import unittest.mock
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from metarl_core.check import Check, CheckFailed, NotDone
from tools.exercises import blocks, check_calls, is_setup, is_solution
from tools.mutation.mutants import Mutant, mutants
from tools.pairs import read_source

LEAST = 0.97
"""of the mutants that behave differently, that each check must reject"""
BEYOND = range(1000, 1100)
"""further cases: a mutant that only these reject is one that the check misses"""


@dataclass
class Score:
    """Of one check."""

    mutants: int = 0
    rejected: int = 0
    survivors: dict[str, str] = field(default_factory=dict)
    """by name: "missed" where further cases tell it apart, else "alike" """

    def share(self, reasons: Mapping[str, str]) -> float:
        """Rejected, among those that are not listed as equivalent with a reason."""
        counted = self.mutants - len(set(self.survivors) & set(reasons))
        return self.rejected / counted if counted else 1.0

    @property
    def content(self) -> dict[str, Any]:
        return {"mutants": self.mutants, "rejected": self.rejected, "survivors": dict(sorted(self.survivors.items()))}


@dataclass(frozen=True)
class Judged:
    """A check, and the cell and the name of the answer that it is given."""

    check: Check
    code: str
    answer: str
    namespace: dict[str, Any]


def judged(py: Path) -> dict[str, Judged]:
    """The checks of a solutions file by name."""
    notebook, label = read_source(py), f"solutions/{py.name}"
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for position, code in executed(notebook):
        _execute(code, f"{label}, cell {position + 1}", namespace)
    checks = namespace[f"ch{py.stem[:2]}"]
    return {name: Judged(getattr(checks, name), *cell, namespace) for name, cell in judged_cells(notebook).items()}


def executed(notebook: NotebookNode) -> list[tuple[int, str]]:
    """The cells that answers rest on, by position."""
    return [(n, cell.source) for n, cell in enumerate(notebook.cells) if is_setup(cell) or is_solution(cell)]


def judged_cells(notebook: NotebookNode) -> dict[str, tuple[str, str]]:
    """By the name of a check: the code of the cell that makes its answer, and the expression that it is given."""
    found = {}
    for exercise in blocks(notebook):
        for position, cell in exercise.checks:
            for name, answer in check_calls(cell.source):
                stubs = [c.source for p, c in exercise.stubs if p < position and _defines(c.source, answer)]
                found[name] = stubs[-1], answer
    return found


def score(one: Judged, only: int | None = None) -> Score:
    """Every mutant of one check, or `only` so many of them, spread evenly."""
    every = list(_all_mutants(one))
    if only is not None:
        every = every[:: max(1, len(every) // only)][:only]
    result = Score()
    for name, answer in every:
        with unittest.mock.patch.dict(os.environ, METARL_CHECK_SECONDS="2"):  # some of them never end
            verdict = _verdict(one.check, answer)
        result.mutants += 1
        if verdict == "rejected":
            result.rejected += 1
        else:
            result.survivors[name] = verdict
    return result


def _all_mutants(one: Judged) -> Iterator[tuple[str, Any]]:
    right = eval(one.answer, one.namespace)
    if one.check.kind == "value":
        yield from other_values(right)
    elif one.check.kind == "design":
        yield from other_plans(right, one.check.subject)
    else:
        for mutant in mutants(one.code, one.answer):
            if ".detach()" in mutant.name.split(" -> ")[-1] and not one.check.subject.graph:
                continue  # nothing carries a graph: the same function
            with contextlib.suppress(Exception):  # a cell that cannot be run is no answer
                yield mutant.name, _answer(one, mutant)


def other_values(right: Any) -> Iterator[tuple[str, Any]]:
    """A number, or the first of several, changed in the usual ways."""
    parts = list(right) if isinstance(right, (tuple, list)) else None
    number = float(parts[0] if parts else right)
    changes = {"times 1.01": 1.01, "times -1": -1.0, "times 2": 2.0, "halved": 0.5, "squared": number, "plus 1": 0.0}
    for name, factor in changes.items():
        other = number + 1.0 if name == "plus 1" else number * factor
        if abs(other - number) > 1e-9:
            yield name, type(right)([other, *parts[1:]]) if parts else other
    if number and abs(1 / number - number) > 1e-9:
        yield "inverted", type(right)([1 / number, *parts[1:]]) if parts else 1 / number  # type: ignore[index]


def other_plans(right: Mapping, fields: Mapping[str, type | tuple]) -> Iterator[tuple[str, dict]]:
    """The plan with one field changed to each other choice; numbers to very small and negative ones."""
    for key, allowed in fields.items():
        if isinstance(allowed, tuple):
            others: list[Any] = [option for option in allowed if option != right[key]]
        elif allowed is bool:
            others = [not right[key]]
        else:
            others = [other for other in (0, 1, -1) if other != right[key]]
        for other in others:
            yield f"{key}: {right[key]!r} -> {other!r}", {**right, key: other}


def _answer(one: Judged, mutant: Mutant) -> Any:
    namespace = dict(one.namespace)
    _execute(mutant.code, "mutant", namespace)
    return eval(one.answer, namespace)


def _verdict(check: Check, answer: Any) -> str:
    with contextlib.redirect_stdout(io.StringIO()):
        if check.kind != "function":
            try:
                check(answer)
            except (CheckFailed, NotDone):
                return "rejected"
            return "alike"
        try:
            if not check.subject.accepts(answer):
                return "rejected"
            return "alike" if check.subject.accepts(answer, BEYOND) else "missed"
        except NotDone:
            return "rejected"


def _execute(code: str, label: str, namespace: dict[str, Any]) -> None:
    linecache.cache[label] = (len(code), None, code.splitlines(keepends=True), label)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, label, "exec"), namespace)


def _defines(code: str, name: str) -> bool:
    return any(
        line.startswith((f"def {name}(", f"class {name}", f"{name} =", f"{name},")) for line in code.splitlines()
    )
