"""The checks of chapter 07: episodes, prototypes as a linear head, leaking statistics, and what an interval is of."""

import torch

from metarl_core.check import Wrong, case, design_check, function_check
from metarl_core.check.compare import difference

# ---------------------------------------------------------------- draw_episode

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


# ---------------------------------------------------------------- prototype_head, head_after_one_step


def _feature_cases():
    for seed, counts in enumerate(((3, 3, 3), (2, 2, 2, 2, 2), (1, 4, 2))):
        generator = torch.Generator().manual_seed(10 + seed)
        labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        labels = labels[torch.randperm(len(labels), generator=generator)]
        features = 0.7 * torch.randn(len(labels), 4, generator=generator, dtype=torch.float64)
        features = features + 0.8 * torch.randn(len(counts), 4, generator=generator, dtype=torch.float64)[labels]
        yield case(features, labels, len(counts))


def _questions(features):
    generator = torch.Generator().manual_seed(99)
    return torch.randn(20, features.shape[1], generator=generator, dtype=features.dtype)


def _probabilities(answer, features, labels, ways):
    weight, bias = answer(features, labels, ways)
    logits = _questions(features) @ weight.T + bias
    return {"weight": torch.zeros_like(weight), "bias": torch.zeros_like(bias), "log p": logits.log_softmax(1)}


def _class_mean(features, labels, label):
    chosen = [feature for feature, own in zip(features, labels.tolist(), strict=True) if own == label]
    return sum(chosen) / len(chosen)


def _by_distance(features, labels, ways):
    """Distances to the class means, one at a time."""
    means = [_class_mean(features, labels, label) for label in range(ways)]
    rows = [torch.stack([-((x - mean) ** 2).sum() for mean in means]) for x in _questions(features)]
    return {
        "weight": torch.zeros(ways, features.shape[1], dtype=features.dtype),
        "bias": torch.zeros(ways, dtype=features.dtype),
        "log p": torch.stack([row - row.logsumexp(0) for row in rows]),
    }


def _head(weight=2.0, bias=-1.0, power=1.0, total=False, in_order=False):
    """A head with its two factors changed; sums instead of means; samples taken to be in order of their labels."""

    def answer(features, labels, ways):
        labels = labels.sort().values if in_order else labels
        member = torch.nn.functional.one_hot(labels, ways).to(features.dtype)
        means = member.T @ features
        means = means if total else means / member.sum(0)[:, None]
        return weight * means, bias * means.square().sum(1) ** power

    return answer


check_prototype_head = function_check(
    "prototype_head",
    _by_distance,
    _feature_cases,
    Wrong(
        "no_bias",
        "Your head compares by the inner product alone. A class whose mean is long then wins too often: which term of "
        "the squared distance depends on the class but not on the input?",
        _head(bias=0.0),
    ),
    Wrong(
        "factor_two",
        "Both terms are there, and one of them is twice as large beside the other as it should be. Expand the square "
        "once more.",
        _head(weight=1.0),
    ),
    Wrong(
        "temperature",
        "The decisions are right and the probabilities are not: all logits are half of what they should be.",
        _head(weight=1.0, bias=-0.5),
    ),
    Wrong(
        "sign",
        "Your head prefers the class that is farthest away. Which way does a probability go with distance?",
        _head(weight=-2.0, bias=1.0),
    ),
    Wrong(
        "bias_sign",
        "The term of the class has the wrong sign: a long mean should not be an advantage.",
        _head(bias=1.0),
    ),
    Wrong("norm_not_squared", "Your bias holds a length where the square of a length is needed.", _head(power=0.5)),
    Wrong(
        "sum_not_mean",
        "You use the sum of a class's features. What happens to it with more shots?",
        _head(total=True),
    ),
    Wrong(
        "in_order",
        "You count on samples that are sorted by label. Here they are not.",
        _head(in_order=True),
    ),
    observe=_probabilities,
)


def _step_cases():
    for alpha, one in zip((0.5, 2.0, 0.8), _feature_cases(), strict=True):
        yield case(*one.args, alpha)


def _one_step_by_autograd(features, labels, ways, alpha):
    weight = torch.zeros(ways, features.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(ways, dtype=features.dtype, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(features @ weight.T + bias, labels)
    slopes = torch.autograd.grad(loss, [weight, bias])
    return -alpha * slopes[0], -alpha * slopes[1]


def _one_step(target=True, uniform=True, mean=True, sign=1.0, bias=True):
    def answer(features, labels, ways, alpha):
        member = torch.nn.functional.one_hot(labels, ways).to(features.dtype)
        push = (member if target else 0 * member) - (1 / ways if uniform else 0.0)
        push = sign * alpha * push / (len(labels) if mean else 1)
        shift = push.sum(0)
        return push.T @ features, shift if bias else torch.zeros_like(shift)

    return answer


check_head_after_one_step = function_check(
    "head_after_one_step",
    _one_step_by_autograd,
    _step_cases,
    Wrong(
        "class_term_only",
        "Your step pulls each class towards its own samples only. With a zero head every class has some probability "
        "for every sample; what does that part of the gradient do?",
        _one_step(uniform=False),
    ),
    Wrong("uphill", "The step goes uphill: the loss would rise.", _one_step(sign=-1.0)),
    Wrong(
        "sum_not_mean", "You step along the gradient of a sum of losses. The loss is their mean.", _one_step(mean=False)
    ),
    Wrong(
        "bias_stays",
        "The weights are right. The bias stays at zero in your answer, which holds only if all classes have the same "
        "number of samples.",
        _one_step(bias=False),
    ),
    Wrong(
        "prototypes",
        "That is the head of prototypes, scaled. It is not what one gradient step does: what is the common part of all "
        "features doing in the weights?",
        lambda features, labels, ways, alpha: tuple(alpha * part for part in _head()(features, labels, ways)),
    ),
)

# ---------------------------------------------------------------- predict_all

TINY = 1e-5


def _leaky_cases():
    for seed, (number, ways, shots, queries) in enumerate(((3, 3, 2, 4), (2, 5, 1, 3), (4, 2, 3, 5))):
        generator = torch.Generator().manual_seed(30 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        tasks = []
        for _ in range(number):
            centre, place, scale = draw(ways, 4), 2 * draw(4), 0.5 + draw(4).abs()
            labels = torch.arange(ways).repeat(shots), torch.arange(ways).repeat(queries)
            support, query = ((centre[own] + 0.8 * draw(len(own), 4)) * scale + place for own in labels)
            tasks.append((support, labels[0], query, labels[1]))
        yield case(tasks)


def _predict(
    statistics="support", prototypes="support", sign=-1.0, squared=True, correction=0, running=False, momentum=0.1
):
    """The wanted function, with one choice or several made wrongly."""

    def answer(tasks):
        found, mean, variance = [], 0.0, 1.0
        for support, labels, query, query_labels in tasks:
            seen = torch.cat([support, query]) if statistics == "both" else support
            own = seen.var(0, correction=correction), seen.mean(0)
            if running:
                variance, mean = (
                    (1 - momentum) * variance + momentum * own[0],
                    (1 - momentum) * mean + momentum * own[1],
                )
            else:
                variance, mean = own
            others = (query.var(0, correction=0), query.mean(0)) if statistics == "each" else (variance, mean)
            near = (support - mean) / (variance + TINY) ** 0.5
            far = (query - others[1]) / (others[0] + TINY) ** 0.5
            if prototypes == "both":
                data, own_labels = torch.cat([near, far]), torch.cat([labels, query_labels])
            else:
                data, own_labels = (near, labels) if prototypes == "support" else (far, query_labels)
            means = torch.stack([data[own_labels == label].mean(0) for label in range(int(labels.max()) + 1)])
            distance = (far[:, None] - means).square().sum(2)
            found.append((sign * (distance if squared else distance.sqrt())).log_softmax(1))
        return torch.stack(found)

    return answer


def _predict_slowly(tasks):
    """One query, one class, one feature at a time."""
    tables = []
    for support, labels, query, _ in tasks:
        samples, size = support.tolist(), support.shape[1]
        mean = [sum(row[j] for row in samples) / len(samples) for j in range(size)]
        deviation = [
            (sum((row[j] - mean[j]) ** 2 for row in samples) / len(samples) + TINY) ** 0.5 for j in range(size)
        ]

        def scaled(row, mean=mean, deviation=deviation):
            return [(value - m) / d for value, m, d in zip(row, mean, deviation, strict=True)]

        table = []
        for row in query.tolist():
            distances = []
            for label in range(int(labels.max()) + 1):
                own = [scaled(s) for s, mine in zip(samples, labels.tolist(), strict=True) if mine == label]
                centre = [sum(column) / len(own) for column in zip(*own, strict=True)]
                distances.append(sum((a - b) ** 2 for a, b in zip(scaled(row), centre, strict=True)))
            logits = -torch.tensor(distances, dtype=query.dtype)
            table.append(logits - logits.logsumexp(0))
        tables.append(torch.stack(table))
    return torch.stack(tables)


def _matches(got, tasks, *faults):
    return any(difference(got, _predict(**fault)(tasks), 1e-5, 1e-7) is None for fault in faults)


_BROKEN = {"statistics": "both", "prototypes": "both", "running": True}

check_predict_all = function_check(
    "predict_all",
    _predict_slowly,
    _leaky_cases,
    Wrong(
        "as_it_was",
        "All three bugs are still there. Begin by giving the tasks in another order: which line makes the predictions "
        "of a task depend on the tasks before it?",
        _predict(**_BROKEN),
    ),
    Wrong(
        "query_prototypes",
        "The statistics are right. But your prototypes have seen query images, and with their labels.",
        when=lambda got, tasks: _matches(got, tasks, {"prototypes": "both"}, {"prototypes": "query"}),
    ),
    Wrong(
        "running_statistics",
        "The first task decides about the second: averages that run from task to task carry data over. Whose "
        "statistics should normalise a task?",
        _predict(running=True),
    ),
    Wrong(
        "joint_statistics",
        "Query images take part in the mean and the variance. Take one of them away, and the predictions for the "
        "others change.",
        _predict(statistics="both"),
    ),
    Wrong(
        "query_statistics",
        "Query images are normalised by each other. A query that comes alone would be turned into zero.",
        _predict(statistics="each"),
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Change the order of the tasks; take a query away; change a query's label.",
        when=lambda got, tasks: _matches(
            got, tasks, *({key: value for key, value in _BROKEN.items() if key != gone} for gone in _BROKEN)
        ),
    ),
    Wrong("sign", "Your probabilities are highest for the class that is farthest away.", _predict(sign=1.0)),
    Wrong("not_squared", "Distance itself, not its square, stands in your logits.", _predict(squared=False)),
    Wrong(
        "other_variance",
        "The variance is divided by n − 1 here. The task says which one batch normalisation uses.",
        _predict(correction=1),
    ),
)

# ---------------------------------------------------------------- standard_errors


def _correct_cases():
    for seed, (networks, tasks, queries) in enumerate(((5, 40, 15), (4, 25, 10), (8, 30, 20))):
        generator = torch.Generator().manual_seed(60 + seed)
        skill = 0.8 * torch.randn(networks, 1, 1, generator=generator) + 1.0
        ease = 1.2 * torch.randn(1, tasks, 1, generator=generator)
        luck = torch.randn(networks, tasks, queries, generator=generator)
        yield case(skill + ease + luck > 0)


def _jackknife(values):
    """Standard error of a mean from the means that leave one unit out: it needs no formula for the deviation."""
    values = [float(value) for value in values]
    n = len(values)
    left = [(sum(values) - value) / (n - 1) for value in values]
    centre = sum(left) / n
    return ((n - 1) / n * sum((one - centre) ** 2 for one in left)) ** 0.5


def _errors_by_jackknife(correct):
    share = [[float(task.double().mean()) for task in network] for network in correct]
    per_network = [_jackknife(tasks) for tasks in share]
    return {
        "network": torch.tensor(per_network, dtype=torch.float64),
        "method": torch.tensor(_jackknife([sum(tasks) / len(tasks) for tasks in share]), dtype=torch.float64),
    }


def _errors(network="tasks", method="networks", root=True, correction=1):
    def error(values, axes=-1):
        values = values.flatten(axes) if axes != -1 else values
        return values.std(-1, correction=correction) / (values.shape[-1] ** 0.5 if root else 1)

    def answer(correct):
        share = correct.double().mean(2)
        over_queries = correct.double().flatten(1)
        return {
            "network": error(share if network == "tasks" else over_queries),
            "method": error(
                {"networks": share.mean(1), "tasks": share.flatten(), "task means": share.mean(0)}[method]
                if method != "queries"
                else correct.double().flatten()
            ),
        }

    return answer


check_standard_errors = function_check(
    "standard_errors",
    _errors_by_jackknife,
    _correct_cases,
    Wrong(
        "over_queries",
        "You count every query as an observation of its own. The queries of one task share their five letters and "
        "their support set: how many independent things did you draw?",
        when=lambda got, correct: any(
            difference(got, _errors(network="queries", method=m)(correct), 0.02, 1e-6) is None
            for m in ("networks", "queries", "tasks", "task means")
        ),
    ),
    Wrong(
        "tasks_for_method",
        "The entry `network` is right. For `method` you count tasks, but a new training would not change the tasks: it "
        "would change the network. How many trainings do you have?",
        when=lambda got, correct: any(
            difference(got, _errors(method=m)(correct), 0.02, 1e-6) is None for m in ("tasks", "task means", "queries")
        ),
    ),
    Wrong(
        "deviation",
        "These are standard deviations: they say how much single tasks or trainings differ, and do not shrink with "
        "more of them.",
        _errors(root=False),
    ),
    Wrong(
        "divide_by_n",
        "Nearly: your deviations are a little too small, since the mean was estimated from the same numbers.",
        _errors(correction=0),
    ),
)

# ---------------------------------------------------------------- plan

check_plan = design_check(
    "plan",
    {
        "split": ("by letter", "by script"),
        "labels_in_training": ("one for each letter", "drawn anew for each task"),
        "statistics_at_test": ("running averages", "of all queries together", "of the support images"),
        "test_tasks": ("the same for all methods", "drawn anew for each method"),
        "number_of_test_tasks": int,
        "trainings_per_method": int,
        "settings_chosen_on": ("the test scripts", "some of the training scripts"),
        "interval_over": ("queries", "tasks", "trainings"),
        "beside_it": ("chance", "pixels, a random network and a pre-trained network"),
    },
    Wrong(
        "split_by_letter",
        "The letters of one script are variations of each other. What has a network seen that trained on the other "
        "half of a script?",
        when=lambda plan: plan["split"] == "by letter",
    ),
    Wrong(
        "fixed_labels",
        "With a label of its own for each letter, training can be solved without a look at the support set.",
        when=lambda plan: plan["labels_in_training"] == "one for each letter",
    ),
    Wrong(
        "running_averages",
        "Averages over training tasks normalise every task alike. What did batch statistics of a task do for it, and "
        "where would those averages have come from?",
        when=lambda plan: plan["statistics_at_test"] == "running averages",
    ),
    Wrong(
        "needs_the_queries",
        "In the question the photographs arrive one at a time. Your method waits for seventy-five of them, in equal "
        "numbers of each class.",
        when=lambda plan: plan["statistics_at_test"] == "of all queries together",
    ),
    Wrong(
        "unpaired",
        "Tasks differ in difficulty far more than methods do. Why add that to the difference?",
        when=lambda plan: plan["test_tasks"] != "the same for all methods",
    ),
    Wrong(
        "few_tasks",
        "With so few tasks the standard error over tasks is larger than the difference that you want to see. The "
        "spread of single tasks is about ten points.",
        when=lambda plan: plan["number_of_test_tasks"] < 200,
    ),
    Wrong(
        "few_trainings",
        "How large is the difference between two trainings of one method? From fewer than five you will not know.",
        when=lambda plan: plan["trainings_per_method"] < 5,
    ),
    Wrong(
        "chosen_on_test",
        "Settings that were chosen on the test scripts have seen them; the accuracy there is no longer that of new "
        "scripts.",
        when=lambda plan: plan["settings_chosen_on"] == "the test scripts",
    ),
    Wrong(
        "wrong_interval",
        "The claim is about two methods. What would be drawn anew if somebody repeated your experiment from the start?",
        when=lambda plan: plan["interval_over"] != "trainings",
    ),
    Wrong(
        "chance_only",
        "Everything beats chance: even pixels do, and a network that has learned nothing. What does training add?",
        when=lambda plan: plan["beside_it"] == "chance",
    ),
)
