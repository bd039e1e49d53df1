"""Chapters 03 and 03a: variants of DQN on CartPole-v1, each at a step size that was chosen for it.

What a row holds and how it is made says `metarl_core.recipes.dqn_step_sizes`.
"""

from metarl_core.recipes.dqn_step_sizes import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="dqn_step_sizes",
    settings=Settings(),
    methods=METHODS[:2],  # the other variants of the recipe were not run
    run=run,
    sample=tuple(("no target network", seed) for seed in Settings().seeds),
    tolerance=(300.0, 300.0, 100.0, 1.0, 1.0, 1.0, 300.0, 300.0, 300.0, 300.0),
    by_method=True,
)
