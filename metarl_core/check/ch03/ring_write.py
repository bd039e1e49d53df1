"""The check of the exercise `ring_write`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch03.oracles import draw_ring


def _draw_writing(draw):
    """0 to N new transitions; learners that have written nothing, a part of the ring, or it several times over."""
    ring, written = draw_ring(draw, 0, draw.once(17, 60, 0), draw.once(18, 60, 0))
    learners, capacity = ring.shape
    more = draw.choice(0, capacity, capacity, *(draw.integer(1, capacity) for _ in range(6)))
    more = draw.once(17, capacity, more)
    return case(ring, written, draw.normal(learners, more, dtype=ring.dtype)).noting(
        {
            "a learner's new transitions pass the end of its ring": (written % capacity + more > capacity).any(),
            "a learner has written more than its ring holds": (written > capacity).any(),
            "a learner has written nothing yet": (written == 0).any(),
            "learners have written different numbers": len(written.unique()) > 1,
            "nothing is new": more == 0,
            "the whole ring is written anew": more == capacity,
            "a learner has written millions": (written > 2**24).any(),
            "a ring has a single slot": capacity == 1,
            "a ring has several slots": capacity > 1,
            "the ring is float32": ring.dtype == torch.float32,
            "the ring is float64": ring.dtype == torch.float64,
            "there is a single learner": learners == 1,
        }
    )


def _write_one_by_one(ring, written, new):
    rows, counts = ring.tolist(), written.tolist()
    for learner, values in enumerate(new.tolist()):
        for value in values:
            rows[learner][counts[learner] % len(rows[learner])] = value
            counts[learner] += 1
    return torch.tensor(rows, dtype=ring.dtype), torch.tensor(counts)


def _write(ring, written, new, first=None, modulus=None, stop=False, count=None):
    ring, capacity = ring.clone(), ring.shape[1]
    first = written if first is None else first
    place = first[:, None] + torch.arange(new.shape[1])
    place = place.clamp_max(capacity - 1) if stop else place % (modulus or capacity)
    for learner in range(len(ring)):
        for slot, value in zip(place[learner].tolist(), new[learner].tolist(), strict=True):
            ring[learner, slot] = value
    return ring, written + new.shape[1] if count is None else count


def _queue(ring, written, new):
    return torch.cat([ring, new], 1)[:, new.shape[1] :], written + new.shape[1]


def _until_full(ring, written, new):
    out, capacity = ring.clone(), ring.shape[1]
    for learner, count in enumerate(written.tolist()):
        room = min(max(capacity - count, 0), new.shape[1])
        out[learner, count : count + room] = new[learner, :room]
    return out, written + new.shape[1]


check_ring_write = function_check(
    "ring_write",
    _write_one_by_one,
    _draw_writing,
    Wrong(
        "beyond_the_end",
        "You ask a tensor for a place that it does not have. Which slot follows the ring's last one, by (2), and which "
        "transitions are there if none is new?",
        raises="out of bounds",
    ),
    Wrong(
        "stuck_at_the_end",
        "Once the ring is full, each new transition overwrites the newest one. Which one should go?",
        lambda ring, written, new: _write(ring, written, new, stop=True),
    ),
    Wrong(
        "queue",
        "You move all transitions up, so that the newest stands last. In which slot does number i stand by (2)?",
        _queue,
    ),
    Wrong(
        "off_by_one",
        "Everything stands one slot too late. In which slot does the very first transition stand, by (2)?",
        lambda ring, written, new: _write(ring, written, new, first=written + 1),
    ),
    Wrong(
        "short_ring",
        "One slot of the ring is never used. How many different remainders does the division in (2) have?",
        lambda ring, written, new: _write(ring, written, new, modulus=max(1, ring.shape[1] - 1)),
    ),
    Wrong(
        "from_the_start",
        "Each call writes from the first slot on, whatever was written before. Where did the last call stop?",
        lambda ring, written, new: _write(ring, written, new, first=0 * written),
    ),
    Wrong(
        "newest_first",
        "The right slots, in the wrong order: which of the new transitions is the oldest?",
        lambda ring, written, new: _write(ring, written, new.flip(1)),
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
        "count_modulo",
        "The ring is right and the count begins again at 0 where the ring is full. From what would `ring_sample` know "
        "that there is no empty slot?",
        lambda ring, written, new: _write(ring, written, new, count=(written + new.shape[1]) % ring.shape[1]),
    ),
    Wrong(
        "counts_calls",
        "The ring is right, and the count grows by 1 a call, however many transitions are new.",
        lambda ring, written, new: _write(ring, written, new, count=written + 1),
    ),
    Wrong(
        "counts_new_only",
        "The ring is right, and the count is that of this call alone. What does `written` count?",
        lambda ring, written, new: _write(ring, written, new, count=0 * written + new.shape[1]),
    ),
    Wrong(
        "first_only",
        "Of several new transitions you write the first one alone.",
        lambda ring, written, new: _write(ring, written, new[:, :1], count=written + new.shape[1]),
    ),
    Wrong(
        "last_only",
        "Of several new transitions you write the last one alone, where the first one should stand.",
        lambda ring, written, new: _write(ring, written, new[:, -1:], count=written + new.shape[1]),
    ),
    Wrong(
        "first_learners_transitions",
        "All learners get the first one's transitions.",
        lambda ring, written, new: _write(ring, written, new[:1].expand_as(new)),
    ),
    Wrong(
        "first_only_counted",
        "You write one transition a call, and count one. How many does `new` hold for each learner?",
        lambda ring, written, new: _write(ring, written, new[:, :1], count=written + 1),
    ),
    Wrong(
        "full_takes_nothing",
        "A ring that is full takes nothing new. What does (2) say about a slot that is taken?",
        _until_full,
    ),
    Wrong(
        "forgets_the_rest",
        "The new transitions stand where they should, and the older ones are gone.",
        lambda ring, written, new: _write(0 * ring, written, new),
    ),
    Wrong(
        "fastest_clock",
        "All learners write where the one does that has written most.",
        lambda ring, written, new: _write(ring, written, new, first=written.max().expand_as(written)),
    ),
    Wrong(
        "one_clock",
        "All learners write where the first one does. They may have written different numbers of transitions.",
        lambda ring, written, new: _write(ring, written, new, first=written[:1].expand_as(written)),
    ),
)  # fmt: skip
