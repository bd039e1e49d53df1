"""Grade one submission, for any platform or CI: `python -m classroom.autograder --key KEY.json NOTEBOOK.ipynb`.

It prints JSON, and ends with 0 where all points were reached, 1 where not, 2 where there is nothing that could be
graded (no notebook, no key), 3 where the grading itself failed. KEY.json is what `python -m classroom release` wrote
into the class's folder keys/; it holds the hidden tests, so keep it where students cannot read it. With
`--chapter 05` and without a key, the course's own exercises are graded, without hidden tests.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from .grading import prepare, record
from .key import Key, KeyCell
from .pool import judge_all


def grade_one(key: Key, path: Path, workers: int = 1) -> dict[str, Any]:
    """The record of one notebook, with `score`, `max_score` and `tests` for platforms that read these."""
    one = prepare(key, path.stem, path, "")
    walls = ""
    if one.tasks:
        walls = judge_all(one.tasks, [key.module], key.variant, lambda t, v: one.verdicts.update({t["id"]: v}), workers)
    found = record(key, one)
    tests = [
        {
            "name": f"{e['exercise']}. {e['title']}: {e['grade_id'].removeprefix('check_')}",
            "score": e["points"],
            "max_score": e["of"],
            "output": e["message"] or ("Passed." if e["kind"] == "passed" else found["unreadable"] or "Not passed."),
            "status": "passed" if e["kind"] == "passed" else "failed",
        }
        for e in found["exercises"]
    ]
    del found["digest"], found["student"], found["attempts"]
    return {"score": found["points"], "max_score": found["of"], "tests": tests, "walls": walls, **found}


def key_of_the_course(chapter: str) -> Key:
    """The course's own exercises of a chapter. Raises ValueError for a chapter without."""
    from dataclasses import replace

    import nbformat

    from tools.course import ROOT

    from .release import make_key

    found = [*sorted((ROOT / "exercises").glob(f"{chapter}_*.ipynb"))] if chapter[:2].isdigit() else []
    if not found:
        raise ValueError(f"chapter {chapter} has no exercises.")
    notebook = nbformat.read(found[0], as_version=4)
    key = make_key(chapter, chapter, "", found[0].stem, notebook, notebook)
    return replace(key, cells=tuple(KeyCell(**{**vars(cell), "hidden": ""}) for cell in key.cells))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m classroom.autograder", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebook", type=Path)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--key", type=Path, help="made by `python -m classroom release`")
    group.add_argument("--chapter", help="a chapter of the course, without a key")
    parser.add_argument("--json", type=Path, help="write the JSON here, too")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        key = Key.read(options.key) if options.key else key_of_the_course(options.chapter)
    except ValueError as error:
        print(json.dumps({"score": 0, "error": str(error)}))
        return 2
    try:
        found = grade_one(key, options.notebook, options.workers)
    except Exception as error:
        print(json.dumps({"score": 0, "error": f"the grading failed: {type(error).__name__}: {error}"}))
        return 3
    text = json.dumps(found, ensure_ascii=False, indent=1)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 2 if found["unreadable"] else int(found["score"] < found["max_score"])


if __name__ == "__main__":
    sys.exit(main())
