"""Rows as another checkout of the course makes them, on this machine."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Scripts of earlier revisions have no EXPERIMENT, but `run`, `Settings` and `TABLE`.
PROGRAM = """
import importlib, inspect, json, sys
import numpy as np, torch
torch.set_num_threads(1)
name, pairs, out = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
script = importlib.import_module(f"experiments.{name}")
if hasattr(script, "EXPERIMENT"):
    run, table = script.EXPERIMENT.run, script.EXPERIMENT.path
else:
    settings = (script.Settings(),) if "settings" in inspect.signature(script.run).parameters else ()
    run, table = (lambda method, seed: script.run(method, seed, *settings)), script.TABLE
rows = [np.asarray(run(method, seed), dtype=float).tolist() for method, seed in pairs]
table = json.load(open(table, encoding="utf-8"))["rows"]
json.dump([table, rows], open(out, "w", encoding="utf-8"))
"""


def rows_of_checkout(folder: Path, name: str, pairs: Sequence[tuple[str, int]]) -> tuple[dict[str, Any], list[Any]]:
    """The committed rows of a table in another checkout, and some that its code makes here.

    Raises:
        ValueError: where its script of that name fails.
    """
    environment = os.environ | {"PYTHONPATH": str(folder)}
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "rows.json"
        command = [sys.executable, "-c", PROGRAM, name, json.dumps(list(pairs)), str(out)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:]
            raise ValueError(f"the checkout {folder.name} must make the rows of {name}, it says: {' '.join(last)}")
        table, rows = json.loads(out.read_text(encoding="utf-8"))
    return table, rows


def name_of_checkout(folder: Path) -> str:
    """Its commit, or the folder's name where it has none of its own."""
    if not (folder / ".git").exists():
        return folder.name
    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
