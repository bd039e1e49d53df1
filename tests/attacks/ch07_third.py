"""More answers to chapter 07's exercises, by somebody who had read the exercises and not the checks."""

import collections
import random

import numpy as np
import torch
from torch.nn import functional as F

from metarl_core.check import ch07

from . import named

# ------------------------------------------------------------------ draw_episode, wrong


def _usable(scripts, allowed):
    return torch.tensor([i for i, script in enumerate(scripts) if script in allowed])


def _permuted(usable, count, generator):
    return usable[torch.randperm(len(usable), generator=generator)[:count]]


def _images(images, ways, count, generator):
    return torch.stack([torch.randperm(images, generator=generator)[:count] for _ in range(ways)])


def _labels_in_order_of_the_alphabet(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator).sort().values
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _numbers_within_the_allowed(scripts, allowed, images, ways, shots, queries, generator):
    classes = torch.randperm(len(_usable(scripts, allowed)), generator=generator)[:ways]
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _every_script_as_often(scripts, allowed, images, ways, shots, queries, generator):
    pools = {s: [i for i, script in enumerate(scripts) if script == s] for s in allowed}
    classes = []
    while len(classes) < ways:
        pool = pools[allowed[int(torch.randint(len(allowed), (1,), generator=generator))]]
        if pool:
            letter = pool[int(torch.randint(len(pool), (1,), generator=generator))]
            if letter not in classes:
                classes.append(letter)
    drawn = _images(images, ways, shots + queries, generator)
    return torch.tensor(classes), drawn[:, :shots], drawn[:, shots:]


def _one_script_an_episode(scripts, allowed, images, ways, shots, queries, generator):
    pools = [p for p in ([i for i, s in enumerate(scripts) if s == a] for a in allowed) if len(p) >= ways]
    pool = pools[int(torch.randint(len(pools), (1,), generator=generator))] if pools else None
    usable = torch.tensor(pool) if pool else _usable(scripts, allowed)
    classes = _permuted(usable, ways, generator)
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _same_images_of_each_class(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = torch.randperm(images, generator=generator)[: shots + queries].expand(ways, -1)
    return classes, drawn[:, :shots].contiguous(), drawn[:, shots:].contiguous()


def _second_permutation_for_queries(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    return classes, _images(images, ways, shots, generator), _images(images, ways, queries, generator)


def _queries_overlap_by_one(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots - 1 : shots + queries - 1]


def _last_image_never(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = _images(max(images - 1, shots + queries), ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _support_from_the_first_images(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = torch.stack([torch.randperm(shots + queries, generator=generator) for _ in range(ways)])
    return classes, drawn[:, :shots], drawn[:, shots:]


def _consecutive_letters(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    at = int(torch.randint(len(usable), (1,), generator=generator))
    classes = usable.roll(-at)[:ways][torch.randperm(ways, generator=generator)]
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _consecutive_images(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    at = torch.randint(images, (ways, 1), generator=generator)
    drawn = (at + torch.arange(shots + queries)) % images
    return classes, drawn[:, :shots], drawn[:, shots:]


def _seeded_anew(scripts, allowed, images, ways, shots, queries, generator):
    generator = torch.Generator().manual_seed(0)
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _seed_of_the_generator(scripts, allowed, images, ways, shots, queries, generator):
    own = torch.Generator().manual_seed(generator.initial_seed())
    classes = _permuted(_usable(scripts, allowed), ways, own)
    drawn = _images(images, ways, shots + queries, own)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _images_of_the_global_generator(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = torch.stack([torch.randperm(images)[: shots + queries] for _ in range(ways)])
    return classes, drawn[:, :shots], drawn[:, shots:]


def _classes_by_random_sample(scripts, allowed, images, ways, shots, queries, generator):
    classes = torch.tensor(random.sample(_usable(scripts, allowed).tolist(), ways))
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


_served = []


def _not_the_letters_of_last_time(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    fresh = torch.tensor([c for c in usable.tolist() if c not in _served], dtype=torch.int64)
    if len(fresh) < ways:
        fresh = usable
    classes = _permuted(fresh, ways, generator)
    _served[:] = classes.tolist()
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _letters_may_come_twice(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    classes = usable[torch.randint(len(usable), (ways,), generator=generator)]
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _script_by_its_beginning(scripts, allowed, images, ways, shots, queries, generator):
    usable = torch.tensor([i for i, script in enumerate(scripts) if any(script.startswith(a[:1]) for a in allowed)])
    classes = _permuted(usable, ways, generator)
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _all_shots_in_one_row(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = _images(images, ways, shots + queries, generator)
    return classes, drawn[:, :shots].flatten(), drawn[:, shots:].flatten()


def _short_integers(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = _images(images, ways, shots + queries, generator).int()
    return classes.int(), drawn[:, :shots], drawn[:, shots:]


def _images_sorted(scripts, allowed, images, ways, shots, queries, generator):
    classes = _permuted(_usable(scripts, allowed), ways, generator)
    drawn = _images(images, ways, shots + queries, generator).sort(1).values  # support always before the queries
    return classes, drawn[:, :shots], drawn[:, shots:]


# ------------------------------------------------------------------ draw_episode, right


def _by_multinomial(scripts, allowed, images, ways, shots, queries, generator):
    weight = torch.tensor([float(script in allowed) for script in scripts])
    classes = torch.multinomial(weight, ways, replacement=False, generator=generator)
    drawn = torch.multinomial(torch.ones(ways, images), shots + queries, generator=generator)
    support, query = drawn.split([shots, queries], dim=1)
    return classes, support, query


def _by_sorting_noise(scripts, allowed, images, ways, shots, queries, generator):
    usable = [i for i, script in enumerate(scripts) if script in set(allowed)]
    order = torch.rand(len(usable), generator=generator, dtype=torch.float64).argsort()
    classes = torch.tensor(usable, dtype=torch.long)[order[:ways]]
    ranks = torch.rand(ways, images, generator=generator, dtype=torch.float64).argsort(1)
    return classes, ranks[:, :shots], ranks[:, shots : shots + queries]


def _with_numpy_seeded_from_it(scripts, allowed, images, ways, shots, queries, generator):
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    usable = np.flatnonzero(np.isin(scripts, allowed))
    classes = rng.choice(usable, ways, replace=False)
    drawn = np.stack([rng.permutation(images)[: shots + queries] for _ in range(ways)])
    return tuple(torch.from_numpy(a.astype(np.int64)) for a in (classes, drawn[:, :shots], drawn[:, shots:]))


def _with_a_deck_of_cards(scripts, allowed, images, ways, shots, queries, generator):
    deal = random.Random(int(torch.randint(2**60, (), generator=generator)))
    classes = deal.sample([c for c in range(len(scripts)) if scripts[c] in allowed], ways)
    support, query = [], []
    for _ in classes:
        cards = list(range(images))
        deal.shuffle(cards)
        support.append([cards.pop() for _ in range(shots)])
        query.append([cards.pop() for _ in range(queries)])
    return [torch.tensor(part, dtype=torch.int64).reshape(n) for part, n in
            ((classes, (ways,)), (support, (ways, shots)), (query, (ways, queries)))]  # fmt: skip


def _until_all_differ(scripts, allowed, images, ways, shots, queries, generator):
    def distinct(many, among):
        found = []
        while len(found) < many:
            one = among[int(torch.randint(len(among), (1,), generator=generator))]
            if one not in found:
                found.append(one)
        return found

    classes = distinct(ways, [i for i, script in enumerate(scripts) if script in allowed])
    query = [distinct(queries, range(images)) for _ in range(ways)]
    support = [distinct(shots, [i for i in range(images) if i not in taken]) for taken in query]
    return torch.tensor(classes), torch.tensor(support), torch.tensor(query)


def _labels_shuffled_at_the_end(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    subset = usable[torch.randperm(len(usable), generator=generator)[:ways].sort().values]
    place = torch.randperm(ways, generator=generator)
    drawn = _images(images, ways, images, generator)
    return subset[place], drawn[:, -shots:], drawn[:, :queries]


# ------------------------------------------------------------------ heads, wrong


def _means(features, labels, ways):
    return torch.stack([features[labels == k].mean(0) for k in range(ways)])


def _without_the_two(features, labels, ways):
    means = _means(features, labels, ways)
    return means, -means.square().sum(1)


def _length_not_squared(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -means.norm(dim=1)


def _bias_with_plus(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, means.square().sum(1)


def _no_bias_at_all(features, labels, ways):
    return 2 * _means(features, labels, ways), torch.zeros(ways, dtype=torch.float64)


def _sums_for_means(features, labels, ways):
    sums = F.one_hot(labels, ways).double().T @ features
    return 2 * sums, -sums.square().sum(1)


def _equal_counts(features, labels, ways):
    means = F.one_hot(labels, ways).double().T @ features / (len(labels) / ways)
    return 2 * means, -means.square().sum(1)


def _sorted_and_equal(features, labels, ways):
    means = torch.stack([part.mean(0) for part in features.tensor_split(ways)])
    return 2 * means, -means.square().sum(1)


def _sorted_only(features, labels, ways):
    counts = torch.bincount(labels, minlength=ways).tolist()
    means = torch.stack([part.mean(0) for part in features.split(counts)])
    return 2 * means, -means.square().sum(1)


def _mean_square_length(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -_means(features.square().sum(1, keepdim=True), labels, ways)[:, 0]


def _mean_over_dimensions(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -means.square().mean(1)


def _cosine_head(features, labels, ways):
    means = F.normalize(_means(features, labels, ways))
    return 2 * means, -means.square().sum(1)


def _bias_as_a_column(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means, -means.square().sum(1, keepdim=True)


def _weight_transposed(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * means.T, -means.square().sum(1)


def _bias_first(features, labels, ways):
    means = _means(features, labels, ways)
    return -means.square().sum(1), 2 * means


def _centred_with_the_old_bias(features, labels, ways):
    means = _means(features, labels, ways)
    return 2 * (means - means.mean(0)), -(means - means.mean(0)).square().sum(1)


def _log_of_counts_added(features, labels, ways):
    means, counts = _means(features, labels, ways), torch.bincount(labels, minlength=ways)
    return 2 * means, -means.square().sum(1) + (counts / len(labels)).log()


def _median_as_prototype(features, labels, ways):
    means = torch.stack([features[labels == k].median(0).values for k in range(ways)])
    return 2 * means, -means.square().sum(1)


def _centres_features_in_place(features, labels, ways):
    features -= features.mean(0)
    means = _means(features, labels, ways)
    return 2 * means, -means.square().sum(1)


def _single_numbers(features, labels, ways):
    means = _means(features.float(), labels, ways)
    return 2 * means, -means.square().sum(1)


# ------------------------------------------------------------------ prototype_head, right


def _differences_to_class_zero(features, labels, ways):
    """Softmax does not see what all classes have in common."""
    means = _means(features, labels, ways)
    return 2 * (means - means[0]), means[0].square().sum() - means.square().sum(1)


def _about_the_grand_mean(features, labels, ways):
    middle = features.mean(0)
    moved = _means(features, labels, ways) - middle
    return 2 * moved, -moved.square().sum(1) - 2 * moved @ middle


def _head_in_numpy(features, labels, ways):
    f, y = features.numpy(), labels.numpy()
    means = np.array([f[y == k].mean(axis=0) for k in range(ways)])
    return torch.tensor(2 * means), torch.tensor(-(means**2).sum(axis=1))


def _index_add(features, labels, ways):
    sums = torch.zeros(ways, features.shape[1], dtype=features.dtype).index_add_(0, labels, features)
    means = sums / torch.bincount(labels, minlength=ways)[:, None]
    return means * 2, -(means * means).sum(-1)


def _sample_after_sample(features, labels, ways):
    means, seen = [[0.0] * features.shape[1] for _ in range(ways)], [0] * ways
    for f, k in zip(features.tolist(), labels.tolist(), strict=True):
        seen[k] += 1
        means[k] = [m + (v - m) / seen[k] for m, v in zip(means[k], f, strict=True)]
    weight = [[2 * m for m in row] for row in means]
    return [torch.tensor(weight, dtype=torch.float64),
            torch.tensor([-sum(m * m for m in row) for row in means], dtype=torch.float64)]  # fmt: skip


def _as_a_least_squares_problem(features, labels, ways):
    member = F.one_hot(labels, ways).to(features)
    means = torch.linalg.lstsq(member, features).solution  # regression on indicators gives means
    return means + means, torch.einsum("kd,kd->k", -means, means)


# ------------------------------------------------------------------ head_after_one_step, wrong


def _one_step(features, labels, ways, alpha, chance=None, n=None, bias=True):
    push = F.one_hot(labels, ways).double() - (1 / ways if chance is None else chance)
    n = len(labels) if n is None else n
    return alpha * push.T @ features / n, alpha * push.sum(0) / n * float(bias)


def _bias_stays_zero(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, bias=False)


def _without_the_chance(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, chance=0)


def _chance_of_samples(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, chance=1 / len(labels))


def _three_ways(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, chance=1 / 3)


def _summed_loss(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, n=1)


def _mean_over_logits_too(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, n=labels.numel() * ways)


def _uphill(features, labels, ways, alpha):
    weight, bias = _one_step(features, labels, ways, alpha)
    return -weight, -bias


def _gradient_without_alpha(features, labels, ways, alpha):
    return _one_step(features, labels, ways, 1.0)


def _means_minus_grand_mean(features, labels, ways, alpha):
    means = _means(features, labels, ways)
    return alpha * (means - features.mean(0)), torch.zeros(ways, dtype=torch.float64)


def _balanced_formula(features, labels, ways, alpha):
    means = _means(features, labels, ways)
    return alpha / ways * (means - means.mean(0)), torch.zeros(ways, dtype=torch.float64)


def _frequencies_for_chance(features, labels, ways, alpha):
    frequency = torch.bincount(labels, minlength=ways).double() / len(labels)
    return _one_step(features, labels, ways, alpha, chance=frequency)


def _divided_by_the_count_of_the_class(features, labels, ways, alpha):
    member = F.one_hot(labels, ways).double()
    push = (member - 1 / ways) / member.sum(0)
    return alpha * push.T @ features, alpha * push.sum(0)


def _binary_cross_entropy(features, labels, ways, alpha):
    return _one_step(features, labels, ways, alpha, chance=0.5)


def _by_backward(features, labels, ways, alpha):
    weight = torch.zeros(ways, features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(ways, dtype=torch.float64, requires_grad=True)
    F.cross_entropy(features @ weight.T + bias, labels).backward()
    return -alpha * weight.grad, -alpha * bias.grad


def _by_an_optimiser(features, labels, ways, alpha):
    head = torch.nn.Linear(features.shape[1], ways).double()
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    optimiser = torch.optim.SGD(head.parameters(), lr=alpha)
    F.cross_entropy(head(features), labels).backward()
    optimiser.step()
    return head.weight.detach(), head.bias.detach()


def _other_step_for_the_bias(features, labels, ways, alpha):
    weight, bias = _one_step(features, labels, ways, alpha)
    return weight, 2 * bias


# ------------------------------------------------------------------ head_after_one_step, right


def _softmax_written_out(features, labels, ways, alpha):
    logits = torch.zeros(len(labels), ways, dtype=torch.float64)
    wrong = logits.softmax(1)
    wrong[torch.arange(len(labels)), labels] -= 1
    return -alpha * torch.einsum("nk,nd->kd", wrong, features) / len(labels), -alpha * wrong.mean(0)


def _class_by_class(features, labels, ways, alpha):
    n, rows, biases = len(labels), [], []
    for k in range(ways):
        mine = features[labels == k]
        rows.append(alpha / n * (mine.sum(0) - features.sum(0) / ways))
        biases.append(alpha * (len(mine) / n - 1 / ways))
    return torch.stack(rows), torch.tensor(biases, dtype=torch.float64)


def _with_a_feature_of_ones(features, labels, ways, alpha):
    wide = torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], dim=1)
    both = alpha * (torch.eye(ways, dtype=features.dtype)[labels] - 1 / ways).T @ wide / len(labels)
    return both[:, :-1], both[:, -1]


def _step_in_numpy(features, labels, ways, alpha):
    push = np.eye(ways)[labels.numpy()] - np.full(ways, 1 / ways)
    return torch.from_numpy(alpha * push.T @ features.numpy() / len(push)), torch.from_numpy(alpha * push.mean(0))


def _as_means_and_frequencies(features, labels, ways, alpha):
    frequency = torch.stack([(labels == k).double().mean() for k in range(ways)])
    weight = frequency[:, None] * _means(features, labels, ways) - features.mean(0) / ways
    return alpha * weight, alpha * (frequency - 1 / ways)


def _one_sample_at_a_time(features, labels, ways, alpha):
    weight, bias = torch.zeros(ways, features.shape[1]).double(), torch.zeros(ways).double()
    for f, y in zip(features, labels, strict=True):
        for k in range(ways):
            step = alpha / len(labels) * (float(y == k) - 1 / ways)
            weight[k] += step * f
            bias[k] += step
    return weight, bias


# ------------------------------------------------------------------ predict_all, wrong


def _one_task(support, labels, query, correction=0, center=None, divide=None, ways=None, scale_of=None, squared=True):
    mean = support.mean(0) if center is None else center(support, query)
    basis = support if scale_of is None else scale_of(support, query)
    variance = basis.var(0, correction=correction)
    scale = (variance + 1e-5).sqrt() if divide is None else divide(variance)
    s, q = (support - mean) / scale, (query - mean) / scale
    ways = int(labels.max()) + 1 if ways is None else ways
    centres = torch.stack([s[labels == k].mean(0) for k in range(ways)])
    distance = (q[:, None] - centres).square().sum(2)
    return (-distance if squared else -distance.sqrt()).log_softmax(1)


def _all(**options):
    return lambda tasks: torch.stack([_one_task(s, y, q, **options) for s, y, q, _ in tasks])


def _sample_variance(tasks):
    return _all(correction=1)(tasks)


def _epsilon_beside_the_root(tasks):
    return _all(divide=lambda v: v.sqrt() + 1e-5)(tasks)


def _no_epsilon(tasks):
    return _all(divide=lambda v: v.sqrt())(tasks)


def _divided_by_the_variance(tasks):
    return _all(divide=lambda v: v + 1e-5)(tasks)


def _distance_not_squared(tasks):
    return _all(squared=False)(tasks)


def _five_classes_always(tasks):
    return _all(ways=5)(tasks)


def _one_scale_for_all_features(tasks):
    return _all(divide=lambda v: (v.mean() + 1e-5).sqrt())(tasks)


def _scale_of_the_queries(tasks):
    return _all(scale_of=lambda s, q: q)(tasks)


def _queries_with_their_own_statistics(tasks):
    found = []
    for support, labels, query, _ in tasks:
        s, q = ((x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt() for x in (support, query))
        centres = torch.stack([s[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-torch.cdist(q, centres).square()).log_softmax(1))
    return torch.stack(found)


def _statistics_of_all_tasks(tasks):
    everything = torch.cat([support for support, *_ in tasks])
    mean, scale = everything.mean(0), (everything.var(0, correction=0) + 1e-5).sqrt()
    found = []
    for support, labels, query, _ in tasks:
        s, q = (support - mean) / scale, (query - mean) / scale
        centres = torch.stack([s[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-(q[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _half_of_the_statistics_kept(tasks):
    mean, variance, found = 0.0, 1.0, []
    for support, labels, query, _ in tasks:
        mean = 0.9 * mean + 0.1 * support.mean(0)
        variance = 0.9 * variance + 0.1 * support.var(0, correction=0)
        s, q = ((x - mean) / (variance + 1e-5).sqrt() for x in (support, query))
        centres = torch.stack([s[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-(q[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _query_labels_in_the_means(tasks):
    found = []
    for support, labels, query, query_labels in tasks:
        mean, scale = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        everything, y = (torch.cat([support, query]) - mean) / scale, torch.cat([labels, query_labels])
        centres = torch.stack([everything[y == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-((query - mean) / scale - centres[:, None]).square().sum(2).T).log_softmax(1))
    return torch.stack(found)


def _probabilities(tasks):
    return _all()(tasks).exp()


def _normalised_over_queries(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, scale = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        s, q = (support - mean) / scale, (query - mean) / scale
        centres = torch.stack([s[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-(q[:, None] - centres).square().sum(2)).log_softmax(0))
    return torch.stack(found)


def _mean_over_features(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, scale = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        s, q = (support - mean) / scale, (query - mean) / scale
        centres = torch.stack([s[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-(q[:, None] - centres).square().mean(2)).log_softmax(1))
    return torch.stack(found)


def _labels_in_blocks(tasks):
    found = []
    for support, labels, query, _ in tasks:
        ways = int(labels.max()) + 1
        mean, scale = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        s, q = (support - mean) / scale, (query - mean) / scale
        centres = torch.stack([part.mean(0) for part in s.tensor_split(ways)])
        found.append((-(q[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


def _support_counted_as_its_square(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean = support.mean(0)
        variance = support.square().mean(0)
        s, q = ((x - mean) / (variance + 1e-5).sqrt() for x in (support, query))
        centres = torch.stack([s[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-(q[:, None] - centres).square().sum(2)).log_softmax(1))
    return torch.stack(found)


# ------------------------------------------------------------------ predict_all, right


def _raw_centres_then_scaled(tasks):
    found = []
    for support, labels, query, _ in tasks:
        scale = (support.var(0, unbiased=False) + 1e-5).sqrt()
        gap = (query[:, None] - _means(support, labels, int(labels.max()) + 1)) / scale  # the mean drops out
        found.append(F.log_softmax(-(gap**2).sum(-1), dim=-1))
    return torch.stack(found)


def _by_batch_norm(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, variance = support.mean(0), support.var(0, correction=0)
        s, q = (F.batch_norm(x, mean, variance, training=False, eps=1e-5) for x in (support, query))
        ways = len(labels.unique())
        centres = torch.zeros(ways, s.shape[1], dtype=s.dtype).index_reduce_(0, labels, s, "mean", include_self=False)
        found.append((-(torch.cdist(q, centres, compute_mode="donot_use_mm_for_euclid_dist") ** 2)).log_softmax(-1))
    return torch.stack(found)


def _predictions_in_numpy(tasks):
    found = []
    for support, labels, query, _ in tasks:
        support, labels, query = support.numpy(), labels.numpy(), query.numpy()
        s = (support - support.mean(0)) / np.sqrt(support.var(0) + 1e-5)
        q = (query - support.mean(0)) / np.sqrt(support.var(0) + 1e-5)
        logits = np.stack([-((q - s[labels == k].mean(0)) ** 2).sum(1) for k in range(labels.max() + 1)], axis=1)
        top = logits.max(1, keepdims=True)
        found.append(logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True)))
    return torch.from_numpy(np.stack(found))


def _all_tasks_at_once(tasks):
    support, labels, query = (torch.stack([t[i] for t in tasks]) for i in range(3))
    mean, variance = support.mean(1, keepdim=True), support.var(1, correction=0, keepdim=True)
    s, q = ((x - mean) * (variance + 1e-5).rsqrt() for x in (support, query))
    member = F.one_hot(labels).double()
    centres = (member.mT @ s) / member.sum(1)[..., None]
    logits = 2 * q @ centres.mT - centres.square().sum(-1)[:, None]
    return logits - logits.logsumexp(-1, keepdim=True)


def _query_by_query(tasks):
    rows = []
    for support, labels, query, _ in tasks:
        mean = sum(support) / len(support)
        std = (sum((f - mean) ** 2 for f in support) / len(support) + 1e-5) ** 0.5
        groups = collections.defaultdict(list)
        for f, k in zip(support, labels.tolist(), strict=True):
            groups[k].append((f - mean) / std)
        centres = [sum(groups[k]) / len(groups[k]) for k in sorted(groups)]
        rows.append(
            [torch.stack([-(((f - mean) / std - c) ** 2).sum() for c in centres]).log_softmax(0) for f in query]
        )
    return torch.stack([torch.stack(row) for row in rows])


def _by_a_generator(tasks):
    def predictions():
        for support, labels, query, _ in tasks:
            stats = torch.var_mean(support, 0, correction=0)
            s, q = ((x - stats[1]) / (stats[0] + 1e-5).sqrt() for x in (support, query))
            weight = 2 * _means(s, labels, int(labels.max()) + 1)
            yield torch.nn.functional.linear(q, weight, -weight.square().sum(1) / 4).log_softmax(1)

    return torch.stack(list(predictions()))


def _middle_of_everything(tasks):
    """Whatever is taken off support and queries alike: the differences stay the same."""
    return _all(center=lambda s, q: torch.cat([s, q]).mean(0))(tasks)


# ------------------------------------------------------------------ standard_errors, wrong


def _population_deviation(correct):
    share = correct.double().mean(2)
    seeds, tasks = share.shape
    return {"network": share.std(1, correction=0) / tasks**0.5, "method": share.mean(1).std(correction=0) / seeds**0.5}


def _answers_as_units(correct):
    flat = correct.double().flatten(1)
    return {
        "network": flat.std(1) / flat.shape[1] ** 0.5,
        "method": flat.mean(1).std() / len(flat) ** 0.5,
    }


def _binomial_formula(correct):
    p = correct.double().mean((1, 2))
    n = correct[0].numel()
    return {"network": (p * (1 - p) / n).sqrt(), "method": p.std() / len(p) ** 0.5}


def _method_over_everything(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.std() / share.numel() ** 0.5}


def _method_over_tasks(correct):
    share = correct.double().mean(2)
    mean = share.mean(0)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": mean.std() / len(mean) ** 0.5}


def _mean_of_the_errors(correct):
    share = correct.double().mean(2)
    network = share.std(1) / share.shape[1] ** 0.5
    return {"network": network, "method": network.mean()}


def _errors_combined(correct):
    share = correct.double().mean(2)
    network = share.std(1) / share.shape[1] ** 0.5
    return {"network": network, "method": network.square().sum().sqrt() / len(share)}


def _deviations_not_errors(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1), "method": share.mean(1).std()}


def _roots_swapped(correct):
    share = correct.double().mean(2)
    seeds, tasks = share.shape
    return {"network": share.std(1) / seeds**0.5, "method": share.mean(1).std() / tasks**0.5}


def _ninety_five_percent(correct):
    share = correct.double().mean(2)
    seeds, tasks = share.shape
    return {"network": 1.96 * share.std(1) / tasks**0.5, "method": 1.96 * share.mean(1).std() / seeds**0.5}


def _one_number_for_the_networks(correct):
    share = correct.double().mean(2)
    return {"network": share.mean(0).std() / share.shape[1] ** 0.5, "method": share.mean(1).std() / len(share) ** 0.5}


def _queries_as_tasks(correct):
    share = correct.double().mean(1)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.mean(1).std() / len(share) ** 0.5}


def _method_as_a_vector(correct):
    share = correct.double().mean(2)
    method = share.mean(1, keepdim=True).std(0) / len(share) ** 0.5
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": method}


def _thousandths(correct):
    share = correct.float().mean(2)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.mean(1).std() / len(share) ** 0.5}


def _six_hundred_tasks(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / 600**0.5, "method": share.mean(1).std() / 5**0.5}


def _root_of_n_minus_one(correct):
    share = correct.double().mean(2)
    seeds, tasks = share.shape
    return {"network": share.std(1) / (tasks - 1) ** 0.5, "method": share.mean(1).std() / (seeds - 1) ** 0.5}


def _of_two_networks(correct):
    share = correct.double().mean(2)
    return {
        "network": share.std(1) / share.shape[1] ** 0.5,
        "method": (share.mean(1).max() - share.mean(1).min()) / 2 / len(share) ** 0.5,
    }


# ------------------------------------------------------------------ standard_errors, right


def _errors_in_numpy(correct):
    share = correct.numpy().mean(axis=2)
    network = share.std(axis=1, ddof=1) / np.sqrt(share.shape[1])
    method = share.mean(axis=1).std(ddof=1) / np.sqrt(len(share))
    return {"network": torch.from_numpy(network), "method": torch.tensor(method)}


def _sums_of_squares(correct):
    right = correct.sum(-1, dtype=torch.float64)
    s, t, q = correct.shape
    inside = ((right - right.mean(1, keepdim=True)) ** 2).sum(1)
    totals = right.sum(1)
    between = ((totals - totals.mean()) ** 2).sum()
    return dict(network=(inside / (t * (t - 1))).sqrt() / q, method=(between / (s * (s - 1))).sqrt() / (q * t))


def _one_function_twice(correct):
    def error(values):
        return torch.std(values, dim=-1, unbiased=True) / values.shape[-1] ** 0.5

    share = correct.to(torch.float64).mean(-1)
    return {"method": error(share.mean(-1)), "network": error(share)}


def _standard_library(correct):
    import statistics

    shares = [[sum(map(int, task)) / len(task) for task in network] for network in correct.tolist()]
    network = [statistics.stdev(row) / len(row) ** 0.5 for row in shares]
    means = [statistics.fmean(row) for row in shares]
    method = statistics.stdev(means) / len(means) ** 0.5
    return {"network": torch.tensor(network, dtype=torch.float64), "method": torch.tensor(method, dtype=torch.float64)}


def _by_pairs(correct):
    """The variance as half of the mean square of all differences."""
    share = torch.einsum("stq->st", correct.double()) / correct.shape[2]

    def error(x):
        n = x.shape[-1]
        return ((x[..., :, None] - x[..., None, :]).square().sum((-1, -2)) / (2 * n * (n - 1)) / n).sqrt()

    return {"network": error(share), "method": error(share.mean(1))}


def _by_covariance(correct):
    share = correct.double().mean(-1)
    network = torch.stack([torch.cov(row) for row in share])
    method = torch.cov(share.mean(-1))
    return {"network": (network / share.shape[1]).sqrt(), "method": (method / share.shape[0]).sqrt()}


WRONG = [
    *named(
        ch07.check_draw_episode,
        _labels_in_order_of_the_alphabet,
        _numbers_within_the_allowed,
        _every_script_as_often,
        _one_script_an_episode,
        _same_images_of_each_class,
        _second_permutation_for_queries,
        _queries_overlap_by_one,
        _last_image_never,
        _support_from_the_first_images,
        _consecutive_letters,
        _consecutive_images,
        _seeded_anew,
        _seed_of_the_generator,
        _images_of_the_global_generator,
        _classes_by_random_sample,
        _not_the_letters_of_last_time,
        _letters_may_come_twice,
        _script_by_its_beginning,
        _all_shots_in_one_row,
        _short_integers,
        _images_sorted,
    ),
    *named(
        ch07.check_prototype_head,
        _without_the_two,
        _length_not_squared,
        _bias_with_plus,
        _no_bias_at_all,
        _sums_for_means,
        _equal_counts,
        _sorted_and_equal,
        _sorted_only,
        _mean_square_length,
        _mean_over_dimensions,
        _cosine_head,
        _bias_as_a_column,
        _weight_transposed,
        _bias_first,
        _centred_with_the_old_bias,
        _log_of_counts_added,
        _median_as_prototype,
        _centres_features_in_place,
        _single_numbers,
    ),
    *named(
        ch07.check_head_after_one_step,
        _bias_stays_zero,
        _without_the_chance,
        _chance_of_samples,
        _three_ways,
        _summed_loss,
        _mean_over_logits_too,
        _uphill,
        _gradient_without_alpha,
        _means_minus_grand_mean,
        _balanced_formula,
        _frequencies_for_chance,
        _divided_by_the_count_of_the_class,
        _binary_cross_entropy,
        _by_backward,
        _by_an_optimiser,
        _other_step_for_the_bias,
    ),
    *named(
        ch07.check_predict_all,
        _sample_variance,
        _epsilon_beside_the_root,
        _no_epsilon,
        _divided_by_the_variance,
        _distance_not_squared,
        _five_classes_always,
        _one_scale_for_all_features,
        _scale_of_the_queries,
        _queries_with_their_own_statistics,
        _statistics_of_all_tasks,
        _half_of_the_statistics_kept,
        _query_labels_in_the_means,
        _probabilities,
        _normalised_over_queries,
        _mean_over_features,
        _labels_in_blocks,
        _support_counted_as_its_square,
    ),
    *named(
        ch07.check_standard_errors,
        _population_deviation,
        _answers_as_units,
        _binomial_formula,
        _method_over_everything,
        _method_over_tasks,
        _mean_of_the_errors,
        _errors_combined,
        _deviations_not_errors,
        _roots_swapped,
        _ninety_five_percent,
        _one_number_for_the_networks,
        _queries_as_tasks,
        _method_as_a_vector,
        _thousandths,
        _six_hundred_tasks,
        _root_of_n_minus_one,
        _of_two_networks,
    ),
]

RIGHT = [
    *named(
        ch07.check_draw_episode,
        _by_multinomial,
        _by_sorting_noise,
        _with_numpy_seeded_from_it,
        _with_a_deck_of_cards,
        _until_all_differ,
        _labels_shuffled_at_the_end,
    ),
    *named(
        ch07.check_prototype_head,
        _differences_to_class_zero,
        _about_the_grand_mean,
        _head_in_numpy,
        _index_add,
        _sample_after_sample,
        _as_a_least_squares_problem,
    ),
    *named(
        ch07.check_head_after_one_step,
        _softmax_written_out,
        _class_by_class,
        _with_a_feature_of_ones,
        _step_in_numpy,
        _as_means_and_frequencies,
        _one_sample_at_a_time,
    ),
    *named(
        ch07.check_predict_all,
        _raw_centres_then_scaled,
        _by_batch_norm,
        _predictions_in_numpy,
        _all_tasks_at_once,
        _query_by_query,
        _by_a_generator,
        _middle_of_everything,
    ),
    *named(
        ch07.check_standard_errors,
        _errors_in_numpy,
        _sums_of_squares,
        _one_function_twice,
        _standard_library,
        _by_pairs,
        _by_covariance,
    ),
]
