"""The check of the exercise `meta_gradients`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by
from metarl_core.check.compare import difference


def _draw_case(draw):
    """1 to 4 features, 1 to 6 transitions, 1 to 5 queries, 0 to 16 steps, once 60, gamma from 0 to 1, steps from 0.

    Now and then theta, rewards and targets are in the millions: the loss is large then beside its slopes, and a
    quotient of its differences is rounded.
    """
    size, number, queries = draw.integer(1, 4), draw.integer(1, 6), draw.integer(1, 5)
    steps = draw.choice(0, 1, *[draw.integer(2, 4)] * 4, *[draw.integer(2, 16)] * 2)
    number, queries, steps = draw.once(16, 60, number), draw.once(19, 60, queries), draw.once(17, 60, steps)
    alpha = draw.uniform(0.02, 0.4) if steps < 5 else draw.uniform(0.01, 0.1)  # or the powers grow and grow
    alpha = draw.choice(0.0, *[alpha] * 9)
    discount = draw.choice(0.0, 1.0, *[draw.uniform(0.3, 0.99)] * 4)
    far = draw.choice(1.0, 1.0, 1.0, 2.0**20)
    return case(
        far * draw.normal(size), draw.skewed(number, size), far * (draw.skewed(number) + draw.uniform(-1, 1)),
        draw.skewed(number, size), draw.normal(queries, size), far * draw.skewed(queries), alpha, steps, discount,
    ).noting(
        {
            "theta, rewards and targets are in the millions": far > 1,
            "gamma is 0": discount == 0,
            "there are no inner steps": steps == 0,
            "there is more than one inner step": steps > 1,
            "there are more than four inner steps": steps > 4,
            "there is a single feature": size == 1,
            "there are fewer transitions than features": number < size,
        }
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
    powers=None, path="all", transpose=True, prime=True, length=1.0, renewed=False, undiscounted=False,
    end=None, sign=1.0, without_power=False, entrywise=False, pushed_first=False,
    more=0, linear=False,
):  # fmt: skip
    """(frozen, whole) as powers and sums; one thing may be wrong."""
    eye = torch.eye(len(theta), dtype=theta.dtype)
    arguments = theta, theta, phi, rewards, phi_next, alpha, steps, discount
    end = _adapted(*arguments) if end == "right" else None
    alpha = alpha * {"n": len(rewards), "n / n'": len(rewards) / len(query_y)}.get(length, length)
    M = eye - 2 * alpha / len(rewards) * phi.T @ phi
    push = sign * 2 * alpha * (1.0 if undiscounted else discount) / len(rewards) * phi.T @ phi_next
    if end is None:
        end = _adapted(theta, theta, phi, rewards, phi_next, alpha, steps, discount) if prime else theta
    if renewed == "end, too":  # the targets of every step are made by its parameters
        end = theta
        for _ in range(steps):
            end = _adapted(end, end, phi, rewards, phi_next, alpha, 1, discount)
    steps = max(steps + more, 0)
    g = 2 / len(query_y) * query_phi.T @ (query_phi @ end - query_y)
    held = M**steps if entrywise else torch.linalg.matrix_power(M, steps if powers is None else powers)
    exponents = {
        "all": range(steps), "last": [0], "first": [steps - 1], "none": [], "unshrunk": [0] * steps,
        "late": range(1, steps + 1), "alike": [steps - 1] * steps,
    }[path]  # fmt: skip
    pushes = [torch.linalg.matrix_power(M, j) @ push for j in exponents]
    if pushed_first:
        pushes = [push @ torch.linalg.matrix_power(M, j) for j in exponents]
    if pushed_first == "transposed":
        pushes = [torch.linalg.matrix_power(M, j) @ push.T for j in exponents]
    whole = held + sum(pushes, 0 * push)
    if renewed:
        whole = torch.linalg.matrix_power(M + push, steps)
    whole = whole - held if without_power else whole
    if linear:
        held, whole = eye + steps * (M - eye), eye + steps * (M - eye + push)
    return {"frozen": held.T @ g, "whole": (whole.T if transpose else whole) @ g}


def _fault(**fault):
    return lambda *a: _by_matrices(*a, **fault)


def _frozen_moves(*a):
    return dict.fromkeys(("frozen", "whole"), _by_matrices(*a)["whole"])


def _swapped(*a):
    right = _by_matrices(*a)
    return {"frozen": right["whole"], "whole": right["frozen"]}


def _factor(got, *a):
    """One number that both gradients are right up to; 0 where there is none."""
    right = _by_matrices(*a)
    at = right["whole"].abs().argmax()
    if right["whole"][at].abs() < 1e-3:
        return 0.0
    factor = float(got["whole"][at] / right["whole"][at])
    scaled = {name: factor * value for name, value in right.items()}
    return factor if difference(got, scaled, None, None) is None else 0.0


check_meta_gradients = function_check(
    "meta_gradients",
    _by_differentiation,
    _draw_case,
    Wrong(
        "first_order",
        "These are gradients at the adapted parameters. How far do those move when theta does?",
        _fault(powers=0, path="none"),
    ),
    Wrong(
        "one_factor",
        "One step of the inner loop is accounted for. How many are there?",
        _fault(powers=1, path="none"),
    ),
    Wrong(
        "path_forgotten",
        "`frozen` is right, and `whole` is equal to it. Which parameters made the targets of the inner loop?",
        _fault(path="none"),
    ),
    Wrong(
        "path_once",
        "`frozen` is right. In `whole` the targets act in one step only: in how many were they used?",
        when=given_by(_fault(path="last"), _fault(path="first")),
    ),
    Wrong(
        "path_not_shrunk",
        "`frozen` is right. In `whole` the effect of an early target is counted in full; the steps that come after it "
        "undo a part.",
        _fault(path="unshrunk"),
    ),
    Wrong(
        "path_shifted",
        "`frozen` is right. In `whole` the steps that come after a target undo too much of it: how many come after the "
        "first one, and how many after the last?",
        when=given_by(_fault(path="late"), _fault(path="alike")),
    ),
    Wrong(
        "path_order",
        "`frozen` is right. In `whole` two matrices are multiplied in the wrong order. Which of them meets theta "
        "first, and which last?",
        when=given_by(_fault(pushed_first=True), _fault(pushed_first="transposed")),
    ),
    Wrong(
        "path_undiscounted",
        "`frozen` is right. In `whole` a target moves as much as the value of the next state does. Does it?",
        _fault(undiscounted=True),
    ),
    Wrong(
        "targets_renewed",
        "In `whole` the targets follow the parameters from step to step. Which parameters make y in (2)?",
        when=given_by(_fault(renewed="end, too"), _fault(renewed="in the matrix")),
    ),
    Wrong(
        "frozen_moves",
        "`whole` is right, and `frozen` is equal to it. In `frozen` the targets are data, like the rewards.",
        _frozen_moves,
    ),
    Wrong("swapped", "The two gradients are right, under the wrong names.", _swapped),
    Wrong(
        "not_transposed",
        "`frozen` is right, since its matrix is symmetric. The one of `whole` is not: a gradient is multiplied from "
        "which side?",
        _fault(transpose=False),
    ),
    Wrong(
        "query_at_theta",
        "The way back is right; it starts at the wrong place. At which parameters is the outer loss evaluated?",
        _fault(prime=False),
    ),
    Wrong(
        "other_length",
        "Your matrices belong to an inner loop with steps of another length: half of it, twice, n times, or with n' in "
        "place of n. What is written before the sum in (2)?",
        when=given_by(
            *[_fault(length=length, end=end) for length in (0.5, 2.0, "n", "n / n'") for end in (None, "right")]
        ),
    ),
    Wrong(
        "another_power",
        "The gradient at the adapted parameters is right. On the way back you count one inner step more or fewer than "
        "there are.",
        when=given_by(_fault(more=1), _fault(more=-1)),
    ),
    Wrong(
        "linear",
        "Your matrices are right to first order in alpha. What do two steps do that is more than twice what one does?",
        _fault(linear=True),
    ),
    Wrong(
        "path_alone",
        "`frozen` is right. Your `whole` holds the way through the targets, and that alone.",
        _fault(without_power=True),
    ),
    Wrong(
        "path_sign",
        "`frozen` is right. In `whole` the way through the targets has the wrong sign. Which way does a target pull?",
        _fault(sign=-1.0),
    ),
    Wrong(
        "entrywise_power",
        "In `frozen` each entry of a matrix is raised to the power K. Is that the matrix, applied K times?",
        when=lambda got, *a: difference(got["frozen"], _by_matrices(*a, entrywise=True)["frozen"], None, None) is None,
    ),
    Wrong(
        "sign",
        "Both point the other way: F falls along a negative gradient, and the gradient itself is asked for.",
        when=lambda *seen: _factor(*seen) < 0,
    ),
    Wrong(
        "outer_factor",
        "Both are right up to one factor. What is the derivative of F with respect to the adapted parameters?",
        when=lambda *seen: _factor(*seen) > 0,
    ),
    rtol=1e-12,
    atol=1e-6,
    autograd=False,
    cases=32,
)
