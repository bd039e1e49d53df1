"""The largest amount of memory that a process has held."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil


class PeakMemory:
    """Watches process `pid`. Linux keeps the record itself; elsewhere a thread looks twenty times a second."""

    def __init__(self, pid: int):
        self.pid = pid
        self._peak = 0
        self._ended = threading.Event()
        if not sys.platform.startswith("linux"):
            threading.Thread(target=self._poll, daemon=True).start()

    def megabytes(self) -> float:
        """The peak of the resident set so far, in units of 10⁶ bytes. Child processes are not counted."""
        if sys.platform.startswith("linux"):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
        self._look()
        return self._peak / 1e6

    def close(self) -> None:
        self._ended.set()

    def _look(self) -> None:
        memory = psutil.Process(self.pid).memory_info()
        self._peak = max(self._peak, getattr(memory, "peak_wset", memory.rss))  # Windows keeps a record, too

    def _poll(self) -> None:
        while not self._ended.wait(0.05):
            try:
                self._look()
            except psutil.Error:
                return
