"""What a process has used: the largest amount of memory that it has held, and the time of the processor."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil


def processor_seconds(pid: int) -> float:
    """Seconds in which the processor worked for process `pid` and for those of its children that have ended."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system + used.children_user + used.children_system)


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
