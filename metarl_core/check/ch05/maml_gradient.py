"""The check of the exercise `maml_gradient`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch05.oracles import descend
from metarl_core.check.compare import difference
from metarl_core.check.oracles import central_differences, curved_loss


def _task_cases():
    for seed, (size, tasks, alpha, steps) in enumerate(((3, 2, 0.4, 1), (4, 3, 0.3, 2), (3, 2, 0.35, 4))):
        generator = torch.Generator().manual_seed(seed)
        losses = [(curved_loss(generator, size), curved_loss(generator, size)) for _ in range(tasks)]
        yield case(torch.randn(size, generator=generator, dtype=torch.float64), losses, alpha, steps)


def _maml_by_differences(theta, tasks, alpha, steps):
    def after(start):
        return torch.stack([query(descend(support, start, alpha, steps)[-1]) for support, query in tasks]).mean()

    return central_differences(after, theta)


def _maml_by_matrices(
    theta, tasks, alpha, steps, factors=None, outer=1, sign=-1.0, moved=True, reduce=torch.mean, leak=False
):
    """Explicit Hessians H_k along the path; `factors` picks those that are multiplied, nearest to the vector first."""
    found = []
    for pair in tasks:
        path = descend(pair[0], theta, alpha, steps)
        vector = torch.func.grad(pair[outer])(path[-1] if moved else path[0])
        hessians = [torch.func.hessian(pair[0])(point) for point in path[:-1]]
        for hessian in hessians[::-1] if factors is None else factors(hessians):
            vector = vector + sign * alpha * hessian @ vector
        found.append(vector)
        theta = path[-1] if leak else theta
    return reduce(torch.stack(found), 0)


def _leaks(got, *arguments):
    """Each task starts where the one before it ended, with or without the factors."""
    return any(
        difference(got, _maml_by_matrices(*arguments, leak=True, factors=factors), 1e-4, 1e-6) is None
        for factors in (None, lambda hessians: [])
    )


check_maml_gradient = function_check(
    "maml_gradient",
    _maml_by_differences,
    _task_cases,
    Wrong(
        "graph_cut",
        "The query loss does not depend on theta any more. Somewhere between theta and the adapted parameters the "
        "graph ends: which line makes new tensors without a history?",
        raises="appears to not have been used in the graph",
    ),
    Wrong(
        "tasks_leak",
        "The first task is right or nearly so, the later ones are not. Where does each task's inner loop start?",
        when=_leaks,
    ),
    Wrong(
        "first_order",
        "That is FOMAML: the gradient at the adapted parameters, as if they did not depend on theta. What must "
        "autograd be told so that it can differentiate a gradient?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: []),
    ),
    Wrong(
        "outer_on_support",
        "You measure the adapted parameters with the loss that they were adapted on. What does the outer loss judge?",
        lambda *a: _maml_by_matrices(*a, outer=0),
    ),
    Wrong(
        "no_adaptation",
        "The query gradient is taken at theta itself. At which point does the outer loss look?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: [], moved=False),
    ),
    Wrong(
        "sign",
        "Curvature enters with the wrong sign, as if the inner step went uphill in the Jacobian. What is the "
        "derivative of theta minus a gradient?",
        lambda *a: _maml_by_matrices(*a, sign=1.0),
    ),
    Wrong(
        "factor_once",
        "With one step you are right, with more you are not: one factor I − αH is there. How many inner steps were "
        "taken?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: hessians[:1]),
    ),
    Wrong(
        "last_factor_only",
        "Only the last inner step is differentiated; the steps before it count as constants. Which steps have to keep "
        "their graph?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: hessians[-1:]),
    ),
    Wrong(
        "hessian_at_start",
        "The number of factors is right, but all of them hold the Hessian at theta. Where was each inner step taken?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: hessians[:1] * len(hessians)),
    ),
    Wrong(
        "wrong_order",
        "All factors are there, in the wrong order: matrices do not commute. Which of them does the query gradient "
        "meet first on its way back to theta?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: hessians),
    ),
    Wrong(
        "sum_over_tasks",
        "Your gradient grows with the number of tasks. The objective is an expectation over them.",
        lambda *a: _maml_by_matrices(*a, reduce=torch.sum),
    ),
)
