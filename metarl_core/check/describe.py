"""Words for a value, short whatever it is."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

MOST_NUMBERS = 16
"""of a tensor that a message prints"""


def shortened(value: Any, most: int = 60) -> str:
    """`repr` of at most so many characters, and no exception where that fails (a number of a million digits)."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = most
    try:
        text = short.repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 2 * most else text[: 2 * most] + " ..."


def describe(value: Any) -> str:
    """What `value` is: `a tensor of shape [3, 2], torch.float32`."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {list(value.shape)}, {value.dtype}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {list(value.shape)}, {value.dtype}"
    if isinstance(value, Mapping):
        keys = ", ".join(shortened(key) for key in list(value)[:12])
        return f"a dict with the keys {keys}{' ...' if len(value) > 12 else ''}" if keys else "an empty dict"
    if isinstance(value, (tuple, list, range)):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "None"
    if isinstance(value, (bool, int, float, complex, str, np.generic)):
        return f"the {type(value).__name__} {shortened(value)}"
    return f"something of type {type(value).__name__}"


def numbers(value: Any) -> str | None:
    """`value` written out where it is small: a number, words, a tensor of few numbers, a short container; else None."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        if value.ndim and value.size == 0 if isinstance(value, np.ndarray) else value.numel() == 0:
            return f"an empty tensor of shape {list(value.shape)}"
        count = value.size if isinstance(value, np.ndarray) else value.numel()
        return _rounded(value.tolist()) if count <= MOST_NUMBERS else None
    if value is None or isinstance(value, (bool, int, float, str, np.generic)):
        return _rounded(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, Mapping):
        parts = {key: numbers(part) for key, part in value.items()}
        written = None if None in parts.values() else ", ".join(f"{key!r}: {part}" for key, part in parts.items())
        return f"{{{written}}}" if written is not None and len(written) < 160 else None
    if isinstance(value, (tuple, list)):
        listed = [numbers(part) for part in value]
        if None in listed or sum(map(len, listed)) > 160:  # type: ignore[arg-type]
            return None
        open_, close = "()" if isinstance(value, tuple) else "[]"
        return open_ + ", ".join(listed) + close  # type: ignore[arg-type]
    return None


def _rounded(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_rounded, value)) + "]"
    if isinstance(value, float):
        return f"{value:.4g}"
    return shortened(value)
