"""Random numbers for many learners: from one generator for all of them, or from one for each."""

from collections.abc import Sequence

import torch
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator]
"""One for all learners; or one for each, which makes a learner's numbers independent of who else is in the batch."""


def all_generators(generator: Generators) -> Sequence[torch.Generator]:
    """The generators as a sequence.

    Raises:
        ValueError: for what is no generator.
    """
    if isinstance(generator, torch.Generator):
        return [generator]
    if not isinstance(generator, Sequence) or not all(isinstance(one, torch.Generator) for one in generator):
        raise ValueError(f"generator must be a torch.Generator, or a sequence of them, got {type(generator).__name__}.")
    return generator


def draw_permutations(size: int, learners: int, generator: Generators) -> Tensor:
    """Random orders of 0, …, `size` − 1: one for all learners, `[size]`, or one for each, `[learner, size]`."""
    if isinstance(generator, torch.Generator):
        return torch.randperm(size, generator=generator, device=generator.device)
    check_generators(generator, learners)
    return torch.stack([torch.randperm(size, generator=one, device=one.device) for one in generator])


def draw_uniform(shape: tuple[int, ...], generator: Generators, dtype: torch.dtype | None = None) -> Tensor:
    """Uniform on [0, 1), `[learner, ...]`, on the generator's device.

    Raises:
        ValueError: for a number of generators that is not the number of learners.
    """
    if isinstance(generator, torch.Generator):
        return torch.rand(shape, generator=generator, dtype=dtype, device=generator.device)
    check_generators(generator, shape[0])
    return torch.stack([torch.rand(shape[1:], generator=one, dtype=dtype, device=one.device) for one in generator])


def draw_integers(high: int, shape: tuple[int, ...], generator: Generators) -> Tensor:
    """Uniform on 0, …, `high` − 1, `[learner, ...]`; errors as `draw_uniform`."""
    if isinstance(generator, torch.Generator):
        return torch.randint(high, shape, generator=generator, device=generator.device)
    check_generators(generator, shape[0])
    return torch.stack([torch.randint(high, shape[1:], generator=one, device=one.device) for one in generator])


def check_generators(generator: Sequence[torch.Generator], learners: int) -> None:
    """Raise ValueError unless there is one generator for each learner."""
    if len(generator) != learners:
        raise ValueError(f"there must be one generator, or one for each of {learners} learners, got {len(generator)}.")
