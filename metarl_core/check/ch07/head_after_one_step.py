"""The check of the exercise `head_after_one_step`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch07.oracles import feature_cases, head


def _step_cases():
    for alpha, one in zip((0.5, 2.0, 0.8), feature_cases(), strict=True):
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
        lambda features, labels, ways, alpha: tuple(alpha * part for part in head()(features, labels, ways)),
    ),
)
