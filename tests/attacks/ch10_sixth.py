"""Answers to chapter 10's meta-gradients that measure a slope, and right ones that go other ways."""

import torch

from metarl_core.check import ch10

from . import named


def _outer(point, source, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    y = rewards + discount * phi_next @ source
    for _ in range(steps):
        point = point + 2 * alpha / len(y) * phi.T @ (y - phi @ point)
    return (query_y - query_phi @ point).square().mean()


def _differences(width):
    def answer(theta, *data):
        axes = width * torch.eye(len(theta), dtype=theta.dtype)

        def slope(loss):
            return torch.stack([(loss(theta + axis) - loss(theta - axis)) / (2 * width) for axis in axes])

        return {
            "frozen": slope(lambda point: _outer(point, theta, *data)),
            "whole": slope(lambda point: _outer(point, point, *data)),
        }

    return answer


def _columns(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """Each axis of theta is carried through the steps, with its targets and without."""
    rate = 2 * alpha / len(rewards)

    def run(point, y):
        for _ in range(steps):
            point = point + rate * phi.T @ (y - phi @ point)
        return point

    end = run(theta, rewards + discount * phi_next @ theta)
    g = 2 * query_phi.T @ (query_phi @ end - query_y) / len(query_y)
    axes = torch.eye(len(theta), dtype=theta.dtype)
    nothing = torch.zeros_like(rewards)
    return {
        "frozen": torch.stack([run(axis, nothing) @ g for axis in axes]),
        "whole": torch.stack([run(axis, discount * phi_next @ axis) @ g for axis in axes]),
    }


def _back_through_the_steps(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    rate, y, point = 2 * alpha / len(rewards), rewards + discount * phi_next @ theta, theta
    for _ in range(steps):
        point = point - rate * phi.T @ (phi @ point - y)
    back = 2 / len(query_y) * query_phi.T @ (query_phi @ point - query_y)
    to_targets = torch.zeros_like(rewards)
    for _ in range(steps):
        to_targets = to_targets + rate * phi @ back
        back = back - rate * phi.T @ (phi @ back)
    return {"frozen": back, "whole": back + discount * phi_next.T @ to_targets}


WRONG = named(
    ch10.check_meta_gradients,
    differences_of_a_millionth=_differences(1e-6),
    differences_of_a_hundred_thousandth=_differences(1e-5),
    differences_of_a_thousandth=_differences(1e-3),
    differences_of_a_tenth=_differences(0.1),
)
RIGHT = named(ch10.check_meta_gradients, _columns, _back_through_the_steps)
