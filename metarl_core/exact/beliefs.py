"""What a learner that is told the prior believes after what it has seen."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from metarl_core.arguments import check_count, check_same_shape


def best_arm_probabilities(successes: ArrayLike, failures: ArrayLike) -> np.ndarray:
    """P(arm i has the largest mean | counts) of Bernoulli bandits with uniform priors, `[..., arm]`.

        P(i best) = ∫₀¹ b_i(x) Π_{j ≠ i} B_j(x) dx

    with b_j and B_j the density and distribution function of Beta(1 + s_j, 1 + f_j). For whole counts the integrand is
    a polynomial of degree Σ_j (s_j + f_j) + arms − 1, which Gauss–Legendre quadrature with enough nodes integrates
    exactly.

    Args:
        successes, failures: whole counts, `[..., arm]`.

    Raises:
        ValueError: for shapes that differ, or counts that are negative or not whole.
    """
    won, lost = np.asarray(successes, dtype=float), np.asarray(failures, dtype=float)
    check_same_shape(successes=won, failures=lost)
    if won.ndim < 1 or won.shape[-1] < 1:
        raise ValueError(f"successes must have shape [..., arm] with at least one arm, got {list(won.shape)}.")
    if not all(np.isfinite(c).all() and (c >= 0).all() and (c == np.floor(c)).all() for c in (won, lost)):
        raise ValueError("successes and failures must be whole numbers of at least 0, got others.")
    degree = int((won + lost).sum(-1).max(initial=0)) + won.shape[-1] - 1
    nodes, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    x = (nodes + 1) / 2
    density = np.exp(
        special.xlogy(won[..., None], x)
        + special.xlog1py(lost[..., None], -x)
        - special.betaln(1 + won, 1 + lost)[..., None]
    )
    below = special.betainc(1 + won[..., None], 1 + lost[..., None], x)
    arms = won.shape[-1]
    others = [np.prod(np.delete(below, arm, -2), -2) for arm in range(arms)]
    return (density * np.stack(others, -2)) @ (weights / 2)


def arm_counts(arms_pulled: ArrayLike, rewards: ArrayLike, arms: int) -> tuple[np.ndarray, np.ndarray]:
    """Successes and failures of each arm *before* each pull, two arrays `[..., pull, arm]`.

    Args:
        arms_pulled: `[..., pull]`, from 0 to `arms` − 1.
        rewards: of those pulls, 0 or 1.
        arms: number of arms.

    Raises:
        ValueError: for shapes that differ, other rewards, or arms that there are not.
    """
    pulled, paid = np.asarray(arms_pulled), np.asarray(rewards)
    check_same_shape(arms_pulled=pulled, rewards=paid)
    check_count("arms", arms)
    if pulled.ndim < 1 or not ((pulled >= 0) & (pulled < arms)).all() or not np.isin(paid, (0, 1)).all():
        raise ValueError(f"arms_pulled must be from 0 to {arms - 1} and rewards 0 or 1, got others.")
    one = (pulled[..., None] == np.arange(arms)).astype(np.int64)
    won = one * (paid[..., None] == 1)
    return won.cumsum(-2) - won, (one - won).cumsum(-2) - (one - won)
