"""An interrupt ends a training after the iteration that runs."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

_interrupts: list[threading.Event] = []


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets instead of raising KeyboardInterrupt; the second one raises.

    Of nested loops only the outermost listens: its iteration is what must not be broken off. Signals reach the main
    thread alone; elsewhere nothing is deferred.
    """
    stop = threading.Event()
    if _interrupts or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    usual = signal.signal(signal.SIGINT, note)
    _interrupts.append(stop)
    try:
        yield stop
    finally:
        _interrupts.clear()
        signal.signal(signal.SIGINT, usual)
