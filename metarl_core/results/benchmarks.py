"""What `benchmarks/` measured, committed with the machine that it was measured on."""

import json
from pathlib import Path
from typing import Any

from metarl_core.results.tables import check_file_name

BENCHMARKS = Path(__file__).parent / "data" / "benchmarks"


def load_benchmark(name: str) -> dict[str, Any]:
    """The committed measurements of that name ("meta_rl"), as the script in `benchmarks/` wrote them.

    Raises:
        ValueError: where there are none of that name.
    """
    names = sorted(file.stem for file in BENCHMARKS.glob("*.json"))
    if name not in names:
        raise ValueError(f"the name of a committed benchmark must be one of {', '.join(names)}, got {name!r}.")
    return json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))


def write_benchmark(name: str, content: dict[str, Any]) -> None:
    """Write measurements where `load_benchmark` finds them, and say where that is.

    Raises:
        ValueError: for a name with anything but letters, digits and underscores; for infinity and NaN, which other
            readers of JSON refuse.
    """
    check_file_name(name)
    BENCHMARKS.mkdir(parents=True, exist_ok=True)
    path = BENCHMARKS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    print(f"Written to {path.relative_to(BENCHMARKS.parents[3])}.")
