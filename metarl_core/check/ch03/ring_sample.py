"""The check of the exercise `ring_sample`."""

import torch
from scipy import stats

from metarl_core.check import CheckFailed, Wrong, case, function_check
from metarl_core.check.ch03.oracles import draw_ring
from metarl_core.check.copies import clone
from metarl_core.check.describe import describe

_MANY = 2000
"""draws of each learner in one call"""
_LARGE, _STRETCHES, _FLOOD = 3200, 16, 9600
"""slots of a large ring, stretches of it that are told apart, and draws of each learner from it: three times as many as
there are slots, so that neighbours drawn in turn fill all stretches alike"""
_CALLS = 60
"""calls of the size that the case asks for"""
_RARE = 1e-10
"""A sampler without fault looks worse than this in one test with this probability. There are at most 50 tests in each
of 24 cases, so that a right answer is refused with probability 1.2e-7."""


def _draw_sampling(draw):
    """1 to 6 draws of each learner, from a ring with unwritten slots, one just full, or one that has gone round.

    One ring has thousands of slots; of how many draws each learner's come from which stretch of them is then looked at.
    """
    ring, written = draw_ring(draw, 1) if draw.seed != 15 else _large_ring()
    capacity, size = ring.shape[1], draw.integer(1, 6)
    return case(ring, written, size, draw.new_generator()).noting(
        {
            "a ring has unwritten slots": (written < capacity).any(),
            "a learner has written more than its ring holds": (written > capacity).any(),
            "learners hold different numbers": len(written.clamp_max(capacity).unique()) > 1,
            "a ring holds a single transition": (written.clamp_max(capacity) == 1).any(),
            "a ring has thousands of slots": capacity > 1000,
            "there is a single learner": len(ring) == 1,
            "the ring is float32": ring.dtype == torch.float32,
            "the ring is float64": ring.dtype == torch.float64,
            "more is drawn than a ring holds": (written.clamp_max(capacity) < size).any(),
        }
    )


def _large_ring():
    """Two learners: one has written half of its ring, the other has gone round."""
    written = torch.tensor([_LARGE // 2, 3 * _LARGE + 7])
    slot = torch.arange(_LARGE, dtype=torch.float64)
    return torch.stack([torch.where(slot < written[0], 10_000 + slot, -1 - slot), 20_000 + slot]), written


def _facts_of_a_good_sample(ring, written, size, generator):
    return {
        "no made-up numbers": True,
        "no transitions of other learners": True,
        "nothing from unwritten slots": True,
        "all may be drawn": True,
        "all equally likely": True,
        "draws come in no order": True,
        "draws are no neighbours": True,
        "draws repeat often enough": True,
        "draws repeat rarely enough": True,
        "draws of a call are independent": True,
        "calls are independent": True,
        "learners are independent": True,
        "equal generators, equal samples": True,
        "another generator, another sample": True,
    }


def _look_at_sample(answer, ring, written, size, generator):
    """What can be said of samples without knowing how they were drawn."""
    facts = _facts_of_a_good_sample(ring, written, size, generator)
    twin = clone(generator)
    drawn = answer(ring, written, size, generator)
    if not isinstance(drawn, torch.Tensor):
        raise TypeError("a sample is a tensor")
    again = answer(ring, written, size, twin)
    number = _MANY if ring.shape[1] <= 1000 else _FLOOD
    many = answer(ring, written, number, twin), answer(ring, written, number, clone(generator))
    expected = describe(torch.empty(len(ring), number, dtype=ring.dtype))
    asked = describe(torch.empty(len(ring), size, dtype=ring.dtype))
    for got, wanted in ((drawn, asked), (again, asked), *((one, expected) for one in many)):
        if describe(got) != wanted:
            raise CheckFailed(f"`ring_sample` returned {describe(got)}; expected is {wanted}.", "shape")
    facts["equal generators, equal samples"] = torch.equal(drawn, again) and torch.equal(*many)
    held = written.clamp_max(ring.shape[1]).tolist()
    _look_at_slots(facts, ring, held, many[0])
    if facts == _facts_of_a_good_sample(ring, written, size, generator):
        other = answer(ring, written, number, torch.Generator().manual_seed(12345))
        facts["another generator, another sample"] = max(held) == 1 or not torch.equal(many[0], other)
        few = [answer(ring, written, size, generator) for _ in range(_CALLS)]
        if all(describe(one) == asked for one in few):
            _look_for_dependence(facts, ring, held, many[0], few)
    return facts


def _look_at_slots(facts, ring, held, drawn):
    for row, own, filled in zip(drawn, ring, held, strict=True):
        slot, here = _found(row, own)
        counts, elsewhere = torch.bincount(slot[here], minlength=len(own)), torch.isin(row, ring) & ~here
        facts["no made-up numbers"] &= bool(torch.isin(row, ring).all())
        facts["no transitions of other learners"] &= not bool((elsewhere & (row > 0)).any())
        facts["nothing from unwritten slots"] &= not bool(counts[filled:].any() or (elsewhere & (row < 0)).any())
        if filled > 1 and (row == row[0]).all():
            facts["draws repeat rarely enough"] = False
        code, cells = _stretch(slot, filled)
        facts["all may be drawn"] &= bool((torch.bincount(code[here], minlength=cells)[:cells] > 0).all())
        facts["all equally likely"] &= not _uneven(code, cells)


def _found(row, own):
    """The slot of each number of a row, 0 for what is in none, and whether it is in one; no two slots are equal."""
    values, slots = own.sort()
    place = torch.searchsorted(values, row.contiguous()).clamp_max(len(own) - 1)
    here = values[place] == row
    return torch.where(here, slots[place], 0), here


def _stretch(slot, filled):
    """Slots, and how many are filled; in a large ring the stretches that they lie in, and the number of stretches."""
    return (slot, filled) if filled <= 1000 else (slot * _STRETCHES // filled, _STRETCHES)


def _look_for_dependence(facts, ring, held, drawn, few):
    raw = [_found(row, own)[0] for row, own in zip(drawn, ring, strict=True)]
    stretches = [_stretch(slot, filled) for slot, filled in zip(raw, held, strict=True)]
    half = len(raw[0]) // 2
    for learner, (slot, filled) in enumerate(stretches):
        other, others = stretches[learner - 1]
        pairs = (slot[::2], slot[1::2]), (slot[:half], slot[half:])
        facts["draws of a call are independent"] &= not any(_uneven(a * filled + b, filled**2) for a, b in pairs)
        steps = raw[learner][1:] - raw[learner][:-1]
        facts["draws come in no order"] &= filled == 1 or not bool((steps >= 0).all() or (steps <= 0).all())
        facts["draws are no neighbours"] &= filled < 2 or not bool((steps % held[learner] == 1).double().mean() > 0.9)
        equal = [a == b for a, b in pairs]
        if learner > 0:
            facts["learners are independent"] &= not _uneven(slot * others + other, filled * others)
        found = _found(torch.cat([sample[learner] for sample in few]), ring[learner])[0]
        of_calls = _stretch(found, held[learner])[0].reshape(len(few), -1)
        if of_calls.shape[1] > 1:
            equal.append(of_calls[:, 0] == of_calls[:, 1])
        facts["draws repeat often enough"] &= not any(_too_rarely(one, filled) for one in equal)
        facts["draws repeat rarely enough"] &= not any(_too_often(one, filled) for one in equal)
        following = of_calls[1:, 0] == of_calls[:-1, 0]
        facts["calls are independent"] &= not (_too_rarely(following, filled) or _too_often(following, filled))


def _uneven(codes, cells):
    """Whether codes below `cells` are too uneven for draws that are all equally likely (Pearson's χ²)."""
    counts = torch.bincount(codes, minlength=cells).double()
    expected = len(codes) / cells
    return bool(stats.chi2.sf(float(((counts - expected) ** 2 / expected).sum()), cells - 1) < _RARE) and cells > 1


def _too_rarely(equal, filled):
    """Whether pairs of independent draws from `filled` transitions are equal too rarely (exact)."""
    return bool(stats.binom.cdf(int(equal.sum()), len(equal), 1 / filled) < _RARE)


def _too_often(equal, filled):
    """Whether pairs of independent draws from `filled` transitions are equal too often (exact)."""
    return bool(stats.binom.sf(int(equal.sum()) - 1, len(equal), 1 / filled) < _RARE)


check_ring_sample = function_check(
    "ring_sample",
    _facts_of_a_good_sample,
    _draw_sampling,
    Wrong(
        "changes_the_ring",
        "Drawing changes what you were handed, the ring or the counts. A sample takes nothing out and moves nothing.",
        fault="changed arguments",
    ),
    Wrong(
        "beyond_the_ring",
        "You look for a slot that the ring does not have. Written so far and still there are two numbers.",
        raises="out of bounds",
    ),
    Wrong(
        "made_up",
        "Your sample holds numbers that stand in no ring.",
        when=lambda facts, *_: not facts["no made-up numbers"],
    ),
    Wrong(
        "mixes_learners",
        "Some learners get transitions of others.",
        when=lambda facts, *_: not facts["no transitions of other learners"],
    ),
    Wrong(
        "unwritten",
        "Your minibatches hold what stands in slots that nobody has written: made-up transitions, from which a network "
        "learns something that has never happened.",
        when=lambda facts, *_: not facts["nothing from unwritten slots"],
    ),
    Wrong(
        "always_the_same",
        "Another generator gives the same sample. What is random in it?",
        when=lambda facts, *_: not facts["another generator, another sample"],
    ),
    Wrong(
        "calls_alike",
        "Two calls in a row with the same generator draw alike. Does it move on from call to call?",
        when=lambda facts, *_: not facts["calls are independent"],
    ),
    Wrong(
        "in_order",
        "The draws of one call come in the order of their slots. Each draw should know nothing of the others.",
        when=lambda facts, *_: not facts["draws come in no order"],
    ),
    Wrong(
        "neighbours",
        "Nearly every draw of a call is the slot behind the draw before it. How many of them are random?",
        when=lambda facts, *_: not facts["draws are no neighbours"],
    ),
    Wrong(
        "without_replacement",
        "Two draws of one call are equal too rarely. What does *with replacement* mean?",
        when=lambda facts, *_: not facts["draws repeat often enough"],
    ),
    Wrong(
        "repeats",
        "Two draws of one call are equal too often: each should be drawn anew.",
        when=lambda facts, *_: not facts["draws repeat rarely enough"],
    ),
    Wrong(
        "dependent_draws",
        "Who sees some draws of a call knows something about its others. Each draw should be independent of the rest.",
        when=lambda facts, *_: not facts["draws of a call are independent"],
    ),
    Wrong(
        "never_drawn",
        "Some transitions are never drawn in thousands of draws. Look at the ends of your range, and at learners "
        "that have written different numbers of them.",
        when=lambda facts, *_: not facts["all may be drawn"],
    ),
    Wrong(
        "not_reproducible",
        "Two calls with equal generators gave two different samples. Where does your randomness come from?",
        when=lambda facts, *_: not facts["equal generators, equal samples"],
    ),
    Wrong(
        "uneven",
        "Some transitions are drawn more often than others, and not by chance.",
        when=lambda facts, *_: not facts["all equally likely"],
    ),
    Wrong(
        "one_draw_for_all",
        "Who sees one learner's sample knows something about the next learner's. Are their draws independent?",
        when=lambda facts, *_: not facts["learners are independent"],
    ),
    observe=_look_at_sample,
)
