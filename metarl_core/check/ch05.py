"""The checks of chapter 05: MAML's gradient, quadratics in closed form, a meta-loss with silent bugs, a comparison."""

import torch

from metarl_core.check import Wrong, case, design_check, function_check
from metarl_core.check.compare import difference

# ---------------------------------------------------------------- maml_gradient


def _bent(generator, size):
    """A smooth loss that is not quadratic, so that its Hessian changes along the inner steps."""
    rows = torch.randn(2 * size, size, generator=generator, dtype=torch.float64)
    offsets = 1.5 * torch.randn(2 * size, generator=generator, dtype=torch.float64)
    return lambda theta: (rows @ theta - offsets).cosh().log().mean() + 0.1 * theta.square().sum()


def _task_cases():
    for seed, (size, tasks, alpha, steps) in enumerate(((3, 2, 0.4, 1), (4, 3, 0.3, 2), (3, 2, 0.35, 4))):
        generator = torch.Generator().manual_seed(seed)
        losses = [(_bent(generator, size), _bent(generator, size)) for _ in range(tasks)]
        yield case(torch.randn(size, generator=generator, dtype=torch.float64), losses, alpha, steps)


def _slope(function, theta, shift=1e-5):
    """Gradient by central differences."""
    units = torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([(function(theta + shift * e) - function(theta - shift * e)) / (2 * shift) for e in units])


def _descend(loss, theta, alpha, steps):
    path = [theta.detach()]
    for _ in range(steps):
        path.append(path[-1] - alpha * torch.func.grad(loss)(path[-1]))
    return path


def _maml_by_differences(theta, tasks, alpha, steps):
    def after(start):
        return torch.stack([query(_descend(support, start, alpha, steps)[-1]) for support, query in tasks]).mean()

    return _slope(after, theta)


def _maml_by_matrices(
    theta, tasks, alpha, steps, factors=None, outer=1, sign=-1.0, moved=True, reduce=torch.mean, leak=False
):
    """Explicit Hessians H_k along the path; `factors` picks those that are multiplied, nearest to the vector first."""
    found = []
    for pair in tasks:
        path = _descend(pair[0], theta, alpha, steps)
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

# ---------------------------------------------------------------- quadratics


def _positive(generator, tasks, size):
    root = torch.randn(tasks, size, size, generator=generator, dtype=torch.float64)
    return root @ root.mT / size + 0.3 * torch.eye(size, dtype=torch.float64)


def _one_task_cases():
    for seed, (size, alpha, steps) in enumerate(((3, 0.2, 1), (4, 0.15, 3), (2, 0.3, 2))):
        generator = torch.Generator().manual_seed(10 + seed)
        curvatures = _positive(generator, 2, size)
        points = torch.randn(3, size, generator=generator, dtype=torch.float64)
        yield case(points[0], curvatures[0], points[1], curvatures[1], points[2], alpha, steps)


def _bowl(curvature, centre):
    return lambda theta: 0.5 * (theta - centre) @ curvature @ (theta - centre)


def _quadratic_by_differences(theta, support_a, support_c, query_a, query_c, alpha, steps):
    query = _bowl(query_a, query_c)
    return _slope(lambda start: query(_descend(_bowl(support_a, support_c), start, alpha, steps)[-1]), theta)


def _quadratic(theta, support_a, support_c, query_a, query_c, alpha, steps, **changed):
    identity = torch.eye(len(theta), dtype=theta.dtype)
    factor = torch.linalg.matrix_power(
        identity + changed.get("sign", -1) * alpha * changed.get("inside", support_a), changed.get("power", steps)
    )
    path = _descend(_bowl(changed.get("towards", support_a), support_c), theta, alpha, changed.get("taken", steps))
    if changed.get("swap"):
        return query_a @ factor @ (path[-1] - query_c)
    return factor @ query_a @ (path[-1] - query_c)


def _powered_by_entries(got, theta, support_a, support_c, query_a, query_c, alpha, steps):
    """`**` in the place of a power of the matrix, in the Jacobian alone or in the adapted point, too."""
    factor = (torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a) ** steps
    points = (_descend(_bowl(support_a, support_c), theta, alpha, steps)[-1], support_c + factor @ (theta - support_c))
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


def _family_cases():
    for seed, (tasks, size, alpha, steps) in enumerate(((3, 2, 0.2, 1), (4, 3, 0.25, 2), (2, 2, 0.15, 4))):
        generator = torch.Generator().manual_seed(20 + seed)
        centre = 2 * torch.randn(tasks, size, generator=generator, dtype=torch.float64)
        yield case(_positive(generator, tasks, size), centre, alpha, steps)


def _optimum_by_newton(curvature, centre, alpha, steps):
    """One Newton step on the meta-objective, which is quadratic; slope and curvature by automatic differentiation."""

    def objective(theta):
        total = 0.0
        for one, place in zip(curvature, centre, strict=True):
            loss, current = _bowl(one, place), theta
            for _ in range(steps):
                current = current - alpha * torch.func.grad(loss)(current)
            total = total + loss(current)
        return total / len(centre)

    start = torch.zeros_like(centre[0])
    slope, hessian = torch.func.grad(objective)(start), torch.func.hessian(objective)(start)
    return start - torch.linalg.solve(hessian, slope)


def _weighted(curvature, centre, alpha, power, with_curvature=True):
    factor = torch.eye(centre.shape[1], dtype=centre.dtype) - alpha * curvature
    weight = torch.linalg.matrix_power(factor, power)
    weight = curvature @ weight if with_curvature else weight
    return torch.linalg.solve(weight.sum(0), (weight @ centre[..., None]).sum(0)[:, 0])


check_meta_optimum = function_check(
    "meta_optimum",
    _optimum_by_newton,
    _family_cases,
    Wrong(
        "joint_training",
        "That is the optimum of joint training: it does not depend on α or K. What does the loss look like as a "
        "function of the point *before* adaptation?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 0),
    ),
    Wrong(
        "first_order",
        "That is where FOMAML comes to rest. In the loss after adaptation the distance occurs twice, on the left "
        "and on the right.",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, steps),
    ),
    Wrong(
        "one_step",
        "For one step you are right. What do further steps do to the weights?",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2),
    ),
    Wrong(
        "mean_of_centres",
        "All tasks count alike here. Compare a steep task with a flat one: which of them does a gradient step nearly "
        "solve from anywhere?",
        lambda a, c, alpha, steps: c.mean(0),
    ),
    Wrong(
        "no_curvature",
        "Your weights hold what is left of the distance, but not how much the loss cares about it.",
        lambda a, c, alpha, steps: _weighted(a, c, alpha, 2 * steps, with_curvature=False),
    ),
)

# ---------------------------------------------------------------- meta_loss


def _predict(parameters, x):
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def _error(parameters, x, y):
    return (_predict(parameters, x) - y).square().mean()


def _network_cases():
    for seed, (tasks, alpha, steps) in enumerate(((3, 0.2, 2), (2, 0.15, 3), (3, 0.25, 2))):
        generator = torch.Generator().manual_seed(30 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        parameters = {"w1": draw(4, 1), "b1": draw(4), "w2": 0.5 * draw(1, 4), "b2": draw(1)}
        parameters = {name: value.requires_grad_() for name, value in parameters.items()}
        data = []
        for _ in range(tasks):
            size, phase, xs, xq = 1 + 2 * draw(1).abs(), draw(1), 2 * draw(5, 1), 2 * draw(7, 1)
            data.append((xs, size * (xs + phase).sin(), xq, size * (xq + phase).sin()))
        yield case(parameters, data, alpha, steps)


def _value_and_gradients(answer, parameters, data, alpha, steps):
    loss = answer(parameters, data, alpha, steps)
    leaves = list(parameters.values())
    slopes = [None] * len(leaves)
    if loss.requires_grad:
        slopes = torch.autograd.grad(loss, leaves, allow_unused=True)
    slopes = [torch.zeros_like(v) if s is None else s for v, s in zip(leaves, slopes, strict=True)]
    return {"loss": loss.detach(), **{f"gradient of {n}": s for n, s in zip(parameters, slopes, strict=True)}}


def _meta_loss_by_differences(parameters, data, alpha, steps):
    """The value by plain gradient steps; its gradient by differences of the value, so no graph can be cut."""
    start = {name: value.detach() for name, value in parameters.items()}

    def value(moved):
        total = 0.0
        for xs, ys, xq, yq in data:
            current = moved
            for _ in range(steps):
                slopes = torch.func.grad(lambda p, x=xs, y=ys: _error(p, x, y))(current)
                current = {name: current[name] - alpha * slopes[name] for name in current}
            total = total + _error(current, xq, yq)
        return total / len(data)

    result = {"loss": value(start)}
    for name, entry in start.items():

        def along(flat, name=name, entry=entry):
            return value(start | {name: flat.view_as(entry)})

        result[f"gradient of {name}"] = _slope(along, entry.flatten()).view_as(entry)
    return result


def _meta_loss(keeps=lambda step, steps: True, on_support=False, leak=False, reduce=torch.mean):
    """The meta-loss with faults: which steps keep their graph, what the outer loss sees, where a task starts."""

    def answer(parameters, data, alpha, steps):
        found, current = [], dict(parameters)
        for xs, ys, xq, yq in data:
            current = current if leak else dict(parameters)
            for step in range(steps):
                slopes = torch.autograd.grad(
                    _error(current, xs, ys), list(current.values()), create_graph=keeps(step, steps), retain_graph=True
                )
                current = {name: v - alpha * s for (name, v), s in zip(current.items(), slopes, strict=True)}
            found.append(_error(current, xs, ys) if on_support else _error(current, xq, yq))
        return reduce(torch.stack(found))

    return answer


def _last(step, steps):
    return step == steps - 1


def _never(step, steps):
    return False


check_meta_loss = function_check(
    "meta_loss",
    _meta_loss_by_differences,
    _network_cases,
    Wrong(
        "as_it_was",
        "All three bugs are still there. Begin with the one that you can see in a printed number: which data should "
        "the outer loss use?",
        _meta_loss(_last, on_support=True, leak=True),
    ),
    Wrong(
        "outer_on_support",
        "The tasks no longer touch each other and every step keeps its graph, but the adapted network is judged on the "
        "points that it was adapted on.",
        _meta_loss(on_support=True),
    ),
    Wrong(
        "tasks_leak",
        "One task alone gives the right number, several do not. From which parameters does the second task start?",
        _meta_loss(leak=True),
    ),
    Wrong(
        "graph_cut_early",
        "The value of the loss is right and its gradient is not. With one inner step it would be. What about the steps "
        "before the last?",
        _meta_loss(_last),
    ),
    Wrong(
        "first_order",
        "The value of the loss is right, its gradient is FOMAML's: no inner step is differentiated.",
        _meta_loss(_never),
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Compare the value of the loss for one task alone, then for two, then the "
        "gradient.",
        when=lambda got, *a: any(
            difference(got, _value_and_gradients(_meta_loss(*fault), *a), 1e-6, 1e-9) is None
            for fault in ((_last, True, False), (_last, False, True), (lambda *_: True, True, True))
        ),
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _meta_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradients,
)

# ---------------------------------------------------------------- comparison

check_comparison = design_check(
    "comparison",
    {
        "seeds": int,
        "methods_differ_in": (
            "the factors I − αH only",
            "the factors and the number of inner steps",
            "two public implementations",
        ),
        "start_and_tasks": ("the same for both in each seed", "drawn anew for each training"),
        "tasks": ("held-out", "training"),
        "error_on": ("query points", "support points"),
        "inner_lr_from": ("MAML's paper", "training tasks, for each method", "held-out tasks, for each method"),
        "checkpoint": ("the last", "the best on the held-out tasks"),
        "does_the_term_matter": ("not measured", "size of αHg beside g during training"),
        "cost_reported": ("none", "iterations", "iterations, seconds and memory"),
        "conclude_from": (
            "the lower mean",
            "whether the two intervals overlap",
            "the interval of the paired difference",
        ),
    },
    Wrong(
        "few_seeds",
        "The two methods may differ by less than two seeds of one method do. How would you tell?",
        when=lambda plan: plan["seeds"] < 5,
    ),
    Wrong(
        "more_than_one_change",
        "If they differ in the end, which of the differences between them was it?",
        when=lambda plan: plan["methods_differ_in"] != "the factors I − αH only",
    ),
    Wrong(
        "unpaired",
        "With other initial networks and other tasks for each training, a part of the difference is luck that pairing "
        "would have cancelled.",
        when=lambda plan: plan["start_and_tasks"] != "the same for both in each seed",
    ),
    Wrong(
        "training_tasks",
        "On tasks that were trained on, you cannot tell adapting from having learned them by heart.",
        when=lambda plan: plan["tasks"] == "training",
    ),
    Wrong(
        "support_error",
        "Five points can be fitted by a method that has learned nothing about the points between them.",
        when=lambda plan: plan["error_on"] == "support points",
    ),
    Wrong(
        "search_on_test",
        "A step size that was chosen on the held-out tasks has seen them.",
        when=lambda plan: plan["inner_lr_from"].startswith("held-out"),
    ),
    Wrong(
        "tuned_for_one",
        "The step size was made for one of the two. FOMAML may want another: who looked?",
        when=lambda plan: plan["inner_lr_from"] == "MAML's paper",
    ),
    Wrong(
        "best_checkpoint",
        "The best of many looks at the held-out tasks is better than the method is.",
        when=lambda plan: plan["checkpoint"] != "the last",
    ),
    Wrong(
        "term_not_measured",
        "Suppose the two come out equal. Is the second order useless, or was α so small that there was nothing to "
        "drop?",
        when=lambda plan: plan["does_the_term_matter"] == "not measured",
    ),
    Wrong(
        "cost_hidden",
        "The reason to drop the factors is what they cost. Your plan would not show it.",
        when=lambda plan: plan["cost_reported"] != "iterations, seconds and memory",
    ),
    Wrong(
        "lower_mean",
        "One of two means is always lower. What would make you say that there is no difference?",
        when=lambda plan: plan["conclude_from"] == "the lower mean",
    ),
    Wrong(
        "overlap",
        "Two intervals may overlap although one method wins for every seed. What did you pair the seeds for?",
        when=lambda plan: plan["conclude_from"] == "whether the two intervals overlap",
    ),
)
