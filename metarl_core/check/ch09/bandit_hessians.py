"""The check of the exercise `bandit_hessians`."""

import torch
from torch.autograd.functional import hessian

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch09.oracles import close


def _draw_case(draw):
    """1 to 6 arms, once 60, now and then all alike or one nearly sure; q and b of any size and sign, also b = 0 and
    b = mean.

    Some arms are rarer than one in a million. Now and then rewards are in the millions: a Hessian is large then, and a
    quotient of differences is rounded.
    """
    arms = draw.choice(1, *[draw.integer(2, 6)] * 8)
    arms = draw.once(17, 60, arms)
    theta = draw.choice(0.0, 1.0, 1.0, 1.0, 4.0, 10.0) * draw.normal(arms)
    far = draw.choice(1, 1, 1, 2**20)
    q = far * (draw.choice(1.0, 1.0, 10.0) * draw.skewed(arms) + draw.uniform(-4, 4))
    p = theta.softmax(0)
    mean = float((p * q).sum())
    b = draw.choice(*(far * b for b in (draw.uniform(-5, 5), draw.uniform(-5, 5), draw.integer(0, 3), 0.0)), mean)
    return case(p, q, b).noting(
        {
            "b is 0": b == 0,
            "b is negative": b < 0,
            "b is the mean reward": b == mean,
            "rewards are in the millions": far > 1,
            "an arm is rarer than one in a million": bool((p < 1e-6).any()),
            "there are more than two arms": arms > 2,
            "there are more than three arms": arms > 3,
            "all arms are equally likely": arms > 1 and bool((p == p[0]).all()),
        }
    )


def _by_twofold_differentiation(p, q, b):
    """Automatic differentiation of the exact return, and of the naive loss with all arms as data."""
    theta = p.log()
    true = hessian(lambda x: (x.softmax(0) * q).sum(), theta)
    naive = hessian(lambda x: (p * x.log_softmax(0) * (q - b)).sum(), theta)
    return {"true": true, "naive": naive}


def _spread(p):
    return torch.diag(p) - p[:, None] * p


def _away(p, away):
    return torch.diag(away) - away[:, None] * p - p[:, None] * away


def _true(p, q):
    return _away(p, p * (q - (p * q).sum()))


def _first_part(p, value):
    """E ψ ψᵀ value."""
    score = torch.eye(len(p), dtype=p.dtype) - p
    return torch.einsum("a,a,ai,aj->ij", p, value, score, score)


def _half_of_true(p, q):
    """What is left of the true Hessian where the mean reward is held constant."""
    away = p * (q - (p * q).sum())
    return torch.diag(away) - away[:, None] * p


def _is(name, *answers):
    """Whether the matrix of this name is what one of the answers gives."""
    return lambda got, p, q, b: any(close(got[name], answer(p, q, b)) for answer in answers)


def _up_to_a_factor(name):
    """Whether the matrix of this name is the right one times a positive number."""

    def when(got, p, q, b):
        right = {"true": _true(p, q), "naive": _naive(p, q, b)}[name].flatten()
        at = right.abs().argmax()
        factor = got[name].flatten()[at] / right[at]
        return bool(factor > 0 and abs(factor - 1) > 1e-6) and close(got[name].flatten(), factor * right)

    return when


def _naive(p, q, b):
    return -((p * q).sum() - b) * _spread(p)


check_bandit_hessians = function_check(
    "bandit_hessians",
    _by_twofold_differentiation,
    _draw_case,
    Wrong(
        "swapped",
        "The two matrices are right, under the wrong names.",
        lambda p, q, b: {"true": _naive(p, q, b), "naive": _true(p, q)},
    ),
    Wrong(
        "baseline_ignored",
        "Where it is wrong, your naive Hessian is the one of b = 0. Which expectation would have to vanish for a "
        "baseline to drop out?",
        when=_is("naive", lambda p, q, b: -(p * q).sum() * _spread(p)),
    ),
    Wrong(
        "naive_sign",
        "Your naive Hessian has the wrong sign: is log π of a softmax curved upwards or downwards?",
        when=_is("naive", lambda p, q, b: -_naive(p, q, b)),
    ),
    Wrong(
        "only_scores",
        "Your true Hessian is E ψ ψᵀ q alone, with or without b. That is one of two parts: scores change with θ, too.",
        when=_is("true", lambda p, q, b: _first_part(p, q), lambda p, q, b: _first_part(p, q - b)),
    ),
    Wrong(
        "only_curvature",
        "Your true Hessian is E q ∇² log π alone. That is one of two parts: what is drawn changes with θ, too.",
        when=_is("true", lambda p, q, b: -(p * q).sum() * _spread(p)),
    ),
    Wrong(
        "mixed_baselines",
        "The baseline is subtracted in one part of your true Hessian, not in the other. In which sum does it cancel?",
        when=_is(
            "true",
            lambda p, q, b: _first_part(p, q - b) - (p * q).sum() * _spread(p),
            lambda p, q, b: _first_part(p, q) + _naive(p, q, b),
        ),
    ),
    Wrong(
        "mean_held",
        "Your true Hessian is the derivative of p_i (q_i - q̄) with q̄ held constant. On what does q̄ depend?",
        when=_is("true", lambda p, q, b: _half_of_true(p, q), lambda p, q, b: _half_of_true(p, q).T),
    ),
    Wrong(
        "true_sign",
        "Your true Hessian has the wrong sign.",
        when=_is("true", lambda p, q, b: -_true(p, q)),
    ),
    Wrong(
        "diagonal_only",
        "Your naive Hessian has nothing off its diagonal. On which logits does the normaliser of the softmax depend?",
        when=_is("naive", lambda p, q, b: torch.diag(_naive(p, q, b).diagonal())),
    ),
    Wrong(
        "zero",
        "The naive Hessian vanishes only for one special baseline. Here b is any number.",
        when=_is("naive", lambda p, q, b: torch.zeros_like(_spread(p))),
    ),
    Wrong(
        "no_rewards",
        "Your naive Hessian is that of log p alone. With which numbers is it averaged?",
        when=_is("naive", lambda p, q, b: -_spread(p)),
    ),
    Wrong(
        "rewards_unweighted",
        "In your naive Hessian the rewards of all arms count alike. How often is each of them pulled?",
        when=_is(
            "naive",
            lambda p, q, b: -(q.mean() - b) * _spread(p),
            lambda p, q, b: -(q - b).sum() * _spread(p),
            lambda p, q, b: -(q.sum() - b) * _spread(p),
        ),
    ),
    Wrong(
        "twice",
        "In your true Hessian the part of ∇² log π stands twice.",
        when=_is(
            "true",
            lambda p, q, b: _true(p, q) - (p * q).sum() * _spread(p),
            lambda p, q, b: _true(p, q) + _naive(p, q, b),
        ),
    ),
    Wrong(
        "by_probabilities",
        "Your naive Hessian holds derivatives with respect to p. The variables are the logits.",
        when=_is("naive", lambda p, q, b: -torch.diag((q - b) / p)),
    ),
    Wrong(
        "naive_is_true",
        "Your naive Hessian is the true one of rewards q or q - b. In S, p is held constant: what is left of its "
        "derivatives?",
        when=_is("naive", lambda p, q, b: _true(p, q)),
    ),
    Wrong(
        "true_is_naive",
        "Your true Hessian is the naive one. In J, p moves with θ: where do you differentiate it?",
        when=_is("true", _naive),
    ),
    Wrong(
        "baseline_for_mean",
        "In your true Hessian the baseline stands in place of the mean reward. Is there a b in J?",
        when=_is("true", lambda p, q, b: _away(p, p * (q - b))),
    ),
    Wrong(
        "rewards_not_centred",
        "In your true Hessian the rewards stand as they are. What does a constant that is added to all rewards change?",
        when=_is("true", lambda p, q, b: _away(p, p * q)),
    ),
    Wrong(
        "true_diagonal",
        "Your true Hessian has nothing off its diagonal. Does the probability of one arm depend on another's logit?",
        when=_is("true", lambda p, q, b: torch.diag(_true(p, q).diagonal())),
    ),
    Wrong("true_factor", "Your true Hessian is right up to one positive factor.", when=_up_to_a_factor("true")),
    Wrong("naive_factor", "Your naive Hessian is right up to one positive factor.", when=_up_to_a_factor("naive")),
    autograd=False,
    cases=36,
    rtol=1e-12,
    atol=1e-9,
)  # fmt: skip
