"""Whether letters, labels and images come as often in many episodes as they should, and independently."""

import itertools
import math

import torch
from scipy.stats import chi2

RARE = 1e-9
"""probability at which a right answer fails one of the tests of frequencies; 3 cases with at most 80 each make 3e-7"""


def totals(classes, usable, support, query, images):
    """Whether letters come as often as they should, and each class's images in support and in query."""
    letters = torch.bincount(classes.flatten(), minlength=max(usable) + 1)[usable]
    by_class = [  # since one class may show the images of another
        (torch.bincount(part[:, k].flatten(), minlength=images), part.shape[2] / images)
        for part in (support, query)
        for k in range(classes.shape[1])
    ]
    together = torch.cat([classes, support.flatten(1), query.flatten(1)], 1)
    return {
        "many different episodes": len(together.unique(dim=0)) == len(together),
        "every letter equally often": _even_totals(letters, len(classes), classes.shape[1] / len(usable)),
        "every image is shown in support and in query": all(len(part.unique()) == images for part in (support, query)),
        "classes show different images": not _all_alike(support, query),
        "every choice of images equally often": all(
            _even_totals(counts, len(classes), share) for counts, share in by_class
        ),
    }


def _all_alike(support, query) -> bool:
    """Whether the classes of each episode show the same images."""
    return bool((support == support[:, :1]).all() and (query == query[:, :1]).all())


def frequencies(classes, usable, support, query, images):
    """Chi-square tests of counts that should all be equal; `classes` are numbers below `usable`."""
    ways, shots, queries = classes.shape[1], support.shape[2], query.shape[2]
    label = torch.arange(ways).expand_as(classes)
    table = torch.zeros(usable, ways, dtype=torch.int64).index_put_(
        (classes, label), torch.ones_like(classes), accumulate=True
    )
    letters = _numbered(list(itertools.permutations(range(usable), ways)), classes)
    chosen = _numbered(list(itertools.combinations(range(images), shots)), support.sort(2).values)
    pairs = [  # support and query of a class: every choice of both together
        (s, q)
        for s in itertools.combinations(range(images), shots)
        for q in itertools.combinations(range(images), queries)
        if not set(s) & set(q)
    ]
    sets = _numbered([(*s, *q) for s, q in pairs], torch.cat([support.sort(2).values, query.sort(2).values], 2))
    asked = _numbered(list(itertools.combinations(range(images), queries)), query.sort(2).values)
    supports, queried = math.comb(images, shots), math.comb(images, queries)
    ordered, last = math.perm(usable, ways), ways - 1
    shown = [len(part.unique()) == images for k in range(ways) for part in (support[:, k], query[:, k])]
    even = [_even(sets[:, k], len(pairs)) for k in range(ways)]
    if not all(even):  # what follows counts on it
        supports = queried = 1
        chosen, asked = 0 * chosen, 0 * asked
    return {
        "every letter equally often": _even_totals(table.sum(1), len(classes), ways / usable),
        "every letter that is drawn gets every label": bool((table[table.sum(1) > 0] > 0).all()),
        "every choice and order of letters equally often": _even(letters, ordered),
        "every image is shown in support and in query": all(shown),
        "classes show different images": not _all_alike(support, query),
        "every choice of images equally often": all(even),
        "images of one class say nothing about those of another": all(
            _even_together(a[:, 0], m, b[:, other], n)
            for other in {1, last}
            for a, m, b, n in (
                (chosen, supports, chosen, supports),
                (asked, queried, asked, queried),
                (chosen, supports, asked, queried),
            )
        ),
        "images say nothing about the class": not _even(classes[:, 0], usable)
        or all(_even_together(classes[:, k], usable, chosen[:, k], supports) for k in (0, last)),
        "an episode says nothing about the next": not _even(classes[:, 0], usable)
        or (
            _even_together(classes[:-1:2, 0], usable, classes[1::2, 0], usable)
            and _even_together(chosen[:-1:2, 0], supports, chosen[1::2, 0], supports)
        ),
    }


def _numbered(outcomes, seen):
    """The number of each row of `seen` `[..., part]` in the list of outcomes."""
    base = int(seen.max()) + max(map(max, outcomes)) + 1
    weight = base ** torch.arange(seen.shape[-1])
    codes, order = (torch.tensor(outcomes) * weight).sum(1).sort()
    return order[torch.searchsorted(codes, (seen * weight).sum(-1))]


def _even(outcome, number):
    """Whether `number` outcomes are equally frequent: a chi-square test, failed with probability RARE by chance."""
    expected = outcome.numel() / number
    counts = torch.bincount(outcome.flatten(), minlength=number).double()
    return float((counts - expected).square().sum() / expected) <= chi2.isf(RARE, max(1, number - 1))


def _even_together(one, first, other, second):
    """The same of all pairs of two outcomes."""
    return _even(one * second + other, first * second)


def _even_totals(totals, episodes, share):
    """Whether each total is one of `episodes` draws of probability `share`: Bernstein's bound on each."""
    spread, width = episodes * share * (1 - share), math.log(2 * len(totals) / RARE)
    return bool(((totals - episodes * share).abs() <= width / 3 + math.sqrt(width**2 / 9 + 2 * width * spread)).all())
