"""The check of the exercise `meta_gradients`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _meta_cases():
    for seed, (size, number, queries, alpha, steps, discount) in enumerate(
        ((3, 6, 5, 0.1, 3, 0.9), (4, 8, 6, 0.2, 2, 0.8), (2, 5, 7, 0.15, 4, 0.95))
    ):
        generator = torch.Generator().manual_seed(40 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        yield case(
            draw(size), draw(number, size), draw(number), draw(number, size), draw(queries, size), draw(queries),
            alpha, steps, discount,
        )  # fmt: skip


def _adapted(theta, source, phi, rewards, phi_next, alpha, steps, discount):
    """θ' of the inner loop from theta on, with targets made by `source`: a differentiable function of both."""
    for _ in range(steps):
        delta = rewards + discount * phi_next @ source - phi @ theta
        theta = theta + 2 * alpha / len(rewards) * phi.T @ delta
    return theta


def _by_differentiation(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """Automatic differentiation of the outer loss, with the targets' parameters held and with them moving."""

    def outer(point, source):
        end = _adapted(point, source, phi, rewards, phi_next, alpha, steps, discount)
        return (query_y - query_phi @ end).square().mean()

    return {
        "frozen": torch.func.grad(lambda point: outer(point, theta))(theta),
        "whole": torch.func.grad(lambda point: outer(point, point))(theta),
    }


def _by_matrices(
    theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount,
    powers=None, path="all", transpose=True, prime=True, factors=(2.0, 2.0), frozen_path=False,
):  # fmt: skip
    eye = torch.eye(len(theta), dtype=theta.dtype)
    inner, outer = factors
    M = eye - inner * alpha / len(rewards) * phi.T @ phi
    push = inner * alpha * discount / len(rewards) * phi.T @ phi_next
    end = _adapted(theta, theta, phi, rewards, phi_next, alpha, steps, discount) if prime else theta
    g = outer / len(query_y) * query_phi.T @ (query_phi @ end - query_y)
    held = torch.linalg.matrix_power(M, steps if powers is None else powers)
    terms = {"all": range(steps), "last": [0], "first": [steps - 1], "none": [], "unshrunk": None}[path]
    extra = steps * push if terms is None else sum((torch.linalg.matrix_power(M, j) @ push for j in terms), 0 * push)
    whole = held + extra
    return {
        "frozen": ((whole.T if transpose else whole) if frozen_path else held) @ g,
        "whole": (whole.T if transpose else whole) @ g,
    }


def _matrix_fault(**fault):
    return lambda *a: _by_matrices(*a, **fault)


check_meta_gradients = function_check(
    "meta_gradients",
    _by_differentiation,
    _meta_cases,
    Wrong(
        "first_order",
        "These are gradients at the adapted parameters. How far do those move when theta does?",
        _matrix_fault(powers=0, path="none"),
    ),
    Wrong(
        "one_factor",
        "One step of the inner loop is accounted for. How many are there?",
        _matrix_fault(powers=1, path="none"),
    ),
    Wrong(
        "path_forgotten",
        "`frozen` is right, and `whole` is equal to it. Which parameters made the targets of the inner loop?",
        _matrix_fault(path="none"),
    ),
    Wrong(
        "path_once",
        "`frozen` is right. In `whole` the targets act in one step only: in how many were they used?",
        when=lambda got, *a: any(
            difference(got, _by_matrices(*a, path=path), 1e-6, 1e-9) is None for path in ("last", "first")
        ),
    ),
    Wrong(
        "path_not_shrunk",
        "`frozen` is right. In `whole` the effect of an early target is counted in full; the steps that come after it "
        "undo a part.",
        _matrix_fault(path="unshrunk"),
    ),
    Wrong(
        "frozen_moves",
        "`whole` is right, and `frozen` is equal to it. In `frozen` the targets are data, like the rewards.",
        _matrix_fault(frozen_path=True),
    ),
    Wrong(
        "not_transposed",
        "`frozen` is right, since its matrix is symmetric. The one of `whole` is not: a gradient is multiplied from "
        "which side?",
        _matrix_fault(transpose=False),
    ),
    Wrong(
        "query_at_theta",
        "The way back is right; it starts at the wrong place. At which parameters is the outer loss evaluated?",
        _matrix_fault(prime=False),
    ),
    atol=1e-9,
)
