"""What torch and the random generators are set to, noted before a cell and put back where the cell was broken off."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class State:
    """Of one moment; `note` makes it."""

    grad: bool
    dtype: Any
    generators: list[tuple[Any, Any]]
    """torch's and NumPy's generators, and their states"""
    everywhere: tuple[Any, Any, Any]
    """the states of the generators that torch, NumPy and Python have for everyone"""


def note(values: Iterable[Any]) -> State | None:
    """The state now, with that of the generators among `values`; None as long as torch has not been imported."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    generators: list[tuple[Any, Any]] = []
    for value in values:
        if isinstance(value, torch.Generator):
            generators.append((value, value.get_state()))
        elif isinstance(value, np.random.Generator):
            generators.append((value, value.bit_generator.state))
    everywhere = (torch.get_rng_state(), np.random.get_state(), random.getstate())
    return State(torch.is_grad_enabled(), torch.get_default_dtype(), generators, everywhere)


def put_back_modes(state: State) -> None:
    """Grad mode and default dtype as they were, and no transform of torch.func left over.

    `with torch.no_grad()` and the transforms switch off what they switched on when they end; an interrupt at the wrong
    moment comes between the switch and its undoing.
    """
    import torch

    torch.set_grad_enabled(state.grad)
    torch.set_default_dtype(state.dtype)
    functorch = torch._C._functorch
    if functorch.get_dynamic_layer_stack_depth():
        functorch.pop_dynamic_layer_stack_and_undo_to_depth(0)


def put_back(state: State) -> None:
    """All of it: a cell that is run again draws the same random numbers."""
    import torch

    put_back_modes(state)
    for generator, was in state.generators:
        if isinstance(generator, torch.Generator):
            generator.set_state(was)
        else:
            generator.bit_generator.state = was
    torch.set_rng_state(state.everywhere[0])
    np.random.set_state(state.everywhere[1])
    random.setstate(state.everywhere[2])
