"""Answers that are right up to some size, from a fourth attack: one case of a check is larger than the others."""

import torch

from metarl_core.check import ch01, ch06, ch09

from . import named


def _best_step_size(most):
    def answer(curvature, centre, theta, noise):
        a, d, s = curvature[:most], theta - centre[:most], noise[:most]
        return (a * d).square().sum() / (a**3 * d**2 + a * s**2).sum()

    return answer


def _adapted_returns(most):
    def answer(theta, tasks, collect, improve, steps):
        results = []
        for task in tasks:
            adapted = theta
            for _ in range(min(steps, most)):
                adapted = improve(adapted, collect(adapted, task))
            results.append(collect(adapted, task)["returns"].mean())
        return torch.stack(results)

    return answer


def _reptile_step(most):
    def answer(theta, tasks, alpha, epsilon):
        ends = []
        for losses in tasks[:most]:
            phi = theta
            for loss in losses:
                point = phi.detach().requires_grad_()
                phi = phi - alpha * torch.autograd.grad(loss(point), point)[0]
            ends.append(phi)
        return theta + epsilon * (torch.stack(ends).mean(0) - theta)

    return answer


def _ratio(boxed):
    def answer(log_pi, advantage, mask):
        own = torch.where(mask, log_pi, 0.0)
        upto = own.cumsum(1)
        return -((boxed(upto) - boxed(upto - own)) * torch.where(mask, advantage, 0.0)).sum() / mask.sum()

    return answer


WRONG = [
    *named(ch01.check_best_step_size, sixteen_tasks=_best_step_size(16)),
    *named(ch01.check_adapted_returns, ten_steps=_adapted_returns(10)),
    *named(ch06.check_reptile_step, five_tasks=_reptile_step(5)),
    *named(ch09.check_dice_loss, a_quotient_of_probabilities=_ratio(lambda x: x.exp() / x.exp().detach())),
]

RIGHT = [
    *named(ch01.check_best_step_size, all_tasks=_best_step_size(None)),
    *named(ch01.check_adapted_returns, all_steps=_adapted_returns(10**6)),
    *named(ch06.check_reptile_step, every_task=_reptile_step(None)),
    *named(ch09.check_dice_loss, exponential_of_a_difference=_ratio(lambda x: (x - x.detach()).exp())),
]
