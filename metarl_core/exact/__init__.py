"""Oracles: what can be computed exactly, to hold everything learned against."""

from metarl_core.exact.bandits import bayes_optimal_value, gittins_indices
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
from metarl_core.exact.planes import (
    Landscape,
    adapt_in_plane,
    landscape,
    landscape_gradients,
    landscape_losses,
    meta_direction,
    resting_point,
)

__all__ = [
    "Episodes",
    "Landscape",
    "adapt_in_plane",
    "all_trajectories",
    "backward_induction",
    "bayes_optimal_value",
    "bias_and_noise",
    "draw_episodes",
    "expected_return",
    "gae_bias_and_variance",
    "gittins_indices",
    "landscape",
    "landscape_gradients",
    "landscape_losses",
    "meta_direction",
    "meta_gradients",
    "optimal_return",
    "policy_gradient",
    "policy_value",
    "resting_point",
    "small_mdp",
    "value_iteration",
]
