"""Optimisers as functions of tensors and a step size, and how the step size falls."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

OptimiserFactory = Callable[..., torch.optim.Optimizer]
"""from tensors and the keyword `lr` to an optimiser: `adam`, `sgd`, `torch.optim.AdamW`, a `functools.partial`"""


def adam(values: Iterable[Tensor], lr: float, eps: float = 1e-8) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015) in one fused operation."""
    return torch.optim.Adam(values, lr=lr, eps=eps, fused=True)


def sgd(values: Iterable[Tensor], lr: float) -> torch.optim.Optimizer:
    """Plain gradient descent in one fused operation."""
    return torch.optim.SGD(values, lr=lr, fused=True)


def check_optimiser(optimiser: Any) -> None:
    """Raise ValueError unless `optimiser` can be called."""
    if not callable(optimiser):
        raise ValueError(
            f"optimiser must be a function of tensors and lr, like adam, sgd or torch.optim.AdamW, got {optimiser!r}."
        )


def make_optimiser(factory: OptimiserFactory, values: Iterable[Tensor], lr: float) -> torch.optim.Optimizer:
    """What a factory makes of tensors and a step size.

    Raises:
        ValueError: where that is no optimiser.
    """
    optimiser = factory(list(values), lr=lr)
    if not all(hasattr(optimiser, name) for name in ("param_groups", "step", "state_dict")):
        raise ValueError(
            f"optimiser must return an optimiser such as torch.optim.AdamW, got {type(optimiser).__name__} from it."
        )
    return optimiser


def linear_schedule(first: float, last: float, steps: float, step: float) -> float:
    """From `first` linearly to `last` over `steps`, and then constant."""
    return first + (last - first) * min(step / max(steps, 1), 1.0)


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Set the step size of all parameters of an optimiser."""
    for group in optimiser.param_groups:
        group["lr"] = lr
