"""Write RESULTS.md, published numbers beside the course's own: ``python -m tools.results_page``.

What was published stands in tools/published.toml; what the course reaches is read from its committed tables.
"""

from __future__ import annotations

import importlib
import json
import tomllib
from collections.abc import Mapping
from typing import Any

from metarl_core.evaluation import t_interval
from metarl_core.results import load_table
from metarl_core.results.tables import DATA
from tools.course import ROOT, read

PAGE = ROOT / "RESULTS.md"
SOURCE = ROOT / "tools" / "published.toml"
HEAD = """# Results

Published numbers that this course reproduces, beside its own.
Ours are means over independent trainings (seeds) with 95 % t intervals, on tasks that no training has seen.
**Reached** says whether our mean is as good as the published number or better.

This page is written by `make results-page` from `tools/published.toml` and the committed tables. The command under each
result makes its table anew, from scratch, on a CPU.
"""


def page() -> str:
    """The whole page as Markdown."""
    results = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["result"]
    return "\n".join([HEAD, *map(_result, results)])


def _result(result: Mapping[str, Any]) -> str:
    chapter, table = read()[result["chapter"]], load_table(result["table"])
    scores = table.scores(result["method"])
    if "reader" in result:
        module, _, name = result["reader"].rpartition(".")
        scores = getattr(importlib.import_module(module), name)(result["method"], scores)[:, None]
    ours = [t_interval(scores[..., at].reshape(len(scores), -1)) for at in result["at"]]
    sign = 1 if result["higher_is_better"] else -1
    reached = [sign * own.point >= sign * theirs for own, theirs in zip(ours, result["published"], strict=True)]
    rows = [
        ["", *result["columns"]],
        ["---"] * (1 + len(result["columns"])),
        ["published", *map(_number, result["published"])],
        ["here", *(f"{_number(i.point)} [{_number(i.low)}, {_number(i.high)}]" for i in ours)],
        ["reached", *("yes" if one else "no" for one in reached)],
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    differs = f" Differs from the source: {result['differs']}." if result["differs"] else ""
    made = json.loads((DATA / f"{result['table']}.json").read_text(encoding="utf-8"))
    return "\n".join(
        [
            f"## {result['what']}",
            "",
            f"[Chapter {chapter.number}](chapters/{chapter.stem}.ipynb) · published: {result['source']} · "
            f"{len(scores)} seeds · row `{result['method']}` of `{result['table']}`.{differs}",
            "",
            *lines,
            "",
            f"`python -m experiments {result['table']}`{_made_with(made)}",
            "",
        ]
    )


def _made_with(made: Mapping[str, Any]) -> str:
    versions = made.get("versions", {})
    words = ", ".join(f"{name} {version}" for name, version in versions.items() if name in ("python", "torch", "numpy"))
    return f" (made with {words})" if words else ""


def _number(value: float) -> str:
    """Three digits, with a minus sign."""
    return f"{value:.3g}".replace("-", "−")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
