"""What can be told from the tasks of a report: their split, and twins across splits."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def drawn_from(split: str, values: Tensor) -> bool:
    """Whether all values carry the stamp of "train" or "test" (see `tasks.draws.stamp_split`): their last bit."""
    return bool(((values.contiguous().view(torch.int32) & 1) == (split == "test")).all())


def share_twins(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The share of tasks in `one` that stand in `other` up to rounding, as equal seeds for both splits give them."""
    alike = torch.ones(len(next(iter(one.values()))), len(next(iter(other.values()))), dtype=torch.bool)
    for name, values in one.items():
        close = torch.isclose(values[:, None], other[name][None], rtol=1e-6, atol=1e-9)
        alike &= close.flatten(2).all(-1) if close.ndim > 2 else close
    return float(alike.any(1).double().mean())
