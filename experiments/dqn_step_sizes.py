"""Chapters 03 and 03a: DQN on CartPole-v1 and three variants that fail, each at four step sizes.

What a row holds and how it is made says `metarl_core.recipes.dqn_step_sizes`.
"""

from metarl_core.recipes.dqn_step_sizes import METHODS, run, settings
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="dqn_step_sizes",
    settings=settings(),
    methods=METHODS,
    run=run,
    sample=(("full, 0.001", 0),),
    tolerance=(300.0, 300.0, 100.0, 1.0, 1.0, 1.0),
    by_method=True,
)
