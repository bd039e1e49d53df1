"""Random numbers on the generator's device, and the stamp that keeps two splits apart."""

import torch
from torch import Tensor


def uniform(
    shape: tuple[int, ...], low: float, high: float, generator: torch.Generator, dtype: torch.dtype | None = None
) -> Tensor:
    """Draws from the uniform distribution on [low, high), of `dtype` (torch's default) on the generator's device."""
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=dtype, device=generator.device)


BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""by a float's size in bytes, the integers that its bits are"""


def stamp_split(values: Tensor, split: str) -> Tensor:
    """Mark continuous task parameters as train or test by the last bit of their significand.

    Two fresh draws from a continuous p(T) almost never coincide. The stamp makes it *never*: train
    values are even, test values odd, and both follow p(T) to one part in sixteen million (in float32).
    "ood" values are returned as they are, because their region of the parameter space is their mark.
    """
    if split == "ood":
        return values
    bits = values.contiguous().view(BITS[values.element_size()]) & ~1
    return (bits | (1 if split == "test" else 0)).view(values.dtype)


def rand(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Draws from [0, 1) on the generator's device, given in the dtype and on the device of `like`."""
    return torch.rand(shape, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)


def randn(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Standard normal draws; see `rand`."""
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)
