"""Install with pip and say what it is at: `python -m tools.install ARGUMENTS OF PIP INSTALL`.

pip itself either says nothing for minutes or prints several hundred lines. Needs nothing but Python.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

STEPS = (
    (r"Collecting ([\w.-]+)", "looking up {0}"),
    (r"Downloading (?:https?://\S+/)?([A-Za-z0-9_.]+?)-\d\S* \(([\d.]+ [MG]B)\)", "downloading {0}, {1}"),
    (r"Installing build dependencies|Preparing editable metadata|Building editable", "preparing the course's package"),
    (r"Installing collected packages", "unpacking all of them; this takes as long again"),
)


def said(lines: Iterable[str]) -> Iterator[str]:
    """What pip is at, from its output: one short sentence for each line that tells something."""
    packages, last = 0, ""
    for line in lines:
        for pattern, words in STEPS:
            if found := re.match(rf"\s*(?:{pattern})", line):
                packages += line.lstrip().startswith("Collecting")
                sentence = (f"{packages} packages: " if packages else "") + words.format(*found.groups())
                if sentence != last:
                    yield sentence
                last = sentence
                break


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-u", "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    everything: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None

        def lines() -> Iterator[str]:
            for line in pip.stdout or ():
                everything.append(line)
                yield line

        for number, sentence in enumerate(said(lines())):
            if sys.stdout.isatty():
                print(f"\r\033[K  {sentence}", end="", flush=True)
            elif number % 20 == 0 or "looking up" not in sentence:
                print(f"  {sentence}", flush=True)
    print("\r\033[K" if sys.stdout.isatty() else "", end="")
    if pip.returncode:
        print("".join(everything[-40:]), file=sys.stderr)
        print(
            "Installing failed; what pip said last stands above. `make lab` again goes on from here.", file=sys.stderr
        )
    else:
        print("Everything is installed.")
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
