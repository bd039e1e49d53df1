"""The check of the exercise `taylor_coefficients`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _draw_case(draw):
    """One to five weights, or twelve: any numbers, small and large, or those of Reptile, FOMAML and a difference."""
    k = draw.choice(*[draw.integer(1, 5)] * 7, 12)
    kind = draw.choice("any", "any", "any", "any", "equal", "last only", "sum 0")
    weights = draw.choice(1.0, 1.0, 40.0) * (
        draw.skewed(k) - 0.5 if draw.size >= 0.3 else draw.integers(-2, 3, k).double()
    )
    if kind == "equal":
        weights = torch.full((k,), draw.uniform(0.5, 3), dtype=torch.float64)
    elif kind == "last only":
        weights = torch.eye(k, dtype=torch.float64)[-1] * draw.choice(1.0, draw.uniform(-2, 2))
    elif kind == "sum 0":
        weights = weights - weights.mean()
    return case(weights).noting(
        {
            "there is one gradient only": k == 1,
            "there are more than two gradients": k > 2,
            "there are twelve gradients": k == 12,
            "all weights are equal": bool((weights == weights[0]).all()),
            "a weight is negative": bool((weights < 0).any()),
            "the weights' sum is 0": abs(float(weights.sum())) < 1e-9,
        }
    )


def _measured_coefficients(weights):
    """Run the inner loop on random quadratics; read both coefficients off.

    The orders of the minibatches are b, b + a, b + 2a, ... modulo a prime, for all a and b: at any two places of an
    inner loop every pair of different minibatches stands once. The step size is a tiny imaginary number: the imaginary
    part is then the derivative, without a difference.
    """
    k, tiny = len(weights), 1e-30
    n = next(prime for prime in (2, 3, 5, 7, 11, 13) if prime > k)
    generator = torch.Generator().manual_seed(7)
    root = torch.randn(n, 3, 3, generator=generator, dtype=torch.float64)
    hessians, slopes = root @ root.mT, torch.randn(n, 3, generator=generator, dtype=torch.float64)
    pairs = list(itertools.permutations(range(n), 2))
    average, inner = slopes.mean(0), sum(hessians[i] @ slopes[j] for i, j in pairs) / len(pairs)

    orders = torch.tensor([[(b + a * i) % n for i in range(k)] for a in range(1, n) for b in range(n)])
    moved = torch.zeros(len(orders), 3, dtype=torch.complex128)
    combined = torch.zeros_like(moved)
    for weight, i in zip(weights, orders.T, strict=True):
        gradient = slopes[i] + (hessians[i].to(moved.dtype) @ moved[:, :, None])[:, :, 0]
        combined = combined + weight * gradient
        moved = moved - 1j * tiny * gradient
    at_zero, first = combined.mean(0).real, combined.mean(0).imag / tiny
    return torch.stack([at_zero @ average / (average @ average), -(first @ inner) / (inner @ inner)])


def _counted(pairs, first=lambda w: w.sum()):
    """[first(w), Σ w_i · pairs(i, k)] with i from 1."""

    def answer(weights):
        k = len(weights)
        many = torch.tensor([float(pairs(i, k)) for i in range(1, k + 1)], dtype=torch.float64)
        return torch.stack([first(weights), (weights * many).sum()])

    return answer


def _of_changed(change):
    """The right coefficients of other weights."""
    return lambda weights: _counted(lambda i, k: i - 1)(change(weights))


def _normalised(weights):
    both = _of_changed(lambda w: w)(weights)
    return torch.stack([torch.ones_like(both[0]), both[1] / both[0]])


check_taylor_coefficients = function_check(
    "taylor_coefficients",
    _measured_coefficients,
    _draw_case,
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
        "place_ignored",
        "There are as many pairs as in Reptile, shared out equally: that is right where all weights are equal. Does "
        "the last gradient feel no more steps than the first?",
        _counted(lambda i, k: (k - 1) / 2),
    ),
    Wrong(
        "pairs_added_up",
        "For each gradient you count all pairs among the gradients up to it. In how many of these pairs is it itself?",
        _counted(lambda i, k: i * (i - 1) / 2),
    ),
    Wrong(
        "squared",
        "The number of steps before a gradient is squared. Does one earlier step shift it by more the later it comes?",
        _counted(lambda i, k: (i - 1) ** 2),
    ),
    Wrong(
        "order",
        "Both coefficients are there, in the wrong order.",
        lambda w: _counted(lambda i, k: i - 1)(w).flip(0),
    ),
    Wrong(
        "later_steps",
        "The pairs are counted from the wrong end: a gradient feels the steps made before it, not those after it.",
        _counted(lambda i, k: k - i),
    ),
    Wrong(
        "later_steps_and_own",
        "The pairs are counted from the wrong end, and each gradient is paired with itself as well.",
        _counted(lambda i, k: k - i + 1),
    ),
    Wrong(
        "last_only",
        "Only the last gradient is shifted by earlier steps. Is the second one taken where the first was?",
        _counted(lambda i, k: (k - 1) * (i == k)),
    ),
    Wrong(
        "half",
        "The second coefficient is half of what it should be. Which pairs did you count twice, and then halve?",
        _counted(lambda i, k: (i - 1) / 2),
    ),
    Wrong(
        "weights_squared",
        "The weights are squared. Is the expectation of the sum linear in them?",
        _of_changed(torch.square),
    ),
    Wrong(
        "sizes_of_weights",
        "The sign of a weight is lost somewhere. What if one of them is negative?",
        when=lambda got, w: any(
            difference(got, torch.stack([c[0], d[1]]), None, None) is None
            for c, d in itertools.product([_of_changed(lambda w: w)(w), _of_changed(torch.abs)(w)], repeat=2)
        ),
    ),
    Wrong(
        "normalised",
        "You divide by the sum of the weights. Nothing in the equation does, and the sum may be 0.",
        _normalised,
    ),
    Wrong(
        "weighted_steps",
        "The steps before a gradient count with their weights. The weights stand in what is done with the gradients "
        "afterwards: is an inner step weighted?",
        lambda w: torch.stack([w.sum(), (w * (w.cumsum(0) - w)).sum()]),
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
    Wrong(
        "both_averaged",
        "Both coefficients are too small by the number of gradients. Is the sum in the equation a mean?",
        lambda w: _counted(lambda i, k: i - 1)(w) / len(w),
    ),
    cases=40,
)  # fmt: skip
