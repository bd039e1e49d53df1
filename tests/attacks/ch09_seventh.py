"""Answers to chapter 09: a quotient of differences, rare arms, long densities, and a graph taken from an argument."""

import torch

from metarl_core.check import ch09

from . import named


def _hessians(p, q, b):
    mean = (p * q).sum()
    away = p * (q - mean)
    true = torch.diag(away) - torch.outer(away, p) - torch.outer(p, away)
    return {"true": true, "naive": (b - mean) * (torch.diag(p) - torch.outer(p, p))}


def _differences_of_slopes(p, q, b, h=1e-5):
    def true(theta):
        at = theta.softmax(0)
        return at * (q - (at * q).sum())

    def naive(theta):
        return p * (q - b) - (p * (q - b)).sum() * theta.softmax(0)

    axes, theta = h * torch.eye(len(p), dtype=p.dtype), p.log()
    return {
        name: torch.stack([(slope(theta + axis) - slope(theta - axis)) / (2 * h) for axis in axes])
        for name, slope in (("true", true), ("naive", naive))
    }


def _no_arm_below_a_millionth(p, q, b):
    return _hessians(p.clamp(min=1e-6), q, b)


def _by_scores(p, q, b):
    """E ψ ψᵀ (q − q̄) is the true one."""
    mean, score = (p * q).sum(), torch.eye(len(p), dtype=p.dtype) - p
    return {
        "true": torch.einsum("a,ai,aj->ij", p * (q - mean), score, score),
        "naive": (b - mean) * torch.einsum("a,ai,aj->ij", p, score, score),
    }


def _term(log_of=lambda x: x, outcome_of=lambda o: o.detach()):
    def answer(log_pi, mask, outcome):
        outcome = outcome_of(outcome)
        relative = (outcome - outcome.mean()) * len(outcome) / (len(outcome) - 1)
        return -(torch.where(mask, log_of(log_pi), 0.0).sum((1, 2)) * relative).mean()

    return answer


def _cut_where_it_is_handed_in(outcome):
    return outcome.detach() if outcome.is_leaf else outcome.detach_()


WRONG = [
    *named(ch09.check_bandit_hessians, _differences_of_slopes, _no_arm_below_a_millionth),
    *named(
        ch09.check_sampling_term,
        outcomes_up_to_ten=_term(outcome_of=lambda outcome: outcome.detach().clamp(-10, 10)),
        logarithms_from_minus_twenty=_term(lambda x: x.clamp(-20, 20)),
        logarithms_from_minus_hundred=_term(lambda x: x.clamp(min=-100)),
        the_callers_graph_cut=_term(outcome_of=_cut_where_it_is_handed_in),
    ),
]
RIGHT = [*named(ch09.check_bandit_hessians, _by_scores), *named(ch09.check_sampling_term, by_the_mean=_term())]
