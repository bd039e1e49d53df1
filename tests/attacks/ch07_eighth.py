"""Answers to exercises of chapter 07, from an eighth attack."""

import numpy as np
import torch
from torch.nn import functional

from metarl_core.check import ch07

from . import named

# ------------------------------------------------------------------ episodes


def _usable(scripts, allowed):
    return torch.tensor([n for n, script in enumerate(scripts) if script in allowed])


def _episode(letters, pictures):
    def answer(scripts, allowed, images, ways, shots, queries, generator):
        usable = _usable(scripts, allowed)
        classes = usable[letters(len(usable), ways, generator)]
        drawn = torch.stack([pictures(images, shots + queries, generator) for _ in range(ways)])
        return classes, drawn[:, :shots], drawn[:, shots:]

    return answer


def _perm(n, k, generator):
    return torch.randperm(n, generator=generator)[:k]


def _naive_exchange(n, k, generator):
    order = list(range(n))
    for i in range(n):
        j = int(torch.randint(n, (), generator=generator))
        order[i], order[j] = order[j], order[i]
    return torch.tensor(order[:k])


def _block(n, k, generator):
    return (int(torch.randint(n, (), generator=generator)) + torch.arange(k)) % n


def _stride(n, k, generator):
    """A start and a direction."""
    sign = 1 - 2 * int(torch.randint(2, (), generator=generator))
    return (int(torch.randint(n, (), generator=generator)) + sign * torch.arange(k)) % n


def _sorted(n, k, generator):
    return _perm(n, k, generator).sort().values


def _coarse(n, k, generator):
    return torch.randint(8, (n,), generator=generator).argsort(stable=True)[:k]


def _multinomial(n, k, generator):
    return torch.multinomial(torch.ones(n, dtype=torch.float64), k, generator=generator)


def _keys(n, k, generator):
    return torch.rand(n, generator=generator, dtype=torch.float64).argsort()[:k]


def _rejected(n, k, generator):
    chosen = []
    while len(chosen) < k:
        one = int(torch.randint(n, (), generator=generator))
        if one not in chosen:
            chosen.append(one)
    return torch.tensor(chosen)


def _popped(n, k, generator):
    left = list(range(n))
    return torch.tensor([left.pop(int(torch.randint(len(left), (), generator=generator))) for _ in range(k)])


def _script_first(scripts, allowed, images, ways, shots, queries, generator):
    """Each class: a script, then one of its letters."""
    groups = [[n for n, s in enumerate(scripts) if s == name] for name in allowed if name in scripts]
    classes = []
    while len(classes) < ways:
        group = groups[int(torch.randint(len(groups), (), generator=generator))]
        one = group[int(torch.randint(len(group), (), generator=generator))]
        if one not in classes:
            classes.append(one)
    drawn = torch.stack([_perm(images, shots + queries, generator) for _ in range(ways)])
    return torch.tensor(classes), drawn[:, :shots], drawn[:, shots:]


def _numpy_rng(scripts, allowed, images, ways, shots, queries, generator):
    rng = np.random.default_rng(torch.randint(2**62, (2,), generator=generator).tolist())
    classes = rng.choice(_usable(scripts, allowed).numpy(), ways, replace=False)
    drawn = np.stack([rng.permutation(images)[: shots + queries] for _ in range(ways)])
    return torch.from_numpy(classes), torch.from_numpy(drawn[:, :shots]), torch.from_numpy(drawn[:, shots:])


def _in_one_go(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    classes = usable[torch.rand(len(usable), generator=generator, dtype=torch.float64).argsort()[:ways]]
    drawn = torch.rand((ways, images), generator=generator, dtype=torch.float64).argsort(1)
    return classes, drawn[:, :shots], drawn[:, shots : shots + queries]


# ------------------------------------------------------------------ heads


def _means(features, labels, ways, most=10**6, median=False):
    return torch.stack([
        features[labels == c][:most].median(0).values if median else features[labels == c][:most].mean(0)
        for c in range(ways)
    ])  # fmt: skip


def _prototype(most=10**6, classes=10**6, median=False, shift=False):
    def answer(features, labels, ways):
        means = _means(features, labels, ways, most, median)
        bias = -(means**2).sum(1)
        bias[classes:] = 0.0
        return 2 * means, bias - bias.mean() if shift else bias

    return answer


def _prototype_by_index_add(features, labels, ways):
    total = torch.zeros(ways, features.shape[1], dtype=features.dtype).index_add_(0, labels, features)
    means = total / torch.bincount(labels, minlength=ways)[:, None]
    return means + means, -torch.linalg.vecdot(means, means)


def _prototype_numpy(features, labels, ways):
    f, y = features.numpy(), labels.numpy()
    means = np.stack([f[y == c].mean(0) for c in range(ways)])
    return torch.from_numpy(2 * means), torch.from_numpy(-np.einsum("cd,cd->c", means, means))


def _one_step(rows=10**6, centred=False, classes=None):
    def answer(features, labels, ways, alpha):
        push = functional.one_hot(labels, ways).double() - 1 / (classes or ways)
        x = features - features.mean(0) if centred else features
        weight = alpha * push[:rows].T @ x[:rows] / len(labels)
        return weight, alpha * push.mean(0)

    return answer


def _one_step_without_bias(features, labels, ways, alpha):
    weight, bias = _one_step()(features, labels, ways, alpha)
    return weight, bias - bias


def _one_step_autograd(features, labels, ways, alpha):
    """By autograd: the text asks for a formula."""
    w = torch.zeros(ways, features.shape[1], dtype=features.dtype, requires_grad=True)
    b = torch.zeros(ways, dtype=features.dtype, requires_grad=True)
    g = torch.autograd.grad(functional.cross_entropy(features @ w.T + b, labels), (w, b))
    return -alpha * g[0], -alpha * g[1]


def _one_step_by_loops(features, labels, ways, alpha):
    weight, bias = torch.zeros(ways, features.shape[1]).double(), torch.zeros(ways).double()
    for x, y in zip(features, labels.tolist(), strict=True):
        for c in range(ways):
            off = float(c == y) - 1 / ways
            weight[c] += alpha * off * x / len(labels)
            bias[c] += alpha * off / len(labels)
    return weight, bias


# ------------------------------------------------------------------ predictions


def _predictions(tasks=10**6, queries=10**6, small=1e-5, correction=0, root=False, single=False):
    def answer(data):
        found = []
        for support, labels, query, _ in data:
            deviation = (support.var(0, correction=correction) + small).sqrt()
            near, far = ((x - support.mean(0)) / deviation for x in (support, query))
            centres = _means(near, labels, int(labels.max()) + 1)
            distance = (far[:, None] - centres).square().sum(2)
            distance = distance.sqrt() if root else distance
            logits = (-distance.float()).log_softmax(1).double() if single else (-distance).log_softmax(1)
            logits[queries:] = logits[:1]
            found.append(logits)
        return torch.stack(found[:tasks] + found[:1] * max(0, len(found) - tasks))

    return answer


def _by_softmax(data):
    found = []
    for support, labels, query, _ in data:
        deviation = (support.var(0, correction=0) + 1e-5).sqrt()
        centres = _means(support / deviation, labels, int(labels.max()) + 1)
        found.append((-(query / deviation)[:, None].sub(centres).square().sum(2)).softmax(1).log())
    return torch.stack(found)


def _by_batch_norm(data):
    found = []
    for support, labels, query, _ in data:
        m, v = support.mean(0), support.var(0, correction=0)
        near, far = (functional.batch_norm(x, m, v) for x in (support, query))
        centres = _means(near, labels, int(labels.max()) + 1)
        logits = 2 * far @ centres.T - centres.square().sum(1)
        found.append(logits - logits.logsumexp(1, keepdim=True))
    return torch.stack(found)


# ------------------------------------------------------------------ standard errors


def _errors(networks=10**6, tasks=10**6, queries=10**6, divide=True, weigh=False):
    def answer(correct):
        share = correct.double()[:networks, :tasks, :queries].mean(2)
        network = correct.double()[:, :tasks, :queries].mean(2)
        method = share.mean(1)
        return {
            "network": network.std(1, correction=int(divide)) / network.shape[1] ** 0.5,
            "method": method.std() / len(method) ** 0.5,
        }

    return answer


def _binomial_where_equal(correct):
    """Where a network has no spread over tasks, the spread of coins."""
    found = _errors()(correct)
    share = correct.double().mean((1, 2))
    coins = (share * (1 - share) / correct[0].numel()).sqrt()
    return {**found, "network": torch.where(found["network"] == 0, coins, found["network"])}


def _numpy_errors(correct):
    share = correct.numpy().mean(2)
    return {
        "network": torch.from_numpy(share.std(1, ddof=1) / np.sqrt(share.shape[1])),
        "method": torch.tensor(share.mean(1).std(ddof=1) / np.sqrt(len(share))),
    }


def _by_squares(correct):
    share = correct.sum(2).double() / correct.shape[2]

    def error(x):
        n = x.shape[-1]
        return ((x - x.mean(-1, keepdim=True)).square().sum(-1) / (n * (n - 1))).sqrt()

    return {"method": error(share.mean(1)), "network": error(share)}


WRONG = [
    *named(
        ch07.check_draw_episode,
        _script_first,
        naive_letters=_episode(_naive_exchange, _perm),
        naive_images=_episode(_perm, _naive_exchange),
        block_of_images=_episode(_perm, _block),
        stride_of_letters=_episode(_stride, _perm),
        sorted_letters=_episode(_sorted, _perm),
        sorted_images=_episode(_perm, _sorted),
        coarse_images=_episode(_perm, _coarse),
    ),
    *named(
        ch07.check_prototype_head,
        two_samples=_prototype(most=2),
        fifty_classes=_prototype(classes=50),
        median=_prototype(median=True),
    ),
    *named(
        ch07.check_head_after_one_step,
        _one_step_without_bias,
        _one_step_autograd,
        fifty_rows=_one_step(rows=50),
        centred=_one_step(centred=True),
        five_classes=_one_step(classes=5),
    ),
    *named(
        ch07.check_predict_all,
        fifty_tasks=_predictions(tasks=50),
        fifty_queries=_predictions(queries=50),
        smaller=_predictions(small=1e-6),
        unbiased=_predictions(correction=1),
        root=_predictions(root=True),
        single=_predictions(single=True),
        _by_softmax=_by_softmax,
    ),
    *named(
        ch07.check_standard_errors,
        _binomial_where_equal,
        fifty_networks=_errors(networks=50),
        fifty_tasks=_errors(tasks=50),
        fifty_queries=_errors(queries=50),
        biased=_errors(divide=False),
    ),
]
RIGHT = [
    *named(
        ch07.check_draw_episode,
        _numpy_rng,
        _in_one_go,
        multinomial=_episode(_multinomial, _multinomial),
        keys=_episode(_keys, _keys),
        rejected=_episode(_rejected, _rejected),
        popped=_episode(_popped, _popped),
    ),
    *named(ch07.check_prototype_head, _prototype_by_index_add, _prototype_numpy, shifted=_prototype(shift=True)),
    *named(ch07.check_head_after_one_step, _one_step_by_loops),
    *named(ch07.check_predict_all, _by_batch_norm),
    *named(ch07.check_standard_errors, _numpy_errors, _by_squares),
]
