"""The check of the exercise `ring_write`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch03.oracles import ring_buffer


def _write_cases():
    # The count is far above the capacity in one learner of each case, so that capped counts go wrong.
    for seed, (capacity, written, more) in enumerate(((5, (3, 13, 0), 4), (4, (9, 2), 2), (6, (5, 17, 6, 0), 6))):
        ring, counts = ring_buffer(seed, capacity, written)
        yield case(ring, counts, torch.rand(len(written), more, generator=torch.Generator().manual_seed(seed)))


def _write_one_by_one(ring, written, new):
    rows, counts = ring.tolist(), written.tolist()
    for learner, values in enumerate(new.tolist()):
        for value in values:
            rows[learner][counts[learner] % len(rows[learner])] = value
            counts[learner] += 1
    return torch.tensor(rows), torch.tensor(counts)


def _write(ring, written, new, first=None, modulus=None, stop=False, count=None):
    ring, capacity = ring.clone(), ring.shape[1]
    first = written if first is None else first
    place = first[:, None] + torch.arange(new.shape[1])
    place = place.clamp_max(capacity - 1) if stop else place % (modulus or capacity)
    for learner in range(len(ring)):
        for slot, value in zip(place[learner].tolist(), new[learner].tolist(), strict=True):
            ring[learner, slot] = value
    return ring, written + new.shape[1] if count is None else count


check_ring_write = function_check(
    "ring_write",
    _write_one_by_one,
    _write_cases,
    Wrong(
        "stuck_at_the_end",
        "Once the ring is full, each new transition overwrites the newest one. Which one should go?",
        lambda ring, written, new: _write(ring, written, new, stop=True),
    ),
    Wrong(
        "off_by_one",
        "Everything stands one slot too late. In which slot does the very first transition stand, by (2)?",
        lambda ring, written, new: _write(ring, written, new, first=written + 1),
    ),
    Wrong(
        "short_ring",
        "One slot of the ring is never used. How many different remainders does the division in (2) have?",
        lambda ring, written, new: _write(ring, written, new, modulus=ring.shape[1] - 1),
    ),
    Wrong(
        "capped_count",
        "The ring is right and the count stops at the capacity. With what would the next call find its slot?",
        lambda ring, written, new: _write(
            ring, written, new, count=(written + new.shape[1]).clamp_max(ring.shape[1])
        ),
    ),
    Wrong(
        "count_forgotten",
        "The ring is right, and the count is still the old one. The next call would write over these transitions.",
        lambda ring, written, new: _write(ring, written, new, count=written),
    ),
    Wrong(
        "one_clock",
        "All learners write where the first one does. They may have written different numbers of transitions.",
        lambda ring, written, new: _write(ring, written, new, first=written[:1].expand_as(written)),
    ),
)  # fmt: skip
