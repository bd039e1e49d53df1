"""Observations as the input of a network."""

import math
from typing import Any

import gymnasium
import torch
from torch import Tensor, nn


def encode_observation(observation: Tensor, space: gymnasium.Space[Any], dtype: torch.dtype | None = None) -> Tensor:
    """Observations as network input `[..., features]`: one-hot for `Discrete`, flattened for `Box`.

    Args:
        observation: `[..., *space.shape]`; of a `Discrete` space its own numbers, from `space.start` on.
        space: of one observation.
        dtype: of a one-hot encoding; torch's default unless given.

    Raises:
        ValueError: for observations outside a `Discrete` space, or of another shape than a `Box`.
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        try:
            one_hot = nn.functional.one_hot(observation - int(space.start), int(space.n))
        except RuntimeError as error:
            raise ValueError(
                f"observation must hold integers (torch.int64) from {space.start} to {space.start + space.n - 1}, "
                f"got others of type {observation.dtype}."
            ) from error
        return one_hot.to(torch.get_default_dtype() if dtype is None else dtype)
    axes = len(space.shape or ())
    if axes == 0 or observation.shape[-axes:] != space.shape:
        shape = ", ".join(("...", *map(str, space.shape or ())))
        raise ValueError(f"observation must have shape [{shape}] of its Box, got {list(observation.shape)}.")
    return observation if axes == 1 else observation.flatten(observation.ndim - axes)


def observation_size(space: gymnasium.Space[Any]) -> int:
    """Number of features that `encode_observation` gives.

    Raises:
        ValueError: for a space that is neither `Discrete` nor `Box`.
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(space.n)
    if isinstance(space, gymnasium.spaces.Box) and space.shape:
        return math.prod(space.shape)
    raise ValueError(f"observations must lie in a Discrete or Box space, got {space}.")
