"""Chapter 03a: how the episodes of DQN with Huber's loss end on CartPole-v1, and what it believes meanwhile.

What a row holds and how it is made says `metarl_core.recipes.dqn_endings`.
"""

from metarl_core.recipes.dqn_endings import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="dqn_endings",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=tuple(("Huber's loss", seed) for seed in Settings().seeds),
    tolerance=(500.0, 1.0, 1.0, 1.0, 10_000.0, 10_000.0, 10_000.0),
    by_method=True,
)
