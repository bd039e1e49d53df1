"""Bring what a learning platform gives into the class's folder: who handed in what, and how often.

A folder, or a zip, as it was downloaded. The student is taken from the roster if there is one, else from the folder or
the name of the file:

    ada/anything.ipynb                                      a folder for each student
    Ada Lovelace_123456_assignsubmission_file_/x.ipynb      Moodle
    lovelaceada_1234_567890_05_maml_exercises.ipynb         Canvas
    ada__05_maml_exercises.ipynb, ada.ipynb                 by hand
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from .course import STUDENT, Class, read_json, write

MOST = 300_000_000
"""bytes that an archive may unpack to"""
ENDINGS = (".ipynb", ".py", ".json", ".zip", ".html", ".pdf", ".txt")
NOTES = ".handed_in.json"


def roster(path: Path | None) -> dict[str, str]:
    """From what a platform calls a student to the id that a class uses: a CSV whose first column is the id, and whose
    other columns are names that stand for it.

    Raises:
        ValueError: for a file without ids.
    """
    if path is None:
        return {}
    found: dict[str, str] = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row and row[0].strip()]
    for row in rows:
        if row[0].strip().lower() in ("id", "student", "student_id"):
            continue
        if not STUDENT.fullmatch(row[0].strip()):
            raise ValueError(f"a student's id has letters, digits and . _ @ - only, got {row[0]!r} in {path.name}.")
        for name in row:
            if name.strip():
                found[_simple(name)] = row[0].strip()
    if not found:
        raise ValueError(f"{path.name} has no students in it.")
    return found


def _simple(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def whose(path: PurePosixPath, known: dict[str, str]) -> str:
    """The id of the student whom a file is of, "" where the roster does not know."""
    stem = path.name.rsplit(".", 1)[0]
    folder = path.parts[0] if len(path.parts) > 1 else ""
    moodle = re.match(r"(.+?)_\d+_assignsubmission_", folder)
    canvas = re.match(r"([a-z]+)(?:_LATE)?_\d+_\d+_", stem)
    by_hand = re.match(r"(.+?)__", stem)
    name = moodle[1] if moodle else folder if folder else canvas[1] if canvas else by_hand[1] if by_hand else stem
    if known:
        return known.get(_simple(name), "")
    return re.sub(r"[^\w.@-]+", "_", name)[:64].strip("_.") or "unnamed"


def collect(group: Class, name: str, given: Path, names: Path | None = None) -> list[str]:
    """Take over the files in a folder or an archive; what was done, in sentences. Handing in the same file once more
    is no new attempt; another one takes the place of that before, which is kept.

    Raises:
        ValueError: where there is nothing.
    """
    if not given.exists():
        raise ValueError(f"there is no {given}.")
    known, said, count = roster(names), [], 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = given if given.is_dir() else _unpacked(given, Path(scratch))
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in ENDINGS)
        files = [
            p for p in files if not any(part.startswith((".", "__MACOSX")) for part in p.relative_to(folder).parts)
        ]
        by_student: dict[str, list[Path]] = {}
        for path in files:
            inside = PurePosixPath(path.relative_to(folder).as_posix())
            student = whose(inside, known)
            if student:
                by_student.setdefault(student, []).append(path)
            else:
                said.append(f"{inside}: the roster knows nobody of that name.")
        for student, theirs in sorted(by_student.items()):
            best = [p for p in theirs if p.suffix == ".ipynb"] or theirs
            newest = max(best, key=lambda p: (p.stat().st_mtime, p.name))
            if len(best) > 1:
                said.append(f"{student}: handed in {len(best)} files; {newest.name} counts.")
            count += take(group, student, name, newest)
    if not by_student:
        raise ValueError(f"{given} holds nothing that was handed in.")
    return [*said, f"{name}: {len(by_student)} students, {count} new or changed."]


def take(group: Class, student: str, name: str, path: Path) -> bool:
    """Put one file into the class's folder; whether it is a new one."""
    folder = group.submitted(student, name)
    notes = _notes(folder)
    digest = _digest(path)
    if notes.get("digest") == digest and (folder / notes.get("file", "")).is_file():
        return False
    attempts = notes.get("attempts", 0)
    if attempts and (folder / notes["file"]).is_file():
        before = folder / ".earlier" / str(attempts)
        before.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / notes["file"], before / notes["file"])
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / path.name)
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    new = {"file": path.name, "digest": digest, "attempts": attempts + 1, "when": when}
    write(folder / NOTES, json.dumps(new, indent=1) + "\n")
    return True


def latest(group: Class, student: str, name: str) -> tuple[Path | None, str, int]:
    """The file that counts, its digest, and the number of attempts; also of files that were put there by hand."""
    folder = group.submitted(student, name)
    notes = _notes(folder)
    path = folder / notes["file"] if notes.get("file") else None
    if path is None or not path.is_file():
        there = sorted(
            (p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")), key=lambda p: p.stat().st_mtime
        )
        path = next((p for p in reversed(there) if p.suffix == ".ipynb"), there[-1] if there else None)
    if path is None:
        return None, "nothing", 0
    return path, _digest(path), max(1, notes.get("attempts", 1))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _notes(folder: Path) -> dict:
    try:
        notes = read_json(folder / NOTES)
        return notes if isinstance(notes, dict) else {}
    except (OSError, ValueError):
        return {}


def _unpacked(archive: Path, folder: Path) -> Path:
    """The files of a zip. Raises ValueError where it is none, or unpacks to more than it should."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if sum(item.file_size for item in opened.infolist()) > MOST:
                raise ValueError(f"{archive.name} unpacks to more than {MOST // 10**6} MB.")
            for item in opened.infolist():
                place = (folder / item.filename).resolve()
                if item.is_dir() or not place.is_relative_to(folder.resolve()):
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(item) as source, open(place, "wb") as target:
                    shutil.copyfileobj(source, target)
    except zipfile.BadZipFile:
        raise ValueError(f"{archive.name} is no zip, and no folder.") from None
    return folder
