"""The check of the exercise `draw_episode`."""

import torch

from metarl_core.check import Wrong, case, function_check

DRAWS = 1500


def _episode_cases():
    for seed, (letters, allowed, images, ways, shots, queries) in enumerate(
        (
            ({"LATIN": 6, "HEBREW": 5, "GREEK": 4}, ["LATIN", "GREEK"], 10, 5, 1, 3),
            ({"LAO": 4, "NKO": 3, "OGHAM": 5, "LISU": 2}, ["OGHAM", "NKO"], 8, 4, 3, 5),
        )
    ):
        scripts = [script for script, number in letters.items() for _ in range(number)]
        order = torch.randperm(len(scripts), generator=torch.Generator().manual_seed(seed)).tolist()
        generator = torch.Generator().manual_seed(50 + seed)
        yield case([scripts[i] for i in order], allowed, images, ways, shots, queries, generator)


def _many_episodes(answer, scripts, allowed, images, ways, shots, queries, generator):
    """What many draws look like: shapes, what must never happen, and frequencies."""
    state = generator.get_state()
    drawn = [answer(scripts, allowed, images, ways, shots, queries, generator) for _ in range(DRAWS)]
    generator.set_state(state)
    again = answer(scripts, allowed, images, ways, shots, queries, generator)
    first = drawn[0]
    result = {
        "classes": torch.zeros_like(first[0]),
        "support": torch.zeros_like(first[1]),
        "query": torch.zeros_like(first[2]),
    }
    if [(list(v.shape), v.dtype) for v in first] != [
        ([ways, *more], torch.int64) for more in ([], [shots], [queries])
    ]:  # that is what will be reported
        return _ideal(scripts, allowed, images, ways, shots, queries, generator) | result
    classes, support, query = (torch.stack([one[part] for one in drawn]) for part in range(3))
    usable = torch.tensor([script in allowed for script in scripts])
    both = torch.cat([support, query], 2)
    inside = bool(((both >= 0) & (both < images)).all()) and bool(((classes >= 0) & (classes < len(scripts))).all())
    labels = torch.arange(ways).expand_as(classes).double() / (ways - 1)
    counts = torch.zeros(len(scripts), dtype=torch.float64)
    total = counts.clone()
    shown = torch.zeros(images, dtype=torch.float64)
    if inside:
        counts.index_add_(0, classes.flatten(), torch.ones(classes.numel(), dtype=torch.float64))
        total.index_add_(0, classes.flatten(), labels.flatten())
        shown.index_add_(0, support.flatten(), torch.ones(support.numel(), dtype=torch.float64))
    alike = (support == support[:, :1]).flatten(1).all(1)
    return result | {
        "indices in range": inside,
        "only allowed scripts": inside and bool(usable[classes].all()),
        "classes differ": bool((classes.sort(1).values.diff(dim=1) > 0).all()),
        "support and query are disjoint": bool((both.sort(2).values.diff(dim=2) > 0).all()),
        "same seed, same episode": all(torch.equal(a, b) for a, b in zip(first, again, strict=True)),
        "share of each class": counts[usable] / DRAWS,
        "mean label of each class": torch.where(counts > 0, total / counts.clamp(min=1), 0.5)[usable],
        "share of each image in support": shown / (DRAWS * ways),
        "all classes show the same images": bool(alike.double().mean() > 0.5),
    }


def _ideal(scripts, allowed, images, ways, shots, queries, generator):
    usable = sum(script in allowed for script in scripts)
    return {
        "classes": torch.zeros(ways, dtype=torch.int64),
        "support": torch.zeros(ways, shots, dtype=torch.int64),
        "query": torch.zeros(ways, queries, dtype=torch.int64),
        "indices in range": True,
        "only allowed scripts": True,
        "classes differ": True,
        "support and query are disjoint": True,
        "same seed, same episode": True,
        "share of each class": torch.full((usable,), ways / usable, dtype=torch.float64),
        "mean label of each class": torch.full((usable,), 0.5, dtype=torch.float64),
        "share of each image in support": torch.full((images,), shots / images, dtype=torch.float64),
        "all classes show the same images": False,
    }


def _uneven(shares, expected, margin=0.08):
    return bool((shares - expected).abs().max() > margin)


check_draw_episode = function_check(
    "draw_episode",
    _ideal,
    _episode_cases,
    Wrong(
        "split_by_class",
        "Letters of scripts that are not allowed turn up. What would a network that trained on them know of the "
        "scripts it is tested on?",
        when=lambda seen, *a: not seen["only allowed scripts"] and seen["indices in range"],
    ),
    Wrong(
        "class_twice",
        "The same class occurs twice in an episode, under two labels. How should both be told apart?",
        when=lambda seen, *a: not seen["classes differ"],
    ),
    Wrong(
        "support_in_query",
        "An image of the support set is asked for in the query set, or an image occurs twice. Of what is accuracy on "
        "the very same picture a measure?",
        when=lambda seen, *a: not seen["support and query are disjoint"],
    ),
    Wrong(
        "global_random",
        "The same state of the generator gave two different episodes. Which draws did not come from it?",
        when=lambda seen, *a: not seen["same seed, same episode"],
    ),
    Wrong(
        "labels_fixed",
        "A class tends to get the same label in every episode. What could a network learn then without ever looking "
        "at a support set?",
        when=lambda seen, *a: _uneven(seen["mean label of each class"], 0.5) and not _uneven_classes(seen, *a),
    ),
    Wrong(
        "same_images",
        "All classes of an episode show the same image numbers. Every class should draw its own: the numbers follow "
        "the faces of the fonts.",
        when=lambda seen, *a: (
            seen["all classes show the same images"]
            and not _uneven(seen["share of each image in support"], a[4] / a[2])
        ),
    ),
    Wrong(
        "first_images",
        "Some images of a class are never, or always, in the support set. The first image of every letter is its "
        "upright sans-serif form; what is the network then never asked to recognise a letter from?",
        when=lambda seen, *a: _uneven(seen["share of each image in support"], a[4] / a[2]),
    ),
    Wrong(
        "uneven_classes",
        "Not all allowed letters are drawn equally often, although they should be. Is every script as large as the "
        "others?",
        when=lambda seen, *a: _uneven_classes(seen, *a),
    ),
    observe=_many_episodes,
    rtol=0.0,
    atol=0.06,
)


def _uneven_classes(seen, scripts, allowed, images, ways, *rest):
    return _uneven(seen["share of each class"], ways / sum(script in allowed for script in scripts))
