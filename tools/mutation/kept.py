"""The scores that were measured last, and whether they are of today's checks."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metarl_core.results.code_digest import code_digest, modules_below
from tools.course import ROOT
from tools.mutation.score import Score, executed, judged_cells
from tools.pairs import read_source

FOLDER = ROOT / "tests" / "mutation"
SOLUTIONS = {f"ch{py.stem[:2]}": py for py in sorted((ROOT / "solutions").glob("*.py"))}
NOT_THE_CHECKS = [
    f"metarl_core.{path.stem}" for path in (ROOT / "metarl_core").iterdir() if path.stem not in ("check", "__init__")
]


def digests(chapter: str) -> dict[str, str]:
    """By check: of what its score depends on, which are the answers, its own code with the frame, and the operators."""
    notebook = read_source(SOLUTIONS[chapter])
    answers = [code for _, code in executed(notebook)]
    operators = [(Path(__file__).parent / f"{name}.py").read_text() for name in ("mutants", "operators", "score")]
    found = {}
    for name, cell in judged_cells(notebook).items():
        parts = [*answers, *cell, *operators, code_digest(_importing(chapter, name), NOT_THE_CHECKS)]
        found[name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return found


def code_of(chapter: str, name: str) -> list[str]:
    """The modules that the code of a check lies in: its own, and those of the frame that it uses."""
    return modules_below(_importing(chapter, name), NOT_THE_CHECKS)


def _importing(chapter: str, name: str) -> str:
    return f"import metarl_core.check.{chapter}.{name.removeprefix('check_')}"


def stale(chapter: str) -> list[str]:
    """The checks of a chapter whose scores have not been measured since something changed."""
    scores = kept(chapter)
    return [name for name, digest in digests(chapter).items() if scores.get(name, {}).get("digest") != digest]


def kept(chapter: str) -> dict[str, Any]:
    """By check: its score and the digest that it is of, from tests/mutation/chNN.json."""
    path = FOLDER / f"{chapter}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(chapter: str, scores: Mapping[str, Score], of: Mapping[str, str]) -> None:
    """Write these scores beside the other ones of the chapter; `of` are the digests from before they were measured."""
    FOLDER.mkdir(exist_ok=True)
    both = kept(chapter) | {name: {"digest": of[name], **one.content} for name, one in scores.items()}
    content = {name: both[name] for name in of if name in both}
    (FOLDER / f"{chapter}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def reasons(chapter: str) -> dict[str, dict[str, str]]:
    """By check and mutant: why a survivor is equivalent, from tests/mutation/chNN.toml."""
    path = FOLDER / f"{chapter}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
