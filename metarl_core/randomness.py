"""Sources of randomness of one's own."""

import torch

from metarl_core.arguments import check_count

__all__ = ["seeded"]


def seeded(seed: int) -> torch.Generator:
    """A new generator on the CPU: the same seed gives the same draws, wherever else numbers are drawn.

    Raises:
        ValueError: for a seed that is not a whole number from 0 on.
    """
    return torch.Generator("cpu").manual_seed(check_count("seed", seed, 0))
