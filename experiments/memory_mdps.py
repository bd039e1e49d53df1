"""Chapter 11: RL² on random tabular MDPs, five seeds.

What a row holds and how it is made says `metarl_core.recipes.memory_mdps`.
"""

from metarl_core.recipes.memory_mdps import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="memory_mdps",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("RL², 10 episodes", 0),),
    tolerance=(4.0, 10.0, 0.02, 0.02, 4.0) + (0.5,) * 25,
    by_method=True,
)
