"""The check of the exercise `best_step_size`."""

from fractions import Fraction

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by


def _draw_case(draw):
    """1 to 6 tasks, once 60, starts among and beyond their centres; noise of none, of all or of some of them.

    Now and then several cases share everything but one argument, so that none can be left out unseen.
    """
    tasks, dtype = draw.integer(1, 6), draw.choice(torch.float32, torch.float64)
    tasks = draw.once(17, 60, tasks)
    curvature = 0.2 + draw.normal(tasks, scale=1.5, dtype=dtype).abs()
    centre = draw.normal(tasks, scale=2.0, mean=draw.choice(0.0, 3.0), dtype=dtype)
    noise = draw.normal(tasks, scale=draw.choice(0.0, 0.5, 3.0), dtype=dtype).abs()
    some = draw.chance(0.2)
    if some:
        noise = torch.where(draw.flags(tasks, share=0.5), torch.zeros_like(noise), noise)
    theta = draw.uniform(-3.0, 3.0)
    at_home = draw.chance(0.25)
    if at_home:  # one task is solved already
        theta = draw.uniform(-3.0, 3.0)
        centre[0] = theta
    solved = tasks == 1 and at_home
    if solved and not bool((noise > 0).any()):
        noise = torch.full_like(noise, 0.5)  # nothing to gain and nothing to lose: no answer
    return case(curvature, centre, theta, noise).noting(
        {
            "there is one task": tasks == 1,
            "there are two tasks or more": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "no gradient is noisy": not bool((noise > 0).any()),
            "some gradients are noisy and some are not": bool((noise > 0).any() and (noise == 0).any()),
            "theta is at one task's centre": at_home,
            "there is nothing to gain": solved,
            "the tensors are float64": dtype == torch.float64,
        }
    )


def _by_parabola(curvature, centre, theta, noise):
    """The mean of (2) at three step sizes, in fractions; it is a parabola in alpha, and these give its vertex.

    The noise is +1 or −1 with equal chances: of mean 0 and variance 1, which is all that matters.
    """
    tasks = [
        tuple(map(Fraction, task)) for task in zip(curvature.tolist(), centre.tolist(), noise.tolist(), strict=True)
    ]
    start = Fraction(theta)

    def mean_return(alpha):
        total = Fraction(0)
        for a, c, sigma in tasks:
            for sign in (-1, 1):
                adapted = start + alpha * (-a * (start - c) + sigma * sign)
                total -= a * (adapted - c) ** 2 / 4
        return total

    left, middle, right = map(mean_return, (-1, 0, 1))
    return torch.tensor(float((left - right) / (2 * (left - 2 * middle + right))), dtype=centre.dtype)


def _ratio(gain, cost):
    """sum of gain / sum of cost, each a function of curvature a, distance d and noise s."""

    def answer(curvature, centre, theta, noise):
        distance = theta - centre
        return gain(curvature, distance, noise).sum() / cost(curvature, distance, noise).sum()

    return answer


def _of_curvatures(formula):
    return lambda curvature, centre, theta, noise: formula(curvature)


def _mean_of_the_best(curvature, centre, theta, noise):
    distance = theta - centre
    return ((curvature * distance) ** 2 / (curvature**3 * distance**2 + curvature * noise**2)).mean()


def _right(curvature, centre, theta, noise):
    return _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a**3 * d**2 + a * s**2)(curvature, centre, theta, noise)


check_best_step_size = function_check(
    "best_step_size",
    _by_parabola,
    _draw_case,
    Wrong(
        "noise_left_out",
        "This is the best step size for exact gradients. What does the noise of the estimate add to the mean squared "
        "distance after the step?",
        _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a**3 * d**2),
    ),
    Wrong(
        "noise_raises_the_step",
        "With more noise your step becomes longer. Is a gradient worth following further if it is less certain?",
        _ratio(lambda a, d, s: (a * d) ** 2 + s**2, lambda a, d, s: a**3 * d**2),
    ),
    Wrong(
        "noise_is_signal",
        "You treat the noise as if it were gradient: it stands in both sums. Which of its terms survives the "
        "mean in the part without α?",
        _ratio(lambda a, d, s: (a * d) ** 2 + s**2, lambda a, d, s: a**3 * d**2 + a * s**2),
    ),
    Wrong(
        "start_left_out",
        "Your distances are measured from 0. Where does the step begin?",
        lambda a, c, theta, s: ((a * c) ** 2).sum() / (a**3 * c**2 + a * s**2).sum(),
    ),
    Wrong(
        "each_tasks_own",
        "You average the step sizes that suit each task best. Asked for is one step size for all of them: which "
        "mean is to be largest?",
        when=given_by(_of_curvatures(lambda a: (1 / a).mean()), _mean_of_the_best),
    ),
    Wrong(
        "mean_curvature",
        "This suits a task of mean curvature. Do all tasks have as far to go from θ?",
        _of_curvatures(lambda a: 1 / a.mean()),
    ),
    Wrong(
        "steepest_task",
        "This is the best step size for the steepest task alone.",
        _of_curvatures(lambda a: 1 / a.max()),
    ),
    Wrong(
        "distance_left_out",
        "In your step size it does not matter how far a task is from θ. Does a task that is solved already vote?",
        _ratio(lambda a, d, s: a**2, lambda a, d, s: a**3 + a * s**2),
    ),
    Wrong(
        "noise_not_squared",
        "The noise enters as a standard deviation. Which moment of it stays in a mean of squares?",
        _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a**3 * d**2 + a * s),
    ),
    Wrong(
        "noise_shrinks",
        "You let the curvature act on the noise as it acts on the distance. In (2), what is the noise multiplied by?",
        _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a**3 * (d**2 + s**2)),
    ),
    Wrong(
        "noise_without_curvature",
        "The noise has the same weight in every task. How much return does a remaining distance cost in a steep task?",
        _ratio(lambda a, d, s: (a * d) ** 2, lambda a, d, s: a**3 * d**2 + s**2),
    ),
    Wrong(
        "distances_not_returns",
        "This makes the mean squared distance smallest, not the mean return largest. What weighs a distance in $J$?",
        _ratio(lambda a, d, s: a * d**2, lambda a, d, s: a**2 * d**2 + s**2),
    ),
    Wrong(
        "distance_not_squared",
        "A distance enters to the first power, so that tasks on both sides of θ cancel. Which power has it in $J$?",
        _ratio(lambda a, d, s: a**2 * d, lambda a, d, s: a**3 * d + a * s**2),
    ),
    Wrong(
        "twice",
        "This is twice the best step size: as far beyond the top of the parabola as no step at all is before it.",
        lambda *a: 2 * _right(*a),
    ),
    Wrong(
        "sign",
        "Your step size has the wrong sign: with it every task walks away from its centre.",
        lambda *a: -_right(*a),
    ),
    autograd=False,
)
