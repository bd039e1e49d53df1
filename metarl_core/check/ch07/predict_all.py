"""The check of the exercise `predict_all`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference

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
