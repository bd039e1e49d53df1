"""Nothing runs for ever: how long one call of an answer may take."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch

from .guard import restore_modes

Call = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
SECONDS = 10.0
"""that one call of an answer may take, unless the environment variable METARL_CHECK_SECONDS says otherwise"""


class TooLong(BaseException):
    """One call of an answer has taken its time. No `except Exception` of the answer stops it."""


def allowed_seconds() -> float:
    """What one call may take. Raises ValueError where METARL_CHECK_SECONDS is not a number above 0."""
    given = os.environ.get("METARL_CHECK_SECONDS", "")
    try:
        seconds = float(given) if given else SECONDS
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"METARL_CHECK_SECONDS must be a number of seconds above 0, got {given!r}.")
    return seconds


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooLong in the body once it has taken so many seconds, and once a second from then on.

    In the main thread of Linux and macOS by a timer signal, which also ends a call that waits; elsewhere (Windows, a
    thread) between two steps of Python.
    """
    if _signals():
        with _by_signal(seconds):
            yield
    else:
        with _by_exception(seconds):
            yield


@contextlib.contextmanager
def limiting_each(seconds: float) -> Iterator[Call]:
    """Give `call(function, args, kwargs)`, which limits each call as `limited` does, and puts grad mode and dtype back.

    What takes time to set up is set up once for all calls in the body.
    """
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()

    def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
        try:
            return function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            restore_modes(grad, dtype)

    def by_exception(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with limited(seconds):
            return function(*args, **kwargs)

    def ring(_: int, frame: FrameType | None) -> None:
        below = None
        while frame is not None and frame.f_code is not call.__code__:
            below, frame = frame, frame.f_back
        if frame is not None and below is not None:  # in the function, not on the way out of `call`
            raise TooLong

    if not _signals():
        yield by_exception
        return
    left, begin = signal.setitimer(signal.ITIMER_REAL, 0)[0], time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield call
    finally:
        signal.signal(signal.SIGALRM, before)
        _go_on(left, begin)


def _signals() -> bool:
    """Whether a timer signal can be used: in the main thread of Linux and macOS."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


def _go_on(left: float, begin: float) -> None:
    """Set somebody else's alarm again, an outer limit perhaps, which had `left` seconds at the time `begin`."""
    if left:
        signal.setitimer(signal.ITIMER_REAL, max(1e-3, left - (time.monotonic() - begin)))


@contextlib.contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    body = sys._getframe()
    while body.f_code.co_filename in (__file__, contextlib.__file__):
        body = body.f_back  # type: ignore[assignment]

    def ring(_: int, frame: FrameType | None) -> None:
        """Only inside the body: on its way out, and after it, the time is not the answer's."""
        below = None
        while frame is not None and frame is not body:
            below, frame = frame, frame.f_back
        leaving = below is not None and below.f_code.co_name == "__exit__"
        if frame is body and not leaving:
            raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    left = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)[0]
    begin = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _go_on(left, begin)


@contextlib.contextmanager
def _by_exception(seconds: float) -> Iterator[None]:
    thread, lock, over = threading.get_ident(), threading.Lock(), threading.Event()
    raised = False

    def watch() -> None:
        nonlocal raised
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    raised = True
                    _raise_in(thread)
            wait = 1.0

    threading.Thread(target=watch, daemon=True).start()
    arrived = False
    try:
        yield
    except TooLong:
        arrived = True
        raise
    finally:
        with lock:
            over.set()
        if raised and not arrived:  # it is on its way: catch it here, not in the judge
            with contextlib.suppress(TooLong):
                time.sleep(0.05)
                for _ in range(1000):
                    pass


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TooLong))
