"""Answers to chapter 08's inner step and trust region by other formulas, and with one thing changed."""

import torch

from metarl_core.check import ch08

from . import named


def _inner(
    score=lambda z, std: z**2 - 1, count=lambda mask: mask.sum(), scale=lambda std: std, sign=1.0, baseline=False
):
    """The gradient written down: z/σ for the mean, z² − 1 for the logarithm of σ."""

    def answer(theta, states, actions, advantage, mask, alpha):
        weight, log_std = theta["weight"].detach(), theta["log_std"].detach()
        std = log_std.exp()
        z = (actions - states @ weight.T) / std
        held = torch.where(mask, advantage, 0.0)
        if baseline:
            held = torch.where(mask, held - held.sum() / mask.sum(), 0.0)
        held = (held / count(mask))[..., None]
        up = {
            "weight": ((held * z / scale(std)).flatten(0, 1)).T @ states.flatten(0, 1),
            "log_std": (held * score(z, std)).sum((0, 1)),
        }
        return {name: theta[name].detach() + sign * alpha * up[name] for name in theta}

    return answer


def _region(theta, curvature, centre, alpha, sigma, delta, power=2, squared=True, root=True, solve=torch.linalg.solve):
    each = []
    metric = torch.zeros_like(curvature[0])
    for a, c in zip(curvature, centre, strict=True):
        factor = torch.eye(len(theta), dtype=theta.dtype) - alpha * a
        each.append(factor @ a @ factor @ (theta - c))
        metric = metric + torch.linalg.matrix_power(factor, power) / len(centre)
    g, metric = sum(each) / len(each), metric / (sigma**2 if squared else sigma)
    x = solve(metric, g)
    length = 2 * delta / (x @ metric @ x)
    return -(length.sqrt() if root else length) * x


def _changed(**changes):
    return lambda *args: _region(*args, **changes)


def _by_cholesky(matrix, vector):
    return torch.cholesky_solve(vector[:, None], torch.linalg.cholesky(matrix))[:, 0]


def _by_its_diagonal(matrix, vector):
    return vector / matrix.diag()


def _ten_conjugate_gradients(matrix, vector):
    x, r = torch.zeros_like(vector), vector
    p = r
    for _ in range(len(vector) + 3):
        if float(r @ r) < 1e-28:
            break
        step = (r @ r) / (p @ matrix @ p)
        x, new = x + step * p, r - step * matrix @ p
        p, r = new + (new @ new) / (r @ r) * p, new
    return x


WRONG = [
    *named(
        ch08.check_inner_step,
        square_of_z_alone=_inner(score=lambda z, std: z**2),
        deviation_for_its_logarithm=_inner(score=lambda z, std: (z**2 - 1) / std),
        deviation_stays=_inner(score=lambda z, std: 0 * z),
        weight_by_the_variance=_inner(scale=lambda std: std**2),
        weight_without_deviation=_inner(scale=torch.ones_like),
        mean_over_all_places=_inner(count=lambda mask: mask.numel()),
        mean_over_episodes=_inner(count=len),
        downhill=_inner(sign=-1.0),
        advantages_centred_again=_inner(baseline=True),
    ),
    *named(
        ch08.check_trust_region_step,
        metric_of_one_factor=_changed(power=1),
        metric_of_no_factor=_changed(power=0),
        deviation_for_variance=_changed(squared=False),
        no_root=_changed(root=False),
        diagonal_metric=_changed(solve=_by_its_diagonal),
        gradient_direction=_changed(solve=lambda matrix, vector: vector),
    ),
]
RIGHT = [
    *named(ch08.check_inner_step, gradient_by_hand=_inner()),
    *named(ch08.check_trust_region_step, cholesky=_changed(solve=_by_cholesky), as_the_text_says=_region),
]
