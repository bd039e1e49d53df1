"""More answers to chapter 07's exercises, by eyes that had not seen its checks."""

import functools
import math
import random
import statistics
from fractions import Fraction

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from metarl_core.check import ch07

# ------------------------------------------------------------------ episodes, wrong


def _usable(scripts, allowed):
    return torch.tensor([number for number, script in enumerate(scripts) if script in allowed])


def _letters(scripts, allowed, ways, generator):
    usable = _usable(scripts, allowed)
    return usable[torch.randperm(len(usable), generator=generator)[:ways]]


def _pictures(images, ways, shots, queries, generator):
    drawn = torch.stack([torch.randperm(images, generator=generator)[: shots + queries] for _ in range(ways)])
    return drawn[:, :shots], drawn[:, shots:]


def _images_of_one_draw_shifted(scripts, allowed, images, ways, shots, queries, generator):
    one = torch.randperm(images, generator=generator)[: shots + queries]
    drawn = (one + torch.arange(ways)[:, None]) % images
    return _letters(scripts, allowed, ways, generator), drawn[:, :shots], drawn[:, shots:]


def _neighbouring_letters(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    start = int(torch.randint(len(usable), (), generator=generator))
    window = usable.roll(-start)[:ways]
    classes = window[torch.randperm(ways, generator=generator)]
    return classes, *_pictures(images, ways, shots, queries, generator)


def _labels_rotated(scripts, allowed, images, ways, shots, queries, generator):
    classes = _letters(scripts, allowed, ways, generator).sort().values
    classes = classes.roll(int(torch.randint(ways, (), generator=generator)))
    return classes, *_pictures(images, ways, shots, queries, generator)


def _first_two_labels_exchanged(scripts, allowed, images, ways, shots, queries, generator):
    classes = _letters(scripts, allowed, ways, generator).sort().values
    if ways > 1 and torch.rand((), generator=generator) < 0.5:
        classes[:2] = classes[:2].flip(0)
    return classes, *_pictures(images, ways, shots, queries, generator)


def _sixteen_episodes(scripts, allowed, images, ways, shots, queries, generator):
    own = torch.Generator().manual_seed(int(torch.randint(16, (), generator=generator)))
    return _letters(scripts, allowed, ways, own), *_pictures(images, ways, shots, queries, own)


def _part_of_a_name(scripts, allowed, images, ways, shots, queries, generator):
    usable = torch.tensor([c for c, script in enumerate(scripts) if script in " ".join(allowed)])
    classes = usable[torch.randperm(len(usable), generator=generator)[:ways]]
    return classes, *_pictures(images, ways, shots, queries, generator)


def _a_name_that_begins_so(scripts, allowed, images, ways, shots, queries, generator):
    usable = torch.tensor([c for c, script in enumerate(scripts) if script.startswith(tuple(allowed))])
    classes = usable[torch.randperm(len(usable), generator=generator)[:ways]]
    return classes, *_pictures(images, ways, shots, queries, generator)


def _script_first(scripts, allowed, images, ways, shots, queries, generator):
    chosen = []
    while len(chosen) < ways:
        script = allowed[int(torch.randint(len(allowed), (), generator=generator))]
        free = [c for c, s in enumerate(scripts) if s == script and c not in chosen]
        if free:
            chosen.append(free[int(torch.randint(len(free), (), generator=generator))])
    return torch.tensor(chosen), *_pictures(images, ways, shots, queries, generator)


def _never_the_last_image(scripts, allowed, images, ways, shots, queries, generator):
    images = max(images - 1, shots + queries)
    classes = _letters(scripts, allowed, ways, generator)
    return classes, *_pictures(images, ways, shots, queries, generator)


def _query_images_after_the_support_images(scripts, allowed, images, ways, shots, queries, generator):
    start = torch.randint(images, (ways, 1), generator=generator)
    drawn = (start + torch.arange(shots + queries)) % images
    return _letters(scripts, allowed, ways, generator), drawn[:, :shots], drawn[:, shots:]


def _seed_read_off(scripts, allowed, images, ways, shots, queries, generator):
    own = random.Random(generator.initial_seed())
    usable = [c for c, script in enumerate(scripts) if script in allowed]
    drawn = torch.tensor([own.sample(range(images), shots + queries) for _ in range(ways)])
    return torch.tensor(own.sample(usable, ways)), drawn[:, :shots], drawn[:, shots:]


def _numpy_for_images(scripts, allowed, images, ways, shots, queries, generator):
    drawn = torch.tensor(np.stack([np.random.permutation(images)[: shots + queries] for _ in range(ways)]))
    return _letters(scripts, allowed, ways, generator), drawn[:, :shots], drawn[:, shots:]


def _allowed_in_order(scripts, allowed, images, ways, shots, queries, generator):
    allowed.sort()
    return _letters(scripts, allowed, ways, generator), *_pictures(images, ways, shots, queries, generator)


def _from_a_shrinking_pool():
    pool = {}

    def draw_episode(scripts, allowed, images, ways, shots, queries, generator):
        key = (tuple(scripts), tuple(allowed))
        if len(pool.get(key, ())) < ways:
            usable = _usable(scripts, allowed)
            pool[key] = usable[torch.randperm(len(usable), generator=generator)].tolist()
        classes, pool[key] = pool[key][:ways], pool[key][ways:]
        return torch.tensor(classes), *_pictures(images, ways, shots, queries, generator)

    return draw_episode


def _support_images_sorted_among_queries(scripts, allowed, images, ways, shots, queries, generator):
    drawn = torch.cat(_pictures(images, ways, shots, queries, generator), 1).sort(1).values
    return _letters(scripts, allowed, ways, generator), drawn[:, :shots], drawn[:, shots:]


def _same_images_every_other_class(scripts, allowed, images, ways, shots, queries, generator):
    support, query = _pictures(images, (ways + 1) // 2, shots, queries, generator)
    return (
        _letters(scripts, allowed, ways, generator),
        support.repeat(2, 1)[:ways],
        query.repeat(2, 1)[:ways],
    )


def _images_by_the_class_permutation(scripts, allowed, images, ways, shots, queries, generator):
    """The seed of a class's images is the class: the same letter always shows the same images."""
    classes = _letters(scripts, allowed, ways, generator)
    parts = [_pictures(images, 1, shots, queries, torch.Generator().manual_seed(int(c))) for c in classes]
    return classes, torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _query_flat(scripts, allowed, images, ways, shots, queries, generator):
    support, query = _pictures(images, ways, shots, queries, generator)
    return _letters(scripts, allowed, ways, generator), support.flatten(), query.flatten()


def _image_numbers_of_the_data_set(scripts, allowed, images, ways, shots, queries, generator):
    classes = _letters(scripts, allowed, ways, generator)
    support, query = _pictures(images, ways, shots, queries, generator)
    return classes, support + classes[:, None] * images, query + classes[:, None] * images


# ------------------------------------------------------------------ episodes, right


def _argsort_of_noise(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    classes = usable[torch.rand(len(usable), generator=generator).argsort()[:ways]]
    drawn = torch.rand(ways, images, generator=generator).argsort(1)[:, : shots + queries]
    return classes, *drawn.split([shots, queries], 1)


def _one_seed_from_the_generator(scripts, allowed, images, ways, shots, queries, generator):
    own = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    usable = [c for c, script in enumerate(scripts) if script in set(allowed)]
    drawn = np.stack([own.choice(images, shots + queries, replace=False) for _ in range(ways)])
    return [
        torch.from_numpy(own.choice(usable, ways, replace=False)),
        *torch.from_numpy(drawn).split([shots, queries], 1),
    ]


def _multinomial(scripts, allowed, images, ways, shots, queries, generator):
    weights = torch.tensor([float(script in allowed) for script in scripts])
    classes = torch.multinomial(weights, ways, generator=generator)
    drawn = torch.multinomial(torch.ones(ways, images), shots + queries, generator=generator)
    return classes, drawn[:, queries:], drawn[:, :queries]


def _rejection(scripts, allowed, images, ways, shots, queries, generator):
    def without_repeats(high, number, usable=lambda n: True):
        found = []
        while len(found) < number:
            one = torch.randint(high, (), generator=generator).item()
            if one not in found and usable(one):
                found.append(one)
        return found

    query, support, classes = [], [], without_repeats(len(scripts), ways, lambda c: scripts[c] in allowed)
    for _ in classes:
        drawn = without_repeats(images, shots + queries)
        support.append(drawn[:shots])
        query.append(drawn[shots:])
    return (
        torch.tensor(classes),
        torch.tensor(support, dtype=torch.int64).view(ways, shots),
        torch.tensor(query, dtype=torch.int64).view(ways, queries),
    )


# ------------------------------------------------------------------ heads, wrong


def _means(features, labels, ways):
    return torch.stack([features[labels == k].mean(0) for k in range(ways)])


def _sorted_blocks(features, labels, ways):
    order = labels.argsort(stable=True)
    means = torch.stack([part.mean(0) for part in features[order].tensor_split(ways)])
    return 2 * means, -means.square().sum(1)


def _medians(features, labels, ways):
    means = torch.stack([features[labels == k].quantile(0.5, dim=0) for k in range(ways)])
    return 2 * means, -means.square().sum(1)


def _mean_over_features(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -means.square().mean(1)


def _length_not_squared(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -means.norm(dim=1)


def _mean_of_the_squares(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -torch.stack([features[labels == k].square().sum(1).mean() for k in range(ways)])


def _with_class_frequencies(features, labels, ways):
    means = _means(features, labels, ways)
    prior = torch.bincount(labels, minlength=ways) / len(labels)
    return 2 * means, -means.square().sum(1) + prior.double().log()


def _cosine(features, labels, ways):
    means = F.normalize(_means(features, labels, ways), dim=1)
    return 2 * means, -means.square().sum(1)


def _bessel(features, labels, ways):
    means = torch.stack([features[labels == k].sum(0) / max(int((labels == k).sum()) - 1, 1) for k in range(ways)])
    return 2 * means, -means.square().sum(1)


def _centred_in_place(features, labels, ways):
    features -= features.mean(0)
    means = _means(features, labels, ways)
    return 2 * means, -means.square().sum(1)


def _single_precision(features, labels, ways):
    means = _means(features.float(), labels, ways)
    return (2 * means).double(), -means.square().sum(1).double()


def _bias_of_the_centred_only(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -(means - features.mean(0)).square().sum(1)


def _head_of_a_column(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -means.square().sum(1, keepdim=True)


# ------------------------------------------------------------------ heads, right


def _centred_head(features, labels, ways):
    """Another head of the same softmax: distances do not change when the origin moves."""
    middle = features.mean(0)
    means = _means(features, labels, ways) - middle
    weight = 2 * means
    return weight, -means.square().sum(1) - weight @ middle


def _against_the_first_class(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * (means - means[0]), means[0] @ means[0] - torch.einsum("kd,kd->k", means, means)


def _by_index_add(features, labels, ways):
    total = torch.zeros(ways, features.shape[1], dtype=features.dtype).index_add_(0, labels, features)
    means = total / labels.bincount(minlength=ways).unsqueeze(1)
    return [means + means, -means.pow(2).sum(dim=-1)]


def _with_numpy(features, labels, ways):
    f, y = features.numpy(), labels.numpy()
    means = np.array([f[y == k].mean(axis=0) for k in range(ways)])
    return torch.from_numpy(2 * means), torch.from_numpy(-(means**2).sum(axis=1))


# ------------------------------------------------------------------ one step from zero, wrong


def _step(features, labels, ways, alpha, other=None):
    push = F.one_hot(labels, ways).to(features.dtype) - (1 / ways if other is None else other)
    return alpha * push.T @ features / len(labels), alpha * push.mean(0)


def _functional_gradient(features, labels, ways, alpha):
    zero = (features.new_zeros(ways, features.shape[1]), features.new_zeros(ways))
    slope = torch.func.grad(lambda head: F.cross_entropy(features @ head[0].T + head[1], labels))(zero)
    return tuple(h - alpha * s for h, s in zip(zero, slope, strict=True))


def _optimiser(features, labels, ways, alpha):
    head = nn.Linear(features.shape[1], ways, dtype=features.dtype)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    F.cross_entropy(head(features), labels).backward()
    torch.optim.SGD(head.parameters(), lr=alpha).step()
    return head.weight.detach(), head.bias.detach()


def _forward_mode(features, labels, ways, alpha):
    weight, bias = features.new_zeros(ways, features.shape[1]), features.new_zeros(ways)
    loss = lambda w, b: F.cross_entropy(features @ w.T + b, labels)  # noqa: E731
    slopes = torch.func.jacfwd(loss, (0, 1))(weight, bias)
    return weight - alpha * slopes[0], bias - alpha * slopes[1]


def _gradient_of_the_sum(features, labels, ways, alpha):
    """The wrong loss, by the wrong method."""
    weight = torch.zeros(ways, features.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(ways, dtype=features.dtype, requires_grad=True)
    F.cross_entropy(features @ weight.T + bias, labels, reduction="sum").backward()
    return -alpha * weight.grad, -alpha * bias.grad


def _by_class_size(features, labels, ways, alpha):
    member = F.one_hot(labels, ways).to(features.dtype)
    push = member / member.sum(0) - 1 / ways / len(labels)
    return alpha * push.T @ features, alpha * push.sum(0)


def _as_for_two_classes(features, labels, ways, alpha):
    return _step(features, labels, ways, alpha, 0.5)


def _frequencies_as_prediction(features, labels, ways, alpha):
    return _step(features, labels, ways, alpha, torch.bincount(labels, minlength=ways).double() / len(labels))


def _no_bias(features, labels, ways, alpha):
    weight, bias = _step(features, labels, ways, alpha)
    return weight, torch.zeros_like(bias)


def _step_size_one_for_the_bias(features, labels, ways, alpha):
    return _step(features, labels, ways, alpha)[0], _step(features, labels, ways, 1.0)[1]


def _step_size_if_any(features, labels, ways, alpha):
    return _step(features, labels, ways, alpha or 0.01)


def _one_sample_at_a_time(features, labels, ways, alpha):
    """Stochastic gradient descent: one pass, with step sizes that add up to alpha."""
    weight, bias = features.new_zeros(ways, features.shape[1]), features.new_zeros(ways)
    for f, y in zip(features, labels, strict=True):
        push = F.one_hot(y, ways).to(features.dtype) - (weight @ f + bias).softmax(0)
        weight, bias = weight + alpha / len(labels) * push[:, None] * f, bias + alpha / len(labels) * push
    return weight, bias


def _mean_over_classes_too(features, labels, ways, alpha):
    return tuple(part / ways for part in _step(features, labels, ways, alpha))


# ------------------------------------------------------------------ one step from zero, right


def _loops(features, labels, ways, alpha):
    n, d = features.shape
    weight = [[0.0] * d for _ in range(ways)]
    bias = [0.0] * ways
    for i in range(n):
        for k in range(ways):
            push = ((labels[i].item() == k) - 1 / ways) * alpha / n
            bias[k] += push
            for j in range(d):
                weight[k][j] += push * features[i, j].item()
    return torch.tensor(weight, dtype=torch.float64), torch.tensor(bias, dtype=torch.float64)


def _from_means(features, labels, ways, alpha):
    share = torch.stack([(labels == k).double().mean() for k in range(ways)])
    weight = alpha * (share[:, None] * _means(features, labels, ways) - features.mean(0) / ways)
    return weight, alpha * (share - 1 / ways)


class _Step:
    def __call__(self, features, labels, ways, alpha):
        push = (labels[:, None] == torch.arange(ways)).double().sub(float(Fraction(1, ways)))
        return torch.einsum("nk,nd->kd", push, features) * (alpha / len(features)), push.sum(0) * alpha / push.shape[0]


# ------------------------------------------------------------------ predictions, wrong


def _predict(tasks, statistics_of=None, centre=None, distance=None, eps=1e-5, correction=0):
    found = []
    for support, labels, query, _ in tasks:
        seen = support if statistics_of is None else statistics_of(support, labels, query)
        mean, deviation = seen.mean(0), (seen.var(0, correction=correction) + eps).sqrt()
        near, far = (support - mean) / deviation, (query - mean) / deviation
        ways = int(labels.max()) + 1
        centres = torch.stack([(centre or (lambda x: x.mean(0)))(near[labels == k]) for k in range(ways)])
        gap = (distance or (lambda x: x.square().sum(2)))(far[:, None] - centres)
        found.append((-gap).log_softmax(1))
    return torch.stack(found)


def _small_epsilon(tasks):
    return _predict(tasks, eps=1e-8)


def _epsilon_beside_the_root(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, deviation = support.mean(0), support.std(0, correction=0) + 1e-5
        near, far = (support - mean) / deviation, (query - mean) / deviation
        centres = _means(near, labels, int(labels.max()) + 1)
        found.append((-(far[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _log_of_softmax(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        centres = _means((support - mean) / deviation, labels, int(labels.max()) + 1)
        distance = ((query - mean) / deviation)[:, None] - centres
        found.append((-distance.square().sum(2)).softmax(1).log())
    return torch.stack(found)


def _statistics_of_the_means(tasks):
    return _predict(tasks, lambda support, labels, query: _means(support, labels, int(labels.max()) + 1))


def _one_variance_for_all_features(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, deviation = support.mean(), (support.var(correction=0) + 1e-5).sqrt()
        centres = _means((support - mean) / deviation, labels, int(labels.max()) + 1)
        found.append((-(((query - mean) / deviation)[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _labels_taken_for_blocks(tasks):
    blocks = []
    for support, labels, query, query_labels in tasks:
        ways = int(labels.max()) + 1
        blocks.append((support, torch.arange(ways).repeat(len(labels) // ways + 1)[: len(labels)], query, query_labels))
    return _predict(blocks)


def _number_of_ways_from_the_queries(tasks):
    found = []
    for support, labels, query, query_labels in tasks:
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        centres = _means((support - mean) / deviation, labels, int(query_labels.max()) + 1)
        found.append((-(((query - mean) / deviation)[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _standardised_in_place(tasks):
    for support, _, query, _ in tasks:
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        support.sub_(mean).div_(deviation)
        query.sub_(mean).div_(deviation)
    return torch.stack(
        [
            (-torch.cdist(query, _means(support, labels, int(labels.max()) + 1)).square()).log_softmax(1)
            for support, labels, query, _ in tasks
        ]
    )


def _statistics_of_all_supports(tasks):
    everything = torch.cat([task[0] for task in tasks])
    return _predict(tasks, lambda *_: everything)


def _one_query_helps(tasks):
    """Each query is put into the statistics that standardise it: no other query is seen, but it is."""
    rows = [
        [_predict([(s, y, q[i : i + 1], z)], lambda s, _, q: torch.cat([s, q]))[0, 0] for i in range(len(q))]
        for s, y, q, z in tasks
    ]
    return torch.stack([torch.stack(row) for row in rows])


def _refined_centres(tasks):
    """Soft k-means with the queries, one round, as in semi-supervised prototypes."""
    found = []
    for (support, labels, query, _), first in zip(tasks, _predict(tasks), strict=True):
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        near, far = (support - mean) / deviation, (query - mean) / deviation
        weight = torch.cat([F.one_hot(labels, first.shape[1]).to(near.dtype), first.exp()])
        centres = weight.T @ torch.cat([near, far]) / weight.sum(0)[:, None]
        found.append((-(far[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _absolute_distance(tasks):
    return _predict(tasks, distance=lambda gap: gap.abs().sum(2))


def _mean_square_distance(tasks):
    return _predict(tasks, distance=lambda gap: gap.square().mean(2))


def _probabilities(tasks):
    return _predict(tasks).exp()


def _softmax_over_queries(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        centres = _means((support - mean) / deviation, labels, int(labels.max()) + 1)
        found.append((-(((query - mean) / deviation)[:, None] - centres).square().sum(2)).log_softmax(0))
    return torch.stack(found)


def _first_task_s_statistics(tasks):
    return _predict(tasks, lambda *_: tasks[0][0])


# ------------------------------------------------------------------ predictions, right


def _linear_head(tasks):
    """The standardisation and the squared distance multiplied out into a head."""
    found = []
    for support, labels, query, _ in tasks:
        variance, mean = torch.var_mean(support, 0, correction=0)
        scale = (variance + 1e-5).rsqrt()
        member = F.one_hot(labels).to(support.dtype)
        centres = (member / member.sum(0)).T @ ((support - mean) * scale)
        x = (query - mean) * scale
        logits = 2 * x @ centres.T - centres.square().sum(1)
        found.append(logits - logits.logsumexp(1, keepdim=True))
    return torch.stack(found)


def _batch_norm(tasks):
    def one(support, labels, query, query_labels):
        d = support.shape[1]
        norm = nn.BatchNorm1d(d, momentum=1.0, affine=False).double()
        norm.running_mean, norm.running_var = support.mean(0), support.var(0, correction=0)
        norm.eval()
        near, far = norm(support), norm(query)
        centres = [near[labels == k].sum(0) / (labels == k).sum() for k in labels.unique()]
        return F.log_softmax(torch.stack([-((far - c) ** 2).sum(-1) for c in centres], -1), dim=-1)

    return torch.stack([one(*task) for task in tasks])


def _stacked_tasks(tasks):
    support, query = torch.stack([t[0] for t in tasks]), torch.stack([t[2] for t in tasks])
    member = torch.stack([F.one_hot(t[1], int(tasks[0][1].max()) + 1) for t in tasks]).to(support.dtype)
    mean = support.mean(1, keepdim=True)
    deviation = ((support - mean).pow(2).mean(1, keepdim=True) + 1e-5).sqrt()
    centres = member.mT @ ((support - mean) / deviation) / member.sum(1)[..., None]
    gap = ((query - mean) / deviation)[:, :, None] - centres[:, None]
    return torch.log_softmax(-torch.einsum("tmkd,tmkd->tmk", gap, gap), -1)


# ------------------------------------------------------------------ standard errors, wrong


def _binomial(correct):
    p = correct.double().mean((1, 2))
    q = correct.double().mean()
    return {"network": (p * (1 - p) / correct[0].numel()).sqrt(), "method": (q * (1 - q) / correct.numel()).sqrt()}


def _propagated(correct):
    share = correct.double().mean(2)
    network = share.std(1) / share.shape[1] ** 0.5
    return {"network": network, "method": network.square().sum().sqrt() / len(network)}


def _all_shares(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.std() / share.numel() ** 0.5}


def _tasks_for_the_method(correct):
    share = correct.double().mean(2)
    return {
        "network": share.std(1) / share.shape[1] ** 0.5,
        "method": share.mean(0).std() / share.shape[1] ** 0.5,
    }


def _both_parts(correct):
    share = correct.double().mean(2)
    trainings = share.mean(1).var() / share.shape[0]
    tasks = share.mean(0).var() / share.shape[1]
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": (trainings + tasks).sqrt()}


def _half_width(correct):
    share = correct.double().mean(2)
    errors = {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.mean(1).std() / share.shape[0] ** 0.5}
    return {name: 1.96 * value for name, value in errors.items()}


def _root_of_one_less(correct):
    share = correct.double().mean(2)
    return {
        "network": share.std(1) / (share.shape[1] - 1) ** 0.5,
        "method": share.mean(1).std() / (share.shape[0] - 1) ** 0.5,
    }


def _single_precision_errors(correct):
    share = correct.float().mean(2)
    errors = {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.mean(1).std() / share.shape[0] ** 0.5}
    return {name: value.double() for name, value in errors.items()}


def _bootstrap(correct):
    share = correct.double().mean(2)
    generator = torch.Generator().manual_seed(0)
    networks, tasks = share.shape
    over_tasks = share[:, torch.randint(tasks, (4000, tasks), generator=generator)].mean(2).std(1)
    over_networks = share.mean(1)[torch.randint(networks, (4000, networks), generator=generator)].mean(1).std()
    return {"network": over_tasks, "method": over_networks}


def _one_for_all_networks(correct):
    share = correct.double().mean(2)
    return {
        "network": share.std(1).mean().expand(len(share)) / share.shape[1] ** 0.5,
        "method": share.mean(1).std() / share.shape[0] ** 0.5,
    }


def _of_queries_within_tasks(correct):
    x = correct.double()
    within = (x.var(2, correction=0).mean(1) / (x.shape[1] * x.shape[2])).sqrt()
    return {"network": within, "method": x.mean((1, 2)).std() / x.shape[0] ** 0.5}


# ------------------------------------------------------------------ standard errors, right


def _jackknife(correct):
    def error(x):
        n = x.shape[-1]
        left_out = (x.sum(-1, keepdim=True) - x) / (n - 1)
        return ((n - 1) / n * (left_out - left_out.mean(-1, keepdim=True)).pow(2).sum(-1)).sqrt()

    share = correct.double().mean(2)
    return {"method": error(share.mean(1)), "network": error(share)}


def _with_statistics(correct):
    error = lambda x: statistics.stdev(x) / math.sqrt(len(x))  # noqa: E731
    shares = [[sum(task) / len(task) for task in network] for network in correct.tolist()]
    return dict(
        network=torch.tensor([error(row) for row in shares], dtype=torch.float64),
        method=torch.tensor(error([statistics.fmean(row) for row in shares]), dtype=torch.float64),
    )


def _numpy_errors(correct):
    share = correct.numpy().mean(-1)
    sem = lambda x: np.std(x, axis=-1, ddof=1) / np.sqrt(x.shape[-1])  # noqa: E731
    return {"network": torch.from_numpy(sem(share)), "method": torch.as_tensor(sem(share.mean(-1)))}


WRONG = [
    *(
        (ch07.check_draw_episode, answer)
        for answer in (
            _images_of_one_draw_shifted,
            _neighbouring_letters,
            _labels_rotated,
            _first_two_labels_exchanged,
            _sixteen_episodes,
            _part_of_a_name,
            _a_name_that_begins_so,
            _script_first,
            _never_the_last_image,
            _query_images_after_the_support_images,
            _seed_read_off,
            _numpy_for_images,
            _allowed_in_order,
            _from_a_shrinking_pool(),
            _support_images_sorted_among_queries,
            _same_images_every_other_class,
            _images_by_the_class_permutation,
            _query_flat,
            _image_numbers_of_the_data_set,
        )
    ),
    *(
        (ch07.check_prototype_head, answer)
        for answer in (
            _sorted_blocks,
            _medians,
            _mean_over_features,
            _length_not_squared,
            _mean_of_the_squares,
            _with_class_frequencies,
            _cosine,
            _bessel,
            _centred_in_place,
            _single_precision,
            _bias_of_the_centred_only,
            _head_of_a_column,
        )
    ),
    *(
        (ch07.check_head_after_one_step, answer)
        for answer in (
            _functional_gradient,
            _optimiser,
            _forward_mode,
            _gradient_of_the_sum,
            _by_class_size,
            _as_for_two_classes,
            _frequencies_as_prediction,
            _no_bias,
            _step_size_one_for_the_bias,
            _step_size_if_any,
            _one_sample_at_a_time,
            _mean_over_classes_too,
        )
    ),
    *(
        (ch07.check_predict_all, answer)
        for answer in (
            _small_epsilon,
            _epsilon_beside_the_root,
            _log_of_softmax,
            _statistics_of_the_means,
            _one_variance_for_all_features,
            _labels_taken_for_blocks,
            _number_of_ways_from_the_queries,
            _standardised_in_place,
            _statistics_of_all_supports,
            _one_query_helps,
            _refined_centres,
            _absolute_distance,
            _mean_square_distance,
            _probabilities,
            _softmax_over_queries,
            _first_task_s_statistics,
        )
    ),
    *(
        (ch07.check_standard_errors, answer)
        for answer in (
            _binomial,
            _propagated,
            _all_shares,
            _tasks_for_the_method,
            _both_parts,
            _half_width,
            _root_of_one_less,
            _single_precision_errors,
            _bootstrap,
            _one_for_all_networks,
            _of_queries_within_tasks,
        )
    ),
]

RIGHT = [
    *(
        (ch07.check_draw_episode, answer)
        for answer in (_argsort_of_noise, _one_seed_from_the_generator, _multinomial, _rejection)
    ),
    *(
        (ch07.check_prototype_head, answer)
        for answer in (_centred_head, _against_the_first_class, _by_index_add, _with_numpy)
    ),
    *((ch07.check_head_after_one_step, answer) for answer in (_loops, _from_means, _Step(), functools.partial(_step))),
    *((ch07.check_predict_all, answer) for answer in (_linear_head, _batch_norm, _stacked_tasks)),
    *((ch07.check_standard_errors, answer) for answer in (_jackknife, _with_statistics, _numpy_errors)),
]
