"""Chapter 11: a memory that looks back at all steps instead of rewriting a state, on bandits, five seeds.

The recipe and the rows are those of `memory_bandits`, with causal attention in the place of the GRU, and with
smaller steps.
"""

import functools
from dataclasses import dataclass, field

from torch import Tensor

from metarl_core.meta.memory import CausalAttention
from metarl_core.recipes import memory_bandits
from metarl_core.recipes.memory_bandits import Phase, Trained

METHODS = ("10 pulls, 5 arms",)


def phases() -> dict[str, tuple[Phase, ...]]:
    """By the pulls of the last phase; as many iterations as the GRU has."""
    return {"10": (Phase(10, 60, 3e-3, 0.01), Phase(10, 60, 2e-3, 0.01, last=True))}


@dataclass(frozen=True)
class Settings(memory_bandits.Settings):
    """All that the table depends on."""

    phases: dict = field(default_factory=phases)
    hidden: int = 32
    """width of the features"""
    heads: int = 2
    layers: int = 2


def make_memory(settings: Settings) -> functools.partial[CausalAttention]:
    """What makes the memory."""
    return functools.partial(CausalAttention, heads=settings.heads, layers=settings.layers)


def trained(method: str, seed: int, settings: Settings | None = None) -> Trained:
    """Train one memory from one seed; the table's, with its settings."""
    settings = settings or Settings()
    return memory_bandits.trained(method, seed, settings, make_memory=make_memory(settings))


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed, as in `memory_bandits`."""
    settings = settings or Settings()
    return memory_bandits.run(method, seed, settings, make_memory(settings))
