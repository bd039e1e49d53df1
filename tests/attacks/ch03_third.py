"""More answers to chapter 03's exercises, by somebody who had read the exercises and not the checks."""

import math
from functools import cache

import numpy as np
import torch
from scipy import stats

from metarl_core.check import ch03
from metarl_core.evaluation import t_interval

from . import named, reported

# ------------------------------------------------------------------ expected_target, wrong


def _mix(rewards, ended, future, discount):
    return rewards + discount * torch.where(ended, 0.0, future)


def _future(online, target, epsilon):
    own = target.gather(1, online.argmax(1, keepdim=True))[:, 0]
    return (1 - epsilon) * own + epsilon * target.mean(1)


def _explores_other_actions_only(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    own = t.gather(1, o.argmax(1, keepdim=True))[:, 0]
    others = (t.sum(1) - own) / max(t.shape[1] - 1, 1)
    return _mix(rewards, terminated, (1 - epsilon) * own + epsilon * others, discount)


def _truncation_ends_it(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(rewards, terminated | truncated, _future(online.detach(), target.detach(), epsilon), discount)


def _no_end(rewards, terminated, truncated, online, target, discount, epsilon):
    return rewards + discount * _future(online.detach(), target.detach(), epsilon)


def _only_truncation_ends_it(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(rewards, truncated, _future(online.detach(), target.detach(), epsilon), discount)


def _largest_target(rewards, terminated, truncated, online, target, discount, epsilon):
    t = target.detach()
    return _mix(rewards, terminated, (1 - epsilon) * t.amax(1) + epsilon * t.mean(1), discount)


def _valued_by_online(rewards, terminated, truncated, online, target, discount, epsilon):
    o = online.detach()
    return _mix(rewards, terminated, (1 - epsilon) * o.amax(1) + epsilon * o.mean(1), discount)


def _roles_exchanged(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(rewards, terminated, _future(target.detach(), online.detach(), epsilon), discount)


def _exploration_valued_by_online(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    own = t.gather(1, o.argmax(1, keepdim=True))[:, 0]
    return _mix(rewards, terminated, (1 - epsilon) * own + epsilon * o.mean(1), discount)


def _gradient_through_target(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(rewards, terminated, _future(online, target, epsilon), discount)


def _detaches_the_argument(rewards, terminated, truncated, online, target, discount, epsilon):
    target.requires_grad_(False)
    online.requires_grad_(False)
    return _mix(rewards, terminated, _future(online, target, epsilon), discount)


def _epsilon_the_wrong_way(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(rewards, terminated, _future(online.detach(), target.detach(), 1 - epsilon), discount)


def _sum_over_actions(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    own = t.gather(1, o.argmax(1, keepdim=True))[:, 0]
    return _mix(rewards, terminated, (1 - epsilon) * own + epsilon * t.sum(1), discount)


def _three_actions(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    own = t.gather(1, o.argmax(1, keepdim=True))[:, 0]
    return _mix(rewards, terminated, (1 - epsilon) * own + epsilon / 3 * t.sum(1), discount)


def _reward_is_masked_too(rewards, terminated, truncated, online, target, discount, epsilon):
    return (rewards + discount * _future(online.detach(), target.detach(), epsilon)) * ~terminated


def _discount_ninety_nine(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(rewards, terminated, _future(online.detach(), target.detach(), epsilon), 0.99)


def _column_of_greedy_values(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    future = (1 - epsilon) * t.gather(1, o.argmax(1, keepdim=True)) + epsilon * t.mean(1, keepdim=True)
    return rewards + discount * torch.where(terminated[:, None], 0.0, future)


def _draws_the_action(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    explores = torch.rand(len(o)) < epsilon
    action = torch.where(explores, torch.randint(o.shape[1], (len(o),)), o.argmax(1))
    return _mix(rewards, terminated, t.gather(1, action[:, None])[:, 0], discount)


def _greedy_of_the_first_row(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    return _mix(rewards, terminated, (1 - epsilon) * t[:, o[0].argmax()] + epsilon * t.mean(1), discount)


def _best_action_over_rows(rewards, terminated, truncated, online, target, discount, epsilon):
    o, t = online.detach(), target.detach()
    own = t.diagonal() if t.shape[0] == t.shape[1] else t[:, o.argmax(1) % t.shape[1]][:, 0]
    return _mix(rewards, terminated, (1 - epsilon) * own + epsilon * t.mean(1), discount)


def _expected_float32(rewards, terminated, truncated, online, target, discount, epsilon):
    return _mix(
        rewards.float(), terminated, _future(online.detach().float(), target.detach().float(), epsilon), discount
    )


# ------------------------------------------------------------------ expected_target, right


@torch.no_grad()
def _matrix_of_probabilities(rewards, terminated, truncated, online, target, discount, epsilon):
    n = online.shape[1]
    pi = torch.nn.functional.one_hot(online.argmax(1), n).to(target.dtype) * (1 - epsilon) + epsilon / n
    return rewards + discount * (1 - terminated.to(rewards.dtype)) * torch.einsum("ra,ra->r", pi, target)


def _target_in_numpy(rewards, terminated, truncated, online, target, discount, epsilon):
    r, d, o, q = rewards.numpy(), terminated.numpy(), online.detach().numpy(), target.detach().numpy()
    own = q[np.arange(len(r)), o.argmax(1)]
    return torch.from_numpy((r + discount * np.where(d, 0, (1 - epsilon) * own + epsilon * q.mean(1))).astype(r.dtype))


def _row_by_row(rewards, terminated, truncated, online, target, discount, epsilon):
    out = []
    for r, d, o, q in zip(
        rewards.tolist(), terminated.tolist(), online.detach().tolist(), target.detach().tolist(), strict=True
    ):
        greedy = max(range(len(o)), key=o.__getitem__)
        expected = sum(q[a] * (epsilon / len(q) + (1 - epsilon) * (a == greedy)) for a in range(len(q)))
        out.append(r if d else r + discount * expected)
    return torch.tensor(out, dtype=rewards.dtype)


def _by_lerp(rewards, terminated, truncated, online, target, discount, epsilon):
    with torch.no_grad():
        greedy = torch.take_along_dim(target, online.max(dim=-1, keepdim=True).indices, -1).squeeze(-1)
        future = torch.lerp(greedy, target.mean(-1), float(epsilon))
        return torch.where(terminated, rewards, torch.add(rewards, future, alpha=float(discount)))


def _detached_at_the_end(rewards, terminated, truncated, online, target, discount, epsilon):
    rows = torch.arange(len(rewards))
    value = target[rows, online.argmax(1)] + epsilon * (target.mean(1) - target[rows, online.argmax(1)])
    return (rewards + discount * value.masked_fill(terminated, 0)).detach()


# ------------------------------------------------------------------ ring_write, wrong


def _slots(ring, written, new, shift=0):
    return (written[:, None] + torch.arange(new.shape[1]) + shift) % ring.shape[1]


def _one_slot_late(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new, 1), new), written + new.shape[1]


def _place_of_the_first_learner(ring, written, new):
    return ring.scatter(1, _slots(ring, written[:1].expand_as(written), new), new), written + new.shape[1]


def _writes_into_the_ring(ring, written, new):
    return ring.scatter_(1, _slots(ring, written, new), new), written + new.shape[1]


def _counts_into_written(ring, written, new):
    out = ring.scatter(1, _slots(ring, written, new), new)
    written += new.shape[1]
    return out, written


def _count_stops_at_capacity(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new), new), (written + new.shape[1]).clamp(max=ring.shape[1])


def _count_modulo(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new), new), (written + new.shape[1]) % ring.shape[1]


def _counts_one(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new), new), written + 1


def _pushes_to_the_left(ring, written, new):
    return torch.cat([ring, new], 1)[:, -ring.shape[1] :], written + new.shape[1]


def _newest_first(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new), new.flip(1)), written + new.shape[1]


def _stays_at_the_end(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])).clamp(max=ring.shape[1] - 1)
    return ring.scatter(1, slots, new), written + new.shape[1]


def _no_way_round(ring, written, new):
    out, n = ring.clone(), ring.shape[1]
    for row, begin in enumerate((written % n).tolist()):
        fits = min(new.shape[1], n - begin)
        out[row, begin : begin + fits] = new[row, :fits]
    return out, written + new.shape[1]


def _starts_over_if_it_does_not_fit(ring, written, new):
    out, n, k = ring.clone(), ring.shape[1], new.shape[1]
    for row, begin in enumerate((written % n).tolist()):
        begin = 0 if begin + k > n else begin
        out[row, begin : begin + k] = new[row]
    return out, written + k


def _first_transition_only(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new[:, :1]), new[:, :1]), written + new.shape[1]


def _ring_alone(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new), new)


def _ring_float32(ring, written, new):
    return ring.float().scatter(1, _slots(ring, written, new), new.float()), written + new.shape[1]


def _count_as_float(ring, written, new):
    return ring.scatter(1, _slots(ring, written, new), new), (written + new.shape[1]).float()


# ------------------------------------------------------------------ ring_write, right


def _one_after_another(ring, written, new):
    rows = ring.tolist()
    for row, count, values in zip(rows, written.tolist(), new.tolist(), strict=True):
        for i, value in enumerate(values):
            row[(count + i) % len(row)] = value
    return torch.tensor(rows, dtype=ring.dtype), written.add(new.size(1))


def _ring_in_numpy(ring, written, new):
    out, n = ring.numpy().copy(), ring.shape[1]
    slots = (written.numpy()[:, None] + np.arange(new.shape[1])) % n
    np.put_along_axis(out, slots, new.numpy(), 1)
    return torch.from_numpy(out), written + new.shape[1]


def _index_put(ring, written, new):
    out = ring.clone()
    learner = torch.arange(len(ring)).unsqueeze(1)
    out[learner, torch.remainder(written.unsqueeze(1) + torch.arange(new.shape[1]).unsqueeze(0), ring.shape[1])] = new
    return out, torch.add(written, new.shape[1])


def _what_belongs_in_each_slot(ring, written, new):
    age = (torch.arange(ring.shape[1]) - written[:, None]) % ring.shape[1]
    k = new.shape[1]
    if k == 0:
        return ring.clone(), written.clone()
    return torch.where(age < k, new.gather(1, age.clamp(max=k - 1)), ring), written + k


def _two_slices(ring, written, new):
    out, n = [], ring.shape[1]
    for row, count, values in zip(ring, written, new, strict=True):
        start = int(count) % n
        turned = torch.roll(row, -start)
        out.append(torch.roll(torch.cat([values, turned[len(values) :]]), start))
    return torch.stack(out), written + new.shape[1]


# ------------------------------------------------------------------ ring_sample, wrong


def _pick(ring, slots):
    return ring.gather(1, slots)


def _uniform(ring, size, generator):
    return torch.rand((len(ring), size), generator=generator)


def _filled(ring, written):
    return written.clamp(max=ring.shape[1])


def _whole_ring(ring, written, size, generator):
    return _pick(ring, torch.randint(ring.shape[1], (len(ring), size), generator=generator))


def _fullest_ring(ring, written, size, generator):
    n = int(_filled(ring, written).max())
    return _pick(ring, torch.randint(n, (len(ring), size), generator=generator))


def _emptiest_ring(ring, written, size, generator):
    n = int(_filled(ring, written).min())
    return _pick(ring, torch.randint(n, (len(ring), size), generator=generator))


def _all_ever_written(ring, written, size, generator):
    slots = (_uniform(ring, size, generator) * written[:, None]).long()
    return _pick(ring, slots.clamp(max=ring.shape[1] - 1))


def _written_modulo(ring, written, size, generator):
    n = (written % ring.shape[1]).clamp_min(1)
    return _pick(ring, (_uniform(ring, size, generator) * n[:, None]).long())


def _never_the_last_slot(ring, written, size, generator):
    n = (_filled(ring, written) - 1).clamp_min(1)
    return _pick(ring, (_uniform(ring, size, generator) * n[:, None]).long())


def _rounds_to_nearest(ring, written, size, generator):
    n = _filled(ring, written) - 1
    return _pick(ring, (_uniform(ring, size, generator) * n[:, None]).round().long())


def _cut_off_at_filled(ring, written, size, generator):
    slots = torch.randint(ring.shape[1], (len(ring), size), generator=generator)
    return _pick(ring, torch.minimum(slots, _filled(ring, written)[:, None] - 1))


def _modulo_filled(ring, written, size, generator):
    slots = torch.randint(ring.shape[1], (len(ring), size), generator=generator)
    return _pick(ring, slots % _filled(ring, written)[:, None])


def _same_luck_for_all(ring, written, size, generator):
    u = torch.rand(size, generator=generator)[None]
    return _pick(ring, (u * _filled(ring, written)[:, None]).long())


def _one_draw_repeated(ring, written, size, generator):
    u = torch.rand((len(ring), 1), generator=generator).expand(-1, size)
    return _pick(ring, (u * _filled(ring, written)[:, None]).long())


def _without_replacement(ring, written, size, generator):
    rows = []
    for row, n in zip(ring, _filled(ring, written).tolist(), strict=True):
        order = torch.cat([torch.randperm(n, generator=generator) for _ in range(-(-size // n))])
        rows.append(row[order[:size]])
    return torch.stack(rows)


def _global_numbers(ring, written, size, generator):
    return _pick(ring, (torch.rand(len(ring), size) * _filled(ring, written)[:, None]).long())


def _seeded_inside(ring, written, size, generator):
    return _right_sample(ring, written, size, torch.Generator().manual_seed(generator.initial_seed()))


def _slots_returned(ring, written, size, generator):
    return (_uniform(ring, size, generator) * _filled(ring, written)[:, None]).long()


def _transposed(ring, written, size, generator):
    return _right_sample(ring, written, size, generator).T


def _prefers_new_slots(ring, written, size, generator):
    u = _uniform(ring, size, generator).sqrt()
    return _pick(ring, (u * _filled(ring, written)[:, None]).long().clamp(max=ring.shape[1] - 1))


def _one_learner_for_all(ring, written, size, generator):
    n = int(_filled(ring, written)[0])
    return _pick(ring, torch.randint(n, (len(ring), size), generator=generator))


def _skips_the_newest(ring, written, size, generator):
    n = _filled(ring, written)
    back = (_uniform(ring, size, generator) * (n - 1).clamp_min(1)[:, None]).long() + 2
    return _pick(ring, (written[:, None] - back).clamp_min(0) % ring.shape[1])


# ------------------------------------------------------------------ ring_sample, right


def _right_sample(ring, written, size, generator):
    u = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return _pick(ring, (u * _filled(ring, written)[:, None]).long())


def _by_multinomial(ring, written, size, generator):
    weights = (torch.arange(ring.shape[1]) < written[:, None]).float()
    return ring.gather(1, torch.multinomial(weights, size, replacement=True, generator=generator))


def _randint_by_learner(ring, written, size, generator):
    return torch.stack(
        [
            row[torch.randint(min(int(n), len(row)), (size,), generator=generator)]
            for row, n in zip(ring, written, strict=True)
        ]
    )


def _numpy_luck(ring, written, size, generator):
    luck = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    n = np.minimum(written.numpy(), ring.shape[1])
    slots = luck.integers(0, n[:, None], (len(n), size))
    return torch.from_numpy(np.take_along_axis(ring.numpy(), slots, 1))


def _counting_back(ring, written, size, generator):
    u = torch.rand((size, len(ring)), generator=generator).T
    back = 1 + (u * written.clamp(max=ring.shape[1])[:, None]).floor().long()
    return ring.gather(1, (written[:, None] - back) % ring.shape[1])


def _big_integers(ring, written, size, generator):
    numbers = torch.randint(2**62, (len(ring), size), generator=generator)
    return ring[torch.arange(len(ring))[:, None], numbers % torch.clamp(written, max=ring.shape[1])[:, None]]


# ------------------------------------------------------------------ learn_with_target, wrong


def _learns(start, batches, discount, rate, period, **how):
    """The exercise's loop with one thing changed."""
    q = start.clone()
    target, updates = how.get("alias", q.clone()), how.get("begin", 0)
    for state, action, reward, following, terminated in batches:
        if how.get("copy_before") and updates % period == 0:
            target = q.clone()
        source = q if how.get("online") else target
        future = source[following].amax(-1)
        future = future if how.get("endless") else torch.where(terminated, 0.0, future)
        error = reward + discount * future - q[state, action]
        if how.get("mean"):
            error = error / len(error)
        if how.get("once"):
            q[state, action] = q[state, action] + rate * error
        else:
            q.index_put_((state, action), rate * error, accumulate=True)
        updates += 1
        if not how.get("copy_before") and updates % (period + how.get("late", 0)) == 0:
            target = q.clone()
    return q, target


def _copies_still_shared(start, batches, discount, rate, period):
    online = {"q": start.clone()}
    target, updates = dict(online), 0
    for state, action, reward, following, terminated in batches:
        future = torch.where(terminated, 0.0, target["q"][following].amax(-1))
        error = reward + discount * future - online["q"][state, action]
        online["q"].index_put_((state, action), rate * error, accumulate=True)
        updates += 1
        if updates % period == 0:
            target = dict(online)
    return online["q"], target["q"]


def _never_renewed(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, 10**9)


def _renewed_always(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, 1)


def _renewed_one_late(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, late=1)


def _counts_from_one(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, begin=1)


def _renewed_before_the_update(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, copy_before=True)


def _first_copy_only_then_alias(start, batches, discount, rate, period):
    q, updates = start.clone(), 0
    target = q.clone()
    for state, action, reward, following, terminated in batches:
        future = torch.where(terminated, 0.0, target[following].amax(-1))
        q.index_put_((state, action), rate * (reward + discount * future - q[state, action]), accumulate=True)
        updates += 1
        if updates % period == 0:
            target = q
    return q, target


def _bootstraps_online(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, online=True)


def _mean_error(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, mean=True)


def _last_of_the_pair_counts(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, once=True)


def _no_ends(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period, endless=True)


def _rows_one_after_the_other(start, batches, discount, rate, period):
    q, target = start.clone(), start.clone()
    for n, batch in enumerate(batches, 1):
        for s, a, r, f, d in zip(*batch, strict=True):
            q[s, a] += rate * (r + (0.0 if d else discount * target[f].max()) - q[s, a])
        if n % period == 0:
            target = q.clone()
    return q, target


def _learns_into_start(start, batches, discount, rate, period):
    target = start.clone()
    for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
        future = torch.where(terminated, 0.0, target[following].amax(-1))
        start.index_put_((state, action), rate * (reward + discount * future - start[state, action]), accumulate=True)
        if n % period == 0:
            target = start.clone()
    return start, target


def _polyak(start, batches, discount, rate, period):
    q, target = start.clone(), start.clone()
    for state, action, reward, following, terminated in batches:
        future = torch.where(terminated, 0.0, target[following].amax(-1))
        q.index_put_((state, action), rate * (reward + discount * future - q[state, action]), accumulate=True)
        target = target + (q - target) / period
    return q, target


def _double_q(start, batches, discount, rate, period):
    q, target = start.clone(), start.clone()
    for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
        future = target[following, q[following].argmax(-1)]
        future = torch.where(terminated, 0.0, future)
        q.index_put_((state, action), rate * (reward + discount * future - q[state, action]), accumulate=True)
        if n % period == 0:
            target = q.clone()
    return q, target


def _counts_rows(start, batches, discount, rate, period):
    q, target, rows = start.clone(), start.clone(), 0
    for state, action, reward, following, terminated in batches:
        future = torch.where(terminated, 0.0, target[following].amax(-1))
        q.index_put_((state, action), rate * (reward + discount * future - q[state, action]), accumulate=True)
        rows += len(state)
        if rows % period == 0:
            target = q.clone()
    return q, target


def _tables_exchanged(start, batches, discount, rate, period):
    return _learns(start, batches, discount, rate, period)[::-1]


def _in_float32(start, batches, discount, rate, period):
    halves = [(s, a, r.float(), f, d) for s, a, r, f, d in batches]
    return _learns(start.float(), halves, discount, rate, period)


# ------------------------------------------------------------------ learn_with_target, right


def _tables_in_numpy(start, batches, discount, rate, period):
    q = start.numpy().copy()
    target = q.copy()
    for n, batch in enumerate(batches):
        s, a, r, f, d = (x.numpy() for x in batch)
        error = r + discount * np.where(d, 0, target[f].max(-1)) - q[s, a]
        np.add.at(q, (s, a), (rate * error).astype(q.dtype))
        if (n + 1) % period == 0:
            target = q.copy()
    return torch.from_numpy(q), torch.from_numpy(target)


def _summed_by_hand(start, batches, discount, rate, period):
    q, target = start.tolist(), start.tolist()
    for n, batch in enumerate(batches, 1):
        change = [[0.0] * len(row) for row in q]
        for s, a, r, f, d in zip(*(x.tolist() for x in batch), strict=True):
            change[s][a] += r + (0.0 if d else discount * max(target[f])) - q[s][a]
        q = [[x + rate * y for x, y in zip(*rows, strict=True)] for rows in zip(q, change, strict=True)]
        target = [row[:] for row in q] if n % period == 0 else target
    return start.new_tensor(q), start.new_tensor(target)


def _flat_index_add(start, batches, discount, rate, period):
    shape, n = start.shape, 0
    q = start.reshape(-1).clone()
    target = start.clone()
    for state, action, reward, following, terminated in batches:
        place = state * shape[1] + action
        goal = reward + discount * (~terminated).to(reward.dtype) * target[following].max(1).values
        q = q.index_add(0, place, rate * (goal - q[place]))
        n += 1
        if not n % period:
            target = q.reshape(shape)
    return q.reshape(shape), target


def _one_hot_sums(start, batches, discount, rate, period):
    q, kept = start, start
    for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
        rows = torch.nn.functional.one_hot(state, q.shape[0]).to(q.dtype)
        columns = torch.nn.functional.one_hot(action, q.shape[1]).to(q.dtype)
        error = reward + discount * kept[following].amax(-1).masked_fill(terminated, 0) - q[state, action]
        q = q + rate * torch.einsum("b,bs,ba->sa", error, rows, columns)
        kept = q if n % period == 0 else kept
    return q.clone(), kept.clone()


def _copied_in_place(start, batches, discount, rate, period):
    online, target = torch.clone(start), torch.clone(start)
    for n in range(len(batches)):
        state, action, reward, following, terminated = batches[n]
        goal = torch.where(terminated, reward, reward + discount * target[following].amax(dim=1))
        step = torch.zeros_like(online).index_put((state, action), goal - online[state, action], accumulate=True)
        online.add_(step, alpha=rate)
        if n % period == period - 1:
            target.copy_(online)
    return online, target


# ------------------------------------------------------------------ biases

C = 1 / math.sqrt(2)
DENSITY = math.exp(-(C**2) / 2) / math.sqrt(2 * math.pi)
BELOW = 0.5 * math.erfc(-C / math.sqrt(2))
EQUAL = 3 / math.sqrt(math.pi)
SINGLE = -1 + math.sqrt(2) * (C * BELOW + DENSITY)
DOUBLE = -(1 - BELOW)

# ------------------------------------------------------------------ plan

PLAN = {
    "changes_per_variant": 1,
    "seeds": 10,
    "step_size": ch03.OWN_STEP_SIZE,
    "measured_on": ch03.GREEDY,
    "reported": ch03.LAST,
    "budget": ch03.STEPS,
    "if_intervals_overlap": ch03.NO_EVIDENCE,
}
WRONG_PLANS = [
    PLAN | {"changes_per_variant": 2},
    PLAN | {"changes_per_variant": 0},
    PLAN | {"seeds": 2},
    PLAN | {"seeds": -10},
    PLAN | {"seeds": range(10)},
    PLAN | {"step_size": ch03.SAME_STEP_SIZE},
    PLAN | {"measured_on": ch03.IN_TRAINING, "reported": ch03.BEST},
    PLAN | {"reported": "last"},
    PLAN | {"budget": ch03.UNTIL_SOLVED},
    PLAN | {"if_intervals_overlap": ch03.NO_EFFECT, "seeds": 100},
    PLAN | {"step_size": ch03.GREEDY, "measured_on": ch03.OWN_STEP_SIZE},
    {k: v for k, v in PLAN.items() if k != "budget"},
]
RIGHT_PLANS = [PLAN, PLAN | {"seeds": 5}, PLAN | {"seeds": np.int64(30)}, dict(reversed(PLAN.items()))]

# ------------------------------------------------------------------ comparison

START, GOAL = 36, 47


def _cliff_step(cell, action):
    row = (cell // 12 + torch.tensor([-1, 0, 1, 0])[action]).clamp(0, 3)
    column = (cell % 12 + torch.tensor([0, 1, 0, -1])[action]).clamp(0, 11)
    fallen = (row == 3) & (column > 0) & (column < 11)
    following = torch.where(fallen, START, 12 * row + column)
    return following, torch.where(fallen, -100.0, -1.0), following == GOAL


def _act(values, agent, cell, explores, which):
    return torch.where(explores, (4 * which).long(), values[agent, cell].argmax(-1))


def _train(target_epsilon, seeds, iterations=1500, walkers=16, rate=0.2):
    luck = [torch.rand((iterations, 2, walkers), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    values, cell = torch.zeros(len(seeds), 48, 4), torch.full((len(seeds), walkers), START)
    agent = torch.arange(len(seeds))[:, None].expand(cell.shape)
    for explores, which in torch.stack(luck, 2):
        action = _act(values, agent, cell, explores < 0.1, which)
        following, reward, ended = _cliff_step(cell, action)
        ahead = values[agent, following].flatten(0, 1)
        flags = ended.flatten(), torch.zeros_like(ended.flatten())
        y = _by_lerp(reward.flatten(), *flags, ahead, ahead, 1.0, target_epsilon).view(cell.shape)
        values.index_put_((agent, cell, action), rate * (y - values[agent, cell, action]), accumulate=True)
        cell = torch.where(ended, START, following)
    return values


def _play(values, episodes, epsilon, seed):
    generator = torch.Generator().manual_seed(seed)
    cell = torch.full((len(values), episodes), START)
    agent = torch.arange(len(values))[:, None].expand(cell.shape)
    returns, over = torch.zeros(cell.shape), torch.zeros(cell.shape, dtype=torch.bool)
    for _ in range(500):
        explores, which = torch.rand((2, *cell.shape), generator=generator)
        cell, reward, ended = _cliff_step(cell, _act(values, agent, cell, explores < epsilon, which))
        returns, over = returns + torch.where(over, 0.0, reward), over | ended
        if over.all():
            break
    return returns


@cache
def _tables(first=40, n=6, second=0.1):
    seeds = list(range(first, first + n))
    return seeds, _train(0.0, seeds), _train(second, seeds)


def _cliff(seeds, greedy, expected, episodes=60, epsilon=0.1, played=(901, 902), **changes):
    one, other = _play(greedy, episodes, epsilon, played[0]), _play(expected, episodes, epsilon, played[1])
    found = t_interval((other - one).mean(1))
    low, high = float(found.low), float(found.high)
    verdict = ch03.EXPECTED_EARNS_MORE if low > 0 else ch03.GREEDY_EARNS_MORE if high < 0 else ch03.NOT_TOLD_APART
    return {
        "seeds": seeds,
        "greedy_target": greedy,
        "expected_target": expected,
        "returns_greedy_target": one,
        "returns_expected_target": other,
        "low": low,
        "high": high,
        "conclusion": verdict,
    } | changes


def _six(**changes):
    return _cliff(*_tables(), **changes)


def _means():
    c = _six()
    return c["returns_greedy_target"].mean(1), c["returns_expected_target"].mean(1)


def _three_cliff_seeds():
    seeds, greedy, expected = _tables()
    return _cliff(seeds[:3], greedy[:3], expected[:3])


def _played_greedily():
    return _six(epsilon=0.0)


def _played_with_more_luck():
    return _six(epsilon=0.2)


def _same_tables_twice():
    seeds, greedy, _ = _tables()
    return _cliff(seeds, greedy, greedy)


def _untrained():
    return _cliff(_tables()[0], torch.zeros(6, 48, 4), torch.zeros(6, 48, 4), episodes=20)


def _trained_a_little():
    seeds = _tables()[0]
    return _cliff(seeds, _train(0.0, seeds, iterations=300), _train(0.1, seeds, iterations=300))


def _more_exploration_in_the_target():
    seeds, greedy, _ = _tables()
    return _cliff(seeds, greedy, _tables(second=0.3)[2])


def _one_agent_six_times():
    seeds, greedy, expected = _tables()
    return _cliff(seeds, greedy[:1].repeat(6, 1, 1), expected[:1].repeat(6, 1, 1))


def _one_seed_six_times():
    seeds, greedy, expected = _tables()
    return _cliff(seeds[:1] * 6, greedy[:1].repeat(6, 1, 1), expected[:1].repeat(6, 1, 1))


def _kinds_exchanged():
    seeds, greedy, expected = _tables()
    return _cliff(seeds, expected, greedy)


def _five_episodes():
    return _six(episodes=5)


def _difference_reversed():
    c = _six()
    return c | {"low": -c["high"], "high": -c["low"]}


def _over_episodes():
    c = _six()
    found = t_interval((c["returns_expected_target"] - c["returns_greedy_target"]).flatten())
    return c | {"low": float(found.low), "high": float(found.high)}


def _normal_quantile():
    one, other = _means()
    half = 1.96 * float((other - one).std()) / math.sqrt(6)
    middle = float((other - one).mean())
    return _six(low=middle - half, high=middle + half)


def _biased_cliff_spread():
    one, other = _means()
    half = stats.t.ppf(0.975, 5) * float((other - one).std(correction=0)) / math.sqrt(6)
    middle = float((other - one).mean())
    return _six(low=middle - half, high=middle + half)


def _not_in_pairs():
    one, other = _means()
    half = stats.t.ppf(0.975, 10) * math.sqrt(float(one.var() + other.var()) / 6)
    middle = float((other - one).mean())
    return _six(low=middle - half, high=middle + half)


def _ninety_percent():
    one, other = _means()
    half = stats.t.ppf(0.95, 5) * float((other - one).std()) / math.sqrt(6)
    middle = float((other - one).mean())
    return _six(low=middle - half, high=middle + half)


def _whole_spread():
    one, other = _means()
    half = stats.t.ppf(0.975, 5) * float((other - one).std())
    middle = float((other - one).mean())
    return _six(low=middle - half, high=middle + half)


def _against_its_interval():
    return _six(conclusion=ch03.GREEDY_EARNS_MORE)


def _too_modest():
    return _six(conclusion=ch03.NOT_TOLD_APART)


def _conclusion_in_own_words():
    return _six(conclusion="expected SARSA is better")


def _invented_episodes():
    g = torch.Generator().manual_seed(3)
    one, other = -50 + 5 * torch.randn(6, 60, generator=g), -21 + 2 * torch.randn(6, 60, generator=g)
    found = t_interval((other - one).mean(1))
    return _six(returns_greedy_target=one, returns_expected_target=other, low=float(found.low), high=float(found.high))


def _invented_whole_numbers():
    """Of the right mean, and each close to it."""
    one, other = _means()
    g = torch.Generator().manual_seed(3)
    made = [(m[:, None] + 4 * torch.randn(6, 60, generator=g)).round() for m in (one, other)]
    found = t_interval((made[1] - made[0]).mean(1))
    names = ("returns_greedy_target", "returns_expected_target")
    return _six(**dict(zip(names, made, strict=True)), low=float(found.low), high=float(found.high))


def _returns_exchanged():
    c = _six()
    return c | {
        "returns_greedy_target": c["returns_expected_target"],
        "returns_expected_target": c["returns_greedy_target"],
    }


def _episodes_first():
    c = _six()
    return c | {k: c[k].T for k in ("returns_greedy_target", "returns_expected_target")}


def _best_quarter_of_the_episodes():
    c = _cliff(*_tables(), episodes=120)
    one, other = (c[k].sort(1).values[:, -30:] for k in ("returns_greedy_target", "returns_expected_target"))
    found = t_interval((other - one).mean(1))
    return c | {
        "returns_greedy_target": one,
        "returns_expected_target": other,
        "low": float(found.low),
        "high": float(found.high),
    }


def _right_cliff():
    return _six()


def _cliff_arrays():
    c = _six()
    names = ("returns_greedy_target", "returns_expected_target")
    return c | {k: c[k].numpy() for k in names} | {"low": np.float64(c["low"]), "seeds": np.array(c["seeds"])}


def _cliff_lists():
    c = _six(episodes=25)
    names = ("returns_greedy_target", "returns_expected_target")
    return c | {k: c[k].tolist() for k in names} | {"high": torch.tensor(c["high"]), "seeds": tuple(c["seeds"])}


def _ten_cliff_seeds():
    return _cliff(*_tables(0, 10), episodes=200)


def _same_luck_in_play():
    return _six(played=(77, 77), episodes=40)


WRONG = [
    *named(
        ch03.check_expected_target,
        _explores_other_actions_only,
        _truncation_ends_it,
        _no_end,
        _only_truncation_ends_it,
        _largest_target,
        _valued_by_online,
        _roles_exchanged,
        _exploration_valued_by_online,
        _gradient_through_target,
        _detaches_the_argument,
        _epsilon_the_wrong_way,
        _sum_over_actions,
        _three_actions,
        _reward_is_masked_too,
        _discount_ninety_nine,
        _column_of_greedy_values,
        _draws_the_action,
        _greedy_of_the_first_row,
        _best_action_over_rows,
        _expected_float32,
    ),
    *named(
        ch03.check_ring_write,
        _one_slot_late,
        _place_of_the_first_learner,
        _writes_into_the_ring,
        _counts_into_written,
        _count_stops_at_capacity,
        _count_modulo,
        _counts_one,
        _pushes_to_the_left,
        _newest_first,
        _stays_at_the_end,
        _no_way_round,
        _starts_over_if_it_does_not_fit,
        _first_transition_only,
        _ring_alone,
        _ring_float32,
        _count_as_float,
    ),
    *named(
        ch03.check_ring_sample,
        _whole_ring,
        _fullest_ring,
        _emptiest_ring,
        _all_ever_written,
        _written_modulo,
        _never_the_last_slot,
        _rounds_to_nearest,
        _cut_off_at_filled,
        _modulo_filled,
        _same_luck_for_all,
        _one_draw_repeated,
        _without_replacement,
        _global_numbers,
        _seeded_inside,
        _slots_returned,
        _transposed,
        _prefers_new_slots,
        _one_learner_for_all,
        _skips_the_newest,
    ),
    *named(
        ch03.check_learn_with_target,
        _copies_still_shared,
        _never_renewed,
        _renewed_always,
        _renewed_one_late,
        _counts_from_one,
        _renewed_before_the_update,
        _first_copy_only_then_alias,
        _bootstraps_online,
        _mean_error,
        _last_of_the_pair_counts,
        _no_ends,
        _rows_one_after_the_other,
        _learns_into_start,
        _polyak,
        _double_q,
        _counts_rows,
        _tables_exchanged,
        _in_float32,
    ),
    *[
        (ch03.check_bias_equal, x)
        for x in (
            1 / math.sqrt(math.pi),
            9 / math.sqrt(math.pi),
            3 / math.sqrt(2 * math.pi),
            3 * math.sqrt(2 / math.pi),
            -EQUAL,
            0.0,
        )
    ],
    *[
        (ch03.check_bias_single, x)
        for x in (
            SINGLE + 1,
            BELOW + DENSITY - 1,
            -SINGLE,
            0.0833,
            math.sqrt(2) * DENSITY,
            1 / math.sqrt(math.pi),
            2 * SINGLE,
        )
    ],
    *[
        (ch03.check_bias_double, x)
        for x in (-DOUBLE, -BELOW, -0.5 * math.erfc(1 / math.sqrt(2)), 0.0, -0.5, SINGLE, -1 + SINGLE)
    ],
    *[(ch03.check_plan, plan) for plan in WRONG_PLANS],
    *reported(
        ch03.check_comparison,
        _three_cliff_seeds,
        _played_greedily,
        _played_with_more_luck,
        _same_tables_twice,
        _untrained,
        _trained_a_little,
        _more_exploration_in_the_target,
        _one_agent_six_times,
        _one_seed_six_times,
        _kinds_exchanged,
        _five_episodes,
        _difference_reversed,
        _over_episodes,
        _normal_quantile,
        _biased_cliff_spread,
        _not_in_pairs,
        _ninety_percent,
        _whole_spread,
        _against_its_interval,
        _too_modest,
        _conclusion_in_own_words,
        _invented_episodes,
        _invented_whole_numbers,
        _returns_exchanged,
        _episodes_first,
        _best_quarter_of_the_episodes,
    ),
]

RIGHT = [
    *named(
        ch03.check_expected_target,
        _matrix_of_probabilities,
        _target_in_numpy,
        _row_by_row,
        _by_lerp,
        _detached_at_the_end,
    ),
    *named(
        ch03.check_ring_write, _one_after_another, _ring_in_numpy, _index_put, _what_belongs_in_each_slot, _two_slices
    ),
    *named(
        ch03.check_ring_sample,
        _right_sample,
        _by_multinomial,
        _randint_by_learner,
        _numpy_luck,
        _counting_back,
        _big_integers,
    ),
    *named(
        ch03.check_learn_with_target,
        _tables_in_numpy,
        _summed_by_hand,
        _flat_index_add,
        _one_hot_sums,
        _copied_in_place,
    ),
    *[(ch03.check_bias_equal, x) for x in (EQUAL, 1.6926, torch.tensor(EQUAL), np.float64(EQUAL))],
    *[(ch03.check_bias_single, x) for x in (SINGLE, torch.tensor(SINGLE, dtype=torch.float64))],
    *[(ch03.check_bias_double, x) for x in (DOUBLE, np.float32(DOUBLE), torch.tensor(DOUBLE))],
    *[(ch03.check_plan, plan) for plan in RIGHT_PLANS],
    *reported(ch03.check_comparison, _right_cliff, _cliff_arrays, _cliff_lists, _ten_cliff_seeds, _same_luck_in_play),
]
