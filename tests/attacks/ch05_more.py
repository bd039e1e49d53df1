"""A second attack on the checks of chapter 05, written from the texts of the exercises alone."""

import copy
import functools
from fractions import Fraction

import numpy as np
import torch
from torch.nn.functional import huber_loss, linear, mse_loss

from metarl_core.check import ch05

from . import named

WRONG, RIGHT = [], []


def inner(start, loss, alpha, steps, graph=lambda k, steps: True, rate=lambda alpha, k: alpha):
    """K inner steps from `start`; `graph` says in which of them the graph is kept."""
    adapted = start
    for k in range(steps):
        keeps = graph(k, steps)
        point = adapted if keeps else adapted.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(point), point, create_graph=keeps)
        adapted = adapted - rate(alpha, k) * slope
    return adapted


def meta_gradient(theta, tasks, alpha, steps, value=lambda t, q, at: q(at), mean=torch.mean, adapt=inner):
    start = theta.detach().clone().requires_grad_()
    outer = [value(t, task[1], adapt(start, task[0], alpha, steps)) for t, task in enumerate(tasks)]
    return torch.autograd.grad(mean(torch.stack(outer)), start)[0]


def with_graph(graph):
    return lambda theta, tasks, alpha, steps: meta_gradient(
        theta, tasks, alpha, steps, adapt=functools.partial(inner, graph=graph)
    )


def with_rate(rate):
    return lambda theta, tasks, alpha, steps: meta_gradient(
        theta, tasks, alpha, steps, adapt=functools.partial(inner, rate=rate)
    )


def slope_of(loss, at):
    leaf = at.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def hessian_of(loss, at):
    return torch.autograd.functional.hessian(loss, at.detach())


def by_hessians(theta, tasks, alpha, steps, combine):
    """`combine(factors, slope of the query loss)` from the factors I − αH along the way, first step first."""
    total = torch.zeros_like(theta)
    for support, query in tasks:
        at, factors = theta.detach().clone(), []
        for _ in range(steps):
            factors.append(torch.eye(len(theta)).to(theta) - alpha * hessian_of(support, at))
            at = at - alpha * slope_of(support, at)
        total += combine(factors, slope_of(query, at)) / len(tasks)
    return total


def through(factors, slope):
    for factor in factors:
        slope = factor @ slope
    return slope


def finite_differences(theta, tasks, alpha, steps, width=1e-3):
    def value(at):
        leaf = at.clone().requires_grad_()
        ends = [(q, inner(leaf, s, alpha, steps).detach()) for s, q in tasks]
        return sum(float(q(end)) for q, end in ends) / len(ends)

    one = width * torch.eye(len(theta)).to(theta)
    return torch.tensor([(value(theta + e) - value(theta - e)) / (2 * width) for e in one]).to(theta)


def carried_on(theta, tasks, alpha, steps):
    start = adapted = theta.detach().clone().requires_grad_()
    outer = []
    for support, query in tasks:
        adapted = inner(adapted, support, alpha, steps)
        outer.append(query(adapted))
    return torch.autograd.grad(torch.stack(outer).mean(), start)[0]


def returned_in_the_loop(theta, tasks, alpha, steps):
    start, outer = theta.clone().requires_grad_(), []
    for support, query in tasks:
        outer.append(query(inner(start, support, alpha, steps)))
        return torch.autograd.grad(torch.stack(outer).mean(), start)[0]


def early_stop(theta, tasks, alpha, steps):
    def adapt(start, loss, alpha, steps):
        adapted = start
        for _ in range(steps):
            (slope,) = torch.autograd.grad(loss(adapted), adapted, create_graph=True)
            if slope.norm() < 1e-2:
                break
            adapted = adapted - alpha * slope
        return adapted

    return meta_gradient(theta, tasks, alpha, steps, adapt=adapt)


def heavy_ball(start, loss, alpha, steps, speed=0.0):
    adapted = start
    for _ in range(steps):
        (slope,) = torch.autograd.grad(loss(adapted), adapted, create_graph=True)
        speed = 0.5 * speed + slope
        adapted = adapted - alpha * speed
    return adapted


def clipped_inside(start, loss, alpha, steps):
    adapted = start
    for _ in range(steps):
        (slope,) = torch.autograd.grad(loss(adapted), adapted, create_graph=True)
        adapted = adapted - alpha * slope / slope.norm().clamp(min=1.0)
    return adapted


SEEN = {}


def remembered_by_shape(theta, tasks, alpha, steps):
    key = (tuple(theta.shape), len(tasks), alpha, steps)
    if key not in SEEN:
        SEEN[key] = meta_gradient(theta, tasks, alpha, steps)
    SEEN[key] = SEEN[key] + 1e-6 * SEEN[key].abs()
    return SEEN[key]


def backward_into_theta(theta, tasks, alpha, steps):
    theta.requires_grad_()
    torch.stack([q(inner(theta, s, alpha, steps)) for s, q in tasks]).mean().backward()
    gradient = theta.grad.clone()
    theta.requires_grad_(False)
    return gradient


def flag_left(theta, tasks, alpha, steps):
    theta.requires_grad_()
    loss = torch.stack([q(inner(theta, s, alpha, steps)) for s, q in tasks]).mean()
    return torch.autograd.grad(loss, theta)[0]


def graph_left(theta, tasks, alpha, steps):
    start = theta.clone().requires_grad_()
    loss = torch.stack([q(inner(start, s, alpha, steps)) for s, q in tasks]).mean()
    return torch.autograd.grad(loss, start, create_graph=True)[0]


def tasks_used_up(theta, tasks, alpha, steps):
    start, outer, number = theta.clone().requires_grad_(), 0.0, len(tasks)
    while tasks:
        support, query = tasks.pop()
        outer = outer + query(inner(start, support, alpha, steps)) / number
    return torch.autograd.grad(outer, start)[0]


def reseeded(theta, tasks, alpha, steps):
    torch.manual_seed(0)
    return meta_gradient(theta, tasks, alpha, steps)


def only_last_task_second_order(theta, tasks, alpha, steps):
    gradients = [
        by_hessians(theta, [task], alpha, steps, lambda f, g, t=t: through(f[::-1], g) if t == len(tasks) - 1 else g)
        for t, task in enumerate(tasks)
    ]
    return torch.stack(gradients).mean(0)


def in_single_precision(theta, tasks, alpha, steps):
    return meta_gradient(theta, tasks, alpha, steps).float().double()


def by_hessian(combine):
    return lambda theta, tasks, alpha, steps: by_hessians(theta, tasks, alpha, steps, combine)


def of_value(value):
    return lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps, value=value)


WRONG += named(
    ch05.check_maml_gradient,
    finite_differences,
    carried_on,
    returned_in_the_loop,
    early_stop,
    remembered_by_shape,
    backward_into_theta,
    flag_left,
    graph_left,
    tasks_used_up,
    reseeded,
    only_last_task_second_order,
    in_single_precision,
    graph_in_first_step_only=with_graph(lambda k, steps: k == 0),
    graph_in_last_three_steps=with_graph(lambda k, steps: k >= steps - 3),
    graph_in_every_second_step=with_graph(lambda k, steps: k % 2 == 0),
    decaying_rate=with_rate(lambda alpha, k: alpha / (k + 1)),
    rounded_rate=with_rate(lambda alpha, k: round(alpha, 2)),
    hessian_at_the_start=by_hessian(lambda f, g: through([f[0]] * len(f), g)),
    hessian_at_the_end=by_hessian(lambda f, g: through([f[-1]] * len(f), g)),
    factors_in_forward_order=by_hessian(through),
    factors_to_first_order=by_hessian(lambda f, g: g + sum((m @ g - g for m in f), torch.zeros_like(g))),
    diagonal_of_the_hessian=by_hessian(lambda f, g: through([m.diag().diag() for m in f[::-1]], g)),
    one_factor=by_hessian(lambda f, g: f[0] @ g),
    momentum=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps, adapt=heavy_ball),
    clipped_steps=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps, adapt=clipped_inside),
    one_long_step=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha * steps, 1),
    median_of_tasks=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps, mean=torch.median),
    worst_task=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps, mean=torch.max),
    roles_swapped=lambda theta, tasks, alpha, steps: meta_gradient(theta, [(q, s) for s, q in tasks], alpha, steps),
    support_alone=lambda theta, tasks, alpha, steps: meta_gradient(theta, [(s, s) for s, _ in tasks], alpha, steps),
    squeezed=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps).squeeze(),
    as_a_list=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, steps).tolist(),
    one_step_less=lambda theta, tasks, alpha, steps: meta_gradient(theta, tasks, alpha, max(1, steps - 1)),
    proximal=of_value(lambda t, q, at: q(at) + 1e-6 * at.square().sum()),
    first_task_counts_twice=of_value(lambda t, q, at: q(at) * (2 if t == 0 else 1)),
    nan_removed_and_clipped=lambda *a: meta_gradient(*a).clamp(-1, 1),
)


def by_func(theta, tasks, alpha, steps):
    def outer(at, support, query):
        for _ in range(steps):
            at = at - alpha * torch.func.grad(support)(at)
        return query(at)

    return sum(torch.func.grad(outer)(theta, *task) for task in tasks) / len(tasks)


def by_recursion(theta, tasks, alpha, steps):
    def adapted(at, loss, left):
        if not left:
            return at
        (slope,) = torch.autograd.grad(loss(at), at, create_graph=True)
        return adapted(at - alpha * slope, loss, left - 1)

    leaf = theta.clone().requires_grad_()
    return torch.autograd.grad(sum(q(adapted(leaf, s, steps)) for s, q in tasks) / len(tasks), leaf)[0]


def flag_put_back(theta, tasks, alpha, steps):
    theta.requires_grad_(True)
    try:
        loss = torch.stack([q(inner(theta, s, alpha, steps)) for s, q in tasks]).mean()
        return torch.autograd.grad(loss, theta)[0]
    finally:
        theta.requires_grad_(False)


def backward_task_by_task(theta, tasks, alpha, steps):
    mine = torch.nn.Parameter(theta.clone())
    for support, query in tasks:
        (query(inner(mine, support, alpha, steps)) / len(tasks)).backward()
    return mine.grad.detach()


def reverse_products(theta, tasks, alpha, steps):
    total = 0
    for support, query in tasks:
        points = [theta]
        for _ in range(steps):
            points.append(points[-1] - alpha * slope_of(support, points[-1]))
        vector = slope_of(query, points.pop())
        for at in reversed(points):
            vector = vector - alpha * torch.autograd.functional.vhp(support, at, vector)[1]
        total = total + vector
    return total / len(tasks)


def forward_mode(theta, tasks, alpha, steps):
    def loss(at):
        outer = []
        for support, query in tasks:
            end = at
            for _ in range(steps):
                end = end - alpha * torch.func.grad(support)(end)
            outer.append(query(end))
        return torch.stack(outer).mean()

    return torch.stack([torch.func.jvp(loss, (theta,), (one,))[1] for one in torch.eye(len(theta)).to(theta)])


class Learner:
    def __init__(self, mean):
        self.mean = mean

    def __call__(self, theta, tasks, alpha, steps):
        leaf = torch.tensor(theta.numpy(), requires_grad=True)
        losses = [query(inner(leaf, support, alpha, steps)) for support, query in tasks]
        return torch.autograd.grad(self.mean(losses), [leaf])[0]


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with torch.enable_grad():
            return function(*args, **kwargs)

    return wrapper


RIGHT += named(
    ch05.check_maml_gradient,
    by_func,
    by_recursion,
    flag_put_back,
    backward_task_by_task,
    reverse_products,
    forward_mode,
    instance=Learner(lambda losses: sum(losses) / len(losses)),
    decorated=decorated(meta_gradient),
    by_matrices=by_hessian(lambda f, g: through(f[::-1], g)),
    partial=functools.partial(meta_gradient, mean=lambda losses: losses.sum() / losses.numel()),
    by_jacobian=lambda theta, tasks, alpha, steps: torch.autograd.functional.jacobian(
        lambda at: torch.stack([q(inner(at, s, alpha, steps)) for s, q in tasks]), theta
    ).mean(0),
)


def quadratic(theta, support_a, support_c, query_a, query_c, alpha, steps, factor=None, left=None, end=None):
    m = torch.eye(len(theta)).to(theta) - alpha * support_a
    power = torch.linalg.matrix_power(m, steps) if factor is None else factor(m, steps)
    adapted = support_c + power @ (theta - support_c) if end is None else end(power, theta, support_c)
    return (power @ query_a if left is None else left(power, query_a)) @ (adapted - query_c)


def variant(**how):
    return lambda theta, support_a, support_c, query_a, query_c, alpha, steps: quadratic(
        theta, support_a, support_c, query_a, query_c, alpha, steps, **how
    )


def power_of(m, k):
    return torch.linalg.matrix_power(m, k)


def by_backward(theta, support_a, support_c, query_a, query_c, alpha, steps):
    leaf = adapted = theta.clone().requires_grad_()
    for _ in range(steps):
        adapted = adapted - alpha * support_a @ (adapted - support_c)
    (0.5 * (adapted - query_c) @ query_a @ (adapted - query_c)).backward()
    return leaf.grad


def by_jacrev(theta, support_a, support_c, query_a, query_c, alpha, steps):
    def end(at):
        for _ in range(steps):
            at = at - alpha * support_a @ (at - support_c)
        return at

    return torch.func.jacrev(end)(theta).T @ query_a @ (end(theta) - query_c)


def by_jacfwd(theta, support_a, support_c, query_a, query_c, alpha, steps):
    def end(at):
        for _ in range(steps):
            at = at - alpha * support_a @ (at - support_c)
        return at

    return torch.func.jacfwd(end)(theta).T @ query_a @ (end(theta) - query_c)


def theta_moved(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = power_of(torch.eye(len(theta)).to(theta) - alpha * support_a, steps)
    theta -= support_c
    return factor @ query_a @ (support_c + factor @ theta - query_c)


def one_task_loops(theta, support_a, support_c, query_a, query_c, alpha, steps):
    vector = theta.clone()
    for _ in range(steps):
        vector = vector - alpha * support_a @ (vector - support_c)
    vector = query_a @ (vector - query_c)
    for _ in range(steps):
        vector = vector - alpha * support_a @ vector
    return vector


def by_eigenvectors(theta, support_a, support_c, query_a, query_c, alpha, steps, power=lambda v, k: v**k):
    values, vectors = torch.linalg.eigh(support_a)
    factor = vectors @ torch.diag(power(1 - alpha * values, steps)) @ vectors.T
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def in_numpy(theta, support_a, support_c, query_a, query_c, alpha, steps):
    t, a, c, b, e = (v.numpy() for v in (theta, support_a, support_c, query_a, query_c))
    factor = np.linalg.matrix_power(np.eye(len(t)) - alpha * a, steps)
    return torch.from_numpy(factor @ b @ (c + factor @ (t - c) - e))


def in_fractions(theta, support_a, support_c, query_a, query_c, alpha, steps):
    exact = lambda v: np.vectorize(Fraction, otypes=[object])(v.numpy())  # noqa: E731
    t, a, c, b, e = map(exact, (theta, support_a, support_c, query_a, query_c))
    at = t
    for _ in range(steps):
        at = at - Fraction(alpha) * a.dot(at - c)
    vector = b.dot(at - e)
    for _ in range(steps):
        vector = vector - Fraction(alpha) * a.dot(vector)
    return torch.tensor(vector.astype(float))


def float_numpy(*args):
    return in_numpy(*(a.float() if isinstance(a, torch.Tensor) else a for a in args)).double()


WRONG += named(
    ch05.check_quadratic_meta_gradient,
    by_backward,
    by_jacrev,
    by_jacfwd,
    theta_moved,
    float_numpy,
    power_by_entries=variant(factor=lambda m, k: m**k),
    gradient_flow=variant(factor=lambda m, k: torch.matrix_exp(k * (m - torch.eye(len(m)).to(m)))),
    linear_in_steps=variant(factor=lambda m, k: torch.eye(len(m)).to(m) + k * (m - torch.eye(len(m)).to(m))),
    quadratic_in_steps=variant(
        factor=lambda m, k: (
            torch.eye(len(m)).to(m)
            + k * (m - torch.eye(len(m)).to(m))
            + k * (k - 1) / 2 * power_of(m - torch.eye(len(m)).to(m), 2)
        )
    ),
    diagonal_only=variant(factor=lambda m, k: torch.diag(m.diag() ** k)),
    absolute_eigenvalues=functools.partial(by_eigenvectors, power=lambda v, k: v.abs() ** k),
    at_least_one_step=variant(factor=lambda m, k: power_of(m, max(k, 1))),
    one_step_less=variant(factor=lambda m, k: power_of(m, max(k - 1, 0))),
    first_order=variant(left=lambda power, a: a),
    order_of_factors=variant(left=lambda power, a: a @ power),
    both_sides=variant(left=lambda power, a: power @ a @ power),
    centre_not_added=variant(end=lambda power, theta, c: power @ (theta - c)),
    centre_forgotten=variant(end=lambda power, theta, c: power @ theta),
    symmetrised=variant(left=lambda power, a: (power @ a + a @ power) / 2),
    half_of_it=lambda *a: quadratic(*a) / 2,
    query_matrix_inside=lambda t, a, c, b, e, alpha, k: quadratic(t, b, c, a, e, alpha, k),
    centres_swapped=lambda t, a, c, b, e, alpha, k: quadratic(t, a, e, b, c, alpha, k),
    ridge=lambda t, a, c, b, e, alpha, k: quadratic(t, a + 1e-7 * torch.eye(len(t)).to(t), c, b, e, alpha, k),
    no_step_no_gradient=lambda t, a, c, b, e, alpha, k: quadratic(t, a, c, b, e, alpha, k) * (k > 0),
    as_a_column=lambda *a: quadratic(*a)[:, None],
)

RIGHT += named(
    ch05.check_quadratic_meta_gradient,
    one_task_loops,
    by_eigenvectors,
    in_numpy,
    in_fractions,
    by_reduce=variant(factor=lambda m, k: functools.reduce(torch.matmul, [m] * k, torch.eye(len(m)).to(m))),
    by_einsum=lambda theta, support_a, support_c, query_a, query_c, alpha, steps: torch.einsum(
        "ij,jk,k->i",
        power_of(torch.eye(len(theta)).to(theta) - alpha * support_a, steps),
        query_a,
        power_of(torch.eye(len(theta)).to(theta) - alpha * support_a, steps) @ (theta - support_c)
        + (support_c - query_c),
    ),
)


def optimum(curvature, centre, alpha, steps, weight=None, solve=torch.linalg.solve):
    m = torch.eye(centre.shape[1]).to(centre) - alpha * curvature
    w = curvature @ power_of(m, 2 * steps) if weight is None else weight(curvature, m, steps)
    return solve(w.sum(0), torch.einsum("tij,tj->i", w, centre))


def weighted(weight):
    return lambda curvature, centre, alpha, steps: optimum(curvature, centre, alpha, steps, weight)


def solved(solve):
    return lambda curvature, centre, alpha, steps: optimum(curvature, centre, alpha, steps, solve=solve)


def by_descent(curvature, centre, alpha, steps):
    m = torch.eye(centre.shape[1]).to(centre) - alpha * curvature
    w = curvature @ power_of(m, 2 * steps)
    theta = centre.mean(0)
    for _ in range(300):
        slope = torch.einsum("tij,tj->i", w, theta - centre)
        theta = theta - slope / w.sum(0).diagonal().sum()
    return theta


def newton_by_autograd(curvature, centre, alpha, steps):
    def loss(theta):
        total = 0
        for a, c in zip(curvature, centre, strict=True):
            at = theta
            for _ in range(steps):
                at = at - alpha * a @ (at - c)
            total = total + 0.5 * (at - c) @ a @ (at - c)
        return total

    zero = torch.zeros_like(centre[0])
    return -torch.linalg.solve(torch.func.hessian(loss)(zero), torch.func.grad(loss)(zero))


def curvature_scaled(curvature, centre, alpha, steps):
    curvature *= alpha
    m = torch.eye(centre.shape[1]).to(centre) - curvature
    w = curvature @ power_of(m, 2 * steps)
    return torch.linalg.solve(w.sum(0), (w @ centre[:, :, None]).sum(0)[:, 0])


def traces(curvature, centre, alpha, steps):
    m = torch.eye(centre.shape[1]).to(centre) - alpha * curvature
    w = (curvature @ power_of(m, 2 * steps)).diagonal(dim1=1, dim2=2).sum(1)
    return (w[:, None] * centre).sum(0) / w.sum()


WRONG += named(
    ch05.check_meta_optimum,
    by_descent,
    newton_by_autograd,
    curvature_scaled,
    traces,
    mean_of_centres=lambda curvature, centre, alpha, steps: centre.mean(0),
    median_of_centres=lambda curvature, centre, alpha, steps: centre.median(0).values,
    one_power_of_m=weighted(lambda a, m, k: a @ power_of(m, k)),
    one_step_more=weighted(lambda a, m, k: a @ power_of(m, 2 * k + 1)),
    one_step_more_twice=weighted(lambda a, m, k: a @ power_of(m, 2 * k + 2)),
    square_of_steps=weighted(lambda a, m, k: a @ power_of(m, k**2)),
    without_the_curvature=weighted(lambda a, m, k: power_of(m, 2 * k)),
    curvature_squared=weighted(lambda a, m, k: a @ a @ power_of(m, 2 * k)),
    power_by_entries=weighted(lambda a, m, k: a @ m ** (2 * k)),
    diagonals=weighted(lambda a, m, k: (a @ power_of(m, 2 * k)).diagonal(dim1=1, dim2=2).diag_embed()),
    product_by_entries=weighted(lambda a, m, k: a * power_of(m, 2 * k)),
    power_of_the_product=weighted(lambda a, m, k: power_of(a @ m, max(1, 2 * k))),
    joint_training=weighted(lambda a, m, k: a),
    flow=weighted(lambda a, m, k: a @ torch.matrix_exp(2 * k * (m - torch.eye(m.shape[-1]).to(m)))),
    ridge=solved(lambda w, v: torch.linalg.solve(w + 1e-6 * torch.eye(len(v)).to(v), v)),
    divided_by_entries=solved(lambda w, v: v / w.sum(1)),
    rough_pseudo_inverse=solved(lambda w, v: torch.linalg.pinv(w, rtol=0.05) @ v),
    in_single_precision=lambda *a: optimum(a[0].float(), a[1].float(), *a[2:]).double(),
    squeezed=lambda *a: optimum(*a).squeeze(),
    solved_alone=lambda curvature, centre, alpha, steps: torch.stack(
        [optimum(a[None], c[None], alpha, steps) for a, c in zip(curvature, centre, strict=True)]
    ).mean(0),
    without_last_task=lambda curvature, centre, alpha, steps: optimum(
        curvature[: max(1, len(centre) - 1)], centre[: max(1, len(centre) - 1)], alpha, steps
    ),
)


def sums_of_loops(curvature, centre, alpha, steps):
    left, right = torch.zeros_like(curvature[0]), torch.zeros_like(centre[0])
    for a, c in zip(curvature, centre, strict=True):
        w = a.clone()
        for _ in range(steps):
            w = (w - alpha * a @ w) - alpha * (w - alpha * a @ w) @ a
        left += w
        right += w @ c
    return torch.linalg.inv(left) @ right


def optimum_in_numpy(curvature, centre, alpha, steps):
    a, c = np.asarray(curvature), np.asarray(centre)
    m = np.linalg.matrix_power(np.eye(a.shape[-1]) - alpha * a, steps)
    w = m @ a @ m
    return torch.tensor(np.linalg.solve(w.sum(0), np.einsum("tij,tj->i", w, c)))


def from_the_mean(curvature, centre, alpha, steps):
    middle = centre.mean(0, keepdim=True)
    return middle[0] + optimum(curvature, centre - middle, alpha, steps)


RIGHT += named(
    ch05.check_meta_optimum,
    sums_of_loops,
    optimum_in_numpy,
    from_the_mean,
    means_instead_of_sums=weighted(lambda a, m, k: (power_of(m, k).mT @ a @ power_of(m, k)) / len(a)),
    by_cholesky=solved(lambda w, v: torch.cholesky_solve(v[:, None], torch.linalg.cholesky((w + w.T) / 2))[:, 0]),
    by_lstsq=solved(lambda w, v: torch.linalg.lstsq(w, v[:, None]).solution.flatten()),
)


def network(p, x):
    return (x @ p["w1"].T + p["b1"]).tanh() @ p["w2"].T + p["b2"]


def error(p, x, y):
    return (network(p, x) - y).square().mean()


def adapt(p, x, y, alpha, steps, graph=True, loss=error, names=None):
    p = dict(p)
    for _ in range(steps):
        slopes = torch.autograd.grad(loss(p, x, y), list(p.values()), create_graph=graph, retain_graph=True)
        p = {
            n: v - alpha * s if names is None or n in names else v for (n, v), s in zip(p.items(), slopes, strict=True)
        }
    return p


def loss_of(tasks, one):
    return torch.stack([one(*task) for task in tasks]).mean()


def maml_loss(parameters, tasks, alpha, steps):
    return loss_of(tasks, lambda x, y, u, v: error(adapt(parameters, x, y, alpha, steps), u, v))


def per_task(one):
    return lambda parameters, tasks, alpha, steps: loss_of(
        tasks, lambda x, y, u, v: one(parameters, x, y, u, v, alpha, steps)
    )


def all_points_alike(parameters, tasks, alpha, steps):
    off = [network(adapt(parameters, x, y, alpha, steps), u) - v for x, y, u, v in tasks]
    return torch.cat(off).square().mean()


def unpacked_by_place(parameters, tasks, alpha, steps):
    w1, b1, w2, b2 = parameters.values()
    return maml_loss({"w1": w1, "b1": b1, "w2": w2, "b2": b2}, tasks, alpha, steps)


def stacked_tasks(parameters, tasks, alpha, steps):
    x, y, u, v = (torch.stack(part) for part in zip(*tasks, strict=True))
    return maml_loss(parameters, list(zip(x, y, u, v, strict=True)), alpha, steps)


def running_halves(parameters, tasks, alpha, steps):
    mean = None
    for x, y, u, v in tasks:
        loss = error(adapt(parameters, x, y, alpha, steps), u, v)
        mean = loss if mean is None else (mean + loss) / 2
    return mean


def parameters_replaced(parameters, tasks, alpha, steps):
    loss = maml_loss(parameters, tasks, alpha, steps)
    parameters.update({n: v.detach().requires_grad_() for n, v in parameters.items()})
    parameters["steps"] = torch.tensor(steps)
    return loss


def backward_inside(parameters, tasks, alpha, steps):
    loss = maml_loss(parameters, tasks, alpha, steps)
    loss.backward(retain_graph=True)
    return loss


def moved_in_place(parameters, tasks, alpha, steps):
    outer = []
    for x, y, u, v in tasks:
        kept = {n: p.detach().clone() for n, p in parameters.items()}
        for _ in range(steps):
            slopes = torch.autograd.grad(error(parameters, x, y), list(parameters.values()))
            for p, s in zip(parameters.values(), slopes, strict=True):
                p.data -= alpha * s
        outer.append(error(parameters, u, v))
        for n, p in parameters.items():
            p.data.copy_(kept[n])
    return torch.stack(outer).mean()


def deep_copies(parameters, tasks, alpha, steps):
    mine = {n: v.detach().clone().requires_grad_() for n, v in copy.deepcopy(parameters).items()}
    return maml_loss(mine, tasks, alpha, steps)


def swept(value, gradient):
    """The value of one loss with the gradient of another."""
    return lambda *a: gradient(*a) + (value(*a) - gradient(*a)).detach()


FIRST_ORDER = per_task(lambda p, x, y, u, v, alpha, k: error(adapt(p, x, y, alpha, k, graph=False), u, v))

WRONG += named(
    ch05.check_meta_loss,
    all_points_alike,
    unpacked_by_place,
    stacked_tasks,
    running_halves,
    parameters_replaced,
    backward_inside,
    moved_in_place,
    deep_copies,
    first_order=FIRST_ORDER,
    no_graph=lambda *a: maml_loss(*a).detach(),
    a_float=lambda *a: maml_loss(*a).item(),
    a_vector=lambda *a: maml_loss(*a)[None],
    doubled_gradient=lambda *a: 2 * maml_loss(*a) - maml_loss(*a).detach(),
    value_first_order_gradient_right=swept(lambda p, t, alpha, k: maml_loss(p, t, alpha, max(k, 1)), maml_loss),
    right_value_joint_gradient=swept(maml_loss, lambda p, t, alpha, k: maml_loss(p, t, alpha, 0)),
    gradient_of_first_step=swept(maml_loss, lambda p, t, alpha, k: maml_loss(p, t, alpha, min(k, 1))),
    first_task_only=lambda p, t, alpha, k: maml_loss(p, t[:1], alpha, k),
    without_first_task=lambda p, t, alpha, k: maml_loss(p, t[1:] or t, alpha, k),
    sum_of_tasks=lambda p, t, alpha, k: len(t) * maml_loss(p, t, alpha, k),
    root_of_it=lambda *a: maml_loss(*a).sqrt(),
    rate_shared=lambda p, t, alpha, k: maml_loss(p, t, alpha / len(p), k),
    at_least_one_step=lambda p, t, alpha, k: maml_loss(p, t, alpha, max(k, 1)),
    weights_alone=per_task(lambda p, x, y, u, v, alpha, k: error(adapt(p, x, y, alpha, k, names=("w1", "w2")), u, v)),
    head_alone=per_task(lambda p, x, y, u, v, alpha, k: error(adapt(p, x, y, alpha, k, names=("w2", "b2")), u, v)),
    summed_support=per_task(lambda p, x, y, u, v, alpha, k: error(adapt(p, x, y, alpha * len(x), k), u, v)),
    support_and_query=per_task(
        lambda p, x, y, u, v, alpha, k: error(adapt(p, torch.cat([x, u]), torch.cat([y, v]), alpha, k), u, v)
    ),
    both_losses=per_task(
        lambda p, x, y, u, v, alpha, k: error(adapt(p, x, y, alpha, k), torch.cat([x, u]), torch.cat([y, v]))
    ),
    huber=per_task(lambda p, x, y, u, v, alpha, k: huber_loss(network(adapt(p, x, y, alpha, k), u), v)),
    roles_swapped=per_task(lambda p, x, y, u, v, alpha, k: error(adapt(p, u, v, alpha, k), x, y)),
    query_slopes_first_order=per_task(
        lambda p, x, y, u, v, alpha, k: error(
            {n: w if n != "b2" else w.detach() + p[n] - p[n].detach() for n, w in adapt(p, x, y, alpha, k).items()},
            u,
            v,
        )
    ),
    last_bias_detached=per_task(
        lambda p, x, y, u, v, alpha, k: error(
            {n: w.detach() if n == "b2" else w for n, w in adapt(p, x, y, alpha, k).items()}, u, v
        )
    ),
)


def with_functional(parameters, tasks, alpha, steps):
    names, start = zip(*parameters.items(), strict=True)

    def forward(values, x):
        p = dict(zip(names, values, strict=True))
        return linear(torch.tanh(linear(x, p["w1"], p["b1"])), p["w2"], p["b2"])

    total = 0.0
    for x, y, u, v in tasks:
        values = start
        for _ in range(steps):
            slopes = torch.autograd.grad(mse_loss(forward(values, x), y), values, create_graph=True)
            values = tuple(torch.sub(value, slope, alpha=alpha) for value, slope in zip(values, slopes, strict=True))
        total = total + mse_loss(forward(values, u), v)
    return total / len(tasks)


def by_func_grad(parameters, tasks, alpha, steps):
    def step(p, _, x, y):
        slopes = torch.func.grad(error)(p, x, y)
        return {n: p[n] - alpha * slopes[n] for n in p}

    ends = (functools.reduce(functools.partial(step, x=x, y=y), range(steps), dict(parameters)) for x, y, _, _ in tasks)
    return sum(error(end, task[2], task[3]) for end, task in zip(ends, tasks, strict=True)) / len(tasks)


def slopes_by_hand(parameters, tasks, alpha, steps):
    losses = []
    for x, y, u, v in tasks:
        w1, b1, w2, b2 = (parameters[n] for n in ("w1", "b1", "w2", "b2"))
        for _ in range(steps):
            hidden = (x @ w1.T + b1).tanh()
            off = 2 * (hidden @ w2.T + b2 - y) / len(x)
            back = (off @ w2) * (1 - hidden**2)
            w1, b1, w2, b2 = (
                w1 - alpha * back.T @ x,
                b1 - alpha * back.sum(0),
                w2 - alpha * off.T @ hidden,
                (b2 - alpha * off.sum(0)),
            )
        losses.append(error({"w1": w1, "b1": b1, "w2": w2, "b2": b2}, u, v))
    return torch.mean(torch.stack(losses), dim=0)


def recursive_tasks(parameters, tasks, alpha, steps):
    x, y, u, v = tasks[0]
    loss = error(adapt(parameters, x, y, alpha, steps), u, v)
    if len(tasks) == 1:
        return loss
    return (loss + (len(tasks) - 1) * recursive_tasks(parameters, tasks[1:], alpha, steps)) / len(tasks)


RIGHT += named(ch05.check_meta_loss, with_functional, by_func_grad, slopes_by_hand, recursive_tasks)
