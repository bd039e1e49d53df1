"""The check of the exercise `motor_share`."""

import math

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by

NODES = ((0.0, 8 / 9), (math.sqrt(3 / 5), 5 / 9), (-math.sqrt(3 / 5), 5 / 9))
"""Gauss and Legendre's on [-1, 1], exact for polynomials of up to the fifth degree"""


def _draw_case(draw):
    """M from 1 to 30, once 80, k from 0 to M, both ends often; u from 0.2 to 3."""
    past = draw.choice(1, *[draw.integer(2, 30)] * 6)
    past = draw.once(17, 80, past)
    new = draw.choice(0, past, *[int(draw.integers(0, past, 1))] * 4)
    width = draw.choice(1.0, *[draw.uniform(0.2, 3)] * 5)
    return case(past, new, width).noting(
        {
            "the window holds a single step": past == 1,
            "no step is of the present body": new == 0,
            "all steps are of the present body": new == past,
            "u is 1": width == 1.0,
        }
    )


def _by_quadrature(past, new, width):
    """Moments by a rule of three points, E[D] and E[D²] by sums over all steps and all pairs of steps."""

    def mean(power):
        return sum(weight / 2 * (width * node) ** power for node, weight in NODES)

    def moments(fresh):
        signs = [1.0] * fresh + [-1.0] * (past - fresh)
        first = sum(sign * mean(2) for sign in signs) / past
        second = sum(
            (mean(4) if i == j else signs[i] * signs[j] * mean(2) ** 2) for i in range(past) for j in range(past)
        )
        return first, second / past**2

    first, second = moments(past)
    alpha = first / (2 * second)  # the vertex of 1 - 4 α E[D] + 4 α² E[D²]
    first, second = moments(new)
    return alpha, 1 - 4 * alpha * first + 4 * alpha**2 * second


def _derived(
    noise=True, two=True, mean=True, older="turned", fourth=5.0, second=3.0, squared=True, at=None, absolute=False,
    extra=False, noise_of="all", root=False, spread_by="mean", own=False,
):  # fmt: skip
    """The answer in closed form, a part of it changed.

    `noise`: whether the window's spread counts; `two`: the 2 of the square's derivative; `mean`: of the loss, or a sum;
    `older`: what the older steps do; `squared`: whether the error is; `at`: the share for this k; `noise_of`: which
    steps are random; `spread_by`: the variance of a sum, a mean, or one step;
    `own`: whether a step that ignores the spread is measured with it.
    """

    def answer(past, new, width):
        m, f = width**2 / second, width**4 / fourth
        new = new if at is None else {"all": past, "none": 0}[at]
        divided = {"mean": past, "one": 1, "squared": past**2}[spread_by]
        spread = (f - m**2) / divided if noise else 0.0
        alpha = m / (2 * (m**2 + (0.0 if own else spread)))
        towards = {"turned": m * (2 * new - past) / past, "missing": m * new / past, "same": m}[older]
        share = 1 - 4 * alpha * towards + 4 * alpha**2 * (towards**2 + (0 if noise_of == "none" else spread))
        alpha = 2 * alpha if not two else alpha
        alpha = alpha / past if not mean else alpha
        if absolute:
            share = share * m
        if not squared:
            share = abs(1 - 2 * alpha * towards)
        return alpha, math.sqrt(share) if root else share

    return answer


def _right(place):
    """Whether one of the two numbers is right, and the other is not."""

    def when(got, *a):
        expected = _by_quadrature(*a)
        near = [math.isclose(float(x), y, rel_tol=1e-6, abs_tol=1e-6) for x, y in zip(got, expected, strict=True)]
        return near[place] and not near[1 - place]

    return when


def _own_step(got, past, new, width):
    """The share is that of the step size which stands beside it."""
    alpha, m = float(got[0]), width**2 / 3
    towards, spread = m * (2 * new - past) / past, 4 * width**4 / (45 * past)
    return math.isclose(float(got[1]), 1 - 4 * alpha * towards + 4 * alpha**2 * (towards**2 + spread), rel_tol=1e-6)


check_motor_share = function_check(
    "motor_share",
    _by_quadrature,
    _draw_case,
    Wrong(
        "spread_ignored",
        "Your step is the best where the mean of a² over the window is just what one expects. Is it, with few steps?",
        when=given_by(_derived(noise=False), _derived(own=True)),
    ),
    Wrong(
        "spread_of_one",
        "Your window varies as much as a single step. What does a mean of M steps do to a variance?",
        _derived(spread_by="one"),
    ),
    Wrong(
        "spread_too_small",
        "The spread of your window is divided by M twice.",
        _derived(spread_by="squared"),
    ),
    Wrong(
        "older_missing",
        "In your share the older steps do nothing. They are in the window, and say the opposite.",
        _derived(older="missing"),
    ),
    Wrong(
        "older_agree",
        "Your share is the same for all k. What do the M - k older steps say?",
        when=given_by(_derived(older="same"), _derived(at="all")),
    ),
    Wrong("always_turned", "Your share is the same for all k: that of k = 0.", _derived(at="none")),
    Wrong(
        "two_missing",
        "Your step size is twice the best one, and the share belongs to the best. What is the derivative of a square?",
        _derived(two=False),
    ),
    Wrong(
        "of_a_sum",
        "Your step size is that of a sum over the window. What does (4) divide by?",
        _derived(mean=False),
    ),
    Wrong(
        "not_squared",
        "Your share is that of the expected error, without a square: errors of both signs would cancel.",
        _derived(squared=False),
    ),
    Wrong("root", "Your share is the root of what was asked for.", _derived(root=True)),
    Wrong(
        "not_a_share",
        "Your error is multiplied by E[a²]. In units of the fixed model's error, it is not.",
        _derived(absolute=True),
    ),
    Wrong(
        "share_wrong",
        "Your step size is right. The share is not: E[(1 - 2 α D)²] is more than (1 - 2 α E[D])².",
        _derived(noise_of="none"),
    ),
    Wrong("share_alone", "Your step size is right, the share is not.", when=_right(0)),
    Wrong("step_alone", "The share is right, your step size is not.", when=_right(1)),
    Wrong(
        "another_step",
        "The share is that of your step size, which is not the best one.",
        when=_own_step,
    ),
)
