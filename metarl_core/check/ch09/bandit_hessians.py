"""The check of the exercise `bandit_hessians`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _bandit_cases():
    for seed, arms in enumerate((2, 3, 5)):
        generator = torch.Generator().manual_seed(20 + seed)
        theta, q = torch.randn(2, arms, generator=generator, dtype=torch.float64)
        yield case(theta.softmax(0), 2 * q + 1, 0.7 * (seed + 1))


def _by_twofold_differentiation(p, q, b):
    """Automatic differentiation of the exact return, and of the naive loss with all arms as data."""
    theta = p.log()
    true = torch.func.hessian(lambda x: (x.softmax(0) * q).sum())(theta)
    naive = torch.func.hessian(lambda x: (p * x.log_softmax(0) * (q - b)).sum())(theta)
    return {"true": true, "naive": naive}


def _spread(p):
    return torch.diag(p) - p[:, None] * p


def _true(p, q):
    away = p * (q - (p * q).sum())
    return torch.diag(away) - away[:, None] * p - p[:, None] * away


def _first_part(p, value):
    """E ψ ψᵀ value."""
    score = torch.eye(len(p), dtype=p.dtype) - p
    return torch.einsum("a,a,ai,aj->ij", p, value, score, score)


def _bandit(true=None, naive=None):
    def answer(p, q, b):
        right = _true(p, q), -((p * q).sum() - b) * _spread(p)
        return {
            "true": right[0] if true is None else true(p, q, b),
            "naive": right[1] if naive is None else naive(p, q, b),
        }

    return answer


check_bandit_hessians = function_check(
    "bandit_hessians",
    _by_twofold_differentiation,
    _bandit_cases,
    Wrong(
        "baseline_ignored",
        "The true Hessian is right. In the naive one the baseline is missing: which expectation would have to vanish "
        "for it to drop out?",
        _bandit(naive=lambda p, q, b: -(p * q).sum() * _spread(p)),
    ),
    Wrong(
        "naive_sign",
        "The naive Hessian has the wrong sign: is log π of a softmax curved upwards or downwards?",
        _bandit(naive=lambda p, q, b: ((p * q).sum() - b) * _spread(p)),
    ),
    Wrong(
        "swapped",
        "The two matrices are right, under the wrong names.",
        lambda p, q, b: {"true": -((p * q).sum() - b) * _spread(p), "naive": _true(p, q)},
    ),
    Wrong(
        "only_scores",
        "Your true Hessian is E ψ ψᵀ q alone. That is one of two parts: scores change with θ, too.",
        _bandit(true=lambda p, q, b: _first_part(p, q)),
    ),
    Wrong(
        "mixed_baselines",
        "The baseline is subtracted in one part of your true Hessian, not in the other. In which sum does it cancel?",
        _bandit(true=lambda p, q, b: _first_part(p, q - b) - (p * q).sum() * _spread(p)),
    ),
    Wrong(
        "diagonal_only",
        "The naive Hessian has entries off its diagonal: the normaliser of the softmax depends on every logit.",
        _bandit(naive=lambda p, q, b: -((p * q).sum() - b) * torch.diag(p * (1 - p))),
    ),
    Wrong(
        "zero",
        "The naive Hessian vanishes only for one special baseline. Here b is any number.",
        _bandit(naive=lambda p, q, b: torch.zeros_like(_spread(p))),
    ),
)  # fmt: skip
