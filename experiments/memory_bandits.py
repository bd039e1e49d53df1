"""Chapter 11: RL² on Bernoulli bandits, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.memory_bandits`.
"""

from metarl_core.recipes.memory_bandits import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="memory_bandits",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("10 pulls, 5 arms", 0),),
    tolerance=0.1,
    by_method=True,
)
