"""The check of the exercise `learn_with_target`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _learning_cases():
    for seed, (states, actions, updates, period) in enumerate(((5, 2, 10, 4), (4, 3, 9, 3), (6, 2, 11, 5))):
        generator = torch.Generator().manual_seed(seed)
        batches = []
        for _ in range(updates):
            state, following = torch.randint(states, (2, 8), generator=generator)
            action = torch.randint(actions, (8,), generator=generator)
            reward = torch.randn(8, generator=generator)
            terminated = torch.rand(8, generator=generator) < 0.2
            state[1], action[1] = state[0], action[0]  # one pair stands in each batch twice
            batches.append((state, action, reward, following, terminated))
        start = torch.randn(states, actions, generator=generator)
        yield case(start, batches, 0.9, 0.2, period)


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
    return torch.tensor(online), torch.tensor(target)


def _learn(start, batches, discount, rate, period, copy_when=None, shared=False, early=False, sums=True):
    copy_when = copy_when or (lambda update: update % period == 0)
    online = start.clone()
    target = online if shared else start.clone()
    for update, (state, action, reward, following, terminated) in enumerate(batches, 1):
        if early and copy_when(update):
            target = online.clone()
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        change = rate * (y - online[state, action])
        online.index_put_((state, action), change if sums else online[state, action] + change, accumulate=sums)
        if not early and not shared and copy_when(update):
            target = online.clone()
    return online, target


check_learn_with_target = function_check(
    "learn_with_target",
    _learn_number_by_number,
    _learning_cases,
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
        "copy_before_update",
        "The moments are right, but the copy is made before the update that it should follow.",
        lambda *args: _learn(*args, early=True),
    ),
    Wrong(
        "repeated_pairs",
        "Where a pair of state and action stands in a minibatch twice, one of its two errors is lost. "
        "What does `table[i, j] += x` do with an index that is repeated?",
        lambda *args: _learn(*args, sums=False),
    ),
)
