"""Oracles: what can be computed exactly, to hold everything learned against."""

from metarl_core.exact.bandits import bayes_optimal_value, gittins_indices
from metarl_core.exact.beliefs import arm_counts, best_arm_probabilities
from metarl_core.exact.dynamic_programming import backward_induction, optimal_return, policy_value, value_iteration
from metarl_core.exact.enumeration import all_trajectories, gae_bias_and_variance, small_mdp
from metarl_core.exact.estimators import (
    Episodes,
    bias_and_noise,
    draw_episodes,
    expected_return,
    meta_gradients,
    policy_gradient,
)
from metarl_core.exact.grid_search import Search, best_search, goal_belief, search_returns
from metarl_core.exact.letter_chains import chain_counts, chain_logits, chain_symbols, fit_prior, log_evidence
from metarl_core.exact.planes import (
    Landscape,
    adapt_in_plane,
    landscape,
    landscape_gradients,
    landscape_losses,
    meta_direction,
    resting_point,
)
from metarl_core.exact.posterior_sampling import posterior_draw, psrl
from metarl_core.exact.strategies import (
    Pulls,
    Strategy,
    bayes_greedy,
    bayes_optimal,
    finite_gittins_indices,
    gittins,
    optimistic_thompson,
    play_bandits,
    thompson,
    ucb1,
)

__all__ = [
    "Episodes",
    "Landscape",
    "Pulls",
    "Search",
    "Strategy",
    "adapt_in_plane",
    "all_trajectories",
    "arm_counts",
    "backward_induction",
    "bayes_greedy",
    "bayes_optimal",
    "bayes_optimal_value",
    "best_arm_probabilities",
    "best_search",
    "bias_and_noise",
    "chain_counts",
    "chain_logits",
    "chain_symbols",
    "draw_episodes",
    "expected_return",
    "finite_gittins_indices",
    "fit_prior",
    "gae_bias_and_variance",
    "gittins",
    "gittins_indices",
    "goal_belief",
    "landscape",
    "landscape_gradients",
    "landscape_losses",
    "log_evidence",
    "meta_direction",
    "meta_gradients",
    "optimal_return",
    "optimistic_thompson",
    "play_bandits",
    "policy_gradient",
    "policy_value",
    "posterior_draw",
    "psrl",
    "resting_point",
    "search_returns",
    "small_mdp",
    "thompson",
    "ucb1",
    "value_iteration",
]
