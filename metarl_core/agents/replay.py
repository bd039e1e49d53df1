"""Experience replay (Lin 1992; Mnih et al. 2015): a ring of past transitions for each learner."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarl_core.agents.draws import Generators, draw_uniform
from metarl_core.arguments import check_count, check_shape


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

    Attributes:
        written: transitions written so far, overwritten ones included, `[learner]`.

    Raises:
        ValueError: for a capacity or a number of learners below 1.
    """

    def __init__(self, capacity: int, learners: int = 1):
        check_count("capacity", capacity)
        check_count("learners", learners)
        self.capacity, self.learners = capacity, learners
        self.storage: Transitions | None = None
        # On the device of the transitions, as soon as there are any.
        self.written = torch.zeros(learners, dtype=torch.int64, device="cpu")

    @property
    def filled(self) -> Tensor:
        """Transitions that can be sampled, `[learner]`."""
        return self.written.clamp_max(self.capacity)

    def add(self, transitions: Transitions, mask: Tensor | None = None) -> None:
        """Append transitions `[learner, env, ...]`, leaving out those where `mask` `[learner, env]` is false.

        Raises:
            ValueError: for more transitions at once than the ring holds, or another number of learners.
        """
        check_shape("rewards", transitions.rewards, "learner", "env")
        learners, envs = transitions.rewards.shape
        if learners != self.learners or envs > self.capacity:
            raise ValueError(
                f"transitions must come from {self.learners} learners with at most {self.capacity} each, "
                f"got {learners} learners with {envs}."
            )
        device = transitions.rewards.device
        if self.storage is None:
            self.written = self.written.to(device)
            self.storage = Transitions(
                *(value.new_zeros((self.learners, self.capacity, *value.shape[2:])) for value in transitions)
            )
        if mask is None:
            mask = torch.ones((learners, envs), dtype=torch.bool, device=device)
        place = (self.written[:, None] + mask.cumsum(1) - 1) % self.capacity
        learner, env = mask.nonzero(as_tuple=True)
        place = place[learner, env]
        for stored, new in zip(self.storage, transitions, strict=True):
            stored[learner, place] = new[learner, env]
        self.written += mask.sum(1)

    def sample(self, size: int, generator: Generators) -> Transitions:
        """`size` transitions per learner, uniformly and with replacement from those written.

        Raises:
            ValueError: while a learner's ring is empty, or for a size below 1.
        """
        check_count("size", size)
        filled = self._filled_at_least(1)
        # In float64 the product is below `filled` for every draw below 1.
        draws = draw_uniform((self.learners, size), generator, dtype=torch.float64)
        return self._at((draws.to(filled.device) * filled[:, None]).long())

    def sample_run(self, size: int, generator: Generators) -> Transitions:
        """`size` transitions per learner that were written one after another, from a uniformly drawn place on.

        Raises:
            ValueError: while a learner's ring holds fewer than `size`, or for a size below 1.
        """
        check_count("size", size)
        filled = self._filled_at_least(size)
        draws = draw_uniform((self.learners, 1), generator, dtype=torch.float64)
        first = (draws.to(filled.device) * (filled - size + 1)[:, None]).long()
        oldest = (self.written - filled)[:, None]
        return self._at((oldest + first + torch.arange(size, device=filled.device)) % self.capacity)

    def state_dict(self) -> dict[str, Any]:
        """What the buffer holds, for a checkpoint (`metarl_core.training.Stateful`)."""
        stored = [] if self.storage is None else [value.clone() for value in self.storage]
        return {"written": self.written.clone(), "stored": stored}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Hold what a buffer of the same capacity and number of learners held when `state_dict` was called."""
        device = self.written.device
        self.written = state_dict["written"].to(device, copy=True)
        stored = [value.to(device, copy=True) for value in state_dict["stored"]]
        self.storage = Transitions(*stored) if stored else None

    def _filled_at_least(self, size: int) -> Tensor:
        filled = self.filled
        if int(filled.min()) < size:
            raise ValueError(
                f"the buffer must hold at least {size} transitions of each learner, got {int(filled.min())}."
            )
        return filled

    def _at(self, index: Tensor) -> Transitions:
        """The transitions at places `[learner, sample]` of each learner's own ring."""
        index = index + self.capacity * torch.arange(self.learners, device=index.device)[:, None]
        assert self.storage is not None
        return Transitions(*(stored.flatten(0, 1)[index] for stored in self.storage))
