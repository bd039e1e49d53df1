"""Chapter 09: LVC at the outer rate of the other estimators, five seeds.

What a row holds and how it is made says `metarl_core.recipes.estimators_same_rate`.
"""

import functools

from metarl_core.recipes.estimators_same_rate import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="estimators_same_rate",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("LVC", 0),),
    tolerance=5.0,
)
