"""Hand-made strategies for bandits and tabular MDPs against enumeration, closed forms and simulation."""

import itertools

import numpy as np
import pytest
import torch

from metarl_core.exact import (
    bayes_greedy,
    bayes_optimal,
    bayes_optimal_value,
    best_arm_probabilities,
    finite_gittins_indices,
    gittins,
    gittins_indices,
    optimal_return,
    optimistic_thompson,
    play_bandits,
    posterior_draw,
    psrl,
    thompson,
    ucb1,
)
from metarl_core.tasks import TabularMDPs


def rng(seed=0):
    return np.random.default_rng(seed)


def exact_value(strategy, arms, pulls):
    """Expected total reward of a deterministic strategy under the uniform prior, over all sequences of rewards."""
    beliefs = {((0, 0),) * arms: 1.0}
    total = 0.0
    for pull in range(pulls):
        following: dict = {}
        keys = list(beliefs)
        counts = np.array(keys)
        chosen = strategy(counts[..., 0], counts[..., 1], pulls - pull, rng())
        for key, arm in zip(keys, chosen, strict=True):
            won, lost = key[arm]
            mean = (1 + won) / (2 + won + lost)
            total += beliefs[key] * mean
            for after, chance in (((won + 1, lost), mean), ((won, lost + 1), 1 - mean)):
                new = (*key[:arm], after, *key[arm + 1 :])
                following[new] = following.get(new, 0) + beliefs[key] * chance
        beliefs = following
    return total


@pytest.mark.parametrize("arms, pulls", [(1, 3), (2, 6), (2, 9), (3, 6)])
def test_dynamic_programming_over_counts_is_the_optimum(arms, pulls):
    best = bayes_optimal_value(arms, pulls)
    assert exact_value(bayes_optimal(arms, pulls), arms, pulls) == pytest.approx(best, abs=1e-12)
    for other in (bayes_greedy, ucb1(0.1), gittins(pulls)):
        assert exact_value(other, arms, pulls) <= best + 1e-12


def test_the_finite_gittins_rule_is_nearly_optimal_and_greed_is_not():
    best = bayes_optimal_value(2, 12)
    assert exact_value(gittins(12), 2, 12) == pytest.approx(best, abs=4e-3)
    assert exact_value(bayes_greedy, 2, 12) < best - 0.04


def test_a_bandit_against_a_known_arm_is_solved_by_the_index():
    """With one unknown arm against a sure payment λ, pulling while the index exceeds λ is the optimum (Bradt 1956)."""
    pulls = 7
    table = finite_gittins_indices(pulls)

    def value(won, lost, left, payment, follow):
        if left == 0:
            return 0.0
        mean = (1 + won) / (2 + won + lost)
        won_on, lost_on = (
            value(won + 1, lost, left - 1, payment, follow),
            value(won, lost + 1, left - 1, payment, follow),
        )
        pull = mean * (1 + won_on) + (1 - mean) * lost_on
        if follow:
            return pull if table[left - 1, won, lost] > payment else left * payment
        return max(pull, left * payment)

    for payment in (0.31, 0.47, 0.55, 0.63, 0.78):
        assert value(0, 0, pulls, payment, True) == pytest.approx(value(0, 0, pulls, payment, False), abs=1e-4)


def test_finite_indices_agree_with_bisection_where_an_arm_was_pulled_all_along():
    pulls = 30
    table, alone = finite_gittins_indices(pulls), gittins_indices(pulls)
    for won, lost in itertools.product(range(0, pulls, 4), repeat=2):
        if won + lost < pulls:
            assert table[pulls - won - lost - 1, won, lost] == pytest.approx(alone[won, lost], abs=2e-4)
        else:
            assert np.isnan(table[:, won, lost]).all()


def test_indices_fall_to_the_posterior_mean_as_time_runs_out():
    table = finite_gittins_indices(20)
    counts = np.arange(6)
    mean = (1 + counts[:, None]) / (2 + counts[:, None] + counts)
    assert np.allclose(table[0, :6, :6], mean, atol=1e-12)
    assert (np.diff(table[:10, :6, :6], axis=0) >= -1e-9).all()


def test_thompson_chooses_each_arm_as_often_as_it_is_best():
    won, lost = np.array([[0, 3, 5, 1]]), np.array([[0, 1, 4, 0]])
    many = 200_000
    chosen = thompson(won.repeat(many, 0), lost.repeat(many, 0), 1, rng())
    share = (chosen[:, None] == np.arange(4)).mean(0)
    expected = best_arm_probabilities(won, lost)[0]
    assert np.abs(share - expected).max() < 5 * np.sqrt(0.25 / many)


@pytest.mark.parametrize("arms", [1, 2, 5])
def test_the_probability_of_being_best_is_a_distribution_and_exchangeable(arms):
    won, lost = rng(1).integers(0, 40, (2, 50, arms))
    best = best_arm_probabilities(won, lost)
    assert np.allclose(best.sum(-1), 1, atol=1e-12) and (best >= 0).all()
    order = rng(2).permutation(arms)
    assert np.allclose(best_arm_probabilities(won[:, order], lost[:, order]), best[:, order])


def test_the_probability_of_being_best_has_closed_forms():
    assert np.allclose(best_arm_probabilities([0, 0, 0], [0, 0, 0]), 1 / 3)
    # P(X > Y) for X ~ Beta(1 + s, 1) and Y uniform is E[X] = (1 + s) / (2 + s)
    for won in (1, 4, 300):
        assert best_arm_probabilities([won, 0], [0, 0])[0] == pytest.approx((1 + won) / (2 + won), abs=1e-10)


def test_optimism_never_lets_an_arm_count_less_than_its_mean():
    won, lost = np.array([[8, 0]]).repeat(5000, 0), np.array([[1, 0]]).repeat(5000, 0)
    plain = (thompson(won, lost, 1, rng()) == 0).mean()
    # arm 1's draw must exceed the larger of arm 0's draw and its mean 9/11
    optimistic = (optimistic_thompson(won, lost, 1, rng()) == 0).mean()
    draws = rng(5).beta([9, 1], [2, 1], (400_000, 2))
    expected = (np.maximum(draws[:, 0], 9 / 11) > np.maximum(draws[:, 1], 0.5)).mean()
    assert optimistic == pytest.approx(expected, abs=0.02) and optimistic > plain


def test_ucb1_pulls_each_arm_first_and_then_by_its_formula():
    strategy = ucb1(2.0)
    assert strategy(np.array([[3, 0, 0]]), np.array([[0, 0, 0]]), 5, rng())[0] == 1
    won, lost = np.array([[3, 1]]), np.array([[1, 0]])
    bonus = np.sqrt(2 * np.log(5) / np.array([4, 1]))
    assert strategy(won, lost, 5, rng())[0] == (np.array([0.75, 1.0]) + bonus).argmax()
    play = play_bandits(ucb1(0.0), rng().random((20, 4)), 6, rng())
    assert (np.sort(play.arms[:, :4], 1) == np.arange(4)).all()


def test_strategies_that_pull_the_same_arms_see_the_same_rewards():
    means, luck = rng(3).random((40, 3)), rng(4).random((40, 3, 12))
    one = play_bandits(bayes_greedy, means, 12, rng(0), luck)
    two = play_bandits(bayes_greedy, means, 12, rng(1), luck)
    assert (one.rewards == two.rewards).all() and (one.arms == two.arms).all()
    expected = np.take_along_axis(means, one.arms, 1)
    assert np.array_equal(one.expected_rewards, expected)
    assert np.allclose(one.regrets, means.max(1, keepdims=True) - expected)


def test_the_mean_over_bandits_is_the_exact_value():
    means = rng(7).random((40_000, 2))
    play = play_bandits(bayes_greedy, means, 8, rng(8))
    earned = play.expected_rewards.sum(1)
    assert abs(earned.mean() - exact_value(bayes_greedy, 2, 8)) < 4 * earned.std() / np.sqrt(len(earned))


def test_the_posterior_of_a_tabular_mdp():
    visits = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    visits[0, 0, 0] = torch.tensor([6.0, 1.0])
    totals = torch.zeros(1, 2, 2, dtype=torch.float64)
    totals[0, 0, 0] = 21.0
    many = 20_000
    transitions, rewards = posterior_draw(visits.expand(many, 2, 2, 2), totals.expand(many, 2, 2), rng())
    assert transitions[:, 0, 0, 0].mean() == pytest.approx(7 / 9, abs=0.005)
    assert transitions[:, 1, 1, 0].mean() == pytest.approx(1 / 2, abs=0.01)
    assert rewards[:, 0, 0].mean() == pytest.approx(22 / 8, abs=0.02)
    assert rewards[:, 0, 0].var() == pytest.approx(1 / 8, rel=0.05)
    assert rewards[:, 1, 0].mean() == pytest.approx(1, abs=0.03) and rewards[:, 1, 0].var() == pytest.approx(
        1, rel=0.05
    )


def test_posterior_sampling_learns_and_nearly_reaches_the_optimum():
    family = TabularMDPs(states=3, actions=2, horizon=6)
    generator = torch.Generator().manual_seed(0)
    tasks = family.sample_tasks(300, generator, "test")
    earned = psrl(family, tasks, 60, generator)
    best = optimal_return(family, tasks).mean()
    assert earned.shape == (300, 60)
    first, last = earned[:, 0].mean(), earned[:, -15:].mean()
    assert first < 0.8 * best and 0.95 * best < last <= 1.01 * best
