"""python -m experiments [NAME ...]: fill the tables of all scripts in this folder, or of those named."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("__"))


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"experiments must be some of {', '.join(NAMES)}, got {', '.join(unknown)}.")
    for name in names or NAMES:
        importlib.import_module(f"experiments.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
