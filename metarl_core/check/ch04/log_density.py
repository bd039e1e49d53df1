"""The check of the exercise `log_density`."""

import math

import numpy as np
import torch
from scipy import stats

from metarl_core.check import Wrong, case, function_check


def _density_cases():
    for seed, (shape, size) in enumerate((((6,), 3), ((4, 5), 2), ((7,), 5))):
        generator = torch.Generator().manual_seed(seed)
        action, center = (torch.randn(*shape, size, generator=generator, dtype=torch.float64) for _ in range(2))
        log_std = 0.6 * torch.randn(size, generator=generator, dtype=torch.float64) - 0.5
        yield case(action, center, log_std)


def _joint_density(action, center, log_std):
    """scipy's multivariate normal with a full covariance matrix."""
    covariance = np.diag(np.exp(2 * log_std.numpy()))
    offset = (action - center).numpy()
    return torch.as_tensor(np.asarray(stats.multivariate_normal(np.zeros(len(log_std)), covariance).logpdf(offset)))


def _density(action, center, log_std, spread=None, determinant=True, constant=True, reduce=torch.sum):
    spread = log_std.exp() if spread is None else spread
    each = -0.5 * ((action - center) / spread) ** 2
    each = each - (log_std if determinant else 0) - (0.5 * math.log(2 * math.pi) if constant else 0)
    return reduce(each, dim=-1)


check_log_density = function_check(
    "log_density",
    _joint_density,
    _density_cases,
    Wrong(
        "mean_over_dimensions",
        "Independent dimensions: their densities multiply. What does that make of their logarithms, and is "
        "it what you do?",
        lambda *a: _density(*a, reduce=torch.mean),
    ),
    Wrong(
        "variance_for_std",
        "You divide the squared deviation by the standard deviation, not by the variance.",
        lambda action, center, log_std: _density(action, center, log_std, spread=(log_std / 2).exp()),
    ),
    Wrong(
        "divides_by_the_square",
        "You standardise by the variance: the deviation gets divided by σ² and is squared after that.",
        lambda action, center, log_std: _density(action, center, log_std, spread=(2 * log_std).exp()),
    ),
    Wrong(
        "no_log_determinant",
        "Your density does not integrate to one: a narrow normal distribution is also a high one. Where is that?",
        lambda *a: _density(*a, determinant=False),
    ),
    Wrong(
        "no_constant",
        "The gradient is right, the density is not: a factor that does not depend on any parameter is "
        "missing. How often "
        "does it occur in d dimensions?",
        lambda *a: _density(*a, constant=False),
    ),
    Wrong(
        "one_constant_for_all",
        "All is right but a constant. The factor 1/√(2π) belongs to each dimension.",
        lambda *a: _density(*a, constant=False) - 0.5 * math.log(2 * math.pi),
    ),
)
