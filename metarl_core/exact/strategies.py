"""Strategies for Bernoulli bandits that are told the prior: what a learned memory is held against.

A strategy chooses an arm from what each arm has paid so far, for many bandits at once. Priors are uniform, so that an
arm with s successes and f failures has the posterior Beta(1 + s, 1 + f).
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from metarl_core.arguments import check_at_least, check_callable, check_count, check_shape


class Strategy(Protocol):
    """Arms `[bandit]` from counts `[bandit, arm]` with `left` pulls to go, this one among them."""

    def __call__(
        self, successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator
    ) -> np.ndarray: ...


class Pulls(NamedTuple):
    """What a strategy did on each bandit, `[bandit, pull]`."""

    arms: np.ndarray
    rewards: np.ndarray
    """0 or 1"""
    expected_rewards: np.ndarray
    """the means of the arms that were pulled: the same expectation with less noise"""
    regrets: np.ndarray
    """mean of the best arm minus mean of the arm pulled"""


def play_bandits(
    strategy: Strategy, means: ArrayLike, pulls: int, rng: np.random.Generator, luck: ArrayLike | None = None
) -> Pulls:
    """Let a strategy pull arms of many bandits side by side.

    Args:
        strategy: see `Strategy`.
        means: `[bandit, arm]`, in [0, 1].
        pulls: number of pulls of each bandit.
        rng: of the strategy, and of the rewards where `luck` is not given.
        luck: `[bandit, arm, pull]` in [0, 1): arm i's j-th pull pays where it lies below the arm's mean. Strategies
            that are given the same see the same rewards as long as they pull the same arms.

    Raises:
        ValueError: for shapes that do not fit, means that are no probabilities, fewer than one pull, or a strategy
            that chooses an arm that there is not.
    """
    check_callable("strategy", strategy, "successes, failures, left and rng")
    means = np.asarray(means, dtype=float)
    check_shape("means", means, "bandit", "arm")
    if not ((means >= 0) & (means <= 1)).all():
        raise ValueError("means must be probabilities in [0, 1], got others.")
    check_count("pulls", pulls)
    bandits, arms = means.shape
    luck = rng.random((bandits, arms, pulls)) if luck is None else np.asarray(luck, dtype=float)
    check_shape("luck", luck, bandits, arms, pulls)
    successes, failures = np.zeros((2, bandits, arms), dtype=np.int64)
    row = np.arange(bandits)
    chosen, rewards = np.zeros((2, bandits, pulls), dtype=np.int64)
    for pull in range(pulls):
        arm = np.asarray(strategy(successes, failures, pulls - pull, rng))
        if arm.shape != (bandits,) or not ((arm >= 0) & (arm < arms)).all():
            raise ValueError(f"the strategy must choose one of {arms} arms for each of {bandits} bandits, got others.")
        number = (successes + failures)[row, arm]
        paid = luck[row, arm, number] < means[row, arm]
        successes[row, arm] += paid
        failures[row, arm] += ~paid
        chosen[:, pull], rewards[:, pull] = arm, paid
    expected = means[row[:, None], chosen]
    return Pulls(chosen, rewards, expected, means.max(1, keepdims=True) - expected)


def bayes_greedy(successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator) -> np.ndarray:
    """The arm of largest posterior mean; it never explores for what it might learn."""
    return _posterior_mean(successes, failures).argmax(-1)


def thompson(successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator) -> np.ndarray:
    """The arm that is best in one draw from the posterior (Thompson 1933): each as probably as it is best."""
    return rng.beta(1 + successes, 1 + failures).argmax(-1)


def optimistic_thompson(successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator) -> np.ndarray:
    """Thompson sampling where no draw counts less than the posterior mean (May et al. 2012)."""
    draws = rng.beta(1 + successes, 1 + failures)
    return np.maximum(draws, _posterior_mean(successes, failures)).argmax(-1)


def ucb1(weight: float = 2.0) -> Strategy:
    """The arm of largest s / n + √(weight · ln t / n), n its pulls and t those of all; arms not yet pulled come first.

    Auer et al. (2002) have `weight` 2, for which they bound the regret; less explores less.

    Raises:
        ValueError: for a weight below 0.
    """
    check_at_least("weight", weight, 0)

    def strategy(successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator) -> np.ndarray:
        number = successes + failures
        some = np.maximum(number, 1)
        bonus = np.sqrt(weight * np.log(np.maximum(number.sum(-1, keepdims=True), 1)) / some)
        return np.where(number == 0, np.inf, successes / some + bonus).argmax(-1)

    return strategy


def gittins(pulls: int) -> Strategy:
    """The arm of largest finite-horizon index (see `finite_gittins_indices`), for play of `pulls` pulls in all.

    Raises:
        ValueError: as `finite_gittins_indices`, and for play of more pulls.
    """
    table = finite_gittins_indices(pulls)

    def strategy(successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator) -> np.ndarray:
        if left > pulls:
            raise ValueError(f"left must be at most {pulls}, the pulls that the indices were made for, got {left}.")
        return table[left - 1][successes, failures].argmax(-1)

    return strategy


def finite_gittins_indices(pulls: int, payments: int = 400) -> np.ndarray:
    """Index of a Bernoulli arm with uniform prior and a number of pulls left, for play of `pulls` pulls in all.

    The sure payment λ per pull at which pulling the arm and retiring on λ are worth the same, with `left` pulls to go
    (Gittins 1979; Bradt, Johnson & Karlin 1956 for finite horizons): like `gittins_indices`, but the clock runs for
    pulls of other arms, too. With one arm against a known one it is the optimum; with several arms and a finite
    horizon a strong rule, not the optimum.

    One dynamic program over (left, s, f) for each of `payments` values of λ; in between the worth of the arm is taken
    as linear in λ. With 400 values indices for 100 pulls err by less than 5e-4 (measured
    against `gittins_indices`).

    Args:
        pulls: at least 1, at most 200.
        payments: values of λ, at least 10.

    Returns:
        float64 `[pulls, pulls, pulls]`: entry (left − 1, s, f); NaN where s + f + left > pulls.

    Raises:
        ValueError: for a number out of range.
    """
    if check_count("pulls", pulls) > 200:
        raise ValueError(f"pulls must be at most 200 for a table of all states, got {pulls}.")
    check_count("payments", payments, 10)
    table = np.full((pulls, pulls, pulls), np.nan)
    payment = np.sin(np.linspace(0, np.pi / 2, payments + 1)) ** 2  # closer to each other near 0 and 1
    counts = np.arange(pulls + 1)
    mean = ((1 + counts[:, None]) / (2 + counts[:, None] + counts))[..., None]  # [s, f, 1]
    worth = np.zeros((pulls + 1, pulls + 1, payments + 1))  # of the arm beyond retiring, with no pulls left
    for left in range(1, pulls + 1):
        reach = pulls - left + 1  # s and f are at most pulls − left
        own = mean[:reach, :reach]
        pull = own - payment + own * worth[1 : reach + 1, :reach] + (1 - own) * worth[:reach, 1 : reach + 1]
        played = counts[:reach, None] + counts[:reach] <= pulls - left
        table[left - 1, :reach, :reach][played] = _zero_crossing(pull[played], payment)
        worth = np.maximum(pull, 0)
    return table


def _zero_crossing(worth: np.ndarray, payment: np.ndarray) -> np.ndarray:
    """Where `worth` `[state, payment]`, which falls with the payment, is zero, `[state]`."""
    after = (worth > 0).sum(1).clip(1, len(payment) - 1)
    row = np.arange(len(worth))
    above, below = worth[row, after - 1], worth[row, after]
    share = above / np.maximum(above - below, 1e-300)
    return payment[after - 1] + share.clip(0, 1) * (payment[after] - payment[after - 1])


def bayes_optimal(arms: int, pulls: int) -> Strategy:
    """The optimal strategy by dynamic programming over the counts of all arms (see `bayes_optimal_value`).

    One array over (s₁, f₁, …, s_k) for each number of pulls so far; the last arm's failures follow. Meant for 2 arms ×
    100 pulls, 3 × 14.

    Raises:
        ValueError: for fewer than one arm or pull, or more than a hundred million beliefs.
    """
    check_count("arms", arms)
    check_count("pulls", pulls)
    axes = 2 * arms - 1
    beliefs = sum(float(time + 1) ** axes for time in range(pulls))
    if beliefs > 1e8:
        raise ValueError(f"{arms} arms × {pulls} pulls need about {beliefs:.0e} beliefs; at most 1e8 are allowed.")
    best: list[np.ndarray] = []
    value = np.zeros((pulls + 1,) * axes)
    for time in range(pulls - 1, -1, -1):
        counts = [c.astype(float) for c in np.meshgrid(*[np.arange(time + 1)] * axes, indexing="ij", sparse=True)]
        counts.append(np.maximum(time - sum(counts), 0))
        worth = np.stack([_worth_of_arm(arm, counts, value) for arm in range(arms)])
        best.append(worth.argmax(0).astype(np.int8))
        value = worth.max(0)
    best.reverse()

    def strategy(successes: np.ndarray, failures: np.ndarray, left: int, rng: np.random.Generator) -> np.ndarray:
        if successes.shape[1] != arms or left > pulls:
            raise ValueError(f"play must be of {arms} arms and at most {pulls} pulls, got {successes.shape[1]} arms.")
        place = np.stack([successes, failures], -1).reshape(len(successes), -1)[:, :-1]
        return best[pulls - left][tuple(place.T)].astype(np.int64)

    return strategy


def _worth_of_arm(arm: int, counts: list[np.ndarray], value: np.ndarray) -> np.ndarray:
    """Expected reward of one pull and of optimal play after it, for all beliefs with as many pulls so far."""
    size, axes = value.shape[0] - 1, value.ndim
    mean = (1 + counts[2 * arm]) / (2 + counts[2 * arm] + counts[2 * arm + 1])

    def after(axis: int) -> np.ndarray:
        # one more in a count; the last arm's failures are no axis of their own
        return value[tuple(slice(1, None) if other == axis else slice(size) for other in range(axes))]

    return mean * (1 + after(2 * arm)) + (1 - mean) * after(2 * arm + 1)


def _posterior_mean(successes: np.ndarray, failures: np.ndarray) -> np.ndarray:
    return (1 + successes) / (2 + successes + failures)
