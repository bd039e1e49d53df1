"""Install with pip and say what it is at: `python -m tools.install ARGUMENTS OF PIP INSTALL`.

pip itself either says nothing for minutes or prints several hundred lines. Needs nothing but Python.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

STEPS = (
    (r"Collecting ([\w.-]+)", "looking up {0}"),
    (r"Downloading (?:https?://\S+/)?([A-Za-z0-9_.]+?)-\d\S* \(([\d.]+ [MG]B)\)", "downloading {0}, {1}"),
    (r"Installing build dependencies|Preparing editable metadata|Building editable", "preparing the course's package"),
    (r"Installing collected packages", "unpacking all of them, which takes about as long as all before"),
)
SILENCE = 30.0
"""seconds without a word after which one says that it goes on"""


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


class SignOfLife:
    """Calls `tell` with the seconds since the start when nothing was said for `silence` seconds, until it is closed."""

    def __init__(self, tell: Callable[[float], None], silence: float = SILENCE):
        self.tell, self.silence = tell, silence
        self.start = self.last = time.monotonic()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def said(self) -> None:
        """Something else was said just now."""
        self.last = time.monotonic()

    def _watch(self) -> None:
        while not self.over.wait(max(0.01, self.last + self.silence - time.monotonic())):
            if time.monotonic() >= self.last + self.silence:
                self.said()
                self.tell(time.monotonic() - self.start)

    def __enter__(self) -> SignOfLife:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-u", "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    everything: list[str] = []
    clear = "\r\033[K" if sys.stdout.isatty() else ""
    end = "" if clear else "\n"

    def still(seconds: float) -> None:
        print(f"{clear}  still at it, {seconds:.0f} seconds so far", end=end, flush=True)

    with (
        SignOfLife(still) as sign,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip,
    ):
        assert pip.stdout is not None

        def lines() -> Iterator[str]:
            for line in pip.stdout or ():
                everything.append(line)
                yield line

        for number, sentence in enumerate(said(lines())):
            if clear or number % 20 == 0 or "looking up" not in sentence:
                print(f"{clear}  {sentence}", end=end, flush=True)
                sign.said()
    print(clear, end="")
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
