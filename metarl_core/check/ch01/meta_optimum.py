"""The check of the exercise `meta_optimum`."""

import math
from fractions import Fraction

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 6 tasks, 1 to 12 inner steps, step sizes from 0 to 0.95 of the largest that is allowed.

    Every fifth case has the same constants as the others of these, and other tensors.
    """
    tasks, steps = draw.integer(1, 6), draw.integer(6, 12) if draw.chance(0.2) else draw.integer(1, 5)
    dtype = torch.float64 if steps > 5 else draw.choice(torch.float32, torch.float64)  # 1 − αa to the power 2K
    same = draw.chance(0.2)
    if same:
        tasks, steps, dtype = 2, 2, torch.float64
    curvature = 0.2 + draw.normal(tasks, scale=1.5, dtype=dtype).abs()
    centre = draw.normal(tasks, scale=2.0, mean=draw.choice(0.0, 3.0), dtype=dtype)
    share = draw.choice(0.0, *[draw.uniform(0.1, 0.95) for _ in range(5)])
    share = min(share, 0.5) if steps > 5 else share  # so that the weights do not vanish
    inner_lr = math.floor(1024 * share / float(curvature.max())) / 1024  # which float32 holds
    if same:
        inner_lr = min(0.125, inner_lr)
    return case(curvature, centre, inner_lr, steps).noting(
        {
            "there is one task": tasks == 1,
            "there are more than two tasks": tasks > 2,
            "there are two tasks or more, and alpha is above 0": tasks > 1 and inner_lr > 0,
            "there are two tasks or more, and K is above 5": tasks > 1 and steps > 5,
            "K is 1": steps == 1,
            "K is above 5": steps > 5,
            "alpha is 0": inner_lr == 0,
            "the tensors are float64": dtype == torch.float64,
        }
    )


def _by_parabola(curvature, centre, inner_lr, steps):
    """Equation (2) as it stands at three places, in fractions; it is a parabola in θ, and these give its vertex."""
    tasks = [(Fraction(a), Fraction(c)) for a, c in zip(curvature.tolist(), centre.tolist(), strict=True)]

    def total_return(theta):
        total = Fraction(0)
        for a, c in tasks:
            adapted = Fraction(theta)
            for _ in range(steps):
                adapted += Fraction(inner_lr) * -a * (adapted - c)
            total += -a * (adapted - c) ** 2 / 2
        return total

    left, middle, right = total_return(-1), total_return(0), total_return(1)
    return torch.tensor(float((left - right) / (2 * (left - 2 * middle + right))), dtype=centre.dtype)


def _weighted(weight):
    """The mean of the centres under a weight that is a function of curvature, inner_lr and steps."""

    def answer(curvature, centre, inner_lr, steps):
        w = weight(curvature, inner_lr, steps)
        return (w * centre).sum() / w.sum()

    return answer


check_meta_optimum = function_check(
    "meta_optimum",
    _by_parabola,
    _draw_case,
    Wrong(
        "multi_task",
        "This is the multi-task optimum: it maximises the return before adaptation. Where do the inner steps come in?",
        _weighted(lambda a, lr, k: a),
    ),
    Wrong(
        "plain_mean",
        "This is the mean of the centres. Does a task that pulls hard, or adapts badly, count as much as any other?",
        _weighted(lambda a, lr, k: torch.ones_like(a)),
    ),
    Wrong(
        "sign_flip",
        "With this inner step every task walks away from its centre. Which way does one go to raise a return?",
        _weighted(lambda a, lr, k: a * (1 + lr * a) ** (2 * k)),
    ),
    Wrong(
        "first_order",
        "This is where first-order MAML comes to rest. The derivative of J(U(θ)) by θ holds the derivative of U "
        "as well.",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** k),
    ),
    Wrong(
        "no_outer_curvature",
        "The inner steps are in, but the task's own curvature is missing: how much return does a remaining "
        "distance cost?",
        _weighted(lambda a, lr, k: (1 - lr * a) ** (2 * k)),
    ),
    Wrong(
        "one_step",
        "This is right for one inner step. What happens to the remaining distance at the second?",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** 2),
    ),
    Wrong(
        "one_step_too_few",
        "One inner step too few: for K = 1 this is the multi-task optimum. What does the first step do?",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** (2 * k - 2)),
    ),
    Wrong(
        "steps_add_up",
        "Your K steps shorten the distance by K times what one step takes off. "
        "From where does the second step measure its distance?",
        _weighted(lambda a, lr, k: a * (1 - k * lr * a) ** 2),
    ),
    Wrong(
        "inner_sees_half",
        "Your inner step goes half as far as it should. What is the derivative of ½ (θ − c)² by θ?",
        _weighted(lambda a, lr, k: a * (1 - lr * a / 2) ** (2 * k)),
    ),
    Wrong(
        "not_normalised",
        "You add up the weighted centres. If all tasks had the same centre, would your result be that centre?",
        lambda a, c, lr, k: (a * (1 - lr * a) ** (2 * k) * c).sum(),
    ),
    autograd=False,
)
