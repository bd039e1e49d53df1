"""Answers to exercises of chapter 03, from an eighth attack."""

import numpy as np
import torch

from metarl_core.check import ch03

from . import named


def _target(rows=10**6, over=lambda end, cut: end, mean=None, greedy=None, single=False, most=1e9):
    def answer(rewards, terminated, truncated, online, target, discount, epsilon):
        online, values = online.detach(), target.detach()
        values = values.float().to(values.dtype) if single else values
        best = (greedy or (lambda q, v: q.argmax(1)))(online, values)
        explored = values.mean(1) if mean is None else mean(values, best)
        future = (1 - epsilon) * values.gather(1, best[:, None])[:, 0] + epsilon * explored
        found = rewards + discount * torch.where(over(terminated, truncated), 0.0, future).clamp(-most, most)
        found[rows:] = rewards[rows:]
        return found

    return answer


def _others(values, best):
    """Exploration never takes the greedy action."""
    n = values.shape[1]
    return (values.sum(1) - values.gather(1, best[:, None])[:, 0]) / max(1, n - 1)


def _fifty_actions(values, best):
    return values[:, :50].mean(1)


def _near_the_best(q, v):
    """Ties, and nearly ties, go to the first action."""
    return (q > q.amax(1, keepdim=True) - 0.3).long().argmax(1)


def _first_row_decides(q, v):
    return q.argmax(1)[:1].expand(len(q))


def _einsum(rewards, terminated, truncated, online, target, discount, epsilon):
    n = online.shape[1]
    chance = torch.nn.functional.one_hot(online.argmax(1), n).to(target.dtype) * (1 - epsilon) + epsilon / n
    future = torch.einsum("ra,ra->r", chance, target)
    return (rewards + discount * future * ~terminated).detach()


def _numpy_target(rewards, terminated, truncated, online, target, discount, epsilon):
    q, v, r, end = (x.detach().numpy() for x in (online, target, rewards, terminated))
    future = (1 - epsilon) * v[np.arange(len(v)), q.argmax(1)] + epsilon * v.mean(1)
    return torch.from_numpy((r + discount * np.where(end, 0, future)).astype(r.dtype))


def _by_max_mask(rewards, terminated, truncated, online, target, discount, epsilon):
    target = target.detach()
    best = online == online.max(1, keepdim=True).values
    future = torch.lerp(target[best], target.mean(1), epsilon)
    return rewards + discount * future.masked_fill(terminated, 0.0)


# ------------------------------------------------------------------ rings


def _write(slots=10**6, learners=10**6, modulo=None):
    def answer(ring, written, new):
        out = ring.clone()
        for learner in range(min(len(ring), learners)):
            for k, value in enumerate(new[learner, :slots]):
                out[learner, (int(written[learner]) + k) % (modulo or ring.shape[1])] = value
        return out, written + new.shape[1]

    return answer


def _write_float_counts(ring, written, new):
    slot = (written.float()[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slot.long(), new), written + new.shape[1]


def _write_counts_at_most_n(ring, written, new):
    slot = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slot, new), (written + new.shape[1]).clamp(max=10 * ring.shape[1])


def _write_common_clock(ring, written, new):
    slot = (written.max() + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter(1, slot.expand(len(ring), -1), new), written + new.shape[1]


def _write_index_put(ring, written, new):
    out, rows = ring.clone(), torch.arange(len(ring))[:, None]
    out[rows, torch.remainder(written[:, None] + torch.arange(new.shape[1]), ring.shape[1])] = new
    return out, written.add(new.shape[1])


def _write_rolled(ring, written, new):
    rows = []
    for row, count, fresh in zip(ring, written.tolist(), new, strict=True):
        turned = torch.roll(row, -(count % len(row)))
        turned = torch.cat([fresh, turned[len(fresh) :]])
        rows.append(torch.roll(turned, count % len(row)))
    return torch.stack(rows), written + new.shape[1]


def _write_numpy(ring, written, new):
    out = ring.numpy().copy()
    slot = (written.numpy()[:, None] + np.arange(new.shape[1])) % ring.shape[1]
    np.put_along_axis(out, slot, new.numpy(), 1)
    return torch.from_numpy(out), torch.from_numpy(written.numpy() + new.shape[1])


def _sample(place):
    def answer(ring, written, size, generator):
        filled = written.clamp_max(ring.shape[1])
        return ring.gather(1, place(filled, size, generator).clamp(max=(filled - 1)[:, None]))

    return answer


def _rand(filled, size, generator):
    return torch.rand((len(filled), size), generator=generator, dtype=torch.float64)


def _squared(filled, size, generator):
    return (_rand(filled, size, generator) ** 1.1 * filled[:, None]).long()


def _rounded(filled, size, generator):
    return (_rand(filled, size, generator) * (filled[:, None] - 1)).round().long()


def _modulo(filled, size, generator):
    return torch.randint(0, 64, (len(filled), size), generator=generator) % filled[:, None]


def _antithetic(filled, size, generator):
    half = _rand(filled, (size + 1) // 2, generator)
    return (torch.cat([half, 1 - half], 1)[:, :size] * filled[:, None]).long()


def _stratified(filled, size, generator):
    return ((torch.arange(size) + _rand(filled, size, generator)) / size * filled[:, None]).long()


def _newest_a_little_more(filled, size, generator):
    slot = (_rand(filled, size, generator) * filled[:, None]).long()
    return torch.where(_rand(filled, size, generator) < 0.05, filled[:, None] - 1, slot)


def _by_multinomial(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1])
    weights = (torch.arange(ring.shape[1]) < filled[:, None]).double()
    return ring.gather(1, torch.multinomial(weights, size, replacement=True, generator=generator))


def _by_randint(ring, written, size, generator):
    rows = []
    for row, count in zip(ring, written.tolist(), strict=True):
        rows.append(row[torch.randint(min(count, len(row)), (size,), generator=generator)])
    return torch.stack(rows)


def _by_large_modulo(ring, written, size, generator):
    filled = written.clamp_max(ring.shape[1])
    return ring.gather(1, torch.randint(2**62, (len(ring), size), generator=generator) % filled[:, None])


# ------------------------------------------------------------------ learning with a target


def _learn(updates=10**6, rows=10**6, states=10**6, copies=lambda n, period: n % period == 0, sum_up=True, late=False):
    def answer(start, batches, discount, rate, period):
        online, target = start.clone(), start.clone()
        for n, (s, a, r, after, end) in enumerate(batches[:updates], 1):
            s, a, r, after, end = (x[:rows] for x in (s, a, r, after, end))
            keep = s < states
            s, a, r, after, end = (x[keep] for x in (s, a, r, after, end))
            if late and copies(n, period):
                target = online.clone()
            error = r + discount * torch.where(end, 0.0, target[after].amax(1)) - online[s, a]
            online = online.index_put((s, a), rate * error, accumulate=sum_up)
            if not late and copies(n, period):
                target = online.clone()
        return online, target

    return answer


def _one_by_one(start, batches, discount, rate, period):
    """Each row sees what the rows before it did."""
    online, target = start.clone(), start.clone()
    for n, batch in enumerate(batches, 1):
        for s, a, r, after, end in zip(*batch, strict=True):
            aim = r + (0.0 if end else discount * target[after].max())
            online[s, a] += rate * (aim - online[s, a])
        if n % period == 0:
            target = online.clone()
    return online, target


def _learn_by_lists(start, batches, discount, rate, period):
    online = [row[:] for row in start.tolist()]
    target = [row[:] for row in online]
    for n, batch in enumerate(batches, 1):
        pairs = []
        for s, a, r, after, end in zip(*(x.tolist() for x in batch), strict=True):
            pairs.append((s, a, r + (0 if end else discount * max(target[after])) - online[s][a]))
        for s, a, error in pairs:
            online[s][a] += rate * error
        if not n % period:
            target = [row[:] for row in online]
    return torch.tensor(online, dtype=start.dtype), torch.tensor(target, dtype=start.dtype)


def _learn_numpy(start, batches, discount, rate, period):
    online = start.numpy().astype(np.float64)
    target = online.copy()
    for n, batch in enumerate(batches, 1):
        s, a, r, after, end = (x.numpy() for x in batch)
        error = r + discount * np.where(end, 0, target[after].max(1)) - online[s, a]
        np.add.at(online, (s, a), rate * error)
        if n % period == 0:
            target = online.copy()
    return torch.from_numpy(online).to(start.dtype), torch.from_numpy(target).to(start.dtype)


WRONG = [
    *named(
        ch03.check_expected_target,
        fifty_rows=_target(rows=50),
        others_only=_target(mean=_others),
        fifty_actions=_target(mean=_fifty_actions),
        nearly_tied=_target(greedy=_near_the_best),
        first_row=_target(greedy=_first_row_decides),
        single=_target(single=True),
        both_flags=_target(over=lambda end, cut: end & ~cut),
        clipped=_target(most=10.0),
    ),
    *named(
        ch03.check_ring_write,
        _write_float_counts,
        _write_counts_at_most_n,
        _write_common_clock,
        fifty_at_once=_write(slots=50),
        fifty_learners=_write(learners=50),
    ),
    *named(
        ch03.check_ring_sample,
        squared=_sample(_squared),
        rounded=_sample(_rounded),
        modulo=_sample(_modulo),
        antithetic=_sample(_antithetic),
        stratified=_sample(_stratified),
        newest=_sample(_newest_a_little_more),
    ),
    *named(
        ch03.check_learn_with_target,
        _one_by_one,
        fifty_updates=_learn(updates=50),
        fifty_rows=_learn(rows=50),
        fifty_states=_learn(states=50),
        copied_at_once=_learn(copies=lambda n, period: (n - 1) % period == 0, late=True),
        one_period=_learn(copies=lambda n, period: n == period),
    ),
]
RIGHT = [
    *named(ch03.check_expected_target, _einsum, _numpy_target, _by_max_mask),
    *named(ch03.check_ring_write, _write_index_put, _write_rolled, _write_numpy),
    *named(ch03.check_ring_sample, _by_multinomial, _by_randint, _by_large_modulo),
    *named(ch03.check_learn_with_target, _learn_by_lists, _learn_numpy),
]
