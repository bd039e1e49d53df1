"""Chapter 03: how fast the values of DQN on CartPole-v1 rise, for four rates τ of the target network, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.dqn_target_rates`.
"""

from metarl_core.recipes.dqn_target_rates import METHODS, run, settings
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="dqn_target_rates",
    settings=settings(),
    methods=METHODS,
    run=run,
    sample=(("τ = 0.01", 0),),
    tolerance=(300.0, 300.0, 20.0, 1.0, 1.0, 1.0),
    by_method=True,
)
