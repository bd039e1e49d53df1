"""Chapter 03: DQN on CartPole-v1 with one ingredient changed at a time, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.dqn_ingredients`.
"""

from metarl_core.recipes.dqn_ingredients import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="dqn_ingredients",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=tuple(("full", seed) for seed in Settings().seeds),
    tolerance=(100.0, 100.0, 100.0),
    by_method=True,
)
