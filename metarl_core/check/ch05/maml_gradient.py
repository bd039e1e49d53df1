"""The check of the exercise `maml_gradient`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.oracles import CurvedLoss, same
from metarl_core.check.revisited import after_another


def _draw_case(draw):
    """One to four tasks, once sixty, in one to four dimensions, one to five steps or twelve, once sixty, step sizes
    from 0 to 1.2.

    Now and then theta is where the first task's support loss is smallest, which is 0 then: the Jacobian alone is left
    of a step. Tasks may share a support loss, or be the same, and a slope may be longer than 10.
    """
    size, tasks, long, steep = draw.integer(1, 4), draw.integer(1, 4), draw.chance(0.1), draw.chance(0.1)
    steps = 12 if long else draw.integer(1, 5)
    tasks, steps = draw.once(18, 1, draw.once(17, 60, tasks)), draw.once(18, 60, draw.once(17, 1, steps))
    long = long or steps > 12
    scale = 32.0 if steep else 1.0
    losses = [(_Loss(draw, size, scale), _Loss(draw, size, scale)) for _ in range(tasks)]
    if equal := draw.chance(0.2):
        losses = [(support, support) for support, _ in losses]
    if shared := tasks > 1 and draw.chance(0.3):
        losses[-1] = losses[0] if draw.chance(0.5) else (losses[0][0], losses[-1][1])
    alpha = draw.choice(0.0, *(draw.uniform(0.1, 1.2) for _ in range(7)))
    alpha = (min(alpha, 0.25) if long else alpha) / scale
    theta = draw.normal(size, scale=1.5, mean=0.5)
    if settled := not steep and draw.chance(0.15):
        theta = _minimum(losses[0][0], theta)
        losses[0][0].lowest = float(losses[0][0](theta))
    return case(theta, losses, alpha, steps).noting(
        {
            "theta has one entry": size == 1,
            "there are several tasks": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "there are several steps": steps > 1,
            "there are more than three steps": steps > 3,
            "theta is where a support loss is smallest": settled,
            "there are twelve steps or more": long,
            "alpha is 0": alpha == 0,
            "support and query loss of a task are the same": equal,
            "two tasks have the same support loss": shared,
            "the losses are steep": steep,
            "the same losses were asked about at another theta before": _asked_before(steps),
        }
    )


class _Loss(CurvedLoss):
    """Less a constant, which no slope sees."""

    lowest = 0.0

    def __call__(self, theta):
        return super().__call__(theta) - self.lowest


def _asked_before(steps):
    """What is kept of tasks from one theta is of no use at the next, and a meta-learner's theta moves."""
    return steps in (2, 5)


def _minimum(loss, theta):
    """Where the loss is smallest: it is convex, so small steps come near, and Newton's do the rest."""
    for _ in range(60):
        theta = theta - 0.2 * loss.slope(theta)
    for _ in range(4):
        theta = theta - torch.linalg.solve(loss.hessian(theta), loss.slope(theta))
    return theta


def _path(theta, loss, alpha, steps):
    """The points before and after each inner step."""
    path = [theta]
    for _ in range(steps):
        path.append(path[-1] - alpha * loss.slope(path[-1]))
    return path


def _maml_by_matrices(
    theta, tasks, alpha, steps, factors=None, outer=1, sign=-1.0, moved=True, reduce=torch.mean, leak=False
):
    """Explicit Hessians H_k along the path; `factors` picks those that are multiplied, nearest to the vector first."""
    found = []
    for pair in tasks:
        path = _path(theta, pair[0], alpha, steps)
        vector = pair[outer].slope(path[-1] if moved else path[0])
        hessians = [pair[0].hessian(point) for point in path[:-1]]
        for hessian in hessians[::-1] if factors is None else factors(hessians):
            vector = vector + sign * alpha * hessian @ vector
        found.append(vector)
        theta = path[-1] if leak else theta
    return reduce(torch.stack(found), 0)


def _one_chain(theta, tasks, alpha, steps):
    """Each task starts where the one before it ended, and all of the path is differentiated back to theta."""
    found, at, way = [], theta, []
    for support, query in tasks:
        for _ in range(steps):
            way.append(support.hessian(at))
            at = at - alpha * support.slope(at)
        vector = query.slope(at)
        for hessian in way[::-1]:
            vector = vector - alpha * hessian @ vector
        found.append(vector)
    return torch.stack(found).mean(0)


def _mean_distance(theta, tasks, alpha, steps):
    """From where the inner loops end back to theta."""
    return torch.stack([theta - _path(theta, support, alpha, steps)[-1] for support, _ in tasks]).mean(0)


def _factors_added_up(theta, tasks, alpha, steps):
    """I − α ΣH in the place of the product."""
    found = []
    for support, query in tasks:
        path = _path(theta, support, alpha, steps)
        vector = query.slope(path[-1])
        found.append(vector - alpha * sum(support.hessian(point) @ vector for point in path[:-1]))
    return torch.stack(found).mean(0)


def _leaks(got, *arguments):
    """Each task starts where the one before it ended, with the factors of its own steps, of all, or of none."""
    return same(
        got,
        _maml_by_matrices(*arguments, leak=True),
        _maml_by_matrices(*arguments, leak=True, factors=lambda hessians: []),
        _one_chain(*arguments),
    )


check_maml_gradient = function_check(
    "maml_gradient",
    _maml_by_matrices,
    _draw_case,
    Wrong(
        "graph_cut",
        "Autograd finds no way from a loss back to what you ask it to differentiate by: somewhere between the two the "
        "graph ends. Which line makes new tensors without a history?",
        raises="appears to not have been used in the graph",
    ),
    Wrong(
        "no_graph",
        "Autograd is asked for the gradient of a number that carries no graph. Begin at the line where that is "
        "noticed and go upwards: where was the graph lost, or never begun?",
        raises="element 0 of tensors does not require grad",
    ),
    Wrong(
        "tasks_leak",
        "The second task starts where the first one ended. Where does each task's inner loop start in the equation?",
        when=_leaks,
    ),
    Wrong(
        "first_order",
        "That is FOMAML: the gradient at the adapted parameters, as if each of these moved one to one with theta. What "
        "else in an inner step depends on theta?",
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
        "hessian_at_end",
        "The number of factors is right, but all of them hold the Hessian at the last point but one. Where was each "
        "inner step taken?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: hessians[-1:] * len(hessians)),
    ),
    Wrong(
        "wrong_order",
        "All factors are there, in the wrong order: matrices do not commute. Which of them does the query gradient "
        "meet first on its way back to theta?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: hessians),
    ),
    Wrong(
        "one_step",
        "One inner step is made, whatever K is.",
        lambda theta, tasks, alpha, steps: _maml_by_matrices(theta, tasks, alpha, 1),
    ),
    Wrong(
        "slopes_at_theta",
        "All K slopes of an inner loop are taken at theta, so it is one long step. Where has the first step led?",
        lambda theta, tasks, alpha, steps: _maml_by_matrices(theta, tasks, alpha * steps, 1),
    ),
    Wrong(
        "steps_miscounted",
        "That is the gradient after one inner step more, or one less, than K.",
        when=lambda got, theta, tasks, alpha, steps: same(
            got, *(_maml_by_matrices(theta, tasks, alpha, number) for number in (steps - 1, steps + 1))
        ),
    ),
    Wrong(
        "factors_added_up",
        "The Hessians of all steps are there, added up in one factor. What does a chain rule do with the Jacobians of "
        "several steps?",
        _factors_added_up,
    ),
    Wrong(
        "diagonal_only",
        "Only the diagonals of the Hessians count here. What do their other entries do?",
        lambda *a: _maml_by_matrices(*a, factors=lambda hessians: [h.diag().diag() for h in hessians[::-1]]),
    ),
    Wrong(
        "roles_swapped",
        "The inner loop descends the query loss, and the support loss judges. Which of a pair is which?",
        lambda theta, tasks, alpha, steps: _maml_by_matrices(theta, [(q, s) for s, q in tasks], alpha, steps),
    ),
    Wrong(
        "query_inside",
        "The inner loop descends the query loss. What may it look at when a new task is met?",
        lambda theta, tasks, alpha, steps: _maml_by_matrices(theta, [(q, q) for _, q in tasks], alpha, steps),
    ),
    Wrong(
        "one_task_only",
        "One task counts, the others do not. What becomes of the losses of the others?",
        when=lambda got, theta, tasks, alpha, steps: same(
            got, *(_maml_by_matrices(theta, [one], alpha, steps) for one in (tasks[0], tasks[-1]))
        ),
    ),
    Wrong(
        "reptile",
        "That is how far the inner loops have come, which is Reptile's direction. The equation asks for the slope of "
        "the query losses.",
        _mean_distance,
    ),
    Wrong(
        "sum_over_tasks",
        "Your gradient grows with the number of tasks. The objective is an expectation over them.",
        lambda *a: _maml_by_matrices(*a, reduce=torch.sum),
    ),
    Wrong(
        "draws",
        "A global generator is drawn from. Nothing is random in what is asked for.",
        fault="global draws",
    ),
    Wrong(
        "seeds",
        "A global generator is seeded anew. Nothing is random in what is asked for, and other code may be drawing.",
        fault="global seed",
    ),
    observe=after_another(
        lambda theta, *rest: (theta + 1, *rest), lambda theta, tasks, alpha, steps: _asked_before(steps)
    ),
    cases=40,
)
