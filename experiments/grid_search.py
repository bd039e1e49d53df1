"""Chapter 11a: who finds the goal of GridNavi, and what each is told of it, five seeds.

What a row holds and how it is made says `metarl_core.recipes.grid_search`.
"""

import numpy as np

from metarl_core.recipes.grid_search import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="grid_search",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("given the goal", 0),),
    tolerance=(*[1.0] * Settings().episodes, np.inf),
    by_method=True,
)
