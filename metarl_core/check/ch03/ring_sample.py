"""The check of the exercise `ring_sample`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch03.oracles import ring_buffer
from metarl_core.check.copies import clone

_DRAWS = 4000


def _sample_cases():
    for seed, (capacity, written) in enumerate(((6, (4, 15, 6)), (5, (7, 2)), (8, (3, 9, 30)))):
        ring, counts = ring_buffer(seed, capacity, written)
        yield case(ring, counts, _DRAWS, torch.Generator().manual_seed(seed))


def _look_at_sample(answer, ring, written, size, generator):
    """What can be said of a sample without knowing how it was drawn."""
    again, other = clone(generator), torch.Generator().manual_seed(12345)
    held = ring.clone(), written.clone()
    torch.manual_seed(1)  # draws from the global source are not reproducible
    drawn = answer(ring, written, size, generator)
    torch.manual_seed(2)
    twin, different = answer(*clone(held), size, again), answer(*clone(held), size, other)
    facts = {
        "shape": list(drawn.shape),
        "unwritten slots": 0,
        "of other learners": 0,
        "never drawn": 0,
        "uneven": False,
        "same generator, same sample": torch.equal(drawn, twin),
        "other generator, other sample": not torch.equal(drawn, different),
    }
    if facts["shape"] != [len(held[0]), size]:
        return facts
    for learner, row in enumerate(drawn):
        own = held[0][learner]
        own = own[own > 0]
        counts = torch.tensor([int((row == value).sum()) for value in own])
        facts["unwritten slots"] += int((row == 0).sum())
        facts["of other learners"] += int((row != 0).sum() - counts.sum())
        facts["never drawn"] += int((counts == 0).sum())
        expected = size / len(own)
        # Six standard deviations of a binomial number.
        facts["uneven"] |= bool(((counts - expected).abs() > 6 * math.sqrt(expected)).any())
    return facts


def _facts_of_a_good_sample(ring, written, size, generator):
    return {
        "shape": [len(ring), size],
        "unwritten slots": 0,
        "of other learners": 0,
        "never drawn": 0,
        "uneven": False,
        "same generator, same sample": True,
        "other generator, other sample": True,
    }


check_ring_sample = function_check(
    "ring_sample",
    _facts_of_a_good_sample,
    _sample_cases,
    Wrong(
        "beyond_the_ring",
        "You look for a slot that the ring does not have. Written so far and still there are two numbers.",
        raises="out of bounds",
    ),
    Wrong(
        "mixes_learners",
        "Some learners get transitions of others.",
        when=lambda facts, *_: facts["of other learners"] > 0,
    ),
    Wrong(
        "unwritten",
        "Your minibatches hold zeros from slots that nobody has written: made-up transitions, from which a network "
        "learns that nothing is worth anything.",
        when=lambda facts, *_: facts["unwritten slots"] > 0,
    ),
    Wrong(
        "never_drawn",
        "Some transitions are never drawn in thousands of draws. Look at the ends of your range, and at learners "
        "that have written different numbers of them.",
        when=lambda facts, *_: facts["never drawn"] > 0,
    ),
    Wrong(
        "not_reproducible",
        "Two calls with equal generators gave two different samples. Where does your randomness come from?",
        when=lambda facts, *_: not facts["same generator, same sample"],
    ),
    Wrong(
        "always_the_same",
        "Another generator gives the same sample. What is random in it?",
        when=lambda facts, *_: not facts["other generator, other sample"],
    ),
    Wrong(
        "uneven",
        "All transitions are drawn, but some far more often than others.",
        when=lambda facts, *_: facts["uneven"],
    ),
    observe=_look_at_sample,
)
