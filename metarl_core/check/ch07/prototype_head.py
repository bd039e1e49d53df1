"""The check of the exercise `prototype_head`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch07.oracles import draw_features, head
from metarl_core.check.compare import difference


def _draw_case(draw):
    *arguments, notes = draw_features(draw)
    return case(*arguments).noting(notes)


def _questions(features):
    """Inputs near the features and far from them."""
    generator = torch.Generator().manual_seed(99)
    spread = torch.randn(20, features.shape[1], generator=generator, dtype=features.dtype)
    return torch.cat([features.mean(0) + spread[:10], 3 * spread[10:]])


def _probabilities(answer, features, labels, ways):
    """Shapes of the head, and the probabilities that it gives: these are what (2) determines."""
    questions = _questions(features)
    weight, bias = answer(features, labels, ways)
    seen = {"shape of weight": torch.zeros_like(weight), "shape of bias": torch.zeros_like(bias)}
    shapes = list(weight.shape) == [ways, features.shape[1]] and list(bias.shape) == [ways]
    if not (shapes and weight.dtype == bias.dtype == features.dtype):  # that is what will be reported
        return seen | {"log p": _by_distance(features, labels, ways)["log p"]}
    return seen | {"log p": (questions @ weight.T + bias).log_softmax(1)}


def _class_mean(features, labels, label):
    chosen = [feature for feature, own in zip(features, labels.tolist(), strict=True) if own == label]
    return sum(chosen) / len(chosen)


def _by_distance(features, labels, ways):
    """Distances to the class means, one at a time."""
    means = [_class_mean(features, labels, label) for label in range(ways)]
    rows = [torch.stack([-((x - mean) ** 2).sum() for mean in means]) for x in _questions(features)]
    return {
        "shape of weight": torch.zeros(ways, features.shape[1], dtype=features.dtype),
        "shape of bias": torch.zeros(ways, dtype=features.dtype),
        "log p": torch.stack([row - row.logsumexp(0) for row in rows]),
    }


def _with_frequencies(features, labels, ways):
    weight, bias = head()(features, labels, ways)
    return weight, bias + (labels.bincount(minlength=ways).to(bias.dtype) / len(labels)).log()


def _origin_moved(weight, bias):
    """A head of features less their mean, in one term or both, used on features as they are."""

    def answer(features, labels, ways):
        plain, centred = (head()(x, labels, ways) for x in (features, features - features.mean(0)))
        return (centred if weight else plain)[0], (centred if bias else plain)[1]

    return answer


check_prototype_head = function_check(
    "prototype_head",
    _by_distance,
    _draw_case,
    Wrong(
        "no_bias",
        "Your head compares by the inner product alone. A class whose mean is long then wins too often: which term of "
        "the squared distance depends on the class but not on the input?",
        head(bias=0.0),
    ),
    Wrong(
        "factor_two",
        "Both terms are there, and one of them is twice as large beside the other as it should be. Expand the square "
        "once more.",
        head(weight=1.0),
    ),
    Wrong(
        "temperature",
        "The decisions are right and the probabilities are not: all logits are half of what they should be.",
        head(weight=1.0, bias=-0.5),
    ),
    Wrong(
        "sign",
        "Your head prefers the class that is farthest away. Which way does a probability go with distance?",
        head(weight=-2.0, bias=1.0),
    ),
    Wrong(
        "bias_sign",
        "The term of the class has the wrong sign: a long mean should not be an advantage.",
        head(bias=1.0),
    ),
    Wrong("norm_not_squared", "Your bias holds a length where the square of a length is needed.", head(power=0.5)),
    Wrong(
        "sum_not_mean",
        "You use the sum of a class's features. What happens to it with more shots?",
        head(total=True),
    ),
    Wrong(
        "in_order",
        "You count on samples that are sorted by label, with the same number for each class. Here they are not.",
        head(in_order=True),
    ),
    Wrong(
        "mean_of_squares",
        "Your bias takes the squared lengths first and their mean afterwards. Whose length is in the square?",
        lambda features, labels, ways: (
            head()(features, labels, ways)[0],
            -head(weight=1.0)(features.square().sum(1, keepdim=True), labels, ways)[0][:, 0],
        ),
    ),
    Wrong(
        "mean_over_features",
        "The square of a length is a sum over the features. Yours is divided by their number.",
        lambda features, labels, ways: (
            head()(features, labels, ways)[0],
            head()(features, labels, ways)[1] / features.shape[1],
        ),
    ),
    Wrong(
        "equal_counts",
        "Sums are divided by n/N, which is the number of samples of a class only where all have the same.",
        lambda features, labels, ways: head(total=True)(features * (ways / len(labels)), labels, ways),
    ),
    Wrong(
        "class_frequencies",
        "Your bias holds how frequent a class is among the samples. Does the right side of (2) know?",
        when=lambda seen, *a: difference(seen, _probabilities(_with_frequencies, *a), 1e-6, 1e-6) is None,
    ),
    Wrong(
        "another_origin",
        "Your head is one of features with another origin, in one term at least. In (2) it does not matter where the "
        "origin lies, but means and inputs must agree about it.",
        when=lambda seen, features, labels, ways: any(
            difference(seen, _probabilities(moved, features, labels, ways), None, None) is None
            for moved in (_origin_moved(True, True), _origin_moved(False, True))
        ),
    ),
    Wrong(
        "unit_length",
        "Your class means were scaled to the length 1. Does (2) know only directions?",
        lambda features, labels, ways: (
            2 * torch.nn.functional.normalize(head()(features, labels, ways)[0]),
            -torch.ones(ways, dtype=features.dtype),
        ),
    ),
    observe=_probabilities,
)
