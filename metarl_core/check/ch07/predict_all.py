"""The check of the exercise `predict_all`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference

TINY = 1e-5
TOLERANCE = {"rtol": 1e-7, "atol": 1e-7}


def _draw_case(draw):
    """1 to 4 tasks, once 60, of 2 to 4 classes with 1 to 3 support samples each, 1 to 8 queries, once 60, 1 to 3
    features.

    Features have scales from 0.002 (whose variance is less than 10⁻⁵) to 3; labels are in any order. Some queries lie
    so far away that the exponential of their squared distance is no number of double precision.
    """
    number, ways, size = draw.integer(1, 4), draw.integer(2, 4), draw.integer(1, 3)
    number = draw.once(17, 60, number)
    same = draw.chance(0.4)
    shots = [1 + (0 if same else draw.integer(0, 2)) for _ in range(ways)]
    queries = draw.choice(1, ways, draw.integer(1, 8))
    queries = draw.once(18, 60, queries)
    small = draw.chance(0.3)
    far = draw.chance(0.2)
    tasks = []
    for _ in range(number):
        labels = torch.arange(ways).repeat_interleave(torch.tensor(shots))[draw.permutation(sum(shots))]
        asked = draw.integers(0, ways - 1, queries) if queries < ways else torch.arange(queries) % ways
        asked = asked[draw.permutation(queries)]
        centre, place = draw.normal(ways, size), 2 * draw.normal(size)
        scale = torch.tensor([draw.uniform(0.5, 3.0) for _ in range(size)], dtype=torch.float64)
        if small:
            scale[0] = draw.choice(0.002, 0.004)
        support, query = ((centre[own] + 0.8 * draw.normal(len(own), size)) * scale + place for own in (labels, asked))
        query[:1] += 60.0 * far * scale
        tasks.append((support, labels, query, asked))
    return case(tasks).noting(
        {
            "there is one task": number == 1,
            "there is one query": queries == 1,
            "a class has more support samples than another": len(set(shots)) > 1,
            "every class has one support sample": max(shots) == 1,
            "support labels do not run through 0, 1 and so on in turn": any(
                not torch.equal(labels, torch.arange(len(labels)) % ways) for _, labels, *_ in tasks
            ),
            "some class has no query": any(len(asked.unique()) < ways for *_, asked in tasks),
            "a query is far from all support samples": far,
            "a variance is smaller than 10⁻⁵": small,
        }
    )


def _predict(
    statistics="support", prototypes="support", sign=-1.0, squared=True, correction=0, running=False, momentum=0.1,
    tiny=TINY, outside=0.0, log=True, raw=False, scaled=True, tasks_of=None, mean_distance=False, axis=1,
    everywhere=False, power=2.0, of_means=False,
):  # fmt: skip
    """The wanted function, with one choice or several made wrongly."""

    def answer(tasks):
        found, mean, variance = [], 0.0, 1.0
        for support, labels, query, query_labels in tasks:
            seen = torch.cat([support, query]) if statistics == "both" else support
            if tasks_of is not None:  # statistics of several tasks together
                seen = torch.cat([task[0] for task in tasks[tasks_of]])
            if of_means:
                seen = torch.stack([support[labels == label].mean(0) for label in range(int(labels.max()) + 1)])
            own = seen.var(0, correction=correction), seen.mean(0)
            if everywhere:  # of all features together
                own = seen.var(correction=correction), seen.mean()
            if running:
                variance, mean = (
                    (1 - momentum) * variance + momentum * own[0],
                    (1 - momentum) * mean + momentum * own[1],
                )
            else:
                variance, mean = own
            others = (query.var(0, correction=0), query.mean(0)) if statistics == "each" else (variance, mean)
            near = (support - mean) / (((variance + tiny) ** 0.5 + outside) if scaled else 1.0)
            far = (query - others[1]) / (((others[0] + tiny) ** 0.5 + outside) if scaled else 1.0)
            near = support if raw else near
            if prototypes == "both":
                data, own_labels = torch.cat([near, far]), torch.cat([labels, query_labels])
            else:
                data, own_labels = (near, labels) if prototypes == "support" else (far, query_labels)
            means = torch.stack([data[own_labels == label].mean(0) for label in range(int(labels.max()) + 1)])
            distance = (far[:, None] - means).abs().pow(power).sum(2)
            distance = distance / support.shape[1] if mean_distance else distance
            logits = sign * (distance if squared else distance.sqrt())
            found.append(logits.log_softmax(axis) if log else logits.softmax(axis))
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

        centres = []
        for label in range(int(labels.max()) + 1):
            own = [scaled(s) for s, mine in zip(samples, labels.tolist(), strict=True) if mine == label]
            centres.append([sum(column) / len(own) for column in zip(*own, strict=True)])
        table = []
        for row in map(scaled, query.tolist()):
            distances = [sum((a - b) ** 2 for a, b in zip(row, centre, strict=True)) for centre in centres]
            nearest = min(distances)
            total = math.log(sum(math.exp(nearest - distance) for distance in distances))
            table.append([nearest - distance - total for distance in distances])
        tables.append(table)
    return torch.tensor(tables, dtype=torch.float64)


def _colleagues(cached=True, by_position=True, best_of=True):
    """The colleague's code, with some of its bugs: statistics of the first task for all, class means over consecutive
    samples, and for each task the metric that its query labels like best."""

    def answer(tasks):
        found, first = [], tasks[0][0]
        for support, labels, query, query_labels in tasks:
            own = first if cached else support
            mean, deviation, ways = own.mean(0), (own.var(0, correction=0) + TINY).sqrt(), int(labels.max()) + 1
            near, far = (support - mean) / deviation, (query - mean) / deviation
            groups = near.tensor_split(ways) if by_position else [near[labels == label] for label in range(ways)]
            off = (far[:, None] - torch.stack([group.mean(0) for group in groups])).abs()
            candidates = [off.square().sum(2), off.sum(2), off.amax(2)]
            right = [int((one.argmin(1) == query_labels).sum()) for one in candidates]
            found.append((-candidates[right.index(max(right)) if best_of else 0]).log_softmax(1))
        return torch.stack(found)

    return answer


def _matches(got, tasks, *faults):
    return any(difference(got, _predict(**fault)(tasks), **TOLERANCE) is None for fault in faults)


check_predict_all = function_check(
    "predict_all",
    _predict_slowly,
    _draw_case,
    Wrong(
        "as_it_was",
        "All three bugs are still there. Begin by giving the tasks in another order: which line makes the predictions "
        "of a task depend on another task?",
        _colleagues(),
    ),
    Wrong(
        "by_position",
        "Your class means are taken over samples that follow each other, whatever their labels are. Give a task's "
        "support samples in another order, with their labels.",
        _colleagues(cached=False, best_of=False),
    ),
    Wrong(
        "metric_of_the_queries",
        "For each task you take the metric under which most of its queries are right. Who knows these labels at test?",
        _colleagues(cached=False, by_position=False),
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
        "One bug is gone, two are left. Change the order of the tasks, the order of the support samples, a query's "
        "label.",
        when=lambda got, tasks: any(
            difference(got, _colleagues(*(number != gone for number in range(3)))(tasks), **TOLERANCE) is None
            for gone in range(3)
        ),
    ),
    Wrong("sign", "Your probabilities are highest for the class that is farthest away.", _predict(sign=1.0)),
    Wrong("not_squared", "Distance itself, not its square, stands in your logits.", _predict(squared=False)),
    Wrong(
        "absolute",
        "Your logits hold sums of absolute differences. What does (3) do with a difference before it is summed?",
        _predict(power=1.0),
    ),
    Wrong(
        "own_query",
        "Each query takes part in the statistics that standardise it. What do mean and variance run over in (3)?",
        lambda tasks: torch.stack(
            [
                torch.cat([_predict(statistics="both")([(s, y, q[i : i + 1], z[i : i + 1])])[0] for i in range(len(q))])
                for s, y, q, z in tasks
            ]
        ),
    ),
    Wrong(
        "statistics_of_means",
        "Mean and variance are those of the class means. Where a class has several samples, what do they leave out?",
        _predict(of_means=True),
    ),
    Wrong(
        "logarithm_of_rounded",
        "For a query that is far away, some of your logarithms are minus infinity: the probability was rounded to zero "
        "before its logarithm was taken.",
        when=lambda got, tasks: bool(got.isneginf().any()),
    ),
    Wrong(
        "other_variance",
        "The variance is divided by n − 1 here. The task says which one batch normalisation uses.",
        _predict(correction=1),
    ),
    Wrong(
        "no_epsilon",
        "Where the support samples of a feature are nearly the same, the small number under the root of (3) decides. "
        "Yours is another, or is missing.",
        when=lambda got, tasks: _matches(got, tasks, *({"tiny": tiny} for tiny in (0.0, 1e-12, 1e-8, 1e-6, 1e-3))),
    ),
    Wrong(
        "epsilon_outside",
        "The small number is added to the deviation. In (3) it stands under the root.",
        _predict(tiny=0.0, outside=TINY),
    ),
    Wrong(
        "statistics_of_other_tasks",
        "One mean and one variance serve all tasks. Take a task away, and the predictions for the others change.",
        when=lambda got, tasks: _matches(
            got, tasks, {"tasks_of": slice(None)}, {"tasks_of": slice(1)}, {"tasks_of": slice(None), "correction": 1}
        ),
    ),
    Wrong(
        "one_scale",
        "All features share one mean and one variance. Measure one of them in millimetres: should it decide alone?",
        _predict(everywhere=True),
    ),
    Wrong(
        "not_scaled",
        "The mean is taken off, and nothing is divided. Measure a feature in millimetres: should it decide alone?",
        _predict(scaled=False),
    ),
    Wrong(
        "mean_distance", "A squared distance is a sum over the features. Yours is a mean.", _predict(mean_distance=True)
    ),
    Wrong(
        "over_queries",
        "Your probabilities sum to 1 over the queries. What is each query asked?",
        _predict(axis=0),
    ),
    Wrong("not_logarithms", "These are probabilities. Asked for are their logarithms.", _predict(log=False)),
    Wrong(
        "raw_prototypes",
        "Your queries are standardised, and compared with means of features that are not.",
        _predict(raw=True),
    ),
    **TOLERANCE,
)
