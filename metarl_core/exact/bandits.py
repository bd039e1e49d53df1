"""Exact answers for Bernoulli bandits with uniform priors: Bayes-optimal play and Gittins indices."""

import functools

import numpy as np


def bayes_optimal_value(arms: int, pulls: int) -> float:
    """Largest expected total reward over `pulls` pulls of `arms` arms with independent uniform means.

    Dynamic programming over beliefs: each arm is a Beta(1 + successes, 1 + failures) posterior, and

        V(b, 0) = 0,   V(b, n) = max_i  p_i (1 + V(b + success_i, n − 1)) + (1 − p_i) V(b + failure_i, n − 1)

    with p_i the posterior mean. The number of beliefs grows as pulls^(2·arms): meant for small problems
    (2 arms × 20 pulls, 3 × 10).

    Raises:
        ValueError: for fewer than one arm or pull, or more than a few million beliefs.
    """
    if arms < 1 or pulls < 1:
        raise ValueError(f"arms and pulls must be at least 1, got {arms} and {pulls}.")
    beliefs = np.prod([(pulls + 1 + i) / (1 + i) for i in range(2 * arms)])
    if beliefs > 5e6:
        raise ValueError(f"{arms} arms × {pulls} pulls have about {beliefs:.0e} beliefs; at most 5e6 are allowed.")

    @functools.cache
    def value(belief: tuple[tuple[int, int], ...], left: int) -> float:
        if left == 0:
            return 0.0
        best = 0.0
        for index in {arm: i for i, arm in enumerate(belief)}.values():  # equal arms have equal value
            successes, failures = belief[index]
            mean = (1 + successes) / (2 + successes + failures)
            others = belief[:index] + belief[index + 1 :]
            won = value(tuple(sorted((*others, (successes + 1, failures)))), left - 1)
            lost = value(tuple(sorted((*others, (successes, failures + 1)))), left - 1)
            best = max(best, mean * (1 + won) + (1 - mean) * lost)
        return best

    result = value(((0, 0),) * arms, pulls)
    value.cache_clear()
    return result


def gittins_indices(horizon: int, discount: float = 1.0, tolerance: float = 1e-6) -> np.ndarray:
    """Finite-horizon Gittins indices of a Bernoulli arm with a uniform prior.

    The index of an arm with s successes and f failures and n = horizon − s − f pulls left is the sure
    payment λ per pull that makes one indifferent between the arm and retiring on λ for good (Gittins 1979;
    calibration by bisection, Gittins, Glazebrook & Weber 2011, 8.4). With `discount` < 1 and a long
    horizon it is the classical index. Pulling the arm of largest index is optimal for the discounted
    infinite problem and a strong rule for the finite one.

    Args:
        horizon: total number of pulls.
        discount: weight of the next reward against this one, in (0, 1].
        tolerance: width of the final bracket.

    Returns:
        float64 `[horizon, horizon]`: entry (s, f); NaN where s + f >= horizon.

    Raises:
        ValueError: for horizon < 1 or a discount outside (0, 1].
    """
    if horizon < 1:
        raise ValueError(f"horizon is a number of pulls and must be at least 1, got {horizon}.")
    if not 0 < discount <= 1:
        raise ValueError(f"discount must be in (0, 1], got {discount}.")
    indices = np.full((horizon, horizon), np.nan)
    # All states of one "pulls so far" share the same number of pulls left; bisect them together.
    for pulled in range(horizon):
        successes = np.arange(pulled + 1)
        low = (1 + successes) / (2 + pulled)  # the index is at least the posterior mean
        high = np.ones(pulled + 1)
        while (high - low).max() > tolerance:
            middle = (low + high) / 2
            worth = _advantage_of_arm(successes, pulled, horizon - pulled, discount, middle)
            low, high = np.where(worth > 0, middle, low), np.where(worth > 0, high, middle)
        indices[successes, pulled - successes] = (low + high) / 2
    return indices


def _advantage_of_arm(
    successes: np.ndarray, pulled: int, left: int, discount: float, payment: np.ndarray
) -> np.ndarray:
    """Value of pulling once and then stopping optimally, minus retiring now, for a batch of arms at once.

    `successes` and `payment` have shape `[batch]`; rewards are counted relative to `payment`, so
    retiring is worth 0.
    """
    value = np.zeros((len(successes), left + 1))
    for step in range(left - 1, -1, -1):
        extra = np.arange(step + 1)
        mean = (1 + successes[:, None] + extra) / (2 + pulled + step)
        pull = mean - payment[:, None] + discount * (mean * value[:, 1 : step + 2] + (1 - mean) * value[:, : step + 1])
        value = np.maximum(pull, 0.0) if step else pull
    return value[:, 0]
