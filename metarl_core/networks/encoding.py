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
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        one_hot = nn.functional.one_hot(observation - int(space.start), int(space.n))
        return one_hot.to(torch.get_default_dtype() if dtype is None else dtype)
    assert space.shape is not None
    axes = len(space.shape)
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
