"""Oracles: what can be computed exactly, to hold everything learned against."""

from metarl_core.exact.bandits import bayes_optimal_value, gittins_indices
from metarl_core.exact.dynamic_programming import backward_induction, optimal_return, policy_value, value_iteration

__all__ = [
    "backward_induction",
    "bayes_optimal_value",
    "gittins_indices",
    "optimal_return",
    "policy_value",
    "value_iteration",
]
