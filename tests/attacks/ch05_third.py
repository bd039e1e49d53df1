"""More answers to chapter 05's exercises, by somebody who had read the exercises and not the checks."""

import numpy as np
import torch
from torch.nn import functional as F

from metarl_core.check import ch05

from . import named

grad = torch.autograd.grad

# ------------------------------------------------------------------ maml_gradient, wrong


def _leaf(theta):
    return theta.clone().requires_grad_()


def _maml(inner=None, outer=None, keep=lambda step, steps: True, count=lambda steps: steps, swap=False):
    """MAML's gradient with one of its parts exchanged."""

    def maml_gradient(theta, tasks, alpha, steps):
        start, losses = _leaf(theta), []
        for support, query in tasks:
            if swap:
                support, query = query, support
            adapted = start
            for step in range(count(steps)):
                (slope,) = grad(support(adapted), adapted, create_graph=keep(step, steps), retain_graph=True)
                adapted = inner(adapted, slope, alpha, step) if inner else adapted - alpha * slope
            losses.append(query(adapted))
        total = outer(losses) if outer else torch.stack(losses).mean()
        return grad(total, start)[0]

    return maml_gradient


def _graph_of_the_first_step_only(theta, tasks, alpha, steps):
    return _maml(keep=lambda step, steps: step == 0)(theta, tasks, alpha, steps)


def _graph_in_even_steps(theta, tasks, alpha, steps):
    return _maml(keep=lambda step, steps: step % 2 == 0)(theta, tasks, alpha, steps)


def _at_most_three_steps(theta, tasks, alpha, steps):
    return _maml(count=lambda steps: min(steps, 3))(theta, tasks, alpha, steps)


def _step_size_halves(theta, tasks, alpha, steps):
    return _maml(lambda a, s, alpha, step: a - alpha * 0.5**step * s)(theta, tasks, alpha, steps)


def _normalised_inner_gradient(theta, tasks, alpha, steps):
    return _maml(lambda a, s, alpha, step: a - alpha * s / s.norm())(theta, tasks, alpha, steps)


def _inner_gradient_clipped(theta, tasks, alpha, steps):
    return _maml(lambda a, s, alpha, step: a - alpha * s.clamp(-0.5, 0.5))(theta, tasks, alpha, steps)


def _weight_decay(theta, tasks, alpha, steps):
    return _maml(lambda a, s, alpha, step: a - alpha * (s + 1e-3 * a))(theta, tasks, alpha, steps)


def _alpha_of_the_example(theta, tasks, alpha, steps):
    return _maml()(theta, tasks, 0.5, steps)


def _worst_task(theta, tasks, alpha, steps):
    return _maml(outer=lambda losses: torch.stack(losses).max())(theta, tasks, alpha, steps)


def _half_the_sum(theta, tasks, alpha, steps):
    return _maml(outer=lambda losses: sum(losses) / 2)(theta, tasks, alpha, steps)


def _sets_exchanged(theta, tasks, alpha, steps):
    return _maml(swap=True)(theta, tasks, alpha, steps)


def _hessian_at_the_start(theta, tasks, alpha, steps):
    total = torch.zeros_like(theta)
    for support, query in tasks:
        jacobian = torch.eye(len(theta), dtype=theta.dtype)
        jacobian -= alpha * torch.autograd.functional.hessian(support, theta)
        point = theta.clone()
        for _ in range(steps):
            leaf = _leaf(point)
            point = point - alpha * grad(support(leaf), leaf)[0]
        leaf = _leaf(point)
        total += torch.linalg.matrix_power(jacobian, steps) @ grad(query(leaf), leaf)[0]
    return total / len(tasks)


def _factors_in_the_other_order(theta, tasks, alpha, steps):
    total = torch.zeros_like(theta)
    for support, query in tasks:
        point, jacobian = theta.clone(), torch.eye(len(theta), dtype=theta.dtype)
        for _ in range(steps):
            leaf = _leaf(point)
            jacobian = jacobian - alpha * torch.autograd.functional.hessian(support, point) @ jacobian
            point = point - alpha * grad(support(leaf), leaf)[0]
        leaf = _leaf(point)
        total += jacobian @ grad(query(leaf), leaf)[0]  # the transpose was due
    return total / len(tasks)


def _first_order_in_alpha(theta, tasks, alpha, steps):
    total = torch.zeros_like(theta)
    for support, query in tasks:
        point, hessians = theta.clone(), torch.zeros(len(theta), len(theta), dtype=theta.dtype)
        for _ in range(steps):
            leaf = _leaf(point)
            hessians += torch.autograd.functional.hessian(support, point)
            point = point - alpha * grad(support(leaf), leaf)[0]
        leaf = _leaf(point)
        slope = grad(query(leaf), leaf)[0]
        total += slope - alpha * hessians @ slope
    return total / len(tasks)


def _mean_of_parameters_first(theta, tasks, alpha, steps):
    start, ends = _leaf(theta), []
    for support, _ in tasks:
        adapted = start
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=True)[0]
        ends.append(adapted)
    middle = torch.stack(ends).mean(0)
    return grad(torch.stack([query(middle) for _, query in tasks]).mean(), start)[0]


def _marks_theta(theta, tasks, alpha, steps):
    theta.requires_grad_()
    losses = []
    for support, query in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=True)[0]
        losses.append(query(adapted))
    (found,) = grad(torch.stack(losses).mean(), theta)
    return found


def _leaves_a_gradient(theta, tasks, alpha, steps):
    start = theta.requires_grad_()
    losses = []
    for support, query in tasks:
        adapted = start
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=True)[0]
        losses.append(query(adapted))
    torch.stack(losses).mean().backward()
    theta.requires_grad_(False)
    return theta.grad.clone()


def _with_a_graph_behind(theta, tasks, alpha, steps):
    start = _leaf(theta)
    losses = []
    for support, query in tasks:
        adapted = start
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=True)[0]
        losses.append(query(adapted))
    return grad(torch.stack(losses).mean(), start, create_graph=True)[0]


def _single_precision(theta, tasks, alpha, steps):
    return _maml()(theta.float().double(), tasks, alpha, steps)


_known_gradients = {}


def _remembers_by_length(theta, tasks, alpha, steps):
    key = (len(theta), len(tasks), steps)
    if key not in _known_gradients:
        _known_gradients[key] = _maml()(theta, tasks, alpha, steps)
    return _known_gradients[key]


def _coarse_differences(theta, tasks, alpha, steps):
    def value(point):
        losses = []
        for support, query in tasks:
            adapted = point
            for _ in range(steps):
                leaf = _leaf(adapted)
                adapted = adapted - alpha * grad(support(leaf), leaf)[0]
            losses.append(query(adapted))
        return torch.stack(losses).mean()

    found = torch.zeros_like(theta)
    for i in range(len(theta)):
        ahead = theta.clone()
        ahead[i] += 1e-2
        found[i] = (value(ahead) - value(theta)) / 1e-2
    return found


# ------------------------------------------------------------------ maml_gradient, right


def _by_torch_func(theta, tasks, alpha, steps):
    def one(point, support, query):
        for _ in range(steps):
            point = point - alpha * torch.func.grad(support)(point)
        return query(point)

    return torch.func.grad(lambda point: sum(one(point, *task) for task in tasks) / len(tasks))(theta)


def _backwards_by_hand(theta, tasks, alpha, steps):
    found = []
    for support, query in tasks:
        points = [theta]
        for _ in range(steps):
            points.append(points[-1] - alpha * torch.autograd.functional.jacobian(support, points[-1]))
        adjoint = torch.autograd.functional.jacobian(query, points.pop())
        for point in reversed(points):
            adjoint = adjoint - alpha * torch.autograd.functional.hvp(support, point, adjoint)[1]
        found.append(adjoint)
    return sum(found) / len(found)


def _forwards_by_hand(theta, tasks, alpha, steps):
    d, total = len(theta), 0
    for support, query in tasks:
        point, jacobian = theta, torch.eye(d).double()
        for _ in range(steps):
            jacobian = jacobian - alpha * torch.func.hessian(support)(point) @ jacobian
            point = point - alpha * torch.func.grad(support)(point)
        total = total + jacobian.T @ torch.func.grad(query)(point)
    return total / len(tasks)


def _accumulated_by_backward(theta, tasks, alpha, steps):
    start = torch.nn.Parameter(theta.detach().clone())
    for support, query in tasks:
        adapted = start
        for _ in range(steps):
            adapted = torch.sub(adapted, grad(support(adapted), [adapted], create_graph=True)[0], alpha=alpha)
        (query(adapted) / len(tasks)).backward()
    return start.grad.detach()


def _one_jacobian_of_the_loss(theta, tasks, alpha, steps):
    def loss(point):
        values = []
        for task in tasks:
            here, left = point, steps
            while left:
                here = here - alpha * grad(task[0](here), here, create_graph=True)[0]
                left -= 1
            values.append(task[1](here).reshape(1))
        return torch.cat(values).mean()

    return torch.autograd.functional.jacobian(loss, theta)


class _Learner:
    def __call__(self, theta, tasks, alpha, steps):
        with torch.enable_grad():
            start = theta.detach().clone().requires_grad_(True)
            ends = [self.adapt(start, support, alpha, steps) for support, _ in tasks]
            weights = [1 / len(tasks)] * len(tasks)
            loss = sum(w * query(end) for w, end, (_, query) in zip(weights, ends, tasks, strict=True))
            return grad(loss, start)[0].detach()

    def adapt(self, point, support, alpha, steps):
        if steps == 0:
            return point
        (slope,) = grad(support(point), point, create_graph=True)
        return self.adapt(point - alpha * slope, support, alpha, steps - 1)


# ------------------------------------------------------------------ quadratic_meta_gradient, wrong


def _power(support_a, alpha, steps):
    eye = torch.eye(len(support_a), dtype=support_a.dtype)
    return torch.linalg.matrix_power(eye - alpha * support_a, steps)


def _entries_to_the_power(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = (torch.eye(len(theta)) - alpha * support_a) ** steps
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _outer_factor_once(theta, support_a, support_c, query_a, query_c, alpha, steps):
    adapted = support_c + _power(support_a, alpha, steps) @ (theta - support_c)
    return _power(support_a, alpha, 1) @ query_a @ (adapted - query_c)


def _matrices_swapped(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a, alpha, steps)
    return query_a @ factor @ (support_c + factor @ (theta - support_c) - query_c)


def _from_the_right(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a, alpha, steps)
    return factor @ query_a @ (support_c + (theta - support_c) * factor.diagonal() - query_c)


def _as_if_of_one_centre(theta, support_a, support_c, query_a, query_c, alpha, steps):
    return _power(support_a, alpha, 2 * steps) @ query_a @ (theta - query_c)


def _without_the_centre(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a, alpha, steps)
    return factor @ query_a @ (factor @ theta - query_c)


def _binomial_to_first_order(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = torch.eye(len(theta), dtype=theta.dtype) - steps * alpha * support_a
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _gradient_flow(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = torch.matrix_exp(-alpha * steps * support_a)
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _curvature_of_the_query(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(query_a, alpha, steps)
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _loss_without_the_half(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a, 2 * alpha, steps)
    return 2 * factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _zero_steps_mean_zero(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = torch.zeros_like(support_a)
    for step in range(steps):
        once = torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a
        factor = once if step == 0 else factor @ once
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _two_dimensions(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = torch.linalg.matrix_power(torch.eye(2, dtype=theta.dtype) - alpha * support_a, steps)
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _subtracts_in_place(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a, alpha, steps)
    theta -= support_c
    return factor @ query_a @ (support_c + factor @ theta - query_c)


def _scales_the_matrix_in_place(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = torch.linalg.matrix_power(torch.eye(len(theta)).double() - support_a.mul_(alpha), steps)
    return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)


def _by_torch_func_grad(theta, support_a, support_c, query_a, query_c, alpha, steps):
    def loss(point):
        for _ in range(steps):
            point = point - alpha * support_a @ (point - support_c)
        return 0.5 * (point - query_c) @ query_a @ (point - query_c)

    return torch.func.grad(loss)(theta)


def _by_jacobian_of_the_loop(theta, support_a, support_c, query_a, query_c, alpha, steps):
    def adapt(point):
        for _ in range(steps):
            point = point - alpha * support_a @ (point - support_c)
        return point

    return torch.autograd.functional.jacobian(adapt, theta).T @ query_a @ (adapt(theta) - query_c)


def _float32_inside(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a.float(), alpha, steps)
    adapted = support_c.float() + factor @ (theta - support_c).float()
    return (factor @ query_a.float() @ (adapted - query_c.float())).double()


def _a_column(theta, support_a, support_c, query_a, query_c, alpha, steps):
    factor = _power(support_a, alpha, steps)
    return factor @ query_a @ (support_c[:, None] + factor @ (theta - support_c)[:, None] - query_c[:, None])


# ------------------------------------------------------------------ quadratic_meta_gradient, right


def _adjoint_loop(theta, support_a, support_c, query_a, query_c, alpha, steps):
    point = theta
    for _ in range(steps):
        point = point - alpha * support_a @ (point - support_c)
    slope = query_a @ (point - query_c)
    for _ in range(steps):
        slope = slope - alpha * support_a @ slope
    return slope


def _by_eigenvectors(theta, support_a, support_c, query_a, query_c, alpha, steps):
    values, vectors = torch.linalg.eigh(support_a)
    factor = vectors * (1 - alpha * values) ** steps @ vectors.T
    return factor @ (query_a @ (support_c - query_c + factor @ (theta - support_c)))


def _in_numpy(theta, support_a, support_c, query_a, query_c, alpha, steps):
    theta, support_a, support_c, query_a, query_c = (t.numpy() for t in (theta, support_a, support_c, query_a, query_c))
    factor = np.linalg.matrix_power(np.eye(len(theta)) - alpha * support_a, steps)
    return torch.from_numpy(factor.T @ query_a @ (support_c + factor @ (theta - support_c) - query_c))


def _plain_python(theta, support_a, support_c, query_a, query_c, alpha, steps):
    def times(matrix, vector):
        return [sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix.tolist()]

    point, centre = theta.tolist(), support_c.tolist()
    for _ in range(steps):
        slope = times(support_a, [p - c for p, c in zip(point, centre, strict=True)])
        point = [p - alpha * s for p, s in zip(point, slope, strict=True)]
    found = times(query_a, [p - c for p, c in zip(point, query_c.tolist(), strict=True)])
    for _ in range(steps):
        found = [f - alpha * s for f, s in zip(found, times(support_a, found), strict=True)]
    return torch.tensor(found, dtype=torch.float64)


def _einsum_and_float32_eye(theta, support_a, support_c, query_a, query_c, alpha, steps):
    once, factor = torch.eye(len(theta)) - alpha * support_a, torch.eye(len(theta)).double()
    for _ in range(steps):
        factor = torch.einsum("ij,jk->ik", factor, once)
    adapted = support_c + torch.einsum("ij,j->i", factor, theta - support_c)
    return torch.einsum("ij,jk,k->i", factor, query_a, adapted - query_c)


def _affine_map(theta, support_a, support_c, query_a, query_c, alpha, steps):
    """θ_K = P θ + q, both by the same recursion."""
    p, q = torch.eye(len(theta), dtype=torch.float64), torch.zeros_like(theta)
    for _ in range(steps):
        p, q = p - alpha * support_a @ p, q - alpha * support_a @ (q - support_c)
    return p.mT.mv(query_a.mv(p.mv(theta) + q - query_c))


# ------------------------------------------------------------------ meta_optimum, wrong


def _weights(curvature, alpha, power):
    return torch.stack([a @ _power(a, alpha, power) for a in curvature])


def _solve(weights, centre):
    return torch.linalg.solve(weights.sum(0), torch.einsum("tij,tj->i", weights, centre))


def _middle_of_the_centres(curvature, centre, alpha, steps):
    return centre.mean(0)


def _joint_optimum(curvature, centre, alpha, steps):
    return _solve(curvature, centre)


def _one_power_too_many(curvature, centre, alpha, steps):
    return _solve(_weights(curvature, alpha, 2 * steps + 1), centre)


def _single_power(curvature, centre, alpha, steps):
    return _solve(_weights(curvature, alpha, steps), centre)


def _curvature_left_out(curvature, centre, alpha, steps):
    return _solve(torch.stack([_power(a, alpha, 2 * steps) for a in curvature]), centre)


def _curvature_squared(curvature, centre, alpha, steps):
    return _solve(torch.stack([a @ a @ _power(a, alpha, 2 * steps) for a in curvature]), centre)


def _elementwise_power_of_weights(curvature, centre, alpha, steps):
    eye = torch.eye(curvature.shape[-1], dtype=curvature.dtype)
    return _solve(curvature @ (eye - alpha * curvature) ** (2 * steps), centre)


def _only_the_diagonal(curvature, centre, alpha, steps):
    a = torch.diagonal(curvature, dim1=1, dim2=2)
    weight = a * (1 - alpha * a) ** (2 * steps)
    return (weight * centre).sum(0) / weight.sum(0)


def _first_two_tasks(curvature, centre, alpha, steps):
    return _solve(_weights(curvature[:2], alpha, 2 * steps), centre[:2])


def _divides_entry_by_entry(curvature, centre, alpha, steps):
    weights = _weights(curvature, alpha, 2 * steps)
    return torch.einsum("tij,tj->i", weights, centre) / weights.sum(0).diagonal()


def _mean_curvature_adapts(curvature, centre, alpha, steps):
    factor = _power(curvature.mean(0), alpha, 2 * steps)
    return _solve(curvature @ factor, centre)


def _step_size_of_the_example(curvature, centre, alpha, steps):
    return _solve(_weights(curvature, 0.4, 2 * steps), centre)


def _mean_of_adapted_from_zero(curvature, centre, alpha, steps):
    return torch.stack([c - _power(a, alpha, steps) @ c for a, c in zip(curvature, centre, strict=True)]).mean(0)


def _hundred_steps_of_descent(curvature, centre, alpha, steps):
    theta, weights = centre.mean(0), _weights(curvature, alpha, 2 * steps)
    for _ in range(100):
        theta = theta - 0.1 * torch.einsum("tij,tj->i", weights, theta - centre)
    return theta


def _by_newton_and_autograd(curvature, centre, alpha, steps):
    def loss(theta):
        moved = torch.stack([_power(a, alpha, steps) @ (theta - c) for a, c in zip(curvature, centre, strict=True)])
        return 0.5 * torch.einsum("ti,tij,tj->", moved, curvature, moved)

    start = torch.zeros_like(centre[0])
    slope = torch.autograd.functional.jacobian(loss, start)
    return -torch.linalg.solve(torch.autograd.functional.hessian(loss, start), slope)


def _as_a_column(curvature, centre, alpha, steps):
    weights = _weights(curvature, alpha, 2 * steps)
    return torch.linalg.solve(weights.sum(0), (weights @ centre[..., None]).sum(0))


def _no_inner_step_no_answer(curvature, centre, alpha, steps):
    return _solve(_weights(curvature, alpha, 2 * steps), centre) if steps else centre.mean(0)


def _curvature_scaled_in_place(curvature, centre, alpha, steps):
    weights = _weights(curvature, alpha, 2 * steps)
    curvature *= 0
    return _solve(weights, centre)


# ------------------------------------------------------------------ meta_optimum, right


def _batched_eigh(curvature, centre, alpha, steps):
    values, vectors = torch.linalg.eigh(curvature)
    weights = vectors @ torch.diag_embed(values * (1 - alpha * values) ** (2 * steps)) @ vectors.mT
    return torch.linalg.solve(weights.mean(0), (weights @ centre.unsqueeze(-1)).mean(0).squeeze(-1))


def _optimum_in_numpy(curvature, centre, alpha, steps):
    left, right = 0, 0
    for a, c in zip(curvature.numpy(), centre.numpy(), strict=True):
        m = np.linalg.matrix_power(np.eye(len(c)) - alpha * a, steps)
        left, right = left + m @ a @ m, right + m @ a @ m @ c
    return torch.tensor(np.linalg.solve(left, right))


def _least_squares(curvature, centre, alpha, steps):
    roots = torch.stack([torch.linalg.cholesky(a).T @ _power(a, alpha, steps) for a in curvature])
    left, right = roots.flatten(0, 1), (roots @ centre[..., None]).flatten(0, 1)
    return torch.linalg.lstsq(left, right).solution[:, 0]


def _newton_from_zero(curvature, centre, alpha, steps):
    eye = torch.eye(centre.shape[1], dtype=centre.dtype)
    factors = [torch.linalg.matrix_power(eye - alpha * a, steps) for a in curvature]
    zero = torch.zeros_like(centre[0])

    def slope(theta):
        return sum(m @ a @ m @ (theta - c) for m, a, c in zip(factors, curvature, centre, strict=True))

    columns = torch.stack([slope(e) - slope(zero) for e in eye], 1)
    return torch.linalg.inv(columns) @ -slope(zero)


def _repeated_products(curvature, centre, alpha, steps):
    weights = curvature.clone()
    for _ in range(2 * steps):
        weights = weights - alpha * torch.bmm(curvature, weights)
    return torch.linalg.solve_ex(weights.sum(dim=0), torch.einsum("tij,tj->i", weights, centre))[0]


def _offsets_from_the_middle(curvature, centre, alpha, steps):
    middle = centre.mean(0)
    weights = _weights(curvature, alpha, 2 * steps)
    return middle + _solve(weights, centre - middle)


# ------------------------------------------------------------------ meta_loss, wrong


def predict(parameters, x):
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def squared_error(parameters, x, y):
    return (predict(parameters, x) - y).square().mean()


def _adapt(parameters, x, y, alpha, steps, keep=True, error=squared_error):
    adapted = dict(parameters)
    for _ in range(steps):
        slopes = grad(error(adapted, x, y), list(adapted.values()), create_graph=keep)
        adapted = {n: v - alpha * s for (n, v), s in zip(adapted.items(), slopes, strict=True)}
    return adapted


def _points_pooled(parameters, tasks, alpha, steps):
    errors = []
    for sx, sy, qx, qy in tasks:
        errors.append((predict(_adapt(parameters, sx, sy, alpha, steps), qx) - qy).square())
    return torch.cat(errors).mean()


def _no_graph_in_any_step(parameters, tasks, alpha, steps):
    return torch.stack(
        [squared_error(_adapt(parameters, sx, sy, alpha, steps, keep=False), qx, qy) for sx, sy, qx, qy in tasks]
    ).mean()


def _copies_of_the_parameters(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        copies = {n: v.detach().clone().requires_grad_() for n, v in parameters.items()}
        losses.append(squared_error(_adapt(copies, sx, sy, alpha, steps), qx, qy))
    return torch.stack(losses).mean()


def _no_step_means_support(parameters, tasks, alpha, steps):
    if steps == 0:
        return torch.stack([squared_error(parameters, sx, sy) for sx, sy, _, _ in tasks]).mean()
    return torch.stack(
        [squared_error(_adapt(parameters, sx, sy, alpha, steps), qx, qy) for sx, sy, qx, qy in tasks]
    ).mean()


def _three_steps_always(parameters, tasks, alpha, steps):
    return torch.stack([squared_error(_adapt(parameters, sx, sy, alpha, 3), qx, qy) for sx, sy, qx, qy in tasks]).mean()


def _step_size_of_the_cell(parameters, tasks, alpha, steps):
    return torch.stack(
        [squared_error(_adapt(parameters, sx, sy, 0.1, steps), qx, qy) for sx, sy, qx, qy in tasks]
    ).mean()


def _mean_of_both_sets(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = _adapt(parameters, sx, sy, alpha, steps)
        losses += [squared_error(adapted, qx, qy), squared_error(adapted, sx, sy)]
    return torch.stack(losses).mean()


def _adapts_on_everything(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = _adapt(parameters, torch.cat([sx, qx]), torch.cat([sy, qy]), alpha, steps)
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


def _as_many_queries_as_support(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        losses.append(squared_error(_adapt(parameters, sx, sy, alpha, steps), qx[: len(sx)], qy[: len(sx)]))
    return torch.stack(losses).mean()


def _summed_inner_error(parameters, tasks, alpha, steps):
    def summed(p, x, y):
        return (predict(p, x) - y).square().sum()

    losses = []
    for sx, sy, qx, qy in tasks:
        losses.append(squared_error(_adapt(parameters, sx, sy, alpha, steps, error=summed), qx, qy))
    return torch.stack(losses).mean()


def _a_plain_number(parameters, tasks, alpha, steps):
    losses = [squared_error(_adapt(parameters, sx, sy, alpha, steps), qx, qy).item() for sx, sy, qx, qy in tasks]
    return torch.tensor(sum(losses) / len(losses), dtype=torch.float64)


def _bias_stays(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = dict(parameters)
        for _ in range(steps):
            names = [n for n in adapted if n != "b2"]
            slopes = grad(squared_error(adapted, sx, sy), [adapted[n] for n in names], create_graph=True)
            adapted = {**adapted, **{n: adapted[n] - alpha * s for n, s in zip(names, slopes, strict=True)}}
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


def _one_after_the_other(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = dict(parameters)
        for _ in range(steps):
            for name in list(adapted):  # each tensor sees those before it already moved
                (slope,) = grad(squared_error(adapted, sx, sy), adapted[name], create_graph=True)
                adapted[name] = adapted[name] - alpha * slope
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


def _updates_the_dictionary(parameters, tasks, alpha, steps):
    losses, start = [], dict(parameters)
    for sx, sy, qx, qy in tasks:
        for name in start:
            parameters[name] = start[name]
        for _ in range(steps):
            slopes = grad(squared_error(parameters, sx, sy), list(parameters.values()), create_graph=True)
            for name, slope in zip(list(parameters), slopes, strict=True):
                parameters[name] = parameters[name] - alpha * slope
        losses.append(squared_error(parameters, qx, qy))
    return torch.stack(losses).mean()


def _last_gradient_reused(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        slopes = grad(squared_error(parameters, sx, sy), list(parameters.values()), create_graph=True)
        adapted = {n: v - steps * alpha * s for (n, v), s in zip(parameters.items(), slopes, strict=True)}
        losses.append(squared_error(adapted, qx, qy))
    return torch.stack(losses).mean()


def _vector_of_losses(parameters, tasks, alpha, steps):
    return torch.stack(
        [squared_error(_adapt(parameters, sx, sy, alpha, steps), qx, qy) for sx, sy, qx, qy in tasks]
    ).mean(0, keepdim=True)


def _always_float64(parameters, tasks, alpha, steps):
    mean = torch.zeros((), dtype=torch.float64)
    for sx, sy, qx, qy in tasks:
        mean = mean + squared_error(_adapt(parameters, sx, sy, alpha, steps), qx, qy) / len(tasks)
    return mean


# ------------------------------------------------------------------ meta_loss, right


def _with_mse_loss(parameters, tasks, alpha, steps):
    total = 0.0
    for sx, sy, qx, qy in tasks:
        p = {**parameters}
        for _ in range(steps):
            g = grad(F.mse_loss(predict(p, sx), sy), tuple(p.values()), create_graph=True)
            p = dict(zip(p, (v - alpha * s for v, s in zip(p.values(), g, strict=True)), strict=True))
        total = total + F.mse_loss(predict(p, qx), qy)
    return total / len(tasks)


def _functional(parameters, tasks, alpha, steps):
    def after(p, x, y, left):
        if not left:
            return p
        slope = torch.func.grad(squared_error)(p, x, y)
        return after({name: p[name] - alpha * slope[name] for name in p}, x, y, left - 1)

    return sum(squared_error(after(parameters, sx, sy, steps), qx, qy) for sx, sy, qx, qy in tasks) / len(tasks)


def _running_mean(parameters, tasks, alpha, steps):
    mean = torch.zeros(())
    for number, (sx, sy, qx, qy) in enumerate(tasks, 1):
        loss = squared_error(_adapt(parameters, sx, sy, alpha, steps), qx, qy)
        mean = mean + (loss - mean) / number
    return mean


def _list_of_tensors(parameters, tasks, alpha, steps):
    names, start = zip(*parameters.items(), strict=True)

    def error(values, x, y):
        w1, b1, w2, b2 = (dict(zip(names, values, strict=True))[n] for n in ("w1", "b1", "w2", "b2"))
        hidden = torch.tanh(F.linear(x, w1, b1))
        return ((F.linear(hidden, w2, b2) - y) ** 2).mean()

    losses = []
    for task in tasks:
        values = list(start)
        for _ in range(steps):
            slopes = grad(error(values, *task[:2]), values, create_graph=True)
            values = [v - alpha * s for v, s in zip(values, slopes, strict=True)]
        losses.append(error(values, *task[2:]))
    return torch.mean(torch.stack(losses))


def _slope_of_the_output_by_hand(parameters, tasks, alpha, steps):
    """The inner gradient written out; the outer one is left to whoever asks for it."""
    losses = []
    for sx, sy, qx, qy in tasks:
        w1, b1, w2, b2 = (parameters[n] for n in ("w1", "b1", "w2", "b2"))
        for _ in range(steps):
            h = (sx @ w1.T + b1).tanh()
            e = 2 * (h @ w2.T + b2 - sy) / len(sx)
            d = (e @ w2) * (1 - h * h)
            w1, b1, w2, b2 = w1 - alpha * d.T @ sx, b1 - alpha * d.sum(0), w2 - alpha * e.T @ h, b2 - alpha * e.sum(0)
        losses.append(squared_error({"w1": w1, "b1": b1, "w2": w2, "b2": b2}, qx, qy))
    return torch.stack(losses).mean()


def _all_tasks_abreast(parameters, tasks, alpha, steps):
    many = [dict(parameters) for _ in tasks]
    for _ in range(steps):
        losses = [squared_error(p, task[0], task[1]) for p, task in zip(many, tasks, strict=True)]
        many = [
            {n: v - alpha * s for (n, v), s in zip(p.items(), grad(one, [*p.values()], create_graph=True), strict=True)}
            for p, one in zip(many, losses, strict=True)
        ]
    return torch.stack([squared_error(p, task[2], task[3]) for p, task in zip(many, tasks, strict=True)]).mean()


WRONG = [
    *named(
        ch05.check_maml_gradient,
        _graph_of_the_first_step_only,
        _graph_in_even_steps,
        _at_most_three_steps,
        _step_size_halves,
        _normalised_inner_gradient,
        _inner_gradient_clipped,
        _weight_decay,
        _alpha_of_the_example,
        _worst_task,
        _half_the_sum,
        _sets_exchanged,
        _hessian_at_the_start,
        _factors_in_the_other_order,
        _first_order_in_alpha,
        _mean_of_parameters_first,
        _marks_theta,
        _leaves_a_gradient,
        _with_a_graph_behind,
        _single_precision,
        _remembers_by_length,
        _coarse_differences,
    ),
    *named(
        ch05.check_quadratic_meta_gradient,
        _entries_to_the_power,
        _outer_factor_once,
        _matrices_swapped,
        _from_the_right,
        _as_if_of_one_centre,
        _without_the_centre,
        _binomial_to_first_order,
        _gradient_flow,
        _curvature_of_the_query,
        _loss_without_the_half,
        _zero_steps_mean_zero,
        _two_dimensions,
        _subtracts_in_place,
        _scales_the_matrix_in_place,
        _by_torch_func_grad,
        _by_jacobian_of_the_loop,
        _float32_inside,
        _a_column,
    ),
    *named(
        ch05.check_meta_optimum,
        _middle_of_the_centres,
        _joint_optimum,
        _one_power_too_many,
        _single_power,
        _curvature_left_out,
        _curvature_squared,
        _elementwise_power_of_weights,
        _only_the_diagonal,
        _first_two_tasks,
        _divides_entry_by_entry,
        _mean_curvature_adapts,
        _step_size_of_the_example,
        _mean_of_adapted_from_zero,
        _hundred_steps_of_descent,
        _by_newton_and_autograd,
        _as_a_column,
        _no_inner_step_no_answer,
        _curvature_scaled_in_place,
    ),
    *named(
        ch05.check_meta_loss,
        _points_pooled,
        _no_graph_in_any_step,
        _copies_of_the_parameters,
        _no_step_means_support,
        _three_steps_always,
        _step_size_of_the_cell,
        _mean_of_both_sets,
        _adapts_on_everything,
        _as_many_queries_as_support,
        _summed_inner_error,
        _a_plain_number,
        _bias_stays,
        _one_after_the_other,
        _updates_the_dictionary,
        _last_gradient_reused,
        _vector_of_losses,
        _always_float64,
    ),
]

RIGHT = [
    *named(
        ch05.check_maml_gradient,
        _by_torch_func,
        _backwards_by_hand,
        _forwards_by_hand,
        _accumulated_by_backward,
        _one_jacobian_of_the_loss,
        _Learner(),
    ),
    *named(
        ch05.check_quadratic_meta_gradient,
        _adjoint_loop,
        _by_eigenvectors,
        _in_numpy,
        _plain_python,
        _einsum_and_float32_eye,
        _affine_map,
    ),
    *named(
        ch05.check_meta_optimum,
        _batched_eigh,
        _optimum_in_numpy,
        _least_squares,
        _newton_from_zero,
        _repeated_products,
        _offsets_from_the_middle,
    ),
    *named(
        ch05.check_meta_loss,
        _with_mse_loss,
        _functional,
        _running_mean,
        _list_of_tensors,
        _slope_of_the_output_by_hand,
        _all_tasks_abreast,
    ),
]

NOT_SAID = [
    (ch05.check_meta_optimum, _no_inner_step_no_answer, "raised to the power"),
    (ch05.check_meta_loss, _no_step_means_support, "descends the loss on the query points"),
    (ch05.check_meta_loss, _no_step_means_support, "two are left"),
    (ch05.check_meta_loss, _a_plain_number, "That is so on all"),
]
