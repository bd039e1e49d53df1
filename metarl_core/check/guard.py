"""The judge protects itself and the learner: what an answer leaves behind is put back."""

from __future__ import annotations

import contextlib
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Put back what a call may leave behind: grad mode, default dtype and device, warnings, formats."""
    grad, dtype, device = torch.is_grad_enabled(), torch.get_default_dtype(), _device()
    torch_format, numpy_format = _torch_format(), np.get_printoptions()
    errors = np.geterr()
    try:
        with warnings.catch_warnings():
            yield
    finally:  # each only where it differs: a check makes thousands of calls
        restore_modes(grad, dtype)
        if _device() != device:
            torch.set_default_device(device)
        if _torch_format() != torch_format:
            torch.set_printoptions(**torch_format)
        if np.get_printoptions() != numpy_format:
            np.set_printoptions(**numpy_format)
        if np.geterr() != errors:
            np.seterr(**errors)


def restore_modes(grad: bool, dtype: torch.dtype) -> None:
    """Grad mode and default dtype as they were."""
    if torch.is_grad_enabled() != grad:
        torch.set_grad_enabled(grad)
    if torch.get_default_dtype() != dtype:
        torch.set_default_dtype(dtype)


def _device() -> torch.device:
    """The default device; `torch.get_default_device` takes ten times as long."""
    return torch.empty(0).device


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
        if _device() != torch.device("cpu"):
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
