"""More answers to the exercises of chapter 03, written from the text of the exercises alone."""

import math
import random
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from metarl_core.check import ch03

# ------------------------------------------------------------------ writing into a ring, wrong


def _slots(ring, written, k):
    return (written[:, None] + torch.arange(k)) % ring.shape[1]


def _writes_in_place(ring, written, new):
    ring.scatter_(1, _slots(ring, written, new.shape[1]), new)
    return ring, written + new.shape[1]


def _counts_in_place(ring, written, new):
    out = ring.scatter(1, _slots(ring, written, new.shape[1]), new)
    written += new.shape[1]
    return out, written


def _counts_do_not_grow(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new.shape[1]), new), written.clone()


def _counts_calls(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new.shape[1]), new), written + 1


def _counts_stop_at_n(ring, written, new):
    n = ring.shape[1]
    return ring.scatter(1, _slots(ring, written, new.shape[1]), new), (written + new.shape[1]).clamp_max(n)


def _counts_modulo_n(ring, written, new):
    n = ring.shape[1]
    return ring.scatter(1, _slots(ring, written, new.shape[1]), new), (written + new.shape[1]) % n


def _first_learners_place(ring, written, new):
    slots = ((written[0] + torch.arange(new.shape[1])) % ring.shape[1]).expand(new.shape)
    return ring.scatter(1, slots, new), written + new.shape[1]


def _one_slot_too_far(ring, written, new):
    return ring.scatter(1, _slots(ring, written + 1, new.shape[1]), new), written + new.shape[1]


def _newest_first(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new.shape[1]), new.flip(1)), written + new.shape[1]


def _as_a_queue(ring, written, new):
    k = new.shape[1]
    return torch.cat([ring[:, k:], new], 1), written + k


def _does_not_wrap(ring, written, new):
    out, n = ring.clone(), ring.shape[1]
    for learner in range(len(ring)):
        at = int(written[learner]) % n
        room = min(n - at, new.shape[1])
        out[learner, at : at + room] = new[learner, :room]
    return out, written + new.shape[1]


def _stops_when_full(ring, written, new):
    out, n = ring.clone(), ring.shape[1]
    for learner in range(len(ring)):
        for j in range(new.shape[1]):
            if written[learner] + j < n:
                out[learner, written[learner] + j] = new[learner, j]
    return out, written + new.shape[1]


def _forgets_the_old(ring, written, new):
    return torch.zeros_like(ring).scatter(1, _slots(ring, written, new.shape[1]), new), written + new.shape[1]


def _only_the_first(ring, written, new):
    return ring.scatter(1, _slots(ring, written, 1), new[:, :1]), written + new.shape[1]


def _slots_in_single_precision(ring, written, new):
    slots = ((written.float()[:, None] + torch.arange(new.shape[1])) % ring.shape[1]).long()
    return ring.scatter(1, slots, new), written + new.shape[1]


def _float_ring(ring, written, new):
    return ring.float().scatter(1, _slots(ring, written, new.shape[1]), new.float()), written + new.shape[1]


def _short_counts(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new.shape[1]), new), (written + new.shape[1]).int()


def _wrong_way_round(ring, written, new):
    return written + new.shape[1], ring.scatter(1, _slots(ring, written, new.shape[1]), new)


class _OwnPosition:
    """Counts itself and ignores what it is told."""

    def __init__(self):
        self.at = 0

    def __call__(self, ring, written, new):
        out = ring.scatter(1, _slots(ring, torch.full_like(written, self.at), new.shape[1]), new)
        self.at += new.shape[1]
        return out, written + new.shape[1]


# ------------------------------------------------------------------ writing into a ring, right


def _write_by_loops(ring, written, new):
    rows, counts = ring.tolist(), written.tolist()
    for row, count, values in zip(rows, counts, new.tolist(), strict=True):
        for j, value in enumerate(values):
            row[(count + j) % len(row)] = value
    return torch.tensor(rows, dtype=ring.dtype), torch.tensor([c + new.shape[1] for c in counts])


def _write_by_age(ring, written, new):
    n, k = ring.shape[1], new.shape[1]
    place = (torch.arange(n)[None] - written[:, None]) % n
    taken = new.gather(1, place.clamp_max(k - 1)) if k else ring
    return torch.where(place < k, taken, ring), written.add(k)


def _write_in_numpy(ring, written, new):
    out, counts = ring.numpy().copy(), written.numpy()
    for j in range(new.shape[1]):
        out[np.arange(len(out)), (counts + j) % out.shape[1]] = new[:, j].numpy()
    return [torch.from_numpy(out), torch.from_numpy(counts + new.shape[1])]


def _write_one_then_the_rest(ring, written, new):
    if new.shape[1] == 0:
        return ring.clone(), written.clone()
    out = ring.clone()
    out[range(len(ring)), written.remainder(ring.shape[1])] = new[:, 0]
    return _write_one_then_the_rest(out, written + 1, new[:, 1:])


# ------------------------------------------------------------------ drawing from a ring, wrong


def _take(ring, written, u):
    return ring.gather(1, (u * written.clamp_max(ring.shape[1])[:, None]).long())


def _rand(ring, size, generator):
    return torch.rand((len(ring), size), generator=generator, dtype=torch.float64)


def _all_slots(ring, written, size, generator):
    return ring.gather(1, torch.randint(ring.shape[1], (len(ring), size), generator=generator))


def _never_the_last_slot(ring, written, size, generator):
    filled = (written.clamp_max(ring.shape[1]) - 1).clamp_min(1)
    return ring.gather(1, (_rand(ring, size, generator) * filled[:, None]).long())


def _rounds(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1])
    return ring.gather(1, (_rand(ring, size, generator) * (filled - 1)[:, None]).round().long())


def _shortest_ring(ring, written, size, generator):
    filled = int(written.min().clamp_max(ring.shape[1]))
    return ring.gather(1, torch.randint(filled, (len(ring), size), generator=generator))


def _one_draw_for_all_learners(ring, written, size, generator):
    u = torch.rand((1, size), generator=generator, dtype=torch.float64)
    return _take(ring, written, u.expand(len(ring), size))


def _learners_shifted(ring, written, size, generator):
    u = torch.rand((1, size), generator=generator, dtype=torch.float64)
    return _take(ring, written, (u + 0.37 * torch.arange(len(ring))[:, None]) % 1)


def _global_draws(ring, written, size, generator):
    return _take(ring, written, torch.rand(len(ring), size, dtype=torch.float64))


def _pythons_random(ring, written, size, generator):
    return _take(ring, written, torch.tensor([[random.random() for _ in range(size)] for _ in ring]))


def _clones_the_generator(ring, written, size, generator):
    mine = torch.Generator()
    mine.set_state(generator.get_state())
    return _take(ring, written, _rand(ring, size, mine))


def _seeds_the_generator(ring, written, size, generator):
    generator.manual_seed(0)
    return _take(ring, written, _rand(ring, size, generator))


def _sorted_draws(ring, written, size, generator):
    return _take(ring, written, _rand(ring, size, generator).sort(1).values)


def _mirrored_draws(ring, written, size, generator):
    u = _rand(ring, (size + 1) // 2, generator)
    return _take(ring, written, torch.cat([u, (1 - u).clamp_max(1 - 1e-12)], 1)[:, :size])


def _strata(ring, written, size, generator):
    u = (torch.arange(size) + _rand(ring, size, generator)) / max(size, 1)
    return _take(ring, written, u)


def _a_run_of_neighbours(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1])[:, None]
    first = (_rand(ring, 1, generator) * filled).long()
    return ring.gather(1, (first + torch.arange(size)) % filled)


def _without_replacement(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1]).tolist()
    rows = []
    for row, n in zip(ring, filled, strict=True):
        order = torch.cat([torch.randperm(n, generator=generator) for _ in range(size // n + 1)])
        rows.append(row[order[:size]])
    return torch.stack(rows)


def _remainder_of_all_slots(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1])[:, None]
    return ring.gather(1, torch.randint(ring.shape[1], (len(ring), size), generator=generator) % filled)


def _prefers_the_new(ring, written, size, generator):
    return _take(ring, written, _rand(ring, size, generator).sqrt())


def _slot_numbers(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1])[:, None]
    return (_rand(ring, size, generator) * filled).long()


def _draws_as_floats(ring, written, size, generator):
    return _take(ring, written, _rand(ring, size, generator)).float()


def _shuffles_the_ring(ring, written, size, generator):
    for row, n in zip(ring, written.clamp_max(ring.shape[1]).tolist(), strict=True):
        row[:n] = row[:n][torch.randperm(n, generator=generator)]
    return _take(ring, written, _rand(ring, size, generator))


class _DrawsOnce:
    """The same uniform numbers again whenever the size is the same."""

    def __init__(self):
        self.kept = {}

    def __call__(self, ring, written, size, generator):
        if (len(ring), size) not in self.kept:
            self.kept[len(ring), size] = _rand(ring, size, generator)
        _rand(ring, size, generator)
        return _take(ring, written, self.kept[len(ring), size])


def _clamps_the_counts_in_place(ring, written, size, generator):
    written.clamp_(max=ring.shape[1])
    return _take(ring, written, _rand(ring, size, generator))


# ------------------------------------------------------------------ drawing from a ring, right


def _by_multinomial(ring, written, size, generator):
    weights = (torch.arange(ring.shape[1])[None] < written[:, None]).double()
    return ring.gather(1, torch.multinomial(weights, size, replacement=True, generator=generator))


def _learner_by_learner(ring, written, size, generator):
    return torch.stack(
        [
            row[torch.randint(min(int(count), len(row)), (size,), generator=generator)]
            for row, count in zip(ring, written, strict=True)
        ]
    )


def _seeds_numpy_from_it(ring, written, size, generator):
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    high = np.minimum(written.numpy(), ring.shape[1])[:, None]
    return ring.gather(1, torch.from_numpy(rng.integers(0, high, (len(ring), size))))


def _seeds_python_from_it(ring, written, size, generator):
    rng = random.Random(int(torch.randint(2**62, (), generator=generator)))
    rows = [rng.choices(row[:n], k=size) for row, n in zip(ring.tolist(), written.tolist(), strict=True)]
    return torch.tensor(rows, dtype=ring.dtype)


def _by_largest_noise(ring, written, size, generator):
    noise = torch.rand((len(ring), size, ring.shape[1]), generator=generator, dtype=torch.float64)
    empty = torch.arange(ring.shape[1]) >= written[:, None]
    return ring.gather(1, noise.masked_fill(empty[:, None], -1).argmax(-1))


def _large_remainder(ring, written, size, generator):
    big = torch.randint(2**62, (size, len(ring)), generator=generator).T
    return ring.take_along_dim(big % torch.minimum(written, torch.tensor(ring.shape[1]))[:, None], 1)


# ------------------------------------------------------------------ learning with a target table, wrong


def _learn(start, batches, discount, rate, period, *, copy=None, step=None, target_of=None):
    """The right loop with one part to change."""
    online, target = start.clone(), start.clone()
    for number, batch in enumerate(batches, 1):
        state, action, reward, following, terminated = batch
        future = (target_of or (lambda o, t, s: t[s].amax(-1)))(online, target, following)
        y = reward + discount * torch.where(terminated, 0.0, future)
        before = online.clone()
        (step or _add)(online, state, action, y, rate)
        if (copy or (lambda n: n % period == 0))(number):
            target = online.clone()
        del before
    return online, target


def _add(online, state, action, y, rate):
    online.index_put_((state, action), rate * (y - online[state, action]), accumulate=True)


def _never_copies(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, copy=lambda n: False)


def _always_copies(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, copy=lambda n: True)


def _copies_after_the_first(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, copy=lambda n: (n - 1) % period == 0)


def _copies_one_late(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, copy=lambda n: n > 1 and (n - 1) % period == 0)


def _copies_once(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, copy=lambda n: n == period)


def _copies_from_then_on(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, copy=lambda n: n >= period)


def _copies_before_the_update(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for number, (state, action, reward, following, terminated) in enumerate(batches, 1):
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        if number % period == 0:
            target = online.clone()
        _add(online, state, action, y, rate)
    return online, target


def _alias_again(start, batches, discount, rate, period):
    online = {"q": start.clone()}
    target = {"q": start.clone()}
    for number, (state, action, reward, following, terminated) in enumerate(batches, 1):
        y = reward + discount * torch.where(terminated, 0.0, target["q"][following].amax(-1))
        _add(online["q"], state, action, y, rate)
        if number % period == 0:
            target = dict(online)
    return online["q"], target["q"]


def _soft_copies(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for state, action, reward, following, terminated in batches:
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        _add(online, state, action, y, rate)
        target = target + (online - target) / period
    return online, target


def _counts_rows(start, batches, discount, rate, period):
    online, target, rows = start.clone(), start.clone(), 0
    for state, action, reward, following, terminated in batches:
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        _add(online, state, action, y, rate)
        rows += len(state)
        if rows % period == 0:
            target = online.clone()
    return online, target


def _last_row_counts(start, batches, discount, rate, period):
    def step(online, state, action, y, rate):
        online[state, action] += rate * (y - online[state, action])

    return _learn(start, batches, discount, rate, period, step=step)


def _mean_over_rows(start, batches, discount, rate, period):
    def step(online, state, action, y, rate):
        _add(online, state, action, y, rate / len(state))

    return _learn(start, batches, discount, rate, period, step=step)


def _row_after_row(start, batches, discount, rate, period):
    def step(online, state, action, y, rate):
        for s, a, value in zip(state, action, y, strict=True):
            online[s, a] += rate * (value - online[s, a])

    return _learn(start, batches, discount, rate, period, step=step)


def _clips_the_error(start, batches, discount, rate, period):
    def step(online, state, action, y, rate):
        online.index_put_((state, action), rate * (y - online[state, action]).clamp(-1, 1), accumulate=True)

    return _learn(start, batches, discount, rate, period, step=step)


def _gradient_of_the_square(start, batches, discount, rate, period):
    return _learn(start, batches, discount, 2 * rate, period)


def _double_q(start, batches, discount, rate, period):
    def choose(online, target, s):
        return target[s, online[s].argmax(-1)]

    return _learn(start, batches, discount, rate, period, target_of=choose)


def _bootstraps_from_online(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, target_of=lambda o, t, s: o[s].amax(-1))


def _sarsa_mean(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period, target_of=lambda o, t, s: t[s].mean(-1))


def _never_ends(start, batches, discount, rate, period):
    endless = [(s, a, r, f, torch.zeros_like(d)) for s, a, r, f, d in batches]
    return _learn(start, endless, discount, rate, period)


def _skips_the_ends(start, batches, discount, rate, period):
    goes_on = [tuple(x[~b[4]] for x in b) for b in batches]
    return _learn(start, goes_on, discount, rate, period)


def _writes_into_start(start, batches, discount, rate, period):
    online, target = _learn(start, batches, discount, rate, period)
    start.copy_(online)
    return start, target


def _eats_the_batches(start, batches, discount, rate, period):
    mine = []
    while batches:
        mine.append(batches.pop(0))
    return _learn(start, mine, discount, rate, period)


def _returns_online_twice(start, batches, discount, rate, period):
    online, _ = _learn(start, batches, discount, rate, period)
    return online, online.clone()


def _target_first(start, batches, discount, rate, period):
    return _learn(start, batches, discount, rate, period)[::-1]


def _learns_in_single_precision(start, batches, discount, rate, period):
    single = [(s, a, r.float(), f, d) for s, a, r, f, d in batches]
    return tuple(t.to(start.dtype) for t in _learn(start.float(), single, discount, rate, period))


class _CountsOnAcrossCalls:
    """The counter is never set back to zero."""

    def __init__(self):
        self.updates = 0

    def __call__(self, start, batches, discount, rate, period):
        before, self.updates = self.updates, self.updates + len(batches)
        return _learn(start, batches, discount, rate, period, copy=lambda n: (before + n) % period == 0)


# ------------------------------------------------------------------ learning with a target table, right


def _learn_in_numpy(start, batches, discount, rate, period):
    q = start.numpy().copy()
    held = q.copy()
    for number, batch in enumerate(batches):
        s, a, r, f, d = (x.numpy() for x in batch)
        error = r + discount * np.where(d, 0, held[f].max(-1)) - q[s, a]
        np.add.at(q, (s, a), (rate * error).astype(q.dtype))
        if (number + 1) % period == 0:
            held = q.copy()
    return torch.from_numpy(q), torch.from_numpy(held)


def _learn_by_rows(start, batches, discount, rate, period):
    online = [list(row) for row in start.tolist()]
    target = [list(row) for row in online]
    left = period
    for batch in batches:
        change = {}
        for s, a, r, f, d in zip(*(x.tolist() for x in batch), strict=True):
            error = r + (0 if d else discount * max(target[f])) - online[s][a]
            change[s, a] = change.get((s, a), 0.0) + error
        for (s, a), error in change.items():
            online[s][a] += rate * error
        left -= 1
        if left == 0:
            target, left = [list(row) for row in online], period
    return [torch.tensor(table, dtype=start.dtype) for table in (online, target)]


def _learn_in_stretches(start, batches, discount, rate, period):
    todo, online, target = deque(batches), start.clone(), start.clone()
    while todo:
        stretch = [todo.popleft() for _ in range(min(period, len(todo)))]
        for s, a, r, f, d in stretch:
            onto = torch.zeros(len(s), *start.shape, dtype=start.dtype)
            onto[range(len(s)), s, a] = 1
            y = r + discount * (1 - d.to(r.dtype)) * target[f].max(-1).values
            online = online + rate * torch.einsum("rsa,r->sa", onto, y - online[s, a])
        if len(stretch) == period:
            target = online.clone()
    return online, target


# ------------------------------------------------------------------ numbers


def _normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


_SINGLE = -1 + math.sqrt(2) * (_normal(math.sqrt(0.5)) / math.sqrt(2) + math.exp(-0.25) / math.sqrt(2 * math.pi))


def _by_numpy_grid():
    z = np.linspace(-12, 12, 200_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return float((np.maximum(1 + math.sqrt(2) * z, 0) * density).sum() * (z[1] - z[0])) - 1


_PLAN = {
    "changes_per_variant": 1,
    "seeds": 10,
    "step_size": ch03.OWN_STEP_SIZE,
    "measured_on": ch03.GREEDY,
    "reported": ch03.LAST,
    "budget": ch03.STEPS,
    "if_intervals_overlap": ch03.NO_EVIDENCE,
}

WRONG = [
    *(
        (ch03.check_ring_write, answer)
        for answer in (
            _writes_in_place,
            _counts_in_place,
            _counts_do_not_grow,
            _counts_calls,
            _counts_stop_at_n,
            _counts_modulo_n,
            _first_learners_place,
            _one_slot_too_far,
            _newest_first,
            _as_a_queue,
            _does_not_wrap,
            _stops_when_full,
            _forgets_the_old,
            _only_the_first,
            _slots_in_single_precision,
            _float_ring,
            _short_counts,
            _wrong_way_round,
            _OwnPosition(),
        )
    ),
    *(
        (ch03.check_ring_sample, answer)
        for answer in (
            _all_slots,
            _never_the_last_slot,
            _rounds,
            _shortest_ring,
            _one_draw_for_all_learners,
            _learners_shifted,
            _global_draws,
            _pythons_random,
            _clones_the_generator,
            _seeds_the_generator,
            _sorted_draws,
            _mirrored_draws,
            _strata,
            _a_run_of_neighbours,
            _without_replacement,
            _remainder_of_all_slots,
            _prefers_the_new,
            _slot_numbers,
            _draws_as_floats,
            _shuffles_the_ring,
            _DrawsOnce(),
            _clamps_the_counts_in_place,
        )
    ),
    *(
        (ch03.check_learn_with_target, answer)
        for answer in (
            _never_copies,
            _always_copies,
            _copies_after_the_first,
            _copies_one_late,
            _copies_once,
            _copies_from_then_on,
            _copies_before_the_update,
            _alias_again,
            _soft_copies,
            _counts_rows,
            _last_row_counts,
            _mean_over_rows,
            _row_after_row,
            _clips_the_error,
            _gradient_of_the_square,
            _double_q,
            _bootstraps_from_online,
            _sarsa_mean,
            _never_ends,
            _skips_the_ends,
            _writes_into_start,
            _eats_the_batches,
            _returns_online_twice,
            _target_first,
            _learns_in_single_precision,
            _CountsOnAcrossCalls(),
        )
    ),
    *(
        (ch03.check_bias_equal, answer)
        for answer in (
            0.0,
            1 / math.sqrt(math.pi),
            9 / math.sqrt(math.pi),
            3 / math.sqrt(2 * math.pi),
            3 * math.sqrt(2 / math.pi),
            1.7,
        )
    ),
    *(
        (ch03.check_bias_single, answer)
        for answer in (
            1 + _SINGLE,
            -_SINGLE,
            -1 + _normal(1) + math.exp(-0.5) / math.sqrt(2 * math.pi),
            1 / math.sqrt(math.pi),
            -_normal(-math.sqrt(0.5)),
            0.2,
        )
    ),
    *(
        (ch03.check_bias_double, answer)
        for answer in (
            _normal(-math.sqrt(0.5)),
            -_normal(math.sqrt(0.5)),
            -_normal(-1),
            -0.5,
            0.0,
            -_SINGLE,
            -0.24,
            1 - _normal(-math.sqrt(0.5)),
        )
    ),
    *(
        (ch03.check_plan, {**_PLAN, **changed})
        for changed in (
            {"seeds": 1},
            {"seeds": 4},
            {"seeds": -3},
            {"seeds": 7.5},
            {"changes_per_variant": 0},
            {"changes_per_variant": 7},
            {"step_size": ch03.SAME_STEP_SIZE},
            {"measured_on": ch03.IN_TRAINING, "reported": ch03.BEST},
            {"budget": ch03.UNTIL_SOLVED},
            {"if_intervals_overlap": ch03.NO_EFFECT},
            {"step_size": ch03.GREEDY},
        )
    ),
    (ch03.check_plan, {key: value for key, value in _PLAN.items() if key != "budget"}),
]

RIGHT = [
    *(
        (ch03.check_ring_write, answer)
        for answer in (_write_by_loops, _write_by_age, _write_in_numpy, _write_one_then_the_rest)
    ),
    *(
        (ch03.check_ring_sample, answer)
        for answer in (
            _by_multinomial,
            _learner_by_learner,
            _seeds_numpy_from_it,
            _seeds_python_from_it,
            _by_largest_noise,
            _large_remainder,
        )
    ),
    *((ch03.check_learn_with_target, answer) for answer in (_learn_in_numpy, _learn_by_rows, _learn_in_stretches)),
    (ch03.check_bias_equal, np.float64(3) / np.sqrt(np.pi)),
    (ch03.check_bias_equal, torch.tensor(3.0, dtype=torch.float64) / math.pi**0.5),
    (ch03.check_bias_equal, Fraction(3) * Fraction(1 / math.sqrt(math.pi))),
    (ch03.check_bias_equal, Decimal(3) / Decimal(math.pi).sqrt()),
    (ch03.check_bias_single, _by_numpy_grid()),
    (ch03.check_bias_single, np.array(_SINGLE)),
    (ch03.check_bias_double, -(1 - _normal(math.sqrt(0.5)))),
    (ch03.check_bias_double, -0.5 * math.erfc(0.5)),
    (ch03.check_plan, dict(reversed(_PLAN.items()))),
    (ch03.check_plan, {**_PLAN, "seeds": np.int64(5)}),
    (ch03.check_plan, {**_PLAN, "seeds": 30, "changes_per_variant": np.int64(1)}),
]
