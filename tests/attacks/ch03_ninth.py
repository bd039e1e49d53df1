"""Answers to exercises of chapter 03, from a ninth attack."""

import math
import random

import numpy as np
import scipy.integrate
import scipy.stats
import sympy
import torch

from metarl_core.check import ch03

from . import named

# ------------------------------------------------------------------ a target that knows of exploration


def _target(greedy=None, explored=None, mix=None, over=None, result=None):
    def answer(rewards, terminated, truncated, online, target, discount, epsilon):
        q, v = online.detach(), target.detach()
        best = q.argmax(1) if greedy is None else greedy(q, v)
        taken = v.gather(1, best[:, None])[:, 0]
        any_of_all = v.mean(1) if explored is None else explored(q, v, best)
        future = (1 - epsilon) * taken + epsilon * any_of_all if mix is None else mix(taken, any_of_all, epsilon)
        ends = terminated if over is None else over(terminated, truncated)
        found = rewards + discount * torch.where(ends, torch.zeros_like(future), future)
        return found if result is None else result(found, rewards, discount)

    return answer


def _graph_of_online(rewards, terminated, truncated, online, target, discount, epsilon):
    soft = torch.nn.functional.one_hot(online.argmax(1), online.shape[1]).to(online.dtype)
    chance = (1 - epsilon) * soft + epsilon / online.shape[1] + 0 * online
    return rewards + discount * ~terminated * (chance * target.detach()).sum(1)


def _graph_of_target(rewards, terminated, truncated, online, target, discount, epsilon):
    best = online.detach().argmax(1, keepdim=True)
    future = (1 - epsilon) * target.gather(1, best)[:, 0] + epsilon * target.mean(1)
    return rewards + discount * ~terminated * future


def _draws_the_next_action(rewards, terminated, truncated, online, target, discount, epsilon):
    """SARSA: one draw in the place of the expectation."""
    best = online.detach().argmax(1)
    anywhere = torch.randint(online.shape[1], best.shape, generator=torch.Generator().manual_seed(0))
    luck = torch.rand(best.shape, generator=torch.Generator().manual_seed(1))
    chosen = torch.where(luck < epsilon, anywhere, best)
    return rewards + discount * ~terminated * target.detach().gather(1, chosen[:, None])[:, 0]


def _all_that_are_best(rewards, terminated, truncated, online, target, discount, epsilon):
    q, v = online.detach(), target.detach()
    close = torch.isclose(q, q.amax(1, keepdim=True), rtol=0.05, atol=0.05).to(v.dtype)
    taken = (close * v).sum(1) / close.sum(1)
    return rewards + discount * torch.where(terminated, 0.0, (1 - epsilon) * taken + epsilon * v.mean(1))


def _overwrites_target(rewards, terminated, truncated, online, target, discount, epsilon):
    with torch.no_grad():
        target[terminated] = 0
        best = online.argmax(1, keepdim=True)
        return rewards + discount * ((1 - epsilon) * target.gather(1, best)[:, 0] + epsilon * target.mean(1))


def _overwrites_rewards(rewards, terminated, truncated, online, target, discount, epsilon):
    with torch.no_grad():
        future = (1 - epsilon) * target[torch.arange(len(target)), online.argmax(1)] + epsilon * target.mean(1)
        rewards += discount * future * ~terminated
        return rewards


def _remembers(memory={}):  # noqa: B006
    def answer(rewards, terminated, truncated, online, target, discount, epsilon):
        key = online.shape
        if key not in memory:
            memory[key] = online.detach().argmax(1)
        v = target.detach()
        future = (1 - epsilon) * v.gather(1, memory[key][:, None])[:, 0] + epsilon * v.mean(1)
        return rewards + discount * torch.where(terminated, 0.0, future)

    return answer


def _rows_by_hand(rewards, terminated, truncated, online, target, discount, epsilon):
    found = []
    for r, end, q, v in zip(rewards.tolist(), terminated.tolist(), online.tolist(), target.tolist(), strict=True):
        best = max(range(len(q)), key=q.__getitem__)
        chance = [epsilon / len(q) + (1 - epsilon) * (a == best) for a in range(len(q))]
        found.append(r + (0 if end else discount * sum(p * x for p, x in zip(chance, v, strict=True))))
    return torch.tensor(found, dtype=rewards.dtype)


@torch.no_grad()
def _decorated(rewards, terminated, truncated, online, target, discount, epsilon):
    chance = torch.full_like(target, epsilon / target.shape[1])
    chance[torch.arange(len(chance)), online.argmax(1)] += 1 - epsilon
    future = (chance * target).sum(1)
    return rewards.add(future.mul(discount).masked_fill(terminated, 0))


def _bmm(rewards, terminated, truncated, online, target, discount, epsilon):
    with torch.inference_mode():
        n = target.shape[1]
        one = torch.eye(n, dtype=target.dtype)[online.argmax(-1)]
        weight = torch.lerp(one, torch.ones_like(one) / n, float(epsilon))
        future = torch.bmm(weight[:, None], target[:, :, None]).flatten()
        out = rewards + discount * (1 - terminated.to(rewards.dtype)) * future
    return out.clone()


# ------------------------------------------------------------------ a ring


def _written(slot=None, counts=None, fresh=None):
    def answer(ring, written, new):
        place = (
            (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
            if slot is None
            else slot(ring, written, new)
        )
        values = new if fresh is None else fresh(new)
        return ring.scatter(1, place, values), written + new.shape[1] if counts is None else counts(ring, written, new)

    return answer


def _shifted_ring(ring, written, new):
    """The newest at the end of the row, all others one place to the left."""
    return torch.cat([ring, new], 1)[:, new.shape[1] :], written + new.shape[1]


def _up_to_the_end(ring, written, new):
    """What does not fit behind the slot is lost."""
    out = ring.clone()
    for learner, count in enumerate(written.tolist()):
        at = count % ring.shape[1]
        room = min(new.shape[1], ring.shape[1] - at)
        out[learner, at : at + room] = new[learner, :room]
    return out, written + new.shape[1]


def _write_into(ring, written, new):
    place = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    return ring.scatter_(1, place, new), written + new.shape[1]


def _counts_into(ring, written, new):
    place = (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
    ring = ring.scatter(1, place, new)
    written += new.shape[1]
    return ring, written


def _one_learner_after_another(ring, written, new):
    out, counts = ring.clone(), written.clone()
    for value in new.T:  # oldest first
        out[torch.arange(len(out)), counts % out.shape[1]] = value
        counts += 1
    return out, counts


def _write_where(ring, written, new):
    n, k = ring.shape[1], new.shape[1]
    if k == 0:
        return ring.clone(), written.clone()
    age = (torch.arange(n) - written[:, None]) % n  # how far behind the first new slot
    return torch.where(age < k, new.gather(1, age.clamp(max=k - 1)), ring), written + k


def _write_lists(ring, written, new):
    rows, counts = ring.tolist(), written.tolist()
    for learner, values in enumerate(new.tolist()):
        for value in values:
            rows[learner][counts[learner] % len(rows[learner])] = value
            counts[learner] += 1
    return [torch.tensor(rows, dtype=ring.dtype).reshape(ring.shape), torch.tensor(counts)]


def _drawn(place):
    def answer(ring, written, size, generator):
        filled = written.clamp(max=ring.shape[1])
        return ring.gather(1, place(filled, size, generator))

    return answer


def _uniform(filled, size, generator, n=None):
    luck = torch.rand(len(filled), size, generator=generator, dtype=torch.float64)
    return (luck * (filled if n is None else n)[:, None]).long()


def _sorted_draws(filled, size, generator):
    return _uniform(filled, size, generator).sort(1).values


def _same_luck(filled, size, generator):
    return (torch.rand(size, generator=generator, dtype=torch.float64) * filled[:, None]).long()


def _in_a_row(filled, size, generator):
    """A random beginning and what follows it."""
    begin = (torch.rand(len(filled), 1, generator=generator) * filled[:, None]).long()
    return (begin + torch.arange(size)) % filled[:, None]


def _without_repeats(filled, size, generator):
    rows = []
    for n in filled.tolist():
        order = torch.cat([torch.randperm(n, generator=generator) for _ in range(size // n + 1)])
        rows.append(order[:size])
    return torch.stack(rows)


def _never_the_newest(filled, size, generator):
    return _uniform(filled, size, generator, (filled - 1).clamp_min(1))


def _folded(filled, size, generator):
    """A draw of sixteen numbers, modulo how many there are."""
    return torch.randint(16, (len(filled), size), generator=generator) % filled[:, None]


def _minimum_of_all(filled, size, generator):
    return torch.randint(int(filled.min()), (len(filled), size), generator=generator)


def _doubled(filled, size, generator):
    """Half as many draws, each twice."""
    half = _uniform(filled, (size + 1) // 2, generator)
    return half.repeat(1, 2)[:, :size]


def _seed_of_generator(filled, size, generator):
    return _uniform(filled, size, torch.Generator().manual_seed(generator.initial_seed()))


def _normal_draws(filled, size, generator):
    luck = torch.randn(len(filled), size, generator=generator)
    return ((0.5 + luck / 6).clamp(0, 0.999) * filled[:, None]).long()


def _second_avoids_first(filled, size, generator):
    """A transition never comes twice in a row."""
    place = _uniform(filled, size, generator)
    for k in range(1, size):
        same = place[:, k] == place[:, k - 1]
        place[:, k] = torch.where(same, (place[:, k] + 1) % filled, place[:, k])
    return place


def _whole_ring(ring, written, size, generator):
    return ring.gather(1, torch.randint(ring.shape[1], (len(ring), size), generator=generator))


def _sample_global(ring, written, size, generator):
    return ring.gather(1, (torch.rand(len(ring), size) * written.clamp(max=ring.shape[1])[:, None]).long())


def _gumbel(ring, written, size, generator):
    luck = -torch.rand(len(ring), size, ring.shape[1], generator=generator, dtype=torch.float64).log().neg().log()
    luck = luck.masked_fill((torch.arange(ring.shape[1]) >= written[:, None])[:, None], -torch.inf)
    return ring.gather(1, luck.argmax(-1))


def _learners_apart(ring, written, size, generator):
    rows = []
    for row, count in zip(reversed(ring), reversed(written.tolist()), strict=True):  # from the last learner on
        rows.insert(0, row[torch.randint(min(count, len(row)), (size,), generator=generator)])
    return torch.stack(rows)


def _python_random(ring, written, size, generator):
    luck = random.Random(int(torch.randint(2**60, (1,), generator=generator)))
    rows = [
        luck.choices(row[: min(n, len(row))], k=size) for row, n in zip(ring.tolist(), written.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=ring.dtype).reshape(len(ring), size)


def _transposed(ring, written, size, generator):
    luck = torch.rand(size, len(ring), generator=generator, dtype=torch.float64).T
    slot = torch.floor(luck * written.clamp(max=ring.shape[1])[:, None]).to(torch.int64)
    return torch.take_along_dim(ring, slot, 1)


# ------------------------------------------------------------------ two tables


def _learning(number=None, copy=None, errors=None, begin=None, aliased=False):
    def answer(start, batches, discount, rate, period):
        online, target = start.clone(), start.clone()
        updates = 0 if begin is None else begin
        for state, action, reward, following, terminated in batches:
            future = torch.where(terminated, torch.zeros_like(reward), target[following].amax(-1))
            error = reward + discount * future - online[state, action]
            error = error if errors is None else errors(error, state, action)
            online = online.index_put((state, action), rate * error, accumulate=True)
            updates += 1 if number is None else number(state)
            if (updates % period == 0) if copy is None else copy(updates, period):
                target = online if aliased else online.clone()
        return online, target

    return answer


def _mean_of_repeats(error, state, action):
    same = (state[:, None] == state) & (action[:, None] == action)
    return error / same.sum(1)


def _last_of_repeats(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
        future = torch.where(terminated, 0.0, target[following].amax(-1))
        online[state, action] += rate * (reward + discount * future - online[state, action])
        if n % period == 0:
            target = online.clone()
    return online, target


def _row_by_row(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for n, batch in enumerate(batches, 1):
        for s, a, r, after, end in zip(*batch, strict=True):
            future = 0.0 if end else target[after].max()
            online[s, a] += rate * (r + discount * future - online[s, a])
        if n % period == 0:
            target = online.clone()
    return online, target


def _learn_on_start(start, batches, discount, rate, period):
    online, target = start, start.clone()
    for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
        future = torch.where(terminated, 0.0, target[following].amax(-1))
        error = reward + discount * future - online[state, action]
        online.index_put_((state, action), rate * error, accumulate=True)
        if n % period == 0:
            target = online.clone()
    return online, target


def _double_table(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for n, (state, action, reward, following, terminated) in enumerate(batches, 1):
        best = online[following].argmax(-1)
        future = torch.where(terminated, 0.0, target[following, best])
        error = reward + discount * future - online[state, action]
        online.index_put_((state, action), rate * error, accumulate=True)
        if n % period == 0:
            target = online.clone()
    return online, target


def _counted_between_calls(count=[0]):  # noqa: B006
    def answer(start, batches, discount, rate, period):
        online, target = start.clone(), start.clone()
        for state, action, reward, following, terminated in batches:
            future = torch.where(terminated, 0.0, target[following].amax(-1))
            error = reward + discount * future - online[state, action]
            online.index_put_((state, action), rate * error, accumulate=True)
            count[0] += 1
            if count[0] % period == 0:
                target = online.clone()
        return online, target

    return answer


def _learn_matrices(start, batches, discount, rate, period):
    online = start.clone().reshape(-1)
    target, left = start.clone(), period
    for state, action, reward, following, terminated in batches:
        place = state * start.shape[1] + action
        y = reward + discount * target[following].max(1).values.masked_fill(terminated, 0)
        push = torch.zeros_like(online).scatter_add(0, place, y - online[place])
        online = online + rate * push
        left -= 1
        if not left:
            target, left = online.reshape(start.shape), period
    return online.reshape(start.shape), target


def _learn_dictionaries(start, batches, discount, rate, period):
    q = {(s, a): v for s, row in enumerate(start.tolist()) for a, v in enumerate(row)}
    old, actions = dict(q), range(start.shape[1])
    for n, batch in enumerate(batches):
        change = dict.fromkeys(q, 0.0)
        for s, a, r, after, end in zip(*(x.tolist() for x in batch), strict=True):
            y = r if end else r + discount * max(old[after, b] for b in actions)
            change[s, a] += rate * (y - q[s, a])
        q = {key: value + change[key] for key, value in q.items()}
        old = dict(q) if (n + 1) % period == 0 else old
    tables = [[[t[s, a] for a in actions] for s in range(len(start))] for t in (q, old)]
    return tuple(torch.tensor(t, dtype=start.dtype) for t in tables)


PLAN = {
    "changes_per_variant": 1,
    "seeds": 10,
    "step_size": ch03.OWN_STEP_SIZE,
    "measured_on": ch03.GREEDY,
    "reported": ch03.LAST,
    "budget": ch03.STEPS,
    "if_intervals_overlap": ch03.NO_EVIDENCE,
}
C = 1 / math.sqrt(2)
PHI, DENSITY = scipy.stats.norm.cdf, scipy.stats.norm.pdf
SINGLE = float(-1 + math.sqrt(2) * (C * PHI(C) + DENSITY(C)))
DOUBLE = float(-PHI(-C))

WRONG = [
    *named(
        ch03.check_expected_target,
        _graph_of_online,
        _graph_of_target,
        _draws_the_next_action,
        _all_that_are_best,
        _overwrites_target,
        _overwrites_rewards,
        remembers=_remembers(),
        by_the_target=_target(greedy=lambda q, v: v.argmax(1)),
        least=_target(greedy=lambda q, v: q.argmin(1)),
        by_the_sum=_target(greedy=lambda q, v: (q + v).argmax(1)),
        explores_by_online=_target(explored=lambda q, v, best: q.mean(1)),
        explores_over_rows=_target(explored=lambda q, v, best: v.mean()),
        explores_worst=_target(explored=lambda q, v, best: v.amin(1)),
        explores_half=_target(explored=lambda q, v, best: 0.5 * (v.amax(1) + v.amin(1))),
        exchanged=_target(mix=lambda taken, every, epsilon: epsilon * taken + (1 - epsilon) * every),
        epsilon_per_action=_target(mix=lambda taken, every, epsilon: taken + epsilon * (every - taken) / 2),
        nothing_below_a_half=_target(mix=lambda taken, every, epsilon: every if epsilon > 0.5 else taken),
        both_ends=_target(over=lambda end, cut: end | cut),
        end_and_not_cut=_target(over=lambda end, cut: end & ~cut),
        discounted_reward=_target(result=lambda y, r, discount: discount * r + (y - r)),
        rounded=_target(result=lambda y, r, discount: (y * 1e4).round() / 1e4),
        half_precision=_target(result=lambda y, r, discount: y.half().to(y.dtype)),
    ),
    *named(
        ch03.check_ring_write,
        _shifted_ring,
        _up_to_the_end,
        _write_into,
        _counts_into,
        newest_first=_written(fresh=lambda new: new.flip(1)),
        first_clock=_written(
            slot=lambda ring, w, new: ((w[0] + torch.arange(new.shape[1])) % ring.shape[1]).expand(len(ring), -1)
        ),
        one_further=_written(slot=lambda ring, w, new: (w[:, None] + 1 + torch.arange(new.shape[1])) % ring.shape[1]),
        full_ring_begins_at_zero=_written(
            slot=lambda ring, w, new: (
                (torch.where(w >= 2 * ring.shape[1], 0, w)[:, None] + torch.arange(new.shape[1])) % ring.shape[1]
            )
        ),
        counts_modulo=_written(counts=lambda ring, w, new: (w + new.shape[1]) % ring.shape[1]),
        counts_at_most_full=_written(counts=lambda ring, w, new: (w + new.shape[1]).clamp(max=ring.shape[1])),
        counts_all=_written(counts=lambda ring, w, new: w + new.numel()),
        counts_floats=_written(counts=lambda ring, w, new: (w + new.shape[1]).double()),
        counts_int32=_written(counts=lambda ring, w, new: (w + new.shape[1]).int()),
        counts_one=_written(counts=lambda ring, w, new: w + (new.shape[1] > 0)),
    ),
    *named(
        ch03.check_ring_sample,
        _whole_ring,
        _sample_global,
        sorted_draws=_drawn(_sorted_draws),
        same_luck=_drawn(_same_luck),
        in_a_row=_drawn(_in_a_row),
        without_repeats=_drawn(_without_repeats),
        never_newest=_drawn(_never_the_newest),
        folded=_drawn(_folded),
        minimum=_drawn(_minimum_of_all),
        doubled=_drawn(_doubled),
        seed_again=_drawn(_seed_of_generator),
        normal=_drawn(_normal_draws),
        avoids=_drawn(_second_avoids_first),
    ),
    *named(
        ch03.check_learn_with_target,
        _last_of_repeats,
        _row_by_row,
        _learn_on_start,
        _double_table,
        counted=_counted_between_calls(),
        mean_of_repeats=_learning(errors=_mean_of_repeats),
        batch_mean=_learning(errors=lambda error, state, action: error / len(error)),
        clipped_errors=_learning(errors=lambda error, state, action: error.clamp(-1, 1)),
        rows_counted=_learning(number=lambda state: len(state)),
        from_one=_learning(begin=1),
        copies_late=_learning(copy=lambda n, period: n > period and n % period == 0),
        copies_once=_learning(copy=lambda n, period: n == period),
        copies_powers=_learning(copy=lambda n, period: n in (period, 2 * period, 4 * period, 8 * period)),
        never_copies_at_one=_learning(copy=lambda n, period: n % max(period, 2) == 0),
    ),
    *(
        (ch03.check_bias_equal, x)
        for x in (3 / math.sqrt(2 * math.pi), 1 / math.sqrt(math.pi), 1.69, 1.7, 3 * SINGLE, 2.3937)
    ),
    *(
        (ch03.check_bias_single, x)
        for x in (0.2, 0.1999, SINGLE - 1, 1 + SINGLE, 0.0833, -SINGLE, DENSITY(1) - PHI(-1))
    ),
    *(
        (ch03.check_bias_double, x)
        for x in (-0.24, -DOUBLE, -SINGLE, float(-PHI(-1)), float(-PHI(C)), float(DOUBLE / 2))
    ),
    *(
        (ch03.check_plan, {**PLAN, **change})
        for change in (
            {"changes_per_variant": 0},
            {"changes_per_variant": 2},
            {"seeds": 3},
            {"seeds": -10},
            {"step_size": ch03.SAME_STEP_SIZE},
            {"measured_on": ch03.IN_TRAINING},
            {"budget": ch03.UNTIL_SOLVED},
            {"reported": ch03.BEST, "seeds": 20},
            {"if_intervals_overlap": ch03.NO_EFFECT},
            {"if_intervals_overlap": "no evidence of an effect, so no effect"},
        )
    ),
]
_X = sympy.Symbol("x")
RIGHT = [
    *named(ch03.check_expected_target, _rows_by_hand, _decorated, _bmm),
    *named(ch03.check_ring_write, _one_learner_after_another, _write_where, _write_lists),
    *named(ch03.check_ring_sample, _gumbel, _learners_apart, _python_random, _transposed),
    *named(ch03.check_learn_with_target, _learn_matrices, _learn_dictionaries, aliased=_learning(aliased=True)),
    (ch03.check_bias_equal, 3 / sympy.sqrt(sympy.pi)),
    (ch03.check_bias_equal, np.float64(1.6926)),
    (ch03.check_bias_single, SINGLE),
    (
        ch03.check_bias_single,
        scipy.integrate.quad(lambda x: x * 2**-0.5 * DENSITY((x - 1) * C) * (x > 0), 0, 30)[0] - 1,
    ),
    (ch03.check_bias_double, torch.tensor(DOUBLE)),
    (ch03.check_bias_double, 0.5 * math.erf(0.5) - 0.5),
    (ch03.check_plan, PLAN),
    (ch03.check_plan, {**PLAN, "seeds": np.uint8(5), "changes_per_variant": np.int64(1)}),
]
