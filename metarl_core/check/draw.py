"""Cases that are drawn: constants, sizes, flags and numbers, each from a stated range, small ones first.

A listed case has regularities that its author did not choose: a size that divides evenly, a discount that never
changes, flags that never coincide. An answer that leans on one of them is wrong, and passes. So a check states ranges,
and each of its cases is drawn from them by a `Draw` with a seed. Its `size` stretches the ranges: near 0 everything is
at its smallest, at 1 the whole range is used. The cases of one check grow, and a failing one is sought again among
smaller ones before it is shown. A case has twins, of the same constants and sizes and with other numbers in its
tensors: what an answer keeps from call to call under the constants alone is not right for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
TWIN = 1_000_003
"""from the seed of a case to that of its twin's numbers"""


@dataclass(frozen=True)
class Case:
    """Arguments that the learner's function is called with, and what is special about them."""

    args: tuple
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, bool] = field(default_factory=dict)
    """words that fit after "where", as in "a step is terminated and truncated at once", and whether they hold here"""

    def noting(self, notes: Mapping[str, bool]) -> Case:
        """The same case with these notes: a report says whether the answer fails just where one of them holds."""
        return replace(self, notes={**self.notes, **{words: bool(holds) for words, holds in notes.items()}})


def case(*args: Any, **kwargs: Any) -> Case:
    """`case(rewards, 0.9, axis=1)`: the call `f(rewards, 0.9, axis=1)`."""
    return Case(args, kwargs)


class Draw:
    """Draws the pieces of one case, reproducibly.

    Args:
        seed: of everything that is drawn.
        size: from 0 to 1, the part of each range that is used.
    """

    def __init__(self, seed: int, size: float = 1.0):
        self.seed, self.size = seed, size
        self.generator = torch.Generator().manual_seed(seed)
        self._constants: list[Any] = []
        self._given: list[Any] = []

    def twin(self) -> Draw:
        """Draws the same constants, sizes and choices once more, in the same order, and other numbers in tensors."""
        twin = Draw(self.seed, self.size)
        twin.generator.manual_seed(self.seed + TWIN)
        twin._given = list(self._constants)
        return twin

    def _constant(self, drawn: Callable[[], T]) -> T:
        value = self._given.pop(0) if self._given else drawn()
        self._constants.append(value)
        return value

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`, whatever the size: a multiple of 1/256, or of a finer power of 2 where the
        range is narrow. float32 holds such numbers and their products exactly, so that an answer in which torch makes
        one of a Python number (times a flag) is still right to the last digit.
        """
        unit = 2.0 ** min(-8, math.floor(math.log2(high - low)) - 5)
        most = math.floor(high / unit) - math.ceil(low / unit)
        return self._constant(
            lambda: unit * (math.ceil(low / unit) + int(torch.randint(most + 1, (), generator=self.generator)))
        )

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included; near `low` where the size is small."""
        top = low + round(self.size * (high - low))
        return self._constant(lambda: int(torch.randint(low, top + 1, (), generator=self.generator)))

    def once(self, case: int, large: int, usual: int) -> int:
        """`large` in the case of that number, else `usual`: what is right up to some size alone is wrong there."""
        return large if self.seed == case else usual

    def choice(self, *options: T) -> T:
        """One of the options, each as likely as the others."""
        return options[self._constant(lambda: int(torch.randint(len(options), (), generator=self.generator)))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._constant(lambda: float(torch.rand((), generator=self.generator)) < probability)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float64, scale: float = 1.0, mean: float = 0.0) -> Tensor:
        """Normal numbers, rounded to two decimals where the case is small, so that they can be read."""
        values = mean + scale * torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return (values.mul(100).round().div(100) if self.size < 0.3 else values).to(dtype)

    def skewed(self, *shape: int, dtype: torch.dtype = torch.float64, scale: float = 1.0) -> Tensor:
        """Exponential numbers less a half of their mean: no symmetry that could hide a sign or a missing centre."""
        uniform = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        return (scale * (-torch.log1p(-uniform) - 0.5)).to(dtype)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers from `low` to `high`, both included, whatever the size."""
        return torch.randint(low, high + 1, shape, generator=self.generator)

    def flags(self, *shape: int, share: float = 0.3) -> Tensor:
        """True with probability `share`, each on its own, so that they coincide now and then."""
        return torch.rand(shape, generator=self.generator) < share

    def permutation(self, n: int) -> list[int]:
        """The numbers below n in random order."""
        return torch.randperm(n, generator=self.generator).tolist()

    def new_generator(self) -> torch.Generator:
        """A generator of its own, for an answer that draws."""
        return torch.Generator().manual_seed(int(torch.randint(2**31, (), generator=self.generator)))
