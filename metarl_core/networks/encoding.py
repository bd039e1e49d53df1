"""Observations as the input of a network."""

import math

import gymnasium
import torch
from torch import Tensor, nn


def encode_observation(observation: Tensor, space: gymnasium.Space) -> Tensor:
    """Observations as network input `[..., features]`: one-hot for `Discrete`, flattened for `Box`."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return nn.functional.one_hot(observation, int(space.n)).to(torch.get_default_dtype())
    axes = len(space.shape)
    return observation if axes == 1 else observation.flatten(observation.ndim - axes)


def observation_size(space: gymnasium.Space) -> int:
    """Number of features that `encode_observation` gives.

    Raises:
        ValueError: for a space that is neither `Discrete` nor `Box`.
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(space.n)
    if isinstance(space, gymnasium.spaces.Box) and space.shape:
        return math.prod(space.shape)
    raise ValueError(f"observations must lie in a Discrete or Box space, got {space}.")
