"""Answers to exercises of chapter 07, from a ninth attack."""

import random

import numpy as np
import torch
from torch.nn import functional

from metarl_core.check import ch07

from . import named

# ------------------------------------------------------------------ an episode


def _episode(classes=None, drawn=None, query=None, usable_of=None):
    def answer(scripts, allowed, images, ways, shots, queries, generator):
        usable = (
            [c for c, s in enumerate(scripts) if s in allowed] if usable_of is None else usable_of(scripts, allowed)
        )
        usable = torch.tensor(usable)
        if classes is None:
            chosen = usable[torch.randperm(len(usable), generator=generator)[:ways]]
        else:
            chosen = classes(usable, ways, generator)
        take = shots + queries
        if drawn is None:
            pictures = torch.stack([torch.randperm(images, generator=generator)[:take] for _ in range(ways)])
        else:
            pictures = drawn(images, ways, take, shots, generator)
        rest = pictures[:, shots:] if query is None else query(pictures, shots, images, generator)
        return chosen, pictures[:, :shots], rest

    return answer


def _sorted_classes(usable, ways, generator):
    return usable[torch.randperm(len(usable), generator=generator)[:ways].sort().values]


def _by_script_first(scripts, allowed):
    """`in` on a string: letters of the script's name."""
    return [c for c, s in enumerate(scripts) if s.startswith(tuple(a[:1] for a in allowed))]


def _substring(scripts, allowed):
    return [c for c, s in enumerate(scripts) if any(a in s for a in allowed)]


def _script_then_letter(scripts_of=None):
    """First a script, then a letter of it: letters of small scripts come more often."""

    def answer(scripts, allowed, images, ways, shots, queries, generator):
        names = sorted(set(allowed) & set(scripts))
        left = {name: [c for c, s in enumerate(scripts) if s == name] for name in names}
        chosen = []
        while len(chosen) < ways:
            open_names = [n for n in names if left[n]]
            name = open_names[int(torch.randint(len(open_names), (1,), generator=generator))]
            chosen.append(left[name].pop(int(torch.randint(len(left[name]), (1,), generator=generator))))
        pictures = torch.stack([torch.randperm(images, generator=generator)[: shots + queries] for _ in range(ways)])
        return torch.tensor(chosen), pictures[:, :shots], pictures[:, shots:]

    return answer


def _one_order_of_images(images, ways, take, shots, generator):
    return torch.randperm(images, generator=generator)[:take].expand(ways, take).clone()


def _shifted_order(images, ways, take, shots, generator):
    order = torch.randperm(images, generator=generator)
    return torch.stack([order.roll(k)[:take] for k in range(ways)])


def _in_one_permutation(images, ways, take, shots, generator):
    """All classes share one long draw where it is long enough."""
    if images >= ways * take:
        return torch.randperm(images, generator=generator)[: ways * take].view(ways, take)
    return torch.stack([torch.randperm(images, generator=generator)[:take] for _ in range(ways)])


def _with_repeats(images, ways, take, shots, generator):
    return torch.randint(images, (ways, take), generator=generator)


def _begin_and_follow(images, ways, take, shots, generator):
    begin = torch.randint(images, (ways, 1), generator=generator)
    return (begin + torch.arange(take)) % images


def _never_the_last_image(images, ways, take, shots, generator):
    pool = max(images - 1, take)
    return torch.stack([torch.randperm(pool, generator=generator)[:take] for _ in range(ways)])


def _sorted_images(images, ways, take, shots, generator):
    rows = torch.stack([torch.randperm(images, generator=generator)[:take] for _ in range(ways)])
    return rows.sort(1).values


def _support_from_the_first_half(images, ways, take, shots, generator):
    rows = []
    for _ in range(ways):
        half = max(shots, images // 2)
        first = torch.randperm(half, generator=generator)[:shots]
        others = torch.tensor([i for i in range(images) if i not in first.tolist()], dtype=torch.int64)
        rows.append(torch.cat([first, others[torch.randperm(len(others), generator=generator)[: take - shots]]]))
    return torch.stack(rows)


def _queries_anew(pictures, shots, images, generator):
    number = pictures.shape[1] - shots
    return torch.stack([torch.randperm(images, generator=generator)[:number] for _ in pictures])


class _NotUsedYet:
    """Goes through all letters before one comes again."""

    __name__ = "not_used_yet"

    def __init__(self):
        self.left = []

    def __call__(self, scripts, allowed, images, ways, shots, queries, generator):
        usable = [c for c, s in enumerate(scripts) if s in allowed]
        self.left = [c for c in self.left if c in usable]
        if len(self.left) < ways:
            self.left = usable
        order = torch.randperm(len(self.left), generator=generator)
        chosen = [self.left[i] for i in order[:ways].tolist()]
        self.left = [c for c in self.left if c not in chosen]
        pictures = torch.stack([torch.randperm(images, generator=generator)[: shots + queries] for _ in range(ways)])
        return torch.tensor(chosen), pictures[:, :shots], pictures[:, shots:]


def _label_of_parity(usable, ways, generator):
    """Even classes in front."""
    chosen = usable[torch.randperm(len(usable), generator=generator)[:ways]]
    return torch.cat([chosen[chosen % 2 == 0], chosen[chosen % 2 == 1]])


def _small_integers(scripts, allowed, images, ways, shots, queries, generator):
    return tuple(x.int() for x in _episode()(scripts, allowed, images, ways, shots, queries, generator))


def _sorts_allowed(scripts, allowed, images, ways, shots, queries, generator):
    """Right but for the caller's list, which is shuffled."""
    allowed.sort(reverse=True)
    return _episode()(scripts, allowed, images, ways, shots, queries, generator)


def _episode_python(scripts, allowed, images, ways, shots, queries, generator):
    luck = random.Random(int(torch.randint(2**62, (1,), generator=generator)))
    classes = luck.sample([c for c, s in enumerate(scripts) if s in set(allowed)], ways)
    pictures = [luck.sample(range(images), shots + queries) for _ in classes]
    support = torch.tensor([p[:shots] for p in pictures], dtype=torch.int64).reshape(ways, shots)
    return (
        torch.tensor(classes),
        support,
        torch.tensor([p[shots:] for p in pictures], dtype=torch.int64).reshape(ways, queries),
    )


def _episode_noise(scripts, allowed, images, ways, shots, queries, generator):
    luck = torch.rand(ways, images, generator=generator, dtype=torch.float64).argsort(1, descending=True)
    may = torch.tensor([float(s in allowed) for s in scripts])
    classes = torch.multinomial(may, ways, replacement=False, generator=generator)
    return [classes, luck[:, images - shots :], luck[:, :queries]]


def _episode_one_by_one(scripts, allowed, images, ways, shots, queries, generator):
    pool, classes = [c for c in range(len(scripts)) if scripts[c] in allowed], []
    for _ in range(ways):
        classes.append(pool.pop(torch.randint(len(pool), (), generator=generator).item()))
    query, support = [], []
    for _ in classes:  # queries first
        cards = list(range(images))
        hand = [cards.pop(torch.randint(len(cards), (), generator=generator).item()) for _ in range(queries + shots)]
        query.append(hand[:queries])
        support.append(hand[queries:])
    as_tensor = lambda rows, n: torch.tensor(rows, dtype=torch.int64).reshape(ways, n)  # noqa: E731
    return torch.tensor(classes), as_tensor(support, shots), as_tensor(query, queries)


# ------------------------------------------------------------------ heads


def _means(features, labels, ways):
    member = functional.one_hot(labels, ways).to(features.dtype)
    return member.T @ features / member.sum(0)[:, None]


def _prototypes(means=_means, weight=2.0, bias=None):
    def answer(features, labels, ways):
        c = means(features, labels, ways)
        return weight * c, -c.square().sum(1) if bias is None else bias(c)

    return answer


def _equal_counts(features, labels, ways):
    member = functional.one_hot(labels, ways).to(features.dtype)
    return member.T @ features / (len(features) / ways)


def _in_blocks(features, labels, ways):
    return torch.stack([part.mean(0) for part in features.tensor_split(ways)])


def _medians(features, labels, ways):
    return torch.stack([features[labels == k].median(0).values for k in range(ways)])


def _in_float32(features, labels, ways):
    return _means(features.float(), labels, ways).to(features.dtype)


def _ways_of_labels(features, labels, ways):
    return torch.stack([features[labels == k].mean(0) for k in labels.unique(sorted=False).flip(0)])


def _prototypes_loop(features, labels, ways):
    weight, bias = [], []
    for k in range(ways):
        mine = [f for f, y in zip(features, labels.tolist(), strict=True) if y == k]
        c = sum(mine) / len(mine)
        weight.append(c + c)
        bias.append(-torch.dot(c, c))
    return torch.stack(weight), torch.stack(bias)


def _prototypes_shifted(features, labels, ways):
    """Another head with the same softmax: everything seen from the mean of all samples."""
    c = torch.zeros(ways, features.shape[1], dtype=features.dtype).index_add(0, labels, features)
    c = c / torch.bincount(labels, minlength=ways)[:, None]
    middle = features.mean(0)
    return 2 * (c - middle), middle @ middle - c.pow(2).sum(1)


def _prototypes_numpy(features, labels, ways):
    f, y = features.numpy(), labels.numpy()
    c = np.vstack([f[y == k].mean(axis=0) for k in range(ways)])
    return [torch.from_numpy(2 * c), torch.from_numpy(-np.einsum("kd,kd->k", c, c))]


def _one_step(push=None, divide=None, bias=None, size=1.0):
    def answer(features, labels, ways, alpha):
        member = functional.one_hot(labels, ways).to(features.dtype)
        p = member - 1 / ways if push is None else push(member, ways)
        n = len(features) if divide is None else divide(member)
        weight, b = p.T @ features / n, p.sum(0) / len(features)
        return size * alpha * weight, size * alpha * (b if bias is None else bias(b, p))

    return answer


def _step_autograd(features, labels, ways, alpha):
    w = torch.zeros(ways, features.shape[1], dtype=features.dtype, requires_grad=True)
    b = torch.zeros(ways, dtype=features.dtype, requires_grad=True)
    slopes = torch.autograd.grad(functional.cross_entropy(features @ w.T + b, labels), (w, b))
    return -alpha * slopes[0], -alpha * slopes[1]


def _step_means(features, labels, ways, alpha):
    """From class means and shares."""
    share = torch.bincount(labels, minlength=ways).to(features.dtype) / len(labels)
    whole = features.mean(0)
    return alpha * (share[:, None] * _means(features, labels, ways) - whole / ways), alpha * (share - 1 / ways)


def _step_loop(features, labels, ways, alpha):
    weight, bias = torch.zeros(ways, features.shape[1], dtype=features.dtype), torch.zeros(ways, dtype=features.dtype)
    for f, y in zip(features, labels, strict=True):
        weight -= f / ways
        bias -= 1 / ways
        weight[y] += f
        bias[y] += 1
    return weight * alpha / len(features), bias * alpha / len(features)


def _step_augmented(features, labels, ways, alpha):
    one = torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], 1)
    head = alpha / len(features) * torch.einsum("nk,nd->kd", torch.eye(ways).to(features)[labels] - 1 / ways, one)
    return head[:, :-1], head[:, -1]


# ------------------------------------------------------------------ predictions


def _predicted(stats=None, scale=None, means=None, distance=None, out=None, ways_of=None):
    def answer(tasks):
        found = []
        for support, labels, query, _ in tasks:
            mean, variance = (
                (support.mean(0), support.var(0, correction=0)) if stats is None else stats(support, query, labels)
            )
            bottom = (variance + 1e-5).sqrt() if scale is None else scale(variance)
            s, q = (support - mean) / bottom, (query - mean) / bottom
            ways = int(labels.max()) + 1 if ways_of is None else ways_of(labels, support)
            c = (
                torch.stack([s[labels == k].mean(0) for k in range(ways)])
                if means is None
                else means(s, q, labels, ways)
            )
            d = (q[:, None] - c).square().sum(2) if distance is None else distance(q, c)
            found.append((-d).log_softmax(1) if out is None else out(d))
        return torch.stack(found)

    return answer


def _centre_of_classes(support, query, labels):
    c = torch.stack([support[labels == k].mean(0) for k in labels.unique()])
    return c.mean(0), support.var(0, correction=0)


def _stats_of_all_tasks(tasks):
    every = torch.cat([task[0] for task in tasks])
    mean, variance = every.mean(0), every.var(0, correction=0)
    return _predicted(stats=lambda support, query, labels: (mean, variance))(tasks)


def _into_support(tasks):
    found = []
    for support, labels, query, _ in tasks:
        mean, std = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        support.sub_(mean).div_(std)
        c = torch.stack([support[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        found.append((-((query - mean) / std - c[:, None]).square().sum(2).T).log_softmax(1))
    return torch.stack(found)


def _soft_means(s, q, labels, ways):
    """One step of soft k-means on the queries."""
    c = torch.stack([s[labels == k].mean(0) for k in range(ways)])
    chance = (-(q[:, None] - c).square().sum(2)).softmax(1)
    counts = torch.bincount(labels, minlength=ways).to(s.dtype)
    return (c * counts[:, None] + chance.T @ q) / (counts + chance.sum(0))[:, None]


def _ways_of_the_first_task(tasks):
    return _predicted(ways_of=lambda labels, support: int(tasks[0][1].max()) + 1)(tasks)


def _predict_bn(tasks):
    found = []
    for support, labels, query, *_ in tasks:
        norm = torch.nn.BatchNorm1d(support.shape[1], momentum=1.0, affine=False, dtype=support.dtype)
        s = norm(support)
        mean, var = support.mean(0), support.var(0, unbiased=False)
        q = functional.batch_norm(query, mean, var, eps=1e-5)
        member = functional.one_hot(labels).to(s.dtype)
        c = (member.T @ s) / member.sum(0, keepdim=True).T
        found.append(functional.log_softmax(2 * q @ c.T - (c * c).sum(1), -1))
    return torch.stack(found)


def _predict_numpy(tasks):
    rows = []
    for support, labels, query, _ in tasks:
        f, y, g = support.numpy(), labels.numpy(), query.numpy()
        std = np.sqrt(f.var(0) + 1e-5)
        centre = f.mean(0)
        f, g = (f - centre) / std, (g - centre) / std
        c = np.array([f[y == k].mean(0) for k in range(y.max() + 1)])
        d = -((g[:, None] - c[None]) ** 2).sum(-1)
        d = d - d.max(1, keepdims=True)
        rows.append(d - np.log(np.exp(d).sum(1, keepdims=True)))
    return torch.tensor(np.stack(rows))


def _predict_batched(tasks):
    support, labels, query = (torch.stack([task[i] for task in tasks]) for i in range(3))
    mean, std = support.mean(1, keepdim=True), (support.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    member = functional.one_hot(labels).to(support.dtype)
    c = torch.einsum("tnk,tnd->tkd", member, (support - mean) / std) / member.sum(1)[..., None]
    d = torch.cdist((query - mean) / std, c, compute_mode="donot_use_mm_for_euclid_dist")
    return (-d.square()).log_softmax(-1)


# ------------------------------------------------------------------ intervals


def _errors(network=None, method=None):
    def answer(correct):
        x = correct.double().mean(2)
        S, T = x.shape
        return {
            "network": x.std(1) / T**0.5 if network is None else network(correct.double(), x, S, T),
            "method": x.mean(1).std() / S**0.5 if method is None else method(correct.double(), x, S, T),
        }

    return answer


def _errors_numpy(correct):
    x = correct.numpy().mean(axis=-1)
    return {
        "method": torch.tensor(np.std(x.mean(1), ddof=1) / np.sqrt(len(x))),
        "network": torch.from_numpy(x.std(axis=1, ddof=1) / np.sqrt(x.shape[1])),
    }


def _errors_by_hand(correct):
    share = correct.sum(-1, dtype=torch.float64) / correct.shape[-1]
    network = []
    for row in share.tolist():
        mean = sum(row) / len(row)
        network.append((sum((v - mean) ** 2 for v in row) / (len(row) * (len(row) - 1))) ** 0.5)
    centre = share.mean(1) - share.mean()
    method = torch.sqrt(centre @ centre / (len(share) * (len(share) - 1)))
    return {"network": torch.tensor(network, dtype=torch.float64), "method": method}


def _errors_jackknife(correct):
    """Leaving one out gives the same standard error of a mean."""
    x = correct.double().mean(2)
    n, m = x.shape[1], x.shape[0]
    without = (x.sum(1, keepdim=True) - x) / (n - 1)
    network = ((n - 1) / n * (without - without.mean(1, keepdim=True)).square().sum(1)).sqrt()
    each = x.mean(1)
    left = (each.sum() - each) / (m - 1)
    return {"network": network, "method": ((m - 1) / m * (left - left.mean()).square().sum()).sqrt()}


WRONG = [
    *named(
        ch07.check_draw_episode,
        _small_integers,
        _sorts_allowed,
        script_first=_script_then_letter(),
        letters=_episode(usable_of=_by_script_first),
        substring=_episode(usable_of=_substring),
        sorted_classes=_episode(classes=_sorted_classes),
        parity=_episode(classes=_label_of_parity),
        one_order=_episode(drawn=_one_order_of_images),
        shifted=_episode(drawn=_shifted_order),
        one_long=_episode(drawn=_in_one_permutation),
        repeats=_episode(drawn=_with_repeats),
        follow=_episode(drawn=_begin_and_follow),
        not_last=_episode(drawn=_never_the_last_image),
        sorted_images=_episode(drawn=_sorted_images),
        first_half=_episode(drawn=_support_from_the_first_half),
        queries_anew=_episode(query=_queries_anew),
        with_repeated_classes=_episode(classes=lambda u, n, g: u[torch.randint(len(u), (n,), generator=g)]),
        not_used_yet=_NotUsedYet(),
    ),
    *named(
        ch07.check_prototype_head,
        equal_counts=_prototypes(means=_equal_counts),
        blocks=_prototypes(means=_in_blocks),
        medians=_prototypes(means=_medians),
        single=_prototypes(means=_in_float32),
        turned=_prototypes(means=_ways_of_labels),
        once=_prototypes(weight=1.0),
        half_bias=_prototypes(bias=lambda c: -0.5 * c.square().sum(1)),
        norm_bias=_prototypes(bias=lambda c: -c.norm(dim=1)),
        no_bias=_prototypes(bias=lambda c: torch.zeros_like(c[:, 0])),
        bias_of_column=_prototypes(bias=lambda c: -c.square().sum(1, keepdim=True)),
        mean_bias=_prototypes(bias=lambda c: -c.square().mean(1)),
    ),
    *named(
        ch07.check_head_after_one_step,
        _step_autograd,
        summed=_one_step(divide=lambda member: 1.0),
        by_class=_one_step(divide=lambda member: member.sum(0)[:, None]),
        by_ways=_one_step(push=lambda member, ways: member - 1 / member.sum(0)),
        not_pushed=_one_step(push=lambda member, ways: member),
        five_ways=_one_step(push=lambda member, ways: member - 0.2),
        present_ways=_one_step(push=lambda member, ways: member - 1 / max(int(member.argmax(1).max()), 1)),
        no_bias=_one_step(bias=lambda b, p: torch.zeros_like(b)),
        bias_summed=_one_step(bias=lambda b, p: p.sum(0)),
        turned=_one_step(size=-1.0),
        twice=_one_step(size=2.0),
    ),
    *named(
        ch07.check_predict_all,
        _stats_of_all_tasks,
        _into_support,
        unbiased=_predicted(stats=lambda s, q, y: (s.mean(0), s.var(0))),
        of_query=_predicted(stats=lambda s, q, y: (q.mean(0), q.var(0, correction=0))),
        of_one_number=_predicted(stats=lambda s, q, y: (s.mean(0), s.var(correction=0))),
        eps_outside=_predicted(scale=lambda v: v.sqrt() + 1e-5),
        eps_smaller=_predicted(scale=lambda v: (v + 1e-8).sqrt()),
        variance=_predicted(scale=lambda v: v + 1e-5),
        soft=_predicted(means=_soft_means),
        not_squared=_predicted(distance=lambda q, c: (q[:, None] - c).norm(dim=2)),
        half=_predicted(distance=lambda q, c: 0.5 * (q[:, None] - c).square().sum(2)),
        mean_distance=_predicted(distance=lambda q, c: (q[:, None] - c).square().mean(2)),
        cosine=_predicted(distance=lambda q, c: -functional.cosine_similarity(q[:, None], c, dim=2)),
        probabilities=_predicted(out=lambda d: (-d).softmax(1)),
        over_queries=_predicted(out=lambda d: (-d).log_softmax(0)),
        logits=_predicted(out=lambda d: -d),
        log_of_softmax=_predicted(out=lambda d: ((-d).softmax(1) + 1e-8).log()),
    ),
    *named(
        ch07.check_standard_errors,
        over_answers=_errors(network=lambda c, x, S, T: c.flatten(1).std(1) / c[0].numel() ** 0.5),
        binomial=_errors(network=lambda c, x, S, T: (x.mean(1) * (1 - x.mean(1)) / T) ** 0.5),
        divided_by_tasks=_errors(network=lambda c, x, S, T: x.std(1, correction=0) / T**0.5),
        over_networks=_errors(network=lambda c, x, S, T: x.std(0).mean() / S**0.5 + 0 * x[:, 0]),
        deviation=_errors(network=lambda c, x, S, T: x.std(1)),
        pooled=_errors(network=lambda c, x, S, T: (x.var(1).mean() / T) ** 0.5 + 0 * x[:, 0]),
        method_biased=_errors(method=lambda c, x, S, T: x.mean(1).std(correction=0) / S**0.5),
        method_all=_errors(method=lambda c, x, S, T: x.flatten().std() / (S * T) ** 0.5),
        method_both=_errors(method=lambda c, x, S, T: (x.mean(1).var() / S + x.mean(0).var() / T) ** 0.5),
        method_tasks=_errors(method=lambda c, x, S, T: x.mean(0).std() / T**0.5),
        method_of_errors=_errors(method=lambda c, x, S, T: (x.std(1) / T**0.5).mean()),
        method_axis=_errors(method=lambda c, x, S, T: (x.mean(1).std() / S**0.5)[None]),
        method_single=_errors(method=lambda c, x, S, T: x.mean(1).float().std() / S**0.5),
        t_quantile=_errors(method=lambda c, x, S, T: 2.776 * x.mean(1).std() / S**0.5),
    ),
]
RIGHT = [
    *named(ch07.check_draw_episode, _episode_python, _episode_noise, _episode_one_by_one),
    *named(ch07.check_prototype_head, _prototypes_loop, _prototypes_shifted, _prototypes_numpy),
    *named(ch07.check_head_after_one_step, _step_means, _step_loop, _step_augmented),
    *named(  # distances do not know what was subtracted
        ch07.check_predict_all,
        _predict_bn,
        _predict_numpy,
        _ways_of_the_first_task,
        _predict_batched,
        mean_of_both=_predicted(stats=lambda s, q, y: (torch.cat([s, q]).mean(0), s.var(0, correction=0))),
        of_classes=_predicted(stats=_centre_of_classes),
    ),
    *named(ch07.check_standard_errors, _errors_numpy, _errors_by_hand, _errors_jackknife),
]
