"""The judge protects itself and the learner: what an answer leaves behind is put back, and nothing runs for ever."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import torch

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
def restored() -> Iterator[None]:
    """Put back what a call may leave behind: grad mode, default dtype and device, warnings, formats."""
    grad, dtype, device = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device()
    torch_format, numpy_format = _torch_format(), np.get_printoptions()
    errors = np.geterr()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if _torch_format() != torch_format:
            torch.set_printoptions(**torch_format)
        np.set_printoptions(**numpy_format)
        np.seterr(**errors)


@contextlib.contextmanager
def usual_state() -> Iterator[None]:
    """Judge in the state of a fresh kernel, and put the learner's own back, generators and matplotlib as well."""
    draws = torch.get_rng_state(), np.random.get_state(), random.getstate()
    pyplot = sys.modules.get("matplotlib.pyplot")
    shown = set(pyplot.get_fignums()) if pyplot else set()
    parameters = dict.copy(pyplot.rcParams) if pyplot else {}
    torch.rand(()), np.random.random(), random.random()  # an answer that seeds must not find what it leaves
    with restored():
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
        if torch.get_default_device() != torch.device("cpu"):
            torch.set_default_device("cpu")
        try:
            yield
        finally:
            torch.set_rng_state(draws[0])
            np.random.set_state(draws[1])
            random.setstate(draws[2])
            if pyplot:
                for number in set(pyplot.get_fignums()) - shown:
                    pyplot.close(number)
                dict.update(pyplot.rcParams, parameters)


def _torch_format() -> dict[str, Any]:
    options = torch._tensor_str.PRINT_OPTS
    return {key: getattr(options, key) for key in ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")}


WORDS = 624
"""of a Mersenne Twister: a generator of NumPy or Python that has just been seeded stands behind the last of them"""


def draws_state() -> tuple[bytes, bytes, int]:
    """What a draw from a global generator of torch, NumPy or Python changes, and a seed as well."""
    numpy = np.random.get_state(legacy=False)["state"]
    return (
        torch.get_rng_state().numpy().tobytes(),
        numpy["key"].tobytes() + numpy["pos"].to_bytes(2, "little"),
        hash(random.getstate()),
    )


def only_seeded(before: tuple[bytes, bytes, int]) -> bool:
    """Whether each global generator that is no longer in its state `before` is as a seed leaves it: nothing was drawn
    since.
    """
    seeded = torch.Generator().manual_seed(torch.initial_seed()).get_state()
    fresh = (
        torch.equal(torch.get_rng_state(), seeded),
        np.random.get_state(legacy=False)["state"]["pos"] == WORDS,
        random.getstate()[1][-1] == WORDS,
    )
    return all(same or new for same, new in zip(map(_equal, before, draws_state()), fresh, strict=True))


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooLong in the body once it has taken so many seconds, and once a second from then on.

    In the main thread of Linux and macOS by a timer signal, which also ends a call that waits; elsewhere (Windows, a
    thread) between two steps of Python.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        with _by_signal(seconds):
            yield
    else:
        with _by_exception(seconds):
            yield


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
        if left:  # somebody else's alarm, an outer limit perhaps
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, left - (time.monotonic() - begin)))


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


@contextlib.contextmanager
def counting_derivatives() -> Iterator[Callable[[], int]]:
    """Count what autograd is asked for in the body: passes backward, of torch.func as well, and forward ones.

    Every backward pass of torch (`backward`, `autograd.grad`, `func.grad`, `func.hessian`) goes through one function,
    and every forward one makes a dual number.
    """
    count = 0

    def noting(function: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            return function(*args, **kwargs)

        return call

    places = [(torch.autograd, "_engine_run_backward"), (torch.autograd.forward_ad, "make_dual")]
    before = [(module, name, getattr(module, name)) for module, name in places]
    for module, name, function in before:
        setattr(module, name, noting(function))
    try:
        yield lambda: count
    finally:
        for module, name, function in before:
            setattr(module, name, function)
