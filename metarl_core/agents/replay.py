"""Experience replay (Lin 1992; Mnih et al. 2015): a ring of past transitions for each learner."""

from typing import NamedTuple

import torch
from torch import Tensor


class Transitions(NamedTuple):
    """Single steps `[learner, sample, ...]`; `next_observations` are the true ones, never those after a reset."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor


class ReplayBuffer:
    """The last `capacity` transitions of each learner; the oldest are overwritten.

    Args:
        capacity: transitions per learner, at least 1.
        learners: number of learners; their transitions never mix.

    Raises:
        ValueError: for a capacity or a number of learners below 1.
    """

    def __init__(self, capacity: int, learners: int = 1):
        if capacity < 1 or learners < 1:
            raise ValueError(f"capacity and learners must be at least 1, got {capacity} and {learners}.")
        self.capacity, self.learners = capacity, learners
        self.storage: Transitions | None = None
        self.written = torch.zeros(learners, dtype=torch.int64)
        """transitions written so far per learner, overwritten ones included"""

    def add(self, transitions: Transitions, mask: Tensor | None = None) -> None:
        """Append transitions `[learner, env, ...]`, leaving out those where `mask` `[learner, env]` is false."""
        if self.storage is None:
            self.storage = Transitions(
                *(value.new_zeros((self.learners, self.capacity, *value.shape[2:])) for value in transitions)
            )
        if mask is None:
            mask = torch.ones(transitions.rewards.shape, dtype=torch.bool)
        order = mask.long().cumsum(1) - 1
        learner, env = mask.nonzero(as_tuple=True)
        place = (self.written[learner] + order[learner, env]) % self.capacity
        for stored, new in zip(self.storage, transitions):
            stored[learner, place] = new[learner, env]
        self.written += mask.sum(1)

    def sample(self, size: int, generator: torch.Generator) -> Transitions:
        """`size` transitions per learner, uniformly and with replacement from those written.

        Raises:
            ValueError: while a learner's ring is empty.
        """
        filled = self.written.clamp_max(self.capacity)
        if int(filled.min()) == 0:
            raise ValueError("sample needs at least one transition of each learner, got an empty buffer.")
        index = (torch.rand((self.learners, size), generator=generator) * filled[:, None]).long()
        learner = torch.arange(self.learners)[:, None]
        return Transitions(*(stored[learner, index] for stored in self.storage))
