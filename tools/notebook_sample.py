"""The notebooks that `make test` executes: seven and a half promised minutes, others after each change of the package.

    python -m tools.notebook_sample          their paths, in one line
    python -m tools.notebook_sample all      all of them, as `make whole` takes them

The whole course takes longer than anyone waits for a test, and grows. Of a notebook that is left out this much is known
all the same: its outputs carry the digest of the code and the tables that they were made from, and a test compares that
with today's (tests/test_pairs.py).
"""

from __future__ import annotations

import argparse
import math
import zlib
from pathlib import Path

from tools.course import ROOT
from tools.pairs import promise, sources

SECONDS = 450
"""that the notebooks of one turn promise to take, all of them together; two workers share them"""
ALWAYS = "chapters/00_start_here.ipynb"


def turn(folder: Path) -> int:
    """A number that another one follows when any module below the folder changes."""
    return zlib.crc32(b"".join(path.read_bytes().replace(b"\r\n", b"\n") for path in sorted(folder.rglob("*.py"))))


def seconds() -> dict[str, int]:
    """What each notebook promises to take, by its path."""
    return {
        py.relative_to(ROOT).with_suffix(".ipynb").as_posix(): found[0]
        for py in sources()
        if (found := promise(py)) is not None
    }


def turns() -> int:
    """How many turns it takes until every notebook had its own."""
    return math.ceil(sum(seconds().values()) / SECONDS)


def sample(start: int, share: int) -> list[str]:
    """Every `share`-th notebook by the seconds that it is promised to take, so that all samples take as long."""
    promised = seconds()
    longest_first = sorted(promised, key=lambda path: (-promised[path], path))
    return [path for n, path in enumerate(longest_first) if path == ALWAYS or (start + n) % share == 0]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.notebook_sample", description=(__doc__ or "").split(":")[0])
    parser.add_argument("which", nargs="?", choices=["all"], help="of one turn unless given")
    which = parser.parse_args(arguments).which
    print(*sample(turn(ROOT / "metarl_core"), 1 if which == "all" else turns()))


if __name__ == "__main__":
    main()
