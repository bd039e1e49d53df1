"""python -m tools.mutation              scores the checks whose scores are stale, and writes tests/mutation/chNN.json
python -m tools.mutation ch04         scores all checks of chapter 04
python -m tools.mutation ch04 gae     those whose name contains gae
"""

from __future__ import annotations

import sys
import time

from tools.mutation.kept import SOLUTIONS, digests, keep, reasons, stale
from tools.mutation.score import LEAST, judged, score


def main(words: list[str]) -> int:
    poor = 0
    for chapter, py in SOLUTIONS.items():
        names, now = chosen(chapter, words), digests(chapter)
        every = judged(py) if names else {}
        for name in names:
            begin = time.perf_counter()
            found = score(every[name])
            why = reasons(chapter).get(name, {})
            share = found.share(why)
            poor += share < LEAST
            print(
                f"{chapter}.{name}: {found.rejected} of {found.mutants} rejected, {len(found.survivors)} survive, "
                f"{share:.1%} of those that differ ({time.perf_counter() - begin:.0f} s)"
                + ("" if share >= LEAST else "  TOO FEW"),
                flush=True,
            )
            for mutant, verdict in found.survivors.items():
                print(f"    {verdict}: {mutant}" + (f"\n        {why[mutant]}" if mutant in why else ""), flush=True)
            keep(chapter, {name: found}, now)
    return int(poor > 0)


def chosen(chapter: str, words: list[str]) -> list[str]:
    """The checks of a chapter that are meant: without words the stale ones."""
    if not words:
        return stale(chapter)
    chapters, parts = [w for w in words if w in SOLUTIONS], [w for w in words if w not in SOLUTIONS]
    if chapters and chapter not in chapters:
        return []
    return [name for name in digests(chapter) if not parts or any(part in name for part in parts)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
