"""Answers to exercises of chapter 05, from an eighth attack."""

import numpy as np
import torch
from torch.func import grad, jacrev

from metarl_core.check import ch05

from . import named


def _maml(tasks=10**6, steps=10**6, clip=None, stop=None, single=False):
    def answer(theta, pairs, alpha, number):
        start = theta.detach().clone().requires_grad_()
        outer = []
        for support, query in pairs[:tasks]:
            phi = start
            for _ in range(min(number, steps)):
                (slope,) = torch.autograd.grad(support(phi), phi, create_graph=True)
                if clip and float(slope.norm()) > clip:
                    slope = slope * (clip / slope.norm())
                if stop is not None and float(slope.norm()) < stop:
                    break
                phi = phi - alpha * slope
            outer.append(query(phi))
        (found,) = torch.autograd.grad(sum(outer) / len(outer), start)
        return found.float().double() if single else found

    return answer


def _hessian_of_the_end_left_out(theta, pairs, alpha, number):
    """The last step counts as a constant."""
    start = theta.detach().clone().requires_grad_()
    outer = []
    for support, query in pairs:
        phi = start
        for k in range(number):
            (slope,) = torch.autograd.grad(support(phi), phi, create_graph=True)
            phi = phi - alpha * (slope.detach() if k == number - 1 and number > 1 else slope)
        outer.append(query(phi))
    return torch.autograd.grad(sum(outer) / len(outer), start)[0]


def _quotients(theta, pairs, alpha, number):
    """A quotient of differences of the adapted loss."""

    def value(at):
        total = 0.0
        for support, query in pairs:
            phi = at
            for _ in range(number):
                leaf = phi.detach().requires_grad_()
                phi = phi - alpha * torch.autograd.grad(support(leaf), leaf)[0]
            total += float(query(phi)) / len(pairs)
        return total

    axes = torch.eye(len(theta), dtype=theta.dtype)
    return torch.tensor([(value(theta + 1e-4 * x) - value(theta - 1e-4 * x)) / 2e-4 for x in axes]).double()


def _backpropagated_by_hand(theta, pairs, alpha, number):
    found = torch.zeros_like(theta)
    for support, query in pairs:
        path = [theta.detach()]
        for _ in range(number):
            path.append(path[-1] - alpha * grad(support)(path[-1]))
        vector = grad(query)(path[-1])
        for point in reversed(path[:-1]):
            leaf = point.clone().requires_grad_()
            (slope,) = torch.autograd.grad(support(leaf), leaf, create_graph=True)
            vector = vector - alpha * torch.autograd.grad(slope @ vector, leaf)[0]
        found = found + vector / len(pairs)
    return found


def _by_jacobian(theta, pairs, alpha, number):
    found = []
    for support, query in pairs:

        def end(phi, support=support):
            for _ in range(number):
                phi = phi - alpha * grad(support)(phi)
            return phi

        found.append(jacrev(end)(theta).T @ grad(query)(end(theta)))
    return torch.stack(found).mean(0)


def _by_backward(theta, pairs, alpha, number):
    start = theta.clone().requires_grad_(True)
    for support, query in pairs:
        phi = start
        for _ in range(number):
            phi = phi - alpha * torch.autograd.grad(support(phi), phi, create_graph=True)[0]
        (query(phi) / len(pairs)).backward()
    return start.grad


# ------------------------------------------------------------------ closed forms


def _quadratic(steps=10**6, single=False, low_rank=None, exponential=False):
    def answer(theta, support_a, support_c, query_a, query_c, alpha, number):
        number = min(number, steps)
        values, axes = torch.linalg.eigh(support_a)
        shrink = torch.exp(-alpha * number * values) if exponential else (1 - alpha * values) ** number
        if low_rank:
            shrink = torch.where(values < low_rank, 1.0, shrink)
        factor = axes * shrink @ axes.T
        found = factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)
        return found.float().double() if single else found

    return answer


def _by_loops(theta, support_a, support_c, query_a, query_c, alpha, steps):
    end = theta
    for _ in range(steps):
        end = end - alpha * support_a @ (end - support_c)
    vector = query_a @ (end - query_c)
    for _ in range(steps):
        vector = vector - alpha * support_a @ vector
    return vector


def _numpy_quadratic(theta, support_a, support_c, query_a, query_c, alpha, steps):
    t, a, c, b, d = (x.numpy() for x in (theta, support_a, support_c, query_a, query_c))
    f = np.linalg.matrix_power(np.eye(len(t)) - alpha * a, steps)
    return torch.from_numpy(f @ b @ (c + f @ (t - c) - d))


def _optimum(tasks=10**6, ridge=0.0, power=lambda steps: 2 * steps, diagonal=False):
    def answer(curvature, centre, alpha, steps):
        a, c = curvature[:tasks], centre[:tasks]
        f = torch.eye(c.shape[1]).double() - alpha * a
        w = a @ torch.linalg.matrix_power(f, power(steps))
        if diagonal:
            w = torch.diag_embed(w.diagonal(dim1=1, dim2=2))
        return torch.linalg.solve(w.sum(0) + ridge * torch.eye(c.shape[1]).double(), torch.einsum("tij,tj->i", w, c))

    return answer


def _optimum_by_lstsq(curvature, centre, alpha, steps):
    factor = torch.eye(centre.shape[1]).double() - alpha * curvature
    weight = curvature.clone()
    for _ in range(steps):
        weight = factor @ weight @ factor
    return torch.linalg.lstsq(weight.mean(0), (weight @ centre[..., None]).mean(0)[:, 0, None]).solution[:, 0]


def _optimum_numpy(curvature, centre, alpha, steps):
    a, c = curvature.numpy(), centre.numpy()
    w = [m @ np.linalg.matrix_power(np.eye(len(m)) - alpha * m, 2 * steps) for m in a]
    return torch.from_numpy(np.linalg.solve(sum(w), sum(m @ x for m, x in zip(w, c, strict=True))))


# ------------------------------------------------------------------ a loss with bugs


def _error(p, x, y):
    return ((torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"] - y) ** 2).mean()


def _meta_loss(tasks=10**6, steps=10**6, points=10**6, clip=None, mean=None):
    def answer(parameters, data, alpha, number):
        outer = []
        for xs, ys, xq, yq in data[:tasks]:
            adapted = dict(parameters)
            for _ in range(min(steps, number)):
                slopes = torch.autograd.grad(
                    _error(adapted, xs[:points], ys[:points]), list(adapted.values()), create_graph=True
                )
                if clip:
                    slopes = [s.clamp(-clip, clip) for s in slopes]
                adapted = {k: v - alpha * s for (k, v), s in zip(adapted.items(), slopes, strict=True)}
            outer.append(_error(adapted, xq, yq))
        return torch.stack(outer).median() if mean == "median" else torch.stack(outer).mean()

    return answer


def _by_func(parameters, data, alpha, steps):
    def adapted(p, xs, ys):
        for _ in range(steps):
            g = grad(_error)(p, xs, ys)
            p = {k: p[k] - alpha * g[k] for k in p}
        return p

    return sum(_error(adapted(dict(parameters), xs, ys), xq, yq) for xs, ys, xq, yq in data) / len(data)


def _by_hand(parameters, data, alpha, steps):
    total = []
    for xs, ys, xq, yq in data:
        w1, b1, w2, b2 = (parameters[k] for k in ("w1", "b1", "w2", "b2"))
        for _ in range(steps):
            h = torch.tanh(xs @ w1.T + b1)
            off = 2 * (h @ w2.T + b2 - ys) / len(xs)
            back = off @ w2 * (1 - h**2)
            w1, b1, w2, b2 = (
                w1 - alpha * back.T @ xs,
                b1 - alpha * back.sum(0),
                w2 - alpha * off.T @ h,
                b2 - alpha * off.sum(0),
            )
        total.append(((torch.tanh(xq @ w1.T + b1) @ w2.T + b2 - yq) ** 2).mean())
    return torch.stack(total).mean()


WRONG = [
    *named(
        ch05.check_maml_gradient,
        _hessian_of_the_end_left_out,
        _quotients,
        fifty_tasks=_maml(tasks=50),
        fifty_steps=_maml(steps=50),
        clipped=_maml(clip=10.0),
        stops_when_settled=_maml(stop=1e-6),
        single=_maml(single=True),
    ),
    *named(
        ch05.check_quadratic_meta_gradient,
        fifty_steps=_quadratic(steps=50),
        single=_quadratic(single=True),
        flat_directions_rest=_quadratic(low_rank=0.05),
        gradient_flow=_quadratic(exponential=True),
    ),
    *named(
        ch05.check_meta_optimum,
        fifty_tasks=_optimum(tasks=50),
        ridge=_optimum(ridge=1e-6),
        odd_power=_optimum(power=lambda steps: max(0, 2 * steps - 1)),
        diagonal=_optimum(diagonal=True),
    ),
    *named(
        ch05.check_meta_loss,
        fifty_tasks=_meta_loss(tasks=50),
        fifty_steps=_meta_loss(steps=50),
        five_points=_meta_loss(points=5),
        clipped=_meta_loss(clip=10.0),
        median=_meta_loss(mean="median"),
    ),
]
RIGHT = [
    *named(ch05.check_maml_gradient, _backpropagated_by_hand, _by_jacobian, _by_backward),
    *named(ch05.check_quadratic_meta_gradient, _by_loops, _numpy_quadratic),
    *named(ch05.check_meta_optimum, _optimum_by_lstsq, _optimum_numpy),
    *named(ch05.check_meta_loss, _by_func, _by_hand),
]
