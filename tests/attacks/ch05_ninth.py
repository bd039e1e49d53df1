"""Answers to exercises of chapter 05, from a ninth attack."""

import numpy as np
import torch

from metarl_core.check import ch05

from . import named

# ------------------------------------------------------------------ the meta-gradient


def _outer(step=None, mean=None, graph=True, rate=None, count=None, at=None, start_of=None):
    def answer(theta, tasks, alpha, steps):
        start = theta.clone().requires_grad_() if start_of is None else start_of(theta)
        losses = []
        for support, query in tasks:
            phi = start
            for k in range(steps if count is None else count(steps)):
                (slope,) = torch.autograd.grad(support(phi if at is None else at(phi, start)), phi, create_graph=graph)
                a = alpha if rate is None else rate(alpha, k)
                phi = phi - a * slope if step is None else step(phi, a, slope, k, steps)
            losses.append(query(phi))
        total = torch.stack(losses).mean() if mean is None else mean(losses)
        return torch.autograd.grad(total, start)[0]

    return answer


def _half_graph(phi, a, slope, k, steps):
    return phi - a * (slope if k % 2 == 0 else slope.detach())


def _first_graph_only(phi, a, slope, k, steps):
    return phi - a * (slope if k == 0 else slope.detach())


def _clipped_slopes(phi, a, slope, k, steps):
    return phi - a * slope * (10 / slope.norm().clamp_min(10))


def _central_differences(theta, tasks, alpha, steps):
    """By finite differences in single precision steps: too rough."""

    def value(point):
        total = 0.0
        for support, query in tasks:
            phi = point.clone()
            for _ in range(steps):
                leaf = phi.detach().requires_grad_()
                phi = phi - alpha * torch.autograd.grad(support(leaf), leaf)[0]
            total += float(query(phi))
        return total / len(tasks)

    found = torch.zeros_like(theta)
    for j in range(len(theta)):
        step = torch.zeros_like(theta)
        step[j] = 3e-3
        found[j] = (value(theta + step) - value(theta - step)) / 6e-3
    return found


def _one_gradient_of_all(theta, tasks, alpha, steps):
    """One adaptation on the mean of all support losses."""
    start = theta.clone().requires_grad_()
    phi = start
    for _ in range(steps):
        loss = sum(support(phi) for support, _ in tasks) / len(tasks)
        phi = phi - alpha * torch.autograd.grad(loss, phi, create_graph=True)[0]
    return torch.autograd.grad(sum(query(phi) for _, query in tasks) / len(tasks), start)[0]


def _on_theta_itself(theta, tasks, alpha, steps):
    theta.requires_grad_()
    found = _outer(start_of=lambda theta: theta)(theta, tasks, alpha, steps)
    return found


def _backward(theta, tasks, alpha, steps):
    """Right numbers, and a gradient that is left on the caller's tensor."""
    start = theta.clone().requires_grad_()
    total = 0.0
    for support, query in tasks:
        phi = start
        for _ in range(steps):
            phi = phi - alpha * torch.autograd.grad(support(phi), phi, create_graph=True)[0]
        total = total + query(phi) / len(tasks)
    total.backward()
    theta.grad = start.grad.clone()
    return start.grad


def _with_its_graph(theta, tasks, alpha, steps):
    start = theta.clone().requires_grad_()
    losses = []
    for support, query in tasks:
        phi = start
        for _ in range(steps):
            phi = phi - alpha * torch.autograd.grad(support(phi), phi, create_graph=True)[0]
        losses.append(query(phi))
    return torch.autograd.grad(torch.stack(losses).mean(), start, create_graph=True)[0]


def _by_torch_func(theta, tasks, alpha, steps):
    def after(point, support):
        for _ in range(steps):
            point = point - alpha * torch.func.grad(support)(point)
        return point

    each = [torch.func.grad(lambda p, s=s, q=q: q(after(p, s)))(theta) for s, q in tasks]
    return torch.stack(each).mean(0).detach()


def _by_jacobians(theta, tasks, alpha, steps):
    found = torch.zeros_like(theta)
    for support, query in tasks:
        path, phi = [], theta.clone()
        for _ in range(steps):
            path.append(phi)
            leaf = phi.requires_grad_()
            phi = (phi - alpha * torch.autograd.grad(support(leaf), leaf)[0]).detach()
        leaf = phi.requires_grad_()
        push = torch.autograd.grad(query(leaf), leaf)[0]
        for point in reversed(path):
            push = push - alpha * torch.autograd.functional.hessian(support, point.detach()) @ push
        found += push / len(tasks)
    return found


def _by_hvp(theta, tasks, alpha, steps):
    total = 0
    for support, query in reversed(tasks):
        points = [theta.detach().clone()]
        for _ in range(steps):
            x = points[-1].clone().requires_grad_()
            points.append(points[-1] - alpha * torch.autograd.grad(support(x), x)[0])
        x = points.pop().clone().requires_grad_()
        v = torch.autograd.grad(query(x), x)[0]
        while points:
            v = v - alpha * torch.autograd.functional.vhp(support, points.pop(), v)[1]
        total = total + v
    return (total / len(tasks)).detach()


# ------------------------------------------------------------------ quadratics


def _power(matrix, k):
    out = torch.eye(len(matrix), dtype=matrix.dtype)
    for _ in range(k):
        out = out @ matrix
    return out


def _quadratic(left=None, right=None, inner=None, centre=None, factor=None):
    def answer(theta, support_a, support_c, query_a, query_c, alpha, steps):
        m = torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a
        m = m if factor is None else factor(theta, support_a, alpha)
        power = _power(m, steps if inner is None else inner(steps))
        adapted = (support_c if centre is None else centre(support_c, query_c)) + power @ (theta - support_c)
        push = query_a @ (adapted - query_c) if right is None else right(query_a, adapted, support_c, query_c)
        return (power if left is None else left(m, steps)) @ push

    return answer


def _elementwise_power(theta, support_a, support_c, query_a, query_c, alpha, steps):
    m = (torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a) ** max(steps, 1)
    return m @ query_a @ (support_c + m @ (theta - support_c) - query_c)


def _matrices_exchanged(theta, support_a, support_c, query_a, query_c, alpha, steps):
    """The factors in the other order: they do not commute."""
    m = _power(torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a, steps)
    return query_a @ m @ (support_c + m @ (theta - support_c) - query_c)


def _diagonal_only(theta, support_a, support_c, query_a, query_c, alpha, steps):
    rate = (1 - alpha * support_a.diagonal()) ** steps
    return rate * (query_a @ (support_c + rate * (theta - support_c) - query_c))


def _quadratic_autograd(theta, support_a, support_c, query_a, query_c, alpha, steps):
    start = theta.clone().requires_grad_()
    phi = start
    for _ in range(steps):
        phi = phi - alpha * support_a @ (phi - support_c)
    loss = 0.5 * (phi - query_c) @ query_a @ (phi - query_c)
    return torch.autograd.grad(loss, start)[0]


def _quadratic_eigen(theta, support_a, support_c, query_a, query_c, alpha, steps):
    values, vectors = torch.linalg.eigh(support_a)
    power = (vectors * (1 - alpha * values) ** steps) @ vectors.T
    return power.T @ (query_a @ (support_c - query_c) + query_a @ power @ (theta - support_c))


def _quadratic_steps(theta, support_a, support_c, query_a, query_c, alpha, steps):
    phi = theta
    for _ in range(steps):
        phi = phi - alpha * (support_a @ (phi - support_c))
    push = query_a @ (phi - query_c)
    for _ in range(steps):
        push = push - alpha * (support_a @ push)
    return push


def _quadratic_numpy(theta, support_a, support_c, query_a, query_c, alpha, steps):
    t, a, c, b, e = (x.numpy() for x in (theta, support_a, support_c, query_a, query_c))
    power = np.linalg.matrix_power(np.eye(len(t)) - alpha * a, steps)
    return torch.from_numpy(power.dot(b).dot(c + power.dot(t - c) - e))


def _optimum(weight=None, solve=None, right=None):
    def answer(curvature, centre, alpha, steps):
        eye = torch.eye(centre.shape[1], dtype=centre.dtype)
        m = eye - alpha * curvature
        w = curvature @ torch.linalg.matrix_power(m, 2 * steps) if weight is None else weight(curvature, m, steps)
        pulled = torch.einsum("tij,tj->i", w, centre) if right is None else right(w, centre)
        return torch.linalg.solve(w.sum(0), pulled) if solve is None else solve(w, pulled)

    return answer


def _mean_of_the_first_two(curvature, centre, alpha, steps):
    return _optimum()(curvature[:2], centre[:2], alpha, steps)


def _ridge(w, pulled):
    return torch.linalg.solve(w.sum(0) + 1e-4 * torch.eye(len(pulled), dtype=pulled.dtype), pulled)


def _by_trace(curvature, m, steps):
    w = curvature @ torch.linalg.matrix_power(m, 2 * steps)
    return w.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(m.shape[1], dtype=m.dtype)


def _descended(curvature, centre, alpha, steps):
    """A thousand steps of gradient descent on the meta-loss."""
    w = curvature @ torch.linalg.matrix_power(torch.eye(centre.shape[1]).to(centre) - alpha * curvature, 2 * steps)
    theta = centre.mean(0)
    for _ in range(200):
        theta = theta - 0.05 * torch.einsum("tij,tj->i", w, theta - centre) / len(w)
    return theta


def _optimum_numpy(curvature, centre, alpha, steps):
    left, right = 0, 0
    for a, c in zip(curvature.numpy(), centre.numpy(), strict=True):
        power = np.linalg.matrix_power(np.eye(len(c)) - alpha * a, steps)
        left, right = left + power @ a @ power, right + power @ a @ power @ c
    return torch.from_numpy(np.linalg.solve(left, right))


def _optimum_eigen(curvature, centre, alpha, steps):
    values, vectors = torch.linalg.eigh(curvature)
    w = vectors @ torch.diag_embed(values * (1 - alpha * values) ** (2 * steps)) @ vectors.mT
    return torch.cholesky_solve((w @ centre[..., None]).sum(0), torch.linalg.cholesky(w.sum(0)))[:, 0]


def _optimum_from_zero(curvature, centre, alpha, steps):
    """The gradient at zero and at the unit vectors determine a linear function."""
    zero = torch.zeros_like(centre[0])

    def gradient(theta):
        return sum(_quadratic_steps(theta, a, c, a, c, alpha, steps) for a, c in zip(curvature, centre, strict=True))

    at_zero = gradient(zero)
    matrix = torch.stack([gradient(e) - at_zero for e in torch.eye(len(zero), dtype=zero.dtype)], 1)
    return -torch.linalg.inv(matrix) @ at_zero


# ------------------------------------------------------------------ a meta-loss


def _net(p, x):
    return (x @ p["w1"].T + p["b1"]).tanh() @ p["w2"].T + p["b2"]


def _error(p, x, y):
    return (_net(p, x) - y).square().mean()


def _meta(begin=None, graph=None, judged=None, update=None, total=None, loss_of=_error, steps_of=None):
    def answer(parameters, tasks, alpha, steps):
        outer = []
        for place, (sx, sy, qx, qy) in enumerate(tasks):
            p = dict(parameters)
            number = steps if steps_of is None else steps_of(steps, place)
            for k in range(number):
                slopes = torch.autograd.grad(
                    loss_of(p, sx, sy), list(p.values()), create_graph=True if graph is None else graph(k, number)
                )
                p = {
                    n: (v - alpha * s if update is None else update(n, v, alpha, s))
                    for (n, v), s in zip(p.items(), slopes, strict=True)
                }
            outer.append(_error(p, qx, qy) if judged is None else judged(p, sx, sy, qx, qy))
        return torch.stack(outer).mean() if total is None else total(outer, tasks)

    return answer


def _by_points(outer, tasks):
    """Every query point counts the same, rather than every task."""
    counts = torch.tensor([len(task[2]) for task in tasks], dtype=outer[0].dtype)
    return (torch.stack(outer) * counts).sum() / counts.sum()


def _all_in_float32(parameters, tasks, alpha, steps):
    single = {name: value.float() for name, value in parameters.items()}
    return _meta()(single, [tuple(x.float() for x in task) for task in tasks], alpha, steps).to(parameters["w1"].dtype)


def _reads_first_support(parameters, tasks, alpha, steps):
    return _meta()(parameters, [(tasks[0][0], tasks[0][1], qx, qy) for _, _, qx, qy in tasks], alpha, steps)


def _leaves_moved(parameters, tasks, alpha, steps):
    """The right loss; afterwards the parameters have been set to the last task's adapted ones."""
    loss = _meta()(parameters, tasks, alpha, steps)
    with torch.no_grad():
        for value in parameters.values():
            value.mul_(1.0 - 1e-6)
    return loss


def _meta_func(parameters, tasks, alpha, steps):
    def adapted(p, x, y):
        for _ in range(steps):
            slopes = torch.func.grad(_error)(p, x, y)
            p = {name: p[name] - alpha * slopes[name] for name in p}
        return p

    return sum(_error(adapted(parameters, sx, sy), qx, qy) for sx, sy, qx, qy in tasks) / len(tasks)


def _meta_recursive(parameters, tasks, alpha, steps):
    names = sorted(parameters)

    def after(values, x, y, left):
        if left == 0:
            return values
        slopes = torch.autograd.grad(_error(dict(zip(names, values, strict=True)), x, y), values, create_graph=True)
        return after([v - alpha * s for v, s in zip(values, slopes, strict=True)], x, y, left - 1)

    losses = []
    for sx, sy, qx, qy in reversed(tasks):
        values = after([parameters[name] for name in names], sx, sy, steps)
        losses.append(torch.nn.functional.mse_loss(_net(dict(zip(names, values, strict=True)), qx), qy))
    return torch.stack(losses).sum().div(len(losses))


def _meta_by_hand(parameters, tasks, alpha, steps):
    """The inner gradient written out; only the outer one is autograd's."""
    total = 0
    for sx, sy, qx, qy in tasks:
        w1, b1, w2, b2 = (parameters[name] for name in ("w1", "b1", "w2", "b2"))
        for _ in range(steps):
            hidden = (sx @ w1.T + b1).tanh()
            push = 2 * (hidden @ w2.T + b2 - sy) / len(sx)
            back = push @ w2 * (1 - hidden**2)
            slopes = back.T @ sx, back.sum(0), push.T @ hidden, push.sum(0)
            w1, b1, w2, b2 = (v - alpha * g for v, g in zip((w1, b1, w2, b2), slopes, strict=True))
        total = total + ((qx @ w1.T + b1).tanh() @ w2.T + b2 - qy).pow(2).mean()
    return total / len(tasks)


WRONG = [
    *named(
        ch05.check_maml_gradient,
        _central_differences,
        _one_gradient_of_all,
        _on_theta_itself,
        _backward,
        _with_its_graph,
        half_graph=_outer(step=_half_graph),
        first_graph=_outer(step=_first_graph_only),
        clipped=_outer(step=_clipped_slopes),
        at_most_five=_outer(count=lambda steps: min(steps, 5)),
        falling_rate=_outer(rate=lambda alpha, k: alpha / (1 + k)),
        slope_at_start=_outer(at=lambda phi, start: phi - phi.detach() + start.detach()),
        summed=_outer(mean=lambda losses: torch.stack(losses).sum()),
        squared_mean=_outer(mean=lambda losses: torch.stack(losses).logsumexp(0)),
        last_task=_outer(mean=lambda losses: losses[-1]),
    ),
    *named(
        ch05.check_quadratic_meta_gradient,
        _elementwise_power,
        _matrices_exchanged,
        _diagonal_only,
        _quadratic_autograd,
        first_order=_quadratic(left=lambda m, steps: torch.eye(len(m), dtype=m.dtype)),
        one_factor=_quadratic(left=lambda m, steps: m if steps else torch.eye(len(m), dtype=m.dtype)),
        factor_less=_quadratic(left=lambda m, steps: _power(m, max(steps - 1, 0))),
        twice=_quadratic(left=lambda m, steps: _power(m, 2 * steps)),
        at_least_one=_quadratic(inner=lambda steps: max(steps, 1)),
        at_most_eight=_quadratic(inner=lambda steps: min(steps, 8)),
        gradient_of_twice=_quadratic(factor=lambda t, a, alpha: torch.eye(len(t), dtype=t.dtype) - 2 * alpha * a),
        around_the_query=_quadratic(centre=lambda s, q: q),
        centre_of_support=_quadratic(right=lambda a, phi, s, q: a @ (phi - s)),
        contracted=_quadratic(
            factor=lambda t, a, alpha: torch.linalg.inv(torch.eye(len(t), dtype=t.dtype) + alpha * a)
        ),
    ),
    *named(
        ch05.check_meta_optimum,
        _mean_of_the_first_two,
        _descended,
        ridge=_optimum(solve=_ridge),
        trace=_optimum(weight=_by_trace),
        power_once=_optimum(weight=lambda a, m, k: a @ torch.linalg.matrix_power(m, k)),
        power_more=_optimum(weight=lambda a, m, k: a @ torch.linalg.matrix_power(m, 2 * k + 1)),
        without_a=_optimum(weight=lambda a, m, k: torch.linalg.matrix_power(m, 2 * k)),
        a_twice=_optimum(weight=lambda a, m, k: a @ a @ torch.linalg.matrix_power(m, 2 * k)),
        elementwise=_optimum(weight=lambda a, m, k: a * m ** (2 * k)),
        absolute=_optimum(weight=lambda a, m, k: a @ torch.linalg.matrix_power(m.abs(), 2 * k)),
        of_means=_optimum(right=lambda w, c: w.mean(0) @ c.sum(0)),
        each_alone=_optimum(solve=lambda w, pulled: torch.linalg.inv(w).mean(0) @ pulled / len(w)),
    ),
    *named(
        ch05.check_meta_loss,
        _all_in_float32,
        _reads_first_support,
        _leaves_moved,
        by_points=_meta(total=_by_points),
        last_graph=_meta(graph=lambda k, number: k >= number - 2),
        bias_slopes_stopped=_meta(update=lambda n, v, alpha, s: v - alpha * (s.detach() if n.startswith("b") else s)),
        bias_not_adapted=_meta(update=lambda n, v, alpha, s: v if n == "b2" else v - alpha * s),
        sum_inside=_meta(loss_of=lambda p, x, y: (_net(p, x) - y).square().sum()),
        half_inside=_meta(loss_of=lambda p, x, y: 0.5 * (_net(p, x) - y).square().mean()),
        root=_meta(judged=lambda p, sx, sy, qx, qy: _error(p, qx, qy).sqrt()),
        both_sets=_meta(judged=lambda p, sx, sy, qx, qy: _error(p, torch.cat([sx, qx]), torch.cat([sy, qy]))),
        at_least_one=_meta(steps_of=lambda steps, place: max(steps, 1)),
        more_each_task=_meta(steps_of=lambda steps, place: steps + (place > 2)),
        clipped=_meta(update=lambda n, v, alpha, s: v - alpha * s.clamp(-1, 1)),
        median=_meta(total=lambda outer, tasks: torch.stack(outer).median()),
    ),
]
RIGHT = [
    *named(ch05.check_maml_gradient, _by_torch_func, _by_jacobians, _by_hvp),
    *named(ch05.check_quadratic_meta_gradient, _quadratic_eigen, _quadratic_steps, _quadratic_numpy),
    *named(ch05.check_meta_optimum, _optimum_numpy, _optimum_eigen, _optimum_from_zero),
    *named(ch05.check_meta_loss, _meta_func, _meta_recursive, _meta_by_hand),
]
