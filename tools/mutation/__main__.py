"""python -m tools.mutation              every check's score, written to tests/mutation/chNN.json
python -m tools.mutation ch04 gae     chapter 04, and checks whose name contains gae; only whole chapters are written
"""

from __future__ import annotations

import sys
import time

from tools.course import ROOT
from tools.mutation.score import LEAST, judged, keep, reasons, score


def main(words: list[str]) -> int:
    poor = 0
    for py in sorted((ROOT / "solutions").glob("*.py")):
        chapter = f"ch{py.stem[:2]}"
        whole = not words or chapter in words
        names = [w for w in words if not w.startswith("ch")]
        if not whole and not names:
            continue
        scores = {}
        for name, one in judged(py).items():
            if not whole and not any(word in name for word in names):
                continue
            begin = time.perf_counter()
            found = scores[name] = score(one)
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
        if whole:
            keep(chapter, py, scores)
    return int(poor > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
