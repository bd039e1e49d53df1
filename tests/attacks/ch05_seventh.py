"""Answers to chapter 05 that hold for short slopes, few steps, different tasks or one call only, and right ones."""

import torch

from metarl_core.check import ch05

from . import named

grad = torch.autograd.grad


def _maml(stop=lambda slope, loss: False, slope_of=lambda slope: slope, tasks_of=lambda tasks: tasks):
    def answer(theta, tasks, alpha, steps):
        start = theta.detach().clone().requires_grad_()
        outer = []
        for support, query in tasks_of(tasks):
            adapted = start
            for _ in range(steps):
                (slope,) = grad(support(adapted), adapted, create_graph=True)
                if stop(slope.detach(), support(adapted).detach()):
                    break
                adapted = adapted - alpha * slope_of(slope)
            outer.append(query(adapted))
        return grad(torch.stack(outer).mean(), start)[0]

    return answer


def _of_different_tasks(tasks):
    """A set of pairs: a task that comes twice is gone."""
    return list(set(tasks))


def _by_support_loss(tasks):
    """A dictionary from support losses to tasks."""
    return list({support: (support, query) for support, query in tasks}.values())


def _path_kept(kept):
    """The end of an inner loop and its Jacobian, kept for each support loss and forgotten for no theta."""

    def answer(theta, tasks, alpha, steps):
        total = torch.zeros_like(theta)
        for support, query in tasks:
            key = support, alpha, steps
            if key not in kept:
                point, jacobian = theta.clone(), torch.eye(len(theta), dtype=theta.dtype)
                for _ in range(steps):
                    bend = torch.autograd.functional.hessian(support, point)
                    jacobian = jacobian - alpha * bend @ jacobian
                    point = point - alpha * torch.func.grad(support)(point)
                kept[key] = point, jacobian
            point, jacobian = kept[key]
            total = total + jacobian.T @ torch.func.grad(query)(point)
        return total / len(tasks)

    return answer


def _quadratic(power):
    def answer(theta, support_a, support_c, query_a, query_c, alpha, steps):
        factor = power(torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a, alpha, steps)
        return factor @ query_a @ (support_c + factor @ (theta - support_c) - query_c)

    return answer


def _shrinking(matrix, alpha, steps):
    values, axes = torch.linalg.eigh(matrix)
    return axes @ torch.diag(values.clamp(-1, 1) ** steps) @ axes.T


def _kept_power(kept):
    def power(matrix, alpha, steps):
        key = alpha, steps, matrix.shape
        return kept.setdefault(key, torch.linalg.matrix_power(matrix, steps))

    return power


def _by_einsum_over_axes(theta, support_a, support_c, query_a, query_c, alpha, steps):
    values, axes = torch.linalg.eigh(support_a)
    shrunk = (1 - alpha * values) ** steps
    end = support_c + axes @ (shrunk * (axes.T @ (theta - support_c)))
    return torch.einsum("ij,j,kj,kl,l->i", axes, shrunk, axes, query_a, end - query_c)


def _optimum(power=torch.linalg.matrix_power, solve=torch.linalg.solve, kept=None):
    def answer(curvature, centre, alpha, steps):
        factor = torch.eye(centre.shape[1], dtype=centre.dtype) - alpha * curvature
        weight = curvature @ power(factor, 2 * steps)
        if kept is not None:
            weight = kept.setdefault((alpha, steps, weight.shape), weight)
        return solve(weight.sum(0), (weight @ centre[..., None]).sum(0)[:, 0])

    return answer


def _in_float32(left, right):
    return torch.linalg.solve(left.float(), right.float()).double()


WRONG = [
    *named(
        ch05.check_maml_gradient,
        stopped_at_a_loss_of_zero=_maml(stop=lambda slope, loss: float(loss) < 1e-9),
        slopes_of_length_ten=_maml(slope_of=lambda slope: slope * (10 / slope.norm().clamp(min=10))),
        a_set_of_tasks=_maml(tasks_of=_of_different_tasks),
        a_dictionary_of_tasks=_maml(tasks_of=_by_support_loss),
        eight_tasks_at_most=_maml(tasks_of=lambda tasks: tasks[:8]),
        the_path_kept=_path_kept({}),
    ),
    *named(
        ch05.check_quadratic_meta_gradient,
        factors_of_one_at_most=_quadratic(_shrinking),
        twenty_steps_at_most=_quadratic(lambda m, alpha, steps: torch.linalg.matrix_power(m, min(steps, 20))),
        the_power_kept=_quadratic(_kept_power({})),
    ),
    *named(
        ch05.check_meta_optimum,
        power_ten_at_most=_optimum(lambda m, power: torch.linalg.matrix_power(m, min(power, 10))),
        solved_in_float32=_optimum(solve=_in_float32),
        the_weights_kept=_optimum(kept={}),
    ),
]
RIGHT = [
    *named(ch05.check_maml_gradient, as_it_stands=_maml()),
    *named(ch05.check_quadratic_meta_gradient, _by_einsum_over_axes),
    *named(ch05.check_meta_optimum, by_an_inverse=_optimum(solve=lambda left, right: torch.linalg.inv(left) @ right)),
]
