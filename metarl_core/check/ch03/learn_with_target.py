"""The check of the exercise `learn_with_target`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_learning(draw):
    """1 to 5 states, 1 to 3 actions, 0 to 9 updates with 1 to 6 rows, copies after 1 to 5; once 60 of each.

    Pairs are often repeated.
    """
    states, actions = draw.integer(1, 5), draw.choice(1, 2, 2, 3)
    updates = draw.choice(0, *(draw.integer(1, 9) for _ in range(7)), draw.integer(5, 9))
    period, dtype = draw.choice(1, 2, 2, 3, draw.integer(2, 5)), draw.choice(torch.float32, torch.float64)
    discount = draw.choice(0.0, 1.0, *(draw.uniform(0.3, 0.99) for _ in range(5)))
    states, updates = draw.once(18, 60, states), draw.once(17, 60, updates)
    rate, share, batches, repeated = draw.uniform(0.05, 0.5), draw.choice(0.0, 0.3, 0.3, 1.0), [], False
    for _ in range(updates):
        rows = draw.once(19, 60, draw.integer(1, 6))
        state, following = draw.integers(0, states - 1, rows), draw.integers(0, states - 1, rows)
        action = draw.integers(0, actions - 1, rows)
        repeated |= len((state * actions + action).unique()) < rows
        batches.append((state, action, draw.normal(rows, dtype=dtype), following, draw.flags(rows, share=share)))
    start = draw.normal(states, actions, dtype=dtype, scale=draw.choice(0.3, 1.0, 5.0))
    return case(start, batches, discount, rate, period).noting(
        {
            "a pair stands twice in a minibatch": repeated,
            "there are fewer updates than a period": updates < period,
            "the last update is followed by a copy": updates > 0 and updates % period == 0,
            "the period is 1": period == 1,
            "there are no minibatches": updates == 0,
            "a row is terminated": any(batch[-1].any() for batch in batches),
            "there is a single action": actions == 1,
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "there are several actions": actions > 1,
            "the numbers are float32": dtype == torch.float32,
            "the numbers are float64": dtype == torch.float64,
        }
    )


def _learn_number_by_number(start, batches, discount, rate, period):
    online, target = start.tolist(), start.tolist()
    for update, batch in enumerate(batches, 1):
        changes = []
        for s, a, r, following, end in zip(*(part.tolist() for part in batch), strict=True):
            y = r if end else r + discount * max(target[following])
            changes.append((s, a, rate * (y - online[s][a])))
        for s, a, change in changes:
            online[s][a] += change
        if update % period == 0:
            target = [list(row) for row in online]
    return torch.tensor(online, dtype=start.dtype), torch.tensor(target, dtype=start.dtype)


def _learn(
    start,
    batches,
    discount,
    rate,
    period,
    copy_when=None,
    shared=False,
    early=False,
    sums=True,
    ends=True,
    ahead=False,
    mean=False,
    best=lambda q, s, online: q[s].amax(-1),
    error=lambda e: e,
):
    copy_when = copy_when or (lambda update: update % period == 0)
    online = start.clone()
    target = online if shared else start.clone()
    for update, (state, action, reward, following, terminated) in enumerate(batches, 1):
        if early and copy_when(update):
            target = online.clone()
        future = best(online if ahead else target, following, online)
        y = reward + discount * (torch.where(terminated, 0.0, future) if ends else future)
        change = rate * error(y - online[state, action]) / (len(state) if mean else 1)
        online.index_put_((state, action), change if sums else online[state, action] + change, accumulate=sums)
        if not early and not shared and copy_when(update):
            target = online.clone()
    return online, target


def _row_by_row(start, batches, discount, rate, period):
    """Each row sees what the rows before it in the minibatch have changed."""
    online, target = start.clone(), start.clone()
    for update, batch in enumerate(batches, 1):
        for s, a, r, following, end in zip(*batch, strict=True):
            y = r + (0.0 if end else discount * target[following].max())
            online[s, a] += rate * (y - online[s, a])
        if update % period == 0:
            target = online.clone()
    return online, target


def _renewing(start, batches, discount, rate, period, renew):
    """Right updates; `renew(update, rows, before, online, target)` is the target table after each of them."""
    online, target, rows = start.clone(), start.clone(), 0
    for update, (state, action, reward, following, terminated) in enumerate(batches, 1):
        before = online.clone()
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        online.index_put_((state, action), rate * (y - online[state, action]), accumulate=True)
        rows += len(state)
        target = renew(update, rows, before, online.clone(), target)
    return online, target


def _without_ends(start, batches, *rest):
    return _learn(start, [tuple(part[~batch[-1]] for part in batch) for batch in batches], *rest)


check_learn_with_target = function_check(
    "learn_with_target",
    _learn_number_by_number,
    _draw_learning,
    Wrong(
        "shared_memory",
        "Your target table equals the online table at every moment. Is it renewed too often, or is it one tensor under "
        "two names, which an update in place changes under both?",
        lambda *args: _learn(*args, shared=True),
    ),
    Wrong(
        "never_synchronised",
        "Your target table is still that of the start. Follow the counter by hand through the first few updates.",
        lambda *args: _learn(*args, copy_when=lambda update: False),
    ),
    Wrong(
        "counts_from_zero",
        "Your first copy comes too early, and so do all later ones. After how many updates does (3) ask for it?",
        lambda *args: _learn(*args, copy_when=lambda update: (update - 1) % args[-1] == 0),
    ),
    Wrong(
        "first_copy_only",
        "Your target table is renewed once, and never again.",
        lambda *args: _learn(*args, copy_when=lambda update: update == args[-1]),
    ),
    Wrong(
        "copy_before_update",
        "The moments are right, but the copy is made before the update that it should follow.",
        lambda *args: _learn(*args, early=True),
    ),
    Wrong(
        "copy_between",
        "The moments are right, but what is copied is the table as it was before the update.",
        lambda *args: _renewing(*args, lambda n, rows, before, q, old: before if n % args[-1] == 0 else old),
    ),
    Wrong(
        "copies_late",
        "Each copy comes one update after the one that (3) asks for.",
        lambda *args: _learn(*args, copy_when=lambda n: n > 1 and (n - 1) % args[-1] == 0),
    ),
    Wrong(
        "period_and_one",
        "There is one update too many from each copy to the next.",
        lambda *args: _learn(*args, copy_when=lambda n: n % (args[-1] + 1) == 0),
    ),
    Wrong(
        "shared_after_a_copy",
        "From the first copy on your target table equals the online table at every moment. Is it copied at each "
        "update, or one tensor under two names?",
        lambda *args: _learn(*args, copy_when=lambda n: n >= args[-1]),
    ),
    Wrong(
        "soft_copy",
        "Your target table moves at each update by a share of 1/C: Polyak averaging. What does (3) do?",
        lambda *args: _renewing(*args, lambda n, rows, before, q, old: old + (q - old) / args[-1]),
    ),
    Wrong(
        "counts_rows",
        "Your counter counts rows of minibatches. What does C count in (3)?",
        lambda *args: _renewing(*args, lambda n, rows, before, q, old: q if rows % args[-1] == 0 else old),
    ),
    Wrong(
        "returns_online",
        "The learning is right, and what you return as the target table is the online table once more.",
        lambda *args: (_learn(*args)[0], _learn(*args)[0]),
    ),
    Wrong(
        "returns_swapped",
        "Both tables are right, and they come in the wrong order.",
        lambda *args: _learn(*args)[::-1],
    ),
    Wrong(
        "double_dqn",
        "The online table chooses the next action and the target table values it: double DQN. What does (3) do?",
        lambda *args: _learn(*args, best=lambda q, s, online: q[s, online[s].argmax(-1)]),
    ),
    Wrong(
        "mean_over_actions",
        "You take the mean over the next actions. Which one does (3) take?",
        lambda *args: _learn(*args, best=lambda q, s, online: q[s].mean(-1)),
    ),
    Wrong(
        "largest_of_the_table",
        "You take the largest value of the whole table. Over what does the maximum in (3) go?",
        lambda *args: _learn(*args, best=lambda q, s, online: q.max().expand(len(s))),
    ),
    Wrong(
        "clips_errors",
        "Your errors are limited to [−1, 1], as by the Huber loss. Are those of (3)?",
        lambda *args: _learn(*args, error=lambda e: e.clamp(-1, 1)),
    ),
    Wrong(
        "twice_as_far",
        "Each of your steps is twice as long as (3) asks. Did you differentiate a square without a half?",
        lambda *args: _learn(*args, error=lambda e: 2 * e),
    ),
    Wrong(
        "wrong_way",
        "Your steps lead away from the targets. Which sign does the error have in (3)?",
        lambda *args: _learn(*args, error=lambda e: -e),
    ),
    Wrong(
        "skips_terminated",
        "Terminated rows change nothing in your tables. Their reward was paid.",
        _without_ends,
    ),
    Wrong(
        "target_unused",
        "Both tables are renewed at the right moments, but the future in your error is read from the online table.",
        lambda *args: _learn(*args, ahead=True),
    ),
    Wrong(
        "repeated_pairs",
        "Where a pair of state and action stands in a minibatch twice, one of its two errors is lost. "
        "What does `table[i, j] += x` do with an index that is repeated?",
        lambda *args: _learn(*args, sums=False),
    ),
    Wrong(
        "row_by_row",
        "The rows of a minibatch see what those before them have changed. With which tables does (3) take all errors?",
        _row_by_row,
    ),
    Wrong(
        "averages",
        "You divide by the number of rows. Does (3) take a sum or a mean?",
        lambda *args: _learn(*args, mean=True),
    ),
    Wrong(
        "ignores_termination",
        "A terminated row gets a future. What comes after the end?",
        lambda *args: _learn(*args, ends=False),
    ),
)
