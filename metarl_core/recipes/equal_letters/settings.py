"""What the table of few-shot letters depends on."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

TRANSDUCTIVE, LONGER = "transductive prototypes", "longer pre-training"
META_LEARNERS = ("prototypes", "MAML", "ANIL")
OTHERS = ("pre-training", "pre-trained prototypes", "random initialisation", "pixel neighbours")
METHODS = (
    *(f"{name}, {shots}-shot" for shots in (1, 5) for name in (*META_LEARNERS, *OTHERS)),
    f"{TRANSDUCTIVE}, 1-shot",
    *(f"{LONGER}, {shots}-shot" for shots in (1, 5)),
)


class Rates(NamedTuple):
    """Step sizes of a training."""

    outer_lr: float
    """where Adam begins; it falls linearly to 0"""
    inner_lr: float = 0.0
    """of MAML and ANIL in meta-training; the others have none"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on.

    The MAML paper trains for 60,000 iterations of 32 tasks with 64 channels; these are settings for seconds.
    """

    ways: int = 5
    channels: int = 16
    iterations: int = 400
    """updates of Adam, of every method"""
    images: int = 120
    """in each update, of every method"""
    shots: tuple[int, ...] = (1, 5)
    queries: tuple[int, ...] = (5, 3)
    """of each class of a training task, at these numbers of shots"""
    prototype_ways: tuple[int, ...] = (20, 15)
    """letters in the one training task of an update of prototypes, whose head has no weights that would have to be
    learned for each class (Snell et al. 2017)"""
    outer_lrs: tuple[float, ...] = (3e-3, 1e-2, 3e-2, 1e-1)
    """four choices for prototypes"""
    pretraining_lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    """four choices for pre-training"""
    meta_lrs: tuple[float, ...] = (3e-3, 1e-2, 3e-2)
    inner_lrs: tuple[float, ...] = (0.1, 0.4)
    """six choices of both for MAML and ANIL"""
    longer: int = 4
    """how many times the updates of all others longer pre-training makes"""
    inner_steps: int = 1
    """of MAML and ANIL in meta-training"""
    search_seed: int = 100
    """of the trainings of half the length that decide on the step sizes"""
    test_lrs: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    test_steps: tuple[int, ...] = (1, 2, 4)
    """choices at test, for every trained network that takes gradient steps there"""
    selection_tasks: int = 50
    """of training letters, on which all choices are made"""
    selection_queries: int = 5
    selection_seed: int = 2_000_000
    test_tasks: int = 200
    test_chunk: int = 50
    test_queries: int = 10
    """of each class"""
    test_seed: int = 1_000_000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    def choices(self, name: str) -> list[Rates]:
        """The step sizes among which those of a method's training are chosen."""
        if name in ("MAML", "ANIL"):
            return [Rates(*both) for both in itertools.product(self.meta_lrs, self.inner_lrs)]
        return [Rates(lr) for lr in (self.pretraining_lrs if name == "pre-training" else self.outer_lrs)]

    def episode(self, name: str, shots: int) -> tuple[int, int, int]:
        """Training tasks in an update, letters in each, and query images of each letter."""
        place = self.shots.index(shots)
        ways = self.prototype_ways[place] if "prototypes" in name else self.ways
        return self.images // (ways * (shots + self.queries[place])), ways, self.queries[place]
