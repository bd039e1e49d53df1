"""Answers to the exercises of chapter 07."""

import functools
import math
import random
from collections import defaultdict
from fractions import Fraction

import numpy as np
import torch
from torch.nn import functional as F

from metarl_core.check import ch07

# ------------------------------------------------------------------ draw_episode


def _usable(scripts, allowed):
    return torch.tensor([i for i, script in enumerate(scripts) if script in set(allowed)])


def _pick(values, number, generator):
    return values[torch.randperm(len(values), generator=generator)[:number]]


def _images_of(images, ways, shots, queries, generator):
    drawn = torch.stack([torch.randperm(images, generator=generator) for _ in range(ways)])
    return drawn[:, :shots], drawn[:, shots : shots + queries]


def _queries_lowest(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    support, query = [], []
    for _ in range(ways):
        order = torch.randperm(images, generator=generator)
        support.append(order[:shots])
        query.append(torch.tensor(sorted(order[shots:].tolist())[:queries]))
    return classes, torch.stack(support), torch.stack(query)


def _support_below_query(scripts, allowed, images, ways, shots, queries, generator):
    """Sorts all drawn numbers before it cuts them."""
    classes = _pick(_usable(scripts, allowed), ways, generator)
    drawn = [torch.randperm(images, generator=generator)[: shots + queries].sort().values for _ in range(ways)]
    both = torch.stack(drawn)
    return classes, both[:, :shots], both[:, shots:]


def _one_permutation_for_all(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    order = torch.randperm(images, generator=generator)
    return classes, order[:shots].expand(ways, -1), order[shots : shots + queries].expand(ways, -1)


def _shared_by_two(scripts, allowed, images, ways, shots, queries, generator):
    """The last class shows the images of the first."""
    classes = _pick(_usable(scripts, allowed), ways, generator)
    support, query = _images_of(images, ways, shots, queries, generator)
    support[-1], query[-1] = support[0], query[0]
    return classes, support, query


def _queries_with_replacement(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    support, rest = _images_of(images, ways, shots, images - shots, generator)
    chosen = torch.randint(images - shots, (ways, queries), generator=generator)
    return classes, support, rest.gather(1, chosen)


def _last_image_left_out(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    return classes, *_images_of(max(images - 1, shots + queries), ways, shots, queries, generator)


def _last_class_left_out(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    usable = usable[: max(ways, len(usable) - 1)]
    return _pick(usable, ways, generator), *_images_of(images, ways, shots, queries, generator)


def _a_block_of_letters(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    start = int(torch.randint(len(usable) - ways + 1, (), generator=generator))
    block = usable[start : start + ways]
    return _pick(block, ways, generator), *_images_of(images, ways, shots, queries, generator)


def _ascending(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    return torch.tensor(sorted(classes.tolist())), *_images_of(images, ways, shots, queries, generator)


def _swaps_at_most_two(scripts, allowed, images, ways, shots, queries, generator):
    """Sorted, then one pair exchanged: is that not random enough?"""
    classes = _pick(_usable(scripts, allowed), ways, generator).sort().values
    i, j = torch.randint(ways, (2,), generator=generator).tolist()
    classes[[i, j]] = classes[[j, i]]
    return classes, *_images_of(images, ways, shots, queries, generator)


def _numbers_among_the_allowed(scripts, allowed, images, ways, shots, queries, generator):
    """Forgets to translate back to numbers of classes."""
    usable = _usable(scripts, allowed)
    return torch.randperm(len(usable), generator=generator)[:ways], *_images_of(images, ways, shots, queries, generator)


def _script_by_script(scripts, allowed, images, ways, shots, queries, generator):
    """A random script first, then a letter of it."""
    of = defaultdict(list)
    for number, script in enumerate(scripts):
        of[script].append(number)
    chosen = []
    while len(chosen) < ways:
        own = of[allowed[int(torch.randint(len(allowed), (), generator=generator))]]
        letter = own[int(torch.randint(len(own), (), generator=generator))]
        if letter not in chosen:
            chosen.append(letter)
    return torch.tensor(chosen), *_images_of(images, ways, shots, queries, generator)


def _fresh_seed(scripts, allowed, images, ways, shots, queries, generator):
    """Nothing global is touched, and nothing can be repeated."""
    own = torch.Generator()
    own.seed()
    torch.rand(1, generator=generator)
    return _pick(_usable(scripts, allowed), ways, own), *_images_of(images, ways, shots, queries, own)


def _seeded_by_hand(scripts, allowed, images, ways, shots, queries, generator):
    own = torch.Generator().manual_seed(42)
    return _pick(_usable(scripts, allowed), ways, own), *_images_of(images, ways, shots, queries, own)


def _reseeded_images(scripts, allowed, images, ways, shots, queries, generator):
    """Classes from the generator; images from one seeded by the class."""
    classes = _pick(_usable(scripts, allowed), ways, generator)
    drawn = torch.stack(
        [torch.randperm(images, generator=torch.Generator().manual_seed(int(c)))[: shots + queries] for c in classes]
    )
    return classes, drawn[:, :shots], drawn[:, shots:]


def _python_random(scripts, allowed, images, ways, shots, queries, generator):
    random.seed(generator.initial_seed())
    classes = random.sample(_usable(scripts, allowed).tolist(), ways)
    drawn = torch.tensor([random.sample(range(images), shots + queries) for _ in range(ways)])
    return torch.tensor(classes), drawn[:, :shots], drawn[:, shots:]


def _flat_images(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    support, query = _images_of(images, ways, shots, queries, generator)
    return classes, support.flatten(), query.flatten()


def _int32(scripts, allowed, images, ways, shots, queries, generator):
    classes = _pick(_usable(scripts, allowed), ways, generator)
    return classes.int(), *_images_of(images, ways, shots, queries, generator)


def _remembers_the_last_images(scripts, allowed, images, ways, shots, queries, generator, last=[]):  # noqa: B006
    """Classes are new each time; images are drawn anew every second time only."""
    classes = _pick(_usable(scripts, allowed), ways, generator)
    fresh = _images_of(images, ways, shots, queries, generator)
    if last and last[0][0].shape == fresh[0].shape and last[0][1].shape == fresh[1].shape:
        return classes, *last.pop()
    last[:] = [fresh]
    return classes, *fresh


def _by_sorting_noise(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    classes = usable[torch.rand(len(usable), generator=generator).argsort()[:ways]]
    order = torch.rand(ways, images, generator=generator).argsort(1)
    return classes, order[:, :shots], order[:, shots : shots + queries]


def _sorted_within_the_sets(scripts, allowed, images, ways, shots, queries, generator):
    """In which order a set is listed is not said."""
    classes = _pick(_usable(scripts, allowed), ways, generator)
    support, query = _images_of(images, ways, shots, queries, generator)
    return [classes, support.sort(1).values, query.sort(1).values]


def _by_multinomial(scripts, allowed, images, ways, shots, queries, generator):
    even = torch.tensor([float(script in allowed) for script in scripts])
    classes = torch.multinomial(even, ways, replacement=False, generator=generator)
    drawn = torch.multinomial(torch.ones(ways, images), shots + queries, replacement=False, generator=generator)
    return classes, *drawn.split([shots, queries], 1)


def _one_by_one(scripts, allowed, images, ways, shots, queries, generator):
    def without(pool, number):
        pool, found = list(pool), []
        for _ in range(number):
            found.append(pool.pop(int(torch.randint(len(pool), (), generator=generator))))
        return found

    query = [without(range(images), queries) for _ in range(ways)]
    support = [without(sorted(set(range(images)) - set(own)), shots) for own in query]
    classes = without([i for i, s in enumerate(scripts) if s in allowed], ways)
    return torch.tensor(classes), torch.tensor(support), torch.tensor(query)


def _numpy_from_the_generator(scripts, allowed, images, ways, shots, queries, generator):
    """A NumPy generator of its own, seeded by a draw."""
    own = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    classes = own.choice(_usable(scripts, allowed).numpy(), ways, replace=False)
    drawn = np.stack([own.permutation(images)[: shots + queries] for _ in range(ways)])
    return tuple(torch.from_numpy(part.copy()) for part in (classes, drawn[:, :shots], drawn[:, shots:]))


# ------------------------------------------------------------------ prototype_head


def _means(features, labels, ways):
    return torch.stack([features[labels == k].mean(0) for k in range(ways)])


def _normalised_means(features, labels, ways):
    c = F.normalize(_means(features, labels, ways), dim=1)
    return 2 * c, -c.square().sum(1)


def _head_in_single(features, labels, ways):
    c = _means(features.float(), labels, ways)
    return (2 * c).double(), -c.square().sum(1).double()


def _medians(features, labels, ways):
    c = torch.stack([features[labels == k].median(0).values for k in range(ways)])
    return 2 * c, -c.square().sum(1)


def _mean_of_squares(features, labels, ways):
    """−mean ‖f‖² in the place of −‖mean f‖²."""
    squares = torch.stack([features[labels == k].square().sum(1).mean() for k in range(ways)])
    return 2 * _means(features, labels, ways), -squares


def _norm_over_classes(features, labels, ways):
    c = _means(features, labels, ways)
    return 2 * c, -c.square().mean(1)


def _column_of_bias(features, labels, ways):
    c = _means(features, labels, ways)
    return 2 * c, -c.square().sum(1, keepdim=True)


def _equal_counts(features, labels, ways):
    member = F.one_hot(labels, ways).double()
    c = member.T @ features * ways / len(labels)
    return 2 * c, -(c * c).sum(1)


def _transposed_weight(features, labels, ways):
    c = _means(features, labels, ways)
    return 2 * c.T, -c.square().sum(1)


def _first_sample(features, labels, ways):
    c = torch.stack([features[(labels == k).nonzero()[0, 0]] for k in range(ways)])
    return 2 * c, -c.square().sum(1)


def _keeps_a_graph(features, labels, ways):
    c = torch.nn.Parameter(_means(features, labels, ways))
    return 2 * c, -c.square().sum(1)


def _shifted_head(features, labels, ways):
    """All classes shifted alike: the same probabilities."""
    c = _means(features, labels, ways)
    return 2 * (c - c.mean(0)), 7.0 - c.square().sum(1)


def _by_index_add(features, labels, ways):
    total = torch.zeros(ways, features.shape[1], dtype=torch.float64).index_add(0, labels, features)
    c = total / torch.bincount(labels, minlength=ways)[:, None]
    return [2 * c, torch.einsum("kd,kd->k", -c, c)]


def _by_lists(features, labels, ways):
    weight, bias = [], []
    for k in range(ways):
        own = [f for f, y in zip(features.tolist(), labels.tolist(), strict=True) if y == k]
        c = [math.fsum(column) / len(own) for column in zip(*own, strict=True)]
        weight.append([2 * x for x in c])
        bias.append(-math.fsum(x * x for x in c))
    return torch.tensor(weight, dtype=torch.float64), torch.tensor(bias, dtype=torch.float64)


# ------------------------------------------------------------------ head_after_one_step


def _push(labels, ways):
    return F.one_hot(labels, ways).double() - 1 / ways


def _softmax_forgotten(features, labels, ways, alpha):
    """The gradient of a squared error to zero outputs."""
    y = F.one_hot(labels, ways).double()
    return alpha * y.T @ features / len(labels), alpha * y.mean(0)


def _mean_over_classes_too(features, labels, ways, alpha):
    g = _push(labels, ways)
    return alpha * g.T @ features / g.numel(), alpha * g.mean(0) / ways


def _equal_counts_step(features, labels, ways, alpha):
    c = _means(features, labels, ways)
    return alpha * (c - c.mean(0)) / ways, torch.zeros(ways, dtype=torch.float64)


def _bias_not_scaled(features, labels, ways, alpha):
    g = _push(labels, ways)
    return alpha * g.T @ features / len(labels), g.mean(0)


def _bias_summed(features, labels, ways, alpha):
    g = _push(labels, ways)
    return alpha * g.T @ features / len(labels), alpha * g.sum(0)


def _by_functional_grad(features, labels, ways, alpha):
    zero = torch.zeros(ways, features.shape[1] + 1, dtype=torch.float64)
    slope = torch.func.grad(lambda w: F.cross_entropy(features @ w[:, :-1].T + w[:, -1], labels))(zero)
    return -alpha * slope[:, :-1], -alpha * slope[:, -1]


def _step_in_single(features, labels, ways, alpha):
    g = F.one_hot(labels, ways).float() - 1 / ways
    return (alpha * g.T @ features.float() / len(labels)).double(), (alpha * g.mean(0)).double()


def _counts_at_most_five_ways(features, labels, ways, alpha):
    g = F.one_hot(labels, ways).double() - 0.2
    return alpha * g.T @ features / len(labels), alpha * g.mean(0)


def _tiny_differences(features, labels, ways, alpha):
    """Forward differences: a derivative, but not a formula, and not precise."""
    size, eps = features.shape[1], 1e-6

    def loss(flat):
        w = flat.view(ways, size + 1)
        return F.cross_entropy(features @ w[:, :size].T + w[:, size], labels)

    zero = torch.zeros(ways * (size + 1), dtype=torch.float64)
    slope = torch.stack([(loss(zero + eps * e) - loss(zero)) / eps for e in torch.eye(len(zero)).double()])
    slope = slope.view(ways, size + 1)
    return -alpha * slope[:, :size], -alpha * slope[:, size]


def _centred_sums(features, labels, ways, alpha):
    n = len(labels)
    sums = torch.stack([features[labels == k].sum(0) for k in range(ways)])
    counts = torch.bincount(labels, minlength=ways)
    return alpha / n * (sums - features.sum(0) / ways), alpha * (counts / n - 1 / ways).double()


def _exact_sums(features, labels, ways, alpha):
    n = len(labels)
    sums = torch.stack([features[labels == k].sum(0) for k in range(ways)])
    counts = torch.bincount(labels, minlength=ways).double()
    return alpha / n * (sums - features.sum(0) / ways), alpha * (counts / n - 1 / ways)


def _from_softmax(features, labels, ways, alpha):
    predicted = torch.zeros(len(labels), ways, dtype=torch.float64).softmax(1)
    error = predicted - torch.eye(ways, dtype=torch.float64)[labels]
    return torch.einsum("nk,nd->kd", error, features) * (-alpha / len(labels)), error.mean(0) * -alpha


def _sample_by_sample(features, labels, ways, alpha):
    weight, bias = torch.zeros(ways, features.shape[1], dtype=torch.float64), torch.zeros(ways, dtype=torch.float64)
    for f, y in zip(features, labels.tolist(), strict=True):
        for k in range(ways):
            push = alpha * (float(k == y) - float(Fraction(1, ways))) / len(labels)
            weight[k] += push * f
            bias[k] += push
    return [weight, bias]


# ------------------------------------------------------------------ predict_all


def _each(one_task):
    @functools.wraps(one_task)
    def answer(tasks):
        return torch.stack([one_task(*task) for task in tasks])

    return answer


def _log_p(near, labels, far):
    centres = _means(near, labels, int(labels.max()) + 1)
    return (-(far[:, None] - centres).square().sum(2)).log_softmax(1)


def _scaled(x, like, correction=0, tiny=1e-5):
    return (x - like.mean(0)) / (like.var(0, correction=correction) + tiny).sqrt()


@_each
def _layer_norm(support, labels, query, _):
    """Over the features of a sample, not over the samples."""
    near, far = (F.layer_norm(x, x.shape[1:]) for x in (support, query))
    return _log_p(near, labels, far)


@_each
def _one_scale(support, labels, query, _):
    """One mean and variance for all features."""
    scale = (support.var(correction=0) + 1e-5).sqrt()
    return _log_p((support - support.mean()) / scale, labels, (query - support.mean()) / scale)


@_each
def _class_statistics(support, labels, query, _):
    """Mean of the class means."""
    ways = int(labels.max()) + 1
    mean = _means(support, labels, ways).mean(0)
    scale = ((support - mean).square().mean(0) + 1e-5).sqrt()
    return _log_p((support - mean) / scale, labels, (query - mean) / scale)


@_each
def _mean_over_features(support, labels, query, _):
    near, far = _scaled(support, support), _scaled(query, support)
    centres = _means(near, labels, int(labels.max()) + 1)
    return (-(far[:, None] - centres).square().mean(2)).log_softmax(1)


@_each
def _softmax_over_queries(support, labels, query, _):
    near, far = _scaled(support, support), _scaled(query, support)
    centres = _means(near, labels, int(labels.max()) + 1)
    return (-(far[:, None] - centres).square().sum(2)).log_softmax(0)


@_each
def _no_scaling(support, labels, query, _):
    return _log_p(support - support.mean(0), labels, query - support.mean(0))


@_each
def _usual_epsilon(support, labels, query, _):
    return _log_p(_scaled(support, support, tiny=1e-8), labels, _scaled(query, support, tiny=1e-8))


@_each
def _predict_in_single(support, labels, query, _):
    support, query = support.float(), query.float()
    return _log_p(_scaled(support, support), labels, _scaled(query, support)).double()


def _batch_norm_layer(tasks):
    """The layer, left in its training mode from task to task."""
    layer = torch.nn.BatchNorm1d(tasks[0][0].shape[1], affine=False).double()
    found = []
    for support, labels, query, _ in tasks:
        near = layer(support)
        layer.eval()
        found.append(_log_p(near, labels, layer(query)))
        layer.train()
    return torch.stack(found)


def _first_task_for_all(tasks):
    like = tasks[0][0]
    return torch.stack([_log_p(_scaled(s, like), y, _scaled(q, like)) for s, y, q, _ in tasks])


def _all_supports_together(tasks):
    like = torch.cat([support for support, *_ in tasks])
    return torch.stack([_log_p(_scaled(s, like), y, _scaled(q, like)) for s, y, q, _ in tasks])


def _standardises_in_place(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        support -= mean
        support /= deviation
        found.append(_log_p(support, labels, (query - mean) / deviation))
    return torch.stack(found)


def _grid_of_shots(tasks):
    """Takes the support set for ordered."""
    found = []
    for support, labels, query, _ in tasks:
        ways = int(labels.max()) + 1
        near, far = _scaled(support, support), _scaled(query, support)
        centres = torch.stack([near[k::ways].mean(0) for k in range(ways)])
        found.append((-(far[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


@_each
def _by_functional_batch_norm(support, labels, query, _):
    mean, variance = support.mean(0), support.var(0, correction=0)
    near, far = (F.batch_norm(x, mean, variance, eps=1e-5) for x in (support, query))
    return _log_p(near, labels, far)


@_each
def _by_expanded_square(support, labels, query, _):
    near, far = _scaled(support, support), _scaled(query, support)
    c = _means(near, labels, int(labels.max()) + 1)
    return F.log_softmax(2 * far @ c.T - (c * c).sum(1), dim=1)


@_each
def _logs_by_hand(support, labels, query, _):
    moments = support.pow(2).mean(0) - support.mean(0) ** 2
    near, far = ((x - support.mean(0)) * (moments.clamp(min=0) + 1e-5).rsqrt() for x in (support, query))
    rows = []
    for f in far:
        own = [-((f - near[labels == k].mean(0)) ** 2).sum() for k in range(1 + max(labels.tolist()))]
        rows.append(torch.stack(own) - torch.logsumexp(torch.stack(own), 0))
    return torch.stack(rows)


# ------------------------------------------------------------------ standard_errors


def _swapped(correct):
    share = correct.double().mean(2)
    return {
        "network": share.mean(1).std() / len(share) ** 0.5 * torch.ones(len(share), dtype=torch.float64),
        "method": share.mean(0).std() / share.shape[1] ** 0.5,
    }


def _over_tasks_and_networks(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.mean(1).std() / share.numel() ** 0.5}


def _root_of_the_other(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / len(share) ** 0.5, "method": share.mean(1).std() / share.shape[1] ** 0.5}


def _combined_error(correct):
    """Squares of the networks' errors added: their luck, not their differences."""
    share = correct.double().mean(2)
    each = share.std(1) / share.shape[1] ** 0.5
    return {"network": each, "method": each.square().sum().sqrt() / len(each)}


def _variances(correct):
    share = correct.double().mean(2)
    return {"network": share.var(1) / share.shape[1], "method": share.mean(1).var() / len(share)}


def _intervals(correct):
    share = correct.double().mean(2)
    return {
        "network": 1.96 * share.std(1) / share.shape[1] ** 0.5,
        "method": 1.96 * share.mean(1).std() / len(share) ** 0.5,
    }


def _errors_in_single(correct):
    share = correct.float().mean(2)
    return {
        "network": (share.std(1) / share.shape[1] ** 0.5).double(),
        "method": (share.mean(1).std() / len(share) ** 0.5).double(),
    }


def _rounded(correct):
    share = correct.double().mean(2)
    return {
        "network": (share.std(1) / share.shape[1] ** 0.5).round(decimals=4),
        "method": (share.mean(1).std() / len(share) ** 0.5).round(decimals=4),
    }


def _mean_over_networks(correct):
    share = correct.double().mean(2)
    each = share.std(1) / share.shape[1] ** 0.5
    return {"network": each.mean(), "method": share.mean(1).std() / len(share) ** 0.5}


def _n_for_the_method(correct):
    share = correct.double().mean(2)
    return {
        "network": share.std(1) / share.shape[1] ** 0.5,
        "method": share.mean(1).std(correction=0) / len(share) ** 0.5,
    }


def _by_numpy(correct):
    share = correct.numpy().mean(2)
    network = share.std(1, ddof=1) / np.sqrt(share.shape[1])
    method = share.mean(1).std(ddof=1) / np.sqrt(share.shape[0])
    return {"method": torch.tensor(method), "network": torch.from_numpy(network)}


def _by_squares(correct):
    share = correct.double().mean(2)

    def error(x):
        n = x.shape[-1]
        return ((x - x.mean(-1, keepdim=True)).pow(2).sum(-1) / (n * (n - 1))).sqrt()

    return {"network": error(share), "method": error(share.mean(1))}


def _by_loops(correct):
    def error(values):
        m = math.fsum(values) / len(values)
        return math.sqrt(math.fsum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values))

    rows = [[sum(task) / len(task) for task in network] for network in correct.tolist()]
    return {
        "network": torch.tensor([error(row) for row in rows], dtype=torch.float64),
        "method": torch.tensor(error([math.fsum(row) / len(row) for row in rows]), dtype=torch.float64),
    }


WRONG = [
    *((ch07.check_draw_episode, answer) for answer in (
        _queries_lowest, _support_below_query, _one_permutation_for_all, _shared_by_two, _queries_with_replacement,
        _last_image_left_out, _last_class_left_out, _a_block_of_letters, _ascending, _swaps_at_most_two,
        _numbers_among_the_allowed, _script_by_script, _fresh_seed, _seeded_by_hand, _reseeded_images, _python_random,
        _flat_images, _int32, _remembers_the_last_images,
    )),
    *((ch07.check_prototype_head, answer) for answer in (
        _normalised_means, _head_in_single, _medians, _mean_of_squares, _norm_over_classes, _column_of_bias,
        _equal_counts, _transposed_weight, _first_sample, _keeps_a_graph,
    )),
    *((ch07.check_head_after_one_step, answer) for answer in (
        _softmax_forgotten, _mean_over_classes_too, _equal_counts_step, _bias_not_scaled, _bias_summed,
        _by_functional_grad, _step_in_single, _counts_at_most_five_ways, _tiny_differences, _centred_sums,
    )),
    *((ch07.check_predict_all, answer) for answer in (
        _layer_norm, _one_scale, _class_statistics, _mean_over_features, _softmax_over_queries, _no_scaling,
        _usual_epsilon, _predict_in_single, _batch_norm_layer, _first_task_for_all, _all_supports_together,
        _standardises_in_place, _grid_of_shots,
    )),
    *((ch07.check_standard_errors, answer) for answer in (
        _swapped, _over_tasks_and_networks, _root_of_the_other, _combined_error, _variances, _intervals,
        _errors_in_single, _rounded, _mean_over_networks, _n_for_the_method,
    )),
]  # fmt: skip

RIGHT = [
    *((ch07.check_draw_episode, answer) for answer in (
        _by_sorting_noise, _sorted_within_the_sets, _by_multinomial, _one_by_one, _numpy_from_the_generator,
    )),
    *((ch07.check_prototype_head, answer) for answer in (_shifted_head, _by_index_add, _by_lists)),
    *((ch07.check_head_after_one_step, answer) for answer in (_exact_sums, _from_softmax, _sample_by_sample)),
    *((ch07.check_predict_all, answer) for answer in (_by_functional_batch_norm, _by_expanded_square, _logs_by_hand)),
    *((ch07.check_standard_errors, answer) for answer in (_by_numpy, _by_squares, _by_loops)),
]  # fmt: skip
