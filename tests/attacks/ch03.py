"""Answers to the exercises of chapter 03."""

import math
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import scipy.integrate
import scipy.stats
import torch

from metarl_core.check import ch03

# ------------------------------------------------------------------ ring_write, wrong


def _roll(ring, written, new):
    ring = torch.roll(ring, -new.shape[1], dims=1)
    if new.shape[1]:
        ring[:, -new.shape[1] :] = new
    return ring, written + new.shape[1]


def _counts_modulo(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slots, new), (written + new.shape[1]) % ring.shape[1]


def _in_place(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    ring.scatter_(1, slots, new)
    written += new.shape[1]
    return ring, written


def _one_transition_a_call(ring, written, new):
    ring = ring.clone()
    if new.shape[1]:
        ring[torch.arange(len(ring)), written % ring.shape[1]] = new[:, -1]
    return ring, written + new.shape[1]


def _counts_one_a_call(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slots, new), written + 1


def _only_until_full(ring, written, new):
    ring, counts = ring.clone(), written.clone()
    for learner in range(len(ring)):
        for value in new[learner]:
            if counts[learner] < ring.shape[1]:
                ring[learner, counts[learner]] = value
            counts[learner] += 1
    return ring, counts


def _splits_wrongly(ring, written, new):
    """Writes up to the end of the ring and drops what is left."""
    ring = ring.clone()
    for learner, begin in enumerate((written % ring.shape[1]).tolist()):
        part = new[learner, : ring.shape[1] - begin]
        ring[learner, begin : begin + len(part)] = part
    return ring, written + new.shape[1]


def _fastest_learner_for_all(ring, written, new):
    slots = (written.max() + torch.arange(new.shape[1])) % ring.shape[1]
    ring = ring.clone()
    ring[:, slots] = new
    return ring, written + new.shape[1]


def _counts_of_new_only(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slots, new), torch.full_like(written, new.shape[1])


def _float_counts(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slots, new), written + float(new.shape[1])


def _only_the_ring(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slots, new)


def _adds_to_the_slot(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter_add(1, slots, new), written + new.shape[1]


def _first_rows_of_new(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slots, new[:1].expand_as(new)), written + new.shape[1]


# ------------------------------------------------------------------ ring_write, right


def _write_loop(ring, written, new):
    rows = [row.clone() for row in ring]
    for learner, own in enumerate(rows):
        for k, value in enumerate(new[learner]):
            own[int(written[learner] + k) % len(own)] = value
    return [torch.stack(rows), written.add(new.size(1))]


def _by_indices(ring, written, new):
    out, (learners, k) = ring.clone(), new.shape
    out[torch.arange(learners).unsqueeze(1), torch.remainder(written.unsqueeze(1) + torch.arange(k), ring.size(1))] = (
        new
    )
    return out, written + k


def _by_age(ring, written, new):
    """Each slot asks which of the new transitions, if any, is its own."""
    capacity, k = ring.shape[1], new.shape[1]
    which = (torch.arange(capacity) - written[:, None]) % capacity
    if k == 0:
        return ring.clone(), written.clone()
    return torch.where(which < k, new.gather(1, which.clamp(max=k - 1)), ring), written + k


def _by_put_along_axis(ring, written, new):
    out = ring.numpy().copy()
    slots = (written.numpy()[:, None] + np.arange(new.shape[1])) % out.shape[1]
    np.put_along_axis(out, slots, new.numpy(), 1)
    return torch.from_numpy(out), written + new.shape[1]


# ------------------------------------------------------------------ ring_sample, wrong


def _filled(ring, written):
    return written.clamp(max=ring.shape[1])


def _permutes(ring, written, size, generator):
    """Without replacement where there is enough."""
    rows = []
    for own, n in zip(ring, _filled(ring, written).tolist(), strict=True):
        if size <= n:
            index = torch.randperm(n, generator=generator)[:size]
        else:
            index = torch.randint(n, (size,), generator=generator)
        rows.append(own[index])
    return torch.stack(rows)


def _modulo(ring, written, size, generator):
    index = torch.randint(ring.shape[1], (len(ring), size), generator=generator) % _filled(ring, written)[:, None]
    return ring.gather(1, index)


def _one_draw_repeated(ring, written, size, generator):
    draw = torch.rand((len(ring), 1), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draw * _filled(ring, written)[:, None]).long().expand(-1, size))


def _sorted_draws(ring, written, size, generator):
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long()).sort(1).values


def _half_and_again(ring, written, size, generator):
    half = torch.rand((len(ring), (size + 1) // 2), generator=generator, dtype=torch.float64)
    draws = torch.cat([half, half], 1)[:, :size]
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long())


def _antithetic(ring, written, size, generator):
    half = torch.rand((len(ring), (size + 1) // 2), generator=generator, dtype=torch.float64)
    draws = torch.stack([half, 1 - 1e-12 - half], 2).flatten(1)[:, :size].clamp(0, 1 - 1e-12)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long())


def _seeds_the_global_one(ring, written, size, generator):
    torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
    draws = torch.rand((len(ring), size), dtype=torch.float64)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long())


def _by_random(ring, written, size, generator):
    rows = [random.choices(own[:n].tolist(), k=size) for own, n in zip(ring, _filled(ring, written), strict=True)]
    return torch.tensor(rows, dtype=ring.dtype)


def _copies_the_generator(ring, written, size, generator):
    own = torch.Generator().manual_seed(generator.initial_seed())
    draws = torch.rand((len(ring), size), generator=own, dtype=torch.float64)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long())


def _rewinds(ring, written, size, generator):
    generator.manual_seed(generator.initial_seed())
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long())


def _prefers_the_new(ring, written, size, generator):
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64).sqrt()
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long())


def _never_number_zero(ring, written, size, generator):
    filled = _filled(ring, written)
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    index = (draws * filled[:, None]).long()
    return ring.gather(1, torch.where(filled[:, None] > 1, index.clamp_min(1), index))


def _learners_in_the_other_order(ring, written, size, generator):
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long()).flip(0)


def _indices(ring, written, size, generator):
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return (draws * _filled(ring, written)[:, None]).long()


def _not_a_number(ring, written, size, generator):
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * _filled(ring, written)[:, None]).long()) * float("nan")


def _normal_index(ring, written, size, generator):
    filled = _filled(ring, written)[:, None]
    draws = 0.5 + 0.25 * torch.randn((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, torch.minimum((draws * filled).long().clamp_min(0), filled - 1))


def _stratified(ring, written, size, generator):
    cells = (torch.arange(size) + torch.rand((len(ring), size), generator=generator, dtype=torch.float64)) / size
    order = torch.argsort(torch.rand((len(ring), size), generator=generator), dim=1)
    return ring.gather(1, (cells.gather(1, order) * _filled(ring, written)[:, None]).long())


def _same_index_for_learners(ring, written, size, generator):
    index = torch.randint(2**31, (1, size), generator=generator) % _filled(ring, written)[:, None]
    return ring.gather(1, index)


# ------------------------------------------------------------------ ring_sample, right


def _multinomial(ring, written, size, generator):
    weights = (torch.arange(ring.shape[1]) < written[:, None]).double()
    return ring.gather(1, torch.multinomial(weights, size, replacement=True, generator=generator))


def _randint_by_learner(ring, written, size, generator):
    rows = []
    for learner in range(len(ring)):
        count = min(int(written[learner]), ring.shape[1])
        rows.append(ring[learner][torch.randint(0, count, (size,), generator=generator)])
    return torch.stack(rows)


def _one_at_a_time(ring, written, size, generator):
    out = ring.new_empty(len(ring), size)
    for k in range(size):
        for learner, count in enumerate(_filled(ring, written).tolist()):
            u = torch.rand((), generator=generator)
            out[learner, k] = ring[learner, int(u * count)]
    return out


def _numpys_generator(ring, written, size, generator):
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    rows = [rng.choice(own[:n].numpy(), size) for own, n in zip(ring, _filled(ring, written).tolist(), strict=True)]
    return torch.from_numpy(np.stack(rows))


def _large_integers(ring, written, size, generator):
    draws = torch.randint(2**40, (size, len(ring)), generator=generator)
    return torch.take_along_dim(ring, (draws % torch.minimum(written, torch.tensor(ring.shape[1]))).T, 1)


# ------------------------------------------------------------------ learning with a target, wrong


def _future(table, following, terminated):
    return torch.where(terminated, 0.0, table[following].max(-1).values)


def _q_learning(start, batches, discount, rate, period, copies=None, error=None, decay=lambda n: 1.0):
    online, target = start.clone(), start.clone()
    for n, (s, a, r, following, end) in enumerate(batches, 1):
        if error is None:
            y = r + discount * _future(target, following, end)
        else:
            y = error(r, discount, online, target, following, end)
        online.index_put_((s, a), decay(n) * rate * (y - online[s, a]), accumulate=True)
        if n % period == 0:
            target = online.clone() if copies is None else copies(online, target)
    return online, target


def _polyak(*args):
    return _q_learning(*args, copies=lambda online, target: 0.5 * online + 0.5 * target)


def _double(*args):
    def y(r, discount, online, target, following, end):
        best = online[following].argmax(-1)
        return r + discount * torch.where(end, 0.0, target[following, best])

    return _q_learning(*args, error=y)


def _mean_over_actions(*args):
    return _q_learning(*args, error=lambda r, g, q, old, f, end: r + g * torch.where(end, 0.0, old[f].mean(-1)))


def _largest_of_the_table(*args):
    return _q_learning(*args, error=lambda r, g, q, old, f, end: r + g * torch.where(end, 0.0, old.max()))


def _end_loses_the_reward(*args):
    return _q_learning(*args, error=lambda r, g, q, old, f, end: torch.where(end, 0.0, r + g * old[f].amax(-1)))


def _falling_rate(*args):
    return _q_learning(*args, decay=lambda n: 1 / n)


def _counts_rows(start, batches, discount, rate, period):
    online, target, rows = start.clone(), start.clone(), 0
    for s, a, r, following, end in batches:
        y = r + discount * _future(target, following, end)
        online.index_put_((s, a), rate * (y - online[s, a]), accumulate=True)
        rows += len(s)
        if rows % period == 0:
            target = online.clone()
    return online, target


def _shallow_copy(start, batches, discount, rate, period):
    online = {"q": start.clone()}
    target = {"q": start.clone()}
    for n, (s, a, r, following, end) in enumerate(batches, 1):
        y = r + discount * _future(target["q"], following, end)
        online["q"].index_put_((s, a), rate * (y - online["q"][s, a]), accumulate=True)
        if n % period == 0:
            target = dict(online)
    return online["q"], target["q"]


def _hard_coded(start, batches, discount, rate, period):
    return _q_learning(start, batches, 0.9, 0.2, period)


def _returns_them_swapped(*args):
    return _q_learning(*args)[::-1]


def _last_copy_at_the_end(*args):
    online, _ = _q_learning(*args)
    return online, online.clone()


def _changes_the_start(start, batches, discount, rate, period):
    target = start.clone()
    for n, (s, a, r, following, end) in enumerate(batches, 1):
        y = r + discount * _future(target, following, end)
        start.index_put_((s, a), rate * (y - start[s, a]), accumulate=True)
        if n % period == 0:
            target = start.clone()
    return start.clone(), target


def _period_plus_one(start, batches, discount, rate, period):
    return _q_learning(start, batches, discount, rate, period + 1)


def _twice_without_rows(start, batches, discount, rate, period):
    """Repeated pairs count once, with their mean error."""
    online, target = start.clone(), start.clone()
    for n, (s, a, r, following, end) in enumerate(batches, 1):
        error = r + discount * _future(target, following, end) - online[s, a]
        total, count = torch.zeros_like(online), torch.zeros_like(online)
        total.index_put_((s, a), error, accumulate=True)
        count.index_put_((s, a), torch.ones_like(error), accumulate=True)
        online = online + rate * total / count.clamp_min(1)
        if n % period == 0:
            target = online
    return online, target


# ------------------------------------------------------------------ learning with a target, right


def _functional(start, batches, discount, rate, period):
    online = target = start
    for n, (s, a, r, following, end) in enumerate(batches):
        error = r + discount * (~end) * target[following].amax(dim=1) - online[s, a]
        online = online.index_put((s, a), rate * error, accumulate=True)
        target = online if (n + 1) % period == 0 else target
    return online, target


def _learn_loop(start, batches, discount, rate, period):
    online, target = start.tolist(), start.tolist()
    left = period
    for batch in batches:
        rows = list(zip(*(x.tolist() for x in batch), strict=True))
        errors = [r + (not d) * discount * max(target[f]) - online[s][a] for s, a, r, f, d in rows]
        for (s, a, *_), error in zip(rows, errors, strict=True):
            online[s][a] += rate * error
        left -= 1
        if not left:
            target, left = [row[:] for row in online], period
    return [torch.tensor(online, dtype=start.dtype), torch.tensor(target, dtype=start.dtype)]


def _by_one_hot_matrix(start, batches, discount, rate, period):
    states, actions = start.shape
    online, target = start.clone().flatten(), start.clone()
    for n, (s, a, r, following, end) in enumerate(batches, 1):
        which = torch.nn.functional.one_hot(s * actions + a, states * actions).to(start.dtype)
        goal = torch.where(end, r, r + discount * target[following].max(1)[0])
        online = online + rate * torch.einsum("r,rc->c", goal - which @ online, which)
        if n % period == 0:
            target = online.view(states, actions).clone()
    return online.view(states, actions), target


def _with_copy(start, batches, discount, rate, period):
    import copy

    online = {"q": start.detach().clone()}
    target = copy.deepcopy(online)
    for n, (s, a, r, following, end) in enumerate(batches, start=1):
        future = target["q"][following].max(dim=-1).values.masked_fill(end, 0)
        online["q"].index_put_((s, a), rate * (r + discount * future - online["q"][s, a]), accumulate=True)
        if not n % period:
            target = copy.deepcopy(online)
    return online["q"], target["q"]


_NORMAL = scipy.stats.norm()
_CHANCE = float(_NORMAL.cdf(-1 / math.sqrt(2)))
_OF_SINGLE = float(_NORMAL.pdf(1 / math.sqrt(2)) * math.sqrt(2) - _NORMAL.cdf(-1 / math.sqrt(2)))
_EQUAL = 3 / math.sqrt(math.pi)


def _by_integral(gap):
    """E max − the larger mean, by the density of the difference."""
    return scipy.integrate.quad(lambda z: max(z, gap) * _NORMAL.pdf(z / math.sqrt(2)) / math.sqrt(2), -20, 20)[0] - gap


def _plan(**changes):
    right = {
        "changes_per_variant": 1,
        "seeds": 10,
        "step_size": ch03.OWN_STEP_SIZE,
        "measured_on": ch03.GREEDY,
        "reported": ch03.LAST,
        "budget": ch03.STEPS,
        "if_intervals_overlap": ch03.NO_EVIDENCE,
    }
    return {**right, **changes}


WRONG = [
    *((ch03.check_ring_write, answer) for answer in (
        _roll, _counts_modulo, _in_place, _one_transition_a_call, _counts_one_a_call, _only_until_full,
        _splits_wrongly, _fastest_learner_for_all, _counts_of_new_only, _float_counts, _only_the_ring,
        _adds_to_the_slot, _first_rows_of_new,
    )),
    *((ch03.check_ring_sample, answer) for answer in (
        _permutes, _modulo, _one_draw_repeated, _sorted_draws, _half_and_again, _antithetic, _seeds_the_global_one,
        _by_random, _copies_the_generator, _rewinds, _prefers_the_new, _never_number_zero,
        _learners_in_the_other_order, _indices, _not_a_number, _normal_index, _stratified, _same_index_for_learners,
    )),
    *((ch03.check_learn_with_target, answer) for answer in (
        _polyak, _double, _mean_over_actions, _largest_of_the_table, _end_loses_the_reward, _falling_rate,
        _counts_rows, _shallow_copy, _hard_coded, _returns_them_swapped, _last_copy_at_the_end, _changes_the_start,
        _period_plus_one, _twice_without_rows,
    )),
    *((ch03.check_bias_equal, answer) for answer in (
        -_EQUAL, 1.5, 3.0, math.sqrt(_EQUAL), 3 / math.pi, 3 * math.sqrt(2), "1.69", float("inf"), True,
    )),
    *((ch03.check_bias_single, answer) for answer in (
        -_OF_SINGLE, 1.1996, 0.083, -1.0, 0.1, _CHANCE, [_OF_SINGLE], float("nan"), False,
    )),
    *((ch03.check_bias_double, answer) for answer in (
        _CHANCE - 1, _CHANCE**2, -_CHANCE / 2, -_CHANCE * (1 - _CHANCE), -1.0, -0.083, 0.42, "-0.24", float("nan"),
    )),
    *((ch03.check_plan, answer) for answer in (
        _plan(seeds=4), _plan(seeds=-10), _plan(seeds=10.5), _plan(seeds="10"), _plan(changes_per_variant=2),
        _plan(changes_per_variant=True), _plan(step_size="searched"), _plan(budget=ch03.LAST),
        _plan(seeds=float("nan")), {**_plan(), "note": 1}, list(_plan().items()), {1: 2},
        _plan(reported=[ch03.LAST]), _plan(measured_on=torch.ones(2)),
    )),
]  # fmt: skip

RIGHT = [
    *((ch03.check_ring_write, answer) for answer in (_write_loop, _by_indices, _by_age, _by_put_along_axis)),
    *((ch03.check_ring_sample, answer) for answer in (
        _multinomial, _randint_by_learner, _one_at_a_time, _numpys_generator, _large_integers,
    )),
    *((ch03.check_learn_with_target, answer) for answer in (_functional, _learn_loop, _by_one_hot_matrix, _with_copy)),
    *((ch03.check_bias_equal, answer) for answer in (
        _EQUAL, torch.tensor(_EQUAL), np.float32(_EQUAL), Decimal(_EQUAL), Fraction(_EQUAL), 3 * _by_integral(0.0),
    )),
    *((ch03.check_bias_single, answer) for answer in (
        _OF_SINGLE, _by_integral(-1.0) - 1.0, np.float64(_OF_SINGLE), torch.tensor([_OF_SINGLE]), 0.1996,
    )),
    *((ch03.check_bias_double, answer) for answer in (
        -_CHANCE, np.array(-_CHANCE), Fraction(-_CHANCE), -0.2398, 0.5 * math.erfc(0.5) * -1,
    )),
    *((ch03.check_plan, answer) for answer in (
        _plan(), _plan(seeds=np.int64(8)), _plan(seeds=5.0), _plan(changes_per_variant=torch.tensor(1)),
        _plan(seeds=Fraction(6)), _plan(seeds=1000), dict(reversed(_plan().items())),
    )),
]  # fmt: skip
