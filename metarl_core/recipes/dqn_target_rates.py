"""Chapter 03: how fast the values of DQN on CartPole-v1 rise, for four rates τ of the target network, five seeds each.

All else is equal. The agent is a small one, on fewer steps than that of `dqn_ingredients` and with a smaller discount,
so that the values come near to their limit within these steps: two layers of 64, minibatches of 64, γ = 0.99, 20,000
steps. It is there for its values, and mostly does not solve the task in that time. What a row holds says
`metarl_core.recipes.dqn_learners`.
"""

import functools
from dataclasses import replace

import numpy as np

from metarl_core.recipes import dqn_ingredients
from metarl_core.recipes.dqn_learners import Settings, trained

CHANGES = {f"τ = {tau:g}": {"tau": tau} for tau in (0.01, 0.02, 0.05, 0.2)}
METHODS = tuple(CHANGES)
TOGETHER = 2
"""values of τ in one batch"""


def settings(methods: tuple[str, ...] = METHODS) -> Settings:
    """All that the rows of these methods depend on."""
    full = dqn_ingredients.Settings()
    config = replace(full.config, steps=20_000, batch_size=64, discount=0.99)
    training = replace(full, config=config, hidden=(64, 64), changes={}, report_every=500, episodes=5)
    return Settings({method: CHANGES[method] for method in methods}, training)


@functools.lru_cache(1)
def _rows(methods: tuple[str, ...]) -> np.ndarray:
    return trained(settings(methods)).numpy()


def run(method: str, seed: int) -> np.ndarray:
    """The row of one method and seed; the first asked for of a batch trains all of it."""
    first = METHODS.index(method) // TOGETHER * TOGETHER
    rows = _rows(METHODS[first : first + TOGETHER])
    return rows[METHODS.index(method) - first, [settings().seeds.index(seed)]]
