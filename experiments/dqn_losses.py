"""Chapter 03: what DQN on CartPole-v1 believes of states from which it must fall, by squared and by Huber's loss.

What a row holds and how it is made says `metarl_core.recipes.dqn_losses`.
"""

from metarl_core.recipes.dqn_losses import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="dqn_losses",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=tuple(("squared loss", seed) for seed in Settings().seeds),
    tolerance=100.0,
    by_method=True,
)
