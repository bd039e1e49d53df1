"""Install the oldest versions that pyproject.toml allows into an environment of its own, and run the package's tests.

    python -m tools.lower_bounds            tests of the package
    python -m tools.lower_bounds tests/x.py what pytest is given instead

Notebooks are left out: their outputs are those of constraints.txt. What a bound brings along (pillow for matplotlib,
say) is the newest that fits.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from tools.course import ROOT

TESTS = ["tests", "--ignore=tests/test_browser.py", "--ignore=tests/test_pairs.py", "-m", "not slow"]


def lowest(requirements: list[str]) -> list[str]:
    """`name>=1.2` as `name==1.2`."""
    return [line.replace(">=", "==") for line in requirements]


def main(arguments: list[str] | None = None) -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package, extras = project["dependencies"], project["optional-dependencies"]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python")
        # Tools for tests may be new: their own bounds are those of the newest Python.
        install = [*lowest(package), *lowest(extras["notebooks"]), *extras["test"]]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *install], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "-e", str(ROOT)], check=True)
        tests = (sys.argv[1:] if arguments is None else arguments) or TESTS
        return subprocess.run(
            [python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *tests], cwd=ROOT
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
