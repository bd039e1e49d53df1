"""Answers to chapter 08 with a floor, a cap or a solver that gives up early, and right ones in other styles."""

import math

import torch

from metarl_core.check import ch08

from . import named


def _advantages(solve=torch.linalg.solve, most=math.inf):
    def answer(rewards, features, mask, discount):
        returns = rewards.clone()
        for t in range(rewards.shape[-1] - 2, -1, -1):
            returns[..., t] += discount * returns[..., t + 1]
        result = torch.zeros_like(rewards)
        for task in range(len(rewards)):
            x, y = features[task][mask[task]], returns[task][mask[task]]
            raw = y - x @ solve(x.T @ x + 1e-5 * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
            result[task][mask[task]] = ((raw - raw.mean()) / raw.std(correction=0)).clamp(-most, most)
        return result

    return answer


def _conjugate_gradients(iterations, tolerance=0.0):
    def solve(matrix, right):
        x, residual = torch.zeros_like(right), right.clone()
        direction = residual.clone()
        for _ in range(iterations or len(right)):
            square = residual @ residual
            if square <= tolerance:
                break
            image = matrix @ direction
            length = square / (direction @ image)
            x, residual = x + length * direction, residual - length * image
            direction = residual + (residual @ residual) / square * direction
        return x

    return solve


def _step(theta, states, actions, advantage, mask, alpha, least=-math.inf):
    weight, log_std = theta["weight"].detach(), theta["log_std"].detach()
    s, a, gain, std = states[mask], actions[mask], advantage[mask], log_std.clamp(min=least).exp()
    z = (a - s @ weight.T) / std
    slopes = {
        "weight": torch.einsum("n,nj,ni->ji", gain, z / std, s),
        "log_std": (gain[:, None] * (z.square() - 1)).sum(0) * (log_std > least),
    }
    return {name: theta[name].detach() + alpha / len(gain) * slopes[name] for name in slopes}


def _least_deviation_of_a_thousandth(*arguments):
    return _step(*arguments, least=math.log(1e-3))


def _unpacked_by_place(theta, *rest):
    weight, log_std = theta.values()
    return _step({"weight": weight, "log_std": log_std}, *rest)


def _region(solve=torch.linalg.solve, sigma_of=lambda sigma: sigma, gain_of=lambda gain: gain):
    def answer(theta, curvature, centre, alpha, sigma, delta):
        jacobian = torch.eye(len(theta), dtype=theta.dtype) - alpha * curvature
        g = torch.einsum("nij,njk,nkl,nl->i", jacobian, curvature, jacobian, theta - centre) / len(centre)
        x = solve((jacobian @ jacobian).mean(0) / sigma_of(sigma) ** 2, g)
        return -torch.sqrt(2 * delta / gain_of(x @ g)) * x

    return answer


def _surrogate(most):
    def answer(theta, goals, noise, alpha, sigma):
        def loss(collector, draws, goal):
            actions = (collector + sigma * draws).detach()
            reward = -(actions - goal).square().sum(-1)
            advantage = ((reward - reward.mean()) / reward.std(correction=0)).clamp(-most, most)
            density = -(actions - collector).square().sum(-1) / (2 * sigma**2)
            return -((density - density.detach()).exp() * advantage).mean()

        found = []
        for goal, (support, query) in zip(goals, noise, strict=True):
            (slope,) = torch.autograd.grad(loss(theta, support, goal), theta, create_graph=True)
            found.append(loss(theta - alpha * slope, query, goal))
        return torch.stack(found).mean()

    return answer


WRONG = [
    *named(
        ch08.check_task_advantages,
        advantages_up_to_five=_advantages(most=5),
        advantages_up_to_ten=_advantages(most=10),
        five_conjugate_gradients=_advantages(_conjugate_gradients(5)),
    ),
    *named(ch08.check_inner_step, _least_deviation_of_a_thousandth, _unpacked_by_place),
    *named(
        ch08.check_trust_region_step,
        three_conjugate_gradients=_region(_conjugate_gradients(3)),
        five_conjugate_gradients=_region(_conjugate_gradients(5)),
        conjugate_gradients_to_a_tolerance=_region(_conjugate_gradients(50, 1e-10)),
        a_pseudo_inverse_cut_off=_region(lambda matrix, g: torch.linalg.pinv(matrix, rtol=1e-4) @ g),
        a_deviation_of_a_tenth_at_least=_region(sigma_of=lambda sigma: max(sigma, 0.1)),
        a_gain_of_a_thousandth_at_least=_region(gain_of=lambda gain: gain.clamp(min=1e-3)),
    ),
    *named(ch08.check_meta_loss, advantages_up_to_three=_surrogate(3)),
]
RIGHT = [
    *named(ch08.check_task_advantages, as_many_conjugate_gradients_as_features=_advantages(_conjugate_gradients(8))),
    *named(ch08.check_inner_step, _step),
    *named(ch08.check_trust_region_step, by_einsum=_region()),
    *named(ch08.check_meta_loss, one_loss_for_both=_surrogate(math.inf)),
]
