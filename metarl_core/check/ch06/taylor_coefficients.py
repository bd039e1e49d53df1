"""The check of the exercise `taylor_coefficients`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check


def _weight_cases():
    for weights in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0), (0.5, -2.0, 1.5), (1.0, 3.0), (2.0, 0.0, -1.0, 0.5)):
        yield case(torch.tensor(weights, dtype=torch.float64))


def _measured_coefficients(weights, alpha=1e-6):
    """Run the inner loop on random quadratics in every order of the minibatches; read both coefficients off."""
    k, generator = len(weights), torch.Generator().manual_seed(7)
    root = torch.randn(k, 3, 3, generator=generator, dtype=torch.float64)
    hessians, slopes = root @ root.mT, torch.randn(k, 3, generator=generator, dtype=torch.float64)
    pairs = list(itertools.permutations(range(k), 2))
    inner = sum(hessians[i] @ slopes[j] for i, j in pairs) / len(pairs)

    def expected(step):
        total, orders = torch.zeros(3, dtype=torch.float64), list(itertools.permutations(range(k)))
        for order in orders:
            moved = torch.zeros(3, dtype=torch.float64)
            for weight, i in zip(weights, order, strict=True):
                gradient = slopes[i] + hessians[i] @ moved
                total = total + weight * gradient
                moved = moved - step * gradient
        return total / len(orders)

    average, at_zero = slopes.mean(0), expected(0.0)
    second = (expected(alpha) - at_zero) / alpha
    return torch.stack([at_zero @ average / (average @ average), -(second @ inner) / (inner @ inner)])


def _counted(pairs, first=lambda w: w.sum()):
    """[first(w), Σ w_i · pairs(i, k)] with i from 1."""

    def answer(weights):
        k = len(weights)
        many = torch.tensor([float(pairs(i, k)) for i in range(1, k + 1)], dtype=torch.float64)
        return torch.stack([first(weights), (weights * many).sum()])

    return answer


check_taylor_coefficients = function_check(
    "taylor_coefficients",
    _measured_coefficients,
    _weight_cases,
    Wrong(
        "sign",
        "The second coefficient has the wrong sign. Mind the minus that stands in front of it in the equation already.",
        _counted(lambda i, k: 1 - i),
    ),
    Wrong(
        "off_by_one",
        "One pair too many for each gradient. How many steps were made *before* the first gradient was taken?",
        _counted(lambda i, k: i),
    ),
    Wrong(
        "previous_only",
        "Each gradient is shifted by the step right before it only. What about the steps before that one?",
        _counted(lambda i, k: min(i - 1, 1)),
    ),
    Wrong(
        "all_others",
        "Each gradient is paired with all others, also with those that come after it.",
        _counted(lambda i, k: k - 1),
    ),
    Wrong(
        "later_steps",
        "The pairs are counted from the wrong end: a gradient feels the steps made before it, not those after it.",
        _counted(lambda i, k: k - i),
    ),
    Wrong(
        "maml_factor",
        "Twice too large: that is the second term of MAML, which differentiates through the steps as well.",
        _counted(lambda i, k: 2 * (i - 1)),
    ),
    Wrong(
        "weights_ignored",
        "You give the coefficients of Reptile whatever the weights are.",
        lambda weights: torch.tensor(
            [float(len(weights)), len(weights) * (len(weights) - 1) / 2], dtype=weights.dtype
        ),
    ),
    Wrong(
        "mean_of_weights",
        "The second coefficient is right, the first is not: are the gradients added up, or averaged?",
        _counted(lambda i, k: i - 1, lambda w: w.mean()),
    ),
    rtol=1e-5,
)  # fmt: skip
