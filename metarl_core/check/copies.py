"""Copies for the learner's code, and whether it has changed them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .compare import difference


def clone(value: Any) -> Any:
    """A copy that shares nothing: learner's code gets copies, so that one call cannot spoil the next.

    A tensor stays a leaf of its own with the same `requires_grad`, and a generator keeps its state.
    """
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, torch.Generator):
        twin = torch.Generator(device=value.device)
        twin.set_state(value.get_state())
        return twin
    if isinstance(value, dict):
        return type(value)((k, clone(v)) for k, v in value.items())
    if isinstance(value, tuple):
        parts = [clone(v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [clone(v) for v in value]
    return value if callable(value) and not isinstance(value, torch.nn.Module) else copy.deepcopy(value)


def changed(before: Any, after: Any) -> bool:
    """Whether tensors, arrays or containers in `after` are no longer what they were in `before`, exactly."""
    if isinstance(before, (torch.Tensor, np.ndarray)):
        return difference(after, before, 0.0, 0.0) is not None
    if isinstance(before, torch.nn.Module):
        return changed(dict(before.state_dict()), dict(after.state_dict()))
    if isinstance(before, dict):
        return list(before) != list(after) or any(changed(before[k], after[k]) for k in before)
    if isinstance(before, (tuple, list)):
        return len(before) != len(after) or any(map(changed, before, after))
    if isinstance(before, (str, int, float)):  # another one at its place, NaN aside
        return not isinstance(after, type(before)) or (before != after and before == before)
    return False  # a generator or an environment is there to be used


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested containers and the parameters of modules."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, torch.nn.Module):
        yield from value.parameters()
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors(part)


def generators(value: Any) -> Iterator[torch.Generator]:
    """All generators in nested containers."""
    if isinstance(value, torch.Generator):
        yield value
    elif isinstance(value, (dict, tuple, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from generators(part)
