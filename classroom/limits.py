"""How much time, memory and output one cell may take while it is graded."""

from __future__ import annotations

import io
import os
from dataclasses import asdict, dataclass
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


SIZE: int | None = None
"""bytes of this process, measured while /proc could be read"""


class TooMuchOutput(BaseException):
    """A cell printed more than it may. No `except Exception` of the cell stops it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one exercise: its answer, what that needs, and its check, together."""

    seconds: float = 60.0
    """of the processor; a sleeping cell is ended after `patience` times as long"""
    patience: float = 5.0
    megabytes: int = 3000
    """beside what Python and torch take themselves"""
    printed: int = 2_000_000
    """characters; of these `kept` are shown"""
    kept: int = 4000
    processes: int = 32
    file_megabytes: int = 32

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f"{name} of the limits must be above 0, got {value}.")

    def apply(self) -> None:
        """From here on, for this process and what it starts; on Windows nothing but the time, by the parent."""
        if resource is None:
            return
        mega = 1024 * 1024
        _lower(resource.RLIMIT_CPU, max(1, round(_used() + self.seconds)))
        _lower(resource.RLIMIT_FSIZE, self.file_megabytes * mega)
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_NOFILE, 256)
        if hasattr(resource, "RLIMIT_NPROC"):
            _lower(resource.RLIMIT_NPROC, self.processes)
        size = SIZE or address_space()
        if size is not None:
            _lower(resource.RLIMIT_AS, size + self.megabytes * mega)

    def in_words(self) -> str:
        minutes = f"{self.seconds:g} seconds"
        return f"{minutes} of the processor, {self.megabytes} MB of memory, {self.printed:,} printed characters"


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _used() -> float:
    times = resource.getrusage(resource.RUSAGE_SELF)
    return times.ru_utime + times.ru_stime


def address_space() -> int | None:
    """Bytes of this process, None where they cannot be found (macOS has no limit on them either)."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


class Printed(io.TextIOBase):
    """What a cell prints: the first `kept` characters are kept; past `most` it raises TooMuchOutput."""

    def __init__(self, kept: int, most: int):
        self.room, self.most, self.total = kept, most, 0
        self.parts: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, text: Any) -> int:
        text = str(text)
        self.total += len(text)
        if self.room > 0:
            self.parts.append(text[: self.room])
            self.room -= len(text)
        if self.total > self.most:
            raise TooMuchOutput
        return len(text)

    def text(self) -> str:
        cut = "\n[...]" if self.room < 0 else ""
        return "".join(self.parts) + cut
