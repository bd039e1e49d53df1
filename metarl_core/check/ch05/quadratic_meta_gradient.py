"""The check of the exercise `quadratic_meta_gradient`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch05.oracles import adapted, asked_before, draw_curvatures, draw_step, meta_gradient
from metarl_core.check.oracles import same
from metarl_core.check.revisited import after_another


def _draw_case(draw):
    """One to four dimensions, no step to five, or twelve, or forty, once sixty; step sizes from 0 to 1.6 over the
    largest curvature, and to 2.5 where there are few steps.

    Now and then all points are in the thousands: the losses are large then beside their slopes, and a quotient of their
    differences is rounded.
    """
    size, steps = draw.integer(1, 4), draw.choice(*[draw.integer(0, 5)] * 14, 12, 40)
    steps = draw.once(17, 60, steps)
    support_a, query_a = draw_curvatures(draw, 2, size)
    support_c, query_c = draw.normal(size, mean=2), draw.skewed(size, scale=2)
    if equal := draw.chance(0.2):
        query_a, query_c = support_a, support_c
    alpha = draw_step(draw, support_a, draw.choice(1.6, 1.6, 2.5) if steps < 6 else 0.2 if steps > 40 else 1.6)
    far = draw.choice(1.0, 1.0, 1.0, 4096.0)
    theta = far * draw.normal(size, scale=2)
    return case(theta, support_a, far * support_c, query_a, far * query_c, alpha, steps).noting(
        {
            "theta and the centres are in the thousands": far > 1,
            "there are several steps": steps > 1,
            "there are more than two steps": steps > 2,
            "there are more than five steps": steps > 5,
            "alpha times a curvature is above 2": alpha * float(torch.linalg.eigvalsh(support_a).max()) > 2,
            "alpha times a curvature is above 1": alpha * float(torch.linalg.eigvalsh(support_a).max()) > 1,
            "there is no step": steps == 0,
            "alpha is 0": alpha == 0,
            "theta has one entry": size == 1,
            "support and query loss are the same": equal,
            "another task was asked about with the same alpha and steps before": asked_before(size),
        }
    )


def _of_another_task(theta, support_a, support_c, query_a, query_c, alpha, steps):
    return theta, query_a + support_a, query_c, support_a, support_c, alpha, steps


def _quadratic(theta, support_a, support_c, query_a, query_c, alpha, steps, **changed):
    """The gradient with faults: of the factor (sign, what is inside, its power), the steps taken, and the order."""
    identity = torch.eye(len(theta), dtype=theta.dtype)
    factor = torch.linalg.matrix_power(
        identity + changed.get("sign", -1) * alpha * changed.get("inside", support_a), changed.get("power", steps)
    )
    end = adapted(support_a, changed.get("towards", support_c), theta, alpha, changed.get("taken", steps))
    if changed.get("swap"):
        return query_a @ factor @ (end - changed.get("centre", query_c))
    return factor @ changed.get("curvature", query_a) @ (end - changed.get("centre", query_c))


def _powered_by_entries(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """`**` in the place of a power of the matrix, in the Jacobian alone or in the adapted point, too."""
    factor = (torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a) ** steps
    ends = (adapted(support_a, support_c, theta, alpha, steps), support_c + factor @ (theta - support_c))
    return same(got, *(factor @ query_a @ (end - query_c) for end in ends))


def _of_diagonals(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """The diagonal of A alone, in the Jacobian alone or in the adapted point, too."""
    factor = ((1 - alpha * support_a.diag()) ** steps).diag()
    ends = (adapted(support_a, support_c, theta, alpha, steps), support_c + factor @ (theta - support_c))
    return same(got, *(factor @ query_a @ (end - query_c) for end in ends))


def _flow(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """exp(−K α A) in the place of the power, in the Jacobian alone or in the adapted point, too."""
    factor = torch.matrix_exp(-steps * alpha * support_a)
    ends = (adapted(support_a, support_c, theta, alpha, steps), support_c + factor @ (theta - support_c))
    return same(got, *(factor @ query_a @ (end - query_c) for end in ends))


def _swapped(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """The matrices of the two losses, their centres, or both."""
    pairs = ((query_a, support_c, support_a, query_c), (support_a, query_c, query_a, support_c))
    pairs = (*pairs, (query_a, query_c, support_a, support_c))
    return same(got, *(meta_gradient(theta, *four, alpha, steps) for four in pairs))


def _one_long_step(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """I − K α A in the place of the power, in the Jacobian alone or in the adapted point, too."""
    factor = torch.eye(len(theta), dtype=theta.dtype) - steps * alpha * support_a
    ends = (adapted(support_a, support_c, theta, alpha, steps), support_c + factor @ (theta - support_c))
    return same(got, *(factor @ query_a @ (end - query_c) for end in ends))


check_quadratic_meta_gradient = function_check(
    "quadratic_meta_gradient",
    meta_gradient,
    _draw_case,
    Wrong(
        "by_autograd",
        "The numbers are right, and autograd found them. Asked for is the formula that you derived.",
        fault="method",
    ),
    Wrong(
        "first_order",
        "That is the query gradient at the adapted parameters, FOMAML's. By how much do these move when theta moves?",
        lambda *a: _quadratic(*a, power=0),
    ),
    Wrong(
        "factor_once",
        "One step is right, several are not: the factor occurs once. How far has a small change of theta shrunk after "
        "all of the steps?",
        lambda *a: _quadratic(*a, power=1),
    ),
    Wrong(
        "power_of_entries",
        "Each entry of the matrix is raised to the power K by itself. How does one apply a matrix several times?",
        when=_powered_by_entries,
    ),
    Wrong(
        "wrong_side",
        "The factors are right and in the wrong order. The query gradient is a vector already when the chain rule "
        "brings it back to theta.",
        lambda *a: _quadratic(*a, swap=True),
    ),
    Wrong(
        "query_curvature_inside",
        "Your factor holds the curvature of the query loss. Which loss does the inner step descend?",
        lambda *a: _quadratic(*a, inside=a[3]),
    ),
    Wrong(
        "outer_on_support",
        "That is the gradient of the support loss after the steps on it. Which loss does the outer loop judge by?",
        lambda *a: _quadratic(*a, curvature=a[1], centre=a[2]),
    ),
    Wrong(
        "one_centre",
        "You measure the distance to the centre of the support loss, with the curvature of the query loss. Where is "
        "the query loss smallest?",
        lambda *a: _quadratic(*a, centre=a[2]),
    ),
    Wrong(
        "not_adapted",
        "The factor is right, but the query gradient is taken at theta. Where has the inner loop brought it?",
        lambda *a: _quadratic(*a, taken=0),
    ),
    Wrong(
        "one_long_step",
        "Your factor is that of one step of length K α. Is the slope the same all of the way?",
        when=_one_long_step,
    ),
    Wrong(
        "flow",
        "Your factor is an exponential, as if the inner loop flowed downhill. Its steps have a length.",
        when=_flow,
    ),
    Wrong(
        "diagonal_only",
        "Only the diagonal of the support loss's matrix counts in your factor. What do its other entries do?",
        when=_of_diagonals,
    ),
    Wrong(
        "swapped",
        "The matrices of the two losses have changed places, or their centres, or both. Which loss is descended, and "
        "which one judges?",
        when=_swapped,
    ),
    Wrong(
        "steps_miscounted",
        "That is the gradient after one inner step more, or one less, than K.",
        when=lambda got, *a: same(got, *(meta_gradient(*a[:6], max(0, a[6] + more)) for more in (-1, 1))),
    ),
    Wrong(
        "centre_not_added",
        "What you take for the adapted parameters is their distance from the centre of the support loss.",
        lambda *a: _quadratic(*a, centre=a[2] + a[4]),
    ),
    Wrong(
        "one_factor_less",
        "The factor stands once too few: how many steps lie between theta and the adapted parameters?",
        lambda *a: _quadratic(*a, power=max(a[6] - 1, 0)),
    ),
    Wrong(
        "support_centre_forgotten",
        "You let the inner loop lead to the origin. To which point does the support loss lead?",
        lambda *a: _quadratic(*a, towards=torch.zeros_like(a[2])),
    ),
    Wrong(
        "centres_alike",
        "The distance to the query's centre shrinks by the factor: that is so where both centres are the same.",
        lambda theta, sa, sc, qa, qc, alpha, steps: _quadratic(theta, sa, sc, qa, qc, alpha, steps, towards=qc),
    ),
    Wrong(
        "half",
        "Half of what it should be. The ½ in front of a square is there for its derivative.",
        lambda *a: 0.5 * _quadratic(*a),
    ),
    Wrong("sign", "There is a plus in your factor. Does an inner step shrink distances or stretch them?",
          lambda *a: _quadratic(*a, sign=1)),
    Wrong(
        "factor_twice",
        "The factor has twice the power that it should. For equal support and query losses both occurrences become "
        "one; which of the two is in the adapted point already?",
        lambda *a: _quadratic(*a, power=2 * a[6]),
    ),
    observe=after_another(_of_another_task, lambda theta, *rest: asked_before(len(theta))),
    cases=40,
    rtol=1e-12,
    atol=1e-9,
    autograd=False,
)  # fmt: skip
