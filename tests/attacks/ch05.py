"""Answers to the exercises of chapter 05."""

import numpy as np
import torch
from torch.autograd import grad

from metarl_core.check import ch05

# ------------------------------------------------------------------ maml_gradient


def _outer(start, tasks, alpha, steps, graph=True):
    losses = []
    for support, query in tasks:
        adapted = start
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=graph)[0]
        losses.append(query(adapted))
    return sum(losses) / len(losses)


def _leaf(theta):
    return theta.clone().requires_grad_()


def _right(theta, tasks, alpha, steps):
    leaf = _leaf(theta)
    return grad(_outer(leaf, tasks, alpha, steps), leaf)[0]


def _writes_into_the_callers_grad(theta, tasks, alpha, steps):
    theta.requires_grad_()
    _outer(theta, tasks, alpha, steps).backward()
    return theta.grad


def _marks_the_caller(theta, tasks, alpha, steps):
    theta.requires_grad_()
    return grad(_outer(theta, tasks, alpha, steps), theta)[0]


def _carries_a_graph(theta, tasks, alpha, steps):
    leaf = _leaf(theta)
    return grad(_outer(leaf, tasks, alpha, steps), leaf, create_graph=True)[0]


def _adds_up(theta, tasks, alpha, steps, memory={}):  # noqa: B006
    key = tuple(theta.tolist())
    memory[key] = memory.get(key, torch.zeros_like(theta)) + _right(theta, tasks, alpha, steps)
    return memory[key]


def _one_step_only(theta, tasks, alpha, steps):
    return _right(theta, tasks, alpha, 1)


def _one_step_more(theta, tasks, alpha, steps):
    return _right(theta, tasks, alpha, steps + 1)


def _one_step_of_k_alpha(theta, tasks, alpha, steps):
    return _right(theta, tasks, alpha * steps, 1)


def _query_inside(theta, tasks, alpha, steps):
    return _right(theta, [(query, query) for _, query in tasks], alpha, steps)


def _swapped(theta, tasks, alpha, steps):
    return _right(theta, [(query, support) for support, query in tasks], alpha, steps)


def _normalised_slopes(theta, tasks, alpha, steps):
    leaf, losses = _leaf(theta), []
    for support, query in tasks:
        adapted = leaf
        for _ in range(steps):
            slope = grad(support(adapted), adapted, create_graph=True)[0]
            adapted = adapted - alpha * slope / slope.norm().clamp(min=1)
        losses.append(query(adapted))
    return grad(sum(losses) / len(losses), leaf)[0]


def _all_gradients_at_theta(theta, tasks, alpha, steps):
    leaf, losses = _leaf(theta), []
    for support, query in tasks:
        slope = grad(support(leaf), leaf, create_graph=True)[0]
        losses.append(query(leaf - alpha * steps * slope))
    return grad(sum(losses) / len(losses), leaf)[0]


def _losses_of_all_stages(theta, tasks, alpha, steps):
    return sum(_right(theta, tasks, alpha, k) for k in range(1, steps + 1)) / steps


def _support_and_query(theta, tasks, alpha, steps):
    both = [(s, lambda t, s=s, q=q: 0.5 * (s(t) + q(t))) for s, q in tasks]
    return _right(theta, both, alpha, steps)


def _reptiles_direction(theta, tasks, alpha, steps):
    ends = []
    for support, _ in tasks:
        adapted = theta
        for _ in range(steps):
            adapted = adapted - alpha * torch.func.grad(support)(adapted)
        ends.append(adapted)
    return theta - sum(ends) / len(ends)


def _coarse_differences(theta, tasks, alpha, steps, shift=1e-2):
    def after(start):
        return _outer(_leaf(start), tasks, alpha, steps, False).detach()

    units = torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([(after(theta + shift * e) - after(theta)) / shift for e in units])


def _float32_inside(theta, tasks, alpha, steps):
    return _right(theta, tasks, torch.tensor(alpha).float().item() if alpha else alpha, steps).float().double()


def _first_task_only(theta, tasks, alpha, steps):
    return _right(theta, tasks[:1], alpha, steps)


def _diagonal_hessians(theta, tasks, alpha, steps):
    found = []
    for support, query in tasks:
        points = [theta]
        for _ in range(steps):
            points.append(points[-1] - alpha * torch.func.grad(support)(points[-1]))
        g = torch.func.grad(query)(points[-1])
        for point in points[-2::-1]:
            g = g - alpha * torch.func.hessian(support)(point).diagonal() * g
        found.append(g)
    return torch.stack(found).mean(0)


def _at_most_ten_steps(theta, tasks, alpha, steps):
    return _right(theta, tasks, alpha, min(steps, 10))


def _clips_the_slopes(theta, tasks, alpha, steps):
    leaf, losses = _leaf(theta), []
    for support, query in tasks:
        adapted = leaf
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=True)[0].clamp(-1, 1)
        losses.append(query(adapted))
    return grad(sum(losses) / len(losses), leaf)[0]


def _remembers_the_first_call(theta, tasks, alpha, steps, first=[]):  # noqa: B006
    first.append(alpha)
    return _right(theta, tasks, first[0], steps)


def _leaves_gradients_off(theta, tasks, alpha, steps):
    result = _outer(_leaf(theta), tasks, alpha, steps)
    torch.set_grad_enabled(False)
    return torch.zeros_like(theta) + result.detach()


def _shares_the_callers_memory(theta, tasks, alpha, steps):
    leaf = theta.detach().requires_grad_()
    result = grad(_outer(leaf, tasks, alpha, steps), leaf)[0]
    theta.copy_(theta - 0.1 * result)
    return result


def _weights_of_tasks_by_their_losses(theta, tasks, alpha, steps):
    leaf = _leaf(theta)
    losses = torch.stack([_outer(leaf, [task], alpha, steps) for task in tasks])
    return grad((losses.softmax(0).detach() * losses).sum(), leaf)[0]


def _by_functional_gradients(theta, tasks, alpha, steps):
    def after(start):
        total = 0.0
        for support, query in tasks:
            adapted = start
            for _ in range(steps):
                adapted = adapted - alpha * torch.func.grad(support)(adapted)
            total = total + query(adapted)
        return total / len(tasks)

    return torch.func.grad(after)(theta)


def _by_vector_products(theta, tasks, alpha, steps):
    """Back through the steps by Hessian-vector products."""
    total = torch.zeros_like(theta)
    for support, query in tasks:
        points = [theta]
        for _ in range(steps):
            points.append(points[-1] - alpha * torch.func.grad(support)(points[-1]))
        g = torch.func.grad(query)(points.pop())
        while points:
            g = g - alpha * torch.func.jvp(torch.func.grad(support), (points.pop(),), (g,))[1]
        total += g
    return total / len(tasks)


def _task_by_task_with_backward(theta, tasks, alpha, steps):
    meta = torch.nn.Parameter(theta.clone())
    for task in tasks:
        (_outer(meta, [task], alpha, steps) / len(tasks)).backward()
    return meta.grad


def _detached_copy(theta, tasks, alpha, steps):
    leaf = torch.tensor(theta.tolist(), dtype=torch.float64, requires_grad=True)
    return grad(_outer(leaf, tasks, alpha, steps), [leaf])[0].detach()


# ------------------------------------------------------------------ quadratics


def _eye(theta):
    return torch.eye(len(theta), dtype=theta.dtype)


def _pieces(theta, sa, sc, alpha, steps):
    m = torch.linalg.matrix_power(_eye(theta) - alpha * sa, steps)
    return m, sc + m @ (theta - sc)


def _autograd(theta, sa, sc, qa, qc, alpha, steps):
    leaf = theta.clone().requires_grad_()
    end = _pieces(leaf, sa, sc, alpha, steps)[1]
    return grad(0.5 * (end - qc) @ qa @ (end - qc), leaf)[0]


def _a_jacobian_by_autograd(theta, sa, sc, qa, qc, alpha, steps):
    jacobian = torch.func.jacrev(lambda t: _pieces(t, sa, sc, alpha, steps)[1])(theta)
    return jacobian.T @ qa @ (_pieces(theta, sa, sc, alpha, steps)[1] - qc)


def _linear_in_steps(theta, sa, sc, qa, qc, alpha, steps):
    m = _eye(theta) - alpha * steps * sa
    return m @ qa @ (sc + m @ (theta - sc) - qc)


def _one_power_less(theta, sa, sc, qa, qc, alpha, steps):
    m = torch.linalg.matrix_power(_eye(theta) - alpha * sa, max(steps - 1, 0))
    return m @ qa @ (_pieces(theta, sa, sc, alpha, steps)[1] - qc)


def _no_centre_of_the_support(theta, sa, sc, qa, qc, alpha, steps):
    m = _pieces(theta, sa, sc, alpha, steps)[0]
    return m @ qa @ (m @ theta - qc)


def _difference_of_centres_forgotten(theta, sa, sc, qa, qc, alpha, steps):
    m = _pieces(theta, sa, sc, alpha, steps)[0]
    return m @ qa @ m @ (theta - qc)


def _half(theta, sa, sc, qa, qc, alpha, steps):
    m, end = _pieces(theta, sa, sc, alpha, steps)
    return 0.5 * m @ qa @ (end - qc)


def _absolute_factor(theta, sa, sc, qa, qc, alpha, steps):
    values, vectors = torch.linalg.eigh(sa)
    m = vectors @ torch.diag((1 - alpha * values).abs() ** steps) @ vectors.T
    return m @ qa @ (sc + m @ (theta - sc) - qc)


def _exponential(theta, sa, sc, qa, qc, alpha, steps):
    m = torch.linalg.matrix_exp(-alpha * steps * sa)
    return m @ qa @ (sc + m @ (theta - sc) - qc)


def _loses_precision(theta, sa, sc, qa, qc, alpha, steps):
    m, end = _pieces(theta.float(), sa.float(), sc.float(), alpha, steps)
    return (m @ qa.float() @ (end - qc.float())).double()


def _hard_coded_steps(theta, sa, sc, qa, qc, alpha, steps):
    m, end = _pieces(theta, sa, sc, alpha, min(steps, 3))
    return m @ qa @ (end - qc)


def _descends_in_place(theta, sa, sc, qa, qc, alpha, steps):
    for _ in range(steps):
        theta -= alpha * sa @ (theta - sc)
    return torch.linalg.matrix_power(_eye(theta) - alpha * sa, steps) @ qa @ (theta - qc)


def _at_most_ten(theta, sa, sc, qa, qc, alpha, steps):
    m, end = _pieces(theta, sa, sc, alpha, min(steps, 10))
    return m @ qa @ (end - qc)


def _by_inverse_series(theta, sa, sc, qa, qc, alpha, steps):
    """(I + αA)⁻ᴷ, an implicit step."""
    m = torch.linalg.matrix_power(torch.linalg.inv(_eye(theta) + alpha * sa), steps)
    return m @ qa @ (sc + m @ (theta - sc) - qc)


def _nan_without_steps(theta, sa, sc, qa, qc, alpha, steps):
    m, end = _pieces(theta, sa, sc, alpha, steps)
    return m @ qa @ (end - qc) * steps / steps if steps else theta * float("nan")


def _by_powers_of_alpha(theta, sa, sc, qa, qc, alpha, steps):
    m = alpha**steps * torch.linalg.matrix_power(_eye(theta) / alpha - sa, steps) if alpha else _eye(theta) * 0
    return m @ qa @ (sc + m @ (theta - sc) - qc)


def _transposed(theta, sa, sc, qa, qc, alpha, steps):
    m, end = _pieces(theta, sa, sc, alpha, steps)
    return (end - qc) @ m @ qa


def _by_a_loop(theta, sa, sc, qa, qc, alpha, steps):
    end, jacobian = theta, _eye(theta)
    for _ in range(steps):
        end = end - alpha * sa @ (end - sc)
        jacobian = (_eye(theta) - alpha * sa) @ jacobian
    return jacobian.T @ (qa @ (end - qc))


def _by_eigenvalues(theta, sa, sc, qa, qc, alpha, steps):
    values, vectors = torch.linalg.eigh(sa)
    m = torch.einsum("ij,j,kj->ik", vectors, (1 - alpha * values).pow(steps), vectors)
    return torch.einsum("ij,jk,k->i", m, qa, sc + m @ (theta - sc) - qc)


def _by_numpy(theta, sa, sc, qa, qc, alpha, steps):
    theta, sa, sc, qa, qc = (t.numpy() for t in (theta, sa, sc, qa, qc))
    m = np.linalg.matrix_power(np.eye(theta.size) - alpha * sa, steps)
    return torch.from_numpy(m @ qa @ (sc + m @ (theta - sc) - qc))


def _vector_backwards(theta, sa, sc, qa, qc, alpha, steps):
    end = theta.clone()
    for _ in range(steps):
        end -= alpha * sa @ (end - sc)
    g = qa @ (end - qc)
    for _ in range(steps):
        g = g - alpha * sa @ g
    return g


# ------------------------------------------------------------------ meta_optimum


def _solved(weights, c):
    return torch.linalg.solve(weights.sum(0), torch.einsum("tij,tj->i", weights, c))


def _weights(a, alpha, steps, power=2):
    return a @ torch.linalg.matrix_power(torch.eye(a.shape[1], dtype=a.dtype) - alpha * a, power * steps)


def _squared_curvature(a, c, alpha, steps):
    return _solved(a @ _weights(a, alpha, steps), c)


def _power_of_the_steps_plus_one(a, c, alpha, steps):
    return _solved(a @ torch.linalg.matrix_power(torch.eye(a.shape[1], dtype=a.dtype) - alpha * a, steps + 1), c)


def _inverse_weights(a, c, alpha, steps):
    return _solved(torch.linalg.inv(a), c)


def _by_traces(a, c, alpha, steps):
    weight = torch.einsum("tii->t", _weights(a, alpha, steps))
    return (weight[:, None] * c).sum(0) / weight.sum()


def _by_determinants(a, c, alpha, steps):
    weight = torch.linalg.det(_weights(a, alpha, steps))
    return (weight[:, None] * c).sum(0) / weight.sum()


def _mean_matrix(a, c, alpha, steps):
    weight = _weights(a.mean(0, keepdim=True), alpha, steps).expand_as(a)
    return _solved(weight, c)


def _sum_of_solutions(a, c, alpha, steps):
    weight = _weights(a, alpha, steps)
    return torch.linalg.solve(weight, (weight @ c[..., None])).mean(0)[:, 0]


def _entries_divided(a, c, alpha, steps):
    weight = _weights(a, alpha, steps)
    return (weight @ c[..., None]).sum(0)[:, 0] / weight.sum(0).sum(-1)


def _exponential_weights(a, c, alpha, steps):
    return _solved(a @ torch.linalg.matrix_exp(-2 * alpha * steps * a), c)


def _column(a, c, alpha, steps):
    return _solved(_weights(a, alpha, steps), c)[:, None]


def _single(a, c, alpha, steps):
    return _solved(_weights(a.float(), alpha, steps), c.float()).double()


def _autograd_at_last(a, c, alpha, steps):
    zero = torch.zeros_like(c[0], requires_grad=True)
    moved = zero.expand_as(c)
    for _ in range(steps):
        moved = moved - alpha * torch.einsum("tij,tj->ti", a, moved - c)
    loss = 0.5 * torch.einsum("ti,tij,tj->", moved - c, a, moved - c)
    slope = grad(loss, zero, create_graph=True)[0]
    hessian = torch.stack([grad(s, zero, retain_graph=True)[0] for s in slope])
    return torch.linalg.solve(hessian, -slope.detach())


def _pseudo_inverse_cut(a, c, alpha, steps):
    weight = _weights(a, alpha, steps)
    return torch.linalg.pinv(weight.sum(0), rtol=0.3) @ torch.einsum("tij,tj->i", weight, c)


def _ridge(a, c, alpha, steps):
    weight = _weights(a, alpha, steps)
    left = weight.sum(0) + 1e-6 * torch.eye(c.shape[1], dtype=c.dtype)
    return torch.linalg.solve(left, torch.einsum("tij,tj->i", weight, c))


def _long_descent(a, c, alpha, steps):
    theta, weight = c.mean(0), _weights(a, alpha, steps)
    for _ in range(20):
        theta = theta - 0.1 * torch.einsum("tij,tj->i", weight, theta - c) / len(a)
    return theta


def _first_and_last_task(a, c, alpha, steps):
    weight = _weights(a, alpha, steps)
    return _solved(weight[[0, -1]], c[[0, -1]])


def _optimum_by_a_loop(a, c, alpha, steps):
    left, right = torch.zeros_like(a[0]), torch.zeros_like(c[0])
    for one, place in zip(a, c, strict=True):
        m = torch.eye(len(one), dtype=one.dtype)
        for _ in range(steps):
            m = m @ (torch.eye(len(one), dtype=one.dtype) - alpha * one)
        left += m.T @ one @ m
        right += m.T @ one @ m @ place
    return torch.linalg.solve(left, right)


def _optimum_by_inverse(a, c, alpha, steps):
    weight = _weights(a, alpha, steps)
    return torch.linalg.inv(weight.mean(0)) @ torch.einsum("tij,tj->i", weight, c) / len(a)


def _optimum_by_numpy(a, c, alpha, steps):
    a, c = a.numpy(), c.numpy()
    weight = [x @ np.linalg.matrix_power(np.eye(len(x)) - alpha * x, 2 * steps) for x in a]
    return torch.tensor(np.linalg.solve(sum(weight), sum(w @ y for w, y in zip(weight, c, strict=True))))


def _optimum_by_eigenvalues(a, c, alpha, steps):
    values, vectors = torch.linalg.eigh(a)
    weight = vectors @ ((values * (1 - alpha * values) ** (2 * steps))[:, :, None] * vectors.mT)
    return torch.linalg.solve(weight.sum(0), (weight @ c.unsqueeze(-1)).sum(0)).squeeze(-1)


# ------------------------------------------------------------------ meta_loss


def _net(p, x):
    return torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]


def _mse(p, x, y):
    return ((_net(p, x) - y) ** 2).mean()


def _adapt(parameters, x, y, alpha, steps, graph=True):
    for _ in range(steps):
        slopes = grad(_mse(parameters, x, y), list(parameters.values()), create_graph=graph)
        parameters = {n: v - alpha * s for (n, v), s in zip(parameters.items(), slopes, strict=True)}
    return parameters


def _loss(parameters, tasks, alpha, steps):
    return sum(_mse(_adapt(parameters, t[0], t[1], alpha, steps), t[2], t[3]) for t in tasks) / len(tasks)


def _detaches_the_result(parameters, tasks, alpha, steps):
    return _loss(parameters, tasks, alpha, steps).detach()


def _backward_inside(parameters, tasks, alpha, steps):
    loss = _loss(parameters, tasks, alpha, steps)
    loss.backward(retain_graph=True)
    return loss


def _one_step(parameters, tasks, alpha, steps):
    return _loss(parameters, tasks, alpha, 1)


def _support_added(parameters, tasks, alpha, steps):
    return sum(_mse(_adapt(parameters, t[0], t[1], alpha, steps), torch.cat([t[0], t[2]]), torch.cat([t[1], t[3]]))
               for t in tasks) / len(tasks)  # fmt: skip


def _mean_over_all_points(parameters, tasks, alpha, steps):
    return torch.cat([(_net(_adapt(parameters, t[0], t[1], alpha, steps), t[2]) - t[3]) ** 2 for t in tasks]).mean()


def _sum_of_squares_inside(parameters, tasks, alpha, steps):
    return sum(_mse(_adapt(parameters, t[0], t[1], alpha * len(t[0]), steps), t[2], t[3]) for t in tasks) / len(tasks)


def _trains_on_the_query(parameters, tasks, alpha, steps):
    return sum(_mse(_adapt(parameters, t[2], t[3], alpha, steps), t[2], t[3]) for t in tasks) / len(tasks)


def _adapts_weights_only(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = dict(parameters)
        for _ in range(steps):
            names = [n for n in adapted if n.startswith("w")]
            slopes = grad(_mse(adapted, sx, sy), [adapted[n] for n in names], create_graph=True)
            adapted |= {n: adapted[n] - alpha * s for n, s in zip(names, slopes, strict=True)}
        losses.append(_mse(adapted, qx, qy))
    return torch.stack(losses).mean()


def _first_step_cut(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        adapted = _adapt(parameters, sx, sy, alpha, min(steps, 1), graph=False)
        losses.append(_mse(_adapt(adapted, sx, sy, alpha, max(steps - 1, 0)), qx, qy))
    return torch.stack(losses).mean()


def _restarts_from_a_copy(parameters, tasks, alpha, steps):
    return _loss({n: v.clone().detach().requires_grad_() for n, v in parameters.items()}, tasks, alpha, steps)


def _grows_the_parameters(parameters, tasks, alpha, steps):
    loss = _loss(parameters, tasks, alpha, steps)
    parameters["step"] = torch.tensor(1.0)
    return loss


def _fixed_rate(parameters, tasks, alpha, steps):
    return _loss(parameters, tasks, 0.1, steps)


def _in_double(parameters, tasks, alpha, steps):
    return _loss(parameters, tasks, alpha, steps).double()


def _median(parameters, tasks, alpha, steps):
    return torch.stack([_loss(parameters, [task], alpha, steps) for task in tasks]).median()


def _reads_the_support_labels_of_the_next(parameters, tasks, alpha, steps):
    return _loss(parameters, [(*tasks[i - 1][:2], *tasks[i][2:]) for i in range(len(tasks))], alpha, steps)


def _at_most_ten_steps_of_a_network(parameters, tasks, alpha, steps):
    return _loss(parameters, tasks, alpha, min(steps, 10))


def _stopped_gradient_of_the_biases(parameters, tasks, alpha, steps):
    frozen = {n: v if n.startswith("w") else v.detach().requires_grad_() for n, v in parameters.items()}
    return _loss(frozen, tasks, alpha, steps)


def _value_of_one_gradient_of_another(parameters, tasks, alpha, steps):
    right, first_order = _loss(parameters, tasks, alpha, steps), 0.0
    for sx, sy, qx, qy in tasks:
        first_order = first_order + _mse(_adapt(parameters, sx, sy, alpha, steps, graph=False), qx, qy) / len(tasks)
    return right.detach() + first_order - first_order.detach()


def _a_vector(parameters, tasks, alpha, steps):
    return torch.stack([_loss(parameters, [task], alpha, steps) for task in tasks])


def _one_more_step_on_the_last_task(parameters, tasks, alpha, steps):
    losses = [_loss(parameters, [t], alpha, steps + (i == 2)) for i, t in enumerate(tasks)]
    return torch.stack(losses).mean()


def _unbiased(parameters, tasks, alpha, steps):
    return sum(_loss(parameters, [task], alpha, steps) for task in tasks) / max(len(tasks) - 1, 1)


def _by_functional(parameters, tasks, alpha, steps):
    def one(task):
        adapted = parameters
        for _ in range(steps):
            slopes = torch.func.grad(_mse)(adapted, task[0], task[1])
            adapted = {n: adapted[n] - alpha * slopes[n] for n in adapted}
        return _mse(adapted, task[2], task[3])

    return torch.stack([*map(one, tasks)]).mean()


def _by_lists(parameters, tasks, alpha, steps):
    names, total = list(parameters), 0
    for task in tasks:
        values = [parameters[n] for n in names]
        for _ in range(steps):
            slopes = grad(_mse(dict(zip(names, values, strict=True)), *task[:2]), values, create_graph=True)
            values = [v - alpha * s for v, s in zip(values, slopes, strict=True)]
        total += _mse(dict(zip(names, values, strict=True)), *task[2:]) / len(tasks)
    return total


def _recursive(parameters, tasks, alpha, steps):
    def after(p, task, left):
        if not left:
            return torch.nn.functional.mse_loss(_net(p, task[2]), task[3])
        return after(_adapt(p, task[0], task[1], alpha, 1), task, left - 1)

    return sum(after(parameters, task, steps) for task in tasks).div(len(tasks))


WRONG = [
    (ch05.check_maml_gradient, answer)
    for answer in (
        _writes_into_the_callers_grad, _marks_the_caller, _carries_a_graph, _adds_up, _one_step_only, _one_step_more,
        _one_step_of_k_alpha, _query_inside, _swapped, _normalised_slopes, _all_gradients_at_theta,
        _losses_of_all_stages, _support_and_query, _reptiles_direction, _coarse_differences, _float32_inside,
        _first_task_only, _diagonal_hessians, _at_most_ten_steps, _clips_the_slopes, _remembers_the_first_call,
        _leaves_gradients_off, _shares_the_callers_memory, _weights_of_tasks_by_their_losses,
    )
] + [
    (ch05.check_quadratic_meta_gradient, answer)
    for answer in (
        _autograd, _a_jacobian_by_autograd, _linear_in_steps, _one_power_less, _no_centre_of_the_support,
        _difference_of_centres_forgotten, _half, _absolute_factor, _exponential, _loses_precision, _hard_coded_steps,
        _descends_in_place, _at_most_ten, _by_inverse_series, _nan_without_steps, _by_powers_of_alpha, _transposed,
    )
] + [
    (ch05.check_meta_optimum, answer)
    for answer in (
        _squared_curvature, _power_of_the_steps_plus_one, _inverse_weights, _by_traces, _by_determinants, _mean_matrix,
        _sum_of_solutions, _entries_divided, _exponential_weights, _column, _single, _autograd_at_last,
        _pseudo_inverse_cut, _ridge, _long_descent, _first_and_last_task,
    )
] + [
    (ch05.check_meta_loss, answer)
    for answer in (
        _detaches_the_result, _backward_inside, _one_step, _support_added, _mean_over_all_points,
        _sum_of_squares_inside, _trains_on_the_query, _adapts_weights_only, _first_step_cut, _restarts_from_a_copy,
        _grows_the_parameters, _fixed_rate, _in_double, _median, _reads_the_support_labels_of_the_next,
        _at_most_ten_steps_of_a_network, _stopped_gradient_of_the_biases, _value_of_one_gradient_of_another,
        _a_vector, _one_more_step_on_the_last_task, _unbiased,
    )
]  # fmt: skip

RIGHT = [
    (ch05.check_maml_gradient, answer)
    for answer in (
        _right, _by_functional_gradients, _by_vector_products, _task_by_task_with_backward, _detached_copy,
    )
] + [
    (ch05.check_quadratic_meta_gradient, answer)
    for answer in (_by_a_loop, _by_eigenvalues, _by_numpy, _vector_backwards)
] + [
    (ch05.check_meta_optimum, answer)
    for answer in (_optimum_by_a_loop, _optimum_by_inverse, _optimum_by_numpy, _optimum_by_eigenvalues)
] + [
    (ch05.check_meta_loss, answer) for answer in (_loss, _by_functional, _by_lists, _recursive)
]  # fmt: skip
