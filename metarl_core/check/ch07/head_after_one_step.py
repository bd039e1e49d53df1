"""The check of the exercise `head_after_one_step`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch07.oracles import draw_features, head
from metarl_core.check.compare import difference


def _draw_case(draw):
    """Step sizes of 0 and 1 now and then, else from 0.05 to 4; features that are ten times as large now and then."""
    features, labels, ways, notes = draw_features(draw)
    features = features * draw.choice(1.0, 1.0, 10.0)
    alpha = draw.choice(0.0, 1.0, *(draw.uniform(0.05, 4.0) for _ in range(5)))
    return case(features, labels, ways, alpha).noting({**notes, "alpha is 0": alpha == 0.0})


def _one_step_by_autograd(features, labels, ways, alpha):
    weight = torch.zeros(ways, features.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(ways, dtype=features.dtype, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(features @ weight.T + bias, labels)
    slopes = torch.autograd.grad(loss, [weight, bias])
    return -alpha * slopes[0], -alpha * slopes[1]


def _one_step(uniform=True, mean=True, sign=1.0, bias=True, rate=None, over_class=False):
    def answer(features, labels, ways, alpha):
        member = torch.nn.functional.one_hot(labels, ways).to(features.dtype)
        push = sign * (alpha if rate is None else rate) * (member - (1 / ways if uniform else 0.0))
        count = member.sum(0) if over_class else len(labels) if mean else 1
        weight, shift = (push / count).T @ features, (push / count).sum(0)
        return weight, shift if bias else torch.zeros_like(shift)

    return answer


def _class_term_over_class(features, labels, ways, alpha):
    """The mean over its own samples in the term of a class, that over all samples in the other."""
    pulled = _one_step(uniform=False, over_class=True)(features, labels, ways, alpha)
    common = alpha / ways * features.mean(0), alpha / ways
    return pulled[0] - common[0], pulled[1] - common[1]


_OVER_CLASSES = _one_step(over_class=True), _class_term_over_class


def _predicted(share):
    """The step if the zero head predicted these shares `[way]`."""

    def answer(features, labels, ways, alpha):
        member = torch.nn.functional.one_hot(labels, ways).to(features.dtype)
        push = alpha / len(labels) * (member - share(member))
        return push.T @ features, push.sum(0)

    return answer


check_head_after_one_step = function_check(
    "head_after_one_step",
    _one_step_by_autograd,
    _draw_case,
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
        "mean_of_class",
        "The step of each class is divided by the number of its own samples. The loss is a mean over how many?",
        when=lambda got, *a: any(difference(got, one(*a), None, None) is None for one in _OVER_CLASSES),
    ),
    Wrong(
        "bias_stays",
        "The weights are right. The bias stays at zero in your answer, which holds only if all classes have the same "
        "number of samples.",
        _one_step(bias=False),
    ),
    Wrong(
        "step_size_ignored",
        "The direction is right. Ask for twice the step size and look at what comes.",
        _one_step(rate=1.0),
    ),
    Wrong(
        "prototypes",
        "That is the head of prototypes, scaled. It is not what one gradient step does: what is the common part of all "
        "features doing in the weights?",
        lambda features, labels, ways, alpha: tuple(alpha * part for part in head()(features, labels, ways)),
    ),
    Wrong(
        "bias_without_alpha",
        "The weights are right. Does the bias take a step of the same size?",
        lambda *a: (_one_step()(*a)[0], _one_step(rate=1.0)(*a)[1]),
    ),
    Wrong(
        "bias_summed",
        "The weights are right. The step of the bias is along the gradient of a sum of losses.",
        lambda *a: (_one_step()(*a)[0], _one_step(mean=False)(*a)[1]),
    ),
    Wrong(
        "frequencies_predicted",
        "Your step starts from a head that predicts how frequent the classes are. What does a zero head predict?",
        _predicted(lambda member: member.mean(0)),
    ),
    Wrong(
        "half_predicted",
        "With two classes that is right. What does a zero head predict for each of N classes?",
        _predicted(lambda member: 0.5),
    ),
    Wrong(
        "mean_over_classes",
        "Your step is divided by the number of classes besides. Over what is the cross-entropy a mean?",
        lambda *a: tuple(part / a[2] for part in _one_step()(*a)),
    ),
    Wrong(
        "equal_counts",
        "With as many samples of each class that would be right. Where they differ, which classes pull more?",
        lambda features, labels, ways, alpha: (
            (head()(features, labels, ways)[0] - head()(features, labels, ways)[0].mean(0)) * (alpha / ways / 2),
            torch.zeros(ways, dtype=features.dtype),
        ),
    ),
    Wrong(
        "by_autograd",
        "The numbers are right, and automatic differentiation found them. Asked for is a formula: what is the gradient "
        "of cross-entropy with respect to the logits?",
        fault="method",
    ),
    autograd=False,
    rtol=1e-12,  # a formula is right to the last digits of a double; a quotient of differences never comes near
    atol=2e-12,
)
