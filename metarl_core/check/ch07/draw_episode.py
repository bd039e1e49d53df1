"""The check of the exercise `draw_episode`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch07.episode_frequencies import frequencies, totals

FEW, SOME, MANY = 17, 97, 2003
"""episodes that are drawn in a case: frequencies need many; primes, so that nothing kept comes round"""
LARGE = 12
"""allowed letters, above which SOME episodes tell whether each of them is drawn as often as it should"""
FEWEST = 500
"""different episodes among MANY: with 1512 equally frequent ones there are 1110, give or take 20"""


def _draw_case(draw):
    """2 to 8 allowed letters of 1 or 2 scripts among others, 2 to 10 images; every eighth of a size that is counted.

    Another eighth has 14 to 40 allowed letters and up to 25 images.
    """
    counted, large = draw.seed % 8 == 4, draw.seed % 8 == 6 and draw.size > 0.2
    names = [["GREEK", "LATIN", "HAN", "HANGUL", "OGHAM"][i] for i in draw.permutation(5)]
    if draw.chance(0.5):  # one of them allowed, and the other not
        pair = draw.choice(["HAN", "HANGUL"], ["HANGUL", "HAN"])
        first, second, third = (name for name in names if name not in pair)
        names = [pair[0], first, pair[1], second, third]
    allowed, others = names[:2], names[2 : 3 if counted else draw.integer(2, 4)]
    if counted:  # uneven scripts; few enough outcomes to count all of them
        usable, ways = draw.choice((6, 3), (7, 2), (5, 4))
        images, shots, queries = draw.choice((5, 2, 1), (5, 1, 3), (4, 1, 1), (5, 2, 2), (4, 2, 2))
        if draw.seed == 12:  # enough images for all classes of an episode to draw from one permutation
            usable, ways, images, shots, queries = 7, 2, 4, 1, 1
        first = draw.choice(1, 2)
        letters = [allowed[0]] * first + [allowed[1]] * (usable - first)
    elif large:
        letters = [script for script in allowed for _ in range(draw.integer(7, 20))]
        usable = len(letters)
        ways = draw.choice((usable + 1) // 2, LARGE + 1, usable)
        images, shots, queries = draw.choice((20, 5, 15), (20, 1, 5), (25, 5, 10))
    else:
        allowed = allowed[: draw.integer(1, 2)]
        letters = [script for script in allowed for _ in range(draw.choice(2, 3, 4))]
        usable = len(letters)
        ways = draw.choice(2, min(usable, 1 + draw.integer(1, 4)), usable)
        shots, queries = draw.integer(1, 3), draw.integer(1, 4)
        images = shots + queries + draw.choice(0, 1, 3)
    letters += [script for script in others for _ in range(draw.integer(1, 12 if large else 4))]
    scripts = [letters[i] for i in draw.permutation(len(letters))]
    return case(scripts, allowed, images, ways, shots, queries, draw.new_generator()).noting(
        {
            "every allowed letter is drawn": ways == usable,
            "every image is drawn": shots + queries == images,
            "all letters are allowed": not others,
            "the name of a script is part of another's": _name_in_name(allowed, others),
            "frequencies are counted": _counted(images, ways, shots, queries, usable),
            f"more than {LARGE} letters are allowed": usable > LARGE,
        }
    )


def _name_in_name(allowed, others):
    return any(one in other or other in one for one in allowed for other in others)


def _counted(images, ways, shots, queries, usable):
    """The sizes of which all outcomes can be counted."""
    return (usable, ways) in ((6, 3), (7, 2), (5, 4)) and (images, shots, queries) in (
        (5, 2, 1), (5, 1, 3), (4, 1, 1), (5, 2, 2), (4, 2, 2)
    )  # fmt: skip


FACTS = (
    "indices in range",
    "only allowed scripts",
    "classes differ",
    "support and query are disjoint",
    "same seed, same episode",
    "episodes differ",
    "many different episodes",
    "every letter equally often",
    "every letter that is drawn gets every label",
    "every choice and order of letters equally often",
    "every image is shown in support and in query",
    "classes show different images",
    "every choice of images equally often",
    "images of one class say nothing about those of another",
    "images say nothing about the class",
    "an episode says nothing about the next",
)


def _many_episodes(answer, scripts, allowed, images, ways, shots, queries, generator):
    """What many draws look like: shapes, what must never happen, and frequencies. All facts are true where it is right.

    Frequencies are judged only where nothing happened that must not.
    """
    state = generator.get_state()
    usable = [number for number, script in enumerate(scripts) if script in allowed]
    many = _counted(images, ways, shots, queries, len(usable))
    number = MANY if many else SOME if len(usable) > LARGE else FEW
    drawn = [answer(scripts, allowed, images, ways, shots, queries, generator) for _ in range(number)]
    generator.set_state(state)
    again = answer(scripts, allowed, images, ways, shots, queries, generator)
    shapes = [[ways], [ways, shots], [ways, queries]]
    for parts in drawn:
        classes, support, query = parts
        if [(list(part.shape), part.dtype) for part in parts] != [(shape, torch.int64) for shape in shapes]:
            return _facts([classes, support, query])
    classes, support, query = (torch.stack([one[part] for one in drawn]) for part in range(3))
    both = torch.cat([support, query], 2)
    inside = bool(((both >= 0) & (both < images)).all() and ((classes >= 0) & (classes < len(scripts))).all())
    allowed_class = torch.tensor([script in allowed for script in scripts])
    never = {
        "indices in range": inside,
        "only allowed scripts": not inside or bool(allowed_class[classes].all()),
        "classes differ": bool((classes.sort(1).values.diff(dim=1) > 0).all()),
        "support and query are disjoint": bool((both.sort(2).values.diff(dim=2) > 0).all()),
        "same seed, same episode": all(torch.equal(a, b) for a, b in zip(drawn[0], again, strict=True)),
        "episodes differ": bool((classes != classes[0]).any() or (both != both[0]).any()),
    }
    often = {}
    possible = all(holds for fact, holds in never.items() if fact != "same seed, same episode")
    if possible and len(usable) > LARGE:
        often = totals(classes, usable, support, query, images)
    if possible and many:
        place = torch.full((len(scripts),), -1)
        place[usable] = torch.arange(len(usable))
        together = torch.cat([classes, both.flatten(1)], 1)
        often = frequencies(place[classes], len(usable), support, query, images)
        often["many different episodes"] = len(together.unique(dim=0)) >= FEWEST
    return _facts([classes[0], support[0], query[0]], **never, **often)


def _facts(parts, **seen):
    named = dict(zip(("shape of classes", "shape of support", "shape of query"), parts, strict=True))
    return {name: torch.zeros_like(part) for name, part in named.items()} | dict.fromkeys(FACTS, True) | seen


def _ideal(scripts, allowed, images, ways, shots, queries, generator):
    return _facts([torch.zeros(shape, dtype=torch.int64) for shape in ([ways], [ways, shots], [ways, queries])])


check_draw_episode = function_check(
    "draw_episode",
    _ideal,
    _draw_case,
    Wrong(
        "split_by_class",
        "Letters of scripts that are not allowed turn up. What would a network that trained on them know of the "
        "scripts it is tested on?",
        when=lambda seen, *a: not seen["only allowed scripts"],
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
        "The same state of the generator gave two different episodes. Which draws did not come from it, or what was "
        "kept from an earlier call?",
        when=lambda seen, *a: not seen["same seed, same episode"],
    ),
    Wrong(
        "same_episode",
        "However many episodes are drawn, they are all the same. What has become of the generator that is handed in?",
        when=lambda seen, *a: not seen["episodes differ"],
    ),
    Wrong(
        "few_episodes",
        "The generator moves on, and yet the same few episodes come again and again. How many seeds, or lists, are "
        "they drawn from?",
        when=lambda seen, *a: not seen["many different episodes"],
    ),
    Wrong(
        "labels_fixed",
        "Some letter is drawn, and never gets some of the labels. What could a network learn then without ever looking "
        "at a support set?",
        when=lambda seen, *a: not seen["every letter that is drawn gets every label"],
    ),
    Wrong(
        "same_images",
        "All classes of an episode show the same image numbers. Every class should draw its own: the numbers follow "
        "the faces of the fonts.",
        when=lambda seen, *a: not seen["classes show different images"],
    ),
    Wrong(
        "first_images",
        "Some image of a class is never in the support set, or never in the query set. The first image of every letter "
        "is its upright sans-serif form, and the others are other faces; what is the network then never asked?",
        when=lambda seen, *a: not seen["every image is shown in support and in query"],
    ),
    Wrong(
        "uneven_classes",
        "Not all allowed letters are drawn equally often, although they should be. Is every script as large as the "
        "others?",
        when=lambda seen, *a: not seen["every letter equally often"],
    ),
    Wrong(
        "uneven_choices",
        "Each letter comes as often as the others, and some come together, or in one order, more often than they "
        "should. What does one label say about the next?",
        when=lambda seen, *a: (
            not seen["every choice and order of letters equally often"] and seen["every letter equally often"]
        ),
    ),
    Wrong(
        "uneven_images",
        "Every image is shown, and some sets of images come more often than others. What does the first image that is "
        "drawn of a class say about the next?",
        when=lambda seen, *a: (
            not seen["every choice of images equally often"] and seen["every image is shown in support and in query"]
        ),
    ),
    Wrong(
        "shared_images",
        "Each class, looked at alone, draws its images as it should. But the images of one class tell something about "
        "those of another. How many independent draws does an episode need?",
        when=lambda seen, *a: (
            not seen["images of one class say nothing about those of another"]
            and seen["every choice of images equally often"]
        ),
    ),
    observe=_many_episodes,
)
