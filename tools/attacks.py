"""python -m tools.attacks        tries every answer of tests/attacks on the checks that changed since the last time
python -m tools.attacks NAME   tries those on the checks whose names contain NAME

tests/attacks/tried.json keeps, by check, the digest of what was tried: the code of the check and the chapter's answers.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import metarl_core.check
from metarl_core.check import Check
from metarl_core.results.code_digest import code_digest
from tools.course import ROOT
from tools.mutation.kept import NOT_THE_CHECKS

FOLDER = ROOT / "tests" / "attacks"
TRIED = FOLDER / "tried.json"
CHAPTERS = sorted(m.name for m in pkgutil.iter_modules(metarl_core.check.__path__) if re.fullmatch(r"ch\d\d", m.name))


def checks() -> dict[str, Check]:
    """Every check by its name, as in `ch02.split_tasks`."""
    modules = {chapter: importlib.import_module(f"metarl_core.check.{chapter}") for chapter in CHAPTERS}
    return {
        f"{chapter}.{value.name}": value
        for chapter, module in modules.items()
        for value in vars(module).values()
        if isinstance(value, Check)
    }


def digests() -> dict[str, str]:
    """By check: of its code, with the frame, and of the answers that are tried on it."""
    answers = {chapter: "\0".join(_text(path) for path in _files(chapter)) for chapter in CHAPTERS}
    found = {}
    for name in checks():
        code = code_digest(f"import metarl_core.check.{name}", NOT_THE_CHECKS)
        found[name] = hashlib.sha256(f"{code}\0{answers[name.partition('.')[0]]}".encode()).hexdigest()[:16]
    return found


def _files(chapter: str) -> list[Path]:
    """The modules of answers to a chapter's checks; those without a chapter in their name hold answers to any."""
    return [p for p in sorted(FOLDER.glob("*.py")) if p.stem.startswith(chapter) or not p.stem.startswith("ch")]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def tried() -> dict[str, str]:
    return json.loads(_text(TRIED)) if TRIED.exists() else {}


def stale() -> list[str]:
    """The checks on which not every answer has been tried since something changed."""
    last = tried()
    return [name for name, digest in digests().items() if last.get(name) != digest]


def main(words: list[str]) -> int:
    now = digests()
    names = [name for name in now if any(word in name for word in words)] if words else stale()
    for chapter in CHAPTERS:
        mine = [name for name in names if name.startswith(chapter)]
        if mine and _try(mine):
            both = tried() | {name: now[name] for name in mine}
            kept = {name: both[name] for name in now if name in both}
            TRIED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return int(bool(set(stale()) & set(names)))


def _try(names: list[str]) -> bool:
    """Every answer to these checks of one chapter, and whether all got what is due to them."""
    short = [name.partition(".")[2] for name in names]
    print(f"{names[0].partition('.')[0]}: {', '.join(short)}", flush=True)
    test, workers = str(FOLDER.parent / "test_attacks.py"), os.environ.get("WORKERS", "2")
    command = [sys.executable, "-m", "pytest", test, "-q", "-n", workers, "-k", " or ".join(f".{s}-" for s in short)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "METARL_ATTACKS": "all"}).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
