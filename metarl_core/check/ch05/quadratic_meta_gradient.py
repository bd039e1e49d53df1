"""The check of the exercise `quadratic_meta_gradient`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch05.oracles import bowl, descend, positive
from metarl_core.check.compare import difference
from metarl_core.check.oracles import central_differences


def _one_task_cases():
    for seed, (size, alpha, steps) in enumerate(((3, 0.2, 1), (4, 0.15, 3), (2, 0.3, 2))):
        generator = torch.Generator().manual_seed(10 + seed)
        curvatures = positive(generator, 2, size)
        points = torch.randn(3, size, generator=generator, dtype=torch.float64)
        yield case(points[0], curvatures[0], points[1], curvatures[1], points[2], alpha, steps)


def _quadratic_by_differences(theta, support_a, support_c, query_a, query_c, alpha, steps):
    query = bowl(query_a, query_c)
    return central_differences(lambda start: query(descend(bowl(support_a, support_c), start, alpha, steps)[-1]), theta)


def _quadratic(theta, support_a, support_c, query_a, query_c, alpha, steps, **changed):
    identity = torch.eye(len(theta), dtype=theta.dtype)
    factor = torch.linalg.matrix_power(
        identity + changed.get("sign", -1) * alpha * changed.get("inside", support_a), changed.get("power", steps)
    )
    path = descend(bowl(changed.get("towards", support_a), support_c), theta, alpha, changed.get("taken", steps))
    if changed.get("swap"):
        return query_a @ factor @ (path[-1] - query_c)
    return factor @ query_a @ (path[-1] - query_c)


def _powered_by_entries(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """`**` in the place of a power of the matrix, in the Jacobian alone or in the adapted point, too."""
    factor = (torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a) ** steps
    points = (descend(bowl(support_a, support_c), theta, alpha, steps)[-1], support_c + factor @ (theta - support_c))
    return any(difference(got, factor @ query_a @ (point - query_c), 1e-6, 1e-9) is None for point in points)


check_quadratic_meta_gradient = function_check(
    "quadratic_meta_gradient",
    _quadratic_by_differences,
    _one_task_cases,
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
        "With one step you are right, with more you are not: each entry of the matrix is raised by itself. How does "
        "one apply a matrix several times?",
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
        "not_adapted",
        "The factor is right, but the query gradient is taken at theta. Where has the inner loop brought it?",
        lambda *a: _quadratic(*a, taken=0),
    ),
    Wrong("sign", "Your factor is larger than one. Does an inner step shrink distances or stretch them?",
          lambda *a: _quadratic(*a, sign=1)),
    Wrong(
        "factor_twice",
        "The factor has twice the power that it should. For equal support and query losses both occurrences become "
        "one; which of the two is in the adapted point already?",
        lambda *a: _quadratic(*a, power=2 * a[6]),
    ),
)  # fmt: skip
