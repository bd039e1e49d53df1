"""Physical parameters that vary from task to task by random factors."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real

import torch

from metarl_core.tasks.draws import stamp_split, uniform
from metarl_core.tasks.family import Tasks


def check_spread(spread: float) -> float:
    """`spread` itself; ValueError where it is not a number above 1."""
    if not isinstance(spread, Real) or not 1 < spread < math.inf:
        raise ValueError(f"spread is a factor and must be above 1, got {spread!r}.")
    return spread


def default_physics(default: Mapping[str, float]) -> Tasks:
    """One task with these parameters, in torch's default dtype."""
    return {
        name: torch.tensor([value], device="cpu", dtype=torch.get_default_dtype()) for name, value in default.items()
    }


def draw_physics(
    default: Mapping[str, float],
    varying: Sequence[str],
    spread: float,
    n: int,
    generator: torch.Generator,
    split: str,
    dtype: torch.dtype | None,
) -> Tasks:
    """`n` copies of the `default` task with the `varying` parameters multiplied by log-uniform factors.

    Train and test factors lie in [1/spread, spread]; out-of-distribution ones in [spread, spread²] or
    [1/spread², 1/spread], either side with probability one half.
    """
    tasks = {name: torch.full((n,), value, dtype=dtype, device=generator.device) for name, value in default.items()}
    for name in varying:
        exponent = uniform((n,), -1.0, 1.0, generator, dtype)
        if split == "ood":
            exponent = exponent + torch.where(exponent < 0, -1.0, 1.0)
        tasks[name] = stamp_split(tasks[name] * spread**exponent, split)
    return tasks
