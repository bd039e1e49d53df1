"""Chapters 03 and 03a: the full DQN agent and the three that fail beside it, at four step sizes, eight seeds each.

A comparison at one step size is fair to the agent for which it was chosen. Here every variant has the same grid, and its
own step size is that with the highest greedy return in the last quarter of training on the seeds in `CHOICE`; the seeds in
`REPORTED` have no part in it. All else is as in `dqn_ingredients`. The learners of one variant train in one batch. What
a row holds says `metarl_core.recipes.dqn_learners`.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from metarl_core.recipes import dqn_ingredients
from metarl_core.recipes.dqn_learners import Settings, trained

STEP_SIZES = (1e-4, 3e-4, 1e-3, 3e-3)
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "no target network": {"tau": 1.0},
    "Huber's loss": {"huber": True},
    "no (1 − terminated)": {"endless": True},
}
REPORTED = (0, 1, 2, 3, 4)
CHOICE = (5, 6, 7)


def method(variant: str, lr: float) -> str:
    """The row of one variant at one step size."""
    return f"{variant}, {lr:g}"


CHANGES = {method(variant, lr): change | {"lr": lr} for variant, change in VARIANTS.items() for lr in STEP_SIZES}
METHODS = tuple(CHANGES)


def settings(methods: tuple[str, ...] = METHODS) -> Settings:
    """All that the rows of these methods depend on."""
    training = replace(dqn_ingredients.Settings(), changes={}, seeds=REPORTED + CHOICE)
    return Settings({name: CHANGES[name] for name in methods}, training)


def own_step_size(greedy: Mapping[float, np.ndarray]) -> float:
    """The step size with the highest mean of `greedy[lr]` `[seed, report]` over `CHOICE` and the last quarter."""
    return max(greedy, key=lambda lr: float(last_quarter(greedy[lr])[list(CHOICE)].mean()))


def last_quarter(greedy: np.ndarray) -> np.ndarray:
    """Mean return over the last quarter of the reports, `[seed]` of `[seed, report]`."""
    return greedy[:, -(greedy.shape[1] // 4) :].mean(1)


@functools.lru_cache(1)
def _rows(methods: tuple[str, ...]) -> np.ndarray:
    return trained(settings(methods)).numpy()


def run(name: str, seed: int) -> np.ndarray:
    """The row of one method and seed; the first asked for of a variant trains all of it."""
    first = METHODS.index(name) // len(STEP_SIZES) * len(STEP_SIZES)
    rows = _rows(METHODS[first : first + len(STEP_SIZES)])
    return rows[METHODS.index(name) - first, [settings().seeds.index(seed)]]
