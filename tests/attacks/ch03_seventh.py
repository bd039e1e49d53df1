"""Answers to exercises of chapter 03, from a seventh attack."""

import collections
import math

import numpy as np
import torch

from metarl_core.check import ch03

from . import named

# ------------------------------------------------------------------ a target that knows of exploration


def _expected(future=None, ends=lambda terminated, truncated: terminated):
    """Equation (1), but for what is given."""
    future = future or (lambda o, t, e: (1 - e) * t.gather(1, o.argmax(1, keepdim=True))[:, 0] + e * t.mean(1))

    def answer(rewards, terminated, truncated, online, target, discount, epsilon):
        with torch.no_grad():
            ahead = future(online, target, epsilon).masked_fill(ends(terminated, truncated), 0.0)
            return rewards + discount * ahead

    return answer


def _other_actions(o, t, e):
    """Exploration never draws the greedy action."""
    greedy = t.gather(1, o.argmax(1, keepdim=True))[:, 0]
    return (1 - e) * greedy + e * (t.sum(1) - greedy) / (t.shape[1] - 1)


def _largest_of_both(o, t, e):
    return (1 - e) * torch.minimum(o, t).amax(1) + e * t.mean(1)


def _two_networks_mixed(o, t, e):
    return (1 - e) * t.gather(1, o.argmax(1, keepdim=True))[:, 0] + e * o.mean(1)


def _greedy_action_of_the_batch(o, t, e):
    return (1 - e) * t[:, o.mean(0).argmax()] + e * t.mean(1)


def _by_rank(o, t, e):
    """The greedy action by the size of the value, not its sign."""
    return (1 - e) * t.gather(1, o.abs().argmax(1, keepdim=True))[:, 0] + e * t.mean(1)


def _sampled(rewards, terminated, truncated, online, target, discount, epsilon):
    """One action drawn in the place of the expectation."""
    with torch.no_grad():
        luck = torch.Generator().manual_seed(0)
        explores = torch.rand(len(rewards), generator=luck) < epsilon
        action = torch.where(
            explores, torch.randint(target.shape[1], (len(rewards),), generator=luck), online.argmax(1)
        )
        return rewards + discount * torch.where(terminated, 0.0, target.gather(1, action[:, None])[:, 0])


def _reward_left_out_at_the_end(rewards, terminated, truncated, online, target, discount, epsilon):
    y = _expected()(rewards, terminated, truncated, online, target, discount, epsilon)
    return torch.where(terminated & truncated, 0.0, y)


def _zeros_in_place(rewards, terminated, truncated, online, target, discount, epsilon):
    target = target.detach()
    target[terminated] = 0
    return _expected()(rewards, terminated, truncated, online, target, discount, epsilon)


def _target_alone_detached(rewards, terminated, truncated, online, target, discount, epsilon):
    """Weights of the actions by the online network, with their graph."""
    weights = torch.full_like(target, epsilon / target.shape[1])
    best = torch.nn.functional.one_hot(online.argmax(1), target.shape[1]) * (1 - epsilon)
    ahead = ((weights + best + 0 * online) * target.detach()).sum(1)
    return rewards + discount * torch.where(terminated, 0.0, ahead)


def _policy(rewards, terminated, truncated, online, target, discount, epsilon):
    number = target.shape[1]
    pi = torch.nn.functional.one_hot(online.argmax(1), number).to(target) * (1 - epsilon) + epsilon / number
    ahead = torch.einsum("ra,ra->r", pi, target.detach())
    return (rewards + discount * ahead * ~terminated).detach()


def _rows(rewards, terminated, truncated, online, target, discount, epsilon):
    y = []
    for r, d, o, t in zip(rewards.tolist(), terminated.tolist(), online.tolist(), target.tolist(), strict=True):
        ahead = (1 - epsilon) * t[max(range(len(o)), key=o.__getitem__)] + epsilon * math.fsum(t) / len(t)
        y.append(r if d else r + discount * ahead)
    return torch.tensor(y, dtype=rewards.dtype)


def _numpy_target(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach().numpy(), target.detach().numpy()
    ahead = t.mean(1) * epsilon + np.take_along_axis(t, o.argmax(1)[:, None], 1)[:, 0] * (1 - epsilon)
    return torch.from_numpy(np.where(terminated, rewards, rewards + discount * ahead)).to(rewards.dtype)


# ------------------------------------------------------------------ a ring


def _written(slots, scatter=None):
    def answer(ring, written, new):
        return ring.scatter(1, slots(ring, written, new), new), written + new.shape[1]

    return answer


def _numbers(written, new):
    return written[:, None] + torch.arange(new.shape[1])


def _clock(ring, written, new):
    """Numbers in single precision, exact up to 2 ** 24."""
    return (_numbers(written, new).float() % ring.shape[1]).long()


def _back_to_the_front(ring, written, new):
    """What does not fit behind the pointer begins at slot 0."""
    begin = written % ring.shape[1]
    begin = torch.where(begin + new.shape[1] > ring.shape[1], 0, begin)
    return begin[:, None] + torch.arange(new.shape[1])


def _from_its_own_first(ring, written, new):
    """The pointer of the learner that has written most, for all."""
    return _numbers(written.max().expand_as(written), new) % ring.shape[1]


def _clamped_once_full(ring, written, new):
    return _numbers(written.clamp_max(ring.shape[1]), new) % ring.shape[1]


def _a_queue(ring, written, new):
    return torch.cat([ring, new], 1)[:, -ring.shape[1] :], written + new.shape[1]


def _counts_in_place(ring, written, new):
    slots = _numbers(written, new) % ring.shape[1]
    written += new.shape[1]
    return ring.scatter(1, slots, new), written


def _counts_what_is_there(ring, written, new):
    slots = _numbers(written, new) % ring.shape[1]
    return ring.scatter(1, slots, new), (written + new.shape[1]).clamp_max(2 * ring.shape[1])


def _wraps_once(ring, written, new):
    slots = _numbers(written, new)
    return torch.where(slots >= ring.shape[1], slots - ring.shape[1], slots).clamp_max(ring.shape[1] - 1)


def _one_at_a_time(ring, written, new):
    ring, count = [row[:] for row in ring.tolist()], written.tolist()
    for i, row in enumerate(new.tolist()):
        for value in row:
            ring[i][count[i] % len(ring[i])] = value
            count[i] += 1
    return torch.tensor(ring, dtype=new.dtype), torch.tensor(count, dtype=written.dtype)


def _unrolled(ring, written, new):
    """Turns each ring so that its pointer stands at 0, writes in front, turns it back."""
    rows = []
    for row, count, values in zip(ring, written.tolist(), new, strict=True):
        turned = row.roll(-count)
        rows.append(torch.cat([values, turned[len(values) :]]).roll(count))
    return torch.stack(rows), torch.add(written, new.shape[1])


def _newest_to_the_left(ring, written, new):
    """Each slot asks which of the new transitions is its own."""
    if not new.shape[1]:
        return ring.clone(), written.clone()
    behind = (torch.arange(ring.shape[1]) - written[:, None]) % ring.shape[1]
    mine = new.gather(1, behind.clamp_max(new.shape[1] - 1))
    return torch.where(behind < new.shape[1], mine, ring), written + new.shape[1]


def _ordered(ring, written, new):
    ring = ring.clone()
    for j in range(new.shape[1]):
        ring[torch.arange(len(ring)), (written + j).remainder(ring.shape[1])] = new[:, j]
    return ring, written + new.shape[1]


def _drawn(slots):
    """slots(filled, size, generator) are [learner, size]."""

    def answer(ring, written, size, generator):
        return ring.gather(1, slots(written.clamp_max(ring.shape[1]), size, generator))

    return answer


def _uniform(filled, size, generator):
    return torch.rand((len(filled), size), generator=generator, dtype=torch.float64)


def _same_luck(filled, size, generator):
    return (torch.rand(size, generator=generator) * filled[:, None]).long()


def _antithetic(filled, size, generator):
    u = _uniform(filled, (size + 1) // 2, generator)
    return (torch.stack([u, 1 - u], -1).flatten(1)[:, :size] * filled[:, None]).long().minimum(filled[:, None] - 1)


def _stratified(filled, size, generator):
    """One draw from each of `size` equal parts, in random order: evener than chance."""
    u = (torch.arange(size) + _uniform(filled, size, generator)) / size
    order = torch.rand((len(filled), size), generator=generator).argsort(1)
    return (u.gather(1, order) * filled[:, None]).long()


def _rotating(filled, size, generator):
    """A random beginning, then one slot after the other."""
    begin = _uniform(filled, 1, generator) * filled[:, None]
    return (begin.long() + torch.arange(size)) % filled[:, None]


def _thousand_values(filled, size, generator):
    return torch.randint(1000, (len(filled), size), generator=generator) % filled[:, None]


def _rounded(filled, size, generator):
    return (_uniform(filled, size, generator) * (filled[:, None] - 1)).round().long()


def _never_twice_in_a_row(filled, size, generator):
    slots = (_uniform(filled, size, generator) * filled[:, None]).long()
    again = torch.cat([torch.zeros_like(slots[:, :1]), (slots[:, 1:] == slots[:, :-1]).long()], 1)
    return (slots + again) % filled[:, None]


def _mirrored(filled, size, generator):
    """Odd learners draw by one minus the luck of the even ones."""
    u = _uniform(filled[::2], size, generator).repeat_interleave(2, 0)[: len(filled)]
    u[1::2] = 1 - u[1::2]
    return (u * filled[:, None]).long().minimum(filled[:, None] - 1)


def _squares(filled, size, generator):
    """Prefers what stands in front."""
    return (_uniform(filled, size, generator) ** 1.1 * filled[:, None]).long()


def _without_the_newest(ring, written, size, generator):
    """The slot that is written next is left out, full or not."""
    filled = written.clamp_max(ring.shape[1])
    slots = (_uniform(filled, size, generator) * filled[:, None]).long()
    newest = ((written - 1) % ring.shape[1])[:, None]
    return ring.gather(1, torch.where((slots == newest) & (filled[:, None] > 1), 0, slots))


def _forks(filled, size, generator):
    """A generator of its own, begun with the state of the one that was given, which never moves on."""
    own = torch.Generator()
    own.set_state(generator.get_state())
    return (_uniform(filled, size, own) * filled[:, None]).long()


def _columns_first(filled, size, generator):
    u = torch.rand((size, len(filled)), generator=generator, dtype=torch.float64)
    return (u * filled).long().mT.contiguous()


def _large_integers(filled, size, generator):
    return torch.randint(2**62, (len(filled), size), generator=generator) % filled[:, None]


def _with_multinomial(ring, written, size, generator):
    there = (torch.arange(ring.shape[1]) < written[:, None]).double()
    return ring.gather(1, torch.multinomial(there, size, replacement=True, generator=generator))


def _row_by_row(ring, written, size, generator):
    rows = []
    for row, count in zip(ring, written.tolist(), strict=True):
        rows.append(row[torch.randint(min(count, len(row)), (size,), generator=generator)])
    return torch.stack(rows)


def _by_numpy_luck(ring, written, size, generator):
    luck = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    filled = np.minimum(written.numpy(), ring.shape[1])[:, None]
    return ring.gather(1, torch.from_numpy(luck.integers(0, filled, (len(ring), size))))


# ------------------------------------------------------------------ two bugs that hide each other


def _learned(update, copies=lambda n, period: n % period == 0):
    """update(q, target, state, action, y, rate) is the new table."""

    def answer(start, batches, discount, rate, period):
        q, target = start.clone(), start.clone()
        for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
            y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
            q = update(q, target, state, action, y, rate)
            if copies(n, period):
                target = q.clone()
        return q, target

    return answer


def _added(q, target, state, action, y, rate):
    return q.index_put((state, action), rate * (y - q[state, action]), accumulate=True)


def _one_row_after_the_other(q, target, state, action, y, rate):
    q = q.clone()
    for s, a, v in zip(state, action, y, strict=True):
        q[s, a] += rate * (v - q[s, a])
    return q


def _averaged_over_repeats(q, target, state, action, y, rate):
    number = torch.zeros_like(q).index_put((state, action), torch.ones_like(y), accumulate=True)
    return q + (_added(q, target, state, action, y, rate) - q) / number.clamp_min(1)


def _last_of_repeats(q, target, state, action, y, rate):
    q = q.clone()
    old = q.clone()
    for s, a, v in zip(state, action, y, strict=True):
        q[s, a] = old[s, a] + rate * (v - old[s, a])
    return q


def _error_by_the_target_table(q, target, state, action, y, rate):
    return q.index_put((state, action), rate * (y - target[state, action]), accumulate=True)


def _held_errors(q, target, state, action, y, rate):
    return q.index_put((state, action), rate * (y - q[state, action]).clamp(-1, 1), accumulate=True)


def _counts_rows(start, batches, discount, rate, period):
    q, target, rows = start.clone(), start.clone(), 0
    for state, action, reward, following, terminated in batches:
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        q = _added(q, target, state, action, y, rate)
        if rows // (period * len(batches[0][0])) != (rows + len(state)) // (period * len(batches[0][0])):
            target = q.clone()
        rows += len(state)
    return q, target


def _a_last_copy(start, batches, discount, rate, period):
    q, target = _learned(_added)(start, batches, discount, rate, period)
    return q, q.clone() if len(batches) >= period else target


def _in_single_precision(start, batches, discount, rate, period):
    floats = [(s, a, r.float(), f, d) for s, a, r, f, d in batches]
    return tuple(x.to(start.dtype) for x in _learned(_added)(start.float(), floats, discount, rate, period))


def _generators_of_batches(start, batches, discount, rate, period):
    """Takes the batches away from the list that it was given."""
    q, target, n = start.clone(), start.clone(), 0
    while batches:
        state, action, reward, following, terminated = batches.pop(0)
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        q, n = _added(q, target, state, action, y, rate), n + 1
        if n % period == 0:
            target = q.clone()
    return q, target


def _start_as_target(start, batches, discount, rate, period):
    """The target table is the start itself as long as nothing was copied; it is never written to."""
    q, target = start.clone(), start
    for n, (state, action, reward, following, terminated) in enumerate(batches):
        y = reward + discount * target[following].max(-1).values * (1 - terminated.to(start.dtype))
        flat = state * start.shape[1] + action
        q = (q.flatten().index_add(0, flat, rate * (y - q[state, action]))).view_as(q)
        target = q if (n + 1) % period == 0 else target
    return q, target.clone()


def _dictionaries(start, batches, discount, rate, period):
    q = {(i, j): v for i, row in enumerate(start.tolist()) for j, v in enumerate(row)}
    actions, target, left = range(start.shape[1]), dict(q), period
    for batch in batches:
        change = collections.defaultdict(float)
        for s, a, r, f, d in zip(*(x.tolist() for x in batch), strict=True):
            change[s, a] += r + (0.0 if d else discount * max(target[f, b] for b in actions)) - q[s, a]
        for place, error in change.items():
            q[place] += rate * error
        left -= 1
        if not left:
            target, left = dict(q), period
    table = lambda x: torch.tensor(list(x.values()), dtype=start.dtype).view_as(start)  # noqa: E731
    return table(q), table(target)


def _one_hot(q, target, state, action, y, rate):
    places = torch.nn.functional.one_hot(state * q.shape[1] + action, q.numel()).to(q)
    return q + rate * ((y - places @ q.flatten()) @ places).view_as(q)


# ------------------------------------------------------------------ plan and biases

PLAN = {
    "changes_per_variant": 1,
    "seeds": 10,
    "step_size": ch03.OWN_STEP_SIZE,
    "measured_on": ch03.GREEDY,
    "reported": ch03.LAST,
    "budget": ch03.STEPS,
    "if_intervals_overlap": ch03.NO_EVIDENCE,
}


def _plan(**changes):
    return ch03.check_plan, {**PLAN, **changes}


def _density(x):
    return math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _below(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


WRONG = [
    *named(
        ch03.check_expected_target,
        _sampled,
        _reward_left_out_at_the_end,
        _zeros_in_place,
        _target_alone_detached,
        other_actions=_expected(_other_actions),
        smaller_of_both=_expected(_largest_of_both),
        two_networks_mixed=_expected(_two_networks_mixed),
        greedy_action_of_the_batch=_expected(_greedy_action_of_the_batch),
        by_size=_expected(_by_rank),
        both_flags_mean_the_clock=_expected(ends=lambda terminated, truncated: terminated & ~truncated),
    ),
    *named(
        ch03.check_ring_write,
        _a_queue,
        _counts_in_place,
        _counts_what_is_there,
        clock=_written(_clock),
        back_to_the_front=_written(_back_to_the_front),
        the_fullest_for_all=_written(_from_its_own_first),
        clamped_once_full=_written(_clamped_once_full),
        wraps_once=_written(_wraps_once),
    ),
    *named(
        ch03.check_ring_sample,
        _without_the_newest,
        same_luck=_drawn(_same_luck),
        antithetic=_drawn(_antithetic),
        stratified=_drawn(_stratified),
        rotating=_drawn(_rotating),
        thousand_values=_drawn(_thousand_values),
        rounded=_drawn(_rounded),
        never_twice_in_a_row=_drawn(_never_twice_in_a_row),
        mirrored=_drawn(_mirrored),
        in_front=_drawn(_squares),
        forks=_drawn(_forks),
    ),
    *named(
        ch03.check_learn_with_target,
        _counts_rows,
        _a_last_copy,
        _in_single_precision,
        _generators_of_batches,
        one_row_after_the_other=_learned(_one_row_after_the_other),
        averaged_over_repeats=_learned(_averaged_over_repeats),
        last_of_repeats=_learned(_last_of_repeats),
        error_by_the_target_table=_learned(_error_by_the_target_table),
        held_errors=_learned(_held_errors),
        one_early=_learned(_added, lambda n, period: (n + 1) % period == 0),
        first_too=_learned(_added, lambda n, period: n == 1 or n % period == 0),
        powers_of_the_period=_learned(_added, lambda n, period: n in (period, 2 * period)),
    ),
    (ch03.check_bias_equal, 3 / math.sqrt(2 * math.pi)),
    (ch03.check_bias_equal, 9 / math.sqrt(math.pi)),
    (ch03.check_bias_single, _below(1) + _density(1) - 1),
    (ch03.check_bias_single, math.sqrt(2) * _density(1 / math.sqrt(2))),
    (ch03.check_bias_double, -_below(-1)),
    (ch03.check_bias_double, _below(-1 / math.sqrt(2))),
    _plan(seeds=2),
    _plan(changes_per_variant=True),
    _plan(changes_per_variant=1.5),
    _plan(step_size="each its own"),
]

RIGHT = [
    *named(ch03.check_expected_target, _policy, _rows, _numpy_target),
    *named(ch03.check_ring_write, _one_at_a_time, _unrolled, _newest_to_the_left, _ordered),
    *named(
        ch03.check_ring_sample,
        _with_multinomial,
        _row_by_row,
        _by_numpy_luck,
        columns_first=_drawn(_columns_first),
        large_integers=_drawn(_large_integers),
    ),
    *named(ch03.check_learn_with_target, _start_as_target, _dictionaries, one_hot=_learned(_one_hot)),
    (ch03.check_bias_equal, np.float32(3 / math.sqrt(math.pi))),
    (ch03.check_bias_double, torch.tensor(-_below(-1 / math.sqrt(2)))),
    _plan(seeds=24),
]
