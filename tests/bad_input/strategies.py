"""Bad input to the strategies and beliefs of `metarl_core.exact`."""

import numpy as np
import torch

from metarl_core import exact
from metarl_core.tasks import BernoulliBandits, GridNavi, TabularMDPs

RNG, GENERATOR = np.random.default_rng(0), torch.Generator("cpu")
MEANS = np.full((3, 2), 0.5)
ONES = torch.ones(2)
TASKS = TabularMDPs().sample_tasks(2, GENERATOR)


def play(strategy=exact.bayes_greedy, means=MEANS, pulls=4, luck=None):
    return lambda: exact.play_bandits(strategy, means, pulls, RNG, luck)


CALLS = [
    ("play_bandits", play(strategy="greedy"), "strategy must be a function of successes, failures, left and rng, got"),
    ("play_bandits", play(means=MEANS[0]), r"means must have shape \[bandit, arm\], got \[2\]"),
    ("play_bandits", play(means=MEANS + 1), r"means must be probabilities in \[0, 1\], got others"),
    ("play_bandits", play(means=MEANS * np.nan), r"means must be probabilities in \[0, 1\], got others"),
    ("play_bandits", play(pulls=0), "pulls must be at least 1, got 0"),
    ("play_bandits", play(luck=np.zeros((3, 2, 5))), r"luck must have shape \[3, 2, 4\], got \[3, 2, 5\]"),
    ("play_bandits", play(strategy=lambda *given: np.array([0, 1, 2])), "must choose one of 2 arms for each of 3"),
    ("play_bandits", play(strategy=exact.gittins(3)), "left must be at most 3, the pulls .*, got 4"),
    (
        "play_bandits",
        play(strategy=exact.bayes_optimal(2, 3)),
        "play must be of 2 arms and at most 3 pulls, got 2 arms",
    ),
    ("ucb1", lambda: exact.ucb1(-1.0), "weight must be at least 0, got -1.0"),
    ("gittins", lambda: exact.gittins(0), "pulls must be at least 1, got 0"),
    ("finite_gittins_indices", lambda: exact.finite_gittins_indices(500), "pulls must be at most 200 .*, got 500"),
    ("finite_gittins_indices", lambda: exact.finite_gittins_indices(5, 2), "payments must be at least 10, got 2"),
    ("bayes_optimal", lambda: exact.bayes_optimal(0, 3), "arms must be at least 1, got 0"),
    ("bayes_optimal", lambda: exact.bayes_optimal(5, 10), "5 arms × 10 pulls need about .* beliefs; at most 1e8"),
    ("best_arm_probabilities", lambda: exact.best_arm_probabilities([1, 2], [1]), "must have one shape"),
    ("best_arm_probabilities", lambda: exact.best_arm_probabilities(1, 2), r"successes must have shape .* got \[\]"),
    ("best_arm_probabilities", lambda: exact.best_arm_probabilities([0.5, 1], [1, 1]), "must be whole numbers"),
    ("best_arm_probabilities", lambda: exact.best_arm_probabilities([-1, 1], [1, 1]), "must be whole numbers"),
    ("arm_counts", lambda: exact.arm_counts([0, 1], [1], 2), "arms_pulled and rewards must have one shape"),
    ("arm_counts", lambda: exact.arm_counts([0, 2], [1, 0], 2), "arms_pulled must be from 0 to 1 and rewards 0 or 1"),
    ("arm_counts", lambda: exact.arm_counts([0, 1], [1, 0.5], 2), "arms_pulled must be from 0 to 1 and rewards 0 or 1"),
    ("arm_counts", lambda: exact.arm_counts([0, 1], [1, 0], 0), "arms must be at least 1, got 0"),
    ("psrl", lambda: exact.psrl(BernoulliBandits(), TASKS, 2, GENERATOR), "family must be a TabularMDPs, got Bern"),
    ("psrl", lambda: exact.psrl(TabularMDPs(), TASKS, 0, GENERATOR), "episodes must be at least 1, got 0"),
    ("psrl", lambda: exact.psrl(TabularMDPs(), {"goal": torch.zeros(1)}, 2, GENERATOR), "tasks must have the entries"),
    ("best_search", lambda: exact.best_search(BernoulliBandits(), 2), "family must be a GridNavi, got Bernoulli"),
    ("best_search", lambda: exact.best_search(GridNavi(), 0), "episodes must be at least 1, got 0"),
    ("best_search", lambda: exact.best_search(GridNavi(7), 1), "size must be at most 6 for an exact search, got 7"),
    ("search_returns", lambda: exact.search_returns(GridNavi(), np.zeros((2, 3))), r"must have shape .* got \[2, 3\]"),
    ("goal_belief", lambda: exact.goal_belief(TabularMDPs(), ONES, ONES), "family must be a GridNavi, got TabularMDPs"),
    ("goal_belief", lambda: exact.goal_belief(GridNavi(), ONES, ONES[:1]), "cells and rewards must have one shape"),
    (
        "posterior_draw",
        lambda: exact.posterior_draw(torch.zeros(2, 2, 2), torch.zeros(2, 3), RNG),
        r"totals must have shape \[2, 2\], got \[2, 3\]",
    ),
]
EXEMPT = {
    "Pulls": "a record",
    "Search": "a record, made by `best_search`",
    "Strategy": "a protocol",
    **dict.fromkeys(("bayes_greedy", "optimistic_thompson", "thompson"), "given counts by `play_bandits` alone"),
}
